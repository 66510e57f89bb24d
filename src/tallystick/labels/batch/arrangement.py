"""The rows of a stream by the keys of one entity, and the points by those rows; made once, used by every label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.core.numeric import in_parts
from tallystick.labels.definition.define import Events
from tallystick.labels.kernels import places, unsettled
from tallystick.labels.kernels.rows import FOREVER, Codes, Ints
from tallystick.labels.meaning.facts import Rows, codes, held, numbered
from tallystick.labels.meaning.windows import bounds_all
from tallystick.labels.plan import SPAN, Leaf, Window
from tallystick.labels.words import WORDS

# A tuple of arrays handed on hides from the type checker how many there are.
_ends: Any = places.ends
_span_starts: Any = places.span_starts


Ends: TypeAlias = Callable[[int, int], tuple[Ints, Ints]]
"""For the points of [first, last): where the rows of each of some windows begin, and where those of all of them end."""


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

    `starts` is where each key's rows begin, `changes` when loose rows begin and stop to count (`places.changes`).
    """

    rows: Ints | None
    before: Ints | None
    at: Ints
    known_from: Ints
    known_to: Ints
    event: Ints
    starts: Ints
    changes: tuple[Ints, Ints, Ints, Ints]

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


class Course:
    """How one gets from point to point in what was known.

    `fast` is 1 where rows that were not late count without a look, and the own event lies where the point does.
    """

    def __init__(self, key: Ints, k: Ints, fast: Codes, when: Ints, begin: Ints) -> None:
        self.fast, self.steady = fast, bool(fast.all())
        self._points, self._changes = (key, k, fast), (when, begin)

    @cached_property
    def ordered(self) -> Ints:
        """The points in the order of what was known."""
        found: Ints = unsettled.by_knowledge(*self._points)
        return found

    @cached_property
    def tour(self) -> Ints:
        """The points so that windows do not travel far in what was known; empty if they lie so."""
        found: Ints = unsettled.tour(*self._points, *self._changes)
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
    course: Course
    travels: dict[int, Any]


