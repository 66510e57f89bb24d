"""Windows, stacks, parts over labels of their own, segments, and curves of additive trees."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tallystick.core import InputError
from tallystick.models import LayeredClassifier, LayerOptions, MasterScale, Terms, TreeOptions
from tallystick.models.frames import Feature
from tallystick.models.layers import PartOptions, Segments, fit_layers, fold_of
from tallystick.models.layers.curves import as_curves
from tallystick.models.layers.folds import random_windows, time_windows
from tallystick.models.layers.stack import PULL, fit_stack, stack_out_of_fold
from tallystick.models.portfolio import ScaleOptions
from tallystick.models.trees import fit_forest

FEW = TreeOptions(rounds=20, leaves=4)
BOOSTS: dict[str, Any] = {"additive": FEW, "trees": FEW, "extra": FEW}


def test_folds_keep_outcomes_and_groups() -> None:
    """Every fold has its share of bads; the rows of one customer share a fold; too few of a class is refused."""
    y = np.array([1.0, 0.0, 0.0, 0.0] * 50)
    fold = fold_of(y, 5, 0)
    assert [int(y[fold == k].sum()) for k in range(5)] == [10] * 5
    customer = np.arange(200) // 4
    fold = fold_of(y, 5, 0, customer)
    assert all(len(set(fold[customer == c].tolist())) == 1 for c in range(50))
    with pytest.raises(InputError, match="5 folds"):
        fold_of(np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 5, 0)


def test_few_events_have_few_folds() -> None:
    """Three bads make three folds; one makes none."""
    assert len(random_windows(np.array([1.0] * 3 + [0.0] * 50), 5, 7)) == 3
    with pytest.raises(InputError, match="2 folds"):
        random_windows(np.array([1.0] + [0.0] * 50), 5, 7)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 1)), min_size=4, max_size=80), st.integers(2, 6))
def test_windows_by_time_never_look_ahead(rows: list[tuple[int, int]], folds: int) -> None:
    """What is held out lies after all that is learnt; a period is never cut; both hold both outcomes; none twice."""
    periods, y = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    try:
        windows = time_windows(y, folds, periods)
    except InputError:
        assume(False)
    assert 2 <= len(windows) <= folds
    held = np.concatenate([window.held for window in windows])
    assert len(set(held.tolist())) == held.size
    for window in windows:
        assert periods[window.known].max() < periods[window.held].min()
        assert all(0 < y[part].sum() < part.size for part in window)
    assert set(periods[held]).isdisjoint(set(periods) - set(periods[held]))


def test_too_few_periods_are_refused() -> None:
    """Two months are no three windows."""
    with pytest.raises(InputError, match="3 windows by time"):
        time_windows(np.array([0.0, 1.0] * 10), 3, np.repeat([1, 2], 10))


def test_stacks_by_time_use_the_past_alone() -> None:
    """The first held window has no stack; later ones are stacked by the windows before them, whatever comes after."""
    rng = np.random.default_rng(0)
    periods = np.repeat(np.arange(8), 50)
    z = rng.normal(size=(400, 2))
    y = (rng.uniform(size=400) < 1 / (1 + np.exp(-z.sum(axis=1)))).astype(float)
    windows = time_windows(y, 3, periods)
    whole = stack_out_of_fold(z, y, np.ones(400), windows, in_order=True)
    first, second, last = windows
    assert np.isnan(whole[first.held]).all()
    changed = y.copy()
    changed[last.held] = 1 - changed[last.held]
    assert (
        stack_out_of_fold(z, changed, np.ones(400), windows, in_order=True)[second.held] == whole[second.held]
    ).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_the_stack_is_at_its_best_and_never_negative(seed: int, layers: int) -> None:
    """No small change of a weight that keeps it at least 0 raises the penalised likelihood."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(300, layers))
    y = (rng.uniform(size=300) < 1 / (1 + np.exp(-z @ rng.normal(size=layers)))).astype(float)
    y[:2] = [0.0, 1.0]
    weights = rng.uniform(0.5, 2.0, 300)

    def loss(intercept: float, slopes: np.ndarray) -> float:
        raw = intercept + z @ slopes
        return float((weights * (np.logaddexp(0, raw) - y * raw)).sum() + PULL / 2 * ((slopes - 1 / layers) ** 2).sum())

    intercept, slopes = fit_stack(z, y, weights)
    assert slopes.min() >= 0.0
    kept = np.flatnonzero(slopes > 0)
    for step in (-1e-4, 1e-4):
        assert loss(intercept + step, slopes) >= loss(intercept, slopes)
        for column in kept:
            moved = slopes.copy()
            moved[column] = max(moved[column] + step, 0.0)
            assert loss(intercept, moved) >= loss(intercept, slopes)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_curves_give_what_their_trees_give(seed: int) -> None:
    """Between, on and beside every threshold, at the ends and where missing; one tree for each label at most."""
    rng = np.random.default_rng(seed)
    matrix = np.round(rng.normal(size=(300, 3)), 1)
    matrix[rng.uniform(size=matrix.shape) < 0.1] = np.nan
    y = (np.nan_to_num(matrix).sum(axis=1) + rng.normal(size=300) > 0).astype(float)
    features = tuple(Feature(name) for name in "abc")
    alone = msgspec.structs.replace(FEW, interactions=(("a",), ("b",), ("c",)), rounds=30)
    forest = fit_forest(matrix, y, np.ones(300), features, alone, {}, seed)
    curves = as_curves(forest, 3)
    assert curves.check(3)
    assert curves.roots.size <= 4
    cuts = np.unique(forest.threshold)
    probes = np.concatenate([cuts, np.nextafter(cuts, np.inf), [np.nan, -1.7e308, 1.7e308]])
    rows = np.concatenate([matrix, rng.choice(probes, size=(500, 3))])
    assert curves.raw(rows) == pytest.approx(forest.raw(rows), abs=1e-12)


