"""Decision tables: read, checked and compiled once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tallystick.core import DefinitionError
from tallystick.core.xml import Node
from tallystick.decisions.index import Column, cell_of, column_of, finder
from tallystick.decisions.records import Logic, Matched, Scope
from tallystick.decisions.rules import (
    POLICIES,
    Input,
    Output,
    Residual,
    Rule,
    Table,
    composed,
    explainer,
    runner,
)
from tallystick.decisions.types import Type
from tallystick.decisions.words import WORDS
from tallystick.feel import (
    Compiled,
    Expr,
    Flag,
    Name,
    Negate,
    Null,
    Number,
    Temporal,
    Tests,
    Text,
    compile_expr,
    compile_tests,
    names_in,
    parse_tests,
    spell,
)

_AGGREGATES = {"SUM": "+", "MIN": "<", "MAX": ">", "COUNT": "#"}


class _Cell(msgspec.Struct, frozen=True):
    """An input cell as it was read, and its text."""

    tests: Tests
    text: str


class _Entry(msgspec.Struct, frozen=True):
    """An output cell as it was read, its text, and its value where it is a constant."""

    expr: Expr
    text: str
    compiled: Compiled | None
    value: Any


class _Caches(msgspec.Struct, frozen=True):
    """What cells of the same text share."""

    cells: dict[str, _Cell]
    entries: dict[str, _Entry]


def read_table(node: Node, scope: Scope) -> Logic:
    """Compile a decisionTable element; faults are kept in the scope."""
    policy = _policy(node, scope)
    inputs = tuple(_input(child, number, scope) for number, child in _numbered(node, "input"))
    outputs = tuple(_output(child, scope) for child in node.all("output"))
    names = [output.name for output in outputs]
    for child, name in zip(node.all("output"), names, strict=True):
        if len(names) > 1 and (not name or names.count(name) > 1):
            scope.fault(DefinitionError(WORDS("decision.output", given=name or "-")), child)
    if policy in ("P", "O") and not any(output.values for output in outputs):
        scope.fault(DefinitionError(WORDS("decision.priorities", given=POLICIES[policy])), node)
    annotations = [child.get("name").strip().lower() for child in node.all("annotation")]
    caches = _Caches({}, {})
    rules: list[Rule] = []
    rows: list[list[_Cell]] = []
    contents: list[Any] = []
    for number, child in _numbered(node, "rule"):
        cells, entries, texts = _entries(child, number, (len(inputs), len(outputs)), scope, caches)
        rules.append(_rule(child, number, entries, outputs, (scope.decision, annotations, texts)))
        rows.append(cells)
        contents.append([[cell.text for cell in cells], [entry.text for entry in entries], texts])
    columns, residual = _indexed(rows, len(inputs))
    default, default_text, outer = _default(list(node.all("output")), outputs, scope)
    find = finder(columns, len(rules))
    outer = outer or any(column.outer for column in inputs)
    table = Table(scope.decision, policy, inputs, outputs, columns, find, residual, tuple(rules), default, outer)
    content = {
        "table": policy,
        "inputs": [spell(column.expr) for column in inputs],
        "allowed": [[str(column.type) if column.type else "", column.allowed_text] for column in inputs],
        "outputs": [
            {"name": output.name, "values": output.values_text, "type": str(output.type) if output.type else ""}
            for output in outputs
        ],
        "default": default_text,
        "annotations": annotations,
        "rules": contents,
    }
    codes = tuple(dict.fromkeys(code for rule in rules for code in rule.reasons))
    return Logic(runner(table), explainer(table), content, codes, table)


def _numbered(node: Node, tag: str) -> Iterator[tuple[int, Node]]:
    return enumerate(node.all(tag), 1)


def _policy(node: Node, scope: Scope) -> str:
    given = node.get("hitPolicy") or "UNIQUE"
    letter = next((letter for letter, name in POLICIES.items() if name == given), "")
    aggregation = node.get("aggregation")
    several = letter == "C" and aggregation in _AGGREGATES and len(list(node.all("output"))) > 1
    if not letter or several or (aggregation and (aggregation not in _AGGREGATES or letter != "C")):
        allowed = ", ".join([*POLICIES.values(), *(f"COLLECT {name} of one output" for name in _AGGREGATES)])
        given = f"{given} {aggregation}".strip()
        scope.fault(DefinitionError(WORDS("decision.policy", given=given, allowed=allowed)), node)
        return letter or "U"
    return letter + _AGGREGATES.get(aggregation, "")


def _parsed(holder: Node | None, at: Node, scope: Scope, cell: str) -> Expr:
    text = holder.words("text") if holder is not None else ""
    if scope.foreign(holder, at):
        return Null()
    if not text:
        scope.fault(DefinitionError(WORDS("decision.empty", allowed="an expression")), at, cell)
        return Null()
    try:
        return scope.parse(text)
    except DefinitionError as error:
        scope.fault(error, holder or at, cell)
        return Null()


def _typed(node: Node | None, scope: Scope) -> Type | None:
    """The type that a column names, where it says anything."""
    reference = node.get("typeRef") if node is not None else ""
    kind = scope.types.named(reference, node) if node is not None and reference else None
    return None if kind is None or kind.free else kind


def _input(node: Node, number: int, scope: Scope) -> Input:
    holder = node.first("inputExpression")
    expr = _parsed(holder, node, scope, f"input {number}")
    tests = _listed(node, "inputValues", scope, f"input {number}")
    reader = expr.name if isinstance(expr, Name) else compile_expr(expr)
    allowed = compile_tests(tests) if tests.tests else None
    text = spell(tests) if tests.tests else ""
    return Input(expr, reader, _typed(holder, scope), allowed, text, bool(names_in(tests) - {"?"}))


def _output(node: Node, scope: Scope) -> Output:
    kind = _typed(node, scope)
    # The values of a list's items are no list: how they are collected is the hit policy's.
    kind = None if kind is not None and kind.collection else kind
    tests = _listed(node, "outputValues", scope, "output values")
    if not tests.tests and kind is not None and kind.allowed_text:
        tests = parse_tests(kind.allowed_text, ())
    parts = (tests,) if tests.negated else tuple(Tests((test,)) for test in tests.tests)
    return Output(node.get("name"), kind, tuple(map(compile_tests, parts)), spell(tests) if tests.tests else "")


def _listed(node: Node, tag: str, scope: Scope, cell: str) -> Tests:
    values = node.first(tag)
    text = values.words("text") if values is not None else ""
    if not text or scope.foreign(values, node):
        return Tests(())
    try:
        return scope.tests(text)
    except DefinitionError as error:
        scope.fault(error, values or node, cell)
        return Tests(())


def _default(
    nodes: Sequence[Node], outputs: Sequence[Output], scope: Scope
) -> tuple[Compiled | None, str | None, bool]:
    """The default outcome, its text, and whether it reads names; an output without a default is null in it."""
    entries = [node.first("defaultOutputEntry") for node in nodes]
    if all(entry is None for entry in entries):
        return None, None, False
    exprs = [_parsed(entry, entry, scope, "default output") if entry else Null() for entry in entries]
    parts = [compile_expr(expr) for expr in exprs]

    def default(values: Any, now: Any = None) -> Any:
        return composed(outputs, [part(values, now) for part in parts], scope.decision, 0, [])

    return default, ", ".join(map(spell, exprs)), any(map(names_in, exprs))


def _entries(
    node: Node, number: int, shape: tuple[int, int], scope: Scope, caches: _Caches
) -> tuple[list[_Cell], list[_Entry], list[str]]:
    """A rule's cells, outcomes and annotations."""
    found: dict[str, list[Node]] = {"inputEntry": [], "outputEntry": [], "annotationEntry": []}
    for child in node.children:
        if child.tag in found and child.namespace == node.namespace:
            found[child.tag].append(child)
    for kind, allowed in zip(("input", "output"), shape, strict=True):
        given = len(found[f"{kind}Entry"])
        if given != allowed:
            words = WORDS("decision.cells", given=given, kind=kind, allowed=allowed)
            scope.fault(DefinitionError(words), node, f"rule {number}")
    cells = [_cell(entry, scope, number, i, caches) for i, entry in enumerate(found["inputEntry"][: shape[0]], 1)]
    cells += [_Cell(Tests(()), "-")] * (shape[0] - len(cells))
    entries = [_entry(entry, scope, number, i, caches) for i, entry in enumerate(found["outputEntry"][: shape[1]], 1)]
    entries += [_Entry(Null(), "null", None, None)] * (shape[1] - len(entries))
    return cells, entries, [entry.words("text") for entry in found["annotationEntry"]]


