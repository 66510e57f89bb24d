"""The early-warning score: month by month the chance of default soon, and alerts whose lead time was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.core.numeric import in_parts, sigmoid_array
from tallystick.models.container import Packed
from tallystick.models.design import Curves, DesignOptions, Inputs, Linear, fit_linear, sound_features
from tallystick.models.filed import Filed
from tallystick.models.frames import Columns, DataError, Feature, Floats, Ints, as_frame, encode, fit_features
from tallystick.models.horizon.alerts import (
    NEVER,
    AlertPolicy,
    Flags,
    WarningReport,
    as_observations,
    choose_threshold,
    measure_alerts,
)
from tallystick.models.horizon.words import WORDS

SEMANTICS = 1
_KIND = "warning"


class WarningOptions(msgspec.Struct, frozen=True):
    """How an early warning is fitted.

    Attributes
    ----------
    name
        Of the model.
    horizon
        Months ahead in which a default counts, 1 to 60.
    budget
        Alerts for a thousand observed accounts a month that people can work, above 0.
    consecutive, quiet_months
        As in `AlertPolicy`.
    design
        Curves of the labels.
    """

    name: str = "warning"
    horizon: int = 6
    budget: float = 20.0
    consecutive: int = 1
    quiet_months: int = 3
    design: DesignOptions = DesignOptions()

    def __post_init__(self) -> None:
        if not 1 <= self.horizon <= 60:
            raise InputError(WORDS("horizon.months", name="horizon", given=self.horizon, allowed="1–60"))
        if not 0.0 < self.budget <= 1000.0:
            raise InputError(WORDS("horizon.months", name="budget", given=self.budget, allowed="0 < … ≤ 1000"))
        AlertPolicy(0.0, self.consecutive, self.quiet_months)


class WarningDefinition(msgspec.Struct, frozen=True):
    """All that an early warning is."""

    name: str
    features: tuple[Feature, ...]
    linear: Linear
    horizon: int
    policy: AlertPolicy


class WarningScore(msgspec.Struct, frozen=True):
    """The answer for one account in one month.

    Attributes
    ----------
    pd
        Chance of default within the horizon.
    high
        Whether it reaches the threshold; an alert needs `AlertPolicy.consecutive` such months.
    brought
        What each label adds to the log-odds, against the average month; above 0 is riskier.
    """

    pd: float
    high: bool
    brought: dict[str, float]


class EarlyWarning(Filed[WarningDefinition]):
    """A fitted early warning, ready to score.

    Parameters
    ----------
    definition
        Features, curves, horizon and policy.
    card
        Its model card.
    """

    kind = _KIND
    semantics = SEMANTICS

    def __init__(self, definition: WarningDefinition, card: Mapping[str, Any] | None = None) -> None:
        self.definition = definition
        self.card: Mapping[str, Any] = {} if card is None else card
        self.name = definition.name
        self._inputs = Inputs(definition.features)
        self.labels = self._inputs.labels
        self._curves = Curves(definition.linear)

    def score(self, row: Mapping[str, Any]) -> WarningScore:
        """Score one row: a value, or None, for each of `labels`.

        Raises
        ------
        InputError
            When a label is absent, or is text where a number is expected, or the other way round.
        """
        matrix = self._inputs.row(row)
        pd = float(sigmoid_array(self._curves.total(matrix))[0])
        brought = dict(zip(self.labels, self._curves.parts(matrix)[0].tolist(), strict=True))
        return WarningScore(pd, pd >= self.definition.policy.threshold, brought)

    def score_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score every row, with the bits of `score`: `pd` and `high`."""

        def part(low: int, high: int) -> Any:
            return sigmoid_array(self._curves.total(self._inputs.frame(frame.slice(low, high - low))))

        pd = np.concatenate(in_parts(frame.height, part))
        return pl.DataFrame({"pd": pd, "high": pd >= self.definition.policy.threshold})


class WarningFit(NamedTuple):
    """An early warning, and what it was worth in months that neither fitted it nor chose its threshold."""

    model: EarlyWarning
    report: WarningReport


