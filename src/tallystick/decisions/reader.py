"""DMN files to a checked set of elements: every fault is found before anything is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import DefinitionError, Faults, FieldType, Place
from tallystick.core.xml import DEPTH_MAX, Node
from tallystick.decisions.boxed import FUNCTION, read_function
from tallystick.decisions.imports import KINDS, File, Instance, read_files
from tallystick.decisions.logic import NOTHING, logic_of, read_logic
from tallystick.decisions.plans import FUNCTIONS, composite, plan_of, planned, service_logic
from tallystick.decisions.records import Element, Logic, Scope
from tallystick.decisions.types import ANY, Type
from tallystick.decisions.values import seen
from tallystick.decisions.words import WORDS
from tallystick.feel import Function, normal
from tallystick.feel.functions import BUILTINS

_REQUIREMENTS = {
    "requiredInput": ("inputData",),
    "requiredDecision": ("decision",),
    "requiredKnowledge": ("businessKnowledgeModel", "decisionService"),
    "outputDecision": ("decision",),
    "inputDecision": ("decision",),
    "encapsulatedDecision": ("decision",),
    "inputData": ("inputData",),
}
_NAMED = ("itemComponent", "contextEntry", "column", "output")
_SHOWN_MAX = 20
_NAME = re.compile(r"(?!(?:true|false|null)$)[^\W\d]\w*(?: \w+)*")
_WORD = re.compile(r"\w+")


class Elements(msgspec.Struct, frozen=True):
    """What was read: elements by key, each after what it requires, other names for keys, item definitions, and the
    files' names and bytes."""

    by_key: dict[str, Element]
    aliases: dict[str, str]
    types: Any
    sources: tuple[tuple[str, bytes], ...]


class _Target(msgspec.Struct, frozen=True):
    """What a reference leads to: the names under which it is seen, and its key."""

    path: tuple[str, ...]
    key: str


class _Found(msgspec.Struct, frozen=True):
    """An element before its logic is read; `targets` are what it refers to, by the tag of the reference."""

    key: str
    name: str
    kind: str
    node: Node
    instance: Instance
    targets: dict[str, tuple[_Target, ...]]

    def requires(self) -> tuple[_Target, ...]:
        """What its logic sees."""
        tags = ("requiredInput", "requiredDecision", "requiredKnowledge")
        return tuple(target for tag in tags for target in self.targets.get(tag, ()))

    def needs(self) -> Iterator[str]:
        """The keys of what must be read before it."""
        return (target.key for targets in self.targets.values() for target in targets)


def read_elements(paths: Sequence[Path], others: Iterable[Path] = (), strict: bool = True) -> Elements:
    """Read DMN files into elements.

    Parameters
    ----------
    paths
        The model's files.
    others
        Files that may be imported, if an import asks for them.
    strict
        Whether any fault refuses the model; else what is faulty is null, with its cause.

    Raises
    ------
    DefinitionErrors
        Every fault of all files, each with its file, line, decision and cell.
    """
    try:
        return _read(paths, others, strict)
    except RecursionError:
        raise DefinitionError(WORDS("decision.deep", allowed=DEPTH_MAX), Place(paths[0].name)) from None


def _read(paths: Sequence[Path], others: Iterable[Path], strict: bool) -> Elements:
    faults = Faults()
    files, roots = read_files(paths, others, faults, strict)
    # Files that cannot be read, or import each other in a circle, would only bring faults that follow from that.
    faults.raise_any()
    found, aliases = _Resolver(roots, faults).all()
    ordered, circular = _ordered(found, faults)
    members = {name for file in files for name in _members(file.root)}
    builder = _Builder(found, members, faults, strict)
    for key in ordered:
        builder.add(found[key], key in circular)
    if strict:
        faults.raise_any()
    return Elements(
        builder.elements,
        aliases,
        [file.types.content() for file in files],
        tuple((file.name, file.data) for file in files),
    )


def _name(node: Node) -> str:
    variable = node.first("variable")
    return normal((variable.get("name") if variable is not None else "") or node.get("name"))


