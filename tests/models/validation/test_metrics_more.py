"""The rest of the metrics against their definitions and against scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score
from sklearn.metrics import log_loss as sklearn_log_loss

from tallystick.models.validation import (
    auc,
    auc_interval,
    bootstrap,
    brier,
    brier_parts,
    calibration_line,
    concentration,
    delong,
    gains,
    hosmer_lemeshow,
    information_value,
    ks,
    log_loss,
    pr_auc,
)
from tallystick.models.validation.compare import holm, placements, slope_interval, wilson

samples = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 1), st.integers(1, 3)), min_size=6, max_size=40
).filter(lambda rows: 2 <= sum(row[2] for row in rows) <= len(rows) - 2)


def split(rows: list[tuple[int, int, int, int]]) -> list[np.ndarray]:
    return [np.array(column, dtype=float) for column in zip(*rows, strict=True)]


def fit_of(pd: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> float:
    return hosmer_lemeshow(pd, y, weights).statistic + brier_parts(pd, y, weights).reliability


@settings(deadline=None, max_examples=50)
@given(samples)
def test_pr_auc_log_loss_and_weights_as_copies(rows: list[tuple[int, int, int, int]]) -> None:
    """Equal to scikit-learn's, and a weight is so many copies."""
    score, _, y, weights = split(rows)
    pd = (score + 1) / 8
    copies = np.repeat(np.arange(y.size), weights.astype(int))
    assert pr_auc(pd, y) == pytest.approx(average_precision_score(y, pd), abs=1e-12)
    assert log_loss(pd, y) == pytest.approx(sklearn_log_loss(y, pd), abs=1e-12)
    for measure in (pr_auc, log_loss, brier, ks, auc, fit_of):
        assert measure(pd, y, weights) == pytest.approx(measure(pd[copies], y[copies]), abs=1e-9)
    # Nor does the order of rows matter, where many have one probability.
    order = np.argsort(y, kind="stable")
    assert fit_of(pd, y, weights) == pytest.approx(fit_of(pd[order], y[order], weights[order]), abs=1e-9)
    mine = [gain.gain for gain in gains(pd, y, weights)]
    assert mine == pytest.approx([gain.gain for gain in gains(pd[copies], y[copies])], abs=1e-12)


def naive_delong(first: np.ndarray, second: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Difference and variance by every pair."""

    def kernel(score: np.ndarray) -> np.ndarray:
        bad, good = score[y == 1][:, None], score[y == 0][None, :]
        return np.asarray((bad > good) + 0.5 * (bad == good))

    tables = [kernel(first), kernel(second)]
    gap = tables[0].mean() - tables[1].mean()
    rows, columns = (tables[0] - tables[1]).mean(axis=1), (tables[0] - tables[1]).mean(axis=0)
    return float(gap), float(rows.var(ddof=1) / rows.size + columns.var(ddof=1) / columns.size)


@settings(deadline=None)
@given(samples)
def test_delong_equals_all_pairs(rows: list[tuple[int, int, int, int]]) -> None:
    """Difference, variance and p-value, ties included; equal orders give p = 1."""
    first, second, y, _ = split(rows)
    found = delong(first, second, y)
    gap, variance = naive_delong(first, second, y)
    assert found.difference.value == pytest.approx(gap, abs=1e-12)
    assert found.difference.high - gap == pytest.approx(1.959963985 * variance**0.5, abs=1e-9)
    if variance > 1e-12:
        assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(gap) / variance**0.5), abs=1e-9)
    same = delong(first, 2 * first + 1, y)
    assert (same.difference.value, same.p_value) == (0.0, 1.0)
    assert found.first == pytest.approx(auc(first, y), abs=1e-12)
    assert placements(first, y, np.ones(y.size))[y == 1].mean() == pytest.approx(auc(first, y), abs=1e-12)


def test_delong_holds_its_level_with_weights() -> None:
    """Two equally good noisy scores: p below 0.05 in about one of twenty samples, sampling weights or none."""
    rng = np.random.default_rng(4)
    for weighted in (False, True):
        low = 0
        for _ in range(300):
            y = (rng.uniform(size=400) < 0.3).astype(float)
            scores = [y + rng.normal(size=400) * 1.5 for _ in range(2)]
            weights = rng.choice([1.0, 4.0], 400) if weighted else None
            low += delong(scores[0], scores[1], y, weights).p_value < 0.05
        assert 4 <= low <= 30


def test_the_auc_interval_covers_the_truth() -> None:
    """Normal scores one apart: AUC Φ(1/√2), covered about 95 times of 100."""
    rng, truth, covered = np.random.default_rng(1), float(stats.norm.cdf(1 / 2**0.5)), 0
    for _ in range(300):
        y = np.repeat([0.0, 1.0], [150, 50])
        found = auc_interval(y + rng.normal(size=200), y)
        covered += found.low <= truth <= found.high
    assert 270 <= covered <= 297


def test_the_bootstrap_is_seeded_stratified_and_about_right() -> None:
    """The same seed gives the same bounds; they lie near DeLong's; a perfect score stays perfect."""
    rng = np.random.default_rng(2)
    y = (rng.uniform(size=3_000) < 0.2).astype(float)
    z = 1.2 * y + rng.normal(size=3_000) - 1.5
    pd, weights = 1 / (1 + np.exp(-z)), np.ones(3_000)
    found = bootstrap(pd, y, weights)
    assert found == bootstrap(pd, y, weights)
    assert found != bootstrap(pd, y, weights, seed=8)
    exact = auc_interval(pd, y)
    assert found["auc"].value == pytest.approx(auc(pd, y), abs=1e-12)
    assert found["ks"].value == pytest.approx(ks(pd, y), abs=1e-12)
    assert found["brier"].value == pytest.approx(brier(pd, y), abs=1e-12)
    assert found["log_loss"].value == pytest.approx(log_loss(pd, y), abs=1e-12)
    assert found["auc"].low == pytest.approx(exact.low, abs=0.006)
    assert found["auc"].high == pytest.approx(exact.high, abs=0.006)
    perfect = bootstrap(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4))
    assert perfect["auc"] == perfect["auc"].__class__(1.0, 1.0, 1.0)


