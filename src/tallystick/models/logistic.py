"""Weighted logistic regression by Newton's method in a declared order of operations: the same bits on every machine."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tallystick.core.numeric import kernel, logit, sigmoid
from tallystick.models.frames import Floats


class Fit(NamedTuple):
    """An intercept, a slope for each column (0 where dropped), and the columns dropped for their sign, in order."""

    intercept: float
    slopes: Floats
    dropped: tuple[int, ...]


def fit_logistic(z: Floats, y: Floats, weights: Floats, *, ridge: float = 1.0, positive: bool = False) -> Fit:
    """Fit log-odds(y = 1) = intercept + z · slopes by penalised maximum likelihood.

    Parameters
    ----------
    z
        Shape (rows, columns), finite.
    y
        0.0 or 1.0.
    weights
        Positive.
    ridge
        Half of `ridge` times the squared slopes (not the intercept) is added to the negative log-likelihood.
    positive
        Drop the column with the most negative slope and refit, until every slope is positive.

    Returns
    -------
    Fit
        Slopes of dropped columns are 0.

    Examples
    --------
    >>> z = np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> fit = fit_logistic(z, np.array([0.0, 1.0, 0.0, 1.0]), np.ones(4))
    >>> [abs(round(x, 6)) for x in (fit.intercept, *fit.slopes.tolist())]
    [0.0, 0.0]
    """
    kept = list(range(z.shape[1]))
    dropped: list[int] = []
    while True:
        solution = _newton(np.ascontiguousarray(z[:, kept]), y, weights, ridge)
        slopes = solution[1:]
        if not positive or not len(kept) or slopes.min() >= 0.0:
            break
        dropped.append(kept.pop(int(slopes.argmin())))
    full = np.zeros(z.shape[1])
    full[kept] = slopes
    return Fit(float(solution[0]), full, tuple(dropped))


@kernel
def _newton(z: Floats, y: Floats, weights: Floats, ridge: float) -> Floats:
    rows, columns = z.shape
    size = columns + 1
    beta = np.zeros(size)
    events = 0.0
    total = 0.0
    for i in range(rows):
        events += weights[i] * y[i]
        total += weights[i]
    beta[0] = logit(events / total)
    for _ in range(50):
        gradient = np.zeros(size)
        hessian = np.zeros((size, size))
        for i in range(rows):
            eta = beta[0]
            for j in range(columns):
                eta += beta[j + 1] * z[i, j]
            p = sigmoid(eta)
            residual = weights[i] * (y[i] - p)
            curvature = weights[i] * p * (1.0 - p)
            gradient[0] += residual
            hessian[0, 0] += curvature
            for j in range(columns):
                zj = z[i, j]
                gradient[j + 1] += residual * zj
                part = curvature * zj
                hessian[j + 1, 0] += part
                for k in range(j + 1):
                    hessian[j + 1, k + 1] += part * z[i, k]
        hessian[0, 0] += 1e-9
        for j in range(columns):
            gradient[j + 1] -= ridge * beta[j + 1]
            hessian[j + 1, j + 1] += ridge
        step = _cholesky_solve(hessian, gradient)
        largest = 0.0
        for j in range(size):
            largest = max(largest, abs(step[j]))
        # A step longer than 4 log-odds overshoots where classes are nearly separable.
        damp = 4.0 / largest if largest > 4.0 else 1.0
        for j in range(size):
            beta[j] += damp * step[j]
        if largest < 1e-9:
            break
    return beta


@kernel
def _cholesky_solve(matrix: Floats, right: Floats) -> Floats:
    size = right.size
    for j in range(size):
        for k in range(j):
            matrix[j, j] -= matrix[j, k] * matrix[j, k]
        matrix[j, j] = np.sqrt(max(matrix[j, j], 1e-30))
        for i in range(j + 1, size):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    answer = right.copy()
    for i in range(size):
        for k in range(i):
            answer[i] -= matrix[i, k] * answer[k]
        answer[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            answer[i] -= matrix[k, i] * answer[k]
        answer[i] /= matrix[i, i]
    return answer
