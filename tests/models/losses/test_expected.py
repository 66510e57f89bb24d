"""Expected losses are the plain sums over months, and vintages the plain estimates of each cohort."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError
from tallystick.models.horizon import HazardOptions, fit_hazard, incidence
from tallystick.models.losses import StageOptions, expected_losses, fit_losses, stages, vintages

LOANS = st.lists(
    st.tuples(
        st.lists(st.floats(0, 0.05), min_size=20, max_size=20),
        st.floats(0, 1),
        st.integers(0, 10**9),
        st.integers(1, 3),
        st.integers(1, 20),
        st.floats(-0.05, 0.4),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=50, deadline=None)
@given(LOANS, st.sampled_from(["bullet", "linear", "annuity"]))
def test_each_month_brings_its_share(loans: list[Any], repayment: Any) -> None:
    chances, lgd, ead, stage, left, rate = zip(*loans, strict=True)
    curves = np.cumsum(np.array(chances), axis=1)
    found = expected_losses(
        curves, lgd, pl.Series(ead), stage, months_left=left, yearly_rate=np.array(rate), repayment=repayment
    )
    for i in range(len(loans)):
        n, discount = left[i], (1 + (rate[i] if abs(rate[i]) >= 1e-9 else 0.0)) ** (1 / 12)
        total = {12: 0.0, n: 0.0}
        for month in range(1, n + 1):
            if repayment == "bullet":
                share = 1.0
            elif repayment == "linear" or discount == 1.0:
                share = (n - month + 1) / n
            else:
                share = (1 - discount ** -(n - month + 1)) / (1 - discount**-n)
            for upto in total:
                if month <= upto:
                    total[upto] += chances[i][month - 1] * lgd[i] * ead[i] * share / discount**month
        year, life = total[12], total[n]
        wanted = {1: year, 2: life, 3: lgd[i] * ead[i]}[stage[i]]
        assert found["ecl_12m_minor"][i] == pytest.approx(year, rel=1e-5, abs=0.51)
        assert found["ecl_lifetime_minor"][i] == pytest.approx(life, rel=1e-5, abs=0.51)
        assert found["ecl_minor"][i] == pytest.approx(wanted, rel=1e-5, abs=0.51)


def test_one_loan_alone_loses_what_it_loses_among_others() -> None:
    rng = np.random.default_rng(1)
    curves = np.cumsum(rng.uniform(0, 0.02, (300, 36)), axis=1)
    lgd, ead, stage = rng.uniform(size=300), pl.Series(rng.integers(0, 10**8, 300)), rng.integers(1, 4, 300)
    left, rate = rng.integers(1, 37, 300), rng.uniform(0, 0.2, 300)
    all_ = expected_losses(curves, lgd, ead, stage, months_left=left, yearly_rate=rate)
    for i in range(300):
        one = (slice(i, i + 1),)
        alone = expected_losses(
            curves[one], lgd[one], ead[i : i + 1], stage[one], months_left=left[one], yearly_rate=float(rate[i])
        )
        assert alone.row(0) == all_.row(i)


def test_the_stages_rise_with_arrears_and_with_risk() -> None:
    strict = StageOptions(days_2=1, days_3=60, ratio=1.5, step=0.0, low_pd=0.0)
    days = [0, 1, 59, 60, 0, 0]
    now, then = [0.01] * 4 + [0.015, 0.0149], [0.01] * 6
    assert stages(days, now, then, strict).tolist() == [1, 2, 2, 3, 2, 1]
    assert stages([0], [0.002], [0.0001]).tolist() == [1]
    for wrong in (([-1], [0.1], [0.1]), ([None], [0.1], [0.1]), ([0], [None], [0.1]), ([0], [0.1], [1.5])):
        with pytest.raises(InputError):
            stages(*wrong)
    with pytest.raises(InputError):
        stages([0, 1], [0.1], [0.1])
    with pytest.raises(InputError):
        StageOptions(days_2=90, days_3=30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lgd": [1.5]},
        {"lgd": [None]},
        {"lgd": ["half"]},
        {"lgd": [0.1, 0.2]},
        {"ead_minor": [None]},
        {"ead_minor": [1.5]},
        {"stage": [4]},
        {"stage": [1.5]},
        {"months_left": [0]},
        {"months_left": [4]},
        {"yearly_rate": -1.0},
        {"yearly_rate": float("nan")},
        {"yearly_rate": [0.1, 0.2]},
        {"repayment": "balloon"},
        {"term_structure": np.array([[0.1, np.nan, 0.2]])},
    ],
)
def test_bad_data_are_refused(wrong: dict[str, Any]) -> None:
    fine: dict[str, Any] = {
        "term_structure": np.array([[0.1, 0.2, 0.3]]),
        "lgd": [0.5],
        "ead_minor": [100],
        "stage": [2],
        "months_left": [3],
    }
    assert expected_losses(**fine).height == 1
    with pytest.raises(InputError):
        expected_losses(**(fine | wrong))


def test_hazard_and_loss_models_join_into_expected_losses() -> None:
    """From labels to minor units: a riskier book costs more, and life more than twelve months."""
    rng = np.random.default_rng(5)
    usage = rng.uniform(size=3_000)
    month = rng.geometric(0.005 + 0.03 * usage)
    book = pl.DataFrame({"usage": usage})
    hazard = fit_hazard(book, np.minimum(month, 36), (month <= 36).astype(int), options=HazardOptions(horizons=(36,)))
    losses = fit_losses(book[:500], np.clip(0.3 + 0.4 * usage[:500] + rng.normal(0, 0.1, 500), 0, 1))
    curves = hazard.term_structure(book)
    found = expected_losses(
        curves,
        losses.score_columns(book)["lgd"],
        pl.Series(np.full(3_000, 1_000_000)),
        np.full(3_000, 1),
        months_left=np.full(3_000, 36),
        yearly_rate=0.06,
    )
    year = found["ecl_12m_minor"].to_numpy()
    assert year[usage > 0.8].mean() > 2 * year[usage < 0.2].mean()
    assert (found["ecl_lifetime_minor"].to_numpy() > year).all()
    assert found["ecl_minor"].equals(found["ecl_12m_minor"].alias("ecl_minor"))


def test_a_cohort_is_its_own_estimate_and_then_that_of_all() -> None:
    rng = np.random.default_rng(2)
    cohort = rng.choice(["2024-01", "2024-07", "2025-01"], 3_000)
    limit = {"2024-01": 18, "2024-07": 12, "2025-01": 6}
    end = np.array([limit[name] for name in cohort])
    death = rng.geometric(0.03, 3_000)
    duration, event = np.minimum(death, end), (death <= end).astype(int)
    found = vintages(cohort, duration, event, months=18)
    assert [v.cohort for v in found] == sorted(limit)
    for v in found:
        own = cohort == v.cohort
        seen = limit[v.cohort]
        assert (v.rows, v.defaults, v.seen_months) == (own.sum(), event[own].sum(), seen)
        assert v.curve[:seen] == pytest.approx(incidence(duration[own], event[own], seen).tolist())
        assert v.curve[-1] == pytest.approx(1 - 0.97**18, abs=0.05)
        assert list(v.curve) == sorted(v.curve)
    heavy = vintages(cohort, duration, event, months=18, weights=np.full(3_000, 7.0))
    for one, other in zip(heavy, found, strict=True):
        assert one.curve == pytest.approx(other.curve)
    with pytest.raises(InputError):
        vintages([None], [1], [1], months=3)
    with pytest.raises(InputError):
        vintages(["a"], [1], [1], months=0)
