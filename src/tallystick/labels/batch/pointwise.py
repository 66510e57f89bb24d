"""Labels answered point by point: what no window slides over, and why there is no value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType
from tallystick.core.numeric import in_parts
from tallystick.labels import algebra as al
from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.batch.arrangement import Place
from tallystick.labels.batch.sheet import Sheet
from tallystick.labels.kernels import edges, places, scans
from tallystick.labels.kernels.rows import APPROXIMATE, FOUND, NONE, UNDEFINED, Codes, Ints
from tallystick.labels.meaning import reasons
from tallystick.labels.meaning.features import floats, integers, listed, plain_value
from tallystick.labels.meaning.values import Values
from tallystick.labels.plan import Leaf

_HALF_LIVES = 41
"""Beyond so many half-lives a value weighs nothing."""


def scan(sheet: Sheet, place: Place, leaf: Leaf, chosen: Ints, data: NDArray[Any], status: Codes) -> None:
    """Gather and fold at the chosen points; a value goes where its point stands as given."""
    a, view = sheet.a, sheet.view
    low = place.low
    kind = ALGEBRA[leaf.kind]
    if kind.code == al.DECAYED and leaf.param * _HALF_LIVES < 2**62:
        until = a.t - leaf.param * _HALF_LIVES
        start = view.starts[np.maximum(a.key, 0)]
        low = np.maximum(low, places.window_starts(view.at, start, np.maximum(place.high, start), until))
        low = np.minimum(low, place.high)
    width = max(int((place.high - low)[chosen].max()), 1)
    marks = sheet.hashes if leaf.cap and sheet.values is not None else np.zeros(0, np.uint64)
    # The kernel writes a whole and a real number: one of them goes nowhere.
    real = data.dtype == np.float64
    whole_out, real_out = (np.zeros(data.size, np.int64), data) if real else (data, np.zeros(data.size))

    def part(first: int, last: int) -> None:
        rows = (sheet.x, sheet.y, view.at, view.known_from, view.known_to, view.event)
        points = (chosen[first:last], low, place.high, a.t, a.k, a.own, place.present, a.sequence)
        out = (whole_out, real_out, status, width)
        given: Any = (kind.code, leaf.param, leaf.cap, marks, *rows, *points, *out)
        scans.fold_points(*given)

    in_parts(chosen.size, part)
    if low is not place.low:
        # What lies beyond weighs nothing, yet it is a value.
        empty = chosen[status[chosen] == NONE]
        some = _rows(sheet, place, True, 1, empty) >= 0
        status[empty[some]] = FOUND


def fold(sheet: Sheet, place: Place, leaf: Leaf) -> Values:
    """A label whose windows are gathered and folded one by one."""
    size = sheet.a.size
    kind, status = ALGEBRA[leaf.kind], np.zeros(size, np.uint8)
    real = kind.gives == "real" or (kind.code == al.RANGE and leaf.type.kind == "real")
    data = np.zeros(size, np.float64 if real else np.int64)
    if size:
        scan(sheet, place, leaf, np.arange(size), data, status)
    return finish(sheet, place, leaf, data, status)


EDGES: Mapping[int, tuple[bool, int]] = {
    al.FIRST: (False, 1),
    al.LAST: (True, 1),
    al.NTH: (True, 0),
    al.SINCE_FIRST: (False, 1),
    al.SINCE_LAST: (True, 1),
    al.FIRST_AT: (False, 1),
    al.LAST_AT: (True, 1),
}


def _rows(sheet: Sheet, place: Place, from_end: bool, nth: int, chosen: Ints) -> Ints:
    """The nth visible row from the end or the start of the window at chosen points; -1 none, -2 fewer."""
    a, view = sheet.a, sheet.view
    row = np.empty(chosen.size, np.int64)

    def part(first: int, last: int) -> None:
        rows = (view.known_from, view.known_to, view.event)
        points = (chosen[first:last], place.low, place.high, a.k, a.own, place.present)
        given: Any = (from_end, nth, *rows, *points, row[first:last])
        edges.edges(*given)

    in_parts(chosen.size, part)
    return row


def edge(sheet: Sheet, place: Place, leaf: Leaf, code: int) -> Values:
    """A label that reads one row near an end of the window."""
    a, view = sheet.a, sheet.view
    from_end, nth = EDGES[code]
    row = _rows(sheet, place, from_end, nth or leaf.param, np.arange(a.size))
    source = sheet.x if code in (al.FIRST, al.LAST, al.NTH) else view.at
    value = source[np.maximum(row, 0)] if source.size else np.zeros(a.size, np.int64)
    if code in (al.SINCE_FIRST, al.SINCE_LAST):
        value = a.t - value
    said = np.where(row >= 0, 0, np.where(row == -2, UNDEFINED, NONE)).astype(np.uint8)
    value = np.where(row >= 0, value, 0)
    return finish(sheet, place, leaf, a.back(value), said)


def streak(sheet: Sheet, place: Place, leaf: Leaf) -> Values:
    """An unbroken run back from the end of the window."""
    a, view = sheet.a, sheet.view
    length = np.empty(a.size, np.int64)
    rows = (sheet.x, view.known_from, view.known_to, view.event)
    given: Any = (*rows, place.low, place.high, a.k, a.own, place.present, length)
    edges.streaks(*given)
    return finish(sheet, place, leaf, a.back(length), np.zeros(a.size, np.uint8))


def listing(sheet: Sheet, place: Place, leaf: Leaf, code: int) -> Values:
    """A label whose value is the text of a list."""
    a, view = sheet.a, sheet.view
    out, counts = np.zeros((a.size, leaf.param), np.int64), np.zeros(a.size, np.int64)
    status = np.zeros(a.size, np.uint8)
    width = max(int((place.high - place.low).max()), 1) if a.size else 1

    def part(first: int, last: int) -> None:
        cut = slice(first, last)
        rows = (sheet.x, view.known_from, view.known_to, view.event)
        points = (place.low[cut], place.high[cut], a.k[cut], a.own[cut], place.present)
        given: Any = (code, leaf.param, *rows, *points, out[cut], counts[cut], status[cut], width)
        scans.list_points(*given)

    in_parts(a.size, part)
    kind = sheet.a.rows.types.get(leaf.column, FieldType("text"))
    values = sheet.values.to_physical() if sheet.values is not None else None
    numbers: dict[tuple[int, ...], int] = {}
    data = np.zeros(a.size, np.int64)
    texts: list[str] = []
    for p, (line, n) in enumerate(zip(out.tolist(), counts.tolist(), strict=True)):
        key = tuple(line[:n])
        if key not in numbers:
            numbers[key] = len(texts)
            texts.append(listed([_shown(one, values, kind) for one in key]))
        data[p] = numbers[key]
    found = finish(sheet, place, leaf, a.back(data), status)
    return msgspec.structs.replace(found, texts=pl.Series(texts, dtype=pl.String))


def _shown(number: int, values: pl.Series | None, kind: FieldType) -> Any:
    if values is None:
        return plain_value(number, kind)
    value = values[number]
    return plain_value(int(value), kind) if kind.kind in ("date", "flag") else value


def finish(sheet: Sheet, place: Place, leaf: Leaf, data: NDArray[Any], status: Codes) -> Values:
    """Values with their reasons: the values by point as given, what `status` says of them in the order of the rows."""
    a = sheet.a
    approximate = a.back(status == APPROXIMATE) if leaf.cap else None
    if status.any():
        data[a.sequence[(status == UNDEFINED) | (status == NONE)]] = 0
    return told(sheet, leaf, data, why(sheet, lambda _: place, leaf, status), approximate)


def why(sheet: Sheet, placed: Callable[[Leaf], Place], leaf: Leaf, status: Codes) -> Codes:
    """The reasons of a label's missing values, by point as given; what `status` says lies in the order of the rows."""
    reason = np.zeros(status.size, np.uint8)
    if not status.any():
        return reason
    reason[status == UNDEFINED] = reasons.UNDEFINED
    chosen = np.flatnonzero(status == NONE)
    if chosen.size:
        reason[chosen] = _why(sheet, placed, leaf, chosen)
    return sheet.a.back(reason)


