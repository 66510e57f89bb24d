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
    CURSOR,
    EXTREMES,
    FAMILY,
    LOW32,
    MOMENTS,
    SAME,
    SECOND,
    SECOND_FAMILY,
    START,
    WINDOWS,
    State,
    X,
    last_value,
    slide,
)
from tallystick.labels.kernels.folds import gap_mean, real_of
from tallystick.labels.kernels.linear import STATE_WORDS, WORK_WORDS, finish, real
from tallystick.labels.kernels.rows import FOUND, NONE, UNDEFINED

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
def quick_answer(state: State, p: Any, slot: int, low: int, high: int, t: int) -> Any:
    """The same from derived words, at a k from which on the segment is settled; status -1 where they do not say."""
    rows, layout = state[2], state[3]
    kind, f, start = p[KIND], p[FEATURE], state[1][slot, START]
    counts = layout[f, COUNTS]
    before: Any = rows[start + low - 1, counts] if low > 0 else np.int64(0)
    after: Any = rows[start + high - 1, counts] if high > low else before
    n = (after & LOW32) - (before & LOW32)
    if n == 0:
        if (after >> 32) != (before >> 32):
            return np.int64(-1), np.int64(0), 0.0
        return np.int64(FOUND if gives_zero(kind) else NONE), np.int64(0), 0.0
    if kind == COUNT:
        return np.int64(FOUND), n, 0.0
    if kind in (SUM, MEAN, SHARE, STD, SKEW):
        return _from_sums(state, layout[f, FAMILY], layout[f, MOMENTS], kind, n, p[PARAM], start, low, high)
    if kind in (RATIO, SLOPE):
        return _from_sums(state, layout[f, SECOND_FAMILY], layout[f, SECOND], kind, n, p[PARAM], start, low, high)
    if kind == DISTINCT:
        different = _different(state, p, slot, low, high)
        over = p[CAP] > 0 and different > p[CAP]
        return np.int64(-1 if over else FOUND), different, 0.0
    if kind in (MIN, MAX, RANGE):
        return _extreme(rows, layout, f, kind, p[PARAM], start, low, high, after & LOW32)
    return _edges(rows, layout, f, kind, p[PARAM], start, low, high, before & LOW32, after & LOW32, t)


@kernel
def _from_sums(
    state: State, family: int, offset: int, kind: int, n: int, param: int, start: int, low: int, high: int
) -> Any:
    rows = state[2]
    s, work = state[7][:STATE_WORDS].view(np.uint64), state[7][STATE_WORDS : STATE_WORDS + WORK_WORDS]
    _difference(rows, offset, family, start + high - 1, start + low - 1 if low > 0 else -1, s)
    s[0] = np.uint64(n)
    status, whole, value = finish(kind, s, param, work)
    return np.int64(status), np.int64(whole), np.float64(value)


@kernel
def _difference(rows: Any, offset: int, family: int, last: int, first: int, s: Any) -> None:
    """Running sums at row `last` less those at row `first`, each number by itself."""
    j = 1
    for g in range(5):
        size = _NUMBERS[family, g]
        borrow = np.uint64(0)
        for _ in range(size):
            a = np.uint64(rows[last, offset + j - 1])
            b = np.uint64(rows[first, offset + j - 1]) if first >= 0 else np.uint64(0)
            d = a - b
            under = np.uint64(1) if a < b else np.uint64(0)
            if d < borrow:
                under = np.uint64(1)
            s[j] = d - borrow
            borrow = under
            j += 1


@kernel
def _different(state: State, p: Any, slot: int, low: int, high: int) -> Any:
    ctl, meta, rows, layout, _, _, cursors = state[:7]
    start, same = meta[slot, START], layout[p[FEATURE], SAME]
    if meta[slot, CURSOR] >= 0 and p[PAIRED] >= 0:
        cursor, c = cursors[meta[slot, CURSOR]], ctl[WINDOWS] + 3 * p[PAIRED]
        slide(rows, start, same, cursor, c, low, high)
        return cursor[c + 2]
    different = np.int64(0)
    for i in range(low, high):
        link = rows[start + i, same]
        if link >= 0 and ((link & LOW32) == 0 or i - (link & LOW32) < low):
            different += 1
    return different


@kernel
def _best(rows: Any, offset: int, xs: int, start: int, low: int, i: int, shift: int) -> Any:
    """The extreme from `low` to `i`: links lead back through ever better values."""
    while True:
        back = (rows[start + i, offset] >> shift) & LOW32
        if back == 0 or i - back < low:
            return rows[start + i, xs]
        i -= back


@kernel
def _extreme(rows: Any, layout: Any, f: int, kind: int, param: int, start: int, low: int, high: int, upto: int) -> Any:
    offset, xs = layout[f, EXTREMES], layout[f, X]
    i = last_value(rows, layout[f, COUNTS], start, low, high, upto)
    most: Any = _best(rows, offset, xs, start, low, i, 0) if kind != MIN else np.int64(0)
    least: Any = _best(rows, offset, xs, start, low, i, 32) if kind != MAX else np.int64(0)
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
    rows: Any,
    layout: Any,
    f: int,
    kind: int,
    param: int,
    start: int,
    low: int,
    high: int,
    before: int,
    upto: int,
    t: int,
) -> Any:
    counts, n = layout[f, COUNTS], upto - before
    if kind in (FIRST, SINCE_FIRST, FIRST_AT, GAP_MEAN):
        first = start + _first_value(rows, counts, start, low, high, before + 1)
        if kind == GAP_MEAN:
            if n < 2:
                return np.int64(UNDEFINED), np.int64(0), 0.0
            late = start + last_value(rows, counts, start, low, high, upto)
            return np.int64(FOUND), np.int64(0), gap_mean(n, rows[first, AT], rows[late, AT])
        at = rows[first, AT]
        whole = rows[first, layout[f, X]] if kind == FIRST else at if kind == FIRST_AT else t - at
        return np.int64(FOUND), whole, 0.0
    if kind in (LAST, SINCE_LAST, LAST_AT, NTH):
        wanted = param if kind == NTH else 1
        if wanted < 1 or wanted > n:
            return np.int64(UNDEFINED), np.int64(0), 0.0
        found = start + last_value(rows, counts, start, low, high, upto - wanted + 1)
        at = rows[found, AT]
        whole = at if kind == LAST_AT else t - at if kind == SINCE_LAST else rows[found, layout[f, X]]
        return np.int64(FOUND), whole, 0.0
    return np.int64(-1), np.int64(0), 0.0


@kernel
def _first_value(rows: Any, counts: int, start: int, low: int, high: int, wanted: int) -> Any:
    """`last_value`, searched from the beginning."""
    step, bottom = 1, low
    while bottom + step <= high and (rows[start + bottom + step - 1, counts] & LOW32) < wanted:
        bottom += step
        step *= 2
    top = min(high - 1, bottom + step - 1)
    while bottom < top:
        middle = (bottom + top) >> 1
        if (rows[start + middle, counts] & LOW32) >= wanted:
            top = middle
        else:
            bottom = middle + 1
    return bottom
