"""Training by recipe: sample, cross-validate, fit, test out of time, judge the gates, write the card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import lightgbm
import msgspec
import numpy as np
import polars as pl

from tallystick import __version__
from tallystick.core import Faults, InputError, Message
from tallystick.models.frames import Floats, Ints, as_target
from tallystick.models.layers import LayerOptions, fit_layers, fold_of
from tallystick.models.monitoring import fingerprint
from tallystick.models.recipe import Gates, Recipe
from tallystick.models.serving import Definition, Model
from tallystick.models.validation.leakage import find_leaks
from tallystick.models.validation.metrics import Evaluation, auc, evaluate, histogram, ks, psi
from tallystick.models.words import WORDS

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as progress(step, done, total) after each piece of work."""


class LabelSummary(msgspec.Struct, frozen=True):
    """What a label brought to the scorecard: IV, direction of risk, bins, slope (0: against its sign, or no signal)."""

    label: str
    iv: float
    monotone: str
    bins: int
    signal: bool
    slope: float


class Gate(msgspec.Struct, frozen=True):
    """One gate: its limits, the value, on which sample, and whether it was passed."""

    name: str
    low: float | None
    high: float | None
    value: float | None
    sample: str
    passed: bool


class TrainReport(msgspec.Struct, frozen=True):
    """What training saw.

    Attributes
    ----------
    rows, events
        Of the development sample, after the negatives were sampled.
    bad_rate
        Of the development rows before the negatives were sampled: events over all rows with a known outcome.
    without_outcome, negatives_left_out
        Rows whose outcome is not known, and negatives not drawn.
    auc, ks, auc_folds, ks_folds
        Stratified cross-validation of the whole recipe: means over the folds, and each fold.
    cross_validation
        The metrics of all held-out rows together.
    out_of_time, out_of_time_reason
        The metrics after the cut, or None and why.
    psi
        Of the points, development against out of time.
    layer_weights
        Of the branch that takes everybody else.
    branches
        Segment → weighted rows that trained its own branch.
    labels
        Empty where there is no scorecard.
    """

    name: str
    rows: int
    events: int
    bad_rate: float
    without_outcome: int
    negatives_left_out: int
    auc: float
    ks: float
    auc_folds: tuple[float, ...]
    ks_folds: tuple[float, ...]
    cross_validation: Evaluation
    out_of_time: Evaluation | None
    out_of_time_reason: Message | None
    psi: float | None
    layer_weights: dict[str, float]
    branches: dict[str, float]
    labels: tuple[LabelSummary, ...]
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate was passed."""
        return all(gate.passed for gate in self.gates)


class Trained(msgspec.Struct, frozen=True):
    """A model and the report of its training."""

    model: Model
    report: TrainReport


class _Sample(msgspec.Struct, frozen=True):
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

    def take(self, places: Ints) -> _Sample:
        """The rows at `places`."""
        groups = None if self.groups is None else self.groups[places]
        t = None if self.t is None else self.t[places]
        return _Sample(self.frame[places], self.y[places], self.weights[places], groups, t)


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
        known). `t` (Datetime or Int64 µs) for a split by time, `id` to sample negatives, and the `group` column.
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
        When a column is absent, or the outcomes do not hold both classes.
    """
    faults = Faults()
    for fault in recipe.protected_faults(lineage or {}):
        faults.add(fault)
    faults.raise_any()
    development, later, without_outcome, left_out = _samples(recipe, frame)
    options = recipe.options()
    total = (recipe.folds + 1) * (recipe.folds + 1)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(recipe.name, done, total)

    aucs, kss, cross = _cross_validate(recipe, development, options, step)
    model = _fit(recipe, development, options, step)
    points = model.score_columns(development.frame).get_column("points").to_numpy()
    out_of_time, reason, shift = _later(model, development, points, later)
    judged, sample = (out_of_time, "out_of_time") if out_of_time else (cross, "cross_validation")
    report = TrainReport(
        recipe.name,
        int(development.y.size),
        int(development.y.sum()),
        float(development.y.sum() / (development.y.size + left_out)),
        without_outcome,
        left_out,
        float(np.mean(aucs)),
        float(np.mean(kss)),
        tuple(aucs),
        tuple(kss),
        cross,
        out_of_time,
        reason,
        shift,
        dict(model.definition.branches[""].stack.weights),
        _branches(model, development),
        _labels(model.definition),
        _gates(recipe.gates, judged, sample) + _leaks(recipe, development),
    )
    card = _card(recipe, report, versions or {})
    spread = fingerprint(development.frame, points, development.weights, development.t)
    return Trained(model.with_card({**card, "development": msgspec.to_builtins(spread)}), report)


