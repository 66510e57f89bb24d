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
from tallystick.labels.kernels.bare import ARRAYS, Words, unsigned, words_at
from tallystick.labels.kernels.linear import add
from tallystick.labels.kernels.rows import FOREVER, VALUE
from tallystick.labels.kernels.table import find
from tallystick.labels.kernels.wide import add128

AT, FROM, TO, EVENT, RANK, CODES = 0, 1, 2, 3, 4, 5
"""Words of a row; 31 features to a word of codes, then the values."""

START, SIZE, ROOM, DONE, LATEST, CURSOR, DROPPED = 0, 1, 2, 3, 4, 5, 6
"""Words of a segment: where its rows begin, how many, how many fit, how many are derived, from which k on they
answer, its row of cursors (-1 for none), whether facts were dropped from it."""
META_WORDS = 8

BASE, USED, TABLE_USED, CURSORS_USED, WINDOWS, TIE_LOW, TIE_HIGH = 0, 1, 2, 3, 4, 5, 6
"""Words of ctl."""
META, ROWS, ROWS_SIZE, WIDTH = ARRAYS, ARRAYS + 3, ARRAYS + 4, ARRAYS + 5
LAYOUT, FEATURES, PAIRS, PAIRS_SIZE = ARRAYS + 6, ARRAYS + 7, ARRAYS + 9, ARRAYS + 10
TABLE, TABLE_SIZE, CURSORS, CURSORS_SIZE, CURSOR_WIDTH = (ARRAYS + one for one in (12, 13, 15, 16, 17))
WORK, WORK_SIZE, HASHES, HASHES_WIDTH = ARRAYS + 18, ARRAYS + 19, ARRAYS + 21, ARRAYS + 23
"""Where ctl has the addresses of the arrays of an arena, and what of their shapes is needed."""
CTL_WORDS = ARRAYS + 24

X, Y, WORD, SHIFT, COUNTS, MOMENTS, FAMILY, SECOND, SECOND_FAMILY, EXTREMES, SAME = range(11)
"""A feature's layout: offsets in a row (0 where it has no such words), the families of its sums."""
LAYOUT_WORDS = 11

OK, TIE, GROW_ROWS, GROW_TABLE, GROW_CURSORS, GROW_WORK, LOST = 0, -1, -2, -3, -4, -5, -6
"""What a kernel says when it cannot go on: the caller grows an array, or settles equal ranks, and calls again."""

SMALL = 64
"""A segment of no more rows needs no cursors."""
LOW32 = 0xFFFFFFFF
_SUM_WORDS = (0, 2, 5, 9, 4, 10)


def sum_words(family: int) -> int:
    """How many words the sums of a family take in a row."""
    return _SUM_WORDS[family]


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
def repack(meta_at: int, slots: int, old_at: int, new_at: int, width: int) -> Any:
    """Move all segments to the beginning of a new array; gives how many of its rows are taken."""
    meta, old, new = words_at(np.int64(meta_at)), words_at(np.int64(old_at)), words_at(np.int64(new_at))
    used = 0
    for slot in range(slots):
        m = slot * META_WORDS
        begin, start = used * width, meta[m + START] * width
        for i in range(meta[m + SIZE] * width):
            new[begin + i] = old[start + i]
        meta[m + START] = used
        used += meta[m + ROOM]
    return used


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
    base, size, room = ctl[BASE], meta[m + SIZE], meta[m + ROOM]
    if size == room:
        more = max(4, 2 * room)
        if ctl[USED] + more > ctl[ROWS_SIZE]:
            return GROW_ROWS
        old, new = meta[m + START] * width, ctl[USED] * width
        for i in range(size * width):
            rows[new + i] = rows[old + i]
        meta[m + START], meta[m + ROOM] = ctl[USED], more
        ctl[USED] += more
    if meta[m + DONE] > place:
        unwind(ctl, slot, place)
    start = meta[m + START]
    for i in range(start + size, start + place, -1):
        for j in range(base):
            rows[i * width + j] = rows[(i - 1) * width + j]
    here = (start + place) * width
    for j in range(base):
        rows[here + j] = row[r + j]
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
    pairs, table, cursors = words_at(ctl[PAIRS]), words_at(ctl[TABLE]), words_at(ctl[CURSORS])
    width, m, features = ctl[WIDTH], slot * META_WORDS, ctl[FEATURES]
    start, done = meta[m + START], meta[m + DONE]
    if done <= place:
        return
    if meta[m + CURSOR] >= 0:
        for d in range(ctl[PAIRS_SIZE]):
            c = meta[m + CURSOR] * ctl[CURSOR_WIDTH] + ctl[WINDOWS] + 3 * d
            if cursors[c + 1] > place:
                if cursors[c] >= place:
                    cursors[c], cursors[c + 1], cursors[c + 2] = place, place, 0
                else:
                    same = layout[pairs[d] * LAYOUT_WORDS + SAME]
                    slide(rows, width, start, same, cursors, c, cursors[c], place)
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
                if back:
                    rows[row - back * width + same] &= LOW32
    meta[m + DONE] = place


