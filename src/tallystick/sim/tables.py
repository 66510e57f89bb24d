"""Tables: the delivered and the planted columns, from whole numbers to polars frames."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl

from tallystick.sim.chance import Ints, stream
from tallystick.sim.fraud import RING_DEVICES, Plan
from tallystick.sim.lives import EVENT_KINDS, STRESS
from tallystick.sim.people import AGE_BANDS, SEGMENTS, SEXES
from tallystick.sim.places import CATEGORIES, PLACES
from tallystick.sim.rows import CHANNELS, ENTRY_MODES, FRAUD_KINDS, NONE, TERMINAL, Rows
from tallystick.sim.spending import World
from tallystick.sim.statements import Statements


class Names(msgspec.Struct, frozen=True):
    """The text ids of everything that has an index."""

    customer: pl.Series
    card: pl.Series
    device: pl.Series
    merchant: pl.Series
    terminal: pl.Series
    ring: pl.Series
    merchant_country: pl.Series


def names_of(world: World, plan: Plan) -> Names:
    """Name all things; devices are numbered in a drawn order, so that a number tells nothing about its owner."""
    people, market = world.people, world.market
    devices = stream(world.seed, "names").permutation(len(world.devices.customer) + plan.attackers)
    return Names(
        customer=_ids("C", np.arange(len(people.joined_s))),
        card=_ids("K", np.arange(len(people.card_customer))),
        device=_ids("D", devices),
        merchant=_ids("M", np.arange(len(market.merchant_category))),
        terminal=_ids("T", np.arange(len(market.terminal_merchant))),
        ring=_ids("R", np.arange(len(plan.ring_kind))),
        merchant_country=pl.Series(market.merchant_country),
    )


def standing(world: World, names: Names) -> Iterator[tuple[str, pl.DataFrame]]:
    """The tables that no payment changes."""
    people, market = world.people, world.market
    owner = people.card_customer
    yield (
        "customers",
        pl.DataFrame(
            {
                "customer_id": names.customer,
                "joined_at": _instants(people.joined_s),
                "region": _words(PLACES, people.region),
                "age_band": _words(AGE_BANDS, people.age),
                "sex": _words(SEXES, people.sex),
                "household_id": _ids("H", people.household),
                "income": people.income_minor,
                "segment": _words(SEGMENTS, people.segment),
            }
        ),
    )
    accounts = _ids("A", np.arange(len(people.joined_s)))
    yield (
        "accounts",
        pl.DataFrame({"account_id": accounts, "customer_id": names.customer, "opened_at": _instants(people.joined_s)}),
    )
    yield (
        "cards",
        pl.DataFrame(
            {
                "card_id": names.card,
                "account_id": accounts.gather(owner),
                "customer_id": names.customer.gather(owner),
                "credit_limit": people.card_limit_minor,
                "issued_at": _instants(people.card_issued_s),
            }
        ),
    )
    yield (
        "merchants",
        pl.DataFrame(
            {
                "merchant_id": names.merchant,
                "category": _words([category.name for category in CATEGORIES], market.merchant_category),
                "country": names.merchant_country,
            }
        ),
    )
    merchant = market.terminal_merchant
    yield (
        "terminals",
        pl.DataFrame(
            {
                "terminal_id": names.terminal,
                "merchant_id": names.merchant.gather(merchant),
                "region": _words(PLACES, market.merchant_place[merchant]),
            }
        ),
    )
    yield from _life_events(world, names)


def payments(world: World, names: Names, rows: Rows, first_id: int) -> pl.DataFrame:
    """Payments as delivered; `rows` in time order, numbered from `first_id`."""
    merchant = world.market.terminal_merchant[rows.terminal]
    device = pl.Series(rows.device)
    return pl.DataFrame(
        {
            "payment_id": np.arange(first_id, first_id + len(rows)),
            "paid_at": _instants(rows.paid_s),
            "card_id": names.card.gather(rows.card),
            "customer_id": names.customer.gather(world.people.card_customer[rows.card]),
            "terminal_id": names.terminal.gather(rows.terminal),
            "merchant_id": names.merchant.gather(merchant),
            "device_id": names.device.gather(device.set(device < 0, None)),
            "amount": rows.amount_minor,
            "channel": _words(CHANNELS, rows.channel),
            "entry_mode": _words(ENTRY_MODES, rows.entry),
            "country": names.merchant_country.gather(merchant),
            "category": _words([category.name for category in CATEGORIES], world.market.merchant_category[merchant]),
            "fraud": rows.known_s > 0,
            "fraud_known_at": _instants(rows.known_s, absent=0),
        }
    )


def statements(world: World, names: Names, closed: Statements, month: int) -> pl.DataFrame:
    """The statements of a month, closed in its last second."""
    people, calendar = world.people, world.calendar
    month_name = calendar.names[month].replace("_", "")
    return pl.DataFrame(
        {
            "statement_id": f"S{month_name}-" + names.card.gather(closed.card),
            "customer_id": names.customer.gather(people.card_customer[closed.card]),
            "card_id": names.card.gather(closed.card),
            "closed_at": _instants(np.full(len(closed.card), calendar.month_start_s(month + 1) - 1)),
            "balance": closed.balance_minor,
            "credit_limit": people.card_limit_minor[closed.card],
            "minimum_due": closed.minimum_minor,
            "paid": closed.paid_minor,
            "days_past_due": closed.days_past_due,
            "default_next": closed.default_next > 0,
            "default_known_at": _instants(closed.known_s),
        }
    )


def devices(world: World, names: Names, used_by: Ints, used_s: Ints) -> pl.DataFrame:
    """Devices seen so far; an attacker's device stands under the first customer for whom it was used."""
    own = world.devices
    customer = np.concatenate((own.customer, used_by))
    first_seen = np.concatenate((own.first_seen_s, used_s))
    seen = np.flatnonzero((customer >= 0) & (first_seen < world.calendar.end_s))
    frame = pl.DataFrame(
        {
            "device_id": names.device.gather(seen),
            "customer_id": names.customer.gather(customer[seen]),
            "first_seen_at": _instants(first_seen[seen]),
        }
    )
    return frame.sort("device_id")


