"""A registry with two versions of one small scorecard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tallystick.models import LayerOptions, Model, Registry
from tallystick.models.layers import fit_layers

DAY = 86_400_000_000


def carded(model: Model, seed: int, passed: bool = True, **governance: Any) -> Model:
    """A version of its own: the same table under another card."""
    gates = [{"name": "auc_min", "passed": passed}]
    return model.with_card({"seed": seed, "recipe": {"governance": governance}, "report": {"gates": gates}})


@pytest.fixture(scope="session")
def card_model(applicants: pl.DataFrame) -> Model:
    rows = applicants.select("usage", "late")
    y = applicants["bad"].cast(pl.Float64).to_numpy()
    return fit_layers("risk", rows, y, np.ones(y.size), LayerOptions(layers=("scorecard",)))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")
