"""The project's log and journal, opened: the log's key, its origin and profile, and the locks in their order."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tallystick import ledger
from tallystick.core import Place, StateError, TamperError
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.journal import Journal, extend_ledger, open_journal
from tallystick.desk.project import Project
from tallystick.desk.settings import SETTINGS
from tallystick.desk.trust import read_trust
from tallystick.store import atomic_write, sync_folder

_PATIENCE_S = 10.0
_NAP_S = 0.02


def vkey_path(project: Project) -> Path:
    """Where the log's public key lies: the file to hand to strangers."""
    return project.state / "ledger" / "vkey"


def open_log(project: Project, *, write: bool = False) -> ledger.Log:
    """Open the project's log; its key is made on first use (`ledger/skey`, readable by its owner only).

    `write` takes the ledger's lock. The journal's does not stand for it: in PostgreSQL several write one journal.

    Raises
    ------
    StateError
        When another process writes, the secret key of a log that is there is missing, or the log bears another
        origin, or is of another profile, than tallystick.toml says.
    """
    folder, table = project.state / "ledger", project.settings.ledger
    profile, signer = ledger.PROFILES[table.profile], _open_key(project)
    kept = {"origin": signer.name, "profile": ledger.profile_of(signer.kind).name}
    for cell, wanted in (("origin", table.origin or signer.name), ("profile", profile.name)):
        if kept[cell] != wanted:
            words = WORDS(f"ledger.{cell}", given=wanted, allowed=kept[cell])
            raise StateError(words, Place(str(project.root / SETTINGS), cell=f"ledger.{cell}"))
    try:
        log = ledger.Log(folder, signer.name, signer, profile=profile, write=write)
    except TamperError as error:
        raise TamperError(error.message, error.place or Place(str(folder / "checkpoint"))) from None
    # Only now: a checkpoint that is there was signed by this key.
    try:
        shown = signer.verifier.vkey.encode() + b"\n"
        if not vkey_path(project).exists() or vkey_path(project).read_bytes() != shown:
            atomic_write(vkey_path(project), shown)
    except BaseException:
        log.close()
        raise
    return log


def _open_key(project: Project) -> ledger.Signer:
    """The log's secret key; made where there is no log yet."""
    secret, table = project.state / "ledger" / "skey", project.settings.ledger
    # Looked for before the key: who makes one writes these after it.
    rest = [name for name in ("checkpoint", "vkey") if (secret.parent / name).exists()]
    if not secret.exists() and not rest:
        own = "tallystick.example/" + re.sub(r"[^a-z0-9]+", "-", project.settings.project.name.lower()).strip("-")
        skey, _ = ledger.generate_key(table.origin or own, ledger.PROFILES[table.profile].key)
        _keep_key(secret, skey)
    text = secret.read_text("ascii").strip() if secret.exists() else ""
    if not text:
        raise StateError(WORDS("ledger.secret", given=", ".join(rest) or "-"), Place(str(secret)))
    return ledger.Signer(text)


def _keep_key(secret: Path, skey: str) -> None:
    """Give a whole key its name; where another process was first, its key stays."""
    secret.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".skey.", suffix=".tmp", dir=secret.parent)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(skey + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, secret)
    finally:
        os.unlink(temporary)
    sync_folder(secret.parent)


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
