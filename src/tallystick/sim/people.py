"""People: customers, households, cards and devices, and the habits that nobody tells the bank."""

from __future__ import annotations

import msgspec
import numpy as np

from tallystick.sim.calendar import DAY_S, Calendar
from tallystick.sim.chance import Flags, Floats, Ints, choose, stream
from tallystick.sim.places import REGION_WEIGHT

AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
_AGE_WEIGHT = np.array([0.10, 0.20, 0.19, 0.18, 0.17, 0.16])
_AGE_INCOME = np.log([0.55, 0.95, 1.15, 1.20, 1.10, 0.75])
_AGE_ONLINE = np.array([0.40, 0.38, 0.32, 0.26, 0.20, 0.13])
_AGE_WALLET = np.array([0.45, 0.38, 0.25, 0.15, 0.08, 0.03])
_REGION_INCOME = np.log([1.0, 1.10, 1.08, 0.95, 1.08, 0.85, 0.97, 1.12])
SEXES = ("f", "m")
SEGMENTS = ("mass", "student", "affluent", "self_employed", "retired")
MEDIAN_INCOME_EUR = 2600


class People(msgspec.Struct, frozen=True):
    """Customers and what is theirs; the second half are habits that no delivered file shows.

    Attributes
    ----------
    joined_s, region, age, sex, household, income_minor, segment
        Per customer; `joined_s` in seconds UTC, `income_minor` a month in cents, the others are indices.
    card_customer, card_limit_minor, card_issued_s, card_share
        Per card: owner, limit in cents, issue, and its share of the owner's payments.
    rate, level
        Payments a month, and the factor on what a payment costs.
    weekend, shift_h, night_worker, online, wallet, traveller
        Weight of weekend days, shift of the daily rhythm in hours, and shares and chances in [0, 1].
    transactor, revolve, sloppy, burden
        Pays the whole balance; else the share paid; forgets bills without being in need; frailty against stress.
    """

    joined_s: Ints
    region: Ints
    age: Ints
    sex: Ints
    household: Ints
    income_minor: Ints
    segment: Ints
    card_customer: Ints
    card_limit_minor: Ints
    card_issued_s: Ints
    card_share: Floats
    rate: Floats
    level: Floats
    weekend: Floats
    shift_h: Floats
    night_worker: Flags
    online: Floats
    wallet: Floats
    traveller: Floats
    transactor: Flags
    revolve: Floats
    sloppy: Flags
    burden: Floats


class Devices(msgspec.Struct, frozen=True):
    """Devices as the bank lists them, and which of them a customer uses (-1: none).

    `phone`, `next_phone` (from `next_phone_s` on), `laptop` and `shared` (of the household) are per customer.
    """

    customer: Ints
    first_seen_s: Ints
    phone: Ints
    next_phone: Ints
    next_phone_s: Ints
    laptop: Ints
    shared: Ints


