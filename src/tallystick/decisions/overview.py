"""What a model has in it: its decisions, tables and requirements."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tallystick.core import InputError, Language
from tallystick.decisions.model import Model
from tallystick.decisions.records import Element
from tallystick.decisions.sheet import Sheet, policy_name, tables_of
from tallystick.decisions.words import WORDS
from tallystick.feel import normal


class Entry(msgspec.Struct, frozen=True):
    """A decision, knowledge model or service: its logic, and for a table its hit policy and number of rules.

    `logic` is `table`, `expression`, `boxed`, `function`, `service`, or `given` where there is none; `inputs` are the
    names of all that it needs to be given, `type` is that of its value.
    """

    name: str
    logic: str
    policy: str
    rules: int
    inputs: tuple[str, ...]
    type: str


def overview(model: Model) -> tuple[Entry, ...]:
    """Every decision, knowledge model and service of a model, each after those it requires."""
    return tuple(_entry(model, key) for key in (*model.decisions, *model.services))


def _entry(model: Model, key: str) -> Entry:
    element = model._elements[key]
    content = element.logic.content if element.logic is not None else None
    table = content if isinstance(content, dict) and "rules" in content else None
    return Entry(
        key,
        _logic(element),
        policy_name(table["table"]) if table else "",
        len(table["rules"]) if table else 0,
        tuple(given.name for given in model.inputs(key)),
        element.type.name,
    )


def _logic(element: Element) -> str:
    content = element.logic.content if element.logic is not None else None
    if element.kind != "decision":
        return "service" if element.kind == "service" else "input" if element.kind == "input" else "function"
    if content is None:
        return "given"
    if isinstance(content, str) or "feel" in content:
        return "expression"
    return "table" if "rules" in content else "boxed"


def tables(model: Model, name: str = "") -> tuple[Sheet, ...]:
    """The decision tables of a model as in its files, or the one of a name.

    Raises
    ------
    InputError
        When there is no table of that name.
    """
    found = [held.sheet for held in tables_of(model.sources)]
    chosen = [sheet for sheet in found if normal(name) in ("", normal(sheet.name))]
    if name and not chosen:
        allowed = ", ".join(sheet.name for sheet in found) or "-"
        raise InputError(WORDS("sheet.none", given=name, allowed=allowed))
    return tuple(chosen)


def graph_lines(model: Model, language: Language = "en") -> tuple[str, ...]:
    """The requirements of a model as indented text: under each element what it requires.

    What was shown before is not shown again, but marked with "…".
    """
    needed = {key for element in model._elements.values() for key in element.requires}
    shown: set[str] = set()
    roots = [key for key in model._elements if key not in needed] or list(model._elements)[:1]
    return tuple(line for key in roots for line in _branch(model, key, 0, shown, language))


def _branch(model: Model, key: str, depth: int, shown: set[str], language: Language) -> Iterator[str]:
    pending = [(key, depth)]
    while pending:
        key, depth = pending.pop()
        element = model._elements[key]
        about = WORDS(f"logic.{_logic(element)}").text(language)
        again = key in shown and bool(element.requires)
        yield f"{'  ' * depth}{key} ({about}: {element.type.name}){' …' if again else ''}"
        if not again:
            pending += [(other, depth + 1) for other in reversed(element.requires)]
        shown.add(key)
