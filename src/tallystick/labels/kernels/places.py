"""Where rows and points lie: rows by key, points by row, windows as ranges of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.rows import FOREVER, Codes, Ints, any_visible, upper_bound

_FEW = 32
"""Up to so many are put in order one by one."""


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
def by_time(starts: Ints, t: Ints, first: int, last: int, order: Ints) -> None:
    """Put the buckets that start in [first, last) into the order of t; of equal t any comes first."""
    b = upper_bound(starts, 0, starts.size, first - 1)
    while b + 1 < starts.size and starts[b] < last:
        begin, stop = starts[b], starts[b + 1]
        b += 1
        falls = 0
        for i in range(begin + 1, stop):
            falls += t[order[i]] < t[order[i - 1]]
        if falls > 0 and stop - begin > _FEW:
            rows = order[begin:stop].copy()
            order[begin:stop] = rows[np.argsort(t[rows])]
        elif falls > 0:
            for i in range(begin + 1, stop):
                row, j = order[i], i
                while j > begin and t[order[j - 1]] > t[row]:
                    order[j] = order[j - 1]
                    j -= 1
                order[j] = row


@kernel
def numbered(values: Ints, least: int, size: int) -> Any:
    """The number of each value, of [least, least + size), in the order in which they first come, and where they do."""
    table = np.full(size, -1, np.int32)
    found, first, n = np.empty(values.size, np.int64), np.empty(values.size, np.int64), 0
    for i in range(values.size):
        if table[values[i] - least] < 0:
            table[values[i] - least] = n
            first[n] = i
            n += 1
        found[i] = table[values[i] - least]
    return found, first[:n].copy()


@kernel
def looked_up(values: Ints, known: Ints, least: int, size: int) -> Ints:
    """The place of each value among the `known` ones, -1 where it is none; those in [least, least + size)."""
    table = np.full(size, -1, np.int32)
    for i in range(known.size):
        table[known[i] - least] = i
    found = np.empty(values.size, np.int64)
    for i in range(values.size):
        inside = least <= values[i] and values[i] <= least + (size - 1)
        found[i] = table[values[i] - least] if inside else -1
    return found


@kernel
def inverse(order: Ints) -> Ints:
    """Where each row went."""
    place = np.empty(order.size, np.int64)
    for i in range(order.size):
        place[order[i]] = i
    return place


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
def known_at(own: Ints, first_known: Ints, otherwise: Ints) -> Ints:
    """When each point's own event was first known; `otherwise` where it has none."""
    found = otherwise.copy()
    for p in range(own.size):
        if own[p] >= 0:
            found[p] = first_known[own[p]]
    return found


@kernel
def taken(values: Any, order: Ints, first: int, last: int, out: Any) -> None:
    """The values at the places [first, last) of an order."""
    for i in range(first, last):
        out[i] = values[order[i]]


@kernel
def put(values: Any, order: Ints, first: int, last: int, out: Any) -> None:
    """The values of the places [first, last), each where an order says."""
    for i in range(first, last):
        out[order[i]] = values[i]


@kernel
def ends(
    t: Ints,
    key: Ints,
    ordered: Codes,
    row: Ints,
    at: Ints,
    key_of: Ints,
    place: Ints,
    order: Ints,
    starts: Ints,
    first: int,
    last: int,
    end: Ints,
) -> None:
    """Where the rows of each point's key that lie before it end, in the order by key; 0 for a point of no key.

    Points lie in the order (key, t). `ordered` is 1 for an event's own point in its own stream, whose place among
    equal `at` is that of `row`; it is empty where there is none. `at` is in the order by key, `key_of` by row of the
    stream, `order` and `place` lead there and back.
    """
    held, begin, stop, found = -1, 0, 0, 0
    for p in range(first, last):
        if key[p] < 0:
            end[p] = 0
            continue
        if key[p] != held:
            held, begin, stop, found = key[p], starts[key[p]], starts[key[p] + 1], starts[key[p]]
        own = ordered.size > 0 and ordered[p] != 0
        if own and row[p] >= 0 and at[place[row[p]]] == t[p]:
            i = row[p]
            end[p] = place[i] if key_of[i] == held else upper_bound(order, begin, stop, i - 1)
            continue
        steps = 0
        while steps < 16 and found < stop and at[found] <= t[p]:
            found += 1
            steps += 1
        if steps == 16:
            found = upper_bound(at, found, stop, t[p])
        end[p] = upper_bound(at, begin, found, t[p] - 1) if own else found


