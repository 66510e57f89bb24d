"""One subject is erased from every file and version of the lake; nobody else's bits move."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from tallystick.core import InputError, Message, StateError, TamperError
from tallystick.data import (
    Erasing,
    FeedQuarantine,
    Lake,
    Source,
    delivered_texts,
    erase_deliveries,
    mentions,
    read_quarantine,
    read_sources,
    tables,
)
from tallystick.data.feed import delivery
from tallystick.data.words import WORDS

SOURCES = """
[visits]
files = "in/*.csv"
format = "csv"
id = "visit"
at = "at"
known_at = "known_at"
revision = "version"
subject = "who"
lateness = "9d"
[visits.fields]
visit = { type = "integer" }
version = { type = "integer" }
at = { type = "instant" }
known_at = { type = "instant" }
who = { type = "text", grade = "L3" }
card = { type = "integer", grade = "L3" }
share = { type = "real", grade = "L3" }
place = { type = "text" }
"""
HEADER = "visit,version,at,known_at,who,card,share,place\n"
ERASING = Erasing("who", "C0007", ("who", "card"), ("share",), lambda value: -5 if isinstance(value, int) else "~her")
EACH = 60
WRONG = InputError(Message("event.field", "wrong", "错误"))


def row(visit: int, who: str, version: int = 0, place: str = "here") -> str:
    at = f"2026-03-{visit % 28 + 1:02}T08:00:00Z"
    return f"{visit},{version},{at},{at},{who},{900 + visit % 7},{visit / 7!r},{place}\n"


def month(number: int) -> str:
    """Rows of ten customers, one of them hers, and one that breaks the schema."""
    first = number * EACH
    rows = [row(visit, f"C{visit % 10:04}") for visit in range(first, first + EACH)]
    return HEADER + "".join(rows) + f"{first},0,never,never,C0007,1,1,here\n" + "x,0,never,never,C0008,1,1,here\n"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Three loads of one table, a file each, and a correction of one of her rows."""
    (tmp_path / "in").mkdir()
    made = Lake(tmp_path / "lake", "UTC")
    for number in range(3):
        (tmp_path / "in" / f"{number}.csv").write_text(month(number))
        made.load(source_of(tmp_path), tmp_path, block_bytes=2_000)
    (tmp_path / "in" / "9.csv").write_text(HEADER + row(7, "C0007", 1, "there"))
    made.load(source_of(tmp_path), tmp_path)
    return made


def source_of(folder: Path) -> Source:
    (folder / "sources.toml").write_text(SOURCES)
    return read_sources(folder / "sources.toml")["visits"]


def bits(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    """Rows with floats as their bytes."""
    return [tuple(struct.pack("<d", v) if isinstance(v, float) else v for v in line) for line in frame.iter_rows()]


def versions(lake: Lake) -> list[list[tuple[object, ...]]]:
    """What every version of the table says of everybody else."""
    every = [lake.facts("visits", version) for version in range(lake.version("visits") + 1)]
    return [bits(frame.filter(~pl.col("who").is_in(["C0007", "~her"]))) for frame in every]


def found_in(folder: Path, needle: str) -> list[str]:
    """Files that hold a text, those of Parquet as tables."""
    names = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            texts = [str(value) for column in pl.read_parquet(path).iter_columns() for value in column]
        elif path.is_file():
            texts = [path.read_bytes().decode("latin-1")]
        else:
            continue
        names += [path.name] if any(needle in text for text in texts) else []
    return names


def test_nothing_of_her_is_left_and_nobody_else_moved(tmp_path: Path, lake: Lake) -> None:
    """Every version, its order and its counts stay; her rows keep what is not personal, with stand-ins."""
    before, source = versions(lake), source_of(tmp_path)
    notes, quarantined = lake.history("visits"), lake.quarantine("visits")
    hers = lake.of_subject(source, "C0007")
    assert found_in(tmp_path / "lake", "C0007")
    assert lake.erase(source, ERASING) == hers.height == 19
    assert lake.erase_quarantine("visits", lambda text: mentions(text, {"C0007"}), "erased") == 3
    assert found_in(tmp_path / "lake", "C0007") == []
    assert versions(lake) == before
    after = lake.facts("visits").filter(pl.col("who") == "~her")
    assert after.drop("who", "card", "share").equals(hers.drop("who", "card", "share"))
    assert (set(after["card"]), set(after["share"])) == ({-5}, {None})
    assert lake.history("visits") == notes
    left = lake.quarantine("visits")
    assert left.drop("raw", "reason").equals(quarantined.drop("raw", "reason"))
    assert sorted(left.filter(pl.col("raw") == "")["reason"].unique()) == ["erased"]
    assert left.filter(pl.col("raw") != "").height == 3
    assert lake.of_subject(source, "C0007").is_empty()


def test_other_readers_of_delta_agree(tmp_path: Path, lake: Lake) -> None:
    """Sizes and statistics in the log are those of the new files, in every version."""
    lake.erase(source_of(tmp_path), ERASING)
    for version in range(lake.version("visits") + 1):
        table = DeltaTable(str(tmp_path / "lake" / "visits"), version=version)
        actions = pl.DataFrame(table.get_add_actions(flatten=True))
        for action in actions.to_dicts():
            path = tmp_path / "lake" / "visits" / action["path"]
            assert path.stat().st_size == action["size_bytes"]
            frame = pl.read_parquet(path)
            assert (frame.height, frame["visit"].min(), frame["visit"].max()) == (
                action["num_records"],
                action["min.visit"],
                action["max.visit"],
            )
    assert table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=True) == []


