"""Witnesses from the command line: the log's key, who cosigned, and what is said when nobody did; in both languages."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.desk import Desk, decide, load_project
from tallystick.ledger import KeyKind, Signer, Verifier, Witness, generate_key
from tallystick.ledger.network import WitnessServer

Tally = Callable[..., tuple[int, str, str]]
Payment = Callable[..., dict[str, Any]]


@pytest.fixture
def alone(bank: Path, tally: Tally) -> Path:
    """The bank with a policy whose one witness does not answer."""
    key = tally("-p", bank, "ledger", "key")[1].strip()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    witness = generate_key("w.example", KeyKind.COSIGNATURE)[1]
    (bank / "trust.policy").write_text(f"log {key}\nwitness w {witness} {url}\nquorum w\n", "utf-8")
    with open(bank / "tallystick.toml", "a", encoding="utf-8") as settings:
        settings.write('\n[ledger]\npolicy = "trust.policy"\n')
    return bank


def test_the_key_is_that_of_the_log(bank: Path, tally: Tally) -> None:
    code, out, _ = tally("-p", bank, "ledger", "key")
    assert code == 0
    assert Verifier(out.strip()).name == "tallystick.example/card-payments"
    assert out == (bank / ".tallystick/ledger/vkey").read_text("ascii")


def test_without_a_policy_nobody_is_asked(bank: Path, tally: Tally) -> None:
    for language, words in (("en", "names no witnesses"), ("zh", "未指定见证人")):
        code, out, _ = tally("--language", language, "-p", bank, "ledger", "cosign")
        assert code == 1
        assert words in out
    code, out, _ = tally("-p", bank, "ledger", "check")
    assert code == 0
    assert "COSIGNED" not in out


def test_without_a_quorum_it_is_said(alone: Path, payment: Payment, tally: Tally, tmp_path: Path) -> None:
    """Decisions are taken, and proofs made, for whoever trusts the log's key alone."""
    with Desk(load_project(alone)) as desk:
        decide(desk, payment(1))
    found = tmp_path / "found.json"
    for language, words, why in (("en", "NOT COSIGNED", "no answer"), ("zh", "未联署", "无答复")):
        asked = ("--language", language, "-p", alone)
        for command in ("cosign", "check"):
            code, out, _ = tally(*asked, "ledger", command, "--json", found)
            assert code == 1
            assert words in out
            assert why in out
        document = json.loads(found.read_text("utf-8"))
        cosigned = document["cosigned"]
        assert (document["ok"], cosigned["met"], cosigned["signed"], cosigned["size"]) == (False, False, {}, 0)
        assert why in cosigned["missing"]["w"]
        code, out, _ = tally(*asked, "prove", "payments-90000001", "-o", tmp_path / "proof.json")
        assert code == 0
        assert words in out
    vkey = alone / ".tallystick/ledger/vkey"
    assert tally("verify", tmp_path / "proof.json", "--vkey", vkey)[0] == 0
    assert tally("verify", tmp_path / "proof.json", "--vkey", vkey, "--policy", alone / "trust.policy")[0] == 1


def test_who_was_not_asked_is_not_blamed(alone: Path, tally: Tally) -> None:
    """The policy is new: nobody has refused anything."""
    for language, words, never in (("en", "w has not cosigned: it was not asked", "never"), ("zh", "尚未就此", "从未")):
        code, out, _ = tally("--language", language, "-p", alone, "ledger", "check")
        assert code == 1
        assert words in out
        assert never in out


def test_who_has_cosigned_is_not_blamed_for_the_others(alone: Path, tally: Tally, tmp_path: Path) -> None:
    """One of two answers, so there is no quorum; the one that signed is named as one that did."""
    signer = Signer(generate_key("v.example", KeyKind.COSIGNATURE)[0])
    log = Verifier((alone / ".tallystick/ledger/vkey").read_text("ascii").strip())
    with WitnessServer(Witness(tmp_path / "v", [signer], [log], lambda: 1_700_000_000)) as server:
        policy = (alone / "trust.policy").read_text("utf-8").replace("quorum w\n", "")
        policy += f"witness v {signer.verifier.vkey} {server.url}\ngroup both all v w\nquorum both\n"
        (alone / "trust.policy").write_text(policy, "utf-8")
        assert tally("-p", alone, "ledger", "cosign")[0] == 1
    code, out, _ = tally("-p", alone, "ledger", "check")
    assert code == 1
    assert "cosigned by: v\n" in out
    assert "v has not" not in out
    assert "w has not cosigned: no answer" in out


def test_a_fault_of_the_policy_is_shown_with_its_line(alone: Path, tally: Tally) -> None:
    with open(alone / "trust.policy", "a", encoding="utf-8") as policy:
        policy.write("quorum other\n")
    code, _, error = tally("-p", alone, "check")
    assert code == 1
    assert "trust.policy:4: " in error
