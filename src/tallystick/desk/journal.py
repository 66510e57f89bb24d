"""The journal: the one truth of a project. What was observed, decided and changed, durable before it is answered.

The ledger is made again from it by `desk.leaves`, the state table by `desk.index`. What a frame holds, and
how, stands in `desk.frames`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import Fact, InputError, Place, StateError, TallystickError, TamperError
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
    packed_fields,
    split_fact,
    stand_in,
)
from tallystick.desk.leaves import extend_ledger, facts_payload, hold_ledger
from tallystick.ledger import SALT_BYTES, leaf
from tallystick.ledger.profile import INTERNATIONAL, Profile
from tallystick.store import LEASE_S, Forgotten, Keys, Recovery, open_frames

__all__ = [
    "DecisionRecord",
    "Entry",
    "Evidence",
    "Journal",
    "decision_payload",
    "extend_ledger",
    "facts_payload",
    "hold_ledger",
]


class _Pending(msgspec.Struct, frozen=True):
    entry: Entry
    fact: Split | None
    body: bytes
    sealed_for: str


class Journal:
    """Domain frames over an append-only log: what is appended is buffered, `flush` makes it durable at once.

    The writers of a team share a log on a server. Positions are given in a turn, which the first append takes and
    `flush` ends; what the others have appended until then is in the journal before it.

    Parameters
    ----------
    where
        The log's folder, or `postgresql://…`.
    keys
        The subjects' keys.
    write
        True for a writer, the only one of a folder; False reads beside it, and may see the last batches before they are
        flushed to disk: a power cut may still take what a reader saw and no writer acknowledged.
    fsync, segment_bytes, lease_s
        As in `open_frames`.
    profile
        Of the log that the leaves are for.
    closes_keys
        Whether the keys are closed with the journal.

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
        self,
        where: Path | str,
        keys: Keys,
        *,
        write: bool = True,
        fsync: bool = True,
        segment_bytes: int = 64 << 20,
        lease_s: float = LEASE_S,
        profile: Profile = INTERNATIONAL,
        closes_keys: bool = False,
    ) -> None:
        self._log = open_frames(where, write=write, fsync=fsync, segment_bytes=segment_bytes, lease_s=lease_s)
        self._keys, self._profile, self._closes_keys = keys, profile, closes_keys
        self._pending: list[_Pending] = []
        self._others: list[Entry] = []
        self._failed = False

    @property
    def position(self) -> int:
        """The position of the next durable frame."""
        return len(self._log)

    @property
    def recovered(self) -> Recovery | None:
        """What opening cut off: a last batch that was never wholly written, so never acknowledged."""
        return self._log.recovered

    @property
    def shared(self) -> bool:
        """Whether several writers append here, each in its turn."""
        return self._log.shared

    @property
    def turn(self) -> bool:
        """Whether this writer has the turn: nobody else can append."""
        return self._log.turn

    def take(self) -> tuple[Entry, ...]:
        """Take the turn, unless this writer has it; gives what other writers appended since the last `take`.

        Raises `StateError` when the turn was lost: another writer has it, and this process must end.
        """
        self._begin()
        return self._told()

    def catch_up(self) -> tuple[Entry, ...]:
        """What other writers appended, without a turn; it is in the journal from now on.

        Where that is much it gives a portion: call it until it gives nothing.
        """
        self._hear(self._log.catch_up())
        return self._told()

    def append_fact(
        self, fact: Fact, subject: str | None = None, personal: Collection[str] = (), keys: Collection[str] = ()
    ) -> int:
        """Buffer a fact that was observed; its `personal` fields are sealed under the subject's key.

        `keys` are the columns that labels key on, and the id column. Where one is personal, a stand-in is in its place
        once the subject is forgotten. Returns the position that the fact takes when it is flushed.
        """
        self._begin()
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
        self._begin()
        split = split_fact(record.fact, subject, personal, keys)
        position, salt = self._next(), os.urandom(SALT_BYTES)
        body = [salt, split.id, split.hidden]
        body += packed_fields(record)
        entry = Entry(
            position,
            DECISION,
            record,
            leaf=leaf(DECISION, decision_payload(record), salt, {"position": str(position)}, self._profile),
            fact=record.fact,
            request_id=record.request_id,
            subject=subject or "",
            salt=salt,
        )
        return self._add(entry, split, body)

    def append_evidence(self, kind: str, payload: Mapping[str, Any]) -> int:
        """Buffer a leaf about no person; returns its position once it is flushed."""
        self._begin()
        item = self._evidence(self._next(), kind, payload)
        self._pending.append(item)
        return item.entry.position

    def drop_last(self) -> None:
        """Take the last buffered frame back."""
        self._pending.pop()

    def flush(self) -> tuple[Entry, ...]:
        """Write all that is buffered as one batch, wait for the disk, give the entries, and end the turn.

        Facts have no leaf of their own: a batch that holds some ends with an evidence entry of kind "facts", which
        commits to their frames as they are stored, so that forgetting does not touch it.

        Raises
        ------
        StateError
            When the write fails, or the turn was lost: nothing is acknowledged and the process must end.
        """
        self._sound()
        pending, self._pending = self._pending, []
        if not pending:
            self._log.release()
            return ()
        try:
            return self._write(pending)
        except BaseException as error:
            self._failed = True
            if isinstance(error, TallystickError) or not isinstance(error, Exception):
                raise
            raise StateError(WORDS("journal.failed"), Place(self._log.place)) from error

    def _write(self, pending: list[_Pending]) -> tuple[Entry, ...]:
        self._keys.ensure(item.sealed_for for item in pending if item.sealed_for)
        frames = [self._framed(item) for item in pending]
        facts = [
            (item.entry.position, frame) for item, frame in zip(pending, frames, strict=True) if item.entry.kind == FACT
        ]
        if facts:
            last = self._evidence(len(self._log) + len(pending), FACTS, facts_payload(facts))
            pending, frames = [*pending, last], [*frames, self._framed(last)]
        self._log.append(frames)
        return tuple(item.entry for item in pending)

    @contextmanager
    def batch(self) -> Iterator[Journal]:
        """Flush at the end of the block; an exception inside it drops what the block buffered."""
        held = len(self._pending)
        try:
            yield self
        except BaseException:
            del self._pending[held:]
            if not self._pending:
                self._log.release()
            raise
        self.flush()

    def read(self, kinds: Collection[str] | None = None, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """The durable entries from position `start` up to `stop` (not included), in order, of `kinds` only if given.

        Raises `TamperError` when a byte is not what was written.
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
        """The leaves from position `start` on, with their positions; a leaf's index in the ledger is its rank here.

        Those of other writers are among them, up to now.
        """
        while frames := self._log.catch_up():
            self._hear(frames)
        for position, frame in self._log.read(start):
            header = self._header(position, self._decoded(position, frame)[0])
            if header.leaf is not None:
                yield position, header.leaf

    def close(self) -> None:
        """Release the log; what was not flushed is dropped."""
        self._pending = []
        try:
            self._log.close()
        finally:
            if self._closes_keys:
                self._keys.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _sound(self) -> None:
        if self._failed:
            raise StateError(WORDS("journal.failed"), Place(self._log.place))

    def _begin(self) -> None:
        self._sound()
        self._hear(self._log.take())
        while not self._log.turn:
            self._hear(self._log.take())

    def _hear(self, frames: list[tuple[int, bytes]]) -> None:
        self._others += (self._read(position, frame) for position, frame in frames)

    def _told(self) -> tuple[Entry, ...]:
        told, self._others = tuple(self._others), []
        return told

    def _read(self, position: int, frame: bytes) -> Entry:
        raw, sealed, body = self._decoded(position, frame)
        return self._entry(position, self._header(position, raw), raw, sealed, body)

    def _next(self) -> int:
        return len(self._log) + len(self._pending)

    def _add(self, entry: Entry, fact: Split, body: Any) -> int:
        # Without a body of its own there is nothing to seal, and nothing to forget.
        hidden = FRAME.encode([entry.subject, body]) if body else b""
        FRAME.encode(msgspec.structs.astuple(fact.shown))
        self._pending.append(_Pending(entry, fact, hidden, entry.subject))
        return entry.position

    def _evidence(self, position: int, kind: str, payload: Mapping[str, Any]) -> _Pending:
        record, salt = Evidence(kind, payload), os.urandom(SALT_BYTES)
        made = leaf(kind, evidence_payload(record), salt, {"position": str(position)}, self._profile)
        entry = Entry(position, EVIDENCE, record, leaf=made, salt=salt)
        return _Pending(entry, None, FRAME.encode(["", [salt, kind, packed("payload", payload)]]), "")

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
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise self._strange(position) from None

    def _header(self, position: int, raw: bytes) -> Header:
        try:
            return INNER.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
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
        return TamperError(WORDS("journal.frame", position=position), Place(self._log.place))
