"""Files become tables: nothing is lost, nothing is loaded twice, every snapshot can be read again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick.core import InputError, StateError, TamperError
from tallystick.data import Lake, LoadReport, Source, read_sources

SOURCES = """
[payments]
files = "in/*.csv"
format = "csv"
id = "payment_id"
at = "paid_at"
lateness = "2d"
[payments.fields]
payment_id = { type = "integer" }
paid_at = { type = "instant" }
amount = { type = "money(EUR)", required = true, min = "0" }
channel = { type = "text", allowed = ["pos", "online"] }
"""
HEADER = "payment_id,paid_at,amount,channel\n"
ROWS = "1,2026-03-01T08:00:00Z,12.50,pos\n2,2026-03-01T09:00:00Z,1e+05,online\n"


class Bank:
    """A project folder with one source and its lake."""

    def __init__(self, folder: Path, sources: str = SOURCES) -> None:
        self.folder = folder
        self.lake = Lake(folder / "lake", "Europe/Berlin")
        (folder / "in").mkdir(exist_ok=True)
        self.declare(sources)

    def declare(self, sources: str) -> None:
        (self.folder / "sources.toml").write_text(sources)
        self.source: Source = next(iter(read_sources(self.folder / "sources.toml").values()))

    def put(self, content: str | bytes, name: str = "a.csv") -> Path:
        path = self.folder / "in" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, content: str | bytes | None = None, name: str = "a.csv", **options: Any) -> LoadReport:
        if content is not None:
            self.put(content, name)
        report = self.lake.load(self.source, self.folder, **options)
        assert report.rows_in == report.rows + report.unchanged_rows + report.quarantined
        return report

    def faults(self) -> list[tuple[int, str]]:
        return [(row["line"], row["code"]) for row in self.lake.quarantine().to_dicts()]

    def ids(self, version: int | None = None) -> list[Any]:
        return self.lake.facts(self.source.name, version)[self.source.id].to_list()


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


def test_a_file_becomes_typed_facts(bank: Bank) -> None:
    """Money in minor units, instants in UTC, and the three columns that every fact has."""
    report = bank.load(HEADER + ROWS)
    assert (report.rows, report.quarantined, report.version, report.files) == (2, 0, 1, ("in/a.csv",))
    facts = bank.lake.facts("payments")
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert facts.row(0) == (1, at, 1250, "pos", 0, False, at)
    assert facts["amount"].to_list() == [1250, 10_000_000]
    assert facts.schema == {
        "payment_id": pl.Int64,
        "paid_at": pl.Datetime("us", "UTC"),
        "amount": pl.Int64,
        "channel": pl.String,
        "revision": pl.Int64,
        "retract": pl.Boolean,
        "known_at": pl.Datetime("us", "UTC"),
    }


def test_loading_a_file_twice_changes_nothing(bank: Bank) -> None:
    """The second load skips the file, and neither table nor version moves."""
    bank.load(HEADER + ROWS)
    again = bank.load()
    assert (again.rows_in, again.files, again.skipped, again.version) == (0, (), ("in/a.csv",), 1)
    assert bank.ids() == [1, 2]


def test_the_same_rows_in_another_file_are_unchanged(bank: Bank) -> None:
    """A row is known by its id; the same content is skipped, other content needs a revision."""
    bank.load(HEADER + ROWS)
    report = bank.load(HEADER + ROWS.replace("12.50", "12.5") + "3,2026-03-02T08:00:00Z,1,pos\n", "b.csv")
    assert (report.rows, report.unchanged_rows, report.quarantined) == (1, 2, 0)
    report = bank.load(HEADER + ROWS.replace("12.50", "12.51"), "c.csv")
    assert (report.rows, report.unchanged_rows, report.quarantined) == (0, 1, 1)
    row = bank.lake.quarantine("payments").to_dicts()[0]
    assert (row["file"], row["line"], row["code"]) == ("in/c.csv", 2, "row.conflict")
    assert row["raw"] == "1,2026-03-01T08:00:00Z,12.51,pos"
    assert "a correction needs a higher revision" in row["reason"]
    assert bank.ids() == [1, 2, 3]


def test_two_copies_of_a_file_count_once(bank: Bank) -> None:
    """The same bytes under two names are one set of facts."""
    bank.put(HEADER + ROWS, "b.csv")
    report = bank.load(HEADER + ROWS)
    assert (report.rows, report.unchanged_rows, report.quarantined) == (2, 2, 0)
    assert bank.load().skipped == ("in/a.csv", "in/b.csv")


def test_repeats_inside_one_file_are_judged_alike(bank: Bank) -> None:
    """The first of two rows with one id counts; a copy is unchanged, a contradiction is set apart."""
    row = "1,2026-03-01T08:00:00Z,12.50,pos\n"
    report = bank.load(HEADER + row + row + row.replace("pos", "online") + row)
    assert (report.rows, report.unchanged_rows, report.quarantined) == (1, 2, 1)
    assert bank.faults() == [(4, "row.conflict")]


@pytest.mark.parametrize("size", [40, 97, 1 << 20])
def test_small_blocks_give_the_same_table(tmp_path: Path, size: int) -> None:
    """Repeats and quoted line breaks are handled the same however the file is cut."""
    bank = Bank(tmp_path, SOURCES.replace(', allowed = ["pos", "online"]', ""))
    row = '1,2026-03-01T08:00:00Z,12.50,"a\nb"\n'
    more = "".join(f"{n},2026-03-01T08:00:00Z,{n}.10,x{n}\n" for n in range(2, 20))
    report = bank.load(HEADER + row + "\n" + more + row + row.replace("12.50", "1") + "30\n", block_bytes=size)
    assert (report.rows, report.unchanged_rows, report.quarantined) == (19, 1, 2)
    assert bank.lake.facts("payments")["channel"][0] == "a\nb"
    assert bank.faults() == [(25, "row.conflict"), (27, "row.ragged")]


def test_every_broken_row_is_kept_with_its_reason(bank: Bank) -> None:
    """Wrong types, checks, missing values and ragged rows: reason, file, physical line and raw text."""
    report = bank.load(
        HEADER
        + ROWS
        + "x,2026-03-01T08:00:00Z,1,pos\n"
        + "4,yesterday,1.005,pos\n"
        + "5,2026-03-01T08:00:00Z,-1,pos\n"
        + "6,2026-03-01T08:00:00Z,,phone\n"
        + "\n"
        + "7,2026-03-01T08:00:00Z\n"
        + "8,2026-03-01T08:00:00Z,1,pos,extra\n"
        + '9,2026-03-01T08:00:00Z,1,"po"s\n'
        + ",2026-03-01T08:00:00Z,1,pos\n"
        + "11,2026-03-29T02:30:00,1,pos\n"
        + "12,2026-03-29T03:30:00,1,pos"
    )
    assert (report.rows, report.quarantined) == (3, 9)
    assert bank.faults() == [
        (4, "field.value"),
        (5, "field.value"),
        (6, "row.min"),
        (7, "field.null"),
        (9, "row.ragged"),
        (10, "row.ragged"),
        (11, "row.quote"),
        (12, "field.null"),
        (13, "field.time"),
    ]
    rows = bank.lake.quarantine().to_dicts()
    assert rows[1]["raw"] == "4,yesterday,1.005,pos"
    assert "'yesterday' is not instant" in rows[1]["reason"]
    assert "more decimals than EUR has (2)" in rows[1]["reason"]
    assert "'phone' is not allowed; allowed: pos, online" in rows[3]["reason"]
    assert rows[2]["reason"] == "field amount: -1.00 is below the minimum 0.00"


def test_extra_columns_are_ignored_but_named(bank: Bank) -> None:
    """Columns may come in any order; those that nothing reads are reported."""
    report = bank.load("note,channel,amount,paid_at,payment_id\nhello,pos,1,2026-03-01,7\n")
    assert (report.rows, report.ignored) == (1, ("note",))
    assert bank.lake.facts("payments").row(0)[0] == 7


def test_bom_windows_line_ends_and_other_encodings(tmp_path: Path) -> None:
    """A file from a spreadsheet reads like any other."""
    for index, (encoding, data) in enumerate({"utf-8": b"\xef\xbb\xbf", "cp1252": b"", "gb18030": b""}.items()):
        folder = tmp_path / str(index)
        folder.mkdir()
        text = SOURCES.replace('"csv"', f'"csv"\nencoding = "{encoding}"\ndelimiter = ";"')
        bank = Bank(folder, text.replace(', allowed = ["pos", "online"]', ""))
        name = {"utf-8": "é中", "cp1252": "é", "gb18030": "中"}[encoding]
        content = (HEADER + f'1,2026-03-01,2,"{name}"\n').replace(",", ";").replace("\n", "\r\n")
        assert bank.load(data + content.encode(encoding)).rows == 1
        assert bank.lake.facts("payments")["channel"].to_list() == [name]


def test_mixed_encodings_are_set_apart_by_line(bank: Bank) -> None:
    """A line in another encoding goes to the quarantine with the byte's place; the file goes on."""
    data = (HEADER + ROWS).encode() + "3,2026-03-01,1,é\n".encode("latin-1") + b"4,2026-03-01,1,pos\n"
    report = bank.load(data)
    assert (report.rows, report.quarantined) == (3, 1)
    row = bank.lake.quarantine().to_dicts()[0]
    assert (row["line"], row["code"], row["raw"]) == (4, "row.bytes", "3,2026-03-01,1,\\xe9")
    assert f"byte 0xe9 at offset {data.index(0xE9)} of the file is not utf-8" in row["reason"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "in/a.csv: is empty"),
        (b"\xef\xbb\xbf\n\n", "is empty"),
        (b"payment_id,paid_at,amout\n1,2026-03-01,1\n", "in/a.csv:1: lacks the columns amount, channel of source pay"),
        (ROWS.encode(), "the file has: 1, 2026-03-01T08:00:00Z, 12.50, pos"),
        (HEADER.replace("\n", ",amount\n").encode(), "the header names amount more than once"),
        (HEADER.encode("utf-16"), "the header is not utf-8 text"),
        (HEADER.encode() + b"\xff\n" * 9, "9 of 10 lines are not utf-8"),
    ],
)
def test_a_wrong_file_is_refused_and_nothing_is_written(bank: Bank, content: bytes, expected: str) -> None:
    """One clear error; a good file beside it is not loaded either, and loads after the repair."""
    bank.put(HEADER + ROWS, "0.csv")
    with pytest.raises(InputError) as caught:
        bank.load(content)
    assert expected in str(caught.value)
    assert bank.lake.tables() == ()
    assert bank.lake.quarantine().height == 0
    assert not list(bank.lake.folder.glob("*/*.parquet"))
    (bank.folder / "in" / "a.csv").unlink()
    assert bank.load().rows == 2


