"""What the simulated bank promises: the same bank for the same seed, whole keys, a human rhythm and late truth."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tallystick.core import InputError
from tallystick.sim import Bank, simulate
from tallystick.sim.calendar import calendar_from


def _number(found: object) -> float:
    """A statistic that is there and is a number."""
    assert isinstance(found, int | float)
    return float(found)


COLUMNS = {
    "customers": "customer_id joined_at region age_band sex household_id income segment",
    "accounts": "account_id customer_id opened_at",
    "cards": "card_id account_id customer_id credit_limit issued_at",
    "devices": "device_id customer_id first_seen_at",
    "merchants": "merchant_id category country",
    "terminals": "terminal_id merchant_id region",
    "payments": "payment_id paid_at card_id customer_id terminal_id merchant_id device_id amount channel entry_mode "
    "country category fraud fraud_known_at",
    "statements": "statement_id customer_id card_id closed_at balance credit_limit minimum_due paid days_past_due "
    "default_next default_known_at",
    "life_events": "event_id customer_id at kind known_at",
    "truth_fraud": "payment_id fraud_kind ring_id confirmed",
    "truth_states": "customer_id month stress bills_missed defaulted",
    "truth_events": "event_id customer_id at kind known_at",
    "truth_rings": "ring_id fraud_kind role member_id",
}
MONEY = {"income", "credit_limit", "amount", "balance", "minimum_due", "paid"}
FLAGS = {"fraud", "default_next", "confirmed", "defaulted"}
COUNTS = {"payment_id", "days_past_due", "bills_missed"}


def test_every_table_has_its_columns_and_types(bank: Bank) -> None:
    """Money is whole cents, instants are microseconds UTC, flags are flags, all else is text: no float anywhere."""
    for table, columns in COLUMNS.items():
        frame: pl.DataFrame = getattr(bank, table)
        assert frame.columns == columns.split(), table
        for name, kind in frame.schema.items():
            expected = (
                pl.Int64
                if name in MONEY | COUNTS
                else pl.Boolean
                if name in FLAGS
                else pl.Datetime("us", "UTC")
                if name == "at" or name.endswith("_at")
                else pl.String
            )
            assert kind == expected, (table, name)


def test_only_the_optional_columns_have_nulls(bank: Bank) -> None:
    """A device only where one is used, a confirmation only where there was one."""
    optional = {"device_id", "fraud_known_at", "ring_id", "known_at"}
    for table in COLUMNS:
        frame: pl.DataFrame = getattr(bank, table)
        assert frame.height > 0, table
        for name in set(frame.columns) - optional:
            assert frame[name].null_count() == 0, (table, name)
    assert bank.life_events["known_at"].null_count() == 0
    online = pl.col("channel").is_in(["online", "wallet"])
    assert bank.payments.filter(online != pl.col("device_id").is_not_null()).is_empty()


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("customers", "customer_id"),
        ("accounts", "account_id"),
        ("cards", "card_id"),
        ("devices", "device_id"),
        ("merchants", "merchant_id"),
        ("terminals", "terminal_id"),
        ("payments", "payment_id"),
        ("statements", "statement_id"),
        ("life_events", "event_id"),
    ],
)
def test_ids_are_unique(bank: Bank, table: str, key: str) -> None:
    """An id names one row."""
    assert getattr(bank, table)[key].is_duplicated().sum() == 0


@pytest.mark.parametrize(
    ("table", "column", "target"),
    [
        ("accounts", "customer_id", "customers"),
        ("cards", "account_id", "accounts"),
        ("cards", "customer_id", "customers"),
        ("devices", "customer_id", "customers"),
        ("terminals", "merchant_id", "merchants"),
        ("payments", "card_id", "cards"),
        ("payments", "customer_id", "customers"),
        ("payments", "terminal_id", "terminals"),
        ("payments", "merchant_id", "merchants"),
        ("payments", "device_id", "devices"),
        ("statements", "card_id", "cards"),
        ("statements", "customer_id", "customers"),
        ("life_events", "customer_id", "customers"),
        ("truth_fraud", "payment_id", "payments"),
        ("truth_states", "customer_id", "customers"),
    ],
)
def test_keys_refer(bank: Bank, table: str, column: str, target: str) -> None:
    """A key is the id of a row that is there."""
    known = getattr(bank, target)[column]
    given = getattr(bank, table)[column].drop_nulls()
    assert given.is_in(known.implode()).all()


def test_a_payment_agrees_with_its_card_terminal_and_merchant(bank: Bank) -> None:
    """Customer, merchant, category and country on a payment are those of its card and terminal."""
    joined = (
        bank.payments.join(bank.cards.select("card_id", owner="customer_id", issued_at="issued_at"), on="card_id")
        .join(bank.terminals.select("terminal_id", seller="merchant_id"), on="terminal_id")
        .join(bank.merchants.select("merchant_id", trade="category", home="country"), on="merchant_id")
    )
    assert joined.height == bank.payments.height
    for left, right in (
        ("customer_id", "owner"),
        ("merchant_id", "seller"),
        ("category", "trade"),
        ("country", "home"),
    ):
        assert (joined[left] == joined[right]).all()
    assert (joined["paid_at"] >= joined["issued_at"]).all()


def test_payments_are_numbered_in_time_order_within_the_months(bank: Bank) -> None:
    """payment_id counts from 1 in the order of paid_at, from the first local midnight to the last."""
    paid = bank.payments["paid_at"]
    assert bank.payments["payment_id"].to_list() == list(range(1, bank.payments.height + 1))
    assert paid.is_sorted()
    local = paid.dt.convert_time_zone("Europe/Berlin").dt.date()
    assert (str(local.min()), str(local.max())) == ("2024-10-01", "2025-01-31")


def test_the_same_seed_gives_the_same_bank_and_another_seed_another() -> None:
    """Every table is equal, row for row; with another seed the payments differ."""
    first, again, other = simulate(300, 2, 5), simulate(300, 2, 5), simulate(300, 2, 6)
    for table in COLUMNS:
        assert_frame_equal(getattr(first, table), getattr(again, table))
    assert not first.payments.equals(other.payments)


def test_size_follows_the_customers_and_months(bank: Bank) -> None:
    """Ten to sixteen payments per customer and month, about one merchant for eight customers or fewer."""
    per_month = bank.payments.height / 2_000 / 4
    assert 10 < per_month < 16
    assert bank.customers.height == bank.accounts.height == 2_000
    assert 1.2 < bank.cards.height / 2_000 < 1.4
    small = simulate(1_000, 1, 3)
    assert small.customers.height == 1_000
    assert 0.4 < small.payments.height / 1_000 / per_month < 1.6


def test_days_have_a_rhythm_and_it_is_the_persons(bank: Bank) -> None:
    """Evenings are busy and nights quiet in Berlin's time; a night worker's hours are others."""
    local = bank.payments.with_columns(hour=pl.col("paid_at").dt.convert_time_zone("Europe/Berlin").dt.hour())
    by_hour = dict(local.group_by("hour").len().iter_rows())
    assert by_hour[18] > 5 * by_hour[4]
    night = local.group_by("customer_id").agg(share=(pl.col("hour") < 5).mean(), n=pl.len()).filter(pl.col("n") > 20)
    assert _number(night["share"].median()) < 0.05
    assert 0.01 < _number((night["share"] > 0.3).mean()) < 0.10


def test_weekends_differ_between_people(bank: Bank) -> None:
    """The spread of the weekend's share between people is wider than chance alone would give."""
    free = pl.col("paid_at").dt.convert_time_zone("Europe/Berlin").dt.weekday() >= 6
    each = bank.payments.group_by("customer_id").agg(share=free.mean(), n=pl.len()).filter(pl.col("n") >= 40)
    share, n = each["share"], each["n"]
    mean = _number(share.mean())
    by_chance = _number((mean * (1 - mean) / n).mean())
    assert _number(share.var()) > 1.3 * by_chance


