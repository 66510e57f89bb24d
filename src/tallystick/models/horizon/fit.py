"""Discrete-time hazards by Newton's method: one pass a step over loans, no table of loan-months is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel, logit, sigmoid
from tallystick.models.frames import DataError, Floats, Ints, as_weights
from tallystick.models.horizon.words import WORDS
from tallystick.models.logistic import cholesky_solve

OPEN, DEFAULT, CLOSED = 0, 1, 2
"""How a loan's observation ends: still open, in default, or closed otherwise."""

# Holds the baseline of a band in which every loan at risk defaults.
_HOLD = 1e-6


def whole(name: str, given: Any, rows: int, least: int) -> Ints:
    """`given` as whole months of at least `least`, one for each row."""
    values = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    if values.shape != (rows,):
        raise DataError(WORDS("horizon.lengths", name=name, given=str(values.shape), rows=rows))
    if values.dtype.kind not in "iu":
        try:
            floats = values.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(WORDS("horizon.whole", name=name, given=values[0], allowed=f"≥ {least}")) from None
        wrong = ~np.isfinite(floats) | (floats != np.floor(floats))
        if wrong.any():
            raise DataError(WORDS("horizon.whole", name=name, given=float(floats[wrong][0]), allowed=f"≥ {least}"))
    values = values.astype(np.int64)
    if (values < least).any():
        raise DataError(WORDS("horizon.whole", name=name, given=int(values.min()), allowed=f"≥ {least}"))
    return values


def outcomes(given: Any, rows: int) -> Ints:
    """`given` as outcomes 0, 1, 2."""
    values = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    if values.shape != (rows,):
        raise DataError(WORDS("horizon.lengths", name="event", given=str(values.shape), rows=rows))
    wrong = ~np.isin(values, (OPEN, DEFAULT, CLOSED))
    if wrong.any():
        raise DataError(WORDS("horizon.event", given=values[wrong][0]))
    return values.astype(np.int64)


def check_loans(duration: Any, event: Any, rows: int) -> tuple[Ints, Ints]:
    """Months of at least 1 and outcomes 0, 1, 2 of `rows` loans; raises `DataError` otherwise."""
    return whole("duration", _array(duration), rows, 1), outcomes(_array(event), rows)


def _array(given: Any) -> Any:
    return given if hasattr(given, "to_numpy") else np.asarray(given)


def bands_of(duration: Ints, event: Ints, cause: int, months: int, least: int) -> Ints:
    """The band of each month 1 … `months`: consecutive months with `least` events of `cause` together."""
    counts = np.bincount(duration[(event == cause) & (duration <= months)], minlength=months + 1)[1:]
    band = np.zeros(months, dtype=np.int64)
    number, held = 0, 0
    for month in range(months):
        band[month] = number
        held += int(counts[month])
        if held >= least:
            number, held = number + 1, 0
    # The last band joins the one before it when it holds too few.
    if number and band[-1] == number:
        band[band == number] = number - 1
    return band


def fit_cause(
    z: Floats,
    entry: Ints,
    last: Ints,
    happened: Floats,
    weights: Floats,
    band: Ints,
    ridge: float,
) -> tuple[Floats, Floats]:
    """Baseline log-odds of each band and slopes of `z`, of maximum penalised likelihood.

    Parameters
    ----------
    z
        Shape (loans, columns), finite.
    entry, last
        A loan is at risk in the months entry + 1 … last; none where last ≤ entry.
    happened
        1.0 where the event falls in month `last`.
    band
        The band of each month from month 1.
    ridge
        L2 penalty of the slopes.

    Notes
    -----
    The likelihood of a logistic regression on one row for each loan-month. Source: Singer and Willett, Journal of
    Educational Statistics 18 (1993); sums run in the order of the loans.
    """
    size = int(band.max()) + 1
    theta = _newton(z, entry, last, happened, as_weights(weights, z.shape[0]), band, size, ridge)
    return theta[:size], theta[size:]


@kernel
def _newton(
    z: Floats, entry: Ints, last: Ints, happened: Floats, weights: Floats, band: Ints, bands: int, ridge: float
) -> Floats:
    columns = z.shape[1]
    size = bands + columns
    theta = np.zeros(size)
    gradient, hessian = np.zeros(size), np.zeros((size, size))
    risk, bad = np.zeros(bands), np.zeros(bands)
    for i in range(z.shape[0]):
        for month in range(entry[i], last[i]):
            risk[band[month]] += weights[i]
        if last[i] > entry[i]:
            bad[band[last[i] - 1]] += weights[i] * happened[i]
    for k in range(bands):
        theta[k] = logit((bad[k] + 0.5) / (risk[k] + 1.0))
    for _ in range(60):
        gradient[:] = 0.0
        hessian[:, :] = 0.0
        _accumulate(z, entry, last, happened, weights, band, bands, theta, gradient, hessian)
        for k in range(bands):
            gradient[k] -= _HOLD * theta[k]
            hessian[k, k] += _HOLD
        for j in range(bands, size):
            gradient[j] -= ridge * theta[j]
            hessian[j, j] += ridge + 1e-9
        step = cholesky_solve(hessian, gradient)
        largest = 0.0
        for j in range(size):
            largest = max(largest, abs(step[j]))
        damp = 4.0 / largest if largest > 4.0 else 1.0
        for j in range(size):
            theta[j] += damp * step[j]
        if largest < 1e-9:
            break
    return theta


@kernel
def _accumulate(
    z: Floats,
    entry: Ints,
    last: Ints,
    happened: Floats,
    weights: Floats,
    band: Ints,
    bands: int,
    theta: Floats,
    gradient: Floats,
    hessian: Floats,
) -> None:
    """Add every loan's part; months of one band have one hazard and count together."""
    columns = z.shape[1]
    for i in range(z.shape[0]):
        if last[i] <= entry[i]:
            continue
        eta = 0.0
        for j in range(columns):
            eta += theta[bands + j] * z[i, j]
        residuals, curvatures = 0.0, 0.0
        month = entry[i]
        while month < last[i]:
            k = band[month]
            months = 0
            while month < last[i] and band[month] == k:
                months += 1
                month += 1
            p = sigmoid(theta[k] + eta)
            residual = -weights[i] * months * p
            if month == last[i]:
                residual += weights[i] * happened[i]
            curvature = weights[i] * months * p * (1.0 - p)
            gradient[k] += residual
            hessian[k, k] += curvature
            residuals += residual
            curvatures += curvature
            for j in range(columns):
                hessian[bands + j, k] += curvature * z[i, j]
        for j in range(columns):
            gradient[bands + j] += residuals * z[i, j]
            part = curvatures * z[i, j]
            for other in range(j + 1):
                hessian[bands + j, bands + other] += part * z[i, other]
