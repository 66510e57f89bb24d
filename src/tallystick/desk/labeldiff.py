"""What a change of labels means: in words, and for whom values change."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tallystick.core import InputError, Message
from tallystick.desk.labelcost import facts_of, sampled
from tallystick.desk.lineage import aggregate_text
from tallystick.desk.points import own_points, point_streams
from tallystick.desk.project import Project, schemas_of
from tallystick.desk.words import WORDS
from tallystick.labels import Definition, Library
from tallystick.labels.plan import Leaf

POINTS = 20_000
EXAMPLES = 3
_PARTS = ("nature", "kind", "type", "window", "delay", "including_present", "where", "approximate", "grade")
_LISTS = ("entities", "streams", "columns")
_NOTES = ("text", "owner", "purposes", "freshness", "max_grade")


class Change(msgspec.Struct, frozen=True):
    """One part of a label's definition that differs: `part` names it, the values are text, "" for none."""

    part: str
    old: str
    new: str

    @property
    def words(self) -> Message:
        """The change as a sentence."""
        return WORDS("diff.part", part=self.part, old=self.old or "-", new=self.new or "-")


class Example(msgspec.Struct, frozen=True):
    """One point at which a value differs; a missing value is its reason in brackets."""

    point: str
    old: str
    new: str


class Effect(msgspec.Struct, frozen=True):
    """What changes for whom, at sampled points of a stream.

    `keys` are the different entities' keys among them, `keys_differing` those with a point that differs. Means are over
    points that have a value, amounts in major units; None where the label is no number.
    """

    stream: str
    points: int
    differing: int
    keys: int
    keys_differing: int
    missing_old: int
    missing_new: int
    mean_old: float | None
    mean_new: float | None
    examples: tuple[Example, ...]


class LabelDiff(msgspec.Struct, frozen=True):
    """One label: `how` is added, removed, renamed, changed (its meaning) or noted (its note alone)."""

    label: str
    how: str
    renamed_to: str = ""
    changes: tuple[Change, ...] = ()
    effects: tuple[Effect, ...] = ()


def library_of(project: Project, given: str) -> Library:
    """The labels that a text names: "" the project's, a file, or the beginning of a kept version.

    Raises
    ------
    InputError
        When it is neither, or two kept versions begin so.
    """
    if not given:
        return project.library
    schemas = schemas_of(project.sources)
    path = Path(given)
    if not path.is_file():
        folder = project.state / "registry" / "definitions"
        kept = sorted(folder.glob("labels-*.py")) if folder.is_dir() else []
        found = [each for each in kept if each.stem.removeprefix("labels-").startswith(given)]
        if len(found) != 1:
            allowed = ", ".join(each.stem.removeprefix("labels-")[:12] for each in kept) or "-"
            raise InputError(WORDS("diff.none", given=given, allowed=allowed))
        path = found[0]
    return Library.from_file(path, zone=project.zone, lake=project.lake().facts, schemas=schemas)


def diff_labels(project: Project, old: Library, new: Library, points: int = POINTS) -> list[LabelDiff]:
    """What differs between two libraries, label by label, the values at points of the project's lake.

    Parameters
    ----------
    project
        Its flows and models name the streams whose own points are sampled.
    old, new
        From `library_of`.
    points
        At most so many points of each stream; 0 compares definitions only.
    """
    found = list(_definitions(old, new))
    changed = [diff.label for diff in found if diff.how == "changed"]
    if not points or not changed:
        return found
    effects: dict[str, list[Effect]] = {name: [] for name in changed}
    facts = facts_of(project, old) | facts_of(project, new)
    for stream in point_streams(project):
        if stream not in facts:
            continue
        frame = sampled(own_points(project, stream, facts[stream]), points)
        reached = [name for name in changed if _reaches(old, name, frame) and _reaches(new, name, frame)]
        if reached:
            before = old.at(frame, labels=reached, facts=facts)
            after = new.at(frame, labels=reached, facts=facts)
            for name in reached:
                effects[name].append(_effect(stream, old.labels[name], new.labels[name], before, after))
    return [msgspec.structs.replace(diff, effects=tuple(effects.get(diff.label, ()))) for diff in found]


