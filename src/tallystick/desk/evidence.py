"""Evidence: the project's log and keys, proofs of recorded decisions, and the whole-log check."""

from __future__ import annotations

import difflib
import getpass
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

import msgspec
import sqlalchemy as sql

from tallystick import ledger
from tallystick.core import DefinitionError, InputError, Message, Place, StateError, TamperError
from tallystick.desk import frames
from tallystick.desk.access import Access, note_access, publish_accesses
from tallystick.desk.carry import carried_files
from tallystick.desk.cosigning import LOUD, Cosigned, cosign_checkpoint, quorum_checkpoint, read_cosigned
from tallystick.desk.erased import ErasedFrames, checked_frames
from tallystick.desk.evidence_words import WORDS as EVIDENCE_WORDS
from tallystick.desk.forget_notes import begun_erasures
from tallystick.desk.index import DECISIONS, Found, find_decision, update_index
from tallystick.desk.journal import (
    DecisionRecord,
    Entry,
    Journal,
    extend_ledger,
    hold_ledger,
)
from tallystick.desk.openlog import log_key, open_keys, open_log, read_journal, trusted, vkey_path, writing
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.desk.words import WORDS
from tallystick.ledger.network import Gathered, cosignatures
from tallystick.store import atomic_write
from tallystick.store.sql import connect

__all__ = [
    "LogCheck",
    "check_frames",
    "check_log",
    "cosign_now",
    "log_key",
    "open_keys",
    "open_log",
    "prove_decision",
    "read_journal",
    "sign_log",
    "trusted",
    "vkey_path",
    "writing",
]


class LogCheck(msgspec.Struct, frozen=True):
    """What checking the evidence found: the log's size, and how many decisions' proofs hold."""

    size: int
    proofs: int
    failed: int


def sign_log(project: Project, log: ledger.Log, *, now: bool = False) -> Gathered | None:
    """Sign a checkpoint of the project's log and have the witnesses of its policy cosign it.

    Without a quorum the checkpoint stays signed by the log alone and decisions go on; a later call asks again.

    Parameters
    ----------
    project
        Its `[ledger] policy` names the witnesses.
    log
        Opened for writing.
    now
        Ask even where the last try found no quorum a moment ago, and wait longer for the answers.

    Returns
    -------
    Gathered or None
        The checkpoint with its cosignatures, and what the witnesses answered; None without a policy, or with one that
        cannot be read any more.

    Raises
    ------
    DefinitionErrors
        With `now`, when the policy cannot be read, or is another log's.
    """
    note = log.checkpoint()
    try:
        policy = trusted(project)
    except DefinitionError as fault:
        # A desk has read it when it opened; what somebody writes into it since then must not end decisions.
        if now:
            raise
        LOUD.critical(fault.text())
        return None
    return None if policy is None else cosign_checkpoint(project, log, note, policy, now=now)


def cosign_now(project: Project) -> Cosigned | None:
    """Bring the ledger up to the journal, sign it, and ask every witness that has not cosigned it yet.

    Returns
    -------
    Cosigned or None
        Who has cosigned now; None without a policy.

    Raises
    ------
    StateError
        When another process writes.
    """
    with writing(project) as (_, log):
        gathered, policy = sign_log(project, log, now=True), trusted(project)
        return None if gathered is None or policy is None else read_cosigned(project, log, policy, gathered.note)


