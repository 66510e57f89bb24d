"""What a model is worth: discrimination, calibration and stability, each exact in ties and weights."""

from __future__ import annotations

import msgspec
import numpy as np

from tallystick.core.numeric import log, logit_array
from tallystick.models.frames import Floats, Ints, tally
from tallystick.models.logistic import fit_logistic


class CalibrationBin(msgspec.Struct, frozen=True):
    """One tenth of the rows by probability: the mean probability, the observed event rate, and the weighted rows."""

    mean_pd: float
    observed: float
    rows: float


class Histogram(msgspec.Struct, frozen=True):
    """Weighted goods and bads in each interval [edges[i], edges[i + 1]) of points."""

    edges: tuple[int, ...]
    goods: tuple[float, ...]
    bads: tuple[float, ...]


class Evaluation(msgspec.Struct, frozen=True):
    """The metrics of one sample. AUC, KS and the calibration line are None where the sample holds one class only."""

    rows: int
    events: int
    auc: float | None
    gini: float | None
    ks: float | None
    brier: float
    calibration_slope: float | None
    calibration_intercept: float | None
    calibration: tuple[CalibrationBin, ...]
    points: Histogram


def evaluate(pd: Floats, points: Ints, y: Floats, weights: Floats) -> Evaluation:
    """All metrics of probabilities `pd` and `points` against outcomes `y` (1 is bad)."""
    both = 0.0 < float(y.sum()) < y.size
    slope, intercept = calibration_line(pd, y, weights) if both else (None, None)
    area = auc(pd, y, weights) if both else None
    return Evaluation(
        int(y.size),
        int(y.sum()),
        area,
        2.0 * area - 1.0 if area is not None else None,
        ks(pd, y, weights) if both else None,
        brier(pd, y, weights),
        slope,
        intercept,
        calibration_table(pd, y, weights),
        histogram(points, y, weights),
    )


def _steps(score: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted bads and goods at each distinct score, ascending."""
    distinct, place = np.unique(score, return_inverse=True)
    bads = tally(place, weights * y, distinct.size)
    goods = tally(place, weights * (1.0 - y), distinct.size)
    return bads, goods


def auc(score: Floats, y: Floats, weights: Floats | None = None) -> float:
    """The probability that a bad has a higher score than a good, ties counting half.

    Parameters
    ----------
    score
        Higher is riskier.
    y
        1.0 for bad, 0.0 for good; both must occur.
    weights
        Positive; ones by default.

    Returns
    -------
    float
        In [0, 1]; exact counts below 2⁵³ pairs, one division.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.875
    """
    bads, goods = _steps(score, y, np.ones(y.size) if weights is None else weights)
    below = np.concatenate([[0.0], np.cumsum(goods)[:-1]])
    return float((bads * (2.0 * below + goods)).sum() / (2.0 * bads.sum() * goods.sum()))


def ks(score: Floats, y: Floats, weights: Floats | None = None) -> float:
    """The Kolmogorov–Smirnov distance: the greatest gap between the cumulative shares of goods and of bads.

    Examples
    --------
    >>> ks(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.5
    """
    bads, goods = _steps(score, y, np.ones(y.size) if weights is None else weights)
    return float(np.abs(np.cumsum(goods) / goods.sum() - np.cumsum(bads) / bads.sum()).max())


def brier(pd: Floats, y: Floats, weights: Floats | None = None) -> float:
    """The mean squared difference between probability and outcome."""
    w = np.ones(y.size) if weights is None else weights
    return float((w * (pd - y) ** 2).sum() / w.sum())


def calibration_line(pd: Floats, y: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """Slope and intercept of outcomes regressed on the log-odds of `pd`; (1, 0) is perfect.

    Slope below 1: the probabilities are too extreme. Source: Cox, Biometrika 45 (1958).
    """
    z = logit_array(np.clip(pd, 1e-9, 1.0 - 1e-9))
    fit = fit_logistic(z[:, None], y, np.ones(y.size) if weights is None else weights, ridge=0.0)
    return float(fit.slopes[0]), fit.intercept


def calibration_table(
    pd: Floats, y: Floats, weights: Floats | None = None, bins: int = 10
) -> tuple[CalibrationBin, ...]:
    """Tenths of the rows in order of `pd`: mean probability beside observed rate."""
    w = np.ones(y.size) if weights is None else weights
    parts = np.array_split(np.argsort(pd, kind="stable"), min(bins, y.size))
    return tuple(
        CalibrationBin(
            float((w[part] * pd[part]).sum() / w[part].sum()),
            float((w[part] * y[part]).sum() / w[part].sum()),
            float(w[part].sum()),
        )
        for part in parts
    )


def histogram(points: Ints, y: Floats, weights: Floats | None = None, width: int = 10) -> Histogram:
    """Goods and bads by score bands of `width` points that begin at multiples of `width`."""
    w = np.ones(y.size) if weights is None else weights
    band = points // width
    low, high = int(band.min()), int(band.max())
    goods = tally(band - low, w * (1.0 - y), high - low + 1)
    bads = tally(band - low, w * y, high - low + 1)
    edges = tuple(width * i for i in range(low, high + 2))
    return Histogram(edges, tuple(goods.tolist()), tuple(bads.tolist()))


def psi(expected: Floats, actual: Floats) -> float:
    """The population stability index of two count vectors over the same bins.

    Σ (a − e) ln(a / e) over shares; an empty bin counts half a row, so the index stays finite.

    Examples
    --------
    >>> psi(np.array([50.0, 50.0]), np.array([50.0, 50.0]))
    0.0
    """
    total = 0.0
    e_sum = float(np.maximum(expected, 0.5).sum())
    a_sum = float(np.maximum(actual, 0.5).sum())
    for e, a in zip(expected.tolist(), actual.tolist(), strict=True):
        e_share = max(e, 0.5) / e_sum
        a_share = max(a, 0.5) / a_sum
        total += (a_share - e_share) * log(a_share / e_share)
    return total