@kernel
def derive(ctl: Words, slot: int) -> Any:
    """Derive all rows of a segment; OK or GROW_TABLE."""
    meta, rows, layout = words_at(ctl[META]), words_at(ctl[ROWS]), words_at(ctl[LAYOUT])
    width, m, features = ctl[WIDTH], slot * META_WORDS, ctl[FEATURES]
    start, size = meta[m + START], meta[m + SIZE]
    for i in range(meta[m + DONE], size):
        if 2 * (ctl[TABLE_USED] + features) > ctl[TABLE_SIZE]:
            return GROW_TABLE
        row = (start + i) * width
        last: Any = row - width if i > 0 else np.int64(-1)
        counts = rows[row + TO] == FOREVER
        for f in range(features):
            one = f * LAYOUT_WORDS
            offset = layout[one + COUNTS]
            if offset == 0:
                continue
            code = code_at(rows, layout, f, row) if counts else 0
            # Values run up in the low 32 bits, rows without one in the high.
            so_far = rows[last + offset] if i > 0 else 0
            rows[row + offset] = so_far + (1 if code == VALUE else (1 << 32) if code > VALUE else 0)
            if layout[one + FAMILY] == 1:
                _add(rows, layout[one + MOMENTS], layout[one + X], row, last, code)
            elif layout[one + FAMILY] != 0:
                _sum(ctl, rows, layout[one + MOMENTS], layout[one + FAMILY], one, row, last, code)
            if layout[one + SECOND_FAMILY] != 0:
                _sum(ctl, rows, layout[one + SECOND], layout[one + SECOND_FAMILY], one, row, last, code)
            if layout[one + EXTREMES] != 0:
                _link_extremes(rows, width, layout, one, start, i, code)
            if layout[one + SAME] != 0:
                _link_same(ctl, rows, width, layout, slot * features + f, one, start, i, code)
        meta[m + DONE] = i + 1
    return OK


@kernel
def _add(rows: Words, offset: int, xs: int, row: int, last: int, code: int) -> None:
    """The running sum of a feature that needs no more, in 128 bits."""
    low = np.uint64(rows[last + offset]) if last >= 0 else np.uint64(0)
    high = rows[last + offset + 1] if last >= 0 else np.int64(0)
    if code == VALUE:
        high, low = add128(high, low, rows[row + xs])
    rows[row + offset], rows[row + offset + 1] = np.int64(low), high


@kernel
def _sum(ctl: Words, rows: Words, offset: int, family: int, one: int, row: int, last: int, code: int) -> None:
    words, layout, size = unsigned(ctl[WORK], 24), words_at(ctl[LAYOUT]), _SUM_WORDS[family]
    words[0] = np.uint64(0)
    for j in range(size):
        words[1 + j] = np.uint64(rows[last + offset + j]) if last >= 0 else np.uint64(0)
    if code == VALUE:
        add(family, words, rows[row + layout[one + X]], rows[row + layout[one + Y]], rows[row + AT])
    for j in range(size):
        rows[row + offset + j] = np.int64(words[1 + j])


@kernel
def last_value(rows: Words, width: int, counts: int, start: int, low: int, high: int, wanted: int) -> Any:
    """The first place of [low, high) by which `wanted` values have run up, searched from the end."""
    step = 1
    top = high - 1
    while top - step >= low and (rows[(start + top - step) * width + counts] & LOW32) >= wanted:
        top -= step
        step *= 2
    bottom = max(low, top - step + 1) if top - step >= low else low
    while bottom < top:
        middle = (bottom + top) >> 1
        if (rows[(start + middle) * width + counts] & LOW32) >= wanted:
            top = middle
        else:
            bottom = middle + 1
    return top


@kernel
def _link_extremes(rows: Words, width: int, layout: Words, one: int, start: int, i: int, code: int) -> None:
    """How far back the nearest greater value lies (low 32 bits) and the nearest smaller one; 0 for none."""
    offset, xs, counts = layout[one + EXTREMES], layout[one + X], layout[one + COUNTS]
    row = (start + i) * width
    rows[row + offset] = 0
    if code != VALUE or i == 0 or (rows[row - width + counts] & LOW32) == 0:
        return
    x = rows[row + xs]
    near = last_value(rows, width, counts, start, 0, i, rows[row - width + counts] & LOW32)
    found = np.int64(0)
    for shift in (0, 32):
        j = near
        while True:
            there = (start + j) * width
            value = rows[there + xs]
            if value > x if shift == 0 else value < x:
                found |= np.int64(i - j) << shift
                break
            back = (rows[there + offset] >> shift) & LOW32
            if back == 0:
                break
            j -= back
    rows[row + offset] = found


@kernel
def _link_same(
    ctl: Words, rows: Words, width: int, layout: Words, owner: int, one: int, start: int, i: int, code: int
) -> None:
    """How far back the same value lies (low 32 bits), and how far on (0 for none); -1 for a row without a value."""
    same, row = layout[one + SAME], (start + i) * width
    if code != VALUE:
        rows[row + same] = -1
        return
    x, table = rows[row + layout[one + X]], words_at(ctl[TABLE])
    t = find(table, ctl[TABLE_SIZE], owner, x)
    if table[t + 2] == -2:
        table[t], table[t + 1] = owner, x
        ctl[TABLE_USED] += 1
    last = table[t + 2]
    rows[row + same] = 0
    if last >= 0:
        rows[row + same] = i - last
        rows[(start + last) * width + same] |= np.int64(i - last) << 32
    table[t + 2] = i


@kernel
def slide(rows: Words, width: int, start: int, same: int, cursors: Words, c: int, low: int, high: int) -> None:
    """Move a cursor's count of different values to the rows [low, high)."""
    at, end, different = cursors[c], cursors[c + 1], cursors[c + 2]
    if low >= end or high <= at or abs(low - at) + abs(high - end) > high - low:
        at, end, different = low, low, 0
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
