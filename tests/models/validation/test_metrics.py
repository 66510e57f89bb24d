"""Metrics against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tallystick.models import auc, calibration_line, calibration_table, evaluate, histogram, ks, psi

samples = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1), st.integers(1, 3)), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(y for _, y, _ in rows) < len(rows)
)


@settings(deadline=None)
@given(samples)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, int, int]]) -> None:
    """Every bad is compared with every good; a tie counts half; a weight counts as copies."""
    score, y, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    wins = pairs = 0.0
    for s, outcome, w in rows:
        for other, other_outcome, v in rows:
            if outcome == 1 and other_outcome == 0:
                pairs += w * v
                wins += w * v * (1.0 if s > other else 0.5 if s == other else 0.0)
    assert auc(score, y, weights) == wins / pairs
    assert auc(score, y) == pytest.approx(roc_auc_score(y, score), abs=1e-12)


@settings(deadline=None)
@given(samples)
def test_ks_is_the_widest_gap_at_any_threshold(rows: list[tuple[int, int, int]]) -> None:
    """At every threshold the shares of goods and bads at or below it are counted."""
    score, y, _ = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    gaps = [abs(np.mean(score[y == 1] <= s) - np.mean(score[y == 0] <= s)) for s in set(score.tolist())]
    assert ks(score, y) == pytest.approx(max(gaps), abs=1e-12)


def test_a_calibrated_sample_has_slope_one() -> None:
    """Outcomes drawn from the probabilities themselves lie on the line; twice the log-odds halve the slope."""
    rng = np.random.default_rng(0)
    z = rng.normal(-1, 1, 40_000)
    pd = 1 / (1 + np.exp(-z))
    y = (rng.uniform(size=z.size) < pd).astype(float)
    slope, intercept = calibration_line(pd, y)
    assert slope == pytest.approx(1.0, abs=0.04)
    assert intercept == pytest.approx(0.0, abs=0.05)
    assert calibration_line(1 / (1 + np.exp(-2 * z)), y)[0] == pytest.approx(slope / 2, rel=1e-6)
    table = calibration_table(pd, y)
    assert len(table) == 10
    assert all(abs(row.mean_pd - row.observed) < 0.03 for row in table)


def test_the_histogram_counts_everyone_once() -> None:
    """Bands begin at multiples of the width, below zero too."""
    counted = histogram(np.array([-5, 0, 9, 10, 25]), np.array([1.0, 0.0, 0.0, 1.0, 0.0]))
    assert counted.edges == (-10, 0, 10, 20, 30)
    assert counted.goods == (0.0, 2.0, 0.0, 1.0)
    assert counted.bads == (1.0, 0.0, 1.0, 0.0)


def test_psi_by_hand() -> None:
    """Shares 50/50 that become 25/75: (0.25 − 0.5) ln 0.5 + (0.75 − 0.5) ln 1.5; an emptied bin stays finite."""
    by_hand = -0.25 * math.log(0.5) + 0.25 * math.log(1.5)
    assert psi(np.array([50.0, 50.0]), np.array([25.0, 75.0])) == pytest.approx(by_hand, abs=1e-15)
    assert math.isfinite(psi(np.array([50.0, 50.0]), np.array([100.0, 0.0])))


def test_one_class_has_no_auc() -> None:
    """A sample without a bad has a Brier score, but no AUC, KS or calibration line."""
    found = evaluate(np.array([0.1, 0.2]), np.array([600, 580]), np.zeros(2), np.ones(2))
    assert (found.auc, found.ks, found.gini, found.calibration_slope) == (None, None, None, None)
    assert found.brier == pytest.approx(0.025)
