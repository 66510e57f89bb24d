"""Facts that are read in pieces: files or lazy frames, checked, counted, and which of their ids come again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import InputError, Place
from tallystick.core.numeric import kernel
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.library import Library
from tallystick.labels.meaning.facts import AT, ID, KNOWN, REFUSED, REVISION, held, normalise
from tallystick.labels.scale.exchange import Parts, Ranges
from tallystick.labels.words import WORDS

_UTC = pl.Datetime("us", "UTC")
Source: TypeAlias = str | Path | Sequence[str | Path] | pl.LazyFrame | pl.DataFrame
"""Parquet files, a folder of them, or a frame that is read in pieces."""

OPTIONAL = ("known_at", "revision", "retract")
"""Columns that facts may have beside those that their stream declares."""


def scan(source: Source, stream: str) -> pl.LazyFrame:
    """A source as a lazy frame; raises `InputError` when there are no such files."""
    if isinstance(source, pl.LazyFrame):
        return source
    if isinstance(source, pl.DataFrame):
        return source.lazy()
    found = pl.scan_parquet(source if isinstance(source, str | Path) else [Path(one) for one in source])
    try:
        found.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(WORDS("labels.apart_source", stream=stream, detail=str(error)), Place(str(source))) from None
    return found


def batches(source: pl.LazyFrame, columns: Sequence[str], rows: int) -> Iterator[pl.DataFrame]:
    """The rows of a source in their order, at most about `rows` at once, categories as text; one frame at the least."""
    # Categories are numbered anew in every file.
    wanted = source.select(columns).with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    some = False
    for frame in wanted.collect_batches(chunk_size=rows, maintain_order=True, lazy=True):
        some = True
        yield frame
    if not some:
        yield wanted.head(0).collect()


class Facts:
    """The facts of a library's streams, opened when first needed.

    Parameters
    ----------
    library
        Whose streams.
    given
        Stream → its facts.
    rows
        How many to read at once, about.
    bits_max
        Of the tables that find ids which come again.
    """

    def __init__(self, library: Library, given: Mapping[str, pl.LazyFrame], rows: int, bits_max: int) -> None:
        self.library, self._given, self._rows, self._bits_max = library, given, rows, bits_max
        self._columns: dict[str, list[str]] = {}
        self.sizes: dict[str, int] = {}
        self._kept: dict[str, Ranges] = {}
        self.empty: dict[str, pl.DataFrame] = {}
        self.repeats: dict[str, Repeats] = {}

    def open(self, stream: str) -> None:
        """Check a stream's columns, count its facts and note which ids may come more than once."""
        if stream in self._columns:
            return
        if stream not in self._given:
            raise InputError(WORDS("labels.facts", stream=stream, given=", ".join(self._given)))
        schema = self._given[stream].collect_schema()
        wanted = self.library.columns(stream)
        for column in wanted:
            if column not in schema:
                raise InputError(WORDS("labels.column", stream=stream, given=column, allowed=", ".join(schema)))
        self._columns[stream] = list(dict.fromkeys((*wanted, *(name for name in OPTIONAL if name in schema))))
        self.empty[stream] = next(batches(self._given[stream].head(0), self._columns[stream], 1))
        size = self.sizes[stream] = self._given[stream].select(pl.len()).collect().item()
        repeats = self.repeats[stream] = Repeats(min(size * 32, self._bits_max))
        column = self.library.streams[stream].id
        for frame in batches(self._given[stream], [column], self._rows):
            repeats.observe(frame[column])

    def read(self, stream: str) -> Iterator[pl.DataFrame]:
        """The facts of an opened stream in their order, with the columns that labels read; a frame at the least."""
        if stream not in self._kept:
            yield from batches(self._given[stream], self._columns[stream], self._rows)
            return
        kept = self._kept[stream]
        for number in range(kept.count):
            frame = kept.read(number)
            yield from frame.iter_slices(self._rows) if frame.height else (frame,)

    def keep(self, stream: str, kept: Ranges) -> None:
        """From now on read a stream's facts as they were kept, with their joined columns."""
        self._kept[stream], self.empty[stream] = kept, kept.read(0).clear()

    def own_points(self, stream: str) -> Iterator[pl.DataFrame]:
        """A point for each first revision that counts; its k where no other fact of the event can change that."""
        events = self.library._typed[stream]
        for frame in self.read(stream):
            checked, _ = normalise(events, frame, (), declared_types(events))
            settled = pl.Series(~self.repeats[stream].of(checked[ID]))
            yield (
                checked.with_columns(pl.when(settled).then(pl.col(KNOWN)).alias(KNOWN))
                .filter(pl.col(REFUSED).is_null() & (pl.col(REVISION) == 0))
                .select(
                    *(pl.col(column).alias(entity.name) for entity, column in events.keys.items()),
                    pl.col(AT).cast(_UTC).alias("t"),
                    pl.col(KNOWN).cast(_UTC).alias("k"),
                    pl.col(ID).alias("id"),
                )
            )


class Repeats:
    """Which ids may come more than once, in memory that does not grow with their number.

    Two tables of bits: ids that share a bit count as repeated too, which costs them a longer way and nothing else.

    Examples
    --------
    >>> repeats = Repeats(1_000)
    >>> repeats.observe(pl.Series(["a", "b", "a"]))
    >>> repeats.any, repeats.of(pl.Series(["a", "b"])).tolist()
    (True, [True, False])
    """

    def __init__(self, bits_max: int) -> None:
        self._mask = (1 << max(16, (bits_max - 1).bit_length())) - 1
        words = (self._mask + 1) >> 6
        self._once, self._again = np.zeros(words, np.uint64), np.zeros(words, np.uint64)
        self.any = False

    def observe(self, ids: pl.Series) -> None:
        """Take ids in."""
        self.any |= bool(_mark(self._bits(ids), self._once, self._again))

    def of(self, ids: pl.Series) -> NDArray[np.bool_]:
        """Whether each id may have come more than once."""
        if not self.any:
            return np.zeros(ids.len(), np.bool_)
        return np.asarray(_marked(self._bits(ids), self._again))

    def _bits(self, ids: pl.Series) -> Parts:
        return (held(ids, None, "").hash(11) & self._mask).cast(pl.Int64).to_numpy()


@kernel
def _mark(bits: Parts, once: Any, again: Any) -> bool:
    found = False
    for i in range(bits.size):
        word, bit = bits[i] >> 6, np.uint64(1) << np.uint64(bits[i] & 63)
        if once[word] & bit:
            again[word] |= bit
            found = True
        else:
            once[word] |= bit
    return found


@kernel
def _marked(bits: Parts, again: Any) -> Any:
    found = np.zeros(bits.size, np.bool_)
    for i in range(bits.size):
        found[i] = (again[bits[i] >> 6] >> np.uint64(bits[i] & 63)) & np.uint64(1) != np.uint64(0)
    return found
