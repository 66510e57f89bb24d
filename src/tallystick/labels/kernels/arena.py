"""Where live facts lie: the row versions of every key in one array, a segment each, with what makes windows quick.

A row is `base` words as facts give it (instant, known from, known to, event, rank among equal instants, codes of its
features two bits each, values of its features) and derived words that follow from the rows before it in its segment:
running counts and sums of each feature, links to the nearest greater and smaller value, links to the same value. A
segment's first `DONE` rows have them. They speak of the rows that nothing has superseded, so they answer for every
k from `LATEST` on; for an earlier k the rows are looked at one by one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.bare import ARRAYS, bare, bare_state
from tallystick.labels.kernels.linear import MOMENTS1, add
from tallystick.labels.kernels.rows import FOREVER, VALUE
from tallystick.labels.kernels.wide import add128

State: TypeAlias = Any
"""(ctl, meta, rows, layout, pairs, table, cursors, work, hashes): int64 arrays, hashes uint64.

From Python only ctl is passed, which holds the addresses of the others: an array argument costs more than a call.
"""

AT, FROM, TO, EVENT, RANK, CODES = 0, 1, 2, 3, 4, 5
"""Words of a row; 31 features to a word of codes, then the values."""

START, SIZE, ROOM, DONE, LATEST, CURSOR, DROPPED = 0, 1, 2, 3, 4, 5, 6
"""Words of a segment: where its rows begin, how many, how many fit, how many are derived, from which k on they
answer, its row of cursors (-1 for none), whether facts were dropped from it."""
META_WORDS = 8

BASE, USED, TABLE_USED, CURSORS_USED, WINDOWS, TIE_LOW, TIE_HIGH = 0, 1, 2, 3, 4, 5, 6
"""Words of ctl."""
CTL_WORDS = ARRAYS + 24

X, Y, WORD, SHIFT, COUNTS, MOMENTS, FAMILY, SECOND, SECOND_FAMILY, EXTREMES, SAME, SAME_NUMBER = range(12)
"""A feature's layout: offsets in a row (0 where it has no such words), the families of its sums."""
LAYOUT_WORDS = 12

OK, TIE, GROW_ROWS, GROW_TABLE, GROW_CURSORS, GROW_WORK, LOST = 0, -1, -2, -3, -4, -5, -6
"""What a kernel says when it cannot go on: the caller grows an array, or settles equal ranks, and calls again."""

SMALL = 64
"""A segment of no more rows needs no cursors."""
LOW32 = 0xFFFFFFFF
_SUM_WORDS = (0, 2, 5, 9, 4, 10)
_GOLDEN, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_32 = np.uint64(32)


def sum_words(family: int) -> int:
    """How many words the sums of a family take in a row."""
    return _SUM_WORDS[family]


@kernel
def code_at(rows: Any, layout: Any, f: int, r: int) -> Any:
    """What row `r` means to feature `f`."""
    return (rows[r, layout[f, WORD]] >> layout[f, SHIFT]) & 3


@kernel
def upper(rows: Any, start: int, low: int, high: int, limit: int) -> Any:
    """The first of the places [low, high) of a segment whose instant is above `limit`."""
    while low < high:
        middle = (low + high) >> 1
        if rows[start + middle, AT] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def seek(rows: Any, start: int, size: int, limit: int, hint: int) -> Any:
    """`upper` over [0, size), in few steps when the answer is near `hint`."""
    low, high, step = 0, size, 1
    at = min(max(hint, 0), size)
    if at < size and rows[start + at, AT] <= limit:
        low = at + 1
        while low + step <= size and rows[start + low + step - 1, AT] <= limit:
            low += step
            step *= 2
        high = min(size, low + step)
    else:
        high = at
        while high - step >= 0 and rows[start + high - step, AT] > limit:
            high -= step
            step *= 2
        low = max(0, high - step)
    return upper(rows, start, low, high, limit)


