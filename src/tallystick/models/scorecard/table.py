"""A scorecard as a table: base points, and whole points for each bin of each variable."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError, Language
from tallystick.core.numeric import log
from tallystick.models.binning import Variable, bin_index
from tallystick.models.frames import Floats, Ints, tally
from tallystick.models.scorecard.words import WORDS

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

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            given = getattr(self, name)
            right = isinstance(given, int | float) and math.isfinite(given) and (name == "base_score" or given > 0)
            if not right:
                allowed = "a finite number" if name == "base_score" else "a finite number above 0"
                raise InputError(WORDS("card.option", name=name, given=given, allowed=allowed))
            # A whole number would be stored in another form than the double that is read back.
            msgspec.structs.force_setattr(self, name, float(given))

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


class LeftOut(msgspec.Struct, frozen=True):
    """A variable that brings no points, and why.

    Attributes
    ----------
    label
        Its name.
    reason
        `signal` (no cut within the limits), `iv`, `correlation` (with `other`), `vif`, `criterion` (the stepwise
        choice), `slope` (against its own evidence, or taken to 0 by the lasso), `rounding` (all points round to 0).
    value, limit
        The figure, and the limit that it broke; 0 where there is none.
    other
        The variable that it is correlated with; else "".
    """

    label: str
    reason: str
    value: float = 0.0
    limit: float = 0.0
    other: str = ""

    def text(self, language: Language = "en") -> str:
        """The reason as a sentence."""
        words = WORDS(
            f"card.out_{self.reason}",
            label=self.label,
            value=f"{self.value:.4g}",
            limit=f"{self.limit:.4g}",
            other=self.other,
        )
        return words.text(language)


class PointsTable(msgspec.Struct, frozen=True):
    """A fitted scorecard: base points, and for each variable the points of its bins, in the bins' order.

    A variable that was left out keeps its place with 0 points in every bin, and `left_out` says why.
    """

    scale: Scale
    base: int
    variables: tuple[Variable, ...]
    points: tuple[tuple[int, ...], ...]
    slopes: tuple[float, ...]
    left_out: tuple[LeftOut, ...] = ()

    def total(self, matrix: Floats) -> Ints:
        """The points of every row of an encoded matrix whose columns are the variables in order."""
        total = np.full(matrix.shape[0], self.base, dtype=np.int64)
        for i, variable in enumerate(self.variables):
            if any(self.points[i]):
                total += np.asarray(self.points[i], dtype=np.int64)[bin_index(matrix[:, i], variable)]
        return total

    def points_of(self, matrix: Floats) -> Ints:
        """The points that each variable brings to each row, shape (rows, variables); the base is not among them."""
        out = np.zeros(matrix.shape, dtype=np.int64)
        for i, variable in enumerate(self.variables):
            if any(self.points[i]):
                out[:, i] = np.asarray(self.points[i], dtype=np.int64)[bin_index(matrix[:, i], variable)]
        return out

    def log_odds_bad(self, matrix: Floats) -> Floats:
        """The log-odds of bad that the points stand for, row by row."""
        return (self.scale.offset - self.total(matrix).astype(np.float64)) / self.scale.factor

    def frame(self) -> pl.DataFrame:
        """The scorecard as people read it: one line for each bin of each variable."""
        lines = [
            {
                "label": v.feature.name,
                "bin": v.bin_text(i),
                "rows": v.rows[i],
                "events": v.events[i],
                "event_rate": v.events[i] / v.rows[i] if v.rows[i] else None,
                "woe": v.woe[i],
                "iv": v.iv,
                "points": points[i],
            }
            for v, points in zip(self.variables, self.points, strict=True)
            for i in range(len(v.woe))
        ]
        return pl.DataFrame(lines, schema=_LINES)


def baseline_of(table: PointsTable, matrix: Floats, weights: Floats, approved_at: int | None) -> tuple[int, ...]:
    """The weighted mean points of each variable over the rows of at least `approved_at` points, as whole points.

    They add up to the mean of the sum, rounded (largest remainders). Where no row is approved all count.

    Notes
    -----
    The first method of the official interpretation of 12 CFR 1002.9(b)(2), paragraph 5.
    """
    share = weights
    if approved_at is not None:
        approved = table.total(matrix) >= approved_at
        share = np.where(approved, weights, 0.0) if approved.any() else weights
    means = []
    for i, (variable, points) in enumerate(zip(table.variables, table.points, strict=True)):
        held = tally(bin_index(matrix[:, i], variable), share, variable.size) if any(points) else np.zeros(len(points))
        means.append(float(np.sum(held * np.asarray(points))) / float(share.sum()))
    whole = [math.floor(mean) for mean in means]
    short = math.floor(math.fsum(means) + 0.5) - sum(whole)
    by_rest = sorted(range(len(means)), key=lambda i: (whole[i] - means[i], i))
    for i in by_rest[: max(short, 0)]:
        whole[i] += 1
    return tuple(whole)


_LINES = {
    "label": pl.String,
    "bin": pl.String,
    "rows": pl.Float64,
    "events": pl.Float64,
    "event_rate": pl.Float64,
    "woe": pl.Float64,
    "iv": pl.Float64,
    "points": pl.Int64,
}
