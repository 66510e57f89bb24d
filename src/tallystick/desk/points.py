"""Label values at the events that models and flows look at: computed once in columns, kept as Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
import polars as pl

from tallystick.core import StateError
from tallystick.desk.forget_notes import watch_erasures
from tallystick.desk.history import INSTANT
from tallystick.desk.progress import Progress
from tallystick.desk.project import Project
from tallystick.desk.words import WORDS


class LabelsResult(msgspec.Struct, frozen=True):
    """What computing labels gave: definitions, values (missing ones counted), points by stream."""

    labels: int
    values: int
    missing: int
    points: dict[str, int]


def point_streams(project: Project) -> list[str]:
    """Streams at whose events labels are wanted: those of model recipes and of flows."""
    wanted = [recipe.points for recipe in project.recipes.values()] + [flow.stream for flow in project.flows.values()]
    return list(dict.fromkeys(wanted))


def own_points(project: Project, stream: str, facts: pl.DataFrame) -> pl.DataFrame:
    """The own point of every event: its keys, `t`, `k` = its `known_at`, `stream` and `id`."""
    spec = project.library.streams[stream]
    first = facts.filter(pl.col("revision") == 0)
    keys = [pl.col(column).alias(entity.name) for entity, column in spec.keys.items()]
    return first.select(
        *keys,
        pl.col(spec.at).cast(INSTANT).alias("t"),
        pl.col("known_at").cast(INSTANT).alias("k"),
        pl.lit(stream).alias("stream"),
        pl.col(spec.id).alias("id"),
    )


def compute_labels(project: Project, progress: Progress) -> LabelsResult:
    """Compute every label at every own point of the streams in use and keep the values in `.tallystick/labels`.

    Raises
    ------
    StateError
        When a stream was not loaded, or an erasure begins or ends meanwhile: then no values are kept.
    """
    lake, library, look = project.lake(), project.library, watch_erasures(project)
    facts = {}
    for stream in library.streams:
        if stream not in lake.tables():
            raise StateError(WORDS("lake.empty", given=stream))
        facts[stream] = lake.facts(stream)
    streams = point_streams(project)
    values = missing = 0
    points: dict[str, int] = {}
    written: dict[Path, Path] = {}
    try:
        for done, stream in enumerate(streams):
            progress("labels", done, len(streams))
            frame = own_points(project, stream, facts[stream])
            names = reachable_labels(project, stream)
            found = library.at(frame, labels=names, facts=facts)
            path = values_path(project, stream)
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = found.select("id", "t", "k", *names)
            written[path] = path.with_suffix(".partial")
            kept.write_parquet(written[path])
            points[stream] = kept.height
            values += kept.height * len(names)
            missing += sum(kept[name].null_count() for name in names)
        _keep(written, look)
    finally:
        for partial in written.values():
            partial.unlink(missing_ok=True)
    return LabelsResult(len(library.labels), values, missing, points)


def _keep(written: Mapping[Path, Path], look: Callable[[], None]) -> None:
    """Put files in their places, where no erasure forbids it."""
    look()
    try:
        try:
            for path, partial in written.items():
                partial.replace(path)
        finally:
            # An erasure that begins after this look finds the files; one before may have removed what was not in place.
            look()
    except StateError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def reachable_labels(project: Project, stream: str) -> list[str]:
    """Labels whose entities are all keys of `stream`, so that its events are points of theirs."""
    keys = {entity.name for entity in project.library.streams[stream].keys}
    return [name for name, label in project.library.labels.items() if set(label.entities) <= keys]


def values_path(project: Project, stream: str) -> Path:
    """Where a stream's label values lie."""
    return project.state / "labels" / f"{stream}.parquet"


def label_values(project: Project, stream: str, names: Iterable[str]) -> pl.DataFrame:
    """Read label values of a stream's own points: `id`, `t`, `k`, labels; raises `StateError` when there are none."""
    path = values_path(project, stream)
    if not path.exists():
        raise StateError(WORDS("labels.stale", given=stream))
    return pl.read_parquet(path, columns=["id", "t", "k", *dict.fromkeys(names)])
