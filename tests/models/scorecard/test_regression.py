"""The penalised regression against its own conditions of optimality and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from tallystick.models.logistic import likelihood
from tallystick.models.scorecard.regression import chi_square_tail, fit_penalised


def sample(seed: int, rows: int = 400, columns: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = np.ascontiguousarray(rng.normal(size=(rows, columns)))
    z[:, -1] = z[:, 0] + 0.1 * z[:, -1]
    y = (rng.uniform(size=rows) < 1 / (1 + np.exp(0.5 - z @ rng.normal(size=columns)))).astype(float)
    y[:2] = (0.0, 1.0)
    return z, y, rng.integers(1, 4, rows).astype(float)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    ridge=st.sampled_from([0.0, 1.0, 30.0]),
    lasso=st.sampled_from([0.0, 5.0, 60.0]),
    positive=st.booleans(),
)
def test_no_slope_can_be_improved(seed: int, ridge: float, lasso: float, positive: bool) -> None:
    """The Karush–Kuhn–Tucker conditions: where a slope is free the gradient is 0, at 0 it lies within the penalty."""
    z, y, weights = sample(seed)
    beta, sums = fit_penalised(z, y, weights, ridge=ridge, lasso=lasso, positive=positive)
    assert sums.gradient[0] == pytest.approx(0.0, abs=1e-4)
    for slope, gradient in zip(beta[1:], sums.gradient[1:], strict=True):
        force = gradient + ridge * slope
        if slope == 0.0:
            assert force >= -lasso - 1e-4
            assert positive or force <= lasso + 1e-4
        else:
            assert slope > 0.0 or not positive
            assert force == pytest.approx(-lasso * np.sign(slope), abs=1e-4)


@pytest.mark.parametrize(("ridge", "lasso"), [(3.0, 0.0), (0.0, 8.0)])
def test_the_optimum_is_that_of_scikit_learn(ridge: float, lasso: float) -> None:
    """scikit-learn's saga finds the same slopes for the same penalties."""
    z, y, weights = sample(5)
    ours = fit_penalised(z, y, weights, ridge=ridge, lasso=lasso).beta
    ratio = {"l1_ratio": 1.0 if lasso else 0.0}
    theirs = LogisticRegression(
        C=1 / (ridge + lasso), solver="saga", tol=1e-12, max_iter=100_000, random_state=0, **ratio
    )
    theirs.fit(z, y, weights)
    assert ours[1:] == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert ours[0] == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_separable_classes_with_a_penalty_end() -> None:
    """A column that tells the classes apart has a finite slope under a ridge, and the fit stops."""
    z = np.array([[-1.0], [-1.0], [1.0], [1.0]])
    y = np.array([0.0, 0.0, 1.0, 1.0])
    beta, _ = fit_penalised(z, y, np.ones(4), ridge=1.0)
    assert 0.0 < beta[1] < 10.0
    assert likelihood(z, y, np.ones(4), beta).gradient[1] + beta[1] == pytest.approx(0.0, abs=1e-6)


def test_the_tail_of_chi_square() -> None:
    """3.841 cuts off 5%, 6.635 one percent."""
    assert chi_square_tail(3.841458820694124) == pytest.approx(0.05)
    assert chi_square_tail(6.6348966010212145) == pytest.approx(0.01)
    assert chi_square_tail(0.0) == 1.0
