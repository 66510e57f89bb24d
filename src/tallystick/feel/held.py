"""How values held in columns and events enter FEEL."""

from __future__ import annotations

import math
from decimal import Decimal, DecimalException, Inexact
from typing import Any

from tallystick.core import FieldType, InputError, to_datetime
from tallystick.feel.civil import DATES, MOMENTS, SPANS, TIMES, Months
from tallystick.feel.operations import NUMBERS, Function, Interval
from tallystick.feel.words import WORDS


def to_feel(held: Any, field_type: FieldType, zone: str = "UTC") -> Any:
    """The FEEL value of a held value.

    Parameters
    ----------
    held
        As `FieldType` says: minor units, scaled int, int, float, str, bool, int microseconds, date, or None.
    field_type
        Its type. Money becomes Decimal major units, a real `Decimal(repr(x))`.
    zone
        The zone in which an instant is seen.

    Returns
    -------
    object
        A FEEL value; a float that is not finite is null.

    Examples
    --------
    >>> to_feel(1250, FieldType.parse("money(EUR)")), to_feel(0.1, FieldType("real"))
    (Decimal('12.50'), Decimal('0.1'))
    """
    if held is None:
        return None
    match field_type.kind:
        case "money" | "decimal":
            return Decimal(held).scaleb(-field_type.scale, NUMBERS)
        case "integer":
            return Decimal(held)
        case "real":
            return _real(held)
        case "instant":
            return to_datetime(held, zone)
        case _:
            return held


def lift(value: Any) -> Any:
    """A FEEL value from a Python value: int and float become Decimal, a float by its shortest text.

    A float that is not finite is null.

    Raises
    ------
    InputError
        For a type that FEEL does not have, and for a number that is not finite or has more than 34 digits.

    Examples
    --------
    >>> lift({"score": 0.1, "tags": ["a", None]})
    {'score': Decimal('0.1'), 'tags': ['a', None]}
    """
    kind = type(value)
    if kind is Decimal:
        return exact(value)
    if kind in _PLAIN:
        return value
    if kind is int:
        return exact(Decimal(value))
    if kind is float:
        return _real(value)
    if isinstance(value, list | tuple):
        return [lift(item) for item in value]
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {key: lift(item) for key, item in value.items()}
    if isinstance(value, str):
        return str(value)
    raise InputError(WORDS("feel.value", given=value, type=kind.__name__))


def exact(number: Decimal) -> Decimal:
    """A number that FEEL holds just as it is.

    Raises
    ------
    InputError
        When it is not finite, has more than 34 digits, or lies beyond decimal128.
    """
    try:
        if number.is_finite():
            EXACT.plus(number)
            return number if number else number.copy_abs()
    except DecimalException:
        pass
    raise InputError(WORDS("feel.number", given=str(number)[:80]))


def _real(value: float) -> Decimal | None:
    # Both zeros are one number in FEEL, so they must be one text too.
    return Decimal(repr(value + 0.0)) if math.isfinite(value) else None


EXACT = NUMBERS.copy()
"""As FEEL's numbers, but refuses to lose a digit."""
EXACT.traps[Inexact] = True
_PLAIN = frozenset((str, bool, type(None), *DATES, *MOMENTS, *TIMES, *SPANS, Months, Interval, Function))
