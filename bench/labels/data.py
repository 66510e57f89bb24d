"""The data of the label benchmarks: card payments of skewed use, from a seed.

Each card's and each merchant's share of the payments falls with its rank to the power of -1.2 (Zipf): of 50,000 cards
the busiest has a fifth of all payments, half of the cards a few. That is an acquirer's view, whose keys are terminals
and gateways. Instants are distinct microseconds, since two rows of equal time are one frame to a RANGE window.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_767_225_600_000_000
"""2026-01-01 in microseconds UTC."""
DAYS = 90
KEYS, MERCHANTS, SKEW = 50_000, 5_000, 1.2
WINDOWS = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


def skewed(random: np.random.Generator, choices: int, size: int) -> Ints:
    """Draw `size` numbers below `choices` by Zipf's law; which of them are the busy ones has no order."""
    edges, shuffled = _law(choices)
    rank = np.minimum(np.searchsorted(edges, random.random(size), side="right"), choices - 1)
    drawn: Ints = shuffled[rank]
    return drawn


@lru_cache(maxsize=2)
def _law(choices: int) -> tuple[NDArray[np.float64], Ints]:
    """Up to which uniform number each rank is drawn, and which number has it."""
    edges = np.cumsum(np.arange(1, choices + 1, dtype=np.float64) ** -SKEW)
    return edges / edges[-1], np.random.default_rng(choices).permutation(choices).astype(np.int64)


def payments(events: int, keys: int = KEYS, *, first: int = 0, of: int = 0) -> pl.DataFrame:
    """Payments in the order of their instants, spread over `DAYS` days.

    Parameters
    ----------
    events
        How many.
    keys
        How many cards.
    first, of
        With `of` the payments are a part, from number `first`, of a history of `of` payments. The part's start on the
        clock is where so many payments lead on the average.
    """
    random = np.random.default_rng((7, first))
    step = DAYS * DAY / (of or events)
    gaps = np.maximum(random.exponential(step * 0.999, events).astype(np.int64), 1)
    at = START + int(first * step) + np.cumsum(gaps)
    return pl.DataFrame(
        {
            "payment_id": np.arange(first, first + events),
            "paid_at": at,
            "card_id": skewed(random, keys, events),
            "merchant_id": skewed(random, MERCHANTS, events),
            "amount": np.exp(random.normal(8.0, 1.0, events)).astype(np.int64) + 50,
        }
    )


def with_corrections(facts: pl.DataFrame) -> pl.DataFrame:
    """The same payments with 5% known up to three days late, and 1% corrected within a week by another amount."""
    random = np.random.default_rng(11)
    late = random.random(facts.height) < 0.05
    delay = np.where(late, random.integers(1, 3 * DAY, facts.height), 0)
    facts = facts.with_columns(known_at=pl.col("paid_at") + pl.Series(delay), revision=pl.lit(0, pl.Int64))
    chosen = np.sort(random.choice(facts.height, facts.height // 100, replace=False))
    revised = facts[chosen].with_columns(
        known_at=pl.col("known_at") + pl.Series(random.integers(1, 7 * DAY, chosen.size)),
        amount=pl.Series(random.integers(50, 1_000_000, chosen.size)),
        revision=pl.lit(1, pl.Int64),
    )
    return pl.concat([facts, revised])


def own_points(facts: pl.DataFrame) -> pl.DataFrame:
    """Every payment's own point, for its card."""
    return facts.select(card=pl.col("card_id"), t=pl.col("paid_at"), stream=pl.lit("payments"), id=pl.col("payment_id"))


def free_points(facts: pl.DataFrame, size: int, *, each_alike: bool = False) -> pl.DataFrame:
    """Points at any instant of the history; a card is asked as often as it pays, or with `each_alike` as any other."""
    random = np.random.default_rng(13)
    cards = facts["card_id"].unique().sort() if each_alike else facts["card_id"]
    card = cards.to_numpy()[random.integers(0, cards.len(), size)]
    return pl.DataFrame({"card": card, "t": random.integers(START, START + DAYS * DAY, size)})


def write_parts(folder: Path, events: int, keys: int, part: int = 2_000_000) -> list[Path]:
    """Payments as Parquet files of `part` rows in `folder`, memory bounded by a part; instants strictly increase."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    last = START
    for first in range(0, events, part):
        frame = payments(min(part, events - first), keys, first=first, of=events)
        begun = int(frame["paid_at"][0])
        if begun <= last:
            frame = frame.with_columns(pl.col("paid_at") + (last + 1 - begun))
        last = int(frame["paid_at"][-1])
        paths.append(folder / f"part{len(paths):04d}.parquet")
        frame.write_parquet(paths[-1], compression="lz4")
    return paths


def differing(ours: pl.DataFrame, peer: dict[str, Any]) -> int:
    """How many values differ; the peer's floats are compared to 12 digits, its nulls by our missing values."""
    count = 0
    for name, values in peer.items():
        mine, other = ours[name], pl.Series(name, values)
        if mine.dtype.is_float() or other.dtype.is_float():
            mine, other = mine.cast(pl.Float64).fill_nan(None), other.cast(pl.Float64).fill_nan(None)
            near = ((mine - other).abs() <= 1e-12 * other.abs().fill_null(0.0)).fill_null(False)
            count += int((~(near | (mine.is_null() & other.is_null()))).sum())
        else:
            count += int(mine.cast(pl.Int64).ne_missing(other.cast(pl.Int64)).sum())
    return count
