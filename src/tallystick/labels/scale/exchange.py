"""Rows that move through files: spread over partitions in pieces, read back partition by partition."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.labels.kernels.places import by_bucket
from tallystick.labels.meaning.facts import held

Parts: TypeAlias = NDArray[np.int64]


class Exchange:
    """Frames on disk by partition, a file for each; a partition's pieces keep the order in which they were written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     exchange = Exchange(Path(folder, "x"), 2)
    ...     exchange.write(pl.DataFrame({"a": [1, 2, 3]}), np.array([1, 0, 1]))
    ...     exchange.take(1)["a"].to_list()
    [1, 3]
    """

    def __init__(self, folder: Path, parts: int) -> None:
        self.folder, self.parts = folder, parts
        self._sizes: list[list[int]] = [[] for _ in range(parts)]
        self.heights = [0] * parts
        """How many rows each partition has."""
        folder.mkdir(parents=True)

    def write(self, frame: pl.DataFrame, part: Parts) -> None:
        """Add rows to their partitions; rows of partition -1 go nowhere."""
        if not frame.height:
            return
        if (part[1:] >= part[:-1]).all():
            starts = np.searchsorted(part, np.arange(self.parts + 1))
            ordered = frame
        else:
            order, starts = by_bucket(part + 1, self.parts + 1)
            ordered, starts = frame[order], starts[1:]
        for number in range(self.parts):
            start, stop = int(starts[number]), int(starts[number + 1])
            if stop > start:
                self._add(number, ordered.slice(start, stop - start))

    def _add(self, number: int, frame: pl.DataFrame) -> None:
        with self._path(number).open("ab") as file:
            start = file.tell()
            frame.write_ipc_stream(file)
            self._sizes[number].append(file.tell() - start)
        self.heights[number] += frame.height

    def pieces(self, part: int) -> Iterator[pl.DataFrame]:
        """The rows of a partition as they were written, a frame at a time."""
        if self._sizes[part]:
            with self._path(part).open("rb") as file:
                for size in self._sizes[part]:
                    # Given the file, the reader would fetch all that is left of it for each piece.
                    yield pl.read_ipc_stream(file.read(size))

    def read(self, part: int, where: pl.Expr | None = None) -> pl.DataFrame | None:
        """The rows of a partition, or those of which `where` holds; None when it has none at all."""
        pieces = [piece if where is None else piece.filter(where) for piece in self.pieces(part)]
        return pl.concat(pieces, rechunk=True) if pieces else None

    def take(self, part: int) -> pl.DataFrame | None:
        """`read`, and delete the rows."""
        frame = self.read(part)
        self.drop(part)
        return frame

    def drop(self, part: int) -> None:
        """Delete the rows of a partition."""
        self._path(part).unlink(missing_ok=True)
        self._sizes[part], self.heights[part] = [], 0

    def _path(self, part: int) -> Path:
        return self.folder / f"{part:05}.arrows"


class Ranges:
    """Frames on disk by ranges of equally many rows, in the order in which rows come."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self.rows = folder, rows
        self.size = self.count = 0
        self._waiting: list[pl.DataFrame] = []
        folder.mkdir(parents=True)

    def add(self, frame: pl.DataFrame) -> None:
        """Add rows."""
        self._waiting.append(frame)
        waiting = sum(one.height for one in self._waiting)
        while waiting >= self.rows:
            whole = pl.concat(self._waiting)
            self._write(whole.head(self.rows))
            self._waiting, waiting = [whole.slice(self.rows)], waiting - self.rows

    def close(self) -> None:
        """Write what is left; of no rows at all an empty range, for its columns."""
        if self._waiting and (not self.count or sum(one.height for one in self._waiting)):
            self._write(pl.concat(self._waiting))
        self._waiting = []

    def _write(self, frame: pl.DataFrame) -> None:
        frame.write_ipc(self._path(self.count))
        self.count, self.size = self.count + 1, self.size + frame.height

    def read(self, number: int) -> pl.DataFrame:
        """The rows from `number * rows` on."""
        return pl.read_ipc(self._path(number))

    def drop(self, number: int) -> None:
        """Delete a range."""
        self._path(number).unlink()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05}.arrow"


def parts_of(keys: pl.Series, parts: int, seed: int = 0) -> Parts:
    """The partition of each key, -1 for a null; equal keys of one type go to one partition within one process."""
    # Polars' hash is the same for equal values within one version, and partitions never outlive the run that made them.
    values = held(keys, None, "")
    found = (values.hash(seed) % parts).cast(pl.Int64).to_numpy(writable=True)
    if values.null_count():
        found[values.is_null().to_numpy()] = -1
    return found
