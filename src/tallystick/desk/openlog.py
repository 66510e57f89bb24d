"""The project's log and journal, opened: the log's key, its origin and profile, and the locks in their order."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tallystick import ledger
from tallystick.core import Place, Span, StateError, TamperError
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.journal import Journal, extend_ledger
from tallystick.desk.project import Project
from tallystick.desk.settings import SETTINGS
from tallystick.desk.trust import read_trust
from tallystick.ledger.profile import PROFILES
from tallystick.ledger.verifier import read_keys
from tallystick.store import LEASE_S, Keys, atomic_write, sync_folder

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
    folder, signer = project.state / "ledger", _open_key(project)
    profile = ledger.PROFILES[project.settings.ledger.profile]
    _hold_settings(project, signer.verifier)
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


def check_log_settings(project: Project) -> None:
    """Hold `[ledger] origin` and `profile` against the log that is there, before a desk would; writes nothing.

    Raises
    ------
    StateError
        When tallystick.toml names another origin or profile than that of the log.
    """
    for vkey in read_keys([vkey_path(project)] if vkey_path(project).exists() else []):
        _hold_settings(project, ledger.Verifier(vkey))


def _hold_settings(project: Project, key: ledger.Verifier) -> None:
    table = project.settings.ledger
    kept = {"origin": key.name, "profile": ledger.profile_of(key.kind).name}
    for cell, wanted in (("origin", table.origin or key.name), ("profile", table.profile)):
        if kept[cell] != wanted:
            words = WORDS(f"ledger.{cell}", given=wanted, allowed=kept[cell])
            raise StateError(words, Place(str(project.root / SETTINGS), cell=f"ledger.{cell}"))


def set_aside(project: Project) -> Path | None:
    """Move the project's state to a folder named by the time, so that a run starts anew and nothing is lost.

    The next log is another one: without `[ledger] origin` its name has the time too, for one origin stands for one log
    and one key.

    Returns
    -------
    Path or None
        The folder; None where there was no state.

    Raises
    ------
    StateError
        When `[ledger] origin` is that of the log which would be put aside, or the journal lies on a server.
    """
    if not project.state.exists():
        return None
    if "journal" in project.settings.state:
        raise StateError(WORDS("fresh.server"), Place(str(project.root / SETTINGS), cell="state.journal"))
    if vkey_path(project).exists() and _name_in(vkey_path(project)) == project.settings.ledger.origin:
        raise _again(project)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = project.state.with_name(f"{project.state.name}-{stamp}")
    project.state.rename(aside)
    return aside


def _again(project: Project) -> StateError:
    words = WORDS("ledger.again", given=project.settings.ledger.origin)
    return StateError(words, Place(str(project.root / SETTINGS), cell="ledger.origin"))


def _new_name(project: Project) -> str:
    """What a new log is called: never as one that was put aside here, whose checkpoints strangers may have."""
    origin, state = project.settings.ledger.origin, project.state
    before = sorted(state.parent.glob(f"{state.name}-*Z/ledger/vkey"))
    if origin:
        if origin in map(_name_in, before):
            raise _again(project)
        return origin
    own = "tallystick.example/" + re.sub(r"[^a-z0-9]+", "-", project.settings.project.name.lower()).strip("-")
    return own + "/" + before[-1].parents[1].name.rpartition("-")[2] if before else own


def _name_in(vkey: Path) -> str:
    return vkey.read_text("utf-8").partition("+")[0]


def _open_key(project: Project) -> ledger.Signer:
    """The log's secret key; made where there is no log yet."""
    secret = project.state / "ledger" / "skey"
    # Looked for before the key: who makes one writes these after it.
    rest = [name for name in ("checkpoint", "vkey") if (secret.parent / name).exists()]
    if not secret.exists() and not rest:
        skey, _ = ledger.generate_key(_new_name(project), ledger.PROFILES[project.settings.ledger.profile].key)
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


def open_keys(project: Project) -> Keys:
    """The keys of the project's subjects."""
    project.state.mkdir(parents=True, exist_ok=True)
    domestic = project.settings.ledger.profile == "domestic"
    return Keys(project.state / "keys.db", "sm4-gcm" if domestic else "aes-256-gcm")


def open_journal(project: Project, *, write: bool = False) -> Journal:
    """Open the project's journal: in its state folder, or on the server that `[state] journal` names.

    Raises `StateError` when there is nothing to read, or another process holds the folder to write in.
    """
    state, keys = project.settings.state, open_keys(project)
    try:
        return Journal(
            state.get("journal", project.state / "journal"),
            keys,
            write=write,
            lease_s=Span.parse(state["turn"]).micros / 1e6 if "turn" in state else LEASE_S,
            profile=PROFILES[project.settings.ledger.profile],
            closes_keys=True,
        )
    except BaseException:
        keys.close()
        raise


def journal_of(project: Project) -> Journal | None:
    """A state's journal, opened to read; None where nothing was ever decided, and then nothing is made."""
    if not (project.state / "keys.db").exists():
        return None
    try:
        return open_journal(project)
    except StateError as error:
        if error.code != "log.absent":
            raise
        return None


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
