"""Expected credit loss by stage: twelve months or the life of the loan, month by month, discounted, in minor units."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.core.numeric import kernel
from tallystick.models.frames import DataError, Floats, Ints
from tallystick.models.losses.model import minor
from tallystick.models.losses.words import WORDS

Repayment = Literal["bullet", "linear", "annuity"]
_PATHS: dict[str, int] = {"bullet": 0, "linear": 1, "annuity": 2}


class StageOptions(msgspec.Struct, frozen=True):
    """When credit risk has risen significantly (IFRS 9, 5.5.3), and when a loan is impaired.

    Attributes
    ----------
    days_2, days_3
        Days past due from which a loan is in stage 2 and in stage 3: the rebuttable presumptions are 30 and 90.
    ratio, step
        Stage 2 where the PD has grown to `ratio` times what it was at origination and by `step` at least.
    low_pd
        Below it the risk is low and the PD alone never moves a loan to stage 2.
    """

    days_2: int = 30
    days_3: int = 90
    ratio: float = 2.0
    step: float = 0.005
    low_pd: float = 0.003

    def __post_init__(self) -> None:
        if not 0 < self.days_2 <= self.days_3:
            given = f"{self.days_2}, {self.days_3}"
            raise InputError(WORDS("loss.option", name="days_2, days_3", given=given, allowed="0 < days_2 ≤ days_3"))
        if not (self.ratio >= 1.0 and 0.0 <= self.step <= 1.0 and 0.0 <= self.low_pd <= 1.0):
            given = f"{self.ratio}, {self.step}, {self.low_pd}"
            raise InputError(WORDS("loss.option", name="ratio, step, low_pd", given=given, allowed="≥ 1, 0–1, 0–1"))


def stages(days_past_due: Any, pd_now: Any, pd_then: Any, options: StageOptions | None = None) -> Ints:
    """The stage (1, 2, 3) of each loan.

    Parameters
    ----------
    days_past_due
        Whole days, at least 0.
    pd_now, pd_then
        PD of the same horizon now and at origination, in [0, 1]; a `pd_then` that is missing makes stage 2, for
        nothing shows that the risk has not risen.

    Examples
    --------
    >>> stages([0, 0, 31, 95, 0], [0.01, 0.04, 0.01, 0.5, 0.01], [0.01, 0.01, 0.01, 0.01, None]).tolist()
    [1, 2, 2, 3, 2]
    """
    settings = options or StageOptions()
    named = (("days_past_due", days_past_due), ("pd_now", pd_now), ("pd_then", pd_then))
    days, now, then = (_floats(name, given) for name, given in named)
    if not days.shape == now.shape == then.shape:
        raise DataError(WORDS("loss.lengths", name="pd_now, pd_then", given=(now.size, then.size), rows=days.size))
    _within("days_past_due", days, 0.0, 1e6)
    _within("pd_now", now, 0.0, 1.0)
    _within("pd_then", then[~np.isnan(then)], 0.0, 1.0)
    with np.errstate(invalid="ignore"):
        risen = ~((now < settings.ratio * then) | (now - then < settings.step))
    second = (days >= settings.days_2) | (risen & (now >= settings.low_pd))
    return np.where(days >= settings.days_3, 3, np.where(second, 2, 1)).astype(np.int64)


def _floats(name: str, given: Any) -> Floats:
    column = given if isinstance(given, pl.Series) else pl.Series(given)
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise DataError(WORDS("loss.values", name=name, given=str(column.dtype), allowed="numbers"))
    return np.asarray(column.cast(pl.Float64).fill_null(np.nan).to_numpy(), dtype=np.float64)


def _within(name: str, values: Floats, low: float, high: float) -> None:
    wrong = ~((values >= low) & (values <= high))
    if wrong.any():
        raise DataError(WORDS("loss.values", name=name, given=float(values[wrong][0]), allowed=f"{low:g}–{high:g}"))


def expected_losses(
    term_structure: Floats,
    lgd: Any,
    ead_minor: Any,
    stage: Any,
    *,
    months_left: Any,
    yearly_rate: Any = 0.0,
    repayment: Repayment = "annuity",
) -> pl.DataFrame:
    """The expected credit loss of each loan.

    Parameters
    ----------
    term_structure
        Shape (loans, months): probability of default within 1, 2, … months from now (`Hazard.term_structure`).
    lgd
        Share lost, in [0, 1].
    ead_minor
        Exposure now, in minor units, as `Losses.score_columns` gives it.
    stage
        1, 2 or 3.
    months_left
        Months until the loan ends, 1 to the months of the term structure.
    yearly_rate
        Effective rate of discount, above −1: one number or one for each loan.
    repayment
        How the exposure falls month by month: `bullet` not at all, `linear`, or `annuity` at the rate of discount.

    Returns
    -------
    polars.DataFrame
        `ecl_minor` (what the stage asks for), `ecl_12m_minor`, `ecl_lifetime_minor`: Int64, rounded half up.

    Notes
    -----
    Σ P(default in month s) · LGD · EAD(s) / (1 + r)^(s/12), over 12 months in stage 1 and over all months in stage 2;
    LGD · EAD in stage 3. A default in month s finds the exposure before the payment of that month and loses at its
    end. Source: IFRS 9, B5.5.28–B5.5.43. No forward-looking scenario is in it: shift the term structure for that.

    Examples
    --------
    >>> expected_losses(np.array([[0.01, 0.03]]), [0.5], [100_000], [2], months_left=[2], repayment="bullet").row(0)
    (1500, 1500, 1500)
    """
    rows, months = term_structure.shape
    rates = np.full(rows, float(yearly_rate)) if np.ndim(yearly_rate) == 0 else _floats("yearly_rate", yearly_rate)
    shares, kind, left = _floats("lgd", lgd), _floats("stage", stage), _floats("months_left", months_left)
    ead = minor("ead_minor", ead_minor if isinstance(ead_minor, pl.Series) else pl.Series(ead_minor))
    if ead.null_count():
        raise DataError(WORDS("loss.unknown", name="ead_minor", given=ead.null_count()))
    named = (("lgd", shares), ("ead_minor", ead), ("stage", kind), ("months_left", left), ("yearly_rate", rates))
    for name, values in named:
        if len(values) != rows:
            raise DataError(WORDS("loss.lengths", name=name, given=len(values), rows=rows))
    _check_numbers(shares, rates, kind, left, months)
    _within("term_structure", term_structure.ravel(), 0.0, 1.0)
    if repayment not in _PATHS:
        raise InputError(WORDS("loss.option", name="repayment", given=repayment, allowed=", ".join(_PATHS)))
    # Below a billionth the annuity's differences would be rounding only.
    growth = _twelfth_roots(1.0 + np.where(np.abs(rates) < 1e-9, 0.0, rates))
    out = np.empty((rows, 3), dtype=np.int64)
    curves = np.ascontiguousarray(term_structure, dtype=np.float64)
    exposures = ead.to_numpy().astype(np.float64)
    _add_up(curves, shares, exposures, kind.astype(np.int64), left.astype(np.int64), growth, _PATHS[repayment], out)
    names = ("ecl_minor", "ecl_12m_minor", "ecl_lifetime_minor")
    return pl.DataFrame({name: np.ascontiguousarray(out[:, i]) for i, name in enumerate(names)})


def _check_numbers(lgd: Floats, rates: Floats, stage: Floats, left: Floats, months: int) -> None:
    _within("lgd", lgd, 0.0, 1.0)
    _within("yearly_rate", rates, -0.99, 10.0)
    for name, values, most in (("stage", stage, 3.0), ("months_left", left, 1e6)):
        _within(name, values, 1.0, most)
        split = values != np.floor(values)
        if split.any():
            raise DataError(WORDS("loss.values", name=name, given=float(values[split][0]), allowed="0, 1, 2, …"))
    if left.max(initial=0.0) > months:
        raise DataError(WORDS("loss.months", given=int(left.max()), months=months))


@kernel
def _twelfth_roots(year: Floats) -> Floats:
    """x with x¹² = year, by Newton's steps from above: √√ of the cube root needs + − × ÷ only."""
    out = np.empty(year.size)
    for i in range(year.size):
        fourth = np.sqrt(np.sqrt(year[i]))
        x = max(fourth, 1.0)
        for _ in range(80):
            step = (x - fourth / (x * x)) / 3.0
            x -= step
            if abs(step) <= 1e-17 * x:
                break
        out[i] = x
    return out


