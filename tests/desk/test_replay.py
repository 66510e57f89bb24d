"""The first promise: live and batch give the same bits, and replay says so, or says what is missing."""

from __future__ import annotations

import re
import shutil
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.core import StateError, TamperError
from tallystick.desk import Desk, Project, decide, decide_all, load_project, replay, replay_decisions
from tallystick.desk.evidence import open_keys, read_journal
from tallystick.desk.history import all_facts
from tallystick.desk.index import forget
from tallystick.desk.journal import DecisionRecord, Journal
from tallystick.desk.replay import Asked, Champions, same_bits
from tallystick.models import container
from tallystick.store.sql import connect

Payment = Callable[..., dict[str, Any]]


def batch_vectors(
    project: Project, journal: Journal, records: list[DecisionRecord]
) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """What the batch executor gives at the points of some decisions."""
    asked = Asked(project, Champions(project))
    for position, record in enumerate(records):
        asked.add(position, record)
    found = list(asked.vectors(all_facts(project, journal)))
    assert [position for position, _, _ in found] == list(range(len(records)))
    return [(values, missing) for _, values, missing in found]


@pytest.mark.parametrize("source", ["vector", "history"])
def test_no_bit_differs(
    trained: Path, tmp_path: Path, payment: Payment, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """Three hundred decisions of a run and three taken afterwards: every label, score and result comes out again."""
    monkeypatch.setattr(replay, "GROUP", 120)
    folder = tmp_path / "bank"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("sources"))
    project = load_project(folder)
    with Desk(project) as desk:
        for number, card in ((1, "K900001"), (2, "K900001"), (3, "K000001")):
            decide(desk, payment(number, card_id=card))
    found = replay_decisions(project, source)
    assert (found.source, found.decisions, found.erased) == (source, 303, 0)
    assert found.values > 303 * 60
    assert (found.differing, found.differences) == (0, ())


def test_batch_vectors_are_the_recorded_ones_bit_by_bit(bank: Path) -> None:
    """The comparison that replay makes, done here again by plain packing of floats."""
    project = load_project(bank)
    with read_journal(project) as journal:
        records = [e.record for e in journal.read(kinds=("decision",)) if isinstance(e.record, DecisionRecord)]
        fresh = batch_vectors(project, journal, records)
    floats = 0
    for record, (values, missing) in zip(records, fresh, strict=True):
        assert missing == dict(record.missing)
        for name, value in record.vector.items():
            if isinstance(value, float):
                floats += 1
                assert struct.pack("<d", value) == struct.pack("<d", values[name])
            else:
                assert (type(value), value) == (type(values[name]), values[name])
    assert floats > 1_000


