"""The folds of the algebra: what every aggregate gives for the values of a window, in order.

These are the definition of an answer. Executors gather the visible rows of a window and fold them;
whatever is faster must give the same bits, and finishes through the helpers here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import exp_array, kernel, log
from tallystick.labels import algebra as of
from tallystick.labels.kernels.linear import (
    LINE,
    MOMENTS1,
    MOMENTS2,
    PAIR,
    STATE_WORDS,
    add,
    family_of,
    finish,
    real,
    zero,
)
from tallystick.labels.kernels.rows import APPROXIMATE, FOREVER, FOUND, NONE, UNDEFINED, Ints
from tallystick.labels.kernels.sorting import arrange, select
from tallystick.labels.kernels.wide import (
    Words,
    add128,
    bit_length,
    grow2,
    magnitude,
    multiply64,
    sign_word,
    sub128,
    to_float,
)

FOLD_WORDS = 512
"""What `fold` and `fold_list` scribble on, in int64, beside two for each row."""

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_TOP = np.uint64(0x8000000000000000)
_TWO30, _TWO40, _TWO64 = 2.0**30, 2.0**40, 2.0**64
_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
_HALVINGS = 40
_STEPS = 1024
_WEIGHTS = np.rint(exp_array(-_LN2 * np.arange(_STEPS) / _STEPS) * _TWO40).astype(np.int64)
_POSITION = 0xFFFFFFFF


@kernel
def fold(
    kind: int,
    x: Ints,
    y: Ints,
    at: Ints,
    lo: int,
    hi: int,
    t: int,
    param: int,
    cap: int,
    hashes: Words,
    work: Ints,
) -> Any:
    """The value of a kind of aggregate over rows [lo, hi), which all have a value and lie in order.

    Parameters
    ----------
    kind
        A number of `labels.algebra`, any but TOP and SEQUENCE.
    x, y, at
        Values, other values (read by a ratio only) and instants of the rows.
    t
        The instant of the point, for ages and times since.
    param, cap
        As in `labels.plan.Leaf`.
    hashes
        For `distinct` with a cap: the hash of each code; of size 0 otherwise.
    work
        At least `FOLD_WORDS` + 2 (hi − lo) int64 to scribble on.

    Returns
    -------
    tuple
        Status (FOUND, APPROXIMATE, UNDEFINED or NONE), the value where it is whole or in the form of the column,
        the value where it is real. NONE is said of an empty range, unless the kind gives 0 then.

    Examples
    --------
    >>> x, none, work = np.array([3, 1, 1]), np.zeros(0, np.uint64), np.zeros(FOLD_WORDS + 6, np.int64)
    >>> fold(of.DISTINCT, x, x, x, 0, 3, 5, 0, 0, none, work)
    (0, 2, 0.0)
    """
    n = hi - lo
    if n <= 0:
        empty = kind in (of.COUNT, of.SUM, of.DISTINCT, of.STREAK, of.DECAYED)
        return (FOUND if empty else NONE), np.int64(0), 0.0
    family = family_of(kind)
    if family != 0:
        return _linear(kind, family, x, y, at, lo, hi, param, work)
    if kind in (of.MIN, of.MAX, of.RANGE):
        return _extreme(kind, x, lo, hi, param)
    if kind in (of.GAP_MEAN, of.GAP_STD, of.GAP_MIN, of.GAP_MAX):
        return _gaps(kind, at, lo, hi, work)
    if kind in (of.DISTINCT, of.MODE, of.ENTROPY):
        return _coded(kind, x, lo, hi, cap, hashes, work)
    if kind == of.QUANTILE:
        return _quantile(x, lo, hi, param, cap, work)
    if kind == of.DECAYED:
        return _decayed(x, at, lo, hi, t, param, work)
    return _edge(kind, x, at, lo, hi, t, param)


@kernel
def fold_list(kind: int, x: Ints, lo: int, hi: int, p: int, out: Ints, work: Ints) -> Any:
    """The values of TOP or SEQUENCE over rows [lo, hi), as `fold` takes them: at most `p` into `out`; gives how many.

    Examples
    --------
    >>> x, out, work = np.array([7, 8, 8]), np.zeros(2, np.int64), np.zeros(FOLD_WORDS + 6, np.int64)
    >>> fold_list(of.TOP, x, 0, 3, 2, out, work), out
    (2, array([8, 7]))
    """
    if kind == of.SEQUENCE:
        start = max(lo, hi - p)
        for i in range(start, hi):
            out[i - start] = x[i]
        return np.int64(max(0, hi - start))
    found = np.int64(0)
    if kind == of.TOP and hi > lo:
        different = tally(x, lo, hi, work)
        first = FOLD_WORDS + (hi - lo)
        arrange(work, first, first + different)
        while found < p and found < different:
            out[found] = x[lo + (work[first + different - 1 - found] & _POSITION)]
            found += 1
    return found


@kernel
def _linear(kind: int, family: int, x: Ints, y: Ints, at: Ints, lo: int, hi: int, param: int, work: Ints) -> Any:
    if kind == of.COUNT:
        return FOUND, np.int64(hi - lo), 0.0
    s = work[:STATE_WORDS].view(np.uint64)
    zero(s)
    if family == MOMENTS1:
        high, low = np.int64(0), _ZERO
        for i in range(lo, hi):
            high, low = add128(high, low, x[i])
        s[0], s[1], s[2] = np.uint64(hi - lo), low, np.uint64(high)
    elif family == MOMENTS2:
        for i in range(lo, hi):
            add(MOMENTS2, s, x[i], np.int64(0), np.int64(0))
    else:
        for i in range(lo, hi):
            add(family, s, x[i], y[i] if family == PAIR else np.int64(0), at[i] if family == LINE else np.int64(0))
    return finish(kind, s, param, work[STATE_WORDS:FOLD_WORDS])


@kernel
def _extreme(kind: int, x: Ints, lo: int, hi: int, param: int) -> Any:
    least, most = x[lo], x[lo]
    for i in range(lo + 1, hi):
        least, most = min(least, x[i]), max(most, x[i])
    if kind == of.MIN:
        return FOUND, least, 0.0
    if kind == of.MAX:
        return FOUND, most, 0.0
    if param == 1:
        return real(real_of(most) - real_of(least))
    # A difference of int64 that does not fit wraps below zero.
    return (FOUND if most - least >= 0 else UNDEFINED), most - least, 0.0


@kernel
def real_of(bits: int) -> float:
    """The double that a real column holds as an int64 of the same order."""
    found: float = np.int64(bits ^ ((bits >> 63) & FOREVER)).view(np.float64)
    return found


@kernel
def _edge(kind: int, x: Ints, at: Ints, lo: int, hi: int, t: int, param: int) -> Any:
    if kind == of.FIRST:
        return FOUND, x[lo], 0.0
    if kind == of.LAST:
        return FOUND, x[hi - 1], 0.0
    if kind == of.NTH:
        if param < 1 or param > hi - lo:
            return UNDEFINED, np.int64(0), 0.0
        return FOUND, x[hi - param], 0.0
    if kind == of.FIRST_AT:
        return FOUND, at[lo], 0.0
    if kind == of.LAST_AT:
        return FOUND, at[hi - 1], 0.0
    if kind == of.SINCE_FIRST:
        return FOUND, t - at[lo], 0.0
    if kind == of.SINCE_LAST:
        return FOUND, t - at[hi - 1], 0.0
    i = hi
    while i > lo and x[i - 1] == 1:
        i -= 1
    return FOUND, np.int64(hi - i), 0.0


@kernel
def _gaps(kind: int, at: Ints, lo: int, hi: int, work: Ints) -> Any:
    n = hi - lo
    if n < 2 or (kind == of.GAP_STD and n < 3):
        return UNDEFINED, np.int64(0), 0.0
    if kind == of.GAP_MEAN:
        return real(gap_mean(n, at[lo], at[hi - 1]))
    if kind == of.GAP_STD:
        s = work[:STATE_WORDS].view(np.uint64)
        zero(s)
        for i in range(lo + 1, hi):
            add(MOMENTS2, s, at[i] - at[i - 1], np.int64(0), np.int64(0))
        return finish(of.STD, s, 0, work[STATE_WORDS:FOLD_WORDS])
    found = at[lo + 1] - at[lo]
    for i in range(lo + 2, hi):
        gap = at[i] - at[i - 1]
        if (gap < found) == (kind == of.GAP_MIN):
            found = gap
    return FOUND, found, 0.0


@kernel
def gap_mean(n: int, first: int, last: int) -> float:
    """The mean gap in microseconds of `n` ≥ 2 instants from `first` to `last`."""
    early, late = np.int64(first), np.int64(last)
    high, low = sub128(late >> np.int64(63), np.uint64(late), early >> np.int64(63), np.uint64(early))
    return to_float(high, low) / np.float64(n - 1)


@kernel
def tally(x: Ints, lo: int, hi: int, work: Ints) -> Any:
    """How many different values rows [lo, hi) have, at most 2³¹ rows.

    Leaves in `work`, after the first `FOLD_WORDS`, the values in rising order, and from hi − lo places further on, for
    each, count · 2³² + the place after `lo` of the row that has it last: unique, and larger means more, then later.
    """
    n = hi - lo
    keys, counts = FOLD_WORDS, FOLD_WORDS + n
    different = _distinct(x, lo, hi, work)
    for j in range(different):
        work[counts + j] = 0
    for i in range(lo, hi):
        low, high = 0, different - 1
        while low < high:
            middle = (low + high) >> 1
            if work[keys + middle] < x[i]:
                low = middle + 1
            else:
                high = middle
        work[counts + low] = (((work[counts + low] >> 32) + 1) << 32) | (i - lo)
    return different


@kernel
def _distinct(x: Ints, lo: int, hi: int, work: Ints) -> Any:
    """How many different values there are; leaves them in rising order in `work` after `FOLD_WORDS`."""
    start = FOLD_WORDS
    for i in range(lo, hi):
        work[start + i - lo] = x[i]
    arrange(work, start, start + hi - lo)
    different = np.int64(1)
    for i in range(start + 1, start + hi - lo):
        if work[i] != work[start + different - 1]:
            work[start + different] = work[i]
            different += 1
    return different


@kernel
def _coded(kind: int, x: Ints, lo: int, hi: int, cap: int, hashes: Words, work: Ints) -> Any:
    n = hi - lo
    if kind == of.DISTINCT:
        different = _distinct(x, lo, hi, work)
        if cap <= 0 or different <= cap:
            return FOUND, different, 0.0
        start = FOLD_WORDS
        for j in range(start, start + different):
            # With its top bit turned an unsigned hash is ordered as a signed number.
            work[j] = np.int64(hashes[work[j]] ^ _TOP)
        return theta(cap, np.uint64(select(work, start, start + different, start + cap - 1)) ^ _TOP)
    if kind == of.MODE:
        different = tally(x, lo, hi, work)
        best = work[FOLD_WORDS + n]
        for j in range(1, different):
            best = max(best, work[FOLD_WORDS + n + j])
        return FOUND, x[lo + (best & _POSITION)], 0.0
    start = FOLD_WORDS
    for i in range(lo, hi):
        work[start + i - lo] = x[i]
    arrange(work, start, start + n)
    total, run = np.int64(0), 1
    for i in range(start + 1, start + n):
        if work[i] == work[i - 1]:
            run += 1
        else:
            total += log_weight(run)
            run = 1
    return FOUND, np.int64(0), entropy(n, total + log_weight(run))


@kernel
def theta(cap: int, hash: Any) -> Any:
    """The estimate of `distinct` from the cap-th smallest hash of the different values, with its status."""
    estimate = np.rint(np.float64(cap - 1) * _TWO64 / np.float64(np.uint64(hash)))
    if estimate < 2.0**63:
        return APPROXIMATE, np.int64(estimate), 0.0
    return UNDEFINED, np.int64(0), 0.0


@kernel
def log_weight(count: int) -> Any:
    """What a value that occurs `count` times adds to the sum of `entropy`: count·ln(count), in units of 2^-30."""
    if count < 2:
        return np.int64(0)
    c = np.float64(count)
    return np.int64(np.rint(c * log(c) * _TWO30))


@kernel
def entropy(n: int, weights: int) -> float:
    """The entropy in nats of `n` ≥ 1 values, from the sum of `log_weight` over the counts of the different ones."""
    found = np.float64(log_weight(n) - weights) / (np.float64(n) * _TWO30)
    return 0.0 if found < 0.0 else found


@kernel
def rank_of(q_millionths: int, n: int) -> int:
    """The nearest rank, from 1, of a quantile of `n` ≥ 1 values."""
    return max(1, (q_millionths * n + 999_999) // 1_000_000)


@kernel
def cut8(x: int) -> Any:
    """An int64 cut toward zero to its 8 leading significant bits."""
    size = magnitude(np.int64(x))
    spare = bit_length(size) - 8
    if spare > 0:
        size = (size >> np.uint64(spare)) << np.uint64(spare)
    return np.int64(size) if x >= 0 else np.int64(_ZERO - size)


@kernel
def _quantile(x: Ints, lo: int, hi: int, param: int, cap: int, work: Ints) -> Any:
    n = hi - lo
    start = FOLD_WORDS
    for i in range(n):
        work[start + i] = x[lo + i]
    found = select(work, start, start + n, start + rank_of(param, n) - 1)
    if 0 < cap < n:
        # Cutting keeps the order, so the cut value of a rank is the value of that rank, cut.
        return APPROXIMATE, cut8(found), 0.0
    return FOUND, found, 0.0


@kernel
def weight(age: int, half_life: int) -> Any:
    """The weight of a row `age` ≥ 0 microseconds old, as a number of 2⁻⁴⁰; `half_life` is below 2⁵¹ microseconds."""
    halvings = age // half_life
    if halvings > _HALVINGS:
        return np.int64(0)
    return _WEIGHTS[((age % half_life) * _STEPS) // half_life] >> np.int64(halvings)


@kernel
def _decayed(x: Ints, at: Ints, lo: int, hi: int, t: int, param: int, work: Ints) -> Any:
    s = work[:2].view(np.uint64)
    s[0], s[1] = _ZERO, _ZERO
    for i in range(lo, hi):
        grow_weighted(s, x[i], weight(t - at[i], param))
    return FOUND, np.int64(0), decayed(s)


@kernel
def grow_weighted(s: Words, x: int, w: int) -> None:
    """Add x · w, w ≥ 0, to the 128-bit number at the start of `s`."""
    high, low = multiply64(magnitude(np.int64(x)), np.uint64(w))
    flip = sign_word(x)
    grow2(s, 0, low ^ flip, high ^ flip, flip & _ONE)


@kernel
def decayed(s: Words) -> float:
    """The decayed sum from the exact sum of x · weight."""
    return to_float(np.int64(s[1]), s[0]) / _TWO40
