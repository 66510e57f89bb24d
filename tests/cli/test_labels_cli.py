"""`tally labels` and `tally segments`, as a person runs them, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

Tally = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def ran(tally: Tally, *arguments: object) -> str:
    code, out, error = tally(*arguments)
    assert (code, error) == (0, "")
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_the_catalogue_on_the_terminal(definitions: Path, tmp_path: Path, tally: Tally) -> None:
    """List, show, search and lineage: text in both languages, the same as JSON."""
    file = tmp_path / "out.json"
    out = ran(tally, "-p", definitions, "labels", "list", "--json", file)
    assert re.search(r"spend_7d +fact +sum +money\(EUR\) +7d", out)
    assert {entry["name"] for entry in read(file)} >= {"spend_7d", "card_fraud"}
    models = ran(tally, "-p", definitions, "--language", "zh", "labels", "list", "--nature", "model")
    assert re.search(r"card_fraud +模型", models)
    assert "spend_7d" not in models
    shown = ran(tally, "-p", definitions, "labels", "show", "spend_1d", "--json", file)
    assert re.search(r"counts the present event +yes", shown)
    assert read(file)["columns"] == ["payments.amount", "payments.card_id"]
    assert "merchants_1d" in ran(tally, "-p", definitions, "labels", "search", "distinct", "merchant_id")
    lines = ran(tally, "-p", definitions, "labels", "lineage", "spend_surge_7d", "--json", file)
    assert lines.startswith("Made of:\nlabel spend_surge_7d [L3]")
    assert "Used by:" in lines
    assert read(file)["reads"]["below"][0]["kind"] == "label"


def test_a_miss_shows_the_nearest_names(definitions: Path, tally: Tally) -> None:
    for language, words in (("en", "nearest: spend_7d"), ("zh", "最接近：spend_7d")):
        code, out, _ = tally("--language", language, "-p", definitions, "labels", "search", "spend_77d")
        assert code == 1
        assert words in out
        code, out, error = tally("--language", language, "-p", definitions, "labels", "show", "spend_77d")
        assert (code, out) == (1, "")
        assert words in error
        for command in ("cost", "drift"):
            code, out, error = tally("--language", language, "-p", definitions, "labels", command, "spend_77d")
            assert (code, out) == (1, "")
            assert words in error
            assert "night" not in tally("--language", language, "-p", definitions, "labels", command, "zz")[2]


def test_a_nature_that_is_none_is_bad_usage(definitions: Path, tally: Tally) -> None:
    for language, words in (("en", "allowed: fact"), ("zh", "允许：fact")):
        code, _, error = tally("--language", language, "-p", definitions, "labels", "list", "--nature", "guess")
        assert code == 2
        assert "--nature: 'guess'" in error
        assert words in error


def test_a_diff_on_the_terminal(bank: Path, tmp_path: Path, tally: Tally) -> None:
    """Old file against the project's labels; without points only the definitions."""
    old, file = tmp_path / "old.py", tmp_path / "diff.json"
    text = (bank / "labels.py").read_text("utf-8")
    old.write_text(re.sub(r'(spend_7d = _of_card.sum\("amount"\).over\(")7d', r"\g<1>2d", text), "utf-8")
    out = ran(tally, "-p", bank, "labels", "diff", old, "--json", file)
    assert "spend_7d: its meaning changed\n  window: 2d → 7d\n  payments: " in out
    assert "; mean " in out
    assert read(file)[0]["effects"][0]["differing"] > 0
    bare = ran(tally, "--language", "zh", "-p", bank, "labels", "diff", old, "--points", 0)
    assert "spend_7d：含义改变\n  window：2d → 7d\nspend_surge_7d" in bare
    assert ran(tally, "-p", bank, "labels", "diff", bank / "labels.py") == "no label differs\n"
    code, _, error = tally("-p", bank, "labels", "diff", tmp_path / "none.py")
    assert code == 1
    assert "kept: " in error


