"""Aggregates with an inverse: exact sums that a row is added to and taken from, and what they finish to.

The state is 24 uint64 words, every sum in two's complement, lowest word first:

| family | words |
|---|---|
| MOMENTS1 | 0 n · 1–2 Σx |
| MOMENTS2 | 0 n · 1–2 Σx · 3–5 Σx² |
| MOMENTS3 | 0 n · 1–2 Σx · 3–5 Σx² · 6–9 Σx³ |
| PAIR | 0 n · 1–2 Σx · 3–4 Σy |
| LINE | 0 n · 1–2 Σx · 3–4 Σat · 5–7 Σ at·x · 8–10 Σat² |

A slope does not depend on where `at` is counted from, so callers may give every row `at - base` with one base.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.algebra import COUNT, MEAN, RATIO, SHARE, SKEW, SLOPE, STD, SUM
from tallystick.labels.kernels.rows import FOUND, NONE, UNDEFINED, Ints
from tallystick.labels.kernels.wide import (
    Words,
    extend,
    fits64,
    grow2,
    grow3,
    grow4,
    magnitude,
    multiply64,
    multiply_wide,
    sign_word,
    subtract_wide,
    to_float,
    unsigned_to_float,
    wide_to_float,
)

MOMENTS1, MOMENTS2, MOMENTS3, PAIR, LINE = 1, 2, 3, 4, 5
"""Families of states; 0 is none."""

STATE_WORDS = 24
WORK_WORDS = 256
"""What `finish` scribbles on, in int64."""

_ZERO, _ONE = np.uint64(0), np.uint64(1)


@kernel
def family_of(kind: int) -> int:
    """The family whose state a kind of aggregate finishes from; 0 when it has no inverse."""
    if kind in (COUNT, SUM, MEAN, SHARE):
        return MOMENTS1
    if kind == STD:
        return MOMENTS2
    if kind == SKEW:
        return MOMENTS3
    if kind == RATIO:
        return PAIR
    return LINE if kind == SLOPE else 0


@kernel
def zero(s: Words) -> None:
    """Make a state that of no rows."""
    for i in range(s.size):
        s[i] = _ZERO


@kernel
def count_of(s: Words) -> Any:
    """How many rows a state holds."""
    return np.int64(s[0])


@kernel
def add(family: int, s: Words, x: Any, y: Any, at: Any) -> None:
    """Add a row to a state; `y` counts for PAIR only, `at` for LINE only."""
    _move(family, s, np.int64(x), np.int64(y), np.int64(at), _ZERO)


@kernel
def take(family: int, s: Words, x: Any, y: Any, at: Any) -> None:
    """Take a row from a state: what is left is as if it had never been added."""
    _move(family, s, np.int64(x), np.int64(y), np.int64(at), _ONE)


@kernel
def _move(family: int, s: Words, x: Any, y: Any, at: Any, less: Any) -> None:
    # −v is ~v + 1: to take is to add every word flipped, and a carry.
    flip = _ZERO - less
    s[0] = s[0] + (_ONE ^ flip) + less
    sign = sign_word(x)
    grow2(s, 1, np.uint64(x) ^ flip, sign ^ flip, less)
    if family == PAIR:
        grow2(s, 3, np.uint64(y) ^ flip, sign_word(y) ^ flip, less)
    elif family == LINE:
        grow2(s, 3, np.uint64(at) ^ flip, sign_word(at) ^ flip, less)
        size = magnitude(at)
        high, low = multiply64(size, magnitude(x))
        turned = flip ^ sign ^ sign_word(at)
        grow3(s, 5, low ^ turned, high ^ turned, turned, turned & _ONE)
        high, low = multiply64(size, size)
        grow3(s, 8, low ^ flip, high ^ flip, flip, less)
    elif family != MOMENTS1:
        size = magnitude(x)
        high, low = multiply64(size, size)
        grow3(s, 3, low ^ flip, high ^ flip, flip, less)
        if family == MOMENTS3:
            middle, first = multiply64(low, size)
            last, second = multiply64(high, size)
            second = second + middle
            if second < middle:
                last = last + _ONE
            turned = flip ^ sign
            grow4(s, 6, first ^ turned, second ^ turned, last ^ turned, turned, turned & _ONE)


@kernel
def combine(family: int, s: Words, other: Words) -> None:
    """Add all rows of another state of the family to a state."""
    _merge(family, s, other, _ZERO)


@kernel
def remove(family: int, s: Words, other: Words) -> None:
    """Take all rows of another state of the family from a state that holds them."""
    _merge(family, s, other, _ONE)


@kernel
def _merge(family: int, s: Words, o: Words, less: Any) -> None:
    flip = _ZERO - less
    s[0] = s[0] + (o[0] ^ flip) + less
    grow2(s, 1, o[1] ^ flip, o[2] ^ flip, less)
    if family == PAIR:
        grow2(s, 3, o[3] ^ flip, o[4] ^ flip, less)
    elif family == LINE:
        grow2(s, 3, o[3] ^ flip, o[4] ^ flip, less)
        grow3(s, 5, o[5] ^ flip, o[6] ^ flip, o[7] ^ flip, less)
        grow3(s, 8, o[8] ^ flip, o[9] ^ flip, o[10] ^ flip, less)
    elif family != MOMENTS1:
        grow3(s, 3, o[3] ^ flip, o[4] ^ flip, o[5] ^ flip, less)
        if family == MOMENTS3:
            grow4(s, 6, o[6] ^ flip, o[7] ^ flip, o[8] ^ flip, o[9] ^ flip, less)


@kernel
def finish(kind: int, s: Words, param: int, work: Ints) -> Any:
    """The value of a kind of aggregate from the state of its family.

    Parameters
    ----------
    kind
        One whose `family_of` is not 0.
    s
        A state of that family.
    param
        Of a slope: its unit in microseconds.
    work
        At least `WORK_WORDS` int64 to scribble on; not the state.

    Returns
    -------
    tuple
        Status (FOUND, UNDEFINED or NONE), the value of a count or sum, the value of any other kind.

    Examples
    --------
    >>> s, work = np.zeros(STATE_WORDS, np.uint64), np.zeros(WORK_WORDS, np.int64)
    >>> add(MOMENTS2, s, 1, 0, 0)
    >>> add(MOMENTS2, s, 3, 0, 0)
    >>> finish(STD, s, 0, work)
    (0, 0, 1.4142135623730951)
    """
    n = np.int64(s[0])
    if kind == COUNT:
        return FOUND, n, 0.0
    high = np.int64(s[2])
    if kind == SUM:
        return (FOUND if fits64(high, s[1]) else UNDEFINED), np.int64(s[1]), 0.0
    if n == 0:
        return NONE, np.int64(0), 0.0
    if kind in (MEAN, SHARE):
        return real(to_float(high, s[1]) / np.float64(n))
    if kind == STD:
        return _deviation(s, n, work)
    if kind == SKEW:
        return _skew(s, n, work)
    if kind == RATIO:
        below = to_float(np.int64(s[4]), s[3])
        return real(to_float(high, s[1]) / below if below != 0.0 else np.nan)
    return _slope(s, param, work)


@kernel
def real(value: float) -> Any:
    """A real answer: undefined when it is not finite."""
    if value - value == 0.0:
        return FOUND, np.int64(0), value
    return UNDEFINED, np.int64(0), 0.0


@kernel
def pairs(n: Any) -> float:
    """n (n − 1) as the nearest double."""
    high, low = multiply64(np.uint64(n), np.uint64(n - 1))
    return unsigned_to_float(high, low)


@kernel
def _deviation(s: Words, n: Any, work: Ints) -> Any:
    if n < 2:
        return UNDEFINED, np.int64(0), 0.0
    if s[4] == _ZERO and s[5] == _ZERO and fits64(np.int64(s[2]), s[1]):
        # Σx² in one word and Σx in one: both products stay within 128 bits, and the first is never the smaller.
        high, low = multiply64(s[0], s[3])
        size = magnitude(np.int64(s[1]))
        less, lower = multiply64(size, size)
        spread = unsigned_to_float(high - less - (_ONE if low < lower else _ZERO), low - lower)
    else:
        w = work.view(np.uint64)
        w[0], w[1] = s[0], _ZERO
        extend(w, 0, 4, w, 0, 2)
        extend(w, 4, 4, s, 3, 3)
        multiply_wide(w, 8, 0, 4, 4)
        extend(w, 12, 4, s, 1, 2)
        multiply_wide(w, 16, 12, 12, 4)
        subtract_wide(w, 8, 8, 16, 4)
        spread = wide_to_float(w, 8, 4)
    return real(np.sqrt(spread / pairs(n)))


@kernel
def _skew(s: Words, n: Any, work: Ints) -> Any:
    if n < 3:
        return UNDEFINED, np.int64(0), 0.0
    w = work.view(np.uint64)
    w[0], w[1] = s[0], _ZERO
    extend(w, 0, 6, w, 0, 2)
    extend(w, 6, 6, s, 1, 2)
    extend(w, 12, 6, s, 3, 3)
    extend(w, 18, 6, s, 6, 4)
    multiply_wide(w, 24, 0, 12, 6)
    multiply_wide(w, 30, 6, 6, 6)
    subtract_wide(w, 36, 24, 30, 6)
    # n²Σx³ − 3nΣxΣx² + 2(Σx)³ = n(nΣx³) − ΣxnΣx² − 2Σx(nΣx² − (Σx)²).
    multiply_wide(w, 42, 0, 18, 6)
    multiply_wide(w, 48, 0, 42, 6)
    multiply_wide(w, 54, 6, 24, 6)
    subtract_wide(w, 48, 48, 54, 6)
    multiply_wide(w, 54, 6, 36, 6)
    subtract_wide(w, 48, 48, 54, 6)
    subtract_wide(w, 48, 48, 54, 6)
    spread = wide_to_float(w, 36, 6)
    if spread == 0.0:
        return UNDEFINED, np.int64(0), 0.0
    lean = wide_to_float(w, 48, 6) / (spread * np.sqrt(spread))
    return real(lean * np.sqrt(pairs(n)) / np.float64(n - 2))


@kernel
def _slope(s: Words, param: int, work: Ints) -> Any:
    w = work.view(np.uint64)
    w[0], w[1] = s[0], _ZERO
    extend(w, 0, 4, w, 0, 2)
    extend(w, 4, 4, s, 3, 2)
    extend(w, 8, 4, s, 8, 3)
    multiply_wide(w, 12, 0, 8, 4)
    multiply_wide(w, 16, 4, 4, 4)
    subtract_wide(w, 12, 12, 16, 4)
    across = wide_to_float(w, 12, 4)
    if across == 0.0:
        return UNDEFINED, np.int64(0), 0.0
    extend(w, 8, 4, s, 5, 3)
    multiply_wide(w, 12, 0, 8, 4)
    extend(w, 8, 4, s, 1, 2)
    multiply_wide(w, 16, 4, 8, 4)
    subtract_wide(w, 12, 12, 16, 4)
    return real(wide_to_float(w, 12, 4) / across * np.float64(param))
