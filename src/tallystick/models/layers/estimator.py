"""The layered model as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from tallystick.models.binning import BinOptions, Monotone
from tallystick.models.calibration import Method
from tallystick.models.estimator import BinaryClassifier
from tallystick.models.frames import Columns, Floats
from tallystick.models.layers.fit import fit_layers
from tallystick.models.layers.options import BOOSTS, LAYERS, LayerOptions, PartOptions, Segments
from tallystick.models.portfolio import MasterScale, ScaleOptions, Terms
from tallystick.models.scorecard import CARD_BINS, CardOptions, Scale
from tallystick.models.serving import Model, ReasonOptions
from tallystick.models.trees import TreeOptions


class LayeredClassifier(BinaryClassifier):
    """First layers, stacked with out-of-fold scores and calibrated, as a scikit-learn classifier.

    Parameters
    ----------
    layers
        Kinds of first layers: "scorecard", "additive" (a curve for each label), "trees", "extra" (trees whose cuts are
        drawn by chance). Each reads all columns.
    calibration
        "platt", "isotonic" or "beta".
    folds, windows, seed
        Stratified folds ("random"), or windows that expand with time ("time", `fit` then needs `periods`), of the
        out-of-fold scores; the seed also draws the samples of the trees.
    bins, card, scale, reasons
        `BinOptions`, `CardOptions`, `Scale`, `ReasonOptions`; None takes the defaults.
    additive, trees, extra
        `TreeOptions` of the boosted layers; the rounds are chosen out of fold, at most `rounds`.
    monotone
        Column → direction of risk; binds every layer, and so the final score.
    parts
        Name → `PartOptions`: first layers over columns of their own, in the place of `layers`.
    specials
        Column → values that are codes and no amounts.
    segments
        `Segments`: branches of their own by a column.
    rating, terms
        A `MasterScale` or the `ScaleOptions` to fit one; `Terms` by grade.

    Attributes
    ----------
    model_
        The `Model` that serves.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=600)
    >>> bad = (x + rng.normal(size=600) > 1).astype(int)
    >>> fitted = LayeredClassifier(layers=("scorecard",)).fit({"x": x}, bad)
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
        windows: Literal["random", "time"] = "random",
        seed: int = 7,
        bins: BinOptions | None = None,
        card: CardOptions | None = None,
        scale: Scale | None = None,
        additive: TreeOptions | None = None,
        trees: TreeOptions | None = None,
        extra: TreeOptions | None = None,
        reasons: ReasonOptions | None = None,
        monotone: Mapping[str, Monotone] | None = None,
        parts: Mapping[str, PartOptions] | None = None,
        specials: Mapping[str, tuple[Any, ...]] | None = None,
        segments: Segments | None = None,
        rating: MasterScale | ScaleOptions | None = None,
        terms: Terms | None = None,
    ) -> None:
        self.layers = layers
        self.parts = parts
        self.calibration = calibration
        self.folds = folds
        self.windows = windows
        self.seed = seed
        self.bins = bins
        self.card = card
        self.scale = scale
        self.additive = additive
        self.trees = trees
        self.extra = extra
        self.reasons = reasons
        self.monotone = monotone
        self.specials = specials
        self.segments = segments
        self.rating = rating
        self.terms = terms

    def options(self) -> LayerOptions:
        """The settings of the fit."""
        return LayerOptions(
            layers=tuple(self.layers),
            parts=self.parts or {},
            calibration=self.calibration,
            folds=self.folds,
            windows=self.windows,
            seed=self.seed,
            bins=self.bins or CARD_BINS,
            card=self.card or CardOptions(),
            scale=self.scale or Scale(),
            boosts={
                kind: given or BOOSTS[kind]
                for kind, given in (("additive", self.additive), ("trees", self.trees), ("extra", self.extra))
            },
            reasons=self.reasons or ReasonOptions(),
            monotone=self.monotone or {},
            specials=self.specials or {},
            segments=self.segments,
            rating=self.rating,
            terms=self.terms,
        )

    def fit(
        self, X: Columns, y: Any, sample_weight: Any = None, groups: Any = None, periods: Any = None
    ) -> LayeredClassifier:
        """Fit on columns `X` and two classes `y`, of which the second is bad.

        Rows of one of `groups` stay in one fold; `periods` holds the ordinal of each row's period.
        """
        sample = self._open(X, y, sample_weight)
        self._check_names("monotone", self.monotone or ())
        own = None if groups is None else np.asarray(groups)[sample.kept]
        when = None if periods is None else np.asarray(periods, dtype=np.int64)[sample.kept]
        self.model_: Model = fit_layers(
            "model", sample.frame, sample.y, sample.weights, self.options(), groups=own, periods=when
        )
        return self

    def _bad(self, frame: pl.DataFrame) -> Floats:
        return np.asarray(self.model_.score_columns(frame).get_column("pd").to_numpy(), dtype=np.float64)
