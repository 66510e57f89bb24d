"""Scoring beside LightGBM and optbinning, in the same run: `python -m bench.models.scoring`.

500 trees of 31 leaves over 30 columns, some values missing: one row, 200,000 rows with two threads on each side (and
how many raw scores differ in a bit), and the contributions of one row beside LightGBM's own, which answer another
question (they have no background). Then one row through a scorecard beside optbinning's. Both sides take turns.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import polars as pl
from bench.labels.measure import Row, in_turns, seconds_of, table, times
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tallystick.models import LayeredClassifier
from tallystick.models.trees import explain, fit_background, parse_forest

with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
    warnings.simplefilter("ignore")
    from optbinning import BinningProcess, Scorecard

Floats = NDArray[np.float64]
COLUMNS, TREES, LEAVES = 30, 500, 31
ROWS, SINGLES = 200_000, 300


def drawn(rows: int, seed: int) -> Floats:
    """Numbers and counts, a tenth of them missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, COLUMNS))
    x[:, 1] = rng.poisson(2, rows)
    x[rng.uniform(size=x.shape) < 0.1] = np.nan
    return x


def outcomes(x: Floats, seed: int) -> Floats:
    """Who went bad: additive, turning and joint effects under noise."""
    z = np.nan_to_num(x)
    risk = z[:, 0] + 0.3 * z[:, 1] + np.sin(2.0 * z[:, 2]) + z[:, 3] * z[:, 4]
    return (risk + 1.5 * np.random.default_rng(seed).normal(size=x.shape[0]) > 0.5).astype(np.float64)


def booster() -> Any:
    """500 trees of 31 leaves, by LightGBM's defaults otherwise."""
    x = drawn(20_000, 0)
    settings = {"objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.05, "verbosity": -1, "num_threads": 2}
    return lightgbm.train(settings, lightgbm.Dataset(x, label=outcomes(x, 1)), TREES)


def a_row(score: Callable[[Any], Any], rows: list[Any]) -> Callable[[], float]:
    """The mean seconds of a call with one row."""

    def taken() -> float:
        start = time.perf_counter()
        for row in rows:
            score(row)
        return (time.perf_counter() - start) / len(rows)

    return taken


def tree_rows() -> tuple[list[Row], bool]:
    """Trees of one row and of many; whether no bit differs."""
    trained = booster()
    forest = parse_forest(trained.model_to_string())
    x = drawn(ROWS, 2)
    singles = [np.ascontiguousarray(x[i : i + 1]) for i in range(SINGLES)]
    background = fit_background(forest, x[:10_000], np.ones(10_000))
    for row in singles[:2]:
        forest.raw(row)
        explain(forest, background, row)

    def theirs(row: Floats) -> Any:
        return trained.predict(row, raw_score=True, num_threads=1)

    one = in_turns(a_row(forest.raw, singles), a_row(theirs, singles), rounds=5)
    why = in_turns(
        a_row(lambda row: explain(forest, background, row), singles[:50]),
        a_row(lambda row: trained.predict(row, pred_contrib=True, num_threads=1), singles[:10]),
    )
    found: dict[str, Floats] = {}

    def ours_many() -> float:
        found["ours"], taken = seconds_of(lambda: forest.raw(x))
        return taken

    def theirs_many() -> float:
        found["theirs"], taken = seconds_of(lambda: trained.predict(x, raw_score=True, num_threads=2))
        return taken

    many = in_turns(ours_many, theirs_many, rounds=3)
    differ = int(np.count_nonzero(found["ours"].view(np.int64) != found["theirs"].view(np.int64)))
    trees = f"{TREES} trees of {LEAVES} leaves"
    return [
        Row(f"score one row, {trees}", _micro(one[0]), f"LightGBM predict, {_micro(one[1])}", times(one[1] / one[0])),
        Row(
            f"score {ROWS:,} rows, {trees}, 2 threads each",
            f"{many[0]:.2f} s",
            f"LightGBM predict, {many[1]:.2f} s",
            times(many[1] / many[0]),
            f"{differ} differing raw scores",
        ),
        Row(
            f"explain one row, {trees}",
            _micro(why[0]),
            f"LightGBM pred_contrib, {_micro(why[1])}",
            times(why[1] / why[0]),
            "ours exact against 10,000 background rows, theirs along paths",
        ),
    ], differ == 0


def card_rows() -> list[Row]:
    """One row through a scorecard of ten variables, with reasons on our side."""
    x = drawn(20_000, 4)[:, :10]
    y = outcomes(np.pad(x, ((0, 0), (0, COLUMNS - 10))), 5)
    names = [f"x{i}" for i in range(10)]
    frame = pl.DataFrame(x, schema=names).fill_nan(None)
    ours = LayeredClassifier(layers=["scorecard"]).fit(frame, y).model_
    given = pd.DataFrame(x, columns=names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scaling = {
            "scaling_method": "pdo_odds",
            "scaling_method_params": {"pdo": 20, "odds": 50, "scorecard_points": 600},
        }
        peer = Scorecard(BinningProcess(names), LogisticRegression(max_iter=1000), **scaling).fit(given, y)
    rows = frame.head(SINGLES).to_dicts()
    ours.score(rows[0])
    frames = [given.iloc[i : i + 1] for i in range(20)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quick, slow = in_turns(a_row(ours.score, rows), a_row(peer.score, frames), rounds=5)
    work = "score one row, scorecard of 10 variables"
    return [Row(work, f"{_micro(quick)}, with reasons", f"optbinning, {_micro(slow)}", times(slow / quick))]


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} µs"


def main() -> None:
    """Print the rows; end with 1 when a raw score differs."""
    rows, fine = tree_rows()
    print(table(rows + card_rows()))
    sys.exit(not fine)


if __name__ == "__main__":
    main()
