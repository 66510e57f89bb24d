"""What a layered model is fitted with, data apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np

from tallystick.core import InputError
from tallystick.models.binning import BinOptions, Monotone
from tallystick.models.calibration import Method
from tallystick.models.layers.words import WORDS
from tallystick.models.portfolio import MasterScale, ScaleOptions, Terms
from tallystick.models.scorecard import CARD_BINS, CardOptions, Scale
from tallystick.models.serving import RESERVED, ReasonOptions
from tallystick.models.trees import TreeOptions

_WHOLE = (int, np.integer)

Kind: TypeAlias = Literal["scorecard", "additive", "trees", "extra"]
"""Of a first layer: points of bins; curves of one label each; trees; trees whose cuts are drawn by chance."""

KINDS: tuple[Kind, ...] = ("scorecard", "additive", "trees", "extra")
LAYERS: tuple[Kind, ...] = KINDS
"""The first layers of a model that names none."""

BOOSTS: Mapping[str, TreeOptions] = {
    "additive": TreeOptions(
        rounds=500, leaves=3, learning_rate=0.08, min_rows=20, feature_share=0.3, row_share=0.8, l2=5.0, max_values=255
    ),
    "trees": TreeOptions(
        rounds=500, leaves=8, learning_rate=0.04, min_rows=20, feature_share=0.5, row_share=0.8, l2=5.0, max_values=63
    ),
    "extra": TreeOptions(
        rounds=500, leaves=8, learning_rate=0.06, min_rows=20, feature_share=0.7, row_share=0.8, l2=5.0, max_values=255
    ),
}
"""The settings of boosting where none are given; `rounds` is the most that may be chosen."""


class PartOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One first layer: its kind, and the labels it reads in the order of the model's; none named are all."""

    kind: Kind
    labels: tuple[str, ...] = ()


class Segments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A branch of its own for each value of the label `by` that holds enough rows, events and non-events.

    Every other row, and a value that training did not see, is scored by the branch that all rows train.
    """

    by: str
    min_rows: Annotated[int, msgspec.Meta(ge=1)] = 2_000
    min_events: Annotated[int, msgspec.Meta(ge=1)] = 200


class LayerOptions(msgspec.Struct, frozen=True):
    """Everything that a layered model is fitted with.

    Attributes
    ----------
    layers
        Kinds of first layers over all labels, each under its own name; `parts` takes their place where it is given.
    parts
        First layers by name.
    calibration
        platt, isotonic or beta.
    folds
        Of the out-of-fold scores; fewer where the rarer outcome has fewer rows.
    windows
        `random`: stratified folds. `time`: expanding windows; each is scored by what was learnt before it.
    seed
        Of folds, row and feature samples.
    bins, shape, card, scale
        Of the scorecards; `shape` is how risk may go along a label that `monotone` does not name.
    boosts
        Settings of boosting by kind; the number of rounds is chosen out of fold, at most `rounds`.
    reasons
        From where lost points are counted.
    monotone
        Label → how risk goes as it rises; ascending and descending bind the trees too.
    specials
        Label → values that are codes and no amounts: they get bins of their own.
    segments
        None is one branch for all.
    rating
        A declared master scale, or how one is fitted on the out-of-fold probabilities; None for none.
    terms
        Limit and price of each grade.
    """

    layers: tuple[str, ...] = LAYERS
    parts: Mapping[str, PartOptions] = {}
    calibration: Method = "platt"
    folds: int = 5
    windows: Literal["random", "time"] = "random"
    seed: int = 7
    bins: BinOptions = CARD_BINS
    shape: Monotone = "auto"
    card: CardOptions = CardOptions()
    scale: Scale = Scale()
    boosts: Mapping[str, TreeOptions] = {}
    reasons: ReasonOptions = ReasonOptions()
    monotone: Mapping[str, Monotone] = {}
    specials: Mapping[str, tuple[Any, ...]] = {}
    segments: Segments | None = None
    rating: MasterScale | ScaleOptions | None = None
    terms: Terms | None = None

    def first(self) -> Mapping[str, PartOptions]:
        """The first layers by name.

        Raises
        ------
        InputError
            For an unknown kind, or none, and for a name that a model keeps for itself.
        """
        kinds: list[str] = [part.kind for part in self.parts.values()] or list(self.layers)
        if not kinds or not set(kinds) <= set(KINDS):
            raise InputError(WORDS("layers.unknown", given=", ".join(kinds), allowed=", ".join(KINDS)))
        for name in RESERVED:
            if name in self.parts:
                raise InputError(WORDS("layers.reserved", given=name))
        return self.parts or {kind: PartOptions(kind) for kind in KINDS if kind in self.layers}

    def check(self) -> None:
        """Raise `InputError` for folds, windows or a seed outside their range."""
        for name, given, right, allowed in (
            ("folds", self.folds, isinstance(self.folds, _WHOLE) and self.folds >= 2, "a whole number, 2 or more"),
            ("windows", self.windows, self.windows in ("random", "time"), "random, time"),
            (
                "seed",
                self.seed,
                isinstance(self.seed, _WHOLE) and 0 <= self.seed < 2**31,
                "a whole number, 0 … 2³¹ − 1",
            ),
        ):
            if not right:
                raise InputError(WORDS("layers.option", name=name, given=given, allowed=allowed))

    def boost(self, kind: str) -> TreeOptions:
        """The settings of a boosted kind."""
        return self.boosts.get(kind, BOOSTS[kind])
