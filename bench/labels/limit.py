"""The physical limit: bytes that must move for labels at every event, over the measured bandwidth of the memory."""

from __future__ import annotations

import numpy as np
from bench.labels.data import WINDOWS, payments
from bench.labels.every_event import compiled, ours
from bench.labels.measure import Row, in_turns, seconds_of

_COPIED = 64_000_000


def bandwidth() -> float:
    """Bytes a second that a copy reads and writes on one core, the best of five."""
    source = np.ones(_COPIED, np.int64)
    target = np.zeros_like(source)
    (seconds,) = in_turns(lambda: seconds_of(lambda: np.copyto(target, source))[1], rounds=5)
    return 2 * source.nbytes / seconds


def rows(events: int) -> list[Row]:
    """What must move at least: four columns read once, sixteen values and their reasons written once.

    Sorting by key moves three columns (instant, amount, merchant) there, and the answers back.
    """
    compiled()
    facts = payments(events)
    (seconds,) = in_turns(lambda: ours(facts, True)[1], rounds=2)
    labels = 4 * len(WINDOWS)
    least = events * (4 * 8 + labels * (8 + 1))
    sorted_too = least + events * (3 * 2 * 8 + labels * 2 * (8 + 1))
    speed = bandwidth()
    work = f"{events:,} events × {labels} labels"
    said = f"memory copies {speed / 1e9:.1f} GB/s"
    return [
        Row(
            f"{work}, {name}",
            f"{seconds:.2f} s",
            f"{moved / 1e6:,.0f} MB in {moved / speed:.3f} s",
            f"{seconds * speed / moved:.1f} of the limit's time",
            said,
        )
        for name, moved in (("read once, written once", least), ("and sorted by key and back", sorted_too))
    ]
