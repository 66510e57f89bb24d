"""Keys of signed notes in the texts of C2SP signed-note: Ed25519, ML-DSA-44, SM2; for logs and for cosigners."""

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
from tallystick.ledger import sm2
from tallystick.ledger.encoding import decode_base64, encode_base64
from tallystick.ledger.words import WORDS

_PRIVATE = "PRIVATE+KEY+"
_SEED_BYTES = 32
SM2_TYPE = b"tallystick/sm2-sm3/v1"
"""What follows 0xff in an SM2 key, and begins what it signs."""


class KeyKind(IntEnum):
    """What a key signs and how; the number is the type byte of C2SP signed-note."""

    ED25519 = 1
    """Any text: the key of a log."""
    COSIGNATURE = 4
    """Checkpoints, with the time: Ed25519 (cosignature/v1), the key of a witness."""
    ML_DSA_44 = 6
    """Checkpoints and subtrees, with the time: ML-DSA-44 (subtree/v1), the key of a witness or a log."""
    SM2 = 255
    """Any text, with the time: SM2 over SM3, the key of a domestic log or of a witness; it needs the extra `domestic`.
    C2SP assigns it no byte of its own: after 0xff stands `tallystick/sm2-sm3/v1`."""


class _Public(Protocol):
    def verify(self, signature: bytes, data: bytes, /) -> None: ...
    def public_bytes_raw(self) -> bytes: ...


class _Private(Protocol):
    def sign(self, data: bytes, /) -> bytes: ...
    def public_key(self) -> _Public: ...


class _Scheme(msgspec.Struct, frozen=True):
    type: bytes
    public_bytes: int
    public: Callable[[bytes], _Public]
    private: Callable[[bytes], _Private]
    secret: Callable[[], bytes] = lambda: os.urandom(_SEED_BYTES)


def _ed25519(kind: KeyKind) -> _Scheme:
    return _Scheme(bytes([kind]), 32, Ed25519PublicKey.from_public_bytes, Ed25519PrivateKey.from_private_bytes)


_SCHEMES = {
    KeyKind.ED25519: _ed25519(KeyKind.ED25519),
    KeyKind.COSIGNATURE: _ed25519(KeyKind.COSIGNATURE),
    KeyKind.ML_DSA_44: _Scheme(b"\6", 1312, MLDSA44PublicKey.from_public_bytes, MLDSA44PrivateKey.from_seed_bytes),
    KeyKind.SM2: _Scheme(b"\xff" + SM2_TYPE, sm2.PUBLIC_BYTES, sm2.PublicKey, sm2.PrivateKey, sm2.new_secret),
}


class Verifier:
    """Checks the signatures of one key, given as its public text (vkey); it has `name`, `id`, `kind` and `public`.

    `InputError` for other texts, `StateError` for an SM2 key when its library is not installed.
    """

    def __init__(self, vkey: str) -> None:
        refuse_secret(vkey)
        self.name, self.id, self.kind, self.public = _read_key(vkey, "key.public", public=True)
        own = key_id(self.name, self.kind, self.public)
        if own != self.id:
            raise InputError(WORDS("key.id", given=self.id.hex(), allowed=own.hex()))
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
        try:
            self._key = _SCHEMES[self.kind].private(seed)
        except ValueError:
            raise InputError(WORDS("key.secret")) from None
        public = self._key.public_key().public_bytes_raw()
        if key_id(self.name, self.kind, public) != self.id:
            raise InputError(WORDS("key.secret"))
        self.verifier = Verifier(_key_text(self.name, self.id, self.kind, public))

    def sign(self, message: bytes) -> bytes:
        """The signature of exactly these bytes: 64 bytes of Ed25519 and SM2, 2,420 of ML-DSA-44."""
        return self._key.sign(message)


def generate_key(name: str, kind: KeyKind = KeyKind.ED25519) -> tuple[str, str]:
    """Make a new key: (secret text, public text).

    Parameters
    ----------
    name
        Text without spaces and plus signs; for a log, its origin, such as "bank.example/decisions".
    kind
        ED25519 for a log, SM2 for a domestic one; COSIGNATURE, ML_DSA_44 or SM2 for a witness.

    Raises
    ------
    StateError
        When SM2 is asked for and its library is not installed.

    Examples
    --------
    >>> skey, vkey = generate_key("bank.example/decisions")
    >>> Signer(skey).verifier.vkey == vkey
    True
    """
    check_name(name)
    seed = _SCHEMES[kind].secret()
    public = _SCHEMES[kind].private(seed).public_key().public_bytes_raw()
    number = key_id(name, kind, public)
    return _PRIVATE + _key_text(name, number, kind, seed), _key_text(name, number, kind, public)


def key_id(name: str, kind: KeyKind, public: bytes) -> bytes:
    """The first 4 bytes of SHA-256(name ‖ newline ‖ type ‖ public key): a short name for every kind of key."""
    return hashlib.sha256(name.encode() + b"\n" + _SCHEMES[kind].type + public).digest()[:4]


def check_name(name: str) -> None:
    """Raise `InputError` where C2SP signed-note does not allow a text as a key's name, and so as a log's origin."""
    if not name or "+" in name or any(letter.isspace() or letter < " " or _lone(letter) for letter in name):
        raise InputError(WORDS("key.name", given=name))


def refuse_secret(text: str) -> None:
    """Raise `InputError` where a secret key stands in the place of something else, so that no message shows it."""
    if _PRIVATE in text:
        raise InputError(WORDS("key.private"))


def _lone(letter: str) -> bool:
    """Whether a letter is half of one, which no UTF-8 text holds."""
    return "\ud800" <= letter <= "\udfff"


def _key_text(name: str, number: bytes, kind: KeyKind, key: bytes) -> str:
    return f"{name}+{number.hex()}+{encode_base64(_SCHEMES[kind].type + key)}"


def _read_key(text: str, fault: str, public: bool) -> tuple[str, bytes, KeyKind, bytes]:
    # The key itself is never shown: a secret one may have been given in the place of a public one.
    name, _, rest = text.partition("+")
    number, _, encoded = rest.partition("+")
    raw = decode_base64(encoded)
    kind = next((kind for kind, scheme in _SCHEMES.items() if raw is not None and raw.startswith(scheme.type)), None)
    if not re.fullmatch(r"[0-9a-f]{8}", number) or raw is None or kind is None:
        raise InputError(WORDS(fault))
    key = raw[len(_SCHEMES[kind].type) :]
    if len(key) != (_SCHEMES[kind].public_bytes if public else _SEED_BYTES):
        raise InputError(WORDS(fault))
    check_name(name)
    return name, bytes.fromhex(number), kind, key
