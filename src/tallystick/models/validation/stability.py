"""Stability over time: populations by month, bins by month, and slopes refitted by month."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
from scipy.stats import chi2

from tallystick.models.frames import Floats, Ints, tally
from tallystick.models.logistic import fit_logistic
from tallystick.models.validation.compare import Interval
from tallystick.models.validation.metrics import information_value, psi
from tallystick.models.validation.probes import as_column

_BINS = 10
_EVENTS_MIN = 5
_LABELS_MAX = 30
_MONTH_ROWS = 50
_SLOPE_ROWS = 30_000


class Shift(msgspec.Struct, frozen=True):
    """One label, or the points, in one month (2026-03) against the base: PSI, share missing, IV, and rows.

    `psi` needs 50 rows. `psi_chance` is what PSI stays below in 19 of 20 such samples that did not shift (Yurdakul and
    Naranjo 2020).

    `iv` and `woe_shift`, the largest change of the WOE of a bin with enough rows, need both outcomes, else None.
    """

    month: str
    psi: float | None
    share_missing: float
    rows: int
    iv: float | None = None
    woe_shift: float | None = None
    psi_chance: float | None = None


class Drift(msgspec.Struct, frozen=True):
    """One label ("" for the points), months in order; `base` says what it is held against."""

    label: str
    base: str
    months: tuple[Shift, ...]


class Slope(msgspec.Struct, frozen=True):
    """The slope of one label's WOE in a regression of all labels: on all rows with a bootstrap interval, and by month.

    `sign_changes` counts the months whose slope has another sign than the whole.
    """

    label: str
    value: Interval
    months: dict[str, float]
    sign_changes: int


class Bins(msgspec.Struct, frozen=True):
    """Bins of one column: tenths or the distinct values of the base rows, what is rarer, and missing (the last)."""

    edges: Floats
    few: bool
    size: int


def bins_from(values: Floats) -> Bins:
    """Bins made on base values; at most ten values stand for themselves, others are cut at tenths."""
    seen = values[~np.isnan(values)]
    # A few thousand values tell that there are many; only few distinct ones are worth a look at all.
    many = np.unique(seen[:5_000]).size > _BINS
    distinct = seen[:0] if many else np.unique(seen)
    if not many and distinct.size <= _BINS:
        return Bins(distinct, True, distinct.size + 2)
    return Bins(np.unique(np.quantile(seen, np.linspace(0.1, 0.9, _BINS - 1))), False, _BINS + 2)


def place(values: Floats, bins: Bins) -> Ints:
    """The bin of each value; the last is missing, the one before it holds values the base has not."""
    found = np.searchsorted(bins.edges, values, side="left").astype(np.int64)
    if bins.few:
        inside = np.minimum(found, bins.edges.size - 1)
        unknown = bins.edges[inside] != values if bins.edges.size else np.ones(values.size, dtype=bool)
        found[unknown] = bins.size - 2
    found[np.isnan(values)] = bins.size - 1
    return found


def codes(frame: pl.DataFrame, base: pl.DataFrame) -> list[tuple[str, Ints, Ints, int]]:
    """For each column: name, bins of `frame`, bins of `base`, number of bins."""
    found = []
    for name in frame.columns:
        given, usual = frame.get_column(name), base.get_column(name)
        if given.dtype in (pl.String, pl.Categorical, pl.Enum):
            top = (
                usual.cast(pl.String).drop_nulls().value_counts(sort=True).sort("count", name, descending=[True, False])
            )
            known = {text: float(i) for i, text in enumerate(top.get_column(name).head(_BINS).to_list())}
            both = [_text_codes(column.cast(pl.String), known) for column in (given, usual)]
        else:
            both = [_numbers(column) for column in (given, usual)]
        bins = bins_from(both[1])
        found.append((name, place(both[0], bins), place(both[1], bins), bins.size))
    return found


def _text_codes(texts: pl.Series, known: dict[str, float]) -> Floats:
    if not known:
        return np.full(texts.len(), np.nan)
    codes = texts.replace_strict(known, default=float(len(known)), return_dtype=pl.Float64)
    return np.where(texts.is_null().to_numpy(), np.nan, codes.to_numpy())


def _numbers(column: pl.Series) -> Floats:
    return as_column(column).values


def drift_by_month(
    frame: pl.DataFrame, y: Floats, weights: Floats, months: Sequence[str], base: tuple[str, pl.DataFrame | None]
) -> tuple[Drift, ...]:
    """PSI of every column by month against the base rows, and how its bins' evidence moves.

    Parameters
    ----------
    frame
        The columns.
    y, weights
        Outcomes (1 is bad; NaN where not known) and weights.
    months
        The month of each row.
    base
        What the months are held against: its name and rows; without rows, the first month.
    """
    label = np.asarray(months)
    names, where = np.unique(label, return_inverse=True)
    own = base[1] is None
    usual = frame.filter(pl.Series(where == 0)) if base[1] is None else base[1]
    known = ~np.isnan(y)
    found = []
    for name, bins, reference, size in codes(frame, usual):
        expected = np.bincount(reference, minlength=size).astype(np.float64)
        cells = tally(where * size + bins, weights, names.size * size).reshape(names.size, size)
        bads = tally((where * size + bins)[known], (weights * y)[known], names.size * size).reshape(names.size, size)
        seen = tally((where * size + bins)[known], weights[known], names.size * size).reshape(names.size, size)
        whole = _woe(seen.sum(axis=0) - bads.sum(axis=0), bads.sum(axis=0))
        used = expected + cells.sum(axis=0) > 0
        shifts = []
        for i, month in enumerate(names.tolist()):
            told = not (own and i == 0) and int((where == i).sum()) >= _MONTH_ROWS
            good, bad = seen[i] - bads[i], bads[i]
            both = bad.sum() >= _EVENTS_MIN and good.sum() >= _EVENTS_MIN
            moved = np.abs(_woe(good, bad) - whole)[(good >= _EVENTS_MIN) & (bad >= _EVENTS_MIN)]
            shifts.append(
                Shift(
                    str(month),
                    psi(expected[used], cells[i][used]) if told else None,
                    float(cells[i, -1] / cells[i].sum()),
                    int((where == i).sum()),
                    information_value(good[used], bad[used]) if both else None,
                    float(moved.max()) if both and moved.size else None,
                    _chance(expected[used], cells[i][used]) if told else None,
                )
            )
        found.append(Drift(name, str(names[0]) if own else base[0], tuple(shifts)))
    return tuple(found)


def _chance(expected: Floats, actual: Floats) -> float:
    bins = max(int(np.count_nonzero(expected + actual)) - 1, 1)
    rows = 1.0 / max(float(expected.sum()), 1.0) + 1.0 / max(float(actual.sum()), 1.0)
    return float(chi2.ppf(0.95, bins)) * rows


def _woe(goods: Floats, bads: Floats) -> Floats:
    good, bad = np.maximum(goods, 0.5), np.maximum(bads, 0.5)
    evidence: Floats = np.log((good / good.sum()) / (bad / bad.sum()))
    return evidence


def slopes(
    frame: pl.DataFrame, y: Floats, weights: Floats, months: Sequence[str], *, rounds: int = 30, seed: int = 7
) -> tuple[Slope, ...]:
    """Slopes of a WOE regression on the columns: on all rows, resampled, and by month; whatever kind the model is.

    At most the 30 columns of highest IV enter and at most 30,000 rows; slopes are on the
    evidence of bad, so a healthy one is negative in no month. A month needs five bads and five goods for every column.
    """
    rng = np.random.default_rng(seed)
    rows = np.arange(y.size) if y.size <= _SLOPE_ROWS else np.sort(rng.permutation(y.size)[:_SLOPE_ROWS])
    table, outcome, w = frame[rows], y[rows], weights[rows]
    columns, names, values = [], [], []
    for name, bins, _, size in codes(table, table):
        goods, bads = tally(bins, w * (1.0 - outcome), size), tally(bins, w * outcome, size)
        columns.append(-_woe(goods, bads)[bins])
        names.append(name)
        values.append(information_value(goods, bads))
    kept = sorted(np.argsort([-value for value in values], kind="stable")[:_LABELS_MAX].tolist())
    z = np.column_stack([columns[i] for i in kept])
    label = np.asarray(months)[rows]

    def fit(inside: Ints) -> Floats:
        return np.asarray(fit_logistic(z[inside], outcome[inside], w[inside], ridge=1.0).slopes)

    whole = fit(np.arange(outcome.size))
    strata = [np.flatnonzero(outcome == kind) for kind in (0.0, 1.0)]
    drawn = np.array([fit(np.concatenate([rng.choice(part, part.size) for part in strata])) for _ in range(rounds)])
    lows, highs = np.quantile(drawn, [0.025, 0.975], axis=0)
    by_month = {}
    for month in np.unique(label).tolist():
        inside = np.flatnonzero(label == month)
        bads = outcome[inside].sum()
        if min(bads, inside.size - bads) >= _EVENTS_MIN * len(kept):
            by_month[str(month)] = fit(inside)
    return tuple(
        Slope(
            names[i],
            Interval(float(whole[k]), float(lows[k]), float(highs[k])),
            {month: float(found[k]) for month, found in by_month.items()},
            sum(float(found[k]) * float(whole[k]) < 0.0 for found in by_month.values()),
        )
        for k, i in enumerate(kept)
    )