def prove_decision(
    project: Project, request_id: str, path: Path, *, rescore: bool = False, by: str = "", purpose: str = ""
) -> Path:
    """Write the offline proof of a recorded decision to `path`; returns the file with the key to verify it with.

    With `rescore` it carries model, decision tables and setting, so that a stranger can take the decision again. Only
    the decision's own frame is read and its leaf compared with the ledger; `check_ledger` compares all. Where the
    subject was forgotten, the proof shows leaf and place and not the record.

    What a published checkpoint covers is proved without writing to ledger or journal. For a later decision, and where
    the project's witnesses have not cosigned it yet, the journal's lock is taken, the ledger extended, a checkpoint
    signed and cosigned. A record is given out only after it was noted who asked for it: the next writer makes that a
    leaf.

    Parameters
    ----------
    project
        Its definitions and state.
    request_id
        The decision's id.
    path
        Where the proof goes.
    rescore
        Carry what the decision can be taken again from.
    by, purpose
        Who asks (by default the user of the process), and what for; both are kept for ever, in the log.

    Raises
    ------
    InputError
        When there is no such decision (the nearest ids are named), or `by` or `purpose` names its subject.
    StateError
        When another process writes and has not yet published it, a version that it names is no longer kept, or what
        should be carried was erased or never recorded.
    TamperError
        When journal, state table and ledger do not belong together.
    """
    index = connect(project.state / "state.db")
    asked = Access(by or _user(), system_clock(0), "prove", 0, purpose)
    try:
        with read_journal(project) as journal:
            log, found = open_log(project), _find(index, request_id)
            note = None if found is None else _covering(project, log, found.leaf_index)
            if found is not None and note is not None:
                return _write_proof(project, journal, log, found, note, path, rescore, asked)
        try:
            with writing(project) as (journal, log):
                # A desk of the team that opens publishes accesses too: nobody may between the look and the leaves.
                journal.take()
                update_index(journal, index)
                found = _find(index, request_id)
                if found is None:
                    raise _unknown(index, request_id)
                publish_accesses(project, journal, index)
                journal.flush()
                extend_ledger(journal, log)
                sign_log(project, log, now=True)
                note = _covering(project, log, found.leaf_index) or log.checkpoint()
                return _write_proof(project, journal, log, found, note, path, rescore, asked)
        except StateError as error:
            if error.code != "log.locked":
                raise
        # Whoever writes keeps the state table: what is not there was never decided.
        if found is None:
            raise _unknown(index, request_id)
        with read_journal(project) as journal:
            log = open_log(project)
            if found.leaf_index >= log.signed_size:
                raise StateError(frames.WORDS("journal.unpublished", given=request_id), Place(str(log.folder)))
            return _write_proof(project, journal, log, found, log.checkpoint(), path, rescore, asked)
    finally:
        index.dispose()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "-"


def _covering(project: Project, log: ledger.Log, leaf_index: int) -> bytes | None:
    """The newest checkpoint that proves a leaf to whoever trusts the project's policy; None where there is none."""
    if leaf_index >= log.signed_size:
        return None
    policy, note = trusted(project), log.checkpoint()
    if policy is None or policy.holds(frozenset(cosignatures(policy, note))):
        return note
    whole = quorum_checkpoint(project, log, policy)
    return whole[1] if whole is not None and leaf_index < whole[0].size <= log.signed_size else None


def _find(index: sql.Engine, request_id: str) -> Found | None:
    return find_decision(index, request_id) if sql.inspect(index).has_table(DECISIONS.name) else None


def _unknown(index: sql.Engine, request_id: str) -> InputError:
    names: list[str] = []
    if sql.inspect(index).has_table(DECISIONS.name):
        with index.connect() as connection:
            names = list(connection.execute(sql.select(DECISIONS.c.request_id)).scalars())
    near = ", ".join(difflib.get_close_matches(request_id, names, 3)) or "-"
    return InputError(WORDS("decision.none", given=request_id, allowed=near))


