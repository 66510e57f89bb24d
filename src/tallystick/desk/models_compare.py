"""Two stored versions on the same points with known outcomes."""

from __future__ import annotations

import difflib

import msgspec
import polars as pl

from tallystick import models
from tallystick.core import InputError, StateError
from tallystick.desk.champion import check_labels
from tallystick.desk.evidence import read_journal
from tallystick.desk.history import frame_end
from tallystick.desk.models_words import WORDS
from tallystick.desk.points import label_values
from tallystick.desk.project import Project
from tallystick.desk.replay import recorded
from tallystick.desk.training import ripe_outcomes


class Compared(msgspec.Struct, frozen=True):
    """The comparison of two versions; `sample` is "later" (after the development of both), "all" or "decided"."""

    left: str
    right: str
    left_version: str
    right_version: str
    sample: str
    comparison: models.Comparison


def compare_models(
    project: Project, left: str, right: str, cut: int | None = None, share: float = 0.8, *, decided: bool = False
) -> Compared:
    """Compare two versions on the points whose outcome is known, after the development of both where there are such.

    Parameters
    ----------
    project
        A project whose labels are computed.
    left, right
        NAME for a champion, NAME@VERSION for a version that begins so.
    cut, share
        The cut-off of the left in points; without it, the best `share` of the rows is approved.
    decided
        Instead on the decisions that were taken, from their recorded labels: what each would have said then.

    Raises
    ------
    InputError
        When they learn different outcomes, or the rows hold one class only.
    StateError
        When a version is not there, or a label it reads means something else today.
    """
    pair = [find_model(project, text) for text in (left, right)]
    recipes = [project.recipes[model.name] for model in pair]
    targets = {(recipe.target, recipe.points) for recipe in recipes}
    if len(targets) > 1:
        given = ", ".join(recipe.target for recipe in recipes)
        raise InputError(WORDS("compare.apart", left=left, right=right, given=given))
    for model in pair:
        check_labels(project, model)
    names = tuple(dict.fromkeys((*pair[0].labels, *pair[1].labels)))
    frame = decided_frame(project, recipes[0], names) if decided else judged_frame(project, recipes[0], names)
    later, sample = frame.drop_nulls(recipes[0].target), "decided"
    if not decided:
        later, sample = _judged(later, pair, recipes[0].target)
    y = later[recipes[0].target].cast(pl.Float64).to_numpy()
    if not _both(later, recipes[0].target):
        raise InputError(WORDS("compare.classes", rows=y.size))
    scored = [model.score_columns(later.select(model.labels)) for model in pair]
    sides = [(each["pd"].to_numpy(), each["points"].to_numpy()) for each in scored]
    found = models.compare(sides[0], sides[1], y, cut, share)
    return Compared(left, right, pair[0].version, pair[1].version, sample, found)


def _judged(frame: pl.DataFrame, pair: list[models.Model], target: str) -> tuple[pl.DataFrame, str]:
    """The rows after the development of both models, or all where those do not tell good from bad."""
    ends = [development(model).until for model in pair if model.card.get("development")]
    known = [end for end in ends if end is not None]
    later = frame.filter(frame["t"].to_physical() > max(known)) if known else frame.clear()
    return (later, "later") if _both(later, target) else (frame, "all")


def _both(frame: pl.DataFrame, target: str) -> bool:
    """Whether there are at least two bad and two good outcomes: fewer have no variance."""
    bad = int(frame[target].cast(pl.Int64).sum())
    return min(bad, frame.height - bad) >= 2


def find_model(project: Project, text: str) -> models.Model:
    """The version that NAME@VERSION names, the champion for NAME alone; `InputError` for an unknown name."""
    name, _, version = text.partition("@")
    registry = project.registry()
    if name not in project.recipes:
        near = difflib.get_close_matches(name, project.recipes, 3) or list(project.recipes)
        raise InputError(WORDS("model.unknown", given=name, allowed=", ".join(near)))
    return registry.load(name, registry.resolve(name, version))


def development(model: models.Model) -> models.Fingerprint:
    """The figures of a model's development sample; `StateError` where an older release trained it without them."""
    held = model.card.get("development")
    if not held:
        raise StateError(WORDS("monitor.untold", name=model.name, version=model.version[:12]))
    return msgspec.convert(held, models.Fingerprint)


def judged_frame(project: Project, recipe: models.Recipe, labels: tuple[str, ...]) -> pl.DataFrame:
    """Label values of every point of a recipe, and the outcome where it is ripe by what the latest fact knows."""
    facts = project.lake().facts(recipe.points)
    known = ripe_outcomes(project, recipe, facts, frame_end(facts) + 1)
    values = label_values(project, recipe.points, labels)
    return values.join(known, on="id", how="left", maintain_order="left")


def decided_frame(project: Project, recipe: models.Recipe, labels: tuple[str, ...]) -> pl.DataFrame:
    """The recorded labels of the decisions of a recipe's flows that hold all of `labels`, and their ripe outcomes.

    Raises
    ------
    StateError
        When no decision holds them.
    """
    flows = {flow.name for flow in project.flows.values() if flow.model == recipe.name}
    with read_journal(project) as journal:
        records = [record for record in recorded(journal) if record is not None and record.flow in flows]
    rows = [
        {"id": record.fact.id, **{name: record.vector[name] for name in labels}}
        for record in records
        if set(labels) <= record.vector.keys()
    ]
    if not rows:
        raise StateError(WORDS("compare.unrecorded", decisions=len(records), labels=", ".join(labels)))
    facts = project.lake().facts(recipe.points)
    known = ripe_outcomes(project, recipe, facts, frame_end(facts) + 1)
    return pl.DataFrame(rows, infer_schema_length=None).join(known, on="id", how="left", maintain_order="left")
