"""`tally forget`: one subject is forgotten everywhere, and the journal says that it was, and when, and why.

What is to be done is written down first. Each step can be done again, so whoever is killed on the way goes on where it
was; the leaf says what was found, and is the same however often it had to be taken up. The note is written only by who
has journal and ledger open to write: before the first step, after each, with what a team's desks recorded meanwhile,
and in the turn in which the key is destroyed; whoever has left the leaf removes it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import sqlalchemy as sql

from tallystick import ledger
from tallystick.core import InputError, Place, StateError
from tallystick.desk.erased import (
    ERASURE,
    Erasure,
    checked_frames,
    erasure_of,
    frame_digest,
    is_erasure,
    sealed_by,
)
from tallystick.desk.evidence import open_keys, sign_log
from tallystick.desk.forget_notes import OWN, Intent, notes_of, read_note, state_of, states_of, write_note
from tallystick.desk.forget_places import STEPS, Scene, erase_keys, left_in
from tallystick.desk.forget_survey import keys_of, merged_names, survey, survey_again
from tallystick.desk.forget_words import WORDS
from tallystick.desk.frames import DECISION
from tallystick.desk.holds import check_reason, refuse_kept
from tallystick.desk.index import LIVE_STATE, erase_rows, overwrite_rows, update_index
from tallystick.desk.journal import Journal, extend_ledger
from tallystick.desk.known import unknown
from tallystick.desk.openlog import journal_of, writing
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.desk.subjects import Held, Subject, own_value, read_subject, stand_in_of
from tallystick.store import sync_folder
from tallystick.store.sql import connect

_ROUNDS_MAX = 3
"""How often the places are erased again for who goes on being decided on meanwhile; the key takes the rest."""


class Forgetting(msgspec.Struct, frozen=True):
    """What forgetting did, or would do: `erasure` as its leaf says it, and `position` of that leaf's frame.

    `left` are files that still name the subject, such as a registered report of a model's validation; `exposed` are
    columns that hold its id though sources.toml does not call them personal. Without a position nothing was written.
    """

    erasure: Erasure
    position: int | None
    left: tuple[str, ...]
    exposed: tuple[str, ...]


def plan_forgetting(project: Project, given: str, reason: str = "") -> Forgetting:
    """What `forget_subject` would erase; writes nothing.

    Parameters
    ----------
    project
        Its definitions and state.
    given
        COLUMN=VALUE, or a value alone where all sources have the same subject column.
    reason
        Why; kept for ever, so it must not name the person.

    Returns
    -------
    Forgetting
        Without a position; its erasure has no number.

    Raises
    ------
    Kept
        When a duty to keep or a hold forbids it.
    InputError
        When nothing is held of the subject (near ids and the columns are named), or the reason names it.
    """
    subject = read_subject(project, given)
    held = _looked(project, subject, reason)
    if not held.counts:
        raise InputError(WORDS("forget.unknown", **unknown(project, subject)))
    return Forgetting(
        Erasure("", "", system_clock(0), reason, {**held.counts}, shared=held.shared), None, (), held.exposed
    )


def forget_subject(project: Project, given: str, reason: str = "", progress: Progress = silent) -> Forgetting:
    """Forget one subject everywhere; first ends what an earlier call began and did not end.

    Where that was for the same subject, what came since is forgotten by an erasure of its own.

    Parameters
    ----------
    project
        Its journal must have no other writer but those of a team, which share it on a server.
    given
        COLUMN=VALUE, or a value alone where all sources have the same subject column.
    reason
        Why; kept for ever, so it must not name the person.
    progress
        Told "forget" with the steps that are done.

    Returns
    -------
    Forgetting
        What was erased, and what is left; of two erasures, the last.

    Raises
    ------
    Kept
        When a duty to keep or a hold forbids it; then nothing was written.
    InputError
        When nothing is held of the subject (near ids and the columns are named), or the reason names it.
    StateError
        When another process writes or loads, or a place cannot be reached: call again, it goes on from there.
    """
    subject, ended = read_subject(project, given), None
    check_reason(reason, subject.value)
    for path, intent in notes_of(project).items():
        found = _carry_out(project, path, intent, progress)
        ended = found if intent.subject == subject else ended
    held = _looked(project, subject, reason)
    if not held.counts:
        if ended is not None:
            return ended
        raise InputError(WORDS("forget.unknown", **unknown(project, subject)))
    path = project.state / "forget" / f"{os.urandom(8).hex()}.json"
    with writing(project) as (journal, log):
        # Looked at again: until now somebody else might have written, or forgotten the same subject.
        held = survey(project, subject, journal, states_of(project))
        if not held.counts:
            raise InputError(WORDS("forget.unknown", **unknown(project, subject)))
        refuse_kept(project, subject, held, system_clock(0))
        with open_keys(project) as keys:
            name = str(stand_in_of(keys, subject, own_value(project, subject)))
        numbers = _key_numbers(project, subject)
        # Compared before anything is erased: afterwards nobody could say what these frames were.
        frames = _sealed(journal, bytes.fromhex(numbers[OWN]))
        erasure = Erasure(path.stem, name, system_clock(0), reason, {**held.counts}, frames, held.shared)
        write_note(path, Intent(erasure, subject, held, journal.position, numbers))
        return _finish(project, path, journal, log, progress)


def finish_forgetting(project: Project, progress: Progress = silent) -> tuple[Forgetting, ...]:
    """End what was begun and not ended; nothing where all is done."""
    return tuple(_carry_out(project, *note, progress) for note in notes_of(project).items())


def erasures(journal: Journal) -> tuple[Erasure, ...]:
    """Every erasure that a journal tells of, oldest first."""
    return tuple(erasure_of(entry) for entry in journal.read(kinds=("evidence",)) if is_erasure(entry))


def _looked(project: Project, subject: Subject, reason: str) -> Held:
    """What is held of a subject, when it may be forgotten; writes nothing."""
    check_reason(reason, subject.value)
    journal = journal_of(project)
    try:
        held = survey(project, subject, journal, states_of(project))
    finally:
        if journal is not None:
            journal.close()
    check_reason(reason, *held.texts)
    refuse_kept(project, subject, held, system_clock(0))
    return held


def _key_numbers(project: Project, subject: Subject) -> dict[str, str]:
    """The number (hex) of her key by state, as a note names them; a key is made where she has none."""
    numbers = {}
    for state in states_of(project):
        with open_keys(state_of(project, state)) as keys:
            keys.ensure([subject.key])
            name = OWN if state == project.state else os.path.relpath(state, project.root)
            numbers[name] = (keys.number(subject.key) or b"").hex()
    return numbers


def _sealed(journal: Journal, number: bytes) -> tuple[tuple[int, str], ...]:
    """Position and digest of every frame that a key sealed, each compared with what commits to it."""
    found = checked_frames(journal, number=number)
    return tuple((entry.position, frame_digest(frame)) for entry, frame in found if sealed_by(frame) == number)


def _carry_out(project: Project, path: Path, intent: Intent, progress: Progress) -> Forgetting:
    """End what a note tells of, where it lies: its state may have been put aside since."""
    place = state_of(project, path.parent.parent, served=True)
    with writing(place) as (journal, log):
        ended = None if path.exists() else _leaf_of(journal, intent)
        if ended is not None:
            # By another call, for which this one waited.
            return _forgotten(place, intent, *ended)
        return _finish(place, path, journal, log, progress)


def _finish(project: Project, path: Path, journal: Journal, log: ledger.Log, progress: Progress) -> Forgetting:
    """Do the steps that are not done, destroy the key and leave the leaf, and remove the note."""
    intent = read_note(path)
    found = _leaf_of(journal, intent)
    if found is None:
        for _ in range(_ROUNDS_MAX):
            intent = _erase_places(project, path, intent, progress)
            done, intent = intent.done, _came(project, path, intent, journal)
            if intent.done == done:
                break
        intent = _erase_places(project, path, intent, progress)
    engine = connect(project.state / "state.db")
    try:
        if found is None:
            found = _destroy(project, path, intent, journal, engine)
        overwrite_rows(engine)
        with open_keys(project) as keys:
            # Kept labels hold what was hers. With this key the old pages of hers are overwritten too.
            keys.forget(LIVE_STATE)
    finally:
        engine.dispose()
    extend_ledger(journal, log)
    sign_log(project, log)
    forgotten = _forgotten(project, intent, *found)
    for note in (path, *path.parent.glob(f".{path.name}.*.tmp")):
        note.unlink()
    sync_folder(path.parent)
    return forgotten


def _forgotten(project: Project, intent: Intent, position: int, erasure: Erasure) -> Forgetting:
    """What an erasure did that has left its leaf, and what still names the subject."""
    states = [project.state if name == OWN else project.root / name for name in intent.keys]
    left = tuple(name for state in states for name in left_in(state, intent.held.texts))
    return Forgetting(erasure, position, left, intent.held.exposed)


def _erase_places(project: Project, path: Path, intent: Intent, progress: Progress) -> Intent:
    """Do the steps that are not done, in every state; returns the note that says so."""
    aside = {**STEPS, "keys": erase_keys}
    steps = [(state, name, step) for state in intent.keys for name, step in (STEPS if state == OWN else aside).items()]
    for place, (state, name, step) in enumerate(steps):
        progress("forget", place, len(steps))
        if f"{state}#{name}" not in intent.done:
            _do(step, project, project.state if state == OWN else project.root / state, intent)
            intent = msgspec.structs.replace(intent, done=(*intent.done, f"{state}#{name}"))
            write_note(path, intent)
    progress("forget", len(steps), len(steps))
    return intent


def _do(step: Callable[[Scene], None], project: Project, state: Path, intent: Intent) -> None:
    if not state.is_dir():
        # Perhaps only not mounted, or moved: it is not for us to say that it holds nothing of hers.
        raise StateError(WORDS("forget.state", given=state.name), Place(str(state)))
    place = state_of(project, state)
    with open_keys(place) as keys:
        step(Scene(place, keys, intent.subject, intent.held))


def _came(project: Project, path: Path, intent: Intent, journal: Journal) -> Intent:
    """The note with what a team's desks recorded meanwhile; where that is of hers, all is to be erased again."""
    while journal.catch_up():
        pass
    told = _told(project, intent, journal)
    with open_keys(project) as keys:
        there = keys.number(intent.subject.key) == intent.number
    if there and told.erasure.frames != intent.erasure.frames:
        held = survey_again(project, intent.subject, journal, states_of(project), told.held)
        left = tuple(step for step in intent.done if not step.startswith(f"{OWN}#"))
        told = msgspec.structs.replace(told, held=held, done=left)
        write_note(path, told)
    return told


