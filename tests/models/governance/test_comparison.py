"""Two models on the same rows, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.models import compare
from tallystick.models.frames import Floats, Ints
from tallystick.models.governance.comparison import Comparison


def points_of(pd: Floats) -> Ints:
    points: Ints = np.round(600 - 40 * np.log(pd / (1 - pd))).astype(np.int64)
    return points


def example(seed: int, rows: int, noise: float) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    z = rng.normal(-1.5, 1.0, rows)
    y = (rng.uniform(size=rows) < 1 / (1 + np.exp(-z))).astype(np.float64)
    y[:4] = (0, 0, 1, 1)
    worse = 1 / (1 + np.exp(-(z + rng.normal(0, noise, rows))))
    return 1 / (1 + np.exp(-z)), worse, y


@settings(deadline=None)
@given(seed=st.integers(0, 2**20), rows=st.integers(8, 200), share=st.floats(0.01, 1.0))
def test_swaps_are_those_that_counting_finds(seed: int, rows: int, share: float) -> None:
    """Approved, swapped in and out, and their bad, row by row; both approve as nearly alike as ties allow."""
    pd, other, y = example(seed, rows, 1.0)
    left, right = points_of(pd), points_of(other)
    found = compare((pd, left), (other, right), y, share=share)
    yes, also = left >= found.left.cut, right >= found.right.cut
    assert found.left.approved == int(yes.sum())
    assert found.swap_in.rows == sum(1 for a, b in zip(yes, also, strict=True) if b and not a)
    assert found.swap_out.bad == sum(int(bad) for a, b, bad in zip(yes, also, y, strict=True) if a and not b and bad)
    assert found.left.approved - found.swap_out.rows + found.swap_in.rows == found.right.approved
    reachable = [int((right >= cut).sum()) for cut in [*set(right.tolist()), int(right.max()) + 1]]
    assert abs(found.right.approved - found.left.approved) <= min(abs(n - found.left.approved) for n in reachable if n)


def test_a_better_model_is_told_from_a_worse_one() -> None:
    """The interval lies beside zero, its sign follows the order, and a model is no better than itself."""
    pd, worse, y = example(3, 4000, 2.0)
    found = compare((worse, points_of(worse)), (pd, points_of(pd)), y)
    back = compare((pd, points_of(pd)), (worse, points_of(worse)), y)
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 1e-6
    assert back.difference == pytest.approx(-found.difference, abs=1e-12)
    assert found.difference == pytest.approx(found.right.auc - found.left.auc, abs=1e-12)
    assert found.right.brier < found.left.brier
    same: Comparison = compare((pd, points_of(pd)), (pd, points_of(pd)), y)
    assert (same.difference, same.psi, same.swap_in.rows, same.p_value) == (0.0, 0.0, 0, 1.0)


def test_a_cut_is_taken_as_it_is_given() -> None:
    """Points at and above it are approved."""
    pd, points = np.array([0.1, 0.2, 0.3, 0.6]), np.array([640, 620, 600, 560])
    found = compare((pd, points), (pd, points), np.array([0.0, 1.0, 0.0, 1.0]), cut=620)
    assert (found.left.approved, found.left.approved_bad) == (2, 1)