def test_cost_drift_and_warm_on_the_terminal(bank: Path, tmp_path: Path, tally: Tally) -> None:
    file, page = tmp_path / "out.json", tmp_path / "drift.html"
    code, out, _ = tally("-p", bank, "labels", "cost", "spend_7d", "payments_1d", "--points", 500, "--json", file)
    assert code == 0
    assert "spend_7d" in out
    assert {cost["label"] for cost in read(file)} == {"spend_7d", "payments_1d"}
    out = ran(tally, "-p", bank, "labels", "drift", "spend_7d", "--chart", page, "--json", file)
    assert re.search(r"spend_7d +2025-04 +[\d,]+ +\d\.\d{3}", out)
    assert len(read(file)[0]["months"]) == 6
    text = page.read_text("utf-8")
    assert text.count("<svg") >= 1
    assert "spend_7d" in text
    code, _, error = tally("-p", bank, "labels", "drift", "spend_7d", "--base", "2024-01")
    assert code == 1
    assert "2025-03" in error
    out = ran(tally, "-p", bank, "labels", "warm", "--json", file)
    assert re.fullmatch(r"kept the label state of [\d,]+ facts and 300 events, to journal position .*\n", out)
    assert read(file)["events"] == 300


def test_segments_on_the_terminal(bank: Path, tmp_path: Path, tally: Tally) -> None:
    """Build two, count them together, and write who is in one and not in the other."""
    file, keys = tmp_path / "out.json", tmp_path / "keys.csv"
    busy = ("segments", "build", "busy", "--of", "card", "--where", "payments_30d > 20")
    out = ran(tally, "-p", bank, *busy, "--at", "2025-07-01", "--json", file)
    first = read(file)
    assert out.startswith(f"busy: {first['size']:,} of {first['asked']:,} keys of card at 2025-07-01T00:00:00+02:00")
    assert 0 < first["size"] < first["asked"]
    assert ran(tally, "-p", bank, *busy, "--at", "2025-07-01") == out
    ran(tally, "-p", bank, "segments", "build", "online", "--of", "card", "--where", "online_share_30d > 0.5")
    ran(tally, "--language", "zh", "-p", bank, "segments", "build", "busy")
    ran(tally, "-p", bank, "segments", "list", "--json", file)
    latest = {segment["name"]: segment for segment in read(file)}
    assert set(latest) == {"busy", "online"}
    assert latest["online"]["missing"] > 0
    shown = ran(tally, "-p", bank, "segments", "show", "busy", "--json", file)
    assert [build["number"] for build in read(file)] == [0, 1]
    assert "payments_30d > 20" in shown
    out = ran(tally, "-p", bank, "segments", "combine", "busy & ~online", "--json", file)
    counted = read(file)
    overlap = counted["overlaps"][0]
    assert counted["size"] == latest["busy"]["size"] - overlap["both"]
    assert out.startswith(f"busy & ~online: {counted['size']:,} members")
    out = ran(tally, "-p", bank, "segments", "export", "busy - online", "-o", keys)
    assert out.startswith(f"{counted['size']:,} keys")
    assert pl.read_csv(keys).height == counted["size"]
    ran(tally, "-p", bank, "segments", "export", "busy", "-o", keys, "--sample", 5, "--salt", "a", "--limit", 3)
    assert pl.read_csv(keys).columns == ["card"]
    assert pl.read_csv(keys).height == 3
    early = ran(tally, "-p", bank, "segments", "combine", "busy", "--at", "2025-07-02", "--json", file)
    assert read(file)["size"] == first["size"]
    assert early


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (["build", "busy"], 2, "busy"),
        (["build", "busy", "--of", "card", "--where", "payments_30 > 1"], 1, "payments_30d"),
        (["build", "busy", "--of", "card", "--where", "terminal_payments_1d > 1"], 1, "terminal"),
        (["show", "busy"], 1, "busy"),
        (["combine", "busy & ("], 2, "busy & \\("),
        (["combine", "1 + 2"], 2, "1 \\+ 2"),
        (["export", "busy", "-o", "keys.txt"], 1, "busy"),
    ],
)
def test_what_is_wrong_is_one_line(bank: Path, tally: Tally, words: list[str], code: int, match: str) -> None:
    for language in ("en", "zh"):
        found, out, error = tally("--language", language, "-p", bank, "segments", *words)
        assert (found, out) == (code, "")
        assert re.search(match, error)
        assert len(error.splitlines()) == 1
