"""Logistic regression with an L1 and an L2 penalty and slopes held at or above 0, in a declared order of operations."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import kernel, logit
from tallystick.models.frames import Floats
from tallystick.models.logistic import Sums, likelihood

Flags: TypeAlias = NDArray[np.bool_]

_STEPS = 60
_SMALL = 1e-9
# A step longer than 4 log-odds overshoots where classes are nearly separable.
_LONGEST = 4.0


class Solution(NamedTuple):
    """Intercept and slopes (place 0 is the intercept), and the likelihood's sums there."""

    beta: Floats
    sums: Sums


def fit_penalised(
    z: Floats,
    y: Floats,
    weights: Floats,
    *,
    ridge: float = 0.0,
    lasso: float = 0.0,
    positive: bool | Flags = False,
    start: Floats | None = None,
) -> Solution:
    """Fit log-odds(y = 1) = intercept + z · slopes at the least of loss + ridge/2 · Σ slope² + lasso · Σ |slope|.

    Proximal Newton: each step minimises the quadratic model of the loss with the penalties as they are, by coordinates
    in order; no slope that is to be `positive` goes below 0, and the answer is the constrained optimum.

    Parameters
    ----------
    z
        Shape (rows, columns), finite, C order.
    y, weights
        0.0 or 1.0, and positive weights.
    ridge, lasso
        Penalties, ≥ 0, in rows; the intercept has none.
    positive
        Whether slopes stay at or above 0: all alike, or column by column.
    start
        Where to begin, as `Solution.beta`.

    Returns
    -------
    Solution

    Notes
    -----
    Lee, Sun, Saunders, SIAM Journal on Optimization 24 (2014). A step is halved until the objective falls.
    """
    beta = np.zeros(z.shape[1] + 1) if start is None else start.copy()
    if start is None:
        beta[0] = logit(float((weights * y).sum() / weights.sum()))
    held = np.full(z.shape[1], positive)
    sums = likelihood(z, y, weights, beta)
    worth = sums.loss + _penalty(beta, ridge, lasso)
    for _ in range(_STEPS):
        target = beta.copy()
        descend(sums.hessian, sums.gradient, beta, target, ridge, lasso, held)
        step = target - beta
        largest = float(np.abs(step).max())
        if largest < _SMALL:
            break
        length = min(1.0, _LONGEST / largest)
        while True:
            tried = beta + length * step
            found = likelihood(z, y, weights, tried)
            now = found.loss + _penalty(tried, ridge, lasso)
            if now <= worth or length * largest < _SMALL:
                break
            length /= 2.0
        beta, sums = tried, found
        if worth - now <= 1e-13 * abs(worth):
            break
        worth = now
    return Solution(beta, sums)


def chi_square_tail(statistic: float) -> float:
    """The probability that a chi-square of one degree of freedom exceeds `statistic`."""
    return math.erfc(math.sqrt(max(statistic, 0.0) / 2.0))


def _penalty(beta: Floats, ridge: float, lasso: float) -> float:
    slopes = beta[1:]
    return float(0.5 * ridge * np.sum(slopes * slopes) + lasso * np.sum(np.abs(slopes)))


@kernel
def descend(
    hessian: Floats, gradient: Floats, at: Floats, beta: Floats, ridge: float, lasso: float, positive: Flags
) -> None:
    """Move `beta` to the least of the quadratic model at `at` plus the penalties, one coordinate after another."""
    size = beta.size
    for _ in range(10_000):
        largest = 0.0
        for j in range(size):
            slope = gradient[j]
            for k in range(size):
                slope += hessian[j, k] * (beta[k] - at[k])
            curve = hessian[j, j] + 1e-12
            if j > 0:
                slope += ridge * beta[j]
                curve += ridge
            wanted = curve * beta[j] - slope
            if j > 0:
                if wanted > lasso:
                    wanted -= lasso
                elif wanted < -lasso and not positive[j - 1]:
                    wanted += lasso
                else:
                    wanted = 0.0
            moved = wanted / curve - beta[j]
            beta[j] += moved
            largest = max(largest, abs(moved))
        if largest < 1e-12:
            break