def truth_fraud(names: Names, rows: Rows, first_id: int) -> pl.DataFrame:
    """The kind and ring of each fraudulent payment, confirmed or not."""
    which = np.flatnonzero(rows.kind != NONE)
    ring = pl.Series(rows.ring[which])
    return pl.DataFrame(
        {
            "payment_id": which + first_id,
            "fraud_kind": _words(FRAUD_KINDS, rows.kind[which]),
            "ring_id": names.ring.gather(ring.set(ring < 0, None)),
            "confirmed": rows.known_s[which] > 0,
        }
    )


def truth_states(world: World, names: Names, month: int) -> pl.DataFrame:
    """The hidden state of each customer in a month."""
    lives = world.lives
    here = np.flatnonzero(world.people.joined_s < world.calendar.month_start_s(month + 1))
    return pl.DataFrame(
        {
            "customer_id": names.customer.gather(here),
            "month": pl.Series([world.calendar.names[month].replace("_", "-")]).new_from_index(0, len(here)),
            "stress": _words(STRESS, lives.stress[here, month].astype(np.int64)),
            "bills_missed": lives.missed[here, month].astype(np.int64),
            "defaulted": lives.default_month[here] <= month,
        }
    )


def truth_rings(world: World, plan: Plan, names: Names, used_by: Ints) -> pl.DataFrame:
    """Planted rings and what their members share: terminals, shops, devices, customers."""
    read = np.flatnonzero(plan.window_of >= 0)
    armed = np.flatnonzero(plan.ring_device >= 0)
    own = np.repeat(armed, RING_DEVICES)
    gadget = plan.ring_device[own] + np.tile(np.arange(RING_DEVICES), len(armed))
    used = used_by[gadget - len(world.devices.customer)] >= 0
    tests = np.flatnonzero(plan.ring_kind == TERMINAL)
    everyone = np.arange(len(plan.ring_kind))
    members = [
        (plan.window_ring[plan.window_of[read]], "read_terminal", names.terminal.gather(read)),
        (tests, "test_terminal", names.terminal.gather(plan.ring_test[tests])),
        (everyone, "cash_out_terminal", names.terminal.gather(plan.ring_shop)),
        (own[used], "device", names.device.gather(gadget[used])),
        (plan.bust_ring, "customer", names.customer.gather(plan.bust_customer)),
    ]
    frames = [
        pl.DataFrame(
            {
                "ring_id": names.ring.gather(ring),
                "fraud_kind": _words(FRAUD_KINDS, plan.ring_kind[ring]),
                "role": pl.Series([role]).new_from_index(0, len(ring)),
                "member_id": member,
            }
        )
        for ring, role, member in members
    ]
    return pl.concat(frames).sort("ring_id", "role", "member_id")


def _life_events(world: World, names: Names) -> Iterator[tuple[str, pl.DataFrame]]:
    lives = world.lives
    known = _instants(lives.event_told_s, absent=0)
    every = pl.DataFrame(
        {
            "event_id": _ids("E", np.arange(len(lives.event_s))),
            "customer_id": names.customer.gather(lives.event_customer),
            "at": _instants(lives.event_s),
            "kind": _words(EVENT_KINDS, lives.event_kind),
            "known_at": known,
        }
    )
    yield "life_events", every.filter(pl.col("known_at").is_not_null())
    yield "truth_events", every


def _ids(letter: str, index: Ints) -> pl.Series:
    number = pl.Series(index + 1).cast(pl.String).str.zfill(6)
    return letter + number


def _words(words: tuple[str, ...] | list[str], index: Ints) -> pl.Series:
    return pl.Series(list(words)).gather(index)


def _instants(seconds: Ints, absent: int | None = None) -> pl.Series:
    instants = pl.Series(seconds * 1_000_000)
    if absent is not None:
        instants = instants.set(instants == absent * 1_000_000, None)
    return instants.cast(pl.Datetime("us", "UTC"))
