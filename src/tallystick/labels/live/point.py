"""One point of the live executor: the groups of a plan asked in turn, links and anchors before what hangs on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from struct import Struct
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import asdict

from tallystick.core import InputError
from tallystick.labels.kernels.answers import NEVER, answer
from tallystick.labels.kernels.entries import entry
from tallystick.labels.kernels.rows import APPROXIMATE, FOUND
from tallystick.labels.live.book import Book
from tallystick.labels.live.outcomes import Vector
from tallystick.labels.live.programs import HELD, REAL, SAYS, WHY, Group, form_of
from tallystick.labels.live.revisions import Event
from tallystick.labels.live.taking import lacking
from tallystick.labels.meaning.arithmetic import by_value
from tallystick.labels.meaning.facts import T_MIN
from tallystick.labels.meaning.reasons import NEVER_SEEN, NOT_YET_KNOWN, REASONS, SOURCE_NULL
from tallystick.labels.meaning.rules import Outcome
from tallystick.labels.plan import Leaf, Node, all_leaves, leaves, needs

_WHOLE = ("money", "decimal", "integer")
_ANSWERED = (FOUND, APPROXIMATE)
_SAYINGS = 1024
_NONE: frozenset[str] = frozenset()


class Moment(msgspec.Struct, gc=False):
    """A point: whose keys, when, what was known, and the event whose own point it is, with its number (-2: unknown)."""

    keys: Mapping[str, int | str | None]
    t: int
    known: int
    own: tuple[str, int | str] | None = None
    number: int = -2


class Said(msgspec.Struct, frozen=True):
    """What the statuses of all leaves mean: reasons and approximate ones by place, and by label."""

    reasons: dict[int, str]
    missing: dict[str, str]
    approximate: set[int]
    marked: frozenset[str]


def own_point(book: Book, id: int | str, revision: int) -> tuple[dict[str, int | str | None], int]:
    """Keys and instant of an event's own point, as a revision of it tells."""
    number = book.ids.get(id, -1)
    event = book.events.get(number)
    found = book.past.revision(number) if event is None else event.revisions[revision]
    if found.at is None and event is not None:
        # A retraction may leave out what it takes back.
        found = next((each for each in event.revisions.values() if each.at is not None), found)
    keys = dict(zip(book.entities, found.keys, strict=True))
    return keys, found.known_at if found.at is None else found.at


