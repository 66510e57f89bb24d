"""The bank: its months in order, and its tables as frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeAlias

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.sim import tables
from tallystick.sim.calendar import Calendar, calendar_from
from tallystick.sim.chance import Flags, Ints
from tallystick.sim.fraud import Plan, plan_fraud, skim
from tallystick.sim.lives import live
from tallystick.sim.people import build_devices, build_people
from tallystick.sim.places import build_market
from tallystick.sim.rows import BUST_OUT, NONE, Rows, stack
from tallystick.sim.spending import Whereabouts, World, spend
from tallystick.sim.statements import Books
from tallystick.sim.words import WORDS

LEAST_CUSTOMERS, MOST_CUSTOMERS = 100, 1_000_000
MOST_MONTHS = 60
_PART_CUSTOMERS = 120_000
"""A month is drawn in as many parts as keep one part below about two million payments."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with months done and months in all."""


class Bank(msgspec.Struct, frozen=True):
    """A simulated bank as polars frames: money Int64 in cents, instants Datetime us UTC, flags Boolean.

    Attributes
    ----------
    customers, accounts, cards, devices, merchants, terminals, payments, statements, life_events
        What the bank would deliver.
    truth_fraud, truth_states, truth_events, truth_rings
        What is planted: the kind of each fraud, hidden states by customer and month, all life events, rings.
    """

    customers: pl.DataFrame
    accounts: pl.DataFrame
    cards: pl.DataFrame
    devices: pl.DataFrame
    merchants: pl.DataFrame
    terminals: pl.DataFrame
    payments: pl.DataFrame
    statements: pl.DataFrame
    life_events: pl.DataFrame
    truth_fraud: pl.DataFrame
    truth_states: pl.DataFrame
    truth_events: pl.DataFrame
    truth_rings: pl.DataFrame


class Piece(msgspec.Struct, frozen=True):
    """Some rows of a table, in its order; `month` such as "2025_01", or "" where a table is one file."""

    table: str
    month: str
    frame: pl.DataFrame


def simulate(
    customers: int, months: int, seed: int, start: str = "2025-01-01", progress: Progress | None = None
) -> Bank:
    """Simulate a bank and hold all of it.

    Parameters
    ----------
    customers
        100 to 1,000,000. From about 100,000 on, `write_bank` needs far less memory.
    months
        Months with payments, 1 to 60.
    seed
        A whole number from 0; the same seed gives the same bank.
    start
        The first day of a month, in Berlin.
    progress
        Called with months done and months in all.

    Returns
    -------
    Bank
        Its tables, described in docs/simulated-bank.md.

    Raises
    ------
    InputError
        When a parameter is outside its range.

    Examples
    --------
    >>> bank = simulate(customers=100, months=1, seed=1)
    >>> bank.payments.columns[:4]
    ['payment_id', 'paid_at', 'card_id', 'customer_id']
    """
    parts: dict[str, list[pl.DataFrame]] = {}
    for piece in pieces(customers, months, seed, start, progress):
        parts.setdefault(piece.table, []).append(piece.frame)
    return Bank(**{table: pl.concat(frames) for table, frames in parts.items()})


