"""What needs facts of several keys at once, out of core: joined columns and life events of another key."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.labels import logs, worlds
from tests.labels.test_partitions import HOUR, START, ZONE, card, found_in, log, own_points, shop, some_points, stays
from tests.labels.test_partitions import payments as unjoined

from tallystick.core import InputError, StateError
from tallystick.labels import Entity, Events, Label, Library, flag, formula, integer, money, text
from tallystick.labels.scale import at_partitions
from tallystick.labels.scale.passes import passes_of

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
region = Entity("region")
rents = Events("rents", id="rent_id", at="at", keys={region: "region_id"}, fields={"rent": integer()})
visits = Events("visits", id="visit", at="at", keys={card: "card_id"}, fields={"seconds": money("EUR")})
leases = Events(
    "leases",
    id="lease",
    at="at",
    keys={shop: "shop_id", region: "region_id"},
    fields={"region_id": text()},
    joins={"rent": rents.per(region).last("rent").over("30d")},
)
stayed = visits.per(card).sum("seconds").over("3d")
payments = Events(
    "payments",
    id="id",
    at="at",
    sequence="number",
    keys={card: "card_id", shop: "shop_id"},
    fields={
        "amount": money("EUR"),
        "city": text(),
        "shop_id": integer(),
        "fraud": flag(default=False, known_at="fraud_known_at"),
    },
    joins={
        "seconds": stayed,
        "visited": visits.per(card).last_at().over("lifetime"),
        "pace": formula('if stayed > 0.90 then "slow" else "quick"', type=text()),
        "rent": leases.per(shop).max("rent").over("lifetime"),
        "region": leases.per(shop).last("region_id").over("lifetime"),
    },
)


def joined() -> Library:
    """Labels of joined columns: sums, filters, values of the request, links and anchors; from joined ones too."""
    by_card, by_shop = payments.per(card), payments.per(shop)
    labels: dict[str, Label] = {
        "stayed": stayed,
        "stayed_then": by_card.sum("seconds").over("2d", including_present=True),
        "slow": by_card.count(where='pace = "slow"').over("3d", delay="1h"),
        "rents": by_shop.sum("rent").over("3d"),
        "visited": payments.own("visited"),
        "pace": payments.own("pace"),
        "usual": by_shop.mode("pace").over("day"),
        "dearest": by_card.max("rent", where="amount > 100").over("7d"),
        "since": by_card.count().after(by_card.max("visited").over("7d"), within="2d"),
        "near": rents.per(region).count().over("lifetime").via(payments.own("region")),
        "share": formula("stayed_then / rents"),
    }
    return Library(labels, {"payments": payments, "visits": visits, "leases": leases, "rents": rents}, zone=ZONE)


def contracts(facts: pl.DataFrame, size: int) -> pl.DataFrame:
    """Leases of the same shops: some refused for their key, some revised, some delivered twice, some known late."""
    random = np.random.default_rng(11)
    at = START + random.integers(-24 * 20, 24 * 12, size) * HOUR
    frame = pl.DataFrame(
        {
            "lease": np.arange(size),
            "revision": np.zeros(size, np.int64),
            "at": at,
            "known_at": at + random.choice([0, 0, HOUR, 24 * HOUR], size),
            "shop_id": facts["shop_id"].drop_nulls().sample(size, with_replacement=True, seed=8),
            "region_id": pl.Series(random.choice(["north", "south", "west", ""], size)).replace("", None),
        },
    )
    revised = frame.sample(fraction=0.3, seed=2).with_columns(
        pl.lit(1, pl.Int64).alias("revision"), pl.col("known_at") + 3 * HOUR, pl.lit("west").alias("region_id")
    )
    return pl.concat([frame, revised, revised.with_columns(pl.col("known_at") + HOUR)])


def rent(size: int) -> pl.DataFrame:
    random = np.random.default_rng(12)
    at = START + random.integers(-24 * 40, 24 * 12, size) * HOUR
    names = pl.Series(random.choice(["north", "south", "west"], size))
    return pl.DataFrame(
        {"rent_id": np.arange(size), "at": at, "region_id": names, "rent": random.integers(1, 99, size)}
    )


def history(size: int, texts: bool) -> dict[str, pl.DataFrame]:
    """Facts of all four streams; some payments are delivered again days later, which the file may tell before."""
    facts = log(size, texts)
    again = facts.sample(fraction=0.05, seed=5).with_columns(pl.col("known_at") + 72 * HOUR)
    facts = pl.concat([facts, again]).sample(fraction=1, shuffle=True, seed=1)
    return {"payments": facts, "visits": stays(facts, size // 4), "leases": contracts(facts, 300), "rents": rent(200)}


def asked_at(facts: pl.DataFrame, own: bool, size: int) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Points, and how they are asked for: the own ones of all payments, or some of any kind."""
    points = own_points(facts) if own else some_points(facts, size)
    return points, {"stream": "payments"} if own else {"points": points}


