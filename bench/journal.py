"""Durable appends beside the disk's own flush rate, in the same run.

    python bench/journal.py [--folder FOLDER]

The peer is the disk: one write and one `fdatasync` of a frame's bytes to a growing file, which no log can beat one by
one; its rate is taken again beside every figure. Frames of one decision each (about 700 bytes) come first, then what a
journal takes: evidence, facts and whole decisions with sealing and leaf, by 1,000 and one by one, published in tiles
with signed checkpoints by time. Last a log of a million entries: made, checked whole, proved from, in both profiles;
beside pymerkle, which keeps its tree in memory or in SQLite.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pymerkle import InmemoryTree, SqliteTree

from tallystick.core import Fact
from tallystick.desk.journal import DecisionRecord, Journal
from tallystick.ledger import Log, Signer, generate_key
from tallystick.ledger.profile import DOMESTIC, INTERNATIONAL, Profile
from tallystick.store import AppendLog, Keys

_FRAME = os.urandom(700)
CHECKPOINT_S = 10.0


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


def row(folder: Path, name: str, count: int, work: Callable[[], object]) -> None:
    """Run a piece of work and print its rate, its CPU time for each, and the disk's flush rate beside it."""
    before = raw_flushes(folder, 50)
    cpu = time.process_time()
    rate = _rate(count, work)
    cpu = (time.process_time() - cpu) / count * 1e6
    flushes = (before + raw_flushes(folder, 50)) / 2
    print(f"{name:46}{rate:10,.0f} /s {cpu:8.1f} µs of CPU each; the disk flushes {flushes:6,.0f} /s")


def append(journal: Journal, kind: str, made: DecisionRecord, subjects: int) -> None:
    subject = f"customer {made.k % subjects}"
    if kind == "evidence":
        journal.append_evidence("load", {"table": "payments", "version": made.k, "rows": 1000})
    elif kind == "fact":
        journal.append_fact(made.fact, subject, {"card"})
    else:
        journal.append_decision(made, subject, {"card"})


def published(folder: Path, kind: str, count: int, size: int, subjects: int, profile: Profile = INTERNATIONAL) -> None:
    """Appends to a journal whose leaves go to tiles batch by batch, with a signed checkpoint every ten seconds."""
    name = f"{kind}, by {size}" if size > 1 else f"{kind}, one by one"
    name += ", new subjects" if subjects > count else ""
    home = folder / f"{name} {profile.name}"
    signer = Signer(generate_key("bench.example/log", profile.key)[0])
    records = [record(number) for number in range(count)]
    with (
        Keys(home / "keys.db", "sm4-gcm" if profile is DOMESTIC else "aes-256-gcm") as keys,
        Journal(home / "journal", keys, profile=profile) as journal,
        Log(home / "ledger", signer.name, signer, profile=profile) as log,
    ):
        if subjects <= count:
            keys.ensure(f"customer {number}" for number in range(subjects))

        def work() -> None:
            signed_s = time.monotonic()
            for start in range(0, count, size):
                for made in records[start : start + size]:
                    append(journal, kind, made, subjects)
                log.append([entry.leaf for entry in journal.flush() if entry.leaf is not None])
                if time.monotonic() - signed_s > CHECKPOINT_S:
                    log.checkpoint()
                    signed_s = time.monotonic()
            log.checkpoint()

        row(folder, f"journal: {name}, {profile.name}", count, work)


def whole_log(folder: Path, profile: Profile, count: int) -> None:
    """A log of many entries: made, checked whole, proved from."""
    entries = _entries(count)
    signer, chance = Signer(generate_key("bench.example/log", profile.key)[0]), random.Random(5)
    name = f"log of {count:,}, {profile.name}"
    cpu = time.thread_time()
    log = _made(folder / profile.name, signer, entries, profile)
    print(f"{name}: made, signed, flushed  {time.thread_time() - cpu:9.2f} s of CPU")
    cpu = time.thread_time()
    log.check()
    print(f"{name}: checked whole          {time.thread_time() - cpu:9.2f} s of CPU")
    places = [chance.randrange(count) for _ in range(2000)]
    cpu = time.thread_time()
    for place in places:
        log.prove(place)
    print(f"{name}: one proof              {(time.thread_time() - cpu) / 2:9.3f} ms of CPU")
    log.close()


