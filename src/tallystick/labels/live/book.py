"""The live facts of one stream: what was observed of each event, and its row versions in every entity's arena."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.core import FieldType, InputError, Message, Span
from tallystick.labels.definition.define import Events
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels.rows import AWAITING, FILTERED, FOREVER, NULL, VALUE, Ints
from tallystick.labels.live.arena import Arena
from tallystick.labels.live.folded import FoldedIds
from tallystick.labels.live.layout import Mark, Place
from tallystick.labels.live.numbered import Ids, Near
from tallystick.labels.live.past import Past
from tallystick.labels.live.plain import Take, nothing, taker
from tallystick.labels.live.revisions import (
    Event,
    Revision,
    Version,
    held_value,
    kind_of,
    rank_of,
    to_int,
    versions,
)
from tallystick.labels.live.taking import check_text, check_years, passed, refusal
from tallystick.labels.meaning.facts import T_MAX, T_MIN
from tallystick.labels.meaning.features import clock_edges, hash_of
from tallystick.labels.meaning.filters import columns_read, row_test
from tallystick.labels.plan import Leaf, Node
from tallystick.labels.words import WORDS

_EXACT = {"money": int, "decimal": int, "integer": int, "instant": int, "text": str, "flag": bool}
_INTEGER, _INSTANT, _FLAG = FieldType("integer"), FieldType("instant"), FieldType("flag")
_CODES = 31
"""Codes to a word."""


class Book:
    """The facts of one stream: by event, and by key of every entity."""

    def __init__(
        self,
        events: Events,
        columns: Iterable[str],
        joins: Mapping[str, Node],
        leaves: Iterable[Leaf],
        zone: str,
    ) -> None:
        self.definition, self.zone, self.clock = events, zone, clock_edges(zone)
        self.joins = dict(joins)
        self.source = tuple(sorted(set(columns) - set(joins)))
        self.columns = (*self.source, *self.joins)
        self.lateness = Span.parse(events.lateness).micros
        self.kinds = {name: kind for name, kind in declared_types(events).items() if kind}
        self.kinds |= {name: node.type for name, node in joins.items()}
        self.entities = tuple(entity.name for entity in events.keys)
        self.keys = tuple(events.keys.values())
        self.confirmed = any(spec.known_at and name in self.columns for name, spec in events.fields.items())
        self.numbers: dict[str, dict[Any, int]] = {}
        self.words: dict[str, list[Any]] = {}
        self.near: dict[str, Near] = {}
        self.hashed: dict[str, int] = {}
        self.hashes: NDArray[np.uint64] = np.zeros((1, 0), np.uint64)
        self.tests: dict[str, Callable[[Mapping[str, Any]], bool]] = {}
        self.tested: tuple[str, ...] = ()
        own = [leaf for leaf in dict.fromkeys(leaves) if leaf.entity]
        self.features = {feature: i for i, feature in enumerate(dict.fromkeys(leaf.feature for leaf in own))}
        self.base, self.places = self._lay_out(own)
        self._zeros = [0] * (self.base - k.CODES)
        self._spots = [
            (
                *(one.feature, one.x, one.y, -1 if one.feature.role == "flagged" else one.column, one.other),
                *(self.numbers[one.feature.column] if one.numbered else None, one.word, one.shift),
            )
            for one in self.places
        ]
        spots = [(one.x, one.y, one.word, one.shift) for one in self.places]
        self.arenas = {
            entity: Arena(
                self.base,
                spots,
                [(leaf, self.features[leaf.feature]) for leaf in own if leaf.entity == entity],
                self.order_of,
            )
            for entity in self.entities
        }
        self.batch: NDArray[np.int64] = np.zeros((0, self.base), np.int64)
        self.row: Ints = np.zeros(self.base, np.int64)
        self.row_at = int(self.row.ctypes.data)
        self._pack = Struct(f"={self.base}q")
        self.ids, self.folded = Ids(), FoldedIds()
        self.events: dict[int, Event] = {}
        self.past = Past(self.keys, self.source, tuple(self.joins))
        self.numbered = 0
        # Columns whose type nobody declared take that of their first value.
        self.open = True
        self.kinds_before = self.kinds
        self._exact: list[tuple[str, type | None]] = []
        self._settled, self._settled_of = -1, self.kinds
        self.take: Take = nothing
        # Nothing that happened by then is taken in.
        self.line = T_MIN - 1
        self._named: list[int] = []
        self._valued: list[int] = []
        self._unsure: list[int] = []
        self.mark: Mark | None = None

    def _lay_out(self, leaves: list[Leaf]) -> tuple[int, list[Place]]:
        for leaf in leaves:
            if leaf.where and leaf.where not in self.tests:
                read = tuple(sorted(columns_read(leaf.where, dict.fromkeys(self.columns) | self.kinds)))
                self.tests[leaf.where] = row_test(leaf.where, read)
                self.tested = tuple(sorted({*self.tested, *read}))
            if leaf.cap and leaf.kind == "distinct":
                self.hashed.setdefault(leaf.column, len(self.hashed))
        self.hashes = np.zeros((max(1, len(self.hashed)), 0), np.uint64)
        at = self.first_value = k.CODES + (len(self.features) + _CODES - 1) // _CODES
        found = []
        for i, feature in enumerate(self.features):
            x = y = k.AT
            if feature.column or feature.role == "flagged":
                x = y = at
                at += 1
            if feature.other:
                y, at = at, at + 1
            kind = self.kinds.get(feature.column)
            numbered = feature.role == "coded" or (kind is not None and kind.kind == "text")
            if numbered:
                self.numbers[feature.column], self.words[feature.column] = {}, []
                self.near[feature.column] = Near(partial(self.numbers_of, feature.column))
            column = self.columns.index(feature.column) if feature.column else -1
            other = self.columns.index(feature.other) if feature.other else -1
            found.append(Place(feature, column, other, numbered, x, y, k.CODES + i // _CODES, 2 * (i % _CODES)))
        return at, found

    def read(self, event: Mapping[str, Any], known_at: int | None) -> tuple[int | str | None, int, Revision, str]:
        """Id, revision number, content and the reason of refusal ("" for none)."""
        get = event.get
        if len(self.kinds) != self._settled or self._settled_of is not self.kinds:
            self._settle()
        number, known = get("revision"), get("known_at") if known_at is None else None
        number = 0 if number is None else self._typed(number, "revision", _INTEGER)
        found: list[Any] = []
        for column, exact in self._exact:
            value: Any = get(column)
            if exact is str and type(value) is str:
                if not value.isascii():
                    check_text(self, column, value)
            elif type(value) is not exact or (type(value) is int and not T_MIN <= value < T_MAX):
                value = self._value(value, column)
            found.append(value)
        for place in self._unsure:
            found[place] = self._name(found[place], self._exact[place][0])
        at, id, sequence, *keys = [found[place] for place in self._named]
        if known is not None:
            known_at = self._typed(known, "known_at", _INSTANT)
        known, retract = at if known_at is None else known_at, get("retract")
        retract = retract is not None and self._typed(retract, "retract", _FLAG)
        values = tuple([found[place] for place in self._valued])
        made = Revision(-1 if known is None else known, retract, at, sequence, tuple(keys), values)
        reason = "no_at" if id is not None and number >= 0 and known is None else refusal(self, id, number, made)
        return id, number, made, reason

    def _settle(self) -> None:
        """Note the exact types of the columns that are known by now."""
        d = self.definition
        named = (d.at, d.id, d.sequence or d.id, *self.keys)
        places = {name: place for place, name in enumerate(dict.fromkeys((*named, *self.source)))}
        kinds = [self.kinds.get(name) for name in places]
        self._exact = [
            (name, _EXACT.get(kind.kind) if kind else None) for name, kind in zip(places, kinds, strict=True)
        ]
        self._named, self._valued = [places[name] for name in named], [places[name] for name in self.source]
        self._unsure = [place for place in dict.fromkeys(self._named[1:]) if self._exact[place][1] not in (int, str)]
        self._settled, self._settled_of = len(self.kinds), self.kinds
        self.open = None in kinds
        self.take = nothing if self.open else taker(self)

    def _name(self, value: Any, column: str) -> int | str | None:
        if value is None or type(value) is str or type(value) is int:
            return value
        raise InputError(self._wrong(column, value, "a whole number or text"))

    def _value(self, value: Any, column: str) -> Any:
        if value is None:
            return None
        kind = self.kinds.get(column)
        if kind is None:
            kind = kind_of(value)
            if kind is None:
                raise InputError(self._wrong(column, value, "a number, text, flag, date or instant"))
            self.kinds[column] = kind
        held = held_value(value, kind, self.definition.stream, column)
        if kind.kind == "text":
            check_text(self, column, held)
        elif kind.kind == "instant":
            check_years(self, column, held)
        return held

    def _typed(self, value: Any, column: str, kind: FieldType) -> Any:
        return None if value is None else held_value(value, kind, self.definition.stream, column)

    def _wrong(self, column: str, value: Any, allowed: str) -> Message:
        return WORDS("labels.value", stream=self.definition.stream, column=column, given=value, allowed=allowed)

    def event(self, id: int | str) -> Event | None:
        """All that was observed of an event; None when it is unknown."""
        number = self.ids.get(id, -1)
        if number < 0:
            return None
        found = self.events.get(number)
        if found is None:
            found = self.events[number] = Event(id, number, {0: self.past.revision(number)})
        return found

    def first_known(self, number: int) -> int:
        """When an event was known first."""
        event = self.events.get(number)
        if event is not None:
            return min([one.known_at for one in event.revisions.values()])
        return self.past.known(number)

    def all_events(self) -> Iterator[Event]:
        """Every event, in the order in which they came."""
        for id, _ in sorted(self.ids.items(), key=lambda one: one[1]):
            event = self.event(id)
            assert event is not None
            yield event

    def versions(self, event: Event) -> list[Version]:
        """The row versions of an event."""
        return versions(event.revisions, self.columns, self.definition.fields)

    def version_at(self, event: Event, known: int) -> Version | None:
        """What was known of an event by an instant."""
        return next((one for one in self.versions(event) if one.known_from <= known < one.known_to), None)

    def order_of(self, number: int, known_from: int) -> tuple[int | str, int | str]:
        """The sequence and id of an event's row."""
        event = self.events.get(number)
        if event is None:
            return self.past.order(number)
        versions = (one for one in self.versions(event) if one.known_from == known_from)
        return next(versions).sequence, event.id

    def put(self, event: Event | None, id: int | str, number: int, revision: Revision) -> Revision | None:
        """Take a revision in: the event's row versions are made anew; gives the revision whose place it takes."""
        if event is None:
            event = self.events[self.numbered] = Event(id, self.numbered, {number: revision})
            self.ids[id] = self.numbered
            self.numbered += 1
            old: list[Version] = []
            before = None
        else:
            old = self.versions(event)
            before = event.revisions.get(number)
            event.revisions[number] = revision
        try:
            if old or self.confirmed or len(event.revisions) > 1:
                self.renew(event, old)
            elif not revision.retract:
                known, values = revision.known_at, revision.values + revision.joined
                words = self._words(event.number, known, FOREVER, revision, values, frozenset())
                self._place_words(event, known, revision, words)
        except Exception:
            # Words are made before any row is touched.
            self._unset(event, number, before)
            self.numbered -= not event.revisions
            raise
        return before

    def _unset(self, event: Event, number: int, before: Revision | None) -> None:
        if before is None:
            del event.revisions[number]
        else:
            event.revisions[number] = before
        if not event.revisions:
            del self.events[event.number]
            self.ids.drop(event.id)

    def take_back(self, id: int | str, number: int, before: Revision | None) -> None:
        """Undo `put`, which gave `before`."""
        event = self.event(id)
        assert event is not None
        old = self.versions(event)
        self._unset(event, number, before)
        self.renew(event, old)

    def renew(self, event: Event, old: Sequence[Version] = ()) -> None:
        """Put an event's row versions where `old` ones were."""
        made = [
            (one, self._words(event.number, one.known_from, one.known_to, one, one.values, one.awaiting))
            for one in self.versions(event)
        ]
        for entity, key, at in {
            (entity, key, one.at) for one in old for entity, key in zip(self.entities, one.keys, strict=True)
        }:
            arena = self.arenas[entity]
            slot = arena.slot_of(key)
            if slot >= 0:
                self._touch(entity, slot)
                arena.remove(slot, event.number, at)
        for one, words in made:
            self._place_words(event, one.known_from, one, words)

    def _touch(self, entity: str, slot: int) -> None:
        if self.mark is not None:
            self.mark.touched.append((entity, slot, int(self.arenas[entity].meta[slot, k.LATEST])))

    def _place_words(self, event: Event, known_from: int, one: Revision | Version, words: list[int]) -> None:
        """Put a row version of an event into every arena."""
        assert one.sequence is not None
        order = one.sequence, event.id, known_from
        self._pack.pack_into(self.row.data, 0, *words)
        for entity, key in zip(self.entities, one.keys, strict=True):
            assert key is not None
            arena = self.arenas[entity]
            slot = arena.take_slot(key)
            if self.mark is not None:
                self._touch(entity, slot)
            arena.add(slot, self.row_at, order)

    def _words(
        self,
        number: int,
        known_from: int,
        known_to: int,
        one: Revision | Version,
        values: tuple[Any, ...],
        awaiting: frozenset[str],
    ) -> list[int]:
        """The base words of a row."""
        assert one.at is not None
        assert one.sequence is not None
        words = [one.at, known_from, known_to, number, rank_of(one.sequence), *self._zeros]
        passes = passed(self, values) if self.tests else {}
        for feature, x, y, column, other, numbers, word, shift in self._spots:
            code = VALUE
            if column >= 0:
                value = values[column]
                if value is None:
                    code = AWAITING if awaiting and feature.column in awaiting else NULL
                elif numbers is not None:
                    words[x] = numbers[value] if value in numbers else self.number(feature.column, value)
                else:
                    words[x] = value if type(value) is int else to_int(value, self.kinds[feature.column])
                if other >= 0:
                    below = values[other]
                    if below is None:
                        code = max(code, AWAITING if feature.other in awaiting else NULL)
                    else:
                        words[y] = to_int(below, self.kinds[feature.other])
            if passes and feature.where:
                if feature.role == "flagged":
                    words[x] = int(passes[feature.where])
                elif not passes[feature.where]:
                    code = FILTERED
            words[word] |= code << shift
        return words

    def numbers_of(self, column: str, values: Iterable[Any]) -> list[int]:
        """The numbers of values of a text or coded column."""
        numbers = self.numbers[column]
        return [numbers[value] if value in numbers else self.number(column, value) for value in values]

    def number(self, column: str, value: Any) -> int:
        """The number of a value of a text or coded column."""
        numbers = self.numbers[column]
        found = numbers.get(value)
        if found is None:
            found = numbers[value] = len(numbers)
            self.words[column].append(value)
            if column in self.hashed:
                self._hash(column, found, value)
        return found

    def _hash(self, column: str, number: int, value: Any) -> None:
        if number >= self.hashes.shape[1]:
            self.hashes = np.concatenate(
                [self.hashes, np.zeros((self.hashes.shape[0], 64 + number), np.uint64)], axis=1
            )
            for arena in self.arenas.values():
                arena.hashes = self.hashes
                arena.refresh()
        self.hashes[self.hashed[column], number] = hash_of(value)
