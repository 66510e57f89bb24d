"""Rescoring: a stranger takes a proved decision again, from the proof file alone, and compares every bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from tallystick import ledger
from tallystick.core import FieldType, InputError, TallystickError, TamperError, jcs
from tallystick.desk.carry import MODEL, SETTING, open_carried
from tallystick.desk.champion import Judge
from tallystick.desk.decide import weigh
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.frames import DECISION, Evidence, evidence_payload
from tallystick.desk.replay import Difference
from tallystick.ledger import Policy

_SHOWN_CHARACTERS = 200


class Rescored(msgspec.Struct, frozen=True):
    """What taking a proved decision again gave.

    `verdict` is that of the proof. `fault` says why nothing could be computed. `compared` counts the values of score,
    result and reasons; `differences` are those that came out otherwise.
    """

    verdict: ledger.Verdict
    fault: TallystickError | None = None
    outcome: str = ""
    compared: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the proof holds and the decision came out the same, to the last bit."""
        return self.verdict.ok and self.fault is None and not self.differences


class _Fact(msgspec.Struct, frozen=True):
    known_at: str
    fields: dict[str, Any]


class _Record(msgspec.Struct, frozen=True):
    """What of a decision's canonical form is computed again, and from what."""

    request_id: str
    fact: _Fact
    versions: dict[str, str]
    vector: dict[str, Any]
    score: dict[str, Any]
    result: dict[str, Any]
    reasons: list[Any]


def rescore(bundle: bytes, vkeys: Sequence[str], policy: Policy | None = None) -> Rescored:
    """Check a proof file, then take its decision again from what it carries.

    Parameters
    ----------
    bundle
        The bytes of a file that `prove_decision(..., rescore=True)` wrote.
    vkeys
        Public keys that the reader trusts.
    policy
        Which witnesses must have signed too.

    Returns
    -------
    Rescored
        `ok` when the proof holds, every carried file has the version that the record names, and label vector, model
        and tables give the recorded score, result and reasons, bit by bit in their canonical form.
    """
    verdict = ledger.verify(bundle, vkeys, policy)
    if not verdict.ok:
        return Rescored(verdict)
    try:
        record = _record(verdict)
        judge = open_carried(verdict.files, record.versions)
        computed = _weighed(judge, record)
    except TallystickError as fault:
        return Rescored(verdict, fault)
    found: list[Difference] = []
    compared = 0
    for part in ("score", "result", "reasons"):
        before, after = _leaves(part, getattr(record, part)), _leaves(part, computed[part])
        compared += len(before)
        found += [
            Difference(record.request_id, name, _text(before.get(name)), _text(after.get(name)))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ]
    return Rescored(verdict, None, str(record.result.get("outcome", "")), compared, tuple(found))


def _record(verdict: ledger.Verdict) -> _Record:
    kind = msgspec.json.decode(verdict.leaf).get("kind")
    if verdict.payload is None or kind != DECISION:
        raise InputError(WORDS("carried.record"))
    try:
        return msgspec.json.decode(verdict.payload, type=_Record)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise TamperError(WORDS("carried.form", file=DECISION, detail=str(error))) from None


def _weighed(judge: Judge, record: _Record) -> dict[str, Any]:
    """Score, result and reasons in the form in which a record's canonical bytes show them."""
    lacking = sorted(set(judge.label_types) ^ set(record.vector)) or sorted(
        set(judge.model.labels) - set(record.vector)
    )
    if lacking:
        raise TamperError(WORDS("carried.vector", file=SETTING, detail=", ".join(lacking)))
    values = {name: _held(name, kind, record.vector[name]) for name, kind in judge.label_types.items()}
    event = {name: _held(name, field.type, record.fact.fields.get(name)) for name, field in judge.fields.items()}
    try:
        computed = weigh(judge, event, values, int(record.fact.known_at))
        return dict(msgspec.json.decode(evidence_payload(Evidence(DECISION, computed))))
    except (TallystickError, ValueError, TypeError, KeyError) as error:
        detail = error.text("en") if isinstance(error, TallystickError) else f"{type(error).__name__}: {error}"
        raise TamperError(WORDS("carried.vector", file=MODEL, detail=detail)) from None


def _held(name: str, kind: FieldType, given: Any) -> Any:
    """A value of a canonical record as it was held: whole numbers are text there, dates ISO."""
    if given is None:
        return None
    try:
        match kind.kind:
            case "money" | "decimal" | "integer" | "instant":
                if isinstance(given, str):
                    return int(given)
            case "real":
                if isinstance(given, int | float) and not isinstance(given, bool):
                    return float(given)
            case "date":
                return date.fromisoformat(given)
            case "flag":
                if isinstance(given, bool):
                    return given
            case _:
                if isinstance(given, str):
                    return given
    except (ValueError, TypeError):
        pass
    raise TamperError(WORDS("carried.vector", file=SETTING, detail=f"{name}: {_text(given)} ({kind})"))


def _leaves(name: str, value: Any) -> dict[str, bytes]:
    """The single values below a name, by their way there, each in its canonical form."""
    if isinstance(value, Mapping) and value:
        return {way: leaf for key, item in value.items() for way, leaf in _leaves(f"{name}.{key}", item).items()}
    if isinstance(value, list) and value:
        return {
            way: leaf for place, item in enumerate(value) for way, leaf in _leaves(f"{name}[{place}]", item).items()
        }
    return {name: jcs(value)}


def _text(value: Any) -> str:
    return (value.decode() if isinstance(value, bytes) else str(value))[:_SHOWN_CHARACTERS]
