"""A compiled decision table and how it runs: the rules that hit, and what the hit policy makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tallystick.decisions.index import Column, Find
from tallystick.decisions.records import Matched, Run
from tallystick.decisions.types import Type
from tallystick.decisions.words import WORDS
from tallystick.feel import Compiled, CompiledTests, Expr, compile, show, spell

POLICIES = {
    "U": "UNIQUE",
    "A": "ANY",
    "P": "PRIORITY",
    "F": "FIRST",
    "R": "RULE ORDER",
    "O": "OUTPUT ORDER",
    "C": "COLLECT",
}
_EQUAL = compile("a = b", ("a", "b"))
_FOLDS = {
    "+": compile("sum(found)", ("found",)),
    "<": compile("min(found)", ("found",)),
    ">": compile("max(found)", ("found",)),
    "#": compile("count(found)", ("found",)),
}


class Input(msgspec.Struct, frozen=True):
    """An input column: its expression, how it is read, its type, and the values it may have (None: any)."""

    expr: Expr
    reader: str | Compiled
    type: Type | None
    allowed: CompiledTests | None
    allowed_text: str
    outer: bool = False


class Output(msgspec.Struct, frozen=True):
    """An output column: its name and type, and the tests of its output values, the first of which comes first."""

    name: str
    type: Type | None
    values: tuple[CompiledTests, ...]
    values_text: str


class Residual(msgspec.Struct, frozen=True):
    """A cell that the index cannot answer: its column, its test, and whether it reads more than the column's value."""

    column: int
    test: CompiledTests
    outer: bool


class Rule(msgspec.Struct, frozen=True):
    """A rule's outcome: a value where all its entries are constants, else one function per output."""

    matched: Matched
    reasons: tuple[str, ...]
    constant: Any
    entries: tuple[Compiled, ...] | None
    exprs: tuple[Expr, ...]
    flaws: tuple[str, ...] = ()


class Table(msgspec.Struct, frozen=True):
    """A compiled table; `residual` has, by rule, the cells that the index cannot answer.

    `outer` says that the default or the allowed values read names, which columns leave to the row form.
    """

    name: str
    policy: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    columns: tuple[Column, ...]
    find: Find
    residual: dict[int, tuple[Residual, ...]]
    rules: tuple[Rule, ...]
    default: Compiled | None
    outer: bool

    @property
    def named(self) -> bool:
        """Whether an outcome is a context of several outputs."""
        return len(self.outputs) > 1


def given(table: Table, values: dict[str, Any], now: datetime | None, nulls: list[str]) -> list[Any] | None:
    """The value of each input; None when one is not among its allowed values."""
    found = []
    for number, column in enumerate(table.inputs, 1):
        value = values[column.reader] if isinstance(column.reader, str) else column.reader(values, now)
        value, cause = fitted(column, value, values, now)
        if cause:
            nulls.append(cause_of_input(table, number, value, cause))
            if cause == "allowed":
                return None
            value = None
        found.append(value)
    return found


def fitted(column: Input, value: Any, values: dict[str, Any], now: datetime | None) -> tuple[Any, str]:
    """An input's value as its type, and what is wrong with it: "", "type" or "allowed"."""
    if value is None:
        return None, ""
    if column.type is not None and not column.type.holds(value):
        fits, converted = column.type.coerced(value)
        if not fits:
            return value, "type"
        value = converted
    if column.allowed is not None and column.allowed(value, values, now) is not True:
        return value, "allowed"
    return value, ""


def cause_of_input(table: Table, number: int, value: Any, cause: str) -> str:
    """Why an input of a table has no value."""
    column = table.inputs[number - 1]
    allowed = column.allowed_text if cause == "allowed" else str(column.type)
    name = f"{table.name}, {spell(column.expr)}"
    return WORDS("decision.cause.type", name=name, given=show(value)[:80], allowed=allowed).text()


def hits_of(
    table: Table, found: Sequence[Any], values: dict[str, Any], now: datetime | None, first: bool
) -> Iterator[int]:
    """The rules that hold for the inputs `found`, in order, each tested on its residual cells too."""
    for index in table.find(found, first and not table.residual):
        tests = table.residual.get(index, ())
        if all(cell.test(found[cell.column], values, now) is True for cell in tests):
            yield index
            if first:
                return


def outcome_of(table: Table, index: int, values: dict[str, Any], now: datetime | None, nulls: list[str]) -> Any:
    """What one rule gives."""
    rule = table.rules[index]
    if rule.entries is None:
        if rule.flaws:
            nulls.extend(rule.flaws)
        return dict(rule.constant) if table.named else rule.constant
    parts = [entry(values, now) for entry in rule.entries]
    return composed(table.outputs, parts, table.name, index + 1, nulls)


