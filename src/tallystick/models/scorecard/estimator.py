"""The scorecard as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tallystick.core.numeric import sigmoid_array
from tallystick.models.binning import BinOptions
from tallystick.models.estimator import BinaryClassifier
from tallystick.models.frames import Columns, Floats, Ints, encode, fit_features
from tallystick.models.scorecard.fit import CARD_BINS, CardOptions, fit_points
from tallystick.models.scorecard.shapes import Shape
from tallystick.models.scorecard.table import Scale, baseline_of


class Scorecard(BinaryClassifier):
    """A weight-of-evidence scorecard with integer points, as a scikit-learn classifier.

    Parameters
    ----------
    base_score, base_odds, pdo
        `base_score` points at good:bad odds of `base_odds`; `pdo` points double the odds.
    max_bins, min_share, min_events, max_prebins, specials
        As in `OptimalBinner`.
    monotone
        A `Shape` for all columns or by column: as in `OptimalBinner`, or `weighed`: `auto`, unless bins of any shape
        tell clearly more.
    card
        `CardOptions`: penalties, signs, and which variables may enter; None takes the defaults.
    approved_at
        Rows of at least so many points are the approved ones, against whose mean points reasons are counted; None takes
        all rows.

    Attributes
    ----------
    table_
        The `PointsTable`; its `left_out` says which columns bring no points, and why.
    baseline_
        For each variable the whole points of the approved rows on average.

    Examples
    --------
    >>> rows = {"age": [20, 21, 30, 31, 50, 51] * 20}
    >>> card = Scorecard().fit(rows, [1, 1, 0, 1, 0, 0] * 20)
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
        max_bins: int = CARD_BINS.max_bins,
        min_share: float = CARD_BINS.min_share,
        min_events: float = CARD_BINS.min_events,
        max_prebins: int = CARD_BINS.max_prebins,
        monotone: Shape | Mapping[str, Shape] = "weighed",
        specials: Mapping[str, tuple[Any, ...]] | None = None,
        card: CardOptions | None = None,
        approved_at: int | None = None,
    ) -> None:
        self.base_score = base_score
        self.base_odds = base_odds
        self.pdo = pdo
        self.max_bins = max_bins
        self.min_share = min_share
        self.min_events = min_events
        self.max_prebins = max_prebins
        self.monotone = monotone
        self.specials = specials
        self.card = card
        self.approved_at = approved_at

    def fit(self, X: Columns, y: Any, sample_weight: Any = None) -> Scorecard:
        """Fit on columns `X` and two classes `y`, of which the second is bad."""
        frame, target, weights, _ = self._open(X, y, sample_weight)
        specials = self.specials or {}
        self._check_names("monotone", () if isinstance(self.monotone, str) else self.monotone)
        features = fit_features(frame, target, weights, specials)
        matrix = encode(frame, features)
        self.table_ = fit_points(
            matrix,
            target,
            weights,
            features,
            bins=BinOptions(self.max_bins, self.min_share, self.min_events, self.max_prebins),
            monotone=self.monotone,
            scale=Scale(self.base_score, self.base_odds, self.pdo),
            card=self.card or CardOptions(),
            specials=specials,
        )
        self.baseline_ = baseline_of(self.table_, matrix, weights, self.approved_at)
        return self

    def _matrix(self, frame: pl.DataFrame) -> Floats:
        return encode(frame, [variable.feature for variable in self.table_.variables])

    def _bad(self, frame: pl.DataFrame) -> Floats:
        return sigmoid_array(self.table_.log_odds_bad(self._matrix(frame)))

    def points(self, X: Columns) -> Ints:
        """Integer points of every row; more is safer."""
        return self.table_.total(self._matrix(self._columns(X)))

    def points_lost(self, X: Columns) -> pl.DataFrame:
        """The points that each column costs each row against the approved rows; negative where it gains.

        They add up exactly: base + Σ `baseline_` − `points` of the row.
        """
        found = np.asarray(self.baseline_, dtype=np.int64) - self.table_.points_of(self._matrix(self._columns(X)))
        return pl.DataFrame(found, schema=[v.feature.name for v in self.table_.variables])

    def score_table(self) -> pl.DataFrame:
        """The scorecard as people read it: one line for each bin."""
        return self.table_.frame()
