"""Expressions over columns in flight: by columns where that is proven equal, else once for each distinct row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType
from tallystick.decisions.lookup import Int32s, grouped
from tallystick.decisions.vectors import (
    Coded,
    Plain,
    Vector,
    coded,
    constant,
    from_series,
    masked,
    plain,
    size_of,
    take,
)
from tallystick.decisions.words import WORDS
from tallystick.feel import (
    Between,
    Binary,
    Compare,
    Expr,
    Flag,
    If,
    In,
    Items,
    Logic,
    Name,
    Negate,
    Null,
    Number,
    Range,
    Temporal,
    Test,
    Text,
    children,
    column_value,
    compile_expr,
    names_in,
    spell,
)

_NATIVE = (Between, Compare, Flag, If, In, Items, Logic, Name, Negate, Null, Number, Range, Temporal, Test, Text)
_FEW = 4_096
_KEY_MAX = 2**62


class State(msgspec.Struct, frozen=True):
    """What has been worked out: columns by name, functions by name, and the number of rows."""

    vectors: dict[str, Vector]
    constants: dict[str, Any]
    rows: int
    now: datetime | None
    careful: bool

    def at(self, rows: NDArray[Any]) -> State:
        """The state of the chosen rows."""
        return State(_Taken(self.vectors, rows), self.constants, len(rows), self.now, self.careful)


class _Taken(dict[str, Vector]):
    """Columns at chosen rows, each taken when it is first read."""

    def __init__(self, whole: Mapping[str, Vector], rows: NDArray[Any]) -> None:
        super().__init__()
        self._whole, self._rows = whole, rows

    def __missing__(self, name: str) -> Vector:
        self[name] = take(self._whole[name], self._rows)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self._whole


def evaluate(expr: Expr, state: State) -> Vector:
    """The values of an expression, each what the row form gives."""
    needed = sorted(name for name in names_in(expr) if name in state.vectors)
    if not needed:
        return constant(compile_expr(expr)(state.constants, state.now), state.rows)
    if isinstance(expr, Name):
        return state.vectors[expr.name]
    vectors = [state.vectors[name] for name in needed]
    few = math.prod(len(v.values) if isinstance(v, Coded) else _FEW + 1 for v in vectors) <= _FEW
    found = None if few else _in_columns(expr, dict(zip(needed, vectors, strict=True)), state)
    if found is not None:
        return found
    row = compile_expr(expr)
    if len(vectors) == 1:
        return distinct(vectors[0], lambda value: row(state.constants | {needed[0]: value}, state.now))
    groups, rows = tuples([coded(vector) for vector in vectors], state.rows)
    named = (state.constants | dict(zip(needed, values, strict=True)) for values in rows)
    return Coded(groups, [row(values, state.now) for values in named])


def distinct(vector: Vector, function: Callable[[Any], Any]) -> Coded:
    """A function of each value."""
    found = coded(vector)
    return Coded(found.codes, [function(value) for value in found.values])


def tuples(columns: Sequence[Coded], rows: int) -> tuple[Int32s, list[tuple[Any, ...]]]:
    """The group of each row of equal values, and the values of each group."""
    if not columns:
        return np.zeros(rows, np.int32), [()]
    if len(columns) == 1:
        return columns[0].codes, [(value,) for value in columns[0].values]
    if math.prod(max(1, len(column.values)) for column in columns) < _KEY_MAX:
        key = np.zeros(rows, np.int64)
        for column in columns:
            key *= len(column.values)
            key += column.codes
        groups, firsts = grouped(key.reshape(-1, 1))
    else:
        groups, firsts = grouped(np.stack([column.codes.astype(np.int64) for column in columns], axis=1))
    chosen = [column.codes[firsts].tolist() for column in columns]
    lists = [[column.values[code] for code in codes] for column, codes in zip(columns, chosen, strict=True)]
    return groups, list(zip(*lists, strict=True))


def _in_columns(expr: Expr, vectors: Mapping[str, Vector], state: State) -> Vector | None:
    schema: dict[str, FieldType] = {}
    bounds: dict[str, int] = {}
    series: list[pl.Series] = []
    even = True
    for name, vector in vectors.items():
        held = _held(name, vector, state.careful)
        if held is None:
            return None
        column, schema[name] = held
        series.append(column)
        found = plain(vector, state.careful)
        if found is not None and found.kind == "number":
            bounds[name] = size_of(found.data)
            even = even and found.even
    result = column_value(expr, pl.DataFrame(series), schema, bounds)
    if result is None:
        return None
    values, operand = result
    if operand.kind == "number":
        if state.careful and not operand.even:
            return None
        valid = values.is_not_null().to_numpy() if values.null_count() else np.empty(0, np.bool_)
        data = values.cast(pl.Int64()).fill_null(0).to_numpy()
        return Plain(data, valid, "number", operand.scale, even and operand.even)
    return from_series(values)


def _held(name: str, vector: Vector, careful: bool) -> tuple[pl.Series, FieldType] | None:
    """A column as a series of held values with its type; None where there is none."""
    found = plain(vector, careful)
    if found is not None:
        series = masked(pl.Series(name, found.data), found.valid).alias(name)
        if found.kind == "date":
            return series.cast(pl.Int32()).cast(pl.Date()), FieldType("date")
        return series, FieldType("real") if found.kind == "real" else FieldType("decimal", scale=found.scale)
    assert isinstance(vector, Coded)
    kinds = {type(value) for value in vector.values if value is not None}
    for kind, dtype, field in ((str, pl.String(), "text"), (bool, pl.Boolean(), "flag")):
        if kinds == {kind}:
            values = pl.Series(name, vector.values, dtype=dtype)
            return values.gather(vector.codes.astype(np.uint32)), FieldType(field)
    return None


def route_of(expr: Expr) -> str:
    """Why an expression goes by distinct row whatever its columns are; "" where they decide."""
    if isinstance(expr, Name) or not names_in(expr):
        return ""
    pending = [expr]
    while pending:
        node = pending.pop()
        arithmetic = isinstance(node, Binary) and node.op in ("+", "-", "*")
        negation = spell(node).startswith("not(")
        if not (arithmetic or negation or isinstance(node, _NATIVE)):
            return WORDS("columns.node", node=spell(node)).text()
        pending.extend(children(node))
    return ""
