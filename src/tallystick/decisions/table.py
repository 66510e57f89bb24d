"""Decision tables: cells compiled once, rules found through the index, hit policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tallystick.core import DefinitionError
from tallystick.decisions.index import Column, cell_of, column_of
from tallystick.decisions.records import Logic, Matched, Run, Scope
from tallystick.decisions.words import WORDS
from tallystick.decisions.xml import Node
from tallystick.feel import (
    Compiled,
    CompiledTests,
    Expr,
    Flag,
    Name,
    Null,
    Number,
    Temporal,
    Tests,
    Text,
    compile_expr,
    compile_tests,
    parse,
    parse_tests,
    show,
    spell,
)
from tallystick.feel import compile as compile_feel

_POLICIES = {
    "U": "UNIQUE",
    "A": "ANY",
    "P": "PRIORITY",
    "F": "FIRST",
    "R": "RULE ORDER",
    "O": "OUTPUT ORDER",
    "C": "COLLECT",
}
_AGGREGATES = {"SUM": "+", "MIN": "<", "MAX": ">", "COUNT": "#"}
_FUNCTIONS = {"+": "sum", "<": "min", ">": "max", "#": "count"}


class Rule(msgspec.Struct, frozen=True):
    """A rule's outcome: a constant where all its entries are literals, else one function per output."""

    matched: Matched
    reasons: tuple[str, ...]
    constant: Any
    entries: tuple[Compiled, ...] | None


class Table(msgspec.Struct, frozen=True):
    """A compiled table. `residual` maps a rule's index to the tests that the index cannot answer."""

    name: str
    policy: str
    inputs: tuple[Expr, ...]
    readers: tuple[str | Compiled, ...]
    columns: tuple[Column, ...]
    residual: dict[int, tuple[tuple[int, CompiledTests], ...]]
    rules: tuple[Rule, ...]
    outputs: tuple[str, ...]
    default: Compiled | None
    priorities: tuple[tuple[Any, ...], ...]
    aggregate: Compiled | None
    every: int


def read_table(node: Node, scope: Scope) -> Logic:
    """Compile a decisionTable element; faults are kept in the scope."""
    policy = _policy(node, scope)
    inputs = [
        _parsed(child.first("inputExpression"), child, scope, f"input {i}") for i, child in _numbered(node, "input")
    ]
    outputs = list(node.all("output"))
    names = tuple(child.get("name") for child in outputs)
    annotations = [child.get("name").strip().lower() for child in node.all("annotation")]
    rules, cells, contents = [], [], []
    shape = (len(inputs), len(outputs), annotations, names)
    cache: dict[str, Tests] = {}
    for number, child in _numbered(node, "rule"):
        rule, tests, content = _rule(child, number, shape, scope, cache)
        rules.append(rule)
        cells.append(tests)
        contents.append(content)
    defaults = [output.first("defaultOutputEntry") for output in outputs]
    default = _default([_parsed(d, d, scope, "default output") for d in defaults if d is not None], names)
    priorities = [_listed(child, scope) for child in outputs]
    if policy in ("P", "O") and not any(priorities):
        scope.fault(DefinitionError(WORDS("decision.priorities", given=policy)), node)
    columns, residual = _indexed(cells, len(inputs))
    function = _FUNCTIONS.get(policy[1:])
    table = Table(
        scope.decision,
        policy,
        tuple(inputs),
        tuple(expr.name if isinstance(expr, Name) else compile_expr(expr) for expr in inputs),
        columns,
        residual,
        tuple(rules),
        names if len(names) > 1 else (),
        compile_expr(default) if default is not None else None,
        tuple(tuple(compile_expr(item)({}) for item in items) for items in priorities),
        compile_feel(f"{function}(found)", ["found"]) if function else None,
        (1 << len(rules)) - 1,
    )
    content = {
        "table": policy,
        "inputs": [spell(expr) for expr in inputs],
        "outputs": [{"name": n, "values": [spell(e) for e in p]} for n, p in zip(names, priorities, strict=True)],
        "default": spell(default) if default is not None else None,
        "annotations": annotations,
        "rules": contents,
    }
    codes = tuple(code for rule in rules for code in rule.reasons)
    return Logic(_runner(table), _explainer(table), content, codes)


