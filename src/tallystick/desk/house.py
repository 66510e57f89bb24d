"""The open desk: one writer, with its journal, live labels, ledger and champions."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import msgspec

from tallystick import data, labels
from tallystick.core import ConflictError, Fact, InputError, Instant, StateError, canonical_record, format_instant
from tallystick.desk.access import publish_accesses
from tallystick.desk.champion import Champion, archive, crown
from tallystick.desk.changes import publish_changes
from tallystick.desk.erased import is_erasure
from tallystick.desk.history import event_of, opening_of
from tallystick.desk.index import any_erased, find_decision, index_entries, update_index
from tallystick.desk.journal import DecisionRecord, Entry
from tallystick.desk.livestate import Settling, Warmed, keep_live, open_live
from tallystick.desk.models_history import publish_history
from tallystick.desk.openlog import open_journal
from tallystick.desk.project import Project
from tallystick.desk.publisher import Publisher
from tallystick.desk.sequencer import CLOCKS, Sequencer, system_clock
from tallystick.desk.words import WORDS
from tallystick.store.sql import connect

REQUEST_ID_CHARACTERS_MAX = 200
CLOSING_S = 10.0
"""How long a closing desk waits for another one that publishes."""


class Incoming(msgspec.Struct, frozen=True):
    """An event in held form on its way in; `clock` overrides the clock's reading where the past is fed as if now.

    Only a first revision that is no retraction asks for a decision; the others are observed.
    """

    stream: str
    event: Mapping[str, Any]
    request_id: str = ""
    revision: int = 0
    retract: bool = False
    clock: Instant | None = None


class Request(msgspec.Struct, frozen=True):
    """An admitted event: its place in order, its keys, and whose key seals it; `repeated` when answered before."""

    id: str
    digest: str
    fact: Fact
    keys: Mapping[str, Any]
    subject: str
    repeated: bool = False

    @property
    def event(self) -> dict[str, Any]:
        """The event as live labels take it."""
        return event_of(self.fact)


def subject_of(source: data.Source, event: Mapping[str, Any]) -> str:
    """Whose key seals an event: the value of the source's subject column, else the stream itself."""
    return f"{source.subject}={event[source.subject]}" if source.subject else f"stream={source.name}"


