"""The journal: the one truth of a project. What was observed, decided and changed, durable before it is answered.

The ledger is made again from it by the functions at the end, the state table by `desk.index`. What a frame holds, and
how, stands in `desk.frames`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from tallystick.core import Fact, InputError, Place, TamperError
from tallystick.desk.frames import (
    BODY,
    BODY_FIELDS,
    DECISION,
    ERASED,
    EVIDENCE,
    FACT,
    FACTS,
    FRAME,
    INNER,
    OUTER,
    WORDS,
    DecisionRecord,
    Entry,
    Evidence,
    Header,
    Split,
    decision_payload,
    evidence_payload,
    merged,
    name_bytes,
    packed,
    split_fact,
    stand_in,
)
from tallystick.ledger import SALT_BYTES, Log, leaf
from tallystick.store import AppendLog, Forgotten, Keys, Recovery

__all__ = [
    "DecisionRecord",
    "Entry",
    "Evidence",
    "Journal",
    "decision_payload",
    "extend_ledger",
    "hold_ledger",
]


class _Pending(msgspec.Struct, frozen=True):
    entry: Entry
    fact: Split | None
    body: bytes
    sealed_for: str


class Journal:
    """Domain frames over an append-only log: what is appended is buffered, `flush` makes it durable at once.

    Parameters
    ----------
    folder
        The log's folder.
    keys
        The subjects' keys.
    write
        True for the one writer; False reads beside it, and may see the last batches before they are flushed to disk: a
        power cut may still take what a reader saw and no writer acknowledged.
    fsync, segment_bytes
        As in `AppendLog`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keys = Keys(Path(folder, "keys.db"))
    ...     with Journal(Path(folder, "journal"), keys) as journal:
    ...         fact = Fact("payments", "p1", 0, False, 10, 12, {"amount": 1250, "card": "4711"})
    ...         position = journal.append_fact(fact, "customer 7", {"card"})
    ...         entries = journal.flush()
    ...         before = next(journal.read()).record == fact
    ...         _ = keys.forget("customer 7")
    ...         after = next(journal.read())
    ...         before, after.record, after.fact.fields
    (True, None, {'amount': 1250})
    """

    def __init__(
        self, folder: Path | str, keys: Keys, *, write: bool = True, fsync: bool = True, segment_bytes: int = 64 << 20
    ) -> None:
        self._log = AppendLog(folder, write=write, fsync=fsync, segment_bytes=segment_bytes)
        self._keys = keys
        self._pending: list[_Pending] = []

    @property
    def position(self) -> int:
        """The position of the next durable frame."""
        return len(self._log)

    @property
    def recovered(self) -> Recovery | None:
        """What opening cut off: a last batch that was never wholly written, so never acknowledged."""
        return self._log.recovered

    def append_fact(
        self, fact: Fact, subject: str | None = None, personal: Collection[str] = (), keys: Collection[str] = ()
    ) -> int:
        """Buffer a fact that was observed; its `personal` fields are sealed under the subject's key.

        `keys` are the columns that labels key on, and the id column. Where one is personal, a stand-in is in its place
        once the subject is forgotten. Returns the position that the fact takes when it is flushed.
        """
        split = split_fact(fact, subject, personal, keys)
        owner = (subject or "") if split.hidden else ""
        body = [split.id, split.hidden] if split.hidden else None
        return self._add(Entry(self._next(), FACT, fact, fact=fact, subject=owner), split, body)

    def append_decision(
        self,
        record: DecisionRecord,
        subject: str | None = None,
        personal: Collection[str] = (),
        keys: Collection[str] = (),
    ) -> int:
        """Buffer a decision with its event and its leaf; all but the event's fields that are not personal is sealed.

        `keys` as in `append_fact`. Returns the position that it takes when it is flushed; the leaf names it too.
        """
        if record.request_id.startswith(ERASED):
            raise InputError(WORDS("journal.request", given=record.request_id, allowed=ERASED))
        split = split_fact(record.fact, subject, personal, keys)
        position, salt = self._next(), os.urandom(SALT_BYTES)
        body = [salt, split.id, split.hidden]
        body += [packed(name, getattr(record, name)) for name in BODY_FIELDS]
        entry = Entry(
            position,
            DECISION,
            record,
            leaf=leaf(DECISION, decision_payload(record), salt, {"position": str(position)}),
            fact=record.fact,
            request_id=record.request_id,
            subject=subject or "",
            salt=salt,
        )
        return self._add(entry, split, body)

    def append_evidence(self, kind: str, payload: Mapping[str, Any]) -> int:
        """Buffer a leaf about no person. Returns the position that it takes when it is flushed."""
        item = _evidence(self._next(), kind, payload)
        self._pending.append(item)
        return item.entry.position

    def drop_last(self) -> None:
        """Take the last buffered frame back."""
        self._pending.pop()

    def flush(self) -> tuple[Entry, ...]:
        """Write all that is buffered as one batch, wait for the disk, and give the entries with their positions.

        Facts have no leaf of their own: a batch that holds some ends with an evidence entry of kind "facts", which
        commits to their frames as they are stored, so that forgetting does not touch it.

        Raises
        ------
        StateError
            When the write fails: nothing is acknowledged and the process must end.
        """
        pending = self._pending
        if not pending:
            return ()
        self._keys.ensure(item.sealed_for for item in pending if item.sealed_for)
        frames = [self._framed(item) for item in pending]
        facts = [
            (item.entry.position, frame) for item, frame in zip(pending, frames, strict=True) if item.entry.kind == FACT
        ]
        if facts:
            last = _evidence(self._next(), FACTS, facts_payload(facts))
            pending, frames = [*pending, last], [*frames, self._framed(last)]
        self._log.append(frames)
        self._pending = []
        return tuple(item.entry for item in pending)

    @contextmanager
    def batch(self) -> Iterator[Journal]:
        """Flush at the end of the block; an exception inside it drops what the block buffered."""
        held = len(self._pending)
        try:
            yield self
        except BaseException:
            del self._pending[held:]
            raise
        self.flush()

    def read(self, kinds: Collection[str] | None = None, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """The durable entries from position `start` up to `stop` (not included), in order, of `kinds` only if given.

        Raises
        ------
        TamperError
            When a byte is not what was written.
        """
        return (entry for entry, _ in self.stored(kinds, start, stop))

    def stored(
        self, kinds: Collection[str] | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[Entry, bytes]]:
        """As `read`, each entry with the bytes of its frame as they lie on disk."""
        for position, frame in self._log.read(start, stop):
            raw, sealed, body = self._decoded(position, frame)
            header = self._header(position, raw)
            if kinds is None or header.kind in kinds:
                yield self._entry(position, header, raw, sealed, body), frame

    def leaves(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """The leaves from position `start` on, with their positions; a leaf's index in the ledger is its rank here."""
        for position, frame in self._log.read(start):
            header = self._header(position, self._decoded(position, frame)[0])
            if header.leaf is not None:
                yield position, header.leaf

    def close(self) -> None:
        """Release the log; what was not flushed is dropped."""
        self._pending = []
        self._log.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next(self) -> int:
        return len(self._log) + len(self._pending)

    def _add(self, entry: Entry, fact: Split, body: Any) -> int:
        # Without a body of its own there is nothing to seal, and nothing to forget.
        hidden = FRAME.encode([entry.subject, body]) if body else b""
        FRAME.encode(msgspec.structs.astuple(fact.shown))
        self._pending.append(_Pending(entry, fact, hidden, entry.subject))
        return entry.position

    def _framed(self, item: _Pending) -> bytes:
        def blind(value: str | int) -> str | int:
            return stand_in(value, self._keys.pseudonym(item.sealed_for, name_bytes(value)))

        fact = None if item.fact is None else item.fact.clear(blind)
        header = FRAME.encode(Header(item.entry.kind, item.entry.leaf, fact))
        sealed = bool(item.sealed_for)
        return FRAME.encode(
            (header, sealed, self._keys.seal(item.sealed_for, item.body, header) if sealed else item.body)
        )

    def _decoded(self, position: int, frame: bytes) -> tuple[bytes, bool, bytes]:
        try:
            return OUTER.decode(frame)
        except msgspec.MsgspecError:
            raise self._strange(position) from None

    def _header(self, position: int, raw: bytes) -> Header:
        try:
            return INNER.decode(raw)
        except msgspec.MsgspecError:
            raise self._strange(position) from None

    def _entry(self, position: int, header: Header, raw: bytes, sealed: bool, body: bytes) -> Entry:
        shown = None if header.fact is None else Fact(*header.fact)
        try:
            opened = self._keys.open(body, raw) if sealed else body
        except Forgotten:
            request_id = f"{ERASED}{position}" if header.kind == DECISION else ""
            return Entry(position, header.kind, None, header.leaf, shown, request_id)
        try:
            subject, hidden = BODY.decode(opened) if opened else ("", (None, {}))
            if header.kind == EVIDENCE:
                return Entry(position, EVIDENCE, Evidence(*hidden[1:]), header.leaf, salt=hidden[0])
            assert shown is not None
            if header.kind == FACT:
                fact = merged(shown, *hidden)
                return Entry(position, FACT, fact, fact=fact, subject=subject)
            salt, identity, personal, *values = hidden
            fact = merged(shown, identity, personal)
            record = DecisionRecord(fact=fact, **dict(zip(BODY_FIELDS, values, strict=True)))
        except (msgspec.MsgspecError, ValueError, TypeError, AssertionError):
            raise self._strange(position) from None
        return Entry(position, DECISION, record, header.leaf, fact, record.request_id, subject, salt)

    def _strange(self, position: int) -> TamperError:
        return TamperError(WORDS("journal.frame", position=position), Place(str(self._log.folder)))


