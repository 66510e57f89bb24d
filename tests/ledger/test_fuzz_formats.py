"""Spoiled notes, keys, policies, requests, proofs of forks and log folders: refused with an error of ours, or right."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.ledger.mutation import spoil, spoil_json
from tests.ledger.naive import Naive

from tallystick.core import LANGUAGES, DefinitionErrors, InputError, TallystickError, TamperError
from tallystick.ledger import (
    DOMESTIC,
    INTERNATIONAL,
    Checkpoint,
    InclusionProof,
    KeyKind,
    Log,
    Signer,
    Verifier,
    Witness,
    add_signatures,
    check_equivocation,
    check_policy,
    copy_log,
    cosign,
    generate_key,
    leaf,
    make_bundle,
    make_equivocation,
    open_checkpoint,
    open_note,
    parse_policy,
    sign_checkpoint,
    subtree_holds,
    verify,
)
from tallystick.ledger.head import read_checkpoint
from tallystick.ledger.note import Note, read_note, read_signatures
from tallystick.ledger.witness import Request, read_request, write_request
from tallystick.ledger.witness.subtree import SubtreeRequest, read_subtree_request, write_subtree_request

_SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
_ROUNDS = 200 if _SOAK else 2
_LOG = Signer(generate_key("bank.example/log")[0])
_WITNESSES = [
    Signer(generate_key(f"w{at}.example", kind)[0]) for at, kind in enumerate((KeyKind.COSIGNATURE, KeyKind.ML_DSA_44))
]
_KEYS = [_LOG.verifier, *(signer.verifier for signer in _WITNESSES)]
_HEADS = [Checkpoint(_LOG.name, size, bytes([size]) * 32, ("more",) * (size % 2)) for size in range(4)]
_PLAIN = [sign_checkpoint(head, _LOG) for head in _HEADS]
_NOTES = [add_signatures(note, cosign(note, _WITNESSES, 1_700_000_000)) for note in _PLAIN]
_POLICY = (
    f"# Two of two.\nlog {_LOG.verifier.vkey} https://bank.example/log\n"
    + "".join(f"witness w{at} {signer.verifier.vkey}\n" for at, signer in enumerate(_WITNESSES))
    + "group both all w0 w1\nquorum both\n"
).encode()
_ONE, _OTHER = (sign_checkpoint(Checkpoint(_LOG.name, 7, bytes([n]) * 32), _LOG) for n in (1, 2))
_FORK = make_equivocation(_ONE, _OTHER)


def _refused(kinds: tuple[type[TallystickError], ...], read: Callable[..., object], *given: object) -> bool:
    """Whether reading was refused, with an error of these kinds that can be shown in both languages."""
    try:
        read(*given)
    except kinds as error:
        return all(error.text(language).encode() for language in LANGUAGES)
    return False


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_notes(seed: int) -> None:
    """300 a round, 60,000 in the soak: what opens is one of the four texts that were signed, under its names."""
    chance, texts = random.Random(seed), {head.text() for head in _HEADS}
    for _ in range(300):
        note = spoil(chance, chance.choice(_NOTES), chance.choice(_NOTES))
        _refused((TamperError,), read_note, note)
        _refused((TamperError,), read_signatures, note.decode("utf-8", "replace"))
        _refused((TamperError,), read_checkpoint, note.decode("utf-8", "replace"))
        with suppress(TamperError):
            text, names = open_note(note, _KEYS[:2])
            assert text in texts
            assert set(names) <= {key.name for key in _KEYS[:2]}
        with suppress(TamperError):
            assert open_checkpoint(note, _KEYS) in _HEADS
        with suppress(TamperError):
            assert check_policy(parse_policy(_POLICY), note).witnesses == {"w0": 1_700_000_000, "w1": 1_700_000_000}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_keys(seed: int) -> None:
    """600 a round: no text but the key's own is a key, public or secret."""
    chance = random.Random(100 + seed)
    pairs = [generate_key("bank.example/log", kind) for kind in (_LOG.kind, *(key.kind for key in _WITNESSES))]
    for _ in range(600):
        secret, public = chance.choice(pairs)
        text = spoil(chance, public.encode(), secret.encode()).decode("utf-8", "surrogateescape")
        assert _refused((InputError,), Verifier, text) or text in {vkey for _, vkey in pairs}
        text = spoil(chance, secret.encode(), public.encode()).decode("utf-8", "surrogateescape")
        assert _refused((InputError,), Signer, text) or text in {skey for skey, _ in pairs}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_policies(seed: int) -> None:
    """600 a round: a policy, or all its faults; none accepts what nobody cosigned unless it says `none`."""
    chance, shown = random.Random(200 + seed), list[bytes]()
    for _ in range(600):
        text = spoil(chance, _POLICY, _POLICY[chance.randrange(len(_POLICY)) :])
        try:
            policy = parse_policy(text, "trust.policy")
        except DefinitionErrors as faults:
            shown.append(faults.text("zh").encode())
            continue
        assert policy.holds(frozenset()) is (policy.quorum == "none")
        accepted = not _refused((TamperError, InputError), check_policy, policy, _PLAIN[1], _KEYS[:1])
        assert not accepted or policy.quorum == "none"
    assert all(b"trust.policy" in text for text in shown)
    assert shown


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_proofs_of_forks(seed: int) -> None:
    """600 a round, half of them canonical: nothing but the signed fork accuses the log."""
    chance = random.Random(300 + seed)
    true = make_equivocation(_PLAIN[2], _PLAIN[3])
    for at in range(600):
        change = spoil_json if at % 2 else spoil
        proof = change(chance, chance.choice([_FORK, true]), chance.choice([_FORK, true]))
        with suppress(TamperError):
            found = check_equivocation(proof, [_LOG.verifier])
            assert {found.first.root, found.second.root} == {b"\1" * 32, b"\2" * 32}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_requests(tmp_path: Path, seed: int) -> None:
    """300 a round: a witness answers each, and signs nothing but what continues what it saw."""
    chance = random.Random(400 + seed)
    with Log(tmp_path / "log", _LOG.name, _LOG) as log:
        log.append([b"%d" % at for at in range(9)])
        roots = {size: log.root(size) for size in range(10)}
        path = tuple(log.consistency(5, 9).hashes)
    notes = {size: sign_checkpoint(Checkpoint(_LOG.name, size, roots[size]), _LOG) for size in (5, 9)}
    good = [write_request(Request(0, (), notes[5])), write_request(Request(5, path, notes[9]))]
    witness = Witness(tmp_path / "w", _WITNESSES[:1], [_LOG.verifier], lambda: 1_700_000_000)
    for _ in range(300):
        body = spoil(chance, chance.choice(good), chance.choice(good))
        _refused((InputError,), read_request, body)
        reply = witness.add_checkpoint(body)
        assert reply.status in {200, 400, 403, 404, 409, 422}
        held = witness.checkpoint(_LOG.name)
        if held is not None:
            head = open_checkpoint(held, [_LOG.verifier, _WITNESSES[0].verifier])
            assert roots[head.size] == head.root
        if reply.status == 200:
            assert [line.name for line in read_signatures(reply.body.decode())] == ["w0.example"]
    witness.close()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_requests_for_subtrees(tmp_path: Path, seed: int) -> None:
    """300 a round: each is answered, and what is signed is a subtree of the one tree that was cosigned."""
    chance = random.Random(600 + seed)
    tree = Naive([b"%d" % at for at in range(13)])
    note = sign_checkpoint(Checkpoint(_LOG.name, 13, tree.root(13)), _LOG)
    witness = Witness(tmp_path / "w", _WITNESSES, [_LOG.verifier], lambda: 1_700_000_000)
    reply = witness.add_checkpoint(write_request(Request(0, (), note)))
    cosigned, good = Note(read_note(note).text, read_signatures(reply.body.decode())), []
    for start, stop in ((0, 8), (8, 12), (8, 13), (12, 13), (0, 13)):
        proof = tuple(tree.subtree_proof(start, stop, 13))
        good.append(write_subtree_request(SubtreeRequest(start, stop, tree.mth(start, stop), proof, cosigned)))
    assert all(witness.sign_subtree(body).status == 200 for body in good)
    for _ in range(300):
        body = spoil(chance, chance.choice(good), chance.choice(good))
        reply = witness.sign_subtree(body)
        assert reply.status in {200, 400, 403, 404, 409, 422}
        if reply.status == 200:
            asked = read_subtree_request(body)
            assert asked.root == tree.mth(asked.start, asked.stop)
            (line,) = read_signatures(reply.body.decode())
            place = (_LOG.name, asked.start, asked.stop, asked.root)
            assert subtree_holds(_WITNESSES[1].verifier, *place, line.signature)
    witness.close()


