"""The journal: the one truth of a project. What was observed, decided and changed, durable before it is answered.

A frame is a header in clear and a body. The header holds what must outlive forgetting: the kind, the leaf, the request
id, and the fields of the fact that are not personal, so that other people's labels stay the same. The body holds the
rest, with the salt of the leaf, sealed under the subject's key and bound to its header. The state table of decisions
(`desk.index`) and the ledger are made again from here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from tallystick.core import Catalogue, Fact, InputError, Instant, Place, TamperError, canonical
from tallystick.ledger import SALT_BYTES, leaf
from tallystick.store import AppendLog, Forgotten, Keys, Recovery

FACT, DECISION, EVIDENCE = "fact", "decision", "evidence"

WORDS = Catalogue(
    {
        "journal.frame": (
            "frame {position} is not a frame of this journal's format",
            "帧 {position} 不符合本日志的格式",
        ),
        "journal.value": (
            "{name}: {given} of type {type} cannot be journalled; allowed: int, float, text, bool, None, bytes, "
            "Decimal, date, datetime, list, mapping with text keys",
            "{name}：类型 {type} 的 {given} 无法写入日志；允许：整数、浮点、文本、布尔、None、字节、Decimal、"
            "日期、日期时间、列表、文本键映射",
        ),
        "journal.subject": (
            "event {id} of stream {stream} has personal fields ({fields}) but no subject whose key seals them; "
            "declare `subject` for the source, and give the event its value",
            "流 {stream} 的事件 {id} 含个人字段（{fields}），但没有用于加密的主体；"
            "请为数据源声明 subject，并在事件中给出其值",
        ),
        "journal.index": (
            "the state table stands at frame {given}, but the entries begin at frame {position}; build it again",
            "状态表位于帧 {given}，而条目始于帧 {position}；请重建状态表",
        ),
    }
)


class DecisionRecord(msgspec.Struct, frozen=True):
    """One decision with all that it was made of, so that it can be made again bit for bit.

    `body_digest` is the SHA-256 (hex) of the request's canonical body: a repeated request id with another digest is
    refused. `k` is the instant up to which facts counted. `versions` names labels, model, decision and engine by their
    content, `lake` the version of each table that was read. `vector` maps a label to its value, `missing` to the reason
    where there is none. `reasons` are codes, strongest first. `decided_at` is an instant.
    """

    request_id: str
    body_digest: str
    fact: Fact
    k: Instant
    flow: str
    versions: Mapping[str, str]
    lake: Mapping[str, int]
    vector: Mapping[str, Any]
    missing: Mapping[str, str]
    score: Mapping[str, Any] | None
    result: Mapping[str, Any]
    reasons: Sequence[Any]
    decided_at: Instant


class Evidence(msgspec.Struct, frozen=True):
    """A leaf about no person: a changed definition, an approval, a load. `kind` is the leaf's kind."""

    kind: str
    payload: Mapping[str, Any]


class Entry(msgspec.Struct, frozen=True):
    """One frame as it is read.

    `kind` is fact, decision or evidence. `record` is None when its subject was forgotten; then `fact` still holds what
    was not personal, and `leaf` is whole. `salt` and `subject` come from the sealed part and go with it.
    """

    position: int
    kind: str
    record: Fact | DecisionRecord | Evidence | None
    leaf: bytes | None = None
    fact: Fact | None = None
    request_id: str = ""
    subject: str = ""
    salt: bytes | None = None

    def revealed(self) -> bytes | None:
        """The bytes whose salted digest stands in the leaf: what a proof reveals."""
        if isinstance(self.record, DecisionRecord):
            return decision_payload(self.record)
        return evidence_payload(self.record) if isinstance(self.record, Evidence) else None


