"""What a model is worth: discrimination, calibration and stability, each exact in ties and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from scipy.stats import chi2

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
    return tuple(
        CalibrationBin(
            float((w[part] * pd[part]).sum() / w[part].sum()),
            float((w[part] * y[part]).sum() / w[part].sum()),
            float(w[part].sum()),
        )
        for part in tenths(pd, w, bins)
    )


def tenths(score: Floats, weights: Floats, bins: int = 10) -> list[Ints]:
    """The rows of each tenth of the weight, in order of `score`; equal scores stay together, and no part is empty.

    Examples
    --------
    >>> [part.tolist() for part in tenths(np.array([0.3, 0.1, 0.3, 0.9]), np.ones(4), 2)]
    [[1], [0, 2, 3]]
    """
    distinct, place = np.unique(score, return_inverse=True)
    held = tally(place, weights, distinct.size)
    middle = np.cumsum(held) - 0.5 * held
    part = np.minimum((middle * (bins / held.sum())).astype(np.int64), bins - 1)[place]
    return [np.flatnonzero(part == number) for number in np.unique(part)]


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


class BrierParts(msgspec.Struct, frozen=True):
    """Murphy's parts of the Brier score over bins: reliability − resolution + uncertainty + within = the score."""

    reliability: float
    resolution: float
    uncertainty: float
    within: float


class Fit(msgspec.Struct, frozen=True):
    """A chi-square test: its statistic, degrees of freedom and p-value."""

    statistic: float
    freedom: int
    p_value: float


class Gain(msgspec.Struct, frozen=True):
    """The riskiest rows up to a share: the share of all bads among them (gain), and that over the share (lift)."""

    share: float
    gain: float
    lift: float


class Concentration(msgspec.Struct, frozen=True):
    """How rows crowd into groups: the largest group's share, and the Herfindahl–Hirschman index (1 / groups … 1)."""

    largest: float
    index: float
    groups: int


def pr_auc(score: Floats, y: Floats, weights: Floats | None = None) -> float:
    """Average precision: the mean over bads of the precision at their score; rows of one score stand together.

    Examples
    --------
    >>> round(pr_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])), 4)
    0.8333
    """
    bads, goods = _steps(score, y, np.ones(y.size) if weights is None else weights)
    caught = np.cumsum(bads[::-1])
    taken = caught + np.cumsum(goods[::-1])
    return float((bads[::-1] * caught / taken).sum() / bads.sum())


def log_loss(pd: Floats, y: Floats, weights: Floats | None = None) -> float:
    """The mean of −ln of the probability that was given to what happened, at least 10⁻¹⁵."""
    w = np.ones(y.size) if weights is None else weights
    given = np.clip(np.where(y == 1.0, pd, 1.0 - pd), 1e-15, 1.0)
    return float(-(w * np.log(given)).sum() / w.sum())


def brier_parts(pd: Floats, y: Floats, weights: Floats | None = None, bins: int = 10) -> BrierParts:
    """The Brier score taken apart over bins of `pd`; `within` is what binning itself leaves.

    Source: Murphy, Journal of Applied Meteorology 12 (1973); Stephenson et al., Weather and Forecasting 23 (2008).
    """
    w = np.ones(y.size) if weights is None else weights
    total, mean = float(w.sum()), float((w * y).sum() / w.sum())
    reliability = resolution = 0.0
    for row in calibration_table(pd, y, w, bins):
        reliability += row.rows * (row.mean_pd - row.observed) ** 2 / total
        resolution += row.rows * (row.observed - mean) ** 2 / total
    uncertainty = mean * (1.0 - mean)
    within = brier(pd, y, w) - (reliability - resolution + uncertainty)
    return BrierParts(reliability, resolution, uncertainty, within)


def hosmer_lemeshow(pd: Floats, y: Floats, weights: Floats | None = None, bins: int = 10) -> Fit:
    """The Hosmer–Lemeshow test of calibration on rows that the model did not learn from.

    Weights count as rows. Degrees of freedom are the bins, as no parameter was fitted on these rows.
    """
    statistic, freedom = 0.0, 0
    for row in calibration_table(pd, y, weights, bins):
        spread = row.rows * row.mean_pd * (1.0 - row.mean_pd)
        if spread > 0.0:
            statistic += (row.rows * (row.observed - row.mean_pd)) ** 2 / spread
            freedom += 1
    return Fit(statistic, freedom, float(chi2.sf(statistic, freedom)) if freedom else 1.0)


def gains(
    score: Floats, y: Floats, weights: Floats | None = None, shares: Sequence[float] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
) -> tuple[Gain, ...]:
    """Gain and lift of the riskiest shares; within rows of one score bads count evenly.

    Examples
    --------
    >>> gains(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]), shares=[0.5])[0].gain
    0.75
    """
    bads, goods = _steps(score, y, np.ones(y.size) if weights is None else weights)
    rows = np.concatenate([[0.0], np.cumsum((bads + goods)[::-1])])
    caught = np.concatenate([[0.0], np.cumsum(bads[::-1])])
    at = np.interp(np.asarray(shares) * rows[-1], rows, caught) / caught[-1]
    return tuple(Gain(share, float(gain), float(gain) / share) for share, gain in zip(shares, at, strict=True))


def concentration(groups: Any, weights: Floats | None = None) -> Concentration:
    """The concentration of rows by group, such as a rating or a score band."""
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    sizes = tally(place, np.ones(place.size) if weights is None else weights, int(place.max()) + 1)
    shares = sizes / sizes.sum()
    return Concentration(float(shares.max()), float((shares * shares).sum()), int(shares.size))


def information_value(goods: Floats, bads: Floats) -> float:
    """IV of counts by bin; an empty cell counts half a row, as in `psi`."""
    return psi(goods, bads)
