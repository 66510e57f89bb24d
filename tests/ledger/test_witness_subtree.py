"""sign-subtree: a witness signs parts of trees that it has cosigned, of no others, and remembers nothing of it."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError
from tallystick.ledger import (
    Checkpoint,
    KeyKind,
    Log,
    Signer,
    Witness,
    add_signatures,
    generate_key,
    root_of,
    sign_checkpoint,
    subtree_holds,
)
from tallystick.ledger.network import WitnessServer
from tallystick.ledger.note import Note, Signature, make_signature, read_note, read_signatures
from tallystick.ledger.profile import DOMESTIC
from tallystick.ledger.tree import valid_subtree
from tallystick.ledger.witness import (
    Request,
    SubtreeRequest,
    read_subtree_request,
    write_request,
    write_subtree_request,
)

_LOG = Signer(generate_key("bank.example/log")[0])
_ED, _ML = (Signer(generate_key("w.example/1", kind)[0]) for kind in (KeyKind.COSIGNATURE, KeyKind.ML_DSA_44))
_ENTRIES = [b"entry %d" % number for number in range(23)]
_TIME = 1_700_000_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log(tmp_path / "log", _LOG.name, _LOG) as made:
        made.append(_ENTRIES)
        yield made


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    made = Witness(tmp_path / "witness", [_ED, _ML], [_LOG.verifier], lambda: _TIME)
    yield made
    made.close()


def show(witness: Witness, log: Log, old: int, size: int) -> bytes:
    """Have a checkpoint cosigned; returns it with its cosignatures."""
    note = sign_checkpoint(Checkpoint(log.origin, size, log.root(size)), _LOG)
    hashes = log.consistency(old, size).hashes if 0 < old < size else ()
    reply = witness.add_checkpoint(write_request(Request(old, hashes, note)))
    assert reply.status == 200
    return add_signatures(note, read_signatures(reply.body.decode()))


def part(log: Log, start: int, stop: int, note: bytes) -> SubtreeRequest:
    whole = read_note(note)
    size = int(whole.text.split("\n")[1])
    return SubtreeRequest(start, stop, root_of(_ENTRIES[start:stop]), log.prove_subtree(start, stop, size), whole)


def unsigned(request: SubtreeRequest) -> SubtreeRequest:
    return msgspec.structs.replace(request, note=Note(request.note.text, ()))


def test_every_subtree_of_a_cosigned_tree_is_signed(log: Log, witness: Witness, tmp_path: Path) -> None:
    """With the cosignatures under it, and without: it is the last one that the witness saw."""
    note = show(witness, log, 0, 23)
    (record,) = (tmp_path / "witness").glob("*/checkpoint")
    before, signed = record.read_bytes(), 0
    for start in range(23):
        for stop in range(start + 1, 24):
            if valid_subtree(start, stop) and (start + stop) % 3 == 0:
                request = part(log, start, stop, note)
                reply = witness.sign_subtree(write_subtree_request(unsigned(request) if stop % 2 else request))
                assert reply.status == 200, (start, stop)
                (line,) = read_signatures(reply.body.decode())
                assert subtree_holds(_ML.verifier, log.origin, start, stop, request.root, line.signature)
                assert line.signature[:8] == bytes(8), "a subtree's signature states no time"
                signed += 1
    assert signed > 20
    assert record.read_bytes() == before


def test_what_was_cosigned_long_ago_is_known_by_its_signature(log: Log, witness: Witness) -> None:
    """Unsigned it is another checkpoint than the last: the witness answers with the one it knows."""
    first = show(witness, log, 0, 9)
    last = show(witness, log, 9, 23)
    request = part(log, 4, 8, first)
    assert witness.sign_subtree(write_subtree_request(request)).status == 200
    reply = witness.sign_subtree(write_subtree_request(unsigned(request)))
    assert (reply.status, reply.body) == (409, last)


def test_no_other_tree_is_signed(log: Log, witness: Witness) -> None:
    note = show(witness, log, 0, 23)
    request = part(log, 8, 12, note)

    def answer(**changes: object) -> int:
        changed = msgspec.structs.replace(request, **changes)
        return witness.sign_subtree(write_subtree_request(changed)).status

    assert answer() == 200
    assert answer(root=bytes(32)) == 422
    assert answer(hashes=request.hashes[:-1]) == 422
    assert answer(hashes=(*request.hashes, bytes(32))) == 422
    assert answer(stop=11) == 422
    assert answer(start=9) == 400
    assert answer(stop=24) == 400
    assert answer(stop=8) == 400
    other = Checkpoint(log.origin, 23, bytes(32))
    lines = tuple(line for line in request.note.signatures if line.name == _ML.name)
    assert answer(note=Note(other.text(), lines)) == 403
    assert answer(note=Note(other.text(), ())) == 409
    strange = Signer(generate_key("other.example/log")[0])
    assert answer(note=read_note(sign_checkpoint(Checkpoint(strange.name, 23, log.root()), strange))) == 404
    cosigned = (Signature(_ML.name, _ML.id, b"whatever"),)
    assert answer(cosignatures=cosigned) == 200, "only a help against floods: this witness does not ask for one"
    assert answer(cosignatures=cosigned * 9) == 400


def test_before_it_saw_anything_it_signs_nothing(log: Log, witness: Witness) -> None:
    note = sign_checkpoint(Checkpoint(log.origin, 23, log.root()), _LOG)
    assert witness.sign_subtree(write_subtree_request(part(log, 0, 8, note))).status == 403


def test_a_record_that_cannot_be_read_signs_nothing(log: Log, witness: Witness, tmp_path: Path) -> None:
    request = part(log, 0, 8, show(witness, log, 0, 23))
    (record,) = (tmp_path / "witness").glob("*/checkpoint")
    record.write_bytes(b"torn")
    assert witness.sign_subtree(write_subtree_request(unsigned(request))).status == 500


def test_a_log_whose_name_no_subtree_can_bear_is_answered_too(tmp_path: Path) -> None:
    """ML-DSA-44 signs names of up to 255 bytes."""
    key = Signer(generate_key("long.example/" + "x" * 250)[0])
    witness = Witness(tmp_path / "witness", [_ED, _ML], [key.verifier], lambda: _TIME)
    note = Note(Checkpoint(key.name, 1, root_of(_ENTRIES[:1])).text(), ())
    own = (make_signature(note.text, _ED, _TIME),)
    request = SubtreeRequest(0, 1, root_of(_ENTRIES[:1]), (), Note(note.text, own))
    assert witness.sign_subtree(write_subtree_request(request)).status == 500
    witness.close()


def test_an_ed25519_witness_does_not_know_the_request(log: Log, tmp_path: Path) -> None:
    witness = Witness(tmp_path / "witness", [_ED], [_LOG.verifier], lambda: _TIME)
    request = part(log, 0, 8, show(witness, log, 0, 23))
    assert witness.sign_subtree(write_subtree_request(request)).status == 404
    witness.close()


def test_over_http(log: Log, witness: Witness) -> None:
    request = part(log, 16, 23, show(witness, log, 0, 23))
    with WitnessServer(witness) as server:
        call = urllib.request.Request(f"{server.url}/sign-subtree", write_subtree_request(request), method="POST")
        with urllib.request.urlopen(call, timeout=60) as answer:
            (line,) = read_signatures(answer.read().decode())
    assert subtree_holds(_ML.verifier, log.origin, 16, 23, request.root, line.signature)


@settings(max_examples=150, deadline=None)
@given(noise=st.binary(max_size=300), at=st.integers(0, 400), flip=st.integers(1, 255))
def test_what_is_no_request_is_refused(noise: bytes, at: int, flip: int) -> None:
    note = sign_checkpoint(Checkpoint(_LOG.name, 3, root_of(_ENTRIES[:3])), _LOG)
    whole = write_subtree_request(SubtreeRequest(0, 2, bytes(32), (bytes(32),), read_note(note)))
    changed = bytearray(whole)
    changed[at % len(whole)] ^= flip
    for body in (noise, bytes(changed), whole[:at], whole + noise):
        try:
            found = read_subtree_request(body)
        except InputError:
            continue
        assert 0 <= found.start < found.stop <= found.head.size


def test_long_requests_are_refused_before_they_are_read(log: Log) -> None:
    note = sign_checkpoint(Checkpoint(_LOG.name, 23, log.root()), _LOG)
    request = SubtreeRequest(0, 8, bytes(32), (bytes(32),) * 63, read_note(note))
    assert read_subtree_request(write_subtree_request(request)) == request
    for longer in (msgspec.structs.replace(request, hashes=(bytes(32),) * 64),):
        with pytest.raises(InputError):
            read_subtree_request(write_subtree_request(longer))
    with pytest.raises(InputError):
        read_subtree_request(b"subtree 0 8\n" + b"A\n" * 600_000 + b"\n" + note)


def test_a_domestic_log_has_domestic_trees(tmp_path: Path) -> None:
    """An SM2 log over SM3: growth is cosigned, a fork is not; keys of two profiles are no one log's."""
    key = Signer(generate_key("bank.example/sm", DOMESTIC.key)[0])
    witness = Witness(tmp_path / "w", [_ED, _ML], [key.verifier], lambda: _TIME)
    with Log(tmp_path / "log", key.name, key, profile=DOMESTIC) as log:
        log.append(_ENTRIES[:7])
        first = log.checkpoint()
        assert witness.add_checkpoint(write_request(Request(0, (), first))).status == 200
        log.append(_ENTRIES[7:])
        whole = log.checkpoint()
        proof = log.consistency(7, 23).hashes
        assert witness.add_checkpoint(write_request(Request(7, proof[1:], whole))).status == 422
        assert witness.add_checkpoint(write_request(Request(7, proof, whole))).status == 200
        request = SubtreeRequest(
            8, 16, root_of(_ENTRIES[8:16], DOMESTIC), log.prove_subtree(8, 16), Note(read_note(whole).text, ())
        )
        assert witness.sign_subtree(write_subtree_request(request)).status == 200
        wrong = msgspec.structs.replace(request, root=root_of(_ENTRIES[8:16]))
        assert witness.sign_subtree(write_subtree_request(wrong)).status == 422
    witness.close()
    both = [key.verifier, Signer(generate_key("bank.example/sm")[0]).verifier]
    with pytest.raises(InputError):
        Witness(tmp_path / "both", [_ED], both, lambda: _TIME)