def _fit(
    recipe: Recipe, sample: _Sample, options: LayerOptions, step: Callable[[], None], *, explained: bool = True
) -> Model:
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


def _samples(recipe: Recipe, frame: pl.DataFrame) -> tuple[_Sample, _Sample | None, int, int]:
    """Development sample, later sample, rows without an outcome, negatives left out."""
    extra = ["t"] if recipe.split.kind == "time" else []
    extra += ["id"] if recipe.sample_negatives < 1.0 else []
    extra += [recipe.group] if recipe.group else []
    for name in (recipe.target, *recipe.reads, *extra):
        if name not in frame.columns:
            raise InputError(WORDS("train.column", model=recipe.name, name=name, given=", ".join(frame.columns)))
    known = frame.filter(pl.col(recipe.target).is_not_null())
    later = None
    if recipe.split.kind == "time":
        after = _micros(known) >= recipe.split.cut_at
        later = _sample(recipe, known.filter(after), None)
        known = known.filter(~after)
    drawn = _draw(recipe, known)
    left_out = 0 if drawn is None else int((~drawn).sum())
    development = _sample(recipe, known if drawn is None else known.filter(drawn), drawn)
    as_target(development.y, development.y.size)
    without = frame.height - int(frame.get_column(recipe.target).is_not_null().sum())
    return development, later, without, left_out


def _micros(rows: pl.DataFrame) -> pl.Series:
    at = rows.get_column("t")
    return at.dt.epoch("us") if at.dtype.is_temporal() else at.cast(pl.Int64)


def _sample(recipe: Recipe, rows: pl.DataFrame, drawn: pl.Series | None) -> _Sample:
    y = rows.get_column(recipe.target).cast(pl.Float64).to_numpy()
    weights = np.where(y == 0.0, 1.0 / recipe.sample_negatives, 1.0) if drawn is not None else np.ones(y.size)
    groups = rows.get_column(recipe.group).to_numpy() if recipe.group else None
    t = _micros(rows).to_numpy() if "t" in rows.columns else None
    return _Sample(rows.select(recipe.reads), y, weights, groups, t)


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


def _cross_validate(
    recipe: Recipe, sample: _Sample, options: LayerOptions, step: Callable[[], None]
) -> tuple[list[float], list[float], Evaluation]:
    """Fit the whole recipe without each fold and score the fold."""
    y, weights = sample.y, sample.weights
    # Another seed than the one inside the fit: the folds of validation and of stacking are independent.
    fold = fold_of(y, recipe.folds, recipe.seed + 1, sample.groups)
    pd, points = np.empty(y.size), np.empty(y.size, dtype=np.int64)
    aucs, kss = [], []
    for k in range(recipe.folds):
        fit, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        model = _fit(recipe, sample.take(fit), options, step, explained=False)
        scored = model.score_columns(sample.frame[held])
        pd[held] = scored.get_column("pd").to_numpy()
        points[held] = scored.get_column("points").to_numpy()
        aucs.append(auc(pd[held], y[held], weights[held]))
        kss.append(ks(pd[held], y[held], weights[held]))
    return aucs, kss, evaluate(pd, points, y, weights)


def _later(
    model: Model, development: _Sample, before: Ints, later: _Sample | None
) -> tuple[Evaluation | None, Message | None, float | None]:
    if later is None:
        return None, WORDS("train.one_cohort"), None
    if not later.y.size:
        return None, WORDS("train.nothing_later"), None
    scored = model.score_columns(later.frame)
    points = scored.get_column("points").to_numpy()
    both = histogram(
        np.concatenate([before, points]),
        np.concatenate([np.zeros(before.size), np.ones(points.size)]),
        np.concatenate([development.weights, later.weights]),
    )
    shift = psi(np.asarray(both.goods), np.asarray(both.bads))
    return evaluate(scored.get_column("pd").to_numpy(), points, later.y, later.weights), None, shift


def _branches(model: Model, sample: _Sample) -> dict[str, float]:
    own = pl.DataFrame({"key": model.branches_of(sample.frame), "weight": sample.weights})
    rows = dict(own.group_by("key").agg(pl.col("weight").sum()).iter_rows())
    return {key: float(rows.get(key, 0.0)) for key in model.definition.branches if key}


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


def _leaks(recipe: Recipe, sample: _Sample) -> tuple[Gate, ...]:
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
