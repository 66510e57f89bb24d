"""What answers: the champion of a flow, and, by version, the champion that took a recorded decision."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from tallystick import compliance, decisions, labels, models
from tallystick.core import Field, FieldType, StateError
from tallystick.desk.flows import Flow
from tallystick.desk.frames import DecisionRecord
from tallystick.desk.project import Project, schemas_of
from tallystick.desk.words import WORDS
from tallystick.store import atomic_write, read_bytes

_SUFFIX = {"decision": ".dmn", "labels": ".py", "reasons": ".toml"}


class Champion(msgspec.Struct, frozen=True):
    """All that one flow needs to answer: its model, decision, labels, types and words, with their versions."""

    flow: Flow
    model: models.Model
    tables: decisions.Model
    decision_inputs: tuple[str, ...]
    labels: tuple[str, ...]
    label_types: Mapping[str, FieldType]
    fields: Mapping[str, Field]
    reasons: compliance.Reasons
    zone: str
    versions: Mapping[str, str]


def crown(project: Project, flow: Flow, model: models.Model | None = None) -> Champion:
    """Gather what a flow answers with; `model` defaults to the champion of the registry.

    Raises
    ------
    StateError
        When there is no champion, or a label it was trained on means something else today.
    """
    model = model or project.registry().load(flow.model)
    trained = model.card.get("versions", {}).get("labels", {})
    for name in model.labels:
        if name not in project.library.versions or trained.get(name, "") != project.library.versions[name]:
            raise StateError(WORDS("model.stale", given=model.name, label=name))
    tables = project.decisions[flow.file]
    wanted = tuple(item.name for item in tables.inputs(flow.decision_name))
    names = tuple(dict.fromkeys([*model.labels, *(name for name in wanted if name in project.library.labels)]))
    return Champion(
        flow=flow,
        model=model,
        tables=tables,
        decision_inputs=wanted,
        labels=names,
        label_types={name: project.library.labels[name].type for name in names},
        fields=project.schema(flow.stream),
        reasons=project.reasons,
        zone=project.zone,
        versions={
            "model": model.version,
            "decision": tables.version,
            "reasons": project.reasons.version,
            "labels": project.labels_version(names),
        },
    )


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
    names, tables = tuple(record.vector), project.decisions.get(flow.file)
    today = {
        "decision": tables.version if tables is not None else "",
        "labels": project.labels_version(names) if set(names) <= set(project.library.labels) else "",
        "reasons": project.reasons.version,
    }
    for what, version in today.items():
        if version != record.versions[what]:
            project = _restored(project, flow, what, record)
    if flow.decision_name not in project.decisions[flow.file].decisions:
        raise _gone(record, "decision", flow.decision)
    champion = crown(project, flow, project.registry().load(flow.model, record.versions["model"]))
    for what, version in record.versions.items():
        if champion.versions[what] != version:
            raise _gone(record, what, version[:12])
    return project, champion


def _restored(project: Project, flow: Flow, what: str, record: DecisionRecord) -> Project:
    """The project with one definition as it was when the decision was taken."""
    kept = _kept(project, what, record.versions[what])
    if not kept.exists():
        raise _gone(record, what, record.versions[what][:12])
    if what == "decision":
        return msgspec.structs.replace(project, decisions={**project.decisions, flow.file: decisions.load(kept)})
    if what == "labels":
        schemas = schemas_of(project.sources)
        library = labels.Library.from_file(kept, zone=project.zone, lake=project.lake().facts, schemas=schemas)
        return msgspec.structs.replace(project, library=library)
    return msgspec.structs.replace(project, reasons=compliance.read_reasons(kept))


def _files(project: Project, table: str) -> dict[str, Path]:
    """What a champion is read from, by the names of its versions; models have a registry of their own."""
    root = project.root
    return {"decision": root / "decisions" / table, "labels": root / "labels.py", "reasons": root / "reasons.toml"}


def _kept(project: Project, what: str, version: str) -> Path:
    return project.state / "registry" / "definitions" / f"{what}-{version}{_SUFFIX[what]}"


def _gone(record: DecisionRecord, what: str, version: str) -> StateError:
    return StateError(WORDS("replay.version", given=record.request_id, what=what, version=version))
