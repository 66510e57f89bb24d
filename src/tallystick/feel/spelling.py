"""Expressions as text again, and why one of them is null."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tallystick.feel import expr as ir
from tallystick.feel.compiler import compile_expr
from tallystick.feel.functions import show
from tallystick.feel.words import WORDS


def spell(expr: ir.Expr) -> str:
    """The one text of an expression: it does not depend on white space, comments or spare parentheses.

    Examples
    --------
    >>> from tallystick.feel import parse
    >>> spell(parse("a+ b  *2 // note", ["a", "b"]))
    'a + (b * 2)'
    """
    match expr:
        case ir.Number(value) | ir.Text(value) | ir.Flag(value):
            return show(value)
        case ir.Null():
            return "null"
        case ir.Temporal(value):
            return f'@"{show(value)}"'
        case ir.Name(name) | ir.ItemName(name, _):
            return name
        case ir.Path(base, name):
            return f"{_inner(base)}.{name}"
        case ir.Negate(operand):
            return f"-{_inner(operand)}"
        case ir.Binary(op, left, right) | ir.Compare(op, left, right):
            return f"{_inner(left)} {op} {_inner(right)}"
        case ir.Logic(op, operands):
            return f" {op} ".join(map(_inner, operands))
        case ir.Between(operand, low, high):
            return f"{_inner(operand)} between {_inner(low)} and {_inner(high)}"
        case ir.Range():
            return _range(expr)
        case ir.Test(op, operand):
            return f"{op} {_inner(operand)}"
        case ir.Tests(tests, negated):
            body = ", ".join(map(spell, tests)) or "-"
            return f"not({body})" if negated else body
        case ir.In(operand, tests):
            return f"{_inner(operand)} in ({', '.join(map(spell, tests))})"
        case _:
            return _spell_structure(expr)


def _spell_structure(expr: ir.Expr) -> str:
    match expr:
        case ir.If(condition, yes, no):
            return f"if {spell(condition)} then {spell(yes)} else {spell(no)}"
        case ir.Items(items):
            return f"[{', '.join(map(spell, items))}]"
        case ir.Entries(names, values):
            pairs = zip(names, values, strict=True)
            return "{" + ", ".join(f"{show(name)}: {spell(value)}" for name, value in pairs) + "}"
        case ir.Filter(base, condition):
            return f"{_inner(base)}[{spell(condition)}]"
        case ir.Call(function, arguments, names):
            return f"{function}({_arguments(arguments, names)})"
        case ir.Invoke(callee, arguments, names):
            return f"{_inner(callee)}({_arguments(arguments, names)})"
        case ir.Lambda(parameters, body):
            return f"function({', '.join(parameters)}) {spell(body)}"
        case ir.For(names, sources, body):
            return f"for {_bindings(names, sources)} return {spell(body)}"
        case ir.Quantified(kind, names, sources, body):
            return f"{kind} {_bindings(names, sources)} satisfies {spell(body)}"
        case ir.Span(low, high):
            return f"{_inner(low)}..{_inner(high)}"
        case ir.InstanceOf(operand, kind):
            return f"{_inner(operand)} instance of {kind}"
        case _:
            raise AssertionError(expr)


_ATOMS = (
    ir.Number, ir.Text, ir.Flag, ir.Null, ir.Temporal, ir.Name, ir.ItemName, ir.Path, ir.Items, ir.Entries, ir.Call,
    ir.Filter, ir.Range,
)  # fmt: skip


def _inner(expr: ir.Expr) -> str:
    return spell(expr) if isinstance(expr, _ATOMS) else f"({spell(expr)})"


def _range(expr: ir.Range) -> str:
    if expr.low is None or expr.high is None:
        sign = "<" if expr.low is None else ">"
        end, closed = (expr.high, expr.high_closed) if expr.low is None else (expr.low, expr.low_closed)
        return f"({sign}{'=' if closed else ''} {spell(end) if end is not None else 'null'})"
    ends = "[" if expr.low_closed else "(", "]" if expr.high_closed else ")"
    return f"{ends[0]}{_inner(expr.low)}..{_inner(expr.high)}{ends[1]}"


def _arguments(arguments: tuple[ir.Expr, ...], names: tuple[str, ...]) -> str:
    texts = map(spell, arguments)
    return ", ".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True)) if names else ", ".join(texts)


def _bindings(names: tuple[str, ...], sources: tuple[ir.Expr, ...]) -> str:
    return ", ".join(f"{name} in {spell(source)}" for name, source in zip(names, sources, strict=True))


def causes(expr: ir.Expr, values: Mapping[str, Any], now: datetime | None = None) -> tuple[str, ...]:
    """Why an expression is null: the innermost nodes that have no value though their parts have, or a null input.

    Nodes below `for`, `some`, `every`, a filter, a context or a function are not taken apart.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from tallystick.feel import parse
    >>> causes(parse("a / b + 1", ["a", "b"]), {"a": Decimal(1), "b": Decimal(0)})
    ('a / b has no value for 1, 0',)
    """
    if isinstance(expr, ir.Tests | ir.Null) or compile_expr(expr)(values, now) is not None:
        return ()
    if isinstance(expr, ir.Name):
        return (WORDS("feel.cause.input", name=expr.name).text(),)
    parts = _parts(expr, values, now)
    below = [cause for part in parts for cause in causes(part, values, now)]
    if below:
        return tuple(dict.fromkeys(below))
    given = ", ".join(show(compile_expr(part)(values, now)) for part in parts) or "nothing"
    return (WORDS("feel.cause.node", node=spell(expr), given=given).text(),)


def _parts(expr: ir.Expr, values: Mapping[str, Any], now: datetime | None) -> list[ir.Expr]:
    """The parts that decide a node's value and can be read on their own."""
    match expr:
        case ir.For() | ir.Quantified() | ir.Entries() | ir.Lambda() | ir.Range():
            return []
        case ir.Filter(base, _):
            return [base]
        case ir.If(condition, yes, no):
            return [yes if compile_expr(condition)(values, now) is True else no]
        case ir.In(operand, _):
            return [operand]
        case _:
            return list(ir.children(expr))
