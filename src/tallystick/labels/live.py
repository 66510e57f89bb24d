"""The live executor: events one by one, labels as of now, to the same bits as over history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

import msgspec
import polars as pl

from tallystick.core import FieldType, InputError, StateError
from tallystick.labels import shelf
from tallystick.labels.arithmetic import by_value
from tallystick.labels.book import Book
from tallystick.labels.define import Events
from tallystick.labels.facts import T_MIN
from tallystick.labels.point import Point
from tallystick.labels.resolve import Resolved, leaves
from tallystick.labels.shelf import Revision
from tallystick.labels.windows import check_instant
from tallystick.labels.words import WORDS


class Observed(msgspec.Struct, frozen=True):
    """What became of an event: accepted, or the reason why it counts nowhere."""

    stream: str
    id: int | str | None
    revision: int
    accepted: bool
    reason: str = ""


class Vector(msgspec.Struct, frozen=True):
    """Labels at one point: `values` (None where missing) and `missing` (label → reason)."""

    values: Mapping[str, Any]
    missing: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


class Live:
    """Labels over a flow of events; one writer, one point at a time.

    Examples
    --------
    >>> from tallystick.labels import Entity, Events, Library, money
    >>> card = Entity("card")
    >>> payments = Events("payments", id="id", at="at", keys={card: "card"}, fields={"amount": money("EUR")})
    >>> live = Library({"spend_7d": payments.per(card).sum("amount").over("7d")}, {"payments": payments}).live()
    >>> live.observe({"stream": "payments", "id": "p1", "at": 1_000, "card": "c1", "amount": 1250}).accepted
    True
    >>> live.now({"card": "c1"}, 2_000)["spend_7d"]
    1250
    """

    def __init__(self, streams: Mapping[str, Events], resolved: Resolved, zone: str) -> None:
        self._resolved, self._zone = resolved, zone
        self._books = {name: Book(events, resolved.columns[name], zone) for name, events in streams.items()}
        for node in resolved.nodes.values():
            for leaf in leaves(node):
                self._books[leaf.stream].declare(leaf)
        self._known = T_MIN

    @property
    def known_at(self) -> int:
        """The greatest `known_at` observed: the k of a free point."""
        return self._known

    def observe(self, event: Mapping[str, Any], known_at: int | datetime | None = None) -> Observed:
        """Take an event in.

        Parameters
        ----------
        event
            `stream` and the source columns in held form (amounts in minor units; instants as microseconds or aware
            datetimes), with optional `revision`, `retract` and `known_at`.
        known_at
            When it could be known; goes before the event's own.

        Returns
        -------
        Observed
            Not accepted, with a reason, when it is late or lacks its id, instant, key or sequence. The same revision
            again is accepted; of its deliveries the first known one counts, in whatever order they come.

        Raises
        ------
        InputError
            For an unknown stream, a value of another type, or a known revision with other content.
        """
        book, id, number, found, reason = self._read(event, known_at)
        stream = book.definition.stream
        if reason:
            return Observed(stream, id, number, False, reason)
        assert id is not None
        if not self._repeated(book, id, number, found):
            book.put(id, number, found)
        self._known = max(self._known, found.known_at)
        return Observed(stream, id, number, True)

    def knows(self, stream: str, id: int | str, revision: int = 0) -> bool:
        """Whether this revision of an event was observed."""
        event = self._books[stream].event(id)
        return event is not None and revision in event.revisions

    def warm(self, facts: Mapping[str, pl.DataFrame]) -> int:
        """Observe history: stream → frame as for `Library.at`; gives how many facts were accepted."""
        accepted = 0
        for stream, frame in facts.items():
            taken = self._book(stream).start_from(frame)
            if not isinstance(taken, int):
                for row in taken.iter_rows(named=True):
                    accepted += self.observe({**row, "stream": stream}).accepted
                continue
            accepted += taken
            if taken:
                self._known = max(self._known, self._book(stream).known_at())
        return accepted

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
        """Labels at one point.

        Parameters
        ----------
        keys
            Entity → its key.
        t
            Instant of the point, microseconds UTC or an aware datetime.
        request
            An event that was not observed: the labels are those of its own point had it been; nothing is kept.
        k
            What was known by then counts, and the request is known then, whatever its own `known_at` says; without
            it the own event's first known instant, else the latest observed.
        own
            (stream, id) of the observed event whose own point it is.
        labels
            Names of labels; all without it.

        Raises
        ------
        InputError
            For an unknown label, a missing key, or a faulty request.
        """
        moment = self._instant(t)
        check_instant(moment)
        if request is None:
            return self._vector(keys, moment, k, own, labels)
        book = self._book_of(request)
        kinds = dict(book.kinds)
        try:
            _, id, number, found, reason = self._read(request, k)
            k = found.known_at if k is None else k
            own = None if id is None else (book.definition.stream, id)
            if reason or id is None or self._repeated(book, id, number, found):
                return self._vector(keys, moment, k, own, labels)
            before = book.put(id, number, found)
            try:
                return self._vector(keys, moment, k, own, labels)
            finally:
                book.take_back(id, number, before)
        finally:
            book.kinds = kinds

    def snapshot(self) -> bytes:
        """All that was observed, as bytes for `Library.live(state)`."""
        books = {
            name: {
                "columns": book.columns,
                "kinds": {column: str(kind) for column, kind in book.kinds.items()},
                "events": [
                    [id, number, _plain(revision)]
                    for id, event in book.all_events()
                    for number, revision in event.revisions.items()
                ],
            }
            for name, book in self._books.items()
        }
        return msgspec.msgpack.encode({"known": self._known, "books": books})

    def restore(self, state: bytes) -> None:
        """Fill an empty executor from a snapshot.

        Raises
        ------
        StateError
            When the bytes are no snapshot, or of labels that read other columns.
        """
        try:
            found = msgspec.msgpack.decode(state, ext_hook=_date)
            known, books = found["known"], found["books"]
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise StateError(WORDS("labels.state", detail=str(error))) from None
        for name, book in self._books.items():
            kept = books.get(name)
            if kept is None or tuple(kept["columns"]) != book.columns:
                raise StateError(WORDS("labels.state", detail=f"{name}: other columns"))
            book.kinds = {column: FieldType.parse(kind) for column, kind in kept["kinds"].items()}
            for id, number, (known_at, retract, at, sequence, keys, values) in kept["events"]:
                revision = Revision(known_at, retract, at, sequence, tuple(keys), tuple(values))
                book.put(id, number, revision)
        self._known = known

    def _read(
        self, event: Mapping[str, Any], known_at: int | datetime | None
    ) -> tuple[Book, int | str | None, int, Revision, str]:
        book = self._book_of(event)
        known = None if known_at is None else self._instant(known_at)
        kinds = dict(book.kinds)
        try:
            return (book, *book.read(event, known))
        except InputError:
            # A refused event must not settle the type of a column that is not declared.
            book.kinds = kinds
            raise

    def _book_of(self, event: Mapping[str, Any]) -> Book:
        if "stream" not in event:
            raise InputError(WORDS("labels.event_stream", allowed=", ".join(self._books)))
        return self._book(event["stream"])

    def _book(self, stream: str) -> Book:
        if stream not in self._books:
            raise InputError(WORDS("labels.no_stream", given=stream, allowed=", ".join(self._books)))
        return self._books[stream]

    def _instant(self, value: int | datetime) -> int:
        return int(shelf.held_value(value, FieldType("instant"), "point", "t"))

    def _repeated(self, book: Book, id: int | str, number: int, found: Revision) -> bool:
        """Whether this revision was already known by then, so that it changes nothing."""
        event = book.event(id)
        if event is None or number not in event.revisions:
            return False
        kept = event.revisions[number]
        if kept.content() != found.content():
            stream = book.definition.stream
            raise InputError(WORDS("labels.conflict", stream=stream, id=id, revision=number))
        return kept.known_at <= found.known_at

    def _vector(
        self,
        keys: Mapping[str, int | str | None],
        t: int,
        k: int | None,
        own: tuple[str, int | str] | None,
        labels: Iterable[str] | None,
    ) -> Vector:
        nodes = self._resolved.nodes
        names = list(nodes) if labels is None else list(labels)
        event = None if own is None else self._book(own[0]).event(own[1])
        if k is None:
            known = [revision.known_at for revision in event.revisions.values()] if event else []
            k = min(known) if known else self._known
        point = Point(self._books, keys, t, k, own, event, self._zone)
        values: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for name in names:
            if name not in nodes:
                raise InputError(WORDS("labels.unknown", given=name, allowed=", ".join(nodes)))
            for entity in self._resolved.definitions[name].entities:
                if entity not in keys:
                    allowed = ", ".join(keys)
                    raise InputError(WORDS("labels.point_entity", name=name, entity=entity, allowed=allowed))
            values[name], reason = by_value(nodes[name], point.leaf)
            if reason:
                missing[name] = reason
        return Vector(values, missing)


def _plain(revision: Revision) -> list[Any]:
    days = [
        msgspec.msgpack.Ext(1, value.isoformat().encode()) if isinstance(value, date) else value
        for value in revision.values
    ]
    return [revision.known_at, revision.retract, revision.at, revision.sequence, revision.keys, days]


def _date(code: int, data: memoryview) -> date:
    return date.fromisoformat(bytes(data).decode())
