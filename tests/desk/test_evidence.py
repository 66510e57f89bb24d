"""Evidence: what was decided can be proved to a stranger, and what was touched is found."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sql
from tests.desk.test_turns import team as team

from tallystick import ledger
from tallystick.core import InputError, StateError, TamperError
from tallystick.desk import Desk, check_log, decide, evidence, load_project, log_key, prove_decision
from tallystick.desk.access import publish_accesses
from tallystick.desk.evidence import open_keys, open_log, read_journal, sign_log, writing
from tallystick.desk.forget import forget_subject
from tallystick.desk.index import find_decision, forget, update_index
from tallystick.desk.journal import DecisionRecord, Journal, extend_ledger
from tallystick.desk.project import Project
from tallystick.desk.replay import replay_decisions
from tallystick.store.sql import connect

Payment = Callable[..., dict[str, Any]]
TALLY = (sys.executable, "-c", "from tallystick.cli import main; main()")


@pytest.fixture
def project(bank: Path, payment: Payment) -> Project:
    """The bank with one more decision, `payments-90000001`."""
    found = load_project(bank)
    with Desk(found) as desk:
        decide(desk, payment(1))
    return found


def flip(path: Path, at: int | None = None) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


def check(project: Project) -> int:
    with read_journal(project) as journal:
        return check_log(project, journal).failed


def test_a_stranger_verifies_with_file_and_key_alone(project: Project, tmp_path: Path) -> None:
    """In an empty folder, with no project and no state: the proof holds, and shows the decision."""
    away = tmp_path / "elsewhere"
    away.mkdir()
    key = prove_decision(project, "payments-90000001", away / "proof.json")
    (away / "vkey").write_bytes(key.read_bytes())
    project.root.rename(tmp_path / "gone")
    command = [*TALLY, "verify", "proof.json", "--vkey", "vkey", "--json", "verdict.json"]
    done = subprocess.run(command, cwd=away, capture_output=True, text=True, env={"PATH": os.defpath}, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VERIFIED")
    verdict = json.loads((away / "verdict.json").read_text("utf-8"))
    assert verdict["checks"] == ["form", "signature", "inclusion", "payload"]
    payload = json.loads(verdict["payload"])
    assert payload["request_id"] == "payments-90000001"
    assert payload["fact"]["fields"]["card_id"] == "K900001"


def test_no_flipped_byte_of_a_proof_verifies(project: Project, tmp_path: Path) -> None:
    """Two hundred places, one bit each."""
    key = prove_decision(project, "payments-90000001", tmp_path / "proof.json")
    vkeys, whole = [key.read_text("ascii")], (tmp_path / "proof.json").read_bytes()
    assert ledger.verify(whole, vkeys).ok
    chance = random.Random(7)
    for place in chance.sample(range(len(whole)), 200):
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        assert not ledger.verify(bytes(changed), vkeys).ok


def test_another_banks_key_does_not_verify(project: Project, tmp_path: Path) -> None:
    """A key of the same name, made by someone else."""
    prove_decision(project, "payments-90000001", tmp_path / "proof.json")
    _, vkey = ledger.generate_key("tallystick.example/card-payments")
    assert not ledger.verify((tmp_path / "proof.json").read_bytes(), [vkey]).ok


def test_an_unknown_decision_is_refused_with_the_nearest(project: Project, tmp_path: Path) -> None:
    """A slip of the pen gets a hint, and no file is written."""
    with pytest.raises(InputError, match="payments-90000001"):
        prove_decision(project, "payments-9000001", tmp_path / "proof.json")
    assert not (tmp_path / "proof.json").exists()


def test_every_proof_of_the_log_holds(project: Project) -> None:
    """The opening, two steps of the model's life and 301 decisions."""
    with read_journal(project) as journal:
        found = check_log(project, journal)
    assert (found.size, found.proofs, found.failed) == (306, 306, 0)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"])
def test_a_touched_file_of_the_ledger_is_named(project: Project, name: str) -> None:
    """Checkpoint, hashes or entries: one bit changed, and the check says where in the ledger.

    Entries, hashes and journal vouch for each other, so the place is that of the pair that was compared first.
    """
    flip(project.state / "ledger" / name)
    with pytest.raises(TamperError, match=str(project.state / "ledger")):
        check(project)


def test_a_missing_tile_is_named(project: Project) -> None:
    """A file of the ledger was deleted."""
    (project.state / "ledger/tile/entries/000").unlink()
    with pytest.raises(TamperError, match="entries"):
        check(project)


