"""Reconciliation: nothing may be missing, not even what somebody who holds every key took out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick import ledger
from tallystick.core import InputError, StateError, TamperError, parse_instant
from tallystick.desk import Desk, check_ledger, decide, differing, export_ledger, load_project, reconcile
from tallystick.desk.evidence import open_keys, open_log, read_journal, vkey_path
from tallystick.desk.journal import DecisionRecord, Evidence, Journal, extend_ledger
from tallystick.desk.project import Project
from tallystick.desk.reconcile import bounds_of

Payment = Callable[..., dict[str, Any]]
DAY = "2025-09-02"


@pytest.fixture
def project(bank: Path, payment: Payment) -> Project:
    """The bank with three more decisions on one day."""
    found = load_project(bank)
    with Desk(found) as desk:
        for number in (1, 2, 3):
            decide(desk, payment(number))
    return found


def without(project: Project, request_id: str) -> None:
    """What an insider does who holds all keys: write journal and ledger anew without one decision."""
    home, keys = project.state, open_keys(project)
    with read_journal(project) as journal:
        entries = list(journal.read())
    shutil.rmtree(home / "journal")
    shutil.rmtree(home / "ledger/tile")
    (home / "ledger/checkpoint").unlink()
    for path in home.glob("state.db*"):
        path.unlink()
    with Journal(home / "journal", keys) as journal, open_log(project, write=True) as log:
        for entry in entries:
            record = entry.record
            if isinstance(record, DecisionRecord) and entry.request_id != request_id:
                journal.append_decision(record, entry.subject, {"card_id", "customer_id", "device_id"}, {"card_id"})
            elif isinstance(record, Evidence):
                journal.append_evidence(record.kind, record.payload)
        journal.flush()
        extend_ledger(journal, log)
        log.checkpoint()


def test_a_day_that_agrees_is_recorded_as_a_leaf(project: Project) -> None:
    found = reconcile(project, DAY, {"payments": 3})
    assert found.holds
    (count,) = found.counts
    assert (count.stream, count.received, count.decisions, count.leaves) == ("payments", 3, 3, 3)
    with read_journal(project) as journal:
        last = list(journal.read())[-1]
    assert isinstance(last.record, Evidence)
    assert last.record.kind == "reconciliation"
    assert last.position == found.position
    checked = check_ledger(project)
    assert checked.holds
    assert checked.reconciled == (found,)
    assert checked.waiting == 0
    assert DAY not in checked.open_days
    assert len(checked.open_days) > 0


@pytest.mark.parametrize("received", [2, 4, 0])
def test_another_count_of_the_source_shows(project: Project, received: int) -> None:
    """A request without a decision, or a decision that nobody asked for: recorded as it is, and reported."""
    found = reconcile(project, DAY, {"payments": received})
    assert not found.holds
    assert str(received) in differing(found)[0].text()
    assert [fault.text("zh") for fault in check_ledger(project).faults] == [
        item.text("zh") for item in differing(found)
    ]
    assert reconcile(project, DAY, {"payments": 3}).holds
    assert check_ledger(project).holds


def test_a_decision_that_an_insider_took_out_is_missed(project: Project) -> None:
    """Journal, tree and signature are in order again; what was counted is not."""
    reconcile(project, DAY, {"payments": 3})
    without(project, "payments-90000002")
    with read_journal(project) as journal:
        assert all(entry.request_id != "payments-90000002" for entry in journal.read())
    found = check_ledger(project)
    assert not found.holds
    assert DAY in found.faults[0].text()
    assert "3 decisions were counted" in found.faults[0].text()


def test_a_decision_that_was_taken_out_before_is_missed_by_its_source(project: Project) -> None:
    without(project, "payments-90000002")
    assert check_ledger(project).holds
    assert not reconcile(project, DAY, {"payments": 3}).holds


def test_later_decisions_of_the_day_change_nothing_that_was_counted(project: Project, payment: Payment) -> None:
    """But the day is open again: nobody has said that the later ones are all."""
    reconcile(project, DAY, {"payments": 3})
    with Desk(load_project(project.root)) as desk:
        decide(desk, payment(4))
    found = check_ledger(project)
    assert (found.holds, DAY in found.open_days) == (True, True), (
        "but of the later ones nobody has said that they are all"
    )
    assert reconcile(project, DAY, {"payments": 4}).holds
    found = check_ledger(project)
    assert (len(found.reconciled), DAY in found.open_days) == (2, False)


def test_what_no_source_counted_is_recorded_so(project: Project) -> None:
    found = reconcile(project, DAY, {})
    assert found.holds
    assert found.counts[0].received is None


def test_a_strange_day_or_stream_is_refused_and_nothing_written(project: Project) -> None:
    before = {path: path.read_bytes() for path in (project.state / "journal").iterdir()}
    for day, received in (("2025-9-2", {}), ("tomorrow", {}), ("9999-12-31", {}), (DAY, {"loans": 3})):
        with pytest.raises(InputError):
            reconcile(project, day, received)
    assert {path: path.read_bytes() for path in (project.state / "journal").iterdir()} == before


@pytest.mark.parametrize("day", ["2999-01-01", "tomorrow"])
def test_a_day_that_has_not_begun_is_refused(project: Project, day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing could be counted of it, and it would be a reconciled day for ever; the day at hand can be."""
    today = parse_instant("2026-03-31T23:59:59.999999", project.zone)
    monkeypatch.setattr(import_module("tallystick.desk.reconcile"), "system_clock", lambda at: today)
    size = open_log(project).size
    with pytest.raises(InputError, match="has not begun in Europe/Berlin; allowed: 2026-03-31 or an earlier day"):
        reconcile(project, "2026-04-01" if day == "tomorrow" else day, {})
    assert open_log(project).size == size
    assert reconcile(project, "2026-03-31", {}).holds


