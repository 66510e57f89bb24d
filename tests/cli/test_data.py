"""Sources as banks deliver them: what breaks the schema goes to quarantine, what breaks the file is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tallystick.desk import load_project

Tally = Callable[..., tuple[int, str, str]]
HEADER = (
    "payment_id,paid_at,card_id,customer_id,terminal_id,merchant_id,device_id,amount,channel,entry_mode,"
    "country,category,fraud,fraud_known_at"
)
ROW = "{id},2025-03-0{id}T08:00:00Z,K1,C1,T1,M1,D1,{amount},pos,chip,DE,{category},false,"


def row(id: int, amount: str = "12.50", category: str = "grocery") -> str:
    return ROW.format(id=id, amount=amount, category=category)


@pytest.fixture
def source(definitions: Path) -> Path:
    """The file of payments of the project, with two sound rows."""
    path = definitions / "sources/payments_2025_03.csv"
    path.parent.mkdir()
    path.write_text("\n".join([HEADER, row(1), row(2)]) + "\n", "utf-8")
    return path


def lake(source: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    found = load_project(source.parents[1]).lake()
    return found.facts("payments"), found.quarantine("payments")


def load(tally: Tally, source: Path, *options: str) -> tuple[int, str, str]:
    return tally(*options, "-p", source.parents[1], "load")


def test_rows_of_wrong_types_go_to_quarantine(source: Path, tally: Tally) -> None:
    """Three faulty rows of five: each with reason, file and line; the sound ones are loaded; twice is once."""
    bad = [row(3, amount="a lot"), row(4).replace("2025-03-04T08:00:00Z", "yesterday"), row(5).replace("pos", "fax")]
    source.write_text(source.read_text("utf-8") + "\n".join(bad) + "\n", "utf-8")
    code, out, _ = load(tally, source)
    assert code == 0
    assert re.search(r"payments +2 +0 +3 +1", out)
    facts, aside = lake(source)
    assert facts["payment_id"].to_list() == [1, 2]
    assert aside["line"].to_list() == [4, 5, 6]
    assert [text in reason for text, reason in zip(("a lot", "yesterday", "fax"), aside["reason"], strict=True)] == [
        True
    ] * 3
    assert aside["raw"].to_list() == bad
    assert load(tally, source)[0] == 0
    assert [frame.height for frame in lake(source)] == [2, 3]


def test_missing_columns_refuse_the_file(source: Path, tally: Tally) -> None:
    """The missing and the found ones are named, in both languages; nothing is loaded."""
    lines = source.read_text("utf-8").splitlines()
    source.write_text("\n".join(",".join(line.split(",")[:-4]) for line in lines) + "\n", "utf-8")
    for language in ("en", "zh"):
        code, out, error = load(tally, source, "--language", language)
        assert (code, out) == (1, "")
        assert re.fullmatch(
            r"sources/payments_2025_03.csv:1: .*country, category, fraud, fraud_known_at.*payment_id.*", error
        )
    assert load_project(source.parents[1]).lake().tables() == ()


def test_a_byte_order_mark_is_no_part_of_the_data(source: Path, tally: Tally) -> None:
    """As spreadsheet programs write it."""
    source.write_bytes(b"\xef\xbb\xbf" + source.read_bytes())
    assert load(tally, source)[0] == 0
    assert [frame.height for frame in lake(source)] == [2, 0]


def test_a_row_in_another_encoding_goes_to_quarantine(source: Path, tally: Tally) -> None:
    """UTF-8 and Latin-1 in one file: the row that is no UTF-8 is set aside, its neighbour is loaded as written."""
    source.write_bytes(
        source.read_bytes()
        + row(3, category="café").encode("latin-1")
        + b"\n"
        + row(4, category="café").encode()
        + b"\n"
    )
    assert load(tally, source)[0] == 0
    facts, aside = lake(source)
    assert facts.filter(pl.col("payment_id") == 4)["category"].to_list() == ["café"]
    assert aside["line"].to_list() == [4]


def test_one_endless_line_is_set_aside(source: Path, tally: Tally) -> None:
    """Thirty megabytes without a line end between sound rows."""
    source.write_bytes(source.read_bytes() + b"x" * 30_000_000 + b"\n" + row(3).encode() + b"\n")
    assert load(tally, source)[0] == 0
    facts, aside = lake(source)
    assert facts["payment_id"].to_list() == [1, 2, 3]
    assert aside["line"].to_list() == [4]
    assert len(aside["raw"][0]) <= 200


def test_a_file_of_one_endless_line_is_refused(source: Path, tally: Tally) -> None:
    """Not even a header: one line names the file, and nothing is loaded."""
    source.write_bytes(b"x" * 30_000_000)
    for language in ("en", "zh"):
        code, _, error = load(tally, source, "--language", language)
        assert code == 1
        assert error.startswith("sources/payments_2025_03.csv: ")
        assert len(error.splitlines()) == 1
    assert load_project(source.parents[1]).lake().tables() == ()


def test_sources_that_match_no_file_are_refused(source: Path, tally: Tally) -> None:
    """The pattern is shown."""
    source.unlink()
    for language in ("en", "zh"):
        code, _, error = load(tally, source, "--language", language)
        assert code == 1
        assert re.fullmatch(r"sources.toml, payments.files: .*'sources/payments_\*.csv'.*", error)
    assert not (source.parents[1] / ".tallystick/lake/payments").exists()
