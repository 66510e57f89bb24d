"""Out of core: the same bits as `Library.at` on the whole, whatever the partitions and the memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tallystick.core import InputError
from tallystick.labels import Entity, Events, Label, Library, flag, formula, integer, money, text
from tallystick.labels.scale import at_partitions
from tallystick.labels.scale.slices import cuts

HOUR = 3_600_000_000
# Hours around the end of March 2026, when the clocks change in Berlin.
START, ZONE = 1_774_396_800_000_000, "Europe/Berlin"
card, shop = Entity("card"), Entity("shop")
payments = Events(
    "payments",
    id="id",
    at="at",
    sequence="number",
    keys={card: "card_id", shop: "shop_id"},
    fields={
        "amount": money("EUR"),
        "shop_id": integer(),
        "city": text(),
        "fraud": flag(default=False, known_at="fraud_known_at"),
    },
)
visits = Events("visits", id="visit", at="at", keys={card: "card_id"}, fields={"seconds": money("EUR")})


def library() -> Library:
    """Labels of two streams and two entities, and formulas over both."""
    by_card, by_shop = payments.per(card), payments.per(shop)
    labels: dict[str, Label] = {
        "count_1h": by_card.count().over("1h", including_present=True),
        "sum_1d": by_card.sum("amount").over("1d"),
        "std_7d": by_card.std("amount").over("7d"),
        "max_month": by_card.max("amount").over("month", delay="2h"),
        "fraud_shop": by_shop.share("fraud").over("3d", delay="1d"),
        "last_city": by_card.last("city").over("7d"),
        "first_city": by_shop.first("city", where='city != "Ulm"').over("30d"),
        "cities": by_shop.distinct("city").over("lifetime"),
        "visits": visits.per(card).sum("seconds").over("7d"),
        "since": visits.per(card).since_last().over("lifetime"),
        "ratio": formula("sum_1d / cities - visits"),
    }
    return Library(labels, {"payments": payments, "visits": visits}, zone=ZONE)


def linked() -> Library:
    """Labels that hang on a link, on a life event, on the request, on a cap."""
    by_card, by_shop = payments.per(card), payments.per(shop)
    usual = by_card.mode("shop_id").over("7d")
    latest = visits.per(card).last_at().over("lifetime")
    labels: dict[str, Label] = {
        "amount": payments.own("amount"),
        "city": payments.own("city"),
        "usual": usual,
        "there": by_shop.sum("amount").over("1d", including_present=True).via(usual),
        "there_last": by_shop.last("city").over("3d").via(usual),
        "after": by_card.count().after(latest, within="2d"),
        "few": by_shop.distinct("amount", cap=20).over("7d"),
        "middle": by_shop.quantile("amount", 0.5, cap=30).over("7d"),
        "cities": by_card.sequence("city", 3).over("7d"),
        "share": formula("there / few"),
    }
    return Library(labels, {"payments": payments, "visits": visits}, zone=ZONE)


def bounded() -> Library:
    """Windows that reach back no further than some span, of aggregates that slide and others that are gathered."""
    by_card, by_shop = payments.per(card), payments.per(shop)
    usual = by_shop.mode("shop_id").over("7d")
    labels: dict[str, Label] = {
        "count_1h": by_card.count().over("1h", including_present=True),
        "sum_3d": by_card.sum("amount").over("3d", delay="1h"),
        "mean_day": by_card.mean("amount").over("day"),
        "max_before": by_card.max("amount").over("day", back=1),
        "min_so_far": by_card.min("amount").over("day", back=1, to_date=True),
        "last_city": by_card.last("city", where='city != "Ulm"').over("1d"),
        "cities": by_card.distinct("city").over("2d"),
        "gap": by_card.gap("mean").over("6h"),
        "frauds": by_card.share("fraud").over("2d"),
        "seconds": visits.per(card).sum("seconds").over("1d"),
        "visits": visits.per(card).count().over("lifetime"),
        "there": by_shop.sum("amount").over("1d", including_present=True).via(usual),
        "ratio": formula("sum_3d / cities - there"),
    }
    return Library(labels, {"payments": payments, "visits": visits}, zone=ZONE)


def log(size: int, texts: bool, seed: int = 1) -> pl.DataFrame:
    """Payments with ties, skewed keys, nulls, late facts, redeliveries, revisions of amount and key, retractions."""
    random = np.random.default_rng(seed)
    at = START + random.integers(0, 24 * 4 * 12, size) * (HOUR // 4)
    frame = pl.DataFrame(
        {
            "id": random.permutation(size),
            "revision": np.zeros(size, np.int64),
            "retract": np.zeros(size, np.bool_),
            "at": at,
            "known_at": at + random.choice([0, 0, 0, HOUR, 24 * HOUR, 40 * 24 * HOUR, -1], size),
            "number": random.integers(0, 5, size),
            "card_id": (random.random(size) ** 3 * size / 30).astype(np.int64),
            "shop_id": random.integers(0, 50, size),
            "amount": random.integers(-500, 1_000_000, size),
            "city": random.choice(["Ulm", "Bonn", "a city with a name too long to be held in line"], size),
            "fraud": random.random(size) < 0.1,
            "fraud_known_at": at + 48 * HOUR,
        }
    )
    null = pl.Series(random.random(size) < 0.02)
    frame = frame.with_columns(pl.when(~null).then(pl.col(name)).alias(name) for name in ("amount", "city"))
    frame = frame.with_columns(pl.when(pl.Series(random.random(size) > 0.01)).then("shop_id").alias("shop_id"))
    again = frame.sample(fraction=0.05, seed=seed).with_columns(pl.col("known_at") + HOUR)
    revised = frame.sample(fraction=0.1, seed=seed + 1).with_columns(
        pl.lit(1, pl.Int64).alias("revision"),
        pl.col("known_at") + pl.Series(random.choice([-2 * HOUR, 0, 5 * HOUR], int(size * 0.1))),
        pl.col("card_id") + pl.Series(random.integers(0, 2, int(size * 0.1))),
        pl.col("at") + pl.Series(random.integers(0, 2, int(size * 0.1))) * HOUR,
        pl.col("amount") * 2,
    )
    ended = frame.sample(fraction=0.03, seed=seed + 2).with_columns(
        pl.lit(2, pl.Int64).alias("revision"), pl.lit(True).alias("retract"), pl.lit(None, pl.Int64).alias("card_id")
    )
    whole = pl.concat([frame, again, revised, ended]).sort("known_at", maintain_order=True)
    if not texts:
        return whole
    named = [("card no. " + pl.col("card_id").cast(pl.String)).alias("card_id"), pl.col("id").cast(pl.String)]
    return whole.with_columns(named)


def stays(facts: pl.DataFrame, size: int) -> pl.DataFrame:
    """Visits of the same cards, each known at once."""
    random = np.random.default_rng(9)
    return pl.DataFrame(
        {
            "visit": np.arange(size),
            "at": START + random.integers(0, 24 * 4 * 12, size) * (HOUR // 4),
            "card_id": facts["card_id"].drop_nulls().sample(size, with_replacement=True, seed=4),
            "seconds": random.integers(0, 100, size),
        }
    )


def own_points(facts: pl.DataFrame) -> pl.DataFrame:
    """The own points of the first revisions that count."""
    counted = library().refused({"payments": facts, "visits": stays(facts, 1)})["payments"]
    numbered = facts.with_row_index()
    first = numbered.filter(pl.col("revision") == 0)
    refused = counted.filter(pl.col("revision") == 0).drop("reason")
    first = first.join(refused, on=refused.columns, how="anti", nulls_equal=True, maintain_order="left")
    return first.select(
        pl.col("card_id").alias("card"),
        pl.col("shop_id").alias("shop"),
        pl.col("at").cast(pl.Datetime("us", "UTC")).alias("t"),
        pl.lit("payments").alias("stream"),
        "id",
    )


def files(folder: Path, frame: pl.DataFrame, pieces: int) -> list[Path]:
    """A frame as several Parquet files."""
    folder.mkdir()
    step = -(-frame.height // pieces)
    paths = [folder / f"{piece}.parquet" for piece in range(pieces)]
    for piece, path in enumerate(paths):
        frame.slice(piece * step, step).write_parquet(path)
    return paths


def found_in(out: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(out.iterdir())])


@pytest.mark.parametrize("texts", [False, True], ids=["whole numbers", "text"])
@pytest.mark.parametrize("partitions", [1, 7, 64])
def test_own_points_are_those_of_the_whole(tmp_path: Path, partitions: int, texts: bool) -> None:
    """Ties, late, repeated, revised and retracted facts, keys that change: row for row, bit for bit."""
    facts = log(40_000, texts)
    seen = stays(facts, 10_000)
    given: dict[str, Any] = {"payments": files(tmp_path / "facts", facts, 3), "visits": seen.lazy()}
    told: list[tuple[str, int, int]] = []
    report = at_partitions(
        library(),
        given,
        tmp_path / "out",
        stream="payments",
        partitions=partitions,
        memory_mib=16,
        progress=lambda *one: told.append(one),
    )
    points = own_points(facts)
    expected = library().at(points, facts={"payments": facts, "visits": seen})
    found = found_in(tmp_path / "out")
    assert found.drop("k").equals(expected)
    assert report.points == points.height
    assert report.files == len(list((tmp_path / "out").iterdir())) > 1
    assert report.partitions == partitions
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert {done for stage, done, total in told if done == total}


def some_points(facts: pl.DataFrame, size: int) -> pl.DataFrame:
    """Points of cards and shops; some are events' own, under the events' keys or others; with and without k."""
    random = np.random.default_rng(3)
    own = facts.select("id", "at", "card_id", "shop_id").sample(size, with_replacement=True, seed=5)
    t = START + random.integers(0, 24 * 4 * 14, size) * (HOUR // 4)
    return own.select(
        pl.Series("n", np.arange(size)),
        pl.when(pl.Series(random.random(size) < 0.8))
        .then("card_id")
        .otherwise(pl.col("card_id").first())
        .alias("card"),
        pl.col("shop_id").alias("shop"),
        pl.when(pl.Series(random.random(size) < 0.5)).then("at").otherwise(pl.Series(t)).alias("t"),
        pl.when(pl.Series(random.random(size) < 0.3)).then(pl.Series(t) + 24 * HOUR).alias("k"),
        pl.when(pl.Series(random.random(size) < 0.9)).then(pl.lit("payments")).alias("stream"),
        pl.when(pl.Series(random.random(size) < 0.7)).then("id").alias("id"),
    )


@pytest.mark.parametrize("texts", [False, True], ids=["whole numbers", "text"])
@pytest.mark.parametrize("which", [library, linked], ids=["labels", "links"])
def test_given_points_are_those_of_the_whole(tmp_path: Path, which: Callable[[], Library], texts: bool) -> None:
    """Free points and own ones, of any keys, as if all were asked at once; links, anchors and caps too."""
    facts, made = log(5_000, texts), which()
    seen = stays(facts, 2_000)
    points = some_points(facts, 9_000)
    expected = made.at(points, facts={"payments": facts, "visits": seen})
    given: dict[str, Any] = {"payments": facts.lazy(), "visits": seen.lazy()}
    report = at_partitions(made, given, tmp_path / "out", points=points, partitions=5, memory_mib=16)
    found = found_in(tmp_path / "out")
    assert found.equals(expected)
    assert report.facts == {"payments": facts.height, "visits": 2_000}


def test_links_at_own_points(tmp_path: Path) -> None:
    """An event's own point whose key a label names: the event itself is ordered among that key's facts."""
    facts = log(5_000, texts=False)
    seen = stays(facts, 2_000)
    given: dict[str, Any] = {"payments": facts.lazy(), "visits": seen.lazy()}
    at_partitions(linked(), given, tmp_path / "out", stream="payments", partitions=7, memory_mib=16)
    expected = linked().at(own_points(facts), facts={"payments": facts, "visits": seen})
    assert found_in(tmp_path / "out").drop("k").equals(expected)


@pytest.mark.parametrize("texts", [False, True], ids=["whole numbers", "text"])
@pytest.mark.parametrize("own", [False, True], ids=["given points", "own points"])
def test_a_key_too_large_is_cut_by_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool, texts: bool
) -> None:
    """One card has most facts: its slices give what the whole gives, expired values and those never seen told apart."""
    # A fact that counts as 32 KiB: of 16 MiB half holds 256 facts.
    monkeypatch.setattr("tallystick.labels.scale.disk._FACT_BYTES", 1 << 15)
    facts, made = log(5_000, texts), bounded()
    busy = pl.Series(np.random.default_rng(6).random(facts.height) < 0.6) & facts["card_id"].is_not_null()
    facts = facts.with_columns(
        pl.when(busy).then(pl.lit(facts["card_id"].drop_nulls()[0])).otherwise("card_id").alias("card_id")
    )
    facts = facts.unique(("id", "revision"), keep="first", maintain_order=True)
    seen = stays(facts, 1_000)
    given: dict[str, Any] = {"payments": facts.lazy(), "visits": seen.lazy()}
    points = own_points(facts) if own else some_points(facts, 6_000)
    asked: dict[str, Any] = {"stream": "payments"} if own else {"points": points.lazy()}
    report = at_partitions(made, given, tmp_path / "out", partitions=3, memory_mib=16, **asked)
    expected = made.at(points, facts={"payments": facts, "visits": seen})
    found = found_in(tmp_path / "out")
    assert (found.drop("k") if own else found).equals(expected)
    assert report.steps > 3 * 3 * 2
    missing = set(expected["mean_day__missing"].drop_nulls())
    assert {"expired", "never_seen"} <= missing


def test_own_events_before_the_head_hide_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A point's own event, long ago, does not count as seen before it; the key's other old fact does."""
    monkeypatch.setattr("tallystick.labels.scale.disk._FACT_BYTES", 1 << 15)
    number = pl.int_range(2_000, eager=True)
    buys = Events("payments", id="id", at="at", keys={card: "card_id"}, fields={"amount": money("EUR")})
    old = (number < 2).cast(pl.Int64)
    facts = pl.DataFrame({"id": number, "at": START + number * (HOUR // 10), "card_id": old, "amount": number})
    points = pl.DataFrame({"card": [1, 1, 2], "t": START + 150 * HOUR, "stream": "payments", "id": [0, 1, 0]})
    points = points.with_columns(k="t")
    made = Library({"mean": buys.per(card).mean("amount").over("1h")}, {"payments": buys})
    report = at_partitions(made, {"payments": facts}, tmp_path / "out", points=points, partitions=1, memory_mib=16)
    found = found_in(tmp_path / "out")
    assert found.equals(made.at(points, facts={"payments": facts}))
    assert found["mean__missing"].to_list() == ["expired", "expired", "never_seen"]
    assert report.largest < facts.height


def test_a_window_without_a_bound_keeps_a_key_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs all facts of a key gets them, whatever the memory; the report says how many they were."""
    monkeypatch.setattr("tallystick.labels.scale.disk._FACT_BYTES", 1 << 15)
    facts = log(2_000, texts=False)
    made = Library({"all": payments.per(card).sum("amount").over("lifetime")}, {"payments": payments})
    report = at_partitions(made, {"payments": facts}, tmp_path / "out", stream="payments", partitions=1, memory_mib=16)
    assert found_in(tmp_path / "out").drop("k").equals(made.at(own_points(facts), facts={"payments": facts}))
    assert (report.steps, report.largest) == (1, facts.height)


@pytest.mark.parametrize(
    ("at", "back", "rows", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 2, 5, [5, 9]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 100, 4, [4, 8]),
        ([0, 0, 0, 0, 1, 1, 1], 1, 2, [1]),
        ([0, 0, 0], 1, 1, []),
        ([0, 1, 1, 1, 2], 1, 2, [1, 2]),
    ],
)
def test_cuts(at: list[int], back: int, rows: int, expected: list[int]) -> None:
    """A slice with its head has `rows` facts, or twice its head; facts of one instant stay together."""
    assert cuts(np.array(at), back, rows) == expected


def test_no_points_and_no_facts(tmp_path: Path) -> None:
    """Nothing gives a part without rows, with all its columns."""
    facts, seen = log(100, texts=False), stays(log(100, texts=False), 10)
    given: dict[str, Any] = {"payments": facts.clear().lazy(), "visits": seen.clear().lazy()}
    report = at_partitions(library(), given, tmp_path / "out", stream="payments")
    found = found_in(tmp_path / "out")
    expected = library().at(own_points(facts).clear(), facts={"payments": facts, "visits": seen})
    assert (report.points, found.drop("k").schema) == (0, expected.schema)


def test_refusals(tmp_path: Path) -> None:
    """What cannot be read or parted is refused, and nothing is left behind."""
    facts, seen = log(200, texts=False), stays(log(200, texts=False), 10)
    given: dict[str, Any] = {"payments": facts.lazy(), "visits": seen.lazy()}
    out, inner = tmp_path / "new" / "out", ("@row", "@t", "@k")
    twice = pl.concat([facts, facts.with_columns(pl.lit(1, pl.Int64).alias("amount"))])
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("labels.apart_points", given, {}),
        ("labels.apart_points", given, {"stream": "payments", "points": own_points(facts)}),
        ("labels.facts", {"visits": seen}, {"stream": "payments"}),
        ("labels.column", given | {"payments": facts.drop("amount")}, {"stream": "payments"}),
        ("labels.apart_source", given | {"payments": tmp_path / "none.parquet"}, {"stream": "payments"}),
        ("labels.point_entity", given, {"points": own_points(facts).drop("shop")}),
        ("labels.point_own", given, {"points": own_points(facts).drop("id")}),
        ("labels.no_stream", given, {"points": own_points(facts).with_columns(stream=pl.lit("x"))}),
        ("labels.points", given, {"points": own_points(facts).drop("t")}),
        ("labels.time_null", given, {"points": own_points(facts).with_columns(t=None)}),
        ("labels.point_taken", given, {"points": own_points(facts).with_columns(ratio=1)}),
        *(
            ("labels.apart_inner", given, {"points": own_points(facts).with_columns(pl.lit(1).alias(name))})
            for name in inner
        ),
        *(("labels.apart_number", given, {"stream": "payments", "memory_mib": size}) for size in (0, -1, True, 1.5)),
        ("labels.apart_number", given, {"stream": "payments", "partitions": 0}),
        ("labels.unknown", given, {"stream": "payments", "labels": ["no"]}),
        ("labels.conflict", given | {"payments": twice}, {"stream": "payments"}),
    ]
    for code, sources, asked in cases:
        with pytest.raises(InputError) as caught:
            at_partitions(library(), sources, out, **{"partitions": 3, **asked})
        assert caught.value.code == code
    assert list((tmp_path / "new").iterdir()) == []
    out.mkdir()
    with pytest.raises(InputError) as caught:
        at_partitions(library(), given, out, stream="payments")
    assert caught.value.code == "labels.apart_out"
