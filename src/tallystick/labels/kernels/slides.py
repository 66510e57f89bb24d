"""One pass over the points of each key: a window slides on, and travels in what was known, over one exact state.

A row enters when the window reaches it or when it becomes known later, and leaves when the window does or when it stops
to count. Points lie in the order of their rows; k may go forth and back between them, and costs what changed in
between. It holds for windows of which every row that was not late counts: those that end at k or before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import COUNT, SUM
from tallystick.labels.kernels.linear import add, finish, take, zero
from tallystick.labels.kernels.rows import FOUND, NONE, Codes, Ints


@kernel
def travel(
    key: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    fast: Codes,
    when: Ints,
    what: Ints,
    begin: Ints,
    first: int,
    last: int,
) -> Any:
    """How a window gets from point to point of [first, last): what to do before it slides on.

    Returns
    -------
    steps, ops, anew
        Before sliding to point first + j do `ops[steps[j] : steps[j + 1]]`, inside the window as it was: row i enters,
        -1 - i leaves. Where `anew[j]` is 1 the window begins anew, empty, at its low end; 2 says: not answered here.
    """
    steps, anew = np.zeros(last - first + 1, np.int64), np.zeros(last - first, np.uint8)
    ops = np.empty(64, np.int64)
    size, lo, hi, now, c, held = 0, 0, 0, 0, 0, -1
    for j in range(last - first):
        p = first + j
        a, b = low[p], high[p]
        if fast[p] == 0 or a >= b:
            anew[j] = 2
        elif key[p] != held or a < lo or b < hi or a >= hi:
            anew[j] = 1
            held, lo, hi, now = key[p], a, b, k[p]
            c, stop = begin[held], begin[held + 1]
            while c < stop:
                middle = (c + stop) >> 1
                if when[middle] <= now:
                    c = middle + 1
                else:
                    stop = middle
        else:
            begins, stop = begin[held], begin[held + 1]
            forth = c < stop and when[c] <= k[p]
            while (c < stop and when[c] <= k[p]) if forth else (c > begins and when[c - 1] > k[p]):
                if not forth:
                    c -= 1
                op = what[c]
                row = op if op >= 0 else -1 - op
                if lo <= row and row < hi:
                    if size == ops.size:
                        wider = np.empty(2 * size, np.int64)
                        wider[:size] = ops
                        ops = wider
                    ops[size] = op if forth else -1 - op
                    size += 1
                if forth:
                    c += 1
            lo, hi, now = a, b, k[p]
        steps[j + 1] = size
    return steps, ops, anew


@kernel
def linear(
    family: int,
    kinds: Ints,
    params: Ints,
    x: Ints,
    y: Ints,
    at: Ints,
    known_from: Ints,
    known_to: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    first: int,
    steps: Ints,
    ops: Ints,
    anew: Codes,
    whole: Any,
    real: Any,
    status: Any,
) -> None:
    """What sums answer, in wide integers."""
    s, work = np.zeros(24, np.uint64), np.zeros(512, np.int64)
    n, lo, hi = 0, 0, 0
    for j in range(anew.size):
        p = first + j
        if anew[j] == 2:
            for one in range(kinds.size):
                status[one, p] = NONE
            continue
        if anew[j] == 1:
            zero(s)
            n, lo, hi = 0, low[p], low[p]
        for o in range(steps[j], steps[j + 1]):
            i = ops[o]
            if i >= 0:
                n += 1
                add(family, s, x[i], y[i], at[i])
            else:
                n -= 1
                take(family, s, x[-1 - i], y[-1 - i], at[-1 - i])
        now = k[p]
        while hi < high[p]:
            if known_from[hi] <= now and now < known_to[hi]:
                n += 1
                add(family, s, x[hi], y[hi], at[hi])
            hi += 1
        while lo < low[p]:
            if known_from[lo] <= now and now < known_to[lo]:
                n -= 1
                take(family, s, x[lo], y[lo], at[lo])
            lo += 1
        for one in range(kinds.size):
            if n == 0:
                status[one, p] = NONE
                continue
            said, value, value_real = finish(kinds[one], s, params[one], work)
            if said != FOUND:
                status[one, p] = said
            elif kinds[one] == COUNT or kinds[one] == SUM:
                whole[one, j] = value
            else:
                real[one, j] = value_real
