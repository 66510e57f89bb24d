"""Scans of one window, exact for any visibility; the live executor and the batch one share them.

A row of a fact is visible at k when `known_from <= k < known_to`. `code` says what a row means to a label:
0 filtered out, 1 a value, 2 no value in the source, 3 a value that awaits its confirmation. `own` is the row number
of the point's own event, or -1; with `present` false its rows do not count.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import kernel
from tallystick.labels.wide import add128, add_square

Ints: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[np.uint8]

FOREVER = 2**63 - 1
FILTERED, VALUE, NULL, AWAITING = 0, 1, 2, 3


@kernel
def visible(i: int, known_from: Ints, known_to: Ints, event: Ints, k: int, own: int, present: bool) -> bool:
    """Whether row `i` counts at a point."""
    return known_from[i] <= k and k < known_to[i] and (present or event[i] != own)


@kernel
def any_visible(
    start: int, end: int, known_from: Ints, known_to: Ints, event: Ints, k: int, own: int, present: bool
) -> bool:
    """Whether any row of [start, end) counts."""
    for i in range(start, end):  # noqa: SIM110
        if visible(i, known_from, known_to, event, k, own, present):
            return True
    return False


@kernel
def upper_bound(values: Ints, start: int, end: int, limit: int) -> int:
    """The first index of the sorted `values[start:end]` whose value is above `limit`."""
    while start < end:
        middle = (start + end) >> 1
        if values[middle] <= limit:
            start = middle + 1
        else:
            end = middle
    return start


@kernel
def scan_moments(
    code: Codes,
    value: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: int,
    high: int,
    k: int,
    own: int,
    present: bool,
) -> Any:
    """Counts by code, Σx in 128 bits and Σx² in 192 over the visible rows of [low, high)."""
    filtered, valid, nulls, awaiting = 0, 0, 0, 0
    s_high, s_low = np.int64(0), np.uint64(0)
    q0, q1, q2 = np.uint64(0), np.uint64(0), np.uint64(0)
    for i in range(low, high):
        if visible(i, known_from, known_to, event, k, own, present):
            if code[i] == 1:
                valid += 1
                s_high, s_low = add128(s_high, s_low, value[i])
                q0, q1, q2 = add_square(q0, q1, q2, value[i])
            elif code[i] == 2:
                nulls += 1
            elif code[i] == 3:
                awaiting += 1
            else:
                filtered += 1
    return valid, nulls, awaiting, filtered, s_high, s_low, q0, q1, q2


@kernel
def scan_extreme(
    code: Codes,
    value: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: int,
    high: int,
    k: int,
    own: int,
    present: bool,
    largest: bool,
) -> Any:
    """Counts of values, nulls and awaiting, and the smallest or largest value."""
    valid, nulls, awaiting, best = 0, 0, 0, np.int64(0)
    for i in range(low, high):
        if code[i] != 0 and visible(i, known_from, known_to, event, k, own, present):
            if code[i] == 1:
                if valid == 0 or (value[i] > best) == largest:
                    best = value[i]
                valid += 1
            elif code[i] == 2:
                nulls += 1
            else:
                awaiting += 1
    return valid, nulls, awaiting, best


@kernel
def scan_edge(
    code: Codes,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: int,
    high: int,
    k: int,
    own: int,
    present: bool,
    last: bool,
) -> Any:
    """Nulls, awaiting, and the index of the first or last row with a value (-1 without one)."""
    nulls, awaiting = 0, 0
    step = -1 if last else 1
    i = high - 1 if last else low
    for _ in range(low, high):
        if code[i] != 0 and visible(i, known_from, known_to, event, k, own, present):
            if code[i] == 1:
                return nulls, awaiting, i
            if code[i] == 2:
                nulls += 1
            else:
                awaiting += 1
        i += step
    return nulls, awaiting, -1


@kernel
def scan_distinct(
    code: Codes,
    value: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: int,
    high: int,
    k: int,
    own: int,
    present: bool,
) -> Any:
    """How many different values, then nulls and awaiting."""
    found = np.empty(high - low, np.int64)
    valid, nulls, awaiting = 0, 0, 0
    for i in range(low, high):
        if code[i] != 0 and visible(i, known_from, known_to, event, k, own, present):
            if code[i] == 1:
                found[valid] = value[i]
                valid += 1
            elif code[i] == 2:
                nulls += 1
            else:
                awaiting += 1
    ordered = np.sort(found[:valid])
    different = 0
    for i in range(valid):
        if i == 0 or ordered[i] != ordered[i - 1]:
            different += 1
    return different, nulls, awaiting
