"""Checks of streams and labels against the sources that their facts come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from tallystick.core import DefinitionError, Faults, Field, Grade, InputError, Message, Place, Span
from tallystick.labels.definition.contents import Definition
from tallystick.labels.definition.define import Events, FieldSpec
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.definition.words import WORDS
from tallystick.labels.meaning.filters import columns_read
from tallystick.labels.plan import Node
from tallystick.labels.words import WORDS as LABEL_WORDS

_PYTHON = {"flag": (bool,), "text": (str,), "real": (int, float)}
_AMOUNTS = ("money", "decimal")


def check_stream(events: Events, faults: Faults) -> Events:
    """Check its lateness and its defaults; gives it without what is at fault, so that its labels can be checked too."""
    lateness, fields = events.lateness, dict(events.fields)
    try:
        Span.parse(events.lateness)
    except InputError as error:
        detail = error.message.text()
        faults.add(DefinitionError(WORDS("labels.lateness", stream=events.stream, detail=detail)))
        lateness = "0d"
    for name, spec in events.fields.items():
        if spec.default is None:
            continue
        if not spec.known_at:
            faults.add(DefinitionError(WORDS("labels.known_at", stream=events.stream, name=name)))
        if not _fits(spec):
            words = WORDS("labels.default", stream=events.stream, name=name, given=spec.default, type=str(spec.type))
            faults.add(DefinitionError(words))
            fields[name] = msgspec.structs.replace(spec, default=None)
    if lateness == events.lateness and all(fields[name] is spec for name, spec in events.fields.items()):
        return events
    return msgspec.structs.replace(events, lateness=lateness, fields=fields)


def _fits(spec: FieldSpec) -> bool:
    allowed = _PYTHON.get(spec.type.kind, (int,))
    if spec.type.kind not in _PYTHON and isinstance(spec.default, int) and not -(2**63) <= spec.default < 2**63:
        return False
    return isinstance(spec.default, allowed) and (spec.type.kind == "flag" or not isinstance(spec.default, bool))


def check_columns(
    events: Events,
    columns: Iterable[str],
    schema: Mapping[str, Field],
    readers: Mapping[str, Place],
    faults: Faults,
) -> None:
    """Every column that is read or declared is in the source, with the declared type.

    `readers` says for a column where the first label is that reads it.
    """

    def fault(column: str, words: Message) -> None:
        faults.add(DefinitionError(words, readers.get(column)))

    for column in dict.fromkeys((*columns, *events.fields)):
        if column not in schema:
            fault(column, LABEL_WORDS("labels.column", stream=events.stream, given=column, allowed=", ".join(schema)))
    for column, kind in declared_types(events).items():
        if kind is not None and column in schema and schema[column].type != kind:
            given = str(schema[column].type)
            params = {"stream": events.stream, "column": column, "type": str(kind), "given": given}
            fault(column, WORDS("labels.column_type", **params))


def check_filters(
    events: Events, filters: Mapping[str, Place | None], schema: Mapping[str, Field], faults: Faults
) -> None:
    """A filter compares what can be compared, and an amount in it is declared; `filters` says where each stands.

    The amount's unit is part of what the label means, and of its version.
    """
    types = declared_types(events)
    for where, place in filters.items():
        known = types | {name: field.type for name, field in schema.items() if types.get(name) is None}
        try:
            columns = columns_read(where, known)
        except DefinitionError as error:
            words = WORDS("labels.where", given=where, detail=error.message.text())
            faults.add(DefinitionError(words, place))
            continue
        for column in sorted(columns):
            if types.get(column) is None and column in schema and schema[column].type.kind in _AMOUNTS:
                kind = str(schema[column].type)
                words = WORDS("labels.unit", stream=events.stream, column=column, given=where, type=kind)
                faults.add(DefinitionError(words, place))


def check_roles(events: Events, id: str, at: str, lateness: str, faults: Faults) -> None:
    """Id, instant and lateness are the source's, so that both judge the same facts late."""
    for name, given, allowed in (("id", events.id, id), ("at", events.at, at)):
        if given != allowed:
            words = WORDS("labels.role", stream=events.stream, role=name, given=given, allowed=allowed)
            faults.add(DefinitionError(words))
    if Span.parse(events.lateness) != Span.parse(lateness):
        given, allowed = events.lateness, lateness
        words = WORDS("labels.role", stream=events.stream, role="lateness", given=given, allowed=allowed)
        faults.add(DefinitionError(words))


def typed(events: Events, columns: Iterable[str], schema: Mapping[str, Field], joins: Mapping[str, Node]) -> Events:
    """The stream with a type for each column that labels read and do not declare: the source's, or a joined label's."""
    types = declared_types(events)
    open_ = {name: FieldSpec(schema[name].type) for name in columns if name in schema and types.get(name) is None}
    joined = {name: FieldSpec(node.type) for name, node in joins.items()}
    more = open_ | joined
    return msgspec.structs.replace(events, fields={**more, **events.fields}) if more else events


def _fields_read(definition: Definition, schemas: Mapping[str, Mapping[str, Field]]) -> Iterator[tuple[str, Field]]:
    for stream, columns in definition.reads.items():
        for column in columns:
            if column in schemas.get(stream, {}):
                yield stream, schemas[stream][column]


def graded(definition: Definition, schemas: Mapping[str, Mapping[str, Field]]) -> Definition:
    """The definition with its grade: the highest of the columns that it reads, keys among them."""
    grades = [field.grade for _, field in _fields_read(definition, schemas)]
    return msgspec.structs.replace(definition, grade=max(grades)) if grades else definition


def _grade(text: str) -> Grade | None:
    """The grade that a note names; one that is none was shown with the label."""
    try:
        return Grade.parse(text) if text and isinstance(text, str) else None
    except InputError:
        return None


def check_note(
    definition: Definition, schemas: Mapping[str, Mapping[str, Field]], place: Place, faults: Faults
) -> None:
    """A label reads no grade above its own limit, and no column that is kept for other purposes."""

    def fault(words: Message) -> None:
        faults.add(DefinitionError(words, place))

    note, name = definition.note, definition.name
    limit = _grade(note.max_grade)
    for stream, field in _fields_read(definition, schemas):
        params = {"name": name, "stream": stream, "column": field.name}
        if limit is not None and field.grade > limit:
            fault(WORDS("labels.max_grade", **params, given=field.grade.name, allowed=note.max_grade))
        refused = [purpose for purpose in note.purposes if field.purposes and purpose not in field.purposes]
        if refused:
            fault(WORDS("labels.purpose", **params, given=", ".join(refused), allowed=", ".join(field.purposes)))
