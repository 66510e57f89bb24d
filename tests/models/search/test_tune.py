"""The tuner: its budget holds, its figure is honest, and nothing hangs on the clock."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import polars as pl
import pytest

from tallystick.core import InputError, StateError
from tallystick.models import BoostedTrees, Scorecard
from tallystick.models.frames import Floats
from tallystick.models.search import Budget, tune
from tallystick.models.search.space import draw, setting_at, size_of
from tallystick.models.search.tune import plan

SPACE: dict[str, list[Any]] = {"max_bins": [1, 2, 8], "min_share": [0.01, 0.2], "min_events": [5, 10]}


def made(rows: int, seed: int = 0) -> tuple[pl.DataFrame, Floats]:
    """A column that tells by many bins, and noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=rows)
    y = rng.uniform(size=rows) < 0.5 + 0.4 * np.sin(12 * x)
    return pl.DataFrame({"x": x, "noise": rng.normal(size=rows)}), y.astype(float)


def test_the_space_is_counted_and_drawn_without_repetition() -> None:
    """Every setting has one place; a small space is taken whole."""
    assert size_of(SPACE) == 12
    whole = [setting_at(SPACE, i) for i in range(12)]
    assert len({tuple(setting.values()) for setting in whole}) == 12
    assert draw(SPACE, 20, np.random.default_rng(0)) == whole
    drawn = draw(SPACE, 7, np.random.default_rng(0))
    assert len({tuple(setting.values()) for setting in drawn}) == 7
    assert list(drawn[0]) == list(SPACE)


@pytest.mark.parametrize("sampler", ["halving", "optuna"])
def test_it_finds_what_matters_within_its_budget(sampler: str) -> None:
    """Many bins are better; no search fits more rows than its budget; the same seed gives the same answer."""
    frame, y = made(1500)
    budget = Budget(fits=24, folds=2, outer=2, keep=3)
    told: list[tuple[int, int]] = []
    found = tune(
        Scorecard(monotone="none"),
        frame,
        y,
        SPACE,
        budget=budget,
        sampler=sampler,  # type: ignore[arg-type]
        step=lambda *done: told.append(done),
    )
    assert found.settings["max_bins"] == 8
    assert found.trials[0].auc == found.searched_auc == max(t.auc for t in found.trials if t.share == 1.0)
    assert 0.6 < found.auc < 0.9
    assert len(found.auc_folds) == len(found.chosen) == 2
    # Two searches on half of the rows, one on all, and the two fits that give the figure.
    assert found.rows_fitted <= 1.1 * (24 * 750 * 2 + 24 * 1500 + 2 * 750)
    assert told == [(1, 3), (2, 3), (3, 3)]
    again = tune(Scorecard(monotone="none"), frame, y, SPACE, budget=budget, sampler=sampler)  # type: ignore[arg-type]
    assert again == found


def test_the_reported_figure_is_honest_on_noise() -> None:
    """Where nothing can be learnt the search believes in its best draw, the nested figure does not."""
    rng = np.random.default_rng(1)
    gaps, honest = [], []
    for seed in range(3):
        frame = pl.DataFrame({f"x{i}": rng.normal(size=240) for i in range(6)})
        y = (rng.uniform(size=240) < 0.5).astype(float)
        space: dict[str, list[Any]] = {"seed": list(range(12)), "leaves": [2, 4]}
        estimator = BoostedTrees(rounds=5, min_rows=5)
        found = tune(estimator, frame, y, space, budget=Budget(fits=24, folds=2, outer=3), seed=seed)
        gaps.append(found.optimism)
        honest.append(found.auc)
    assert np.mean(gaps) > 0.02
    assert abs(np.mean(honest) - 0.5) < 0.06


def test_groups_stay_together_in_every_share() -> None:
    """Rows that repeat a customer never stand on both sides, so a memory of customers gains nothing."""
    rng = np.random.default_rng(2)
    customer = np.repeat(np.arange(150), 4)
    y = np.repeat(rng.integers(0, 2, 150), 4).astype(float)
    frame = pl.DataFrame({"who": rng.permutation(150)[customer].astype(float)})
    estimator = BoostedTrees(rounds=30, leaves=31, min_rows=1)
    budget = Budget(fits=4, folds=2, outer=3)
    together = tune(estimator, frame, y, {"l2": [0.0, 1.0]}, budget=budget, groups=customer).auc
    apart = tune(estimator, frame, y, {"l2": [0.0, 1.0]}, budget=budget).auc
    assert together < 0.65 < 0.9 < apart


def test_rounds_leave_enough_of_the_rarer_outcome() -> None:
    """Few events: one round on all rows; many: up to five, and each begins with more settings."""
    few, many = np.array([1.0] * 50 + [0.0] * 950), np.array([1.0] * 5_000 + [0.0] * 5_000)
    assert plan(Budget(), few) == (1, 20)
    rounds, count = plan(Budget(), many)
    assert rounds == 4
    assert count > 20


@pytest.mark.parametrize(
    ("space", "budget", "sampler", "text"),
    [
        ({}, Budget(), "halving", "space is empty"),
        ({"max_bins": []}, Budget(), "halving", "max_bins has no values"),
        ({"max_bin": [3]}, Budget(), "halving", "did you mean max_bins"),
        (SPACE, Budget(fits=0), "halving", "fits = 0"),
        (SPACE, Budget(keep=1), "halving", "keep = 1"),
        (SPACE, Budget(), "grid", "allowed: halving, optuna"),
    ],
)
def test_what_it_refuses(space: dict[str, list[float]], budget: Budget, sampler: str, text: str) -> None:
    """What was given and what is allowed."""
    frame, y = made(100)
    with pytest.raises(InputError, match=text):
        tune(Scorecard(), frame, y, space, budget=budget, sampler=sampler)  # type: ignore[arg-type]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without optuna the message says what to install."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    frame, y = made(100)
    with pytest.raises(StateError, match=r"tallystick\[optuna\]"):
        tune(Scorecard(), frame, y, SPACE, sampler="optuna")
