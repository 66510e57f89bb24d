"""The writer that faults happen to: keys, journal, state table and ledger as the desk uses them, and their whole check.

A record says by its position what it must be, so nothing has to be remembered to tell a lost or changed one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from tests.faults import Tell

from tallystick.core import Fact, TallystickError
from tallystick.desk.evidence import check_frames
from tallystick.desk.index import find_decision, index_entries, update_index
from tallystick.desk.journal import DecisionRecord, Entry, Evidence, Journal, extend_ledger, hold_ledger
from tallystick.ledger import (
    Checkpoint,
    Log,
    Signer,
    generate_key,
    open_checkpoint,
    root_of,
    verify_consistency,
)
from tallystick.store import Keys
from tallystick.store.sql import connect

SIGNER = Signer(generate_key("bank.example/decisions")[0])
SEGMENT_BYTES = 4_000
FAULTS = (TallystickError, OSError, sqlite3.Error, SQLAlchemyError)


class House:
    """The one writer of a folder."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        with ExitStack() as held:
            self.keys = held.enter_context(Keys(folder / "keys.db"))
            self.journal = held.enter_context(Journal(folder / "journal", self.keys, segment_bytes=segment_bytes))
            self.log = held.enter_context(Log(folder / "ledger", SIGNER.name, SIGNER))
            self.index = connect(folder / "state.db")
            held.callback(self.index.dispose)
            extend_ledger(self.journal, self.log)
            update_index(self.journal, self.index)
            self._held = held.pop_all()

    def __enter__(self) -> House:
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def batch(self, size: int) -> int:
        """Write a batch, durably; returns the position after it."""
        with self.journal.batch():
            for position in range(self.journal.position, self.journal.position + size):
                add(self.journal, position, plain=size > 20)
        return self.journal.position

    def publish(self, since: int) -> bytes:
        """Enter what was written from `since` on in state table and ledger, and sign."""
        index_entries(self.index, tuple(self.journal.read(start=since)))
        extend_ledger(self.journal, self.log)
        return self.log.checkpoint()


def add(journal: Journal, position: int, plain: bool = False) -> None:
    """Buffer the record that belongs at a position."""
    if plain or position % 4 == 3:
        journal.append_evidence("load", {"rows": position})
    elif position % 4 == 2:
        journal.append_fact(_fact(position), f"customer {position % 3}", {"card"})
    else:
        journal.append_decision(_decision(position), f"customer {position % 3}", {"card"})


def _fact(position: int) -> Fact:
    return Fact("payments", position, 0, False, position, position, {"amount": 100 + position, "card": f"c{position}"})


def _decision(position: int) -> DecisionRecord:
    return DecisionRecord(
        request_id=f"r{position}",
        body_digest="ab" * 32,
        fact=_fact(position),
        k=position,
        flow="card_payment",
        versions={"labels": "cd" * 32},
        lake={},
        vector={"spend_7d": position, "night_share": 0.1 + position},
        missing={},
        score={"points": 512},
        result={"outcome": "approve"},
        reasons=[],
        decided_at=position,
    )


def true(entry: Entry) -> bool:
    """Whether an entry is what was written at its position."""
    position, record = entry.position, entry.record
    if isinstance(record, Evidence):
        return record.kind == "facts" or record == Evidence("load", {"rows": position})
    if isinstance(record, DecisionRecord):
        return record == _decision(position)
    return record == _fact(position)


def write(folder: Path, sizes: Sequence[int], tell: Tell, stubborn: bool = False) -> None:
    """Write batches and tell what is acknowledged and signed; a stubborn one tries the next batch after a fault."""
    with House(folder) as house:
        for size in sizes:
            since = house.journal.position
            try:
                tell(b"durable %d" % house.batch(size))
                tell(b"signed " + house.publish(since))
            except FAULTS as fault:
                if not stubborn:
                    raise
                tell(b"fault " + type(fault).__name__.encode())


def examine(folder: Path, told: Sequence[bytes], go_on: Sequence[int] = (3,)) -> list[str]:
    """What of the told is lost or untrue after a fault; the writer goes on meanwhile, so that the log must continue."""
    lost: list[str] = []
    durable = max((int(item[8:]) for item in told if item.startswith(b"durable ")), default=0)
    notes = [item[7:] for item in told if item.startswith(b"signed ")]
    on_disk = folder / "ledger" / "checkpoint"
    if on_disk.exists():
        notes.append(on_disk.read_bytes())
        # What is signed must be there as it lies, before anything is repaired.
        with Log(folder / "ledger", SIGNER.name, SIGNER, write=False) as reader:
            reader.check()
    heads = [open_checkpoint(note, [SIGNER.verifier]) for note in notes]
    if heads and max(head.size for head in heads) > (heads[-1].size if on_disk.exists() else 0):
        lost.append("a signed checkpoint went back")
    with House(folder) as house:
        lost += [f"frame {position}" for position in range(house.journal.position, durable)]
        for size in go_on:
            since = house.journal.position
            house.batch(size)
            house.publish(since)
        lost += _missing(house)
        house.log.check()
        hold_ledger(house.journal, house.log)
        check_frames(house.journal)
        lost += [f"a fork at {head.size}" for head in heads if not _continued(house.log, head)]
    return lost


def _missing(house: House) -> list[str]:
    """Frames that are not what belongs there, and decisions that the state table does not find."""
    entries = list(house.journal.read())
    lost = [f"frame {entry.position}" for entry in entries if not true(entry)]
    for entry in entries:
        if entry.request_id:
            found = find_decision(house.index, entry.request_id)
            if found is None or found.position != entry.position:
                lost.append(f"state of {entry.position}")
    return lost


def _continued(log: Log, head: Checkpoint) -> bool:
    """Whether a tree that was signed once is the beginning of the log."""
    if head.size == 0:
        return head.root == root_of([])
    try:
        verify_consistency(head.size, log.size, log.consistency(head.size).hashes, head.root, log.root())
    except TallystickError:
        return False
    return True
