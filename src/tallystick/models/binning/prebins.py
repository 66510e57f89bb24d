"""Pre-bins: the fine intervals that an optimal binning merges."""

from __future__ import annotations

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.models.frames import Floats, Ints


@kernel
def steps_of(ordered: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """The distinct values of an ascending column, and the running weights of rows and of events up to each."""
    size = 0
    for i in range(ordered.size):
        if i == 0 or ordered[i] != ordered[i - 1]:
            size += 1
    values, rows, events = np.empty(size), np.empty(size), np.empty(size)
    place, row, event = -1, 0.0, 0.0
    for i in range(ordered.size):
        row += weights[i]
        event += weights[i] * y[i]
        if i == 0 or ordered[i] != ordered[i - 1]:
            place += 1
            values[place] = ordered[i]
        rows[place] = row
        events[place] = event
    return values, rows, events


@kernel
def merged_steps(bad: Floats, good: Floats) -> tuple[Floats, Floats, Floats]:
    """`steps_of` for weights of 1, from the ascending finite values of the events and of the others.

    Each must end with an infinity that is not counted: so the loop has no branch to guess wrong.
    """
    count = bad.size + good.size - 2
    values, rows, events = np.empty(count + 1), np.empty(count + 1), np.empty(count + 1)
    i, j, place = 0, 0, 0
    last = np.nan
    for taken in range(count):
        one, other = bad[i], good[j]
        event = one <= other
        value = one if event else other
        i += event
        j += not event
        place += value != last
        last = value
        values[place] = value
        rows[place] = taken + 1
        events[place] = i
    return values[1 : place + 1], rows[1 : place + 1], events[1 : place + 1]


def cut_places(rows: Floats, events: Floats, most: int, least: float) -> Ints:
    """The places of the values after which pre-bins end, ascending, the last value left out.

    Up to `most` distinct values are pre-bins themselves. Of more, the cuts of a classification tree with at least
    `least` weighted rows in a leaf are taken, as many as half of `most`, and quantiles fill up the rest; so nothing
    that a tree would find is lost, and flat stretches are still cut finely.

    Parameters
    ----------
    rows, events
        Running weights of rows and events over the distinct values.
    most
        Pre-bins at most, ≥ 2.
    least
        Weighted rows in a leaf of the tree, > 0.
    """
    if rows.size <= most:
        return np.arange(rows.size - 1, dtype=np.int64)
    tree = tree_cuts(rows, events, max(2, most // 2), least)
    parts = most - tree.size
    quantiles = np.searchsorted(rows, np.arange(1, parts) * (rows[-1] / parts), side="right")
    cuts = np.union1d(tree, quantiles)
    return cuts[cuts < rows.size - 1]


@kernel
def tree_cuts(rows: Floats, events: Floats, leaves: int, least: float) -> Ints:
    """The ends of the leaves, the last apart, of a best-first classification tree (Gini impurity) over the values."""
    first, last = np.zeros(leaves, dtype=np.int64), np.zeros(leaves, dtype=np.int64)
    cut, gain = np.zeros(leaves, dtype=np.int64), np.zeros(leaves)
    last[0] = rows.size - 1
    cut[0], gain[0] = _best_split(rows, events, 0, rows.size - 1, least)
    count = 1
    while count < leaves:
        chosen = 0
        for leaf in range(1, count):
            if gain[leaf] > gain[chosen]:
                chosen = leaf
        if gain[chosen] <= 0.0:
            break
        first[count], last[count] = cut[chosen] + 1, last[chosen]
        last[chosen] = cut[chosen]
        for leaf in (chosen, count):
            cut[leaf], gain[leaf] = _best_split(rows, events, first[leaf], last[leaf], least)
        count += 1
    return np.sort(last[:count])[: count - 1]


@kernel
def _best_split(rows: Floats, events: Floats, first: int, last: int, least: float) -> tuple[int, float]:
    """The place after which a split lowers the Gini impurity most, and by how much; 0 where none may be."""
    start_rows = rows[first - 1] if first else 0.0
    start_events = events[first - 1] if first else 0.0
    total, bad = rows[last] - start_rows, events[last] - start_events
    place, most = -1, 0.0
    low = first + np.searchsorted(rows[first:last], start_rows + least, side="left")
    high = first + np.searchsorted(rows[first:last], rows[last] - least, side="right")
    for i in range(low, high):
        left, left_bad = rows[i] - start_rows, events[i] - start_events
        right, right_bad = total - left, bad - left_bad
        # Σ events² / rows of both sides, less that of the whole, is half of what the impurity falls by.
        gain = left_bad * left_bad / left + right_bad * right_bad / right
        if gain > most:
            place, most = i, gain
    return place, (most - bad * bad / total) if place >= 0 else 0.0
