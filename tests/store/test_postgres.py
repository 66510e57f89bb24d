"""The log of a team on a real PostgreSQL server: one order, nothing lost, a stale writer fenced off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.services import PostgresServer

from tallystick.core import StateError, TamperError, UsageError
from tallystick.store import AppendLog, open_frames
from tallystick.store.postgres import PostgresLog

_NUMBERS = count()
FRAMES = [b"one", b"", b"three" * 300]


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    """A schema of this test's own."""
    name = f"log_{next(_NUMBERS)}"
    with psycopg.connect(postgres_server.url, autocommit=True) as server:
        server.execute(f"create schema {name}".encode())
    return f"{postgres_server.url}?options=-csearch_path%3D{name}"


@pytest.fixture
def opened(url: str) -> Iterator[Callable[..., PostgresLog]]:
    """Opens logs of the database and closes them at the end."""
    logs: list[PostgresLog] = []

    def make(**options: Any) -> PostgresLog:
        logs.append(PostgresLog(url, **options))
        return logs[-1]

    yield make
    for log in logs:
        log.close()


def frames_of(log: PostgresLog, start: int = 0, stop: int | None = None) -> list[bytes]:
    found = list(log.read(start, stop))
    assert [at for at, _ in found] == list(range(start, start + len(found)))
    return [frame for _, frame in found]


def test_what_is_appended_is_read_back_in_order(opened: Callable[..., PostgresLog]) -> None:
    log = opened()
    assert log.append(FRAMES) == 0
    assert log.append([]) == 3
    for number in range(70):
        assert log.append([b"%d" % number] * 3) == 3 + 3 * number
    assert len(log) == log.check() == 213
    reader = opened(write=False)
    assert frames_of(reader, 1, 4) == [b"", b"three" * 300, b"0"]
    for start, stop in ((0, 0), (0, 3), (2, 9), (4, None), (212, None), (213, None), (300, None), (5, 5)):
        assert frames_of(reader, start, stop) == frames_of(reader)[start:stop]
    assert log.recovered is None


def test_a_folder_and_a_server_answer_alike(tmp_path: Path, url: str) -> None:
    """The same calls give the same positions and frames."""
    seen = []
    for where in (tmp_path / "log", url):
        with open_frames(where) as log:
            calls = [log.take(), log.append(FRAMES), log.take(), log.append([b"x"]), log.catch_up(), len(log)]
            log.release()
            seen.append([*calls, list(log.read(1, 3)), list(log.read(3)), log.check()])
    assert seen[0] == seen[1]
    with open_frames(tmp_path / "log", write=False) as log:
        assert isinstance(log, AppendLog)


def test_writers_take_turns_and_learn_what_the_others_wrote(opened: Callable[..., PostgresLog]) -> None:
    """What another writer appended comes with the turn, once, and a writer reads only what it has been told of."""
    one, two = opened(), opened()
    one.append([b"a", b"b"])
    assert (len(two), list(two.read())) == (0, [])
    assert two.take() == [(0, b"a"), (1, b"b")]
    assert two.take() == []
    assert two.append([b"c"]) == 2
    assert one.catch_up() == [(2, b"c")]
    assert one.catch_up() == one.take() == []
    one.release()
    two.take()
    two.release()
    assert one.append([b"d"]) == 3
    assert frames_of(one) == [b"a", b"b", b"c", b"d"]


def test_four_writers_at_once_make_one_order(url: str, opened: Callable[..., PostgresLog]) -> None:
    """Every frame is there once, and each writer's own are in its order."""

    def write(name: int) -> None:
        with PostgresLog(url) as log:
            for number in range(40):
                log.take()
                first = len(log)
                assert log.append([b"%d:%d" % (name, number)]) == first

    opened()
    writers = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = frames_of(opened(write=False))
    assert sorted(found) == sorted(b"%d:%d" % (name, number) for name in range(4) for number in range(40))
    for name in range(4):
        own = [frame for frame in found if frame.startswith(b"%d:" % name)]
        assert own == [b"%d:%d" % (name, number) for number in range(40)]


def test_a_writer_that_was_away_for_too_long_is_fenced(opened: Callable[..., PostgresLog]) -> None:
    """The other writer waits for the lease to end by the server's clock; the first gets nothing in, then or later."""
    stale, other = opened(lease_s=0.3), opened()
    stale.append([b"before"])
    stale.take()
    assert other.take() == [(0, b"before")]
    other.append([b"instead"])
    for _ in range(2):
        with pytest.raises(StateError, match="turn"):
            stale.append([b"too late"])
    with pytest.raises(StateError, match="turn"):
        stale.take()
    assert frames_of(opened(write=False)) == [b"before", b"instead"]


