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
    """Values as a column of the label's type, null where missing."""
    present = pl.Series(values.reason == 0)
    if kind.kind == "text":
        assert values.texts is not None
        numbers = pl.Series(np.maximum(values.data, 0))
        found = (
            values.texts.gather(numbers)
            if values.texts.len()
            else pl.Series([None], dtype=pl.String).new_from_index(0, numbers.len())
        )
    else:
        found = pl.Series(values.data)
        casts: dict[str, Any] = {"flag": pl.Boolean, "instant": pl.Datetime("us", "UTC")}
        if kind.kind == "date":
            found = found.cast(pl.Int32).cast(pl.Date)
        elif kind.kind in casts:
            found = found.cast(casts[kind.kind])
    if not values.reason.any():
        return found.alias(name)
    return found.to_frame("v").select(pl.when(present).then(pl.col("v")).otherwise(None).alias(name)).to_series()


def to_reasons(name: str, values: Values, nothing: pl.Series) -> pl.Series:
    """The reasons as a text column, null where there is a value; `nothing` is such a column of nulls alone."""
    if not values.reason.any():
        return nothing.alias(f"{name}__missing")
    table = pl.Series([None, *REASONS[1:]], dtype=pl.String)
    return table.gather(pl.Series(values.reason)).alias(f"{name}__missing")