def test_a_touched_checkpoint_stops_the_desk(project: Project) -> None:
    """No decision is taken on top of a ledger whose signature does not hold."""
    flip(project.state / "ledger/checkpoint", -10)
    with pytest.raises(TamperError, match="checkpoint"):
        Desk(project)


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.8])
def test_a_touched_journal_is_refused_by_all(project: Project, tmp_path: Path, share: float) -> None:
    """One bit anywhere: the desk does not open, nothing is proved, the file is named."""
    log = next((project.state / "journal").glob("*.log"))
    flip(log, int(log.stat().st_size * share))
    before = log.read_bytes()
    for use in (
        lambda: Desk(project),
        lambda: prove_decision(project, "payments-90000001", tmp_path / "proof.json"),
        lambda: check(project),
    ):
        with pytest.raises(TamperError, match=log.name):
            use()
    assert log.read_bytes() == before


def test_a_journal_cut_below_the_checkpoint_is_refused_by_all(project: Project, tmp_path: Path) -> None:
    """Its end is gone at a whole batch, which recovery alone would take for sound."""
    log = next((project.state / "journal").glob("*.log"))
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    for use in (
        lambda: Desk(project),
        lambda: prove_decision(project, "payments-90000001", tmp_path / "proof.json"),
        lambda: check(project),
    ):
        with pytest.raises(TamperError, match="lost frames that were signed"):
            use()


def test_the_ledger_is_made_again_from_the_journal(project: Project, tmp_path: Path) -> None:
    """Tiles and state table deleted, key kept: proofs hold as before."""
    (project.state / "state.db").unlink()
    root = (project.state / "ledger/checkpoint").read_text("utf-8").splitlines()[2]
    (project.state / "ledger/checkpoint").unlink()
    key = prove_decision(project, "payments-90000001", tmp_path / "proof.json")
    assert ledger.verify((tmp_path / "proof.json").read_bytes(), [key.read_text("ascii")]).ok
    assert (project.state / "ledger/checkpoint").read_text("utf-8").splitlines()[2] == root


def test_a_forgotten_customer_is_erased_and_the_log_still_holds(
    project: Project, tmp_path: Path, payment: Payment
) -> None:
    """Her record is in no proof any more, that a decision was taken is; her old proof holds, and every leaf's does."""
    key = prove_decision(project, "payments-90000001", tmp_path / "before.json")
    forget_subject(project, "C900001", "asked")
    engine = connect(project.state / "state.db")
    assert find_decision(engine, "payments-90000001") is None
    with engine.connect() as connection:
        (erased,) = connection.exec_driver_sql("select request_id from decisions where subject = ''").scalars()
    engine.dispose()
    assert erased.startswith("erased-")
    with pytest.raises(InputError, match="no decision"):
        prove_decision(project, "payments-90000001", tmp_path / "after.json")
    with pytest.raises(StateError, match="was erased"):
        prove_decision(project, erased, tmp_path / "after.json", rescore=True)
    assert not (tmp_path / "after.json").exists()
    prove_decision(project, erased, tmp_path / "after.json")
    after = ledger.verify((tmp_path / "after.json").read_bytes(), [key.read_text("ascii")])
    assert (after.ok, after.payload, after.checks) == (True, None, ("form", "signature", "inclusion"))
    assert ledger.verify((tmp_path / "before.json").read_bytes(), [key.read_text("ascii")]).ok
    assert check(project) == 0
    journal = b"".join(path.read_bytes() for path in (project.state / "journal").glob("*.log"))
    for secret in (b"C900001", b"K900001", b"payments-90000001"):
        assert secret not in journal
    with Desk(project) as desk, pytest.raises(InputError, match="recorded"):
        decide(desk, payment(1))


def snapshot(project: Project) -> dict[str, bytes]:
    """Every file of the ledger, with its bytes."""
    folder = project.state / "ledger"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_reading_writes_nothing(project: Project, tmp_path: Path) -> None:
    """A proof of a published decision, a replay and the whole check leave every file of the ledger as it was."""
    before = snapshot(project)
    prove_decision(project, "payments-90000001", tmp_path / "proof.json")
    replay_decisions(project)
    assert check(project) == 0
    assert snapshot(project) == before


def test_a_decision_is_proved_once_its_writer_published_it(project: Project, tmp_path: Path, payment: Payment) -> None:
    """Beside a writer: what is signed is proved, what is not waits, what is unknown is unknown."""
    with Desk(project) as desk:
        decide(desk, payment(2))
        before = snapshot(project)
        with pytest.raises(StateError, match="not yet published"):
            prove_decision(project, "payments-90000002", tmp_path / "proof.json")
        with pytest.raises(InputError, match="no decision"):
            prove_decision(project, "payments-90000009", tmp_path / "proof.json")
        prove_decision(project, "payments-90000001", tmp_path / "proof.json")
        assert check(project) == 0
        assert snapshot(project) == before
        desk.publish()
        prove_decision(project, "payments-90000002", tmp_path / "proof.json")


