"""Sweeps over all points of one arrangement, in the order of their rows.

Where everything before a point is settled at its k (`settled[high - 1] <= k`), a row counts when it is never
superseded, and prefix sums or a moving window answer; anywhere else the exact scan does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels import (
    FOREVER,
    Codes,
    Ints,
    any_visible,
    scan_distinct,
    scan_edge,
    scan_extreme,
    scan_moments,
    upper_bound,
)
from tallystick.labels.wide import add128, add_square, fits64, multiply64, sub128, sub192, to_float, unsigned_to_float

FOUND, AWAITED, NULLS, NONE, UNDEFINED = 0, 1, 2, 3, 4
"""What a sweep says of a point: a value, or why there is none."""


@kernel
def by_bucket(bucket: Ints, buckets: int) -> Any:
    """A stable order of rows by bucket (counting sort), and where each bucket starts."""
    starts = np.zeros(buckets + 1, np.int64)
    for i in range(bucket.size):
        starts[bucket[i] + 1] += 1
    for b in range(buckets):
        starts[b + 1] += starts[b]
    place = starts.copy()
    order = np.empty(bucket.size, np.int64)
    for i in range(bucket.size):
        order[place[bucket[i]]] = i
        place[bucket[i]] += 1
    return order, starts


@kernel
def settle(starts: Ints, known_from: Ints, known_to: Ints) -> Ints:
    """From which k on nothing up to and including a row, of the same key, changes any more."""
    settled = np.empty(known_from.size, np.int64)
    for b in range(starts.size - 1):
        latest = -FOREVER
        for i in range(starts[b], starts[b + 1]):
            last = known_from[i] if known_to[i] == FOREVER else known_to[i]
            latest = max(latest, last)
            settled[i] = latest
    return settled


@kernel
def own_rows(own: Ints, k: Ints, order: Ints, starts: Ints, known_from: Ints, known_to: Ints) -> Ints:
    """The row that was visible of each point's own event, -1 where none was."""
    found = np.full(own.size, -1, np.int64)
    for p in range(own.size):
        if own[p] >= 0 and own[p] + 1 < starts.size:
            for j in range(starts[own[p]], starts[own[p] + 1]):
                i = order[j]
                if known_from[i] <= k[p] and k[p] < known_to[i]:
                    found[p] = i
    return found


@kernel
def cuts(t: Ints, ordered: Codes, row: Ints, at: Ints) -> Ints:
    """How many rows of the stream lie before each point, whatever their key.

    `ordered` is 1 for an event's own point in its own stream, whose place among equal `at` is that of `row`.
    """
    found = np.empty(t.size, np.int64)
    for p in range(t.size):
        if ordered[p] == 0:
            found[p] = upper_bound(at, 0, at.size, t[p])
        elif row[p] >= 0 and at[row[p]] == t[p]:
            found[p] = row[p]
        else:
            found[p] = upper_bound(at, 0, at.size, t[p] - 1)
    return found


@kernel
def row_ends(key: Ints, cut: Ints, starts: Ints, position: Ints) -> Any:
    """The rows of each point's key before its cut: [start, end); an unknown key has none."""
    start, end = np.zeros(key.size, np.int64), np.zeros(key.size, np.int64)
    for p in range(key.size):
        if key[p] >= 0:
            start[p] = starts[key[p]]
            end[p] = upper_bound(position, starts[key[p]], starts[key[p] + 1], cut[p] - 1)
    return start, end


@kernel
def with_own(end: Ints, own: Ints, t: Ints, stop: Ints, event: Ints, at: Ints) -> Ints:
    """The ends moved past the rows of the point's own event that stand there at its instant."""
    found = end.copy()
    for p in range(end.size):
        while own[p] >= 0 and found[p] < stop[p] and event[found[p]] == own[p] and at[found[p]] <= t[p]:
            found[p] += 1
    return found


