"""The kernels that serve: one way of adding up for a row and for a million rows.

A branch of a model is two flat arrays, so that one row costs few arguments.

`numbers`: SETTINGS (below), the cuts and probabilities of an isotonic calibration, the baseline of each label, four
numbers for each part (weight, base points, offset and factor of its points), then for each variable of each scorecard
its edges, its special values and the points of its bins.

`places`: number of parts, code of the calibration, number of cuts, number of labels, where in `numbers` the baseline
and the parts begin; three for each part (1 for trees, where its variables begin, how many); four for each variable
(its label, edges, specials, where in `numbers` its edges begin).
"""

from __future__ import annotations

import numpy as np

from tallystick.core.numeric import exp, kernel, log, logit, sigmoid
from tallystick.models.frames import Floats, Ints

PLATT, ISOTONIC, BETA = 0, 1, 2
# In the order of `numbers`: points at even odds, points for a unit of log-odds, the stack's intercept, the three
# numbers of the calibration, and the stack's and the final log-odds at the baseline.
SETTINGS = ("offset", "factor", "intercept", "shift", "slope", "other_slope", "stack_at_baseline", "final_at_baseline")
OFFSET, FACTOR, INTERCEPT, SHIFT, SLOPE, OTHER_SLOPE, STACK_AT_BASELINE, FINAL_AT_BASELINE = range(8)
PARTS, CALIBRATION, CUTS, LABELS, BASELINE_AT, PARTS_AT = range(6)
HEADER = 6
# What stands before the log-odds of the parts in a row's results.
RESULTS = ("pd", "log_odds", "stack_log_odds")
_LARGEST = float(np.finfo(np.float64).max)
_WHOLE = 2.0**53
# Nearer than this the slope between two points of the beta calibration is its slope halfway, to 7 digits.
_NEAR = 1e-3


@kernel
def clip(x: Floats) -> None:
    """Make infinities the largest double, as encoding a column does."""
    for v in range(x.size):
        if x[v] > _LARGEST:
            x[v] = _LARGEST
        elif x[v] < -_LARGEST:
            x[v] = -_LARGEST


@kernel
def bin_of(x: float, numbers: Floats, at: int, edges: int, specials: int) -> int:
    """The bin of an encoded value: values by their edges, then special values, then missing."""
    if x != x:
        return edges + 1 + specials
    for s in range(specials):
        if x == numbers[at + edges + s]:
            return edges + 1 + s
    index = 0
    while index < edges and x > numbers[at + index]:
        index += 1
    return index


@kernel
def beta_log_odds(z: float, shift: float, slope: float, other_slope: float) -> float:
    """shift + slope · ln p − other_slope · ln(1 − p) of the p whose log-odds are z (Kull, Silva Filho, Flach 2017)."""
    rest = log(1.0 + exp(-abs(z)))
    return shift + slope * (min(z, 0.0) - rest) - other_slope * (min(-z, 0.0) - rest)


@kernel
def calibrated(z: float, numbers: Floats, places: Ints) -> tuple[float, float]:
    """The probability and the log-odds that a stack's log-odds stand for."""
    kind = places[CALIBRATION]
    if kind == ISOTONIC:
        first, cuts = FINAL_AT_BASELINE + 1, places[CUTS]
        low, high = np.int64(0), cuts
        while low < high:
            middle = (low + high) // 2
            if z > numbers[first + middle]:
                low = middle + 1
            else:
                high = middle
        pd = numbers[first + cuts + low]
        return pd, logit(pd)
    if kind == BETA:
        log_odds = beta_log_odds(z, numbers[SHIFT], numbers[SLOPE], numbers[OTHER_SLOPE])
    else:
        log_odds = numbers[SHIFT] + numbers[SLOPE] * z
    return sigmoid(log_odds), log_odds


@kernel
def points_of(log_odds: float, numbers: Floats) -> np.int64:
    """Final points, half rounded up; within ±2⁵³, whatever a model says."""
    return np.int64(min(max(np.floor(numbers[OFFSET] - numbers[FACTOR] * log_odds + 0.5), -_WHOLE), _WHOLE))


