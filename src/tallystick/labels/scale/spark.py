"""Labels on Spark: our engine in Spark's workers, one entity at a time, with the bits of `Library.at`.

Spark only brings facts and points of a key together; nothing of a label's meaning is written in its language. The label
file travels as text and is built once in each worker.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import polars as pl

from tallystick.core import Field, InputError
from tallystick.labels.library import Library, RowsOf
from tallystick.labels.meaning.values import Values
from tallystick.labels.plan import Leaf
from tallystick.labels.scale.passes import (
    PART,
    ROW,
    Pass,
    first_known,
    from_columns,
    label_of,
    overlay,
    passes_of,
    reader,
    run_pass,
    to_columns,
)
from tallystick.labels.scale.sources import OPTIONAL
from tallystick.labels.words import WORDS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

Cogrouped: TypeAlias = "Callable[[pa.Table, pa.Table], pa.Table]"

_STREAM, _OWN, _T, _K = "@stream", "@own", "@t", "@k"
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


def at_spark(
    path: str | Path,
    spark: SparkSession,
    points: DataFrame,
    facts: Mapping[str, DataFrame],
    *,
    zone: str | None = None,
    schemas: Mapping[str, Mapping[str, Field]] | None = None,
    labels: Iterable[str] | None = None,
    partitions: int | None = None,
) -> DataFrame:
    """Labels at many points, computed by Spark's workers: what `Library.at` gives, row for row and bit for bit.

    Parameters
    ----------
    path
        The label file, as for `Library.from_file`. It must stand by itself: workers get its text, not its neighbours.
    spark
        The session; its workers need Tallystick with the extra `spark`.
    points
        As for `Library.at`. They are computed once and kept by Spark, for their rows are numbered.
    facts
        Stream → its facts, as for `Library.at`. Timestamps without a zone are UTC.
    zone, schemas
        As for `Library.from_file`.
    labels
        Names of labels; all without it.
    partitions
        Over how many groups keys are spread; Spark's shuffle partitions without it. A group's facts and points are held
        in a worker's memory whole.

    Returns
    -------
    pyspark.sql.DataFrame
        The points with the columns of `Library.at`, in no order, as always in Spark.

    Raises
    ------
    InputError
        As `Library.at`, and for labels that need facts of several keys at once (see `passes_of`).
    """
    from pyspark.sql import functions as F

    library = Library.from_file(path, zone, schemas=schemas)
    recipe = Recipe(Path(path).read_text("utf-8"), library.zone, schemas)
    names = library._chosen(labels)
    passes = passes_of(library, names)
    _check(library, names, passes, points, facts)
    count = partitions or int(spark.conf.get("spark.sql.shuffle.partitions") or 200)
    work = _Work(recipe, library, passes, dict(facts), count)
    # Row numbers hang on how Spark splits its work, so they are fixed before anything is joined by them.
    base = points.withColumn(ROW, F.monotonically_increasing_id()).localCheckpoint()
    asked = work.known(base.select(ROW, *_kept(base), *_instants(base)))
    found = asked
    for number, one in enumerate(passes):
        found = found.join(work.found(number, one, found), ROW)
    values = [f"{name}{number}_{i}" for number, one in enumerate(passes) for i, name in _parts(one)]
    made = base.join(found.select(ROW, *values), ROW)
    finish = _finisher(recipe, names, passes, points.columns)
    return made.mapInArrow(finish, _final_schema(library, names, points))


def _check(
    library: Library, names: list[str], passes: Iterable[Pass], points: DataFrame, facts: Mapping[str, DataFrame]
) -> None:
    given = ", ".join(points.columns)
    taken = [name for name in names if {name, f"{name}__missing", f"{name}__approximate"} & set(points.columns)]
    if taken:
        raise InputError(WORDS("labels.point_taken", given=taken[0]))
    if "t" not in points.columns:
        raise InputError(WORDS("labels.points", given="t", allowed=given))
    inner = [name for name in (ROW, PART, _T, _K, "@key", "@first") if name in points.columns]
    if inner:
        raise InputError(WORDS("labels.apart_inner", given=inner[0]))
    own = [name for name in ("stream", "id") if name in points.columns]
    if len(own) == 1:
        raise InputError(WORDS("labels.point_own", given=own[0]))
    for one in passes:
        if one.entity and one.via is None and one.entity not in points.columns:
            name = label_of(library, names, one)
            raise InputError(WORDS("labels.point_entity", name=name, entity=one.entity, allowed=given))
        for stream in one.streams:
            if stream not in facts:
                raise InputError(WORDS("labels.facts", stream=stream, given=", ".join(facts)))
            for column in library.columns(stream):
                if column not in facts[stream].columns:
                    allowed = ", ".join(facts[stream].columns)
                    raise InputError(WORDS("labels.column", stream=stream, given=column, allowed=allowed))


def _kept(points: DataFrame) -> list[str]:
    return [name for name in points.columns if name not in (ROW, "t", "k")]


def _instants(points: DataFrame) -> list[Column]:
    """t and k as microseconds UTC; k null where it is to be found."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import TimestampNTZType, TimestampType

    def micros(name: str) -> Column:
        kind = points.schema[name].dataType
        if isinstance(kind, TimestampType):
            return F.unix_micros(name)
        if isinstance(kind, TimestampNTZType):
            return F.expr(f"timestampdiff(MICROSECOND, TIMESTAMP_NTZ'1970-01-01 00:00:00', {name})")
        return F.col(name)

    k = micros("k") if "k" in points.columns else F.lit(None).cast("long")
    return [micros("t").alias(_T), k.cast("long").alias(_K)]


