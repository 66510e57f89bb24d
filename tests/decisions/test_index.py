"""The index of a table: small and large tables look up alike, and as reading every cell does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick import feel
from tallystick.decisions import index

CELLS = ["-", "1", "-1.5", "< 1", ">= 2", "(1..3]", "not(1)", "not(1, [2..3])", "null", "not(null)", "1, null",
         "< 1, > 2", '"a"', 'not("a", "b")', "true", '@"2026-01-01"', '< @"P3D"']  # fmt: skip
VALUES = st.sampled_from(
    [None, *map(Decimal, ("-1.5", "0", "1.0", "1.5", "2", "3", "4")), "a", "b", "c", True, False, [Decimal(1)]]
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(CELLS), st.sampled_from(CELLS)), min_size=1, max_size=90),
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8),
)
def test_small_and_large_tables_find_what_reading_every_cell_finds(
    rules: list[tuple[str, str]], values: list[tuple[Any, Any]]
) -> None:
    columns = [index.column_of([index.cell_of(feel.parse_tests(row[c], ())) for row in rules]) for c in (0, 1)]
    small = index.finder(columns, len(rules))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "SMALL_ROWS", 0)
        large = index.finder(columns, len(rules))
    tests = [[feel.unary_tests(cell, ()) for cell in row] for row in rules]
    for pair in values:
        expected = [r for r, row in enumerate(tests) if all(t(v, {}) is True for t, v in zip(row, pair, strict=True))]
        for find in (small, large):
            assert list(find(pair, False)) == expected
            assert list(find(pair, True)) == expected[:1]


def test_a_large_table_keeps_few_bitsets() -> None:
    """9,000 open intervals: no code is rare, and only every sixteenth has a bitset of its own."""
    tests = [feel.parse_tests(f">= {n}", ()) for n in range(9_000)]
    find = index.finder([index.column_of([index.cell_of(test) for test in tests])], 9_000)
    assert list(find([Decimal("4321.5")], False)) == list(range(4_322))
    assert list(find([Decimal("4321.5")], True)) == [0]
    assert list(find([Decimal(-1)], False)) == []
