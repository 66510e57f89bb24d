"""Faults of a label file: each is found, all are shown, each with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick.core import DefinitionError, DefinitionErrors, Field, FieldType, InputError, StateError
from tallystick.labels import Library

HEAD = """from tallystick.labels import Entity, Events, date, decimal, flag, formula, money, real, text
card = Entity("card")
p = Events("p", id="id", at="at", keys={card: "card"}, fields={
    "amount": money("EUR"), "usd": money("USD"), "level": real(), "city": text(), "ok": flag()})
per = lambda: p.per(card)
"""
FAULTS = [
    ('a = per().sum("level").over("7d")', "labels.kind"),
    ('a = per().sum("city").over("7d")', "labels.kind"),
    ('a = per().max("city").over("7d")', "labels.kind"),
    ('a = per().sum("other").over("7d")', "labels.undeclared"),
    ('a = per().count().over("0d")', "labels.window_zero"),
    ('a = per().count().over("week")', "labels.window_text"),
    ('a = per().count().over("99999999d")', "labels.window_long"),
    ('a = per().count().over("7d", delay="-1d")', "labels.delay"),
    ('a = per().count(where="amount >").over("7d")', "labels.where"),
    ('a = per().share("").over("7d")', "labels.where"),
    ("a = per().count()", "labels.unfinished"),
    ('a = p.per(Entity("till")).count().over("7d")', "labels.entity"),
    ('a = formula("b + 1")\nb = formula("a + 1")', "labels.cycle"),
    ('a = formula("nothing / 2")', "labels.unknown"),
    ('a = formula("1 +")', "labels.formula"),
    ('b = per().count().over("7d")\na = formula("abs(b)")', "labels.formula_node"),
    ('a = per().sum("amount").over("7d") + per().sum("usd").over("7d")', "labels.types"),
    ('a = per().sum("amount").over("7d") + 1', "labels.types"),
    ('a = per().last("city").over("7d") * 2', "labels.types"),
    ('a = per().count().over("7d") + 2**63', "labels.formula_number"),
    ('a = per().count().over("7d")\nb = a', "labels.alias"),
    ('q = Events("p", id="id", at="at", keys={card: "card"})', "labels.stream_twice"),
    ('q = Events("q", id="id", at="at", keys={card: "card"}, lateness="soon")', "labels.lateness"),
    ('q = Events("q", id="id", at="at", keys={card: "card"}, fields={"x": flag(default=True)})', "labels.known_at"),
    (
        'q = Events("q", id="id", at="at", keys={card: "card"}, fields={"x": flag(default=1, known_at="y")})',
        "labels.default",
    ),
    ('q = Events("q", id="id", at="at", keys={Entity("t"): "card"})', "labels.entity_name"),
]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.py"
    path.write_text(HEAD + text + "\n")
    return path


@pytest.mark.parametrize(("text", "code"), FAULTS)
def test_each_fault_is_named(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        Library.from_file(write(tmp_path, text))
    assert code in [fault.code for fault in caught.value.faults]
    assert caught.value.text("en") != caught.value.text("zh")


def test_faults_are_shown_together(tmp_path: Path) -> None:
    """Two faults, two lines, each with the file's line."""
    path = write(tmp_path, 'a = per().sum("level").over("7d")\nb = per().count().over("0d")')
    with pytest.raises(DefinitionErrors) as caught:
        Library.from_file(path)
    assert [str(fault.place) for fault in caught.value.faults] == [f"{path}:6", f"{path}:7"]


@pytest.mark.parametrize(
    "text", ["a = (", "a = 1 / 0", "a = b", 'a = money("euro")', 'a = per().count().over("7d") + "x"']
)
def test_a_file_that_cannot_run_names_its_line(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DefinitionError) as caught:
        Library.from_file(path)
    assert str(caught.value.place) == f"{path}:6"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no label file"):
        Library.from_file(tmp_path / "labels.py")


def library(tmp_path: Path) -> Library:
    text = 'spend = per().sum("amount").over("7d")\nweb = per().count(where="channel = \\"web\\"").over("7d")'
    return Library.from_file(write(tmp_path, text))


def test_describe(tmp_path: Path) -> None:
    spend, web = library(tmp_path).labels.values()
    assert (spend.kind, str(spend.type), spend.window, spend.columns) == ("sum", "money(EUR)", "7d", ("amount",))
    assert (web.entities, web.streams, web.where, web.columns) == (("card",), ("p",), 'channel = "web"', ("channel",))


