"""A proof that carries its decision: taken again from the file alone, and refused when anything in it is another."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tallystick import ledger
from tallystick.core import InputError, StateError, TamperError, jcs
from tallystick.desk import Desk, decide, load_project, prove_decision, rescore
from tallystick.desk.carry import MODEL, SETTING, TABLES
from tallystick.desk.journal import DecisionRecord
from tallystick.desk.project import Project

Payment = Callable[..., dict[str, Any]]
FIRST = f"{TABLES}authorisation.dmn"


@pytest.fixture
def project(bank: Path, payment: Payment) -> Project:
    """The bank with one more decision, `payments-90000001`."""
    found = load_project(bank)
    with Desk(found) as desk:
        decide(desk, payment(1))
    return found


@pytest.fixture
def proof(project: Project, tmp_path: Path) -> tuple[bytes, list[str]]:
    """A proof that carries its decision, and the key; the project is gone."""
    key = prove_decision(project, "payments-90000001", tmp_path / "proof.json", rescore=True).read_text("ascii")
    project.root.rename(tmp_path / "gone")
    return (tmp_path / "proof.json").read_bytes(), [key]


def repacked(bundle: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The bundle with other files, packed as a forger would: every digest of the file itself fits again."""
    document = json.loads(bundle)
    files = {file["name"]: base64.b64decode(file["data"]) for file in document["files"]}
    change(files)
    document["files"] = [
        {
            "name": name,
            "sha256": hashlib.sha256(name.encode() + b"\0" + data).hexdigest(),
            "data": base64.b64encode(data).decode(),
        }
        for name, data in sorted(files.items())
    ]
    return jcs(document) + b"\n"


def test_a_decision_is_taken_again_from_its_proof_alone(proof: tuple[bytes, list[str]]) -> None:
    """Without the project, every value of score, result and reasons comes out as recorded."""
    found = rescore(*proof)
    assert found.fault is None
    assert found.ok
    assert found.differences == ()
    assert found.compared > 5
    assert found.outcome in ("approve", "step-up", "decline")
    assert sorted(found.verdict.files) == [FIRST, MODEL, SETTING]


def test_recorded_decisions_of_the_bank_are_taken_again(bank: Path, tmp_path: Path) -> None:
    """Ten of those that `tally run` took, with all kinds of outcomes and missing labels."""
    project = load_project(bank)
    with Desk(project) as desk:
        records = [e for e in desk.journal.read(kinds=("decision",)) if isinstance(e.record, DecisionRecord)]
    for entry in records[::30]:
        key = prove_decision(project, entry.request_id, tmp_path / "proof.json", rescore=True)
        found = rescore((tmp_path / "proof.json").read_bytes(), [key.read_text("ascii")])
        assert found.ok, (found.fault, found.differences)


def test_no_flipped_byte_of_a_carrying_proof_holds(proof: tuple[bytes, list[str]]) -> None:
    """Two hundred places, one bit each: the proof itself is refused already."""
    whole, vkeys = proof
    chance = random.Random(7)
    for place in chance.sample(range(len(whole)), 200):
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        assert not ledger.verify(bytes(changed), vkeys).ok
        assert not rescore(bytes(changed), vkeys).ok


@pytest.mark.parametrize("name", [FIRST, MODEL, SETTING])
def test_a_repacked_file_is_refused(proof: tuple[bytes, list[str]], name: str) -> None:
    """A forger who fits every digest of the file still has the version in the record against him: any one bit."""
    whole, vkeys = proof
    chance = random.Random(name)
    size = len(json.loads(whole)["files"])
    assert size == 3
    for _ in range(40):

        def change(files: dict[str, bytes]) -> None:
            data = bytearray(files[name])
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            files[name] = bytes(data)

        changed = repacked(whole, change)
        assert ledger.verify(changed, vkeys).ok
        found = rescore(changed, vkeys)
        assert not found.ok
        assert isinstance(found.fault, TamperError)
        assert found.fault.text("zh")


def test_a_comment_in_the_tables_is_refused_too(proof: tuple[bytes, list[str]]) -> None:
    """What means nothing changes no version of the decision; but the setting names the bytes of its tables."""
    whole, vkeys = proof

    def comment(files: dict[str, bytes]) -> None:
        files[FIRST] = files[FIRST].rstrip() + b"<!-- approved by the board -->\n"

    found = rescore(repacked(whole, comment), vkeys)
    assert isinstance(found.fault, TamperError)
    assert FIRST in found.fault.text()


