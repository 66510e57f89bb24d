"""The journal: the one truth of a project. What was observed, decided and changed, durable before it is answered.

The state table of decisions and the ledger are made again from it; the functions that do so stand at the end. What a
frame holds, and how, stands in `desk.frames`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from tallystick.core import Fact, Place, StateError, TamperError
from tallystick.desk.frames import (
    BODY,
    BODY_FIELDS,
    DECISION,
    EVIDENCE,
    FACT,
    FRAME,
    INNER,
    OUTER,
    WORDS,
    DecisionRecord,
    Entry,
    Evidence,
    Header,
    decision_payload,
    evidence_payload,
    merged,
    packed,
    split_fact,
)
from tallystick.ledger import SALT_BYTES, Log, leaf
from tallystick.store import AppendLog, Forgotten, Keys, Recovery

__all__ = [
    "DECISIONS",
    "DecisionRecord",
    "Entry",
    "Evidence",
    "Found",
    "Journal",
    "decision_payload",
    "extend_ledger",
    "find_decision",
    "forget",
    "index_entries",
    "rebuild_index",
    "update_index",
]


class _Pending(msgspec.Struct, frozen=True):
    entry: Entry
    header: bytes
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
        True for the one writer; False reads beside it.
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

    def append_fact(self, fact: Fact, subject: str | None = None, personal: Collection[str] = ()) -> int:
        """Buffer a fact that was observed; its `personal` fields are sealed under the subject's key.

        Returns the position that it takes when it is flushed.
        """
        shown, hidden = split_fact(fact, subject, personal)
        return self._add(
            Entry(self._next(), FACT, fact, fact=fact, subject=(subject or "") if hidden else ""), shown, hidden
        )

    def append_decision(
        self, record: DecisionRecord, subject: str | None = None, personal: Collection[str] = ()
    ) -> int:
        """Buffer a decision with its event and its leaf; all but the event's fields that are not personal is sealed.

        Returns the position that it takes when it is flushed; the leaf names it too.
        """
        shown, hidden = split_fact(record.fact, subject, personal)
        position, salt = self._next(), os.urandom(SALT_BYTES)
        body = [salt, hidden]
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
        return self._add(entry, shown, body)

    def append_evidence(self, kind: str, payload: Mapping[str, Any]) -> int:
        """Buffer a leaf about no person. Returns the position that it takes when it is flushed."""
        record = Evidence(kind, payload)
        position, salt = self._next(), os.urandom(SALT_BYTES)
        made = leaf(kind, evidence_payload(record), salt, {"position": str(position)})
        entry = Entry(position, EVIDENCE, record, leaf=made, salt=salt)
        return self._add(entry, None, [salt, kind, packed("payload", payload)])

    def drop_last(self) -> None:
        """Take the last buffered frame back."""
        self._pending.pop()

    def flush(self) -> tuple[Entry, ...]:
        """Write all that is buffered as one batch, wait for the disk, and give the entries with their positions.

        Raises
        ------
        StateError
            When the write fails: nothing is acknowledged and the process must end.
        """
        pending = self._pending
        if not pending:
            return ()
        self._keys.ensure(item.sealed_for for item in pending if item.sealed_for)
        self._log.append([FRAME.encode(self._framed(item)) for item in pending])
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
        for position, frame in self._log.read(start, stop):
            raw, sealed, body = self._decoded(position, frame)
            header = self._header(position, raw)
            if kinds is None or header.kind in kinds:
                yield self._entry(position, header, raw, sealed, body)

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

    def _add(self, entry: Entry, shown: Fact | None, body: Any) -> int:
        fact = None if shown is None else (*msgspec.structs.astuple(shown)[:-1], packed("fact", shown.fields))
        header = FRAME.encode(Header(entry.kind, entry.leaf, entry.request_id, fact))
        # Without a body of its own there is nothing to seal, and nothing to forget.
        hidden = FRAME.encode([entry.subject, body]) if body else b""
        self._pending.append(_Pending(entry, header, hidden, entry.subject if body else ""))
        return entry.position

    def _framed(self, item: _Pending) -> tuple[bytes, bool, bytes]:
        if not item.sealed_for:
            return item.header, False, item.body
        return item.header, True, self._keys.seal(item.sealed_for, item.body, item.header)

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
            return Entry(position, header.kind, None, header.leaf, shown, header.request_id)
        try:
            subject, hidden = BODY.decode(opened) if opened else ("", {})
            if header.kind == EVIDENCE:
                return Entry(position, EVIDENCE, Evidence(*hidden[1:]), header.leaf, salt=hidden[0])
            assert shown is not None
            if header.kind == FACT:
                fact = merged(shown, hidden)
                return Entry(position, FACT, fact, fact=fact, subject=subject)
            fact = merged(shown, hidden[1])
            rest = dict(zip(BODY_FIELDS, hidden[2:], strict=True))
            record = DecisionRecord(request_id=header.request_id, fact=fact, **rest)
        except (msgspec.MsgspecError, ValueError, TypeError, AssertionError):
            raise self._strange(position) from None
        return Entry(position, DECISION, record, header.leaf, fact, header.request_id, subject, hidden[0])

    def _strange(self, position: int) -> TamperError:
        return TamperError(WORDS("journal.frame", position=position), Place(str(self._log.folder)))


_META = sql.MetaData()
DECISIONS = sql.Table(
    "decisions",
    _META,
    sql.Column("request_id", sql.Text, primary_key=True),
    sql.Column("body_digest", sql.Text, nullable=False),
    sql.Column("position", sql.BigInteger, nullable=False, unique=True),
    sql.Column("leaf_index", sql.BigInteger, nullable=False),
    sql.Column("subject", sql.Text, nullable=False, index=True),
)
_CURSOR = sql.Table(
    "journal_index",
    _META,
    sql.Column("position", sql.BigInteger, nullable=False),
    sql.Column("leaves", sql.BigInteger, nullable=False),
)
_CHUNK = 10_000


class Found(msgspec.Struct, frozen=True):
    """Where a decision lies: its frame, its leaf, and the digest of the body that it answered ("" once forgotten)."""

    request_id: str
    body_digest: str
    position: int
    leaf_index: int
    subject: str


def rebuild_index(journal: Journal, engine: sql.Engine) -> int:
    """Make the state table of decisions anew from the journal; returns the frames read."""
    _META.drop_all(engine)
    return update_index(journal, engine)


def update_index(journal: Journal, engine: sql.Engine) -> int:
    """Bring the state table of decisions up to the journal; returns the frames read."""
    _META.create_all(engine)
    with engine.begin() as connection:
        cursor = connection.execute(sql.select(_CURSOR)).first()
        if cursor is None:
            connection.execute(_CURSOR.insert().values(position=0, leaves=0))
        start = cursor.position if cursor is not None else 0
    if start > journal.position:
        return rebuild_index(journal, engine)
    entries = journal.read(start=start)
    while chunk := tuple(islice(entries, _CHUNK)):
        index_entries(engine, chunk)
    return journal.position - start


def index_entries(engine: sql.Engine, entries: Sequence[Entry]) -> None:
    """Add flushed entries to the state table; raises `StateError` when they do not follow what it holds."""
    if not entries:
        return
    with engine.begin() as connection:
        position, leaves = connection.execute(sql.select(_CURSOR)).one()
        if entries[0].position != position:
            raise StateError(WORDS("journal.index", given=position, position=entries[0].position))
        rows = []
        for entry in entries:
            if entry.kind == DECISION:
                digest = entry.record.body_digest if isinstance(entry.record, DecisionRecord) else ""
                rows.append(Found(entry.request_id, digest, entry.position, leaves, entry.subject))
            leaves += entry.leaf is not None
        if rows:
            # The first answer to a request stands.
            connection.execute(
                insert(DECISIONS).on_conflict_do_nothing(), [msgspec.structs.asdict(row) for row in rows]
            )
        connection.execute(_CURSOR.update().values(position=entries[-1].position + 1, leaves=leaves))


_FIND = sql.select(DECISIONS).where(DECISIONS.c.request_id == sql.bindparam("asked"))


def find_decision(engine: sql.Engine, request_id: str) -> Found | None:
    """Where the decision on a request lies, or None."""
    with engine.connect() as connection:
        row = connection.execute(_FIND, {"asked": request_id}).first()
    return None if row is None else Found(*row)


def forget(keys: Keys, engine: sql.Engine, subject: str) -> bool:
    """Destroy a subject's key and what the state table says of the subject; returns whether there was a key.

    Leaves and proofs without payload still verify. A repeated request of the subject is refused from then on, since
    its body can no longer be compared.
    """
    found = keys.forget(subject)
    with engine.begin() as connection:
        connection.execute(DECISIONS.update().where(DECISIONS.c.subject == subject).values(subject="", body_digest=""))
    return found


def extend_ledger(journal: Journal, log: Log) -> int:
    """Compare the journal's leaves with the ledger's, append those that are missing, and return how many were added.

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
