"""From a stack's log-odds to a probability: Platt's line, isotonic steps, or the beta curve."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np

from tallystick.core import InputError
from tallystick.core.numeric import kernel, sigmoid_array
from tallystick.models.frames import Floats
from tallystick.models.logistic import fit_logistic
from tallystick.models.words import WORDS

Method: TypeAlias = Literal["platt", "isotonic", "beta"]


class Calibration(msgspec.Struct, frozen=True):
    """How a probability follows from the log-odds z of a stack.

    Platt: log-odds = intercept + slope · z. Isotonic: pds[i] of the first i with z ≤ cuts[i], else the last.
    Beta: log-odds = intercept + slope · ln p − other_slope · ln(1 − p), p having log-odds z; no slope is negative.
    """

    kind: Method
    intercept: float = 0.0
    slope: float = 1.0
    other_slope: float = 1.0
    cuts: tuple[float, ...] = ()
    pds: tuple[float, ...] = ()

    def probabilities(self, z: Floats) -> Floats:
        """The probability of each log-odds, as the served model gives it but for the last bits of the beta curve."""
        if self.kind == "isotonic":
            steps: Floats = np.asarray(self.pds)[np.searchsorted(np.asarray(self.cuts), z, side="left")]
            return steps
        if self.kind == "platt":
            return sigmoid_array(self.intercept + self.slope * z)
        ends = _two_ends(z)
        return sigmoid_array(self.intercept + self.slope * ends[:, 0] + self.other_slope * ends[:, 1])


def fit_calibration(kind: Method, z: Floats, y: Floats, weights: Floats) -> Calibration:
    """Fit on log-odds that were scored out of fold.

    Parameters
    ----------
    kind
        "platt" keeps the order and the ties of `z`, so does "beta", which bends its two ends apart; "isotonic" joins
        neighbours.
    z
        Log-odds of the event.
    y, weights
        0.0 or 1.0, and positive weights.

    Returns
    -------
    Calibration
        Isotonic probabilities stay within 1/(n + 2) and 1 − 1/(n + 2) of n rows, so that their log-odds are finite.

    Raises
    ------
    InputError
        For another kind.

    Examples
    --------
    >>> z = np.array([-2.0, -1.0, 0.0, 1.0, -2.0, -1.0, 0.0, 1.0])
    >>> y = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    >>> fit_calibration("isotonic", z, y, np.ones(8)).cuts
    (-2.0, 0.0)

    Notes
    -----
    Platt, Probabilistic outputs for support vector machines (1999). Pool adjacent violators: Ayer et al., Ann. Math.
    Statist. 26 (1955). Beta calibration: Kull, Silva Filho and Flach, AISTATS (2017), a logistic regression on ln p and
    −ln(1 − p).
    """
    if kind == "platt":
        fit = fit_logistic(z[:, None], y, weights, ridge=0.0, positive=True)
        return Calibration("platt", fit.intercept, float(fit.slopes[0]))
    if kind == "beta":
        fit = fit_logistic(_two_ends(z), y, weights, ridge=0.0, positive=True)
        return Calibration("beta", fit.intercept, float(fit.slopes[0]), float(fit.slopes[1]))
    if kind != "isotonic":
        raise InputError(WORDS("calibration.kind", given=kind))
    order = np.argsort(z, kind="stable")
    ends, rates = _pool(z[order], y[order], weights[order])
    margin = 1.0 / (y.size + 2.0)
    pds = np.clip(rates, margin, 1.0 - margin)
    return Calibration("isotonic", cuts=tuple(ends[:-1].tolist()), pds=tuple(pds.tolist()))


def _two_ends(z: Floats) -> Floats:
    """The columns ln p and −ln(1 − p) of the p whose log-odds are z; exact where p rounds to 0 or 1."""
    rest = np.log1p(np.exp(-np.abs(z)))
    return np.column_stack([np.minimum(z, 0.0) - rest, np.maximum(z, 0.0) + rest])


@kernel
def _pool(z: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Blocks of non-decreasing event rate: the last z of each, and its rate."""
    size = z.size
    end, bad, total = np.empty(size), np.empty(size), np.empty(size)
    top = 0
    i = 0
    while i < size:
        block_bad = 0.0
        block_total = 0.0
        first = z[i]
        while i < size and z[i] == first:
            block_bad += weights[i] * y[i]
            block_total += weights[i]
            i += 1
        # Blocks of equal rate are one block too.
        while top > 0 and bad[top - 1] * block_total >= block_bad * total[top - 1]:
            top -= 1
            block_bad += bad[top]
            block_total += total[top]
        end[top], bad[top], total[top] = first, block_bad, block_total
        top += 1
    return end[:top].copy(), bad[:top] / total[:top]
