"""Joined columns out of core: computed by passes at the points of the facts themselves, and kept on disk with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Set
from pathlib import Path

import polars as pl

from tallystick.labels.batch.joined import beside, fact_points, joined_columns
from tallystick.labels.meaning.facts import ID, REVISION
from tallystick.labels.scale.disk import K, Passes, T, Work
from tallystick.labels.scale.exchange import Exchange, Ranges, parts_of
from tallystick.labels.scale.passes import ROW, passes_of

_ROW_BYTES, _LEAF_BYTES = 368, 64


def join_streams(work: Work, streams: Iterable[str], folder: Path) -> None:
    """Join what opened streams are joined with.

    Parameters
    ----------
    work
        The run; its facts are read with their joined columns from then on.
    streams
        Each after those that its joined columns read.
    folder
        Where facts are kept.
    """
    for stream in streams:
        if joins := work.library._joins(stream):
            passes = passes_of(joins.values())
            leaves = sum(len(one.leaves) for one in passes)
            rows = min(max(work.memory // (4 * (_ROW_BYTES + _LEAF_BYTES * leaves)), 4096), 1_000_000)
            asked = _FactPoints(work, stream, folder / f"join-{stream}", rows)
            found = Passes(work, passes, asked, folder / f"join-{stream}", f"{stream} joined by")
            kept = Ranges(folder / f"joined-{stream}", rows)
            for number in range(asked.count):
                points = asked.read(number)
                values = found.values(number, points, last=True)
                columns = joined_columns(joins, values, points.height)
                own_rows = (points[ROW] - number * rows).alias(ROW)
                kept.add(beside(asked.facts.read(number), pl.DataFrame([own_rows, *columns])))
                asked.facts.drop(number)
            kept.close()
            work.facts.keep(stream, kept)
            shutil.rmtree(folder / f"join-{stream}")


class _FactPoints:
    """The facts of a stream as points: the instant before each was first known."""

    def __init__(self, work: Work, stream: str, folder: Path, rows: int) -> None:
        self.work, self.rows = work, rows
        self.stream = ""
        self.own: Set[str] = frozenset()
        self._events, self._repeats = work.library._typed[stream], work.facts.repeats[stream]
        self.facts = Ranges(folder / "facts", rows)
        for frame in work.facts.read(stream):
            self.facts.add(frame)
        self.facts.close()
        self.size, self.count = self.facts.size, self.facts.count
        self._first = self._first_deliveries(stream, folder) if self._repeats.any else None

    def read(self, number: int) -> pl.DataFrame:
        """The points of a range of facts, none for a fact that counts nowhere."""
        points = self._points(number)
        first = None if self._first is None else self._first.read(number)
        if first is not None:
            points = points.join(first, on=ROW, how="left", maintain_order="left")
            points = points.with_columns(pl.coalesce("first", "k").alias("k")).drop("first")
        return points.drop(ID, REVISION).rename({"t": T, "k": K})

    def _points(self, number: int) -> pl.DataFrame:
        points = fact_points(self._events, self.facts.read(number))
        return points.with_columns(pl.col(ROW) + number * self.rows)

    def _first_deliveries(self, stream: str, folder: Path) -> Exchange:
        """The k of facts that came before in another range, by their event."""
        parts = self.work.parts_for([stream], 0)
        again, found = Exchange(folder / "again", parts), Exchange(folder / "first", self.count)
        for number in range(self.count):
            points = self._points(number).select(ROW, ID, REVISION, "k")
            points = points.filter(pl.Series(self._repeats.of(points[ID])))
            again.write(points, parts_of(points[ID], parts))
        for part in range(parts):
            if (rows := again.take(part)) is not None:
                known = rows.with_columns(pl.col("k").min().over(ID, REVISION).alias("first"))
                later = known.filter(pl.col("first") < pl.col("k")).select(ROW, "first")
                found.write(later, later[ROW].to_numpy() // self.rows)
        return found
