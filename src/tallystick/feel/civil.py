"""Dates, times and durations of any year to ±999,999,999 and to the nanosecond, in integers.

Python's own types stand for every value that they can hold; the wide records stand for all others, so that a value
has one form only.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, TypeAlias, TypeGuard

import msgspec

YEAR_MAX = 999_999_999
SPAN_MAX = 10**34
"""A duration has fewer nanoseconds, or fewer months, than this: each is a number of 34 digits at most."""
SECOND = 1_000_000_000
"""Nanoseconds in a second."""
DAY_NANOS = 86_400 * SECOND
OFFSET_MAX = 14 * 3_600
"""The furthest from UTC that an offset lies, in seconds (XML Schema)."""
_EPOCH = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_NARROW_MICROS = (timedelta.min // _MICROSECOND, timedelta.max // _MICROSECOND)
_CYCLE = 400
"""The Gregorian calendar repeats after so many years, weekdays included."""


class WideDate(msgspec.Struct, frozen=True, order=True):
    """A date whose year lies outside 1 to 9999."""

    year: int
    month: int
    day: int


class WideTime(msgspec.Struct, frozen=True):
    """A time finer than a microsecond."""

    hour: int
    minute: int
    second: int
    nanosecond: int
    tzinfo: tzinfo | None = None


class WideMoment(msgspec.Struct, frozen=True):
    """A date and time outside the years 1 to 9999, or finer than a microsecond; `fold` as in Python's datetime."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanosecond: int
    tzinfo: tzinfo | None = None
    fold: int = 0


class WideSpan(msgspec.Struct, frozen=True, order=True):
    """A days and time duration beyond a timedelta, or finer than a microsecond."""

    nanoseconds: int


class Months(msgspec.Struct, frozen=True, order=True):
    """A years and months duration, in whole months."""

    months: int


DATES = (date, WideDate)
TIMES = (time, WideTime)
MOMENTS = (datetime, WideMoment)
SPANS = (timedelta, WideSpan)
AnyDate: TypeAlias = date | WideDate
AnyTime: TypeAlias = time | WideTime
AnyMoment: TypeAlias = datetime | WideMoment
AnySpan: TypeAlias = timedelta | WideSpan


def is_date(value: Any) -> TypeGuard[AnyDate]:
    """Whether a value is a date (and no date and time)."""
    return type(value) in DATES


def is_time(value: Any) -> TypeGuard[AnyTime]:
    """Whether a value is a time."""
    return type(value) in TIMES


def is_moment(value: Any) -> TypeGuard[AnyMoment]:
    """Whether a value is a date and time."""
    return type(value) in MOMENTS


def is_span(value: Any) -> TypeGuard[AnySpan]:
    """Whether a value is a days and time duration."""
    return type(value) in SPANS


def is_duration(value: Any) -> bool:
    """Whether a value is a duration of either kind."""
    return type(value) in (timedelta, WideSpan, Months)


def is_zoned(value: Any) -> bool:
    """Whether a time or a date and time carries an offset or a zone."""
    return value.tzinfo is not None


def with_zone(value: Any, zone: tzinfo | None) -> Any:
    """A time or a date and time whose clock shows the same in another zone."""
    if value.tzinfo is zone:
        return value
    if isinstance(value, datetime | time):
        return value.replace(tzinfo=zone)
    return msgspec.structs.replace(value, tzinfo=zone)


def days_in(year: int, month: int) -> int:
    """The days of a month, of any year."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def date_of(year: int, month: int, day: int) -> AnyDate:
    """The date of a year, month and day; `ValueError` when there is none."""
    if 1 <= year <= 9999:
        return date(year, month, day)
    if not (abs(year) <= YEAR_MAX and 1 <= month <= 12 and 1 <= day <= days_in(year, month)):
        raise ValueError(year)
    return WideDate(year, month, day)


def time_of(nanos: int, zone: tzinfo | None) -> AnyTime:
    """The time so many nanoseconds (0 to a day) after midnight."""
    seconds, rest = divmod(nanos, SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    if rest % 1000:
        return WideTime(hour, minute, second, rest, zone)
    return time(hour, minute, second, rest // 1000, zone)


def moment_of(days: int, nanos: int, zone: tzinfo | None, fold: int = 0) -> AnyMoment:
    """The date and time of a day number and nanoseconds (0 to a day) after its midnight."""
    day, at = date_at(days), time_of(nanos, zone)
    if type(day) is date and type(at) is time:
        return datetime.combine(day, at).replace(fold=fold)
    return WideMoment(day.year, day.month, day.day, at.hour, at.minute, at.second, nanos % SECOND, zone, fold)


def span_of(nanos: int) -> AnySpan:
    """The days and time duration of so many nanoseconds; `OverflowError` beyond all bounds."""
    micros, rest = divmod(nanos, 1000)
    if not rest and _NARROW_MICROS[0] <= micros <= _NARROW_MICROS[1]:
        return timedelta(microseconds=micros)
    if abs(nanos) >= SPAN_MAX:
        raise OverflowError(nanos)
    return WideSpan(nanos)


def months_of(months: int) -> Months:
    """The years and months duration of so many months; `OverflowError` beyond all bounds."""
    if abs(months) >= SPAN_MAX:
        raise OverflowError(months)
    return Months(months)


def offset_zone(seconds: int) -> timezone:
    """The zone of a fixed offset in seconds; `ValueError` beyond ±14 hours."""
    if abs(seconds) > OFFSET_MAX:
        raise ValueError(seconds)
    return timezone(timedelta(seconds=seconds)) if seconds else UTC


def day_number(value: AnyDate | AnyMoment) -> int:
    """The days from 1970-01-01 to a date, or to the date of a date and time."""
    if isinstance(value, date):
        return value.toordinal() - _EPOCH
    # Years begin in March, so that the leap day is the last of its year.
    year = value.year - (value.month <= 2)
    era, of_era = divmod(year, _CYCLE)
    of_year = (153 * ((value.month + 9) % 12) + 2) // 5 + value.day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def date_at(days: int) -> AnyDate:
    """The date so many days after 1970-01-01."""
    if 0 < days + _EPOCH <= 3_652_059:
        return date.fromordinal(days + _EPOCH)
    era, of_cycle = divmod(days + 719_468, 146_097)
    of_era = (of_cycle - of_cycle // 1460 + of_cycle // 36_524 - of_cycle // 146_096) // 365
    of_year = of_cycle - (365 * of_era + of_era // 4 - of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = (shifted + 2) % 12 + 1
    return date_of(era * _CYCLE + of_era + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1)


def nanosecond(value: AnyTime | AnyMoment) -> int:
    """The nanoseconds of the second of a time or a date and time."""
    return value.nanosecond if isinstance(value, WideTime | WideMoment) else value.microsecond * 1000


def clock(value: AnyTime | AnyMoment) -> int:
    """The nanoseconds from midnight to a time, as its clock shows them."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * SECOND + nanosecond(value)


