"""Training by recipe, and the model on disk."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from tallystick.core import DefinitionErrors, InputError, StateError, TamperError
from tallystick.models import Gates, Recipe, Registry, Split, Trained, TreeOptions, load, save, train

LABELS = ("usage", "late", "salary", "job", "owner", "noise")
TARGET = "loans.bad"
START = datetime(2025, 1, 1, tzinfo=UTC)
COHORT = Recipe("risk", TARGET, "loans", LABELS, trees=TreeOptions(rounds=15), folds=3)
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


def test_a_stored_model_is_the_same_model(trained: Trained, newcomers: pl.DataFrame, tmp_path: Path) -> None:
    """Saved twice it has one version; loaded it gives the same bits, and its card says what it was made of."""
    version = save(trained, tmp_path)
    assert save(trained.model, tmp_path) == version == trained.model.version
    assert [path.name for path in (tmp_path / "risk").iterdir()] == [version]
    model = load(tmp_path / "risk" / version)
    assert model.version == version
    assert model.score_columns(newcomers).equals(trained.model.score_columns(newcomers))
    row = newcomers.row(0, named=True)
    assert model.score(row) == trained.model.score(row)
    assert model.card["recipe"]["labels"] == list(LABELS)
    assert model.card["versions"] == {"labels": {"usage": "0" * 64}}
    assert model.card["report"]["auc"] == trained.report.auc
    assert model.card["seed"] == 7


@pytest.mark.parametrize("name", ["model.json", "card.json"])
def test_any_changed_byte_is_refused(name: str, trained: Trained, tmp_path: Path) -> None:
    """A digit of a point, a word of the card, half a file, no file: the model is not opened."""
    folder = tmp_path / "risk" / save(trained, tmp_path)
    whole = (folder / name).read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 60).tolist():
        if whole[place : place + 1].isspace():
            continue
        (folder / name).write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises((TamperError, StateError)):
            load(folder)
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TamperError):
        load(folder)
    (folder / name).unlink()
    with pytest.raises((TamperError, StateError)):
        load(folder)


def test_any_changed_number_of_the_trees_is_refused(trained: Trained, tmp_path: Path) -> None:
    """One value of one array, an array more, an array less, an object array, half a file."""
    path = tmp_path / "risk" / save(trained, tmp_path) / "arrays.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    forgeries = [{**arrays, name: np.concatenate([values[:-1], values[-1:] + 1])} for name, values in arrays.items()]
    forgeries += [{**arrays, "more": arrays["roots"]}, {"roots": arrays["roots"]}]
    forgeries += [{**arrays, "leaves": arrays["leaves"].astype(object)}]
    for forged in forgeries:
        np.savez(path, **forged)
        with pytest.raises(TamperError):
            load(path.parent)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TamperError):
        load(path.parent)


def test_a_split_by_time_names_an_instant() -> None:
    """A recipe made by hand cannot forget the cut."""
    with pytest.raises(InputError, match="needs cut_at"):
        Split("time", "2025-01-21")


def test_another_meaning_or_name_is_refused(trained: Trained, tmp_path: Path) -> None:
    """A semantics number of the future, a folder named after another version, an empty folder."""
    folder = tmp_path / "risk" / save(trained, tmp_path)
    head = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**head, "semantics": 3}))
    with pytest.raises(StateError, match="meaning 3"):
        load(folder)
    (folder / "model.json").write_text(json.dumps(head))
    other = folder.rename(folder.with_name("0" * 64))
    with pytest.raises(TamperError):
        load(other)
    with pytest.raises(StateError, match="no model is stored"):
        load(tmp_path)


def test_the_registry_knows_its_champion(trained: Trained, tmp_path: Path) -> None:
    """None at first; a promoted version is opened by default; a version that is not stored cannot be promoted."""
    registry = Registry(tmp_path)
    version = registry.save(trained)
    assert registry.champion("risk") is None
    with pytest.raises(StateError, match="no champion"):
        registry.load("risk")
    registry.promote("risk", version)
    assert registry.load("risk").version == version
    assert [(e.name, e.version, e.champion) for e in registry.entries()] == [("risk", version, True)]
    with pytest.raises(StateError):
        registry.promote("risk", "f" * 64)
    assert registry.champion("risk") == version
    assert sorted(os.listdir(tmp_path / "risk")) == sorted([version, "champion"])
