"""The obvious executor: for each point, look at every fact. Slow, plain, and the judge of the others.

Facts are dicts, whole numbers are Python's exact ones, and `float(whole number)` rounds half to even.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from tests.labels.folds import FOLDS

Fact = Mapping[str, Any]

DAY = 86_400_000_000
HOUR = DAY // 24
UNITS = {"us": 1, "s": 1_000_000, "min": HOUR // 60, "h": HOUR, "d": DAY}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AWAITING = object()


class Column(msgspec.Struct, frozen=True):
    """A source column: its kind, and from when on its value holds."""

    kind: str
    default: Any = None
    known_at: str = ""


class Stream(msgspec.Struct, frozen=True):
    """What is known of a stream; `joins` are columns that other streams give as of each fact."""

    name: str
    id: str
    at: str
    sequence: str
    keys: Mapping[str, str]
    columns: Mapping[str, Column]
    lateness: int = 30 * DAY
    joins: Mapping[str, Asked] = {}


class Filter(msgspec.Struct, frozen=True):
    """A condition in FEEL and the same in Python, over a row of held values."""

    text: str
    test: Callable[[Fact], bool]


class Asked(msgspec.Struct, frozen=True):
    """One label without arithmetic: what an analyst wrote.

    `window` is as written, or "after" or "before" with an `anchor` and `within`.
    """

    stream: str
    entity: str
    kind: str
    column: str = ""
    other: str = ""
    where: Filter | None = None
    window: str = "lifetime"
    back: int = 0
    to_date: bool = False
    anchor: Asked | None = None
    within: str = ""
    delay: str = "0d"
    present: bool = False
    param: int = 0
    cap: int = 0
    via: Asked | None = None


class Outcome(msgspec.Struct, frozen=True):
    """A value, or None and why; whether the value is approximate."""

    value: Any
    reason: str = ""
    approximate: bool = False


class Point(msgspec.Struct, frozen=True):
    """Whom and when a label is asked for; `own` is (stream, id) of the event whose own point it is."""

    keys: Mapping[str, Any]
    t: int
    k: int
    own: tuple[str, Any] | None = None


def micros(span: str) -> int:
    digits = span.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits) * UNITS[span[len(digits) :]]


def counts(stream: Stream, fact: Fact) -> bool:
    """Whether a fact is not quarantined."""
    if fact["revision"] > 0 and fact["retract"]:
        return True
    if None in (fact[stream.id], fact[stream.at], fact[stream.sequence], *(fact[key] for key in stream.keys.values())):
        return False
    return bool(fact["revision"] > 0 or 0 <= fact["known_at"] - fact[stream.at] <= stream.lateness)


def calendar(unit: str, t: int, back: int, zone: str) -> int:
    """When the unit begins that lies `back` units before that of t."""
    day = (EPOCH + timedelta(microseconds=t)).astimezone(ZoneInfo(zone)).date()
    if unit == "day":
        day -= timedelta(days=back)
    elif unit == "week":
        day -= timedelta(days=day.weekday() + 7 * back)
    else:
        length = {"month": 1, "quarter": 3, "year": 12}[unit]
        months = ((day.year * 12 + day.month - 1) // length - back) * length
        day = date(months // 12, months % 12 + 1, 1)
    return (datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) - EPOCH) // timedelta(microseconds=1)


class Judge:
    """The facts of every stream, in the order in which they became known, and what labels say of them."""

    def __init__(self, streams: Mapping[str, Stream], facts: Mapping[str, list[dict[str, Any]]], zone: str) -> None:
        self.streams, self.facts, self.zone = streams, facts, zone
        self._known: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self._joined: dict[tuple[str, Any, int], dict[str, Any]] = {}

    def first_known(self, own: tuple[str, Any]) -> int | None:
        """When any revision of an event was first known."""
        stream = self.streams[own[0]]
        found = (fact["known_at"] for fact in self.facts[own[0]] if fact[stream.id] == own[1] and counts(stream, fact))
        return min(found, default=None)

    def known(self, name: str, k: int) -> list[dict[str, Any]]:
        """What was known at k: of each event the highest revision, unless it is a retraction; in order."""
        if (name, k) not in self._known:
            stream = self.streams[name]
            latest: dict[Any, Fact] = {}
            for fact in self.facts[name]:
                if counts(stream, fact) and fact["known_at"] <= k:
                    before = latest.get(fact[stream.id])
                    if before is None or fact["revision"] > before["revision"]:
                        latest[fact[stream.id]] = fact
            rows = [self._row(stream, fact, k) for fact in latest.values() if not fact["retract"]]
            rows.sort(key=lambda row: (row[stream.at], row[stream.sequence], row[stream.id]))
            self._known[name, k] = rows
        return self._known[name, k]

    def _row(self, stream: Stream, fact: Fact, k: int) -> dict[str, Any]:
        row = dict(fact) | self._joins(stream, fact)
        for name, column in stream.columns.items():
            if column.kind == "real" and row[name] is not None:
                # Both zeros are one number, held as 0.0.
                row[name] = float(row[name]) + 0.0
            if column.known_at and (fact[column.known_at] is None or fact[column.known_at] > k):
                row[name] = AWAITING if column.default is None else column.default
        return row

    def _joins(self, stream: Stream, fact: Fact) -> dict[str, Any]:
        if not stream.joins:
            return {}
        place = (stream.name, fact[stream.id], fact["revision"])
        if place not in self._joined:
            same = [
                one
                for one in self.facts[stream.name]
                if (one[stream.id], one["revision"]) == place[1:] and counts(stream, one)
            ]
            keys = {entity: fact[column] for entity, column in stream.keys.items()}
            point = Point(keys, fact[stream.at], min(one["known_at"] for one in same) - 1)
            self._joined[place] = {name: self.value(asked, point).value for name, asked in stream.joins.items()}
        return self._joined[place]

    def value(self, asked: Asked, point: Point) -> Outcome:
        """The value of a label at a point."""
        if asked.kind == "own":
            return self._own(asked, point)
        stream = self.streams[asked.stream]
        key = point.keys.get(asked.entity)
        if asked.via is not None:
            link = self.value(asked.via, point)
            if link.reason:
                return Outcome(None, link.reason)
            key = link.value
        anchor = 0
        if asked.anchor is not None:
            event = self.value(asked.anchor, point)
            if event.reason:
                return Outcome(None, event.reason)
            anchor = event.value
        rows = [row for row in self._before(stream, asked, point) if row[stream.keys[asked.entity]] == key]
        end = point.t - micros(asked.delay)
        upto = [self._read(asked, row) for row in rows if row[stream.at] <= end]
        taken = self._window(asked, [one for one in upto if one is not None], end, anchor)
        values = [one for one in taken if one[1] is not None and one[1] is not AWAITING]
        if not values:
            if taken:
                return Outcome(None, "not_yet_known" if any(one[1] is AWAITING for one in taken) else "source_null")
            if asked.kind in ("count", "sum", "distinct", "streak"):
                return Outcome(0)
            if asked.kind == "decayed":
                return Outcome(0.0)
            return Outcome(None, "expired" if rows else "never_seen")
        found, approximate = FOLDS[asked.kind](asked, values, point.t)
        return Outcome(None, "undefined") if found is None else Outcome(found, "", approximate)

    def _own(self, asked: Asked, point: Point) -> Outcome:
        stream = self.streams[asked.stream]
        if point.own is None or point.own[0] != asked.stream:
            return Outcome(None, "never_seen")
        mine = next((row for row in self.known(asked.stream, point.k) if row[stream.id] == point.own[1]), None)
        if mine is None or mine[stream.at] > point.t:
            return Outcome(None, "never_seen")
        found = mine[asked.column]
        if found is AWAITING:
            return Outcome(None, "not_yet_known")
        return Outcome(None, "source_null") if found is None else Outcome(found)

    def _before(self, stream: Stream, asked: Asked, point: Point) -> list[dict[str, Any]]:
        """The rows that the point may see: at an own event's point those before it in order."""
        rows = self.known(stream.name, point.k)
        if point.own is None or point.own[0] != stream.name:
            return [row for row in rows if row[stream.at] <= point.t]
        own = point.own[1]
        mine = next((row for row in rows if row[stream.id] == own), None)

        def before(row: dict[str, Any]) -> bool:
            if row[stream.id] == own:
                return asked.present and row[stream.at] <= point.t
            if row[stream.at] != point.t:
                return bool(row[stream.at] < point.t)
            if mine is None or mine[stream.at] != point.t:
                return False
            return bool((row[stream.sequence], row[stream.id]) < (mine[stream.sequence], own))

        return [row for row in rows if before(row)]

    def _read(self, asked: Asked, row: dict[str, Any]) -> tuple[int, Any, Any] | None:
        """(at, x, y) of a row that the filter takes; x is None or AWAITING where the row has no value."""
        at = row[self.streams[asked.stream].at]
        # A filter reads a value that awaits its confirmation as null.
        seen = {name: None if value is AWAITING else value for name, value in row.items()}
        passes = asked.where is None or asked.where.test(seen)
        if asked.kind in ("share", "streak"):
            return at, int(passes), None
        if not passes:
            return None
        x = row[asked.column] if asked.column else at
        y = row[asked.other] if asked.other else None
        if asked.other and (x is AWAITING or y is AWAITING):
            return at, AWAITING, None
        return at, None if asked.other and y is None else x, y

    def _window(self, asked: Asked, rows: list[Any], end: int, anchor: int) -> list[Any]:
        kind, _, rest = asked.window.partition(" ")
        if kind == "lifetime":
            return rows
        if rest == "events":
            return rows[-int(kind) :]
        if kind == "session":
            start, edge = len(rows), end
            while start and edge - rows[start - 1][0] <= micros(rest):
                start -= 1
                edge = rows[start][0]
            return rows[start:]
        if kind == "after":
            return [
                row for row in rows if anchor < row[0] and (not asked.within or row[0] - anchor <= micros(asked.within))
            ]
        if kind == "before":
            return [
                row for row in rows if row[0] < anchor and (not asked.within or anchor - row[0] <= micros(asked.within))
            ]
        if kind in ("day", "week", "month", "quarter", "year"):
            return self._period(asked, rows, end)
        return [row for row in rows if end - micros(kind) < row[0]]

    def _period(self, asked: Asked, rows: list[Any], end: int) -> list[Any]:
        current = calendar(asked.window, end, 0, self.zone)
        if not asked.back:
            return [row for row in rows if row[0] >= current]
        start = calendar(asked.window, end, asked.back, self.zone)
        stop = calendar(asked.window, end, asked.back - 1, self.zone)
        rows = [row for row in rows if start <= row[0] < stop]
        return [row for row in rows if row[0] - start <= end - current] if asked.to_date else rows