@kernel
def window_ends(at: Ints, start: Ints, end: Ints, until: Ints) -> Ints:
    """The end of each window: rows of [start, end) with `at <= until`."""
    found = np.empty(end.size, np.int64)
    for p in range(end.size):
        found[p] = upper_bound(at, start[p], end[p], until[p])
    return found


@kernel
def window_starts(at: Ints, start: Ints, end: Ints, after: Ints) -> Ints:
    """The start of each window: the first row with `at > after`, moving on from the previous point's."""
    found = np.empty(end.size, np.int64)
    for p in range(end.size):
        low = start[p]
        if p > 0 and start[p - 1] == start[p] and after[p - 1] <= after[p] and found[p - 1] <= end[p]:
            low = found[p - 1]
            steps = 0
            while low < end[p] and at[low] <= after[p] and steps < 16:
                low += 1
                steps += 1
        found[p] = upper_bound(at, low, end[p], after[p])
    return found


@kernel
def seen(
    start: Ints, end: Ints, k: Ints, own: Ints, present: bool, known_from: Ints, known_to: Ints, event: Ints
) -> Codes:
    """1 where the key had any fact that was known."""
    found = np.zeros(end.size, np.uint8)
    for p in range(end.size):
        if any_visible(start[p], end[p], known_from, known_to, event, k[p], own[p], present):
            found[p] = 1
    return found


@kernel
def _why(nulls: Any, awaiting: Any) -> int:
    if awaiting > 0:
        return 1
    return 2 if nulls > 0 else 3


@kernel
def count_prefix(code: Codes, known_to: Ints) -> Any:
    """Running counts of the rows that are never superseded: by code value, null, awaiting, filtered."""
    counts = np.zeros((code.size + 1, 4), np.int32)
    for i in range(code.size):
        counts[i + 1] = counts[i]
        if known_to[i] == FOREVER:
            counts[i + 1, (code[i] + 3) & 3] += 1
    return counts


@kernel
def sum_prefix(code: Codes, value: Ints, known_to: Ints, squares: bool) -> Any:
    """Running Σx (128 bits) and Σx² (192 bits) of the rows that are never superseded."""
    s_high, s_low = np.zeros(code.size + 1, np.int64), np.zeros(code.size + 1, np.uint64)
    q = np.zeros((code.size + 1 if squares else 1, 3), np.uint64)
    for i in range(code.size):
        high, low = s_high[i], s_low[i]
        counts = code[i] == 1 and known_to[i] == FOREVER
        if counts:
            high, low = add128(high, low, value[i])
        s_high[i + 1], s_low[i + 1] = high, low
        if squares:
            q0, q1, q2 = q[i, 0], q[i, 1], q[i, 2]
            if counts:
                q0, q1, q2 = add_square(q0, q1, q2, value[i])
            q[i + 1, 0], q[i + 1, 1], q[i + 1, 2] = q0, q1, q2
    return s_high, s_low, q


@kernel
def sweep_counts(
    code: Codes,
    value: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    fast: Codes,
    counts: Any,
) -> Any:
    """Per point: values, all rows whatever the filter, and why there is no value."""
    valid, rows, why = np.zeros(low.size, np.int64), np.zeros(low.size, np.int64), np.zeros(low.size, np.uint8)
    for p in range(low.size):
        if fast[p]:
            a, b = low[p], high[p]
            n = np.int64(counts[b, 0] - counts[a, 0])
            nulls, awaiting = np.int64(counts[b, 1] - counts[a, 1]), np.int64(counts[b, 2] - counts[a, 2])
            filtered = np.int64(counts[b, 3] - counts[a, 3])
        else:
            found = scan_moments(code, value, known_from, known_to, event, low[p], high[p], k[p], own[p], present)
            n, nulls, awaiting, filtered = found[0], found[1], found[2], found[3]
        valid[p], rows[p] = n, n + nulls + awaiting + filtered
        if n == 0:
            why[p] = _why(nulls, awaiting)
    return valid, rows, why


