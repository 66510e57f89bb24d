"""Where live facts lie: the row versions of every key in one array, a segment each, with what makes windows quick.

A row is `base` words as facts give it (instant, known from, known to, event, rank among equal instants, codes of its
features two bits each, values of its features) and derived words that follow from the rows before it in its segment:
running counts and sums of each feature, links to the nearest greater and smaller value, links to the same value. A
segment's first `DONE` rows have them. They speak of the rows that nothing has superseded, so they answer for every
k from `LATEST` on; for an earlier k the rows are looked at one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.bare import ARRAYS, Words, copy, words_at
from tallystick.labels.kernels.rows import FOREVER
from tallystick.labels.kernels.table import find

AT, FROM, TO, EVENT, RANK, CODES = 0, 1, 2, 3, 4, 5
"""Words of a row; 31 features to a word of codes, then the values."""

START, SIZE, ROOM, DONE, LATEST, CURSOR, DROPPED, BASED = 0, 1, 2, 3, 4, 5, 6, 7
"""Words of a segment: where its rows begin, how many, how many fit, how many are derived, from which k on they
answer, its row of cursors (0 for none of its own), whether facts were dropped from it, where its base
lies (0 for none)."""
META_WORDS = 8

BASE, USED, TABLE_USED, CURSORS_USED, FRONTS, TIE_LOW, TIE_HIGH = 0, 1, 2, 3, 4, 5, 6
"""Words of ctl; `FRONTS` of a row of cursors are for fronts, the others for cells."""
META, ROWS, ROWS_SIZE, WIDTH = ARRAYS, ARRAYS + 3, ARRAYS + 4, ARRAYS + 5
LAYOUT, FEATURES, CELLS, CELLS_SIZE = ARRAYS + 6, ARRAYS + 7, ARRAYS + 9, ARRAYS + 10
TABLE, TABLE_SIZE, CURSORS, CURSORS_SIZE, CURSOR_WIDTH = (ARRAYS + one for one in (12, 13, 15, 16, 17))
WORK, WORK_SIZE, HASHES, HASHES_WIDTH = ARRAYS + 18, ARRAYS + 19, ARRAYS + 21, ARRAYS + 23
"""Where ctl has the addresses of the arrays of an arena, and what of their shapes is needed."""
FREE = ARRAYS + 24
"""For each power of two the first of the segments with so much room that were left, plus one; its first word is the
next."""
BASES = FREE + 48
"""Where ctl has the address of the bases (`kernels.blocks`)."""
CTL_WORDS = BASES + 3

LOW, AFTER, EDGE, COPY = 0, 1, 2, 3
"""A front, of each window of a segment that moves on: its first place, the instants of the row before it and of its
first row, and the derived words of the row before it; so that nothing of rows long past is read until one leaves."""

DIFFERENT, MOST, LEAST = 0, 1, 2
"""What a cell is for: the rows [low, high) of a window and how many different values they have; or the place
after the last of them with the greatest or smallest value (0 for none), and that value."""
CELL_WORDS = 4

X, Y, WORD, SHIFT, COUNTS, MOMENTS, FAMILY, SECOND, SECOND_FAMILY, EXTREMES, SAME = range(11)
"""A feature's layout: offsets in a row (0 where it has no such words), the families of its sums."""
LAYOUT_WORDS = 11

OK, TIE, GROW_ROWS, GROW_TABLE, GROW_CURSORS, GROW_WORK, LOST = 0, -1, -2, -3, -4, -5, -6
"""What a kernel says when it cannot go on: the caller grows an array, or settles equal ranks, and calls again."""

SMALL = 8
"""A segment of no more rows needs no cursors of its own."""
_LEAST_ROOM = 4
LOW32 = 0xFFFFFFFF


@kernel
def code_at(rows: Words, layout: Words, f: int, row: int) -> Any:
    """What the row at word `row` means to feature `f`."""
    one = f * LAYOUT_WORDS
    return (rows[row + layout[one + WORD]] >> layout[one + SHIFT]) & 3


@kernel
def upper(rows: Words, width: int, start: int, low: int, high: int, limit: int) -> Any:
    """The first of the places [low, high) of a segment whose instant is above `limit`."""
    while low < high:
        middle = (low + high) >> 1
        if rows[(start + middle) * width + AT] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def seek(rows: Words, width: int, start: int, size: int, limit: int, hint: int) -> Any:
    """`upper` over [0, size), in few steps when the answer is near `hint`."""
    low, high, step = 0, size, 1
    at = min(max(hint, 0), size)
    if at < size and rows[(start + at) * width + AT] <= limit:
        low = at + 1
        while low + step <= size and rows[(start + low + step - 1) * width + AT] <= limit:
            low += step
            step *= 2
        high = min(size, low + step)
    else:
        high = at
        while high - step >= 0 and rows[(start + high - step) * width + AT] > limit:
            high -= step
            step *= 2
        low = max(0, high - step)
    return upper(rows, width, start, low, high, limit)


