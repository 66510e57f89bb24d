"""The frames of the journal: its records, and how each value becomes bytes and comes back with every bit.

A frame is a header in clear and a body. The header holds what must outlive forgetting: the kind, the leaf, and the
fact without its personal fields; where a key of labels or the event's id is personal, a stand-in that only the
subject's key can make, so that other people's labels stay the same. The body holds the rest, with the request id and
the salt of the leaf, sealed under the subject's key and bound to its header.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import asdict

from tallystick.core import Catalogue, Fact, InputError, Instant, canonical_record
from tallystick.ledger import leaf
from tallystick.ledger.profile import DOMESTIC, INTERNATIONAL

FACT, DECISION, EVIDENCE = "fact", "decision", "evidence"
FACTS = "facts"
"""The kind of the evidence that commits to the fact frames of a batch."""
ERASED = "erased-"
"""What the request id of a forgotten decision begins with; its position follows."""

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
        "journal.lost": (
            "frames are lost: the journal ends at frame {given}, the state table saw frame {expected}, and what it saw "
            "was acknowledged; bring the journal back from a copy, or delete {file} to accept the loss",
            "帧已丢失：日志止于帧 {given}，而状态表见过帧 {expected}，其所见均已确认；"
            "请从副本恢复日志，或删除 {file} 以接受丢失",
        ),
        "journal.leaf": (
            "frame {position} is not what its leaf commits to: the frame or the leaf was changed",
            "帧 {position} 与其叶所承诺的不符：帧或叶被改动",
        ),
        "journal.facts": (
            "the facts from frame {position} on are not those that their evidence commits to",
            "自帧 {position} 起的事实与其证据所承诺的不符",
        ),
        "journal.request": (
            "request_id {given} is taken; ids that begin with {allowed!r} stand for erased decisions",
            "request_id {given} 已保留；以 {allowed!r} 开头的编号代表已擦除的决策",
        ),
        "journal.busy": (
            "the subject's key is destroyed, but another process reads the state table, so its file still holds old "
            "pages; forget once more when that process has ended",
            "主体密钥已销毁，但另一进程正在读取状态表，文件中仍有旧页；请在该进程结束后再次执行遗忘",
        ),
        "journal.mismatch": (
            "the state table says that frame {position} decides {given}, but the journal holds something else there; "
            "they do not belong together: delete {file}, it is made again",
            "状态表称帧 {position} 是 {given} 的决策，但日志中并非如此；两者不匹配：请删除 {file}，它会重建",
        ),
        "journal.unpublished": (
            "{given} is not yet published: no signed checkpoint covers it; end the writing process, or wait until it "
            "publishes",
            "{given} 尚未发布：没有已签名的检查点覆盖它；请结束写入进程，或等待其发布",
        ),
        "journal.failed": (
            "the last batch could not be written; nothing of it is acknowledged and the journal takes no more: end the "
            "process, mend the cause, start again",
            "上一批未能写入；其内容均未被确认，日志不再接受写入：请结束进程，排除原因后重新启动",
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
    was not personal, with stand-ins for personal keys, `leaf` is whole, and the request id of a decision is "erased-"
    and the position. `salt` and `subject` come from the sealed part and go with it.
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

    def expected_leaf(self) -> bytes | None:
        """The leaf that kind, payload, salt and position give; None where there is nothing to make it of."""
        payload = self.payload()
        if payload is None or self.salt is None:
            return None
        kind = self.record.kind if isinstance(self.record, Evidence) else self.kind
        domestic = self.leaf is not None and b'"digest":"sm3:' in self.leaf
        profile = DOMESTIC if domestic else INTERNATIONAL
        return leaf(kind, payload, self.salt, {"position": str(self.position)}, profile)


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What of a frame stands in clear; `fact` without its personal fields, with stand-ins for personal keys."""

    kind: str
    leaf: bytes | None
    fact: tuple[str, str | int, int, bool, int, int, dict[str, Any]] | None


def decision_payload(record: DecisionRecord) -> bytes:
    """The canonical bytes (RFC 8785) of a decision: what its leaf commits to and its proof reveals."""
    fields = asdict(record)
    fields["fact"] = asdict(record.fact)
    return canonical_record(fields)


def evidence_payload(record: Evidence) -> bytes:
    """The canonical bytes (RFC 8785) of an evidence record's payload."""
    return canonical_record(record.payload)


