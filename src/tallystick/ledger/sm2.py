"""SM2 signatures over SM3 (GB/T 32918.2) in fixed bytes; computed by gmalg, which the extra `domestic` installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cryptography.exceptions import InvalidSignature

from tallystick.core import StateError
from tallystick.ledger.words import WORDS

PUBLIC_BYTES = 65
"""0x04 ‖ x ‖ y."""
USER_ID = b"1234567812345678"
"""The identity of a signer who has agreed on no other (GM/T 0009-2012, section 10)."""
_FIELD = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


class PublicKey:
    """A point on the curve of GB/T 32918.5; `ValueError` for other bytes, `StateError` without the library."""

    def __init__(self, raw: bytes) -> None:
        parts = raw[1:33], raw[33:]
        inside = (
            len(raw) == PUBLIC_BYTES and raw[0] == 4 and all(int.from_bytes(part, "big") < _FIELD for part in parts)
        )
        if not inside or not _library().SM2().verify_pk(raw):
            raise ValueError("no point on the curve")
        self._raw, self._key = raw, _library().SM2(None, USER_ID, raw)

    def verify(self, signature: bytes, data: bytes, /) -> None:
        """Raise `InvalidSignature` unless r ‖ s, 32 bytes each, is of this key over exactly these bytes."""
        if len(signature) != 64 or not self._key.verify(data, signature[:32], signature[32:]):
            raise InvalidSignature

    def public_bytes_raw(self) -> bytes:
        """The 65 bytes of the point."""
        return self._raw


class PrivateKey:
    """A number d from 1 to n − 2, 32 bytes; every signature draws a fresh nonce from the system's `secrets`."""

    def __init__(self, raw: bytes) -> None:
        if not 1 <= int.from_bytes(raw, "big") <= _ORDER - 2:
            raise ValueError("no secret number of the curve")
        point = _library().SM2().generate_pk(raw)
        self._public, self._key = PublicKey(point), _library().SM2(raw, USER_ID, point)

    def sign(self, data: bytes, /) -> bytes:
        """The signature r ‖ s, 32 bytes each."""
        r, s = self._key.sign(data)
        return bytes(r.rjust(32, b"\0") + s.rjust(32, b"\0"))

    def public_key(self) -> PublicKey:
        """The point that belongs to the number."""
        return self._public


def new_secret() -> bytes:
    """A fresh secret number, 32 bytes."""
    return bytes(_library().SM2().generate_keypair()[0].rjust(32, b"\0"))


def _library() -> Any:
    try:
        return import_module("gmalg")
    except ImportError:
        raise StateError(WORDS("key.extra")) from None
