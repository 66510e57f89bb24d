"""Clock readings of columns: those of the row form, at a cost that does not hang on the range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core import zone_of
from tallystick.feel import zones

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Monrovia", "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC))
NEAR = st.datetimes(datetime(1880, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def column(instants: list[datetime | None]) -> pl.Series:
    micros = [None if one is None else (one - EPOCH) // timedelta(microseconds=1) for one in instants]
    return pl.Series(micros, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))


@given(st.lists(st.none() | INSTANTS | NEAR, max_size=20), st.sampled_from(ZONES))
def test_a_column_reads_the_clock_as_a_row_does(instants: list[datetime | None], zone: str) -> None:
    wanted = [None if one is None else one.astimezone(zone_of(zone)).replace(tzinfo=None) for one in instants]
    assert zones.local_time(column(instants), zone).to_list() == wanted


@pytest.mark.parametrize("zone", ZONES)
def test_around_every_change_of_the_clock(zone: str) -> None:
    """A microsecond before and after each change of 1900 to 2037, all in one column."""
    steps = [EPOCH + timedelta(hours=6 * number) for number in range(-102_000, 99_000)]
    hours = [one.astimezone(zone_of(zone)).utcoffset() for one in steps]
    instants: list[datetime | None] = []
    for before, after, was, now in zip(steps, steps[1:], hours, hours[1:], strict=False):
        if was == now:
            continue
        low, high = before, after
        while high - low > timedelta(microseconds=1):
            middle = low + (high - low) // 2
            same = middle.astimezone(zone_of(zone)).utcoffset() == now
            low, high = (low, middle) if same else (middle, high)
        instants += [low, high]
    wanted = [one.astimezone(zone_of(zone)).replace(tzinfo=None) for one in instants if one is not None]
    assert zones.local_time(column(instants), zone).to_list() == wanted


def test_a_far_date_costs_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Years 1, 2026 and 9999 in one column: a few looks at the zone, not one for every six hours between."""
    looks = []
    look = zones._offset

    def counted(zone: str, second: int) -> int:
        looks.append(second)
        return look(zone, second)

    monkeypatch.setattr(zones, "_offset", counted)
    zones._look.cache_clear()
    far = [datetime(1, 1, 3, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)]
    zones.local_time(column([*far]), "Europe/Berlin")
    assert len(looks) <= 6