@kernel
def find(table: Any, owner: int, x: int) -> Any:
    """The place of (owner, x) in the table, or the free one where it belongs."""
    h = (np.uint64(owner) + np.uint64(1)) * _GOLDEN ^ (np.uint64(x) * _MIX)
    h = (h ^ (h >> _32)) * _GOLDEN
    mask = table.shape[0] - 1
    i = np.int64(h >> _32) & mask
    while table[i, 2] != -2 and (table[i, 0] != owner or table[i, 1] != x):
        i = (i + 1) & mask
    return i


@kernel
def rehash(old: Any, new: Any) -> Any:
    """Move what still holds to a larger table; gives how many."""
    used = 0
    for i in range(old.shape[0]):
        if old[i, 2] >= 0:
            j = find(new, old[i, 0], old[i, 1])
            new[j, 0], new[j, 1], new[j, 2] = old[i, 0], old[i, 1], old[i, 2]
            used += 1
    return used


@kernel
def copy_row(to: Any, i: int, rows: Any, j: int) -> None:
    """Copy row `j` of an array to row `i` of another; word by word, which is quicker than a slice so short."""
    for word in range(rows.shape[1]):
        to[i, word] = rows[j, word]


@kernel
def place_of(state: State, slot: int, row: Any) -> Any:
    """Where a row belongs in a segment; TIE where equal instants and ranks leave it open (`TIE_LOW`, `TIE_HIGH`)."""
    ctl, meta, rows = state[0], state[1], state[2]
    start, size = meta[slot, START], meta[slot, SIZE]
    at, rank = row[AT], row[RANK]
    if size == 0:
        return size
    last = start + size - 1
    if rows[last, AT] < at or (rows[last, AT] == at and rows[last, RANK] < rank):
        return size
    low = upper(rows, start, 0, size, at - 1)
    while low < size and rows[start + low, AT] == at and rows[start + low, RANK] < rank:
        low += 1
    high = low
    while high < size and rows[start + high, AT] == at and rows[start + high, RANK] == rank:
        high += 1
    if high > low:
        ctl[TIE_LOW], ctl[TIE_HIGH] = low, high
        return TIE
    return low


@kernel
def insert_in(state: State, slot: int, place: int, row: Any) -> Any:
    """Put a row's base words at a place of a segment; OK or GROW_ROWS."""
    ctl, meta, rows = state[0], state[1], state[2]
    base, size, room = ctl[BASE], meta[slot, SIZE], meta[slot, ROOM]
    if size == room:
        more = max(4, 2 * room)
        if ctl[USED] + more > rows.shape[0]:
            return GROW_ROWS
        old, new = meta[slot, START], ctl[USED]
        for i in range(size):
            copy_row(rows, new + i, rows, old + i)
        meta[slot, START], meta[slot, ROOM] = new, more
        ctl[USED] += more
    unwind(state, slot, place)
    start = meta[slot, START]
    for i in range(start + size, start + place, -1):
        for j in range(base):
            rows[i, j] = rows[i - 1, j]
    for j in range(base):
        rows[start + place, j] = row[j]
    meta[slot, SIZE] = size + 1
    latest = row[FROM] if row[TO] == FOREVER else max(row[FROM], row[TO])
    meta[slot, LATEST] = max(meta[slot, LATEST], latest)
    return OK


@kernel
def push_in(state: State, slot: int, row: Any) -> Any:
    """Put a row where it belongs: its place, or TIE, or GROW_ROWS."""
    place = place_of(state, slot, row)
    if place >= 0:
        done = insert_in(state, slot, place, row)
        if done != OK:
            return done
    return place


@kernel
def push(ctl: Any, slot: int, row: Any) -> Any:
    """`push_in` called from Python."""
    return push_in(bare_state(ctl), slot, bare(row))


@kernel
def insert(ctl: Any, slot: int, place: int, row: Any) -> Any:
    """`insert_in` called from Python."""
    return insert_in(bare_state(ctl), slot, place, bare(row))


