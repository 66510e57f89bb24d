"""flows.toml: which model and which decision answer an event of which stream."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tallystick.core import DefinitionError, Faults, InputError, Place, parse_instant
from tallystick.core.toml import read_toml
from tallystick.desk.words import WORDS
from tallystick.store import read_bytes

if TYPE_CHECKING:
    from tallystick.desk.project import Project

SCORES = ("score", "pd", "rating", "limit", "price")
"""What a decision may read of the model; a label or a field that is called rating, limit or price goes before."""


class LiveWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """The part of history that `tally run` decides live: [from, to), at most `limit` decisions."""

    from_: str
    to: str = ""
    limit: int = 0


class Flow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One flow: an event of `stream` is scored by the champion `model` and decided by `decision`.

    `decision` is "file.dmn#Decision name". Its inputs are found by name: `score`, `pd`, a label, a field of the event,
    or `rating`, `limit` (in major units) and `price` (a yearly share) of the model. Its value is the outcome as text,
    or a context whose `action` is the outcome. `baseline` names a decision that ranks the event by rules alone.
    `flagged` lists the outcomes that count as an alert.
    """

    stream: str
    model: str
    decision: str
    live: LiveWindow
    baseline: str = ""
    flagged: list[str] = []
    alert_budget: float = 0.005
    name: str = ""
    path: str = ""

    @property
    def file(self) -> str:
        """The DMN file of the decision."""
        return self.decision.partition("#")[0]

    @property
    def decision_name(self) -> str:
        """The decision's name within its file."""
        return self.decision.partition("#")[2]


def read_flows(path: Path) -> dict[str, Flow]:
    """Read flows.toml: one table per flow.

    Raises
    ------
    StateError
        When the file cannot be read.
    DefinitionErrors
        With every faulty line and key.
    """
    tables = read_toml(read_bytes(path), str(path), dict[str, Flow], filled=("name", "path"))
    return {name: msgspec.structs.replace(flow, name=name, path=str(path)) for name, flow in tables.items()}


def check_flow(flow: Flow, project: Project, faults: Faults) -> bool:
    """Hold a flow against the streams, models, decisions, labels and fields it names; returns whether all hold."""
    sound = True

    def fault(code: str, given: str, allowed: str, **more: str) -> None:
        nonlocal sound
        sound = False
        message = WORDS(code, flow=flow.name, given=given, allowed=allowed, **more)
        faults.add(DefinitionError(message, Place(flow.path, cell=flow.name)))

    if flow.stream not in project.library.streams or flow.stream not in project.sources:
        fault("flow.stream", flow.stream, ", ".join(project.library.streams))
        return False
    for instant in filter(None, (flow.live.from_, flow.live.to)):
        try:
            parse_instant(instant, project.zone)
        except InputError as error:
            faults.add(DefinitionError(error.message, Place(flow.path, cell=f"{flow.name}.live")))
    if flow.model not in project.recipes:
        fault("flow.model", flow.model, ", ".join(project.recipes))
    for reference in filter(None, (flow.decision, flow.baseline)):
        file, _, name = reference.partition("#")
        known = [f"{path}#{item}" for path, model in project.decisions.items() for item in model.decisions]
        if reference not in known:
            fault("flow.decision", reference, ", ".join(known) or "-")
            continue
        fields, names = project.schema(flow.stream), project.library.labels
        for item in project.decisions[file].inputs(name):
            if item.name in fields and item.name in names:
                fault("flow.ambiguous", item.name, "-", stream=flow.stream)
            elif item.name not in fields and item.name not in names and item.name not in SCORES:
                near = difflib.get_close_matches(item.name, [*names, *fields, *SCORES], n=3, cutoff=0.4)
                fault("flow.input", item.name, ", ".join(near) or "-", stream=flow.stream, decision=name)
    return sound
