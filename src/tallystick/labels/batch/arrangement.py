"""The rows of a stream by the keys of one entity, and the points by those rows; made once, used by every label."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.labels.definition.define import Events
from tallystick.labels.kernels import places
from tallystick.labels.kernels.rows import FOREVER, Codes, Ints
from tallystick.labels.meaning.facts import Rows, codes, held
from tallystick.labels.meaning.windows import bounds_all
from tallystick.labels.plan import SPAN, Leaf, Window
from tallystick.labels.words import WORDS

S = TypeVar("S")
T = TypeVar("T")

_CHUNK = 50_000


class Asked(msgspec.Struct, frozen=True):
    """Points for one stream: t, k, the number of each point's own event in it (-1 none) and the row seen of that.

    `here` is 1 where the point is an event's own point in this stream.
    """

    t: Ints
    k: Ints
    own: Ints
    row: Ints
    here: Codes


class View(msgspec.Struct, frozen=True):
    """Some rows of an arrangement, packed; `before[i]` says how many of them lie before row i (None: all do).

    `starts` is where each key's rows begin, `changes` what becomes visible late or stops to count (`places.changes`).
    """

    rows: Ints | None
    before: Ints | None
    at: Ints
    known_from: Ints
    known_to: Ints
    event: Ints
    starts: Ints
    changes: tuple[Ints, Ints, Ints]

    def range(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Ranges of the arrangement's rows as ranges of these."""
        return (low, high) if self.before is None else (self.before[low], self.before[high])

    def back(self, place: Ints, otherwise: Ints) -> Ints:
        """Places among these as rows of the arrangement; beyond the last, `otherwise`."""
        if self.rows is None:
            return place
        padded: Ints = np.append(self.rows, FOREVER)
        found: Ints = np.minimum(padded[np.minimum(place, self.rows.size)], otherwise)
        return found


class Place(msgspec.Struct, frozen=True):
    """One window on a view: ranges of its rows, and of all rows, at each point, and until when the window goes.

    `travels` has, for each part of the points, how the window gets from one to the next (`slides.travel`).
    """

    low: Ints
    high: Ints
    row_low: Ints
    row_high: Ints
    until: Ints
    present: bool
    fast: Codes
    travels: dict[bool, list[Any]]


class Arrangement:
    """The rows of a stream in the order (key, at, sequence, id) and the points in the order of their rows."""

    def __init__(self, facts: Rows, events: Events, entity: str, asked: Asked, keys: pl.Series, zone: str) -> None:
        self.rows, self.zone = facts, zone
        column = next(column for key, column in events.keys.items() if key.name == entity)
        key_of, key, size = _numbered(facts, facts.frame[column], keys, asked)
        self.order, self.starts = places.by_bucket(key_of, size)
        take = self.order
        self.at = facts.at[take]
        punctual = np.array_equal(facts.known_from, facts.at)
        self.known_from = self.at if punctual else facts.known_from[take]
        self.known_to = np.full(take.size, FOREVER, np.int64) if facts.plain else facts.known_to[take]
        self.event = take if facts.plain else facts.event[take]
        if key is key_of:
            # Every row has a point, in the order of the rows: what was sorted for these holds for those.
            self.sequence: Ints = take
            self.t, self.own = self.at, take
            self.k = self.known_from if np.array_equal(asked.k, facts.known_from) else asked.k[take]
            lengths = np.diff(self.starts)
            self.key, self.start = np.repeat(np.arange(size), lengths), np.repeat(self.starts[:-1], lengths)
            self._end: Ints = np.arange(take.size)
            self._moved: Any = np.zeros(take.size, np.bool_)
        else:
            self._arrange(facts, asked, key_of, key)
        self._ends: dict[bool, Ints] = {}
        self._places: dict[tuple[Window, int, bool], Place] = {}
        changes = places.changes(self.starts, self.at, self.known_from, self.known_to)
        rows = (self.at, self.known_from, self.known_to, self.event)
        self.everything = View(None, None, *rows, self.starts, changes)

    def _arrange(self, facts: Rows, asked: Asked, key_of: Ints, key: Ints) -> None:
        """Put the points in the order of the rows before them."""
        take = self.order
        start, end = places.ends(
            asked.t, asked.here, asked.row, key, facts.at, key_of, places.inverse(take), take, self.starts
        )
        if (asked.t[1:] >= asked.t[:-1]).all():
            by_row, _ = places.by_bucket(end, take.size + 1)
        else:
            # Which of two points at one instant comes first changes no answer.
            first = np.argsort(asked.t)
            by_row = first[places.by_bucket(end[first], take.size + 1)[0]]
        self.sequence = by_row
        self.t, self.k, self.own = asked.t[by_row], asked.k[by_row], asked.own[by_row]
        self.start, self._end, self.key = start[by_row], end[by_row], key[by_row]
        row = asked.row[by_row]
        self._moved = (row >= 0) & (facts.at[row] < self.t) if facts.at.size else np.zeros(row.size, np.bool_)

    @property
    def size(self) -> int:
        """How many points there are."""
        return int(self.t.size)

    def ends(self, present: bool) -> Ints:
        """Where each point's facts end."""
        if present not in self._ends:
            end = self._end
            if present and (self.own >= 0).any():
                stop = np.where(self.key >= 0, self.starts[self.key + 1], 0)
                end = places.with_own(end, self.own, self.t, stop, self.event, self.at)
            self._ends[present] = end
        return self._ends[present]

    def fast(self, present: bool) -> Codes:
        """1 where rows that were not late count without a look, and the own event lies where the point does."""
        known: Any = self.k >= self.t
        found: Codes = (known if present else known & ~self._moved).astype(np.uint8)
        return found

    def place(self, leaf: Leaf, anchor: Ints | None) -> Place:
        """The rows of a leaf's window at each point; those of events and sessions reach back to the first."""
        key = (leaf.window, leaf.delay_micros, leaf.including_present)
        if key not in self._places:
            self._places[key] = self._place(leaf.window, leaf.delay_micros, leaf.including_present, anchor)
        return self._places[key]

    def _place(self, window: Window, delay: int, present: bool, anchor: Ints | None) -> Place:
        end = self.ends(present)
        hung = None if anchor is None else anchor[self.sequence]
        if window.kind == SPAN and not delay:
            low = places.span_starts(self.at, self.start, end, self.t, window.micros)
            return Place(low, end, low, end, self.t, present, self.fast(present), {})
        after, until = bounds_all(window, self.t, delay, self.zone, hung)
        high = end if until is self.t else places.window_ends(self.at, self.start, end, until)
        if after.size and after[0] == -FOREVER and (after == -FOREVER).all():
            low = np.minimum(self.start, high)
        else:
            low = places.window_starts(self.at, self.start, high, after)
        return Place(low, high, low, high, until, present, self.fast(present), {})

    def view(self, chosen: NDArray[Any] | None) -> View:
        """The chosen rows, packed; None for all."""
        if chosen is None or chosen.all():
            return self.everything
        rows = np.flatnonzero(chosen)
        before = np.zeros(chosen.size + 1, np.int64)
        np.cumsum(chosen, out=before[1:])
        at, known_from, known_to = self.at[rows], self.known_from[rows], self.known_to[rows]
        starts = before[self.starts]
        changes = places.changes(starts, at, known_from, known_to)
        return View(rows, before, at, known_from, known_to, self.event[rows], starts, changes)


