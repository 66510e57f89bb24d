"""A small lender with a model that was fitted on half of it, time, groups and a planted shift."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

LABELS: tuple[str, ...] = ("usage", "late", "income", "job")
START = 1_735_689_600_000_000
DAY = 86_400_000_000


class Line:
    """A model of one known line: what `validate` needs of a model, and nothing else."""

    name = "line"
    version = "5" * 64
    labels = LABELS

    def __init__(self, slope: float = 1.0, noise: float = 0.0) -> None:
        self.slope, self.noise = slope, noise

    def score_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        z = self.slope * log_odds(frame)
        z = z + self.noise * np.sin(np.arange(z.size) * 12.9898) * 2
        points = np.floor(600 - 28.85 * z + 0.5).astype(np.int64)
        return pl.DataFrame({"pd": 1 / (1 + np.exp(-z)), "points": points})


def log_odds(frame: pl.DataFrame) -> np.ndarray:
    job = (frame["job"] == "none").fill_null(False).to_numpy()
    z = -2.0 + 1.5 * frame["usage"].to_numpy() + 0.6 * frame["late"].to_numpy() - 0.8 * frame["income"].to_numpy()
    return np.asarray(z + 0.9 * job)


def lender(rows: int, seed: int) -> pl.DataFrame:
    """Six months in order; `sex` goes with income, `region` with nothing."""
    rng = np.random.default_rng(seed)
    sex = rng.integers(0, 2, rows)
    frame = pl.DataFrame(
        {
            "t": START + np.sort(rng.integers(0, 180, rows)) * DAY,
            "usage": rng.normal(size=rows),
            "late": rng.poisson(0.5, rows),
            "income": 0.9 * sex + rng.normal(size=rows),
            "job": rng.choice(["clerk", "nurse", "none"], rows, p=[0.5, 0.4, 0.1]),
            "sex": np.where(sex == 1, "m", "f"),
            "region": rng.choice(["north", "south"], rows),
        }
    )
    bad = rng.uniform(size=rows) < 1 / (1 + np.exp(-log_odds(frame)))
    return frame.with_columns(pl.Series("bad", bad))


@pytest.fixture(scope="session")
def cases() -> pl.DataFrame:
    return lender(6_000, 3)
