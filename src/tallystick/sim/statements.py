"""Statements: the balance of every card from month to month, what was paid, and how late."""

from __future__ import annotations

import msgspec
import numpy as np

from tallystick.sim.calendar import HORIZON_MONTHS
from tallystick.sim.chance import Floats, Ints, stream
from tallystick.sim.spending import World

_INTEREST = 0.014
_LATE_FEE_MINOR = 1_500
_MINIMUM_SHARE, _MINIMUM_MINOR = 0.03, 2_500
_DUE_DAY = 20


class Statements(msgspec.Struct, frozen=True):
    """The statements of one month, a row per open card; amounts in cents, instants in seconds UTC."""

    card: Ints
    balance_minor: Ints
    minimum_minor: Ints
    paid_minor: Ints
    days_past_due: Ints
    default_next: Ints
    known_s: Ints


class Books:
    """Balances of all cards: the state that one month hands to the next."""

    def __init__(self, world: World) -> None:
        people, stress = world.people, world.lives.stress[:, 0]
        rng = stream(world.seed, "opening")
        owner = people.card_customer
        usual = people.rate[owner] * people.card_share * 4_500 * people.level[owner]
        line = people.card_limit_minor * np.array([0.30, 0.50, 0.70])[stress[owner]] * rng.uniform(0.2, 1.4, len(owner))
        balance = np.where(people.transactor[owner] & (stress[owner] == 0), usual, line)
        before = people.joined_s[owner] < world.calendar.start_s
        self.balance = np.where(before, np.minimum(balance, people.card_limit_minor), 0).astype(np.int64)

    def open_share(self, world: World) -> Floats:
        """Per card, in [0.05, 1]: spending slows when less than a fifth of the line is left."""
        limit = world.people.card_limit_minor
        return np.clip((limit - self.balance) / (0.2 * limit), 0.05, 1.0)

    def close(self, world: World, month: int, spent_minor: Ints) -> Statements:
        """Take the month's payments per card onto the books and write its statements."""
        rng = stream(world.seed, "statements", month)
        people, lives, calendar = world.people, world.lives, world.calendar
        owner = people.card_customer
        stress, missed = lives.stress[owner, month], lives.missed[owner, month]
        before = self.balance
        minimum = _minimum(before)
        full = people.transactor[owner] & ((stress == 0) | ((stress == 1) & (rng.random(len(owner)) < 0.55)))
        share = people.revolve[owner] * np.array([1.0, 0.6, 0.15])[stress] * rng.uniform(0.5, 1.5, len(owner))
        part = np.maximum(np.rint(before * np.minimum(share, 1.0)).astype(np.int64), minimum)
        paid = np.where(missed > 0, 0, np.where(full, before, part))
        carried = before - paid
        interest = np.where(full & (missed == 0), 0, np.rint(carried * _INTEREST).astype(np.int64))
        fee = np.where((missed > 0) & (before > 0), _LATE_FEE_MINOR, 0)
        self.balance = carried + interest + fee + spent_minor
        overdue = np.where(before > 0, missed, 0)
        length = int(calendar.month_day[month + 1] - calendar.month_day[month])
        past_due = np.where(overdue > 0, length - _DUE_DAY + 30 * (overdue - 1), 0)
        falls = lives.default_month[owner]
        soon = (falls > month) & (falls <= month + HORIZON_MONTHS)
        known = np.where(soon, lives.default_s[owner], calendar.month_start_s(month + 1 + HORIZON_MONTHS))
        is_open = np.flatnonzero((falls > month) & (people.card_issued_s < calendar.month_start_s(month + 1)))
        due = np.minimum(self.balance, _minimum(self.balance) + np.where(overdue > 0, minimum, 0))
        return Statements(
            *(
                column[is_open].astype(np.int64)
                for column in (np.arange(len(owner)), self.balance, due, paid, past_due, soon, known)
            )
        )


def _minimum(balance: Ints) -> Ints:
    share = np.rint(balance * _MINIMUM_SHARE).astype(np.int64)
    minimum: Ints = np.minimum(balance, np.maximum(share, _MINIMUM_MINOR))
    return minimum
