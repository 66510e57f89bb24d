"""Decisions over columns: the same plan, tables by kernels, arithmetic by columns, all else once per distinct row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.core.numeric import in_parts
from tallystick.decisions.expressions import State, distinct, evaluate, route_of, tuples
from tallystick.decisions.lookup import NONE, SEVERAL, Int32s, grouped
from tallystick.decisions.plans import FUNCTIONS
from tallystick.decisions.records import Element, Plan, Run
from tallystick.decisions.rules import Table, composed, fitted, hits_of, settled
from tallystick.decisions.search import WORDS_MAX, Search
from tallystick.decisions.types import Type
from tallystick.decisions.values import accepted, bound, converted
from tallystick.decisions.vectors import (
    Coded,
    Plain,
    Uneven,
    Vector,
    coded,
    constant,
    from_series,
    joined,
    plain,
    size_of,
    to_series,
    value_at,
)
from tallystick.decisions.words import WORDS
from tallystick.feel import Expr


class Program:
    """A plan made ready for columns.

    Parameters
    ----------
    plan
        What to work out.
    strict
        Whether an input of another type is refused; else it is null.
    """

    def __init__(self, plan: Plan, strict: bool = True) -> None:
        self.plan, self.strict = plan, strict
        self._searches: dict[str, Search] = {}
        self._whole = any(_reason(e) for e in plan.steps if e.kind not in FUNCTIONS)
        self.routes = {e.key: _route(e) for e in plan.steps if e.kind not in FUNCTIONS}

    def decide(self, frame: pl.DataFrame, now: datetime | None = None) -> pl.DataFrame:
        """The decision of every row.

        Parameters
        ----------
        frame
            A column for each input of the plan: integers, Decimal, floats (each by its shortest text), String,
            Boolean, Date, Datetime, Duration, Time, Struct or List. More columns may be present.
        now
            The aware moment that `now()` and `today()` read.

        Returns
        -------
        polars.DataFrame
            As long as `frame` and in its order: a column for each output of the plan, numbers as Int64 where all are
            whole and else as Decimal of one scale; and after that of a FIRST or UNIQUE table `<name>__rule`, the number
            of the rule that fired, from 1, or null.

        Raises
        ------
        InputError
            For a column that is absent, and in strict mode for a value that is not of its input's type.
        """
        if not frame.height:
            # A row of nulls gives the columns their types.
            return self.decide(frame.clear(1), now).clear()
        try:
            return self._decided(frame, now, False)
        except Uneven:
            # A number's own text is needed somewhere: nothing is brought to one scale then.
            return self._decided(frame, now, True)

    def _decided(self, frame: pl.DataFrame, now: datetime | None, careful: bool) -> pl.DataFrame:
        # Parts of a frame keep to the processor's cache; what goes by distinct row sees the whole frame at once.
        size = frame.height
        parts = (
            [self._part(frame, now, careful)]
            if self._whole
            else in_parts(size, lambda first, last: self._part(frame[first:last], now, careful))
        )
        columns = []
        for element in self.plan.outputs:
            columns.append(to_series(joined([vectors[element.key] for vectors, _ in parts]), element.key))
            if element.key in parts[0][1]:
                numbers = pl.Series(
                    f"{element.key}__rule", np.concatenate([rules[element.key] for _, rules in parts]) + 1
                )
                columns.append(pl.select(pl.when(numbers > 0).then(numbers)).to_series().alias(numbers.name))
        return pl.DataFrame(columns)

    def _part(
        self, frame: pl.DataFrame, now: datetime | None, careful: bool
    ) -> tuple[dict[str, Vector], dict[str, Int32s]]:
        """The outputs over some rows, and the numbers of their rules."""
        state = State({}, {}, frame.height, now, careful)
        for element in self.plan.inputs:
            state.vectors[element.key] = self._input(element, frame)
        rules: dict[str, Int32s] = {}
        for element in self.plan.steps:
            if element.kind in FUNCTIONS:
                assert element.logic is not None
                state.constants[element.key] = element.logic.run(state.constants, Run(now, [], [], []))
            else:
                state.vectors[element.key] = _converted(element, self._step(element, state, rules))
        return {element.key: state.vectors[element.key] for element in self.plan.outputs}, rules

    def _input(self, element: Element, frame: pl.DataFrame) -> Vector:
        if element.key not in frame.columns:
            words = WORDS(
                "decision.input",
                name=self.plan.name,
                given=element.key,
                inputs=", ".join(frame.columns) or "none",
            )
            raise InputError(words)
        vector = from_series(frame[element.key])
        if _is(vector, element.type):
            return vector
        found = coded(vector)
        used = np.bincount(found.codes, minlength=len(found.values)) > 0
        values = [
            self._accepted(element, value) if known else None
            for value, known in zip(found.values, used.tolist(), strict=True)
        ]
        return Coded(found.codes, values)

    def _accepted(self, element: Element, value: Any) -> Any:
        return accepted(element, self.plan.name, value) if self.strict else bound(element.type, value, element.key, [])

    def _step(self, element: Element, state: State, rules: dict[str, Int32s]) -> Vector:
        logic = element.logic
        if logic is None:
            return constant(None, state.rows)
        if self.routes[element.key]:
            return _by_row(element, state, rules)
        if isinstance(logic.source, Expr):
            return evaluate(logic.source, state)
        if element.key not in self._searches:
            self._searches[element.key] = Search(logic.source)
        return _table(self._searches[element.key], element.key, state, rules)


def _route(element: Element) -> str:
    """Why an element goes row by row; "" when it does not."""
    if element.logic is None:
        return ""
    source = element.logic.source
    if element.view is not None:
        return WORDS("columns.import").text()
    if isinstance(source, Expr):
        return ""
    if not isinstance(source, Table):
        return WORDS("columns.boxed").text()
    if not source.inputs or not source.rules or not source.outputs:
        return WORDS("columns.bare").text()
    if source.outer or any(cell.outer for cells in source.residual.values() for cell in cells):
        return WORDS("columns.cells").text()
    several = source.policy not in ("F", "U")
    if several and (any(rule.entries for rule in source.rules) or len(source.rules) > 64 * WORDS_MAX):
        return WORDS("columns.several").text()
    return ""


def columns_plan(plan: Plan) -> dict[str, str]:
    """How each decision of a plan runs over columns.

    Returns
    -------
    dict
        By decision: "in columns", or "by distinct row" with the reason.
    """
    reasons = {element.key: _reason(element) for element in plan.steps if element.kind not in FUNCTIONS}
    native = WORDS("columns.native").text()
    return {key: WORDS("columns.by_row", given=reason).text() if reason else native for key, reason in reasons.items()}


def _reason(element: Element) -> str:
    """Why an element, or a part of it, goes by distinct row or value; "" where none does."""
    reason = _route(element)
    if reason or element.logic is None:
        return reason
    source = element.logic.source
    return route_of(source) if isinstance(source, Expr) else _table_reason(source)


def _table_reason(table: Table) -> str:
    """Which parts of a table that runs in columns still go by distinct value."""
    reasons = [route_of(c.expr) for c in table.inputs]
    reasons += [route_of(expr) for rule in table.rules if rule.entries for expr in rule.exprs]
    if table.residual or any(column.allowed is not None for column in table.inputs):
        reasons.append(WORDS("columns.residual").text())
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))


def _is(vector: Vector, kind: Type) -> bool:
    """Whether every value of a column is surely of a type as it stands."""
    if kind.free:
        return True
    return isinstance(vector, Plain) and kind.plain is (date if vector.kind == "date" else Decimal)


def _converted(element: Element, vector: Vector) -> Vector:
    if _is(vector, element.type):
        return vector
    return distinct(vector, lambda value: converted(element, value, []))


def _by_row(element: Element, state: State, rules: dict[str, Int32s]) -> Vector:
    """A decision worked out once for each distinct row of what it requires."""
    assert element.logic is not None
    needed = [key for key in element.requires if key in state.vectors]
    groups, rows = tuples([coded(state.vectors[key]) for key in needed], state.rows)
    values, numbers = [], []
    source = element.logic.source
    for row in rows:
        run = Run(state.now, [], [], [])
        values.append(element.logic.run(state.constants | dict(zip(needed, row, strict=True)), run))
        fired = [matched.rule - 1 for matched in run.matched if matched.decision == getattr(source, "name", None)]
        numbers.append(fired[0] if len(fired) == 1 else NONE)
    if isinstance(source, Table) and source.policy in ("F", "U"):
        rules[element.key] = np.array(numbers, np.int32)[groups] if numbers else np.empty(0, np.int32)
    return Coded(groups, values)


def _table(search: Search, key: str, state: State, rules: dict[str, Int32s]) -> Vector:
    table = search.table
    vectors: list[Vector] = []
    refused: NDArray[np.bool_] | None = None
    for column in table.inputs:
        vector = evaluate(column.expr, state)
        if column.allowed is not None or not (column.type is None or _is(vector, column.type)):
            found = coded(vector)
            pairs = [fitted(column, value, {}, state.now) for value in found.values]
            vector = Coded(found.codes, [None if cause else value for value, cause in pairs])
            bad = np.array([cause == "allowed" for _, cause in pairs], np.bool_)
            if bad.any():
                refused = bad[found.codes] if refused is None else refused | bad[found.codes]
        vectors.append(vector)
    vectors = _with_residual(table, vectors)
    if table.policy in ("F", "U"):
        hits = search.hits(vectors, state.now) if search.exact else _hits(search, vectors, state)
        if refused is not None:
            hits = np.where(refused, np.int32(SEVERAL), hits)
        rules[key] = hits
        return _outcomes(table, hits, state)
    groups, firsts = grouped(search.sets(vectors, state.now))
    values = []
    for row in firsts.tolist():
        found_values = [value_at(vector, row) for vector in vectors]
        hits_here = list(hits_of(table, found_values, {}, state.now, False))
        values.append(
            settled(table, [_constant(table, hit) for hit in hits_here]) if hits_here else _default(table, state.now)
        )
    if refused is not None:
        groups, values = np.where(refused, np.int32(len(values)), groups), [*values, None]
    return Coded(groups, values)


def _hits(search: Search, vectors: Sequence[Vector], state: State) -> Int32s:
    """The one rule of each row, found once for each distinct row of codes."""
    table = search.table
    groups, firsts = grouped(search.sets(vectors, state.now))
    found = []
    for row in firsts.tolist():
        values = [value_at(vector, row) for vector in vectors]
        hits = list(hits_of(table, values, {}, state.now, table.policy == "F"))
        found.append(NONE if not hits else hits[0] if len(hits) == 1 else SEVERAL)
    return np.array(found, np.int32)[groups] if found else np.empty(0, np.int32)


def _with_residual(table: Table, vectors: Sequence[Vector]) -> list[Vector]:
    """Columns whose cells the index cannot answer are read value by value."""
    needed = {cell.column for cells in table.residual.values() for cell in cells}
    return [coded(vector) if number in needed else vector for number, vector in enumerate(vectors)]


def _constant(table: Table, hit: int) -> Any:
    constant_value = table.rules[hit].constant
    return dict(constant_value) if table.named else constant_value


def _default(table: Table, now: datetime | None) -> Any:
    return table.default({}, now) if table.default is not None else None


def _outcomes(table: Table, hits: Int32s, state: State) -> Vector:
    """What the rule of each row gives: by its number, and by columns where its entries are expressions."""
    values: list[Any] = [None, _default(table, state.now), *(_constant(table, hit) for hit in range(len(table.rules)))]
    codes = hits - np.int32(SEVERAL)
    computed = [hit for hit, rule in enumerate(table.rules) if rule.entries]
    if not computed:
        return Coded(codes, values)
    present = np.bincount(codes, minlength=len(values)) > 0
    parts: list[tuple[NDArray[Any], Vector]] = []
    for hit in computed:
        if present[hit - SEVERAL]:
            rows = np.flatnonzero(hits == hit)
            parts.append((rows, _entries(table, hit, state.at(rows))))
    numbers = None if table.named else _numbers(Coded(codes, values), parts, present, state.careful)
    if numbers is not None:
        return numbers
    for rows, part in parts:
        found = coded(part)
        codes[rows] = found.codes + np.int32(len(values))
        values += found.values
    return Coded(codes, values)


def _entries(table: Table, hit: int, state: State) -> Vector:
    """The outcome of one rule over the rows in which it fired."""
    parts = [evaluate(expr, state) for expr in table.rules[hit].exprs]
    outputs = table.outputs
    if len(parts) == 1 and not outputs[0].values and (outputs[0].type is None or _is(parts[0], outputs[0].type)):
        return parts[0]
    groups, rows = tuples([coded(part) for part in parts], state.rows)
    return Coded(groups, [composed(outputs, row, table.name, hit + 1, []) for row in rows])


def _numbers(
    whole: Coded, parts: Sequence[tuple[NDArray[Any], Vector]], present: NDArray[np.bool_], careful: bool
) -> Plain | None:
    """Constants and computed numbers as one array, where they all are numbers that fit; else None."""
    held = [value if known else None for value, known in zip(whole.values, present.tolist(), strict=True)]
    found = [(rows, plain(part, careful)) for rows, part in parts]
    if not any(isinstance(part, Plain) for _, part in parts):
        return None
    if all(value is None for value in held):
        base: Plain | None = Plain(np.zeros(len(whole), np.int64), np.zeros(len(whole), np.bool_), "number")
    else:
        base = plain(Coded(whole.codes, held), careful)
    every = [base, *(part for _, part in found)]
    if any(part is None or part.kind != "number" for part in every):
        return None
    scales = [part.scale for part in every if part is not None]
    if careful and len(set(scales)) > 1:
        return None
    return _merged(base, found, max(scales), len(set(scales)) == 1)


def _merged(base: Any, found: Sequence[Any], scale: int, even: bool) -> Plain | None:
    arrays = []
    for part in (base, *(part for _, part in found)):
        factor = 10 ** (scale - part.scale)
        if size_of(part.data) * factor > 2**63 - 1:
            return None
        arrays.append(part.data * np.int64(factor))
    data = arrays[0]
    valid = base.valid.copy() if len(base.valid) else np.ones(len(data), np.bool_)
    for (rows, part), array in zip(found, arrays[1:], strict=True):
        data[rows] = array
        valid[rows] = part.valid if len(part.valid) else True
    even = even and all(part.even for part in (base, *(part for _, part in found)))
    return Plain(data, np.empty(0, np.bool_) if valid.all() else valid, "number", scale, even)
