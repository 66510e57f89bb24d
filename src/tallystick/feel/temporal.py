"""Dates, times and durations as FEEL reads, shows and takes them apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tallystick.core import InputError, zone_of
from tallystick.feel.budget import BUDGET
from tallystick.feel.civil import (
    DATES,
    DAY_NANOS,
    MOMENTS,
    SECOND,
    SPANS,
    TIMES,
    AnyDate,
    AnyMoment,
    AnySpan,
    AnyTime,
    Months,
    date_of,
    day_number,
    moment_of,
    months_of,
    nanos_of,
    nanosecond,
    offset,
    offset_zone,
    span_of,
    time_of,
    weekday,
)
from tallystick.feel.operations import NUMBERS, Interval

_DATE = re.compile(r"(-?(?:[1-9]\d{4,8}|\d{4}))-(\d{2})-(\d{2})", re.ASCII)
_TIME = re.compile(
    r"(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9})\d{0,99})?(Z|[+-]\d{2}:\d{2}(?::\d{2})?|@[\w/+-]+)?", re.ASCII
)
_DAYS = re.compile(
    r"(-)?P(?:(\d{1,40})D)?(?:T(?:(\d{1,40})H)?(?:(\d{1,40})M)?(?:(\d{1,40})(?:\.(\d{1,9})\d{0,99})?S)?)?", re.ASCII
)
_MONTHS = re.compile(r"(-)?P(?:(\d{1,40})Y)?(?:(\d{1,40})M)?", re.ASCII)
NUMBER_TEXT = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
"""Text that `number` reads."""
MEMBERS_MAX = 1_000_000
"""Items of the longest list whose members are taken at once."""
_UNITS = (("D", 86_400), ("H", 3_600), ("M", 60))


def parse_date(text: str) -> AnyDate | None:
    """A date such as 2026-03-01, with a year of -999999999 to 999999999, or None."""
    match = _DATE.fullmatch(text)
    if match is None or match[1] == "-0000":
        return None
    try:
        return date_of(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def parse_time(text: str) -> AnyTime | None:
    """A time such as 08:30:00, 08:30:00Z, 08:30:00+01:00 or 08:30:00@Europe/Berlin, or None."""
    read = _clock(text)
    return None if read is None else time_of(read[0] % DAY_NANOS, read[1])


def _clock(text: str) -> tuple[int, tzinfo | None] | None:
    """The nanoseconds after midnight, a whole day for 24:00:00, and the zone."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3])
    nanos = ((hour * 60 + minute) * 60 + second) * SECOND + int((match[4] or "0").ljust(9, "0"))
    if minute > 59 or second > 59 or nanos > DAY_NANOS or (hour == 24 and nanos != DAY_NANOS):
        return None
    try:
        return nanos, _zone(match[5])
    except (ValueError, InputError):
        return None


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    if text[0] == "@":
        return zone_of(text[1:])
    hours, minutes, *seconds = (int(part) for part in text[1:].split(":"))
    if minutes > 59 or (seconds and seconds[0] > 59):
        raise ValueError(text)
    ahead = (hours * 60 + minutes) * 60 + (seconds[0] if seconds else 0)
    return offset_zone(-ahead if text[0] == "-" else ahead)


def time_from_parts(hour: int, minute: int, second: Decimal, ahead: AnySpan | None) -> AnyTime | None:
    """A time from its parts, or None when they name none; the seconds may have a fraction."""
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second < 60):
        return None
    nanos = (hour * 60 + minute) * 60 * SECOND + int(second.scaleb(9, NUMBERS))
    seconds, rest = divmod(0 if ahead is None else nanos_of(ahead), SECOND)
    try:
        zone = None if ahead is None else offset_zone(seconds)
    except ValueError:
        return None
    return None if rest else time_of(nanos, zone)


def parse_moment(text: str) -> AnyMoment | None:
    """A date and time such as 2026-03-01T08:30:00Z; a date alone is its midnight."""
    day, separator, rest = text.partition("T")
    parsed = parse_date(day)
    at = _clock(rest) if separator else (0, None)
    if parsed is None or at is None:
        return None
    days, nanos = divmod(at[0], DAY_NANOS)
    try:
        return moment_of(day_number(parsed) + days, nanos, at[1])
    except ValueError:
        return None


def parse_duration(text: str) -> AnySpan | Months | None:
    """A duration such as P30D, PT1H30M or P1Y6M, or None."""
    if text[-1:] in ("P", "T", "-", ""):
        return None
    try:
        match = _MONTHS.fullmatch(text)
        if match is not None:
            months = int(match[2] or 0) * 12 + int(match[3] or 0)
            return months_of(-months if match[1] else months)
        match = _DAYS.fullmatch(text)
        if match is None:
            return None
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:5])
        nanos = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * SECOND + int((match[6] or "0").ljust(9, "0"))
        return span_of(-nanos if match[1] else nanos)
    except OverflowError:
        return None


def literal(text: str) -> Any:
    """The value of an at-literal: @"2026-03-01", @"08:30:00", @"P1D", or None."""
    for parse in (parse_date, parse_time, parse_duration):
        value = parse(text)
        if value is not None:
            return value
    return parse_moment(text) if "T" in text else None


