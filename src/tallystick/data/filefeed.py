"""Events from a file of JSON lines that another process writes at its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tallystick.core import InputError, Place, StateError
from tallystick.data.feed import Delivery, delivery
from tallystick.data.words import WORDS
from tallystick.store import atomic_write


class Cursor(msgspec.Struct, frozen=True):
    """How far a file was acknowledged: whole lines, and their bytes."""

    lines: int = 0
    bytes: int = 0


class FileFeed:
    """The lines of a file; a last line without its end is not delivered before it has one.

    Parameters
    ----------
    path
        The file, UTF-8, one JSON object a line; it must only grow.
    cursor
        Where it is kept how far the file was acknowledged.

    Raises
    ------
    InputError
        When there is no such file.
    StateError
        When the cursor is not this file's.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file, cursor = Path(folder, "payments.ndjson"), Path(folder, "cursor")
    ...     _ = file.write_text('{"id": 1}\\n{"id": 2}\\n')
    ...     feed = FileFeed(file, cursor)
    ...     first, _ = feed.receive(10, 0)
    ...     feed.done([first])
    ...     [one.body["id"] for one in FileFeed(file, cursor).receive(10, 0)]
    [2]
    """

    def __init__(self, path: Path, cursor: Path) -> None:
        if not path.is_file():
            raise InputError(WORDS("feed.file"), Place(str(path)))
        self._path, self._cursor = path, cursor
        self._done = _read_cursor(cursor)
        self._next = self._done
        self._ends: dict[int, Cursor] = {}
        if path.stat().st_size < self._done.bytes:
            raise StateError(WORDS("feed.shrunk", given=path.stat().st_size, wanted=self._done.bytes), Place(str(path)))

    def receive(self, events_max: int, timeout_ms: int) -> list[Delivery]:
        """The next whole lines; see `Feed`. It never waits: a file says nothing when it grows."""
        found: list[Delivery] = []
        with self._path.open("rb") as file:
            file.seek(self._next.bytes)
            while len(found) < events_max and (line := file.readline()).endswith(b"\n"):
                self._next = Cursor(self._next.lines + 1, self._next.bytes + len(line))
                self._ends[self._next.lines] = self._next
                found.append(delivery(line.rstrip(b"\r\n"), self._path.stem, self._next.lines))
        return found

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Keep that these lines, and all before them, were taken; see `Feed`."""
        ends = [self._ends.pop(one.position) for one in deliveries]
        self._done = max([self._done, *ends], key=lambda end: end.lines)
        atomic_write(self._cursor, msgspec.json.encode(self._done))

    def close(self) -> None:
        """Nothing is held between calls; see `Feed`."""


def _read_cursor(path: Path) -> Cursor:
    if not path.exists():
        return Cursor()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Cursor)
    except msgspec.MsgspecError as error:
        raise StateError(WORDS("feed.cursor", detail=str(error)), Place(str(path))) from None