def _told(project: Project, intent: Intent, journal: Journal) -> Intent:
    """The note with what the journal tells from its position on; frames of hers are compared with their leaves."""
    erasure, known = intent.erasure, intent.held.known
    frames, shared, counts = list(erasure.frames), list(erasure.shared), Counter(erasure.counts)
    for entry, frame in checked_frames(journal, intent.position, intent.number):
        keys = {} if entry.fact is None else keys_of(project, intent.subject, entry.fact)
        if sealed_by(frame) == intent.number:
            frames.append((entry.position, frame_digest(frame)))
            counts.update([f"journal.{entry.kind}s", *(["state.table"] if entry.kind == DECISION else [])])
            known = merged_names(known, keys)
        elif entry.kind == DECISION and any(value in known.get(name, ()) for name, (value,) in keys.items()):
            shared.append(entry.position)
    return msgspec.structs.replace(
        intent,
        erasure=msgspec.structs.replace(erasure, frames=tuple(frames), shared=tuple(shared), counts=dict(counts)),
        held=msgspec.structs.replace(intent.held, known=known),
        position=journal.position,
    )


def _destroy(project: Project, path: Path, intent: Intent, journal: Journal, engine: sql.Engine) -> tuple[int, Erasure]:
    """Destroy the key, with her rows of the state table, and append the leaf, in one turn of the journal.

    What takes long was done before: nobody else records anything between the last look and the leaf.
    """
    subject = intent.subject.key
    update_index(journal, engine)
    journal.take()
    intent = _told(project, intent, journal)
    update_index(journal, engine)
    write_note(path, intent)
    with open_keys(project) as keys:
        # A sign of life: where the turn was lost, the key must stay.
        journal.take()
        erase_rows(engine, [position for position, _ in intent.erasure.frames])
        if keys.number(subject) == intent.number:
            keys.destroy(subject)
    position = journal.append_evidence(ERASURE, msgspec.to_builtins(intent.erasure))
    journal.flush()
    return position, intent.erasure


def _leaf_of(journal: Journal, intent: Intent) -> tuple[int, Erasure] | None:
    """The leaf that the note's erasure has left, and its position; None where it is not there yet."""
    for entry in journal.read(kinds=("evidence",), start=intent.position):
        if is_erasure(entry) and erasure_of(entry).id == intent.erasure.id:
            return entry.position, erasure_of(entry)
    return None
