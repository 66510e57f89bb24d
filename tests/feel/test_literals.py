"""Cells that are one literal are read at once, just as the parser reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick import feel
from tallystick.core import DefinitionError
from tallystick.feel.literals import literal_in, single_test

PIECES = ["-", "1", "23", ".5", '"a"', '"', "<", "<=", ">", "..", "[", "(", "]", ")", " ", ".", "7.0", "e3", "="]


@settings(max_examples=2_000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=7).map("".join))
def test_what_is_read_at_once_is_what_the_parser_reads(text: str) -> None:
    # A comment behind the text sends it the whole way.
    for quick, parse, whole in (
        (literal_in(text), feel.parse, lambda node: node),
        (single_test(text), feel.parse_tests, lambda node: feel.Tests((node,))),
    ):
        if quick is not None:
            assert parse(text + "//", ()) == whole(quick)


@pytest.mark.parametrize("text", ["1", "-1.50", '"a b"', "< 5", "[1..2)", "]1..2["])
def test_the_commonest_cells_are_read_at_once(text: str) -> None:
    assert single_test(text) is not None


@pytest.mark.parametrize("text", ["1 2", "< a", '"a\\n"', "[1..a]", "1e3", "1" * 2_000, "--1"])
def test_all_others_go_the_whole_way(text: str) -> None:
    assert single_test(text) is None


def test_a_chain_of_thousands_is_read_run_and_spelled() -> None:
    expr = feel.parse("a" + " + a" * 5_000, ["a"])
    assert isinstance(expr, feel.Chain)
    assert feel.compile_expr(expr)({"a": feel.lift(2)}) == 10_002
    assert feel.parse(feel.spell(expr), ["a"]) == expr
    assert feel.causes(expr, {"a": None}) == ("a is null in the input",)
    with pytest.raises(DefinitionError, match="more than 5000"):
        feel.parse("a" + " + a" * 5_001, ["a"])


def test_a_long_chain_gives_what_a_nested_one_gives() -> None:
    text = "a * 2 - 1" + " + b / 3 - a ** 2 * b" * 100
    values = {"a": feel.lift(1.5), "b": feel.lift(7)}
    nested = feel.compile("a * 2 - 1", values)(values)
    for _ in range(100):
        nested = feel.compile("n + b / 3 - a ** 2 * b", ["n", *values])({"n": nested, **values})
    assert feel.compile(text, values)(values) == nested