def same(found: pl.DataFrame, expected: pl.DataFrame, own: bool) -> bool:
    return (found.drop("k") if own else found).equals(expected)


@pytest.mark.parametrize("texts", [False, True], ids=["whole numbers", "text"])
@pytest.mark.parametrize(("own", "partitions"), [(True, 1), (True, 7), (False, 5)], ids=["own", "own, 7", "given"])
def test_joined_columns_are_those_of_the_whole(tmp_path: Path, own: bool, partitions: int, texts: bool) -> None:
    """Each joined column, in several ranges of facts, from streams that have joined columns themselves: bit for bit."""
    facts = history(20_000, texts)
    points, asked = asked_at(facts["payments"], own, 9_000)
    sources: Any = {stream: frame.lazy() for stream, frame in facts.items()}
    made = joined()
    report = at_partitions(made, sources, tmp_path / "out", partitions=partitions, memory_mib=16, **asked)
    expected = made.at(points, facts=facts)
    assert same(found_in(tmp_path / "out"), expected, own)
    assert report.facts == {stream: frame.height for stream, frame in facts.items()}
    assert report.passes[:3] == ("region", "card", "shop")
    for name in ("stayed_then", "rents", "visited", "since", "near", "dearest"):
        assert expected[name].n_unique() > 3, name
    assert {"slow", "quick"} <= set(expected["pace"])


@pytest.mark.parametrize("own", [False, True], ids=["given points", "own points"])
def test_facts_with_joined_columns_are_cut_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool) -> None:
    """One card has most facts and most visits: the passes that join are cut, and those that read what was joined."""
    monkeypatch.setattr("tallystick.labels.scale.disk._FACT_BYTES", 1 << 15)
    facts = history(5_000, False)
    busy = pl.Series(np.random.default_rng(6).random(facts["payments"].height) < 0.6)
    most = pl.when(busy & pl.col("card_id").is_not_null()).then(3).otherwise("card_id").alias("card_id")
    facts["payments"] = facts["payments"].with_columns(most)
    facts["payments"] = facts["payments"].unique(("id", "revision"), keep="first", maintain_order=True)
    facts["visits"] = stays(facts["payments"], 2_000)
    by_card = payments.per(card)
    labels: dict[str, Label] = {
        "stayed": stayed,
        "then": by_card.sum("seconds").over("2d", including_present=True),
        "slow": by_card.share('pace = "slow"').over("day"),
    }
    made = Library(labels, {"payments": payments, "visits": visits}, zone=ZONE)
    points, asked = asked_at(facts["payments"], own, 6_000)
    report = at_partitions(made, facts, tmp_path / "out", partitions=3, memory_mib=16, **asked)
    assert same(found_in(tmp_path / "out"), made.at(points, facts=facts), own)
    assert report.steps > 2 * 3 * 2
    assert report.largest < facts["payments"].height


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(120 if SOAK else 6))
def test_random_labels_of_random_worlds(tmp_path: Path, seed: int) -> None:
    """Any aggregate over any window, joined columns, links and life events of other keys among them; any points."""
    random = Random(f"apart {seed}")
    hung = [pair for pair in worlds.PAIRS if pair[1] in ("after", "before")]
    asked = worlds.asked(random, [*random.sample(hung, 12), *random.sample(worlds.PAIRS, 28)])
    made, known = worlds.library(asked), logs.facts(random, 200)
    facts = logs.frames(known)
    points = logs.point_frame(logs.points(random, known, 150))
    partitions = random.choice([1, 2, 3, 5])
    at_partitions(made, facts, tmp_path / "out", points=points, partitions=partitions)
    assert found_in(tmp_path / "out").equals(made.at(points, facts=facts))
    # At a payment's own point no customer is named.
    own = [name for name, definition in made.labels.items() if "customer" not in definition.entities]
    report = at_partitions(made, facts, tmp_path / "own", stream="payments", labels=own, partitions=partitions)
    found = found_in(tmp_path / "own")
    asked_again = found.select("card", "terminal", "t", "k", "stream", "id")
    assert report.points == found.height > 50
    assert found.equals(made.at(asked_again, own, facts))


def circle() -> Library:
    """Labels of cards that wait for labels of shops, which wait for others of cards."""
    by_card, by_shop = unjoined.per(card), unjoined.per(shop)
    first = by_card.first_at(where='city = "Ulm"').over("lifetime")
    late = by_shop.first_at().after(first)
    usual = by_card.mode("shop_id").over("7d")
    labels: dict[str, Label] = {
        "plain": by_card.count().over("7d"),
        "first": first,
        "late": late,
        "card_then": by_card.sum("amount").after(late, within="3d", including_present=True),
        "before": by_card.count().before(by_shop.last_at().over("1d"), within="2d"),
        "there": by_shop.count().after(late, within="1d").via(usual),
        "there_own": by_shop.max("amount").after(by_shop.first_at().over("lifetime").via(usual)).via(usual),
        "chain": by_card.count().after(by_shop.last_at().over("lifetime").via(usual), within="5d"),
    }
    return Library(labels, {"payments": unjoined}, zone=ZONE)


