"""Whose data it is: a subject as people name it, and which of its columns become stand-ins or nothing."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tallystick import data
from tallystick.core import Instant, StateError, UsageError, parse_value
from tallystick.desk.forget_words import WORDS
from tallystick.desk.frames import name_bytes, stand_in
from tallystick.desk.project import Project
from tallystick.store import Keys

_NAMES = ("text", "integer")


class Subject(msgspec.Struct, frozen=True):
    """A person, or whoever a source's `subject` names: the column and its value as text, as the key file has it.

    Examples
    --------
    >>> Subject("customer_id", "C000123").key
    'customer_id=C000123'
    """

    column: str
    value: str

    @property
    def key(self) -> str:
        """The name under which the key file holds the subject's key."""
        return f"{self.column}={self.value}"


def read_subject(project: Project, given: str) -> Subject:
    """Read COLUMN=VALUE, or a value alone where all sources have the same subject column.

    Where the column holds whole numbers, 07 and 7 are the same subject.

    Raises
    ------
    InputError
        When the column holds whole numbers and the value is none.
    UsageError
        When no source has that column as its subject, or several have one and none is named; a value that itself
        reads NAME=VALUE needs its column too.
    StateError
        When no source declares a subject.
    """
    columns = subject_columns(project)
    if not columns:
        raise StateError(WORDS("forget.none"))
    column, _, value = given.partition("=")
    if column in columns and value:
        return Subject(column, _as_held(project, column, value))
    # What stands before the sign may be a misspelt column.
    misspelt = bool(value) and column.isidentifier()
    if len(columns) > 1 or misspelt or not given or given in (f"{columns[0]}=", columns[0]):
        raise UsageError(WORDS("forget.column", given=given, allowed=", ".join(columns)))
    return Subject(columns[0], _as_held(project, columns[0], given))


def subject_columns(project: Project) -> list[str]:
    """The columns that name subjects, sorted."""
    return sorted({source.subject for source in project.sources.values() if source.subject})


def own_value(project: Project, subject: Subject) -> str | int:
    """The subject's value as rows and events hold it."""
    return int(subject.value) if _numbered(project, subject.column) else subject.value


def sources_of(project: Project, subject: Subject) -> list[data.Source]:
    """The sources whose rows are sealed under the subject's key."""
    return [source for source in project.sources.values() if source.subject == subject.column]


def stand_in_of(keys: Keys, subject: Subject, value: str | int) -> str | int:
    """What stands for a value of the subject's, as in the journal; only her key can make it."""
    return stand_in(value, keys.pseudonym(subject.key, name_bytes(value)))


def blinded(project: Project, source: data.Source) -> tuple[str, ...]:
    """The columns whose values become stand-ins: her id, and what is personal of the event's id and of labels' keys."""
    spec = project.library.streams.get(source.name)
    keys = {source.id, *(() if spec is None else (spec.id, *spec.keys.values()))}
    return tuple(
        name
        for name, field in source.fields.items()
        if field.type.kind in _NAMES and (name == source.subject or (field.personal and name in keys))
    )


def emptied(project: Project, source: data.Source) -> tuple[str, ...]:
    """The personal columns that keep nothing; what says when it happened, and which revision it is, stays."""
    kept = {*blinded(project, source), source.at, source.known_at, source.revision, source.retract}
    return tuple(name for name, field in source.fields.items() if field.personal and name not in kept)


def erasing(project: Project, source: data.Source, subject: Subject, keys: Keys) -> data.Erasing:
    """What becomes of the subject's rows in a table."""
    return data.Erasing(
        source.subject,
        subject.value,
        blinded(project, source),
        emptied(project, source),
        lambda value: stand_in_of(keys, subject, value),
    )


def _numbered(project: Project, column: str) -> bool:
    """Whether every source whose subject a column is holds whole numbers there."""
    kinds = {source.fields[column].type.kind for source in project.sources.values() if source.subject == column}
    return kinds == {"integer"}


def _as_held(project: Project, column: str, value: str) -> str:
    """A value that people gave, as events and keys write it."""
    if not _numbered(project, column):
        return value
    field = next(source.fields[column] for source in project.sources.values() if source.subject == column)
    return str(parse_value(field, value))


class Held(msgspec.Struct, frozen=True):
    """What is held of a subject, found before anything is erased.

    `counts` says how much by place. `known` are her values, by column, of personal ids and texts, `names` those of them
    that nobody else has; `events` her events by stream and id; `last` when the last of each stream happened. `shared`
    are the journal's positions of other people's decisions that have a personal key in common with her. `exposed` are
    columns that hold her id though they are not declared personal.
    """

    counts: Mapping[str, int]
    known: Mapping[str, tuple[str | int, ...]]
    names: Mapping[str, tuple[str | int, ...]]
    events: tuple[tuple[str, str | int], ...]
    last: Mapping[str, Instant]
    shared: tuple[int, ...]
    exposed: tuple[str, ...]

    @property
    def texts(self) -> frozenset[str]:
        """Her values as text: what a record that mentions her has."""
        return frozenset(str(value) for values in self.names.values() for value in values)