@kernel
def remove(ctl: Any, slot: int, event: int, at: int) -> Any:
    """Take the rows of an event at an instant out of a segment; gives how many."""
    state = bare_state(ctl)
    meta, rows = state[1], state[2]
    start, size = meta[slot, START], meta[slot, SIZE]
    i, taken = upper(rows, start, 0, size, at - 1), 0
    while i < size and rows[start + i, AT] == at:
        if rows[start + i, EVENT] == event:
            unwind(state, slot, i)
            for r in range(start + i, start + size - 1):
                for j in range(ctl[BASE]):
                    rows[r, j] = rows[r + 1, j]
            size -= 1
            meta[slot, SIZE] = size
            taken += 1
        else:
            i += 1
    return taken


@kernel
def unwind(state: State, slot: int, place: int) -> None:
    """Forget what was derived for the rows from `place` on."""
    ctl, meta, rows, layout, pairs, table, cursors = state[:7]
    start, done = meta[slot, START], meta[slot, DONE]
    if done <= place:
        return
    if meta[slot, CURSOR] >= 0:
        cursor = cursors[meta[slot, CURSOR]]
        for d in range(pairs.size):
            c = ctl[WINDOWS] + 3 * d
            if cursor[c + 1] > place:
                if cursor[c] >= place:
                    cursor[c], cursor[c + 1], cursor[c + 2] = place, place, 0
                else:
                    slide(rows, start, layout[pairs[d], SAME], cursor, c, cursor[c], place)
    for f in range(layout.shape[0]):
        same = layout[f, SAME]
        if same == 0:
            continue
        owner = slot * layout.shape[0] + f
        for i in range(done - 1, place - 1, -1):
            link = rows[start + i, same]
            if link >= 0:
                back = link & LOW32
                table[find(table, owner, rows[start + i, layout[f, X]]), 2] = i - back if back else -1
                if back:
                    rows[start + i - back, same] &= LOW32
    meta[slot, DONE] = place


@kernel
def derive(state: State, slot: int) -> Any:
    """Derive all rows of a segment; OK or GROW_TABLE."""
    ctl, meta, rows, layout, _, table = state[:6]
    start, size = meta[slot, START], meta[slot, SIZE]
    features = layout.shape[0]
    words = state[7].view(np.uint64)[:24]
    for i in range(meta[slot, DONE], size):
        if 2 * (ctl[TABLE_USED] + features) > table.shape[0]:
            return GROW_TABLE
        r = start + i
        counts = rows[r, TO] == FOREVER
        for f in range(features):
            code = code_at(rows, layout, f, r) if counts else 0
            _count(rows, layout[f, COUNTS], r, i, code)
            if layout[f, FAMILY] == MOMENTS1:
                _add(rows, layout[f, MOMENTS], layout[f, X], r, i, code)
            elif layout[f, FAMILY] != 0:
                _sum(rows, layout[f, MOMENTS], layout[f, FAMILY], layout, f, r, i, code, words)
            if layout[f, SECOND_FAMILY] != 0:
                _sum(rows, layout[f, SECOND], layout[f, SECOND_FAMILY], layout, f, r, i, code, words)
            if layout[f, EXTREMES] != 0:
                _link_extremes(rows, layout, f, start, i, code)
            if layout[f, SAME] != 0:
                _link_same(ctl, rows, layout, table, slot * features + f, f, start, i, code)
        meta[slot, DONE] = i + 1
    return OK


@kernel
def _count(rows: Any, offset: int, r: int, i: int, code: int) -> None:
    """Running counts: values in the low 32 bits, rows without one in the high."""
    before = rows[r - 1, offset] if i > 0 else np.int64(0)
    rows[r, offset] = before + (1 if code == VALUE else (1 << 32) if code > VALUE else 0)


@kernel
def _add(rows: Any, offset: int, xs: int, r: int, i: int, code: int) -> None:
    """The running sum of a feature that needs no more, in 128 bits."""
    low = np.uint64(rows[r - 1, offset]) if i > 0 else np.uint64(0)
    high = rows[r - 1, offset + 1] if i > 0 else np.int64(0)
    if code == VALUE:
        high, low = add128(high, low, rows[r, xs])
    rows[r, offset], rows[r, offset + 1] = np.int64(low), high


