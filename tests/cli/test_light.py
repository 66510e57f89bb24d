"""What must be quick or stand alone loads no heavy library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick import ledger

PROBE = """
import json, sys
from tallystick.cli import main
try:
    main()
except SystemExit as ended:
    print("\\n" + json.dumps([ended.code, sorted(name for name in sys.modules if "." not in name)]))
"""


def modules(*arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
    code, names = json.loads(done.stdout.splitlines()[-1])
    return int(code or 0), set(names)


HEAVY = {"numpy", "polars", "numba", "duckdb", "sklearn", "lightgbm", "matplotlib", "deltalake"}


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"]])
def test_help_is_quick(words: list[str]) -> None:
    """A person who asks how to use it does not wait for a data library."""
    code, names = modules(*words)
    assert code == 0
    assert not names & HEAVY


def test_verifying_needs_the_ledger_alone(tmp_path: Path) -> None:
    """A stranger's machine has no data library."""
    skey, vkey = ledger.generate_key("bank.example/log")
    log = ledger.Log(tmp_path / "log", "bank.example/log", ledger.Signer(skey))
    entry = ledger.leaf("note", b"{}", bytes(ledger.SALT_BYTES), {})
    log.append([entry])
    note = log.checkpoint()
    (tmp_path / "proof").write_bytes(ledger.make_bundle(entry, log.prove(0), note, b"{}", bytes(ledger.SALT_BYTES)))
    (tmp_path / "vkey").write_text(vkey, "ascii")
    code, names = modules("verify", str(tmp_path / "proof"), "--vkey", str(tmp_path / "vkey"))
    assert code == 0
    assert not names & HEAVY
