"""Counted: a writer killed, without room, with a broken disk or without power at every call that writes."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.faults import ALLOCATING, FLUSHING, GO, KILL, SAID, SHORT, Call, Count, Disk, fresh, trace
from tests.faults_house import examine, write

Record = Callable[[str, object], None]

_WHOLE = bool(os.environ.get("TALLYSTICK_SOAK"))
_SIZES = (3, 4, 250, 3) if _WHOLE else (2, 254, 2)
"""Frames in a batch; the third signed tree has a full tile, and a level above it that stays as it is."""
_STRIDE = 1 if _WHOLE else 24


def _quick(call: Call) -> int:
    """What is killed keeps what it wrote, flushed or not: no need to wait for the disk."""
    return SAID if call.name in FLUSHING else GO


def _killed(at: int) -> Callable[[Call], int]:
    return lambda call: KILL if call.number == at else _quick(call)


def _held(count: Count, folder: Path, told: list[bytes], what: str) -> None:
    """Count a case, and what of the told it lost."""
    try:
        lost = examine(folder, told)
    except Exception as fault:  # noqa: BLE001
        lost = [repr(fault)]
    count.case("recovery", what)
    count.lost += [f"{what}: {item}" for item in lost]


@pytest.mark.soak
def test_killed_between_any_two_writes(tmp_path: Path, record_property: Record) -> None:
    """Every call that writes is a point; the next process recovers, goes on, and finds all that was told before it.

    The folder is looked at as it is before every call, which is what a kill there leaves, and the process is killed for
    good before some of the calls (whole: before every one).
    """
    count, folder, found = Count("kill -9 between any two writes"), tmp_path / "project", tmp_path / "found"
    folder.mkdir()

    def judge(call: Call) -> int:
        _held(count, fresh(folder, found), list(call.told), f"before call {call.number}, {call.name}")
        return _quick(call)

    done = trace(partial(write, folder, _SIZES), judge)
    assert len(done.told) == 2 * len(_SIZES)
    assert count.cases == len(done.calls) > 100
    count.hold(record_property)
    killed = Count("kill -9, the process killed for good")
    for point in done.calls[::_STRIDE]:
        folder = tmp_path / str(point.number)
        folder.mkdir()
        done = trace(partial(write, folder, _SIZES), _killed(point.number))
        assert done.signal == signal.SIGKILL
        _held(killed, folder, done.told, f"before call {point.number}, {point.name}")
        shutil.rmtree(folder)
    killed.hold(record_property)


def _full(at: int) -> Callable[[Call], int]:
    """Half of a write fits, then nothing does."""
    return lambda call: (
        _quick(call)
        if call.number < at or call.name not in ALLOCATING
        else SHORT
        if call.number == at and call.name.endswith(("write", "write64"))
        else errno.ENOSPC
    )


def _fails_once(at: int) -> Callable[[Call], int]:
    return lambda call: errno.EIO if call.number == at else _quick(call)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("fault", "judge", "names"),
    [
        ("disk full from a write on", _full, ALLOCATING),
        ("one call fails, the next ones do not", _fails_once, frozenset()),
        ("one flush fails, the next ones do not", _fails_once, FLUSHING),
    ],
)
def test_a_disk_that_refuses(
    fault: str,
    judge: Callable[[int], Callable[[Call], int]],
    names: frozenset[str],
    tmp_path: Path,
    record_property: Record,
) -> None:
    """The writer tries on with the next batch: what it acknowledges and signs after a fault must be as true."""
    count = Count(fault)
    (tmp_path / "all").mkdir()
    calls = trace(partial(write, tmp_path / "all", _SIZES), _quick).calls
    points = [call for call in calls if not names or call.name in names]
    for point in points[::_STRIDE]:
        folder = tmp_path / str(point.number)
        folder.mkdir()
        done = trace(partial(write, folder, _SIZES, stubborn=True), judge(point.number))
        _held(count, folder, done.told, f"call {point.number}, {point.name}")
        shutil.rmtree(folder)
    count.hold(record_property)


@pytest.mark.soak
@pytest.mark.parametrize("kept", ["nothing", "any"])
def test_power_cut_between_any_two_writes(kept: str, tmp_path: Path, record_property: Record) -> None:
    """Only what was flushed is left, or by chance any name and sector of the rest too."""
    count, chance = Count(f"power cut, {kept} of the unflushed left"), random.Random(11)
    folder, found = tmp_path / "project", tmp_path / "found"
    folder.mkdir()
    disk = Disk(folder)

    def judge(call: Call) -> int:
        if call.number % _STRIDE == 0:
            disk.cut(found, chance if kept == "any" else None)
            _held(count, found, list(call.told), f"before call {call.number}, {call.name}")
            shutil.rmtree(found)
        return _quick(call)

    done = trace(partial(write, folder, _SIZES), judge, disk.after)
    assert len(done.told) == 2 * len(_SIZES)
    count.hold(record_property)
