"""Kinds of keys, cosignatures, and what the specification says that they sign."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError, TamperError
from tallystick.ledger import (
    Checkpoint,
    KeyKind,
    Signer,
    Verifier,
    add_signatures,
    cosign,
    generate_key,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
    sign_subtree,
    subtree_holds,
)
from tallystick.ledger.cosignature import sign_text, signed_time, text_holds
from tallystick.ledger.head import read_checkpoint
from tallystick.ledger.note import Note, Signature, read_note

_LOG = Signer(generate_key("bank.example/log")[0])
_WITNESSES = [
    Signer(generate_key("one.example/w", KeyKind.COSIGNATURE)[0]),
    Signer(generate_key("two.example/w", KeyKind.ML_DSA_44)[0]),
]
_HEAD = Checkpoint("bank.example/log", 20852163, bytes(range(32)))
_NOTE = sign_checkpoint(_HEAD, _LOG)
_COSIGNED = add_signatures(_NOTE, cosign(_NOTE, _WITNESSES, 1_679_315_147))
_ALL = [_LOG.verifier, *(signer.verifier for signer in _WITNESSES)]


def _raw(line: Signature) -> tuple[int, bytes]:
    return int(struct.unpack(">Q", line.signature[:8])[0]), line.signature[8:]


def test_an_ed25519_cosignature_signs_the_lines_of_the_specification() -> None:
    line = read_note(_COSIGNED).signatures[1]
    public = _WITNESSES[0].verifier.public
    assert line.id == hashlib.sha256(b"one.example/w\n\x04" + public).digest()[:4]
    time_s, signature = _raw(line)
    root = base64.b64encode(bytes(range(32)))
    message = b"cosignature/v1\ntime 1679315147\nbank.example/log\n20852163\n" + root + b"\n"
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    assert (time_s, len(signature)) == (1_679_315_147, 64)


def test_an_ml_dsa_cosignature_signs_the_structure_of_the_specification() -> None:
    line = read_note(_COSIGNED).signatures[2]
    public = _WITNESSES[1].verifier.public
    assert line.id == hashlib.sha256(b"two.example/w\n\x06" + public).digest()[:4]
    time_s, signature = _raw(line)
    message = b"subtree/v1\n\0" + b"\x0dtwo.example/w" + struct.pack(">Q", time_s) + b"\x10bank.example/log"
    message += struct.pack(">QQ", 0, 20852163) + bytes(range(32))
    MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    assert (time_s, len(signature), len(public)) == (1_679_315_147, 2420, 1312)


def test_every_kind_of_key_is_read_from_its_text() -> None:
    for signer in (_LOG, *_WITNESSES):
        assert Verifier(signer.verifier.vkey).public == signer.verifier.public
        assert signer.verifier.kind is signer.kind
    assert open_note(_COSIGNED, _ALL)[1] == ("bank.example/log", "one.example/w", "two.example/w")
    assert open_checkpoint(_COSIGNED, _ALL) == _HEAD


def test_every_changed_bit_of_a_signature_fails() -> None:
    """Of the time and of what follows it, for each kind; the bits of ML-DSA's 2,420 bytes one in seven."""
    text = read_note(_COSIGNED).text
    for key, line in zip(_ALL, read_note(_COSIGNED).signatures, strict=True):
        assert text_holds(key, text, line.signature)
        step = 1 if len(line.signature) < 100 else 7
        for bit in range(0, 8 * len(line.signature), step):
            changed = bytearray(line.signature)
            changed[bit // 8] ^= 1 << bit % 8
            assert not text_holds(key, text, bytes(changed))
        for cut in (line.signature[:-1], line.signature + b"\0", line.signature[:8], b""):
            assert not text_holds(key, text, cut)


def test_a_changed_bit_of_a_cosigned_checkpoint_is_refused() -> None:
    for at in range(len(_NOTE)):
        for bit in range(8):
            changed = _COSIGNED[:at] + bytes([_COSIGNED[at] ^ 1 << bit]) + _COSIGNED[at + 1 :]
            with pytest.raises(TamperError):
                open_checkpoint(changed, _ALL)


def test_a_witness_never_speaks_for_a_log() -> None:
    """A timestamped Ed25519 key that bears the log's name is still no log; an ML-DSA-44 key of that name is one."""
    fake = Signer(generate_key("bank.example/log", KeyKind.COSIGNATURE)[0])
    with pytest.raises(TamperError):
        open_checkpoint(sign_note(_HEAD.text(), [fake], 5), [fake.verifier])
    modern = Signer(generate_key("bank.example/log", KeyKind.ML_DSA_44)[0])
    assert open_checkpoint(sign_checkpoint(_HEAD, modern), [modern.verifier]) == _HEAD
    with pytest.raises(InputError):
        cosign(_NOTE, [_LOG], 5)


def test_unknown_kinds_of_signatures_are_passed_over() -> None:
    """Lines of types that nobody here knows stand under a note without harm, and their keys are refused as keys."""
    strange = Signature("ct.example", b"\x00\x01\x02\x03", b"\x05" * 80)
    note = add_signatures(_NOTE, [strange])
    assert open_checkpoint(note, [_LOG.verifier]) == _HEAD
    for kind in (0x00, 0x02, 0x05, 0xFF):
        text = base64.b64encode(bytes([kind]) + bytes(32)).decode()
        with pytest.raises(InputError):
            Verifier(f"ct.example+00010203+{text}")


def test_a_key_that_is_no_point_is_refused() -> None:
    for bad in (b"\x04" + b"\xff" * 31, b"\x06" + bytes(1311), b"\x01" + bytes(33)):
        number = hashlib.sha256(b"a\n" + bad).digest()[:4].hex()
        with pytest.raises(InputError):
            Verifier(f"a+{number}+{base64.b64encode(bad).decode()}")


def test_cosigners_sign_checkpoints_only_and_name_a_time() -> None:
    for signer in _WITNESSES:
        with pytest.raises(InputError):
            sign_text(signer, "closed for the day\n", 5)
        for time_s in (-1, 1 << 63):
            with pytest.raises(InputError):
                sign_text(signer, _HEAD.text(), time_s)
        signature = sign_text(signer, _HEAD.text(), (1 << 63) - 1)
        assert signed_time(signer.kind, signature) == (1 << 63) - 1
        assert not text_holds(signer.verifier, "closed for the day\n", signature)
    with pytest.raises(InputError):
        sign_text(_WITNESSES[1], Checkpoint("o" * 256, 1, bytes(32)).text(), 5)


def test_subtrees_are_signed_by_ml_dsa_alone() -> None:
    """A signature of one subtree holds for no other place, root, log or key; nor does a time fit one inside the log."""
    ours, root = _WITNESSES[1], bytes(32)
    signature = sign_subtree(ours, "bank.example/log", 8, 13, root)
    assert subtree_holds(ours.verifier, "bank.example/log", 8, 13, root, signature)
    other = Signer(generate_key("two.example/w", KeyKind.ML_DSA_44)[0])
    assert not subtree_holds(other.verifier, "bank.example/log", 8, 13, root, signature)
    assert not subtree_holds(ours.verifier, "shop.example/log", 8, 13, root, signature)
    assert not subtree_holds(ours.verifier, "bank.example/log", 16, 21, root, signature)
    assert not subtree_holds(ours.verifier, "bank.example/log", 8, 13, b"\1" * 32, signature)
    assert not subtree_holds(ours.verifier, "bank.example/log", 8, 13, root, b"\1" * 8 + signature[8:])
    for signer, start, stop in ((_WITNESSES[0], 8, 13), (ours, 1, 3), (ours, 5, 5)):
        with pytest.raises(InputError):
            sign_subtree(signer, "bank.example/log", start, stop, root)
    # A checkpoint is the subtree that starts at 0.
    whole = sign_text(ours, _HEAD.text(), 7)
    assert subtree_holds(ours.verifier, _HEAD.origin, 0, _HEAD.size, _HEAD.root, whole)


_names = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="+"), min_size=1, max_size=20)
_lines = st.text(st.characters(exclude_categories=["C"], exclude_characters="\n"), min_size=1, max_size=30)
_signatures = st.builds(Signature, _names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=90))


