"""Exact wide integers in compiled code: sums in 128 bits, sums of squares in 192, and their one conversion to float.

A signed 128-bit number is (high int64, low uint64); an unsigned 192-bit one is three uint64 words, lowest first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel

_U32 = np.uint64(32)
_LOW32 = np.uint64(0xFFFFFFFF)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_TOP = np.uint64(0x8000000000000000)
_TWO64 = 18446744073709551616.0


@kernel
def add128(high: Any, low: Any, value: Any) -> tuple[Any, Any]:
    """A 128-bit number plus an int64."""
    total = low + np.uint64(value)
    carry = np.int64(1) if total < low else np.int64(0)
    return high + (np.int64(value) >> np.int64(63)) + carry, total


@kernel
def sub128(high: Any, low: Any, high_less: Any, low_less: Any) -> tuple[Any, Any]:
    """The difference of two 128-bit numbers."""
    borrow = np.int64(1) if low < low_less else np.int64(0)
    return high - high_less - borrow, low - low_less


@kernel
def multiply64(left: Any, right: Any) -> tuple[Any, Any]:
    """The product of two uint64 as (high, low)."""
    a, b = left >> _U32, left & _LOW32
    c, d = right >> _U32, right & _LOW32
    low, mid1, mid2 = b * d, a * d, b * c
    carry = (low >> _U32) + (mid1 & _LOW32) + (mid2 & _LOW32)
    return a * c + (mid1 >> _U32) + (mid2 >> _U32) + (carry >> _U32), (carry << _U32) | (low & _LOW32)


@kernel
def add_square(q0: Any, q1: Any, q2: Any, value: Any) -> tuple[Any, Any, Any]:
    """A 192-bit number plus the square of an int64."""
    size = np.uint64(value) if value >= 0 else _ZERO - np.uint64(value)
    high, low = multiply64(size, size)
    s0 = q0 + low
    c0 = _ONE if s0 < q0 else _ZERO
    s1 = q1 + high
    c1 = _ONE if s1 < q1 else _ZERO
    s1c = s1 + c0
    if s1c < s1:
        c1 += _ONE
    return s0, s1c, q2 + c1


@kernel
def sub192(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any) -> tuple[Any, Any, Any]:
    """The difference of two 192-bit numbers."""
    r0 = a0 - b0
    w0 = _ONE if a0 < b0 else _ZERO
    r1 = a1 - b1 - w0
    w1 = _ONE if (a1 < b1 or (a1 == b1 and w0 == _ONE)) else _ZERO
    return r0, r1, a2 - b2 - w1


@kernel
def unsigned_to_float(high: Any, low: Any) -> float:
    """An unsigned 128-bit number as the nearest double, ties to even."""
    if high == _ZERO:
        return np.float64(low)
    shift = 0
    while high & _TOP == _ZERO:
        high = (high << _ONE) | (low >> np.uint64(63))
        low = low << _ONE
        shift += 1
    # A bit below the 64 kept ones can only break a tie, so one sticky bit stands for all of them.
    if low != _ZERO:
        high = high | _ONE
    found = np.float64(high) * _TWO64
    for _ in range(shift):
        found *= 0.5
    return found


@kernel
def to_float(high: Any, low: Any) -> float:
    """A signed 128-bit number as the nearest double, ties to even."""
    if high >= 0:
        return unsigned_to_float(np.uint64(high), low)
    negated = _ZERO - low
    upper = ~np.uint64(high) + (_ONE if low == _ZERO else _ZERO)
    return -unsigned_to_float(upper, negated)


@kernel
def fits64(high: Any, low: Any) -> Any:
    """Whether a signed 128-bit number is an int64."""
    return high == (np.int64(low) >> np.int64(63))