def _numbered(facts: Rows, column: pl.Series, keys: pl.Series, asked: Asked) -> tuple[Ints, Ints, int]:
    """The number of each row's key, of each point's key (-1 for one that no row has), and how many there are.

    Where the points are the rows' own, one for each and in their order, both numbers are one object.
    """
    unique = column.to_frame().unique(maintain_order=True)
    of_rows = codes(column, unique)
    wanted = column.dtype
    if keys.null_count() == keys.len():
        return of_rows, np.full(keys.len(), -1, np.int64), unique.height
    if keys.dtype != wanted and unique.height:
        allowed = f"{wanted} as in the facts"
        raise InputError(WORDS("labels.point_type", column=keys.name, given=str(keys.dtype), allowed=allowed))
    asked_keys = keys.cast(wanted, strict=False)
    if facts.plain and asked.row.size == facts.at.size and np.array_equal(asked.row, facts.event):
        if asked_keys.equals(column) and np.array_equal(asked.t, facts.at):
            return of_rows, of_rows, unique.height
    elif asked.row.size and (asked.row >= 0).all() and asked_keys.equals(column.gather(pl.Series(asked.row))):
        # Own points carry their event's own key, as a rule: what was numbered need not be looked up again.
        return of_rows, of_rows[asked.row], unique.height
    return of_rows, codes(asked_keys, unique), unique.height


def point_keys(frame: pl.DataFrame, entity: str) -> pl.Series:
    """The keys that points name for an entity, in held form."""
    return held(frame[entity], None, "points")


_WORKERS = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="labels")


def parts(size: int) -> list[tuple[int, int]]:
    """Ranges [first, last) that [0, size) falls into, a few for each core."""
    count = 1 if size <= _CHUNK else min(4 * (os.cpu_count() or 1), 2 * size // _CHUNK)
    cuts = [size * part // count for part in range(count + 1)]
    return list(pairwise(cuts))


def in_parts(size: int, work: Callable[[int, int], T]) -> list[T]:
    """`work(first, last)` for each of the parts, on every core: kernels hold no lock, parts share nothing."""
    return each(parts(size), lambda part: work(*part))


def each(items: Sequence[S], work: Callable[[S], T]) -> list[T]:
    """`work` on each item, on every core."""
    return [work(items[0])] if len(items) == 1 else list(_WORKERS.map(work, items))
