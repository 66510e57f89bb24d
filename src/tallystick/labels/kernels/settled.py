"""Windows over rows that last: they did not come late and were not revised. A few steps answer a point.

Points lie in the order of their rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.rows import FOREVER, NONE, Codes, Ints


@kernel
def running(x: Ints) -> Ints:
    """Sums of the rows before each; they wrap around where their differences do not."""
    total = np.zeros(x.size + 1, np.int64)
    for i in range(x.size):
        total[i + 1] = total[i] + x[i]
    return total


@kernel
def empties(low: Ints, high: Ints, status: Codes) -> None:
    """Say NONE of the windows that hold no row."""
    for p in range(low.size):
        if low[p] >= high[p]:
            status[p] = NONE


@kernel
def counts(low: Ints, high: Ints, found: Ints) -> None:
    """How many rows each window holds."""
    for p in range(low.size):
        found[p] = max(high[p] - low[p], 0)


@kernel
def sums(total: Ints, low: Ints, high: Ints, found: Ints) -> None:
    """Sums that fit 63 bits, by the sums at both ends of each window."""
    for p in range(low.size):
        found[p] = total[max(high[p], low[p])] - total[low[p]]


@kernel
def means(total: Ints, low: Ints, high: Ints, found: Any) -> None:
    """Means whose sums fit 63 bits; 0 where there is no row."""
    for p in range(low.size):
        a, b = low[p], high[p]
        found[p] = np.float64(total[b] - total[a]) / np.float64(b - a) if a < b else 0.0


@kernel
def peaks(most: bool, x: Ints, best: Ints, low: Ints, high: Ints, found: Ints) -> None:
    """The extreme of each window, by two stacks: extremes of the rows from each on to a border, and of those behind it.

    Where the border falls out of a window that slides on, it moves to the window's end, so every row is looked at
    twice. For a window that goes back or leaps, blocks of 64 rows (`best`) shorten the way. 0 where there is no row.
    """
    none = -FOREVER - 1 if most else FOREVER
    stack, floor, border, hi, behind, lo = np.empty(64, np.int64), 0, 0, 0, none, 0
    for p in range(low.size):
        a, b = low[p], high[p]
        if a >= b:
            found[p] = 0
            continue
        if a < lo or b < hi:
            behind, i = none, a
            while i < b:
                if i & 63 == 0 and i + 64 <= b:
                    behind = max(behind, best[i >> 6]) if most else min(behind, best[i >> 6])
                    i += 64
                else:
                    behind = max(behind, x[i]) if most else min(behind, x[i])
                    i += 1
            border, lo, hi, found[p] = a, a, b, behind
            continue
        if a >= border:
            if b - a > stack.size:
                stack = np.empty(2 * (b - a), np.int64)
            floor, border, behind = a, b, none
            for j in range(b - a):
                i = b - 1 - j
                behind = max(behind, x[i]) if most else min(behind, x[i])
                stack[i - a] = behind
            behind = none
        else:
            for i in range(hi, b):
                behind = max(behind, x[i]) if most else min(behind, x[i])
        lo, hi = a, b
        there = stack[a - floor]
        found[p] = max(there, behind) if most else min(there, behind)


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
def varieties(before: Ints, after: Ints, low: Ints, high: Ints, found: Ints) -> None:
    """How many different values: a row adds one when its twin lies before the window."""
    some, lo, hi = 0, 0, 0
    for p in range(low.size):
        a, b = low[p], high[p]
        if a >= b:
            found[p] = 0
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
        found[p] = some
