"""Durable appends beside the disk's own flush rate, in the same run.

    python bench/journal.py [--folder FOLDER]

The peer is the disk: one write and one `fdatasync` of a frame's bytes to a growing file, which no log can beat one by
one. Frames of one decision each (about 700 bytes), one by one and in batches of 1,000; then whole decisions with
sealing and leaf; then their leaves in the ledger, and reading all of it back.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

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


if __name__ == "__main__":
    main()
