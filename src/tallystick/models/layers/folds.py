"""Which rows learn and which are held out: stratified folds, or windows that expand with time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from tallystick.core import InputError
from tallystick.models.frames import Floats, Ints
from tallystick.models.layers.words import WORDS


class Window(NamedTuple):
    """Places of the rows that learn and of the rows that are scored by what was learnt."""

    known: Ints
    held: Ints


def fold_of(y: Floats, folds: int, seed: int, groups: Any = None) -> Ints:
    """The fold (0 … folds − 1) of each row: stratified by outcome; rows of one group share a fold.

    Groups are stratified by whether they hold an event. The assignment is a seeded permutation within each stratum.

    Raises
    ------
    InputError
        When a fold would lack one of the outcomes.

    Examples
    --------
    >>> y = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    >>> sorted(fold_of(y, 2, 7)[4:].tolist())
    [0, 1]
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        member, outcome = np.arange(y.size), y
    else:
        _, member = np.unique(np.asarray(groups), return_inverse=True)
        outcome = (np.bincount(member, weights=y) > 0).astype(np.float64)
    fold = np.empty(outcome.size, dtype=np.int64)
    for kind in (0.0, 1.0):
        index = np.flatnonzero(outcome == kind)
        fold[rng.permutation(index)] = np.arange(index.size) % folds
    held = [y[fold[member] == k] for k in range(folds)]
    if not all(0.0 < part.sum() < part.size for part in held):
        raise InputError(WORDS("folds.few", folds=folds, given=int(min(y.sum(), y.size - y.sum()))))
    return fold[member]


def random_windows(y: Floats, folds: int, seed: int, groups: Any = None) -> list[Window]:
    """Each fold held out once; so many folds as the rarer outcome has rows, at most `folds`."""
    rarer = int(min(y.sum(), y.size - y.sum()))
    fold = fold_of(y, max(2, min(folds, rarer)), seed, groups)
    return [Window(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(int(fold.max()) + 1)]


def time_windows(y: Floats, folds: int, periods: Ints) -> list[Window]:
    """Expanding windows: `folds` blocks of whole periods in order, each scored by all that lies before it.

    The first block, which is as large as the others, only learns. A block that holds one outcome only is joined to the
    one before it.

    Raises
    ------
    InputError
        When fewer than two blocks can be held out.

    Examples
    --------
    >>> y = np.array([0.0, 1.0] * 4)
    >>> [w.held.tolist() for w in time_windows(y, 3, np.array([1, 1, 2, 2, 3, 3, 4, 4]))]
    [[2, 3], [4, 5], [6, 7]]
    """
    values, place, counts = np.unique(periods, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    block = np.minimum((ends - counts) * (folds + 1) // y.size, folds)
    starts: list[int] = []
    for low in np.unique(block, return_index=True)[1].tolist():
        if starts:
            own = y[(place >= starts[-1]) & (place < low)]
            if not 0.0 < own.sum() < own.size:
                continue
        starts.append(low)
    last = y[place >= starts[-1]]
    if len(starts) > 1 and not 0.0 < last.sum() < last.size:
        starts.pop()
    if len(starts) < 3:
        raise InputError(WORDS("folds.windows", folds=folds, periods=values.size))
    bounds = [*starts[1:], values.size]
    return [
        Window(np.flatnonzero(place < low), np.flatnonzero((place >= low) & (place < high)))
        for low, high in pairwise(bounds)
    ]


def windows_of(
    y: Floats, folds: int, kind: str, seed: int, groups: Any = None, periods: Ints | None = None
) -> Sequence[Window]:
    """The windows of out-of-fold scores."""
    if kind == "random":
        return random_windows(y, folds, seed, groups)
    if periods is None:
        raise InputError(WORDS("folds.periods"))
    return time_windows(y, folds, periods)