def body_digest(stream: str, event: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a request's canonical body: the same event in other spelling is the same body."""
    return hashlib.sha256(canonical_record({"stream": stream, "event": event})).hexdigest()


class Desk:
    """A writer of a project: admits events, holds live labels, appends to the journal, publishes evidence.

    Use as a context manager. Opening takes the journal's lock, recovers a torn end, compares ledger and journal, and
    opens live labels: from the kept state when it is of this journal, else from the lake at the recorded versions, and
    then from the journal.

    Where the journal lies on a server, a team has several desks. Each takes the turn at the first event after a commit,
    learns what the others have recorded since, and has the turn until it commits: so all see one order.

    Parameters
    ----------
    project
        Its definitions.
    clock
        Seconds that only go forward: when the next checkpoint is due.
    """

    def __init__(self, project: Project, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.project = project
        # Before the journal: its opening binds the lake for good, so a project without champions must not write it.
        registry = project.registry()
        self._champions = {
            flow.stream: crown(project, flow, registry.serving(flow.model, system_clock(0)))
            for flow in project.flows.values()
        }
        for champion in self._champions.values():
            archive(project, champion)
        with ExitStack() as held:
            self.journal = held.enter_context(open_journal(project, write=True))
            self.publisher = held.enter_context(Publisher(project, self.journal, clock))
            self._open()
            self._held = held.pop_all()

    def _open(self) -> None:
        self.index = connect(self.project.state / "state.db")
        self.publisher.open()
        # One writer of a team opens the journal; another one finds it opened.
        self.journal.take()
        self.opening = opening_of(self.project, self.journal)
        self.journal.take()
        update_index(self.journal, self.index)
        publish_history(self.project, self.journal, self.index)
        publish_changes(self.project, self.journal, self.index)
        publish_accesses(self.project, self.journal, self.index)
        self.journal.flush()
        update_index(self.journal, self.index)
        self.publisher.add(tuple(self.journal.read(start=self.publisher.position)))
        self._open_labels()
        self.sequencer = Sequencer(CLOCKS[self.project.settings.project.clock], self.started.last)
        self._position = self.journal.position
        self._waiting: dict[str, str] = {}

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Publish the leaves of what was committed and let the journal go."""
        try:
            self.publish(CLOSING_S)
        finally:
            self._held.close()
            self.index.dispose()

    def champion(self, stream: str) -> Champion:
        """The champion that answers events of `stream`; raises `InputError` when no flow does."""
        if stream not in self._champions:
            raise InputError(WORDS("flow.unknown", given=stream, allowed=", ".join(self._champions) or "-"))
        return self._champions[stream]

    def receive(self, body: Mapping[str, Any]) -> Incoming:
        """Parse an event from outside: `stream`, the source columns with amounts in major units, maybe `request_id`."""
        stream = body.get("stream")
        if not isinstance(stream, str) or stream not in self.project.library.streams:
            allowed = ", ".join(self.project.library.streams)
            raise InputError(WORDS("event.stream", given=stream, allowed=allowed))
        name = body.get("request_id")
        if name is not None and not (
            isinstance(name, str) and name.isprintable() and 0 < len(name) <= REQUEST_ID_CHARACTERS_MAX
        ):
            raise InputError(WORDS("request.id", given=repr(name)[:80], allowed=REQUEST_ID_CHARACTERS_MAX))
        for reserved in self.project.library.streams:
            if name is not None and name.startswith(f"{reserved}-"):
                raise InputError(WORDS("request.reserved", given=name, allowed=f"{reserved}-"))
        source = self.project.sources[stream]
        rest = {key: value for key, value in body.items() if key != "request_id"}
        event = data.parse_event(source, rest, self.project.zone)
        if (source.revision and event[source.revision]) or (source.retract and event[source.retract]):
            raise InputError(WORDS("event.revised", given=event[source.id], stream=stream))
        if event[source.at] > system_clock(0):
            given = format_instant(event[source.at], self.project.zone)
            raise InputError(WORDS("event.future", given=given, stream=stream))
        return Incoming(stream, event, name or "")

    def admit(self, incoming: Incoming) -> Request:
        """Give an event that asks for a decision its place in order and look its request up; writes nothing.

        Raises
        ------
        ConflictError
            When the request was answered before with another body.
        InputError
            When the event is already recorded as a fact.
        """
        self._take_turn()
        request = self._place(incoming)
        earlier = self._waiting.get(request.id) or self._answered(request.id)
        if earlier is not None:
            if earlier != request.digest:
                raise ConflictError(WORDS("request.conflict", given=request.id))
            return msgspec.structs.replace(request, repeated=True)
        if self.live.knows(incoming.stream, request.fact.id):
            raise InputError(WORDS("event.known", given=request.fact.id, stream=incoming.stream))
        return request

    def forgotten(self, incoming: Incoming) -> bool:
        """Whether an event of history was decided for somebody forgotten since: its fact is known, its request not."""
        self._take_turn()
        identity = incoming.event[self._spec(incoming).id]
        name = incoming.request_id or f"{incoming.stream}-{identity}"
        if name in self._waiting or not self.live.knows(incoming.stream, identity):
            return False
        return self._answered(name) is None and any_erased(self.index)

    def observe(self, incoming: Incoming) -> bool:
        """Record a fact that asks for no decision; returns False for a revision that is known already.

        Raises
        ------
        InputError
            When labels refuse it, or know the same revision with other content.
        """
        self._take_turn()
        request = self._place(incoming)
        if self.live.knows(incoming.stream, request.fact.id, incoming.revision):
            self.live.observe(request.event, known_at=request.fact.known_at)
            return False
        stream = incoming.stream
        self.journal.append_fact(request.fact, request.subject, self.personal(stream), self.keys(stream))
        self._take(request)
        return True

    def _take_turn(self) -> None:
        """Take the turn once all is learned that other writers recorded; what takes long is learned before it."""
        while True:
            self._learn(self.journal.catch_up() or self.journal.take())
            if self.journal.turn:
                return

    def _learn(self, entries: Sequence[Entry]) -> None:
        """Take in what other writers recorded; gives the turn back where that takes longer than a turn may."""
        others = [entry for entry in entries if entry.position >= self._position]
        if any(map(is_erasure, others)):
            if self.journal.turn:
                # Nothing is buffered yet.
                self.journal.flush()
            # What was forgotten leaves the memory of every desk.
            self._open_labels()
        else:
            self._observe(others)
        for entry in others:
            if entry.fact is not None:
                self.sequencer.take(entry.fact.known_at)
        self._enter(others)

    def _observe(self, others: Sequence[Entry]) -> None:
        for fact in (entry.fact for entry in others if entry.fact is not None):
            if self.live.observe(event_of(fact), known_at=fact.known_at).reason == "compacted":
                raise StateError(WORDS("live.compacted", stream=fact.stream, given=fact.id))

    def _open_labels(self) -> None:
        self.started = open_live(self.project, self.opening, self.journal)
        self.live: labels.Live = self.started.live
        self._settling = Settling(self.project, self.live)

    def _enter(self, entries: Sequence[Entry]) -> None:
        """Enter what is durable in the index, and keep its leaves for the ledger."""
        if entries:
            index_entries(self.index, entries)
            self.publisher.add(entries)
            self._position = entries[-1].position + 1

    def _spec(self, incoming: Incoming) -> labels.Events:
        return self.project.library.streams[incoming.stream]

    def _place(self, incoming: Incoming) -> Request:
        spec, event = self._spec(incoming), incoming.event
        identity, at = event[spec.id], event[spec.at]
        known_at = self.sequencer.next(at if incoming.clock is None else incoming.clock)
        return Request(
            id=incoming.request_id or f"{incoming.stream}-{identity}",
            digest=body_digest(incoming.stream, event),
            fact=Fact(incoming.stream, identity, incoming.revision, incoming.retract, at, known_at, event),
            keys={entity.name: event[column] for entity, column in spec.keys.items()},
            subject=subject_of(self.project.sources[incoming.stream], event),
        )

    def append(self, request: Request, record: DecisionRecord) -> None:
        """Buffer a decision and let live labels see its event."""
        stream = request.fact.stream
        self.journal.append_decision(record, request.subject, self.personal(stream), self.keys(stream))
        self._take(request)
        self._waiting[request.id] = request.digest

    def _take(self, request: Request) -> None:
        """Observe what was just buffered; what labels refuse is not journalled either."""
        fact = request.fact
        try:
            observed = self.live.observe(request.event, known_at=fact.known_at)
        except InputError:
            self.journal.drop_last()
            raise
        if not observed.accepted:
            self.journal.drop_last()
            raise InputError(WORDS("event.refused", given=fact.id, stream=fact.stream, reason=observed.reason))
        self.sequencer.take(fact.known_at)

    def personal(self, stream: str) -> frozenset[str]:
        """The fields of a stream that are sealed under their subject's key."""
        return frozenset(name for name, field in self.project.schema(stream).items() if field.personal)

    def keys(self, stream: str) -> frozenset[str]:
        """The columns of a stream that name its events and the entities of labels."""
        spec = self.project.library.streams[stream]
        return frozenset((spec.id, *spec.keys.values()))

    def commit(self) -> tuple[Entry, ...]:
        """Make what is buffered durable with one fsync, enter it in the index, and end the turn.

        When it is time, labels are folded, and the ledger is published.
        """
        entries = self.journal.flush()
        self._enter(entries)
        self._waiting.clear()
        self._settling.fold()
        if self.publisher.due():
            self.publish()
        return entries

    def publish(self, wait_s: float = 0.0) -> int:
        """Bring the ledger up to the journal and sign a checkpoint; returns the leaves added.

        Another writer of the team that is publishing is waited for, `wait_s` seconds at most; then it is left to it.
        """
        return self.publisher.publish(wait_s)

    def keep_labels(self) -> Warmed:
        """Keep the state of live labels for the next start; for a desk that has just been opened.

        Where another writer of the team forgot somebody meanwhile it is made anew, without who was forgotten.
        """
        self._catch_up()
        while True:
            started = msgspec.structs.replace(self.started, last=self.sequencer.last)
            kept = keep_live(self.project, self.opening, self.journal, started)
            # Whose leaf is not there yet takes the key of what was kept with it.
            if not self._catch_up():
                return kept

    def _catch_up(self) -> bool:
        """Learn what other writers recorded; says whether somebody was forgotten, so that labels were opened anew."""
        before = self.started
        while entries := self.journal.catch_up():
            self._learn(entries)
        return self.started is not before

    def recorded(self, request_id: str) -> Entry:
        """The journal's entry of an answered request; raises `StateError` when its subject was forgotten since."""
        found = find_decision(self.index, request_id)
        if found is None:
            raise StateError(WORDS("decision.erased", given=request_id))
        return next(self.journal.read(start=found.position, stop=found.position + 1))

    def _answered(self, request_id: str) -> str | None:
        found = find_decision(self.index, request_id)
        return None if found is None else found.body_digest
