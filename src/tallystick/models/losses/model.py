"""What is lost when a loan defaults: cure or severity, and the exposure at that moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl
from scipy.special import betaincinv

from tallystick.core import InputError
from tallystick.core.numeric import in_parts, logit, sigmoid_array
from tallystick.models.container import Packed
from tallystick.models.design import Curves, DesignOptions, Inputs, Linear, fit_linear, flat_linear, sound_features
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
from tallystick.models.losses.words import WORDS

SEMANTICS = 1
_KIND = "losses"
_EXACT = 2**53


class LossOptions(msgspec.Struct, frozen=True):
    """How losses are fitted.

    Attributes
    ----------
    name
        Of the model.
    kind
        `two-stage`: the chance of a cure, and the severity of those not cured; `fractional`: the loss share at once.
    cured_at
        A loss share of at most this is a cure, in [0, 1).
    limit, drawn
        Money labels (minor units) from which the exposure at default follows; "" tells no exposure.
    design
        Curves of the labels.
    """

    name: str = "losses"
    kind: Literal["two-stage", "fractional"] = "two-stage"
    cured_at: float = 0.0
    limit: str = ""
    drawn: str = ""
    design: DesignOptions = DesignOptions(2, 5.0)

    def __post_init__(self) -> None:
        if not 0.0 <= self.cured_at < 1.0:
            raise InputError(WORDS("loss.option", name="cured_at", given=self.cured_at, allowed="0 ≤ … < 1"))
        if bool(self.limit) != bool(self.drawn):
            given = f"{self.limit!r}, {self.drawn!r}"
            raise InputError(WORDS("loss.option", name="limit, drawn", given=given, allowed="both or neither"))


class Exposure(msgspec.Struct, frozen=True):
    """Exposure at default = drawn + conversion factor × (limit − drawn), from two money labels."""

    limit: str
    drawn: str
    conversion: Linear


class LossDefinition(msgspec.Struct, frozen=True):
    """All that a loss model is; `precision` is φ of Beta(μφ, (1 − μ)φ), the spread of severities around μ."""

    name: str
    features: tuple[Feature, ...]
    cure: Linear | None
    severity: Linear
    precision: float
    exposure: Exposure | None


class LossScore(msgspec.Struct, frozen=True):
    """The answer for one loan, should it default.

    Attributes
    ----------
    lgd
        Expected share of the exposure that is lost, in [0, 1]: (1 − cure) × severity.
    cure
        Chance that nothing is lost; 0 for a fractional model.
    severity
        Expected share lost where there is no cure.
    conversion
        Share of what is undrawn that will be drawn by default; None without an exposure model.
    ead_minor
        Exposure at default in minor units; None without an exposure model or where limit or drawn is missing.
    brought
        What each label adds to the log-odds of severity, against the average default.
    """

    lgd: float
    cure: float
    severity: float
    conversion: float | None
    ead_minor: int | None
    brought: dict[str, float]


class Losses(Filed[LossDefinition]):
    """A fitted model of loss given default and of exposure at default.

    Parameters
    ----------
    definition
        Features and curves.
    card
        Its model card.

    Attributes
    ----------
    labels
        What a row must hold, in order; limit and drawn last where there are such.
    """

    kind = _KIND
    semantics = SEMANTICS

    def __init__(self, definition: LossDefinition, card: Mapping[str, Any] | None = None) -> None:
        self.definition = definition
        self.card: Mapping[str, Any] = {} if card is None else card
        self.name = definition.name
        self._inputs = Inputs(definition.features)
        exposure = definition.exposure
        money = (exposure.limit, exposure.drawn) if exposure else ()
        self.labels = self._inputs.labels + tuple(name for name in money if name not in self._inputs.labels)
        self._money = money
        self._cure = Curves(definition.cure) if definition.cure else None
        self._severity = Curves(definition.severity)
        self._conversion = Curves(exposure.conversion) if exposure else None

    def _run(self, matrix: Floats) -> tuple[Floats, Floats, Floats, Floats | None]:
        """lgd, cure, severity and conversion of every row."""
        severity = sigmoid_array(self._severity.total(matrix))
        cure = sigmoid_array(self._cure.total(matrix)) if self._cure else np.zeros(severity.size)
        conversion = sigmoid_array(self._conversion.total(matrix)) if self._conversion else None
        return (1.0 - cure) * severity, cure, severity, conversion

    def score(self, row: Mapping[str, Any]) -> LossScore:
        """Score one loan: a value, or None, for each of `labels`.

        Raises
        ------
        InputError
            When a label is absent or has another type, or an amount is not whole.
        """
        matrix = self._inputs.row(row)
        lgd, cure, severity, conversion = self._run(matrix)
        ead = None
        if conversion is not None:
            limit, drawn = (self._amount(row, name) for name in self._money)
            if limit is not None and drawn is not None:
                ead = int(exposures(conversion, np.array([limit]), np.array([drawn]))[0])
        brought = dict(zip(self._inputs.labels, self._severity.parts(matrix)[0].tolist(), strict=True))
        share = None if conversion is None else float(conversion[0])
        return LossScore(float(lgd[0]), float(cure[0]), float(severity[0]), share, ead, brought)

    def score_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score every row, with the bits of `score`: `lgd`, `cure`, `severity`, `conversion`, `ead_minor`."""
        return pl.concat(in_parts(frame.height, lambda low, high: self._part(frame.slice(low, high - low))))

    def _part(self, frame: pl.DataFrame) -> pl.DataFrame:
        lgd, cure, severity, conversion = self._run(self._inputs.frame(frame))
        columns = [pl.Series("lgd", lgd), pl.Series("cure", cure), pl.Series("severity", severity)]
        if conversion is not None:
            columns += [pl.Series("conversion", conversion), self._exposures(frame, conversion).alias("ead_minor")]
        return pl.DataFrame(columns)

    def _amount(self, row: Mapping[str, Any], name: str) -> int | None:
        if name not in row:
            raise InputError(WORDS("loss.absent", name=name, needed=", ".join(self.labels)))
        value = row[name]
        if value is not None and (type(value) is not int or abs(value) > _EXACT):
            raise DataError(WORDS("loss.money", name=name, given=value))
        return value

    def _exposures(self, frame: pl.DataFrame, conversion: Floats) -> pl.Series:
        limit, drawn = (minor(name, _column(frame, name)) for name in self._money)
        ead = exposures(conversion, limit.fill_null(0).to_numpy(), drawn.fill_null(0).to_numpy())
        return pl.Series(ead).set(limit.is_null() | drawn.is_null(), None)

    def bounds(self, frame: pl.DataFrame, confidence: float = 0.9) -> pl.DataFrame:
        """Between which shares the loss of each loan lies with `confidence` at least: `lgd_low`, `lgd_high`.

        A cure loses nothing, so where cures are likely the lower bound is 0; other severities follow
        Beta(μφ, (1 − μ)φ). For reports: not bound to be equal to the last bit on every processor, as scores are.
        """
        if not 0.0 < confidence < 1.0:
            raise InputError(WORDS("loss.option", name="confidence", given=confidence, allowed="0 < … < 1"))
        _, cure, severity, _ = self._run(self._inputs.frame(frame))
        phi, tail = self.definition.precision, 0.5 * (1.0 - confidence)
        found = {}
        for name, level in (("lgd_low", tail), ("lgd_high", 1.0 - tail)):
            left = np.clip((level - cure) / np.maximum(1.0 - cure, 1e-300), 0.0, 1.0)
            share = betaincinv(np.maximum(severity * phi, 1e-6), np.maximum((1.0 - severity) * phi, 1e-6), left)
            found[name] = np.where(level <= cure, 0.0, share)
        return pl.DataFrame(found)