@given(text=st.lists(st.just("") | _lines, min_size=1), signatures=st.lists(_signatures, min_size=1, max_size=8))
def test_notes_are_read_as_they_were_written(text: list[str], signatures: list[Signature]) -> None:
    note = Note("\n".join(text) + "\n", tuple(signatures))
    assert read_note(note.encode()) == note


@given(st.builds(Checkpoint, _lines, st.integers(0, 10**19 - 1), st.binary(min_size=32, max_size=32), st.tuples()))
def test_checkpoints_are_read_as_they_were_written(head: Checkpoint) -> None:
    assert read_checkpoint(head.text()) == head
    more = Checkpoint(head.origin, head.size, head.root, ("closed", "for the day"))
    assert read_checkpoint(more.text()) == more


@settings(max_examples=60)
@given(
    size=st.integers(0, 2**63),
    time_s=st.integers(0, 2**63 - 1),
    which=st.integers(0, 1),
    root=st.binary(min_size=32, max_size=32),
)
def test_cosignatures_are_read_as_they_were_made(size: int, time_s: int, which: int, root: bytes) -> None:
    note = sign_checkpoint(Checkpoint("bank.example/log", size, root), _LOG)
    cosigned = add_signatures(note, cosign(note, [_WITNESSES[which]], time_s))
    assert open_note(cosigned, _ALL)[1] == ("bank.example/log", _WITNESSES[which].name)
    assert signed_time(_WITNESSES[which].kind, read_note(cosigned).signatures[1].signature) == time_s


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_noise_is_no_note(noise: bytes) -> None:
    """Whatever the bytes are, they are refused as tampered with, or not signed by anybody trusted."""
    with pytest.raises(TamperError):
        open_checkpoint(noise, _ALL)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(_COSIGNED) - 1), cut=st.integers(0, 40), put=st.binary(max_size=40))
def test_a_note_with_bytes_replaced_is_refused_or_says_the_same(at: int, cut: int, put: bytes) -> None:
    """Splicing bytes in never makes a note say anything else."""
    changed = _COSIGNED[:at] + put + _COSIGNED[at + cut :]
    try:
        assert open_checkpoint(changed, _ALL) == _HEAD
    except TamperError:
        return
    assert _LOG.name in open_note(changed, _ALL)[1]
