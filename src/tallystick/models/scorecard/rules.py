"""Foreign scorecards: ordered tests with points, brought into bins exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from tallystick.core import DefinitionError, Message, Place
from tallystick.models.binning import Variable
from tallystick.models.frames import Feature
from tallystick.models.scorecard.table import PointsTable, Scale
from tallystick.models.scorecard.words import WORDS

_LARGEST = math.nextafter(math.inf, 0.0)

Value = float | str | None
Uncovered = Literal["refuse", "lowest"]


class Compare(msgspec.Struct, frozen=True):
    """A comparison with one value: `op` is one of < <= > >= = !=; unknown where the value is missing."""

    op: str
    value: float | str


class OneOf(msgspec.Struct, frozen=True):
    """Whether the value is among `values`, or, with `inside` false, is not."""

    values: tuple[float | str, ...]
    inside: bool = True


class Missing(msgspec.Struct, frozen=True):
    """Whether there is no value, or, with `missing` false, whether there is one."""

    missing: bool = True


class Always(msgspec.Struct, frozen=True):
    """True or false for every value."""

    holds: bool = True


class Several(msgspec.Struct, frozen=True):
    """Tests joined by `and`, `or`, `xor`, or `surrogate`: the first of them that is not unknown."""

    op: str
    parts: tuple[Test, ...]


Test = Compare | OneOf | Missing | Always | Several


class Case(msgspec.Struct, frozen=True):
    """Points for the values that a test holds for and no earlier one did, and where it was written."""

    test: Test
    points: int
    place: Place


class Characteristic(msgspec.Struct, frozen=True):
    """One label of a foreign scorecard.

    Attributes
    ----------
    label
        Its name.
    text
        Whether its values are texts.
    cases
        In order: the first that holds gives the points.
    place
        Where it was written.
    code
        Its reason code, or "".
    baseline
        The points from which losses are counted; None where none were given.
    replacement
        What is read where there is no value; None for nothing.
    """

    label: str
    text: bool
    cases: tuple[Case, ...]
    place: Place
    code: str = ""
    baseline: float | None = None
    replacement: Value = None


class Imported(msgspec.Struct, frozen=True):
    """A scorecard that was read.

    Attributes
    ----------
    name
        As the file calls it.
    table
        The scorecard; without counts of rows, so every bin has 0 rows.
    codes
        The reason code of each label that has one.
    baseline
        For each variable the points from which losses are counted, where the file says so for all; else ().
    notes
        What had to be added for a score to exist for every row.
    """

    name: str
    table: PointsTable
    codes: dict[str, str]
    baseline: tuple[float, ...]
    notes: tuple[Message, ...] = ()


def imported(
    name: str, characteristics: Sequence[Characteristic], base: int, scale: Scale, uncovered: Uncovered
) -> Imported:
    """Bring characteristics into a scorecard; `uncovered` says what becomes of values that no test holds for."""
    if not characteristics:
        raise DefinitionError(WORDS("import.empty", name=name))
    notes: list[Message] = []
    pairs = [_variable(given, uncovered, notes) for given in characteristics]
    table = PointsTable(
        scale,
        base,
        tuple(variable for variable, _ in pairs),
        tuple(points for _, points in pairs),
        tuple(1.0 for _ in pairs),
    )
    said = [given.baseline for given in characteristics]
    baseline = tuple(float(b) for b in said if b is not None)
    codes = {given.label: given.code for given in characteristics if given.code}
    return Imported(name, table, codes, baseline if len(baseline) == len(said) else (), tuple(notes))


def holds(test: Test, value: Value) -> bool | None:
    """Whether a test holds for a value; None where that is unknown, by the three-valued logic of PMML 4.4."""
    if isinstance(test, Always):
        return test.holds
    if isinstance(test, Missing):
        return (value is None) == test.missing
    if isinstance(test, Several):
        return _joined(test.op, [holds(part, value) for part in test.parts])
    if value is None:
        return None
    if isinstance(test, OneOf):
        return (value in test.values) == test.inside
    return _compared(test.op, value, test.value)


def _compared(op: str, value: float | str, with_: float | str) -> bool:
    if op in ("=", "!="):
        return (value == with_) == (op == "=")
    assert isinstance(value, float)
    assert isinstance(with_, float)
    return {"<": value < with_, "<=": value <= with_, ">": value > with_, ">=": value >= with_}[op]


def _joined(op: str, found: Sequence[bool | None]) -> bool | None:
    if op == "surrogate":
        return next((one for one in found if one is not None), None)
    if op == "xor":
        return None if None in found else sum(map(bool, found)) % 2 == 1
    decided = op == "or"
    if decided in found:
        return decided
    return None if None in found else not decided


def _mentioned(test: Test) -> Iterable[tuple[float | str, bool]]:
    """The values that a test names, and whether it asks for that very value."""
    if isinstance(test, Compare):
        yield test.value, test.op in ("=", "!=")
    elif isinstance(test, OneOf):
        yield from ((value, True) for value in test.values)
    elif isinstance(test, Several):
        for part in test.parts:
            yield from _mentioned(part)


def _variable(given: Characteristic, uncovered: Uncovered, notes: list[Message]) -> tuple[Variable, tuple[int, ...]]:
    if not given.cases:
        raise DefinitionError(WORDS("import.cases", label=given.label), given.place)

    def case_of(value: Value) -> int:
        asked = given.replacement if value is None else value
        return next((i for i, case in enumerate(given.cases) if holds(case.test, asked)), -1)

    def points_of(case: int, what: str) -> int:
        if case >= 0:
            return given.cases[case].points
        if uncovered == "refuse":
            raise DefinitionError(WORDS("import.uncovered", label=given.label, given=what), given.place)
        least = min(one.points for one in given.cases)
        notes.append(WORDS("import.lowest", label=given.label, given=what, points=least))
        return least

    missing = points_of(case_of(None), WORDS("import.missing").text())
    named = [pair for case in given.cases for pair in _mentioned(case.test)]
    if given.text:
        return _texts(given, [str(value) for value, _ in named], case_of, points_of, missing)
    values = sorted({float(value) for value, _ in named})
    alone = {float(value) for value, exact in named if exact}
    edges, cases, specials = _pieces(values, alone, case_of)
    bounds = [-math.inf, *edges, math.inf]
    what = [WORDS("import.between", low=low, high=high).text() for low, high in pairwise(bounds)]
    points = [points_of(case, text) for case, text in zip(cases, what, strict=True)]
    points += [points_of(case, str(value)) for value, case in specials]
    variable = _bare(Feature(given.label), tuple(edges), tuple(value for value, _ in specials), len(points) + 1)
    return variable, (*points, missing)


def _pieces(
    values: Sequence[float], alone: set[float], case_of: Callable[[Value], int]
) -> tuple[list[float], list[int], list[tuple[float, int]]]:
    """Upper edges, the case of each interval, and the values whose case is not that of the intervals around them."""
    pieces: list[tuple[float, int]] = []
    for value in values:
        below = math.nextafter(value, -math.inf)
        if not pieces or pieces[-1][0] < below:
            pieces.append((below, case_of(below)))
        pieces.append((value, case_of(value)))
    last = case_of(_LARGEST)
    specials: list[tuple[float, int]] = []
    kept: list[tuple[float, int]] = []
    for place, (upper, case) in enumerate(pieces):
        after = pieces[place + 1][1] if place + 1 < len(pieces) else last
        if upper in alone and case != after and (place == 0 or case != pieces[place - 1][1]):
            specials.append((upper, case))
        else:
            kept.append((upper, case))
    kept.append((math.inf, last))
    edges, cases = [], []
    for (upper, case), (_, after) in zip(kept, [*kept[1:], (0.0, -2)], strict=True):
        if case != after:
            edges.append(upper)
            cases.append(case)
    return edges[:-1], cases, specials


def _texts(
    given: Characteristic,
    named: Sequence[str],
    case_of: Callable[[Value], int],
    points_of: Callable[[int, str], int],
    missing: int,
) -> tuple[Variable, tuple[int, ...]]:
    """A text label: a bin for each case that holds; a text that no case names or holds for reads as missing."""
    cases = {text: case_of(text) for text in dict.fromkeys(named)}
    # A text that no test can name stands for all that are not named.
    others = case_of("\0".join(["", *cases]))
    points = {case: points_of(case, text) for text, case in cases.items()}
    if others >= 0:
        points[others] = given.cases[others].points
    rank = {case: place for place, case in enumerate(sorted(points))}
    ranks = tuple(rank[case] for case in cases.values())
    feature = Feature(given.label, tuple(cases), ranks, rank[others] if others >= 0 else None)
    edges = tuple(float(place) for place in range(len(rank) - 1))
    brought = [points[case] for case in rank] or [missing]
    return _bare(feature, edges, (), len(brought) + 1), (*brought, missing)


def _bare(feature: Feature, edges: tuple[float, ...], specials: tuple[float, ...], size: int) -> Variable:
    """Bins without rows behind them."""
    none = (0.0,) * size
    return Variable(feature, edges, specials, none, none, none, 0.0, "none", bool(edges or specials))
