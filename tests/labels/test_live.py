"""The live executor: batches, bounded memory, state as bytes and warm starts, against events one by one and batch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest

from tallystick.core import InputError, StateError
from tallystick.labels import Entity, Events, Label, Library, flag, integer, money, real, text
from tallystick.labels.live.live import Live

HOUR = 3_600_000_000
DAY = 24 * HOUR
card, shop = Entity("card"), Entity("shop")
payments = Events(
    "payments",
    id="id",
    at="at",
    keys={card: "card", shop: "shop"},
    lateness="2d",
    fields={"amount": money("EUR"), "fee": money("EUR"), "level": real(), "city": text(), "night": flag()},
)
moves = Events("moves", id="id", at="at", keys={card: "card"}, fields={"floor": integer()})
SCHEMA: dict[str, Any] = {"id": pl.String, "at": pl.Int64, "known_at": pl.Int64, "card": pl.String, "shop": pl.Int64}
SCHEMA |= {"amount": pl.Int64, "fee": pl.Int64, "level": pl.Float64, "city": pl.String, "night": pl.Boolean}
SCHEMA |= {"revision": pl.Int64, "retract": pl.Boolean}
PLAIN = [name for name in SCHEMA if name not in ("revision", "retract")]


def labels(windows: tuple[str, ...] = ("6h", "3d", "lifetime", "10 events", "month")) -> dict[str, Label]:
    """Aggregates that derived words answer, and some that they do not, over short and long windows of both keys."""
    found: dict[str, Label] = {}
    for entity in (card, shop):
        per = payments.per(entity)
        parts = {
            "count": per.count(),
            "large": per.count(where="amount > 50"),
            "at_night": per.share("night"),
            "since": per.since_last(),
            "began": per.first_at(),
            "gap": per.gap("mean"),
            "cities": per.distinct("city"),
            "usual": per.mode("city"),
            "middle": per.median("amount"),
            "relation": per.ratio("amount", "fee"),
            "latest": per.last("city"),
            "second": per.nth("amount", 2),
            "top_level": per.max("level"),
            "spread": per.range("level"),
            "many": per.distinct("amount", cap=20),
            "trend": per.slope("amount"),
            "cooled": per.decayed("amount", half_life="1d"),
            "recent": per.sequence("amount", 3),
        }
        parts |= {kind: getattr(per, kind)("amount") for kind in ("sum", "mean", "std", "skew", "min", "max", "first")}
        for i, (name, part) in enumerate(parts.items()):
            window = windows[i % len(windows)]
            found[f"{entity.name}_{name}"] = part.over(window)
            found[f"{entity.name}_{name}_present"] = part.over(windows[(i + 1) % len(windows)], including_present=True)
            if i % 3 == 0:
                found[f"{entity.name}_{name}_delayed"] = part.over("1d", delay="2h")
    return found


def log(random: Random, size: int, late: float = 0.05) -> list[dict[str, Any]]:
    """New facts in known order: few keys of many facts, many of few; ties, nulls, some late."""
    rows = []
    for i in range(size):
        at = (i * 20 * DAY // size) // (HOUR // 4) * (HOUR // 4)
        known = at + (random.randrange(DAY) if random.random() < late else 0)
        one = {"id": f"p{random.randrange(10**9)}-{i}", "at": at, "known_at": known, "card": random.choice("aaaaabc")}
        one |= {"shop": random.choice([1, 1, 1, 2, random.randrange(50)])}
        one |= {"amount": random.choice([None, *range(-9, 90)]), "fee": random.choice([0, 1, 2])}
        one |= {"level": random.choice([None, 0.5, -1.25, 1e300, random.random()])}
        one |= {"city": random.choice(["Ulm", "Köln", "Bonn", None, f"city {random.randrange(200)}"])}
        rows.append(one | {"night": random.random() < 0.3})
    return sorted(rows, key=lambda one: (one["known_at"], one["id"]))


def revised(random: Random, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with some corrected or taken back later."""
    found = [one | {"revision": 0, "retract": False} for one in rows]
    for one in rows:
        if random.random() < 0.04:
            change = {"amount": random.randrange(100), "city": "Ulm", "at": one["at"] + random.choice([0, 0, HOUR])}
            change |= {"revision": 1, "retract": random.random() < 0.4, "known_at": one["known_at"] + DAY}
            found.append(one | change)
    return sorted(found, key=lambda one: (one["known_at"], one["id"], one["revision"]))


