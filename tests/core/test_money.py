"""Amounts are read exactly or refused, whatever their exponent."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core import InputError, canonical, parse_minor


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1e-9999999", "money.digits"),
        ("1e-999999999", "money.digits"),
        ("-0.001", "money.digits"),
        ("12." + "0" * 5_000 + "1", "money.digits"),
        ("1e999999999", "money.range"),
        ("1e17", "money.range"),
        ("9" * 5_000, "money.range"),
        ("1e99999999999999999999", "money.text"),
    ],
)
def test_an_amount_that_would_be_rounded_is_refused(text: str, code: str) -> None:
    """Neither a tiny amount becomes zero, nor does a huge one cost work."""
    with pytest.raises(InputError) as caught:
        parse_minor(text, "EUR")
    assert caught.value.code == code


def test_zeros_say_nothing() -> None:
    assert parse_minor("0e9999999999", "EUR") == parse_minor("-0e-9999999999", "EUR") == 0
    assert parse_minor("1" + "0" * 40 + "e-40", "EUR") == 100
    assert parse_minor("12.50" + "0" * 5_000, "EUR") == 1250
    assert parse_minor("-92233720368547758.08", "EUR") == -(2**63)


@given(st.integers(-(10**24), 10**24), st.integers(-30, 30))
def test_reading_is_exact_arithmetic(coefficient: int, exponent: int) -> None:
    """What is read is a hundred times the amount, or the amount is refused."""
    wanted = Fraction(coefficient) * Fraction(10) ** (exponent + 2)
    text = f"{coefficient}e{exponent}"
    if wanted.denominator == 1 and -(2**63) <= wanted < 2**63:
        assert parse_minor(text, "EUR") == wanted
    else:
        with pytest.raises(InputError):
            parse_minor(text, "EUR")


def test_the_canonical_form_keeps_every_digit() -> None:
    """Decimals that differ in the fortieth digit differ in form; exponents beyond any use are refused, not written."""
    one, other = Decimal("1." + "0" * 38 + "1"), Decimal("1." + "0" * 38 + "2")
    assert canonical(one) != canonical(other)
    assert canonical([Decimal("1.50"), Decimal("1E+3"), Decimal("-0.0"), Decimal("100")]) == b'["1.5","1000","0","100"]'
    for text in ("1e999999999", "1e-999999999"):
        with pytest.raises(InputError):
            canonical(Decimal(text))
