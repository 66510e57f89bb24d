"""Replay: every recorded decision computed again, and every bit that differs reported."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import polars as pl

from tallystick.core import Fact
from tallystick.desk.champion import Champion, champion_of
from tallystick.desk.decide import explain, judge
from tallystick.desk.evidence import open_log, read_journal
from tallystick.desk.forget_traces import ErasedFacts
from tallystick.desk.history import INSTANT, all_facts
from tallystick.desk.journal import DecisionRecord, Journal, hold_ledger
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project

GROUP = 20_000
SHOWN = 100


class Difference(msgspec.Struct, frozen=True):
    """One value that replay did not reproduce: of which decision, which value, and both texts."""

    decision: str
    what: str
    recorded: str
    replayed: str


class Reader(msgspec.Struct, frozen=True):
    """A decision that read facts which were erased since, and the labels that give something else for that reason."""

    decision: str
    labels: tuple[str, ...]


class Replay(msgspec.Struct, frozen=True):
    """What a replay found; `differences` shows the first hundred, `differing` counts all.

    `erased` decisions are those of forgotten subjects. `unexplained` counts adverse decisions without a single reason
    in words: none may be. `readers`, of a replay from history, read facts of forgotten subjects: those of their labels
    are taken as they were recorded, and whatever else differs is a difference.
    """

    source: str
    decisions: int
    erased: int
    values: int
    differing: int
    unexplained: int
    differences: tuple[Difference, ...]
    readers: tuple[Reader, ...] = ()


def replay_decisions(project: Project, source: str = "vector", progress: Progress = silent) -> Replay:
    """Recompute the recorded decisions of a project.

    Parameters
    ----------
    project
        Its definitions; models and decisions are taken by the versions that each record names.
    source
        "vector": from the recorded label values. "history": from label values that a batch computes anew over the
        lake at the recorded versions and the journal; where a label read facts that were erased since, from the
        recorded value.
    progress
        Told how many decisions are done.

    Returns
    -------
    Replay
        Counts, and the values that differ in any bit.

    Raises
    ------
    StateError
        When a decision names a flow, model, decision, labels or reasons that the project no longer has.
    TamperError
        When the journal is not what was written, or lacks what the ledger's checkpoint covers.
    """
    with read_journal(project) as journal:
        hold_ledger(journal, open_log(project))
        entries = list(journal.read(kinds=("decision",)))
        alive = [(entry.position, entry.record) for entry in entries if isinstance(entry.record, DecisionRecord)]
        fresh = batch_vectors(project, journal, [record for _, record in alive]) if source == "history" else None
        gone = None if fresh is None else ErasedFacts(project, journal)
    champions = _Champions(project)
    values, unexplained, differences, readers = 0, 0, list[Difference](), list[Reader]()
    for done, (position, record) in enumerate(alive):
        if done % GROUP == 0:
            progress("verify", done, len(alive))
        vector, missing = (record.vector, record.missing) if fresh is None else fresh[done]
        then, champion = champions.of(record)
        if gone:
            changed = _changed(record, vector, missing)
            read = gone.read_by(then.library, record, position, changed) if changed else []
            vector, missing = _as_recorded(record, vector, missing, read)
            readers += [Reader(record.request_id, tuple(read))] if read else []
        request = (record.request_id, record.body_digest)
        again = judge(champion, record.fact, vector, missing, *request, record.lake)
        adverse = champion.reasons.is_adverse(again.result["outcome"])
        unexplained += adverse and not explain(champion, again)
        values += _compare(record, again, differences)
    progress("verify", len(alive), len(alive))
    return Replay(
        source=source,
        decisions=len(alive),
        erased=len(entries) - len(alive),
        values=values,
        differing=len(differences),
        unexplained=unexplained,
        differences=tuple(differences[:SHOWN]),
        readers=tuple(readers),
    )


def _changed(record: DecisionRecord, vector: Mapping[str, Any], missing: Mapping[str, str]) -> list[str]:
    """The labels whose value, or the reason why there is none, is not the recorded one."""
    return [
        name
        for name, value in record.vector.items()
        if not same_bits(value, vector.get(name)) or record.missing.get(name) != missing.get(name)
    ]


def _as_recorded(
    record: DecisionRecord, vector: Mapping[str, Any], missing: Mapping[str, str], names: list[str]
) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """A vector with some labels as they were recorded."""
    if not names:
        return vector, missing
    why = {name: reason for name, reason in missing.items() if name not in names}
    why |= {name: record.missing[name] for name in names if name in record.missing}
    return {**vector, **{name: record.vector[name] for name in names}}, why


def recorded(journal: Journal) -> Iterator[DecisionRecord | None]:
    """The decisions of a journal in order; None where the subject was forgotten."""
    for entry in journal.read(kinds=("decision",)):
        yield entry.record if isinstance(entry.record, DecisionRecord) else None


def batch_vectors(
    project: Project, journal: Journal, records: list[DecisionRecord]
) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Label values and reasons of missing ones at each decision's own point, by the batch executor."""
    facts, champions = all_facts(project, journal), _Champions(project)
    found: list[tuple[dict[str, Any], dict[str, str]]] = [({}, {})] * len(records)
    groups: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for place, record in enumerate(records):
        group = (record.fact.stream, record.versions["labels"], tuple(record.vector))
        groups.setdefault(group, []).append(place)
    for (stream, _, names), places in groups.items():
        then, _ = champions.of(records[places[0]])
        points = _points(project, stream, [records[place].fact for place in places])
        frame = then.library.at(points, labels=list(names), facts=facts)
        values = frame.select(names).with_columns(pl.col(INSTANT).to_physical()).iter_rows(named=True)
        reasons = frame.select(f"{name}__missing" for name in names).rename(lambda name: name.removesuffix("__missing"))
        for place, row, why in zip(places, values, reasons.iter_rows(named=True), strict=True):
            found[place] = (row, {name: reason for name, reason in why.items() if reason is not None})
    return found


