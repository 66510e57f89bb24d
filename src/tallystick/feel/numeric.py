"""The built-in functions of numbers, to 34 digits; a wrong type or number of arguments gives null."""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
)
from typing import Any

from tallystick.feel import temporal
from tallystick.feel.civil import SPANS, Months, nanos_of, span_of
from tallystick.feel.operations import NUMBERS
from tallystick.feel.registry import Registrar

EXACT = NUMBERS.copy()
"""Enough digits for every sum of decimal128 numbers of moderate exponents; still bounded."""
EXACT.prec = 7_000
_builtin = Registrar()
BUILTINS = _builtin.found
_N = Decimal
_SCALES = (-6111, 6176)


def _rounder(name: str, rounding: str, *forms: str) -> None:
    @_builtin(name, *forms, types=(_N, _N))
    def rounded(n: Decimal, scale: Decimal = Decimal(0)) -> Decimal | None:
        if not _SCALES[0] <= scale <= _SCALES[1]:
            return None
        result = n.quantize(Decimal(1).scaleb(-int(scale), EXACT), rounding, EXACT)
        return NUMBERS.plus(result) if scale >= 0 else NUMBERS.plus(Decimal(int(result)))


for _name, _rounding in (
    ("decimal", ROUND_HALF_EVEN),
    ("round up", ROUND_UP),
    ("round down", ROUND_DOWN),
    ("round half up", ROUND_HALF_UP),
    ("round half down", ROUND_HALF_DOWN),
    ("round half even", ROUND_HALF_EVEN),
):
    _rounder(_name, _rounding, "n, scale")
_rounder("floor", ROUND_FLOOR, "n, scale?")
_rounder("ceiling", ROUND_CEILING, "n, scale?")


@_builtin("abs", "n", types=((_N, *SPANS, Months),))
def _abs(n: Any) -> Any:
    if type(n) is Months:
        return Months(abs(n.months))
    return n.copy_abs() if type(n) is Decimal else span_of(abs(nanos_of(n)))


@_builtin("modulo", "dividend, divisor", types=(_N, _N))
def _modulo(dividend: Decimal, divisor: Decimal) -> Decimal:
    rest = EXACT.remainder(dividend, divisor)
    return NUMBERS.plus(EXACT.add(rest, divisor) if rest and (rest < 0) != (divisor < 0) else rest)


@_builtin("sqrt", "number", types=(_N,))
def _sqrt(number: Decimal) -> Decimal:
    return NUMBERS.sqrt(number)


@_builtin("log", "number", types=(_N,))
def _log(number: Decimal) -> Decimal | None:
    return NUMBERS.ln(number) if number > 0 else None


@_builtin("exp", "number", types=(_N,))
def _exp(number: Decimal) -> Decimal:
    return NUMBERS.exp(number)


@_builtin("odd", "number", types=(_N,))
def _odd(number: Decimal) -> bool | None:
    return bool(EXACT.remainder(number, Decimal(2))) if number == number.to_integral_value() else None


@_builtin("even", "number", types=(_N,))
def _even(number: Decimal) -> bool | None:
    return not EXACT.remainder(number, Decimal(2)) if number == number.to_integral_value() else None


@_builtin("number", "from, grouping separator?, decimal separator?")
def _number(text: Any, grouping: Any = None, point: Any = None) -> Decimal | None:
    if type(text) is list and len(text) == 1:
        text = text[0]
    if type(text) is not str or grouping not in (None, " ", ",", ".") or point not in (None, ",", "."):
        return None
    if grouping is not None and grouping == point:
        return None
    plain = text.replace(grouping, "") if grouping else text
    if point == ",":
        plain = plain.replace(".", "?").replace(",", ".")
    return NUMBERS.create_decimal(plain) if temporal.NUMBER_TEXT.fullmatch(plain) else None
