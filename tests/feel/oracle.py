"""FEEL by its plainest meaning: a walk over the tree, written from DMN 1.5 chapter 10.3 and not from the engine.

The engine's compiled expressions are compared with it on random ones. It takes and gives the values of
`oracle_values`; it is slow, without bounds, and knows nothing of types that are known beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.feel import oracle_more as oracle_more
from tests.feel.oracle_builtins import call
from tests.feel.oracle_values import (
    DAY,
    SECOND,
    Date,
    Ends,
    Func,
    Moment,
    Months,
    Span,
    Time,
    arithmetic,
    both,
    civil,
    compare,
    contains,
    either,
    equal,
    kind,
    negated,
    offset,
    ordering,
    plain,
    undecided,
)

from tallystick.feel import expr as ir
from tallystick.feel import normal

ITEMS = "\0items"
"""The key in a scope of the items of the filters around, the innermost first."""

Scope = dict[str, Any]


def run(expr: ir.Expr, values: Mapping[str, Any]) -> Any:
    """The plain value of an expression; `values` are the engine's."""
    return evaluate(expr, {name: plain(value) for name, value in values.items()} | {ITEMS: ()})


def holds(tests: ir.Tests, value: Any, values: Mapping[str, Any]) -> bool | None:
    """Whether a cell's unary tests hold for a value of the engine's."""
    scope = {name: plain(other) for name, other in values.items()} | {ITEMS: (), "?": plain(value)}
    if not tests.tests:
        return True
    found = either(*(_test(test, scope["?"], scope) for test in tests.tests))
    return found if not tests.negated or found is None else not found


def evaluate(expr: ir.Expr, scope: Scope) -> Any:
    match expr:
        case ir.Number(value) | ir.Text(value) | ir.Flag(value):
            return value
        case ir.Temporal(value):
            return plain(value)
        case ir.Null() | ir.Unknown() | ir.Unreadable() | ir.External():
            return None
        case ir.Name(name):
            return scope[name]
        case ir.BuiltinName(name):
            return Func(None, lambda *values: call(name, values))
        case ir.ItemName():
            return _item_name(expr, scope, scope[ITEMS])
        case ir.Items(items):
            return [evaluate(item, scope) for item in items]
        case ir.Negate(operand):
            return negated(evaluate(operand, scope))
        case ir.Binary(op, left, right):
            return arithmetic(op, evaluate(left, scope), evaluate(right, scope))
        case ir.Compare(op, left, right):
            return compare(op, evaluate(left, scope), evaluate(right, scope))
        case ir.Logic(op, operands):
            return (both if op == "and" else either)(*(evaluate(operand, scope) for operand in operands))
        case ir.If(condition, yes, no):
            return evaluate(yes if evaluate(condition, scope) is True else no, scope)
        case ir.Between(operand, low, high):
            value = evaluate(operand, scope)
            return both(compare(">=", value, evaluate(low, scope)), compare("<=", value, evaluate(high, scope)))
        case ir.In(operand, tests):
            value = evaluate(operand, scope)
            return either(*(_test(test, value, {**scope, "?": value}) for test in tests))
        case ir.InstanceOf(operand, wanted):
            value = evaluate(operand, scope)
            return value is not None and _is(value, wanted) if wanted != ir.Plain("Null") else value is None
        case _:
            return _structure(expr, scope)


def _structure(expr: ir.Expr, scope: Scope) -> Any:
    match expr:
        case ir.Range():
            return _range(expr, scope)
        case ir.Entries(names, values):
            return _context(names, values, scope)
        case ir.Path(base, name):
            return _path(evaluate(base, scope), name)
        case ir.Filter(base, condition):
            return _filter(evaluate(base, scope), condition, scope)
        case ir.Call(name, arguments, names):
            return call(name, [evaluate(argument, scope) for argument in arguments], names)
        case ir.Invoke(function, arguments, names):
            return _invoke(evaluate(function, scope), [evaluate(each, scope) for each in arguments], names)
        case ir.Lambda():
            return _lambda(expr, scope)
        case ir.For(names, sources, body):
            found: list[Any] = []
            return found if _loop(names, sources, body, {**scope, "partial": found}, found) else None
        case ir.Quantified(which, names, sources, body):
            results: list[Any] = []
            if not _loop(names, sources, body, scope, results):
                return None
            return (either if which == "some" else both)(*results)
    raise AssertionError(expr)


def _item_name(expr: ir.ItemName, scope: Scope, items: tuple[Any, ...]) -> Any:
    if isinstance(items[0], dict) and expr.name in items[0]:
        return items[0][expr.name]
    match expr.outer:
        case ir.ItemName():
            return _item_name(expr.outer, scope, items[1:])
        case ir.Expr():
            return evaluate(expr.outer, scope)
    return _path(items[0], expr.name) if not isinstance(items[0], list) else None