def _parts(one: Pass) -> Iterator[tuple[int, str]]:
    for i, leaf in enumerate(one.leaves):
        for letter in ("v", "r", *(["a"] if leaf.cap else [])):
            yield i, letter


class _Work:
    """The passes of one call, as Spark runs them."""

    def __init__(
        self, recipe: Recipe, library: Library, passes: tuple[Pass, ...], facts: dict[str, DataFrame], parts: int
    ) -> None:
        self.recipe, self.library, self.passes, self.parts = recipe, library, passes, parts
        self.facts = {}
        for stream, frame in facts.items():
            if stream in library.streams:
                wanted = dict.fromkeys((*library.columns(stream), *OPTIONAL))
                self.facts[stream] = frame.select(*(name for name in wanted if name in frame.columns))

    def known(self, asked: DataFrame) -> DataFrame:
        """The points with their k: that of the own event where none is given, else t."""
        from pyspark.sql import functions as F

        if "id" in asked.columns:
            late = asked.filter(F.col(_K).isNull() & F.col("id").isNotNull() & F.col("stream").isNotNull())
            streams = sorted(row["stream"] for row in late.select("stream").distinct().collect())
            for stream in streams:
                if stream not in self.facts:
                    raise InputError(WORDS("labels.no_stream", given=stream, allowed=", ".join(self.facts)))
            if streams:
                by_id = self._part(late, "id")
                points = late.select(ROW, F.col(_T).alias("t"), F.col(_K).alias("k"), "stream", "id", by_id.alias(PART))
                facts = {
                    stream: self.facts[stream].withColumn(
                        PART, self._part(self.facts[stream], self.library.streams[stream].id)
                    )
                    for stream in streams
                }
                found = self._together(points, facts, _knower(self.recipe), f"`{ROW}` long, `@first` long")
                asked = asked.join(found, ROW, "left").withColumn(_K, F.coalesce(_K, "@first")).drop("@first")
        return asked.withColumn(_K, F.coalesce(_K, _T))

    def found(self, number: int, one: Pass, asked: DataFrame) -> DataFrame:
        """Row numbers with the values of a pass."""
        from pyspark.sql import functions as F

        own = "id" in asked.columns
        if one.entity:
            asked = asked.withColumn("@key", self._key(one))
            part = F.coalesce(self._part(asked, "@key"), F.pmod(F.col(ROW), F.lit(self.parts)).cast("int"))
        elif own:
            part = F.coalesce(self._part(asked, "id"), F.lit(0))
        else:
            part = F.pmod(F.col(ROW), F.lit(self.parts)).cast("int")
        asked = asked.withColumn(PART, part)
        points = asked.select(
            ROW,
            PART,
            *([F.col("@key").alias(one.entity)] if one.entity else []),
            F.col(_T).alias("t"),
            F.col(_K).alias("k"),
            *(["stream", "id"] if own else []),
        )
        facts = {stream: self._spread(one, stream, asked if own else None) for stream in one.streams}
        columns = [f"`{ROW}` long"]
        for i, letter in _parts(one):
            kind = one.leaves[i].type.kind
            value = "string" if kind == "text" else "double" if kind == "real" else "long"
            columns.append(f"{letter}{number}_{i} { {'v': value, 'r': 'short', 'a': 'boolean'}[letter] }")
        return self._together(points, facts, _runner(self.recipe, number, one), ", ".join(columns))

    def _key(self, one: Pass) -> Column:
        from pyspark.sql import functions as F

        if one.via is None:
            return F.col(one.entity)
        number = next(place for place, other in enumerate(self.passes) if one.via in other.leaves)
        i = self.passes[number].leaves.index(one.via)
        return F.when(F.col(f"r{number}_{i}") == 0, F.col(f"v{number}_{i}"))

    def _part(self, frame: DataFrame, name: str) -> Column:
        """The group of a key, null for none: whole numbers hash as such, whatever their width."""
        from pyspark.sql import functions as F
        from pyspark.sql.types import IntegralType

        kind = "long" if isinstance(frame.schema[name].dataType, IntegralType) else "string"
        part = F.pmod(F.xxhash64(F.col(name).cast(kind)), F.lit(self.parts)).cast("int")
        return F.when(F.col(name).isNotNull(), part)

    def _spread(self, one: Pass, stream: str, own: DataFrame | None) -> DataFrame:
        """The facts with their groups: all facts of an event go wherever one of them, or its own point, goes."""
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        events, facts = self.library.streams[stream], self.facts[stream]
        if not one.entity:
            return facts.withColumn(PART, self._part(facts, events.id))
        column = next(column for entity, column in events.keys.items() if entity.name == one.entity)
        tagged = facts.withColumn(PART, self._part(facts, column)).withColumn(_OWN, F.lit(False))
        if own is not None and facts.schema[events.id].dataType == own.schema["id"].dataType:
            guests = own.filter(F.col("stream") == stream).select(F.col("id").alias(events.id), PART)
            tagged = tagged.unionByName(guests.withColumn(_OWN, F.lit(True)), allowMissingColumns=True)
        together = Window.partitionBy(events.id)
        homes = tagged.withColumn("@homes", F.collect_set(PART).over(together)).filter(~F.col(_OWN))
        return homes.filter(F.col(events.id).isNotNull()).withColumn(PART, F.explode("@homes")).drop("@homes", _OWN)

    def _together(self, points: DataFrame, facts: Mapping[str, DataFrame], work: Cogrouped, schema: str) -> DataFrame:
        """Run `work` on the points and the facts of each group."""
        from functools import reduce

        from pyspark.sql import functions as F

        packed = [
            frame.select(
                PART, F.lit(stream).alias(_STREAM), F.struct(*(c for c in frame.columns if c != PART)).alias(stream)
            )
            for stream, frame in facts.items()
        ]
        whole = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), packed)
        return points.groupBy(PART).cogroup(whole.groupBy(PART)).applyInArrow(work, schema)


