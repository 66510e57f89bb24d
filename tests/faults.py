"""Faults made on purpose: a process whose writes are counted, killed, refused or lost with the power; and their table.

The process is traced by the kernel (ptrace), so every call that writes is seen, whoever makes it: Python, SQLite, the C
library. A call is a point: the process is killed before it, or it fails as a full or broken disk lets it fail.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import platform
import random
import shutil
import signal
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

Tell = Callable[[bytes], None]

GO, KILL, SHORT, SAID = 0, -1, -2, -3
"""What becomes of a call: it goes on, the process is killed before it, half of it is done, it is only said to be done.
Above 0 it fails with that number."""

_CALLS = {
    "x86_64": {
        1: "write", 18: "pwrite64", 20: "writev", 74: "fsync", 75: "fdatasync", 76: "truncate", 77: "ftruncate",
        82: "rename", 83: "mkdir", 84: "rmdir", 86: "link", 87: "unlink", 257: "openat", 258: "mkdirat",
        263: "unlinkat", 264: "renameat", 265: "linkat", 285: "fallocate", 296: "pwritev", 316: "renameat2",
    }
}  # fmt: skip
ALLOCATING = frozenset(("write", "pwrite64", "writev", "pwritev", "openat", "mkdir", "mkdirat", "fallocate"))
"""Calls that a full disk refuses."""
SECTOR_BYTES = 512
FLUSHING = frozenset(("fsync", "fdatasync"))

_TRACE_ME, _POKE_USER, _GO_ON, _NEXT_STOP, _SET_OPTIONS, _GET_CALL = 0, 6, 7, 24, 0x4200, 0x420E
_OPTIONS = 0x01 | 0x08 | 0x80 | 0x100000
"""Stops of calls bear a mark, threads and the filter's stops come too, and what is traced ends with its tracer."""
_THREADS_TOO = 0x40000000
_COUNT, _RESULT, _NUMBER = 96, 80, 120
"""Where the third argument, the result and the number of a call lie among the registers (x86-64)."""
_FILTER_STOP = signal.SIGTRAP | 7 << 8
_NO_NEW_RIGHTS, _SET_FILTER, _FILTER = 38, 22, 2
_LOAD_NUMBER, _IF_EQUAL, _RETURN, _TRACE, _ALLOW = 0x20, 0x15, 0x06, 0x7FF00000, 0x7FFF0000


