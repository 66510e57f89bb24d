"""Hazards equal their closed forms, and a row's term structure is the column's."""

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
from sklearn.linear_model import LogisticRegression

from tallystick.core import InputError, TamperError
from tallystick.models.container import read_file, write_file
from tallystick.models.design import Design, DesignOptions
from tallystick.models.frames import encode, fit_features
from tallystick.models.horizon import (
    Hazard,
    HazardOptions,
    evaluate_hazard,
    fit_hazard,
    incidence,
    open_hazard,
)
from tallystick.models.horizon.fit import bands_of, fit_cause

Array = NDArray[Any]


def book(rows: int, seed: int, months: int = 36) -> tuple[pl.DataFrame, Array, Array, Array]:
    """Loans whose odds of default rise with usage, of prepayment with salary; some are lost from sight, some bought."""
    rng = np.random.default_rng(seed)
    usage, salary = rng.uniform(size=rows), rng.normal(size=rows)
    region = rng.choice(["north", "south", "east"], rows)
    entry = np.where(rng.uniform(size=rows) < 0.2, rng.integers(1, 8, rows), 0)
    duration, event = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    alive = np.ones(rows, dtype=bool)
    end = entry + rng.integers(6, months, rows)
    for month in range(1, months + 1):
        at_risk = alive & (month > entry)
        season = -0.05 * (month - 10) ** 2 / 10
        bad = rng.uniform(size=rows) < 1 / (1 + np.exp(4.2 - season - 2.0 * (usage - 0.5) - 0.5 * (region == "south")))
        closed = ~bad & (rng.uniform(size=rows) < 1 / (1 + np.exp(3.5 - 0.6 * salary)))
        for hit, how in ((at_risk & bad, 1), (at_risk & closed, 2), (at_risk & ~bad & ~closed & (month >= end), 0)):
            duration[hit], event[hit], alive[hit] = month, how, False
    duration[alive] = months
    frame = pl.DataFrame(
        {
            "usage": pl.Series(np.where(rng.uniform(size=rows) < 0.05, np.nan, usage)).fill_nan(None),
            "salary": salary,
            "region": region,
        }
    )
    return frame, duration, event, entry


@pytest.fixture(scope="module")
def fitted() -> Hazard:
    frame, duration, event, entry = book(4_000, 1)
    options = HazardOptions("loans", horizons=(6, 12, 24), age="months_on_book")
    return fit_hazard(frame, duration, event, entry=entry, options=options)


def life_table(duration: Array, event: Array, cause: int, months: int) -> list[float]:
    """Events over loans at risk, month by month, counted one loan at a time."""
    out = []
    for month in range(1, months + 1):
        watched = [(d, e) for d, e in zip(duration, event, strict=True) if d >= month]
        at_risk = sum(not (cause == 2 and d == month and e == 1) for d, e in watched)
        hits = sum(d == month and e == cause for d, e in zip(duration, event, strict=True))
        out.append(hits / at_risk)
    return out


def test_without_labels_the_hazard_is_the_life_table_and_the_curve_is_aalen_johansen() -> None:
    _, duration, event, _ = book(2_500, 3, 18)
    constant = pl.DataFrame({"same": np.ones(2_500)})
    model = fit_hazard(constant, duration, event, options=HazardOptions(months=16, min_events=1, horizons=(16,)))
    for cause, how in zip(model.definition.causes, (1, 2), strict=True):
        assert np.unique(bands_of(duration, event, how, 16, 1)).size == 16
        hazard = 1 / (1 + np.exp(-np.array(cause.baseline) - cause.linear.intercept))
        assert hazard == pytest.approx(life_table(duration, event, how, 16), rel=1e-5)
    curve = model.score({"same": 1.0}).curve
    assert curve == pytest.approx(incidence(duration, event, 16).tolist(), abs=2e-6)


def test_without_closings_the_curve_is_kaplan_meier() -> None:
    rng = np.random.default_rng(6)
    duration, event = rng.integers(1, 13, 800), (rng.uniform(size=800) < 0.3).astype(int)
    model = fit_hazard({"same": np.ones(800)}, duration, event, options=HazardOptions(min_events=1, horizons=(12,)))
    survival, expected = 1.0, []
    for month in range(1, 13):
        survival *= 1 - ((duration == month) & (event == 1)).sum() / (duration >= month).sum()
        expected.append(1 - survival)
    assert model.score({"same": None}).curve == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_the_fit_is_logistic_regression_on_loan_months(ridge: float) -> None:
    """scikit-learn on the expanded table: the same baselines and slopes, late entry included."""
    frame, duration, event, entry = book(700, 9, 20)
    happened = (event == 1).astype(float)
    weights = np.random.default_rng(1).uniform(0.5, 2, 700)
    features = fit_features(frame, happened, weights)
    design = Design(encode(frame, features), happened, weights, features, DesignOptions(2))
    band = bands_of(duration, event, 1, 20, 8)
    base, slopes = fit_cause(design.columns, entry, duration, happened, weights, band, ridge)
    rows, targets, sizes = [], [], []
    for i in range(700):
        for month in range(int(entry[i]) + 1, int(duration[i]) + 1):
            rows.append(np.concatenate([np.eye(band.max() + 1)[band[month - 1]], design.columns[i]]))
            targets.append(float(month == duration[i] and event[i] == 1))
            sizes.append(weights[i])
    expanded = np.array(rows)
    if ridge:
        # The penalty is of the slopes alone: at the optimum their gradient is ridge × slope, the baseline's is 0.
        p = 1 / (1 + np.exp(-expanded @ np.concatenate([base, slopes])))
        gradient = expanded.T @ (np.array(sizes) * (np.array(targets) - p))
        assert gradient == pytest.approx(np.concatenate([0 * base, ridge * slopes]), abs=1e-4)
        return
    peer = LogisticRegression(C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-10, max_iter=200)
    peer.fit(expanded, targets, sample_weight=sizes)
    ours = expanded @ np.concatenate([base, slopes])
    assert ours == pytest.approx(peer.decision_function(expanded), abs=1e-3)


