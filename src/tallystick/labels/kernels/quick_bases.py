"""What bases and derived words say of lifetimes at once, to the bits of folding rows on top of a base."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels import algebra as of
from tallystick.labels.kernels.arena import (
    AT,
    BASE,
    BASES,
    COPY,
    COUNTS,
    FAMILY,
    LAYOUT,
    LAYOUT_WORDS,
    LOW32,
    MOMENTS,
    ROWS,
    SAME,
    SECOND,
    SECOND_FAMILY,
    WIDTH,
    WORK,
    X,
)
from tallystick.labels.kernels.bare import Words, signed, unsigned, words_at
from tallystick.labels.kernels.bases import load_sums
from tallystick.labels.kernels.blocks import AWAITED, BLOCK_WORDS, KEPT, NULLS, SUM_WORDS, TALLIES, VALUES, kept_at
from tallystick.labels.kernels.derived import last_value
from tallystick.labels.kernels.folds import gap_mean, real_of
from tallystick.labels.kernels.linear import LINE, PAIR, STATE_WORDS, WORK_WORDS, combine, family_of, finish
from tallystick.labels.kernels.quick import (
    CAP,
    CELL,
    FEATURE,
    KIND,
    PARAM,
    difference,
    different_in,
    extreme,
    first_value,
    nothing,
    real_word,
)
from tallystick.labels.kernels.rows import FOREVER, FOUND, UNDEFINED


@kernel
def quick_from_base(
    ctl: Words,
    base: int,
    program: Words,
    p: int,
    start: int,
    cursors: Words,
    front: int,
    cursor: int,
    low: int,
    high: int,
    t: int,
) -> Any:
    """The answer of a lifetime from a base and derived words; status -1 where they do not say.

    The rows [low, high) are those that are not in the base; else as `quick.quick_answer`.
    """
    bases, rows, layout, width = words_at(ctl[BASES]), words_at(ctl[ROWS]), words_at(ctl[LAYOUT]), ctl[WIDTH]
    kind, f = program[p + KIND], program[p + FEATURE]
    one, block, less = f * LAYOUT_WORDS, base + bases[base + 1 + f], front + COPY - ctl[BASE]
    before: Any = cursors[less + layout[one + COUNTS]]
    # Without a row there is none to read from, and nothing has run up.
    last = (start + high - 1) * width
    after: Any = rows[last + layout[one + COUNTS]] if high > low else before
    live, upto = (after & LOW32) - (before & LOW32), after & LOW32
    n = bases[block + VALUES] + live
    if n == 0:
        if (after >> 32) != (before >> 32):
            return np.int64(-1), np.int64(0)
        return nothing(kind, bases[block + NULLS], bases[block + AWAITED])
    if kind == of.COUNT:
        return np.int64(FOUND), n
    if family_of(kind) != 0:
        return _sums(ctl, bases, block, rows, layout, one, kind, program[p + PARAM], cursors, less, last, live)
    c: Any = cursor + program[p + CELL] if cursor >= 0 and program[p + CELL] >= 0 else np.int64(-1)
    kept = kept_at(layout, f, block)
    if kind == of.DISTINCT:
        different: Any = bases[block + TALLIES]
        below: Any = np.int64(-1)
        cap = program[p + CAP]
        if live > 0 and (cap == 0 or different <= cap):
            different += different_in(rows, width, layout[one + SAME], start, cursors, c, below, high)
        return np.int64(-1 if 0 < cap < different else FOUND), different
    if kind in (of.MIN, of.MAX, of.RANGE):
        least: Any = np.int64(FOREVER)
        most: Any = -least - 1
        for i in range(kept, kept + 2 * bases[block + KEPT], 2):
            least, most = min(least, bases[i]), max(most, bases[i])
        upward: Any = np.int64(0)
        downward: Any = np.int64(32)
        if live > 0 and kind != of.MAX:
            least = min(least, extreme(rows, width, layout, one, start, cursors, c, low, high, upto, downward))
        if live > 0 and kind != of.MIN:
            most = max(most, extreme(rows, width, layout, one, start, cursors, c, low, high, upto, upward))
        if kind != of.RANGE:
            return np.int64(FOUND), (least if kind == of.MIN else most)
        if program[p + PARAM] == 1:
            return real_word(real_of(most) - real_of(least))
        return np.int64(FOUND if most - least >= 0 else UNDEFINED), most - least
    return _edges(
        bases, block, kept, rows, width, layout, one, kind, program[p + PARAM], start, low, high, live, upto, t
    )


@kernel
def _sums(
    ctl: Words,
    bases: Words,
    block: int,
    rows: Words,
    layout: Words,
    one: int,
    kind: int,
    param: int,
    cursors: Words,
    less: int,
    last: int,
    live: int,
) -> Any:
    """What comes from sums: those of the base, and on top what has run up over `live` values since."""
    work, family = ctl[WORK], family_of(kind)
    s, more, at = unsigned(work, STATE_WORDS), unsigned(work + 8 * STATE_WORDS, STATE_WORDS), block + BLOCK_WORDS
    whole, offset = layout[one + FAMILY], layout[one + MOMENTS]
    if family in (PAIR, LINE):
        at += SUM_WORDS[whole]
        whole, offset = layout[one + SECOND_FAMILY], layout[one + SECOND]
    load_sums(bases, at, SUM_WORDS[family], bases[block + VALUES], s)
    if live > 0:
        difference(rows, whole, last + offset, cursors, less + offset, more)
        more[0] = np.uint64(live)
        combine(family, s, more)
    status, total, value = finish(kind, s, param, signed(work + 16 * STATE_WORDS, WORK_WORDS))
    word = np.int64(total) if kind == of.SUM else np.float64(value).view(np.int64)
    return np.int64(status), word


@kernel
def _edges(
    bases: Words,
    block: int,
    kept: int,
    rows: Words,
    width: int,
    layout: Words,
    one: int,
    kind: int,
    param: int,
    start: int,
    low: int,
    high: int,
    live: int,
    upto: int,
    t: int,
) -> Any:
    """What comes from the first value, or from one of the last."""
    counts, n = layout[one + COUNTS], bases[block + VALUES] + live
    first, x = t, np.int64(0)
    if kind in (of.FIRST, of.SINCE_FIRST, of.FIRST_AT, of.GAP_MEAN):
        if bases[block + VALUES] > 0:
            x, first = bases[kept], bases[kept + 1]
        else:
            row = (start + first_value(rows, width, counts, start, low, high, upto - live + 1)) * width
            x, first = rows[row + layout[one + X]], rows[row + AT]
        if kind != of.GAP_MEAN:
            return np.int64(FOUND), (x if kind == of.FIRST else first if kind == of.FIRST_AT else t - first)
    elif kind not in (of.LAST, of.SINCE_LAST, of.LAST_AT, of.NTH):
        return np.int64(-1), np.int64(0)
    wanted: Any = param if kind == of.NTH else np.int64(1)
    if wanted < 1 or wanted > n or (kind == of.GAP_MEAN and n < 2):
        return np.int64(UNDEFINED), np.int64(0)
    if wanted <= live:
        row = (start + last_value(rows, width, counts, start, low, high, upto - wanted + 1)) * width
        x, at = rows[row + layout[one + X]], rows[row + AT]
    else:
        place = kept + 2 * (bases[block + KEPT] - (wanted - live))
        x, at = bases[place], bases[place + 1]
    if kind == of.GAP_MEAN:
        return real_word(gap_mean(n, first, at))
    return np.int64(FOUND), (at if kind == of.LAST_AT else t - at if kind == of.SINCE_LAST else x)