def test_check_against_the_sources(tmp_path: Path) -> None:
    """A column that no source has and one of another type are both found."""
    names = {"id": "text", "at": "instant", "card": "text", "amount": "money(USD)", "usd": "money(USD)"}
    names |= {"level": "real", "city": "text", "ok": "flag"}
    schema = {name: Field(name, FieldType.parse(kind)) for name, kind in names.items()}
    with pytest.raises(DefinitionErrors) as caught:
        library(tmp_path).check({"p": schema})
    assert [fault.code for fault in caught.value.faults] == ["labels.column", "labels.column_type"]
    with pytest.raises(DefinitionErrors, match="not a stream"):
        library(tmp_path).check({})
    schema |= {"amount": Field("amount", FieldType.parse("money(EUR)")), "channel": Field("channel", FieldType("text"))}
    library(tmp_path).check({"p": schema})


FACTS: dict[str, list[Any]] = {"id": ["1"], "at": [5], "card": ["c"], "amount": [1], "channel": ["web"]}


def test_bad_points_and_facts(tmp_path: Path) -> None:
    made = library(tmp_path)
    facts = {"p": pl.DataFrame(FACTS)}
    points = pl.DataFrame({"card": ["c"], "t": [9]})
    assert made.at(points, facts=facts)["web"].to_list() == [1]
    for wrong, match in [
        (points.drop("t"), "no column 't'"),
        (points.drop("card"), "needs the key"),
        (points.with_columns(t=pl.lit(None, pl.Int64)), "point 1 has no t"),
        (points.with_columns(t=pl.lit(2**62)), "years 1 to 9999"),
        (points.with_columns(t=pl.lit("now")), "holds String"),
        (points.with_columns(card=pl.lit(3)), "column card holds"),
        (points.with_columns(id=pl.lit("1")), "together"),
        (points.with_columns(id=pl.lit("1"), stream=pl.lit("q")), "not a stream"),
        (points.with_columns(spend=pl.lit(1)), "already have"),
    ]:
        with pytest.raises(InputError, match=match):
            made.at(wrong, facts=facts)
    for frame, match in [
        (pl.DataFrame(FACTS).drop("amount"), "no column 'amount'"),
        (pl.DataFrame(FACTS | {"amount": [1.5]}), "holds Float64"),
        (pl.DataFrame({name: values * 2 for name, values in FACTS.items()} | {"amount": [1, 2]}), "came twice"),
    ]:
        with pytest.raises(InputError, match=match):
            made.at(points, facts={"p": frame})
    with pytest.raises(InputError, match="not a label"):
        made.at(points, labels=["none"], facts=facts)
    with pytest.raises(InputError, match="no lake"):
        made.at(points)
    with pytest.raises(InputError, match="no facts were given for stream p"):
        made.at(points, facts={})
    lake = Library.from_file(write(tmp_path, 'spend = per().sum("amount").over("7d")'), lake=facts.__getitem__)
    assert lake.at(points)["spend"].to_list() == [1]


def test_bad_events(tmp_path: Path) -> None:
    """A faulty event is refused with a reason or an error, and leaves no trace."""
    live = library(tmp_path).live()
    event: dict[str, Any] = {"stream": "p", "id": "1", "at": 5, "card": "c", "amount": 1, "channel": "web"}
    assert live.observe(event | {"card": None}).reason == "no_key"
    assert live.observe(event | {"id": None}).reason == "no_id"
    assert live.observe(event | {"at": None}).reason == "no_at"
    assert live.observe(event, known_at=4).reason == "known_before_it_happened"
    assert live.observe(event, known_at=6).accepted
    assert live.observe(event, known_at=7).accepted
    assert live.now({"card": "c"}, 9)["spend"] == 1
    faulty: list[tuple[dict[str, Any], str]] = [
        ({"amount": 2}, "came twice"),
        ({"amount": "1"}, "is not money"),
        ({"amount": 2**63}, "is not money"),
        ({"id": 1}, "is not text"),
        ({"id": True}, "is not"),
        ({"stream": "q"}, "not a stream"),
    ]
    for wrong, match in faulty:
        with pytest.raises(InputError, match=match):
            live.observe({**event, **wrong})
    with pytest.raises(InputError, match="names no stream"):
        live.observe({"id": "1"})
    with pytest.raises(InputError, match="needs the key"):
        live.now({}, 9)
    assert live.now({"card": "c"}, 9)["spend"] == 1


def test_state_of_other_labels_is_refused(tmp_path: Path) -> None:
    made = library(tmp_path)
    state = made.live().snapshot()
    other = Library.from_file(write(tmp_path, 'spend = per().sum("usd").over("7d")'))
    with pytest.raises(StateError):
        other.live(state)
    with pytest.raises(StateError):
        made.live(b"\x00nothing")
