"""The spine: one event in, one explained, journalled, provable decision out. Read this file first.

    event ─► labels.now ─► model.score ─► decision.decide ─► compliance.explain ─► journal.append ─► answer

Every stage is one call away. Nothing is answered before it is durable: `decide` commits one decision,
`decide_all` a group with one fsync.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tallystick import compliance, models
from tallystick.core import Fact, FieldType, Instant, StateError, TallystickError, to_datetime
from tallystick.desk.champion import Champion, Judge
from tallystick.desk.frames import DecisionRecord
from tallystick.desk.house import Desk, Incoming, Request
from tallystick.desk.words import WORDS
from tallystick.feel import to_feel

_BASIS_POINTS = FieldType("decimal", scale=4)


class Answer(msgspec.Struct, frozen=True):
    """What the asker gets: the outcome and its reasons, and what names it for ever (id, position, versions)."""

    id: str
    outcome: str
    value: Any
    score: int
    pd: float
    reasons: tuple[compliance.Reason, ...]
    matched: tuple[str, ...]
    position: int
    versions: Mapping[str, str]
    repeated: bool = False


def decide(desk: Desk, body: Mapping[str, Any]) -> Answer:
    """Decide one event and make the decision durable before it is answered.

    Parameters
    ----------
    desk
        The open desk of a project: the one writer.
    body
        `stream` and the source columns in the form of the outside world (amounts in major units);
        `request_id` optionally names the request, otherwise stream and id do.

    Raises
    ------
    InputError
        When the event breaks its schema, is late or has no key; nothing was written.
    ConflictError
        When the request was answered before with another body.
    """
    return next(decide_all(desk, [desk.receive(body)]))


def decide_all(desk: Desk, events: Iterable[Incoming], group: int = 1000) -> Iterator[Answer]:
    """Decide events in order; an answer comes after the group of decisions that it belongs to is durable.

    A faulty event ends the series with its error, after those before it were made durable and answered.
    """
    waiting: list[Request] = []
    for event in events:
        try:
            request = desk.admit(event)
            if not request.repeated:
                desk.append(request, _decide(desk, request))
        except TallystickError:
            yield from _answers(desk, waiting)
            raise
        waiting.append(request)
        if len(waiting) >= group:
            yield from _answers(desk, waiting)
    yield from _answers(desk, waiting)


def _decide(desk: Desk, request: Request) -> DecisionRecord:
    champion, fact = desk.champion(request.fact.stream), request.fact
    vector = desk.live.now(request.keys, fact.at, request.event, k=fact.known_at, labels=champion.labels)
    return judge(champion, fact, vector.values, vector.missing, request.id, request.digest, desk.opening.lake)


def judge(
    champion: Champion,
    fact: Fact,
    values: Mapping[str, Any],
    missing: Mapping[str, str],
    request_id: str,
    digest: str,
    lake: Mapping[str, int],
) -> DecisionRecord:
    """Judge a label vector and gather the record: the same way live and in replay."""
    return DecisionRecord(
        request_id=request_id,
        body_digest=digest,
        fact=fact,
        k=fact.known_at,
        flow=champion.flow.name,
        versions=champion.versions,
        lake=lake,
        vector=values,
        missing=missing,
        decided_at=fact.known_at,
        **weigh(champion, fact.fields, values, fact.known_at),
    )


def weigh(judge: Judge, event: Mapping[str, Any], values: Mapping[str, Any], now: Instant) -> dict[str, Any]:
    """Score a label vector and run the decision on it: the `score`, `result` and `reasons` of a record."""
    score = judge.model.score(values)
    given = inputs(judge, judge.decision_inputs, event, values, score)
    result = judge.tables.decide(judge.decision_name, given, now=to_datetime(now, judge.zone))
    return {
        "score": scored(score),
        "result": {
            "outcome": outcome_of(result.value),
            "value": result.value,
            "matched": [[rule.decision, rule.rule] for rule in result.matched],
        },
        "reasons": list(result.reasons),
    }


def inputs(
    judge: Judge, names: Iterable[str], event: Mapping[str, Any], values: Mapping[str, Any], score: models.Score
) -> dict[str, Any]:
    """The inputs of a decision by name: score and pd, labels, fields of the event, and the offer, as FEEL values."""
    found: dict[str, Any] = {}
    for name in names:
        if name == "score":
            found[name] = score.points
        elif name == "pd":
            found[name] = score.pd
        elif name in judge.label_types:
            found[name] = to_feel(values[name], judge.label_types[name], judge.zone)
        elif name in judge.fields:
            found[name] = to_feel(event.get(name), judge.fields[name].type, judge.zone)
        else:
            found[name] = offered(score, name, judge.money)
    return found


def offered(score: models.Score, name: str, money: FieldType) -> Any:
    """`rating`, `limit` or `price` of a score as a FEEL value; null where the model has no scale or no terms."""
    if name == "rating":
        return score.rating or None
    if score.offer is None:
        return None
    return to_feel(score.offer.limit_minor, money) if name == "limit" else to_feel(score.offer.price_bps, _BASIS_POINTS)


def scored(score: models.Score) -> dict[str, Any]:
    """What a record keeps of a score; grade and offer only where the model has them."""
    kept: dict[str, Any] = {
        "points": score.points,
        "pd": score.pd,
        "raw": score.raw,
        "losses": [[loss.label, loss.points_lost, loss.bin_text] for loss in score.reasons],
    }
    if score.rating:
        kept["rating"] = score.rating
    if score.offer is not None:
        kept |= {"limit_minor": score.offer.limit_minor, "price_bps": score.offer.price_bps}
    return kept


def outcome_of(value: Any) -> str:
    """The outcome in a decision's value: the text itself, or the `action` of a context; "" for null."""
    chosen = value.get("action") if isinstance(value, Mapping) else value
    return "" if chosen is None else str(chosen)


def explain(champion: Champion, record: DecisionRecord) -> tuple[compliance.Reason, ...]:
    """The reasons of a recorded decision in words: first the rules that fired, then what cost the score most."""
    losses = [(label, lost, record.vector[label]) for label, lost, _ in (record.score or {}).get("losses", [])]
    return compliance.explain(champion.reasons, list(record.reasons), losses, values=record.vector)


def _answers(desk: Desk, waiting: list[Request]) -> Iterator[Answer]:
    entries = {entry.request_id: entry for entry in desk.commit()}
    for request in waiting:
        entry = entries.get(request.id) or desk.recorded(request.id)
        record = entry.record
        if not isinstance(record, DecisionRecord):
            # Between the commit and this reading another desk of the team may have forgotten the subject.
            raise StateError(WORDS("decision.erased", given=request.id))
        yield _answer(desk.champion(request.fact.stream), record, entry.position, request.repeated)
    waiting.clear()


def _answer(champion: Champion, record: DecisionRecord, position: int, repeated: bool) -> Answer:
    score = record.score or {}
    return Answer(
        id=record.request_id,
        outcome=record.result["outcome"],
        value=record.result["value"],
        score=score["points"],
        pd=score["pd"],
        reasons=explain(champion, record),
        matched=tuple(f"{decision}, rule {rule}" for decision, rule in record.result["matched"]),
        position=position,
        versions=record.versions,
        repeated=repeated,
    )
