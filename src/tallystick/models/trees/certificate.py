"""Is a forest monotone in a feature? A proof by walking its trees, or two rows that show it is not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from tallystick.core import InputError
from tallystick.models.frames import Floats, Ints
from tallystick.models.trees.certificate_kernels import least_sum, stepping_nodes, steps_of_tree
from tallystick.models.trees.forest import Forest
from tallystick.models.trees.kernels import path_lengths, trees_of_nodes
from tallystick.models.trees.words import WORDS

Direction = Literal["ascending", "descending"]
Domain = Mapping[int, tuple[float, float]]

_LARGEST = float(np.finfo(np.float64).max)
_WHOLE = 2.0**53
_MOST_PIECES = 4_000_000
_FOUND, _BUDGET = 1, 2


class Counterexample(msgspec.Struct, frozen=True):
    """Two encoded rows that differ in the feature only, `low` below `high`, and what the forest answers to them."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    low_raw: float
    high_raw: float


class Certificate(msgspec.Struct, frozen=True):
    """What is known about a forest's monotonicity in one feature, over all rows of the domain.

    Attributes
    ----------
    feature, direction
        What was asked: whether `raw` never falls (ascending) or never rises (descending) as the feature grows while
        everything else stays, missing values of the others included. A missing value of the feature itself stands in
        no order and takes no part.
    verdict
        `proved`; `violated`, with a `counterexample`; or `undecided`, where the budget ran out.
    each_tree
        Whether every single tree is monotone; then `raw` is so in its last bit.
    slack
        How far `raw` may still move against the direction when `proved` was found only of the sum: the rounding of
        its additions. 0 where each tree is monotone.
    boxes
        How many boxes of rows the search over the sum looked at.
    """

    feature: int
    direction: Direction
    verdict: Literal["proved", "violated", "undecided"]
    each_tree: bool
    slack: float
    boxes: int
    counterexample: Counterexample | None = None


class _Steps(NamedTuple):
    """How one tree's answer steps at one cut of the feature, box by box of the other features."""

    delta: Floats
    at: Ints
    feature: Ints
    missing: Ints
    bounds: Floats


def certify(
    forest: Forest, feature: int, direction: Direction, *, domain: Domain | None = None, budget: int = 200_000
) -> Certificate:
    """Prove that a forest is monotone in a feature, or find two rows that show it is not.

    Parameters
    ----------
    forest
        The trees.
    feature
        The place of the feature among the columns of the matrix.
    direction
        Of the raw score as the feature grows.
    domain
        Feature → lowest and highest value that occur; all finite doubles where absent. Missing values of the other
        features are always allowed for. The rows of a counterexample reach to the last feature that is named.
    budget
        The most boxes that the search may look at over all cuts.

    Returns
    -------
    Certificate
        The verdict.

    Raises
    ------
    InputError
        For an empty domain.

    Notes
    -----
    The raw score is constant between neighbouring cuts of the feature, so it is monotone when its step at every cut
    has the right sign for all values of the others. Only trees that split at the cut step there. When all their steps
    have the right sign the sum has; otherwise a branch and bound search over the boxes in which these trees are
    constant looks for the least sum.

    Examples
    --------
    >>> zero = np.zeros(1, dtype=np.int64)
    >>> step = Forest(zero, zero, np.array([0.5]), np.array([-1, -2]), zero, np.array([1.0, -1.0]))
    >>> certify(step, 0, "descending").verdict, certify(step, 0, "ascending").counterexample.low_raw
    ('proved', 1.0)
    """
    whole = _whole(max(forest.width, feature + 1, *(place + 1 for place in domain or {})), domain or {})
    low, high = whole[2 * feature], whole[2 * feature + 1]
    cuts = np.unique(forest.threshold[forest.feature == feature])
    signed = forest.leaves if direction == "ascending" else -forest.leaves
    slack = _rounding(forest)
    each_tree, undecided, boxes = True, False, 0
    for cut in cuts[(cuts > low) & (cuts < high)].tolist():
        steps = _steps(forest, signed, feature, cut, whole)
        if steps is not None and all(np.all(found.delta >= 0.0) for found in steps):
            continue
        each_tree = False
        if steps is None:
            undecided = True
            continue
        verdict, looked, box, missing = least_sum(*_joined(steps), whole, slack, budget - boxes)
        boxes += looked
        undecided |= verdict == _BUDGET
        if verdict == _FOUND:
            found = _counterexample(forest, feature, cut, cuts, box, missing)
            return Certificate(feature, direction, "violated", False, 0.0, boxes, found)
    verdict_in_words: Literal["proved", "undecided"] = "undecided" if undecided else "proved"
    return Certificate(feature, direction, verdict_in_words, each_tree, 0.0 if each_tree else slack, boxes)


