"""Forgetting and holds from the command line, in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.desk import load_project
from tallystick.desk.evidence import read_journal

Tally = Callable[..., tuple[int, str, str]]


@pytest.fixture
def who(bank: Path) -> str:
    """A customer who has a decision of the run."""
    with read_journal(load_project(bank)) as journal:
        return next(entry.subject for entry in journal.read(kinds=("decision",))).partition("=")[2]


def test_a_customer_is_forgotten_and_replay_says_so(bank: Path, who: str, tmp_path: Path, tally: Tally) -> None:
    """First what would be erased, then it is; a second time nothing is held."""
    answer = tmp_path / "answer.json"
    code, out, _ = tally("-p", bank, "forget", who, "--dry-run", "--json", answer)
    assert (code, out.splitlines()[-1]) == (0, "nothing was written")
    planned = json.loads(answer.read_text("utf-8"))
    assert planned["position"] is None
    code, out, _ = tally("-p", bank, "forget", who, "--reason", "asked", "--json", answer)
    assert code == 0
    assert out.splitlines()[-1].startswith("FORGOTTEN: erasure ")
    done = json.loads(answer.read_text("utf-8"))
    assert done["erasure"]["counts"] == planned["erasure"]["counts"]
    assert f"rows in the lake: {done['erasure']['counts']['lake.rows']}" in out
    for language, words in (("en", "decisions were erased"), ("zh", "项决策已被抹除")):
        code, out, _ = tally("--language", language, "-p", bank, "replay", "--from", "history", "--json", answer)
        assert code == 0
        assert words in out
    assert json.loads(answer.read_text("utf-8"))["erased"] == done["erasure"]["counts"]["journal.decisions"]
    for language, words in (("en", "nothing is held of"), ("zh", "未持有")):
        code, _, error = tally("--language", language, "-p", bank, "forget", who, "--reason", "asked")
        assert code == 1
        assert words in error
    assert tally("-p", bank, "forget", who)[0] == 2
    code, out, _ = tally("-p", bank, "forget", "--json", answer)
    assert (code, out) == (0, "nothing was begun and left unfinished\n")
    assert json.loads(answer.read_text("utf-8")) == []


def test_a_hold_is_placed_listed_obeyed_and_lifted(bank: Path, who: str, tmp_path: Path, tally: Tally) -> None:
    answer = tmp_path / "answer.json"
    code, out, _ = tally("-p", bank, "hold")
    assert (code, out) == (0, "nobody is held\n")
    code, out, _ = tally("-p", bank, "hold", who, "--reason", "case 7", "--until", "2099-01-31", "--json", answer)
    assert code == 0
    assert "until 2099-01-31: case 7" in out
    [hold] = json.loads(answer.read_text("utf-8"))
    for language, words in (("en", "until 2099-01-31 (case 7)"), ("zh", "至 2099-01-31（case 7）")):
        code, _, error = tally("--language", language, "-p", bank, "forget", who, "--reason", "asked")
        assert code == 1
        assert words in error
    code, out, _ = tally("-p", bank, "--language", "zh", "hold")
    assert code == 0
    assert hold["id"] in out
    code, out, _ = tally("-p", bank, "hold", who, "--lift", "--reason", "settled")
    assert code == 0
    assert out.startswith(f"lifted: hold {hold['id']}")
    assert tally("-p", bank, "hold", who, "--reason", "no end")[0] == 0
    assert "until it is lifted" in tally("-p", bank, "hold")[1]


def test_wrong_calls_are_told_apart(bank: Path, who: str, tally: Tally) -> None:
    """Bad usage ends with 2, what is refused with 1."""
    for arguments in (("hold", who), ("hold", "--lift", "--reason", "x"), ("forget", "--dry-run")):
        assert tally("-p", bank, *arguments)[0] == 2
    for until in ("soon", "2020-01-01", "9999-12-31"):
        code, _, error = tally("-p", bank, "hold", who, "--reason", "x", "--until", until)
        assert code == 1
        assert until in error


def test_whose_id_was_misspelt_is_told(bank: Path, who: str, tally: Tally) -> None:
    """A hold is placed all the same, with a warning beside its line; forgetting is refused; both name who is near."""
    for language, words in (("en", f"near: {who}"), ("zh", f"相近：{who}")):
        code, out, error = tally("--language", language, "-p", bank, "hold", f"{who}{language}", "--reason", "case 7")
        assert (code, out.startswith(("hold ", "保全 "))) == (0, True)
        assert words in error
        code, _, error = tally("--language", language, "-p", bank, "forget", f"{who}-", "--reason", "asked")
        assert code == 1
        assert words in error
    assert tally("-p", bank, "hold", who, "--reason", "case 8")[2] == ""
    assert tally("-p", bank, "forget", f"custmer_id={who}", "--reason", "asked")[0] == 2