@kernel
def at_own_rows(row: Ints, key: Ints, t: Ints, at: Ints, key_of: Ints, order: Ints, starts: Ints) -> Any:
    """Points in the order of their own rows, where these lie in the order by key, and where each key's points begin.

    Only where each point has a row of its own, of its key and its instant; else all three are empty.
    """
    point, none = np.full(order.size, -1, np.int64), np.zeros(0, np.int64)
    for p in range(row.size):
        if row[p] < 0 or point[row[p]] >= 0 or key_of[row[p]] != key[p]:
            return none, none, none
        point[row[p]] = p
    sequence, end, n = np.empty(row.size, np.int64), np.empty(row.size, np.int64), 0
    begin = np.zeros(starts.size + 1, np.int64)
    for b in range(starts.size - 1):
        for i in range(starts[b], starts[b + 1]):
            p = point[order[i]]
            if p >= 0:
                if at[i] != t[p]:
                    return none, none, none
                sequence[n], end[n] = p, i
                n += 1
        begin[b + 2] = n
    return sequence, end, begin


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
        found[p] = end[p]
        if end[p] > start[p] and at[end[p] - 1] > until[p]:
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
            if steps < 16:
                found[p] = low
                continue
        found[p] = upper_bound(at, low, end[p], after[p])
    return found


@kernel
def span_starts(at: Ints, start: Ints, end: Ints, t: Ints, spans: Ints, first: int, last: int, found: Any) -> None:
    """`window_starts` of several spans that end at t, at the points [first, last)."""
    low, most = np.zeros(spans.size, np.int64), at.size - 1
    if at.size == 0:
        found[:, : last - first] = 0
        return
    for p in range(first, last):
        stop = end[p]
        if p == first or start[p] != start[p - 1] or stop < end[p - 1] or t[p] < t[p - 1]:
            low[:] = start[p]
        for w in range(spans.size):
            i, after = low[w], t[p] - spans[w]
            # Mostly a row or two leave: steps without a branch.
            i += (i < stop) & (at[min(i, most)] <= after)
            i += (i < stop) & (at[min(i, most)] <= after)
            steps = 0
            while steps < 16 and i < stop and at[i] <= after:
                i += 1
                steps += 1
            if steps == 16:
                i = upper_bound(at, i, stop, after)
            low[w] = i
            found[w, p - first] = i


@kernel
def own_starts(at: Ints, starts: Ints, spans: Ints, first: int, last: int, found: Any) -> None:
    """`span_starts` where every point is a row's own: the search ends there, since that row lies in its window."""
    low, stop = np.zeros(spans.size, np.int64), first
    b = upper_bound(starts, 0, starts.size, first) - 1
    for p in range(first, last):
        if p == stop:
            if p > first:
                b = upper_bound(starts, b, starts.size, p) - 1
            stop = starts[b + 1]
            for w in range(spans.size):
                low[w] = upper_bound(at, starts[b], p, at[p] - spans[w])
        for w in range(spans.size):
            i, after = low[w], at[p] - spans[w]
            # Mostly a row or two leave: steps without a branch.
            i += at[i] <= after
            i += at[i] <= after
            while at[i] <= after:
                i += 1
            low[w] = i
            found[w, p - first] = i


@kernel
def seen(
    chosen: Ints,
    start: Ints,
    end: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
) -> Codes:
    """1 for each of the chosen points whose key had any fact that was known."""
    found = np.zeros(chosen.size, np.uint8)
    for j in range(chosen.size):
        p = chosen[j]
        if any_visible(start[p], end[p], known_from, known_to, event, k[p], own[p], present):
            found[j] = 1
    return found


@kernel
def hollow(
    chosen: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    code: Codes,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
) -> Codes:
    """What the visible rows without a value say of each chosen point: 3 none, 2 null in the source, 1 awaiting."""
    found = np.full(chosen.size, 3, np.uint8)
    last = 2
    for i in range(code.size):
        if code[i] == 3:
            last = 1
    for j in range(chosen.size):
        p = chosen[j]
        for i in range(low[p], high[p]):
            if found[j] <= last:
                break
            if known_from[i] <= k[p] and k[p] < known_to[i] and (present or event[i] != own[p]):
                found[j] = 1 if code[i] == 3 else 2
    return found


@kernel
def changes(starts: Ints, at: Ints, known_from: Ints, known_to: Ints) -> Any:
    """When loose rows (known late, or superseded) begin and stop to count, by key in the order of time.

    Returns
    -------
    instants, rows, begin, before
        A row `i` enters, `-1 - i` leaves; where each key's changes begin; how many loose rows lie before each row.
    """
    before = np.zeros(at.size + 1, np.int64)
    total = 0
    for i in range(at.size):
        loose = known_from[i] > at[i] or known_to[i] != FOREVER
        before[i + 1] = before[i] + loose
        total += 2 if known_to[i] != FOREVER else loose
    when, what = np.empty(total, np.int64), np.empty(total, np.int64)
    begin = np.zeros(starts.size, np.int64)
    n = 0
    for b in range(starts.size - 1):
        first = n
        for i in range(starts[b], starts[b + 1]):
            if before[i + 1] > before[i]:
                when[n], what[n] = known_from[i], i
                n += 1
                if known_to[i] != FOREVER:
                    when[n], what[n] = known_to[i], -1 - i
                    n += 1
        if n > first + 1:
            order = np.argsort(when[first:n], kind="mergesort")
            when[first:n] = when[first:n][order]
            what[first:n] = what[first:n][order]
        begin[b + 1] = n
    return when, what, begin, before
