"""Values of labels in columns, with the reasons of those that are missing."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType
from tallystick.labels.kernels.rows import Codes
from tallystick.labels.meaning.reasons import REASONS


class Values(msgspec.Struct, frozen=True):
    """One value for each point: int64 or float64 (text as numbers into `texts`), and a reason where there is none.

    `approximate` is true where a cap was exceeded, None when nowhere.
    """

    data: NDArray[Any]
    reason: Codes
    texts: pl.Series | None = None
    approximate: NDArray[np.bool_] | None = None


def to_series(name: str, values: Values, kind: FieldType) -> pl.Series:
    """Values as a column of the label's type, null where missing; numbers by calls that plan no query."""
    if kind.kind == "text":
        assert values.texts is not None
        numbers = pl.Series(np.maximum(values.data, 0))
        found = values.texts.gather(numbers) if values.texts.len() else repeated(None, pl.String, numbers.len())
    else:
        found = pl.Series(values.data)
        casts: dict[str, Any] = {"flag": pl.Boolean, "instant": pl.Datetime("us", "UTC")}
        if kind.kind == "date":
            found = found.cast(pl.Int32).cast(pl.Date)
        elif kind.kind in casts:
            found = found.cast(casts[kind.kind])
    if values.reason.any():
        found = found.zip_with(pl.Series(values.reason == 0), repeated(None, found.dtype, found.len()))
    return found.alias(name)


def to_reasons(name: str, values: Values, nothing: pl.Series) -> pl.Series:
    """The reasons as a text column, null where there is a value; `nothing` is such a column of nulls alone."""
    found = nothing
    numbers = np.flatnonzero(np.bincount(values.reason)) if values.reason.any() else np.zeros(0, np.int64)
    for reason in numbers[numbers > 0].tolist():
        given = repeated(REASONS[reason], pl.String, nothing.len())
        found = given.zip_with(pl.Series(values.reason == reason), found)
    return found.alias(f"{name}__missing")


def to_columns(name: str, values: Values, kind: FieldType, capped: bool, nothing: pl.Series) -> list[pl.Series]:
    """The columns of a label: value, reason, and for one with a cap whether it is approximate."""
    columns = [to_series(name, values, kind), to_reasons(name, values, nothing)]
    if capped:
        marks = np.zeros(values.reason.size, np.bool_) if values.approximate is None else values.approximate
        columns.append(pl.Series(f"{name}__approximate", marks & (values.reason == 0)))
    return columns


def repeated(value: str | None, dtype: Any, size: int) -> pl.Series:
    """One value in every row."""
    return pl.Series([value], dtype=dtype).new_from_index(0, size)
