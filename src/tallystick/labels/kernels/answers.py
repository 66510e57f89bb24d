"""The answers of a segment at a point: windows found, then derived words read or visible rows gathered and folded."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import SEQUENCE, TOP
from tallystick.labels.kernels.arena import (
    AT,
    COUNTS,
    CURSOR,
    CURSOR_WIDTH,
    CURSORS,
    CURSORS_SIZE,
    CURSORS_USED,
    DROPPED,
    EVENT,
    FROM,
    GROW_CURSORS,
    GROW_WORK,
    HASHES,
    HASHES_WIDTH,
    LATEST,
    LAYOUT,
    LAYOUT_WORDS,
    LOST,
    META,
    META_WORDS,
    OK,
    ROWS,
    SIZE,
    SMALL,
    START,
    TO,
    WIDTH,
    WORK,
    WORK_SIZE,
    X,
    Y,
    code_at,
    derive,
    push_in,
    seek,
    upper,
)
from tallystick.labels.kernels.bare import Words, signed, unsigned, words_at
from tallystick.labels.kernels.folds import FOLD_WORDS, fold, fold_list
from tallystick.labels.kernels.quick import (
    AGAIN,
    AMOUNT,
    CAP,
    DELAY,
    FEATURE,
    HASHED,
    HINT,
    KIND,
    LISTED,
    MODE,
    PARAM,
    PRESENT,
    PROGRAM_WORDS,
    gives_zero,
    quick_answer,
    start_of_events,
)
from tallystick.labels.kernels.rows import AWAITING, FILTERED, FOUND, NONE, NOT_YET_KNOWN, SOURCE_NULL, VALUE

NEVER = 5
"""Beside the statuses of `rows`: there never was a fact."""

SPAN, ALL, LATEST_EVENTS, SESSION, GIVEN = 0, 1, 2, 3, 4
"""Windows: `GIVEN` ones come as bounds."""

PROGRAM, LEAVES, BOUNDS, OUT, LISTS = 0, 1, 3, 6, 9
"""Where a call has the addresses of its program, bounds, answers and lists, and how many leaves there are."""


@kernel
def answer_in(
    ctl: Words,
    program: Words,
    leaves: int,
    bounds: Words,
    out: Words,
    place: int,
    step: int,
    stride: int,
    lists: int,
    slot: int,
    t: int,
    k: int,
    own: int,
    end: int,
) -> Any:
    """Answer the leaves of a program for a segment at a point.

    Parameters
    ----------
    ctl
        Of the arena (`kernels.arena`).
    program, leaves
        A row for each leaf, and how many there are.
    bounds
        For each leaf (after, until) where its window is `GIVEN`.
    out
        For each leaf its status, its value where it is whole, and the bits of its value where it is real; for a list
        the second is how many of `lists` it has.
    place, step, stride
        Where in `out` the first leaf's status is, how far on the next leaf's, and how far on the next word.
    lists
        Address of the room for the values of lists.
    slot
        The segment; below 0 there is none, and -2 says that there once was.
    t, k
        The point.
    own
        Number of the own event, -1 where the point is none of this stream, -2 of an event that is not known.
    end
        Where the rows before the own event end, or -1 to find it by the event.

    Returns
    -------
    int
        OK, or GROW_TABLE, GROW_CURSORS, GROW_WORK (answer again with more room), or LOST: rows of other events stand
        at `t` and the own event does not, so the caller says where it belongs.
    """
    if slot < 0:
        for leaf in range(leaves):
            empty = gives_zero(program[leaf * PROGRAM_WORDS + KIND])
            here = place + leaf * step
            out[here] = FOUND if empty else NONE if slot == -2 else NEVER
            out[here + stride] = out[here + 2 * stride] = 0
        return OK
    meta, rows, m = words_at(ctl[META]), words_at(ctl[ROWS]), slot * META_WORDS
    quick = k >= meta[m + LATEST]
    if quick:
        done = _ready(ctl, slot)
        if done != OK:
            return done
    start, size = meta[m + START], meta[m + SIZE]
    cursors, cursor = words_at(ctl[CURSORS]), meta[m + CURSOR]
    if cursor >= 0:
        cursor *= ctl[CURSOR_WIDTH]
    stop = end
    if end < 0:
        end, stop = _ends(rows, ctl[WIDTH], start, size, t, k, own)
        if end < 0:
            return LOST
    quick = quick and (own < 0 or stop > end)
    low: Any = np.int64(0)
    high: Any = np.int64(0)
    without, with_own = np.int64(-1), np.int64(-1)
    for leaf in range(leaves):
        p = leaf * PROGRAM_WORDS
        present = program[p + PRESENT] != 0
        last = stop if present else end
        if program[p + AGAIN] == 0:
            low, high = _window(ctl, program, p, bounds, leaf, start, size, cursors, cursor, last, t, k, own, quick)
        status: Any = np.int64(-1)
        whole: Any = np.int64(0)
        value = 0.0
        if quick:
            status, whole, value = quick_answer(ctl, program, p, start, cursors, cursor, low, high, t)
        if status < 0:
            if ctl[WORK_SIZE] < FOLD_WORDS + 5 * (high - low):
                return GROW_WORK
            status, whole, value = _fold(ctl, program, p, lists, start, low, high, t, k, own)
        if status == NONE and present:
            with_own = _seen(ctl, m, stop, k, own, True) if with_own < 0 else with_own
            status = NONE if with_own > 0 else NEVER
        elif status == NONE:
            without = _seen(ctl, m, end, k, own, False) if without < 0 else without
            status = NONE if without > 0 else NEVER
        here = place + leaf * step
        out[here], out[here + stride] = status, whole
        out[here + 2 * stride] = np.float64(value).view(np.int64)
    return OK


@kernel
def _ready(ctl: Words, slot: int) -> Any:
    """Derive what is new in a segment, and give it cursors once it is large."""
    meta, m = words_at(ctl[META]), slot * META_WORDS
    done = derive(ctl, slot)
    if done == OK and meta[m + CURSOR] < 0 and meta[m + SIZE] > SMALL:
        return _take_cursor(ctl, meta, m)
    return done


@kernel
def _take_cursor(ctl: Words, meta: Words, m: int) -> Any:
    if ctl[CURSORS_USED] == ctl[CURSORS_SIZE]:
        return GROW_CURSORS
    cursors, used = words_at(ctl[CURSORS]), ctl[CURSORS_USED]
    meta[m + CURSOR] = used
    for word in range(ctl[CURSOR_WIDTH]):
        cursors[used * ctl[CURSOR_WIDTH] + word] = 0
    ctl[CURSORS_USED] = used + 1
    return OK


@kernel
def shown(rows: Words, row: int, k: int, own: int, present: bool) -> bool:
    """Whether the row at word `row` counts at a point."""
    return rows[row + FROM] <= k and k < rows[row + TO] and (present or rows[row + EVENT] != own)


@kernel
def _seen(ctl: Words, m: int, end: int, k: int, own: int, present: bool) -> Any:
    meta, rows, width = words_at(ctl[META]), words_at(ctl[ROWS]), ctl[WIDTH]
    if meta[m + DROPPED] != 0:
        return np.int64(1)
    start = meta[m + START]
    for r in range(start, start + end):
        if shown(rows, r * width, k, own, present):
            return np.int64(1)
    return np.int64(0)


@kernel
def _ends(rows: Words, width: int, start: int, size: int, t: int, k: int, own: int) -> Any:
    """Where the rows before a point end, without and with its own event; -1 where only the caller can say."""
    last = (start + size - 1) * width
    if own == -1:
        end = size if size == 0 or rows[last + AT] <= t else upper(rows, width, start, 0, size, t)
        return end, end
    if own < -1:
        low = upper(rows, width, start, 0, size, t - 1)
        return low, low
    if size > 0 and rows[last + AT] == t and rows[last + EVENT] == own and shown(rows, last, k, own, True):
        return size - 1, size
    low = upper(rows, width, start, 0, size, t - 1)
    i = low
    while i < size and rows[(start + i) * width + AT] == t:
        if rows[(start + i) * width + EVENT] == own and shown(rows, (start + i) * width, k, own, True):
            return i, i + 1
        i += 1
    return (low, low) if i == low else (np.int64(-1), np.int64(-1))


@kernel
def _window(
    ctl: Words,
    program: Words,
    p: int,
    bounds: Words,
    leaf: int,
    start: int,
    size: int,
    cursors: Words,
    cursor: int,
    last: int,
    t: int,
    k: int,
    own: int,
    quick: bool,
) -> Any:
    """The places [low, high) of a leaf's window."""
    rows, layout, width, mode = words_at(ctl[ROWS]), words_at(ctl[LAYOUT]), ctl[WIDTH], program[p + MODE]
    until = t - program[p + DELAY]
    after = until - program[p + AMOUNT]
    if mode == GIVEN:
        after, until = bounds[2 * leaf], bounds[2 * leaf + 1]
    high = last if until >= t else upper(rows, width, start, 0, last, until)
    if mode in (SPAN, GIVEN):
        if cursor < 0 or program[p + HINT] < 0:
            return upper(rows, width, start, 0, high, after), high
        c = cursor + program[p + HINT]
        low = min(seek(rows, width, start, size, after, cursors[c]), high)
        cursors[c] = low
        return low, high
    if mode == ALL:
        return np.int64(0), high
    if mode == LATEST_EVENTS:
        if quick:
            counts = layout[program[p + FEATURE] * LAYOUT_WORDS + COUNTS]
            return start_of_events(rows, width, counts, start, high, program[p + AMOUNT]), high
        return _walk_events(rows, width, layout, program, p, start, high, k, own), high
    return _walk_session(rows, width, layout, program, p, start, high, k, own, until), high


