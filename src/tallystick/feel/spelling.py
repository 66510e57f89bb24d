"""Expressions as text again."""

from __future__ import annotations

from tallystick.feel import expr as ir
from tallystick.feel.expr import Kind
from tallystick.feel.functions import show
from tallystick.feel.types import show_kind


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
        case ir.Tests(tests, negated):
            body = ", ".join(map(spell, tests)) or "-"
            return f"not({body})" if negated else body
        case ir.Test(op, operand):
            return f"{op} {_inner(operand)}"
        case ir.Range():
            return _range(expr)
        case ir.Null():
            return "null"
        case ir.Temporal(value):
            return f'@"{show(value)}"'
        case ir.Name(name) | ir.ItemName(name) | ir.Unknown(name) | ir.BuiltinName(name):
            return name
        case ir.Unreadable(text):
            return f"@{show(text)}"
        case ir.Path(base, name):
            return f"{_inner(base)}.{name}"
        case ir.Negate(operand):
            text = _inner(operand)
            # A number takes the sign for its own: -(5.x) is not -5.x.
            return f"-{text}" if isinstance(operand, ir.Number) or not text[0].isdecimal() else f"-({text})"
        case ir.Binary(op, left, right) | ir.Compare(op, left, right):
            return f"{_inner(left)} {op} {_inner(right)}"
        case ir.Chain(ops, (first, *operands)):
            return _inner(first) + "".join(
                f" {op} {_inner(operand)}" for op, operand in zip(ops, operands, strict=True)
            )
        case ir.Logic(op, operands):
            return f" {op} ".join(map(_inner, operands))
        case ir.Between(operand, low, high):
            return f"{_inner(operand)} between {_inner(low)} and {_inner(high)}"
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
            # A built-in as a value is called through brackets, else it would be read as its own call.
            called = f"({spell(callee)})" if _is_builtin(callee) else _inner(callee)
            return f"{called}({_arguments(arguments, names)})"
        case ir.Lambda(parameters, body, types):
            return f"function({_parameters(parameters, types)}) {spell(body)}"
        case ir.External(parameters, mapping, types):
            return f"function({_parameters(parameters, types)}) external {spell(mapping)}"
        case ir.For(names, sources, body):
            return f"for {_bindings(names, sources)} return {spell(body)}"
        case ir.Quantified(kind, names, sources, body):
            return f"{kind} {_bindings(names, sources)} satisfies {spell(body)}"
        case ir.Span(low, high):
            return f"{_inner(low)}..{_inner(high)}"
        case ir.InstanceOf(operand, kind):
            return f"{_inner(operand)} instance of {show_kind(kind)}"
        case _:
            raise AssertionError(expr)


_ATOMS = (
    ir.Number, ir.Text, ir.Flag, ir.Null, ir.Temporal, ir.Name, ir.ItemName, ir.Unknown, ir.Unreadable,
    ir.BuiltinName, ir.Path, ir.Items, ir.Entries, ir.Call, ir.Filter, ir.Range,
)  # fmt: skip


def _is_builtin(expr: ir.Expr | None) -> bool:
    return isinstance(expr, ir.BuiltinName) or (isinstance(expr, ir.ItemName) and _is_builtin(expr.outer))


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


def _parameters(names: tuple[str, ...], types: tuple[Kind | None, ...]) -> str:
    kinds = types or (None,) * len(names)
    pairs = zip(names, kinds, strict=True)
    return ", ".join(name if kind is None else f"{name}: {show_kind(kind)}" for name, kind in pairs)


def _bindings(names: tuple[str, ...], sources: tuple[ir.Expr, ...]) -> str:
    return ", ".join(f"{name} in {spell(source)}" for name, source in zip(names, sources, strict=True))
