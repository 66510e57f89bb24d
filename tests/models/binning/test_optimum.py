"""Optimal bins against every possible binning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from tallystick.models import OptimalBinner

SPECIAL = -1
SHAPES = ("none", "ascending", "descending", "peak", "valley")


class Row(NamedTuple):
    value: int | None
    y: int
    weight: float = 1.0
    period: int = 0


class Limits(NamedTuple):
    max_bins: int = 5
    min_share: float = 0.05
    min_events: int = 1
    monotone: str = "none"
    min_woe_step: float = 0.0
    max_pvalue: float = 1.0
    stable: bool = False


def runs(size: int, max_bins: int) -> Iterator[list[tuple[int, int]]]:
    """Every way to cut 0 … size − 1 into at least two and at most `max_bins` runs."""
    for bins in range(2, max_bins + 1):
        for cuts in combinations(range(1, size), bins - 1):
            yield list(pairwise((0, *cuts, size)))


def counts(rows: Sequence[Row]) -> tuple[float, float]:
    return sum(r.weight for r in rows), sum(r.weight * r.y for r in rows)


def rate(rows: Sequence[Row]) -> float:
    total, bad = counts(rows)
    return bad / total


def keeps_shape(rates: list[float], shape: str) -> bool:
    """Whether the rates go as the shape says; a peak or a valley may have an empty side."""

    def goes(part: list[float], sign: int) -> bool:
        return all(sign * (b - a) >= -1e-12 for a, b in pairwise(part))

    if shape == "none":
        return True
    if shape in ("ascending", "descending"):
        return goes(rates, 1 if shape == "ascending" else -1)
    sign = 1 if shape == "peak" else -1
    return any(goes(rates[: i + 1], sign) and goes(rates[i:], -sign) for i in range(len(rates)))


def keeps_apart(left: Sequence[Row], right: Sequence[Row], limits: Limits) -> bool:
    """Whether two neighbouring bins differ as the limits ask."""
    n1, b1 = counts(left)
    n2, b2 = counts(right)
    if abs(math.log((b1 / (n1 - b1)) / (b2 / (n2 - b2)))) < limits.min_woe_step - 1e-12:
        return False
    if limits.max_pvalue < 1.0:
        p = (b1 + b2) / (n1 + n2)
        statistic = (b1 / n1 - b2 / n2) ** 2 / (p * (1 - p) * (1 / n1 + 1 / n2))
        if chi2.sf(statistic, 1) > limits.max_pvalue + 1e-12:
            return False
    if limits.stable:
        overall = rate(right) - rate(left)
        for period in {r.period for r in (*left, *right)}:
            now = [[r for r in part if r.period == period] for part in (left, right)]
            if all(now) and overall * (rate(now[1]) - rate(now[0])) < -1e-12:
                return False
    return True


def part_of(rows: Sequence[Row], bad_all: float, good_all: float) -> float:
    """A bin's part of the IV; one class counts half a row of the other."""
    total, bad = counts(rows)
    if not total:
        return 0.0
    good = total - bad
    if bad <= 1e-12 or good <= 1e-12:
        bad, good = bad + 0.5, good + 0.5
    return (good / good_all - bad / bad_all) * math.log((good / good_all) / (bad / bad_all))


def by_brute_force(rows: Sequence[Row], limits: Limits) -> tuple[float, bool]:
    """The greatest IV of all partitions of the distinct values that keep the limits, and whether there is a cut."""
    held = [r for r in rows if r.value is not None and r.value != SPECIAL]
    beside = [[r for r in rows if r.value == SPECIAL], [r for r in rows if r.value is None]]
    total, bad_all = counts(rows)
    good_all = total - bad_all
    least = limits.min_share * counts(held)[0] - 1e-9
    least_events = limits.min_events * min(1.0, total / len(rows))
    distinct = sorted({r.value for r in held if r.value is not None})
    fixed = sum(part_of(rows, bad_all, good_all) for rows in beside)
    best, cut = part_of(held, bad_all, good_all), False
    for parts in runs(len(distinct), limits.max_bins):
        bins = [[r for r in held if r.value in distinct[low:high]] for low, high in parts]
        sizes = [counts(b) for b in bins]
        if any(n < least or min(b, n - b) < max(least_events - 1e-9, 1e-9) for n, b in sizes):
            continue
        if not keeps_shape([b / n for n, b in sizes], limits.monotone):
            continue
        if not all(keeps_apart(left, right, limits) for left, right in pairwise(bins)):
            continue
        iv = sum(part_of(b, bad_all, good_all) for b in bins)
        if iv > best + 1e-12 or not cut:
            best, cut = max(best, iv) if not cut else iv, True
    seen = sum(1 for group in (held, *beside) if group)
    return (fixed + best if cut or seen > 1 else 0.0), cut


