"""Dates, times and durations of all years: read back, added, taken away, alike in their wide and narrow forms."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.feel import civil, operations, temporal
from tallystick.feel.civil import DAY_NANOS, Months, WideDate, WideMoment, WideSpan, WideTime

CYCLE_DAYS = 146_097
DAYS = st.integers(civil.day_number(WideDate(-999_999_999, 1, 1)), civil.day_number(WideDate(999_999_999, 12, 31)))
NEAR_DAYS = st.integers(civil.day_number(date.min) - 3, civil.day_number(date.min) + 3) | st.integers(-99_999, 99_999)
CLOCKS = st.integers(0, DAY_NANOS - 1) | st.integers(0, DAY_NANOS // 1000 - 1).map(lambda micros: micros * 1000)
OFFSETS = st.none() | st.just(UTC) | st.integers(-50_400, 50_400).map(civil.offset_zone)
ZONES = OFFSETS | st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu"]).map(ZoneInfo)
SPANS = st.integers(-(10**33), 10**33) | st.integers(-(10**15), 10**15)


@settings(deadline=None)
@given(st.builds(civil.date_at, DAYS | NEAR_DAYS))
def test_a_date_reads_back_and_has_one_form(day: Any) -> None:
    again = temporal.literal(temporal.show(day))
    assert again == day
    assert type(again) is type(day)
    assert civil.date_at(civil.day_number(day)) == day
    assert (type(day) is date) is (1 <= day.year <= 9999)


@settings(deadline=None)
@given(st.builds(civil.moment_of, DAYS | NEAR_DAYS, CLOCKS, ZONES))
def test_a_moment_reads_back_and_has_one_form(moment: Any) -> None:
    again = temporal.literal(temporal.show(moment))
    assert again == moment
    assert type(again) is type(moment)
    narrow = 1 <= moment.year <= 9999 and civil.nanosecond(moment) % 1000 == 0
    assert (type(moment) is datetime) is narrow


@settings(deadline=None)
@given(st.builds(civil.time_of, CLOCKS, ZONES))
def test_a_time_reads_back(at: Any) -> None:
    again = temporal.literal(temporal.show(at))
    assert again == at
    assert type(again) is type(at)
    assert type(at) is (WideTime if civil.nanosecond(at) % 1000 else time)


@settings(deadline=None)
@given(SPANS, SPANS, st.integers(-(10**30), 10**30))
@example(0, 1, 0)
def test_durations_read_back_and_what_is_added_can_be_taken_away(first: int, second: int, months: int) -> None:
    a, b = civil.span_of(first), civil.span_of(second)
    for value in (a, b, Months(months)):
        assert temporal.literal(temporal.show(value)) == value
    assert operations.subtract(operations.add(a, b), b) == a
    assert operations.negate(operations.negate(a)) == a
    assert operations.less(a, b) is (first < second)
    assert operations.equal(a, b) is (first == second)


@settings(deadline=None)
@given(st.builds(civil.moment_of, NEAR_DAYS, CLOCKS, OFFSETS), st.integers(-(10**20), 10**20))
def test_a_moment_comes_back_from_a_duration_ahead(moment: Any, nanos: int) -> None:
    span = civil.span_of(nanos)
    there = operations.add(moment, span)
    assert operations.equal(operations.subtract(there, moment), span)
    assert operations.equal(operations.subtract(there, span), moment)


@settings(deadline=None)
@given(st.datetimes(datetime(401, 1, 1), datetime(9599, 12, 31)), st.integers(25, 1000), ZONES)
def test_wide_dates_follow_the_calendar_of_narrow_ones(narrow: datetime, cycles: int, zone: Any) -> None:
    """The calendar repeats after 400 years: day numbers, weekdays and months agree that far away."""
    moment = narrow.replace(tzinfo=zone)
    clock = (narrow.hour, narrow.minute, narrow.second, narrow.microsecond * 1000)
    wide = WideMoment(narrow.year + 400 * cycles, narrow.month, narrow.day, *clock, zone)
    assert civil.day_number(wide) - cycles * CYCLE_DAYS == civil.day_number(moment)
    assert civil.weekday(wide) == moment.isoweekday()
    assert civil.date_at(civil.day_number(wide)) == WideDate(wide.year, wide.month, wide.day)
    if not isinstance(zone, ZoneInfo):
        assert civil.instant(wide) - cycles * CYCLE_DAYS * DAY_NANOS == civil.instant(moment)
    later, wide_later = (operations.add(value, Months(14)) for value in (moment, wide))
    assert (wide_later.year - 400 * cycles, wide_later.month, wide_later.day) == (later.year, later.month, later.day)


@settings(deadline=None)
@given(st.datetimes(datetime(9201, 1, 1), datetime(9599, 12, 30)), st.integers(2, 2_000_000))
def test_a_zone_has_the_same_rule_in_a_far_year(narrow: datetime, cycles: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    moment = narrow.replace(tzinfo=UTC)
    far = civil.instant(moment) + cycles * CYCLE_DAYS * DAY_NANOS
    assert civil.offset(civil.at_instant(far, zone)) == moment.astimezone(zone).utcoffset()
    assert civil.instant(civil.at_instant(far, zone)) == far


@settings(deadline=None)
@given(st.integers(-(10**25), 10**25) | st.datetimes().map(civil.instant), ZONES)
@example(-62_125_276_878_682_972_000, ZoneInfo("America/New_York"))
def test_an_instant_comes_back_from_the_clocks_of_any_zone(nanos: int, zone: Any) -> None:
    moment = civil.at_instant(nanos, zone)
    assert civil.instant(moment) == nanos
    if type(moment) is datetime and zone is not None and 1 < moment.year < 9999:
        assert moment == (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanos // 1000)).astimezone(zone)


@settings(deadline=None)
@given(st.datetimes(), st.datetimes(), OFFSETS)
def test_narrow_moments_are_ordered_as_python_orders_them(a: datetime, b: datetime, zone: Any) -> None:
    first, second = a.replace(tzinfo=zone), b.replace(tzinfo=zone)
    assert operations.less(first, second) is (first < second)
    assert operations.equal(first, second) is (first == second)
    assert operations.subtract(first, second) == first - second
    assert (civil.instant(first) < civil.instant(second)) is (a < b)


@settings(deadline=None)
@given(st.timedeltas(), st.integers(1, 10**6))
def test_durations_are_multiplied_and_divided_towards_zero(span: timedelta, number: int) -> None:
    nanos = civil.nanos_of(span)
    halves = abs(nanos) // number * (-1 if nanos < 0 else 1)
    assert operations.divide(span, Decimal(number)) == civil.span_of(halves)
    assert operations.multiply(span, Decimal(number)) == civil.span_of(nanos * number)


@pytest.mark.parametrize(
    ("left", "operation", "right"),
    [
        (WideSpan(10**34 - 1), operations.add, WideSpan(10**34 - 1)),
        (Months(10**34 - 1), operations.add, Months(10**34 - 1)),
        (WideDate(999_999_999, 12, 31), operations.add, timedelta(1)),
        (WideDate(999_999_999, 12, 31), operations.add, Months(1)),
        (date(2026, 1, 1), operations.add, WideSpan(10**34 - 1)),
        (timedelta(1), operations.multiply, Decimal("1e6000")),
        (Months(1), operations.divide, Decimal("1e-6000")),
    ],
)
def test_what_is_beyond_all_bounds_is_null(left: Any, operation: Any, right: Any) -> None:
    assert operation(left, right) is None
