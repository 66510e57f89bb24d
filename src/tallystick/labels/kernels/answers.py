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
    CURSORS_USED,
    DROPPED,
    EVENT,
    FROM,
    GROW_CURSORS,
    GROW_WORK,
    LATEST,
    LOST,
    LOW32,
    OK,
    SIZE,
    SMALL,
    START,
    TO,
    WINDOWS,
    State,
    X,
    Y,
    code_at,
    derive,
    push_in,
    seek,
    upper,
)
from tallystick.labels.kernels.bare import bare, bare_program, bare_state
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
    gives_zero,
    quick_answer,
)
from tallystick.labels.kernels.rows import AWAITING, FILTERED, FOUND, NONE, NOT_YET_KNOWN, SOURCE_NULL, VALUE

NEVER = 5
"""Beside the statuses of `rows`: there never was a fact."""

SPAN, ALL, LATEST_EVENTS, SESSION, GIVEN = 0, 1, 2, 3, 4
"""Windows: `GIVEN` ones come as bounds."""


@kernel
def answer_in(
    state: State, program: Any, bounds: Any, out: Any, lists: Any, slot: int, t: int, k: int, own: int, end: int
) -> Any:
    """Answer the leaves of a program for a segment at a point.

    Parameters
    ----------
    state
        Of the arena (`kernels.arena`).
    program
        A row for each leaf.
    bounds
        For each leaf (after, until) where its window is `GIVEN`.
    out
        For each leaf its status, its value where it is whole, and the bits of its value where it is real; for a list
        the second is how many of `lists` it has.
    lists
        Room for the values of lists.
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
    meta, rows = state[1], state[2]
    if slot < 0:
        for leaf in range(program.shape[0]):
            empty = gives_zero(program[leaf, KIND])
            _put(out, leaf, FOUND if empty else NONE if slot == -2 else NEVER, np.int64(0), 0.0)
        return OK
    quick = k >= meta[slot, LATEST]
    if quick:
        done = _ready(state, slot)
        if done != OK:
            return done
    stop = end
    if end < 0:
        end, stop = _ends(rows, meta[slot, START], meta[slot, SIZE], t, k, own)
        if end < 0:
            return LOST
    quick = quick and (own < 0 or stop > end)
    low: Any = np.int64(0)
    high: Any = np.int64(0)
    without, with_own = np.int64(-1), np.int64(-1)
    for leaf in range(program.shape[0]):
        p = program[leaf]
        present = p[PRESENT] != 0
        last = stop if present else end
        if p[AGAIN] == 0:
            low, high = _window(state, p, bounds[leaf], slot, last, t, k, own, quick)
        status: Any = np.int64(-1)
        whole: Any = np.int64(0)
        value = 0.0
        if quick:
            status, whole, value = quick_answer(state, p, slot, low, high, t)
        if status < 0:
            if state[7].size < FOLD_WORDS + 5 * (high - low):
                return GROW_WORK
            status, whole, value = _fold(state, p, lists, slot, low, high, t, k, own)
        if status == NONE and present:
            with_own = _seen(rows, meta, slot, stop, k, own, True) if with_own < 0 else with_own
            status = NONE if with_own > 0 else NEVER
        elif status == NONE:
            without = _seen(rows, meta, slot, end, k, own, False) if without < 0 else without
            status = NONE if without > 0 else NEVER
        _put(out, leaf, status, whole, value)
    return OK


@kernel
def _ready(state: State, slot: int) -> Any:
    """Derive what is new in a segment, and give it cursors once it is large."""
    done = derive(state, slot)
    if done == OK and state[1][slot, CURSOR] < 0 and state[1][slot, SIZE] > SMALL:
        return _take_cursor(state, slot)
    return done


@kernel
def _put(out: Any, leaf: int, status: int, whole: Any, value: float) -> None:
    out[leaf, 0], out[leaf, 1] = status, whole
    out[leaf, 2] = np.float64(value).view(np.int64)


@kernel
def _take_cursor(state: State, slot: int) -> Any:
    ctl, meta, pairs, cursors = state[0], state[1], state[4], state[6]
    if ctl[WINDOWS] + pairs.size == 0:
        return OK
    if ctl[CURSORS_USED] == cursors.shape[0]:
        return GROW_CURSORS
    meta[slot, CURSOR] = ctl[CURSORS_USED]
    for word in range(cursors.shape[1]):
        cursors[ctl[CURSORS_USED], word] = 0
    ctl[CURSORS_USED] += 1
    return OK


@kernel
def shown(rows: Any, r: int, k: int, own: int, present: bool) -> bool:
    """Whether row `r` counts at a point."""
    return rows[r, FROM] <= k and k < rows[r, TO] and (present or rows[r, EVENT] != own)


@kernel
def _seen(rows: Any, meta: Any, slot: int, end: int, k: int, own: int, present: bool) -> Any:
    if meta[slot, DROPPED] != 0:
        return np.int64(1)
    start = meta[slot, START]
    for r in range(start, start + end):
        if shown(rows, r, k, own, present):
            return np.int64(1)
    return np.int64(0)


@kernel
def _ends(rows: Any, start: int, size: int, t: int, k: int, own: int) -> Any:
    """Where the rows before a point end, without and with its own event; -1 where only the caller can say."""
    if own == -1:
        end = size if size == 0 or rows[start + size - 1, AT] <= t else upper(rows, start, 0, size, t)
        return end, end
    last = start + size - 1
    if own < -1:
        low = upper(rows, start, 0, size, t - 1)
        return low, low
    if size > 0 and rows[last, AT] == t and rows[last, EVENT] == own and shown(rows, last, k, own, True):
        return size - 1, size
    low = upper(rows, start, 0, size, t - 1)
    i = low
    while i < size and rows[start + i, AT] == t:
        if rows[start + i, EVENT] == own and shown(rows, start + i, k, own, True):
            return i, i + 1
        i += 1
    return (low, low) if i == low else (np.int64(-1), np.int64(-1))


@kernel
def _window(state: State, p: Any, bound: Any, slot: int, last: int, t: int, k: int, own: int, quick: bool) -> Any:
    """The places [low, high) of a leaf's window."""
    _ctl, meta, rows, layout, _, _, cursors = state[:7]
    start, mode = meta[slot, START], p[MODE]
    until = t - p[DELAY]
    after = until - p[AMOUNT]
    if mode == GIVEN:
        after, until = bound[0], bound[1]
    high = last if until >= t else upper(rows, start, 0, last, until)
    if mode == ALL:
        return np.int64(0), high
    if mode == LATEST_EVENTS:
        if quick:
            return _start_of_events(rows, layout[p[FEATURE], COUNTS], start, high, p[AMOUNT]), high
        return _walk_events(rows, layout, p, start, high, k, own), high
    if mode == SESSION:
        return _walk_session(rows, layout, p, start, high, k, own, until), high
    if meta[slot, CURSOR] < 0 or p[HINT] < 0:
        return upper(rows, start, 0, high, after), high
    low = min(seek(rows, start, meta[slot, SIZE], after, cursors[meta[slot, CURSOR], p[HINT]]), high)
    cursors[meta[slot, CURSOR], p[HINT]] = low
    return low, high


