"""Currencies in FEEL text over labels and columns: amounts of two are never added, subtracted or compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tallystick import feel
from tallystick.core import DefinitionError, FieldType
from tallystick.labels.definition.words import WORDS

Types = Mapping[str, FieldType | None]

_NONE = ""
_SAME = ("abs", "floor", "ceiling", "decimal", "round up", "round down", "round half up", "round half down")
"""What gives an amount of its first argument's currency."""
_POOLED = ("min", "max", "sum", "mean", "median", "stddev", "mode")
"""What adds or compares all its arguments."""


def check_currencies(expr: feel.Expr, types: Types) -> str:
    """The currency of an expression's amount, "" where it is no amount or its currency is not known.

    A plain number goes with every currency. The quotient of two amounts is plain, whatever their currencies.

    Raises
    ------
    DefinitionError
        Where amounts of two currencies are added, subtracted or compared.

    Examples
    --------
    >>> euro = {"spend": FieldType.parse("money(EUR)")}
    >>> check_currencies(feel.parse("spend * 2 + 1", euro), euro)
    'EUR'
    >>> check_currencies(feel.parse("spend / spend", euro), euro)
    ''
    """
    match expr:
        case feel.Name(name):
            held = types.get(name)
            return held.currency if held is not None else _NONE
        case feel.Binary(op, left, right):
            return _arithmetic(expr, op, check_currencies(left, types), check_currencies(right, types))
        case feel.Chain(ops, operands):
            found = check_currencies(operands[0], types)
            for op, right in zip(ops, operands[1:], strict=True):
                found = _arithmetic(expr, op, found, check_currencies(right, types))
            return found
        case feel.Negate(operand):
            return check_currencies(operand, types)
        case feel.If(condition, yes, no):
            check_currencies(condition, types)
            return _one(expr, (yes, no), types)
        case feel.Compare() | feel.Between() | feel.In():
            _one(expr, feel.children(expr), types)
            return _NONE
        case feel.Test() | feel.Range():
            return _one(expr, feel.children(expr), types)
        case feel.Call(function, arguments):
            return _call(expr, function, arguments, types)
        case _:
            inner = _inner(expr, types)
            for part in feel.children(expr):
                check_currencies(part, inner)
            return _NONE


def check_result(source: str, expr: feel.Expr, operands: Types, result: FieldType) -> None:
    """Raise `DefinitionError` where a rule mixes currencies, or gives amounts in one that none of its operands has."""
    found = check_currencies(expr, operands)
    held = list(dict.fromkeys(kind.currency for kind in operands.values() if kind is not None and kind.currency))
    given = [found] if found else held
    if result.currency and given and result.currency not in given:
        raise DefinitionError(WORDS("labels.rule_currency", given=source, type=str(result), held=", ".join(given)))


def _arithmetic(whole: feel.Expr, op: str, left: str, right: str) -> str:
    if op in "+-":
        return _agreed(whole, (left, right))
    if op == "*":
        return _NONE if left and right else left or right
    return left if op == "/" and not right else _NONE


def _call(whole: feel.Expr, function: str, arguments: tuple[feel.Expr, ...], types: Types) -> str:
    if function in _POOLED:
        items = [part for one in arguments for part in (one.items if isinstance(one, feel.Items) else (one,))]
        return _one(whole, items, types)
    found = [check_currencies(part, types) for part in arguments]
    return found[0] if function in _SAME and found else _NONE


def _one(whole: feel.Expr, parts: Iterable[feel.Expr], types: Types) -> str:
    """The one currency of some parts; a list counts by its items."""
    found = []
    for part in parts:
        found.append(_one(whole, part.items, types) if isinstance(part, feel.Items) else check_currencies(part, types))
    return _agreed(whole, found)


def _agreed(whole: feel.Expr, found: Iterable[str]) -> str:
    currencies = list(dict.fromkeys(one for one in found if one))
    if len(currencies) > 1:
        first, second = currencies[:2]
        raise DefinitionError(WORDS("labels.currencies", given=feel.spell(whole), left=first, right=second))
    return currencies[0] if currencies else _NONE


def _inner(expr: feel.Expr, types: Types) -> Types:
    """The types without the names that an expression binds itself."""
    match expr:
        case feel.For(names) | feel.Entries(names) | feel.Lambda(names):
            bound = frozenset(names)
        case feel.Quantified(_, names):
            bound = frozenset(names)
        case _:
            return types
    return {name: kind for name, kind in types.items() if name not in bound}
