"""The live facts of one entity of a stream: a segment of row versions for each key, and the arrays that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels import linear
from tallystick.labels.kernels.bare import ARRAYS, write_addresses
from tallystick.labels.kernels.blocks import SUM_WORDS
from tallystick.labels.kernels.folds import FOLD_WORDS
from tallystick.labels.kernels.rows import FOREVER, Ints
from tallystick.labels.kernels.table import rehash
from tallystick.labels.live.numbered import Near
from tallystick.labels.plan import CALENDAR, SPAN, Leaf, Window

Key: TypeAlias = int | str
Moment: TypeAlias = tuple[Window, int, bool]
Order: TypeAlias = tuple[Key, Key, int]
"""Sequence, id and first known instant: what orders rows of one instant."""

_EXTREMES = ("min", "max", "range")
_CELLS = {"distinct": k.DIFFERENT, "max": k.MOST, "min": k.LEAST}
_HUGE = 1 << 22
"""Of more bytes an array grows where it is: pages move, and nothing is copied."""


class Arena:
    """The segments of the keys of one entity.

    Parameters
    ----------
    base
        Words of a row as facts give it.
    features
        (x, y, word, shift) of each feature: where a row has them.
    leaves
        Each aggregate that reads the arena, with the number of its feature.
    order_of
        Gives the sequence and id of an event's row, by event number and `known_from`.
    """

    def __init__(
        self,
        base: int,
        features: Sequence[tuple[int, int, int, int]],
        leaves: Iterable[tuple[Leaf, int]],
        order_of: Callable[[int, int], tuple[Key, Key]],
    ) -> None:
        self.slots: dict[Key, int] = {}
        self.near = Near(self.take_slots)
        self.gone: set[Key] = set()
        self.leaves = [leaf for leaf, _ in leaves]
        self.order_of = order_of
        self.fronts: dict[Moment, int] = {}
        self.cells: dict[tuple[int, int, Moment], int] = {}
        self.ctl: Ints = np.zeros(k.CTL_WORDS, np.int64)
        self.address = int(self.ctl.ctypes.data)
        self.layout = np.zeros((len(features), k.LAYOUT_WORDS), np.int64)
        for number, one in enumerate(features):
            self.layout[number, [k.X, k.Y, k.WORD, k.SHIFT]] = one
        width = self._derived(base, leaves)
        self.front_words = k.COPY + width - base
        # One front more is for the windows that do not move on by themselves.
        front_words = (len(self.fronts) + 1) * self.front_words
        self.ctl[k.BASE], self.ctl[k.FRONTS], self.ctl[k.CURSORS_USED] = base, front_words, 1
        self.meta = np.zeros((0, k.META_WORDS), np.int64)
        self.rows = np.zeros((64, width), np.int64)
        self.celled = np.array([one[:2] for one in self.cells], np.int64).reshape(-1, 2)
        self.table = _table(64)
        self.cursors = np.zeros((4, front_words + k.CELL_WORDS * len(self.cells)), np.int64)
        self.work: Ints = np.zeros(FOLD_WORDS + 5 * 256, np.int64)
        self.hashes: NDArray[np.uint64] = np.zeros((1, 0), np.uint64)
        self.lay(np.zeros(1, np.int64), np.zeros(0, np.int64))

    def _derived(self, base: int, leaves: Iterable[tuple[Leaf, int]]) -> int:
        """Lay out the derived words that the aggregates read; gives the width of a row."""
        wanted: dict[int, list[int]] = {}
        for leaf, number in leaves:
            moment = (leaf.window, leaf.delay_micros, leaf.including_present)
            if leaf.window.kind in (SPAN, CALENDAR):
                self.fronts.setdefault(moment, len(self.fronts))
            family = 0 if leaf.kind == "count" else int(linear.family_of(ALGEBRA[leaf.kind].code))
            place = 1 if family in (linear.PAIR, linear.LINE) else 0
            one = wanted.setdefault(number, [0, 0, 0, 0])
            one[place] = max(one[place], family)
            one[2] |= leaf.kind in _EXTREMES
            one[3] |= leaf.kind == "distinct"
            if leaf.kind in _CELLS:
                self.cells.setdefault((number, _CELLS[leaf.kind], moment), len(self.cells))
        at = base
        for number, (first, second, extremes, same) in wanted.items():
            words = self.layout[number]
            words[k.COUNTS], at = at, at + 1
            for place, family, name in ((k.MOMENTS, first, k.FAMILY), (k.SECOND, second, k.SECOND_FAMILY)):
                if family:
                    words[place], words[name], at = at, family, at + SUM_WORDS[family]
            if extremes:
                words[k.EXTREMES], at = at, at + 1
            if same:
                words[k.SAME], at = at, at + 1
        return at

    def refresh(self) -> None:
        """Tell the kernels where the arrays are, after one was replaced."""
        arrays = (self.meta, self.rows, self.layout, self.celled, self.table, self.cursors, self.work, self.hashes)
        write_addresses(self.ctl[ARRAYS:], arrays)
        write_addresses(self.ctl[k.BASES :], (self.bases,))

    def hint_of(self, moment: Moment) -> int:
        """Where a row of cursors has the front of a window."""
        return self.front_words * self.fronts.get(moment, len(self.fronts))

    def cell_of(self, feature: int, kind: str, moment: Moment) -> int:
        """Where a row of cursors has the cell of an aggregate; -1 for none."""
        place = self.cells.get((feature, _CELLS.get(kind, -1), moment), -1)
        return place if place < 0 else int(self.ctl[k.FRONTS]) + k.CELL_WORDS * place

    def slot_of(self, key: Key | None) -> int:
        """The segment of a key; -1 for none, -2 where there once was one."""
        if key is None:
            return -1
        found = self.slots.get(key)
        return found if found is not None else -2 if key in self.gone else -1

    def take_slot(self, key: Key) -> int:
        """The segment of a key, made when there is none."""
        found = self.slots.get(key)
        if found is None:
            found = self.slots[key] = len(self.slots)
            self.room_for(found + 1)
            # Of a key that was forgotten with its only event this may be left.
            self.meta[found, k.DROPPED] = key in self.gone
        return found

    def take_slots(self, keys: Iterable[Key]) -> list[int]:
        """The segments of many keys, made where there are none."""
        slots, first, keys = self.slots, len(self.slots), list(keys)
        found = [slots.setdefault(key, len(slots)) for key in keys]
        if len(slots) > first:
            self.room_for(len(slots))
            self.meta[first : len(slots), k.DROPPED] = 0
            for key in self.gone.intersection(keys) if self.gone else ():
                self.meta[slots[key], k.DROPPED] = 1
        return found

    def room_for(self, slots: int) -> None:
        """Make room for so many segments."""
        have = self.meta.shape[0]
        if slots > have:
            self.meta = np.concatenate([self.meta, _meta(max(slots, 2 * have, 64) - have)])
            self.refresh()

    def add(self, slot: int, row: int, order: Order) -> None:
        """Put the row version at an address in its place; `order` tells where instant and rank leave that open."""
        while (place := k.push(self.address, slot, row)) < 0:
            if place == k.TIE:
                return self.insert(slot, self.settle(slot, order), row)
            self.grow(place)
        return None

    def insert(self, slot: int, place: int, row: int) -> None:
        """Put the row version at an address at a place."""
        while (done := k.insert(self.address, slot, place, row)) != k.OK:
            self.grow(done)

    def settle(self, slot: int, order: Order) -> int:
        """The place of a row among those of its instant and rank, by its whole order."""
        low, high = int(self.ctl[k.TIE_LOW]), int(self.ctl[k.TIE_HIGH])
        while low < high:
            middle = (low + high) // 2
            if self._order(slot, middle) < order:
                low = middle + 1
            else:
                high = middle
        return low

    def end_before(self, slot: int, t: int, order: Order | None) -> int:
        """How many rows lie before `t`, and at `t` before an order."""
        start, size = int(self.meta[slot, k.START]), int(self.meta[slot, k.SIZE])
        place = int(k.before(self.address, slot, t))
        while order is not None and place < size and self.rows[start + place, k.AT] == t:
            if self._order(slot, place) >= order:
                break
            place += 1
        return place

    def _order(self, slot: int, place: int) -> Order:
        row = self.rows[self.meta[slot, k.START] + place]
        known = int(row[k.FROM])
        return (*self.order_of(int(row[k.EVENT]), known), known)

    def remove(self, slot: int, event: int, at: int) -> None:
        """Take the rows of an event at an instant out."""
        k.remove(self.address, slot, event, at)

    def grow(self, status: int) -> None:
        """Make the array larger that a kernel found too small."""
        if status == k.GROW_ROWS:
            self.rows = _longer(self.rows)
        elif status == k.GROW_TABLE:
            table = _table(2 * self.table.shape[0])
            self.ctl[k.TABLE_USED] = rehash(
                self.table.ctypes.data, self.table.shape[0], table.ctypes.data, table.shape[0]
            )
            self.table = table
        elif status == k.GROW_CURSORS:
            self.cursors = _longer(self.cursors)
        else:
            self.work = np.zeros(FOLD_WORDS + 10 * (int(self.meta[:, k.SIZE].max()) + self.largest), np.int64)
        self.refresh()

    def fill(self, keys: list[Key], sizes: Ints, rows: NDArray[np.int64], latest: Ints, dropped: Ints) -> None:
        """Fill an empty arena with the rows of keys, one after the other."""
        self.slots = dict(zip(keys, range(len(keys)), strict=True))
        self.near.clear()
        self.meta = _meta(max(64, len(keys)))
        used = self.meta[: len(keys)]
        used[:, k.START], used[:, k.SIZE], used[:, k.ROOM] = np.cumsum(sizes) - sizes, sizes, sizes
        used[:, k.LATEST], used[:, k.DROPPED] = latest, dropped
        total = rows.shape[0]
        self.rows = np.empty((total + total // 2 + 64, self.rows.shape[1]), np.int64)
        self.rows[:total, : rows.shape[1]] = rows
        self.ctl[k.USED], self.ctl[k.TABLE_USED], self.ctl[k.CURSORS_USED] = total, 0, 1
        self.ctl[k.FREE :] = 0
        self.table = _table(64)
        self.lay(np.zeros(1, np.int64), np.zeros(len(keys), np.int64))

    def lay(self, bases: Ints, based: Ints) -> None:
        """Give each segment its base: the words of all, and where in them each one's lies (0 for none)."""
        self.bases = bases
        self.meta[: based.size, k.BASED] = based
        # None is larger than from its beginning to the next one's.
        begins = np.sort(np.append(based[based > 0], bases.size))
        self.largest = int(np.diff(begins).max(initial=0))
        self.refresh()

    def based(self) -> Ints:
        """Where the base of each segment lies."""
        return self.meta[: len(self.slots), k.BASED].copy()

    def dump(self) -> tuple[list[Key], Ints, NDArray[np.int64], Ints, Ints]:
        """What `fill` takes."""
        used = self.meta[: len(self.slots)]
        base, sizes = int(self.ctl[k.BASE]), used[:, k.SIZE].copy()
        index = np.repeat(used[:, k.START] - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
        rows = self.rows[index, :base]
        return list(self.slots), sizes, rows, used[:, k.LATEST].copy(), used[:, k.DROPPED].copy()


def _longer(old: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows with room for more after them."""
    rows = old.shape[0]
    if old.nbytes >= _HUGE and old.flags.owndata:
        old.resize((rows + rows // 4, old.shape[1]), refcheck=False)
        return old
    new = np.empty((2 * rows, old.shape[1]), np.int64)
    new[:rows] = old
    return new


def _meta(segments: int) -> NDArray[np.int64]:
    """Segments without a fact."""
    made = np.zeros((segments, k.META_WORDS), np.int64)
    made[:, k.LATEST] = -FOREVER
    return made


def _table(size: int) -> NDArray[np.int64]:
    return np.full((size, 3), -2, np.int64)