def test_a_crashed_writers_decision_is_published_by_its_proof(
    project: Project, tmp_path: Path, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed, never signed: asking for the proof signs it."""
    with monkeypatch.context() as patch:
        patch.setattr(Desk, "publish", lambda self, *wait: 0)
        with Desk(project) as desk:
            decide(desk, payment(2))
    key = prove_decision(project, "payments-90000002", tmp_path / "proof.json")
    assert ledger.verify((tmp_path / "proof.json").read_bytes(), [key.read_text("ascii")]).ok
    assert check(project) == 0


def test_a_state_table_of_another_journal_is_refused(project: Project, tmp_path: Path) -> None:
    """It names a frame that holds another decision: no proof is written under the wrong name."""
    engine = connect(project.state / "state.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("update decisions set request_id = 'moved' where request_id = 'payments-90000001'")
        connection.exec_driver_sql("update decisions set request_id = 'payments-90000001' where leaf_index = 9")
    engine.dispose()
    with pytest.raises(TamperError, match=r"delete state\.db"):
        prove_decision(project, "payments-90000001", tmp_path / "proof.json")
    assert not (tmp_path / "proof.json").exists()


def test_a_forgotten_customer_changes_no_label_of_others(project: Project) -> None:
    """Every other decision is recomputed bit for bit from a history in which she left stand-ins."""
    with read_journal(project) as journal:
        subjects = [entry.subject for entry in journal.read(kinds=("decision",))]
    engine = connect(project.state / "state.db")
    keys = open_keys(project)
    for subject in dict.fromkeys(subjects[:40]):
        assert forget(keys, engine, subject)
    engine.dispose()
    found = replay_decisions(project, "history")
    assert found.erased >= 40
    assert (found.decisions + found.erased, found.differing) == (301, 0)


def test_a_record_without_its_setting_is_proved_and_carries_nothing(project: Project, tmp_path: Path) -> None:
    """As an earlier release recorded it: the proof holds, and why it cannot be taken again is said."""
    with writing(project) as (journal, log):
        (whole,) = (e.record for e in journal.read() if e.request_id == "payments-90000001")
        assert isinstance(whole, DecisionRecord)
        versions = {name: version for name, version in whole.versions.items() if name != "setting"}
        journal.append_decision(msgspec.structs.replace(whole, request_id="earlier", versions=versions), "C9")
        journal.flush()
        extend_ledger(journal, log)
        sign_log(project, log)
        engine = connect(project.state / "state.db")
        update_index(journal, engine)
        engine.dispose()
    with pytest.raises(StateError, match="by an earlier release"):
        prove_decision(project, "earlier", tmp_path / "proof.json", rescore=True)
    assert not (tmp_path / "proof.json").exists()
    key = prove_decision(project, "earlier", tmp_path / "proof.json")
    assert ledger.verify((tmp_path / "proof.json").read_bytes(), [key.read_text("ascii")]).ok


def test_two_that_start_first_have_one_key(definitions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that comes later takes the key of the other, and `vkey` is that of `skey`."""
    project, first = load_project(definitions), []
    real = ledger.generate_key

    def late(name: str, kind: ledger.KeyKind) -> tuple[str, str]:
        monkeypatch.setattr(ledger, "generate_key", real)
        first.append(log_key(project))
        return real(name, kind)

    monkeypatch.setattr(ledger, "generate_key", late)
    assert [log_key(project)] == first
    folder = project.state / "ledger"
    assert ledger.Signer((folder / "skey").read_text("ascii").strip()).verifier.vkey == first[0]
    assert ((folder / "skey").stat().st_mode & 0o777, list(folder.glob(".skey*"))) == (0o600, [])
    for text in ("another\n", None):
        if text is None:
            (folder / "vkey").unlink()
        else:
            (folder / "vkey").write_text(text, "ascii")
        assert log_key(project) == first[0]


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("left", ["checkpoint", "vkey"])
def test_a_log_without_its_secret_key_gets_no_other(bank: Path, left: str, write: bool) -> None:
    """Neither a reader nor a writer makes one; what is left stays as it is."""
    project = load_project(bank)
    folder = project.state / "ledger"
    for name in {"checkpoint", "vkey", "skey"} - {left}:
        (folder / name).unlink()
    before = (folder / left).read_bytes()
    for _ in range(2):
        with pytest.raises(StateError, match=f"{left}.*Restore the secret key") as caught:
            open_log(project, write=write)
        assert caught.value.code == "ledger.secret"
        (folder / "skey").write_text("", "ascii")
    assert (folder / left).read_bytes() == before


def test_a_proof_in_a_team_publishes_in_its_turn(
    team: Project, payment: Payment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else can give an access its leaf between the look at the state table and this one's leaf."""
    turns = list[bool]()

    def noted(project: Project, journal: Journal, index: sql.Engine) -> int:
        turns.append(journal.turn)
        return publish_accesses(project, journal, index)

    monkeypatch.setattr(evidence, "publish_accesses", noted)
    with Desk(team) as desk:
        answer = decide(desk, payment(1))
        prove_decision(team, answer.id, tmp_path / "proof.json", by="Ann")
        decide(desk, payment(2))
    assert turns == [True]
