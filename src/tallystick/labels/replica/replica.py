"""The readers' side of a replica: labels at one point, in any process, from the facts that a `Publisher` made readable.

A reader fetches the keys that a point needs, observes their facts in the order in which they became known, and asks as
of the watermark. So it gives the bits that the writer's `Live.now` gives there. Where a link gives a key, or a joined
column reads other labels, it fetches in rounds: first what leads to the key, then what lies under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from tallystick.core import FieldType
from tallystick.labels.library import Library
from tallystick.labels.live.live import Live
from tallystick.labels.live.outcomes import Vector
from tallystick.labels.live.revisions import held_value
from tallystick.labels.plan import Leaf, all_leaves
from tallystick.labels.replica.publish import (
    ENCODER,
    PREFIX,
    Client,
    Names,
    Shelf,
    ends_of,
    every_leaf,
    execute,
    raw,
    unpack,
)

OBSERVED_MAX = 200_000
"""Facts that a reader keeps observed at most, before it starts anew."""

_INSTANT = FieldType("instant")


Fact: TypeAlias = tuple[int, int, Mapping[str, Any]]
"""When it was known, its revision, and the event."""


class Point(msgspec.Struct, frozen=True):
    """Where labels are asked for, as `Live.now` takes it."""

    keys: Mapping[str, Any]
    t: int
    k: int | None
    own: tuple[str, int | str] | None = None
    request: Mapping[str, Any] | None = None


class Replica:
    """The readers' side: labels at one point, from what a `Publisher` made readable. One for a thread.

    It keeps what it observed, up to `OBSERVED_MAX` facts, and fetches the keys of a point anew for every call.

    Parameters
    ----------
    library
        The same labels as the publisher's, or some of them.
    client
        A Redis client that gives bytes.
    prefix
        As the publisher's.
    """

    def __init__(self, library: Library, client: Client, prefix: str = PREFIX) -> None:
        self._library, self._client, self._names = library, client, Names(library, prefix)
        self._links = {leaf: f"@link{n}" for n, leaf in enumerate(_links(every_leaf(library)))}
        self._ending = {place for place, ends_s in ends_of(library.live()).items() if ends_s is not None}
        self._begin()

    @property
    def known_at(self) -> int | None:
        """The watermark: up to which `known_at` facts are published; None before the first."""
        return self._fetch([], [])[1]

    def now(
        self,
        keys: Mapping[str, int | str | None],
        t: int | datetime,
        request: Mapping[str, Any] | None = None,
        *,
        k: int | None = None,
        own: tuple[str, int | str] | None = None,
        labels: Iterable[str] | None = None,
    ) -> Vector:
        """Labels at one point, to the bits that the writer's `Live.now` gives with the same `k`.

        Parameters
        ----------
        keys, t, request, k, own, labels
            As `Live.now`. Without `k`, request and own event, the watermark is k.

        Raises
        ------
        InputError
            As `Live.now`.
        """
        if len(self._observed) > OBSERVED_MAX:
            self._begin()
        self._fresh.clear()
        names = list(self._library.labels) if labels is None else list(labels)
        moment = held_value(t, _INSTANT, "point", "t")
        asked = Point(keys, moment, k, own, request)
        leaves = self._library.leaves(names) if self._answerable(names, keys) else ()
        named = [leaf for leaf in leaves if leaf.entity and leaf.via is None]
        shelves = self._new(named, [asked])
        facts, known = self._fetch(shelves, self._events(asked))
        if k is None and request is None:
            # As of the own event's first known instant, as the writer's; else of the watermark.
            asked = msgspec.structs.replace(asked, k=known if own is None else self._first.get(own, known))
        self._observe(facts)
        if request is not None:
            self._prepare([self._as_fact(request, k)])
        self._bring([asked], leaves)
        return self._live.now(keys, moment, request, k=asked.k, own=own, labels=names)

    def _begin(self) -> None:
        library, resolved = self._library, self._library._resolved
        # Links are labels of their own here: a key is asked for before the facts under it are fetched.
        some = next(iter(resolved.definitions.values()), None)
        definitions = dict(resolved.definitions)
        nodes = dict(resolved.nodes)
        for leaf, name in self._links.items():
            assert some is not None
            nodes[name] = leaf
            definitions[name] = msgspec.structs.replace(some, name=name, type=leaf.type, entities=())
        whole = msgspec.structs.replace(resolved, nodes=nodes, definitions=definitions)
        self._live = Live(library._typed, whole, library.zone)
        self._observed: dict[tuple[str, bytes], bytes] = {}
        self._first: dict[tuple[str, int | str], int] = {}
        self._fresh: set[Shelf] = set()

    def _answerable(self, names: Sequence[str], keys: Mapping[str, Any]) -> bool:
        """Whether the labels exist and the point has their keys; where not, `Live.now` says so."""
        known = self._library.labels
        return all(name in known and all(entity in keys for entity in known[name].entities) for name in names)

    def _events(self, asked: Point) -> list[tuple[str, int | str]]:
        """The own event, and what was published of a request."""
        events = [] if asked.own is None else [asked.own]
        request = asked.request
        if request is not None and request.get("stream") in self._library.streams:
            id = request.get(self._library.streams[request["stream"]].id)
            events += [(request["stream"], id)] if isinstance(id, int | str) else []
        return [(stream, id) for stream, id in events if stream in self._library.streams]

    def _bring(self, points: Sequence[Point], leaves: Iterable[Leaf]) -> None:
        """Fetch and observe what the aggregates need at some points: first those by a key that the points name."""
        rounds: dict[int, list[Leaf]] = {}
        for leaf in leaves:
            if leaf.entity:
                rounds.setdefault(_depth(leaf), []).append(leaf)
        for depth in sorted(rounds):
            new = self._new(rounds[depth], points)
            if new:
                self._observe(self._fetch(new, [])[0])

    def _new(self, leaves: Iterable[Leaf], points: Sequence[Point]) -> list[Shelf]:
        """Whose facts the aggregates need at some points, and this call has not fetched yet."""
        needed = dict.fromkeys(
            (leaf.stream, leaf.entity, key)
            for leaf in leaves
            for point in points
            if (key := self._key(leaf, point)) is not None
        )
        new = [shelf for shelf in needed if shelf not in self._fresh]
        self._fresh.update(new)
        return new

    def _key(self, leaf: Leaf, point: Point) -> int | str | None:
        if leaf.via is None:
            return point.keys.get(leaf.entity)
        name = self._links[leaf.via]
        vector = self._live.now(point.keys, point.t, point.request, k=point.k, own=point.own, labels=[name])
        found: int | str | None = vector[name]
        return found

    def _fetch(
        self, shelves: Sequence[Shelf], events: Sequence[tuple[str, int | str]]
    ) -> tuple[list[Fact], int | None]:
        """The facts of keys and events that were not observed yet, and the watermark, read at one moment."""
        pipeline = self._client.pipeline(transaction=True)
        for shelf in shelves:
            pipeline.hgetall(self._names.shelf(shelf))
            if shelf[:2] in self._ending:
                pipeline.get(self._names.seen(shelf))
        for stream, id in events:
            pipeline.hgetall(self._names.event(stream, id))
        pipeline.get(self._names.known)
        *found, mark = execute(pipeline)
        answers = iter(found)
        packed: dict[tuple[str, bytes], bytes] = {}
        for shelf in shelves:
            hashed = next(answers)
            last = next(answers) if shelf[:2] in self._ending else None
            packed |= {(shelf[0], raw(field)): one for field, one in hashed.items()}
            if not hashed and last is not None:
                event = unpack(last)
                field = ENCODER.encode([event[self._library.streams[shelf[0]].id], event["revision"]])
                packed.setdefault((shelf[0], field), last)
        for stream, _ in events:
            packed |= {(stream, raw(field)): one for field, one in next(answers).items()}
        return self._unseen(packed), None if mark is None else int(raw(mark))

    def _unseen(self, packed: Mapping[tuple[str, bytes], bytes]) -> list[Fact]:
        facts: list[Fact] = []
        for place, one in packed.items():
            if self._observed.get(place) != one:
                self._observed[place] = one
                event = unpack(one)
                facts.append((event["known_at"], event["revision"], event))
                name = (place[0], event[self._library.streams[place[0]].id])
                self._first[name] = min(self._first.get(name, event["known_at"]), event["known_at"])
        return facts

    def _observe(self, facts: Sequence[Fact]) -> None:
        """Observe facts in the order in which they became known; a stream after those that its joined columns read."""
        by_stream: dict[str, list[Fact]] = {}
        for fact in facts:
            by_stream.setdefault(fact[2]["stream"], []).append(fact)
        for stream in sorted(by_stream, key=self._live._depth):
            self._prepare(by_stream[stream])
            for _, _, event in sorted(by_stream[stream], key=lambda fact: fact[:2]):
                self._live.observe(event)

    def _prepare(self, facts: Sequence[Fact]) -> None:
        """Bring what the joined columns of some events read, at the events' own points."""
        for stream, joins in self._library._resolved.joins.items():
            spec = self._library.streams[stream]
            points = [
                Point(
                    {entity.name: event.get(column) for entity, column in spec.keys.items()},
                    held_value(event[spec.at], _INSTANT, stream, spec.at),
                    known_at - 1,
                )
                for known_at, _, event in facts
                if event["stream"] == stream and not event.get("retract") and event.get(spec.at) is not None
            ]
            if points:
                leaves = dict.fromkeys(leaf for node in joins.values() for leaf in all_leaves(node))
                self._bring(points, leaves)

    def _as_fact(self, request: Mapping[str, Any], k: int | None) -> Fact:
        spec = self._library.streams.get(request.get("stream", ""))
        known = k if k is not None else request.get("known_at")
        if known is None and spec is not None:
            known = request.get(spec.at)
        micros = 0 if known is None else held_value(known, _INSTANT, "request", "known_at")
        return micros, 0, request


def _links(leaves: Iterable[Leaf]) -> dict[Leaf, None]:
    return dict.fromkeys(leaf.via for leaf in leaves if leaf.via is not None)


def _depth(leaf: Leaf) -> int:
    """How many links lead to the key of a leaf: what they read is fetched first."""
    return 0 if leaf.via is None else 1 + max(map(_depth, all_leaves(leaf.via)))
