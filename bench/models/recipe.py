"""The whole recipe on a million rows and fifty columns: minutes of each step, and the memory it took at most.

`python -m bench.models.recipe [--rows 1000000] [--columns 50]`. Bins, scorecard, trees, stack and calibration are one
fit on the first four fifths; the rest is validated. There is no peer: the figures are reported, memory is judged.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import polars as pl
from bench.labels.measure import Row

from tallystick import models
from tallystick.models.frames import Floats
from tallystick.models.layers import LayerOptions, fit_layers
from tallystick.models.validation import validate

T = TypeVar("T")

RSS_MAX_GIB = 8.0


def applicants(rows: int, columns: int, seed: int = 0) -> tuple[pl.DataFrame, Floats]:
    """Made applicants: numbers of several shapes, a tenth missing in some, every tenth column text; 8% are bad."""
    rng = np.random.default_rng(seed)
    z = np.full(rows, -3.0)
    made: dict[str, pl.Series] = {}
    for i in range(columns):
        name = f"c{i:02d}"
        if i % 10 == 9:
            place = rng.integers(0, 12, rows)
            z += 0.3 * np.sin(place)
            made[name] = pl.Series(name, [f"kind {k}" for k in range(12)]).gather(place)
            continue
        x = rng.normal(size=rows) if i % 3 else np.round(rng.lognormal(0.0, 1.0, rows), 2)
        z += (0.5 / (1 + i)) * np.where(x > 1.0, 1.5, x) * (1 if i % 2 else -1)
        if i % 4 == 0:
            x[rng.uniform(size=rows) < 0.1] = np.nan
        made[name] = pl.Series(name, x).fill_nan(None)
    y = (rng.uniform(size=rows) < 1.0 / (1.0 + np.exp(-z))).astype(np.float64)
    return pl.DataFrame(made), y


def timed(name: str, work: Callable[[], T]) -> T:
    """Run a step and print its minutes, by the clock and of processor time."""
    clock, own = time.perf_counter(), time.process_time()
    answer = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    wall, processor = (time.perf_counter() - clock) / 60.0, (time.process_time() - own) / 60.0
    print(f"{name:<34}{wall:>9.2f} min{processor:>12.2f} min CPU{peak:>10.2f} GiB peak", flush=True)
    return answer


def recipe_rows(rows: int = 1_000_000, columns: int = 50) -> tuple[list[Row], bool]:
    """Run the recipe and print its steps; False when it took more memory than it may."""
    start = time.perf_counter()
    print(f"the whole recipe, {rows:,} rows × {columns} columns")
    frame, y = applicants(rows, columns)
    cut = rows * 4 // 5
    options = LayerOptions(("scorecard", "trees"))
    known = frame[:cut]
    model = timed("fit (5 windows, then all rows)", lambda: fit_layers("bench", known, y[:cut], np.ones(cut), options))
    scored = timed("score every row", lambda: model.score_columns(frame))
    later = frame[cut:].with_columns(pl.Series("bad", y[cut:]))
    timed("validate the last fifth", lambda: validate(model, later, target="bad"))
    print(f"out of sample AUC {models.auc(scored['pd'].to_numpy()[cut:], y[cut:]):.4f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    took = f"{(time.perf_counter() - start) / 60.0:.1f} min, {peak:.1f} GiB"
    remark = f"bins, scorecard, trees, stack, calibration, validation; at most {RSS_MAX_GIB:.0f} GiB"
    return [Row(f"whole recipe, {rows:,} × {columns}", took, "none", "reported", remark)], peak <= RSS_MAX_GIB


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.models.recipe")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    given = parser.parse_args()
    sys.exit(0 if recipe_rows(given.rows, given.columns)[1] else 1)