def fit_warning(
    columns: Columns,
    account: Any,
    month: Any,
    default_month: Any,
    *,
    until: int,
    threshold_from: int,
    test_from: int,
    options: WarningOptions | None = None,
    card: Mapping[str, Any] | None = None,
) -> WarningFit:
    """Fit on early months, choose the threshold on later ones, and measure lead time and alerts on the last.

    Parameters
    ----------
    columns
        Labels as known at the end of each observed month, a row for each account and month.
    account, month, default_month
        As in `as_observations`.
    until
        The last month whose defaults are known.
    threshold_from, test_from
        First month that chooses the threshold, and first month that is measured.

    Raises
    ------
    DataError
        When a part has no observation, no default to learn from, or no threshold keeps to the budget.

    Notes
    -----
    A month whose outcome was not known before `threshold_from` fits nothing, so that nothing later leaks into the
    fit: rows learn only where month + horizon < `threshold_from`. Months at and after default are left out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> account, month = np.repeat(np.arange(300), 24), np.tile(np.arange(24), 300)
    >>> end = np.repeat(np.where(rng.uniform(size=300) < 0.4, rng.integers(6, 24, 300), 99), 24)
    >>> usage = 1.0 / (1.0 + np.clip(end - month, 0, 9)) + rng.normal(0, 0.05, 7200)
    >>> default = pl.Series(end).replace(99, None)
    >>> found = fit_warning({"usage": usage}, account, month, default, until=23, threshold_from=14, test_from=18,
    ...     options=WarningOptions(horizon=3, budget=60))
    >>> found.report.recall > 0.5 and found.report.lead_quartiles[1] >= 1
    True
    """
    settings = options or WarningOptions()
    frame = as_frame(columns)
    watched = as_observations(account, month, default_month)
    _check(frame.height, watched.month.size, threshold_from, test_from, until)
    frame = frame[watched.order]
    default = np.where(watched.default <= until, watched.default, NEVER)
    before = watched.month < default
    learn, choose, test = _parts(watched.month, before, threshold_from - settings.horizon, threshold_from, test_from)
    # A default that is not known before the threshold's months is none yet.
    soon = before & (default < threshold_from) & (default - settings.horizon <= watched.month)
    draft = _fit_early(frame.filter(pl.Series(learn)), soon[learn].astype(np.float64), settings)
    score = draft.score_columns(frame)["pd"].to_numpy()
    places = [np.flatnonzero(part) for part in (choose, test)]
    chosen, tested = (
        as_observations(watched.account[at], watched.month[at], pl.Series(default[at]).replace(NEVER, None))
        for at in places
    )
    level = choose_threshold(chosen, score[places[0]], settings.budget, settings.consecutive, settings.quiet_months)
    policy = AlertPolicy(level, settings.consecutive, settings.quiet_months)
    report = measure_alerts(policy, tested, score[places[1]], horizon=settings.horizon, until=until)
    definition = msgspec.structs.replace(draft.definition, policy=policy)
    return WarningFit(EarlyWarning(definition, card), report)


def _fit_early(known: pl.DataFrame, target: Floats, settings: WarningOptions) -> EarlyWarning:
    """The curves alone; the threshold comes from later months."""
    weight = np.ones(known.height)
    features = fit_features(known, target, weight)
    linear = fit_linear(encode(known, features), target, weight, features, settings.design)
    return EarlyWarning(WarningDefinition(settings.name, features, linear, settings.horizon, AlertPolicy(0.0)))


def _parts(
    month: Ints, before: Flags, learn_to: int, threshold_from: int, test_from: int
) -> tuple[Flags, Flags, Flags]:
    """Observations before default that fit, that choose the threshold, and that are measured."""
    learn = before & (month < learn_to)
    choose = before & (month >= threshold_from) & (month < test_from)
    test = before & (month >= test_from)
    for name, part in (("learn", learn), ("threshold", choose), ("test", test)):
        if not part.any():
            raise DataError(WORDS("warning.part", part=name))
    return learn, choose, test


def _check(rows: int, observed: int, *cuts: int) -> None:
    if observed != rows:
        raise DataError(WORDS("horizon.lengths", name="month", given=observed, rows=rows))
    if not cuts[0] < cuts[1] <= cuts[2]:
        given = ", ".join(map(str, cuts))
        raise InputError(
            WORDS("horizon.months", name="threshold_from, test_from, until", given=given, allowed="ascending")
        )


def open_warning(packed: Packed) -> EarlyWarning:
    """The early warning of a file; raises `TamperError` when its tables could not have been written here."""
    definition = packed.read(WarningDefinition, SEMANTICS)
    sound = packed.kind == _KIND and not packed.arrays and 1 <= definition.horizon <= 60 and definition.linear.sound
    sound = sound and sound_features(definition.features)
    if not sound or tuple(term.feature for term in definition.linear.terms) != definition.features:
        raise packed.refused("definition.json")
    return EarlyWarning(definition, packed.card)
