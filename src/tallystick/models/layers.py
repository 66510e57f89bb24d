"""Layers: scorecard and trees, stacked by a logistic regression on out-of-fold log-odds, then calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin

from tallystick.core import InputError
from tallystick.models.attribution import ReasonOptions, fit_baseline
from tallystick.models.binning import BinOptions, Monotone
from tallystick.models.calibration import Method, fit_calibration
from tallystick.models.frames import Columns, Floats, Ints, as_frame, as_target, as_weights, encode, fit_features
from tallystick.models.logistic import fit_logistic
from tallystick.models.model import Definition, Model, Stack
from tallystick.models.scorecard import PointsTable, Scale, fit_points
from tallystick.models.trees import Forest, TreeOptions, fit_forest
from tallystick.models.words import WORDS

LAYERS = ("scorecard", "trees")
_THREADS = 2


class LayerOptions(msgspec.Struct, frozen=True):
    """Everything that a layered model is fitted with, data apart."""

    layers: tuple[str, ...] = LAYERS
    calibration: Method = "platt"
    folds: int = 5
    seed: int = 7
    bins: BinOptions = BinOptions()
    trees: TreeOptions = TreeOptions()
    scale: Scale = Scale()
    reasons: ReasonOptions = ReasonOptions()
    monotone: Mapping[str, Monotone] = {}
    ridge: float = 1.0


class _Fitted(msgspec.Struct, frozen=True):
    """The first layers, fitted on one sample."""

    features: tuple[Any, ...]
    table: PointsTable | None
    forest: Forest | None

    def log_odds(self, frame: pl.DataFrame, layers: Sequence[str]) -> Floats:
        matrix = encode(frame, self.features)
        columns = []
        for layer in layers:
            if layer == "scorecard" and self.table is not None:
                columns.append(self.table.log_odds_bad(matrix))
            elif self.forest is not None:
                columns.append(self.forest.raw(matrix))
        return np.column_stack(columns)


def _fit_first(frame: pl.DataFrame, y: Floats, weights: Floats, options: LayerOptions) -> _Fitted:
    features = fit_features(frame, y, weights)
    matrix = encode(frame, features)
    table = forest = None
    if "scorecard" in options.layers:
        table = fit_points(
            matrix,
            y,
            weights,
            features,
            bins=options.bins,
            monotone=options.monotone,
            scale=options.scale,
            ridge=options.ridge,
        )
    if "trees" in options.layers:
        forest = fit_forest(matrix, y, weights, features, options.trees, options.monotone, options.seed)
    return _Fitted(features, table, forest)


def fold_of(y: Floats, folds: int, seed: int, groups: Any = None) -> Ints:
    """The fold (0 … folds − 1) of each row: stratified by outcome; rows of one group share a fold.

    Groups are stratified by whether they hold an event. The assignment is a seeded permutation within each stratum.

    Raises
    ------
    InputError
        When a fold would lack one of the outcomes.
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        member, outcome = np.arange(y.size), y
    else:
        _, member = np.unique(np.asarray(groups), return_inverse=True)
        outcome = (np.bincount(member, weights=y) > 0).astype(np.float64)
    fold = np.empty(outcome.size, dtype=np.int64)
    for kind in (0.0, 1.0):
        index = np.flatnonzero(outcome == kind)
        fold[rng.permutation(index)] = np.arange(index.size) % folds
    held = [y[fold[member] == k] for k in range(folds)]
    if not all(0.0 < part.sum() < part.size for part in held):
        raise InputError(WORDS("folds.few", folds=folds, given=int(min(y.sum(), y.size - y.sum()))))
    return fold[member]


