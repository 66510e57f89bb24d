"""Tile files: written at once, flushed to disk together."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tallystick.ledger.tiles import WIDTH, earlier_partials, tile_path
from tallystick.store import sync_file, sync_folder

_FLUSHERS = 8
"""Flushes that are under way at a time: a file system writes its journal once for all that wait."""


class TileFiles:
    """The tile files of one log, and which of them are not yet safe on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unflushed: dict[Path, None] = {}
        self._flushed: list[Path] = []
        self._cleared: dict[int | str, int] = {}
        """Per level, the last tile whose partial files were looked through."""

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, whatever stood there; a crash may leave a part of it until `flush` comes back."""
        path = self.folder / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            descriptor = os.open(path, flags, 0o666)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o666)
        try:
            written = 0
            while written < len(data):
                written += os.write(descriptor, data[written:])
        finally:
            os.close(descriptor)
        self._unflushed[path] = None

    def write_partial(self, level: int | str, number: int, width: int, data: bytes, signed: int) -> None:
        """Write a partial tile, and before the first one of a tile delete what a crash left there.

        `signed` is how many items of the level the last checkpoint covers: a wider partial tile is needed by none, and
        it may be torn.
        """
        if self._cleared.get(level) != number:
            for path, held in earlier_partials(self.folder, level, number, WIDTH):
                if number * WIDTH + held > signed:
                    path.unlink()
            self._cleared[level] = number
        self.write(tile_path(level, number, width), data)

    def flush(self) -> None:
        """Flush what was written since the last time, folders too."""
        paths = list(self._unflushed)
        _together(sync_file, paths)
        _together(sync_folder, sorted({up for path in paths for up in path.parents if up.is_relative_to(self.folder)}))
        self._flushed += paths
        self._unflushed = {}

    def drop_partials(self) -> None:
        """Delete the partial tiles whose full ones were flushed, now that a checkpoint needs those."""
        for path in self._flushed:
            partial = path.with_name(path.name + ".p")
            if partial.is_dir():
                shutil.rmtree(partial)
        self._flushed = []


def _together(work: Callable[[Path], None], paths: Sequence[Path]) -> None:
    """Do the work on every path, several at a time; raises what the first of those that failed raised."""
    failed: list[OSError] = []

    def some(part: Sequence[Path]) -> None:
        try:
            for path in part:
                work(path)
        except OSError as error:
            failed.append(error)

    shares = [paths[at::_FLUSHERS] for at in range(_FLUSHERS)]
    threads = [threading.Thread(target=some, args=(share,)) for share in shares[1:] if share]
    for thread in threads:
        thread.start()
    some(shares[0])
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
