"""When a loan defaults: monthly hazards by month on book, and the term structure of default that follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.core.numeric import in_parts, kernel, sigmoid
from tallystick.models.container import Packed
from tallystick.models.design import Curves, Design, DesignOptions, Inputs, Linear, sound_features
from tallystick.models.filed import Filed
from tallystick.models.frames import (
    Columns,
    DataError,
    Feature,
    Floats,
    Ints,
    as_frame,
    as_weights,
    encode,
    fit_features,
)
from tallystick.models.horizon.fit import CLOSED, DEFAULT, bands_of, check_loans, fit_cause, whole
from tallystick.models.horizon.words import WORDS

SEMANTICS = 1
_LONGEST = 600
_KIND = "hazard"


class HazardOptions(msgspec.Struct, frozen=True):
    """How hazards are fitted.

    Attributes
    ----------
    name
        Of the model.
    months
        Months on book that are learnt, 0 to 600; 0 takes the last month with a default. Later months read as the last.
    horizons
        Months ahead for which probabilities are told, ascending, 1 to 600; the first is `pd`.
    min_events
        Neighbouring months are pooled until their baseline rests on as many events, at least 1.
    competing
        Model other closings (outcome 2) with a hazard of their own; else they end the observation only.
    age
        The label that holds the months on book at the time of scoring; "" scores new loans.
    design
        Curves of the labels.
    """

    name: str = "hazard"
    months: int = 0
    horizons: tuple[int, ...] = (12, 24, 36)
    min_events: int = 10
    competing: bool = True
    age: str = ""
    design: DesignOptions = DesignOptions()

    def __post_init__(self) -> None:
        if not 0 <= self.months <= _LONGEST:
            raise InputError(WORDS("horizon.months", name="months", given=self.months, allowed=f"0–{_LONGEST}"))
        _check_horizons(self.horizons)
        if self.min_events < 1:
            raise InputError(WORDS("horizon.months", name="min_events", given=self.min_events, allowed="≥ 1"))


def _check_horizons(given: tuple[int, ...]) -> None:
    if not given or list(given) != sorted(set(given)) or not 1 <= given[0] <= given[-1] <= _LONGEST:
        allowed = f"ascending months, 1–{_LONGEST}"
        raise InputError(WORDS("horizon.months", name="horizons", given=given, allowed=allowed))


class Cause(msgspec.Struct, frozen=True):
    """One way out: log-odds of its hazard in each month on book, to which the labels add."""

    baseline: tuple[float, ...]
    linear: Linear


class HazardDefinition(msgspec.Struct, frozen=True):
    """All that a hazard model is; `causes` holds default, then other closings where they are modelled."""

    name: str
    features: tuple[Feature, ...]
    age: str
    horizons: tuple[int, ...]
    causes: tuple[Cause, ...]


class HazardScore(msgspec.Struct, frozen=True):
    """The answer for one loan.

    Attributes
    ----------
    pd
        Probability of default within the first horizon, from the month of scoring on.
    pds
        The same for every horizon, by months.
    curve
        Probability of default within 1, 2, … months, up to the last horizon: the term structure.
    open_share
        Probability that the loan is still open after the last horizon.
    brought
        What each label adds to the log-odds of a default in a month, against the average loan; above 0 is riskier.
    """

    pd: float
    pds: dict[int, float]
    curve: tuple[float, ...]
    open_share: float
    brought: dict[str, float]


class Hazard(Filed[HazardDefinition]):
    """A fitted hazard model, ready to score.

    Parameters
    ----------
    definition
        Features, baselines and curves.
    card
        Its model card, a JSON object that is stored and versioned with it.

    Attributes
    ----------
    labels
        What a row must hold, in order; `age` last where there is one.
    """

    kind = _KIND
    semantics = SEMANTICS

    def __init__(self, definition: HazardDefinition, card: Mapping[str, Any] | None = None) -> None:
        self.definition = definition
        self.card: Mapping[str, Any] = {} if card is None else card
        self.name = definition.name
        self._inputs = Inputs(definition.features)
        self.labels = self._inputs.labels + ((definition.age,) if definition.age else ())
        self._age = Inputs((Feature(definition.age),)) if definition.age else None
        self._curves = [Curves(cause.linear) for cause in definition.causes]
        self._base = np.array([cause.baseline for cause in definition.causes], dtype=np.float64)
        self._months = definition.horizons[-1]

    def _run(self, matrix: Floats, ages: Floats, months: int) -> tuple[Floats, Floats, Floats]:
        """Cumulative default (rows × months), open at the end, and the log-odds that the labels bring to a default."""
        etas = np.column_stack([curves.total(matrix) for curves in self._curves])
        out, still = np.empty((matrix.shape[0], months)), np.empty(matrix.shape[0])
        _ahead(etas, ages, self._base, out, still)
        return out, still, etas[:, 0]

    def score(self, row: Mapping[str, Any]) -> HazardScore:
        """Score one loan: a value, or None, for each of `labels`; a missing or negative age reads as 0.

        Raises
        ------
        InputError
            When a label is absent, or is text where a number is expected, or the other way round.
        """
        matrix = self._inputs.row(row)
        ages = self._age.row(row)[:, 0] if self._age else np.zeros(1)
        curve, still, _ = self._run(matrix, ages, self._months)
        told = curve[0].tolist()
        pds = {months: told[months - 1] for months in self.definition.horizons}
        brought = dict(zip(self._inputs.labels, self._curves[0].parts(matrix)[0].tolist(), strict=True))
        return HazardScore(pds[self.definition.horizons[0]], pds, tuple(told), float(still[0]), brought)

    def score_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score every row, with the bits of `score`: `pd`, `pd_<months>` of each horizon, `open_share`, `log_odds`."""
        parts = in_parts(frame.height, lambda low, high: self._part(frame.slice(low, high - low)))
        return pl.concat(parts)

    def _part(self, frame: pl.DataFrame) -> pl.DataFrame:
        curve, still, eta = self._run(self._inputs.frame(frame), self._ages(frame), self._months)
        horizons = self.definition.horizons
        columns = {"pd": curve[:, horizons[0] - 1]}
        columns |= {f"pd_{months}": curve[:, months - 1] for months in horizons}
        columns |= {"open_share": still, "log_odds": eta}
        return pl.DataFrame({name: np.ascontiguousarray(column) for name, column in columns.items()})

    def _ages(self, frame: pl.DataFrame) -> Floats:
        return self._age.frame(frame)[:, 0] if self._age else np.zeros(frame.height)

    def term_structure(self, frame: pl.DataFrame, months: int | None = None) -> Floats:
        """Probabilities of default within 1 … `months` months (rows × months), the last horizon by default."""
        ahead = self._months if months is None else months
        if not 1 <= ahead <= _LONGEST:
            raise InputError(WORDS("horizon.months", name="months", given=ahead, allowed=f"1–{_LONGEST}"))
        return self._run(self._inputs.frame(frame), self._ages(frame), ahead)[0]


