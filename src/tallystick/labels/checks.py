"""Checks of a stream: of itself, and against the source that its facts come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tallystick.core import DefinitionError, Faults, Field, InputError, Span
from tallystick.labels.define import Events, FieldSpec
from tallystick.labels.filters import columns_read
from tallystick.labels.resolve import declared_types
from tallystick.labels.words import WORDS

_PYTHON = {"flag": (bool,), "text": (str,), "real": (int, float)}
_AMOUNTS = ("money", "decimal")


def check_stream(events: Events, faults: Faults) -> None:
    """Its lateness and its defaults."""
    try:
        Span.parse(events.lateness)
    except InputError as error:
        detail = error.message.text()
        faults.add(DefinitionError(WORDS("labels.lateness", stream=events.stream, detail=detail)))
    for name, spec in events.fields.items():
        if spec.default is None:
            continue
        if not spec.known_at:
            faults.add(DefinitionError(WORDS("labels.known_at", stream=events.stream, name=name)))
        if not _fits(spec):
            words = WORDS("labels.default", stream=events.stream, name=name, given=spec.default, type=str(spec.type))
            faults.add(DefinitionError(words))


def _fits(spec: FieldSpec) -> bool:
    allowed = _PYTHON.get(spec.type.kind, (int,))
    return isinstance(spec.default, allowed) and (spec.type.kind == "flag" or not isinstance(spec.default, bool))


def check_columns(events: Events, columns: Iterable[str], schema: Mapping[str, Field], faults: Faults) -> None:
    """Every column that is read or declared is in the source, with the declared type."""
    for column in dict.fromkeys((*columns, *events.fields)):
        if column not in schema:
            words = WORDS("labels.column", stream=events.stream, given=column, allowed=", ".join(schema))
            faults.add(DefinitionError(words))
    for column, kind in declared_types(events).items():
        if kind is not None and column in schema and schema[column].type != kind:
            given = str(schema[column].type)
            words = WORDS("labels.column_type", stream=events.stream, column=column, type=str(kind), given=given)
            faults.add(DefinitionError(words))


def check_units(events: Events, filters: Iterable[str], schema: Mapping[str, Field], faults: Faults) -> None:
    """An amount in a filter is declared: its unit is part of what the label means, and of its version."""
    types = declared_types(events)
    for where in filters:
        for column in sorted(columns_read(where, types)):
            if types.get(column) is None and column in schema and schema[column].type.kind in _AMOUNTS:
                kind = str(schema[column].type)
                words = WORDS("labels.unit", stream=events.stream, column=column, given=where, type=kind)
                faults.add(DefinitionError(words))


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


def typed(events: Events, columns: Iterable[str], schema: Mapping[str, Field]) -> Events:
    """The stream with the source's type for each column that labels read and do not declare."""
    types = declared_types(events)
    open_ = {name: FieldSpec(schema[name].type) for name in columns if name in schema and types.get(name) is None}
    return msgspec.structs.replace(events, fields={**open_, **events.fields}) if open_ else events
