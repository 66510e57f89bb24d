"""Places: categories of trade, merchants and their terminals, at home, abroad and online."""

from __future__ import annotations

import msgspec
import numpy as np

from tallystick.sim.chance import Floats, Ints, choose, stream

REGIONS = ("DE-NW", "DE-BY", "DE-BW", "DE-NI", "DE-HE", "DE-SN", "DE-BE", "DE-HH")
REGION_WEIGHT = np.array([0.25, 0.19, 0.16, 0.12, 0.09, 0.07, 0.07, 0.05])
ABROAD = ("AT", "FR", "IT", "ES", "NL", "TR", "US", "TH")
ABROAD_WEIGHT = np.array([0.19, 0.14, 0.17, 0.19, 0.11, 0.10, 0.06, 0.04])
ONLINE = len(REGIONS) + len(ABROAD)
"""The place of everything sold online."""

PLACES = (*REGIONS, *ABROAD, "online")
ONLINE_COUNTRY = ("DE", "LU", "NL", "IE", "GB", "US", "CN")
ONLINE_COUNTRY_WEIGHT = np.array([0.60, 0.08, 0.08, 0.08, 0.05, 0.07, 0.04])


class Category(msgspec.Struct, frozen=True):
    """A category of trade: how often it is visited in person and online, and what a payment there costs."""

    name: str
    in_person: float
    online: float
    median_eur: float
    spread: float


CATEGORIES = (
    Category("grocery", 0.335, 0.05, 24, 0.70),
    Category("restaurant", 0.17, 0.05, 19, 0.60),
    Category("fuel", 0.09, 0.0, 52, 0.35),
    Category("pharmacy", 0.06, 0.03, 16, 0.60),
    Category("fashion", 0.07, 0.17, 48, 0.70),
    Category("transport", 0.08, 0.10, 11, 0.80),
    Category("entertainment", 0.05, 0.10, 18, 0.60),
    Category("electronics", 0.03, 0.12, 85, 1.00),
    Category("home", 0.05, 0.07, 55, 0.90),
    Category("travel", 0.015, 0.06, 150, 0.90),
    Category("jewellery", 0.005, 0.01, 130, 0.90),
    Category("cash", 0.045, 0.0, 100, 0.55),
    Category("marketplace", 0.0, 0.15, 32, 0.90),
    Category("digital", 0.0, 0.08, 8, 0.90),
    Category("gift_cards", 0.0, 0.01, 45, 0.60),
)
CODE = {category.name: code for code, category in enumerate(CATEGORIES)}
CASH = CODE["cash"]
_IN_PERSON = np.array([category.in_person for category in CATEGORIES])
_ONLINE = np.array([category.online for category in CATEGORIES])
_LOG_MEDIAN = np.log([category.median_eur * 100 for category in CATEGORIES])
_SPREAD = np.array([category.spread for category in CATEGORIES])
_TABLE = 2048


def _table(weights: Floats) -> Ints:
    steps = (np.arange(_TABLE) + 0.5) / _TABLE
    return np.searchsorted(np.cumsum(weights) / weights.sum(), steps).astype(np.int64)


_IN_PERSON_TABLE, _ONLINE_TABLE = _table(_IN_PERSON), _table(_ONLINE)


class Market(msgspec.Struct, frozen=True):
    """All merchants and terminals; terminals lie together by group, a group being a category at a place.

    Attributes
    ----------
    merchant_category, merchant_place, merchant_country
        Per merchant: index into `CATEGORIES` and `PLACES`, and the country's code.
    terminal_merchant
        Per terminal: its merchant.
    group_start, group_size
        Per group (category x place): its run of terminals.
    """

    merchant_category: Ints
    merchant_place: Ints
    merchant_country: list[str]
    terminal_merchant: Ints
    group_start: Ints
    group_size: Ints

    def pick(self, category: Ints, place: Ints, draw: Floats) -> Ints:
        """A terminal of each category at each place; `draw` in [0, 1). The first of a group are the busy ones."""
        group = category * len(PLACES) + place
        terminal: Ints = self.group_start[group] + (self.group_size[group] * draw * draw).astype(np.int64)
        return terminal

    def category_of(self, terminal: Ints) -> Ints:
        """The category of each terminal."""
        found: Ints = self.merchant_category[self.terminal_merchant[terminal]]
        return found


def build_market(customers: int, seed: int) -> Market:
    """Draw merchants and terminals for a bank of `customers`: about one terminal for five customers."""
    rng = stream(seed, "places")
    weight = np.zeros((len(CATEGORIES), len(PLACES)))
    weight[:, : len(REGIONS)] = 0.78 * _IN_PERSON[:, None] ** 0.6 * REGION_WEIGHT
    weight[:, len(REGIONS) : ONLINE] = 0.10 * _IN_PERSON[:, None] ** 0.6 * ABROAD_WEIGHT
    weight[:, ONLINE] = 0.12 * _ONLINE**0.6
    share = weight / weight.sum()
    count = np.where(weight > 0, np.maximum(np.ceil(share * customers / 11), 1), 0).astype(np.int64)
    # Online, a category has a choice of shops even in a small bank.
    count[:, ONLINE] = np.where(_ONLINE > 0, np.maximum(count[:, ONLINE], 20), 0)
    group = np.repeat(np.arange(count.size), count.ravel())
    category, place = group // len(PLACES), group % len(PLACES)
    terminals = np.where(place == ONLINE, 1, rng.integers(1, 4, len(group)))
    group_size = np.bincount(group, weights=terminals, minlength=count.size).astype(np.int64)
    sold_from = choose(rng, ONLINE_COUNTRY_WEIGHT, len(group))
    country = [
        ONLINE_COUNTRY[seller] if at == ONLINE else "DE" if at < len(REGIONS) else PLACES[at]
        for at, seller in zip(place.tolist(), sold_from.tolist(), strict=True)
    ]
    return Market(
        merchant_category=category,
        merchant_place=place,
        merchant_country=country,
        terminal_merchant=np.repeat(np.arange(len(group)), terminals),
        group_start=np.concatenate(([0], np.cumsum(group_size)[:-1])).astype(np.int64),
        group_size=group_size,
    )


def everyday_category(online: bool, draw: Floats) -> Ints:
    """A category as often as people pay there; `draw` in [0, 1)."""
    found: Ints = (_ONLINE_TABLE if online else _IN_PERSON_TABLE)[(draw * _TABLE).astype(np.int64)]
    return found


def price_minor(category: Ints, level: Floats, normal: Floats) -> Ints:
    """What a payment costs: log-normal around the category's median times the payer's level; cash in tens of euros.

    Parameters
    ----------
    category
        Index into `CATEGORIES`.
    level
        Factor of the payer, above 0.
    normal
        Standard normal draws.

    Returns
    -------
    Ints
        Cents, at least 50; at least 1,000 and whole tens of euros for cash.
    """
    cents = np.exp(_LOG_MEDIAN[category] + _SPREAD[category] * normal) * level
    plain = np.maximum(np.rint(cents), 50)
    tens = np.maximum(np.rint(cents / 1000), 1) * 1000
    return np.where(category == CASH, tens, plain).astype(np.int64)
