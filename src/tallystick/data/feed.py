"""Feeds: events that arrive without end, behind one contract. At least once, in the order of the feed.

A delivery is acknowledged after what it led to is durable; one that was not comes again. So whoever takes deliveries
must know an event by its id, and a repeated one must change nothing.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import importlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

import msgspec

from tallystick.core import InputError, Message, TallystickError, UsageError
from tallystick.data.words import WORDS
from tallystick.store import sync_folder


class InstallHint(UsageError):
    """What was asked for needs an optional extra; the message names it."""


def needs(extra: str, module: str) -> Any:
    """Import a module of an optional extra; raises `InstallHint` naming the extra when it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InstallHint(WORDS("feed.extra", given=module, extra=extra, detail=str(error))) from None


class Delivery(msgspec.Struct, frozen=True):
    """One message of a feed.

    `stream` is the subject, topic or file it came by, `position` its place there (in `partition`). Without a `body`,
    which is one JSON object with numbers as they were written, `error` says why. `raw` is what came.
    """

    stream: str
    position: int
    body: Mapping[str, Any] | None
    partition: int = 0
    redelivered: bool = False
    error: Message | None = None
    raw: bytes = b""


class Feed(Protocol):
    """A source of events without end; one reader at a time."""

    def receive(self, events_max: int, timeout_ms: int) -> list[Delivery]:
        """The next deliveries in order, at most `events_max`; none when nothing came within `timeout_ms`."""
        ...

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge deliveries whose effects are durable: they do not come again."""
        ...

    def close(self) -> None:
        """Let the source go; what was not acknowledged comes again."""
        ...


def delivery(raw: bytes, stream: str, position: int, partition: int = 0, redelivered: bool = False) -> Delivery:
    """Read a message; what is not one JSON object becomes a delivery with an error.

    Examples
    --------
    >>> delivery(b'{"id": 7, "amount": 12.50}', "bank.payments", 1).body
    {'id': 7, 'amount': Decimal('12.50')}
    >>> str(delivery(b"[7]", "bank.payments", 2).error)
    'not one JSON object: list'
    >>> str(delivery(b'{"id": 7, "id": 8}', "bank.payments", 3).error)
    "key 'id' stands more than once in one object; allowed: each key once"
    """
    body: Mapping[str, Any] | None = None
    error: Message | None = None
    try:
        found = json.loads(
            raw.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refused, object_pairs_hook=_once
        )
        if not isinstance(found, dict):
            raise ValueError(type(found).__name__)
        body = found
    except InputError as problem:
        error = problem.message
    except (ValueError, RecursionError) as problem:
        error = WORDS("feed.json", detail=str(problem))
    return Delivery(stream, position, body, partition, redelivered, error, raw)


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Readers differ in which of two they take, so neither is taken.
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        given = next(key for key in found if keys.count(key) > 1)
        raise InputError(WORDS("feed.twice", given=given[:80]))
    return found


class FeedQuarantine:
    """The deliveries that could not be taken, with their reasons: one file that only grows, a JSON object a line.

    Parameters
    ----------
    path
        The file; it is made by the first entry, and read by its owner alone. Several processes may write it, and one
        that erases from it may exchange it meanwhile. A last line that a crash tore is cut off.

    Examples
    --------
    >>> import tempfile
    >>> from tallystick.core import InputError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with FeedQuarantine(Path(folder, "feed.ndjson")) as aside:
    ...         bad = delivery(b"not JSON", "bank.payments", 7)
    ...         aside.add(bad, InputError(bad.error)), aside.add(bad, InputError(bad.error))
    ...         aside.sync()
    ...     [entry] = read_quarantine(Path(folder, "feed.ndjson"))
    ...     entry["position"], entry["code"], entry["raw"]
    (True, False)
    (7, 'feed.json', 'not JSON')
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[bytes] = []
        self._known = {_name(entry) for entry in read_quarantine(path)}

    def add(self, delivery: Delivery, error: TallystickError) -> bool:
        """Put a delivery aside, to be written by `sync`; False when it lies there already."""
        try:
            raw = {"raw": delivery.raw.decode("utf-8")}
        except UnicodeDecodeError:
            raw = {"raw_base64": base64.b64encode(delivery.raw).decode("ascii")}
        entry = {
            "stream": delivery.stream,
            "partition": delivery.partition,
            "position": delivery.position,
            "code": error.code,
            "reason": error.text("en"),
            "sha256": hashlib.sha256(delivery.raw).hexdigest(),
            **raw,
        }
        if _name(entry) in self._known:
            return False
        self._known.add(_name(entry))
        self._lines.append(json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        return True

    def sync(self) -> None:
        """Write what was put aside and wait for the disk."""
        if not self._lines:
            return
        with quarantine_lock(self.path):
            made = not self.path.exists()
            with open(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                file.seek(_whole_bytes(file))
                file.truncate()
                file.write(b"".join(self._lines))
                file.flush()
                os.fdatasync(file.fileno())
            if made:
                sync_folder(self.path.parent)
        self._lines.clear()

    def __enter__(self) -> FeedQuarantine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sync()


@contextmanager
def quarantine_lock(path: Path) -> Iterator[None]:
    """Nobody else, in any process, writes a quarantine meanwhile; the system lets go when a process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the file: an erasure puts another one in its place.
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_quarantine(path: Path) -> list[dict[str, Any]]:
    """The entries of a feed's quarantine, oldest first; none when there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _whole_bytes(file: BinaryIO) -> int:
    """How many bytes the whole lines of a file are."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    if file.read() in (b"", b"\n"):
        return size
    file.seek(0)
    return file.read().rfind(b"\n") + 1


def _name(entry: Mapping[str, Any]) -> tuple[str, int, int, str]:
    # With the bytes: a feed that was made anew counts its positions from the start again.
    return entry["stream"], entry["partition"], entry["position"], entry["sha256"]
