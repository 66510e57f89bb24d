"""Texts that are one literal, or one test against literals: most cells of decision tables are, and are read at once."""

from __future__ import annotations

import re

from tallystick.feel import expr as ir
from tallystick.feel.operations import NUMBERS

_NUMBER = r"(-?)((?:\d{1,100}(?:\.\d{1,100})?|\.\d{1,100}))"
_LENGTH_MAX = 1_000
"""Longer texts go the whole way."""
_LITERAL = re.compile(rf'\s*(?:{_NUMBER}|"([^"\\]*)")\s*', re.ASCII)
_TEST = re.compile(rf"\s*(<=?|>=?)\s*{_NUMBER}\s*", re.ASCII)
_RANGE = re.compile(rf"\s*([\[(\]])\s*{_NUMBER}\s*\.\.\s*{_NUMBER}\s*([\])\[])\s*", re.ASCII)


def literal_in(text: str) -> ir.Expr | None:
    """The one number or string that a text is, or None."""
    match = _LITERAL.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    if match is None:
        return None
    sign, digits, body = match.groups()
    return ir.Text(body) if body is not None else _number(sign, digits)


def single_test(text: str) -> ir.Expr | None:
    """The one test of a cell: a literal, a comparison with a number, or a range of numbers; or None."""
    if len(text) > _LENGTH_MAX:
        return None
    if match := _TEST.fullmatch(text):
        return ir.Test(match[1], _number(match[2], match[3]))
    if match := _RANGE.fullmatch(text):
        opening, low_sign, low, high_sign, high, closing = match.groups()
        return ir.Range(_number(low_sign, low), _number(high_sign, high), opening == "[", closing == "]")
    return literal_in(text)


def _number(sign: str, digits: str) -> ir.Expr:
    number = ir.Number(NUMBERS.create_decimal(digits))
    return ir.Negate(number) if sign else number