@kernel
def _passes(rows: Words, layout: Words, program: Words, p: int, row: int, k: int, own: int) -> bool:
    if code_at(rows, layout, program[p + FEATURE], row) == FILTERED:
        return False
    return shown(rows, row, k, own, program[p + PRESENT] != 0)


@kernel
def _walk_events(
    rows: Words, width: int, layout: Words, program: Words, p: int, start: int, high: int, k: int, own: int
) -> Any:
    i, wanted = high, program[p + AMOUNT]
    while i > 0 and wanted > 0:
        i -= 1
        if _passes(rows, layout, program, p, (start + i) * width, k, own):
            wanted -= 1
    return i


@kernel
def _walk_session(
    rows: Words, width: int, layout: Words, program: Words, p: int, start: int, high: int, k: int, own: int, until: int
) -> Any:
    found, edge, i = high, until, high
    while i > 0 and edge - rows[(start + i - 1) * width + AT] <= program[p + AMOUNT]:
        i -= 1
        if _passes(rows, layout, program, p, (start + i) * width, k, own):
            found, edge = i, rows[(start + i) * width + AT]
    return found


@kernel
def _fold(
    ctl: Words, program: Words, p: int, lists: int, start: int, low: int, high: int, t: int, k: int, own: int
) -> Any:
    """The definition: gather what is visible, and fold it."""
    rows, layout, width = words_at(ctl[ROWS]), words_at(ctl[LAYOUT]), ctl[WIDTH]
    size, f, present, kind = max(high - low, 0), program[p + FEATURE], program[p + PRESENT] != 0, program[p + KIND]
    work, one = ctl[WORK], f * LAYOUT_WORDS
    scratch = signed(work, FOLD_WORDS + 2 * size)
    xs = signed(work + 8 * (FOLD_WORDS + 2 * size), size)
    ys = signed(work + 8 * (FOLD_WORDS + 3 * size), size)
    ats = signed(work + 8 * (FOLD_WORDS + 4 * size), size)
    n: Any = np.int64(0)
    nulls, awaiting = 0, 0
    for r in range(start + low, start + high):
        row = r * width
        code = code_at(rows, layout, f, row)
        if code != FILTERED and shown(rows, row, k, own, present):
            if code == VALUE:
                xs[n], ys[n], ats[n] = rows[row + layout[one + X]], rows[row + layout[one + Y]], rows[row + AT]
                n += 1
            elif code == AWAITING:
                awaiting += 1
            else:
                nulls += 1
    if n == 0:
        if nulls + awaiting > 0:
            return np.int64(NOT_YET_KNOWN if awaiting > 0 else SOURCE_NULL), np.int64(0), 0.0
        return np.int64(FOUND if gives_zero(kind) else NONE), np.int64(0), 0.0
    if kind in (TOP, SEQUENCE):
        room = signed(lists + 8 * program[p + LISTED], program[p + PARAM])
        return np.int64(FOUND), np.int64(fold_list(kind, xs, 0, n, program[p + PARAM], room, scratch)), 0.0
    hashed = unsigned(ctl[HASHES] + 8 * max(program[p + HASHED], 0) * ctl[HASHES_WIDTH], ctl[HASHES_WIDTH])
    status, whole, value = fold(kind, xs, ys, ats, 0, n, t, program[p + PARAM], program[p + CAP], hashed, scratch)
    return np.int64(status), np.int64(whole), np.float64(value)


