"""Spending: what honest customers pay, by their own rhythm, places and means, with trips, sprees and big purchases."""

from __future__ import annotations

import msgspec
import numpy as np

from tallystick.sim.calendar import DAY_S, Calendar
from tallystick.sim.chance import Flags, Floats, Ints, choose, stream
from tallystick.sim.lives import MOVE, Lives
from tallystick.sim.people import Devices, People
from tallystick.sim.places import (
    ABROAD_WEIGHT,
    CASH,
    CODE,
    ONLINE,
    REGION_WEIGHT,
    REGIONS,
    Market,
    everyday_category,
    price_minor,
)
from tallystick.sim.rows import (
    ATM,
    CHIP,
    CONTACTLESS,
    ECOM,
    MAGSTRIPE,
    POS,
    STORED,
    TOKEN,
    WALLET,
    WEB,
    Rows,
    honest,
    stack,
)

_REGULARS = 6
_STRESS_RATE = np.array([1.0, 1.20, 1.05])
_SPREE_CATEGORIES = np.array([CODE[name] for name in ("fashion", "electronics", "home", "jewellery", "entertainment")])


class World(msgspec.Struct, frozen=True):
    """Everything that is drawn before the first payment."""

    seed: int
    calendar: Calendar
    market: Market
    people: People
    devices: Devices
    lives: Lives


class Whereabouts:
    """Where customers live, shop and travel: the state that one month hands to the next."""

    def __init__(self, world: World) -> None:
        customers = len(world.people.joined_s)
        self.region = world.people.region.copy()
        self.regulars = np.zeros((customers, _REGULARS), dtype=np.int64)
        self.trip_from = np.zeros(customers, dtype=np.int64)
        self.trip_to = np.zeros(customers, dtype=np.int64)
        self.trip_place = np.zeros(customers, dtype=np.int64)
        self._settle(world, np.arange(customers), stream(world.seed, "settle"))

    def enter(self, world: World, month: int) -> None:
        """Apply last month's moves and draw this month's trips."""
        rng = stream(world.seed, "whereabouts", month)
        calendar, lives, people = world.calendar, world.lives, world.people
        moved = lives.event_customer[(lives.event_kind == MOVE) & (lives.event_month == month - 1)]
        moved = np.unique(moved)
        self.region[moved] = choose(rng, REGION_WEIGHT, len(moved))
        self._settle(world, moved, rng)
        first, after = int(calendar.month_day[month]), int(calendar.month_day[month + 1])
        leaves = (rng.random(len(self.region)) < people.traveller) & (self.trip_to <= first)
        leaves &= lives.stress[:, month] < 2
        who = np.flatnonzero(leaves)
        self.trip_from[who] = rng.integers(first, after, len(who))
        self.trip_to[who] = self.trip_from[who] + rng.integers(3, 13, len(who))
        self.trip_place[who] = len(REGIONS) + choose(rng, ABROAD_WEIGHT, len(who))

    def _settle(self, world: World, who: Ints, rng: np.random.Generator) -> None:
        draws = rng.random((2, len(who), _REGULARS))
        category = everyday_category(False, draws[0])
        self.regulars[who] = world.market.pick(category, self.region[who][:, None], draws[1])


def spend(world: World, where: Whereabouts, open_share: Floats, month: int, part: int, days: tuple[int, int]) -> Rows:
    """Draw the honest payments of some days of a month, in no order.

    Parameters
    ----------
    world, where
        The bank and where its customers are.
    open_share
        Per card: in [0, 1], how far the owner still can and may spend on it this month.
    month, part
        The month's index, and the part of it that is drawn.
    days
        First day and the day after the last, indices into the calendar.
    """
    rng = stream(world.seed, "spending", month, part)
    calendar, people, lives = world.calendar, world.people, world.lives
    owner = people.card_customer
    expected = people.rate[owner] * people.card_share * open_share * _STRESS_RATE[lives.stress[owner, month]]
    december = 1.18 if calendar.month_of_year[month] == 12 else 1.0
    times = rng.poisson(expected * december * (days[1] - days[0]) / 30.4)
    card = np.repeat(np.arange(len(owner)), times)
    rows = stack((_everyday(world, where, rng, card, month, days), _sprees(world, where, rng, open_share, days)))
    customer = owner[rows.card]
    here = (rows.paid_s >= people.card_issued_s[rows.card]) & (month < lives.default_month[customer])
    return rows.take(
        here & (rows.paid_s < calendar.midnight_s[days[1]]) & (rows.paid_s >= calendar.midnight_s[days[0]])
    )


def _everyday(
    world: World, where: Whereabouts, rng: np.random.Generator, card: Ints, month: int, days: tuple[int, int]
) -> Rows:
    people, market, size = world.people, world.market, len(card)
    customer = people.card_customer[card]
    online = rng.random(size) < people.online[customer]
    day = _days(world.calendar, rng, people.weekend[customer], days)
    second = _seconds(rng, people.shift_h[customer] + np.where(online, 1.6, 0.0))
    paid = world.calendar.midnight_s[day] + second

    at = rng.random(size)
    travels = (where.trip_from[customer] <= day) & (day < where.trip_to[customer]) & ~online
    astray = ~online & ~travels & (at > 0.94)
    draw = rng.random(size)
    category = np.where(online, everyday_category(True, draw), everyday_category(False, draw))
    # Who is short of money draws cash on the card.
    category[~online & (rng.random(size) < 0.05 * world.lives.stress[customer, month])] = CASH
    place = np.where(online, ONLINE, np.where(travels, where.trip_place[customer], where.region[customer]))
    place[astray] = (at[astray] * 1_000_003).astype(np.int64) % len(REGIONS)
    terminal = market.pick(category, place, rng.random(size))
    regular = ~online & ~travels & ~astray & (at < 0.5) & (category != CASH)
    terminal[regular] = where.regulars[customer, (at * 2 * _REGULARS).astype(np.int64) % _REGULARS][regular]
    category = market.category_of(terminal)

    level = people.level[customer] * np.where(rng.random(size) < 0.012, rng.uniform(3, 9, size), 1.0)
    # A single honest payment takes a fifth of the line at most.
    most = people.card_limit_minor[card] // 5
    amount = np.minimum(price_minor(category, level, rng.standard_normal(size)), most)
    channel, entry, device = _means(world, rng, customer, category, online, paid)
    return honest(paid, card, terminal, device, amount, channel, entry)


