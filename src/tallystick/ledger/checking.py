"""The whole check of a log: every file against the signed root, from the entries up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tallystick.core import Place, TamperError
from tallystick.ledger.head import Checkpoint
from tallystick.ledger.profile import HASH_BYTES, Profile
from tallystick.ledger.tiles import WIDTH, earlier_partials, find_tile, pack_entries, read_entries, read_tile
from tallystick.ledger.tree import fold, range_root
from tallystick.ledger.words import WORDS


def check_tree(
    folder: Path, head: Checkpoint, profile: Profile, progress: Callable[[int, int], None] | None = None
) -> None:
    """Compute the tree from the entries on disk, and compare every tile, earlier partial ones too, and the root.

    Parameters
    ----------
    folder
        The log's.
    head
        What its key signed.
    profile
        What it hashes with.
    progress
        Called with (entries done, entries in all).

    Raises
    ------
    TamperError
        Naming the first file that is not what was written.
    """
    size = head.size
    tiles: list[bytes] = []
    hashes: list[bytes] = []
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        entries = read_entries(folder, number, width)
        for path, held in earlier_partials(folder, "entries", number, width):
            _compare(path, path.read_bytes(), pack_entries(entries[:held]))
        hashes = profile.leaf_hashes(entries)
        _compare_tile(folder, 0, number, hashes)
        if width == WIDTH:
            tiles.append(fold(hashes, profile))
        if progress is not None:
            progress(number * WIDTH + width, size)
    level, above = 1, tiles
    while above:
        for number in range(-(-len(above) // WIDTH)):
            _compare_tile(folder, level, number, above[number * WIDTH : (number + 1) * WIDTH])
        above = [fold(above[at : at + WIDTH], profile) for at in range(0, len(above) - WIDTH + 1, WIDTH)]
        level += 1

    def subtree(height: int, index: int) -> bytes:
        if height >= 8:
            return fold(tiles[index << (height - 8) : (index + 1) << (height - 8)], profile)
        place = (index << height) % WIDTH
        return fold(hashes[place : place + (1 << height)], profile)

    if range_root(subtree, 0, size, profile) != head.root:
        raise TamperError(WORDS("log.root", size=size), Place(str(folder / "checkpoint")))


def _compare_tile(folder: Path, level: int, number: int, hashes: list[bytes]) -> None:
    """Compare a tile on disk, and what earlier checkpoints left of it, with the hashes that the entries below give."""
    path, whole = find_tile(folder, level, number, len(hashes))[0], b"".join(hashes)
    _compare(path, read_tile(folder, level, number, len(hashes)), whole)
    for path, held in earlier_partials(folder, level, number, len(hashes)):
        _compare(path, path.read_bytes(), whole[: held * HASH_BYTES])


def _compare(path: Path, there: bytes, wanted: bytes) -> None:
    if there != wanted:
        raise TamperError(WORDS("log.tile"), Place(str(path)))
