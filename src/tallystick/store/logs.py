"""Where frames lie: in a folder with one writer, or on a server that writers share."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.core import UsageError
from tallystick.store.appendlog import AppendLog
from tallystick.store.words import WORDS

if TYPE_CHECKING:
    from tallystick.store.postgres import PostgresLog

LEASE_S = 10.0
_SERVERS = ("postgresql://", "postgres://")


def open_frames(
    where: Path | str,
    *,
    write: bool = True,
    fsync: bool = True,
    segment_bytes: int = 64 << 20,
    lease_s: float = LEASE_S,
) -> AppendLog | PostgresLog:
    """Open a log of frames by the place where it lies.

    Parameters
    ----------
    where
        A folder, or `postgresql://…`.
    write
        As in `AppendLog` and `PostgresLog`.
    fsync, segment_bytes
        Of a folder.
    lease_s
        Of a server: for how many seconds a writer keeps its turn without a sign of life.

    Raises
    ------
    UsageError
        When the place is a server and the extra `postgres` is not installed.
    """
    if not (isinstance(where, str) and where.startswith(_SERVERS)):
        return AppendLog(where, write=write, fsync=fsync, segment_bytes=segment_bytes)
    try:
        server = import_module("tallystick.store.postgres")
    except ImportError as error:
        raise UsageError(WORDS("log.extra", why=str(error))) from None
    opened: PostgresLog = server.PostgresLog(where, write=write, lease_s=lease_s)
    return opened