@kernel
def _ahead(etas: Floats, ages: Floats, base: Floats, out: Floats, still: Floats) -> None:
    """Cumulative incidence of default: a month's default comes before its closings."""
    last = base.shape[1] - 1
    for i in range(etas.shape[0]):
        month = np.int64(0)
        if ages[i] > 0.0:
            month = np.int64(min(ages[i], np.float64(last)))
        stay, bad = 1.0, 0.0
        for s in range(out.shape[1]):
            m = min(month + s, last)
            h = sigmoid(base[0, m] + etas[i, 0])
            bad += stay * h
            stay *= 1.0 - h
            if base.shape[0] == 2:
                stay *= 1.0 - sigmoid(base[1, m] + etas[i, 1])
            # Rounding must not let a probability pass 1.
            out[i, s] = min(bad, 1.0)
        still[i] = stay


def fit_hazard(
    columns: Columns,
    duration: Any,
    event: Any,
    *,
    entry: Any = None,
    weights: Any = None,
    options: HazardOptions | None = None,
    card: Mapping[str, Any] | None = None,
) -> Hazard:
    """Fit the hazard of default (and of other closings) by month on book, with censoring and late entry.

    Parameters
    ----------
    columns
        Labels as they were when the loan was booked, a row for each loan.
    duration
        The month on book in which the observation ended, a whole number of at least 1.
    event
        How it ended: 0 still open, 1 defaulted in that month, 2 closed otherwise in that month.
    entry
        Months on book when the observation began, 0 by default: a loan bought at month 6 is at risk from month 7.
    weights
        Positive; ones by default.

    Returns
    -------
    Hazard

    Raises
    ------
    DataError
        When months are not whole, an outcome is unknown, or fewer than `min_events` loans defaulted.

    Notes
    -----
    P(default in month t) = h₁, P(closed in t) = (1 − h₁) h₂: the likelihood falls apart into two logistic ones. Labels
    move a hazard's odds by the same factor in every month.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> usage = rng.uniform(size=2000)
    >>> month = rng.geometric(0.02 + 0.06 * usage)
    >>> model = fit_hazard({"usage": usage}, np.minimum(month, 24), (month <= 24).astype(int))
    >>> model.score({"usage": 0.9}).pd > model.score({"usage": 0.1}).pd
    True
    """
    settings = options or HazardOptions()
    frame = as_frame(columns)
    rows = frame.height
    until, how = check_loans(duration, event, rows)
    since = np.zeros(rows, dtype=np.int64) if entry is None else whole("entry", entry, rows, 0)
    weight = as_weights(weights, rows)
    if (since >= until).any():
        late = int(since[since >= until][0])
        raise DataError(WORDS("horizon.whole", name="entry", given=late, allowed="< duration"))
    bad_months = until[how == DEFAULT]
    months = settings.months or min(int(bad_months.max(initial=0)), _LONGEST)
    events = int(np.count_nonzero(bad_months <= months))
    if events < settings.min_events:
        raise DataError(WORDS("horizon.events", given=events, rows=rows, needed=settings.min_events))
    features = fit_features(frame.drop(settings.age, strict=False), (how == DEFAULT).astype(np.float64), weight)
    matrix = encode(frame, features)
    causes = [_fit_one(matrix, until, how, since, weight, features, DEFAULT, months, settings)]
    if settings.competing and np.count_nonzero((how == CLOSED) & (until <= months)) >= settings.min_events:
        causes.append(_fit_one(matrix, until, how, since, weight, features, CLOSED, months, settings))
    definition = HazardDefinition(settings.name, features, settings.age, settings.horizons, tuple(causes))
    return Hazard(definition, card)


