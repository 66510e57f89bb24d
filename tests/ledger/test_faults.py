"""Counted: every bit, file and batch of a project's evidence changed; what is signed is never changed unseen."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.faults import SECTOR_BYTES, Count, fresh
from tests.faults_house import SIGNER, House, add

from tallystick.core import StateError, TamperError
from tallystick.desk import PAYMENTS, copy_example, load_project
from tallystick.desk.erased import ERASURE, Erasure, frame_digest, sealed_by
from tallystick.desk.evidence import check_frames, open_log
from tallystick.desk.journal import Journal, extend_ledger, hold_ledger
from tallystick.desk.ledgercheck import check_ledger
from tallystick.desk.openlog import open_journal
from tallystick.ledger import Log
from tallystick.ledger.tiles import WIDTH, tile_path
from tallystick.store import AppendLog, Keys, segment

Record = Callable[[str, object], None]

_WHOLE = bool(os.environ.get("TALLYSTICK_SOAK"))


def _made(folder: Path, *sizes: int, segment_bytes: int = 1) -> Path:
    """Evidence of some batches, a segment each, all of it signed."""
    with House(folder, segment_bytes) as house:
        for size in sizes:
            since = house.journal.position
            house.batch(size)
            house.publish(since)
    return folder


def _finder(folder: Path, keys: Keys) -> str | None:
    """The step of `tally ledger check` that finds what was harmed, or None where the check would pass."""
    step = "opening the journal"
    try:
        with Journal(folder / "journal", keys, write=False) as journal:
            step = "opening the ledger"
            log = Log(folder / "ledger", SIGNER.name, SIGNER, write=False)
            if not log.signed_size:
                return None
            step = "leaves against the journal"
            hold_ledger(journal, log)
            step = "the tree again"
            log.check()
            step = "frames against leaves"
            check_frames(journal)
    except TamperError:
        return step
    except StateError as fault:
        # A changed key number names no key of ours.
        return step if fault.code == "key.unknown" else None
    return None


def _files(folder: Path) -> list[Path]:
    """Segments, tiles, entries and checkpoint."""
    tiles = [path for path in (folder / "ledger" / "tile").rglob("*") if path.is_file()]
    return sorted([*(folder / "journal").glob("*.log"), *tiles, folder / "ledger" / "checkpoint"])


def _tree_files(folder: Path) -> set[Path]:
    """The tiles and entries that the last checkpoint needs."""
    with Log(folder / "ledger", SIGNER.name, SIGNER, write=False) as log:
        size = log.size
    names, level = set[str](), 0
    while size >> (8 * level):
        count = size >> (8 * level)
        for kind in (level, "entries") if level == 0 else (level,):
            names |= {
                tile_path(kind, number, min(WIDTH, count - number * WIDTH)) for number in range(-(-count // WIDTH))
            }
        level += 1
    return {folder / "ledger" / name for name in names}


def _kind(path: Path) -> str:
    if path.suffix == ".log":
        return "journal"
    return "entries" if "entries" in path.parts else "checkpoint" if path.name == "checkpoint" else "tile"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two segments, one partial tile."""
    return _made(tmp_path_factory.mktemp("small"), 3, 2)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three segments, a full tile, partial ones on two levels."""
    return _made(tmp_path_factory.mktemp("large"), 3, 260, 2)


@pytest.mark.soak
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_changed_bit(size: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Record) -> None:
    """A bit of every byte of every file of the small log (whole: all eight); of the large one some."""
    folder, chance = fresh(request.getfixturevalue(size), tmp_path / "harmed"), random.Random(size)
    counts: dict[str, Count] = {}
    with Keys(folder / "keys.db") as keys:
        for path in _files(folder):
            count = counts.setdefault(_kind(path), Count(f"bit changed, {_kind(path)} of the {size} log"))
            good, step = path.read_bytes(), 1
            if size == "large":
                step = 211 if not _WHOLE else 331 if path.suffix == ".log" else 7
            with open(path, "r+b", buffering=0) as file:
                for at in range(0, len(good), step):
                    bits = range(8) if _WHOLE and size == "small" else [chance.randrange(8)]
                    for bit in bits:
                        os.pwrite(file.fileno(), bytes([good[at] ^ 1 << bit]), at)
                        count.case(_finder(folder, keys), f"{path.name} byte {at} bit {bit}")
                    os.pwrite(file.fileno(), good[at : at + 1], at)
        assert _finder(folder, keys) is None
    assert counts.keys() == {"journal", "entries", "tile", "checkpoint"}
    for count in counts.values():
        count.hold(record_property)


def _wholes(good: bytes, others: list[bytes]) -> Iterator[tuple[str, bytes | None]]:
    """What may become of a file as a whole."""
    yield "removed", None
    yield "emptied", b""
    yield "filled with zeros", bytes(len(good))
    yield "written twice", good + good
    yield "with a zero behind it", good + b"\0"
    yield "with a sector of zeros behind it", good + bytes(SECTOR_BYTES)
    for other in others:
        yield "another of the same kind in its place", other
    cuts = range(1, len(good), max(1, len(good) // (4_000 if _WHOLE else 40)))
    yield from (("cut off", good[:cut]) for cut in cuts)
    sectors = range(0, len(good), SECTOR_BYTES)
    yield from (("sector zeroed", good[:at] + bytes(SECTOR_BYTES) + good[at + SECTOR_BYTES :]) for at in sectors)


@pytest.mark.soak
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_file_changed_whole(
    size: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Record
) -> None:
    """Every file removed, cut at many lengths, zeroed, or another put in its place."""
    folder = fresh(request.getfixturevalue(size), tmp_path / "harmed")
    counts: dict[str, Count] = {}
    with Keys(folder / "keys.db") as keys:
        files = {path: path.read_bytes() for path in _files(folder)}
        needed = {*(folder / "journal").glob("*.log"), *_tree_files(folder)}
        last = max(path for path in files if _kind(path) == "journal")
        for path, good in files.items():
            others = [data for other, data in files.items() if _kind(other) == _kind(path) and data != good]
            for what, data in _wholes(good, others):
                if data is None:
                    path.unlink()
                else:
                    path.write_bytes(data)
                count = counts.setdefault(what, Count(f"{what}: a file"))
                # A checkpoint that is gone promises nothing, a partial tile that a wider one replaced may be gone, and
                # zeros behind the last batch are one that was not written.
                harmless = path not in needed if data is None else path == last and data.rstrip(b"\0") == good
                if data != good and not harmless:
                    count.case(_finder(folder, keys), f"{path.name} {what} {len(data or b'')}")
            path.write_bytes(good)
        assert _finder(folder, keys) is None
    for count in counts.values():
        count.fault += f" of the {size} log"
        count.hold(record_property)


def _rewritten(folder: Path, segments: list[list[bytes]]) -> None:
    """Write the journal anew with these batches, all checksums and links as they must be."""
    for path in (folder / "journal").glob("*.log"):
        path.unlink()
    first, previous = 0, segment.GENESIS
    for frames in segments:
        data, previous = segment.encode(first, frames, previous)
        (folder / "journal" / f"{first:020d}.log").write_bytes(data)
        first += len(frames)


def _forged(batches: list[list[bytes]], other: bytes) -> Iterator[tuple[str, list[list[bytes]]]]:
    """The batches with one frame left out, exchanged, repeated, replaced, or the end left out."""
    flat = [frame for frames in batches for frame in frames]
    sizes = [len(frames) for frames in batches]

    def cut(frames: list[bytes]) -> list[list[bytes]]:
        parts, at = [], 0
        for size in sizes[:-1]:
            parts.append(frames[at : at + size])
            at += size
        return [part for part in (*parts, frames[at:]) if part]

    for at in range(len(flat)):
        yield "a frame left out", cut(flat[:at] + flat[at + 1 :])
        yield "a frame written twice", cut(flat[:at] + flat[at:][:1] + flat[at:])
        yield "a frame of another journal", cut([*flat[:at], other, *flat[at + 1 :]])
        yield "the end left out", cut(flat[:at])
    for at in range(len(flat) - 1):
        yield "two frames exchanged", cut([*flat[:at], flat[at + 1], flat[at], *flat[at + 2 :]])
    for at in range(len(flat)):
        for bit in range(0, 8 * len(flat[at]), 1 if _WHOLE else 61):
            frame = bytearray(flat[at])
            frame[bit // 8] ^= 1 << bit % 8
            yield "a bit of a frame", cut([*flat[:at], bytes(frame), *flat[at + 1 :]])


@pytest.mark.soak
def test_a_journal_written_anew(small: Path, tmp_path: Path, record_property: Record) -> None:
    """Whoever makes all checksums anew still meets the leaves that were signed, at whatever frame."""
    folder, other = fresh(small, tmp_path / "harmed"), _made(tmp_path / "other", 3, 2)
    frames, strange = [frame for _, frame in _frames(folder)], _frames(other)[0][1]
    batches, counts = [frames[:4], frames[4:]], dict[str, Count]()
    with Keys(folder / "keys.db") as keys:
        _rewritten(folder, batches)
        assert _finder(folder, keys) is None
        for what, forged in _forged(batches, strange):
            if forged != batches:
                _rewritten(folder, forged)
                count = counts.setdefault(what, Count(f"{what}, checksums made anew"))
                count.case(_finder(folder, keys), str([len(part) for part in forged]))
    for count in counts.values():
        count.hold(record_property)


def test_the_command_names_what_was_harmed(tmp_path: Path, record_property: Record) -> None:
    """`tally ledger check` itself, on a project: a bit in the middle of each file, and each file gone."""
    count = Count("bit changed or file gone, found by the command")
    copy_example(PAYMENTS, tmp_path / "bank")
    project = load_project(tmp_path / "bank")
    with open_journal(project, write=True) as journal, open_log(project, write=True) as log:
        for _ in range(2):
            for position in range(journal.position, journal.position + 3):
                add(journal, position)
            journal.flush()
        extend_ledger(journal, log)
        log.checkpoint()
    assert check_ledger(project).holds
    for path in _files(project.state):
        good = path.read_bytes()
        middle = len(good) // 2
        for harmed in (good[:middle] + bytes([good[middle] ^ 4]) + good[middle + 1 :], None):
            if harmed is None:
                path.unlink()
            else:
                path.write_bytes(harmed)
            with pytest.raises((TamperError, StateError)) as caught:
                check_ledger(project)
            gone = harmed is None and path.name == "checkpoint"
            count.case(caught.value.code if isinstance(caught.value, TamperError) != gone else None, path.name)
            path.write_bytes(good)
    count.hold(record_property)


def test_a_frame_made_to_look_erased(tmp_path: Path, record_property: Record) -> None:
    """Who makes a frame unreadable by naming a destroyed key, checksums made anew, is not covered by an erasure."""
    count = Count("a frame made to look erased, checksums made anew")
    with House(tmp_path, segment_bytes=1) as house:
        house.batch(10)
        sealed = [(position, sealed_by(frame)) for position, frame in _frames(tmp_path) if sealed_by(frame)]
        gone = sealed[0][1]
        hers = tuple(
            (position, frame_digest(frame)) for position, frame in _frames(tmp_path) if sealed_by(frame) == gone
        )
        assert house.keys.forget("customer 0")
        said = Erasure("1", "~", 0, "asked", {}, hers)
        house.journal.append_evidence(ERASURE, msgspec.structs.asdict(said))
        house.journal.flush()
        house.publish(0)
    frames = [frame for _, frame in _frames(tmp_path)]
    with Keys(tmp_path / "keys.db") as keys:
        assert _finder(tmp_path, keys) is None
        for position, number in sealed:
            if number != gone:
                forged = [*frames]
                forged[position] = forged[position].replace(number, gone)
                assert forged[position] != frames[position]
                _rewritten(tmp_path, [forged])
                count.case(_finder(tmp_path, keys), f"frame {position}")
        altered = Count("the clear part of an erased frame changed, checksums made anew")
        for position, _ in hers:
            forged = [*frames]
            forged[position] = forged[position].replace(b"payments", b"purchase")
            assert forged[position] != frames[position]
            _rewritten(tmp_path, [forged])
            altered.case(_finder(tmp_path, keys), f"frame {position}")
    count.hold(record_property)
    altered.hold(record_property)


def _frames(folder: Path) -> list[tuple[int, bytes]]:
    with AppendLog(folder / "journal", write=False) as log:
        return list(log.read())
