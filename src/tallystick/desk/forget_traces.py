"""Which decisions read facts that were erased since: what replay from history cannot give again for that reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from tallystick.desk.forget import erasures
from tallystick.desk.frames import DecisionRecord
from tallystick.desk.history import frame_of, opening_of, warm_facts
from tallystick.desk.journal import Journal
from tallystick.desk.project import Project
from tallystick.labels import Library
from tallystick.labels.reading import Traces


class ErasedFacts:
    """The facts of a project's lake and journal whose subject was forgotten.

    Parameters
    ----------
    project, journal
        Where to look.
    """

    def __init__(self, project: Project, journal: Journal) -> None:
        self._project = project
        known = erasures(journal)
        self._shared = frozenset(position for erasure in known for position in erasure.shared)
        self._facts = _erased_facts(project, journal, {erasure.subject for erasure in known})
        self._traces: dict[int, tuple[Library, Traces]] = {}

    def __bool__(self) -> bool:
        return bool(self._shared) or any(frame.height for frame in self._facts.values())

    def read_by(self, library: Library, record: DecisionRecord, position: int, labels: Iterable[str]) -> list[str]:
        """Those of some labels that could have read an erased fact when a decision was taken.

        Parameters
        ----------
        library
            The labels of the decision's time.
        record, position
            The decision, and where it lies in the journal.
        labels
            The labels in question.
        """
        spec = library.streams[record.fact.stream]
        keys: dict[str, Any] = {entity.name: record.fact.fields[column] for entity, column in spec.keys.items()}
        schema = self._project.schema(record.fact.stream)
        hidden = {entity.name for entity, column in spec.keys.items() if schema[column].personal}
        # A personal key that she had in common with others is a stand-in now: no fact of hers is found by it.
        common = hidden if position in self._shared else frozenset[str]()
        traces, moment = self._of(library), record.fact
        return [
            name
            for name in labels
            if not common.isdisjoint(library.labels[name].entities)
            or traces.touch(name, keys, moment.at, moment.known_at)
        ]

    def _of(self, library: Library) -> Traces:
        if id(library) not in self._traces:
            facts = {stream: frame for stream, frame in self._facts.items() if stream in library.streams}
            self._traces[id(library)] = library, Traces(library, facts)
        return self._traces[id(library)][1]


def _erased_facts(project: Project, journal: Journal, subjects: set[str]) -> dict[str, pl.DataFrame]:
    """Stream → the erased facts, with the columns of its source and `known_at`."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for entry in journal.read(kinds=("fact", "decision")):
        if entry.record is None and entry.fact is not None:
            fact = entry.fact
            row = {**fact.fields, "revision": fact.revision, "retract": fact.retract, "known_at": fact.known_at}
            rows.setdefault(fact.stream, []).append(row)
    found = {stream: frame_of(project.schema(stream), [dict(row) for row in rows[stream]]) for stream in rows}
    for stream, frame in warm_facts(project, opening_of(project, journal)).items() if subjects else ():
        column = project.sources[stream].subject
        if column:
            own = frame.filter(pl.col(column).cast(pl.String).is_in(sorted(subjects)))
            both = [own.select(found[stream].columns), found[stream]] if stream in found else [own]
            found[stream] = pl.concat(both)
    return found
