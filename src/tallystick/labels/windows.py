"""Where windows begin: sliding spans, calendar months in a zone, lifetimes."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import numpy as np

from tallystick.core import InputError, to_datetime, to_instant, zone_of
from tallystick.labels.facts import T_MAX, T_MIN
from tallystick.labels.kernels import FOREVER, Ints
from tallystick.labels.resolve import LIFETIME, MONTH
from tallystick.labels.words import WORDS

_DAY = 86_400_000_000


def check_instant(t: int) -> None:
    """Raise `InputError` for an instant outside the years 1 to 9999."""
    if not T_MIN <= t < T_MAX:
        raise InputError(WORDS("labels.time_range", given=t))


@lru_cache(maxsize=4096)
def _start_of(months: int, zone: str) -> int:
    """The instant at which a month (counted from year 0) begins; before year 1 there is none."""
    if months < 12:
        return -FOREVER
    if months >= 12 * 10000:
        return FOREVER
    moment = datetime(months // 12, months % 12 + 1, 1)
    if months == 12:
        return to_instant(moment.replace(tzinfo=zone_of("UTC"))) - _DAY
    return to_instant(moment.replace(tzinfo=zone_of(zone)))


def month_start(t: int, zone: str) -> int:
    """The latest start of a month that is not after `t`."""
    shown = to_datetime(min(max(t, T_MIN), T_MAX - 1), "UTC")
    # A zone's month is at most one off the month of UTC.
    months = shown.year * 12 + shown.month
    while _start_of(months, zone) > t:
        months -= 1
    return _start_of(months, zone)


def after(t: int, window_micros: int, delay_micros: int, zone: str) -> int:
    """The instant after which a window's facts lie: it is itself left out."""
    if window_micros == LIFETIME:
        return -FOREVER
    if window_micros == MONTH:
        return month_start(t - delay_micros, zone) - 1
    return t - delay_micros - window_micros


def after_all(t: Ints, window_micros: int, delay_micros: int, zone: str) -> Ints:
    """`after` for many instants."""
    if window_micros == LIFETIME:
        return np.full(t.size, -FOREVER, np.int64)
    if window_micros != MONTH or not t.size:
        return t - (delay_micros + window_micros)
    ends = t - delay_micros
    starts, end = [month_start(int(ends.min()), zone)], int(ends.max())
    shown = to_datetime(min(max(starts[0], T_MIN) + 15 * _DAY, T_MAX - 1), "UTC")
    months = shown.year * 12 + shown.month - 2
    while (start := _start_of(months, zone)) <= end:
        if start > starts[-1]:
            starts.append(start)
        months += 1
    found = np.array(starts, np.int64)
    return found[np.searchsorted(found, ends, side="right") - 1] - 1
