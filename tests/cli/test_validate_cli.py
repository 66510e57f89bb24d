"""`tally validate` on a trained bank: report, page, exit code, and its note in the registry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tallystick.desk import load_project


def test_a_validation_is_shown_kept_and_noted(bank: Path, tally: Callable[..., Any], tmp_path: Path) -> None:
    cases = tmp_path / "overrides.csv"
    cases.write_text("system,final,outcome\napprove,approve,0\ndecline,approve,1\n", "utf-8")
    page, figures = tmp_path / "page.html", tmp_path / "report.json"
    options = ("--html", page, "--json", figures, "--overrides", cases, "--segment", "online_now")
    done = tally("-p", bank, "validate", "card_fraud", *options)
    reports = json.loads(figures.read_text("utf-8"))
    failed = [check for check in reports[0]["checks"] if check["verdict"] == "failed"]
    assert done.code == (1 if failed else 0)
    assert "AUC" in done.out
    assert reports[0]["overrides"]["share"] == 0.5
    assert set(reports[0]["segments"]) == {"online_now"}
    assert reports[0]["leaks"] == []
    assert "<svg" in page.read_text("utf-8")
    project = load_project(bank)
    kept = project.state / "validation" / "card_fraud" / f"{reports[0]['version']}.json"
    assert json.loads(kept.read_text("utf-8"))["checks"] == reports[0]["checks"]
    standing = project.registry().entry("card_fraud", reports[0]["version"]).standing
    assert hashlib.sha256(kept.read_bytes()).hexdigest() in str(standing)


def test_what_is_unknown_is_refused(bank: Path, tally: Callable[..., Any], tmp_path: Path) -> None:
    assert "card_fraud" in tally("-p", bank, "validate", "nobody").error
    assert tally("-p", bank, "validate", "--version", "ffffffffffff").code == 1
    refused = tally("-p", bank, "validate", "--segment", "colour")
    assert (refused.code, "colour" in refused.error) == (1, True)
    missing = tally("-p", bank, "validate", "--overrides", tmp_path / "none.csv")
    assert (missing.code, "none.csv" in missing.error) == (1, True)
