"""Events of a feed, taken by the desk one batch at a time: decided or observed, durable, then acknowledged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tallystick import data
from tallystick.core import InputError, Place, format_instant
from tallystick.desk.decide import decide_all
from tallystick.desk.house import Desk, Incoming
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.desk.words import WORDS

BATCH = 1000
WAIT_MS = 1000


class Consumed(msgspec.Struct):
    """What became of the deliveries of a feed; the last four add up to `received`, with the sum of `outcomes`."""

    received: int = 0
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    observed: int = 0
    repeated: int = 0
    quarantined: int = 0


def quarantine_path(project: Project) -> Path:
    """Where the deliveries lie that could not be taken."""
    return project.state / "feed" / "quarantine.ndjson"


def cursor_path(project: Project, name: str) -> Path:
    """Where it is kept how far a file was taken, by the durable name of its reader."""
    return project.state / "feed" / f"{name}.json"


def consume(
    desk: Desk,
    feed: data.Feed,
    limit: int | None = None,
    idle_s: float | None = None,
    progress: Progress = silent,
    stop: Callable[[], bool] = lambda: False,
) -> Consumed:
    """Take events from a feed until `limit` of them came, nothing came for `idle_s` seconds, or `stop` says so.

    A first revision of a stream with a flow is decided, as by `decide`; every other event is observed. An event names
    its stream in `stream`; without it the last part of its subject does. What cannot be taken goes to the quarantine
    with its reason. Only then, when journal and quarantine are durable, is the batch acknowledged; an event that
    comes again changes nothing and is not answered twice.

    Parameters
    ----------
    desk
        The open desk of a project: the one writer.
    feed
        Where events come from; it stays open.
    limit
        How many deliveries to take at most; None for no limit.
    idle_s
        After how many seconds without a delivery to end; None waits for ever.
    progress
        Called as progress("consume", received, limit or 0) after every batch.
    stop
        Asked between batches.

    Returns
    -------
    Consumed
        The counts.

    Raises
    ------
    StateError
        When the journal cannot be written or the feed is lost; what was not acknowledged comes again.
    """
    taken = Consumed()
    waited_ms = 0
    with data.FeedQuarantine(quarantine_path(desk.project)) as aside:
        while not stop() and (limit is None or taken.received < limit):
            room = BATCH if limit is None else min(BATCH, limit - taken.received)
            deliveries = feed.receive(room, WAIT_MS)
            if not deliveries:
                waited_ms += WAIT_MS
                if idle_s is not None and waited_ms >= 1000 * idle_s:
                    break
                continue
            waited_ms = 0
            _take(desk, deliveries, aside, taken)
            desk.commit()
            aside.sync()
            feed.done(deliveries)
            taken.received += len(deliveries)
            progress("consume", taken.received, limit or 0)
    return taken


def _take(desk: Desk, deliveries: Sequence[data.Delivery], aside: data.FeedQuarantine, taken: Consumed) -> None:
    """Decide and observe a batch in its order; a faulty delivery is put aside and the others go on."""
    left = iter(deliveries)
    asking = deliveries[0]

    def refuse(delivery: data.Delivery, error: InputError) -> None:
        aside.add(delivery, error)
        taken.quarantined += 1

    def requests() -> Iterator[Incoming]:
        # What lies between two requests is observed when the second is asked for, after the first was decided.
        nonlocal asking
        for delivery in left:
            try:
                incoming = incoming_of(desk, delivery)
                if not _asks(desk, incoming):
                    new = desk.observe(incoming)
                    taken.observed += new
                    taken.repeated += not new
                    continue
            except InputError as error:
                refuse(delivery, error)
                continue
            asking = delivery
            yield incoming

    while True:
        try:
            for answer in decide_all(desk, requests(), group=len(deliveries)):
                taken.repeated += answer.repeated
                taken.outcomes[answer.outcome] += not answer.repeated
            return
        except InputError as error:
            refuse(asking, error)


def _asks(desk: Desk, incoming: Incoming) -> bool:
    answered = {flow.stream for flow in desk.project.flows.values()}
    return incoming.stream in answered and not incoming.revision and not incoming.retract


def incoming_of(desk: Desk, delivery: data.Delivery) -> Incoming:
    """A delivery as an event on its way in: as `Desk.receive` reads it, corrections and retractions too.

    Raises
    ------
    InputError
        When it is not one JSON object, or the event breaks its schema, lies in the future or has a required key (its
        id, or an entity's) that is empty text.
    """
    if delivery.body is None:
        assert delivery.error is not None
        raise InputError(delivery.error)
    body = {"stream": delivery.stream.rpartition(".")[2], **delivery.body}
    stream = body["stream"]
    source = desk.project.sources.get(stream) if isinstance(stream, str) else None
    if source is None or not _revised(source, body):
        incoming = desk.receive(body)
        _require_keys(desk, stream, incoming.event)
        return incoming
    event = data.parse_event(source, body, desk.project.zone)
    _require_keys(desk, stream, event)
    if event[source.at] > system_clock(0):
        given = format_instant(event[source.at], desk.project.zone)
        raise InputError(WORDS("event.future", given=given, stream=stream))
    revision = event[source.revision] or 0 if source.revision else 0
    return Incoming(stream, event, revision=revision, retract=bool(source.retract and event[source.retract]))


def _require_keys(desk: Desk, stream: str, event: Mapping[str, Any]) -> None:
    source, events = desk.project.sources[stream], desk.project.library.streams.get(stream)
    for name in (source.id, *(events.keys.values() if events is not None else ())):
        if event.get(name) == "" and (name == source.id or source.fields[name].required):
            raise InputError(WORDS("event.key_empty", name=name, stream=stream), Place(cell=name))


def _revised(source: data.Source, body: dict[str, Any]) -> bool:
    return any(column and body.get(column) for column in (source.revision, source.retract))