def _cell(entry: Node, scope: Scope, rule: int, column: int, caches: _Caches) -> _Cell:
    text = entry.words("text")
    if (entry.attributes or scope.language) and text and scope.foreign(entry):
        return _Cell(Tests(()), "-")
    found = caches.cells.get(text)
    if found is None:
        try:
            # An empty cell is one that does not matter.
            tests = scope.tests(text) if text else Tests(())
        except DefinitionError as error:
            scope.fault(error, entry, f"rule {rule}, input {column}")
            return _Cell(Tests(()), "-")
        found = caches.cells[text] = _Cell(tests, spell(tests))
    return found


def _entry(entry: Node, scope: Scope, rule: int, column: int, caches: _Caches) -> _Entry:
    text = entry.words("text")
    if (entry.attributes or scope.language) and text and scope.foreign(entry):
        return _Entry(Null(), "null", None, None)
    found = caches.entries.get(text)
    if found is None:
        # An output cell that is empty or - gives no value.
        where = f"rule {rule}, output {column}"
        expr = Null() if text in ("", "-") else _parsed(entry, entry, scope, where)
        found = _Entry(expr, spell(expr), *_constant(expr))
        if text in ("", "-") or not isinstance(expr, Null):
            caches.entries[text] = found
    return found


def _constant(expr: Expr) -> tuple[Compiled | None, Any]:
    match expr:
        case Number(value) | Text(value) | Flag(value) | Temporal(value):
            return None, value
        case Negate(Number(value)):
            return None, compile_expr(expr)({})
        case Null():
            return None, None
        case _:
            return compile_expr(expr), None