class Arrangement:
    """The rows of a stream in the order (key, at, sequence, id) and the points in the order of their rows."""

    def __init__(self, facts: Rows, events: Events, entity: str, asked: Asked, keys: pl.Series, zone: str) -> None:
        self.rows, self.zone = facts, zone
        column = next(column for key, column in events.keys.items() if key.name == entity)
        key_of, key, size = _numbered(facts, facts.frame[column], keys, asked)
        self.order, self.starts = places.by_bucket(key_of, size)
        take = self.order
        self.at = taken(facts.at, take)
        punctual = facts.known_from is facts.at or np.array_equal(facts.known_from, facts.at)
        self.known_from = self.at if punctual else taken(facts.known_from, take)
        self.known_to = facts.known_to if facts.plain else taken(facts.known_to, take)
        self.event = take if facts.plain else taken(facts.event, take)
        if key is key_of:
            # Every row has a point, in the order of the rows: what was sorted for these holds for those.
            self.sequence: Ints = take
            self.t, self.own = self.at, take
            same = asked.k is facts.known_from or np.array_equal(asked.k, facts.known_from)
            self.k = self.known_from if same else taken(asked.k, take)
            self._begin = np.append(0, self.starts)
            self._moved: Any = np.zeros(take.size, np.bool_)
        else:
            self._arrange(facts, asked, key_of, key)
        self._ends: dict[bool, Ints] = {}
        self._courses: dict[bool, Course] = {}
        self._places: dict[tuple[Window, int, bool], Place] = {}
        self._lasting = punctual and facts.plain
        # Every point is the own one of a row, its event's only one.
        self._of_rows = key is key_of
        changes = self._changes(self.starts, self.at, self.known_from, self.known_to)
        rows = (self.at, self.known_from, self.known_to, self.event)
        self.everything = View(None, None, *rows, self.starts, changes)

    def _arrange(self, facts: Rows, asked: Asked, key_of: Ints, key: Ints) -> None:
        """Put the points in the order of the rows before them."""
        self.own, self._moved = asked.own, np.zeros(key.size, np.bool_)
        if asked.here.all():
            own: Any = (asked.row, key, asked.t, self.at, key_of, self.order, self.starts)
            self.sequence, self._end, self._begin = places.at_own_rows(*own)
            if self._begin.size:
                self.t, self.own = taken(self.at, self._end), taken(self.event, self._end)
                self.k = taken(asked.k, self.sequence)
                return
        self.sequence, self._begin = places.by_bucket(key + 1, self.starts.size)
        in_parts(key.size, lambda first, last: places.by_time(self._begin, asked.t, first, last, self.sequence))
        self.t = taken(asked.t, self.sequence)
        row, here = np.zeros(0, np.int64), np.zeros(0, np.uint8)
        if asked.here.any():
            row, here = taken(asked.row, self.sequence), taken(asked.here, self.sequence)
        self._end = np.empty(self.t.size, np.int64)
        rows: Any = (self.at, key_of, places.inverse(self.order) if here.size else row, self.order, self.starts)
        in_parts(self.size, lambda a, b: _ends(self.t, self.key, here, row, *rows, a, b, self._end))
        if here.size and (self._end[1:] < self._end[:-1]).any():
            again, _ = places.by_bucket(self._end + self.key + 1, self.order.size + self.starts.size + 1)
            self.sequence, self.t, self._end, row = (
                taken(values, again) for values in (self.sequence, self.t, self._end, row)
            )
        self.k = self.t if np.array_equal(asked.k, asked.t) else taken(asked.k, self.sequence)
        if here.size:
            self.own = taken(asked.own, self.sequence)
            if facts.at.size:
                self._moved = (row >= 0) & (facts.at[row] < self.t)

    @property
    def size(self) -> int:
        """How many points there are."""
        return int(self.t.size)

    @cached_property
    def key(self) -> Ints:
        """The number of each point's key, -1 for one that no row has; points lie by it."""
        return np.repeat(np.arange(-1, self.starts.size - 1), np.diff(self._begin))

    @cached_property
    def start(self) -> Ints:
        """Where the rows of each point's key begin."""
        return np.repeat(np.append(0, self.starts[:-1]), np.diff(self._begin))

    def back(self, values: NDArray[Any], room: NDArray[Any] | None = None) -> NDArray[Any]:
        """Values by point in the order of the rows, put into that of the points as given."""
        found = np.empty_like(values) if room is None else room
        in_parts(self.size, lambda first, last: places.put(values, self.sequence, first, last, found))
        return found

    @cached_property
    def _prompt(self) -> bool:
        """Whether no row was known before it happened, so that what a point knows of an earlier k ends there."""
        return bool((self.known_from >= self.at).all())

    def ends(self, present: bool) -> Ints:
        """Where each point's facts end; of a k before t, where those that had happened by k do."""
        if present not in self._ends:
            end = np.arange(int(present), self.size + present) if self._of_rows else self._end
            if present and not self._of_rows and (self.own >= 0).any():
                stop = np.where(self.key >= 0, self.starts[self.key + 1], 0)
                end = places.with_own(end, self.own, self.t, stop, self.event, self.at)
            if (self.k < self.t).any() and self._prompt:
                end = places.window_ends(self.at, self.start, end, self.k)
            self._ends[present] = end
        return self._ends[present]

    def course(self, present: bool) -> Course:
        """How the points lie in what was known."""
        if present not in self._courses:
            known: Any = self.k >= self.t
            if not known.all() and self._prompt:
                known[:] = True
            fast: Codes = (known if present else known & ~self._moved).astype(np.uint8)
            when, _, begin, _ = self.everything.changes
            self._courses[present] = Course(self.key, self.k, fast, when, begin)
        return self._courses[present]

    def place(self, leaf: Leaf, anchor: Ints | None) -> Place:
        """The rows of a leaf's window at each point; those of events and sessions reach back to the first."""
        key = (leaf.window, leaf.delay_micros, leaf.including_present)
        if key not in self._places:
            self._places[key] = self._place(leaf.window, leaf.delay_micros, leaf.including_present, anchor)
        return self._places[key]

    def _place(self, window: Window, delay: int, present: bool, anchor: Ints | None) -> Place:
        if window.kind == SPAN and not delay:
            self.place_spans([window], present)
            return self._places[window, 0, present]
        end = self.ends(present)
        hung = None if anchor is None else anchor[self.sequence]
        after, until = bounds_all(window, self.t, delay, self.zone, hung)
        high = end if until is self.t else places.window_ends(self.at, self.start, end, until)
        if after.size and after[0] == -FOREVER and (after == -FOREVER).all():
            low = np.minimum(self.start, high)
        else:
            low = places.window_starts(self.at, self.start, high, after)
        return Place(low, high, low, high, until, present, self.course(present), {})

    def place_spans(self, windows: Sequence[Window], present: bool) -> None:
        """Find several spans that end at t together, which takes less than one by one."""
        new = [window for window in windows if (window, 0, present) not in self._places]
        if not new:
            return
        end, low = self.ends(present), np.empty((len(new), self.size), np.int64)
        ends = self.spans([window.micros for window in new], present)

        def part(first: int, last: int) -> None:
            low[:, first:last], _ = ends(first, last)

        in_parts(self.size, part)
        for window, begin in zip(new, low, strict=True):
            place = Place(begin, end, begin, end, self.t, present, self.course(present), {})
            self._places[window, 0, present] = place

    def spans(self, micros: Sequence[int], present: bool) -> Ends:
        """What gives, at the points of a part, where the rows of each span that ends at t begin, and where all end."""
        of = np.array(micros, np.int64)

        def own(first: int, last: int) -> tuple[Ints, Ints]:
            low = np.empty((of.size, last - first), np.int64)
            places.own_starts(self.at, self.starts, of, first, last, low)
            return low, np.arange(first + present, last + present)

        if self._of_rows:
            return own
        start, end = self.start, self.ends(present)

        def ends(first: int, last: int) -> tuple[Ints, Ints]:
            low = np.empty((of.size, last - first), np.int64)
            _span_starts(self.at, start, end, self.t, of, first, last, low)
            return low, end[first:last]

        return ends

    def _changes(self, starts: Ints, at: Ints, known_from: Ints, known_to: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """When loose rows begin and stop to count; there are none where every row was known at once and for good."""
        if self._lasting:
            none = np.zeros(0, np.int64)
            return none, none, np.zeros(starts.size, np.int64), np.zeros(at.size + 1, np.int64)
        found: tuple[Ints, Ints, Ints, Ints] = places.changes(starts, at, known_from, known_to)
        return found

    def view(self, chosen: NDArray[Any] | None) -> View:
        """The chosen rows, packed; None for all."""
        if chosen is None or chosen.all():
            return self.everything
        rows = np.flatnonzero(chosen)
        before = np.zeros(chosen.size + 1, np.int64)
        np.cumsum(chosen, out=before[1:])
        at, known_from, known_to = self.at[rows], self.known_from[rows], self.known_to[rows]
        starts = before[self.starts]
        changes = self._changes(starts, at, known_from, known_to)
        return View(rows, before, at, known_from, known_to, self.event[rows], starts, changes)


def _numbered(facts: Rows, column: pl.Series, keys: pl.Series, asked: Asked) -> tuple[Ints, Ints, int]:
    """The number of each row's key, of each point's key (-1 for one that no row has), and how many there are.

    Where the points are the rows' own, one for each and in their order, both numbers are one object.
    """
    of_rows, different = numbered(column)
    wanted, size = column.dtype, different.len()
    if keys.null_count() == keys.len():
        return of_rows, np.full(keys.len(), -1, np.int64), size
    if keys.dtype != wanted and size:
        allowed = f"{wanted} as in the facts"
        raise InputError(WORDS("labels.point_type", column=keys.name, given=str(keys.dtype), allowed=allowed))
    asked_keys = keys.cast(wanted, strict=False)
    if facts.plain and asked.row.size == facts.at.size and np.array_equal(asked.row, facts.event):
        if asked_keys.equals(column) and np.array_equal(asked.t, facts.at):
            return of_rows, of_rows, size
    elif asked.row.size and (asked.row >= 0).all() and asked_keys.equals(column.gather(pl.Series(asked.row))):
        # Own points carry their event's own key, as a rule: what was numbered need not be looked up again.
        return of_rows, of_rows[asked.row], size
    return of_rows, codes(asked_keys, different.to_frame()), size


def point_keys(frame: pl.DataFrame, entity: str) -> pl.Series:
    """The keys that points name for an entity, in held form."""
    return held(frame[entity], None, "points")


def taken(values: Any, order: Ints) -> Any:
    """The values in an order, on every core."""
    found = np.empty(order.size, values.dtype)
    in_parts(order.size, lambda first, last: places.taken(values, order, first, last, found))
    return found
