"""From frames and rows to the matrix of float64 on which every model works; NaN is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

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
_NUMBERS = (int, float, bool, np.integer, np.floating, np.bool_)


class Feature(msgspec.Struct, frozen=True):
    """One input of a model: a number or flag, or a text whose categories carry ranks in order of their event rate.

    `ranks[i]` is the rank of `categories[i]`; rare categories share `other`. A category that was not seen in training
    reads as `other` where there is one, else as missing.
    """

    name: str
    categories: tuple[str, ...] | None = None
    ranks: tuple[int, ...] = ()
    other: int | None = None

    def text_of(self, low: int, high: int) -> str:
        """The categories whose ranks lie in `low`..`high`, for people."""
        pooled = self.other is not None and low <= self.other <= high
        pairs = zip(self.categories or (), self.ranks, strict=True)
        shown = [name for name, rank in pairs if low <= rank <= high and rank != self.other]
        return ", ".join(shown + (["other"] if pooled else []))


def as_frame(columns: Columns, names: Sequence[str] | None = None) -> pl.DataFrame:
    """A polars frame of `columns`: a frame, a mapping of columns, or a two-dimensional array (x0, x1, … or `names`)."""
    if isinstance(columns, pl.DataFrame):
        return columns
    if isinstance(columns, Mapping):
        return pl.DataFrame({name: _series(name, column) for name, column in columns.items()})
    array = np.asarray(columns)
    if array.ndim != 2:
        raise InputError(WORDS("frame.shape", given=f"{array.ndim} dimensions"))
    names = list(names) if names is not None else [f"x{i}" for i in range(array.shape[1])]
    if len(names) != array.shape[1]:
        raise InputError(WORDS("frame.names", given=len(names), columns=array.shape[1]))
    return pl.DataFrame({name: _series(name, array[:, i]) for i, name in enumerate(names)})


def _series(name: str, column: Any) -> pl.Series:
    if isinstance(column, np.ndarray) and column.dtype == object:
        column = column.tolist()
    return pl.Series(name, column)


def as_target(y: Any, rows: int) -> Floats:
    """`y` as 0.0 and 1.0, refusing anything else and a single class."""
    target = np.asarray(y.cast(pl.Float64).to_numpy() if isinstance(y, pl.Series) else y, dtype=np.float64)
    if target.shape != (rows,):
        raise InputError(WORDS("target.shape", given=str(target.shape), rows=rows))
    events = int(np.count_nonzero(target == 1.0))
    others = int(np.count_nonzero(target == 0.0))
    if events + others != rows:
        raise InputError(WORDS("target.values", given=rows - events - others))
    if not events or not others:
        raise InputError(WORDS("target.classes", events=events, rows=rows))
    return target


def as_weights(weights: Any, rows: int) -> Floats:
    """`weights` as positive finite float64, ones by default."""
    if weights is None:
        return np.ones(rows)
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (rows,) or not np.all(np.isfinite(given)) or np.any(given <= 0):
        raise InputError(WORDS("weights.values", rows=rows))
    return given


def tally(place: Ints, weights: Floats, size: int) -> Floats:
    """The sum of `weights` at each place 0 … size − 1, added in row order."""
    return np.bincount(place, weights=weights, minlength=size).astype(np.float64)


def _is_text(kind: pl.DataType) -> bool:
    return isinstance(kind, pl.String | pl.Categorical | pl.Enum)


def fit_features(frame: pl.DataFrame, y: Floats, weights: Floats) -> tuple[Feature, ...]:
    """The features of a training frame: numbers as they are, texts with ranks in ascending order of event rate.

    Categories held by fewer than 20 rows or 1% of the rows are pooled, so that a rank is never the outcome of a few.
    """
    if not frame.width:
        raise InputError(WORDS("frame.empty"))
    return tuple(_fit_feature(column, y, weights) for column in frame)


def _fit_feature(column: pl.Series, y: Floats, weights: Floats) -> Feature:
    if not _is_text(column.dtype):
        if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
            raise InputError(WORDS("frame.type", name=column.name, given=str(column.dtype)))
        return Feature(column.name)
    texts = column.cast(pl.String)
    names = texts.drop_nulls().unique().sort().to_list()
    codes = codes_of(texts, names, np.arange(len(names), dtype=np.float64), np.nan)
    seen = ~np.isnan(codes)
    index = codes[seen].astype(np.int64)
    rows = np.bincount(index, minlength=len(names))
    totals = tally(index, weights[seen], len(names))
    events = tally(index, (weights * y)[seen], len(names))
    rare = rows < max(20.0, 0.01 * column.len())
    groups = [(events[i] / totals[i], name, (name,)) for i, name in enumerate(names) if not rare[i]]
    pooled = tuple(name for i, name in enumerate(names) if rare[i])
    if pooled:
        groups.append((float(events[rare].sum() / totals[rare].sum()), "", pooled))
    groups.sort(key=lambda group: group[:2])
    rank = {name: place for place, (_, _, members) in enumerate(groups) for name in members}
    other = rank[pooled[0]] if pooled else None
    return Feature(column.name, tuple(names), tuple(rank[name] for name in names), other)


def codes_of(texts: pl.Series, names: Sequence[str], codes: Floats, unseen: float) -> Floats:
    """The code of every text; null is NaN, a text that is not among `names` is `unseen`."""
    if not len(names):
        return np.where(texts.is_null().to_numpy(), np.nan, unseen)
    replaced = texts.replace_strict(list(names), codes.tolist(), default=unseen, return_dtype=pl.Float64)
    return np.where(texts.is_null().to_numpy(), np.nan, replaced.to_numpy())


def encode(frame: pl.DataFrame, features: Sequence[Feature]) -> Floats:
    """The matrix (rows × features) of a frame, in C order.

    Raises
    ------
    InputError
        When a column is absent, or is text where a number is expected, or the other way round.
    """
    matrix = np.empty((frame.height, len(features)))
    for place, feature in enumerate(features):
        if feature.name not in frame.columns:
            raise InputError(WORDS("frame.column", name=feature.name, given=", ".join(frame.columns)))
        matrix[:, place] = encode_column(frame.get_column(feature.name), feature)
    return matrix


def encode_column(column: pl.Series, feature: Feature) -> Floats:
    """One column as float64: ranks of categories, infinities as the largest finite double, null and NaN as NaN."""
    if column.dtype == pl.Null:
        return np.full(column.len(), np.nan)
    if feature.categories is None:
        if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            raise InputError(WORDS("frame.number", name=feature.name, given=str(column.dtype)))
        values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.asarray(np.clip(values, -_LARGEST, _LARGEST), dtype=np.float64)
    if not _is_text(column.dtype):
        raise InputError(WORDS("frame.text", name=feature.name, given=str(column.dtype)))
    unseen = np.nan if feature.other is None else float(feature.other)
    return codes_of(column.cast(pl.String), feature.categories, np.asarray(feature.ranks, dtype=np.float64), unseen)


def encode_value(value: Any, feature: Feature, rank: Mapping[str, float] | None) -> float:
    """One held value as float64, by the same rules as `encode_column`."""
    if value is None:
        return np.nan
    if rank is None:
        if not isinstance(value, _NUMBERS):
            raise InputError(WORDS("frame.number", name=feature.name, given=type(value).__name__))
        number = float(value)
        return min(max(number, -_LARGEST), _LARGEST) if number == number else np.nan
    if not isinstance(value, str):
        raise InputError(WORDS("frame.text", name=feature.name, given=type(value).__name__))
    return rank.get(value, np.nan if feature.other is None else float(feature.other))
