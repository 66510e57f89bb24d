"""Numbers of names that come by the thousand: of events by runs of ids, of keys and values by an array."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.labels.kernels.rows import Ints
from tallystick.labels.kernels.table import look_up

Name: TypeAlias = int | str

_FEW = 16
"""Fewer events than this are no run."""
_SPREAD, _SMALL = 16, 1 << 17
"""An array may be so many times as long as there are names, or so long."""


class Ids:
    """Ids of events and their numbers; ids that count up by one with their numbers are kept as one run.

    Parameters
    ----------
    known
        Ids and their numbers.

    Examples
    --------
    >>> ids = Ids({"a": 0})
    >>> ids.take(pl.Series(range(100, 200)), 1), ids.take(pl.Series(["a"]), 101)
    (True, False)
    >>> ids.get(150, -1), ids.get(200, -1), len(ids)
    (51, -1, 101)
    """

    def __init__(self, known: Mapping[Name, int] | None = None) -> None:
        self._numbers: dict[Name, int] = dict(known or {})
        # Beginnings in order; for each the end, and the number less the id.
        self._begins: list[int] = []
        self._runs: list[tuple[int, int]] = []

    def get(self, id: Name, unknown: int) -> int:
        """The number of an id, or that for an unknown one."""
        found = self._numbers.get(id)
        if found is not None:
            return found
        if self._begins and not isinstance(id, str):
            place = bisect_right(self._begins, id) - 1
            if place >= 0 and id < self._runs[place][0]:
                return id + self._runs[place][1]
        return unknown

    def __contains__(self, id: object) -> bool:
        return isinstance(id, int | str) and self.get(id, -1) >= 0

    def __len__(self) -> int:
        runs = zip(self._begins, self._runs, strict=True)
        return len(self._numbers) + sum(end - begin for begin, (end, _) in runs)

    def __setitem__(self, id: Name, number: int) -> None:
        self._numbers[id] = number

    def drop(self, id: Name) -> None:
        """Forget an id that came by itself."""
        del self._numbers[id]

    def items(self) -> Iterator[tuple[Name, int]]:
        """Each id and its number."""
        yield from self._numbers.items()
        for begin, (end, less) in zip(self._begins, self._runs, strict=True):
            for id in range(begin, end):
                yield id, id + less

    def take(self, ids: pl.Series, first: int) -> bool:
        """Give new ids numbers from `first` on; False, and nothing done, where one is known or comes twice."""
        size = ids.len()
        if size >= _FEW and ids.dtype == pl.Int64:
            begin, end = int(ids[0]), int(ids[-1]) + 1
            if end - begin == size and bool((np.diff(ids.to_numpy()) == 1).all()):
                return self._take_run(begin, end, first - begin)
        names = ids.to_list()
        if len(set(names)) != size or any(name in self for name in names):
            return False
        self._numbers.update(zip(names, range(first, first + size), strict=True))
        return True

    def _take_run(self, begin: int, end: int, less: int) -> bool:
        place = bisect_right(self._begins, begin)
        if place and self._runs[place - 1][0] > begin:
            return False
        if place < len(self._begins) and self._begins[place] < end:
            return False
        if self._numbers and not self._numbers.keys().isdisjoint(range(begin, end)):
            return False
        if place and self._runs[place - 1] == (begin, less):
            self._runs[place - 1] = end, less
        else:
            self._begins.insert(place, begin)
            self._runs.insert(place, (end, less))
        return True


class Near:
    """An array in place of a dict for whole numbers that lie close together; what it does not have is asked for.

    Parameters
    ----------
    numbers
        Gives the numbers of names.
    """

    def __init__(self, numbers: Callable[[Iterable[Name]], list[int]]) -> None:
        self._numbers = numbers
        self._given: NDArray[np.int64] = np.empty((2, 0), np.int64)
        self.clear()

    def clear(self) -> None:
        """Forget what was asked for."""
        self._low, self._found, self._names = 0, np.zeros(0, np.int32), 0

    def of(self, names: pl.Series) -> Ints:
        """The number of each name, in memory that the next call takes again; there are no nulls."""
        if names.dtype != pl.Int64:
            return np.array(self._numbers(names.to_list()), np.int64)
        values = names.to_numpy()
        if self._given.shape[1] < values.size:
            self._given = np.empty((2, values.size), np.int64)
        found, new = self._given[0, : values.size], self._given[1]
        lacking = look_up(values, self._low, self._found, found, new)
        if lacking:
            where = new[:lacking]
            asked = values[where]
            numbers = found[where] = np.array(self._numbers(asked.tolist()), np.int64)
            if self._room(int(asked.min()), int(asked.max()), lacking):
                self._found[asked - self._low] = numbers
                self._names += lacking
        return found

    def _room(self, least: int, most: int, size: int) -> bool:
        """Make the array reach from the least to the most; False where it would be far longer than there are names."""
        old = self._found
        if old.size and self._low <= least and most < self._low + old.size:
            return True
        low, high = (min(least, self._low), max(most + 1, self._low + old.size)) if old.size else (least, most + 1)
        if high - low > max(_SMALL, _SPREAD * (self._names + size)):
            return False
        # Beyond what is asked for, so that names that keep growing are seldom copied.
        high += (high - low) // 2
        self._found = np.full(high - low, -1, np.int32)
        self._found[self._low - low : self._low - low + old.size] = old
        self._low = low
        return True
