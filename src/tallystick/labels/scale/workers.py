"""What Spark's workers run: functions over Arrow tables that build the library from its text, once in each process."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import polars as pl

from tallystick.core import Field
from tallystick.labels.batch.joined import fact_points, joined_columns
from tallystick.labels.library import Library
from tallystick.labels.meaning.facts import ID, REVISION
from tallystick.labels.meaning.values import Values
from tallystick.labels.plan import Leaf
from tallystick.labels.scale.passes import (
    PART,
    ROW,
    Pass,
    first_known,
    from_columns,
    prepared,
    run_pass,
    to_columns,
)

if TYPE_CHECKING:
    import pyarrow as pa

Cogrouped: TypeAlias = "Callable[[pa.Table, pa.Table], pa.Table]"
Made: TypeAlias = Callable[[Library, Mapping[Leaf, Values], int], list[pl.Series]]
"""Columns made of the values of all aggregates at so many points."""

STREAM, FIRST, T, K = "@stream", "@first", "@t", "@k"
_BUILT: dict[str, Library] = {}


class Recipe(msgspec.Struct, frozen=True):
    """A library as it travels to workers: the label file's text, its zone and the fields of its sources."""

    source: str
    zone: str
    schemas: Mapping[str, Mapping[str, Field]] | None

    def library(self) -> Library:
        """The library; built once in each process."""
        key = hashlib.sha256(msgspec.json.encode((self.source, self.zone, repr(self.schemas)))).hexdigest()
        if key not in _BUILT:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "labels.py")
                path.write_text(self.source, "utf-8")
                _BUILT[key] = Library.from_file(path, self.zone, schemas=self.schemas)
        return _BUILT[key]


def runner(recipe: Recipe, number: int, one: Pass) -> Cogrouped:
    """Computes a pass at the points of a group."""

    def work(points: pa.Table, facts: pa.Table) -> pa.Table:
        asked, library = _read(points), recipe.library()
        given = _by_stream(facts, one.streams)
        found = run_pass(library, one, asked.drop(ROW, PART), prepared(library, given))
        return _write(pl.DataFrame([asked[ROW], *to_columns(one.leaves, found, f"{number}_")]))

    return work


def knower(recipe: Recipe) -> Cogrouped:
    """Finds when the own events of the points of a group were first known."""

    def work(points: pa.Table, facts: pa.Table) -> pa.Table:
        asked = _read(points)
        given = _by_stream(facts, asked["stream"].unique().to_list())
        known = first_known(recipe.library(), asked.drop(ROW, PART), given)
        return _write(pl.DataFrame([asked[ROW], known.alias(FIRST)]))

    return work


def asker(recipe: Recipe, stream: str) -> Callable[[pa.Table], pa.Table]:
    """Makes the points at which the joined columns of a group of facts are asked."""

    def work(facts: pa.Table) -> pa.Table:
        frame = _read(facts)
        points = fact_points(recipe.library()._typed[stream], frame)
        rows = frame[ROW].gather(points[ROW])
        asked = points.with_columns(rows.alias(ROW)).drop(ID, REVISION)
        return _write(asked.select(pl.exclude("t", "k"), pl.col("t").alias(T), pl.col("k").alias(K)))

    return work


def finisher(
    recipe: Recipe, passes: tuple[Pass, ...], kept: list[str], make: Made
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Puts what is made of the values of all passes beside the columns that are kept."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        library = recipe.library()
        for batch in batches:
            values = [name for name in batch.schema.names if name not in kept and name != ROW]
            frame = _read(pa.Table.from_batches([batch]).select(values))
            found: dict[Leaf, Values] = {}
            for number, one in enumerate(passes):
                found |= from_columns(one.leaves, frame, f"{number}_")
            made = _write(pl.DataFrame(make(library, found, batch.num_rows)))
            whole = pa.Table.from_batches([batch]).select(kept)
            for column, field in zip(made.columns, made.schema, strict=True):
                whole = whole.append_column(field, column)
            yield from whole.combine_chunks().to_batches()

    return work


def labelled(names: list[str], library: Library, found: Mapping[Leaf, Values], size: int) -> list[pl.Series]:
    """The columns of labels."""
    return library.columns_of(names, found, size)


def joined(stream: str, library: Library, found: Mapping[Leaf, Values], size: int) -> list[pl.Series]:
    """The joined columns of a stream."""
    return joined_columns(library._joins(stream), found, size)


def _by_stream(facts: pa.Table, streams: list[str] | tuple[str, ...]) -> dict[str, pl.DataFrame]:
    frame = _read(facts)
    return {stream: frame.filter(pl.col(STREAM) == stream)[stream].struct.unnest() for stream in streams}


def _read(table: pa.Table) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def _write(frame: pl.DataFrame) -> pa.Table:
    """A frame in the Arrow types that Spark knows."""
    import pyarrow as pa

    table = frame.with_columns(pl.col(pl.UInt8).cast(pl.Int16)).to_arrow(compat_level=pl.CompatLevel.oldest())
    fields = [
        pa.field(field.name, pa.string() if pa.types.is_large_string(field.type) else field.type)
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
