"""Counts of values, sums and extremes where facts came late or were revised: looked up row by row, and at a size that
only a way with bounded steps gets through.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pytest

from tallystick.labels import Entity, Events, Label, Library, integer

HOUR = 3_600_000_000
DAY = 24 * HOUR
SPANS = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "lifetime": 2**60}

card = Entity("card")
payments = Events(
    "payments",
    id="id",
    at="at",
    lateness="30d",
    keys={card: "card_id"},
    fields={"amount": integer(), "shop": integer()},
)
per = payments.per(card)


def library(*kinds: str, spans: Iterable[str] = SPANS, delays: Iterable[str] = ("0d", "1d")) -> Library:
    """Each kind over each window, the own payment included, up to now and up to a day ago."""
    made: dict[str, Label] = {}
    for span in spans:
        for delay in delays:
            say: Any = {"delay": delay, "including_present": True}
            made |= {
                f"distinct {span} {delay}": per.distinct("shop").over(span, **say),
                f"entropy {span} {delay}": per.entropy("shop").over(span, **say),
                f"count {span} {delay}": per.count().over(span, **say),
                f"sum {span} {delay}": per.sum("amount").over(span, **say),
                f"max {span} {delay}": per.max("amount").over(span, **say),
            }
    return Library({name: label for name, label in made.items() if name.split()[0] in kinds}, {"payments": payments})


def history(seed: int, size: int, *, days: int, shops: int, cards: int, late: float, revised: float) -> pl.DataFrame:
    """Payments of which some are known up to 30 days late, and some revised up to 20 days later, some of them twice."""
    random = np.random.default_rng(seed)
    # A grid of hours makes ties.
    at = np.sort(random.integers(0, days * 24, size)) * HOUR + random.integers(0, 2, size)
    longest = (29 * DAY, DAY, HOUR)[seed % 3]
    known = at + np.where(random.random(size) < late, random.integers(1, longest, size), 0)
    whole = pl.DataFrame(
        {
            "id": np.arange(size),
            "at": at,
            "known_at": known,
            "revision": np.zeros(size, np.int64),
            "card_id": random.integers(0, cards, size),
            "amount": random.integers(-50, 1_000, size),
            "shop": np.minimum(random.geometric(2 / (shops + 1), size), shops),
        }
    )
    parts = [whole]
    for revision in (1, 2):
        again = parts[-1].filter(pl.Series(random.random(parts[-1].height) < revised))
        parts.append(
            again.with_columns(
                pl.lit(revision, pl.Int64).alias("revision"),
                pl.col("known_at") + pl.Series(random.integers(1, 20 * DAY, again.height), dtype=pl.Int64),
                pl.Series("amount", random.integers(-50, 1_000, again.height), dtype=pl.Int64),
                pl.Series("shop", random.integers(1, shops + 1, again.height), dtype=pl.Int64),
            )
        )
    return pl.concat(parts)


def points(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Every payment's own point, and as many free ones, of which half ask for what was known later."""
    first = facts.filter(revision=0)
    own = first.select(
        card="card_id", t="at", k=pl.lit(None, pl.Int64), stream=pl.lit("payments"), id=pl.col("id").cast(pl.Int64)
    )
    random = np.random.default_rng(seed)
    t = random.integers(0, int(first["at"].max()) + DAY, first.height)  # type: ignore[arg-type]
    later = np.where(random.random(t.size) < 0.5, random.integers(0, 9 * DAY, t.size), 0)
    free = pl.DataFrame({"card": random.permutation(first["card_id"].to_numpy()), "t": t, "k": t + later})
    return pl.concat([own, free.with_columns(stream=pl.lit(None, pl.String), id=pl.lit(None, pl.Int64))])


