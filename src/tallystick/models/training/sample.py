"""The rows that are learnt from, and the fit on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.models.frames import Floats, Ints, as_target
from tallystick.models.layers import LayerOptions, fit_layers
from tallystick.models.recipe import Recipe
from tallystick.models.serving import Model
from tallystick.models.words import WORDS


class Sample(msgspec.Struct, frozen=True):
    """Labels, outcomes, weights, groups and instants of rows; of the refused `y` is NaN."""

    frame: pl.DataFrame
    y: Floats
    weights: Floats
    groups: Any
    t: Ints | None

    @property
    def periods(self) -> Ints | None:
        """The ordinal of each row's month, counted from year 0."""
        if self.t is None:
            return None
        at = pl.from_epoch(pl.Series(self.t), time_unit="us")
        return (at.dt.year().cast(pl.Int64) * 12 + at.dt.month().cast(pl.Int64)).to_numpy()

    def take(self, places: Ints) -> Sample:
        """The rows at `places`."""
        groups = None if self.groups is None else self.groups[places]
        t = None if self.t is None else self.t[places]
        return Sample(self.frame[places], self.y[places], self.weights[places], groups, t)

    def beside(self, other: Sample) -> Sample:
        """These rows, then those of `other`."""
        return Sample(
            pl.concat([self.frame, other.frame]),
            np.concatenate([self.y, other.y]),
            np.concatenate([self.weights, other.weights]),
            None if self.groups is None else np.concatenate([self.groups, other.groups]),
            None if self.t is None or other.t is None else np.concatenate([self.t, other.t]),
        )


class Samples(msgspec.Struct, frozen=True):
    """What a training frame holds.

    Attributes
    ----------
    development, later
        Rows with an outcome, before the cut and after it; None where the split has no cut.
    refused
        The refused before the cut.
    without_outcome, left_out
        Other rows that have no outcome, and negatives that were not drawn.
    """

    development: Sample
    refused: Sample
    later: Sample | None
    without_outcome: int
    left_out: int


def fit_sample(
    recipe: Recipe, sample: Sample, options: LayerOptions, step: Callable[[], None], *, explained: bool = False
) -> Model:
    """Fit a recipe's layers on a sample; `step` is called after each of `recipe.folds` + 1 pieces of work."""
    return fit_layers(
        recipe.name,
        sample.frame,
        sample.y,
        sample.weights,
        options,
        labels=recipe.labels,
        groups=sample.groups,
        periods=sample.periods,
        explained=explained,
        step=step,
    )


def samples_of(recipe: Recipe, frame: pl.DataFrame) -> Samples:
    """Part a training frame by outcome, refusal and cut, and draw the negatives.

    Raises
    ------
    InputError
        When a column is absent, outcomes are not 0 and 1, both, or a refused row has an outcome.
    """
    rejects = recipe.rejects
    extra = ["t"] if recipe.split.kind == "time" else []
    extra += ["id"] if recipe.sample_negatives < 1.0 else []
    extra += [recipe.group] if recipe.group else []
    extra += [rejects.field] if rejects else []
    for name in (recipe.target, *recipe.reads, *extra):
        if name not in frame.columns:
            raise InputError(WORDS("train.column", model=recipe.name, name=name, given=", ".join(frame.columns)))
    known = frame.filter(pl.col(recipe.target).is_not_null())
    refused = _refused(recipe, frame)
    without = frame.height - known.height - refused.height
    later = None
    if recipe.split.kind == "time":
        after = _micros(known) >= recipe.split.cut_at
        later = _sample(recipe, known.filter(after))
        known = known.filter(~after)
        refused = refused.filter(_micros(refused) < recipe.split.cut_at)
    drawn = _draw(recipe, known)
    left_out = 0 if drawn is None else int((~drawn).sum())
    development = _sample(recipe, known if drawn is None else known.filter(drawn))
    as_target(development.y, development.y.size)
    if drawn is not None:
        weights = np.where(development.y == 0.0, 1.0 / recipe.sample_negatives, 1.0)
        development = msgspec.structs.replace(development, weights=weights)
    return Samples(development, _sample(recipe, refused), later, without, left_out)


def _refused(recipe: Recipe, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that the flag names; each of them is without an outcome."""
    if recipe.rejects is None:
        return frame.clear()
    name = recipe.rejects.field
    kind = frame.get_column(name).dtype
    if kind not in (pl.Boolean, pl.Null):
        raise InputError(WORDS("train.refused_type", model=recipe.name, name=name, given=str(kind)))
    found = frame.filter(pl.col(name).cast(pl.Boolean).fill_null(False))
    told = found.height - found.get_column(recipe.target).null_count()
    if told:
        words = WORDS("train.refused", model=recipe.name, given=told, name=name, target=recipe.target)
        raise InputError(words)
    return found


def _micros(rows: pl.DataFrame) -> pl.Series:
    at = rows.get_column("t")
    return at.dt.epoch("us") if at.dtype.is_temporal() else at.cast(pl.Int64)


def _sample(recipe: Recipe, rows: pl.DataFrame) -> Sample:
    y = rows.get_column(recipe.target).cast(pl.Float64).fill_null(np.nan).to_numpy()
    groups = rows.get_column(recipe.group).to_numpy() if recipe.group else None
    t = _micros(rows).to_numpy() if "t" in rows.columns else None
    return Sample(rows.select(recipe.reads), y, np.ones(y.size), groups, t)


def _draw(recipe: Recipe, rows: pl.DataFrame) -> pl.Series | None:
    """Which rows stay: every event, and the negatives whose id hashes below the share. The same ids on any machine."""
    if recipe.sample_negatives >= 1.0:
        return None
    limit = int(recipe.sample_negatives * 2**64)
    salt = recipe.name.encode()
    kept = [
        bad or int.from_bytes(hashlib.blake2b(str(key).encode(), digest_size=8, key=salt[:64]).digest(), "big") < limit
        for key, bad in zip(rows.get_column("id"), rows.get_column(recipe.target).cast(pl.Boolean), strict=True)
    ]
    return pl.Series(kept, dtype=pl.Boolean)