def _rule(
    node: Node,
    number: int,
    entries: Sequence[_Entry],
    outputs: Sequence[Output],
    about: tuple[str, list[str], list[str]],
) -> Rule:
    """One rule: its outcome and its reason codes."""
    name, annotations, texts = about
    reasons = tuple(
        code.strip().strip('"')
        for column, text in zip(annotations, texts, strict=False)
        if column == "reason"
        for code in text.split(",")
        if code.strip().strip('"') not in ("", "-")
    )
    matched = Matched(name, number, node.get("id"))
    exprs = tuple(entry.expr for entry in entries)
    if any(entry.compiled for entry in entries):
        functions = tuple(entry.compiled or compile_expr(entry.expr) for entry in entries)
        return Rule(matched, reasons, None, functions, exprs)
    flaws: list[str] = []
    constant = composed(outputs, [entry.value for entry in entries], name, number, flaws) if outputs else None
    return Rule(matched, reasons, constant, None, exprs, tuple(flaws))


def _indexed(
    rows: Sequence[Sequence[_Cell]], inputs: int
) -> tuple[tuple[Column, ...], dict[int, tuple[Residual, ...]]]:
    """The index of each column, and by rule the cells that it cannot answer."""
    residual: dict[int, list[Residual]] = {}
    columns = []
    for column in range(inputs):
        known: dict[str, Any] = {}
        cells = []
        for index, row in enumerate(rows):
            cell = row[column]
            if cell.text not in known:
                found = cell_of(cell.tests)
                known[cell.text] = found or _residual(column, cell.tests)
            entry = known[cell.text]
            if isinstance(entry, Residual):
                residual.setdefault(index, []).append(entry)
                entry = None
            cells.append(entry)
        columns.append(column_of(cells))
    return tuple(columns), {index: tuple(tests) for index, tests in residual.items()}


def _residual(column: int, tests: Tests) -> Residual:
    return Residual(column, compile_tests(tests), bool(names_in(tests) - {"?"}))
