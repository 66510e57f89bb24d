"""Fraud: who is robbed when, by which ring, and the payments that follow; the planted truth."""

from __future__ import annotations

import msgspec
import numpy as np

from tallystick.sim.calendar import DAY_S
from tallystick.sim.chance import Floats, Ints, choose, stream
from tallystick.sim.lives import NEVER
from tallystick.sim.places import ABROAD_WEIGHT, CASH, CODE, ONLINE, REGION_WEIGHT, REGIONS, price_minor
from tallystick.sim.rows import (
    ATM,
    BUST_OUT,
    CHIP,
    CONTACTLESS,
    ECOM,
    MAGSTRIPE,
    POS,
    STOLEN,
    TAKEOVER,
    TERMINAL,
    WEB,
    Rows,
    stack,
)
from tallystick.sim.spending import World, device_at

CASES_PER_CUSTOMER_MONTH = {STOLEN: 0.0036, TERMINAL: 0.0002, TAKEOVER: 0.0035, BUST_OUT: 0.0003}
"""Cases per customer and month; of TERMINAL, terminals read out."""

_UNCONFIRMED = 0.04
_DELAY_DAYS = {STOLEN: 2.5, TERMINAL: 6.0, TAKEOVER: 4.0, BUST_OUT: 40.0}
_DELAY_SPREAD = {STOLEN: 0.6, TERMINAL: 0.5, TAKEOVER: 0.7, BUST_OUT: 0.2}
_RING_SIZE = {TERMINAL: 4, TAKEOVER: 8, BUST_OUT: 6}
_READ_SHARE = 0.45
RING_DEVICES = 3


def _codes(**weights: float) -> tuple[Ints, Floats]:
    return np.array([CODE[name] for name in weights]), np.array(list(weights.values()))


_LOOT = _codes(electronics=16, fashion=22, jewellery=4, fuel=14, cash=12, restaurant=12, grocery=20)
_WEB_LOOT = _codes(electronics=25, marketplace=40, gift_cards=10, travel=10, fashion=15)
_CREDIT_LOOT = _codes(electronics=22, jewellery=6, fashion=22, home=24, cash=12, restaurant=14)
_TESTS = _codes(digital=60, entertainment=20, transport=20)


class Plan(msgspec.Struct, frozen=True):
    """All fraud that does not depend on where honest customers happen to pay, and the rings.

    Attributes
    ----------
    rows
        Payments of stolen cards, account takeovers and bust-outs, in no order.
    window_of, read_from_s, read_to_s
        Per terminal its window (-1: never read out); per window its seconds.
    window_ring
        Per window its ring.
    ring_kind, ring_device, ring_test, ring_shop
        Per ring: kind of fraud, first of its `RING_DEVICES` attackers' devices (-1: none), the terminal where it tries
        cards, and the terminal where it turns them into money (-1: none).
    attackers
        How many attackers' devices there are; they are numbered after those of customers.
    bust_customer, bust_ring, bust_end_s
        Who leaves the bank a full line, with which ring, and when the line is full.
    """

    rows: Rows
    window_of: Ints
    read_from_s: Ints
    read_to_s: Ints
    window_ring: Ints
    ring_kind: Ints
    ring_device: Ints
    ring_test: Ints
    ring_shop: Ints
    attackers: int
    bust_customer: Ints
    bust_ring: Ints
    bust_end_s: Ints


