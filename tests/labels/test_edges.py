"""Edges where batch and live once parted: zeros, epochs, redeliveries, and types nobody declared."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from tallystick.core import DefinitionErrors, Field, FieldType, InputError, to_instant, zone_of
from tallystick.labels import Entity, Events, Label, Library, Live, instant, money, real
from tallystick.labels.meaning.facts import T_MAX, T_MIN
from tallystick.labels.meaning.features import clock_edges

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


SEEING = Events("p", id="id", at="at", keys={card: "card"}, fields={"seen_at": instant()})


@pytest.mark.parametrize(
    ("column", "given", "allowed"),
    [
        *(("retract", given, "flag") for given in ("x", 1.5, 1)),
        *(("revision", given, "integer") for given in ("x", 1.5, True)),
        ("revision", pl.Series([2**63], dtype=pl.UInt64), "integer"),
        *(("known_at", given, "instant") for given in ("x", 1.5, True, date(2020, 1, 1))),
        ("known_at", pl.Series([2**63], dtype=pl.UInt64), "instant"),
    ],
)
def test_revision_retract_and_known_at_have_their_types(column: str, given: Any, allowed: str) -> None:
    facts = frame(EVENT).with_columns(pl.lit(given).alias(column))
    with pytest.raises(InputError, match=f"stream p, column {column}: the frame holds .*; allowed: {allowed}"):
        batch(library(counted("")), facts)


def test_nulls_of_revision_retract_and_known_at_say_nothing() -> None:
    for nulls in ({}, {"revision": pl.Int8, "retract": pl.Boolean, "known_at": UTC_MICROS}):
        facts = frame(EVENT | {"revision": None, "retract": None, "known_at": None}, **nulls)
        assert batch(library(counted("")), facts) == 1


def test_a_negative_revision_counts_nowhere() -> None:
    made, facts = library(counted("")), frame(*(EVENT | {"revision": number} for number in (-1, 0)))
    assert made.refused({"p": facts})["p"].select("revision", "reason").rows() == [(-1, "no_revision")]
    assert batch(made, facts) == 1
    alone = facts.head(1).with_columns(at=pl.lit(None, pl.Int64))
    assert made.refused({"p": alone})["p"]["reason"].to_list() == ["no_revision"]


def test_facts_are_a_frame() -> None:
    made = library(counted(""))
    with pytest.raises(InputError, match="stream p: the facts are a LazyFrame; allowed: a polars DataFrame"):
        made.at(POINT, facts={"p": frame(EVENT).lazy()})  # type: ignore[dict-item]


@pytest.mark.parametrize("column", ["t", "k"])
@pytest.mark.parametrize("edge", [T_MAX, T_MIN - 2, 2**63 - 1, -(2**63)])
def test_points_lie_in_the_years_1_to_9999(column: str, edge: int) -> None:
    points = POINT.with_columns(pl.lit(edge, pl.Int64).alias(column))
    with pytest.raises(InputError, match=f"{edge} µs is not an instant of the years 1 to 9999"):
        library(counted("")).at(points, facts={"p": frame(EVENT)})


def test_points_of_other_types_are_refused() -> None:
    made, facts = library(counted("")), {"p": frame(EVENT)}
    for column in ("t", "k"):
        with pytest.raises(InputError, match=f"column {column} holds UInt64"):
            made.at(POINT.with_columns(pl.Series(column, [2**63], pl.UInt64)), facts=facts)
    with pytest.raises(InputError, match="column stream holds List"):
        made.at(POINT.with_columns(stream=pl.Series([["p"]]), id=pl.lit("a")), facts=facts)


@pytest.mark.parametrize("own", [1, 1.5, True, date(2020, 1, 1)])
@pytest.mark.parametrize("k", [None, 5_000])
def test_an_own_id_has_the_type_of_the_ids(own: Any, k: int | None) -> None:
    made = library(counted("", including_present=True))
    points = POINT.with_columns(k=pl.lit(k, pl.Int64), stream=pl.lit("p"), id=pl.lit(own))
    with pytest.raises(InputError, match=r"the points' column id holds .*; allowed: String as in the facts"):
        made.at(points, facts={"p": frame(EVENT)})
    # Where nothing is known there is no type to differ from, and a point that names no stream has no own event.
    assert made.at(points, facts={"p": frame(EVENT).clear()})["n"].to_list() == [0]
    assert made.at(points.with_columns(stream=pl.lit(None, pl.String)), facts={"p": frame(EVENT)})["n"].to_list() == [1]


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("edge", [2**62, -(2**62)])
def test_datetimes_beyond_the_years_are_set_aside_or_refused(unit: Any, zone: str | None, edge: int) -> None:
    made = Library({"n": SEEING.per(card).count(where="seen_at.hour < 6").over("7d")}, {"p": SEEING})
    far = pl.Series([edge]).cast(pl.Datetime(unit, zone))
    for column in ("at", "known_at"):
        facts = frame(SEEN).with_columns(far.alias(column))
        assert made.refused({"p": facts})["p"]["reason"].to_list() == ["out_of_range"]
    with pytest.raises(InputError, match=r"column seen_at: .* lies outside the years 1 to 9999"):
        batch(made, frame(SEEN).with_columns(far.alias("seen_at")))
    with pytest.raises(InputError, match="not an instant"):
        made.at(POINT.with_columns(far.alias("t")), facts={"p": frame(SEEN)})


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "Africa/Monrovia"])
def test_filters_read_what_clocks_cannot_show_as_the_edge(zone: str) -> None:
    """An instant of the years 1 to 9999 in UTC that lies in the year 0 or 10000 by the zone's clocks."""
    first, last = clock_edges(zone)
    place = zone_of(zone)
    ends = to_instant(datetime.min.replace(tzinfo=place)), to_instant(datetime.max.replace(tzinfo=place))
    assert (first, last) == (max(T_MIN, ends[0]), min(T_MAX - 1, ends[1]))
    for where, values, passing in (
        ("seen_at.year = 1", (T_MIN, first), 1),
        ("day of week(seen_at) = 1", (T_MIN, first), None),
        ('date(seen_at) >= date("9999-12-30")', (T_MAX - 1, last), 1),
        ('string(seen_at) != "x"', (T_MIN, first), 1),
        ('date and time(seen_at, time("10:00:00")) != seen_at', (T_MAX - 1, last), None),
    ):
        made = Library({"n": SEEING.per(card).count(where=where).over("7d")}, {"p": SEEING}, zone=zone)
        found = [batch(made, frame(EVENT | {"seen_at": value})) for value in values]
        assert found[0] == found[1]
        assert passing in (None, found[0])


@pytest.mark.parametrize("revised", [False, True])
@pytest.mark.parametrize("ids", [pl.Series([1.0, 2.0]), pl.Series([2.0, 1.0]), pl.Series([True, False])])
def test_own_points_name_events_by_their_ids_type(ids: pl.Series, revised: bool) -> None:
    """Whole floats and flags are no ids of whole numbers, in whatever order they come."""
    facts = pl.DataFrame({"id": [1, 2, 2], "at": [1, 2, 2], "card": "c", "amount": 1, "revision": [0, 0, 1]})
    facts = facts.with_columns(known_at=pl.Series([1, 2, 5])).head(2 + revised)
    points = pl.DataFrame({"card": "c", "t": [1, 2], "stream": "p", "id": ids})
    with pytest.raises(InputError, match="Int64 as in the facts"):
        library(counted("amount > 0")).at(points, facts={"p": facts.with_columns(level=0.5)})
