"""An append-only log of opaque frames: checksummed, chained, durable before it answers."""

from __future__ import annotations

import fcntl
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import msgspec

from tallystick.core import Message, Place, StateError, TamperError
from tallystick.core.system import system_words
from tallystick.store import segment
from tallystick.store.files import sync_folder
from tallystick.store.words import WORDS

_SUFFIX = ".log"


class Recovery(msgspec.Struct, frozen=True):
    """What recovery cut off: a last batch that was never wholly written, so never acknowledged."""

    file: str
    offset: int
    dropped_bytes: int


class AppendLog:
    """A folder of segment files that take batches of frames at their end and never change otherwise.

    Parameters
    ----------
    folder
        Made when it is missing and `write` is true.
    write
        True takes the one writer's lock, repairs a torn end and allows `append`. False reads beside a live writer
        and stops at the last whole batch.
    fsync
        False leaves flushing to the operating system: for tests and for logs that can be made again.
    segment_bytes
        A segment takes no further batch beyond this size.

    Raises
    ------
    StateError
        When another process writes, the folder holds no log to read, or a write failed before.
    TamperError
        When a byte is not what was written, or a segment is missing. Opening checks the last segment and how all
        segments hang together; reading checks whatever it reads.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, AppendLog(folder) as log:
    ...     log.append([b"first", b"second"]), log.append([b"third"]), len(log)
    ...     list(log.read(start=1))
    (0, 2, 3)
    [(1, b'second'), (2, b'third')]
    """

    shared = False
    turn = True
    """Always: there is one writer."""

    def __init__(
        self, folder: Path | str, *, write: bool = True, fsync: bool = True, segment_bytes: int = 64 << 20
    ) -> None:
        self.folder, self.place = Path(folder), str(folder)
        self.recovered: Recovery | None = None
        self._write, self._fsync, self._segment_bytes = write, fsync, segment_bytes
        self._failure: Message | str = ""
        self._lock = self._descriptor = -1
        self._position, self._size, self._digest = 0, 0, segment.GENESIS
        if write:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
        elif not self.folder.is_dir():
            raise StateError(WORDS("log.absent"), Place(str(self.folder)))
        try:
            self._open_end()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """How many frames there are, which is the next position; to a reader, as it was at opening."""
        return self._position

    def take(self) -> list[tuple[int, bytes]]:
        """Nothing: the one writer of a folder has the turn for as long as it holds the lock."""
        return []

    def catch_up(self) -> list[tuple[int, bytes]]:
        """Nothing: nobody else writes."""
        return []

    def release(self) -> None:
        """Nothing: the lock is held until `close`."""

    def append(self, frames: Sequence[bytes]) -> int:
        """Write the frames as one batch, flush it to disk, and return the position of the first.

        When this returns, the frames survive a power cut. When it raises, none of them is acknowledged, and the log
        takes no more: what the disk holds is known again only after the process has ended and recovery has run.

        Raises
        ------
        StateError
            When the log is read only, closed, or a write failed now or before.
        """
        if not self._write:
            raise StateError(WORDS("log.readonly"), Place(str(self.folder)))
        if self._lock < 0:
            raise StateError(WORDS("log.closed"), Place(str(self.folder)))
        if self._failure:
            raise StateError(WORDS("log.failed", why=self._failure), Place(str(self.folder)))
        first = self._position
        if not frames:
            return first
        data, digest = segment.encode(first, frames, self._digest)
        self._stand_alone()
        try:
            if self._descriptor < 0 or (self._size and self._size + len(data) > self._segment_bytes):
                self._start_segment(first)
            _write_all(self._descriptor, data)
            if self._fsync:
                os.fdatasync(self._descriptor)
        except BaseException as error:
            self._failure = system_words(error) if isinstance(error, OSError) else type(error).__name__
            if isinstance(error, OSError):
                raise StateError(WORDS("log.failed", why=self._failure), Place(str(self.folder))) from error
            raise
        self._position, self._size, self._digest = first + len(frames), self._size + len(data), digest
        return first

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The frames from position `start` up to `stop` (not included), in order, a batch in memory at a time.

        Every batch that is given out was checked. A reader beside a live writer sees what was whole when the last
        segment was reached.
        """
        paths = self._segments()
        firsts = [_first_of(path) for path in paths]
        index = max(bisect_right(firsts, start) - 1, 0)
        previous = segment.last_digest(paths[index - 1]) if index else segment.GENESIS
        position = firsts[index] if firsts else 0
        for path in paths[index:]:
            if _first_of(path) != position:
                raise _missing(position, path)
            if stop is not None and position >= stop:
                return
            try:
                for batch in segment.scan(path, position, previous, skip_below=start):
                    position, previous = batch.first + batch.count, batch.digest
                    if batch.payload is None:
                        continue
                    for at, frame in enumerate(batch.frames(), batch.first):
                        if stop is not None and at >= stop:
                            return
                        if at >= start:
                            yield at, frame
            except segment.Torn as torn:
                if path != paths[-1]:
                    raise TamperError(WORDS("log.end", offset=torn.offset), Place(str(path))) from None

    def check(self) -> int:
        """Check every byte of every segment and return how many frames there are; raises `TamperError`."""
        return sum(1 for _ in self.read())

    def close(self) -> None:
        """Release the files and the writer's lock."""
        for descriptor in (self._descriptor, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._lock = -1

    def __enter__(self) -> AppendLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_lock(self) -> int:
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StateError(WORDS("log.locked"), Place(str(self.folder))) from error
        return descriptor

    def _stand_alone(self) -> None:
        """Refuse where the lock was deleted under this writer, or somebody wrote beside it: a lock may not hold."""
        locked = os.fstat(self._lock).st_nlink > 0
        if locked and (self._descriptor < 0 or os.fstat(self._descriptor).st_size == self._size):
            return
        self._failure = WORDS("log.locked")
        raise StateError(WORDS("log.locked"), Place(self.place))

    def _segments(self) -> list[Path]:
        paths = sorted(self.folder.glob(f"[0-9]*{_SUFFIX}"))
        if paths and _first_of(paths[0]) != 0:
            raise _missing(0, paths[0])
        return paths

    def _open_end(self) -> None:
        """Check how the segments hang together, check the last one whole, and cut a torn end off it."""
        paths = self._segments()
        for before, path in pairwise(paths[:-1]):
            segment.check_link(path, _first_of(path), segment.last_digest(before))
        if not paths:
            return
        path = paths[-1]
        self._position = _first_of(path)
        self._digest = segment.last_digest(paths[-2]) if len(paths) > 1 else segment.GENESIS
        torn: segment.Torn | None = None
        try:
            for batch in segment.scan(path, self._position, self._digest):
                self._position, self._size, self._digest = batch.first + batch.count, batch.end, batch.digest
        except segment.Torn as found:
            torn = found
        if self._write:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
            if torn is not None:
                self.recovered = Recovery(path.name, torn.offset, path.stat().st_size - torn.offset)
                os.ftruncate(self._descriptor, torn.offset)
            if self._fsync:
                # What a killed writer left whole but unflushed counts from now on, so it is flushed first.
                os.fsync(self._descriptor)
                sync_folder(self.folder)

    def _start_segment(self, first: int) -> None:
        path = self.folder / f"{first:020d}{_SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        if self._fsync:
            sync_folder(self.folder)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._size = descriptor, 0


def _first_of(path: Path) -> int:
    return int(path.stem)


def _missing(position: int, found: Path) -> TamperError:
    return TamperError(
        WORDS("log.segment", expected=f"{position:020d}{_SUFFIX}", given=found.name), Place(str(found.parent))
    )


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
