"""From a stack's log-odds to a probability: Platt's line or isotonic steps."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np

from tallystick.core import InputError
from tallystick.core.numeric import kernel
from tallystick.models.frames import Floats
from tallystick.models.logistic import fit_logistic
from tallystick.models.words import WORDS

Method: TypeAlias = Literal["platt", "isotonic"]


class Calibration(msgspec.Struct, frozen=True):
    """Platt: log-odds = intercept + slope · z. Isotonic: pds[i] of the first i with z ≤ cuts[i], else the last."""

    kind: Method
    intercept: float = 0.0
    slope: float = 1.0
    cuts: tuple[float, ...] = ()
    pds: tuple[float, ...] = ()


def fit_calibration(kind: Method, z: Floats, y: Floats, weights: Floats) -> Calibration:
    """Fit on log-odds `z` that were scored out of fold.

    Isotonic probabilities stay within 1/(n + 2) and 1 − 1/(n + 2) of n rows, so that their log-odds are finite.
    Sources: Platt (1999); pool adjacent violators, Ayer et al., Ann. Math. Statist. 26 (1955).
    """
    if kind == "platt":
        fit = fit_logistic(z[:, None], y, weights, ridge=0.0, positive=True)
        return Calibration("platt", fit.intercept, float(fit.slopes[0]))
    if kind != "isotonic":
        raise InputError(WORDS("calibration.kind", given=kind))
    order = np.argsort(z, kind="stable")
    ends, rates = _pool(z[order], y[order], weights[order])
    margin = 1.0 / (y.size + 2.0)
    pds = np.clip(rates, margin, 1.0 - margin)
    return Calibration("isotonic", cuts=tuple(ends[:-1].tolist()), pds=tuple(pds.tolist()))


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