VALUES = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(-5, 5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(VALUES, VALUES, st.sampled_from(["north", "south", "moon", "", None]), VALUES),
        min_size=1,
        max_size=20,
    )
)
def test_a_row_is_scored_with_the_bits_of_the_column(fitted: Hazard, rows: list[tuple[Any, ...]]) -> None:
    kinds = {"usage": pl.Float64, "salary": pl.Float64, "region": pl.String, "months_on_book": pl.Float64}
    frame = pl.DataFrame(rows, schema=kinds, orient="row", strict=False)
    columns, curves = fitted.score_columns(frame), fitted.term_structure(frame)
    for place, row in enumerate(frame.iter_rows(named=True)):
        score = fitted.score(row)
        assert score.pds == {months: columns[f"pd_{months}"][place] for months in (6, 12, 24)}
        assert (score.pd, score.open_share) == (columns["pd"][place], columns["open_share"][place])
        assert list(score.curve) == curves[place].tolist()
        assert all(0.0 <= a <= b <= 1.0 for a, b in zip(score.curve[:-1], score.curve[1:], strict=True))


def test_parts_of_a_long_frame_join_to_the_same(fitted: Hazard) -> None:
    frame = book(1_000, 5)[0].with_columns(months_on_book=pl.lit(3))
    long = pl.concat([frame] * 120)
    assert fitted.score_columns(long).equals(pl.concat([fitted.score_columns(frame)] * 120))


def test_a_loan_that_has_lived_is_scored_from_its_age(fitted: Hazard) -> None:
    """P(default in s more months | open after a) = (F(a + s) − F(a)) / S(a), which the curve from 0 gives."""
    row = {"usage": 0.7, "salary": 0.2, "region": "south"}
    new = fitted.score(row | {"months_on_book": 0})
    aged = fitted.score(row | {"months_on_book": 6})
    definition = msgspec.structs.replace(fitted.definition, horizons=(6,))
    stay = Hazard(definition).score(row | {"months_on_book": None}).open_share
    assert aged.curve[11] == pytest.approx((new.curve[17] - new.curve[5]) / stay)
    assert fitted.score(row | {"months_on_book": -3}) == fitted.score(row | {"months_on_book": None}) == new


def test_it_finds_what_was_planted() -> None:
    """New loans of the same making: order, calibration and Brier score are those of a good model."""
    frame, duration, event, entry = book(8_000, 2)
    model = fit_hazard(frame, duration, event, entry=entry, options=HazardOptions(horizons=(12, 24)))
    new, until, how, since = book(8_000, 4)
    kept = since == 0
    curves = model.term_structure(new.filter(pl.Series(kept)))
    report = evaluate_hazard(curves, until[kept], how[kept], horizons=(6, 12, 24))
    print([(h.months, round(h.auc or 0, 3), round(h.mean_pd, 4), round(h.observed, 4)) for h in report.horizons])  # noqa: T201
    assert (report.concordance or 0) > 0.62
    assert report.integrated_brier < report.integrated_reference
    for horizon in report.horizons:
        assert (horizon.auc or 0) > 0.62
        assert horizon.mean_pd == pytest.approx(horizon.observed, rel=0.12)
        assert horizon.brier < horizon.reference


def test_late_entry_left_out_of_account_would_be_wrong() -> None:
    """A loan bought at month 6 shows that it lived until then: ignoring it understates the early hazard."""
    rng = np.random.default_rng(3)
    death = rng.geometric(0.08, 6_000)
    entry = rng.integers(0, 12, 6_000)
    seen = death > entry
    duration, entry = death[seen], entry[seen]
    until, event = np.minimum(duration, 24), (duration <= 24).astype(int)
    kept = until > entry
    options = HazardOptions(horizons=(12,), competing=False)
    constant = {"same": np.ones(int(kept.sum()))}
    right = fit_hazard(constant, until[kept], event[kept], entry=entry[kept], options=options).score({"same": 1})
    wrong = fit_hazard(constant, until[kept], event[kept], options=options).score({"same": 1})
    truth = 1 - 0.92**12
    assert right.pd == pytest.approx(truth, abs=0.03)
    assert wrong.pd < truth - 0.1


