"""The rules of C2SP tlog-proof, each inside a proof file that is canonical otherwise."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from tallystick.ledger import (
    Checkpoint,
    Log,
    Signer,
    generate_key,
    leaf,
    make_bundle,
    open_checkpoint,
    sign_checkpoint,
    verify,
)

_NAME = "bank.example/log"
_ENTRY = leaf("decision", b"{}", bytes(32))


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A proof file for entry 3 of 11, and the log's key."""
    signer = Signer(generate_key(_NAME)[0])
    with Log(tmp_path_factory.mktemp("log"), _NAME, signer) as log:
        log.append([_ENTRY if number == 3 else b"%d" % number for number in range(11)])
        return make_bundle(_ENTRY, log.prove(3), log.checkpoint()), signer.verifier.vkey


_LONG = base64.b64encode(bytes(33)).decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("tlog-proof@v1", "tlog-proof@v2", id="another version"),
        pytest.param("c2sp.org", "C2SP.org", id="capitals"),
        pytest.param("c2sp.org", " c2sp.org", id="a space first"),
        pytest.param(r"@v1\n", r"@v1 \n", id="a space behind the version"),
        pytest.param(r"@v1\n", r"@v1\n\n", id="an empty line behind the version"),
        pytest.param(r"@v1\n", r"@v1\nextra AAAA\n", id="an extra line, which nothing would bind"),
        pytest.param("index 3", "index 03", id="a leading zero"),
        pytest.param("index 3", "index +3", id="a sign"),
        pytest.param("index 3", "index -3", id="below zero"),
        pytest.param("index 3", "index  3", id="two spaces"),
        pytest.param("index 3", "index 3 ", id="a space behind"),
        pytest.param("index 3", "index", id="no number"),
        pytest.param("index 3", "Index 3", id="a capital"),
        pytest.param("index 3", "index ٣", id="another digit"),
        pytest.param("index 3", "index 4", id="another entry"),
        pytest.param("index 3", "index 11", id="beyond the tree"),
        pytest.param("index 3", f"index {2**64}", id="beyond 64 bits"),
        pytest.param(r"index 3\n", "", id="no index"),
        pytest.param(r"index 3\n", r"index 3\nindex 3\n", id="two indexes"),
        pytest.param(r"index 3\n", rf"index 3\n{_LONG}\n", id="a hash of 33 bytes"),
        pytest.param(r"index 3\n", r"index 3\nAAAA\n", id="a hash of 3 bytes"),
        pytest.param(r"index 3\n", r"index 3\n!\n", id="no base64"),
        pytest.param(r"=\n\n", r"=\n", id="no empty line"),
        pytest.param(r"=\n\n", r"=\n\n\n", id="two empty lines"),
        pytest.param(r"=\n\n", r"=\r\n\r\n", id="carriage returns"),
        pytest.param('"c2sp.org', '"', id="an empty line of what it is"),
    ],
)
def test_rules_of_tlog_proof(proof: tuple[bytes, str], old: str, new: str) -> None:
    """Spoiled inside a file that is otherwise canonical, it fails; what is wrong is the form or the place."""
    whole, vkey = proof
    assert verify(whole, [vkey]).ok
    text = whole.decode()
    assert old in text
    verdict = verify(text.replace(old, new, 1).encode(), [vkey])
    assert not verdict.ok
    assert verdict.fault is not None
    assert verdict.fault.code in {"bundle.form", "proof.shape", "proof.root", "proof.length", "note.signature"}


def test_a_proof_has_sixty_four_hashes_at_most(proof: tuple[bytes, str]) -> None:
    """More lines than any tree needs are refused for their number, before one is decoded."""
    whole, vkey = proof
    for count, code in ((60, "proof.length"), (61, "bundle.form"), (5000, "bundle.form")):
        more = f"{base64.b64encode(bytes(32)).decode()}\\n" * count
        fault = verify(whole.decode().replace(r"index 3\n", r"index 3\n" + more, 1).encode(), [vkey]).fault
        assert fault is not None
        assert fault.code == code


def test_a_proof_of_the_only_entry_has_no_hash(tmp_path: Path) -> None:
    signer = Signer(generate_key(_NAME)[0])
    with Log(tmp_path, _NAME, signer) as log:
        log.append([_ENTRY])
        bundle = make_bundle(_ENTRY, log.prove(0), log.checkpoint())
    assert b"index 0\\n\\n" in bundle
    verdict = verify(bundle, [signer.verifier.vkey])
    assert (verdict.ok, verdict.size, verdict.index) == (True, 1, 0)


def test_a_signed_empty_tree_holds_no_entry() -> None:
    """A log may sign that it is empty; nothing is proven to be in it."""
    signer = Signer(generate_key(_NAME)[0])
    note = sign_checkpoint(Checkpoint(_NAME, 0, hashlib.sha256(b"").digest()), signer)
    assert open_checkpoint(note, [signer.verifier]).size == 0
    text = "\\n".join(("c2sp.org/tlog-proof@v1", "index 0", "", note.decode().replace("\n", "\\n")))
    bundle = f'{{"format":"tallystick-proof@1","leaf":"","payload":null,"salt":null,"tlog_proof":"{text}"}}\n'
    fault = verify(bundle.encode(), [signer.verifier.vkey]).fault
    assert fault is not None
    assert fault.code == "proof.shape"