def test_the_parts_of_brier_add_up_and_hosmer_holds_its_level() -> None:
    """Reliability − resolution + uncertainty + within is the score; p-values of calibrated samples are uniform."""
    rng, low = np.random.default_rng(3), 0
    for _ in range(200):
        pd = rng.uniform(0.02, 0.6, 2_000)
        y = (rng.uniform(size=2_000) < pd).astype(float)
        low += hosmer_lemeshow(pd, y).p_value < 0.05
    assert 2 <= low <= 22
    parts = brier_parts(pd, y)
    whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert whole == pytest.approx(brier(pd, y), abs=1e-15)
    assert hosmer_lemeshow(np.clip(pd * 1.5, 0, 1), y).p_value < 1e-6
    assert parts.resolution > 10 * parts.reliability


def test_the_slope_interval_covers_one() -> None:
    """Calibrated samples: the bounds hold 1 about 95 times of 100, weighted or not."""
    rng, covered = np.random.default_rng(6), 0
    for _ in range(100):
        z = rng.normal(-1, 1, 800)
        y = (rng.uniform(size=800) < 1 / (1 + np.exp(-z))).astype(float)
        weights = rng.choice([1.0, 3.0], 800)
        found = slope_interval(1 / (1 + np.exp(-z)), y, weights)
        assert found.value == calibration_line(1 / (1 + np.exp(-z)), y, weights)[0]
        covered += found.low <= 1.0 <= found.high
    assert 86 <= covered <= 100


def test_small_figures_by_hand() -> None:
    """Concentration, IV, Wilson's bounds and Holm's p-values."""
    held = concentration(["A", "A", "B", "C"])
    assert (held.largest, held.index, held.groups) == (0.5, 0.375, 3)
    assert information_value(np.array([50.0, 50.0]), np.array([50.0, 50.0])) == 0.0
    shares = np.array([0.75, 0.25]) - np.array([0.25, 0.75])
    by_hand = float((shares * np.log([3.0, 1 / 3])).sum())
    assert information_value(np.array([75.0, 25.0]), np.array([25.0, 75.0])) == pytest.approx(by_hand)
    exact = stats.binomtest(8, 10).proportion_ci(method="wilson")
    assert (wilson(8, 10).low, wilson(8, 10).high) == pytest.approx((exact.low, exact.high))
    assert wilson(0, 0).high == 1.0
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert gains(np.array([0.9, 0.1]), np.array([1.0, 0.0]), shares=[0.25, 0.5])[0].lift == pytest.approx(2.0)
