"""The rules of C2SP tlog-witness, as conversations: what is asked, byte for byte, and what is answered."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.naive import Naive

from tallystick.ledger import Checkpoint, KeyKind, Signer, Witness, generate_key, open_note, sign_checkpoint
from tallystick.ledger.witness import Reply

_LOG = Signer(generate_key("bank.example/log")[0])
_OLD_KEY, _OTHER = Signer(generate_key("bank.example/log")[0]), Signer(generate_key("shop.example/log")[0])
_KEYS = [Signer(generate_key("w.example/1", kind)[0]) for kind in (KeyKind.COSIGNATURE, KeyKind.ML_DSA_44)]
_TREE = Naive([b"entry %d" % at for at in range(70)])
_FORK = Naive([b"another", *(b"entry %d" % at for at in range(1, 70))])
_TIME_S = 1_700_000_000


def _note(size: int, tree: Naive = _TREE, signer: Signer = _LOG, origin: str = _LOG.name) -> str:
    text = Checkpoint(origin, size, tree.root(size)).text()
    if signer.name == origin:
        return sign_checkpoint(Checkpoint(origin, size, tree.root(size)), signer).decode()
    return f"{text}\n— {signer.name} {base64.b64encode(signer.id + signer.sign(text.encode())).decode()}\n"


def _body(old: int | str, size: int, tree: Naive = _TREE, note: str = "") -> str:
    proof = tree.proof(old, size) if isinstance(old, int) and 0 < old < size else []
    lines = [base64.b64encode(item).decode() + "\n" for item in proof]
    return f"old {old}\n{''.join(lines)}\n{note or _note(size, tree)}"


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    """A witness with both kinds of keys, which has cosigned 5 entries of the log."""
    made = Witness(tmp_path, _KEYS, [_LOG.verifier, _OLD_KEY.verifier], lambda: _TIME_S)
    assert made.add_checkpoint(_body(0, 5).encode()).status == 200
    yield made
    made.close()


def _ask(witness: Witness, body: str) -> Reply:
    return witness.add_checkpoint(body.encode())


def _seen(witness: Witness) -> int:
    held = witness.checkpoint(_LOG.name)
    assert held is not None
    return int(held.split(b"\n")[1])


@pytest.mark.parametrize("size", [5, 6, 7, 8, 64, 65, 70])
def test_what_continues_is_cosigned(witness: Witness, size: int) -> None:
    """One line of each key, a dash, the name, base64, a newline; together with the checkpoint they open as a note."""
    reply = _ask(witness, _body(5, size))
    assert reply.status == 200
    lines = reply.body.decode().split("\n")
    assert [line.split(" ")[:2] for line in lines] == [["—", "w.example/1"], ["—", "w.example/1"], [""]]
    note = _note(size).encode() + reply.body
    keys = [_LOG.verifier, *(key.verifier for key in _KEYS)]
    assert open_note(note, keys)[1] == (_LOG.name, "w.example/1", "w.example/1")
    assert all(base64.b64decode(line.split(" ")[2])[4:12] == _TIME_S.to_bytes(8) for line in lines[:-1])
    assert _seen(witness) == size


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(_note(9, signer=_OLD_KEY), id="another key of the log"),
        pytest.param(_note(9) + _note(9, signer=_OLD_KEY).split("\n\n")[1], id="two keys of the log"),
        pytest.param(_note(9) + "— strange.example AAAAAAE=\n", id="a stranger behind"),
        pytest.param(_note(9).replace("\n\n", "\n\n— bank.example/log AAAAAAE=\n"), id="a line with our name first"),
    ],
)
def test_checkpoints_with_several_signatures(witness: Witness, note: str) -> None:
    """Any trusted key is enough, unknown ones are passed over."""
    assert _ask(witness, _body(5, 9, note=note)).status == 200


_PROOF = _body(5, 9)
_UNKNOWN = _note(9, signer=_OTHER, origin=_OTHER.name)
_FORGED = _note(9, signer=_OTHER)
_WRONG = _note(9).replace("\n9\n", "\n8\n")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(400, "", id="nothing"),
        pytest.param(400, _note(9), id="no request line"),
        pytest.param(400, _PROOF.replace("old 5", "old  5"), id="two spaces"),
        pytest.param(400, _PROOF.replace("old 5", "old 05"), id="a leading zero"),
        pytest.param(400, _PROOF.replace("old 5", "old 5 "), id="a space behind"),
        pytest.param(400, _PROOF.replace("old 5", "old"), id="no size"),
        pytest.param(400, _PROOF.replace("old 5", "OLD 5"), id="capitals"),
        pytest.param(400, _PROOF.replace("old 5\n", "old 5\r\n"), id="a carriage return"),
        pytest.param(400, _PROOF.replace("=\n", "\n", 1), id="base64 without its padding"),
        pytest.param(400, _PROOF.replace("\n\n", "\n", 1), id="no empty line"),
        pytest.param(400, "\n" + _PROOF, id="an empty line first"),
        pytest.param(400, _PROOF[:-1], id="no newline at the end"),
        pytest.param(400, _PROOF + "\n", id="an empty line behind"),
        pytest.param(400, "old 5\nAAAA\n\n" + _note(9), id="a line that is no hash"),
        pytest.param(400, "old 5\n" + f"{'A' * 43}=\n" * 64 + "\n" + _note(9), id="64 hashes"),
        pytest.param(400, f"old {2**64}\n\n" + _note(9), id="more than 64 bits"),
        pytest.param(400, _body(9, 5), id="an old size beyond the checkpoint"),
        pytest.param(400, _body(5, 9, note=_note(9).replace("\n9\n", "\n09\n")), id="a checkpoint that is none"),
        pytest.param(404, _body(5, 9, note=_UNKNOWN), id="a log that is not known"),
        pytest.param(403, _body(5, 9, note=_FORGED), id="no key of this log"),
        pytest.param(403, _body(5, 9, note=_WRONG), id="a signature that does not hold"),
        pytest.param(409, _body(0, 9), id="from nothing"),
        pytest.param(409, _body(4, 9), id="from an earlier size"),
        pytest.param(409, _body(6, 9), id="from a later size"),
        pytest.param(409, _body(3, 4), id="an earlier checkpoint"),
        pytest.param(409, _body(5, 5, _FORK), id="the same size with another root"),
        pytest.param(409, _body(0, 5), id="the same again, from nothing"),
        pytest.param(422, _body(5, 9, _FORK), id="another past"),
        pytest.param(422, "old 5\n\n" + _note(9), id="no proof"),
        pytest.param(422, "old 5\n" + f"{'A' * 43}=\n" * 63 + "\n" + _note(9), id="63 hashes that prove nothing"),
        pytest.param(422, f"old 5\n{'A' * 43}=\n\n" + _note(5), id="a proof where none belongs"),
    ],
)
def test_what_is_refused(witness: Witness, status: int, body: str) -> None:
    """With the status that the specification gives it, and nothing is cosigned or forgotten."""
    reply = _ask(witness, body)
    assert reply.status == status
    if status == 409:
        assert (reply.body, reply.content) == (b"5\n", "text/x.tlog.size")
    assert "—".encode() not in reply.body
    assert _seen(witness) == 5
    assert _ask(witness, _PROOF).status == 200


def test_of_several_faults_the_first_counts(witness: Witness) -> None:
    """Who is not known learns nothing of the log, who has not signed nothing of what was cosigned."""
    assert _ask(witness, _body(0, 9, note=_UNKNOWN)).status == 404
    assert _ask(witness, _body(0, 9, note=_FORGED)).status == 403
    assert _ask(witness, "old 99\n\n" + _FORGED).status == 403
    assert _ask(witness, "old 99\n\n" + _note(9)).status == 400
    assert _ask(witness, _body(4, 9, _FORK)).status == 409


def test_a_first_checkpoint_needs_no_proof(tmp_path: Path) -> None:
    """From nothing to any size, the empty tree too; a proof from nothing is none."""
    for at, (size, hashes, status) in enumerate(((0, 0, 200), (1, 0, 200), (70, 0, 200), (70, 1, 422))):
        witness = Witness(tmp_path / str(at), _KEYS[:1], [_LOG.verifier], lambda: _TIME_S)
        body = f"old 0\n{hashes * (base64.b64encode(bytes(32)).decode() + chr(10))}\n{_note(size)}"
        assert _ask(witness, body).status == status
        assert _ask(witness, _body(3, 70)).body == (b"%d\n" % size if status == 200 else b"0\n")
        witness.close()
