"""Limit and price: exact in minor units, the same in rows and columns, and derived from risk by a stated formula."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError
from tallystick.models.portfolio import MasterScale, Offer, Pricing, Terms, basel_capital, fit_terms, price_of

MONEY = st.integers(-(2**63), 2**63 - 1)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 2**63 - 1), st.integers(0, 9999)), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.none() | MONEY), max_size=12),
    st.booleans(),
)
def test_columns_offer_what_the_row_is_offered(
    grades: list[tuple[float, int, int]], rows: list[tuple[int, int | None]], based: bool
) -> None:
    multiples, caps, prices = zip(*grades, strict=True)
    terms = Terms("income", multiples, caps, prices) if based else Terms("", (), caps, prices)
    place = [grade % len(grades) for grade, _ in rows]
    base = pl.Series([money for _, money in rows], dtype=pl.Int64)
    frame = terms.offers(np.array(place, dtype=np.int64), base)
    assert [Offer(*row) for row in frame.iter_rows()] == [
        terms.offer(grade, money) for grade, (_, money) in zip(place, rows, strict=True)
    ]


@settings(deadline=None)
@given(st.floats(0, 1e6), st.integers(0, 10**15))
def test_a_multiple_is_the_decimal_that_is_written(multiple: float, base: int) -> None:
    limit = Terms("x", (multiple,), (2**63 - 1,), (0,)).offer(0, base).limit_minor
    exact = Fraction(*Decimal(repr(multiple)).as_integer_ratio()) * base
    assert limit == min(math.floor(exact), 2**63 - 1)


def test_three_tenths_of_ten_are_three() -> None:
    """In binary floating point 0.3 × 10 rounds down to 2.99…"""
    assert Terms("x", (0.3,), (100,), (0,)).offer(0, 10).limit_minor == 3


@pytest.mark.parametrize(
    ("given_", "code"),
    [
        (("", (), (), ()), "terms.shape"),
        (("", (1.0,), (1,), (1,)), "terms.shape"),
        (("x", (), (1,), (1,)), "terms.shape"),
        (("", (), (1, 2), (1,)), "terms.shape"),
        (("x", (-1.0,), (1,), (1,)), "terms.value"),
        (("x", (float("nan"),), (1,), (1,)), "terms.value"),
        (("", (), (-1,), (1,)), "terms.value"),
        (("", (), (1,), (-1,)), "terms.value"),
    ],
)
def test_crooked_terms_are_refused(given_: tuple[Any, ...], code: str) -> None:
    with pytest.raises(InputError) as caught:
        Terms(*given_)
    assert caught.value.code == code


def test_an_unknown_grade_is_refused() -> None:
    terms = Terms("", (), (1, 2), (3, 4))
    for ask in (lambda: terms.offer(2), lambda: terms.offer(-1), lambda: terms.offers(np.array([0, 2]))):
        with pytest.raises(InputError):
            ask()


@pytest.mark.parametrize(
    ("exposure", "pd", "weight"),
    [("mortgage", 0.01, 0.5640), ("retail", 0.01, 0.4577), ("mortgage", 0.0003, 0.0415), ("retail", 0.0003, 0.0445)],
)
def test_basel_weights_are_those_of_the_framework(exposure: Any, pd: float, weight: float) -> None:
    """Risk weights of annex 5 of the framework of June 2006, LGD 45%."""
    assert 12.5 * basel_capital(pd, 0.45, exposure) == pytest.approx(weight, abs=6e-5)


@settings(deadline=None)
@given(st.floats(0, 0.99), st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 1))
def test_at_the_price_the_books_balance(pd: float, lgd: float, funding: float, capital: float) -> None:
    """Income of those who pay, less losses, funding and cost, is the hurdle on equity, to a basis point."""
    price = price_of(pd, Pricing(lgd, funding, 0.02, capital, hurdle=0.15))
    assert price is not None
    left = (1 - pd) * price / 1e4 - pd * lgd - funding * (1 - capital) - 0.02 - 0.15 * capital
    assert -1e-9 <= left <= 1e-4 + 1e-9


def test_more_risk_costs_more_and_lends_less() -> None:
    scale = MasterScale(("A", "B", "C", "D"), (0.01, 0.05, 0.2))
    pds = (0.005, 0.03, 0.1, 0.99)
    terms = fit_terms(pds, Pricing(max_price_bps=3000), appetite_minor=10_000, cap_minor=5_000_000)
    assert len(terms.caps) == len(scale.grades)
    assert list(terms.caps) == sorted(terms.caps, reverse=True)
    assert list(terms.prices_bps) == sorted(terms.prices_bps)
    assert terms.caps[-1] == 0
    for pd, cap in zip(pds[:3], terms.caps[:3], strict=True):
        assert cap * pd * 0.45 <= 10_000 < (cap + 1) * pd * 0.45 or cap == 5_000_000
    assert price_of(1.0, Pricing()) is None
    with pytest.raises(InputError):
        price_of(float("nan"), Pricing())
    with pytest.raises(InputError):
        Pricing(lgd=1.2)
