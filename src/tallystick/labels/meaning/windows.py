"""Which instants a window takes: spans, lifetimes, calendar units in a zone, before and after a life event."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

import numpy as np

from tallystick.core import InputError, to_instant, zone_of
from tallystick.labels.kernels.rows import FOREVER, Ints
from tallystick.labels.meaning.facts import T_MAX, T_MIN
from tallystick.labels.plan import AFTER, BEFORE, CALENDAR, SPAN, Leaf, Window
from tallystick.labels.words import WORDS

UNITS = ("day", "week", "month", "quarter", "year")
"""Calendar units; a week begins on Monday (ISO 8601)."""

_DAY = 86_400_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date(9999, 12, 31).toordinal()
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_LONGEST = {"day": 2, "week": 8, "month": 32, "quarter": 93, "year": 367}
"""Days that a unit never exceeds: one more than its longest, for clocks that are put back, once by a whole day."""


def check_instant(t: int) -> None:
    """Raise `InputError` for an instant outside the years 1 to 9999."""
    if not T_MIN <= t < T_MAX:
        raise InputError(WORDS("labels.time_range", given=t))


def _index(unit: str, ordinal: int) -> int:
    """The number of the unit in which a day of the calendar lies."""
    if unit == "day":
        return ordinal
    if unit == "week":
        return (ordinal - 1) // 7
    day = date.fromordinal(min(max(ordinal, 1), _LAST_DAY))
    return (day.year * 12 + day.month - 1) // _MONTHS[unit]


@lru_cache(maxsize=65536)
def start_of(unit: str, index: int, zone: str) -> int:
    """The instant at which a unit begins in a zone; before the year 1 and after 9999 there is none."""
    if unit in _MONTHS:
        months = index * _MONTHS[unit]
        if not 12 <= months < 120_000:
            return -FOREVER if months < 12 else FOREVER
        first = date(months // 12, months % 12 + 1, 1)
    else:
        ordinal = index if unit == "day" else index * 7 + 1
        if not 1 <= ordinal <= _LAST_DAY:
            return -FOREVER if ordinal < 1 else FOREVER
        first = date.fromordinal(ordinal)
    moment = datetime(first.year, first.month, first.day)
    if first == date.min:
        # Some zone's first day begins before the calendar of UTC does.
        return to_instant(moment.replace(tzinfo=zone_of("UTC"))) - _DAY
    return to_instant(moment.replace(tzinfo=zone_of(zone)))


def unit_at(unit: str, t: int, zone: str) -> int:
    """The number of the unit in which an instant lies, by the clock of a zone."""
    # A zone's date is at most one day off that of UTC.
    index = _index(unit, t // _DAY + _EPOCH_DAY + 1)
    while start_of(unit, index, zone) > t:
        index -= 1
    return index


def bounds(window: Window, t: int, delay: int, zone: str, anchor: int | None) -> tuple[int, int]:
    """A window's facts have `after < at <= until`; those of events and sessions lie at its end.

    Parameters
    ----------
    window
        The window.
    t, delay
        The point and the label's delay, microseconds.
    zone
        IANA time zone of calendar units.
    anchor
        The instant that a window before or after a life event hangs on.
    """
    end = t - delay
    if window.kind == SPAN:
        return end - window.micros, end
    if window.kind == CALENDAR:
        return _period(window, end, unit_at(window.unit, end, zone), zone)
    if window.kind == AFTER:
        assert anchor is not None
        return anchor, min(end, anchor + window.micros) if window.micros else end
    if window.kind == BEFORE:
        assert anchor is not None
        return anchor - window.micros - 1 if window.micros else -FOREVER, min(end, anchor - 1)
    return -FOREVER, end


def _period(window: Window, end: int, index: int, zone: str) -> tuple[int, int]:
    if not window.back:
        return start_of(window.unit, index, zone) - 1, end
    start = start_of(window.unit, index - window.back, zone)
    last = start_of(window.unit, index - window.back + 1, zone) - 1
    if window.to_date:
        last = min(last, start + end - start_of(window.unit, index, zone))
    return max(start, 1 - FOREVER) - 1, last


def bounds_all(window: Window, t: Ints, delay: int, zone: str, anchor: Ints | None) -> tuple[Ints, Ints]:
    """`bounds` for many instants."""
    end = t - delay if delay else t
    if window.kind == SPAN:
        return end - window.micros, end
    if window.kind == CALENDAR:
        return _periods(window, end, zone)
    if window.kind == AFTER:
        assert anchor is not None
        return anchor, np.minimum(end, anchor + window.micros) if window.micros else end
    everything = np.full(t.size, -FOREVER, np.int64)
    if window.kind == BEFORE:
        assert anchor is not None
        return anchor - window.micros - 1 if window.micros else everything, np.minimum(end, anchor - 1)
    return everything, end


def _periods(window: Window, end: Ints, zone: str) -> tuple[Ints, Ints]:
    days = np.unique(end // _DAY).tolist()
    near = sorted({_index(window.unit, day + _EPOCH_DAY + off) for day in days for off in (-1, 0, 1)})
    starts = np.array([start_of(window.unit, index, zone) for index in near], np.int64)
    place = np.searchsorted(starts, end, side="right") - 1
    if not window.back:
        return starts[place] - 1, end
    index = np.array(near, np.int64)[place]
    each, of_each = np.unique(index, return_inverse=True)
    back = (each - window.back).tolist()
    first = np.array([start_of(window.unit, one, zone) for one in back], np.int64)[of_each]
    last = np.array([start_of(window.unit, one + 1, zone) for one in back], np.int64)[of_each] - 1
    if window.to_date:
        last = np.minimum(last, first + (end - starts[place]))
    return np.maximum(first, 1 - FOREVER) - 1, last


def reach(leaf: Leaf) -> int | None:
    """How far before its point a leaf's window begins at the most, in microseconds; None where nothing bounds it.

    Examples
    --------
    >>> from tallystick.labels import Entity, Events, Library
    >>> card = Entity("card")
    >>> payments = Events("payments", id="id", at="at", keys={card: "card"})
    >>> library = Library({"number": payments.per(card).count().over("1h", delay="5s")}, {"payments": payments})
    >>> [reach(leaf) for leaf in library.leaves(["number"])]
    [3605000000]
    """
    window = leaf.window
    if window.kind == SPAN:
        return window.micros + leaf.delay_micros
    if window.kind == CALENDAR:
        return (window.back + 1) * _LONGEST[window.unit] * _DAY + leaf.delay_micros
    return None
