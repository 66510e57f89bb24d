"""Text columns → held columns, all at once where the text is plain; `core.parse_value` judges the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from tallystick.core import Field, FieldType, InputError, Message, parse_instant, parse_value

INSTANT = pl.Datetime("us", "UTC")
_DTYPES: dict[str, Any] = {
    "money": pl.Int64,
    "decimal": pl.Int64,
    "integer": pl.Int64,
    "real": pl.Float64,
    "text": pl.String,
    "flag": pl.Boolean,
    "instant": INSTANT,
    "date": pl.Date,
}
_FLAGS = {
    spelling: truth
    for truth, words in ((True, "true t yes y 1"), (False, "false f no n 0"))
    for word in words.split()
    for spelling in (word, word.capitalize(), word.upper())
}
_TIME = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-5][0-9]"
_PLAIN = rf"^{_TIME}$"
_FRACTION = rf"^{_TIME}\.[0-9]{{1,6}}$"
_DAY = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$"
_OFFSET = r"[+-](?:0[0-9]|1[0-4]):[0-5][0-9]$"
_HOUR_US = 3_600_000_000
_EPOCH = datetime(1970, 1, 1)


def dtype_of(kind: FieldType) -> Any:
    """The polars type in which values of `kind` are held in columns."""
    return _DTYPES[kind.kind]


def parse_column(field: Field, given: pl.Series | Sequence[Any], zone: str) -> tuple[pl.Series, dict[int, Message]]:
    """Turn a column from outside into a held one.

    Parameters
    ----------
    field
        Name and type; whether a value is required is not asked here.
    given
        Text with nulls, or JSON values.
    zone
        Time zone of local times.

    Returns
    -------
    tuple
        The held column, null where there is no value, and for each row whose value is not of the type the reason.
        Every row gives what `core.parse_value` gives.

    Examples
    --------
    >>> amount = Field("amount", FieldType.parse("money(EUR)"))
    >>> held, faults = parse_column(amount, pl.Series(["12.5", "1e+05", "abc", None]), "UTC")
    >>> held.to_list(), list(faults)
    ([1250, 10000000, None, None], [2])
    """
    plain = Field(field.name, field.type)
    if not isinstance(given, pl.Series):
        return _by_value(plain, given, zone)
    held = _VECTOR[field.type.kind](field.type, given, zone)
    odd = (held.is_null() & given.is_not_null()).arg_true()
    faults: dict[int, Message] = {}
    if odd.len():
        texts = given.gather(odd)
        distinct = texts.unique().to_list()
        values, wrong = _by_value(plain, distinct, zone)
        place = {text: index for index, text in enumerate(distinct)}
        spots = [place[text] for text in texts]
        held = held.scatter(odd, values.gather(spots))
        faults = {row: wrong[spot] for row, spot in zip(odd.to_list(), spots, strict=True) if spot in wrong}
    return held, faults


def _by_value(field: Field, given: Sequence[Any], zone: str) -> tuple[pl.Series, dict[int, Message]]:
    values: list[Any] = []
    faults = {}
    for row, value in enumerate(given):
        try:
            values.append(parse_value(field, value, zone))
        except InputError as error:
            values.append(None)
            faults[row] = error.message
    if field.type.kind == "instant":
        return pl.Series(field.name, values, dtype=pl.Int64).cast(INSTANT), faults
    return pl.Series(field.name, values, dtype=dtype_of(field.type)), faults


def _only(text: pl.Series, pattern: str) -> pl.Series:
    """The texts that match, null elsewhere."""
    column = pl.col(text.name)
    return text.to_frame().select(pl.when(column.str.contains(pattern)).then(column)).to_series()


def _scaled(kind: FieldType, text: pl.Series, zone: str) -> pl.Series:
    # Only digits beyond the scale that are zero may follow: the cast would round others.
    plain = _only(text, rf"^[+-]?[0-9]{{1,18}}(?:\.[0-9]{{0,{kind.scale}}}0*)?$")
    return plain.cast(pl.Decimal(38, kind.scale), strict=False).to_physical().cast(pl.Int64, strict=False)


def _real(kind: FieldType, text: pl.Series, zone: str) -> pl.Series:
    plain = _only(text, r"^[+-]?[0-9]{1,25}(?:\.[0-9]{1,25})?(?:[eE][+-]?[0-9]{1,2})?$")
    number = plain.cast(pl.Float64, strict=False)
    # Minus zero is zero, as in core; polars leaves out an addition of 0.0.
    return number.set(number == 0.0, 0.0)


def _text(kind: FieldType, text: pl.Series, zone: str) -> pl.Series:
    return text


def _flag(kind: FieldType, text: pl.Series, zone: str) -> pl.Series:
    return text.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)


def _date(kind: FieldType, text: pl.Series, zone: str) -> pl.Series:
    return _only(text, _DAY).str.to_date("%Y-%m-%d", strict=False)


def _instant(kind: FieldType, text: pl.Series, zone: str) -> pl.Series:
    """Each shape of text is tried only on what is left, so a column of one shape is read in one pass."""
    held = pl.Series([None], dtype=INSTANT).new_from_index(0, text.len())
    left = pl.arange(0, text.len(), eager=True).filter(text.is_not_null())
    for suffix in ("", "Z", "offset"):
        for shape, form in ((_PLAIN, ""), (_FRACTION, "%.f")):
            if not left.len():
                return held
            some = text.gather(left)
            if suffix == "Z":
                some = _only(some, "Z$").str.strip_suffix("Z")
            fits = some.str.contains(shape if suffix != "offset" else shape[:-1] + _OFFSET).fill_null(False)
            if not fits.any():
                continue
            moments = some.filter(fits).str.replace(" ", "T", literal=True)
            ending = "%:z" if suffix == "offset" else ""
            read = moments.str.to_datetime(f"%Y-%m-%dT%H:%M:%S{form}{ending}", time_unit="us", strict=False)
            if suffix == "":
                read = _local(read, zone)
            elif suffix == "Z":
                read = read.dt.replace_time_zone("UTC")
            held = held.scatter(left.filter(fits), read)
            left = left.filter(~fits)
    return held


def _local(moments: pl.Series, zone: str) -> pl.Series:
    """Local times of `zone` as instants; null in an hour in which the clocks change, for the row path to judge.

    The offsets come from `core.parse_instant`, one question an hour, so that no second time-zone database is asked.
    """
    if zone == "UTC":
        return moments.dt.replace_time_zone("UTC")
    hours = moments.to_physical() // _HOUR_US
    offsets: dict[int, int | None] = {}
    for hour in hours.drop_nulls().unique().to_list():
        offsets[hour] = _offset(hour, zone)
    shift = hours.replace_strict(offsets, default=None, return_dtype=pl.Int64)
    return (moments.to_physical() - shift).cast(INSTANT)


def _offset(hour: int, zone: str) -> int | None:
    ends = (hour * _HOUR_US, (hour + 1) * _HOUR_US - 1)
    try:
        shifts = {end - parse_instant((_EPOCH + timedelta(microseconds=end)).isoformat(), zone) for end in ends}
    except InputError:
        return None
    return shifts.pop() if len(shifts) == 1 else None


_VECTOR = {
    "money": _scaled,
    "decimal": _scaled,
    "integer": _scaled,
    "real": _real,
    "text": _text,
    "flag": _flag,
    "instant": _instant,
    "date": _date,
}
