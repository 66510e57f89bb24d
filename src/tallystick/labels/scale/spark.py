"""Labels on Spark: our engine in Spark's workers, one entity at a time, with the bits of `Library.at`.

Spark only brings facts and points of a key together; nothing of a label's meaning is written in its language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.core import Field, FieldType, InputError
from tallystick.labels.library import Library
from tallystick.labels.plan import Leaf
from tallystick.labels.scale.passes import (
    GIVEN,
    PART,
    ROW,
    Pass,
    joined_last,
    label_of,
    passes_of,
    streams_of,
)
from tallystick.labels.scale.sources import OPTIONAL
from tallystick.labels.scale.workers import (
    FIRST,
    STREAM,
    Cogrouped,
    K,
    Recipe,
    T,
    asker,
    finisher,
    joined,
    knower,
    labelled,
    runner,
)
from tallystick.labels.words import WORDS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_KEY, _OWN, _HOMES = "@key", "@own", "@homes"


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
        Stream → its facts, as for `Library.at`. Timestamps without a zone are UTC. Facts with joined columns are kept
        by Spark too, without and with these.
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
        As `Library.at`.
    """
    from pyspark.sql import functions as F

    library = Library.from_file(path, zone, schemas=schemas)
    recipe = Recipe(Path(path).read_text("utf-8"), library.zone, schemas)
    names = library._chosen(labels)
    passes = passes_of(library.nodes(names).values())
    streams = joined_last(library, streams_of(passes))
    _check(library, names, passes, streams, points, facts)
    count = partitions or int(spark.conf.get("spark.sql.shuffle.partitions") or 200)
    work = _Work(recipe, library, dict(facts), count)
    for stream in streams:
        work.join(stream)
    # Row numbers hang on how Spark splits its work, so they are fixed before anything is joined by them.
    base = points.withColumn(ROW, F.monotonically_increasing_id()).localCheckpoint()
    wanted = {"stream", "id"} | {one.entity for one in passes if one.via is None}
    kept = [name for name in base.columns if name in wanted]
    found = work.values(passes, work.known(base.select(ROW, *kept, *_instants(base))))
    finish = finisher(recipe, passes, points.columns, partial(labelled, names))
    return base.join(found, ROW).mapInArrow(finish, _final_schema(library, names, points))


def _check(
    library: Library,
    names: list[str],
    passes: Iterable[Pass],
    streams: Iterable[str],
    points: DataFrame,
    facts: Mapping[str, DataFrame],
) -> None:
    given = ", ".join(points.columns)
    taken = [name for name in names if {name, f"{name}__missing", f"{name}__approximate"} & set(points.columns)]
    if taken:
        raise InputError(WORDS("labels.point_taken", given=taken[0]))
    if "t" not in points.columns:
        raise InputError(WORDS("labels.points", given="t", allowed=given))
    inner = [name for name in (ROW, PART, T, K, _KEY, FIRST) if name in points.columns]
    if inner:
        raise InputError(WORDS("labels.apart_inner", given=inner[0]))
    own = [name for name in ("stream", "id") if name in points.columns]
    if len(own) == 1:
        raise InputError(WORDS("labels.point_own", given=own[0]))
    for one in passes:
        if one.entity and one.via is None and one.entity not in points.columns:
            name = label_of(library, names, one)
            raise InputError(WORDS("labels.point_entity", name=name, entity=one.entity, allowed=given))
    for stream in streams:
        if stream not in facts:
            raise InputError(WORDS("labels.facts", stream=stream, given=", ".join(facts)))
        for column in library.columns(stream):
            if column not in facts[stream].columns:
                allowed = ", ".join(facts[stream].columns)
                raise InputError(WORDS("labels.column", stream=stream, given=column, allowed=allowed))


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
    return [micros("t").alias(T), k.cast("long").alias(K)]


def _columns(leaves: Iterable[Leaf], mark: object) -> Iterator[tuple[str, Leaf]]:
    """The columns of `to_columns`."""
    for i, leaf in enumerate(leaves):
        for letter in ("v", "r", *(["a"] if leaf.cap else [])):
            yield f"{letter}{mark}{i}", leaf


