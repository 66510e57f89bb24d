"""What the live executor remembers of windows that move on never shows: points are asked back and forth."""

from __future__ import annotations

from random import Random
from typing import Any

import polars as pl

from tallystick.labels import Entity, Events, Library, integer, text

HOUR = 3_600_000_000
card = Entity("card")
payments = Events(
    "payments", id="id", at="at", keys={card: "card"}, lateness="2d", fields={"amount": integer(), "city": text()}
)


def library() -> Library:
    per = payments.per(card)
    parts = {
        "count": per.count(),
        "sum": per.sum("amount"),
        "std": per.std("amount"),
        "max": per.max("amount"),
        "min": per.min("amount"),
        "range": per.range("amount"),
        "cities": per.distinct("city"),
        "last": per.last("amount"),
    }
    windows = ("6h", "3d", "lifetime", "5 events")
    labels = {f"{name}_{window}": part.over(window) for name, part in parts.items() for window in windows}
    labels |= {f"{name}_present": part.over("1d", including_present=True) for name, part in parts.items()}
    return Library(labels, {"payments": payments})


def test_points_back_and_forth_are_those_of_a_fresh_executor() -> None:
    """Late facts, corrections and retractions between points in any order, for keys of many facts and of few."""
    random, made = Random(5), library()
    live, at = made.live(), 0
    for i in range(600):
        at += random.choice([0, HOUR, 3 * HOUR])
        when = max(0, at - random.choice([0, 0, 0, HOUR, 40 * HOUR]))
        one: dict[str, Any] = {
            "stream": "payments",
            "id": i,
            "at": when,
            "card": random.choice("aaaab"),
            "known_at": at,
        }
        one |= {"amount": random.choice([None, *range(-9, 30)]), "city": random.choice(["Ulm", "Köln", "Bonn", None])}
        if i % 40 == 7:
            one |= {"card": f"few {i}"}
        assert live.observe(one).accepted
        if random.random() < 0.1:
            later: dict[str, Any] = {"revision": 1, "retract": random.random() < 0.5, "amount": 99, "known_at": at + 1}
            live.observe(one | later)
        if random.random() < 0.1:
            fresh = made.live(live.snapshot())
            t = random.choice([at, at + HOUR, random.randrange(at + 1)])
            assert live.now({"card": one["card"]}, t) == fresh.now({"card": one["card"]}, t)
            own = ("payments", random.randrange(i + 1))
            asked = {"card": "a"}, random.choice([when, t])
            assert live.now(*asked, own=own) == fresh.now(*asked, own=own)
    assert live.now({"card": "a"}, at)["count_lifetime"] > 300


def test_a_batch_goes_on_after_room_was_made_within_it() -> None:
    """Values that are folded need more room than there is while facts after them are taken in already."""
    written = {
        "usual": payments.per(card).mode("amount").over("30d", including_present=True),
        "spend": payments.per(card).sum("amount").over("1h", including_present=True),
        "before": payments.per(card).mean("amount").over("7d"),
    }
    made, random = Library(written, {"payments": payments}), Random(11)
    rows = [
        {"id": i, "at": i * 60_000_000, "card": random.choice([1, 1, 1, 2]), "amount": random.randint(-50, 50)}
        for i in range(1_500)
    ]
    many, single, facts = made.live(), made.live(), pl.DataFrame(rows)
    taken = many.observe_many(facts, labels=written, stream="payments").values
    assert taken is not None
    for row, said in zip(rows, taken.iter_rows(named=True), strict=True):
        single.observe({"stream": "payments", **row})
        vector = single.now({"card": row["card"]}, row["at"], own=("payments", row["id"]))
        assert {name: said[name] for name in written} == dict(vector.values)
