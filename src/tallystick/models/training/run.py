"""The run of a training: every step from the recipe and its frame to the model, its report and its card."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import count
from typing import Any, TypeAlias

import lightgbm
import msgspec
import numpy as np
import polars as pl

from tallystick import __version__
from tallystick.core import Faults, Message
from tallystick.models.frames import Ints, tally
from tallystick.models.layers import fold_of
from tallystick.models.monitoring import fingerprint
from tallystick.models.recipe import Gates, Recipe
from tallystick.models.serving import Definition, Model
from tallystick.models.training.records import Gate, LabelSummary, RejectReport, Trained, TrainReport
from tallystick.models.training.refused import fits_of, report_of, with_refused
from tallystick.models.training.sample import Sample, Samples, fit_sample, samples_of
from tallystick.models.validation.leakage import find_leaks
from tallystick.models.validation.metrics import Evaluation, auc, evaluate, histogram, ks, psi
from tallystick.models.words import WORDS

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as progress(step, done, total) after each piece of work."""


class _Crossed(msgspec.Struct, frozen=True):
    """Cross-validation: each fold, and all held-out rows together."""

    aucs: list[float]
    kss: list[float]
    whole: Evaluation


class _Later(msgspec.Struct, frozen=True):
    """The sample after the cut: its metrics or why there are none, and the PSI of the points."""

    evaluation: Evaluation | None
    reason: Message | None
    psi: float | None


def train(
    recipe: Recipe,
    frame: pl.DataFrame,
    progress: Progress | None = None,
    *,
    lineage: Mapping[str, Collection[str]] | None = None,
    versions: Mapping[str, Mapping[str, str]] | None = None,
) -> Trained:
    """Train the model of a recipe.

    Parameters
    ----------
    recipe
        What to learn.
    frame
        A column for each label, and the target under its recipe name ("stream.field"; null where the outcome is not
        known). `t` (Datetime or Int64 µs) for a split by time, `id` to sample negatives, the `group` column, and the
        flag of the refused under its recipe name: such a row has no outcome.
    progress
        Called as progress(step, done, total).
    lineage
        For each label the source columns it reads: a label that reads a protected column is refused.
    versions
        Content versions to name in the card: {"labels": {…}, "data": {…}}.

    Returns
    -------
    Trained
        The model fitted on the whole development sample, and the report.

    Raises
    ------
    DefinitionErrors
        When a protected column would enter.
    InputError
        When a column is absent, the outcomes do not hold both classes, or a refused row has an outcome.
    """
    faults = Faults()
    for fault in recipe.protected_faults(lineage or {}):
        faults.add(fault)
    faults.raise_any()
    samples = samples_of(recipe, frame)
    development, refused = samples.development, samples.refused
    step = _counted(recipe, refused.y.size, progress)
    crossed = _cross_validate(recipe, samples, step)
    learnt = with_refused(recipe, development, refused, step)
    model = fit_sample(recipe, learnt, recipe.options(), step, explained=True)
    points = model.score_columns(development.frame).get_column("points").to_numpy()
    later = _later(model, development, points, samples.later)
    rejects = report_of(recipe, development, refused, learnt, step)
    report = _report(recipe, samples, crossed, later, model, _branches(model, learnt), rejects)
    card = _card(recipe, report, versions or {})
    spread = fingerprint(development.frame, points, development.weights, development.t)
    return Trained(model.with_card({**card, "development": msgspec.to_builtins(spread)}), report)


def _counted(recipe: Recipe, refused: int, progress: Progress | None) -> Callable[[], None]:
    """What tells progress one step further each time it is called."""
    done, total = count(1), fits_of(recipe, refused) * (recipe.folds + 1)

    def step() -> None:
        if progress:
            progress(recipe.name, next(done), total)

    return step


def _report(
    recipe: Recipe,
    samples: Samples,
    crossed: _Crossed,
    later: _Later,
    model: Model,
    branches: dict[str, float],
    rejects: RejectReport | None,
) -> TrainReport:
    y, sample = samples.development.y, "out_of_time" if later.evaluation else "cross_validation"
    gates = _gates(recipe.gates, later.evaluation or crossed.whole, sample)
    return TrainReport(
        recipe.name,
        int(y.size),
        int(y.sum()),
        float(y.sum() / (y.size + samples.left_out)),
        samples.without_outcome,
        samples.left_out,
        float(np.mean(crossed.aucs)),
        float(np.mean(crossed.kss)),
        tuple(crossed.aucs),
        tuple(crossed.kss),
        crossed.whole,
        later.evaluation,
        later.reason,
        later.psi,
        dict(model.definition.branches[""].stack.weights),
        branches,
        _labels(model.definition),
        gates + _leaks(recipe, samples.development),
        rejects,
    )


