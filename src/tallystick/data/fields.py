"""The declaration of one field: its type and grade, where its values come from, and what they may be."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Any

import msgspec

from tallystick.core import Field, FieldType, Grade, InputError, parse_value
from tallystick.core.toml import TomlFile, Way, parsed
from tallystick.data.source import Check
from tallystick.data.words import WORDS

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
Texts = str | tuple[str, ...]
_ORDERED = ("money", "decimal", "integer", "real", "instant", "date")


def _check_pattern(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise InputError(WORDS("sources.pattern", given=text, detail=str(error))) from None


def _check_purposes(given: Texts) -> None:
    for purpose in texts(given):
        if not NAME.fullmatch(purpose):
            raise InputError(WORDS("sources.purpose", given=purpose))


class FieldTable(msgspec.Struct, frozen=True):
    """The keys of a field in sources.toml."""

    type: Annotated[str, parsed(FieldType.parse)]
    required: bool = False
    default: Any = None
    known_at: str = ""
    grade: Annotated[str, parsed(Grade.parse)] = "L2"
    personal: bool | None = None
    description: str = ""
    column: str = ""
    value: Any = None
    allowed: Annotated[tuple[Any, ...], msgspec.Meta(min_length=1)] | None = None
    min: Any = None
    max: Any = None
    pattern: Annotated[str, parsed(_check_pattern)] = ""
    purposes: Annotated[Texts, parsed(_check_purposes)] = ()


class Declared(msgspec.Struct, frozen=True):
    """A field with its check, and the `column` that it is read from: None where every row has the same `constant`."""

    field: Field
    check: Check
    column: str | None
    constant: Any = None


def read_field(toml: TomlFile, way: Way, name: str, given: FieldTable) -> Declared:
    """What the table of a field means; a value that is none of its type is noted and left out."""
    grade, plain = Grade.parse(given.grade), Field(name, FieldType.parse(given.type))
    field = Field(
        name,
        plain.type,
        required=given.required,
        default=held(toml, (*way, "default"), plain, given.default),
        known_at=given.known_at,
        grade=grade,
        personal=grade >= Grade.L3 if given.personal is None else given.personal,
        description=given.description,
        purposes=tuple(dict.fromkeys(texts(given.purposes))),
    )
    check = _check(toml, way, plain, given)
    if given.value is None:
        return Declared(field, check, given.column or name)
    if given.column:
        toml.fault((*way, "column"), WORDS("sources.constant", key="column"))
    held(toml, (*way, "value"), plain, given.value)
    return Declared(field, check, None, constant=simple(given.value))


def held(toml: TomlFile, way: Way, field: Field, given: Any) -> Any:
    """A value as its field holds it; None where, at fault, it is none of the field."""
    try:
        return parse_value(field, simple(given))
    except InputError as error:
        toml.fault(way, error.message)
        return None


def texts(given: Texts) -> tuple[str, ...]:
    """One text, or several, as several."""
    return (given,) if isinstance(given, str) else given


def simple(given: Any) -> Any:
    """TOML's own dates and times as text: one form for the record and its version."""
    return given.isoformat() if isinstance(given, datetime | date | time) else given


def _check(toml: TomlFile, way: Way, field: Field, given: FieldTable) -> Check:
    kind, allowed = field.type.kind, None
    if given.allowed is not None and kind == "instant":
        toml.fault((*way, "allowed"), WORDS("sources.instants"))
    elif given.allowed is not None:
        allowed = tuple(held(toml, (*way, "allowed"), field, item) for item in given.allowed)
    bounds = {"min": given.min, "max": given.max}
    parsed_bounds = {key: held(toml, (*way, key), field, bound) for key, bound in bounds.items()}
    for key, bound in parsed_bounds.items():
        if bound is not None and kind not in _ORDERED:
            toml.fault((*way, key), WORDS("sources.check", key=key, type=kind, allowed=", ".join(_ORDERED)))
            parsed_bounds[key] = None
    if None not in parsed_bounds.values() and parsed_bounds["min"] > parsed_bounds["max"]:
        toml.fault((*way, "min"), WORDS("sources.order", low=given.min, high=given.max))
    if kind == "instant":
        parsed_bounds = {key: simple(bound) for key, bound in bounds.items()}
    if given.pattern and kind != "text":
        toml.fault((*way, "pattern"), WORDS("sources.check", key="pattern", type=kind, allowed="text"))
    return Check(allowed, parsed_bounds["min"], parsed_bounds["max"], given.pattern)
