"""Spoiled proof files: the verifier never crashes, never hangs, and never accepts what was not signed."""

from __future__ import annotations

import os
import random
from functools import cache
from itertools import product

import pytest
from tests.ledger.mutation import spoil, spoil_json
from tests.ledger.naive import Naive

from tallystick.core import LANGUAGES, TallystickError, TamperError, jcs
from tallystick.ledger import (
    Checkpoint,
    InclusionProof,
    KeyKind,
    Policy,
    Signer,
    Verdict,
    add_signatures,
    cosign,
    generate_key,
    leaf,
    make_bundle,
    open_checkpoint,
    parse_policy,
    sign_checkpoint,
    sign_note,
    verify,
)

_SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
_ROUNDS = 200 if _SOAK else 2
_NAME = "bank.example/日志"
_LOGS = [Signer(generate_key(_NAME, kind)[0]) for kind in (KeyKind.ED25519, KeyKind.ML_DSA_44)]
_VKEYS = [signer.verifier.vkey for signer in _LOGS]
_WITNESSES = [
    Signer(generate_key(f"w{at}.example", kind)[0])
    for at, kind in enumerate((KeyKind.COSIGNATURE, KeyKind.ML_DSA_44, KeyKind.COSIGNATURE))
]
_POLICY = parse_policy(
    "".join(f"witness w{at} {signer.verifier.vkey}\n" for at, signer in enumerate(_WITNESSES)).encode()
    + b"group most 2 w0 w1 w2\nquorum most\n"
)
_SALT = bytes(range(32))
_PAYLOADS = [b'{"outcome":"decline","reason":"\xc3\xa9"}', b'{"outcome":"approve"}', b""]

Said = tuple[str, int, int, str, bytes | None, tuple[tuple[str, bytes], ...]]


