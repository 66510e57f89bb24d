"""Boxed expressions: each element of logic becomes one compiled `Logic`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from tallystick.core import DefinitionError, Faults, FieldType
from tallystick.core.xml import Node
from tallystick.decisions.records import Logic, Run, Scope
from tallystick.decisions.table import read_table
from tallystick.decisions.types import Type
from tallystick.decisions.values import bound
from tallystick.decisions.words import WORDS
from tallystick.feel import Function, Null, causes, compile_expr, normal, spell

LOCAL = FieldType("local")


def _silent(values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
    return ()


NOTHING = Logic(lambda values, run: None, _silent, None)


def read_logic(holder: Node, scope: Scope, already: str = "") -> Logic:
    """Compile the logic that `holder` (a decision, entry, row, binding...) has as a child.

    `already` is a typeRef that the value is converted to anyway. When the scope is not strict, logic with a fault is
    null with that cause.
    """
    node = logic_of(holder)
    if node is None:
        words = WORDS("decision.empty", allowed=", ".join(TAGS))
        if not scope.strict:
            return _failed(words.text(), scope)
        scope.fault(DefinitionError(words), holder)
        return NOTHING
    if scope.strict:
        return _typed(TAGS[node.tag](node, scope), node, scope, already)
    faults = Faults()
    logic = _typed(TAGS[node.tag](node, msgspec.structs.replace(scope, faults=faults)), node, scope, already)
    if faults:
        try:
            faults.raise_any()
        except DefinitionError as error:
            return _failed(str(error).splitlines()[0], scope)
    return logic


def logic_of(holder: Node) -> Node | None:
    """The logic among the children of an element, or None."""
    return next((c for c in holder.children if c.tag in TAGS and c.namespace == holder.namespace), None)


def _failed(fault: str, scope: Scope) -> Logic:
    text = WORDS("decision.cause.feel", name=scope.decision, given=fault).text()
    return Logic(lambda values, run: None, lambda values, now: (text,), {"fault": fault})


def _typed(logic: Logic, node: Node, scope: Scope, already: str) -> Logic:
    """Logic whose element names a type: its value is converted to it."""
    reference = node.get("typeRef")
    if not reference or reference == already:
        return logic
    kind = scope.types.named(reference, node)
    if node.tag == "functionDefinition" or kind.free:
        return logic
    return coerced(logic, kind, scope.decision)


def coerced(logic: Logic, kind: Type, name: str) -> Logic:
    """Logic whose value is converted to a type; one that does not fit is null, with its cause."""
    if kind.free:
        return logic
    inner, plain = logic.run, kind.plain

    def run(values: dict[str, Any], run: Run) -> Any:
        value = inner(values, run)
        return value if type(value) is plain or value is None else bound(kind, value, name, run.nulls)

    content = {**logic.content} if isinstance(logic.content, dict) else {"feel": logic.content}
    return Logic(run, logic.causes, content | {"type": kind.name}, logic.codes)


def _literal(node: Node, scope: Scope) -> Logic:
    if scope.foreign(node):
        return NOTHING
    text = node.words("text")
    if not text:
        scope.fault(DefinitionError(WORDS("decision.empty", allowed="an expression")), node)
        return NOTHING
    try:
        expr = scope.parse(text)
    except DefinitionError as error:
        scope.fault(error, node)
        return NOTHING
    compiled, name = compile_expr(expr), scope.decision

    def explain(values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
        found = causes(expr, values, now) if not isinstance(expr, Null) else ()
        return tuple(WORDS("decision.cause.feel", name=name, given=cause).text() for cause in found)

    return Logic(lambda values, run: compiled(values, run.now), explain, spell(expr), source=expr)


def _context(node: Node, scope: Scope) -> Logic:
    entries: list[tuple[str, Logic]] = []
    names: set[str] = set()
    for entry in node.all("contextEntry"):
        variable = entry.first("variable")
        name = normal(variable.get("name")) if variable is not None else ""
        body = logic_of(entry)
        recursive = body is not None and body.tag == "functionDefinition" and name and name not in scope.names
        within = scope.with_names({name: LOCAL}) if recursive else scope
        logic = read_logic(entry, within, variable.get("typeRef") if variable is not None else "")
        if variable is not None and name:
            if name in names:
                scope.fault(DefinitionError(WORDS("decision.name", given=name)), entry)
            names.add(name)
            kind = scope.types.named(variable.get("typeRef"), variable)
            logic = coerced(logic, kind, f"{scope.decision}, {name}")
            scope.members.add(name)
            scope = scope.with_names({name: LOCAL})
        entries.append((name, logic))
    label = scope.decision

    def work(values: dict[str, Any], run: Run, explain: bool) -> Any:
        inner, found = dict(values), {}
        for name, logic in entries:
            value = logic.run(inner, run)
            if value is None and explain:
                run.nulls.extend(_reasons(logic, inner, run.now, f"{label}, {name}" if name else label))
            if not name:
                return value
            inner[name] = found[name] = value
        return found

    content = {"context": [[name, logic.content] for name, logic in entries]}
    return _composite(work, content, [logic for _, logic in entries])


def _reasons(logic: Logic, values: dict[str, Any], now: datetime | None, name: str) -> tuple[str, ...]:
    return logic.causes(values, now) or (WORDS("decision.cause.null", name=name).text(),)


def _composite(work: Callable[[dict[str, Any], Run, bool], Any], content: Any, parts: list[Logic]) -> Logic:
    """Logic made of parts: `work` runs it, and with its last argument true keeps the causes of nulls on the way."""

    def explain(values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
        run = Run(now, [], [], [])
        work(values, run, True)
        return tuple(dict.fromkeys(run.nulls))

    codes = tuple(code for part in parts for code in part.codes)
    return Logic(lambda values, run: work(values, run, False), explain, content, codes)


def _list(node: Node, scope: Scope) -> Logic:
    parts = [read_logic(_wrapped(child, node), scope) for child in node.children if child.tag in TAGS]

    def work(values: dict[str, Any], run: Run, explain: bool) -> Any:
        return _worked(parts, values, run, scope.decision if explain else "")

    return _composite(work, {"list": _contents(parts)}, parts)


def _worked(parts: list[Logic], values: dict[str, Any], run: Run, name: str) -> list[Any]:
    found = []
    for part in parts:
        found.append(part.run(values, run))
        if found[-1] is None and name:
            run.nulls.extend(_reasons(part, values, run.now, name))
    return found


def _relation(node: Node, scope: Scope) -> Logic:
    columns = list(node.all("column"))
    names = [normal(column.get("name")) for column in columns]
    kinds = [scope.types.named(column.get("typeRef"), column) for column in columns]
    scope.members.update(names)
    rows = []
    for number, row in enumerate(node.all("row"), 1):
        parts = [read_logic(_wrapped(child, row), scope) for child in row.children if child.tag in TAGS]
        if len(parts) != len(names):
            words = WORDS("decision.cells", given=len(parts), kind="expression", allowed=len(names))
            scope.fault(DefinitionError(words), row, f"row {number}")
        rows.append([coerced(p, k, f"{scope.decision}, {n}") for p, k, n in zip(parts, kinds, names, strict=False)])

    def work(values: dict[str, Any], run: Run, explain: bool) -> Any:
        name = scope.decision if explain else ""
        return [dict(zip(names, _worked(row, values, run, name), strict=False)) for row in rows]

    content = {"relation": names, "rows": [_contents(row) for row in rows]}
    return _composite(work, content, [part for row in rows for part in row])


def _wrapped(child: Node, holder: Node) -> Node:
    return Node(holder.namespace, holder.tag, {}, child.line, [child])


def _contents(parts: list[Logic]) -> list[Any]:
    return [part.content for part in parts]


def _invocation(node: Node, scope: Scope) -> Logic:
    bindings: list[tuple[str, Logic]] = []
    for binding in node.all("binding"):
        parameter = binding.first("parameter")
        name = normal(parameter.get("name")) if parameter is not None else ""
        logic = read_logic(binding, scope)
        if parameter is not None:
            logic = coerced(logic, scope.types.named(parameter.get("typeRef"), parameter), f"{scope.decision}, {name}")
        bindings.append((name, logic))
    callee = _callee(node, scope, tuple(name for name, _ in bindings))

    def work(values: dict[str, Any], run: Run, explain: bool) -> Any:
        function = callee.run(values, run)
        given = {name: part.run(values, run) for name, part in bindings}
        if type(function) is not Function or not set(given) <= set(function.parameters):
            if explain:
                run.nulls.append(_misfit(scope, callee, function, given))
            return None
        value = function.call(*(given.get(name) for name in function.parameters))
        if value is None and explain:
            for name, part in bindings:
                if given[name] is None:
                    run.nulls.extend(_reasons(part, values, run.now, f"{scope.decision}, {name}"))
        return value

    content = {"invoke": callee.content, "bindings": [[name, logic.content] for name, logic in bindings]}
    return _composite(work, content, [callee, *(logic for _, logic in bindings)])


def _callee(node: Node, scope: Scope, names: tuple[str, ...]) -> Logic:
    """The function that an invocation calls: a value, or a built-in function by its name."""
    literal = node.first("literalExpression")
    name = normal(literal.words("text")) if literal is not None else ""
    if not name or name in scope.names or not names or "(" in name:
        return read_logic(node, scope)
    places = {f"argument {index}": LOCAL for index in range(1, len(names) + 1)}
    call = ", ".join(f"{given}: {place}" for given, place in zip(names, places, strict=True))
    try:
        expr = msgspec.structs.replace(scope, names=places, strict=True, prepared={}).parse(f"{name}({call})")
    except DefinitionError:
        return read_logic(node, scope)
    compiled = compile_expr(expr)

    def run(values: dict[str, Any], run: Run) -> Any:
        return Function(names, lambda *given: compiled(dict(zip(places, given, strict=True)), run.now))

    return Logic(run, _silent, {"built-in": name})


def _misfit(scope: Scope, callee: Logic, function: Any, given: dict[str, Any]) -> str:
    allowed = ", ".join(function.parameters) if type(function) is Function else "-"
    names = ", ".join(given) or "-"
    return WORDS("decision.cause.call", name=scope.decision, given=names, allowed=allowed or "-").text()


TAGS: dict[str, Callable[[Node, Scope], Logic]] = {
    "literalExpression": _literal,
    "decisionTable": read_table,
    "context": _context,
    "invocation": _invocation,
    "list": _list,
    "relation": _relation,
}
"""The readers of logic by element; functions and iterators add theirs."""
