"""The same optimum as optbinning's constraint programme, where that finds one."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tallystick.models import OptimalBinner

with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
    warnings.simplefilter("ignore")
    from optbinning import OptimalBinning


def sample(rows: int, distinct: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Whole values 0 … distinct − 1, with a wave in the risk; every value has events and non-events."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([np.arange(distinct).repeat(2), rng.integers(0, distinct, rows)])
    wave = -1.5 + 1.2 * np.sin(x / distinct * rng.uniform(2, 9)) + rng.normal(0, 0.25, distinct)[x]
    y = (rng.uniform(size=x.size) < 1.0 / (1.0 + np.exp(-wave))).astype(np.int64)
    y[: 2 * distinct : 2], y[1 : 2 * distinct : 2] = 0, 1
    return x.astype(np.float64), y


def theirs(x: Any, y: Any, **options: Any) -> Any:
    """Their optimum on the same pre-bins: one for each distinct value."""
    splits = np.unique(x)[:-1] + 0.5
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        peer = OptimalBinning(solver="cp", user_splits=splits, time_limit=60, **options).fit(x, y)
        table = peer.binning_table
        table.build()
    assert peer.status == "OPTIMAL"
    return table.iv


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("shape", ["none", "ascending", "descending", "peak", "valley"])
def test_the_information_value_is_that_of_constraint_programming(shape: str, seed: int) -> None:
    """Same pre-bins, same least share, same most bins, same shape: the same IV to 1e-6."""
    x, y = sample(1_500, 14, seed)
    share, most = (0.05, 6) if seed < 3 else (0.12, 12)
    trend = None if shape == "none" else shape
    expected = theirs(x, y, monotonic_trend=trend, min_bin_size=share, max_n_bins=most)
    ours = OptimalBinner(most, share, min_events=1, monotone=shape).fit({"x": x}, y)  # type: ignore[arg-type]
    assert ours.variables_[0].iv == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", [4, 5])
def test_least_events_are_read_alike(seed: int) -> None:
    """A least number of events and of non-events gives the same optimum."""
    x, y = sample(800, 12, seed)
    expected = theirs(x, y, monotonic_trend=None, min_bin_n_event=25, min_bin_n_nonevent=25, max_n_bins=8)
    ours = OptimalBinner(8, 0.0, min_events=25).fit({"x": x}, y)
    assert ours.variables_[0].iv == pytest.approx(expected, abs=1e-6)
