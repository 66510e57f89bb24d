"""The data sets of the comparison: columns as they are published, and those that may never enter left out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

BANK_ROWS = 41_188


class Data(NamedTuple):
    """A name, the columns that every model gets, and the outcomes: 1.0 is the event."""

    name: str
    frame: pl.DataFrame
    y: NDArray[np.float64]


def german(folder: Path) -> Data:
    frame = pl.read_csv(folder / "german.csv")
    y = (frame["creditability"] == "bad").to_numpy().astype(np.float64)
    return Data("german", frame.drop("creditability"), y)


def taiwan(folder: Path, *, protected: bool) -> Data:
    frame = pl.read_csv(folder / "taiwan.csv", infer_schema_length=None)
    target = "default.payment.next.month"
    out = () if protected else ("SEX", "EDUCATION", "MARRIAGE", "AGE")
    name = "taiwan, protected in" if protected else "taiwan"
    return Data(name, frame.drop("ID", target, *out), frame[target].to_numpy().astype(np.float64))


def bank(folder: Path) -> Data:
    """Bank Marketing without `duration`, which is known only after the call; the file's last line is no row."""
    lines = (folder / "bank_marketing.csv").read_bytes().splitlines(keepends=True)
    frame = pl.read_csv(b"".join(lines[: 1 + BANK_ROWS]), separator=";", infer_schema_length=None)
    return Data("bank", frame.drop("y", "duration"), (frame["y"] == "yes").to_numpy().astype(np.float64))


def all_data(folder: Path) -> list[Data]:
    return [german(folder), taiwan(folder, protected=False), taiwan(folder, protected=True), bank(folder)]