def frame(rows: list[dict[str, Any]], names: list[str] | None = None) -> pl.DataFrame:
    whole = pl.DataFrame(rows, schema={name: SCHEMA[name] for name in SCHEMA if name in rows[0]})
    return whole if names is None else whole.select(names)


def own_points(rows: list[dict[str, Any]]) -> pl.DataFrame:
    columns = {"card": pl.String, "shop": pl.Int64, "at": pl.Int64, "known_at": pl.Int64, "id": pl.String}
    points = pl.DataFrame([{name: one[name] for name in columns} for one in rows], schema=columns)
    return points.rename({"at": "t", "known_at": "k"}).with_columns(stream=pl.lit("payments"))


def columns_of(library: Library, found: pl.DataFrame) -> pl.DataFrame:
    ends = ("", "__missing", "__approximate")
    return found.select(name + end for name in library.labels for end in ends if name + end in found.columns)


def vectors(library: Library, live: Live, rows: list[dict[str, Any]], k: int | None = None) -> list[Any]:
    found = []
    for one in rows:
        keys = {"card": one["card"], "shop": one["shop"]}
        vector = live.now(keys, one["at"], k=one["known_at"] if k is None else k, own=("payments", one["id"]))
        found.append((vector.values, vector.missing, vector.approximate))
    return found


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(labels(), {"payments": payments}, zone="Europe/Berlin")


@pytest.mark.parametrize("compiled", [True, False])
def test_a_plain_batch_is_one_at_a_time_is_history(compiled: bool) -> None:
    """Frames in batches of several sizes: the values of `now` right after each event, which are those of history.

    Lists are not answered in columns, so without them a batch is one compiled call for each key.
    """
    random = Random(1)
    written = {name: one for name, one in labels().items() if not (compiled and "recent" in name)}
    written["pace"] = written["card_count"] / written["shop_count"] * 2
    library = Library(written, {"payments": payments}, zone="Europe/Berlin")
    rows = log(random, 1_500 if compiled else 300)
    history = columns_of(library, library.at(own_points(rows), facts={"payments": frame(rows)}))
    many, place, taken = library.live(), 0, []
    while place < len(rows):
        size = random.choice([1, 5, 100, 400])
        part = frame(rows[place : place + size], PLAIN)
        batch = many.observe_many(part, labels=library.labels, stream="payments")
        assert [one.id for one in batch.observed] == part["id"].to_list()
        assert all(one.accepted for one in batch.observed)
        assert batch.values is not None
        taken.append(batch.values)
        place += size
    assert pl.concat(taken).equals(history)
    single = library.live()
    for one in rows[:300]:
        single.observe({"stream": "payments", **one})
        keys = {"card": one["card"], "shop": one["shop"]}
        vector = single.now(keys, one["at"], own=("payments", one["id"]))
        values = many.now(keys, one["at"], k=one["known_at"], own=("payments", one["id"]))
        assert (vector.values, vector.missing) == (values.values, values.missing)
    assert vectors(library, many, rows[:200]) == vectors(library, single, rows[:200])


