"""The built-in functions of FEEL; a wrong type or number of arguments gives null."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
    DecimalException,
)
from typing import Any

from tallystick.feel import temporal
from tallystick.feel.dates import DATES
from tallystick.feel.operations import NUMBERS, Interval, Months, add, belongs, conjoin, disjoin, divide, equal, less
from tallystick.feel.registry import Builtin, Registrar, typed

_WIDE = NUMBERS.copy()
_WIDE.prec = 7_000
_builtin = Registrar()
BUILTINS = _builtin.found
BUILTINS.update(DATES)
_N, _S, _L = Decimal, str, list


@_builtin("not", "negand")
def _not(value: Any) -> bool | None:
    return not value if type(value) is bool else None


# Numbers


def _quantized(value: Decimal, scale: Decimal, rounding: str) -> Decimal | None:
    if not -6111 <= scale < 6176:
        return None
    result = value.quantize(Decimal(1).scaleb(-int(scale)), rounding, _WIDE)
    return NUMBERS.plus(result) if scale >= 0 else Decimal(int(result))


def _rounder(name: str, rounding: str, required: int) -> None:
    @_builtin(name, "n, scale", required=required, types=(_N, _N))
    def rounded(n: Decimal, scale: Decimal = Decimal(0)) -> Decimal | None:
        return _quantized(n, scale, rounding)


for _name, _rounding, _least in (
    ("decimal", ROUND_HALF_EVEN, 2),
    ("floor", ROUND_FLOOR, 1),
    ("ceiling", ROUND_CEILING, 1),
    ("round up", ROUND_UP, 2),
    ("round down", ROUND_DOWN, 2),
    ("round half up", ROUND_HALF_UP, 2),
    ("round half down", ROUND_HALF_DOWN, 2),
    ("round half even", ROUND_HALF_EVEN, 2),
):
    _rounder(_name, _rounding, _least)


@_builtin("abs", "n", types=((_N, timedelta, Months),))
def _abs(n: Any) -> Any:
    return Months(abs(n.months)) if type(n) is Months else n.copy_abs() if type(n) is Decimal else abs(n)


@_builtin("modulo", "dividend, divisor", types=(_N, _N))
def _modulo(dividend: Decimal, divisor: Decimal) -> Decimal:
    quotient = _WIDE.divide_int(dividend, divisor)
    rest = _WIDE.subtract(dividend, _WIDE.multiply(quotient, divisor))
    return NUMBERS.plus(_WIDE.add(rest, divisor) if rest and (rest < 0) != (divisor < 0) else rest)


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
    return bool(NUMBERS.remainder(number, Decimal(2))) if number == number.to_integral_value() else None


@_builtin("even", "number", types=(_N,))
def _even(number: Decimal) -> bool | None:
    return not NUMBERS.remainder(number, Decimal(2)) if number == number.to_integral_value() else None


@_builtin("number", "from", "from, grouping separator, decimal separator")
def _number(text: Any, grouping: Any = None, point: Any = None) -> Decimal | None:
    if type(text) is not str or grouping not in (None, " ", ",", ".") or point not in (None, ",", "."):
        return None
    if grouping is not None and grouping == point:
        return None
    plain = text.replace(grouping, "") if grouping else text
    plain = plain.replace(point, "\0").replace(".", "\1").replace("\0", ".") if point else plain
    match = temporal.NUMBER_TEXT.fullmatch(plain)
    return NUMBERS.create_decimal(plain) if match else None


# Strings


@_builtin("string", "from", required=1)
def _string(value: Any) -> str | None:
    return None if value is None else value if type(value) is str else show(value)


def show(value: Any) -> str:
    """A value as FEEL text; strings inside lists and contexts are quoted."""
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is Decimal:
        return format(value, "f")
    if type(value) is str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if type(value) is list:
        return "[" + ", ".join(map(show, value)) + "]"
    if type(value) is dict:
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    if type(value) is Interval:
        ends = "[" if value.low_closed else "(", "]" if value.high_closed else ")"
        return f"{ends[0]}{show(value.low)}..{show(value.high)}{ends[1]}"
    return temporal.show(value) if type(value) in (date, datetime, time, timedelta, Months) else "function"


@_builtin("substring", "string, start position, length", required=2, types=(_S, _N, (_N, type(None))))
def _substring(text: str, start: Decimal, length: Decimal | None = None) -> str | None:
    first = int(start)
    if first == 0 or first > len(text) or -first > len(text):
        return None
    begin = first - 1 if first > 0 else len(text) + first
    if length is None:
        return text[begin:]
    return text[begin : begin + int(length)] if length >= 1 else None


BUILTINS["string length"] = Builtin(typed(lambda text: Decimal(len(text)), (_S,)), (("string",),), 1)
BUILTINS["upper case"] = Builtin(typed(str.upper, (_S,)), (("string",),), 1)
BUILTINS["lower case"] = Builtin(typed(str.lower, (_S,)), (("string",),), 1)
BUILTINS["contains"] = Builtin(typed(lambda text, part: part in text, (_S, _S)), (("string", "match"),), 2)
BUILTINS["starts with"] = Builtin(typed(str.startswith, (_S, _S)), (("string", "match"),), 2)
BUILTINS["ends with"] = Builtin(typed(str.endswith, (_S, _S)), (("string", "match"),), 2)


@_builtin("substring before", "string, match", types=(_S, _S))
def _substring_before(text: str, match: str) -> str:
    return text[: max(text.find(match), 0)]


@_builtin("substring after", "string, match", types=(_S, _S))
def _substring_after(text: str, match: str) -> str:
    found = text.find(match)
    return "" if found < 0 else text[found + len(match) :]


# Lists


def _on_list(name: str, types: tuple[Any, ...] = ()) -> Callable[[Callable[[list[Any]], Any]], None]:
    """A function of one list, or of its items as arguments; with `types`, null unless all are of one of them."""

    def register(function: Callable[[list[Any]], Any]) -> None:
        def call(*arguments: Any) -> Any:
            items = arguments[0] if len(arguments) == 1 and type(arguments[0]) is list else list(arguments)
            if types and not any(all(type(item) is kind for item in items) for kind in types):
                return None
            try:
                return function(items)
            except (DecimalException, ArithmeticError):
                return None

        BUILTINS[name] = Builtin(call, (("list",),), 1, variadic=True)

    return register


_ORDERED = (Decimal, str, date, datetime, time, timedelta, Months)


def _extreme(items: list[Any], largest: bool) -> Any:
    best = items[0] if items else None
    for item in items[1:]:
        smaller = less(best, item) if largest else less(item, best)
        if smaller is None:
            return None
        best = item if smaller else best
    return best


_on_list("min", _ORDERED)(lambda items: _extreme(items, False))
_on_list("max", _ORDERED)(lambda items: _extreme(items, True))
_on_list("all")(conjoin)
_on_list("any")(disjoin)


def _total(items: list[Any]) -> Any:
    total = items[0] if items else None
    for item in items[1:]:
        total = add(total, item)
    return total


_on_list("sum", (Decimal, timedelta, Months))(_total)
_on_list("mean", (Decimal, timedelta, Months))(lambda items: divide(_total(items), Decimal(len(items))))


@_on_list("median", (Decimal,))
def _median(items: list[Any]) -> Any:
    ranked = sorted(items)
    middle = len(ranked) // 2
    if not ranked:
        return None
    return ranked[middle] if len(ranked) % 2 else divide(add(ranked[middle - 1], ranked[middle]), Decimal(2))


@_builtin("count", "list")
def _count(items: Any) -> Decimal | None:
    return None if items is None else Decimal(len(items) if type(items) is list else 1)


@_builtin("list contains", "list, element")
def _list_contains(items: Any, element: Any) -> bool | None:
    if items is None:
        return None
    return any(equal(item, element) is True for item in (items if type(items) is list else [items]))


@_builtin("append", "list, item", variadic=True, required=1)
def _append(items: Any, *more: Any) -> list[Any]:
    return [*(items if type(items) is list else [items]), *more]


@_builtin("concatenate", "list", variadic=True)
def _concatenate(*lists: Any) -> list[Any]:
    return [item for items in lists for item in (items if type(items) is list else [items])]


@_builtin("reverse", "list", types=(_L,))
def _reverse(items: list[Any]) -> list[Any]:
    return items[::-1]


@_builtin("distinct values", "list", types=(_L,))
def _distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if not any(equal(item, other) is True for other in found):
            found.append(item)
    return found


@_builtin("index of", "list, match", types=(_L, Any))
def _index_of(items: list[Any], match: Any) -> list[Decimal]:
    return [Decimal(index) for index, item in enumerate(items, 1) if equal(item, match) is True]


@_builtin("get value", "m, key", types=(dict, _S))
def _get_value(context: dict[str, Any], key: str) -> Any:
    return context.get(key)


@_builtin("is", "value1, value2")
def _is(a: Any, b: Any) -> bool:
    return type(a) is type(b) and (show(a) == show(b) if type(a) is datetime else equal(a, b) is True)


@_builtin("includes", "range, point")
def _includes(interval: Any, point: Any) -> bool | None:
    return belongs(point, interval) if type(interval) is Interval else None
