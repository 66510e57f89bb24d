"""Exact wide integers in compiled code: sums in 128 bits, squares in 192, cubes in 256, and their conversion to float.

A signed 128-bit number is (high int64, low uint64); an unsigned 192-bit one is three uint64 words, lowest first.
Anything wider is a run of uint64 words in an array, lowest first, in two's complement.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import kernel

Words: TypeAlias = NDArray[np.uint64]

_U32 = np.uint64(32)
_U64 = np.uint64(64)
_LOW32 = np.uint64(0xFFFFFFFF)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_TOP = np.uint64(0x8000000000000000)


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
def magnitude(value: Any) -> Any:
    """The absolute value of an int64 as uint64; exact for the smallest too."""
    return np.uint64(value) if value >= 0 else _ZERO - np.uint64(value)


@kernel
def sign_word(value: Any) -> Any:
    """The word above an int64 in two's complement: all ones when it is negative, else 0."""
    return np.uint64(np.int64(value) >> np.int64(63))


@kernel
def add_square(q0: Any, q1: Any, q2: Any, value: Any) -> tuple[Any, Any, Any]:
    """A 192-bit number plus the square of an int64."""
    size = magnitude(value)
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
def bit_length(word: Any) -> Any:
    """How many bits a uint64 needs; 0 needs none."""
    if word == _ZERO:
        return np.int64(0)
    # With the bit below the leading one cleared, rounding to double cannot reach the next power of two.
    return (np.float64(word & ~(word >> _ONE)).view(np.int64) >> np.int64(52)) - np.int64(1022)


@kernel
def power_of_two(exponent: Any) -> float:
    """2 to an exponent in [-1022, 1023]."""
    found: float = np.int64((np.int64(exponent) + np.int64(1023)) << np.int64(52)).view(np.float64)
    return found


@kernel
def unsigned_to_float(high: Any, low: Any) -> float:
    """An unsigned 128-bit number as the nearest double, ties to even."""
    if high == _ZERO:
        return np.float64(low)
    bits = np.uint64(bit_length(high))
    shift = _U64 - bits
    kept, rest = high, low
    if shift != _ZERO:
        kept, rest = (high << shift) | (low >> bits), low << shift
    # A bit below the 64 kept ones can only break a tie, so one sticky bit stands for all of them.
    if rest != _ZERO:
        kept = kept | _ONE
    return np.float64(kept) * power_of_two(bits)


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


@kernel
def add_carry(left: Any, right: Any, carry: Any) -> tuple[Any, Any]:
    """The sum of two words and a carry of 0 or 1, and the carry out."""
    total = left + right
    found = total + carry
    return found, (_ONE if total < right or found < total else _ZERO)


@kernel
def grow2(s: Words, i: int, w0: Any, w1: Any, carry: Any) -> None:
    """Add two words and a carry to the 128-bit number at `s[i]`."""
    s[i], carry = add_carry(s[i], w0, carry)
    s[i + 1] = s[i + 1] + w1 + carry


@kernel
def grow3(s: Words, i: int, w0: Any, w1: Any, w2: Any, carry: Any) -> None:
    """Add three words and a carry to the 192-bit number at `s[i]`."""
    s[i], carry = add_carry(s[i], w0, carry)
    s[i + 1], carry = add_carry(s[i + 1], w1, carry)
    s[i + 2] = s[i + 2] + w2 + carry


@kernel
def grow4(s: Words, i: int, w0: Any, w1: Any, w2: Any, w3: Any, carry: Any) -> None:
    """Add four words and a carry to the 256-bit number at `s[i]`."""
    s[i], carry = add_carry(s[i], w0, carry)
    s[i + 1], carry = add_carry(s[i + 1], w1, carry)
    s[i + 2], carry = add_carry(s[i + 2], w2, carry)
    s[i + 3] = s[i + 3] + w3 + carry


@kernel
def extend(w: Words, out: int, words: int, s: Words, i: int, size: int) -> None:
    """Copy the signed number of `size` words at `s[i]` to the `words` words at `w[out]`."""
    fill = sign_word(np.int64(s[i + size - 1]))
    for j in range(words):
        w[out + j] = s[i + j] if j < size else fill


@kernel
def multiply_wide(w: Words, out: int, a: int, b: int, words: int) -> None:
    """Put the product of the numbers at `w[a]` and `w[b]` at `w[out]`, modulo 2^(64 words); `out` overlaps neither."""
    for i in range(words):
        w[out + i] = _ZERO
    for i in range(words):
        if w[a + i] == _ZERO:
            continue
        carry = _ZERO
        for j in range(words - i):
            high, low = multiply64(w[a + i], w[b + j])
            part, over = add_carry(low, carry, _ZERO)
            w[out + i + j], more = add_carry(w[out + i + j], part, _ZERO)
            carry = high + over + more


@kernel
def subtract_wide(w: Words, out: int, a: int, b: int, words: int) -> None:
    """Put the difference of the numbers at `w[a]` and `w[b]` at `w[out]`, which may be one of them."""
    carry = _ONE
    for i in range(words):
        w[out + i], carry = add_carry(w[a + i], ~w[b + i], carry)


@kernel
def wide_to_float(w: Words, i: int, words: int) -> float:
    """The signed number at `w[i]`, of at most 15 words, as the nearest double, ties to even; its magnitude is left."""
    negative = np.int64(w[i + words - 1]) < 0
    if negative:
        carry = _ONE
        for j in range(i, i + words):
            w[j], carry = add_carry(~w[j], _ZERO, carry)
    top = i + words - 1
    while top > i and w[top] == _ZERO:
        top -= 1
    found: float = np.float64(w[i])
    if top > i:
        second = w[top - 1]
        for j in range(i, top - 1):
            if w[j] != _ZERO:
                second = second | _ONE
        found = unsigned_to_float(w[top], second) * power_of_two(64 * (top - 1 - i))
    return -found if negative else found
