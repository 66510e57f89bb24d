"""Expressions as Polars expressions, where both are proven to give the same result.

Money, decimals and integers are compared as scaled integers, so no literal is ever rounded; a real is compared with
the float threshold that its shortest text gives. Sums, differences and products of scaled integers stay exact while
their bounds fit 64 bits. Anything else raises `NotNative`, and the row form takes over.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import msgspec
import polars as pl

from tallystick.core import FieldType, to_instant
from tallystick.feel import expr as ir
from tallystick.feel.operations import is_zoned

_WIDE = Context(prec=7_000)
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DAY_PARTS = frozenset(("year", "month", "day", "weekday"))
_PARTS = _DAY_PARTS | {"hour", "minute"}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": pl.Expr.eq_missing,
    "!=": pl.Expr.ne_missing,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}


class NotNative(Exception):
    """This node's meaning is kept only by the row form."""


class Operand(msgspec.Struct, frozen=True):
    """An operand: its expression and kind; for numbers their scale and the greatest size, -1 where that is unknown.

    `even` says that every value's own text has `scale` decimals.
    """

    expr: pl.Expr
    kind: str
    scale: int = 0
    bound: int = -1
    even: bool = True


class Held(msgspec.Struct, frozen=True):
    """The columns that an expression may read: their types, and by name the greatest size of scaled integers."""

    kinds: Mapping[str, FieldType]
    bounds: Mapping[str, int]


def native(expr: ir.Expr, used: Mapping[str, FieldType]) -> pl.Expr:
    """The Polars expression of a boolean FEEL expression; raises `NotNative` where there is none.

    An instant column `x` needs a second column `x@local`: its clock reading, without zone.
    """
    if not ir.names_in(expr):
        raise NotNative
    return _flag(expr, Held(used, {}))


def native_value(expr: ir.Expr, used: Held) -> Operand:
    """The Polars expression of any FEEL expression, with its kind; raises `NotNative` where there is none."""
    match expr:
        case ir.If(condition, yes, no):
            return _either(_flag(condition, used), native_value(yes, used), native_value(no, used))
        case ir.Text(value):
            return Operand(pl.lit(value), "text")
        case ir.Temporal(value) if type(value) is date:
            return Operand(pl.lit(value), "date")
        case ir.Null():
            return Operand(pl.lit(None), "null")
        case ir.Number() | ir.Negate() | ir.Binary():
            return _numeric(expr, used)
        case ir.Name(name) if name in used.kinds and used.kinds[name].kind != "flag":
            column = _column(expr, used)
            if column is None or column.kind == "real":
                raise NotNative
            return column
        case _:
            return Operand(_flag(expr, used), "flag")


def _either(condition: pl.Expr, yes: Operand, no: Operand) -> Operand:
    """`if`: only true leads to `yes`."""
    kinds = {part.kind for part in (yes, no)} - {"null"}
    if len(kinds) != 1:
        raise NotNative
    kind, scale = kinds.pop(), max(yes.scale, no.scale)
    numbers = [part for part in (yes, no) if part.kind == "number"]
    even = all(part.even and part.scale == scale for part in numbers)
    if kind == "number":
        yes, no = (_scaled(part, scale) if part.kind == "number" else part for part in (yes, no))
    chosen = pl.when(condition.fill_null(False)).then(yes.expr).otherwise(no.expr)
    return Operand(chosen, kind, scale, max(yes.bound, no.bound), even)


def _numeric(expr: ir.Expr, used: Held) -> Operand:
    """Scaled integers by + - *, as long as no result can leave 64 bits: so FEEL's 34 digits never round it."""
    match expr:
        case ir.Number(value) if -18 <= int(value.as_tuple().exponent) <= 0:
            scale = -int(value.as_tuple().exponent)
            whole = int(value.scaleb(scale, _WIDE))
            return _fitting(pl.lit(whole, pl.Int64()) if abs(whole) <= _INT64_MAX else pl.lit(0), scale, abs(whole))
        case ir.Negate(operand):
            inner = _numeric(operand, used)
            return msgspec.structs.replace(inner, expr=-inner.expr)
        case ir.Binary("*", left, right):
            one, other = _numeric(left, used), _numeric(right, used)
            even = one.even and other.even
            return _fitting(one.expr * other.expr, one.scale + other.scale, one.bound * other.bound, even)
        case ir.Binary("+" | "-" as op, left, right):
            one, other = _numeric(left, used), _numeric(right, used)
            scale = max(one.scale, other.scale)
            even = one.even and other.even
            one, other = _scaled(one, scale), _scaled(other, scale)
            total = one.expr + other.expr if op == "+" else one.expr - other.expr
            return _fitting(total, scale, one.bound + other.bound, even)
        case ir.Name(name) if name in used.bounds:
            column = _column(expr, used)
            assert column is not None
            return column
        case _:
            raise NotNative


