"""How many different values sliding windows hold: exact up to a cap, then from the smallest hashes of the values."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.folds import theta
from tallystick.labels.kernels.rows import NONE, Codes, Ints


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
    to: Ints,
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
    top = 1
    while top * 2 <= size:
        top *= 2
    n, some, lo, hi, then = 0, 0, 0, 0, 0
    for j in range(anew.size):
        p = first + j
        if anew[j] == 2:
            for one in range(caps.size):
                status[one, to[p]] = NONE
            continue
        drop_from, drop_to = 0, 0
        if anew[j] == 1:
            drop_from, drop_to = lo, hi
            lo, hi = low[p], low[p]
        changed, dropped, now = steps[j + 1] - steps[j], drop_to - drop_from, k[p]
        entered = max(high[p] - hi, 0)
        for step in range(dropped + changed + entered + low[p] - lo):
            # First the rows of the old window where it begins anew, then what travelled, then what slides in and out.
            if step < dropped:
                i = drop_from + step
                delta = -1 if known_from[i] <= then and then < known_to[i] else 0
            elif step - dropped < changed:
                op = ops[steps[j] + step - dropped]
                i, delta = (op, 1) if op >= 0 else (-1 - op, -1)
            else:
                late = step - dropped - changed
                i, delta = (hi + late, 1) if late < entered else (lo + late - entered, -1)
                if not (known_from[i] <= now and now < known_to[i]):
                    delta = 0
            if delta == 0:
                continue
            n += delta
            before = tally[x[i]]
            tally[x[i]] = before + delta
            if (before > 0) != (before + delta > 0):
                some += delta
                place = rank[x[i]] + 1
                while place <= size:
                    tree[place] += delta
                    place += place & -place
        lo, hi, then = low[p], max(high[p], hi), now
        for one in range(caps.size):
            if n == 0:
                status[one, to[p]] = NONE
            elif some <= caps[one]:
                whole[one, to[p]] = some
            else:
                left, place, bit = caps[one], 0, top
                while bit > 0:
                    if place + bit <= size and tree[place + bit] < left:
                        place += bit
                        left -= tree[place]
                    bit >>= 1
                said, value, _ = theta(caps[one], hashes[place])
                status[one, to[p]] = said
                whole[one, to[p]] = value