def composed(outputs: Sequence[Output], parts: Sequence[Any], name: str, number: int, nulls: list[str]) -> Any:
    """One outcome from its parts, each as its output's type and among its output values; else null, with a cause."""
    found = []
    for output, part in zip(outputs, parts, strict=True):
        fits, value = (True, part) if output.type is None else output.type.coerced(part)
        allowed = output.values_text
        if not fits:
            allowed = str(output.type)
        elif value is not None and output.values:
            fits = any(test(value, {}) is True for test in output.values)
        if not fits:
            where = f"{name}, rule {number}" + (f", {output.name}" if output.name else "")
            nulls.append(WORDS("decision.cause.type", name=where, given=show(part)[:80], allowed=allowed).text())
        found.append(value if fits else None)
    return {output.name: value for output, value in zip(outputs, found, strict=True)} if len(outputs) > 1 else found[0]


def settled(table: Table, found: list[Any]) -> Any:
    """What the hit policy makes of the outcomes of all rules that hit, of which there is at least one."""
    match table.policy:
        case "F":
            return found[0]
        case "U":
            return found[0] if len(found) == 1 else None
        case "A":
            return found[0] if all(same(found[0], other) for other in found[1:]) else None
        case "P":
            return min(found, key=_rank(table))
        case "O":
            return sorted(found, key=_rank(table))
        case "R" | "C":
            return found
        case _:
            return _FOLDS[table.policy[1]]({"found": found})


def same(left: Any, right: Any) -> bool:
    """Whether two outcomes are equal, as `=` says."""
    return _EQUAL({"a": left, "b": right}) is True


def _rank(table: Table) -> Callable[[Any], tuple[int, ...]]:
    """Priority of an outcome: the place of each output's value among its output values, in order of the outputs."""

    def rank(outcome: Any) -> tuple[int, ...]:
        parts = [outcome[output.name] for output in table.outputs] if table.named else [outcome]
        return tuple(
            next((i for i, test in enumerate(output.values) if test(part, {}) is True), len(output.values))
            for output, part in zip(table.outputs, parts, strict=True)
        )

    return rank


def runner(table: Table) -> Callable[[dict[str, Any], Run], Any]:
    """The table as a function of the values by name."""
    names = [column.reader for column in table.inputs if isinstance(column.reader, str)]
    bases = [base_of(column) for column in table.inputs]
    named_inputs = len(names) == len(table.inputs)
    typed = any(base is not object for base in bases)
    direct = named_inputs and not typed
    quick = named_inputs and None not in bases and not table.residual and table.policy in ("F", "U")
    first = table.policy == "F"
    find, rules, named = table.find, table.rules, table.named

    def full(values: dict[str, Any], run: Run) -> Any:
        found = [values[name] for name in names] if direct else given(table, values, run.now, run.nulls)
        if found is None:
            return None
        hits = list(hits_of(table, found, values, run.now, first))
        if not hits:
            return table.default(values, run.now) if table.default is not None else None
        outcomes = []
        for index in hits:
            run.matched.append(rules[index].matched)
            run.reasons.extend(rules[index].reasons)
            outcomes.append(outcome_of(table, index, values, run.now, run.nulls))
        return settled(table, outcomes)

    def lean(values: dict[str, Any], run: Run) -> Any:
        found = [values[name] for name in names]
        if typed:
            for value, base in zip(found, bases):  # noqa: B905
                if base is not object and value is not None and type(value) is not base:
                    return full(values, run)
        hits = find(found, first)
        if len(hits) != 1:
            return full(values, run)
        rule = rules[hits[0]]
        run.matched.append(rule.matched)
        if rule.reasons:
            run.reasons.extend(rule.reasons)
        if rule.entries is None and not rule.flaws:
            return dict(rule.constant) if named else rule.constant
        return outcome_of(table, hits[0], values, run.now, run.nulls)

    return lean if quick else full


def base_of(column: Input) -> type | None:
    """The one type that an input's value must be of; object where any may be; None where more is asked."""
    kind = column.type
    if column.allowed is not None:
        return None
    if kind is None:
        return object
    return kind.plain


def explainer(table: Table) -> Callable[[dict[str, Any], datetime | None], tuple[str, ...]]:
    """Why the table's value is null: no rule, several rules, or a value that is not allowed."""

    def explain(values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
        nulls: list[str] = []
        found = given(table, values, now, nulls)
        if found is None:
            return ()
        hits = list(hits_of(table, found, values, now, False))
        if not hits and table.default is None:
            pairs = ", ".join(f"{spell(c.expr)} = {show(v)}" for c, v in zip(table.inputs, found, strict=True))
            return (WORDS("decision.cause.none", name=table.name, given=pairs or "-").text(),)
        return conflict(table, hits)

    return explain


def conflict(table: Table, hits: Iterable[int]) -> tuple[str, ...]:
    """The cause of a null where UNIQUE or ANY forbids what several rules gave."""
    numbers = [str(index + 1) for index in hits]
    if len(numbers) < 2 or table.policy not in ("U", "A"):
        return ()
    policy = POLICIES[table.policy]
    return (WORDS("decision.cause.several", name=table.name, given=", ".join(numbers), policy=policy).text(),)
