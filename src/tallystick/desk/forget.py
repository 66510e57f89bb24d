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
from tallystick.desk.forget_places import STEPS, Scene, left_in
from tallystick.desk.forget_survey import state_of, states_of, survey
from tallystick.desk.forget_words import WORDS
from tallystick.desk.holds import check_reason, refuse_kept
from tallystick.desk.journal import Evidence, Journal, extend_ledger, open_journal
from tallystick.desk.openlog import writing
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.desk.subjects import Held, Subject, read_subject, stand_in_of
from tallystick.store import atomic_write, read_bytes, sync_folder


class Forgetting(msgspec.Struct, frozen=True):
    """What forgetting did, or would do: `erasure` as its leaf says it, and `position` of that leaf's frame.

    `left` are files that still name the subject, such as a registered report of a model's validation; `exposed` are
    columns that hold its id though sources.toml does not call them personal. Without a position nothing was written.
    """

    erasure: Erasure
    position: int | None
    left: tuple[str, ...]
    exposed: tuple[str, ...]


class _Intent(msgspec.Struct, frozen=True):
    """What is being erased: all that is needed to go on. It names the subject, and goes when the leaf is there.

    `key` is the number (hex) of the key that is destroyed, `position` where the journal stood.
    """

    erasure: Erasure
    key: str
    subject: Subject
    held: Held
    position: int
    states: tuple[str, ...]
    done: tuple[str, ...] = ()


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
    return Forgetting(
        Erasure("", "", system_clock(0), reason, {**held.counts}, shared=held.shared), None, (), held.exposed
    )


def forget_subject(project: Project, given: str, reason: str = "", progress: Progress = silent) -> Forgetting:
    """Forget one subject everywhere; first ends what an earlier call began and did not end.

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
        What was erased, and what is left.

    Raises
    ------
    Kept
        When a duty to keep or a hold forbids it; then nothing was written.
    InputError
        When nothing is held of the subject, or the reason names it.
    StateError
        When another process writes or loads, or a place cannot be reached: call again, it goes on from there.
    """
    subject = read_subject(project, given)
    for path in _intents(project):
        ended = _read(path)
        found = _carry_out(project, path, progress)
        if ended.subject == subject:
            return found
    held = _looked(project, subject, reason)
    path = _folder(project) / f"{os.urandom(8).hex()}.json"
    with writing(project) as (journal, log):
        # Looked at again: until now somebody else might have written.
        held = survey(project, subject, journal, states_of(project))
        refuse_kept(project, subject, held, system_clock(0))
        with open_keys(project) as keys:
            field = next(s.fields[subject.column] for s in project.sources.values() if s.subject == subject.column)
            own = int(subject.value) if field.type.kind == "integer" else subject.value
            name = str(stand_in_of(keys, subject, own))
            number = keys.number(subject.key) or b""
        erasure = Erasure(path.stem, name, system_clock(0), reason, {**held.counts}, shared=held.shared)
        states = tuple(str(state) for state in states_of(project))
        _write(path, _Intent(erasure, number.hex(), subject, held, journal.position, states))
        return _finish(project, path, journal, log, progress)


def finish_forgetting(project: Project, progress: Progress = silent) -> tuple[Forgetting, ...]:
    """End what was begun and not ended; nothing where all is done."""
    return tuple(_carry_out(project, path, progress) for path in _intents(project))


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
    try:
        journal = open_journal(project) if (project.state / "keys.db").exists() else None
    except StateError as error:
        if error.code != "log.absent":
            raise
        journal = None
    try:
        held = survey(project, subject, journal, states_of(project))
    finally:
        if journal is not None:
            journal.close()
    check_reason(reason, *held.texts)
    refuse_kept(project, subject, held, system_clock(0))
    if not held.counts:
        raise InputError(WORDS("forget.unknown", given=subject.value))
    return held


def _carry_out(project: Project, path: Path, progress: Progress) -> Forgetting:
    with writing(project) as (journal, log):
        return _finish(project, path, journal, log, progress)


def _finish(project: Project, path: Path, journal: Journal, log: ledger.Log, progress: Progress) -> Forgetting:
    """Do the steps that are not done, leave the leaf, and remove the note."""
    intent = _read(path)
    steps = [f"{state}#{name}" for state in intent.states for name in STEPS]
    for place, step in enumerate(steps):
        progress("forget", place, len(steps))
        if step in intent.done:
            continue
        state, name = Path(step.rpartition("#")[0]), step.rpartition("#")[2]
        if state.is_dir():
            _do(STEPS[name], project, state, intent)
        intent = msgspec.structs.replace(intent, done=(*intent.done, step))
        _write(path, intent)
    progress("forget", len(steps), len(steps))
    position, erasure = _leaf(project, intent, journal, log)
    left = tuple(name for state in intent.states for name in left_in(Path(state), intent.held.texts))
    for note in (path, *path.parent.glob(f".{path.name}.*.tmp")):
        note.unlink()
    sync_folder(path.parent)
    return Forgetting(erasure, position, left, intent.held.exposed)


def _do(step: Callable[[Scene], None], project: Project, state: Path, intent: _Intent) -> None:
    place = state_of(project, state)
    with open_keys(place) as keys:
        step(Scene(place, keys, intent.subject, intent.held))


def _leaf(project: Project, intent: _Intent, journal: Journal, log: ledger.Log) -> tuple[int, Erasure]:
    """Append the leaf unless it is there, and sign the ledger over it; returns its position and what it says."""
    found = None
    for entry in journal.read(kinds=("evidence",), start=intent.position):
        record = entry.record
        if isinstance(record, Evidence) and record.kind == ERASURE and record.payload["id"] == intent.erasure.id:
            found = entry.position, msgspec.convert({**record.payload}, Erasure)
    if found is None:
        number = bytes.fromhex(intent.key)
        sealed = [entry.position for entry, frame in journal.stored(("fact", "decision")) if sealed_by(frame) == number]
        counted = {"frames": len(sealed), "positions": positions_digest(sealed)}
        erasure = msgspec.structs.replace(intent.erasure, **counted)
        found = journal.append_evidence(ERASURE, msgspec.to_builtins(erasure)), erasure
        journal.flush()
    extend_ledger(journal, log)
    sign_log(project, log)
    return found


def _folder(project: Project) -> Path:
    return project.state / "forget"


def _intents(project: Project) -> list[Path]:
    """The notes of what was begun, oldest first."""
    return sorted(_folder(project).glob("[!.]*.json"), key=lambda path: (_read(path).erasure.at, path.name))


def _read(path: Path) -> _Intent:
    try:
        return msgspec.json.decode(read_bytes(path), type=_Intent)
    except msgspec.MsgspecError as error:
        raise StateError(WORDS("forget.file", why=str(error)), Place(str(path))) from None


def _write(path: Path, intent: _Intent) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic_write(path, msgspec.json.encode(intent))
