"""Rules: FEEL expressions over labels, by value and by column, to the same result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick import feel
from tallystick.core import FieldType, TallystickError, to_instant
from tallystick.labels.meaning.features import floats, integers
from tallystick.labels.meaning.reasons import REASONS, UNDEFINED
from tallystick.labels.meaning.values import Values, to_series
from tallystick.labels.plan import Rule

Outcome: TypeAlias = tuple[Any, str]
"""A value in held form, or None and the reason."""

_LARGEST = 2**63
_WIDE = Context(prec=60)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_UNDEFINED = REASONS[UNDEFINED]
_SLICE = 100_000
"""Combinations of operands that are held as Python values at once."""

_FAILS = (TallystickError, ArithmeticError, ValueError, TypeError, RecursionError)


@lru_cache(maxsize=1024)
def _compiled(source: str, names: tuple[str, ...]) -> feel.Compiled:
    return feel.compile(source, names)


def rule_value(rule: Rule, outcomes: list[Outcome]) -> Outcome:
    """The value of a rule from those of its operands, in their order."""
    names = tuple(name for name, _ in rule.operands)
    values = {
        name: feel.to_feel(value, operand.type, rule.zone)
        for (name, operand), (value, _) in zip(rule.operands, outcomes, strict=True)
    }
    try:
        result = _compiled(rule.source, names)(values)
    except _FAILS:
        return None, _UNDEFINED
    if result is None:
        return None, next((reason for _, reason in outcomes if reason), _UNDEFINED)
    held = lower(result, rule.type)
    return (None, _UNDEFINED) if held is None else (held, "")


def lower(value: Any, kind: FieldType) -> Any:
    """The held form of a FEEL value, None where it is not of the type: nothing is rounded but a real.

    Examples
    --------
    >>> lower(Decimal("12.50"), FieldType.parse("money(EUR)")), lower(Decimal("12.505"), FieldType.parse("money(EUR)"))
    (1250, None)
    """
    match kind.kind:
        case "money" | "decimal" | "integer":
            return _whole(value, kind.scale)
        case "real":
            number = float(value) + 0.0 if type(value) is Decimal else math.nan
            return number if math.isfinite(number) else None
        case "text":
            return value if type(value) is str else None
        case "flag":
            return value if type(value) is bool else None
        case "date":
            return value if type(value) is date else None
        case _:
            # A local time without a zone names no instant.
            aware = type(value) is datetime and value.tzinfo is not None and value.utcoffset() is not None
            return to_instant(value) if aware else None


def _whole(value: Any, scale: int) -> int | None:
    if type(value) is not Decimal or not value.is_finite() or (value and value.adjusted() + scale > 20):
        return None
    scaled = value.scaleb(scale, _WIDE)
    whole = scaled.to_integral_value(ROUND_FLOOR)
    return int(whole) if whole == scaled and -_LARGEST <= whole < _LARGEST else None


def rule_column(rule: Rule, operands: list[Values], size: int) -> Values:
    """The values of a rule at every point: each different combination of operands is computed once."""
    if not operands:
        outcome = rule_value(rule, [])
        return _values(rule.type, [outcome], np.zeros(size, np.int64))
    flags = _flags(rule, operands) if rule.type.kind == "flag" else None
    if flags is not None:
        return flags
    keys = pl.DataFrame(
        {f"{part}{number}": column for number, values in enumerate(operands) for part, column in _keys(values)}
    )
    rows = keys.unique(maintain_order=True)
    index = keys.join(rows.with_row_index("@row"), on=keys.columns, how="left", maintain_order="left")[
        "@row"
    ].to_numpy()
    outcomes: list[Outcome] = []
    for some in rows.iter_slices(_SLICE):
        lists = []
        for number, ((_, operand), values) in enumerate(zip(rule.operands, operands, strict=True)):
            held = _held(operand.type, values)
            data, reasons = some[f"d{number}"].to_list(), some[f"r{number}"].to_list()
            lists.append([(None, REASONS[r]) if r else (held(d), "") for d, r in zip(data, reasons, strict=True)])
        outcomes += [rule_value(rule, list(row)) for row in zip(*lists, strict=True)]
    return _values(rule.type, outcomes, index)


def _flags(rule: Rule, operands: list[Values]) -> Values | None:
    """A condition over whole columns; None where only the form by value knows it."""
    types = {name: operand.type for name, operand in rule.operands}
    columns = [
        to_series(name, values, operand.type) for (name, operand), values in zip(rule.operands, operands, strict=True)
    ]
    try:
        found = feel.compile_columns(rule.source, types, rule.zone)(pl.DataFrame(columns))
    except _FAILS:
        return None
    if found.dtype != pl.Boolean:
        return None
    missing = np.zeros(found.len(), np.uint8)
    for values in reversed(operands):
        missing = np.where(values.reason != 0, values.reason, missing).astype(np.uint8)
    missing[missing == 0] = UNDEFINED
    reason = np.where(found.is_null().to_numpy(), missing, 0).astype(np.uint8)
    return Values(found.fill_null(False).cast(pl.Int64).to_numpy(), reason)


def _keys(values: Values) -> list[tuple[str, NDArray[Any]]]:
    data = values.data
    whole = integers(pl.Series(data)) if data.dtype == np.float64 else data.astype(np.int64)
    return [("d", np.where(values.reason != 0, 0, whole)), ("r", values.reason)]


def _held(kind: FieldType, values: Values) -> Callable[[int], Any]:
    """How a number of a column becomes a held value."""
    if kind.kind == "text":
        texts = values.texts
        assert texts is not None
        return lambda number: texts[number]
    if kind.kind == "real":
        return lambda number: float(floats(np.array([number], np.int64))[0])
    if kind.kind == "flag":
        return bool
    if kind.kind == "date":
        return lambda number: date.fromordinal(number + _EPOCH_DAY)
    return int


_TO_NUMBER: Mapping[str, Callable[[Any], Any]] = {
    "flag": int,
    "date": lambda held: held.toordinal() - _EPOCH_DAY,
}


def _values(kind: FieldType, outcomes: list[Outcome], index: NDArray[Any]) -> Values:
    """The outcomes at their points, as a column holds them."""
    reason = np.array([REASONS.index(reason) for _, reason in outcomes], np.uint8)
    found, texts = [value for value, _ in outcomes], None
    if kind.kind == "text":
        texts = pl.Series([value for value in dict.fromkeys(found) if value is not None], dtype=pl.String)
        numbers = {text: number for number, text in enumerate(texts.to_list())}
        found = [numbers.get(value, 0) for value in found]
    else:
        to_number = _TO_NUMBER.get(kind.kind, lambda held: held)
        found = [0 if value is None else to_number(value) for value in found]
    data = np.array(found, np.float64 if kind.kind == "real" else np.int64)
    return Values(data[index], reason[index], texts)
