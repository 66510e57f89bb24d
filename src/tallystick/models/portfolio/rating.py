"""The master scale: grades of default probability, declared or fitted, and the test of each grade."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import msgspec
import numpy as np
from scipy.special import betainc, betaincinv

from tallystick.core import InputError
from tallystick.core.numeric import exp, logit
from tallystick.models.frames import Floats, Ints, as_target, as_weights, tally
from tallystick.models.portfolio.words import WORDS


class MasterScale(msgspec.Struct, frozen=True):
    """Grades of default probability, the safest first.

    Attributes
    ----------
    grades
        Names, each once.
    bounds
        The upper PD of every grade but the last, in (0, 1), strictly ascending; a PD on a bound has the safer grade.

    Examples
    --------
    >>> scale = MasterScale(("A", "B", "C"), (0.01, 0.05))
    >>> [scale.grades[scale.index(pd)] for pd in (0.0, 0.01, 0.02, 1.0)]
    ['A', 'A', 'B', 'C']
    """

    grades: tuple[str, ...]
    bounds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.grades or len(self.bounds) != len(self.grades) - 1:
            raise InputError(WORDS("scale.shape", grades=len(self.grades), bounds=len(self.bounds)))
        if not all(self.grades) or len(set(self.grades)) != len(self.grades):
            raise InputError(WORDS("scale.names", given=", ".join(map(repr, self.grades))))
        steps = (0.0, *self.bounds, 1.0)
        if not all(low < high for low, high in pairwise(steps)):
            raise InputError(WORDS("scale.bounds", given=", ".join(map(repr, self.bounds))))

    def index(self, pd: float) -> int:
        """The place of the grade of `pd`; raises `InputError` when `pd` is no probability."""
        if not 0.0 <= pd <= 1.0:
            raise InputError(WORDS("scale.pd", given=pd))
        return bisect_left(self.bounds, pd)

    def indices(self, pds: Floats) -> Ints:
        """`index` of each of `pds`."""
        given = np.asarray(pds, dtype=np.float64)
        wrong = ~((given >= 0.0) & (given <= 1.0))
        if wrong.any():
            raise InputError(WORDS("scale.pd", given=float(given[wrong][0])))
        return np.searchsorted(np.asarray(self.bounds, dtype=np.float64), given, side="left").astype(np.int64)


class ScaleOptions(msgspec.Struct, frozen=True):
    """How a master scale is fitted.

    Attributes
    ----------
    grades
        Buckets to begin with, 2 to 50; the fitted scale may have fewer.
    min_rows, min_events
        Weighted rows, and as many bads and as many goods, that each grade holds.
    min_step
        Least ratio of the observed rates of neighbours, at least 1: 1.2 means a fifth more bads.
    prefix
        Of the names: R1, R2, …
    """

    grades: int = 12
    min_rows: float = 100.0
    min_events: float = 5.0
    min_step: float = 1.0
    prefix: str = "R"

    def __post_init__(self) -> None:
        for name, given, low, high in (
            ("grades", self.grades, 2, 50),
            ("min_rows", self.min_rows, 1, float("inf")),
            ("min_events", self.min_events, 0, float("inf")),
            ("min_step", self.min_step, 1, 100),
        ):
            if not low <= given <= high:
                raise InputError(WORDS("scale.option", name=name, given=given, allowed=f"{low}–{high}"))


def fit_scale(pd: Floats, y: Floats, weights: Floats | None = None, options: ScaleOptions | None = None) -> MasterScale:
    """Fit grades whose bounds grow geometrically in odds, and pool neighbours until each has enough and is worse.

    Parameters
    ----------
    pd
        Calibrated probabilities of bad, in [0, 1], scored out of fold or on rows that the model did not learn.
    y
        1.0 bad, 0.0 good; both must occur.
    weights
        Positive; ones by default.

    Returns
    -------
    MasterScale
        Grades in which the observed rates ascend strictly.

    Notes
    -----
    Buckets are equal steps of log-odds between the 0.5% and 99.5% quantile of `pd`. First the safest grade that holds
    too little joins its nearer neighbour by mean log-odds, until none is left; then neighbours whose rates do not
    ascend by `min_step` are pooled (pool adjacent violators).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> pd = rng.beta(1, 9, 4000)
    >>> scale = fit_scale(pd, (rng.uniform(size=4000) < pd).astype(float), options=ScaleOptions(grades=6))
    >>> 2 <= len(scale.grades) <= 6
    True
    """
    settings = options or ScaleOptions()
    target = as_target(y, pd.size)
    weight = as_weights(weights, pd.size)
    MasterScale(("all",), ()).indices(pd)
    low, high = (logit(min(max(float(q), 1e-9), 1 - 1e-9)) for q in np.quantile(pd, [0.005, 0.995]))
    steps = [low + (high - low) * i / settings.grades for i in range(1, settings.grades)]
    odds = sorted({exp(step) for step in steps})
    bounds = [o / (1.0 + o) for o in odds]
    place = np.searchsorted(np.asarray(bounds), pd, side="left")
    size = len(bounds) + 1
    stats = np.column_stack([tally(place, w, size) for w in (weight, weight * target, weight * pd)])
    cells = [(float(r), float(b), float(p)) for r, b, p in stats.tolist()]
    _pool_small(cells, bounds, settings)
    _pool_order(cells, bounds, settings.min_step)
    return MasterScale(tuple(f"{settings.prefix}{i + 1}" for i in range(len(cells))), tuple(bounds))


_Cell = tuple[float, float, float]


def _join(cells: list[_Cell], bounds: list[float], left: int) -> None:
    """Pool the grades `left` and `left` + 1."""
    a, b = cells[left], cells.pop(left + 1)
    cells[left] = (a[0] + b[0], a[1] + b[1], a[2] + b[2])
    del bounds[left]


def _pool_small(cells: list[_Cell], bounds: list[float], settings: ScaleOptions) -> None:
    def small(cell: _Cell) -> bool:
        rows, bads, _ = cell
        return rows < settings.min_rows or min(bads, rows - bads) < settings.min_events

    def middle(place: int) -> float:
        rows, _, total = cells[place]
        edge = bounds[min(place, len(bounds) - 1)]
        return logit(min(max(total / rows if rows else edge, 1e-12), 1.0 - 1e-12))

    while len(cells) > 1:
        place = next((i for i, cell in enumerate(cells) if small(cell)), None)
        if place is None:
            return
        if place == 0:
            _join(cells, bounds, 0)
        elif place == len(cells) - 1:
            _join(cells, bounds, place - 1)
        else:
            nearer = middle(place) - middle(place - 1) <= middle(place + 1) - middle(place)
            _join(cells, bounds, place - 1 if nearer else place)


def _pool_order(cells: list[_Cell], bounds: list[float], step: float) -> None:
    place = 0
    while place < len(cells) - 1:
        (rows, bads, _), (next_rows, next_bads, _) = cells[place], cells[place + 1]
        if next_bads * rows > step * bads * next_rows:
            place += 1
        else:
            _join(cells, bounds, place)
            place = max(place - 1, 0)


class GradeTest(msgspec.Struct, frozen=True):
    """One grade: its rows, and whether its probability holds against what was observed.

    Attributes
    ----------
    rows, events
        Weighted.
    share
        Of all rows.
    mean_pd, observed
        The mean probability said, and the share of bads; None without a row.
    low, high
        The interval of the true rate by Jeffreys, at the confidence asked for.
    jeffreys
        The chance that the true rate is at most `mean_pd`: near 0 the grade is too optimistic.
    binomial
        The chance of as many bads or more if `mean_pd` were true.
    held
        Whether `jeffreys` is not below 1 − confidence; a grade without a row is held.
    """

    grade: str
    rows: float
    events: float
    share: float
    mean_pd: float | None
    observed: float | None
    low: float
    high: float
    jeffreys: float
    binomial: float
    held: bool


class ScaleTest(msgspec.Struct, frozen=True):
    """The test of a master scale: each grade, whether observed rates never fall, and the concentration (Herfindahl)."""

    grades: tuple[GradeTest, ...]
    monotone: bool
    concentration: float


def check_scale(
    scale: MasterScale, pd: Floats, y: Floats, weights: Floats | None = None, confidence: float = 0.95
) -> ScaleTest:
    """Hold each grade's mean probability against its bads: the Jeffreys test and the one-sided binomial test.

    Parameters
    ----------
    pd, y, weights
        As in `fit_scale`, on rows that fitted neither model nor scale; one outcome alone may occur. Weights count as
        rows.
    confidence
        In (0, 1).

    Notes
    -----
    With n rows and d bads the true rate has the posterior Beta(d + ½, n − d + ½). Source: ECB, Instructions for
    reporting the validation results of internal models (2019), 2.5.3.1. Defaults that hang together (one recession)
    make both tests too strict.

    Examples
    --------
    >>> y = np.array([0.0] * 95 + [1.0] * 5)
    >>> test = check_scale(MasterScale(("all",), ()), np.full(100, 0.02), y)
    >>> test.grades[0].held, round(test.grades[0].binomial, 4)
    (False, 0.0508)
    """
    if not 0.0 < confidence < 1.0:
        raise InputError(WORDS("scale.option", name="confidence", given=confidence, allowed="0 < … < 1"))
    target, weight = np.asarray(y, dtype=np.float64), as_weights(weights, pd.size)
    if target.shape != pd.shape or not np.all((target == 0.0) | (target == 1.0)):
        raise InputError(WORDS("scale.outcomes", rows=pd.size))
    place, size = scale.indices(pd), len(scale.grades)
    rows, events, said = (tally(place, w, size).tolist() for w in (weight, weight * target, weight * pd))
    total = float(weight.sum())
    tests = tuple(_check_grade(*one, total, confidence) for one in zip(scale.grades, rows, events, said, strict=True))
    observed = [test.observed for test in tests if test.observed is not None]
    ascending = all(a <= b for a, b in pairwise(observed))
    return ScaleTest(tests, ascending, sum(test.share * test.share for test in tests))


def _check_grade(grade: str, rows: float, events: float, said: float, total: float, confidence: float) -> GradeTest:
    if not rows:
        return GradeTest(grade, 0.0, 0.0, 0.0, None, None, 0.0, 1.0, 1.0, 1.0, True)
    mean = min(said / rows, 1.0)
    a, b, tail = events + 0.5, max(rows - events, 0.0) + 0.5, 0.5 * (1.0 - confidence)
    low, high = (float(betaincinv(a, b, p)) for p in (tail, 1.0 - tail))
    jeffreys = float(betainc(a, b, mean))
    # P(X ≥ d) of a binomial is the incomplete beta function, which takes weighted counts too.
    binomial = float(betainc(events, max(rows - events, 0.0) + 1.0, mean)) if events > 0 else 1.0
    held = jeffreys >= 1.0 - confidence
    return GradeTest(grade, rows, events, rows / total, mean, events / rows, low, high, jeffreys, binomial, held)
