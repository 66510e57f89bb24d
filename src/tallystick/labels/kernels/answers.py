"""The answers of a segment at a point: windows found, then derived words read or visible rows gathered and folded."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import SEQUENCE, TOP
from tallystick.labels.kernels.arena import (
    AT,
    BASED,
    BASES,
    CURSOR,
    CURSOR_WIDTH,
    CURSORS,
    CURSORS_SIZE,
    CURSORS_USED,
    DROPPED,
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
    WIDTH,
    WORK,
    WORK_SIZE,
    X,
    Y,
    code_at,
)
from tallystick.labels.kernels.bare import Words, bytes_at, signed, unsigned, words_at
from tallystick.labels.kernels.bases import MORE_WORK, from_base
from tallystick.labels.kernels.derived import derive
from tallystick.labels.kernels.folds import FOLD_WORDS, fold, fold_list
from tallystick.labels.kernels.quick import (
    AGAIN,
    CAP,
    FEATURE,
    HASHED,
    HINT,
    KIND,
    LISTED,
    MODE,
    OUT,
    PARAM,
    PRESENT,
    PROGRAM_WORDS,
    REAL,
    gives_zero,
    nothing,
    quick_answer,
)
from tallystick.labels.kernels.quick_bases import quick_from_base
from tallystick.labels.kernels.rows import AWAITING, FILTERED, FOUND, NONE, VALUE
from tallystick.labels.kernels.windows import ALL, ends_of, shown, window_of

NEVER = 5
"""Beside the statuses of `rows`: there never was a fact."""

PROGRAM, LEAVES, BOUNDS, VALUES, STATUSES, LISTS = 0, 1, 3, 6, 9, 12
"""Where a call has the addresses of its program, bounds, answers and lists, and how many leaves there are."""
CALL_WORDS = 15


@kernel
def answer_in(
    ctl: Words,
    program: Words,
    leaves: int,
    bounds: Words,
    values: Words,
    statuses: Any,
    place: int,
    step: int,
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
    values, statuses
        For each leaf its value, a double by its bits, and its status; of a list how many of `lists` it has.
    place, step
        Where in `values` and `statuses` the first leaf's answer is, and how far on the next leaf's.
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
        _answer_nowhere(program, leaves, values, statuses, place, step, NONE if slot == -2 else NEVER)
        return OK
    meta, rows, m = words_at(ctl[META]), words_at(ctl[ROWS]), slot * META_WORDS
    quick = k >= meta[m + LATEST]
    if quick:
        done = ready(ctl, slot)
        if done != OK:
            return done
    start, size = meta[m + START], meta[m + SIZE]
    cursors, cursor = words_at(ctl[CURSORS]), meta[m + CURSOR] * ctl[CURSOR_WIDTH]
    based, stop = meta[m + BASED], end
    relics: Any = words_at(ctl[BASES])[based] if based > 0 else np.int64(0)
    if end < 0:
        end, stop = ends_of(rows, ctl[WIDTH], start, size, t, k, own)
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
            low, high = window_of(
                ctl, program, p, bounds, leaf, start, size, relics, cursors, cursor, last, t, k, own, quick
            )
        status, word = _answer_leaf(ctl, based, program, p, lists, start, cursors, cursor, low, high, t, k, own, quick)
        if status == MORE_WORK:
            return GROW_WORK
        if status == NONE and present:
            with_own = was_seen(ctl, m, stop, k, own, True) if with_own < 0 else with_own
            status = NONE if with_own > 0 else NEVER
        elif status == NONE:
            without = was_seen(ctl, m, end, k, own, False) if without < 0 else without
            status = NONE if without > 0 else NEVER
        here = place + program[p + OUT] * step
        statuses[here], values[here] = status, word
    return OK


@kernel
def _answer_nowhere(
    program: Words, leaves: int, values: Words, statuses: Any, place: int, step: int, nothing: int
) -> None:
    """Answer where there is no segment: `nothing` is the status of what an empty window does not make 0."""
    for leaf in range(leaves):
        p = leaf * PROGRAM_WORDS
        here = place + program[p + OUT] * step
        statuses[here], values[here] = FOUND if gives_zero(program[p + KIND]) else nothing, 0


@kernel
def _answer_leaf(
    ctl: Words,
    based: int,
    program: Words,
    p: int,
    lists: int,
    start: int,
    cursors: Words,
    cursor: int,
    low: int,
    high: int,
    t: int,
    k: int,
    own: int,
    quick: bool,
) -> Any:
    """Status and value of a leaf whose window is [low, high): from derived words where they say it, else by folding."""
    status: Any = np.int64(-1)
    word: Any = np.int64(0)
    # Of a row of cursors that several segments use only fronts are to be believed.
    front, cells = cursor + program[p + HINT], cursor if cursor > 0 else -1
    if based > 0 and program[p + MODE] == ALL:
        if quick:
            status, word = quick_from_base(ctl, based, program, p, start, cursors, front, cells, low, high, t)
        if status < 0:
            status, word = from_base(ctl, based, program, p, lists, start, low, high, t, k, own)
        return status, word
    if quick:
        rows, layout = words_at(ctl[ROWS]), words_at(ctl[LAYOUT])
        status, word = quick_answer(ctl, rows, layout, program, p, start, cursors, front, cells, low, high, t)
    if status < 0:
        if ctl[WORK_SIZE] < FOLD_WORDS + 5 * (high - low):
            return np.int64(MORE_WORK), word
        status, word = fold_rows(ctl, program, p, lists, start, low, high, t, k, own)
    return status, word


@kernel
def ready(ctl: Words, slot: int) -> Any:
    """Derive what is new in a segment, and give it cursors once it is large."""
    meta, m = words_at(ctl[META]), slot * META_WORDS
    done = derive(ctl, slot)
    if done == OK and meta[m + CURSOR] == 0 and meta[m + SIZE] > SMALL:
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
def was_seen(ctl: Words, m: int, end: int, k: int, own: int, present: bool) -> Any:
    """1 where a point sees any row of a segment before place `end`, or facts were dropped from it."""
    meta, rows, width = words_at(ctl[META]), words_at(ctl[ROWS]), ctl[WIDTH]
    if meta[m + DROPPED] != 0:
        return np.int64(1)
    start = meta[m + START]
    for r in range(start, start + end):
        if shown(rows, r * width, k, own, present):
            return np.int64(1)
    return np.int64(0)


@kernel
def fold_rows(
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
        return nothing(kind, nulls, awaiting)
    if kind in (TOP, SEQUENCE):
        room = signed(lists + 8 * program[p + LISTED], program[p + PARAM])
        return np.int64(FOUND), np.int64(fold_list(kind, xs, 0, n, program[p + PARAM], room, scratch))
    hashed = unsigned(ctl[HASHES] + 8 * max(program[p + HASHED], 0) * ctl[HASHES_WIDTH], ctl[HASHES_WIDTH])
    status, whole, value = fold(kind, xs, ys, ats, 0, n, t, program[p + PARAM], program[p + CAP], hashed, scratch)
    word = np.float64(value).view(np.int64) if program[p + REAL] != 0 else np.int64(whole)
    return np.int64(status), word


@kernel
def answer(ctl_at: int, call_at: int, slot: int, t: int, k: int, own: int, end: int) -> Any:
    """`answer_in` for one point, called from Python: by the addresses of an arena's ctl and of a call."""
    ctl, call = words_at(np.int64(ctl_at)), words_at(np.int64(call_at))
    program, bounds, values = words_at(call[PROGRAM]), words_at(call[BOUNDS]), words_at(call[VALUES])
    statuses, lists = bytes_at(call[STATUSES]), call[LISTS]
    return answer_in(ctl, program, call[LEAVES], bounds, values, statuses, 0, 1, lists, slot, t, k, own, end)
