"""A project folder → its definitions: sources, labels, model recipes, decisions, flows and words."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from tallystick import compliance, data, decisions, labels, models
from tallystick.core import (
    DefinitionError,
    Faults,
    Field,
    Place,
    TallystickError,
    content_version,
)
from tallystick.desk.flows import Flow, check_flow, read_flows
from tallystick.desk.retention import FILE as RETENTION
from tallystick.desk.retention import read_retention
from tallystick.desk.settings import Settings, read_settings
from tallystick.desk.trust import read_trust
from tallystick.desk.words import WORDS

T = TypeVar("T")


class Project(msgspec.Struct, frozen=True):
    """The definitions of one project folder, read and checked together."""

    root: Path
    settings: Settings
    sources: Mapping[str, data.Source]
    library: labels.Library
    recipes: Mapping[str, models.Recipe]
    decisions: Mapping[str, decisions.Model]
    flows: Mapping[str, Flow]
    reasons: compliance.Reasons

    @property
    def zone(self) -> str:
        """The project's time zone (IANA name)."""
        return self.settings.project.time_zone

    @property
    def state(self) -> Path:
        """Where state lies: `.tallystick` in the project folder unless `[state] folder` says otherwise."""
        return self.root / self.settings.state.get("folder", ".tallystick")

    def lake(self) -> data.Lake:
        """The project's history."""
        return data.Lake(self.state / "lake", self.zone)

    def registry(self) -> models.Registry:
        """The project's trained models."""
        return models.Registry(
            self.state / "registry", {name: recipe.governance for name, recipe in self.recipes.items()}
        )

    def labels_version(self, names: Iterable[str]) -> str:
        """One content version of several labels, by name."""
        return content_version("labels", {name: self.library.versions[name] for name in names}, labels.SEMANTICS)

    def lineage(self) -> dict[str, tuple[str, ...]]:
        """Label → the source columns it reads."""
        return {name: label.columns for name, label in self.library.labels.items()}

    def schema(self, stream: str) -> Mapping[str, Field]:
        """The fields of a stream's source."""
        return self.sources[stream].fields


def load_project(root: Path) -> Project:
    """Read every definition of a project folder; all faults are collected and raised together.

    Parameters
    ----------
    root
        A folder with tallystick.toml, sources.toml, labels.py, models.toml, decisions/, flows.toml and reasons.toml.

    Raises
    ------
    UsageError
        When the folder is no project.
    DefinitionErrors
        With every fault found, each with its place.
    """
    root = root.resolve()
    settings = read_settings(root)
    faults = Faults()

    sources: dict[str, data.Source] = _collect(faults, lambda: _sources(root, settings), {})
    lake = data.Lake(root / settings.state.get("folder", ".tallystick") / "lake", settings.project.time_zone)
    library = _collect(
        faults,
        lambda: labels.Library.from_file(
            root / "labels.py", zone=settings.project.time_zone, lake=lake.facts, schemas=schemas_of(sources)
        ),
        None,
    )
    recipes: dict[str, models.Recipe] = _collect(
        faults, lambda: models.read_models(root / "models.toml", settings.project.time_zone), {}
    )
    tables: dict[str, decisions.Model] = {}
    for path in sorted((root / "decisions").glob("*.dmn")):
        model = _collect(faults, partial(decisions.load, path), None)
        if model is not None:
            tables[path.name] = model
    flows: dict[str, Flow] = _collect(faults, lambda: read_flows(root / "flows.toml"), {})
    reasons = _collect(faults, lambda: compliance.read_reasons(root / "reasons.toml"), None)
    vkey = root / settings.state.get("folder", ".tallystick") / "ledger" / "vkey"
    _collect(faults, lambda: read_retention(root / RETENTION, sources), None)
    _collect(faults, lambda: read_trust(root, settings.ledger.policy, vkey), None)
    # What names a definition that could not be read is not itself at fault.
    faults.raise_any()
    assert library is not None
    assert reasons is not None
    project = Project(root, settings, sources, library, recipes, tables, flows, reasons)
    _check(project, faults)
    faults.raise_any()
    return project


