"""Tiles on disk (C2SP tlog-tiles): where each lies, and reading and writing them whole."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from tallystick.core import Place, TamperError
from tallystick.ledger.words import WORDS

WIDTH = 256
HASH_BYTES = 32
ENTRY_BYTES_MAX = 65_535
_LENGTH = struct.Struct(">H")


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """The path of a tile: `tile/<level>/<number in groups of three digits>[.p/<width>]`.

    Parameters
    ----------
    level
        0 and up, or "entries".
    number
        Its place in the level, from 0.
    width
        How many hashes or entries it holds, 1 to 256; below 256 it is partial.

    Examples
    --------
    >>> tile_path(0, 1234067), tile_path("entries", 5, 17)
    ('tile/0/x001/x234/067', 'tile/entries/005.p/17')
    """
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.append(f"x{number % 1000:03d}")
    path = f"tile/{level}/{'/'.join(reversed(groups))}"
    return path if width == WIDTH else f"{path}.p/{width}"


def find_tile(folder: Path, level: int | str, number: int, width: int) -> Path:
    """The file that holds at least the first `width` items of a tile.

    The partial tile comes first: it was flushed before its checkpoint and is deleted only after the full one is
    flushed, while a full one beside it may stem from a crash.
    """
    paths = (folder / tile_path(level, number, width), folder / tile_path(level, number))
    for path in paths:
        if path.exists():
            return path
    raise TamperError(WORDS("log.missing"), Place(str(paths[0])))


def read_hashes(folder: Path, level: int, number: int, width: int) -> list[bytes]:
    """The first `width` hashes of a tile; raises `TamperError` naming the file."""
    path = find_tile(folder, level, number, width)
    data = path.read_bytes()
    if len(data) not in (width * HASH_BYTES, WIDTH * HASH_BYTES):
        raise TamperError(WORDS("log.tile"), Place(str(path)))
    return [data[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]


def read_entries(folder: Path, number: int, width: int) -> list[bytes]:
    """The first `width` entries of an entry bundle; raises `TamperError` naming the file."""
    path = find_tile(folder, "entries", number, width)
    data, at, entries = path.read_bytes(), 0, []
    while at + _LENGTH.size <= len(data):
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(data, at)[0]
        entries.append(data[start:at])
    if at != len(data) or len(entries) not in (width, WIDTH):
        raise TamperError(WORDS("log.tile"), Place(str(path)))
    return entries[:width]


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """The bytes of an entry bundle: each entry behind its 16-bit length."""
    return b"".join(part for entry in entries for part in (_LENGTH.pack(len(entry)), entry))
