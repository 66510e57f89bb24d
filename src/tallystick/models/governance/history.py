"""The history of a registry: every step in the life of its versions, in an append-only log that shows any edit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tallystick.core import Place, TamperError
from tallystick.models.governance.records import Event
from tallystick.models.governance.words import WORDS
from tallystick.store import AppendLog

_GENESIS = bytes(32)


class Noted(msgspec.Struct, frozen=True):
    """An event with its number, from 0 on, and the SHA-256 (hex) of all events up to it."""

    number: int
    event: Event
    chain: str


class History:
    """Events of a folder, oldest first.

    Parameters
    ----------
    folder
        Made on the first append.

    Examples
    --------
    >>> History("nowhere").events()
    ()
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def events(self) -> tuple[Event, ...]:
        """Every event; raises `TamperError` when a byte is not what was written."""
        return tuple(noted.event for noted in self.noted())

    def noted(self) -> tuple[Noted, ...]:
        """Every event with its number and the digest of all events up to it."""
        if not self.folder.is_dir():
            return ()
        found, digest = [], _GENESIS
        log = AppendLog(self.folder, write=False)
        try:
            for number, frame in log.read():
                digest = hashlib.sha256(digest + frame).digest()
                found.append(Noted(number, msgspec.json.decode(frame, type=Event), digest.hex()))
        except msgspec.MsgspecError as error:
            raise TamperError(WORDS("history.frame", detail=str(error)), Place(str(self.folder))) from None
        finally:
            log.close()
        return tuple(found)

    @contextmanager
    def editing(self) -> Iterator[tuple[tuple[Event, ...], Callable[[Event], None]]]:
        """What stands, and a function that adds an event: nobody else writes until the block ends.

        What the block added is written as one batch at its end, durable then; an exception inside it writes nothing.

        Raises
        ------
        StateError
            While another process writes.
        """
        with AppendLog(self.folder) as log:
            added: list[Event] = []
            yield self.events(), added.append
            log.append([msgspec.json.encode(event) for event in added])
