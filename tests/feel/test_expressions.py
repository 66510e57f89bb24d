"""What expressions mean, in tables that an analyst can read, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tallystick import feel
from tallystick.core import DefinitionErrors, FieldType, InputError

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def golden() -> list[tuple[str, str, str]]:
    rows = []
    for path in sorted(GOLDEN.glob("*.csv")):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            expression, values, output = line.rsplit(";", 2)
            rows.append((expression, values, output))
    return rows


@pytest.mark.parametrize(("expression", "values", "output"), golden())
def test_the_golden_tables(expression: str, values: str, output: str) -> None:
    """`expression;input;output`: with the input's names in scope, the expression gives the output."""
    given_values = feel.compile(values or "{}", ())({})
    found = feel.compile(expression, given_values)(given_values, NOW)
    assert feel.show(found) == feel.show(feel.compile(output, ())({}))


@pytest.mark.parametrize(("expression", "values", "output"), golden())
def test_an_expression_spelled_again_means_the_same(expression: str, values: str, output: str) -> None:
    """The canonical text of an expression reads back as the same expression: versions hang on it."""
    expr = feel.parse(expression, feel.compile(values or "{}", ())({}))
    again = feel.parse(feel.spell(expr), feel.names_in(expr), members=("start included",))
    assert feel.spell(again) == feel.spell(expr)


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ("-", "null", True),
        ("", "1", True),
        ("< 5", "4", True),
        ("< 5", "null", None),
        ("[1..3)", "3", False),
        ('"a", "b"', '"b"', True),
        ('not("a", "b")', '"c"', True),
        ('not("a")', "null", True),
        ("not(< 5)", "null", None),
        ("null", "null", True),
        ("not(null)", "0", True),
        ("1", '"1"', None),
        ("limit", "7", True),
        ("> limit", "8", True),
        ("? > limit and ? < 10", "8", True),
        ('contains(?, "x")', '"axb"', True),
        ("limits", "8", True),
        ("true", "true", True),
        ("false", "true", False),
        ('@"2026-01-01"', '@"2026-01-01"', True),
    ],
)
def test_the_unary_tests_of_a_cell(cell: str, value: str, expected: bool | None) -> None:
    values = {"limit": Decimal(7), "limits": [Decimal(7), Decimal(8)]}
    holds = feel.unary_tests(cell, values)
    assert holds(feel.compile(value, ())({}), values) is expected


def golden_cells() -> list[list[str]]:
    lines = (GOLDEN / "cells" / "cells.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [line.rsplit(";", 2) for line in lines]


@pytest.mark.parametrize(("cell", "value", "output"), golden_cells())
def test_the_golden_cells(cell: str, value: str, output: str) -> None:
    """`cell;input;output`: whether the input satisfies the unary tests of a decision-table cell."""
    tests = feel.parse_tests(cell, ())
    assert feel.show(feel.compile_tests(tests)(feel.compile(value, ())({}), {})) == output
    assert feel.parse_tests(feel.spell(tests), ()) == tests


def test_every_unknown_name_is_named_with_its_place_and_the_nearest_known_one() -> None:
    with pytest.raises(DefinitionErrors) as caught:
        feel.compile("amuont > 1 and\n__class__ = 2", {"amount": FieldType.parse("money(EUR)"), "age": None})
    assert str(caught.value).splitlines() == [
        "1:1: 'amuont' is not a known name (did you mean 'amount'?); allowed: age, amount",
        "2:1: '__class__' is not a known name; allowed: age, amount",
    ]
    assert "不是已知名称" in caught.value.text("zh")


@pytest.mark.parametrize(
    "text", ["", "1 +", "(1", "[1, 2", '"open', "1 2", "if 1 then 2", "{a 1}", "for x return 1", "x instance of y"]
)
def test_a_fault_of_syntax_says_where_and_what_is_allowed(text: str) -> None:
    with pytest.raises(DefinitionErrors, match=r"^1:\d+: this expression cannot be read at .*; allowed here: "):
        feel.compile(text, ["x"])


def test_an_absent_value_is_refused_and_null_is_not() -> None:
    f = feel.compile("a = null or b = 1", ["a", "b"])
    assert f({"a": None, "b": None}) is True
    with pytest.raises(InputError, match=r"no value was given for 'b'; null is a value, absence is not \(given: a\)"):
        f({"a": None})


def test_a_name_that_shadows_a_built_in_leaves_the_function_callable() -> None:
    assert feel.compile('date = date("2026-01-01") and max(count, 1) = 2', ["date", "count"])(
        {"date": feel.compile('@"2026-01-01"', ())({}), "count": Decimal(2)}
    )


def test_the_causes_of_a_null() -> None:
    expr = feel.parse("(a + b) * 2 > c / d", ["a", "b", "c", "d"])
    values = {"a": Decimal(1), "b": None, "c": Decimal(1), "d": Decimal(0)}
    assert feel.causes(expr, values) == ("b is null in the input", "c / d divides by zero")


def test_numbers_from_outside_are_lifted_by_their_shortest_text() -> None:
    assert feel.lift([1, 0.1, True, None, "a"]) == [Decimal(1), Decimal("0.1"), True, None, "a"]
    with pytest.raises(InputError, match="of type object is not a FEEL value"):
        feel.lift(object())


def test_names_in_reads_outer_names_only() -> None:
    expr = feel.parse("for x in xs return {y: x, z: y + rate}.z", ["xs", "rate", "other"])
    assert feel.names_in(expr) == {"xs", "rate"}


def test_a_literal_beyond_decimal128_is_refused_with_its_place() -> None:
    with pytest.raises(DefinitionErrors, match=r"1:5.*1e999999999.*below 10\^6145"):
        feel.compile("x > 1e999999999", ["x"])
