"""Additive trees as curves: trees that each ask one label are one step function of each label."""

from __future__ import annotations

import msgspec
import numpy as np

from tallystick.models.frames import Floats, Ints
from tallystick.models.trees import Forest

_LARGEST = float(np.finfo(np.float64).max)


def as_curves(forest: Forest, features: int) -> Forest:
    """A forest of one tree for each label, which gives what all trees that ask this label give together.

    Parameters
    ----------
    forest
        Each of its trees asks one label.
    features
        How many labels there are.

    Returns
    -------
    Forest
        At most `features` trees, and one leaf that holds what no label decides. A row's values are added label by
        label instead of tree by tree, so the sum differs in its last bits.
    """
    roots = forest.roots
    asked = np.where(roots >= 0, forest.feature[np.maximum(roots, 0)], -1) if forest.feature.size else roots * 0 - 1
    grown = _Grown()
    # A tree of one leaf answers every row alike.
    grown.roots.append(grown.leaf(_sum(forest, roots[asked < 0], np.full((1, features), np.nan))[0]))
    for label in range(features):
        own = roots[asked == label]
        if own.size:
            cuts = np.unique(forest.threshold[_nodes_of(forest, own)])
            probe = np.full((cuts.size + 2, features), np.nan)
            probe[: cuts.size, label] = cuts
            probe[cuts.size, label] = _LARGEST
            steps = _sum(forest, own, probe)
            grown.curve(label, cuts, steps[:-1], float(steps[-1]))
    return grown.forest()


def _sum(forest: Forest, roots: Ints, probe: Floats) -> Floats:
    """What the trees at `roots` give to each row of an encoded matrix, in tree order."""
    return msgspec.structs.replace(forest, roots=roots).raw(probe)


def _nodes_of(forest: Forest, roots: Ints) -> Ints:
    found: list[int] = []
    front = roots[roots >= 0].tolist()
    while front:
        found.extend(front)
        below = [child for node in front for child in forest.children[2 * node : 2 * node + 2].tolist()]
        front = [child for child in below if child >= 0]
    return np.asarray(found, dtype=np.int64)


class _Grown:
    """A forest while it grows: every node comes before its children."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.children: list[int] = []
        self.nan_child: list[int] = []
        self.leaves: list[float] = []

    def leaf(self, value: float) -> int:
        self.leaves.append(float(value))
        return ~(len(self.leaves) - 1)

    def node(self, label: int, cut: float, nan_child: int) -> int:
        self.feature.append(label)
        self.threshold.append(cut)
        self.children.extend((0, 0))
        self.nan_child.append(nan_child)
        return len(self.feature) - 1

    def curve(self, label: int, cuts: Floats, steps: Floats, missing: float) -> None:
        """A tree whose root sends missing aside, then halves the cuts; step i holds for values up to cut i."""
        root = self.node(label, _LARGEST, 1)
        self.roots.append(root)
        below = self.half(label, cuts, steps, 0, cuts.size)
        self.children[2 * root : 2 * root + 2] = [below, self.leaf(missing)]

    def half(self, label: int, cuts: Floats, steps: Floats, low: int, high: int) -> int:
        if low == high:
            return self.leaf(steps[low])
        middle = (low + high) // 2
        node = self.node(label, float(cuts[middle]), 0)
        left = self.half(label, cuts, steps, low, middle)
        right = self.half(label, cuts, steps, middle + 1, high)
        self.children[2 * node : 2 * node + 2] = [left, right]
        return node

    def forest(self) -> Forest:
        return Forest(
            np.asarray(self.roots, dtype=np.int64),
            np.asarray(self.feature, dtype=np.int64),
            np.asarray(self.threshold, dtype=np.float64),
            np.asarray(self.children, dtype=np.int64),
            np.asarray(self.nan_child, dtype=np.int64),
            np.asarray(self.leaves, dtype=np.float64),
        )
