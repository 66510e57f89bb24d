"""The built-in functions of dates, times and durations; a wrong type or number of arguments gives null."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tallystick.feel import temporal
from tallystick.feel.operations import Months
from tallystick.feel.registry import Registrar

_builtin = Registrar()
DATES = _builtin.found
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


@_builtin("duration", "from", types=(str,))
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