def looked_up(facts: pl.DataFrame, asked: pl.DataFrame, names: list[str], chosen: np.ndarray[Any, Any]) -> list[Any]:
    """What each label says at the chosen points, by a look at every fact."""
    columns = {name: facts[name].to_numpy() for name in facts.columns}
    first_known = dict(facts.filter(revision=0).select("id", "known_at").iter_rows())
    found = []
    for point in asked[chosen].iter_rows(named=True):
        t, k = point["t"], point["k"] if point["id"] is None else first_known[point["id"]]
        there = (columns["card_id"] == point["card"]) & (columns["known_at"] <= k) & (columns["at"] <= t)
        if point["id"] is not None:
            # Of equal instants those of greater ids come after an event's own point.
            there &= (columns["at"] < t) | (columns["id"] <= point["id"])
        latest: dict[int, int] = {}
        for row in np.flatnonzero(there):
            one = int(columns["id"][row])
            if one not in latest or columns["revision"][row] > columns["revision"][latest[one]]:
                latest[one] = int(row)
        rows = np.array(sorted(latest.values()), np.int64)
        said = {}
        for name in names:
            kind, span, delay = name.split()
            until = t - (DAY if delay == "1d" else 0)
            at = columns["at"][rows]
            some = rows[(at > until - SPANS[span]) & (at <= until)]
            said[name] = reckoned(kind, columns["shop"][some], columns["amount"][some])
        found.append(said)
    return found


def reckoned(kind: str, shops: Any, amounts: Any) -> Any:
    """What an aggregate says of the rows of a window."""
    """What an aggregate says of the rows of a window."""
    if kind == "count":
        return len(shops)
    if kind == "distinct":
        return len(set(shops))
    if not len(shops):
        return None
    if kind == "entropy":
        return -sum(n / len(shops) * math.log(n / len(shops)) for n in Counter(shops.tolist()).values())
    return int(amounts.sum() if kind == "sum" else amounts.max())


def same(found: Any, expected: Any) -> bool:
    """Whether a value is the expected one; an entropy is a sum of rounded weights."""
    """Whether a value is the expected one; entropies are sums of rounded weights."""
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, abs_tol=1e-6)
    # An empty count is 0 or missing, as the algebra declares it.
    return bool(found == expected) or (not found and not expected)


@pytest.mark.parametrize("shops", [2, 30, 400])
@pytest.mark.parametrize(("late", "revised"), [(0.05, 0.05), (0.5, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_windows_say_what_a_look_at_every_fact_says(late: float, revised: float, shops: int) -> None:
    """Values that come often or seldom; few, all or no facts late or revised."""
    seed = shops + int(100 * late) + int(1_000 * revised)
    facts = history(seed, 500, days=60, shops=shops, cards=2, late=late, revised=revised)
    made, asked = library("distinct", "entropy", "count", "sum", "max"), points(facts, seed)
    names = list(made.labels)
    found = made.at(asked, facts={"payments": facts}).select(names)
    chosen = np.random.default_rng(seed).integers(0, asked.height, 120)
    expected = looked_up(facts, asked, names, chosen)
    for row, said in zip(found[chosen].iter_rows(named=True), expected, strict=True):
        for name in names:
            assert same(row[name], said[name]), name


@pytest.mark.parametrize("revised", [0.0, 1.0])
def test_steps_are_bounded_where_all_facts_are_late(revised: float) -> None:
    """One card, all its facts up to 29 days late: no walk through all that changed between one point and the next."""
    size = 40_000 if revised else 120_000
    facts = history(3, size, days=40, shops=3_000, cards=1, late=1.0, revised=revised)
    made, asked = library("distinct", "sum", "max", spans=("7d", "30d"), delays=("0d",)), points(facts, 3)[:size]
    names = list(made.labels)
    found = made.at(asked, facts={"payments": facts}).select(names)
    chosen = np.random.default_rng(5).integers(0, size, 3)
    expected = looked_up(facts, asked, names, chosen)
    for row, said in zip(found[chosen].iter_rows(named=True), expected, strict=True):
        assert all(same(row[name], said[name]) for name in names)


def test_points_that_know_less_than_what_happened_take_no_look_at_every_fact() -> None:
    """As joined columns ask, the instant before: one card, and windows that hold all its facts."""
    at = np.arange(1, 300_001) * HOUR
    facts = pl.DataFrame({"id": at, "at": at, "card_id": 1, "amount": at % 7, "shop": at // HOUR % 1_000})
    asked = pl.DataFrame({"card": 1, "t": at + HOUR // 2, "k": at - 1})
    found = library("count", "distinct", "max", spans=("lifetime",), delays=("0d",)).at(
        asked, facts={"payments": facts}
    )
    assert found["count lifetime 0d"].to_list() == list(range(300_000))
    assert found["distinct lifetime 0d"].to_list() == [min(number, 1_000) for number in range(300_000)]
