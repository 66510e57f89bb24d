"""Arithmetic between labels: by column for the batch executor, by value for the live one, to the same bits.

Whole numbers stay exact in 64 bits and are undefined beyond; Float64 takes one IEEE operation each, and is undefined
where that is not finite. A missing operand makes the result missing, for the reason of the left-most one. What is
made of an approximate value is approximate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.rows import Codes, Ints
from tallystick.labels.kernels.wide import multiply64
from tallystick.labels.meaning.reasons import REASONS, UNDEFINED
from tallystick.labels.meaning.rules import Outcome, rule_column, rule_value
from tallystick.labels.meaning.values import Values, repeated, to_columns
from tallystick.labels.plan import Const, Leaf, Node, Op, Rule

_UNDEFINED = REASONS[UNDEFINED]
_LARGEST = 2**63


def by_column(node: Node, found: Mapping[Leaf, Values], size: int) -> Values:
    """The values of a formula at every point."""
    if isinstance(node, Leaf):
        return found[node]
    if isinstance(node, Const):
        kind = np.int64 if isinstance(node.value, int) else np.float64
        return Values(np.full(size, node.value, kind), np.zeros(size, np.uint8))
    if isinstance(node, Rule):
        operands = [by_column(operand, found, size) for _, operand in node.operands]
        return _marked(rule_column(node, operands, size), operands)
    left, right = by_column(node.left, found, size), by_column(node.right, found, size)
    reason = np.where(left.reason != 0, left.reason, right.reason).astype(np.uint8)
    if node.type.kind == "real":
        return _marked(_float(node.op, left.data, right.data, reason), (left, right))
    data, reason = _whole("+-*".index(node.op), left.data, right.data, reason)
    return _marked(Values(data, reason), (left, right))


def _marked(values: Values, operands: Iterable[Values]) -> Values:
    """The values, approximate wherever an operand is."""
    marks = [operand.approximate for operand in operands if operand.approximate is not None]
    if not marks:
        return values
    return msgspec.structs.replace(values, approximate=np.logical_or.reduce(marks))


def _float(op: str, left: NDArray[Any], right: NDArray[Any], reason: Codes) -> Values:
    a, b = left.astype(np.float64), right.astype(np.float64)
    with np.errstate(all="ignore"):
        data = a + b if op == "+" else a - b if op == "-" else a * b if op == "*" else a / b
    lost = (reason == 0) & ~np.isfinite(data)
    return Values(data, np.where(lost, UNDEFINED, reason).astype(np.uint8))


@kernel
def _whole(op: int, left: Ints, right: Ints, given: Codes) -> Any:
    """Exact + - * on int64; what leaves 64 bits is undefined (5)."""
    found, reason = np.zeros(left.size, np.int64), given.copy()
    for p in range(left.size):
        if given[p] != 0:
            continue
        a, b = left[p], right[p]
        if op == 0:
            c = a + b
            lost = ((a ^ c) & (b ^ c)) < 0
        elif op == 1:
            c = a - b
            lost = ((a ^ b) & (a ^ c)) < 0
        else:
            c = a * b
            size_a = np.uint64(a) if a >= 0 else np.uint64(0) - np.uint64(a)
            size_b = np.uint64(b) if b >= 0 else np.uint64(0) - np.uint64(b)
            high, low = multiply64(size_a, size_b)
            room = np.uint64(0x8000000000000000) if (a < 0) != (b < 0) else np.uint64(0x7FFFFFFFFFFFFFFF)
            lost = high != np.uint64(0) or low > room
        if lost:
            reason[p] = 5
        else:
            found[p] = c
    return found, reason


def by_value(node: Node, found: Callable[[Leaf], Outcome]) -> Outcome:
    """The value of a formula at one point."""
    if isinstance(node, Leaf):
        return found(node)
    if isinstance(node, Const):
        return node.value, ""
    if isinstance(node, Rule):
        return rule_value(node, [by_value(operand, found) for _, operand in node.operands])
    left, reason = by_value(node.left, found)
    right, reason_right = by_value(node.right, found)
    if reason or reason_right:
        return None, reason or reason_right
    return _one(node, left, right)


def _one(node: Op, left: Any, right: Any) -> Outcome:
    real = node.type.kind == "real"
    if real:
        left, right = float(left), float(right)
    if node.op == "/":
        result = left / right if right else math.nan
    else:
        result = left + right if node.op == "+" else left - right if node.op == "-" else left * right
    fits = math.isfinite(result) if real else -_LARGEST <= result < _LARGEST
    return (result, "") if fits else (None, _UNDEFINED)


def to_labels(
    nodes: Mapping[str, Node], approximate: Container[str], found: Mapping[Leaf, Values], size: int
) -> list[pl.Series]:
    """The columns of labels: value, reason, and for those named in `approximate` whether it is."""
    columns: list[pl.Series] = []
    nothing = repeated(None, pl.String, size)
    for name, node in nodes.items():
        columns += to_columns(name, by_column(node, found, size), node.type, name in approximate, nothing)
    return columns
