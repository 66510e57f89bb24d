"""The reference of labels is what the engine does: every section's events are counted by its code, in columns and live.

A section's tables are read by their first column: the `id` of a stream makes it a table of events, the name of an
entity or `t` a table of points with the labels' values. Amounts are in minor units, clock times in Berlin.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.docs.reading import Section, Table, sections

from tallystick.core import FieldType, parse_instant, to_instant
from tallystick.labels import Events, Family, Label, Library, Vector
from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.definition.define import Aggregate, Own, Per, Windowed
from tallystick.labels.meaning.reasons import REASONS
from tallystick.labels.meaning.windows import UNITS
from tallystick.labels.plan import AFTER, BEFORE, CALENDAR, EVENTS, LIFETIME, SESSION, SPAN, Leaf

PAGE = Path(__file__).parents[2] / "docs" / "labels-reference.md"
ZONE = "Europe/Berlin"
POINT = ("t", "k", "own", "why")
CELLS = {"yes": True, "no": False}
DTYPES: Mapping[str, Any] = {"real": pl.Float64, "flag": pl.Boolean, "date": pl.Date, "text": pl.String}


@lru_cache(maxsize=1)
def page() -> tuple[Section, ...]:
    return tuple(sections(PAGE))


@lru_cache(maxsize=1)
def declared() -> Mapping[str, Any]:
    """What the page's first block declares for all sections."""
    first = next(block for section in page() for block in section.blocks if block.language == "python")
    found: dict[str, Any] = {}
    exec(compile("\n" * (first.line - 1) + first.text, PAGE.name, "exec"), found)
    return found


def worked() -> list[Section]:
    """The sections that show code, the declarations excepted."""
    shown = [one for one in page() if any(block.language == "python" for block in one.blocks)]
    return shown[1:]


def written(section: Section) -> tuple[dict[str, Label | Family], dict[str, Events]]:
    """The labels that a section writes, and the streams that it may use."""
    found = dict(declared())
    for block in section.blocks:
        if block.language == "python":
            exec(compile("\n" * (block.line - 1) + block.text, PAGE.name, "exec"), found)
    before = declared()
    new = {name: value for name, value in found.items() if before.get(name) is not value}
    labels = {name: one for name, one in new.items() if isinstance(one, Label | Family) and not name.startswith("_")}
    streams = [value for value in found.values() if isinstance(value, Events)]
    return labels, {events.id: events for events in streams}


def moment(text: str) -> int:
    return parse_instant(text.replace(" ", "T"), ZONE)


def held(text: str, kind: FieldType | None) -> Any:
    """A cell as its column holds it; without a type it is text."""
    if not text:
        return None
    match kind.kind if kind else "text":
        case "money" | "decimal" | "integer":
            return int(text)
        case "real":
            return float(text)
        case "flag":
            return CELLS[text]
        case "instant":
            return moment(text)
        case "date":
            return date.fromisoformat(text)
        case _:
            return text


def facts_of(table: Table, events: Events) -> pl.DataFrame:
    """The events of a table, as facts of their stream."""
    instants = {events.at, "known_at", *(spec.known_at for spec in events.fields.values() if spec.known_at)}
    types = {name: spec.type for name, spec in events.fields.items()} | dict.fromkeys(instants, FieldType("instant"))
    types |= {"revision": FieldType("integer"), "retract": FieldType("flag")}
    return pl.DataFrame(
        [
            pl.Series(
                name,
                [held(cells[place], types.get(name)) for _, cells in table.rows],
                DTYPES.get(types[name].kind, pl.Int64) if name in types else pl.String,
            )
            for place, name in enumerate(table.columns)
        ]
    )


def shown(value: Any, kind: FieldType, reason: str | None, approximate: bool) -> str:
    """A value as the page writes it; an instant, which live is a whole number, as "@" and that."""
    if reason:
        return f"*{reason}*"
    if kind.kind == "instant":
        return f"@{to_instant(value) if isinstance(value, datetime) else value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ("≈" if approximate else "") + (repr(value) if isinstance(value, float) else str(value))


def expected(cell: str) -> str:
    """A cell's value in the same spelling: a clock time is an instant, thousands may be set apart by commas."""
    if re.match(r"\d{4}-\d\d-\d\d ", cell):
        return f"@{moment(cell)}"
    if re.fullmatch(r"≈?-?\d{1,3}(,\d{3})+", cell):
        return cell.replace(",", "")
    return cell.replace("`", "")


