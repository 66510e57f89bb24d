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
    low, high = micros.min(), micros.max()
    if zone == "UTC" or not isinstance(low, int) or not isinstance(high, int):
        return micros.cast(pl.Datetime("us"))
    starts, offsets = _offsets(zone, low // _SECOND // _STEP, high // _SECOND // _STEP)
    values = micros.fill_null(0).to_numpy()
    shift = pl.Series(offsets[np.searchsorted(starts, values, side="right") - 1])
    return (micros + shift).cast(pl.Datetime("us"))


@lru_cache(maxsize=64)
def _offsets(zone: str, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The instants (microseconds) from which each offset (microseconds) holds."""
    start = max(first * _STEP, _FIRST)
    starts, offsets = [np.iinfo(np.int64).min], [_offset(zone, start)]
    before = start
    for second in range(start + _STEP, min((last + 1) * _STEP, _LAST) + 1, _STEP):
        offset = _offset(zone, second)
        if offset != offsets[-1]:
            starts.append(_change(zone, before, second) * _SECOND)
            offsets.append(offset)
        before = second
    return np.array(starts, np.int64), np.array(offsets, np.int64)


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
