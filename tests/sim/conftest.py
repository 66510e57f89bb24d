"""One small bank for all tests of this room."""

from __future__ import annotations

import pytest

from tallystick.sim import Bank, simulate


@pytest.fixture(scope="session")
def bank() -> Bank:
    """2,000 customers over four months that cross a change of clocks and a year's end."""
    return simulate(customers=2_000, months=4, seed=11, start="2024-10-01")
