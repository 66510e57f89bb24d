"""The refused in a fit: inferred by the accepted rows of that fit alone, and how far the result hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import msgspec
import numpy as np
import polars as pl

from tallystick.models.frames import Floats, Ints
from tallystick.models.layers import fold_of
from tallystick.models.recipe import Recipe
from tallystick.models.rejects import Learn, Sensitivity, infer_rejects, reject_sensitivity
from tallystick.models.serving import Model
from tallystick.models.training.records import RejectReport
from tallystick.models.training.sample import Sample, fit_sample

_HALVES = 2
# Fits that one inference takes: of the whole, of the halves, or of both.
_FITS = {"none": 0, "fuzzy": 1, "cutoff": 1, "parcelling": 1 + _HALVES, "reweighting": _HALVES}
_PLACE = "place"


def fits_of(recipe: Recipe, refused: int) -> int:
    """How many fits of the layers a training takes with so many refused rows."""
    if recipe.rejects is None or not refused:
        return recipe.folds + 1
    supposed = 1 + _HALVES * (1 + len(recipe.rejects.factors))
    return (recipe.folds + 1) * (1 + _FITS[recipe.rejects.method]) + supposed


def with_refused(recipe: Recipe, accepted: Sample, refused: Sample, step: Callable[[], None]) -> Sample:
    """What a fit learns from: the accepted, and what a model of these accepted alone infers of the refused.

    Groups and instants go with the rows. The two halves of one refused row are one group, so that no fold learns the
    one and holds out the other.
    """
    if recipe.rejects is None or recipe.rejects.method == "none" or not refused.y.size:
        return accepted
    everyone = accepted.beside(refused)
    known, unknown = _places(accepted, refused)
    learn = _learner(recipe, everyone, step, risk=recipe.rejects.method != "reweighting")
    found = infer_rejects(learn, known, accepted.y, unknown, weights=accepted.weights, options=recipe.rejects)
    return _at(everyone, found.frame.get_column(_PLACE).to_numpy(), found.y, found.weights)


def report_of(
    recipe: Recipe, accepted: Sample, refused: Sample, learnt: Sample, step: Callable[[], None]
) -> RejectReport | None:
    """What the inference added to `accepted` in `learnt`, and what hangs on it; None where nobody was refused."""
    if recipe.rejects is None or not refused.y.size:
        return None
    added = float(learnt.weights.sum() - accepted.weights.sum())
    bads = float((learnt.weights * learnt.y).sum() - (accepted.weights * accepted.y).sum())
    return RejectReport(
        int(refused.y.size),
        recipe.rejects.method,
        added,
        bads / added if added > 0.0 else None,
        _sensitivity(recipe, accepted, refused, step),
    )


def _sensitivity(recipe: Recipe, accepted: Sample, refused: Sample, step: Callable[[], None]) -> Sensitivity:
    assert recipe.rejects is not None
    rate, taken = recipe.rejects.approval_rate, float(accepted.weights.sum())
    known, unknown = _places(accepted, refused)
    return reject_sensitivity(
        _learner(recipe, accepted.beside(refused), step, risk=True),
        known,
        accepted.y,
        unknown,
        approval_rate=taken / (taken + refused.y.size) if rate is None else rate,
        factors=recipe.rejects.factors,
        weights=accepted.weights,
    )


def _places(accepted: Sample, refused: Sample) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Frames that name rows by their place among the accepted, then the refused."""
    places = pl.DataFrame({_PLACE: np.arange(accepted.y.size + refused.y.size)})
    return places[: accepted.y.size], places[accepted.y.size :]


def _at(everyone: Sample, places: Ints, y: Floats, weights: Floats) -> Sample:
    """The rows at `places` with outcomes and weights; a row that is there twice is one group."""
    taken = msgspec.structs.replace(everyone.take(places), y=y, weights=weights)
    if taken.groups is None and np.unique(places).size < places.size:
        return msgspec.structs.replace(taken, groups=places)
    return taken


def _learner(recipe: Recipe, everyone: Sample, step: Callable[[], None], *, risk: bool) -> Learn:
    """Fits the recipe's layers on rows of `everyone`; directions bind `risk`, not the chance to be accepted."""
    options = msgspec.structs.replace(recipe.options(), rating=None, terms=None)
    if not risk:
        options = msgspec.structs.replace(options, monotone={}, shape="auto")

    def learn(rows: pl.DataFrame, y: Floats, weights: Floats) -> Callable[[pl.DataFrame], Floats]:
        places = rows.get_column(_PLACE).to_numpy()
        sample = _at(everyone, places, y, weights)
        return _Learnt(everyone, places, sample, lambda part: fit_sample(recipe, part, options, step), recipe.seed)

    return learn


class _Learnt:
    """Scores rows by their place: one that was not learnt by the whole fit, one that was by the half that lacks it."""

    def __init__(
        self, everyone: Sample, places: Ints, sample: Sample, fit: Callable[[Sample], Model], seed: int
    ) -> None:
        self._everyone, self._places, self._sample, self._fit, self._seed = everyone, places, sample, fit, seed

    @cached_property
    def _whole(self) -> Model:
        return self._fit(self._sample)

    @cached_property
    def _halves(self) -> tuple[Ints, list[Model]]:
        """The half of each place, −1 where it was not learnt, and for each half the model that lacks it."""
        # Another seed than those of the fits and of cross-validation.
        fold = fold_of(self._sample.y, _HALVES, self._seed + 2, self._sample.groups)
        half = np.full(self._everyone.y.size, -1)
        half[self._places] = fold
        return half, [self._fit(self._sample.take(np.flatnonzero(fold != k))) for k in range(_HALVES)]

    def __call__(self, rows: pl.DataFrame) -> Floats:
        wanted = rows.get_column(_PLACE).to_numpy()
        learnt = np.isin(wanted, self._places)
        pd = np.empty(wanted.size)
        if not learnt.all():
            pd[~learnt] = self._pd(self._whole, wanted[~learnt])
        if learnt.any():
            half, models = self._halves
            for k, model in enumerate(models):
                own = half[wanted] == k
                pd[own] = self._pd(model, wanted[own])
        return pd

    def _pd(self, model: Model, places: Ints) -> Floats:
        scored = model.score_columns(self._everyone.frame[places])
        return scored.get_column("pd").to_numpy()