def _runner(recipe: Recipe, number: int, one: Pass) -> Cogrouped:
    def work(points: pa.Table, facts: pa.Table) -> pa.Table:
        asked = _read(points)
        found = run_pass(recipe.library(), one, asked.drop(ROW, PART), _rows_of(recipe, facts, one.streams))
        columns = to_columns(one, found)
        named = [column.alias(f"{column.name[0]}{number}_{column.name[1:]}") for column in columns]
        return _write(pl.DataFrame([asked[ROW], *named]))

    return work


def _knower(recipe: Recipe) -> Cogrouped:
    def work(points: pa.Table, facts: pa.Table) -> pa.Table:
        asked = _read(points)
        streams = asked["stream"].unique().to_list()
        known = first_known(recipe.library(), asked.drop(ROW, PART), _rows_of(recipe, facts, streams))
        return _write(pl.DataFrame([asked[ROW], known.alias("@first")]))

    return work


def _rows_of(recipe: Recipe, facts: pa.Table, streams: Iterable[str]) -> RowsOf:
    frame = _read(facts)
    given = {stream: frame.filter(pl.col(_STREAM) == stream)[stream].struct.unnest() for stream in streams}
    return reader(recipe.library(), given)


def _finisher(
    recipe: Recipe, names: list[str], passes: tuple[Pass, ...], kept: list[str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        library = recipe.library()
        for batch in batches:
            values = [name for name in batch.schema.names if name not in kept and name != ROW]
            frame = _read(pa.Table.from_batches([batch]).select(values))
            found: dict[Leaf, Values] = {}
            for number, one in enumerate(passes):
                mine = frame.select(
                    pl.col(f"{letter}{number}_{i}").alias(f"{letter}{i}") for i, letter in _parts(one)
                ).with_columns(pl.col("^r[0-9]+$").cast(pl.UInt8))
                found |= overlay(from_columns(one, mine), found[one.via] if one.via else None)
            made = _write(pl.DataFrame(library.columns_of(names, found, batch.num_rows)))
            whole = pa.Table.from_batches([batch]).select(kept)
            for column, field in zip(made.columns, made.schema, strict=True):
                whole = whole.append_column(field, column)
            yield from whole.combine_chunks().to_batches()

    return work


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


def _final_schema(library: Library, names: Iterable[str], points: DataFrame) -> Any:
    from pyspark.sql import types as T

    kinds = {"real": T.DoubleType(), "text": T.StringType(), "flag": T.BooleanType()}
    kinds |= {"instant": T.TimestampType(), "date": T.DateType()}
    fields = list(points.schema.fields)
    for name in names:
        definition = library.labels[name]
        fields.append(T.StructField(name, kinds.get(definition.type.kind, T.LongType())))
        fields.append(T.StructField(f"{name}__missing", T.StringType()))
        if definition.approximate:
            fields.append(T.StructField(f"{name}__approximate", T.BooleanType()))
    return T.StructType(fields)
