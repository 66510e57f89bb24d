"""Optimal bins against every possible binning."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError
from tallystick.models import OptimalBinner


def partitions(size: int, max_bins: int) -> Iterator[list[tuple[int, int]]]:
    """Every way to cut 0 … size − 1 into at most `max_bins` runs."""
    for bins in range(1, max_bins + 1):
        for cuts in combinations(range(1, size), bins - 1):
            yield list(pairwise((0, *cuts, size)))


def best_iv_by_brute_force(
    values: list[int], y: list[int], weights: list[float], max_bins: int, min_rows: float, min_events: int, way: str
) -> float:
    """The greatest IV of all partitions of the distinct values that keep the limits; 0 when none cuts."""
    distinct = sorted(set(values))
    total_bad = sum(w for w, hit in zip(weights, y, strict=True) if hit)
    total_good = sum(weights) - total_bad
    best = 0.0
    for parts in partitions(len(distinct), max_bins):
        if len(parts) == 1:
            continue
        iv, rates, fine = 0.0, [], True
        for low, high in parts:
            rows = [i for i, v in enumerate(values) if distinct[low] <= v <= distinct[high - 1]]
            hits = sum(y[i] for i in rows)
            bad = sum(weights[i] for i in rows if y[i])
            good = sum(weights[i] for i in rows) - bad
            fine &= len(rows) >= min_rows and hits >= min_events and len(rows) - hits >= min_events
            if not fine:
                break
            rates.append(bad / (bad + good))
            iv += (good / total_good - bad / total_bad) * math.log((good / total_good) / (bad / total_bad))
        signs = {"none": 0, "ascending": 1, "descending": -1}
        ordered = fine and all(signs[way] * (b - a) >= -1e-12 for a, b in pairwise(rates))
        if ordered:
            best = max(best, iv)
    return best


tables = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 1), st.sampled_from([1.0, 1.0, 2.0, 0.5])), min_size=6, max_size=60
).filter(lambda rows: 0 < sum(y for _, y, _ in rows) < len(rows))


@settings(max_examples=80, deadline=None)
@given(
    tables,
    st.integers(1, 5),
    st.sampled_from([0.05, 0.2]),
    st.integers(1, 3),
    st.sampled_from(["none", "ascending", "descending"]),
)
def test_no_binning_has_a_greater_information_value(
    rows: list[tuple[int, int, float]], max_bins: int, min_share: float, min_events: int, way: str
) -> None:
    """Over all partitions that keep the limits, ours has the greatest IV; weights and ties included."""
    values, y, weights = [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]
    binner = OptimalBinner(max_bins, min_share, min_events, monotone=way)  # type: ignore[arg-type]
    found = binner.fit({"x": values}, y, weights).variables_[0]
    expected = best_iv_by_brute_force(values, y, weights, max_bins, min_share * len(rows), min_events, way)
    assert found.iv == pytest.approx(expected, abs=1e-12)
    assert found.signal == (len(found.edges) > 0)


def test_auto_takes_the_better_direction() -> None:
    """Risk that falls with the value is found to fall."""
    x = np.arange(200)
    y = (np.arange(200) % 10 < 9 - x // 25).astype(int)
    assert OptimalBinner(monotone="auto").fit({"x": x}, y).variables_[0].monotone == "descending"


def test_bins_hold_their_edges_and_every_row_is_counted(applicants: pl.DataFrame) -> None:
    """An edge belongs to the bin below it; rows and events add up, missing included."""
    labels = applicants.drop("bad")
    for variable in OptimalBinner().fit(labels, applicants["bad"]).variables_:
        assert sum(variable.rows) == applicants.height
        assert sum(variable.events) == applicants["bad"].sum()
        assert len(variable.woe) == len(variable.edges) + 2
    binner = OptimalBinner(min_events=1).fit({"x": [1, 1, 1, 2, 2, 2]}, [1, 1, 0, 1, 0, 0])
    variable = binner.variables_[0]
    at, above = binner.transform({"x": [variable.edges[0], variable.edges[0] + 0.001]})[:, 0].tolist()
    assert (at, above) == (variable.woe[0], variable.woe[1])


def test_missing_has_its_own_bin_with_its_own_evidence() -> None:
    """Missing values that go bad more often say so; never seen missing says nothing."""
    x = [None] * 40 + list(range(160))
    y = [1, 1, 1, 0] * 10 + [1, 0, 0, 0] * 40
    variable = OptimalBinner().fit({"x": x}, y).variables_[0]
    assert variable.rows[-1] == 40
    assert variable.woe[-1] < 0
    assert variable.bin_text(len(variable.woe) - 1) == "missing"
    whole = OptimalBinner().fit({"x": list(range(200))}, y)
    assert whole.transform({"x": [None]})[0, 0] == 0.0


def test_a_column_without_signal_is_one_bin_and_says_so() -> None:
    """A constant column, and one that is all missing, give IV 0 and one bin: never an error, never silence."""
    y = [0, 1] * 50
    for column in ([3.0] * 100, [None] * 100):
        variable = OptimalBinner().fit({"x": column}, y).variables_[0]
        assert (variable.signal, variable.edges, variable.iv) == (False, (), 0.0)


def test_categories_are_ordered_by_event_rate_and_rare_ones_pooled() -> None:
    """Neighbouring bins hold categories of neighbouring risk; 5 pilots are not a category of their own."""
    x = ["safe"] * 100 + ["middle"] * 100 + ["risky"] * 100 + ["pilot"] * 5
    y = [0] * 90 + [1] * 10 + [0] * 60 + [1] * 40 + [0] * 20 + [1] * 80 + [0, 0, 0, 0, 1]
    binner = OptimalBinner(min_share=0.01, min_events=1).fit({"job": x}, y)
    variable = binner.variables_[0]
    assert [variable.bin_text(i) for i in range(4)] == ["safe", "other", "middle", "risky"]
    woe = binner.transform({"job": ["pilot", "never seen", "safe", "risky"]})[:, 0]
    assert woe[0] == woe[1]
    assert woe[2] > woe[0] > woe[3]


def test_weights_count_like_copies() -> None:
    """A row of weight 2 is two rows of weight 1, as far as the evidence goes."""
    x, y = [1, 2, 3, 4] * 20, [0, 0, 1, 1, 0, 1, 0, 1] * 10
    double = OptimalBinner(min_share=0.01).fit({"x": x}, y, [2.0] * 80).variables_[0]
    copies = OptimalBinner(min_share=0.01, min_events=10).fit({"x": x * 2}, y * 2).variables_[0]
    assert (double.woe, double.edges, double.iv) == (copies.woe, copies.edges, copies.iv)


@pytest.mark.parametrize(
    ("x", "y", "code"),
    [
        ({"x": [1, 2]}, [0, 0], "target.classes"),
        ({"x": [1, 2]}, [0, 2], "target.values"),
        ({"x": [1, 2]}, [0], "target.shape"),
        ({"x": [[1], [2]]}, [0, 1], "frame.type"),
        ({}, [], "target.classes"),
    ],
)
def test_bad_data_is_refused_with_a_reason(x: dict[str, list[object]], y: list[int], code: str) -> None:
    """One class, other values, other lengths and nested columns are named."""
    with pytest.raises(InputError) as caught:
        OptimalBinner().fit(x, y)
    assert caught.value.code == code
