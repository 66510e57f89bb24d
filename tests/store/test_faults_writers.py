"""Counted: a torn last batch, two writers at once, a clock that jumps back."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from tests.faults import SECTOR_BYTES, Count, fresh
from tests.faults_house import FAULTS, SIGNER, House, true

from tallystick.core import StateError, TamperError
from tallystick.desk.evidence import check_frames
from tallystick.desk.journal import Journal, extend_ledger
from tallystick.desk.sequencer import Sequencer
from tallystick.ledger import Log
from tallystick.store import Keys, segment

Record = Callable[[str, object], None]

_WHOLE = bool(os.environ.get("TALLYSTICK_SOAK"))


def _torn(good: bytes, begin: int) -> Iterator[tuple[str, bytes]]:
    """A file whose last batch, from `begin` on, was not wholly written: cut, with holes, or both."""
    for cut in range(begin, len(good), 1 if _WHOLE else 16):
        yield "cut", good[:cut]
    starts = [begin, *range(-(-begin // SECTOR_BYTES) * SECTOR_BYTES, len(good), SECTOR_BYTES)]
    sectors = list(pairwise([*starts, len(good)]))
    for many in range(1, len(sectors) + 1):
        for lost in combinations(sectors, many):
            data = bytearray(good)
            for start, stop in lost:
                data[start:stop] = bytes(stop - start)
            yield "holes", bytes(data)
            for _, end in sectors[1:-1] if _WHOLE else sectors[1:2]:
                yield "holes and cut", bytes(data[:end])


@pytest.mark.soak
@pytest.mark.parametrize("signed", [False, True])
def test_a_torn_last_batch(signed: bool, tmp_path: Path, record_property: Record) -> None:
    """One that nobody was answered on is cut off whole and said so; one that is signed is never cut off unseen."""
    made = tmp_path / "made"
    with House(made) as house:
        house.batch(2)
        house.publish(0)
        before = house.journal.position
        house.batch(8)
        if signed:
            house.publish(before)
    (path,) = (fresh(made, tmp_path / "torn") / "journal").glob("*.log")
    good = path.read_bytes()
    begin = next(segment.scan(path, 0, segment.GENESIS)).end
    counts: dict[str, Count] = {}
    with Keys(tmp_path / "torn/keys.db") as keys:
        for what, data in _torn(good, begin):
            path.write_bytes(data)
            count = counts.setdefault(what, Count(f"last batch torn ({what}), {'signed' if signed else 'unsigned'}"))
            with (
                Journal(path.parent, keys, fsync=False) as journal,
                Log(tmp_path / "torn/ledger", SIGNER.name, SIGNER) as log,
            ):
                if journal.position != before or (journal.recovered is None) != (len(data) == begin):
                    count.lost.append(f"{len(data)} bytes: position {journal.position}")
                check_frames(journal)
                count.lost += [f"frame {entry.position}" for entry in journal.read() if not true(entry)]
                try:
                    extend_ledger(journal, log)
                    count.case(None if signed else "opening the journal", f"{len(data)} bytes")
                except TamperError:
                    count.case("the ledger" if signed else None, f"{len(data)} bytes")
    for count in counts.values():
        count.hold(record_property)


def _contend(folder: Path, writing: int, seed: int, turns: int) -> None:
    """A process that takes the writer's place whenever it can, the first one until another was refused; some die in
    it."""
    chance = random.Random(seed)
    while turns:
        try:
            with House(folder) as house:
                while not (folder / "refused").exists():
                    time.sleep(0.001)
                for _ in range(chance.randrange(1, 4)):
                    since = house.journal.position
                    os.write(writing, b"%d %d\n" % (since, house.batch(chance.randrange(1, 4))))
                    if chance.random() < 0.15:
                        os.kill(os.getpid(), signal.SIGKILL)
                    house.publish(since)
            turns -= 1
        except StateError as fault:
            if fault.code != "log.locked":
                raise
            (folder / "refused").touch()
            os.write(writing, b"refused\n")
        time.sleep(chance.random() * 0.002)


@pytest.mark.soak
def test_two_writers_at_once(tmp_path: Path, record_property: Record) -> None:
    """Processes that all want to write, and some that are killed while they do: one at a time gets through, every
    position is acknowledged once, nothing of it is lost."""
    count = Count("two sequencers at once")
    reading, writing = os.pipe()
    children = []
    for seed in range(40 if _WHOLE else 4):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(reading)
                _contend(tmp_path, writing, seed, 8 if _WHOLE else 4)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    os.close(writing)
    with open(reading, "rb") as pipe:
        lines = pipe.read().split(b"\n")[:-1]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert all(os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0 for status in statuses)
    spans = sorted(tuple(map(int, line.split())) for line in lines if line != b"refused")
    for (_, stop), (start, _) in pairwise(spans):
        if start < stop:
            count.lost.append(f"position {start} given out twice")
    count.found["refused"] = lines.count(b"refused")
    count.cases = count.found["refused"] + len(spans)
    count.found["in turn"] = len(spans)
    with House(tmp_path) as house:
        if house.journal.position < spans[-1][1]:
            count.lost.append(f"{spans[-1][1] - house.journal.position} frames")
        count.lost += [f"frame {entry.position}" for entry in house.journal.read() if not true(entry)]
        house.publish(house.journal.position)
        house.log.check()
        check_frames(house.journal)
    assert count.found["refused"] > 0
    count.hold(record_property)


@pytest.mark.parametrize("order", ["ab", "ba", "aab", "bba", "abab", "baba", "abba"])
def test_a_lock_that_was_deleted(order: str, tmp_path: Path, record_property: Record) -> None:
    """A tidy hand removes the lock under a writer and a second one opens: nothing that either acknowledges is lost."""
    count = Count("two sequencers at once, the lock file deleted")
    with House(tmp_path) as first:
        first.batch(2)
        first.publish(0)
        for name in ("journal", "ledger"):
            (tmp_path / name / "lock").unlink()
        with House(tmp_path) as second:
            houses, acknowledged = {"a": first, "b": second}, list[tuple[int, int]]()
            for step in order:
                house, since = houses[step], houses[step].journal.position
                try:
                    acknowledged.append((since, house.batch(1)))
                    house.publish(since)
                except FAULTS as fault:
                    count.found[type(fault).__name__] += 1
                count.cases += 1
    for (_, stop), (start, _) in pairwise(sorted(acknowledged)):
        if start < stop:
            count.lost.append(f"position {start} given out twice")
    with House(tmp_path) as house:
        if acknowledged and house.journal.position < max(stop for _, stop in acknowledged):
            count.lost.append("the last frames")
        house.log.check()
    assert len(acknowledged) < len(order)
    count.hold(record_property)


def test_a_clock_that_jumps_back(tmp_path: Path, record_property: Record) -> None:
    """Readings of any clock, also over restarts that know no more than the journal: knowledge times only grow."""
    chance, count = random.Random(5), Count("clock jumping back")
    jumps = (0, 1, -1, 1_000_000, -3_600_000_000, -(10**15), 10**15)
    known: list[int] = []
    for _ in range(200 if _WHOLE else 20):
        sequencer = Sequencer(lambda at: at, last=max(known, default=0))
        now = chance.choice([1_700_000_000_000_000, 0, -5, max(known, default=0)])
        for _ in range(100):
            step = chance.choice(jumps)
            now += step
            given = sequencer.next(now)
            if step < 0:
                count.case("the sequencer" if not known or given > known[-1] else None, f"{now}: {given}")
            if chance.random() < 0.9:
                sequencer.take(given)
                known.append(given)
    assert known == sorted(set(known))
    count.hold(record_property)
