"""Windows over rows that last: they did not come late and were not revised. A few steps answer a point."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import COUNT, MAX, MIN, SUM
from tallystick.labels.kernels.rows import FOREVER, NONE, Codes, Ints

_STEPS = 32


@kernel
def running(x: Ints) -> Ints:
    """Sums of the rows before each; they wrap around where their differences do not."""
    total = np.zeros(x.size + 1, np.int64)
    for i in range(x.size):
        total[i + 1] = total[i] + x[i]
    return total


@kernel
def totals(
    kinds: Ints, total: Ints, low: Ints, high: Ints, first: int, last: int, whole: Any, real: Any, status: Any
) -> None:
    """Counts, and sums and means that fit 63 bits, by the sums at both ends of the window."""
    for one in range(kinds.size):
        kind, values, reals, said = kinds[one], whole[one], real[one], status[one]
        for p in range(first, last):
            a, b = low[p], high[p]
            if a >= b:
                said[p] = NONE
            elif kind == COUNT:
                values[p] = b - a
            elif kind == SUM:
                values[p] = total[b] - total[a]
            elif kind not in (MIN, MAX):
                reals[p] = np.float64(total[b] - total[a]) / np.float64(b - a)


@kernel
def beyond(most: bool, x: Ints, starts: Ints) -> Ints:
    """For each row the latest one before it, of the same key, that is more extreme; -1 where none is."""
    found = np.empty(x.size, np.int64)
    for b in range(starts.size - 1):
        for i in range(starts[b], starts[b + 1]):
            j = i - 1
            while j >= starts[b] and ((x[j] <= x[i]) if most else (x[j] >= x[i])):
                j = found[j]
            found[i] = j if j >= starts[b] else -1
    return found


@kernel
def peaks(
    most: bool,
    x: Ints,
    more: Ints,
    best: Ints,
    low: Ints,
    high: Ints,
    first: int,
    last: int,
    whole: Ints,
    status: Codes,
) -> None:
    """The extreme of each window: back from its end, from each row to the next more extreme one (`more`).

    Where values fall (or rise) for long, blocks of 64 rows (`best`) shorten the way.
    """
    for p in range(first, last):
        a, b = low[p], high[p]
        if a >= b:
            status[p] = NONE
            continue
        j, steps = b - 1, 0
        while more[j] >= a and steps < _STEPS:
            j = more[j]
            steps += 1
        found = x[j]
        if steps == _STEPS:
            i = a
            while i < j:
                if i & 63 == 0 and i + 64 <= j:
                    found = max(found, best[i >> 6]) if most else min(found, best[i >> 6])
                    i += 64
                else:
                    found = max(found, x[i]) if most else min(found, x[i])
                    i += 1
        whole[p] = found


@kernel
def blocks(most: bool, x: Ints) -> Ints:
    """The extreme of every 64 rows."""
    best = np.full((x.size >> 6) + 1, -FOREVER - 1 if most else FOREVER, np.int64)
    for i in range(x.size):
        best[i >> 6] = max(best[i >> 6], x[i]) if most else min(best[i >> 6], x[i])
    return best


@kernel
def twins(x: Ints, starts: Ints, different: int) -> Any:
    """For each row the one before and the one after it, of the same key, that has the same value."""
    before, after = np.full(x.size, -1, np.int64), np.full(x.size, FOREVER, np.int64)
    latest = np.full(different, -1, np.int64)
    for b in range(starts.size - 1):
        for i in range(starts[b], starts[b + 1]):
            j = latest[x[i]]
            if j >= starts[b]:
                before[i], after[j] = j, i
            latest[x[i]] = i
    return before, after


@kernel
def varieties(
    before: Ints, after: Ints, low: Ints, high: Ints, first: int, last: int, whole: Ints, status: Codes
) -> None:
    """How many different values: a row adds one when its twin lies before the window."""
    some, lo, hi = 0, 0, 0
    for p in range(first, last):
        a, b = low[p], high[p]
        if a >= b:
            status[p] = NONE
            continue
        if a < lo or b < hi or a >= hi:
            some, lo, hi = 0, a, a
        while hi < b:
            if before[hi] < lo:
                some += 1
            hi += 1
        while lo < a:
            if after[lo] >= hi:
                some -= 1
            lo += 1
        whole[p] = some
