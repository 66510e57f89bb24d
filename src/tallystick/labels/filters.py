"""Filters: FEEL conditions over the columns of a stream, by column and by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import polars as pl

from tallystick import feel
from tallystick.core import DefinitionError, FieldType

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
        When the condition is no FEEL expression.
    """
    names = dict(declared)
    for _ in range(_NAMES_MAX):
        try:
            return feel.names_in(feel.parse(condition, names))
        except DefinitionError as error:
            given = error.message.params.get("given")
            if error.code != "feel.name" or not isinstance(given, str) or given in names:
                raise
            names[given] = None
    return feel.names_in(feel.parse(condition, names))


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
