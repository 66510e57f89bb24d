"""The operators of FEEL on values: null-safe, three-valued, decimal to 34 digits."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, DecimalException
from typing import Any

import msgspec

from tallystick.feel import spans
from tallystick.feel.budget import BUDGET
from tallystick.feel.civil import (
    DATES,
    MOMENTS,
    SPANS,
    TIMES,
    Months,
    WideDate,
    WideSpan,
    instant,
    is_zoned,
    rank,
    with_zone,
)
from tallystick.feel.spans import NUMBERS

__all__ = [
    "COMPARED_MAX",
    "COMPARISONS",
    "DAY",
    "NUMBERS",
    "STRING_MAX",
    "Function",
    "Interval",
    "Months",
    "add",
    "at_least",
    "at_most",
    "belongs",
    "between",
    "conjoin",
    "disjoin",
    "divide",
    "equal",
    "interval",
    "is_zoned",
    "kind_of",
    "less",
    "more",
    "multiply",
    "negate",
    "power",
    "subtract",
    "unequal",
    "within",
]

DAY = timedelta(days=1)
STRING_MAX = 1_000_000
"""Characters of the longest string that an expression makes."""
COMPARED_MAX = 300_000
"""Values that are compared within two lists or contexts."""
EXPONENT_MAX = 999_999_999
"""The furthest from zero that an exponent of `**` lies."""
_FAULTS = (DecimalException, OverflowError, ValueError)


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


_KINDS: dict[type, type] = {kind: forms[0] for forms in (DATES, TIMES, MOMENTS, SPANS) for kind in forms}
_KINDS[Months] = Months
_DURATIONS = (*SPANS, Months)
_CLOCKS = (*TIMES, *MOMENTS)
_MOVABLE = (*DATES, *TIMES, *MOMENTS)


def kind_of(value: Any) -> type:
    """The type of a value, that of Python's own form where a date, time or duration has a wide one."""
    kind = type(value)
    return _KINDS.get(kind, kind)


def add(a: Any, b: Any) -> Any:
    """`a + b`."""
    kind, other = type(a), type(b)
    try:
        if kind is Decimal and other is Decimal:
            return NUMBERS.add(a, b)
        if kind is str and other is str:
            return a + b if len(a) + len(b) <= STRING_MAX else None
        if kind in _DURATIONS:
            if other in _DURATIONS:
                return spans.total(a, b) if _KINDS[kind] is _KINDS[other] else None
            return spans.shift(b, a) if other in _MOVABLE else None
        if kind in _MOVABLE:
            return spans.shift(a, b)
    except _FAULTS:
        return None
    return None


def subtract(a: Any, b: Any) -> Any:
    """`a - b`; a zoned moment minus a local one is null."""
    kind, other = type(a), type(b)
    try:
        if kind is Decimal and other is Decimal:
            return NUMBERS.subtract(a, b)
        if kind in _DURATIONS:
            return spans.total(a, b, -1) if _KINDS[kind] is _KINDS.get(other) else None
        if kind not in _MOVABLE:
            return None
        if other in _DURATIONS:
            return spans.shift(a, spans.opposite(b))
        if (kind in TIMES) is (other in TIMES) and other in _MOVABLE:
            return spans.since(a, b)
    except _FAULTS:
        return None
    return None


def multiply(a: Any, b: Any) -> Any:
    """`a * b`; a duration times a number is a duration."""
    kind, other = type(a), type(b)
    try:
        if kind is Decimal and other is Decimal:
            return _unsigned(NUMBERS.multiply(a, b))
        if kind is Decimal and other in _DURATIONS:
            return spans.times(b, a)
        if other is Decimal and kind in _DURATIONS:
            return spans.times(a, b)
    except _FAULTS:
        return None
    return None


def divide(a: Any, b: Any) -> Any:
    """`a / b`; division by zero is null."""
    kind, other = type(a), type(b)
    try:
        if kind is Decimal and other is Decimal:
            return _unsigned(NUMBERS.divide(a, b))
        if kind in _DURATIONS:
            if other is Decimal:
                return spans.over(a, b)
            return spans.ratio(a, b) if _KINDS[kind] is _KINDS.get(other) else None
    except _FAULTS:
        return None
    return None


def power(a: Any, b: Any) -> Any:
    """`a ** b`; null where there is no such number, as for zero to a negative power."""
    if type(a) is not Decimal or type(b) is not Decimal or abs(b) > EXPONENT_MAX:
        return None
    if not a:
        return a.copy_abs() if b > 0 else None
    try:
        return NUMBERS.power(a, b)
    except DecimalException:
        return None


def _unsigned(number: Decimal) -> Decimal:
    # FEEL has one zero.
    return number if number else number.copy_abs()


def negate(a: Any) -> Any:
    """`-a`."""
    if type(a) is Decimal:
        return a.copy_negate() if a else a
    try:
        return spans.opposite(a) if type(a) in _DURATIONS else None
    except OverflowError:
        return None


