"""FEEL's values in the plainest form, with equality, order and arithmetic as the tables of DMN 1.5 10.3.2.15 say.

Nothing here comes from the engine but the outer form of its values, which `plain` reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Context, Decimal, DecimalException, localcontext
from typing import Any
from zoneinfo import ZoneInfo

CONTEXT = Context(prec=34, Emin=-6143, Emax=6144, clamp=1)
SECOND = 10**9
DAY = 86_400 * SECOND


@dataclass(frozen=True)
class Date:
    day: int
    """Days since 0000-12-31."""


@dataclass(frozen=True)
class Time:
    nanos: int
    zone: int | str | None


@dataclass(frozen=True)
class Moment:
    local: int
    """Nanoseconds since 0000-12-31T00:00:00 on the local clock."""
    zone: int | str | None
    fold: int = field(default=0, compare=False)
    """1 for the second of two equal local times when clocks go back."""


@dataclass(frozen=True)
class Span:
    nanos: int


@dataclass(frozen=True)
class Months:
    months: int


@dataclass(frozen=True)
class Ends:
    low: Any
    high: Any
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True)
class Func:
    parameters: tuple[str, ...] | None
    """None for a built-in function."""
    call: Callable[..., Any]


def day_of(year: int, month: int, day: int) -> int:
    """The number of a day of the proleptic Gregorian calendar, whose cycle is 400 years."""
    return date(year % 400 + 400, month, day).toordinal() + (year // 400 - 1) * 146_097


def civil(day: int) -> tuple[int, int, int]:
    cycle, rest = divmod(day - 1, 146_097)
    found = date.fromordinal(rest + 1 + 146_097)
    return found.year - 400 + 400 * cycle, found.month, found.day


def last_day(year: int, month: int) -> int:
    return day_of(year + month // 12, month % 12 + 1, 1) - day_of(year, month, 1)


def offset(local: int, zone: int | str) -> int:
    """Seconds east of Greenwich at a local time."""
    if isinstance(zone, int):
        return zone
    year, month, day = civil(local // DAY)
    clock = datetime(year % 400 + 2000, month, day) + timedelta(seconds=local % DAY // SECOND)
    found = clock.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    assert found is not None
    return round(found.total_seconds())


def instant(moment: Moment) -> int:
    return moment.local - (0 if moment.zone is None else offset(moment.local, moment.zone) * SECOND)


def clock_at(moment: int, zone: int | str | None) -> Moment:
    """The date and time in a zone at an instant."""
    if not isinstance(zone, str):
        return Moment(moment + (zone or 0) * SECOND, zone)
    year, month, day = civil(moment // DAY)
    clock = datetime(year % 400 + 2000, month, day, tzinfo=UTC) + timedelta(seconds=moment % DAY // SECOND)
    found = clock.astimezone(ZoneInfo(zone)).utcoffset()
    assert found is not None
    return Moment(moment + round(found.total_seconds()) * SECOND, zone)


def _zone(zone: tzinfo | None) -> int | str | None:
    if zone is None:
        return None
    if isinstance(zone, ZoneInfo):
        return zone.key
    found = zone.utcoffset(None)
    assert found is not None
    return round(found.total_seconds())


def _nanos(value: Any) -> int:
    seconds: int = (value.hour * 60 + value.minute) * 60 + value.second
    fraction: int = value.microsecond * 1000 if hasattr(value, "microsecond") else value.nanosecond
    return seconds * SECOND + fraction


def plain(value: Any) -> Any:
    """The plain form of one of the engine's values."""
    if value is None or isinstance(value, str | bool | Decimal | Func):
        return value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, timedelta):
        return Span((value.days * 86_400 + value.seconds) * SECOND + value.microseconds * 1000)
    if isinstance(value, datetime) or type(value).__name__ == "WideMoment":
        return Moment(day_of(value.year, value.month, value.day) * DAY + _nanos(value), _zone(value.tzinfo))
    if isinstance(value, date) or type(value).__name__ == "WideDate":
        return Date(day_of(value.year, value.month, value.day))
    if isinstance(value, time) or type(value).__name__ == "WideTime":
        return Time(_nanos(value), _zone(value.tzinfo))
    match type(value).__name__:
        case "WideSpan":
            return Span(value.nanoseconds)
        case "Months":
            return Months(value.months)
        case "Interval":
            return Ends(plain(value.low), plain(value.high), value.low_closed, value.high_closed)
        case "Function":
            return Func(value.parameters, value.call)
    raise AssertionError(f"{type(value)} is no FEEL value")


