"""Less discriminatory alternatives: what fairness would cost, and what is to be had for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.models.frames import Floats, Ints, tally
from tallystick.models.logistic import fit_logistic
from tallystick.models.validation.compare import DeLong, Interval, delong
from tallystick.models.validation.fairness import grouped
from tallystick.models.validation.metrics import auc
from tallystick.models.validation.stability import codes

_ROWS_MAX = 30_000
_FOLDS = 3
_ROUNDS = 200

Fit: TypeAlias = Callable[[pl.DataFrame, Floats, Floats], Callable[[pl.DataFrame], Floats]]
"""Fits (labels, outcomes, weights) and returns what scores labels: higher is riskier."""


class Alternative(msgspec.Struct, frozen=True):
    """One alternative, judged on rows that neither fitted nor chose it.

    Attributes
    ----------
    name
        "as is", "drop <label>", "coarse <label>", "ridge <penalty>" or "reweigh".
    auc
        Out of fold, on the judging half.
    impact
        The lowest adverse impact ratio of any group at the same share approved, with bootstrap bounds.
    against
        Its AUC against "as is" on the same rows (DeLong).
    chosen
        Whether it stood on the front (no other was better in both) on the choosing half.
    gained
        Whether the judging half, too, shows a higher impact ratio, beyond chance after as many tries as were made.
    """

    name: str
    auc: float
    impact: Interval
    against: DeLong
    chosen: bool
    gained: bool


class Alternatives(msgspec.Struct, frozen=True):
    """The alternatives searched for one attribute; `approval` is the share approved at which all are held."""

    attribute: str
    approval: float
    tried: int
    rows: int
    found: tuple[Alternative, ...]


def woe_fit(ridge: float = 1.0) -> Fit:
    """A regression on the WOE of tenths and categories: the quick stand-in for the model's own kind."""

    def fit(frame: pl.DataFrame, y: Floats, weights: Floats) -> Callable[[pl.DataFrame], Floats]:
        columns, evidence = [], []
        for _, bins, _, size in codes(frame, frame):
            goods = tally(bins, weights * (1.0 - y), size) + 0.5
            bads = tally(bins, weights * y, size) + 0.5
            evidence.append(np.log((bads / bads.sum()) / (goods / goods.sum())))
            columns.append(evidence[-1][bins])
        line = fit_logistic(np.column_stack(columns), y, weights, ridge=ridge)

        def score(rows: pl.DataFrame) -> Floats:
            total = np.full(rows.height, line.intercept)
            for (_, bins, _, _), table, slope in zip(codes(rows, frame), evidence, line.slopes, strict=True):
                total += slope * table[bins]
            return total

        return score

    return fit


