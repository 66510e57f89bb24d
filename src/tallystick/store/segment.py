"""The bytes of a segment: batches one after another, each chained to the one before it.

A batch is an 80-byte header, the frames (each behind its 32-bit length), zeros to a multiple of eight, the SHA-256 of
all that, and an end mark. The header carries the hash of the batch before it and a check of its own, so a changed
length cannot pass for a batch cut short. The end mark holds no zero and lies on a multiple of eight, so it never
straddles a disk sector: a changed byte of a whole batch cannot pass for a sector that was not written.

Pages reach the disk in any order, so the last batch may lack sectors in its middle too: they read as zeros.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec

from tallystick.core import InputError, Place, StateError, TamperError
from tallystick.store.words import WORDS

VERSION = 1
GENESIS = bytes(32)
_MAGIC = b"tallylog"
_END = b"tallyend"
_FIELDS = struct.Struct(">8sIIQQ32s")
_FIXED = struct.pack(">8sI", _MAGIC, VERSION)
_CHECK_BYTES = 16
_HEADER_BYTES = _FIELDS.size + _CHECK_BYTES
_TRAILER_BYTES = 32 + len(_END)
_LENGTH = struct.Struct(">I")
_FRAME_BYTES_MAX = 2**32 - 1
_SECTOR_BYTES = 512


class Torn(Exception):
    """The rest of a segment, from `offset` on, is a batch that was never wholly written."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class Batch(msgspec.Struct, frozen=True):
    """One whole batch: where it lies, the positions of its frames, its hash; `payload` is None when it was skipped."""

    offset: int
    end: int
    first: int
    count: int
    digest: bytes
    payload: bytes | None

    def frames(self) -> Iterator[bytes]:
        """The frames, in order."""
        payload, at = self.payload or b"", 0
        for _ in range(self.count):
            start = at + 4
            at = start + _LENGTH.unpack_from(payload, at)[0]
            yield payload[start:at]


def encode(first: int, frames: Sequence[bytes], previous: bytes) -> tuple[bytes, bytes]:
    """The bytes of a batch whose first frame has position `first`, and its hash."""
    parts: list[bytes] = []
    for frame in frames:
        if len(frame) > _FRAME_BYTES_MAX:
            raise InputError(WORDS("log.frame", given=len(frame), allowed=_FRAME_BYTES_MAX))
        parts.append(_LENGTH.pack(len(frame)))
        parts.append(frame)
    payload = b"".join(parts)
    fields = _FIELDS.pack(_MAGIC, VERSION, len(frames), first, len(payload), previous)
    body = b"".join((fields, _check(fields), payload, bytes(-len(payload) % 8)))
    digest = hashlib.sha256(body).digest()
    return b"".join((body, digest, _END)), digest