@kernel
def _add_up(
    curves: Floats, lgd: Floats, ead: Floats, stage: Ints, left: Ints, growth: Floats, path: int, out: Ints
) -> None:
    """Losses of each loan, added from the first month on."""
    for i in range(curves.shape[0]):
        one = 1.0 / growth[i]
        # For the annuity: 1 − v^n, n months before the end.
        whole = 1.0
        for _ in range(left[i]):
            whole *= one
        tail = whole
        year, life, before, factor = 0.0, 0.0, 0.0, 1.0
        for s in range(left[i]):
            chance = curves[i, s] - before
            before = curves[i, s]
            factor *= one
            share = 1.0
            if path == 1 or (path == 2 and growth[i] == 1.0):
                share = (left[i] - s) / left[i]
            elif path == 2:
                share = (1.0 - tail) / (1.0 - whole)
            tail *= growth[i]
            life += max(chance, 0.0) * lgd[i] * (ead[i] * share) * factor
            if s < 12:
                year = life
        out[i, 1] = np.int64(np.floor(year + 0.5))
        out[i, 2] = np.int64(np.floor(life + 0.5))
        if stage[i] == 1:
            out[i, 0] = out[i, 1]
        elif stage[i] == 2:
            out[i, 0] = out[i, 2]
        else:
            out[i, 0] = np.int64(np.floor(lgd[i] * ead[i] + 0.5))