def test_a_checkpoint_of_the_log_is_no_hiding_place(tmp_path: Path, lake: Lake) -> None:
    """Delta's own checkpoint names files and ranges of ids; it goes, and the commits say the same."""
    DeltaTable(str(tmp_path / "lake" / "visits")).create_checkpoint()
    before = versions(lake)
    lake.erase(source_of(tmp_path), ERASING)
    assert versions(lake) == before
    assert not list((tmp_path / "lake" / "visits" / "_delta_log").glob("*checkpoint*"))
    report = lake.load(source_of(tmp_path), tmp_path)
    assert report.rows_in == 0


def test_a_file_that_comes_again_does_not_bring_her_back(tmp_path: Path, lake: Lake) -> None:
    """Delivered once more with one more row: her rows are known and nothing of them is stored or set aside."""
    source = source_of(tmp_path)
    lake.erase(source, ERASING)
    lake.erase_quarantine("visits", lambda text: mentions(text, {"C0007"}), "erased")
    again = [line for line in month(0).splitlines(keepends=True) if "never" not in line]
    (tmp_path / "in" / "0.csv").write_text("".join(again) + row(5_000, "C0003"))
    report = lake.load(source, tmp_path)
    assert (report.rows, report.unchanged_rows, report.quarantined) == (1, EACH, 0)
    assert found_in(tmp_path / "lake", "C0007") == []
    (tmp_path / "in" / "0.csv").write_text(HEADER + row(6_007, "C0007"))
    lake.load(source, tmp_path)
    assert lake.of_subject(source, "C0007")["visit"].to_list() == [6_007], "she came back herself"
    assert lake.erase(source, ERASING) == 1
    assert lake.erased("visits") is not None


def test_erasing_twice_and_of_nobody_changes_nothing(tmp_path: Path, lake: Lake) -> None:
    source = source_of(tmp_path)
    lake.erase(source, ERASING)
    names = sorted(path.name for path in (tmp_path / "lake").rglob("*"))
    assert lake.erase(source, ERASING) == 0
    nobody = Erasing("who", "C9999", ("who",), (), str)
    assert lake.erase(source, nobody) == 0
    assert sorted(path.name for path in (tmp_path / "lake").rglob("*")) == names


def test_a_personal_id_is_replaced_in_the_logs_ranges_too(tmp_path: Path) -> None:
    """Where the id itself is personal, minimum and maximum of a file would show it."""
    (tmp_path / "in").mkdir()
    text = SOURCES.replace('visit = { type = "integer" }', 'visit = { type = "text", grade = "L3" }')
    (tmp_path / "sources.toml").write_text(text)
    source = read_sources(tmp_path / "sources.toml")["visits"]
    (tmp_path / "in" / "a.csv").write_text(HEADER + row(7, "C0007").replace("7,", "id-of-her,", 1) + row(8, "C0008"))
    lake = Lake(tmp_path / "lake", "UTC")
    lake.load(source, tmp_path)
    assert found_in(tmp_path / "lake", "id-of-her")
    lake.erase(
        source,
        Erasing(
            "who", "C0007", ("who", "card", "visit"), ("share",), lambda value: "~her" if isinstance(value, str) else -5
        ),
    )
    assert found_in(tmp_path / "lake", "id-of-her") == []
    assert lake.facts("visits")["visit"].to_list() == ["~her", "8"]
    assert lake.erased("visits") is None


