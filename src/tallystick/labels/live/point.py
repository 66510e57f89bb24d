"""One point of the live executor: the groups of a plan asked in turn, links and anchors before what hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from struct import Struct
from typing import Any

import msgspec
import numpy as np

from tallystick.labels.kernels.answers import NEVER
from tallystick.labels.kernels.rows import APPROXIMATE, FOUND
from tallystick.labels.live.book import Book
from tallystick.labels.live.programs import HELD, REAL, SAYS, WHY, Group, form_of
from tallystick.labels.live.revisions import Event
from tallystick.labels.meaning.arithmetic import by_value
from tallystick.labels.meaning.facts import T_MIN
from tallystick.labels.meaning.reasons import NEVER_SEEN, NOT_YET_KNOWN, REASONS, SOURCE_NULL
from tallystick.labels.meaning.rules import Outcome
from tallystick.labels.plan import Leaf, Node, all_leaves, leaves, needs

_WHOLE = ("money", "decimal", "integer")
_ANSWERED = (FOUND, APPROXIMATE)


class Moment(msgspec.Struct, gc=False):
    """A point: whose keys, when, what was known, and the event whose own point it is, with what is known of it."""

    keys: Mapping[str, int | str | None]
    t: int
    known: int
    own: tuple[str, int | str] | None = None
    event: Event | None = None


def own_point(book: Book, event: Event, revision: int) -> tuple[dict[str, int | str | None], int]:
    """Keys and instant of an event's own point, as a revision of it tells."""
    found = event.revisions[revision]
    if found.at is None:
        # A retraction may leave out what it takes back.
        found = next((each for each in event.revisions.values() if each.at is not None), found)
    keys = dict(zip(book.entities, found.keys, strict=True))
    return keys, found.known_at if found.at is None else found.at


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
        self._all_found = bytes(self.size)
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

    def outcomes(self, moment: Moment) -> tuple[list[Any], dict[int, str], set[int]]:
        """The value of every leaf, the reasons of those without one, and the places of those that are approximate."""
        keys, t, known = moment.keys, moment.t, moment.known
        stream = None if moment.own is None else moment.own[0]
        own = -2 if moment.event is None else moment.event.number
        said = [self._own(leaf, moment) for leaf in self.own]
        if not self.alone:
            self._statuses[:] = NEVER
        for group in self.groups:
            number = own if group.stream == stream else -1
            if group.waits:
                self._ask_waiting(group, moment, number, said)
                continue
            if group.given:
                group.set_bounds(t, self.zone, {})
            slot = group.arena.slot_of(keys[group.entity])
            if not group.ask(slot, t, known, number):
                group.ask(slot, t, known, number, self._lost(group, slot, moment))
        return self._found(said)

    def _ask_waiting(self, group: Group, moment: Moment, number: int, said: list[Outcome]) -> None:
        """Ask a group whose key or windows hang on what was asked before it."""
        found, reasons, _ = self._found(said)
        link = -1 if group.via is None else self.links[group.via]
        missing = self._set_bounds(group, moment.t, found, reasons)
        slot = group.arena.slot_of(moment.keys[group.entity] if link < 0 else found[link])
        if not group.ask(slot, moment.t, moment.known, number):
            group.ask(slot, moment.t, moment.known, number, self._lost(group, slot, moment))
        if link in reasons:
            missing = [(place, reasons[link]) for place in group.places]
        for place, reason in missing:
            self._statuses[place] = SAYS[reason]

    def _found(self, said: list[Outcome]) -> tuple[list[Any], dict[int, str], set[int]]:
        """What the groups that were asked and the request itself said."""
        *found, statuses = self._unpack(self._memory.data)
        for place, decode in self.decoded:
            if statuses[place] in _ANSWERED:
                found[place] = decode(found[place])
        reasons: dict[int, str] = {}
        approximate: set[int] = set()
        if statuses != self._all_found:
            for place, status in enumerate(statuses):
                if status == APPROXIMATE:
                    approximate.add(place)
                elif status:
                    found[place], reasons[place] = None, WHY[status]
        for value, reason in said:
            if reason:
                reasons[len(found)] = reason
            found.append(value)
        return found, reasons, approximate

    def values(self, moment: Moment) -> tuple[dict[str, Any], dict[str, str], frozenset[str]]:
        """Label → value; label → reason where there is none; labels that are approximate."""
        found, reasons, approximate = self.outcomes(moment)
        missing: dict[str, str] = {}
        if self.formulas:
            values: dict[str, Any] = {}
            for name, node, place in self.outputs:
                values[name], reason = (
                    (found[place], reasons.get(place)) if place >= 0 else self._formula(node, found, reasons)
                )
                if reason:
                    missing[name] = reason
        else:
            values = dict(zip(self.names, self.pick(found), strict=True))
            if reasons:
                missing = {name: reasons[place] for name, _, place in self.outputs if place in reasons}
        if not approximate:
            return values, missing, frozenset()
        marked = (name for name, places in self.marked if not approximate.isdisjoint(places) and name not in missing)
        return values, missing, frozenset(marked)

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

    def _own(self, leaf: Leaf, moment: Moment) -> Outcome:
        """A value of the request itself: the own event's column, as known at the point."""
        book, own = self.books[leaf.stream], moment.own
        event = moment.event if own is not None and own[0] == leaf.stream else None
        version = None if event is None else book.version_at(event, moment.known)
        if version is None or version.at > moment.t:
            return None, REASONS[NEVER_SEEN]
        value = version.values[book.columns.index(leaf.column)]
        if value is None:
            return None, REASONS[NOT_YET_KNOWN if leaf.column in version.awaiting else SOURCE_NULL]
        return value, ""

    def _lost(self, group: Group, slot: int, moment: Moment) -> int:
        """Where rows before the own event end in a segment that does not have it."""
        book, event = group.book, moment.event
        version = None if event is None else book.version_at(event, moment.known)
        order = None
        if event is not None and version is not None and version.at == moment.t:
            order = (version.sequence, event.id, T_MIN)
        return group.arena.end_before(slot, moment.t, order)
