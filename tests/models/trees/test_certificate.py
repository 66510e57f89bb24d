"""Certificates of monotonicity against every cell of small forests, and violations planted in large ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product
from typing import Literal

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.models.trees.conftest import grow

from tallystick.core import InputError
from tallystick.models import BoostedTrees, Forest, TreeOptions
from tallystick.models.frames import Feature
from tallystick.models.trees import Certificate, certify, parse_forest, train_booster

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
Floats = NDArray[np.float64]
Direction = Literal["ascending", "descending"]


def is_monotone(forest: Forest, width: int, feature: int, direction: Direction, cuts: int) -> bool:
    """Over a value of every cell of every feature: all that the forest can tell apart."""
    cells = [*np.arange(cuts + 1.0) - 0.5]
    others = list(product([*cells, np.nan], repeat=width - 1))
    rows = np.array([[*o[:feature], cell, *o[feature:]] for o in others for cell in cells])
    raw = forest.raw(rows).reshape(len(others), len(cells))
    steps = np.diff(raw, axis=1)
    return bool(np.all(steps >= 0.0) if direction == "ascending" else np.all(steps <= 0.0))


def confirm(forest: Forest, found: Certificate) -> None:
    """The two rows of a counterexample differ in the feature only, and the forest answers what it says."""
    shown = found.counterexample
    assert shown is not None
    low, high = np.array(shown.low), np.array(shown.high)
    differ = [f for f in range(low.size) if not (low[f] == high[f] or (np.isnan(low[f]) and np.isnan(high[f])))]
    assert differ == [found.feature]
    assert low[found.feature] < high[found.feature]
    assert forest.raw(np.stack([low, high])).tolist() == [shown.low_raw, shown.high_raw]
    assert (shown.high_raw - shown.low_raw) * (1 if found.direction == "ascending" else -1) < 0.0


@pytest.mark.soak
@settings(max_examples=5000 if SOAK else 50, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    trees=st.integers(1, 8),
    splits=st.integers(1, 6),
    tilt=st.sampled_from([0.0, 0.25, 1.0, 3.0]),
    direction=st.sampled_from(["ascending", "descending"]),
)
def test_the_verdict_is_that_of_every_cell(
    seed: int, trees: int, splits: int, tilt: float, direction: Direction
) -> None:
    """Random forests, tilted towards the direction so that many are monotone in sum though not tree by tree."""
    rng = np.random.default_rng(seed)
    forest = grow(rng, trees, splits, 3, steps=4)
    # A tree of the feature alone, with a step at every cut.
    sign = tilt if direction == "ascending" else -tilt
    places, node = forest.leaves.size, forest.feature.size
    forest = Forest(
        np.append(forest.roots, node),
        np.append(forest.feature, [0, 0, 0]),
        np.append(forest.threshold, [2.0, 1.0, 0.0]),
        np.append(forest.children, [node + 1, ~places, node + 2, ~(places + 1), ~(places + 3), ~(places + 2)]),
        np.append(forest.nan_child, [0, 0, 0]),
        np.append(forest.leaves, np.array([3.0, 2.0, 1.0, 0.0]) * sign),
    )
    assert forest.check(3)
    found = certify(forest, 0, direction)
    assert found.verdict == ("proved" if is_monotone(forest, 3, 0, direction, 3) else "violated")
    if found.verdict == "violated":
        confirm(forest, found)


def test_constrained_trees_are_proved_tree_by_tree(applicants: pl.DataFrame) -> None:
    """What LightGBM keeps under `basic` holds in every tree, and so in the last bit of the sum."""
    labels = applicants.drop("bad")
    trees = BoostedTrees(rounds=80, monotone={"usage": "ascending", "salary": "descending"})
    trees.fit(labels, applicants["bad"])
    for name in ("usage", "salary"):
        found = trees.certificate(name)
        assert (found.verdict, found.each_tree, found.slack) == ("proved", True, 0.0)
    grid = np.linspace(-1, 2, 200)
    for row in range(10):
        frame = pl.concat([labels[row : row + 1]] * 200).with_columns(usage=pl.Series(grid))
        assert np.all(np.diff(trees.decision_function(frame)) >= 0)


def test_without_a_constraint_a_counterexample_is_shown(applicants: pl.DataFrame) -> None:
    """Free trees over noise are not monotone; the two rows prove it."""
    trees = BoostedTrees(rounds=60).fit(applicants.drop("bad"), applicants["bad"])
    for name, direction in (("noise", "ascending"), ("noise", "descending"), ("usage", "descending")):
        found = trees.certificate(name, direction)
        assert found.verdict == "violated"
        confirm(trees.forest_, found)


@pytest.mark.parametrize("seed", range(8))
def test_a_planted_violation_is_found(seed: int, applicants: pl.DataFrame) -> None:
    """One leaf of one tree of a monotone forest is moved by a little: the certificate names two rows that show it."""
    labels = applicants.drop("bad")
    trees = BoostedTrees(rounds=60, monotone={"usage": "ascending"}, seed=seed).fit(labels, applicants["bad"])
    forest = trees.forest_
    rng = np.random.default_rng(seed)
    # A node that splits usage into two leaves: the lower one is lifted above the upper by far more than what the
    # other trees could make up for, or by just enough to show in this tree.
    usage = labels.columns.index("usage")
    pairs = forest.children.reshape(-1, 2)
    nodes = np.flatnonzero((forest.feature == usage) & np.all(pairs < 0, axis=1))
    node = int(rng.choice(nodes))
    leaves = forest.leaves.copy()
    leaves[~pairs[node, 0]] = leaves[~pairs[node, 1]] + 1.0
    planted = msgspec.structs.replace(forest, leaves=leaves)
    found = certify(planted, usage, "ascending")
    assert found.verdict == "violated"
    confirm(planted, found)


def test_a_sum_may_be_monotone_where_a_tree_is_not(grow: Callable[..., Forest]) -> None:
    """One tree falls by 1 at the cut where another rises by 2: proved of the sum, within the rounding it states."""
    zero = np.zeros(2, dtype=np.int64)
    leaves = np.array([1.0, 0.0, 0.0, 2.0])
    forest = Forest(np.arange(2), zero, np.array([0.5, 0.5]), np.array([-1, -2, -3, -4]), zero, leaves)
    found = certify(forest, 0, "ascending")
    assert (found.verdict, found.each_tree) == ("proved", False)
    assert 0.0 < found.slack < 1e-13
    apart = msgspec.structs.replace(forest, threshold=np.array([0.5, 0.75]))
    found = certify(apart, 0, "ascending")
    assert found.verdict == "violated"
    confirm(apart, found)


def test_a_domain_rules_out_what_does_not_occur() -> None:
    """A fall beyond the highest value that occurs, or where another feature never is, is no fall."""
    children = np.array([-1, 1, 2, -2, -3, -4])
    forest = Forest(
        np.array([0]),
        np.array([0, 1, 0]),
        np.array([10.0, 5.0, 20.0]),
        children,
        np.array([0, 1, 0]),
        np.array([0.0, 3.0, 2.0, 1.0]),
    )
    assert certify(forest, 0, "ascending").verdict == "violated"
    assert certify(forest, 0, "ascending", domain={0: (0.0, 20.0)}).verdict == "proved"
    assert certify(forest, 0, "ascending", domain={1: (6.0, 9.0)}).verdict == "proved"
    with pytest.raises(InputError) as caught:
        certify(forest, 0, "ascending", domain={1: (9.0, 6.0)})
    assert caught.value.code == "trees.domain"


def test_a_missing_value_of_another_feature_is_allowed_for() -> None:
    """The only fall is where the other feature is missing: it is found."""
    forest = Forest(
        np.array([0]),
        np.array([1, 0, 0]),
        np.array([np.inf, 0.5, 0.5]),
        np.array([1, 2, -1, -2, -3, -4]),
        np.array([1, 0, 0]),
        np.array([0.0, 1.0, 1.0, 0.0]),
    )
    found = certify(forest, 0, "ascending")
    assert found.verdict == "violated"
    assert found.counterexample is not None
    assert np.isnan(found.counterexample.low[1])


def test_where_the_budget_ends_nothing_is_claimed() -> None:
    """Many trees that cross each other: a search of one box is undecided, one with a budget decides."""
    rng = np.random.default_rng(0)
    forest = grow(rng, 40, 6, 6, steps=2)
    assert certify(forest, 0, "ascending", budget=1).verdict == "undecided"
    assert certify(forest, 0, "ascending").verdict == "violated"


def test_a_direction_is_needed(applicants: pl.DataFrame) -> None:
    """No declared direction and none asked; or a column that was not there."""
    trees = BoostedTrees(rounds=2).fit(applicants.drop("bad"), applicants["bad"])
    for column, code in (("usage", "trees.direction"), ("nothing", "frame.option")):
        with pytest.raises(InputError) as caught:
            trees.certificate(column)
        assert caught.value.code == code


def test_what_advanced_constraints_do_not_keep_is_found() -> None:
    """LightGBM's own answer to the two rows falls where it was told to rise (its issues 5358 and 6155)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 10))
    x[rng.uniform(size=x.shape) < 0.05] = np.nan
    z = np.nan_to_num(x)
    risk = z[:, 0] + np.sin(3 * z[:, 1]) + z[:, 0] * z[:, 2] + rng.normal(size=20_000)
    features = [Feature(f"x{i}") for i in range(10)]
    options = TreeOptions(rounds=30, min_rows=5, monotone_method="advanced", feature_share=1.0, row_share=1.0)
    monotone = {"x0": "ascending", "x2": "ascending"}
    booster = train_booster(x, (risk > 0.5).astype(float), np.ones(20_000), features, options, monotone, 1)
    found = certify(parse_forest(booster.model_to_string()), 0, "ascending", domain={9: (-np.inf, np.inf)})
    assert found.verdict == "violated"
    assert found.counterexample is not None
    low, high = booster.predict(np.array([found.counterexample.low, found.counterexample.high]), raw_score=True)
    assert low > high