rows_of = st.lists(
    st.builds(
        Row,
        st.sampled_from([None, SPECIAL, 0, 1, 2, 3, 4, 5, 6]),
        st.integers(0, 1),
        st.sampled_from([1.0, 1.0, 2.0, 0.5]),
        st.integers(0, 2),
    ),
    min_size=6,
    max_size=70,
).filter(lambda rows: 0 < sum(r.y for r in rows) < len(rows))
limits_of = st.builds(
    Limits,
    st.integers(1, 6),
    st.sampled_from([0.0, 0.05, 0.2]),
    st.integers(0, 3),
    st.sampled_from(SHAPES),
    st.one_of(st.just(0.0), st.floats(0.05, 1.5)),
    st.one_of(st.just(1.0), st.floats(0.02, 0.98)),
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(rows_of, limits_of)
def test_no_binning_has_a_greater_information_value(rows: list[Row], limits: Limits) -> None:
    """Of all partitions that keep every limit, ours has the greatest IV: weights, ties, specials, missing, periods."""
    binner = OptimalBinner(**limits._asdict(), specials={"x": (SPECIAL,)})
    x = {"x": [r.value for r in rows]}
    weights, periods = [r.weight for r in rows], [r.period for r in rows]
    found = binner.fit(x, [r.y for r in rows], weights, periods).variables_[0]
    expected, cut = by_brute_force(rows, limits)
    assert found.iv == pytest.approx(expected, abs=1e-12)
    if found.signal:
        assert cut
        edges = (-math.inf, *found.edges, math.inf)
        bins = [
            [r for r in rows if r.value is not None and r.value != SPECIAL and low < r.value <= high]
            for low, high in pairwise(edges)
        ]
        assert len(bins) <= limits.max_bins
        assert keeps_shape([rate(b) for b in bins], limits.monotone)
        assert all(keeps_apart(left, right, limits) for left, right in pairwise(bins))
        assert [counts(b) for b in bins] == list(zip(found.rows, found.events, strict=True))[: len(bins)]
    else:
        assert found.why


@settings(max_examples=40, deadline=None)
@given(rows_of, st.sampled_from(SHAPES), st.integers(2, 6))
def test_the_quick_way_is_the_way_of_pairs(rows: list[Row], shape: str, max_bins: int) -> None:
    """Asking every pair of neighbours a question that all pass changes nothing."""
    x, y = {"x": [r.value for r in rows]}, [r.y for r in rows]
    quick = OptimalBinner(max_bins, min_events=0, monotone=shape).fit(x, y).variables_  # type: ignore[arg-type]
    one_period = OptimalBinner(max_bins, min_events=0, monotone=shape, stable=True)  # type: ignore[arg-type]
    assert one_period.fit(x, y, periods=[1] * len(rows)).variables_ == quick


@pytest.mark.parametrize("shape", SHAPES)
def test_many_prebins_are_still_exact(shape: str) -> None:
    """On 40 pre-bins, where partitions into at most 4 bins can all be tried, none is better."""
    rng = np.random.default_rng(2)
    x = rng.integers(0, 40, 2_000)
    y = (rng.uniform(size=2_000) < 0.2 + 0.3 * np.sin(x / 9.0) ** 2).astype(int)
    found = OptimalBinner(4, 0.1, monotone=shape).fit({"x": x}, y).variables_[0]  # type: ignore[arg-type]
    rows, bad = np.bincount(x).astype(float), np.bincount(x, weights=y)
    n, b = np.append(0.0, np.cumsum(rows)), np.append(0.0, np.cumsum(bad))
    best = 0.0
    for parts in runs(40, 4):
        sizes = [(n[high] - n[low], b[high] - b[low]) for low, high in parts]
        if min(size for size, _ in sizes) < 200 or not keeps_shape([hit / size for size, hit in sizes], shape):
            continue
        shares = [((size - hit) / (2_000 - b[-1]), hit / b[-1]) for size, hit in sizes]
        best = max(best, sum((good - bad) * math.log(good / bad) for good, bad in shares))
    assert found.iv == pytest.approx(best, abs=1e-12)
