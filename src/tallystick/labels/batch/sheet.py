"""One feature on an arrangement: its rows with a value, packed, and what is derived of them for every label."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.labels.batch.arrangement import Arrangement, Place, View
from tallystick.labels.kernels import extremes, places, scans, settled
from tallystick.labels.kernels.rows import VALUE, Codes, Ints
from tallystick.labels.meaning.features import Meaning, hashes, meaning
from tallystick.labels.plan import EVENTS, SESSION, Feature, Leaf, Window


class Sheet:
    """One feature on an arrangement: its rows with a value, packed, and what was derived of them."""

    def __init__(self, a: Arrangement, feature: Feature) -> None:
        made: Meaning = meaning(a.rows, feature, a.zone)
        self.a, self.feature, self.values = a, feature, made.values
        whole = bool((made.code == VALUE).all())
        self.code = made.code if whole else made.code[a.order]
        self.view: View = a.view(None if whole else self.code == VALUE)
        rows = a.order if self.view.rows is None else a.order[self.view.rows]
        self.x = made.x[rows]
        self.y = self.x if made.y is made.x else made.y[rows]
        self._ranks: tuple[Ints, Ints] | None = None
        self._running: Ints | None = None
        self._beyond: dict[bool, tuple[Ints, Ints]] = {}
        self._twins: tuple[Ints, Ints] | None = None
        self._hashes: NDArray[np.uint64] | None = None
        self._passing: tuple[View, Codes] | None = None
        self._narrow: bool | None = None

    @property
    def narrow(self) -> bool:
        """Whether no sum of these values can leave 63 bits."""
        if self._narrow is None:
            largest = max(abs(int(self.x.min())), abs(int(self.x.max()))) if self.x.size else 0
            self._narrow = largest * max(self.x.size, 1) < 2**62
        return self._narrow

    @property
    def different(self) -> int:
        """How many different values a numbered column has."""
        return 0 if self.values is None else self.values.len()

    def running(self) -> Ints:
        """Sums of the rows before each."""
        if self._running is None:
            self._running = settled.running(self.x)
        return self._running

    def beyond(self, most: bool) -> tuple[Ints, Ints]:
        """For each row the one before it that is more extreme, and the extremes of blocks of rows."""
        if most not in self._beyond:
            lasting = np.zeros(self.x.size, np.uint8)
            more = settled.beyond(most, self.x, self.view.starts)
            self._beyond[most] = more, extremes.blocks(most, self.x, lasting)
        return self._beyond[most]

    def twins(self) -> tuple[Ints, Ints]:
        """For each row the one before and the one after it that has the same value."""
        if self._twins is None:
            self._twins = settled.twins(self.x, self.view.starts, self.different)
        return self._twins

    def hashes(self) -> NDArray[np.uint64]:
        """The hash of each different value, by its number."""
        if self._hashes is None:
            self._hashes = hashes(pl.Series() if self.values is None else self.values)
        return self._hashes

    def hashed(self) -> tuple[NDArray[np.uint64], Ints]:
        """The hashes of the different values in order, and the place of each value's among them."""
        order = np.argsort(self.hashes(), kind="stable")
        return self.hashes()[order], places.inverse(order)

    def ranks(self) -> tuple[Ints, Ints]:
        """Each value's number in the order of values, and the values in order."""
        if self._ranks is None:
            levels, rank = np.unique(self.x, return_inverse=True)
            self._ranks = rank.astype(np.int64), levels
        return self._ranks

    def place(self, leaf: Leaf, anchor: Ints | None) -> Place:
        """The window of a leaf at each point."""
        whole = self.a.place(leaf, anchor)
        if leaf.window.kind in (EVENTS, SESSION):
            low = self._walk(leaf.window, whole)
        elif self.view.before is None:
            return whole
        else:
            low = whole.low
        first, last = self.view.range(low, whole.high)
        return Place(first, last, low, whole.high, whole.until, whole.present, whole.fast, {})

    def _walk(self, window: Window, whole: Place) -> Ints:
        """Windows that count facts: back over the rows that pass the filter."""
        if self._passing is None:
            passing = self.code != 0
            view = self.a.view(None if passing.all() else passing)
            self._passing = view, self.code if view.rows is None else self.code[view.rows]
        view, code = self._passing
        a, (first, last) = self.a, view.range(whole.low, whole.high)
        seen: Any = (view.known_from, view.known_to, view.event, first, last, a.k, a.own, whole.present)
        if window.kind == EVENTS:
            given: Any = (code, *seen, window.count)
            start: Ints = scans.starts_of_events(*given)
        else:
            given = (code, view.at, *seen, whole.until, window.micros)
            start = scans.starts_of_sessions(*given)
        return np.minimum(view.back(start, whole.high), whole.high)
