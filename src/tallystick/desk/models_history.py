"""Steps in a model's life as a person asks for them, and a leaf in the log for every one."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from tallystick import models
from tallystick.core import InputError, Instant, Place, StateError, TamperError
from tallystick.desk.evidence import read_journal, sign_log, writing
from tallystick.desk.journal import Evidence, Journal, extend_ledger
from tallystick.desk.models_words import WORDS
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.models.governance import Noted
from tallystick.store import atomic_write, read_bytes

LEAVES = {
    "stored": "model stored",
    "validated": "model validation",
    "approved": "model approval",
    "promoted": "model promotion",
    "challenger": "model challenge",
    "retired": "model retirement",
}
"""The kind of leaf that stands for each kind of step."""


class _Mark(msgspec.Struct, frozen=True):
    """Up to where the history is published: so many steps, the last one at this position of the journal."""

    steps: int
    position: int


def approve_model(
    project: Project, name: str, version: str, by: str, comment: str = "", report: Path | None = None
) -> models.Entry:
    """Note that a person approves a version; `report` is the file of the validation report they read.

    Raises
    ------
    InputError
        When the person may not approve it, or has already.
    StateError
        When there is no such version, no report, or it is retired.
    """
    digest = hashlib.sha256(read_bytes(report)).hexdigest() if report is not None else ""
    return _step(
        project,
        name,
        version,
        lambda registry, whole, at: registry.approve(name, whole, by=by, at=at, comment=comment, report=digest),
    )


def promote_model(
    project: Project, name: str, version: str, by: str, comment: str = "", *, challenger: bool = False
) -> models.Entry:
    """Make a version champion, or challenger; raises `StateError` where its gates or approvals forbid it."""
    return _step(
        project,
        name,
        version,
        lambda registry, whole, at: (registry.challenge if challenger else registry.promote)(
            name, whole, by=by, at=at, comment=comment
        ),
    )


def retire_model(project: Project, name: str, version: str, by: str, comment: str) -> models.Entry:
    """Retire a version for good: it is kept for replay and never serves again."""
    return _step(
        project,
        name,
        version,
        lambda registry, whole, at: registry.retire(name, whole, by=by, at=at, comment=comment),
    )


def store_model(project: Project, model: models.Model) -> models.Entry:
    """Store a model that was not trained here as a candidate: only people can promote it.

    Its labels are those that the project has by these names today.

    Raises
    ------
    InputError
        When it reads a label that the project does not have.
    """
    versions = project.library.versions
    unknown = [name for name in model.labels if name not in versions]
    if unknown:
        near = difflib.get_close_matches(unknown[0], versions, 3) or list(versions)
        raise InputError(WORDS("model.label", name=model.name, given=unknown[0], allowed=", ".join(near)))
    model = model.with_card({**model.card, "versions": {"labels": {name: versions[name] for name in model.labels}}})
    registry = project.registry()
    registry.admit(model, at=system_clock(0), trained=False)
    publish_now(project)
    return registry.entry(model.name, model.version)


def _step(
    project: Project, name: str, version: str, act: Callable[[models.Registry, str, Instant], object]
) -> models.Entry:
    registry = project.registry()
    whole = registry.resolve(name, version)
    act(registry, whole, system_clock(0))
    publish_now(project)
    return registry.entry(name, whole)


def publish_now(project: Project) -> bool:
    """Give the steps that have no leaf yet theirs; False while another process writes, or where there is no journal.

    What is left out is published when the desk is opened next.
    """
    try:
        with read_journal(project) as there:
            if not there.position:
                return False
        with writing(project) as (journal, log):
            if publish_history(project, journal):
                extend_ledger(journal, log)
                sign_log(project, log)
            return True
    except StateError as error:
        if error.code not in ("log.locked", "log.absent"):
            raise
        return False


def publish_history(project: Project, journal: Journal) -> int:
    """Append a leaf for every step that the journal does not hold yet, and say how many.

    Each leaf names the digest of all steps up to its own, so that the history cannot be shortened or written anew.

    Raises
    ------
    TamperError
        When the history is not the one whose leaves the journal holds.
    """
    noted = project.registry().history.noted()
    mark = _last(project, journal)
    if mark is not None:
        _hold(project, journal, noted, mark)
    waiting = noted[mark.steps if mark is not None else 0 :]
    if not waiting:
        return 0
    position = 0
    for step in waiting:
        position = journal.append_evidence(LEAVES[step.event.kind], msgspec.to_builtins(step))
    journal.flush()
    _keep(project, _Mark(len(noted), position))
    return len(waiting)


def check_history(project: Project, journal: Journal) -> int:
    """Hold every leaf of a step against the history, one by one, and say how many there are.

    Raises
    ------
    TamperError
        When a leaf stands for another step than the history has at its place.
    """
    noted, held = project.registry().history.noted(), 0
    for entry in journal.read(kinds=("evidence",)):
        if isinstance(entry.record, Evidence) and entry.record.kind in LEAVES.values():
            if held >= len(noted) or entry.record.payload != msgspec.to_builtins(noted[held]):
                raise _differs(project, len(noted), held + 1)
            held += 1
    return held


def _differs(project: Project, steps: int, published: int) -> TamperError:
    folder = project.registry().history.folder
    return TamperError(WORDS("history.differs", given=steps, published=published), Place(str(folder)))


def _hold(project: Project, journal: Journal, noted: tuple[Noted, ...], mark: _Mark) -> None:
    leaf = _step_at(journal, mark.position)
    if leaf is None or len(noted) < mark.steps or leaf.payload != msgspec.to_builtins(noted[mark.steps - 1]):
        raise _differs(project, len(noted), mark.steps)


def _step_at(journal: Journal, position: int) -> Evidence | None:
    """What the journal holds at a position, where that is a step in a model's life."""
    entry = next(journal.read(start=position, stop=position + 1), None)
    record = None if entry is None else entry.record
    return record if isinstance(record, Evidence) and record.kind in LEAVES.values() else None


def _last(project: Project, journal: Journal) -> _Mark | None:
    """The last step that the journal holds: from the mark, else by reading the journal through."""
    path = _mark_path(project)
    if path.is_file():
        mark = msgspec.json.decode(path.read_bytes(), type=_Mark)
        if _step_at(journal, mark.position) is not None:
            return mark
    found = None
    for entry in journal.read(kinds=("evidence",)):
        if isinstance(entry.record, Evidence) and entry.record.kind in LEAVES.values():
            found = _Mark(entry.record.payload["number"] + 1, entry.position)
    if found is not None:
        _keep(project, found)
    return found


def _keep(project: Project, mark: _Mark) -> None:
    atomic_write(_mark_path(project), msgspec.json.encode(mark))


def _mark_path(project: Project) -> Path:
    return project.state / "registry" / "published.json"
