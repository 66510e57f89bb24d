"""Tiles on disk (C2SP tlog-tiles): where each lies, and reading and writing them whole."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from tallystick.core import Place, TamperError
from tallystick.ledger.profile import HASH_BYTES
from tallystick.ledger.words import WORDS

WIDTH = 256
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


def find_tile(folder: Path, level: int | str, number: int, width: int) -> tuple[Path, int]:
    """The file that holds at least the first `width` items of a tile, and how many it holds.

    The partial tile comes first: it was flushed before its checkpoint and is deleted only after a checkpoint that needs
    the full one, while a full one beside it may stem from a crash.
    """
    partial = folder / tile_path(level, number, width)
    if partial.exists():
        return partial, width
    full = folder / tile_path(level, number)
    if full.exists():
        return full, WIDTH
    raise TamperError(WORDS("log.missing"), Place(str(partial)))


def read_tile(folder: Path, level: int, number: int, width: int) -> bytes:
    """The first `width` hashes of a tile, one behind the other; raises `TamperError` naming the file."""
    path, held = find_tile(folder, level, number, width)
    data = path.read_bytes()
    if len(data) != held * HASH_BYTES:
        raise TamperError(WORDS("log.tile"), Place(str(path)))
    return data[: width * HASH_BYTES]


def read_hashes(folder: Path, level: int, number: int, width: int) -> list[bytes]:
    """The first `width` hashes of a tile; raises `TamperError` naming the file."""
    data = read_tile(folder, level, number, width)
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def read_entries(folder: Path, number: int, width: int) -> list[bytes]:
    """The first `width` entries of an entry bundle; raises `TamperError` naming the file."""
    path, held = find_tile(folder, "entries", number, width)
    data, at, entries = path.read_bytes(), 0, []
    while at + _LENGTH.size <= len(data):
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(data, at)[0]
        entries.append(data[start:at])
    if at != len(data) or len(entries) != held:
        raise TamperError(WORDS("log.tile"), Place(str(path)))
    return entries[:width]


def earlier_partials(folder: Path, level: int | str, number: int, width: int) -> Iterator[tuple[Path, int]]:
    """The partial files of a tile that earlier checkpoints left, with at most `width` items, and how many each holds.

    Wider ones stem from a crash: no checkpoint needs them.
    """
    partials = folder / (tile_path(level, number) + ".p")
    try:
        names = os.listdir(partials)
    except FileNotFoundError:
        return
    for name in sorted(names):
        if name.isascii() and name.isdigit() and 0 < int(name) <= width:
            yield partials / name, int(name)


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """The bytes of an entry bundle: each entry behind its 16-bit length."""
    parts = [b""] * (2 * len(entries))
    parts[::2] = map(_LENGTH.pack, map(len, entries))
    parts[1::2] = entries
    return b"".join(parts)
