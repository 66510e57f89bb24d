"""Plain facts of the live executor: taken in at a glance, they are what facts taken in with all ceremony are."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any

import polars as pl
import pytest

from tallystick.core import InputError
from tallystick.labels import Entity, Events, Label, Library, Live, Observed, flag, instant, integer, money, text
from tallystick.labels.live import book, plain

HOUR = 3_600_000_000
DAY = 24 * HOUR
card, shop = Entity("card"), Entity("shop")
FIELDS = {"amount": money("EUR"), "fee": money("EUR"), "city": text(), "night": flag(), "posted": instant()}
payments = Events(
    "payments",
    id="id",
    at="at",
    keys={card: "card", shop: "shop"},
    sequence="sequence",
    lateness="2d",
    fields=FIELDS | {"sequence": integer()},
)
NAMED = {"stream", "id", "at", "known_at", "card", "shop", "sequence"}
EVENT: dict[str, Any] = {"stream": "payments", "id": "a", "at": 10 * DAY, "sequence": 1, "card": "x", "shop": 7}
EVENT |= {"amount": 500, "fee": 2, "city": "Ulm", "night": True, "posted": 9 * DAY}


def library(**where: str) -> Library:
    labels: dict[str, Label] = {}
    for per, name in ((payments.per(card), "card"), (payments.per(shop), "shop")):
        labels |= {
            f"{name}_count": per.count(**where).over("1d", including_present=True),
            f"{name}_sum": per.sum("amount").over("lifetime"),
            f"{name}_share": per.ratio("amount", "fee").over("7d"),
            f"{name}_cities": per.distinct("city").over("3d", including_present=True),
            f"{name}_city": per.last("city").over("6h"),
            f"{name}_night": per.last("night").over("2d"),
            f"{name}_posted": per.max("posted").over("10 events"),
            f"{name}_shops": per.distinct("shop" if name == "card" else "card", cap=4).over("7d"),
        }
    return Library(labels | {"city of": payments.per(card).first("city").over("month")}, {"payments": payments})


def log(random: Random, size: int) -> list[dict[str, Any]]:
    """New facts, ties among them; some late, some refused, and some that are not plain."""
    found: list[dict[str, Any]] = []
    for i in range(size):
        at = (10 * DAY + i * 20 * DAY // size) // HOUR * HOUR
        one = {"stream": "payments", "id": f"p{random.randrange(10**6)}-{i}", "at": at, "sequence": random.randrange(9)}
        one |= {"card": random.choice("aaab") + random.choice(["", str(random.randrange(50))])}
        one |= {"shop": random.choice([1, 1, 2, random.randrange(90)]), "amount": random.randrange(-9, 90)}
        one |= {"fee": random.randrange(3), "city": random.choice(["Ulm", "Bonn", f"city {random.randrange(200)}"])}
        one |= {"night": random.random() < 0.3, "posted": at - random.randrange(DAY)}
        kind = random.random()
        if kind < 0.1:
            one |= {"known_at": at + random.choice([-1, 0, HOUR, DAY, 3 * DAY])}
        elif kind < 0.15:
            one |= random.choice(
                [{"amount": None}, {"city": "Köln"}, {"card": None}, {"revision": 1}, {"retract": True}]
            )
        elif kind < 0.2:
            one |= {"revision": 0, "retract": False, "note": "not read"}
        elif kind < 0.25 and found:
            one = random.choice(found) | {"revision": 1, "amount": 5, "known_at": at}
        elif kind < 0.3 and found:
            one = dict(random.choice(found))
        found.append(one)
    return found


def outcome(live: Live, event: dict[str, Any]) -> Observed | str:
    try:
        return live.observe(event)
    except InputError as error:
        return str(error)


def answers(live: Live, events: list[dict[str, Any]]) -> list[Any]:
    """What becomes of each event, and the labels at its own point."""
    found: list[Any] = []
    for event in events:
        observed = outcome(live, event)
        found.append(observed)
        if isinstance(observed, Observed) and observed.accepted and event["card"] is not None:
            keys = {"card": event["card"], "shop": event["shop"]}
            vector = live.now(keys, event["at"], own=("payments", event["id"]))
            found.append((list(vector.values.items()), vector.missing, vector.approximate))
    return found


@pytest.mark.parametrize("where", [{}, {"where": "amount > 20"}])
def test_plain_facts_are_as_any_others(where: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """More events than are kept as they came: all outcomes, labels, later snapshots and points of the past."""
    events = log(Random(3), 2_600)
    quick = library(**where).live()
    found = answers(quick, events)
    assert bool(quick._books["payments"].past.recent) == (not where)
    monkeypatch.setattr(book, "taker", lambda book: plain.nothing)
    slow = library(**where).live()
    assert found == answers(slow, events)
    assert sum(isinstance(one, Observed) and not one.accepted for one in found) > 50
    assert quick.known_at == slow.known_at
    assert quick.held == slow.held
    for one in events[::7]:
        if one["card"] is not None and quick.knows("payments", one["id"]):
            keys, own = {"card": one["card"], "shop": one["shop"]}, ("payments", one["id"])
            assert quick.now(keys, one["at"], own=own) == slow.now(keys, one["at"], own=own)
    state = quick.snapshot()
    assert state == slow.snapshot()
    again = library(**where).live(state)
    more = [one | {"id": f"more {one['id']}", "at": one["at"] + 30 * DAY, "known_at": None} for one in events[:300]]
    assert answers(again, more) == answers(quick, more) == answers(slow, more)
    for live in (quick, slow):
        live.compact(80 * DAY)
    late = [
        one | {"id": f"late {one['id']}", "at": 81 * DAY + i, "known_at": None} for i, one in enumerate(events[:300])
    ]
    old = [one | {"id": f"old {one['id']}", "known_at": None} for one in events[-300:]]
    after = [outcome(quick, one) for one in (*late, *old)]
    assert after == [outcome(slow, one) for one in (*late, *old)]
    assert Observed("payments", old[0]["id"], 0, False, "compacted") in after
    assert quick.snapshot() == slow.snapshot()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        *(({name: None}, reason) for name, reason in (("id", "no_id"), ("at", "no_at"), ("card", "no_key"))),
        ({"sequence": None}, "no_sequence"),
        ({"known_at": 10 * DAY - 1}, "known_before_it_happened"),
        ({"known_at": 12 * DAY + 1}, "late"),
        ({"at": 2**62}, "out_of_range"),
        ({"revision": -1}, "no_revision"),
    ],
)
def test_a_plain_fact_with_one_thing_wrong_is_refused(wrong: dict[str, Any], reason: str) -> None:
    live = library().live()
    assert live.observe(EVENT).accepted
    assert live.observe(EVENT | {"id": "b"} | wrong).reason == reason
    assert live.held == 1


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: 2**63} for name in ("id", "sequence", "shop", "amount", "fee", "posted")),
        *({name: "\ud800"} for name in ("id", "card", "city")),
        *({name: 1.5} for name in ("id", "at", "card", "amount", "night", "known_at", "revision")),
        *({name: 1} for name in ("night", "retract")),
        *({name: True} for name in ("amount", "at", "posted", "revision")),
        {"posted": 253_402_300_800_000_000},
    ],
)
@pytest.mark.parametrize("new", [{}, {"card": "new", "shop": 8, "city": "new"}])
def test_a_plain_fact_of_another_type_leaves_no_trace(wrong: dict[str, Any], new: dict[str, Any]) -> None:
    live = library().live()
    for one in ({}, {"id": "b", "at": 10 * DAY + 1}):
        assert live.observe(EVENT | one).accepted
    before = live.snapshot()
    with pytest.raises(InputError) as caught:
        live.observe(EVENT | {"id": "c"} | new | wrong)
    assert str(caught.value)
    assert live.snapshot() == before
    assert live.observe(EVENT | {"id": "c"} | new).accepted


def test_a_fact_without_a_column_counts_as_one_with_a_null() -> None:
    live, other = library().live(), library().live()
    for one in (live, other):
        assert all(one.observe(EVENT | {"id": f"{i}", "at": 10 * DAY + i}).accepted for i in range(3))
    for i, name in enumerate(("amount", "fee", "city", "night", "posted")):
        event = EVENT | {"id": name, "at": 11 * DAY + i}
        assert live.observe({column: value for column, value in event.items() if column != name}).accepted
        assert other.observe(event | {name: None}).accepted
    assert live.snapshot() == other.snapshot()
    assert live.now({"card": "x", "shop": 7}, 11 * DAY + 9)["card_count"] == 5


def test_plain_facts_beside_batches_and_history() -> None:
    """One by one, in frames and from history in turn: pieces of all three are one past."""
    made, random = library(), Random(5)
    rows = [
        one for one in log(random, 900) if set(one) == NAMED - {"known_at"} | set(FIELDS) and None not in one.values()
    ]
    rows = [one | {"id": f"{i}"} for i, one in enumerate(rows)]
    parts = [rows[i : i + 12] for i in range(0, len(rows), 12)]
    mixed, single = made.live(), made.live()
    for i, part in enumerate(parts):
        if i == 0:
            mixed.warm({"payments": pl.DataFrame(part).drop("stream")})
        elif i % 2:
            mixed.observe_many(pl.DataFrame(part))
        else:
            assert all(mixed.observe(one).accepted for one in part)
        assert all(single.observe(one).accepted for one in part)
    for one in rows[::11]:
        keys, own = {"card": one["card"], "shop": one["shop"]}, ("payments", one["id"])
        assert mixed.now(keys, one["at"], own=own) == single.now(keys, one["at"], own=own)
        assert mixed.observe(one | {"revision": 1, "fee": 9, "known_at": 40 * DAY}).accepted
        assert single.observe(one | {"revision": 1, "fee": 9, "known_at": 40 * DAY}).accepted
    keys = {"card": "a", "shop": 1}
    assert mixed.now(keys, 41 * DAY) == single.now(keys, 41 * DAY)
    assert mixed.now(keys, 30 * DAY, k=35 * DAY) == single.now(keys, 30 * DAY, k=35 * DAY)


def test_what_is_asked_of_a_request_leaves_plain_facts_plain() -> None:
    live = library().live()
    assert all(live.observe(EVENT | {"id": f"{i}"}).accepted for i in range(3))
    request = EVENT | {"id": "asked", "card": "new", "city": "new", "at": 10 * DAY + 5}
    before = live.snapshot()
    assert live.now({"card": "new", "shop": 7}, 10 * DAY + 5, request)["shop_count"] == 4
    assert live.snapshot() == before
    assert live.observe(request | {"card": "newer"}).accepted
    assert len(live._books["payments"].past.recent) == 1
    assert live.now({"card": "newer", "shop": 7}, 10 * DAY + 5, own=("payments", "asked"))["card_cities"] == 1


ODD: list[tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
    # What the stream has that is not plain, what its events have beside, and what comes after them.
    ({"fields": {"card": flag()}}, {"card": True}, []),
    ({"fields": {"id": flag()}}, {"id": True}, []),
    ({"sequence": "made", "fields": {"made": instant()}}, {"made": 9 * DAY}, [{"id": 9_999, "made": 9 * DAY}]),
    ({"fields": {"known_at": instant()}}, {"known_at": 10 * DAY}, [{"known_at": 13 * DAY}]),
    ({"fields": {"revision": integer()}}, {"revision": 0}, [{"revision": 2}]),
    ({"sequence": "number", "fields": {"number": integer()}}, {"number": 1}, [{"id": 2**70}]),
    ({"fields": {"note": text()}}, {"note": "a"}, [{"note": "\ud800"}]),
    ({"fields": {"code": integer()}}, {"code": 1}, [{"code": 2**70}]),
]


@pytest.mark.parametrize(("stream", "beside", "after"), ODD, ids=[str(number) for number in range(len(ODD))])
def test_streams_that_are_not_plain(
    stream: dict[str, Any], beside: dict[str, Any], after: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, ids and sequences of other kinds, columns that say something else too, and values that no window holds."""
    found = []
    for quick in (True, False):
        if not quick:
            monkeypatch.setattr(book, "taker", lambda book: plain.nothing)
        fields = {"amount": money("EUR"), "id": integer(), "card": text()} | stream["fields"]
        events = Events("odd", id="id", at="at", keys={card: "card"}, **(stream | {"fields": fields}))
        per, column = events.per(card), next(iter(stream["fields"]))
        labels = {"sum": per.sum("amount").over("7d", including_present=True), "own": events.own(column)}
        live = Library(labels, {"odd": events}).live()
        one = {"stream": "odd", "at": 10 * DAY, "card": "a", "amount": 5} | beside
        outcomes = [outcome(live, {"id": number} | one) for number in range(600)]
        outcomes += [outcome(live, one | {"id": 600} | other) for other in after]
        outcomes += [outcome(live, {"id": 601} | one | {"at": 10 * DAY + 1})]
        vector = live.now({"card": beside.get("card", "a")}, 11 * DAY)
        restored = Library(labels, {"odd": events}).live(live.snapshot())
        found.append((outcomes, live.held, vector.values["sum"], restored.held))
    assert found[0] == found[1]


def test_a_mapping_that_fills_itself_in_is_not_plain() -> None:
    """What such a mapping would make up is neither taken in nor written into it."""
    live = library().live()
    for number in range(3):
        live.observe(EVENT | {"id": str(number)})
    made = defaultdict(int, {name: value for name, value in EVENT.items() if name != "amount"})
    assert live.observe(made).accepted
    assert "amount" not in made
    assert live.now({"card": "x", "shop": 7}, 11 * DAY).values["card_sum"] == 1500
