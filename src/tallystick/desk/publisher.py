"""The ledger of an open desk: what was committed becomes leaves, and a signed checkpoint when it is time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from tallystick.core import Span, StateError
from tallystick.desk.evidence import open_log, sign_log
from tallystick.desk.frames import Entry
from tallystick.desk.journal import Journal, extend_ledger
from tallystick.desk.project import Project
from tallystick.ledger import Log

LOCKED = "log.locked"
_WAIT_S = 10.0
_PAUSE_S = 0.02


class Publisher:
    """Brings the ledger up to the journal: at its opening all is compared, after that only what is new.

    The one writer of a journal folder holds the ledger's lock until it closes. The writers of a team share one ledger,
    and each holds the lock only while it publishes; whoever finds it taken leaves the work to the next publication.

    Parameters
    ----------
    project
        Its `[ledger] checkpoint` says how long a leaf waits at most while events come.
    journal
        Open for writing.
    clock
        Seconds that only go forward.

    Raises
    ------
    StateError
        When another process holds the ledger.
    """

    def __init__(self, project: Project, journal: Journal, clock: Callable[[], float]) -> None:
        self._project, self._journal, self._clock = project, journal, clock
        self._cadence_s = Span.parse(project.settings.ledger.checkpoint).micros / 1e6
        self._held = None if journal.shared else open_log(project, write=True)
        self._position = self._index = 0
        self._waiting: list[bytes] = []
        self._since_s: float | None = None
        self._whole = True

    @property
    def position(self) -> int:
        """The journal's position up to which the leaves are in the ledger, or wait for it."""
        return self._position

    def open(self) -> int:
        """Compare the ledger with the journal whole and append what is missing; returns the leaves added."""
        log = self._log(_WAIT_S)
        try:
            return self._extend(log)
        finally:
            self._let_go(log)

    def add(self, entries: Sequence[Entry]) -> None:
        """Take the leaves of entries that are durable, in the journal's order; those it knows are passed over."""
        if not entries:
            return
        # What was appended past the desk is found by comparing all.
        self._whole |= entries[0].position > self._position
        self._waiting += (
            entry.leaf for entry in entries if entry.leaf is not None and entry.position >= self._position
        )
        self._position = max(self._position, entries[-1].position + 1)
        if self._waiting and self._since_s is None:
            self._since_s = self._clock()

    def due(self) -> bool:
        """Whether a leaf has waited for as long as the project allows."""
        return self._since_s is not None and self._clock() - self._since_s >= self._cadence_s

    def publish(self, wait_s: float = 0.0) -> int:
        """Append what waits, sign a checkpoint, and return the leaves added.

        Where another writer of the team publishes, it is waited for, `wait_s` seconds at most; then nothing is done.
        """
        try:
            log = self._log(wait_s)
        except StateError as error:
            if error.code != LOCKED:
                raise
            return 0
        try:
            before = log.size
            if self._whole or before < self._index:
                self._extend(log)
            else:
                log.append(self._waiting, at=self._index)
                self._index += len(self._waiting)
                self._waiting, self._since_s = [], None
            sign_log(self._project, log)
            return log.size - before
        finally:
            self._let_go(log)

    def close(self) -> None:
        """Let the ledger go; what waits is left to the next opening."""
        if self._held is not None:
            self._held.close()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _extend(self, log: Log) -> int:
        added = extend_ledger(self._journal, log)
        self._position, self._index = self._journal.position, log.size
        self._waiting, self._since_s, self._whole = [], None, False
        return added

    def _log(self, wait_s: float) -> Log:
        if self._held is not None:
            return self._held
        end = time.monotonic() + wait_s
        while True:
            try:
                return open_log(self._project, write=True)
            except StateError as error:
                if error.code != LOCKED or time.monotonic() >= end:
                    raise
            time.sleep(_PAUSE_S)

    def _let_go(self, log: Log) -> None:
        if log is not self._held:
            log.close()
