"""`tally decisions`, as a person runs it, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tallystick import decisions

Tally = Callable[..., tuple[int, str, str]]
EXAMPLE = Path(__file__).parents[2] / "examples/payments/decisions/authorisation.dmn"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "authorisation.dmn"
    # The thresholds of the example are tuned now and then.
    text = re.sub(r"&gt;= \d{3}<", "&gt;= 560<", EXAMPLE.read_text("utf-8"), count=1)
    for interval in ("[540..560) ", "[500..540) "):
        text = re.sub(r"\[\d+\.\.\d+\)(?=<)", interval, text, count=1)
    path.write_text(text.replace(") <", ")<"), "utf-8")
    return path


def ran(tally: Tally, *arguments: object) -> str:
    code, out, error = tally(*arguments)
    assert (code, error) == (0, "")
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def changed(model: Path, old: str, new: str) -> Path:
    path = model.with_name("changed.dmn")
    text = model.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_the_decisions_of_a_project_are_listed(tally: Tally, tmp_path: Path, model: Path) -> None:
    file = tmp_path / "out.json"
    project = EXAMPLE.parents[1]
    out = ran(tally, "-p", project, "decisions", "list", "--json", file)
    assert re.search(r"Rule points +table +COLLECT SUM +7 +amount, channel, country, paid_at +number", out)
    assert out == ran(tally, "decisions", "list", EXAMPLE)
    assert [entry["rules"] for entry in read(file)] == [4, 8, 7]
    assert re.search("Rule points +决策表", ran(tally, "--language", "zh", "decisions", "list", model))


def test_show_prints_the_graph_and_the_tables(tally: Tally, monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    out = ran(tally, "decisions", "show", model)
    assert "Requirements:\nAuthorisation (table: string)\n  payments_1h (input: number)\n" in out
    assert "  Fraud band (table: string)\n    score (input: number)\n" in out
    assert "Rule points (COLLECT SUM)" in out
    assert re.search(r"1 │ \"very high\" │ - +│ >= 2 .*│ \"decline\" +│ CARD_TESTING", out)
    one = ran(tally, "--language", "zh", "decisions", "show", model, "Fraud band")
    assert one.count("│    ") == 4
    assert "┃ 规则 ┃ number     ┃" in one
    monkeypatch.setenv("COLUMNS", "60")
    narrow = ran(tally, "decisions", "show", model, "Authorisation")
    assert max(map(len, narrow.splitlines())) <= 60
    assert "…" not in narrow
    code, _, error = tally("decisions", "show", model, "Fraud bnd")
    assert (code, error) == (1, "there is no table 'Fraud bnd'; the model has: Fraud band, Authorisation, Rule points")


def test_show_keeps_what_looks_like_markup(tally: Tally, model: Path) -> None:
    path = changed(model, "[540..560)", "[score..score]")
    assert "[score..score]" in ran(tally, "decisions", "show", path, "Fraud band")


def test_check_names_each_fault(tally: Tally, model: Path) -> None:
    version = decisions.load(model).version[:12]
    assert ran(tally, "decisions", "check", model) == f"authorisation.dmn: 3 decisions, version {version}: no fault\n"
    faulty = changed(model, "&gt; 0.02", "&gt; limit")
    for language, words in (("en", "'limit' is not a known name"), ("zh", "limit")):
        code, _, error = tally("--language", language, "decisions", "check", faulty, model)
        assert code == 1
        assert re.match(r"changed\.dmn:\d+, decision Authorisation, rule 3, input 6: ", error)
        assert words in error
    code, _, error = tally("decisions", "check", model.with_name("none.dmn"))
    assert (code, error.count("none.dmn")) == (1, 1)


def test_run_takes_one_decision(tally: Tally, tmp_path: Path, model: Path) -> None:
    given = ("amount=700", 'channel="online"', 'country="FR"', 'paid_at=@"2026-01-01T03:00:00"')
    file = tmp_path / "out.json"
    out = ran(tally, "decisions", "run", model, "Rule points", *given, "--json", file)
    assert re.match(r"value +90 *\nmatched +Rule points 1 *\n", out)
    assert read(file)["trace"]["channel"] == '"online"'
    zh = ran(
        tally, "--language", "zh", "decisions", "run", model, "Rule points", "amount=null", *given[1:3], "paid_at=null"
    )
    assert re.match("值 +0 *\n命中规则 +Rule points 7 *\n", zh)
    code, _, error = tally("decisions", "run", model, "Rule points", "amount=1")
    assert (code, "needs input 'channel'" in error) == (1, True)
    code, _, error = tally("decisions", "run", model, "Rule points", "amount")
    assert code == 2
    assert error.startswith("'amount' is no input; allowed: NAME=FEEL")


def test_cases_that_fail_are_shown(tally: Tally, tmp_path: Path, model: Path) -> None:
    file, out_file = tmp_path / "cases.csv", tmp_path / "out.json"
    file.write_text('score,=Fraud band\n560,"low"\n559,"raised"\n', "utf-8")
    assert ran(tally, "decisions", "cases", model, file) == "2 expectations, 0 failed\n"
    file.write_text('score,=Fraud band\n560,"low"\n559,"low"\n', "utf-8")
    code, out, _ = tally("decisions", "cases", model, file, "--json", out_file)
    assert code == 1
    assert out == 'cases.csv:3, Fraud band: expected "low", found "raised"\n2 expectations, 1 failed\n'
    assert read(out_file)["failures"][0]["line"] == 3
    code, _, error = tally("decisions", "cases", model, tmp_path / "none.csv")
    assert (code, error.startswith("none.csv: cannot be read")) == (1, True)


def test_a_diff_says_what_changes_and_for_whom(tally: Tally, tmp_path: Path, model: Path) -> None:
    new = changed(model, "&gt;= 560", "&gt;= 570")
    file, rows = tmp_path / "out.json", tmp_path / "rows.csv"
    rows.write_text("score\n555\n565\n566\n580\n", "utf-8")
    out = ran(tally, "decisions", "diff", model, new, "--cases", rows, "--json", file)
    assert out == (
        "Fraud band: rule 1: score was >= 560, now >= 570\n"
        "Fraud band: 2 of 4 rows come out otherwise\n"
        '  "low" → "very high": 2, as in line 3 (score=565)\n'
    )
    found = read(file)
    assert found["changes"][0]["old"] == ">= 560"
    assert found["effects"][0]["outcomes"][0]["count"] == 2
    zh = ran(tally, "--language", "zh", "decisions", "diff", model, new)
    assert zh == "Fraud band：规则 1：score 原为 >= 560，现为 >= 570\n"
    assert ran(tally, "decisions", "diff", model, model) == "no decision differs\n"
    bare = ran(tally, "decisions", "diff", model, new, "--cases", rows, "--examples", 0)
    assert bare.count("\n") == 2


def test_tables_go_to_a_spreadsheet_and_back(tally: Tally, tmp_path: Path, model: Path) -> None:
    book_file, before = tmp_path / "tables.xlsx", model.read_bytes()
    out = ran(tally, "decisions", "export", model, book_file)
    assert out == f"Fraud band, Authorisation, Rule points: {book_file}\n"
    assert ran(tally, "decisions", "import", book_file, model) == f"{model}: nothing differs\n"
    book = openpyxl.load_workbook(book_file)
    page = book["Fraud band"]
    row = next(row for row in page.iter_rows() if row[2].value == ">= 560")
    row[2].value = ">= 570"
    book.save(book_file)
    assert ran(tally, "decisions", "import", book_file, model) == f"Changed: {model}\n"
    assert model.read_bytes() == before.replace(b"&gt;= 560", b"&gt;= 570")
    row[2].value = "> > 1"
    book.save(book_file)
    after = model.read_bytes()
    for language in ("en", "zh"):
        code, _, error = tally("--language", language, "decisions", "import", book_file, model)
        assert code == 1
        assert error.startswith(f"tables.xlsx, sheet Fraud band, cell {row[2].coordinate}: ")
    assert model.read_bytes() == after


def test_one_table_goes_to_csv(tally: Tally, tmp_path: Path, model: Path) -> None:
    file = tmp_path / "band.csv"
    code, _, error = tally("decisions", "export", model, file)
    assert (code, "a CSV file holds one table, and there are 3" in error) == (1, True)
    ran(tally, "--language", "zh", "decisions", "export", model, file, "--table", "Fraud band")
    assert file.read_text("utf-8-sig").splitlines()[0] == "决策表,Fraud band"
    fresh = tmp_path / "fresh.dmn"
    ran(tally, "decisions", "import", file, fresh)
    assert decisions.load(fresh).decide("Fraud band", {"score": 560}).value == "low"
    code, _, error = tally("decisions", "export", model, tmp_path / "band.ods")
    assert (code, error) == (2, "band.ods: the name must end in .xlsx or .csv")
    code, _, error = tally("decisions", "import", tmp_path / "none.xlsx", model)
    assert (code, error.startswith("none.xlsx: cannot be read")) == (1, True)