def _naming(names: tuple[str, ...]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """What makes a dict of values in the order of names."""
    if not all(name.isidentifier() and not name.startswith("_") for name in names):
        return lambda values: dict(zip(names, values, strict=True))
    # By way of a record a dict is made in half the time that pairs take.
    record = msgspec.defstruct("Labels", [(name, Any) for name in names], gc=False)
    return lambda values: asdict(record(*values))


class Plan:
    """Some labels as the groups that answer them.

    Parameters
    ----------
    books
        Stream → its facts.
    nodes
        Label → its plan.
    zone
        IANA time zone of calendar windows.
    """

    def __init__(self, books: Mapping[str, Book], nodes: Mapping[str, Node], zone: str) -> None:
        self.books, self.nodes, self.zone = books, dict(nodes), zone
        every = [leaf for node in nodes.values() for leaf in all_leaves(node)]
        kinds: dict[Leaf, str] = {
            leaf: "own" if not leaf.entity else form_of(books[leaf.stream], leaf) for leaf in every
        }
        # Answers that are doubles stand after the others, and what the request itself says after both.
        wholes = [leaf for leaf, kind in kinds.items() if kind not in (REAL, "own")]
        reals = [leaf for leaf, kind in kinds.items() if kind == REAL]
        self.own = [leaf for leaf, kind in kinds.items() if kind == "own"]
        places = self.links = {leaf: i for i, leaf in enumerate((*wholes, *reals, *self.own))}
        self.wholes, self.size = len(wholes), len(wholes) + len(reals)
        self.leaves = (*wholes, *reals)
        # Leaves are found by what they are only here; later by which object they are.
        self.at: dict[int, int] = {id(leaf): places[leaf] for leaf in every}
        self._every = every
        depths: dict[Leaf, int] = {}
        for leaf in kinds:
            depths[leaf] = max((1 + depths[need] for need in needs(leaf)), default=0)
        members: dict[tuple[int, str, str, Leaf | None], list[tuple[int, Leaf]]] = {}
        for leaf in kinds:
            if leaf.entity:
                members.setdefault((depths[leaf], leaf.stream, leaf.entity, leaf.via), []).append((places[leaf], leaf))
        self._memory = np.zeros(self.size + (self.size + 7) // 8, np.int64)
        self._statuses = self._memory[self.size :].view(np.uint8)[: self.size]
        self._unpack = Struct(f"={self.wholes}q{len(reals)}d{self.size}s").unpack_from
        self._view = memoryview(self._memory)  # type: ignore[arg-type]
        self._sayings: dict[bytes, Said] = {}
        self.groups = [
            Group(
                *(books[stream], entity, via, members[depth, stream, entity, via]),
                *(self._memory[: self.size], self._statuses),
            )
            for depth, stream, entity, via in sorted(members, key=lambda one: one[0])
        ]
        # Leaves whose answers are a column as they are.
        self.plain = frozenset(
            i
            for i, leaf in enumerate(self.leaves)
            if not leaf.cap and (kinds[leaf] == REAL or (kinds[leaf] == HELD and leaf.type.kind in _WHOLE))
        )
        self.decoded = [one for group in self.groups for one in group.decoded]
        self.entities = tuple(dict.fromkeys(group.entity for group in self.groups if group.via is None))
        self.outputs = [(name, node, self.at.get(id(node), -1)) for name, node in self.nodes.items()]
        self.marked = [(name, [self.at[id(leaf)] for leaf in leaves(node)]) for name, node in self.nodes.items()]
        self.names, order = tuple(self.nodes), [place for _, _, place in self.outputs]
        self.pick = itemgetter(*order) if len(order) > 1 else lambda found: [found[place] for place in order]
        self.formulas = any(place < 0 for _, _, place in self.outputs)
        self.capped = frozenset(name for name, node in self.nodes.items() if any(leaf.cap for leaf in all_leaves(node)))
        self.alone = not self.own and not any(group.waits for group in self.groups)
        self.direct = self.alone and not self.formulas
        self._answer = entry(answer, 7)
        self._named = _naming(self.names)
        self._asked = [(one, one.stream, one.arena, one.entity, one.address) for one in self.groups]

    def vector(
        self,
        keys: Mapping[str, int | str | None],
        t: int,
        known: int,
        own: tuple[str, int | str] | None = None,
        number: int = -2,
    ) -> Vector:
        """Labels at a point, which arguments tell as `Moment` does."""
        if not self.direct:
            return self._worked_out(Moment(keys, t, known, own, number))
        stream = None if own is None else own[0]
        for group, theirs, arena, entity, call in self._asked:
            try:
                key: Any = keys[entity]
            except KeyError:
                raise InputError(lacking(self, entity, keys)) from None
            slot = arena.slots.get(key, -1)
            if slot < 0:
                slot = arena.slot_of(key)
            if group.given:
                group.set_bounds(t, self.zone, {})
            mine = number if theirs == stream else -1
            if self._answer(arena.address, call, slot, t, known, mine, -1):
                self._ask(group, slot, Moment(keys, t, known, own, number), mine)
        found: Sequence[Any] = self._unpack(self._view)
        said = self._say(found[-1])
        if said.reasons or self.decoded:
            found = self._decoded(found, said)
        return Vector(self._named(self.pick(found)), said.missing.copy(), said.marked)

    def _ask(self, group: Group, slot: int, moment: Moment, number: int) -> None:
        if not group.ask(slot, moment.t, moment.known, number):
            group.ask(slot, moment.t, moment.known, number, self._lost(group, slot, moment))

    def _worked_out(self, moment: Moment) -> Vector:
        """Labels at a point where some are made of others, hang on them, or on the request."""
        for entity in self.entities:
            if entity not in moment.keys:
                raise InputError(lacking(self, entity, moment.keys))
        stream = None if moment.own is None else moment.own[0]
        outcomes = [self._own(leaf, moment) for leaf in self.own]
        if not self.alone:
            self._statuses[:] = NEVER
        for group in self.groups:
            number = moment.number if group.stream == stream else -1
            if group.waits:
                self._ask_waiting(group, moment, number, outcomes)
                continue
            if group.given:
                group.set_bounds(moment.t, self.zone, {})
            self._ask(group, group.arena.slot_of(moment.keys[group.entity]), moment, number)
        return self._formed(*self._found(outcomes))

    def _ask_waiting(self, group: Group, moment: Moment, number: int, said: list[Outcome]) -> None:
        """Ask a group whose key or windows hang on what was asked before it."""
        found, reasons, _ = self._found(said)
        link = -1 if group.via is None else self.links[group.via]
        missing = self._set_bounds(group, moment.t, found, reasons)
        slot = group.arena.slot_of(moment.keys[group.entity] if link < 0 else found[link])
        self._ask(group, slot, moment, number)
        if link in reasons:
            missing = [(place, reasons[link]) for place in group.places]
        for place, reason in missing:
            self._statuses[place] = SAYS[reason]

    def _say(self, statuses: bytes) -> Said:
        """What the statuses of all leaves mean; few combinations of them ever come."""
        said = self._sayings.get(statuses)
        if said is None:
            if len(self._sayings) == _SAYINGS:
                self._sayings.clear()
            reasons = {place: WHY[status] for place, status in enumerate(statuses) if status not in _ANSWERED}
            approximate = {place for place, status in enumerate(statuses) if status == APPROXIMATE}
            missing = {name: reasons[place] for name, _, place in self.outputs if place in reasons}
            marked = (
                name for name, places in self.marked if not approximate.isdisjoint(places) and name not in missing
            )
            said = self._sayings[statuses] = Said(reasons, missing, approximate, frozenset(marked))
        return said

    def _decoded(self, found: Sequence[Any], said: Said) -> list[Any]:
        """Values of what the kernels gave; None where there is none."""
        values = list(found)
        for place, decode in self.decoded:
            if place not in said.reasons:
                values[place] = decode(values[place])
        for place in said.reasons:
            values[place] = None
        return values

    def _found(self, outcomes: list[Outcome]) -> tuple[list[Any], dict[int, str], set[int]]:
        """The value of every leaf, the reasons of those without one, and the places of those that are approximate.

        After the groups that were asked stands what the request itself said.
        """
        *found, statuses = self._unpack(self._view)
        said = self._say(statuses)
        values, reasons = self._decoded(found, said), dict(said.reasons)
        for value, reason in outcomes:
            if reason:
                reasons[len(values)] = reason
            values.append(value)
        return values, reasons, said.approximate

    def _formed(self, found: list[Any], reasons: dict[int, str], approximate: set[int]) -> Vector:
        """Labels from what is said of their leaves."""
        values: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for name, node, place in self.outputs:
            values[name], reason = (
                (found[place], reasons.get(place)) if place >= 0 else self._formula(node, found, reasons)
            )
            if reason:
                missing[name] = reason
        marked = (name for name, places in self.marked if not approximate.isdisjoint(places) and name not in missing)
        return Vector(values, missing, frozenset(marked) if approximate else _NONE)

    def _formula(self, node: Node, found: list[Any], reasons: Mapping[int, str]) -> Outcome:
        at = self.at
        return by_value(node, lambda leaf: (found[at[id(leaf)]], reasons.get(at[id(leaf)], "")))

    def _set_bounds(self, group: Group, t: int, found: list[Any], reasons: Mapping[int, str]) -> list[tuple[int, str]]:
        """Write the bounds that a group's windows have; gives the places of leaves whose anchor is missing, and why."""
        anchors: dict[int, int] = {}
        missing: list[tuple[int, str]] = []
        for i in group.given:
            anchor = group.leaves[i].window.anchor
            if anchor is not None:
                place = self.links[anchor]
                anchors[i] = 0 if place in reasons else found[place]
                if place in reasons:
                    missing.append((group.places[i], reasons[place]))
        group.set_bounds(t, self.zone, anchors)
        return missing

    def _event(self, moment: Moment) -> Event | None:
        return None if moment.own is None else self.books[moment.own[0]].event(moment.own[1])

    def _own(self, leaf: Leaf, moment: Moment) -> Outcome:
        """A value of the request itself: the own event's column, as known at the point."""
        book, own = self.books[leaf.stream], moment.own
        event = self._event(moment) if own is not None and own[0] == leaf.stream else None
        version = None if event is None else book.version_at(event, moment.known)
        if version is None or version.at > moment.t:
            return None, REASONS[NEVER_SEEN]
        value = version.values[book.columns.index(leaf.column)]
        if value is None:
            return None, REASONS[NOT_YET_KNOWN if leaf.column in version.awaiting else SOURCE_NULL]
        return value, ""

    def _lost(self, group: Group, slot: int, moment: Moment) -> int:
        """Where rows before the own event end in a segment that does not have it."""
        book, event = group.book, self._event(moment)
        version = None if event is None else book.version_at(event, moment.known)
        order = None
        if event is not None and version is not None and version.at == moment.t:
            order = (version.sequence, event.id, T_MIN)
        return group.arena.end_before(slot, moment.t, order)
