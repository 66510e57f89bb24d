"""What each kind of key signs of a text (C2SP tlog-cosignature): the time, the checkpoint, or a subtree."""

from __future__ import annotations

import struct

from tallystick.core import InputError, TamperError
from tallystick.ledger.head import read_checkpoint
from tallystick.ledger.keys import SM2_TYPE, KeyKind, Signer, Verifier
from tallystick.ledger.tree import valid_subtree
from tallystick.ledger.words import WORDS

_TIME = struct.Struct(">Q")
_TIME_LIMIT = 1 << 63
_NAME_BYTES_MAX = 255


def sign_text(signer: Signer, text: str, time_s: int = 0) -> bytes:
    """The signature of a text as it stands in a note.

    Parameters
    ----------
    signer
        An ED25519 and an SM2 key sign any text; the other kinds sign checkpoints only.
    text
        The note's text, its last newline included.
    time_s
        POSIX time in seconds, 0 to 2^63 − 1; an ED25519 key signs no time.

    Raises
    ------
    InputError
        When the time is out of range, or a cosigner was given a text that is no checkpoint.
    """
    if not 0 <= time_s < _TIME_LIMIT:
        raise InputError(WORDS("cosignature.time", given=time_s))
    try:
        message = _message(signer.kind, signer.name, text, time_s)
    except TamperError as fault:
        raise InputError(fault.message) from None
    signature = signer.sign(message)
    return signature if signer.kind is KeyKind.ED25519 else _TIME.pack(time_s) + signature


def text_holds(verifier: Verifier, text: str, signature: bytes) -> bool:
    """Whether the key signed the text, at the time that the signature names."""
    if verifier.kind is KeyKind.ED25519:
        return verifier.holds(text.encode(), signature)
    time_s = signed_time(verifier.kind, signature)
    if time_s is None or time_s >= _TIME_LIMIT:
        return False
    try:
        message = _message(verifier.kind, verifier.name, text, time_s)
    except (InputError, TamperError):
        return False
    return verifier.holds(message, signature[_TIME.size :])


def signed_time(kind: KeyKind, signature: bytes) -> int | None:
    """The POSIX time in seconds that a cosignature names; None where there is none."""
    if kind is KeyKind.ED25519 or len(signature) <= _TIME.size:
        return None
    return int(_TIME.unpack_from(signature)[0])


def sign_subtree(signer: Signer, origin: str, start: int, stop: int, root: bytes) -> bytes:
    """Sign that a subtree belongs to the log that the signer has seen: a timestamped signature with time 0.

    Parameters
    ----------
    signer
        An ML_DSA_44 key; no other kind signs subtrees.
    origin
        The log's name.
    start, stop
        The entries start … stop − 1, a subtree: start is a multiple of the smallest power of two ≥ stop − start.
    root
        The subtree's root, 32 bytes.

    Examples
    --------
    >>> from tallystick.ledger.keys import generate_key
    >>> signer = Signer(generate_key("witness.example", KeyKind.ML_DSA_44)[0])
    >>> signature = sign_subtree(signer, "bank.example/log", 8, 12, bytes(32))
    >>> subtree_holds(signer.verifier, "bank.example/log", 8, 12, bytes(32), signature)
    True
    """
    if signer.kind is not KeyKind.ML_DSA_44 or not valid_subtree(start, stop) or len(root) != 32:
        raise InputError(WORDS("cosignature.subtree", start=start, stop=stop))
    return _TIME.pack(0) + signer.sign(_subtree_message(signer.name, 0, origin, start, stop, root))


def subtree_holds(verifier: Verifier, origin: str, start: int, stop: int, root: bytes, signature: bytes) -> bool:
    """Whether the key signed this subtree, as `sign_subtree` does."""
    if verifier.kind is not KeyKind.ML_DSA_44 or not valid_subtree(start, stop) or len(root) != 32:
        return False
    time_s = signed_time(verifier.kind, signature)
    if time_s is None or (start and time_s) or time_s >= _TIME_LIMIT:
        return False
    try:
        message = _subtree_message(verifier.name, time_s, origin, start, stop, root)
    except InputError:
        return False
    return verifier.holds(message, signature[_TIME.size :])


def _message(kind: KeyKind, name: str, text: str, time_s: int) -> bytes:
    if kind is KeyKind.ED25519:
        return text.encode()
    if kind is KeyKind.SM2:
        return SM2_TYPE + f"\ntime {time_s}\n{text}".encode()
    head = read_checkpoint(text)
    if kind is KeyKind.COSIGNATURE:
        return f"cosignature/v1\ntime {time_s}\n{text}".encode()
    return _subtree_message(name, time_s, head.origin, 0, head.size, head.root)


def _subtree_message(name: str, time_s: int, origin: str, start: int, stop: int, root: bytes) -> bytes:
    parts = [b"subtree/v1\n\0", _vector(name), _TIME.pack(time_s), _vector(origin), _TIME.pack(start), _TIME.pack(stop)]
    return b"".join((*parts, root))


def _vector(text: str) -> bytes:
    raw = text.encode()
    if not 0 < len(raw) <= _NAME_BYTES_MAX:
        raise InputError(WORDS("cosignature.name", given=len(raw)))
    return bytes([len(raw)]) + raw
