"""Facts in columns: refused rows set aside, revisions and late confirmations made into row versions, sorted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.core import FieldType, InputError, Span
from tallystick.labels.definition.define import Events, FieldSpec
from tallystick.labels.kernels import places
from tallystick.labels.kernels.rows import FOREVER, Ints
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
FROM, TO, AWAITING = "@from", "@to", "@awaiting:"
_EVENT, _ROW = "@event", "@row"
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
"""Why a fact counts nowhere, by the number that `places.refused` gives."""
_NO_ID, _NO_AT, _NO_KEY, _NO_SEQUENCE, _NO_KNOWN = 1, 2, 4, 8, 16
_UTC = pl.Datetime("us", "UTC")
_INTEGER, _FLAG, _INSTANT = FieldType("integer"), FieldType("flag"), FieldType("instant")
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
        REVISION: held(frame["revision"], _INTEGER, events.stream).fill_null(0)
        if _has(frame, "revision")
        else pl.zeros(frame.height, pl.Int64, eager=True),
        RETRACT: held(frame["retract"], _FLAG, events.stream).fill_null(False)
        if _has(frame, "retract")
        else pl.zeros(frame.height, pl.Boolean, eager=True),
    }
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
    built = pl.DataFrame(list(series.values())).with_columns(values.alias(name) for name, values in extra.items())
    return built.with_columns(_refusal(events, built, keys)), {k: v for k, v in types.items() if v}


def _has(frame: pl.DataFrame, column: str) -> bool:
    return column in frame.columns and frame[column].dtype != pl.Null


def _refusal(events: Events, facts: pl.DataFrame, keys: Iterable[str]) -> pl.Series:
    """Why each row does not count, null where it does."""
    size, gaps = facts.height, np.zeros(facts.height, np.uint8)
    names = {_NO_ID: (ID,), _NO_AT: (AT,), _NO_KEY: tuple(keys), _NO_SEQUENCE: (SEQUENCE,), _NO_KNOWN: (KNOWN,)}
    for gap, columns in names.items():
        for column in columns:
            if facts[column].null_count():
                gaps[facts[column].is_null().to_numpy()] |= gap
    known, at = (facts[name].fill_null(0).to_numpy() for name in (KNOWN, AT))
    revision, retract = facts[REVISION].to_numpy(), facts[RETRACT].to_numpy()
    lateness = Span.parse(events.lateness).micros
    found = places.refused(gaps, known, at, revision, retract, lateness, T_MIN, T_MAX)
    if not found.any():
        return pl.Series(REFUSED, [None], pl.String).new_from_index(0, size)
    return pl.Series(_REASONS).gather(pl.Series(found)).alias(REFUSED)


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
    facts, types = normalise(events, frame, wanted, declared)
    if facts[REFUSED].null_count() < facts.height:
        facts = facts.filter(pl.col(REFUSED).is_null())
    facts = facts.drop(REFUSED)
    read = [name for name, spec in events.fields.items() if spec.known_at and name in wanted]
    height, rising = facts.height, _rising(facts[ID])
    number = numbered(facts[ID]) if not rising and _near(facts[ID]) else None
    different = height if rising else facts[ID].n_unique() if number is None else number[1].len()
    once = different == height and not facts[RETRACT].any()
    if read or not once:
        number = number or numbered(facts[ID])
        facts = facts.with_columns(pl.Series(_EVENT, number[0]))
    known = facts[KNOWN].to_numpy()
    facts = facts.with_columns(pl.col(KNOWN).alias(FROM), pl.lit(FOREVER, pl.Int64).alias(TO))
    if not once:
        facts = _superseded(events, facts)
    for name in read:
        facts = _confirmed_later(facts, name, events.fields[name])
    order = (AT, SEQUENCE, ID) if events.sequence not in ("", events.id) else (AT, ID)
    facts = _sorted(facts.drop(REVISION, RETRACT), order)
    plain, at = once and facts.height == height, facts[AT].to_numpy(writable=True)
    punctual = plain and not read and not _has(frame, "known_at")
    known_from = at if punctual else facts[FROM].to_numpy(writable=True)
    known_to = np.full(height, FOREVER, np.int64) if plain else facts[TO].to_numpy(writable=True)
    if plain or number is None:
        ids, event = facts.select(ID), np.arange(height, dtype=np.int64)
        first_known = facts[KNOWN].to_numpy(writable=True) if read else known_from
    else:
        ids, event = number[1].to_frame(), facts[_EVENT].to_numpy(writable=True)
        first_known = np.full(ids.height, FOREVER, np.int64)
        np.minimum.at(first_known, number[0], known)
    facts = facts.drop(_EVENT, strict=False)
    return Rows(facts, types, at, known_from, known_to, event, ids, first_known, plain)


def _sorted(facts: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    at = facts[AT].to_numpy()
    # History mostly comes in order; at strictly increasing instants nothing else decides.
    if (at[1:] > at[:-1]).all():
        return facts
    rows = np.argsort(at, kind="stable")
    ordered = at[rows]
    same = ordered[1:] == ordered[:-1]
    if same.any():
        tied = np.append(same, False) | np.append(False, same)
        among = facts[rows[tied]].select([*order, FROM]).with_row_index(_ROW)
        rows[tied] = rows[tied][among.sort([*order, FROM], maintain_order=True)[_ROW].to_numpy()]
    return facts[rows]


def _rising(values: pl.Series) -> bool:
    """Whether each of whole numbers is above the one before it, so that none comes twice."""
    return values.dtype == pl.Int64 and not values.null_count() and bool(places.rising(values.to_numpy()))


def _near(values: pl.Series) -> tuple[int, int] | None:
    """The least of whole numbers that lie close together, and how many there may be; None of others."""
    if values.dtype != pl.Int64 or values.null_count() or not values.len():
        return None
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


def _superseded(events: Events, facts: pl.DataFrame) -> pl.DataFrame:
    """The row versions of facts of which some are of one event, or retract it."""
    event = facts[_EVENT].to_numpy()
    several = (np.bincount(event) > 1)[event] | facts[RETRACT].to_numpy()
    rows = np.flatnonzero(several)
    versions = _versions(_once(events, facts[rows].with_columns(pl.Series(_ROW, rows))))
    known_to = facts[TO].to_numpy(writable=True)
    left = versions[_ROW].to_numpy()
    known_to[left], several[left] = versions[TO].to_numpy(), False
    return facts.with_columns(pl.Series(TO, known_to)).filter(pl.Series(~several))


def _once(events: Events, facts: pl.DataFrame) -> pl.DataFrame:
    """One row for each id and revision, the first known; refuses two of different content."""
    if not facts.select(ID, REVISION).is_duplicated().any():
        return facts
    content = [name for name in facts.columns if name not in (KNOWN, ID, REVISION, FROM, _ROW)]
    differing = (
        facts.group_by(ID, REVISION)
        .agg(pl.struct(content).n_unique().alias("@different"))
        .filter(pl.col("@different") > 1)
        .sort(ID, REVISION)
    )
    if differing.height:
        first = differing.row(0, named=True)
        raise InputError(
            WORDS("labels.conflict", stream=events.stream, id=first[ID], revision=first[REVISION]),
        )
    return facts.sort(KNOWN, maintain_order=True).unique((ID, REVISION), keep="first", maintain_order=True)


def _versions(facts: pl.DataFrame) -> pl.DataFrame:
    """Each revision counts from when it is known until a higher one is; a retraction only ends what it follows."""
    ordered = facts.sort(ID, REVISION)
    ends = pl.col(KNOWN).cum_min(reverse=True).shift(-1).over(ID, order_by=REVISION)
    return ordered.with_columns(ends.fill_null(FOREVER).alias(TO)).filter(
        (pl.col(FROM) < pl.col(TO)) & ~pl.col(RETRACT)
    )


def _confirmed_later(facts: pl.DataFrame, name: str, spec: FieldSpec) -> pl.DataFrame:
    """Split a version where its field is confirmed: the default before, the value after."""
    awaiting = AWAITING + name
    at = pl.col(spec.known_at).to_physical().fill_null(FOREVER)
    default = pl.lit(spec.default, dtype=facts.schema[name])
    differs = pl.lit(True) if spec.default is None else pl.col(name).ne_missing(default)
    split = facts.with_columns(at.alias("@confirmed"), differs.alias("@differs"))
    before = split.filter(pl.col("@differs") & (pl.col("@confirmed") > pl.col(FROM))).with_columns(
        pl.min_horizontal(TO, "@confirmed").alias(TO),
        default.alias(name),
        pl.lit(spec.default is None).alias(awaiting),
    )
    after = split.filter(~pl.col("@differs") | (pl.col("@confirmed") < pl.col(TO))).with_columns(
        pl.when("@differs").then(pl.max_horizontal(FROM, "@confirmed")).otherwise(FROM).alias(FROM),
        pl.lit(False).alias(awaiting),
    )
    return pl.concat([before, after]).drop("@confirmed", "@differs")
