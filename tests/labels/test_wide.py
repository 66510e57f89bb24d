"""Exact wide integers against Python's own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.labels.kernels import wide

TWO64, TWO128, TWO192 = 2**64, 2**128, 2**192


def near_powers(bits: int) -> st.SearchStrategy[int]:
    """Magnitudes of every length, and those whose halves and last places decide a rounding."""
    edges = st.builds(lambda p, d: min(2**bits - 1, max(0, 2**p + d)), st.integers(0, bits), st.integers(-3, 3))
    ties = st.builds(
        lambda m, p, d: max(0, (m << p) + (1 << p >> 1) + d) % 2**bits,
        st.integers(2**52, 2**53),
        st.integers(0, bits - 53),
        st.integers(-1, 1),
    )
    return st.one_of(st.integers(0, 2**bits - 1), edges, ties)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.builds(lambda m, s: s * m, near_powers(bits - 1), st.sampled_from((1, -1)))


INT64, UINT64 = signed(64), near_powers(64)


def words(value: int, size: int) -> Any:
    """A number as words in two's complement, lowest first."""
    return np.array([(value >> (64 * i)) % TWO64 for i in range(size)], np.uint64)


def number(found: Any, sign: bool = True) -> int:
    total = sum(int(word) << (64 * i) for i, word in enumerate(found))
    top = 1 << (64 * len(found) - 1)
    return total - 2 * top if sign and total >= top else total


def split(value: int) -> tuple[np.int64, np.uint64]:
    return np.int64(value >> 64), np.uint64(value % TWO64)


@given(signed(128), INT64)
@settings(deadline=None)
def test_a_128_bit_sum_takes_an_int64_with_its_sign(total: int, value: int) -> None:
    high, low = wide.add128(*split(total), np.int64(value))
    assert number((int(high) % TWO64, low)[::-1]) == (total + value + TWO128 // 2) % TWO128 - TWO128 // 2


@given(signed(127), signed(127))
@settings(deadline=None)
def test_128_bit_numbers_are_subtracted(left: int, right: int) -> None:
    high, low = wide.sub128(*split(left), *split(right))
    assert (int(high) << 64) + int(low) == left - right


@given(UINT64, UINT64)
@settings(deadline=None)
def test_a_product_of_words_is_whole(left: int, right: int) -> None:
    high, low = wide.multiply64(np.uint64(left), np.uint64(right))
    assert (int(high) << 64) + int(low) == left * right


@given(near_powers(190), INT64)
@settings(deadline=None)
def test_a_192_bit_sum_takes_a_square(total: int, value: int) -> None:
    q0, q1, q2 = words(total, 3)
    assert number(wide.add_square(q0, q1, q2, np.int64(value)), sign=False) == total + value * value


@given(near_powers(192), near_powers(192))
@settings(deadline=None)
def test_192_bit_numbers_are_subtracted(left: int, right: int) -> None:
    assert number(wide.sub192(*words(left, 3), *words(right, 3)), sign=False) == (left - right) % TWO192


@given(INT64)
@settings(deadline=None)
def test_an_int64_has_a_magnitude_and_a_sign(value: int) -> None:
    assert int(wide.magnitude(np.int64(value))) == abs(value)
    assert int(wide.sign_word(np.int64(value))) == (TWO64 - 1 if value < 0 else 0)


@given(UINT64)
@settings(deadline=None)
def test_a_word_has_its_bit_length(value: int) -> None:
    assert wide.bit_length(np.uint64(value)) == value.bit_length()


@pytest.mark.parametrize("exponent", [-1022, -1, 0, 1, 64, 1023])
def test_a_power_of_two_is_exact(exponent: int) -> None:
    assert wide.power_of_two(exponent) == math.ldexp(1.0, exponent)


@given(near_powers(128))
@settings(deadline=None, max_examples=200)
def test_an_unsigned_number_is_the_nearest_double(value: int) -> None:
    assert wide.unsigned_to_float(np.uint64(value >> 64), np.uint64(value % TWO64)) == float(value)


@given(signed(128))
@settings(deadline=None, max_examples=200)
def test_a_signed_number_is_the_nearest_double(value: int) -> None:
    assert wide.to_float(*split(value)) == float(value)
    assert wide.fits64(*split(value)) == (-(2**63) <= value < 2**63)


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1, 2**63, -(2**63) - 1, 0, -1, -(2**127), 2**127 - 1])
def test_the_edges_of_an_int64_are_told(value: int) -> None:
    assert wide.fits64(*split(value)) == (-(2**63) <= value < 2**63)
    assert wide.to_float(*split(value)) == float(value)


@pytest.mark.parametrize("size", [2, 3, 4])
@given(st.data())
@settings(deadline=None)
def test_a_sum_grows_by_words_and_a_carry(size: int, data: st.DataObject) -> None:
    total, value = data.draw(signed(64 * size)), data.draw(signed(64 * size))
    carry = data.draw(st.integers(0, 1))
    s = np.array([7, *words(total, size), 7], np.uint64)
    grow = {2: wide.grow2, 3: wide.grow3, 4: wide.grow4}[size]
    grow(s, 1, *words(value, size), np.uint64(carry))  # type: ignore[operator]
    assert number(s[1 : 1 + size], sign=False) == (total + value + carry) % 2 ** (64 * size)
    assert s[0] == 7
    assert s[-1] == 7


@given(signed(192), st.integers(3, 6))
@settings(deadline=None)
def test_a_number_keeps_its_value_in_more_words(value: int, size: int) -> None:
    w = np.full(10, 9, np.uint64)
    wide.extend(w, 2, size, words(value, 3), 0, 3)
    assert number(w[2 : 2 + size]) == value


@pytest.mark.parametrize("size", [1, 2, 4, 6])
@given(st.data())
@settings(deadline=None)
def test_wide_products_and_differences_are_exact(size: int, data: st.DataObject) -> None:
    left, right = data.draw(signed(64 * size)), data.draw(signed(64 * size))
    modulus = 2 ** (64 * size)
    w = np.full(4 * size, 5, np.uint64)
    w[:size], w[size : 2 * size] = words(left, size), words(right, size)
    wide.multiply_wide(w, 2 * size, 0, size, size)
    assert number(w[2 * size : 3 * size], sign=False) == left * right % modulus
    wide.subtract_wide(w, 3 * size, 0, size, size)
    assert number(w[3 * size :], sign=False) == (left - right) % modulus
    wide.subtract_wide(w, 0, 0, size, size)
    assert number(w[:size], sign=False) == (left - right) % modulus


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_wide_number_is_the_nearest_double(size: int, data: st.DataObject) -> None:
    value = data.draw(signed(64 * size))
    w = words(value, size)
    assert wide.wide_to_float(w, 0, size) == float(value)
