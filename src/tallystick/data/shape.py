"""A chunk of rows → facts: typed, melted, checked; what breaks a rule is set apart with its reason."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import Field, Message, parse_value, to_instant
from tallystick.data.checks import check_column, check_time, missing_value
from tallystick.data.columns import INSTANT, dtype_of, parse_column
from tallystick.data.declare import template_columns
from tallystick.data.reading import Chunk
from tallystick.data.source import Check, Period, Source


class Shaped(msgspec.Struct, frozen=True):
    """Facts of one chunk: the good ones, the chunk row of each, and the reasons of the others by chunk row."""

    facts: pl.DataFrame
    rows: NDArray[np.int64]
    faults: tuple[tuple[int, tuple[Message, ...]], ...]
    events: int


def table_schema(source: Source) -> dict[str, Any]:
    """Column → polars type of the table of `source`: its fields, then revision, retract and known_at."""
    schema = {name: dtype_of(field.type) for name, field in source.fields.items()}
    return schema | {"revision": pl.Int64, "retract": pl.Boolean, "known_at": INSTANT}


def shape(source: Source, chunk: Chunk, zone: str) -> Shaped:
    """Type, melt and check the rows of a chunk."""
    count = chunk.lines.size
    periods: tuple[Period | None, ...] = source.melt.periods if source.melt is not None else (None,)
    columns = _Columns(source, chunk, zone)
    parts, reasons = [], dict[int, list[Message]]()
    for step, period in enumerate(periods):
        held = {}
        for name, field in source.fields.items():
            held[name], wrong = columns.of(field, period)
            for row, message in wrong.items():
                reasons.setdefault(step * count + row, []).append(message)
        parts.append(pl.DataFrame(list(held.values())))
    frame = _fact_columns(source, pl.concat(parts))
    _check(source, frame, zone, reasons)
    bad = np.zeros(frame.height, np.bool_)
    bad[list(reasons)] = True
    rows = np.tile(np.arange(count), len(periods))
    return Shaped(
        facts=frame.filter(pl.Series(~bad)) if reasons else frame,
        rows=rows[~bad],
        faults=tuple((int(rows[event]), tuple(reasons[event])) for event in sorted(reasons)),
        events=frame.height,
    )


class _Columns:
    """The held columns of one chunk, each column of the file parsed once however many periods read it."""

    def __init__(self, source: Source, chunk: Chunk, zone: str) -> None:
        self.source, self.chunk, self.zone = source, chunk, zone
        self.parsed: dict[tuple[str, str], tuple[pl.Series, dict[int, Message]]] = {}

    def of(self, field: Field, period: Period | None) -> tuple[pl.Series, dict[int, Message]]:
        source, name = self.source, field.name
        if period is not None and name == source.id:
            return self._ids(period).alias(name), {}
        if period is not None and name == source.at:
            return self._constant(field, period.at), {}
        if period is not None and name in period.columns:
            return self._parsed(field, period.columns[name])
        if source.melt is not None and any(name in other.columns for other in source.melt.periods):
            return self._constant(field, None), {}
        if name in source.constants:
            return self._constant(field, source.constants[name]), {}
        return self._parsed(field, source.columns[name])

    def _parsed(self, field: Field, column: str) -> tuple[pl.Series, dict[int, Message]]:
        key = (field.name, column)
        if key not in self.parsed:
            values = self.chunk.values
            given = self.chunk.texts[column] if values is None else values[column]
            held, wrong = parse_column(field, given, self.zone)
            self.parsed[key] = held.alias(field.name), wrong
        return self.parsed[key]

    def _constant(self, field: Field, given: Any) -> pl.Series:
        value = parse_value(field, given, self.zone)
        dtype = dtype_of(field.type)
        first = pl.Series(field.name, [value], dtype=pl.Int64 if dtype == INSTANT else dtype).cast(dtype)
        return first.new_from_index(0, self.chunk.lines.size)

    def _ids(self, period: Period) -> pl.Series:
        assert self.source.melt is not None
        template = self.source.melt.id
        names = [name for name in template_columns(template) if name != "at"]
        pieces, text = [], template.replace("{at}", period.at)
        for name in names:
            before, text = text.split("{" + name + "}", 1)
            pieces += [pl.lit(before), pl.col(name)]
        values = self.chunk.values
        frame = (
            self.chunk.texts.select(names)
            if values is None
            else pl.DataFrame(
                {n: [None if v is None else str(v) for v in values[n]] for n in names}, dict.fromkeys(names, pl.String)
            )
        )
        return frame.select(pl.concat_str([*pieces, pl.lit(text)])).to_series()


def _fact_columns(source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    filled = [
        pl.col(name).fill_null(pl.lit(field.default, dtype=pl.Int64).cast(INSTANT))
        if field.type.kind == "instant"
        else pl.col(name).fill_null(pl.lit(field.default, dtype=dtype_of(field.type)))
        for name, field in source.fields.items()
        if field.default is not None and not field.known_at
    ]
    frame = frame.with_columns(filled)
    return frame.with_columns(
        (pl.col(source.revision) if source.revision else pl.lit(0, dtype=pl.Int64)).alias("revision"),
        (pl.col(source.retract).fill_null(False) if source.retract else pl.lit(False)).alias("retract"),
        pl.col(source.known_at or source.at).alias("known_at"),
    ).select(list(table_schema(source)))


def _check(source: Source, frame: pl.DataFrame, zone: str, reasons: dict[int, list[Message]]) -> None:
    """Add the reasons of the rows that lack a required value, break a check or came too early or late."""
    named = {(row, message.params.get("name")) for row, messages in reasons.items() for message in messages}
    for name, field in source.fields.items():
        if field.required and frame[name].null_count():
            message = missing_value(field)
            for row in frame[name].is_null().arg_true().to_list():
                if (row, name) not in named:
                    reasons.setdefault(row, []).append(message)
        check = source.checks.get(name, Check())
        if check != Check():
            for row, broken in check_column(field, check, frame[name], zone).items():
                reasons.setdefault(row, []).append(broken)
    gap = pl.col("known_at").to_physical() - pl.col(source.at).to_physical()
    first = pl.col("revision") == 0
    wrong = (pl.col("revision") < 0) | (first & ((gap < 0) | (gap > source.lateness.micros)))
    for row in frame.select(wrong.fill_null(False).alias("wrong"))["wrong"].arg_true().to_list():
        at, known_at = to_instant(frame[source.at][row]), to_instant(frame["known_at"][row])
        late = check_time(source, at, known_at, frame["revision"][row])
        assert late is not None
        reasons.setdefault(row, []).append(late)
