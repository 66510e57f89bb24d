"""Random expressions and cells: the compiler gives what the plain interpreter gives, in value and type."""

from __future__ import annotations

import os
from decimal import DecimalException
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.feel import oracle, written
from tests.feel.oracle_values import UndecidedError, plain, same

from tallystick import feel

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
BATCHES = 200 if SOAK else 4
BATCH = 250
NAMES = [name for several in written.NAMES.values() for name in several]
SINGLE = [name for kind, several in written.NAMES.items() if kind[0] != "l" for name in several]
SCOPE = feel.known(NAMES, members=("two words",))
CELLS = ("§n", "§n, §s", "< §n", "[§n..§n)", "not(§n, §r)", "§r", "§*", "> §n, §ln", "? > §n", "not(§s)", "§d, null")


def compared(rng: Random, depth: int) -> str | None:
    """Compare one random expression; the text, or None when the standard does not decide its value."""
    values = written.values(rng)
    text = written.Writer(rng).expression(depth)
    expr = feel.parse(text, SCOPE)
    given_values = {name: values[name] for name in feel.names_in(expr)}
    try:
        expected = oracle.run(expr, given_values)
    except (UndecidedError, DecimalException):
        return None
    found = plain(feel.compile_expr(expr)(given_values))
    assert same(found, expected), f"{text}\n with {given_values}\n gives {found!r}\n not   {expected!r}"
    return text


def compared_cell(rng: Random) -> bool:
    """Compare one random cell; False when the standard does not decide."""
    values = written.values(rng)
    text = written.Writer(rng).filled(rng.choice(CELLS), 2)
    tests = feel.parse_tests(text, SCOPE)
    given_values = {name: values[name] for name in feel.names_in(tests) - {"?"}}
    asked = values[rng.choice(SINGLE)]
    try:
        expected = oracle.holds(tests, asked, given_values)
    except (UndecidedError, DecimalException):
        return False
    found = feel.compile_tests(tests)(asked, given_values)
    assert found is expected, f"{text}\n of {asked!r} with {given_values}\n gives {found!r}\n not   {expected!r}"
    return True


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_a_compiled_expression_gives_what_the_plain_interpreter_gives(rng: Random, depth: int) -> None:
    compared(rng, depth)


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_batch_of_compiled_expressions_gives_what_the_plain_interpreter_gives(batch: int) -> None:
    """250 seeded expressions a batch, 50,000 in the soak; nearly all are decided by the standard."""
    texts = [compared(Random(batch * BATCH + number), 1 + number % 4) for number in range(BATCH)]
    assert sum(text is not None for text in texts) > BATCH * 0.85


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_batch_of_compiled_cells_gives_what_the_plain_interpreter_gives(batch: int) -> None:
    decided = [compared_cell(Random(batch * BATCH + number)) for number in range(BATCH)]
    assert sum(decided) > BATCH * 0.85


OPERATORS: dict[str, int] = {
    **dict.fromkeys(("or",), 1),
    **dict.fromkeys(("and",), 2),
    **dict.fromkeys(("<", ">=", "=", "!="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/"), 5),
    **dict.fromkeys(("**",), 6),
}


def grouped(parts: list[str]) -> str:
    """A chain of operands and operators with all its parentheses, by the precedence of 10.3.1.2, left associative."""
    if len(parts) == 1:
        return parts[0]
    weakest = min(OPERATORS[operator] for operator in parts[1::2])
    at = max(place for place in range(1, len(parts), 2) if OPERATORS[parts[place]] == weakest)
    return f"({grouped(parts[:at])} {parts[at]} {grouped(parts[at + 1 :])})"


@settings(max_examples=500 if not SOAK else 20_000, deadline=None)
@given(st.data())
def test_operators_bind_as_the_standard_says(data: st.DataObject) -> None:
    """One comparison at most between `and` and `or`: chained comparisons are no FEEL."""
    operands = st.sampled_from(("1", "2", "0", "-3", "0.5", "true", "null", "a", "-a"))

    def chain(operators: tuple[str, ...], inner: Any, most: int) -> list[str]:
        parts = list(inner())
        for _ in range(data.draw(st.integers(0, most))):
            parts += [data.draw(st.sampled_from(operators)), *inner()]
        return parts

    def arithmetic() -> list[str]:
        return chain(("+", "-", "*", "/", "**"), lambda: [data.draw(operands)], 4)

    parts = chain(("and", "or"), lambda: chain(("<", ">=", "=", "!="), arithmetic, 1), 3)
    text, names = " ".join(parts), {"a": feel.lift(2)}
    found, expected = (feel.compile(each, names)(names) for each in (text, grouped(parts)))
    assert same(plain(found), plain(expected)), f"{text} is not {grouped(parts)}"
