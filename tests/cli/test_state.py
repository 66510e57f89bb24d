"""Deciding, proving and training from the command line, and what a harmed state answers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.desk import load_project
from tallystick.ledger import generate_key

Tally = Callable[..., tuple[int, str, str]]
Payment = Callable[..., dict[str, Any]]


@pytest.fixture
def event(tmp_path: Path, payment: Payment) -> Callable[..., Path]:
    """Writes a payment to a file."""

    def write(number: int = 1, **changes: Any) -> Path:
        path = tmp_path / "event.json"
        path.write_text(json.dumps(payment(number, **changes)), "utf-8")
        return path

    return write


def journal(bank: Path) -> Path:
    return next((bank / ".tallystick/journal").glob("*.log"))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_payment_is_decided_proved_and_verified(
    bank: Path, tmp_path: Path, tally: Tally, event: Callable[..., Path]
) -> None:
    """The answer as JSON, again the same for the same body, refused for another; its proof holds till touched."""
    code, out, error = tally("-p", bank, "decide", event())
    assert (code, error) == (0, "")
    answer = json.loads(out)
    assert answer["id"] == "payments-90000001"
    assert answer["outcome"] in ("approve", "step-up", "decline")
    size = journal(bank).stat().st_size
    again = json.loads(tally("-p", bank, "decide", event(amount="12.500"))[1])
    assert again == {**answer, "repeated": True}
    for language, words in (("en", "another body"), ("zh", "不同内容")):
        code, out, error = tally("--language", language, "-p", bank, "decide", event(amount="99.00"))
        assert (code, out) == (1, "")
        assert words in error
    assert journal(bank).stat().st_size == size

    proof, vkey = tmp_path / "proof.json", bank / ".tallystick/ledger/vkey"
    for language, words in (("zh", "成为账本的叶"), ("en", "becomes a leaf")):
        code, out, _ = tally("--language", language, "-p", bank, "prove", answer["id"], "-o", proof)
        assert code == 0
        assert words in out
    code, out, _ = tally("verify", proof, "--vkey", vkey)
    assert code == 0
    assert out.startswith("VERIFIED")
    flip(proof)
    for language, words in (("en", "NOT VERIFIED"), ("zh", "未通过验证")):
        code, out, _ = tally("--language", language, "verify", proof, "--vkey", vkey)
        assert code == 1
        assert out.startswith(words)
    code, _, error = tally("-p", bank, "prove", "payments-9000001", "-o", proof)
    assert code == 1
    assert "payments-90000001" in error


def test_an_event_that_cannot_be_read_is_named(bank: Path, tmp_path: Path, tally: Tally) -> None:
    """A file that is not there, and a folder: not a fault of JSON."""
    for given in (tmp_path / "none.json", tmp_path):
        for language, words in (("en", "cannot be read"), ("zh", "无法读取")):
            code, out, error = tally("--language", language, "-p", bank, "decide", given)
            assert (code, out) == (1, "")
            assert str(given) in error
            assert words in error
            assert "Errno" not in error
    (tmp_path / "event.json").write_text('{"stream": "payments",\n "amount": }', "utf-8")
    for language, words in (("en", "is not one JSON object"), ("zh", "不是一个")):
        code, out, error = tally("--language", language, "-p", bank, "decide", tmp_path / "event.json")
        assert (code, out) == (1, "")
        assert "event.json:2:12: " in error
        assert words in error
        assert "Expecting" not in error


def test_reasons_come_in_the_askers_language(bank: Path, tally: Tally, event: Callable[..., Path]) -> None:
    """The same decision, its reasons in English and Chinese."""
    texts = [json.loads(tally("--language", x, "-p", bank, "decide", event())[1])["reasons"] for x in ("en", "zh")]
    assert [reason["code"] for reason in texts[0]] == [reason["code"] for reason in texts[1]]
    assert all(re.search(r"[\u4e00-\u9fff]", reason["text"]) for reason in texts[1])


def test_a_faulty_event_is_refused(bank: Path, tmp_path: Path, tally: Tally, event: Callable[..., Path]) -> None:
    """A missing key, a file that is no event, a file that is not there: one line each, and not a byte written."""
    before = journal(bank).read_bytes()
    text, long, array = tmp_path / "text.json", tmp_path / "long.json", tmp_path / "array.json"
    text.write_text("amount: 12", "utf-8")
    long.write_text('{"stream": "' + "x" * (1 << 20) + '"}', "utf-8")
    array.write_text("[1, 2]", "utf-8")
    cases = [
        (event(card_id=None), "card_id"),
        (text, "JSON"),
        (long, "1048576"),
        (array, "JSON"),
        (tmp_path / "none", "none"),
    ]
    for path, words in cases:
        for language in ("en", "zh"):
            code, out, error = tally("--language", language, "-p", bank, "decide", path)
            assert (code, out) == (1, "")
            assert words in error
            assert len(error.splitlines()) == 1
    assert journal(bank).read_bytes() == before


@pytest.mark.parametrize("file", ["journal", "checkpoint", "tile/0/000"])
def test_a_touched_file_is_named(
    bank: Path, tmp_path: Path, tally: Tally, event: Callable[..., Path], file: str
) -> None:
    """Journal or ledger, one bit: deciding and proving are refused with one line, and nothing is written."""
    path = journal(bank) if file == "journal" else bank / ".tallystick/ledger" / file
    flip(path)
    before = journal(bank).read_bytes()
    commands = ["decide", event()], ["prove", "payments-90000001", "-o", tmp_path / "proof.json"], ["replay"]
    for command in commands:
        for language in ("en", "zh"):
            code, out, error = tally("--language", language, "-p", bank, *command)
            assert (code, out) == (1, "")
            assert str(path if file != "tile/0/000" else bank / ".tallystick/ledger") in error
            assert len(error.splitlines()) == 1
    assert journal(bank).read_bytes() == before
    assert not (tmp_path / "proof.json").exists()


def test_a_cut_journal_is_refused(bank: Path, tally: Tally, event: Callable[..., Path]) -> None:
    """Signed decisions are gone: nothing is decided on top, nothing is replayed as if all were well."""
    log = journal(bank)
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    for command in (["decide", event()], ["replay"], ["prove", "payments-1", "-o", event().with_name("proof.json")]):
        code, out, error = tally("-p", bank, *command)
        assert (code, out) == (1, "")
        assert "lost frames that were signed" in error


@pytest.mark.parametrize("command", ["decide", "replay", "prove payments-1", "report"])
def test_before_anything_was_run(definitions: Path, tally: Tally, event: Callable[..., Path], command: str) -> None:
    """A new project answers each command that needs a run with one line."""
    words = ["decide", str(event())] if command == "decide" else command.split()
    for language in ("en", "zh"):
        code, out, error = tally("--language", language, "-p", definitions, *words)
        assert (code, out) == (1, "")
        assert len(error.splitlines()) == 1
    assert not (definitions / ".tallystick/journal").exists()


def test_deciding_before_training_is_refused(bank: Path, tally: Tally, event: Callable[..., Path]) -> None:
    """History is loaded, but no model is champion."""
    for name in ("registry", "journal", "ledger"):
        shutil.rmtree(bank / ".tallystick" / name)
    code, out, error = tally("-p", bank, "decide", event())
    assert (code, out) == (1, "")
    assert "card_fraud has no champion" in error
    assert not (bank / ".tallystick/journal").exists()


def test_replay_counts_what_it_compared(bank: Path, tmp_path: Path, tally: Tally) -> None:
    """Exit code 0 and one line; the same as JSON."""
    code, out, _ = tally("-p", bank, "replay", "--from", "history", "--json", tmp_path / "replay.json")
    assert code == 0
    assert re.search("300 decisions replayed from history: .* no bit differs", out)
    document = json.loads((tmp_path / "replay.json").read_text("utf-8"))
    assert (document["decisions"], document["differing"]) == (300, 0)


@pytest.mark.parametrize("missing", ["proof", "key"])
def test_a_missing_proof_or_key_is_refused(tmp_path: Path, tally: Tally, missing: str) -> None:
    """The file is named."""
    (tmp_path / "here").write_text(generate_key("bank.example/log")[1], "utf-8")
    proof, key = (
        (tmp_path / "away", tmp_path / "here") if missing == "proof" else (tmp_path / "here", tmp_path / "away")
    )
    for language in ("en", "zh"):
        code, out, error = tally("--language", language, "verify", proof, "--vkey", key)
        assert (code, out) == (2, "")
        assert error.startswith(str(tmp_path / "away")) or str(tmp_path / "away") in error
        assert len(error.splitlines()) == 1


def test_a_key_that_is_none_is_refused(tmp_path: Path, tally: Tally) -> None:
    """Any text, or no text at all."""
    (tmp_path / "proof").write_text("{}", "utf-8")
    for text in ("junk\n", ""):
        (tmp_path / "vkey").write_text(text, "utf-8")
        code, _, error = tally("verify", tmp_path / "proof", "--vkey", tmp_path / "vkey")
        assert code == 2
        assert len(error.splitlines()) == 1


def test_a_model_that_fails_its_gates_does_not_become_champion(trained: Path, tmp_path: Path, tally: Tally) -> None:
    """Exit code 1, the gate named, the model stored, the champion as before, who goes on deciding."""
    folder = tmp_path / "bank"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("journal", "ledger"))
    registry = load_project(folder).registry()
    champion = registry.resolve("card_fraud")
    recipes = folder / "models.toml"
    text = re.sub(r"auc_min = [\d.]+", "auc_min = 0.9999", recipes.read_text("utf-8"))
    text = re.sub(r"(?s)^labels = \[.*?\]", 'labels = ["amount_now", "payments_1h"]', text, flags=re.MULTILINE)
    recipes.write_text(text, "utf-8")
    code, out, error = tally("-p", folder, "train")
    assert (code, error) == (1, "")
    assert "card_fraud: a gate failed (auc_min)" in out
    assert registry.champion("card_fraud") == champion
    assert len(registry.versions("card_fraud")) == 2
    registry.retire("card_fraud", champion, by="Ann", at=1, comment="drift")
    for language, words in (("en", "failed its gates"), ("zh", "未通过门槛")):
        code, out, error = tally("--language", language, "-p", folder, "run")
        assert (code, out) == (1, "")
        assert words in error
        assert len(error.splitlines()) == 1
    assert not (folder / ".tallystick/journal").exists()
