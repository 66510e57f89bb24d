"""Fixtures for every room."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from tests.faults import table
from tests.services import java_home as java_home
from tests.services import nats_server as nats_server
from tests.services import postgres_server as postgres_server
from tests.services import redis_server as redis_server

from tallystick.desk import PAYMENTS, STEPS, copy_example, load_project, run_steps
from tallystick.sim import write_bank

# The first example compiles kernels; no test here judges a time.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data: ../shared beside the clone, or $TALLYSTICK_SHARED."""
    folder = Path(os.environ.get("TALLYSTICK_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.fail(f"real data is missing: {folder} is not a folder; set TALLYSTICK_SHARED", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of 600 customers after `tally run`: six months of payments, of August 2025 three hundred decided live.

    Never write to it: take `bank`.
    """
    folder = tmp_path_factory.mktemp("trained") / "bank"
    copy_example(PAYMENTS, folder)
    write_bank(folder / "sources", 600, 6, seed=7, start="2025-03-01")
    settings = folder / "flows.toml"
    settings.write_text(re.sub(r"limit = \d+", "limit = 300", settings.read_text("utf-8")), "utf-8")
    recipes = folder / "models.toml"
    text = re.sub(r"auc_min = [\d.]+", "auc_min = 0.6", recipes.read_text("utf-8"))
    recipes.write_text(text.replace('["scorecard", "trees", "extra"]', '["scorecard", "trees"]'), "utf-8")
    run = run_steps(load_project(folder), STEPS[:-1])
    assert run.decide is not None
    assert sum(run.decide.outcomes.values()) == 300
    return folder


@pytest.fixture
def bank(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained bank without its source files, to decide with and to harm."""
    shutil.copytree(trained, tmp_path / "bank", ignore=shutil.ignore_patterns("sources"))
    return tmp_path / "bank"


@pytest.fixture
def definitions(trained: Path, tmp_path: Path) -> Path:
    """The definitions of the bank alone: no state, no source files."""
    shutil.copytree(trained, tmp_path / "definitions", ignore=shutil.ignore_patterns("sources", ".tallystick"))
    return tmp_path / "definitions"


@pytest.fixture
def payment() -> Callable[..., dict[str, Any]]:
    """Makes a payment as it comes from outside, with any field changed or, given `...`, left out."""

    def make(number: int = 1, **changes: Any) -> dict[str, Any]:
        event = {
            "stream": "payments",
            "payment_id": 90_000_000 + number,
            "paid_at": "2025-09-02T10:00:00Z",
            "card_id": "K900001",
            "customer_id": "C900001",
            "terminal_id": "T000012",
            "merchant_id": "M000008",
            "device_id": "D900001",
            "amount": "12.50",
            "channel": "pos",
            "entry_mode": "chip",
            "country": "DE",
            "category": "grocery",
        }
        return {name: value for name, value in (event | changes).items() if value is not ...}

    return make


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the counting tests counted, from every process: values compared and found equal, faults made and found."""
    passed = [report for report in terminalreporter.stats.get("passed", ()) if report.when == "call"]
    found = [dict(report.user_properties) for report in passed]
    for name, with_what in (("compared", "the oracle"), ("compared_on_spark", "Spark")):
        compared = sum(properties.get(name, 0) for properties in found)
        if compared:
            terminalreporter.write_line(f"labels: {compared:,} values compared with {with_what}, 0 differ")
    faults = [value for report in passed for name, value in report.user_properties if name == "fault"]
    for line in table(faults) if faults else ():
        terminalreporter.write_line(line)
