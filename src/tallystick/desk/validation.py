"""`tally validate`: a stored model against the outcomes known today, its report kept and noted in the registry."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import polars as pl

from tallystick import models
from tallystick.core import InputError, Message
from tallystick.desk.history import INSTANT
from tallystick.desk.progress import Progress
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.desk.training import training_frame
from tallystick.desk.words import WORDS
from tallystick.models import validation
from tallystick.store import atomic_write

Report = validation.Report
Check = validation.Check


class Validated(msgspec.Struct, frozen=True):
    """One validation: its report, the hash of the report's JSON, and the file that keeps it."""

    report: validation.Report
    sha256: str
    path: Path


def validate_model(
    project: Project,
    name: str,
    version: str = "",
    *,
    segments: Sequence[str] = (),
    overrides: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Validated:
    """Validate a stored version of a model, keep the report and note it in the registry.

    Parameters
    ----------
    project
        A checked project whose labels are computed.
    name
        A model of models.toml.
    version
        A stored version or how it begins; the champion without it.
    segments
        Labels or columns of the recipe's stream to look at apart.
    overrides
        A CSV or Parquet file of cases as `models.validation.override_analysis` reads them.

    Returns
    -------
    Validated
        A recipe that is split by time is judged on the points after the cut; one of a single cohort on its own rows,
        which the report says.

    Raises
    ------
    InputError
        For an unknown model, segment or file.
    StateError
        Without a stored version or computed labels.
    """
    recipe = project.recipes.get(name)
    if recipe is None:
        raise InputError(WORDS("validate.model", given=name, allowed=", ".join(project.recipes)))
    registry = project.registry()
    whole = registry.resolve(name, version)
    model = registry.load(name, whole)
    frame, development = _judged(project, recipe, segments)
    crowned = registry.champion(name)
    gates = recipe.gates
    report = validation.validate(
        model,
        frame,
        target=recipe.target,
        t="t",
        segments=segments,
        protected=[each for each in recipe.protected if each in frame.columns],
        champion=registry.load(name, crowned) if crowned not in (None, whole) else None,
        development=development,
        overrides=None if overrides is None else _cases(overrides),
        limits=validation.Limits(
            auc_min=gates.auc_min,
            ks_min=gates.ks_min,
            calibration_slope=gates.calibration_slope or validation.Limits().calibration_slope,
        ),
        in_sample=development is None,
        promised_auc=model.card.get("report", {}).get("auc"),
        zone=project.zone,
        seed=recipe.seed,
        progress=lambda done, total: progress("validate", done, total),
    )
    return _kept(project, name, whole, report)


def _judged(
    project: Project, recipe: models.Recipe, segments: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The rows to judge by, and those before the cut where there is one; nobody who was refused is among them."""
    known = training_frame(project, recipe).filter(pl.col(recipe.target).is_not_null())
    frame = _beside(project, recipe, known, (*recipe.protected, *segments))
    for segment in segments:
        if segment not in frame.columns:
            raise InputError(WORDS("validate.segment", given=segment, allowed=", ".join(frame.columns)))
    cut = recipe.split.cut_at if recipe.split.kind == "time" else None
    if cut is None:
        return frame, None
    late = frame.get_column("t").cast(INSTANT).to_physical() >= cut
    return frame.filter(late), frame.filter(~late)


def _kept(project: Project, name: str, version: str, report: validation.Report) -> Validated:
    """Write the report beside the model and note it in the registry."""
    body = msgspec.json.encode(report)
    path = project.state / "validation" / name / f"{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, body)
    digest = hashlib.sha256(body).hexdigest()
    project.registry().validated(name, version, at=system_clock(0), report=digest, passed=report.passed)
    return Validated(report, digest, path)


def _beside(project: Project, recipe: models.Recipe, frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """The frame with columns of the points' own stream beside it: the last revision of each event."""
    spec = project.library.streams[recipe.points]
    facts = project.lake().facts(recipe.points)
    # A protected column may be named with its stream, as lineage names it.
    plain = [name.rsplit(".", 1)[-1] for name in names]
    wanted = [name for name in dict.fromkeys(plain) if name in facts.columns and name not in frame.columns]
    if not wanted:
        return frame
    last = facts.sort("revision").unique(spec.id, keep="last", maintain_order=True)
    own = last.select(pl.col(spec.id).alias("id"), *wanted)
    return frame.join(own, on="id", how="left", maintain_order="left")


def _cases(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(WORDS("validate.file", given=str(path), reason=str(error).splitlines()[0])) from None


def check_words(check: validation.Check) -> Message:
    """What a check is called."""
    return validation.WORDS(f"check.{check.name}")


def sample_words(name: str) -> Message:
    """What a sample is called; segments, labels and groups keep their own name."""
    own = name in ("judged", "in_sample", "development")
    return validation.WORDS(f"sample.{name if own else 'other'}", name=name)


def verdict_words(verdict: str) -> Message:
    """What a verdict is called."""
    return validation.WORDS(f"verdict.{verdict}")
