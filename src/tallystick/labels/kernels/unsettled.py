"""Windows over rows of which some are loose: they came late, or were superseded. All others lasted from the first.

What the lasting rows answer is known beforehand (`settled`); the loose ones are kept apart as what was known goes on.
It holds for windows of which every row that was not late counts: those that end at k or before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import COUNT, MAX, MIN, SUM
from tallystick.labels.kernels.folds import entropy, log_weight
from tallystick.labels.kernels.rows import FOREVER, NONE, Codes, Ints, upper_bound

_STEPS = 16
_FAR = 64
"""Points of a key keep their order while they travel no more changes each than this, forth and back."""
_ALWAYS = 255


@kernel
def by_knowledge(key: Ints, k: Ints, fast: Codes) -> Any:
    """Points with `fast` in the order (key, k).

    Points lie by key; only a few have a k beyond that of a later one, such as those of events that came late.
    """
    order, floor = np.empty(key.size, np.int64), np.empty(key.size, np.int64)
    late, size, stop = np.empty(key.size, np.int64), 0, key.size
    while stop > 0:
        first, least, some = stop, FOREVER, 0
        while first > 0 and key[first - 1] == key[stop - 1]:
            first -= 1
            if fast[first] != 0:
                late[some] = first
                some += k[first] > least
                least = min(least, k[first])
            floor[first] = least
        aside = late[:some]
        if some > 1:
            aside = aside[np.argsort(-k[aside])]
        # From the last to the first: the greater k goes behind.
        taken, p = 0, stop
        while True:
            p -= 1
            while p >= first and (fast[p] == 0 or k[p] > floor[p]):
                p -= 1
            while taken < some and (p < first or k[aside[taken]] > k[p]):
                size += 1
                order[order.size - size] = aside[taken]
                taken += 1
            if p < first:
                break
            size += 1
            order[order.size - size] = p
        stop = first
    return order[order.size - size :]


@kernel
def plain(
    kinds: Ints,
    window: Ints,
    x: Ints,
    total: Ints,
    before: Ints,
    starts: Ints,
    when: Ints,
    what: Ints,
    begin: Ints,
    order: Ints,
    key: Ints,
    k: Ints,
    low: Any,
    high: Any,
    whole: Any,
    real: Any,
    status: Any,
) -> None:
    """Counts, sums and means that fit 63 bits, and extremes, at points in the order of what was known.

    Answer `one` is of the `window[one]`-th window, whose ends `low` and `high` have by place in `order`. `total` has
    the sums of lasting rows, `whole` already their extremes (`settled.peaks`), `before` counts the loose rows. Those
    of a key are the leaves of a tree, each node with the count, sum, least and most of what is known. A window slides
    over the leaves, and asks the tree where it jumps or lost an extreme.
    """
    tree = np.empty((2 * before[before.size - 1] + 2, 4), np.int64)
    # Of each window: the leaves it holds, their count, sum, least and most, and whether an extreme is lost.
    state, found = np.zeros((low.shape[0], 7), np.int64), np.zeros((low.shape[0], 5), np.int64)
    extreme = False
    for one in range(kinds.size):
        extreme = extreme or kinds[one] == MIN or kinds[one] == MAX
    held, base, size, c, stop = -1, 0, 0, 0, 0
    for j in range(order.size):
        p = order[j]
        if key[p] >= 0 and key[p] != held:
            held = key[p]
            base, c, stop = before[starts[held]], begin[held], begin[held + 1]
            size = before[starts[held + 1]] - base
            for node in range(2 * size):
                tree[node, 0], tree[node, 1], tree[node, 2], tree[node, 3] = 0, 0, FOREVER, -FOREVER - 1
            for w in range(low.shape[0]):
                state[w, 0], state[w, 1], state[w, 6] = size, size, 1
        while c < stop and when[c] <= k[p]:
            i = what[c]
            node = size - base + (before[i] if i >= 0 else before[-1 - i])
            v = x[i] if i >= 0 else x[-1 - i]
            for w in range(low.shape[0]):
                if state[w, 0] <= node and node < state[w, 1]:
                    if i >= 0:
                        state[w, 2], state[w, 3] = state[w, 2] + 1, state[w, 3] + v
                        state[w, 4], state[w, 5] = min(state[w, 4], v), max(state[w, 5], v)
                    else:
                        state[w, 2], state[w, 3] = state[w, 2] - 1, state[w, 3] - v
                        state[w, 6] |= extreme and v in (state[w, 4], state[w, 5])
            tree[node, 0], tree[node, 1], tree[node, 2], tree[node, 3] = 0, 0, FOREVER, -FOREVER - 1
            if i >= 0:
                tree[node, 0], tree[node, 1], tree[node, 2], tree[node, 3] = 1, v, v, v
            while node > 1:
                node >>= 1
                left, right = 2 * node, 2 * node + 1
                tree[node, 0] = tree[left, 0] + tree[right, 0]
                tree[node, 1] = tree[left, 1] + tree[right, 1]
                tree[node, 2] = min(tree[left, 2], tree[right, 2])
                tree[node, 3] = max(tree[left, 3], tree[right, 3])
            c += 1
        for w in range(low.shape[0]):
            a, b = low[w, j], high[w, j]
            if a >= b:
                found[w, 0] = 0
                continue
            left, right = size - base + before[a], size - base + before[b]
            lo, hi, n, summed = state[w, 0], state[w, 1], state[w, 2], state[w, 3]
            least, most, lost = state[w, 4], state[w, 5], state[w, 6]
            onward = left >= lo and right >= hi
            if onward and left - lo + right - hi > _STEPS:
                lost, lo, hi = 1, left, right
            elif onward:
                while hi < right:
                    if tree[hi, 0] > 0:
                        v = tree[hi, 1]
                        n, summed, least, most = n + 1, summed + v, min(least, v), max(most, v)
                    hi += 1
                while lo < left:
                    if tree[lo, 0] > 0:
                        v = tree[lo, 1]
                        n, summed, lost = n - 1, summed - v, lost | (extreme and v in (least, most))
                    lo += 1
            if lost != 0 or not onward:
                n, summed, least, most = 0, 0, FOREVER, -FOREVER - 1
                while left < right:
                    if left & 1:
                        n, summed = n + tree[left, 0], summed + tree[left, 1]
                        least, most = min(least, tree[left, 2]), max(most, tree[left, 3])
                        left += 1
                    if right & 1:
                        right -= 1
                        n, summed = n + tree[right, 0], summed + tree[right, 1]
                        least, most = min(least, tree[right, 2]), max(most, tree[right, 3])
                    left, right = left >> 1, right >> 1
            if onward:
                state[w, 0], state[w, 1], state[w, 2], state[w, 3] = lo, hi, n, summed
                state[w, 4], state[w, 5], state[w, 6] = least, most, 0
            lasting = b - a - (before[b] - before[a])
            found[w, 0], found[w, 1], found[w, 2] = n + lasting, summed + total[b] - total[a], least
            found[w, 3], found[w, 4] = most, lasting
        for one in range(kinds.size):
            w = window[one]
            if found[w, 0] == 0:
                status[one, p] = NONE
            elif kinds[one] == COUNT:
                whole[one, j] = found[w, 0]
            elif kinds[one] == SUM:
                whole[one, j] = found[w, 1]
            elif kinds[one] == MIN:
                whole[one, j] = min(found[w, 2], whole[one, j]) if found[w, 4] > 0 else found[w, 2]
            elif kinds[one] == MAX:
                whole[one, j] = max(found[w, 3], whole[one, j]) if found[w, 4] > 0 else found[w, 3]
            else:
                real[one, j] = np.float64(found[w, 1]) / np.float64(found[w, 0])


@kernel
def tour(key: Ints, k: Ints, fast: Codes, when: Ints, begin: Ints) -> Ints:
    """An order of points in which windows that travel in what was known do not travel far; empty if they lie so.

    Points lie by key. One that came late costs the changes of its key up to its k, and as many back. Where these are
    too many, all that came late go behind the others: in blocks of neighbours, each in the order of k.
    """
    order, first = np.empty(0, np.int64), 0
    while first < key.size:
        last, way, late, least = first, 0, 0, FOREVER
        while last < key.size and key[last] == key[first]:
            last += 1
        start, stop = (begin[key[first]], begin[key[first] + 1]) if key[first] >= 0 else (0, 0)
        if stop - start > _FAR:
            for p in range(last - 1, first - 1, -1):
                if fast[p] != 0 and k[p] > least:
                    there = upper_bound(when, start, stop, least)
                    way += upper_bound(when, there, stop, k[p]) - there
                    late += 1
                elif fast[p] != 0:
                    least = k[p]
        if way > _FAR * (last - first):
            if order.size == 0:
                order = np.arange(key.size)
            behind, front, least = last, first, FOREVER
            aside = np.empty(last - first, np.int64)
            for p in range(last - 1, first - 1, -1):
                if fast[p] != 0 and k[p] > least:
                    behind -= 1
                    aside[behind - first] = p
                elif fast[p] != 0:
                    least = k[p]
            for p in range(first, last):
                if behind - first < aside.size and aside[behind - first] == p:
                    behind += 1
                else:
                    order[front] = p
                    front += 1
            block = 1 + int(np.sqrt(np.float64(stop - start) * late / (last - first)))
            turn = 1
            while front < last:
                some = aside[front - first : min(front - first + block, last - first)]
                order[front : front + some.size] = some[np.argsort(turn * k[some])]
                front, turn = front + some.size, -turn
        first = last
    return order


@kernel
def gaps(x: Ints, at: Ints, starts: Ints, before: Ints, different: int) -> Codes:
    """How far apart the lasting rows around each loose one lie that have its value: the bits of the microseconds.

    0 for a lasting row, 255 where one side has none. A window of time that is longer than a gap has one of both sides
    or neither row of the gap, so that no row in it makes a difference to how many different values there are.
    """
    code, size = np.zeros(x.size, np.uint8), before[before.size - 1]
    latest, waiting = np.full(different, -1, np.int64), np.full(different, -1, np.int64)
    rows, since, behind, n = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), 0
    for b in range(starts.size - 1):
        base = n
        for i in range(starts[b], starts[b + 1]):
            v = x[i]
            if before[i + 1] > before[i]:
                code[i], rows[n], since[n], behind[n] = _ALWAYS, i, latest[v], waiting[v]
                waiting[v] = n
                n += 1
                continue
            one, waiting[v] = waiting[v], -1
            while one >= base:
                if since[one] >= starts[b]:
                    code[rows[one]] = 1
                    apart = at[i] - at[since[one]]
                    while apart > 1:
                        code[rows[one]] += 1
                        apart >>= 1
                one = behind[one]
            latest[v] = i
    return code


@kernel
def narrowed(least: int, code: Codes, when: Ints, what: Ints, begin: Ints) -> Any:
    """The changes of rows whose code is at least that."""
    instants, rows = np.empty(when.size, np.int64), np.empty(when.size, np.int64)
    begins, n, c = np.empty(begin.size, np.int64), 0, 0
    for b in range(begin.size):
        while c < begin[b]:
            instants[n], rows[n] = when[c], what[c]
            n += code[what[c] if what[c] >= 0 else -1 - what[c]] >= least
            c += 1
        begins[b] = n
    return instants[:n], rows[:n], begins


@kernel
def _counted(tally: Any, value: int, step: int, real: Any) -> Any:
    """Count a value in or out: by how much there are more different ones, and more weights, if `real` wants them."""
    of = tally[value]
    tally[value] = of + step
    return (of + step > 0) - (of > 0), log_weight(of + step) - log_weight(of) if real is not None else 0


@kernel
def tallies(
    different: int,
    x: Ints,
    known_from: Ints,
    known_to: Ints,
    code: Codes,
    least: int,
    when: Ints,
    what: Ints,
    begin: Ints,
    order: Ints,
    fast: Codes,
    key: Ints,
    k: Ints,
    low: Ints,
    high: Ints,
    first: int,
    last: int,
    whole: Any,
    real: Any,
    status: Any,
) -> None:
    """How many different values, or with `real` their entropy, by counts of each (numbered densely below `different`).

    A window slides from point to point of `order` (`tour`), and travels forth and back in what was known. Of loose rows
    those count whose `code` is `least` or more; `when`, `what` and `begin` are the changes of these.
    """
    tally = np.zeros(different + 1, np.int32)
    n, some, weight, lo, hi, now, ahead = 0, 0, 0, 0, 0, 0, 0
    c, start, stop, held = 0, 0, 0, -1
    for j in range(first, last):
        p = order[j] if order.size > 0 else j
        a, b, to = low[p], high[p], k[p]
        if fast[p] == 0 or a >= b:
            status[p] = NONE
            continue
        if key[p] != held or a >= hi or b <= lo:
            for i in range(lo, hi):
                tally[x[i]] = 0
            n, some, weight, lo, hi = 0, 0, 0, a, a
            if key[p] != held:
                held, now, ahead = key[p], to, to
                c, start, stop = begin[held], begin[held], begin[held + 1]
        if to >= ahead or to < now:
            # Many changes, or the rows of the window.
            wide = max(hi - lo, _STEPS)
            if (c + wide < stop and when[c + wide] <= to) or (c - wide > start and when[c - wide] > to):
                for i in range(lo, hi):
                    if code[i] >= least:
                        step = (known_from[i] <= to and to < known_to[i]) - (known_from[i] <= now and now < known_to[i])
                        more, heavier = _counted(tally, x[i], step, real)
                        n, some, weight = n + step, some + more, weight + heavier
                c = upper_bound(when, start, stop, to)
            while c < stop and when[c] <= to:
                i = what[c] if what[c] >= 0 else -1 - what[c]
                if lo <= i and i < hi:
                    step = 1 if what[c] >= 0 else -1
                    more, heavier = _counted(tally, x[i], step, real)
                    n, some, weight = n + step, some + more, weight + heavier
                c += 1
            while c > start and when[c - 1] > to:
                c -= 1
                i = what[c] if what[c] >= 0 else -1 - what[c]
                if lo <= i and i < hi:
                    step = -1 if what[c] >= 0 else 1
                    more, heavier = _counted(tally, x[i], step, real)
                    n, some, weight = n + step, some + more, weight + heavier
            ahead = when[c] if c < stop else FOREVER
        now = to
        # Mostly the window slides on; between points of a block it goes back too.
        while hi < b:
            if code[hi] == 0 or (code[hi] >= least and known_from[hi] <= now and now < known_to[hi]):
                more, heavier = _counted(tally, x[hi], 1, real)
                n, some, weight = n + 1, some + more, weight + heavier
            hi += 1
        while lo > a:
            lo -= 1
            if code[lo] == 0 or (code[lo] >= least and known_from[lo] <= now and now < known_to[lo]):
                more, heavier = _counted(tally, x[lo], 1, real)
                n, some, weight = n + 1, some + more, weight + heavier
        while lo < a:
            if code[lo] == 0 or (code[lo] >= least and known_from[lo] <= now and now < known_to[lo]):
                more, heavier = _counted(tally, x[lo], -1, real)
                n, some, weight = n - 1, some + more, weight + heavier
            lo += 1
        while hi > b:
            hi -= 1
            if code[hi] == 0 or (code[hi] >= least and known_from[hi] <= now and now < known_to[hi]):
                more, heavier = _counted(tally, x[hi], -1, real)
                n, some, weight = n - 1, some + more, weight + heavier
        if some == 0:
            status[p] = NONE
        elif real is None:
            whole[j - first] = some
        else:
            real[j - first] = entropy(n, weight)
