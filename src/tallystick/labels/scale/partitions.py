"""Labels out of core: history of any size in bounded memory, spread over files by key and brought back in order.

Every partition holds all facts of the keys of its points and runs the engine of `Library.at`, so the bits are the same.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tallystick.core import InputError, Place, StateError
from tallystick.labels.batch import points as engine
from tallystick.labels.library import Library
from tallystick.labels.scale.disk import K, Passes, Progress, T, Work, named
from tallystick.labels.scale.exchange import Exchange, Ranges, parts_of
from tallystick.labels.scale.joins import join_streams
from tallystick.labels.scale.passes import (
    ROW,
    Pass,
    first_known,
    joined_last,
    label_of,
    open_k,
    passes_of,
    streams_of,
)
from tallystick.labels.scale.sources import Facts, Source, batches, scan
from tallystick.labels.words import WORDS

_UTC = pl.Datetime("us", "UTC")


class Report(msgspec.Struct, frozen=True):
    """What a run did: points and facts read, partitions of each pass, and files written.

    `passes` names whose keys each pass hung on, those for joined columns first. `steps` counts partitions with points,
    those cut by time once for each slice; `largest` has the most rows of a step.
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
        As `Library.at`; when `out` exists; for points with a column that this needs itself (`@row`, `@t`, `@k`); and
        for `partitions` or `memory_mib` below 1.
    StateError
        When a file disappears while it is read: an erasure writes those of a lake anew.

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
        memory = max(16, memory_mib) << 20
        read = Facts(library, sources, min(max(memory // 1024, 4096), 2_000_000), memory)
        work = Work(library, read, memory, partitions, progress or (lambda stage, done, total: None))
        asked = None if points is None else scan(points, "points")
        report = _labels_at(work, library._chosen(labels), scratch, stream, asked)
        (scratch / "out").rename(out)
        return report
    except FileNotFoundError as error:
        raise StateError(WORDS("labels.apart_gone", detail=str(error))) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _labels_at(work: Work, names: list[str], scratch: Path, stream: str, points: pl.LazyFrame | None) -> Report:
    """All stages, in order."""
    passes = passes_of(work.library.nodes(names).values())
    streams = joined_last(work.library, streams_of(passes))
    for name in dict.fromkeys(([stream] if stream else []) + streams):
        work.open(name)
    leaves = sum(len(one.leaves) for one in passes)
    asked = _Points(work, scratch, stream, min(max(work.memory // (4 * (128 + 64 * leaves)), 4096), 1_000_000))
    asked.keep(asked.given(points, names) if points is not None else work.facts.own_points(stream), names, passes)
    join_streams(work, streams, scratch)
    found = Passes(work, passes, asked, scratch, "labels")
    _write(work, asked, found, names, scratch / "out")
    done = (work.parts, work.steps, work.largest, asked.count)
    return Report(asked.size, work.facts.sizes, tuple(names), tuple(work.passes), *done)


class _Points:
    """The points of a run, checked and kept by ranges of rows."""

    def __init__(self, work: Work, folder: Path, stream: str, rows: int) -> None:
        self.work, self.folder, self.stream, self.rows = work, folder, stream, rows
        self.own: Set[str] = {stream} - {""}
        self.size = self.count = 0
        self._kept = Ranges(folder / "points", rows)
        self._known: Exchange | None = None

    def given(self, points: pl.LazyFrame, names: list[str]) -> Iterator[pl.DataFrame]:
        """The points of a source, after their columns are checked."""
        schema = points.collect_schema()
        if taken := [name for name in names if name in schema or f"{name}__missing" in schema]:
            raise InputError(WORDS("labels.point_taken", given=taken[0]))
        if inner := [name for name in (ROW, T, K) if name in schema]:
            raise InputError(WORDS("labels.apart_inner", given=inner[0]))
        own = [name for name in ("stream", "id") if name in schema]
        if len(own) == 1:
            raise InputError(WORDS("labels.point_own", given=own[0]))
        yield from batches(points, schema.names(), self.rows)

    def keep(self, frames: Iterator[pl.DataFrame], names: list[str], passes: tuple[Pass, ...]) -> None:
        """Check the points, write them by ranges, and find each one's k."""
        before, late, library = 0, False, self.work.library
        for frame in frames:
            if not before:
                _check_columns(library, names, passes, frame.columns)
            nulls = frame["t"].is_null() if "t" in frame.columns else pl.Series([], dtype=pl.Boolean)
            if nulls.any():
                row = before + int(nulls.arg_true()[0]) + 1
                raise InputError(WORDS("labels.time_null", row=row, column="t"))
            engine.read_points(frame.select("^[tk]$"), {}, _no_rows)
            late |= bool(open_k(frame).any())
            if "stream" in frame.columns:
                self.own = self.own | set(frame["stream"].drop_nulls().unique().cast(pl.String))
            before += frame.height
            self._kept.add(frame)
        self._kept.close()
        self.size, self.count = self._kept.size, self._kept.count
        unknown = self.own - set(library.streams)
        if unknown:
            raise InputError(WORDS("labels.no_stream", given=min(unknown), allowed=", ".join(library.streams)))
        if late:
            for stream in sorted(self.own):
                self.work.open(stream)
            self._known = self._first_known()

    def read(self, number: int) -> pl.DataFrame:
        """A range of the points, with row numbers and with t and k in microseconds."""
        frame = self._kept.read(number)
        asked = engine.read_points(frame.select("^[tk]$"), {}, _no_rows)
        first = number * self.rows
        if self._known is not None and (found := self._known.read(number)) is not None:
            asked.k[found[ROW].to_numpy() - first] = found["k"].to_numpy()
        rows = pl.int_range(first, first + frame.height, eager=True).alias(ROW)
        return frame.with_columns(rows, pl.Series(T, asked.t), pl.Series(K, asked.k))

    def _first_known(self) -> Exchange:
        """When the own events of points were first known, where several facts may tell: by the event's id."""
        work, folder = self.work, self.folder
        found = Exchange(folder / "known", self.count)
        parts = work.parts_for(self.own, self.size)
        points = Exchange(folder / "known-points", parts)
        for number in range(self.count):
            frame = self.read(number)
            frame = frame.filter(open_k(frame))
            points.write(frame.select(ROW, "^(t|k|stream|id)$"), parts_of(frame["id"], parts))
        facts = {stream: Exchange(folder / f"known-{stream}", parts) for stream in self.own}
        for stream, exchange in facts.items():
            column = work.library.streams[stream].id
            for frame in work.facts.read(stream):
                repeated = frame.filter(work.facts.repeats[stream].of(frame[column])) if self.stream else frame
                exchange.write(repeated, parts_of(repeated[column], parts))
        for part in range(parts):
            asked = points.take(part)
            given = work.filled({stream: exchange.take(part) for stream, exchange in facts.items()})
            if asked is not None:
                known = first_known(work.library, named(asked, self.stream), given)
                found.write(asked.select(ROW).with_columns(known), asked[ROW].to_numpy() // self.rows)
        return found


def _check_columns(library: Library, names: list[str], passes: tuple[Pass, ...], given: list[str]) -> None:
    for one in passes:
        if one.entity and one.via is None and one.entity not in given:
            name = label_of(library, names, one)
            words = WORDS("labels.point_entity", name=name, entity=one.entity, allowed=", ".join(given))
            raise InputError(words)


def _write(work: Work, asked: _Points, found: Passes, names: list[str], folder: Path) -> None:
    """Put the passes together, range by range, and write the labels beside their points."""
    folder.mkdir()
    for number in range(asked.count):
        frame = asked.read(number)
        values = found.values(number, frame, last=True)
        if asked.stream:
            frame = frame.with_columns(pl.col(K).cast(_UTC).alias("k"))
            frame = frame.select(pl.exclude("id"), pl.lit(asked.stream).alias("stream"), "id")
        made = frame.with_columns(work.library.columns_of(names, values, frame.height))
        made.drop(ROW, T, K).write_parquet(folder / f"part-{number:05}.parquet", compression="lz4")
        work.progress("merge", number + 1, asked.count)


def _no_rows(stream: str) -> Any:
    raise AssertionError(stream)
