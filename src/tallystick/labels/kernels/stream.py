"""A batch of events taken in and answered one after the other, what they need of memory brought near before."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import COUNT, MEAN, SUM
from tallystick.labels.kernels.answers import NEVER, answer_in, fold_rows, ready, was_seen
from tallystick.labels.kernels.arena import (
    AFTER,
    AT,
    BASE,
    BASED,
    COPY,
    COUNTS,
    CURSOR,
    CURSOR_WIDTH,
    CURSORS,
    CURSORS_SIZE,
    CURSORS_USED,
    DONE,
    EDGE,
    EVENT,
    FEATURES,
    FROM,
    FRONTS,
    GROW_WORK,
    LATEST,
    LAYOUT,
    LAYOUT_WORDS,
    LOW,
    LOW32,
    META,
    META_WORDS,
    MOMENTS,
    OK,
    RANK,
    ROWS,
    SAME,
    SIZE,
    START,
    TABLE,
    TABLE_SIZE,
    TABLE_USED,
    TO,
    WIDTH,
    WORK_SIZE,
    X,
    insert_in,
    move_front,
    push_in,
)
from tallystick.labels.kernels.bare import Words, bytes_at, copy, soon, words_at
from tallystick.labels.kernels.folds import FOLD_WORDS
from tallystick.labels.kernels.quick import (
    AGAIN,
    AMOUNT,
    DELAY,
    FEATURE,
    HINT,
    KIND,
    MODE,
    OUT,
    PRESENT,
    PROGRAM_WORDS,
    quick_answer,
    real_word,
)
from tallystick.labels.kernels.rows import FOREVER, FOUND, NONE
from tallystick.labels.kernels.table import probe
from tallystick.labels.kernels.windows import SPAN, window_of

_CHUNK = 64
"""So many events are taken in and answered together, and what the next ones need of memory is brought near before."""

_STEPS = 8
"""A front that has farther to go is looked for."""

BEGINS, PLACE, MOVES, FIRST, PAST = range(5)
"""A note, of each event of a chunk: where its segment begins, its place, where its row of cursors begins, its window;
then a copy of the derived words of its window's front."""
NOTE_WORDS = 5


@kernel
def _near_segment(ctl: Words, slot: int) -> None:
    """Have what tells of a segment brought near: the first step for a row that will soon be put there."""
    soon(words_at(ctl[META]), max(slot, 0) * META_WORDS)


@kernel
def _near_end(ctl: Words, slot: int, facts: Words, fact: int, takes: bool) -> None:
    """The second step: the end of the segment, its cursors, and where the values of a fact to be taken were last."""
    meta, rows, cursors, width = words_at(ctl[META]), words_at(ctl[ROWS]), words_at(ctl[CURSORS]), ctl[WIDTH]
    layout, table, m = words_at(ctl[LAYOUT]), words_at(ctl[TABLE]), max(slot, 0) * META_WORDS
    end = (meta[m + START] + meta[m + SIZE]) * width
    for j in range(-width, width, 8):
        soon(rows, end + j)
    cursor = meta[m + CURSOR] * ctl[CURSOR_WIDTH]
    if cursor > 0:
        for j in range(0, ctl[CURSOR_WIDTH], 8):
            soon(cursors, cursor + j)
    for f in range(ctl[FEATURES] if takes else 0):
        one = f * LAYOUT_WORDS
        if layout[one + SAME] != 0:
            x = facts[fact + layout[one + X]]
            soon(table, probe(ctl[TABLE_SIZE], slot * ctl[FEATURES] + f, x))


@kernel
def _near_fronts(ctl: Words, slot: int, facts: Words, fact: int, takes: bool) -> None:
    """The third step: rows at the fronts of its windows, and those that have the values of a fact to be taken."""
    meta, rows, cursors, width = words_at(ctl[META]), words_at(ctl[ROWS]), words_at(ctl[CURSORS]), ctl[WIDTH]
    layout, table, m = words_at(ctl[LAYOUT]), words_at(ctl[TABLE]), max(slot, 0) * META_WORDS
    start, cursor = meta[m + START], meta[m + CURSOR] * ctl[CURSOR_WIDTH]
    if cursor > 0:
        for f in range(cursor, cursor + ctl[FRONTS], COPY + width - ctl[BASE]):
            row = (start + cursors[f + LOW]) * width
            for j in range(0, width + 8, 8):
                soon(rows, row + j)
    for f in range(ctl[FEATURES] if takes else 0):
        one = f * LAYOUT_WORDS
        if layout[one + SAME] != 0:
            x = facts[fact + layout[one + X]]
            last = table[probe(ctl[TABLE_SIZE], slot * ctl[FEATURES] + f, x) + 2]
            soon(rows, (start + max(last, 0)) * width + layout[one + SAME])


