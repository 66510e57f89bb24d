"""The types of FEEL: what `instance of` asks and what typed parameters convert to (DMN 1.5, 10.3.2.9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

from tallystick.feel.civil import day_number, is_date, is_moment, is_span, is_time, moment_of
from tallystick.feel.expr import ContextOf, Declared, FunctionOf, Kind, ListOf, Plain, RangeOf
from tallystick.feel.operations import Function, Interval, Months

ANY = Plain("Any")
_PLAIN: dict[str, Callable[[Any], bool]] = {
    "number": lambda value: type(value) is Decimal,
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "date": is_date,
    "time": is_time,
    "date and time": is_moment,
    "days and time duration": is_span,
    "years and months duration": lambda value: type(value) is Months,
    "list": lambda value: type(value) is list,
    "context": lambda value: type(value) is dict,
    "function": lambda value: type(value) is Function,
    "range": lambda value: type(value) is Interval,
    "Any": lambda value: True,
    "Null": lambda value: value is None,
}
PLAIN_NAMES = tuple(_PLAIN)
"""The names of types that need no declaration."""


def show_kind(kind: Kind) -> str:
    """A type as FEEL writes it.

    Examples
    --------
    >>> show_kind(FunctionOf((Plain("number"),), ListOf(ANY)))
    'function<number> -> list<Any>'
    """
    match kind:
        case Plain(name) | Declared(name, _):
            return name
        case ListOf(item):
            return f"list<{show_kind(item)}>"
        case RangeOf(end):
            return f"range<{show_kind(end)}>"
        case ContextOf(names, kinds):
            pairs = zip(names, kinds, strict=True)
            return "context<" + ", ".join(f"{name}: {show_kind(member)}" for name, member in pairs) + ">"
        case FunctionOf(parameters, result):
            return f"function<{', '.join(map(show_kind, parameters))}> -> {show_kind(result)}"
        case _:
            raise AssertionError(kind)


def type_name(value: Any) -> str:
    """The name of a value's type.

    Examples
    --------
    >>> type_name(Decimal(1)), type_name(None)
    ('number', 'Null')
    """
    if value is None:
        return "Null"
    return next(name for name, is_of in _PLAIN.items() if is_of(value))


def instance_of(value: Any, kind: Kind) -> bool | None:
    """Whether a value is of a type; null is of no type but Null, and an unknown type gives null."""
    if isinstance(kind, Declared) and kind.type is None:
        return None
    if value is None:
        return kind == Plain("Null")
    return holds(value, kind)


def holds(value: Any, kind: Kind) -> bool:
    """Whether a value, or a part of one, conforms to a type; null conforms to all."""
    if value is None:
        return True
    match kind:
        case Plain(name):
            return _PLAIN[name](value)
        case ListOf(item):
            return type(value) is list and all(holds(part, item) for part in value)
        case RangeOf(end):
            return type(value) is Interval and holds(value.low, end) and holds(value.high, end)
        case ContextOf(names, kinds):
            return type(value) is dict and all(
                name in value and holds(value[name], member) for name, member in zip(names, kinds, strict=True)
            )
        case FunctionOf():
            return type(value) is Function and conforms(type_of_function(value), kind)
        case Declared(_, declared):
            return declared is not None and bool(declared.holds(value))
        case _:
            raise AssertionError(kind)


def type_of_function(function: Function) -> FunctionOf:
    """The type of a function value: Any wherever it does not say."""
    types = getattr(function.call, "types", ()) or (None,) * len(function.parameters)
    return FunctionOf(tuple(kind or ANY for kind in types), getattr(function.call, "result", None) or ANY)


def conforms(kind: Kind, wanted: Kind) -> bool:
    """Whether every value of type `kind` is one of type `wanted`."""
    if wanted in (ANY, kind) or kind == Plain("Null"):
        return True
    match _opened(kind), _opened(wanted):
        case (ListOf(left), ListOf(right)) | (RangeOf(left), RangeOf(right)):
            return conforms(left, right)
        case ContextOf(names, kinds), ContextOf(others, members):
            known = dict(zip(names, kinds, strict=True))
            return all(
                name in known and conforms(known[name], member) for name, member in zip(others, members, strict=True)
            )
        case FunctionOf(given, result), FunctionOf(asked, answer):
            return len(given) == len(asked) and all(map(conforms, asked, given)) and conforms(result, answer)
        case FunctionOf(), Plain("function"):
            return True
        case _:
            return False


def _opened(kind: Kind) -> Kind:
    """A bare `list`, `range` or `context` as what it stands for."""
    match kind:
        case Plain("list"):
            return ListOf(ANY)
        case Plain("range"):
            return RangeOf(ANY)
        case Plain("context"):
            return ContextOf((), ())
        case _:
            return kind


def coerced(value: Any, kind: Kind | None) -> tuple[bool, Any]:
    """Whether a value fits a type after the standard's conversions, and the value.

    A list of one stands for its item and an item for a list of one; a date becomes its midnight in UTC.

    Examples
    --------
    >>> coerced(["a"], Plain("string")), coerced("a", ListOf(Plain("string"))), coerced("a", Plain("number"))
    ((True, 'a'), (True, ['a']), (False, None))
    """
    if kind is None:
        return True, value
    if isinstance(kind, Declared) and hasattr(kind.type, "coerced"):
        fits, converted = kind.type.coerced(value)
        return bool(fits), converted
    if holds(value, kind):
        return True, value
    if type(value) is list and len(value) == 1 and holds(value[0], kind):
        return True, value[0]
    if holds([value], kind):
        return True, [value]
    if kind == Plain("date and time") and is_date(value):
        return True, moment_of(day_number(value), 0, UTC)
    return False, None
