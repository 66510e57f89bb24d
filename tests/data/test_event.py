"""One event from outside is read as a row of a file is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tallystick.core import InputError, to_instant
from tallystick.data import EventError, Lake, Source, parse_event, read_sources

SOURCES = """
[payments]
files = "a.csv"
format = "csv"
id = "payment_id"
at = "paid_at"
known_at = "seen_at"
lateness = "1d"
[payments.fields]
payment_id = { type = "text" }
paid_at = { type = "instant", min = "2026-01-01" }
seen_at = { type = "instant" }
amount = { type = "money(EUR)", required = true, max = "1000", column = "AMT" }
channel = { type = "text", default = "pos", pattern = "[a-z]+" }
fraud = { type = "flag", default = false, known_at = "fraud_at" }
fraud_at = { type = "instant" }
bank = { type = "text", value = "north" }
"""
EVENT = {"payment_id": "p1", "paid_at": "2026-03-01T08:00:00", "seen_at": "2026-03-01T09:00:00", "amount": 12.5}


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "sources.toml").write_text(SOURCES)
    return read_sources(tmp_path / "sources.toml")["payments"]


def test_an_event_is_held_as_its_row_would_be(tmp_path: Path, source: Source) -> None:
    """Live and loaded: the same minor units, microseconds, defaults and constants."""
    held = parse_event(source, {"stream": "payments", **EVENT}, "Europe/Berlin")
    assert (held["amount"], held["channel"], held["fraud"], held["bank"]) == (1250, "pos", None, "north")
    (tmp_path / "a.csv").write_text(
        "payment_id,paid_at,seen_at,AMT,channel,fraud,fraud_at\np1,2026-03-01T08:00:00,2026-03-01T09:00:00,12.5,,,\n"
    )
    lake = Lake(tmp_path / "lake", "Europe/Berlin")
    assert lake.load(source, tmp_path).rows == 1
    row = lake.facts("payments").to_dicts()[0]
    instants = ("paid_at", "seen_at")
    assert held == {name: to_instant(row[name]) if name in instants else row[name] for name in source.fields}


def test_all_faults_of_an_event_are_shown_together(source: Source) -> None:
    """Unknown and missing fields, wrong types and broken checks, each with its field, in both languages."""
    event = {
        "stream": "card",
        "payment_id": 7,
        "amout": 1,
        "paid_at": "2025-03-01",
        "channel": "POS",
        "fraud": "perhaps",
    }
    with pytest.raises(EventError) as caught:
        parse_event(source, event, "UTC")
    lines = caught.value.text().splitlines()
    assert len(lines) == len(caught.value.faults) == len(caught.value.text("zh").splitlines()) == 8
    for expected in (
        "stream: the event says stream 'card'; this source is 'payments'",
        "amout: source payments has no field 'amout'; did you mean 'amount'?",
        "payment_id: field payment_id: 7 is not text",
        "paid_at: field paid_at: 2025-03-01T00:00:00Z is below the minimum 2026-01-01T00:00:00Z",
        "seen_at: field seen_at is required but has no value",
        "amount: field amount is required but has no value",
        "channel: field channel: 'POS' does not match '[a-z]+'",
        "fraud: field fraud: 'perhaps' is not flag",
    ):
        assert any(line.startswith(expected) for line in lines), (expected, lines)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"seen_at": "2026-03-03T08:00:00"}, "a first revision must come within 0us to 1d"),
        ({"seen_at": "2026-03-01T07:00:00"}, "a first revision must come within 0us to 1d"),
        ({"amount": "1000.01"}, "1000.01 is above the maximum 1000.00"),
        ({"amount": True}, "True is not money(EUR)"),
        ({"amount": "0.001"}, "more decimals"),
        ({"bank": None, "zzz": 1}, "has no field 'zzz'"),
    ],
)
def test_an_event_that_breaks_a_rule_is_refused(source: Source, change: dict[str, Any], expected: str) -> None:
    """What the quarantine would take, the service refuses."""
    with pytest.raises(InputError) as caught:
        parse_event(source, {**EVENT, **change}, "UTC")
    assert expected in str(caught.value)


def test_an_event_is_an_object(source: Source) -> None:
    """A list is no event."""
    given: Any = [1]
    with pytest.raises(EventError, match="an event must be an object"):
        parse_event(source, given, "UTC")
