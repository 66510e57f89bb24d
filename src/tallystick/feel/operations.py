"""The operators of FEEL on values: null-safe, three-valued, decimal to 34 digits."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import Any

import msgspec

NUMBERS = Context(
    prec=34, rounding=ROUND_HALF_EVEN, Emin=-6143, Emax=6144, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""IEEE 754 decimal128: 34 digits, half-even."""

DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_SOME_DAY = date(2000, 1, 1)


class Months(msgspec.Struct, frozen=True, order=True):
    """A years and months duration, in whole months."""

    months: int


class Interval(msgspec.Struct, frozen=True):
    """A range value; an end that is None is unbounded."""

    low: Any
    high: Any
    low_closed: bool
    high_closed: bool


class Function(msgspec.Struct, frozen=True):
    """A function value: its parameters and what it does, called by position."""

    parameters: tuple[str, ...]
    call: Callable[..., Any]


def is_zoned(value: Any) -> bool:
    """Whether a time or a date and time carries an offset or a zone."""
    return value.tzinfo is not None


def _utc(moment: Any) -> Any:
    """A moment in UTC: Python compares and subtracts moments of one zone by their clocks, not by their instants."""
    if type(moment) not in (datetime, time) or not is_zoned(moment):
        return moment
    return (moment if type(moment) is datetime else datetime.combine(_SOME_DAY, moment)).astimezone(UTC)


def add(a: Any, b: Any) -> Any:
    """`a + b`."""
    kind, other = type(a), type(b)
    try:
        if kind is Decimal and other is Decimal:
            return NUMBERS.add(a, b)
        if kind is other and kind in (str, timedelta):
            return a + b
        if kind is Months and other is Months:
            return Months(a.months + b.months)
        if kind in (timedelta, Months) and other in (date, datetime, time):
            return _shift(b, a)
        if kind in (date, datetime, time):
            return _shift(a, b)
    except (DecimalException, OverflowError, ValueError):
        return None
    return None


def subtract(a: Any, b: Any) -> Any:
    """`a - b`; a zoned moment minus a local one is null."""
    kind, other = type(a), type(b)
    try:
        if kind is Decimal and other is Decimal:
            return NUMBERS.subtract(a, b)
        if kind is timedelta and other is timedelta:
            return a - b
        if kind is Months and other is Months:
            return Months(a.months - b.months)
        if kind is time and other is time:
            return _since(datetime.combine(_SOME_DAY, a), datetime.combine(_SOME_DAY, b))
        if kind in (date, datetime) and other in (date, datetime):
            return _since(_midnight(a, kind is other), _midnight(b, kind is other))
        if kind in (date, datetime, time) and other in (timedelta, Months):
            return _shift(a, negate(b))
    except (DecimalException, OverflowError, ValueError):
        return None
    return None


def _midnight(moment: Any, alike: bool) -> datetime:
    """A date as its midnight, in UTC where it meets a date and time."""
    return moment if type(moment) is datetime else datetime.combine(moment, time(), None if alike else UTC)


def _since(a: datetime, b: datetime) -> timedelta | None:
    return _utc(a) - _utc(b) if is_zoned(a) == is_zoned(b) else None


def _shift(moment: Any, duration: Any) -> Any:
    if type(duration) is Months:
        if type(moment) is time:
            return None
        years, month = divmod(moment.year * 12 + moment.month - 1 + duration.months, 12)
        day = moment.day
        while day > 28:
            try:
                return moment.replace(year=years, month=month + 1, day=day)
            except ValueError:
                day -= 1
        return moment.replace(year=years, month=month + 1, day=day)
    if type(duration) is not timedelta:
        return None
    if type(moment) is date:
        return (datetime.combine(moment, time()) + duration).date()
    if type(moment) is time:
        return (datetime.combine(_SOME_DAY, moment) + duration % DAY).timetz()
    if not is_zoned(moment):
        return moment + duration
    return (_utc(moment) + duration).astimezone(moment.tzinfo)


def multiply(a: Any, b: Any) -> Any:
    """`a * b`; a duration times a number is a duration."""
    kind, other = type(a), type(b)
    try:
        if kind is Decimal and other is Decimal:
            return NUMBERS.multiply(a, b)
        if kind is Decimal and other in (timedelta, Months):
            return _scaled(b, a)
        if other is Decimal and kind in (timedelta, Months):
            return _scaled(a, b)
    except (DecimalException, OverflowError):
        return None
    return None


