"""The label library: a file of definitions, checked; its labels at many points, or live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec
import polars as pl

from tallystick.core import DefinitionError, Faults, Field, InputError, Place, zone_of
from tallystick.labels.batch import points as batch
from tallystick.labels.batch.joined import joined_columns, with_joins
from tallystick.labels.definition.checks import (
    check_columns,
    check_filters,
    check_note,
    check_roles,
    check_stream,
    graded,
    typed,
)
from tallystick.labels.definition.define import Events, Family, Label
from tallystick.labels.definition.families import expand
from tallystick.labels.definition.loading import (
    all_streams,
    check_entities,
    check_names,
    labels_in,
    only_labels,
    run_file,
    zone_beside,
)
from tallystick.labels.definition.resolve import Definition, Resolved, declared_types, resolve
from tallystick.labels.live.live import Live
from tallystick.labels.meaning.arithmetic import to_labels
from tallystick.labels.meaning.facts import REFUSED, Rows, normalise, prepare
from tallystick.labels.meaning.values import Values
from tallystick.labels.plan import Leaf, Node, all_leaves
from tallystick.labels.words import WORDS

RowsOf: TypeAlias = Callable[[str], Rows]


class Library:
    """The labels of a file, with the zone of their calendars.

    Parameters
    ----------
    labels
        Name → label or family of labels as written.
    streams
        Stream name → its events; those that labels read are found by themselves.
    zone
        IANA time zone of calendar months and of instants in filters.
    lake
        Stream name → its facts, used by `at` when none are given.
    schemas
        Stream name → the fields of its source, which give undeclared columns their type and labels their grade;
        without it the frame or the first event gives the type.

    Raises
    ------
    DefinitionErrors
        With every fault found.

    Examples
    --------
    >>> from tallystick.labels import Entity, Events, money
    >>> card = Entity("card")
    >>> payments = Events("payments", id="id", at="at", keys={card: "card"}, fields={"amount": money("EUR")})
    >>> library = Library({"spend_7d": payments.per(card).sum("amount").over("7d")}, {"payments": payments})
    >>> facts = pl.DataFrame({"id": ["p1"], "at": [1_000], "card": ["c1"], "amount": [1250]})
    >>> points = pl.DataFrame({"card": ["c1", "c2"], "t": [2_000, 2_000]})
    >>> library.at(points, facts={"payments": facts})["spend_7d"].to_list()
    [1250, 0]
    """

    def __init__(
        self,
        labels: Mapping[str, Label | Family],
        streams: Mapping[str, Events],
        zone: str = "UTC",
        lake: Callable[[str], pl.DataFrame] | None = None,
        schemas: Mapping[str, Mapping[str, Field]] | None = None,
    ) -> None:
        self._build(labels, streams.values(), zone, lake, schemas, Faults(), "")

    def _build(
        self,
        labels: Mapping[str, Label | Family],
        declared: Iterable[Events],
        zone: str,
        lake: Callable[[str], pl.DataFrame] | None,
        schemas: Mapping[str, Mapping[str, Field]] | None,
        faults: Faults,
        file: str,
    ) -> None:
        """Check what was written and make the plans; every fault is raised together with those found before."""
        written = expand(only_labels(labels, faults, file), faults)
        streams = all_streams(declared, written.values(), faults, file)
        check_entities(streams.values(), faults, file)
        check_names(written, streams.values(), faults)
        self._streams = {stream: check_stream(events, faults) for stream, events in streams.items()}
        self.zone, self._lake = zone, lake
        self._places = {name: label.place for name, label in written.items()}
        zone_of(zone)
        resolved = resolve(written, self._streams, zone, faults)
        definitions = resolved.definitions
        if schemas is not None:
            definitions = {name: graded(definition, schemas) for name, definition in definitions.items()}
        self._resolved: Resolved = msgspec.structs.replace(resolved, definitions=definitions)
        if faults and schemas is not None:
            # What is at fault in itself is shown together with what is at fault beside its source.
            self._check_sources(schemas, {}, faults)
        faults.raise_any()
        self._typed: dict[str, Events] = {
            stream: typed(events, self.columns(stream), (schemas or {}).get(stream, {}), self._joins(stream))
            for stream, events in self._streams.items()
        }

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        zone: str | None = None,
        lake: Callable[[str], pl.DataFrame] | None = None,
        schemas: Mapping[str, Mapping[str, Field]] | None = None,
    ) -> Library:
        """Run a trusted label file; every module global that is a label is named by it.

        Parameters
        ----------
        path
            A Python file such as labels.py.
        zone
            IANA time zone; without it `[project] time_zone` of a tallystick.toml beside the file, else UTC.
        lake
            Gives the facts of a stream when `at` is given none.
        schemas
            Stream name → the fields of its source, which give undeclared columns their type and labels their grade.

        Raises
        ------
        InputError
            When there is no such file.
        DefinitionErrors
            With every fault of the file, each with its line.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(WORDS("labels.none"), Place(str(path)))
        faults = Faults()
        found = run_file(path)
        labels = labels_in(found, str(path), faults)
        written = [value for value in found.values() if isinstance(value, Events)]
        made = cls.__new__(cls)
        made._build(labels, written, zone or zone_beside(path), lake, schemas, faults, str(path))
        return made

    @property
    def labels(self) -> Mapping[str, Definition]:
        """Name → what the label is, in the order of the file."""
        return self._resolved.definitions

    @property
    def versions(self) -> Mapping[str, str]:
        """Name → content version."""
        return {name: definition.version for name, definition in self.labels.items()}

    @property
    def streams(self) -> Mapping[str, Events]:
        """Stream name → its events."""
        return self._streams

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of the entities, in the order in which streams declare them."""
        return tuple(dict.fromkeys(entity.name for events in self._streams.values() for entity in events.keys))

    def columns(self, stream: str) -> tuple[str, ...]:
        """The columns of a stream that the library reads; raises `InputError` for an unknown stream."""
        events = self._events(stream)
        keys = (events.id, events.at, *([events.sequence] if events.sequence else []), *events.keys.values())
        return tuple(dict.fromkeys((*keys, *sorted(self._source_columns(stream)))))

    def leaves(self, labels: Iterable[str] | None = None) -> tuple[Leaf, ...]:
        """The aggregates behind some labels (all without it), each after the anchors and links that it hangs on."""
        nodes = [self._resolved.nodes[name] for name in self._chosen(labels)]
        return tuple(dict.fromkeys(leaf for node in nodes for leaf in all_leaves(node)))

    def nodes(self, labels: Iterable[str] | None = None) -> Mapping[str, Node]:
        """Name → the plan of a label."""
        return {name: self._resolved.nodes[name] for name in self._chosen(labels)}

    def check(
        self,
        schemas: Mapping[str, Mapping[str, Field]],
        roles: Mapping[str, tuple[str, str, str]] | None = None,
    ) -> None:
        """Check the streams against their sources.

        Parameters
        ----------
        schemas
            Stream name → the fields of its source.
        roles
            Stream name → its source's id column, `at` column and lateness as text, such as "30d".

        Raises
        ------
        DefinitionErrors
            For every unknown stream or column, every type that differs, every undeclared amount in a filter, every
            label that reads a grade or serves a purpose it may not, and every id, at or lateness that differs.
        """
        faults = Faults()
        for stream in self._streams:
            if stream not in schemas:
                faults.add(DefinitionError(WORDS("labels.no_stream", given=stream, allowed=", ".join(schemas))))
        self._check_sources(schemas, roles or {}, faults)
        faults.raise_any()

    def _check_sources(
        self,
        schemas: Mapping[str, Mapping[str, Field]],
        roles: Mapping[str, tuple[str, str, str]],
        faults: Faults,
    ) -> None:
        for stream, events in self._streams.items():
            if stream not in schemas:
                continue
            check_columns(events, self.columns(stream), schemas[stream], self._readers(stream), faults)
            check_filters(events, self._filters(stream), schemas[stream], faults)
            if stream in roles:
                check_roles(events, *roles[stream], faults)
        for name, definition in self.labels.items():
            check_note(definition, schemas, self._places[name], faults)

    def at(
        self,
        points: pl.DataFrame,
        labels: Iterable[str] | None = None,
        facts: Mapping[str, pl.DataFrame] | None = None,
    ) -> pl.DataFrame:
        """Labels at many points: only what was known by k, only what had happened by t.

        Parameters
        ----------
        points
            A column for each entity, named by it; `t`; optionally `k`; optionally `stream` and `id` of the event
            whose own point it is. Instants are datetimes or microseconds UTC.
        labels
            Names of labels; all without it.
        facts
            Stream → frame of its source columns, amounts in minor units, with optional `revision`, `retract` and
            `known_at`. Without it the library's lake.

        Returns
        -------
        polars.DataFrame
            The points, row for row, with a column for each label (amounts and sums Int64, means, deviations, shares
            and ratios Float64) and `<label>__missing`: never_seen, expired, not_yet_known, source_null or undefined,
            null where there is a value; for a label with a cap also `<label>__approximate`.

        Raises
        ------
        InputError
            For an unknown label, stream or column, a column of another type, or a conflicting revision.
        """
        names = self._chosen(labels)
        ends = ("", "__missing", "__approximate")
        taken = [name for name in names if any(name + end in points.columns for end in ends)]
        if taken:
            raise InputError(WORDS("labels.point_taken", given=taken[0]))
        for name in names:
            for entity in self.labels[name].entities:
                if entity not in points.columns:
                    allowed = ", ".join(points.columns)
                    raise InputError(WORDS("labels.point_entity", name=name, entity=entity, allowed=allowed))
        nodes = {name: self._resolved.nodes[name] for name in names}
        found = self._values(points, nodes.values(), self._reader(facts))
        return points.with_columns(self.columns_of(names, found, points.height))

    def columns_of(self, names: Iterable[str], found: Mapping[Leaf, Values], size: int) -> list[pl.Series]:
        """The columns that `at` adds, from the values of all aggregates at `size` points."""
        nodes = {name: self._resolved.nodes[name] for name in names}
        approximate = {name for name in nodes if self.labels[name].approximate}
        return to_labels(nodes, approximate, found, size)

    def _values(self, points: pl.DataFrame, nodes: Iterable[Node], rows_of: RowsOf) -> dict[Leaf, Values]:
        """The aggregates of some plans at every point."""
        asked = batch.read_points(points, self._typed, rows_of)
        wanted = dict.fromkeys(leaf for node in nodes for leaf in all_leaves(node))
        return batch.run_at(asked, wanted, self._typed, rows_of, self.zone)

    def _reader(self, facts: Mapping[str, pl.DataFrame] | None) -> RowsOf:
        """Reads the row versions of a stream when they are first needed, joined columns among them."""
        prepared: dict[str, Rows] = {}

        def rows_of(stream: str) -> Rows:
            if stream not in prepared:
                events, frame = self._typed[stream], self._facts(stream, facts)
                joins = self._joins(stream)
                if joins:
                    frame = with_joins(events, frame, joins, lambda points: self._joined(points, joins, rows_of))
                columns = self._resolved.columns[stream]
                prepared[stream] = prepare(events, frame, columns, declared_types(events))
            return prepared[stream]

        return rows_of

    def _joined(self, points: pl.DataFrame, joins: Mapping[str, Node], rows_of: RowsOf) -> list[pl.Series]:
        return joined_columns(joins, self._values(points, joins.values(), rows_of), points.height)

    def refused(self, facts: Mapping[str, pl.DataFrame] | None = None) -> dict[str, pl.DataFrame]:
        """The facts that count nowhere, by stream: the frame's rows with a column `reason`.

        Reasons: no_id, no_revision (a negative one), no_at, no_key, no_sequence, out_of_range,
        known_before_it_happened, late.
        """
        found: dict[str, pl.DataFrame] = {}
        for stream, events in self._streams.items():
            frame = self._facts(stream, facts)
            typed_events = self._typed[stream]
            checked, _ = normalise(events, frame, self._source_columns(stream), declared_types(typed_events))
            found[stream] = frame.with_columns(checked[REFUSED].alias("reason")).filter(pl.col("reason").is_not_null())
        return found

    def live(self, state: bytes | None = None) -> Live:
        """The live executor, empty or from a snapshot."""
        live = Live(self._typed, self._resolved, self.zone)
        if state is not None:
            live.restore(state)
        return live

    def _chosen(self, labels: Iterable[str] | None) -> list[str]:
        names = list(self.labels) if labels is None else list(dict.fromkeys(labels))
        for name in names:
            if name not in self.labels:
                raise InputError(WORDS("labels.unknown", given=name, allowed=", ".join(self.labels)))
        return names

    def _joins(self, stream: str) -> Mapping[str, Node]:
        return self._resolved.joins.get(stream, {})

    def _source_columns(self, stream: str) -> frozenset[str]:
        return self._resolved.columns[stream] - self._joins(stream).keys()

    def _readers(self, stream: str) -> Mapping[str, Place]:
        """Column → the line of the first label that reads it."""
        found: dict[str, Place] = {}
        for name, definition in self.labels.items():
            for column in definition.reads.get(stream, ()):
                found.setdefault(column, self._places[name])
        return found

    def _filters(self, stream: str) -> Mapping[str, Place | None]:
        """Filter → the line of the first label that has it; a joined column's own has none."""
        found: dict[str, Place | None] = {}
        joined = [(None, node) for joins in self._resolved.joins.values() for node in joins.values()]
        for place, node in (*((self._places[name], node) for name, node in self._resolved.nodes.items()), *joined):
            for leaf in all_leaves(node):
                if leaf.stream == stream and leaf.where:
                    found.setdefault(leaf.where, place)
        return found

    def _events(self, stream: str) -> Events:
        if stream not in self._streams:
            raise InputError(WORDS("labels.no_stream", given=stream, allowed=", ".join(self._streams)))
        return self._streams[stream]

    def _facts(self, stream: str, facts: Mapping[str, pl.DataFrame] | None) -> pl.DataFrame:
        if facts is None:
            if self._lake is None:
                raise InputError(WORDS("labels.lake"))
            return self._lake(stream)
        if stream not in facts:
            raise InputError(WORDS("labels.facts", stream=stream, given=", ".join(facts)))
        return facts[stream]
