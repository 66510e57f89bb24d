"""The types of source columns and of rules, as a label file writes them."""

from __future__ import annotations

from typing import Any

import msgspec

from tallystick.core import FieldType, minor_digits


class FieldSpec(msgspec.Struct, frozen=True):
    """The type of a source column; a field with `known_at` reads `default` until that column's instant."""

    type: FieldType
    default: Any = None
    known_at: str = ""


def money(currency: str, default: int | None = None, known_at: str = "") -> FieldSpec:
    """An amount in whole minor units of `currency` (ISO 4217); raises `InputError` for another code."""
    return FieldSpec(FieldType("money", currency, minor_digits(currency)), default, known_at)


def decimal(scale: int, default: int | None = None, known_at: str = "") -> FieldSpec:
    """A number held as whole multiples of 10^-`scale`, 0 to 18."""
    return FieldSpec(FieldType.parse(f"decimal({scale})"), default, known_at)


def integer(default: int | None = None, known_at: str = "") -> FieldSpec:
    """A whole number of 64 bits."""
    return FieldSpec(FieldType("integer"), default, known_at)


def real(default: float | None = None, known_at: str = "") -> FieldSpec:
    """A float: it can be compared and counted, never summed."""
    return FieldSpec(FieldType("real"), default, known_at)


def text(default: str | None = None, known_at: str = "") -> FieldSpec:
    """Text."""
    return FieldSpec(FieldType("text"), default, known_at)


def flag(default: bool | None = None, known_at: str = "") -> FieldSpec:
    """True or false; sums and means count the true ones."""
    return FieldSpec(FieldType("flag"), default, known_at)


def instant(default: int | None = None, known_at: str = "") -> FieldSpec:
    """An instant, held as microseconds UTC."""
    return FieldSpec(FieldType("instant"), default, known_at)


def date(known_at: str = "") -> FieldSpec:
    """A calendar date."""
    return FieldSpec(FieldType("date"), None, known_at)
