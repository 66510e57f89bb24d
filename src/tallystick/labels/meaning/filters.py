"""Filters: FEEL conditions over the columns of a stream, by column and by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import polars as pl

from tallystick import feel
from tallystick.core import DefinitionError, FieldType
from tallystick.labels.definition.currencies import check_currencies
from tallystick.labels.definition.typecheck import check_types
from tallystick.labels.words import WORDS

_NAMES_MAX = 200
KNOWN_DTYPES: Mapping[Any, FieldType] = {
    pl.String: FieldType("text"),
    pl.Boolean: FieldType("flag"),
    pl.Int64: FieldType("integer"),
    pl.Float64: FieldType("real"),
    pl.Date: FieldType("date"),
    pl.Datetime: FieldType("instant"),
}


def columns_read(condition: str, declared: Mapping[str, FieldType | None]) -> frozenset[str]:
    """The columns that a condition reads; a name that the stream does not declare is taken for a column.

    Raises
    ------
    DefinitionError
        When the condition is no FEEL expression, reads the clock, by its types can never be true, or compares amounts
        of two currencies.
    """
    expr = _parsed(condition, declared)
    refuse_clock(expr)
    kind = check_types(expr, declared)
    if kind not in ("", "flag"):
        raise DefinitionError(WORDS("labels.where_kind", given=condition, kind=kind))
    check_currencies(expr, declared)
    return feel.names_in(expr)


def _parsed(condition: str, declared: Mapping[str, FieldType | None]) -> feel.Expr:
    names = dict(declared)
    for _ in range(_NAMES_MAX):
        try:
            return feel.parse(condition, names)
        except DefinitionError as error:
            given = error.message.params.get("given")
            if error.code != "feel.name" or not isinstance(given, str) or given in names:
                raise
            names[given] = None
    return feel.parse(condition, names)


def refuse_clock(expr: feel.Expr) -> None:
    """Raise `DefinitionError` where an expression reads the clock: its value would depend on when it is computed."""
    waiting = [expr]
    while waiting:
        part = waiting.pop()
        if isinstance(part, feel.Call) and part.function in ("now", "today"):
            raise DefinitionError(WORDS("labels.clock", given=part.function))
        waiting.extend(feel.children(part))


def mask(condition: str, frame: pl.DataFrame, schema: Mapping[str, FieldType], zone: str) -> pl.Series:
    """Whether the condition is true on each row; null and anything that is no flag count as not true."""
    found = feel.compile_columns(condition, schema, zone)(frame)
    if found.dtype != pl.Boolean:
        return pl.Series([value is True for value in found], dtype=pl.Boolean)
    return found.fill_null(False)


def row_test(condition: str, columns: tuple[str, ...]) -> Callable[[Mapping[str, Any]], bool]:
    """The same condition over one row of FEEL values."""
    compiled = _compiled(condition, columns)
    return lambda row: compiled(row) is True


@lru_cache(maxsize=1024)
def _compiled(condition: str, columns: tuple[str, ...]) -> Any:
    return feel.compile(condition, columns)