def test_the_turn_of_a_living_writer_is_kept(opened: Callable[..., PostgresLog]) -> None:
    """`take` in the own turn is a sign of life; without one the turn would be over."""
    slow, other = opened(lease_s=0.5), opened()
    slow.take()
    taken = threading.Thread(target=other.take)
    taken.start()
    for _ in range(20):
        taken.join(0.05)
        assert slow.take() == []
    assert taken.is_alive()
    assert slow.append([b"slow"]) == 0
    taken.join()
    assert len(other) == 1


def test_much_that_others_wrote_is_read_in_portions_before_the_turn(
    opened: Callable[..., PostgresLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a writer that reads; what it gets is whole and in order, and so is what it then appends."""
    monkeypatch.setattr("tallystick.store.postgres._PORTION", 5)
    idle, other = opened(), opened()
    for number in range(4):
        other.append([b"%d" % number] * 3)
    found = idle.take()
    assert (len(found), idle.turn) == (6, False)
    other.append([b"meanwhile"])
    found += idle.catch_up()
    assert (len(found), idle.catch_up(), idle.turn) == (12, [(12, b"meanwhile")], False)
    assert (idle.take(), idle.turn, idle.catch_up()) == ([], True, [])
    idle.release()
    assert [frame for _, frame in found] == frames_of(other)[:12]
    for _ in range(4):
        other.append([b"more"] * 2)
    assert idle.append([b"own"]) == 21


def test_a_lease_that_nobody_wanted_is_still_good(opened: Callable[..., PostgresLog]) -> None:
    log = opened(lease_s=0.01)
    log.take()
    time.sleep(0.1)
    assert log.append([b"late, but alone"]) == 0


HARM = {
    "a byte of a frame": "update tallystick_journal set batch = set_byte(batch, 90, 1) where first = 3",
    "a byte of the header": "update tallystick_journal set batch = set_byte(batch, 20, 255) where first = 3",
    "the last byte": "update tallystick_journal set batch = set_byte(batch, length(batch) - 1, 0) where first = 3",
    "bytes behind the batch": "update tallystick_journal set batch = batch || '\\x00' where first = 3",
    "half a batch": "update tallystick_journal set batch = substr(batch, 1, 100) where first = 3",
    "no batch": "update tallystick_journal set batch = '' where first = 3",
    "the first row is gone": "delete from tallystick_journal where first = 0",
    "a middle row is gone": "delete from tallystick_journal where first = 3",
    "the last row is gone": "delete from tallystick_journal where first = 5",
    "all rows are gone": "delete from tallystick_journal",
    "another position": "update tallystick_journal set first = 4 where first = 3",
}


@pytest.mark.parametrize("harm", HARM)
def test_a_changed_table_shows(url: str, opened: Callable[..., PostgresLog], harm: str) -> None:
    """A changed byte, a missing row, another order: whoever reads is told where."""
    log = opened()
    for frames in (FRAMES, [b"four", b"five"], [b"six"]):
        log.append(frames)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(HARM[harm].encode())
    for reader in (log, opened(write=False)):
        with pytest.raises(TamperError, match=r"postgresql://127\.0\.0\.1"):
            reader.check()


def test_another_history_under_the_head_shows(url: str, opened: Callable[..., PostgresLog]) -> None:
    """A reader is told; the writer, which knows what it wrote, appends nothing on top of it."""
    log = opened()
    log.append(FRAMES)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("update tallystick_turn set digest = decode(repeat('11', 32), 'hex')")
    with pytest.raises(TamperError, match="head"):
        opened(write=False).check()
    with pytest.raises(TamperError, match="head"):
        log.append([b"more"])


def test_every_single_bit_of_a_batch_counts(url: str, opened: Callable[..., PostgresLog]) -> None:
    opened().append([b"frame"])
    with psycopg.connect(url, autocommit=True) as server:
        row = server.execute("select batch from tallystick_journal").fetchone()
        assert row is not None
        for bit in range(0, 8 * len(row[0]), 5):
            server.execute(
                "update tallystick_journal set batch = set_bit(%s, %s, 1 - get_bit(%s, %s))", (row[0], bit) * 2
            )
            with pytest.raises((TamperError, StateError)):
                opened(write=False).check()


def test_wrong_use_is_refused_in_words(url: str, opened: Callable[..., PostgresLog]) -> None:
    with pytest.raises(StateError, match="no log"):
        PostgresLog(url, write=False)
    log = opened()
    with pytest.raises(StateError, match="reading"):
        opened(write=False).append([b"x"])
    log.close()
    with pytest.raises(StateError, match="closed"):
        log.append([b"x"])
    for wrong in ("postgresql://tally:secret@127.0.0.1:1/none", "postgresql://tally:secret@[nowhere"):
        with pytest.raises(StateError) as caught:
            PostgresLog(wrong)
        assert "secret" not in str(caught.value)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tallystick.store.postgres")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match=r"tallystick\[postgres\]"):
        open_frames("postgresql://127.0.0.1/none")


_WRITER = """
import os, signal, sys
from tallystick.core import StateError
from tallystick.store.postgres import PostgresLog
url, statement, when, blow = sys.argv[1:]
log, execute, left = PostgresLog(url, lease_s=0.3), PostgresLog._execute, 3
def harmed(self, text, **given):
    global left
    left -= statement in text
    strike = statement in text and not left
    if strike and when == "before":
        os.kill(os.getpid(), int(blow))
    result = execute(self, text, **given)
    if strike and when == "after":
        os.kill(os.getpid(), int(blow))
    return result
PostgresLog._execute = harmed
try:
    for number in range(6):
        log.take()
        print(log.append([b"stopped %d" % number]), flush=True)
except StateError as error:
    sys.exit(error.code)
"""
POINTS = [
    (statement, when, blow)
    for statement in ("set epoch = epoch + 1", "insert into tallystick_journal")
    for when in ("before", "after")
    for blow in (signal.SIGSTOP, signal.SIGKILL)
]


@pytest.mark.parametrize(("statement", "when", "blow"), POINTS)
def test_a_writer_struck_between_its_statements(
    url: str, opened: Callable[..., PostgresLog], statement: str, when: str, blow: signal.Signals
) -> None:
    """Stopped or killed before or after it takes the turn or appends: the other goes on, what was answered stays.

    A stopped one that comes back appends nothing into another's turn.
    """
    other = opened()
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, url, statement, when, str(int(blow))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, status = os.waitpid(writer.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status) or os.WIFSIGNALED(status)
    for number in range(3):
        other.take()
        other.append([b"other %d" % number])
    if blow == signal.SIGSTOP:
        writer.send_signal(signal.SIGCONT)
        _, status = os.waitpid(writer.pid, 0)
        writer.returncode = os.waitstatus_to_exitcode(status)
    else:
        writer.returncode = os.waitstatus_to_exitcode(status)
        assert writer.returncode == -signal.SIGKILL
    assert writer.stdout is not None
    assert writer.stderr is not None
    acknowledged = [int(line) for line in writer.stdout]
    told = writer.stderr.read()
    writer.stdout.close()
    writer.stderr.close()
    found = frames_of(opened(write=False))
    own = [frame for frame in found if frame.startswith(b"stopped")]
    assert len(own) == len(set(own))
    assert [found[at] for at in acknowledged] == [b"stopped %d" % number for number in range(len(acknowledged))]
    in_turn = (statement, when) in {("set epoch = epoch + 1", "after"), ("insert into tallystick_journal", "before")}
    if blow == signal.SIGSTOP:
        assert ("log.turn" in told) == in_turn
        assert len(acknowledged) == len(own) == (2 if in_turn else 6)
    else:
        # Killed after the append and before the answer: written, though nobody was told.
        assert len(own) - len(acknowledged) == ((statement, when) == ("insert into tallystick_journal", "after"))
    assert [frame for frame in found if frame.startswith(b"other")] == [b"other %d" % number for number in range(3)]


def test_a_killed_server_keeps_what_it_answered(postgres_server: PostgresServer, url: str) -> None:
    """The server dies under load and comes back: the writer has ended, and every acknowledged frame is there."""
    answered: list[int] = []
    started, failures = threading.Event(), []

    def write() -> None:
        try:
            with PostgresLog(url) as log:
                while True:
                    answered.append(log.append([b"%d" % len(log)] * 5))
                    started.set()
        except StateError as error:
            failures.append(error)

    for _ in range(3):
        started.clear()
        writer = threading.Thread(target=write)
        writer.start()
        assert started.wait(30)
        postgres_server.stop()
        writer.join(30)
        postgres_server.start()
        with PostgresLog(url, write=False) as log:
            found = frames_of(log)
        assert all(found[at : at + 5] == [b"%d" % at] * 5 for at in answered)
        assert len(found) - 5 * len(answered) in (0, 5, 10, 15)
    assert [error.code for error in failures] == ["log.failed"] * 3
