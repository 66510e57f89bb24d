"""Layers: a row and a column get the same bits, whatever is missing, new or extreme."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError
from tallystick.models import LayeredClassifier, Model, TreeOptions, auc
from tallystick.models.calibration import fit_calibration
from tallystick.models.layers import KINDS
from tallystick.models.scorecard import CardOptions

FEW = TreeOptions(rounds=20, leaves=4)
QUICK: dict[str, Any] = {"additive": FEW, "trees": FEW, "extra": FEW, "folds": 3}


def assert_rows_equal_columns(model: Model, frame: pl.DataFrame) -> None:
    columns = model.score_columns(frame)
    assert columns.height == frame.height
    for row, scored in zip(frame.iter_rows(named=True), columns.iter_rows(named=True), strict=True):
        one = model.score(row)
        assert (one.pd, one.points) == (scored["pd"], scored["points"])
        assert one.raw == {name: scored[name] for name in one.raw}


def test_row_equals_column_bit_for_bit(fitted: Model, newcomers: pl.DataFrame) -> None:
    """Missing, infinite and huge values, a category never seen: both ways give one answer."""
    assert_rows_equal_columns(fitted, newcomers)
    assert fitted.score_columns(newcomers.clear()).height == 0


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "usage": st.none() | st.floats(),
            "late": st.none() | st.integers(-(2**63), 2**63 - 1),
            "salary": st.none() | st.integers(-(2**63), 2**63 - 1),
            "job": st.none() | st.sampled_from(["clerk", "driver", "nurse", "none", "pilot", ""]),
            "owner": st.none() | st.booleans(),
            "noise": st.none() | st.floats(),
        }
    )
)
def test_row_equals_column_for_any_values(fitted: Model, row: dict[str, object]) -> None:
    """Any value that a label may hold is scored alike live and in batch."""
    schema = {"usage": pl.Float64, "late": pl.Int64, "salary": pl.Int64, "job": pl.String, "owner": pl.Boolean}
    frame = pl.DataFrame([row], schema={**schema, "noise": pl.Float64})
    one, scored = fitted.score(row), fitted.score_columns(frame).row(0, named=True)
    assert (one.pd, one.points, one.raw) == (scored["pd"], scored["points"], {name: scored[name] for name in one.raw})


@pytest.mark.parametrize(
    ("layers", "calibration"),
    [(("scorecard",), "platt"), (("trees",), "isotonic"), (("additive", "extra"), "beta"), (KINDS, "platt")],
)
def test_every_kind_of_model(
    layers: tuple[str, ...], calibration: str, applicants: pl.DataFrame, newcomers: pl.DataFrame
) -> None:
    """One layer or all, a line, steps or the beta curve: rows equal columns, and a higher PD never has more points."""
    fitted = LayeredClassifier(layers, calibration, **QUICK).fit(applicants.drop("bad"), applicants["bad"])  # type: ignore[arg-type]
    assert_rows_equal_columns(fitted.model_, newcomers.tail(60))
    scored = fitted.model_.score_columns(newcomers).sort("pd")
    assert scored["points"].is_sorted(descending=True)
    assert 0.0 < scored["pd"].min() < scored["pd"].max() < 1.0  # type: ignore[operator]
    held = fitted.predict_proba(applicants.drop("bad"))[:, 1]
    assert auc(held, applicants["bad"].to_numpy().astype(float)) > 0.7
    assert ("scorecard_points" in scored.columns) == ("scorecard" in layers)


def test_training_is_deterministic(applicants: pl.DataFrame) -> None:
    """The same data and seed give the same bits; another seed another model."""
    labels, bad = applicants.drop("bad"), applicants["bad"]
    first, again, other = (LayeredClassifier(**QUICK, seed=s).fit(labels, bad).predict_proba(labels) for s in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("card", [CardOptions(), CardOptions(ridge=0.0, signs="free")])
def test_a_declared_direction_binds_the_whole_model(applicants: pl.DataFrame, card: CardOptions) -> None:
    """Risk asked to rise with usage rises in every layer, the stack and the final score, whatever a copy says."""
    rng = np.random.default_rng(3)
    echo = applicants["usage"].fill_null(0.6) * 2 + rng.normal(size=applicants.height) * 0.1
    labels = applicants.drop("bad").with_columns(echo=echo)
    bad = applicants["bad"].to_numpy() | (labels["echo"].to_numpy() - 2 * labels["usage"].fill_null(0.6).to_numpy() > 0)
    model = LayeredClassifier(**QUICK, card=card, monotone={"usage": "ascending"}).fit(labels, bad)
    frame = pl.concat([labels[3:4]] * 100).with_columns(usage=pl.Series(np.linspace(0, 1.5, 100)))
    scored = model.model_.score_columns(frame)
    assert scored["pd"].is_sorted()
    assert scored["points"].is_sorted(descending=True)


def test_arrays_and_mappings_are_frames_too(applicants: pl.DataFrame) -> None:
    """A numpy array has columns x0, x1, …; a mapping keeps its names."""
    numbers = applicants.select("late", "salary")
    by_array = LayeredClassifier(**QUICK).fit(numbers.to_numpy(), applicants["bad"].to_numpy())
    by_name = LayeredClassifier(**QUICK).fit({n: numbers[n].to_list() for n in numbers.columns}, applicants["bad"])
    assert by_array.predict_proba(numbers.to_numpy()).tobytes() == by_name.predict_proba(numbers).tobytes()
    assert by_array.model_.labels == ("x0", "x1")


def test_what_a_model_refuses(fitted: Model, newcomers: pl.DataFrame) -> None:
    """An absent label, text for a number, a number for text: named, never guessed."""
    row = newcomers.row(0, named=True)
    for change, code in (({"usage": "high"}, "frame.number"), ({"job": 3}, "frame.text")):
        with pytest.raises(InputError) as caught:
            fitted.score({**row, **change})
        assert caught.value.code == code
        with pytest.raises(InputError) as caught:
            fitted.score_columns(pl.DataFrame([{**row, **change}]))
        assert caught.value.code == code
    with pytest.raises(InputError, match="has no usage"):
        fitted.score({name: value for name, value in row.items() if name != "usage"})
    with pytest.raises(InputError, match="usage is not in the data"):
        fitted.score_columns(newcomers.drop("usage"))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1)), min_size=2, max_size=40))
def test_isotonic_steps_are_the_closest_rising_steps(rows: list[tuple[int, int]]) -> None:
    """Each probability is the max over starts of the min over ends of mean outcomes, within its bounds."""
    z, y = np.array([r[0] for r in rows], dtype=float), np.array([r[1] for r in rows], dtype=float)
    found = fit_calibration("isotonic", z, y, np.ones(z.size))
    margin = 1 / (z.size + 2)
    levels = sorted(set(z.tolist()))
    for at in levels:
        exact = max(
            min(float(y[(z >= low) & (z <= high)].mean()) for high in levels if high >= at)
            for low in levels
            if low <= at
        )
        got = found.pds[int(np.searchsorted(np.array(found.cuts), at, side="left"))]
        assert got == pytest.approx(min(max(exact, margin), 1 - margin), abs=1e-12)


def test_the_beta_curve_is_a_logistic_regression_on_both_ends() -> None:
    """On scores bent at one end it fits better than a line, with slopes at which the likelihood is flat."""
    rng = np.random.default_rng(3)
    p = rng.uniform(0.01, 0.99, 20_000)
    y = (rng.uniform(size=p.size) < p**2).astype(float)
    z, ones = np.log(p / (1 - p)), np.ones(p.size)
    beta, line = fit_calibration("beta", z, y, ones), fit_calibration("platt", z, y, ones)
    found = beta.probabilities(z)
    assert np.abs(found - p**2).mean() < 0.01 < np.abs(line.probabilities(z) - p**2).mean()
    for column in (ones, np.log(p), -np.log1p(-p)):
        assert float((column * (y - found)).sum()) == pytest.approx(0.0, abs=1e-4)
    assert fit_calibration("beta", -z, y, ones).slope == 0.0


def test_calibrated_probabilities_are_those_that_the_model_gives(applicants: pl.DataFrame) -> None:
    """Every kind of calibration, beside the served model on its own stack."""
    for calibration in ("platt", "isotonic", "beta"):
        model = LayeredClassifier(("scorecard",), calibration, folds=2).fit(applicants.drop("bad"), applicants["bad"])
        scored = model.model_.score_columns(applicants.drop("bad"))
        said = model.model_.definition.branches[""].calibration.probabilities(scored["stack_log_odds"].to_numpy())
        assert said == pytest.approx(scored["pd"].to_numpy(), abs=1e-12)