def _write_proof(
    project: Project,
    journal: Journal,
    log: ledger.Log,
    found: Found,
    note: bytes,
    path: Path,
    rescore: bool,
    asked: Access,
) -> Path:
    entry = _proved_entry(project, journal, log, found)
    if entry.fact is None or entry.subject != f"stream={entry.fact.stream}":
        _refuse_name(asked, entry.subject.partition("=")[2])
    files = None
    if rescore:
        if not isinstance(entry.record, DecisionRecord):
            raise StateError(WORDS("decision.erased", given=found.request_id))
        if "setting" not in entry.record.versions:
            raise StateError(EVIDENCE_WORDS("carried.setting", given=found.request_id))
        files = carried_files(project, entry.record)
    vkey, payload = vkey_path(project), entry.payload()
    keys = [vkey.read_text("ascii").strip()]
    assert entry.leaf is not None
    size = ledger.open_checkpoint(note, [ledger.Verifier(keys[0])]).size
    salt = None if payload is None else entry.salt
    bundle = ledger.make_bundle(
        entry.leaf, log.prove(found.leaf_index, size), note, payload, salt, files, profile=log.profile
    )
    verdict = ledger.verify(bundle, keys)
    if not verdict.ok:
        raise verdict.fault or TamperError(frames.WORDS("journal.leaf", position=found.position))
    if payload is not None:
        note_access(project, msgspec.structs.replace(asked, position=found.position))
    atomic_write(path, bundle)
    return vkey


def _refuse_name(asked: Access, subject: str) -> None:
    """Raise `InputError` where what is kept for ever would name the person whom the decision is about."""
    from tallystick.desk.holds import check_reason  # a hold is signed by `sign_log`, above

    check_reason(asked.by, subject)
    check_reason(asked.purpose, subject)


def _proved_entry(project: Project, journal: Journal, log: ledger.Log, found: Found) -> Entry:
    """The one frame that is proved, its leaf compared with that of the ledger."""
    entry = next(journal.read(start=found.position, stop=found.position + 1), None)
    if entry is None:
        hold_ledger(journal, log)
    if entry is None or entry.request_id != found.request_id or entry.leaf is None:
        file = project.state / "state.db"
        given = frames.WORDS("journal.mismatch", position=found.position, given=found.request_id, file=file.name)
        raise TamperError(given, Place(str(file)))
    log.compare([entry.leaf], found.leaf_index)
    return entry


def check_log(project: Project, journal: Journal, progress: Progress = silent) -> LogCheck:
    """Check the evidence whole: ledger against journal, every tile, every frame against what commits to it, all proofs.

    Writes nothing. Leaves that the last checkpoint does not cover have no proof yet and are not counted.

    Raises
    ------
    StateError
        When nothing was ever published.
    TamperError
        When a byte of the log, or a leaf against the journal, is not what was written.
    """
    log = open_log(project)
    if not log.signed_size:
        raise StateError(
            frames.WORDS("journal.unpublished", given=project.settings.project.name), Place(str(log.folder))
        )
    hold_ledger(journal, log)
    log.check(lambda done, total: progress("verify", done, total))
    check_frames(journal, begun=lambda: begun_erasures(project))
    note = log.checkpoint()
    head = ledger.open_checkpoint(note, [ledger.Verifier(vkey_path(project).read_text("ascii").strip())])
    failed = 0
    for index, (_, leaf) in enumerate(islice(journal.leaves(), head.size)):
        proof = log.prove(index, head.size)
        try:
            ledger.verify_inclusion(
                ledger.leaf_hash(leaf, log.profile), index, head.size, proof.hashes, head.root, log.profile
            )
        except TamperError:
            failed += 1
        if index % 5_000 == 0:
            progress("verify", index, head.size)
    return LogCheck(head.size, head.size, failed)


def check_frames(
    journal: Journal,
    watch: Callable[[Entry], None] = lambda entry: None,
    begun: Callable[[], Mapping[bytes, Message]] = dict,
) -> None:
    """Check every frame against what commits to it: a decision or evidence its leaf, facts the evidence of their batch.

    A forgotten decision has nothing left to compare with its leaf, but the leaf of its erasure commits to its stored
    bytes. Facts are compared as they are stored, forgotten or not.

    Parameters
    ----------
    journal
        What to check.
    watch
        Told of every entry that is sound.
    begun
        As in `ErasedFrames.check`.

    Raises
    ------
    TamperError
        Naming the position of the first frame that is not what was committed to.
    StateError
        When frames are erased whose erasure was begun and not ended.
    """
    erased = ErasedFrames()
    for entry, frame in checked_frames(journal):
        erased(entry, frame)
        watch(entry)
    erased.check(begun)
