"""History as the desk sees it: what the lake held at the opening, and what the journal has recorded since.

The journal opens at a *horizon*: facts of the lake known before it count as history, whatever came later counts only
through the journal. So live labels and a batch over "lake before the horizon + journal" see the same facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import polars as pl

from tallystick.core import Fact, Field, Instant, StateError, parse_instant
from tallystick.desk.journal import Evidence, Journal
from tallystick.desk.project import Project
from tallystick.desk.sequencer import CLOCKS
from tallystick.desk.words import WORDS
from tallystick.labels import Events

INSTANT = pl.Datetime("us", "UTC")
OPENING = "opening"
_PORTION = 10_000
"""How many facts are held as records before they become columns."""
DTYPES: Mapping[str, Any] = {
    "money": pl.Int64,
    "decimal": pl.Int64,
    "integer": pl.Int64,
    "real": pl.Float64,
    "text": pl.String,
    "flag": pl.Boolean,
    "instant": INSTANT,
    "date": pl.Date,
}


class Opening(msgspec.Struct, frozen=True):
    """The first entry of a journal: from which knowledge time it rules, and which lake it stands on."""

    horizon: Instant
    lake: Mapping[str, int]


def opening_of(project: Project, journal: Journal) -> Opening:
    """Read a journal's opening, or write it: the earliest `live.from` of the flows, else the clock's now."""
    for entry in journal.read(kinds=("evidence",)):
        if isinstance(entry.record, Evidence) and entry.record.kind == OPENING:
            return msgspec.convert(entry.record.payload, Opening)
    lake = project.lake()
    versions = {}
    for stream in project.library.streams:
        if stream not in lake.tables():
            raise StateError(WORDS("lake.empty", given=stream))
        versions[stream] = lake.version(stream)
    starts = [parse_instant(flow.live.from_, project.zone) for flow in project.flows.values() if flow.live.from_]
    if starts:
        horizon = min(starts)
    else:
        latest = max((frame_end(lake.facts(stream)) for stream in versions), default=0)
        horizon = max(CLOCKS[project.settings.project.clock](latest), latest) + 1
    opening = Opening(horizon, versions)
    journal.append_evidence(OPENING, msgspec.to_builtins(opening))
    journal.flush()
    return opening


def frame_end(facts: pl.DataFrame) -> Instant:
    """The latest knowledge time in a frame of facts, 0 when it is empty."""
    latest = facts["known_at"].cast(INSTANT).to_physical().max()
    return latest if isinstance(latest, int) else 0


def late_fields(fields: Mapping[str, Field]) -> dict[str, str]:
    """Fields that are confirmed later → the column that says when."""
    return {name: field.known_at for name, field in fields.items() if field.known_at}


def as_known(facts: pl.DataFrame, fields: Mapping[str, Field], k: Instant) -> pl.DataFrame:
    """The facts known before `k`, with every value confirmed at `k` or later taken back to "not known"."""
    moment = pl.lit(k).cast(INSTANT)
    known = facts.filter(pl.col("known_at").cast(INSTANT) < moment)
    return _blanked(known, late_fields(fields), lambda column: pl.col(column).cast(INSTANT) < moment)


def first_known(facts: pl.DataFrame, fields: Mapping[str, Field]) -> pl.DataFrame:
    """First revisions as they were known when they came, instants in microseconds: what a decision could read."""
    instants = {name for name, field in fields.items() if field.type.kind == "instant"}
    first = facts.filter(pl.col("revision") == 0).with_columns(
        pl.col({*instants, "known_at"}).cast(INSTANT).to_physical()
    )
    return known_then(first, late_fields(fields))


def _blanked(facts: pl.DataFrame, late: Mapping[str, str], told: Callable[[str], pl.Expr]) -> pl.DataFrame:
    """Facts without the values, and the instants of confirmation, that were not told yet."""
    for name, column in [*late.items(), *((column, column) for column in dict.fromkeys(late.values()))]:
        facts = facts.with_columns(pl.when(told(column)).then(pl.col(name)).alias(name))
    return facts


def warm_facts(project: Project, opening: Opening) -> dict[str, pl.DataFrame]:
    """Stream → the facts that the lake held at the opening, as they were known at its horizon."""
    lake = project.lake()
    return {
        stream: as_known(lake.facts(stream, version), project.schema(stream), opening.horizon)
        for stream, version in opening.lake.items()
    }


def recorded_facts(project: Project, journal: Journal, streams: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """Stream → the facts of the journal as a frame of source columns with revision, retract and known_at."""
    frames = {stream: [frame_of(project.schema(stream), [])] for stream in streams}
    rows: dict[str, list[dict[str, Any]]] = {stream: [] for stream in streams}

    def put_down(stream: str) -> None:
        frames[stream].append(frame_of(project.schema(stream), rows[stream]))
        rows[stream] = []

    for entry in journal.read(kinds=("fact", "decision")):
        if entry.fact is not None:
            fact = entry.fact
            rows[fact.stream].append(
                {**fact.fields, "revision": fact.revision, "retract": fact.retract, "known_at": fact.known_at}
            )
            if len(rows[fact.stream]) == _PORTION:
                put_down(fact.stream)
    for stream in streams:
        put_down(stream)
    return {stream: pl.concat(parts) for stream, parts in frames.items()}


def frame_of(fields: Mapping[str, Field], rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Held events → a frame with the column types of the lake."""
    types = {name: DTYPES[field.type.kind] for name, field in fields.items()}
    types |= {"revision": pl.Int64, "retract": pl.Boolean, "known_at": INSTANT}
    raw = {name: pl.Int64 if dtype == INSTANT else dtype for name, dtype in types.items()}
    columns = {name: [row.get(name) for row in rows] for name in types}
    return pl.DataFrame(columns, schema=raw).cast({name: INSTANT for name, dtype in types.items() if dtype == INSTANT})


