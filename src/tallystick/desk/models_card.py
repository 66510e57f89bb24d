"""The model card with lineage and life, and the inventory of all models."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tallystick import models
from tallystick.core import Instant, Message, format_instant
from tallystick.desk.catalogue import catalogue
from tallystick.desk.models_words import WORDS
from tallystick.desk.project import Project
from tallystick.models.governance import Event

Cell = str | Message


class Section(msgspec.Struct, frozen=True):
    """A part of a card: its heading, and a table whose rows have as many cells as there are columns."""

    title: Message
    columns: tuple[Message, ...]
    rows: tuple[tuple[Cell, ...], ...]


class ModelCard(msgspec.Struct, frozen=True):
    """All that is known of one version: as sections for people and as one document for programs."""

    title: Message
    sections: tuple[Section, ...]
    document: dict[str, Any]


class LabelSource(msgspec.Struct, frozen=True):
    """One label of a model: version then and now, type, grade, source columns and the files they come from."""

    label: str
    version: str
    changed: bool
    type: str = ""
    grade: str = ""
    columns: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class InventoryRow(msgspec.Struct, frozen=True):
    """One version of one model, or a recipe that was never trained (`version` is "" then); instants as text.

    Of a `damaged` file the history alone is told.
    """

    name: str
    version: str
    status: str
    owner: str
    purpose: str
    since: str
    expires: str
    expired: bool
    approvals: str
    missing: int
    validated: str
    valid: bool | None
    flows: str
    gates_failed: str
    damaged: bool = False


def inventory(project: Project, now: Instant) -> list[InventoryRow]:
    """Every version of every model, and recipes without one: the champion first, then by when it became what it is.

    Parameters
    ----------
    project
        A checked project.
    now
        Against which expiry is judged, in microseconds UTC.
    """
    entries = project.registry().entries()
    order = {"champion": 0, "challenger": 1, "approved": 2, "candidate": 3, "retired": 4}
    entries.sort(key=lambda entry: (entry.name, order[entry.standing.status], -(entry.standing.since or 0)))
    rows = [_inventory_row(project, entry, now) for entry in entries]
    known = {row.name for row in rows}
    for recipe in project.recipes.values():
        if recipe.name not in known:
            rules = recipe.governance
            flows = ", ".join(_flows(project, recipe.name))
            row = InventoryRow(
                recipe.name, "", "", rules.owner, rules.purpose, "", "", False, "", rules.approvals, "", None, flows, ""
            )
            rows.append(row)
    return sorted(rows, key=lambda row: row.name)


def _inventory_row(project: Project, entry: models.Entry, now: Instant) -> InventoryRow:
    found, rules = entry.standing, entry.governance

    def text(instant: Instant | None) -> str:
        return "" if instant is None else format_instant(instant, project.zone)

    return InventoryRow(
        name=entry.name,
        version=entry.version,
        status=found.status,
        owner=rules.owner,
        purpose=rules.purpose,
        since=text(found.since),
        expires=text(found.expires_at),
        expired=found.expired(now),
        approvals=", ".join(each.by for each in found.approvals),
        missing=found.missing,
        validated=text(found.validation.at if found.validation is not None else None),
        valid=None if found.validation is None else found.validation.passed,
        flows=", ".join(_flows(project, entry.name)) if found.status == "champion" else "",
        gates_failed=", ".join(models.failed_gates(entry.card)),
        damaged=entry.damaged,
    )


def _flows(project: Project, name: str) -> list[str]:
    return [flow.name for flow in project.flows.values() if flow.model == name]


def model_card(project: Project, name: str, version: str = "", now: Instant = 0) -> ModelCard:
    """The card of a version, of the champion without one.

    Raises
    ------
    StateError
        When there is no such version.
    TamperError
        When its file is not what was written.
    """
    registry = project.registry()
    whole = registry.resolve(name, version)
    model, entry = registry.load(name, whole), registry.entry(name, whole)
    sources = label_sources(project, model)
    events = [event for event in registry.history.events() if (event.name, event.version) == (name, whole)]
    row = _inventory_row(project, entry, now)
    document = {
        "name": name,
        "version": whole,
        "inventory": msgspec.to_builtins(row),
        "governance": msgspec.to_builtins(entry.governance),
        "labels": msgspec.to_builtins(sources),
        "history": msgspec.to_builtins(events),
        **{key: value for key, value in entry.card.items() if key != "name"},
    }
    sections = (
        _identity(row, entry.governance),
        _labels(sources),
        _pairs("card.data", "column.table", entry.card.get("versions", {}).get("data", {})),
        _figures(entry.card),
        _gates(entry.card),
        _refused(entry.card),
        _pairs("card.recipe", "column.key", dict(_flat(entry.card.get("recipe", {})))),
        _pairs("card.libraries", "column.library", entry.card.get("libraries", {})),
        _history(project, events),
    )
    return ModelCard(WORDS("card.title", name=name), tuple(each for each in sections if each.rows), document)


def label_sources(project: Project, model: models.Model) -> tuple[LabelSource, ...]:
    """What each label of a model reads, by the project of today, and whether it still means what it was trained on."""
    trained = model.card.get("versions", {}).get("labels", {})
    known, found = catalogue(project), []
    for name in model.labels:
        then = trained.get(name, "")
        if name not in project.library.labels:
            found.append(LabelSource(name, then, True))
            continue
        entry = known[name]
        streams = dict.fromkeys(column.partition(".")[0] for column in entry.columns)
        files = tuple(file for stream in streams for file in project.sources[stream].files)
        found.append(LabelSource(name, then, entry.version != then, entry.type, entry.grade, entry.columns, files))
    return tuple(found)


def _identity(row: InventoryRow, rules: models.Governance) -> Section:
    validated: Cell = row.validated
    if row.valid is not None:
        validated = WORDS("validated.passed" if row.valid else "validated.failed", at=row.validated)
    pairs: list[tuple[str, Cell]] = [
        ("name", row.name),
        ("version", row.version),
        ("status", WORDS(f"status.{row.status}")),
        ("since", row.since),
        ("owner", rules.owner),
        ("developers", ", ".join(rules.developers)),
        ("purpose", rules.purpose),
        ("limits", rules.limits),
        ("approvals", row.approvals),
        ("missing", str(row.missing) if row.missing else ""),
        ("expires", WORDS("expires.past", at=row.expires) if row.expired else row.expires),
        ("validated", validated),
        ("flows", row.flows),
    ]
    rows = tuple((WORDS(f"field.{key}"), value) for key, value in pairs if value)
    return Section(WORDS("card.identity"), (WORDS("column.field"), WORDS("column.value")), rows)


def _labels(sources: Iterable[LabelSource]) -> Section:
    columns = ("label", "version", "type", "grade", "columns", "files")
    rows = tuple(
        (
            each.label,
            WORDS("label.changed", version=each.version[:12]) if each.changed else each.version[:12],
            each.type,
            each.grade,
            ", ".join(each.columns),
            ", ".join(each.files),
        )
        for each in sources
    )
    return Section(WORDS("card.labels"), tuple(WORDS(f"column.{column}") for column in columns), rows)


def _pairs(title: str, column: str, values: Mapping[str, Any]) -> Section:
    rows = tuple((str(key), str(value)) for key, value in values.items())
    return Section(WORDS(title), (WORDS(column), WORDS("column.value")), rows)


def _figures(card: Mapping[str, Any]) -> Section:
    """The metrics of training: cross-validated, and out of time where there is such a sample."""
    report = card.get("report", {})
    names = ("rows", "events", "auc", "gini", "ks", "brier", "calibration_slope")
    cross, later = report.get("cross_validation") or {}, report.get("out_of_time") or {}
    rows = tuple((WORDS(f"figure.{name}"), _number(cross.get(name)), _number(later.get(name))) for name in names)
    heads = (WORDS("column.figure"), WORDS("column.cross_validation"), WORDS("column.out_of_time"))
    return Section(WORDS("card.figures"), heads, rows if report else ())


def _refused(card: Mapping[str, Any]) -> Section:
    """What was inferred of applicants who were refused, and between which bounds it stays unknown."""
    found = card.get("report", {}).get("rejects")
    if not found:
        return Section(WORDS("card.rejects"), (WORDS("column.figure"), WORDS("column.value")), ())
    bounds = found["sensitivity"]
    pairs = [
        ("refused", str(found["rows"])),
        ("method", found["method"]),
        ("inferred_rate", _number(found["bad_rate"])),
        ("bad_rate_bounds", " … ".join(map(_number, bounds["bad_rate_bounds"]))),
        ("auc_bounds", " … ".join(map(_number, bounds["auc_bounds"]))),
        ("auc_accepted", _number(bounds["auc_accepted"])),
    ]
    rows = tuple((WORDS(f"figure.{name}"), value) for name, value in pairs)
    return Section(WORDS("card.rejects"), (WORDS("column.figure"), WORDS("column.value")), rows)


def _gates(card: Mapping[str, Any]) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for gate in card.get("report", {}).get("gates", ()):
        limits = " … ".join("" if limit is None else f"{limit:g}" for limit in (gate["low"], gate["high"]))
        passed = WORDS("gate.passed" if gate["passed"] else "gate.failed")
        rows.append((gate["name"], limits, _number(gate["value"]), gate["sample"], passed))
    columns = ("gate", "limits", "value", "sample", "outcome")
    return Section(WORDS("card.gates"), tuple(WORDS(f"column.{column}") for column in columns), tuple(rows))


def _history(project: Project, events: Iterable[Event]) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for event in events:
        at = format_instant(event.at, project.zone)
        rows.append((at, WORDS(f"event.{event.kind}"), event.by, event.comment, event.report[:12]))
    columns = ("at", "step", "by", "comment", "report")
    return Section(WORDS("card.history"), tuple(WORDS(f"column.{column}") for column in columns), tuple(rows))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value not in (None, "", [], ()):
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def status_words(status: str) -> Message:
    """A status in words."""
    return WORDS(f"status.{status}")


def inventory_csv(rows: Iterable[InventoryRow]) -> str:
    """An inventory as CSV with a head, RFC 4180; a cell that a spreadsheet would run begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(InventoryRow.__struct_fields__)
    for row in rows:
        cells = ["" if value is None else str(value) for value in msgspec.structs.astuple(row)]
        writer.writerow(f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells)
    return out.getvalue()
