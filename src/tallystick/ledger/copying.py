"""A copy of a log as static files, consistent with its checkpoint, also while the log is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tallystick.core import Place, StateError, TamperError
from tallystick.ledger.checkpoint import open_checkpoint
from tallystick.ledger.head import Checkpoint
from tallystick.ledger.keys import Verifier
from tallystick.ledger.profile import Profile, profile_of
from tallystick.ledger.tiles import WIDTH, pack_entries, read_entries, read_hashes, tile_path
from tallystick.ledger.tree import fold, range_root
from tallystick.ledger.words import WORDS
from tallystick.store import atomic_write, read_bytes


def copy_log(
    source: Path | str, target: Path | str, verifier: Verifier, progress: Callable[[int, int], None] | None = None
) -> Checkpoint:
    """Copy `checkpoint` and the tiles that it covers; all is held against the root.

    Parameters
    ----------
    source
        The folder of a log.
    target
        A new folder, or one with an earlier copy: full tiles that are there are compared and left alone.
    verifier
        The log's public key; its kind says what the log hashes with.
    progress
        Called with (tiles done, tiles in all).

    Returns
    -------
    Checkpoint
        What the copy proves. It is the last file written, so a copy that was cut off is never taken for whole.

    Raises
    ------
    StateError
        When there is no checkpoint, or the target's is of another log or of more entries.
    TamperError
        When a tile is not what was written.
    """
    source, target = Path(source), Path(target)
    profile = profile_of(verifier.kind)
    note = read_bytes(source / "checkpoint")
    head = open_checkpoint(note, [verifier])
    _check_target(target, verifier, head)
    tiles = list(_tiles(head.size))
    for done, (level, number, width) in enumerate(tiles, 1):
        hashes = read_hashes(source, level, number, width)
        if level == 0:
            entries = read_entries(source, number, width)
            if profile.leaf_hashes(entries) != hashes:
                raise TamperError(WORDS("log.tile"), Place(str(source / tile_path("entries", number, width))))
            _keep(target / tile_path("entries", number, width), pack_entries(entries))
        elif [_below(target, level, number * WIDTH + place, profile) for place in range(width)] != hashes:
            raise TamperError(WORDS("log.tile"), Place(str(source / tile_path(level, number, width))))
        _keep(target / tile_path(level, number, width), b"".join(hashes))
        if progress is not None:
            progress(done, len(tiles))

    def subtree(height: int, index: int) -> bytes:
        level, inside = divmod(height, 8)
        number, place = divmod(index << inside, WIDTH)
        width = min(WIDTH, (head.size >> (8 * level)) - number * WIDTH)
        return fold(read_hashes(target, level, number, width)[place : place + (1 << inside)], profile)

    if range_root(subtree, 0, head.size, profile) != head.root:
        raise TamperError(WORDS("log.root", size=head.size), Place(str(source / "checkpoint")))
    atomic_write(target / "checkpoint", note)
    return head


def _tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """(level, number, width) of every tile of hashes in a tree of `size` entries."""
    level, count = 0, size
    while count:
        for number in range(-(-count // WIDTH)):
            yield level, number, min(WIDTH, count - number * WIDTH)
        level, count = level + 1, count // WIDTH


def _below(folder: Path, level: int, place: int, profile: Profile) -> bytes:
    """What a hash must be by the full tile below it."""
    return fold(read_hashes(folder, level - 1, place, WIDTH), profile)


def _keep(path: Path, data: bytes) -> None:
    if path.exists() and path.read_bytes() == data:
        return
    atomic_write(path, data, fsync=False)


def _check_target(target: Path, verifier: Verifier, head: Checkpoint) -> None:
    there = target / "checkpoint"
    if there.exists():
        earlier = open_checkpoint(there.read_bytes(), [verifier])
        if earlier.size > head.size:
            raise StateError(WORDS("log.backwards", given=head.size, size=earlier.size), Place(str(there)))
    elif target.is_dir() and any(path.name != "tile" for path in target.iterdir()):
        raise StateError(WORDS("log.target"), Place(str(target)))