def _numbered(node: Node, tag: str) -> list[tuple[int, Node]]:
    return list(enumerate(node.all(tag), 1))


def _policy(node: Node, scope: Scope) -> str:
    given = node.get("hitPolicy") or "UNIQUE"
    letter = next((letter for letter, name in _POLICIES.items() if name == given), "")
    aggregation = node.get("aggregation")
    if not letter or (aggregation and (aggregation not in _AGGREGATES or letter != "C")):
        allowed = ", ".join([*_POLICIES.values(), *(f"COLLECT {name}" for name in _AGGREGATES)])
        given = f"{given} {aggregation}".strip()
        scope.fault(DefinitionError(WORDS("decision.policy", given=given, allowed=allowed)), node)
    return letter + _AGGREGATES.get(aggregation, "")


def _parsed(holder: Node | None, at: Node, scope: Scope, cell: str) -> Expr:
    text = holder.words("text") if holder is not None else ""
    if not text:
        scope.fault(DefinitionError(WORDS("decision.empty", allowed="an expression")), at, cell)
        return Null()
    try:
        return parse(text, scope.names, members=scope.members)
    except DefinitionError as error:
        scope.fault(error, holder or at, cell)
        return Null()


def _listed(output: Node, scope: Scope) -> tuple[Expr, ...]:
    values = output.first("outputValues")
    if values is None or not values.words("text"):
        return ()
    try:
        return parse_tests(values.words("text"), ()).tests
    except DefinitionError as error:
        scope.fault(error, values, "output values")
        return ()


def _default(entries: Sequence[Expr], names: tuple[str, ...]) -> Expr | None:
    if not entries or len(entries) != len(names):
        return None
    if len(names) == 1:
        return entries[0]
    return parse("{" + ", ".join(f"{show(n)}: {spell(e)}" for n, e in zip(names, entries, strict=True)) + "}", ())


def _rule(
    node: Node, number: int, shape: tuple[int, int, list[str], tuple[str, ...]], scope: Scope, cache: dict[str, Tests]
) -> tuple[Rule, list[Tests], Any]:
    """One rule: its outcome, its cells, its content."""
    inputs, outputs, annotations, names = shape
    entries = {kind: list(node.all(f"{kind}Entry")) for kind in ("input", "output", "annotation")}
    for kind, allowed in (("input", inputs), ("output", outputs)):
        if len(entries[kind]) != allowed:
            words = WORDS("decision.cells", given=len(entries[kind]), kind=kind, allowed=allowed)
            scope.fault(DefinitionError(words), node, f"rule {number}")
    cells = [_cell(e, scope, f"rule {number}, input {i}", cache) for i, e in enumerate(entries["input"][:inputs], 1)]
    cells += [Tests(())] * (inputs - len(cells))
    found = [_output(e, scope, f"rule {number}, output {i}") for i, e in enumerate(entries["output"][:outputs], 1)]
    texts = [entry.words("text") for entry in entries["annotation"]]
    reasons = tuple(
        code.strip().strip('"')
        for column, text in zip(annotations, texts, strict=False)
        if column == "reason"
        for code in text.split(",")
        if code.strip().strip('"') not in ("", "-")
    )
    literal = all(isinstance(expr, Number | Text | Flag | Null | Temporal) for expr in found)
    functions = tuple(compile_expr(expr) for expr in found)
    constant = _outcome([f({}) for f in functions], names if outputs > 1 else ()) if literal else None
    matched = Matched(scope.decision, number, node.get("id"))
    content = [[spell(cell) for cell in cells], [spell(expr) for expr in found], list(texts)]
    return Rule(matched, reasons, constant, None if literal else functions), cells, content


def _outcome(values: list[Any], names: tuple[str, ...]) -> Any:
    if names:
        return dict(zip(names, values, strict=False))
    return values[0] if values else None


def _output(entry: Node, scope: Scope, cell: str) -> Expr:
    # An output cell that is empty or - gives no value.
    return Null() if entry.words("text") in ("", "-") else _parsed(entry, entry, scope, cell)


