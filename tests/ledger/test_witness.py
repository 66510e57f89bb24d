"""The witness: its answers, what it never signs, what it keeps, and what a crash leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError, StateError, TamperError
from tallystick.ledger import (
    Checkpoint,
    KeyKind,
    Log,
    Signer,
    Verifier,
    Witness,
    add_signatures,
    check_equivocation,
    generate_key,
    make_equivocation,
    open_checkpoint,
    open_note,
    sign_checkpoint,
)
from tallystick.ledger.cosignature import signed_time
from tallystick.ledger.note import read_note, read_signatures
from tallystick.ledger.tree import root_of
from tallystick.ledger.witness import Reply, Request, read_request, write_request
from tallystick.ledger.witness.record import FILES_MAX

_LOG = Signer(generate_key("bank.example/log")[0])
_KEYS = [Signer(generate_key("w.example/1", kind)[0]) for kind in (KeyKind.COSIGNATURE, KeyKind.ML_DSA_44)]
_OWN = [key.verifier for key in _KEYS]
_TIME = 1_700_000_000


class _Tree:
    """A log in memory, with the proofs that a log would send."""

    def __init__(self, folder: Path, first: bytes = b"first") -> None:
        self.log = Log(folder, _LOG.name, _LOG)
        self.log.append([first, *(b"entry %d" % number for number in range(1, 40))])

    def note(self, size: int) -> bytes:
        return sign_checkpoint(Checkpoint(_LOG.name, size, self.log.root(size)), _LOG)

    def request(self, old: int, size: int) -> bytes:
        hashes = self.log.consistency(old, size).hashes if 0 < old < size else ()
        return write_request(Request(old, hashes, self.note(size)))


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[_Tree]:
    made = _Tree(tmp_path / "log")
    yield made
    made.log.close()


@pytest.fixture
def fork(tmp_path: Path) -> Iterator[_Tree]:
    made = _Tree(tmp_path / "fork", b"another first")
    yield made
    made.log.close()


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    made = Witness(tmp_path / "witness", _KEYS, [_LOG.verifier], lambda: _TIME)
    yield made
    made.close()


def _signed(reply: Reply, note: bytes) -> bytes:
    assert reply.status == 200, reply
    cosigned = add_signatures(note, read_signatures(reply.body.decode()))
    assert open_note(cosigned, _OWN)[1] == ("w.example/1", "w.example/1")
    return cosigned


def _size(reply: Reply) -> int:
    assert (reply.status, reply.content) == (409, "text/x.tlog.size")
    return int(reply.body)


def test_a_log_that_grows_is_cosigned(tree: _Tree, witness: Witness) -> None:
    """Each step from what it saw last; also the same size again, and an empty tree first."""
    for old, size in ((0, 0), (0, 1), (1, 1), (1, 2), (2, 7), (7, 8), (8, 40), (40, 40)):
        _signed(witness.add_checkpoint(tree.request(old, size)), tree.note(size))
        held = witness.checkpoint(_LOG.name)
        assert held
        assert open_checkpoint(held, [_LOG.verifier, *_OWN]).size == size


def test_the_statuses_of_the_specification(tree: _Tree, witness: Witness) -> None:
    stranger = Signer(generate_key("shop.example/log")[0])
    forger = Signer(generate_key(_LOG.name)[0])
    head = Checkpoint(_LOG.name, 5, tree.log.root(5))
    unknown = sign_checkpoint(Checkpoint(stranger.name, 5, bytes(32)), stranger)
    assert witness.add_checkpoint(write_request(Request(0, (), unknown))).status == 404
    assert witness.add_checkpoint(write_request(Request(0, (), sign_checkpoint(head, forger)))).status == 403
    assert witness.add_checkpoint(tree.request(6, 5)).status == 400
    assert witness.add_checkpoint(write_request(Request(0, (bytes(32),), tree.note(5)))).status == 422
    assert _size(witness.add_checkpoint(tree.request(3, 5))) == 0
    assert witness.checkpoint(_LOG.name) is None
    _signed(witness.add_checkpoint(tree.request(0, 5)), tree.note(5))
    assert _size(witness.add_checkpoint(tree.request(0, 9))) == 5
    assert _size(witness.add_checkpoint(tree.request(9, 20))) == 5
    assert witness.add_checkpoint(write_request(Request(5, (), tree.note(9)))).status == 422
    assert witness.add_checkpoint(write_request(Request(5, (bytes(32),), tree.note(5)))).status == 422
    hashes = tree.log.consistency(5, 9).hashes
    for wrong in (hashes[1:], (*hashes, bytes(32)), hashes[::-1], (bytes(32), *hashes[1:])):
        assert witness.add_checkpoint(write_request(Request(5, wrong, tree.note(9)))).status == 422
    _signed(witness.add_checkpoint(tree.request(5, 9)), tree.note(9))


def test_a_log_with_an_unknown_signature_beside_its_own_is_accepted(tree: _Tree, witness: Witness) -> None:
    stranger = Signer(generate_key("other.example", KeyKind.COSIGNATURE)[0])
    note = add_signatures(tree.note(5), read_note(sign_checkpoint(Checkpoint("o", 1, bytes(32)), stranger)).signatures)
    _signed(witness.add_checkpoint(write_request(Request(0, (), note))), tree.note(5))
    held = witness.checkpoint(_LOG.name) or b""
    assert {line.name for line in read_note(held).signatures} == {_LOG.name, "w.example/1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n",
        b"old 0\n\n",
        b"old 00\n\nx",
        b"old -1\n\nx",
        b"old 1e3\n\nx",
        b"Old 0\n\nx",
        b"old 0\nAAAA\n\nx",
        b"old 0\n\xff\n\nx",
        b"old 0\n" + b"A" * 43 + b"=\n" * 64 + b"\nx",
        b"old 0\n\nbank.example/log\n5\nAAAA\n\n",
        b"\n" * 5000,
        b"old 99999999999999999999\n\nx",
    ],
)
def test_what_is_no_request_is_answered_with_400(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 400


@settings(max_examples=200)
@given(
    old=st.integers(0, 10**18),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    note=st.binary(max_size=200),
)
def test_requests_are_read_as_they_were_written(old: int, hashes: list[bytes], note: bytes) -> None:
    request = Request(old, tuple(hashes), note)
    assert read_request(write_request(request)) == request
    with pytest.raises(InputError):
        write_request(Request(old, (bytes(32),) * 64, note))


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 400), cut=st.integers(0, 30), put=st.binary(max_size=30), data=st.data())
def test_no_noise_makes_it_sign_anything_else(
    tmp_path_factory: pytest.TempPathFactory, at: int, cut: int, put: bytes, data: st.DataObject
) -> None:
    """A request with bytes replaced is refused, or what is signed is what the log signed."""
    folder = tmp_path_factory.mktemp("noise")
    tree = _Tree(folder / "log")
    witness = Witness(folder / "witness", _KEYS[:1], [_LOG.verifier], lambda: _TIME)
    witness.add_checkpoint(tree.request(0, 5))
    body = data.draw(st.sampled_from([tree.request(5, 9), tree.request(5, 5), tree.request(0, 9)]))
    reply = witness.add_checkpoint(body[:at] + put + body[at + cut :])
    held = open_checkpoint(witness.checkpoint(_LOG.name) or b"", [_LOG.verifier])
    assert held in (Checkpoint(_LOG.name, size, tree.log.root(size)) for size in (5, 9))
    assert reply.status in (200, 400, 403, 404, 409, 422)
    tree.log.close()
    witness.close()


def test_a_fork_of_the_same_size_is_kept_as_proof(tree: _Tree, fork: _Tree, witness: Witness) -> None:
    """Whatever old size comes with it: refused with 409, and the two checkpoints are kept."""
    _signed(witness.add_checkpoint(tree.request(0, 8)), tree.note(8))
    for old in (0, 3, 8):
        assert _size(witness.add_checkpoint(fork.request(old, 8))) == 8
    (proof,) = witness.record.accusations(_LOG.name)
    found = check_equivocation(proof.read_bytes(), [_LOG.verifier])
    assert (found.first.root, found.second.root) == (tree.log.root(8), fork.log.root(8))
    for at in range(len(proof.read_bytes())):
        changed = bytearray(proof.read_bytes())
        changed[at] ^= 1
        with pytest.raises(TamperError):
            check_equivocation(bytes(changed), [_LOG.verifier])
    _signed(witness.add_checkpoint(tree.request(8, 20)), tree.note(20))


@pytest.mark.parametrize("held", [3, 5, 6, 7, 12, 31])
def test_a_fork_that_grew_proves_itself(tree: _Tree, fork: _Tree, witness: Witness, held: int) -> None:
    """A rewritten log sends the proof of its own past: the path leads to an old root other than the signed one."""
    _signed(witness.add_checkpoint(tree.request(0, held)), tree.note(held))
    assert witness.add_checkpoint(fork.request(held, 33)).status == 422
    (proof,) = witness.record.accusations(_LOG.name)
    found = check_equivocation(proof.read_bytes(), [_LOG.verifier])
    assert (found.first.size, found.second.size) == (held, 33)


def test_what_proves_nothing_is_kept_apart(tree: _Tree, fork: _Tree, witness: Witness) -> None:
    """From a power of two the proof names no old root; a true log with a bad proof is not accused either."""
    _signed(witness.add_checkpoint(tree.request(0, 8)), tree.note(8))
    assert witness.add_checkpoint(fork.request(8, 33)).status == 422
    assert witness.add_checkpoint(write_request(Request(8, (bytes(32),), tree.note(20)))).status == 422
    assert witness.record.accusations(_LOG.name) == []
    refused = witness.record.accusations(_LOG.name, "refused")
    assert len(refused) == 2
    for path in refused:
        with pytest.raises(TamperError):
            check_equivocation(path.read_bytes(), [_LOG.verifier])
    # With the fork's tiles at hand, anybody makes the proof from the same two notes.
    lead = (fork.log.root(8), *fork.log.consistency(8, 33).hashes)
    made = make_equivocation(tree.note(8), fork.note(33), lead)
    assert check_equivocation(made, [_LOG.verifier]).second.size == 33


def test_files_against_a_log_do_not_fill_the_disk(tree: _Tree, witness: Witness) -> None:
    _signed(witness.add_checkpoint(tree.request(0, 8)), tree.note(8))
    for number in range(FILES_MAX + 20):
        witness.add_checkpoint(write_request(Request(8, (number.to_bytes(32),), tree.note(20))))
    assert len(witness.record.accusations(_LOG.name, "refused")) == FILES_MAX


def test_every_changed_byte_of_a_proof_of_equivocation_fails(tree: _Tree, fork: _Tree) -> None:
    proof = make_equivocation(tree.note(6), fork.note(9), fork.log.consistency(6, 9).hashes)
    assert check_equivocation(proof, [_LOG.verifier]).first.size == 6
    for at in range(len(proof)):
        for changed in (proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :], proof[:at] + proof[at + 1 :]):
            with pytest.raises(TamperError):
                check_equivocation(changed, [_LOG.verifier])
    for true in (
        make_equivocation(tree.note(6), tree.note(9), tree.log.consistency(6, 9).hashes),
        make_equivocation(tree.note(6), tree.note(6)),
        make_equivocation(fork.note(9), tree.note(6), fork.log.consistency(6, 9).hashes),
        make_equivocation(tree.note(6), fork.note(9)),
    ):
        with pytest.raises(TamperError) as caught:
            check_equivocation(true, [_LOG.verifier])
        assert caught.value.code == "equivocation.none"


def test_the_time_never_goes_back(tree: _Tree, tmp_path: Path) -> None:
    """A clock that jumps back, also over a restart, does not make a larger tree older."""
    times = []
    for old, size, now in ((0, 3, 2000), (3, 5, 1000), (5, 6, 2500), (6, 9, 5)):
        witness = Witness(tmp_path / "w", _KEYS, [_LOG.verifier], iter([now]).__next__)
        reply = witness.add_checkpoint(tree.request(old, size))
        times += [
            signed_time(key.kind, line.signature)
            for key, line in zip(_KEYS, read_signatures(reply.body.decode()), strict=True)
        ]
        witness.close()
    assert times == [2000, 2000, 2000, 2000, 2500, 2500, 2500, 2500]


def test_a_changed_memory_stops_it(tree: _Tree, fork: _Tree, witness: Witness, tmp_path: Path) -> None:
    """With any byte of what the log signed changed it signs nothing more for that log, and says so without naming
    files; a changed line of its own never makes it sign a fork."""
    _signed(witness.add_checkpoint(tree.request(0, 6)), tree.note(6))
    (path,) = (tmp_path / "witness").glob("*/checkpoint")
    good, signed = path.read_bytes(), len(tree.note(6))
    for at in [*range(signed), *range(signed, len(good), 50), len(good) - 1]:
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        reply = witness.add_checkpoint(fork.request(6, 9))
        assert reply.status == 500 or (reply.status == 422 and at >= signed)
        assert at >= signed or witness.add_checkpoint(tree.request(6, 9)).status == 500
        assert b"/" not in reply.body
    path.write_bytes(good)
    _signed(witness.add_checkpoint(tree.request(6, 9)), tree.note(9))


def test_a_full_disk_signs_nothing(tree: _Tree, witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(origin: str, note: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(witness.record, "keep", full)
    assert witness.add_checkpoint(tree.request(0, 6)).status == 500


def test_one_process_holds_a_witness(witness: Witness, tmp_path: Path) -> None:
    with pytest.raises(StateError):
        Witness(tmp_path / "witness", _KEYS, [_LOG.verifier], lambda: _TIME)
    witness.close()
    Witness(tmp_path / "witness", _KEYS, [_LOG.verifier], lambda: _TIME).close()


def test_keys_of_another_kind_are_refused(tmp_path: Path) -> None:
    for signers, logs in (([], []), ([_LOG], []), (_KEYS, [_KEYS[0].verifier])):
        with pytest.raises(InputError):
            Witness(tmp_path, signers, logs, lambda: _TIME)


_CRASHING = """
import os, signal, sys
from pathlib import Path
from tallystick.ledger import Signer, Verifier, Witness
folder, skey, vkey, body, step = sys.argv[1:]
left = int(step)

