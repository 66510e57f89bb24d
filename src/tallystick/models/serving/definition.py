"""What a served model is: features, parts, stacks, calibrations; its trees are arrays and stand beside it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tallystick.models.calibration import Calibration
from tallystick.models.frames import Feature
from tallystick.models.portfolio import MasterScale, Offer, Terms
from tallystick.models.scorecard import PointsTable, Scale

KIND = "model"
SEMANTICS = 3
"""The number of the meaning of a stored model; another meaning of the same file gets another number."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One first model of a branch: a scorecard, or trees.

    Attributes
    ----------
    name
        Of its own within the branch; keys of `Score.raw` begin with it.
    kind
        What it is.
    reads
        Places, ascending, among the model's features: its columns in order.
    card
        The points of a scorecard; None for trees.
    """

    name: str
    kind: Literal["scorecard", "trees"]
    reads: tuple[int, ...]
    card: PointsTable | None = None


class Stack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The second layer: log-odds = intercept + Σ weight · log-odds of each part, in the order of the parts."""

    intercept: float
    weights: dict[str, float]


class Branch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fitted way from labels to log-odds of bad.

    Attributes
    ----------
    parts
        At least one.
    stack
        Weighs every part.
    calibration
        From the stack's log-odds to a probability.
    baseline
        What each of the model's labels brings to the stack's log-odds at the point from which losses are counted;
        empty while nothing is explained.
    typical
        The median of each label, encoded, among the rows that the baseline stands for (their rank, for categories);
        None where most lack it.
    """

    parts: tuple[Part, ...]
    stack: Stack
    calibration: Calibration
    baseline: tuple[float, ...] = ()
    typical: tuple[float | None, ...] = ()


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a model is, its trees apart.

    Attributes
    ----------
    name
        Of the model.
    features
        What it reads, in order.
    scale
        On which the final points speak.
    branches
        By the text of the label `route`; "" takes every row whose text has no branch of its own.
    route
        The label that picks the branch; "" where there is one branch.
    rating, terms
        Grades of the final probability, and limit and price by grade.
    """

    name: str
    features: tuple[Feature, ...]
    scale: Scale
    branches: dict[str, Branch]
    route: str = ""
    rating: MasterScale | None = None
    terms: Terms | None = None


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """What one label cost.

    Attributes
    ----------
    label
        Its name.
    points_lost
        Final points below its baseline, more than 0.
    bin_text
        Where the value stands: its bin on the first scorecard that reads the label; for a label that trees alone read,
        its category, "missing", or on which side of the typical value it lies, such as "> 0.35".
    value
        As it was given.
    """

    label: str
    points_lost: int
    bin_text: str
    value: Any


class Score(msgspec.Struct, frozen=True):
    """The answer for one row.

    Attributes
    ----------
    pd
        Calibrated probability of bad, in [0, 1].
    points
        The final score on the declared scale, from the calibrated log-odds; more is safer.
    raw
        `log_odds` (calibrated, of bad), `stack_log_odds`, and what each part of the row's branch said:
        "<part>_log_odds", and "<part>_points" of a scorecard.
    reasons
        Labels that cost points of the final score, most first, ties in the order of the labels. These losses, less
        what other labels gained, are exactly the branch's baseline points − `points`. Under isotonic calibration, whose
        steps have no shares, they are so for the points that the stack's log-odds stand for.
    rating
        The grade on the model's master scale; "" without one.
    offer
        Limit and price; None without terms.
    """

    pd: float
    points: int
    raw: dict[str, float | int]
    reasons: tuple[Contribution, ...]
    rating: str = ""
    offer: Offer | None = None
