"""One file that holds any model: JSON and plain arrays in a ZIP without compression; nothing in it can run.

A file is the only one that its content can give, byte for byte, so whatever was changed in it is seen.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec
import numpy as np

from tallystick.core import InputError, Place, StateError, TamperError, content_version
from tallystick.models.words import WORDS
from tallystick.store import atomic_write

SUFFIX = ".tally"
"""The ending of the name of every stored model."""

LARGEST_BYTES = 1 << 30
"""A larger file is neither written nor opened."""

_FORMAT = "tallystick.model"
_HEAD, _CARD = "definition.json", "card.json"
_LARGEST_HEAD = 1 << 28
_MOST_ARRAYS = 60_000
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.]{0,79}")
_VERSION = re.compile(r"[0-9a-f]{64}")
_DTYPES = {"<f8", "<f4", "<i8", "<i4", "<i2", "<u8", "<u4", "<u2", "|i1", "|u1"}
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
# Version 2.0, names in UTF-8, stored, 1980-01-01 00:00: the same for every entry of every file.
_COMMON = (20, 0x0800, 0, 0, 0x21)
# What a damaged or forged file may raise while it is read.
_DAMAGE = (
    OSError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
    MemoryError,
    struct.error,
    msgspec.MsgspecError,
    InputError,
)
T = TypeVar("T")


class Packed(msgspec.Struct, frozen=True):
    """What a file holds: every byte of it was checked, what it means was not.

    Attributes
    ----------
    kind, semantics
        What kind of model, and the number of the meaning of its definition.
    version
        The content version that it was written with.
    definition, card
        JSON objects.
    arrays
        By name; they cannot be written to.
    place
        The file.
    """

    kind: str
    semantics: int
    version: str
    definition: dict[str, Any]
    arrays: dict[str, np.ndarray[Any, Any]]
    card: dict[str, Any]
    place: Place

    def read(self, form: type[T], semantics: int) -> T:
        """The definition as a record of `form`, refused unless that record is written exactly so.

        Raises
        ------
        StateError
            When the file has another meaning than `semantics`.
        TamperError
            When the definition is no such record.
        """
        if self.semantics != semantics:
            raise StateError(WORDS("store.semantics", given=self.semantics, known=semantics), self.place)
        try:
            found = msgspec.convert(self.definition, form)
            same = msgspec.json.encode(found) == msgspec.json.encode(self.definition)
        except _DAMAGE as error:
            raise self.refused(f"{type(error).__name__}: {error}") from None
        if not same:
            raise self.refused(_HEAD)
        return found

    def refused(self, what: str) -> TamperError:
        """The error that says that `what` is not what was written."""
        return TamperError(WORDS("store.tampered", what=what), self.place)


def version_of(
    kind: str, semantics: int, definition: Any, arrays: Mapping[str, np.ndarray[Any, Any]], card: Mapping[str, Any]
) -> str:
    """The content version of a model: SHA-256 over its definition, its arrays and its card.

    Parameters
    ----------
    kind, semantics
        What kind of model, and the number of its meaning.
    definition
        A record of plain values; NaN and infinities are refused.
    arrays
        Of one or two dimensions, by name.
    card
        Its model card, a JSON object.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return str(_head(kind, semantics, definition, _bodies(arrays), _card_bytes(card))["version"])


def write_file(
    path: str | Path,
    kind: str,
    semantics: int,
    definition: Any,
    arrays: Mapping[str, np.ndarray[Any, Any]],
    card: Mapping[str, Any],
) -> str:
    """Write a model to the file `path`, whole or not at all, and give its version; equal models give equal files.

    Parameters are those of `version_of`.

    Raises
    ------
    InputError
        When an array has a name, type or shape that no file holds, or the file would exceed `LARGEST_BYTES`.
    """
    bodies, card_bytes = _bodies(arrays), _card_bytes(card)
    head = _head(kind, semantics, definition, bodies, card_bytes)
    text = _head_bytes(head)
    entries = [(_HEAD, text), (_CARD, card_bytes)]
    entries += [(f"{name}.npy", _npy_header(dtype, shape) + data) for name, (dtype, shape, data) in bodies.items()]
    if len(text) > _LARGEST_HEAD or sum(len(body) + 2 * len(name) + 76 for name, body in entries) > LARGEST_BYTES - 22:
        raise InputError(WORDS("store.size", most=LARGEST_BYTES), Place(str(path)))
    atomic_write(path, b"".join(_zip(entries)))
    return str(head["version"])