@kernel
def _passed(rows: Any, counts: int, r: int) -> Any:
    return (rows[r, counts] & LOW32) + (rows[r, counts] >> 32)


@kernel
def _start_of_events(rows: Any, counts: int, start: int, high: int, wanted: int) -> Any:
    if high == 0:
        return np.int64(0)
    limit = _passed(rows, counts, start + high - 1) - wanted
    low: Any = np.int64(0)
    top: Any = high
    while low < top:
        middle = (low + top) >> 1
        if _passed(rows, counts, start + middle) > limit:
            top = middle
        else:
            low = middle + 1
    return low


@kernel
def _walk_events(rows: Any, layout: Any, p: Any, start: int, high: int, k: int, own: int) -> Any:
    i, wanted = high, p[AMOUNT]
    while i > 0 and wanted > 0:
        i -= 1
        if code_at(rows, layout, p[FEATURE], start + i) != FILTERED and shown(rows, start + i, k, own, p[PRESENT] != 0):
            wanted -= 1
    return i


@kernel
def _walk_session(rows: Any, layout: Any, p: Any, start: int, high: int, k: int, own: int, until: int) -> Any:
    found, edge, i = high, until, high
    while i > 0 and edge - rows[start + i - 1, AT] <= p[AMOUNT]:
        i -= 1
        if code_at(rows, layout, p[FEATURE], start + i) != FILTERED and shown(rows, start + i, k, own, p[PRESENT] != 0):
            found, edge = i, rows[start + i, AT]
    return found


