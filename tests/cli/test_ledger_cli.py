"""Evidence from the command line: rescoring, reconciling, checking, exporting; in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from tallystick.cli.app import app
from tallystick.desk import Desk, decide, load_project
from tallystick.ledger.verifier import main
from tallystick.ledger.verifier_words import WORDS

Tally = Callable[..., Any]
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


def test_both_commands_answer_alike(
    decided: Path, tmp_path: Path, tally: Tally, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tally verify` and `tally-verify`: the same words, document and exit code for whatever they are given."""
    proof, vkey, broken, policy = (tmp_path / name for name in ("proof", "vkey", "broken", "policy"))
    tally("-p", decided, "prove", "payments-90000001", "--rescore", "-o", proof)
    key = (decided / ".tallystick/ledger/vkey").read_text("ascii")
    vkey.write_text(key, "ascii")
    broken.write_bytes(proof.read_bytes().replace(b"position", b"positiom"))
    policy.write_text(f"log {key}quorum none\n", "ascii")
    told = {name: tmp_path / f"{name}.json" for name in ("one", "other")}
    for arguments, expected in (
        ((proof, "--vkey", vkey), 0),
        ((proof, "--policy", policy), 0),
        ((broken, "--vkey", vkey), 1),
        ((proof,), 2),
        ((tmp_path / "none", "--vkey", vkey), 2),
        ((proof, "--vkey", proof), 2),
        ((proof, "--policy", vkey), 2),
        ((proof, "--vkey", vkey, "--json", tmp_path), 2),
    ):
        for language in ("en", "zh"):
            given = [str(word) for word in arguments]
            for path in told.values():
                path.unlink(missing_ok=True)
            one = tally("--language", language, "verify", *given, *_told(given, told["one"]))
            code = main([*given, *_told(given, told["other"]), "--language", language])
            shown = capsys.readouterr()
            assert (one.code, code) == (expected, expected)
            assert (one.out, one.error) == (shown.out, shown.err.strip())
            if expected < 2:
                assert told["one"].read_bytes() == told["other"].read_bytes()


def _told(given: list[str], path: Path) -> list[str]:
    return [] if "--json" in given else ["--json", str(path)]


def test_both_commands_have_the_same_flags() -> None:
    small = set(re.findall(r"--[a-z]+", WORDS("verify.usage").text("en"))) - {"--language"}
    whole = typer.main.get_command(app).commands["verify"]  # type: ignore[attr-defined]
    assert small == {flag for option in whole.params for flag in option.opts if flag.startswith("--")}


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


def test_a_stream_is_counted_once(decided: Path, tally: Tally) -> None:
    """Even where both counts agree: whoever gives two meant two streams."""
    for language, words in (("en", "counted twice"), ("zh", "两次")):
        twice = ("--received", "payments=1", "--received", "payments=1")
        code, out, error = tally("--language", language, "-p", decided, "ledger", "reconcile", DAY, *twice)
        assert (code, out) == (1, "")
        assert words in error


def test_days_that_nobody_reconciled_are_named(decided: Path, tmp_path: Path, tally: Tally) -> None:
    """The first ten, and how many more there are."""
    found = tmp_path / "found.json"
    tally("-p", decided, "ledger", "reconcile", DAY, "--received", "payments=1")
    for language, more in (("en", "and {} more"), ("zh", "另有 {} 天")):
        _, out, _ = tally("--language", language, "-p", decided, "ledger", "check", "--json", found)
        days = json.loads(found.read_text("utf-8"))["open_days"]
        assert DAY not in out
        assert ", ".join(days[:10]) in out
        assert (more.format(len(days) - 10) in out) is (len(days) > 10)


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
