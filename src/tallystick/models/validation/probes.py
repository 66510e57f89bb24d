"""Throw-away models that ask what a column knows of the outcome, alone and beside all others."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm
import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.models.frames import Floats, Ints, tally
from tallystick.models.validation.metrics import auc

_ROWS_MAX = 20_000
_FOLDS = 3
_PRIOR_ROWS = 20.0
_ATOMS = 256


class Column(msgspec.Struct, frozen=True):
    """One column of a probe: numbers (NaN is missing), or the codes of texts (−1 is missing)."""

    name: str
    values: Floats
    text: bool


class Sample(msgspec.Struct, frozen=True):
    """The rows that are probed: places in the frame, outcomes (1 is the rarer), folds and columns."""

    rows: Ints
    y: Floats
    fold: Ints
    columns: tuple[Column, ...]


class Reading(msgspec.Struct, frozen=True):
    """What a set of columns knows: out-of-fold log-odds, their AUC, and the gain of each column in the trees."""

    scores: Floats
    auc: float
    gain: Floats


def draw(y: Floats, seed: int) -> Ints:
    """The rows to probe: at most 20,000, up to half of them of the rarer outcome."""
    if y.size <= _ROWS_MAX:
        return np.arange(y.size)
    rng = np.random.default_rng(seed)
    events, others = np.flatnonzero(y == 1.0), np.flatnonzero(y == 0.0)
    most = max(_ROWS_MAX // 2, _ROWS_MAX - others.size)
    events = rng.permutation(events)[:most]
    others = rng.permutation(others)[: _ROWS_MAX - events.size]
    return np.sort(np.concatenate([events, others]))


def sample_of(frame: pl.DataFrame, y: Floats, seed: int) -> Sample:
    """The probed rows of a frame; `y` holds 0.0 and 1.0, both."""
    outcome = 1.0 - y if y.mean() > 0.5 else y
    rows = draw(outcome, seed)
    drawn = frame[rows]
    rng = np.random.default_rng(seed)
    fold = np.empty(rows.size, dtype=np.int64)
    for kind in (0.0, 1.0):
        index = np.flatnonzero(outcome[rows] == kind)
        fold[rng.permutation(index)] = np.arange(index.size) % _FOLDS
    return Sample(rows, outcome[rows], fold, tuple(as_column(column) for column in drawn))


def as_column(series: pl.Series) -> Column:
    """A column as the probes read it; instants and dates by their days."""
    kind = series.dtype
    if kind in (pl.String, pl.Categorical, pl.Enum):
        codes = series.cast(pl.String).rank("dense").cast(pl.Float64).fill_null(0.0).to_numpy() - 1.0
        return Column(series.name, codes, True)
    if kind.is_temporal():
        held = series.cast(pl.Datetime("us")) if kind in (pl.Date, pl.Datetime) else series
        series = held.to_physical().cast(pl.Float64) / 86_400e6
    values = series.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy().astype(np.float64)
    return Column(series.name, np.clip(values, -1e300, 1e300), False)


def bins_of(values: Floats, text: bool) -> Ints:
    """A small bin number for each value: atoms where there are few, else 64 quantile intervals; missing is last."""
    if text:
        return values.astype(np.int64) + 1
    seen = ~np.isnan(values)
    distinct = np.unique(values[seen])
    if distinct.size > _ATOMS:
        distinct = np.unique(np.quantile(values[seen], np.linspace(0, 1, 65)[1:-1]))
    place = np.searchsorted(distinct, values, side="left").astype(np.int64)
    place[~seen] = distinct.size + 1
    return place


def atoms(column: Column) -> list[NDArray[np.bool_]]:
    """The rows of each value that stands for itself (missing, or a hundredth of the rows), and all but the commonest.

    A cut through a continuous column is no atom: the far end of an honest one may be pure.
    """
    values, rows = column.values, column.values.size
    missing = values < 0 if column.text else np.isnan(values)
    distinct, counts = np.unique(values[~missing], return_counts=True)
    often = np.argsort(-counts, kind="stable")[:16]
    found = [values == distinct[i] for i in often.tolist() if counts[i] >= 0.01 * rows]
    if found and counts[often[0]] >= 0.2 * rows:
        found.append(~found[0] & ~missing)
    if missing.any():
        found += [missing, ~missing]
    return found


def event_rates(bins: Ints, y: Floats, fit: NDArray[np.bool_]) -> Floats:
    """The smoothed event rate of each row's bin, counted over the rows `fit`."""
    size = int(bins.max()) + 1
    mean = float(y[fit].mean())
    rows = np.bincount(bins[fit], minlength=size)
    events = tally(bins[fit], y[fit], size)
    rates: Floats = ((events + _PRIOR_ROWS * mean) / (rows + _PRIOR_ROWS))[bins]
    return rates


