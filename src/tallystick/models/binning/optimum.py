"""The partition of greatest information value, by dynamic programming over neighbouring bins."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import kernel, log
from tallystick.models.frames import Floats, Ints

Links: TypeAlias = NDArray[np.int32]

RISE, FALL = 1, 2
"""Steps that a phase of the shape allows: a bit mask."""


@kernel
def best_cuts(
    rows: Floats,
    events: Floats,
    total: float,
    total_events: float,
    max_bins: int,
    min_rows: float,
    min_events: float,
    first: int,
    second: int,
    ratio: float,
    critical: float,
    period_rows: Floats,
    period_events: Floats,
) -> tuple[float, Ints]:
    """The index of the last pre-bin of each bin in the partition of greatest IV, and that IV of the value bins.

    Parameters
    ----------
    rows, events
        Weighted rows and events of each pre-bin.
    total, total_events
        Weighted totals of the whole sample, missing and specials included.
    max_bins, min_rows, min_events
        Limits of a bin; `min_events` binds events and non-events alike.
    first, second
        What steps the event rate may take from bin to bin (`RISE`, `FALL` or both): `first`, and from some bin on
        `second`; 0 where the shape has one phase.
    ratio
        Least ratio of the odds of neighbouring bins, ≥ 1.
    critical
        Least chi-square (one degree of freedom) between neighbours.
    period_rows, period_events
        Shape (periods, pre-bins): neighbours must stand in the same order in every period; no periods, no demand.

    Returns
    -------
    tuple
        IV, and the ends; the whole range as one bin, with IV −inf, when no partition keeps the limits.

    Notes
    -----
    State: the latest bin i..j, the number of bins and the phase. At each boundary the bins that end there are sorted by
    their odds, so the bins that one beginning there may follow are a prefix or a suffix: O(n² log n + n² bins). With
    `critical` or periods each pair of neighbours is asked: O(n³ bins / 6). Of equal IVs the partition with fewer bins
    is taken, then the one whose last bins begin earlier.
    """
    n = rows.size
    r, e = _prefix(rows), _prefix(events)
    pr, pe = _prefixes(period_rows), _prefixes(period_events)
    pairs = critical > 0.0 or period_rows.shape[0] > 0
    value, odds = _each_bin(r, e, total, total_events, min_rows, min_events)
    most = max(1, min(max_bins, n))
    phases = 2 if second else 1
    best = np.full((phases, n, n, most), -np.inf)
    before = np.full((phases, n, n, most), -1, dtype=np.int32)
    for j in range(n):
        best[0, 0, j, 0] = value[0, j]
    for i in range(1, n):
        left = _order(value, odds, i)
        m = left.size
        if m == 0:
            continue
        low, high = _running(best, left, i, phases, most)
        for j in range(i, n):
            if value[i, j] == -np.inf:
                continue
            rises, falls = _reach(odds, left, i, odds[i, j], ratio)
            for old in range(phases):
                for new in range(old, phases):
                    steps = second if new == 1 else first
                    up = rises if steps & RISE else 0
                    down = falls if steps & FALL else m
                    if not pairs:
                        for k in range(1, most):
                            _take(best, before, i, j, k, old, new, low[old, k - 1, up], value[i, j])
                            _take(best, before, i, j, k, old, new, high[old, k - 1, down], value[i, j])
                        continue
                    for t in range(m):
                        if t < up or t >= down:
                            g = left[t]
                            if _apart(r, e, pr, pe, g, i, j, critical):
                                for k in range(1, most):
                                    _take(best, before, i, j, k, old, new, g, value[i, j])
    return _trace(best, before, value)


@kernel
def _prefix(values: Floats) -> Floats:
    out = np.zeros(values.size + 1)
    for i in range(values.size):
        out[i + 1] = out[i] + values[i]
    return out


@kernel
def _prefixes(values: Floats) -> Floats:
    out = np.zeros((values.shape[0], values.shape[1] + 1))
    for p in range(values.shape[0]):
        for i in range(values.shape[1]):
            out[p, i + 1] = out[p, i] + values[p, i]
    return out


@kernel
def _each_bin(
    r: Floats, e: Floats, total: float, total_events: float, min_rows: float, min_events: float
) -> tuple[Floats, Floats]:
    """IV (−inf where the limits refuse) and odds of bad of every run i..j of pre-bins."""
    n = r.size - 1
    value, odds = np.full((n, n), -np.inf), np.zeros((n, n))
    for i in range(n):
        for j in range(i, n):
            row = r[j + 1] - r[i]
            bad = e[j + 1] - e[i]
            good = row - bad
            if row >= min_rows and bad >= min_events and good >= min_events and bad > 0.0 and good > 0.0:
                share_bad = bad / total_events
                share_good = good / (total - total_events)
                value[i, j] = (share_good - share_bad) * log(share_good / share_bad)
                odds[i, j] = bad / good
    return value, odds


@kernel
def _order(value: Floats, odds: Floats, i: int) -> Ints:
    """The beginnings of the bins that end before pre-bin i, by ascending odds, then by beginning."""
    left = np.empty(i, dtype=np.int64)
    key = np.empty(i)
    m = 0
    for g in range(i):
        if value[g, i - 1] > -np.inf:
            left[m] = g
            key[m] = odds[g, i - 1]
            m += 1
    return left[:m][np.argsort(key[:m], kind="mergesort")]


@kernel
def _reach(odds: Floats, left: Ints, i: int, mine: float, ratio: float) -> tuple[int, int]:
    """How many bins of `left` lie so low that `mine` rises from them, and the first so high that it falls."""
    low, high = 0, left.size
    while low < high:
        middle = (low + high) // 2
        if odds[left[middle], i - 1] * ratio <= mine:
            low = middle + 1
        else:
            high = middle
    rises = low
    low, high = 0, left.size
    while low < high:
        middle = (low + high) // 2
        if odds[left[middle], i - 1] >= mine * ratio:
            high = middle
        else:
            low = middle + 1
    return rises, low


@kernel
def _running(best: Floats, left: Ints, i: int, phases: int, most: int) -> tuple[Ints, Ints]:
    """The best of the first t bins of `left`, and of those from t on, for each phase, count and t; −1 is none."""
    m = left.size
    low = np.full((phases, most, m + 1), -1, dtype=np.int64)
    high = np.full((phases, most, m + 1), -1, dtype=np.int64)
    for p in range(phases):
        for k in range(most):
            for t in range(m):
                low[p, k, t + 1] = _better(best, p, k, i, low[p, k, t], left[t])
            for t in range(m - 1, -1, -1):
                high[p, k, t] = _better(best, p, k, i, high[p, k, t + 1], left[t])
    return low, high


@kernel
def _better(best: Floats, p: int, k: int, i: int, held: int, other: int) -> int:
    mine = best[p, other, i - 1, k]
    if mine == -np.inf:
        return held
    if held < 0:
        return other
    theirs = best[p, held, i - 1, k]
    if mine > theirs or (mine == theirs and other < held):
        return other
    return held


@kernel
def _take(best: Floats, before: Links, i: int, j: int, k: int, old: int, new: int, g: int, gain: float) -> None:
    """Let bin i..j in phase `new` follow bin g..i−1 in phase `old` where that is the best yet."""
    if g < 0 or best[old, g, i - 1, k - 1] == -np.inf:
        return
    candidate = best[old, g, i - 1, k - 1] + gain
    held = best[new, i, j, k]
    if candidate > held or (candidate == held and 2 * g + old < before[new, i, j, k]):
        best[new, i, j, k] = candidate
        before[new, i, j, k] = 2 * g + old


@kernel
def _apart(r: Floats, e: Floats, pr: Floats, pe: Floats, g: int, i: int, j: int, critical: float) -> bool:
    """Whether bins g..i−1 and i..j differ enough, and in the same sense in every period."""
    n1, n2 = r[i] - r[g], r[j + 1] - r[i]
    b1, b2 = e[i] - e[g], e[j + 1] - e[i]
    rise = b2 * n1 - b1 * n2
    if critical > 0.0:
        bad = b1 + b2
        good = n1 + n2 - bad
        if rise * rise * (n1 + n2) < critical * n1 * n2 * bad * good:
            return False
    for p in range(pr.shape[0]):
        later = (pe[p, j + 1] - pe[p, i]) * (pr[p, i] - pr[p, g]) - (pe[p, i] - pe[p, g]) * (pr[p, j + 1] - pr[p, i])
        if (rise > 0.0 and later < 0.0) or (rise < 0.0 and later > 0.0):
            return False
    return True


@kernel
def _trace(best: Floats, before: Links, value: Floats) -> tuple[float, Ints]:
    phases, n, most = best.shape[0], best.shape[1], best.shape[3]
    top, phase, bins, start = value[0, n - 1], 0, 0, 0
    for k in range(1, most):
        for i in range(1, n):
            for p in range(phases):
                if best[p, i, n - 1, k] > top:
                    top, phase, bins, start = best[p, i, n - 1, k], p, k, i
    ends = np.empty(bins + 1, dtype=np.int64)
    end = n - 1
    for k in range(bins, -1, -1):
        ends[k] = end
        came = before[phase, start, end, k]
        end = start - 1
        start, phase = came // 2, came % 2
    return top, ends
