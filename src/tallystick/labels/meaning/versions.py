"""Row versions in columns: put in order, and split where a field of theirs is confirmed later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.labels.definition.define import FieldSpec
from tallystick.labels.kernels import versions
from tallystick.labels.kernels.rows import FOREVER, Ints

AWAITING = "@awaiting:"
_FROM, _TO, _ROW, _PLACE = "@from", "@to", "@row", "@place"


def array(values: pl.Series) -> NDArray[Any]:
    """A column without nulls; put together in memory of numpy, which is taken again sooner than that of Polars."""
    if values.n_chunks() == 1:
        return values.to_numpy()
    return np.concatenate([one.to_numpy() for one in values.get_chunks()])


def in_order(at: Ints, by: Sequence[pl.Series], never: Ints | None) -> tuple[Ints | None, Ints]:
    """All facts but `never` in the order of `at`, None as they are, ties in that `by` columns; and `at` in that order.

    Parameters
    ----------
    at
        The instants, in microseconds.
    by
        Columns of whole numbers or text, the one that decides first in front.
    never
        Numbers of facts that are left out; None for none.
    """
    # History mostly comes in order; at strictly increasing instants nothing else decides.
    if (never is None or not never.size) and versions.climb(at) == at.size:
        return None, at.copy()
    rows = np.argsort(at, kind="stable")
    if never is not None and never.size:
        counts = np.ones(at.size, np.bool_)
        counts[never] = False
        rows = rows[counts[rows]]
    ordered = at[rows]
    same = ordered[1:] == ordered[:-1]
    if same.any():
        tied = np.append(same, False) | np.append(False, same)
        chosen = rows[tied]
        keys = [_ranks(one.gather(pl.Series(chosen))) for one in reversed(by)]
        rows[tied] = chosen[np.lexsort((*keys, ordered[tied]))]
    return rows, ordered


def _ranks(values: pl.Series) -> NDArray[Any]:
    """Numbers in the order of the values, whole numbers or text."""
    return (values if values.dtype == pl.Int64 else values.rank("dense")).to_numpy()


def taken(values: Ints, order: Ints | None) -> Ints:
    """Values of facts in an order, in memory of their own."""
    return values.copy() if order is None else values[order]


def columns_taken(facts: pl.DataFrame, order: Ints | None) -> pl.DataFrame:
    """Facts in an order."""
    if order is None:
        return facts
    found: list[pl.Series] = []
    for one in facts:
        values = one.to_physical()
        if values.dtype.is_numeric() and not values.null_count():
            found.append(pl.Series(one.name, array(values)[order]).cast(one.dtype))
        else:
            found.append(one.gather(pl.Series(order)))
    return pl.DataFrame(found)


def confirmed_later(
    frame: pl.DataFrame, known_from: Ints, known_to: Ints, later: Mapping[str, FieldSpec]
) -> tuple[pl.DataFrame, Ints, Ints, Ints]:
    """Split row versions where a field is confirmed: the default before, the value after.

    Parameters
    ----------
    frame, known_from, known_to
        The versions and their spans.
    later
        Column → its field, which names the column of the instant at which it is confirmed.

    Returns
    -------
    frame, row, known_from, known_to
        The new versions, with a column `@awaiting:…` for each field that says where it is still awaited; which one
        each was made of, in their order; and their spans.
    """
    row = pl.int_range(frame.height, dtype=pl.Int64, eager=True)
    split = frame.with_columns(pl.Series(_FROM, known_from), pl.Series(_TO, known_to), row.alias(_ROW))
    for name, spec in later.items():
        split = _split(split, name, spec)
    made, begin, end = (split[name].to_numpy(writable=True) for name in (_ROW, _FROM, _TO))
    return split.drop(_ROW, _FROM, _TO), made, begin, end


def _split(facts: pl.DataFrame, name: str, spec: FieldSpec) -> pl.DataFrame:
    awaiting = AWAITING + name
    at = pl.col(spec.known_at).to_physical().fill_null(FOREVER)
    default = pl.lit(spec.default, dtype=facts.schema[name])
    differs = pl.lit(True) if spec.default is None else pl.col(name).ne_missing(default)
    split = facts.with_columns(at.alias("@confirmed"), differs.alias("@differs")).with_row_index(_PLACE)
    before = split.filter(pl.col("@differs") & (pl.col("@confirmed") > pl.col(_FROM))).with_columns(
        pl.min_horizontal(_TO, "@confirmed").alias(_TO),
        default.alias(name),
        pl.lit(spec.default is None).alias(awaiting),
    )
    after = split.filter(~pl.col("@differs") | (pl.col("@confirmed") < pl.col(_TO))).with_columns(
        pl.when("@differs").then(pl.max_horizontal(_FROM, "@confirmed")).otherwise(_FROM).alias(_FROM),
        pl.lit(False).alias(awaiting),
    )
    both = pl.concat([before, after])
    return both[np.argsort(both[_PLACE].to_numpy(), kind="stable")].drop("@confirmed", "@differs", _PLACE)
