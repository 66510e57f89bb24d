"""Alerts are raised and counted as by hand; a planted warning of known lead is measured as planted."""

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

from tallystick.core import InputError, TamperError
from tallystick.models.container import read_file, write_file
from tallystick.models.horizon import (
    AlertPolicy,
    EarlyWarning,
    WarningOptions,
    as_observations,
    choose_threshold,
    fit_warning,
    measure_alerts,
    open_warning,
    raised,
)

Array = NDArray[Any]
ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 12), st.integers(0, 3)),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[:2],
)
ENDS = st.lists(st.none() | st.integers(1, 14), min_size=5, max_size=5)


def by_hand(policy: AlertPolicy, rows: list[tuple[int, int, int]], ends: list[int | None]) -> set[tuple[int, int]]:
    """Alerts (account, month), one account and month after the other."""
    found = set()
    scores = {(a, m): s for a, m, s in rows}
    for account in range(5):
        run, silent = 0, -1
        end = ends[account]
        for month in range(13):
            score = scores.get((account, month))
            run = run + 1 if score is not None and score >= policy.threshold else 0
            if end is not None and month >= end:
                continue
            if run >= policy.consecutive and month > silent:
                found.add((account, month))
                silent = month + policy.quiet_months
    return found


@settings(max_examples=200, deadline=None)
@given(ROWS, ENDS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 4), st.integers(1, 5))
def test_alerts_are_raised_and_counted_as_by_hand(
    rows: list[tuple[int, int, int]], ends: list[int | None], threshold: int, consecutive: int, quiet: int, horizon: int
) -> None:
    policy, until = AlertPolicy(float(threshold), consecutive, quiet), 12
    watched = as_observations([a for a, _, _ in rows], [m for _, m, _ in rows], [ends[a] for a, _, _ in rows])
    score = [float(s) for _, _, s in rows]
    flags = raised(policy, watched, score)
    alerts = {(rows[place][0], rows[place][1]) for place in watched.order[flags].tolist()}
    assert alerts == by_hand(policy, rows, ends)
    report = measure_alerts(policy, watched, score, horizon=horizon, until=until)
    known = [end if end is not None and end <= until else None for end in ends]
    true = {(a, m) for a, m in alerts if (known[a] or -1) - m in range(1, horizon + 1)}
    still = {(a, m) for a, m in alerts - true if m + horizon > until}
    assert (report.alerts, report.true, report.open) == (len(alerts), len(true), len(still))
    assert report.false == len(alerts) - len(true) - len(still)
    near = {a for a, m, _ in rows if (known[a] or -1) - m in range(1, horizon + 1)}
    first = {a: max((known[a] or 0) - m for b, m in true if b == a) for a in {a for a, _ in true}}
    assert (report.defaulters, report.caught, report.missed) == (len(near), len(first), len(near) - len(first))
    assert report.leads == {lead: list(first.values()).count(lead) for lead in sorted(set(first.values()))}


def accounts(count: int, seed: int, months: int = 36) -> tuple[pl.DataFrame, Array, Array, pl.Series]:
    """Accounts whose usage climbs from five months before default on; a fifth of all climb for a while anyway."""
    rng = np.random.default_rng(seed)
    account, month = np.repeat(np.arange(count), months), np.tile(np.arange(months), count)
    ends = np.where(rng.uniform(size=count) < 0.35, rng.integers(6, months + 6, count), 10_000)
    left = ends[account] - month
    scare = np.repeat(np.where(rng.uniform(size=count) < 0.2, rng.integers(0, months, count), -99), months)
    usage = 0.3 + 0.12 * np.clip(6 - left, 0, 6) + 0.2 * (np.abs(month - scare) < 2) + rng.normal(0, 0.1, month.size)
    frame = pl.DataFrame(
        {"usage": usage, "noise": rng.normal(size=month.size), "kind": rng.choice(["a", "b"], month.size)}
    )
    default = pl.Series(np.where(ends < months, ends, -1)[account]).replace(-1, None)
    return frame, account, month, default


@pytest.fixture(scope="module")
def fitted() -> EarlyWarning:
    found = fit_warning(*accounts(1_500, 1), until=35, threshold_from=18, test_from=24)
    return found.model


def test_a_planted_warning_is_measured_as_planted() -> None:
    """Usage climbs five months ahead: most defaults are caught, most two months or more before, within the budget."""
    found = fit_warning(*accounts(2_500, 3), until=35, threshold_from=18, test_from=24)
    report = found.report
    print(report)  # noqa: T201
    assert (report.recall or 0) > 0.7
    assert report.lead_quartiles is not None
    assert 2 <= report.lead_quartiles[1] <= 5
    assert max(report.leads) <= 6
    assert report.alerts_per_thousand < 26  # the budget of 20 was kept in other months
    assert (report.precision or 0) > 0.4


def test_noise_gives_no_warning() -> None:
    """Scores that know nothing: precision is that of any account."""
    rng = np.random.default_rng(4)
    frame, account, month, default = accounts(1_500, 5)
    nothing = pl.DataFrame({"noise": rng.normal(size=frame.height)})
    report = fit_warning(nothing, account, month, default, until=35, threshold_from=18, test_from=24).report
    assert (report.precision or 0) < 0.2
    assert (report.recall or 0) < 0.4


