"""Random rows by the count: a row is scored with the bits of its column, by every model of these rooms."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from tallystick.models import (
    HazardOptions,
    LossOptions,
    WarningOptions,
    fit_anomaly,
    fit_hazard,
    fit_losses,
    fit_warning,
)

ROWS = 1_000_000 if os.environ.get("TALLYSTICK_SOAK") == "1" else 10_000


def rows(count: int, seed: int) -> pl.DataFrame:
    """Numbers of every size, some missing, some infinite; texts of which some were never seen."""
    rng = np.random.default_rng(seed)
    wild = rng.normal(size=count) * 10.0 ** rng.integers(-3, 4, count)
    wild[rng.uniform(size=count) < 0.02] = np.inf
    wild[rng.uniform(size=count) < 0.05] = np.nan
    text = rng.choice(["a", "b", "c", "d"], count, p=[0.5, 0.3, 0.19, 0.01])
    frame = pl.DataFrame({"wild": wild, "calm": rng.uniform(size=count), "text": text})
    limit = pl.Series("limit", rng.integers(0, 10**7, count))
    drawn = pl.Series("drawn", rng.integers(-(10**5), 10**7, count))
    return frame.with_columns(
        pl.col("text").replace("d", None), limit, drawn, age=pl.Series(rng.integers(-1, 50, count))
    )


@lru_cache(maxsize=1)
def models() -> dict[str, tuple[Any, Callable[[Any], dict[str, Any]]]]:
    """Each model, and its answer for a row by the names of the columns."""
    frame, rng = rows(3_000, 1), np.random.default_rng(2)
    calm = frame["calm"].to_numpy()
    month = rng.geometric(0.01 + 0.05 * calm)
    until = np.minimum(month, rng.integers(1, 31, 3_000))
    how = np.where(month == until, 1, rng.choice([0, 2], 3_000))
    labels = frame.select("wild", "calm", "text")
    hazard = fit_hazard(labels, until, how, options=HazardOptions(horizons=(12, 24), age="age"))
    share = np.clip(calm + rng.normal(0, 0.4, 3_000), 0, 1)
    losses = fit_losses(
        frame.drop("age"), share, ead_minor=frame["limit"], options=LossOptions(limit="limit", drawn="drawn")
    )
    account, when = np.repeat(np.arange(100), 30), np.tile(np.arange(30), 100)
    default = pl.Series(np.where(np.arange(100) % 3 == 0, 10 + np.arange(100) % 17, -1)[account]).replace(-1, None)
    cuts: dict[str, Any] = {"until": 29, "threshold_from": 16, "test_from": 22}
    warning = fit_warning(labels, account, when, default, **cuts, options=WarningOptions(budget=100)).model

    def plain(score: Any) -> dict[str, Any]:
        return {name: getattr(score, name) for name in score.__struct_fields__}

    return {
        "hazard": (hazard, lambda s: plain(s) | {f"pd_{months}": pd for months, pd in s.pds.items()}),
        "losses": (losses, plain),
        "warning": (warning, plain),
        "anomaly": (fit_anomaly(labels), plain),
    }


@pytest.mark.soak
@pytest.mark.parametrize("name", ["hazard", "losses", "warning", "anomaly"])
def test_every_row_has_the_bits_of_its_column(name: str) -> None:
    model, told = models()[name]
    frame = rows(ROWS, 7)
    columns = model.score_columns(frame)
    names = [column for column in columns.columns if column != "log_odds"]
    differing = 0
    for row, wanted in zip(frame.iter_rows(named=True), columns.select(names).iter_rows(), strict=True):
        answer = told(model.score(row))
        differing += tuple(answer[column] for column in names) != wanted
    assert differing == 0
