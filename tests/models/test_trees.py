"""Our scorer against LightGBM's own, bit for bit."""

from __future__ import annotations

import lightgbm
import numpy as np
import polars as pl
import pytest

from tallystick.core import InputError
from tallystick.models import BoostedTrees, TreeOptions
from tallystick.models.frames import encode, fit_features
from tallystick.models.trees import parse_forest, train_booster


@pytest.mark.parametrize("missing", [True, False])
def test_the_raw_score_has_the_bits_of_lightgbm(missing: bool) -> None:
    """On new rows with missing, infinite and out-of-range values, and whether or not training saw missing values."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3000, 6))
    x[:, 1] = rng.poisson(2, 3000)
    if missing:
        x[rng.uniform(size=x.shape) < 0.15] = np.nan
    y = (np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) * 0.3 + rng.normal(size=3000) > 0.5).astype(float)
    features = fit_features(pl.DataFrame({f"x{i}": x[:, i] for i in range(6)}), y, np.ones(3000))
    booster = train_booster(x, y, np.ones(3000), features, TreeOptions(rounds=60), {}, 1)
    new = rng.normal(size=(5000, 6)) * 3
    new[rng.uniform(size=new.shape) < 0.2] = np.nan
    new[0], new[1], new[2] = np.inf, -np.inf, 0.0
    forest = parse_forest(booster.model_to_string())
    assert forest.check(6)
    whole = forest.raw(new)
    assert whole.tobytes() == booster.predict(new, raw_score=True).tobytes()
    rows = np.concatenate([forest.raw(new[i : i + 1]) for i in range(500)])
    assert rows.tobytes() == whole[:500].tobytes()


def test_monotone_constraints_hold(applicants: pl.DataFrame) -> None:
    """With ascending risk asked of usage, no increase of usage ever lowers the score."""
    labels = applicants.drop("bad")
    trees = BoostedTrees(rounds=60, monotone={"usage": "ascending"}).fit(labels, applicants["bad"])
    grid = np.linspace(-1, 2, 200)
    for row in range(10):
        frame = pl.concat([labels[row : row + 1]] * 200).with_columns(usage=pl.Series(grid))
        assert np.all(np.diff(trees.decision_function(frame)) >= 0)


def test_the_same_data_train_the_same_trees(applicants: pl.DataFrame) -> None:
    """Two trainings agree in every threshold and leaf."""
    labels, bad = applicants.drop("bad"), applicants["bad"]
    first, second = (BoostedTrees(rounds=30).fit(labels, bad).forest_ for _ in range(2))
    assert first.leaves.tobytes() == second.leaves.tobytes()
    assert first.threshold.tobytes() == second.threshold.tobytes()


def test_constant_data_give_a_single_leaf() -> None:
    """Without anything to split on, the answer is the base rate."""
    trees = BoostedTrees(rounds=5).fit({"x": [1.0] * 200}, [0, 0, 0, 1] * 50)
    assert trees.predict_proba({"x": [1.0, None]})[:, 1] == pytest.approx([0.25, 0.25])


def test_categorical_splits_are_refused() -> None:
    """A model text of another maker with category sets is not silently misread."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, size=(500, 1)).astype(float)
    data = lightgbm.Dataset(x, label=(x[:, 0] % 2), categorical_feature=[0])
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 3)
    with pytest.raises(InputError) as caught:
        parse_forest(booster.model_to_string())
    assert caught.value.code == "trees.kind"


def test_a_forged_forest_is_found_out(applicants: pl.DataFrame) -> None:
    """A child outside the arrays, a loop, or a feature that is not there never reaches the kernel."""
    labels = applicants.drop("bad")
    trees = BoostedTrees(rounds=3).fit(labels, applicants["bad"])
    forest, width = trees.forest_, labels.width
    assert forest.check(width)
    for name, place, value in (
        ("children", 0, 10**6),
        ("children", 4, 0),
        ("feature", 0, width),
        ("roots", 0, -(10**6)),
    ):
        array = getattr(forest, name)
        kept = array[place]
        array[place] = value
        assert not forest.check(width), name
        array[place] = kept
    assert forest.check(width)
    assert encode(labels, trees.features_).shape == labels.shape
