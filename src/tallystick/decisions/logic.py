"""Boxed expressions: each element of logic becomes one compiled `Logic`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tallystick.core import DefinitionError, FieldType
from tallystick.decisions.records import Logic, Run, Scope
from tallystick.decisions.table import read_table
from tallystick.decisions.words import WORDS
from tallystick.decisions.xml import Node
from tallystick.feel import Function, Null, causes, compile_expr, normal, parse, spell

TAGS = ("literalExpression", "decisionTable", "context", "invocation", "list", "relation", "functionDefinition")
_FEEL = ("FEEL/", "feel", "FEEL")
FUNCTION = FieldType("function")


def _silent(values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
    return ()


NOTHING = Logic(lambda values, run: None, _silent, None)


def read_logic(holder: Node, scope: Scope) -> Logic:
    """Compile the logic that `holder` (a decision, entry, row, binding...) has as a child."""
    node = next((child for child in holder.children if child.tag in TAGS and child.namespace == holder.namespace), None)
    if node is None:
        other = [c.tag for c in holder.children if c.tag in ("conditional", "for", "every", "some", "filter")]
        words = WORDS("decision.logic", given=other[0]) if other else WORDS("decision.empty", allowed=", ".join(TAGS))
        scope.fault(DefinitionError(words), holder)
        return NOTHING
    return _READERS[node.tag](node, scope)


def _literal(node: Node, scope: Scope) -> Logic:
    language = node.get("expressionLanguage")
    if language and not language.endswith(_FEEL):
        scope.fault(DefinitionError(WORDS("decision.language", given=language)), node)
        return NOTHING
    text = node.words("text")
    if not text:
        scope.fault(DefinitionError(WORDS("decision.empty", allowed="an expression")), node)
        return NOTHING
    try:
        expr = parse(text, scope.names, members=scope.members)
    except DefinitionError as error:
        scope.fault(error, node)
        return NOTHING
    compiled, name = compile_expr(expr), scope.decision

    def explain(values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
        found = causes(expr, values, now) if not isinstance(expr, Null) else ()
        return tuple(WORDS("decision.cause.feel", name=name, given=cause).text() for cause in found)

    return Logic(lambda values, run: compiled(values, run.now), explain, spell(expr))


def _context(node: Node, scope: Scope) -> Logic:
    entries: list[tuple[str, Logic]] = []
    for entry in node.all("contextEntry"):
        variable = entry.first("variable")
        name = normal(variable.get("name")) if variable is not None else ""
        entries.append((name, read_logic(entry, scope)))
        if name:
            scope.members.add(name)
            scope = scope.with_names({name: FieldType("local")})

    def run(values: dict[str, Any], run: Run) -> Any:
        inner, found = dict(values), {}
        for name, logic in entries:
            value = logic.run(inner, run)
            if not name:
                return value
            inner[name] = found[name] = value
        return found

    return Logic(run, _silent, {"context": [[name, logic.content] for name, logic in entries]})


def _list(node: Node, scope: Scope) -> Logic:
    parts = [read_logic(_wrapped(child, node), scope) for child in node.children if child.tag in TAGS]
    return Logic(lambda values, run: [part.run(values, run) for part in parts], _silent, {"list": _contents(parts)})


def _relation(node: Node, scope: Scope) -> Logic:
    names = [column.get("name") for column in node.all("column")]
    rows = [
        [read_logic(_wrapped(child, row), scope) for child in row.children if child.tag in TAGS]
        for row in node.all("row")
    ]

    def run(values: dict[str, Any], run: Run) -> Any:
        return [dict(zip(names, (part.run(values, run) for part in row), strict=False)) for row in rows]

    return Logic(run, _silent, {"relation": names, "rows": [_contents(row) for row in rows]})


def _wrapped(child: Node, holder: Node) -> Node:
    return Node(holder.namespace, holder.tag, {}, child.line, [child])


def _contents(parts: list[Logic]) -> list[Any]:
    return [part.content for part in parts]


def _invocation(node: Node, scope: Scope) -> Logic:
    callee = read_logic(node, scope)
    bindings: list[tuple[str, Logic]] = []
    for binding in node.all("binding"):
        parameter = binding.first("parameter")
        bindings.append((normal(parameter.get("name")) if parameter is not None else "", read_logic(binding, scope)))

    def run(values: dict[str, Any], run: Run) -> Any:
        function = callee.run(values, run)
        given = {name: logic.run(values, run) for name, logic in bindings}
        if type(function) is not Function or not set(given) <= set(function.parameters):
            return None
        return function.call(*(given.get(name) for name in function.parameters))

    content = {"invoke": callee.content, "bindings": [[name, logic.content] for name, logic in bindings]}
    return Logic(run, _silent, content)


def read_function(node: Node, scope: Scope) -> Logic:
    """Compile a functionDefinition (or encapsulatedLogic): its value is a FEEL function."""
    if node.get("kind") not in ("", "FEEL"):
        scope.fault(DefinitionError(WORDS("decision.logic", given=f"{node.tag} of kind {node.get('kind')}")), node)
        return NOTHING
    formal = list(node.all("formalParameter"))
    names = tuple(normal(parameter.get("name")) for parameter in formal)
    kinds = [scope.types.named(parameter.get("typeRef"), parameter) for parameter in formal]
    body = read_logic(node, scope.with_names(dict.fromkeys(names, FieldType("local"))))

    def run(values: dict[str, Any], run: Run) -> Any:
        def call(*arguments: Any) -> Any:
            pairs = [kind.coerced(value) for kind, value in zip(kinds, arguments, strict=True)]
            if not all(fits for fits, _ in pairs):
                return None
            return body.run(values | dict(zip(names, (value for _, value in pairs), strict=True)), run)

        return Function(names, call)

    content = {"function": list(names), "types": [str(kind) for kind in kinds], "body": body.content}
    return Logic(run, _silent, content)


_READERS: dict[str, Callable[[Node, Scope], Logic]] = {
    "literalExpression": _literal,
    "decisionTable": read_table,
    "context": _context,
    "invocation": _invocation,
    "list": _list,
    "relation": _relation,
    "functionDefinition": read_function,
}