def alone(sample: Sample, column: Column) -> float:
    """The out-of-fold AUC of one column by itself, whatever the shape of its relation to the outcome."""
    bins = bins_of(column.values, column.text)
    rates = np.empty(sample.y.size)
    for k in range(_FOLDS):
        held = sample.fold == k
        rates[held] = event_rates(bins, sample.y, ~held)[held]
    return auc(rates, sample.y)


def read(sample: Sample, columns: Sequence[Column], seed: int) -> Reading:
    """Fit boosted trees on some columns, out of fold."""
    gain = np.zeros(len(columns))
    if not columns:
        return Reading(np.zeros(sample.y.size), 0.5, gain)
    scores = np.empty(sample.y.size)
    options = {
        "objective": "binary",
        "num_leaves": 15,
        "learning_rate": 0.12,
        "min_data_in_leaf": 20,
        "max_bin": 63,
        "lambda_l2": 5.0,
        "verbosity": -1,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
    }
    bins = [bins_of(column.values, True) if column.text else None for column in columns]
    for k in range(_FOLDS):
        held = sample.fold == k
        matrix = np.column_stack(
            [
                column.values if codes is None else event_rates(codes, sample.y, ~held)
                for column, codes in zip(columns, bins, strict=True)
            ]
        )
        data = lightgbm.Dataset(matrix[~held], sample.y[~held])
        trees = lightgbm.train(options, data, num_boost_round=40)
        scores[held] = trees.predict(matrix[held], raw_score=True, num_threads=1)
        gain += trees.feature_importance("gain")
    return Reading(scores, auc(scores, sample.y), gain)


def removed(without: float, given: float) -> float:
    """The share of the error 1 − AUC that a column removes when it joins the others.

    Examples
    --------
    >>> round(removed(0.8, 0.95), 2)
    0.75
    """
    return (given - without) / max(1.0 - without, 1e-12)


def kinship(sample: Sample, column: Column, others: Floats) -> tuple[float, float]:
    """How a column goes with what all others say of the outcome.

    A cause of the outcome goes with the others as it goes; a value that was made from the outcome goes with them only
    through the outcome, and no longer once the outcome is known.

    Parameters
    ----------
    sample, column
        The probed rows and the column.
    others
        Out-of-fold log-odds from all other columns.

    Returns
    -------
    tuple
        The covariance over the one that the outcome alone would make (1 for a value made from the outcome, 0 for a
        cause that is independent of the others, or seems so within chance), and the mean correlation within the two
        outcomes.
    """
    y = sample.y
    own = event_rates(bins_of(column.values, column.text), y, np.ones(y.size, dtype=bool))
    rate = float(y.mean())
    gaps = [float(x[y == 1.0].mean() - x[y == 0.0].mean()) for x in (own, others)]
    implied = rate * (1.0 - rate) * gaps[0] * gaps[1]
    centred = (own - own.mean()) * (others - others.mean())
    inside = [correlation(own[y == kind], others[y == kind]) for kind in (0.0, 1.0)]
    if correlation(own, others) < 3.0 / y.size**0.5:
        return 0.0, 0.0
    return float(centred.mean()) / max(implied, 1e-12), (1.0 - rate) * inside[0] + rate * inside[1]


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's correlation; 0 where one of both is constant."""
    a, b = first - first.mean(), second - second.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0