_AS_IT_IS = {str, float, bool, bytes, type(None)}
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_DECIMAL, _DATETIME, _DATE, _BIG = 1, 2, 3, 4
BODY_FIELDS = tuple(name for name in DecisionRecord.__struct_fields__ if name != "fact")
_BODY_OF = attrgetter(*BODY_FIELDS)
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
    if kind in _AS_IT_IS:
        return value
    if kind is int:
        return value if _INT_MIN <= value <= _INT_MAX else msgspec.msgpack.Ext(_BIG, str(value).encode())
    if isinstance(value, dict):
        return packed_mapping(value, name)
    if isinstance(value, list | tuple):
        return [item if type(item) in _AS_IT_IS else packed(name, item) for item in value]
    if isinstance(value, Mapping):
        return packed_mapping(value, name)
    if isinstance(value, Decimal):
        return msgspec.msgpack.Ext(_DECIMAL, str(value).encode())
    if isinstance(value, datetime):
        return msgspec.msgpack.Ext(_DATETIME, value.isoformat().encode())
    if isinstance(value, date):
        return msgspec.msgpack.Ext(_DATE, value.isoformat().encode())
    if isinstance(value, str):
        return str(value)
    raise _refused(name, value)


def packed_mapping(values: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """As `packed`, of every value; `name` is that of the whole, where it is a value itself."""
    made = dict(values)
    for key, value in values.items():
        if not isinstance(key, str):
            raise _refused(name or str(key), values)
        kind = type(value)
        # Nearly every value needs no other form.
        if kind not in _AS_IT_IS and not (kind is int and _INT_MIN <= value <= _INT_MAX):
            made[key] = packed(key, value)
    return made


def _refused(name: str, value: Any) -> InputError:
    return InputError(WORDS("journal.value", name=name, given=repr(value)[:80], type=type(value).__name__))


def packed_fields(record: DecisionRecord) -> list[Any]:
    """The fields of a decision but its fact, packed, in the order of `BODY_FIELDS`."""
    return [packed(name, value) for name, value in zip(BODY_FIELDS, _BODY_OF(record), strict=True)]


class Split(msgspec.Struct, frozen=True):
    """A fact in two parts, packed: what stands in clear, and what is sealed.

    `shown` has None where a stand-in goes; `blind` names those fields with their real values. `id` is the real id where
    it is one of them, else None. `hidden` holds the personal fields.
    """

    shown: Fact
    hidden: Mapping[str, Any]
    blind: Mapping[str, str | int]
    id: str | int | None

    def clear(self, stand_in: Callable[[str | int], str | int]) -> tuple[Any, ...]:
        """The fact as the header holds it."""
        if not self.blind:
            return msgspec.structs.astuple(self.shown)
        blind = {name: stand_in(value) for name, value in self.blind.items()}
        identity = self.shown.id if self.id is None else stand_in(self.id)
        shown = msgspec.structs.replace(self.shown, id=identity, fields={**self.shown.fields, **blind})
        return msgspec.structs.astuple(shown)


def split_fact(fact: Fact, subject: str | None, personal: Collection[str], keys: Collection[str]) -> Split:
    """Part a fact into what may stand in clear for ever and what is personal; `keys` need stand-ins where personal."""
    packs = packed_mapping(fact.fields)
    hidden = {name: value for name, value in packs.items() if name in personal}
    if hidden and not subject:
        fields = ", ".join(sorted(hidden))
        raise InputError(WORDS("journal.subject", id=fact.id, stream=fact.stream, fields=fields))
    blind = {name: fact.fields[name] for name in hidden if name in keys and _is_name(fact.fields[name])}
    shown = packs
    if hidden:
        shown = {
            name: None if name in hidden else value
            for name, value in packs.items()
            if name in keys or name not in hidden
        }
    same = any(type(value) is type(fact.id) and value == fact.id for value in blind.values())
    return Split(msgspec.structs.replace(fact, fields=shown), hidden, blind, fact.id if same else None)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) or type(value) is int


def name_bytes(value: str | int) -> bytes:
    """What a stand-in is made of: 7 and "7" are different names."""
    return (f"text:{value}" if isinstance(value, str) else f"int:{value}").encode()


def stand_in(value: str | int, pseudonym: bytes) -> str | int:
    """What stands for a personal key: text for text, "~" and 32 hex digits; a negative int64 for a number."""
    if isinstance(value, str):
        return "~" + pseudonym[:16].hex()
    return -1 - (int.from_bytes(pseudonym[:8]) >> 1)


def merged(shown: Fact, identity: str | int | None, hidden: Mapping[str, Any]) -> Fact:
    """The fact with its personal fields, and its real id, again."""
    real = shown.id if identity is None else identity
    return msgspec.structs.replace(shown, id=real, fields={**shown.fields, **hidden}) if hidden else shown
