"""The labels of one stream and entity, feature by feature: each by the kernel that slides where it can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import in_parts
from tallystick.labels import algebra as al
from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.batch import pointwise
from tallystick.labels.batch.arrangement import Arrangement, Ends, Place
from tallystick.labels.batch.sheet import Sheet
from tallystick.labels.kernels import places, ranks, settled, slides, unsettled
from tallystick.labels.kernels.linear import family_of
from tallystick.labels.kernels.rows import Codes, Ints
from tallystick.labels.meaning.values import Values
from tallystick.labels.plan import SPAN, Feature, Leaf, Window

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


Answer: TypeAlias = Callable[[Ints, Ints, NDArray[Any]], None]
"""Answers windows from where their rows begin and end."""


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
    """The labels of one feature."""

    def placed(leaf: Leaf) -> Place:
        anchor = leaf.window.anchor
        return sheet.place(leaf, None if anchor is None else found[anchor].data)

    for present in (False, True):
        windows: dict[tuple[Window, int], list[Leaf]] = {}
        for leaf in leaves:
            if leaf.including_present == present:
                windows.setdefault((leaf.window, leaf.delay_micros), []).append(leaf)
        if windows:
            yield from _windows(sheet, present, list(windows.values()), placed)


def _windows(
    sheet: Sheet, present: bool, windows: list[list[Leaf]], placed: Callable[[Leaf], Place]
) -> Iterable[tuple[Leaf, Values]]:
    """The labels of one feature by window; those answered by the ends of windows for all windows at once."""
    lasting = sheet.lasts(present)
    if not lasting:
        sheet.a.place_spans([same[0].window for same in windows if _ends_at_t(same[0])], present)
    by_ends = [[leaf for leaf in same if _by_ends(sheet, leaf, lasting)] for same in windows]
    for same, some in zip(windows, by_ends, strict=True):
        rest = [leaf for leaf in same if leaf not in some]
        if rest:
            yield from _window(sheet, placed(rest[0]), rest)
    together = [some for some in by_ends if some and (_ends_at_t(some[0]) or not lasting)]
    if together and lasting:
        spans = sheet.spans([some[0].window.micros for some in together], present)
        yield from _lasting(sheet, spans, together, placed)
    elif together:
        yield from _sums_and_extremes(sheet, [(placed(some[0]), some) for some in together])
    for some in by_ends:
        if some and some not in together:
            yield from _lasting(sheet, _ends(placed(some[0])), [some], placed)


def _ends_at_t(leaf: Leaf) -> bool:
    return leaf.window.kind == SPAN and not leaf.delay_micros


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


Sweep: TypeAlias = Callable[[int, int], Iterable[NDArray[Any]]]
"""Gives the values at the points [first, last) of an order, label by label; the next may lie where the last one lay."""


def _swept(a: Arrangement, leaves: list[Leaf], order: Ints | None, sweep: Sweep) -> list[NDArray[Any]]:
    """The values of labels by point as given, from a sweep over points in the order of the rows or another."""
    found = np.empty((len(leaves), a.size), np.int64)

    def part(first: int, last: int) -> None:
        to = a.sequence[first:last] if order is None else a.sequence[order[first:last]]
        for into, values in zip(found, sweep(first, last), strict=True):
            places.put(values.view(np.int64), to, 0, to.size, into)

    in_parts(a.size if order is None else order.size, part)
    real = [ALGEBRA[leaf.kind].gives == "real" for leaf in leaves]
    return [line.view(np.float64) if one else line for line, one in zip(found, real, strict=True)]


def _kinds(leaves: list[Leaf]) -> Ints:
    return np.array([ALGEBRA[leaf.kind].code for leaf in leaves], np.int64)


def _by_ends(sheet: Sheet, leaf: Leaf, lasting: bool) -> bool:
    """Whether a label is answered together with others: by the ends of windows, and what loose rows add to that."""
    family = _family(sheet, leaf)
    return family == _PLAIN or (lasting and family == _TALLY and leaf.kind == "distinct")


def _sums_and_extremes(sheet: Sheet, placed: list[tuple[Place, list[Leaf]]]) -> Iterable[tuple[Leaf, Values]]:
    """Answer by what lasting rows say, and reckon with the others."""
    a, view, order = sheet.a, sheet.view, placed[0][0].course.ordered
    leaves = [leaf for _, some in placed for leaf in some]
    places_of = [place for place, some in placed for _ in some]
    kinds, status = _kinds(leaves), np.zeros((len(leaves), a.size), np.uint8)
    extremes = {
        one: _by_rows(a, _answer(sheet, leaf), place)
        for one, (leaf, place) in enumerate(zip(leaves, places_of, strict=True))
        if leaf.kind in ("min", "max")
    }
    when, what, begin, before = view.changes
    windows = np.repeat(np.arange(len(placed)), [len(some) for _, some in placed])
    rows: Any = (sheet.x, sheet.running, before, view.starts, when, what, begin)

    def sweep(first: int, last: int) -> Iterable[NDArray[Any]]:
        some, whole = order[first:last], np.empty((len(leaves), last - first), np.int64)
        for one, extreme in extremes.items():
            places.taken(extreme, some, 0, some.size, whole[one])
        low, high = np.empty((2, len(placed), some.size), np.int64)
        for window, (place, _) in enumerate(placed):
            places.taken(place.low, some, 0, some.size, low[window])
            places.taken(place.high, some, 0, some.size, high[window])
        _plain(kinds, windows, *rows, some, a.key, a.k, low, high, whole, whole.view(np.float64), status)
        return whole

    found = _swept(a, leaves, order, sweep)
    for one, (leaf, place) in enumerate(zip(leaves, places_of, strict=True)):
        yield leaf, _answered(sheet, place, leaf, found[one], status[one])


def _by_rows(a: Arrangement, answer: Answer, place: Place) -> Ints:
    """What the lasting rows answer, in the order of the rows."""
    found, low, high = np.empty(a.size, np.int64), place.low, place.high
    in_parts(a.size, lambda p, q: answer(low[p:q], high[p:q], found[p:q]))
    return found


def _lasting(
    sheet: Sheet, ends: Ends, windows: list[list[Leaf]], placed: Callable[[Leaf], Place]
) -> Iterable[tuple[Leaf, Values]]:
    """Answer windows by their ends alone, where every row lasts and counts at once."""
    leaves = [leaf for some in windows for leaf in some]
    window_of = [window for window, some in enumerate(windows) for _ in some]
    wanted = [(window, leaf, _answer(sheet, leaf)) for window, leaf in zip(window_of, leaves, strict=True)]
    status = np.zeros((len(windows), sheet.a.size), np.uint8)

    def sweep(first: int, last: int) -> Iterable[NDArray[Any]]:
        (low, high), values = ends(first, last), np.empty(last - first, np.int64)
        for window, said in enumerate(status):
            settled.empties(low[window], high, said[first:last])
        for window, leaf, answer in wanted:
            answer(low[window], high, values.view(np.float64) if ALGEBRA[leaf.kind].gives == "real" else values)
            yield values

    found = _swept(sheet.a, leaves, None, sweep)
    reasons: dict[tuple[int, bool], Codes] = {}
    for window, leaf, data in zip(window_of, leaves, found, strict=True):
        same = window, ALGEBRA[leaf.kind].empty
        if same not in reasons:
            reasons[same] = pointwise.why(sheet, placed, leaf, status[window])
        yield leaf, pointwise.told(sheet, leaf, data, reasons[same])


def _answer(sheet: Sheet, leaf: Leaf) -> Answer:
    """What answers a label of lasting rows from the ends of its windows."""
    if leaf.kind in ("min", "max"):
        most = leaf.kind == "max"
        return partial(settled.peaks, most, *sheet.peaks(most))
    if leaf.kind == "distinct":
        return partial(settled.varieties, *sheet.twins)
    if leaf.kind == "count":
        return settled.counts
    return partial(settled.sums if leaf.kind == "sum" else settled.means, sheet.running)


def _ends(place: Place) -> Ends:
    return lambda first, last: (place.low[None, first:last], place.high[first:last])


def _slide(sheet: Sheet, place: Place, leaves: list[Leaf], family: int) -> Iterable[tuple[Leaf, Values]]:
    status = np.zeros((len(leaves), sheet.a.size), np.uint8)
    if family == _TALLY:
        found = [_varied(sheet, place, leaf, said) for leaf, said in zip(leaves, status, strict=True)]
    else:
        found = _travelling(sheet, place, family, leaves, status)
    for leaf, data, said in zip(leaves, found, status, strict=True):
        yield leaf, _answered(sheet, place, leaf, data, said)


def _answered(sheet: Sheet, place: Place, leaf: Leaf, data: NDArray[Any], status: Codes) -> Values:
    """The values of a label, those gathered and folded at which no state could be trusted."""
    if not place.course.steady:
        pointwise.scan(sheet, place, leaf, np.flatnonzero(place.course.fast == 0), data, status)
    return pointwise.finish(sheet, place, leaf, data, status)


def _varied(sheet: Sheet, place: Place, leaf: Leaf, status: Codes) -> NDArray[Any]:
    """Answer by how often each value is there; of loose rows by those alone that can make a difference."""
    a, view, course = sheet.a, sheet.view, place.course
    distinct = leaf.kind == "distinct"
    least = leaf.window.micros.bit_length() if distinct and leaf.window.kind == SPAN else 1
    changes = unsettled.narrowed(least, sheet.gaps, *view.changes[:3])
    rows: Any = (sheet.different, sheet.x, view.known_from, view.known_to, sheet.gaps, least, *changes)
    points: Any = (course.tour, course.fast, a.key, a.k, place.low, place.high)

    def sweep(first: int, last: int) -> Iterable[NDArray[Any]]:
        whole = np.empty(last - first, np.int64)
        _tallies(*rows, *points, first, last, whole, None if distinct else whole.view(np.float64), status)
        return [whole]

    return _swept(a, [leaf], course.tour if course.tour.size else None, sweep)[0]


def _travelling(sheet: Sheet, place: Place, family: int, leaves: list[Leaf], status: Codes) -> list[NDArray[Any]]:
    """Answer by what slides, and travels forth and back in what was known."""
    a, view, travels = sheet.a, sheet.view, place.travels
    params = np.array([leaf.param for leaf in leaves], np.int64)
    caps = np.array([leaf.cap for leaf in leaves], np.int64)
    on_the_way: Any = (a.key, place.low, place.high, a.k, place.course.fast, *view.changes[:3])
    rows: Any = (view.known_from, view.known_to, place.low, place.high, a.k)

    def sweep(first: int, last: int) -> Iterable[NDArray[Any]]:
        if first not in travels:
            travels[first] = _travel(*on_the_way, first, last)
        whole = np.empty((len(leaves), last - first), np.int64)
        travel: Any = (*rows, first, *travels[first])
        if family == _SKETCH:
            _sketches(caps, *sheet.hashed, sheet.x, *travel, whole, status)
        elif family == _ORDER:
            _orders(params, caps, *sheet.ranks, *travel, whole, status)
        else:
            _linear(family, kinds, params, sheet.x, sheet.y, view.at, *travel, whole, whole.view(np.float64), status)
        return whole

    kinds = _kinds(leaves)
    return _swept(a, leaves, None, sweep)
