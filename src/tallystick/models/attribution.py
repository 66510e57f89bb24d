"""Reasons: what each label brought to the final score, in log-odds and in whole points that add up."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from tallystick.core.numeric import kernel
from tallystick.models.frames import Floats, Ints


class ReasonOptions(msgspec.Struct, frozen=True):
    """Against what lost points are measured, label by label.

    `average`: the weighted mean of all development rows. `approved`: of those whose final points reach `approved_at`
    (of all, where none does). `best`: the least risk that the label brought to any development row.

    The first two are the methods that the official interpretation of 12 CFR 1002.9(b)(2) names, paragraph 5.
    """

    baseline: Literal["average", "approved", "best"] = "average"
    approved_at: int = 600


def fit_baseline(contributions: Floats, points: Ints, weights: Floats, options: ReasonOptions) -> tuple[float, ...]:
    """The baseline of each label, in log-odds of the stack, from the contributions (rows × labels) of the sample."""
    if options.baseline == "best":
        return tuple(contributions.min(axis=0).tolist())
    chosen = points >= options.approved_at
    if options.baseline == "average" or not chosen.any():
        chosen = np.ones(points.size, dtype=np.bool_)
    return tuple(weighted_means(contributions, np.where(chosen, weights, 0.0)).tolist())


@kernel
def weighted_means(rows: Floats, weights: Floats) -> Floats:
    """The weighted mean of each column, added in row order."""
    sums = np.zeros(rows.shape[1])
    total = 0.0
    for i in range(rows.shape[0]):
        total += weights[i]
        for v in range(sums.size):
            sums[v] += weights[i] * rows[i, v]
    return sums / total


@kernel
def add_layers(
    bins: Ints, edge_at: Ints, points: Ints, card_factor: float, card_weight: float, trees_weight: float, out: Floats
) -> None:
    """Turn the trees' contributions in `out` into those of the stack: card weight · card + trees weight · trees."""
    carded = edge_at.size - 1
    for i in range(out.shape[0]):
        for v in range(out.shape[1]):
            card = 0.0
            if v < carded:
                card = -float(points[edge_at[v] + 2 * v + bins[i, v]]) / card_factor
            out[i, v] = card_weight * card + trees_weight * out[i, v]


@kernel
def whole_points(shares: Floats, total: int, out: Ints) -> None:
    """Round shares to whole numbers that add up to `total`, the nearest whole number above or below their sum.

    Each share is rounded half up; what is then over or short is taken, one point each, where rounding gave or took
    most, the earlier share first on a tie. So each result is its share rounded up or down, and 0 stays 0.

    Notes
    -----
    The method of largest remainders (Hamilton).
    """
    left = total
    for v in range(shares.size):
        out[v] = np.int64(np.floor(shares[v] + 0.5))
        left -= out[v]
    step = 1 if left > 0 else -1
    while left != 0:
        place, most = -1, 0.0
        for v in range(shares.size):
            rest = step * (shares[v] - out[v])
            if rest > most:
                place, most = v, rest
        # Only a total that is not the shares' own leaves nothing to take.
        if place < 0:
            return
        out[place] += step
        left -= step
