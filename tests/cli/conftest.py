"""The command line, run as a person runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tallystick.cli import main


class Done(NamedTuple):
    """What a command left: its exit code, what it printed, and the error it showed without progress bars."""

    code: int
    out: str
    error: str


@pytest.fixture
def tally(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `tally` with some arguments in this process; any exception but the exit itself fails the test."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["tally", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, shown = capsys.readouterr()
        bars = ("━", "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏")
        lines = [line for line in shown.splitlines() if line.strip() and not any(mark in line for mark in bars)]
        return Done(int(caught.value.code or 0), out, "\n".join(lines))

    return run