def _definitions(old: Library, new: Library) -> Iterator[LabelDiff]:
    fresh = [name for name in new.labels if name not in old.labels]
    for name in old.labels:
        if name not in new.labels:
            same = next((other for other in fresh if new.versions[other] == old.versions[name]), "")
            fresh = [other for other in fresh if other != same]
            yield LabelDiff(name, "renamed" if same else "removed", same)
    for name in fresh:
        yield LabelDiff(name, "added")
    for name in old.labels:
        if name in new.labels:
            was, now = old.labels[name], new.labels[name]
            notes = tuple(_notes(was, now))
            if was.version != now.version:
                yield LabelDiff(name, "changed", "", (*_meaning(name, old, new), *notes))
            elif notes:
                yield LabelDiff(name, "noted", "", notes)


def _meaning(name: str, old: Library, new: Library) -> list[Change]:
    """The parts of two definitions of a label that differ; where none does, the aggregates below."""
    was, now = old.labels[name], new.labels[name]
    found = []
    for part in _PARTS:
        before, after = _text(getattr(was, part)), _text(getattr(now, part))
        if before != after:
            found.append(Change(part, before, after))
    for part in _LISTS:
        before, after = ", ".join(getattr(was, part)), ", ".join(getattr(now, part))
        if before != after:
            found.append(Change(part, before, after))
    if was.kind == now.kind == "formula" or not found:
        less, more = old.leaves([name]), new.leaves([name])
        lost = "; ".join(_aggregates([leaf for leaf in less if leaf not in more]))
        gained = "; ".join(_aggregates([leaf for leaf in more if leaf not in less]))
        if lost or gained or not found:
            found.append(Change("made_of", lost, gained))
    return found


def _notes(was: Definition, now: Definition) -> Iterator[Change]:
    for part in _NOTES:
        before, after = _text(getattr(was.note, part)), _text(getattr(now.note, part))
        if before != after:
            yield Change(part, before, after)


def _aggregates(leaves: list[Leaf]) -> list[str]:
    return [aggregate_text(leaf).text() for leaf in leaves]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else getattr(value, "name", None) or str(value)


def _reaches(library: Library, name: str, frame: pl.DataFrame) -> bool:
    return set(library.labels[name].entities) <= set(frame.columns)


def _effect(stream: str, was: Definition, now: Definition, before: pl.DataFrame, after: pl.DataFrame) -> Effect:
    name = was.name
    same = was.type == now.type
    keys = list(dict.fromkeys((*was.entities, *now.entities)))
    frame = before.select(
        "id",
        "t",
        *keys,
        pl.col(name).alias("@old") if same else pl.col(name).cast(pl.String()).alias("@old"),
        pl.col(f"{name}__missing").alias("@old_missing"),
        (after[name] if same else after[name].cast(pl.String())).alias("@new"),
        after[f"{name}__missing"].alias("@new_missing"),
    )
    differs = frame.filter(
        pl.col("@old").ne_missing(pl.col("@new")) | pl.col("@old_missing").ne_missing(pl.col("@new_missing"))
    )
    examples = []
    for row in differs.head(EXAMPLES).iter_rows(named=True):
        point = ", ".join(f"{key} {row[key]}" for key in keys)
        old, new = _shown(row["@old"], row["@old_missing"], was), _shown(row["@new"], row["@new_missing"], now)
        examples.append(Example(f"{point}, {row['t'].isoformat()}", old, new))
    return Effect(
        stream=stream,
        points=frame.height,
        differing=differs.height,
        keys=frame.select(keys).n_unique() if keys else 0,
        keys_differing=differs.select(keys).n_unique() if keys else 0,
        missing_old=frame["@old_missing"].len() - frame["@old_missing"].null_count(),
        missing_new=frame["@new_missing"].len() - frame["@new_missing"].null_count(),
        mean_old=_mean(before[name], was),
        mean_new=_mean(after[name], now),
        examples=tuple(examples),
    )


def _mean(column: pl.Series, definition: Definition) -> float | None:
    if definition.type.kind not in ("money", "decimal", "integer", "real"):
        return None
    found = column.drop_nulls().cast(pl.Float64).mean()
    return found / 10.0**definition.type.scale if isinstance(found, float) else None


def _shown(value: Any, reason: str | None, definition: Definition) -> str:
    if value is None:
        return f"({reason})"
    if definition.type.kind in ("money", "decimal") and isinstance(value, int):
        return str(Decimal(value).scaleb(-definition.type.scale))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