def _members(root: Node) -> Iterator[str]:
    """Names that a value of this file may have as members, so that those with spaces are read whole."""
    pending = [root]
    while pending:
        node = pending.pop()
        name = _name(node) if node.tag in _NAMED else ""
        if name and not _WORD.fullmatch(name):
            yield name
        if node.tag not in ("rule", "literalExpression"):
            pending.extend(child for child in node.children if child.namespace == node.namespace)


class _Resolver:
    """Finds every element and what it refers to."""

    def __init__(self, roots: list[Instance], faults: Faults) -> None:
        self.roots, self.faults = roots, faults
        self.ids: dict[str, dict[str, Node]] = {}

    def all(self) -> tuple[dict[str, _Found], dict[str, str]]:
        """All elements by key, and the keys of those whose own name differs from their variable's."""
        instances = [instance for root in self.roots for instance in root.below()]
        for file in {str(instance.file.path): instance.file for instance in instances}.values():
            self.ids[str(file.path)] = self._by_id(file)
        found: dict[str, _Found] = {}
        aliases: dict[str, str] = {}
        ids: dict[str, str] = {}
        for instance in instances:
            for node in instance.file.root.all(*KINDS):
                name, place = _name(node), Place(instance.file.name, node.line)
                key = ".".join((*instance.path, name))
                if not name:
                    self.faults.add(DefinitionError(WORDS("decision.unnamed", given=node.tag), place))
                    continue
                if key in found:
                    self.faults.add(DefinitionError(WORDS("decision.name", given=key), place))
                    continue
                found[key] = _Found(key, name, KINDS[node.tag], node, instance, self._targets(node, instance))
                aliases.setdefault(".".join((*instance.path, normal(node.get("name")))), key)
                if node.get("id"):
                    ids.setdefault(".".join((*instance.path, node.get("id"))), key)
        return found, ids | aliases

    def _by_id(self, file: File) -> dict[str, Node]:
        seen: dict[str, Node] = {}
        pending = [file.root]
        while pending:
            node = pending.pop()
            given = node.attributes.get("id")
            if given:
                if given in seen:
                    self.faults.add(DefinitionError(WORDS("decision.id", given=given), Place(file.name, node.line)))
                seen[given] = node
            if node.children:
                pending.extend([child for child in reversed(node.children) if child.namespace == node.namespace])
        return {key: node for key, node in seen.items() if node.tag in KINDS}

    def _targets(self, node: Node, instance: Instance) -> dict[str, tuple[_Target, ...]]:
        found: dict[str, list[_Target]] = {}
        holders = [node, *node.all("informationRequirement", "knowledgeRequirement")]
        for reference in (r for holder in holders for r in holder.all(*_REQUIREMENTS) if r.get("href")):
            href, wanted = reference.get("href"), _REQUIREMENTS[reference.tag]
            target = self._target(href, wanted, instance)
            if target is not None:
                found.setdefault(reference.tag, []).append(target)
                continue
            known = [f"#{i}" for i, n in self.ids[str(instance.file.path)].items() if n.tag in wanted]
            shown = ", ".join(known[:_SHOWN_MAX]) + (", ..." if len(known) > _SHOWN_MAX else "")
            words = WORDS("decision.reference", given=href, kind=wanted[0], allowed=shown or "none")
            place = Place(instance.file.name, reference.line, cell=f"decision {node.get('name')}")
            self.faults.add(DefinitionError(words, place))
        return {tag: tuple(targets) for tag, targets in found.items()}

    def _target(self, href: str, wanted: tuple[str, ...], instance: Instance) -> _Target | None:
        base, _, given = href.rpartition("#")
        # Without an import, files that form one model see each other plainly.
        others = [root for root in self.roots if root is not instance] if not instance.path else []
        for other in (*instance.below(), *others):
            if base not in ("", other.file.namespace, other.file.name) or (not base and other is not instance):
                continue
            node = self.ids[str(other.file.path)].get(given)
            if node is not None and node.tag in wanted:
                name = _name(node)
                path = other.path[len(instance.path) :] if other.path else ()
                return _Target((*path, name), ".".join((*other.path, name)))
        return None


