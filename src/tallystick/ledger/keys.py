"""Keys of signed notes: Ed25519 for logs, Ed25519 and ML-DSA-44 for cosigners, in the texts of C2SP signed-note."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from tallystick.core import InputError
from tallystick.ledger.encoding import decode_base64, encode_base64
from tallystick.ledger.words import WORDS

_PRIVATE = "PRIVATE+KEY+"
_SEED_BYTES = 32


class KeyKind(IntEnum):
    """What a key signs and how; the number is the type byte of C2SP signed-note."""

    ED25519 = 1
    """Any text: the key of a log."""
    COSIGNATURE = 4
    """Checkpoints, with the time: Ed25519 (cosignature/v1), the key of a witness."""
    ML_DSA_44 = 6
    """Checkpoints and subtrees, with the time: ML-DSA-44 (subtree/v1), the key of a witness or a log."""


class _Public(Protocol):
    def verify(self, signature: bytes, data: bytes, /) -> None: ...
    def public_bytes_raw(self) -> bytes: ...


class _Private(Protocol):
    def sign(self, data: bytes, /) -> bytes: ...
    def public_key(self) -> _Public: ...


class _Scheme(msgspec.Struct, frozen=True):
    public_bytes: int
    public: Callable[[bytes], _Public]
    private: Callable[[bytes], _Private]


_ED25519 = _Scheme(32, Ed25519PublicKey.from_public_bytes, Ed25519PrivateKey.from_private_bytes)
_SCHEMES = {
    KeyKind.ED25519: _ED25519,
    KeyKind.COSIGNATURE: _ED25519,
    KeyKind.ML_DSA_44: _Scheme(1312, MLDSA44PublicKey.from_public_bytes, MLDSA44PrivateKey.from_seed_bytes),
}


class Verifier:
    """Checks the signatures of one key, given as its public text (vkey); it has `name`, `id`, `kind` and `public`."""

    def __init__(self, vkey: str) -> None:
        self.name, self.id, self.kind, self.public = _read_key(vkey, "key.public", public=True)
        if key_id(self.name, self.kind, self.public) != self.id:
            raise InputError(WORDS("key.public"))
        self.vkey = vkey
        try:
            self._key = _SCHEMES[self.kind].public(self.public)
        except ValueError:
            raise InputError(WORDS("key.public")) from None

    def holds(self, message: bytes, signature: bytes) -> bool:
        """Whether this key signed exactly these bytes."""
        try:
            self._key.verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """Signs with one key, given as its secret text (skey); its `verifier` is for everybody."""

    def __init__(self, skey: str) -> None:
        if not skey.startswith(_PRIVATE):
            raise InputError(WORDS("key.secret"))
        self.name, self.id, self.kind, seed = _read_key(skey.removeprefix(_PRIVATE), "key.secret", public=False)
        self._key = _SCHEMES[self.kind].private(seed)
        public = self._key.public_key().public_bytes_raw()
        if key_id(self.name, self.kind, public) != self.id:
            raise InputError(WORDS("key.secret"))
        self.verifier = Verifier(_key_text(self.name, self.id, self.kind, public))

    def sign(self, message: bytes) -> bytes:
        """The signature of exactly these bytes: 64 bytes of Ed25519, 2,420 of ML-DSA-44."""
        return self._key.sign(message)


def generate_key(name: str, kind: KeyKind = KeyKind.ED25519) -> tuple[str, str]:
    """Make a new key: (secret text, public text).

    Parameters
    ----------
    name
        Text without spaces and plus signs; for a log, its origin, such as "bank.example/decisions".
    kind
        ED25519 for a log; COSIGNATURE or ML_DSA_44 for a witness.

    Examples
    --------
    >>> skey, vkey = generate_key("bank.example/decisions")
    >>> Signer(skey).verifier.vkey == vkey
    True
    """
    check_name(name)
    seed = os.urandom(_SEED_BYTES)
    public = _SCHEMES[kind].private(seed).public_key().public_bytes_raw()
    number = key_id(name, kind, public)
    return _PRIVATE + _key_text(name, number, kind, seed), _key_text(name, number, kind, public)


def key_id(name: str, kind: KeyKind, public: bytes) -> bytes:
    """The first 4 bytes of SHA-256(name ‖ newline ‖ type ‖ public key)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def check_name(name: str) -> None:
    """Refuse what C2SP signed-note does not allow as a key's name."""
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise InputError(WORDS("key.name", given=name))


def _key_text(name: str, number: bytes, kind: KeyKind, key: bytes) -> str:
    return f"{name}+{number.hex()}+{encode_base64(bytes([kind]) + key)}"


def _read_key(text: str, fault: str, public: bool) -> tuple[str, bytes, KeyKind, bytes]:
    # The key itself is never shown: a secret one may have been given in the place of a public one.
    name, _, rest = text.partition("+")
    number, _, encoded = rest.partition("+")
    raw = decode_base64(encoded)
    if not re.fullmatch(r"[0-9a-f]{8}", number) or not raw or raw[0] not in _SCHEMES:
        raise InputError(WORDS(fault))
    kind = KeyKind(raw[0])
    if len(raw) != 1 + (_SCHEMES[kind].public_bytes if public else _SEED_BYTES):
        raise InputError(WORDS(fault))
    check_name(name)
    return name, bytes.fromhex(number), kind, raw[1:]