KILLED = """
import os, signal, sys
from pathlib import Path
from tallystick.data import Lake, mentions
from tests.data.test_erase import ERASING, source_of
folder, left = Path(sys.argv[1]), int(sys.argv[2])
def counting(call):
    def wrapped(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return wrapped
for name in ("replace", "unlink", "fsync"):
    setattr(os, name, counting(getattr(os, name)))
lake = Lake(folder / "lake", "UTC")
lake.erase(source_of(folder), ERASING)
lake.erase_quarantine("visits", lambda text: mentions(text, {"C0007"}), "erased")
print("whole")
"""


def test_killed_between_any_two_steps_every_version_reads_and_again_ends_it(tmp_path: Path, lake: Lake) -> None:
    """Killed before each flush, exchange and removal in turn: nothing of anybody else is ever missing."""
    before, kills = versions(lake), 0
    while True:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), str(kills)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=False,
        )
        assert versions(lake) == before
        if done.stdout:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        # Every run goes on where the one before was killed, so some more steps each see them all.
        kills += 6
    assert kills >= 12
    assert found_in(tmp_path / "lake", "C0007") == []
    assert lake.facts("visits").filter(pl.col("who") == "~her").height == 19


STAGED = """
import os, sys
from pathlib import Path
from tallystick.data import Lake, tables
from tests.data.test_erase import source_of
tables.commit = lambda *_: os._exit(9)
folder, name = Path(sys.argv[1]), sys.argv[2]
Lake(folder / name, "UTC").load(source_of(folder), folder)
"""


