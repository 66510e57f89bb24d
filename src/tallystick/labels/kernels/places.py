"""Where rows and points lie: rows by key, points by row, windows as ranges of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.rows import FOREVER, Codes, Ints, any_visible, upper_bound


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
def ends(
    t: Ints, ordered: Codes, row: Ints, key: Ints, at: Ints, key_of: Ints, place: Ints, order: Ints, starts: Ints
) -> Any:
    """The rows of each point's key that lie before it: [start, end) in the order by key.

    `ordered` is 1 for an event's own point in its own stream, whose place among equal `at` is that of `row`.
    `at` and `key_of` are by row of the stream, `order` and `place` lead to the order by key and back.
    """
    start, end = np.zeros(t.size, np.int64), np.zeros(t.size, np.int64)
    for p in range(t.size):
        if key[p] < 0:
            continue
        a, b = starts[key[p]], starts[key[p] + 1]
        start[p] = a
        until = t[p]
        if ordered[p] != 0:
            i = row[p]
            if i >= 0 and at[i] == t[p]:
                end[p] = place[i] if key_of[i] == key[p] else upper_bound(order, a, b, i - 1)
                continue
            until = t[p] - 1
        while a < b:
            middle = (a + b) >> 1
            if at[order[middle]] <= until:
                a = middle + 1
            else:
                b = middle
        end[p] = a
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
def span_starts(at: Ints, start: Ints, end: Ints, t: Ints, span: int) -> Ints:
    """`window_starts` of spans that end at t."""
    found = np.empty(end.size, np.int64)
    low, key = 0, -1
    for p in range(end.size):
        after = t[p] - span
        if start[p] != key or low > end[p] or (low > start[p] and at[low - 1] > after):
            low, key = start[p], start[p]
        steps = 0
        while steps < 16 and low < end[p] and at[low] <= after:
            low += 1
            steps += 1
        if steps == 16:
            low = upper_bound(at, low, end[p], after)
        found[p] = low
    return found


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
    for j in range(chosen.size):
        p = chosen[j]
        for i in range(low[p], high[p]):
            if found[j] > 1 and known_from[i] <= k[p] and k[p] < known_to[i] and (present or event[i] != own[p]):
                found[j] = 1 if code[i] == 3 else 2
    return found


@kernel
def changes(starts: Ints, at: Ints, known_from: Ints, known_to: Ints) -> Any:
    """What becomes visible late or stops to count, by key in the order of time: instants, rows, and where keys begin.

    A row number `i` enters; `-1 - i` leaves.
    """
    total = 0
    for i in range(at.size):
        if known_from[i] > at[i]:
            total += 1
        if known_to[i] != FOREVER:
            total += 1
    when, what = np.empty(total, np.int64), np.empty(total, np.int64)
    begin = np.zeros(starts.size, np.int64)
    n = 0
    for b in range(starts.size - 1):
        first = n
        for i in range(starts[b], starts[b + 1]):
            if known_from[i] > at[i]:
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
    return when, what, begin
