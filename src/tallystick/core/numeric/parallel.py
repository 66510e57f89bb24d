"""Work on every core: kernels hold no lock, so threads share arrays and nothing is copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numba

S = TypeVar("S")
T = TypeVar("T")

_CHUNK = 50_000
_CORES: int = numba.config.NUMBA_NUM_THREADS
_WORKERS = ThreadPoolExecutor(_CORES, thread_name_prefix="tallystick")


def each(items: Sequence[S], work: Callable[[S], T]) -> list[T]:
    """`work` on each item, on every core; `work` itself asks for none of this.

    Examples
    --------
    >>> each(["a", "b"], str.upper)
    ['A', 'B']
    """
    return list(map(work, items)) if len(items) <= 1 else list(_WORKERS.map(work, items))


def in_parts(size: int, work: Callable[[int, int], T]) -> list[T]:
    """`work(first, last)` for each of a few ranges that [0, size) falls into; they share nothing.

    Examples
    --------
    >>> in_parts(10, lambda first, last: (first, last))
    [(0, 10)]
    """
    count = 1 if size <= _CHUNK else min(4 * _CORES, 2 * size // _CHUNK)
    cuts = [size * part // count for part in range(count + 1)]
    return each(list(pairwise(cuts)), lambda part: work(*part))
