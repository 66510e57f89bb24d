"""Windows over rows of which some are loose: they came late, or were superseded. All others lasted from the first.

What the lasting rows answer is known beforehand (`settled`); the loose ones are kept apart as what was known goes on.
It holds for points with k >= t, at which every row that was not late counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import COUNT, DISTINCT, MAX, MIN, SUM
from tallystick.labels.kernels.folds import entropy, log_weight
from tallystick.labels.kernels.rows import FOREVER, NONE, Codes, Ints, upper_bound

_STEPS = 16


@kernel
def by_knowledge(key: Ints, k: Ints, fast: Codes) -> Any:
    """Points with `fast` in the order (key, k), and for each point the least k of those from it on, of its key.

    Points lie by key; only a few have a k beyond that of a later one, such as those of events that came late.
    """
    floor, order = np.empty(key.size, np.int64), np.empty(key.size, np.int64)
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
    return order[order.size - size :], floor


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
                whole[one, p] = found[w, 0]
            elif kinds[one] == SUM:
                whole[one, p] = found[w, 1]
            elif kinds[one] == MIN:
                whole[one, p] = min(found[w, 2], whole[one, p]) if found[w, 4] > 0 else found[w, 2]
            elif kinds[one] == MAX:
                whole[one, p] = max(found[w, 3], whole[one, p]) if found[w, 4] > 0 else found[w, 3]
            else:
                real[one, p] = np.float64(found[w, 1]) / np.float64(found[w, 0])


@kernel
def tallies(
    kinds: Ints,
    different: int,
    x: Ints,
    known_from: Ints,
    known_to: Ints,
    loose: Codes,
    when: Ints,
    what: Ints,
    begin: Ints,
    floor: Ints,
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
    """How many different values, and their entropy, by counts of each value (numbered densely below `different`).

    A window slides on in the order of points and knows what is known at `floor`; a point of a later k adds the changes
    up to there, and takes them back.
    """
    tally = np.zeros(different + 1, np.int32)
    weigh = False
    for one in range(kinds.size):
        weigh = weigh or kinds[one] != DISTINCT
    n, some, weight, lo, hi, c, stop, held = 0, 0, 0, 0, 0, 0, 0, -1
    for p in range(first, last):
        a, b = low[p], high[p]
        if fast[p] == 0 or a >= b:
            for one in range(kinds.size):
                status[one, p] = NONE
            continue
        if key[p] != held or a < lo or b < hi or a >= hi:
            for i in range(lo, hi):
                tally[x[i]] = 0
            n, some, weight, lo, hi, held = 0, 0, 0, a, a, key[p]
            stop = begin[held + 1]
            c = upper_bound(when, begin[held], stop, floor[p])
        mark, then = c, (n, some, weight)
        # First what became known till now, then the slide; and what this point alone knows.
        for turn in range(2):
            until = floor[p] if turn == 0 else k[p]
            mark = c
            while mark < stop and when[mark] <= until:
                i = what[mark] if what[mark] >= 0 else -1 - what[mark]
                if lo <= i and i < hi:
                    of = tally[x[i]]
                    after = of + 1 if what[mark] >= 0 else of - 1
                    tally[x[i]] = after
                    n += after - of
                    some += (after > 0) - (of > 0)
                    if weigh:
                        weight += log_weight(after) - log_weight(of)
                mark += 1
            if turn == 1:
                break
            c, now = mark, until
            while hi < b:
                if loose[hi] == 0 or (known_from[hi] <= now and now < known_to[hi]):
                    v = x[hi]
                    of = tally[v]
                    tally[v] = of + 1
                    n += 1
                    some += of == 0
                    if weigh:
                        weight += log_weight(of + 1) - log_weight(of)
                hi += 1
            while lo < a:
                if loose[lo] == 0 or (known_from[lo] <= now and now < known_to[lo]):
                    v = x[lo]
                    of = tally[v]
                    tally[v] = of - 1
                    n -= 1
                    some -= of == 1
                    if weigh:
                        weight += log_weight(of - 1) - log_weight(of)
                lo += 1
            then = (n, some, weight)
        if n == 0:
            for one in range(kinds.size):
                status[one, p] = NONE
        elif not weigh:
            for one in range(kinds.size):
                whole[one, p] = some
        else:
            for one in range(kinds.size):
                if kinds[one] == DISTINCT:
                    whole[one, p] = some
                else:
                    real[one, p] = entropy(n, weight)
        while mark > c:
            mark -= 1
            i = what[mark] if what[mark] >= 0 else -1 - what[mark]
            if lo <= i and i < hi:
                tally[x[i]] += -1 if what[mark] >= 0 else 1
        n, some, weight = then
