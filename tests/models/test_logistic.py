"""The regression beside scikit-learn's, and its bits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tallystick.models import logistic
from tallystick.models.logistic import fit_logistic, likelihood

Floats = NDArray[np.float64]


def sample(rows: int, columns: int, seed: int) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, columns))
    eta = z @ rng.normal(0, 0.5, columns) - 1.0
    return z, (rng.uniform(size=rows) < 1 / (1 + np.exp(-eta))).astype(np.float64), rng.uniform(0.5, 2.0, rows)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 2), (400, 5), (401, 5), (402, 1), (403, 12)])
def test_the_sums_are_those_of_the_formula(rows: int, columns: int) -> None:
    """Loss, gradient and Hessian for any number of rows, those that four do not divide too."""
    z, y, weights = sample(rows, columns, 1)
    beta = np.linspace(-1.0, 1.0, columns + 1)
    found = likelihood(z, y, weights, beta)
    x = np.column_stack([np.ones(rows), z])
    p = 1 / (1 + np.exp(-x @ beta))
    assert found.loss == pytest.approx(-np.sum(weights * (y * np.log(p) + (1 - y) * np.log(1 - p))), rel=1e-12)
    assert found.gradient == pytest.approx(x.T @ (weights * (p - y)), rel=1e-10, abs=1e-10)
    assert found.hessian == pytest.approx((x.T * (weights * p * (1 - p))) @ x, rel=1e-10, abs=1e-10)


def test_the_answer_is_that_of_scikit_learn() -> None:
    z, y, weights = sample(3_000, 6, 2)
    fit = fit_logistic(z, y, weights, ridge=2.0)
    peer = LogisticRegression(C=0.5, tol=1e-12, solver="newton-cholesky").fit(z, y, weights)
    assert fit.intercept == pytest.approx(peer.intercept_[0], abs=1e-7)
    assert fit.slopes == pytest.approx(peer.coef_[0], abs=1e-7)


def test_many_rows_start_from_a_few_of_them_and_end_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Newton's method begins does not show in the answer; nor does one class among the few."""
    z, y, weights = sample(6_000, 3, 3)
    plain = fit_logistic(z, y, weights)
    monkeypatch.setattr(logistic, "_BLOCK", 1_000)
    started = fit_logistic(z, y, weights)
    assert started.slopes == pytest.approx(plain.slopes, abs=1e-8)
    rare = np.zeros(6_000)
    rare[1::700] = 1.0
    fit = fit_logistic(z, rare, weights)
    assert np.isfinite(fit.slopes).all()


def test_bits_do_not_depend_on_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are summed in their order, one after the other or side by side."""
    z, y, weights = sample(150_000, 4, 4)
    side_by_side = fit_logistic(z, y, weights)
    monkeypatch.setattr(logistic, "each", lambda items, work: [work(item) for item in items])
    alone = fit_logistic(z, y, weights)
    assert (alone.intercept, alone.slopes.tolist()) == (side_by_side.intercept, side_by_side.slopes.tolist())


def test_fractions_are_fitted_as_their_mixture() -> None:
    """An outcome of 0.25 is a quarter of a bad row and three quarters of a good one."""
    z, y, weights = sample(500, 2, 5)
    share = np.where(y == 1.0, 0.75, 0.25)
    mixed = fit_logistic(
        np.concatenate([z, z]),
        np.concatenate([np.ones(500), np.zeros(500)]),
        np.concatenate([weights * share, weights * (1 - share)]),
    )
    fit = fit_logistic(z, share, weights)
    assert fit.intercept == pytest.approx(mixed.intercept, abs=1e-8)
    assert fit.slopes == pytest.approx(mixed.slopes, abs=1e-8)


def test_slopes_against_the_sign_are_dropped_and_named() -> None:
    """What is left is the fit without them."""
    z, _, weights = sample(2_000, 3, 6)
    y = (np.random.default_rng(7).uniform(size=2_000) < 1 / (1 + np.exp(-(z[:, 0] - z[:, 1])))).astype(np.float64)
    fit = fit_logistic(z, y, weights, positive=True)
    assert fit.dropped[0] == 1
    assert fit.slopes[1] == 0.0
    kept = [i for i in range(3) if i not in fit.dropped]
    alone = fit_logistic(z[:, kept], y, weights)
    assert fit.slopes[kept] == pytest.approx(alone.slopes, abs=1e-9)


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 1.0])
def test_separable_rows_end_in_finite_slopes(ridge: float) -> None:
    """Nothing overflows where a column tells everything."""
    z = np.linspace(-3, 3, 100).reshape(-1, 1)
    fit = fit_logistic(z, (z[:, 0] > 0).astype(np.float64), np.ones(100), ridge=ridge)
    assert np.isfinite([fit.intercept, *fit.slopes]).all()
    assert fit.slopes[0] > 1.0
