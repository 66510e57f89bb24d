"""One customer's story: the way of one recorded decision, from event to proof."""

from __future__ import annotations

from typing import Any

import msgspec

from tallystick import compliance, ledger
from tallystick.core import LANGUAGES, FieldType, Instant, Language, Missing, format_instant, format_minor
from tallystick.desk.champion import Champion, champion_of
from tallystick.desk.decide import explain
from tallystick.desk.evidence import open_log, read_journal, vkey_path
from tallystick.desk.journal import DecisionRecord, Entry, hold_ledger
from tallystick.desk.project import Project
from tallystick.desk.reportdata import (
    LabelValue,
    MatchedRule,
    Named,
    Phrase,
    PointsLost,
    ProofCheck,
    Story,
    StoryProof,
    StoryReason,
    StoryScore,
)

CHECKS = {
    "form": Phrase("Published form.", "公开格式。"),
    "signature": Phrase("Signed by the log's key.", "由日志密钥签署。"),
    "inclusion": Phrase("Leaf in the signed tree.", "叶子在已签署的树中。"),
    "payload": Phrase("Record matches the leaf.", "记录与叶子相符。"),
}


def tell_story(project: Project) -> Story | None:
    """The story of the adverse decision that has most to tell: rules, reasons and a letter; None without decisions."""
    with read_journal(project) as journal:
        log = open_log(project)
        hold_ledger(journal, log)
        best: tuple[tuple[int, int, int], Entry, int] | None = None
        index = 0
        for entry in journal.read():
            if isinstance(entry.record, DecisionRecord) and index < log.size:
                weight = _weight(project, entry.record)
                if best is None or weight > best[0]:
                    best = (weight, entry, index)
            index += entry.leaf is not None
    if best is None:
        return None
    _, entry, index = best
    record = entry.record
    assert isinstance(record, DecisionRecord)
    assert entry.leaf is not None
    project, champion = champion_of(project, record)
    note = log.checkpoint()
    proof = log.prove(index, log.signed_size)
    bundle = ledger.make_bundle(entry.leaf, proof, note, entry.payload(), entry.salt, profile=log.profile)
    verdict = ledger.verify(bundle, [vkey_path(project).read_text("ascii").strip()])
    return _story(project, champion, record, entry, verdict, log)


def decision_letter(champion: Champion, record: DecisionRecord, language: Language) -> compliance.Letter | None:
    """The letter that an adverse decision owes its customer; None when it is not adverse."""
    if not champion.reasons.is_adverse(record.result["outcome"]):
        return None
    return compliance.letter(
        champion.reasons,
        outcome=record.result["outcome"],
        reasons=explain(champion, record),
        factors=explain(champion, msgspec.structs.replace(record, reasons=[])),
        score=(record.score or {}).get("points"),
        decision_id=record.request_id,
        decided_at=record.decided_at,
        zone=champion.zone,
        language=language,
        known_at=record.k,
    )


def _weight(project: Project, record: DecisionRecord) -> tuple[int, int, int]:
    losses = (record.score or {}).get("losses", [])
    return (int(project.reasons.is_adverse(record.result["outcome"])), len(record.reasons), len(losses))


def _story(
    project: Project, champion: Champion, record: DecisionRecord, entry: Entry, verdict: ledger.Verdict, log: ledger.Log
) -> Story:
    score, fact = record.score or {}, record.fact
    letters = [decision_letter(champion, record, language) for language in LANGUAGES]
    texts = {name: shown(value, champion.label_types[name], project.zone) for name, value in record.vector.items()}
    return Story(
        decision_id=record.request_id,
        stream=fact.stream,
        at=fact.at,
        event=tuple(
            Named(name, shown(value, champion.fields[name].type, project.zone))
            for name, value in fact.fields.items()
            if value is not None
        ),
        labels=tuple(LabelValue(name, text, record.missing.get(name, "")) for name, text in texts.items()),
        score=StoryScore(
            champion.model.name,
            score["pd"],
            score["points"],
            tuple(PointsLost(label, texts[label], lost) for label, lost, _ in score["losses"]),
        ),
        rules=tuple(
            MatchedRule(decision, str(rule), *champion.tables.rule_text(decision, rule))
            for decision, rule in record.result["matched"]
        ),
        outcome=record.result["outcome"],
        reasons=tuple(StoryReason(r.code, r.en, r.zh, r.source) for r in explain(champion, record)),
        letter=Phrase(*(letter.text for letter in letters if letter)) if all(letters) else None,
        proof=StoryProof(
            leaf=ledger.leaf_hash(verdict.leaf.encode(), log.profile).hex(),
            index=verdict.index,
            size=verdict.size,
            root=log.root().hex(),
            checks=tuple(ProofCheck(CHECKS[name], True) for name in verdict.checks)
            + (() if verdict.ok else (ProofCheck(Phrase(str(verdict.fault), str(verdict.fault)), False),)),
        ),
    )


def shown(value: Any, kind: FieldType, zone: str) -> str:
    """A held value as people read it: money in major units, instants in the project's zone."""
    if value is None or isinstance(value, Missing):
        return ""
    if kind.kind == "money" and isinstance(value, int):
        return f"{format_minor(value, kind.currency)} {kind.currency}"
    if kind.kind == "instant":
        moment: Instant = value
        return format_instant(moment, zone)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