@kernel
def sweep_sums(
    code: Codes,
    value: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    fast: Codes,
    s_high: Ints,
    s_low: Any,
    q: Any,
    squares: bool,
) -> Any:
    """Per point: Σx (128 bits) and, with `squares`, Σx² (192 bits)."""
    sh, sl = np.zeros(low.size, np.int64), np.zeros(low.size, np.uint64)
    sq = np.zeros((low.size if squares else 1, 3), np.uint64)
    for p in range(low.size):
        a, b = low[p], high[p]
        if fast[p]:
            sh[p], sl[p] = sub128(s_high[b], s_low[b], s_high[a], s_low[a])
            if squares:
                sq[p, 0], sq[p, 1], sq[p, 2] = sub192(q[b, 0], q[b, 1], q[b, 2], q[a, 0], q[a, 1], q[a, 2])
        else:
            found = scan_moments(code, value, known_from, known_to, event, a, b, k[p], own[p], present)
            sh[p], sl[p] = found[4], found[5]
            if squares:
                sq[p, 0], sq[p, 1], sq[p, 2] = found[6], found[7], found[8]
    return sh, sl, sq


@kernel
def finish_sums(sh: Ints, sl: Any, why: Codes) -> Any:
    """Sums as int64; one that leaves 64 bits is undefined. An empty window sums to 0."""
    found, reason = np.zeros(sh.size, np.int64), why.copy()
    for p in range(sh.size):
        if why[p] == 3:
            reason[p] = 0
        elif why[p] == 0:
            if fits64(sh[p], sl[p]):
                found[p] = np.int64(sl[p])
            else:
                reason[p] = 4
    return found, reason


@kernel
def finish_means(sh: Ints, sl: Any, valid: Ints) -> Any:
    """Means: Σx and n each to the nearest double, then one division."""
    found = np.zeros(sh.size, np.float64)
    for p in range(sh.size):
        if valid[p] > 0:
            found[p] = to_float(sh[p], sl[p]) / np.float64(valid[p])
    return found


@kernel
def finish_deviations(sh: Ints, sl: Any, sq: Any, valid: Ints, why: Codes) -> Any:
    """Sample deviations: n·Σx² − (Σx)² and n(n − 1) exactly, each to the nearest double, one division, one root.

    The third result marks the points whose integers need more than 128 bits.
    """
    found, reason, wide = np.zeros(sh.size, np.float64), why.copy(), np.zeros(sh.size, np.uint8)
    for p in range(sh.size):
        n = valid[p]
        if n == 1:
            reason[p] = 4
        elif n > 1:
            if sq[p, 2] != np.uint64(0) or sq[p, 1] != np.uint64(0) or not fits64(sh[p], sl[p]):
                wide[p] = 1
                continue
            total = np.int64(sl[p])
            size = np.uint64(total) if total >= 0 else np.uint64(0) - np.uint64(total)
            nq_high, nq_low = multiply64(np.uint64(n), sq[p, 0])
            ss_high, ss_low = multiply64(size, size)
            borrow = np.uint64(1) if nq_low < ss_low else np.uint64(0)
            numerator = unsigned_to_float(nq_high - ss_high - borrow, nq_low - ss_low)
            found[p] = np.sqrt(numerator / np.float64(n * (n - 1)))
    return found, reason, wide


@kernel
def edge_links(code: Codes, known_to: Ints) -> Any:
    """For each row the next and the previous row, itself included, that has a value and is never superseded."""
    after, before = np.empty(code.size + 1, np.int64), np.empty(code.size + 1, np.int64)
    after[code.size], before[0] = code.size, -1
    for i in range(code.size):
        before[i + 1] = i if code[i] == 1 and known_to[i] == FOREVER else before[i]
    for j in range(code.size):
        i = code.size - 1 - j
        after[i] = i if code[i] == 1 and known_to[i] == FOREVER else after[i + 1]
    return after, before


