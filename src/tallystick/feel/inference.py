"""What is known of an expression without running it: the type that it surely gives, and whether it keeps `partial`."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.feel import expr as ir
from tallystick.feel.expr import ContextOf, Kind, ListOf, Plain, RangeOf
from tallystick.feel.types import ANY

_READING = frozenset(("count", "sum", "min", "max", "mean", "median", "product", "all", "any", "list contains"))
_NUMBER, _STRING, _BOOLEAN = Plain("number"), Plain("string"), Plain("boolean")


def inferred(expr: ir.Expr, types: Mapping[str, Kind | None]) -> Kind:
    """The type of every value that an expression gives when it is not null; Any where that is open.

    Examples
    --------
    >>> inferred(ir.Binary("+", ir.Name("a"), ir.Number(1)), {"a": Plain("number")})
    Plain(name='number')
    """
    match expr:
        case ir.Name(name):
            return types.get(name) or ANY
        case ir.Number():
            return _NUMBER
        case ir.Text():
            return _STRING
        case ir.Null():
            return Plain("Null")
        case (
            ir.Flag() | ir.Compare() | ir.Logic() | ir.Between() | ir.In() | ir.Quantified() | ir.InstanceOf()
            | ir.Test() | ir.Tests()
        ):  # fmt: skip
            return _BOOLEAN
        case ir.Negate(operand):
            return inferred(operand, types)
        case ir.Binary(op, left, right):
            kinds = {inferred(left, types), inferred(right, types)}
            return kinds.pop() if kinds == {_NUMBER} or (op == "+" and kinds == {_STRING}) else ANY
        case ir.Chain(_, operands):
            return _NUMBER if all(inferred(operand, types) == _NUMBER for operand in operands) else ANY
        case ir.If(_, yes, no):
            return _joined([inferred(yes, types), inferred(no, types)])
        case ir.Items(items):
            return ListOf(_joined([inferred(item, types) for item in items]))
        case ir.Range(low, high):
            return RangeOf(_joined([inferred(end, types) for end in (low, high) if end is not None]))
        case ir.Entries(names, values):
            return ContextOf(names, tuple(inferred(value, types) for value in values))
        case ir.For(names, _, body):
            inner = {name: kind for name, kind in types.items() if name not in (*names, "partial")}
            return ListOf(inferred(body, inner))
        case _:
            return ANY


def _joined(kinds: list[Kind]) -> Kind:
    found = {kind for kind in kinds if kind != Plain("Null")}
    return found.pop() if len(found) == 1 else Plain("Null") if kinds and not found else ANY


def keeps_partial(expr: ir.Expr) -> bool:
    """Whether a loop's body may give or store `partial` itself, instead of reading from it."""
    match expr:
        case ir.Name("partial"):
            return True
        case ir.Filter(ir.Name("partial"), condition):
            return keeps_partial(condition)
        case ir.Call(function, (ir.Name("partial"), *others)) if function in _READING:
            return any(map(keeps_partial, others))
        case _:
            return any(map(keeps_partial, ir.children(expr)))
