"""Alerts over monthly observations: when they are raised, and how early, how precise and how many they are."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.core.numeric import kernel
from tallystick.models.frames import DataError, Floats, Ints
from tallystick.models.horizon.fit import whole
from tallystick.models.horizon.words import WORDS

Flags = NDArray[np.bool_]


class AlertPolicy(msgspec.Struct, frozen=True):
    """When an alert is raised.

    Attributes
    ----------
    threshold
        A score of at least this is high; more is riskier.
    consecutive
        Months in a row with a high score, 1 to 120; a month without an observation breaks the row.
    quiet_months
        Months after an alert in which the same account raises none, 0 to 120.
    """

    threshold: float
    consecutive: int = 1
    quiet_months: int = 0

    def __post_init__(self) -> None:
        if not np.isfinite(self.threshold):
            raise InputError(WORDS("warning.score"))
        for name, given, least in (("consecutive", self.consecutive, 1), ("quiet_months", self.quiet_months, 0)):
            if not least <= given <= 120:
                raise InputError(WORDS("horizon.months", name=name, given=given, allowed=f"{least}–120"))


class WarningReport(msgspec.Struct, frozen=True):
    """What the alerts of some months were worth.

    Attributes
    ----------
    observations, alerts
        Counted before default only.
    true, false, open
        Alerts followed by a default within the horizon, not followed, and not yet known.
    precision
        true / (true + false); None without either.
    defaulters, caught, missed
        Accounts that defaulted and were observed in the horizon before: with and without an alert in it.
    recall
        caught / defaulters; None without a defaulter.
    leads
        Months between the first alert of the horizon and the default → defaulters so caught.
    lead_quartiles
        Lower quartile, median and upper quartile of the lead, in months; None when nobody was caught.
    alerts_per_thousand
        Mean over months of alerts for a thousand observed accounts, and in the busiest month.
    """

    observations: int
    alerts: int
    true: int
    false: int
    open: int
    precision: float | None
    defaulters: int
    caught: int
    missed: int
    recall: float | None
    leads: dict[int, int]
    lead_quartiles: tuple[float, float, float] | None
    alerts_per_thousand: float
    alerts_per_thousand_most: float


class Observations(msgspec.Struct, frozen=True):
    """Monthly observations by account and month; `order` leads back to the rows given, no default is `NEVER`."""

    account: Ints
    month: Ints
    default: Ints
    order: Ints


NEVER = np.iinfo(np.int64).max
"""The month of a default that did not happen."""


def as_observations(account: Any, month: Any, default_month: Any) -> Observations:
    """Observations in order, checked.

    Parameters
    ----------
    account
        Text or number of each row.
    month
        Whole number, such as months since 2000.
    default_month
        Month in which the account defaults, null where it does not.

    Raises
    ------
    DataError
        When lengths differ, months are not whole, or an account is observed twice in a month.
    """
    names = account if isinstance(account, pl.Series) else pl.Series("account", account)
    rows = names.len()
    if names.null_count():
        raise DataError(WORDS("warning.account", given=names.null_count()))
    _, number = np.unique(names.cast(pl.String).to_numpy().astype(str), return_inverse=True)
    months = whole("month", month if hasattr(month, "to_numpy") else np.asarray(month), rows, -(2**40))
    given = default_month if isinstance(default_month, pl.Series) else pl.Series("default_month", default_month)
    if given.len() != rows:
        raise DataError(WORDS("horizon.lengths", name="default_month", given=given.len(), rows=rows))
    if given.dtype.is_float():
        given = given.fill_nan(None)
    known = given.is_not_null().to_numpy()
    defaults = np.full(rows, NEVER, dtype=np.int64)
    defaults[known] = whole("default_month", given.drop_nulls(), int(known.sum()), -(2**40))
    order = np.lexsort((months, number))
    found = Observations(number[order].astype(np.int64), months[order], defaults[order], order.astype(np.int64))
    twice = (np.diff(found.account) == 0) & (np.diff(found.month) == 0)
    if twice.any():
        place = int(found.order[np.flatnonzero(twice)[0]])
        raise DataError(WORDS("warning.twice", account=names[place], month=int(months[place])))
    return found


def raised(policy: AlertPolicy, watched: Observations, score: Any) -> Flags:
    """Whether each observation, in the order of `watched`, raises an alert; none does at or after default.

    Examples
    --------
    >>> watched = as_observations(["a"] * 5, [1, 2, 3, 4, 6], [None] * 5)
    >>> raised(AlertPolicy(0.5, consecutive=2), watched, [0.9, 0.9, 0.9, 0.1, 0.9]).tolist()
    [False, True, True, False, False]
    """
    values = np.asarray(score.to_numpy() if hasattr(score, "to_numpy") else score, dtype=np.float64)
    if values.shape != watched.month.shape or not np.all(np.isfinite(values)):
        raise DataError(WORDS("warning.score"))
    out = np.zeros(values.size, dtype=np.bool_)
    place = (watched.account, watched.month, watched.default)
    _raise(*place, values[watched.order], policy.threshold, policy.consecutive, policy.quiet_months, out)
    return out


@kernel
def _raise(
    account: Ints,
    month: Ints,
    default: Ints,
    score: Floats,
    threshold: float,
    consecutive: int,
    quiet: int,
    out: Flags,
) -> None:
    run = 0
    silent_until = np.int64(-(2**62))
    for i in range(account.size):
        if i == 0 or account[i] != account[i - 1]:
            run = 0
            silent_until = np.int64(-(2**62))
        elif month[i] != month[i - 1] + 1:
            run = 0
        if month[i] >= default[i]:
            continue
        run = run + 1 if score[i] >= threshold else 0
        if run >= consecutive and month[i] > silent_until:
            out[i] = True
            silent_until = month[i] + quiet


def choose_threshold(
    watched: Observations, score: Any, budget: float, consecutive: int = 1, quiet_months: int = 0
) -> float:
    """The least threshold whose alerts keep to a budget.

    Parameters
    ----------
    watched, score
        Observations of months that fitted nothing.
    budget
        Alerts for a thousand observed accounts a month, above 0.

    Raises
    ------
    DataError
        When no threshold at a score keeps to it.
    """
    values = np.asarray(score.to_numpy() if hasattr(score, "to_numpy") else score, dtype=np.float64)
    candidates = np.unique(values)
    most = budget * float(np.count_nonzero(watched.month < watched.default)) / 1000.0

    def kept(place: int) -> bool:
        policy = AlertPolicy(float(candidates[place]), consecutive, quiet_months)
        return bool(np.count_nonzero(raised(policy, watched, values)) <= most)

    low, high = 0, candidates.size
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if kept(middle) else (middle + 1, high)
    if low == candidates.size:
        raise DataError(WORDS("warning.none", budget=budget))
    return float(candidates[low])


def measure_alerts(
    policy: AlertPolicy, watched: Observations, score: Any, *, horizon: int, until: int
) -> WarningReport:
    """Count alerts against what happened afterwards.

    Parameters
    ----------
    policy, watched, score
        As in `raised`.
    horizon
        Months after an alert in which a default makes it true, at least 1.
    until
        The last month whose defaults are known.

    Examples
    --------
    >>> watched = as_observations(["a", "a", "a", "b", "b"], [1, 2, 3, 1, 2], [4, 4, 4, None, None])
    >>> report = measure_alerts(AlertPolicy(0.5), watched, [0.1, 0.7, 0.8, 0.6, 0.2], horizon=3, until=9)
    >>> report.leads, report.precision, report.recall
    ({2: 1}, 0.6666666666666666, 1.0)
    """
    if horizon < 1:
        raise InputError(WORDS("horizon.months", name="horizon", given=horizon, allowed="≥ 1"))
    flags = raised(policy, watched, score)
    default = np.where(watched.default <= until, watched.default, NEVER)
    before = watched.month < default
    # Months to default, far where there is none.
    left = np.where(default == NEVER, NEVER, default - np.where(default == NEVER, 0, watched.month))
    near = before & (left <= horizon)
    alerts = flags & before
    true = int(np.count_nonzero(alerts & near))
    undecided = int(np.count_nonzero(alerts & ~near & (watched.month + horizon > until)))
    false = int(np.count_nonzero(alerts)) - true - undecided
    defaulters = np.unique(watched.account[near])
    first: dict[int, int] = {}
    for place in np.flatnonzero(alerts & near).tolist():
        first.setdefault(int(watched.account[place]), int(left[place]))
    leads = np.array(sorted(first.values()), dtype=np.int64)
    months, which = np.unique(watched.month[before], return_inverse=True)
    seen = np.bincount(which, minlength=months.size)
    rate = 1000.0 * np.bincount(which, weights=alerts[before], minlength=months.size) / np.maximum(seen, 1)
    quartiles = tuple(np.quantile(leads, [0.25, 0.5, 0.75]).tolist()) if leads.size else None
    return WarningReport(
        observations=int(np.count_nonzero(before)),
        alerts=int(np.count_nonzero(alerts)),
        true=true,
        false=false,
        open=undecided,
        precision=true / (true + false) if true + false else None,
        defaulters=int(defaulters.size),
        caught=len(first),
        missed=int(defaulters.size) - len(first),
        recall=len(first) / defaulters.size if defaulters.size else None,
        leads=dict(zip(*(x.tolist() for x in np.unique(leads, return_counts=True)), strict=True)),
        lead_quartiles=quartiles,
        alerts_per_thousand=float(rate.mean()) if rate.size else 0.0,
        alerts_per_thousand_most=float(rate.max(initial=0.0)),
    )