@kernel
def sweep_edges(
    code: Codes,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    fast: Codes,
    last: bool,
    after: Ints,
    before: Ints,
    counts: Any,
) -> Any:
    """Per point: the row of its first or last value (-1 without one), and why there is none."""
    row, why = np.full(low.size, -1, np.int64), np.zeros(low.size, np.uint8)
    for p in range(low.size):
        a, b = low[p], high[p]
        if fast[p]:
            i = before[b] if last else after[a]
            if a <= i and i < b:
                row[p] = i
            else:
                why[p] = _why(counts[b, 1] - counts[a, 1], counts[b, 2] - counts[a, 2])
        else:
            nulls, awaiting, i = scan_edge(code, known_from, known_to, event, a, b, k[p], own[p], present, last)
            row[p] = i
            if i < 0:
                why[p] = _why(nulls, awaiting)
    return row, why


@kernel
def sweep_extremes(
    code: Codes,
    value: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    fast: Codes,
    largest: bool,
    counts: Any,
) -> Any:
    """Per point: the smallest or largest value by a monotone queue of rows, and why there is none."""
    best, why = np.zeros(low.size, np.int64), np.zeros(low.size, np.uint8)
    queue = np.empty(code.size + 1, np.int64)
    head, tail, done, floor = 0, 0, 0, 0
    for p in range(low.size):
        a, b = low[p], high[p]
        if not fast[p]:
            n, nulls, awaiting, found = scan_extreme(
                code, value, known_from, known_to, event, a, b, k[p], own[p], present, largest
            )
            best[p] = found
            if n == 0:
                why[p] = _why(nulls, awaiting)
            continue
        if a < floor or b < done or a >= done:
            head, tail, done = 0, 0, a
        floor = a
        while done < b:
            if code[done] == 1 and known_to[done] == FOREVER:
                x = value[done]
                while tail > head and (value[queue[tail - 1]] <= x if largest else value[queue[tail - 1]] >= x):
                    tail -= 1
                queue[tail] = done
                tail += 1
            done += 1
        while head < tail and queue[head] < a:
            head += 1
        if head < tail:
            best[p] = value[queue[head]]
        else:
            why[p] = _why(counts[b, 1] - counts[a, 1], counts[b, 2] - counts[a, 2])
    return best, why


@kernel
def sweep_distinct(
    code: Codes,
    value: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    fast: Codes,
    values: int,
    counts: Any,
) -> Any:
    """Per point: how many different values (dense numbers below `values`) by a moving tally."""
    different, why = np.zeros(low.size, np.int64), np.zeros(low.size, np.uint8)
    tally = np.zeros(values + 1, np.int32)
    floor, done, now = 0, 0, 0
    for p in range(low.size):
        a, b = low[p], high[p]
        if not fast[p]:
            n, nulls, awaiting = scan_distinct(code, value, known_from, known_to, event, a, b, k[p], own[p], present)
            different[p] = n
            if n == 0:
                why[p] = _why(nulls, awaiting)
            continue
        if a < floor or b < done or a >= done:
            for i in range(floor, done):
                if code[i] == 1 and known_to[i] == FOREVER:
                    tally[value[i]] = 0
            floor, done, now = a, a, 0
        while done < b:
            if code[done] == 1 and known_to[done] == FOREVER:
                tally[value[done]] += 1
                if tally[value[done]] == 1:
                    now += 1
            done += 1
        while floor < a:
            if code[floor] == 1 and known_to[floor] == FOREVER:
                tally[value[floor]] -= 1
                if tally[value[floor]] == 0:
                    now -= 1
            floor += 1
        different[p] = now
        if now == 0:
            why[p] = _why(counts[b, 1] - counts[a, 1], counts[b, 2] - counts[a, 2])
    return different, why
