"""Development in figures, and months held against it."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.models import Fingerprint, Monitor, auc, fingerprint, watch
from tallystick.models.monitoring import shift
from tallystick.models.monitoring.watch import auc_error

ROWS = 2_000


def development(seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    spend = rng.lognormal(3, 1, ROWS)
    return pl.DataFrame(
        {
            "spend": pl.Series(np.where(rng.uniform(size=ROWS) < 0.1, np.nan, spend)).fill_nan(None),
            "visits": pl.Series(rng.poisson(2.0, ROWS), dtype=pl.Int64),
            "flag": pl.Series(rng.uniform(size=ROWS) < 0.3),
            "region": pl.Series(rng.choice(["north", "south", "east"], ROWS, p=[0.6, 0.3, 0.1])),
        }
    )


def months_of(text: str, rows: int) -> pl.Series:
    return pl.Series([text] * rows)


def watched(
    frame: pl.DataFrame, y: np.ndarray, pd: np.ndarray, rules: Monitor, judged: float | None = None
) -> set[str]:
    base = development()
    before = fingerprint(base, np.arange(ROWS), np.ones(ROWS))
    points = np.arange(frame.height)
    later = np.ones(frame.height, dtype=np.int64)
    found = watch(before, frame, pd, points, y, months_of("2026-01", frame.height), later, rules, judged)
    return {f"{alarm.what} {alarm.label}".strip() for alarm in found.alarms}


def test_the_same_rows_have_not_moved() -> None:
    """PSI 0 for every label of every type, whatever the order of the rows, and through JSON."""
    frame = development()
    made = fingerprint(frame, np.arange(ROWS), np.ones(ROWS), np.arange(ROWS) + 5)
    again = msgspec.json.decode(msgspec.json.encode(made), type=Fingerprint)
    assert again == made
    assert (made.since, made.until) == (5, ROWS + 4)
    for column in frame.sample(fraction=1.0, shuffle=True, seed=3):
        index, missing = shift(again.labels[column.name], again.rows, column)
        assert index == pytest.approx(0.0, abs=1e-12)
        assert missing == pytest.approx(made.labels[column.name].missing)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), min_size=1, max_size=60))
def test_any_numbers_can_be_summed_up(values: list[float | None]) -> None:
    """Nulls, NaN, infinities, one value, ties: shares add to one, nothing is NaN, and its own rows have not moved."""
    column = pl.Series("x", values, dtype=pl.Float64)
    made = fingerprint(pl.DataFrame({"x": column}), np.zeros(len(values), dtype=np.int64), np.ones(len(values)))
    spread = made.labels["x"]
    assert not spread.shares or sum(spread.shares) == pytest.approx(1.0)
    assert b"null" not in msgspec.json.encode(spread.edges)
    assert shift(spread, made.rows, column)[0] == pytest.approx(0.0, abs=1e-9)


def test_weights_count_as_rows_do() -> None:
    """A row of weight two is a row that stands twice."""
    frame = development().head(300)
    twice = pl.concat([frame, frame.head(100)])
    weights = np.where(np.arange(300) < 100, 2.0, 1.0)
    points = np.arange(300)
    one = fingerprint(frame, points, weights)
    other = fingerprint(twice, np.concatenate([points, points[:100]]), np.ones(400))
    assert one.labels["spend"].edges == other.labels["spend"].edges
    assert one.labels["spend"].shares == pytest.approx(other.labels["spend"].shares)
    assert one.points.shares == pytest.approx(other.points.shares)


def test_texts_of_few_rows_are_not_kept() -> None:
    """A card goes to people who may not see a customer's row."""
    names = ["common"] * 500 + [f"customer {i}" for i in range(500)] + ["rare"] * 19
    made = fingerprint(pl.DataFrame({"who": names}), np.zeros(len(names), dtype=np.int64), np.ones(len(names)))
    assert made.labels["who"].categories == ("common",)


def test_what_moved_raises_an_alarm_and_nothing_else_does() -> None:
    """A calm month is silent; a shifted number, other texts and more missing values are each named."""
    frame = development(2)
    unknown, pd = np.full(ROWS, np.nan), np.full(ROWS, 0.1)
    assert watched(frame, unknown, pd, Monitor()) == set()
    moved = frame.with_columns(pl.col("spend") * 3, pl.lit("west").alias("region"))
    assert watched(moved, unknown, pd, Monitor()) == {"label_psi spend", "label_psi region"}
    empty = frame.with_columns(pl.when(pl.col("visits") > 2).then(None).otherwise(pl.col("visits")).alias("visits"))
    assert watched(empty, unknown, pd, Monitor()) == {"label_psi visits", "missing_rise visits"}
    few = moved.head(150)
    assert watched(few, unknown[:150], pd[:150], Monitor(psi_max=5.0)) == set()


def test_performance_raises_an_alarm_only_beyond_chance() -> None:
    """A model that guesses, and one that predicts half of what comes; a good month of few events says nothing."""
    rng = np.random.default_rng(4)
    frame = development(5)
    pd = rng.uniform(0.05, 0.6, ROWS)
    y = (rng.uniform(size=ROWS) < pd).astype(np.float64)
    judged = auc(pd, y)
    assert watched(frame, y, pd, Monitor(), judged) == set()
    assert watched(frame, y, pd / 2, Monitor(), judged) == {"rate_ratio"}
    guess = rng.permutation(pd)
    assert watched(frame, y, guess, Monitor(), judged) == {"auc_drop"}
    some = y.copy()
    some[np.flatnonzero(some == 1)[19:]] = np.nan
    assert watched(frame, some, guess, Monitor(rate_ratio=(1e-9, 1e9)), judged) == set()


def test_months_of_development_raise_no_alarm() -> None:
    """They are shown, for what moved may have begun there."""
    frame = development(6).with_columns(pl.col("spend") * 5)
    before = fingerprint(development(), np.arange(ROWS), np.ones(ROWS))
    months = pl.Series(["2026-02", "2026-01"] * (ROWS // 2))
    later = (months == "2026-02").cast(pl.Int64).to_numpy()
    y = np.full(ROWS, np.nan)
    found = watch(before, frame, np.full(ROWS, 0.1), np.arange(ROWS), y, months, later, Monitor())
    assert [(month.month, month.later) for month in found.months] == [("2026-01", False), ("2026-02", True)]
    assert {alarm.month for alarm in found.alarms} == {"2026-02"}
    assert found.months[0].labels[0].psi is not None
    assert found.months[0].labels[0].psi > 0.25


def test_a_label_of_another_type_has_no_psi() -> None:
    """Text where numbers were, or a column without any value."""
    before = fingerprint(development(), np.arange(ROWS), np.ones(ROWS))
    assert shift(before.labels["spend"], ROWS, pl.Series(["a", None])) == (None, 0.5)
    index, missing = shift(before.labels["region"], ROWS, pl.Series([None, None], dtype=pl.Null))
    assert missing == 1.0
    assert index is not None
    assert index > 1.0


def test_the_error_of_an_auc_is_that_of_many_samples() -> None:
    """Its mean over 400 samples of two normal scores is the spread of their AUCs."""
    rng = np.random.default_rng(8)
    y = np.repeat([1.0, 0.0], [40, 160])
    scores = [rng.normal(y * 1.2, 1.0) for _ in range(400)]
    spread = float(np.std([auc(score, y) for score in scores]))
    assert float(np.mean([auc_error(score, y) for score in scores])) == pytest.approx(spread, rel=0.1)
