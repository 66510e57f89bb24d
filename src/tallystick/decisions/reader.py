"""DMN files to a checked set of elements: every fault is found before anything is run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import DefinitionError, Faults, FieldType, Place
from tallystick.decisions.logic import FUNCTION, NOTHING, read_function, read_logic
from tallystick.decisions.records import Logic, Scope
from tallystick.decisions.types import Type, Types
from tallystick.decisions.words import WORDS
from tallystick.decisions.xml import Node, read_xml
from tallystick.feel import normal

_NAMESPACES = {
    "https://www.omg.org/spec/DMN/20191111/MODEL/": "1.3",
    "https://www.omg.org/spec/DMN/20211108/MODEL/": "1.4",
    "https://www.omg.org/spec/DMN/20230324/MODEL/": "1.5",
}
_KINDS = {"inputData": "input", "decision": "decision", "businessKnowledgeModel": "knowledge"}
_REQUIREMENTS = {
    "informationRequirement": ("requiredInput", "requiredDecision"),
    "knowledgeRequirement": ("requiredKnowledge",),
}


class Element(msgspec.Struct, frozen=True):
    """An input, decision or knowledge model: its type, the names it requires, and its logic."""

    kind: str
    name: str
    type: Type
    requires: tuple[str, ...]
    logic: Logic


class _Found(msgspec.Struct, frozen=True):
    """An element before its logic is read."""

    kind: str
    name: str
    node: Node
    file: str
    requires: tuple[str, ...]


class _File(msgspec.Struct, frozen=True):
    root: Node
    name: str
    types: Types


def read_elements(paths: Iterable[Path]) -> tuple[dict[str, Element], Any]:
    """Read DMN files into elements by name, in an order in which each stands after what it requires, and their types.

    Raises
    ------
    DefinitionErrors
        Every fault of all files, each with its file, line, decision and cell.
    """
    faults = Faults()
    files: list[_File] = []
    for path in paths:
        try:
            root = read_xml(path)
        except DefinitionError as error:
            faults.add(error)
            continue
        if root.namespace not in _NAMESPACES or root.tag != "definitions":
            given = f"{root.namespace} {root.tag}".strip()
            faults.add(DefinitionError(WORDS("decision.root", given=given), Place(path.name, root.line)))
            continue
        files.append(_File(root, path.name, Types(root.all("itemDefinition"), path.name, faults)))
    found = _required(files, faults)
    ordered = _ordered(found, faults)
    elements = {name: _element(found[name], found, files, faults) for name in ordered}
    faults.raise_any()
    return elements, [file.types.content() for file in files]


def _required(files: list[_File], faults: Faults) -> dict[str, _Found]:
    """All elements by name, their requirements resolved to names."""
    ids: dict[str, tuple[str, Node]] = {}
    nodes: list[tuple[_File, Node]] = []
    for file in files:
        _check_ids(file, faults)
        for node in file.root.all(*_KINDS):
            name = normal(_variable(node).get("name") or node.get("name"))
            if not name:
                faults.add(DefinitionError(WORDS("decision.unnamed", given=node.tag), Place(file.name, node.line)))
                continue
            nodes.append((file, node))
            for key in (f"{file.name}#{node.get('id')}", f"{file.root.get('namespace')}#{node.get('id')}"):
                ids[key] = (name, node)
    found: dict[str, _Found] = {}
    for file, node in nodes:
        name = normal(_variable(node).get("name") or node.get("name"))
        if name in found:
            faults.add(DefinitionError(WORDS("decision.name", given=name), Place(file.name, node.line)))
        requires = _requirements(node, file, ids, faults)
        found[name] = _Found(_KINDS[node.tag], name, node, file.name, requires)
    return found


def _variable(node: Node) -> Node:
    return node.first("variable") or node


def _check_ids(file: _File, faults: Faults) -> None:
    seen: set[str] = set()
    pending = [file.root]
    while pending:
        node = pending.pop()
        given = node.get("id")
        if given and given in seen:
            faults.add(DefinitionError(WORDS("decision.id", given=given), Place(file.name, node.line)))
        seen.add(given)
        pending.extend(child for child in reversed(node.children) if child.namespace == node.namespace)


def _requirements(node: Node, file: _File, ids: dict[str, tuple[str, Node]], faults: Faults) -> tuple[str, ...]:
    names: list[str] = []
    for tag, targets in _REQUIREMENTS.items():
        for target in (target for requirement in node.all(tag) for target in requirement.all(*targets)):
            href = target.get("href")
            entry = ids.get(file.name + href if href.startswith("#") else href)
            wanted = {"requiredInput": "inputData", "requiredDecision": "decision"}.get(
                target.tag, "businessKnowledgeModel"
            )
            if entry is None or entry[1].tag != wanted:
                known = ", ".join(sorted({key[key.rindex("#") :] for key, (_, n) in ids.items() if n.tag == wanted}))
                words = WORDS("decision.reference", given=href, kind=wanted, allowed=known or "none")
                cell = f"decision {node.get('name')}"
                faults.add(DefinitionError(words, Place(file.name, target.line, cell=cell)))
            else:
                names.append(entry[0])
    return tuple(names)


def _ordered(found: dict[str, _Found], faults: Faults) -> list[str]:
    """Names in requirement order; a circle is a fault."""
    ordered: list[str] = []
    state: dict[str, bool] = {}
    for start in found:
        trail: list[tuple[str, list[str]]] = [(start, list(found[start].requires))] if start not in state else []
        state.setdefault(start, False)
        while trail:
            name, pending = trail[-1]
            if not pending:
                trail.pop()
                state[name] = True
                ordered.append(name)
                continue
            needed = pending.pop(0)
            if needed not in state:
                state[needed] = False
                trail.append((needed, list(found[needed].requires)))
            elif not state[needed]:
                names = [step for step, _ in trail]
                circle = " → ".join([*names[names.index(needed) :], needed])
                place = Place(found[needed].file, found[needed].node.line)
                faults.add(DefinitionError(WORDS("decision.cycle", given=circle), place))
    return ordered


def _element(item: _Found, found: dict[str, _Found], files: list[_File], faults: Faults) -> Element:
    types = next(file.types for file in files if file.name == item.file)
    variable = _variable(item.node)
    kind = types.named(variable.get("typeRef"), variable)
    names: dict[str, FieldType | None] = {
        name: FUNCTION if found[name].kind == "knowledge" else None for name in item.requires
    }
    members = set().union(*(file.types.members() for file in files))
    scope = Scope(item.file, item.name, names, members, frozenset(found), types, faults)
    logic = NOTHING
    if item.kind == "decision":
        logic = read_logic(item.node, scope)
    elif item.kind == "knowledge":
        body = item.node.first("encapsulatedLogic")
        if body is None:
            scope.fault(DefinitionError(WORDS("decision.empty", allowed="encapsulatedLogic")), item.node)
        else:
            logic = read_function(body, scope)
    return Element(item.kind, item.name, kind, item.requires, logic)
