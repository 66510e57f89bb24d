"""Small forests for the tests of trees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tallystick.models import Forest

Grow = Callable[..., Forest]


def grow(rng: np.random.Generator, trees: int, splits: int, features: int, cuts: int = 3, steps: int = 16) -> Forest:
    """Random trees of at most `splits` splits over cuts 0 … cuts − 1; leaves are eighths, so that sums are exact."""
    roots: list[int] = []
    feature: list[int] = []
    threshold: list[float] = []
    children: list[int] = []
    nan_child: list[int] = []
    leaves: list[float] = []

    def leaf() -> int:
        leaves.append(float(rng.integers(-steps, steps + 1)) / 8.0)
        return ~(len(leaves) - 1)

    for _ in range(trees):
        if rng.uniform() < 0.1:
            roots.append(leaf())
            continue
        roots.append(len(feature))
        open_ends: list[int] = []
        for place in range(int(rng.integers(1, splits + 1))):
            if place:
                children[open_ends.pop(int(rng.integers(len(open_ends))))] = len(feature)
            open_ends += [len(children), len(children) + 1]
            children += [0, 0]
            feature.append(int(rng.integers(features)))
            threshold.append(float(rng.integers(cuts)))
            nan_child.append(int(rng.integers(2)))
        for end in open_ends:
            children[end] = leaf()
    ints = [np.asarray(part, dtype=np.int64) for part in (roots, feature, children, nan_child)]
    return Forest(ints[0], ints[1], np.asarray(threshold, dtype=np.float64), ints[2], ints[3], np.asarray(leaves))


def naive_raw(forest: Forest, row: NDArray[np.float64]) -> float:
    """The sum of leaves, walked as the arrays say."""
    total = 0.0
    for root in forest.roots.tolist():
        node = root
        while node >= 0:
            x = row[forest.feature[node]]
            side = forest.nan_child[node] if np.isnan(x) else int(not x <= forest.threshold[node])
            node = int(forest.children[2 * node + side])
        total += float(forest.leaves[~node])
    return total


@pytest.fixture(name="grow")
def _grow() -> Grow:
    return grow


@pytest.fixture(name="naive_raw")
def _naive_raw() -> Callable[[Forest, NDArray[np.float64]], float]:
    return naive_raw