def _ordered(found: dict[str, _Found], faults: Faults) -> tuple[list[str], set[str]]:
    """Keys in requirement order, and those whose requirements run in a circle, which is a fault.

    Knowledge models may call each other in a circle.
    """
    ordered: list[str] = []
    circular: set[str] = set()
    state: dict[str, bool] = {}
    for start in found:
        trail: list[tuple[str, Iterator[str]]] = [(start, found[start].needs())] if start not in state else []
        state.setdefault(start, False)
        while trail:
            key, pending = trail[-1]
            needed = next((k for k in pending if k in found), None)
            if needed is None:
                trail.pop()
                state[key] = True
                ordered.append(key)
            elif needed not in state:
                state[needed] = False
                trail.append((needed, found[needed].needs()))
            elif not state[needed]:
                keys = [step for step, _ in trail]
                circle = keys[keys.index(needed) :]
                if any(found[step].kind != "knowledge" for step in circle):
                    circular.update(circle)
                    place = Place(found[needed].instance.file.name, found[needed].node.line)
                    words = WORDS("decision.cycle", given=" → ".join([*circle, needed]))
                    faults.add(DefinitionError(words, place))
    return ordered, circular


class _Builder:
    """Reads the logic of elements, each after what it requires."""

    def __init__(self, found: dict[str, _Found], members: set[str], faults: Faults, strict: bool) -> None:
        self.found, self.members, self.faults, self.strict = found, members, faults, strict
        self.names = frozenset(item.name for item in found.values())
        self.elements: dict[str, Element] = {}

    def add(self, item: _Found, circular: bool) -> None:
        """Read one element."""
        types = item.instance.file.types
        variable = item.node.first("variable") or item.node
        reference = variable.get("typeRef")
        body = logic_of(item.node) if item.kind == "decision" else None
        if body is not None and types.named(reference, variable).free:
            # The type of a decision's logic is then the decision's.
            reference = body.get("typeRef")
        kind = types.named(reference, variable)
        requires = (*item.requires(), *self._declared(item))
        scope = self._scope(item, requires)
        logic = None if circular else self._logic(item, kind, reference, scope, self._view(item, requires))
        if scope.unknown and item.kind == "decision":
            more = tuple(filter(None, (self._meant(item, name) for name in sorted(scope.unknown))))
            requires = (*requires, *more)
            scope = self._scope(item, requires)
            logic = self._logic(item, kind, reference, scope, self._view(item, requires)) if more else logic
        self.elements[item.key] = Element(
            item.key,
            item.name,
            item.kind,
            kind,
            () if circular else tuple(dict.fromkeys(target.key for target in requires)),
            logic,
            (*item.instance.path, item.name),
            self._view(item, requires),
        )

    @staticmethod
    def _view(item: _Found, requires: Iterable[_Target]) -> tuple[tuple[tuple[str, ...], str], ...] | None:
        """Under which names its logic sees which keys; None where the names are the keys."""
        view = tuple((target.path, target.key) for target in (*requires, *_itself(item)))
        return None if all(path == (key,) for path, key in view) else view

    def _declared(self, item: _Found) -> Iterator[_Target]:
        """What the input clauses of a table declare, where its modeller declares inputs nowhere else."""
        table = item.node.first("decisionTable") if item.instance.file.undeclared else None
        known = {target.path[0] for target in item.requires()}
        for clause in table.all("input") if table is not None else ():
            holder = clause.first("inputExpression")
            name = normal(holder.words("text")) if holder is not None else ""
            if holder is not None and _NAME.fullmatch(name) and name not in known:
                known.add(name)
                target = self._meant(item, name, item.instance.file.types.named(holder.get("typeRef"), holder))
                if target is not None:
                    yield target

    def _meant(self, item: _Found, name: str, kind: Type = ANY) -> _Target | None:
        """What an undeclared name may mean where that is allowed: what is required, by its id or its one output's
        name, else an input of that name."""
        for target in item.requires():
            node = self.found[target.key].node
            table = node.first("decisionTable")
            outputs = [normal(output.get("name")) for output in table.all("output")] if table is not None else []
            if name in (normal(node.get("id")), *(outputs if len(outputs) == 1 else ())):
                return _Target((name,), target.key)
        if name in self.found:
            return None
        if name not in self.elements:
            self.elements[name] = Element(name, name, "input", kind, (), None, (name,))
        return _Target((name,), name)

    def _scope(self, item: _Found, requires: Iterable[_Target]) -> Scope:
        names: dict[str, FieldType | None] = {}
        # A service with several outputs gives a context of their names.
        members = set(self.members)
        members.update(
            path[-1]
            for target in item.requires()
            for path in (output.path for output in self.found[target.key].targets.get("outputDecision", ()))
        )
        for target in (*_itself(item), *requires):
            found = self.found.get(target.key)
            function = len(target.path) == 1 and found is not None and found.kind in FUNCTIONS
            names[target.path[0]] = FUNCTION if function else None
            members.update(target.path[1:])
        file = item.instance.file
        about = (file.name, item.key, names, members, self.names, file.types, self.faults, self.strict)
        return Scope(*about, {}, file.root.get("expressionLanguage"), set())

    def _logic(
        self,
        item: _Found,
        kind: Type,
        reference: str,
        scope: Scope,
        view: tuple[tuple[tuple[str, ...], str], ...] | None,
    ) -> Logic | None:
        if item.kind == "input" or (item.kind == "decision" and logic_of(item.node) is None):
            return None
        if item.kind == "service":
            return self._service(item, kind)
        see = _unseen if view is None else partial(seen, view)
        if item.kind == "knowledge":
            body = item.node.first("encapsulatedLogic")
            if body is None:
                scope.fault(DefinitionError(WORDS("decision.empty", allowed="encapsulatedLogic")), item.node)
                return NOTHING
            return read_function(body, scope, kind, see)
        logic = read_logic(item.node, scope, reference)
        if isinstance(logic.content, dict) and not logic.content.keys().isdisjoint(("context", "list", "relation")):
            logic = msgspec.structs.replace(logic, run=composite(logic, item.key))
        if view is None:
            return logic
        run, causes = logic.run, logic.causes
        return msgspec.structs.replace(
            logic,
            run=lambda values, state: run(seen(view, values), state),
            causes=lambda values, now: causes(seen(view, values), now),
            source=None,
        )

    def _service(self, item: _Found, kind: Type) -> Logic:
        targets = (*item.targets.get("inputData", ()), *item.targets.get("inputDecision", ()))
        outputs = [self.elements[target.key] for target in item.targets.get("outputDecision", ())]
        # Its parameters are what it lists, in that order, whether its decisions need them or not.
        listed = tuple(self.elements[target.key] for target in targets)
        plan = plan_of(item.key, outputs, self.elements, (element.key for element in listed))
        unlisted = tuple(e for e in plan.inputs if all(e is not other for other in listed))
        place = Place(item.instance.file.name, item.node.line, cell=f"decision {item.key}")
        if unlisted:
            words = WORDS("decision.service", name=item.key, given=", ".join(element.key for element in unlisted))
            self.faults.add(DefinitionError(words, place))
        if not outputs:
            self.faults.add(DefinitionError(WORDS("decision.empty", allowed="outputDecision"), place))
        plan = planned(item.key, (*listed, *unlisted), plan.steps, plan.outputs)
        result = kind.function[1] if kind.function is not None else ANY if kind.base is Function else kind
        return service_logic(plan, tuple(".".join(target.path) for target in targets), result)


def _itself(item: _Found) -> tuple[_Target, ...]:
    """A knowledge model sees itself, unless a built-in function has its name."""
    own = item.kind == "knowledge" and item.name not in BUILTINS
    return (_Target((item.name,), item.key),) if own else ()


def _unseen(values: dict[str, Any]) -> dict[str, Any]:
    return values
