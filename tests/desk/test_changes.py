"""Leaves of changed definitions and of who read a record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.core import InputError, TamperError
from tallystick.desk import Desk, access, decide, load_project, prove_decision
from tallystick.desk.access import ACCESS, Access, accesses, note_access
from tallystick.desk.changes import LABELS, POLICY, publish_changes
from tallystick.desk.evidence import check_log
from tallystick.desk.index import update_index
from tallystick.desk.journal import Evidence
from tallystick.desk.openlog import read_journal, writing
from tallystick.desk.project import Project
from tallystick.store.sql import connect

Payment = Callable[..., dict[str, Any]]


def leaves(bank: Path, kind: str) -> list[dict[str, Any]]:
    """The payloads of a kind of evidence, in order."""
    with read_journal(load_project(bank)) as journal:
        records = [entry.record for entry in journal.read(kinds=("evidence",))]
    return [{**record.payload} for record in records if isinstance(record, Evidence) and record.kind == kind]


def test_what_stands_at_the_opening_is_a_leaf_and_so_is_every_change(bank: Path) -> None:
    """Nothing changed, no leaf; a label's window and a word of a letter changed, one leaf each that names them."""
    before = len(leaves(bank, LABELS)), len(leaves(bank, POLICY))
    with Desk(load_project(bank)):
        pass
    assert (len(leaves(bank, LABELS)), len(leaves(bank, POLICY))) == before == (1, 1)
    project = load_project(bank)
    assert leaves(bank, LABELS)[0]["stands"] == dict(project.library.versions)
    files = leaves(bank, POLICY)[0]["stands"]
    assert files["flows.toml"] == hashlib.sha256((bank / "flows.toml").read_bytes()).hexdigest()
    assert any(name.endswith(".dmn") for name in files)
    flows, retention = bank / "flows.toml", bank / "retention.toml"
    flows.write_text(flows.read_text("utf-8") + "\n# looked through\n", "utf-8")
    retention.write_text('[payments]\nkeep = "5y"\n', "utf-8")
    with Desk(load_project(bank)):
        pass
    assert leaves(bank, POLICY)[-1]["changed"] == ["flows.toml", "retention.toml"]
    retention.unlink()
    with Desk(load_project(bank)):
        pass
    assert leaves(bank, POLICY)[-1]["changed"] == ["retention.toml"]
    assert "retention.toml" not in leaves(bank, POLICY)[-1]["stands"]
    assert len(leaves(bank, LABELS)) == 1
    with read_journal(project) as journal:
        assert check_log(project, journal).failed == 0


def test_a_changed_label_is_named(bank: Path) -> None:
    """Of labels that read a longer window, and those made of them; the others stand with their versions."""
    path = bank / "labels.py"
    path.write_text(path.read_text("utf-8").replace('over("90d")', 'over("91d")'), "utf-8")
    changed = load_project(bank)
    index = connect(changed.state / "state.db")
    with writing(changed) as (journal, _):
        update_index(journal, index)
        assert publish_changes(changed, journal, index) == 1
        journal.flush()
    index.dispose()
    first, last = (leaf["stands"] for leaf in leaves(bank, LABELS))
    other = [name for name in sorted(first) if first[name] != last[name]]
    assert "amount_max_90d" in other
    assert "payments_30d" not in other
    assert leaves(bank, LABELS)[-1]["changed"] == other


def test_who_read_a_record_is_noted_first_and_then_a_leaf(
    bank: Path, payment: Payment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whom, what for, which frame; beside an open desk too, whose next opening publishes it."""
    project = load_project(bank)
    with Desk(project) as desk:
        answer = decide(desk, payment(1))
        desk.publish()
        prove_decision(project, answer.id, tmp_path / "proof.json", by="Ann", purpose="complaint 12")
        assert [(one.by, one.action, one.position, one.purpose) for one in accesses(project)] == [
            ("Ann", "prove", answer.position, "complaint 12")
        ]
        assert leaves(bank, ACCESS) == []
    with Desk(project):
        pass
    (leaf,) = leaves(bank, ACCESS)
    assert (leaf["number"], leaf["access"]["by"]) == (0, "Ann")
    note_access(project, Access("Bo", 5, "prove", answer.position))
    note_access(project, Access("Cy", 6, "prove", answer.position))
    with Desk(project):
        pass
    assert [one["access"]["by"] for one in leaves(bank, ACCESS)] == ["Ann", "Bo", "Cy"]
    read: list[int] = []
    real = access.accesses

    def counted(project: Project, start: int = 0) -> tuple[Access, ...]:
        read.append(len(found := real(project, start)))
        return found

    monkeypatch.setattr(access, "accesses", counted)
    with Desk(project):
        pass
    assert read == [1], "those that have their leaf are not read at every opening"
    assert len(leaves(bank, ACCESS)) == 3


def test_the_purpose_of_a_proof_does_not_name_the_person(bank: Path, payment: Payment, tmp_path: Path) -> None:
    """It would be a leaf for ever, forgotten or not: neither a note nor a proof is written."""
    project = load_project(bank)
    with Desk(project) as desk:
        answer = decide(desk, payment(1))
    path, subject = tmp_path / "proof.json", payment(1)["customer_id"]
    for words in ({"purpose": f"complaint of {subject}"}, {"by": subject}):
        with pytest.raises(InputError, match=subject) as caught:
            prove_decision(project, answer.id, path, **words)
        assert caught.value.code == "forget.reason"
    assert (path.exists(), accesses(project)) == (False, ())
    prove_decision(project, answer.id, path, by="Ann", purpose=f"payments, file {subject}0")
    assert [one.by for one in accesses(project)] == ["Ann"]


def test_a_note_that_was_taken_out_is_found(bank: Path, payment: Payment, tmp_path: Path) -> None:
    """Whoever deletes the notes cannot delete the leaf."""
    project = load_project(bank)
    with Desk(project) as desk:
        answer = decide(desk, payment(1))
    prove_decision(project, answer.id, tmp_path / "proof.json", by="Ann")
    with Desk(project):
        pass
    for path in (project.state / "access").glob("*.log"):
        path.unlink()
    note_access(project, Access("Bo", 5, "prove", answer.position))
    with pytest.raises(TamperError, match="access"):
        Desk(project)


def test_an_access_whose_leaf_the_journal_does_not_have_is_told(bank: Path, payment: Payment, tmp_path: Path) -> None:
    project = load_project(bank)
    with Desk(project) as desk:
        answer = decide(desk, payment(1))
    prove_decision(project, answer.id, tmp_path / "proof.json", by="Ann")
    with Desk(project):
        pass
    index = connect(project.state / "state.db")
    with index.begin() as connection:
        connection.exec_driver_sql("update last_evidence set position = 1000000 where kind = 'data access'")
    index.dispose()
    with pytest.raises(TamperError) as caught:
        Desk(project)
    assert caught.value.code == "index.leaf"
