"""Why an expression is null: a reason for every null, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tallystick.core import Language, Message
from tallystick.feel import expr as ir
from tallystick.feel.budget import BUDGET, CALLS_MAX, STEPS_MAX
from tallystick.feel.compiler import compile_expr
from tallystick.feel.functions import BUILTINS, show
from tallystick.feel.operations import Function
from tallystick.feel.spelling import spell
from tallystick.feel.tokens import normal
from tallystick.feel.types import type_name
from tallystick.feel.words import WORDS

_MEASURED = ("number", "string", "days and time duration", "years and months duration")
_SHOWN = 200
"""The most characters of an expression or value in a reason."""


def causes(
    expr: ir.Expr, values: Mapping[str, Any], now: datetime | None = None, language: Language = "en"
) -> tuple[str, ...]:
    """Why an expression is null: the innermost parts that have no value, each with its reason.

    Parameters
    ----------
    expr
        The expression; unary tests have no causes.
    values, now
        What it was run with.
    language
        "en" or "zh".

    Returns
    -------
    tuple of str
        The reasons, each once; none when the expression is not null.

    Examples
    --------
    >>> from tallystick.feel import parse
    >>> causes(parse("a / b + 1", ["a", "b"]), {"a": Decimal(1), "b": Decimal(0)})
    ('a / b divides by zero',)
    """
    if isinstance(expr, ir.Tests):
        return ()
    return tuple(dict.fromkeys(message.text(language) for message in _Reader(values, now).of((expr,))))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class _Reader:
    """Runs parts of an expression again, on the values it was run with."""

    def __init__(self, values: Mapping[str, Any], now: datetime | None) -> None:
        self.values, self.now = values, now

    def value(self, expr: ir.Expr) -> Any:
        return compile_expr(expr)(self.values, self.now)

    def of(self, exprs: Iterable[ir.Expr | None]) -> list[Message]:
        """The reasons of those that are null."""
        found: list[Message] = []
        for expr in exprs:
            if expr is not None and self.value(expr) is None:
                found += self.why(expr)
        return found

    def why(self, expr: ir.Expr) -> list[Message]:
        """The reasons why one node is null."""
        BUDGET.exhausted = False
        if self.value(expr) is None and BUDGET.exhausted:
            return [self._said("feel.cause.steps", expr, steps=STEPS_MAX, calls=CALLS_MAX)]
        match expr:
            case ir.Null():
                return [WORDS("feel.cause.null")]
            case ir.Name(name):
                return [WORDS("feel.cause.input", name=name)]
            case ir.Unknown(name):
                return [WORDS("feel.cause.unknown", name=name)]
            case ir.Unreadable(text):
                return [WORDS("feel.cause.literal", text=text)]
            case ir.If(condition, yes, no):
                return self.why(yes if self.value(condition) is True else no)
            case ir.Path(ir.Entries(names, values), name) if names.count(name) == 1:
                return self._entry(names, values, name)
            case ir.Path(base, name):
                return self.of([base]) or [self._member(expr, base, name)]
            case ir.Entries():
                return [self._said("feel.cause.keys", expr)]
            case ir.InstanceOf(_, kind):
                return [WORDS("feel.cause.type", type=str(getattr(kind, "name", "")))]
            case ir.External():
                return [self._said("feel.cause.external", expr)]
            case ir.Filter(base, condition):
                return self.of([base]) or [self._filter(expr, base, condition)]
            case ir.For(_, sources, _) | ir.Quantified(_, _, sources, _):
                return self._sources(expr, sources)
            case ir.Call(function, arguments):
                return self._call(expr, function, arguments)
            case ir.Invoke(function, arguments):
                return self._invoke(expr, function, arguments)
            case _:
                return self._operator(expr)

    def _said(self, code: str, expr: ir.Expr, **given: Any) -> Message:
        return WORDS(code, node=_short(spell(expr)), **given)

    def _shown(self, exprs: Iterable[ir.Expr]) -> str:
        return _short(", ".join(show(self.value(expr)) for expr in exprs)) or "nothing"

    def _member(self, expr: ir.Expr, base: ir.Expr, name: str) -> Message:
        value = self.value(base)
        if type(value) is dict and name in value:
            return self._said("feel.cause.empty", expr)
        return self._said("feel.cause.member", expr, type=type_name(value), name=name)

    def _entry(self, names: tuple[str, ...], values: tuple[ir.Expr, ...], name: str) -> list[Message]:
        """The reasons why an entry of a context that is written out is null."""
        seen = dict(self.values)
        for key, value in zip(names, values, strict=True):
            reader = _Reader(seen, self.now)
            if key == name:
                return reader.why(value)
            # A function that sees itself is read as a part of its context only.
            whole = ir.Path(ir.Entries((key,), (value,)), key) if isinstance(value, ir.Lambda) else value
            seen[normal(key)] = reader.value(whole)
        raise AssertionError(name)

    def _filter(self, expr: ir.Expr, base: ir.Expr, condition: ir.Expr) -> Message:
        items = self.value(base)
        if not isinstance(condition, ir.ItemName) and ir.names_in(condition) <= set(self.values):
            index = None if _reads_item(condition) else self.value(condition)
            if type(index) is Decimal:
                count = len(items) if type(items) is list else 1
                return self._said("feel.cause.index", expr, index=show(index), count=count)
        return self._said("feel.cause.condition", expr)

    def _sources(self, expr: ir.Expr, sources: tuple[ir.Expr, ...]) -> list[Message]:
        known = [source for source in sources if ir.names_in(source) <= set(self.values)]
        below = [child for source in known if isinstance(source, ir.Span) for child in ir.children(source)]
        return self.of(below) or self.of(known) or [self._said("feel.cause.node", expr, given=self._shown(known))]

    def _call(self, expr: ir.Call, function: str, arguments: tuple[ir.Expr, ...]) -> list[Message]:
        builtin = BUILTINS[function]
        fits = builtin.positions(expr.names) is not None if expr.names else builtin.accepts(len(arguments))
        if not fits:
            forms = " / ".join(f"{function}({', '.join(form.names)})" for form in builtin.forms)
            return [self._said("feel.cause.arguments", expr, allowed=forms)]
        return self.of(arguments) or [self._said("feel.cause.call", expr, given=self._shown(arguments))]

    def _invoke(self, expr: ir.Expr, callee: ir.Expr, arguments: tuple[ir.Expr, ...]) -> list[Message]:
        function = self.value(callee)
        if function is None:
            return self.why(callee)
        if type(function) is not Function:
            return [self._said("feel.cause.callee", expr, type=type_name(function))]
        if len(arguments) != len(function.parameters) and not hasattr(function.call, "builtin"):
            return [self._said("feel.cause.arguments", expr, allowed=", ".join(function.parameters) or "-")]
        return self.of(arguments) or [self._said("feel.cause.body", expr, given=self._shown(arguments))]

    def _operator(self, expr: ir.Expr) -> list[Message]:
        parts = list(_operands(expr))
        below = self.of(parts)
        if below:
            return below
        values = [self.value(part) for part in parts]
        kinds = [type_name(value) for value in values]
        match expr:
            case ir.Logic():
                wrong = [(p, k) for p, k in zip(parts, kinds, strict=True) if k != "boolean"]
                return [self._said("feel.cause.boolean", part, type=kind) for part, kind in wrong]
            case ir.Binary("/", _, _) if not values[1]:
                return [self._said("feel.cause.zero", expr)]
            case ir.Binary() if kinds[0] == kinds[1] and kinds[0] in _MEASURED:
                return [self._said("feel.cause.range", expr)]
            case _ if len(parts) == 2:
                return [self._said("feel.cause.types", expr, left=kinds[0], right=kinds[1])]
            case _:
                return [self._said("feel.cause.node", expr, given=self._shown(parts))]


def _operands(expr: ir.Expr) -> Iterable[ir.Expr]:
    """The parts of an operator's node that can be run on their own."""
    match expr:
        case ir.In(operand, tests):
            yield operand
            for test in tests:
                if "?" not in ir.names_in(test):
                    yield from ir.children(test) if isinstance(test, ir.Test | ir.Range) else (test,)
        case ir.ItemName() | ir.Lambda():
            return
        case _:
            yield from (part for part in ir.children(expr) if not isinstance(part, ir.Kind))


def _reads_item(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.ItemName) or any(map(_reads_item, ir.children(expr)))
