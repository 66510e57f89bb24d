"""What answers: the champion of a flow, and, by version, the champion that took a recorded decision."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tallystick import compliance, decisions, labels, models
from tallystick.core import Field, FieldType, StateError, content_version
from tallystick.desk.flows import Flow
from tallystick.desk.frames import DecisionRecord
from tallystick.desk.points import reachable_labels
from tallystick.desk.project import Project, schemas_of
from tallystick.desk.words import WORDS
from tallystick.store import atomic_write, read_bytes

_SETTING_SEMANTICS = 1
_FILES = {"labels": "labels.py", "reasons": "reasons.toml"}
"""What of a champion is read from one file of the project; models have a registry of their own."""


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a decision of label values: model, tables, and how values are read."""

    model: models.Model
    tables: decisions.Model
    decision_name: str
    decision_inputs: tuple[str, ...]
    label_types: Mapping[str, FieldType]
    fields: Mapping[str, Field]
    zone: str
    money: FieldType


class Champion(Judge, frozen=True, kw_only=True):
    """All that one flow needs to answer: what judges, its labels and words, with their versions."""

    flow: Flow
    labels: tuple[str, ...]
    reasons: compliance.Reasons
    versions: Mapping[str, str]


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From what a decision is made and how it reads its values; its version stands in the record of every decision.

    `decision` is "file.dmn#Decision name", `tables` the SHA-256 (hex) of each file by name. `labels` and the event's
    `fields` have their types as in sources.toml; `money` is the type of limits. So a stranger who takes the decision
    again can read its files and the recorded values in one way only.
    """

    decision: str
    tables: dict[str, str]
    labels: dict[str, str]
    fields: dict[str, str]
    zone: str
    money: str

    @property
    def version(self) -> str:
        """Its content version."""
        return content_version("setting", self, _SETTING_SEMANTICS)


def setting_of(judge: Judge) -> Setting:
    """The setting of what judges."""
    read = [name for name in judge.decision_inputs if name in judge.fields and name not in judge.label_types]
    return Setting(
        decision=f"{judge.tables.sources[0][0]}#{judge.decision_name}",
        tables={name: hashlib.sha256(data).hexdigest() for name, data in judge.tables.sources},
        labels={name: str(kind) for name, kind in judge.label_types.items()},
        fields={name: str(judge.fields[name].type) for name in read},
        zone=judge.zone,
        money=str(judge.money),
    )


def crown(
    project: Project, flow: Flow, model: models.Model | None = None, names: tuple[str, ...] | None = None
) -> Champion:
    """Gather what a flow answers with.

    Parameters
    ----------
    project, flow
        The definitions.
    model
        The champion of the registry without it.
    names
        The labels of a decision's vector; without it those of model and decision, and those of the challengers, so
        that a challenger can be scored afterwards on what was known then.

    Raises
    ------
    StateError
        When there is no champion, or a label it was trained on means something else today.
    """
    model = model or project.registry().load(flow.model)
    check_labels(project, model)
    tables = project.decisions[flow.file]
    wanted = tuple(item.name for item in tables.inputs(flow.decision_name))
    if names is None:
        read = [*model.labels, *(name for name in wanted if name in project.library.labels)]
        names = tuple(dict.fromkeys([*read, *_challenged(project, flow)]))
    champion = Champion(
        flow=flow,
        decision_name=flow.decision_name,
        model=model,
        tables=tables,
        decision_inputs=wanted,
        labels=names,
        label_types={name: project.library.labels[name].type for name in names},
        fields=project.schema(flow.stream),
        reasons=project.reasons,
        zone=project.zone,
        money=_money(project, model),
        versions={
            "model": model.version,
            "decision": tables.version,
            "reasons": project.reasons.version,
            "labels": project.labels_version(names),
        },
    )
    return msgspec.structs.replace(champion, versions={**champion.versions, "setting": setting_of(champion).version})


def _challenged(project: Project, flow: Flow) -> list[str]:
    """The labels that the challengers of a flow's model read and an event of its stream can have."""
    registry, known = project.registry(), set(reachable_labels(project, flow.stream))
    found = [registry.load(flow.model, version).labels for version in registry.challengers(flow.model)]
    return [name for names in found for name in names if name in known]


def _money(project: Project, model: models.Model) -> FieldType:
    """In what a model's limits are: the money of the label that they hang on, else that of the project."""
    terms = model.definition.terms
    base = project.library.labels[terms.base].type if terms is not None and terms.base else None
    if base is not None and base.kind == "money":
        return base
    return FieldType.parse(f"money({project.settings.project.currency})")


def check_labels(project: Project, model: models.Model) -> None:
    """Raise `StateError` when a label of a model means something else today than when it was trained."""
    trained = model.card.get("versions", {}).get("labels", {})
    for name in model.labels:
        if name not in project.library.versions or trained.get(name, "") != project.library.versions[name]:
            raise StateError(WORDS("model.stale", given=model.name, label=name))


def archive(project: Project, champion: Champion) -> None:
    """Keep the files that a champion was read from, each under its version; what is kept already is left alone."""
    for what, source in _FILES.items():
        kept = _kept(project, what, champion.versions[what])
        if not kept.exists():
            atomic_write(kept, read_bytes(project.root / source))
    for name, data in champion.tables.sources:
        kept = _kept(project, "setting", champion.versions["setting"]) / name
        if not kept.exists():
            atomic_write(kept, data)


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
    names = tuple(record.vector)
    today = {
        "labels": project.labels_version(names) if set(names) <= set(project.library.labels) else "",
        "reasons": project.reasons.version,
    }
    for what, version in today.items():
        if version != record.versions[what]:
            project = _restored(project, what, record)
    kept = _kept(project, "setting", record.versions.get("setting", "-"))
    if kept.is_dir():
        tables = decisions.load(kept / flow.file)
        project = msgspec.structs.replace(project, decisions={**project.decisions, flow.file: tables})
    if flow.file not in project.decisions or flow.decision_name not in project.decisions[flow.file].decisions:
        raise _gone(record, "decision", flow.decision)
    champion = crown(project, flow, project.registry().load(flow.model, record.versions["model"]), names)
    for what, version in record.versions.items():
        if champion.versions.get(what) != version:
            raise _gone(record, what, version[:12])
    return project, champion


def _restored(project: Project, what: str, record: DecisionRecord) -> Project:
    """The project with labels or reasons as they were when the decision was taken."""
    kept = _kept(project, what, record.versions[what])
    if not kept.exists():
        raise _gone(record, what, record.versions[what][:12])
    if what == "labels":
        schemas = schemas_of(project.sources)
        library = labels.Library.from_file(kept, zone=project.zone, lake=project.lake().facts, schemas=schemas)
        return msgspec.structs.replace(project, library=library)
    return msgspec.structs.replace(project, reasons=compliance.read_reasons(kept))


def _kept(project: Project, what: str, version: str) -> Path:
    """Where a definition is kept; that of a setting is a folder with the files of its tables."""
    suffix = Path(_FILES.get(what, "")).suffix
    return project.state / "registry" / "definitions" / f"{what}-{version}{suffix}"


def _gone(record: DecisionRecord, what: str, version: str) -> StateError:
    return StateError(WORDS("replay.version", given=record.request_id, what=what, version=version))
