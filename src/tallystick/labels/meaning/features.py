"""What rows mean to aggregates: codes and values of a column under a filter, and how values come back out."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType, zone_of
from tallystick.labels.kernels.rows import AWAITING, FILTERED, FOREVER, NULL, VALUE, Codes, Ints
from tallystick.labels.meaning.facts import T_MAX, T_MIN, Rows, numbered
from tallystick.labels.meaning.filters import mask
from tallystick.labels.meaning.versions import AWAITING as WAITING
from tallystick.labels.plan import Feature

_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Meaning(msgspec.Struct, frozen=True):
    """A feature of every row: its code, its value as int64, that of the other column, and the values by number.

    `values` holds the different values where `x` numbers them (text and coded columns), else None.
    """

    code: Codes
    x: Ints
    y: Ints
    values: pl.Series | None


def meaning(rows: Rows, feature: Feature, zone: str) -> Meaning:
    """The code and values of every row of a stream."""
    frame = rows.frame
    code = np.full(frame.height, VALUE, np.uint8)
    if feature.role == "flagged":
        flags = _passes(rows, feature.where, zone).to_numpy().astype(np.int64)
        return Meaning(code, flags, flags, None)
    x, values = rows.at, None
    if feature.column:
        series = frame[feature.column]
        code = _codes(frame, feature.column)
        if feature.role == "coded" or series.dtype == pl.String:
            x, values = numbered(series)
        else:
            x = integers(series)
    y = x
    if feature.other:
        y = integers(frame[feature.other])
        code = np.maximum(code, _codes(frame, feature.other))
    if feature.where:
        code[~_passes(rows, feature.where, zone).to_numpy()] = FILTERED
    return Meaning(code, x, y, values)


@lru_cache(maxsize=64)
def clock_edges(zone: str) -> tuple[int, int]:
    """The first and the last instant that the clocks of a zone show in the years 1 to 9999.

    A filter reads an earlier or later instant as the edge, in every executor.

    Examples
    --------
    >>> clock_edges("UTC") == (T_MIN, T_MAX - 1)
    True
    """
    place = zone_of(zone)
    first = datetime(1, 1, 2, tzinfo=place).utcoffset() or timedelta()
    last = datetime(9999, 12, 30, tzinfo=place).utcoffset() or timedelta()
    micro = timedelta(microseconds=1)
    return T_MIN + max(-first // micro, 0), T_MAX - 1 - max(last // micro, 0)


def _passes(rows: Rows, condition: str, zone: str) -> pl.Series:
    """Whether each row passes a filter, its instants within what the clocks of the zone show."""
    first, last = clock_edges(zone)
    clipped: list[pl.Series] = []
    if (first, last) != (T_MIN, T_MAX - 1):
        named = (name for name, kind in rows.types.items() if kind.kind == "instant" and name in rows.frame.columns)
        for column in (rows.frame[name] for name in named):
            micros = column.to_physical()
            within = micros.clip(first, last)
            if not within.equals(micros):
                clipped.append(within.cast(column.dtype))
    return mask(condition, rows.frame.with_columns(clipped) if clipped else rows.frame, rows.types, zone)


def _codes(frame: pl.DataFrame, column: str) -> Codes:
    code = np.full(frame.height, VALUE, np.uint8)
    series = frame[column]
    if series.null_count():
        code[series.is_null().to_numpy()] = NULL
    waiting = WAITING + column
    if waiting in frame.columns:
        code[frame[waiting].fill_null(False).to_numpy()] = AWAITING
    return code


def integers(series: pl.Series) -> Ints:
    """A column as int64 of the same order; a float by its bits."""
    if series.dtype == pl.Float64:
        bits = series.fill_null(0.0).to_numpy(writable=True).view(np.int64)
        return bits ^ ((bits >> 63) & np.int64(FOREVER))
    physical = series.to_physical()
    if physical.dtype == pl.Int64 and not physical.null_count():
        return physical.to_numpy()
    return physical.cast(pl.Int64).fill_null(0).to_numpy(writable=True)


def floats(values: Ints) -> NDArray[np.float64]:
    """The floats of `integers`."""
    return (values ^ ((values >> 63) & np.int64(FOREVER))).view(np.float64)


def hash_of(value: Any) -> int:
    """64 bits of a value's SHA-256, by its canonical text: the same in every executor and on every machine."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = value if isinstance(value, str) else repr(value)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def hashes(values: pl.Series) -> NDArray[np.uint64]:
    """`hash_of` each of the different values."""
    plain = values.to_physical() if values.dtype == pl.Datetime else values
    return np.array([hash_of(value) for value in plain.to_list()], np.uint64)


def plain_value(number: int, kind: FieldType) -> Any:
    """A value in int64 form as it stands in a JSON list."""
    if kind.kind == "real":
        return float(floats(np.array([number], np.int64))[0])
    if kind.kind == "date":
        return date.fromordinal(number + _EPOCH_DAY).isoformat()
    return bool(number) if kind.kind == "flag" else number


def listed(values: list[Any]) -> str:
    """Values as the text of a JSON array, without spaces."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
