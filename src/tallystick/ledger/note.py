"""Signed notes (C2SP signed-note): a text that people can read, and signatures under it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from tallystick.core import InputError, TamperError
from tallystick.ledger.cosignature import sign_text, text_holds
from tallystick.ledger.encoding import decode_base64, encode_base64
from tallystick.ledger.keys import Signer, Verifier
from tallystick.ledger.words import WORDS

_SIGNATURES_MAX = 100
_NOTE_BYTES_MAX = 1 << 20
"""Three times what 100 signatures of ML-DSA-44 take."""
_SHOWN, _NAME_SHOWN = 5, 80
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class Signature(msgspec.Struct, frozen=True):
    """A signature line: the key's name, the key's id (4 bytes), and what the key made."""

    name: str
    id: bytes
    signature: bytes

    def line(self) -> str:
        """The line as it stands in the note, with its newline."""
        return f"— {self.name} {encode_base64(self.id + self.signature)}\n"


class Note(msgspec.Struct, frozen=True):
    """A note that was read but not checked: its text, with the last newline, and its signatures in order."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The bytes of the note."""
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()


def sign_note(text: str, signers: Sequence[Signer], time_s: int = 0) -> bytes:
    """Sign a text that ends in a newline.

    Parameters
    ----------
    text
        Any text for an ED25519 key; the text of a checkpoint for the other kinds.
    signers
        The keys, in the order of their lines.
    time_s
        POSIX time in seconds that cosigners state; 0 states none.

    Examples
    --------
    >>> from tallystick.ledger.keys import generate_key
    >>> signer = Signer(generate_key("bank.example/log")[0])
    >>> open_note(sign_note("closed for the day\\n", [signer]), [signer.verifier])
    ('closed for the day\\n', ('bank.example/log',))
    """
    if not text.endswith("\n") or _control(text):
        raise InputError(WORDS("note.form"))
    return Note(text, tuple(make_signature(text, signer, time_s) for signer in signers)).encode()


def make_signature(text: str, signer: Signer, time_s: int = 0) -> Signature:
    """The signature line of one key under a text."""
    return Signature(signer.name, signer.id, sign_text(signer, text, time_s))


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> tuple[str, tuple[str, ...]]:
    """Check a signed note and give its text and the names of the trusted keys that signed it.

    Signatures of unknown keys are passed over.

    Raises
    ------
    TamperError
        When it is no signed note, a trusted key's signature is wrong, or no trusted key signed.
    """
    whole = read_note(note)
    return whole.text, tuple(key.name for key, _ in trusted_signatures(whole, verifiers))


def trusted_signatures(note: Note, verifiers: Sequence[Verifier]) -> list[tuple[Verifier, Signature]]:
    """The signatures of trusted keys, one a key, each of them checked.

    Raises
    ------
    TamperError
        When a trusted key's signature is wrong, or no trusted key signed.
    """
    known = {(verifier.name, verifier.id): verifier for verifier in verifiers}
    held: dict[Verifier, Signature] = {}
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.id))
        if verifier is None:
            continue
        if not text_holds(verifier, note.text, signature.signature):
            raise TamperError(WORDS("note.signature", name=signature.name))
        held.setdefault(verifier, signature)
    if not held:
        raise _untrusted(note, verifiers)
    return list(held.items())


def _untrusted(note: Note, verifiers: Sequence[Verifier]) -> TamperError:
    """Nobody trusted has signed; another key of a trusted name is told apart by its id."""
    names = {signature.name for signature in note.signatures}
    for name in (key.name for key in verifiers if key.name in names):
        signed = _some([signature.id.hex() for signature in note.signatures if signature.name == name])
        held = _some([key.id.hex() for key in verifiers if key.name == name])
        return TamperError(WORDS("note.other", name=name, given=signed, allowed=held))
    signed = _some([f"{signature.name[:_NAME_SHOWN]!r} ({signature.id.hex()})" for signature in note.signatures])
    return TamperError(WORDS("note.unsigned", given=signed, allowed=shown_keys(verifiers)))


def shown_keys(keys: Sequence[Verifier]) -> str:
    """Keys for a message: each by its name and its id, in hex."""
    return _some([f"{key.name!r} ({key.id.hex()})" for key in keys])


def _some(texts: Sequence[str]) -> str:
    """At most five of them: nobody vouches for what stands under a note."""
    return ", ".join([*texts[:_SHOWN], "…"] if len(texts) > _SHOWN else texts)


def read_note(note: bytes) -> Note:
    """Take a note apart without checking any signature.

    Raises
    ------
    TamperError
        When it is no signed note.

    Examples
    --------
    >>> read_note(b"hello\\n\\n\\xe2\\x80\\x94 bank.example AAAAAQI=\\n").signatures
    (Signature(name='bank.example', id=b'\\x00\\x00\\x00\\x01', signature=b'\\x02'),)
    """
    if len(note) > _NOTE_BYTES_MAX:
        raise TamperError(WORDS("note.form"))
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise TamperError(WORDS("note.form")) from None
    if _control(whole) or not whole.endswith("\n"):
        raise TamperError(WORDS("note.form"))
    cut = whole.rfind("\n\n")
    if cut < 0:
        raise TamperError(WORDS("note.form"))
    return Note(whole[: cut + 1], read_signatures(whole[cut + 2 :]))


def read_signatures(lines: str) -> tuple[Signature, ...]:
    """Read signature lines, 1 to 100 of them, each with its newline; raises `TamperError`."""
    parts = lines.split("\n")
    if parts.pop() or not 0 < len(parts) <= _SIGNATURES_MAX:
        raise TamperError(WORDS("note.form"))
    found = []
    for part in parts:
        match = _LINE.fullmatch(part)
        raw = decode_base64(match[2]) if match is not None else None
        if match is None or raw is None or len(raw) <= 4:
            raise TamperError(WORDS("note.form"))
        found.append(Signature(match[1], raw[:4], raw[4:]))
    return tuple(found)


def _control(text: str) -> bool:
    return any(letter < " " and letter != "\n" for letter in text)
