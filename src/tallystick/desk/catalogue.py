"""The catalogue: every label and model of a project with what it means, who answers for it and what it may touch."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import msgspec

from tallystick.core import Grade, InputError
from tallystick.desk.project import Project
from tallystick.desk.words import WORDS
from tallystick.labels import Definition
from tallystick.models import Recipe

FACT, RULE, MODEL = "fact", "rule", "model"


class Entry(msgspec.Struct, frozen=True):
    """One label or model.

    `nature` is "fact" (counted), "rule" (made of labels) or "model" (learned). `grade` is the highest of the columns
    that it reads. `purposes` are what it may be used for: its own, else what every column that it reads allows; none
    means any. `columns` are "stream.column". A model's `version` is its champion's, "" while it has none.
    """

    name: str
    nature: str
    kind: str
    type: str
    version: str
    description: str = ""
    owner: str = ""
    grade: str = ""
    purposes: tuple[str, ...] = ()
    freshness: str = ""
    window: str = ""
    delay: str = ""
    where: str = ""
    entities: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    including_present: bool = False
    approximate: bool = False


def catalogue(project: Project) -> dict[str, Entry]:
    """Name → entry: the labels in the order of their file, then the models."""
    entries = {name: _label(project, definition) for name, definition in project.library.labels.items()}
    models = {name: _model(project, recipe, entries) for name, recipe in project.recipes.items()}
    return entries | {name if name not in entries else f"{name} (model)": entry for name, entry in models.items()}


def entry_of(project: Project, name: str) -> Entry:
    """One entry; raises `InputError` with the nearest names for one that is not there."""
    entries = catalogue(project)
    if name not in entries:
        allowed = ", ".join(nearest(name, entries)) or "-"
        raise InputError(WORDS("catalogue.unknown", given=name, allowed=allowed))
    return entries[name]


def search(project: Project, words: Iterable[str]) -> list[Entry]:
    """The entries in which every word occurs: in name, description, owner, purposes, kind, streams or columns.

    Those whose name holds the words come first, each group in the order of the catalogue.
    """
    wanted = [word.casefold() for text in words for word in text.split()]
    found = []
    for entry in catalogue(project).values():
        parts = (entry.description, entry.owner, entry.nature, entry.kind, entry.where, *entry.purposes)
        text = " ".join((entry.name, *parts, *entry.streams, *entry.columns, *entry.entities)).casefold()
        if all(word in text for word in wanted):
            found.append(entry)
    return sorted(found, key=lambda entry: not all(word in entry.name.casefold() for word in wanted))


def nearest(text: str, names: Iterable[str], count: int = 5) -> list[str]:
    """The names that are most like a text, by their letters or by one of their parts.

    Examples
    --------
    >>> nearest("spnd 7d", ["spend_7d", "spend_30d", "night_share"])
    ['spend_7d', 'spend_30d']
    """
    names = list(names)
    given = re.sub(r"\W+", "_", text.casefold())
    close = difflib.get_close_matches(given, names, n=count, cutoff=0.6)
    parts = [part for part in given.split("_") if len(part) > 2]
    also = [name for name in names if any(part in name.casefold().split("_") for part in parts)]
    return list(dict.fromkeys((*close, *also)))[:count]


def _label(project: Project, definition: Definition) -> Entry:
    columns = [(stream, column) for stream, names in definition.reads.items() for column in names]
    note = definition.note
    return Entry(
        name=definition.name,
        nature=definition.nature,
        kind=definition.kind,
        type=str(definition.type),
        version=definition.version,
        description=note.text,
        owner=note.owner or _owners(project, definition.streams),
        grade="" if definition.grade is None else definition.grade.name,
        purposes=note.purposes or _allowed(project, columns),
        freshness=note.freshness,
        window=definition.window,
        delay=definition.delay,
        where=definition.where,
        entities=definition.entities,
        streams=definition.streams,
        columns=tuple(f"{stream}.{column}" for stream, column in columns),
        including_present=definition.including_present,
        approximate=definition.approximate,
    )


def _model(project: Project, recipe: Recipe, entries: dict[str, Entry]) -> Entry:
    read = [entries[name] for name in recipe.reads]
    grades = [Grade[entry.grade] for entry in read if entry.grade]
    purposes = [frozenset(entry.purposes) for entry in read if entry.purposes]
    return Entry(
        name=recipe.name,
        nature=MODEL,
        kind=" + ".join(recipe.parts or recipe.layers),
        type="real",
        version=project.registry().champion(recipe.name) or "",
        description=recipe.target,
        owner=recipe.governance.owner or _owners(project, (recipe.points,)),
        grade=max(grades).name if grades else "",
        purposes=tuple(sorted(frozenset.intersection(*purposes))) if purposes else (),
        streams=tuple(dict.fromkeys(stream for entry in read for stream in entry.streams)),
        entities=tuple(dict.fromkeys(entity for entry in read for entity in entry.entities)),
        columns=tuple(dict.fromkeys(column for entry in read for column in entry.columns)),
        labels=recipe.reads,
        approximate=any(entry.approximate for entry in read),
    )


def _owners(project: Project, streams: Iterable[str]) -> str:
    """Who answers for the sources: what nobody took over is theirs."""
    owners = dict.fromkeys(project.sources[stream].owner for stream in streams)
    return ", ".join(owner for owner in owners if owner)


def _allowed(project: Project, columns: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The purposes that every column allows; none where all allow any."""
    limits = []
    for stream, column in columns:
        field = project.schema(stream).get(column)
        if field is not None and field.purposes:
            limits.append(frozenset(field.purposes))
    return tuple(sorted(frozenset.intersection(*limits))) if limits else ()
