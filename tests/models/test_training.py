"""Training by recipe, and the model on disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from tallystick.core import DefinitionErrors, InputError
from tallystick.models import Gates, Model, Recipe, Split, Terms, Trained, TreeOptions, load, train
from tallystick.models.layers import Segments
from tallystick.models.recipe import Rating

LABELS = ("usage", "late", "salary", "job", "owner", "noise")
TARGET = "loans.bad"
START = datetime(2025, 1, 1, tzinfo=UTC)
COHORT = Recipe(
    "risk", TARGET, "loans", LABELS, layers=("scorecard", "trees"), trees=TreeOptions(rounds=20, leaves=4), folds=3
)
CUT = int(datetime(2025, 1, 21, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture(scope="module")
def points(applicants: pl.DataFrame) -> pl.DataFrame:
    rows = applicants.height
    outcome = applicants["bad"].to_list()
    outcome[:7] = [None] * 7
    return applicants.drop("bad").with_columns(
        pl.Series(TARGET, outcome, dtype=pl.Boolean),
        pl.Series("t", [START + timedelta(minutes=20 * i) for i in range(rows)]),
        pl.Series("id", [f"loan-{i}" for i in range(rows)]),
        pl.Series("customer", np.arange(rows) // 3),
    )


@pytest.fixture(scope="module")
def trained(points: pl.DataFrame) -> Trained:
    return train(COHORT, points, versions={"labels": {"usage": "0" * 64}})


def test_one_cohort_is_cross_validated_and_says_why_there_is_no_later_sample(trained: Trained) -> None:
    """AUC and KS are means over folds; out of time is null, with the reason in both languages."""
    report = trained.report
    assert report.without_outcome == 7
    assert len(report.auc_folds) == 3
    assert report.auc == pytest.approx(sum(report.auc_folds) / 3)
    assert 0.65 < report.auc < 0.9
    assert report.cross_validation.rows == report.rows == 1993
    assert report.out_of_time is None
    assert report.out_of_time_reason is not None
    assert "one cohort" in report.out_of_time_reason.text()
    assert {label.label for label in report.labels} == set(LABELS)


def test_progress_is_told_step_by_step(points: pl.DataFrame) -> None:
    """(folds + 1)² fits of the first layers, counted one by one."""
    told: list[tuple[str, int, int]] = []
    train(COHORT, points, lambda *step: told.append(step))
    assert told == [("risk", i, 16) for i in range(1, 17)]


def test_a_split_by_time_tests_on_what_came_later(points: pl.DataFrame) -> None:
    """Rows before the cut train; those after it give metrics and the PSI of the points; gates judge those."""
    recipe = msgspec.structs.replace(
        COHORT, split=Split("time", "2025-01-21", cut_at=CUT), gates=Gates(0.6, 0.99, (0.2, 5.0)), group="customer"
    )
    report = train(recipe, points).report
    assert report.out_of_time is not None
    assert (report.rows, report.out_of_time.rows) == (1433, 560)
    assert report.psi is not None
    assert 0 <= report.psi < 0.3
    assert [(gate.name, gate.passed, gate.sample) for gate in report.gates] == [
        ("auc_min", True, "out_of_time"),
        ("ks_min", False, "out_of_time"),
        ("calibration_slope", True, "out_of_time"),
    ]
    assert not report.passed
    micros = points.with_columns(pl.col("t").dt.epoch("us"))
    assert train(recipe, micros).report == report


def test_sampled_negatives_keep_the_probabilities_right(points: pl.DataFrame) -> None:
    """A third of the negatives, drawn by the hash of their id and weighted, give nearly the same mean PD."""
    recipe = msgspec.structs.replace(COHORT, sample_negatives=0.33)
    trained = train(recipe, points)
    assert trained.report.negatives_left_out > 500
    assert trained.report.rows + trained.report.negatives_left_out == 1993
    mean = trained.model.score_columns(points)["pd"].mean()
    observed = points[TARGET].cast(pl.Float64).mean()
    assert trained.report.bad_rate == pytest.approx(observed, abs=1e-15)
    assert trained.report.bad_rate < 0.6 * trained.report.events / trained.report.rows
    assert mean == pytest.approx(observed, rel=0.08)
    assert train(recipe, points).model.version == trained.model.version


def test_training_refuses_what_is_protected_or_absent(points: pl.DataFrame) -> None:
    """A protected column, by name or lineage, and a column that is not in the frame."""
    with pytest.raises(DefinitionErrors):
        train(msgspec.structs.replace(COHORT, protected=("owner",)), points)
    with pytest.raises(DefinitionErrors):
        train(msgspec.structs.replace(COHORT, protected=("sex",)), points, lineage={"noise": {"people.sex"}})
    with pytest.raises(InputError, match="no column late"):
        train(COHORT, points.drop("late"))


def test_a_split_by_time_names_an_instant() -> None:
    """A recipe made by hand cannot forget the cut."""
    with pytest.raises(InputError, match="needs cut_at"):
        Split("time", "2025-01-21")


def test_a_stored_model_is_the_same_model(trained: Trained, newcomers: pl.DataFrame, tmp_path: Path) -> None:
    """Loaded it gives the same bits, and its card says what it was made of and how its labels were spread."""
    version = trained.model.save(tmp_path / "risk.tally")
    model = load(tmp_path / "risk.tally")
    assert isinstance(model, Model)
    assert model.version == version == trained.model.version
    assert model.score_columns(newcomers).equals(trained.model.score_columns(newcomers))
    assert model.card["recipe"]["labels"] == list(LABELS)
    assert model.card["versions"] == {"labels": {"usage": "0" * 64}}
    assert model.card["report"]["auc"] == trained.report.auc
    assert model.card["seed"] == 7
    assert set(model.card["development"]["labels"]) == set(LABELS)


def test_windows_by_time_and_segments_train_by_recipe(points: pl.DataFrame) -> None:
    """Expanding windows over months of the points; branches of their own, whose rows the report counts."""
    spread = points.with_columns(pl.Series("t", [START + timedelta(hours=4 * i) for i in range(points.height)]))
    cut = int(datetime(2025, 10, 1, tzinfo=UTC).timestamp()) * 1_000_000
    recipe = msgspec.structs.replace(
        COHORT,
        labels=("usage", "late", "salary"),
        layers=("scorecard",),
        windows="time",
        split=Split("time", "2025-10-01", cut_at=cut),
        segments=Segments("owner", 300, 30),
        rating=Rating(("A", "B"), (0.2,)),
        terms=Terms("salary", (1.0, 0.0), (10**9, 0), (500, 900)),
    )
    found = train(recipe, spread)
    assert set(found.report.branches) == {"false", "true"}
    assert sum(found.report.branches.values()) == found.report.rows
    row = spread.row(20, named=True)
    score = found.model.score(row)
    assert score.rating in ("A", "B")
    assert score.offer is not None
    assert score.offer.limit_minor == (row["salary"] if score.rating == "A" else 0)
    with pytest.raises(InputError, match="no column owner"):
        train(recipe, spread.drop("owner"))