def _scaled(duration: Any, factor: Decimal) -> Any:
    if type(duration) is Months:
        return Months(int(NUMBERS.multiply(Decimal(duration.months), factor)))
    return int(NUMBERS.multiply(Decimal(duration // _MICROSECOND), factor)) * _MICROSECOND


def divide(a: Any, b: Any) -> Any:
    """`a / b`; division by zero is null."""
    kind, other = type(a), type(b)
    try:
        if kind is Decimal and other is Decimal:
            return NUMBERS.divide(a, b)
        if kind in (timedelta, Months) and other is Decimal:
            return _scaled(a, NUMBERS.divide(Decimal(1), b))
        if kind is timedelta and other is timedelta:
            return NUMBERS.divide(Decimal(a // _MICROSECOND), Decimal(b // _MICROSECOND))
        if kind is Months and other is Months:
            return NUMBERS.divide(Decimal(a.months), Decimal(b.months))
    except (DecimalException, OverflowError):
        return None
    return None


def power(a: Any, b: Any) -> Any:
    """`a ** b`."""
    if type(a) is not Decimal or type(b) is not Decimal:
        return None
    try:
        return NUMBERS.power(a, b)
    except DecimalException:
        return None


def negate(a: Any) -> Any:
    """`-a`."""
    if type(a) is Decimal:
        return a.copy_negate() if a else a
    if type(a) is timedelta:
        return -a
    return Months(-a.months) if type(a) is Months else None


_ATOMS = (Decimal, str, bool, date, timedelta, Months, Interval)


def equal(a: Any, b: Any) -> bool | None:
    """`a = b`: false when only one is null, null when the types differ."""
    if a is None or b is None:
        return a is b
    kind = type(a)
    if kind is not type(b):
        return None
    if kind in _ATOMS:
        return bool(a == b)
    if kind in (datetime, time):
        return bool(_utc(a) == _utc(b)) if is_zoned(a) == is_zoned(b) else False
    if kind is list:
        return _all_equal(a, b) if len(a) == len(b) else False
    if kind is dict:
        return _all_equal([a[key] for key in a], [b[key] for key in a]) if a.keys() == b.keys() else False
    return None


def _all_equal(left: list[Any], right: list[Any]) -> bool | None:
    results = [equal(a, b) for a, b in zip(left, right, strict=True)]
    return False if False in results else None if None in results else True


def unequal(a: Any, b: Any) -> bool | None:
    """`a != b`."""
    result = equal(a, b)
    return None if result is None else not result


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    def ordered(a: Any, b: Any) -> bool | None:
        kind = type(a)
        if kind is not type(b):
            return None
        if kind in (Decimal, str, date, timedelta, Months):
            return compare(a, b)
        if kind in (datetime, time) and is_zoned(a) == is_zoned(b):
            return compare(_utc(a), _utc(b))
        return None

    return ordered


less = _ordered(operator.lt)
at_most = _ordered(operator.le)
more = _ordered(operator.gt)
at_least = _ordered(operator.ge)
COMPARISONS: dict[str, Callable[[Any, Any], bool | None]] = {
    "=": equal,
    "!=": unequal,
    "<": less,
    "<=": at_most,
    ">": more,
    ">=": at_least,
}


def conjoin(results: list[Any]) -> bool | None:
    """Kleene's and: false if any is, true if all are, else null."""
    unknown = False
    for result in results:
        if result is False:
            return False
        unknown = unknown or result is not True
    return None if unknown else True


def disjoin(results: list[Any]) -> bool | None:
    """Kleene's or: true if any is, false if all are, else null."""
    unknown = False
    for result in results:
        if result is True:
            return True
        unknown = unknown or result is not False
    return None if unknown else False


def within(value: Any, interval: Interval) -> bool | None:
    """Whether `value` lies in `interval`; null when they cannot be compared."""
    if value is None:
        return None
    if interval.low is None:
        return (at_most if interval.high_closed else less)(value, interval.high)
    if interval.high is None:
        return (at_least if interval.low_closed else more)(value, interval.low)
    return between(value, interval.low, interval.high, interval.low_closed, interval.high_closed)


def between(value: Any, low: Any, high: Any, low_closed: bool, high_closed: bool) -> bool | None:
    """Whether `value` lies between two ends, three-valued: an end that is null leaves it open."""
    above = (at_least if low_closed else more)(value, low)
    return conjoin([above, (at_most if high_closed else less)(value, high)])


def interval(low: Any, high: Any, low_closed: bool, high_closed: bool) -> Interval | None:
    """A range from its ends, which must be of one ordered type; else null."""
    if low is None or high is None or less(low, high) is None:
        return None
    return Interval(low, high, low_closed, high_closed)


def belongs(value: Any, test: Any) -> bool | None:
    """Whether `value` satisfies a test that is a value: a range, a list of tests, or its equal."""
    if type(test) is Interval and type(value) is not Interval:
        return within(value, test)
    if type(test) is list:
        if type(value) is list and equal(value, test) is True:
            return True
        return any(belongs(value, item) is True for item in test)
    if type(value) is list and type(test) is not list:
        return disjoin([belongs(item, test) for item in value]) if len(value) == 1 else equal(value, test)
    return equal(value, test)
