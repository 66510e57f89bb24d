"""From a label file to what it wrote: its labels, families and streams."""

from __future__ import annotations

import runpy
import tomllib
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tallystick.core import DefinitionError, Faults, Place, TallystickError
from tallystick.labels.definition.define import Arithmetic, Entity, Events, Family, Label, Own, Windowed
from tallystick.labels.definition.formulas import shown_slip
from tallystick.labels.definition.resolve import unfinished
from tallystick.labels.definition.words import WORDS

TAKEN = ("t", "k", "stream", "id")
"""What a frame of points calls its own columns."""


def run_file(path: Path) -> dict[str, Any]:
    """The globals of a label file; raises `DefinitionError` with its line where it cannot run."""
    try:
        return runpy.run_path(str(path))
    except SyntaxError as error:
        raise DefinitionError(WORDS("labels.file", detail=error.msg), Place(str(path), error.lineno)) from error
    except TallystickError as error:
        raise DefinitionError(error.message, Place(str(path), _line(error, path))) from error
    except (Exception, SystemExit) as error:
        # A file that leaves the process has not said what its labels are.
        detail = f"{type(error).__name__}: {error}"
        raise DefinitionError(WORDS("labels.file", detail=detail), Place(str(path), _line(error, path))) from error


def _line(error: BaseException, path: Path) -> int | None:
    lines = [step.lineno for step in traceback.extract_tb(error.__traceback__) if step.filename == str(path)]
    return lines[-1] if lines else None


def labels_in(found: Mapping[str, Any], file: str, faults: Faults) -> dict[str, Label | Family]:
    """The labels and families among the globals of a file, by name."""
    labels: dict[str, Label | Family] = {}
    names: dict[int, str] = {}
    for name, value in found.items():
        # As everywhere in Python, a leading underscore marks what is private to the file: a piece, not a label.
        if name.startswith("_"):
            continue
        if isinstance(value, Label | Family):
            if id(value) in names:
                words = WORDS("labels.alias", name=name, other=names[id(value)])
                faults.add(DefinitionError(words, value.place))
                continue
            names[id(value)] = name
            labels[name] = value
        elif (words_unfinished := unfinished(name, value)) is not None:
            faults.add(DefinitionError(words_unfinished, Place(file)))
    return labels


def all_streams(
    declared: Iterable[Events], labels: Iterable[Label], faults: Faults, file: str = ""
) -> dict[str, Events]:
    """The declared streams with those that labels and joined columns read; two of one name are a fault."""
    streams: dict[str, Events] = {}
    clashing: set[str] = set()
    for events in (*declared, *(events for label in labels for events in _read_by(label))):
        if streams.setdefault(events.stream, events) is not events and events.stream not in clashing:
            clashing.add(events.stream)
            faults.add(DefinitionError(WORDS("labels.stream_twice", name=events.stream), Place(file)))
        for joined in _joined(events, {events.stream}):
            streams.setdefault(joined.stream, joined)
    return streams


def only_labels(given: Mapping[str, Any], faults: Faults, file: str = "") -> dict[str, Label | Family]:
    """The labels and families of a mapping; anything else in it is a fault."""
    labels: dict[str, Label | Family] = {}
    for name, value in given.items():
        if isinstance(value, Label | Family):
            labels[name] = value
        else:
            words = unfinished(name, value) or WORDS("labels.not_label", name=name, given=shown_slip(value))
            faults.add(DefinitionError(words, Place(file) if file else None))
    return labels


def check_names(labels: Mapping[str, Label], streams: Iterable[Events], faults: Faults) -> None:
    """A label and what it brings along are columns beside the points' own."""
    taken = dict.fromkeys((*TAKEN, *(entity.name for events in streams for entity in events.keys)))
    for name, label in labels.items():
        for whole in (name, f"{name}__missing", f"{name}__approximate"):
            if whole in taken:
                words = WORDS("labels.name_point", name=name, given=whole, allowed=", ".join(taken))
                faults.add(DefinitionError(words, label.place))


def check_entities(streams: Iterable[Events], faults: Faults, file: str = "") -> None:
    """An entity's name is a column of the points."""
    seen: dict[Entity, None] = {entity: None for events in streams for entity in events.keys}
    for entity in seen:
        if not isinstance(entity.name, str) or not entity.name.isidentifier() or entity.name in TAKEN:
            faults.add(DefinitionError(WORDS("labels.entity_name", given=entity.name), Place(file)))


def _read_by(label: object) -> Iterator[Events]:
    """The streams that a label names, by whatever it hangs on."""
    if isinstance(label, Windowed):
        yield label.per.events
        for part in (label.anchor, label.link):
            yield from _read_by(part)
    elif isinstance(label, Own):
        yield label.events
    elif isinstance(label, Arithmetic):
        for operand in label.operands:
            yield from _read_by(operand)


def _joined(events: Events, above: set[str]) -> Iterator[Events]:
    for label in events.joins.values():
        for other in _read_by(label):
            if other.stream not in above:
                yield other
                yield from _joined(other, above | {other.stream})


def zone_beside(path: Path) -> str:
    """The time zone of the project whose label file this is, else UTC."""
    settings = path.parent / "tallystick.toml"
    if not settings.is_file():
        return "UTC"
    try:
        zone = tomllib.loads(settings.read_text("utf-8-sig")).get("project", {}).get("time_zone", "UTC")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError(WORDS("labels.file", detail=str(error)), Place(str(settings))) from None
    return str(zone)
