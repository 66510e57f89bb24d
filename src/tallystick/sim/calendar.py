"""The bank's calendar: local months and days in Berlin as instants."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import numpy as np

from tallystick.core import InputError, parse_instant
from tallystick.sim.chance import Ints
from tallystick.sim.words import WORDS

ZONE = "Europe/Berlin"
CURRENCY = "EUR"
HORIZON_MONTHS = 3
"""A statement's `default_next` looks this many months ahead."""

DAY_S = 86_400


class Calendar(msgspec.Struct, frozen=True):
    """Local days and months, from the start to the last month in which a default still matters.

    Attributes
    ----------
    months
        Months with payments.
    names
        "2025_01" for each month, `months` + `HORIZON_MONTHS` + 1 of them.
    month_of_year
        1 to 12 for each month.
    month_day
        Index of the first day of each month, and one more for the end.
    midnight_s
        Local midnight of each day, seconds UTC, and one more for the end.
    weekday
        0 (Monday) to 6 for each day.
    """

    months: int
    names: tuple[str, ...]
    month_of_year: Ints
    month_day: Ints
    midnight_s: Ints
    weekday: Ints

    def month_start_s(self, month: int) -> int:
        """The first second of a month, UTC; `month` may be one past the last."""
        return int(self.midnight_s[self.month_day[month]])

    @property
    def start_s(self) -> int:
        """The first second of the bank, UTC."""
        return self.month_start_s(0)

    @property
    def end_s(self) -> int:
        """The first second after the last payment, UTC."""
        return self.month_start_s(self.months)

    def month_at(self, second: Ints) -> Ints:
        """The month index of each instant (seconds UTC)."""
        return np.searchsorted(self.midnight_s[self.month_day], second, side="right").astype(np.int64) - 1


def calendar_from(start: str, months: int) -> Calendar:
    """The calendar of a bank.

    Parameters
    ----------
    start
        The first day of a month, such as "2025-01-01".
    months
        Months with payments, at least 1.

    Raises
    ------
    InputError
        When `start` is not the first day of a month.

    Examples
    --------
    >>> calendar_from("2025-01-01", 2).names
    ('2025_01', '2025_02', '2025_03', '2025_04', '2025_05', '2025_06')
    """
    try:
        first = date.fromisoformat(start)
    except (ValueError, TypeError):
        raise InputError(WORDS("sim.start", given=start)) from None
    if first.day != 1 or not 1990 <= first.year <= 2090:
        raise InputError(WORDS("sim.start", given=start))
    firsts = [_month_after(first, n) for n in range(months + HORIZON_MONTHS + 2)]
    days = [first + timedelta(days=n) for n in range((firsts[-1] - first).days + 1)]
    return Calendar(
        months=months,
        names=tuple(f"{day.year}_{day.month:02d}" for day in firsts[:-1]),
        month_of_year=np.array([day.month for day in firsts[:-1]], dtype=np.int64),
        month_day=np.array([(day - first).days for day in firsts], dtype=np.int64),
        midnight_s=np.array([parse_instant(day.isoformat(), ZONE) // 1_000_000 for day in days], dtype=np.int64),
        weekday=np.array([day.weekday() for day in days], dtype=np.int64),
    )


def _month_after(first: date, months: int) -> date:
    count = first.year * 12 + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
