"""Windows that keep counts by rank: order statistics, and different values up to a cap, beyond it by their hashes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.folds import cut8, rank_of, theta
from tallystick.labels.kernels.rows import APPROXIMATE, NONE, Codes, Ints


@kernel
def count_in(tree: Any, rank: int, delta: int) -> None:
    """Add to the count of a rank, from 0, in a Fenwick tree."""
    place = rank + 1
    while place < tree.size:
        tree[place] += delta
        place += place & -place


@kernel
def nth_of(tree: Any, nth: int) -> int:
    """The rank, from 0, at which the counts of a Fenwick tree first sum to `nth`."""
    bit = 1
    while bit * 2 < tree.size:
        bit *= 2
    place = 0
    while bit > 0:
        if place + bit < tree.size and tree[place + bit] < nth:
            place += bit
            nth -= tree[place]
        bit >>= 1
    return place


@kernel
def moved(
    step: int,
    begin: int,
    stop: int,
    then: int,
    ops: Ints,
    first: int,
    last: int,
    lo: int,
    hi: int,
    low: int,
    high: int,
    now: int,
    known_from: Ints,
    known_to: Ints,
) -> Any:
    """The row that the `step`-th move of a window to its next point is about: 1 it enters, -1 it leaves, 0 neither.

    First the rows [begin, stop) of a window that begins anew, as known `then`; what travels, `ops[first:last]`
    (`slides.travel`); then from [lo, hi) to [low, high), as known `now`.
    """
    if step < stop - begin:
        i = begin + step
        return i, -1 if known_from[i] <= then and then < known_to[i] else 0
    step -= stop - begin
    if step < last - first:
        op = ops[first + step]
        return (op, 1) if op >= 0 else (-1 - op, -1)
    step -= last - first
    i, delta = (hi + step, 1) if step < high - hi else (lo + step - max(high - hi, 0), -1)
    return i, delta if known_from[i] <= now and now < known_to[i] else 0


@kernel
def orders(
    params: Ints,
    caps: Ints,
    levels: Ints,
    rank: Ints,
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
    status: Any,
) -> None:
    """Order statistics by a Fenwick tree of counts over the ranks of values; `levels` are the values by rank."""
    tree = np.zeros(levels.size + 1, np.int32)
    n, lo, hi, then = 0, 0, 0, 0
    for j in range(anew.size):
        p = first + j
        if anew[j] == 2:
            for one in range(params.size):
                status[one, p] = NONE
            continue
        begin, stop = 0, 0
        if anew[j] == 1:
            begin, stop = lo, hi
            lo, hi = low[p], low[p]
        a, b, now, op, last = low[p], high[p], k[p], steps[j], steps[j + 1]
        total = stop - begin + last - op + max(b - hi, 0) + a - lo
        for step in range(total):
            i, delta = moved(
                step,
                begin,
                stop,
                then,
                ops,
                steps[j],
                steps[j + 1],
                lo,
                hi,
                low[p],
                high[p],
                k[p],
                known_from,
                known_to,
            )
            if delta != 0:
                n += delta
                count_in(tree, rank[i], delta)
        lo, hi, then = a, max(b, hi), now
        for one in range(params.size):
            if n == 0:
                status[one, p] = NONE
                continue
            place = nth_of(tree, rank_of(params[one], n))
            whole[one, j] = levels[place]
            if caps[one] > 0 and n > caps[one]:
                # Cutting keeps the order, so the value at a rank may be cut after it was found.
                whole[one, j] = cut8(levels[place])
                status[one, p] = APPROXIMATE


@kernel
def sketches(
    caps: Ints,
    hashes: Any,
    rank: Ints,
    x: Ints,
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
    status: Any,
) -> None:
    """Answer by a Fenwick tree over the ranks of the hashes of the values that are there.

    `rank` is by number of a value, `hashes` are in order. What `slides.travel` says comes before each point.
    """
    size = hashes.size
    tally, tree = np.zeros(size + 1, np.int32), np.zeros(size + 1, np.int32)
    n, some, lo, hi, then = 0, 0, 0, 0, 0
    for j in range(anew.size):
        p = first + j
        if anew[j] == 2:
            for one in range(caps.size):
                status[one, p] = NONE
            continue
        begin, stop = 0, 0
        if anew[j] == 1:
            begin, stop = lo, hi
            lo, hi = low[p], low[p]
        a, b, now, op, last = low[p], high[p], k[p], steps[j], steps[j + 1]
        total = stop - begin + last - op + max(b - hi, 0) + a - lo
        for step in range(total):
            i, delta = moved(
                step,
                begin,
                stop,
                then,
                ops,
                steps[j],
                steps[j + 1],
                lo,
                hi,
                low[p],
                high[p],
                k[p],
                known_from,
                known_to,
            )
            if delta == 0:
                continue
            n += delta
            before = tally[x[i]]
            tally[x[i]] = before + delta
            if (before > 0) != (before + delta > 0):
                some += delta
                count_in(tree, rank[x[i]], delta)
        lo, hi, then = a, max(b, hi), now
        for one in range(caps.size):
            if n == 0:
                status[one, p] = NONE
            elif some <= caps[one]:
                whole[one, j] = some
            else:
                place = nth_of(tree, caps[one])
                said, value, _ = theta(caps[one], hashes[place])
                status[one, p] = said
                whole[one, j] = value