class _Info(ctypes.Structure):
    _fields_ = [
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("ip", ctypes.c_uint64),
        ("sp", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    ]


_LIBRARY = ctypes.CDLL(None, use_errno=True)
_LIBRARY.ptrace.restype = ctypes.c_long
_LIBRARY.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Call(msgspec.Struct, frozen=True):
    """A call that writes: the how manyth it is, its name, the file that it writes if that is open, and what was told
    before it, in messages."""

    number: int
    name: str
    path: str
    told: tuple[bytes, ...]


class Traced(msgspec.Struct, frozen=True):
    """A traced process: its calls that write, what it told, and the signal that ended it (0: it ended itself)."""

    calls: list[Call]
    told: list[bytes]
    signal: int


def trace(
    work: Callable[[Tell], None], judge: Callable[[Call], int], after: Callable[[Call], None] = lambda call: None
) -> Traced:
    """Run `work` in a process of its own; `judge` says of each of its writing calls what becomes of it.

    What `work` tells is known at once and for good, as an answer over the network is: it is no call of its own.
    `after` is called when a call is done, the process standing still.
    """
    names = _CALLS.get(platform.machine())
    if names is None:
        pytest.fail(f"no calls are known for {platform.machine()}; known: {', '.join(_CALLS)}", pytrace=False)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    child = os.fork()
    if child == 0:
        _live(work, writing, names)
    os.close(writing)
    told, calls, pending = bytearray(), list[Call](), dict[int, tuple[Call, int]]()
    os.waitpid(child, 0)
    _ptrace(_SET_OPTIONS, child, 0, _OPTIONS)
    _ptrace(_GO_ON, child, 0, 0)
    for thread, status in _stops(child):
        if thread == child:
            ended = status
        if not os.WIFSTOPPED(status):
            continue
        passed, resume = 0, _GO_ON
        if status >> 8 == _FILTER_STOP:
            info = _Info()
            _ptrace(_GET_CALL, thread, ctypes.sizeof(info), ctypes.addressof(info))
            name = names[info.number]
            path = _target(child, name, info)
            if path is not None and not path.startswith("pipe:"):
                told += _drained(reading)
                call = Call(len(calls), name, path, tuple(bytes(told).split(b"\0")[:-1]))
                calls.append(call)
                verdict, resume = judge(call), _NEXT_STOP
                pending[thread] = call, verdict
                if verdict == KILL:
                    os.kill(child, signal.SIGKILL)
                    continue
                _change(thread, verdict, info)
        elif thread in pending:
            call, verdict = pending.pop(thread)
            if verdict > 0 or verdict == SAID:
                _ptrace(_POKE_USER, thread, _RESULT, -max(verdict, 0))
            after(call)
        elif status >> 16 == 0 and os.WSTOPSIG(status) != signal.SIGSTOP:
            passed = os.WSTOPSIG(status)
        _ptrace(resume, thread, 0, passed)
    told += _drained(reading)
    os.close(reading)
    return Traced(calls, bytes(told).split(b"\0")[:-1], os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else 0)


def _stops(child: int) -> Iterator[tuple[int, int]]:
    """The stops and ends of the process and its threads, until nothing of it is left."""
    while True:
        try:
            yield os.waitpid(-child, _THREADS_TOO)
        except ChildProcessError:
            return


def _change(thread: int, verdict: int, info: _Info) -> None:
    """Make of a call that is about to begin what was decided."""
    if verdict == SHORT:
        _ptrace(_POKE_USER, thread, _COUNT, info.arguments[2] // 2)
    elif verdict != GO:
        _ptrace(_POKE_USER, thread, _NUMBER, -1)


def _live(work: Callable[[Tell], None], writing: int, names: Iterable[int]) -> None:
    """The traced process: it stops, so that the tracing starts, works, and ends."""
    try:
        # A collection would touch, and so copy, every page of the process that it was forked from.
        gc.disable()
        os.setpgid(0, 0)
        _ptrace(_TRACE_ME, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        _stop_at(names)
        work(lambda message: _tell(writing, message))
    except BaseException as error:  # noqa: BLE001
        _tell(writing, b"broken " + repr(error).encode())
    finally:
        os._exit(0)


def _tell(writing: int, message: bytes) -> None:
    os.write(writing, message + b"\0")


def _stop_at(numbers: Iterable[int]) -> None:
    """Let the kernel stop this process at these calls only (seccomp): to stop at every call takes ten times as long."""
    steps = [(_LOAD_NUMBER, 0, 0, 0)]
    for number in numbers:
        steps += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _TRACE)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code))
    for request, kind, data in ((_NO_NEW_RIGHTS, 1, 0), (_SET_FILTER, _FILTER, program)):
        if _LIBRARY.prctl(request, kind, data, 0, 0):
            raise OSError(ctypes.get_errno(), f"prctl {request}: {os.strerror(ctypes.get_errno())}")


def _ptrace(request: int, process: int, address: int, data: int) -> None:
    if _LIBRARY.ptrace(request, process, address, data) < 0 and ctypes.get_errno() != errno.ESRCH:
        # A thread may be gone: its process was killed.
        raise OSError(ctypes.get_errno(), f"ptrace {request}: {os.strerror(ctypes.get_errno())}")


def _drained(reading: int) -> bytes:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(reading, 1 << 16)
        except BlockingIOError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def _target(process: int, name: str, info: Any) -> str | None:
    """The open file that a call writes, "" for one that names its file; None when the call writes nothing."""
    if name == "openat":
        return "" if info.arguments[2] & (os.O_CREAT | os.O_TRUNC) else None
    if name in ALLOCATING - {"mkdir", "mkdirat"} or name in FLUSHING or name == "ftruncate":
        try:
            return os.readlink(f"/proc/{process}/fd/{info.arguments[0]}")
        except OSError:
            return None
    return ""