def test_people_shop_near_home(bank: Bank) -> None:
    """Most payments in person are made in the customer's own region."""
    joined = (
        bank.payments.filter(pl.col("channel") != "online")
        .join(bank.customers.select("customer_id", home="region"), on="customer_id")
        .join(bank.terminals.select("terminal_id", "region"), on="terminal_id")
    )
    assert 0.75 < _number((joined["home"] == joined["region"]).mean()) < 0.97


def test_households_share_devices(bank: Bank) -> None:
    """Some devices serve more than one customer, and mostly customers of one household."""
    used = bank.payments.drop_nulls("device_id").join(bank.customers, on="customer_id")
    each = used.group_by("device_id").agg(pl.col("customer_id").n_unique(), pl.col("household_id").n_unique())
    shared = each.filter(pl.col("customer_id") > 1)
    assert shared.height > 100
    assert _number((shared["household_id"] == 1).mean()) > 0.8


def test_a_device_is_listed_from_its_first_use_on(bank: Bank) -> None:
    """No payment uses a device before the bank has first seen it."""
    joined = bank.payments.join(bank.devices.select("device_id", "first_seen_at"), on="device_id")
    assert (joined["first_seen_at"] <= joined["paid_at"]).all()


def test_parts_of_the_bank_have_random_numbers_of_their_own() -> None:
    """A longer bank has the same customers: what is drawn for payments does not disturb what is drawn for people."""
    short, long = simulate(300, 1, 5), simulate(300, 3, 5)
    for column in ("region", "age_band", "sex", "household_id", "income", "segment"):
        assert short.customers[column].equals(long.customers[column])


def test_the_calendar_knows_the_change_of_clocks() -> None:
    """In Berlin the last Sunday of October 2024 has 25 hours."""
    calendar = calendar_from("2024-10-01", 1)
    hours = [(calendar.midnight_s[day + 1] - calendar.midnight_s[day]) // 3_600 for day in range(31)]
    assert hours == [24] * 26 + [25] + [24] * 4


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"customers": 99}, "99 customers cannot be simulated; allowed: 100 to 1000000"),
        ({"customers": 1_000_001}, "1000001 customers"),
        ({"months": 0}, "0 months cannot be simulated; allowed: 1 to 60"),
        ({"seed": -1}, "-1 is not a seed"),
        ({"start": "2025-01-02"}, "'2025-01-02' is not a start"),
        ({"start": "soon"}, "'soon' is not a start"),
    ],
)
def test_a_bank_that_cannot_be_is_refused(changes: dict[str, object], told: str) -> None:
    """The error says what was given and what is allowed."""
    given: dict[str, object] = {"customers": 100, "months": 1, "seed": 1, "start": "2025-01-01"} | changes
    with pytest.raises(InputError, match=told):
        simulate(**given)  # type: ignore[arg-type]


def test_progress_counts_the_months() -> None:
    """Progress is told after each month."""
    seen: list[tuple[int, int]] = []
    simulate(100, 3, 1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
