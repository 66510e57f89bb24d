"""The first hour works as it is written: its commands are run in order, their exit codes and output compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec

PAGE = Path(__file__).parents[2] / "docs" / "first-hour.md"


class Step(msgspec.Struct):
    """One command of the page: its line, the output shown below it, and its exit code."""

    command: str
    line: int
    output: list[str]
    code: int = 0


def steps_of(text: str) -> list[Step]:
    """The `$` lines of all console blocks; `# exit N` below one gives its exit code."""
    steps: list[Step] = []
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            steps.append(Step(line[2:], number, []))
        elif inside and line.startswith("# exit "):
            steps[-1].code = int(line.removeprefix("# exit "))
        elif inside:
            steps[-1].output.append(line)
    return steps


def matches(shown: list[str], printed: str) -> bool:
    """Whether the page shows what was printed: `...` stands for any text, alone on a line for any lines.

    White space counts as one space, empty lines do not count; a command shown without output may print anything.
    """
    lines = [" ".join(line.split()) for line in printed.splitlines() if line.strip()]
    parts = [
        r"(?:.*\n)*?" if line == "..." else re.escape(" ".join(line.split())).replace(r"\.\.\.", ".*") + r"\n"
        for line in shown
    ]
    return not shown or re.fullmatch("".join(parts), "".join(f"{line}\n" for line in lines)) is not None


def call(step: Step, folder: Path, place: str) -> None:
    """Run a command in a folder, as a reader would, and hold it against the page.

    Progress bars on standard error are not compared.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TALLYSTICK_", "LC_", "LANG"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", step.command],
        cwd=folder,
        env={**kept, "PATH": path, "LANG": "C.UTF-8", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    where = f"{place}: $ {step.command}\n{done.stdout}{done.stderr}"
    assert done.returncode == step.code, where
    assert matches(step.output, done.stdout if done.returncode == 0 else done.stdout + done.stderr), where


def test_the_commands_of_the_first_hour_do_what_the_page_shows(tmp_path: Path) -> None:
    """Each command runs in one folder."""
    steps = steps_of(PAGE.read_text("utf-8"))
    assert len(steps) > 10
    for step in steps:
        call(step, tmp_path, f"{PAGE.name}:{step.line}")


def test_the_comparison_sees_a_difference() -> None:
    """`...` stands for any text, and a changed, added or missing line is found."""
    assert matches(["a ... c", "...", "z"], "a  b   c\n\nk\nl\nz\n")
    assert matches([], "anything\n")
    assert not matches(["a"], "b\n")
    assert not matches(["a"], "a\nb\n")
    assert not matches(["a", "b"], "a\n")
