"""Two models on the same rows: which ranks better, which is nearer to the truth, and whom a cut-off would swap."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.models.frames import Floats, Ints
from tallystick.models.validation.compare import delong
from tallystick.models.validation.metrics import auc, brier, ks, psi

BINS = 10

Flags: TypeAlias = NDArray[np.bool_]


class Side(msgspec.Struct, frozen=True):
    """What one of the two is worth on the rows; `cut` is its lowest approved points."""

    auc: float
    ks: float
    brier: float
    predicted: float
    cut: int
    approved: int
    approved_bad: int


class Swap(msgspec.Struct, frozen=True):
    """Rows on which the two decide differently at the cut-off, and how many of them turned out bad."""

    rows: int
    bad: int


class Comparison(msgspec.Struct, frozen=True):
    """Two models, left and right, on the same rows.

    Attributes
    ----------
    difference, low, high, p_value
        AUC of the right less that of the left, its interval of 95% and two-sided p-value by DeLong (1988), paired.
    psi
        Of the points of the right against those of the left, over the tenths of the left.
    swap_in, swap_out
        Rows that only the right, or only the left, would approve.
    """

    rows: int
    events: int
    left: Side
    right: Side
    difference: float
    low: float
    high: float
    p_value: float
    psi: float
    swap_in: Swap
    swap_out: Swap


def compare(
    left: tuple[Floats, Ints], right: tuple[Floats, Ints], y: Floats, cut: int | None = None, share: float = 0.8
) -> Comparison:
    """Compare two models on rows with known outcomes.

    Parameters
    ----------
    left, right
        Probabilities and points of each for the same rows.
    y
        1.0 for bad, 0.0 for good; at least two of each.
    cut
        The left approves from so many points on; without it, from where the best `share` of the rows begin. The right
        approves from the points at which it comes nearest to as many rows.
    share
        In (0, 1].

    Returns
    -------
    Comparison

    Examples
    --------
    >>> pd, points = np.array([0.1, 0.2, 0.3, 0.6]), np.array([640, 620, 600, 560])
    >>> found = compare((pd, points), (pd, points), np.array([0.0, 0.0, 1.0, 1.0]))
    >>> found.difference, found.swap_in.rows, found.left.auc
    (0.0, 0, 1.0)
    """
    cut_left = _cut(left[1], round(share * y.size)) if cut is None else cut
    approved = left[1] >= cut_left
    cut_right = _cut(right[1], int(approved.sum()))
    other = right[1] >= cut_right
    paired = delong(right[0], left[0], y)
    edges = np.unique(np.quantile(left[1], np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf"))
    counts = [
        np.bincount(np.searchsorted(edges, points, side="left"), minlength=edges.size + 1).astype(np.float64)
        for points in (left[1], right[1])
    ]
    return Comparison(
        int(y.size),
        int(y.sum()),
        _side(left, y, cut_left, approved),
        _side(right, y, cut_right, other),
        paired.difference.value,
        paired.difference.low,
        paired.difference.high,
        paired.p_value,
        psi(*counts),
        _swap(other & ~approved, y),
        _swap(approved & ~other, y),
    )


def _side(model: tuple[Floats, Ints], y: Floats, cut: int, approved: Flags) -> Side:
    pd, _ = model
    return Side(auc(pd, y), ks(pd, y), brier(pd, y), float(pd.mean()), cut, int(approved.sum()), int(y[approved].sum()))


def _swap(rows: Flags, y: Floats) -> Swap:
    return Swap(int(rows.sum()), int(y[rows].sum()))


def _cut(points: Ints, wanted: int) -> int:
    """The points from which on the number of rows is nearest to `wanted`; ties go to the fewer rows."""
    values, counts = np.unique(points, return_counts=True)
    reached = np.cumsum(counts[::-1])[::-1]
    if wanted <= 0:
        return int(values[-1]) + 1
    nearest = np.flatnonzero(np.abs(reached - wanted) == np.abs(reached - wanted).min())[-1]
    return int(values[nearest])
