"""A table by hash of where in a segment a value was last: three words for each place, (owner, value, row)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.bare import Words, words_at

_GOLDEN, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_32 = np.uint64(32)


@kernel
def probe(size: int, owner: int, x: int) -> Any:
    """Where in the table (owner, x) is looked for first."""
    h = (np.uint64(owner) + np.uint64(1)) * _GOLDEN ^ (np.uint64(x) * _MIX)
    h = (h ^ (h >> _32)) * _GOLDEN
    return 3 * (np.int64(h >> _32) & (size - 1))


@kernel
def find(table: Words, size: int, owner: int, x: int) -> Any:
    """The first word of (owner, x) in the table, or of the free place where it belongs."""
    i = probe(size, owner, x)
    while table[i + 2] != -2 and (table[i] != owner or table[i + 1] != x):
        i = i + 3 if i + 3 < 3 * size else 0
    return i


@kernel
def rehash(old_at: int, old_size: int, new_at: int, new_size: int) -> Any:
    """Move what still holds to a larger table; gives how many."""
    old, new = words_at(np.int64(old_at)), words_at(np.int64(new_at))
    used = 0
    for i in range(old_size):
        if old[3 * i + 2] >= 0:
            j = find(new, new_size, old[3 * i], old[3 * i + 1])
            new[j], new[j + 1], new[j + 2] = old[3 * i], old[3 * i + 1], old[3 * i + 2]
            used += 1
    return used


@kernel
def look_up(names: Any, low: int, numbers: Any, found: Any, new: Any) -> Any:
    """The number that names from `low` on have; gives how many have none, and in `new` where they stand."""
    lacking = 0
    for i in range(names.size):
        place = names[i] - low
        found[i] = numbers[place] if 0 <= place < numbers.size else -1
        if found[i] < 0:
            new[lacking] = i
            lacking += 1
    return lacking
