"""One point of the live executor: every aggregate by the exact scans that the batch executor uses too."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import msgspec

from tallystick.labels import kernels, shelf
from tallystick.labels.arithmetic import Outcome
from tallystick.labels.batch import EXPIRED, NEVER_SEEN, NOT_YET_KNOWN, REASONS, SOURCE_NULL, UNDEFINED, deviation
from tallystick.labels.book import Book, Event
from tallystick.labels.facts import T_MIN
from tallystick.labels.resolve import Leaf
from tallystick.labels.shelf import AT, EVENT, FROM, TO, VALUES, Shelf
from tallystick.labels.windows import after


class _Place(msgspec.Struct):
    """Where a point lies on one shelf: its rows end at `end`, with its own event at `end_present`."""

    book: Book
    shelf: Shelf
    own: int
    end: int
    end_present: int


class Point:
    """One call of `now`; scans that several labels share are made once."""

    def __init__(
        self,
        books: Mapping[str, Book],
        keys: Mapping[str, int | str | None],
        t: int,
        k: int,
        own: tuple[str, int | str] | None,
        event: Event | None,
        zone: str,
    ) -> None:
        self.books, self.keys, self.t, self.k, self.zone = books, keys, t, k, zone
        self.own, self.event = own, event
        self.places: dict[tuple[str, str], _Place] = {}
        self.done: dict[int, Outcome] = {}
        self.moments: dict[tuple[Any, ...], tuple[int, ...]] = {}

    def leaf(self, leaf: Leaf) -> Outcome:
        """The value of one aggregate."""
        found = self.done.get(id(leaf))
        if found is None:
            found = self.done[id(leaf)] = self._value(leaf)
        return found

    def _place(self, leaf: Leaf) -> _Place:
        book = self.books[leaf.stream]
        found = book.shelf(leaf.entity, self.keys[leaf.entity])
        found = Shelf(len(book.features)) if found is None else found
        at, own = found.ints[AT], -1
        if self.own is None or self.own[0] != leaf.stream:
            end = kernels.upper_bound(at, 0, found.size, self.t)
            return _Place(book, found, own, end, end)
        version = None
        if self.event is not None:
            own = self.event.number
            version = next((one for one in self.event.versions if one.known_from <= self.k < one.known_to), None)
        if version is None or version.at != self.t:
            end = kernels.upper_bound(at, 0, found.size, self.t - 1)
        else:
            end = bisect_left(found.order, (self.t, version.sequence, self.own[1], T_MIN))
        end_present = end
        # Its own rows stand there, one for each version of equal sequence; a correction may have moved others later.
        while own >= 0 and end_present < found.size and found.ints[EVENT, end_present] == own:
            if at[end_present] > self.t:
                break
            end_present += 1
        return _Place(book, found, own, end, end_present)

    def _value(self, leaf: Leaf) -> Outcome:
        group = (leaf.stream, leaf.entity)
        place = self.places.get(group)
        if place is None:
            place = self.places[group] = self._place(leaf)
        ints, present = place.shelf.ints, leaf.including_present
        stop = place.end_present if present else place.end
        high = kernels.upper_bound(ints[AT], 0, stop, self.t - leaf.delay_micros) if leaf.delay_micros else stop
        start = after(self.t, leaf.window_micros, leaf.delay_micros, self.zone)
        low = kernels.upper_bound(ints[AT], 0, high, start)
        number = place.book.features[leaf.column, leaf.where, leaf.kind == "distinct"]
        code, value = place.shelf.codes[number], ints[VALUES + number]
        visible = (ints[FROM], ints[TO], ints[EVENT], low, high, self.k, place.own, present)
        if leaf.kind in ("min", "max"):
            n, nulls, awaiting, best = kernels.scan_extreme(*(code, value, *visible, leaf.kind == "max"))
            return (shelf.from_int(best, leaf.type), "") if n else self._none(place, leaf, nulls, awaiting)
        if leaf.kind in ("first", "last", "since_last"):
            nulls, awaiting, row = kernels.scan_edge(*(code, *visible, leaf.kind != "first"))
            return self._edge(place, leaf, int(value[row])) if row >= 0 else self._none(place, leaf, nulls, awaiting)
        if leaf.kind == "distinct":
            different, nulls, awaiting = kernels.scan_distinct(code, value, *visible)
            empty = different == 0 and nulls + awaiting > 0
            return self._none(place, leaf, nulls, awaiting) if empty else (different, "")
        shared = (*group, number, low, high, present)
        found = self.moments.get(shared)
        if found is None:
            found = self.moments[shared] = kernels.scan_moments(code, value, *visible)
        return self._summed(place, leaf, found)

    def _edge(self, place: _Place, leaf: Leaf, number: int) -> Outcome:
        if leaf.kind == "since_last":
            return self.t - number, ""
        if leaf.type.kind == "text":
            return place.book.words[leaf.column][number], ""
        return shelf.from_int(number, leaf.type), ""

    def _summed(self, place: _Place, leaf: Leaf, found: tuple[int, ...]) -> Outcome:
        n, nulls, awaiting, filtered, s_high, s_low, q0, q1, q2 = found
        if leaf.kind == "count":
            return n, ""
        if leaf.kind == "share":
            rows = n + filtered
            return (float(n) / float(rows), "") if rows else self._none(place, leaf, 0, 0)
        if n == 0:
            empty = leaf.kind == "sum" and nulls + awaiting == 0
            return (0, "") if empty else self._none(place, leaf, nulls, awaiting)
        total = (s_high << 64) + s_low
        if leaf.kind == "sum":
            return (total, "") if -(2**63) <= total < 2**63 else (None, REASONS[UNDEFINED])
        if leaf.kind == "mean":
            return float(total) / float(n), ""
        return (deviation(n, total, q0 + (q1 << 64) + (q2 << 128)), "") if n > 1 else (None, REASONS[UNDEFINED])

    def _none(self, place: _Place, leaf: Leaf, nulls: int, awaiting: int) -> Outcome:
        if awaiting or nulls:
            return None, REASONS[NOT_YET_KNOWN if awaiting else SOURCE_NULL]
        ints, present = place.shelf.ints, leaf.including_present
        stop = place.end_present if present else place.end
        seen = kernels.any_visible(0, stop, ints[FROM], ints[TO], ints[EVENT], self.k, place.own, present)
        return None, REASONS[EXPIRED if seen else NEVER_SEEN]