def _check(project: Project, faults: Faults) -> None:
    """What no room can see alone: streams against sources, recipes against labels, flows against all."""
    library, path = project.library, str(project.root / "labels.py")
    for stream in library.streams:
        if stream not in project.sources:
            message = WORDS("flow.source", given=stream, allowed=", ".join(sorted(project.sources)) or "-")
            faults.add(DefinitionError(message, Place(path)))
    schemas = schemas_of(project.sources)
    roles = {name: (source.id, source.at, str(source.lateness)) for name, source in project.sources.items()}
    if all(stream in schemas for stream in library.streams):
        _collect(faults, lambda: library.check(schemas, roles), None)
    kinds = {name: str(label.type) for name, label in library.labels.items()}
    for recipe in project.recipes.values():
        _collect(faults, partial(recipe.check, kinds, project.lineage()), None)
        _collect(faults, partial(check_target, recipe, schemas), None)
        _collect(faults, partial(recipe.check_fields, schemas), None)
        _collect(faults, partial(check_protected, recipe, schemas, library.labels), None)
    for flow in project.flows.values():
        if check_flow(flow, project, faults):
            _collect(faults, partial(_check_reasons, project, flow), None)


def _check_reasons(project: Project, flow: Flow) -> None:
    """Every label of a flow's model, every code of its rules and every adverse outcome needs words for the customer."""
    tables = project.decisions[flow.file]
    outcomes = tables.outcomes(flow.decision_name) or project.reasons.letter.adverse
    # A label that does not exist is the recipe's fault alone.
    known = [name for name in project.recipes[flow.model].labels if name in project.library.labels]
    project.reasons.check(known, outcomes, tables.reason_codes())


def schemas_of(sources: Mapping[str, data.Source]) -> dict[str, Mapping[str, Field]]:
    """Source → its fields."""
    return {name: source.fields for name, source in sources.items()}


def check_target(recipe: models.Recipe, schemas: Mapping[str, Mapping[str, Field]]) -> None:
    """Hold a recipe's target against the fields of the stream whose events are its points."""
    fields = schemas.get(recipe.points, {})
    allowed = [f"{recipe.points}.{name}" for name in fields]
    if recipe.target not in allowed:
        message = WORDS("target.field", model=recipe.name, given=recipe.target, allowed=", ".join(allowed) or "-")
        raise DefinitionError(message, recipe.place or Place())


def check_protected(recipe: models.Recipe, schemas: Mapping[str, Mapping[str, Field]], known: Collection[str]) -> None:
    """Hold what a recipe protects against labels and columns: a misspelt name would hold nothing back."""
    columns = {
        column for stream, fields in schemas.items() for field in fields for column in (field, f"{stream}.{field}")
    }
    for name in recipe.protected:
        if name not in columns and name not in known:
            near = difflib.get_close_matches(name, [*columns, *known], n=3, cutoff=0.4)
            message = WORDS("protected.unknown", model=recipe.name, given=name, near=", ".join(near) or "-")
            raise DefinitionError(message, recipe.place or Place())


def _collect(faults: Faults, read: Callable[[], T], otherwise: T) -> T:
    """Run one reader; keep its faults and go on, so that a person sees all of them at once."""
    try:
        return read()
    except TallystickError as error:
        faults.add(error)
        return otherwise


def _sources(root: Path, settings: Settings) -> dict[str, data.Source]:
    named = {name: os.environ.get(f"TALLYSTICK_{name.upper()}", folder) for name, folder in settings.paths.items()}
    sources = data.read_sources(root / "sources.toml")

    def resolve(source: data.Source) -> data.Source:
        def folder(match: re.Match[str]) -> str:
            if match[1] not in named:
                message = WORDS("project.path", given=source.files, name=match[1], allowed=", ".join(named) or "-")
                raise DefinitionError(message, Place(str(root / "sources.toml"), cell=source.name))
            return named[match[1]]

        return msgspec.structs.replace(source, files=tuple(re.sub(r"\{(\w+)\}", folder, path) for path in source.files))

    return {name: resolve(source) for name, source in sources.items()}