def _fit_one(
    matrix: Floats,
    until: Ints,
    how: Ints,
    since: Ints,
    weight: Floats,
    features: tuple[Feature, ...],
    cause: int,
    months: int,
    settings: HazardOptions,
) -> Cause:
    happened = ((how == cause) & (until <= months)).astype(np.float64)
    # A default in a month leaves nothing to be closed in it.
    last = np.minimum(until - ((how == DEFAULT) & (cause == CLOSED)), months)
    design = Design(matrix, happened, weight, features, settings.design)
    band = bands_of(until, how, cause, months, settings.min_events)
    base, slopes = fit_cause(design.columns, since, last, happened, weight, band, settings.design.ridge)
    return Cause(tuple(base[band].tolist()), design.linear(0.0, slopes))


def open_hazard(packed: Packed) -> Hazard:
    """The hazard model of a file; raises `TamperError` when its tables could not have been written here."""
    definition = packed.read(HazardDefinition, SEMANTICS)
    sizes = {len(cause.baseline) for cause in definition.causes}
    sound = (
        packed.kind == _KIND
        and not packed.arrays
        and sound_features(definition.features)
        and 1 <= len(definition.causes) <= 2
        and len(sizes) == 1
        and 1 <= min(sizes) <= _LONGEST
        and all(cause.linear.sound and all(abs(x) <= 1e150 for x in cause.baseline) for cause in definition.causes)
        and all(tuple(t.feature for t in cause.linear.terms) == definition.features for cause in definition.causes)
    )
    try:
        _check_horizons(definition.horizons)
    except InputError:
        sound = False
    if not sound:
        raise packed.refused("definition.json")
    return Hazard(definition, packed.card)
