"""What development looked like, in figures that hold no row of it, and how other rows lie against them."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import Instant
from tallystick.models.frames import Floats, Ints
from tallystick.models.validation.metrics import psi

BINS = 10
_TEXT_ROWS_MIN, _TEXT_SHARE_MIN = 20, 0.01
_LARGEST = float(np.finfo(np.float64).max)


class Distribution(msgspec.Struct, frozen=True):
    """How one column was spread: shares of the rows that have a value, and the share of all rows without one.

    A column of numbers has `edges`: bin i holds the values up to edges[i] that are above the edge before, the last bin
    the rest. A column of texts has `categories`, the most frequent first; its last bin is every other text. `shares`
    is empty where no row had a value.
    """

    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] | None = None
    shares: tuple[float, ...] = ()
    missing: float = 0.0


class Fingerprint(msgspec.Struct, frozen=True):
    """The development sample in figures that hold no customer's row.

    `since` and `until` are the first and last t of its rows in microseconds UTC, where they have one.
    """

    rows: int
    points: Distribution
    labels: dict[str, Distribution]
    since: Instant | None = None
    until: Instant | None = None


def fingerprint(frame: pl.DataFrame, points: Ints, weights: Floats, t: Ints | None = None) -> Fingerprint:
    """Sum up a development sample, so that later months can be held against it.

    Parameters
    ----------
    frame
        The label columns that the model reads: numbers, flags and texts.
    points
        The model's points of the same rows.
    weights
        Positive weights of the rows.
    t
        Instants of the rows in microseconds UTC, where they have one.

    Returns
    -------
    Fingerprint
        Deciles of numbers and points, the most frequent texts (each of at least 20 rows and 1%), shares missing.

    Examples
    --------
    >>> made = fingerprint(pl.DataFrame({"visits": [1, 2, None, 2]}), np.array([600, 580, 600, 590]), np.ones(4))
    >>> made.labels["visits"].edges, made.labels["visits"].missing
    ((1.0,), 0.25)
    """
    return Fingerprint(
        int(points.size),
        _spread(pl.Series(points), weights),
        {column.name: _spread(column, weights) for column in frame},
        *((int(t.min()), int(t.max())) if t is not None and t.size else (None, None)),
    )


def _spread(column: pl.Series, weights: Floats) -> Distribution:
    known = _known(column)
    missing = float(weights[~known].sum() / weights.sum())
    kept, held = column.filter(pl.Series(known)), weights[known]
    empty = Distribution(missing=missing)
    if is_text(column):
        empty = msgspec.structs.replace(empty, categories=_frequent(kept))
    elif kept.len():
        empty = msgspec.structs.replace(empty, edges=_deciles(numbers(kept), held))
    return msgspec.structs.replace(empty, shares=shares(kept, held, empty)) if kept.len() else empty


def is_text(column: pl.Series) -> bool:
    """Whether a column holds texts."""
    return isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum)


def numbers(column: pl.Series) -> Floats:
    """The values of a column of numbers, flags, dates or instants as finite floats; null and NaN are NaN."""
    values = column.to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()
    return np.asarray(np.clip(values, -_LARGEST, _LARGEST), dtype=np.float64)


def _frequent(texts: pl.Series) -> tuple[str, ...]:
    """The texts that many rows share: a text of few could name a customer."""
    counts = texts.cast(pl.String).alias("text").value_counts(name="rows")
    least = max(_TEXT_ROWS_MIN, _TEXT_SHARE_MIN * texts.len())
    kept = counts.filter(pl.col("rows") >= least).sort("rows", "text", descending=[True, False])
    return tuple(kept["text"].head(BINS).to_list())


def _deciles(values: Floats, weights: Floats) -> tuple[float, ...]:
    """The distinct values at each tenth of the weight; the greatest value is no edge."""
    order = np.argsort(values, kind="stable")
    ranked, reached = values[order], np.cumsum(weights[order])
    places = np.searchsorted(reached, reached[-1] * np.arange(1, BINS) / BINS, side="left")
    edges = np.unique(ranked[np.minimum(places, ranked.size - 1)])
    return tuple(edges[edges < ranked[-1]].tolist())


def shares(column: pl.Series, weights: Floats, spread: Distribution) -> tuple[float, ...]:
    """The shares of a column's rows in the bins of `spread`; every row must have a value."""
    if spread.categories is not None:
        rank = {text: place for place, text in enumerate(spread.categories)}
        texts = column.cast(pl.String)
        places = (
            texts.replace_strict(rank, default=len(rank), return_dtype=pl.Int64)
            if rank
            else pl.zeros(texts.len(), dtype=pl.Int64, eager=True)
        ).to_numpy()
        size = len(rank) + 1
    else:
        places = np.searchsorted(np.asarray(spread.edges), numbers(column), side="left")
        size = len(spread.edges) + 1
    found = np.bincount(places, weights=weights, minlength=size)
    return tuple((found / found.sum()).tolist())


def shift(spread: Distribution, rows: int, column: pl.Series) -> tuple[float | None, float]:
    """The PSI of a column against development, and its share of missing values.

    Parameters
    ----------
    spread
        How the column was spread over the `rows` rows of development.
    rows
        Of development.
    column
        The same column of other rows.

    Returns
    -------
    tuple
        PSI over the bins of development and one for missing values, None where either side has no row; and the share
        of the rows without a value.

    Examples
    --------
    >>> made = fingerprint(pl.DataFrame({"visits": [1, 2, 3, 4]}), np.array([600, 580, 600, 590]), np.ones(4))
    >>> shift(made.labels["visits"], made.rows, pl.Series([4, 3, 2, 1]))
    (0.0, 0.0)
    """
    if column.dtype != pl.Null and is_text(column) != (spread.categories is not None):
        return None, column.null_count() / max(column.len(), 1)
    known = _known(column)
    missing = int(column.len() - known.sum())
    kept = column.filter(pl.Series(known))
    if not column.len() or not rows:
        return None, 0.0
    size = len(spread.shares) or 1
    actual = np.zeros(size)
    if kept.len():
        actual = np.asarray(shares(kept, np.ones(kept.len()), spread)) * kept.len()
    before = np.asarray(spread.shares or (0.0,)) * (1.0 - spread.missing) * rows
    index = psi(np.append(before, spread.missing * rows), np.append(actual, float(missing)))
    return index, missing / column.len()


def _known(column: pl.Series) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = column.is_not_null().to_numpy()
    return known & ~column.is_nan().fill_null(True).to_numpy() if column.dtype.is_float() else known
