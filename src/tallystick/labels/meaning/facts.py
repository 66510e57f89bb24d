"""Facts in columns: refused rows set aside, revisions and late confirmations made into row versions, sorted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType, InputError, Span
from tallystick.labels.definition.define import Events, FieldSpec
from tallystick.labels.kernels import places, versions
from tallystick.labels.kernels.rows import FOREVER, Codes, Ints
from tallystick.labels.meaning.versions import array, columns_taken, confirmed_later, in_order, taken
from tallystick.labels.words import WORDS

T_MIN, T_MAX = -62135596800000000, 253402300800000000
"""Instants of the years 1 to 9999, the upper end left out."""
_DAY = 86_400_000_000

ID, AT, SEQUENCE, KNOWN, REVISION, RETRACT, REFUSED = (
    "@id",
    "@at",
    "@sequence",
    "@known",
    "@revision",
    "@retract",
    "@refused",
)
_REASONS = (
    None,
    "no_id",
    "no_revision",
    "no_at",
    "no_key",
    "no_sequence",
    "out_of_range",
    "known_before_it_happened",
    "late",
)
"""Why a fact counts nowhere, by the number that `versions.refused` gives."""
_NO_ID, _NO_AT, _NO_KEY, _NO_SEQUENCE, _NO_KNOWN = 1, 2, 4, 8, 16
_UTC = pl.Datetime("us", "UTC")
_INTEGER, _FLAG, _INSTANT = FieldType("integer"), FieldType("flag"), FieldType("instant")
_NONE: Mapping[str, NDArray[Any]] = {REVISION: np.zeros(0, np.int64), RETRACT: np.zeros(0, np.bool_)}
_HELD: Mapping[str, Any] = {
    "money": pl.Int64,
    "decimal": pl.Int64,
    "integer": pl.Int64,
    "real": pl.Float64,
    "text": pl.String,
    "flag": pl.Boolean,
    "instant": _UTC,
    "date": pl.Date,
}


class Rows(msgspec.Struct, frozen=True):
    """The row versions of a stream in the order (at, sequence, id).

    `frame` has the columns that labels read, in held form; `event` numbers the events; `first_known` is by event.
    Where `plain`, each event has one row, numbered like it, that is never superseded.
    """

    frame: pl.DataFrame
    types: Mapping[str, FieldType]
    at: Ints
    known_from: Ints
    known_to: Ints
    event: Ints
    ids: pl.DataFrame
    first_known: Ints
    plain: bool


def held(series: pl.Series, kind: FieldType | None, stream: str) -> pl.Series:
    """A source column in held form; raises `InputError` for a column of another type."""
    dtype = series.dtype
    if kind is None:
        kind = _found_type(dtype)
    try:
        if dtype == pl.Null:
            return series.cast(_HELD[kind.kind if kind else "text"])
        if kind is not None:
            if kind.kind in ("money", "decimal", "integer") and dtype.is_integer():
                return series.cast(pl.Int64)
            if kind.kind == "real" and dtype.is_numeric():
                return _one_zero(series.cast(pl.Float64).fill_nan(None))
            if kind.kind == "text" and dtype in (pl.String, pl.Categorical, pl.Enum):
                return series.cast(pl.String)
            if kind.kind == "instant" and (dtype.is_integer() or dtype == pl.Datetime):
                return instants(series)
            if (kind.kind == "flag" and dtype == pl.Boolean) or (kind.kind == "date" and dtype == pl.Date):
                return series
    except pl.exceptions.PolarsError:
        pass
    allowed = f"{kind} as {_HELD[kind.kind]}" if kind else "integers, text, flags, floats, dates or datetimes"
    raise InputError(WORDS("labels.frame", stream=stream, column=series.name, given=str(dtype), allowed=allowed))


def _check_years(series: pl.Series, stream: str) -> None:
    """Raise `InputError` where a column in held form has an instant or a date outside the years 1 to 9999."""
    if series.dtype not in (_UTC, pl.Date):
        return
    unit = 1 if series.dtype == _UTC else _DAY
    edges = series.to_physical()
    for edge in (edges.min(), edges.max()):
        if edge is not None and not T_MIN <= edge * unit < T_MAX:  # type: ignore[operator]
            raise InputError(WORDS("labels.years", stream=stream, column=series.name, given=edge))


def _one_zero(series: pl.Series) -> pl.Series:
    # Polars drops "+ 0.0" as if it did nothing, so -0.0 is replaced by name.
    zero = pl.when(series == 0.0).then(0.0).otherwise(series)
    return pl.select(zero.alias(series.name)).to_series()


def instants(series: pl.Series) -> pl.Series:
    """Datetimes of any unit and zone, or integer microseconds, as UTC microseconds; no zone means UTC."""
    if series.dtype.is_integer():
        return series.cast(pl.Int64).cast(_UTC)
    assert isinstance(series.dtype, pl.Datetime)
    if series.dtype.time_unit == "ms":
        # Instants that microseconds cannot hold stay outside the years 1 to 9999.
        return (series.to_physical().clip(T_MIN // 1000 - 1, T_MAX // 1000) * 1000).cast(_UTC)
    zoned = series if series.dtype.time_zone else series.dt.replace_time_zone("UTC")
    return zoned.dt.convert_time_zone("UTC").dt.cast_time_unit("us")


def _found_type(dtype: pl.DataType) -> FieldType | None:
    if dtype.is_integer():
        return FieldType("integer")
    if dtype.is_float():
        return FieldType("real")
    named = {pl.Boolean: "flag", pl.Date: "date", pl.Datetime: "instant"}
    text = dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null)
    kind = "text" if text else next((name for known, name in named.items() if dtype == known), "")
    return FieldType(kind) if kind else None


def normalise(
    events: Events, frame: pl.DataFrame, columns: Iterable[str], declared: Mapping[str, FieldType | None]
) -> tuple[pl.DataFrame, dict[str, FieldType]]:
    """The facts of a stream in held form, with `@refused` giving the reason why a row does not count.

    Raises
    ------
    InputError
        When the facts are no data frame, or a column is absent, of another type or, other than `at` and `known_at`,
        with an instant or a date outside the years 1 to 9999.
    """
    facts, types, refused = _read(events, frame, columns, declared)
    made = [
        pl.zeros(facts.height, dtype, eager=True).alias(name)
        for name, dtype in ((REVISION, pl.Int64), (RETRACT, pl.Boolean))
        if name not in facts.columns
    ]
    if refused is None:
        why = pl.Series(REFUSED, [None], pl.String).new_from_index(0, facts.height)
    else:
        why = pl.Series(_REASONS).gather(pl.Series(refused)).alias(REFUSED)
    return facts.with_columns(*made, why), types


def _read(
    events: Events, frame: pl.DataFrame, columns: Iterable[str], declared: Mapping[str, FieldType | None]
) -> tuple[pl.DataFrame, dict[str, FieldType], Codes | None]:
    """The facts in held form, `@revision` and `@retract` only where given, and the numbers of why some do not count."""
    if not isinstance(frame, pl.DataFrame):
        raise InputError(WORDS("labels.frame_kind", stream=events.stream, given=type(frame).__name__))
    keys = tuple(events.keys.values())
    series: dict[str, pl.Series] = {}
    for column in dict.fromkeys((events.id, events.at, events.sequence or events.id, *keys, *columns)):
        if column not in frame.columns:
            allowed = ", ".join(frame.columns)
            raise InputError(WORDS("labels.column", stream=events.stream, given=column, allowed=allowed))
        series[column] = held(frame[column], declared.get(column), events.stream)
        if column != events.at:
            _check_years(series[column], events.stream)
    types = {name: declared.get(name) or _found_type(found.dtype) for name, found in series.items()}
    at = series[events.at].to_physical().cast(pl.Int64)
    known = held(frame["known_at"], _INSTANT, events.stream).to_physical() if _has(frame, "known_at") else at
    extra = {
        ID: series[events.id],
        SEQUENCE: series[events.sequence or events.id],
        AT: at,
        KNOWN: known.fill_null(at) if known.null_count() else known,
    }
    for name, column, kind, otherwise in ((REVISION, "revision", _INTEGER, 0), (RETRACT, "retract", _FLAG, False)):
        if _has(frame, column):
            given = held(frame[column], kind, events.stream)
            extra[name] = given.fill_null(otherwise) if given.null_count() else given
    for name in (ID, SEQUENCE, *keys):
        found = extra.get(name, series.get(name))
        assert found is not None
        if found.dtype not in (pl.Int64, pl.String):
            raise InputError(
                WORDS(
                    "labels.frame",
                    stream=events.stream,
                    column=found.name,
                    given=str(found.dtype),
                    allowed="whole numbers or text, for an id, a sequence or a key",
                )
            )
    facts = pl.DataFrame([*series.values(), *(values.alias(name) for name, values in extra.items())])
    return facts, {k: v for k, v in types.items() if v}, _refused(events, facts, keys)


def _has(frame: pl.DataFrame, column: str) -> bool:
    return column in frame.columns and frame[column].dtype != pl.Null


def _refused(events: Events, facts: pl.DataFrame, keys: Iterable[str]) -> Codes | None:
    """The number of why each row does not count, 0 where it does; None where all do."""
    size, gaps = facts.height, np.zeros(0, np.uint8)
    names = {_NO_ID: (ID,), _NO_AT: (AT,), _NO_KEY: tuple(keys), _NO_SEQUENCE: (SEQUENCE,), _NO_KNOWN: (KNOWN,)}
    for gap, columns in names.items():
        for column in columns:
            if facts[column].null_count():
                gaps = gaps if gaps.size else np.zeros(size, np.uint8)
                gaps[facts[column].is_null().to_numpy()] |= gap
    known, at, revision, retract = (_array(facts, name) for name in (KNOWN, AT, REVISION, RETRACT))
    lateness = Span.parse(events.lateness).micros
    found: Codes = versions.refused(gaps, known, at, revision, retract, lateness, T_MIN, T_MAX)
    return found if found.any() else None


def _array(facts: pl.DataFrame, column: str) -> NDArray[Any]:
    """The whole numbers or flags of a column, 0 for null, not to be written to; empty where there is no such column."""
    if column not in facts.columns:
        return _NONE[column]
    series = facts[column]
    found = array(series.fill_null(0) if series.null_count() else series)
    # A kernel is compiled once more for arrays that may be written to.
    found.flags.writeable = False
    return found


def prepare(
    events: Events, frame: pl.DataFrame, columns: Iterable[str], declared: Mapping[str, FieldType | None]
) -> Rows:
    """Make the row versions of a stream, each with the span of k in which it is what was known.

    Raises
    ------
    InputError
        When a column is absent or of another type, or an id and revision come twice with different content.
    """
    wanted = sorted(columns)
    facts, types, refused = _read(events, frame, wanted, declared)
    if refused is not None:
        facts = facts.filter(pl.Series(refused == 0))
    kept = facts.select(*dict.fromkeys((*events.keys.values(), *wanted)))
    rows = _arranged(events, facts, kept, types, not _has(frame, "known_at"))
    later = {name: spec for name, spec in events.fields.items() if spec.known_at and name in wanted}
    return _confirmed(rows, later) if later else rows


def _arranged(
    events: Events, facts: pl.DataFrame, kept: pl.DataFrame, types: Mapping[str, FieldType], punctual: bool
) -> Rows:
    """The row versions of facts whose fields are all known at once; `kept` has the columns that they keep.

    `punctual` says that all facts were known when they happened.
    """
    numbers = _events(facts)
    by = [facts[name] for name in ((SEQUENCE, ID) if events.sequence not in ("", events.id) else (ID,))]
    if numbers is None:
        order, at = in_order(_array(facts, AT), [*by, facts[KNOWN]], None)
        known = at if punctual else taken(_array(facts, KNOWN), order)
        ids, known_to = columns_taken(facts.select(ID), order), np.full(at.size, FOREVER, np.int64)
        return Rows(columns_taken(kept, order), types, at, known, known_to, np.arange(at.size), ids, known, True)
    until, never = _until(events, facts, *numbers)
    order, at = in_order(_array(facts, AT), [*by, facts[KNOWN]], never)
    # Each array makes room for the next: fresh memory costs more than what is done in it.
    known_to = taken(until, order)
    del until
    known = _array(facts, KNOWN)
    known_from = taken(known, order)
    first_known = versions.first_known(numbers[0], known, numbers[1].len())
    del known
    event, ids = taken(numbers[0], order), numbers[1].to_frame()
    del numbers
    return Rows(columns_taken(kept, order), types, at, known_from, known_to, event, ids, first_known, False)


def _confirmed(rows: Rows, later: Mapping[str, FieldSpec]) -> Rows:
    """The row versions of facts of which some fields are confirmed later."""
    frame, row, known_from, known_to = confirmed_later(rows.frame, rows.known_from, rows.known_to, later)
    if row.size == rows.at.size:
        return msgspec.structs.replace(rows, frame=frame)
    at, event = rows.at[row], rows.event[row]
    return Rows(frame, rows.types, at, known_from, known_to, event, rows.ids, rows.first_known, False)


def _events(facts: pl.DataFrame) -> tuple[Ints, pl.Series] | None:
    """The number of each fact's event, and the events' ids; None where each is an event of its own, none retracted."""
    ids, size, retracted = facts[ID], facts.height, bool(_array(facts, RETRACT).any())
    values = _array(facts, ID) if ids.dtype == pl.Int64 else np.zeros(0, np.int64)
    first = int(versions.climb(values))
    few = size - first < size // 8
    near = not few and _near(ids) is not None
    if first == size or (not few and not near and ids.n_unique() == size):
        return (np.arange(size), ids) if retracted else None
    if few:
        # History in its order, and a few facts that came after it.
        number, head, tail = np.arange(size), values[:first], values[first:]
        place = np.searchsorted(head, tail)
        new = head[np.minimum(place, first - 1)] != tail
        unknown, different = numbered(ids[first:].filter(pl.Series(new)))
        place[new] = first + unknown
        number[first:] = place
        found = number, pl.concat([ids[:first], different])
    else:
        found = numbered(ids) if near else _mostly_once(ids)
    return found if retracted or found[1].len() < size else None


def _mostly_once(ids: pl.Series) -> tuple[Ints, pl.Series]:
    """`numbered`, quicker where most ids come once."""
    first = ids.is_first_distinct()
    again = ids.filter(~first).unique()
    if again.len() > ids.len() // 8:
        return numbered(ids)
    firsts, rows = first.to_numpy(), ids.is_in(again.implode()).to_numpy().nonzero()[0]
    few, _ = numbered(ids.gather(pl.Series(rows)))
    number = np.cumsum(firsts) - 1
    number[rows] = number[rows[firsts[rows]]][few]
    return number, ids.filter(first)


def _until(events: Events, facts: pl.DataFrame, event: Ints, ids: pl.Series) -> tuple[Ints, Ints]:
    """Until when each fact is what was known; and the facts that never are."""
    rows = versions.several(event, _array(facts, RETRACT), ids.len())
    some = facts.select(name for name in (KNOWN, REVISION, RETRACT) if name in facts.columns)[rows]
    known, number, retract = (_array(some, name) for name in (KNOWN, REVISION, RETRACT))
    number = number if number.size else np.zeros(rows.size, np.int64)
    order = np.lexsort((known, number, event[rows]))
    rows, known, number = rows[order], known[order], number[order]
    again = np.append(False, (np.diff(event[rows]) == 0) & (np.diff(number) == 0))
    if again.any():
        twice = again | np.append(again[1:], False)
        _check_content(events, facts[rows[twice]].with_columns(pl.Series(REVISION, number[twice])))
    until = np.full(facts.height, FOREVER, np.int64)
    ends = versions.ends(event[rows], again, retract[order] if retract.size else again & False, known)
    until[rows] = ends
    return until, rows[ends <= known]


def _check_content(events: Events, facts: pl.DataFrame) -> None:
    """Raise `InputError` where two facts of one id and revision differ in more than when they were known."""
    content = [name for name in facts.columns if name not in (KNOWN, ID, REVISION)]
    differing = (
        facts.group_by(ID, REVISION)
        .agg(pl.struct(content).n_unique().alias("@different"))
        .filter(pl.col("@different") > 1)
        .sort(ID, REVISION)
    )
    if differing.height:
        first = differing.row(0, named=True)
        raise InputError(WORDS("labels.conflict", stream=events.stream, id=first[ID], revision=first[REVISION]))


def _near(values: pl.Series) -> tuple[int, int] | None:
    """The least of whole numbers that lie close together, and how many there may be; None of others."""
    if values.dtype != pl.Int64 or values.null_count():
        return None
    if not values.len():
        return 0, 0
    low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
    return (low, high - low + 1) if high - low < 8 * values.len() else None


def numbered(values: pl.Series) -> tuple[Ints, pl.Series]:
    """The number of each value in the order in which they first come, -1 for null; and the different values."""
    near = _near(values)
    if near is not None:
        number, first = places.numbered(values.to_numpy(), *near)
        return number, values.gather(pl.Series(first))
    unique = values.to_frame().unique(maintain_order=True).drop_nulls()
    return codes(values, unique), unique.to_series()


def codes(values: pl.Series, unique: pl.DataFrame) -> Ints:
    """The number of each value among the `unique` ones, -1 where it is none of them or null."""
    column = unique.columns[0]
    near = _near(unique[column])
    if near is not None and values.dtype == pl.Int64 and not values.null_count():
        found: Ints = places.looked_up(values.to_numpy(), unique[column].to_numpy(), *near)
        return found
    table = unique.with_columns(pl.int_range(unique.height, dtype=pl.Int64).alias("@code"))
    joined = values.alias(column).to_frame().join(table, on=column, how="left", maintain_order="left")
    return joined["@code"].fill_null(-1).to_numpy(writable=True)
