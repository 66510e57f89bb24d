"""Labels out of core: history of any size in bounded memory, spread over files by key and brought back in order.

Every partition holds all facts of the keys of its points and runs the engine of `Library.at`, so the bits are the same.
An event that was revised from one key to another lies with both, and with the points that are its own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError, Place
from tallystick.labels.batch import points as engine
from tallystick.labels.library import Library
from tallystick.labels.meaning.facts import held
from tallystick.labels.meaning.values import Values, to_series
from tallystick.labels.plan import Leaf
from tallystick.labels.scale.exchange import Exchange, Ranges, parts_of
from tallystick.labels.scale.passes import (
    PART,
    ROW,
    Pass,
    first_known,
    from_columns,
    label_of,
    open_k,
    overlay,
    passes_of,
    reader,
    run_pass,
    to_columns,
)
from tallystick.labels.scale.slices import Spread, slices
from tallystick.labels.scale.sources import Facts, Source, batches, scan
from tallystick.labels.words import WORDS

Progress: TypeAlias = Callable[[str, int, int], None]

_UTC = pl.Datetime("us", "UTC")
_T, _K, _ID = "@t", "@k", "@own"
_FACT_BYTES, _POINT_BYTES, _VALUE_BYTES = 240, 160, 40
_PARTS_MAX, _SLICES_MAX = 1024, 4


class Report(msgspec.Struct, frozen=True):
    """What a run did: points and facts read, partitions of each pass, and files written.

    `steps` counts partitions with points, those cut by time once for each slice; `largest` has the most rows of a step.
    """

    points: int
    facts: Mapping[str, int]
    labels: tuple[str, ...]
    passes: tuple[str, ...]
    partitions: int
    steps: int
    largest: int
    files: int


def at_partitions(
    library: Library,
    facts: Mapping[str, Source],
    out: Path,
    *,
    stream: str = "",
    points: Source | None = None,
    labels: Iterable[str] | None = None,
    partitions: int | None = None,
    memory_mib: int = 2048,
    progress: Progress | None = None,
) -> Report:
    """Labels at every event of a stream, or at given points, in bounded memory whatever the history.

    Parameters
    ----------
    facts
        Stream → Parquet files, a folder of them, or a lazy frame, with the columns that `Library.at` takes.
    out
        A folder that does not exist yet; it appears, whole, when all is done: `part-00000.parquet` and so on, in the
        order of the points, row for row.
    stream
        Labels at the own point of each event of this stream: of every first revision that counts, in the order of its
        facts, with the columns of its entities, `t`, `k` (when the event was first known), `stream` and `id`.
    points
        Instead of `stream`, points as for `Library.at`.
    labels
        Names of labels; all without it.
    partitions
        How many partitions a pass over one entity has; chosen by size and memory without it.
    memory_mib
        How much memory to aim at, 1 or more; fewer than 16 count as 16. A key too large for it is cut by time (see
        `slices`) if every window has a bound: then twice its facts within the longest set a lower bound, else all.
    progress
        Told what is done: a stage, how far, of how much.

    Returns
    -------
    Report
        Counts of the run.

    Raises
    ------
    InputError
        As `Library.at`; when `out` exists; for points with a column that this needs itself (`@row`, `@t`, `@k`); for
        `partitions` or `memory_mib` below 1; and for labels that need facts of several keys at once (see `passes_of`).

    Examples
    --------
    >>> from tallystick.labels import Entity, Events
    >>> card = Entity("card")
    >>> payments = Events("payments", id="id", at="at", keys={card: "card"})
    >>> library = Library({"number": payments.per(card).count().over("7d")}, {"payments": payments})
    >>> facts = pl.LazyFrame({"id": [1, 2, 3], "at": [1_000, 2_000, 3_000], "card": ["c1", "c2", "c1"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = at_partitions(library, {"payments": facts}, Path(folder, "out"), stream="payments")
    ...     pl.read_parquet(Path(folder, "out"))["number"].to_list()
    [0, 0, 1]
    """
    out = Path(out)
    for name, given in (("memory_mib", memory_mib), ("partitions", 1 if partitions is None else partitions)):
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise InputError(WORDS("labels.apart_number", name=name, given=given))
    if out.exists():
        raise InputError(WORDS("labels.apart_out"), Place(str(out)))
    if (points is None) == (not stream):
        raise InputError(WORDS("labels.apart_points"))
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        sources = {name: scan(source, name) for name, source in facts.items()}
        run = _Run(library, sources, scratch, labels, max(16, memory_mib) << 20, partitions, progress)
        report = run.labels_at(stream, None if points is None else scan(points, "points"))
        (scratch / "out").rename(out)
        return report
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _Run:
    """One run: what it reads, where it spreads it, and how far it is."""

    def __init__(
        self,
        library: Library,
        facts: Mapping[str, pl.LazyFrame],
        scratch: Path,
        labels: Iterable[str] | None,
        memory: int,
        parts: int | None,
        progress: Progress | None,
    ) -> None:
        self.library, self.scratch, self.memory = library, scratch, memory
        self.names = library._chosen(labels)
        self.passes = passes_of(library, self.names)
        self.progress: Progress = progress or (lambda stage, done, total: None)
        leaves = sum(len(one.leaves) for one in self.passes)
        self.facts = Facts(library, facts, min(max(memory // 1024, 4096), 2_000_000), memory)
        self.points = Ranges(scratch / "points", min(max(memory // (4 * (128 + 64 * leaves)), 4096), 1_000_000))
        self.parts_given, self.parts, self.largest, self.steps = parts, 0, 0, 0
        self.stream = ""
        self.own: set[str] = set()
        """Streams whose events have own points."""
        self.results: list[Exchange] = []
        self.known: Exchange | None = None

    def labels_at(self, stream: str, points: pl.LazyFrame | None) -> Report:
        """All stages, in order."""
        self.stream, self.own = stream, {stream} - {""}
        for name in dict.fromkeys(([stream] if stream else []) + [name for one in self.passes for name in one.streams]):
            self.facts.open(name)
            self.progress("read", self.facts.sizes[name], self.facts.sizes[name])
        late = self._keep_points(self.facts.own_points(stream) if points is None else self._given_points(points))
        if late:
            self.known = self._first_known()
        for number, one in enumerate(self.passes):
            self.results.append(self._pass(number, one))
        files = self._finish()
        names = tuple(one.entity or "own event" for one in self.passes)
        work = (self.parts, self.steps, self.largest, files)
        return Report(self.points.size, self.facts.sizes, tuple(self.names), names, *work)

    def _given_points(self, points: pl.LazyFrame) -> Iterator[pl.DataFrame]:
        schema = points.collect_schema()
        if taken := [name for name in self.names if name in schema or f"{name}__missing" in schema]:
            raise InputError(WORDS("labels.point_taken", given=taken[0]))
        if inner := [name for name in (ROW, _T, _K) if name in schema]:
            raise InputError(WORDS("labels.apart_inner", given=inner[0]))
        given = [name for name in ("stream", "id") if name in schema]
        if len(given) == 1:
            raise InputError(WORDS("labels.point_own", given=given[0]))
        yield from batches(points, schema.names(), self.points.rows)

    def _keep_points(self, frames: Iterator[pl.DataFrame]) -> bool:
        """Check the points and write them by ranges; whether the k of some is still to be found."""
        before, late = 0, False
        for frame in frames:
            if not before:
                self._check_columns(frame)
            nulls = frame["t"].is_null() if "t" in frame.columns else pl.Series([], dtype=pl.Boolean)
            if nulls.any():
                row = before + int(nulls.arg_true()[0]) + 1
                raise InputError(WORDS("labels.time_null", row=row, column="t"))
            engine.read_points(frame.select("^[tk]$"), {}, _no_rows)
            late |= bool(open_k(frame).any())
            if "stream" in frame.columns:
                self.own |= set(frame["stream"].drop_nulls().unique().cast(pl.String))
            before += frame.height
            self.points.add(frame)
        self.points.close()
        unknown = self.own - set(self.library.streams)
        if unknown:
            raise InputError(WORDS("labels.no_stream", given=min(unknown), allowed=", ".join(self.library.streams)))
        if late:
            for stream in sorted(self.own):
                self.facts.open(stream)
        return late

    def _check_columns(self, frame: pl.DataFrame) -> None:
        for one in self.passes:
            if one.entity and one.via is None and one.entity not in frame.columns:
                allowed, name = ", ".join(frame.columns), label_of(self.library, self.names, one)
                raise InputError(WORDS("labels.point_entity", name=name, entity=one.entity, allowed=allowed))

    def _range(self, number: int) -> pl.DataFrame:
        """A range of the points, with row numbers and with t and k in microseconds."""
        frame = self.points.read(number)
        asked = engine.read_points(frame.select("^[tk]$"), {}, _no_rows)
        first = number * self.points.rows
        if self.known is not None and (found := self.known.read(number)) is not None:
            asked.k[found[ROW].to_numpy() - first] = found["k"].to_numpy()
        rows = pl.int_range(first, first + frame.height, eager=True).alias(ROW)
        return frame.with_columns(rows, pl.Series(_T, asked.t), pl.Series(_K, asked.k))

    def _first_known(self) -> Exchange:
        """When the own events of points were first known, where several facts may tell: by the event's id."""
        found = Exchange(self.scratch / "known", self.points.count)
        parts = self._parts_for(sorted(self.own))
        points = Exchange(self.scratch / "known-points", parts)
        for number in range(self.points.count):
            frame = self._range(number)
            frame = frame.filter(open_k(frame))
            points.write(frame.select(ROW, "^(t|k|stream|id)$"), parts_of(frame["id"], parts))
        facts = {stream: Exchange(self.scratch / f"known-{stream}", parts) for stream in self.own}
        for stream, exchange in facts.items():
            column = self.library.streams[stream].id
            for frame in self.facts.read(stream):
                repeated = frame.filter(self.facts.repeats[stream].of(frame[column])) if self.stream else frame
                exchange.write(repeated, parts_of(repeated[column], parts))
        for part in range(parts):
            asked = points.take(part)
            given = self._given({stream: exchange.take(part) for stream, exchange in facts.items()})
            if asked is not None:
                known = first_known(self.library, self._named(asked), reader(self.library, given))
                found.write(asked.select(ROW).with_columns(known), asked[ROW].to_numpy() // self.points.rows)
        return found

    def _named(self, points: pl.DataFrame) -> pl.DataFrame:
        # The stream of all points is the same, so it is not kept with each.
        named = points.with_columns(pl.lit(self.stream).alias("stream")) if self.stream else points
        return named.drop(ROW)

    def _given(self, taken: Mapping[str, pl.DataFrame | None]) -> dict[str, pl.DataFrame]:
        return {stream: self.facts.empty[stream] if frame is None else frame for stream, frame in taken.items()}

    def _parts_for(self, streams: Iterable[str], leaves: int = 0) -> int:
        if self.parts_given is not None:
            return self.parts_given
        need = sum(self.facts.sizes[stream] for stream in streams) * _FACT_BYTES
        need += self.points.size * (_POINT_BYTES + leaves * _VALUE_BYTES)
        return min(max(1, -(-2 * need // self.memory)), _PARTS_MAX)

    def _pass(self, number: int, one: Pass) -> Exchange:
        """Spread points and facts by key, compute partition by partition, and keep the values by ranges of points."""
        folder, stage = self.scratch / f"pass-{number}", f"labels {one.entity}"
        parts = self._parts_for(one.streams, len(one.leaves))
        self.parts = max(self.parts, parts)
        points, homes = self._spread_points(one, folder, parts)
        facts = {stream: self._spread_facts(one, stream, folder, parts, homes.get(stream)) for stream in one.streams}
        found = Exchange(folder / "found", self.points.count)
        spread, rows = Spread(one, points, facts, self.facts.repeats), max(self.memory // (2 * _FACT_BYTES), 1)
        for part in range(parts):
            for asked, taken in slices(self.library, spread, part, rows):
                if asked is not None:
                    self._compute(one, asked, self._given(taken), found)
            self.progress(stage, part + 1, parts)
        return found

    def _compute(self, one: Pass, asked: pl.DataFrame, given: dict[str, pl.DataFrame], found: Exchange) -> None:
        """The values of a pass at some points, with all facts that they need."""
        self.largest = max(self.largest, asked.height, *(frame.height for frame in given.values()))
        self.steps += 1
        rows_of = reader(self.library, given)
        # All facts lie together, but the points need not be asked at once.
        at_once = self.memory // (2 * (_POINT_BYTES + len(one.leaves) * _VALUE_BYTES))
        for some in asked.iter_slices(max(at_once, -(-asked.height // _SLICES_MAX))):
            values = run_pass(self.library, one, self._named(some), rows_of)
            columns = pl.DataFrame([some[ROW], *to_columns(one, values)])
            found.write(columns, some[ROW].to_numpy() // self.points.rows)

    def _spread_points(self, one: Pass, folder: Path, parts: int) -> tuple[Exchange, dict[str, Exchange]]:
        """The points by key; and, by id, where own events are wanted beside the partitions of their own keys."""
        points = Exchange(folder / "points", parts)
        apart = self.own & set(one.streams) if one.entity and (one.via or not self.stream) else set()
        homes = {stream: Exchange(folder / f"homes-{stream}", parts) for stream in sorted(apart)}
        for number in range(self.points.count):
            frame = self._range(number)
            keys = self._keys(one, number, frame)
            part = parts_of(keys, parts)
            # A point without a key has no facts anywhere: any partition will do.
            part = np.where(part < 0, frame[ROW].to_numpy() % parts, part)
            named = frame.with_columns(keys) if one.entity else frame
            kept = [name for name in (ROW, one.entity, "stream", "id") if name in named.columns]
            points.write(named.select(*kept, t=pl.col(_T), k=pl.col(_K)), part)
            for stream, exchange in homes.items():
                where = frame.select(held(frame["id"], None, "points").alias(_ID), pl.Series(PART, part))
                mine = pl.lit(True) if self.stream else (frame["stream"] == stream).fill_null(False)
                where = where.filter(mine, pl.col(_ID).is_not_null())
                exchange.write(where, parts_of(where[_ID], parts))
        return points, homes

    def _keys(self, one: Pass, number: int, frame: pl.DataFrame) -> pl.Series:
        if not one.entity:
            nothing = pl.Series([None], dtype=pl.Int64).new_from_index(0, frame.height)
            return frame["id"] if "id" in frame.columns else nothing
        if one.via is None:
            return frame[one.entity]
        source = next(place for place, other in enumerate(self.passes) if one.via in other.leaves)
        values = from_columns(self.passes[source], self._found(source, number, frame))[one.via]
        return to_series(one.entity, values, one.via.type)

    def _spread_facts(self, one: Pass, stream: str, folder: Path, parts: int, homes: Exchange | None) -> Exchange:
        """The facts by key. All facts of an event go wherever one of them, or a point that is its own, goes."""
        events, done = self.library.streams[stream], 0
        exchange, side = Exchange(folder / f"facts-{stream}", parts), Exchange(folder / f"side-{stream}", parts)
        key = {entity.name: column for entity, column in events.keys.items()}.get(one.entity, events.id)
        for frame in self.facts.read(stream):
            part, ids = parts_of(frame[key], parts), frame[events.id]
            if one.entity:
                apart = np.ones(frame.height, np.bool_) if homes is not None else self.facts.repeats[stream].of(ids)
                if apart.any():
                    named = frame.with_columns(held(ids, None, stream).alias(_ID), pl.Series(PART, part))
                    side.write(named.filter(apart), parts_of(ids, parts)[apart])
                    frame, part = frame.filter(~apart), part[~apart]
            exchange.write(frame, part)
            done += ids.len()
            self.progress(f"spread {stream}", done, self.facts.sizes[stream])
        for number in range(parts):
            rows = side.take(number)
            if rows is None:
                continue
            wanted = rows.select(_ID, PART)
            others = homes.take(number) if homes is not None else None
            if others is not None and others[_ID].dtype == wanted[_ID].dtype:
                wanted = pl.concat([wanted, others])
            together = rows.drop(PART).join(wanted.filter(pl.col(PART) >= 0).unique(), on=_ID)
            exchange.write(together.drop(_ID, PART), together[PART].to_numpy())
        return exchange

    def _found(self, place: int, number: int, frame: pl.DataFrame, last: bool = False) -> pl.DataFrame:
        """The values of a pass for a range of points, in their order."""
        exchange = self.results[place]
        found = (exchange.take if last else exchange.read)(number)
        assert found is not None
        found = found.sort(ROW)
        assert found[ROW].equals(frame[ROW]), "a pass gives one row for each point"
        return found

    def _finish(self) -> int:
        """Put the passes together, range by range."""
        folder = self.scratch / "out"
        folder.mkdir()
        for number in range(self.points.count):
            frame = self._range(number)
            found: dict[Leaf, Values] = {}
            for place, one in enumerate(self.passes if frame.height else ()):
                values = from_columns(one, self._found(place, number, frame, last=True))
                found |= overlay(values, found[one.via] if one.via else None)
            if self.stream:
                frame = frame.with_columns(pl.col(_K).cast(_UTC).alias("k"))
                frame = frame.select(pl.exclude("id"), pl.lit(self.stream).alias("stream"), "id")
            if frame.height:
                made = frame.with_columns(self.library.columns_of(self.names, found, frame.height))
            else:
                made = self.library.at(frame, self.names, self.facts.empty)
            path = folder / f"part-{number:05}.parquet"
            made.drop(ROW, _T, _K).write_parquet(path, compression="lz4")
            self.progress("merge", number + 1, self.points.count)
        return self.points.count


def _no_rows(stream: str) -> Any:
    raise AssertionError(stream)
