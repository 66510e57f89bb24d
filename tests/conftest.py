"""Fixtures for every room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data: ../shared beside the clone, or $TALLYSTICK_SHARED."""
    folder = Path(os.environ.get("TALLYSTICK_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.fail(f"real data is missing: {folder} is not a folder; set TALLYSTICK_SHARED", pytrace=False)
    return folder
