"""`tally demo`: the project of examples/payments, with sources from the simulated bank."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tallystick.cli.show import Steps
from tallystick.core import Language
from tallystick.desk import PAYMENTS, copy_example, read_settings
from tallystick.sim import write_bank

# The last month of the simulated history is the one that examples/payments/flows.toml decides live.
LAST_YEAR, LAST_MONTH = 2025, 8


def make_demo(folder: Path, customers: int, months: int, seed: int, language: Language) -> None:
    """Make the demo's project in `folder` and let the simulated bank write its sources there.

    A folder that already holds the demo of the same size and seed is taken as it is, so that the run can resume.
    """
    made = folder / "sources" / f"simulated-{customers}-{months}-{seed}"
    if made.exists():
        return
    if not (folder / "tallystick.toml").exists():
        copy_example(PAYMENTS, folder)
    read_settings(folder)
    start = date(LAST_YEAR, LAST_MONTH + 1, 1)
    for _ in range(months):
        start = (start - timedelta(days=1)).replace(day=1)
    with Steps(language) as steps:
        write_bank(
            folder / "sources",
            customers,
            months,
            seed,
            start=start.isoformat(),
            progress=lambda done, total: steps("simulate", done, total),
        )
    made.touch()