def _whole(width: int, domain: Domain) -> Floats:
    """The box of all rows: low (exclusive), then high, of each feature."""
    whole = np.tile([-math.inf, _LARGEST], width)
    for feature, (low, high) in domain.items():
        if not low <= high:
            raise InputError(WORDS("trees.domain", given=feature, low=low, high=high))
        whole[2 * feature] = math.nextafter(max(low, -_LARGEST), -math.inf)
        whole[2 * feature + 1] = min(high, _LARGEST)
    return whole


def _rounding(forest: Forest) -> float:
    """A bound on the rounding of two raw scores and of the steps between them."""
    if not forest.roots.size:
        return 0.0
    tree = trees_of_nodes(forest.roots, forest.children)
    most = np.zeros(forest.roots.size)
    alone = forest.roots < 0
    most[alone] = np.abs(forest.leaves[~forest.roots[alone]])
    owner = np.repeat(tree, 2)
    ends = forest.children < 0
    np.maximum.at(most, owner[ends], np.abs(forest.leaves[~forest.children[ends]]))
    return float(4.0 * forest.roots.size * np.finfo(np.float64).eps * most.sum())


def _steps(forest: Forest, signed: Floats, feature: int, cut: float, whole: Floats) -> list[_Steps] | None:
    """How each tree that splits the feature at `cut` steps there; None when that takes too many boxes."""
    stepping = stepping_nodes(forest.feature, forest.threshold, forest.children, feature, cut)
    deepest = int(path_lengths(forest.children, forest.leaves.size).max(initial=0))
    arrays = (forest.feature, forest.threshold, forest.children, forest.nan_child, signed, stepping)
    found, held = [], 0
    for root in forest.roots[forest.roots >= 0].tolist():
        if stepping[root]:
            found.append(_Steps(*steps_of_tree(root, *arrays, feature, cut, whole, deepest, _MOST_PIECES - held)))
            held += found[-1].delta.size
            if held > _MOST_PIECES:
                return None
    return found


def _joined(steps: list[_Steps]) -> tuple[Ints, Floats, Ints, Ints, Ints, Floats]:
    """The boxes of all trees in one set of arrays: the worst tree first, and of each tree the worst box first."""
    steps = sorted(steps, key=lambda found: float(found.delta.min()))
    first = np.cumsum([0] + [found.delta.size for found in steps])
    delta: list[Floats] = []
    sizes: list[Ints] = []
    places: list[Ints] = []
    start = 0
    for found in steps:
        order = np.argsort(found.delta, kind="stable")
        delta.append(found.delta[order])
        sizes.append(np.diff(found.at)[order])
        places.extend(np.arange(found.at[i], found.at[i + 1]) + start for i in order.tolist())
        start += int(found.at[-1])
    at = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.concatenate(sizes))])
    place = np.concatenate(places).astype(np.int64)
    feature = np.concatenate([found.feature for found in steps])[place]
    missing = np.concatenate([found.missing for found in steps])[place]
    bounds = np.concatenate([found.bounds.reshape(-1, 2) for found in steps])[place].ravel()
    return first.astype(np.int64), np.concatenate(delta), at, feature, missing, bounds


def _counterexample(
    forest: Forest, feature: int, cut: float, cuts: Floats, box: Floats, missing: Ints
) -> Counterexample:
    """Two rows of a box, one on either side of a cut; whole numbers where they will do."""
    before = max(box[2 * feature], max((c for c in cuts.tolist() if c < cut), default=-math.inf))
    after = min(box[2 * feature + 1], min((c for c in cuts.tolist() if c > cut), default=math.inf))
    row = np.array(
        [
            _within(box[2 * f], box[2 * f + 1]) if not missing[f] or box[2 * f] < box[2 * f + 1] else math.nan
            for f in range(missing.size)
        ]
    )
    pair = np.stack([row, row])
    pair[0, feature], pair[1, feature] = _within(before, cut), _within(cut, after)
    raw = forest.raw(pair).tolist()
    return Counterexample(tuple(pair[0].tolist()), tuple(pair[1].tolist()), *raw)


def _within(low: float, high: float) -> float:
    """A value above `low` and at most `high`: 0, else a whole number next to an end, else the high end."""
    for value in (0.0, float(np.floor(high)), float(np.floor(low)) + 1.0):
        if low < value <= high and abs(value) < _WHOLE:
            return value
    return high
