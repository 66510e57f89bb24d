"""The page for those who write a verifier: its values are made by code, its program judges them as ours does."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import runpy
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.docs.reading import sections

from tallystick import ledger
from tallystick.core import canonical, jcs
from tallystick.desk.champion import Setting

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "verifier.md"
VALUES: dict[str, Any] = json.loads((ROOT / "docs" / "verifier-values.json").read_text("utf-8"))


def program() -> str:
    """The page's verifier: its one block of Python."""
    (block,) = [block for section in sections(PAGE) for block in section.blocks if block.language == "python"]
    return block.text


@pytest.fixture(scope="module")
def strange() -> dict[str, Any]:
    """The names of the page's program, which imports none of our code."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(program(), PAGE.name, "exec"), names)
    return names


def test_the_values_are_what_the_script_makes() -> None:
    written: str = runpy.run_path(str(ROOT / "scripts" / "verifier_values.py"))["page"]()
    assert (ROOT / "docs" / "verifier-values.json").read_text("utf-8") == written, "run: scripts/verifier_values.py"


def test_the_program_loads_none_of_our_code(tmp_path: Path) -> None:
    """In an empty folder, isolated: file and key in, record out."""
    (tmp_path / "verify.py").write_text(program(), "utf-8")
    (tmp_path / "proof.json").write_text(VALUES["holds"]["plain"], "utf-8")
    (tmp_path / "vkey").write_text(VALUES["vkey"], "utf-8")
    assert "tallystick." not in program().replace("tallystick-proof", "")
    command = [sys.executable, "-I", "verify.py", "proof.json", "vkey"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "decline" in done.stdout


@pytest.mark.parametrize("name", VALUES["holds"])
def test_what_holds_holds_for_both(strange: dict[str, Any], name: str) -> None:
    bundle = VALUES["holds"][name].encode()
    revealed = None if name == "hidden" else VALUES["payload"].encode()
    assert strange["verify"](bundle, VALUES["vkey"]) == revealed
    verdict = ledger.verify(bundle, [VALUES["vkey"]])
    assert verdict.ok
    assert verdict.payload == revealed


@pytest.mark.parametrize("name", VALUES["fails"])
def test_what_fails_fails_for_both(strange: dict[str, Any], name: str) -> None:
    bundle = VALUES["fails"][name].encode()
    assert bundle != VALUES["holds"]["plain"].encode()
    with pytest.raises(Exception, match=r"(?s).*"):
        strange["verify"](bundle, VALUES["vkey"])
    assert not ledger.verify(bundle, [VALUES["vkey"]]).ok


def test_both_judge_alike_whatever_is_changed(strange: dict[str, Any]) -> None:
    """A bit, a piece cut out, a piece put in: two verifiers, one answer.

    What a witness signed is nothing to a reader who does not know the witness: the cosigned proof has its own test.
    """
    chance, known = random.Random(11), sorted(set(VALUES["holds"]) - {"cosigned"})
    for _ in range(600):
        good = VALUES["holds"][chance.choice(known)].encode()
        at, length = chance.randrange(len(good)), chance.choice([0, 0, 1, 3, 20])
        put = bytes([good[at] ^ (1 << chance.randrange(8))]) if not length else chance.randbytes(chance.choice([0, 1]))
        bundle = good[:at] + put + good[at + max(length, 1) :]
        try:
            strange["verify"](bundle, VALUES["vkey"])
            held = True
        except Exception:  # noqa: BLE001
            held = False
        assert held is ledger.verify(bundle, [VALUES["vkey"]]).ok is (bundle == good)


def test_the_steps_between_are_those_of_the_page() -> None:
    """Digest, leaf hash, roots, path and checkpoint, computed as the page says, by nothing but a hash."""
    salt, payload, leaf = bytes.fromhex(VALUES["salt"]), VALUES["payload"].encode(), VALUES["leaf"].encode()
    assert VALUES["digest"] == "sha256:" + hashlib.sha256(salt + payload).hexdigest() == json.loads(leaf)["digest"]
    assert VALUES["leaf_hash"] == hashlib.sha256(b"\0" + leaf).hexdigest()

    def root(entries: list[bytes]) -> bytes:
        if not entries:
            return hashlib.sha256().digest()
        if len(entries) == 1:
            return hashlib.sha256(b"\0" + entries[0]).digest()
        half = 1
        while half * 2 < len(entries):
            half *= 2
        return hashlib.sha256(b"\1" + root(entries[:half]) + root(entries[half:])).digest()

    entries = [entry.encode() for entry in VALUES["entries"]]
    assert [root(entries[:size]).hex() for size in range(len(entries) + 1)] == VALUES["roots"]
    lines = VALUES["checkpoint"].split("\n")
    assert lines[:2] == ["bank.example/decisions", str(VALUES["size"])]
    assert base64.b64decode(lines[2]).hex() == VALUES["roots"][-1]
    assert PAGE.read_text("utf-8").count(lines[2]) == 1


def test_the_policy_holds_for_the_cosigned_checkpoint_alone() -> None:
    policy = ledger.parse_policy(VALUES["policy"].encode())
    verdict = ledger.verify(VALUES["holds"]["cosigned"].encode(), [VALUES["vkey"]], policy)
    assert verdict.ok
    assert verdict.witnesses == ("w0", "w1")
    assert not ledger.verify(VALUES["holds"]["plain"].encode(), [VALUES["vkey"]], policy).ok
    whole = VALUES["holds"]["cosigned"].encode()
    for at in range(0, len(whole), 3):
        changed = whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :]
        assert not ledger.verify(changed, [VALUES["vkey"]], policy).ok


def test_a_cosignature_is_over_what_the_page_says() -> None:
    """Line, id, time and text by hand."""
    text, _, lines = VALUES["checkpoint_cosigned"].rpartition("\n\n")
    for vkey, line in zip(VALUES["witness_vkeys"], lines.splitlines()[1:], strict=False):
        name, number, key = vkey.split("+", 2)
        dash, given, encoded = line.split(" ")
        raw = base64.b64decode(encoded)
        (time_s,) = struct.unpack(">Q", raw[4:12])
        assert (dash, given, raw[:4].hex()) == ("—", name, number)
        message = f"cosignature/v1\ntime {time_s}\n{text}\n".encode()
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:]).verify(raw[12:], message)


def test_the_version_of_a_setting_is_that_of_the_page() -> None:
    setting = Setting("a.dmn#A", {"a.dmn": "00"}, {"spend": "money(EUR)"}, {}, "UTC", "money(EUR)")
    content = jcs({name: getattr(setting, name) for name in Setting.__struct_fields__})
    whole = b'{"content":' + content + b',"kind":"setting","semantics":"1"}'
    assert whole == canonical({"content": setting, "kind": "setting", "semantics": 1})
    assert hashlib.sha256(whole).hexdigest() == setting.version
