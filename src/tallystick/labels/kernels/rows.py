"""Row versions as kernels see them: who is visible at a point, and where windows of so many, or of a session, begin.

A row is visible at k when `known_from <= k < known_to`. `own` is the number of the point's own event, or -1; with
`present` false its rows do not count. Rows of a key lie in the order (at, sequence, id).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import kernel

Ints: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[np.uint8]

FOREVER = 2**63 - 1
FILTERED, VALUE, NULL, AWAITING = 0, 1, 2, 3
"""What a row means to an aggregate (`labels.plan.Feature`)."""

FOUND, NOT_YET_KNOWN, SOURCE_NULL, NONE, UNDEFINED, APPROXIMATE = 0, 1, 2, 3, 4, 6
"""What a kernel says of a value: found, found but approximate, or why there is none."""


@kernel
def visible(i: int, known_from: Ints, known_to: Ints, event: Ints, k: int, own: int, present: bool) -> bool:
    """Whether row `i` counts at a point."""
    return known_from[i] <= k and k < known_to[i] and (present or event[i] != own)


@kernel
def any_visible(
    start: int, end: int, known_from: Ints, known_to: Ints, event: Ints, k: int, own: int, present: bool
) -> bool:
    """Whether any row of [start, end) counts."""
    for i in range(start, end):  # noqa: SIM110
        if visible(i, known_from, known_to, event, k, own, present):
            return True
    return False


@kernel
def upper_bound(values: Ints, start: int, end: int, limit: int) -> int:
    """The first index of the sorted `values[start:end]` whose value is above `limit`."""
    while start < end:
        middle = (start + end) >> 1
        if values[middle] <= limit:
            start = middle + 1
        else:
            end = middle
    return start


@kernel
def start_of_events(
    code: Codes,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: int,
    high: int,
    k: int,
    own: int,
    present: bool,
    count: int,
) -> int:
    """Where the latest `count` visible rows of [low, high) that pass the filter begin."""
    i = high
    while i > low and count > 0:
        i -= 1
        if code[i] != 0 and visible(i, known_from, known_to, event, k, own, present):
            count -= 1
    return i


@kernel
def start_of_session(
    code: Codes,
    at: Ints,
    known_from: Ints,
    known_to: Ints,
    event: Ints,
    low: int,
    high: int,
    k: int,
    own: int,
    present: bool,
    until: int,
    gap: int,
) -> int:
    """Where the session that is open at `until` begins: `high` when there is none."""
    start, edge = high, until
    i = high
    while i > low and edge - at[i - 1] <= gap:
        i -= 1
        if code[i] != 0 and visible(i, known_from, known_to, event, k, own, present):
            start, edge = i, at[i]
    return start