def kind(value: Any) -> str:
    return {Decimal: "number", str: "string", bool: "boolean", list: "list", dict: "context", type(None): "null"}.get(
        type(value), type(value).__name__
    )


def same(left: Any, right: Any) -> bool:
    """Whether two results are one value of one type; functions are only compared as being functions."""
    if kind(left) != kind(right):
        return False
    match left:
        case list():
            return len(left) == len(right) and all(map(same, left, right))
        case dict():
            return list(left) == list(right) and all(same(left[name], right[name]) for name in left)
        case Ends():
            return (left.low_closed, left.high_closed) == (right.low_closed, right.high_closed) and same(
                [left.low, left.high], [right.low, right.high]
            )
        case Func():
            return True
        case Decimal():
            return bool(left == right) and left.is_signed() == right.is_signed()
        case _:
            return bool(left == right)


class UndecidedError(Exception):
    """The standard does not say what the value is, or says two things."""


def undecided(why: str) -> Any:
    raise UndecidedError(why)


def number(act: Callable[[], Decimal]) -> Decimal | None:
    with localcontext(CONTEXT):
        try:
            found = +act()
        except DecimalException:
            return None
    if not found.is_finite():
        return None
    return found.copy_abs() if found == 0 else found


def ordering(value: Any) -> Any:
    """What values of one kind are ordered by; None where the kind has no order."""
    match value:
        case Decimal() | str():
            return value
        case Date(n) | Span(n) | Months(n):
            return n
        case Moment():
            return instant(value)
        case Time(nanos, zone):
            return nanos - (0 if zone is None else time_offset(zone) * SECOND)
    return None


def time_offset(zone: int | str) -> int:
    return zone if isinstance(zone, int) else int(undecided("10.3.2.3.4: the offset of a zone without a date"))


def _zoned_alike(left: Any, right: Any) -> bool:
    return (getattr(left, "zone", None) is None) == (getattr(right, "zone", None) is None)


def equal(left: Any, right: Any) -> bool | None:
    """Table 53: equality; values of different kinds have none, but null differs from every value."""
    if left is None or right is None:
        return left is right
    if kind(left) != kind(right):
        return None
    match left:
        case list():
            return both(len(left) == len(right), *(equal(a, b) for a, b in zip(left, right, strict=False)))
        case dict():
            if left.keys() != right.keys():
                return False
            return both(True, *(equal(left[name], right[name]) for name in left))
        case Ends():
            closed = (left.low_closed, left.high_closed) == (right.low_closed, right.high_closed)
            return both(closed, equal(left.low, right.low), equal(left.high, right.high))
        case Func():
            return left is right
        case bool():
            return left is right
        case Moment() | Time() if not _zoned_alike(left, right):
            return bool(undecided("10.3.2.3.4 and Table 53: a local time equals a zoned one only sometimes"))
        case _:
            return bool(ordering(left) == ordering(right))


def compare(op: str, left: Any, right: Any) -> bool | None:
    """Table 54: order of numbers, strings, dates, times and durations of one kind; else null."""
    if op == "=":
        return equal(left, right)
    if op == "!=":
        found = equal(left, right)
        return None if found is None else not found
    if kind(left) != kind(right) or ordering(left) is None:
        return None
    if not _zoned_alike(left, right):
        return bool(undecided("10.3.2.3.4 and Table 54: a local time is ordered with a zoned one only sometimes"))
    low, high = ordering(left), ordering(right)
    return bool({"<": low < high, "<=": low <= high, ">": low > high, ">=": low >= high}[op])


def contains(ends: Ends, value: Any) -> bool | None:
    """Whether a value lies in a range."""
    low = True if ends.low is None else compare(">=" if ends.low_closed else ">", value, ends.low)
    high = True if ends.high is None else compare("<=" if ends.high_closed else "<", value, ends.high)
    return both(low, high)


def both(*values: Any) -> bool | None:
    """Three-valued and: anything that is no boolean counts as null."""
    if any(value is False for value in values):
        return False
    return True if all(value is True for value in values) else None


