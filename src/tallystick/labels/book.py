"""The live facts of one stream: what was observed of each event, and its row versions on every entity's shelves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from tallystick.core import FieldType, InputError, Message, Span
from tallystick.feel import to_feel
from tallystick.labels import kernels, shelf
from tallystick.labels.define import Events
from tallystick.labels.facts import ID, KNOWN, REFUSED, RETRACT, REVISION, T_MAX, T_MIN, normalise, prepare
from tallystick.labels.filters import columns_read, row_test
from tallystick.labels.history import History
from tallystick.labels.resolve import Leaf, declared_types
from tallystick.labels.shelf import Revision, Shelf, Version
from tallystick.labels.words import WORDS


class Event:
    """All that was observed of one event."""

    __slots__ = ("number", "revisions", "versions")

    def __init__(self, number: int) -> None:
        self.number = number
        self.revisions: dict[int, Revision] = {}
        self.versions: list[Version] = []


class Book:
    """The facts of one stream: by event, and by key of every entity."""

    def __init__(self, events: Events, columns: Iterable[str], zone: str) -> None:
        self.definition, self.zone = events, zone
        self.columns = tuple(sorted(columns))
        self.lateness = Span.parse(events.lateness).micros
        self.kinds: dict[str, FieldType] = {name: kind for name, kind in declared_types(events).items() if kind}
        self.entities = tuple(entity.name for entity in events.keys)
        self.keys = tuple(events.keys.values())
        self.events: dict[int | str, Event] = {}
        self.history: History | None = None
        self.numbered = 0
        self.shelves: dict[str, dict[int | str, Shelf]] = {name: {} for name in self.entities}
        self.features: dict[tuple[str, str, bool], int] = {}
        self.texts: dict[str, dict[Any, int]] = {}
        self.words: dict[str, list[Any]] = {}
        self.tests: dict[str, Callable[[Mapping[str, Any]], bool]] = {}
        self.tested: tuple[str, ...] = ()

    def declare(self, leaf: Leaf) -> None:
        """Make room for what a label reads."""
        self.features.setdefault((leaf.column, leaf.where, leaf.kind == "distinct"), len(self.features))
        if leaf.where and leaf.where not in self.tests:
            read = tuple(sorted(columns_read(leaf.where, declared_types(self.definition))))
            self.tests[leaf.where] = row_test(leaf.where, read)
            self.tested = tuple(sorted({*self.tested, *read}))

    def read(self, event: Mapping[str, Any], known_at: int | None) -> tuple[int | str | None, int, Revision, str]:
        """Id, revision number, content and the reason of refusal ("" for none)."""
        d = self.definition
        number = self._typed(event.get("revision"), "revision", FieldType("integer")) or 0
        retract = bool(event.get("retract"))
        id = self._name(event.get(d.id), d.id)
        at = self._typed(event.get(d.at), d.at, FieldType("instant"))
        if known_at is None:
            known_at = self._typed(event.get("known_at"), "known_at", FieldType("instant"))
        sequence = self._name(event.get(d.sequence), d.sequence) if d.sequence else id
        keys = tuple(self._name(event.get(key), key) for key in self.keys)
        values = tuple(self._value(event.get(column), column) for column in self.columns)
        known = at if known_at is None else known_at
        found = Revision(-1 if known is None else known, retract, at, sequence, keys, values)
        return id, number, found, "no_at" if id is not None and known is None else self._refusal(id, number, found)

    def _refusal(self, id: int | str | None, number: int, found: Revision) -> str:
        first, at, known = number == 0, found.at, found.known_at
        whole = first or not found.retract
        if id is None:
            return "no_id"
        if whole and at is None:
            return "no_at"
        if whole and None in found.keys:
            return "no_key"
        if whole and found.sequence is None:
            return "no_sequence"
        if not T_MIN <= known < T_MAX or (at is not None and not T_MIN <= at < T_MAX):
            return "out_of_range"
        if first and at is not None and known < at:
            return "known_before_it_happened"
        return "late" if first and at is not None and known - at > self.lateness else ""

    def _name(self, value: Any, column: str) -> int | str | None:
        found = self._value(value, column)
        if found is None or (isinstance(found, int | str) and not isinstance(found, bool)):
            return found
        raise InputError(self._wrong(column, value, "a whole number or text"))

    def _value(self, value: Any, column: str) -> Any:
        if value is None:
            return None
        kind = self.kinds.get(column)
        if kind is None:
            kind = shelf.kind_of(value)
            if kind is None:
                raise InputError(self._wrong(column, value, "a number, text, flag, date or instant"))
            self.kinds[column] = kind
        return shelf.held_value(value, kind, self.definition.stream, column)

    def _typed(self, value: Any, column: str, kind: FieldType) -> Any:
        return None if value is None else shelf.held_value(value, kind, self.definition.stream, column)

    def _wrong(self, column: str, value: Any, allowed: str) -> Message:
        return WORDS("labels.value", stream=self.definition.stream, column=column, given=value, allowed=allowed)

    def start_from(self, frame: pl.DataFrame) -> int | pl.DataFrame:
        """Take history in as columns, and give how many facts count.

        Where there are revisions, or facts before it, the frame comes back instead, in the order in which its rows
        became known: to be observed fact by fact.
        """
        facts, types = normalise(self.definition, frame, self.columns, declared_types(self.definition))
        # A column of nulls alone has no type to give.
        self.kinds = {name: kind for name, kind in types.items() if frame.schema[name] != pl.Null} | self.kinds
        known = facts[KNOWN]
        facts = facts.filter(pl.col(REFUSED).is_null())
        revised = facts[RETRACT].any() or (facts[REVISION] != 0).any() or facts[ID].is_duplicated().any()
        if self.events or self.history is not None or revised:
            return frame.with_columns(known).sort(KNOWN, maintain_order=True).drop(KNOWN)
        rows = prepare(self.definition, frame, self.columns, declared_types(self.definition))
        self.history = History(self.definition, facts, rows, self.features, self._number, self.columns, self.zone)
        self.numbered = self.history.size
        return facts.height

    def event(self, id: int | str) -> Event | None:
        """All that was observed of an event; None when it is unknown."""
        found = self.events.get(id)
        if found is None and self.history is not None:
            taken = self.history.take_event(id)
            if taken is not None:
                found = self.events[id] = Event(taken[0])
                found.revisions[0] = taken[1]
                found.versions = shelf.versions(found.revisions, self.columns, self.definition.fields)
        return found

    def all_events(self) -> list[tuple[int | str, Event]]:
        """Every event with its id, those of history too."""
        for id in self.history.ids() if self.history is not None else ():
            self.event(id)
        return list(self.events.items())

    def known_at(self) -> int:
        """The greatest instant at which a fact of history could be known."""
        return self.history.known_at if self.history is not None else T_MIN

    def shelf(self, entity: str, key: int | str | None) -> Shelf | None:
        """The row versions of a key; None when it was never seen."""
        if key is None:
            return None
        found = self.shelves[entity].get(key)
        if found is None and self.history is not None:
            found = self.history.take_shelf(entity, key)
            if found is not None:
                self.shelves[entity][key] = found
        return found

    def put(self, id: int | str, number: int, revision: Revision) -> Revision | None:
        """Take a revision in: the event's row versions are made anew; gives the revision whose place it takes."""
        event = self.event(id)
        if event is None:
            event = self.events[id] = Event(self.numbered)
            self.numbered += 1
        before = event.revisions.get(number)
        event.revisions[number] = revision
        self._renew(id, event)
        return before

    def take_back(self, id: int | str, number: int, before: Revision | None) -> None:
        """Undo `put`, which gave `before`."""
        event = self.events[id]
        if before is None:
            del event.revisions[number]
        else:
            event.revisions[number] = before
        self._renew(id, event)
        if not event.revisions:
            del self.events[id]

    def _renew(self, id: int | str, event: Event) -> None:
        for version in event.versions:
            order = (version.at, version.sequence, id, version.known_from)
            for entity, key in zip(self.entities, version.keys, strict=True):
                held = self.shelf(entity, key)
                assert held is not None
                held.remove(order)
                if not held.size:
                    del self.shelves[entity][key]
        event.versions = shelf.versions(event.revisions, self.columns, self.definition.fields)
        for version in event.versions:
            order = (version.at, version.sequence, id, version.known_from)
            ints, codes = self._row(version, event.number)
            for entity, key in zip(self.entities, version.keys, strict=True):
                found = self.shelf(entity, key)
                if found is None:
                    found = self.shelves[entity][key] = Shelf(len(self.features))
                found.add(order, ints, codes)

    def _row(self, version: Version, number: int) -> tuple[list[int], list[int]]:
        held = dict(zip(self.columns, version.values, strict=True))
        feel = {
            name: to_feel(held[name], self.kinds[name], self.zone) if held[name] is not None else None
            for name in self.tested
        }
        passed = {where: test(feel) for where, test in self.tests.items()}
        ints = [version.at, version.known_from, version.known_to, number]
        codes: list[int] = []
        for column, where, coded in self.features:
            value = held[column] if column else None
            if where and not passed[where]:
                codes.append(kernels.FILTERED)
            elif not column or value is not None:
                codes.append(kernels.VALUE)
            else:
                codes.append(kernels.AWAITING if column in version.awaiting else kernels.NULL)
            ints.append(version.at if not column else 0 if value is None else self._number(column, value, coded))
        return ints, codes

    def _number(self, column: str, value: Any, coded: bool) -> int:
        kind = self.kinds[column]
        if not coded and kind.kind != "text":
            return shelf.to_int(value, kind)
        numbers = self.texts.setdefault(column, {})
        found = numbers.get(value)
        if found is None:
            found = numbers[value] = len(numbers)
            self.words.setdefault(column, []).append(value)
        return found
