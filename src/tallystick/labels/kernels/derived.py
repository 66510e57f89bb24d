"""Derived words of rows: running counts and sums, links to the nearest greater, smaller and same values."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.arena import (
    AT,
    BASED,
    BASES,
    COUNTS,
    DONE,
    EXTREMES,
    FAMILY,
    FEATURES,
    GROW_TABLE,
    LAYOUT,
    LAYOUT_WORDS,
    LOW32,
    META,
    META_WORDS,
    MOMENTS,
    OK,
    ROWS,
    SAME,
    SECOND,
    SECOND_FAMILY,
    SIZE,
    START,
    TABLE,
    TABLE_SIZE,
    TABLE_USED,
    TO,
    WIDTH,
    WORK,
    X,
    Y,
    code_at,
)
from tallystick.labels.kernels.bare import Words, unsigned, words_at
from tallystick.labels.kernels.blocks import SUM_WORDS, tallied
from tallystick.labels.kernels.linear import add
from tallystick.labels.kernels.rows import FOREVER, VALUE
from tallystick.labels.kernels.table import find
from tallystick.labels.kernels.wide import add128


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
                _link_same(ctl, rows, width, layout, slot, f, i, code)
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
    words, layout, size = unsigned(ctl[WORK], 24), words_at(ctl[LAYOUT]), SUM_WORDS[family]
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
    """How far back the nearest greater value lies (low 32 bits) and the nearest smaller one; 0 for none.

    It is -1 for a row without a value.
    """
    offset, xs, counts = layout[one + EXTREMES], layout[one + X], layout[one + COUNTS]
    row = (start + i) * width
    rows[row + offset] = 0 if code == VALUE else -1
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
def _link_same(ctl: Words, rows: Words, width: int, layout: Words, slot: int, f: int, i: int, code: int) -> None:
    """How far back the same value lies (low 32 bits), and how far on (0 for none); -1 for a row without a value.

    What the base alone has lies at place -1.
    """
    meta, m, one = words_at(ctl[META]), slot * META_WORDS, f * LAYOUT_WORDS
    start, same, owner = meta[m + START], layout[one + SAME], slot * ctl[FEATURES] + f
    row = (start + i) * width
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
    elif tallied(words_at(ctl[BASES]), layout, meta[m + BASED], f, x):
        rows[row + same] = i + 1
    table[t + 2] = i
