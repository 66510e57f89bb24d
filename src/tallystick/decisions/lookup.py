"""Kernels of tables over columns: values to codes, codes to rules, and rows to groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import kernel

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
NONE, SEVERAL = -1, -2
"""No rule holds; more than one does."""
_GROUPS_MIN = 1_024
_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_PLACES = np.zeros(64, np.int32)
for _place in range(64):
    _PLACES[((0x03F79D71B4CB0A89 << _place) % 2**64) >> 58] = _place


@kernel
def _bucket_whole(value: Any, low: Any, shift: Any, last: int) -> Any:
    # Differences of 64-bit integers need all 64 bits.
    return np.int64((np.uint64(value) - np.uint64(low)) >> np.uint64(shift))


@kernel
def _bucket_real(value: Any, low: Any, scale: Any, last: int) -> Any:
    # Each step keeps the order of values, so that a lower bucket always means a lower value.
    return np.int64(0) if scale == 0.0 else min(np.int64((value - low) * scale), np.int64(last))


@kernel
def place_whole(values: Any, valid: Any, cuts: Any, codes: Int32s, shift: int, marks: Int32s, into: Int32s) -> None:
    """The code of each integer: `codes[k]` where k of the sorted cuts are at most it; `codes[-1]` where not valid.

    `marks[b]` cuts lie in buckets below b, where the bucket of a value is its distance to the first cut, shifted.
    """
    size = cuts.shape[0]
    checked = valid.shape[0] > 0
    first, last = cuts[0], cuts[size - 1]
    for row in range(values.shape[0]):
        value = values[row]
        if checked and not valid[row]:
            into[row] = codes[size + 1]
        elif value < first:
            into[row] = codes[0]
        elif value >= last:
            into[row] = codes[size]
        else:
            bucket = _bucket_whole(value, first, shift, 0)
            low, high = marks[bucket], marks[bucket + 1]
            while low < high:
                middle = (low + high) >> 1
                if cuts[middle] <= value:
                    low = middle + 1
                else:
                    high = middle
            into[row] = codes[low]


@kernel
def place_real(values: Any, valid: Any, cuts: Any, codes: Int32s, scale: float, marks: Int32s, into: Int32s) -> None:
    """The same for floats; a bucket is a share of the way from the first cut to the last."""
    size = cuts.shape[0]
    checked = valid.shape[0] > 0
    first, last = cuts[0], cuts[size - 1]
    top = marks.shape[0] - 2
    for row in range(values.shape[0]):
        value = values[row]
        if checked and not valid[row]:
            into[row] = codes[size + 1]
        elif value < first:
            into[row] = codes[0]
        elif value >= last:
            into[row] = codes[size]
        else:
            bucket = _bucket_real(value, first, scale, top)
            low, high = marks[bucket], marks[bucket + 1]
            while low < high:
                middle = (low + high) >> 1
                if cuts[middle] <= value:
                    low = middle + 1
                else:
                    high = middle
            into[row] = codes[low]


@kernel
def marked_whole(cuts: Any, shift: int, marks: Int32s) -> None:
    """Count the cuts below each bucket of integers."""
    for place in range(cuts.shape[0]):
        marks[_bucket_whole(cuts[place], cuts[0], shift, 0) + 1] += 1
    for bucket in range(1, marks.shape[0]):
        marks[bucket] += marks[bucket - 1]


@kernel
def marked_real(cuts: Any, scale: float, marks: Int32s) -> None:
    """Count the cuts below each bucket of floats."""
    for place in range(cuts.shape[0]):
        marks[_bucket_real(cuts[place], cuts[0], scale, marks.shape[0] - 2) + 1] += 1
    for bucket in range(1, marks.shape[0]):
        marks[bucket] += marks[bucket - 1]


@kernel
def gather(codes: Int32s, table: Int32s, into: Int32s) -> None:
    """`table` at each code."""
    for row in range(codes.shape[0]):
        into[row] = table[codes[row]]


@kernel
def single_word(codes: Int32s, starts: Int64s, sets: Any, every: Any, sole: bool, into: Int32s) -> None:
    """The first rule of each row, from one 64-bit set per code; with `sole`, SEVERAL where there are more."""
    columns = codes.shape[0]
    one = np.uint64(1)
    for row in range(codes.shape[1]):
        bits = every
        for column in range(columns):
            bits &= sets[starts[column] + codes[column, row]]
        if bits == np.uint64(0):
            into[row] = NONE
        elif sole and (bits & (bits - one)) != np.uint64(0):
            into[row] = SEVERAL
        else:
            into[row] = _lowest(bits)


@kernel
def _lowest(bits: Any) -> Any:
    # The lowest bit times a de Bruijn number has six high bits that no other bit gives.
    lowest = bits & (~bits + np.uint64(1))
    return _PLACES[(lowest * _BRUIJN) >> np.uint64(58)]


@kernel
def many_words(codes: Int32s, starts: Int64s, sets: Any, sole: bool, into: Int32s) -> None:
    """The same from sets of several words."""
    columns, words = codes.shape[0], sets.shape[1]
    for row in range(codes.shape[1]):
        found = NONE
        for word in range(words):
            bits = sets[starts[0] + codes[0, row], word]
            for column in range(1, columns):
                bits &= sets[starts[column] + codes[column, row], word]
            if bits == np.uint64(0):
                continue
            if found != NONE or (sole and (bits & (bits - np.uint64(1))) != np.uint64(0)):
                found = SEVERAL
                break
            found = 64 * word + _lowest(bits)
            if not sole:
                break
        into[row] = found


@kernel
def large_table(
    codes: Int32s,
    starts: Int64s,
    few: Int64s,
    rows: Int32s,
    pieces: Int64s,
    low: Int32s,
    high: Int32s,
    rules: int,
    sole: bool,
    into: Int32s,
) -> None:
    """The same for a table of many rules.

    `few[starts[c] + code] : few[... + 1]` are the places in `rows` of the rules of a code where they are few; both are
    the same, less one, where they are many. `pieces[c * rules + r] : pieces[... + 1]` are the code ranges (`low` to
    `high`) that rule r allows in column c.
    """
    columns = codes.shape[0]
    for row in range(codes.shape[1]):
        best, count = -1, rules
        for column in range(columns):
            at = starts[column] + codes[column, row]
            if few[2 * at + 1] >= 0 and few[2 * at + 1] < count:
                best, count = few[2 * at], few[2 * at + 1]
        found = np.int64(NONE)
        for index in range(count):
            rule = np.int64(index) if best < 0 else np.int64(rows[best + index])
            holds = True
            for column in range(columns):
                code = codes[column, row]
                inside = False
                for piece in range(pieces[column * rules + rule], pieces[column * rules + rule + 1]):
                    if low[piece] <= code and code <= high[piece]:
                        inside = True
                        break
                if not inside:
                    holds = False
                    break
            if holds:
                if found != NONE:
                    found = np.int64(SEVERAL)
                    break
                found = rule
                if not sole:
                    break
        into[row] = found


@kernel
def word_of(codes: Int32s, starts: Int64s, sets: Any, every: Any, into: Any) -> None:
    """The set of rules of each row, from one 64-bit set per code."""
    for row in range(codes.shape[1]):
        bits = every
        for column in range(codes.shape[0]):
            bits &= sets[starts[column] + codes[column, row]]
        into[row] = np.int64(bits)


@kernel
def _mixed(keys: Int64s, row: int) -> Any:
    mixed = np.uint64(0x9E3779B97F4A7C15)
    for column in range(keys.shape[1]):
        mixed = (mixed ^ np.uint64(keys[row, column])) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
    return mixed


@kernel
def _group(keys: Int64s, start: int, slots: Int32s, groups: Int32s, firsts: Int32s, count: int) -> tuple[int, int]:
    """Group rows from `start` on until `firsts` is full: the next row, and the number of groups."""
    mask = np.uint64(slots.shape[0] - 1)
    # The groups that there are take their slots first: they come from a smaller table.
    for group in range(count):
        slot = _mixed(keys, firsts[group]) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = group
    for row in range(start, keys.shape[0]):
        slot = _mixed(keys, row) & mask
        while True:
            group = slots[slot]
            if group < 0:
                if count == firsts.shape[0]:
                    return row, count
                slots[slot] = count
                firsts[count] = row
                groups[row] = count
                count += 1
                break
            equal = True
            for column in range(keys.shape[1]):
                equal = equal and keys[firsts[group], column] == keys[row, column]
            if equal:
                groups[row] = group
                break
            slot = (slot + np.uint64(1)) & mask
    return keys.shape[0], count


def grouped(keys: Int64s) -> tuple[Int32s, Int32s]:
    """Rows of integers to groups of equal rows: the group of each row, and each group's first row."""
    keys = np.ascontiguousarray(keys)
    groups, firsts = np.empty(len(keys), np.int32), np.empty(_GROUPS_MIN, np.int32)
    row = count = 0
    while True:
        slots = np.full(4 * len(firsts), -1, np.int32)
        row, count = _group(keys, row, slots, groups, firsts, count)
        if row == len(keys):
            return groups, firsts[:count].copy()
        firsts = np.concatenate([firsts, np.empty(7 * len(firsts), np.int32)])