def told(
    sheet: Sheet, leaf: Leaf, data: NDArray[Any], reason: Codes, approximate: NDArray[np.bool_] | None = None
) -> Values:
    """The values of a label as its column has them."""
    texts = None
    if leaf.kind in ("first", "last", "nth", "mode") and sheet.values is not None:
        if leaf.type.kind == "text":
            texts = sheet.values
        else:
            table = integers(sheet.values)
            data = table[data] if table.size else data
    if leaf.type.kind == "real" and data.dtype == np.int64:
        data = floats(data)
    return Values(data, reason, texts, approximate)


def _why(sheet: Sheet, placed: Callable[[Leaf], Place], leaf: Leaf, chosen: Ints) -> Codes:
    """Why there is no value at the chosen points: what its rows without a value say, else whether the key was seen."""
    a, present = sheet.a, leaf.including_present
    said = np.full(chosen.size, 3, np.uint8)
    if sheet.holes is not None:
        place, (view, code) = placed(leaf), sheet.holes
        low, high = view.range(place.row_low, place.row_high)
        seen: Any = (a.k, a.own, present, code, view.known_from, view.known_to, view.event)
        said = places.hollow(chosen, low, high, *seen)
    found = np.array([0, reasons.NOT_YET_KNOWN, reasons.SOURCE_NULL, 0], np.uint8)[said]
    none = np.flatnonzero(said == 3)
    if none.size and not ALGEBRA[leaf.kind].empty:
        end = a.ends(present)
        known = places.seen(chosen[none], a.start, end, a.k, a.own, present, a.known_from, a.known_to, a.event)
        found[none] = np.where(known == 1, reasons.EXPIRED, reasons.NEVER_SEEN)
    return found
