"""The writer's side of a replica in Redis or Valkey: what lies there, and how it comes there.

What lies there is facts, not values: under each key of each entity the revisions of its events, and the *watermark*,
the greatest `known_at` published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote

import msgspec

from tallystick.core import FieldType, InputError, UsageError, to_datetime
from tallystick.labels.library import Library
from tallystick.labels.live.compaction import arena_reach
from tallystick.labels.live.live import Live
from tallystick.labels.live.revisions import held_value
from tallystick.labels.plan import Leaf, all_leaves
from tallystick.labels.words import WORDS

PREFIX = "tallystick"
_DATE, _INSTANT = 1, 2
_EVENTS_AT_ONCE = 1000
ENCODER = msgspec.msgpack.Encoder()
Shelf: TypeAlias = tuple[str, str, int | str]
"""Stream, entity and key: whose facts."""


class Client(Protocol):
    """What is used of a Redis client that gives bytes, such as `redis.Redis(...)`."""

    def pipeline(self, transaction: bool = True) -> Any:
        """Commands that are sent, and with `transaction` carried out, together."""
        ...


class Names:
    """The names of what lies in Redis."""

    def __init__(self, library: Library, prefix: str) -> None:
        self.known = f"{prefix}:known"
        self._starts = {stream: f"{prefix}:{quote(stream, safe='')}" for stream in library.streams}

    def shelf(self, shelf: Shelf) -> str:
        """The facts of a key: a hash of event and revision → fact."""
        stream, entity, key = shelf
        return f"{self._starts[stream]}:{entity}:{_typed(key)}"

    def seen(self, shelf: Shelf) -> str:
        """The last fact of a key whose facts end: it says that the key was seen."""
        stream, entity, key = shelf
        return f"{self._starts[stream]}:@seen:{entity}:{_typed(key)}"

    def event(self, stream: str, id: int | str) -> str:
        """All revisions of an event, as in a shelf."""
        return f"{self._starts[stream]}:@event:{_typed(id)}"


def _typed(name: int | str) -> str:
    return f"i{name}" if isinstance(name, int) else f"s{name}"


def every_leaf(library: Library) -> list[Leaf]:
    """Every aggregate of a library, those of joined columns too."""
    resolved = library._resolved
    joined = (node for joins in resolved.joins.values() for node in joins.values())
    nodes = (*resolved.nodes.values(), *joined)
    return list(dict.fromkeys(leaf for node in nodes for leaf in all_leaves(node)))


class Publisher:
    """The writer's side of a replica; one for a prefix.

    Parameters
    ----------
    library
        The labels that readers ask for: what they read is published.
    client
        A Redis client that gives bytes.
    prefix
        Begins every name in Redis.
    expire
        Whether facts that no label can reach any more from now on may vanish from Redis, by the server's clock: for
        keys of an entity whose labels of the stream all have spans or calendar units as windows. Labels as of the past
        need those facts; leave it False where readers ask for such.
    """

    def __init__(self, library: Library, client: Client, prefix: str = PREFIX, expire: bool = False) -> None:
        self._library, self._client, self._names = library, client, Names(library, prefix)
        self._columns = {
            stream: {entity.name: column for entity, column in spec.keys.items()}
            for stream, spec in library.streams.items()
        }
        used = dict.fromkeys((leaf.stream, leaf.entity) for leaf in every_leaf(library) if leaf.entity)
        self._shelves = {stream: [entity for one, entity in used if one == stream] for stream in library.streams}
        self._ends_s = ends_of(library.live()) if expire else {}
        self._known: int | None = None

    def publish(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Make facts readable, all at once, and move the watermark; a fact that lies there already changes nothing.

        Parameters
        ----------
        events
            What the writer's `Live` observed and accepted, as `Live.observe` takes it: `stream`, the source columns
            in held form, maybe `revision` and `retract`, and `known_at` where it is not `at`. In the order in which
            the facts became known, or a reader may see a watermark before all that it stands for.

        Returns
        -------
        int
            How many facts were given.

        Raises
        ------
        InputError
            For an event without stream, id or instant.
        """
        facts = [self._fact(event) for event in events]
        if not facts:
            return 0
        revisions = self._revisions(list(dict.fromkeys((stream, id) for stream, id, _, _ in facts)))
        changed: dict[tuple[str, int | str], dict[bytes, bytes]] = {}
        for stream, id, field, packed in facts:
            kept = revisions[stream, id].get(field)
            # Of the deliveries of a revision the first known one counts.
            if kept is None or unpack(packed)["known_at"] < unpack(kept)["known_at"]:
                revisions[stream, id][field] = packed
                changed.setdefault((stream, id), {})[field] = packed
        known = max(unpack(packed)["known_at"] for _, _, _, packed in facts)
        self._known = known if self._known is None else max(self._known, known)
        self._write(changed, revisions, self._client.pipeline(transaction=True))
        return len(facts)

    def replace(
        self, events: Iterable[tuple[str, int | str]], change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> int:
        """Take events out from under every key, and make readable instead what `change` gives for each of their facts.

        Parameters
        ----------
        events
            Stream and id; what was never published is passed over.
        change
            Given a fact as it was published, with `stream`, `known_at`, `revision` and `retract`.

        Returns
        -------
        int
            How many facts were replaced; some events at a time, each time all at once.
        """
        count, asked = 0, list(dict.fromkeys(events))
        for start in range(0, len(asked), _EVENTS_AT_ONCE):
            some = asked[start : start + _EVENTS_AT_ONCE]
            found = {event: facts for event, facts in self._revisions(some).items() if facts}
            if not found:
                continue
            changed: dict[tuple[str, int | str], dict[bytes, bytes]] = {}
            for facts in found.values():
                for packed in facts.values():
                    stream, id, field, new = self._fact(change(unpack(packed)))
                    changed.setdefault((stream, id), {})[field] = new
                    count += 1
            pipeline = self._client.pipeline(transaction=True)
            self._remove(found, pipeline)
            self._write(changed, changed, pipeline)
        return count

    def _remove(self, found: Mapping[tuple[str, int | str], Mapping[bytes, bytes]], pipeline: Any) -> None:
        shelves: dict[Shelf, list[bytes]] = {}
        for (stream, id), facts in found.items():
            pipeline.delete(self._names.event(stream, id))
            for entity in self._shelves[stream]:
                column = self._columns[stream][entity]
                for key in {unpack(packed).get(column) for packed in facts.values()}:
                    if key is not None:
                        shelves.setdefault((stream, entity, key), []).extend(facts)
        asking = self._client.pipeline(transaction=False)
        for shelf in shelves:
            asking.get(self._names.seen(shelf))
        for (shelf, fields), last in zip(shelves.items(), execute(asking), strict=True):
            pipeline.hdel(self._names.shelf(shelf), *fields)
            if last is not None and (shelf[0], unpack(last)[self._library.streams[shelf[0]].id]) in found:
                pipeline.delete(self._names.seen(shelf))

    def _fact(self, event: Mapping[str, Any]) -> tuple[str, int | str, bytes, bytes]:
        spec = self._library.streams.get(event.get("stream", ""))
        if spec is None:
            raise InputError(WORDS("labels.event_stream", allowed=", ".join(self._library.streams)))
        stream, id = spec.stream, event.get(spec.id)
        known = event.get("known_at")
        known = event.get(spec.at) if known is None else known
        if id is None or known is None:
            lacking = spec.id if id is None else "known_at"
            raise InputError(WORDS("labels.replica_event", stream=stream, column=lacking))
        held = {column: _plain(event[column]) for column in self._library.columns(stream) if column in event}
        number = int(event.get("revision") or 0)
        held |= {
            "stream": stream,
            "known_at": held_value(known, FieldType("instant"), stream, "known_at"),
            "revision": number,
            "retract": bool(event.get("retract")),
        }
        return stream, id, ENCODER.encode([id, number]), ENCODER.encode(held)

    def _revisions(self, events: Sequence[tuple[str, int | str]]) -> dict[tuple[str, int | str], dict[bytes, bytes]]:
        """What lies there of each event: a correction may have moved it to another key."""
        pipeline = self._client.pipeline(transaction=False)
        for stream, id in events:
            pipeline.hgetall(self._names.event(stream, id))
        pipeline.get(self._names.known)
        *found, known = execute(pipeline)
        if known is not None:
            mark = int(raw(known))
            self._known = mark if self._known is None else max(self._known, mark)
        return dict(zip(events, found, strict=True))

    def _write(
        self,
        changed: Mapping[tuple[str, int | str], Mapping[bytes, bytes]],
        revisions: Mapping[tuple[str, int | str], Mapping[bytes, bytes]],
        pipeline: Any,
    ) -> None:
        for (stream, id), new in changed.items():
            every = revisions[stream, id]
            events = [unpack(packed) for packed in every.values()]
            pipeline.hset(self._names.event(stream, id), mapping=dict(new))
            lives_s = [self._ends_s.get((stream, entity)) for entity in self._shelves[stream]]
            for entity in self._shelves[stream]:
                column = self._columns[stream][entity]
                for key in dict.fromkeys(event.get(column) for event in events):
                    if key is not None:
                        self._put((stream, entity, key), every, self._ends_s.get((stream, entity)), pipeline)
            whole_s = [one for one in lives_s if one is not None]
            if whole_s and len(whole_s) == len(lives_s):
                pipeline.expire(self._names.event(stream, id), max(whole_s))
        pipeline.set(self._names.known, self._known)
        pipeline.execute()

    def _put(self, shelf: Shelf, every: Mapping[bytes, bytes], ends_s: int | None, pipeline: Any) -> None:
        pipeline.hset(self._names.shelf(shelf), mapping=dict(every))
        if ends_s is not None:
            pipeline.expire(self._names.shelf(shelf), ends_s)
            asserted = [packed for packed in every.values() if not unpack(packed)["retract"]]
            if asserted:
                pipeline.set(self._names.seen(shelf), asserted[-1])


def ends_of(live: Live) -> dict[tuple[str, str], int | None]:
    """Stream and entity → seconds after which a fact published now is beyond every label; None for never."""
    found: dict[tuple[str, str], int | None] = {}
    books = live._books
    # A joined column is read at its event's own point: reaches add up from stream to stream.
    whole = 0
    for stream, book in books.items():
        micros = {entity: arena_reach(arena) for entity, arena in book.arenas.items()}
        found |= {(stream, entity): one for entity, one in micros.items()}
        whole += max((one for one in micros.values() if one is not None), default=0) + book.lateness
    return {place: None if one is None else whole // 1_000_000 + 1 for place, one in found.items()}


def execute(pipeline: Any) -> list[Any]:
    """What the commands of a pipeline gave; raises `UsageError` when the client makes text of bytes."""
    try:
        found: list[Any] = pipeline.execute()
    except UnicodeDecodeError:
        raise UsageError(WORDS("labels.replica_text", given="text")) from None
    return found


def raw(value: Any) -> bytes:
    """A value of Redis as bytes; raises `UsageError` when the client makes text of them."""
    if not isinstance(value, bytes):
        raise UsageError(WORDS("labels.replica_text", given=type(value).__name__))
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        micros = held_value(value, FieldType("instant"), "event", "instant")
        return msgspec.msgpack.Ext(_INSTANT, micros.to_bytes(8, "big", signed=True))
    if isinstance(value, date):
        return msgspec.msgpack.Ext(_DATE, value.isoformat().encode())
    return value


def _ext(code: int, data: memoryview) -> date | datetime:
    if code == _DATE:
        return date.fromisoformat(bytes(data).decode())
    return to_datetime(int.from_bytes(data, "big", signed=True), "UTC")


_DECODER = msgspec.msgpack.Decoder(ext_hook=_ext)


def unpack(packed: bytes) -> dict[str, Any]:
    """A fact as `Live.observe` takes it."""
    found: dict[str, Any] = _DECODER.decode(raw(packed))
    return found
