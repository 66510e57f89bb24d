"""Measures of a term structure equal the obvious count, pair by pair and loan by loan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError
from tallystick.models.horizon import evaluate_hazard, fit_hazard, incidence
from tallystick.models.horizon.survival import concordance_pairs, still_watched
from tallystick.models.validation.metrics import auc

LOANS = st.lists(
    st.tuples(st.integers(1, 8), st.integers(0, 2), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=40
)


@settings(deadline=None)
@given(LOANS)
def test_concordance_counts_pairs(loans: list[tuple[int, int, int, int]]) -> None:
    right = total = 0.0
    for d, e, s, w in loans:
        for other, how, beside, heavy in loans:
            outlives = how == 2 or other > d or (other == d and how == 0)
            if e == 1 and outlives:
                total += w * heavy
                right += w * heavy * (1.0 if s > beside else 0.5 if s == beside else 0.0)
    month, event, score, weights = (np.array(x) for x in zip(*loans, strict=True))
    found = concordance_pairs(score.astype(float), month, event, weights.astype(float))
    assert found == pytest.approx((right, total))


@settings(deadline=None)
@given(LOANS)
def test_aalen_johansen_by_hand(loans: list[tuple[int, int, int, int]]) -> None:
    stay, total = 1.0, 0.0
    month, event, weight = (np.array([loan[i] for loan in loans]) for i in (0, 1, 3))
    found = incidence(month, event, 8, weight.astype(float))
    for t in range(1, 9):
        at_risk = sum(w for d, _, _, w in loans if d >= t)
        if at_risk:
            total += stay * sum(w for d, e, _, w in loans if d == t and e == 1) / at_risk
            stay *= 1 - sum(w for d, e, _, w in loans if d == t and e) / at_risk
        assert found[t - 1] == pytest.approx(total)


def test_with_every_loan_seen_to_the_end_the_measures_are_the_plain_ones() -> None:
    rng = np.random.default_rng(2)
    duration = rng.integers(1, 13, 500)
    event = np.where(duration < 12, rng.integers(1, 3, 500), 0)
    duration[event == 0] = 12
    curves = np.cumsum(rng.uniform(0, 0.08, (500, 12)), axis=1)
    report = evaluate_hazard(curves, duration, event, horizons=(4, 8, 12))
    for horizon in report.horizons:
        bad = ((duration <= horizon.months) & (event == 1)).astype(float)
        pd = curves[:, horizon.months - 1]
        assert horizon.known == 500
        assert horizon.auc == pytest.approx(auc(pd, bad))
        assert horizon.brier == pytest.approx(((pd - bad) ** 2).mean())
        assert horizon.observed == pytest.approx(bad.mean())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_censored_loans_give_what_all_would_have_given(seed: int) -> None:
    """Loans lost at random: the weighed Brier score and AUC stay near those of the whole, the naive ones do not."""
    rng = np.random.default_rng(seed)
    risk = rng.uniform(0.01, 0.15, 6_000)
    death = rng.geometric(risk)
    lost = rng.integers(1, 25, 6_000)
    duration, event = np.minimum(death, lost), (death <= lost).astype(int)
    curves = 1 - (1 - risk[:, None]) ** np.arange(1, 13)
    found = evaluate_hazard(curves, duration, event, horizons=(12,)).horizons[0]
    bad = (death <= 12).astype(float)
    assert found.brier == pytest.approx(((curves[:, 11] - bad) ** 2).mean(), abs=0.015)
    assert found.auc == pytest.approx(auc(curves[:, 11], bad), abs=0.035)
    assert found.observed == pytest.approx(bad.mean(), abs=0.03)


def test_the_chance_of_being_watched_is_the_share_not_lost() -> None:
    duration, event = np.array([1, 1, 2, 3, 3]), np.array([1, 0, 0, 0, 1])
    assert still_watched(duration, event, 3, np.ones(5)) == pytest.approx([1, 3 / 4, 3 / 4 * 2 / 3, 0])


@pytest.mark.parametrize("horizons", [(), (0,), (3, 2), (2, 2), (4,)])
def test_a_horizon_beyond_the_curve_is_refused(horizons: Any) -> None:
    with pytest.raises(InputError):
        evaluate_hazard(np.zeros((2, 3)), [1, 2], [0, 1], horizons=horizons)


def test_nothing_but_open_loans_has_no_order() -> None:
    report = evaluate_hazard(np.full((5, 3), 0.1), np.full(5, 3), np.zeros(5), horizons=(3,))
    assert report.concordance is None
    assert report.horizons[0].auc is None
    assert report.horizons[0].observed == 0.0
    with pytest.raises(InputError):
        fit_hazard({"x": np.ones(5)}, np.full(5, 3), np.zeros(5))


def test_no_loan_has_no_report() -> None:
    with pytest.raises(InputError):
        evaluate_hazard(np.zeros((0, 3)), [], [], horizons=(3,))
