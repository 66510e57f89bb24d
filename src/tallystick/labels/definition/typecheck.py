"""Types in FEEL text over labels and columns: comparisons and sums that can only be null are found before they run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from tallystick import feel
from tallystick.core import DefinitionError, FieldType
from tallystick.labels.definition.words import WORDS

_NUMBERS = ("money", "decimal", "integer", "real")
_OPEN = ""
_PARTS = frozenset(("year", "month", "day", "weekday", "hour", "minute", "second"))
_FLAGS = frozenset(("not", "contains", "starts with", "ends with", "list contains", "odd", "even", "all", "any"))


def kind_of(held: FieldType | None) -> str:
    """The FEEL kind of a held type: "number", "text", "flag", "instant", "date", or "" where it is not known.

    Examples
    --------
    >>> kind_of(FieldType.parse("money(EUR)")), kind_of(None)
    ('number', '')
    """
    return _OPEN if held is None else "number" if held.kind in _NUMBERS else held.kind


def check_types(expr: feel.Expr, types: Mapping[str, FieldType | None]) -> str:
    """The kind of an expression, "" where it is not known.

    Raises
    ------
    DefinitionError
        Where two kinds meet that can only give null.
    """
    match expr:
        case feel.Name(name):
            return kind_of(types.get(name))
        case feel.Number():
            return "number"
        case feel.Text():
            return "text"
        case feel.Flag():
            return "flag"
        case feel.Temporal(value):
            return "instant" if isinstance(value, datetime) else "date" if isinstance(value, date) else _OPEN
        case feel.Path(base, part):
            timed = check_types(base, types) in ("instant", "date") and part in _PARTS
            return "number" if timed else _OPEN
        case feel.Binary(op, left, right):
            return _arithmetic(expr, op, check_types(left, types), check_types(right, types))
        case feel.Chain(ops, operands):
            kind = check_types(operands[0], types)
            for op, right in zip(ops, operands[1:], strict=True):
                kind = _arithmetic(expr, op, kind, check_types(right, types))
            return kind
        case feel.Negate(operand):
            _agree(expr, "number", check_types(operand, types))
            return "number"
        case feel.Logic(_, operands):
            for operand in operands:
                _agree(expr, "flag", check_types(operand, types))
            return "flag"
        case feel.If(condition, yes, no):
            _agree(expr, "flag", check_types(condition, types))
            kinds = {check_types(part, types) for part in (yes, no) if not isinstance(part, feel.Null)}
            return kinds.pop() if len(kinds) == 1 else _OPEN
        case feel.Compare() | feel.Between() | feel.In():
            return _comparison(expr, types)
        case feel.Call(function) if function in _FLAGS:
            return "flag"
        case _:
            return _OPEN


def _arithmetic(whole: feel.Expr, op: str, first: str, second: str) -> str:
    if "flag" in (first, second):
        raise _fault(whole, first or second, second or first)
    if op == "+" and first == second == "text":
        return "text"
    if "text" in (first, second) and first and second:
        raise _fault(whole, first, second)
    return "number" if first == second == "number" else _OPEN


def _comparison(expr: feel.Expr, types: Mapping[str, FieldType | None]) -> str:
    match expr:
        case feel.Compare(_, left, right):
            _agree(expr, check_types(left, types), check_types(right, types))
        case feel.Between(operand, low, high):
            kind = check_types(operand, types)
            for end in (low, high):
                _agree(expr, kind, check_types(end, types))
        case feel.In(operand, tests):
            kind = check_types(operand, types)
            for test in tests:
                for part in _compared(test):
                    _agree(expr, kind, check_types(part, types))
    return "flag"


def _compared(test: feel.Expr) -> list[feel.Expr]:
    """What the operand of an `in` is compared with."""
    match test:
        case feel.Test(_, operand):
            return [operand]
        case feel.Range(low, high):
            return [end for end in (low, high) if end is not None]
        case feel.Items(items):
            return [part for item in items for part in _compared(item)]
        case feel.Number() | feel.Text() | feel.Temporal() | feel.Negate():
            return [test]
        case _:
            return []


def _agree(whole: feel.Expr, left: str, right: str) -> None:
    if left and right and left != right:
        raise _fault(whole, left, right)


def _fault(whole: feel.Expr, left: str, right: str) -> DefinitionError:
    return DefinitionError(WORDS("labels.feel_types", given=feel.spell(whole), left=left, right=right))
