"""The answers of lifetimes that start from a base (`kernels.blocks`): rows gathered and folded on top of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels import algebra as of
from tallystick.labels.kernels.arena import (
    AT,
    BASES,
    EVENT,
    FAMILY,
    FROM,
    HASHES,
    HASHES_WIDTH,
    LAYOUT,
    LAYOUT_WORDS,
    ROWS,
    SECOND_FAMILY,
    TO,
    WIDTH,
    WORK,
    WORK_SIZE,
    X,
    Y,
    code_at,
)
from tallystick.labels.kernels.bare import Words, signed, unsigned, words_at
from tallystick.labels.kernels.blocks import (
    AWAITED,
    BLOCK_WORDS,
    GAP_LEAST,
    GAP_MOST,
    GAP_WORDS,
    KEPT,
    NULLS,
    RUN,
    SUM_WORDS,
    TALLIES,
    VALUES,
    kept_at,
)
from tallystick.labels.kernels.folds import (
    FOLD_WORDS,
    cut8,
    entropy,
    fold,
    fold_list,
    gap_mean,
    log_weight,
    rank_of,
    tally,
)
from tallystick.labels.kernels.linear import (
    LINE,
    MOMENTS2,
    PAIR,
    STATE_WORDS,
    WORK_WORDS,
    add,
    family_of,
    finish,
    real,
    zero,
)
from tallystick.labels.kernels.quick import CAP, FEATURE, HASHED, KIND, LISTED, PARAM, PRESENT, REAL, nothing
from tallystick.labels.kernels.rows import (
    APPROXIMATE,
    AWAITING,
    FILTERED,
    FOUND,
    UNDEFINED,
    VALUE,
    Ints,
)
from tallystick.labels.kernels.sorting import arrange

MORE_WORK = -2
"""What `from_base` says where the work is too small for it."""
_POSITION = 0xFFFFFFFF


@kernel
def from_base(
    ctl: Words,
    base: int,
    program: Words,
    p: int,
    lists: int,
    start: int,
    low: int,
    high: int,
    t: int,
    k: int,
    own: int,
) -> Any:
    """The answer of a lifetime: the visible rows [low, high), which are not in the base, on top of it."""
    bases, rows, layout, width = words_at(ctl[BASES]), words_at(ctl[ROWS]), words_at(ctl[LAYOUT]), ctl[WIDTH]
    kind, f, work = program[p + KIND], program[p + FEATURE], ctl[WORK]
    one, block = f * LAYOUT_WORDS, base + bases[base + 1 + f]
    m, kept = _rows_of(bases, layout, f, block, kind)
    size = m + max(high - low, 0)
    if ctl[WORK_SIZE] < FOLD_WORDS + 5 * size:
        return np.int64(MORE_WORK), np.int64(0)
    xs = signed(work + 8 * (FOLD_WORDS + 2 * size), size)
    ys = signed(work + 8 * (FOLD_WORDS + 3 * size), size)
    ats = signed(work + 8 * (FOLD_WORDS + 4 * size), size)
    for i in range(m):
        # Of a tally the second word is its count, which no fold of tallies takes for an instant.
        xs[i], ats[i] = bases[kept + 2 * i], bases[kept + 2 * i + 1]
    end: Any = m
    nulls, awaiting = bases[block + NULLS], bases[block + AWAITED]
    for r in range(start + low, start + high):
        row = r * width
        code = code_at(rows, layout, f, row)
        if code == FILTERED or k < rows[row + FROM] or rows[row + TO] <= k:
            continue
        if program[p + PRESENT] == 0 and rows[row + EVENT] == own:
            continue
        if code == VALUE:
            xs[end], ys[end], ats[end] = rows[row + layout[one + X]], rows[row + layout[one + Y]], rows[row + AT]
            end += 1
        elif code == AWAITING:
            awaiting += 1
        else:
            nulls += 1
    n = bases[block + VALUES] + end - m
    if n == 0:
        return nothing(kind, nulls, awaiting)
    return _finish(ctl, bases, block, program, p, lists, xs, ys, ats, m, end, n, t)


@kernel
def _rows_of(bases: Words, layout: Words, f: int, block: int, kind: int) -> Any:
    """How many rows or tallies of a block an aggregate takes, and where they begin."""
    first = kept_at(layout, f, block)
    if kind in (of.DISTINCT, of.MODE, of.TOP, of.ENTROPY, of.QUANTILE):
        return bases[block + TALLIES], first + 2 * bases[block + KEPT]
    # What comes from sums, and a run of trues, need no rows.
    return (bases[block + KEPT] if family_of(kind) == 0 and kind != of.STREAK else np.int64(0)), first


@kernel
def _finish(
    ctl: Words,
    bases: Words,
    block: int,
    program: Words,
    p: int,
    lists: int,
    xs: Ints,
    ys: Ints,
    ats: Ints,
    m: int,
    end: int,
    n: int,
    t: int,
) -> Any:
    kind, param, cap = program[p + KIND], program[p + PARAM], program[p + CAP]
    layout, one, work = words_at(ctl[LAYOUT]), program[p + FEATURE] * LAYOUT_WORDS, ctl[WORK]
    scratch, listed = signed(work, FOLD_WORDS + 2 * xs.size), lists + 8 * program[p + LISTED]
    status: Any = np.int64(FOUND)
    whole: Any = np.int64(0)
    value = 0.0
    if kind == of.COUNT:
        whole = np.int64(n)
    elif family_of(kind) != 0:
        status, whole, value = _from_sums(bases, block, layout, one, kind, param, xs, ys, ats, end, n, work)
    elif kind == of.STREAK:
        i = end
        while i > 0 and xs[i - 1] == 1:
            i -= 1
        whole = np.int64(end - i + (bases[block + RUN] if i == 0 else 0))
    elif kind in (of.GAP_MEAN, of.GAP_STD, of.GAP_MIN, of.GAP_MAX):
        status, whole, value = _gaps(bases, block, layout, one, kind, ats, m, end, n, work)
    elif kind in (of.MODE, of.ENTROPY, of.QUANTILE, of.TOP):
        status, whole, value = _tallied(kind, xs, ats, m, end, n, param, cap, listed, scratch)
    elif kind == of.SEQUENCE:
        whole = np.int64(fold_list(kind, xs, 0, end, param, signed(listed, param), scratch))
    else:
        hashed = unsigned(ctl[HASHES] + 8 * max(program[p + HASHED], 0) * ctl[HASHES_WIDTH], ctl[HASHES_WIDTH])
        status, whole, value = fold(kind, xs, ys, ats, 0, end, t, param, cap, hashed, scratch)
    word = np.float64(value).view(np.int64) if program[p + REAL] != 0 else np.int64(whole)
    return np.int64(status), word


@kernel
def _from_sums(
    bases: Words,
    block: int,
    layout: Words,
    one: int,
    kind: int,
    param: int,
    xs: Ints,
    ys: Ints,
    ats: Ints,
    end: int,
    n: int,
    work: int,
) -> Any:
    s, family = unsigned(work, STATE_WORDS), family_of(kind)
    at = block + BLOCK_WORDS + (SUM_WORDS[layout[one + FAMILY]] if family in (PAIR, LINE) else 0)
    load_sums(bases, at, SUM_WORDS[family], n - end, s)
    for i in range(end):
        add(family, s, xs[i], ys[i], ats[i])
    status, whole, value = finish(kind, s, param, signed(work + 8 * STATE_WORDS, WORK_WORDS))
    return np.int64(status), np.int64(whole), np.float64(value)


@kernel
def load_sums(bases: Words, at: int, size: int, n: int, s: Any) -> None:
    """A state of `n` rows from the words of its sums."""
    zero(s)
    s[0] = np.uint64(n)
    for j in range(size):
        s[1 + j] = np.uint64(bases[at + j])


@kernel
def _gaps(
    bases: Words, block: int, layout: Words, one: int, kind: int, ats: Ints, m: int, end: int, n: int, work: int
) -> Any:
    if n < 2 or (kind == of.GAP_STD and n < 3):
        return np.int64(UNDEFINED), np.int64(0), 0.0
    if kind == of.GAP_MEAN:
        status, whole, value = real(gap_mean(n, ats[0], ats[end - 1]))
        return np.int64(status), np.int64(whole), np.float64(value)
    s = unsigned(work, STATE_WORDS)
    at = block + BLOCK_WORDS + SUM_WORDS[layout[one + FAMILY]] + SUM_WORDS[layout[one + SECOND_FAMILY]]
    load_sums(bases, at, GAP_WORDS, max(bases[block + VALUES] - 1, 0), s)
    least, most = bases[block + GAP_LEAST], bases[block + GAP_MOST]
    for i in range(max(m, 1), end):
        gap = ats[i] - ats[i - 1]
        least, most = min(least, gap), max(most, gap)
        add(MOMENTS2, s, gap, np.int64(0), np.int64(0))
    if kind != of.GAP_STD:
        return np.int64(FOUND), np.int64(least if kind == of.GAP_MIN else most), 0.0
    status, whole, value = finish(of.STD, s, 0, signed(work + 8 * STATE_WORDS, WORK_WORDS))
    return np.int64(status), np.int64(whole), np.float64(value)


@kernel
def _tallied(
    kind: int, xs: Ints, counts: Ints, m: int, end: int, n: int, param: int, cap: int, listed: int, work: Ints
) -> Any:
    """What comes from how often each value came: the first `m` of `xs` so often as `counts` says, the others once."""
    different = tally(xs, 0, end, work)
    first = FOLD_WORDS + end
    for i in range(m):
        low, high = FOLD_WORDS, FOLD_WORDS + different - 1
        while low < high:
            middle = (low + high) >> 1
            if work[middle] < xs[i]:
                low = middle + 1
            else:
                high = middle
        work[low + end] += (counts[i] - 1) << 32
    if kind == of.QUANTILE:
        j, upto, rank = 0, work[first] >> 32, rank_of(param, n)
        while upto < rank:
            j += 1
            upto += work[first + j] >> 32
        found = work[FOLD_WORDS + j]
        if 0 < cap < n:
            return np.int64(APPROXIMATE), cut8(found), 0.0
        return np.int64(FOUND), found, 0.0
    if kind == of.ENTROPY:
        total: Any = np.int64(0)
        for j in range(first, first + different):
            total += log_weight(work[j] >> 32)
        return np.int64(FOUND), np.int64(0), entropy(n, total)
    arrange(work, first, first + different)
    if kind == of.MODE:
        return np.int64(FOUND), xs[work[first + different - 1] & _POSITION], 0.0
    room, size = signed(listed, param), min(param, different)
    for j in range(size):
        room[j] = xs[work[first + different - 1 - j] & _POSITION]
    return np.int64(FOUND), np.int64(size), 0.0
