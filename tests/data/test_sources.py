"""sources.toml is read into records; its faults are shown together; every key is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick.core import DefinitionErrors, FieldType, Grade, Span, StateError
from tallystick.data import read_sources
from tallystick.data.declare import MeltTable, PeriodTable, SourceTable
from tallystick.data.fields import FieldTable

ASCII_WORDS = re.compile(r"[A-Za-z]{4,}(?: [A-Za-z]{2,})+")
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
    """Every fault of a sources.toml in English; in Chinese it is whole, and both say the line."""
    path = written(folder, text)
    with pytest.raises(DefinitionErrors) as caught:
        read_sources(path)
    for fault in caught.value.faults:
        assert fault.place is not None
        assert (fault.place.file, fault.place.line is not None) == (str(path), True)
        # A regular expression's own complaint, and the names of keys, types and columns, are English in either.
        plain = re.sub(r"\([^()]*\)|'[^']*'|\"[^\"]*\"|：[^：]*at position.*|RFC 3339", "", fault.message.text("zh"))
        assert re.search("[\u4e00-\u9fff]", plain)
        assert not ASCII_WORDS.search(plain), plain
    return [line.removeprefix(f"{folder}/") for line in caught.value.text().splitlines()]


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
        "sources.toml:9, payments.ownr: 'ownr' is no key here; nearest: owner; allowed: files,",
        "sources.toml:17, payments.fields.amount.type: 'mony(EUR)' is not a field type",
        "sources.toml:6, payments.at: key 'at' names 'payed_at', which is not a declared field; did you mean",
        "sources.toml:10, payments.lateness: '30 days' is not a span",
        "sources.toml:18, payments.fields.fraud.known_at: key 'known_at' names 'fraud_known', which is not a declared",
        "sources.toml:16, payments.fields.customer_id.grade: 'L9' is not a grade",
        "sources.toml:23, other.files: the key 'files' is missing; allowed: text in double quotes, or a list",
        'sources.toml:24, other.format: "xml" is no value for this key; allowed: "csv", "parquet", "jsonl"',
        "sources.toml:23, other.id: the key 'id' is missing; allowed: text in double quotes",
        "sources.toml:25, other.fields: 3 is no value for this key; allowed: a table of keys",
    ):
        assert any(line.startswith(expected) for line in shown), (expected, shown)
    assert len(shown) == 11


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[payments]\n", "[payments\n", "sources.toml:2:10: this is no TOML"),
        (
            "[payments]\n",
            'x = 1\n["a b"]\n[payments]\n',
            "sources.toml:2, x: 1 is no value for this key; allowed: a table",
        ),
        ('"csv"', '"xml"', 'payments.format: "xml" is no value for this key; allowed: "csv", "parquet", "jsonl"'),
        ('"csv"', '"csv"\nencoding = "utf-16"', "'utf-16' is no encoding that can be read here"),
        (
            '"csv"',
            '"csv"\ndelimiter = "||"',
            "payments.delimiter: '||' cannot stand between fields",
        ),
        ('"csv"', '"csv"\nquote = "é"', "payments.quote: 'é' cannot stand around fields"),
        ('"csv"', '"csv"\ndelimiter = ";"\nquote = ";"', "payments.quote: ';' cannot stand around fields"),
        (
            '"csv"',
            '"csv"\nnull = 3',
            "payments.null: 3 is no value for this key; allowed: text in double quotes, or",
        ),
        ('id = "payment_id"', 'id = "amount"', "key 'id' needs a field of type integer, text; 'amount' is money(EUR)"),
        ('at = "paid_at"', 'at = "amount"', "key 'at' needs a field of type instant; 'amount' is money(EUR)"),
        ('id = "payment_id"', 'id = ""', 'payments.id: "" is no value for this key'),
        ("[payments]\n", '["pay ments"]\n[payments]\n', "'pay ments' is not a source name"),
        ('grade = "L3"', 'grade = "L3", purposes = "a b"', "'a b' is no purpose"),
        ("paid_at = { type", "paid_at = { allowed = [1], type", "allowed cannot check a field of type instant"),
        ('lateness = "30d"', "", "lateness must say how late a fact may come"),
        ("posted_at", "revision", "field 'revision' would hide the fact column"),
        ('min = "0"', 'min = "2", max = "1"', "min '2' is above max '1'"),
        ('min = "0"', 'min = "0.001"', "more decimals"),
        ('min = "0"', 'pattern = "[0-9]"', "pattern cannot check a field of type money"),
        ('column = "CHANNEL"', 'pattern = "("', "is not a regular expression"),
        ('column = "CHANNEL"', 'min = "a"', "min cannot check a field of type text"),
        ('["pos", "online"]', '"pos"', 'channel.allowed: "pos" is no value for this key; allowed: a list in [ ]'),
        ("value = 2026-03-01", 'value = "soon"', "'soon' is not date"),
        ("value = 2026-03-01", 'value = 2026-03-01, column = "b"', "leave out 'column'"),
        ("required = true", "required = 1", "amount.required: 1 is no value for this key; allowed: true or false"),
        (
            'batch = { type = "date", value = 2026-03-01 }',
            "batch = 3",
            "batch: 3 is no value for this key",
        ),
        (
            'batch = { type = "date", value',
            "batch = { value",
            "batch.type: the key 'type' is missing",
        ),
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
            "sources.toml:14, statements.melt.periods[0]: columns: the required field client_id is filled in other",
        ),
        (
            'columns = { bill = "BILL2" }',
            "columns = { bill = 2 }",
            "periods[1].columns.bill: 2 is no value",
        ),
        ('columns = { bill = "BILL2" }', "columns = {}", "periods[1].columns: {} is no value"),
        ("2005-08-31", '""', "periods[1].at: field at is required"),
        ("2005-08-31", '"soon"', "'soon' is not instant"),
        ('statement_id = { type = "text" }', 'statement_id = { type = "integer" }', "needs a field of type text"),
        ('{ at = "2005-09-30",', '{ when = "2005-09-30",', "periods[0].at: the key 'at' is missing"),
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
    with pytest.raises(StateError, match=r"sources\.toml: the file cannot be read"):
        read_sources(tmp_path / "sources.toml")


def test_every_key_is_documented() -> None:
    """docs/sources.md has a row for every key that sources.toml may hold."""
    documented = set(re.findall(r"^\| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    shapes = (SourceTable, FieldTable, MeltTable, PeriodTable)
    assert documented == {key for shape in shapes for key in shape.__struct_fields__}


def test_the_examples_of_the_docs_are_valid(tmp_path: Path) -> None:
    """Every TOML block of the page reads without a fault."""
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        assert read_sources(written(tmp_path, block))