def _scaled(operand: Operand, scale: int) -> Operand:
    factor = 10 ** (scale - operand.scale)
    if factor == 1:
        return operand
    if operand.bound < 0:
        raise NotNative
    return _fitting(operand.expr * pl.lit(factor, pl.Int64()), scale, operand.bound * factor, operand.even)


def _fitting(expr: pl.Expr, scale: int, bound: int, even: bool = True) -> Operand:
    if not 0 <= bound <= _INT64_MAX or scale > 18:
        raise NotNative
    return Operand(expr, "number", scale, bound, even)


def _flag(expr: ir.Expr, used: Held) -> pl.Expr:
    match expr:
        case ir.Flag(value):
            return pl.lit(value)
        case ir.Name(name) if name in used.kinds and used.kinds[name].kind == "flag":
            return pl.col(name)
        case ir.Logic(op, operands):
            parts: list[pl.Expr] = [_flag(operand, used) for operand in operands]
            return _folded(operator.and_ if op == "and" else operator.or_, parts)
        case ir.Call("not", (operand,), ()):
            return ~_flag(operand, used)
        case ir.Compare(op, left, right):
            return _compare(op, left, right, used)
        case ir.Between(operand, low, high):
            return _within(operand, ir.Range(low, high, True, True), used)
        case ir.In(operand, tests):
            return _folded(operator.or_, [_test(operand, test, used) for test in tests])
        case _:
            raise NotNative


