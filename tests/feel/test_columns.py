"""Columns give, row for row, what the row form gives."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick import feel
from tallystick.core import DefinitionErrors, FieldType, InputError, to_instant

SCHEMA = {
    "amount": FieldType.parse("money(EUR)"),
    "fee": FieldType.parse("money(EUR)"),
    "rate": FieldType.parse("decimal(4)"),
    "count": FieldType.parse("integer"),
    "score": FieldType.parse("real"),
    "country": FieldType.parse("text"),
    "fraud": FieldType.parse("flag"),
    "paid at": FieldType.parse("instant"),
    "born": FieldType.parse("date"),
}
DTYPES: dict[str, Any] = {
    "amount": pl.Int64(),
    "fee": pl.Int64(),
    "rate": pl.Int64(),
    "count": pl.Int64(),
    "score": pl.Float64(),
    "country": pl.String(),
    "fraud": pl.Boolean(),
    "paid at": pl.Datetime("us", "UTC"),
    "born": pl.Date(),
}
INT64 = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-3, 3)
# Berlin's clocks change near these instants.
CHANGES = [
    to_instant(datetime(2026, month, day, hour, tzinfo=UTC)) for month, day in ((3, 29), (10, 25)) for hour in (0, 1, 2)
]
INSTANTS = st.one_of(
    st.sampled_from(CHANGES).flatmap(lambda at: st.integers(at - 2_000_000, at + 2_000_000)),
    st.integers(to_instant(datetime(1890, 1, 1, tzinfo=UTC)), to_instant(datetime(2099, 1, 1, tzinfo=UTC))),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "amount": SMALL | INT64,
    "fee": SMALL,
    "rate": SMALL | st.sampled_from([9_999, 10_000, 12_345]),
    "count": SMALL | INT64,
    "score": st.floats() | st.sampled_from([0.1, -0.0, 0.30000000000000004, 0.3, math.nan, math.inf]),
    "country": st.sampled_from(["DE", "FR", "", "é", "\U0001f600", "￿"]),
    "fraud": st.booleans(),
    "paid at": INSTANTS,
    "born": st.dates(date(1900, 1, 1), date(2100, 1, 1)),
}
NUMBERS = st.sampled_from(
    [
        "0",
        "1",
        "0.01",
        "-0.015",
        "1.00005",
        "9223372036854775807",
        "92233720368547758.08",
        "-1e30",
        "1e30",
        "0.1",
        "0.3",
        "0.30000000000000001",
    ]
)
LITERALS: dict[str, st.SearchStrategy[str]] = {
    "number": NUMBERS,
    "country": st.sampled_from(['"DE"', '""', '"é"', '"\\u10FFFF"', '"zz"']),
    "fraud": st.sampled_from(["true", "false"]),
    "paid at": st.sampled_from(
        ['@"2026-03-29T01:00:00Z"', '@"2026-10-25T02:30:00@Europe/Berlin"', 'date and time("2026-01-01T00:00:00")']
    ),
    "born": st.sampled_from(['@"2000-02-29"', 'date("1999-12-31")']),
}
NUMERIC = [
    "amount",
    "fee",
    "rate",
    "count",
    "score",
    "paid at.hour",
    "paid at.weekday",
    "born.year",
    "paid at.minute",
    "paid at.day",
]
OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    left = draw(st.sampled_from([*NUMERIC, "country", "fraud", "paid at", "born"]))
    values = LITERALS["number" if left in NUMERIC else left]
    shape = draw(st.integers(0, 6))
    if shape == 0:
        return f"{left} in {draw(st.sampled_from('(['))}{draw(values)}..{draw(values)}{draw(st.sampled_from(')]'))}"
    if shape == 1:
        return f"{left} in ({draw(values)}, {draw(OPERATORS)} {draw(values)}, null)"
    if shape == 2:
        return f"{left} between {draw(values)} and {draw(values)}"
    if shape == 3:
        return f"{left} {draw(OPERATORS)} {draw(st.sampled_from([*NUMERIC, 'country', 'null', 'amount + fee']))}"
    if shape == 4:
        return f"{draw(values)} {draw(OPERATORS)} {left}"
    if shape == 5:
        return f"{left} in [{draw(values)}, {draw(values)}]"
    return f"{left} {draw(OPERATORS)} {draw(values)}"


CONDITIONS = st.recursive(
    comparisons() | st.sampled_from(["fraud", "true", "count"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda text: f"not({text})"),
    ),
    max_leaves=4,
)
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()}), max_size=6)


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    columns = {}
    for name, dtype in DTYPES.items():
        held = [row[name] for row in rows]
        series = pl.Series(name, held, dtype=pl.Int64() if name == "paid at" else dtype)
        columns[name] = series.cast(dtype)
    return pl.DataFrame(columns)


@settings(max_examples=400, deadline=None)
@given(CONDITIONS, ROWS, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"]))
def test_a_condition_over_columns_is_the_condition_over_each_row(
    text: str, rows: list[dict[str, Any]], zone: str
) -> None:
    found = feel.compile_columns(text, SCHEMA, zone)(frame_of(rows))
    row = feel.compile(text, SCHEMA)
    expected = [row({name: feel.to_feel(value[name], SCHEMA[name], zone) for name in SCHEMA}) for value in rows]
    assert len(found) == len(rows)
    assert found.to_list() == expected


@pytest.mark.parametrize(
    "text",
    [
        "amount * 2",
        "country",
        "if fraud then country else null",
        "upper case(country)",
        "score",
        "paid at",
        "born",
        "1 + 1",
        "string(score)",
    ],
)
def test_results_that_are_no_condition_are_the_row_results_too(text: str) -> None:
    """Numbers come back as exact decimals, texts as texts, moments as moments; rows that repeat cost nothing."""
    rows = [
        {"amount": 1250, "fee": 0, "rate": 1, "count": 1, "score": -0.0, "country": "de", "fraud": True,
         "paid at": CHANGES[0], "born": date(2000, 1, 1)},
        dict.fromkeys(SCHEMA),
    ] * 3  # fmt: skip
    found = feel.compile_columns(text, SCHEMA, "Europe/Berlin")(frame_of(rows)).to_list()
    row = feel.compile(text, SCHEMA)
    assert found == [row({n: feel.to_feel(r[n], SCHEMA[n], "Europe/Berlin") for n in SCHEMA}) for r in rows]


def test_a_literal_is_never_rounded_to_the_columns_scale() -> None:
    """9.995 euros lie between 9.99 and 10.00: no cent equals it, and the comparison stays exact."""
    frame = pl.DataFrame({"amount": [999, 1000]})
    assert feel.compile_columns("amount < 9.995", SCHEMA)(frame).to_list() == [True, False]
    assert feel.compile_columns("amount = 9.995", SCHEMA)(frame).to_list() == [False, False]


def test_now_is_what_is_passed_in() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    frame = pl.DataFrame({"paid at": pl.Series([now, None], dtype=pl.Datetime("us", "UTC"))})
    older = feel.compile_columns('paid at <= now() - duration("PT0S")', SCHEMA)
    assert older(frame, now).to_list() == [True, None]
    assert older(frame).to_list() == [None, None]


def test_a_missing_column_and_an_unknown_name_are_named() -> None:
    with pytest.raises(InputError, match=r"no column 'amount'; it has: fee"):
        feel.compile_columns("amount > 1", SCHEMA)(pl.DataFrame({"fee": [1]}))
    with pytest.raises(DefinitionErrors, match=r"'amuont' is not a known name .did you mean 'amount'"):
        feel.compile_columns("amuont > 1", SCHEMA)


def test_held_values_enter_feel_exactly() -> None:
    assert feel.to_feel(1250, FieldType.parse("money(JPY)")) == Decimal(1250)
    assert feel.to_feel(12345, FieldType.parse("decimal(4)")) == Decimal("1.2345")
    assert feel.to_feel(0.1, FieldType("real")) == Decimal("0.1")
    assert feel.to_feel(math.nan, FieldType("real")) is None
    assert feel.to_feel(0, FieldType("instant"), "Europe/Berlin").hour == 1


def test_both_zeros_are_one_number_in_columns() -> None:
    frame = pl.DataFrame({"score": [-0.0, 0.0, None]})
    for condition, expected in (("score = 0", True), ("score >= 0", True), ("score != 0", False), ("score < 0", False)):
        assert feel.compile_columns(condition, SCHEMA)(frame).to_list()[:2] == [expected, expected], condition
