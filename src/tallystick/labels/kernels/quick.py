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
    BASE,
    COPY,
    COUNTS,
    EXTREMES,
    FAMILY,
    LAYOUT_WORDS,
    LOW32,
    MOMENTS,
    SAME,
    SECOND,
    SECOND_FAMILY,
    WIDTH,
    WORK,
    X,
    slide,
)
from tallystick.labels.kernels.bare import Words, signed, unsigned
from tallystick.labels.kernels.derived import last_value
from tallystick.labels.kernels.folds import gap_mean, real_of
from tallystick.labels.kernels.linear import STATE_WORDS, WORK_WORDS, finish, real
from tallystick.labels.kernels.rows import FOUND, NONE, NOT_YET_KNOWN, SOURCE_NULL, UNDEFINED
from tallystick.labels.kernels.wide import fits64, to_float

KIND, FEATURE, PRESENT, MODE, AMOUNT, DELAY, AGAIN, HINT, CELL, PARAM, CAP, HASHED, LISTED, REAL, OUT = range(15)
"""Words of a leaf in a program: `AGAIN` 1 where its window is that of the leaf before; `HINT`, `CELL` where a row of
cursors has its front and its cell (-1 for none); `REAL` 1 where it gives a double; `OUT` its place among all answers.
"""
PROGRAM_WORDS = 15

_NUMBERS = np.array(
    [[0, 0, 0, 0, 0], [2, 0, 0, 0, 0], [2, 3, 0, 0, 0], [2, 3, 4, 0, 0], [2, 2, 0, 0, 0], [2, 2, 3, 3, 0]], np.int64
)
"""Family → how many words each of its sums has."""


@kernel
def gives_zero(kind: int) -> bool:
    """Whether an empty window gives 0."""
    return kind in (COUNT, SUM, DISTINCT, STREAK, DECAYED)


@kernel
def nothing(kind: int, nulls: int, awaiting: int) -> Any:
    """The answer where there is no value."""
    if nulls + awaiting > 0:
        return np.int64(NOT_YET_KNOWN if awaiting > 0 else SOURCE_NULL), np.int64(0)
    return np.int64(FOUND if gives_zero(kind) else NONE), np.int64(0)


