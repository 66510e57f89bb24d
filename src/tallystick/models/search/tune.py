"""An honest tuner: a fixed budget, and a figure from rows that no choice has seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import polars as pl
from sklearn.base import clone

from tallystick.core import InputError
from tallystick.models.frames import Columns, Floats, Ints, as_frame, as_target
from tallystick.models.layers import fold_of
from tallystick.models.search.space import Settings, Space, check_space, draw
from tallystick.models.search.words import WORDS
from tallystick.models.validation.metrics import auc


class Trial(msgspec.Struct, frozen=True):
    """One setting that was tried, on which share of the rows it last ran, and its mean held-out AUC there."""

    settings: dict[str, Any]
    share: float
    auc: float


class Tuned(msgspec.Struct, frozen=True):
    """What a search gave.

    Attributes
    ----------
    settings
        The best, chosen on all rows.
    auc, auc_folds
        Nested cross-validation: for each outer fold the whole search ran without its rows; the setting that it chose
        was fitted on the same rows and scored the fold. This is what may be reported.
    searched_auc
        The best held-out AUC inside the search on all rows: a maximum, so too good by `optimism`.
    rows_fitted
        Rows that all fits together learnt from: what the budget counts.
    chosen
        The setting of each outer fold; settings that differ much say that the choice hardly matters, or is noise.
    trials
        Of the search on all rows, best first.
    """

    settings: dict[str, Any]
    auc: float
    auc_folds: tuple[float, ...]
    searched_auc: float
    rows_fitted: int
    chosen: tuple[dict[str, Any], ...]
    trials: tuple[Trial, ...]

    @property
    def optimism(self) -> float:
        """How much better the search thought it was than it is."""
        return self.searched_auc - self.auc


class Budget(msgspec.Struct, frozen=True):
    """How much a search may do, in fits of the whole data: never in seconds, so every machine chooses alike.

    Attributes
    ----------
    fits
        Rows that one search fits, in multiples of the rows it is given: 40 is 40 fits on all rows' worth.
    folds
        Inner folds by which settings are compared.
    outer
        Outer folds of the reported figure; each costs one more search.
    keep
        Of each round the best 1/`keep` go on, with `keep` times the rows.
    """

    fits: int = 40
    folds: int = 3
    outer: int = 3
    keep: int = 3

    def check(self) -> None:
        """Raise `InputError` for a budget that nothing can be done with."""
        for name, given, low in (("fits", self.fits, 1), ("folds", self.folds, 2), ("outer", self.outer, 2)):
            if given < low:
                raise InputError(WORDS("search.budget", name=name, given=given, allowed=f"≥ {low}"))
        if self.keep < 2:
            raise InputError(WORDS("search.budget", name="keep", given=self.keep, allowed="≥ 2"))


class Data(NamedTuple):
    """What is searched on."""

    frame: pl.DataFrame
    y: Floats
    groups: Any


class Counter:
    """Counts the rows that fits learnt from."""

    def __init__(self) -> None:
        self.rows = 0


def score_of(estimator: Any, settings: Settings, data: Data, fold: Ints, folds: int, counter: Counter) -> float:
    """Mean held-out AUC of a setting over the folds."""
    areas = []
    for k in range(folds):
        known, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        fitted = clone(estimator).set_params(**settings).fit(data.frame[known], data.y[known])
        counter.rows += known.size
        areas.append(auc(fitted.predict_proba(data.frame[held])[:, 1], data.y[held]))
    return float(np.mean(areas))


def tune(
    estimator: Any,
    X: Columns,
    y: Any,
    space: Space,
    *,
    budget: Budget | None = None,
    sampler: Literal["halving", "optuna"] = "halving",
    seed: int = 7,
    groups: Any = None,
    step: Callable[[int, int], None] | None = None,
) -> Tuned:
    """Search the settings of an estimator, and say what they are worth on rows that the search did not see.

    Parameters
    ----------
    estimator
        A classifier of two classes with scikit-learn's face; it is cloned and not changed.
    X, y
        Columns, and 0 or 1 (1 is bad).
    space
        Parameter → values in order.
    budget
        None takes the defaults.
    sampler
        `halving`: settings drawn without repetition, then successive halving on growing shares of the rows.
        `optuna`: its tree-structured Parzen estimator on all rows, with the same budget; needs the extra.
    seed
        Of draws and folds: the same data and seed give the same answer on any machine.
    groups
        Rows of one group stay in one fold, outer and inner.
    step
        Called as step(searches done, searches in all).

    Returns
    -------
    Tuned

    Raises
    ------
    InputError
        For an unknown parameter, an empty space, or a budget or sampler that is not known.

    Examples
    --------
    >>> from tallystick.models import Scorecard
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=400)
    >>> bad = (x + rng.normal(size=400) > 0.5).astype(int)
    >>> found = tune(Scorecard(), {"x": x}, bad, {"max_bins": [1, 6]}, budget=Budget(fits=6, folds=2, outer=2))
    >>> found.settings
    {'max_bins': 6}

    Notes
    -----
    Successive halving: Jamieson and Talwalkar, AISTATS (2016). Why the figure must be nested: Cawley and Talbot,
    Journal of Machine Learning Research 11 (2010).
    """
    limits = budget or Budget()
    limits.check()
    check_space(estimator, space)
    frame = as_frame(X)
    data = Data(frame, as_target(y, frame.height), None if groups is None else np.asarray(groups))
    draws, counter = _sampler(sampler), Counter()

    def search(part: Data, turn: int) -> list[Trial]:
        return draws(estimator, part, space, limits, seed + turn, counter)

    areas, chosen = [], []
    for done, (area, settings) in enumerate(_nested(estimator, data, search, limits.outer, seed, counter), 1):
        areas.append(area)
        chosen.append(settings)
        if step:
            step(done, limits.outer + 1)
    trials = search(data, 0)
    if step:
        step(limits.outer + 1, limits.outer + 1)
    return Tuned(
        trials[0].settings,
        float(np.mean(areas)),
        tuple(areas),
        trials[0].auc,
        counter.rows,
        tuple(chosen),
        tuple(trials),
    )


def _nested(
    estimator: Any,
    data: Data,
    search: Callable[[Data, int], list[Trial]],
    folds: int,
    seed: int,
    counter: Counter,
) -> Iterator[tuple[float, Settings]]:
    """Of each outer fold: the AUC of what a search without its rows chose, and that choice."""
    outer = fold_of(data.y, folds, seed, data.groups)
    for k in range(folds):
        known, held = np.flatnonzero(outer != k), np.flatnonzero(outer == k)
        inner = Data(data.frame[known], data.y[known], None if data.groups is None else data.groups[known])
        best = search(inner, 1 + k)[0].settings
        fitted = clone(estimator).set_params(**best).fit(inner.frame, inner.y)
        counter.rows += known.size
        yield auc(fitted.predict_proba(data.frame[held])[:, 1], data.y[held]), best


def _sampler(name: str) -> Callable[[Any, Data, Space, Budget, int, Counter], list[Trial]]:
    if name == "halving":
        return halving
    if name == "optuna":
        from tallystick.models.search.parzen import parzen

        return parzen
    raise InputError(WORDS("search.sampler", given=name))


def halving(estimator: Any, data: Data, space: Space, budget: Budget, seed: int, counter: Counter) -> list[Trial]:
    """Trials of successive halving, best first: all drawn settings on few rows, the best of them on more rows."""
    rounds, count = plan(budget, data.y)
    rng = np.random.default_rng(seed)
    alive = draw(space, count, rng)
    order = rng.permutation(data.y.size)
    done: list[Trial] = []
    for turn in range(rounds):
        share = float(budget.keep) ** (turn + 1 - rounds)
        part = _part(data, order, share)
        fold = fold_of(part.y, budget.folds, seed, part.groups)
        scored = [
            Trial(settings, share, score_of(estimator, settings, part, fold, budget.folds, counter))
            for settings in alive
        ]
        # Equal figures go by the order of the draw.
        scored.sort(key=lambda trial: -trial.auc)
        left = max(1, len(scored) // budget.keep) if turn + 1 < rounds else 0
        done = scored[left:] + done if left else scored + done
        alive = [trial.settings for trial in scored[:left]]
    return done


def plan(budget: Budget, y: Floats) -> tuple[int, int]:
    """How many rounds, and how many settings begin: as many rounds as leave 30 of the rarer outcome in every fold.

    Every round fits about the same number of rows, so each has its share of the budget.
    """
    rarer = float(min(y.sum(), y.size - y.sum()))
    rounds = 1
    while rarer / float(budget.keep) ** rounds >= 30.0 * budget.folds and rounds < 5:
        rounds += 1
    # A setting costs folds − 1 fits of its share of the rows.
    each = budget.fits / (rounds * (budget.folds - 1))
    return rounds, max(1, int(each * float(budget.keep) ** (rounds - 1)))


def _part(data: Data, order: Ints, share: float) -> Data:
    """The first `share` of the rows of each outcome, in the drawn order; whole groups where there are groups."""
    if share >= 1.0:
        return data
    if data.groups is not None:
        names = data.groups[order]
        _, first = np.unique(names, return_index=True)
        kept = names[np.sort(first)][: max(1, int(first.size * share))]
        places = np.flatnonzero(np.isin(data.groups, kept))
        return Data(data.frame[places], data.y[places], data.groups[places])
    parts = [order[data.y[order] == kind] for kind in (0.0, 1.0)]
    places = np.sort(np.concatenate([part[: int(np.ceil(part.size * share))] for part in parts]))
    return Data(data.frame[places], data.y[places], None)
