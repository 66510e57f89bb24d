"""Steps in a model's life as a person asks for them, and a leaf in the log for every one."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import sqlalchemy as sql

from tallystick import models
from tallystick.core import InputError, Instant, Place, StateError, TamperError
from tallystick.desk.evidence import read_journal, sign_log, writing
from tallystick.desk.index import evidence_at, last_evidence, update_index
from tallystick.desk.journal import Evidence, Journal, extend_ledger
from tallystick.desk.models_words import WORDS
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.store import read_bytes
from tallystick.store.sql import connect

LEAVES = {
    "stored": "model stored",
    "validated": "model validation",
    "approved": "model approval",
    "promoted": "model promotion",
    "challenger": "model challenge",
    "retired": "model retirement",
}
"""The kind of leaf that stands for each kind of step."""


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
        index = connect(project.state / "state.db")
        try:
            with writing(project) as (journal, log):
                # Another writer of the team publishes them too: nobody may between the look and the leaves.
                journal.take()
                update_index(journal, index)
                published = publish_history(project, journal, index)
                journal.flush()
                if published:
                    extend_ledger(journal, log)
                    sign_log(project, log)
                return True
        finally:
            index.dispose()
    except StateError as error:
        if error.code not in ("log.locked", "log.absent"):
            raise
        return False


def publish_history(project: Project, journal: Journal, index: sql.Engine) -> int:
    """Buffer a leaf for every step that the journal does not hold yet, and say how many.

    The index must be that of the journal as it is, and the turn this writer's. Each leaf names the digest of all steps
    up to its own, so that the history cannot be shortened or written anew.

    Raises
    ------
    TamperError
        When the history is not the one whose leaves the journal holds, or the index is of another journal.
    """
    noted, published = project.registry().history.noted(), 0
    places = [place for kind in LEAVES.values() if (place := last_evidence(index, kind)) is not None]
    if places:
        record = evidence_at(journal, index, max(places), LEAVES.values())
        published = record.payload["number"] + 1
        if len(noted) < published or record.payload != msgspec.to_builtins(noted[published - 1]):
            raise _differs(project, len(noted), published)
    for step in noted[published:]:
        journal.append_evidence(LEAVES[step.event.kind], msgspec.to_builtins(step))
    return len(noted) - published


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