@cache
def corpus() -> dict[bytes, Said]:
    """Good files, each with what it says: two trees, two kinds of log keys, hidden, cosigned, carrying files."""
    found: dict[bytes, Said] = {}
    entries = [b"%d" % at for at in range(13)]
    for at, record in enumerate(_PAYLOADS):
        entries[3 + 4 * at] = leaf("decision", record, _SALT, {"position": f"{at}", "π": "é"})
    tree = Naive(entries)
    for size, index, signer in product((13, 12), (3, 7, 11), _LOGS):
        # A signature of ML-DSA-44 does not cover extension lines.
        extensions = ("more",) if size == 13 and signer.kind is KeyKind.ED25519 else ()
        note = sign_checkpoint(Checkpoint(_NAME, size, tree.root(size), extensions), signer)
        if index != 7:
            note = add_signatures(note, cosign(note, _WITNESSES[: index // 4 + 1], 1_700_000_000))
        payload = None if (index, size) == (3, 12) else _PAYLOADS[index // 4]
        files = {"b.bin": bytes(range(256)), "a/中.txt": b""} if size == 13 else {}
        proof = InclusionProof(index, size, tuple(tree.path(index, 0, size)))
        bundle = make_bundle(entries[index], proof, note, payload, None if payload is None else _SALT, files)
        found[bundle] = (_NAME, size, index, entries[index].decode(), payload, tuple(sorted(files.items())))
    return found


def said(verdict: Verdict) -> Said:
    files = tuple(sorted(verdict.files.items()))
    return (verdict.origin, verdict.size, verdict.index, verdict.leaf, verdict.payload, files)


def signed(verdict: Verdict) -> bool:
    """Whether a verdict says what was signed: anybody may hide a leaf's record or carry another proof's files."""
    truths = corpus().values()
    places = {(origin, size, index, entry) for origin, size, index, entry, _, _ in truths}
    records = {(entry, payload) for _, _, _, entry, payload, _ in truths} | {(verdict.leaf, None)}
    known = {file for *_, files in truths for file in files}
    place = (verdict.origin, verdict.size, verdict.index, verdict.leaf)
    return place in places and (verdict.leaf, verdict.payload) in records and set(verdict.files.items()) <= known


def judge(bundle: bytes) -> bool:
    """Check a file as every reader would; what is accepted was signed, and a refusal gives nothing out."""
    readers: list[tuple[list[str], Policy | None]] = [(_VKEYS, None), ([_VKEYS[0]], None), (_VKEYS, _POLICY)]
    accepted = False
    for vkeys, policy in readers:
        verdict = verify(bundle, vkeys, policy)
        if verdict.ok:
            assert signed(verdict)
            assert policy is None or policy.holds(frozenset(verdict.witnesses))
            accepted = True
        else:
            assert verdict == Verdict(False, checks=verdict.checks, fault=verdict.fault)
            assert verdict.fault is not None
            for language in LANGUAGES:
                assert verdict.fault.text(language).encode()
    return accepted


def test_the_good_files_are_good() -> None:
    assert len(corpus()) == 12
    for bundle, truth in corpus().items():
        assert said(verify(bundle, _VKEYS)) == truth
        assert verify(bundle, _VKEYS, _POLICY).ok is (truth[2] == 11)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_files(seed: int) -> None:
    """500 files a round, 100,000 in the soak: raw bytes changed, nearly always refused for their form."""
    chance, good = random.Random(seed), list(corpus())
    accepted = 0
    for _ in range(500):
        bundle = spoil(chance, chance.choice(good), chance.choice(good))
        accepted += judge(bundle) and bundle not in corpus()
    # Only what stands in a line of a key that the reader does not know may differ, and says nothing to him.
    assert accepted < 50


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_spoiled_values(seed: int) -> None:
    """700 files a round, 140,000 in the soak: one value changed and all written in canonical form again."""
    chance, good = random.Random(1000 + seed), list(corpus())
    codes: set[str] = set()
    for _ in range(700):
        bundle = spoil_json(chance, chance.choice(good), chance.choice(good))
        if not judge(bundle):
            fault = verify(bundle, _VKEYS).fault
            codes.add(fault.code if fault else "policy.quorum")
    # The files reach every check, or the test would say little.
    assert codes >= {"bundle.form", "note.form", "note.signature", "proof.root", "bundle.payload"}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_signed_nonsense(seed: int) -> None:
    """What the log's own key signed and is no checkpoint is refused, and what is one is read as it stands."""
    chance = random.Random(2000 + seed)
    for _ in range(300):
        text = spoil(chance, Checkpoint(_NAME, chance.choice([0, 7, 2**63]), bytes(32), ("more",)).text().encode())
        try:
            note = sign_note(text.decode("utf-8", "ignore"), _LOGS[:1])
            head = open_checkpoint(note, [_LOGS[0].verifier])
        except TallystickError:
            continue
        assert head.text().encode() + b"\n" == note[: len(head.text().encode()) + 1]


def test_every_bit_of_a_file() -> None:
    """A reader who knows the key refuses every one of them: each bit of leaf, proof, index, size and root."""
    good = min(corpus(), key=len)
    for at in range(len(good)):
        for bit in range(8):
            assert not verify(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :], _VKEYS).ok


@pytest.mark.parametrize("which", range(12))
def test_every_byte_of_every_sort(which: int) -> None:
    """The same of files of every sort, a bit of every eleventh byte.

    A line of a witness may become one of a stranger, which says nothing; it never says anything else.
    """
    good = list(corpus())[which]
    vkeys, policy = (_VKEYS, _POLICY) if verify(good, _VKEYS, _POLICY).ok else (_VKEYS, None)
    known = good.find("— w".encode()) % (len(good) + 1)
    for at in range(which % 11, len(good), 11):
        verdict = verify(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :], vkeys, policy)
        assert not verdict.ok or (at > known and signed(verdict))


@pytest.mark.parametrize("kind", ["list", "object"])
@pytest.mark.parametrize("field", ["format", "leaf", "payload", "salt", "tlog_proof", "files", "more"])
def test_deep_values(kind: str, field: str) -> None:
    """Depth where text belongs is refused, at one level, at 400 and at 100,000."""
    document = {"format": "tallystick-proof@1", "leaf": "", "payload": None, "salt": None, "tlog_proof": ""}
    opening, closing = (b"[", b"]") if kind == "list" else (b'{"a":', b"}")
    for depth in (1, 400, 100_000):
        marked = jcs({**document, field: "deep"}) + b"\n"
        whole = marked.replace(b'"deep"', opening * depth + b"null" + closing * depth)
        assert not judge(whole)
        assert not judge(whole[: len(whole) // 2])


def test_a_deep_leaf_is_proven_but_gives_no_digest() -> None:
    """An entry may be any bytes: 50,000 brackets that the log did sign prove no record, and break no reader."""
    for entry in (b"[" * 50_000, b'{"digest":' * 9000, b"9" * 60_000, b'{"digest":' + b"9" * 60_000 + b"}"):
        note = sign_checkpoint(Checkpoint(_NAME, 1, Naive([entry]).root(1)), _LOGS[0])
        bundle = make_bundle(entry, InclusionProof(0, 1, ()), note, b"", _SALT)
        verdict = verify(bundle, _VKEYS)
        assert isinstance(verdict.fault, TamperError)
        assert verdict.checks == ("form", "signature", "inclusion")
