"""Durable appends beside the disk's own flush rate, in the same run.

    python bench/journal.py [--folder FOLDER]

The peer is the disk: one write and one `fdatasync` of a frame's bytes to a growing file, which no log can beat one by
one. Frames of one decision each (about 700 bytes), one by one and in batches of 1,000; then whole decisions with
sealing and leaf; then their leaves in the ledger, and reading all of it back. Last a log of a million entries: made,
checked whole, proved from; beside pymerkle, which keeps its tree in memory.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pymerkle import InmemoryTree

from tallystick.core import Fact
from tallystick.desk.journal import DecisionRecord, Journal
from tallystick.ledger import Log, Signer, generate_key
from tallystick.store import AppendLog, Keys

_FRAME = os.urandom(700)


def _rate(count: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def raw_flushes(folder: Path, count: int) -> float:
    with open(folder / "raw", "ab", buffering=0) as file:

        def work() -> None:
            for _ in range(count):
                file.write(_FRAME)
                os.fdatasync(file.fileno())

        return _rate(count, work)


def appends(folder: Path, count: int, batch: int) -> float:
    with AppendLog(folder / f"log{batch}") as log:

        def work() -> None:
            for _ in range(count // batch):
                log.append([_FRAME] * batch)

        return _rate(count, work)


def record(number: int) -> DecisionRecord:
    fields = {"amount": 1250 + number, "card": f"card {number % 5000}", "terminal": f"t{number % 300}"}
    return DecisionRecord(
        request_id=f"r{number}",
        body_digest="ab" * 32,
        fact=Fact("payments", number, 0, False, number, number, fields),
        k=number,
        flow="card_payment",
        versions={"labels": "ab" * 32, "model": "cd" * 32, "decision": "ef" * 32},
        lake={"payments": 3},
        vector={f"label_{at}": number * 0.37 + at if at % 2 else number + at for at in range(20)},
        missing={},
        score={"points": 512, "pd": 0.04},
        result={"outcome": "approve", "matched": ["Action#3"]},
        reasons=["HIGH_SPEND"],
        decided_at=number,
    )


def published(folder: Path, batches: int, size: int, signed_every: int) -> float:
    """Decisions a second, durable batch by batch and in tiles, with a signed checkpoint every so many batches."""
    signer = Signer(generate_key("bench.example/log")[0])
    with (
        Keys(folder / "keys.db") as keys,
        Journal(folder / "journal", keys) as journal,
        Log(folder / "ledger", signer.name, signer) as log,
    ):

        def work() -> None:
            for batch in range(batches):
                for number in range(batch * size, (batch + 1) * size):
                    journal.append_decision(record(number), f"customer {number % 5000}", {"card"})
                log.append([entry.leaf for entry in journal.flush() if entry.leaf is not None])
                if (batch + 1) % signed_every == 0:
                    log.checkpoint()

        return _rate(batches * size, work)


def whole_log(folder: Path, flushes: float, count: int = 1_000_000, peer_count: int = 100_000) -> None:
    """A log of a million entries, and the same things done by pymerkle on its first part."""
    entries = [b'{"digest":"sha256:%064x","kind":"decision","position":"%d"}' % (at, at) for at in range(count)]
    signer, chance = Signer(generate_key("bench.example/log")[0]), random.Random(5)

    def made(name: str, number: int) -> Log:
        log = Log(folder / name, signer.name, signer)
        for start in range(0, number, 1000):
            log.append(entries[start : start + 1000])
        log.checkpoint()
        return log

    start = time.thread_time()
    log = made("whole", count)
    print(f"log of {count:,}: made, signed, flushed    {time.thread_time() - start:9.2f} s of CPU")
    start = time.thread_time()
    log.check()
    print(f"log of {count:,}: checked whole            {time.thread_time() - start:9.2f} s of CPU")
    places = [chance.randrange(count) for _ in range(2000)]
    start = time.thread_time()
    for place in places:
        log.prove(place)
    print(f"log of {count:,}: one proof                {(time.thread_time() - start) / 2:9.3f} ms of CPU")

    tree = InmemoryTree(algorithm="sha256")
    theirs = _rate(peer_count, lambda: [tree.append_entry(entry) for entry in entries[:peer_count]])
    ours = _rate(peer_count, lambda: made("part", peer_count).close())
    print(f"appends: pymerkle, in memory              {theirs:12,.0f} /s {theirs / flushes:6.2f} of the disk")
    print(f"appends: ours, in tiles, signed, flushed  {ours:12,.0f} /s {ours / theirs:6.1f} of pymerkle")
    part = Log(folder / "part", signer.name, signer, write=False)
    places = [chance.randrange(peer_count) for _ in range(3000)]
    theirs = _rate(3000, lambda: [tree.prove_inclusion(place + 1) for place in places])
    ours = _rate(3000, lambda: [part.prove(place) for place in places])
    print(f"proofs: pymerkle, from memory             {theirs:12,.0f} /s")
    print(f"proofs: ours, from tiles on disk          {ours:12,.0f} /s {ours / theirs:6.1f} of pymerkle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    base = parser.parse_args().folder
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        # Taken in turns, since a disk's flush rate changes with what else it does; the median of each counts.
        rounds = [(raw_flushes(folder, 300), appends(folder, 300, 1)) for _ in range(9)]
        flushes, single = (statistics.median(column) for column in zip(*rounds, strict=True))
        grouped = statistics.median(appends(folder, 30_000, 1000) for _ in range(5))
        print(f"disk: write + fdatasync, one by one       {flushes:12,.0f} /s   1.00 of the disk")
        print(f"log: appends one by one                   {single:12,.0f} /s {single / flushes:6.2f} of the disk")
        print(f"log: appends in batches of 1,000          {grouped:12,.0f} /s {grouped / flushes:6.2f} of the disk")
        count = 20_000
        with Keys(folder / "keys.db") as keys, Journal(folder / "journal", keys) as journal:

            def decide() -> None:
                for number in range(count):
                    journal.append_decision(record(number), f"customer {number % 5000}", {"card"})
                    if number % 1000 == 999:
                        journal.flush()

            rate = _rate(count, decide)
            print(f"journal: decisions in batches of 1,000    {rate:12,.0f} /s {rate / flushes:6.2f} of the disk")
            print(f"journal: decisions read and opened        {_rate(count, lambda: list(journal.read())):12,.0f} /s")
            log = Log(folder / "ledger", "bench.example/log", Signer(generate_key("bench.example/log")[0]))
            leaves = [leaf for _, leaf in journal.leaves()]
            print(f"ledger: leaves appended                   {_rate(count, lambda: log.append(leaves)):12,.0f} /s")
            print(f"ledger: signed and flushed checkpoint     {_rate(1, log.checkpoint):12,.1f} /s")
            proofs = _rate(2_000, lambda: [log.prove(index) for index in range(0, count, 10)])
            print(f"ledger: proofs from tiles                 {proofs:12,.0f} /s")
        rate = published(folder / "thousands", 20, 1000, 1)
        print(f"evidence: decisions published by 1,000    {rate:12,.0f} /s {rate / flushes:6.2f} of the disk")
        rate = published(folder / "ones", 300, 1, 100)
        print(f"evidence: decisions published one by one  {rate:12,.0f} /s {rate / flushes:6.2f} of the disk")
        whole_log(folder, flushes)


if __name__ == "__main__":
    main()
