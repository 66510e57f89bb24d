"""The smallest or largest value of sliding windows: by a monotone queue, and by blocks where k goes back."""

from __future__ import annotations

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.rows import FOREVER, FOUND, NONE, Codes, Ints


@kernel
def extremes(
    most: bool,
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
    whole: Ints,
    status: Codes,
) -> None:
    """The smallest or largest value by a queue of the rows that may still become it, in order and monotone."""
    queue = np.empty(1024, np.int64)
    head, tail, lo, hi = 0, 0, 0, 0
    for j in range(anew.size):
        p = first + j
        if anew[j] == 2:
            status[to[p]] = NONE
            continue
        if anew[j] == 1:
            head, tail, lo, hi = 0, 0, low[p], low[p]
        lost = False
        for o in range(steps[j], steps[j + 1]):
            row = ops[o] if ops[o] >= 0 else -1 - ops[o]
            a, b = head, tail
            while a < b:
                middle = (a + b) >> 1
                if queue[middle] < row:
                    a = middle + 1
                else:
                    b = middle
            if ops[o] < 0:
                lost = lost or (a < tail and queue[a] == row)
                continue
            v = x[row]
            if lost or (a < tail and ((x[queue[a]] >= v) if most else (x[queue[a]] <= v))):
                continue
            keep = a
            while keep > head and ((x[queue[keep - 1]] <= v) if most else (x[queue[keep - 1]] >= v)):
                keep -= 1
            if tail == queue.size:
                wider = np.empty(2 * tail, np.int64)
                wider[:tail] = queue
                queue = wider
            if keep == a:
                for i in range(tail, a, -1):
                    queue[i] = queue[i - 1]
            else:
                for i in range(a, tail):
                    queue[keep + 1 + i - a] = queue[i]
            queue[keep] = row
            tail += keep + 1 - a
        now = k[p]
        while hi < high[p] or lost:
            if lost:
                # A row that ruled others out is gone: they come back from the window itself.
                head, tail, hi, lost = 0, 0, max(lo, low[p]), False
                continue
            if known_from[hi] <= now and now < known_to[hi]:
                v = x[hi]
                while tail > head and ((x[queue[tail - 1]] <= v) if most else (x[queue[tail - 1]] >= v)):
                    tail -= 1
                if tail == queue.size:
                    size = tail - head
                    wider = queue if 2 * size < queue.size else np.empty(2 * tail, np.int64)
                    for i in range(size):
                        wider[i] = queue[head + i]
                    queue, head, tail = wider, 0, size
                queue[tail] = hi
                tail += 1
            hi += 1
        lo = low[p]
        while head < tail and queue[head] < lo:
            head += 1
        if head < tail:
            whole[to[p]] = x[queue[head]]
        else:
            status[to[p]] = NONE


@kernel
def blocks(most: bool, x: Ints, loose: Codes) -> Ints:
    """The extreme of every 64 rows, those left out that are `loose`: not known from the start, or not for ever."""
    worst = -FOREVER - 1 if most else FOREVER
    best = np.full((x.size >> 6) + 1, worst, np.int64)
    for i in range(x.size):
        if loose[i] == 0:
            best[i >> 6] = max(best[i >> 6], x[i]) if most else min(best[i >> 6], x[i])
    return best


@kernel
def extremes_aside(
    most: bool,
    x: Ints,
    known_from: Ints,
    known_to: Ints,
    loose: Codes,
    before: Ints,
    rows: Ints,
    best: Ints,
    chosen: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    to: Ints,
    whole: Ints,
    status: Codes,
) -> None:
    """The extreme at chosen points: of blocks and edges of lasting rows, and of the loose ones (`rows`) one by one."""
    for j in range(chosen.size):
        p = chosen[j]
        found, some = -FOREVER - 1 if most else FOREVER, False
        i = low[p]
        while i < high[p]:
            if i & 63 == 0 and i + 64 <= high[p]:
                found = max(found, best[i >> 6]) if most else min(found, best[i >> 6])
                some = some or before[i + 64] - before[i] < 64
                i += 64
                continue
            if loose[i] == 0:
                found, some = max(found, x[i]) if most else min(found, x[i]), True
            i += 1
        for one in range(before[low[p]], before[high[p]]):
            i = rows[one]
            if known_from[i] <= k[p] and k[p] < known_to[i]:
                found, some = max(found, x[i]) if most else min(found, x[i]), True
        if some:
            whole[to[p]], status[to[p]] = found, FOUND
        else:
            status[to[p]] = NONE