@kernel
def _class_of(room: Any) -> Any:
    """The greatest power of two that is no more than `room`."""
    found = 0
    while (np.int64(2) << found) <= room:
        found += 1
    return found


@kernel
def _leave(ctl: Words, rows: Words, width: int, start: int, room: int) -> None:
    """Keep a segment that is left for another key."""
    if room >= _LEAST_ROOM:
        head = FREE + _class_of(room)
        rows[start * width] = ctl[head]
        ctl[head] = start + 1


@kernel
def _move(ctl: Words, meta: Words, rows: Words, width: int, m: int) -> Any:
    """Move a segment to where it has twice the room; OK or GROW_ROWS."""
    start, room = meta[m + START], meta[m + ROOM]
    more = max(np.int64(_LEAST_ROOM), np.int64(2) << _class_of(room)) if room > 0 else np.int64(_LEAST_ROOM)
    head = FREE + _class_of(more)
    new: Any = ctl[head] - 1
    if new >= 0:
        ctl[head] = rows[new * width]
    else:
        new = ctl[USED]
        if new + more > ctl[ROWS_SIZE]:
            return GROW_ROWS
        ctl[USED] += more
    to, old = new * width, start * width
    for i in range(meta[m + SIZE] * width):
        rows[to + i] = rows[old + i]
    _leave(ctl, rows, width, start, room)
    meta[m + START], meta[m + ROOM] = new, more
    return OK


@kernel
def place_of(ctl: Words, slot: int, row: Words, r: int) -> Any:
    """Where a row belongs in a segment; TIE where equal instants and ranks leave it open (`TIE_LOW`, `TIE_HIGH`)."""
    meta, rows, width, m = words_at(ctl[META]), words_at(ctl[ROWS]), ctl[WIDTH], slot * META_WORDS
    start, size = meta[m + START], meta[m + SIZE]
    at, rank = row[r + AT], row[r + RANK]
    if size == 0:
        return size
    last = (start + size - 1) * width
    if rows[last + AT] < at or (rows[last + AT] == at and rows[last + RANK] < rank):
        return size
    low = upper(rows, width, start, 0, size, at - 1)
    while low < size and rows[(start + low) * width + AT] == at and rows[(start + low) * width + RANK] < rank:
        low += 1
    high = low
    while high < size and rows[(start + high) * width + AT] == at and rows[(start + high) * width + RANK] == rank:
        high += 1
    if high > low:
        ctl[TIE_LOW], ctl[TIE_HIGH] = low, high
        return np.int64(TIE)
    return low


@kernel
def insert_in(ctl: Words, slot: int, place: int, row: Words, r: int) -> Any:
    """Put a row's base words at a place of a segment; OK or GROW_ROWS."""
    meta, rows, width, m = words_at(ctl[META]), words_at(ctl[ROWS]), ctl[WIDTH], slot * META_WORDS
    base, size = ctl[BASE], meta[m + SIZE]
    if size == meta[m + ROOM] and _move(ctl, meta, rows, width, m) != OK:
        return GROW_ROWS
    if meta[m + DONE] > place:
        unwind(ctl, slot, place)
    start = meta[m + START]
    for i in range(start + size, start + place, -1):
        for j in range(base):
            rows[i * width + j] = rows[(i - 1) * width + j]
    copy(rows, (start + place) * width, row, r, base)
    meta[m + SIZE] = size + 1
    latest = row[r + FROM] if row[r + TO] == FOREVER else max(row[r + FROM], row[r + TO])
    meta[m + LATEST] = max(meta[m + LATEST], latest)
    return OK


@kernel
def push_in(ctl: Words, slot: int, row: Words, r: int) -> Any:
    """Put a row where it belongs: its place, or TIE, or GROW_ROWS."""
    place = place_of(ctl, slot, row, r)
    if place >= 0:
        done = insert_in(ctl, slot, place, row, r)
        if done != OK:
            return np.int64(done)
    return place


@kernel
def push(ctl_at: int, slot: int, row_at: int) -> Any:
    """`push_in` called from Python."""
    return push_in(words_at(np.int64(ctl_at)), slot, words_at(np.int64(row_at)), 0)


@kernel
def insert(ctl_at: int, slot: int, place: int, row_at: int) -> Any:
    """`insert_in` called from Python."""
    return insert_in(words_at(np.int64(ctl_at)), slot, place, words_at(np.int64(row_at)), 0)


@kernel
def before(ctl_at: int, slot: int, t: int) -> Any:
    """How many rows of a segment lie before `t`."""
    ctl = words_at(np.int64(ctl_at))
    meta, m = words_at(ctl[META]), slot * META_WORDS
    return upper(words_at(ctl[ROWS]), ctl[WIDTH], meta[m + START], 0, meta[m + SIZE], t - 1)