class _Work:
    """What the passes of one call share, as Spark runs them."""

    def __init__(self, recipe: Recipe, library: Library, facts: dict[str, DataFrame], parts: int) -> None:
        self.recipe, self.library, self.parts = recipe, library, parts
        self.facts = {}
        for stream, frame in facts.items():
            if stream in library.streams:
                wanted = dict.fromkeys((*library.columns(stream), *OPTIONAL))
                self.facts[stream] = frame.select(*(name for name in wanted if name in frame.columns))

    def join(self, stream: str) -> None:
        """Give the facts of a stream their joined columns; what these read is joined before."""
        from pyspark.sql import functions as F
        from pyspark.sql import types as S

        joins = self.library._joins(stream)
        if not joins:
            return
        events, passes = self.library.streams[stream], passes_of(joins.values())
        base = self.facts[stream].withColumn(ROW, F.monotonically_increasing_id()).localCheckpoint()
        wanted = (events.id, events.at, events.sequence or events.id, *events.keys.values(), *OPTIONAL)
        keyed = base.select(ROW, *(name for name in dict.fromkeys(wanted) if name in base.columns))
        # A revision that is delivered twice is one fact, so all facts of an event are looked at together.
        keyed = keyed.withColumn(PART, self._part(keyed, events.id)).filter(F.col(PART).isNotNull())
        names = [f"`{entity.name}` {_kind(keyed, column)}" for entity, column in events.keys.items()]
        schema = ", ".join([f"`{ROW}` long", *names, f"`{T}` long", f"`{K}` long"])
        asked = keyed.groupBy(PART).applyInArrow(asker(self.recipe, stream), schema)
        made = [S.StructField(column, _type(node.type)) for column, node in joins.items()]
        rows = S.StructType([S.StructField(ROW, S.LongType()), *made])
        found = self.values(passes, asked).mapInArrow(
            finisher(self.recipe, passes, [ROW], partial(joined, stream)), rows
        )
        kept = base.drop(*joins).join(found, ROW, "left").drop(ROW)
        self.facts[stream] = kept.localCheckpoint()

    def values(self, passes: tuple[Pass, ...], asked: DataFrame) -> DataFrame:
        """Row numbers with the values of all passes at numbered points."""
        found: list[DataFrame] = []
        # What is read twice, Spark computes twice, unless it is kept.
        asked = asked.localCheckpoint()
        for number, one in enumerate(passes):
            before = [frame for frame, other in zip(found, passes, strict=False) if set(one.given) & set(other.leaves)]
            made = self._found(passes, number, reduce(_by_row, before, asked))
            given = any(set(other.given) & set(one.leaves) for other in passes)
            found.append(made.localCheckpoint() if given else made)
        return reduce(_by_row, found, asked.select(ROW))

    def known(self, asked: DataFrame) -> DataFrame:
        """The points with their k: that of the own event where none is given, else t."""
        from pyspark.sql import functions as F

        if "id" in asked.columns:
            late = asked.filter(F.col(K).isNull() & F.col("id").isNotNull() & F.col("stream").isNotNull())
            streams = sorted(row["stream"] for row in late.select("stream").distinct().collect())
            for stream in streams:
                if stream not in self.facts:
                    raise InputError(WORDS("labels.no_stream", given=stream, allowed=", ".join(self.facts)))
            if streams:
                by_id = self._part(late, "id")
                points = late.select(ROW, F.col(T).alias("t"), F.col(K).alias("k"), "stream", "id", by_id.alias(PART))
                facts = {
                    stream: self.facts[stream].withColumn(
                        PART, self._part(self.facts[stream], self.library.streams[stream].id)
                    )
                    for stream in streams
                }
                found = self._together(points, facts, knower(self.recipe), f"`{ROW}` long, `{FIRST}` long")
                asked = asked.join(found, ROW, "left").withColumn(K, F.coalesce(K, FIRST)).drop(FIRST)
        return asked.withColumn(K, F.coalesce(K, T))

    def _found(self, passes: tuple[Pass, ...], number: int, asked: DataFrame) -> DataFrame:
        """Row numbers with the values of a pass, of points that carry those of the passes before it."""
        from pyspark.sql import functions as F

        one, own = passes[number], "id" in asked.columns
        places = {leaf: f"{source}_{i}" for source, done in enumerate(passes) for i, leaf in enumerate(done.leaves)}
        if one.entity:
            given = places.get(one.via) if one.via else None
            key = F.when(F.col(f"r{given}") == 0, F.col(f"v{given}")) if given else F.col(one.entity)
            asked = asked.withColumn(_KEY, key)
            part = F.coalesce(self._part(asked, _KEY), F.pmod(F.col(ROW), F.lit(self.parts)).cast("int"))
        elif own:
            part = F.coalesce(self._part(asked, "id"), F.lit(0))
        else:
            part = F.pmod(F.col(ROW), F.lit(self.parts)).cast("int")
        asked = asked.withColumn(PART, part)
        carried = [F.col(f"{name[0]}{places[leaf]}").alias(name) for name, leaf in _columns(one.given, GIVEN)]
        points = asked.select(
            ROW,
            PART,
            *([one.entity] if one.entity and one.via is None else []),
            F.col(T).alias("t"),
            F.col(K).alias("k"),
            *(["stream", "id"] if own else []),
            *carried,
        )
        facts = {stream: self._spread(one, stream, asked if own else None) for stream in one.streams}
        columns = [f"`{ROW}` long"]
        for name, leaf in _columns(one.leaves, f"{number}_"):
            value = {"text": "string", "real": "double"}.get(leaf.type.kind, "long")
            columns.append(f"{name} { {'v': value, 'r': 'short', 'a': 'boolean'}[name[0]] }")
        return self._together(points, facts, runner(self.recipe, number, one), ", ".join(columns))

    def _part(self, frame: DataFrame, name: str) -> Column:
        """The group of a key, null for none: whole numbers hash as such, whatever their width."""
        from pyspark.sql import functions as F

        part = F.pmod(F.xxhash64(F.col(name).cast(_kind(frame, name))), F.lit(self.parts)).cast("int")
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
        homes = tagged.withColumn(_HOMES, F.collect_set(PART).over(together)).filter(~F.col(_OWN))
        return homes.filter(F.col(events.id).isNotNull()).withColumn(PART, F.explode(_HOMES)).drop(_HOMES, _OWN)

    def _together(self, points: DataFrame, facts: Mapping[str, DataFrame], work: Cogrouped, schema: str) -> DataFrame:
        """Run `work` on the points and the facts of each group."""
        from pyspark.sql import functions as F

        packed = [
            frame.select(
                PART, F.lit(stream).alias(STREAM), F.struct(*(c for c in frame.columns if c != PART)).alias(stream)
            )
            for stream, frame in facts.items()
        ]
        whole = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), packed)
        return points.groupBy(PART).cogroup(whole.groupBy(PART)).applyInArrow(work, schema)


def _by_row(left: DataFrame, right: DataFrame) -> DataFrame:
    return left.join(right, ROW)


def _kind(frame: DataFrame, name: str) -> str:
    """How keys and ids are held."""
    from pyspark.sql.types import IntegralType

    return "long" if isinstance(frame.schema[name].dataType, IntegralType) else "string"


def _type(type: FieldType) -> Any:
    from pyspark.sql import types as S

    kinds = {"real": S.DoubleType(), "text": S.StringType(), "flag": S.BooleanType()}
    kinds |= {"instant": S.TimestampType(), "date": S.DateType()}
    return kinds.get(type.kind, S.LongType())


def _final_schema(library: Library, names: Iterable[str], points: DataFrame) -> Any:
    from pyspark.sql import types as S

    fields = list(points.schema.fields)
    for name in names:
        definition = library.labels[name]
        fields.append(S.StructField(name, _type(definition.type)))
        fields.append(S.StructField(f"{name}__missing", S.StringType()))
        if definition.approximate:
            fields.append(S.StructField(f"{name}__approximate", S.BooleanType()))
    return S.StructType(fields)
