"""`tally models` as a person runs it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.desk import load_project

Tally = Callable[..., tuple[int, str, str]]


@pytest.fixture
def version(bank: Path) -> str:
    return load_project(bank).registry().resolve("card_fraud")


def test_a_champion_is_shown_approved_and_retired(bank: Path, tmp_path: Path, tally: Tally, version: str) -> None:
    """Listed with its status, approved on a report, refused twice, retired; in both languages, with exit codes."""
    code, out, _ = tally("-p", bank, "models", "list", "--json", tmp_path / "list.json")
    assert code == 0
    (row,) = json.loads((tmp_path / "list.json").read_text("utf-8"))
    assert (row["name"], row["version"], row["status"], row["flows"]) == (
        "card_fraud",
        version,
        "champion",
        "authorise",
    )
    steps = ["models", "approve", "card_fraud", version[:10], "--by", "Ann"]
    for language, words in (("en", "stands on a validation report"), ("zh", "审批须依据验证报告")):
        code, _, error = tally("--language", language, "-p", bank, *steps)
        assert code == 1
        assert words in error
    report = tmp_path / "report.json"
    report.write_text("{}", "utf-8")
    code, out, _ = tally("-p", bank, *steps, "--report", report, "--comment", "read it")
    assert (code, out.split(";")[1].strip()) == (0, "approved by: Ann")
    for language, words in (("en", "another person must"), ("zh", "须由另一人审批")):
        code, _, error = tally("--language", language, "-p", bank, *steps, "--report", report)
        assert code == 1
        assert words in error
    code, out, _ = tally("-p", bank, "models", "show", "card_fraud", "--json", tmp_path / "card.json")
    assert code == 0
    assert "read it" in out
    assert json.loads((tmp_path / "card.json").read_text("utf-8"))["history"][-1]["kind"] == "approved"
    code, out, _ = tally("-p", bank, "models", "retire", "card_fraud", version, "--by", "Ann", "--comment", "drift")
    assert (code, "retired" in out) == (0, True)
    code, _, error = tally("-p", bank, "models", "promote", "card_fraud", version, "--by", "Ann")
    assert code == 1
    assert "is retired" in error
    assert tally("-p", bank, "models", "promote", "card_fraud", version)[0] == 2


def test_card_and_inventory_are_written(bank: Path, tmp_path: Path, tally: Tally, version: str) -> None:
    """A page, Markdown, JSON and CSV; another ending is bad usage."""
    for name in ("card.html", "card.md", "card.json"):
        assert tally("-p", bank, "models", "card", "card_fraud", tmp_path / name)[0] == 0
        assert version in (tmp_path / name).read_text("utf-8")
    page = (tmp_path / "card.html").read_text("utf-8")
    assert "模型卡" in page
    assert not re.search(r"(?:src|href)=\"https?:", page)
    table = [line for line in (tmp_path / "card.md").read_text("utf-8").splitlines() if line.startswith("|")]
    assert len(table) > 40
    assert tally("-p", bank, "models", "inventory", tmp_path / "all.csv")[0] == 0
    (row,) = csv.DictReader((tmp_path / "all.csv").read_text("utf-8").splitlines())
    assert (row["version"], row["status"]) == (version, "champion")
    for command in (["card", "card_fraud"], ["inventory"]):
        code, _, error = tally("-p", bank, "models", *command, tmp_path / "all.pdf")
        assert (code, "no known ending" in error) == (2, True)
    code, _, error = tally("-p", bank, "models", "show", "card_fraud", "zz")
    assert (code, version[:12] in error) == (1, True)


def test_monitoring_ends_with_one_where_there_is_an_alarm(bank: Path, tmp_path: Path, tally: Tally) -> None:
    """Months on the terminal, as JSON and as a page of its own; limits that nothing passes end with 0."""
    recipes, text = bank / "models.toml", (bank / "models.toml").read_text("utf-8")
    wide = "psi_max = 99\nlabel_psi_max = 99\nmissing_rise_max = 1\nauc_drop_max = 1\nrate_ratio = [1e-9, 1e9]"
    recipes.write_text(f"{text}\n[card_fraud.monitor]\n{wide}\n", "utf-8")
    page = tmp_path / "monitor.html"
    code, out, _ = tally("-p", bank, "models", "monitor", "--chart", page, "--json", tmp_path / "monitor.json")
    assert code == 0
    assert "2025-08" in out
    (found,) = json.loads((tmp_path / "monitor.json").read_text("utf-8"))
    assert found["watch"]["alarms"] == []
    html = page.read_text("utf-8")
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert "无告警" in html
    recipes.write_text(f"{text}\n[card_fraud.monitor]\npsi_max = 1e-9\n", "utf-8")
    for language, words in (("en", "the points have moved"), ("zh", "分值发生漂移")):
        code, out, _ = tally("--language", language, "-p", bank, "models", "monitor", "card_fraud")
        assert code == 1
        assert words in out


def test_two_versions_are_compared(
    bank: Path, tmp_path: Path, tally: Tally, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The difference with its interval, and whom the cut-off swaps; a line is whole where no terminal asks for less."""
    monkeypatch.delenv("COLUMNS", raising=False)
    other = f"card_fraud@{version[:9]}"
    code, out, _ = tally("-p", bank, "models", "compare", "card_fraud", other, "--json", tmp_path / "c.json")
    assert code == 0
    assert "after the development of both" in out
    assert re.search(rf"^{other} +{version[:12]} +0\.\d+ +0\.", out, re.MULTILINE)
    document = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert document["comparison"]["difference"] == 0.0
    code, _, error = tally("-p", bank, "models", "compare", "card_fraud", "nobody")
    assert (code, "card_fraud" in error) == (1, True)


def test_check_warns_of_an_expired_champion(bank: Path, tally: Tally) -> None:
    """The definitions are sound, so the exit code is 0."""
    recipes = bank / "models.toml"
    recipes.write_text(recipes.read_text("utf-8") + '\n[card_fraud.governance]\nexpires = "1s"\n', "utf-8")
    code, out, _ = tally("-p", bank, "check")
    assert code == 0
    assert "expired on" in out