def test_folders_and_missing_files_are_named(bank: Bank) -> None:
    """A glob that matches nothing, or a folder, is said so."""
    with pytest.raises(InputError, match=r"sources.toml, payments.files: no file matches 'in/\*.csv'"):
        bank.load()
    (bank.folder / "in" / "x.csv").mkdir()
    with pytest.raises(InputError, match=r"in/x.csv: is a folder; allowed: a csv file"):
        bank.load()


def test_a_header_alone_is_a_table_without_rows(bank: Bank) -> None:
    """No rows is no fault."""
    report = bank.load(HEADER)
    assert (report.rows_in, report.version) == (0, 1)
    assert bank.lake.facts("payments").height == 0


def test_a_snapshot_reads_as_of_its_version(bank: Bank) -> None:
    """What a decision read last month can be read again, after any number of loads."""
    bank.load(HEADER + ROWS)
    bank.load(HEADER + "3,2026-03-02,1,pos\n4,2026-03-02,x,pos\n", "b.csv")
    bank.load(HEADER + "5,2026-03-03,1,pos\n", "c.csv")
    assert [bank.ids(version) for version in range(4)] == [[], [1, 2], [1, 2, 3], [1, 2, 3, 5]]
    assert bank.lake.version("payments") == 3
    assert bank.lake.tables() == ("payments",)
    assert [entry["rows"] for entry in bank.lake.history("payments")] == [2, 1, 1]
    assert [file["name"] for file in bank.lake.history("payments")[1]["files"]] == ["in/b.csv"]
    assert bank.lake.quarantine("payments")["version"].to_list() == [2]
    assert bank.lake.scan("payments", 2).select("amount").collect()["amount"].to_list() == [1250, 10_000_000, 100]
    with pytest.raises(StateError, match="table payments has no version 9; it has 0 to 3"):
        bank.lake.facts("payments", 9)
    with pytest.raises(StateError, match="the lake has no table 'payment'; it has: payments"):
        bank.lake.facts("payment")


