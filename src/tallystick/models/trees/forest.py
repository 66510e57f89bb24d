"""Trees as flat arrays, and the packed form of them that scores."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np

from tallystick.core import InputError
from tallystick.core.numeric import in_parts
from tallystick.models.frames import Floats, Ints
from tallystick.models.trees.kernels import leaf_slots, pack_nodes, path_lengths, score_rows, trees_of_nodes
from tallystick.models.trees.words import WORDS


class Packed(NamedTuple):
    """What the kernel walks: records of nodes, and which matrix columns they read (see `pack_nodes`)."""

    nodes: Floats
    reads: Ints
    trees: int


class Slots(NamedTuple):
    """For each leaf, the columns that its path asks, and what it asks of each.

    A slot is met by a value x with x ≤ high and not x ≤ low; by a missing one where `missing` is 1.
    """

    at: Ints
    """The slots of leaf i are `at[i]` … `at[i + 1]`."""
    feature: Ints
    missing: Ints
    bounds: Floats
    """Low, then high, of each slot; a low of NaN asks nothing."""


class Forest(msgspec.Struct, frozen=True, dict=True):
    """Trees as flat arrays. A node is (feature, threshold, where NaN goes, children); a leaf is a child below 0, ~leaf.

    `roots` holds one entry for each tree: a node, or ~leaf where the tree is a single leaf.

    Examples
    --------
    >>> two = np.arange(2)
    >>> forest = Forest(two[:1], two[:1], np.array([0.5]), ~two, two[1:], np.array([-1.0, 1.0]))
    >>> forest.raw(np.array([[0.2], [0.7], [np.nan]])).tolist()
    [-1.0, 1.0, 1.0]
    """

    roots: Ints
    feature: Ints
    threshold: Floats
    children: Ints
    """Two for each node: where value ≤ threshold goes, then where it does not."""
    nan_child: Ints
    """0 or 1 for each node: which child takes a missing value."""
    leaves: Floats

    @cached_property
    def width(self) -> int:
        """How many columns a matrix must have at least."""
        return int(self.feature.max()) + 1 if self.feature.size else 0

    def first(self, rounds: int) -> Forest:
        """Its first `rounds` trees."""
        tree = trees_of_nodes(self.roots, self.children)
        node = np.flatnonzero(tree < rounds)
        ends = np.flatnonzero(np.repeat(tree < rounds, 2) & (self.children < 0))
        alone = self.roots[:rounds]
        leaf = np.sort(np.concatenate([~self.children[ends], ~alone[alone < 0]]))
        moved = np.concatenate([node, ~leaf[::-1]])
        place = np.full(self.feature.size + self.leaves.size, -1, dtype=np.int64)
        # Leaves count from the end of `place`, so that ~leaf reads its own entry.
        place[moved] = np.concatenate([np.arange(node.size), ~np.arange(leaf.size)[::-1]])
        children = self.children.reshape(-1, 2)[node].ravel()
        return Forest(
            place[alone],
            self.feature[node],
            self.threshold[node],
            place[children],
            self.nan_child[node],
            self.leaves[leaf],
        )

    def raw(self, matrix: Floats) -> Floats:
        """The sum of leaves, in tree order, of every row of an encoded matrix: log-odds of the event.

        Parameters
        ----------
        matrix
            Rows × columns; any double, NaN is missing. Above 50,000 rows every core takes a part, so do not call it
            from work that `core.numeric.each` runs.

        Raises
        ------
        InputError
            When the matrix is narrower than what the trees read.
        """
        if matrix.shape[1] < self.width:
            raise InputError(WORDS("trees.width", given=matrix.shape[1], needed=self.width - 1))
        packed = self.packed
        out = np.empty(matrix.shape[0])
        if out.size == 1:
            score_rows(matrix, *packed, out)
        else:
            in_parts(out.size, lambda low, high: score_rows(matrix[low:high], *packed, out[low:high]))
        return out

    @cached_property
    def packed(self) -> Packed:
        """The form that scores, made once."""
        pairs, column = np.unique(2 * self.feature + 1 - self.nan_child, return_inverse=True)
        records = self.feature.size + self.leaves.size
        nodes = np.empty(2 * records)
        pack_nodes(
            self.roots, column.astype(np.int64), self.threshold, self.children, self.leaves, int(pairs.size), nodes
        )
        return Packed(nodes, pairs.astype(np.int64), int(self.roots.size))

    @cached_property
    def slots(self) -> Slots:
        """What each path asks, column by column, made once."""
        lengths = path_lengths(self.children, self.leaves.size)
        size = int(lengths.sum())
        at = np.zeros(self.leaves.size + 1, dtype=np.int64)
        feature, missing, bounds = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(2 * size)
        tree = (self.feature, self.threshold, self.children, self.nan_child)
        used = leaf_slots(*tree, lengths, at, feature, missing, bounds)
        return Slots(at, feature[:used].copy(), missing[:used].copy(), bounds[: 2 * used].copy())

    def check(self, features: int) -> bool:
        """Whether these are trees over `features` columns: safe to run and to walk, whoever wrote them.

        Every index stays inside its array, every path ends, and every node and leaf hangs from exactly one place.
        """
        nodes, leaves = self.feature.size, self.leaves.size
        sizes = (self.threshold.size, self.nan_child.size, self.children.size)
        if sizes != (nodes, nodes, 2 * nodes) or any(a.ndim != 1 for a in msgspec.structs.astuple(self)):
            return False
        targets = np.concatenate([self.children, self.roots])
        if targets.size and not (targets.max() < nodes and (~targets).max() < leaves):
            return False
        owner = np.repeat(np.arange(nodes), 2)
        onward = bool(np.all((self.children < 0) | (self.children > owner)))
        once = np.array_equal(np.sort(targets), np.concatenate([np.arange(-leaves, 0), np.arange(nodes)]))
        read = bool(np.all((self.feature >= 0) & (self.feature < features) & np.isin(self.nan_child, (0, 1))))
        known = bool(np.all(np.isfinite(self.leaves)) and not np.any(np.isnan(self.threshold)))
        return onward and once and read and known


def join_forests(forests: Sequence[Forest]) -> Forest:
    """The mean of several forests as one: all their trees, in order, each leaf divided by how many forests there are.

    Raises
    ------
    ValueError
        Without a forest.
    """
    nodes = np.cumsum([0] + [forest.feature.size for forest in forests])
    leaves = np.cumsum([0] + [forest.leaves.size for forest in forests])

    def moved(targets: Ints, i: int) -> Ints:
        onward: Ints = np.where(targets >= 0, targets + nodes[i], targets - leaves[i])
        return onward

    return Forest(
        np.concatenate([moved(forest.roots, i) for i, forest in enumerate(forests)]),
        np.concatenate([forest.feature for forest in forests]),
        np.concatenate([forest.threshold for forest in forests]),
        np.concatenate([moved(forest.children, i) for i, forest in enumerate(forests)]),
        np.concatenate([forest.nan_child for forest in forests]),
        np.concatenate([forest.leaves for forest in forests]) / len(forests),
    )
