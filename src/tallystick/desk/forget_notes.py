"""The note of an erasure that was begun: all that is needed to go on with it, wherever its process was stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from tallystick.core import Message, Place, StateError, to_datetime
from tallystick.desk.erased import Erasure, is_erasure
from tallystick.desk.forget_words import WORDS
from tallystick.desk.openlog import journal_of
from tallystick.desk.project import Project
from tallystick.desk.subjects import Held, Subject
from tallystick.store import atomic_write, read_bytes

OWN = "."
"""How a note names the state folder in which it lies, wherever `tally run --fresh` puts that."""


class Intent(msgspec.Struct, frozen=True):
    """What is being erased: all that is needed to go on. It names the subject, and goes when the leaf is there.

    `keys` has the number (hex) of the key that is destroyed in each state: in the note's own (`OWN`), and in those put
    aside, whose paths begin at the project's folder. What the own journal tells up to `position` is in `held`, and in
    the erasure's `frames` and `shared`. `done` are steps, as "STATE#NAME".
    """

    erasure: Erasure
    subject: Subject
    held: Held
    position: int
    keys: dict[str, str]
    done: tuple[str, ...] = ()

    @property
    def number(self) -> bytes:
        """The number of the key that is destroyed in the own state."""
        return bytes.fromhex(self.keys[OWN])


def notes_of(project: Project) -> dict[Path, Intent]:
    """The notes of what was begun and where they lie, in every state, oldest first."""
    found = {}
    for path in (path for state in states_of(project) for path in (state / "forget").glob("[!.]*.json")):
        try:
            found[path] = read_note(path)
        except StateError:
            # Whoever ended it in between has removed it.
            if path.exists():
                raise
    return dict(sorted(found.items(), key=lambda note: (note[1].erasure.at, note[0].name)))


def read_note(path: Path) -> Intent:
    """Read a note; raises `StateError` when it is none."""
    try:
        return msgspec.json.decode(read_bytes(path), type=Intent)
    except msgspec.MsgspecError as error:
        raise StateError(WORDS("forget.file", why=str(error)), Place(str(path))) from None


def write_note(path: Path, intent: Intent) -> None:
    """Write a note, for its owner's eyes only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic_write(path, msgspec.json.encode(intent))


def begun_erasures(project: Project) -> dict[bytes, Message]:
    """The number of the key that each erasure that was begun destroys, and how it is ended."""
    return {
        note.number: WORDS(
            "forget.begun", id=note.erasure.id, since=to_datetime(note.erasure.at, project.zone).date().isoformat()
        )
        for note in notes_of(project).values()
    }


def watch_erasures(project: Project) -> Callable[[], None]:
    """A look at whether an erasure began or ended since: what was read before may hold whom it forgets.

    Parameters
    ----------
    project
        What lies in its state is about to be read.

    Returns
    -------
    Callable
        Raises `StateError` when one did: what was made of what was read must not be kept.

    Raises
    ------
    StateError
        When one is begun and not ended: what it has done already would be undone.
    """
    start = 0
    if (journal := journal_of(project)) is not None:
        with journal:
            start = journal.position

    def look() -> None:
        for begun in begun_erasures(project).values():
            raise StateError(WORDS("forget.first", begun=begun))
        if _erased_since(project, start):
            raise StateError(WORDS("forget.meanwhile"))

    look()
    return look


def _erased_since(project: Project, start: int) -> bool:
    """Whether the journal tells of an erasure from a position on."""
    journal = journal_of(project)
    if journal is None:
        return False
    with journal:
        return any(is_erasure(entry) for entry in journal.read(kinds=("evidence",), start=start))


def state_of(project: Project, state: Path, *, served: bool = False) -> Project:
    """The project with another state folder: one that a run has put aside; with `served` also what lies on servers."""
    if state == project.state:
        return project
    servers = () if served else ("journal", "replica")
    kept = {name: value for name, value in project.settings.state.items() if name not in servers}
    settings = msgspec.structs.replace(project.settings, state=kept | {"folder": str(state)})
    return msgspec.structs.replace(project, settings=settings)


def states_of(project: Project) -> list[Path]:
    """The project's state folder, then those that `tally run --fresh` has put aside."""
    own = project.state
    aside = own.parent.glob(f"{own.name}-*T*Z") if own.parent.is_dir() else ()
    return [own, *sorted(path for path in aside if path.is_dir())]
