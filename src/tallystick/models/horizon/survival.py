"""How good a term structure is, on loans of which many are still open: censored rows are weighed, never dropped."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from tallystick.core import InputError
from tallystick.core.numeric import kernel
from tallystick.models.frames import DataError, Floats, Ints, as_weights, tally
from tallystick.models.horizon.fit import CLOSED, DEFAULT, OPEN, check_loans
from tallystick.models.horizon.words import WORDS
from tallystick.models.validation.metrics import auc, tenths


class Tenth(msgspec.Struct, frozen=True):
    """A tenth of the loans by probability: the mean said, and the share in default as estimated from the observed."""

    mean_pd: float
    observed: float
    rows: int


class HorizonReport(msgspec.Struct, frozen=True):
    """One horizon.

    Attributes
    ----------
    months
        Ahead.
    defaults, known
        Loans seen to default within it, and loans whose state at its end is known.
    auc
        Time-dependent: a loan in default by then has a higher probability than one that is not; None without both.
    brier, reference
        Of the model, and of the average term structure said of everybody.
    mean_pd, observed
        Mean probability, and the Aalen–Johansen estimate of the share in default.
    tenths
        Calibration by probability.
    """

    months: int
    defaults: int
    known: int
    auc: float | None
    brier: float
    reference: float
    mean_pd: float
    observed: float
    tenths: tuple[Tenth, ...]


class HazardReport(msgspec.Struct, frozen=True):
    """A term structure held against what happened.

    Attributes
    ----------
    concordance
        Of pairs in which one loan is known to default before the other: the share that the last horizon's probability
        orders so, ties half; None without a pair. A loan closed otherwise never defaults.
    integrated_brier, integrated_reference
        Mean Brier score of the months up to the last horizon.
    """

    horizons: tuple[HorizonReport, ...]
    concordance: float | None
    integrated_brier: float
    integrated_reference: float
    rows: int


def incidence(duration: Ints, event: Ints, months: int, weights: Floats | None = None) -> Floats:
    """The Aalen–Johansen estimate of the share in default within 1 … `months` months.

    Without other closings (outcome 2) it is one minus the Kaplan–Meier estimate. Nobody at risk keeps the estimate.

    Examples
    --------
    >>> incidence(np.array([1, 2, 2, 3]), np.array([1, 1, 0, 0]), 3).tolist()
    [0.25, 0.5, 0.5]
    """
    weight = np.ones(duration.size) if weights is None else weights
    at_risk, bad, closed = month_counts(duration, event, months, weight)
    out = np.empty(months)
    stay, total = 1.0, 0.0
    for t in range(months):
        if at_risk[t] > 0.0:
            total += stay * bad[t] / at_risk[t]
            stay *= max(1.0 - (bad[t] + closed[t]) / at_risk[t], 0.0)
        out[t] = total
    return out


def month_counts(duration: Ints, event: Ints, months: int, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """At risk, in default and closed otherwise in each month 1 … `months`."""
    month = np.minimum(duration, months + 1)
    leaving = tally(month, weight, months + 2)
    at_risk = leaving[::-1].cumsum()[::-1][1 : months + 1]
    bad, closed = (tally(month, weight * (event == cause), months + 2)[1 : months + 1] for cause in (DEFAULT, CLOSED))
    return at_risk, bad, closed


def still_watched(duration: Ints, event: Ints, months: int, weights: Floats) -> Floats:
    """G[t]: the chance that a loan is not lost from sight in months 1 … t, for t = 0 … `months`."""
    at_risk, bad, closed = month_counts(duration, event, months, weights)
    lost = tally(np.minimum(duration, months + 1), weights * (event == OPEN), months + 2)[1 : months + 1]
    # Who defaults or closes in a month cannot be lost from sight at its end.
    base = at_risk - bad - closed
    stay = np.where(base > 0.0, 1.0 - lost / np.where(base > 0.0, base, 1.0), 1.0)
    return np.concatenate([[1.0], np.cumprod(np.clip(stay, 0.0, 1.0))])


def evaluate_hazard(
    curves: Floats,
    duration: Any,
    event: Any,
    *,
    weights: Any = None,
    horizons: tuple[int, ...] = (12, 24, 36),
) -> HazardReport:
    """Hold a term structure against what happened afterwards.

    Parameters
    ----------
    curves
        Shape (loans, months): probability of default within 1, 2, … months, as `Hazard.term_structure` gives it.
    duration, event
        As in `fit_hazard`, counted from the month of scoring.
    horizons
        Ascending months, at most the months of `curves`.

    Returns
    -------
    HazardReport

    Raises
    ------
    InputError
        When a horizon lies beyond the curves.

    Notes
    -----
    A loan lost from sight before a horizon gives its weight to those that were seen longer (inverse probability of
    censoring, estimated by Kaplan and Meier; Graf et al., Statistics in Medicine 18 (1999); Uno et al., JASA 102
    (2007)). It is right where the loss of sight has nothing to do with the risk. Competing closings: Wolbers et al.,
    Epidemiology 20 (2009).

    Examples
    --------
    >>> curves = np.array([[0.1, 0.2], [0.4, 0.7], [0.2, 0.3]])
    >>> report = evaluate_hazard(curves, [2, 1, 2], [0, 1, 1], horizons=(2,))
    >>> report.concordance, report.horizons[0].auc
    (1.0, 1.0)
    """
    rows, months = curves.shape
    if not rows:
        raise DataError(WORDS("horizon.rows"))
    until, how = check_loans(duration, event, rows)
    weight = as_weights(weights, rows)
    if not horizons or list(horizons) != sorted(set(horizons)) or not 1 <= horizons[0] <= horizons[-1] <= months:
        allowed = f"ascending months, 1–{months}"
        raise InputError(WORDS("horizon.months", name="horizons", given=horizons, allowed=allowed))
    last = horizons[-1]
    watched = still_watched(until, how, last, weight)
    average = incidence(until, how, last, weight)
    briers = np.array([_brier(curves[:, t - 1], until, how, weight, watched, t) for t in range(1, last + 1)])
    plain = np.array(
        [_brier(np.full(rows, average[t - 1]), until, how, weight, watched, t) for t in range(1, last + 1)]
    )
    reports = tuple(
        _horizon(curves[:, t - 1], until, how, weight, watched, t, float(briers[t - 1]), float(plain[t - 1]))
        for t in horizons
    )
    score = np.ascontiguousarray(curves[:, last - 1])
    pairs = concordance_pairs(score, until, how, weight)
    index = pairs[0] / pairs[1] if pairs[1] > 0.0 else None
    return HazardReport(reports, index, float(briers.mean()), float(plain.mean()), rows)


def _known(until: Ints, how: Ints, weight: Floats, watched: Floats, t: int) -> tuple[Floats, Floats]:
    """The state at the end of month t (1.0 in default) and the weight of each loan, 0 where it is not known."""
    done = (until <= t) & (how != OPEN)
    open_still = (until >= t) & ~done
    bad = (done & (how == DEFAULT)).astype(np.float64)
    at = np.where(done, np.minimum(until, t) - 1, t - 1)
    chance = watched[at]
    seen = (done | open_still) & (chance > 0.0)
    return bad, np.where(seen, weight / np.where(chance > 0.0, chance, 1.0), 0.0)


def _brier(pd: Floats, until: Ints, how: Ints, weight: Floats, watched: Floats, t: int) -> float:
    bad, known = _known(until, how, weight, watched, t)
    return float((known * (pd - bad) ** 2).sum() / known.sum()) if known.sum() > 0.0 else 0.0


def _horizon(
    pd: Floats, until: Ints, how: Ints, weight: Floats, watched: Floats, t: int, brier: float, reference: float
) -> HorizonReport:
    bad, known = _known(until, how, weight, watched, t)
    seen = known > 0.0
    both = 0.0 < bad[seen].sum() < np.count_nonzero(seen)
    table = tuple(
        Tenth(
            float((weight[part] * pd[part]).sum() / weight[part].sum()),
            float(incidence(until[part], how[part], t, weight[part])[-1]),
            int(part.size),
        )
        for part in tenths(pd, weight)
    )
    return HorizonReport(
        t,
        int(bad.sum()),
        int(np.count_nonzero(seen)),
        auc(pd[seen], bad[seen], known[seen]) if both else None,
        brier,
        reference,
        float((weight * pd).sum() / weight.sum()),
        float(incidence(until, how, t, weight)[-1]),
        table,
    )


def concordance_pairs(score: Floats, duration: Ints, event: Ints, weights: Floats) -> tuple[float, float]:
    """Weight of the concordant pairs (ties half) and of all comparable pairs."""
    _, rank = np.unique(score, return_inverse=True)
    # Closed otherwise: never in default, so later than every default.
    month = np.where(event == CLOSED, np.iinfo(np.int64).max, duration)
    # Within a month those who stay come first, for a default of that month precedes them.
    order = np.lexsort((event == DEFAULT, -month))
    right, total = _pairs(
        rank[order].astype(np.int64), month[order], event[order] == DEFAULT, weights[order], int(rank.max()) + 1
    )
    return float(right), float(total)


@kernel
def _pairs(rank: Ints, month: Ints, bad: Any, weights: Floats, size: int) -> tuple[float, float]:
    """Sums over a tree of weights by rank of those known to last longer."""
    tree = np.zeros(size + 1)
    held, right, total = 0.0, 0.0, 0.0
    i = 0
    while i < rank.size:
        first = i
        while i < rank.size and month[i] == month[first] and bad[i] == bad[first]:
            if bad[i]:
                below, upto = 0.0, 0.0
                place = rank[i]
                while place > 0:
                    below += tree[place]
                    place -= place & -place
                place = rank[i] + 1
                while place > 0:
                    upto += tree[place]
                    place -= place & -place
                right += weights[i] * 0.5 * (below + upto)
                total += weights[i] * held
            i += 1
        for k in range(first, i):
            place = rank[k] + 1
            while place <= size:
                tree[place] += weights[k]
                place += place & -place
            held += weights[k]
    return right, total