@kernel
def explained(z: float, numbers: Floats, places: Ints) -> tuple[float, np.int64]:
    """Points for a unit of the stack's log-odds between the baseline and z, and the whole points lost between them.

    Platt's line has one slope and the beta calibration the slope of its chord; isotonic steps have none, so their
    losses are those of the stack itself.
    """
    kind, start = places[CALIBRATION], numbers[STACK_AT_BASELINE]
    slope, last, first = 1.0, z, start
    if kind != ISOTONIC:
        _, last = calibrated(z, numbers, places)
        first, slope = numbers[FINAL_AT_BASELINE], numbers[SLOPE]
        if kind == BETA and abs(z - start) > _NEAR:
            slope = (last - first) / (z - start)
        elif kind == BETA:
            p = sigmoid(start + 0.5 * (z - start))
            slope = numbers[SLOPE] * (1.0 - p) + numbers[OTHER_SLOPE] * p
    return numbers[FACTOR] * slope, points_of(first, numbers) - points_of(last, numbers)


@kernel
def card_points(x: Floats, part: int, numbers: Floats, places: Ints) -> np.int64:
    """The points of one row on the scorecard that is part `part`."""
    total = np.int64(numbers[places[PARTS_AT] + 4 * part + 1])
    first = places[HEADER + 3 * part + 1]
    for v in range(places[HEADER + 3 * part + 2]):
        label, edges = places[first + 4 * v], places[first + 4 * v + 1]
        specials, at = places[first + 4 * v + 2], places[first + 4 * v + 3]
        total += np.int64(numbers[at + edges + specials + bin_of(x[label], numbers, at, edges, specials)])
    return total


@kernel
def add_cards(x: Floats, numbers: Floats, places: Ints, shares: Floats) -> None:
    """Add to `shares` what each label brings to the stack's log-odds through the scorecards, in their order."""
    for p in range(places[PARTS]):
        if places[HEADER + 3 * p]:
            continue
        own = places[PARTS_AT] + 4 * p
        first = places[HEADER + 3 * p + 1]
        for v in range(places[HEADER + 3 * p + 2]):
            label, edges = places[first + 4 * v], places[first + 4 * v + 1]
            specials, at = places[first + 4 * v + 2], places[first + 4 * v + 3]
            points = numbers[at + edges + specials + bin_of(x[label], numbers, at, edges, specials)]
            shares[label] += numbers[own] * (-points / numbers[own + 3])


@kernel
def add_trees(explained_rows: Floats, reads: Ints, weight: float, shares: Floats) -> None:
    """Add to `shares` (rows × labels) what the labels that trees read bring to the stack's log-odds."""
    for i in range(explained_rows.shape[0]):
        for j in range(reads.size):
            shares[i, reads[j]] += weight * explained_rows[i, j]


@kernel
def whole_points(shares: Floats, total: int | np.int64, out: Ints) -> None:
    """Round shares to whole numbers that add up to `total`, the nearest whole number above or below their sum.

    Each share is rounded half up; what is then over or short is taken, one point each, where rounding gave or took
    most, the earlier share first on a tie. So each result is its share rounded up or down, and 0 stays 0.

    Notes
    -----
    The method of largest remainders (Hamilton).
    """
    left = total
    for v in range(shares.size):
        out[v] = np.int64(min(max(np.floor(shares[v] + 0.5), -_WHOLE), _WHOLE))
        left -= out[v]
    step = 1 if left > 0 else -1
    # Rounding gives or takes less than one point each.
    for _ in range(shares.size):
        if left == 0:
            return
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


@kernel
def lose(z: float, numbers: Floats, places: Ints, shares: Floats, out: Ints) -> None:
    """Turn what each label brings to the stack's log-odds z (`shares`, overwritten) into whole points lost."""
    per_log_odds, total = explained(z, numbers, places)
    first = places[BASELINE_AT]
    for v in range(shares.size):
        shares[v] = per_log_odds * (shares[v] - numbers[first + v])
    whole_points(shares, total, out)


@kernel
def stacked(x: Floats, numbers: Floats, places: Ints, odds: Floats, points: Ints) -> float:
    """Fill in what the scorecards say (`odds` holds the trees' answers already) and give the stack's log-odds."""
    z: float = numbers[INTERCEPT]
    for p in range(places[PARTS]):
        own = places[PARTS_AT] + 4 * p
        if not places[HEADER + 3 * p]:
            total = card_points(x, p, numbers, places)
            points[p] = total
            odds[p] = (numbers[own + 2] - total) / numbers[own + 3]
        z += numbers[own] * odds[p]
    return z


