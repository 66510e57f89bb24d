"""The built-in functions of FEEL; a wrong type or number of arguments gives null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
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

import msgspec

from tallystick.feel import temporal
from tallystick.feel.operations import NUMBERS, Interval, Months, add, belongs, conjoin, disjoin, divide, equal, less

_WIDE = NUMBERS.copy()
_WIDE.prec = 7_000
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Builtin(msgspec.Struct, frozen=True):
    """A built-in: what it does, and the parameter names of each of its forms."""

    call: Callable[..., Any]
    forms: tuple[tuple[str, ...], ...]
    required: int
    variadic: bool = False

    def positions(self, names: tuple[str, ...]) -> tuple[int, ...] | None:
        """Where named arguments go; None when no form has these names."""
        for form in self.forms:
            if set(names) <= set(form) and len(set(names)) == len(names):
                return tuple(form.index(name) for name in names)
        return None

    def accepts(self, count: int) -> bool:
        """Whether the built-in can be called with `count` arguments."""
        return self.required <= count and (self.variadic or count <= max(map(len, self.forms)))


BUILTINS: dict[str, Builtin] = {}


def _builtin(
    name: str, *forms: str, required: int | None = None, types: Sequence[Any] = (), variadic: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function; with `types` it is called only with values of these types (a list of one is unwrapped)."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        split = tuple(tuple(form.split(", ")) if form else () for form in forms)
        least = min(map(len, split)) if required is None else required
        call = _typed(function, types) if types else function
        BUILTINS[name] = Builtin(call, split, least, variadic)
        return function

    return register


def _typed(function: Callable[..., Any], types: Sequence[Any]) -> Callable[..., Any]:
    allowed = [kind if isinstance(kind, tuple) else (kind,) for kind in types]

    def guarded(*arguments: Any) -> Any:
        values = []
        for value, kinds in zip(arguments, allowed, strict=False):
            if type(value) is list and list not in kinds and len(value) == 1:
                value = value[0]
            if kinds != (Any,) and type(value) not in kinds:
                return None
            values.append(value)
        try:
            return function(*values)
        except (DecimalException, ValueError, OverflowError):
            return None

    return guarded


_N, _S, _B, _L = Decimal, str, bool, list


@_builtin("not", "negand")
def _not(value: Any) -> bool | None:
    return not value if type(value) is bool else None


# Numbers


def _quantized(value: Decimal, scale: Decimal, rounding: str) -> Decimal | None:
    if scale != scale.to_integral_value() or not -6111 <= scale < 6176:
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
    return Months(abs(n.months)) if type(n) is Months else abs(n)


@_builtin("modulo", "dividend, divisor", types=(_N, _N))
def _modulo(dividend: Decimal, divisor: Decimal) -> Decimal:
    quotient = _WIDE.divide_int(dividend, divisor)
    rest = _WIDE.subtract(dividend, _WIDE.multiply(quotient, divisor))
    return NUMBERS.plus(rest + divisor if rest and (rest < 0) != (divisor < 0) else rest)


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
    return bool(number % 2) if number == number.to_integral_value() else None


@_builtin("even", "number", types=(_N,))
def _even(number: Decimal) -> bool | None:
    return not number % 2 if number == number.to_integral_value() else None


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


BUILTINS["string length"] = Builtin(_typed(lambda text: Decimal(len(text)), (_S,)), (("string",),), 1)
BUILTINS["upper case"] = Builtin(_typed(str.upper, (_S,)), (("string",),), 1)
BUILTINS["lower case"] = Builtin(_typed(str.lower, (_S,)), (("string",),), 1)
BUILTINS["contains"] = Builtin(_typed(lambda text, part: part in text, (_S, _S)), (("string", "match"),), 2)
BUILTINS["starts with"] = Builtin(_typed(str.startswith, (_S, _S)), (("string", "match"),), 2)
BUILTINS["ends with"] = Builtin(_typed(str.endswith, (_S, _S)), (("string", "match"),), 2)


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


# Dates and times


@_builtin("date", "from", "year, month, day", required=1)
def _date(year: Any, month: Any = None, day: Any = None) -> date | None:
    if month is None and day is None:
        if type(year) is datetime:
            return year.date()
        return year if type(year) is date else temporal.parse_date(year) if type(year) is str else None
    try:
        return date(*(int(part) for part in (year, month, day) if type(part) is Decimal))
    except (TypeError, ValueError, OverflowError):
        return None


@_builtin("time", "from", "hour, minute, second, offset", required=1)
def _time(hour: Any, minute: Any = None, second: Any = None, offset: Any = None) -> time | None:
    if minute is None and second is None:
        if type(hour) is str:
            return temporal.parse_time(hour)
        if type(hour) is date:
            return time(tzinfo=UTC)
        return hour.timetz() if type(hour) is datetime else hour if type(hour) is time else None
    if not type(hour) is type(minute) is type(second) is Decimal or type(offset) not in (timedelta, type(None)):
        return None
    return temporal.clock(hour, minute, second, offset)


@_builtin("date and time", "from", "date, time", required=1)
def _date_and_time(day: Any, at: Any = None) -> datetime | None:
    if at is None:
        return day if type(day) is datetime else temporal.parse_moment(day) if type(day) is str else None
    if type(day) not in (date, datetime) or type(at) is not time:
        return None
    return datetime.combine(day, at)


@_builtin("duration", "from", types=(_S,))
def _duration(text: str) -> Any:
    return temporal.parse_duration(text)


@_builtin("years and months duration", "from, to", types=((date, datetime), (date, datetime)))
def _months_between(start: date, end: date) -> Months:
    months = (end.year - start.year) * 12 + end.month - start.month
    if months > 0 and end.day < start.day:
        months -= 1
    return Months(months + 1 if months < 0 and end.day > start.day else months)


@_builtin("day of week", "date", types=((date, datetime),))
def _day_of_week(day: date) -> str:
    return _DAYS[day.weekday()]


@_builtin("day of year", "date", types=((date, datetime),))
def _day_of_year(day: date) -> Decimal:
    return Decimal(day.timetuple().tm_yday)


@_builtin("month of year", "date", types=((date, datetime),))
def _month_of_year(day: date) -> str:
    return _MONTHS[day.month - 1]


@_builtin("week of year", "date", types=((date, datetime),))
def _week_of_year(day: date) -> Decimal:
    return Decimal(day.isocalendar().week)


# The compiler passes the moment of the call as the first argument to these two.


@_builtin("now", "", required=0)
def _now(now: Any) -> datetime | None:
    return now if type(now) is datetime else None


@_builtin("today", "", required=0)
def _today(now: Any) -> date | None:
    return now.date() if type(now) is datetime else None