class _Header(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    leaf: bytes | None
    request_id: str
    fact: tuple[str, str | int, int, bool, int, int, dict[str, Any]] | None


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
        shown, hidden = _split_fact(fact, subject, personal)
        return self._add(
            Entry(self._next(), FACT, fact, fact=fact, subject=(subject or "") if hidden else ""), shown, hidden
        )

    def append_decision(
        self, record: DecisionRecord, subject: str | None = None, personal: Collection[str] = ()
    ) -> int:
        """Buffer a decision with its event and its leaf; all but the event's fields that are not personal is sealed.

        Returns the position that it takes when it is flushed; the leaf names it too.
        """
        shown, hidden = _split_fact(record.fact, subject, personal)
        position, salt = self._next(), os.urandom(SALT_BYTES)
        body = [salt, hidden]
        body += [_packed(name, getattr(record, name)) for name in _BODY_FIELDS]
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
        return self._add(entry, None, [salt, kind, _packed("payload", payload)])

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
        self._log.append([_FRAME.encode(self._framed(item)) for item in pending])
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
        fact = None if shown is None else (*msgspec.structs.astuple(shown)[:-1], _packed("fact", shown.fields))
        header = _FRAME.encode(_Header(entry.kind, entry.leaf, entry.request_id, fact))
        # Without a body of its own there is nothing to seal, and nothing to forget.
        hidden = _FRAME.encode([entry.subject, body]) if body else b""
        self._pending.append(_Pending(entry, header, hidden, entry.subject if body else ""))
        return entry.position

    def _framed(self, item: _Pending) -> tuple[bytes, bool, bytes]:
        if not item.sealed_for:
            return item.header, False, item.body
        return item.header, True, self._keys.seal(item.sealed_for, item.body, item.header)

    def _decoded(self, position: int, frame: bytes) -> tuple[bytes, bool, bytes]:
        try:
            return _OUTER.decode(frame)
        except msgspec.MsgspecError:
            raise self._strange(position) from None

    def _header(self, position: int, raw: bytes) -> _Header:
        try:
            return _INNER.decode(raw)
        except msgspec.MsgspecError:
            raise self._strange(position) from None

    def _entry(self, position: int, header: _Header, raw: bytes, sealed: bool, body: bytes) -> Entry:
        shown = None if header.fact is None else Fact(*header.fact)
        try:
            opened = self._keys.open(body, raw) if sealed else body
        except Forgotten:
            return Entry(position, header.kind, None, header.leaf, shown, header.request_id)
        try:
            subject, hidden = _BODY.decode(opened) if opened else ("", {})
            if header.kind == EVIDENCE:
                return Entry(position, EVIDENCE, Evidence(*hidden[1:]), header.leaf, salt=hidden[0])
            assert shown is not None
            if header.kind == FACT:
                fact = _merged(shown, hidden)
                return Entry(position, FACT, fact, fact=fact, subject=subject)
            fact = _merged(shown, hidden[1])
            rest = dict(zip(_BODY_FIELDS, hidden[2:], strict=True))
            record = DecisionRecord(request_id=header.request_id, fact=fact, **rest)
        except (msgspec.MsgspecError, ValueError, TypeError, AssertionError):
            raise self._strange(position) from None
        return Entry(position, DECISION, record, header.leaf, fact, header.request_id, subject, hidden[0])

    def _strange(self, position: int) -> TamperError:
        return TamperError(WORDS("journal.frame", position=position), Place(str(self._log.folder)))


def decision_payload(record: DecisionRecord) -> bytes:
    """The canonical bytes (RFC 8785) of a decision: what its leaf commits to and its proof reveals."""
    return canonical(_shown(record))


def evidence_payload(record: Evidence) -> bytes:
    """The canonical bytes (RFC 8785) of an evidence record's payload."""
    return canonical(_shown(record.payload))


_DECIMAL, _DATETIME, _DATE, _BIG = 1, 2, 3, 4
_BODY_FIELDS = tuple(name for name in DecisionRecord.__struct_fields__ if name not in ("request_id", "fact"))
_FRAME = msgspec.msgpack.Encoder()


def _unpacked(code: int, data: memoryview) -> Any:
    text = bytes(data).decode()
    if code == _DECIMAL:
        return Decimal(text)
    if code == _DATETIME:
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if code == _DATE else int(text)


_OUTER = msgspec.msgpack.Decoder(tuple[bytes, bool, bytes])
_INNER = msgspec.msgpack.Decoder(_Header, ext_hook=_unpacked)
_BODY = msgspec.msgpack.Decoder(tuple[str, Any], ext_hook=_unpacked)


def _packed(name: str, value: Any) -> Any:
    """A value in the form in which msgpack keeps every bit and its type."""
    kind = type(value)
    if kind in (float, str, bool, bytes) or value is None:
        return value
    if kind is int:
        return value if -(2**63) <= value < 2**64 else msgspec.msgpack.Ext(_BIG, str(value).encode())
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _packed(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(name, item) for item in value]
    if isinstance(value, Decimal):
        return msgspec.msgpack.Ext(_DECIMAL, str(value).encode())
    if isinstance(value, datetime):
        return msgspec.msgpack.Ext(_DATETIME, value.isoformat().encode())
    if isinstance(value, date):
        return msgspec.msgpack.Ext(_DATE, value.isoformat().encode())
    if isinstance(value, str):
        return str(value)
    raise InputError(WORDS("journal.value", name=name, given=repr(value)[:80], type=kind.__name__))


def _shown(value: Any) -> Any:
    """A value with dates as text and bytes as hex, ready for the canonical form."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return {name: _shown(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else value


def _split_fact(fact: Fact, subject: str | None, personal: Collection[str]) -> tuple[Fact, dict[str, Any]]:
    """The fact without its personal fields, and those fields."""
    hidden = {name: _packed(name, fact.fields[name]) for name in fact.fields if name in personal}
    if hidden and not subject:
        fields = ", ".join(sorted(hidden))
        raise InputError(WORDS("journal.subject", id=fact.id, stream=fact.stream, fields=fields))
    shown = {name: value for name, value in fact.fields.items() if name not in hidden}
    return msgspec.structs.replace(fact, fields=shown), hidden


def _merged(shown: Fact, hidden: Mapping[str, Any]) -> Fact:
    return msgspec.structs.replace(shown, fields={**shown.fields, **hidden}) if hidden else shown