@pytest.mark.parametrize("name", ["lake", "first"])
def test_what_killed_loads_staged_goes_whether_there_is_a_table_or_not(tmp_path: Path, lake: Lake, name: str) -> None:
    """Her rows in staged files, also of a first load, and ranges of ids in a commit that was not ended."""
    before = versions(lake)
    (tmp_path / "in" / "5.csv").write_text(HEADER + row(9_007, "C_new") + "y,0,never,never,C_new,1,1,here\n")
    done = subprocess.run(
        [sys.executable, "-c", STAGED, str(tmp_path), name],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == 9
    killed = Lake(tmp_path / name, "UTC")
    log = killed.folder / "visits" / "_delta_log"
    log.mkdir(exist_ok=True)
    (log / "_commit_1234.json.tmp").write_text('{"maxValues": "C_new"}')
    assert len(found_in(killed.folder, "C_new")) == 3
    killed.erase_unfinished()
    assert found_in(killed.folder, "C_new") == []
    assert versions(lake) == before


def test_who_reads_during_an_erasure_reads_the_version_that_was_asked_for(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files go between scanning and reading: they are scanned again, and a file that is lost is named."""
    before, scan, left = versions(lake), tables.scan_table, [True]

    def scan_then_erase(table: DeltaTable) -> pl.LazyFrame:
        found = scan(table)
        if left.pop() if left else False:
            lake.erase(source_of(tmp_path), ERASING)
            lake.erase_quarantine("visits", lambda text: mentions(text, {"C0007"}), "erased")
        return found

    monkeypatch.setattr(tables, "scan_table", scan_then_erase)
    facts = lake.facts("visits", 2)
    assert set(facts.filter(pl.col("visit") % 10 == 7)["who"]) == {"~her"}
    assert versions(lake) == before
    left.append(True)
    (tmp_path / "in" / "6.csv").write_text(HEADER + "z,0,never,never,C0007,1,1,here\n" + row(6_007, "C0007"))
    monkeypatch.setattr(tables, "scan_table", scan)
    lake.load(source_of(tmp_path), tmp_path)
    held = lake.scan("visits")
    monkeypatch.setattr(tables, "scan_table", scan_then_erase)
    assert lake.quarantine("visits").filter(pl.col("raw") == "").height == 4
    with pytest.raises(FileNotFoundError):
        held.collect()
    next((lake.folder / "visits").glob("*.parquet")).unlink()
    with pytest.raises(TamperError, match="the table at visits cannot be read"):
        lake.facts("visits")


def test_a_damaged_commit_is_named_and_nothing_removed(tmp_path: Path, lake: Lake) -> None:
    commit = sorted((lake.folder / "visits" / "_delta_log").glob("*.json"))[1]
    commit.write_text('{"add')
    before = sorted(lake.folder.rglob("*"))
    for erase in (lake.erase_unfinished, lambda: lake.erase(source_of(tmp_path), ERASING)):
        with pytest.raises(TamperError, match=f"visits/{commit.name}"):
            erase()
    assert sorted(lake.folder.rglob("*")) == before


def test_what_is_not_ours_in_the_lake_stays(tmp_path: Path, lake: Lake) -> None:
    for name in ("notes/my.txt", ".git/HEAD", "notes/part-00000000-00000.parquet"):
        path = lake.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    lake.erase_unfinished()
    assert [(lake.folder / name).exists() for name in ("notes/my.txt", ".git/HEAD")] == [True, True]
    assert not (lake.folder / "notes/part-00000000-00000.parquet").exists()


def test_a_log_that_is_being_written_anew_is_read_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside an erasure a reader may find a commit gone; what is missed twice alike is damage."""
    gone = TamperError(WORDS("lake.damaged", given="visits", detail="a commit is gone"))
    scan, faults = tables.scan_table, [gone]

    def torn(*given: Any) -> Any:
        if faults:
            raise faults.pop()
        return scan(*given)

    rows = lake.facts("visits").height
    monkeypatch.setattr(tables, "scan_table", torn)
    assert lake.facts("visits").height == rows
    faults += [gone, gone]
    with pytest.raises(TamperError):
        lake.facts("visits")


def test_a_running_load_is_not_disturbed(tmp_path: Path, lake: Lake) -> None:
    with lake._lock(), pytest.raises(StateError):
        lake.erase(source_of(tmp_path), ERASING)
    with lake._lock(), pytest.raises(StateError):
        lake.erase_unfinished()


def test_deliveries_that_were_put_aside_are_emptied(tmp_path: Path) -> None:
    """Hers by a value or by a word in what is no JSON; the others stay as they are, what a crash tore goes."""
    path = tmp_path / "feed.ndjson"
    raws = [b'{"who": "C0007", "n": 1}', b'{"who": "C0008", "n": 7}', b"no JSON of C0007", b"\xff C0007", b"no JSON"]
    with FeedQuarantine(path) as aside:
        for position, raw in enumerate(raws):
            assert aside.add(delivery(raw, "bank.visits", position), WRONG)
    before = read_quarantine(path)
    with path.open("ab") as file:
        file.write(b'{"torn": "C0007')
    (tmp_path / ".feed.ndjson.77.tmp").write_bytes(b"C0009, of an erasure of C0007 that was killed")
    assert len(list(delivered_texts(path))) == 5
    assert erase_deliveries(path, lambda text: mentions(text, {"C0007"}), "erased") == 3
    after = read_quarantine(path)
    assert all(b"C0007" not in left.read_bytes() for left in tmp_path.iterdir())
    assert [entry["raw"] for entry in after] == ["", raws[1].decode(), "", "", "no JSON"]
    assert [entry["position"] for entry in after] == list(range(5))
    assert [(entry["reason"], entry["sha256"]) for entry in after if not entry["raw"]] == [("erased", "")] * 3
    assert [entry for entry in after if entry["raw"]] == [before[1], before[4]]
    assert path.stat().st_mode & 0o077 == 0
    assert erase_deliveries(path, lambda text: mentions(text, {"C0007"}), "erased") == 0
    with FeedQuarantine(path) as aside:
        assert not aside.add(delivery(raws[1], "bank.visits", 1), WRONG)
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


PUTTING = """
import sys
from pathlib import Path
from tallystick.data import FeedQuarantine
from tallystick.data.feed import delivery
from tests.data.test_erase import WRONG
with FeedQuarantine(Path(sys.argv[1])) as aside:
    for position in range(int(sys.argv[2])):
        aside.add(delivery(b"no JSON %d" % position, "bank.visits", position), WRONG)
        aside.sync()
        print(position, flush=True)
"""


def test_another_process_goes_on_putting_deliveries_aside_during_an_erasure(tmp_path: Path) -> None:
    """A team's consumer holds the quarantine while somebody is forgotten, again and again: every entry of it stays."""
    path, count = tmp_path / "feed.ndjson", 120
    with subprocess.Popen(
        [sys.executable, "-c", PUTTING, str(path), str(count)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
    ) as consumer:
        assert consumer.stdout is not None
        for line in consumer.stdout:
            if int(line) < count // 2:
                assert erase_deliveries(path, f"no JSON {int(line)}".__eq__, "erased") == 1
    raws = ["" if position < count // 2 else f"no JSON {position}" for position in range(count)]
    assert [(entry["position"], entry["raw"]) for entry in read_quarantine(path)] == list(enumerate(raws))