def test_what_is_not_plain_gives_the_same(library: Library) -> None:
    """Corrections, refused facts and repeated ones in a batch: as one at a time, and as history."""
    random = Random(2)
    rows = revised(random, log(random, 500))
    rows.insert(40, rows[3])
    rows.insert(90, rows[50] | {"id": "late", "known_at": rows[50]["at"] + 3 * DAY, "revision": 0})
    many, single = library.live(), library.live()
    for place in range(0, len(rows), 60):
        part = rows[place : place + 60]
        batch = many.observe_many(frame(part).with_columns(stream=pl.lit("payments")), labels=["card_sum"])
        assert batch.observed == [single.observe({"stream": "payments", **one}) for one in part]
        assert batch.values is not None
        assert batch.values.height == sum(one.accepted for one in batch.observed)
    known = rows[-1]["known_at"]
    counted = [one for one in rows if one["revision"] == 0 and one["id"] != "late"]
    points = own_points(counted).with_columns(k=pl.lit(known + 5 * DAY))
    history = columns_of(library, library.at(points, facts={"payments": frame(rows)}))
    asked = library.live()
    asked.warm({"payments": frame(rows)})
    for live in (many, single, asked):
        found = vectors(library, live, counted, known + 5 * DAY)
        for i, (values, missing, _) in enumerate(found):
            row = history.row(i, named=True)
            assert missing == {name: row[f"{name}__missing"] for name in values if row[f"{name}__missing"]}
            for name, value in values.items():
                expected = row[name]
                if library.labels[name].type.kind == "instant" and expected is not None:
                    expected = history[name].to_physical()[i]
                assert value == expected, (name, counted[i])


def test_a_batch_of_mappings_and_of_several_streams() -> None:
    """Mappings, or a frame with a column of streams; without labels there are no values."""
    written = {"spend": payments.per(card).sum("amount").over("7d"), "moved": moves.per(card).count().over("lifetime")}
    library = Library(written, {"payments": payments, "moves": moves})
    live = library.live()
    events = [
        {"stream": "payments", "id": "p1", "at": 1_000, "card": "a", "shop": 1, "amount": 100},
        {"stream": "moves", "id": "m1", "at": 2_000, "card": "a"},
        {"stream": "payments", "id": "p2", "at": 3_000, "card": None, "shop": 1, "amount": 100},
    ]
    batch = live.observe_many(events)
    assert [one.reason for one in batch.observed] == ["", "", "no_key"]
    assert batch.values is None
    assert live.now({"card": "a"}, 9_000).values == {"spend": 100, "moved": 1}
    mixed = pl.DataFrame(
        {"stream": ["payments", "moves"], "id": ["p3", "m2"], "at": [4_000, 5_000], "card": ["a", "a"], "shop": [1, 1]}
    ).with_columns(amount=pl.lit(50))
    values = live.observe_many(mixed, labels=["moved", "spend"]).values
    assert values is not None
    assert values["moved"].to_list() == [1, 1]
    assert values["spend"].to_list() == [100, 150]
    with pytest.raises(InputError, match="names no stream"):
        live.observe_many(mixed.drop("stream"))


@pytest.mark.parametrize("plain", [True, False])
def test_state_as_bytes_is_the_state(library: Library, plain: bool) -> None:
    """A snapshot restored answers the same, takes later facts the same, and is the same bytes again."""
    random = Random(3)
    rows = log(random, 400) if plain else revised(random, log(random, 400))
    first, rest = rows[:300], rows[300:]
    live = library.live()
    live.observe_many(frame(first), stream="payments")
    state = live.snapshot()
    again = library.live(state)
    assert again.snapshot() == state
    assert again.known_at == live.known_at
    for one in rest:
        event = {"stream": "payments", **one}
        assert live.observe(event) == again.observe(event)
    asked = [one for one in rows if not one.get("revision")]
    assert vectors(library, live, asked) == vectors(library, again, asked)
    assert live.snapshot() == again.snapshot()


def test_state_serves_other_labels_of_the_same_columns() -> None:
    """A library with another filter over the same columns reads the state, and counts anew."""
    rows = log(Random(4), 60)

    def counted(limit: int) -> Library:
        return Library(
            {"large": payments.per(card).count(where=f"amount > {limit}").over("30d")}, {"payments": payments}
        )

    live, other = counted(10).live(), counted(60).live()
    for one in rows:
        live.observe({"stream": "payments", **one})
        other.observe({"stream": "payments", **one})
    restored = counted(60).live(live.snapshot())
    for key in "abc":
        assert restored.now({"card": key}, 30 * DAY).values == other.now({"card": key}, 30 * DAY).values