def last_digest(path: Path) -> bytes:
    """The hash of the last batch of a finished segment, as its last bytes say."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        if size < _HEADER_BYTES + _TRAILER_BYTES:
            raise TamperError(WORDS("log.end", offset=0), Place(str(path)))
        file.seek(size - _TRAILER_BYTES)
        return file.read(32)


def digest_of(data: bytes) -> bytes:
    """The hash of a whole batch, as its last bytes say."""
    return data[-_TRAILER_BYTES : -len(_END)]


def check_link(path: Path, first: int, previous: bytes) -> None:
    """Check that a finished segment starts where it must; raises `TamperError`."""
    try:
        if next(scan(path, first, previous, skip_below=2**64), None) is not None:
            return
    except Torn:
        pass
    raise TamperError(WORDS("log.end", offset=0), Place(str(path)))


def scan(path: Path, first: int, previous: bytes, skip_below: int = 0) -> Iterator[Batch]:
    """Read a segment batch by batch and check each one.

    Parameters
    ----------
    path
        The segment.
    first
        The position its first frame must have.
    previous
        The hash of the batch before the segment; `GENESIS` for the first one.
    skip_below
        Batches that end below this position are passed over: only their header and chaining are checked.

    Raises
    ------
    Torn
        When the rest is a batch that was never wholly written.
    TamperError
        When any byte is not what was written.
    """
    with open(path, "rb", buffering=1 << 20) as file:
        size = file.seek(0, 2)
        offset = file.seek(0)
        while offset < size:
            batch = _read_batch(file, path, offset, size, first, previous, skip_below)
            yield batch
            offset, first, previous = batch.end, batch.first + batch.count, batch.digest


def decode(data: bytes, first: int, previous: bytes, where: str) -> Batch:
    """The one batch that `data` holds, checked against its position and the hash of the batch before it.

    Raises
    ------
    TamperError
        When any byte is not what was written, naming `where` it lies.
    """
    try:
        batch = _read_batch(BytesIO(data), where, 0, len(data), first, previous, 0)
    except Torn:
        raise TamperError(WORDS("log.end", offset=0), Place(where)) from None
    if batch.end != len(data):
        raise TamperError(WORDS("log.end", offset=batch.end), Place(where))
    return batch


def _read_batch(
    file: BinaryIO, path: Path | str, offset: int, size: int, first: int, previous: bytes, skip_below: int
) -> Batch:
    raw = file.read(min(_HEADER_BYTES, size - offset))
    if len(raw) < _HEADER_BYTES or _check(raw[: _FIELDS.size]) != raw[_FIELDS.size :]:
        cut = len(raw) < _HEADER_BYTES and raw[: len(_FIXED)] == _FIXED[: len(raw)]
        if cut or _unwritten(file, offset, size) or _starts_with_hole(file, offset, size):
            raise Torn(offset)
        raise TamperError(WORDS("log.header", offset=offset), Place(str(path)))
    magic, version, count, at, length, link = _FIELDS.unpack_from(raw)
    if magic != _MAGIC or version != VERSION:
        raise StateError(WORDS("log.version", given=f"{magic!r} {version}", allowed=VERSION), Place(str(path)))
    if at != first or link != previous:
        raise TamperError(WORDS("log.chain", offset=offset), Place(str(path)))
    padded = length + -length % 8
    end = offset + _HEADER_BYTES + padded + _TRAILER_BYTES
    if end > size:
        raise Torn(offset)
    if first + count <= skip_below:
        file.seek(padded, 1)
        return Batch(offset, end, first, count, file.read(_TRAILER_BYTES)[:32], None)
    body = file.read(padded)
    digest = hashlib.sha256(raw)
    digest.update(body)
    if file.read(_TRAILER_BYTES) != digest.digest() + _END:
        if end == size and (_unwritten(file, offset, size) or _has_hole(file, offset, size)):
            raise Torn(offset)
        raise TamperError(WORDS("log.batch", offset=offset), Place(str(path)))
    return Batch(offset, end, first, count, digest.digest(), body[:length])


def _check(fields: bytes) -> bytes:
    return hashlib.sha256(fields).digest()[:_CHECK_BYTES]


def _unwritten(file: BinaryIO, offset: int, size: int) -> bool:
    """Whether the bytes from some sector boundary after `offset` to the end are all zero: the disk never got them."""
    file.seek(offset)
    rest = file.read(size - offset)
    written = rest.rstrip(b"\0")
    if not written:
        return True
    boundary = -(-(offset + len(written)) // _SECTOR_BYTES) * _SECTOR_BYTES
    return boundary < size


def _has_hole(file: BinaryIO, offset: int, end: int) -> bool:
    """Whether a whole sector between `offset` and `end` is zero: the disk got what follows it, but not it."""
    start = -(-offset // _SECTOR_BYTES) * _SECTOR_BYTES
    file.seek(start)
    data, zero = file.read(end - start), bytes(_SECTOR_BYTES)
    return any(data[at : at + _SECTOR_BYTES] == zero for at in range(0, len(data), _SECTOR_BYTES))


def _starts_with_hole(file: BinaryIO, offset: int, size: int) -> bool:
    """Whether the sector in which the last batch starts was not written: zeros up to its end, and no batch later."""
    file.seek(offset)
    rest = file.read(size - offset)
    boundary = -offset % _SECTOR_BYTES or _SECTOR_BYTES
    later = (rest.startswith(_FIXED, at) for at in range(0, len(rest), 8))
    return len(rest) > boundary and not any(rest[:boundary]) and not any(later)
