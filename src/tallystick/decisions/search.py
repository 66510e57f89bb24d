"""A table's index as arrays: which rules hold in each row of columns."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import ROUND_CEILING, Context, Decimal
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.decisions.index import NULL, OTHER, Column, masks
from tallystick.decisions.lookup import (
    Int32s,
    Int64s,
    gather,
    large_table,
    many_words,
    marked_real,
    marked_whole,
    place_real,
    place_whole,
    single_word,
    word_of,
)
from tallystick.decisions.rules import Table
from tallystick.decisions.vectors import Coded, Plain, Vector
from tallystick.feel import CompiledTests

_CHUNK = 1 << 16
_WORD = 64
WORDS_MAX = 32
"""Up to this many 64-bit words of rules, every code has its set of rules."""
_FEW = 256
_WIDE = Context(prec=7_000)
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_EPOCH = date(1970, 1, 1)

_BUCKETS = 4_096


class Cuts(msgspec.Struct, frozen=True):
    """The values from which another code holds, their codes and that of null, and the buckets to find them by."""

    values: Any
    codes: Int32s
    width: Any
    marks: Int32s


class _Few(msgspec.Struct, frozen=True):
    """What `large_table` needs besides the codes."""

    few: Int64s
    rows: Int32s
    pieces: Int64s
    low: Int32s
    high: Int32s


class Search:
    """The arrays of one table; what depends on the type of a column is made when such a column first comes."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._residual: dict[int, list[tuple[int, CompiledTests]]] = {}
        for rule, cells in table.residual.items():
            for cell in cells:
                self._residual.setdefault(cell.column, []).append((rule, cell.test))
        self.words = max(1, -(-len(table.rules) // _WORD))
        self._cuts: dict[tuple[int, str, int], Cuts] = {}
        self._sets = [_words(column, self.words) for column in table.columns] if self.words <= WORDS_MAX else None
        self._large = _few_of(table) if self._sets is None else None

    @property
    def exact(self) -> bool:
        """Whether `hits` answers every cell."""
        return self._sets is not None or not self._residual

    def hits(self, vectors: Sequence[Vector], now: datetime | None) -> Int32s:
        """The one rule of each row: the first for FIRST, else the only one, NONE or SEVERAL."""
        found = np.empty(len(vectors[0]), np.int32)
        sole = self.table.policy != "F"
        starts, sets, fillers = self._prepared(vectors, now)
        for start, codes in self._chunks(fillers, len(found)):
            into = found[start : start + codes.shape[1]]
            if sets is None:
                assert self._large is not None
                large = self._large
                arrays = (large.few, large.rows, large.pieces, large.low, large.high)
                large_table(codes, starts, *arrays, len(self.table.rules), sole, into)
            elif self.words == 1:
                single_word(codes, starts, sets[:, 0].copy(), self._every(), sole, into)
            else:
                many_words(codes, starts, sets, sole, into)
        return found

    def sets(self, vectors: Sequence[Vector], now: datetime | None) -> Int64s:
        """Something of each row that is the same only where the same rules hold: their set, or all codes."""
        rows = len(vectors[0])
        starts, sets, fillers = self._prepared(vectors, now)
        if self.words == 1:
            assert sets is not None
            flat, word = sets[:, 0].copy(), np.empty((rows, 1), np.int64)
            for start, codes in self._chunks(fillers, rows):
                word_of(codes, starts, flat, self._every(), word[start : start + codes.shape[1], 0])
            return word
        found = np.empty((rows, len(vectors)), np.int64)
        for start, codes in self._chunks(fillers, rows):
            found[start : start + codes.shape[1]] = codes.T
        return found

    def _every(self) -> Any:
        return np.uint64((1 << len(self.table.rules)) - 1)

    def _chunks(self, fillers: Sequence[Callable[[int, int, Int32s], None]], rows: int) -> Iterator[tuple[int, Int32s]]:
        """Codes of all columns, some rows at a time: what is written stays in the processor's cache."""
        codes = np.empty((len(fillers), min(_CHUNK, rows)), np.int32)
        for start in range(0, rows, _CHUNK):
            stop = min(start + _CHUNK, rows)
            if stop - start < codes.shape[1]:
                codes = np.empty((len(fillers), stop - start), np.int32)
            for column, fill in enumerate(fillers):
                fill(start, stop, codes[column])
            yield start, codes

    def _prepared(
        self, vectors: Sequence[Vector], now: datetime | None
    ) -> tuple[Int64s, Any, list[Callable[[int, int, Int32s], None]]]:
        """Where each column's sets start, all sets, and how the codes of each column are filled in."""
        parts, fillers, starts, total = [], [], [], 0
        for number, (column, vector) in enumerate(zip(self.table.columns, vectors, strict=True)):
            starts.append(total)
            size, part = column.size, self._sets[number] if self._sets is not None else None
            if isinstance(vector, Plain):
                fillers.append(_placed(vector, self._cut(number, vector)))
            else:
                codes = np.array([column.code(_single(value)) for value in vector.values], np.int32)
                if number in self._residual:
                    # Each value is a code of its own: its tests are answered once.
                    size, part = len(codes), None if part is None else self._tested(number, part[codes], vector, now)
                    codes = np.arange(size, dtype=np.int32)
                fillers.append(_coded(vector.codes, codes))
            total += size
            if part is not None:
                parts.append(part)
        sets = np.concatenate(parts) if self._sets is not None else None
        return np.array(starts, np.int64), sets, fillers

    def _tested(self, number: int, sets: NDArray[np.uint64], vector: Coded, now: datetime | None) -> NDArray[np.uint64]:
        """The set of each value, without the rules whose residual cell does not hold for it."""
        for rule, test in self._residual[number]:
            failed = np.array([test(value, {}, now) is not True for value in vector.values], np.bool_)
            sets[failed, rule // _WORD] &= ~np.uint64(1 << rule % _WORD)
        return sets

    def _cut(self, number: int, vector: Plain) -> Cuts:
        key = (number, vector.kind, vector.scale)
        if key not in self._cuts:
            self._cuts[key] = _cuts(self.table.columns[number], vector.kind, vector.scale)
        return self._cuts[key]


def _single(value: Any) -> Any:
    return value[0] if type(value) is list and len(value) == 1 else value


def _coded(codes: Int32s, table: Int32s) -> Callable[[int, int, Int32s], None]:
    return lambda start, stop, into: gather(codes[start:stop], table, into)


def _placed(vector: Plain, cuts: Cuts) -> Callable[[int, int, Int32s], None]:
    if not len(cuts.values):
        return _constantly(vector, int(cuts.codes[0]))
    place = place_real if vector.kind == "real" else place_whole

    def fill(start: int, stop: int, into: Int32s) -> None:
        valid = vector.valid[start:stop]
        place(vector.data[start:stop], valid, cuts.values, cuts.codes, cuts.width, cuts.marks, into)

    return fill


def _constantly(vector: Plain, code: int) -> Callable[[int, int, Int32s], None]:
    """Every value alike, but for nulls."""

    def fill(start: int, stop: int, into: Int32s) -> None:
        into[:] = np.where(vector.valid[start:stop], code, NULL) if len(vector.valid) else code

    return fill


def _words(column: Column, words: int) -> NDArray[np.uint64]:
    """The set of each code, as 64-bit words."""
    packed = b"".join(bits.to_bytes(8 * words, "little") for bits in masks(column))
    return np.frombuffer(packed, np.uint64).reshape(column.size, words)


def _few_of(table: Table) -> _Few:
    few, rows, pieces, low, high = [], list[int](), [0], list[int](), list[int]()
    for column in table.columns:
        active: set[int] = set()
        ends: dict[int, list[int]] = {}
        begins: dict[int, list[int]] = {}
        for rule, ranges in enumerate(column.ranges):
            for first, last in ranges:
                begins.setdefault(first, []).append(rule)
                ends.setdefault(last + 1, []).append(rule)
                low.append(first)
                high.append(last)
            pieces.append(len(low))
        for code in range(column.size):
            active.difference_update(ends.get(code, ()))
            active.update(begins.get(code, ()))
            listed = len(active) <= _FEW
            few += [len(rows), len(active) if listed else -1]
            rows += sorted(active) if listed else ()
    whole = np.array(pieces, np.int64)
    return _Few(
        np.array(few, np.int64), np.array(rows, np.int32), whole, np.array(low, np.int32), np.array(high, np.int32)
    )


def _cuts(column: Column, kind: str, scale: int) -> Cuts:
    """The cuts of a column, as values of one kind see them."""
    block = column.blocks.get(date if kind == "date" else Decimal)
    cuts: list[Any] = []
    codes = [OTHER if block is None else block.base]
    for index, point in enumerate(block.points if block is not None else ()):
        at = codes[0] + 2 * index + 1
        found = _real(point) if kind == "real" else _whole(point, scale)
        for cut, code in zip(found, (at, at + 1)[2 - len(found) :], strict=True):
            if kind == "real" or cut <= _INT64_MAX:
                cuts.append(cut if kind == "real" else max(cut, _INT64_MIN))
                codes.append(code)
    values = np.array(cuts, np.float64 if kind == "real" else np.int64)
    return Cuts(values, np.array([*codes, NULL], np.int32), *_buckets(cuts, values, kind))


def _buckets(cuts: Sequence[Any], values: Any, kind: str) -> tuple[Any, Int32s]:
    marks = np.zeros(_BUCKETS + 2, np.int32)
    if not cuts:
        return 0, marks
    if kind != "real":
        shift = max(0, (cuts[-1] - cuts[0]).bit_length() - _BUCKETS.bit_length() + 1)
        marked_whole(values, shift, marks)
        return shift, marks
    span = cuts[-1] - cuts[0]
    share = (_BUCKETS - 1) / span if 0 < span < math.inf else 0.0
    # Where no such share is a proper number, one bucket holds all.
    scale = share if math.isfinite(share) else 0.0
    marked_real(values, scale, marks)
    return scale, marks


def _whole(point: Any, scale: int) -> tuple[int, ...]:
    """From which scaled integer the point itself holds, and from which what lies above it; or the latter only."""
    if isinstance(point, date):
        day = (point - _EPOCH).days
        return day, day + 1
    exact = point.scaleb(scale, _WIDE)
    above = exact.to_integral_value(ROUND_CEILING, _WIDE)
    return (int(above), int(above) + 1) if above == exact else (int(above),)


def _real(point: Decimal) -> tuple[float, ...]:
    """The same for floats, each read by its shortest text: such texts keep the order of floats."""
    value = float(point)
    if math.isinf(value):
        return () if value > 0 else (-sys.float_info.max,)
    shown = Decimal(repr(value))
    after = math.nextafter(value, math.inf)
    if shown == point:
        return value, after
    return (after,) if shown < point else (value,)
