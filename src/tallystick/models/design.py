"""Linear models of labels: each brings a piecewise linear curve, a step for each category, or what missing brings.

The hazard, the losses and the early warning stand on these curves; a row and a column go through one kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.core.numeric import kernel, logit
from tallystick.models.frames import DataError, Feature, Floats, Ints, encode, encode_value, tally
from tallystick.models.logistic import fit_logistic
from tallystick.models.words import WORDS

# Knots stay where their differences and squares are finite.
_FAR = 1e100
_LEAST, _MOST = 0.01, 0.99


class DesignOptions(msgspec.Struct, frozen=True):
    """How curves are laid and held.

    Attributes
    ----------
    knots
        Inner bends of a number's curve, 0 (a straight line) to 30, at quantiles of the rows.
    ridge
        L2 penalty of the standardised slopes, in rows, at least 0.
    """

    knots: int = 3
    ridge: float = 1.0

    def __post_init__(self) -> None:
        for name, given, allowed, fine in (
            ("knots", self.knots, "0–30", 0 <= self.knots <= 30),
            ("ridge", self.ridge, "≥ 0", 0.0 <= self.ridge < float("inf")),
        ):
            if not fine:
                raise InputError(WORDS("design.option", name=name, given=given, allowed=allowed))


class Term(msgspec.Struct, frozen=True):
    """What one label brings: the line through (knots, values), flat beyond the ends, and `missing` without a value.

    Values have the mean 0 over the development rows, so above 0 is above the average.
    """

    feature: Feature
    knots: tuple[float, ...]
    values: tuple[float, ...]
    missing: float

    @property
    def sound(self) -> bool:
        """Whether the table can be read by the kernel."""
        numbers = (*self.knots, *self.values, self.missing)
        ascending = all(low < high for low, high in pairwise(self.knots))
        return 0 < len(self.knots) == len(self.values) and ascending and all(abs(x) <= 1e150 for x in numbers)


class Linear(msgspec.Struct, frozen=True):
    """intercept + Σ what each label brings, added in the order of the terms."""

    intercept: float
    terms: tuple[Term, ...]

    @property
    def sound(self) -> bool:
        """Whether every term can be read by the kernel."""
        return abs(self.intercept) <= 1e150 and all(term.sound for term in self.terms)


class Curves:
    """A `Linear` laid flat for the kernel."""

    def __init__(self, linear: Linear) -> None:
        self.intercept = linear.intercept
        self._at = np.cumsum([0] + [len(term.knots) for term in linear.terms], dtype=np.int64)
        self._knots = np.array([x for term in linear.terms for x in term.knots], dtype=np.float64)
        self._values = np.array([x for term in linear.terms for x in term.values], dtype=np.float64)
        self._missing = np.array([term.missing for term in linear.terms], dtype=np.float64)

    def parts(self, matrix: Floats) -> Floats:
        """What each label brings (rows × terms of an encoded matrix)."""
        out = np.empty(matrix.shape)
        curve_parts(matrix, self._at, self._knots, self._values, self._missing, out)
        return out

    def total(self, matrix: Floats) -> Floats:
        """The linear score of every row of an encoded matrix."""
        return _totals(self.parts(matrix), self.intercept)


@kernel
def curve_parts(matrix: Floats, at: Ints, knots: Floats, values: Floats, missing: Floats, out: Floats) -> None:
    """out[row, term] = the term's value at matrix[row, term]."""
    for i in range(matrix.shape[0]):
        for j in range(missing.size):
            x = matrix[i, j]
            low, high = at[j], at[j + 1] - 1
            if x != x:
                out[i, j] = missing[j]
            elif x <= knots[low]:
                out[i, j] = values[low]
            elif x >= knots[high]:
                out[i, j] = values[high]
            else:
                while x > knots[low + 1]:
                    low += 1
                share = (x - knots[low]) / (knots[low + 1] - knots[low])
                out[i, j] = values[low] + share * (values[low + 1] - values[low])


@kernel
def _totals(parts: Floats, intercept: float) -> Floats:
    out = np.empty(parts.shape[0])
    for i in range(parts.shape[0]):
        total = intercept
        for j in range(parts.shape[1]):
            total += parts[i, j]
        out[i] = total
    return out


def sound_features(features: Sequence[Feature]) -> bool:
    """Whether features that came from a file can be read by `Inputs`: names once each, a rank for every category."""
    names = {feature.name for feature in features}
    return len(names) == len(features) > 0 and all(
        (len(f.categories or ()) == len(f.ranks) == len(set(f.categories or ())))
        and all(0 <= rank <= 2**31 for rank in (*f.ranks, f.other or 0))
        for f in features
    )


