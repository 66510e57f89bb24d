"""The live executor: events one by one or in small batches, labels as of now, to the same bits as over history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from tallystick.core import FieldType, InputError, StateError
from tallystick.labels.definition.define import Events
from tallystick.labels.definition.resolve import Resolved
from tallystick.labels.live import columns, compaction, micro, requests, state, taking, warming
from tallystick.labels.live.book import Book
from tallystick.labels.live.outcomes import Batch, Observed, Vector
from tallystick.labels.live.point import Plan, own_point
from tallystick.labels.live.revisions import Revision, held_value
from tallystick.labels.meaning.facts import T_MAX, T_MIN
from tallystick.labels.meaning.windows import check_instant
from tallystick.labels.plan import Leaf, all_leaves
from tallystick.labels.words import WORDS

__all__ = ["Batch", "Live", "Observed", "Vector"]

_INSTANT = FieldType("instant")


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
        leaves: dict[str, list[Leaf]] = {name: [] for name in streams}
        for node in (*resolved.nodes.values(), *(node for joins in resolved.joins.values() for node in joins.values())):
            for leaf in all_leaves(node):
                leaves[leaf.stream].append(leaf)
        self._books = {
            name: Book(events, resolved.columns[name], resolved.joins.get(name, {}), leaves[name], zone)
            for name, events in streams.items()
        }
        self._plans: dict[tuple[str, ...] | None, Plan] = {}
        self._joins = {
            name: Plan(self._books, resolved.joins[name], zone) for name in streams if resolved.joins.get(name)
        }
        self._known = T_MIN
        self._settled: compaction.Settled | None = None

    @property
    def known_at(self) -> int:
        """The greatest `known_at` observed: the k of a free point."""
        return self._known

    @property
    def held(self) -> int:
        """How many events are kept one by one: what memory grows with, and `compact` brings down."""
        return sum(len(book.ids) for book in self._books.values())

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
            Not accepted, with a reason, when it is late, lacks its id, instant, key or sequence, or happened before
            all that a compaction kept. The same revision again is accepted; of its deliveries the first known one
            counts, in whatever order they come.

        Raises
        ------
        InputError
            For an unknown stream, a value of another type, a known revision with other content, or a revision of what
            a compaction folded.
        """
        quick = self._books.get(event["stream"]) if "stream" in event else None
        if quick is not None and (taken := quick.take(event, known_at)) is not None:
            if taken[1] > self._known:
                self._known = taken[1]
            return Observed(quick.definition.stream, taken[0], 0, True)
        book, id, number, found, reason = self._read(event, known_at)
        stream = book.definition.stream
        if reason:
            return Observed(stream, id, number, False, reason)
        assert id is not None
        event_known = book.event(id)
        try:
            if not taking.repeated(book, event_known, number, found):
                book.put(event_known, id, number, found)
        except InputError:
            book.kinds = book.kinds_before
            raise
        if found.known_at > self._known:
            self._known = found.known_at
        return Observed(stream, id, number, True)

    def observe_many(
        self,
        events: Iterable[Mapping[str, Any]] | pl.DataFrame,
        labels: Iterable[str] | None = None,
        stream: str | None = None,
    ) -> Batch:
        """Take events in, in order, with the same outcome as one at a time.

        Parameters
        ----------
        events
            Mappings as `observe` takes them, or a frame of one or more streams' columns with a column `stream`.
        labels
            Names of labels to give at each accepted event's own point right after it was observed; none without it.
        stream
            The stream of a frame that has no such column.

        Returns
        -------
        Batch
            What became of each event, and the labels' values.

        Raises
        ------
        InputError
            As `observe` and `now`; the events before the faulty one are observed.

        Examples
        --------
        >>> from tallystick.labels import Entity, Events, Library, money
        >>> card = Entity("card")
        >>> payments = Events("payments", id="id", at="at", keys={card: "card"}, fields={"amount": money("EUR")})
        >>> live = Library({"spend_7d": payments.per(card).sum("amount").over("7d")}, {"payments": payments}).live()
        >>> frame = pl.DataFrame({"id": [1, 2], "at": [1_000, 2_000], "card": ["c1", "c1"], "amount": [1250, 50]})
        >>> live.observe_many(frame, labels=["spend_7d"], stream="payments").values["spend_7d"].to_list()
        [0, 1250]
        """
        names = None if labels is None else tuple(labels)
        plan = None if names is None else self._plan(names)
        if isinstance(events, pl.DataFrame):
            events, stream = micro.one_stream(events, stream)
            if isinstance(events, pl.DataFrame) and stream in self._books and stream not in self._joins:
                book = self._books[stream]
                done = micro.take_in(book, events, plan, self._zone)
                if done is not None:
                    self._known = max(self._known, done.known)
                    return done.batch
            events = micro.rows_of(events, stream)
        if plan is not None:
            events = list(events)
            taking.check_entities(self._books, (event.get("stream") for event in events), plan)
        observed, vectors = [], []
        for event in events:
            one = self.observe(event)
            observed.append(one)
            if names is not None and one.accepted:
                vectors.append(self._own(one, names))
        if plan is None:
            return Batch(observed, None)
        return Batch(observed, columns.to_frame(plan.nodes, self._resolved.definitions, vectors))

    def knows(self, stream: str, id: int | str, revision: int = 0) -> bool:
        """Whether this revision of an event was observed (and not dropped by a compaction)."""
        event = self._book(stream).event(id)
        return event is not None and revision in event.revisions

    def warm(self, facts: Mapping[str, pl.DataFrame]) -> int:
        """Observe history: stream → frame as for `Library.at`; gives how many facts were accepted."""
        accepted = 0
        for stream in sorted(facts, key=self._depth):
            book, frame = self._book(stream), facts[stream]
            # Joined columns are read at each fact's own point.
            taken = None if stream in self._joins else warming.fill(book, frame)
            if taken is None:
                ordered = warming.in_known_order(book, frame)
                accepted += sum(self.observe(row).accepted for row in micro.rows_of(ordered, stream))
                continue
            accepted += taken[0]
            self._known = max(self._known, taken[1])
        return accepted

    def now(
        self,
        keys: Mapping[str, int | str | None],
        t: int | datetime,
        request: Mapping[str, Any] | None = None,
        *,
        k: int | datetime | None = None,
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
            Instant as `t`: what was known by then counts, and the request is known then, whatever its own `known_at`
            says; without it the own event's first known instant, else the latest observed.
        own
            (stream, id) of the observed event whose own point it is.
        labels
            Names of labels; all without it.

        Raises
        ------
        InputError
            For an unknown label, a missing key, a faulty request, or a point before a compaction.
        """
        if type(t) is not int or not T_MIN <= t < T_MAX:
            t = self._instant(t)
            check_instant(t)
        if k is not None:
            k = self._instant(k)
            taking.check_known(k)
        plan = self._plan(None if labels is None else tuple(labels))
        if request is None:
            return self._vector(plan, keys, t, k, own)
        book = self._book_of(request)
        requests.begin(book)
        try:
            _, id, number, found, reason = self._read(request, k)
            # Asked as of a k before it happened, a request is simply not known yet.
            early = k is not None and reason == "known_before_it_happened"
            if id is None or (reason and not early):
                raise InputError(WORDS("labels.request", stream=book.definition.stream, id=id, reason=reason))
            k, own = found.known_at if k is None else k, (book.definition.stream, id)
            event = book.event(id)
            if early or taking.repeated(book, event, number, found):
                return self._vector(plan, keys, t, k, own)
            before = book.put(event, id, number, found)
            try:
                return self._vector(plan, keys, t, k, own)
            finally:
                book.take_back(id, number, before)
        finally:
            requests.forget(book)

    def compact(self, before: int | datetime) -> int:
        """Drop and fold what no label reads by itself at any point from `before` on; gives how many row versions went.

        For each stream and entity, what happened longer before `before` than the longest window (with delay; 41
        half-lives of what decays) and the streams' lateness goes. Of windows without a beginning it stays as an exact
        base, from which lifetimes are answered to the same bits; the latest events and the open sessions stay as they
        are. An entity with a window before or after a life event keeps all facts of the stream. A key whose labels
        reach no fact leaves only its name, so that it is "expired" ever after.

        What happened that long ago can no longer be said: a first revision as old is refused as "compacted", and where
        facts were folded, so is any later revision or retraction of an event as old, as an error. A revision that comes
        before the first one of its event counts; one in a hundred may be taken for one of a folded event, and refused.
        Labels before `before` can no longer be asked.

        Raises
        ------
        InputError
            When `before` is earlier than at the last compaction, or is no instant.

        Examples
        --------
        >>> from tallystick.labels import Entity, Events, Library
        >>> card = Entity("card")
        >>> payments = Events("payments", id="id", at="at", keys={card: "card"}, lateness="1h")
        >>> live = Library({"count_1d": payments.per(card).count().over("1d")}, {"payments": payments}).live()
        >>> _ = live.observe({"stream": "payments", "id": "p1", "at": 0, "card": "c1"})
        >>> live.compact(90_000_000_001)
        1
        """
        instant = self._instant(before)
        check_instant(instant)
        if self._settled is not None:
            self._settled.check_point("before", instant)
        return compaction.compact(self._books, self._settle(instant))

    def snapshot(self) -> bytes:
        """All that was observed, as bytes for `Library.live(state)`."""
        return state.encode(self._books, self._known, None if self._settled is None else self._settled.before)

    def restore(self, state_bytes: bytes) -> None:
        """Fill an empty executor from a snapshot.

        Raises
        ------
        StateError
            When the bytes are no snapshot or of another definition, or this executor observed something.
        """
        if self._settled is not None or any(len(book.ids) for book in self._books.values()):
            raise StateError(WORDS("labels.state_full"))
        self._known, before = state.decode(self._books, state_bytes)
        if before is not None:
            self._settle(before)

    def _settle(self, before: int) -> compaction.Settled:
        self._settled = compaction.settled(self._books, before)
        for stream, book in self._books.items():
            book.line = max(T_MIN - 1, self._settled.limits[stream].line)
        return self._settled

    def _read(
        self, event: Mapping[str, Any], known_at: int | datetime | None
    ) -> tuple[Book, int | str | None, int, Revision, str]:
        book = self._book_of(event)
        known = None if known_at is None else self._instant(known_at)
        # A refused event must not settle the type of a column that is not declared.
        book.kinds_before = dict(book.kinds) if book.open else book.kinds
        try:
            id, number, found, reason = book.read(event, known)
        except InputError:
            book.kinds = book.kinds_before
            raise
        if self._settled is not None and not reason:
            reason = self._settled.refusal(book, id, number, found)
        if not reason and not found.retract and book.joins:
            found = msgspec.structs.replace(found, joined=self._joined(book, found))
        return book, id, number, found, reason

    def _joined(self, book: Book, found: Revision) -> tuple[Any, ...]:
        """What the joined labels of other streams were just before a fact was known."""
        assert found.at is not None
        plan = self._joins[book.definition.stream]
        keys = dict(zip(book.entities, found.keys, strict=True))
        vector = plan.vector(keys, found.at, found.known_at - 1)
        return tuple(vector[name] for name in book.joins)

    def _depth(self, stream: str) -> int:
        """How many streams deep the joins of a stream reach."""
        nodes = self._resolved.joins.get(stream, {}).values()
        others = {leaf.stream for node in nodes for leaf in all_leaves(node)}
        return max((1 + self._depth(other) for other in others), default=0)

    def _book_of(self, event: Mapping[str, Any]) -> Book:
        found = self._books.get(event.get("stream", ""))
        if found is not None:
            return found
        if "stream" not in event:
            raise InputError(WORDS("labels.event_stream", allowed=", ".join(self._books)))
        return self._book(event["stream"])

    def _book(self, stream: str) -> Book:
        if stream not in self._books:
            raise InputError(WORDS("labels.no_stream", given=stream, allowed=", ".join(self._books)))
        return self._books[stream]

    def _instant(self, value: int | datetime) -> int:
        return value if type(value) is int else int(held_value(value, _INSTANT, "point", "t"))

    def _plan(self, names: tuple[str, ...] | None) -> Plan:
        found = self._plans.get(names)
        if found is None:
            nodes = taking.chosen(self._resolved.nodes, names)
            found = self._plans[names] = Plan(self._books, nodes, self._zone)
        return found

    def _own(self, one: Observed, names: tuple[str, ...]) -> Vector:
        """Labels at the own point of an event that was just observed."""
        assert one.id is not None
        keys, t = own_point(self._books[one.stream], one.id, one.revision)
        return self._vector(self._plan(names), keys, t, None, (one.stream, one.id))

    def _vector(
        self,
        plan: Plan,
        keys: Mapping[str, int | str | None],
        t: int,
        k: int | None,
        own: tuple[str, int | str] | None,
    ) -> Vector:
        number = -2
        if own is not None:
            book = self._books.get(own[0]) or self._book(own[0])
            number = book.ids.get(own[1], -2)
            if number < 0:
                taking.check_own(book, own[1])
        if k is None:
            k = self._known if number < 0 else book.first_known(number)
        if self._settled is not None:
            self._settled.check_point("t", t)
            self._settled.check_point("k", k)
        return plan.vector(keys, t, k, own, number)
