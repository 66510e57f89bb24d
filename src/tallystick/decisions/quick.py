"""The shortest way through the commonest plan: one table of inputs, not too large, whose rules are constants."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from typing import Any

from tallystick.decisions.index import OTHER, SMALL_ROWS, Block, Column, masks
from tallystick.decisions.records import Plan, Result
from tallystick.decisions.rules import Rule, Table, base_of
from tallystick.feel import EXACT

Quick = Callable[[Mapping[str, Any]], Result | None]
"""The result for these inputs, or None: then the plan itself must be run."""
_SAFE, _LEAST = 10**34, -(10**34)
"""Whole numbers below this have at most 34 digits."""
_OTHER = Block(OTHER, [], {})
_OTHER_NUMBER = Block(OTHER, [], None)
"""The codes of a type that no cell of a column names."""
_Blocks = dict[type, Block]
_Outcome = tuple[Any, Any, tuple[str, ...]]


def quick_of(plan: Plan) -> Quick | None:
    """The short way through a plan, or None where it has none."""
    logic = plan.steps[0].logic if len(plan.steps) == 1 else None
    table = logic.source if logic is not None else None
    if not isinstance(table, Table) or plan.result is not None or plan.last is None or plan.steps[0].view is not None:
        return None
    names = [column.reader for column in table.inputs if isinstance(column.reader, str)]
    plains = {key: plain for key, plain, _ in plan.readers}
    if table.residual or table.policy not in ("F", "U") or not names or table.named or len(table.rules) > SMALL_ROWS:
        return None
    if len(names) != len(table.inputs) or sorted(names) != sorted(plains):
        return None
    blocks = {}
    for name, given, column in zip(names, table.inputs, table.columns, strict=True):
        found = _blocks(column.blocks, (plains[name], base_of(given)))
        if found is None:
            return None
        blocks[name] = found
    # In the order in which a plan reads them, so that the trace is the same.
    readers = [(name, blocks[name]) for name in plains]
    outcomes = [_outcome(rule, plan.quick[0][2]) for rule in table.rules]
    return _ready(table, dict(zip(names, table.columns, strict=True)), readers, outcomes, plan.last)


def _blocks(blocks: _Blocks, plains: tuple[type | None, ...]) -> _Blocks | None:
    """What of a column's index a value may meet: the types that its input and its column both take."""
    wanted = [plain for plain in plains if plain is not None and plain is not object]
    if None in plains:
        return None
    known = dict.fromkeys((str, bool, *wanted), _OTHER) | {Decimal: _OTHER_NUMBER} | blocks
    found = {kind: block for kind, block in known.items() if all(kind is plain for plain in wanted)}
    # Python's own numbers are taken as FEEL's.
    return found | (dict.fromkeys((int, float), found[Decimal]) if Decimal in found else {})


def _outcome(rule: Rule, plain: type | None) -> _Outcome | None:
    value = rule.constant
    if rule.entries is not None or rule.flaws or value is None or (plain is not object and type(value) is not plain):
        return None
    return value, (rule.matched,), tuple(dict.fromkeys(rule.reasons))


def _ready(
    table: Table,
    columns: dict[str, Column],
    readers: list[tuple[str, _Blocks]],
    outcomes: list[_Outcome | None],
    last: str,
) -> Quick:
    parts = [
        (
            name,
            {kind: (block.base, block.points, len(block.points), block.known) for kind, block in blocks.items()},
            masks(columns[name]),
        )
        for name, blocks in readers
    ]
    exact = EXACT.plus
    every, first = (1 << len(table.rules)) - 1, table.policy == "F"

    def quick(inputs: Mapping[str, Any]) -> Result | None:
        bits = every
        values: dict[str, Any] = {}
        for name, blocks, sets in parts:
            value: Any = inputs.get(name)
            kind = type(value)
            block = blocks.get(kind)
            if block is None:
                return None
            if kind is Decimal:
                if not value.is_finite():
                    return None
                try:
                    exact(value)
                except DecimalException:
                    return None
            elif kind is int:
                if not _LEAST < value < _SAFE:
                    return None
                value = Decimal(value)
            elif kind is float:
                if value - value != 0.0:
                    return None
                value = Decimal(repr(value or 0.0))
            base, points, count, known = block
            if known is not None:
                bits &= sets[known.get(value, base)]
            else:
                place = bisect_left(points, value)
                bits &= sets[base + 2 * place + (place < count and points[place] == value)]
            values[name] = value
        if not bits or not (first or not bits & (bits - 1)):
            return None
        outcome = outcomes[(bits & -bits).bit_length() - 1]
        if outcome is None:
            return None
        found, matched, reasons = outcome
        values[last] = found
        return Result(found, matched, reasons, (), values)

    return quick
