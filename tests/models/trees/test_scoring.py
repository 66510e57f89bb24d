"""Our scorer against LightGBM's own, bit for bit; and forests that are not what they should be."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import lightgbm
import msgspec
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.models import BoostedTrees, Forest, TreeOptions
from tallystick.models.frames import encode, fit_features
from tallystick.models.trees import fit_forest, join_forests, parse_forest, train_booster

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
Floats = NDArray[np.float64]


def drawn(rng: np.random.Generator, rows: int, missing: bool) -> Floats:
    """Six columns: numbers, counts, money, a flag; some of them missing."""
    x = rng.normal(size=(rows, 6))
    x[:, 1] = rng.poisson(2, rows)
    x[:, 2] = np.round(np.exp(8 + 2 * x[:, 2]), 2)
    x[:, 3] = rng.uniform(size=rows) < 0.3
    if missing:
        x[rng.uniform(size=x.shape) < 0.15] = np.nan
    return x


def boosted(missing: bool, rounds: int = 60, leaves: int = 12) -> Any:
    rng = np.random.default_rng(4)
    x = drawn(rng, 3000, missing)
    risk = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) * 0.3 + np.nan_to_num(x[:, 3])
    y = (risk + rng.normal(size=3000) > 0.8).astype(float)
    features = fit_features(pl.DataFrame({f"x{i}": x[:, i] for i in range(6)}), y, np.ones(3000))
    return train_booster(x, y, np.ones(3000), features, TreeOptions(rounds=rounds, leaves=leaves), {}, 1)


@pytest.mark.parametrize("missing", [True, False])
def test_the_raw_score_has_the_bits_of_lightgbm(missing: bool) -> None:
    """On new rows with missing, infinite and out-of-range values, and whether or not training saw missing values."""
    booster = boosted(missing)
    rng = np.random.default_rng(5)
    new = drawn(rng, 5000, True) * 3
    new[0], new[1], new[2], new[3] = np.inf, -np.inf, 0.0, -0.0
    forest = parse_forest(booster.model_to_string())
    assert forest.check(6)
    whole = forest.raw(new)
    assert whole.tobytes() == booster.predict(new, raw_score=True).tobytes()
    rows = np.concatenate([forest.raw(new[i : i + 1]) for i in range(500)])
    assert rows.tobytes() == whole[:500].tobytes()


@pytest.mark.soak
def test_a_million_rows_at_and_beside_the_thresholds() -> None:
    """Values at every threshold and one step below and above it, missing and infinite ones among them: the same bits.

    Above 50,000 rows the cores share the work; blocks of every size, row by row too, give the bits of the whole.
    """
    rows = 1_000_000 if SOAK else 60_001
    booster = boosted(True, rounds=500 if SOAK else 60, leaves=31)
    forest = parse_forest(booster.model_to_string())
    rng = np.random.default_rng(6)
    new = np.empty((rows, 6))
    for column in range(6):
        cuts = forest.threshold[forest.feature == column]
        near = np.concatenate([cuts, np.nextafter(cuts, -np.inf), np.nextafter(cuts, np.inf)])
        new[:, column] = rng.choice(
            np.concatenate([near, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-35, -1e-35, 5e-324]]), rows
        )
    whole = forest.raw(new)
    assert whole.tobytes() == booster.predict(new, raw_score=True, num_threads=2).tobytes()
    for size in (1, 7, 8, 9, 63, 64, 65, 200):
        assert forest.raw(new[:size]).tobytes() == whole[:size].tobytes()
    for i in range(rows - 100, rows):
        assert forest.raw(new[i : i + 1])[0] == whole[i]


@pytest.mark.parametrize("seed", range(20))
def test_any_forest_scores_as_its_arrays_say(
    seed: int, grow: Callable[..., Forest], naive_raw: Callable[[Forest, Floats], float]
) -> None:
    """Single leaves, chains and bushes against the walk of one node after the other."""
    rng = np.random.default_rng(seed)
    forest = grow(rng, int(rng.integers(1, 20)), 9, 4)
    assert forest.check(4)
    assert not forest.check(int(forest.width) - 1) or not forest.width
    x = rng.choice([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, np.nan], size=(40, 4))
    assert forest.raw(x).tolist() == [naive_raw(forest, row) for row in x]


@pytest.mark.parametrize("seed", range(10))
def test_the_first_trees_and_the_mean_of_forests(
    seed: int, grow: Callable[..., Forest], naive_raw: Callable[[Forest, Floats], float]
) -> None:
    """`first` cuts a sum off, `join_forests` takes the mean of sums; both are forests that pass the check."""
    rng = np.random.default_rng(seed)
    one, two = grow(rng, 12, 6, 3), grow(rng, 5, 6, 3)
    x = rng.choice([-1.0, 0.0, 1.0, 2.0, np.nan], size=(30, 3))
    mean = join_forests([one, two])
    assert mean.check(3)
    assert mean.raw(x) == pytest.approx((one.raw(x) + two.raw(x)) / 2.0, abs=1e-12)
    front = mean.first(12)
    assert front.check(3)
    assert front.raw(x).tolist() == (one.raw(x) / 2.0).tolist()


def test_a_matrix_too_narrow_is_refused(grow: Callable[..., Forest]) -> None:
    """The kernel never reads beside the matrix."""
    forest = grow(np.random.default_rng(1), 5, 5, 4)
    with pytest.raises(InputError) as caught:
        forest.raw(np.zeros((1, forest.width - 1)))
    assert caught.value.code == "trees.width"


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


def test_all_missing_and_unseen_values_are_scored(applicants: pl.DataFrame, newcomers: pl.DataFrame) -> None:
    """A column without any value teaches nothing; unseen categories, infinities and missing rows get a probability."""
    labels = applicants.drop("bad").with_columns(empty=pl.lit(None, dtype=pl.Float64))
    trees = BoostedTrees(rounds=20).fit(labels, applicants["bad"])
    assert labels.columns.index("empty") not in trees.forest_.feature
    found = trees.predict_proba(newcomers.with_columns(empty=pl.lit(3.0)))
    assert np.all((found > 0.0) & (found < 1.0))


def test_columns_without_a_common_group_never_meet(applicants: pl.DataFrame) -> None:
    """Interaction constraints: a path asks columns of one group only, and those of no group alone."""
    labels = applicants.drop("bad")
    trees = BoostedTrees(rounds=60, interactions=[["usage", "late"], ["salary", "noise"]]).fit(
        labels, applicants["bad"]
    )
    names = [feature.name for feature in trees.features_]
    allowed = [{"usage", "late"}, {"salary", "noise"}, {"job"}, {"owner"}]
    slots = trees.forest_.slots
    sets = [{names[f] for f in slots.feature[a:b]} for a, b in zip(slots.at[:-1], slots.at[1:], strict=True)]
    assert all(any(found <= group for group in allowed) for found in sets)
    assert {"usage", "late"} in sets


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"monotone": {"nothing": "ascending"}}, "frame.option"),
        ({"monotone": {"usage": "peak"}}, "trees.monotone"),
        ({"interactions": [["usage", "nothing"]]}, "frame.option"),
    ],
)
def test_constraints_on_nothing_are_refused(applicants: pl.DataFrame, options: dict[str, Any], code: str) -> None:
    """The names and directions that are allowed are said."""
    with pytest.raises(InputError) as caught:
        BoostedTrees(rounds=2, **options).fit(applicants.drop("bad"), applicants["bad"])
    assert caught.value.code == code


def _text(parameters: dict[str, Any], **data: Any) -> str:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, size=(500, 2)).astype(float)
    y = x[:, 0] % (3 if parameters.get("num_class") else 2)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, **parameters}
    text: str = lightgbm.train(settings, lightgbm.Dataset(x, label=y, **data), 3).model_to_string()
    return text


@pytest.mark.parametrize(
    ("parameters", "data", "code"),
    [
        ({}, {"categorical_feature": [0]}, "trees.kind"),
        ({"zero_as_missing": True}, {}, "trees.kind"),
        ({"linear_tree": True}, {}, "trees.text"),
        ({"objective": "multiclass", "num_class": 3}, {}, "trees.text"),
        ({"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}, {}, "trees.text"),
    ],
)
def test_models_of_other_kinds_are_refused(parameters: dict[str, Any], data: dict[str, Any], code: str) -> None:
    """Category sets, zero as missing, linear leaves, several classes and means of trees are not silently misread."""
    with pytest.raises(InputError) as caught:
        parse_forest(_text(parameters, **data))
    assert caught.value.code == code


def test_a_torn_text_is_refused() -> None:
    """Whatever is cut off or garbled: an error that says so, never another score."""
    text = _text({})
    for torn in (
        "",
        "tree\nversion=v4",
        text.replace("leaf_value=", "leaf=", 1),
        text.replace("left_child=0", "left_child=x"),
    ):
        if torn != text:
            with pytest.raises(InputError) as caught:
                parse_forest(torn)
            assert caught.value.code == "trees.text"
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.startswith(("left_child=", "right_child=")):
            looped = "\n".join(
                [*lines[:i], line.split("=")[0] + "=" + " ".join("0" for _ in line.split()), *lines[i + 1 :]]
            )
            with pytest.raises(InputError):
                parse_forest(looped)


def test_a_forged_forest_is_found_out(applicants: pl.DataFrame) -> None:
    """A child outside the arrays, a loop, two ways to one node, a feature that is not there, NaN: none is run."""
    labels = applicants.drop("bad")
    matrix = encode(labels, fit_features(labels, np.zeros(labels.height), np.ones(labels.height)))
    y = applicants["bad"].cast(pl.Float64).to_numpy()
    features = fit_features(labels, y, np.ones(y.size))
    forest = fit_forest(matrix, y, np.ones(y.size), features, TreeOptions(rounds=3), {}, 1)
    width = labels.width
    assert forest.check(width)
    inner = int(np.flatnonzero(forest.children >= 0)[0])
    ends = np.flatnonzero(forest.children < 0)
    for name, place, value in (
        ("children", 0, 10**6),
        ("children", 4, 0),
        ("children", inner, int(forest.children[ends[0]])),
        ("children", int(ends[0]), int(forest.children[ends[1]])),
        ("feature", 0, width),
        ("feature", 0, -1),
        ("roots", 0, -(10**6)),
        ("roots", 1, 0),
        ("nan_child", 0, 2),
        ("threshold", 0, np.nan),
        ("leaves", 0, np.inf),
    ):
        array = getattr(forest, name).copy()
        array[place] = value
        assert not msgspec.structs.replace(forest, **{name: array}).check(width), name
    for name in ("roots", "feature", "threshold", "children", "nan_child", "leaves"):
        assert not msgspec.structs.replace(forest, **{name: getattr(forest, name)[:-1]}).check(width), name
        assert not msgspec.structs.replace(forest, **{name: getattr(forest, name).reshape(1, -1)}).check(width), name


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"rounds": 2.5},
        {"leaves": 1},
        {"learning_rate": float("nan")},
        {"row_share": 2.0},
        {"l2": -1.0},
        {"max_values": 1},
        {"monotone_method": "strict"},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """By name, before LightGBM sees them; what it would pass over in silence too."""
    with pytest.raises(InputError) as caught:
        BoostedTrees(**wrong).fit({"x": [0.0, 1.0] * 40}, [0, 1] * 40)
    assert caught.value.code == "trees.option"
    assert str(next(iter(wrong))) in str(caught.value)


def test_numbers_of_numpy_are_options_too() -> None:
    """As a grid of settings gives them."""
    grid: dict[str, Any] = {"rounds": np.int64(5), "learning_rate": np.float64(0.1)}
    assert BoostedTrees(**grid).fit({"x": [0.0, 1.0] * 90}, [0, 1] * 90).forest_.roots.size == 5
