"""The ten minutes of evidence: the script runs as it stands; its reader has nothing but the package and a project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "docs" / "evidence-demo.sh"


def test_the_demonstration_proves_and_catches(bank: Path, tmp_path: Path) -> None:
    """Every step says what it must; the project that was given is not written to."""
    before = {path: path.read_bytes() for path in bank.rglob("*") if path.is_file()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(SCRIPT), str(bank)],
        cwd=tmp_path,
        env={"PATH": path, "LANG": "C.UTF-8", "COLUMNS": "200", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    steps = dict(part.split(".", 1) for part in done.stdout.split("== ")[1:])
    assert '"id": "payments-90000001"' in steps["1"]
    assert "1 requests received, 1 decisions, 1 leaves" in steps["2"]
    assert "COSIGNED: the quorum two-of-three holds; chamber, regulator" in steps["3"]
    assert "auditor has not cosigned" in steps["3"]
    assert "SOUND" in steps["4"]
    assert "Cosigned by: chamber, regulator" in steps["4"]
    assert "signature, witnesses, inclusion, payload" in steps["5"]
    assert "no bit differs" in steps["5"]
    assert "NOT VERIFIED" in steps["6"]
    assert "SOUND" in steps["8"]
    assert "NOT RECONCILED" in steps["8"]
    assert steps["8"].count("NOT COSIGNED") == 2
    assert "NOT THIS LOG" in steps["8"]
    assert "VERIFIED" in steps["9"]
    assert "000.log" in done.stderr
    assert {path: path.read_bytes() for path in bank.rglob("*") if path.is_file()} == before