def plan_fraud(world: World) -> Plan:
    """Plan every case of fraud; needs no payment of honest customers."""
    rng = stream(world.seed, "fraud")
    calendar, market = world.calendar, world.market
    scale = len(world.people.joined_s) * calendar.months
    count = {kind: max(1, round(rate * scale)) for kind, rate in CASES_PER_CUSTOMER_MONTH.items()}

    rings = {kind: -(-count[kind] // size) for kind, size in _RING_SIZE.items()}
    ring_kind = np.repeat(list(rings), list(rings.values()))
    armed = ring_kind != BUST_OUT
    ring_device = np.where(armed, len(world.devices.customer) + (np.cumsum(armed) - 1) * RING_DEVICES, -1)
    web = np.full(len(ring_kind), ONLINE)
    ring_test = np.where(ring_kind == TERMINAL, _quiet(world, rng, _TESTS, web), -1)
    near = choose(rng, REGION_WEIGHT, len(ring_kind))
    shop = np.where(armed, _quiet(world, rng, _WEB_LOOT, web), _quiet(world, rng, _CREDIT_LOOT, near))
    first = dict(zip(rings, np.cumsum([0, *rings.values()]).tolist(), strict=False))

    from_s = rng.integers(calendar.start_s, calendar.end_s, count[TERMINAL])
    in_person = np.flatnonzero(market.merchant_place[market.terminal_merchant] < len(REGIONS))
    chosen = rng.choice(in_person, min(count[TERMINAL], len(in_person)), replace=False)
    window_of = np.full(len(market.terminal_merchant), -1, dtype=np.int64)
    window_of[chosen] = np.arange(len(chosen))

    stolen = _stolen(world, rng, count[STOLEN])
    taken = _taken(world, rng, count[TAKEOVER], first[TAKEOVER], ring_device, shop)
    bust, customer, bust_ring, end_s = _bust_outs(world, rng, count[BUST_OUT], first[BUST_OUT], shop)
    return Plan(
        rows=stack((stolen, taken, bust)),
        window_of=window_of,
        read_from_s=from_s[: len(chosen)],
        read_to_s=from_s[: len(chosen)] + rng.integers(20 * DAY_S, 40 * DAY_S, len(chosen)),
        window_ring=first[TERMINAL] + np.arange(len(chosen)) // _RING_SIZE[TERMINAL],
        ring_kind=ring_kind,
        ring_device=ring_device,
        ring_test=ring_test,
        ring_shop=shop,
        attackers=int(armed.sum()) * RING_DEVICES,
        bust_customer=customer,
        bust_ring=bust_ring,
        bust_end_s=end_s,
    )


def skim(world: World, plan: Plan, rows: Rows, month: int, part: int) -> Rows:
    """Fraud that follows from honest payments at terminals while they were read out."""
    rng = stream(world.seed, "skim", month, part)
    window = plan.window_of[rows.terminal]
    read = (window >= 0) & (plan.read_from_s[window] <= rows.paid_s) & (rows.paid_s < plan.read_to_s[window])
    hit = np.flatnonzero(read & (rng.random(len(rows)) < _READ_SHARE))
    hit = hit[np.unique(rows.card[hit] * len(plan.read_from_s) + window[hit], return_index=True)[1]]
    # Forged sales go through the same terminal; the card's data also go to the web, first as tests, then for money.
    steps = (rng.poisson(2.0, len(hit)), rng.integers(1, 3, len(hit)), rng.integers(1, 3, len(hit)))
    case = np.concatenate([np.repeat(np.arange(len(hit)), n) for n in steps])
    step = np.repeat(np.arange(3), [int(n.sum()) for n in steps])
    size, source = len(case), hit[case]
    ring = plan.window_ring[window[source]]
    card, customer = rows.card[source], world.people.card_customer[rows.card[source]]
    # The seller of card data waits; buyers then try and use a card within a day or two.
    wait = rng.integers(2 * DAY_S, 24 * DAY_S, len(hit))[case]
    offset = np.where(step == 2, rng.integers(1_800, 40 * 3_600, size), rng.integers(0, 1_800, size))
    forged_s = rows.paid_s[source] + rng.integers(DAY_S // 2, 14 * DAY_S, size)
    forged_s = forged_s - forged_s % DAY_S + rng.integers(8 * 3_600, 19 * 3_600, size)
    sold_s = rows.paid_s[source] + wait + offset
    paid = np.where(step == 0, np.maximum(forged_s, rows.paid_s[source] + 600), sold_s)
    known_shop = np.where(step == 1, plan.ring_test[ring], plan.ring_shop[ring])
    any_shop = _terminals(world, rng, _WEB_LOOT, np.full(size, ONLINE))
    terminal = np.where(step == 0, rows.terminal[source], np.where(rng.random(size) < 0.8, known_shop, any_shop))
    normal = rng.standard_normal(size)
    amount = price_minor(world.market.category_of(terminal), world.people.level[customer] * 1.25, normal)
    amount = np.where(step == 1, np.maximum(amount // 2, 50), amount)
    spoofed = device_at(world, rng, customer, paid, np.ones(size, dtype=bool))
    theirs = plan.ring_device[ring] + rng.integers(0, RING_DEVICES, size)
    device = np.where(step == 0, -1, np.where(rng.random(size) < 0.5, spoofed, theirs))
    cash = rows.channel[source] == ATM
    u = rng.random(size)
    swiped = np.where(u < 0.25, MAGSTRIPE, np.where(u < 0.7, CHIP, CONTACTLESS))
    return Rows(
        paid_s=paid,
        card=card,
        terminal=terminal,
        device=device,
        amount_minor=amount,
        channel=np.where(step > 0, WEB, np.where(cash, ATM, POS)),
        entry=np.where(step > 0, ECOM, np.where(cash, CHIP, swiped)),
        kind=np.full(size, TERMINAL),
        ring=ring,
        known_s=_confirmed(rng, TERMINAL, case, paid),
    )


def _stolen(world: World, rng: np.random.Generator, count: int) -> Rows:
    """Cards taken by hand: a burst of purchases in person, near or far, until the owner notices."""
    card = _cards(world, rng, count)
    begin = rng.integers(world.calendar.start_s, world.calendar.end_s, count)
    begin = begin - begin % DAY_S + (np.abs(rng.normal(14.5, 3.5, count)) * 3_600).astype(np.int64) % DAY_S
    times = rng.integers(3, 8, count)
    case = np.repeat(np.arange(count), times)
    size = len(case)
    paid = begin[case] + _gaps(rng, case, 45 * 60)
    customer = world.people.card_customer[card]
    u = rng.random(count)
    strange = np.where(u < 0.30, choose(rng, REGION_WEIGHT, count), len(REGIONS) + choose(rng, ABROAD_WEIGHT, count))
    place = np.where(u < 0.82, np.where(u < 0.30, strange, world.people.region[customer]), strange)[case]
    terminal = _terminals(world, rng, _LOOT, place)
    category = world.market.category_of(terminal)
    amount = price_minor(category, world.people.level[customer][case] * 1.5, rng.standard_normal(size))
    cash = category == CASH
    return Rows(
        paid_s=paid,
        card=card[case],
        terminal=terminal,
        device=np.full(size, -1),
        amount_minor=amount,
        channel=np.where(cash, ATM, POS),
        entry=np.where(~cash & (rng.random(size) < 0.7), CONTACTLESS, CHIP),
        kind=np.full(size, STOLEN),
        ring=np.full(size, -1),
        known_s=_confirmed(rng, STOLEN, case, paid),
    )


def _taken(world: World, rng: np.random.Generator, count: int, first_ring: int, ring_device: Ints, shop: Ints) -> Rows:
    """Accounts taken over: a strange device, the web, mostly by night, at prices well above the owner's."""
    ring = first_ring + np.arange(count) // _RING_SIZE[TAKEOVER]
    card = _cards(world, rng, count)
    calendar, people = world.calendar, world.people
    centre = rng.integers(calendar.start_s, calendar.end_s, len(ring_device))
    day_s = centre[ring] + rng.integers(-12 * DAY_S, 12 * DAY_S, count)
    hour = np.where(rng.random(count) < 0.5, rng.uniform(21, 28, count), rng.uniform(7, 23, count))
    begin = day_s - day_s % DAY_S + (hour * 3_600).astype(np.int64)
    times = rng.integers(2, 6, count)
    case = np.repeat(np.arange(count), times)
    size = len(case)
    paid = begin[case] + _gaps(rng, case, 14 * 60)
    any_shop = _terminals(world, rng, _WEB_LOOT, np.full(size, ONLINE))
    terminal = np.where(rng.random(size) < 0.45, shop[ring[case]], any_shop)
    level = people.level[people.card_customer[card]][case] * 1.5
    amount = price_minor(world.market.category_of(terminal), level, rng.standard_normal(size))
    device = (ring_device[ring] + rng.integers(0, RING_DEVICES, count))[case]
    return Rows(
        paid_s=paid,
        card=card[case],
        terminal=terminal,
        device=device,
        amount_minor=amount,
        channel=np.full(size, WEB),
        entry=np.full(size, ECOM),
        kind=np.full(size, TAKEOVER),
        ring=ring[case],
        known_s=_confirmed(rng, TAKEOVER, case, paid),
    )


def _bust_outs(
    world: World, rng: np.random.Generator, count: int, first_ring: int, shop: Ints
) -> tuple[Rows, Ints, Ints, Ints]:
    """Good customers who fill their line in a few weeks, ever faster, and vanish."""
    people = world.people
    card = _cards(world, rng, count)
    card = card[np.sort(np.unique(people.card_customer[card], return_index=True)[1])]
    count, customer = len(card), people.card_customer[card]
    ring = first_ring + np.arange(count) // _RING_SIZE[BUST_OUT]
    begin = rng.integers(world.calendar.start_s, world.calendar.end_s, count)
    length = rng.integers(21 * DAY_S, 42 * DAY_S, count)
    times = rng.integers(22, 42, count)
    case = np.repeat(np.arange(count), times)
    size = len(case)
    paid = begin[case] + (np.sqrt(rng.random(size)) * length[case]).astype(np.int64)
    paid = paid - paid % DAY_S + (rng.uniform(8, 19, size) * 3_600).astype(np.int64)
    weight = rng.gamma(2.0, 0.5, size)
    total = np.bincount(case, weights=weight, minlength=count)
    amount = people.card_limit_minor[card][case] * 0.85 * weight / total[case]
    near = _terminals(world, rng, _CREDIT_LOOT, people.region[customer][case])
    terminal = np.where(rng.random(size) < 0.5, shop[ring[case]], near)
    cash = world.market.category_of(terminal) == CASH
    minor = np.maximum(np.rint(amount), 500)
    minor = np.where(cash, np.maximum(np.rint(amount / 1000), 1) * 1000, minor)
    rows = Rows(
        paid_s=paid,
        card=card[case],
        terminal=terminal,
        device=np.full(size, -1),
        amount_minor=minor.astype(np.int64),
        channel=np.where(cash, ATM, POS),
        entry=np.full(size, CHIP),
        kind=np.full(size, BUST_OUT),
        ring=ring[case],
        known_s=_confirmed(rng, BUST_OUT, case, paid),
    )
    return rows, customer, ring, begin + length


def _cards(world: World, rng: np.random.Generator, count: int) -> Ints:
    """Cards of customers who were there from the start and stay."""
    people = world.people
    steady = (people.joined_s < world.calendar.start_s) & (world.lives.default_month == NEVER)
    return rng.choice(np.flatnonzero(steady[people.card_customer]), count)


def _terminals(world: World, rng: np.random.Generator, loot: tuple[Ints, Floats], place: Ints) -> Ints:
    codes, weights = loot
    return world.market.pick(codes[choose(rng, weights, len(place))], place, rng.random(len(place)))


def _quiet(world: World, rng: np.random.Generator, loot: tuple[Ints, Floats], place: Ints) -> Ints:
    """Terminals with few honest payments: a shop that works with criminals."""
    codes, weights = loot
    return world.market.pick(codes[choose(rng, weights, len(place))], place, rng.uniform(0.85, 1.0, len(place)))


def _gaps(rng: np.random.Generator, case: Ints, mean_s: float) -> Ints:
    """Seconds since the first payment of each case: exponential gaps, summed within the case."""
    gap = np.rint(rng.exponential(mean_s, len(case))).astype(np.int64) + 20
    first = np.concatenate(([True], case[1:] != case[:-1])) if len(case) else np.zeros(0, dtype=bool)
    gap[first] = 0
    total = np.cumsum(gap)
    start: Ints = total[first][np.cumsum(first) - 1] if len(case) else total
    return total - start


def _confirmed(rng: np.random.Generator, kind: int, case: Ints, paid: Ints) -> Ints:
    """When each case is confirmed, all its payments at once; 0 for the few that nobody reports."""
    cases = int(case.max()) + 1 if len(case) else 0
    last = np.zeros(cases, dtype=np.int64)
    np.maximum.at(last, case, paid)
    days = _DELAY_DAYS[kind] * np.exp(_DELAY_SPREAD[kind] * rng.standard_normal(cases))
    known = last + np.rint(days * DAY_S).astype(np.int64)
    return np.where(rng.random(cases) < _UNCONFIRMED, 0, known)[case]