@kernel
def _sum(rows: Any, offset: int, family: int, layout: Any, f: int, r: int, i: int, code: int, words: Any) -> None:
    size = _SUM_WORDS[family]
    words[0] = np.uint64(0)
    for j in range(size):
        words[1 + j] = np.uint64(rows[r - 1, offset + j]) if i > 0 else np.uint64(0)
    if code == VALUE:
        add(family, words, rows[r, layout[f, X]], rows[r, layout[f, Y]], rows[r, AT])
    for j in range(size):
        rows[r, offset + j] = np.int64(words[1 + j])


@kernel
def last_value(rows: Any, counts: int, start: int, low: int, high: int, wanted: int) -> Any:
    """The first place of [low, high) by which `wanted` values have run up, searched from the end."""
    step = 1
    top = high - 1
    while top - step >= low and (rows[start + top - step, counts] & LOW32) >= wanted:
        top -= step
        step *= 2
    bottom = max(low, top - step + 1) if top - step >= low else low
    while bottom < top:
        middle = (bottom + top) >> 1
        if (rows[start + middle, counts] & LOW32) >= wanted:
            top = middle
        else:
            bottom = middle + 1
    return top


@kernel
def _link_extremes(rows: Any, layout: Any, f: int, start: int, i: int, code: int) -> None:
    """How far back the nearest greater value lies (low 32 bits) and the nearest smaller one; 0 for none."""
    offset, xs, counts = layout[f, EXTREMES], layout[f, X], layout[f, COUNTS]
    rows[start + i, offset] = 0
    if code != VALUE or i == 0 or (rows[start + i - 1, counts] & LOW32) == 0:
        return
    x = rows[start + i, xs]
    near = last_value(rows, counts, start, 0, i, rows[start + i - 1, counts] & LOW32)
    found = np.int64(0)
    for shift in (0, 32):
        j = near
        while True:
            value = rows[start + j, xs]
            if value > x if shift == 0 else value < x:
                found |= np.int64(i - j) << shift
                break
            back = (rows[start + j, offset] >> shift) & LOW32
            if back == 0:
                break
            j -= back
    rows[start + i, offset] = found


@kernel
def _link_same(ctl: Any, rows: Any, layout: Any, table: Any, owner: int, f: int, start: int, i: int, code: int) -> None:
    """How far back the same value lies (low 32 bits), and how far on (0 for none); -1 for a row without a value."""
    same = layout[f, SAME]
    if code != VALUE:
        rows[start + i, same] = -1
        return
    x = rows[start + i, layout[f, X]]
    t = find(table, owner, x)
    if table[t, 2] == -2:
        table[t, 0], table[t, 1] = owner, x
        ctl[TABLE_USED] += 1
    last = table[t, 2]
    rows[start + i, same] = 0
    if last >= 0:
        rows[start + i, same] = i - last
        rows[start + last, same] |= np.int64(i - last) << 32
    table[t, 2] = i


@kernel
def slide(rows: Any, start: int, same: int, cursor: Any, c: int, low: int, high: int) -> None:
    """Move a cursor's count of different values to the rows [low, high)."""
    at, end, different = cursor[c], cursor[c + 1], cursor[c + 2]
    if low >= end or high <= at or abs(low - at) + abs(high - end) > high - low:
        at, end, different = low, low, 0
    while end < high:
        link = rows[start + end, same]
        if link >= 0 and ((link & LOW32) == 0 or end - (link & LOW32) < at):
            different += 1
        end += 1
    while end > high:
        end -= 1
        link = rows[start + end, same]
        if link >= 0 and ((link & LOW32) == 0 or end - (link & LOW32) < at):
            different -= 1
    while at < low:
        link = rows[start + at, same]
        if link >= 0 and ((link >> 32) == 0 or at + (link >> 32) >= end):
            different -= 1
        at += 1
    while at > low:
        at -= 1
        link = rows[start + at, same]
        if link >= 0 and ((link >> 32) == 0 or at + (link >> 32) >= end):
            different += 1
    cursor[c], cursor[c + 1], cursor[c + 2] = at, end, different