def build_people(customers: int, calendar: Calendar, seed: int) -> People:
    """Draw the customers of a bank, their cards and their habits."""
    rng = stream(seed, "people")
    household = _households(rng, customers)
    count = int(household[-1]) + 1
    region = choose(rng, REGION_WEIGHT, count)[household]
    age = np.clip(choose(rng, _AGE_WEIGHT, count)[household] + rng.integers(-1, 2, customers), 0, 5)
    log_income = np.log(MEDIAN_INCOME_EUR) + _AGE_INCOME[age] + _REGION_INCOME[region]
    income_eur = np.maximum(np.rint(np.exp(log_income + 0.40 * rng.standard_normal(customers)) / 10) * 10, 400)
    segment = _segments(rng, age, income_eur)
    joined = _joined(rng, customers, calendar)
    relative = income_eur / MEDIAN_INCOME_EUR
    level = relative**0.5 * np.exp(0.25 * rng.standard_normal(customers))
    night_worker = rng.random(customers) < 0.05

    second = np.flatnonzero(rng.random(customers) < 0.3)
    card_customer = np.sort(np.concatenate((np.arange(customers), second)))
    two = np.zeros(customers, dtype=bool)
    two[second] = True
    is_second = np.concatenate(([False], card_customer[1:] == card_customer[:-1]))
    share = np.where(two[card_customer], np.where(is_second, 0.3, 0.7), 1.0)
    limit_eur = income_eur[card_customer] * rng.uniform(1.2, 3.0, len(card_customer)) * np.where(is_second, 0.5, 1.0)
    issued = joined[card_customer] + np.where(is_second, rng.integers(0, 5 * DAY_S, len(card_customer)), 3_600)

    age_online = _AGE_ONLINE[age]
    return People(
        joined_s=joined,
        region=region,
        age=age,
        sex=rng.integers(0, 2, customers),
        household=household,
        income_minor=(income_eur * 100).astype(np.int64),
        segment=segment,
        card_customer=card_customer,
        card_limit_minor=(np.maximum(np.rint(limit_eur / 100), 5) * 10_000).astype(np.int64),
        card_issued_s=issued,
        card_share=share,
        rate=13.0 * relative**0.35 * rng.gamma(4.0, 0.25, customers),
        level=level,
        weekend=rng.beta(12, 24, customers),
        shift_h=rng.normal(0.0, 1.1, customers) + np.where(night_worker, 9.5, 0.0),
        night_worker=night_worker,
        online=rng.beta(6 * age_online, 6 * (1 - age_online)),
        wallet=rng.beta(2 * _AGE_WALLET[age], 2 * (1 - _AGE_WALLET[age])),
        traveller=np.clip(0.06 * relative * rng.gamma(2.0, 0.5, customers), 0.0, 0.4),
        transactor=rng.random(customers) < 0.55,
        revolve=rng.beta(2.0, 5.0, customers),
        sloppy=rng.random(customers) < 0.12,
        burden=relative**-0.5 * np.exp(0.5 * rng.standard_normal(customers)),
    )


def build_devices(people: People, calendar: Calendar, seed: int) -> Devices:
    """Draw phones, laptops and the tablets that households share."""
    rng = stream(seed, "devices")
    customers = len(people.joined_s)
    everyone = np.arange(customers)
    has_laptop = np.flatnonzero(rng.random(customers) < 0.55)
    first_of = np.unique(people.household, return_index=True)[1]
    size = np.bincount(people.household)
    sharing = np.flatnonzero((size > 1) & (rng.random(len(size)) < 0.6))
    changes = np.flatnonzero(rng.random(customers) < 0.03 * calendar.months)
    changed_s = rng.integers(calendar.start_s, calendar.end_s, customers)
    # A phone that changes hands before its owner joined is simply the phone the bank sees first.
    changes = changes[changed_s[changes] > people.joined_s[changes] + DAY_S]

    owner = np.concatenate((everyone, has_laptop, first_of[sharing], changes))
    seen = people.joined_s[owner] + rng.integers(3_600, 20 * DAY_S, len(owner))
    seen[:customers] = people.joined_s
    seen[len(owner) - len(changes) :] = changed_s[changes]
    at = customers
    laptop, shared_of, next_phone = (np.full(n, -1, dtype=np.int64) for n in (customers, len(size), customers))
    laptop[has_laptop] = np.arange(at, at + len(has_laptop))
    at += len(has_laptop)
    shared_of[sharing] = np.arange(at, at + len(sharing))
    at += len(sharing)
    next_phone[changes] = np.arange(at, at + len(changes))
    return Devices(
        customer=owner,
        first_seen_s=seen,
        phone=everyone,
        next_phone=next_phone,
        next_phone_s=np.where(next_phone >= 0, changed_s, np.iinfo(np.int64).max),
        laptop=laptop,
        shared=shared_of[people.household],
    )


def _households(rng: np.random.Generator, customers: int) -> Ints:
    sizes = 1 + choose(rng, np.array([0.55, 0.35, 0.10]), customers)
    return np.repeat(np.arange(customers), sizes)[:customers]


def _segments(rng: np.random.Generator, age: Ints, income_eur: Floats) -> Ints:
    segment = np.where(rng.random(len(age)) < 0.09, 3, 0)
    segment[income_eur > 5000] = 2
    segment[(age == 0) & (income_eur < 1400)] = 1
    segment[age == 5] = 4
    return segment


def _joined(rng: np.random.Generator, customers: int, calendar: Calendar) -> Ints:
    """Most joined in the eight years before; 0.6% a month join while we watch."""
    before = calendar.start_s - rng.integers(40 * DAY_S, 8 * 365 * DAY_S, customers)
    during = rng.integers(calendar.start_s, calendar.end_s, customers)
    return np.where(rng.random(customers) < min(0.006 * calendar.months, 0.3), during, before)
