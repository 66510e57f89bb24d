"""How sure a figure is, and whether one model is better than another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
from scipy.special import ndtr, ndtri

from tallystick.models.frames import Floats, tally
from tallystick.models.validation.metrics import calibration_line

_THREADS = 2
_DRAWN_MAX = 100_000


class Interval(msgspec.Struct, frozen=True):
    """A figure between its bounds."""

    value: float
    low: float
    high: float


class DeLong(msgspec.Struct, frozen=True):
    """Two AUCs on the same rows: their difference (first − second) with its bounds, and the two-sided p-value."""

    first: float
    second: float
    difference: Interval
    p_value: float


def placements(score: Floats, y: Floats, weights: Floats) -> Floats:
    """For each row the weighted share of rows of the other outcome that it is ranked right against; ties count half."""
    distinct, place = np.unique(score, return_inverse=True)
    bads = tally(place, weights * y, distinct.size)
    goods = tally(place, weights * (1.0 - y), distinct.size)
    goods_below = np.cumsum(goods) - 0.5 * goods
    bads_above = bads.sum() - np.cumsum(bads) + 0.5 * bads
    right: Floats = np.where(y == 1.0, (goods_below / goods.sum())[place], (bads_above / bads.sum())[place])
    return right


def delong(first: Floats, second: Floats, y: Floats, weights: Floats | None = None, level: float = 0.95) -> DeLong:
    """Compare the AUCs of two scores of the same rows.

    Parameters
    ----------
    first, second
        Scores; higher is riskier; ties allowed.
    y
        1.0 for bad, 0.0 for good; at least two of each.
    weights
        Positive. They are sampling weights: the variance is that of weighted means, Σ w² (v − v̄)² / (Σ w)².
    level
        Of the interval.

    Returns
    -------
    DeLong
        With p-value 1 where the scores order the rows alike.

    Notes
    -----
    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), computed by ranks as in Sun and Xu, IEEE SPL 21 (2014).

    Examples
    --------
    >>> y = np.array([0.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    >>> found = delong(np.arange(6.0), -np.arange(6.0), y)
    >>> round(found.difference.value, 3), found.p_value < 0.05
    (0.778, True)
    """
    w = np.ones(y.size) if weights is None else weights
    parts = [placements(score, y, w) for score in (first, second)]
    areas, variance = [], 0.0
    for kind in (1.0, 0.0):
        inside = y == kind
        own = w[inside]
        gap = parts[0][inside] - parts[1][inside]
        mean = float((own * gap).sum() / own.sum())
        size = own.size / max(own.size - 1, 1)
        variance += size * float((own * own * (gap - mean) ** 2).sum()) / float(own.sum()) ** 2
        if kind == 1.0:
            areas = [float((own * part[inside]).sum() / own.sum()) for part in parts]
    difference, spread = areas[0] - areas[1], float(np.sqrt(variance))
    reach = float(ndtri(0.5 + level / 2.0)) * spread
    p_value = float(2.0 * ndtr(-abs(difference) / spread)) if spread > 0.0 else float(difference == 0.0)
    return DeLong(areas[0], areas[1], Interval(difference, difference - reach, difference + reach), p_value)


def auc_interval(score: Floats, y: Floats, weights: Floats | None = None, level: float = 0.95) -> Interval:
    """The AUC with DeLong's interval, taken on the log-odds so that it stays within 0 and 1."""
    w = np.ones(y.size) if weights is None else weights
    part = placements(score, y, w)
    bads = y == 1.0
    area = float((w[bads] * part[bads]).sum() / w[bads].sum())
    variance = 0.0
    for inside in (bads, ~bads):
        own, values = w[inside], part[inside]
        mean = float((own * values).sum() / own.sum())
        size = own.size / max(own.size - 1, 1)
        variance += size * float((own * own * (values - mean) ** 2).sum()) / float(own.sum()) ** 2
    if not 0.0 < area < 1.0:
        return Interval(area, area, area)
    reach = float(ndtri(0.5 + level / 2.0)) * float(np.sqrt(variance)) / (area * (1.0 - area))
    centre = np.log(area / (1.0 - area))
    low, high = (float(1.0 / (1.0 + np.exp(-(centre + sign * reach)))) for sign in (-1.0, 1.0))
    return Interval(area, low, high)


def bootstrap(
    pd: Floats, y: Floats, weights: Floats, *, rounds: int = 200, seed: int = 7, level: float = 0.95
) -> dict[str, Interval]:
    """Percentile intervals of AUC, Gini, KS, Brier and log-loss by resampling goods and bads apart.

    Each round draws from a generator of its own (seed, round), so that the answer does not depend on threads. Of more
    than 100,000 rows so many are drawn, and the spread is shrunk by the root of their share (m out of n).

    Parameters
    ----------
    pd
        Probabilities of bad.
    y, weights
        Outcomes, both of which must occur, and positive weights, which stay with their rows.
    rounds
        Resamples.

    Returns
    -------
    dict
        Figure → interval around the value of the whole sample.
    """
    order = np.argsort(pd, kind="stable")
    score, outcome, w = pd[order], y[order], weights[order]
    strata = [np.flatnonzero(outcome == kind) for kind in (0.0, 1.0)]
    sizes = [max(1, round(rows.size * min(1.0, _DRAWN_MAX / y.size))) for rows in strata]

    def one(number: int) -> list[float]:
        rng = np.random.default_rng([seed, number])
        drawn = [rows[rng.integers(rows.size, size=size)] for rows, size in zip(strata, sizes, strict=True)]
        rows = np.sort(np.concatenate(drawn))
        return _measure(score[rows], outcome[rows], w[rows])

    with ThreadPoolExecutor(_THREADS) as pool:
        drawn = np.array(list(pool.map(one, range(rounds))))
    middle = drawn.mean(axis=0)
    drawn = middle + (drawn - middle) * np.sqrt(sum(sizes) / y.size)
    tail = (1.0 - level) / 2.0
    lows, highs = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    names = ("auc", "gini", "ks", "brier", "log_loss")
    return {
        name: Interval(value, float(low), float(high))
        for name, value, low, high in zip(names, _measure(score, outcome, w), lows, highs, strict=True)
    }


def _measure(score: Floats, y: Floats, weights: Floats) -> list[float]:
    """AUC, Gini, KS, Brier and log-loss of rows in ascending order of `score`."""
    starts = np.flatnonzero(np.concatenate([[True], score[1:] != score[:-1]]))
    bads, goods = (np.add.reduceat(part, starts) for part in (weights * y, weights * (1.0 - y)))
    bad, good, total = float(bads.sum()), float(goods.sum()), float(weights.sum())
    bads_below, goods_below = np.cumsum(bads), np.cumsum(goods)
    area = float((bads * (goods_below - 0.5 * goods)).sum() / (bad * good))
    gap = float(np.abs(goods_below / good - bads_below / bad).max())
    error = float((weights * (score - y) ** 2).sum()) / total
    given = np.clip(np.where(y == 1.0, score, 1.0 - score), 1e-15, 1.0)
    return [area, 2.0 * area - 1.0, gap, error, float(-(weights * np.log(given)).sum()) / total]


def slope_interval(pd: Floats, y: Floats, weights: Floats, level: float = 0.95) -> Interval:
    """The calibration slope (`calibration_line`) with Wald's bounds; weights are sampling weights (sandwich)."""
    slope, intercept = calibration_line(pd, y, weights)
    z = np.log(np.clip(pd, 1e-9, 1.0 - 1e-9)) - np.log(np.clip(1.0 - pd, 1e-9, 1.0))
    fitted = 1.0 / (1.0 + np.exp(-np.clip(intercept + slope * z, -700.0, 700.0)))
    design = np.column_stack([np.ones(z.size), z])
    spread = weights * fitted * (1.0 - fitted)
    bread = np.linalg.pinv(design.T @ (design * spread[:, None]))
    meat = design.T @ (design * (weights * spread)[:, None])
    reach = float(ndtri(0.5 + level / 2.0)) * float(np.sqrt(max((bread @ meat @ bread)[1, 1], 0.0)))
    return Interval(slope, slope - reach, slope + reach)


def wilson(hits: float, rows: float, level: float = 0.95) -> Interval:
    """A share with Wilson's interval.

    Examples
    --------
    >>> found = wilson(8, 10)
    >>> round(found.low, 3), round(found.high, 3)
    (0.49, 0.943)
    """
    if rows <= 0:
        return Interval(0.0, 0.0, 1.0)
    z = float(ndtri(0.5 + level / 2.0))
    share = hits / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    reach = z / (1 + z * z / rows) * float(np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)))
    return Interval(share, max(0.0, centre - reach), min(1.0, centre + reach))


def holm(p_values: list[float]) -> list[float]:
    """Holm's adjusted p-values: the chance of any false alarm among all the tests stays below each.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, most = [1.0] * len(p_values), 0.0
    for step, place in enumerate(order):
        most = max(most, min(1.0, (len(p_values) - step) * p_values[place]))
        adjusted[place] = most
    return adjusted
