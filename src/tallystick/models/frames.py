"""From frames and rows to the matrix of float64 on which every model works; NaN is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.models.words import WORDS

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Columns: TypeAlias = "pl.DataFrame | Mapping[str, Any] | NDArray[Any]"

_LARGEST = float(np.finfo(np.float64).max)
_NUMBERS = (int, float, bool, Decimal, np.integer, np.floating, np.bool_)


class DataError(InputError, ValueError):
    """Data that an estimator or a model cannot take; a `ValueError` too, as scikit-learn's users expect."""


class Feature(msgspec.Struct, frozen=True):
    """One input of a model: a number or flag, or a text whose categories carry ranks in order of their event rate.

    `ranks[i]` is the rank of `categories[i]`; the `pooled` rare categories share the rank `other` and are not listed.
    A category that is not listed reads as `other` where there is one, else as missing.
    """

    name: str
    categories: tuple[str, ...] | None = None
    ranks: tuple[int, ...] = ()
    other: int | None = None
    pooled: int = 0

    def text_of(self, low: int, high: int) -> str:
        """The categories whose ranks lie in `low`..`high`, for people."""
        pooled = self.other is not None and low <= self.other <= high
        pairs = zip(self.categories or (), self.ranks, strict=True)
        shown = [name for name, rank in pairs if low <= rank <= high]
        return ", ".join(shown + (["other"] if pooled else []))


def as_frame(columns: Columns, names: Sequence[str] | None = None) -> pl.DataFrame:
    """A polars frame of `columns`: a frame, a mapping of columns, or a two-dimensional array (x0, x1, … or `names`).

    A frame is a polars or a pandas one; NaN and None of a text column are null.

    Raises
    ------
    DataError
        When the data have another shape, are sparse or complex, or a column mixes types.
    """
    if isinstance(columns, pl.DataFrame):
        return columns
    if hasattr(columns, "tocsr"):
        raise DataError(WORDS("frame.sparse"))
    if isinstance(columns, Mapping):
        return _frame({str(name): _series(str(name), column) for name, column in columns.items()})
    if hasattr(columns, "iloc") and hasattr(columns, "columns"):
        labels = [str(name) for name in columns.columns]
        if len(set(labels)) < len(labels):
            raise DataError(WORDS("frame.names", given=len(set(labels)), columns=len(labels)))
        return _frame({name: _series(name, columns.iloc[:, i]) for i, name in enumerate(labels)})
    array = np.asarray(columns)
    if array.dtype.kind in "US" and not isinstance(columns, np.ndarray):
        array = np.asarray(columns, dtype=object)
    if array.ndim == 1:
        raise DataError(WORDS("frame.flat"))
    if array.ndim != 2:
        raise DataError(WORDS("frame.shape", given=f"{array.ndim} dimensions"))
    names = list(names) if names is not None else [f"x{i}" for i in range(array.shape[1])]
    if len(names) != array.shape[1]:
        raise DataError(WORDS("frame.names", given=len(names), columns=array.shape[1]))
    if not names:
        return pl.DataFrame(height=array.shape[0])
    return _frame({name: _series(name, array[:, i]) for i, name in enumerate(names)})


