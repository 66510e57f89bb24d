"""Boosted trees as a scikit-learn classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from sklearn.utils.validation import check_is_fitted

from tallystick.core.numeric import sigmoid_array
from tallystick.models.estimator import BinaryClassifier
from tallystick.models.frames import Columns, DataError, Floats, as_weights, encode, fit_features
from tallystick.models.trees.boosting import DIRECTIONS, TreeOptions, fit_forest
from tallystick.models.trees.certificate import Certificate, certify
from tallystick.models.trees.shap import explain, fit_background
from tallystick.models.trees.words import WORDS


class BoostedTrees(BinaryClassifier):
    """LightGBM with missing values, text columns, monotone and interaction constraints, as a scikit-learn classifier.

    Text columns enter as ranks of their categories in ascending order of event rate (rare ones pooled), so a split
    on them is a comparison like any other.

    Parameters
    ----------
    rounds, leaves, learning_rate, min_rows, min_gain, feature_share, row_share, l2, max_values
        As in `TreeOptions`.
    monotone
        Column → none, ascending or descending risk.
    monotone_method
        As in `TreeOptions`; `certificate` tells whether the trained trees kept it.
    interactions
        Groups of columns that may stand on one path; None allows all.
    extra
        As in `TreeOptions`.
    seed
        Of the row and feature samples.

    Attributes
    ----------
    forest_
        The `Forest` that scores, with the bits of LightGBM's raw score.
    features_
        How the columns enter it.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=400)
    >>> bad = (x + rng.normal(size=400) > 0).astype(int)
    >>> trees = BoostedTrees(rounds=20, monotone={"x": "ascending"}).fit({"x": x}, bad)
    >>> bool(trees.predict_proba({"x": [-2.0]})[0, 1] < trees.predict_proba({"x": [2.0]})[0, 1])
    True
    >>> trees.certificate("x").verdict
    'proved'
    """

    def __init__(
        self,
        rounds: int = 150,
        leaves: int = 12,
        learning_rate: float = 0.06,
        min_rows: int = 40,
        feature_share: float = 0.6,
        row_share: float = 0.8,
        l2: float = 5.0,
        max_values: int = 127,
        min_gain: float = 0.0,
        monotone: Mapping[str, str] | None = None,
        monotone_method: str = "basic",
        interactions: Sequence[Sequence[str]] | None = None,
        extra: bool = False,
        seed: int = 7,
    ) -> None:
        self.rounds = rounds
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.min_rows = min_rows
        self.feature_share = feature_share
        self.row_share = row_share
        self.l2 = l2
        self.max_values = max_values
        self.min_gain = min_gain
        self.monotone = monotone
        self.monotone_method = monotone_method
        self.interactions = interactions
        self.extra = extra
        self.seed = seed

    def _options(self) -> TreeOptions:
        groups = tuple(tuple(group) for group in self.interactions or ())
        self._check_names("monotone", self.monotone or ())
        self._check_names("interactions", (name for group in groups for name in group))
        for name, direction in (self.monotone or {}).items():
            if direction not in DIRECTIONS:
                raise DataError(WORDS("trees.monotone", name=name, given=direction))
        given = {name: getattr(self, name) for name in TreeOptions.__struct_fields__}
        return TreeOptions(**{**given, "interactions": groups})

    def fit(self, X: Columns, y: Any, sample_weight: Any = None) -> BoostedTrees:
        """Fit on columns `X` and outcomes `y`: two classes, the second of which is bad."""
        sample = self._open(X, y, sample_weight)
        options = self._options()
        self.features_ = fit_features(sample.frame, sample.y, sample.weights)
        matrix = encode(sample.frame, self.features_)
        monotone = self.monotone or {}
        self.forest_ = fit_forest(matrix, sample.y, sample.weights, self.features_, options, monotone, self.seed)
        return self

    def decision_function(self, X: Columns) -> Floats:
        """Raw score: log-odds of bad."""
        frame = self._columns(X)
        return self.forest_.raw(encode(frame, self.features_))

    def _bad(self, frame: pl.DataFrame) -> Floats:
        return sigmoid_array(self.forest_.raw(encode(frame, self.features_)))

    def contributions(self, X: Columns, against: Columns, sample_weight: Any = None) -> Floats:
        """What each column brought to the raw score, measured against other rows: exact Shapley values.

        Parameters
        ----------
        X
            Rows to explain.
        against
            The rows of comparison, such as all approved applicants, any number of them; weighted by `sample_weight`.

        Returns
        -------
        numpy.ndarray
            Rows × columns. A row's contributions add up to its `decision_function` less the weighted mean of that of
            `against`, but for the rounding of the additions.
        """
        frame, others = self._columns(X), self._columns(against)
        weights = as_weights(sample_weight, others.height)
        background = fit_background(self.forest_, encode(others, self.features_), weights)
        return explain(self.forest_, background, encode(frame, self.features_))

    def certificate(self, column: str, direction: str | None = None) -> Certificate:
        """Whether the trained trees are monotone in `column`, in its declared `direction` by default.

        Raises
        ------
        DataError
            When the column is not one of the fit, or no direction is given or declared.
        """
        check_is_fitted(self)
        names = [feature.name for feature in self.features_]
        self._check_names("certificate", (column,))
        asked = direction or (self.monotone or {}).get(column, "none")
        if asked not in ("ascending", "descending"):
            raise DataError(WORDS("trees.direction", name=column))
        place = names.index(column)
        # Of categories only their ranks occur; numbers may be any.
        domain = {
            i: (-math.inf, math.inf)
            if feature.categories is None
            else (0.0, float(max(*feature.ranks, feature.other or 0, 0)))
            for i, feature in enumerate(self.features_)
        }
        return certify(self.forest_, place, "ascending" if asked == "ascending" else "descending", domain=domain)
