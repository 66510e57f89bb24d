"""sources.toml is read into records; its faults are shown together; every key is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick.core import DefinitionErrors, FieldType, Grade, Span
from tallystick.data import read_sources
from tallystick.data.declare import MELT_KEYS, PERIOD_KEYS, SOURCE_KEYS
from tallystick.data.fields import FIELD_KEYS

DOCS = Path(__file__).parents[2] / "docs" / "sources.md"

GOOD = """
[payments]
files = "payments_*.csv"
format = "csv"
id = "payment_id"
at = "paid_at"
known_at = "posted_at"
subject = "customer_id"
owner = "payments team"
lateness = "30d"

[payments.fields]
payment_id = { type = "integer" }
paid_at = { type = "instant" }
posted_at = { type = "instant" }
customer_id = { type = "text", grade = "L3" }
amount = { type = "money(EUR)", required = true, min = "0", default = "1.50" }
fraud = { type = "flag", default = false, known_at = "fraud_known_at" }
fraud_known_at = { type = "instant" }
channel = { type = "text", allowed = ["pos", "online"], column = "CHANNEL", personal = true }
batch = { type = "date", value = 2026-03-01 }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "sources.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(DefinitionErrors) as caught:
        read_sources(written(folder, text))
    return caught.value.text().splitlines()


def test_a_source_is_read_as_it_is_declared(tmp_path: Path) -> None:
    """Types, grades, bounds and defaults are held values; a grade of L3 or more is personal unless said otherwise."""
    source = read_sources(written(tmp_path, GOOD))["payments"]
    assert source.lateness == Span.parse("30d")
    assert source.fields["amount"].type == FieldType("money", "EUR", 2)
    assert (source.fields["amount"].default, source.checks["amount"].min) == (150, 0)
    assert source.fields["customer_id"].grade is Grade.L3
    assert [name for name, field in source.fields.items() if field.personal] == ["customer_id", "channel"]
    assert [name for name, field in source.fields.items() if field.required] == [
        "payment_id",
        "paid_at",
        "posted_at",
        "amount",
    ]
    assert source.columns["channel"] == "CHANNEL"
    assert source.constants == {"batch": "2026-03-01"}
    assert source.checks["channel"].allowed == ("pos", "online")


def test_the_version_follows_what_decides_the_facts(tmp_path: Path) -> None:
    """Another owner or folder is the same source; another bound is not."""
    version = read_sources(written(tmp_path, GOOD))["payments"].version
    for same in (GOOD.replace("payments team", "x"), GOOD.replace("payments_*", "in/*")):
        assert read_sources(written(tmp_path, same))["payments"].version == version
    assert read_sources(written(tmp_path, GOOD.replace('min = "0"', 'min = "1"')))["payments"].version != version


