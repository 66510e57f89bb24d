"""`tally forget`: one subject is forgotten everywhere, and the journal says that it was, and when, and why.

What is to be done is written down first. Each step can be done again, so whoever is killed on the way goes on where it
was; the leaf says what was found, and is the same however often it had to be taken up.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from tallystick import ledger
from tallystick.core import InputError, Place, StateError
from tallystick.desk.erased import ERASURE, Erasure, positions_digest, sealed_by
from tallystick.desk.evidence import open_keys, sign_log
from tallystick.desk.forget_places import STEPS, Scene, journal_of, left_in
from tallystick.desk.forget_survey import (
    OWN,
    Intent,
    notes_of,
    read_note,
    state_of,
    states_of,
    survey,
    write_note,
)
from tallystick.desk.forget_words import WORDS
from tallystick.desk.holds import check_reason, refuse_kept
from tallystick.desk.journal import Evidence, Journal, extend_ledger
from tallystick.desk.openlog import writing
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.desk.subjects import Held, Subject, own_value, read_subject, stand_in_of
from tallystick.store import sync_folder


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
        When nothing is held of the subject, or the reason names it.
    """
    subject = read_subject(project, given)
    held = _looked(project, subject, reason)
    if not held.counts:
        raise InputError(WORDS("forget.unknown", given=subject.value))
    return Forgetting(
        Erasure("", "", system_clock(0), reason, {**held.counts}, shared=held.shared), None, (), held.exposed
    )


def forget_subject(project: Project, given: str, reason: str = "", progress: Progress = silent) -> Forgetting:
    """Forget one subject everywhere; first ends what an earlier call began and did not end.

    Where that was for the same subject, what came since is forgotten by an erasure of its own.

    Parameters
    ----------
    project
        Its journal must have no other writer.
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
        When nothing is held of the subject, or the reason names it.
    StateError
        When another process writes or loads, or a place cannot be reached: call again, it goes on from there.
    """
    subject, ended = read_subject(project, given), None
    check_reason(reason, subject.value)
    for path in notes_of(project):
        same = read_note(path).subject == subject
        found = _carry_out(project, path, progress)
        ended = found if same else ended
    held = _looked(project, subject, reason)
    if not held.counts:
        if ended is not None:
            return ended
        raise InputError(WORDS("forget.unknown", given=subject.value))
    path = project.state / "forget" / f"{os.urandom(8).hex()}.json"
    with writing(project) as (journal, log):
        # Looked at again: until now somebody else might have written.
        held = survey(project, subject, journal, states_of(project))
        refuse_kept(project, subject, held, system_clock(0))
        with open_keys(project) as keys:
            name = str(stand_in_of(keys, subject, own_value(project, subject)))
        erasure = Erasure(path.stem, name, system_clock(0), reason, {**held.counts}, shared=held.shared)
        write_note(path, Intent(erasure, subject, held, journal.position, _key_numbers(project, subject)))
        return _finish(project, path, journal, log, progress)


def finish_forgetting(project: Project, progress: Progress = silent) -> tuple[Forgetting, ...]:
    """End what was begun and not ended; nothing where all is done."""
    return tuple(_carry_out(project, path, progress) for path in notes_of(project))


def erasures(journal: Journal) -> tuple[Erasure, ...]:
    """Every erasure that a journal tells of, oldest first."""
    return tuple(
        msgspec.convert({**entry.record.payload}, Erasure)
        for entry in journal.read(kinds=("evidence",))
        if isinstance(entry.record, Evidence) and entry.record.kind == ERASURE
    )


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


def _carry_out(project: Project, path: Path, progress: Progress) -> Forgetting:
    """End what a note tells of, where it lies: its state may have been put aside since."""
    place = state_of(project, path.parent.parent, served=True)
    with writing(place) as (journal, log):
        return _finish(place, path, journal, log, progress)


def _finish(project: Project, path: Path, journal: Journal, log: ledger.Log, progress: Progress) -> Forgetting:
    """Do the steps that are not done, leave the leaf, and remove the note."""
    intent = read_note(path)
    states = {name: project.state if name == OWN else project.root / name for name in intent.keys}
    steps = [(state, name) for state in states for name in STEPS]
    for place, (state, name) in enumerate(steps):
        progress("forget", place, len(steps))
        if f"{state}#{name}" in intent.done:
            continue
        _do(STEPS[name], project, states[state], intent, bytes.fromhex(intent.keys[state]))
        intent = msgspec.structs.replace(intent, done=(*intent.done, f"{state}#{name}"))
        write_note(path, intent)
    progress("forget", len(steps), len(steps))
    position, erasure = _leaf(project, intent, journal, log)
    left = tuple(name for state in states.values() for name in left_in(state, intent.held.texts))
    for note in (path, *path.parent.glob(f".{path.name}.*.tmp")):
        note.unlink()
    sync_folder(path.parent)
    return Forgetting(erasure, position, left, intent.held.exposed)


def _do(step: Callable[[Scene], None], project: Project, state: Path, intent: Intent, key: bytes) -> None:
    if not state.is_dir():
        # Perhaps only not mounted, or moved: it is not for us to say that it holds nothing of hers.
        raise StateError(WORDS("forget.state", given=state.name), Place(str(state)))
    place = state_of(project, state)
    with open_keys(place) as keys:
        step(Scene(place, keys, intent.subject, intent.held, key))


def _leaf(project: Project, intent: Intent, journal: Journal, log: ledger.Log) -> tuple[int, Erasure]:
    """Append the leaf unless it is there, and sign the ledger over it; returns its position and what it says."""
    found = None
    for entry in journal.read(kinds=("evidence",), start=intent.position):
        record = entry.record
        if isinstance(record, Evidence) and record.kind == ERASURE and record.payload["id"] == intent.erasure.id:
            found = entry.position, msgspec.convert({**record.payload}, Erasure)
    if found is None:
        number = bytes.fromhex(intent.keys[OWN])
        sealed = [entry.position for entry, frame in journal.stored(("fact", "decision")) if sealed_by(frame) == number]
        counted = {"frames": len(sealed), "positions": positions_digest(sealed)}
        erasure = msgspec.structs.replace(intent.erasure, **counted)
        found = journal.append_evidence(ERASURE, msgspec.to_builtins(erasure)), erasure
        journal.flush()
    extend_ledger(journal, log)
    sign_log(project, log)
    return found
