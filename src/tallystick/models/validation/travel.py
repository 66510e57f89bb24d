"""Time-travelling joins: values that were known, or records that were made, after the decision."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tallystick.core import InputError
from tallystick.models.validation.probes import as_column
from tallystick.models.validation.words import WORDS

_LIFETIME_MICROS = 120 * 366 * 86_400_000_000


def micros(column: pl.Series) -> pl.Series:
    """The instants of a column as int64 µs."""
    if column.dtype in (pl.Date, pl.Datetime):
        return column.cast(pl.Datetime("us")).to_physical()
    if not (column.dtype.is_integer() or column.dtype == pl.Null):
        raise InputError(WORDS("leak.type", name=column.name, given=str(column.dtype), allowed="Datetime, int64 µs"))
    return column.cast(pl.Int64)


def late_rows(frame: pl.DataFrame, t: str | None, known_at: str | Mapping[str, str] | None) -> list[tuple[str, int]]:
    """Each declared column with the number of its rows that were known only after `t`."""
    if t is None or known_at is None:
        return []
    at = micros(frame.get_column(t))
    declared = {known_at: known_at} if isinstance(known_at, str) else dict(known_at)
    counts = {label: int((micros(frame.get_column(column)) > at).sum()) for label, column in declared.items()}
    return [(label, rows) for label, rows in counts.items() if rows]


def travellers(frame: pl.DataFrame, t: pl.Series) -> tuple[pl.DataFrame, list[tuple[str, int]]]:
    """The frame with every instant replaced by its days from `t`, and the columns that lie on both sides of it.

    A planned date (a due date, the end of a contract) lies after every decision, the stamp of a record after none: a
    column that does both was joined without regard to time.
    """
    at, found, replaced = micros(t), [], []
    for column in frame:
        if not _is_instant(column, t):
            continue
        gap = micros(column) - at
        later, held = int((gap > 0).sum()), column.len() - column.null_count()
        if 0 < later < held:
            found.append((column.name, later))
        replaced.append((gap.cast(pl.Float64) / 86_400e6).alias(column.name))
    return frame.with_columns(replaced), found


def _is_instant(column: pl.Series, t: pl.Series) -> bool:
    """A date, an instant, or int64 µs of the same age as a `t` that is written so."""
    if column.dtype in (pl.Date, pl.Datetime):
        return True
    if column.dtype != pl.Int64 or t.dtype != pl.Int64 or not column.len() - column.null_count():
        return False
    middle = as_column(t).values
    values = column.drop_nulls()
    low, high = float(middle.min()) - _LIFETIME_MICROS, float(middle.max()) + _LIFETIME_MICROS
    return float(middle.min()) > 1e14 and low <= float(str(values.min())) and float(str(values.max())) <= high
