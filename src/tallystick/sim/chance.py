"""Array types, and one stream of random numbers per part, so that a change in one part does not disturb the others."""

from __future__ import annotations

from typing import TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


def stream(seed: int, part: str, *steps: int) -> np.random.Generator:
    """The random numbers of one part (and of one step in it), from the bank's seed.

    Examples
    --------
    >>> bool(stream(7, "people").random() == stream(7, "people").random())
    True
    >>> bool(stream(7, "people").random() == stream(7, "places").random())
    False
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(crc32(part.encode()), *steps))))


def choose(rng: np.random.Generator, weights: Floats, size: int) -> Ints:
    """Draw `size` indices with probabilities in proportion to `weights` (at least 0, not all 0)."""
    edges = np.cumsum(weights) / weights.sum()
    # The last edge can fall short of 1 by rounding; a draw above it would name no index.
    return np.minimum(np.searchsorted(edges, rng.random(size), side="right"), len(weights) - 1).astype(np.int64)