@pytest.mark.parametrize(
    ("duration", "event", "entry", "code"),
    [
        ([1, 2], [1, 0, 0], None, "horizon.lengths"),
        ([1.5, 2, 3], [1, 0, 0], None, "horizon.whole"),
        ([0, 2, 3], [1, 0, 0], None, "horizon.whole"),
        ([np.nan, 2, 3], [1, 0, 0], None, "horizon.whole"),
        (["one", "two", "six"], [1, 0, 0], None, "horizon.whole"),
        ([1, 2, 3], ["bad", "good", "good"], None, "horizon.event"),
        ([1, 2, 3], [1, 0, 3], None, "horizon.event"),
        ([1, 2, 3], [1, 0, None], None, "horizon.event"),
        ([1, 2, 3], [0, 0, 0], None, "horizon.events"),
        ([1, 2, 3], [1, 0, 0], [1, 0, 0], "horizon.whole"),
    ],
)
def test_bad_data_are_refused(duration: Any, event: Any, entry: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        fit_hazard(
            {"x": [1.0, 2.0, 3.0]},
            np.array(duration),
            np.array(event),
            entry=None if entry is None else np.array(entry),
            options=HazardOptions(min_events=1),
        )
    assert caught.value.code == code


def test_odd_columns_still_fit() -> None:
    """All missing, constant, infinite, huge and one text for all: no label fails, none moves the score to NaN."""
    frame, duration, event, _ = book(600, 7)
    rng = np.random.default_rng(1)
    odd = frame.with_columns(
        none=pl.lit(None, dtype=pl.Float64),
        constant=pl.lit(4),
        infinite=pl.Series(np.where(rng.uniform(size=600) < 0.5, np.inf, -np.inf)),
        huge=pl.Series(rng.choice([1e308, -1e308, 0.0], 600)),
        tiny=pl.Series(rng.choice([1e-320, 0.0], 600)),
        text=pl.lit("all"),
        many=pl.Series([f"c{i}" for i in range(600)]),
    )
    model = fit_hazard(odd, np.maximum(duration, 1), event)
    scores = model.score_columns(odd)
    assert scores.select(pl.all().is_finite().all()).row(0) == (True,) * scores.width
    with pytest.raises(InputError):
        model.score({"usage": 1.0})
    with pytest.raises(InputError):
        model.score(dict.fromkeys(model.labels) | {"usage": "high"})


def test_a_file_scores_as_what_was_written(fitted: Hazard, tmp_path: Path) -> None:
    path = tmp_path / "loans.tally"
    assert fitted.save(path) == fitted.version
    opened = open_hazard(read_file(path))
    frame = book(200, 11)[0].with_columns(months_on_book=pl.lit(5))
    assert opened.score_columns(frame).equals(fitted.score_columns(frame))
    assert opened.version == fitted.version


@pytest.mark.parametrize("what", ["baseline", "knots", "feature", "horizons", "causes"])
def test_a_forged_file_is_refused(fitted: Hazard, tmp_path: Path, what: str) -> None:
    """Tables whose lengths do not agree would make the kernel read foreign memory."""
    cause = fitted.definition.causes[0]
    term = cause.linear.terms[0]
    replace = msgspec.structs.replace
    short = replace(cause.linear, terms=(replace(term, values=term.values[:-1]), *cause.linear.terms[1:]))
    forged = {
        "baseline": replace(fitted.definition, causes=(replace(cause, baseline=()),)),
        "knots": replace(fitted.definition, causes=(replace(cause, linear=short),)),
        "feature": replace(fitted.definition, features=fitted.definition.features[:-1]),
        "horizons": replace(fitted.definition, horizons=(12, 10**9)),
        "causes": replace(fitted.definition, causes=()),
    }[what]
    write_file(tmp_path / "x.tally", "hazard", 1, forged, {}, {})
    with pytest.raises(TamperError):
        open_hazard(read_file(tmp_path / "x.tally"))


@pytest.mark.real
def test_german_loans_by_their_term(shared: Path) -> None:
    """German credit tells no month of default; the outcome is set at the end of the term: riskier loans stand out."""
    frame = pl.read_csv(shared / "data" / "german.csv")
    event = (frame["creditability"] == "bad").cast(pl.Int64).to_numpy()
    duration = frame["duration_in_month"].to_numpy()
    labels = frame.drop("creditability", "duration_in_month", "age_in_years", "personal_status_and_sex")
    part = np.arange(1_000) % 2 == 0
    options = HazardOptions(months=48, horizons=(12, 24, 48), design=DesignOptions(1, ridge=10.0))
    model = fit_hazard(labels.filter(pl.Series(part)), duration[part], event[part], options=options)
    curves = model.term_structure(labels.filter(pl.Series(~part)))
    report = evaluate_hazard(curves, duration[~part], event[~part], horizons=(12, 24, 48))
    print(report.concordance, [(h.months, h.auc, h.mean_pd, h.observed) for h in report.horizons])  # noqa: T201
    assert (report.concordance or 0) > 0.65
    assert report.integrated_brier < report.integrated_reference
