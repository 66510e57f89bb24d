"""The label library: a file of definitions, checked; its labels at many points, or live."""

from __future__ import annotations

import runpy
import tomllib
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tallystick.core import DefinitionError, Faults, Field, InputError, Place, TallystickError, zone_of
from tallystick.labels import batch
from tallystick.labels.arithmetic import by_column
from tallystick.labels.checks import check_columns, check_roles, check_stream, check_units, typed
from tallystick.labels.define import Entity, Events, Label
from tallystick.labels.facts import REFUSED, Rows, normalise, prepare
from tallystick.labels.live import Live
from tallystick.labels.resolve import Definition, Leaf, Resolved, declared_types, leaves, resolve, unfinished
from tallystick.labels.words import WORDS

_TAKEN = ("t", "k", "stream", "id")


class Library:
    """The labels of a file, with the zone of their calendars.

    Parameters
    ----------
    labels
        Name → label as written.
    streams
        Stream name → its events.
    zone
        IANA time zone of calendar months and of instants in filters.
    lake
        Stream name → its facts, used by `at` when none are given.
    schemas
        Stream name → the fields of its source, which give undeclared columns their type; without it the frame or the
        first event does.

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
        labels: Mapping[str, Label],
        streams: Mapping[str, Events],
        zone: str = "UTC",
        lake: Callable[[str], pl.DataFrame] | None = None,
        schemas: Mapping[str, Mapping[str, Field]] | None = None,
    ) -> None:
        faults = Faults()
        self._streams, self.zone, self._lake = dict(streams), zone, lake
        for events in streams.values():
            check_stream(events, faults)
        zone_of(zone)
        self._resolved: Resolved = resolve(labels, streams, zone, faults)
        faults.raise_any()
        self._typed: dict[str, Events] = {
            stream: typed(events, self.columns(stream), (schemas or {}).get(stream, {}))
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
            Stream name → the fields of its source, which give undeclared columns their type.

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
        found = _run(path)
        labels = _labels(found, str(path), faults)
        streams = _streams(found, labels.values(), str(path), faults)
        faults.raise_any()
        return cls(labels, streams, zone or _zone_beside(path), lake, schemas)

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
        return tuple(dict.fromkeys((*keys, *sorted(self._resolved.columns[stream]))))

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
            For every unknown stream or column, every type that differs, every undeclared amount in a filter, and
            every id, at or lateness that differs.
        """
        faults = Faults()
        for stream, events in self._streams.items():
            if stream not in schemas:
                faults.add(DefinitionError(WORDS("labels.no_stream", given=stream, allowed=", ".join(schemas))))
                continue
            check_columns(events, self.columns(stream), schemas[stream], faults)
            parts = [leaf for node in self._resolved.nodes.values() for leaf in leaves(node)]
            filters = dict.fromkeys(leaf.where for leaf in parts if leaf.stream == stream and leaf.where)
            check_units(events, filters, schemas[stream], faults)
            if roles is not None and stream in roles:
                check_roles(events, *roles[stream], faults)
        faults.raise_any()

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
            null where there is a value.

        Raises
        ------
        InputError
            For an unknown label, stream or column, a column of another type, or a conflicting revision.
        """
        names = self._chosen(labels)
        taken = [name for name in names if name in points.columns or f"{name}__missing" in points.columns]
        if taken:
            raise InputError(WORDS("labels.point_taken", given=taken[0]))
        for name in names:
            for entity in self.labels[name].entities:
                if entity not in points.columns:
                    allowed = ", ".join(points.columns)
                    raise InputError(WORDS("labels.point_entity", name=name, entity=entity, allowed=allowed))
        prepared: dict[str, Rows] = {}

        def rows_of(stream: str) -> Rows:
            if stream not in prepared:
                events = self._typed[stream]
                columns = self._resolved.columns[stream]
                prepared[stream] = prepare(events, self._facts(stream, facts), columns, declared_types(events))
            return prepared[stream]

        asked = batch.read_points(points, self._streams, rows_of)
        groups: dict[tuple[str, str], list[Leaf]] = {}
        for name in names:
            for leaf in leaves(self._resolved.nodes[name]):
                group = groups.setdefault((leaf.stream, leaf.entity), [])
                if leaf not in group:
                    group.append(leaf)
        found: dict[Leaf, batch.Values] = {}
        for (stream, entity), group in groups.items():
            arranged = batch.Arrangement(rows_of(stream), self._streams[stream], entity, asked, self.zone)
            found |= batch.run(arranged, group)
        columns: list[pl.Series] = []
        for name in names:
            node = self._resolved.nodes[name]
            values = by_column(node, found, points.height)
            columns += [batch.to_series(name, values, node.type), batch.to_reasons(name, values)]
        return points.with_columns(columns)

    def refused(self, facts: Mapping[str, pl.DataFrame] | None = None) -> dict[str, pl.DataFrame]:
        """The facts that count nowhere, by stream: the frame's rows with a column `reason`.

        Reasons: no_id, no_at, no_key, no_sequence, out_of_range, known_before_it_happened, late.
        """
        found: dict[str, pl.DataFrame] = {}
        for stream, events in self._typed.items():
            frame = self._facts(stream, facts)
            checked, _ = normalise(events, frame, self._resolved.columns[stream], declared_types(events))
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


def _run(path: Path) -> dict[str, Any]:
    try:
        return runpy.run_path(str(path))
    except SyntaxError as error:
        raise DefinitionError(WORDS("labels.file", detail=error.msg), Place(str(path), error.lineno)) from error
    except TallystickError as error:
        raise DefinitionError(error.message, Place(str(path), _line(error, path))) from error
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        raise DefinitionError(WORDS("labels.file", detail=detail), Place(str(path), _line(error, path))) from error


def _line(error: BaseException, path: Path) -> int | None:
    lines = [step.lineno for step in traceback.extract_tb(error.__traceback__) if step.filename == str(path)]
    return lines[-1] if lines else None


def _labels(found: Mapping[str, Any], file: str, faults: Faults) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    names: dict[int, str] = {}
    for name, value in found.items():
        # As everywhere in Python, a leading underscore marks what is private to the file: a piece, not a label.
        if name.startswith("_"):
            continue
        if isinstance(value, Label):
            if id(value) in names:
                words = WORDS("labels.alias", name=name, other=names[id(value)])
                faults.add(DefinitionError(words, value.place))
                continue
            names[id(value)] = name
            labels[name] = value
        elif (words_unfinished := unfinished(name, value)) is not None:
            faults.add(DefinitionError(words_unfinished, Place(file)))
    return labels


def _streams(found: Mapping[str, Any], labels: Iterable[Label], file: str, faults: Faults) -> dict[str, Events]:
    streams: dict[str, Events] = {}
    entities: dict[str, Entity] = {}
    written = [value for value in found.values() if isinstance(value, Events)]
    for events in (*written, *(events for label in labels for events in _events_of(label))):
        if streams.setdefault(events.stream, events) is not events:
            faults.add(DefinitionError(WORDS("labels.stream_twice", name=events.stream), Place(file)))
        for entity in events.keys:
            if not entity.name.isidentifier() or entity.name in _TAKEN:
                faults.add(DefinitionError(WORDS("labels.entity_name", given=entity.name), Place(file)))
            entities.setdefault(entity.name, entity)
    return streams


def _events_of(label: object) -> Iterable[Events]:
    per = getattr(label, "per", None)
    if per is not None:
        yield per.events
    for operand in getattr(label, "operands", ()):
        yield from _events_of(operand)


def _zone_beside(path: Path) -> str:
    settings = path.parent / "tallystick.toml"
    if not settings.is_file():
        return "UTC"
    try:
        zone = tomllib.loads(settings.read_text("utf-8-sig")).get("project", {}).get("time_zone", "UTC")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError(WORDS("labels.file", detail=str(error)), Place(str(settings))) from None
    return str(zone)
