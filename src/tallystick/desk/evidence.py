"""Evidence: the project's log and keys, proofs of recorded decisions, and the whole-log check."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import msgspec
import sqlalchemy as sql

from tallystick import ledger
from tallystick.core import InputError, Place, StateError, TamperError
from tallystick.desk.journal import DECISIONS, Journal, extend_ledger, find_decision, update_index
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


def open_log(project: Project) -> ledger.Log:
    """Open the project's log; its key is made on first use (`ledger/skey`, readable by its owner only)."""
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
        return ledger.Log(folder, signer.name, signer)
    except TamperError as error:
        raise TamperError(error.message, error.place or Place(str(folder / "checkpoint"))) from None


def prove_decision(project: Project, request_id: str, path: Path) -> Path:
    """Write the offline proof of a recorded decision to `path`; returns the file with the key to verify it with.

    Raises
    ------
    InputError
        When there is no such decision; the nearest ids are named.
    StateError
        When its subject was forgotten.
    """
    keys = open_keys(project)
    with Journal(project.state / "journal", keys, write=False) as journal:
        log = open_log(project)
        extend_ledger(journal, log)
        index = connect(project.state / "state.db")
        update_index(journal, index)
        found = find_decision(index, request_id)
        if found is None:
            with index.connect() as connection:
                names = list(connection.execute(sql.select(DECISIONS.c.request_id)).scalars())
            near = ", ".join(difflib.get_close_matches(request_id, names, 3)) or "-"
            raise InputError(WORDS("decision.none", given=request_id, allowed=near))
        index.dispose()
        entry = next(journal.read(start=found.position, stop=found.position + 1))
        checkpoint = log.checkpoint()
    payload = entry.payload()
    if payload is None or entry.leaf is None:
        raise StateError(WORDS("decision.erased", given=request_id))
    proof = log.prove(found.leaf_index, log.signed_size)
    atomic_write(path, ledger.make_bundle(entry.leaf, proof, checkpoint, payload, entry.salt))
    return vkey_path(project)


def check_log(project: Project, journal: Journal, progress: Progress = silent) -> LogCheck:
    """Check the evidence whole: every tile, ledger against journal, and the inclusion proof of every leaf.

    Raises
    ------
    TamperError
        When a byte of the log, or a leaf against the journal, is not what was written.
    """
    log = open_log(project)
    extend_ledger(journal, log)
    log.check(lambda done, total: progress("verify", done, total))
    note = log.checkpoint()
    head = ledger.open_checkpoint(note, [ledger.Verifier(vkey_path(project).read_text("ascii").strip())])
    proofs = failed = 0
    for index, (_, leaf) in enumerate(journal.leaves()):
        proof = log.prove(index, head.size)
        try:
            ledger.verify_inclusion(ledger.leaf_hash(leaf), index, head.size, proof.hashes, head.root)
        except TamperError:
            failed += 1
        proofs += 1
        if index % 5_000 == 0:
            progress("verify", index, head.size)
    return LogCheck(head.size, proofs, failed)


def read_journal(project: Project) -> Journal:
    """Open the journal to read; raises `StateError` when nothing was ever decided here."""
    return Journal(project.state / "journal", open_keys(project), write=False)