def _range(expr: ir.Range, scope: Scope) -> Any:
    low = None if expr.low is None else evaluate(expr.low, scope)
    high = None if expr.high is None else evaluate(expr.high, scope)
    if (expr.low is not None and low is None) or (expr.high is not None and high is None):
        return None
    if any(end is not None and ordering(end) is None for end in (low, high)):
        return None
    if low is not None and high is not None and compare("<=", low, high) is not True:
        return None
    return Ends(low, high, expr.low_closed, expr.high_closed)


def _test(test: ir.Expr, value: Any, scope: Scope) -> bool | None:
    """Rules 7 to 10: an end, a range, a list of any of these, an equal value, or a true expression over `?`."""
    match test:
        case ir.Test(op, operand):
            return compare(op, value, evaluate(operand, scope))
        case ir.Range(low, high, low_closed, high_closed):
            ends = [evaluate(end, scope) for end in (low, high) if end is not None]
            if len(ends) == 1 and (ends[0] is None or isinstance(value, Ends)):
                undecided("Table 55: `(< null)` is a range without a value, or a comparison with null")
            above = True if low is None else compare(">=" if low_closed else ">", value, evaluate(low, scope))
            below = True if high is None else compare("<=" if high_closed else "<", value, evaluate(high, scope))
            return both(above, below)
    return _matches(evaluate(test, scope), value, "?" in ir.names_in(test))


def _matches(found: Any, value: Any, asks: bool) -> bool | None:
    if asks and (found is None or isinstance(found, bool)):
        return found
    match found:
        case Ends() if not isinstance(value, Ends):
            return contains(found, value)
        case list():
            return equal(found, value) is True or any(_matches(each, value, False) is True for each in found)
    if isinstance(found, bool) and not isinstance(value, bool):
        undecided("7.3.3 and Table 55: a boolean that does not ask about `?`")
    return equal(value, found)


def _context(names: tuple[str, ...], values: tuple[ir.Expr, ...], scope: Scope) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        found[name] = evaluate(value, {**scope, **{normal(key): each for key, each in found.items()}})
    return found


def _path(base: Any, name: str) -> Any:
    if isinstance(base, list):
        return [_path(item, name) for item in base]
    if isinstance(base, dict):
        return base.get(name)
    return properties(base).get(name)