def test_the_threshold_is_the_least_that_keeps_to_the_budget() -> None:
    rng = np.random.default_rng(2)
    watched = as_observations(np.repeat(np.arange(100), 10), np.tile(np.arange(10), 100), [None] * 1000)
    score = rng.uniform(size=1000).round(2)
    level = choose_threshold(watched, score, 50.0)
    assert raised(AlertPolicy(level), watched, score).sum() <= 50
    assert raised(AlertPolicy(float(np.max(score[score < level]))), watched, score).sum() > 50
    with pytest.raises(InputError) as caught:
        choose_threshold(watched, np.ones(1000), 50.0)
    assert caught.value.code == "warning.none"


VALUES = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES, st.sampled_from(["a", "z", "", None])), min_size=1, max_size=20))
def test_a_row_is_scored_with_the_bits_of_the_column(fitted: EarlyWarning, rows: list[tuple[Any, ...]]) -> None:
    frame = pl.DataFrame(rows, schema={"usage": pl.Float64, "noise": pl.Float64, "kind": pl.String}, orient="row")
    columns = fitted.score_columns(frame)
    for place, row in enumerate(frame.iter_rows(named=True)):
        score = fitted.score(row)
        assert (score.pd, score.high) == columns.row(place)


def test_nothing_that_was_known_later_enters_the_fit() -> None:
    """Other outcomes from the threshold's months on leave the curves as they are."""
    frame, account, month, default = accounts(400, 7)
    later = pl.Series([None if end is not None and end >= 18 else end for end in default.to_list()], dtype=pl.Int64)
    cuts: dict[str, Any] = {"until": 35, "threshold_from": 18, "test_from": 24}
    one = fit_warning(frame, account, month, default, **cuts).model.definition
    other = fit_warning(frame, account, month, later, **cuts).model.definition
    assert one.linear == other.linear


@pytest.mark.parametrize(
    ("account", "month", "default", "code"),
    [
        (["a", "a"], [1, 1], [None, None], "warning.twice"),
        (["a", None], [1, 2], [None, None], "warning.account"),
        (["a", "b"], [1.5, 2], [None, None], "horizon.whole"),
        (["a", "b"], [1, 2, 3], [None, None], "horizon.lengths"),
        (["a", "b"], [1, 2], [None], "horizon.lengths"),
        (["a", "b"], [1, 2], [None, 2.5], "horizon.whole"),
    ],
)
def test_bad_observations_are_refused(account: Any, month: Any, default: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        as_observations(account, month, default)
    assert caught.value.code == code


def test_bad_scores_and_cuts_are_refused() -> None:
    watched = as_observations(["a", "b"], [1, 1], [None, 3])
    for score in ([0.1], [0.1, np.nan], [0.1, np.inf]):
        with pytest.raises(InputError):
            raised(AlertPolicy(0.5), watched, score)
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(InputError):
            AlertPolicy(wrong)
    with pytest.raises(InputError):
        measure_alerts(AlertPolicy(0.5), watched, [0.1, 0.2], horizon=0, until=9)
    frame, account, month, default = accounts(50, 1)
    for cuts in ((18, 18, 35), (24, 18, 35), (18, 36, 35), (3, 9, 35)):
        with pytest.raises(InputError):
            fit_warning(frame, account, month, default, until=cuts[2], threshold_from=cuts[0], test_from=cuts[1])
    with pytest.raises(InputError):
        fit_warning(frame.head(9), account, month, default, until=35, threshold_from=18, test_from=24)
    with pytest.raises(InputError):
        WarningOptions(budget=0)


def test_a_file_scores_as_what_was_written_and_a_forged_one_is_refused(fitted: EarlyWarning, tmp_path: Path) -> None:
    path = tmp_path / "cards.tally"
    assert fitted.save(path) == fitted.version
    frame = accounts(20, 9)[0]
    assert open_warning(read_file(path)).score_columns(frame).equals(fitted.score_columns(frame))
    replace = msgspec.structs.replace
    for forged in (replace(fitted.definition, features=()), replace(fitted.definition, horizon=0)):
        write_file(tmp_path / "forged.tally", "warning", 1, forged, {}, {})
        with pytest.raises(TamperError):
            open_warning(read_file(tmp_path / "forged.tally"))


@pytest.mark.real
def test_taiwan_arrears_warn_of_default(shared: Path) -> None:
    """Six statements a client: two months in arrears is an alert; lead and precision are measured, quiet for three."""
    frame = pl.read_csv(shared / "data" / "taiwan.csv", infer_schema_length=None)
    late = frame.select("PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2", "PAY_0").to_numpy()
    bad = frame["default.payment.next.month"].to_numpy() == 1
    account, month = np.repeat(np.arange(bad.size), 6), np.tile(np.arange(1, 7), bad.size)
    default = pl.Series(np.where(bad, 7, -1)[account]).replace(-1, None)
    policy = AlertPolicy(2.0, quiet_months=3)
    report = measure_alerts(
        policy, as_observations(account, month, default), late.ravel().astype(float), horizon=6, until=12
    )
    print(report)  # noqa: T201
    assert report.defaulters == bad.sum()
    assert report.lead_quartiles is not None
    assert report.lead_quartiles[1] >= 3
    assert (report.precision or 0) > 1.5 * bad.mean()
