"""The kept state of live labels is a shortcut: it changes no answer, and what does not belong here is not taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tallystick.core import DefinitionError
from tallystick.desk import Desk, decide, load_project
from tallystick.desk.evidence import open_keys
from tallystick.desk.index import forget
from tallystick.desk.livestate import Warmed, state_path
from tallystick.store.sql import connect

Payment = Callable[..., dict[str, Any]]


def warm(bank: Path) -> Warmed:
    with Desk(load_project(bank)) as desk:
        return desk.keep_labels()


def opened(bank: Path) -> tuple[int | None, int, int, dict[str, Any]]:
    """How the desk starts, and the labels of a few keys then."""
    with Desk(load_project(bank)) as desk:
        started, stream = desk.started, desk.project.library.streams["payments"]
        facts = desk.project.lake().facts("payments").tail(20)
        vectors = {}
        for row in facts.iter_rows(named=True):
            keys = {entity.name: row[column] for entity, column in stream.keys.items()}
            vector = desk.live.now(keys, started.last)
            vectors[str(keys)] = (dict(vector.values), dict(vector.missing))
        return started.position, started.facts, started.events, vectors


def test_a_kept_state_gives_the_same_start(bank: Path, payment: Payment) -> None:
    """From lake and journal, from the kept state, and from the kept state with one more decision."""
    before = opened(bank)
    assert before[0] is None
    assert before[1] > 30_000
    assert before[2] >= 300
    kept = warm(bank)
    assert (kept.facts, kept.events) == before[1:3]
    position, facts, events, vectors = opened(bank)
    assert (position, facts, events) == (kept.position, 0, 0)
    assert vectors == before[3]
    with Desk(load_project(bank)) as desk:
        answer = decide(desk, payment())
    position, facts, events, _ = opened(bank)
    assert (position, facts, events) == (kept.position, 0, 1)
    again = warm(bank)
    assert (again.facts, again.events) == (kept.facts, kept.events + 1)
    state_path(load_project(bank)).unlink()
    with Desk(load_project(bank)) as desk:
        repeated = decide(desk, payment())
    assert repeated.position == answer.position


def test_a_state_that_does_not_belong_is_not_taken(bank: Path) -> None:
    """Touched, cut, of another journal, of other labels: the desk starts from lake and journal."""
    first = opened(bank)
    warm(bank)
    path = state_path(load_project(bank))
    whole = path.read_bytes()
    header, parts = msgspec.msgpack.decode(whole)
    key, position, digest, last = msgspec.msgpack.decode(header)
    others = [(key, position, bytes(32), last), (key, 10**6, digest, last), (key, position, digest, last + 1)]
    harmed = [msgspec.msgpack.encode([msgspec.msgpack.encode(other), parts]) for other in others]
    for data in (whole[:-40] + b"\x00" + whole[-39:], whole[:1000], b"", *harmed):
        path.write_bytes(data)
        assert opened(bank)[:3] == first[:3]
    path.write_bytes(whole)
    assert opened(bank)[0] is not None
    labels = bank / "labels.py"
    labels.write_text(labels.read_text("utf-8") + '\nextra = _of_card.count().over("3d")\n', "utf-8")
    assert opened(bank)[0] is None


def test_a_kept_state_is_lost_with_any_subject(bank: Path) -> None:
    """It holds values of the forgotten, so nobody can read it again, not even from a copy."""
    warm(bank)
    project = load_project(bank)
    subject = project.lake().facts("payments")["customer_id"][-1]
    engine = connect(project.state / "state.db")
    with open_keys(project) as keys:
        forget(keys, engine, f"customer_id={subject}")
    engine.dispose()
    assert opened(bank)[0] is None
    assert warm(bank).events == 300
    assert opened(bank)[0] is not None


def test_settled_facts_are_folded_at_the_start(bank: Path, payment: Payment) -> None:
    """With a span of `[state] settled` fewer events are held and kept, and every label says the same."""
    first, whole = opened(bank), warm(bank)
    with Desk(load_project(bank)) as desk:
        held = desk.live.held
    settings = bank / "tallystick.toml"
    settings.write_text(settings.read_text("utf-8") + '\n[state]\nsettled = "30d"\n', "utf-8")
    # The state that was kept without it is not taken.
    assert opened(bank) == first
    kept = warm(bank)
    assert (kept.facts, kept.events) == (whole.facts, whole.events)
    assert kept.bytes < whole.bytes
    position, _, _, vectors = opened(bank)
    assert (position, vectors) == (kept.position, first[3])
    with Desk(load_project(bank)) as desk:
        assert desk.live.held <= held
        small = decide(desk, payment())
    settings.write_text(settings.read_text("utf-8").replace("30d", "300d"), "utf-8")
    with Desk(load_project(bank)) as desk:
        assert desk.live.held == held + 1
        assert decide(desk, payment()).position == small.position


def test_a_span_that_is_none_is_refused(definitions: Path) -> None:
    """tallystick.toml is checked when it is read."""
    settings = definitions / "tallystick.toml"
    settings.write_text(settings.read_text("utf-8") + '\n[state]\nsettled = "a while"\n', "utf-8")
    with pytest.raises(DefinitionError, match=r"state\.settled"):
        load_project(definitions)
