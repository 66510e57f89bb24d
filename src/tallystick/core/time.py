"""Instants and spans: whole microseconds, UTC, with explicit zones."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from tallystick.core.errors import InputError
from tallystick.core.words import WORDS

Instant: TypeAlias = int
"""An instant: int64 microseconds since 1970-01-01T00:00:00Z."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SPAN = re.compile(r"(\d+)\s*(us|ms|s|min|h|d|w)")
_UNITS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}


class Span(msgspec.Struct, frozen=True, order=True):
    """A length of time in whole microseconds; a day is 24 hours whatever the clocks do.

    Examples
    --------
    >>> Span.parse("30d").micros
    2592000000000
    >>> str(Span.parse("90min"))
    '90min'
    """

    micros: int

    @classmethod
    def parse(cls, text: str) -> Span:
        """Read a span such as "7d", "1h" or "15min"; raises `InputError` for anything else."""
        match = _SPAN.fullmatch(text.strip())
        if match is None:
            raise InputError(WORDS("span.text", given=text))
        return cls(int(match[1]) * _UNITS[match[2]])

    def __str__(self) -> str:
        for unit in ("w", "d", "h", "min", "s", "ms"):
            if self.micros and self.micros % _UNITS[unit] == 0 and unit != "w":
                return f"{self.micros // _UNITS[unit]}{unit}"
        return f"{self.micros}us"


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The time zone called `name`; raises `InputError` when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(WORDS("time.zone", given=name)) from None


def to_instant(moment: datetime) -> Instant:
    """The instant of an aware `datetime`, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(instant: Instant, zone: str = "UTC") -> datetime:
    """The aware `datetime` at which clocks in `zone` show `instant`."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone_of(zone))


def parse_instant(text: str, zone: str = "UTC") -> Instant:
    """Read RFC 3339, or a local date-time or date in `zone`.

    A local time that the clocks skip or show twice is refused: it names no single instant.

    Examples
    --------
    >>> parse_instant("1970-01-01T01:00:00+01:00")
    0
    >>> parse_instant("2026-03-01", "Europe/Berlin")
    1772319600000000
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(WORDS("time.text", given=text, zone=zone)) from None
    if moment.tzinfo is not None:
        return to_instant(moment)
    early = to_instant(moment.replace(tzinfo=zone_of(zone), fold=0))
    late = to_instant(moment.replace(tzinfo=zone_of(zone), fold=1))
    if early != late:
        first, second = (format_instant(instant, zone) for instant in sorted((early, late)))
        code = "time.twice" if early < late else "time.skipped"
        raise InputError(WORDS(code, given=text, zone=zone, first=first, second=second))
    return early


def format_instant(instant: Instant, zone: str = "UTC") -> str:
    """RFC 3339 text with as many decimals as are needed; UTC ends in Z.

    Examples
    --------
    >>> format_instant(0)
    '1970-01-01T00:00:00Z'
    """
    text = to_datetime(instant, zone).isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
