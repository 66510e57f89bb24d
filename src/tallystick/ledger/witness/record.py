"""What a witness remembers, on disk: per log the last checkpoint that it cosigned, and what speaks against the log."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tallystick.core import Place, StateError, TamperError
from tallystick.ledger.checkpoint import open_checkpoint
from tallystick.ledger.cosignature import signed_time
from tallystick.ledger.head import Checkpoint
from tallystick.ledger.keys import Verifier
from tallystick.ledger.note import read_note, trusted_signatures
from tallystick.ledger.witness.protocol import origin_id
from tallystick.ledger.words import WORDS
from tallystick.store import atomic_write

FILES_MAX = 100
"""How many files of each kind are kept against one log: enough to prove, too few to fill a disk."""


class Held(msgspec.Struct, frozen=True):
    """The last cosigned checkpoint of a log: its note, its head, and the latest time that it states."""

    note: bytes
    head: Checkpoint
    time_s: int


class Record:
    """The folder of one witness; one process holds it at a time."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StateError(WORDS("witness.locked"), Place(str(self.folder))) from error

    def close(self) -> None:
        """Let another process take the folder."""
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def held(self, origin: str, logs: Sequence[Verifier], own: Sequence[Verifier]) -> Held | None:
        """The last cosigned checkpoint of a log, or None before the first.

        Parameters
        ----------
        origin
            The log's name.
        logs, own
            The keys of the log, and those of the witness.

        Raises
        ------
        TamperError
            When the file is not signed by the log, or not as the witness signed it: then nothing may be cosigned.
        """
        path = self._path(origin)
        if not path.exists():
            return None
        note = path.read_bytes()
        try:
            head = open_checkpoint(note, logs)
            found = trusted_signatures(read_note(note), [*logs, *own])
        except TamperError as fault:
            raise TamperError(fault.message, Place(str(path))) from None
        if head.origin != origin:
            raise TamperError(WORDS("log.tile"), Place(str(path)))
        times = [signed_time(key.kind, signature.signature) or 0 for key, signature in found if key in own]
        return Held(note, head, max(times, default=0))

    def keep(self, origin: str, note: bytes) -> None:
        """Put a cosigned checkpoint in the place of the last one, durably."""
        atomic_write(self._path(origin), note)

    def accuse(self, origin: str, kind: str, document: bytes) -> None:
        """Keep a file that speaks against a log: `forks` prove, `refused` ones need a look at the log's tiles."""
        folder = self._path(origin).parent / kind
        path = folder / f"{hashlib.sha256(document).hexdigest()[:32]}.json"
        if not path.exists() and (not folder.exists() or sum(1 for _ in folder.iterdir()) < FILES_MAX):
            atomic_write(path, document)

    def accusations(self, origin: str, kind: str = "forks") -> list[Path]:
        """The files of one kind against a log."""
        return sorted((self._path(origin).parent / kind).glob("*.json"))

    def _path(self, origin: str) -> Path:
        return self.folder / origin_id(origin) / "checkpoint"
