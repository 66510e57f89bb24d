"""Scorecards: weights of evidence, a logistic regression, and integer points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin

from tallystick.core.numeric import log, sigmoid_array
from tallystick.models.binning import BinOptions, Monotone, Variable, bin_index, fit_variables, woe_matrix
from tallystick.models.frames import (
    Columns,
    Feature,
    Floats,
    Ints,
    as_frame,
    as_target,
    as_weights,
    encode,
    fit_features,
)
from tallystick.models.logistic import fit_logistic

LN2 = float.fromhex("0x1.62e42fefa39efp-1")


class Scale(msgspec.Struct, frozen=True):
    """How points speak of odds: `base_score` at good:bad odds of `base_odds`, and `pdo` points double the odds.

    Examples
    --------
    >>> from tallystick.core.numeric import exp
    >>> scale = Scale()
    >>> round(exp(scale.log_odds_good(600)), 9), round(exp(scale.log_odds_good(620)), 9)
    (50.0, 100.0)
    """

    base_score: float = 600.0
    base_odds: float = 50.0
    pdo: float = 20.0

    @property
    def factor(self) -> float:
        """Points for one unit of log-odds."""
        return self.pdo / LN2

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return self.base_score - self.factor * log(self.base_odds)

    def log_odds_good(self, points: int) -> float:
        """The log-odds of good that `points` stand for."""
        return (points - self.offset) / self.factor


class PointsTable(msgspec.Struct, frozen=True):
    """A fitted scorecard: base points, and for each variable the points of its bins, missing last."""

    scale: Scale
    base: int
    variables: tuple[Variable, ...]
    points: tuple[tuple[int, ...], ...]
    slopes: tuple[float, ...]

    def total(self, matrix: Floats) -> Ints:
        """The points of every row of an encoded matrix whose columns are the variables in order."""
        total = np.full(matrix.shape[0], self.base, dtype=np.int64)
        for i, variable in enumerate(self.variables):
            total += np.asarray(self.points[i], dtype=np.int64)[bin_index(matrix[:, i], variable)]
        return total

    def log_odds_bad(self, matrix: Floats) -> Floats:
        """The log-odds of bad that the points stand for, row by row."""
        return (self.scale.offset - self.total(matrix).astype(np.float64)) / self.scale.factor


def fit_points(
    matrix: Floats,
    y: Floats,
    weights: Floats,
    features: tuple[Feature, ...],
    *,
    bins: BinOptions,
    monotone: Monotone | Mapping[str, Monotone],
    scale: Scale,
    ridge: float,
) -> PointsTable:
    """Bin, fit and round a scorecard; a variable whose slope is against its own evidence is dropped (all points 0).

    Log-odds of good are regressed on the weights of evidence, so that a right slope is positive. Points of a bin are
    factor × slope × WOE, rounded half to even.
    """
    variables = fit_variables(matrix, y, weights, features, bins, monotone)
    fit = fit_logistic(woe_matrix(matrix, variables), 1.0 - y, weights, ridge=ridge, positive=True)
    points = tuple(
        tuple(round(scale.factor * slope * woe) for woe in variable.woe)
        for slope, variable in zip(fit.slopes.tolist(), variables, strict=True)
    )
    base = round(scale.offset + scale.factor * fit.intercept)
    return PointsTable(scale, base, variables, points, tuple(fit.slopes.tolist()))


class Scorecard(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A weight-of-evidence scorecard with integer points, as a scikit-learn classifier.

    Parameters
    ----------
    base_score, base_odds, pdo
        `base_score` points at good:bad odds of `base_odds`; `pdo` points double the odds.
    max_bins, min_share, min_events, max_prebins, monotone
        As in `OptimalBinner`.
    ridge
        L2 penalty of the regression, in rows.

    Attributes
    ----------
    table_
        The `PointsTable`.

    Examples
    --------
    >>> card = Scorecard(min_events=1).fit({"age": [20, 21, 30, 31, 50, 51]}, [1, 1, 0, 1, 0, 0])
    >>> young, old = card.points({"age": [20, 51]}).tolist()
    >>> young < old
    True

    Notes
    -----
    Siddiqi, Credit Risk Scorecards (2006), chapters 6 and 7. The probability is computed from the integer points alone.
    """

    def __init__(
        self,
        base_score: float = 600.0,
        base_odds: float = 50.0,
        pdo: float = 20.0,
        max_bins: int = 8,
        min_share: float = 0.05,
        min_events: int = 5,
        max_prebins: int = 64,
        monotone: Monotone | Mapping[str, Monotone] = "none",
        ridge: float = 1.0,
    ) -> None:
        self.base_score = base_score
        self.base_odds = base_odds
        self.pdo = pdo
        self.max_bins = max_bins
        self.min_share = min_share
        self.min_events = min_events
        self.max_prebins = max_prebins
        self.monotone = monotone
        self.ridge = ridge

    def fit(self, X: Columns, y: Any, sample_weight: Any = None) -> Scorecard:
        """Fit on columns `X` and outcomes `y` (1 is bad)."""
        frame = as_frame(X)
        target = as_target(y, frame.height)
        weights = as_weights(sample_weight, frame.height)
        features = fit_features(frame, target, weights)
        self.table_ = fit_points(
            encode(frame, features),
            target,
            weights,
            features,
            bins=BinOptions(self.max_bins, self.min_share, self.min_events, self.max_prebins),
            monotone=self.monotone,
            scale=Scale(self.base_score, self.base_odds, self.pdo),
            ridge=self.ridge,
        )
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.width
        return self

    def _matrix(self, X: Columns) -> Floats:
        features = [variable.feature for variable in self.table_.variables]
        return encode(as_frame(X, [f.name for f in features]), features)

    def points(self, X: Columns) -> Ints:
        """Integer points of every row; more is safer."""
        return self.table_.total(self._matrix(X))

    def predict_proba(self, X: Columns) -> Floats:
        """Shape (rows, 2): the probabilities of good and of bad."""
        bad = sigmoid_array(self.table_.log_odds_bad(self._matrix(X)))
        return np.column_stack([1.0 - bad, bad])

    def predict(self, X: Columns) -> Ints:
        """1 where bad is likelier than good."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)

    def score_table(self) -> pl.DataFrame:
        """The scorecard as people read it: one line for each bin."""
        lines = [
            {
                "label": v.feature.name,
                "bin": v.bin_text(i),
                "rows": v.rows[i],
                "events": v.events[i],
                "event_rate": v.events[i] / v.rows[i] if v.rows[i] else None,
                "woe": v.woe[i],
                "iv": v.iv,
                "points": self.table_.points[place][i],
            }
            for place, v in enumerate(self.table_.variables)
            for i in range(len(v.woe))
        ]
        return pl.DataFrame(lines)