@pytest.mark.parametrize("own", [False, True], ids=["given points", "own points"])
def test_life_events_of_another_key(tmp_path: Path, own: bool) -> None:
    """Windows that hang on other keys' events, in turn and through links; no more passes than that takes."""
    facts = {"payments": log(5_000, texts=False)}
    points, asked = asked_at(facts["payments"], own, 6_000)
    made = circle()
    report = at_partitions(made, facts, tmp_path / "out", partitions=5, memory_mib=16, **asked)
    expected = made.at(points, facts=facts)
    assert same(found_in(tmp_path / "out"), expected, own)
    # Cards twice, shops once, and twice those that a link names.
    assert report.passes == ("card", "shop", "shop", "card", "shop")
    assert all(expected[name].n_unique() > 3 for name in made.labels)


def test_a_pass_is_given_what_others_found() -> None:
    """Each aggregate belongs to one pass; its link and its anchor to that one or to one before it."""
    made = circle()
    done: set[Any] = set()
    for one in passes_of(made.nodes().values()):
        assert set(one.given) <= done
        assert not done & set(one.leaves)
        done |= set(one.leaves)
    assert done == set(made.leaves())


def test_what_a_join_reads_is_asked_for(tmp_path: Path) -> None:
    """Facts of a stream that only a joined column reads must be given; two that differ are refused; nothing is left."""
    facts = history(200, texts=False)
    out, again = tmp_path / "new" / "out", facts["leases"].with_columns(pl.lit("east").alias("region_id"))
    cases = [
        ("labels.facts", {stream: frame for stream, frame in facts.items() if stream != "rents"}),
        ("labels.column", facts | {"leases": facts["leases"].drop("region_id")}),
        ("labels.conflict", facts | {"leases": pl.concat([facts["leases"], again])}),
    ]
    for code, given in cases:
        with pytest.raises(InputError) as caught:
            at_partitions(joined(), given, out, stream="payments", partitions=3)
        assert caught.value.code == code
    assert list((tmp_path / "new").iterdir()) == []
    empty = {stream: frame.clear() for stream, frame in facts.items()}
    assert at_partitions(joined(), empty, out, stream="payments").points == 0
    expected = joined().at(own_points(facts["payments"]).clear(), facts=facts)
    assert found_in(out).drop("k").schema == expected.schema


def test_a_retraction_need_not_say_when_it_happened(tmp_path: Path) -> None:
    customer, branch = Entity("customer"), Entity("branch")
    calls = Events("calls", id="call", at="at", keys={branch: "branch"})
    seen = calls.per(branch).count().over("30d")
    orders = Events("orders", id="id", at="at", keys={customer: "customer", branch: "branch"}, joins={"calls": seen})
    library = Library({"calls_30d": orders.per(customer).sum("calls").over("30d")}, {"orders": orders, "calls": calls})
    facts = {
        "orders": pl.DataFrame(
            {
                "id": ["a", "b", "a"],
                "at": pl.Series([1_000, 2_000, None], dtype=pl.Int64),
                "customer": ["c", "c", None],
                "branch": ["x", "x", None],
                "known_at": [1_000, 2_000, 5_000],
                "revision": [0, 0, 1],
                "retract": [False, False, True],
            }
        ),
        "calls": pl.DataFrame({"call": ["v"], "at": [10], "branch": ["x"]}),
    }
    points = pl.DataFrame({"customer": ["c", "c"], "t": [3_000, 9_000]})
    whole = library.at(points, facts=facts)
    assert whole["calls_30d"].to_list() == [2, 1]
    at_partitions(library, facts, tmp_path / "out", points=points, partitions=2)
    assert pl.read_parquet(tmp_path / "out").equals(whole)


def test_a_file_that_disappears_is_named(tmp_path: Path) -> None:
    customer = Entity("customer")
    orders = Events("orders", id="id", at="at", keys={customer: "customer"})
    library = Library({"number": orders.per(customer).count().over("30d")}, {"orders": orders})
    path = tmp_path / "part.parquet"
    pl.DataFrame({"id": [1], "at": [1_000], "customer": ["c"]}).write_parquet(path)
    scanned = pl.scan_parquet(path)
    scanned.collect_schema()
    path.unlink()
    with pytest.raises(StateError) as caught:
        at_partitions(library, {"orders": scanned}, tmp_path / "out", stream="orders")
    assert caught.value.code == "labels.apart_gone"
    assert "part.parquet" in caught.value.text("zh")
    assert not list(tmp_path.iterdir())
