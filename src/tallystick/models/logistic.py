"""Weighted logistic regression by Newton's method in a declared order of operations: the same bits on every machine."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tallystick.core.numeric import each, exp, kernel, log, logit
from tallystick.models.frames import Floats

_BLOCK = 65_536
_EVERY = 16
_STEPS = 50
# A step longer than 4 log-odds overshoots where classes are nearly separable.
_LONGEST = 4.0


class Fit(NamedTuple):
    """An intercept, a slope for each column (0 where dropped), and the columns dropped for their sign, in order."""

    intercept: float
    slopes: Floats
    dropped: tuple[int, ...]


class Sums(NamedTuple):
    """The negative log-likelihood, its gradient and its Hessian; place 0 is the intercept."""

    loss: float
    gradient: Floats
    hessian: Floats


def fit_logistic(z: Floats, y: Floats, weights: Floats, *, ridge: float = 1.0, positive: bool = False) -> Fit:
    """Fit log-odds(y = 1) = intercept + z · slopes by penalised maximum likelihood.

    Parameters
    ----------
    z
        Shape (rows, columns), finite.
    y
        In [0, 1]; a fraction is fitted as a quasi-likelihood, by the same equations.
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
    inside = np.ascontiguousarray(z)
    beta = _begin(inside, y, weights, ridge)
    while True:
        beta = _newton(inside, y, weights, ridge, beta)
        slopes = beta[1:]
        if not positive or not len(kept) or slopes.min() >= 0.0:
            break
        worst = int(slopes.argmin())
        dropped.append(kept.pop(worst))
        beta = np.delete(beta, worst + 1)
        inside = np.ascontiguousarray(z[:, kept])
    full = np.zeros(z.shape[1])
    full[kept] = slopes
    return Fit(float(beta[0]), full, tuple(dropped))


def likelihood(z: Floats, y: Floats, weights: Floats, beta: Floats) -> Sums:
    """The sums at `beta`, block by block of 65,536 rows: the same bits however many cores there are.

    Parameters
    ----------
    z
        Shape (rows, columns), finite, in C order.
    y, weights
        In [0, 1], and positive.
    beta
        Intercept, then slopes.
    """
    rows = z.shape[0]
    parts = each(
        range(0, rows, _BLOCK),
        lambda at: _block(z[at : at + _BLOCK], y[at : at + _BLOCK], weights[at : at + _BLOCK], beta),
    )
    loss, gradient, hessian = parts[0]
    for more_loss, more_gradient, more_hessian in parts[1:]:
        loss += more_loss
        gradient = gradient + more_gradient
        hessian = hessian + more_hessian
    lower = np.tril(hessian)
    return Sums(loss, gradient, lower + np.tril(hessian, -1).T)


def _begin(z: Floats, y: Floats, weights: Floats, ridge: float) -> Floats:
    """Where Newton's method begins: the mean, or of many rows the answer of every sixteenth."""
    beta = np.zeros(z.shape[1] + 1)
    if y.size > 4 * _BLOCK:
        some = slice(None, None, _EVERY)
        few, share = y[some], weights[some]
        if few.max() > 0.0 and few.min() < 1.0:
            thin = np.ascontiguousarray(z[some])
            return _newton(thin, few.copy(), share.copy(), ridge / _EVERY, _begin(thin, few, share, ridge))
    beta[0] = logit(float(np.sum(weights * y) / np.sum(weights)))
    return beta


def _newton(z: Floats, y: Floats, weights: Floats, ridge: float, beta: Floats) -> Floats:
    sums = likelihood(z, y, weights, beta)
    worth = sums.loss + _penalty(beta, ridge)
    for _ in range(_STEPS):
        gradient, hessian = sums.gradient.copy(), sums.hessian.copy()
        gradient[1:] += ridge * beta[1:]
        hessian[np.diag_indices_from(hessian)] += np.append(1e-9, np.full(beta.size - 1, ridge))
        step = -cholesky_solve(hessian, gradient)
        largest = float(np.abs(step).max())
        length = min(1.0, _LONGEST / largest) if largest > 0.0 else 1.0
        while True:
            tried = beta + length * step
            if largest < 1e-9:
                return tried
            found = likelihood(z, y, weights, tried)
            now = found.loss + _penalty(tried, ridge)
            if now <= worth + 1e-12 * abs(worth) or length * largest < 1e-9:
                break
            length /= 2.0
        beta, sums, worth = tried, found, now
    return beta


def _penalty(beta: Floats, ridge: float) -> float:
    total = 0.0
    for slope in beta[1:].tolist():
        total += slope * slope
    return 0.5 * ridge * total


@kernel
def _block(z: Floats, y: Floats, weights: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
    """The sums of one block, four rows at a time; the lower triangle of the Hessian alone."""
    rows, columns = z.shape
    size = columns + 1
    loss = 0.0
    gradient = np.zeros(size)
    hessian = np.zeros((size, size))
    for a in range(0, rows, 4):
        # Rows beyond the last weigh nothing.
        b, c, d = min(a + 1, rows - 1), min(a + 2, rows - 1), min(a + 3, rows - 1)
        eta_a, eta_b, eta_c, eta_d = beta[0], beta[0], beta[0], beta[0]
        for j in range(columns):
            slope = beta[j + 1]
            eta_a += slope * z[a, j]
            eta_b += slope * z[b, j]
            eta_c += slope * z[c, j]
            eta_d += slope * z[d, j]
        loss_a, r_a, v_a = _row(eta_a, y[a], weights[a])
        loss_b, r_b, v_b = _row(eta_b, y[b], weights[b] if a + 1 < rows else 0.0)
        loss_c, r_c, v_c = _row(eta_c, y[c], weights[c] if a + 2 < rows else 0.0)
        loss_d, r_d, v_d = _row(eta_d, y[d], weights[d] if a + 3 < rows else 0.0)
        loss += (loss_a + loss_b) + (loss_c + loss_d)
        gradient[0] += (r_a + r_b) + (r_c + r_d)
        hessian[0, 0] += (v_a + v_b) + (v_c + v_d)
        for j in range(columns):
            gradient[j + 1] += (r_a * z[a, j] + r_b * z[b, j]) + (r_c * z[c, j] + r_d * z[d, j])
            u_a, u_b, u_c, u_d = v_a * z[a, j], v_b * z[b, j], v_c * z[c, j], v_d * z[d, j]
            hessian[j + 1, 0] += (u_a + u_b) + (u_c + u_d)
            for k in range(j + 1):
                hessian[j + 1, k + 1] += (u_a * z[a, k] + u_b * z[b, k]) + (u_c * z[c, k] + u_d * z[d, k])
    return loss, gradient, hessian


@kernel
def _row(eta: float, y: float, weight: float) -> tuple[float, float, float]:
    """A row's loss, residual p − y and curvature p (1 − p), weighted."""
    e = exp(-abs(eta))
    p = 1.0 / (1.0 + e) if eta >= 0.0 else e / (1.0 + e)
    loss = max(eta, 0.0) + log(1.0 + e) - y * eta
    return weight * loss, weight * (p - y), weight * p * (1.0 - p)


@kernel
def cholesky_solve(matrix: Floats, right: Floats) -> Floats:
    """Solve matrix · x = right for a symmetric positive definite matrix, whose lower triangle is overwritten."""
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