@pytest.mark.parametrize("cut", [0, 1, 40, 2_000])
def test_bytes_that_are_no_state_are_refused(library: Library, cut: int) -> None:
    live = library.live()
    live.observe_many(frame(log(Random(5), 30)), stream="payments")
    with pytest.raises(StateError):
        library.live(live.snapshot()[:cut])


def finite() -> dict[str, Label]:
    return labels(("6h", "3d", "2d", "day", "week"))


def test_compaction_changes_no_later_answer() -> None:
    """Half way, what no window reaches goes; every later answer and reason is that of an executor that kept all."""
    library = Library(finite(), {"payments": payments}, zone="Europe/Berlin")
    random = Random(6)
    rows = revised(random, log(random, 1_200))
    # A key whose facts all go: it stays expired.
    rows[0] |= {"card": "gone", "shop": 999}
    whole, small = library.live(), library.live()
    half = len(rows) * 3 // 4
    for live in (whole, small):
        live.observe_many(frame(rows[:half]), stream="payments")
    before = rows[half]["known_at"]
    size = len(small.snapshot())
    dropped = small.compact(before)
    assert dropped > 0
    assert len(small.snapshot()) < size
    small = library.live(small.snapshot())
    points = [one for one in rows[half:] if one["revision"] == 0 and one["at"] >= before]
    for one in rows[half:]:
        event = {"stream": "payments", **one}
        assert whole.observe(event) == small.observe(event)
        assert whole.knows("payments", one["id"], one["revision"])
    assert vectors(library, small, points) == vectors(library, whole, points)
    gone: dict[str, int | str | None] = {"card": "gone", "shop": 999}
    assert small.now(gone, before).missing == whole.now(gone, before).missing
    assert set(small.now(gone, before).missing.values()) == {"expired"}


def test_after_compaction_the_past_is_closed() -> None:
    """Earlier points are refused, and so are facts that were dropped: none is counted twice."""
    library = Library({"spend": payments.per(card).sum("amount").over("1d")}, {"payments": payments})
    live = library.live()
    old = {"stream": "payments", "id": "old", "at": 0, "card": "a", "shop": 1, "amount": 5}
    new = old | {"id": "new", "at": 10 * DAY}
    live.observe(old)
    live.observe(new)
    assert live.compact(10 * DAY) == 2
    assert not live.knows("payments", "old")
    assert live.observe(old).reason == "compacted"
    again = frame([{name: old.get(name) for name in PLAIN} | {"known_at": 0}])
    assert [one.reason for one in live.observe_many(again, stream="payments").observed] == ["compacted"]
    assert live.observe(new).accepted
    assert live.now({"card": "a"}, 10 * DAY + 1).values == {"spend": 5}
    for t, k in ((10 * DAY - 1, None), (10 * DAY, 10 * DAY - 1)):
        with pytest.raises(InputError, match="compacted"):
            live.now({"card": "a"}, t, k=k)
    with pytest.raises(InputError, match="compacted"):
        live.compact(9 * DAY)
    restored = library.live(live.snapshot())
    with pytest.raises(InputError, match="compacted"):
        restored.now({"card": "a"}, 0)
    assert restored.observe(old).reason == "compacted"


def test_a_lifetime_counts_what_was_folded() -> None:
    """Facts under a window without end go like the others, and still count; a late one is refused for both entities."""
    written = {"all": payments.per(card).sum("amount").over("lifetime"), "day": payments.per(shop).count().over("1d")}
    library = Library(written, {"payments": payments})
    live = library.live()
    for i in range(20):
        fact = {"stream": "payments", "id": f"p{i}", "at": i * DAY, "card": "a", "shop": 1, "amount": 1}
        live.observe(fact)
    assert live.compact(19 * DAY) == 18 + 17
    assert not live.knows("payments", "p0")
    assert live.observe(fact | {"id": "p0", "at": 0, "known_at": 0}).reason == "compacted"
    assert live.now({"card": "a", "shop": 1}, 19 * DAY).values == {"all": 20, "day": 1}