def exposures(conversion: Floats, limit: Ints, drawn: Ints) -> Ints:
    """drawn + conversion × undrawn, rounded half up; an overdrawn account has what is drawn, a credit balance 0."""
    undrawn = np.maximum(limit - drawn, 0).astype(np.float64)
    return np.asarray(np.maximum(drawn + np.floor(conversion * undrawn + 0.5).astype(np.int64), 0), dtype=np.int64)


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        raise DataError(WORDS("loss.lengths", name=name, given=0, rows=frame.height))
    return frame.get_column(name)


def minor(name: str, column: pl.Series) -> pl.Series:
    """A column of whole minor units as Int64; nulls stay."""
    if column.dtype == pl.Null:
        return column.cast(pl.Int64)
    if not column.dtype.is_integer():
        raise DataError(WORDS("loss.money", name=name, given=str(column.dtype)))
    far = column.filter(~column.is_between(-_EXACT, _EXACT))
    if far.len():
        raise DataError(WORDS("loss.money", name=name, given=far[0]))
    return column.cast(pl.Int64)


def fit_losses(
    columns: Columns,
    loss_share: Any,
    *,
    ead_minor: Any = None,
    weights: Any = None,
    options: LossOptions | None = None,
    card: Mapping[str, Any] | None = None,
) -> Losses:
    """Fit loss given default, and exposure at default, on loans that defaulted.

    Parameters
    ----------
    columns
        Labels as they were some months before default, a row for each default; `limit` and `drawn` among them.
    loss_share
        Lost share of the exposure, discounted; below 0 reads as 0 and above 1 as 1.
    ead_minor
        Exposure at default in minor units; needed where the options name limit and drawn.
    weights
        Positive; ones by default.

    Returns
    -------
    Losses

    Raises
    ------
    DataError
        When a share is not known, every default was cured, or nothing was undrawn.

    Notes
    -----
    Stages are logistic curves; severities and conversion factors are shares in [0, 1], fitted by quasi-likelihood
    (Papke and Wooldridge, Journal of Applied Econometrics 11 (1996)). Finished workouts only: quick ones are often
    the better ones, so leaving out the open ones flatters.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> cover = rng.uniform(size=500)
    >>> model = fit_losses({"cover": cover}, np.clip(0.8 - cover + rng.normal(0, 0.1, 500), 0, 1))
    >>> model.score({"cover": 0.1}).lgd > model.score({"cover": 0.7}).lgd
    True
    """
    settings = options or LossOptions()
    frame = as_frame(columns)
    if not frame.height:
        raise DataError(WORDS("loss.none"))
    weight = as_weights(weights, frame.height)
    share = np.clip(_known("loss_share", loss_share, frame.height), 0.0, 1.0)
    lost = share > settings.cured_at
    labels = frame.drop(settings.limit, settings.drawn, strict=False)
    features = fit_features(labels, share, weight)
    matrix = encode(frame, features)
    two_stage = settings.kind == "two-stage" and not lost.all()
    if not lost.any():
        raise DataError(WORDS("loss.none"))
    cure = fit_linear(matrix, np.where(lost, 0.0, 1.0), weight, features, settings.design) if two_stage else None
    kept = lost if two_stage else np.ones(frame.height, dtype=bool)
    severity = _shares(matrix[kept], share[kept], weight[kept], features, settings.design)
    mean = sigmoid_array(Curves(severity).total(matrix[kept]))
    precision = _precision(share[kept], mean, weight[kept])
    exposure = None
    if settings.limit:
        exposure = _fit_exposure(frame, matrix, ead_minor, weight, features, settings)
    return Losses(LossDefinition(settings.name, features, cure, severity, precision, exposure), card)


