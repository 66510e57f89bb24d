"""Order in a stretch of an int64 array, in place and without allocation where it is short."""

from __future__ import annotations

from typing import Any

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.rows import Ints

_FEW = 24
"""Up to so many values are sorted by insertion."""


@kernel
def select(values: Ints, start: int, end: int, place: int) -> Any:
    """The value that sorting `values[start:end]` would put at `place`; the values are left in another order."""
    low, high = start, end - 1
    while low < high:
        a, b, c = values[low], values[(low + high) >> 1], values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if j < place:
            low = i
        if place < i:
            high = j
    return values[place]


@kernel
def arrange(values: Ints, start: int, end: int) -> None:
    """Sort `values[start:end]` in place."""
    if end - start > _FEW:
        values[start:end].sort()
        return
    for i in range(start + 1, end):
        value = values[i]
        j = i
        while j > start and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