def either(*values: Any) -> bool | None:
    if any(value is True for value in values):
        return True
    return False if all(value is False for value in values) else None


def month_later(value: Any, months: int) -> Any:
    day = value.day if isinstance(value, Date) else value.local // DAY
    year, month, number_of_day = civil(day)
    if abs(months) > 12 * 10**9:
        return None
    ahead = year * 12 + month - 1 + months
    year, month = ahead // 12, ahead % 12 + 1
    found = day_of(year, month, min(number_of_day, last_day(year, month)))
    return Date(found) if isinstance(value, Date) else Moment(found * DAY + value.local % DAY, value.zone)


def later(value: Any, span: int) -> Any:
    match value:
        case Date(day):
            return Date((day * DAY + span) // DAY)
        case Moment():
            return clock_at(instant(value) + span, value.zone)
        case Time(nanos, zone):
            return Time((nanos + span) % DAY, zone)
        case Span(nanos):
            return Span(nanos + span)


def _whole(act: Callable[[], Decimal]) -> int | None:
    found = number(act)
    return None if found is None else int(found)


def _sum(sign: int, left: Any, right: Any) -> Any:
    match left, right:
        case Decimal(), Decimal():
            return number(lambda: left + sign * right)
        case str(), str() if sign > 0:
            return left + right
        case Months(a), Months(b):
            return Months(a + sign * b)
        case ((Date() | Moment() | Time() | Span()), Span(nanos)):
            return later(left, sign * nanos)
        case ((Date() | Moment()), Months(months)):
            return month_later(left, sign * months)
        case ((Span() | Months()), (Date() | Moment() | Time())) if sign > 0:
            return _sum(1, right, left)
        case ((Date() | Moment()), (Date() | Moment())) if sign < 0:
            first, second = _midnight(left, right), _midnight(right, left)
            return Span(instant(first) - instant(second)) if _zoned_alike(first, second) else None
        case Time(), Time() if sign < 0 and _zoned_alike(left, right):
            return Span(ordering(left) - ordering(right))
    return None


def _midnight(value: Any, other: Any) -> Moment:
    """A date beside a date and time is midnight UTC."""
    return value if isinstance(value, Moment) else Moment(value.day * DAY, 0 if isinstance(other, Moment) else None)


def bounded(value: Any) -> Any:
    """Durations have no bounds in the standard; every engine has some."""
    match value:
        case Months(n) if abs(n) > 10**10:
            undecided("10.3.2.3.8: durations have no bounds")
        case Span(n) if abs(n) > 10**25:
            undecided("10.3.2.3.7: durations have no bounds")
    return value


def _scaled(op: str, left: Any, right: Any) -> Any:
    match op, left, right:
        case "*", Decimal(), Decimal():
            return number(lambda: left * right)
        case "/", Decimal(), Decimal():
            return number(lambda: left / right)
        case "*", Decimal(), (Span() | Months()):
            return _scaled("*", right, left)
        case _, Span(n) | Months(n), Decimal():
            unit = SECOND if isinstance(left, Span) else 1
            exact = Decimal(n) / unit if isinstance(left, Span) else Decimal(n)
            found = number(lambda: exact * right if op == "*" else exact / right)
            scaled = None if found is None else _whole(lambda: found * unit)
            return None if scaled is None else bounded(type(left)(scaled))
        case "/", Span(a), Span(b):
            return number(lambda: Decimal(a) / b)
        case "/", Months(a), Months(b):
            return number(lambda: Decimal(a) / b)
    return None


def arithmetic(op: str, left: Any, right: Any) -> Any:
    """Tables 56 to 61: arithmetic; null where the operands have none."""
    match op:
        case "+":
            return _sum(1, left, right)
        case "-":
            return _sum(-1, left, right)
        case "*" | "/":
            return _scaled(op, left, right)
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        if left == 0 and right == 0:
            undecided("Table 60: 0 ** 0")
        return None if abs(right) > 999_999_999 or (left == 0 and right < 0) else number(lambda: left**right)
    return None


def negated(value: Any) -> Any:
    match value:
        case Decimal():
            return number(lambda: -value)
        case Span(n) | Months(n):
            return type(value)(-n)
    return None