def _points(project: Project, stream: str, facts: list[Fact]) -> pl.DataFrame:
    spec = project.library.streams[stream]
    columns: dict[str, Any] = {
        entity.name: [fact.fields[column] for fact in facts] for entity, column in spec.keys.items()
    }
    columns |= {
        "t": [fact.at for fact in facts],
        "k": [fact.known_at for fact in facts],
        "stream": [stream] * len(facts),
        "id": [fact.id for fact in facts],
    }
    return pl.DataFrame(columns)


def same_bits(left: Any, right: Any) -> bool:
    """Whether two values are the same type and the same bits: 0.0 is not −0.0, 1 is not 1.0."""
    if isinstance(left, float) and isinstance(right, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same_bits(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same_bits, left, right))
    return type(left) is type(right) and bool(left == right)


def _compare(record: DecisionRecord, again: DecisionRecord, differences: list[Difference]) -> int:
    pairs = [(f"label {name}", value, again.vector.get(name)) for name, value in record.vector.items()]
    pairs += [(f"missing {name}", record.missing.get(name), again.missing.get(name)) for name in record.vector]
    pairs += [
        (what, getattr(record, what), getattr(again, what)) for what in ("score", "result", "reasons", "versions")
    ]
    for what, before, after in pairs:
        if not same_bits(before, after):
            differences.append(Difference(record.request_id, what, repr(before)[:200], repr(after)[:200]))
    return len(pairs)


class _Champions:
    """Champions, with the definitions of their time, by the versions that a record names; each gathered once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._held: dict[tuple[str, ...], tuple[Project, Champion]] = {}

    def of(self, record: DecisionRecord) -> tuple[Project, Champion]:
        key = (record.flow, *record.versions.values())
        if key not in self._held:
            self._held[key] = champion_of(self._project, record)
        return self._held[key]