def _evidence(position: int, kind: str, payload: Mapping[str, Any]) -> _Pending:
    record, salt = Evidence(kind, payload), os.urandom(SALT_BYTES)
    made = leaf(kind, evidence_payload(record), salt, {"position": str(position)})
    entry = Entry(position, EVIDENCE, record, leaf=made, salt=salt)
    return _Pending(entry, None, FRAME.encode(["", [salt, kind, packed("payload", payload)]]), "")


def facts_payload(facts: Sequence[tuple[int, bytes]]) -> dict[str, Any]:
    """What evidence says of the fact frames of a batch, given by position and stored bytes, at least one."""
    digest = hashlib.sha256(b"".join(frame for _, frame in facts)).hexdigest()
    return {"first": facts[0][0], "count": len(facts), "digest": f"sha256:{digest}"}


_CHUNK = 10_000


def hold_ledger(journal: Journal, log: Log) -> None:
    """Compare the journal's leaves with those of the ledger, and write nothing.

    Raises
    ------
    TamperError
        When a leaf differs, or the ledger has leaves that the journal lost.
    """
    index = 0
    leaves = (item for _, item in journal.leaves())
    while chunk := list(islice(leaves, min(_CHUNK, log.size - index))):
        index += log.compare(chunk, index)
    if index < log.size:
        raise TamperError(WORDS("journal.short", given=log.size, size=index))


def extend_ledger(journal: Journal, log: Log) -> int:
    """Compare the journal's leaves with the ledger's, append those that are missing, and return how many were added.

    The ledger must be open for writing.

    Raises
    ------
    TamperError
        When a leaf differs, or the ledger has leaves that the journal lost.
    """
    before, index = log.size, 0
    leaves = (item for _, item in journal.leaves())
    while chunk := list(islice(leaves, _CHUNK)):
        log.append(chunk, at=index)
        index += len(chunk)
    if index < before:
        raise TamperError(WORDS("journal.short", given=before, size=index))
    return log.size - before
