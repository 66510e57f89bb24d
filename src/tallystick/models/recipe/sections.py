"""The sections of a recipe, each with the limits of its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from tallystick.core import InputError, Instant
from tallystick.models.binning import BinOptions, Monotone
from tallystick.models.governance import Governance, Monitor
from tallystick.models.layers import Segments
from tallystick.models.portfolio import MasterScale, ScaleOptions, Terms
from tallystick.models.recipe.words import WORDS
from tallystick.models.rejects import Method, RejectOptions
from tallystick.models.scorecard import CARD_BINS, CardOptions, Scale
from tallystick.models.serving import ReasonOptions
from tallystick.models.trees import TreeOptions

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Factor = Annotated[float, msgspec.Meta(gt=0, le=1000)]


class Split(msgspec.Struct, frozen=True):
    """`time`: points before `cut` train, the others test out of time. `cohort`: one cohort and no such test.

    `maturity` is a span: a point has a ripe outcome only when it lies at least so far behind what is known.
    """

    kind: Literal["time", "cohort"] = "cohort"
    cut: str = ""
    maturity: str = "0s"
    cut_at: Instant | None = None

    def __post_init__(self) -> None:
        """Refuse a split by time that names no instant."""
        if self.kind == "time" and self.cut_at is None:
            raise InputError(WORDS("split.cut", given=self.cut))


class Gates(msgspec.Struct, frozen=True):
    """What a model must reach, out of time where there is such a sample, else in cross-validation.

    `leaks`: no column of the development sample may tell the outcome by what was not known at the decision.
    """

    auc_min: Share | None = None
    ks_min: Share | None = None
    calibration_slope: tuple[float, float] | None = None
    leaks: bool = False


class Bins(BinOptions, frozen=True):
    """Bins of the scorecards; `monotone` holds for every label that the section of directions does not name."""

    max_bins: Annotated[int, msgspec.Meta(ge=1, le=64)] = CARD_BINS.max_bins
    min_share: Annotated[float, msgspec.Meta(ge=0, le=0.5)] = CARD_BINS.min_share
    min_events: Annotated[float, msgspec.Meta(ge=0)] = CARD_BINS.min_events
    max_prebins: Annotated[int, msgspec.Meta(ge=2, le=1000)] = CARD_BINS.max_prebins
    min_woe_step: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    max_pvalue: Share = 1.0
    stable: bool = False
    monotone: Monotone = "auto"


class Rejects(RejectOptions, frozen=True, kw_only=True):
    """Who was refused, how they are inferred, and what is supposed of them to see what hangs on it.

    Attributes
    ----------
    field
        "stream.field" of the points' stream, a flag: true says that the applicant was refused, so that no outcome can
        be known.
    method, factor, bands, cutoff, seed
        As `RejectOptions` has them.
    approval_rate
        Share of all who apply that the sensitivity approves; by default the share that was accepted.
    factors
        What the sensitivity supposes of the odds of the refused, one after another.
    """

    field: str
    method: Method = "fuzzy"
    factor: Factor = 1.0
    bands: Annotated[int, msgspec.Meta(ge=2, le=100)] = 10
    cutoff: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 7
    approval_rate: Share | None = None
    factors: Annotated[tuple[Factor, ...], msgspec.Meta(min_length=1)] = (1.0, 1.5, 2.0, 4.0)

    def __post_init__(self) -> None:
        """Refuse an option outside its range."""
        RejectOptions(self.method, self.factor, self.bands, self.cutoff, self.seed)
        for factor in self.factors:
            RejectOptions(factor=factor)


class PointScale(Scale, frozen=True):
    """The scale of the points."""

    base_score: float = 600.0
    base_odds: Annotated[float, msgspec.Meta(gt=0)] = 50.0
    pdo: Annotated[float, msgspec.Meta(gt=0)] = 20.0


class Rating(msgspec.Struct, frozen=True):
    """A master scale: names of the grades and the greatest probability of each but the last; or how many to fit.

    `min_rows`, `min_events`, `min_step` and `prefix` are of a scale that is fitted.
    """

    grades: int | tuple[str, ...] = 12
    bounds: tuple[float, ...] = ()
    min_rows: float = 100.0
    min_events: float = 5.0
    min_step: float = 1.0
    prefix: str = "R"

    def scale(self) -> MasterScale | ScaleOptions:
        """The declared scale, or how one is fitted; raises `InputError` for one that cannot be."""
        if isinstance(self.grades, int):
            if self.bounds:
                raise InputError(WORDS("recipe.bounds", given=self.grades))
            return ScaleOptions(self.grades, self.min_rows, self.min_events, self.min_step, self.prefix)
        return MasterScale(self.grades, self.bounds)


SECTIONS: Mapping[str, type[msgspec.Struct]] = {
    "split": Split,
    "scale": PointScale,
    "reasons": ReasonOptions,
    "bins": Bins,
    "card": CardOptions,
    "additive": TreeOptions,
    "trees": TreeOptions,
    "extra": TreeOptions,
    "segments": Segments,
    "rejects": Rejects,
    "rating": Rating,
    "terms": Terms,
    "gates": Gates,
    "governance": Governance,
    "monitor": Monitor,
}
"""The tables that may stand below a model's own."""
