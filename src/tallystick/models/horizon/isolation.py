"""The arrays of an isolation forest: how they are taken from scikit-learn, walked and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from tallystick.core.numeric import exp, kernel
from tallystick.models.frames import Floats, Ints

Small: TypeAlias = NDArray[np.int32]

_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
_BLOCK = 128
_EULER = float(np.euler_gamma)
ARRAYS = {"roots": "<i8", "feature": "<i4", "children": "<i4", "nan_side": "<i4", "threshold": "<f8", "depth": "<f8"}
"""Names and types of the arrays, in the order in which the kernels take them.

Node n has its children at 2n (x ≤ threshold) and 2n + 1; a leaf is its own child, on both sides. Missing takes side
`nan_side`.
"""


@kernel
def isolate(
    matrix: Floats,
    out: Floats,
    whole: float,
    levels: Ints,
    roots: Ints,
    feature: Small,
    children: Small,
    nan_side: Small,
    threshold: Floats,
    depth: Floats,
) -> None:
    """Depths added in the order of the trees, as scikit-learn adds them.

    A block of rows goes down a tree side by side, level by level: a leaf is its own child, so no row waits for another.
    """
    at = np.empty(_BLOCK, dtype=np.int64)
    for low in range(0, matrix.shape[0], _BLOCK):
        size = min(_BLOCK, matrix.shape[0] - low)
        out[low : low + size] = 0.0
        for tree in range(roots.size):
            at[:size] = roots[tree]
            for _ in range(levels[tree]):
                for i in range(size):
                    node = at[i]
                    x = matrix[low + i, feature[node]]
                    side = nan_side[node] if x != x else np.int32(not x <= threshold[node])
                    at[i] = children[2 * node + side]
            for i in range(size):
                out[low + i] += depth[at[i]]
        for i in range(low, low + size):
            out[i] = exp(-(out[i] / whole) * _LN2) if whole > 0.0 else 0.5


@kernel
def blame(
    matrix: Floats,
    out: Floats,
    roots: Ints,
    feature: Small,
    children: Small,
    nan_side: Small,
    threshold: Floats,
    depth: Floats,
) -> None:
    """Add to out[row, label] the splits that a split on the label saves, in tree order, then from the root on."""
    for i in range(matrix.shape[0]):
        for root in roots:
            node = root
            while children[2 * node] != node:
                x = matrix[i, feature[node]]
                side = nan_side[node] if x != x else np.int32(not x <= threshold[node])
                child = np.int64(children[2 * node + side])
                out[i, feature[node]] += depth[node] - depth[child]
                node = child


def flatten(forest: IsolationForest) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a fitted forest of scikit-learn, with thresholds at which doubles divide as its floats do."""
    parts: dict[str, list[Any]] = {name: [] for name in ARRAYS}
    at = 0
    for tree in (estimator.tree_ for estimator in forest.estimators_):
        leaf = tree.children_left < 0
        parts["roots"].append([at])
        below = np.column_stack([tree.children_left, tree.children_right])
        parts["children"].append((np.where(leaf[:, None], np.arange(leaf.size)[:, None], below) + at).ravel())
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["nan_side"].append(1 - tree.missing_go_to_left.astype(np.int32))
        parts["threshold"].append(np.where(leaf, 0.0, _double_threshold(tree.threshold)))
        parts["depth"].append(_depths(tree, leaf))
        at += tree.node_count
    return {name: np.concatenate(found).astype(ARRAYS[name]) for name, found in parts.items()}


def _double_threshold(cut: Floats) -> Floats:
    """The greatest double that, rounded to a float of 32 bits, is at most `cut`."""
    below = cut.astype(np.float32)
    below = np.where(below.astype(np.float64) > cut, np.nextafter(below, np.float32(-np.inf)), below)
    above = np.nextafter(below, np.float32(np.inf))
    middle = below.astype(np.float64) + (above.astype(np.float64) - below.astype(np.float64)) * 0.5
    # A tie goes to the even significand.
    tied = middle.astype(np.float32) == below
    return np.asarray(np.where(tied, middle, np.nextafter(middle, -np.inf)), dtype=np.float64)


def mean_depths(rows: Any) -> Floats:
    """The mean depth of an unsuccessful search among `rows`, scikit-learn's formula in its order."""
    n = np.asarray(rows, dtype=np.float64)
    many = np.maximum(n, 3.0)
    long = 2.0 * (np.log(many - 1.0) + _EULER) - 2.0 * (many - 1.0) / many
    return np.asarray(np.where(n <= 1.0, 0.0, np.where(n == 2.0, 1.0, long)), dtype=np.float64)


def _depths(tree: Any, leaf: Any) -> Floats:
    """The depth that a leaf stands for; above, the mean of what lies below, by rows."""
    splits = np.ones(tree.node_count)
    for node in range(tree.node_count):
        if not leaf[node]:
            splits[[tree.children_left[node], tree.children_right[node]]] = splits[node] + 1.0
    depth = splits + mean_depths(tree.n_node_samples) - 1.0
    rows = tree.n_node_samples.astype(np.float64)
    for node in range(tree.node_count - 1, -1, -1):
        if not leaf[node]:
            low, high = tree.children_left[node], tree.children_right[node]
            depth[node] = (rows[low] * depth[low] + rows[high] * depth[high]) / (rows[low] + rows[high])
    return np.asarray(depth, dtype=np.float64)


def levels_of(arrays: Mapping[str, np.ndarray[Any, Any]]) -> Ints:
    """The splits on the longest way of each tree."""
    children = arrays["children"].reshape(-1, 2)
    at, tree = arrays["roots"], np.arange(arrays["roots"].size)
    levels = np.zeros(at.size, dtype=np.int64)
    level = 0
    while at.size:
        levels[tree] = level
        level += 1
        inner = children[at, 0] != at
        # Ways that meet, as none of a grown tree do, are followed once.
        both = np.column_stack([np.repeat(tree[inner], 2), children[at[inner]].ravel()])
        tree, at = np.unique(both, axis=0).T
    return levels


def is_sound(arrays: Mapping[str, np.ndarray[Any, Any]], width: int) -> bool:
    """Whether every way from a root ends at a leaf, inside the arrays."""
    size, roots = arrays["feature"].size, arrays["roots"]
    same = all(arrays[name].size == size for name in ("nan_side", "threshold", "depth"))
    if not size or not roots.size or not same or arrays["children"].size != 2 * size:
        return False
    feature, children = arrays["feature"], arrays["children"].reshape(-1, 2)
    places = np.arange(size)[:, None]
    own = children == places
    return bool(
        np.all((roots >= 0) & (roots < size))
        and np.all((feature >= 0) & (feature < width))
        and np.all(own[:, 0] == own[:, 1])
        # A child lies after its parent, so no way turns in a circle.
        and np.all((children >= places) & (children < size))
        and np.all((arrays["nan_side"] == 0) | (arrays["nan_side"] == 1))
        and np.all(np.isfinite(arrays["threshold"]))
        and np.all(np.isfinite(arrays["depth"]))
    )