def _frame(columns: Mapping[str, pl.Series]) -> pl.DataFrame:
    lengths = {name: column.len() for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(WORDS("frame.lengths", given=", ".join(f"{name} {rows}" for name, rows in lengths.items())))
    return pl.DataFrame(columns)


def _series(name: str, column: Any) -> pl.Series:
    if isinstance(column, pl.Series):
        return column.alias(name)
    if hasattr(column, "iloc"):
        absent = np.asarray(column.isna())
        column = column.to_numpy()
        if column.dtype == object:
            column = [None if gone else value for value, gone in zip(column.tolist(), absent.tolist(), strict=True)]
    if isinstance(column, np.ndarray):
        if column.dtype.kind == "c":
            raise DataError(WORDS("frame.complex", name=name, given=str(column.dtype)))
        if column.dtype == np.float16:
            column = column.astype(np.float32)
        if column.dtype == object:
            column = column.tolist()
        elif not column.dtype.isnative:
            column = column.astype(column.dtype.newbyteorder("="))
    if isinstance(column, list) and any(isinstance(value, str) for value in column):
        column = [None if isinstance(value, float) and value != value else value for value in column]
    try:
        return pl.Series(name, column)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as fault:
        return _mixed(name, column, fault)


def _mixed(name: str, column: Any, fault: Exception) -> pl.Series:
    """Numbers of several kinds in one list are numbers; anything else mixed is refused."""
    values = list(column)
    if all(value is None or isinstance(value, _NUMBERS) for value in values):
        return pl.Series(name, [None if value is None else _double(value) for value in values], dtype=pl.Float64)
    raise DataError(WORDS("frame.column_type", name=name, reason=str(fault).splitlines()[0])) from fault


def as_target(y: Any, rows: int) -> Floats:
    """`y` as 0.0 and 1.0, refusing anything else and a single class."""
    try:
        target = np.asarray(y.cast(pl.Float64).to_numpy() if isinstance(y, pl.Series) else y, dtype=np.float64)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as fault:
        raise DataError(WORDS("target.values", given=rows)) from fault
    if target.shape != (rows,):
        raise DataError(WORDS("target.shape", given=str(target.shape), rows=rows))
    events = int(np.count_nonzero(target == 1.0))
    others = int(np.count_nonzero(target == 0.0))
    if events + others != rows:
        raise DataError(WORDS("target.values", given=rows - events - others))
    if not events or not others:
        raise DataError(WORDS("target.classes", events=events, rows=rows))
    return target


def as_weights(weights: Any, rows: int) -> Floats:
    """`weights` as positive finite float64, ones by default."""
    if weights is None:
        return np.ones(rows)
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (rows,) or not np.all(np.isfinite(given)) or np.any(given <= 0):
        raise DataError(WORDS("weights.values", rows=rows))
    return given


def tally(place: Ints, weights: Floats, size: int) -> Floats:
    """The sum of `weights` at each place 0 … size − 1, added in row order."""
    return np.bincount(place, weights=weights, minlength=size).astype(np.float64)


def _is_text(kind: pl.DataType) -> bool:
    return isinstance(kind, pl.String | pl.Categorical | pl.Enum)


def fit_features(
    frame: pl.DataFrame, y: Floats, weights: Floats, specials: Mapping[str, tuple[Any, ...]] = {}
) -> tuple[Feature, ...]:
    """The features of a training frame: numbers as they are, texts with ranks in ascending order of event rate.

    Categories that weigh less than 20 rows or 1% of all are pooled, so that a rank is never the outcome of a few.
    `specials` names, by column, values that mean something of their own ("refused to say"): a special category is
    never pooled, and the ranks of special categories come after all others in the order given.
    """
    if not frame.width:
        raise DataError(WORDS("frame.empty"))
    for name in specials:
        if name not in frame.columns:
            raise DataError(WORDS("frame.column", name=name, given=", ".join(frame.columns)))
    return tuple(_fit_feature(column, y, weights, specials.get(column.name, ())) for column in frame)


def _fit_feature(column: pl.Series, y: Floats, weights: Floats, specials: tuple[Any, ...]) -> Feature:
    if not _is_text(column.dtype):
        if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
            raise DataError(WORDS("frame.type", name=column.name, given=str(column.dtype)))
        return Feature(column.name)
    special = tuple(dict.fromkeys(value for value in specials if isinstance(value, str)))
    texts = column.cast(pl.String)
    distinct = texts.drop_nulls().unique().sort()
    names = distinct.filter(~distinct.is_in(list(special))).to_list()
    codes = codes_of(texts, names, np.arange(len(names), dtype=np.float64), np.nan)
    seen = ~np.isnan(codes)
    index = codes[seen].astype(np.int64)
    totals = tally(index, weights[seen], len(names))
    events = tally(index, (weights * y)[seen], len(names))
    scale = min(1.0, float(weights.sum()) / weights.size)
    rare = totals < max(20.0 * scale, 0.01 * float(weights.sum()))
    groups = [(events[i] / totals[i], names[i]) for i in np.flatnonzero(~rare).tolist()]
    if rare.any():
        groups.append((float(events[rare].sum() / totals[rare].sum()), ""))
    pooled = int(np.count_nonzero(rare))
    # An empty text of its own sorts beside the pool; the pool goes first, whatever the place of the two.
    order = sorted(range(len(groups)), key=lambda i: (groups[i][0], groups[i][1], i < len(groups) - bool(pooled)))
    rank = {i: place for place, i in enumerate(order)}
    held = len(groups) - bool(pooled)
    kept = sorted(
        [(groups[i][1], rank[i]) for i in range(held)] + [(s, len(groups) + k) for k, s in enumerate(special)]
    )
    other = rank[held] if pooled else None
    return Feature(column.name, tuple(name for name, _ in kept), tuple(place for _, place in kept), other, pooled)


def codes_of(texts: pl.Series, names: Sequence[str], codes: Floats, unseen: float) -> Floats:
    """The code of every text; null is NaN, a text that is not among `names` is `unseen`."""
    if not len(names):
        return np.where(texts.is_null().to_numpy(), np.nan, unseen)
    replaced = texts.replace_strict(list(names), codes.tolist(), default=unseen, return_dtype=pl.Float64)
    return np.where(texts.is_null().to_numpy(), np.nan, replaced.to_numpy())


def encode(frame: pl.DataFrame, features: Sequence[Feature], order: Literal["C", "F"] = "C") -> Floats:
    """The matrix (rows × features) of a frame: row by row ("C"), or column by column ("F") for work on columns.

    Raises
    ------
    DataError
        When a column is absent, or is text where a number is expected, or the other way round.
    """
    matrix = np.empty((frame.height, len(features)), order=order)
    for place, feature in enumerate(features):
        if feature.name not in frame.columns:
            raise DataError(WORDS("frame.column", name=feature.name, given=", ".join(frame.columns)))
        _encode_into(matrix[:, place], frame.get_column(feature.name), feature)
    return matrix


def encode_column(column: pl.Series, feature: Feature) -> Floats:
    """One column as float64: ranks of categories, infinities as the largest finite double, null and NaN as NaN."""
    out = np.empty(column.len())
    _encode_into(out, column, feature)
    return out


def _encode_into(out: Floats, column: pl.Series, feature: Feature) -> None:
    if column.dtype == pl.Null:
        out[:] = np.nan
        return
    if feature.categories is None:
        if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            raise DataError(WORDS("frame.number", name=feature.name, given=str(column.dtype)))
        numbers = column.cast(pl.Float64)
        held = numbers.fill_null(np.nan) if numbers.null_count() else numbers
        np.clip(held.to_numpy(), -_LARGEST, _LARGEST, out=out)
        return
    if not _is_text(column.dtype):
        raise DataError(WORDS("frame.text", name=feature.name, given=str(column.dtype)))
    unseen = np.nan if feature.other is None else float(feature.other)
    out[:] = codes_of(column.cast(pl.String), feature.categories, np.asarray(feature.ranks, dtype=np.float64), unseen)


def encode_value(value: Any, feature: Feature, rank: Mapping[str, float] | None) -> float:
    """One held value as float64, by the same rules as `encode_column`."""
    if value is None:
        return np.nan
    if rank is None:
        if not isinstance(value, _NUMBERS):
            raise DataError(WORDS("frame.number", name=feature.name, given=type(value).__name__))
        number = _double(value)
        return min(max(number, -_LARGEST), _LARGEST) if number == number else np.nan
    if not isinstance(value, str):
        raise DataError(WORDS("frame.text", name=feature.name, given=type(value).__name__))
    return rank.get(value, np.nan if feature.other is None else float(feature.other))


def _double(value: Any) -> float:
    """A number as the nearest double; one beyond the range of doubles is infinite."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else -float("inf")
