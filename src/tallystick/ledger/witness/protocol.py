"""The words of C2SP tlog-witness: what is asked with add-checkpoint, and what a witness answers."""

from __future__ import annotations

import hashlib

import msgspec

from tallystick.core import InputError
from tallystick.ledger.encoding import decode_base64, encode_base64
from tallystick.ledger.head import read_size
from tallystick.ledger.words import WORDS

HASHES_MAX = 63
REQUEST_BYTES_MAX = 1 << 20
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


class Request(msgspec.Struct, frozen=True):
    """A request: the size that the witness last cosigned, the consistency proof from it, and the signed checkpoint."""

    old: int
    hashes: tuple[bytes, ...]
    note: bytes


class Reply(msgspec.Struct, frozen=True):
    """An answer: HTTP status, body, content type.

    200 signature lines · 400 not understood · 403 no trusted signature · 404 unknown log · 409 the size that the
    witness last cosigned · 422 the proof does not hold · 500 the witness cannot read or write its own state.
    """

    status: int
    body: bytes
    content: str = TEXT_TYPE


def write_request(request: Request) -> bytes:
    """The body of a request.

    Examples
    --------
    >>> write_request(Request(0, (), b"bank.example/log..."))
    b'old 0\\n\\nbank.example/log...'
    """
    if request.old < 0 or len(request.hashes) > HASHES_MAX:
        raise InputError(WORDS("witness.request"))
    lines = (f"old {request.old}", *(encode_base64(item) for item in request.hashes), "", "")
    return "\n".join(lines).encode() + request.note


def read_request(body: bytes) -> Request:
    """Read the body of a request; raises `InputError` when it is none.

    Examples
    --------
    >>> read_request(b"old 7\\n\\nbank.example/log...").old
    7
    """
    if len(body) > REQUEST_BYTES_MAX:
        raise InputError(WORDS("witness.request"))
    head, blank, note = body.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n", HASHES_MAX + 1)
    except UnicodeDecodeError:
        raise InputError(WORDS("witness.request")) from None
    if not blank or len(lines) > HASHES_MAX:
        raise InputError(WORDS("witness.request"))
    old = read_size(first.removeprefix("old ")) if first.startswith("old ") else None
    hashes = [decode_base64(line) for line in lines]
    whole = tuple(item for item in hashes if item is not None and len(item) == 32)
    if old is None or len(whole) < len(hashes):
        raise InputError(WORDS("witness.request"))
    return Request(old, whole, note)


def origin_id(origin: str) -> str:
    """The name of a log in a path: the SHA-256 of its origin, 64 hex digits."""
    return hashlib.sha256(origin.encode()).hexdigest()
