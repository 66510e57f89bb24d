"""The labels of one stream and entity, feature by feature: each by the kernel that slides where it can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import each, in_parts
from tallystick.labels import algebra as al
from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.batch import pointwise
from tallystick.labels.batch.arrangement import Arrangement, Place
from tallystick.labels.batch.sheet import Sheet
from tallystick.labels.kernels import places, ranks, settled, slides, unsettled
from tallystick.labels.kernels.linear import family_of
from tallystick.labels.kernels.rows import NONE, Codes, Ints
from tallystick.labels.meaning.values import Values
from tallystick.labels.plan import Feature, Leaf, Window

_PLAIN, _TALLY, _ORDER, _SKETCH = 0, 13, 14, 15
"""Families beside the linear ones: sums that fit 63 bits and extremes, counts of values, order statistics, counts of
values up to a cap."""

_BY_CODE: Mapping[int, int] = {
    al.MIN: _PLAIN,
    al.MAX: _PLAIN,
    al.DISTINCT: _TALLY,
    al.ENTROPY: _TALLY,
    al.QUANTILE: _ORDER,
}


def run(a: Arrangement, leaves: Iterable[Leaf], found: Mapping[Leaf, Values]) -> dict[Leaf, Values]:
    """The values of labels of one stream and entity; `found` has those that they hang on."""
    answers: dict[Leaf, Values] = {}
    groups: dict[Feature, list[Leaf]] = {}
    for leaf in leaves:
        groups.setdefault(leaf.feature, []).append(leaf)
    for feature in sorted(groups, key=lambda feature: not feature.column):
        members = groups.pop(feature)
        if members:
            sheet = Sheet(a, feature)
            if sheet.holes is None and feature.role != "flagged":
                members += _counts(groups, feature.where)
            for leaf, values in _feature(sheet, members, found):
                anchor = leaf.window.anchor
                answers[leaf] = values if anchor is None else _hang(values, found[anchor])
    return answers


def _feature(sheet: Sheet, leaves: list[Leaf], found: Mapping[Leaf, Values]) -> Iterable[tuple[Leaf, Values]]:
    """The labels of one feature: window by window, but all sums and extremes at once."""
    windows: dict[tuple[Window, int, bool], list[Leaf]] = {}
    for leaf in leaves:
        windows.setdefault((leaf.window, leaf.delay_micros, leaf.including_present), []).append(leaf)
    plain: dict[bool, list[tuple[Place, list[Leaf]]]] = {}
    for (window, _, present), same in windows.items():
        place = sheet.place(same[0], None if window.anchor is None else found[window.anchor].data)
        some = [leaf for leaf in same if _family(sheet, leaf) == _PLAIN]
        if some:
            plain.setdefault(present, []).append((place, some))
        yield from _window(sheet, place, [leaf for leaf in same if leaf not in some])
    for placed in plain.values():
        yield from _sums_and_extremes(sheet, placed)


def _counts(groups: dict[Feature, list[Leaf]], where: str) -> list[Leaf]:
    """The counts of rows under a filter, taken out of their group: a column without holes has these rows too."""
    rows = groups.get(Feature("", "", where, ""), [])
    counts = [leaf for leaf in rows if leaf.kind == "count"]
    rows[:] = [leaf for leaf in rows if leaf.kind != "count"]
    return counts


def _hang(values: Values, anchor: Values) -> Values:
    reason = np.where(anchor.reason != 0, anchor.reason, values.reason).astype(np.uint8)
    return msgspec.structs.replace(values, reason=reason)


def _window(sheet: Sheet, place: Place, leaves: list[Leaf]) -> Iterable[tuple[Leaf, Values]]:
    """The labels that share a feature and a window, by the way in which each is answered."""
    families: dict[int, list[Leaf]] = {}
    for leaf in leaves:
        code, family = ALGEBRA[leaf.kind].code, _family(sheet, leaf)
        if family is not None:
            families.setdefault(family, []).append(leaf)
        elif code in pointwise.EDGES:
            yield leaf, pointwise.edge(sheet, place, leaf, code)
        elif code == al.STREAK:
            yield leaf, pointwise.streak(sheet, place, leaf)
        elif ALGEBRA[leaf.kind].gives == "list":
            yield leaf, pointwise.listing(sheet, place, leaf, code)
        else:
            yield leaf, pointwise.fold(sheet, place, leaf)
    moments = [family for family in families if family in (1, 2, 3)]
    if len(moments) > 1:
        # The widest state of moments answers for the narrower ones.
        widest = max(moments)
        families[widest] = [leaf for family in sorted(moments) for leaf in families[family]]
        for family in moments:
            if family != widest:
                del families[family]
    for family, members in families.items():
        if family == _TALLY and _lasts(sheet, place) and all(leaf.kind == "distinct" for leaf in members):
            yield from _lasting(sheet, place, members)
        else:
            yield from _slide(sheet, place, members, family)


# A tuple of arrays handed on hides from the type checker how many there are.
_travel: Any = slides.travel
_plain: Any = unsettled.plain
_tallies: Any = unsettled.tallies
_linear: Any = slides.linear
_orders: Any = ranks.orders
_sketches: Any = ranks.sketches


def _family(sheet: Sheet, leaf: Leaf) -> int | None:
    """The state that answers an aggregate, None when it is answered otherwise."""
    code = ALGEBRA[leaf.kind].code
    if code == al.DISTINCT and leaf.cap:
        return _SKETCH
    if code == al.COUNT or (code in (al.SUM, al.MEAN, al.SHARE) and sheet.narrow):
        return _PLAIN
    if code in _BY_CODE:
        return _BY_CODE[code]
    return int(family_of(code)) or None


def _room(leaves: int, size: int) -> tuple[Ints, tuple[Ints, NDArray[np.float64], Codes]]:
    """Room for the answers of labels: whole or real in the same place, and their status.

    The first line of the room is free: each answer is put in order into the line before its own.
    """
    room = np.empty((leaves + 1, size), np.int64)
    return room, (room[1:], room[1:].view(np.float64), np.zeros((leaves, size), np.uint8))


def _kinds(leaves: list[Leaf]) -> Ints:
    return np.array([ALGEBRA[leaf.kind].code for leaf in leaves], np.int64)


def _sums_and_extremes(sheet: Sheet, placed: list[tuple[Place, list[Leaf]]]) -> Iterable[tuple[Leaf, Values]]:
    """Answer by what lasting rows say, and where others are to be reckoned with by these too."""
    a, view, course = sheet.a, sheet.view, placed[0][0].course
    if _lasts(sheet, placed[0][0]):
        for place, some in placed:
            yield from _lasting(sheet, place, some)
        return
    leaves = [leaf for _, some in placed for leaf in some]
    places_of = [place for place, some in placed for _ in some]
    kinds, (room, out) = _kinds(leaves), _room(len(leaves), a.size)
    whole, _, status = out
    for one, (leaf, place) in enumerate(zip(leaves, places_of, strict=True)):
        if leaf.kind in ("min", "max"):
            _answer(sheet, place, [(_by_ends(sheet, leaf), whole[one])])
    when, what, begin, before = view.changes
    windows = np.repeat(np.arange(len(placed)), [len(some) for _, some in placed])
    rows: Any = (sheet.x, sheet.running, before, view.starts, when, what, begin)
    ordered, _ = course.ordered

    def part(first: int, last: int) -> None:
        order = ordered[first:last]
        ends: Any = [np.stack([end[order] for end in some]) for some in zip(*_ends(placed), strict=True)]
        _plain(kinds, windows, *rows, order, a.key, a.k, *ends, *out)

    in_parts(ordered.size, part)
    for one, (leaf, place) in enumerate(zip(leaves, places_of, strict=True)):
        yield leaf, _answered(sheet, place, leaf, room[one : one + 2], status[one])


def _lasts(sheet: Sheet, place: Place) -> bool:
    """Whether every row lasts and counts at once, at every point."""
    return not sheet.view.changes[0].size and place.course.steady


def _lasting(sheet: Sheet, place: Place, leaves: list[Leaf]) -> Iterable[tuple[Leaf, Values]]:
    """Answer a window by its ends alone, where every row lasts and counts at once."""
    a = sheet.a
    found = [np.empty(a.size, np.float64 if ALGEBRA[leaf.kind].gives == "real" else np.int64) for leaf in leaves]
    _answer(sheet, place, [(_by_ends(sheet, leaf), data) for leaf, data in zip(leaves, found, strict=True)], a.sequence)
    status = np.where(place.low < place.high, 0, NONE).astype(np.uint8)
    reasons: dict[bool, Codes] = {}
    for leaf, data in zip(leaves, found, strict=True):
        empty = ALGEBRA[leaf.kind].empty
        if empty not in reasons:
            reasons[empty] = pointwise.why(sheet, place, leaf, status)
        yield leaf, pointwise.told(sheet, leaf, data, reasons[empty])


def _by_ends(sheet: Sheet, leaf: Leaf) -> Callable[..., None]:
    """What answers a label of lasting rows from the ends of its windows."""
    if leaf.kind in ("min", "max"):
        most = leaf.kind == "max"
        return partial(settled.peaks, most, *sheet.peaks(most))
    if leaf.kind == "distinct":
        return partial(settled.varieties, *sheet.twins)
    if leaf.kind == "count":
        return settled.counts
    return partial(settled.sums if leaf.kind == "sum" else settled.means, sheet.running)


def _answer(
    sheet: Sheet, place: Place, wanted: list[tuple[Callable[..., None], NDArray[Any]]], to: Ints | None = None
) -> None:
    """Answer a window at every point, into arrays in the order of the rows, or of what `to` says."""

    def part(first: int, last: int) -> None:
        low, high = place.low[first:last], place.high[first:last]
        for answer, into in wanted:
            found = into[first:last] if to is None else np.empty(last - first, into.dtype)
            answer(low, high, found)
            if to is not None:
                places.put(found, to[first:last], 0, last - first, into)

    in_parts(sheet.a.size, part)


def _ends(placed: list[tuple[Place, list[Leaf]]]) -> list[tuple[Ints, Ints]]:
    return [(place.low, place.high) for place, _ in placed]


def _slide(sheet: Sheet, place: Place, leaves: list[Leaf], family: int) -> Iterable[tuple[Leaf, Values]]:
    kinds, (room, out) = _kinds(leaves), _room(len(leaves), sheet.a.size)
    if family == _TALLY:
        _varied(sheet, place, kinds, out)
    else:
        params = np.array([leaf.param for leaf in leaves], np.int64)
        caps = np.array([leaf.cap for leaf in leaves], np.int64)
        _travelling(sheet, place, family, kinds, params, caps, out)
    for one, leaf in enumerate(leaves):
        yield leaf, _answered(sheet, place, leaf, room[one : one + 2], out[-1][one])


def _answered(sheet: Sheet, place: Place, leaf: Leaf, room: NDArray[Any], status: Codes) -> Values:
    """The values of a label, those gathered and folded at which no state could be trusted."""
    if not place.course.steady:
        chosen = np.flatnonzero(place.course.fast == 0)
        pointwise.scan(sheet, place, leaf, chosen, room[1], room[1].view(np.float64), status)
    if ALGEBRA[leaf.kind].gives == "real":
        room = room.view(np.float64)
    return pointwise.finish(sheet, place, leaf, room[1], status, room[0])


def _varied(sheet: Sheet, place: Place, kinds: Ints, out: tuple[Any, ...]) -> None:
    """Answer by how often each value is there."""
    a, view, course = sheet.a, sheet.view, place.course
    rows: Any = (sheet.different, sheet.x, view.known_from, view.known_to, sheet.loose, *view.changes[:3])
    points: Any = (course.ordered[1], course.fast, a.key, a.k, place.low, place.high)
    in_parts(a.size, lambda first, last: _tallies(kinds, *rows, *points, first, last, *out))


def _travelling(
    sheet: Sheet, place: Place, family: int, kinds: Ints, params: Ints, caps: Ints, out: tuple[Any, ...]
) -> None:
    """Answer by what slides, and travels forth and back in what was known."""
    a, view, (whole, _, status) = sheet.a, sheet.view, out
    if not place.travels:
        points: Any = (a.key, place.low, place.high, a.k, place.course.fast, *view.changes[:3])
        place.travels.extend(in_parts(a.size, lambda first, last: (first, *_travel(*points, first, last))))
    rows: Any = (view.known_from, view.known_to, place.low, place.high, a.k)
    kernel: Any = _linear
    head: Any = (family, kinds, params, sheet.x, sheet.y, view.at)
    tail: Any = out
    if family == _SKETCH:
        kernel, head, tail = _sketches, (caps, *sheet.hashed, sheet.x), (whole, status)
    elif family == _ORDER:
        kernel, head, tail = _orders, (params, caps, *sheet.ranks), (whole, status)
    each(place.travels, lambda travel: kernel(*head, *rows, *travel, *tail))