def dying(real):
    def call(*arguments, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*arguments, **named)
    return call

witness = Witness(folder, [Signer(skey)], [Verifier(vkey)], lambda: 1700000000)
for name in ("write", "fsync", "replace", "open"):
    setattr(os, name, dying(getattr(os, name)))
reply = witness.add_checkpoint(Path(body).read_bytes())
if left == 0:
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdout.buffer.write(b"%d\\n" % reply.status + reply.body)
"""


def test_killed_at_any_step_it_never_signs_two_pasts(tree: _Tree, fork: _Tree, tmp_path: Path) -> None:
    """Killed before each step on disk and before the answer: it knows the old tree or the new one, whole; it signs the
    fork only where it has signed, and answered, nothing else of that size."""
    skey, vkey = generate_key("w.example/1", KeyKind.COSIGNATURE)
    body, killed, step = tmp_path / "body", 0, 0
    body.write_bytes(tree.request(5, 9))
    while True:
        folder = tmp_path / f"w{step}"
        start = Witness(folder, [Signer(skey)], [_LOG.verifier], lambda: _TIME)
        assert start.add_checkpoint(tree.request(0, 5)).status == 200
        start.close()
        command = [sys.executable, "-c", _CRASHING, str(folder), skey, _LOG.verifier.vkey, str(body), str(step)]
        done = subprocess.run(command, capture_output=True, check=False)
        answered = done.returncode == 0 and done.stdout.startswith(b"200\n")
        again = Witness(folder, [Signer(skey)], [_LOG.verifier], lambda: _TIME)
        held = open_checkpoint(again.checkpoint(_LOG.name) or b"", [_LOG.verifier, Verifier(vkey)])
        assert (held.size, held.root) in {(5, tree.log.root(5)), (9, tree.log.root(9))}
        assert held.size == 9 or not answered
        assert again.add_checkpoint(fork.request(5, 9)).status in (409, 422)
        # The log that got no answer asks again, from what the witness says it has.
        assert again.add_checkpoint(tree.request(held.size, 9)).status == 200
        again.close()
        if answered:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed, step = killed + 1, step + 1
    assert killed >= 4


def test_roots_of_the_tests_differ(tree: _Tree, fork: _Tree) -> None:
    assert tree.log.root(1) == root_of([b"first"]) != fork.log.root(1)
