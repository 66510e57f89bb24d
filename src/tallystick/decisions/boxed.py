"""Boxed functions, conditionals and iterators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.core import DefinitionError, FieldType
from tallystick.core.xml import Node
from tallystick.decisions.logic import LOCAL, NOTHING, TAGS, coerced, read_logic
from tallystick.decisions.records import Logic, Run, Scope
from tallystick.decisions.types import ANY, Type
from tallystick.decisions.values import bound
from tallystick.decisions.words import WORDS
from tallystick.feel import Filter, Function, Name, compile_expr, normal, spell
from tallystick.feel import compile as compile_feel
from tallystick.feel.java import external

FUNCTION = FieldType("function")
DEPTH_MAX, CALLS_MAX = 50, 1_000_000
"""Calls of knowledge models, services and boxed functions that may be open at a time, and that one run may make."""
_SOURCE, _BODY = "boxed source", "boxed body"
_ITERATORS = {
    "for": f"for item in {_SOURCE} return {_BODY}(item, partial)",
    "some": f"some item in {_SOURCE} satisfies {_BODY}(item)",
    "every": f"every item in {_SOURCE} satisfies {_BODY}(item)",
    "filter": f"{_SOURCE}[{_BODY}(item)]",
}
_COMPILED = {kind: compile_feel(text, {_SOURCE: None, _BODY: FUNCTION}) for kind, text in _ITERATORS.items()}


def _no_view(values: dict[str, Any]) -> dict[str, Any]:
    return values


def entered(run: Run, name: str) -> bool:
    """Open a call, which the caller closes; false, with a cause, when there are too many."""
    run.calls += 1
    if run.depth < DEPTH_MAX and run.calls <= CALLS_MAX:
        run.depth += 1
        return True
    cause = WORDS("decision.cause.calls", name=name, depth=DEPTH_MAX, calls=CALLS_MAX).text()
    if cause not in run.nulls[-1:]:
        run.nulls.append(cause)
    return False


def read_function(
    node: Node, scope: Scope, declared: Type = ANY, see: Callable[[dict[str, Any]], dict[str, Any]] = _no_view
) -> Logic:
    """Compile a functionDefinition (or encapsulatedLogic): its value is a FEEL function.

    `declared` is the type of the variable that holds the function: of a function, or of its result. `see` gives the
    values that its body sees, at the time of a call.
    """
    formal = list(node.all("formalParameter"))
    names = tuple(normal(parameter.get("name")) for parameter in formal)
    kinds = [scope.types.named(parameter.get("typeRef"), parameter) for parameter in formal]
    own = scope.types.named(node.get("typeRef"), node)
    result = _result(own if not own.free else declared)
    for wanted in (own.function, declared.function):
        if wanted is not None and len(wanted[0]) == len(kinds):
            kinds = [kind if not kind.free else other for kind, other in zip(kinds, wanted[0], strict=True)]
    kind = node.get("kind") or "FEEL"
    if kind == "FEEL":
        body = read_logic(node, scope.with_names(dict.fromkeys(names, LOCAL)))
    elif kind.lower() == "java":
        body = _java(node, names, scope)
    else:
        scope.fault(DefinitionError(WORDS("decision.external", given=kind)), node)
        return NOTHING
    body, label = coerced(body, result, scope.decision), scope.decision
    # What `instance of function<...> -> ...` reads.
    signature = {"types": tuple(kind.kind for kind in kinds), "result": result.kind}

    def run(values: dict[str, Any], run: Run) -> Any:
        def call(*arguments: Any) -> Any:
            if len(arguments) != len(names) or not entered(run, label):
                return None
            given = {}
            try:
                for name, kind, value in zip(names, kinds, arguments, strict=True):
                    given[name] = bound(kind, value, f"{label}, {name}", run.nulls)
                    if given[name] is None and value is not None:
                        return None
                return body.run(see(values) | given, run)
            finally:
                run.depth -= 1

        vars(call).update(signature)
        return Function(names, call)

    content = {"function": list(names), "types": [kind.name for kind in kinds], "body": body.content}
    return Logic(run, lambda values, now: (), content, body.codes)


def _result(kind: Type) -> Type:
    """The type of a function's result, from the function's own type or given outright."""
    if kind.function is not None:
        return kind.function[1]
    return ANY if Function in kind.bases else kind


def _java(node: Node, names: tuple[str, ...], scope: Scope) -> Logic:
    """The body of a function that names a Java method: it is one of a fixed list, worked out here."""
    mapping: dict[str, str] = {}
    context = node.first("context")
    for entry in context.all("contextEntry") if context is not None else ():
        variable, literal = entry.first("variable"), entry.first("literalExpression")
        if variable is not None and literal is not None:
            try:
                mapping[normal(variable.get("name"))] = str(compile_feel(literal.words("text"), ())({}))
            except DefinitionError as error:
                scope.fault(error, literal)
    signature = mapping.get("method signature", "")
    method = external(mapping.get("class", ""), signature)
    if method is None:
        given = f"{mapping.get('class', '')}.{signature}"
        if scope.strict:
            scope.fault(DefinitionError(WORDS("decision.java", given=given)), node)
        return NOTHING
    function = method
    return Logic(
        lambda values, run: function(*(values[name] for name in names)), lambda values, now: (), {"java": mapping}
    )


def _conditional(node: Node, scope: Scope) -> Logic:
    condition, yes, no = (_child(node, tag, scope) for tag in ("if", "then", "else"))

    def run(values: dict[str, Any], run: Run) -> Any:
        return (yes if condition.run(values, run) is True else no).run(values, run)

    def explain(values: dict[str, Any], now: Any) -> tuple[str, ...]:
        holds = condition.run(values, Run(now, [], [], [])) is True
        return (yes if holds else no).causes(values, now)

    content = {"if": condition.content, "then": yes.content, "else": no.content}
    return Logic(run, explain, content, (*condition.codes, *yes.codes, *no.codes))


def _child(node: Node, tag: str, scope: Scope) -> Logic:
    child = node.first(tag)
    if child is None:
        scope.fault(DefinitionError(WORDS("decision.empty", allowed=tag)), node)
        return NOTHING
    return read_logic(child, scope)


def _iterator(node: Node, scope: Scope) -> Logic:
    """`for`, `some` and `every`: a variable that runs over a list."""
    name = normal(node.get("iteratorVariable"))
    if not name:
        scope.fault(DefinitionError(WORDS("decision.unnamed", given=node.tag)), node)
        return NOTHING
    source, kind = _source(node, scope)
    names = (name, "partial") if node.tag == "for" else (name,)
    tag = "return" if node.tag == "for" else "satisfies"
    body = _child(node, tag, scope.with_names(dict.fromkeys(names, LOCAL)))
    content = {node.tag: name, "in": source.content, "type": kind.name, tag: body.content}
    return _iterated(node.tag, source, _items(kind, f"{scope.decision}, {name}"), body, names, content)


def _source(node: Node, scope: Scope) -> tuple[Logic, Type]:
    """What an iterator runs over, and the type of its items."""
    holder = node.first("in")
    kind = scope.types.named(holder.get("typeRef"), holder) if holder is not None else ANY
    source = _child(node, "in", scope)
    return (coerced(source, kind, scope.decision), ANY) if kind.item is not None else (source, kind)


def _items(kind: Type, name: str) -> Callable[[Any, Run], Any]:
    return (lambda value, run: value) if kind.free else lambda value, run: bound(kind, value, name, run.nulls)


def _iterated(
    tag: str,
    source: Logic,
    item: Callable[[Any, Run], Any],
    body: Logic,
    names: tuple[str, ...],
    content: Any,
) -> Logic:
    compiled = _COMPILED[tag]

    def run(values: dict[str, Any], run: Run) -> Any:
        def one(value: Any, *more: Any) -> Any:
            return body.run(values | dict(zip(names, (item(value, run), *more), strict=False)), run)

        return compiled({_SOURCE: source.run(values, run), _BODY: Function(_ITEM[tag], one)}, run.now)

    def explain(values: dict[str, Any], now: Any) -> tuple[str, ...]:
        return source.causes(values, now) if source.run(values, Run(now, [], [], [])) is None else ()

    return Logic(run, explain, content, (*source.codes, *body.codes))


_ITEM = {"for": ("item", "partial"), "some": ("item",), "every": ("item",), "filter": ("item",)}


def _filter(node: Node, scope: Scope) -> Logic:
    """`filter`: its match sees `item` and, by name, the item's own members."""
    source, kind = _source(node, scope)
    match = node.first("match")
    literal = match.first("literalExpression") if match is not None else None
    item = _items(kind, scope.decision)
    if literal is None:
        # Which members an item has shows only at run time: until then each known member is null.
        inner = scope.with_names(dict.fromkeys((*scope.members, "item"), LOCAL))
        body = _child(node, "match", inner)
        absent = dict.fromkeys(scope.members)
        spread = Logic(
            lambda values, run: body.run(absent | values | _entries(values["item"]), run), body.causes, body.content
        )
        content = {"filter": source.content, "match": body.content}
        return _iterated("filter", source, item, spread, ("item",), content)
    try:
        # The closing bracket stands on a line of its own: the text may end in a comment.
        expr = scope.with_names({_SOURCE: LOCAL}).parse(f"{_SOURCE}[{literal.words('text')}\n]")
    except DefinitionError as error:
        scope.fault(error, literal)
        return NOTHING
    if not isinstance(expr, Filter) or expr.base != Name(_SOURCE):
        scope.fault(DefinitionError(WORDS("decision.empty", allowed="one expression")), literal)
        return NOTHING
    compiled = compile_expr(expr)

    def run(values: dict[str, Any], run: Run) -> Any:
        found = source.run(values, run)
        items = [item(value, run) for value in found] if type(found) is list else found
        return compiled(values | {_SOURCE: items}, run.now)

    content = {"filter": source.content, "match": spell(expr.condition)}
    return Logic(run, source.causes, content, source.codes)


def _entries(item: Any) -> dict[str, Any]:
    return item if type(item) is dict else {}


TAGS |= {
    "functionDefinition": read_function,
    "conditional": _conditional,
    "for": _iterator,
    "some": _iterator,
    "every": _iterator,
    "filter": _filter,
}
