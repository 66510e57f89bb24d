"""The labels of one stream and entity, feature by feature: each by the kernel that slides where it can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from tallystick.labels.kernels import ranks, settled, slides, unsettled
from tallystick.labels.kernels.linear import family_of
from tallystick.labels.kernels.rows import Codes, Ints
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
        yield from _slide(sheet, place, members, family)


# A tuple of arrays handed on hides from the type checker how many there are.
_travel: Any = slides.travel
_totals: Any = settled.totals
_peaks: Any = settled.peaks
_varieties: Any = settled.varieties
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
    leaves = [leaf for _, some in placed for leaf in some]
    places_of = [place for place, some in placed for _ in some]
    kinds, (room, out) = _kinds(leaves), _room(len(leaves), a.size)
    whole, real, status = out
    for one, (leaf, place) in enumerate(zip(leaves, places_of, strict=True)):
        if leaf.kind in ("min", "max"):
            most = leaf.kind == "max"
            given: Any = (most, *sheet.peaks(most), place.low, place.high)
            in_parts(a.size, lambda first, last: _peaks(*given, first, last, whole[one], status[one]))  # noqa: B023
    if view.changes[0].size or not course.steady:
        when, what, begin, before = view.changes
        windows = np.repeat(np.arange(len(placed)), [len(some) for _, some in placed])
        rows: Any = (sheet.x, sheet.running, before, view.starts, when, what, begin)
        ordered, _ = course.ordered

        def part(first: int, last: int) -> None:
            order = ordered[first:last]
            ends: Any = [np.stack([end[order] for end in some]) for some in zip(*_ends(placed), strict=True)]
            _plain(kinds, windows, *rows, order, a.key, a.k, *ends, *out)

        in_parts(ordered.size, part)
    else:
        first_of = 0
        for place, some in placed:
            cut = slice(first_of, first_of + len(some))
            mine: Any = (kinds[cut], sheet.running, place.low, place.high)
            into: Any = (whole[cut], real[cut], status[cut])
            in_parts(a.size, lambda first, last: _totals(*mine, first, last, *into))  # noqa: B023
            first_of = cut.stop
    for one, (leaf, place) in enumerate(zip(leaves, places_of, strict=True)):
        yield leaf, _answered(sheet, place, leaf, room[one : one + 2], status[one])


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
    a, view, course, (whole, _, status) = sheet.a, sheet.view, place.course, out
    points: Any = (place.low, place.high)
    if place.course.steady and not view.changes[0].size and kinds.tolist() == [al.DISTINCT]:
        twins: Any = sheet.twins
        in_parts(a.size, lambda first, last: _varieties(*twins, *points, first, last, whole[0], status[0]))
    else:
        rows: Any = (sheet.different, sheet.x, view.known_from, view.known_to, sheet.loose, *view.changes[:3])
        held: Any = (course.ordered[1], course.fast, a.key, a.k)
        in_parts(a.size, lambda first, last: _tallies(kinds, *rows, *held, *points, first, last, *out))


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
