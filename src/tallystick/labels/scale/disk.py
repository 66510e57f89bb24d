"""Passes on disk: points and facts spread over partitions by key, each computed alone, values kept by ranges of points.

Every partition holds all facts of the keys of its points. An event that was revised from one key to another lies with
both, and with the points that are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec
import numpy as np
import polars as pl

from tallystick.labels.library import Library
from tallystick.labels.meaning.facts import held
from tallystick.labels.meaning.values import Values, to_series
from tallystick.labels.plan import Leaf
from tallystick.labels.scale.exchange import Exchange, parts_of
from tallystick.labels.scale.passes import (
    GIVEN,
    PART,
    ROW,
    Pass,
    from_columns,
    no_values,
    prepared,
    run_pass,
    to_columns,
)
from tallystick.labels.scale.slices import Spread, slices
from tallystick.labels.scale.sources import Facts

Progress: TypeAlias = Callable[[str, int, int], None]

T, K = "@t", "@k"
"""The columns of t and k in microseconds."""
_ID = "@own"
_FACT_BYTES, _POINT_BYTES, _VALUE_BYTES = 240, 160, 40
_PARTS_MAX, _SLICES_MAX = 1024, 4


class Work(msgspec.Struct):
    """What all passes of a run share, and what they did: see `Report`."""

    library: Library
    facts: Facts
    memory: int
    parts_given: int | None
    progress: Progress
    parts: int = 0
    steps: int = 0
    largest: int = 0
    passes: list[str] = []

    def open(self, stream: str) -> None:
        """Open the facts of a stream."""
        if stream not in self.facts.sizes:
            self.facts.open(stream)
            self.progress("read", self.facts.sizes[stream], self.facts.sizes[stream])

    def parts_for(self, streams: Iterable[str], points: int, leaves: int = 0) -> int:
        """Over how many partitions to spread the facts of some streams, and points."""
        if self.parts_given is not None:
            return self.parts_given
        need = sum(self.facts.sizes[stream] for stream in streams) * _FACT_BYTES
        need += points * (_POINT_BYTES + leaves * _VALUE_BYTES)
        return min(max(1, -(-2 * need // self.memory)), _PARTS_MAX)

    def filled(self, taken: Mapping[str, pl.DataFrame | None]) -> dict[str, pl.DataFrame]:
        """Facts by stream, an empty frame where a partition has none."""
        return {stream: self.facts.empty[stream] if frame is None else frame for stream, frame in taken.items()}


class Asked(Protocol):
    """Points by ranges of their rows."""

    size: int
    """How many there are, or some more."""
    count: int
    """How many ranges."""
    rows: int
    """How many rows a range has."""
    stream: str
    """Whose own points all of them are; "" where that is said by each, or of none."""
    own: Set[str]
    """The streams whose events have own points."""

    def read(self, number: int) -> pl.DataFrame:
        """Points with `@row`, `@t`, `@k` and, as for `Library.at`, their keys and own events."""
        ...


class Passes:
    """The passes of some plans over points, one after the other, and their values.

    Parameters
    ----------
    work
        What they share with others.
    passes
        What is computed.
    asked
        At which points.
    folder
        Where rows are spread.
    stage
        What is told of the progress, before the entity.
    """

    def __init__(self, work: Work, passes: tuple[Pass, ...], asked: Asked, folder: Path, stage: str) -> None:
        self.work, self.passes, self.asked = work, passes, asked
        self._found: list[Exchange] = []
        for number, one in enumerate(passes):
            self._found.append(self._pass(one, folder / f"pass-{number}", f"{stage} {one.entity}"))
            work.passes.append(one.entity or "own event")

    def values(self, number: int, frame: pl.DataFrame, last: bool = False) -> dict[Leaf, Values]:
        """The values of all passes at a range of the points; the `last` time their files are deleted."""
        found: dict[Leaf, Values] = {}
        for one, exchange in zip(self.passes, self._found, strict=True):
            found |= _read(one, exchange, number, frame, last) if frame.height else no_values(one.leaves)
        return found

    def _pass(self, one: Pass, folder: Path, stage: str) -> Exchange:
        """Spread points and facts by key, compute partition by partition, and keep the values by ranges of points."""
        work = self.work
        parts = work.parts_for(one.streams, self.asked.size, len(one.leaves))
        work.parts = max(work.parts, parts)
        points, homes = self._spread_points(one, folder, parts)
        facts = {stream: self._spread_facts(one, stream, folder, parts, homes.get(stream)) for stream in one.streams}
        found = Exchange(folder / "found", self.asked.count)
        spread, rows = Spread(one, points, facts, work.facts.repeats), max(work.memory // (2 * _FACT_BYTES), 1)
        for part in range(parts):
            for asked, taken in slices(work.library, spread, part, rows):
                if asked is not None:
                    self._compute(one, asked, work.filled(taken), found)
            work.progress(stage, part + 1, parts)
        return found

    def _compute(self, one: Pass, asked: pl.DataFrame, given: dict[str, pl.DataFrame], found: Exchange) -> None:
        """The values of a pass at some points, with all facts that they need."""
        work = self.work
        work.largest = max(work.largest, asked.height, *(frame.height for frame in given.values()))
        work.steps += 1
        facts = prepared(work.library, given)
        # All facts lie together, but the points need not be asked at once.
        at_once = work.memory // (2 * (_POINT_BYTES + len(one.leaves) * _VALUE_BYTES))
        for some in asked.iter_slices(max(at_once, -(-asked.height // _SLICES_MAX))):
            values = run_pass(work.library, one, named(some, self.asked.stream), facts)
            columns = pl.DataFrame([some[ROW], *to_columns(one.leaves, values)])
            found.write(columns, some[ROW].to_numpy() // self.asked.rows)

    def _spread_points(self, one: Pass, folder: Path, parts: int) -> tuple[Exchange, dict[str, Exchange]]:
        """The points by key; and, by id, where own events are wanted beside the partitions of their own keys."""
        points = Exchange(folder / "points", parts)
        apart = self.asked.own & set(one.streams) if one.entity and (one.via or not self.asked.stream) else set()
        homes = {stream: Exchange(folder / f"homes-{stream}", parts) for stream in sorted(apart)}
        for number in range(self.asked.count):
            frame = self.asked.read(number)
            if not frame.height:
                continue
            given = self._given(one, number, frame)
            part = parts_of(_keys(one, frame, given), parts)
            # A point without a key has no facts anywhere: any partition will do.
            part = np.where(part < 0, frame[ROW].to_numpy() % parts, part)
            kept = [name for name in (ROW, one.entity, "stream", "id") if name in frame.columns]
            chosen = frame.select(*kept, t=pl.col(T), k=pl.col(K))
            points.write(chosen.hstack(to_columns(one.given, given, GIVEN)), part)
            for stream, exchange in homes.items():
                where = frame.select(held(frame["id"], None, "points").alias(_ID), pl.Series(PART, part))
                mine = pl.lit(True) if self.asked.stream else (frame["stream"] == stream).fill_null(False)
                where = where.filter(mine, pl.col(_ID).is_not_null())
                exchange.write(where, parts_of(where[_ID], parts))
        return points, homes

    def _given(self, one: Pass, number: int, frame: pl.DataFrame) -> dict[Leaf, Values]:
        """What passes before it give to a pass, at a range of the points."""
        found: dict[Leaf, Values] = {}
        for source, exchange in zip(self.passes, self._found, strict=False):
            if set(one.given) & set(source.leaves):
                found |= _read(source, exchange, number, frame)
        return {leaf: found[leaf] for leaf in one.given}

    def _spread_facts(self, one: Pass, stream: str, folder: Path, parts: int, homes: Exchange | None) -> Exchange:
        """The facts by key. All facts of an event go wherever one of them, or a point that is its own, goes."""
        work = self.work
        events, done = work.library.streams[stream], 0
        exchange, side = Exchange(folder / f"facts-{stream}", parts), Exchange(folder / f"side-{stream}", parts)
        key = {entity.name: column for entity, column in events.keys.items()}.get(one.entity, events.id)
        for frame in work.facts.read(stream):
            part, ids = parts_of(frame[key], parts), frame[events.id]
            if one.entity:
                apart = np.ones(frame.height, np.bool_) if homes is not None else work.facts.repeats[stream].of(ids)
                if apart.any():
                    marked = frame.with_columns(held(ids, None, stream).alias(_ID), pl.Series(PART, part))
                    side.write(marked.filter(apart), parts_of(ids, parts)[apart])
                    frame, part = frame.filter(~apart), part[~apart]
            exchange.write(frame, part)
            done += ids.len()
            work.progress(f"spread {stream}", done, work.facts.sizes[stream])
        for rows, wanted in _by_event(side, homes):
            together = rows.drop(PART).join(wanted.filter(pl.col(PART) >= 0).unique(), on=_ID)
            exchange.write(together.drop(_ID, PART), together[PART].to_numpy())
        return exchange


def named(points: pl.DataFrame, stream: str) -> pl.DataFrame:
    """Points as the engine takes them: the stream of all, where it is the same, is not kept with each."""
    return (points.with_columns(pl.lit(stream).alias("stream")) if stream else points).drop(ROW)


def _by_event(side: Exchange, homes: Exchange | None) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Facts that lie by their event, with the partitions in which each event is wanted."""
    for number in range(side.parts):
        rows = side.take(number)
        if rows is None:
            continue
        wanted = rows.select(_ID, PART)
        others = homes.take(number) if homes is not None else None
        if others is not None and others[_ID].dtype == wanted[_ID].dtype:
            wanted = pl.concat([wanted, others])
        yield rows, wanted


def _keys(one: Pass, frame: pl.DataFrame, given: Mapping[Leaf, Values]) -> pl.Series:
    if not one.entity:
        nothing = pl.Series([None], dtype=pl.Int64).new_from_index(0, frame.height)
        return frame["id"] if "id" in frame.columns else nothing
    return frame[one.entity] if one.via is None else to_series(one.entity, given[one.via], one.via.type)


def _read(one: Pass, exchange: Exchange, number: int, frame: pl.DataFrame, last: bool = False) -> dict[Leaf, Values]:
    """The values of a pass at a range of the points, in their order."""
    found = (exchange.take if last else exchange.read)(number)
    assert found is not None
    found = found.sort(ROW)
    assert found[ROW].equals(frame[ROW]), "a pass gives one row for each point"
    return from_columns(one.leaves, found)
