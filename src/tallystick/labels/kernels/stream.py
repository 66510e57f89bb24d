"""A batch of events taken in and answered one after the other, what they need of memory brought near before."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.answers import answer_in
from tallystick.labels.kernels.arena import (
    AT,
    BASE,
    COPY,
    CURSOR,
    CURSOR_WIDTH,
    CURSORS,
    EVENT,
    FEATURES,
    FROM,
    FRONTS,
    LAYOUT,
    LAYOUT_WORDS,
    LOW,
    META,
    META_WORDS,
    OK,
    ROWS,
    SAME,
    SIZE,
    START,
    TABLE,
    TABLE_SIZE,
    WIDTH,
    X,
    push_in,
)
from tallystick.labels.kernels.bare import Words, bytes_at, soon, words_at
from tallystick.labels.kernels.table import probe

_STEP = 6
"""So many events ahead memory is brought near: most of an event's time were waits for rows long past."""


@kernel
def _near_segment(ctl: Words, slot: int) -> None:
    """Have what tells of a segment brought near: the first step for a row that will soon be put there."""
    soon(words_at(ctl[META]), max(slot, 0) * META_WORDS)


@kernel
def _near_end(ctl: Words, slot: int, facts: Words, fact: int) -> None:
    """The second step: the end of the segment, its cursors, and where its values were last."""
    meta, rows, cursors, width = words_at(ctl[META]), words_at(ctl[ROWS]), words_at(ctl[CURSORS]), ctl[WIDTH]
    layout, table, m = words_at(ctl[LAYOUT]), words_at(ctl[TABLE]), max(slot, 0) * META_WORDS
    end = (meta[m + START] + meta[m + SIZE]) * width
    for j in range(-width, width, 8):
        soon(rows, end + j)
    cursor = meta[m + CURSOR] * ctl[CURSOR_WIDTH]
    if cursor > 0:
        for j in range(0, ctl[CURSOR_WIDTH], 8):
            soon(cursors, cursor + j)
    for f in range(ctl[FEATURES]):
        one = f * LAYOUT_WORDS
        if layout[one + SAME] != 0:
            x = facts[fact + layout[one + X]]
            soon(table, probe(ctl[TABLE_SIZE], slot * ctl[FEATURES] + f, x))


@kernel
def _near_fronts(ctl: Words, slot: int, facts: Words, fact: int) -> None:
    """The third step: rows at the fronts of its windows, and those that have its values."""
    meta, rows, cursors, width = words_at(ctl[META]), words_at(ctl[ROWS]), words_at(ctl[CURSORS]), ctl[WIDTH]
    layout, table, m = words_at(ctl[LAYOUT]), words_at(ctl[TABLE]), max(slot, 0) * META_WORDS
    start, cursor = meta[m + START], meta[m + CURSOR] * ctl[CURSOR_WIDTH]
    if cursor > 0:
        for f in range(cursor, cursor + ctl[FRONTS], COPY + width - ctl[BASE]):
            row = (start + cursors[f + LOW]) * width
            for j in range(0, width + 8, 8):
                soon(rows, row + j)
    for f in range(ctl[FEATURES]):
        one = f * LAYOUT_WORDS
        if layout[one + SAME] != 0:
            x = facts[fact + layout[one + X]]
            last = table[probe(ctl[TABLE_SIZE], slot * ctl[FEATURES] + f, x) + 2]
            soon(rows, (start + max(last, 0)) * width + layout[one + SAME])


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
    the next one yourself, then go on with `placed` 1), or a GROW of `kernels.arena`; and whether the next one was
    already placed.
    """
    ctl, table, size, leaves = words_at(np.int64(ctl_at)), words_at(program.ctypes.data), slots.size, program.shape[0]
    many, rows = bounds.shape[0] > 1, words_at(facts.ctypes.data)
    words, said = words_at(values.ctypes.data), bytes_at(np.int64(statuses.ctypes.data))
    base, limits, which = facts.shape[1], np.int64(bounds.ctypes.data), words_at(slots.ctypes.data)
    none: Any = np.int64(0)
    for i in range(begin, size):
        slot, row = which[i], i * base
        if i + 3 * _STEP < size:
            _near_segment(ctl, which[i + 3 * _STEP])
            _near_end(ctl, which[i + 2 * _STEP], rows, row + 2 * _STEP * base)
            _near_fronts(ctl, which[i + _STEP], rows, row + _STEP * base)
        if takes and placed == 0:
            done = push_in(ctl, slot, rows, row)
            if done < 0:
                return i, done, 0
        placed = 0
        if leaves > 0:
            own: Any = rows[row + EVENT] if takes else np.int64(-1)
            here = words_at(limits + (16 * leaves * i if many else 0))
            t, k = rows[row + AT], rows[row + FROM]
            done = answer_in(ctl, table, leaves, here, words, said, i, size, none, slot, t, k, own, -1)
            if done != OK:
                return i, done, 1 if takes else 0
    return size, OK, 0