@kernel
def _fold(state: State, p: Any, lists: Any, slot: int, low: int, high: int, t: int, k: int, own: int) -> Any:
    """The definition: gather what is visible, and fold it."""
    rows, layout, work, hashes = state[2], state[3], state[7], state[8]
    start, size, f, present = state[1][slot, START], max(high - low, 0), p[FEATURE], p[PRESENT] != 0
    scratch = work[: FOLD_WORDS + 2 * size]
    xs = work[FOLD_WORDS + 2 * size : FOLD_WORDS + 3 * size]
    ys = work[FOLD_WORDS + 3 * size : FOLD_WORDS + 4 * size]
    ats = work[FOLD_WORDS + 4 * size : FOLD_WORDS + 5 * size]
    n: Any = np.int64(0)
    nulls, awaiting = 0, 0
    for r in range(start + low, start + high):
        code = code_at(rows, layout, f, r)
        if code != FILTERED and shown(rows, r, k, own, present):
            if code == VALUE:
                xs[n], ys[n], ats[n] = rows[r, layout[f, X]], rows[r, layout[f, Y]], rows[r, AT]
                n += 1
            elif code == AWAITING:
                awaiting += 1
            else:
                nulls += 1
    if n == 0:
        if nulls + awaiting > 0:
            return np.int64(NOT_YET_KNOWN if awaiting > 0 else SOURCE_NULL), np.int64(0), 0.0
        return np.int64(FOUND if gives_zero(p[KIND]) else NONE), np.int64(0), 0.0
    if p[KIND] == TOP or p[KIND] == SEQUENCE:
        return np.int64(FOUND), np.int64(fold_list(p[KIND], xs, 0, n, p[PARAM], lists[p[LISTED] :], scratch)), 0.0
    hashed = hashes[max(p[HASHED], 0)]
    status, whole, value = fold(p[KIND], xs, ys, ats, 0, n, t, p[PARAM], p[CAP], hashed, scratch)
    return np.int64(status), np.int64(whole), np.float64(value)


@kernel
def answer(ctl: Any, call: Any, slot: int, t: int, k: int, own: int, end: int) -> Any:
    """`answer_in` for one point, called from Python: the arena by its ctl, the program by its addresses."""
    program, bounds, out, lists = bare_program(call)
    return answer_in(bare_state(ctl), program, bounds, out, lists, slot, t, k, own, end)


@kernel
def run(
    ctl: Any,
    program: Any,
    bounds: Any,
    out: Any,
    lists: Any,
    slots: Any,
    facts: Any,
    points: Any,
    begin: int,
    placed: int,
    takes: bool,
) -> Any:
    """Take in events one after the other and answer each own point; or answer free points, when `takes` is false.

    Gives how many are done and why it stopped: OK, TIE (place the next one yourself, then go on with `placed` 1), or
    a GROW of `kernels.arena`; and whether the next one was already placed.
    """
    state, program, bounds, out, lists = bare_state(ctl), bare(program), bare(bounds), bare(out), bare(lists)
    slots, facts, points = bare(slots), bare(facts), bare(points)
    one = bounds.shape[0] - 1
    for i in range(begin, slots.size):
        if takes and placed == 0:
            done = push_in(state, slots[i], facts[i])
            if done < 0:
                return i, done, 0
        placed = 0
        if program.shape[0] > 0:
            own: Any = facts[i, EVENT] if takes else np.int64(-1)
            done = answer_in(
                state, program, bounds[min(i, one)], out[i], lists, slots[i], points[i, 0], points[i, 1], own, -1
            )
            if done != OK:
                return i, done, 1 if takes else 0
    return slots.size, OK, 0