def _folded(combine: Callable[[pl.Expr, pl.Expr], pl.Expr], parts: list[pl.Expr]) -> pl.Expr:
    """One expression from many, halved again and again so that it stays shallow."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return combine(_folded(combine, parts[:middle]), _folded(combine, parts[middle:]))


def _test(operand: ir.Expr, test: ir.Expr, used: Held) -> pl.Expr:
    match test:
        case ir.Test(op, right):
            return _compare(op, operand, right, used)
        case ir.Range():
            return _within(operand, test, used)
        case ir.Items(items) if items:
            found = _folded(operator.or_, [_test(operand, item, used) for item in items])
            # A list contains a value or does not; only single tests are three-valued.
            return found.fill_null(False)
        case ir.Number() | ir.Text() | ir.Flag() | ir.Temporal() | ir.Null():
            return _compare("=", operand, test, used)
        case _:
            raise NotNative


def _within(operand: ir.Expr, interval: ir.Range, used: Held) -> pl.Expr:
    literals = ir.Number | ir.Text | ir.Temporal
    if not (isinstance(interval.low, literals) and isinstance(interval.high, literals)):
        raise NotNative
    low = _compare(">=" if interval.low_closed else ">", operand, interval.low, used)
    return low & _compare("<=" if interval.high_closed else "<", operand, interval.high, used)


def _compare(op: str, left: ir.Expr, right: ir.Expr, used: Held) -> pl.Expr:
    column, other = _column(left, used), _column(right, used)
    if column is None and other is not None:
        return _compare(_MIRRORED[op], right, left, used)
    if column is None:
        raise NotNative
    if other is not None:
        if column.kind == other.kind == "number" and column.scale != other.scale:
            scale = max(column.scale, other.scale)
            column, other = _scaled(column, scale), _scaled(other, scale)
        if (column.kind, column.scale) != (other.kind, other.scale) or _unordered(op, column.kind):
            raise NotNative
        return _apply(op, column.expr, other.expr)
    return _against(op, column, right)


def _unordered(op: str, kind: str) -> bool:
    return kind == "flag" and op not in ("=", "!=")


def _apply(op: str, left: pl.Expr, right: Any) -> pl.Expr:
    result: pl.Expr = _OPERATORS[op](left, right)
    return result


def _column(expr: ir.Expr, used: Held) -> Operand | None:
    match expr:
        case ir.Name(name) if name in used.kinds:
            kind = used.kinds[name]
            if kind.kind in ("money", "decimal", "integer"):
                return Operand(pl.col(name), "number", kind.scale, used.bounds.get(name, -1))
            if kind.kind == "real":
                # A float that is not finite is null in FEEL; Polars compares both zeros as one number.
                finite = pl.when(pl.col(name).is_finite()).then(pl.col(name))
                return Operand(finite, "real")
            return Operand(pl.col(name), kind.kind)
        case ir.Path(ir.Name(name), part) if _kind(name, used) == "instant" and part in _PARTS:
            return Operand(_part(pl.col(f"{name}@local"), part), "number")
        case ir.Path(ir.Name(name), part) if _kind(name, used) == "date" and part in _DAY_PARTS:
            return Operand(_part(pl.col(name), part), "number")
        case ir.Binary() | ir.Negate() if used.bounds and ir.names_in(expr):
            return _numeric(expr, used)
        case _:
            return None


def _kind(name: str, used: Held) -> str:
    # The ? of a test is no column.
    return used.kinds[name].kind if name in used.kinds else ""


def _part(column: pl.Expr, part: str) -> pl.Expr:
    value: pl.Expr = getattr(column.dt, part)().cast(pl.Int64())
    return value


def _against(op: str, column: Operand, literal: ir.Expr) -> pl.Expr:
    """A column compared with a literal of its own type."""
    match literal:
        case ir.Null() if op in ("=", "!="):
            return column.expr.is_null() if op == "=" else column.expr.is_not_null()
        case ir.Negate(ir.Number(value)):
            return _against(op, column, ir.Number(value.copy_negate()))
        case ir.Number(value) if column.kind == "number":
            return _number(op, column.expr, value.scaleb(column.scale, _WIDE))
        case ir.Number(value) if column.kind == "real":
            return _real(op, column.expr, value)
        case ir.Text(text) if column.kind == "text":
            return _apply(op, column.expr, pl.lit(text))
        case ir.Flag(flag) if column.kind == "flag" and not _unordered(op, "flag"):
            return _apply(op, column.expr, pl.lit(flag))
        case ir.Temporal(value) if column.kind == "date" and type(value) is date:
            return _apply(op, column.expr, pl.lit(value))
        case ir.Temporal(value) if column.kind == "instant" and type(value) is datetime and is_zoned(value):
            instant = pl.lit(to_instant(value), pl.Int64()).cast(pl.Datetime("us", "UTC"))
            return _apply(op, column.expr, instant)
        case _:
            raise NotNative


def _never(op: str, column: pl.Expr) -> pl.Expr:
    """A comparison by = or != with a number that the column cannot hold."""
    return column.is_null() & pl.lit(False) if op == "=" else column.is_null() | pl.lit(True)


def _number(op: str, column: pl.Expr, bound: Decimal) -> pl.Expr:
    """Scaled integers against an exact rational bound."""
    whole = bound.to_integral_value(ROUND_FLOOR)
    exact = whole == bound
    if op in ("=", "!="):
        if not exact or not _INT64_MIN <= whole <= _INT64_MAX:
            return _never(op, column)
        return _apply(op, column, pl.lit(int(whole), pl.Int64()))
    if not exact:
        # v < 2.5 is v <= 2, and v > 2.5 is v >= 3.
        op = "<=" if op[0] == "<" else ">="
        whole = whole if op == "<=" else bound.to_integral_value(ROUND_CEILING)
    if whole > _INT64_MAX:
        op, whole = ("<=" if op[0] == "<" else ">"), Decimal(_INT64_MAX)
    elif whole < _INT64_MIN:
        op, whole = (">=" if op[0] == ">" else "<"), Decimal(_INT64_MIN)
    return _apply(op, column, pl.lit(int(whole), pl.Int64()))


def _real(op: str, column: pl.Expr, bound: Decimal) -> pl.Expr:
    """Floats, read by their shortest text, against an exact bound: shortest texts keep the order of floats."""
    threshold = float(bound)
    if math.isinf(threshold):
        raise NotNative
    shown = Decimal(repr(threshold))
    if op in ("=", "!=") and shown != bound:
        return _never(op, column)
    if shown < bound:
        op = {"<": "<=", ">=": ">"}.get(op, op)
    elif shown > bound:
        op = {"<=": "<", ">": ">="}.get(op, op)
    return _apply(op, column, pl.lit(threshold + 0.0))