@kernel
def _bring_near(ctl: Words, which: Words, facts: Words, base: int, chunk: int, size: int, takes: bool) -> None:
    """Bring near what a chunk of events needs, by steps of which each reads what the one before brought.

    Facts that are not taken are of another stream: their values are not of this layout.
    """
    for i in range(min(chunk + 2 * _CHUNK, size), min(chunk + 3 * _CHUNK, size)):
        _near_segment(ctl, which[i])
    for i in range(min(chunk + _CHUNK, size), min(chunk + 2 * _CHUNK, size)):
        _near_end(ctl, which[i], facts, i * base, takes)
    for i in range(chunk, min(chunk + _CHUNK, size)):
        _near_fronts(ctl, which[i], facts, i * base, takes)


@kernel
def _take(ctl: Words, which: Words, facts: Words, base: int, begin: int, stop: int, kept: Any) -> Any:
    """Take facts in while each lies after all of its segment, is known no earlier, and no array must grow.

    Gives where that ends. What is derived for a row hangs on no row after it, so that they are answered later.
    """
    meta, rows, width, features = words_at(ctl[META]), words_at(ctl[ROWS]), ctl[WIDTH], ctl[FEATURES]
    notes, words = words_at(kept), NOTE_WORDS + width - base
    for i in range(begin, stop):
        slot, r = which[i], i * base
        m = slot * META_WORDS
        size = meta[m + SIZE]
        if meta[m + BASED] > 0 or facts[r + TO] != FOREVER or facts[r + FROM] < meta[m + LATEST]:
            return i
        if size > 0:
            last = (meta[m + START] + size - 1) * width
            at = rows[last + AT]
            if facts[r + AT] < at or (facts[r + AT] == at and facts[r + RANK] <= rows[last + RANK]):
                return i
        if 2 * (ctl[TABLE_USED] + features * (size + 1 - meta[m + DONE])) > ctl[TABLE_SIZE]:
            return i
        if ctl[CURSORS_USED] == ctl[CURSORS_SIZE] or insert_in(ctl, slot, size, facts, r) != OK:
            return i
        ready(ctl, slot)
        notes[(i - begin) * words + PLACE] = size
    return stop


@kernel
def _find_windows(
    ctl: Words,
    program: Words,
    p: int,
    bounds: int,
    step: int,
    leaf: int,
    facts: Words,
    begin: int,
    upto: int,
    kept: Any,
) -> None:
    """Note the window of a leaf at each point, and the derived words of its front."""
    rows, cursors, width, base = words_at(ctl[ROWS]), words_at(ctl[CURSORS]), ctl[WIDTH], ctl[BASE]
    notes, words = words_at(kept), NOTE_WORDS + width - base
    hint, present, span = program[p + HINT], program[p + PRESENT], program[p + AMOUNT]
    none: Any = np.int64(0)
    moves_on = program[p + MODE] == SPAN and program[p + DELAY] == 0
    for i in range(begin, upto):
        note, r = (i - begin) * words, i * base
        start, cursor, size = notes[note + BEGINS], notes[note + MOVES], notes[note + PLACE] + 1
        t, k, own, last = facts[r + AT], facts[r + FROM], facts[r + EVENT], size - 1 + present
        f, after = cursor + hint, t - span
        low: Any = cursors[f + LOW]
        high: Any = last
        known = moves_on and cursor > 0 and after >= cursors[f + AFTER] and low <= last
        if known and after >= cursors[f + EDGE]:
            stop = min(low + _STEPS, last)
            while low < stop and rows[(start + low) * width + AT] <= after:
                low += 1
            known = low < stop
            if known:
                move_front(rows, width, base, start, size, cursors, f, low)
        if not known:
            here = words_at(bounds + step * i)
            low, high = window_of(
                ctl, program, p, here, leaf, start, size, none, cursors, cursor, last, t, k, own, True
            )
        notes[note + FIRST], notes[note + PAST] = low, high
        copy(notes, note + NOTE_WORDS, cursors, f + COPY, width - base)


