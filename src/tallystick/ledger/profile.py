"""What a log is made with: the hash of its tree and its digests, and the kind of key that signs its checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives import hashes

from tallystick.core import InputError
from tallystick.ledger.keys import KeyKind
from tallystick.ledger.words import WORDS

HASH_BYTES = 32


class Hashed(Protocol):
    """Bytes that were hashed."""

    def digest(self) -> bytes:
        """Their hash, 32 bytes."""


class Profile(msgspec.Struct, frozen=True):
    """The cryptography of a log; a log of another profile is another log, with an origin of its own.

    `name` is what tallystick.toml says, `digest_name` stands before the digits of a digest, `key` is the kind of key
    that a new log gets, `new` hashes bytes.

    Examples
    --------
    >>> INTERNATIONAL.digest(b"abc").hex()[:16], DOMESTIC.digest(b"abc").hex()[:16]
    ('ba7816bf8f01cfea', '66c7f0f462eeedd9')
    """

    name: str
    digest_name: str
    key: KeyKind
    new: Callable[[bytes], Hashed]

    @property
    def empty(self) -> bytes:
        """The root of a tree without entries."""
        return self.digest(b"")

    def digest(self, data: bytes) -> bytes:
        """The hash of bytes, 32 bytes."""
        return self.new(data).digest()

    def digest_text(self, data: bytes) -> str:
        """The hash as a text: its name, a colon, 64 hex digits."""
        return f"{self.digest_name}:{self.digest(data).hex()}"

    def leaf_hash(self, entry: bytes) -> bytes:
        """The hash of an entry: H(0x00 ‖ entry) (RFC 6962, section 2.1)."""
        return self.new(b"\0" + entry).digest()

    def leaf_hashes(self, entries: Sequence[bytes]) -> list[bytes]:
        """The hashes of entries."""
        new = self.new
        return [new(b"\0" + entry).digest() for entry in entries]

    def node_hash(self, left: bytes, right: bytes) -> bytes:
        """The hash of two subtrees: H(0x01 ‖ left ‖ right)."""
        return self.new(b"\1" + left + right).digest()

    def above(self, row: Sequence[bytes]) -> list[bytes]:
        """The nodes above an even number of hashes that stand side by side."""
        new, sides = self.new, iter(row)
        return [new(b"\1" + left + right).digest() for left, right in zip(sides, sides, strict=True)]


def _openssl_sm3() -> Callable[[bytes], Hashed]:
    start = hashlib.new("sm3")

    def new(data: bytes) -> Hashed:
        # A copy spares looking the algorithm up by its name each time.
        made = start.copy()
        made.update(data)
        return made

    return new


class _Sm3:
    """SM3 where Python's own OpenSSL was built without it."""

    def __init__(self, data: bytes) -> None:
        made = hashes.Hash(hashes.SM3())
        made.update(data)
        self._digest = made.finalize()

    def digest(self) -> bytes:
        return self._digest


INTERNATIONAL = Profile("international", "sha256", KeyKind.ED25519, hashlib.sha256)
"""SHA-256 and Ed25519: what C2SP's formats say."""
DOMESTIC = Profile("domestic", "sm3", KeyKind.SM2, _openssl_sm3() if "sm3" in hashlib.algorithms_available else _Sm3)
"""SM3 (GB/T 32905) and SM2 (GB/T 32918): the same formats over the algorithms that Chinese rules ask for."""
PROFILES = {profile.name: profile for profile in (INTERNATIONAL, DOMESTIC)}


def profile_of(kind: KeyKind) -> Profile:
    """The profile of a log whose key is of this kind."""
    return DOMESTIC if kind is DOMESTIC.key else INTERNATIONAL


def check_profile(profile: Profile, kind: KeyKind) -> None:
    """Refuse a key that cannot stand for a log of the profile."""
    if profile_of(kind) is not profile or kind is KeyKind.COSIGNATURE:
        raise InputError(WORDS("key.profile", given=kind.name, profile=profile.name, allowed=profile.key.name))
