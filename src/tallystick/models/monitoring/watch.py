"""A model by month: drift of points and labels, performance once outcomes are known, and alarms at declared limits."""

from __future__ import annotations

from math import inf, sqrt
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from tallystick.models.frames import Floats, Ints
from tallystick.models.governance.records import Monitor
from tallystick.models.monitoring.fingerprint import Fingerprint, shift
from tallystick.models.validation.compare import placements
from tallystick.models.validation.metrics import auc, ks

_NORMAL_95 = 1.959963984540054


class LabelShift(msgspec.Struct, frozen=True):
    """One label in one month: PSI against development (None: another type of values), share missing then and now."""

    label: str
    psi: float | None
    missing: float
    missing_before: float


class WatchMonth(msgspec.Struct, frozen=True):
    """One month (2026-03) of t.

    Attributes
    ----------
    later
        Whether most of its points lie after development: other months raise no alarm.
    psi
        Of the points against development.
    ripe, events
        Rows whose outcome is known, and how many of them turned out bad.
    observed, predicted
        Bad rate of the ripe rows, and the mean probability that the model gave them.
    auc, auc_low, auc_high, ks
        Of the ripe rows, the interval of 95% by DeLong (1988); None where they hold one class only.
    """

    month: str
    rows: int
    later: bool
    psi: float | None
    labels: tuple[LabelShift, ...]
    ripe: int
    events: int
    observed: float | None = None
    predicted: float | None = None
    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    ks: float | None = None

    def moved_most(self) -> str:
        """The label of the greatest PSI and its value, "" where none has one."""
        moved = [(each.psi, each.label) for each in self.labels if each.psi is not None]
        index, label = max(moved, default=(0.0, ""))
        return f"{label} {index:.3f}" if label else ""


class Alarm(msgspec.Struct, frozen=True):
    """A value beyond its declared limit: of the points, a label, or the outcomes of a month."""

    what: Literal["psi", "label_psi", "missing_rise", "auc_drop", "rate_ratio"]
    month: str
    label: str
    value: float
    limit: float


class Watch(msgspec.Struct, frozen=True):
    """What monitoring found; `auc` is the value that the model was judged by, None where none is recorded."""

    auc: float | None
    months: tuple[WatchMonth, ...]
    alarms: tuple[Alarm, ...]


def watch(
    before: Fingerprint,
    frame: pl.DataFrame,
    pd: Floats,
    points: Ints,
    y: Floats,
    months: pl.Series,
    later: Ints,
    rules: Monitor,
    judged_auc: float | None = None,
) -> Watch:
    """Hold a model's points by month against its development, and its probabilities against outcomes.

    Parameters
    ----------
    before
        From `fingerprint`, of the development sample.
    frame
        The label columns that the model reads.
    pd, points
        What the model says of the rows.
    y
        1.0 for bad, 0.0 for good, NaN where the outcome is not known or not ripe.
    months
        The month of each row as text, such as 2026-03.
    later
        1 for a row after development.
    rules
        The limits.
    judged_auc
        What the model was judged by.

    Returns
    -------
    Watch
        Months in order, and the alarms of those after development.
    """
    found = []
    for month in sorted(months.unique().to_list()):
        rows = np.flatnonzero((months == month).to_numpy())
        after = bool(later[rows].mean() > 0.5)
        found.append(_month(month, before, frame[rows], pd[rows], points[rows], y[rows], after))
    alarms = [alarm for each in found if each.later for alarm in _alarms(each, rules, judged_auc)]
    return Watch(judged_auc, tuple(found), tuple(alarms))


def _month(
    month: str, before: Fingerprint, frame: pl.DataFrame, pd: Floats, points: Ints, y: Floats, later: bool
) -> WatchMonth:
    moved = []
    for column in frame:
        spread = before.labels.get(column.name)
        if spread is not None:
            index, missing = shift(spread, before.rows, column)
            moved.append(LabelShift(column.name, index, missing, spread.missing))
    index, _ = shift(before.points, before.rows, pl.Series(points))
    ripe = ~np.isnan(y)
    bads = int(y[ripe].sum())
    found = WatchMonth(month, frame.height, later, index, tuple(moved), int(ripe.sum()), bads)
    if not found.ripe:
        return found
    found = msgspec.structs.replace(found, observed=bads / found.ripe, predicted=float(pd[ripe].mean()))
    if not 0 < bads < found.ripe:
        return found
    area = auc(pd[ripe], y[ripe])
    error = _NORMAL_95 * auc_error(pd[ripe], y[ripe])
    return msgspec.structs.replace(
        found,
        auc=area,
        auc_low=max(area - error, 0.0),
        auc_high=min(area + error, 1.0),
        ks=ks(pd[ripe], y[ripe]),
    )


def auc_error(score: Floats, y: Floats) -> float:
    """The standard error of an AUC, infinite with fewer than two of a class. Source: DeLong, Biometrics 44 (1988).

    Examples
    --------
    >>> round(auc_error(np.array([0.1, 0.4, 0.3, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])), 4)
    0.3536
    """
    bad = y == 1.0
    if min(int(bad.sum()), int((~bad).sum())) < 2:
        return inf
    placed = placements(score, y, np.ones(y.size))
    return sqrt(sum(float(placed[side].var(ddof=1)) / int(side.sum()) for side in (bad, ~bad)))


def _alarms(month: WatchMonth, rules: Monitor, judged_auc: float | None) -> list[Alarm]:
    found = []
    if month.rows >= rules.rows_min:
        if month.psi is not None and month.psi > rules.psi_max:
            found.append(Alarm("psi", month.month, "", month.psi, rules.psi_max))
        for each in month.labels:
            if each.psi is not None and each.psi > rules.label_psi_max:
                found.append(Alarm("label_psi", month.month, each.label, each.psi, rules.label_psi_max))
            if each.missing - each.missing_before > rules.missing_rise_max:
                rise = each.missing - each.missing_before
                found.append(Alarm("missing_rise", month.month, each.label, rise, rules.missing_rise_max))
    if min(month.events, month.ripe - month.events) >= rules.events_min:
        found += _performance(month, rules, judged_auc)
    return found


def _performance(month: WatchMonth, rules: Monitor, judged_auc: float | None) -> list[Alarm]:
    """Alarms that chance alone does not explain: the interval of 95% lies beyond the limit, not the value alone."""
    found = []
    if month.observed is not None and month.predicted:
        ratio, error = month.observed / month.predicted, _NORMAL_95 / sqrt(month.events)
        low, high = rules.rate_ratio
        if ratio * (1.0 - error) > high or ratio * (1.0 + error) < low:
            found.append(Alarm("rate_ratio", month.month, "", ratio, high if ratio > high else low))
    if judged_auc is not None and month.auc is not None and judged_auc - (month.auc_high or 1.0) > rules.auc_drop_max:
        found.append(Alarm("auc_drop", month.month, "", judged_auc - month.auc, rules.auc_drop_max))
    return found
