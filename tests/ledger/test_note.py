"""Signed notes, keys and checkpoints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core import InputError, TamperError
from tallystick.ledger import (
    Checkpoint,
    KeyKind,
    Signer,
    Verifier,
    generate_key,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
)
from tallystick.ledger.head import read_size

# The example key and note of golang.org/x/mod/sumdb/note.
_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
_NOTE = (
    _TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_another_implementation() -> None:
    """Go's published example verifies, and signing the same text with the same key gives the same bytes."""
    signer, verifier = Signer(_SKEY), Verifier(_VKEY)
    assert open_note(_NOTE.encode(), [verifier]) == (_TEXT, ("PeterNeumann",))
    assert sign_note(_TEXT, [signer]) == _NOTE.encode()
    assert signer.verifier.vkey == _VKEY


def test_every_changed_byte_of_a_note_is_refused() -> None:
    verifier, note = Verifier(_VKEY), _NOTE.encode()
    for at in range(len(note)):
        for mask in (0x01, 0x20):
            changed = note[:at] + bytes([note[at] ^ mask]) + note[at + 1 :]
            with pytest.raises(TamperError):
                open_note(changed, [verifier])


def test_signatures_of_strangers_are_passed_over() -> None:
    """One trusted signature among others is enough; none is not."""
    ours, theirs = (Signer(generate_key(name)[0]) for name in ("bank.example/log", "witness.example"))
    note = sign_note("text\n\nwith a blank line\n", [theirs, ours])
    assert open_note(note, [ours.verifier])[1] == ("bank.example/log",)
    assert open_note(note, [ours.verifier, theirs.verifier])[1] == ("witness.example", "bank.example/log")
    with pytest.raises(TamperError) as caught:
        open_note(note, [Verifier(_VKEY)])
    assert "witness.example" in caught.value.text()
    assert "PeterNeumann" in caught.value.text("zh")


def test_a_key_of_the_same_name_but_another_number_is_a_stranger() -> None:
    ours, other = (Signer(generate_key("bank.example/log")[0]) for _ in range(2))
    with pytest.raises(TamperError):
        open_note(sign_note("text\n", [other]), [ours.verifier])


@pytest.mark.parametrize("note", [b"", b"\n", b"text\n", b"text\n\n", b"\xff\n", b"a\tb\n\n", _NOTE.encode()[:-1]])
def test_what_is_no_note_is_refused(note: bytes) -> None:
    with pytest.raises(TamperError):
        open_note(note, [Verifier(_VKEY)])


@pytest.mark.parametrize(
    "vkey", ["", "name", "a+b+c", _SKEY, _VKEY[:-1], _VKEY.replace("c74f20a3", "c74f20a4"), " " + _VKEY]
)
def test_what_is_no_public_key_is_refused_without_showing_it(vkey: str) -> None:
    with pytest.raises(InputError) as caught:
        Verifier(vkey)
    assert "AYEKFALVFGyN" not in caught.value.text()


@pytest.mark.parametrize("skey", ["", _VKEY, "PRIVATE+KEY+" + _VKEY, _SKEY.replace("PeterNeumann", "Mallory")])
def test_what_is_no_secret_key_is_refused(skey: str) -> None:
    with pytest.raises(InputError):
        Signer(skey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_key_names_hold_no_spaces_or_plus_signs(name: str) -> None:
    with pytest.raises(InputError):
        generate_key(name)


@pytest.mark.parametrize("text", ["", "no newline", "bell\a\n"])
def test_texts_that_cannot_be_signed(text: str) -> None:
    with pytest.raises(InputError):
        sign_note(text, [Signer(_SKEY)])


@given(size=st.integers(0, 2**62), root=st.binary(min_size=32, max_size=32))
def test_checkpoints_round_trip(size: int, root: bytes) -> None:
    signer = Signer(_SKEY)
    head = Checkpoint("PeterNeumann", size, root)
    assert open_checkpoint(sign_checkpoint(head, signer), [signer.verifier]) == head


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann\n1\n",
        "PeterNeumann\n01\nx\n",
        "PeterNeumann\n-1\nAAAA\n",
        "PeterNeumann\n1\nAAAA\n",
        "\n1\nAAAA\n",
    ],
)
def test_signed_texts_that_are_no_checkpoints(text: str) -> None:
    signer = Signer(_SKEY)
    with pytest.raises(TamperError):
        open_checkpoint(sign_note(text, [signer]), [signer.verifier])


def test_a_trusted_key_cannot_speak_for_another_log() -> None:
    """A witness's or another log's key does not make a checkpoint of this log valid."""
    signer = Signer(_SKEY)
    note = sign_checkpoint(Checkpoint("bank.example/log", 1, bytes(32)), signer)
    with pytest.raises(TamperError):
        open_checkpoint(note, [signer.verifier])


def test_extension_lines_are_given_out_only_where_they_are_signed() -> None:
    """What an ML-DSA-44 key signs covers origin, size and root: under it alone anybody could write further lines."""
    head = Checkpoint("bank.example/log", 7, bytes(32), ("closed for the day",))
    for kind, covers in ((KeyKind.ED25519, True), (KeyKind.SM2, True), (KeyKind.ML_DSA_44, False)):
        signer = Signer(generate_key(head.origin, kind)[0])
        found = open_checkpoint(sign_checkpoint(head, signer), [signer.verifier])
        assert found == Checkpoint(head.origin, 7, bytes(32), head.extensions if covers else ())


@pytest.mark.parametrize(("size", "good"), [(0, True), (2**64 - 1, True), (2**64, False)])
def test_sizes_go_as_far_as_the_formats(size: int, good: bool) -> None:
    assert (read_size(str(size)) == size) == good
    assert read_size(f"0{size}") is None


def test_long_notes_are_refused_unread() -> None:
    with pytest.raises(TamperError) as caught:
        open_note(b"line\n" * 210_000 + _NOTE.encode(), [Verifier(_VKEY)])
    assert caught.value.code == "note.form"


def test_names_that_nobody_vouches_for_are_shown_escaped_and_few() -> None:
    note = _TEXT + "\n" + "".join(f"— evil\x9b{number} AAAAAQI=\n" for number in range(90))
    with pytest.raises(TamperError) as caught:
        open_note(note.encode(), [Verifier(_VKEY)])
    assert "\x9b" not in caught.value.text()
    assert caught.value.text().count("evil") == 5
