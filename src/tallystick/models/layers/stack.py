"""The second layer: a logistic regression on out-of-fold log-odds, drawn towards equal weights, none below 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.models.frames import Floats
from tallystick.models.layers.folds import Window

PULL = 20.0
"""How many rows' worth of curvature draws the weights towards their mean; many rows outweigh it."""


def fit_stack(z: Floats, y: Floats, weights: Floats) -> tuple[float, Floats]:
    """Intercept and weights of the layers, by penalised maximum likelihood.

    The weights of k layers are drawn towards 1/k: layers that say nearly the same share their weight, and few rows
    settle for the mean. The layer with the most negative weight is dropped until none is negative.

    Parameters
    ----------
    z
        Out-of-fold log-odds (rows × layers).
    y, weights
        0.0 or 1.0, and positive weights.

    Returns
    -------
    tuple
        The intercept, and a weight ≥ 0 for each layer.

    Examples
    --------
    >>> z = np.array([[-1.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]] * 50)
    >>> y = np.array([0.0, 1.0, 1.0, 1.0] * 50)
    >>> weights = fit_stack(z, y, np.ones(200))[1]
    >>> bool(weights[0] > 1.0), float(weights[1])
    (True, 0.0)
    """
    kept = list(range(z.shape[1]))
    while True:
        beta = _newton(z[:, kept], y, weights, 1.0 / z.shape[1])
        if not kept or beta[1:].min() >= 0.0:
            break
        kept.pop(int(beta[1:].argmin()))
    slopes = np.zeros(z.shape[1])
    slopes[kept] = beta[1:]
    return float(beta[0]), slopes


def _newton(z: Floats, y: Floats, weights: Floats, centre: float) -> Floats:
    design = np.column_stack([np.ones(y.size), z])
    mean = float((weights * y).sum() / weights.sum())
    beta = np.full(design.shape[1], centre)
    beta[0] = np.log(mean / (1.0 - mean)) - float((weights[:, None] * z).sum() / weights.sum()) * centre
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -700.0, 700.0)))
        gradient = design.T @ (weights * (y - p))
        hessian = (design * (weights * p * (1.0 - p))[:, None]).T @ design
        gradient[1:] -= PULL * (beta[1:] - centre)
        hessian[np.diag_indices_from(hessian)] += np.r_[1e-9, np.full(z.shape[1], PULL)]
        step = np.linalg.solve(hessian, gradient)
        largest = float(np.abs(step).max())
        # A longer step overshoots where the layers nearly separate the outcomes.
        beta += step * (2.0 / largest if largest > 2.0 else 1.0)
        if largest < 1e-9:
            break
    return np.asarray(beta, dtype=np.float64)


def stack_out_of_fold(z: Floats, y: Floats, weights: Floats, windows: Sequence[Window], in_order: bool) -> Floats:
    """Log-odds of each held-out row by a stack that did not see its window; NaN where no stack could.

    Windows that stand in order are stacked by the ones before them, so the first of them has none.
    """
    out = np.full(y.size, np.nan)
    for k, window in enumerate(windows):
        others = windows[:k] if in_order else [*windows[:k], *windows[k + 1 :]]
        if not others:
            continue
        rows = np.concatenate([other.held for other in others])
        intercept, slopes = fit_stack(z[rows], y[rows], weights[rows])
        stacked = np.full(window.held.size, intercept)
        for column, slope in enumerate(slopes.tolist()):
            stacked += slope * z[window.held, column]
        out[window.held] = stacked
    return out