@kernel
def remove(ctl_at: int, slot: int, event: int, at: int) -> Any:
    """Take the rows of an event at an instant out of a segment; gives how many."""
    ctl = words_at(np.int64(ctl_at))
    meta, rows, width, m = words_at(ctl[META]), words_at(ctl[ROWS]), ctl[WIDTH], slot * META_WORDS
    start, size = meta[m + START], meta[m + SIZE]
    i, taken = upper(rows, width, start, 0, size, at - 1), 0
    while i < size and rows[(start + i) * width + AT] == at:
        if rows[(start + i) * width + EVENT] == event:
            unwind(ctl, slot, i)
            for r in range(start + i, start + size - 1):
                for j in range(ctl[BASE]):
                    rows[r * width + j] = rows[(r + 1) * width + j]
            size -= 1
            meta[m + SIZE] = size
            taken += 1
        else:
            i += 1
    return taken


@kernel
def unwind(ctl: Words, slot: int, place: int) -> None:
    """Forget what was derived for the rows from `place` on."""
    meta, rows, layout = words_at(ctl[META]), words_at(ctl[ROWS]), words_at(ctl[LAYOUT])
    table = words_at(ctl[TABLE])
    width, m, features = ctl[WIDTH], slot * META_WORDS, ctl[FEATURES]
    start, done = meta[m + START], meta[m + DONE]
    if done <= place:
        return
    if meta[m + CURSOR] > 0:
        _unwind_cursors(ctl, rows, layout, start, meta[m + CURSOR] * ctl[CURSOR_WIDTH], place)
    for f in range(features):
        one = f * LAYOUT_WORDS
        same, owner = layout[one + SAME], slot * features + f
        if same == 0:
            continue
        for i in range(done - 1, place - 1, -1):
            row = (start + i) * width
            link = rows[row + same]
            if link >= 0:
                back = link & LOW32
                table[find(table, ctl[TABLE_SIZE], owner, rows[row + layout[one + X]]) + 2] = i - back if back else -1
                if 0 < back <= i:
                    rows[row - back * width + same] &= LOW32
    meta[m + DONE] = place


@kernel
def _unwind_cursors(ctl: Words, rows: Words, layout: Words, start: int, cursor: int, place: int) -> None:
    cells, cursors, width = words_at(ctl[CELLS]), words_at(ctl[CURSORS]), ctl[WIDTH]
    fronts = cursor + ctl[FRONTS]
    for f in range(cursor, fronts, COPY + width - ctl[BASE]):
        if cursors[f + LOW] >= place:
            cursors[f + AFTER] = FOREVER
    for d in range(ctl[CELLS_SIZE]):
        c = fronts + CELL_WORDS * d
        if cursors[c + 1] <= place:
            continue
        if cells[2 * d + 1] != DIFFERENT:
            cursors[c + 2] = 0
        elif cursors[c] >= place:
            cursors[c], cursors[c + 1], cursors[c + 2] = place, place, 0
        else:
            slide(rows, width, start, layout[cells[2 * d] * LAYOUT_WORDS + SAME], cursors, c, cursors[c], place)


@kernel
def move_front(rows: Words, width: int, base: int, start: int, size: int, cursors: Words, f: int, low: int) -> None:
    """Put a front before the row at a place."""
    cursors[f + LOW], less = low, f + COPY - base
    here = (start + low) * width
    if low > 0:
        cursors[f + AFTER] = rows[here - width + AT]
        copy(cursors, less + base, rows, here - width + base, width - base)
    else:
        cursors[f + AFTER] = -FOREVER
        for j in range(base, width):
            cursors[less + j] = 0
    # Of a row that is not there yet nothing is known.
    cursors[f + EDGE] = rows[here + AT] if low < size else -FOREVER


@kernel
def slide(rows: Words, width: int, start: int, same: int, cursors: Words, c: int, low: int, high: int) -> None:
    """Move a cursor's count of different values to the rows [low, high); from place -1 on, of those not in the base."""
    at, end, different = cursors[c], cursors[c + 1], cursors[c + 2]
    if low >= end or high <= at or abs(low - at) + abs(high - end) > high - low or low < 0 <= at:
        at, end, different = low, max(low, np.int64(0)), np.int64(0)
    while end < high:
        link = rows[(start + end) * width + same]
        if link >= 0 and ((link & LOW32) == 0 or end - (link & LOW32) < at):
            different += 1
        end += 1
    while end > high:
        end -= 1
        link = rows[(start + end) * width + same]
        if link >= 0 and ((link & LOW32) == 0 or end - (link & LOW32) < at):
            different -= 1
    while at < low:
        link = rows[(start + at) * width + same]
        if link >= 0 and ((link >> 32) == 0 or at + (link >> 32) >= end):
            different -= 1
        at += 1
    while at > low:
        at -= 1
        link = rows[(start + at) * width + same]
        if link >= 0 and ((link >> 32) == 0 or at + (link >> 32) >= end):
            different += 1
    cursors[c], cursors[c + 1], cursors[c + 2] = at, end, different
