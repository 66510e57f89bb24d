"""Training: label values and outcomes, as they could be known, to a champion of the registry."""

from __future__ import annotations

import msgspec
import polars as pl

from tallystick import models
from tallystick.core import Field, Instant, Span, StateError, parse_instant
from tallystick.desk.forget_notes import watch_erasures
from tallystick.desk.history import INSTANT, frame_end
from tallystick.desk.points import label_values
from tallystick.desk.progress import Progress
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.desk.words import WORDS

_FAR = 2**62


class Training(msgspec.Struct, frozen=True):
    """What training one model gave: its version, whether it passed its gates, its report, and where it stands.

    `missing` is how many people must still approve it.
    """

    name: str
    version: str
    passed: bool
    report: models.TrainReport
    status: str = "candidate"
    missing: int = 0


class TrainResult(msgspec.Struct, frozen=True):
    """What training gave, model by model."""

    models: tuple[Training, ...]


def known_until(project: Project, recipe: models.Recipe) -> Instant:
    """Up to when outcomes may be known to a model: the start of the live window of a flow it answers.

    A recipe of one cohort has no later time to be judged at, so it takes every outcome; one that no flow answers takes
    what the latest fact knew.
    """
    if recipe.split.kind == "cohort":
        return _FAR
    starts = [flow.live.from_ for flow in project.flows.values() if flow.model == recipe.name and flow.live.from_]
    if not starts:
        return frame_end(project.lake().facts(recipe.points))
    return min(parse_instant(start, project.zone) for start in starts)


def outcomes(project: Project, recipe: models.Recipe) -> pl.DataFrame:
    """The points of a recipe that have a ripe outcome: `id` and the target.

    The points before the cut of a split by time have their outcome as it was known at the cut, the later ones as it was
    known at the start of live deciding: so a model is judged as if it had been trained on the day of the cut.
    """
    return _points(project, recipe).select("id", recipe.target).drop_nulls()


def _points(project: Project, recipe: models.Recipe) -> pl.DataFrame:
    """The ripe points of a recipe, those before the cut as they were known then."""
    until = known_until(project, recipe)
    facts = project.lake().facts(recipe.points)
    if recipe.split.kind == "cohort" or recipe.split.cut_at is None:
        return _ripe(project, recipe, facts, until)
    at = pl.col(project.library.streams[recipe.points].at).cast(INSTANT).to_physical()
    cut = recipe.split.cut_at
    before = _ripe(project, recipe, facts.filter(at < cut), min(cut, until))
    return pl.concat([before, _ripe(project, recipe, facts.filter(at >= cut), until)])


def ripe_outcomes(project: Project, recipe: models.Recipe, facts: pl.DataFrame, until: Instant) -> pl.DataFrame:
    """Outcomes as they were known before `until`, of the points that lie at least `maturity` before it.

    Of each event the last revision counts, and none when that retracts it. A target that is confirmed later reads its
    default until then; a point whose source has no outcome has none here.
    """
    return _ripe(project, recipe, facts, until).select("id", recipe.target).drop_nulls()


def _ripe(project: Project, recipe: models.Recipe, facts: pl.DataFrame, until: Instant) -> pl.DataFrame:
    """`id`, target, who was refused and group of the points that are ripe, as they were known before `until`."""
    spec, fields = project.library.streams[recipe.points], project.schema(recipe.points)
    physical = pl.col("known_at").cast(INSTANT).to_physical()
    last = facts.filter(physical < until).sort("revision").unique(spec.id, keep="last", maintain_order=True)
    ripe = pl.col(spec.at).cast(INSTANT).to_physical() < until - Span.parse(recipe.split.maturity).micros
    named = [recipe.target, *([recipe.rejects.field] if recipe.rejects else [])]
    told = [_told(fields[name.partition(".")[2]], until).alias(name) for name in named]
    group = [recipe.group] if recipe.group in fields and recipe.group not in recipe.reads else []
    return last.filter(ripe & ~pl.col("retract")).select(pl.col(spec.id).alias("id"), *told, *group)


def _told(field: Field, until: Instant) -> pl.Expr:
    """A field as it was known before `until`: its default as long as it was not confirmed, null where it has none."""
    value = pl.col(field.name)
    if not field.known_at:
        return value
    confirmed = pl.col(field.known_at).cast(INSTANT).to_physical() < until
    return pl.when(value.is_null()).then(None).when(confirmed).then(value).otherwise(pl.lit(field.default))


def training_frame(project: Project, recipe: models.Recipe) -> pl.DataFrame:
    """Label values at the points of a recipe, with the target beside them; the refused are there without one."""
    values, points = label_values(project, recipe.points, recipe.reads), _points(project, recipe)
    kept = pl.col(recipe.target).is_not_null()
    if recipe.rejects:
        kept |= pl.col(recipe.rejects.field).fill_null(False)
    return values.join(points.filter(kept), on="id", how="inner", maintain_order="left")


def train_models(project: Project, progress: Progress) -> TrainResult:
    """Train every recipe, store every model, and make champion what passes its gates and needs no approval.

    A model that fails its gates, or waits for approval, is stored, but the champion stays as it was.

    Raises
    ------
    StateError
        When an erasure begins or ends meanwhile: then the model that was being trained is not stored.
    """
    registry, trained, look = project.registry(), [], watch_erasures(project)
    versions = {"labels": dict(project.library.versions), "data": lake_versions(project)}
    for recipe in project.recipes.values():
        found = models.train(
            recipe,
            training_frame(project, recipe),
            lambda name, done, total: progress("train", done, total),
            lineage=project.lineage(),
            versions=versions,
        )
        look()
        stands = registry.admit(found, at=system_clock(0))
        trained.append(
            Training(recipe.name, found.model.version, found.report.passed, found.report, stands.status, stands.missing)
        )
    return TrainResult(tuple(trained))


def require_champions(project: Project, result: TrainResult) -> None:
    """Raise `StateError` when a model is not champion and no earlier one can answer in its place."""
    registry = project.registry()
    for trained in result.models:
        if registry.champion(trained.name) is not None:
            continue
        if trained.passed and trained.missing:
            raise StateError(WORDS("model.waiting", given=trained.name, missing=trained.missing))
        if not trained.passed:
            failed = [gate for gate in trained.report.gates if not gate.passed]
            detail = ", ".join(f"{gate.name}: {gate.value} ({gate.sample})" for gate in failed)
            raise StateError(WORDS("model.gates", given=trained.name, detail=detail))


def lake_versions(project: Project) -> dict[str, str]:
    """Table → version of the lake, as text."""
    lake = project.lake()
    return {table: str(lake.version(table)) for table in sorted(lake.tables()) if table in project.sources}