def _cross_validate(recipe: Recipe, samples: Samples, step: Callable[[], None]) -> _Crossed:
    """Fit the whole recipe without each fold, the inference of the refused too, and score the fold."""
    sample, refused, options = samples.development, samples.refused, recipe.options()
    y, weights = sample.y, sample.weights
    # Another seed than the one inside the fit: the folds of validation and of stacking are independent.
    fold = fold_of(y, recipe.folds, recipe.seed + 1, sample.groups)
    pd, points = np.empty(y.size), np.empty(y.size, dtype=np.int64)
    aucs, kss = [], []
    for k in range(recipe.folds):
        fit, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        beside = refused
        if sample.groups is not None:
            beside = refused.take(np.flatnonzero(~np.isin(refused.groups, sample.groups[held])))
        model = fit_sample(recipe, with_refused(recipe, sample.take(fit), beside, step), options, step)
        scored = model.score_columns(sample.frame[held])
        pd[held] = scored.get_column("pd").to_numpy()
        points[held] = scored.get_column("points").to_numpy()
        aucs.append(auc(pd[held], y[held], weights[held]))
        kss.append(ks(pd[held], y[held], weights[held]))
    return _Crossed(aucs, kss, evaluate(pd, points, y, weights))


def _later(model: Model, development: Sample, before: Ints, later: Sample | None) -> _Later:
    if later is None:
        return _Later(None, WORDS("train.one_cohort"), None)
    if not later.y.size:
        return _Later(None, WORDS("train.nothing_later"), None)
    scored = model.score_columns(later.frame)
    points = scored.get_column("points").to_numpy()
    both = histogram(
        np.concatenate([before, points]),
        np.concatenate([np.zeros(before.size), np.ones(points.size)]),
        np.concatenate([development.weights, later.weights]),
    )
    shift = psi(np.asarray(both.goods), np.asarray(both.bads))
    return _Later(evaluate(scored.get_column("pd").to_numpy(), points, later.y, later.weights), None, shift)


def _branches(model: Model, sample: Sample) -> dict[str, float]:
    """Segment → weight of its rows, added in row order."""
    names = list(model.definition.branches)
    place = {name: i for i, name in enumerate(names)}
    routed = np.array([place[name] for name in model.branches_of(sample.frame)], dtype=np.int64)
    sums = tally(routed, sample.weights, len(names))
    return {name: float(total) for name, total in zip(names, sums, strict=True) if name}


def _labels(definition: Definition) -> tuple[LabelSummary, ...]:
    cards = [part.card for part in definition.branches[""].parts if part.card]
    return tuple(
        LabelSummary(v.feature.name, v.iv, v.monotone, len(v.edges) + 1, v.signal, slope)
        for card in cards
        for v, slope in zip(card.variables, card.slopes, strict=True)
    )


def _gates(gates: Gates, judged: Evaluation, sample: str) -> tuple[Gate, ...]:
    """A gate whose value is not known is not passed."""
    low, high = gates.calibration_slope or (None, None)
    wanted = [
        ("auc_min", gates.auc_min, None, judged.auc),
        ("ks_min", gates.ks_min, None, judged.ks),
        ("calibration_slope", low, high, judged.calibration_slope),
    ]
    return tuple(
        Gate(
            name,
            least,
            most,
            value,
            sample,
            value is not None and (least is None or value >= least) and (most is None or value <= most),
        )
        for name, least, most, value in wanted
        if least is not None or most is not None
    )


def _leaks(recipe: Recipe, sample: Sample) -> tuple[Gate, ...]:
    """The gate of leaks: how many columns were found that tell the outcome too well."""
    if not recipe.gates.leaks:
        return ()
    found = float(len(find_leaks(sample.frame, sample.y, weights=sample.weights, seed=recipe.seed)))
    return (Gate("leaks", None, 0.0, found, "development", found == 0.0),)


def _card(recipe: Recipe, report: TrainReport, versions: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The model card as plain JSON; where the recipe's file lay is nobody's business."""
    plain = msgspec.to_builtins(recipe)
    del plain["place"]
    return {
        "name": recipe.name,
        "recipe": plain,
        "seed": recipe.seed,
        "report": msgspec.to_builtins(report),
        "versions": {kind: dict(named) for kind, named in versions.items()},
        "libraries": {"tallystick": __version__, "lightgbm": lightgbm.__version__, "numpy": np.__version__},
    }
