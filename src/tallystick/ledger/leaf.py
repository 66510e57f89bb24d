"""Leaves: what the log holds of a record. A salted digest, so that forgetting the salt forgets the record."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.core import InputError, jcs
from tallystick.ledger.profile import INTERNATIONAL, Profile
from tallystick.ledger.words import WORDS

SALT_BYTES = 32
_TAKEN = ("digest", "kind")


def leaf(
    kind: str,
    payload: bytes,
    salt: bytes,
    public: Mapping[str, str] | None = None,
    profile: Profile = INTERNATIONAL,
) -> bytes:
    """The leaf of a record: RFC 8785 JSON of its kind, its salted digest, and what may be public.

    Parameters
    ----------
    kind
        What was recorded, such as "decision".
    payload
        The record, in its canonical form.
    salt
        32 random bytes of this record alone. The digest is H(salt ‖ payload); its fixed length keeps salt and
        payload apart, and without it nobody can guess the payload from the digest.
    public
        Further texts that everybody may see for ever, such as a position.
    profile
        The log's; it says what H is.

    Examples
    --------
    >>> leaf("decision", b"{}", bytes(32), {"position": "7"})
    b'{"digest":"sha256:fb1634c4e6cd4b1f1afe3ce2d6ef080f7ac5d1f357d723ad4dfca782733b62db","kind":"decision","position":"7"}'
    """
    for name in public or {}:
        if name in _TAKEN:
            raise InputError(WORDS("leaf.public", given=name))
    return jcs({**(public or {}), "digest": digest(payload, salt, profile), "kind": kind})


def digest(payload: bytes, salt: bytes, profile: Profile = INTERNATIONAL) -> str:
    """The text of the salted digest: "sha256:" or "sm3:" and 64 hex digits."""
    if len(salt) != SALT_BYTES:
        raise InputError(WORDS("leaf.salt", given=len(salt), allowed=SALT_BYTES))
    return profile.digest_text(salt + payload)
