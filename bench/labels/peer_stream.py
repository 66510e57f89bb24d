"""The twenty labels of the stream benchmark as a bytewax dataflow, written as one would for speed.

Each key keeps its payments in one list with a place per window; counts and sums move with the places, maxima and minima
are monotonic deques, distinct values a counter. So a payment costs O(1) on the average whatever the window. It knows
no late fact, no correction and no moment in the past: payments must come in the order of their instants.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import bytewax.operators as op
from bench.labels.data import DAY, HOUR
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

Payment = tuple[int, int, int, int, int]
"""Number, instant, card, merchant, amount."""

CARD = (
    *("card_count_1h", "card_count_1d", "card_count_7d"),
    *("card_sum_1h", "card_sum_1d", "card_sum_7d", "card_sum_30d"),
    *("card_mean_30d", "card_max_7d", "card_max_30d", "card_merchants_7d", "card_since_last_30d"),
)
MERCHANT = (
    *("merchant_count_1h", "merchant_count_1d", "merchant_sum_1d", "merchant_mean_7d"),
    *("merchant_min_7d", "merchant_max_7d", "merchant_last_30d", "merchant_cards_1d"),
)
_KEPT = 4_096


class Extreme:
    """The largest amount of a window (of negated amounts: the smallest)."""

    __slots__ = ("kept", "micros")

    def __init__(self, micros: int) -> None:
        self.micros, self.kept = micros, deque[tuple[int, int]]()

    def take(self, at: int, amount: int) -> int:
        kept = self.kept
        while kept and kept[-1][1] <= amount:
            kept.pop()
        kept.append((at, amount))
        edge = at - self.micros
        while kept[0][0] <= edge:
            kept.popleft()
        return kept[0][1]


class Different:
    """How many different values a window has."""

    __slots__ = ("counts", "kept", "micros")

    def __init__(self, micros: int) -> None:
        self.micros, self.kept, self.counts = micros, deque[tuple[int, int]](), dict[int, int]()

    def take(self, at: int, value: int) -> int:
        kept, counts = self.kept, self.counts
        kept.append((at, value))
        counts[value] = counts.get(value, 0) + 1
        edge = at - self.micros
        while kept[0][0] <= edge:
            _, old = kept.popleft()
            left = counts[old] - 1
            if left:
                counts[old] = left
            else:
                del counts[old]
        return len(counts)


class Card:
    """A card's state."""

    __slots__ = ("amounts", "ats", "day", "hour", "max_7d", "max_30d", "merchants", "month", "sums", "week")

    def __init__(self) -> None:
        self.ats: list[int] = []
        self.amounts: list[int] = []
        self.hour = self.day = self.week = self.month = 0
        self.sums = [0, 0, 0, 0]
        self.max_7d, self.max_30d, self.merchants = Extreme(7 * DAY), Extreme(30 * DAY), Different(7 * DAY)

    def take(self, payment: Payment) -> tuple[Any, ...]:
        number, at, _, merchant, amount = payment
        ats, amounts = self.ats, self.amounts
        last = ats[-1] if ats else None
        ats.append(at)
        amounts.append(amount)
        hour, day, week, month = self.hour, self.day, self.week, self.month
        a, b, c, d = self.sums
        a, b, c, d = a + amount, b + amount, c + amount, d + amount
        while ats[hour] <= at - HOUR:
            a -= amounts[hour]
            hour += 1
        while ats[day] <= at - DAY:
            b -= amounts[day]
            day += 1
        while ats[week] <= at - 7 * DAY:
            c -= amounts[week]
            week += 1
        while ats[month] <= at - 30 * DAY:
            d -= amounts[month]
            month += 1
        size = len(ats)
        count = size - month
        since = at - last if last is not None and last > at - 30 * DAY else None
        found = (
            *(number, size - hour, size - day, size - week, a, b, c, d, d / count),
            *(self.max_7d.take(at, amount), self.max_30d.take(at, amount), self.merchants.take(at, merchant), since),
        )
        if month > _KEPT:
            del ats[:month], amounts[:month]
            hour, day, week, month = hour - month, day - month, week - month, 0
        self.hour, self.day, self.week, self.month = hour, day, week, month
        self.sums = [a, b, c, d]
        return found


class Merchant:
    """A merchant's state."""

    __slots__ = ("amounts", "ats", "cards", "day", "hour", "last", "max_7d", "min_7d", "sums", "week")

    def __init__(self) -> None:
        self.ats: list[int] = []
        self.amounts: list[int] = []
        self.hour = self.day = self.week = 0
        self.sums = [0, 0]
        self.last: tuple[int, int] | None = None
        self.max_7d, self.min_7d, self.cards = Extreme(7 * DAY), Extreme(7 * DAY), Different(DAY)

    def take(self, payment: Payment) -> tuple[Any, ...]:
        number, at, card, _, amount = payment
        ats, amounts = self.ats, self.amounts
        last = self.last[1] if self.last is not None and self.last[0] > at - 30 * DAY else None
        self.last = at, amount
        ats.append(at)
        amounts.append(amount)
        hour, day, week = self.hour, self.day, self.week
        b, c = self.sums
        b, c = b + amount, c + amount
        while ats[hour] <= at - HOUR:
            hour += 1
        while ats[day] <= at - DAY:
            b -= amounts[day]
            day += 1
        while ats[week] <= at - 7 * DAY:
            c -= amounts[week]
            week += 1
        size = len(ats)
        found = (
            *(number, size - hour, size - day, b, c / (size - week)),
            *(-self.min_7d.take(at, -amount), self.max_7d.take(at, amount), last, self.cards.take(at, card)),
        )
        if week > _KEPT:
            del ats[:week], amounts[:week]
            hour, day, week = hour - week, day - week, 0
        self.hour, self.day, self.week = hour, day, week
        self.sums = [b, c]
        return found


def _card(state: Card | None, payment: Payment) -> tuple[Card, tuple[Any, ...]]:
    state = Card() if state is None else state
    return state, state.take(payment)


def _merchant(state: Merchant | None, payment: Payment) -> tuple[Merchant, tuple[Any, ...]]:
    state = Merchant() if state is None else state
    return state, state.take(payment)


def run(payments: Sequence[Payment], batch: int) -> tuple[list[Any], list[Any]]:
    """Send the payments through the dataflow, `batch` at a time; gives what each key's step said, unjoined.

    A join of the two answers of a payment is left out, which favours bytewax.
    """
    cards: list[Any] = []
    merchants: list[Any] = []
    flow = Dataflow("labels")
    given = op.input("payments", flow, TestingSource(payments, batch_size=batch))
    by_card = op.map("by_card", given, lambda payment: (str(payment[2]), payment))
    by_merchant = op.map("by_merchant", given, lambda payment: (str(payment[3]), payment))
    op.output("cards", op.stateful_map("card", by_card, _card), TestingSink(cards))
    op.output("merchants", op.stateful_map("merchant", by_merchant, _merchant), TestingSink(merchants))
    run_main(flow)
    return cards, merchants
