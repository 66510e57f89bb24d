"""What a model of scorecards is once its arithmetic is done: tests of labels, whole points, and a table of outcomes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.desk.words import WORDS
from tallystick.models import Feature, Model, PointsTable, Scale, Variable
from tallystick.models.serving import Branch, Definition

TOTALS_MAX = 20_000
"""The most different totals of points that a table of outcomes may list."""


class Numbers(msgspec.Struct, frozen=True):
    """The points of a number: `specials` first, then points[i] up to edges[i] inclusive, the last above all edges."""

    edges: tuple[float, ...]
    points: tuple[int, ...]
    texts: tuple[str, ...]
    specials: tuple[tuple[float, int], ...] = ()


class Texts(msgspec.Struct, frozen=True):
    """The points of a text: those of the groups in which it is named, else `other`."""

    groups: tuple[tuple[tuple[str, ...], int], ...]
    other: int


class Input(msgspec.Struct, frozen=True):
    """One label: its points by value, and `missing` where there is none."""

    label: str
    by: Numbers | Texts
    missing: int


class Outcome(msgspec.Struct, frozen=True):
    """What a total of points stands for: the final points, the probability of bad, and the grade or ""."""

    total: int
    points: int
    pd: float
    rating: str


class Way(msgspec.Struct, frozen=True):
    """One branch: `route` is the text that leads here, "" for other rows; labels without points are not in `inputs`."""

    route: str
    base: int
    inputs: tuple[Input, ...]
    outcomes: tuple[Outcome, ...]


class PlainCard(msgspec.Struct, frozen=True):
    """A model of scorecards as other systems can hold it.

    Attributes
    ----------
    name, version
        Of the model.
    route, route_text
        The label whose text picks the way, "" where there is one way; whether it is text itself, not a number or flag.
    ways
        The last is that of every row without a way of its own.
    rated
        Whether outcomes have grades.
    """

    name: str
    version: str
    route: str
    route_text: bool
    ways: tuple[Way, ...]
    rated: bool

    def labels(self) -> dict[str, bool]:
        """Every label that is read, in order: whether it is text."""
        found = {self.route: self.route_text} if self.route else {}
        for way in self.ways:
            found.update((given.label, isinstance(given.by, Texts)) for given in way.inputs)
        return found


def plain_card(model: Model) -> PlainCard:
    """Take a model of one scorecard for each branch apart.

    Raises
    ------
    InputError
        When a branch holds anything else, or has more than `TOTALS_MAX` different totals.
    """
    definition = model.definition
    names = [*(name for name in definition.branches if name), ""]
    ways = tuple(_way(definition, name) for name in names)
    numbers = {feature.name for feature in definition.features if feature.categories is None}
    return PlainCard(
        definition.name,
        model.version,
        definition.route,
        definition.route not in numbers,
        ways,
        definition.rating is not None,
    )


def _way(definition: Definition, name: str) -> Way:
    branch = definition.branches[name]
    card = branch.parts[0].card
    if len(branch.parts) != 1 or card is None:
        given = ", ".join(f"{part.name} ({part.kind})" for part in branch.parts)
        raise InputError(WORDS("export.parts", model=definition.name, given=given))
    inputs = tuple(_input(v, points) for v, points in zip(card.variables, card.points, strict=True) if any(points))
    totals = _totals(card)
    if len(totals) > TOTALS_MAX:
        raise InputError(WORDS("export.totals", model=definition.name, given=len(totals), allowed=TOTALS_MAX))
    return Way(name, card.base, inputs, outcomes_of(definition, branch, card, totals))


def _input(variable: Variable, points: tuple[int, ...]) -> Input:
    feature, missing = variable.feature, points[-1]
    if feature.categories is None:
        size = len(variable.edges) + 1
        specials = tuple(zip(variable.specials, points[size:-1], strict=True))
        texts = tuple(variable.bin_text(i) for i in range(size))
        return Input(feature.name, Numbers(variable.edges, points[:size], texts, specials), missing)
    known = (*feature.ranks, *(() if feature.other is None else (feature.other,)))
    alone = PointsTable(Scale(), 0, (variable,), (points,), (1.0,))
    brought = alone.total(np.array([[float(rank)] for rank in known]).reshape(-1, 1)).tolist()
    groups: dict[int, list[str]] = {}
    for category, given in zip(feature.categories, brought, strict=False):
        groups.setdefault(given, []).append(category)
    other = missing if feature.other is None else brought[-1]
    return Input(feature.name, Texts(tuple((tuple(names), given) for given, names in groups.items()), other), missing)


def _totals(card: PointsTable) -> list[int]:
    """Every sum that base and one bin of each variable can make, ascending."""
    found = {card.base}
    for points in card.points:
        found = {total + brought for total in found for brought in set(points)}
        if len(found) > 50 * TOTALS_MAX:
            break
    return sorted(found)


def outcomes_of(
    definition: Definition, branch: Branch, card: PointsTable, totals: Iterable[int]
) -> tuple[Outcome, ...]:
    """What each total stands for, as the model itself says: it scores a card whose one label is the total."""
    listed = list(totals)
    # Every second bin is empty, so that each total lies alone between two edges.
    edges = tuple(total + 0.5 for total in listed[:-1])
    none = (0.0,) * (len(listed) + 1)
    ruler = msgspec.structs.replace(
        card.variables[0], feature=Feature("total"), edges=edges, specials=(), rows=none, events=none, woe=none
    )
    part = msgspec.structs.replace(
        branch.parts[0],
        reads=(0,),
        card=PointsTable(card.scale, 0, (ruler,), ((*listed, listed[0]),), (1.0,)),
    )
    whole = msgspec.structs.replace(branch, parts=(part,), baseline=(), typical=())
    alone = msgspec.structs.replace(
        definition, features=(Feature("total"),), branches={"": whole}, route="", terms=None
    )
    found = Model(alone).score_columns(pl.DataFrame({"total": [float(total) for total in listed]}))
    ratings = found["rating"].to_list() if definition.rating is not None else [""] * len(listed)
    rows = zip(listed, found["points"].to_list(), found["pd"].to_list(), ratings, strict=True)
    return tuple(Outcome(*row) for row in rows)