@kernel
def _answer_taken(
    ctl: Words,
    program: Words,
    leaves: int,
    bounds: int,
    step: int,
    values: Words,
    statuses: Any,
    size: int,
    which: Words,
    facts: Words,
    begin: int,
    upto: int,
    kept: Any,
) -> Any:
    """Answer the points of facts that were just taken in, leaf by leaf: OK or GROW_WORK."""
    meta, rows, cursors = words_at(ctl[META]), words_at(ctl[ROWS]), words_at(ctl[CURSORS])
    layout, width, base = words_at(ctl[LAYOUT]), ctl[WIDTH], ctl[BASE]
    notes, words = words_at(kept), NOTE_WORDS + width - base
    # Where the copies of fronts lie, counted from the cursors.
    apart = ((kept - ctl[CURSORS]) >> 3) + NOTE_WORDS - COPY
    none: Any = np.int64(0)
    for i in range(begin, upto):
        note, m = (i - begin) * words, which[i] * META_WORDS
        notes[note + BEGINS], notes[note + MOVES] = meta[m + START], meta[m + CURSOR] * ctl[CURSOR_WIDTH]
    for leaf in range(leaves):
        p = leaf * PROGRAM_WORDS
        kind, out, present = program[p + KIND], program[p + OUT] * size, program[p + PRESENT]
        linear, one = kind in (COUNT, SUM, MEAN), program[p + FEATURE] * LAYOUT_WORDS
        counts, sums = layout[one + COUNTS], layout[one + MOMENTS] if kind != COUNT else base
        if program[p + AGAIN] == 0:
            _find_windows(ctl, program, p, bounds, step, leaf, facts, begin, upto, kept)
        for i in range(begin, upto):
            note, r = (i - begin) * words, i * base
            start, cursor = notes[note + BEGINS], notes[note + MOVES]
            low, high = notes[note + FIRST], notes[note + PAST]
            t, k, own = facts[r + AT], facts[r + FROM], facts[r + EVENT]
            status: Any = np.int64(-1)
            word: Any = np.int64(0)
            if linear and high > low:
                # Most are a difference of what ran up; what is not so plain is asked as any other.
                last, less = (start + high - 1) * width, note + NOTE_WORDS - base
                n = (rows[last + counts] & LOW32) - (notes[less + counts] & LOW32)
                after, before = last + sums, less + sums
                if n > 0 and kind == COUNT:
                    status, word = np.int64(FOUND), n
                elif n > 0 and (rows[after] | notes[before]) >= 0 and (rows[after + 1] | notes[before + 1]) == 0:
                    status, word = np.int64(FOUND), rows[after] - notes[before]
                    if kind == MEAN:
                        status, word = real_word(np.float64(word) / np.float64(n))
            if status < 0:
                cells: Any = cursor if cursor > 0 else np.int64(-1)
                status, word = quick_answer(
                    ctl, rows, layout, program, p, start, cursors, apart + note, cells, low, high, t
                )
            if status < 0:
                if ctl[WORK_SIZE] < FOLD_WORDS + 5 * (high - low):
                    return GROW_WORK
                status, word = fold_rows(ctl, program, p, none, start, low, high, t, k, own)
            if status == NONE:
                seen = was_seen(ctl, which[i] * META_WORDS, notes[note + PLACE] + present, k, own, present != 0)
                status = NONE if seen > 0 else NEVER
            statuses[out + i], values[out + i] = status, word
    return OK


@kernel
def run(
    ctl_at: int,
    program: Any,
    bounds: Any,
    values: Any,
    statuses: Any,
    slots: Any,
    facts: Any,
    begin: int,
    placed: int,
    takes: bool,
) -> Any:
    """Take in events one after the other and answer each own point; or answer free points, when `takes` is false.

    A point is the instant of a fact and when it was known. Gives how many are done and why it stopped: OK, TIE (place
    the next one yourself, then go on with `placed` 1), or a GROW of `kernels.arena`; and how many of the next ones are
    placed already.
    """
    ctl, table, size, leaves = words_at(np.int64(ctl_at)), words_at(program.ctypes.data), slots.size, program.shape[0]
    rows, said = words_at(facts.ctypes.data), bytes_at(np.int64(statuses.ctypes.data))
    words, which = words_at(values.ctypes.data), words_at(slots.ctypes.data)
    limits: Any = np.int64(bounds.ctypes.data)
    base = facts.shape[1]
    step = 16 * leaves if bounds.shape[0] > 1 else 0
    none: Any = np.int64(0)
    kept = np.empty(_CHUNK * (NOTE_WORDS + ctl[WIDTH] - base), np.int64)
    placed_to = begin + placed
    for chunk in range(begin, size, _CHUNK):
        _bring_near(ctl, which, rows, base, chunk, size, takes)
        i, end = chunk, min(chunk + _CHUNK, size)
        while i < end:
            if takes and leaves > 0 and i >= placed_to:
                notes: Any = np.int64(kept.ctypes.data)
                upto = _take(ctl, which, rows, base, i, end, notes)
                done = _answer_taken(ctl, table, leaves, limits, step, words, said, size, which, rows, i, upto, notes)
                if done != OK:
                    return i, done, upto - i
                i = upto
                if i == end:
                    break
            if takes and i >= placed_to:
                done = push_in(ctl, which[i], rows, i * base)
                if done < 0:
                    return i, done, 0
            if leaves > 0:
                row = i * base
                own: Any = rows[row + EVENT] if takes else np.int64(-1)
                here = words_at(limits + step * i)
                t, k = rows[row + AT], rows[row + FROM]
                done = answer_in(ctl, table, leaves, here, words, said, i, size, none, which[i], t, k, own, -1)
                if done != OK:
                    return i, done, max(placed_to - i, 1) if takes else 0
            i += 1
    return size, OK, 0