def test_joined_columns_are_kept_with_the_fact() -> None:
    """A column joined as of the fact is what it was then, whatever is moved later; a repeated delivery is the same."""
    floor = moves.per(card).last("floor").over("lifetime")
    joined = Events(
        "payments", id="id", at="at", keys={card: "card"}, fields={"amount": money("EUR")}, joins={"floor": floor}
    )
    library = Library(
        {"high": joined.per(card).sum("amount", where="floor > 3").over("7d")}, {"payments": joined, "moves": moves}
    )
    facts = [
        {"stream": "moves", "id": "m1", "at": 10, "card": "a", "floor": 5},
        {"stream": "payments", "id": "p1", "at": 20, "card": "a", "amount": 100},
        {"stream": "moves", "id": "m2", "at": 30, "card": "a", "floor": 1},
        {"stream": "payments", "id": "p2", "at": 40, "card": "a", "amount": 7},
        {"stream": "payments", "id": "p1", "at": 20, "card": "a", "amount": 100},
    ]
    live, warm = library.live(), library.live()
    assert all(live.observe(one).accepted for one in facts)
    frames = {
        name: pl.DataFrame([one for one in facts if one["stream"] == name]).drop("stream")
        for name in ("payments", "moves")
    }
    assert warm.warm(frames) == 5
    history = library.at(pl.DataFrame({"card": ["a"], "t": [50]}), facts=frames)["high"].to_list()
    again = library.live(live.snapshot())
    assert [one.now({"card": "a"}, 50)["high"] for one in (live, warm, again)] == history * 3 == [100] * 3


@pytest.mark.parametrize("ids", [range(1_000), range(5_000, 0, -5), [f"p{i}" for i in range(1_000)]])
def test_ids_and_keys_of_any_kind_give_the_same(ids: Any) -> None:
    """Ids that count up, count down or are words, keys near and far: a batch is one at a time, and knows each again."""
    card = Entity("card")
    made = Events("payments", id="id", at="at", keys={card: "card"}, fields={"amount": money("EUR")})
    per = made.per(card)
    count, shops = per.count().over("1h", including_present=True), per.distinct("id").over("1d")
    library = Library({"count": count, "ids": shops}, {"payments": made})
    keys = [7, 8, 10**15, -4]
    rows = [{"id": id, "at": 60_000_000 * i, "card": keys[i % 4], "amount": i} for i, id in enumerate(ids)]
    many, taken = library.live(), []
    for place in range(0, len(rows), 250):
        part = pl.DataFrame(rows[place : place + 250])
        batch = many.observe_many(part, labels=["count", "ids"], stream="payments")
        assert [one.id for one in batch.observed[2:4]] == part["id"][2:4].to_list()
        taken.append(batch.values)
    single = library.live()
    for i, one in enumerate(rows):
        single.observe({"stream": "payments", **one})
        vector = single.now({"card": one["card"]}, one["at"], own=("payments", one["id"]))
        values = taken[i // 250]
        assert values is not None
        assert [vector["count"], vector["ids"]] == list(values.row(i % 250, named=True).values())[::2]
    again = many.observe_many(pl.DataFrame(rows[100:200]), stream="payments")
    assert all(one.accepted for one in again.observed)
    assert all(many.knows("payments", id) for id in ids)
    assert not many.knows("payments", 10**9)
    restored = library.live(many.snapshot())
    point = {"card": 7}, 10**11
    assert restored.now(*point).values == many.now(*point).values == single.now(*point).values


def test_what_was_known_may_be_a_datetime(library: Library) -> None:
    """The k of a point is an instant in either form."""
    live, rows = library.live(), log(Random(5), 50)
    for one in rows:
        live.observe({"stream": "payments", **one})
    k = 10 * DAY
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=k)
    keys: dict[str, Any] = {"card": "a", "shop": 1}
    assert live.now(keys, k, k=moment) == live.now(keys, k, k=k)
