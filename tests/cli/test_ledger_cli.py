"""Evidence from the command line: rescoring, reconciling, checking, exporting; in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.desk import Desk, decide, load_project

Tally = Callable[..., tuple[int, str, str]]
Payment = Callable[..., dict[str, Any]]
DAY = "2025-09-02"


@pytest.fixture
def decided(bank: Path, payment: Payment) -> Path:
    """The bank with one more decision, `payments-90000001`."""
    with Desk(load_project(bank)) as desk:
        decide(desk, payment(1))
    return bank


def test_a_decision_is_taken_again_away_from_its_project(decided: Path, tmp_path: Path, tally: Tally) -> None:
    proof, vkey, verdict = tmp_path / "proof.json", tmp_path / "vkey", tmp_path / "verdict.json"
    assert tally("-p", decided, "prove", "payments-90000001", "--rescore", "-o", proof)[0] == 0
    vkey.write_bytes((decided / ".tallystick/ledger/vkey").read_bytes())
    decided.rename(tmp_path / "gone")
    for language, words in (("en", "no bit differs"), ("zh", "无一位不同")):
        code, out, error = tally(
            "--language", language, "verify", proof, "--vkey", vkey, "--rescore", "--json", verdict
        )
        assert (code, error) == (0, "")
        assert words in out
        assert json.loads(verdict.read_text("utf-8"))["rescore"]["ok"] is True
    code, out, _ = tally("verify", proof, "--vkey", vkey)
    assert code == 0
    assert "--rescore" in out
    data = bytearray(proof.read_bytes())
    data[40] ^= 1
    proof.write_bytes(data)
    code, out, _ = tally("verify", proof, "--vkey", vkey, "--rescore")
    assert code == 1
    assert out.startswith("NOT VERIFIED")


def test_a_proof_that_carries_nothing_is_not_taken_again(decided: Path, tmp_path: Path, tally: Tally) -> None:
    proof, vkey = tmp_path / "proof.json", decided / ".tallystick/ledger/vkey"
    tally("-p", decided, "prove", "payments-90000001", "-o", proof)
    for language, words in (("en", "NOT TAKEN AGAIN"), ("zh", "无法重新作出")):
        code, out, _ = tally("--language", language, "verify", proof, "--vkey", vkey, "--rescore")
        assert code == 1
        assert words in out


def test_a_day_is_reconciled_and_the_log_checked(decided: Path, tmp_path: Path, tally: Tally) -> None:
    """What does not agree ends with exit code 1, today and at every check; what agrees later settles it."""
    found = tmp_path / "found.json"
    for language, words in (("en", "NOT RECONCILED"), ("zh", "对账不符")):
        asked = ("--language", language, "-p", decided, "ledger")
        code, out, _ = tally(*asked, "reconcile", DAY, "--received", "payments=2", "--json", found)
        assert code == 1
        assert words in out
        assert json.loads(found.read_text("utf-8"))["ok"] is False
        code, out, _ = tally(*asked, "check", "--json", found)
        assert code == 1
        assert words in out
        assert len(json.loads(found.read_text("utf-8"))["faults"]) == 1
    assert tally("-p", decided, "ledger", "reconcile", DAY, "--received", "payments=1")[0] == 0
    code, out, error = tally("-p", decided, "ledger", "check", "--json", found)
    assert (code, error) == (0, "")
    assert out.startswith("SOUND")
    document = json.loads(found.read_text("utf-8"))
    assert document["ok"] is True
    assert DAY not in document["open_days"]


@pytest.mark.parametrize("received", ["payments", "payments=-1", "payments=1.5", "=3", "loans=3"])
def test_a_count_that_is_none_is_refused(decided: Path, tally: Tally, received: str) -> None:
    for language in ("en", "zh"):
        code, out, error = tally(
            "--language", language, "-p", decided, "ledger", "reconcile", DAY, "--received", received
        )
        assert (code, out) == (1, "")
        assert len(error.splitlines()) == 1


def test_an_export_can_be_given_out(decided: Path, tmp_path: Path, tally: Tally) -> None:
    home = tmp_path / "static"
    code, out, error = tally("-p", decided, "ledger", "export", home)
    assert (code, error) == (0, "")
    assert str(home) in out
    assert sorted(path.name for path in home.iterdir()) == ["checkpoint", "tile", "vkey"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes").write_text("x", "utf-8")
    code, out, error = tally("-p", decided, "ledger", "export", tmp_path / "mine")
    assert (code, out) == (1, "")
    assert "mine" in error
