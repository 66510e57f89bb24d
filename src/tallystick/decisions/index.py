"""The index of a decision table: values in, the rules whose cells hold out.

Each input column gives every value a *code*: null, a value of a type that no cell names, and per type either the gaps
and points between sorted break points (numbers, dates, durations) or the values that cells name (strings, booleans).
A cell is a set of code ranges, so a look-up is a binary search and a few intersections, whatever the number of rules.
Small tables keep one bitset per code. Large ones keep the rules of a code as a short list where they are few, and for
the others a bitset at every 16th code with the rules that come and go between. A cell that is no set of codes stays
a residual test of its table.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from tallystick.feel import Expr, Flag, Negate, Null, Number, Range, Temporal, Test, Tests, Text

_ORDERED: tuple[type, ...] = (Decimal, date, timedelta)
NULL, OTHER = 0, 1
SMALL_ROWS = 2_048
"""Up to this many rules, every code keeps its bitset."""
_STEP = 16
_FEW = 24
"""The most rules that a code of a large table keeps as a list."""

Find = Callable[[Sequence[Any], bool], Sequence[int]]
Ranges = list[tuple[int, int]]


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
        case Temporal(value) if type(value) in _ORDERED:
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


class Block(msgspec.Struct, frozen=True):
    """The codes of one type, from `base`.

    With `points`: code `base + 2i` is the gap below point i, `base + 2i + 1` the point itself. With `known`: a code
    for each value, and `base` for any other.
    """

    base: int
    points: list[Any]
    known: dict[Any, int] | None

    @property
    def last(self) -> int:
        """The last code of this type."""
        return self.base + (2 * len(self.points) if self.known is None else len(self.known))


class Column(msgspec.Struct, frozen=True):
    """The codes of one input column, their number, and per rule the code ranges that its cell allows."""

    blocks: dict[type, Block]
    size: int
    ranges: list[Ranges]

    def code(self, value: Any) -> int:
        """The code of a value."""
        if value is None:
            return NULL
        block = self.blocks.get(type(value))
        if block is None:
            return OTHER
        if block.known is not None:
            return block.known.get(value, block.base)
        place = bisect_left(block.points, value)
        return block.base + 2 * place + (place < len(block.points) and block.points[place] == value)


def column_of(cells: Sequence[Cell | None]) -> Column:
    """The codes of a column from its cells in rule order; None is a residual cell, which always may hold."""
    ends: dict[type, set[Any]] = {}
    for cell in cells:
        for span in cell.spans if cell is not None else ():
            found = ends.setdefault(span.kind, set())
            found.update(end for end in (span.low, span.high) if end is not None)
    blocks: dict[type, Block] = {}
    places: dict[type, dict[Any, int]] = {}
    size = 2
    for kind, values in ends.items():
        if kind in _ORDERED:
            points = sorted(values)
            blocks[kind] = Block(size, points, None)
            places[kind] = {point: size + 2 * index + 1 for index, point in enumerate(points)}
        else:
            places[kind] = {value: size + 1 + index for index, value in enumerate(values)}
            blocks[kind] = Block(size, [], places[kind])
        size = blocks[kind].last + 1
    whole: Ranges = [(0, size - 1)]
    return Column(blocks, size, [_ranges(cell, blocks, places) if cell is not None else whole for cell in cells])


def _ranges(cell: Cell, blocks: dict[type, Block], places: dict[type, dict[Any, int]]) -> Ranges:
    if cell.every or cell.not_null:
        last = max((block.last for block in blocks.values()), default=OTHER)
        return [(NULL if cell.every else OTHER, last)]
    found: Ranges = [(NULL, NULL)] if cell.null else []
    spans = [_codes(span, blocks[span.kind], places[span.kind]) for span in cell.spans]
    if cell.complement:
        block = blocks[cell.spans[0].kind]
        return _merged(found + _gaps(_merged(spans), block.base, block.last))
    return _merged(found + spans)


def _codes(span: Span, block: Block, places: dict[Any, int]) -> tuple[int, int]:
    first = block.base if span.low is None else places[span.low] + (not span.low_closed)
    last = block.last if span.high is None else places[span.high] - (not span.high_closed)
    return first, last


def _merged(ranges: Ranges) -> Ranges:
    merged: Ranges = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _gaps(ranges: Ranges, base: int, last: int) -> Ranges:
    edges = [base - 1, *(edge for pair in ranges for edge in pair), last + 1]
    return [(edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges), 2) if edges[i] + 1 <= edges[i + 1] - 1]


def toggles(column: Column) -> list[list[int]]:
    """Per code the rules that come in or go out there, in the order of the rules."""
    found: list[list[int]] = [[] for _ in range(column.size + 1)]
    for row, ranges in enumerate(column.ranges):
        for first, last in ranges:
            found[first].append(row)
            found[last + 1].append(row)
    return found


def bits_of(rows: Iterable[int]) -> int:
    """The bitset of some rules: bit r stands for rule r."""
    numbers = list(rows)
    packed = bytearray(max(numbers, default=0) // 8 + 1)
    for row in numbers:
        packed[row // 8] |= 1 << row % 8
    return int.from_bytes(packed, "little")


def masks(column: Column) -> list[int]:
    """The bitset of each code."""
    current, found = 0, []
    for rows in toggles(column)[:-1]:
        current ^= bits_of(rows)
        found.append(current)
    return found


def finder(columns: Sequence[Column], rows: int) -> Find:
    """The look-up of a table of `rows` rules: `find(values, first)` gives the rules that may hold, in order.

    With `first`, only the first of them. A list of one stands for its item, as in the row form of a test.
    """
    if not columns:
        return lambda values, first: range(min(rows, 1) if first else rows)
    return _small(columns, rows) if rows <= SMALL_ROWS else _large(columns)


def _small(columns: Sequence[Column], rows: int) -> Find:
    parts = [(masks(c), {kind: (b.base, b.points, b.known) for kind, b in c.blocks.items()}) for c in columns]
    every = (1 << rows) - 1

    def find(values: Sequence[Any], first: bool) -> Sequence[int]:
        bits = every
        for (sets, blocks), value in zip(parts, values):  # noqa: B905
            if value is None:
                bits &= sets[NULL]
                continue
            kind = type(value)
            if kind is list and len(value) == 1:
                value = value[0]
                kind = type(value)
            block = blocks.get(kind)
            if block is None:
                bits &= sets[OTHER if value is not None else NULL]
                continue
            base, points, known = block
            if known is not None:
                bits &= sets[known.get(value, base)]
            else:
                place = bisect_left(points, value)
                bits &= sets[base + 2 * place + (place < len(points) and points[place] == value)]
        if not bits:
            return ()
        if first or not bits & (bits - 1):
            return ((bits & -bits).bit_length() - 1,)
        return tuple(rows_of(bits))

    return find


def rows_of(bits: int) -> Iterator[int]:
    """The rules of a bitset, in order."""
    text = bin(bits)[:1:-1]
    place = text.find("1")
    while place >= 0:
        yield place
        place = text.find("1", place + 1)


class _Large(msgspec.Struct, frozen=True):
    """A column of a large table.

    `few` has the rules of a code where they are few, else None. `low` and `high` are the ends of each rule's one code
    range; a rule of several has them in `more`, and an empty range. `bases` has the bitset of every 16th code, `moves`
    per code the rules that come and go there.
    """

    column: Column
    few: list[tuple[int, ...] | None]
    low: list[int]
    high: list[int]
    more: dict[int, Ranges]
    bases: list[int]
    moves: list[tuple[int, ...]]

    def bits(self, code: int) -> int:
        """The bitset of a code."""
        step, rest = divmod(code, _STEP)
        if rest > _STEP // 2 and step + 1 < len(self.bases):
            bits, between = self.bases[step + 1], self.moves[code + 1 : (step + 1) * _STEP + 1]
        else:
            bits, between = self.bases[step], self.moves[step * _STEP + 1 : code + 1]
        for rows in between:
            for row in rows:
                bits ^= 1 << row
        return bits


def _column(column: Column) -> _Large:
    few: list[tuple[int, ...] | None] = []
    bases: list[int] = []
    active: set[int] = set()
    state = np.zeros(len(column.ranges), np.bool_)
    moves = [tuple(rows) for rows in toggles(column)]
    for code in range(column.size):
        for row in moves[code]:
            state[row] = not state[row]
        active.symmetric_difference_update(moves[code])
        few.append(tuple(sorted(active)) if len(active) <= _FEW else None)
        if code % _STEP == 0:
            bases.append(int.from_bytes(np.packbits(state, bitorder="little").tobytes(), "little"))
    ranges = column.ranges
    low = [pairs[0][0] if len(pairs) == 1 else 1 for pairs in ranges]
    high = [pairs[0][1] if len(pairs) == 1 else 0 for pairs in ranges]
    more = {row: pairs for row, pairs in enumerate(ranges) if len(pairs) > 1}
    return _Large(column, few, low, high, more, bases, moves)


def _large(columns: Sequence[Column]) -> Find:
    parts = [_column(column) for column in columns]
    plain = [(part.low, part.high, part.more) for part in parts]
    lists = [(part.column.code, part.few) for part in parts]

    def find(values: Sequence[Any], first: bool) -> Sequence[int]:
        rarest: tuple[int, ...] | None = None
        codes = []
        for (code_of, few), value in zip(lists, values):  # noqa: B905
            code = code_of(value[0] if type(value) is list and len(value) == 1 else value)
            codes.append(code)
            rows = few[code]
            if rows is not None and (rarest is None or len(rows) < len(rarest)):
                rarest = rows
        if rarest is None:
            return _dense(parts, codes, first)
        found = []
        for row in rarest:
            for (low, high, more), code in zip(plain, codes):  # noqa: B905
                if not (low[row] <= code <= high[row] or (row in more and _inside(more[row], code))):
                    break
            else:
                if first:
                    return (row,)
                found.append(row)
        return tuple(found)

    return find


def _inside(ranges: Ranges, code: int) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _dense(parts: Sequence[_Large], codes: Sequence[int], first: bool) -> Sequence[int]:
    bits = -1
    for part, code in zip(parts, codes, strict=True):
        bits &= part.bits(code)
    if not bits:
        return ()
    return ((bits & -bits).bit_length() - 1,) if first else tuple(rows_of(bits))