def test_all_faults_are_shown_together(tmp_path: Path) -> None:
    """One pass names every wrong key, type and name, each with its cell and the nearest right word."""
    text = GOOD.replace("owner", "ownr").replace('type = "money(EUR)"', 'type = "mony(EUR)"')
    text = text.replace('at = "paid_at"', 'at = "payed_at"').replace('lateness = "30d"', 'lateness = "30 days"')
    text = text.replace('known_at = "fraud_known_at"', 'known_at = "fraud_known"')
    text = text.replace('grade = "L3"', 'grade = "L9"')
    shown = faults(tmp_path, text + '\n[other]\nformat = "xml"\nfields = 3\n')
    for expected in (
        "sources.toml, payments: unknown key 'ownr'; did you mean 'owner'?",
        "sources.toml, payments.fields.amount: 'mony(EUR)' is not a field type",
        "key 'at' names 'payed_at', which is not a declared field; did you mean 'paid_at'?",
        "'30 days' is not a span",
        "sources.toml, payments.fields.fraud: key 'known_at' names 'fraud_known', which is not a declared field",
        "sources.toml, payments.fields.customer_id: 'L9' is not a grade",
        "sources.toml, other: key 'files' is missing; it says where the files lie",
        "sources.toml, other: key 'id' is missing",
        "sources.toml, other: key 'fields': 3 is not a table",
    ):
        assert any(expected in line for line in shown), (expected, shown)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[payments]\n", "[payments\n", "not valid TOML"),
        ("[payments]\n", 'x = 1\n["a b"]\n[payments]\n', "key 'x': 1 is not a table"),
        ('"csv"', '"xml"', "key 'format': 'xml' is not known; allowed: csv, parquet, jsonl"),
        ('"csv"', '"csv"\nencoding = "utf-16"', "'utf-16' is not known"),
        ('"csv"', '"csv"\ndelimiter = "||"', "key 'delimiter': '||' is not one ASCII character"),
        ('"csv"', '"csv"\nquote = "é"', "key 'quote'"),
        ('"csv"', '"csv"\nnull = 3', "key 'null': 3 is not text or a list of texts"),
        ('id = "payment_id"', 'id = "amount"', "key 'id' needs a field of type integer or text"),
        ('at = "paid_at"', 'at = "amount"', "key 'at' needs a field of type instant"),
        ('lateness = "30d"', "", "lateness must say how late a fact may come"),
        ("posted_at", "revision", "field 'revision' would hide the fact column"),
        ('min = "0"', 'min = "2", max = "1"', "min '2' is above max '1'"),
        ('min = "0"', 'min = "0.001"', "more decimals"),
        ('min = "0"', 'pattern = "[0-9]"', "pattern cannot check a field of type money"),
        ('column = "CHANNEL"', 'pattern = "("', "is not a regular expression"),
        ('column = "CHANNEL"', 'min = "a"', "min cannot check a field of type text"),
        ('["pos", "online"]', '"pos"', "key 'allowed': 'pos' is not a list"),
        ("value = 2026-03-01", 'value = "soon"', "'soon' is not date"),
        ("value = 2026-03-01", 'value = 2026-03-01, column = "b"', "leave out 'column'"),
        ("required = true", "required = 1", "key 'required': 1 is not true or false"),
        ('batch = { type = "date", value = 2026-03-01 }', "batch = 3", "key 'batch': 3 is not a table such as"),
        ('batch = { type = "date", value', "batch = { value", "key 'type' is missing"),
        ("default = false", 'default = "maybe"', "'maybe' is not flag"),
    ],
)
def test_each_fault_says_what_where_and_what_is_allowed(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """A wrong line of sources.toml gives one clear error."""
    assert old in GOOD
    shown = faults(tmp_path, GOOD.replace(old, new))
    assert any(expected in line for line in shown), shown


MELT = """
[statements]
files = "wide.csv"
format = "csv"
id = "statement_id"
at = "stated_at"
[statements.fields]
statement_id = { type = "text" }
stated_at = { type = "instant" }
client_id = { type = "integer", column = "ID", required = true }
bill = { type = "money(TWD)" }
[statements.melt]
id = "{ID}-{at}"
periods = [
  { at = "2005-09-30", columns = { bill = "BILL1" } },
  { at = 2005-08-31, columns = { bill = "BILL2" } },
]
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"{ID}-{at}"', '"{ID}"', "must hold {at} and a column"),
        ('columns = { bill = "BILL2" }', 'columns = { bil = "BILL2" }', "did you mean 'bill'?"),
        (
            'columns = { bill = "BILL2" }',
            'columns = { client_id = "BILL2" }',
            "periods[0]: columns: the required field client_id is filled in other periods but not in this one",
        ),
        ('columns = { bill = "BILL2" }', "columns = { bill = 2 }", "2 is not the name of a column"),
        ("2005-08-31", '"soon"', "'soon' is not instant"),
        ('statement_id = { type = "text" }', 'statement_id = { type = "integer" }', "needs a field of type text"),
        ('{ at = "2005-09-30",', '{ when = "2005-09-30",', "key 'at' is missing"),
    ],
)
def test_a_wrong_melt_is_explained(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Names, columns and instants of every period are checked, and a required field must be in each."""
    assert old in MELT
    shown = faults(tmp_path, MELT.replace(old, new))
    assert any(expected in line for line in shown), shown


def test_a_melt_is_read(tmp_path: Path) -> None:
    """Dates of TOML and text mean the same."""
    melt = read_sources(written(tmp_path, MELT))["statements"].melt
    assert melt is not None
    assert [(period.at, period.columns) for period in melt.periods] == [
        ("2005-09-30", {"bill": "BILL1"}),
        ("2005-08-31", {"bill": "BILL2"}),
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A project without sources.toml says so."""
    with pytest.raises(DefinitionErrors, match=r"there is no file sources\.toml"):
        read_sources(tmp_path / "sources.toml")


def test_every_key_is_documented() -> None:
    """docs/sources.md has a row for every key that sources.toml may hold."""
    documented = set(re.findall(r"^\| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    assert documented == {*SOURCE_KEYS, *FIELD_KEYS, *MELT_KEYS, *PERIOD_KEYS}


def test_the_examples_of_the_docs_are_valid(tmp_path: Path) -> None:
    """Every TOML block of the page reads without a fault."""
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        assert read_sources(written(tmp_path, block))