def fit_layers(
    name: str,
    frame: pl.DataFrame,
    y: Floats,
    weights: Floats,
    options: LayerOptions,
    *,
    groups: Any = None,
    step: Callable[[], None] | None = None,
) -> Model:
    """Fit the whole model: first layers out of fold, the stack on those, the calibration on the stack out of fold.

    Parameters
    ----------
    name
        Of the model.
    frame
        One column for each label.
    y, weights
        0.0 or 1.0, and positive weights.
    options
        How.
    groups
        Rows of one group (a customer) stay in one fold.
    step
        Called after each fit of the first layers: `folds` + 1 times.

    Returns
    -------
    Model
        Its stack has no negative weight: a layer that would enter against its own evidence weighs 0.
    """
    unknown = [layer for layer in options.layers if layer not in LAYERS]
    if unknown or not options.layers:
        raise InputError(WORDS("layers.unknown", given=", ".join(options.layers), allowed=", ".join(LAYERS)))
    fold = fold_of(y, options.folds, options.seed, groups)
    z = np.empty((y.size, len(options.layers)))

    def without(k: int) -> _Fitted:
        """Fit without fold k and score fold k; k = `folds` fits all rows."""
        fit_rows, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        first = _fit_first(frame[fit_rows], y[fit_rows], weights[fit_rows], options)
        if held.size:
            z[held] = first.log_odds(frame[held], options.layers)
        return first

    with ThreadPoolExecutor(_THREADS) as pool:
        fits = pool.map(without, [options.folds, *range(options.folds)])
        whole = next(fits)
        for _ in range(options.folds):
            if step:
                step()
            next(fits)
        if step:
            step()
    stacked = np.empty(y.size)
    for k in range(options.folds):
        inside, held = fold != k, fold == k
        fit = fit_logistic(z[inside], y[inside], weights[inside], positive=True)
        stacked[held] = fit.intercept
        for column, slope in enumerate(fit.slopes.tolist()):
            stacked[held] += slope * z[held, column]
    calibration = fit_calibration(options.calibration, stacked, y, weights)
    final = fit_logistic(z, y, weights, positive=True)
    stack = Stack(final.intercept, dict(zip(options.layers, final.slopes.tolist(), strict=True)))
    definition = Definition(
        name,
        whole.features,
        stack,
        calibration,
        options.scale,
        (0.0,) * len(whole.features),
        whole.table,
        trees=whole.forest is not None,
    )
    contributions, points = Model(definition, whole.forest).contributions(encode(frame, whole.features))
    baseline = fit_baseline(contributions, points, weights, options.reasons)
    return Model(msgspec.structs.replace(definition, baseline=baseline), whole.forest)


class LayeredClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Scorecard and trees, stacked with out-of-fold scores and calibrated, as a scikit-learn classifier.

    Parameters
    ----------
    layers
        Which first layers: "scorecard", "trees".
    calibration
        "platt" or "isotonic".
    folds, seed
        Stratified folds of the out-of-fold scores; the seed also draws the samples of the trees.
    bins, trees, scale, reasons
        `BinOptions`, `TreeOptions`, `Scale`, `ReasonOptions`; None takes the defaults.
    monotone
        Column → none, ascending or descending risk; binds scorecard and trees, and so the final score.
    ridge
        L2 penalty of the scorecard's regression, in rows.

    Attributes
    ----------
    model_
        The `Model` that serves.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=600)
    >>> bad = (x + rng.normal(size=600) > 1).astype(int)
    >>> fitted = LayeredClassifier(trees=TreeOptions(rounds=20)).fit({"x": x}, bad)
    >>> fitted.model_.score({"x": 3.0}).pd > fitted.model_.score({"x": -3.0}).pd
    True

    Notes
    -----
    Stacked generalisation: Wolpert, Neural Networks 5 (1992). Reasons share out the final points over the labels.
    """

    def __init__(
        self,
        layers: Sequence[str] = LAYERS,
        calibration: Method = "platt",
        folds: int = 5,
        seed: int = 7,
        bins: BinOptions | None = None,
        trees: TreeOptions | None = None,
        scale: Scale | None = None,
        reasons: ReasonOptions | None = None,
        monotone: Mapping[str, Monotone] | None = None,
        ridge: float = 1.0,
    ) -> None:
        self.layers = layers
        self.calibration = calibration
        self.folds = folds
        self.seed = seed
        self.bins = bins
        self.trees = trees
        self.scale = scale
        self.reasons = reasons
        self.monotone = monotone
        self.ridge = ridge

    def fit(self, X: Columns, y: Any, sample_weight: Any = None, groups: Any = None) -> LayeredClassifier:
        """Fit on columns `X` and outcomes `y` (1 is bad)."""
        frame = as_frame(X)
        target = as_target(y, frame.height)
        options = LayerOptions(
            tuple(self.layers),
            self.calibration,
            self.folds,
            self.seed,
            self.bins or BinOptions(),
            self.trees or TreeOptions(),
            self.scale or Scale(),
            self.reasons or ReasonOptions(),
            self.monotone or {},
            self.ridge,
        )
        weights = as_weights(sample_weight, frame.height)
        self.model_ = fit_layers("model", frame, target, weights, options, groups=groups)
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.width
        return self

    def predict_proba(self, X: Columns) -> Floats:
        """Shape (rows, 2): the probabilities of good and of bad."""
        bad = self.model_.score_columns(as_frame(X, self.model_.labels)).get_column("pd").to_numpy()
        return np.column_stack([1.0 - bad, bad])

    def predict(self, X: Columns) -> Ints:
        """1 where bad is likelier than good."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)