def all_facts(project: Project, journal: Journal) -> dict[str, pl.DataFrame]:
    """What a batch must see to repeat the live path: the lake before the horizon, then the journal."""
    warm = warm_facts(project, opening_of(project, journal))
    recorded = recorded_facts(project, journal, warm)
    return {
        stream: pl.concat([frame.select(recorded[stream].columns), recorded[stream]]) for stream, frame in warm.items()
    }


class Arrival(msgspec.Struct, frozen=True):
    """One thing that reaches the bank: a new event, a correction or retraction of one, or a later confirmation."""

    stream: str
    known_at: Instant
    revision: int
    retract: bool
    event: Mapping[str, Any]


def feed(project: Project, opening: Opening, stop: Instant) -> Iterator[Arrival]:
    """The lake's facts in [horizon, stop) in the order in which they became known, as live events.

    A fact arrives without the values confirmed later; each confirmation arrives as a revision of its own, unless a
    correction came before it. Revisions are numbered in the order in which they arrive.
    """
    lake = project.lake()
    frames = {
        stream: _arrivals(lake.facts(stream, version), project.schema(stream), project.library.streams[stream])
        for stream, version in opening.lake.items()
    }
    frames = {
        stream: frame.filter(pl.col("known_at").is_between(opening.horizon, stop, closed="left"))
        for stream, frame in frames.items()
    }
    order = [frame.select("known_at", pl.lit(stream).alias("stream")) for stream, frame in frames.items()]
    rows = {stream: frame.iter_rows(named=True) for stream, frame in frames.items()}
    for known_at, stream in pl.concat(order).sort("known_at", maintain_order=True).iter_rows():
        row = next(rows[stream])
        del row["known_at"]
        yield Arrival(stream, known_at, row.pop("revision"), row.pop("retract"), row)


def _arrivals(facts: pl.DataFrame, fields: Mapping[str, Field], spec: Events) -> pl.DataFrame:
    """Facts and confirmations of one stream in order of knowledge, instants in microseconds."""
    late = late_fields(fields)
    instants = [name for name, field in fields.items() if field.type.kind == "instant"]
    facts = facts.with_columns(pl.col({*instants, "known_at"}).cast(INSTANT).to_physical())
    superseded = pl.col("known_at").shift(-1).over(spec.id, order_by="revision")
    facts = facts.with_columns(superseded.alias("@superseded"))
    parts = [known_then(facts, late)]
    for column in dict.fromkeys(late.values()):
        in_time = pl.col("@superseded").is_null() | (pl.col(column) < pl.col("@superseded"))
        told = facts.filter((pl.col(column) > pl.col("known_at")) & in_time & ~pl.col("retract"))
        parts.append(known_then(told.with_columns(pl.col(column).alias("known_at")), late))
    every = pl.concat(parts).drop("@superseded")
    every = every.sort("known_at", "revision", spec.at, spec.sequence or spec.id, maintain_order=True)
    return every.with_columns((pl.col(spec.id).cum_count().over(spec.id) - 1).cast(pl.Int64).alias("revision"))


def known_then(facts: pl.DataFrame, late: Mapping[str, str]) -> pl.DataFrame:
    """Facts as they were known at their own `known_at`: a value confirmed later, and when, are not there yet."""
    return _blanked(facts, late, lambda column: pl.col(column) <= pl.col("known_at"))


def event_of(fact: Fact) -> dict[str, Any]:
    """A recorded fact as the event that live labels observe."""
    return {"stream": fact.stream, **fact.fields, "revision": fact.revision, "retract": fact.retract}
