"""History becomes arrivals: nothing arrives before it was known, and nothing that was known is lost on the way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick.core import Field, FieldType
from tallystick.desk import load_project, replay_decisions
from tallystick.desk.history import INSTANT, _arrivals, as_known, first_known
from tallystick.labels import Entity, Events, flag, money

CARD = Entity("card")
PAYMENTS = Events(
    "payments",
    id="id",
    at="at",
    keys={CARD: "card"},
    fields={"amount": money("EUR"), "fraud": flag(default=False, known_at="told")},
)
FIELDS = {
    "id": Field("id", FieldType("text")),
    "at": Field("at", FieldType("instant")),
    "card": Field("card", FieldType("text")),
    "amount": Field("amount", FieldType("money", "EUR", 2)),
    "fraud": Field("fraud", FieldType("flag"), default=False, known_at="told"),
    "told": Field("told", FieldType("instant")),
}


def facts(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Rows of (id, revision, retract, at, known_at, amount, fraud, told)."""
    names = ("id", "revision", "retract", "at", "known_at", "amount", "fraud", "told")
    kinds: list[Any] = [pl.String, pl.Int64, pl.Boolean, pl.Int64, pl.Int64, pl.Int64, pl.Boolean, pl.Int64]
    frame = pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
    instants = pl.col("at", "known_at", "told").cast(INSTANT)
    return frame.with_columns(instants, pl.lit("c").alias("card"))


def arrivals(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    found = _arrivals(frame, FIELDS, PAYMENTS)
    return found.select("known_at", "id", "revision", "retract", "amount", "fraud", "told").rows()


def test_a_fraud_confirmed_later_arrives_twice() -> None:
    """The payment comes without the flag; its confirmation comes when it was told, as a revision."""
    assert arrivals(facts(("p", 0, False, 10, 10, 500, True, 90))) == [
        (10, "p", 0, False, 500, None, None),
        (90, "p", 1, False, 500, True, 90),
    ]


def test_a_flag_that_was_known_at_once_arrives_once() -> None:
    assert arrivals(facts(("p", 0, False, 10, 20, 500, True, 15))) == [(20, "p", 0, False, 500, True, 15)]


def test_a_correction_keeps_its_place_beside_a_confirmation() -> None:
    """Confirmed at 30, corrected at 50: three revisions in the order of knowledge, the correction the last."""
    log = facts(("p", 0, False, 10, 10, 1000, True, 30), ("p", 1, False, 10, 50, 9900, False, None))
    assert arrivals(log) == [
        (10, "p", 0, False, 1000, None, None),
        (30, "p", 1, False, 1000, True, 30),
        (50, "p", 2, False, 9900, None, None),
    ]


def test_a_confirmation_of_what_was_corrected_before_does_not_arrive() -> None:
    log = facts(("p", 0, False, 10, 10, 1000, True, 80), ("p", 1, False, 10, 50, 9900, False, None))
    assert [row[0] for row in arrivals(log)] == [10, 50]


def test_a_retraction_arrives_as_one() -> None:
    log = facts(("p", 0, False, 10, 10, 1000, False, None), ("p", 1, True, 10, 40, 1000, False, None))
    assert [(row[0], row[2], row[3]) for row in arrivals(log)] == [(10, 0, False), (40, 1, True)]


def test_what_was_known_at_the_horizon() -> None:
    """Before the horizon a fact counts; a flag told at the horizon or later does not."""
    log = facts(
        ("p", 0, False, 10, 10, 1, True, 40), ("q", 0, False, 20, 20, 2, True, 39), ("r", 0, False, 40, 40, 3, True, 41)
    )
    found = as_known(log, FIELDS, 40).select("id", "fraud").rows()
    assert found == [("p", None), ("q", True)]


def test_a_decision_never_reads_what_was_told_after_its_event() -> None:
    """What the backtest gives a decision table of the event is what the live path would give."""
    log = facts(("p", 0, False, 10, 10, 1, True, 40), ("q", 0, False, 20, 20, 2, True, 20))
    assert first_known(log, FIELDS).select("id", "fraud", "at").rows() == [("p", None, 10), ("q", True, 20)]


@pytest.mark.parametrize("source", ["vector", "history"])
def test_old_decisions_replay_by_the_definitions_of_their_time(bank: Path, source: str) -> None:
    """Labels, tables and words have moved on; what was decided before comes out bit by bit from the kept versions."""
    changes = {
        "labels.py": ("amount < 10", "amount < 9"),
        "decisions/authorisation.dmn": ("&gt;= 560", "&gt;= 570"),
    }
    for name, (before, after) in changes.items():
        text = (bank / name).read_text("utf-8")
        (bank / name).write_text(text.replace(before, after), "utf-8")
    words = (bank / "reasons.toml").read_text("utf-8")
    (bank / "reasons.toml").write_text(
        re.sub(r'organisation = "[^"]*"', 'organisation = "Another Bank"', words), "utf-8"
    )
    found = replay_decisions(load_project(bank), source)
    assert (found.decisions, found.differing, found.unexplained) == (300, 0, 0)
