"""Taking turns, fresh processes, and the rows of the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


class Row(msgspec.Struct, frozen=True):
    """One line of the table: a ratio above 1 says how many times better ours is, unless `work` says otherwise."""

    work: str
    ours: str
    peer: str
    ratio: str
    remark: str = ""


def seconds_of(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and how long it took."""
    start = time.perf_counter()
    found = work()
    return found, time.perf_counter() - start


def in_turns(*sides: Callable[[], float], rounds: int = 2) -> list[float]:
    """The best seconds of each side; they take turns, so that a busy moment of the machine falls on none alone."""
    taken = [[side() for side in sides] for _ in range(rounds)]
    return [min(column) for column in zip(*taken, strict=True)]


def fresh(module: str, *arguments: object, python: str | Path = sys.executable) -> dict[str, Any]:
    """Run `python -m module` in a process of its own; gives the JSON object of its last line.

    Raises
    ------
    SystemExit
        With the end of its complaint when it fails or is killed.
    """
    command = [str(python), "-m", module, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=_paths(), check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


def peak_mib() -> float:
    """The most memory this process ever held: the high-water mark of its resident set, in MiB."""
    return _status("VmHWM")


def held_mib() -> float:
    """What this process holds now, in MiB."""
    return _status("VmRSS")


def fields(values: Mapping[str, Any]) -> None:
    """Print a result for `fresh`."""
    print(json.dumps(values))


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| work | ours | peer | ratio | remark |", "|---|---|---|---|---|"]
    lines += [f"| {row.work} | {row.ours} | {row.peer} | {row.ratio} | {row.remark} |" for row in rows]
    return "\n".join(lines)


def times(ratio: float) -> str:
    """A ratio for a reader."""
    return f"{ratio:,.0f}×" if ratio >= 100 else f"{ratio:.1f}×" if ratio >= 3 else f"{ratio:.2f}×"


def _status(field: str) -> float:
    with open("/proc/self/status", encoding="ascii") as lines:
        found = next(line for line in lines if line.startswith(field))
    return int(found.split()[1]) / 1024


def _paths() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))}
