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
        self.windows: dict[Moment, int] = {}
        self.pairs: dict[tuple[int, Moment], int] = {}
        self.ctl: Ints = np.zeros(k.CTL_WORDS, np.int64)
        self.address = int(self.ctl.ctypes.data)
        self.layout = np.zeros((len(features), k.LAYOUT_WORDS), np.int64)
        for number, one in enumerate(features):
            self.layout[number, [k.X, k.Y, k.WORD, k.SHIFT]] = one
        width = self._derived(base, leaves)
        self.ctl[k.BASE], self.ctl[k.WINDOWS] = base, len(self.windows)
        self.meta = np.zeros((0, k.META_WORDS), np.int64)
        self.rows = np.zeros((64, width), np.int64)
        self.paired = np.array([feature for feature, _ in self.pairs], np.int64)
        self.table = _table(64)
        self.cursors = np.zeros((4, max(1, len(self.windows) + 3 * len(self.pairs))), np.int64)
        self.work: Ints = np.zeros(FOLD_WORDS + 5 * 256, np.int64)
        self.hashes: NDArray[np.uint64] = np.zeros((1, 0), np.uint64)
        self.refresh()

    def _derived(self, base: int, leaves: Iterable[tuple[Leaf, int]]) -> int:
        """Lay out the derived words that the aggregates read; gives the width of a row."""
        wanted: dict[int, list[int]] = {}
        for leaf, number in leaves:
            moment = (leaf.window, leaf.delay_micros, leaf.including_present)
            if leaf.window.kind in (SPAN, CALENDAR):
                self.windows.setdefault(moment, len(self.windows))
            family = 0 if leaf.kind == "count" else int(linear.family_of(ALGEBRA[leaf.kind].code))
            place = 1 if family in (linear.PAIR, linear.LINE) else 0
            one = wanted.setdefault(number, [0, 0, 0, 0])
            one[place] = max(one[place], family)
            one[2] |= leaf.kind in _EXTREMES
            if leaf.kind == "distinct":
                one[3] = 1
                self.pairs.setdefault((number, moment), len(self.pairs))
        at = base
        for number, (first, second, extremes, same) in wanted.items():
            words = self.layout[number]
            words[k.COUNTS], at = at, at + 1
            for place, family, name in ((k.MOMENTS, first, k.FAMILY), (k.SECOND, second, k.SECOND_FAMILY)):
                if family:
                    words[place], words[name], at = at, family, at + k.sum_words(family)
            if extremes:
                words[k.EXTREMES], at = at, at + 1
            if same:
                words[k.SAME], at = at, at + 1
        return at

    def refresh(self) -> None:
        """Tell the kernels where the arrays are, after one was replaced."""
        arrays = (self.meta, self.rows, self.layout, self.paired, self.table, self.cursors, self.work, self.hashes)
        write_addresses(self.ctl[ARRAYS:], arrays)

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
            one = self.meta[found]
            one[k.SIZE], one[k.DONE], one[k.LATEST], one[k.CURSOR] = 0, 0, -FOREVER, -1
            one[k.DROPPED] = key in self.gone
        return found

    def take_slots(self, keys: Iterable[Key]) -> list[int]:
        """The segments of many keys, made where there are none."""
        slots, first, keys = self.slots, len(self.slots), list(keys)
        found = [slots.get(key, -1) for key in keys]
        if -1 in found:
            for i, slot in enumerate(found):
                if slot < 0:
                    found[i] = slots.setdefault(keys[i], len(slots))
            self.room_for(len(slots))
            new = self.meta[first : len(slots)]
            new[:, [k.SIZE, k.DONE]], new[:, k.LATEST], new[:, k.CURSOR], new[:, k.DROPPED] = 0, -FOREVER, -1, 0
            for key in self.gone.intersection(keys):
                self.meta[slots[key], k.DROPPED] = 1
        return found

    def room_for(self, slots: int) -> None:
        """Make room for so many segments."""
        have = self.meta.shape[0]
        if slots > have:
            self.meta = np.concatenate([self.meta, np.zeros((max(slots, 2 * have, 64) - have, k.META_WORDS), np.int64)])
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
            rooms, size = int(self.meta[:, k.ROOM].sum()), self.rows.shape[0]
            # What segments left behind when they moved is taken back before more is asked for.
            new = np.empty((2 * size if 4 * rooms > size else size, self.rows.shape[1]), np.int64)
            addresses = self.meta.ctypes.data, self.meta.shape[0], self.rows.ctypes.data, new.ctypes.data
            self.ctl[k.USED] = k.repack(*addresses, new.shape[1])
            self.rows = new
        elif status == k.GROW_TABLE:
            table = _table(2 * self.table.shape[0])
            self.ctl[k.TABLE_USED] = rehash(
                self.table.ctypes.data, self.table.shape[0], table.ctypes.data, table.shape[0]
            )
            self.table = table
        elif status == k.GROW_CURSORS:
            self.cursors = np.concatenate([self.cursors, np.zeros_like(self.cursors)])
        else:
            self.work = np.zeros(FOLD_WORDS + 10 * int(self.meta[:, k.SIZE].max()), np.int64)
        self.refresh()

    def fill(self, keys: list[Key], sizes: Ints, rows: NDArray[np.int64], latest: Ints, dropped: Ints) -> None:
        """Fill an empty arena with the rows of keys, one after the other."""
        self.slots = dict(zip(keys, range(len(keys)), strict=True))
        self.near.clear()
        self.meta = np.zeros((max(64, len(keys)), k.META_WORDS), np.int64)
        used = self.meta[: len(keys)]
        used[:, k.START], used[:, k.SIZE], used[:, k.ROOM] = np.cumsum(sizes) - sizes, sizes, sizes
        used[:, k.LATEST], used[:, k.CURSOR], used[:, k.DROPPED] = latest, -1, dropped
        total = rows.shape[0]
        self.rows = np.empty((total + total // 2 + 64, self.rows.shape[1]), np.int64)
        self.rows[:total, : rows.shape[1]] = rows
        self.ctl[k.USED] = total
        self.ctl[k.TABLE_USED] = self.ctl[k.CURSORS_USED] = 0
        self.table = _table(64)
        self.refresh()

    def dump(self) -> tuple[list[Key], Ints, NDArray[np.int64], Ints, Ints]:
        """What `fill` takes."""
        used = self.meta[: len(self.slots)]
        base, sizes = int(self.ctl[k.BASE]), used[:, k.SIZE].copy()
        index = np.repeat(used[:, k.START] - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
        rows = self.rows[index, :base]
        return list(self.slots), sizes, rows, used[:, k.LATEST].copy(), used[:, k.DROPPED].copy()


def _table(size: int) -> NDArray[np.int64]:
    return np.full((size, 3), -2, np.int64)