def _known(name: str, given: Any, rows: int) -> Floats:
    column = given if isinstance(given, pl.Series) else pl.Series(name, given)
    if column.len() != rows:
        raise DataError(WORDS("loss.lengths", name=name, given=column.len(), rows=rows))
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise DataError(WORDS("loss.values", name=name, given=str(column.dtype), allowed="numbers"))
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    unknown = int(np.count_nonzero(~np.isfinite(values)))
    if unknown:
        raise DataError(WORDS("loss.unknown", name=name, given=unknown))
    return np.asarray(values, dtype=np.float64)


def _shares(
    matrix: Floats, share: Floats, weight: Floats, features: tuple[Feature, ...], design: DesignOptions
) -> Linear:
    """Curves for a share; one that never varies is told as it is."""
    if share.min() < share.max():
        return fit_linear(matrix, share, weight, features, design)
    # Log-odds of ±20 say 0 or 1 to nine digits and stay finite.
    level = float(np.clip(share[0], 2e-9, 1.0 - 2e-9))
    return flat_linear(features, logit(level))


def _precision(share: Floats, mean: Floats, weight: Floats) -> float:
    """φ by moments: Var = μ(1 − μ) / (1 + φ); within 0.01 and 10,000."""
    spread = float((weight * (share - mean) ** 2).sum())
    whole = float((weight * mean * (1.0 - mean)).sum())
    return float(np.clip(whole / spread - 1.0, 0.01, 10_000.0)) if spread > 0.0 else 10_000.0


def _fit_exposure(
    frame: pl.DataFrame, matrix: Floats, ead: Any, weight: Floats, features: tuple[Feature, ...], settings: LossOptions
) -> Exposure:
    limit, drawn = (minor(name, _column(frame, name)) for name in (settings.limit, settings.drawn))
    reached = _known("ead_minor", [] if ead is None else ead, frame.height)
    room = (limit - drawn).fill_null(0).to_numpy().astype(np.float64)
    kept = room > 0.0
    if not kept.any():
        raise DataError(WORDS("loss.undrawn"))
    used = drawn.fill_null(0).to_numpy().astype(np.float64)
    share = np.clip((reached[kept] - used[kept]) / room[kept], 0.0, 1.0)
    return Exposure(
        settings.limit, settings.drawn, _shares(matrix[kept], share, weight[kept], features, settings.design)
    )


def open_losses(packed: Packed) -> Losses:
    """The loss model of a file; raises `TamperError` when its tables could not have been written here."""
    definition = packed.read(LossDefinition, SEMANTICS)
    curves = [definition.severity]
    curves += [definition.cure] if definition.cure else []
    curves += [definition.exposure.conversion] if definition.exposure else []
    sound = packed.kind == _KIND and not packed.arrays and 0.0 < definition.precision <= 1e6
    sound = sound and sound_features(definition.features)
    if not sound or not all(
        linear.sound and tuple(term.feature for term in linear.terms) == definition.features for linear in curves
    ):
        raise packed.refused("definition.json")
    return Losses(definition, packed.card)
