"""Edges where batch and live once parted: zeros, epochs, redeliveries, and types nobody declared."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from tallystick.core import DefinitionErrors, Field, FieldType, InputError
from tallystick.labels import Entity, Events, Label, Library, Live, money, real

UTC_MICROS = pl.Datetime("us", "UTC")
card = Entity("card")
p = Events("p", id="id", at="at", keys={card: "card"}, fields={"amount": money("EUR"), "level": real()})
EVENT: dict[str, Any] = {"stream": "p", "id": "a", "at": 1_000, "card": "c", "amount": 1, "level": 0.5}
POINT = pl.DataFrame({"card": ["c"], "t": [9_000]})


def library(label: Label, schema: dict[str, str] | None = None, events: Events = p) -> Library:
    fields = {name: Field(name, FieldType.parse(kind)) for name, kind in (schema or {}).items()}
    return Library({"n": label}, {"p": events}, schemas={"p": fields})


def frame(*rows: dict[str, Any], **types: Any) -> pl.DataFrame:
    return pl.DataFrame(rows, schema_overrides=types).drop("stream")


def counted(where: str, including_present: bool = False) -> Label:
    return p.per(card).count(where=where).over("7d", including_present=including_present)


def batch(made: Library, *facts: pl.DataFrame) -> Any:
    return made.at(POINT, facts={"p": pl.concat(facts)})["n"][0]


def test_there_is_one_zero() -> None:
    """A level of -0.0 is 0.0 in batch, warmed and observed."""
    made = library(p.per(card).last("level").over("7d"))
    event = EVENT | {"level": -0.0}
    warm, observed = made.live(), made.live()
    warm.warm({"p": frame(event)})
    observed.observe(event)
    for value in (batch(made, frame(event)), *(live.now({"card": "c"}, 9_000)["n"] for live in (warm, observed))):
        assert (value, math.copysign(1, value)) == (0.0, 1.0)


def test_zeros_keep_nulls_and_empty_columns() -> None:
    made = library(p.per(card).last("level").over("7d"))
    facts = frame(EVENT | {"level": None}, level=pl.Float64)
    assert made.at(POINT, facts={"p": facts})["n__missing"].to_list() == ["source_null"]
    assert made.at(POINT, facts={"p": facts.clear()})["n__missing"].to_list() == ["never_seen"]


def test_k_of_a_request_goes_before_its_own_known_at() -> None:
    """Asked with k, a request is known at k, just as `observe(known_at=k)` says."""
    made = library(counted("", including_present=True))
    live = made.live()
    assert live.now({"card": "c"}, 1_000, EVENT | {"known_at": 5_000}, k=2_000)["n"] == 1
    assert live.now({"card": "c"}, 1_000, EVENT | {"known_at": 1_000}, k=999)["n"] == 0
    live.observe(EVENT | {"known_at": 5_000}, known_at=2_000)
    assert live.now({"card": "c"}, 1_000, k=2_000, own=("p", "a"))["n"] == 1


def test_the_epoch_is_a_known_instant() -> None:
    """A history known at 1970-01-01T00:00:00Z, microsecond 0, is known then."""
    live = library(counted("")).live()
    live.warm({"p": frame(EVENT | {"at": 0})})
    assert live.known_at == 0


@pytest.mark.parametrize("order", [(50, 5_000), (5_000, 50)])
def test_the_first_known_delivery_counts(order: tuple[int, int]) -> None:
    """One payment delivered twice, the earlier known second: it counts from the earlier; a request leaves no trace."""
    made = library(counted(""))
    rows = [EVENT | {"at": 10, "known_at": known} for known in order]
    warm, observed = made.live(), made.live()
    warm.warm({"p": frame(*rows)})
    observed.observe(rows[0])
    before = observed.snapshot()
    assert observed.now({"card": "c"}, 10, rows[1]).values["n"] == 0
    assert observed.snapshot() == before
    observed.observe(rows[1])
    point = POINT.with_columns(k=pl.lit(60))
    assert made.at(point, facts={"p": frame(*rows)})["n"][0] == 1
    for live in (warm, observed):
        assert live.now({"card": "c"}, 9_000, k=60)["n"] == 1
        assert live.now({"card": "c"}, 9_000, k=49)["n"] == 0


SEEN = EVENT | {"seen_at": 3_600_000_000}
SEEN_TYPED = {"seen_at": datetime(1970, 1, 1, 1, tzinfo=UTC)}


@pytest.mark.parametrize("revised", [False, True])
def test_history_gives_undeclared_columns_their_type(revised: bool) -> None:
    """A history without any value of a column still says what it is: live integers are instants, as in batch."""
    made = library(counted("seen_at.hour < 6"))
    rows = [EVENT | {"id": "z", "card": "d", "seen_at": None, "revision": revision} for revision in range(1 + revised)]
    history = frame(*rows, seen_at=UTC_MICROS)
    live = made.live()
    live.warm({"p": history})
    live.observe(SEEN)
    whole = batch(made, history, frame(SEEN | SEEN_TYPED | {"revision": 0}, seen_at=UTC_MICROS))
    assert live.now({"card": "c"}, 9_000)["n"] == whole == 1


def test_a_column_of_nulls_says_nothing() -> None:
    """Polars holds a column without any value as Null: the first live value still decides."""
    live: Live = library(p.per(card).distinct("shop").over("7d")).live()
    live.warm({"p": frame(EVENT | {"shop": None})})
    live.observe(EVENT | {"id": "b", "shop": 7})
    assert live.now({"card": "c"}, 9_000)["n"] == 1


def test_the_schema_gives_undeclared_columns_their_type() -> None:
    """With the source's schema nothing is guessed: instants are instants, reals may be whole, amounts are major."""
    made = library(counted("seen_at.hour < 6"), {"seen_at": "instant"})
    live = made.live()
    live.observe(SEEN)
    assert live.now({"card": "c"}, 9_000)["n"] == batch(made, frame(SEEN)) == 1
    live = library(counted("rate > 1"), {"rate": "real"}).live()
    for id, rate in (("a", 1), ("b", 1.5)):
        live.observe(EVENT | {"id": id, "rate": rate})
    assert live.now({"card": "c"}, 9_000)["n"] == 1
    made = library(counted("fee > 2"), {"fee": "money(EUR)"})
    live = made.live()
    live.observe(EVENT | {"fee": 150})
    assert live.now({"card": "c"}, 9_000)["n"] == batch(made, frame(EVENT | {"fee": 150})) == 0
    with pytest.raises(InputError, match="fee"):
        live.observe(EVENT | {"id": "b", "fee": 1.5})


NAMES = {"id": "text", "at": "instant", "card": "text", "amount": "money(EUR)", "level": "real", "fee": "money(EUR)"}
FIELDS = {name: Field(name, FieldType.parse(kind)) for name, kind in NAMES.items()}


def test_an_amount_in_a_filter_is_declared() -> None:
    """Its unit is part of what the label means, so the label file names it; a distinct count needs no unit."""
    with pytest.raises(DefinitionErrors, match=r"column fee: the filter 'fee > 2'.*declare it in fields="):
        library(counted("fee > 2")).check({"p": FIELDS})
    library(p.per(card).distinct("fee", where="amount > 2").over("7d")).check({"p": FIELDS})


def test_roles_are_those_of_the_source() -> None:
    """An id, an instant or a lateness other than the source's is a fault that names both."""
    made = library(counted(""))
    made.check({"p": FIELDS}, {"p": ("id", "at", "720h")})
    made.check({"p": FIELDS}, {})
    with pytest.raises(DefinitionErrors) as caught:
        made.check({"p": FIELDS}, {"p": ("card", "seen_at", "1d")})
    assert [fault.code for fault in caught.value.faults] == ["labels.role"] * 3
    assert "lateness is '30d' here; allowed: '1d'" in caught.value.text("en")
