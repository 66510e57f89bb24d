"""Definitions by version: what a decision was taken by can be replayed after the project has moved on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tallystick import compliance, decisions, labels
from tallystick.core import StateError
from tallystick.desk.frames import DecisionRecord
from tallystick.desk.house import Champion, crown
from tallystick.desk.project import Project
from tallystick.desk.words import WORDS
from tallystick.store import atomic_write, read_bytes


def archive(project: Project, champion: Champion) -> None:
    """Keep the files that a champion was read from, each under its version; what is kept already is left alone."""
    for what, source in _files(project, champion.flow.file).items():
        kept = _kept(project, what, champion.versions[what])
        if not kept.exists():
            atomic_write(kept, read_bytes(source))


def champion_of(project: Project, record: DecisionRecord) -> tuple[Project, Champion]:
    """The champion that took a recorded decision, and the project with the definitions of that time.

    Raises
    ------
    StateError
        When the flow is gone, or a version is neither the project's nor kept.
    """
    flow = project.flows.get(record.flow)
    if flow is None:
        raise _gone(record, "flow", record.flow)
    model = project.registry().load(flow.model, record.versions["model"])
    champion = crown(project, flow, model)
    changed = {what for what in _files(project, flow.file) if champion.versions[what] != record.versions[what]}
    for what in sorted(changed):
        kept = _kept(project, what, record.versions[what])
        if not kept.exists():
            raise _gone(record, what, record.versions[what][:12])
        if what == "decision":
            tables = {**project.decisions, flow.file: decisions.load(kept)}
            project = msgspec.structs.replace(project, decisions=tables)
        elif what == "labels":
            library = labels.Library.from_file(kept, zone=project.zone, lake=project.lake().facts)
            project = msgspec.structs.replace(project, library=library)
        else:
            project = msgspec.structs.replace(project, reasons=compliance.read_reasons(kept))
    if changed:
        champion = crown(project, flow, model)
        for what in sorted(changed):
            if champion.versions[what] != record.versions[what]:
                raise _gone(record, what, record.versions[what][:12])
    return project, champion


def _files(project: Project, table: str) -> dict[str, Path]:
    """What a champion is read from, by the names of its versions; models have a registry of their own."""
    root = project.root
    return {"decision": root / "decisions" / table, "labels": root / "labels.py", "reasons": root / "reasons.toml"}


def _kept(project: Project, what: str, version: str) -> Path:
    return project.state / "registry" / "definitions" / f"{what}-{version}{_SUFFIX[what]}"


_SUFFIX = {"decision": ".dmn", "labels": ".py", "reasons": ".toml"}


def _gone(record: DecisionRecord, what: str, version: str) -> StateError:
    return StateError(WORDS("replay.version", given=record.request_id, what=what, version=version))
