"""A served model from its file: nothing in it is trusted before it was checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from tallystick.core import InputError
from tallystick.models.container import Packed
from tallystick.models.frames import Feature
from tallystick.models.scorecard import PointsTable
from tallystick.models.serving.arrays import records_of
from tallystick.models.serving.definition import SEMANTICS, Branch, Definition, Part
from tallystick.models.serving.model import Model
from tallystick.models.trees import Background, Forest

# Beyond these no real model goes, and within them no sum of the kernels overflows.
_MOST = 1e9
_MOST_POINTS = 10**9
_MOST_RANK = 2**31
# Of a part: its keys would be those of the stack and of the final score.
RESERVED = ("", "stack")


def open_model(packed: Packed) -> Model:
    """The model that a file of kind "model" holds.

    Raises
    ------
    StateError
        When it was stored with another meaning than `SEMANTICS`.
    TamperError
        When a table has not the lengths, a number not the range, or an index not the target that the kernels rely on.
    """
    definition = packed.read(Definition, SEMANTICS)
    try:
        forests, backgrounds = records_of(definition, packed.arrays)
        # Numbers that a forger chose may overflow on the way to being refused.
        with np.errstate(all="ignore"):
            fault = _fault(definition, forests, backgrounds)
    except (ValueError, TypeError, OverflowError, ArithmeticError, IndexError, KeyError, InputError) as error:
        raise packed.refused(f"{type(error).__name__}: {error}") from None
    if fault:
        raise packed.refused(fault)
    return Model(definition, forests, backgrounds, packed.card, packed.version)


def _fault(
    definition: Definition,
    forests: Mapping[tuple[str, str], Forest],
    backgrounds: Mapping[tuple[str, str], Background],
) -> str:
    """What is wrong, or ""."""
    names = [feature.name for feature in definition.features]
    if not names or len(set(names)) != len(names) or not all(map(_holds, definition.features)):
        return "features"
    routed = set(definition.branches) == {""} if not definition.route else "" in definition.branches
    if not routed:
        return "branches"
    scale = definition.scale
    if not (_small(scale.base_score) and 0 < scale.pdo < _MOST and 0 < scale.base_odds < _MOST):
        return "scale"
    terms, rating = definition.terms, definition.rating
    if terms is not None and (rating is None or len(terms.caps) != len(rating.grades)):
        return "terms"
    for key, branch in definition.branches.items():
        if not _branch_holds(branch, definition.features):
            return f"branch {key!r}"
        for part in branch.parts:
            at = (key, part.name)
            if at in forests and not _trees_hold(forests[at], backgrounds.get(at), len(part.reads)):
                return f"trees {part.name!r}"
    return ""


def _small(*values: float) -> bool:
    return all(math.isfinite(value) and abs(value) <= _MOST for value in values)


def _ascend(values: tuple[float, ...]) -> bool:
    return all(low < high for low, high in pairwise(values))


def _holds(feature: Feature) -> bool:
    ranks = (*feature.ranks, 0 if feature.other is None else feature.other)
    if feature.categories is None:
        return not feature.ranks and feature.other is None
    unique = len(set(feature.categories)) == len(feature.categories) == len(feature.ranks)
    return unique and all(0 <= rank < _MOST_RANK for rank in ranks)


def _branch_holds(branch: Branch, features: tuple[Feature, ...]) -> bool:
    names = [part.name for part in branch.parts]
    line, width = branch.calibration, len(features)
    named = len(set(names)) == len(names) and list(branch.stack.weights) == names and not set(names) & set(RESERVED)
    if not names or not named or not _small(branch.stack.intercept, *branch.stack.weights.values(), *branch.baseline):
        return False
    if len(branch.baseline) not in (0, width) or len(branch.typical) not in (0, width):
        return False
    if not _small(line.intercept, line.slope, line.other_slope) or min(line.slope, line.other_slope) < 0:
        return False
    steps = len(line.cuts) + 1 if line.kind == "isotonic" else 0
    if len(line.pds) != steps or (line.kind != "isotonic" and line.cuts) or not _ascend(line.cuts):
        return False
    if not all(0 < pd < 1 for pd in line.pds):
        return False
    return all(_part_holds(part, features) for part in branch.parts)


def _part_holds(part: Part, features: tuple[Feature, ...]) -> bool:
    reads = part.reads
    if not reads or reads[0] < 0 or reads[-1] >= len(features) or not all(a < b for a, b in pairwise(reads)):
        return False
    if part.card is None:
        return part.kind == "trees"
    return part.kind == "scorecard" and _card_holds(part.card, tuple(features[place] for place in reads))


def _card_holds(card: PointsTable, features: tuple[Feature, ...]) -> bool:
    scale = card.scale
    if not (_small(scale.base_score) and 0 < scale.pdo < _MOST and 0 < scale.base_odds < _MOST):
        return False
    if not len(card.variables) == len(card.points) == len(card.slopes) == len(features):
        return False
    for v, points, feature in zip(card.variables, card.points, features, strict=True):
        bins = len(v.edges) + len(v.specials) + 2
        if not len(v.woe) == len(v.rows) == len(v.events) == len(points) == bins or v.feature != feature:
            return False
        if not (_ascend(v.edges) and _ascend(v.specials)):
            return False
    return all(abs(p) <= _MOST_POINTS for points in (*card.points, (card.base,)) for p in points)


def _trees_hold(forest: Forest, background: Background | None, reads: int) -> bool:
    if not forest.check(reads) or float(np.abs(forest.leaves).max(initial=0.0)) * forest.roots.size > _MOST:
        return False
    return background is None or (_small(background.mean) and background.check(forest, reads))