def test_revisions_correct_and_retract(tmp_path: Path) -> None:
    """With a revision column a correction is a row more; too late a first revision is set apart, a later one is not."""
    bank = Bank(
        tmp_path,
        SOURCES.replace('lateness = "2d"', 'lateness = "2d"\nknown_at = "seen"\nrevision = "rev"\nretract = "gone"')
        + 'seen = { type = "instant" }\nrev = { type = "integer" }\ngone = { type = "flag" }\n',
    )
    header = HEADER.replace("\n", ",seen,rev,gone\n")
    report = bank.load(
        header
        + "1,2026-03-01,1,pos,2026-03-01,0,\n"
        + "1,2026-03-01,2,pos,2026-04-01,1,no\n"
        + "1,2026-03-01,2,pos,2026-04-02,2,yes\n"
        + "2,2026-03-01,1,pos,2026-03-04,0,\n"
        + "3,2026-03-01,1,pos,2026-02-28,0,\n"
        + "4,2026-03-01,1,pos,2026-03-01,-1,\n"
        + "5,2026-03-01,1,pos,,0,\n"
    )
    assert (report.rows, report.quarantined) == (3, 4)
    assert bank.faults() == [(5, "row.late"), (6, "row.late"), (7, "row.revision"), (8, "field.null")]
    facts = bank.lake.facts("payments")
    assert facts.select("revision", "retract", "amount").rows() == [(0, False, 100), (1, False, 200), (2, True, 200)]
    assert facts["known_at"].to_list() == facts["seen"].to_list()