def read_file(path: str | Path) -> Packed:
    """Open a file and check every byte of it; it may come from a stranger.

    Nothing is unpacked before its size is known to fit the file, and the file is compared, byte for byte, with the one
    that its content gives.

    Raises
    ------
    StateError
        When there is no file, or it was stored by a release that kept models otherwise.
    TamperError
        When anything is not what was written.
    """
    place = Place(str(path))
    with _opened(Path(path)) as file:
        try:
            # Of a file that grows meanwhile one byte too many is enough; asked for more, `read` would set it aside.
            data = memoryview(file.read(min(os.fstat(file.fileno()).st_size, LARGEST_BYTES) + 1))
            if len(data) > LARGEST_BYTES:
                raise ValueError(f"more than {LARGEST_BYTES} bytes")
            return _unpacked(data, Path(path))
        except _DAMAGE as error:
            raise TamperError(WORDS("store.tampered", what=f"{type(error).__name__}: {error}"), place) from None


def read_card(path: str | Path) -> dict[str, Any]:
    """The model card alone, for lists: checked against its hash, while the rest of the file is not read.

    Raises
    ------
    StateError, TamperError
        As `read_file`.
    """
    with _opened(Path(path)) as file:
        try:
            head = msgspec.json.decode(_next_entry(file, _HEAD))
            body = _next_entry(file, _CARD)
            if {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} != head["card"]:
                raise ValueError(_CARD)
            return dict(msgspec.json.decode(body, type=dict))
        except _DAMAGE as error:
            what = f"{type(error).__name__}: {error}"
            raise TamperError(WORDS("store.tampered", what=what), Place(str(path))) from None


def _opened(path: Path) -> BinaryIO:
    if path.is_dir() and (path / "model.json").is_file():
        raise StateError(WORDS("store.older"), Place(str(path)))
    if not path.is_file():
        raise StateError(WORDS("store.absent", suffix=SUFFIX), Place(str(path)))
    return path.open("rb")


def _next_entry(file: BinaryIO, name: str) -> bytes:
    """The body of the entry at which `file` stands, which must be `name`."""
    start = _LOCAL.size + len(name)
    header = file.read(start)
    size = int(_LOCAL.unpack_from(header)[8])
    body = file.read(size) if size <= _LARGEST_HEAD else b""
    if len(body) != size or header != _local(name, zlib.crc32(body), size):
        raise ValueError(name)
    return body


def _unpacked(data: memoryview, path: Path) -> Packed:
    start = _LOCAL.size + len(_HEAD)
    size = int(_LOCAL.unpack_from(data)[8])
    if size > min(_LARGEST_HEAD, len(data) - start):
        raise ValueError(_HEAD)
    head = msgspec.json.decode(data[start : start + size], type=dict[str, Any])
    if _head_bytes(head) != data[start : start + size] or head["format"] != _FORMAT:
        raise ValueError(_HEAD)
    entries: list[tuple[str, bytes | memoryview]] = [(_HEAD, data[start : start + size])]
    wanted = [(_CARD, int(head["card"]["bytes"]))]
    wanted += [(f"{name}.npy", _stored_bytes(name, entry)) for name, entry in head["arrays"].items()]
    at = start + size
    for name, length in wanted:
        at += _LOCAL.size + len(name)
        # A slice is never longer than the data, so a size that lies beyond them ends here.
        if length < 0 or at + length > len(data):
            raise ValueError(name)
        entries.append((name, data[at : at + length]))
        at += length
    at = 0
    for chunk in _zip(entries):
        if data[at : at + len(chunk)] != chunk:
            raise ValueError("bytes between the entries")
        at += len(chunk)
    if at != len(data):
        raise ValueError("bytes after the end")
    return _checked(head, dict(entries), path)


