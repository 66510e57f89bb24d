"""The words of sign-subtree (C2SP tlog-witness): a part of a tree that the witness has cosigned already."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from tallystick.core import InputError, TamperError
from tallystick.ledger.cosignature import sign_subtree
from tallystick.ledger.encoding import decode_base64, encode_base64
from tallystick.ledger.head import Checkpoint, read_checkpoint, read_size
from tallystick.ledger.keys import Signer
from tallystick.ledger.note import Note, Signature, read_note, read_signatures
from tallystick.ledger.tree import valid_subtree
from tallystick.ledger.witness.protocol import HASHES_MAX, REQUEST_BYTES_MAX
from tallystick.ledger.words import WORDS

_COSIGNATURES_MAX = 8
_RANGE = re.compile(r"subtree ([0-9]{1,20}) ([0-9]{1,20})")


class SubtreeRequest(msgspec.Struct, frozen=True):
    """A request: the entries start … stop − 1, the root over them, the proof to the checkpoint, and the checkpoint.

    `cosignatures` are of the subtree, for a witness that asks for one before it works; the checkpoint may be unsigned.
    """

    start: int
    stop: int
    root: bytes
    hashes: tuple[bytes, ...]
    note: Note
    cosignatures: tuple[Signature, ...] = ()

    @property
    def head(self) -> Checkpoint:
        """The checkpoint that the subtree belongs to; raises `TamperError` when its text is none."""
        return read_checkpoint(self.note.text)


def write_subtree_request(request: SubtreeRequest) -> bytes:
    """The body of a request.

    Examples
    --------
    >>> note = Note(Checkpoint("bank.example/log", 1, bytes(32)).text(), ())
    >>> write_subtree_request(SubtreeRequest(0, 1, bytes(32), (), note)).split(b"\\n")[0]
    b'subtree 0 1'
    """
    lines = [f"subtree {request.start} {request.stop}", encode_base64(request.root)]
    lines += [signature.line().rstrip("\n") for signature in request.cosignatures]
    lines += [encode_base64(item) for item in request.hashes]
    note = request.note.encode() if request.note.signatures else request.note.text.encode()
    return "\n".join((*lines, "", "")).encode() + note


def read_subtree_request(body: bytes) -> SubtreeRequest:
    """Read the body of a request; raises `InputError` when it is none.

    Examples
    --------
    >>> note = Note(Checkpoint("bank.example/log", 3, bytes(32)).text(), ())
    >>> request = SubtreeRequest(0, 2, bytes(32), (bytes(32),), note)
    >>> read_subtree_request(write_subtree_request(request)) == request
    True
    """
    try:
        found = _read(body)
    except (TamperError, UnicodeDecodeError):
        found = None
    if found is None:
        raise InputError(WORDS("witness.subtree"))
    return found


def _read(body: bytes) -> SubtreeRequest | None:
    head, blank, rest = body.partition(b"\n\n")
    lines = head.decode().split("\n", _COSIGNATURES_MAX + HASHES_MAX + 2)
    match = _RANGE.fullmatch(lines[0])
    if len(body) > REQUEST_BYTES_MAX or not blank or match is None or len(lines) < 2:
        return None
    start, stop, root = read_size(match[1]), read_size(match[2]), decode_base64(lines[1])
    signed = sum(line.startswith("\u2014") for line in lines[2:])
    hashes = [decode_base64(line) for line in lines[2 + signed :]]
    whole = tuple(item for item in hashes if item is not None and len(item) == 32)
    if start is None or stop is None or root is None or len(root) != 32 or len(whole) < len(hashes):
        return None
    if signed > _COSIGNATURES_MAX or len(hashes) > HASHES_MAX:
        return None
    cosignatures = read_signatures("".join(f"{line}\n" for line in lines[2 : 2 + signed])) if signed else ()
    note = read_note(rest) if b"\n\n" in rest else Note(rest.decode(), ())
    if len(note.signatures) > _COSIGNATURES_MAX:
        return None
    request = SubtreeRequest(start, stop, root, whole, note, cosignatures)
    return request if valid_subtree(start, stop) and stop <= request.head.size else None


def sign_request(request: SubtreeRequest, signers: Sequence[Signer]) -> bytes:
    """The signature lines of these ML-DSA-44 keys under the subtree; whether it may be signed was decided before."""
    origin = request.head.origin
    made = (
        Signature(key.name, key.id, sign_subtree(key, origin, request.start, request.stop, request.root))
        for key in signers
    )
    return "".join(signature.line() for signature in made).encode()
