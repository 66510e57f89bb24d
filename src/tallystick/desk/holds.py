"""Legal holds: who may not be forgotten for now. Each is placed and lifted by a leaf, and the journal alone knows them.

A hold names its subject by a pseudonym that only the subject's own key can make: the leaf says nothing of the person.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

import msgspec

from tallystick import ledger
from tallystick.core import InputError, Instant, Language, Message, StateError, to_datetime
from tallystick.desk.evidence import open_keys, sign_log
from tallystick.desk.forget_notes import notes_of, state_of, states_of
from tallystick.desk.forget_words import WORDS
from tallystick.desk.journal import Evidence, Journal, extend_ledger
from tallystick.desk.known import is_known, unknown
from tallystick.desk.openlog import journal_of, writing
from tallystick.desk.project import Project
from tallystick.desk.retention import FILE, kept_until, read_retention
from tallystick.desk.sequencer import system_clock
from tallystick.desk.subjects import Held, Subject, read_subject
from tallystick.store import Keys

HOLD, LIFTED = "legal hold", "hold lifted"
"""The kinds of the leaves."""


class Hold(msgspec.Struct, frozen=True):
    """One hold: a random number, whom (a pseudonym, hex), why, since when, and until when (None: until it is lifted).

    Instants are microseconds UTC.
    """

    id: str
    subject: str
    reason: str
    at: Instant
    until: Instant | None = None


class Lifted(msgspec.Struct, frozen=True):
    """The end of a hold: its number, why, and when."""

    id: str
    reason: str
    at: Instant


class Kept(StateError):
    """A subject that may not be forgotten yet: every duty and hold with its end."""

    def __init__(self, reasons: Sequence[Message]) -> None:
        super().__init__(reasons[0])
        self.reasons = tuple(reasons)

    def text(self, language: Language = "en") -> str:
        """Every reason on a line of its own."""
        return "\n".join(reason.text(language) for reason in self.reasons)


def hold_subject(
    project: Project,
    given: str,
    reason: str,
    until: Instant | None = None,
    warn: Callable[[Message], None] = lambda message: None,
) -> Hold:
    """Place a hold: the subject cannot be forgotten until it ends or is lifted.

    Who is not known yet can be held too.

    Parameters
    ----------
    project
        Its journal must have no other writer.
    given
        COLUMN=VALUE, or a value alone where there is one subject column.
    reason
        Why; kept for ever, so it must not name the person.
    until
        When it ends by itself; None for never.
    warn
        Told, with near ids, where nothing is held of the subject: perhaps its id was misspelt.

    Raises
    ------
    InputError
        When the reason names the person, or `until` is past.
    StateError
        When another process writes, or the subject is being forgotten.
    """
    subject, now = read_subject(project, given), system_clock(0)
    check_reason(reason, subject.value)
    if until is not None and until <= now:
        raise InputError(WORDS("hold.past", given=_day(project, until - 1)))
    with writing(project) as (journal, log):
        _refuse_forgetting(project, subject, given)
        if not is_known(project, subject):
            warn(WORDS("hold.unknown", **unknown(project, subject)))
        # Under the lock, so that nobody destroys the key that names her.
        with open_keys(project) as keys:
            hold = Hold(os.urandom(8).hex(), _pseudonym(keys, subject), reason, now, until)
        _publish(project, journal, log, [(HOLD, hold)])
    return hold


def lift_holds(project: Project, given: str, reason: str) -> tuple[Hold, ...]:
    """Lift every hold of a subject that has not ended; returns them.

    Raises
    ------
    InputError
        When the reason names the person, or nothing holds it.
    StateError
        When another process writes.
    """
    subject, now = read_subject(project, given), system_clock(0)
    check_reason(reason, subject.value)
    found = holds_of(project, subject, now)
    if not found:
        raise InputError(WORDS("hold.none", given=given))
    with writing(project) as (journal, log):
        _publish(project, journal, log, [(LIFTED, Lifted(hold.id, reason, now)) for hold in found])
    return found


def open_holds(project: Project, now: Instant) -> tuple[Hold, ...]:
    """Every hold that has neither ended nor been lifted, in the order in which they were placed.

    Those placed before `tally run --fresh` are among them.
    """
    holds: dict[str, Hold] = {}
    lifted: set[str] = set()
    own, *aside = states_of(project)
    for state in (*aside, own):
        journal = journal_of(state_of(project, state))
        if journal is not None:
            with journal:
                _read_holds(journal, holds, lifted)
    left = (hold for hold in holds.values() if hold.id not in lifted)
    return tuple(hold for hold in left if hold.until is None or hold.until > now)


def holds_of(project: Project, subject: Subject, now: Instant) -> tuple[Hold, ...]:
    """The holds of one subject that have not ended; writes nothing."""
    found = open_holds(project, now)
    if not found:
        return ()
    names = set()
    for state in states_of(project):
        if (state / "keys.db").exists():
            with open_keys(state_of(project, state)) as keys:
                # Without a key it was never held, and asking must not make one.
                if keys.number(subject.key) is not None:
                    names.add(_pseudonym(keys, subject))
    return tuple(hold for hold in found if hold.subject in names)


def refuse_kept(project: Project, subject: Subject, held: Held, now: Instant) -> None:
    """Raise `Kept` when a duty of retention.toml or a hold forbids to forget; writes nothing."""
    reasons: list[Message] = []
    for stream, duty in read_retention(project.root / FILE, project.sources).items():
        last = held.last.get(stream)
        if last is not None and (until := kept_until(last, duty.keep, project.zone)) > now:
            days = {"last": _day(project, last), "until": _day(project, until)}
            reasons.append(WORDS("forget.kept", stream=stream, why=duty.why or duty.keep, **days))
    for hold in holds_of(project, subject, now):
        about = {"since": _day(project, hold.at), "why": hold.reason}
        if hold.until is None:
            reasons.append(WORDS("forget.held_open", **about))
        else:
            reasons.append(WORDS("forget.held", until=_day(project, hold.until - 1), **about))
    if reasons:
        raise Kept(reasons)


def check_reason(reason: str, *values: str) -> None:
    """Raise `InputError` when a reason, which is kept for ever, has one of some values as a word of its own."""
    for value in values:
        if value and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", reason):
            raise InputError(WORDS("forget.reason", given=value))


def _pseudonym(keys: Keys, subject: Subject) -> str:
    return keys.pseudonym(subject.key, HOLD.encode()).hex()


def _refuse_forgetting(project: Project, subject: Subject, given: str) -> None:
    """Raise `StateError` when a subject is being forgotten: what was begun is ended, and no hold would stop it."""
    for note in notes_of(project).values():
        if note.subject == subject:
            raise StateError(WORDS("hold.forgetting", given=given, since=_day(project, note.erasure.at)))


def _read_holds(journal: Journal, holds: dict[str, Hold], lifted: set[str]) -> None:
    """Take in what a journal tells of holds."""
    for entry in journal.read(kinds=("evidence",)):
        if not isinstance(entry.record, Evidence):
            continue
        if entry.record.kind == HOLD:
            hold = msgspec.convert({**entry.record.payload}, Hold)
            holds[hold.id] = hold
        elif entry.record.kind == LIFTED:
            lifted.add(entry.record.payload["id"])


def _publish(project: Project, journal: Journal, log: ledger.Log, records: Sequence[tuple[str, Hold | Lifted]]) -> None:
    for kind, record in records:
        journal.append_evidence(kind, msgspec.to_builtins(record))
    journal.flush()
    extend_ledger(journal, log)
    sign_log(project, log)


def _day(project: Project, instant: Instant) -> str:
    return to_datetime(instant, project.zone).date().isoformat()