def _checked(head: dict[str, Any], bodies: Mapping[str, bytes | memoryview], path: Path) -> Packed:
    """The content, when its hashes and its version are those that it says."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    named: dict[str, tuple[str, tuple[int, ...], bytes | memoryview]] = {}
    for name, entry in head["arrays"].items():
        header = _npy_header(entry["dtype"], tuple(entry["shape"]))
        body = memoryview(bodies[f"{name}.npy"])
        if body[: len(header)] != header:
            raise ValueError(f"{name}.npy")
        named[name] = (entry["dtype"], tuple(entry["shape"]), body[len(header) :])
        array = np.frombuffer(body[len(header) :], dtype=entry["dtype"]).reshape(entry["shape"])
        # A copy of its own lies where a processor wants it; the file's bytes need not.
        arrays[name] = np.array(array, order="C")
        arrays[name].flags.writeable = False
    again = _head(head["kind"], head["semantics"], head["definition"], named, bytes(bodies[_CARD]))
    if again != head or not isinstance(head["semantics"], int):
        raise ValueError(_HEAD)
    if _VERSION.fullmatch(path.stem) and path.stem != head["version"]:
        raise ValueError(f"version {head['version']}")
    card = msgspec.json.decode(bodies[_CARD], type=dict[str, Any])
    if _card_bytes(card) != bodies[_CARD]:
        raise ValueError(_CARD)
    return Packed(
        str(head["kind"]), head["semantics"], head["version"], head["definition"], arrays, card, Place(str(path))
    )


def _head(
    kind: str,
    semantics: int,
    definition: Any,
    bodies: Mapping[str, tuple[str, tuple[int, ...], bytes | memoryview]],
    card: bytes,
) -> dict[str, Any]:
    given = msgspec.to_builtins(definition)
    content = {
        "definition": given,
        "arrays": {
            name: {"dtype": dtype, "shape": list(shape), "sha256": hashlib.sha256(data).hexdigest()}
            for name, (dtype, shape, data) in bodies.items()
        },
        "card": {"bytes": len(card), "sha256": hashlib.sha256(card).hexdigest()},
    }
    # The canonical form refuses NaN, of which JSON below would make null.
    version = content_version(kind, content, semantics)
    # Tuples become lists, so that a record and what was read from a file are the same values.
    content["definition"] = msgspec.json.decode(msgspec.json.encode(given))
    return {"format": _FORMAT, "kind": kind, "semantics": semantics, "version": version, **content}


def _head_bytes(head: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(head), indent=1)


def _card_bytes(card: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(card, order="sorted"), indent=1)


def _bodies(arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Type, shape and little-endian bytes of each array, in the order of the names."""
    if len(arrays) > _MOST_ARRAYS:
        raise InputError(WORDS("store.array", name=f"{len(arrays)} arrays", given=f"> {_MOST_ARRAYS}"))
    found: dict[str, tuple[str, tuple[int, ...], bytes]] = {}
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
        found[name] = (plain.dtype.str, plain.shape, plain.tobytes())
        _stored_bytes(name, {"dtype": plain.dtype.str, "shape": plain.shape})
    return found


def _stored_bytes(name: str, entry: Mapping[str, Any]) -> int:
    """The length of an array's entry; refused unless its name, type and shape are of those that a file holds."""
    dtype, shape = entry["dtype"], entry["shape"]
    whole = all(type(size) is int and 0 <= size <= LARGEST_BYTES for size in shape)
    if not _NAME.fullmatch(name) or dtype not in _DTYPES or len(shape) not in (1, 2) or not whole:
        raise InputError(WORDS("store.array", name=name, given=f"{dtype} {shape}"))
    body: int = math.prod(shape) * np.dtype(dtype).itemsize
    return len(_npy_header(dtype, tuple(shape))) + body


def _npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """The header of version 1.0 of NumPy's .npy format, padded to a multiple of 64 bytes."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode("ascii")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _local(name: str, crc: int, size: int) -> bytes:
    return _LOCAL.pack(0x04034B50, *_COMMON, crc, size, size, len(name), 0) + name.encode("ascii")


def _zip(entries: Iterable[tuple[str, bytes | memoryview]]) -> Iterator[bytes | memoryview]:
    """The bytes of a ZIP file of stored entries, piece by piece (APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.16)."""
    directory, at = [], 0
    for name, body in entries:
        crc, size = zlib.crc32(body), len(body)
        fixed = (0, 0, 0, 0, 0o100644 << 16)
        record = _CENTRAL.pack(0x02014B50, 0x0314, *_COMMON, crc, size, size, len(name), *fixed, at)
        directory.append(record + name.encode("ascii"))
        local = _local(name, crc, size)
        at += len(local) + size
        yield local
        yield body
    central = b"".join(directory)
    yield central
    yield _END.pack(0x06054B50, 0, 0, len(directory), len(directory), len(central), at, 0)
