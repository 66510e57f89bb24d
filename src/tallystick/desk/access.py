"""Who read a person's record, and what for: noted before it is given out, a leaf as soon as somebody writes."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import sqlalchemy as sql

from tallystick.core import Instant, Place, StateError, TamperError
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.index import evidence_at, last_evidence
from tallystick.desk.journal import Journal
from tallystick.desk.project import Project
from tallystick.store import AppendLog

ACCESS = "data access"
"""The kind of the leaf."""

_WAIT_S = 0.02
_TRIES = 500


class Access(msgspec.Struct, frozen=True):
    """One look at a recorded decision: by whom, when, what was done with it, and the purpose that was named.

    `position` is that of the decision's frame, so that the leaf names nobody.
    """

    by: str
    at: Instant
    action: str
    position: int
    purpose: str = ""


class _Numbered(msgspec.Struct, frozen=True):
    number: int
    access: Access


def note_access(project: Project, access: Access) -> None:
    """Make an access durable, beside a writer too; what was not noted must not be given out.

    Raises
    ------
    StateError
        When it cannot be written.
    """
    for _ in range(_TRIES):
        try:
            with AppendLog(_folder(project)) as log:
                log.append([msgspec.json.encode(access)])
            return
        except StateError as error:
            if error.code != "log.locked":
                raise
        time.sleep(_WAIT_S)
    raise StateError(WORDS("access.busy"), Place(str(_folder(project))))


def accesses(project: Project, start: int = 0) -> tuple[Access, ...]:
    """Every access that was noted, from number `start` on, oldest first.

    Raises
    ------
    TamperError
        When a byte is not what was written.
    """
    if not _folder(project).is_dir():
        return ()
    with AppendLog(_folder(project), write=False) as log:
        return tuple(msgspec.json.decode(frame, type=Access) for _, frame in log.read(start))


def publish_accesses(project: Project, journal: Journal, index: sql.Engine) -> int:
    """Buffer a leaf for every access that has none yet, and say how many.

    The index must be that of the journal as it is, and the turn this writer's. Only the notes from the last one with a
    leaf on are read.

    Raises
    ------
    TamperError
        When the last access that has a leaf is not the one that was noted, or the index is of another journal.
    """
    if not _folder(project).is_dir():
        return 0
    place = last_evidence(index, ACCESS)
    if place is None:
        noted, done = accesses(project), 0
    else:
        last = msgspec.convert({**evidence_at(journal, index, place, (ACCESS,)).payload}, _Numbered)
        kept = accesses(project, last.number)
        noted, done = kept[1:], last.number + 1
        if kept[:1] != (last.access,):
            given = len(accesses(project))
            raise TamperError(WORDS("access.differs", given=given, published=done), Place(str(_folder(project))))
    for number, access in enumerate(noted, done):
        journal.append_evidence(ACCESS, msgspec.to_builtins(_Numbered(number, access)))
    return len(noted)


def _folder(project: Project) -> Path:
    return project.state / "access"
