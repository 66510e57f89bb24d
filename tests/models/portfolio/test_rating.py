"""Master scales: declared or fitted, each grade's PD tested against its bads."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from tallystick.core import InputError
from tallystick.models.portfolio import MasterScale, ScaleOptions, check_scale, fit_scale


def test_a_pd_on_a_bound_has_the_safer_grade() -> None:
    scale = MasterScale(("A", "B", "C"), (0.01, 0.05))
    assert [scale.index(pd) for pd in (0.0, 0.01, np.nextafter(0.01, 1), 0.05, 0.051, 1.0)] == [0, 0, 1, 1, 2, 2]


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 0.999), min_size=1, max_size=8, unique=True), st.lists(st.floats(0, 1), max_size=30))
def test_columns_have_the_grade_of_the_row(bounds: list[float], pds: list[float]) -> None:
    scale = MasterScale(tuple(map(str, range(len(bounds) + 1))), tuple(sorted(bounds)))
    pds = pds + bounds
    assert scale.indices(np.array(pds)).tolist() == [scale.index(pd) for pd in pds]
    assert msgspec.json.decode(msgspec.json.encode(scale), type=MasterScale) == scale


@pytest.mark.parametrize(
    ("grades", "bounds", "code"),
    [
        ((), (), "scale.shape"),
        (("A",), (0.1,), "scale.shape"),
        (("A", "A"), (0.1,), "scale.names"),
        (("A", ""), (0.1,), "scale.names"),
        (("A", "B", "C"), (0.2, 0.1), "scale.bounds"),
        (("A", "B", "C"), (0.1, 0.1), "scale.bounds"),
        (("A", "B"), (0.0,), "scale.bounds"),
        (("A", "B"), (1.0,), "scale.bounds"),
        (("A", "B"), (float("nan"),), "scale.bounds"),
    ],
)
def test_a_crooked_scale_is_refused(grades: tuple[str, ...], bounds: tuple[float, ...], code: str) -> None:
    with pytest.raises(InputError) as caught:
        MasterScale(grades, bounds)
    assert caught.value.code == code


@pytest.mark.parametrize("pd", [float("nan"), -0.1, 1.1, float("inf")])
def test_what_is_no_probability_has_no_grade(pd: float) -> None:
    """NaN above all: it must never read as the safest grade."""
    scale = MasterScale(("A", "B"), (0.1,))
    for ask in (lambda: scale.index(pd), lambda: scale.indices(np.array([0.5, pd]))):
        with pytest.raises(InputError):
            ask()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 20), st.floats(0.2, 3.0), st.floats(1.0, 1.5))
def test_a_fitted_scale_keeps_its_promises(seed: int, grades: int, skew: float, step: float) -> None:
    """Whatever the PDs: enough rows, bads and goods in each grade, and rates that ascend by the least step."""
    rng = np.random.default_rng(seed)
    pd = np.round(rng.beta(skew, 8, 1500), int(rng.integers(1, 6)))
    y = (rng.uniform(size=1500) < pd).astype(float)
    if not 0 < y.sum() < y.size:
        return
    weights = rng.uniform(0.5, 2.0, 1500)
    options = ScaleOptions(grades, min_rows=60, min_events=4, min_step=step)
    scale = fit_scale(pd, y, weights, options)
    assert 1 <= len(scale.grades) <= grades
    place = np.array([bisect_left(scale.bounds, p) for p in pd.tolist()])
    rates = []
    for grade in range(len(scale.grades)):
        w, bad = weights[place == grade], y[place == grade]
        if len(scale.grades) > 1:
            assert w.sum() >= 60 - 1e-6
            assert min((w * bad).sum(), (w * (1 - bad)).sum()) >= 4 - 1e-6
        rates.append((w * bad).sum() / w.sum())
    assert all(step * a < b + 1e-12 for a, b in pairwise(rates))


def test_one_probability_for_all_gives_one_grade() -> None:
    scale = fit_scale(np.full(500, 0.1), (np.arange(500) % 10 == 0).astype(float))
    assert scale == MasterScale(("R1",), ())


def test_the_tests_of_a_grade_are_those_of_scipy() -> None:
    rng = np.random.default_rng(4)
    pd = rng.beta(1, 12, 3000)
    y = (rng.uniform(size=3000) < pd).astype(float)
    scale = MasterScale(("A", "B", "C", "D"), (0.02, 0.06, 0.15))
    found = check_scale(scale, pd, y, confidence=0.9)
    for grade, test in enumerate(found.grades):
        inside = scale.indices(pd) == grade
        n, d, mean = int(inside.sum()), int(y[inside].sum()), float(pd[inside].mean())
        assert test.rows == n
        assert test.events == d
        assert test.mean_pd == pytest.approx(mean)
        assert test.jeffreys == pytest.approx(beta.cdf(mean, d + 0.5, n - d + 0.5))
        assert test.binomial == pytest.approx(binom.sf(d - 1, n, mean))
        assert (test.low, test.high) == pytest.approx(beta.ppf([0.05, 0.95], d + 0.5, n - d + 0.5))
        assert test.held == (test.jeffreys >= 0.1)
    assert found.monotone
    assert sum(test.share for test in found.grades) == pytest.approx(1.0)


def test_a_grade_told_too_safe_is_found() -> None:
    """PDs halved: the grades with enough bads fail; the true ones hold about as often as the confidence says."""
    rng = np.random.default_rng(8)
    pd = rng.beta(2, 20, 8000)
    scale = MasterScale(("A", "B", "C"), (0.05, 0.12))
    halved = MasterScale(("A", "B", "C"), (0.025, 0.06))
    held = []
    for _ in range(40):
        y = (rng.uniform(size=8000) < pd).astype(float)
        held += [test.held for test in check_scale(scale, pd, y).grades]
        assert not any(test.held for test in check_scale(halved, pd / 2, y).grades)
    assert 0.88 <= np.mean(held) <= 1.0


def test_no_bad_at_all_is_no_fault() -> None:
    test = check_scale(MasterScale(("A", "B"), (0.1,)), np.full(50, 0.05), np.zeros(50))
    assert test.grades[0].held
    assert test.grades[0].binomial == 1.0
    assert test.grades[1].observed is None
    with pytest.raises(InputError):
        check_scale(MasterScale(("A",), ()), np.full(3, 0.05), np.array([0.0, 2.0, 1.0]))


@pytest.mark.real
def test_taiwan_grades_ascend_out_of_sample(shared: Path) -> None:
    """A scale fitted on 20,000 clients: on the other 10,000 the bad rates still ascend."""
    frame = pl.read_csv(shared / "data" / "taiwan.csv", infer_schema_length=None)
    y = frame["default.payment.next.month"].to_numpy().astype(float)
    x = np.clip(frame.select("PAY_0", "PAY_2", "PAY_3", "PAY_4").to_numpy().astype(float), -1, 3)
    pd = cross_val_predict(LogisticRegression(), x, y, cv=3, method="predict_proba")[:, 1]
    scale = fit_scale(pd[:20_000], y[:20_000], options=ScaleOptions(8, min_rows=500, min_step=1.2))
    found = check_scale(scale, pd[20_000:], y[20_000:])
    print([(t.grade, round(t.mean_pd or 0, 3), round(t.observed or 0, 3)) for t in found.grades])  # noqa: T201
    assert len(scale.grades) >= 3
    assert found.monotone
