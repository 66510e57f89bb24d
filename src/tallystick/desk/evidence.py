"""Evidence: the project's log and keys, proofs of recorded decisions, and the whole-log check."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec
import sqlalchemy as sql

from tallystick import ledger
from tallystick.core import InputError, Place, StateError, TamperError
from tallystick.desk import frames
from tallystick.desk.carry import carried_files
from tallystick.desk.index import DECISIONS, Found, find_decision, update_index
from tallystick.desk.journal import DecisionRecord, Entry, Evidence, Journal, extend_ledger, facts_payload, hold_ledger
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.words import WORDS
from tallystick.store import Keys, atomic_write
from tallystick.store.sql import connect


class LogCheck(msgspec.Struct, frozen=True):
    """What checking the evidence found: the log's size, and how many decisions' proofs hold."""

    size: int
    proofs: int
    failed: int


def open_keys(project: Project) -> Keys:
    """The keys of the project's subjects."""
    project.state.mkdir(parents=True, exist_ok=True)
    return Keys(project.state / "keys.db")


def vkey_path(project: Project) -> Path:
    """Where the log's public key lies: the file to hand to strangers."""
    return project.state / "ledger" / "vkey"


def open_log(project: Project, *, write: bool = False) -> ledger.Log:
    """Open the project's log; its key is made on first use (`ledger/skey`, readable by its owner only).

    `write` takes the ledger's lock; whoever takes it holds the journal's.
    """
    folder = project.state / "ledger"
    secret = folder / "skey"
    if not secret.exists():
        folder.mkdir(parents=True, exist_ok=True)
        origin = "tallystick.example/" + re.sub(r"[^a-z0-9]+", "-", project.settings.project.name.lower()).strip("-")
        skey, vkey = ledger.generate_key(origin)
        atomic_write(vkey_path(project), vkey.encode() + b"\n")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(skey + "\n")
            file.flush()
            os.fsync(file.fileno())
    signer = ledger.Signer(secret.read_text("ascii").strip())
    try:
        return ledger.Log(folder, signer.name, signer, write=write)
    except TamperError as error:
        raise TamperError(error.message, error.place or Place(str(folder / "checkpoint"))) from None


def prove_decision(project: Project, request_id: str, path: Path, *, rescore: bool = False) -> Path:
    """Write the offline proof of a recorded decision to `path`; returns the file with the key to verify it with.

    With `rescore` it carries model, decision tables and setting, so that a stranger can take the decision again. What
    the last checkpoint covers is proved without writing to the project. For a later decision the journal's lock is
    taken, the ledger extended and a checkpoint signed.

    Raises
    ------
    InputError
        When there is no such decision; the nearest ids are named.
    StateError
        When its subject was forgotten, another process writes and has not yet published it, or a version that it
        names is no longer kept.
    TamperError
        When journal, state table and ledger do not belong together.
    """
    index = connect(project.state / "state.db")
    try:
        with read_journal(project) as journal:
            log = open_log(project)
            hold_ledger(journal, log)
            found = _find(index, request_id)
            if found is not None and found.leaf_index < log.signed_size:
                return _write_proof(project, journal, log, found, path, rescore)
        try:
            writer = Journal(project.state / "journal", open_keys(project))
        except StateError as error:
            if error.code != "log.locked":
                raise
            # Whoever writes keeps the state table: what is not there was never decided.
            if found is None:
                raise _unknown(index, request_id) from None
            raise StateError(frames.WORDS("journal.unpublished", given=request_id), Place(str(log.folder))) from None
        with writer as journal, open_log(project, write=True) as log:
            extend_ledger(journal, log)
            log.checkpoint()
            update_index(journal, index)
            found = _find(index, request_id)
            if found is None:
                raise _unknown(index, request_id)
            return _write_proof(project, journal, log, found, path, rescore)
    finally:
        index.dispose()


def _find(index: sql.Engine, request_id: str) -> Found | None:
    return find_decision(index, request_id) if sql.inspect(index).has_table(DECISIONS.name) else None


def _unknown(index: sql.Engine, request_id: str) -> InputError:
    names: list[str] = []
    if sql.inspect(index).has_table(DECISIONS.name):
        with index.connect() as connection:
            names = list(connection.execute(sql.select(DECISIONS.c.request_id)).scalars())
    near = ", ".join(difflib.get_close_matches(request_id, names, 3)) or "-"
    return InputError(WORDS("decision.none", given=request_id, allowed=near))


def _write_proof(project: Project, journal: Journal, log: ledger.Log, found: Found, path: Path, rescore: bool) -> Path:
    entry = next(journal.read(start=found.position, stop=found.position + 1), None)
    if entry is None or entry.request_id != found.request_id:
        file = project.state / "state.db"
        given = frames.WORDS("journal.mismatch", position=found.position, given=found.request_id, file=file.name)
        raise TamperError(given, Place(str(file)))
    payload = entry.payload()
    if payload is None or entry.leaf is None:
        raise StateError(WORDS("decision.erased", given=found.request_id))
    note, vkey = log.checkpoint(), vkey_path(project)
    proof = log.prove(found.leaf_index, log.signed_size)
    files = carried_files(project, entry.record) if rescore and isinstance(entry.record, DecisionRecord) else None
    bundle = ledger.make_bundle(entry.leaf, proof, note, payload, entry.salt, files)
    verdict = ledger.verify(bundle, [vkey.read_text("ascii")])
    if not verdict.ok:
        raise verdict.fault or TamperError(frames.WORDS("journal.leaf", position=found.position))
    atomic_write(path, bundle)
    return vkey


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
    check_frames(journal)
    note = log.checkpoint()
    head = ledger.open_checkpoint(note, [ledger.Verifier(vkey_path(project).read_text("ascii").strip())])
    failed = 0
    for index, (_, leaf) in enumerate(islice(journal.leaves(), head.size)):
        proof = log.prove(index, head.size)
        try:
            ledger.verify_inclusion(ledger.leaf_hash(leaf), index, head.size, proof.hashes, head.root)
        except TamperError:
            failed += 1
        if index % 5_000 == 0:
            progress("verify", index, head.size)
    return LogCheck(head.size, head.size, failed)


def check_frames(journal: Journal, watch: Callable[[Entry], None] = lambda entry: None) -> None:
    """Check every frame against what commits to it: a decision or evidence its leaf, facts the evidence of their batch.

    A forgotten decision has nothing left to compare with its leaf. Facts are compared as they are stored, forgotten or
    not. `watch` is told of every entry that is sound.

    Raises
    ------
    TamperError
        Naming the position of the first frame that is not what was committed to.
    """
    facts: list[tuple[int, bytes]] = []
    for entry, frame in journal.stored():
        if entry.kind == frames.FACT:
            facts.append((entry.position, frame))
        if entry.record is not None and entry.leaf != entry.expected_leaf():
            raise TamperError(frames.WORDS("journal.leaf", position=entry.position))
        if isinstance(entry.record, Evidence) and entry.record.kind == frames.FACTS:
            if not facts or entry.record.payload != facts_payload(facts):
                position = facts[0][0] if facts else entry.position
                raise TamperError(frames.WORDS("journal.facts", position=position))
            facts = []
        watch(entry)
    if facts:
        raise TamperError(frames.WORDS("journal.facts", position=facts[0][0]))


def read_journal(project: Project) -> Journal:
    """Open the journal to read; raises `StateError` when nothing was ever decided here."""
    return Journal(project.state / "journal", open_keys(project), write=False)
