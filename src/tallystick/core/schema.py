"""Field types: how a value of a source, an event or a label is held, checked and shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

import msgspec

from tallystick.core.errors import InputError
from tallystick.core.money import minor_digits, parse_scaled
from tallystick.core.time import parse_instant, to_instant
from tallystick.core.words import WORDS

_TYPE = re.compile(r"(money)\((\w+)\)|(decimal)\((\d{1,2})\)|(integer|real|text|flag|instant|date)")
_ALLOWED = "money(EUR), decimal(4), integer, real, text, flag, instant, date"
_TRUE = {"1", "true", "t", "yes", "y"}
_FALSE = {"0", "false", "f", "no", "n"}
_INT64 = 2**63


class Grade(IntEnum):
    """Sensitivity of a column after JR/T 0197: L1 (public) to L5 (gravest harm)."""

    L1 = 1
    L2 = 2
    L3 = 3
    L4 = 4
    L5 = 5

    @classmethod
    def parse(cls, text: str) -> Grade:
        """Read "L1" to "L5"; raises `InputError` for anything else."""
        try:
            return cls[text]
        except KeyError:
            raise InputError(WORDS("grade.text", given=text)) from None


class FieldType(msgspec.Struct, frozen=True):
    """The type of one column.

    | kind | held as | text from outside |
    |---|---|---|
    | money | int64 minor units of `currency` | decimal text, exact: 12.50, 1e+05 |
    | decimal | int64 of 10^-`scale` | decimal text, exact |
    | integer | int64 | whole number |
    | real | float64, never summed | decimal text |
    | text | str | any text |
    | flag | bool | true/false, yes/no, 1/0 |
    | instant | int64 microseconds UTC | RFC 3339, or local time in the project's zone |
    | date | int32 days since 1970-01-01 in columns, `datetime.date` in events | 2026-03-01 |

    Examples
    --------
    >>> FieldType.parse("money(EUR)")
    FieldType(kind='money', currency='EUR', scale=2)
    """

    kind: str
    currency: str = ""
    scale: int = 0

    @classmethod
    def parse(cls, text: str) -> FieldType:
        """Read "money(EUR)", "decimal(4)", "integer", "real", "text", "flag", "instant" or "date"."""
        match = _TYPE.fullmatch(text.strip())
        if match is None:
            raise InputError(WORDS("field.type", given=text, allowed=_ALLOWED))
        if match[1]:
            return cls("money", match[2], minor_digits(match[2]))
        if match[3]:
            if int(match[4]) > 18:
                raise InputError(WORDS("field.type", given=text, allowed="decimal(0) to decimal(18)"))
            return cls("decimal", scale=int(match[4]))
        return cls(match[5])

    def __str__(self) -> str:
        return {"money": f"money({self.currency})", "decimal": f"decimal({self.scale})"}.get(self.kind, self.kind)


class Field(msgspec.Struct, frozen=True):
    """One column of a source: its name, type and rules.

    `known_at` names the column that says when a late-confirmed value could be known; until then the field reads
    `default`. `personal` fields are encrypted under the subject's key wherever they are journalled. `purposes` are what
    the column may be used for; without any, for everything.
    """

    name: str
    type: FieldType
    required: bool = False
    default: Any = None
    known_at: str = ""
    grade: Grade = Grade.L2
    personal: bool = False
    description: str = ""
    purposes: tuple[str, ...] = ()


def parse_value(field: Field, given: Any, zone: str = "UTC") -> Any:
    """Turn a value from outside (CSV or JSON) into the form in which it is held.

    Parameters
    ----------
    field
        Its type and rules.
    given
        Text, or a JSON value. Empty text is no value, except in a text field, where it stays "".
    zone
        Time zone of local times.

    Returns
    -------
    object
        int for money, decimal, integer and instant; float, str, bool, `datetime.date`; or None.

    Raises
    ------
    InputError
        When the value is not of the type, or a required one is missing. Nothing is rounded or guessed.
    """
    if given is None or (given == "" and field.type.kind != "text"):
        if field.required:
            raise InputError(WORDS("field.null", name=field.name))
        return None
    try:
        return _PARSERS[field.type.kind](field.type, given, zone)
    except (InputError, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, InputError) and error.code in ("time.twice", "time.skipped"):
            raise InputError(WORDS("field.time", name=field.name, why=error.message)) from None
        allowed = error.message if isinstance(error, InputError) else _EXAMPLES[field.type.kind]
        raise InputError(
            WORDS("field.value", name=field.name, given=_short(given), type=str(field.type), allowed=allowed)
        ) from None


def _short(given: Any) -> Any:
    return given[:57] + "..." if isinstance(given, str) and len(given) > 60 else given


def _scaled(kind: FieldType, given: Any, zone: str) -> int:
    # A JSON float is read by its shortest text, which is what its sender wrote.
    text = repr(given) if isinstance(given, float) else given
    return parse_scaled(text, kind.scale, kind.currency or str(kind))


def _real(kind: FieldType, given: Any, zone: str) -> float:
    if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
        raise ValueError
    if isinstance(given, str) and ("_" in given or not given.isascii()):
        raise ValueError
    number = float(given)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError
    return number + 0.0


def _text(kind: FieldType, given: Any, zone: str) -> str:
    if not isinstance(given, str):
        raise ValueError
    return given


def _flag(kind: FieldType, given: Any, zone: str) -> bool:
    if isinstance(given, bool):
        return given
    lowered = str(given).strip().lower()
    if lowered in _TRUE or lowered in _FALSE:
        return lowered in _TRUE
    raise ValueError


def _instant(kind: FieldType, given: Any, zone: str) -> int:
    if isinstance(given, bool):
        raise ValueError
    if isinstance(given, int):
        if not -_INT64 <= given < _INT64:
            raise ValueError
        return given
    if isinstance(given, datetime):
        return to_instant(given) if given.tzinfo else parse_instant(given.isoformat(), zone)
    if not isinstance(given, str):
        raise ValueError
    return parse_instant(given, zone)


def _date(kind: FieldType, given: Any, zone: str) -> date:
    if isinstance(given, datetime) or not isinstance(given, str | date):
        raise ValueError
    return date.fromisoformat(given) if isinstance(given, str) else given


_PARSERS: Mapping[str, Any] = {
    "money": _scaled,
    "decimal": _scaled,
    "integer": _scaled,
    "real": _real,
    "text": _text,
    "flag": _flag,
    "instant": _instant,
    "date": _date,
}
_EXAMPLES: Mapping[str, str] = {
    "money": "12.50",
    "decimal": "0.0125",
    "integer": "42",
    "real": "0.5, finite",
    "text": "text",
    "flag": "true, false, yes, no, 1, 0",
    "instant": "2026-03-01T08:30:00Z",
    "date": "2026-03-01",
}
