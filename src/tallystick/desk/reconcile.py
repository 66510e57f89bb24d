"""Daily reconciliation: requests that the sources counted = decisions in the journal = leaves in the ledger.

A proof shows that what is there is unaltered; this shows that nothing is missing. What was counted is a leaf of its
own, so a decision that is taken out later, by whoever holds all the keys, no longer fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec

from tallystick.core import InputError, Instant, Message, to_datetime, to_instant, zone_of
from tallystick.desk.evidence import sign_log, writing
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.frames import DECISION, Entry, Evidence
from tallystick.desk.index import update_index
from tallystick.desk.journal import Journal, extend_ledger
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.ledger import Log
from tallystick.store.sql import connect

RECONCILIATION = "reconciliation"
"""The kind of the leaf."""

_BUCKET = 15 * 60 * 1_000_000
"""A day begins on a quarter of an hour in every zone, so counts by quarter answer for each of them."""


class Count(msgspec.Struct, frozen=True):
    """One stream on one day: requests that its source counted (None: it did not say), decisions, and their leaves."""

    stream: str
    received: int | None
    decisions: int
    leaves: int

    @property
    def holds(self) -> bool:
        """Whether all that was counted is the same."""
        return self.decisions == self.leaves and self.received in (None, self.decisions)


class Reconciliation(msgspec.Struct, frozen=True):
    """One day's counts, as they were at a position of the journal.

    `day` is YYYY-MM-DD in `zone`: a decision is of the day on which its event was known, `start` ≤ known_at < `end`.
    """

    day: str
    zone: str
    start: Instant
    end: Instant
    counts: tuple[Count, ...]
    position: int

    @property
    def holds(self) -> bool:
        """Whether requests, decisions and leaves of every stream are as many."""
        return all(count.holds for count in self.counts)


class Tally:
    """Counts the decisions of a journal, told entry by entry, and recounts each reconciliation that it meets.

    Parameters
    ----------
    log
        Where every leaf is looked for.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._rank = 0
        self._decisions: Counter[tuple[str, int]] = Counter()
        self._leaves: Counter[tuple[str, int]] = Counter()
        self.met: list[tuple[Reconciliation, Reconciliation]] = []
        """What was recorded, and what the journal and the ledger hold up to the same position."""

    def __call__(self, entry: Entry) -> None:
        """Take the next entry."""
        if isinstance(entry.record, Evidence) and entry.record.kind == RECONCILIATION:
            recorded = msgspec.convert({**entry.record.payload}, Reconciliation)
            received = {count.stream: count.received for count in recorded.counts}
            self.met.append((recorded, self.reconcile(recorded.day, recorded.zone, received, entry.position)))
        if entry.kind == DECISION and entry.fact is not None and entry.leaf is not None:
            key = (entry.fact.stream, entry.fact.known_at // _BUCKET)
            self._decisions[key] += 1
            if self._rank < self._log.size:
                self._leaves[key] += self._log.compare([entry.leaf], self._rank)
        self._rank += entry.leaf is not None

    def reconcile(self, day: str, zone: str, received: Mapping[str, int | None], position: int) -> Reconciliation:
        """The counts of a day and of the streams in `received`, up to the last entry that was taken."""
        start, end = bounds_of(day, zone)
        buckets = range(start // _BUCKET, end // _BUCKET)
        counts = [
            Count(
                stream,
                number,
                sum(self._decisions[stream, bucket] for bucket in buckets),
                sum(self._leaves[stream, bucket] for bucket in buckets),
            )
            for stream, number in sorted(received.items())
        ]
        return Reconciliation(day, zone, start, end, tuple(counts), position)

    @property
    def leaves(self) -> int:
        """The leaves that were met."""
        return self._rank

    def days(self, zone: str) -> set[str]:
        """The days on which decisions were taken."""
        return {_day_of(bucket, zone) for _, bucket in self._decisions}

    def open_days(self, zone: str) -> set[str]:
        """The days with decisions that nobody has counted: of no reconciliation, or later than the day's last one."""
        last = {
            (recorded.day, count.stream): count.decisions
            for recorded, _ in self.met
            if recorded.zone == zone
            for count in recorded.counts
        }
        done, now = {day for day, _ in last}, Counter[tuple[str, str]]()
        for (stream, bucket), decisions in self._decisions.items():
            now[_day_of(bucket, zone), stream] += decisions
        return {key[0] for key, decisions in now.items() if key[0] not in done or decisions > last.get(key, decisions)}

    def faults(self) -> list[Message]:
        """What was counted otherwise than it is now, and what did not agree when a day was last reconciled."""
        found = []
        for recorded, now in self.met:
            for then, count in zip(recorded.counts, now.counts, strict=True):
                if then.decisions != count.decisions or then.leaves != count.leaves:
                    about = {"day": recorded.day, "stream": then.stream, "position": recorded.position}
                    found.append(WORDS("reconcile.changed", expected=then.decisions, given=count.decisions, **about))
        last: dict[tuple[str, str], Reconciliation] = {}
        for recorded, _ in self.met:
            key = recorded.day, recorded.zone
            last[key] = _later(last[key], recorded) if key in last else recorded
        return found + [message for recorded in last.values() for message in differing(recorded)]


def _day_of(bucket: int, zone: str) -> str:
    return to_datetime(bucket * _BUCKET, zone).date().isoformat()


def _later(before: Reconciliation, after: Reconciliation) -> Reconciliation:
    """The later counts of a day; a stream that is not counted any more keeps what its source said before."""
    said = {count.stream: count.received for count in before.counts}
    counts = tuple(
        msgspec.structs.replace(count, received=said.get(count.stream)) if count.received is None else count
        for count in after.counts
    )
    return msgspec.structs.replace(after, counts=counts)


def differing(found: Reconciliation) -> list[Message]:
    """The streams of a reconciliation whose counts do not agree, in words."""
    return [
        WORDS(
            "reconcile.differs",
            day=found.day,
            stream=count.stream,
            received="-" if count.received is None else count.received,
            decisions=count.decisions,
            leaves=count.leaves,
        )
        for count in found.counts
        if not count.holds
    ]


def bounds_of(day: str, zone: str) -> tuple[Instant, Instant]:
    """When a day begins and ends in a zone; raises `InputError` for what is no day.

    Examples
    --------
    >>> start, end = bounds_of("2025-03-30", "Europe/Berlin")
    >>> (end - start) // 3_600_000_000
    23
    """
    try:
        first = date.fromisoformat(day)
        if first.isoformat() != day:
            raise ValueError
        following = first + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InputError(WORDS("reconcile.day", given=day)) from None
    midnights = (datetime(at.year, at.month, at.day, tzinfo=zone_of(zone)) for at in (first, following))
    start, end = (to_instant(midnight) for midnight in midnights)
    return start, end


def reconcile(project: Project, day: str, received: Mapping[str, int]) -> Reconciliation:
    """Count a day's decisions and leaves, record them beside what the sources counted, and publish that leaf.

    Parameters
    ----------
    project
        Its journal must have no other writer.
    day
        YYYY-MM-DD in the project's zone.
    received
        Stream → requests that its source sent and got an answer to, each once. A stream that is answered by a flow
        and not named is recorded as not counted.

    Returns
    -------
    Reconciliation
        As it was recorded, whether it holds or not.

    Raises
    ------
    InputError
        When the day is none or has not begun, or a stream is answered by no flow.
    StateError
        When another process writes.
    """
    counted = _streams(project, received)
    begun, now = bounds_of(day, project.zone)[0], system_clock(0)
    if begun > now:
        today = to_datetime(now, project.zone).date().isoformat()
        raise InputError(WORDS("reconcile.future", given=day, zone=project.zone, allowed=today))
    index = connect(project.state / "state.db")
    try:
        with writing(project) as (journal, log):
            found = record_reconciliation(project, journal, log, day, counted)
            update_index(journal, index)
            return found
    finally:
        index.dispose()


def record_reconciliation(
    project: Project, journal: Journal, log: Log, day: str, received: Mapping[str, int | None]
) -> Reconciliation:
    """As `reconcile`, for whoever holds journal and ledger open for writing, the ledger brought up to the journal."""
    tally = Tally(log)
    for entry in journal.read():
        tally(entry)
    found = tally.reconcile(day, project.zone, received, journal.position)
    journal.append_evidence(RECONCILIATION, msgspec.to_builtins(found))
    journal.flush()
    extend_ledger(journal, log)
    sign_log(project, log)
    return found


def _streams(project: Project, received: Mapping[str, int]) -> dict[str, int | None]:
    answered = sorted({flow.stream for flow in project.flows.values()})
    for stream in received:
        if stream not in answered:
            raise InputError(WORDS("reconcile.stream", given=stream, allowed=", ".join(answered) or "-"))
    return {stream: received.get(stream) for stream in answered}
