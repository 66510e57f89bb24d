"""What a held value must obey: the same verdict for one event and for a column."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import polars as pl

from tallystick.core import (
    Field,
    InputError,
    Message,
    Span,
    format_instant,
    format_minor,
    is_late,
    parse_instant,
    parse_value,
    to_instant,
)
from tallystick.data.columns import INSTANT
from tallystick.data.source import Check, Source
from tallystick.data.words import WORDS


def check_value(field: Field, check: Check, value: Any, zone: str) -> Message | None:
    """Why a held value breaks `check`, or None."""
    if value is None:
        return None
    low, high = _bound(field, check.min, zone), _bound(field, check.max, zone)
    given = shown(field, value)
    if check.allowed is not None and value not in check.allowed:
        allowed = ", ".join(shown(field, item) for item in check.allowed)
        return WORDS("row.allowed", name=field.name, given=given, allowed=allowed)
    if low is not None and value < low:
        return WORDS("row.min", name=field.name, given=given, bound=shown(field, low))
    if high is not None and value > high:
        return WORDS("row.max", name=field.name, given=given, bound=shown(field, high))
    if check.pattern and not re.fullmatch(check.pattern, value):
        return WORDS("row.pattern", name=field.name, given=given, pattern=check.pattern)
    return None


def check_column(field: Field, check: Check, column: pl.Series, zone: str) -> dict[int, Message]:
    """The rows of a held column that break `check`, each with its reason."""
    bad = pl.lit(False)
    it = pl.col(column.name)
    for bound, breaks in ((check.min, it.__lt__), (check.max, it.__gt__)):
        held = _bound(field, bound, zone)
        if held is not None:
            bad |= breaks(pl.lit(held).cast(INSTANT) if field.type.kind == "instant" else pl.lit(held))
    if check.allowed is not None:
        bad |= ~it.is_in(list(check.allowed))
    rows = set(column.to_frame().select((bad & it.is_not_null()).alias("bad"))["bad"].arg_true().to_list())
    if check.pattern:
        wrong = [text for text in column.drop_nulls().unique() if not re.fullmatch(check.pattern, text)]
        rows |= set(column.is_in(wrong).fill_null(False).arg_true().to_list())
    found = {}
    for row in sorted(rows):
        value = column[row]
        value = to_instant(value) if field.type.kind == "instant" else value
        message = check_value(field, check, value, zone)
        assert message is not None, (field.name, value)
        found[row] = message
    return found


def missing_value(field: Field) -> Message:
    """The message for a required field without a value."""
    try:
        parse_value(field, None)
    except InputError as error:
        return error.message
    raise AssertionError(field.name)


def check_time(source: Source, at: int, known_at: int, revision: int) -> Message | None:
    """Why a fact's instants and revision number cannot be, or None."""
    if revision < 0:
        return WORDS("row.revision", given=revision)
    if revision == 0 and is_late(at, known_at, source.lateness):
        lateness: Span = source.lateness
        return WORDS("row.late", known_at=format_instant(known_at), at=format_instant(at), lateness=str(lateness))
    return None


def shown(field: Field, value: Any) -> str:
    """A held value as people write it."""
    if field.type.kind == "money":
        return format_minor(value, field.type.currency)
    if field.type.kind == "decimal":
        return str(Decimal(value).scaleb(-field.type.scale))
    if field.type.kind == "instant":
        return format_instant(value)
    return str(value)


def _bound(field: Field, bound: Any, zone: str) -> Any:
    return parse_instant(bound, zone) if field.type.kind == "instant" and bound is not None else bound
