"""Columns and single values are read by the same rules."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.core import Field, FieldType, InputError, parse_value, to_instant
from tallystick.data.checks import check_column, check_value
from tallystick.data.columns import dtype_of, parse_column
from tallystick.data.source import Check

DIGITS = st.text("0123456789", min_size=0, max_size=20)
NUMBERS = st.builds(
    lambda sign, whole, point, rest, exponent: sign + whole + point + rest + exponent,
    st.sampled_from(["", "-", "+", " ", "--"]),
    DIGITS,
    st.sampled_from(["", ".", ",", "_"]),
    DIGITS,
    st.sampled_from(["", "", "", "e+05", "E2", "e-3", " ", "e400"]),
)
TIMES = st.builds(
    lambda day, mark, time, rest, zone: day + mark + time + rest + zone,
    st.sampled_from(["2026-03-29", "2026-10-25", "2025-02-29", "1969-12-31", "0999-01-01", "2026-W01-1", "20260301"]),
    st.sampled_from(["T", " ", "t", ""]),
    st.sampled_from(["02:30:00", "01:59:59", "08:30", "23:59:60", "24:00:00", " 8:30:00", "02:30:00", ""]),
    st.sampled_from(["", ".1", ".123456", ".1234567", ",5"]),
    st.sampled_from(["", "Z", "z", "+08:00", "-00:30", "+14:59", "+25:00", "+0800", " +01:00"]),
)
WORDS = st.sampled_from(
    ["true", "TRUE", "Yes", "tRuE", "f", "0", "2", "nan", "inf", "-0.0", "1e400", "１２", "", " no "]
)
KINDS = ["money(EUR)", "money(JPY)", "decimal(4)", "decimal(18)", "integer", "real", "text", "flag", "instant", "date"]


def by_value(field: Field, texts: list[str | None], zone: str) -> tuple[list[Any], list[int]]:
    """The obvious way: one value after the other through core."""
    values: list[Any] = []
    faults = []
    for row, text in enumerate(texts):
        try:
            values.append(parse_value(field, text, zone))
        except InputError:
            values.append(None)
            faults.append(row)
    return values, faults


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(st.none() | NUMBERS | TIMES | WORDS | st.text(max_size=12), max_size=12))
@example(texts=["9223372036854775807", "9223372036854775808", "-9223372036854775808", "1.005", "1.500", ".5", "5."])
@example(texts=["0.1", "1e+05", "-0", "+0.0", "12345678901234567890.5", "922337203685477580.75"])
@example(texts=["2026-03-29T02:30:00", "2026-10-25T02:30:00", "2026-03-01", "1969-12-31T23:59:59.999999Z"])
@settings(max_examples=30, deadline=None)
def test_a_column_is_read_as_its_values_are(kind: str, texts: list[str | None]) -> None:
    """Whatever the text, a column holds what each value alone would be, and refuses the same rows."""
    field = Field("x", FieldType.parse(kind))
    held, faults = parse_column(field, pl.Series("x", texts, dtype=pl.String), "Europe/Berlin")
    values, wrong = by_value(field, texts, "Europe/Berlin")
    found = [to_instant(value) if kind == "instant" and value is not None else value for value in held.to_list()]
    assert held.dtype == dtype_of(field.type)
    assert [repr(value) for value in found] == [repr(value) for value in values]
    assert sorted(faults) == wrong


def test_local_hours_follow_the_zone_of_core() -> None:
    """Every half hour of a year, in a zone with odd changes too, is the instant that core names, or refused alike."""
    field = Field("x", FieldType("instant"))
    for zone in ("Australia/Lord_Howe", "Europe/Berlin", "UTC"):
        texts = pl.datetime_range(pl.datetime(2026, 1, 1), pl.datetime(2026, 12, 31), "30m", eager=True).dt.strftime(
            "%Y-%m-%d %H:%M:%S"
        )
        held, faults = parse_column(field, texts, zone)
        values, wrong = by_value(field, texts.to_list(), zone)
        assert held.to_physical().to_list() == values
        assert sorted(faults) == wrong


@pytest.mark.parametrize(
    ("kind", "check", "values"),
    [
        ("money(EUR)", Check(min=0, max=10_000), [-1, 0, 10_000, 10_001, None]),
        ("integer", Check(allowed=(1, 2)), [1, 2, 3, None]),
        ("text", Check(allowed=("pos", "online"), pattern="[a-z]+"), ["pos", "POS", "", None]),
        ("text", Check(pattern=r"\d{3}"), ["123", "1234", "١٢٣", None]),
        ("date", Check(min=date(2026, 1, 1)), [date(2025, 12, 31), date(2026, 1, 1), None]),
        ("real", Check(min=0.5), [0.25, 0.5, None]),
        ("decimal(4)", Check(max=5), [5, 6]),
    ],
)
def test_a_column_is_checked_as_its_values_are(kind: str, check: Check, values: list[Any]) -> None:
    """One event and a million rows are judged alike, in the same words."""
    field = Field("x", FieldType.parse(kind))
    column = pl.Series("x", values, dtype=dtype_of(field.type))
    alone = {row: check_value(field, check, value, "UTC") for row, value in enumerate(values)}
    assert check_column(field, check, column, "UTC") == {row: text for row, text in alone.items() if text is not None}


def test_bounds_of_instants_are_read_in_the_zone() -> None:
    """A bound without an offset is local time of the project."""
    field = Field("x", FieldType("instant"))
    column = pl.Series("x", [0], dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    check = Check(min="1970-01-01T00:30:00")
    assert list(check_column(field, check, column, "UTC")) == [0]
    assert list(check_column(field, check, column, "Europe/Berlin")) == []