def show(value: Any) -> str:
    """A temporal value as FEEL text, which `literal` reads back."""
    kind = type(value)
    if kind in MOMENTS:
        return f"{_show_date(value)}T{_show_time(value)}"
    if kind in DATES:
        return _show_date(value)
    if kind in TIMES:
        return _show_time(value)
    if kind is Months:
        years, months = divmod(abs(value.months), 12)
        body = (f"{years}Y" if years else "") + (f"{months}M" if months or not years else "")
        return ("-P" if value.months < 0 else "P") + body
    return _show_days(nanos_of(value))


def _show_date(value: AnyDate | AnyMoment) -> str:
    sign = "-" if value.year < 0 else ""
    return f"{sign}{abs(value.year):04}-{value.month:02}-{value.day:02}"


def _fraction(nanos: int) -> str:
    return f".{nanos:09}".rstrip("0") if nanos else ""


def _show_time(value: AnyTime | AnyMoment) -> str:
    shown = f"{value.hour:02}:{value.minute:02}:{value.second:02}{_fraction(nanosecond(value))}"
    if isinstance(value.tzinfo, ZoneInfo):
        return f"{shown}@{value.tzinfo.key}"
    ahead = offset(value)
    if ahead is None:
        return shown
    if not ahead:
        return shown + "Z"
    sign, rest = ("-", -ahead) if ahead < timedelta(0) else ("+", ahead)
    minutes, seconds = divmod(rest.days * 86_400 + rest.seconds, 60)
    return f"{shown}{sign}{minutes // 60:02}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")


def _show_days(nanos: int) -> str:
    (rest, fraction), text, parted = divmod(abs(nanos), SECOND), "", False
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count:
            text += ("T" if unit != "D" and not parted else "") + f"{count}{unit}"
            parted = parted or unit != "D"
    if rest or fraction:
        text += ("" if parted else "T") + f"{rest}{_fraction(fraction)}S"
    return ("-P" if nanos < 0 else "P") + (text or "T0S")


def _number(read: Callable[[Any], int]) -> Callable[[Any], Decimal]:
    return lambda value: Decimal(read(value))


def _seconds(nanos: int) -> Decimal:
    """So many nanoseconds as seconds, with a fraction where there is one."""
    count, rest = divmod(nanos, SECOND)
    return Decimal(nanos).scaleb(-9, NUMBERS).normalize(NUMBERS) if rest else Decimal(count)


def _towards_zero(number: int, modulus: int) -> int:
    return number % modulus if number >= 0 else -(-number % modulus)


def _zone_name(value: Any) -> str | None:
    return value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None


def _part(seconds: int, modulus: int) -> Callable[[Any], Decimal]:
    def part(value: Any) -> Decimal:
        nanos = nanos_of(value)
        count = abs(nanos) // (seconds * SECOND) % modulus
        return Decimal(-count if nanos < 0 else count)

    return part


_DAY_PARTS: dict[str, Callable[[Any], Any]] = {
    "year": _number(lambda value: value.year),
    "month": _number(lambda value: value.month),
    "day": _number(lambda value: value.day),
    "weekday": _number(weekday),
}
_CLOCK_PARTS: dict[str, Callable[[Any], Any]] = {
    "hour": _number(lambda value: value.hour),
    "minute": _number(lambda value: value.minute),
    "second": lambda value: _seconds(value.second * SECOND + nanosecond(value)),
    "time offset": offset,
    "timezone": _zone_name,
}
_SPAN_PARTS: dict[str, Callable[[Any], Any]] = {
    "days": _part(86_400, 10**40),
    "hours": _part(3_600, 24),
    "minutes": _part(60, 60),
    "seconds": lambda value: _seconds(_towards_zero(nanos_of(value), 60 * SECOND)),
}
_PARTS: dict[type, dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(DATES, _DAY_PARTS),
    **dict.fromkeys(MOMENTS, _DAY_PARTS | _CLOCK_PARTS),
    **dict.fromkeys(TIMES, _CLOCK_PARTS),
    **dict.fromkeys(SPANS, _SPAN_PARTS),
    Months: {
        "years": lambda value: Decimal(abs(value.months) // 12 * (-1 if value.months < 0 else 1)),
        "months": lambda value: Decimal(abs(value.months) % 12 * (-1 if value.months < 0 else 1)),
    },
    Interval: {
        "start": lambda value: value.low,
        "end": lambda value: value.high,
        "start included": lambda value: value.low_closed,
        "end included": lambda value: value.high_closed,
    },
}
PROPERTIES = frozenset(name for parts in _PARTS.values() for name in parts)
"""The members that values other than contexts have."""


def member(value: Any, name: str) -> Any:
    """`value.name`: a context's member, a property, or the members of a list's items; else null."""
    if type(value) is dict:
        return value.get(name)
    if type(value) is list:
        try:
            return _members(value, name, [MEMBERS_MAX])
        except OverflowError:
            return None
    part = _PARTS.get(type(value), {}).get(name)
    return None if part is None else part(value)


def _members(items: list[Any], name: str, left: list[int]) -> list[Any]:
    """The member of every item, of no more than `left`: a small list may hold one list very many times."""
    left[0] -= len(items)
    if left[0] < 0:
        raise OverflowError
    BUDGET.spend(len(items))
    return [_members(item, name, left) if type(item) is list else member(item, name) for item in items]