class Disk:
    """What of a folder a power cut leaves: contents and names as they were when they were last flushed.

    Hand `after` to `trace`; `cut` makes the folder as it would be found.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers: dict[int, int] = {}
        """A number of our own for each inode in use: the disk gives an inode out again when its file is gone."""
        self._next = count()
        self._names: dict[int, dict[str, tuple[int, bool]]] = {}
        self._contents: dict[int, bytes] = {}
        for path in (folder, *folder.rglob("*")):
            self._keep(path)

    def after(self, call: Call) -> None:
        """Remember what was flushed."""
        if call.name in FLUSHING and Path(call.path).is_relative_to(self._folder):
            self._keep(Path(call.path))
        elif call.name not in ALLOCATING:
            used = {path.stat().st_ino for path in (self._folder, *self._folder.rglob("*"))}
            self._numbers = {inode: number for inode, number in self._numbers.items() if inode in used}

    def cut(self, into: Path, chance: random.Random | None = None) -> None:
        """Make `into` the folder after a power cut: without what was not flushed, or by chance with any of it.

        By chance means each new name and each 512-byte sector on its own.
        """
        root = self._number(self._folder.stat().st_ino)
        self._make(root, self._folder if chance else None, into, chance or random.Random(0))

    def _keep(self, path: Path) -> None:
        if path.is_dir():
            self._names[self._number(path.stat().st_ino)] = self._listed(path)
        elif path.exists():
            self._contents[self._number(path.stat().st_ino)] = path.read_bytes()

    def _number(self, inode: int) -> int:
        if inode not in self._numbers:
            self._numbers[inode] = next(self._next)
        return self._numbers[inode]

    def _listed(self, folder: Path) -> dict[str, tuple[int, bool]]:
        with os.scandir(folder) as entries:
            return {item.name: (self._number(item.inode()), item.is_dir()) for item in entries}

    def _make(self, number: int, now: Path | None, into: Path, chance: random.Random) -> None:
        into.mkdir()
        flushed = self._names.get(number, {})
        current = self._listed(now) if now else flushed
        for name in sorted({*flushed, *current}):
            found = (flushed if chance.random() < 0.5 else current).get(name)
            if found is None:
                continue
            inner, folder = found
            path = now / name if now and current.get(name) == found else None
            if folder:
                self._make(inner, path, into / name, chance)
            else:
                old = self._contents.get(inner, b"")
                new = path.read_bytes() if path else old
                (into / name).write_bytes(_mixed(old, new, chance))


def _mixed(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """What a disk may hold between two contents of a file: each sector of either, the length of either."""
    if old == new:
        return old
    size = len(chance.choice((old, new)))
    starts = range(0, size, SECTOR_BYTES)
    pieces = (chance.choice((old, new))[start : start + SECTOR_BYTES].ljust(SECTOR_BYTES, b"\0") for start in starts)
    return b"".join(pieces)[:size]


class Count(msgspec.Struct):
    """A row of the table: a fault, how many cases of it, what found them, and what was neither found nor kept."""

    fault: str
    cases: int = 0
    found: Counter[str] = msgspec.field(default_factory=Counter)
    undetected: list[str] = msgspec.field(default_factory=list)
    lost: list[str] = msgspec.field(default_factory=list)

    def case(self, found: str | None, what: str) -> None:
        """Count a case that was found by `found`; None when nothing found it."""
        self.cases += 1
        if found is None:
            self.undetected.append(what)
        else:
            self.found[found] += 1

    def hold(self, record: Callable[[str, object], None]) -> None:
        """Put the row in the table and check that nothing was lost or undetected."""
        found = ", ".join(f"{name} {count:,}" for name, count in self.found.most_common())
        record("fault", (self.fault, self.cases, found, len(self.undetected), len(self.lost)))
        assert self.cases > 0, self.fault
        assert not self.undetected, self.undetected[:5]
        assert not self.lost, self.lost[:5]


def table(rows: Iterable[tuple[str, int, str, int, int]]) -> list[str]:
    """The lines of the table, widths as the rows need them."""
    cells = [("fault", "cases", "undetected", "lost", "found by")]
    cells += [(fault, f"{cases:,}", str(unseen), str(lost), found) for fault, cases, found, unseen, lost in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    return ["  ".join((*map(str.ljust, row[:4], widths), row[4])) for row in cells]


def fresh(source: Path, into: Path) -> Path:
    """A copy of a folder to harm."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(source, into)
    return into