def test_reconciling_beside_a_writer_is_refused(project: Project) -> None:
    with Desk(project), pytest.raises(StateError):
        reconcile(project, DAY, {"payments": 3})


@given(day=st.dates(), zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]))
def test_days_follow_each_other_and_begin_on_a_quarter(day: Any, zone: str) -> None:
    """No instant is of two days, and every border is one of the counts' own."""
    if not 1975 <= day.year <= 2100:
        return
    start, end = bounds_of(day.isoformat(), zone)
    assert 22 <= (end - start) / 3_600_000_000 <= 26
    assert start % 900_000_000 == end % 900_000_000 == 0


def test_an_export_is_a_log_of_its_own(project: Project, tmp_path: Path, payment: Payment) -> None:
    """Checked by a reader with the key; brought up to date; beside a writer too; and nothing secret in it."""
    home = tmp_path / "static"
    head = export_ledger(project, home)
    assert head.size == check_ledger(project).size
    assert (home / "vkey").read_bytes() == vkey_path(project).read_bytes()
    signer = ledger.Signer((project.state / "ledger/skey").read_text("ascii").strip())
    assert ledger.Log(home, signer.name, signer, write=False).check() == head.size
    assert not (home / "skey").exists()
    assert not (home / "lock").exists()
    with Desk(load_project(project.root)) as desk:
        decide(desk, payment(4))
        assert export_ledger(project, home).size == head.size
        desk.publish()
        decide(desk, payment(5))
        assert export_ledger(project, home).size == head.size + 1
    assert ledger.Log(home, signer.name, signer, write=False).check() == head.size + 1


def test_an_export_refuses_what_is_not_a_copy_of_this_log(project: Project, tmp_path: Path) -> None:
    home = tmp_path / "static"
    home.mkdir()
    (home / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(StateError):
        export_ledger(project, home)
    assert sorted(path.name for path in home.iterdir()) == ["notes.txt"]


@pytest.mark.parametrize("name", ["tile/0/000", "tile/entries/000", "tile/1/000.p/1", "checkpoint"])
def test_an_export_of_a_touched_log_is_refused(project: Project, tmp_path: Path, name: str) -> None:
    """One bit of any file: no checkpoint is given out for what does not lead to it."""
    path = project.state / "ledger" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(TamperError):
        export_ledger(project, tmp_path / "static")
    assert not (tmp_path / "static/checkpoint").exists()


def test_a_check_writes_nothing(project: Project) -> None:
    reconcile(project, DAY, {"payments": 3})
    before = {path: path.read_bytes() for path in (project.state / "ledger").rglob("*") if path.is_file()}
    check_ledger(project)
    after = {path: path.read_bytes() for path in (project.state / "ledger").rglob("*") if path.is_file()}
    assert after == before


def test_a_later_count_without_the_source_keeps_what_it_said(project: Project) -> None:
    """Counting a day again without --received does not wipe out that five requests came and three were answered."""
    assert not reconcile(project, DAY, {"payments": 5}).holds
    assert reconcile(project, DAY, {}).holds
    assert any("5 requests received" in fault.text() for fault in check_ledger(project).faults)
    assert reconcile(project, DAY, {"payments": 3}).holds
    assert check_ledger(project).faults == ()
