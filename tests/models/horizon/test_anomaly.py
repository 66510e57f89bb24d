"""The isolation forest equals scikit-learn's, a row the column, and its reasons add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from tallystick.core import InputError, TamperError
from tallystick.models.container import read_file, write_file
from tallystick.models.frames import encode
from tallystick.models.horizon import Anomaly, AnomalyDetector, AnomalyOptions, fit_anomaly, open_anomaly

Array = NDArray[Any]


def payments(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "amount": np.round(rng.lognormal(3, 1, rows), 2),
            "hour": rng.integers(6, 23, rows),
            "country": rng.choice(["DE", "FR", "PL", "VU"], rows, p=[0.7, 0.2, 0.099, 0.001]),
            "age_days": pl.Series(np.where(rng.uniform(size=rows) < 0.1, np.nan, rng.exponential(300, rows))).fill_nan(
                None
            ),
        }
    )


@pytest.fixture(scope="module")
def fitted() -> Anomaly:
    return fit_anomaly(payments(3_000, 1), options=AnomalyOptions("payments"))


def ulps(a: Array, b: Array) -> int:
    return int(np.abs(a.view(np.int64) - b.view(np.int64)).max())


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    """The same forest on new rows with missing values, huge values and values on thresholds: within 4 ulp."""
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(400, 3)) * np.array([1.0, 1e9, 1e-9])
    known[rng.uniform(size=known.shape) < 0.1] = np.nan
    peer = IsolationForest(n_estimators=60, max_samples=64, random_state=7).fit(known)
    model = fit_anomaly(known, options=AnomalyOptions(trees=60, rows=64))
    cuts = np.concatenate([tree.tree_.threshold for tree in peer.estimators_])
    rows = rng.normal(size=(2_000, 3)) * 10.0 ** rng.integers(-40, 38, (2_000, 3))
    rows[:1000, 0] = np.nextafter(rng.choice(cuts, 1000), rng.choice([-np.inf, 0.0, np.inf], 1000))
    rows[:500, 1] = rng.choice(cuts, 500).astype(np.float32)
    rows[rng.uniform(size=rows.shape) < 0.1] = np.nan
    ours = model.score_columns(pl.DataFrame({f"x{j}": rows[:, j] for j in range(3)}))["anomaly"].to_numpy()
    assert ulps(ours, -peer.score_samples(rows)) <= 4


VALUES = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(VALUES, st.none() | st.integers(-3, 30), st.sampled_from(["DE", "VU", "??", "", None]), VALUES),
        min_size=1,
        max_size=20,
    )
)
def test_a_row_is_scored_with_the_bits_of_the_column(fitted: Anomaly, rows: list[tuple[Any, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=payments(1, 0).schema, orient="row")
    columns = fitted.score_columns(frame)
    for place, row in enumerate(frame.iter_rows(named=True)):
        score = fitted.score(row)
        assert (score.anomaly, score.flagged) == columns.row(place)
        assert 0.0 < score.anomaly <= 1.0


def test_what_labels_save_is_the_depth_that_a_row_lacks(fitted: Anomaly) -> None:
    matrix = encode(payments(200, 3), fitted.definition.features)
    roots = fitted.arrays["depth"][fitted.arrays["roots"]].sum()
    depth = -np.log2(fitted.anomalies(matrix)) * fitted.definition.mean_depth * fitted.arrays["roots"].size
    assert fitted.contributions(matrix).sum(axis=1) == pytest.approx(roots - depth, rel=1e-9)


def test_what_stands_alone_is_found_and_said() -> None:
    """Twenty planted rows among 3,000: nearly all flagged, and the first reason is the label that was moved."""
    frame = payments(3_000, 5)
    odd = payments(20, 6).with_columns(amount=pl.lit(50_000.0), hour=pl.lit(3, dtype=pl.Int64))
    model = fit_anomaly(pl.concat([frame, odd]), options=AnomalyOptions(share=0.02))
    assert model.score_columns(odd)["flagged"].sum() > 18
    score = model.score(odd.row(0, named=True))
    assert {reason.label for reason in score.reasons[:2]} == {"amount", "hour"}
    first = next(reason for reason in score.reasons if reason.label == "amount")
    assert first.value == 50_000.0
    assert first.usual.text("en").startswith("nine in ten lie between")
    assert first.usual.text("zh").startswith("九成介于")
    stranger = model.score(frame.row(0, named=True) | {"country": "ZZ", "age_days": None})
    texts = {reason.label: str(reason.usual) for reason in stranger.reasons}
    assert texts["country"] == "0% have this value"


def test_about_the_declared_share_is_flagged(fitted: Anomaly) -> None:
    assert fitted.score_columns(payments(3_000, 1))["flagged"].sum() <= 30
    assert 40 < fitted.score_columns(payments(20_000, 8))["flagged"].sum() < 600


def test_odd_columns_still_fit() -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "none": pl.Series([None] * 300, dtype=pl.Float64),
            "nothing": pl.Series([None] * 300),
            "constant": [4] * 300,
            "infinite": np.where(rng.uniform(size=300) < 0.5, np.inf, -np.inf),
            "huge": rng.choice([1e308, -1e308, 0.0], 300),
            "many": [f"c{i}" for i in range(300)],
            "flag": rng.uniform(size=300) < 0.5,
        }
    )
    model = fit_anomaly(frame)
    assert model.score_columns(frame)["anomaly"].is_finite().all()
    assert fit_anomaly({"x": [1.0]}).score({"x": 1.0}).anomaly == 0.5
    with pytest.raises(InputError):
        model.score({"none": None})
    with pytest.raises(InputError):
        fit_anomaly(pl.DataFrame({"when": [None]}, schema={"when": pl.Date}))
    with pytest.raises(InputError):
        fit_anomaly({})
    with pytest.raises(InputError):
        AnomalyOptions(share=0.0)


def test_a_hundred_thousand_categories_are_taken() -> None:
    texts = [f"c{i % 100_000}" for i in range(120_000)]
    model = fit_anomaly({"text": texts}, options=AnomalyOptions(trees=20))
    feature = model.definition.features[0]
    assert (len(feature.categories or ()), feature.pooled) == (1_000, 99_000)
    assert model.score({"text": "c99999"}).anomaly == model.score({"text": "unseen"}).anomaly


def test_a_file_scores_as_what_was_written(fitted: Anomaly, tmp_path: Path) -> None:
    path = tmp_path / "payments.tally"
    assert fitted.save(path) == fitted.version
    frame = payments(100, 9)
    opened = open_anomaly(read_file(path))
    assert opened.score_columns(frame).equals(fitted.score_columns(frame))
    assert opened.score(frame.row(0, named=True)) == fitted.score(frame.row(0, named=True))


@pytest.mark.parametrize("name", ["roots", "feature", "children", "nan_side", "threshold", "depth"])
def test_forged_trees_are_refused(fitted: Anomaly, tmp_path: Path, name: str) -> None:
    """A root, child or label outside the arrays, a circle, a NaN: never walked."""
    wrongs: dict[str, list[Any]] = {"roots": [-1, 10**9], "feature": [4, -1], "children": [0, -1, 10**9]}
    wrongs |= {"nan_side": [2], "threshold": [np.nan], "depth": [np.inf]}
    path = tmp_path / "forged.tally"
    for wrong in wrongs[name]:
        arrays = {key: array.copy() for key, array in fitted.arrays.items()}
        arrays[name][0] = wrong
        write_file(path, "anomaly", 1, fitted.definition, arrays, {})
        with pytest.raises(TamperError):
            open_anomaly(read_file(path))
    twice = msgspec.structs.replace(fitted.definition, features=(fitted.definition.features[0],) * 4)
    write_file(path, "anomaly", 1, twice, fitted.arrays, {})
    with pytest.raises(TamperError):
        open_anomaly(read_file(path))
    write_file(path, "anomaly", 1, fitted.definition, fitted.arrays | {name: fitted.arrays[name][:-1]}, {})
    if name != "roots":
        with pytest.raises(TamperError):
            open_anomaly(read_file(path))


@pytest.mark.filterwarnings("ignore")
def test_it_is_an_estimator_of_scikit_learn() -> None:
    found = check_estimator(AnomalyDetector(trees=10), on_skip=None, on_fail=None)
    assert len(found) > 40
    # The array API needs more of scikit-learn than this machine has.
    failed = {line["check_name"]: repr(line["exception"]) for line in found if line["status"] != "passed"}
    assert set(failed) <= {"check_array_api_input"}, failed
    detector = clone(AnomalyDetector(trees=30, share=0.05))
    x = np.random.default_rng(0).normal(size=(200, 3))
    assert set(make_pipeline(StandardScaler(), detector).fit(x).predict(x)) == {-1, 1}
    pandas = payments(200, 1).to_pandas()
    assert AnomalyDetector(trees=10).fit(pandas).predict(pandas).shape == (200,)


@pytest.mark.real
def test_taiwan_statements_that_stand_alone_are_as_many_later(shared: Path) -> None:
    """Of clients that no tree saw about the declared share is flagged; their defaults are printed."""
    frame = pl.read_csv(shared / "data" / "taiwan.csv", infer_schema_length=None)
    labels = frame.drop("ID", "SEX", "EDUCATION", "MARRIAGE", "AGE", "default.payment.next.month")
    model = fit_anomaly(labels[:20_000], options=AnomalyOptions(share=0.02))
    scored = model.score_columns(labels[20_000:])
    bad = frame["default.payment.next.month"][20_000:].to_numpy()
    flagged = scored["flagged"].to_numpy()
    print(f"flagged {flagged.mean():.4f}, bad {bad[flagged].mean():.3f} against {bad[~flagged].mean():.3f}")  # noqa: T201
    assert 0.01 < flagged.mean() < 0.04


@pytest.mark.real
def test_german_amounts_that_stand_alone_are_large(shared: Path) -> None:
    frame = pl.read_csv(shared / "data" / "german.csv").select("credit_amount", "duration_in_month", "purpose")
    model = fit_anomaly(frame, options=AnomalyOptions(share=0.03))
    flagged = model.score_columns(frame)["flagged"]
    amounts = frame["credit_amount"].to_numpy()
    assert np.median(amounts[flagged.to_numpy()]) > 2 * np.median(amounts)
    largest = frame.sort("credit_amount").row(-1, named=True)
    assert "credit_amount" in {reason.label for reason in model.score(largest).reasons[:2]}