_DOMESTIC = Signer(generate_key("bank.example/sm", KeyKind.SM2)[0])


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_domestic_files(seed: int) -> None:
    """20 a round, half canonical: over SM3 and SM2 too nothing is accepted but what was signed, under either key."""
    chance, entry = random.Random(700 + seed), leaf("decision", b"{}", bytes(32), profile=DOMESTIC)
    tree, plain = (Naive([b"%d" % at for at in range(6)] + [entry], name) for name in ("sm3", "sha256"))
    good = []
    for made, signer, profile in ((tree, _DOMESTIC, DOMESTIC), (plain, _LOG, INTERNATIONAL)):
        note = sign_checkpoint(Checkpoint(signer.name, 7, made.root(7)), signer)
        proof = InclusionProof(6, 7, tuple(made.path(6, 0, 7)))
        good.append(make_bundle(entry, proof, note, files={"a": b"b"}, profile=profile))
    vkeys = [_DOMESTIC.verifier.vkey, _LOG.verifier.vkey]
    assert [verify(bundle, vkeys).ok for bundle in good] == [True, True]
    for at in range(20):
        change = spoil_json if at % 2 else spoil
        bundle = change(chance, chance.choice(good), chance.choice(good))
        verdict = verify(bundle, vkeys)
        assert not verdict.ok or (verdict.leaf.encode(), verdict.size, verdict.index) == (entry, 7, 6)
        assert not verdict.ok or set(verdict.files.items()) <= {("a", b"b")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 600 entries as static files."""
    made = tmp_path_factory.mktemp("log")
    with Log(made, _LOG.name, _LOG) as log:
        log.append([b"entry %d" % at for at in range(600)])
        log.checkpoint()
    return made


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_folders(folder: Path, tmp_path: Path, seed: int) -> None:
    """40 a round: one file of a log spoiled. Opened, checked, copied: an error of ours, or the entries as they were."""
    chance, spoiled, codes = random.Random(500 + seed), tmp_path / "spoiled", set[str]()
    shutil.copytree(folder, spoiled)
    files = sorted(path for path in spoiled.rglob("*") if path.is_file() and path.name != "lock")
    for number in range(40):
        path = chance.choice(files)
        good = path.read_bytes()
        path.write_bytes(spoil(chance, good, chance.choice(files).read_bytes()))
        try:
            with Log(spoiled, _LOG.name, _LOG, write=False) as log:
                if log.check() and path.read_bytes() != good:
                    assert path.name == "checkpoint", path
                assert [log.entry(at) for at in range(600)] == [b"entry %d" % at for at in range(600)]
            copy_log(spoiled, tmp_path / f"copy{number}", _LOG.verifier)
        except TamperError as fault:
            codes.add(fault.code)
        path.write_bytes(good)
    assert codes & {"log.tile", "log.root"}
    with Log(spoiled, _LOG.name, _LOG, write=False) as log:
        assert log.check() == 600
