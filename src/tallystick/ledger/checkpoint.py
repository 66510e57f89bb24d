"""Signed checkpoints (C2SP tlog-checkpoint) and the cosignatures under them (C2SP tlog-cosignature)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tallystick.core import InputError, TamperError
from tallystick.ledger.head import Checkpoint, read_checkpoint
from tallystick.ledger.keys import KeyKind, Signer, Verifier
from tallystick.ledger.note import Note, Signature, make_signature, read_note, shown_keys, sign_note, trusted_signatures
from tallystick.ledger.profile import Profile, profile_of
from tallystick.ledger.words import WORDS


def sign_checkpoint(head: Checkpoint, signer: Signer) -> bytes:
    """The signed note of a checkpoint, by the key of its log."""
    return sign_note(head.text(), [signer])


def open_checkpoint(note: bytes, verifiers: Sequence[Verifier], profile: Profile | None = None) -> Checkpoint:
    """Check a signed checkpoint; one of the signatures must be of a trusted key that bears the log's own name.

    A key that makes timestamped Ed25519 cosignatures never stands for a log. Where a profile is given, the log's key
    must be of that profile: an SM2 key signs roots of SM3, the others roots of SHA-256. Extension lines are given out
    only where a key of the log signed them: what an ML-DSA-44 key signs does not cover them.

    Raises
    ------
    TamperError
        When it is no checkpoint or the log's signature does not hold.

    Examples
    --------
    >>> from tallystick.ledger.keys import generate_key
    >>> signer = Signer(generate_key("bank.example/log")[0])
    >>> head = Checkpoint("bank.example/log", 0, bytes(32))
    >>> open_checkpoint(sign_checkpoint(head, signer), [signer.verifier]) == head
    True
    """
    whole = read_note(note)
    keys = [key for key, _ in trusted_signatures(whole, verifiers)]
    head = read_checkpoint(whole.text)
    logs = [key.kind for key in keys if key.name == head.origin and key.kind is not KeyKind.COSIGNATURE]
    if not any(profile in (None, profile_of(kind)) for kind in logs):
        raise TamperError(WORDS("note.log", given=shown_keys(keys), allowed=head.origin))
    if head.extensions and all(kind is KeyKind.ML_DSA_44 for kind in logs):
        return msgspec.structs.replace(head, extensions=())
    return head


def cosign(note: bytes, signers: Sequence[Signer], time_s: int) -> tuple[Signature, ...]:
    """Cosign a checkpoint; whether it may be cosigned was decided before.

    Parameters
    ----------
    note
        The signed checkpoint.
    signers
        Keys of the kinds COSIGNATURE, ML_DSA_44 and SM2.
    time_s
        POSIX time in seconds, 1 to 2^63 − 1.

    Examples
    --------
    >>> from tallystick.ledger.keys import generate_key
    >>> log = Signer(generate_key("bank.example/log")[0])
    >>> witness = Signer(generate_key("witness.example", KeyKind.COSIGNATURE)[0])
    >>> note = sign_checkpoint(Checkpoint("bank.example/log", 0, bytes(32)), log)
    >>> cosigned = add_signatures(note, cosign(note, [witness], 1_700_000_000))
    >>> open_checkpoint(cosigned, [log.verifier, witness.verifier]).size
    0
    """
    if any(signer.kind is KeyKind.ED25519 for signer in signers):
        raise InputError(WORDS("cosignature.kind"))
    text = read_note(note).text
    return tuple(make_signature(text, signer, time_s) for signer in signers)


def add_signatures(note: bytes, signatures: Sequence[Signature]) -> bytes:
    """The note with further signatures; a later one of the same key takes the earlier one's place."""
    whole = read_note(note)
    held = {(signature.name, signature.id): signature for signature in (*whole.signatures, *signatures)}
    return msgspec.structs.replace(whole, signatures=tuple(held.values())).encode()


def split_signatures(note: bytes, verifiers: Sequence[Verifier]) -> bytes:
    """The note with the signatures of these keys only, checked; raises `TamperError` as `open_note` does."""
    whole = read_note(note)
    kept = [signature for _, signature in trusted_signatures(whole, verifiers)]
    return Note(whole.text, tuple(kept)).encode()