def _days(calendar: Calendar, rng: np.random.Generator, weekend: Floats, days: tuple[int, int]) -> Ints:
    """A day for each payment: first whether a weekend day, by the person's weight, then any such day."""
    span = np.arange(days[0], days[1])
    free = calendar.weekday[span] >= 5
    work_days, free_days = span[~free], span[free]
    u = rng.random(len(weekend))
    if not len(free_days) or not len(work_days):
        return span[(u * len(span)).astype(np.int64)]
    # The weight is that of a whole week's weekend; 2.5 = 5/2 turns it into one of these days.
    odds = weekend / (1 - weekend) * 2.5 * len(free_days) / len(work_days)
    chance = odds / (1 + odds)
    is_free = u < chance
    inside = np.where(is_free, u / chance, (u - chance) / (1 - chance))
    in_free = free_days[np.minimum((inside * len(free_days)).astype(np.int64), len(free_days) - 1)]
    in_work = work_days[np.minimum((inside * len(work_days)).astype(np.int64), len(work_days) - 1)]
    return np.where(is_free, in_free, in_work)


def _seconds(rng: np.random.Generator, shift_h: Floats) -> Ints:
    """Second of the day: noon and evening peaks moved by the person's shift, and a few at any hour."""
    u = rng.random(len(shift_h))
    peak = np.where(u < 0.35, 12.4, 17.6)
    hours = peak + shift_h + rng.standard_normal(len(shift_h)) * np.where(u < 0.35, 1.3, 2.4)
    hours = np.where(u > 0.93, (u - 0.93) / 0.07 * 24, hours)
    return (hours * 3_600).astype(np.int64) % DAY_S


def _means(
    world: World,
    rng: np.random.Generator,
    customer: Ints,
    category: Ints,
    online: Flags,
    paid: Ints,
) -> tuple[Ints, Ints, Ints]:
    """Channel, entry mode and device of each payment."""
    size = len(customer)
    cash = category == CASH
    wallet = ~online & ~cash & (rng.random(size) < world.people.wallet[customer])
    channel = np.where(online, WEB, np.where(cash, ATM, np.where(wallet, WALLET, POS)))
    u = rng.random(size)
    in_person = np.where(u < 0.58, CONTACTLESS, np.where(u < 0.975, CHIP, MAGSTRIPE))
    entry = np.where(online, np.where(u < 0.35, STORED, ECOM), np.where(cash, CHIP, np.where(wallet, TOKEN, in_person)))
    device = np.where(online | wallet, device_at(world, rng, customer, paid, wallet), -1)
    return channel.astype(np.int64), entry.astype(np.int64), device


def device_at(
    world: World,
    rng: np.random.Generator,
    customer: Ints,
    paid: Ints,
    phone_only: Flags,
) -> Ints:
    """The device a customer uses at a time: the phone, or at home the laptop or the household's tablet."""
    devices = world.devices
    phone = np.where(paid >= devices.next_phone_s[customer], devices.next_phone[customer], devices.phone[customer])
    u = rng.random(len(customer))
    other = np.where(u < 0.32, devices.laptop[customer], np.where(u < 0.44, devices.shared[customer], -1))
    usable = (other >= 0) & ~phone_only & (devices.first_seen_s[other] <= paid)
    return np.where(usable, other, phone)


def _sprees(
    world: World, where: Whereabouts, rng: np.random.Generator, open_share: Floats, days: tuple[int, int]
) -> Rows:
    """Honest shopping days: four to eight larger purchases within hours, which look much like a stolen card."""
    people, calendar = world.people, world.calendar
    chance = 0.006 * (days[1] - days[0]) / 30.4 * open_share * people.card_share
    card = np.flatnonzero(rng.random(len(chance)) < chance)
    day = rng.integers(days[0], days[1], len(card))
    begin = calendar.midnight_s[day] + rng.integers(10 * 3_600, 16 * 3_600, len(card))
    count = rng.integers(4, 9, len(card))
    case = np.repeat(np.arange(len(card)), count)
    size = len(case)
    card, customer = card[case], people.card_customer[card][case]
    away = rng.random(len(count))[case] < 0.3
    place = np.where(away, choose(rng, REGION_WEIGHT, len(count))[case], where.region[customer])
    category = _SPREE_CATEGORIES[choose(rng, np.array([0.40, 0.18, 0.22, 0.05, 0.15]), size)]
    terminal = world.market.pick(category, place, rng.random(size))
    amount = price_minor(category, people.level[customer] * 1.3, rng.standard_normal(size))
    paid = begin[case] + (rng.random(size) * 5 * 3_600).astype(np.int64)
    channel, entry, device = _means(world, rng, customer, category, np.zeros(size, dtype=bool), paid)
    return honest(paid, card, terminal, device, amount, channel, entry)
