"""Small made-up lenders for the tests of models."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tallystick.models import LayeredClassifier, Model, TreeOptions


def lender(rows: int, seed: int) -> pl.DataFrame:
    """Applicants: usage and delinquency raise the risk, salary lowers it; some values are missing, jobs are text."""
    rng = np.random.default_rng(seed)
    usage = rng.uniform(0, 1.2, rows)
    late = rng.poisson(0.5, rows)
    salary = np.round(rng.lognormal(10, 0.5, rows))
    job = rng.choice(["clerk", "driver", "nurse", "none", "diver"], rows, p=[0.4, 0.3, 0.2, 0.095, 0.005])
    z = -2.2 + 2.0 * usage + 0.7 * late - 0.6 * (np.log(salary) - 10) + np.where(job == "none", 0.9, 0.0)
    bad = rng.uniform(size=rows) < 1 / (1 + np.exp(-z))
    return pl.DataFrame(
        {
            "usage": pl.Series(np.where(rng.uniform(size=rows) < 0.1, np.nan, usage)).fill_nan(None),
            "late": pl.Series(late, dtype=pl.Int64),
            "salary": pl.Series(salary.astype(np.int64)),
            "job": pl.Series(job).replace({"diver": None}),
            "owner": pl.Series(rng.uniform(size=rows) < 0.5),
            "noise": pl.Series(rng.normal(size=rows)),
            "bad": bad,
        }
    )


LABELS = ["usage", "late", "salary", "job", "owner", "noise"]


@pytest.fixture(scope="session")
def applicants() -> pl.DataFrame:
    return lender(2_000, 5)


@pytest.fixture(scope="session")
def newcomers() -> pl.DataFrame:
    """Rows that no model saw, with a job that none learnt and with extreme values."""
    frame = lender(500, 6).drop("bad")
    odd = pl.DataFrame(
        {
            "usage": [float("inf"), float("-inf"), float("nan"), None],
            "late": [None, 2**62, -(2**62), 0],
            "salary": [0, -1, None, 2**53 + 1],
            "job": ["astronaut", "", None, "clerk"],
            "owner": [None, True, False, None],
            "noise": [None, 1e308, -1e-320, -0.0],
        },
        schema=frame.schema,
    )
    return pl.concat([frame, odd])


@pytest.fixture(scope="session")
def fitted(applicants: pl.DataFrame) -> Model:
    trees = TreeOptions(rounds=40)
    return (
        LayeredClassifier(("scorecard", "trees"), trees=trees).fit(applicants.select(LABELS), applicants["bad"]).model_
    )
