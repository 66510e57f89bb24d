"""What derived words say of a window at once, to the bits of gathering and folding its rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import (
    COUNT,
    DECAYED,
    DISTINCT,
    FIRST,
    FIRST_AT,
    GAP_MEAN,
    LAST,
    LAST_AT,
    MAX,
    MEAN,
    MIN,
    NTH,
    RANGE,
    RATIO,
    SHARE,
    SINCE_FIRST,
    SINCE_LAST,
    SKEW,
    SLOPE,
    STD,
    STREAK,
    SUM,
)
from tallystick.labels.kernels.arena import (
    AT,
    COUNTS,
    EXTREMES,
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
    WINDOWS,
    WORK,
    X,
    last_value,
    slide,
)
from tallystick.labels.kernels.bare import Words, signed, unsigned, words_at
from tallystick.labels.kernels.folds import gap_mean, real_of
from tallystick.labels.kernels.linear import STATE_WORDS, WORK_WORDS, finish, real
from tallystick.labels.kernels.rows import FOUND, NONE, UNDEFINED
from tallystick.labels.kernels.wide import fits64, to_float

KIND, FEATURE, PRESENT, MODE, AMOUNT, DELAY, AGAIN, HINT, PAIRED, PARAM, CAP, HASHED, LISTED = range(13)
"""Words of a leaf in a program: `AGAIN` 1 where its window is that of the leaf before; `HINT`, `PAIRED` its cursors."""
PROGRAM_WORDS = 13

_NUMBERS = np.array(
    [[0, 0, 0, 0, 0], [2, 0, 0, 0, 0], [2, 3, 0, 0, 0], [2, 3, 4, 0, 0], [2, 2, 0, 0, 0], [2, 2, 3, 3, 0]], np.int64
)
"""Family → how many words each of its sums has."""


@kernel
def gives_zero(kind: int) -> bool:
    """Whether an empty window gives 0."""
    return kind in (COUNT, SUM, DISTINCT, STREAK, DECAYED)


@kernel
def quick_answer(
    ctl: Words, program: Words, p: int, start: int, cursors: Words, cursor: int, low: int, high: int, t: int
) -> Any:
    """The same from derived words, at a k from which on the segment is settled; status -1 where they do not say.

    `cursor` is the first word of the segment's cursors, -1 where it has none.
    """
    rows, layout, width = words_at(ctl[ROWS]), words_at(ctl[LAYOUT]), ctl[WIDTH]
    kind, one = program[p + KIND], program[p + FEATURE] * LAYOUT_WORDS
    counts = layout[one + COUNTS]
    first, last = (start + low - 1) * width, (start + high - 1) * width
    before: Any = rows[first + counts] if low > 0 else np.int64(0)
    after: Any = rows[last + counts] if high > low else before
    n = (after & LOW32) - (before & LOW32)
    if n == 0:
        if (after >> 32) != (before >> 32):
            return np.int64(-1), np.int64(0), 0.0
        return np.int64(FOUND if gives_zero(kind) else NONE), np.int64(0), 0.0
    if kind == COUNT:
        return np.int64(FOUND), n, 0.0
    if kind in (SUM, MEAN, SHARE):
        offset = layout[one + MOMENTS]
        under, upper = np.uint64(0), np.int64(0)
        if low > 0:
            under, upper = np.uint64(rows[first + offset]), rows[first + offset + 1]
        whole = np.uint64(rows[last + offset])
        upper = rows[last + offset + 1] - upper - (np.int64(1) if whole < under else np.int64(0))
        whole = whole - under
        if kind == SUM:
            return np.int64(FOUND if fits64(upper, whole) else UNDEFINED), np.int64(whole), 0.0
        status, _, value = real(to_float(upper, whole) / np.float64(n))
        return np.int64(status), np.int64(0), np.float64(value)
    if kind in (STD, SKEW):
        return _from_sums(
            ctl, layout[one + FAMILY], layout[one + MOMENTS], kind, n, program[p + PARAM], last, first, low
        )
    if kind in (RATIO, SLOPE):
        family, offset = layout[one + SECOND_FAMILY], layout[one + SECOND]
        return _from_sums(ctl, family, offset, kind, n, program[p + PARAM], last, first, low)
    if kind == DISTINCT:
        different = _different(ctl, program, p, start, cursors, cursor, low, high)
        over = program[p + CAP] > 0 and different > program[p + CAP]
        return np.int64(-1 if over else FOUND), different, 0.0
    if kind in (MIN, MAX, RANGE):
        return _extreme(rows, width, layout, one, kind, program[p + PARAM], start, low, high, after & LOW32)
    param = program[p + PARAM]
    return _edges(rows, width, layout, one, kind, param, start, low, high, before & LOW32, after & LOW32, t)


@kernel
def _from_sums(
    ctl: Words, family: int, offset: int, kind: int, n: int, param: int, last: int, first: int, low: int
) -> Any:
    s, work = unsigned(ctl[WORK], STATE_WORDS), signed(ctl[WORK] + 8 * STATE_WORDS, WORK_WORDS)
    less: Any = first if low > 0 else np.int64(-1)
    _difference(words_at(ctl[ROWS]), offset, family, last, less, s)
    s[0] = np.uint64(n)
    status, whole, value = finish(kind, s, param, work)
    return np.int64(status), np.int64(whole), np.float64(value)


@kernel
def _difference(rows: Words, offset: int, family: int, last: int, first: int, s: Any) -> None:
    """Running sums of the row at word `last` less those at word `first` (-1 for none), each number by itself."""
    j = 1
    for g in range(5):
        size = _NUMBERS[family, g]
        borrow = np.uint64(0)
        for _ in range(size):
            a = np.uint64(rows[last + offset + j - 1])
            b = np.uint64(rows[first + offset + j - 1]) if first >= 0 else np.uint64(0)
            d = a - b
            under = np.uint64(1) if a < b else np.uint64(0)
            if d < borrow:
                under = np.uint64(1)
            s[j] = d - borrow
            borrow = under
            j += 1


@kernel
def _different(ctl: Words, program: Words, p: int, start: int, cursors: Words, cursor: int, low: int, high: int) -> Any:
    rows, width = words_at(ctl[ROWS]), ctl[WIDTH]
    same = words_at(ctl[LAYOUT])[program[p + FEATURE] * LAYOUT_WORDS + SAME]
    if cursor >= 0 and program[p + PAIRED] >= 0:
        c = cursor + ctl[WINDOWS] + 3 * program[p + PAIRED]
        slide(rows, width, start, same, cursors, c, low, high)
        return cursors[c + 2]
    different = np.int64(0)
    for i in range(low, high):
        link = rows[(start + i) * width + same]
        if link >= 0 and ((link & LOW32) == 0 or i - (link & LOW32) < low):
            different += 1
    return different


@kernel
def _best(rows: Words, width: int, offset: int, xs: int, start: int, low: int, i: int, shift: int) -> Any:
    """The extreme from `low` to `i`: links lead back through ever better values."""
    while True:
        row = (start + i) * width
        back = (rows[row + offset] >> shift) & LOW32
        if back == 0 or i - back < low:
            return rows[row + xs]
        i -= back


@kernel
def _extreme(
    rows: Words,
    width: int,
    layout: Words,
    one: int,
    kind: int,
    param: int,
    start: int,
    low: int,
    high: int,
    upto: int,
) -> Any:
    offset, xs = layout[one + EXTREMES], layout[one + X]
    i = last_value(rows, width, layout[one + COUNTS], start, low, high, upto)
    most: Any = _best(rows, width, offset, xs, start, low, i, 0) if kind != MIN else np.int64(0)
    least: Any = _best(rows, width, offset, xs, start, low, i, 32) if kind != MAX else np.int64(0)
    if kind == MAX:
        return np.int64(FOUND), most, 0.0
    if kind == MIN:
        return np.int64(FOUND), least, 0.0
    if param == 1:
        status, whole, value = real(real_of(most) - real_of(least))
        return np.int64(status), np.int64(whole), np.float64(value)
    return np.int64(FOUND if most - least >= 0 else UNDEFINED), most - least, 0.0


@kernel
def _edges(
    rows: Words,
    width: int,
    layout: Words,
    one: int,
    kind: int,
    param: int,
    start: int,
    low: int,
    high: int,
    before: int,
    upto: int,
    t: int,
) -> Any:
    counts, n = layout[one + COUNTS], upto - before
    if kind in (FIRST, SINCE_FIRST, FIRST_AT, GAP_MEAN):
        first = (start + _first_value(rows, width, counts, start, low, high, before + 1)) * width
        at = rows[first + AT]
        if kind == GAP_MEAN:
            if n < 2:
                return np.int64(UNDEFINED), np.int64(0), 0.0
            late = (start + last_value(rows, width, counts, start, low, high, upto)) * width
            return np.int64(FOUND), np.int64(0), gap_mean(n, at, rows[late + AT])
        whole = rows[first + layout[one + X]] if kind == FIRST else at if kind == FIRST_AT else t - at
        return np.int64(FOUND), whole, 0.0
    if kind in (LAST, SINCE_LAST, LAST_AT, NTH):
        wanted = param if kind == NTH else 1
        if wanted < 1 or wanted > n:
            return np.int64(UNDEFINED), np.int64(0), 0.0
        found = (start + last_value(rows, width, counts, start, low, high, upto - wanted + 1)) * width
        at = rows[found + AT]
        whole = at if kind == LAST_AT else t - at if kind == SINCE_LAST else rows[found + layout[one + X]]
        return np.int64(FOUND), whole, 0.0
    return np.int64(-1), np.int64(0), 0.0


@kernel
def _first_value(rows: Words, width: int, counts: int, start: int, low: int, high: int, wanted: int) -> Any:
    """`last_value`, searched from the beginning."""
    step, bottom = 1, low
    while bottom + step <= high and (rows[(start + bottom + step - 1) * width + counts] & LOW32) < wanted:
        bottom += step
        step *= 2
    top = min(high - 1, bottom + step - 1)
    while bottom < top:
        middle = (bottom + top) >> 1
        if (rows[(start + middle) * width + counts] & LOW32) >= wanted:
            top = middle
        else:
            bottom = middle + 1
    return bottom


@kernel
def _passed(rows: Words, word: int) -> Any:
    return (rows[word] & LOW32) + (rows[word] >> 32)


@kernel
def start_of_events(rows: Words, width: int, counts: int, start: int, high: int, wanted: int) -> Any:
    """The first of the `wanted` latest rows before place `high` that pass the filter."""
    if high == 0:
        return np.int64(0)
    limit = _passed(rows, (start + high - 1) * width + counts) - wanted
    low: Any = np.int64(0)
    top: Any = high
    while low < top:
        middle = (low + top) >> 1
        if _passed(rows, (start + middle) * width + counts) > limit:
            top = middle
        else:
            low = middle + 1
    return low