class Asked:
    """A section's labels over its events, by both executors."""

    def __init__(self, section: Section) -> None:
        labels, streams = written(section)
        self.library = Library(labels, {events.stream: events for events in streams.values()}, zone=ZONE)
        self.facts: dict[str, pl.DataFrame] = {}
        self.points: list[Table] = []
        self.own = ""
        for table in section.tables:
            events = streams.get(table.columns[0])
            if events is not None:
                self.facts[events.stream] = facts_of(table, events)
                self.own = self.own or events.stream
            elif table.columns[0] in (*self.library.entities, "t"):
                self.points.append(table)
        self.used = {leaf.stream for leaf in self.library.leaves()} | self.facts.keys()
        self.live = self.library.live()
        rows = [(stream, row) for stream, frame in self.facts.items() for row in frame.iter_rows(named=True)]
        for stream, row in sorted(rows, key=lambda one: int(one[1].get("known_at") or one[1]["at"])):
            given = {name: value for name, value in row.items() if value is not None or name != "known_at"}
            self.live.observe({**given, "stream": stream})

    def at(self, table: Table) -> list[tuple[int, dict[str, tuple[str, str, str]]]]:
        """For each row of a table its line, and for each label what the page says, the columns, and live."""
        names = [name for name in table.columns if name in self.library.labels]
        entities = [name for name in table.columns if name in self.library.entities]
        assert len(names) + len(entities) == sum(name not in POINT for name in table.columns), table.columns
        rows = [dict(zip(table.columns, cells, strict=True)) for _, cells in table.rows]
        points = pl.DataFrame(
            {
                **{name: [row[name] for row in rows] for name in entities},
                "t": [moment(row["t"]) for row in rows],
                "k": [self._known(row) for row in rows],
                "stream": [self.own if row.get("own") else None for row in rows],
                "id": [row.get("own") or None for row in rows],
            },
            schema_overrides={"k": pl.Int64, "stream": pl.String, "id": pl.String},
        )
        found = self.library.at(points, names, self.facts)
        answers = []
        for (line, _), row, one in zip(table.rows, rows, found.iter_rows(named=True), strict=True):
            own = (self.own, row["own"]) if row.get("own") else None
            keys = {name: row[name] for name in entities}
            vector = self.live.now(keys, one["t"], k=one["k"], own=own, labels=names)
            answers.append((line, {name: self._three(name, row[name], one, vector) for name in names}))
        return answers

    @staticmethod
    def _known(row: Mapping[str, str]) -> int | None:
        if row.get("k"):
            return moment(row["k"])
        return None if row.get("own") else moment(row["t"])

    def _three(self, name: str, cell: str, one: Mapping[str, Any], vector: Vector) -> tuple[str, str, str]:
        kind = self.library.labels[name].type
        column = shown(one[name], kind, one[f"{name}__missing"], bool(one.get(f"{name}__approximate")))
        live = shown(vector[name], kind, vector.missing.get(name), name in vector.approximate)
        return expected(cell), column, live


@pytest.mark.parametrize("section", worked(), ids=lambda one: one.title)
def test_a_section_gives_the_values_it_shows(section: Section) -> None:
    """Its events, counted by its code at its points, give its values: over history and one event at a time."""
    asked = Asked(section)
    assert asked.points, "no table of points"
    compared = set()
    for table in asked.points:
        for line, labels in asked.at(table):
            for name, (page_says, column, live) in labels.items():
                assert (column, live) == (page_says, page_says), f"{PAGE.name}:{line} {name}"
                compared.add(name)
    assert compared == set(asked.library.labels), "labels without a value"


def titled() -> dict[str, Section]:
    return {one.title: one for one in page()}


def kinds_of(section: Section) -> set[str]:
    return {leaf.kind for leaf in leaves(section)}


def leaves(section: Section) -> tuple[Leaf, ...]:
    labels, streams = written(section)
    library = Library(labels, {events.stream: events for events in streams.values()}, zone=ZONE)
    return library.leaves()


@pytest.mark.parametrize("kind", [*ALGEBRA, "own"])
def test_every_aggregate_has_its_section(kind: str) -> None:
    """A heading named like it, with code that uses it; what it reads and gives is what the algebra says."""
    section = titled()[kind]
    assert kind in kinds_of(section)
    facts = re.search(r"^Reads (.+)\. Gives (.+)\. Empty window: (.+)\.$", section.prose, re.MULTILINE)
    assert facts is not None, f"{kind}: no line of types"
    if kind == "own":
        return
    declared_kind = ALGEBRA[kind]
    reads = ", ".join(declared_kind.columns) if declared_kind.columns else "events"
    reads = "any type" if len(declared_kind.columns) == 8 else reads
    given = {"column": "the column's type", "list": "text"}.get(declared_kind.gives, declared_kind.gives)
    assert (facts[1], facts[2].partition(",")[0], facts[3]) == (reads, given, "0" if declared_kind.empty else "missing")


@pytest.mark.parametrize("form", [SPAN, EVENTS, LIFETIME, *UNITS, SESSION, AFTER, BEFORE])
def test_every_window_has_its_section(form: str) -> None:
    """A heading named like it, with code that uses it."""
    windows = {
        leaf.window.unit if leaf.window.kind == CALENDAR else leaf.window.kind for leaf in leaves(titled()[form])
    }
    assert form in windows


def test_every_verb_is_shown() -> None:
    """Every public method of what a label file writes is used in some section, and every option of a window."""
    code = "\n".join(block.text for one in page() for block in one.blocks if block.language == "python")
    for owner in (Per, Aggregate, Windowed, Own, Family, Events):
        fields = set(owner.__struct_fields__)
        verbs = [name for name in dir(owner) if not name.startswith("_") and name not in fields]
        for verb in verbs:
            if not isinstance(getattr(owner, verb), property):
                assert f".{verb}(" in code, f"{owner.__name__}.{verb}"
    for option in ("delay", "including_present", "back", "to_date", "within", "where", "cap", "per", "half_life"):
        assert f"{option}=" in code, option


def test_every_reason_is_explained() -> None:
    """The reasons of a missing value are listed, and no other."""
    table = titled()["Missing values"].tables[0]
    assert {cells[0].strip("`") for _, cells in table.rows} == set(REASONS) - {""}
