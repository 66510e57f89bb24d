"""The project's log and journal, opened: the log's key, its origin and profile, and the locks in their order."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick import ledger
from tallystick.core import Place, StateError, TamperError
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.journal import Journal, extend_ledger, open_journal
from tallystick.desk.project import Project
from tallystick.desk.settings import SETTINGS
from tallystick.desk.trust import read_trust
from tallystick.store import atomic_write

_PATIENCE_S = 10.0
_NAP_S = 0.02


def vkey_path(project: Project) -> Path:
    """Where the log's public key lies: the file to hand to strangers."""
    return project.state / "ledger" / "vkey"


def open_log(project: Project, *, write: bool = False) -> ledger.Log:
    """Open the project's log; its key is made on first use (`ledger/skey`, readable by its owner only).

    `write` takes the ledger's lock; whoever takes it holds the journal's.

    Raises
    ------
    StateError
        When the log that is there bears another origin, or is of another profile, than tallystick.toml says.
    """
    folder, table = project.state / "ledger", project.settings.ledger
    profile, secret = ledger.PROFILES[table.profile], folder / "skey"
    if not secret.exists():
        folder.mkdir(parents=True, exist_ok=True)
        own = "tallystick.example/" + re.sub(r"[^a-z0-9]+", "-", project.settings.project.name.lower()).strip("-")
        skey, vkey = ledger.generate_key(table.origin or own, profile.key)
        atomic_write(vkey_path(project), vkey.encode() + b"\n")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(skey + "\n")
            file.flush()
            os.fsync(file.fileno())
    signer = ledger.Signer(secret.read_text("ascii").strip())
    kept = {"origin": signer.name, "profile": ledger.profile_of(signer.kind).name}
    for cell, wanted in (("origin", table.origin or signer.name), ("profile", profile.name)):
        if kept[cell] != wanted:
            words = WORDS(f"ledger.{cell}", given=wanted, allowed=kept[cell])
            raise StateError(words, Place(str(project.root / SETTINGS), cell=f"ledger.{cell}"))
    try:
        return ledger.Log(folder, signer.name, signer, profile=profile, write=write)
    except TamperError as error:
        raise TamperError(error.message, error.place or Place(str(folder / "checkpoint"))) from None


def log_key(project: Project) -> str:
    """The public key of the project's log, as text; made on first use."""
    open_log(project)
    return vkey_path(project).read_text("ascii").strip()


@contextmanager
def writing(project: Project) -> Iterator[tuple[Journal, ledger.Log]]:
    """Open journal and ledger to write, and bring the ledger up to the journal.

    Where a team's writers share the ledger, one that is publishing is waited for.

    Raises
    ------
    StateError
        When another process writes.
    """
    with open_journal(project, write=True) as journal, _free_log(project) as log:
        extend_ledger(journal, log)
        yield journal, log


def _free_log(project: Project) -> ledger.Log:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return open_log(project, write=True)
        except StateError as error:
            if error.code != "log.locked" or time.monotonic() > end:
                raise
        time.sleep(_NAP_S)


def trusted(project: Project) -> ledger.Policy | None:
    """The policy whose witnesses cosign the project's log; None where it names none."""
    return read_trust(project.root, project.settings.ledger.policy, vkey_path(project))


def read_journal(project: Project) -> Journal:
    """Open the journal to read; raises `StateError` when nothing was ever decided here."""
    return open_journal(project)
