"""One feature on an arrangement: its rows with a value, packed, and what is derived of them for every label."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.labels.batch.arrangement import Arrangement, Ends, Place, View, taken
from tallystick.labels.kernels import places, scans, settled, unsettled
from tallystick.labels.kernels.rows import FILTERED, FOREVER, VALUE, Codes, Ints
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
        self.x = taken(made.x, rows)
        self.y = self.x if made.y is made.x else taken(made.y, rows)
        self._peaks: dict[bool, tuple[Ints, Ints]] = {}

    @cached_property
    def narrow(self) -> bool:
        """Whether no sum of these values can leave 63 bits."""
        largest = max(abs(int(self.x.min())), abs(int(self.x.max()))) if self.x.size else 0
        return bool(largest * max(self.x.size, 1) < 2**62)

    @property
    def different(self) -> int:
        """How many different values a numbered column has."""
        return 0 if self.values is None else self.values.len()

    @cached_property
    def loose(self) -> NDArray[np.bool_]:
        """Whether each row came late or was superseded."""
        before = self.view.changes[3]
        found: NDArray[np.bool_] = before[1:] > before[:-1]
        return found

    def lasts(self, present: bool) -> bool:
        """Whether every row lasts and counts at once, at every point."""
        return not self.view.changes[0].size and self.a.course(present).steady

    @cached_property
    def running(self) -> Ints:
        """Sums of the lasting rows before each."""
        found: Ints = settled.running(self._lasting(0))
        return found

    def peaks(self, most: bool) -> tuple[Ints, Ints]:
        """The lasting values, and the extremes of blocks of them."""
        if most not in self._peaks:
            x = self._lasting(-FOREVER - 1 if most else FOREVER)
            self._peaks[most] = x, settled.blocks(most, x)
        return self._peaks[most]

    def _lasting(self, otherwise: int) -> Ints:
        """The values, of loose rows another."""
        return np.where(self.loose, otherwise, self.x) if self.view.changes[0].size else self.x

    @cached_property
    def twins(self) -> tuple[Ints, Ints]:
        """For each row the one before and the one after it that has the same value."""
        found: tuple[Ints, Ints] = settled.twins(self.x, self.view.starts, self.different)
        return found

    @cached_property
    def gaps(self) -> Codes:
        """How far apart the lasting rows around each loose one lie that have its value (`unsettled.gaps`)."""
        view = self.view
        found: Codes = unsettled.gaps(self.x, view.at, view.starts, view.changes[3], self.different)
        return found

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """The hash of each different value, by its number."""
        return hashes(pl.Series() if self.values is None else self.values)

    @cached_property
    def hashed(self) -> tuple[NDArray[np.uint64], Ints]:
        """The hashes of the different values in order, and the place of each value's among them."""
        order = np.argsort(self.hashes, kind="stable")
        return self.hashes[order], places.inverse(order)

    @cached_property
    def ranks(self) -> tuple[Ints, Ints]:
        """The values in order, and each row's number among them."""
        levels, rank = np.unique(self.x, return_inverse=True)
        return levels, rank.astype(np.int64)

    @cached_property
    def passing(self) -> tuple[View, Codes]:
        """The rows that pass the filter, and their codes."""
        return self._some(self.code != FILTERED)

    @cached_property
    def holes(self) -> tuple[View, Codes] | None:
        """The rows without a value, and their codes; None where every row has one."""
        without = self.code > VALUE
        return self._some(without) if without.any() else None

    def _some(self, chosen: NDArray[np.bool_]) -> tuple[View, Codes]:
        view = self.a.view(chosen)
        return view, self.code if view.rows is None else self.code[view.rows]

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
        return Place(first, last, low, whole.high, whole.until, whole.present, whole.course, {})

    def spans(self, micros: Sequence[int], present: bool) -> Ends:
        """`Arrangement.spans` of these rows."""
        ends = self.a.spans(micros, present)
        return ends if self.view.before is None else lambda first, last: self.view.range(*ends(first, last))

    def _walk(self, window: Window, whole: Place) -> Ints:
        """Windows that count facts: back over the rows that pass the filter."""
        view, code = self.passing
        a, (first, last) = self.a, view.range(whole.low, whole.high)
        seen: Any = (view.known_from, view.known_to, view.event, first, last, a.k, a.own, whole.present)
        if window.kind == EVENTS:
            given: Any = (code, *seen, window.count)
            start: Ints = scans.starts_of_events(*given)
        else:
            given = (code, view.at, *seen, whole.until, window.micros)
            start = scans.starts_of_sessions(*given)
        return np.minimum(view.back(start, whole.high), whole.high)
