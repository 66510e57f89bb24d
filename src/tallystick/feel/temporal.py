"""Dates, times and durations as FEEL reads, shows and takes them apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tallystick.core import InputError, zone_of
from tallystick.feel.operations import DAY, NUMBERS, Interval, Months

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2}(?::\d{2})?|@[\w/+-]+)?", re.ASCII)
_DAYS = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9})\d*)?S)?)?", re.ASCII)
_MONTHS = re.compile(r"(-)?P(?:(\d+)Y)?(?:(\d+)M)?", re.ASCII)
NUMBER_TEXT = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
"""Text that `number` reads."""
_UNITS = (("D", 86_400), ("H", 3_600), ("M", 60))


def parse_date(text: str) -> date | None:
    """A date such as 2026-03-01, or None."""
    match = _DATE.fullmatch(text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def parse_time(text: str) -> time | None:
    """A time such as 08:30:00, 08:30:00Z, 08:30:00+01:00 or 08:30:00@Europe/Berlin, or None."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        micros = int((match[4] or "0").ljust(9, "0")[:6])
        return time(int(match[1]), int(match[2]), int(match[3]), micros, _zone(match[5]))
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
    if hours > 14 or minutes > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)
    return timezone(-offset if text[0] == "-" else offset)


def clock(hour: Decimal, minute: Decimal, second: Decimal, offset: timedelta | None) -> time | None:
    """A time from its parts, or None when they name none."""
    whole = int(second)
    try:
        zone = None if offset is None else timezone(offset)
        return time(int(hour), int(minute), whole, int(second.scaleb(6, NUMBERS)) % 1_000_000, zone)
    except (ValueError, OverflowError):
        return None


def parse_moment(text: str) -> datetime | None:
    """A date and time such as 2026-03-01T08:30:00Z; a date alone is its midnight."""
    day, separator, clock = text.partition("T")
    parsed = parse_date(day)
    late = clock.startswith("24:00:00")
    at = parse_time(clock.replace("24", "00", 1) if late else clock) if separator else time()
    if parsed is None or at is None:
        return None
    try:
        return datetime.combine(parsed + DAY if late else parsed, at)
    except OverflowError:
        return None


def parse_duration(text: str) -> timedelta | Months | None:
    """A duration such as P30D, PT1H30M or P1Y6M, or None."""
    if text[-1:] in ("P", "T", "-", ""):
        return None
    match = _MONTHS.fullmatch(text)
    if match is not None:
        months = int(match[2] or 0) * 12 + int(match[3] or 0)
        return Months(-months if match[1] else months)
    match = _DAYS.fullmatch(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    try:
        span = timedelta(int(days or 0), int(seconds or 0), 0, 0, int(minutes or 0), int(hours or 0))
        span += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
    except OverflowError:
        return None
    return -span if sign else span


def literal(text: str) -> Any:
    """The value of an at-literal: @"2026-03-01", @"08:30:00", @"P1D", or None."""
    for parse in (parse_date, parse_time, parse_duration):
        value = parse(text)
        if value is not None:
            return value
    return parse_moment(text) if "T" in text else None


def show(value: Any) -> str:
    """A temporal value as FEEL text, which `literal` reads back."""
    if isinstance(value, datetime):
        return f"{value.date().isoformat()}T{_show_time(value.timetz(), value)}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return _show_time(value, None)
    if isinstance(value, Months):
        years, months = divmod(abs(value.months), 12)
        body = (f"{years}Y" if years else "") + (f"{months}M" if months or not years else "")
        return ("-P" if value.months < 0 else "P") + body
    return _show_days(value)


def _show_time(value: time, moment: datetime | None) -> str:
    clock = value.replace(tzinfo=None).isoformat()
    clock = clock.rstrip("0") if "." in clock else clock
    if isinstance(value.tzinfo, ZoneInfo):
        return f"{clock}@{value.tzinfo.key}"
    offset = (moment or value).utcoffset()
    if offset is None:
        return clock
    if not offset:
        return clock + "Z"
    sign, rest = ("-", -offset) if offset < timedelta(0) else ("+", offset)
    hours, minutes = divmod(int(rest.total_seconds()) // 60, 60)
    return f"{clock}{sign}{hours:02}:{minutes:02}"


def _show_days(value: timedelta) -> str:
    size = abs(value)
    rest, text, parted = size.days * 86_400 + size.seconds, "", False
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count:
            text += ("T" if unit != "D" and not parted else "") + f"{count}{unit}"
            parted = parted or unit != "D"
    if rest or size.microseconds:
        fraction = f".{size.microseconds:06}".rstrip("0") if size.microseconds else ""
        text += ("" if parted else "T") + f"{rest}{fraction}S"
    return ("-P" if value < timedelta(0) else "P") + (text or "T0S")


def _offset(value: Any) -> timedelta | None:
    if value.tzinfo is None:
        return None
    offset: timedelta | None = value.utcoffset()
    return offset


def _number(read: Callable[[Any], int]) -> Callable[[Any], Decimal]:
    return lambda value: Decimal(read(value))


def _zone_name(value: Any) -> str | None:
    return value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None


def _part(seconds: int, modulus: int) -> Callable[[timedelta], Decimal]:
    def part(value: timedelta) -> Decimal:
        whole = int(abs(value).total_seconds()) if modulus else abs(value) // DAY
        count = whole // seconds % modulus if modulus else whole
        return Decimal(-count if value < timedelta(0) else count)

    return part


_DAY_PARTS: dict[str, Callable[[Any], Any]] = {
    "year": _number(lambda value: value.year),
    "month": _number(lambda value: value.month),
    "day": _number(lambda value: value.day),
    "weekday": _number(lambda value: value.isoweekday()),
}
_CLOCK_PARTS: dict[str, Callable[[Any], Any]] = {
    "hour": _number(lambda value: value.hour),
    "minute": _number(lambda value: value.minute),
    "second": _number(lambda value: value.second),
    "time offset": _offset,
    "timezone": _zone_name,
}
_PARTS: dict[type, dict[str, Callable[[Any], Any]]] = {
    date: _DAY_PARTS,
    datetime: _DAY_PARTS | _CLOCK_PARTS,
    time: _CLOCK_PARTS,
    timedelta: {
        "days": _part(1, 0),
        "hours": _part(3_600, 24),
        "minutes": _part(60, 60),
        "seconds": _part(1, 60),
    },
    Months: {
        "years": lambda value: Decimal(int(value.months / 12)),
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
        return [member(item, name) for item in value]
    part = _PARTS.get(type(value), {}).get(name)
    return None if part is None else part(value)
