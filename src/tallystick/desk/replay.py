"""Replay: every recorded decision computed again, and every bit that differs reported."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import polars as pl

from tallystick.desk.champion import Champion, champion_of
from tallystick.desk.decide import explain, judge
from tallystick.desk.evidence import open_log, read_journal
from tallystick.desk.forget_traces import ErasedFacts
from tallystick.desk.frames import DECISION
from tallystick.desk.history import INSTANT, all_facts
from tallystick.desk.journal import DecisionRecord, Entry, Journal, hold_ledger
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.labels import Library

GROUP = 100_000
"""Decisions whose labels are computed together from history, which costs as much for one as for all of them."""

STEP = 1_000
"""Decisions between two words of progress."""

SHOWN, SHOWN_CHARACTERS = 100, 200

Taken: TypeAlias = tuple[Entry, Mapping[str, Any], Mapping[str, str]]
"""A decision's entry, and the label values and reasons of missing ones that it is taken again from."""


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
    """What a replay found; `differences` and `readers` show the first hundred, `differing` and `reading` count all.

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
    reading: int = 0
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
        Told how many entries of the journal are done.

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
        stop, champions = journal.position, Champions(project)
        if source == "history":
            # Facts first: who is forgotten after they were read is among the erased, not among the differences.
            entries = _from_history(project, journal, champions, all_facts(project, journal), stop)
            replaying = _Replaying(source, champions, ErasedFacts(project, journal))
        else:
            entries = _from_vectors(journal, stop)
            replaying = _Replaying(source, champions, None)
        for done, (entry, vector, missing) in enumerate(entries):
            if done % STEP == 0:
                progress("verify", entry.position, stop)
            replaying.take(entry, vector, missing)
    progress("verify", stop, stop)
    return replaying.found()


def _from_vectors(journal: Journal, stop: int) -> Iterator[Taken]:
    """Every decision with its labels as they were recorded."""
    for entry in journal.read(kinds=(DECISION,), stop=stop):
        if isinstance(entry.record, DecisionRecord):
            yield entry, entry.record.vector, entry.record.missing
        else:
            yield entry, {}, {}


def _from_history(
    project: Project, journal: Journal, champions: Champions, facts: Mapping[str, pl.DataFrame], stop: int
) -> Iterator[Taken]:
    """Every decision with its labels computed anew; a group is read twice, so that its records are never all held."""
    start = 0
    while start < stop:
        asked, end = Asked(project, champions), stop
        for entry in journal.read(kinds=(DECISION,), start=start, stop=stop):
            if isinstance(entry.record, DecisionRecord):
                asked.add(entry.position, entry.record)
                if len(asked) == GROUP:
                    end = entry.position + 1
                    break
        vectors = asked.vectors(facts)
        for entry in journal.read(kinds=(DECISION,), start=start, stop=end):
            if isinstance(entry.record, DecisionRecord):
                # Whoever was forgotten between the two readings is passed over.
                yield next((entry, row, why) for position, row, why in vectors if position == entry.position)
            else:
                yield entry, {}, {}
        start = end


class _Replaying:
    """A replay in the making: what was counted so far, and the first of what there is to show."""

    def __init__(self, source: str, champions: Champions, gone: ErasedFacts | None) -> None:
        self._source, self._champions, self._gone = source, champions, gone
        self._decisions = self._erased = self._values = self._differing = self._unexplained = self._reading = 0
        self._differences: list[Difference] = []
        self._readers: list[Reader] = []

    def take(self, entry: Entry, vector: Mapping[str, Any], missing: Mapping[str, str]) -> None:
        """Take a decision again from label values and reasons of missing ones."""
        record = entry.record
        if not isinstance(record, DecisionRecord):
            self._erased += 1
            return
        then, champion = self._champions.of(record)
        if self._gone:
            changed = _changed(record, vector, missing)
            read = self._gone.read_by(then.library, record, entry.position, changed) if changed else []
            vector, missing = _as_recorded(record, vector, missing, read)
            self._reading += bool(read)
            if read and len(self._readers) < SHOWN:
                self._readers.append(Reader(record.request_id, tuple(read)))
        request = (record.request_id, record.body_digest)
        again = judge(champion, record.fact, vector, missing, *request, record.lake)
        adverse = champion.reasons.is_adverse(again.result["outcome"])
        self._decisions += 1
        self._unexplained += adverse and not explain(champion, again)
        for what, before, after in _pairs(record, again):
            self._values += 1
            if not same_bits(before, after):
                self._differing += 1
                if len(self._differences) < SHOWN:
                    shown = (repr(value)[:SHOWN_CHARACTERS] for value in (before, after))
                    self._differences.append(Difference(record.request_id, what, *shown))

    def found(self) -> Replay:
        """What was found."""
        return Replay(
            source=self._source,
            decisions=self._decisions,
            erased=self._erased,
            values=self._values,
            differing=self._differing,
            unexplained=self._unexplained,
            differences=tuple(self._differences),
            reading=self._reading,
            readers=tuple(self._readers),
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


class Asked:
    """Points of recorded decisions, gathered to compute their labels together; the decisions are not held."""

    def __init__(self, project: Project, champions: Champions) -> None:
        self._project, self._champions = project, champions
        self._groups: dict[tuple[str, str, tuple[str, ...]], tuple[Library, list[tuple[Any, ...]]]] = {}
        self._order: list[tuple[int, list[tuple[Any, ...]]]] = []

    def __len__(self) -> int:
        return len(self._order)

    def add(self, position: int, record: DecisionRecord) -> None:
        """Gather the point of a decision at a position of the journal."""
        fact = record.fact
        group = (fact.stream, record.versions["labels"], tuple(record.vector))
        if group not in self._groups:
            self._groups[group] = self._champions.of(record)[0].library, []
        points = self._groups[group][1]
        columns = self._project.library.streams[fact.stream].keys.values()
        points.append((*(fact.fields[column] for column in columns), fact.at, fact.known_at, fact.id))
        self._order.append((position, points))

    def vectors(self, facts: Mapping[str, pl.DataFrame]) -> Iterator[tuple[int, dict[str, Any], dict[str, str]]]:
        """Position, label values and reasons of missing ones of each decision, by the batch executor over `facts`."""
        rows = {
            id(points): self._rows(library, stream, names, points, facts)
            for (stream, _, names), (library, points) in self._groups.items()
        }
        for position, points in self._order:
            yield position, *next(rows[id(points)])

    def _rows(
        self,
        library: Library,
        stream: str,
        names: Sequence[str],
        points: list[tuple[Any, ...]],
        facts: Mapping[str, pl.DataFrame],
    ) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
        keys = [entity.name for entity in self._project.library.streams[stream].keys]
        asked = pl.DataFrame(points, schema=[*keys, "t", "k", "id"], orient="row", infer_schema_length=None)
        frame = library.at(asked.with_columns(pl.lit(stream).alias("stream")), labels=names, facts=facts)
        values = frame.select(names).with_columns(pl.col(INSTANT).to_physical()).iter_rows(named=True)
        reasons = frame.select(pl.col(f"{name}__missing").alias(name) for name in names).iter_rows(named=True)
        for row, why in zip(values, reasons, strict=True):
            yield row, {name: reason for name, reason in why.items() if reason is not None}


def same_bits(left: Any, right: Any) -> bool:
    """Whether two values are the same type and the same bits: 0.0 is not −0.0, 1 is not 1.0."""
    if isinstance(left, float) and isinstance(right, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same_bits(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same_bits, left, right))
    return type(left) is type(right) and bool(left == right)


def _pairs(record: DecisionRecord, again: DecisionRecord) -> Iterator[tuple[str, Any, Any]]:
    """What is compared, with what was recorded and what came out again."""
    for name, value in record.vector.items():
        yield f"label {name}", value, again.vector.get(name)
        yield f"missing {name}", record.missing.get(name), again.missing.get(name)
    for what in ("score", "result", "reasons", "versions"):
        yield what, getattr(record, what), getattr(again, what)


class Champions:
    """Champions, with the definitions of their time, by the versions that a record names; each gathered once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._held: dict[tuple[str, ...], tuple[Project, Champion]] = {}

    def of(self, record: DecisionRecord) -> tuple[Project, Champion]:
        """The project as it was when a decision was taken, and its champion."""
        key = (record.flow, *record.versions.values())
        if key not in self._held:
            self._held[key] = champion_of(self._project, record)
        return self._held[key]
