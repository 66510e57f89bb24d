"""On Spark, two workers: the same bits as the embedded run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from tests.labels.test_apart import history
from tests.labels.test_partitions import log, own_points, stays

from tallystick.core import InputError
from tallystick.labels import Library
from tallystick.labels.scale.spark import at_spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
# Few keys of many facts: the more groups, the smaller the largest, which a worker holds whole.
EVENTS, GROUPS = (5_000_000, 40) if SOAK else (20_000, 5)
ZONE = "Europe/Berlin"
LABELS = """
from tallystick.labels import Entity, Events, flag, formula, integer, money, text

card, shop = Entity("card"), Entity("shop")
payments = Events(
    "payments",
    id="id",
    at="at",
    sequence="number",
    keys={card: "card_id", shop: "shop_id"},
    fields={"amount": money("EUR"), "city": text(), "fraud": flag(default=False, known_at="fraud_known_at"),
            "shop_id": integer()},
)
visits = Events("visits", id="visit", at="at", keys={card: "card_id"}, fields={"seconds": integer()})

count_1h = payments.per(card).count().over("1h", including_present=True)
sum_1d = payments.per(card).sum("amount").over("1d")
std_7d = payments.per(card).std("amount").over("7d")
fraud_shop = payments.per(shop).share("fraud").over("3d", delay="1d")
last_city = payments.per(card).last("city").over("7d")
visited = visits.per(card).sum("seconds").over("7d")
since = visits.per(card).since_last().over("lifetime")
last_at = payments.per(shop).last_at().over("lifetime")
few = payments.per(shop).distinct("amount", cap=20).over("7d")
amount = payments.own("amount")
usual_shop = payments.per(card).mode("shop_id").over("7d")
shop_sum = payments.per(shop).sum("amount").over("1d").via(usual_shop)
ratio = formula("sum_1d / few - fraud_shop")
rule = formula("if sum_1d > 100 then last_city else null", type=text())
"""


@pytest.fixture(scope="module")
def spark(java_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    os.environ |= {"JAVA_HOME": str(java_home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "localhost",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g" if SOAK else "700m",
        "spark.sql.shuffle.partitions": "16" if SOAK else "4",
        "spark.sql.session.timeZone": "Asia/Shanghai",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "local"),
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[2]").appName("tallystick")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.py"
    path.write_text(LABELS, "utf-8")
    return path


def lent(spark: SparkSession, folder: Path, frame: pl.DataFrame) -> DataFrame:
    """A frame as Spark reads it from Parquet."""
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    frame.write_parquet(path)
    return spark.read.parquet(str(path))


def back(found: Any, folder: Path) -> pl.DataFrame:
    """What Spark computed, by way of files: at full size it does not fit the driver."""
    path = folder / f"found{len(list(folder.iterdir()))}"
    found.write.parquet(str(path))
    return pl.read_parquet(path / "*.parquet")


@pytest.mark.soak
@pytest.mark.parametrize("texts", [False, True], ids=["whole numbers", "text"])
def test_spark_gives_the_bits_of_the_embedded_run(
    spark: SparkSession, tmp_path: Path, labels: Path, texts: bool, record_property: Callable[[str, object], None]
) -> None:
    """Money, text, keys that a label names, late, repeated, revised and retracted facts: each value the same."""
    facts = log(EVENTS, texts)
    seen = stays(facts, EVENTS // 4)
    points = own_points(facts).with_row_index("n").with_columns(pl.col("n").cast(pl.Int64))
    library = Library.from_file(labels, ZONE)
    # At full size those that slide: what is gathered and folded point by point is as equal, and takes an hour.
    names = ["count_1h", "sum_1d", "std_7d", "fraud_shop", "last_city", "visited"] if SOAK else list(library.labels)
    expected = library.at(points, names, facts={"payments": facts, "visits": seen})
    asked = lent(spark, tmp_path, points)
    given = {"payments": lent(spark, tmp_path, facts), "visits": lent(spark, tmp_path, seen)}
    del points, facts, seen
    found = back(at_spark(labels, spark, asked, given, zone=ZONE, labels=names, partitions=GROUPS), tmp_path).sort("n")
    same = found.with_columns(pl.col(pl.Datetime).dt.convert_time_zone("UTC").dt.cast_time_unit("us"))
    assert same.columns == expected.columns
    assert same.equals(expected)
    record_property("compared_on_spark", expected.height * len(names))
    assert sum(expected[name].null_count() for name in names) < expected.height * len(names) / 2


def test_points_without_events_and_their_refusals(spark: SparkSession, tmp_path: Path, labels: Path) -> None:
    """Free points under whole-microsecond instants; and what `Library.at` refuses is refused before any work."""
    facts = log(500, texts=False)
    seen = stays(facts, 100)
    points = own_points(facts).drop("stream", "id").with_row_index("n").with_columns(pl.col("n", "t").cast(pl.Int64))
    given = {"payments": lent(spark, tmp_path, facts), "visits": lent(spark, tmp_path, seen)}
    asked = lent(spark, tmp_path, points)
    wanted = ["sum_1d", "fraud_shop", "last_at", "ratio"]
    found = back(at_spark(labels, spark, asked, given, zone=ZONE, labels=wanted, partitions=3), tmp_path).sort("n")
    expected = Library.from_file(labels, ZONE).at(points, wanted, {"payments": facts, "visits": seen})
    same = found.with_columns(pl.col(pl.Datetime).dt.convert_time_zone("UTC").dt.cast_time_unit("us"))
    assert same.equals(expected)
    for code, frame, sources in (
        ("labels.point_entity", asked.drop("shop"), given),
        ("labels.points", asked.drop("t"), given),
        ("labels.point_taken", asked.withColumnRenamed("n", "sum_1d"), given),
        ("labels.apart_inner", asked.withColumnRenamed("n", "@row"), given),
        ("labels.facts", asked, {"visits": given["visits"]}),
        ("labels.column", asked, given | {"payments": given["payments"].drop("city")}),
    ):
        with pytest.raises(InputError) as caught:
            at_spark(labels, spark, frame, sources, zone=ZONE, partitions=3)
        assert caught.value.code == code


TWO_KEYS = """
region = Entity("region")
rents = Events("rents", id="rent_id", at="at", keys={region: "region_id"}, fields={"rent": integer()})
leases = Events(
    "leases",
    id="lease",
    at="at",
    keys={shop: "shop_id", region: "region_id"},
    joins={"rent": rents.per(region).last("rent").over("30d")},
)
buys = Events(
    "buys",
    id="id",
    at="at",
    sequence="number",
    keys={card: "card_id", shop: "shop_id"},
    fields={"fraud": flag(default=False, known_at="fraud_known_at")},
    joins={
        "seconds": visited,
        "pace": formula('if visited > 100 then "slow" else "quick"', type=text()),
        "visit_at": visits.per(card).last_at().over("lifetime"),
        "rent": leases.per(shop).max("rent").over("lifetime"),
    },
)
then = buys.per(card).sum("seconds").over("2d", including_present=True)
slow = buys.per(shop).count(where='pace = "slow" or fraud').over("3d")
dear = buys.per(card).max("rent").over("7d")
after_visit = buys.per(card).count().after(buys.per(card).max("visit_at").over("7d"))
shop_first = buys.per(shop).first_at(where='pace = "quick"').over("7d")
after_shop = payments.per(card).sum("amount").after(shop_first, within="2d")
there = payments.per(shop).count().after(payments.per(card).first_at().over("3d")).via(usual_shop)
"""


def test_what_needs_facts_of_several_keys(spark: SparkSession, tmp_path: Path) -> None:
    """Joined columns, from joined ones too, and life events of other keys: each value that of the embedded run."""
    facts: dict[str, pl.DataFrame] = history(2_000, texts=False)
    facts |= {"buys": facts["payments"]}
    points = own_points(facts["payments"]).with_row_index("n").with_columns(pl.col("n").cast(pl.Int64))
    points = points.with_columns(stream=pl.when(pl.col("n") % 2 == 0).then(pl.lit("buys")).otherwise("stream"))
    path = tmp_path / "two.py"
    path.write_text(LABELS + TWO_KEYS, "utf-8")
    names = ["then", "slow", "dear", "after_visit", "shop_first", "after_shop", "there"]
    given = {stream: lent(spark, tmp_path, frame) for stream, frame in facts.items()}
    asked = lent(spark, tmp_path, points)
    found = back(at_spark(path, spark, asked, given, zone=ZONE, labels=names, partitions=3), tmp_path).sort("n")
    expected = Library.from_file(path, ZONE).at(points, names, facts)
    same = found.with_columns(pl.col(pl.Datetime).dt.convert_time_zone("UTC").dt.cast_time_unit("us"))
    assert same.equals(expected)
    assert all(expected[name].n_unique() > 3 for name in names)
    with pytest.raises(InputError) as caught:
        at_spark(path, spark, asked, given | {"rents": given["rents"].drop("rent")}, zone=ZONE, labels=["dear"])
    assert caught.value.code == "labels.column"