@pytest.mark.parametrize("missing", [FIRST, MODEL, SETTING])
def test_a_missing_file_and_one_too_many_are_refused(proof: tuple[bytes, list[str]], missing: str) -> None:
    whole, vkeys = proof
    for change in (lambda files: files.pop(missing), lambda files: files.update({"more": b"x"})):
        found = rescore(repacked(whole, change), vkeys)
        assert isinstance(found.fault, TamperError)
        assert MODEL in found.fault.text()


def test_another_reading_of_the_same_values_is_refused(proof: tuple[bytes, list[str]]) -> None:
    """A setting in which cents are whole units has another version than the record names."""
    whole, vkeys = proof

    def cents(files: dict[str, bytes]) -> None:
        setting = json.loads(files[SETTING])
        name = next(name for name, kind in setting["labels"].items() if kind.startswith("money"))
        setting["labels"][name] = "integer"
        files[SETTING] = jcs(setting)

    found = rescore(repacked(whole, cents), vkeys)
    assert isinstance(found.fault, TamperError)
    assert SETTING in found.fault.text()


def test_a_record_that_was_not_computed_so_is_found_out(project: Project, payment: Payment, tmp_path: Path) -> None:
    """The bank itself journals another outcome than its model and tables give: the proof holds, the decision not."""
    with Desk(project) as desk:
        request = desk.admit(desk.receive(payment(2)))
        record = desk.recorded("payments-90000001").record
        assert isinstance(record, DecisionRecord)
        result = {**record.result, "outcome": "approve by friendship"}
        false = msgspec.structs.replace(record, request_id=request.id, fact=request.fact, result=result)
        desk.append(request, false)
        desk.commit()
    key = prove_decision(project, request.id, tmp_path / "proof.json", rescore=True)
    found = rescore((tmp_path / "proof.json").read_bytes(), [key.read_text("ascii")])
    assert found.verdict.ok
    assert not found.ok
    assert "result.outcome" in [difference.what for difference in found.differences]
    shown = next(item for item in found.differences if item.what == "result.outcome")
    assert shown.recorded == '"approve by friendship"'


def test_a_proof_without_files_and_one_of_another_leaf_say_so(project: Project, tmp_path: Path) -> None:
    key = prove_decision(project, "payments-90000001", tmp_path / "proof.json").read_text("ascii")
    found = rescore((tmp_path / "proof.json").read_bytes(), [key])
    assert found.verdict.ok
    assert isinstance(found.fault, InputError)
    assert "--rescore" in found.fault.text()
    skey, vkey = ledger.generate_key("bank.example/log")
    with ledger.Log(tmp_path / "log", "bank.example/log", ledger.Signer(skey)) as log:
        entry = ledger.leaf("model approval", b"{}", bytes(ledger.SALT_BYTES))
        log.append([entry])
        bundle = ledger.make_bundle(entry, log.prove(0), log.checkpoint(), b"{}", bytes(ledger.SALT_BYTES))
    assert isinstance(rescore(bundle, [vkey]).fault, InputError)


def test_a_currency_that_changed_is_missed_by_name(project: Project, tmp_path: Path) -> None:
    """The record names the setting it was taken in: with another one the project cannot pretend."""
    settings = project.root / "tallystick.toml"
    changed, count = re.subn('currency = "EUR"', 'currency = "USD"', settings.read_text("utf-8"))
    assert count == 1
    settings.write_text(changed, "utf-8")
    with pytest.raises(StateError, match="setting"):
        prove_decision(load_project(project.root), "payments-90000001", tmp_path / "proof.json", rescore=True)


def test_tables_with_another_layout_prove_old_decisions_still(project: Project, tmp_path: Path) -> None:
    """Only a comment was added to the tables: what was decided is proved with the file of its time."""
    tables = project.root / "decisions/authorisation.dmn"
    before = tables.read_bytes()
    tables.write_bytes(before.rstrip() + b"\n<!-- moved -->\n")
    key = prove_decision(load_project(project.root), "payments-90000001", tmp_path / "proof.json", rescore=True)
    found = rescore((tmp_path / "proof.json").read_bytes(), [key.read_text("ascii")])
    assert found.ok
    assert found.verdict.files[FIRST] == before
