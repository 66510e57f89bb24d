"""The files are those of a bank: text amounts, RFC 3339 instants, and the same bytes for the same seed."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tallystick.core import InputError, StateError, format_instant, parse_instant, parse_minor
from tallystick.sim import Bank, simulate, write, write_bank
from tallystick.sim import bank as bank_module
from tallystick.sim.files import MONEY

DOCS = Path(__file__).parents[2] / "docs" / "simulated-bank.md"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_same_seed_gives_the_same_bytes_held_or_streamed(tmp_path: Path) -> None:
    """`write(simulate(...))` and `write_bank(...)` write the same files, byte for byte."""
    held = write(simulate(200, 2, 9), tmp_path / "held")
    streamed = write_bank(tmp_path / "streamed", 200, 2, 9)
    names = [path.relative_to(tmp_path / "held") for path in held]
    assert names == [path.relative_to(tmp_path / "streamed") for path in streamed]
    for left, right in zip(held, streamed, strict=True):
        assert left.read_bytes() == right.read_bytes(), left.name


def test_a_bank_in_many_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large banks are drawn in parts of a month: ids still count in time order, and files are still one a month."""
    monkeypatch.setattr(bank_module, "_PART_CUSTOMERS", 50)
    parts = simulate(200, 2, 9)
    assert parts.payments["payment_id"].to_list() == list(range(1, parts.payments.height + 1))
    assert parts.payments["paid_at"].is_sorted()
    write_bank(tmp_path, 200, 2, 9)
    assert sum(len(_rows(path)) for path in tmp_path.glob("payments_*.csv")) == parts.payments.height


def test_every_cell_reads_back_exactly(tmp_path: Path) -> None:
    """Amounts have two digits, instants end in Z, flags are true or false, no value is an empty cell."""
    bank = simulate(100, 1, 4)
    write(bank, tmp_path)
    read = _rows(tmp_path / "payments_2025_01.csv")
    assert list(read[0]) == bank.payments.columns
    for row, held in zip(read, bank.payments.iter_rows(named=True), strict=True):
        assert re.fullmatch(r"\d+\.\d\d", row["amount"])
        assert parse_minor(row["amount"], "EUR") == held["amount"]
        assert format_instant(parse_instant(row["paid_at"])) == row["paid_at"]
        assert row["fraud"] == str(held["fraud"]).lower()
        assert (row["fraud_known_at"] == "") == (held["fraud_known_at"] is None)
        assert row["device_id"] == (held["device_id"] or "")


def test_no_amount_carries_float_noise(tmp_path: Path) -> None:
    """Every amount of every file is digits, a point and two digits."""
    for path in write(simulate(100, 1, 4), tmp_path):
        for row in _rows(path):
            for name in set(MONEY) & set(row):
                assert re.fullmatch(r"\d+\.\d\d", row[name]), (path.name, name, row[name])


def test_the_truth_stands_apart(tmp_path: Path) -> None:
    """No delivered file has a planted column; the truth is a folder of its own."""
    paths = write(simulate(100, 1, 4), tmp_path)
    truth = {path.name for path in paths if path.parent.name == "truth"}
    assert truth == {"fraud.csv", "states.csv", "life_events.csv", "rings.csv"}
    for path in paths:
        if path.parent.name != "truth":
            header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
            assert not set(header) & {"fraud_kind", "ring_id", "stress", "confirmed"}


def test_payments_of_another_bank_are_not_mixed_in(tmp_path: Path) -> None:
    """A folder with other months is refused before anything is written; the same months are replaced."""
    write_bank(tmp_path, 100, 2, 1)
    write_bank(tmp_path, 100, 2, 2)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")}
    with pytest.raises(StateError, match=r"payments_2025_02\.csv"):
        write_bank(tmp_path, 100, 1, 1)
    with pytest.raises(StateError, match=r"payments_2025_02\.csv"):
        write(simulate(100, 1, 1), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")} == before


def test_a_refused_size_makes_no_folder(tmp_path: Path) -> None:
    """The sizes are checked before anything is made."""
    with pytest.raises(InputError):
        write_bank(tmp_path / "new", 1, 1, 1)
    assert not (tmp_path / "new").exists()


def test_progress_of_writing(tmp_path: Path) -> None:
    """Both ways of writing tell the months done."""
    seen: list[tuple[int, int]] = []
    write(simulate(100, 2, 1), tmp_path, progress=lambda done, total: seen.append((done, total)))
    write_bank(tmp_path, 100, 2, 1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)] * 2


def test_the_page_names_every_table_and_column(bank: Bank) -> None:
    """docs/simulated-bank.md has a section for each table with a line for each column."""
    text = DOCS.read_text(encoding="utf-8")
    for table in Bank.__struct_fields__:
        section = text.partition(f"### `{table}`")[2].partition("\n#")[0]
        assert section, table
        for column in getattr(bank, table).columns:
            assert f"`{column}`" in section, (table, column)


def test_a_bank_may_start_in_any_month() -> None:
    """The words of the calendar follow the start."""
    bank = simulate(100, 1, 4, start="2031-07-01")
    assert set(bank.statements["statement_id"].str.slice(0, 7)) == {"S203107"}
    assert str(bank.payments["paid_at"][0].date()) in {"2031-06-30", "2031-07-01"}
