"""What a binning is worth: tables of bins and of columns."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, log, sqrt
from typing import Any

import msgspec
import numpy as np
import polars as pl
from scipy.special import chdtrc

from tallystick.models.binning.variable import Variable
from tallystick.models.frames import Floats


class Measures(msgspec.Struct, frozen=True):
    """How well the bins of one column tell good from bad.

    Attributes
    ----------
    iv
        Information value (Jeffreys divergence of the two distributions), ≥ 0.
    js
        Jensen–Shannon divergence of the two, in nats, 0 … ln 2.
    gini
        2 AUC − 1 of the bins in order of event rate, 0 … 1.
    ks
        Greatest distance of the two running shares in that order, 0 … 1.
    chi_square, p_value
        Pearson's test of independence of bin and outcome; degrees of freedom are the bins seen less one.
    cramers_v
        √(chi-square / rows), 0 … 1.
    """

    iv: float
    js: float
    gini: float
    ks: float
    chi_square: float
    p_value: float
    cramers_v: float


def measures(variable: Variable) -> Measures:
    """Every measure of a binned column, from the weighted counts of all its bins.

    Examples
    --------
    >>> from tallystick.models.frames import Feature
    >>> age = Variable(Feature("age"), (30.0,), (), (50.0, 50.0, 0.0), (20.0, 5.0, 0.0), (), 0.84, "none", True)
    >>> round(measures(age).gini, 3), round(measures(age).chi_square, 3)
    (0.4, 12.0)
    """
    rows, events = np.asarray(variable.rows), np.asarray(variable.events)
    seen = rows > 0.0
    rows, events = rows[seen], events[seen]
    order = np.argsort(events / rows, kind="stable")
    rows, events = rows[order], events[order]
    bad, good = events / events.sum(), (rows - events) / (rows - events).sum()
    below = np.concatenate([[0.0], np.cumsum(good)[:-1]])
    gini = float(2.0 * np.sum(bad * (below + good / 2.0)) - 1.0)
    chi = _chi_square(rows, events)
    degrees = rows.size - 1
    middle = (bad + good) / 2.0
    return Measures(
        iv=variable.iv,
        js=(_relative(bad, middle) + _relative(good, middle)) / 2.0,
        gini=max(0.0, gini),
        ks=float(np.max(np.abs(np.cumsum(good) - np.cumsum(bad)))) if degrees else 0.0,
        chi_square=chi,
        p_value=float(chdtrc(degrees, chi)) if degrees else 1.0,
        cramers_v=sqrt(chi / float(rows.sum())),
    )


def _relative(share: Floats, other: Floats) -> float:
    return fsum(p * log(p / q) for p, q in zip(share.tolist(), other.tolist(), strict=True) if p > 0.0)


def _chi_square(rows: Floats, events: Floats) -> float:
    rate = float(events.sum() / rows.sum())
    if rows.size < 2 or not 0.0 < rate < 1.0:
        return 0.0
    return float(np.sum((events - rows * rate) ** 2 / (rows * rate * (1.0 - rate))))


def bin_table(variable: Variable) -> pl.DataFrame:
    """One line for each bin of a column: values, then specials, then missing.

    Returns
    -------
    DataFrame
        bin (text), rows, share (of all rows), events, event_rate (null where no row was seen), woe, iv (the bin's
        part), p_value (of the difference to the bin before, value bins only).
    """
    rows, events = np.asarray(variable.rows), np.asarray(variable.events)
    good = rows - events
    # Where a bin holds one class its WOE counts half a row of the other, and so does its IV.
    half = 0.5 * ((rows > 0.0) & ((events <= 0.0) | (good <= 0.0)))
    parts = ((good + half) / good.sum() - (events + half) / events.sum()) * np.asarray(variable.woe)
    values = len(variable.edges) + 1
    apart: list[float | None] = [None] * variable.size
    for i in range(1, values):
        apart[i] = float(chdtrc(1, _chi_square(rows[i - 1 : i + 1], events[i - 1 : i + 1])))
    lines: dict[str, Any] = {
        "bin": [variable.bin_text(i) for i in range(variable.size)],
        "rows": rows,
        "share": rows / rows.sum(),
        "events": events,
        "event_rate": pl.Series([e / r if r else None for e, r in zip(events, rows, strict=True)], dtype=pl.Float64),
        "woe": variable.woe,
        "iv": parts,
        "p_value": pl.Series(apart, dtype=pl.Float64),
    }
    return pl.DataFrame(lines)


def summary(variables: Sequence[Variable]) -> pl.DataFrame:
    """One line for each column, the most telling first: measures, value bins, shape, and why there is no cut."""
    lines = []
    for variable in variables:
        found = {name: getattr(measures(variable), name) for name in Measures.__struct_fields__}
        more = {"bins": len(variable.edges) + 1, "monotone": variable.monotone, "signal": variable.signal}
        lines.append({"column": variable.feature.name, **found, **more, "why": variable.why_text()})
    return pl.DataFrame(lines).sort("iv", descending=True, maintain_order=True)
