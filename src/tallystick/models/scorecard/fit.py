"""From columns to points: bins, the choice of variables, the regression, and rounding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np

from tallystick.models.binning import BinOptions, woe_matrix
from tallystick.models.frames import DataError, Feature, Floats, Ints
from tallystick.models.scorecard.regression import Flags, fit_penalised
from tallystick.models.scorecard.selection import screen, stepwise
from tallystick.models.scorecard.shapes import Shape, fit_shapes
from tallystick.models.scorecard.table import LeftOut, PointsTable, Scale
from tallystick.models.scorecard.words import WORDS

STEPWISE = ("none", "aic", "bic", "pvalue")
DIRECTIONS = ("forward", "backward", "both")
_OPEN = ("none", "auto", "weighed")


class CardOptions(msgspec.Struct, frozen=True):
    """How a scorecard's regression is fitted, and which variables may enter it.

    Attributes
    ----------
    ridge, lasso
        L2 and L1 penalty of the slopes, in rows, ≥ 0.
    signs
        `evidence`: no slope against the variable's own weights of evidence; `free`: any, but of a variable whose way is
        declared (ascending, descending, peak, valley), which it would turn round.
    min_iv
        Least information value.
    max_correlation
        Greatest |correlation| of the weights of evidence with a variable of higher information value; 1 is no limit.
    max_vif
        Greatest variance inflation factor; 0 is no limit.
    stepwise, direction, max_pvalue
        `aic` and `bic` take a step while the criterion falls; `pvalue` lets in below `max_pvalue` and puts out above.
    """

    ridge: float = 5.0
    lasso: float = 0.0
    signs: Literal["evidence", "free"] = "evidence"
    min_iv: float = 0.0
    max_correlation: float = 1.0
    max_vif: float = 0.0
    stepwise: Literal["none", "aic", "bic", "pvalue"] = "none"
    direction: Literal["forward", "backward", "both"] = "both"
    max_pvalue: float = 0.05

    def check(self) -> None:
        """Raise `DataError` for the first option outside its range."""
        for name, given, right, allowed in (
            ("ridge", self.ridge, 0.0 <= self.ridge < np.inf, "0 or more"),
            ("lasso", self.lasso, 0.0 <= self.lasso < np.inf, "0 or more"),
            ("signs", self.signs, self.signs in ("evidence", "free"), "evidence, free"),
            ("min_iv", self.min_iv, 0.0 <= self.min_iv < np.inf, "0 or more"),
            ("max_correlation", self.max_correlation, 0.0 < self.max_correlation <= 1.0, "above 0, at most 1"),
            ("max_vif", self.max_vif, self.max_vif == 0.0 or 1.0 < self.max_vif < np.inf, "0 or above 1"),
            ("stepwise", self.stepwise, self.stepwise in STEPWISE, ", ".join(STEPWISE)),
            ("direction", self.direction, self.direction in DIRECTIONS, ", ".join(DIRECTIONS)),
            ("max_pvalue", self.max_pvalue, 0.0 < self.max_pvalue <= 1.0, "above 0, at most 1"),
        ):
            if not right:
                raise DataError(WORDS("card.option", name=name, given=given, allowed=allowed))


_CARD = CardOptions()
CARD_BINS = BinOptions(max_bins=20, min_share=0.01)
"""Limits that suit a scorecard whose shapes are weighed."""


def fit_points(
    matrix: Floats,
    y: Floats,
    weights: Floats,
    features: tuple[Feature, ...],
    *,
    bins: BinOptions,
    monotone: Shape | Mapping[str, Shape],
    scale: Scale,
    card: CardOptions = _CARD,
    periods: Ints | None = None,
    specials: Mapping[str, tuple[Any, ...]] = {},
) -> PointsTable:
    """Bin, choose, fit and round a scorecard; every variable that brings no points is said with its reason.

    Log-odds of good are regressed on the weights of evidence, so that a right slope is positive. Points of a bin are
    factor × slope × WOE, rounded half to even.

    Parameters
    ----------
    matrix, features
        Encoded columns, and what they are.
    y, weights
        0.0 or 1.0 (bad), and positive weights.
    bins, periods, specials
        As `fit_variables` takes them.
    monotone
        The `Shape` of all labels, or by label ("none" for the others).
    scale
        Of the points.
    card
        Penalties and limits.

    Returns
    -------
    PointsTable

    Notes
    -----
    Siddiqi, Credit Risk Scorecards (2006), chapters 6 and 7.
    """
    card.check()
    variables = fit_shapes(matrix, y, weights, features, bins, monotone, periods=periods, specials=specials)
    woe = woe_matrix(matrix, variables)
    good = 1.0 - y
    kept, out = screen(woe, weights, variables, card)
    names = [feature.name for feature in features]
    positive = _positive(names, monotone, card)
    kept, dropped = stepwise(woe, good, weights, kept, names, card, positive)
    solution = fit_penalised(
        np.ascontiguousarray(woe[:, kept]),
        good,
        weights,
        ridge=card.ridge,
        lasso=card.lasso,
        positive=positive[kept],
    )
    slopes = np.zeros(len(variables))
    slopes[kept] = solution.beta[1:]
    points = tuple(
        tuple(round(scale.factor * slope * w) for w in v.woe)
        for slope, v in zip(slopes.tolist(), variables, strict=True)
    )
    out = [*out, *dropped]
    for place in kept:
        if not any(points[place]):
            out.append(LeftOut(names[place], "rounding" if slopes[place] else "slope", float(slopes[place])))
    base = round(scale.offset + scale.factor * float(solution.beta[0]))
    out.sort(key=lambda left: names.index(left.label))
    return PointsTable(scale, base, variables, points, tuple(slopes.tolist()), tuple(out))


def _positive(names: list[str], monotone: Shape | Mapping[str, Shape], card: CardOptions) -> Flags:
    """Of each label whether its slope stays at or above 0."""
    ways = [monotone if isinstance(monotone, str) else monotone.get(name, "none") for name in names]
    return np.array([card.signs == "evidence" or way not in _OPEN for way in ways], dtype=np.bool_)
