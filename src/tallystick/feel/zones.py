"""Clock readings of instant columns, from the same zone data as the row form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import zone_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_STEP = 21_600
"""Seconds between two looks at a zone's offset: no zone has changed twice within six hours."""
_FIRST, _LAST = -62_135_510_400, 253_402_214_400
"""The instants, in seconds, that every zone can show: a day inside the years 1 to 9999."""


def local_time(instants: pl.Series, zone: str) -> pl.Series:
    """The clock readings in `zone` of a Datetime("us", "UTC") series, as Datetime("us") without a zone."""
    micros = instants.to_physical()
    if zone == "UTC" or micros.null_count() == micros.len():
        return micros.cast(pl.Datetime("us"))
    starts, offsets = _offsets(zone, micros)
    values = micros.fill_null(0).to_numpy()
    shift = pl.Series(offsets[np.searchsorted(starts, values, side="right") - 1])
    return (micros + shift).cast(pl.Datetime("us"))


def _offsets(zone: str, micros: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The instants (microseconds) from which each offset (microseconds) holds, as far as the column's values tell."""
    # Only steps in which a value lies are looked at: one date of the year 9999 must not cost eight thousand years.
    steps = (micros.drop_nulls() // (_STEP * _SECOND)).unique().sort()
    starts, offsets = [np.iinfo(np.int64).min], list[int]()
    for step in steps.to_list():
        before, change, after = _look(zone, step)
        if not offsets:
            offsets.append(before)
        for start, offset in ((step * _STEP, before), (change, after)):
            if offset != offsets[-1]:
                starts.append(start * _SECOND)
                offsets.append(offset)
    return np.array(starts, np.int64), np.array(offsets, np.int64)


@lru_cache(maxsize=1 << 16)
def _look(zone: str, step: int) -> tuple[int, int, int]:
    """The offset (microseconds) at a step's start, the second from which another holds, and that one."""
    first, last = (min(max(second, _FIRST), _LAST) for second in (step * _STEP, (step + 1) * _STEP))
    before, after = _offset(zone, first), _offset(zone, last)
    return before, first if before == after else _change(zone, first, last), after


def _change(zone: str, before: int, after: int) -> int:
    """The first second in (before, after] that has the offset of `after`."""
    wanted = _offset(zone, after)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == wanted:
            after = middle
        else:
            before = middle
    return after


def _offset(zone: str, second: int) -> int:
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(zone_of(zone)).utcoffset()
    assert offset is not None
    return offset // timedelta(microseconds=1)