def search_alternatives(
    labels: pl.DataFrame,
    attribute: pl.Series,
    y: Floats,
    weights: Floats,
    *,
    proxies: Sequence[str],
    approval: float,
    seed: int = 7,
    fit: Fit | None = None,
) -> Alternatives:
    """Search models that discriminate less between good and bad groups of people, and about as well between risks.

    Every alternative is fitted out of fold (three folds). One half of the rows chooses the front of AUC against the
    adverse impact ratio, the other half judges it, with bounds that allow for the number of tries: the best of many is
    otherwise good by luck.

    Parameters
    ----------
    labels
        The model's inputs; the attribute is never among them.
    attribute
        The protected attribute.
    y, weights
        1.0 for bad, 0.0 for good, and positive weights.
    proxies
        Labels to leave out or to coarsen (to halves of their rows), one by one and all together.
    approval
        Share of the rows that every alternative approves, in (0, 1).
    fit
        What fits a model; a WOE regression by default, so that the comparison is between like and like.

    Notes
    -----
    Reweighing: Kamiran and Calders, KAIS 33 (2012). At most 30,000 rows are used.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(y.size)[:_ROWS_MAX])
    table, outcome, w = labels[rows], y[rows], weights[rows]
    groups = grouped(attribute)[rows]
    fold = rng.permutation(rows.size) % _FOLDS
    judging = rng.permutation(rows.size) % 2 == 0
    build = fit or woe_fit()
    plans: list[tuple[str, pl.DataFrame, Floats, Fit]] = [("as is", table, w, build)]
    for name in proxies:
        if table.width > 1:
            plans.append((f"drop {name}", table.drop(name), w, build))
        if table[name].dtype.is_numeric():
            plans.append((f"coarse {name}", table.with_columns(_coarse(table[name])), w, build))
    if 1 < len(proxies) < table.width:
        plans.append((f"drop {', '.join(proxies)}", table.drop(proxies), w, build))
    plans.append(("reweigh", table, w * _reweighed(groups, outcome, w), build))
    if fit is None:
        plans += [(f"ridge {ridge:g}", table, w, woe_fit(ridge)) for ridge in (100.0, 1000.0)]
    scores = [_out_of_fold(plan[1], outcome, plan[2], fold, plan[3]) for plan in plans]
    return _judged(attribute.name, [plan[0] for plan in plans], scores, groups, outcome, w, judging, approval, rng)


def _judged(
    attribute: str,
    names: Sequence[str],
    scores: Sequence[Floats],
    groups: NDArray[np.str_],
    y: Floats,
    weights: Floats,
    judging: NDArray[np.bool_],
    approval: float,
    rng: np.random.Generator,
) -> Alternatives:
    choosing = ~judging
    seen = [
        (auc(z[choosing], y[choosing], weights[choosing]), lowest_impact(z[choosing], groups[choosing], approval))
        for z in scores
    ]
    front = [not any((a >= b and i > j) or (a > b and i >= j) for a, i in seen) for b, j in seen]
    held = np.flatnonzero(judging)
    drawn = [rng.choice(held, held.size) for _ in range(_ROUNDS)]
    base = np.array([lowest_impact(scores[0][each], groups[each], approval) for each in drawn])
    # Bonferroni over the tries, down to what 200 resamples can tell.
    tail = max(0.05 / max(len(names) - 1, 1), 1.0 / _ROUNDS)
    found = []
    for name, z, on_front in zip(names, scores, front, strict=True):
        impacts = np.array([lowest_impact(z[each], groups[each], approval) for each in drawn])
        low, high = np.quantile(impacts, [0.025, 0.975])
        value = lowest_impact(z[held], groups[held], approval)
        gained = name != names[0] and float(np.quantile(impacts - base, tail)) > 0.0
        test = delong(z[held], scores[0][held], y[held], weights[held])
        interval = Interval(value, float(low), float(high))
        found.append(Alternative(name, test.first, interval, test, on_front, gained))
    return Alternatives(attribute, approval, len(names) - 1, int(y.size), tuple(found))


def lowest_impact(score: Floats, groups: NDArray[np.str_], approval: float) -> float:
    """The lowest approval rate of any group over the highest, when the safest `approval` share is approved."""
    cut = np.quantile(score, approval)
    approved = score <= cut
    _, place = np.unique(groups, return_inverse=True)
    rows = np.bincount(place)
    rates = np.bincount(place, weights=approved)[rows >= 30] / rows[rows >= 30]
    return float(rates.min() / rates.max()) if rates.size > 1 and rates.max() > 0 else 1.0


def _coarse(column: pl.Series) -> pl.Series:
    middle = column.cast(pl.Float64).median()
    return (column > middle).cast(pl.Int64).alias(column.name)


def _reweighed(groups: NDArray[np.str_], y: Floats, weights: Floats) -> Floats:
    """Weights under which the outcome is independent of the group."""
    _, place = np.unique(groups, return_inverse=True)
    size = int(place.max()) + 1
    group = tally(place, weights, size)
    cells = tally(place * 2 + y.astype(np.int64), weights, size * 2)
    outcome = np.array([(weights * (1.0 - y)).sum(), (weights * y).sum()])
    wanted = np.outer(group, outcome).ravel() / weights.sum()
    factors: Floats = (wanted / np.maximum(cells, 1e-12))[place * 2 + y.astype(np.int64)]
    return factors


def _out_of_fold(frame: pl.DataFrame, y: Floats, weights: Floats, fold: Ints, fit: Fit) -> Floats:
    scores = np.empty(y.size)
    for k in range(_FOLDS):
        inside, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        scores[held] = fit(frame[inside], y[inside], weights[inside])(frame[held])
    return scores
