"""Signed notes (C2SP signed-note): a text that people can read, and Ed25519 signatures under it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tallystick.core import InputError, TamperError
from tallystick.ledger.words import WORDS

_ED25519 = b"\x01"
_SIGNATURES_MAX = 100
_PRIVATE = "PRIVATE+KEY+"
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class Verifier:
    """Checks the signatures of one key, given as its public text (vkey)."""

    def __init__(self, vkey: str) -> None:
        self.name, self.id, public = _read_key(vkey, "key.public")
        if key_id(self.name, public) != self.id:
            raise InputError(WORDS("key.public"))
        self.vkey = vkey
        self._key = Ed25519PublicKey.from_public_bytes(public)

    def holds(self, message: bytes, signature: bytes) -> bool:
        """Whether this key signed the message."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Signer:
    """Signs with one key, given as its secret text (skey); its `verifier` is for everybody."""

    def __init__(self, skey: str) -> None:
        if not skey.startswith(_PRIVATE):
            raise InputError(WORDS("key.secret"))
        self.name, self.id, seed = _read_key(skey.removeprefix(_PRIVATE), "key.secret")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes_raw()
        if key_id(self.name, public) != self.id:
            raise InputError(WORDS("key.secret"))
        self.verifier = Verifier(_key_text(self.name, self.id, public))

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature (64 bytes) of a message."""
        return self._key.sign(message)


def generate_key(name: str) -> tuple[str, str]:
    """Make a new key: (secret text, public text).

    Parameters
    ----------
    name
        Text without spaces and plus signs; for a log, its origin, such as "bank.example/decisions".

    Examples
    --------
    >>> skey, vkey = generate_key("bank.example/decisions")
    >>> Signer(skey).verifier.vkey == vkey
    True
    """
    _check_name(name)
    seed = os.urandom(32)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    number = key_id(name, public)
    return _PRIVATE + _key_text(name, number, seed), _key_text(name, number, public)


def key_id(name: str, public: bytes) -> bytes:
    """The first 4 bytes of SHA-256(name ‖ newline ‖ type ‖ public key)."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def sign_note(text: str, signers: Sequence[Signer]) -> bytes:
    """Sign a text that ends in a newline.

    Examples
    --------
    >>> signer = Signer(generate_key("bank.example/log")[0])
    >>> open_note(sign_note("closed for the day\\n", [signer]), [signer.verifier])
    ('closed for the day\\n', ('bank.example/log',))
    """
    if not text.endswith("\n") or _control(text):
        raise InputError(WORDS("note.form"))
    message = text.encode()
    lines = (f"— {signer.name} {_base64(signer.id + signer.sign(message))}\n" for signer in signers)
    return (text + "\n" + "".join(lines)).encode()


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> tuple[str, tuple[str, ...]]:
    """Check a signed note and give its text and the names of the trusted keys that signed it.

    Signatures of unknown keys are passed over.

    Raises
    ------
    TamperError
        When it is no signed note, a trusted key's signature is wrong, or no trusted key signed.
    """
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise TamperError(WORDS("note.form")) from None
    if _control(whole) or not whole.endswith("\n"):
        raise TamperError(WORDS("note.form"))
    cut = whole.rfind("\n\n")
    lines = whole[cut + 2 : -1].split("\n")
    if cut < 0 or len(lines) > _SIGNATURES_MAX:
        raise TamperError(WORDS("note.form"))
    text = whole[: cut + 1]
    known = {(verifier.name, verifier.id): verifier for verifier in verifiers}
    signed, names = [], []
    for line in lines:
        match = _LINE.fullmatch(line)
        raw = decode_base64(match[2]) if match is not None else None
        if match is None or raw is None or len(raw) <= 4:
            raise TamperError(WORDS("note.form"))
        names.append(match[1])
        verifier = known.get((match[1], raw[:4]))
        if verifier is None:
            continue
        if not verifier.holds(text.encode(), raw[4:]):
            raise TamperError(WORDS("note.signature", name=match[1]))
        signed.append(verifier.name)
    if not signed:
        trusted = ", ".join(verifier.name for verifier in verifiers)
        raise TamperError(WORDS("note.unsigned", given=", ".join(names), allowed=trusted))
    return text, tuple(signed)


def decode_base64(text: str) -> bytes | None:
    """The bytes of base64 text (RFC 4648, section 4), or None: one text per value, so no letter can be changed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _base64(raw) == text else None


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _control(text: str) -> bool:
    return any(letter < " " and letter != "\n" for letter in text)


def _check_name(name: str) -> None:
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise InputError(WORDS("key.name", given=name))


def _key_text(name: str, number: bytes, key: bytes) -> str:
    return f"{name}+{number.hex()}+{_base64(_ED25519 + key)}"


def _read_key(text: str, fault: str) -> tuple[str, bytes, bytes]:
    # The key itself is never shown: a secret one may have been given in the place of a public one.
    name, _, rest = text.partition("+")
    number, _, encoded = rest.partition("+")
    raw = decode_base64(encoded)
    if not re.fullmatch(r"[0-9a-f]{8}", number) or raw is None or len(raw) != 33 or raw[:1] != _ED25519:
        raise InputError(WORDS(fault))
    _check_name(name)
    return name, bytes.fromhex(number), raw[1:]
