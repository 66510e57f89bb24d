"""Proof files: what a stranger checks offline."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tallystick.core import InputError, jcs
from tallystick.ledger import InclusionProof, Log, Signer, generate_key, leaf, make_bundle, open_checkpoint, verify

_NAME = "bank.example/log"
_SIGNER = Signer(generate_key(_NAME)[0])
_VKEYS = [_SIGNER.verifier.vkey]
_PAYLOAD, _SALT = b'{"outcome":"decline"}', bytes(range(32))
_LEAF = leaf("decision", _PAYLOAD, _SALT, {"position": "3"})


def _bundle(folder: Path, revealed: bool = True, size: int = 11, made: bytes = _LEAF) -> bytes:
    with Log(folder, _NAME, _SIGNER) as log:
        log.append([b"%d" % number if number != 3 else made for number in range(size)])
        checkpoint = log.checkpoint()
        return make_bundle(made, log.prove(3), checkpoint, *((_PAYLOAD, _SALT) if revealed else ()))


def test_a_good_proof_says_what_it_proves(tmp_path: Path) -> None:
    verdict = verify(_bundle(tmp_path), _VKEYS)
    assert verdict.ok
    assert (verdict.origin, verdict.size, verdict.index) == (_NAME, 11, 3)
    assert verdict.payload == _PAYLOAD
    assert json.loads(verdict.leaf) == {
        "digest": "sha256:" + hashlib.sha256(_SALT + _PAYLOAD).hexdigest(),
        "kind": "decision",
        "position": "3",
    }
    assert verdict.checks == ("form", "signature", "inclusion", "payload")


def test_a_proof_that_reveals_nothing_still_verifies(tmp_path: Path) -> None:
    """After forgetting, the leaf alone is proven."""
    bundle = _bundle(tmp_path, revealed=False)
    verdict = verify(bundle, _VKEYS)
    assert verdict.ok
    assert verdict.payload is None
    assert verdict.checks == ("form", "signature", "inclusion")
    assert b"outcome" not in bundle


def test_every_changed_byte_fails(tmp_path: Path) -> None:
    """Whatever byte of the file is changed, cut or added, the verdict is no, says why, and gives nothing out."""
    bundle = _bundle(tmp_path)
    for at in range(len(bundle)):
        for changed in (
            bundle[:at] + bytes([bundle[at] ^ 0x01]) + bundle[at + 1 :],
            bundle[:at] + bytes([bundle[at] ^ 0x20]) + bundle[at + 1 :],
            bundle[:at] + bundle[at + 1 :],
            bundle[:at] + b" " + bundle[at:],
        ):
            verdict = verify(changed, _VKEYS)
            assert not verdict.ok
            assert verdict.fault is not None
            assert verdict.fault.text("zh")
            assert (verdict.payload, verdict.leaf, verdict.size) == (None, "", 0)
    assert not verify(bundle + b"\n", _VKEYS).ok


def test_the_inner_text_is_a_plain_tlog_proof(tmp_path: Path) -> None:
    """The inner proof is C2SP tlog-proof: first line, index, hashes, blank line, checkpoint; other tools read it."""
    text = json.loads(_bundle(tmp_path))["tlog_proof"]
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 3"]
    assert len(lines) == 2 + 4
    assert open_checkpoint(note.encode(), [_SIGNER.verifier]).size == 11


def test_another_payload_or_salt_fails(tmp_path: Path) -> None:
    """A payload that was not recorded fails, also one that borrows bytes of the salt."""
    document = json.loads(_bundle(tmp_path))
    for field, value in (
        ("payload", "e30="),
        ("salt", bytes(32).hex()),
        ("salt", _SALT[:31].hex()),
        ("salt", _SALT.hex().upper()),
        ("salt", None),
        ("payload", None),
        ("format", "tallystick-proof@2"),
        ("leaf", 7),
    ):
        assert not verify(jcs({**document, field: value}) + b"\n", _VKEYS).ok
    assert not verify(jcs({**document, "more": 1}) + b"\n", _VKEYS).ok


@pytest.mark.parametrize("made", [b"text", b"[1]", b'{"digest":7}', b"[" * 50_000])
def test_an_entry_that_is_no_leaf_proves_no_payload(tmp_path: Path, made: bytes) -> None:
    verdict = verify(_bundle(tmp_path, made=made), _VKEYS)
    assert not verdict.ok
    assert verdict.fault is not None
    assert verdict.fault.code == "leaf.form"


@pytest.mark.parametrize("junk", [b"", b"{}", b"\xff\xfe", b"null", b"[" * 100_000, b'{"format":"\\ud800"}', b"PK\3\4"])
def test_what_is_no_proof_file_gets_a_verdict(junk: bytes) -> None:
    verdict = verify(junk, _VKEYS)
    assert not verdict.ok
    assert verdict.fault is not None


def test_trust_comes_from_the_reader(tmp_path: Path) -> None:
    """Without a key, or with a text that is none, the question is wrong; with a stranger's key the answer is no."""
    bundle = _bundle(tmp_path)
    for vkeys in ([], ["nonsense"]):
        with pytest.raises(InputError):
            verify(bundle, vkeys)
    stranger = generate_key(_NAME)[1]
    assert not verify(bundle, [stranger]).ok
    assert verify(bundle, [stranger, *_VKEYS]).ok
    assert verify(bundle, [_VKEYS[0] + "\n"]).ok


def test_leaves_and_bundles_refuse_half_things() -> None:
    proof = InclusionProof(0, 1, ())
    with pytest.raises(InputError):
        make_bundle(_LEAF, proof, b"", b"payload without salt")
    with pytest.raises(InputError):
        leaf("decision", b"", b"short")
    with pytest.raises(InputError):
        leaf("decision", b"", _SALT, {"digest": "mine"})
