"""What lies at the ends of windows: the nth row from either side, and unbroken runs."""

from __future__ import annotations

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.rows import Ints


@kernel
def edges(
    last_first: bool,
    nth: int,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    chosen: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    row: Ints,
) -> None:
    """For each chosen point the `nth` visible row from the end (`last_first`) or from the start; -1 none, -2 fewer."""
    for one in range(chosen.size):
        p = chosen[one]
        left = nth
        found = -1
        for j in range(high[p] - low[p]):
            i = high[p] - 1 - j if last_first else low[p] + j
            if known_from[i] <= k[p] and k[p] < known_to[i] and (present or event[i] != own[p]):
                left -= 1
                found = -2
                if left == 0:
                    found = i
                    break
        row[one] = found


@kernel
def streaks(
    x: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: Ints,
    high: Ints,
    k: Ints,
    own: Ints,
    present: bool,
    length: Ints,
) -> None:
    """For each point how many visible rows back from the end are 1 without a break."""
    for p in range(low.size):
        n = 0
        i = high[p]
        while i > low[p]:
            i -= 1
            if known_from[i] <= k[p] and k[p] < known_to[i] and (present or event[i] != own[p]):
                if x[i] == 0:
                    break
                n += 1
        length[p] = n
