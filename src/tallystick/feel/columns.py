"""The same expressions over columns: native where proven equal to the row form, else row by row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Protocol

import polars as pl

from tallystick.core import FieldType, InputError
from tallystick.feel import expr as ir
from tallystick.feel.compiler import compile_expr
from tallystick.feel.held import to_feel
from tallystick.feel.native import Held, NotNative, Operand, native, native_value
from tallystick.feel.parser import parse
from tallystick.feel.words import WORDS
from tallystick.feel.zones import local_time

_DTYPES: dict[str, Any] = {
    "real": pl.Float64(),
    "text": pl.String(),
    "flag": pl.Boolean(),
    "instant": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
}
_FLAG_CALLS = frozenset(("not", "contains", "starts with", "ends with", "list contains", "odd", "even", "all", "any"))
_TEXT_CALLS = frozenset(("string", "substring", "upper case", "lower case", "substring before", "substring after"))


class CompiledColumns(Protocol):
    """A compiled expression over columns: a frame of held columns, and the moment that `now()` reads."""

    def __call__(self, frame: pl.DataFrame, now: datetime | None = None) -> pl.Series:
        """One value for each row of `frame`, in its order."""


def compile_columns(text: str, schema: Mapping[str, FieldType], zone: str = "UTC") -> CompiledColumns:
    """Compile one FEEL expression over columns of held values.

    Parameters
    ----------
    text
        The expression; its names are columns.
    schema
        The type of each column that may be read.
    zone
        The zone in which an instant is seen.

    Returns
    -------
    CompiledColumns
        `f(frame, now=None)`, a series as long as the frame: Boolean, String, Date or Datetime where the expression
        is of that type, else Object with FEEL values. Each value is what the row form gives.

    Raises
    ------
    DefinitionErrors
        Unknown names and syntax faults.

    Examples
    --------
    >>> schema = {"amount": FieldType.parse("money(EUR)"), "country": FieldType("text")}
    >>> f = compile_columns('amount >= 9.99 and country = "DE"', schema)
    >>> f(pl.DataFrame({"amount": [999, 998, None], "country": ["DE", "DE", "DE"]})).to_list()
    [True, False, None]
    """
    expr = parse(text, schema)
    used = {name: schema[name] for name in sorted(ir.names_in(expr))}
    try:
        columns = native(expr, used)
    except NotNative:
        return _by_row(expr, used, zone)

    def by_column(frame: pl.DataFrame, now: datetime | None = None) -> pl.Series:
        held = _held(frame, used)
        for name, kind in used.items():
            if kind.kind == "instant":
                held = held.with_columns(local_time(held[name], zone).alias(f"{name}@local"))
        return held.select(columns.alias("value")).to_series()

    return by_column


def column_value(
    expr: ir.Expr, frame: pl.DataFrame, schema: Mapping[str, FieldType], bounds: Mapping[str, int]
) -> tuple[pl.Series, Operand] | None:
    """An expression over held columns as a column, where that is proven equal to the row form.

    Parameters
    ----------
    expr
        The expression.
    frame
        The columns that it reads, as they are held.
    schema
        Their types; no instants.
    bounds
        The greatest size of each column of scaled integers.

    Returns
    -------
    tuple or None
        The values, and their kind and scale: "flag", "text", "date", "null", or "number" as scaled integers. None
        where only the row form keeps the meaning.
    """
    try:
        operand = native_value(expr, Held(schema, bounds))
    except NotNative:
        return None
    found = frame.select(operand.expr.alias("value")).to_series()
    return (found if len(found) == frame.height else found.new_from_index(0, frame.height)), operand


def _held(frame: pl.DataFrame, used: Mapping[str, FieldType]) -> pl.DataFrame:
    """The columns that are read, as they are held."""
    for name in used:
        if name not in frame.columns:
            raise InputError(WORDS("feel.column", given=name, names=", ".join(frame.columns) or "none"))
    return frame.select(pl.col(name).cast(_DTYPES.get(kind.kind, pl.Int64())) for name, kind in used.items())


def _by_row(expr: ir.Expr, used: Mapping[str, FieldType], zone: str) -> CompiledColumns:
    row = compile_expr(expr)
    dtype = _dtype(expr, used)

    def by_row(frame: pl.DataFrame, now: datetime | None = None) -> pl.Series:
        if not used:
            return _series([row({}, now)] * frame.height, dtype)
        held = _held(frame, used).with_columns(pl.selectors.datetime().to_physical())
        rows = held.unique(maintain_order=True)
        lists = [[to_feel(item, kind, zone) for item in rows[name].to_list()] for name, kind in used.items()]
        results = [row(dict(zip(used, values, strict=True)), now) for values in zip(*lists, strict=True)]
        numbered = rows.with_row_index("@row")
        index = held.join(numbered, on=list(used), how="left", nulls_equal=True, maintain_order="left")["@row"]
        if dtype == pl.Object():
            return _series([results[position] for position in index.to_list()], dtype)
        return _series(results, dtype).gather(index)

    return by_row


def _series(values: list[Any], dtype: Any) -> pl.Series:
    if dtype == _DTYPES["instant"]:
        return pl.Series("value", values, dtype=dtype, strict=False)
    return pl.Series("value", values, dtype=dtype)


def _dtype(expr: ir.Expr, used: Mapping[str, FieldType]) -> Any:
    """The dtype of a result whose type the expression itself fixes, else Object."""
    match expr:
        case ir.Compare() | ir.Logic() | ir.Between() | ir.In() | ir.Quantified() | ir.InstanceOf() | ir.Flag():
            return pl.Boolean()
        case ir.Text():
            return pl.String()
        case ir.Temporal(value) if type(value) is date:
            return pl.Date()
        case ir.Name(name):
            return _DTYPES.get(used[name].kind, pl.Object()) if used[name].kind != "real" else pl.Object()
        case ir.Call(function) if function in _FLAG_CALLS:
            return pl.Boolean()
        case ir.Call(function) if function in _TEXT_CALLS:
            return pl.String()
        case ir.If(_, yes, no):
            kinds = {str(_dtype(part, used)): _dtype(part, used) for part in (yes, no) if not isinstance(part, ir.Null)}
            return next(iter(kinds.values())) if len(kinds) == 1 else pl.Object()
        case _:
            return pl.Object()
