"""The built-in functions of dates, times and durations; a wrong type or number of arguments gives null."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallystick.feel import temporal
from tallystick.feel.civil import (
    DATES,
    MOMENTS,
    SPANS,
    TIMES,
    AnyDate,
    AnyMoment,
    AnyTime,
    Months,
    clock_of,
    combine,
    date_of,
    day_number,
    day_of,
    time_of,
    weekday,
)
from tallystick.feel.registry import Registrar, whole
from tallystick.feel.spans import between_months

_builtin = Registrar()
BUILTINS = _builtin.found
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH_NAMES = (
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
_NULL = type(None)
_DAYS = (*DATES, *MOMENTS)


@_builtin("date", "from", types=((str, *_DAYS),))
def _date(value: Any) -> AnyDate | None:
    if type(value) is str:
        return temporal.parse_date(value)
    return day_of(value) if type(value) in MOMENTS else value


@_builtin("date", "year, month, day", types=(Decimal, Decimal, Decimal))
def _date_from_parts(year: Decimal, month: Decimal, day: Decimal) -> AnyDate | None:
    return date_of(whole(year), whole(month), whole(day))


@_builtin("time", "from", types=((str, *DATES, *TIMES, *MOMENTS),))
def _time(value: Any) -> AnyTime | None:
    kind = type(value)
    if kind is str:
        return temporal.parse_time(value)
    if kind in DATES:
        return time_of(0, UTC)
    return clock_of(value) if kind in MOMENTS else value


@_builtin("time", "hour, minute, second, offset?", types=(Decimal, Decimal, Decimal, (*SPANS, _NULL)))
def _time_from_parts(hour: Decimal, minute: Decimal, second: Decimal, offset: Any = None) -> AnyTime | None:
    return temporal.time_from_parts(whole(hour), whole(minute), second, offset)


@_builtin("date and time", "from", types=((str, *MOMENTS),))
def _date_and_time(value: Any) -> AnyMoment | None:
    return temporal.parse_moment(value) if type(value) is str else value


@_builtin("date and time", "date, time", types=(_DAYS, TIMES))
def _date_and_time_of(day: Any, at: AnyTime) -> AnyMoment:
    return combine(day, at)


@_builtin("duration", "from", types=(str,))
def _duration(text: str) -> Any:
    return temporal.parse_duration(text)


@_builtin("years and months duration", "from, to", types=(_DAYS, _DAYS))
def _months_between(start: Any, end: Any) -> Months:
    return between_months(start, end)


@_builtin("day of week", "date", types=(_DAYS,))
def _day_of_week(day: Any) -> str:
    return _WEEKDAYS[weekday(day) - 1]


@_builtin("day of year", "date", types=(_DAYS,))
def _day_of_year(day: Any) -> Decimal:
    return Decimal(day_number(day) - day_number(date_of(day.year, 1, 1)) + 1)


@_builtin("month of year", "date", types=(_DAYS,))
def _month_of_year(day: Any) -> str:
    return _MONTH_NAMES[day.month - 1]


@_builtin("week of year", "date", types=(_DAYS,))
def _week_of_year(day: Any) -> Decimal:
    # ISO 8601: the week belongs to the year of its Thursday; the calendar repeats after 400 years.
    year = 2000 + day.year % 400
    return Decimal(datetime(year, day.month, day.day).isocalendar().week)


# The compiler passes the moment of the call as the first argument to these two.


@_builtin("now", "")
def _now(now: Any) -> AnyMoment | None:
    return now if type(now) in MOMENTS else None


@_builtin("today", "")
def _today(now: Any) -> AnyDate | None:
    return day_of(now) if type(now) in MOMENTS else None