def test_defaults_fill_what_is_not_confirmed_later(tmp_path: Path) -> None:
    """A plain default fills an empty value; one that waits for confirmation stays empty."""
    bank = Bank(
        tmp_path,
        SOURCES + 'fraud = { type = "flag", default = false, known_at = "fraud_at" }\nfraud_at = { type = "instant" }\n'
        'vip = { type = "flag", default = true }\n'
        'since = { type = "instant", default = "2026-01-01T00:00:00Z" }\n',
    )
    bank.load(HEADER.replace("\n", ",fraud,fraud_at,vip,since\n") + "1,2026-03-01,1,pos,,,,\n")
    row = bank.lake.facts("payments").to_dicts()[0]
    assert (row["fraud"], row["fraud_at"], row["vip"]) == (None, None, True)
    assert row["since"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_wide_row_becomes_events(tmp_path: Path) -> None:
    """One event a period; what a period leaves out has no value; a bad cell takes only its own event along."""
    bank = Bank(tmp_path, MELT)
    report = bank.load("ID,B9,B8,P9\n7,10,20.5,1\n8,x,30,2\n,1,2,3\n")
    assert (report.rows_in, report.rows, report.quarantined) == (6, 3, 3)
    facts = bank.lake.facts("bills").select("bill_id", "billed_at", "client", "bill", "paid")
    september, august = datetime(2005, 9, 29, 22, tzinfo=UTC), datetime(2005, 8, 30, 22, tzinfo=UTC)
    assert facts.rows() == [
        ("c7/2005-09-30", september, 7, 1000, 100),
        ("c7/2005-08-31", august, 7, 2050, None),
        ("c8/2005-08-31", august, 8, 3000, None),
    ]
    assert bank.faults() == [(3, "field.value"), (4, "field.null"), (4, "field.null")]


MELT = """
[bills]
files = "in/*.csv"
format = "csv"
id = "bill_id"
at = "billed_at"
[bills.fields]
bill_id = { type = "text" }
billed_at = { type = "instant" }
client = { type = "integer", column = "ID" }
bill = { type = "money(EUR)" }
paid = { type = "money(EUR)" }
[bills.melt]
id = "c{ID}/{at}"
periods = [
  { at = "2005-09-30", columns = { bill = "B9", paid = "P9" } },
  { at = 2005-08-31, columns = { bill = "B8" } },
]
"""


def test_json_lines(tmp_path: Path) -> None:
    """JSON values are read by type: a number is no text, 0.1 is exactly ten cents."""
    bank = Bank(tmp_path, SOURCES.replace('"csv"', '"jsonl"').replace("*.csv", "*.jsonl"))
    rows: list[Any] = [
        {"payment_id": 1, "paid_at": "2026-03-01T08:00:00Z", "amount": 0.1, "channel": "pos", "note": 1},
        {"payment_id": 2, "paid_at": 1, "amount": "1e+05"},
        {"payment_id": 3, "paid_at": 1, "amount": 1, "channel": 5},
        [1, 2],
        {"paid_at": 1, "amount": 1},
    ]
    report = bank.load("\n\n".join(json.dumps(row) for row in rows) + "\n{", "a.jsonl")
    assert (report.rows, report.quarantined, report.ignored) == (2, 4, ("note",))
    assert bank.lake.facts("payments")["amount"].to_list() == [10, 10_000_000]
    assert bank.faults() == [(5, "field.value"), (7, "row.json"), (9, "field.null"), (10, "row.json")]
    assert bank.lake.quarantine()["raw"].to_list()[1] == "[1, 2]"
    with pytest.raises(InputError, match="is empty"):
        bank.load(" \n", "b.jsonl")


def test_parquet(tmp_path: Path) -> None:
    """Typed columns are read exactly; a column of the wrong kind refuses the file."""
    bank = Bank(tmp_path, SOURCES.replace('"csv"', '"parquet"').replace("*.csv", "*.parquet"))
    frame = pl.DataFrame(
        {
            "payment_id": [1, 2, 3],
            "paid_at": [datetime(2026, 3, 1, 9, 0, 0, 5), None, datetime(2026, 3, 1, 9)],
            "amount": [12.5, 1.0, 0.001],
            "channel": ["pos", "online", None],
        }
    )
    frame.write_parquet(tmp_path / "in" / "a.parquet")
    report = bank.load()
    assert (report.rows, report.quarantined) == (1, 2)
    assert bank.lake.facts("payments").row(0)[1:3] == (datetime(2026, 3, 1, 8, 0, 0, 5, tzinfo=UTC), 1250)
    assert bank.faults() == [(2, "field.null"), (3, "field.value")]
    assert json.loads(bank.lake.quarantine()["raw"][1])["amount"] == 0.001
    frame.with_columns(channel=pl.lit(1)).write_parquet(tmp_path / "in" / "b.parquet")
    with pytest.raises(InputError, match="column channel is Int32; a field of type text reads text"):
        bank.load()
    with pytest.raises(InputError, match=r"in/b.parquet: is not a Parquet file"):
        bank.load(b"no", "b.parquet")
    frame.drop("amount").write_parquet(tmp_path / "in" / "b.parquet")
    with pytest.raises(InputError, match="lacks the columns amount"):
        bank.load()


def test_other_columns_need_another_table(bank: Bank) -> None:
    """A changed schema is refused; a changed check reads the file again and rescues rows."""
    report = bank.load(HEADER + ROWS + "3,2026-03-01,-5,pos\n")
    assert (report.rows, report.quarantined) == (2, 1)
    bank.declare(SOURCES.replace(', min = "0"', ""))
    report = bank.load()
    assert (report.rows, report.unchanged_rows, report.quarantined) == (1, 2, 0)
    bank.declare(SOURCES.replace("money(EUR)", "money(USD)"))
    with pytest.raises(StateError, match="created with other columns"):
        bank.load()


def test_one_writer_at_a_time(bank: Bank) -> None:
    """A second load is refused while one is running, and evidence and progress are told."""
    told: list[Mapping[str, Any]] = []
    steps: list[tuple[str, int, int]] = []

    def progress(file: str, done: int, size: int) -> None:
        steps.append((file, done, size))
        with pytest.raises(StateError, match="another load is writing to lake"):
            bank.load()

    path = bank.put(HEADER + ROWS)
    bank.load(progress=progress, evidence=told.append)
    size = path.stat().st_size
    assert steps == [("in/a.csv", size, size)]
    assert [(note["table"], note["version"], note["rows"]) for note in told] == [("payments", 1, 2)]
    assert told[0]["source_version"] == bank.source.version


def test_a_file_that_changes_while_it_is_read_is_refused(bank: Bank) -> None:
    """What was hashed is what was loaded."""
    path = bank.put(HEADER + ROWS)
    with pytest.raises(InputError, match="changed while it was read"):
        bank.load(progress=lambda *_: path.write_text("other") and None)
    assert bank.lake.tables() == ()


def test_a_damaged_log_is_named(bank: Bank) -> None:
    """A table whose log is no longer its log is an error, not an empty table."""
    bank.load(HEADER + ROWS)
    log = bank.lake.folder / "payments" / "_delta_log" / "00000000000000000001.json"
    log.write_text("{")
    with pytest.raises(TamperError, match="the table at payments cannot be read"):
        bank.lake.facts("payments")


LOADS = """
import os, signal, sys
from pathlib import Path
import numpy as np
from tallystick.data import Lake, loading, read_sources, records, tables

top, steps, stop = Path(sys.argv[1]), 0, 0

def step():
    global steps
    steps += 1
    if steps == stop:
        os.kill(os.getpid(), signal.SIGKILL)

def killing(function):
    def wrapped(*args, **options):
        step()
        result = function(*args, **options)
        step()
        return result
    return wrapped

loading.stage = killing(loading.stage)
tables.create_table = killing(tables.create_table)
tables.commit = killing(tables.commit)
# Libraries and kernel are loaded once; polars and deltalake, which start threads, are used only by the children.
records.scan(np.frombuffer(b'x', np.uint8), 44, 34, 1, 9, True)
stops = range(1, int(sys.argv[2]) + 1)
for stop in stops if len(sys.argv) < 4 else stops[-1:]:
    child = os.fork()
    if not child:
        folder = top / (str(stop) if len(sys.argv) < 4 else sys.argv[3])
        source = read_sources(folder / "sources.toml")["payments"]
        Lake(folder / "lake", "Europe/Berlin").load(source, folder)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_killed_load_leaves_before_or_after_and_the_next_one_finishes(tmp_path: Path) -> None:
    """Killed (SIGKILL) before and after every write, a second load always ends in the same table and quarantine."""
    good = HEADER + ROWS + "3,2026-03-01,x,pos\n4,2026-03-01,1,pos\n2,2026-03-01,9,pos\n"
    whole, *banks = [Bank(_folder(tmp_path / str(stop))) for stop in range(14)]
    whole.load(good)
    for bank in banks:
        bank.put(good)
    command = [sys.executable, "-c", LOADS, str(tmp_path), str(len(banks))]
    codes = list(map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()))
    # Two files staged, two tables made, two commits: twelve moments; the thirteenth load runs to its end.
    assert codes == [-signal.SIGKILL] * 12 + [0]
    for bank in banks:
        before = bank.lake.facts("payments").height if bank.lake.tables() else 0
        assert (before, bank.lake.quarantine().height) in ((0, 0), (3, 2))
        bank.load()
        assert bank.lake.facts("payments").equals(whole.lake.facts("payments"))
        assert bank.lake.quarantine().equals(whole.lake.quarantine())
        assert bank.lake.version("payments") == 1
        assert _uncommitted(bank) == []


def test_what_a_killed_load_staged_goes_with_the_next_one(tmp_path: Path) -> None:
    """Rows staged of a file that is not delivered again lie nowhere, even if there is nothing to load."""
    first, later = Bank(_folder(tmp_path / "1")), Bank(_folder(tmp_path / "2"))
    later.load(HEADER + ROWS)
    bad = HEADER + "9,2026-03-01,1,pos\n9,never,1,pos\n"
    for bank in (first, later):
        bank.put(bad, "b.csv")
    # Killed after both files were staged: before the table is made, or its commit.
    for bank, stop in ((first, 6), (later, 4)):
        command = [sys.executable, "-c", LOADS, str(tmp_path), str(stop), bank.folder.name]
        subprocess.run(command, check=True, capture_output=True)
        assert len(_uncommitted(bank)) == 2
        (bank.folder / "in" / "b.csv").unlink()
    assert later.load().skipped == ("in/a.csv",)
    first.load(HEADER + ROWS)
    assert (_uncommitted(first), _uncommitted(later)) == ([], [])
    assert (first.ids(), later.ids()) == ([1, 2], [1, 2])


def _uncommitted(bank: Bank) -> list[Path]:
    """The files of the lake's tables that no commit names."""
    left = []
    for folder in filter(Path.is_dir, bank.lake.folder.iterdir()):
        commits = "".join(path.read_text() for path in folder.glob("_delta_log/*.json"))
        left += [path for path in folder.iterdir() if path.is_file() and f'"{path.name}"' not in commits]
    return left


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


HUGE = """
import resource, sys
from pathlib import Path
from tallystick.data import Lake, read_sources

folder = Path(sys.argv[1])
source = read_sources(folder / "sources.toml")["payments"]
lake = Lake(folder / "lake", "UTC")
lake.load(source, folder)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(folder / "in" / "huge.csv").rename(folder / "in" / "b.csv")
report = lake.load(source, folder)
print(report.rows, report.quarantined, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_one_endless_line_needs_little_memory(tmp_path: Path) -> None:
    """A line of a quarter of a gigabyte is set apart by its beginning and length; the rows around it are loaded."""
    bank = Bank(tmp_path, SOURCES.replace("in/*.csv", "in/[ab].csv"))
    bank.put(HEADER + ROWS)
    size = 1 << 28
    with (tmp_path / "in" / "huge.csv").open("wb") as file:
        file.write((HEADER + "7,2026-03-01,1,pos\n").encode())
        file.seek(size, 1)
        file.write(b"\n8,2026-03-01,1,pos\n")
    done = subprocess.run([sys.executable, "-c", HUGE, str(tmp_path)], check=True, capture_output=True, text=True)
    rows, quarantined, grown_mib = map(int, done.stdout.split())
    assert (rows, quarantined) == (2, 1)
    assert grown_mib < 128
    row = bank.lake.quarantine().to_dicts()[0]
    assert (row["line"], row["code"], len(row["raw"])) == (3, "row.long", 200)
    assert f"the line has {size} bytes; at most 1048576 are read" in row["reason"]


PERIODS = [
    f'{{ at = "2005-{day}", columns = {{ pay_status = "PAY_{pay}", bill = "BILL_AMT{n}", paid = "PAY_AMT{n}" }} }}'
    for n, (day, pay) in enumerate(
        [("09-30", 0), ("08-31", 2), ("07-31", 3), ("06-30", 4), ("05-31", 5), ("04-30", 6)], start=1
    )
]
TAIWAN = """
[statements]
files = "taiwan.csv"
format = "csv"
id = "statement_id"
at = "stated_at"
subject = "client_id"
[statements.fields]
statement_id = { type = "text" }
stated_at = { type = "instant" }
client_id = { type = "integer", column = "ID" }
limit = { type = "money(TWD)", column = "LIMIT_BAL", min = 0 }
pay_status = { type = "integer", min = -2, max = 9 }
bill = { type = "money(TWD)" }
paid = { type = "money(TWD)" }
[statements.melt]
id = "{ID}-{at}"
periods = [
  PERIODS
]
[clients]
files = "taiwan.csv"
format = "csv"
id = "client_id"
at = "decided_at"
[clients.fields]
client_id = { type = "integer", column = "ID" }
decided_at = { type = "instant", value = "2005-09-30T23:59:59+08:00" }
default_known_at = { type = "instant", value = 2005-10-31T23:59:59+08:00 }
age = { type = "integer", column = "AGE", grade = "L3" }
[clients.fields.defaulted]
type = "flag"
column = "default.payment.next.month"
default = false
known_at = "default_known_at"
"""


@pytest.mark.real
def test_the_card_clients_of_taiwan(tmp_path: Path, shared: Path) -> None:
    """30,000 clients, six statements each, amounts such as 1e+05: every row loads, exactly."""
    path = shared / "data" / "taiwan.csv"
    (tmp_path / "taiwan.csv").symlink_to(path)
    (tmp_path / "sources.toml").write_text(TAIWAN.replace("PERIODS", ",\n  ".join(PERIODS)))
    sources = read_sources(tmp_path / "sources.toml")
    lake = Lake(tmp_path / "lake", "Asia/Taipei")
    statements = lake.load(sources["statements"], tmp_path)
    assert (statements.rows_in, statements.rows, statements.quarantined) == (180_000, 180_000, 0)
    assert lake.load(sources["statements"], tmp_path).skipped
    facts = lake.facts("statements")
    wide = pl.read_csv(path, infer_schema=False)
    whole = [int(float(text) * 100) for text in wide["LIMIT_BAL"]]
    assert facts["limit"].sum() == 6 * sum(whole)
    bills = sum(int(float(text) * 100) for n in range(1, 7) for text in wide[f"BILL_AMT{n}"])
    assert facts["bill"].sum() == bills
    first = facts.filter(pl.col("client_id") == 1).sort("stated_at")
    assert first["pay_status"].to_list() == [-2, -2, -1, -1, 2, 2]
    assert first["stated_at"][-1] == datetime(2005, 9, 29, 16, tzinfo=UTC)
    assert first["statement_id"][-1] == "1-2005-09-30"
    clients = lake.load(sources["clients"], tmp_path)
    assert (clients.rows, clients.quarantined) == (30_000, 0)
    assert lake.facts("clients")["defaulted"].sum() == 6636
