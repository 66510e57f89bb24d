"""Where the rows before a point end in a segment, and which of them lie in a window."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.arena import (
    AFTER,
    AT,
    BASE,
    COUNTS,
    EDGE,
    EVENT,
    FROM,
    LAYOUT,
    LAYOUT_WORDS,
    LOW,
    ROWS,
    TO,
    WIDTH,
    code_at,
    move_front,
    seek,
    upper,
)
from tallystick.labels.kernels.bare import Words, words_at
from tallystick.labels.kernels.quick import AMOUNT, DELAY, FEATURE, HINT, MODE, PRESENT, start_of_events
from tallystick.labels.kernels.rows import FILTERED

SPAN, ALL, LATEST_EVENTS, SESSION, GIVEN = 0, 1, 2, 3, 4
"""Windows: `GIVEN` ones come as bounds."""


@kernel
def shown(rows: Words, row: int, k: int, own: int, present: bool) -> bool:
    """Whether the row at word `row` counts at a point."""
    return rows[row + FROM] <= k and k < rows[row + TO] and (present or rows[row + EVENT] != own)


@kernel
def ends_of(rows: Words, width: int, start: int, size: int, t: int, k: int, own: int) -> Any:
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
def window_of(
    ctl: Words,
    program: Words,
    p: int,
    bounds: Words,
    leaf: int,
    start: int,
    size: int,
    relics: int,
    cursors: Words,
    cursor: int,
    last: int,
    t: int,
    k: int,
    own: int,
    quick: bool,
) -> Any:
    """The places [low, high) of a leaf's window; that of a lifetime begins after what is in the base."""
    rows, layout, width, mode = words_at(ctl[ROWS]), words_at(ctl[LAYOUT]), ctl[WIDTH], program[p + MODE]
    until = t - program[p + DELAY]
    after = until - program[p + AMOUNT]
    if mode == GIVEN:
        after, until = bounds[2 * leaf], bounds[2 * leaf + 1]
    high = last if until >= t else upper(rows, width, start, 0, last, until)
    f = cursor + program[p + HINT]
    if mode in (SPAN, GIVEN):
        if not quick:
            return upper(rows, width, start, 0, high, after), high
        # Of a front that several segments use nothing is to be believed.
        if cursor == 0 or after < cursors[f + AFTER] or after >= cursors[f + EDGE]:
            hint = cursors[f + LOW] if cursor > 0 else size
            low = seek(rows, width, start, size, after, hint)
            move_front(rows, width, ctl[BASE], start, size, cursors, f, low)
        return min(cursors[f + LOW], high), high
    low = relics if mode == ALL else np.int64(0)
    if mode == LATEST_EVENTS and quick:
        counts = layout[program[p + FEATURE] * LAYOUT_WORDS + COUNTS]
        low = start_of_events(rows, width, counts, start, high, program[p + AMOUNT])
    elif mode == LATEST_EVENTS:
        low = _walk_events(rows, width, layout, program, p, start, high, k, own)
    elif mode == SESSION:
        low = _walk_session(rows, width, layout, program, p, start, high, k, own, until)
    if quick:
        move_front(rows, width, ctl[BASE], start, size, cursors, f, low)
    return low, high


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
