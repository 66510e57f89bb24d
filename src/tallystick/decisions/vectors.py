"""Columns in flight: numbers as scaled integers or floats, dates as days, everything else as codes into FEEL values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.decisions.lookup import Int32s, Int64s, grouped
from tallystick.decisions.words import WORDS
from tallystick.feel import lift

_EPOCH = date(1970, 1, 1)
_INT64 = 2**63 - 1
_DIGITS_MAX = 38
_INT64_DIGITS = 18
_DTYPES = {
    str: pl.String(),
    bool: pl.Boolean(),
    date: pl.Date(),
    time: pl.Time(),
    timedelta: pl.Duration("us"),
}
_ALL: NDArray[np.bool_] = np.empty(0, np.bool_)


class Uneven(Exception):
    """Numbers that were given one scale are asked for as FEEL values, whose own scales differ."""


class Plain(msgspec.Struct, frozen=True):
    """A column held as an array: `kind` is number (of 10^-`scale`), real or date; `valid` is empty when none is null.

    `even` says that each number's own text has `scale` decimals; else the array serves arithmetic and results only.
    """

    data: Any
    valid: NDArray[np.bool_]
    kind: str
    scale: int = 0
    even: bool = True

    def __len__(self) -> int:
        return len(self.data)


class Coded(msgspec.Struct, frozen=True):
    """A column held as codes into a list of FEEL values, among which null may be."""

    codes: Int32s
    values: list[Any]

    def __len__(self) -> int:
        return len(self.codes)


Vector = Plain | Coded


def size_of(data: Int64s) -> int:
    """The greatest size of any of the integers."""
    return max(abs(int(data.min())), abs(int(data.max()))) if len(data) else 0


def value_at(vector: Vector, row: int) -> Any:
    """The FEEL value of one row."""
    found = coded(take(vector, np.array([row])))
    return found.values[found.codes[0]]


def constant(value: Any, rows: int) -> Coded:
    """One value in every row."""
    return Coded(np.zeros(rows, np.int32), [value])


def take(vector: Vector, rows: NDArray[Any]) -> Vector:
    """The chosen rows of a column."""
    if isinstance(vector, Coded):
        return Coded(vector.codes[rows], vector.values)
    valid = vector.valid[rows] if len(vector.valid) else _ALL
    return Plain(vector.data[rows], valid, vector.kind, vector.scale, vector.even)


def joined(parts: Sequence[Vector]) -> Vector:
    """Parts of a column as one.

    Raises
    ------
    Uneven
        Where parts of other scales no longer tell the text of each number.
    """
    if len(parts) == 1:
        return parts[0]
    plains = [part for part in parts if isinstance(part, Plain)]
    if len(plains) == len(parts) and len({(part.kind, part.scale) for part in plains}) == 1:
        valid = [part.valid if len(part.valid) else np.ones(len(part), np.bool_) for part in plains]
        return Plain(
            np.concatenate([part.data for part in plains]),
            np.concatenate(valid) if any(len(part.valid) for part in plains) else _ALL,
            plains[0].kind,
            plains[0].scale,
            all(part.even for part in plains),
        )
    found = [coded(part) for part in parts]
    starts = np.cumsum([0, *(len(part.values) for part in found)])
    codes = [part.codes + np.int32(start) for part, start in zip(found, starts[:-1], strict=True)]
    return Coded(np.concatenate(codes), [value for part in found for value in part.values])


def from_series(series: pl.Series) -> Vector:
    """A column of a frame, without any loss.

    Raises
    ------
    InputError
        For values that FEEL does not have, among them moments finer than a microsecond.
    """
    dtype = series.dtype
    if dtype.is_integer() or isinstance(dtype, pl.Decimal):
        scale = dtype.scale or 0 if isinstance(dtype, pl.Decimal) else 0
        physical = series.to_physical() if isinstance(dtype, pl.Decimal) else series
        whole = physical.cast(pl.Int64(), strict=False)
        if whole.null_count() == series.null_count():
            return _plain(whole, "number", scale)
        return _distinct(series)
    if dtype.is_float():
        reals = series.cast(pl.Float64())
        floats = (reals.fill_null(float("nan")) if reals.null_count() else reals).to_numpy()
        valid = np.isfinite(floats)
        return Plain(floats, _ALL if valid.all() else valid, "real")
    if dtype == pl.Date():
        return _plain(series.to_physical().cast(pl.Int64()), "date", 0)
    if dtype == pl.Boolean():
        return Coded(series.cast(pl.Int32()).fill_null(2).to_numpy(), [False, True, None])
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return _texts(series)
    if isinstance(dtype, pl.Datetime | pl.Duration) and dtype.time_unit == "ns":
        if (series.to_physical() % 1000 != 0).any():
            raise InputError(WORDS("columns.nanoseconds", name=series.name))
        series = series.dt.cast_time_unit("us")
    if dtype == pl.Time() and (series.to_physical() % 1000 != 0).any():
        raise InputError(WORDS("columns.nanoseconds", name=series.name))
    return _distinct(series)


def _plain(whole: pl.Series, kind: str, scale: int) -> Plain:
    # Without nulls the column is taken as it lies, with no copy.
    if not whole.null_count():
        return Plain(whole.to_numpy(), _ALL, kind, scale)
    return Plain(whole.fill_null(0).to_numpy(), whole.is_not_null().to_numpy(), kind, scale)


def _texts(series: pl.Series) -> Coded:
    if isinstance(series.dtype, pl.Enum):
        categories: list[Any] = series.dtype.categories.to_list()
        return Coded(series.to_physical().cast(pl.Int32()).fill_null(len(categories)).to_numpy(), [*categories, None])
    texts = series.cast(pl.String())
    groups, firsts = grouped(texts.hash().to_numpy().view(np.int64).reshape(-1, 1))
    values = texts.gather(firsts)
    held = values.gather(groups.view(np.uint32))
    alike = held.null_count() == texts.null_count() and (texts == held).all()
    if not alike:
        # Two texts of one hash: they are told apart by themselves.
        return _texts(texts.cast(pl.Enum(texts.drop_nulls().unique(maintain_order=True))))
    return Coded(groups, values.to_list())


def _distinct(series: pl.Series) -> Coded:
    """Any other column: temporal ones by their integers, the rest value by value."""
    if series.dtype.is_temporal():
        physical = series.to_physical().cast(pl.Int64())
        keys = np.stack([physical.fill_null(0).to_numpy(), physical.is_null().cast(pl.Int64()).to_numpy()], axis=1)
        groups, firsts = grouped(keys)
        return Coded(groups, [lift(value) for value in series.gather(firsts).to_list()])
    if series.dtype == pl.Null():
        return constant(None, len(series))
    codes: dict[Any, int] = {}
    values: list[Any] = []
    found = np.empty(len(series), np.int32)
    for row, value in enumerate(series.to_list()):
        # Numbers of other scales are equal, yet their texts are not.
        key = str(value) if isinstance(value, int | Decimal) else repr(value)
        code = codes.setdefault(key, len(values))
        if code == len(values):
            values.append(lift(value))
        found[row] = code
    return Coded(found, values)


def coded(vector: Vector) -> Coded:
    """The column as codes into its distinct FEEL values.

    Raises
    ------
    Uneven
        Where the array no longer tells the text of each number.
    """
    if isinstance(vector, Coded):
        return vector
    if not vector.even:
        raise Uneven
    data = vector.data + 0.0 if vector.kind == "real" else vector.data
    keys = np.zeros((len(data), 2 if len(vector.valid) else 1), np.int64)
    keys[:, 0] = data.view(np.int64) if vector.kind == "real" else data
    if len(vector.valid):
        keys[:, 1] = ~vector.valid
        keys[~vector.valid, 0] = 0
    groups, firsts = grouped(keys)
    valid = vector.valid[firsts] if len(vector.valid) else np.ones(len(firsts), np.bool_)
    return Coded(groups, _values(data[firsts].tolist(), valid.tolist(), vector.kind, vector.scale))


def _values(data: list[Any], valid: list[bool], kind: str, scale: int) -> list[Any]:
    if kind == "date":
        return [_EPOCH + timedelta(days=day) if known else None for day, known in zip(data, valid, strict=True)]
    if kind == "real":
        return [Decimal(repr(value)) if known else None for value, known in zip(data, valid, strict=True)]
    return [Decimal(value).scaleb(-scale) if known else None for value, known in zip(data, valid, strict=True)]


def plain(vector: Vector, careful: bool) -> Plain | None:
    """The column as an array of scaled integers or days, if its values are numbers or dates, and fit; else None.

    With `careful`, only numbers of one scale.
    """
    if isinstance(vector, Plain):
        return vector
    known = [value for value in vector.values if value is not None]
    if known and all(type(value) is date for value in known):
        days = [0 if value is None else (value - _EPOCH).days for value in vector.values]
        return _by_code(vector, days, "date", 0, True)
    if not known or not all(type(value) is Decimal and value.is_finite() for value in known):
        return None
    scales = [max(0, -int(value.as_tuple().exponent)) for value in known]
    scale, even = max(scales), min(scales) == max(scales) and all(int(v.as_tuple().exponent) <= 0 for v in known)
    if scale > 18 or (careful and not even):
        return None
    held = [0 if value is None else int(value.scaleb(scale)) for value in vector.values]
    if max(map(abs, held)) > _INT64:
        return None
    return _by_code(vector, held, "number", scale, even)


def _by_code(vector: Coded, held: Sequence[int], kind: str, scale: int, even: bool) -> Plain:
    nulls = np.array([value is None for value in vector.values], np.bool_)
    valid = ~nulls[vector.codes] if nulls.any() else _ALL
    if len(valid) and valid.all():
        valid = _ALL
    return Plain(np.array(held, np.int64)[vector.codes], valid, kind, scale, even)


def to_series(vector: Vector, name: str) -> pl.Series:
    """The column of a frame: numbers as Int64 where all are whole, else as Decimal of one scale; all else as it is.

    Values of several types, or that no such column holds, stay FEEL values in an Object column.
    """
    if isinstance(vector, Coded):
        return _gathered(_built(vector.values), vector.codes, name)
    if vector.kind == "date":
        series = pl.Series(name, vector.data).cast(pl.Int32()).cast(pl.Date())
    elif vector.kind == "real":
        return to_series(coded(vector), name)
    else:
        series = pl.Series(name, vector.data)
        if vector.scale:
            series = series.cast(pl.Decimal(_DIGITS_MAX, vector.scale))
            unit = pl.Series([Decimal(1).scaleb(-vector.scale)]).cast(pl.Decimal(_DIGITS_MAX, vector.scale))
            series = series * unit
    return masked(series, vector.valid).alias(name)


def masked(series: pl.Series, valid: NDArray[np.bool_]) -> pl.Series:
    """A series with null where not valid."""
    if not len(valid):
        return series
    return pl.select(pl.when(pl.Series(valid)).then(series)).to_series()


def _gathered(values: pl.Series, codes: Int32s, name: str) -> pl.Series:
    if values.dtype == pl.Object():
        held = values.to_list()
        return pl.Series(name, [held[code] for code in codes.tolist()], dtype=pl.Object())
    if values.dtype == pl.Int64() and len(values):
        data = values.fill_null(0).to_numpy()[codes]
        valid = values.is_not_null().to_numpy()[codes] if values.null_count() else _ALL
        return masked(pl.Series(name, data), _ALL if valid.all() else valid).alias(name)
    return values.gather(codes.astype(np.uint32)).alias(name)


def _built(values: list[Any]) -> pl.Series:
    """A series of FEEL values, in the dtype that holds them all exactly."""
    known = [value for value in values if value is not None]
    try:
        dtype = dtype_of(known)
        held = [None if v is None else int(v) for v in values] if dtype == pl.Int64() else values
        series = pl.Series(held, dtype=dtype, strict=True) if dtype is not None else None
        if series is not None and series.to_list() == values:
            return series
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        pass
    return pl.Series(values, dtype=pl.Object())


def dtype_of(known: Sequence[Any]) -> Any:
    """The dtype that holds these FEEL values; None where there is none."""
    kinds = {type(value) for value in known}
    if not kinds:
        return pl.Null()
    if len(kinds) > 1:
        return None
    kind = kinds.pop()
    if kind is Decimal:
        return _decimal(known)
    if kind in _DTYPES:
        return _DTYPES[kind]
    if kind is datetime:
        zones = {getattr(value.tzinfo, "key", "UTC" if value.tzinfo is UTC else value.tzinfo) for value in known}
        zone = zones.pop()
        return pl.Datetime("us", zone) if not zones and (zone is None or isinstance(zone, str)) else None
    if kind is list:
        inner = dtype_of([item for value in known for item in value if item is not None])
        return None if inner is None else pl.List(inner)
    if kind is dict:
        names = list(known[0])
        if not names or any(list(value) != names for value in known):
            return None
        fields = {n: dtype_of([value[n] for value in known if value[n] is not None]) for n in names}
        return None if None in fields.values() else pl.Struct(fields)
    return None


def _decimal(known: Sequence[Decimal]) -> Any:
    if not all(value.is_finite() for value in known):
        return None
    scale = max(max(0, -int(value.as_tuple().exponent)) for value in known)
    whole = max(value.adjusted() + 1 for value in known)
    if scale == 0 and whole <= _INT64_DIGITS:
        return pl.Int64()
    return pl.Decimal(_DIGITS_MAX, scale) if max(whole, 0) + scale <= _DIGITS_MAX else None
