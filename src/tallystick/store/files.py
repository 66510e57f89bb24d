"""Whole files, durable before they are seen."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tallystick.core import Place, StateError
from tallystick.core.system import system_words
from tallystick.store.words import WORDS


def atomic_write(path: Path | str, data: bytes, *, fsync: bool = True) -> None:
    """Write a whole file so that a reader, or a crash, sees the old bytes or the new ones, never a mixture.

    The bytes go to a temporary file beside `path`, are flushed to disk, take its name, and the folder is flushed.
    Missing folders are made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     atomic_write(Path(folder, "checkpoint"), b"42")
    ...     read_bytes(Path(folder, "checkpoint"))
    b'42'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            if fsync:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    if fsync:
        sync_folder(path.parent)


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a file; raises `StateError` naming it when it is missing or cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise StateError(WORDS("file.read", why=system_words(error)), Place(str(path))) from error


def sync_file(path: Path | str) -> None:
    """Flush a file that was written before, so that its bytes stay through a power cut."""
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path | str) -> None:
    """Flush a folder's own entries, so that a file that was made, renamed or deleted stays so after a power cut."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path | str, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
