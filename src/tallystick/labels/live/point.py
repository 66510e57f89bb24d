"""One point of the live executor: the groups of a plan asked in turn, links and anchors before what hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tallystick.labels.live.book import Book
from tallystick.labels.live.programs import Group
from tallystick.labels.meaning.arithmetic import by_value
from tallystick.labels.meaning.facts import T_MIN
from tallystick.labels.meaning.reasons import NEVER_SEEN, NOT_YET_KNOWN, REASONS, SOURCE_NULL
from tallystick.labels.meaning.rules import Outcome
from tallystick.labels.plan import Leaf, Node, all_leaves, leaves, needs


class Moment(msgspec.Struct, gc=False):
    """A point: whose keys, when, what was known, and the event whose own point it is."""

    keys: Mapping[str, int | str | None]
    t: int
    known: int
    own: tuple[str, int | str] | None = None


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
        places = {leaf: i for i, leaf in enumerate(dict.fromkeys(every))}
        self.size = len(places)
        # Leaves are found by what they are only here; later by which object they are.
        self.at: dict[int, int] = {id(leaf): places[leaf] for leaf in every}
        self._every = every
        self.links = {leaf: places[leaf] for leaf in places}
        depths: dict[Leaf, int] = {}
        for leaf in places:
            depths[leaf] = max((1 + depths[need] for need in needs(leaf)), default=0)
        members: dict[tuple[int, str, str, Leaf | None], list[tuple[int, Leaf]]] = {}
        for leaf, place in places.items():
            if leaf.entity:
                members.setdefault((depths[leaf], leaf.stream, leaf.entity, leaf.via), []).append((place, leaf))
        self.groups = [
            Group(books[stream], entity, via, members[depth, stream, entity, via])
            for depth, stream, entity, via in sorted(members, key=lambda one: one[0])
        ]
        self.own = [(place, leaf) for leaf, place in places.items() if not leaf.entity]
        self.entities = tuple(dict.fromkeys(group.entity for group in self.groups if group.via is None))
        self.outputs = [(name, node, self.at.get(id(node), -1)) for name, node in self.nodes.items()]
        self.marked = [(name, [self.at[id(leaf)] for leaf in leaves(node)]) for name, node in self.nodes.items()]
        self.order = [place for _, _, place in self.outputs]
        self.formulas = any(place < 0 for _, _, place in self.outputs)
        self.capped = frozenset(name for name, node in self.nodes.items() if any(leaf.cap for leaf in all_leaves(node)))
        self.alone = not self.own and all(group.via is None for group in self.groups)
        self.alone = self.alone and all(leaf.window.anchor is None for leaf in places)

    def outcomes(self, moment: Moment) -> tuple[list[Any], dict[int, str], set[int]]:
        """The value of every leaf, the reasons of those without one, and the places of those that are approximate."""
        found: list[Any] = [None] * self.size
        reasons: dict[int, str] = {}
        approximate: set[int] = set()
        own, t, known = moment.own, moment.t, moment.known
        for place, leaf in self.own:
            found[place], reason = self._own(leaf, moment)
            if reason:
                reasons[place] = reason
        for group in self.groups:
            number = -1
            if own is not None and own[0] == group.stream:
                number = group.book.ids.get(own[1], -2)
            link = -1 if group.via is None else self.links[group.via]
            key = moment.keys[group.entity] if link < 0 else found[link]
            missing = self._set_bounds(group, t, found, reasons) if group.given else ()
            slot = group.arena.slot_of(key)
            if not group.ask(slot, t, known, number):
                group.ask(slot, t, known, number, self._lost(group, slot, moment))
            group.outcomes(found, reasons, approximate)
            for place, reason in missing:
                found[place], reasons[place] = None, reason
            if link in reasons:
                for place in group.places:
                    found[place], reasons[place] = None, reasons[link]
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
            values = dict(zip(self.nodes, map(found.__getitem__, self.order), strict=True))
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
        event = book.event(own[1]) if own is not None and own[0] == leaf.stream else None
        version = None if event is None else book.version_at(event, moment.known)
        if version is None or version.at > moment.t:
            return None, REASONS[NEVER_SEEN]
        value = version.values[book.columns.index(leaf.column)]
        if value is None:
            return None, REASONS[NOT_YET_KNOWN if leaf.column in version.awaiting else SOURCE_NULL]
        return value, ""

    def _lost(self, group: Group, slot: int, moment: Moment) -> int:
        """Where rows before the own event end in a segment that does not have it."""
        assert moment.own is not None
        book = group.book
        event = book.event(moment.own[1])
        version = None if event is None else book.version_at(event, moment.known)
        order = None
        if event is not None and version is not None and version.at == moment.t:
            order = (version.sequence, event.id, T_MIN)
        return group.arena.end_before(slot, moment.t, order)
