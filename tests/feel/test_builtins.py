"""Every built-in function, in tables that an analyst can read: `expression;input;output`, a section for each name."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick import feel
from tallystick.feel.functions import BUILTINS

GOLDEN = Path(__file__).parent / "golden" / "builtins"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def rows() -> list[tuple[str, str, str, str]]:
    """Section, expression, input and output of each row; a line that begins with # opens a section."""
    found = []
    for path in sorted(GOLDEN.glob("*.csv")):
        section = ""
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            if line.startswith("#"):
                section = line[1:].strip()
            else:
                expression, values, output = line.rsplit(";", 2)
                found.append((section, expression, values, output))
    return found


ROWS = rows()


@pytest.mark.parametrize(("expression", "values", "output"), [row[1:] for row in ROWS])
def test_the_golden_tables(expression: str, values: str, output: str) -> None:
    given = feel.compile(values or "{}", ())({})
    found = feel.compile(expression, given)(given, NOW)
    assert feel.show(found) == feel.show(feel.compile(output, ())({}))


@pytest.mark.parametrize(("expression", "values", "output"), [row[1:] for row in ROWS])
def test_an_expression_spelled_again_means_the_same(expression: str, values: str, output: str) -> None:
    given = feel.compile(values or "{}", ())({})
    spelled = feel.spell(feel.parse(expression, given))
    assert feel.spell(feel.parse(spelled, given)) == spelled
    assert feel.show(feel.compile(spelled, given)(given, NOW)) == feel.show(feel.compile(output, ())({}))


@pytest.mark.parametrize("name", sorted(BUILTINS))
def test_every_built_in_has_a_value_a_null_and_a_wrong_argument(name: str) -> None:
    mine = [row for row in ROWS if row[0] == name and f"{name}(" in row[1]]
    told = [re.sub(r'"(\\.|[^"\\])*"', '""', row[1]) for row in mine]
    assert any(row[3] != "null" for row in mine), "a row with a value"
    assert any("null" in text for text in told), "a row with null among the arguments"
    assert any(row[3] == "null" and "null" not in text for row, text in zip(mine, told, strict=True)), "a wrong one"


@pytest.mark.parametrize(
    "text",
    [
        "for i in 1..30 return string(partial)",
        'for i in 1..30 return string join([string(partial), string(partial)], "")',
        "for i in 1..60 return if i = 1 then [0] else concatenate(partial[-1], partial[-1])",
        "for i in 1..60 return if i = 1 then [0] else append(partial[-1], partial[-1], partial[-1])",
        "for i in 1..60 return flatten(partial)",
        "for i in 1..60 return if i = 1 then [0] else [partial[-1], partial[-1]]",
    ],
)
def test_what_doubles_at_each_turn_is_null_before_it_is_large(text: str) -> None:
    """The last results are null, or none of them is long: memory stays bounded."""
    found = feel.compile(f"({text})[-1]", ())({})
    assert found is None or len(found) <= 1_000_000
    assert len(feel.show(found)) <= 4_000_000
