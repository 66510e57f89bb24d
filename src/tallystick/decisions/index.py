"""The index of a decision table: a value in, the bitset of the rules that it satisfies out.

Each input column keeps, per type, either sorted break points with one bitset per point and per gap (numbers, dates), or
a map from value to bitset (strings, booleans). Bit r stands for rule r. So a look-up costs a binary search, whatever
the number of rules; a cell that no value set can express is kept as a residual test.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from tallystick.feel import Expr, Flag, Negate, Null, Number, Range, Temporal, Test, Tests, Text

_ORDERED = (Decimal, date)


class Span(msgspec.Struct, frozen=True):
    """A set of values of one type: an interval, or a single value when `low` and `high` are the same."""

    kind: type
    low: Any
    high: Any
    low_closed: bool
    high_closed: bool


class Cell(msgspec.Struct, frozen=True):
    """What a cell allows: everything, or some spans (or all other values of their type), and perhaps null."""

    every: bool = False
    spans: tuple[Span, ...] = ()
    complement: bool = False
    null: bool = False
    not_null: bool = False


def cell_of(tests: Tests) -> Cell | None:
    """The value set of a cell, or None when it is none: it becomes a residual test."""
    if not tests.tests:
        return Cell(every=True)
    if tests.negated and tests.tests == (Null(),):
        return Cell(not_null=True)
    spans = [_span(test) for test in tests.tests if not isinstance(test, Null)]
    null = len(spans) < len(tests.tests)
    found = tuple(span for span in spans if span is not None)
    if len(found) < len(spans):
        return None
    if not tests.negated:
        return Cell(spans=found, null=null)
    if null or len({span.kind for span in found}) > 1:
        return None
    # null equals none of the values, so not(...) holds; against < or a range it is null, so it does not.
    return Cell(spans=found, complement=True, null=all(_single(span) for span in found))


def _single(span: Span) -> bool:
    return span.low is not None and span.low == span.high


def _constant(expr: Expr | None) -> Any:
    match expr:
        case Negate(Number(value)):
            return value.copy_negate()
        case Number(value) | Text(value) | Flag(value):
            return value
        case Temporal(value) if type(value) is date:
            return value
        case _:
            return None


def _span(test: Expr) -> Span | None:
    match test:
        case Test(op, operand):
            value = _constant(operand)
            if value is None or op == "!=" or (op != "=" and type(value) not in _ORDERED):
                return None
            if op == "=":
                return Span(type(value), value, value, True, True)
            closed = op.endswith("=")
            if op[0] == "<":
                return Span(type(value), None, value, False, closed)
            return Span(type(value), value, None, closed, False)
        case Range(low, high, low_closed, high_closed):
            ends = _constant(low), _constant(high)
            kinds = {type(end) for end, expr in zip(ends, (low, high), strict=True) if expr is not None}
            if len(kinds) != 1 or not kinds <= set(_ORDERED):
                return None
            if ends[0] is not None and ends[1] is not None and not ends[0] < ends[1]:
                # An empty range, or one point: the residual test knows which.
                return None
            return Span(kinds.pop(), *ends, low_closed, high_closed)
        case _:
            value = _constant(test)
            return None if value is None else Span(type(value), value, value, True, True)


class _Ordered(msgspec.Struct, frozen=True):
    """Bitsets by break point: segment 2i is the gap below point i, 2i + 1 the point itself."""

    points: list[Any]
    segments: list[int]

    def look_up(self, value: Any) -> int:
        place = bisect_left(self.points, value)
        at_point = place < len(self.points) and self.points[place] == value
        return self.segments[2 * place + at_point]


class _Mapped(msgspec.Struct, frozen=True):
    """Bitsets by value, and that of all other values."""

    values: dict[Any, int]
    other: int

    def look_up(self, value: Any) -> int:
        return self.values.get(value, self.other)


class Column(msgspec.Struct, frozen=True):
    """The index of one input column."""

    by_type: dict[type, _Ordered | _Mapped]
    null: int
    other: int

    def look_up(self, value: Any) -> int:
        """The bitset of the rules whose cell may hold for `value`."""
        if value is None:
            return self.null
        index = self.by_type.get(type(value))
        return self.other if index is None else index.look_up(value)


def column_of(cells: Sequence[Cell | None]) -> Column:
    """The index of a column from its cells in rule order; None is a residual cell, which always may hold."""
    always = _bits(row for row, cell in enumerate(cells) if cell is None or cell.every)
    other = always | _bits(row for row, cell in enumerate(cells) if cell is not None and cell.not_null)
    null = always | _bits(row for row, cell in enumerate(cells) if cell is not None and cell.null)
    kinds = {span.kind for cell in cells if cell is not None for span in cell.spans}
    by_type: dict[type, _Ordered | _Mapped] = {}
    for kind in kinds:
        rows = [
            (row, [span for span in cell.spans if span.kind is kind], cell.complement)
            for row, cell in enumerate(cells)
            if cell is not None and any(span.kind is kind for span in cell.spans)
        ]
        by_type[kind] = _ordered(rows, other) if kind in _ORDERED else _mapped(rows, other)
    return Column(by_type, null, other)


def _bits(rows: Iterable[int]) -> int:
    numbers = list(rows)
    packed = bytearray(max(numbers, default=0) // 8 + 1)
    for row in numbers:
        packed[row // 8] |= 1 << row % 8
    return int.from_bytes(packed, "little")


def _mapped(rows: list[tuple[int, list[Span], bool]], other: int) -> _Mapped:
    complements = _bits(row for row, _, complement in rows if complement)
    sets: dict[Any, list[int]] = {}
    barred: dict[Any, list[int]] = {}
    for row, spans, complement in rows:
        for span in spans:
            (barred if complement else sets).setdefault(span.low, []).append(row)
    values = {
        value: other | _bits(sets.get(value, ())) | (complements & ~_bits(barred.get(value, ())))
        for value in {**sets, **barred}
    }
    return _Mapped(values, other | complements)


def _ordered(rows: list[tuple[int, list[Span], bool]], other: int) -> _Ordered:
    points = sorted({end for _, spans, _ in rows for span in spans for end in (span.low, span.high) if end is not None})
    place = {point: index for index, point in enumerate(points)}
    last = 2 * len(points)
    starts: list[list[int]] = [[] for _ in range(last + 2)]
    ends: list[list[int]] = [[] for _ in range(last + 2)]
    for row, spans, complement in rows:
        segments = _merged([_segments(span, place, last) for span in spans])
        for first, final in _gaps(segments, last) if complement else segments:
            starts[first].append(row)
            ends[final + 1].append(row)
    current, found = other, []
    for segment in range(last + 1):
        if ends[segment]:
            current &= ~_bits(ends[segment])
        if starts[segment]:
            current |= _bits(starts[segment])
        found.append(current)
    return _Ordered(points, found)


def _segments(span: Span, place: dict[Any, int], last: int) -> tuple[int, int]:
    first = 0 if span.low is None else 2 * place[span.low] + (1 if span.low_closed else 2)
    final = last if span.high is None else 2 * place[span.high] + (1 if span.high_closed else 0)
    return first, final


def _merged(segments: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, final in sorted(segments):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(final, merged[-1][1]))
        else:
            merged.append((first, final))
    return merged


def _gaps(segments: list[tuple[int, int]], last: int) -> list[tuple[int, int]]:
    edges = [-1, *(edge for pair in segments for edge in pair), last + 1]
    return [(edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges), 2) if edges[i] + 1 <= edges[i + 1] - 1]