class Inputs:
    """Reads rows and frames into the encoded matrix of a model's features."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = tuple(features)
        self.labels = tuple(feature.name for feature in features)
        self._ranks = [
            None if f.categories is None else dict(zip(f.categories, map(float, f.ranks), strict=True))
            for f in features
        ]

    def row(self, row: Mapping[str, Any]) -> Floats:
        """The matrix of one row: a value, or None, for every label; raises `InputError` where one is absent."""
        matrix = np.empty((1, len(self.features)))
        for place, feature in enumerate(self.features):
            if feature.name not in row:
                raise InputError(WORDS("score.absent", name=feature.name, needed=", ".join(self.labels)))
            matrix[0, place] = encode_value(row[feature.name], feature, self._ranks[place])
        return matrix

    def frame(self, frame: pl.DataFrame) -> Floats:
        """The matrix of a frame."""
        return encode(frame, self.features)


class _Block(msgspec.Struct, frozen=True):
    """The columns of one label in a design: basis at its knots (knots × columns), and where missing stands."""

    feature: Feature
    knots: Floats
    basis: Floats
    middle: int
    flag: bool

    @property
    def width(self) -> int:
        return int(self.basis.shape[1]) + self.flag


class Design:
    """The columns that stand for labels while slopes are fitted, and the way back from slopes to curves.

    Parameters
    ----------
    matrix
        Encoded rows.
    y
        Outcome in [0, 1]: categories take the log-odds of their mean outcome.
    weights
        Positive.

    Attributes
    ----------
    columns
        Shape (rows, slopes), finite, each with deviation 1.
    """

    def __init__(
        self, matrix: Floats, y: Floats, weights: Floats, features: Sequence[Feature], options: DesignOptions
    ) -> None:
        self._blocks = []
        found: list[Floats] = []
        self._weights = weights
        self._matrix = matrix
        for j, feature in enumerate(features):
            block = _lay(matrix[:, j], y, weights, feature, options.knots)
            self._blocks.append(block)
            found.append(_evaluate(matrix[:, j], block))
        self.columns = np.ascontiguousarray(np.column_stack(found)) if found else np.empty((weights.size, 0))

    def linear(self, intercept: float, slopes: Floats) -> Linear:
        """The curves that `intercept` and `slopes` of `columns` stand for."""
        terms, at = [], 0
        share = self._weights / self._weights.sum()
        for j, block in enumerate(self._blocks):
            own = slopes[at : at + block.width]
            at += block.width
            values = block.basis @ own[: block.basis.shape[1]]
            missing = values[block.middle] + (own[-1] if block.flag else 0.0)
            raw = Term(block.feature, tuple(block.knots.tolist()), tuple(values.tolist()), float(missing))
            x = np.ascontiguousarray(self._matrix[:, j : j + 1])
            mean = float((share * Curves(Linear(0.0, (raw,))).total(x)).sum())
            intercept += mean
            moved = tuple((values - mean).tolist())
            terms.append(Term(block.feature, raw.knots, moved, raw.missing - mean))
        return Linear(float(intercept), tuple(terms))


def _lay(x: Floats, y: Floats, weights: Floats, feature: Feature, bends: int) -> _Block:
    """Knots of one label and its columns at them."""
    seen = ~np.isnan(x)
    known = np.clip(x[seen], -_FAR, _FAR)
    flag = 0 < known.size < x.size
    if not known.size:
        return _Block(feature, np.zeros(1), np.zeros((1, 0)), 0, False)
    if feature.categories is not None:
        size = int(known.max()) + 1
        place = known.astype(np.int64)
        total, bad = tally(place, weights[seen], size), tally(place, (weights * y)[seen], size)
        mean = float((weights * y).sum() / weights.sum())
        # Twenty rows of the average stand beside each category.
        rate = np.clip((bad + 20.0 * mean) / (total + 20.0), 1e-6, 1.0 - 1e-6)
        knots = np.arange(size, dtype=np.float64)
        raw = np.array([[logit(float(p))] for p in rate])
    else:
        distinct = np.unique(known)
        if distinct.size <= bends + 2:
            knots = distinct
        else:
            knots = np.unique(np.quantile(known, np.linspace(_LEAST, _MOST, bends + 2), method="nearest"))
            if knots.size == 1:
                knots = distinct[[0, -1]]
        raw = np.maximum(knots[:, None] - knots[None, :-1], 0.0)
    middle = int(np.searchsorted(knots, np.median(known)).clip(0, knots.size - 1))
    block = _Block(feature, knots, raw, middle, flag)
    spread = _evaluate(x, block)[:, : raw.shape[1]].std(axis=0)
    kept = spread > 1e-12 * (1.0 + np.abs(raw).max(axis=0, initial=0.0))
    return _Block(feature, knots, raw[:, kept] / spread[kept], middle, flag)


def _evaluate(x: Floats, block: _Block) -> Floats:
    """The columns of one label at `x`: its basis between the knots, and a flag for missing."""
    missing = np.isnan(x)
    at = np.where(missing, block.knots[block.middle], np.clip(x, block.knots[0], block.knots[-1]))
    columns = [np.interp(at, block.knots, column) for column in block.basis.T]
    if block.flag:
        columns.append(missing.astype(np.float64))
    return np.column_stack(columns) if columns else np.empty((x.size, 0))


def fit_linear(
    matrix: Floats, y: Floats, weights: Floats, features: Sequence[Feature], options: DesignOptions
) -> Linear:
    """Curves whose logistic score fits an outcome in [0, 1] (Papke and Wooldridge 1996 where it is a share).

    Raises
    ------
    DataError
        When the outcome has one value only.
    """
    if y.size < 2 or y.min() == y.max():
        raise DataError(WORDS("design.constant", rows=y.size))
    design = Design(matrix, y, weights, features, options)
    fit = fit_logistic(design.columns, y, weights, ridge=options.ridge)
    return design.linear(fit.intercept, fit.slopes)


def flat_linear(features: Sequence[Feature], intercept: float) -> Linear:
    """A score to which no label brings anything."""
    return Linear(intercept, tuple(Term(feature, (0.0,), (0.0,), 0.0) for feature in features))
