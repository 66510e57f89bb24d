"""Vintage curves: how much of each cohort is in default by months on book, and what the young ones will come to."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.models.frames import DataError, as_weights
from tallystick.models.horizon import check_loans, month_counts
from tallystick.models.losses.words import WORDS


class Vintage(msgspec.Struct, frozen=True):
    """One cohort.

    Attributes
    ----------
    cohort
        Its name.
    rows, defaults
        Loans and defaults so far.
    seen_months
        Months on book up to which the cohort was watched; later ones are projected.
    curve
        Share in default within 1, 2, … months on book.
    """

    cohort: str
    rows: int
    defaults: int
    seen_months: int
    curve: tuple[float, ...]


def vintages(cohort: Any, duration: Any, event: Any, *, months: int, weights: Any = None) -> tuple[Vintage, ...]:
    """The vintage curves of all cohorts, in order of their names.

    Parameters
    ----------
    cohort
        Text for each loan, such as 2025-03.
    duration, event
        As in `fit_hazard`.
    months
        On book, 1 to 600.
    weights
        Positive, such as the amount lent; ones by default.

    Returns
    -------
    tuple of Vintage
        A cohort's own months are Aalen–Johansen estimates; after its last month all cohorts' hazards of those months
        carry it on (a chain ladder of hazards). Where no cohort has been, the curve stays flat.

    Examples
    --------
    >>> old, young = vintages(["a"] * 4 + ["b"] * 2, [1, 2, 2, 2, 1, 1], [1, 1, 0, 0, 0, 0], months=2)
    >>> old.curve, young.seen_months, [round(share, 4) for share in young.curve]
    ((0.25, 0.5), 1, [0.0, 0.3333])
    """
    names = cohort if isinstance(cohort, pl.Series) else pl.Series(cohort)
    until, how = check_loans(duration, event, names.len())
    weight = as_weights(weights, names.len())
    if not 1 <= months <= 600:
        raise InputError(WORDS("loss.option", name="months", given=months, allowed="1–600"))
    if names.null_count():
        raise DataError(WORDS("loss.unknown", name="cohort", given=names.null_count()))
    texts = names.cast(pl.String)
    pooled = _hazards(*month_counts(until, how, months, weight))
    found = []
    for name in texts.unique().sort().to_list():
        own = (texts == name).to_numpy()
        seen = min(int(until[own].max()), months)
        hazards = _hazards(*month_counts(until[own], how[own], months, weight[own]))
        hazards[seen:] = pooled[seen:]
        stay, total, curve = 1.0, 0.0, []
        for bad, closed in hazards.tolist():
            total += stay * bad
            stay *= max(1.0 - bad - closed, 0.0)
            curve.append(total)
        defaults = int(np.count_nonzero(how[own] == 1))
        found.append(Vintage(name, int(own.sum()), defaults, seen, tuple(curve)))
    return tuple(found)


def _hazards(at_risk: Any, bad: Any, closed: Any) -> Any:
    base = np.where(at_risk > 0.0, at_risk, 1.0)
    return np.column_stack([bad / base, closed / base])
