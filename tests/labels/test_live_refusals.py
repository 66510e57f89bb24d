"""The live executor: what is refused is refused whole, and a state only fills what it was made for."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tallystick.core import InputError, StateError
from tallystick.labels import Entity, Events, Library, Live, instant, money, real, text

DAY = 86_400_000_000
card, shop = Entity("card"), Entity("shop")
FIELDS = {"amount": money("EUR"), "score": real(), "city": text(), "posted": instant()}
EVENT: dict[str, Any] = {"stream": "p", "id": "a", "at": 10, "card": "x", "amount": 5, "city": "Ulm", "posted": 5}
WHERE = 'posted > date and time("2020-01-01T00:00:00Z")'


def library(window: str = "7d", zone: str = "Asia/Tokyo", **changes: Any) -> Library:
    p = Events(**({"stream": "p", "id": "id", "at": "at", "keys": {card: "card"}, "fields": FIELDS} | changes))
    q = Events("q", id="id", at="at", keys={shop: "shop"})
    per = p.per(card)
    made = {"n": per.count(where=WHERE).over(window), "sum": per.sum("amount").over(window)}
    made |= {"city": per.distinct("city", cap=2).over(window), "score": per.max("score").over(window)}
    return Library(made | {"q": q.per(shop).count().over(window)}, {"p": p, "q": q}, zone=zone)


@pytest.fixture
def live() -> Live:
    return library().live()


@pytest.mark.parametrize(
    "wrong",
    [
        {"city": "\ud800"},
        {"id": "\ud800"},
        {"card": "\ud800"},
        {"score": 10**400},
        {"amount": 10**9_000},
        {"posted": 253_402_300_800_000_000},
        {"retract": "no"},
        {"retract": 0},
        {"revision": 0.5},
        {"known_at": "now"},
    ],
)
def test_a_faulty_event_is_refused_whole(live: Live, wrong: dict[str, Any]) -> None:
    before = live.snapshot()
    with pytest.raises(InputError) as caught:
        live.observe(EVENT | wrong)
    assert str(caught.value)
    assert live.snapshot() == before
    assert live.observe(EVENT).accepted


def test_an_instant_that_clocks_cannot_show_is_read_as_the_edge(live: Live) -> None:
    """In Tokyo the last instant of 9999 lies in the year 10000."""
    event = EVENT | {"posted": 253_402_300_799_999_999}
    assert live.observe(event).accepted
    frame = pl.DataFrame([event]).drop("stream").with_columns(score=pl.lit(None, pl.Float64))
    found = library().at(pl.DataFrame({"card": ["x"], "t": [20]}), ["n"], {"p": frame})
    assert live.now({"card": "x"}, 20, labels=["n"])["n"] == found["n"][0] == 1


def test_a_negative_revision_is_refused(live: Live) -> None:
    assert live.observe(EVENT | {"revision": -1}).reason == "no_revision"
    assert not live.knows("p", "a", -1)


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        ({"k": 300_000_000_000_000_000}, "1 to 9999"),
        ({"own": ("p", 7)}, "as its ids"),
        ({"request": EVENT | {"id": "b", "card": None}}, "no_key"),
        ({"request": EVENT | {"id": None}}, "no_id"),
        ({"request": EVENT | {"id": "b", "known_at": 5}}, "known_before_it_happened"),
        ({"request": EVENT | {"id": "b", "known_at": 90 * DAY}}, "late"),
    ],
)
def test_a_point_that_cannot_be_asked(live: Live, ask: dict[str, Any], match: str) -> None:
    live.observe(EVENT)
    before = live.snapshot()
    with pytest.raises(InputError, match=match):
        live.now({"card": "x"}, 20, labels=["sum"], **ask)
    assert live.snapshot() == before


def test_streams_and_entities_are_checked_first(live: Live) -> None:
    with pytest.raises(InputError, match="zz"):
        live.knows("zz", "a")
    with pytest.raises(InputError, match="shop"):
        live.observe_many([EVENT], labels=["sum", "q"])
    assert not live.knows("p", "a")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"zone": "UTC"}, "zone"),
        ({"lateness": "1d"}, "lateness"),
        ({"sequence": "amount"}, "sequence"),
        ({"fields": FIELDS | {"amount": money("USD")}}, "column amount"),
        ({"fields": FIELDS | {"amount": money("EUR", 1, "posted")}}, "column amount"),
    ],
)
def test_a_state_of_another_definition(live: Live, changes: dict[str, Any], what: str) -> None:
    live.observe(EVENT)
    with pytest.raises(StateError, match=what):
        library(**changes).live(live.snapshot())


def test_a_compacted_state_serves_no_longer_reach(live: Live) -> None:
    live.observe(EVENT)
    assert library("30d").live(live.snapshot()).now({"card": "x"}, 20, labels=["sum"])["sum"] == 5
    live.compact(60 * DAY)
    state = live.snapshot()
    assert library("1d").live(state).snapshot()
    for window in ("30d", "lifetime"):
        with pytest.raises(StateError, match="compacted"):
            library(window).live(state)


def test_a_state_fills_only_what_is_empty(live: Live) -> None:
    live.observe(EVENT)
    with pytest.raises(StateError, match="observed nothing"):
        live.restore(live.snapshot())
    assert live.now({"card": "x"}, 20, labels=["sum"])["sum"] == 5