def test_parts_read_their_own_labels(applicants: pl.DataFrame) -> None:
    """A bureau's scorecard and a bank's trees: what one reads moves only its own log-odds."""
    parts = {
        "bureau": PartOptions("scorecard", ("late", "usage")),
        "bank": PartOptions("trees", ("salary", "job", "owner")),
    }
    frame = applicants.drop("bad")
    model = LayeredClassifier(parts=parts, folds=3, **BOOSTS).fit(frame, applicants["bad"]).model_
    assert [[model.labels[i] for i in part.reads] for part in model.definition.branches[""].parts] == [
        ["usage", "late"],
        ["salary", "job", "owner"],
    ]
    before = model.score_columns(frame)
    after = model.score_columns(frame.with_columns(late=pl.lit(9, dtype=pl.Int64)))
    assert (before["bank_log_odds"] == after["bank_log_odds"]).all()
    assert not (before["bureau_points"] == after["bureau_points"]).all()
    with pytest.raises(InputError, match="not among the labels"):
        LayeredClassifier(parts={"x": PartOptions("trees", ("nothing",))}).fit(frame, applicants["bad"])
    with pytest.raises(InputError, match="one or more of"):
        LayeredClassifier(("forest",)).fit(frame, applicants["bad"])


def test_segments_have_branches_where_they_are_large_enough(applicants: pl.DataFrame) -> None:
    """Clerks and drivers have enough rows; every other job, a new one and a missing one take the common branch."""
    frame, y = applicants.drop("bad"), applicants["bad"].to_numpy().astype(float)
    options = LayerOptions(
        ("scorecard",),
        folds=2,
        segments=Segments("job", 500, 20),
        rating=ScaleOptions(6, 50, 5),
        terms=Terms(caps=(0,) * 6, prices_bps=(0,) * 6),
    )
    labels = ["usage", "late", "salary"]
    model = fit_layers("risk", frame, y, np.ones(y.size), msgspec.structs.replace(options, terms=None), labels=labels)
    assert list(model.definition.branches) == ["", "clerk", "driver"]
    assert model.labels == ("usage", "late", "salary", "job")
    rows = pl.concat([frame[:1]] * 4).with_columns(job=pl.Series(["clerk", "nurse", "astronaut", None]))
    pds = model.score_columns(rows)["pd"].to_list()
    assert pds[0] != pds[1] == pds[2] == pds[3]
    assert isinstance(model.definition.rating, MasterScale)
    assert model.score(rows.row(0, named=True)).rating in model.definition.rating.grades
    only = frame.filter(pl.col("job") == "clerk")
    again = fit_layers(
        "risk",
        only,
        applicants.filter(pl.col("job") == "clerk")["bad"].to_numpy().astype(float),
        np.ones(only.height),
        LayerOptions(("scorecard",), folds=2),
        labels=labels,
    )
    assert again.score_columns(only)["pd"].to_list() == model.score_columns(only)["pd"].to_list()


def test_what_the_fit_refuses(applicants: pl.DataFrame) -> None:
    """Windows by time without periods, segments by a column that is not there."""
    frame, y = applicants.drop("bad"), applicants["bad"]
    with pytest.raises(InputError, match="need a period"):
        LayeredClassifier(("scorecard",), windows="time").fit(frame, y)
    with pytest.raises(InputError, match="not among the columns"):
        LayeredClassifier(("scorecard",), segments=Segments("branch")).fit(frame, y)
    fitted = LayeredClassifier(("scorecard",), windows="time", folds=3).fit(frame, y, periods=np.arange(y.len()) // 200)
    assert 0.0 < fitted.model_.score(frame.row(0, named=True)).pd < 1.0


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"folds": 1}, "layers.option"),
        ({"folds": 2.5}, "layers.option"),
        ({"seed": -1}, "layers.option"),
        ({"windows": "month"}, "layers.option"),
        ({"parts": {"stack": PartOptions("scorecard")}}, "layers.reserved"),
        ({"parts": {"": PartOptions("scorecard")}}, "layers.reserved"),
        ({"parts": {"own": PartOptions("forest")}}, "layers.unknown"),  # type: ignore[arg-type]
        ({"trees": TreeOptions(rounds=0)}, "trees.option"),
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any], code: str) -> None:
    """None is changed in silence, and no model is made that its own file would refuse."""
    x = np.arange(60.0)
    with pytest.raises(InputError) as caught:
        LayeredClassifier(**{"layers": ("trees",), **wrong}).fit({"x": x}, x % 3 > 1)
    assert caught.value.code == code
