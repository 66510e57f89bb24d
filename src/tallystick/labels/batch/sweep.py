"""The labels of one stream and entity, feature by feature: each by the kernel that slides where it can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType
from tallystick.labels import algebra as al
from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.batch.arrangement import Arrangement, Place, each, in_parts
from tallystick.labels.batch.sheet import Sheet
from tallystick.labels.kernels import edges, extremes, places, ranks, scans, settled, slides
from tallystick.labels.kernels.linear import family_of
from tallystick.labels.kernels.rows import APPROXIMATE, FOUND, NONE, UNDEFINED, Codes, Ints
from tallystick.labels.meaning import reasons
from tallystick.labels.meaning.features import floats, integers, listed, plain_value
from tallystick.labels.meaning.values import Values
from tallystick.labels.plan import Feature, Leaf, Window

_NARROW, _LEAST, _MOST, _TALLY, _ORDER, _SKETCH = 0, 11, 12, 13, 14, 15
"""Families beside the linear ones: sums that fit 63 bits, extremes, counts of values, order
statistics, counts of values up to a cap."""

_BY_CODE: Mapping[int, int] = {
    al.MIN: _LEAST,
    al.MAX: _MOST,
    al.DISTINCT: _TALLY,
    al.ENTROPY: _TALLY,
    al.QUANTILE: _ORDER,
}

_HALF_LIVES = 41
"""Beyond so many half-lives a value weighs nothing."""


def run(a: Arrangement, leaves: Iterable[Leaf], found: Mapping[Leaf, Values]) -> dict[Leaf, Values]:
    """The values of labels of one stream and entity; `found` has those that they hang on."""
    answers: dict[Leaf, Values] = {}
    groups: dict[Feature, list[Leaf]] = {}
    for leaf in leaves:
        groups.setdefault(leaf.feature, []).append(leaf)
    for feature, members in groups.items():
        sheet = Sheet(a, feature)
        windows: dict[tuple[Window, int, bool], list[Leaf]] = {}
        for leaf in members:
            windows.setdefault((leaf.window, leaf.delay_micros, leaf.including_present), []).append(leaf)
        for same in windows.values():
            anchor = same[0].window.anchor
            hung = None if anchor is None else found[anchor]
            place = sheet.place(same[0], None if hung is None else hung.data)
            for leaf, values in _window(sheet, place, same):
                answers[leaf] = values if hung is None else _hang(values, hung)
    return answers


def _hang(values: Values, anchor: Values) -> Values:
    reason = np.where(anchor.reason != 0, anchor.reason, values.reason).astype(np.uint8)
    return msgspec.structs.replace(values, reason=reason)


def _window(sheet: Sheet, place: Place, leaves: list[Leaf]) -> Iterable[tuple[Leaf, Values]]:
    """The labels that share a feature and a window, by the way in which each is answered."""
    families: dict[int, list[Leaf]] = {}
    for leaf in leaves:
        code = ALGEBRA[leaf.kind].code
        family = _SKETCH if code == al.DISTINCT and leaf.cap else _family(sheet, code)
        if family is not None:
            families.setdefault(family, []).append(leaf)
        elif code in _EDGES:
            yield leaf, _edge(sheet, place, leaf, code)
        elif code == al.STREAK:
            yield leaf, _streak(sheet, place, leaf)
        elif ALGEBRA[leaf.kind].gives == "list":
            yield leaf, _list(sheet, place, leaf, code)
        else:
            yield leaf, _fold(sheet, place, leaf)
    moments = [family for family in families if family in (1, 2, 3)]
    if len(moments) > 1:
        # The widest state of moments answers for the narrower ones.
        widest = max(moments)
        families[widest] = [leaf for family in sorted(moments) for leaf in families[family]]
        for family in moments:
            if family != widest:
                del families[family]
    for family, members in families.items():
        yield from _slide(sheet, place, members, family)


# A tuple of arrays handed on hides from the type checker how many there are.
_travel: Any = slides.travel
_totals: Any = settled.totals
_peaks: Any = settled.peaks
_varieties: Any = settled.varieties
_narrow: Any = slides.narrow
_linear: Any = slides.linear
_extremes: Any = extremes.extremes
_tallies: Any = slides.tallies
_orders: Any = ranks.orders
_sketches: Any = ranks.sketches


def _family(sheet: Sheet, code: int) -> int | None:
    """The sliding state that answers an aggregate, None when it is answered otherwise."""
    if code == al.COUNT or (code in (al.SUM, al.MEAN, al.SHARE) and sheet.narrow):
        return _NARROW
    if code in _BY_CODE:
        return _BY_CODE[code]
    return int(family_of(code)) or None


def _slide(sheet: Sheet, place: Place, leaves: list[Leaf], family: int) -> Iterable[tuple[Leaf, Values]]:
    a = sheet.a
    kinds = np.array([ALGEBRA[leaf.kind].code for leaf in leaves], np.int64)
    params = np.array([leaf.param for leaf in leaves], np.int64)
    whole = np.zeros((len(leaves), a.size), np.int64)
    real, status = whole.view(np.float64), np.zeros((len(leaves), a.size), np.uint8)
    out = (whole, real, status)
    if not sheet.view.changes[0].size and place.fast.all() and _settled(sheet, place, family, kinds, out):
        slow = np.zeros(0, np.int64)
    else:
        caps = np.array([leaf.cap for leaf in leaves], np.int64)
        _travelling(sheet, place, family, kinds, params, caps, out)
        slow = np.flatnonzero(place.fast == 0)
    for j, leaf in enumerate(leaves):
        if slow.size:
            _scan(sheet, place, leaf, slow, whole[j], real[j], status[j])
        data = real[j] if ALGEBRA[leaf.kind].gives == "real" else whole[j]
        yield leaf, _finish(sheet, place, leaf, data, status[j])


def _settled(sheet: Sheet, place: Place, family: int, kinds: Ints, out: tuple[Any, ...]) -> bool:
    """Answer where every row counts; gives whether there is such a way for the family."""
    a, (whole, real, status) = sheet.a, out
    points: Any = (place.low, place.high, a.sequence)
    if family == _NARROW:
        total = sheet.running
        in_parts(a.size, lambda first, last: _totals(kinds, total, *points, first, last, whole, real, status))
    elif family in (_LEAST, _MOST):
        most = family == _MOST
        given: Any = (most, sheet.x, sheet.beyond(most), sheet.blocks(most), *points)
        in_parts(a.size, lambda first, last: _peaks(*given, first, last, whole[0], status[0]))
    elif family == _TALLY and kinds.size == 1 and kinds[0] == al.DISTINCT:
        given = (*sheet.twins, *points)
        in_parts(a.size, lambda first, last: _varieties(*given, first, last, whole[0], status[0]))
    else:
        return False
    return True


def _travelling(
    sheet: Sheet, place: Place, family: int, kinds: Ints, params: Ints, caps: Ints, out: tuple[Any, ...]
) -> None:
    """Answer the points at which late rows and revisions are to be reckoned with."""
    a, view, (whole, _, status) = sheet.a, sheet.view, out
    onward = family in (_LEAST, _MOST) and view.changes[0].size > 0
    if onward not in place.travels:
        points: Any = (a.key, place.low, place.high, a.k, place.fast, *view.changes, onward)
        place.travels[onward] = in_parts(a.size, lambda first, last: (first, *_travel(*points, first, last)))
    travels = place.travels[onward]
    rows: Any = (view.known_from, view.known_to, place.low, place.high, a.k, a.sequence)

    head: Any
    tail: Any
    kernel, head, tail = _linear, (family, kinds, params, sheet.x, sheet.y, view.at), out
    if family == _NARROW:
        kernel, head = _narrow, (kinds, sheet.x)
    elif family in (_LEAST, _MOST):
        kernel, head, tail = _extremes, (family == _MOST, sheet.x), (whole[0], status[0])
    elif family == _TALLY:
        kernel, head = _tallies, (kinds, sheet.different, sheet.x)
    elif family == _SKETCH:
        kernel, head, tail = _sketches, (caps, *sheet.hashed, sheet.x), (whole, status)
    elif family == _ORDER:
        kernel, head, tail = _orders, (params, caps, *sheet.ranks), (whole, status)
    each(travels, lambda travel: kernel(*head, *rows, *travel, *tail))
    if onward:
        _aside(sheet, place, family == _MOST, travels, whole[0], status[0])


def _aside(sheet: Sheet, place: Place, most: bool, travels: list[Any], whole: Ints, status: Codes) -> None:
    """Extremes at points whose k lies beyond that of a later point, such as those of events that came late."""
    a, view = sheet.a, sheet.view
    out = np.concatenate([travel[3] for travel in travels]) == 2
    chosen = np.flatnonzero(out & (place.fast == 1) & (place.low < place.high))
    if not chosen.size:
        return
    rows = (sheet.x, view.known_from, view.known_to, sheet.loose, *sheet.loose_rows, sheet.blocks(most))
    given: Any = (most, *rows, chosen, place.low, place.high, a.k, a.sequence, whole, status)
    extremes.extremes_aside(*given)


def _scan(sheet: Sheet, place: Place, leaf: Leaf, chosen: Ints, whole: Ints, real: NDArray[Any], status: Codes) -> None:
    """Gather and fold at the chosen points."""
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
    real_out = real if kind.gives == "real" or kind.code == al.RANGE else np.zeros_like(real)
    whole_out = whole if kind.gives != "real" else np.zeros_like(whole)

    def part(first: int, last: int) -> None:
        rows = (sheet.x, sheet.y, view.at, view.known_from, view.known_to, view.event)
        points = (chosen[first:last], low, place.high, a.t, a.k, a.own, place.present, a.sequence)
        out = (whole_out, real_out, status, width)
        given: Any = (kind.code, leaf.param, leaf.cap, marks, *rows, *points, *out)
        scans.fold_points(*given)

    in_parts(chosen.size, part)
    if low is not place.low:
        # What lies beyond weighs nothing, yet it is a value.
        empty = chosen[status[a.sequence[chosen]] == NONE]
        some = _rows(sheet, place, True, 1, empty) >= 0
        status[a.sequence[empty[some]]] = FOUND


def _fold(sheet: Sheet, place: Place, leaf: Leaf) -> Values:
    size = sheet.a.size
    whole, real, status = np.zeros(size, np.int64), np.zeros(size, np.float64), np.zeros(size, np.uint8)
    if size:
        _scan(sheet, place, leaf, np.arange(size), whole, real, status)
    kind = ALGEBRA[leaf.kind]
    ranged = kind.code == al.RANGE and leaf.type.kind == "real"
    return _finish(sheet, place, leaf, real if kind.gives == "real" or ranged else whole, status)


_EDGES: Mapping[int, tuple[bool, int]] = {
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


def _edge(sheet: Sheet, place: Place, leaf: Leaf, code: int) -> Values:
    a, view = sheet.a, sheet.view
    from_end, nth = _EDGES[code]
    row = _rows(sheet, place, from_end, nth or leaf.param, np.arange(a.size))
    source = sheet.x if code in (al.FIRST, al.LAST, al.NTH) else view.at
    value = source[np.maximum(row, 0)] if source.size else np.zeros(a.size, np.int64)
    if code in (al.SINCE_FIRST, al.SINCE_LAST):
        value = a.t - value
    said = np.where(row >= 0, 0, np.where(row == -2, UNDEFINED, NONE)).astype(np.uint8)
    value = np.where(row >= 0, value, 0)
    return _finish(sheet, place, leaf, _back(a, value), _back(a, said))


def _streak(sheet: Sheet, place: Place, leaf: Leaf) -> Values:
    a, view = sheet.a, sheet.view
    length = np.empty(a.size, np.int64)
    rows = (sheet.x, view.known_from, view.known_to, view.event)
    given: Any = (*rows, place.low, place.high, a.k, a.own, place.present, length)
    edges.streaks(*given)
    return _finish(sheet, place, leaf, _back(a, length), np.zeros(a.size, np.uint8))


def _list(sheet: Sheet, place: Place, leaf: Leaf, code: int) -> Values:
    a, view = sheet.a, sheet.view
    out, counts = np.zeros((a.size, leaf.param), np.int64), np.zeros(a.size, np.int64)
    status = np.zeros(a.size, np.uint8)
    width = max(int((place.high - place.low).max()), 1) if a.size else 1

    def part(first: int, last: int) -> None:
        cut = slice(first, last)
        rows = (sheet.x, view.known_from, view.known_to, view.event)
        points = (place.low[cut], place.high[cut], a.k[cut], a.own[cut], place.present, a.sequence[cut])
        given: Any = (code, leaf.param, *rows, *points, out, counts, status, width)
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
    found = _finish(sheet, place, leaf, data, status)
    return msgspec.structs.replace(found, texts=pl.Series(texts, dtype=pl.String))


def _shown(number: int, values: pl.Series | None, kind: FieldType) -> Any:
    if values is None:
        return plain_value(number, kind)
    value = values[number]
    return plain_value(int(value), kind) if kind.kind in ("date", "flag") else value


def _back(a: Arrangement, values: NDArray[Any]) -> NDArray[Any]:
    """Values in the order of the points as given."""
    found = np.empty_like(values)
    found[a.sequence] = values
    return found


def _finish(sheet: Sheet, place: Place, leaf: Leaf, data: NDArray[Any], status: Codes) -> Values:
    """Values with their reasons, in the order of the points as given."""
    kind = ALGEBRA[leaf.kind]
    approximate = status == APPROXIMATE if leaf.cap else None
    reason = np.zeros(status.size, np.uint8)
    if status.any():
        reason[status == UNDEFINED] = reasons.UNDEFINED
        empty = status[sheet.a.sequence] == NONE
        if empty.any():
            chosen = np.flatnonzero(empty)
            reason[sheet.a.sequence[chosen]] = _why(sheet, place, chosen, kind.empty)
            data[sheet.a.sequence[chosen]] = 0
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


def _why(sheet: Sheet, place: Place, chosen: Ints, empty: bool) -> Codes:
    """Why there is no value at the chosen points: what its rows without a value say, else whether the key was seen."""
    a = sheet.a
    said = np.full(chosen.size, 3, np.uint8)
    if sheet.holes is not None:
        view, code = sheet.holes
        low, high = view.range(place.row_low, place.row_high)
        seen: Any = (a.k, a.own, place.present, code, view.known_from, view.known_to, view.event)
        said = places.hollow(chosen, low, high, *seen)
    found = np.array([0, reasons.NOT_YET_KNOWN, reasons.SOURCE_NULL, 0], np.uint8)[said]
    none = np.flatnonzero(said == 3)
    if none.size and not empty:
        end = a.ends(place.present)
        known = places.seen(chosen[none], a.start, end, a.k, a.own, place.present, a.known_from, a.known_to, a.event)
        found[none] = np.where(known == 1, reasons.EXPIRED, reasons.NEVER_SEEN)
    return found
