"""The kernels of Shapley values: which patterns occur, and what they bring."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.models.frames import Floats, Ints

Word: TypeAlias = np.int64
_BLOCK, _ROWS = 1024, 32
_FIRST_CAPACITY = 64


@kernel
def _meet(
    values: Floats, rows: int, feature: int, missing: int, low: float, high: float, bit: int, pattern: Ints
) -> None:
    """Set `bit` in the pattern of every row whose value meets a slot."""
    word = np.int64(1) << bit
    for i in range(rows):
        x = values[feature, i]
        met = (x <= high and not x <= low) or (missing == 1 and x != x)
        pattern[i] |= word if met else np.int64(0)


@kernel
def _place(key: Word, keys: Ints, sums: Floats) -> Word:
    """Where a pattern lies in a table of open addresses, or the free place for it; a sum of 0 marks a free place."""
    mask = keys.size - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    place = np.int64(mixed >> np.uint64(32)) & mask
    while sums[place] != 0.0 and keys[place] != key:
        place = (place + 1) & mask
    return place


@kernel
def count_patterns(
    columns: Floats,
    weights: Floats,
    slot_at: Ints,
    slot_feature: Ints,
    slot_missing: Ints,
    slot_bounds: Floats,
    first: int,
    last: int,
) -> tuple[Ints, Ints, Floats]:
    """How many patterns occur at each leaf of first … last − 1, the patterns in ascending order, and their weights.

    `columns` is features × rows. Weights are positive and added in row order.
    """
    rows = weights.size
    counts = np.zeros(last - first, dtype=np.int64)
    met, sums, used = np.empty(256, dtype=np.int64), np.empty(256), 0
    pattern = np.empty(_BLOCK, dtype=np.int64)
    for leaf in range(first, last):
        keys, totals, held = np.empty(_FIRST_CAPACITY, dtype=np.int64), np.zeros(_FIRST_CAPACITY), 0
        for low in range(0, rows, _BLOCK):
            size = min(_BLOCK, rows - low)
            pattern[:] = 0
            for slot in range(slot_at[leaf], slot_at[leaf + 1]):
                _meet(
                    columns[:, low : low + size],
                    size,
                    slot_feature[slot],
                    slot_missing[slot],
                    slot_bounds[2 * slot],
                    slot_bounds[2 * slot + 1],
                    slot - slot_at[leaf],
                    pattern,
                )
            for i in range(size):
                place = _place(pattern[i], keys, totals)
                if totals[place] == 0.0:
                    if 2 * held >= keys.size:
                        old_keys, old_totals = keys, totals
                        keys, totals = np.empty(2 * keys.size, dtype=np.int64), np.zeros(2 * keys.size)
                        for k in range(old_keys.size):
                            if old_totals[k] != 0.0:
                                moved = _place(old_keys[k], keys, totals)
                                keys[moved], totals[moved] = old_keys[k], old_totals[k]
                        place = _place(pattern[i], keys, totals)
                    keys[place] = pattern[i]
                    held += 1
                totals[place] += weights[low + i]
        while used + held > met.size:
            met, sums = np.concatenate((met, met)), np.concatenate((sums, sums))
        there = np.flatnonzero(totals)
        for k in there[np.argsort(keys[there])]:
            met[used], sums[used] = keys[k], totals[k]
            used += 1
        counts[leaf - first] = held
    return counts, met[:used].copy(), sums[:used].copy()


@kernel
def _bits(word: Word) -> int:
    """How many bits are set."""
    count = 0
    while word:
        word &= word - 1
        count += 1
    return count


@kernel
def _leaf_shares(
    pattern: Word, width: Word, first: int, last: int, met: Ints, weights: Floats, factors: Floats, out: Floats
) -> None:
    """What each slot of one leaf brings to a row with `pattern`, added over the patterns of the background in order."""
    full = (np.int64(1) << width) - 1
    failed = full & ~pattern
    b = _bits(failed)
    for slot in range(width):
        out[slot] = 0.0
    for k in range(first, last):
        if failed & ~met[k]:
            continue
        alone = full & ~met[k]
        a = _bits(alone)
        if a > 0:
            gain = weights[k] * factors[a, b]
            for slot in range(width):
                if alone >> slot & 1:
                    out[slot] += gain
        if b > 0:
            loss = weights[k] * factors[b, a]
            for slot in range(width):
                if failed >> slot & 1:
                    out[slot] -= loss


@kernel
def fill_tables(
    widths: Ints, counts: Ints, at: Ints, met: Ints, weights: Floats, table_at: Ints, factors: Floats, tables: Floats
) -> None:
    """For each path with a table, what its slots bring to a row of every pattern."""
    path = 0
    for group in range(widths.size):
        width = widths[group]
        for _ in range(counts[group]):
            if table_at[path] >= 0:
                for step in range(np.int64(1) << width):
                    pattern = np.int64(step)
                    start = table_at[path] + pattern * width
                    out = tables[start : start + width]
                    _leaf_shares(pattern, width, at[path], at[path + 1], met, weights, factors, out)
            path += 1


@kernel
def explain_rows(
    matrix: Floats,
    widths: Ints,
    counts: Ints,
    asks: Ints,
    bounds: Floats,
    at: Ints,
    met: Ints,
    weights: Floats,
    table_at: Ints,
    tables: Floats,
    factors: Floats,
    out: Floats,
) -> None:
    """Contributions of rows, block by block: path by path, those of few slots first, and slot by slot.

    Paths of as many slots follow each other, `counts` of each of `widths`, so that the processor foresees where the
    loops end. Places are unsigned: a signed one is first asked whether it counts from the end.
    """
    one = np.uint64(1)
    brought = np.empty(factors.shape[0])
    for low in range(0, matrix.shape[0], _ROWS):
        high = min(low + _ROWS, matrix.shape[0])
        out[low:high] = 0.0
        slot, path = np.uint64(0), np.uint64(0)
        for group in range(widths.size):
            width = np.uint64(widths[group])
            for _ in range(counts[group]):
                for i in range(np.uint64(low), np.uint64(high)):
                    pattern = np.uint64(0)
                    for j in range(width):
                        ask, edge = np.uint64(asks[slot + j]), (slot + j) << one
                        x = matrix[i, ask >> one]
                        meets = (x <= bounds[edge + one]) & (not x <= bounds[edge])
                        pattern |= np.uint64(meets | ((x != x) & (ask & one == one))) << j
                    if table_at[path] >= 0:
                        start = np.uint64(table_at[path]) + pattern * width
                        for j in range(width):
                            out[i, np.uint64(asks[slot + j]) >> one] += tables[start + j]
                    else:
                        first, last = at[path], at[path + one]
                        _leaf_shares(np.int64(pattern), np.int64(width), first, last, met, weights, factors, brought)
                        for j in range(width):
                            out[i, np.uint64(asks[slot + j]) >> one] += brought[j]
                slot += width
                path += one
