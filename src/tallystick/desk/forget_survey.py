"""What is held of a subject, and where: found before anything is erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import sqlalchemy as sql

from tallystick import data
from tallystick.core import Fact, Instant
from tallystick.desk.consume import quarantine_path
from tallystick.desk.forget_notes import state_of
from tallystick.desk.forget_places import segment_keys
from tallystick.desk.history import INSTANT
from tallystick.desk.index import DECISIONS
from tallystick.desk.journal import Journal
from tallystick.desk.openlog import journal_of
from tallystick.desk.points import values_path
from tallystick.desk.project import Project
from tallystick.desk.segments import segments_of
from tallystick.desk.subjects import Held, Subject, blinded, own_value, sources_of
from tallystick.store import Keys
from tallystick.store.sql import connect


def survey(project: Project, subject: Subject, journal: Journal | None, states: Iterable[Path]) -> Held:
    """Find what is held of a subject; writes nothing.

    Parameters
    ----------
    project
        Its definitions and state.
    subject
        Whom to look for.
    journal
        Open to read; None where nothing was ever decided.
    states
        The state folders: the project's own, and those that a run has put aside. Of the journals of those, only when
        something last happened is taken.

    Returns
    -------
    Held
        Counts by place, names, events.
    """
    looking = _Looking(project, subject)
    places = [state_of(project, state) for state in states]
    for place in places:
        looking.read_lake(place)
    if journal is not None:
        looking.read_journal(journal)
    for place in places[1:]:
        looking.read_last(place)
    known = looking.known()
    looking.leave_shared(places, journal)
    for place in places:
        looking.count_rest(place)
    return Held(
        counts={name: count for name, count in sorted(looking.counts.items()) if count},
        known=known,
        names=looking.known(),
        events=tuple(looking.events),
        last=looking.last,
        shared=tuple(looking.others),
        exposed=tuple(sorted(looking.exposed)),
    )


def survey_again(project: Project, subject: Subject, journal: Journal, states: Iterable[Path], held: Held) -> Held:
    """What is held of a subject, with the names and events that a journal has told of since a survey."""
    looking = _Looking(project, subject)
    looking.read_journal(journal)
    looking.leave_shared([state_of(project, state) for state in states], journal)
    return msgspec.structs.replace(
        held,
        names=merged_names(held.names, looking.known()),
        events=tuple(dict.fromkeys((*held.events, *looking.events))),
    )


def merged_names(
    one: Mapping[str, tuple[str | int, ...]], other: Mapping[str, tuple[str | int, ...]]
) -> dict[str, tuple[str | int, ...]]:
    """Values by column, of both."""
    return {name: tuple(dict.fromkeys((*one.get(name, ()), *other.get(name, ())))) for name in {**one, **other}}


def keys_of(project: Project, subject: Subject, fact: Fact) -> dict[str, tuple[str | int, ...]]:
    """The personal keys of a fact, by column, where its source is about subjects of this kind."""
    source = project.sources.get(fact.stream)
    if source is None or source.subject != subject.column:
        return {}
    values = {name: fact.fields.get(name) for name in blinded(project, source)}
    return {name: (value,) for name, value in values.items() if value is not None}


class _Looking:
    """What was found so far; `names` by column, the shared ones among them."""

    def __init__(self, project: Project, subject: Subject) -> None:
        self.project, self.subject = project, subject
        self.sources = {source.name: source for source in sources_of(project, subject)}
        self.named = {name: self._named(source) for name, source in self.sources.items()}
        self.names: dict[str, set[str | int]] = {subject.column: {own_value(project, subject)}}
        self.counts: Counter[str] = Counter()
        self.events: dict[tuple[str, str | int], None] = {}
        self.last: dict[str, Instant] = {}
        self.others: list[int] = []
        self.exposed: set[str] = set()

    def known(self) -> dict[str, tuple[str | int, ...]]:
        """The values that were found, by column."""
        return {name: tuple(sorted(values, key=str)) for name, values in self.names.items()}

    def _named(self, source: data.Source) -> tuple[str, ...]:
        """The columns whose values say who it is: those that become stand-ins, and personal texts."""
        texts = (name for name, field in source.fields.items() if field.personal and field.type.kind == "text")
        return tuple(dict.fromkeys((*blinded(self.project, source), *texts)))

    def read_lake(self, place: Project) -> None:
        """Take in the rows of a lake."""
        lake = place.lake()
        for source in self.sources.values():
            if source.name not in lake.tables():
                continue
            rows = lake.of_subject(source, self.subject.value)
            self.counts["lake.rows"] += rows.height
            moments = rows[source.at].cast(INSTANT).to_physical().to_list()
            self._take(source, rows.iter_rows(named=True), moments)

    def read_journal(self, journal: Journal) -> None:
        """Take in the facts and decisions of a journal that open under the subject's key."""
        for entry in journal.read(kinds=("fact", "decision")):
            if entry.subject == self.subject.key and entry.fact is not None:
                self.counts[f"journal.{entry.kind}s"] += 1
                source = self.sources.get(entry.fact.stream)
                if source is not None:
                    self._take(source, [entry.fact.fields], [entry.fact.at])

    def read_last(self, place: Project) -> None:
        """Take in when the last of each stream happened, as the journal of a state put aside has it."""
        journal = journal_of(place)
        if journal is None:
            return
        with journal:
            for entry in journal.read(kinds=("fact", "decision")):
                if entry.subject == self.subject.key and entry.fact is not None:
                    at = entry.fact.at
                    self.last[entry.fact.stream] = max(self.last.get(entry.fact.stream, at), at)

    def _take(self, source: data.Source, rows: Iterable[Any], moments: Iterable[Instant]) -> None:
        plain = [
            name
            for name, field in source.fields.items()
            if field.type.kind == "text" and not field.personal and name != source.subject
        ]
        for row, at in zip(rows, moments, strict=True):
            self.events[source.name, row[source.id]] = None
            self.last[source.name] = max(self.last.get(source.name, at), at)
            for name in self.named[source.name]:
                value = row.get(name)
                if value is not None and value != "":
                    self.names.setdefault(name, set()).add(value)
            for name in plain:
                if self.subject.value in str(row.get(name) or ""):
                    self.exposed.add(f"{source.name}.{name}")
        if not source.fields[source.subject].personal and self.events:
            self.exposed.add(f"{source.name}.{source.subject}")

    def leave_shared(self, places: Iterable[Project], journal: Journal | None) -> None:
        """Leave out the values that other subjects have too, and note whose decisions were taken by such a key."""
        shared: dict[str, set[str | int]] = {}
        for place in places:
            lake = place.lake()
            for source in self.sources.values():
                wanted = [name for name in self.named[source.name] if name != source.subject and name in self.names]
                if source.name not in lake.tables() or not wanted:
                    continue
                for name in wanted:
                    shared.setdefault(name, set()).update(self._of_others(lake, source, name))
        for entry in () if journal is None else journal.read(kinds=("fact", "decision")):
            if entry.fact is None or entry.record is None or entry.subject == self.subject.key:
                continue
            stream, fields = entry.fact.stream, entry.fact.fields
            same = [name for name in self.named.get(stream, ()) if fields.get(name) in self.names.get(name, ())]
            for name in same:
                shared.setdefault(name, set()).add(fields[name])
            if entry.kind == "decision" and set(same) & set(blinded(self.project, self.sources[stream])):
                self.others.append(entry.position)
        shared.pop(self.subject.column, None)
        self.names = {name: values - shared.get(name, set()) for name, values in self.names.items()}

    def _of_others(self, lake: data.Lake, source: data.Source, column: str) -> list[str | int]:
        """The names of a column that rows of others have too."""
        theirs = pl.col(source.subject).cast(pl.String) != self.subject.value
        same = pl.col(column).is_in(self._typed(source, column))
        rows = lake.read(source.name, lambda rows: rows.filter(theirs & same).select(column).unique())
        return rows[column].to_list()

    def _typed(self, source: data.Source, column: str) -> list[str | int]:
        """The names of a column that are of its type in a source: another source may hold it as another."""
        whole = source.fields[column].type.kind == "integer"
        return sorted((name for name in self.names.get(column, ()) if isinstance(name, int) == whole), key=str)

    def count_rest(self, place: Project) -> None:
        """Count what lies in a state folder besides lake and journal."""
        texts = frozenset(str(value) for values in self.names.values() for value in values)
        lake, state = place.lake(), place.state
        for source in self.sources.values():
            if source.name in lake.tables():
                raw = lake.quarantine(source.name)["raw"].to_list()
                reading = (texts, source.delimiter, source.quote)
                self.counts["lake.quarantine"] += sum(data.mentions(text or "", *reading) for text in raw)
            path = values_path(place, source.name)
            ids = [id for stream, id in self.events if stream == source.name]
            if path.exists() and ids:
                own = pl.scan_parquet(path).filter(pl.col("id").is_in(ids))
                self.counts["labels.rows"] += own.select(pl.len()).collect().item()
            for entity, column in segment_keys(place, [source]):
                values = self._typed(source, column)
                numbers = segments_of(place).directory(entity).numbers(pl.Series(values)) if values else pl.Series()
                self.counts["segments.keys"] += numbers.drop_nulls().len()
        delivered = data.delivered_texts(quarantine_path(place))
        self.counts["feed.quarantine"] += sum(data.mentions(text, texts) for text in delivered)
        self.counts["keys"] += has_key(state / "keys.db", self.subject)
        self.counts["state.table"] += _indexed(state / "state.db", self.subject)


def has_key(path: Path, subject: Subject) -> bool:
    """Whether a key file, where there is one, has a key of the subject."""
    if not path.exists():
        return False
    with Keys(path) as keys:
        return keys.number(subject.key) is not None


def _indexed(path: Path, subject: Subject) -> int:
    if not path.exists():
        return 0
    engine = connect(path)
    try:
        if not sql.inspect(engine).has_table(DECISIONS.name):
            return 0
        asked = sql.select(sql.func.count()).select_from(DECISIONS).where(DECISIONS.c.subject == subject.key)
        with engine.connect() as connection:
            return int(connection.execute(asked).scalar_one())
    finally:
        engine.dispose()