def _entries(count: int) -> list[bytes]:
    return [b'{"digest":"sha256:%064x","kind":"decision","position":"%d"}' % (at, at) for at in range(count)]


def _made(folder: Path, signer: Signer, entries: list[bytes], profile: Profile = INTERNATIONAL) -> Log:
    log = Log(folder, signer.name, signer, profile=profile)
    for start in range(0, len(entries), 1000):
        log.append(entries[start : start + 1000])
    log.checkpoint()
    return log


def peers(folder: Path, count: int = 100_000, few: int = 3_000) -> None:
    """Appends and proofs beside pymerkle: its tree in memory, and its tree in SQLite, which is durable as ours is.

    Our proofs are timed twice: the first time each tile is read from disk, then all that is needed is in memory.
    """
    entries, chance = _entries(count), random.Random(5)
    signer = Signer(generate_key("bench.example/log")[0])
    memory = InmemoryTree(algorithm="sha256")
    theirs = _rate(count, lambda: [memory.append_entry(entry) for entry in entries])
    ours = _rate(count, lambda: _made(folder / "part", signer, entries).close())
    hashes = _rate(count, lambda: _tree_hashes(entries))
    with SqliteTree(str(folder / "peer.db"), algorithm="sha256") as durable:
        # A transaction for every thousand, as ours flushes; each entry alone would be a transaction of its own.
        stored = _rate(count, lambda: [durable.append_entries(entries[at : at + 1000]) for at in range(0, count, 1000)])
        part = Log(folder / "part", signer.name, signer, write=False)
        places = [chance.randrange(count) for _ in range(few)]
        proofs = _rate(few, lambda: [memory.prove_inclusion(place + 1) for place in places])
        stored_proofs = _rate(few // 30, lambda: [durable.prove_inclusion(place + 1) for place in places[: few // 30]])
        own_first, own_again = (_rate(few, lambda: [part.prove(place) for place in places]) for _ in range(2))
    for what, own, where, rate in (
        ("appends, durable tiles on disk", ours, "pymerkle in SQLite", stored),
        ("appends, durable tiles on disk", ours, "pymerkle in memory only", theirs),
        ("appends, durable tiles on disk", ours, "two SHA-256 each and nothing else", hashes),
        ("proofs, tiles on disk", own_first, "pymerkle from SQLite", stored_proofs),
        ("proofs, tiles on disk", own_first, "pymerkle from memory", proofs),
        ("proofs, tiles in memory", own_again, "pymerkle from memory", proofs),
    ):
        print(f"{what:32}{own:12,.0f} /s; {where:34}{rate:12,.0f} /s; ours is {own / rate:6.1f} times that")


def _tree_hashes(entries: list[bytes]) -> None:
    """What no tree of Python's hashlib can do without: the hash of each leaf, and of as many nodes."""
    pair = bytes(65)
    for entry in entries:
        hashlib.sha256(entry).digest()
        hashlib.sha256(pair).digest()


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
        for kind in ("evidence", "fact", "decision"):
            published(folder, kind, 30_000, 1000, 5000)
            published(folder, kind, 300, 1, 100)
        published(folder, "decision", 300, 1, 1000)
        published(folder, "decision", 10_000, 1000, 20_000)
        published(folder, "decision", 10_000, 1000, 5000, DOMESTIC)
        with Keys(folder / "keys.db") as keys, Journal(folder / "journal", keys) as journal:
            for number in range(10_000):
                append(journal, "decision", record(number), 5000)
            journal.flush()
            row(folder, "journal: decisions read and opened", 10_000, lambda: list(journal.read()))
        whole_log(folder, INTERNATIONAL, 1_000_000)
        whole_log(folder, DOMESTIC, 100_000)
        peers(folder)


if __name__ == "__main__":
    main()