def test_memory_does_not_grow_with_decisions_or_differences(
    bank: Path, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of seven hundred decisions every value differs: a hundred are shown, all are counted, few are held."""
    project = load_project(bank)
    with Desk(project) as desk:
        for _ in decide_all(desk, (desk.receive(payment(number)) for number in range(400))):
            pass
    monkeypatch.setattr(replay, "same_bits", lambda before, after: False)
    monkeypatch.setattr(container, "LARGEST_BYTES", 1 << 20)
    tracemalloc.start()
    try:
        found, peak_bytes = replay_decisions(project), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.decisions, found.differing, len(found.differences)) == (700, found.values, 100)
    # A record holds 8 KB and its differences 30 KB: of all decisions that were 26 MB.
    assert peak_bytes < 12_000_000


def test_same_bits_is_strict() -> None:
    """An integer is no float, minus zero no zero, and a NaN is itself."""
    assert same_bits({"a": [0.1, None, "x"]}, {"a": (0.1, None, "x")})
    assert same_bits(float("nan"), float("nan"))
    assert not same_bits(0.0, -0.0)
    assert not same_bits(1, 1.0)
    assert not same_bits(1, True)
    assert not same_bits({"a": 1}, {"b": 1})
    assert not same_bits([1], [1, 2])


def test_another_value_in_history_is_reported(bank: Path) -> None:
    """Were one amount of a card's past another one, replay from history would name decision, label and both values."""
    project = load_project(bank)
    with read_journal(project) as journal:
        record = next(e.record for e in journal.read(kinds=("decision",)) if isinstance(e.record, DecisionRecord))
        values, _ = batch_vectors(project, journal, [record])[0]
    assert same_bits(values, dict(record.vector))
    assert not same_bits({**values, "amount_now": values["amount_now"] + 1}, dict(record.vector))


def edit(path: Path, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, path.read_text("utf-8"), count=1)
    assert count == 1
    path.write_text(text, "utf-8")


CHANGED = {
    "labels": ("labels.py", r'(amount_max_90d = .*)"90d"', r'\1"91d"'),
    "decision": ("decisions/authorisation.dmn", r"&gt;= (\d+)</text>", "&gt;= 9\\1</text>"),
    "reasons": ("reasons.toml", "Several very small", "Several small"),
}


@pytest.mark.parametrize("source", ["vector", "history"])
@pytest.mark.parametrize("what", CHANGED)
def test_a_changed_definition_is_missed_by_name(bank: Path, what: str, source: str) -> None:
    """Edited, and the old version not kept: no other numbers, but the version by which the decision was taken."""
    shutil.rmtree(bank / ".tallystick/registry/definitions", ignore_errors=True)
    with read_journal(load_project(bank)) as journal:
        record = next(e.record for e in journal.read(kinds=("decision",)) if isinstance(e.record, DecisionRecord))
    file, pattern, new = CHANGED[what]
    edit(bank / file, pattern, new)
    with pytest.raises(StateError, match=f"{what} {record.versions[what][:12]}"):
        replay_decisions(load_project(bank), source)


def test_a_model_that_is_gone_is_missed_by_name(bank: Path) -> None:
    """The recorded model's file was removed: replay names it and uses no other."""
    stored = next((bank / ".tallystick/registry/card_fraud").glob("*.tally"))
    stored.unlink()
    with pytest.raises(StateError, match=stored.stem):
        replay_decisions(load_project(bank))


def test_a_touched_model_is_refused(bank: Path) -> None:
    """One bit of the stored model changed."""
    stored = next((bank / ".tallystick/registry/card_fraud").glob("*.tally"))
    damaged = bytearray(stored.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    stored.write_bytes(damaged)
    with pytest.raises(TamperError, match=stored.stem):
        replay_decisions(load_project(bank))


def test_a_renamed_flow_is_missed_by_name(bank: Path) -> None:
    """Decisions name the flow that took them."""
    flows = bank / "flows.toml"
    flows.write_text(flows.read_text("utf-8").replace("[authorise", "[authorize"), "utf-8")
    with pytest.raises(StateError, match="flow authorise"):
        replay_decisions(load_project(bank))


def test_a_newer_champion_leaves_old_decisions_alone(bank: Path) -> None:
    """A decision is replayed by the model that it names, whoever is champion now, and even when it was retired."""
    registry = load_project(bank).registry()
    registry.retire("card_fraud", registry.resolve("card_fraud"), by="Ann", at=1, comment="drift")
    found = replay_decisions(load_project(bank))
    assert (found.decisions, found.differing) == (300, 0)


def test_a_truncated_journal_is_refused(bank: Path) -> None:
    """Cut back to an earlier whole batch, the journal looks sound; the ledger's checkpoint knows better."""
    log = next((bank / ".tallystick/journal").glob("*.log"))
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    with pytest.raises(TamperError, match="lost frames that were signed"):
        replay_decisions(load_project(bank))


def test_erased_decisions_are_counted_apart(bank: Path, payment: Payment) -> None:
    """A customer was forgotten: her decisions cannot be replayed; those at other terminals come out bit for bit."""
    project = load_project(bank)
    with Desk(project) as desk:
        for number, who in ((1, "900001"), (2, "900001"), (3, "900003")):
            decide(desk, payment(number, customer_id=f"C{who}", card_id=f"K{who}", terminal_id=f"T{who}"))
    engine = connect(project.state / "state.db")
    assert forget(open_keys(project), engine, "customer_id=C900001")
    engine.dispose()
    for source in ("vector", "history"):
        found = replay_decisions(project, source)
        assert (found.decisions, found.erased, found.differing) == (301, 2, 0)