_ATOMS = (Decimal, str, bool, date, timedelta, Months, WideDate, WideSpan)
_PLAIN_ZONES = (None, UTC)


def equal(a: Any, b: Any) -> bool | None:
    """`a = b`: false when only one is null, null when the types differ."""
    if a is None or b is None:
        return a is b
    kind = type(a)
    if kind is not type(b):
        # A value has one form, but one instant may be told in two: by a wide clock and by a narrow one.
        return _equal_clocks(a, b) if kind in _KINDS and kind_of(a) is kind_of(b) else None
    if kind in _ATOMS:
        return bool(a == b)
    if kind in _KINDS:
        return _equal_clocks(a, b)
    if kind in (list, dict):
        left = [COMPARED_MAX]
        try:
            return _equal_within(a, b, left)
        except OverflowError:
            return None
        finally:
            BUDGET.spend(COMPARED_MAX - left[0])
    if kind is Function:
        return a.call is b.call or same_function(a, b)
    return _equal_intervals(a, b) if kind is Interval else None


def same_function(a: Function, b: Function) -> bool:
    """Whether two functions are made alike: one built-in, or the same parameters and body that read no other name."""
    made = getattr(a.call, "made", None)
    return made is not None and made == getattr(b.call, "made", None)


def _equal_within(a: Any, b: Any, left: list[int]) -> bool | None:
    """Equality that takes no more than `left` comparisons: a small value may hold one list very many times."""
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError
    if type(a) is list and type(b) is list:
        if len(a) != len(b):
            return False
        pairs = zip(a, b, strict=True)
    elif type(a) is dict and type(b) is dict:
        if a.keys() != b.keys():
            return False
        pairs = zip(a.values(), (b[key] for key in a), strict=True)
    else:
        return equal(a, b)
    return _all([_equal_within(x, y, left) for x, y in pairs])


def _equal_clocks(a: Any, b: Any) -> bool:
    if type(a) in _ATOMS or type(b) in _ATOMS:
        return False
    if is_zoned(a) is not is_zoned(b):
        return False
    return bool(a == b) if a.tzinfo is b.tzinfo and a.tzinfo in _PLAIN_ZONES else instant(a) == instant(b)


def _equal_intervals(a: Interval, b: Interval) -> bool | None:
    if a.low_closed is not b.low_closed or a.high_closed is not b.high_closed:
        return False
    return _all([equal(a.low, b.low), equal(a.high, b.high)])


def _all(results: list[bool | None]) -> bool | None:
    return False if False in results else None if None in results else True


def unequal(a: Any, b: Any) -> bool | None:
    """`a != b`."""
    result = equal(a, b)
    return None if result is None else not result


Comparison = Callable[[Any, Any], bool | None]


def _ordered(compare: Callable[[Any, Any], bool], strict: Callable[[Any, Any], bool]) -> Comparison:
    def ordered(a: Any, b: Any) -> bool | None:
        kind = type(a)
        if kind is type(b):
            if kind in (Decimal, str, date, timedelta, Months):
                return compare(a, b)
            if kind is datetime and a.tzinfo is b.tzinfo and a.tzinfo in _PLAIN_ZONES:
                return compare(a, b)
        if kind not in _KINDS or kind_of(a) is not kind_of(b):
            return None
        if kind in _CLOCKS and is_zoned(a) is not is_zoned(b):
            # The local one takes the other's offset for this, but equal they are not.
            return strict(rank(with_zone(a, a.tzinfo or b.tzinfo)), rank(with_zone(b, b.tzinfo or a.tzinfo)))
        return compare(rank(a), rank(b))

    return ordered


less = _ordered(operator.lt, operator.lt)
at_most = _ordered(operator.le, operator.lt)
more = _ordered(operator.gt, operator.gt)
at_least = _ordered(operator.ge, operator.gt)
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
    """A range from its ends, which must be of one ordered type and in order; else null."""
    if low is None or high is None or more(low, high) is not False:
        return None
    return Interval(low, high, low_closed, high_closed)


def belongs(value: Any, test: Any) -> bool | None:
    """Whether `value` satisfies a test that is a value: a range, a list of tests, or its equal."""
    if type(test) is not list and type(value) is not list:
        return within(value, test) if type(test) is Interval and type(value) is not Interval else equal(value, test)
    try:
        return _belongs(value, test, [COMPARED_MAX])
    except OverflowError:
        return None


def _belongs(value: Any, test: Any, left: list[int]) -> bool | None:
    """The same by no more than `left` tests: a small list may hold one list very many times."""
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError
    BUDGET.spend(1)
    if type(test) is Interval and type(value) is not Interval:
        return within(value, test)
    if type(test) is list:
        if type(value) is list and equal(value, test) is True:
            return True
        return any(_belongs(value, item, left) is True for item in test)
    if type(value) is list and len(value) == 1:
        return disjoin([_belongs(value[0], test, left)])
    return equal(value, test)
