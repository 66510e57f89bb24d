"""Small values that hold one list very many times, and loops over long lists, end soon."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick import feel
from tallystick.core import InputError

_TOWER = "((for i in 1..60 return if i = 1 then [2] else [partial[-1], partial[-1]])[-1])"


@pytest.mark.parametrize(
    "text",
    [
        f"{_TOWER}.a",
        f"1 in {_TOWER}",
        f"{_TOWER} = {_TOWER}",
        "{l: for j in 1..100000 return j, r: for i in 1..10000 return sum(l)}.r",
        "{l: for j in 1..100000 return j, r: for i in 1..10000 return l = l}.r",
    ],
)
def test_what_would_take_ages_is_null(text: str) -> None:
    assert feel.compile(text, ())({}) is None


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "1" * 35, "1e7000"])
def test_numbers_that_feel_does_not_have_are_refused(value: str) -> None:
    with pytest.raises(InputError, match="is no number of FEEL"):
        feel.lift(Decimal(value))


def test_trailing_zeros_and_both_zeros_are_taken() -> None:
    assert feel.lift(Decimal("1." + "0" * 60)) == 1
    assert feel.show(feel.lift(Decimal("-0"))) == "0"
    with pytest.raises(InputError):
        feel.lift(10**40 + 1)
