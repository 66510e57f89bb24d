"""Arithmetic of dates, times and durations; `OverflowError` or `ValueError` where there is no result."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from tallystick.feel.civil import (
    DATES,
    DAY_NANOS,
    SPANS,
    TIMES,
    Months,
    at_instant,
    clock,
    date_at,
    date_of,
    day_number,
    days_in,
    instant,
    is_zoned,
    moment_of,
    months_of,
    nanos_of,
    rank,
    span_of,
    time_of,
)

NUMBERS = Context(
    prec=34, rounding=ROUND_HALF_EVEN, Emin=-6143, Emax=6144, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""IEEE 754 decimal128: 34 digits, half-even."""
_PLAIN_ZONES = (None, UTC)


def shift(moment: Any, duration: Any) -> Any:
    """A date, time or moment moved by a duration; None for kinds that do not fit."""
    kind = type(moment)
    if type(duration) is Months:
        return None if kind in TIMES else _shift_months(moment, duration.months)
    if type(duration) not in SPANS:
        return None
    if type(duration) is timedelta and (kind is date or (kind is datetime and moment.tzinfo in _PLAIN_ZONES)):
        # Python moves a date by the whole days of a duration, rounded down: so do we.
        with suppress(OverflowError):
            return moment + duration
    nanos = nanos_of(duration)
    if kind in DATES:
        return date_at(day_number(moment) + nanos // DAY_NANOS)
    if kind in TIMES:
        return time_of((clock(moment) + nanos) % DAY_NANOS, moment.tzinfo)
    return at_instant(instant(moment) + nanos, moment.tzinfo)


def _shift_months(moment: Any, months: int) -> Any:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = date_of(year, month + 1, min(moment.day, days_in(year, month + 1)))
    return day if type(moment) in DATES else moment_of(day_number(day), clock(moment), moment.tzinfo)


def since(a: Any, b: Any) -> Any:
    """The duration from `b` to `a`: times, or dates and moments; None when one is zoned and the other local.

    A date that meets a date and time stands for its midnight in UTC.
    """
    kind, other = type(a), type(b)
    if kind is other and (kind is date or (kind is datetime and a.tzinfo is b.tzinfo and a.tzinfo in _PLAIN_ZONES)):
        return a - b
    if kind in DATES and other in DATES:
        return span_of((day_number(a) - day_number(b)) * DAY_NANOS)
    if kind in DATES:
        a = moment_of(day_number(a), 0, UTC)
    if other in DATES:
        b = moment_of(day_number(b), 0, UTC)
    return span_of(instant(a) - instant(b)) if is_zoned(a) == is_zoned(b) else None


def between_months(start: Any, end: Any) -> Months:
    """The whole months from one date (or the date of a moment) to another, towards zero."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if months > 0 and end.day < start.day:
        months -= 1
    elif months < 0 and end.day > start.day:
        months += 1
    return Months(months)


def times(duration: Any, factor: Decimal) -> Any:
    """A duration times a number: to the nanosecond, or to the month, the rest dropped."""
    return _like(duration, NUMBERS.multiply(Decimal(rank(duration)), factor))


def over(duration: Any, divisor: Decimal) -> Any:
    """A duration divided by a number, the rest dropped."""
    return _like(duration, NUMBERS.divide(Decimal(rank(duration)), divisor))


def _like(duration: Any, amount: Decimal) -> Any:
    # Thirty-five digits are beyond every duration: no huge integer is made on the way to the refusal.
    if amount and amount.adjusted() > 34:
        raise OverflowError(amount)
    whole = int(amount.to_integral_value(ROUND_DOWN))
    return months_of(whole) if type(duration) is Months else span_of(whole)


def ratio(a: Any, b: Any) -> Decimal:
    """How many times one duration goes into another of its kind."""
    # Adding nothing makes -0, which FEEL does not have, 0.
    return NUMBERS.plus(NUMBERS.divide(Decimal(rank(a)), Decimal(rank(b))))


def total(a: Any, b: Any, sign: int = 1) -> Any:
    """The sum of two durations of one kind, or their difference with `sign` -1."""
    if type(a) is timedelta and type(b) is timedelta:
        with suppress(OverflowError):
            return a + b if sign > 0 else a - b
    amount = rank(a) + sign * rank(b)
    return months_of(amount) if type(a) is Months else span_of(amount)


def opposite(duration: Any) -> Any:
    """A duration backwards."""
    return Months(-duration.months) if type(duration) is Months else span_of(-nanos_of(duration))