@kernel
def ask_card(x: Floats, part: int, numbers: Floats, places: Ints, shares: Floats, bins: Ints) -> np.int64:
    """`card_points`, and on the way what each label brings (as `add_cards`) and its bin on the first scorecard."""
    own = places[PARTS_AT] + 4 * part
    total = np.int64(numbers[own + 1])
    first = places[HEADER + 3 * part + 1]
    for v in range(places[HEADER + 3 * part + 2]):
        label, edges = places[first + 4 * v], places[first + 4 * v + 1]
        specials, at = places[first + 4 * v + 2], places[first + 4 * v + 3]
        index = bin_of(x[label], numbers, at, edges, specials)
        points = numbers[at + edges + specials + index]
        total += np.int64(points)
        shares[label] += numbers[own] * (-points / numbers[own + 3])
        if bins[label] < 0:
            bins[label] = index
    return total


@kernel
def rank_losses(lost: Ints, order: Ints) -> int:
    """The labels that lost points, most first, ties in the order of the labels; gives how many."""
    count = 0
    for v in range(lost.size):
        if lost[v] <= 0:
            continue
        place = count
        while place > 0 and lost[order[place - 1]] < lost[v]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = v
        count += 1
    return count


@kernel
def score_row(x: Floats, numbers: Floats, places: Ints, out: Floats, whole: Ints) -> None:
    """Score one row without reasons.

    Parameters
    ----------
    x
        Its encoded labels; infinities become the largest double.
    out
        RESULTS, then the log-odds of each part (those of trees are given), then room.
    whole
        Final points, points of each part, then room.
    """
    parts = places[PARTS]
    clip(x)
    z = stacked(x, numbers, places, out[3 : 3 + parts], whole[1 : 1 + parts])
    pd, log_odds = calibrated(z, numbers, places)
    out[0], out[1], out[2] = pd, log_odds, z
    whole[0] = points_of(log_odds, numbers)


@kernel
def explain_row(x: Floats, numbers: Floats, places: Ints, out: Floats, whole: Ints) -> None:
    """Score one row with reasons: `score_row`, and more in the room behind.

    Parameters
    ----------
    out
        Behind: what each label brings through trees (given).
    whole
        Behind: the points lost by each label, its bin on the first scorecard that reads it or −1, how many labels lost
        points, and these, most first.
    """
    parts, labels = places[PARTS], places[LABELS]
    clip(x)
    shares = out[3 + parts :]
    lost = whole[1 + parts : 1 + parts + labels]
    bins = whole[1 + parts + labels : 1 + parts + 2 * labels]
    bins[:] = -1
    z: float = numbers[INTERCEPT]
    for p in range(parts):
        own = places[PARTS_AT] + 4 * p
        if not places[HEADER + 3 * p]:
            total = ask_card(x, p, numbers, places, shares, bins)
            whole[1 + p] = total
            out[3 + p] = (numbers[own + 2] - total) / numbers[own + 3]
        z += numbers[own] * out[3 + p]
    pd, log_odds = calibrated(z, numbers, places)
    out[0], out[1], out[2] = pd, log_odds, z
    whole[0] = points_of(log_odds, numbers)
    lose(z, numbers, places, shares, lost)
    whole[1 + parts + 2 * labels] = rank_losses(lost, whole[2 + parts + 2 * labels :])


@kernel
def score_rows(matrix: Floats, numbers: Floats, places: Ints, first: int, last: int, out: Floats, whole: Ints) -> None:
    """Score rows `first` … `last` − 1 of an encoded matrix: `out` and `whole` as in `score_row`, one line for each."""
    parts = places[PARTS]
    odds, points = np.empty(parts), np.empty(parts, dtype=np.int64)
    for i in range(first, last):
        for p in range(parts):
            odds[p] = out[3 + p, i]
        z = stacked(matrix[i], numbers, places, odds, points)
        pd, log_odds = calibrated(z, numbers, places)
        out[0, i], out[1, i], out[2, i] = pd, log_odds, z
        whole[0, i] = points_of(log_odds, numbers)
        for p in range(parts):
            out[3 + p, i] = odds[p]
            whole[1 + p, i] = points[p]


@kernel
def share_rows(matrix: Floats, numbers: Floats, places: Ints, first: int, last: int, shares: Floats) -> None:
    """Add to `shares` (rows × labels) what the labels bring through the scorecards."""
    for i in range(first, last):
        add_cards(matrix[i], numbers, places, shares[i])


@kernel
def lose_rows(z: Floats, numbers: Floats, places: Ints, first: int, last: int, shares: Floats, out: Ints) -> None:
    """`lose` of each row, from the stack's log-odds of each."""
    for i in range(first, last):
        lose(z[i], numbers, places, shares[i], out[i])