def pieces(customers: int, months: int, seed: int, start: str, progress: Progress | None) -> Iterator[Piece]:
    """All tables piece by piece, so that no more than a part of a month of payments is ever held."""
    world, plan = _found(customers, months, seed, start)
    names = tables.names_of(world, plan)
    for table, frame in tables.standing(world, names):
        yield Piece(table, "", frame)
    where, books = Whereabouts(world), Books(world)
    waiting, next_id = plan.rows, 1
    used_by, used_s = (np.full(plan.attackers, n, dtype=np.int64) for n in (-1, np.iinfo(np.int64).max))
    for month in range(months):
        where.enter(world, month)
        open_share = books.open_share(world)
        spent = np.zeros(len(open_share), dtype=np.int64)
        for part, days in enumerate(_parts(world.calendar, customers, month)):
            honest = spend(world, where, open_share, month, part, days)
            waiting = stack((waiting, skim(world, plan, honest, month, part)))
            due = waiting.paid_s < world.calendar.midnight_s[days[1]]
            rows = stack((honest, waiting.take(due & _admitted(world, waiting, month))))
            waiting = waiting.take(~due)
            rows = rows.take(np.argsort(rows.paid_s, kind="stable"))
            _note_attackers(world, rows, used_by, used_s)
            own = (rows.kind == NONE) | (rows.kind == BUST_OUT)
            spent += np.bincount(rows.card[own], rows.amount_minor[own], len(spent)).astype(np.int64)
            yield Piece("payments", world.calendar.names[month], tables.payments(world, names, rows, next_id))
            yield Piece("truth_fraud", "", tables.truth_fraud(names, rows, next_id))
            next_id += len(rows)
        statements = books.close(world, month, spent)
        yield Piece("statements", "", tables.statements(world, names, statements, month))
        yield Piece("truth_states", "", tables.truth_states(world, names, month))
        if progress is not None:
            progress(month + 1, months)
    yield Piece("devices", "", tables.devices(world, names, used_by, used_s))
    yield Piece("truth_rings", "", tables.truth_rings(world, plan, names, used_by))


def check(customers: int, months: int, seed: int) -> None:
    """Refuse sizes and seeds that cannot be simulated; raises `InputError`."""
    if not LEAST_CUSTOMERS <= customers <= MOST_CUSTOMERS:
        raise InputError(WORDS("sim.customers", given=customers, least=LEAST_CUSTOMERS, most=MOST_CUSTOMERS))
    if not 1 <= months <= MOST_MONTHS:
        raise InputError(WORDS("sim.months", given=months, most=MOST_MONTHS))
    if seed < 0:
        raise InputError(WORDS("sim.seed", given=seed))


def _found(customers: int, months: int, seed: int, start: str) -> tuple[World, Plan]:
    check(customers, months, seed)
    calendar = calendar_from(start, months)
    people = build_people(customers, calendar, seed)
    world = World(
        seed=seed,
        calendar=calendar,
        market=build_market(customers, seed),
        people=people,
        devices=build_devices(people, calendar, seed),
        lives=live(people, calendar, seed),
    )
    plan = plan_fraud(world)
    # Who fills the line to vanish is in default in the month after.
    fall = calendar.month_at(plan.bust_end_s) + 1
    seen = fall < len(calendar.names)
    world.lives.default_month[plan.bust_customer[seen]] = fall[seen]
    world.lives.default_s[plan.bust_customer[seen]] = calendar.midnight_s[calendar.month_day[fall[seen]] + 14]
    return world, plan


def _parts(calendar: Calendar, customers: int, month: int) -> list[tuple[int, int]]:
    first, after = int(calendar.month_day[month]), int(calendar.month_day[month + 1])
    edges = np.linspace(first, after, min(-(-customers // _PART_CUSTOMERS), after - first) + 1).astype(int).tolist()
    return list(pairwise(edges))


def _admitted(world: World, rows: Rows, month: int) -> Flags:
    """Criminals, too, pay only from the first day on and with cards that are still open."""
    open_card = month < world.lives.default_month[world.people.card_customer[rows.card]]
    return open_card & (rows.paid_s >= world.calendar.start_s) & (rows.paid_s >= world.people.card_issued_s[rows.card])


def _note_attackers(world: World, rows: Rows, used_by: Ints, used_s: Ints) -> None:
    """Keep when the bank first saw each attacker's device, and for whom: rows are in time order."""
    theirs = np.flatnonzero(rows.device >= len(world.devices.customer))
    device, first = np.unique(rows.device[theirs], return_index=True)
    device = device - len(world.devices.customer)
    fresh = used_by[device] < 0
    row = theirs[first[fresh]]
    used_by[device[fresh]] = world.people.card_customer[rows.card[row]]
    used_s[device[fresh]] = rows.paid_s[row]