@kernel
def answer(ctl_at: int, call_at: int, slot: int, t: int, k: int, own: int, end: int) -> Any:
    """`answer_in` for one point, called from Python: by the addresses of an arena's ctl and of a call."""
    ctl, call = words_at(np.int64(ctl_at)), words_at(np.int64(call_at))
    program, bounds, out = words_at(call[PROGRAM]), words_at(call[BOUNDS]), words_at(call[OUT])
    return answer_in(ctl, program, call[LEAVES], bounds, out, 0, 1, call[LEAVES], call[LISTS], slot, t, k, own, end)


@kernel
def run(
    ctl_at: int, program: Any, bounds: Any, out: Any, slots: Any, facts: Any, begin: int, placed: int, takes: bool
) -> Any:
    """Take in events one after the other and answer each own point; or answer free points, when `takes` is false.

    A point is the instant of a fact and when it was known. Gives how many are done and why it stopped: OK, TIE (place
    the next one yourself, then go on with `placed` 1), or a GROW of `kernels.arena`; and whether the next one was
    already placed.
    """
    ctl, table, size, leaves = words_at(np.int64(ctl_at)), words_at(program.ctypes.data), slots.size, program.shape[0]
    many, answers, rows = bounds.shape[0] > 1, words_at(out.ctypes.data), words_at(facts.ctypes.data)
    base, limits, which = facts.shape[1], np.int64(bounds.ctypes.data), words_at(slots.ctypes.data)
    none: Any = np.int64(0)
    for i in range(begin, size):
        slot, row = which[i], i * base
        if takes and placed == 0:
            done = push_in(ctl, slot, rows, row)
            if done < 0:
                return i, done, 0
        placed = 0
        if leaves > 0:
            own: Any = rows[row + EVENT] if takes else np.int64(-1)
            here = words_at(limits + (16 * leaves * i if many else 0))
            t, k = rows[row + AT], rows[row + FROM]
            done = answer_in(ctl, table, leaves, here, answers, i, 3 * size, size, none, slot, t, k, own, -1)
            if done != OK:
                return i, done, 1 if takes else 0
    return size, OK, 0