def properties(value: Any) -> dict[str, Any]:
    """Table 61: what a temporal value or range can be asked."""
    match value:
        case Date(day):
            year, month, number = civil(day)
            weekday = (day - 1) % 7 + 1
            return {n: Decimal(v) for n, v in zip(_DATE, (year, month, number, weekday), strict=True)}
        case Time(nanos, zone):
            return _clock(nanos, zone, zone if isinstance(zone, int) else None)
        case Moment(local, zone):
            shift = None if zone is None else offset(local, zone)
            return properties(Date(local // DAY)) | _clock(local % DAY, zone, shift)
        case Span(nanos):
            sign, size = (-1 if nanos < 0 else 1), abs(nanos)
            seconds = Decimal(sign * (size % (60 * SECOND))) / SECOND if size % (60 * SECOND) else Decimal(0)
            parts = {"days": size // DAY, "hours": size // SECOND // 3600 % 24, "minutes": size // SECOND // 60 % 60}
            return {name: Decimal(sign * part) for name, part in parts.items()} | {"seconds": seconds}
        case Months(months):
            sign, size = (-1 if months < 0 else 1), abs(months)
            return {"years": Decimal(sign * (size // 12)), "months": Decimal(sign * (size % 12))}
        case Ends(low, high, low_closed, high_closed):
            return {"start": low, "end": high, "start included": low_closed, "end included": high_closed}
    return {}


_DATE = ("year", "month", "day", "weekday")


def _clock(nanos: int, zone: int | str | None, shift: int | None) -> dict[str, Any]:
    seconds = nanos // SECOND
    found: dict[str, Any] = {"hour": Decimal(seconds // 3600), "minute": Decimal(seconds // 60 % 60)}
    found["second"] = Decimal(seconds % 60) + Decimal(nanos % SECOND) / SECOND
    found["time offset"] = None if shift is None else Span(shift * SECOND)
    found["timezone"] = zone if isinstance(zone, str) else None
    return found


def _filter(base: Any, condition: ir.Expr, scope: Scope) -> Any:
    items = base if isinstance(base, list) else [] if base is None else [base]
    nowhere = {**scope, "item": None, ITEMS: (None, *scope[ITEMS])}
    index = evaluate(condition, nowhere)
    if isinstance(index, Decimal):
        if index != index.to_integral_value() or index == 0 or abs(index) > len(items):
            return None
        return items[int(index) - 1 if index > 0 else int(index)]
    if base is None:
        return None
    found = []
    for item in items:
        inner = {**scope, "item": item, ITEMS: (item, *scope[ITEMS])}
        if isinstance(item, dict) and "item" in item:
            inner["item"] = item["item"]
        holds_for = evaluate(condition, inner)
        if not isinstance(holds_for, bool | None):
            return None
        if holds_for:
            found.append(item)
    return found


def _source(source: ir.Expr, scope: Scope) -> list[Any] | None:
    """What a `for` goes through, or None."""
    if isinstance(source, ir.Span):
        low, high = evaluate(source.low, scope), evaluate(source.high, scope)
        return _steps(Ends(low, high, True, True))
    value = evaluate(source, scope)
    if isinstance(value, Ends):
        return _steps(value)
    return value if isinstance(value, list) or value is None else [value]


def _steps(ends: Ends) -> list[Any] | None:
    match ends.low, ends.high:
        case Decimal() as low, Decimal() as high if low % 1 == 0 and high % 1 == 0:
            whole: list[Any] = [Decimal(n) for n in _between(int(low), int(high))]
        case Date(low), Date(high):
            whole = [Date(n) for n in _between(low, high)]
        case _:
            return None
    return whole[0 if ends.low_closed else 1 : len(whole) - (0 if ends.high_closed else 1)]


def _between(low: int, high: int) -> range:
    if abs(high - low) > 2_000:
        undecided("10.3.2.14: loops have no bounds")
    return range(low, high + 1) if low <= high else range(low, high - 1, -1)


def _loop(names: tuple[str, ...], sources: tuple[ir.Expr, ...], body: ir.Expr, scope: Scope, found: list[Any]) -> bool:
    """Add the body's value for each combination to `found`; False when a source is null."""
    if not names:
        value = evaluate(body, scope if "partial" not in scope else {**scope, "partial": list(scope["partial"])})
        found.append(value)
        return True
    items = _source(sources[0], scope)
    if items is None:
        return False
    whole = True
    for item in items:
        whole = _loop(names[1:], sources[1:], body, {**scope, names[0]: item}, found) and whole
    return whole


def _lambda(expr: ir.Lambda, scope: Scope) -> Func:
    def apply(*values: Any) -> Any:
        if len(values) != len(expr.parameters):
            return None
        taken = [
            value if wanted is None else _converted(value, wanted)
            for value, wanted in zip(values, expr.types or (None,) * len(values), strict=True)
        ]
        if any(new is None and old is not None for new, old in zip(taken, values, strict=True)):
            return None
        own = {expr.own: function} if expr.own else {}
        return evaluate(expr.body, {**scope, **own, **dict(zip(expr.parameters, taken, strict=True))})

    function = Func(expr.parameters, apply)
    return function


def _converted(value: Any, wanted: ir.Kind) -> Any:
    """10.3.2.9.4: from and to a list of one, and from a date to midnight; null where nothing fits."""
    if _is(value, wanted):
        return value
    if isinstance(value, list) and len(value) == 1 and _is(value[0], wanted):
        return value[0]
    if isinstance(wanted, ir.ListOf) and not isinstance(value, list) and _is(value, wanted.item):
        return [value]
    if isinstance(value, Date) and wanted == ir.Plain("date and time"):
        return Moment(value.day * DAY, 0)
    return None


def _invoke(function: Any, values: list[Any], names: tuple[str, ...]) -> Any:
    if not isinstance(function, Func):
        return None
    if names:
        if function.parameters is None or not set(names) <= set(function.parameters):
            return None
        values = [values[names.index(name)] if name in names else None for name in function.parameters]
    return function.call(*values)


_NAMES = {
    "Date": "date",
    "Time": "time",
    "Moment": "date and time",
    "Span": "days and time duration",
    "Months": "years and months duration",
    "Ends": "range",
    "Func": "function",
}


def _is(value: Any, wanted: ir.Kind) -> bool:
    """Whether a value that is not null conforms to a type; null inside lists and contexts conforms to every type."""
    if value is None:
        return True
    match wanted:
        case ir.Plain(name):
            return name == "Any" or name == _NAMES.get(kind(value), kind(value))
        case ir.ListOf(item):
            return isinstance(value, list) and all(_is(each, item) for each in value)
        case ir.RangeOf(end):
            return isinstance(value, Ends) and _is(value.low, end) and _is(value.high, end)
        case ir.ContextOf(names, kinds):
            return isinstance(value, dict) and all(
                name in value and _is(value[name], each) for name, each in zip(names, kinds, strict=True)
            )
    raise AssertionError(f"{wanted} is not compared")
