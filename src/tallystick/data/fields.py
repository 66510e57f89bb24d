"""The declaration of one field: its type and grade, where its values come from, and what they may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tallystick.core import Field, FieldType, Grade, InputError
from tallystick.data.source import Check
from tallystick.data.toml import Reader, simple
from tallystick.data.words import WORDS

FIELD_KEYS = (
    *("type", "required", "default", "known_at", "grade", "personal", "description", "column", "value"),
    *("allowed", "min", "max", "pattern", "purposes"),
)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ORDERED = ("money", "decimal", "integer", "real", "instant", "date")


class Declared(msgspec.Struct, frozen=True):
    """A field with its check, and the `column` that it is read from: None where every row has the same `constant`."""

    field: Field
    check: Check
    column: str | None
    constant: Any = None


def read_field(reader: Reader, name: str, given: Any) -> Declared | None:
    """Read the table of a field; None when it is no field at all."""
    if not isinstance(given, dict):
        reader.fault(WORDS("sources.type", key=name, given=given, wanted='a table such as { type = "integer" }'))
        return None
    reader.known(given, FIELD_KEYS)
    if not reader.needed(given, {"type": "what the values are, such as integer"}):
        return None
    try:
        kind = FieldType.parse(reader.text(given, "type"))
        grade = Grade.parse(reader.text(given, "grade", "L2"))
    except InputError as error:
        reader.fault(error.message)
        return None
    plain = Field(name, kind)
    field = Field(
        name,
        kind,
        required=reader.value(given, "required", bool, False, "true or false"),
        default=reader.held(plain, "default", given.get("default")),
        known_at=reader.text(given, "known_at"),
        grade=grade,
        personal=reader.value(given, "personal", bool, grade >= Grade.L3, "true or false"),
        description=reader.text(given, "description"),
        purposes=_purposes(reader, given),
    )
    check = _check(reader, plain, given)
    if "value" not in given:
        return Declared(field, check, reader.text(given, "column", name))
    if "column" in given:
        reader.fault(WORDS("sources.constant", key="column"))
    reader.held(plain, "value", given["value"])
    return Declared(field, check, None, constant=simple(given["value"]))


def _purposes(reader: Reader, given: Mapping[str, Any]) -> tuple[str, ...]:
    found = reader.texts(given, "purposes", ())
    for purpose in found:
        if not NAME.fullmatch(purpose):
            reader.fault(WORDS("sources.type", key="purposes", given=purpose, wanted="names such as credit or fraud"))
    return tuple(dict.fromkeys(found))


def _check(reader: Reader, field: Field, given: Mapping[str, Any]) -> Check:
    kind = field.type.kind
    allowed = given.get("allowed")
    if allowed is not None:
        if not isinstance(allowed, list) or not allowed:
            reader.fault(WORDS("sources.type", key="allowed", given=allowed, wanted="a list of at least one value"))
            allowed = None
        elif kind == "instant":
            reader.fault(WORDS("sources.check", key="allowed", type=kind, allowed="any type but instant"))
            allowed = None
        else:
            allowed = tuple(reader.held(field, "allowed", item) for item in allowed)
    bounds = {key: reader.held(field, key, given.get(key)) for key in ("min", "max")}
    for key, bound in bounds.items():
        if bound is not None and kind not in _ORDERED:
            reader.fault(WORDS("sources.check", key=key, type=kind, allowed=", ".join(_ORDERED)))
            bounds[key] = None
    if None not in bounds.values() and bounds["min"] > bounds["max"]:
        reader.fault(WORDS("sources.order", low=given["min"], high=given["max"]))
    if kind == "instant":
        bounds = {key: simple(given.get(key)) for key in bounds}
    pattern = reader.text(given, "pattern")
    if pattern and kind != "text":
        reader.fault(WORDS("sources.check", key="pattern", type=kind, allowed="text"))
    try:
        re.compile(pattern)
    except re.error as error:
        reader.fault(WORDS("sources.pattern", given=pattern, detail=str(error)))
        pattern = ""
    return Check(allowed, bounds["min"], bounds["max"], pattern)