def nanos_of(span: AnySpan) -> int:
    """The nanoseconds of a days and time duration."""
    if type(span) is timedelta:
        return ((span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds) * 1000
    return span.nanoseconds  # type: ignore[union-attr]


def offset(value: AnyTime | AnyMoment) -> timedelta | None:
    """How far a time's clock is ahead of UTC; None for a local one, and for a time whose zone needs a date."""
    if isinstance(value, datetime | time):
        return value.utcoffset()
    if value.tzinfo is None:
        return None
    if isinstance(value, WideTime):
        return value.tzinfo.utcoffset(None)
    return _stand_in(value).utcoffset()


def _stand_in(value: WideMoment) -> datetime:
    """The moment in a year of Python's that has the same calendar and the same rule of its zone."""
    year = value.year
    if not 2 <= year <= 9998:
        year = (9200 if year > 9998 else _CYCLE) + year % _CYCLE
    micros = value.nanosecond // 1000
    parts = (value.month, value.day, value.hour, value.minute, value.second, micros, value.tzinfo)
    return datetime(year, *parts, fold=value.fold)


_SOME_DAY = day_number(date(2000, 1, 1))


def instant(value: AnyMoment | AnyTime) -> int:
    """A moment's nanoseconds since 1970-01-01T00:00 UTC, or on its own clock when it is local.

    A time is taken on the first of January 2000: its zone needs a date.
    """
    if isinstance(value, time | WideTime):
        value = moment_of(_SOME_DAY, clock(value), value.tzinfo)
    ahead = offset(value)
    local = day_number(value) * DAY_NANOS + clock(value)
    return local if ahead is None else local - nanos_of(ahead)


def at_instant(nanos: int, zone: tzinfo | None) -> AnyMoment:
    """The moment that clocks of a zone show so many nanoseconds after 1970-01-01T00:00 UTC."""
    days, rest = divmod(nanos, DAY_NANOS)
    if zone is None or zone is UTC:
        return moment_of(days, rest, zone)
    universal = moment_of(days, rest, UTC)
    if not isinstance(universal, datetime) or not 1 < universal.year < 9999:
        parts = (universal.year, universal.month, universal.day, universal.hour, universal.minute, universal.second)
        universal = _stand_in(WideMoment(*parts, nanosecond(universal), UTC))
    shown = universal.astimezone(zone)
    ahead = shown.utcoffset()
    days, rest = divmod(nanos + (nanos_of(ahead) if ahead is not None else 0), DAY_NANOS)
    return moment_of(days, rest, zone, shown.fold)


def combine(day: AnyDate | AnyMoment, at: AnyTime) -> AnyMoment:
    """The moment of a date (or of a moment's date) and a time."""
    return moment_of(day_number(day), clock(at), at.tzinfo)


def day_of(moment: AnyMoment) -> AnyDate:
    """The date of a moment."""
    return moment.date() if isinstance(moment, datetime) else date_of(moment.year, moment.month, moment.day)


def clock_of(moment: AnyMoment) -> AnyTime:
    """The time of a moment, with its zone."""
    return time_of(clock(moment), moment.tzinfo)


def weekday(value: AnyDate | AnyMoment) -> int:
    """The day of the week, Monday 1 to Sunday 7."""
    return (day_number(value) + 3) % 7 + 1


def rank(value: Any) -> int:
    """An integer that orders the values of one kind: dates, times, moments or durations."""
    kind = type(value)
    if kind in DATES:
        return day_number(value)
    if kind in SPANS:
        return nanos_of(value)
    return value.months if kind is Months else instant(value)
