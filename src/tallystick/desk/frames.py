"""The frames of the journal: its records, and how each value becomes bytes and comes back with every bit.

A frame is a header in clear and a body. The header holds what must outlive forgetting: the kind, the leaf, the request
id, and the fields of the fact that are not personal, so that other people's labels stay the same. The body holds the
rest, with the salt of the leaf, sealed under the subject's key and bound to its header.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from tallystick.core import Catalogue, Fact, InputError, Instant, canonical

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
        "journal.short": (
            "the ledger has {given} leaves, the journal only {size}: the journal lost frames that were signed",
            "账本有 {given} 个叶，日志只有 {size} 个：日志丢失了已签名的帧",
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

    def payload(self) -> bytes | None:
        """The bytes whose salted digest stands in the leaf: what a proof reveals."""
        if isinstance(self.record, DecisionRecord):
            return decision_payload(self.record)
        return evidence_payload(self.record) if isinstance(self.record, Evidence) else None


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What of a frame stands in clear; `fact` without its personal fields."""

    kind: str
    leaf: bytes | None
    request_id: str
    fact: tuple[str, str | int, int, bool, int, int, dict[str, Any]] | None


def decision_payload(record: DecisionRecord) -> bytes:
    """The canonical bytes (RFC 8785) of a decision: what its leaf commits to and its proof reveals."""
    return canonical(_shown(record))


def evidence_payload(record: Evidence) -> bytes:
    """The canonical bytes (RFC 8785) of an evidence record's payload."""
    return canonical(_shown(record.payload))


_AS_IT_IS = {str, int, float, bool, type(None)}
_DECIMAL, _DATETIME, _DATE, _BIG = 1, 2, 3, 4
BODY_FIELDS = tuple(name for name in DecisionRecord.__struct_fields__ if name not in ("request_id", "fact"))
FRAME = msgspec.msgpack.Encoder()


def _unpacked(code: int, data: memoryview) -> Any:
    text = bytes(data).decode()
    if code == _DECIMAL:
        return Decimal(text)
    if code == _DATETIME:
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if code == _DATE else int(text)


OUTER = msgspec.msgpack.Decoder(tuple[bytes, bool, bytes])
INNER = msgspec.msgpack.Decoder(Header, ext_hook=_unpacked)
BODY = msgspec.msgpack.Decoder(tuple[str, Any], ext_hook=_unpacked)


def packed(name: str, value: Any) -> Any:
    """A value in the form in which msgpack keeps every bit and its type."""
    kind = type(value)
    if kind in (float, str, bool, bytes) or value is None:
        return value
    if kind is int:
        return value if -(2**63) <= value < 2**64 else msgspec.msgpack.Ext(_BIG, str(value).encode())
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: packed(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [packed(name, item) for item in value]
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
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return {name: _shown(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else value


def split_fact(fact: Fact, subject: str | None, personal: Collection[str]) -> tuple[Fact, dict[str, Any]]:
    """The fact without its personal fields, and those fields."""
    hidden = {name: packed(name, fact.fields[name]) for name in fact.fields if name in personal}
    if hidden and not subject:
        fields = ", ".join(sorted(hidden))
        raise InputError(WORDS("journal.subject", id=fact.id, stream=fact.stream, fields=fields))
    shown = {name: value for name, value in fact.fields.items() if name not in hidden}
    return msgspec.structs.replace(fact, fields=shown), hidden


def merged(shown: Fact, hidden: Mapping[str, Any]) -> Fact:
    """The fact with its personal fields again."""
    return msgspec.structs.replace(shown, fields={**shown.fields, **hidden}) if hidden else shown