def _cell(entry: Node, scope: Scope, cell: str, cache: dict[str, Tests]) -> Tests:
    text = entry.words("text")
    if text not in cache:
        try:
            cache[text] = parse_tests(text, scope.names, members=scope.members)
        except DefinitionError as error:
            scope.fault(error, entry, cell)
            return Tests(())
    return cache[text]


def _indexed(
    cells: list[list[Tests]], inputs: int
) -> tuple[tuple[Column, ...], dict[int, tuple[tuple[int, CompiledTests], ...]]]:
    """The index of each column, and the residual tests by rule."""
    sets = [[cell_of(row[column]) for row in cells] for column in range(inputs)]
    residual: dict[int, tuple[tuple[int, CompiledTests], ...]] = {}
    for index, row in enumerate(cells):
        tests = tuple((c, compile_tests(row[c])) for c in range(inputs) if sets[c][index] is None)
        if tests:
            residual[index] = tests
    return tuple(column_of(column) for column in sets), residual


def _hits(table: Table, values: dict[str, Any], now: datetime | None, first: bool) -> list[int]:
    """The indices of the rules that match, in order; only the first of them when `first`."""
    given = [values[r] if isinstance(r, str) else r(values, now) for r in table.readers]
    bits = table.every
    for column, value in zip(table.columns, given, strict=True):
        # A list of one stands for its item, as in the row form of a test.
        bits &= column.look_up(value[0] if type(value) is list and len(value) == 1 else value)
        if not bits:
            return []
    found: list[int] = []
    while bits:
        lowest = bits & -bits
        index = lowest.bit_length() - 1
        tests = table.residual.get(index, ())
        if all(test(given[column], values, now) is True for column, test in tests):
            found.append(index)
            if first:
                return found
        bits ^= lowest
    return found


def _value(table: Table, index: int, values: dict[str, Any], run: Run) -> Any:
    rule = table.rules[index]
    run.matched.append(rule.matched)
    run.reasons.extend(rule.reasons)
    if rule.entries is None:
        return dict(rule.constant) if table.outputs else rule.constant
    return _outcome([entry(values, run.now) for entry in rule.entries], table.outputs)


def _runner(table: Table) -> Callable[[dict[str, Any], Run], Any]:
    policy = table.policy

    def run(values: dict[str, Any], run: Run) -> Any:
        hits = _hits(table, values, run.now, policy == "F")
        if not hits:
            return table.default(values, run.now) if table.default is not None else None
        found = [_value(table, index, values, run) for index in hits]
        match policy:
            case "F" | "U":
                return found[0] if len(found) == 1 else None
            case "A":
                return found[0] if all(_same(found[0], other) for other in found[1:]) else None
            case "P":
                return min(found, key=_rank(table))
            case "O":
                return sorted(found, key=_rank(table))
            case "R" | "C":
                return found
            case _:
                assert table.aggregate is not None
                return table.aggregate({"found": found})

    return run


def _same(left: Any, right: Any) -> bool:
    return show(left) == show(right)


def _rank(table: Table) -> Callable[[Any], tuple[int, ...]]:
    """Priority of an outcome: the place of each output's value among its output values, in order of the outputs."""

    def rank(outcome: Any) -> tuple[int, ...]:
        values = [outcome[name] for name in table.outputs] if table.outputs else [outcome]
        return tuple(
            allowed.index(value) if value in allowed else len(allowed)
            for value, allowed in zip(values, table.priorities, strict=True)
            if allowed
        )

    return rank


def _explainer(table: Table) -> Callable[[dict[str, Any], datetime | None], tuple[str, ...]]:
    def explain(values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
        hits = _hits(table, values, now, False)
        if not hits and table.default is None:
            given = [values[r] if isinstance(r, str) else r(values, now) for r in table.readers]
            pairs = ", ".join(f"{spell(e)} = {show(v)}" for e, v in zip(table.inputs, given, strict=True))
            return (WORDS("decision.cause.none", name=table.name, given=pairs or "-").text(),)
        if len(hits) > 1 and table.policy in ("U", "A"):
            rules = ", ".join(str(index + 1) for index in hits)
            policy = _POLICIES[table.policy]
            return (WORDS("decision.cause.several", name=table.name, given=rules, policy=policy).text(),)
        return ()

    return explain