@kernel
def quick_answer(
    ctl: Words,
    rows: Words,
    layout: Words,
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
    """The same from derived words, at a k from which on the segment is settled; status -1 where they do not say.

    `front` is where `cursors` has the front of the window, `cursor` where it has the segment's own row, -1 for none.
    """
    kind, one, width = program[p + KIND], program[p + FEATURE] * LAYOUT_WORDS, ctl[WIDTH]
    if high <= low:
        return np.int64(FOUND if gives_zero(kind) else NONE), np.int64(0)
    less, last = front + COPY - ctl[BASE], (start + high - 1) * width
    before, after = cursors[less + layout[one + COUNTS]], rows[last + layout[one + COUNTS]]
    n = (after & LOW32) - (before & LOW32)
    if n == 0:
        if (after >> 32) != (before >> 32):
            return np.int64(-1), np.int64(0)
        return np.int64(FOUND if gives_zero(kind) else NONE), np.int64(0)
    if kind == COUNT:
        return np.int64(FOUND), n
    if kind in (SUM, MEAN, SHARE):
        offset = layout[one + MOMENTS]
        under, whole = np.uint64(cursors[less + offset]), np.uint64(rows[last + offset])
        upper = rows[last + offset + 1] - cursors[less + offset + 1] - (np.int64(1) if whole < under else np.int64(0))
        whole = whole - under
        fits = fits64(upper, whole)
        if kind == SUM:
            return np.int64(FOUND if fits else UNDEFINED), np.int64(whole)
        total = np.float64(np.int64(whole)) if fits else to_float(upper, whole)
        return real_word(total / np.float64(n))
    c: Any = cursor + program[p + CELL] if cursor >= 0 and program[p + CELL] >= 0 else np.int64(-1)
    if kind in (MIN, MAX):
        shift: Any = np.int64(0) if kind == MAX else np.int64(32)
        return np.int64(FOUND), extreme(rows, width, layout, one, start, cursors, c, low, high, after & LOW32, shift)
    if kind == DISTINCT:
        different = different_in(rows, width, layout[one + SAME], start, cursors, c, low, high)
        return np.int64(-1 if program[p + CAP] > 0 and different > program[p + CAP] else FOUND), different
    param = program[p + PARAM]
    if kind in (STD, SKEW):
        return _from_sums(ctl, rows, layout[one + FAMILY], layout[one + MOMENTS], kind, n, param, last, cursors, less)
    if kind in (RATIO, SLOPE):
        family, offset = layout[one + SECOND_FAMILY], layout[one + SECOND]
        return _from_sums(ctl, rows, family, offset, kind, n, param, last, cursors, less)
    if kind == RANGE:
        return _range(rows, width, layout, one, param, start, low, high, after & LOW32)
    return _edges(rows, width, layout, one, kind, param, start, low, high, before & LOW32, after & LOW32, t)


@kernel
def real_word(value: float) -> Any:
    """Status and bits of a real answer."""
    status, _, found = real(value)
    return np.int64(status), np.float64(found).view(np.int64)


@kernel
def _from_sums(
    ctl: Words,
    rows: Words,
    family: int,
    offset: int,
    kind: int,
    n: int,
    param: int,
    last: int,
    cursors: Words,
    less: int,
) -> Any:
    s, work = unsigned(ctl[WORK], STATE_WORDS), signed(ctl[WORK] + 8 * STATE_WORDS, WORK_WORDS)
    difference(rows, family, last + offset, cursors, less + offset, s)
    s[0] = np.uint64(n)
    status, _, value = finish(kind, s, param, work)
    return np.int64(status), np.float64(value).view(np.int64)


@kernel
def difference(rows: Words, family: int, last: int, cursors: Words, less: int, s: Any) -> None:
    """Running sums less those before them, as a state without its count."""
    j = 1
    for g in range(5):
        borrow = np.uint64(0)
        for _ in range(_NUMBERS[family, g]):
            a, b = np.uint64(rows[last + j - 1]), np.uint64(cursors[less + j - 1])
            d = a - b
            under = np.uint64(1) if a < b or d < borrow else np.uint64(0)
            s[j] = d - borrow
            borrow = under
            j += 1


@kernel
def different_in(rows: Words, width: int, same: int, start: int, cursors: Words, c: int, low: int, high: int) -> Any:
    """How many values the rows [low, high) have; from place -1 on, how many that the base has not."""
    if c >= 0:
        slide(rows, width, start, same, cursors, c, low, high)
        return cursors[c + 2]
    different = np.int64(0)
    for i in range(max(low, 0), high):
        link = rows[(start + i) * width + same]
        if link >= 0 and ((link & LOW32) == 0 or i - (link & LOW32) < low):
            different += 1
    return different


@kernel
def _best(rows: Words, width: int, offset: int, start: int, low: int, i: int, shift: int) -> Any:
    """The place of the extreme from `low` to `i`: links lead back through ever better values."""
    while True:
        back = (rows[(start + i) * width + offset] >> shift) & LOW32
        if back == 0 or i - back < low:
            return i
        i -= back


@kernel
def extreme(
    rows: Words,
    width: int,
    layout: Words,
    one: int,
    start: int,
    cursors: Words,
    c: int,
    low: int,
    high: int,
    upto: int,
    shift: int,
) -> Any:
    """The greatest (`shift` 0) or smallest (32) of the rows [low, high), whose last value is the `upto`-th."""
    offset, xs = layout[one + EXTREMES], layout[one + X]
    if c >= 0 and cursors[c] <= low < cursors[c + 2] and cursors[c + 1] <= high:
        best: Any = cursors[c + 3]
        for i in range(cursors[c + 1], high):
            row = (start + i) * width
            x = rows[row + xs]
            if rows[row + offset] != -1 and (x >= best if shift == 0 else x <= best):
                best, cursors[c + 2] = x, i + 1
        cursors[c + 1], cursors[c + 3] = high, best
        return best
    last = last_value(rows, width, layout[one + COUNTS], start, low, high, upto)
    place = _best(rows, width, offset, start, low, last, shift)
    found = rows[(start + place) * width + xs]
    if c >= 0:
        cursors[c], cursors[c + 1], cursors[c + 2], cursors[c + 3] = low, high, place + 1, found
    return found


@kernel
def _range(
    rows: Words, width: int, layout: Words, one: int, param: int, start: int, low: int, high: int, upto: int
) -> Any:
    offset, xs = layout[one + EXTREMES], layout[one + X]
    i = last_value(rows, width, layout[one + COUNTS], start, low, high, upto)
    most = rows[(start + _best(rows, width, offset, start, low, i, 0)) * width + xs]
    least = rows[(start + _best(rows, width, offset, start, low, i, 32)) * width + xs]
    if param == 1:
        return real_word(real_of(most) - real_of(least))
    return np.int64(FOUND if most - least >= 0 else UNDEFINED), most - least


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
        first = (start + first_value(rows, width, counts, start, low, high, before + 1)) * width
        at = rows[first + AT]
        if kind == GAP_MEAN:
            if n < 2:
                return np.int64(UNDEFINED), np.int64(0)
            late = (start + last_value(rows, width, counts, start, low, high, upto)) * width
            return real_word(gap_mean(n, at, rows[late + AT]))
        whole = rows[first + layout[one + X]] if kind == FIRST else at if kind == FIRST_AT else t - at
        return np.int64(FOUND), whole
    if kind in (LAST, SINCE_LAST, LAST_AT, NTH):
        wanted = param if kind == NTH else 1
        if wanted < 1 or wanted > n:
            return np.int64(UNDEFINED), np.int64(0)
        found = (start + last_value(rows, width, counts, start, low, high, upto - wanted + 1)) * width
        at = rows[found + AT]
        whole = at if kind == LAST_AT else t - at if kind == SINCE_LAST else rows[found + layout[one + X]]
        return np.int64(FOUND), whole
    return np.int64(-1), np.int64(0)


@kernel
def first_value(rows: Words, width: int, counts: int, start: int, low: int, high: int, wanted: int) -> Any:
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
