"""Bins of a scorecard's labels: one way each, or any way where the rows clearly say so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from tallystick.models.binning import BinOptions, Monotone, Variable, fit_variables
from tallystick.models.frames import Feature, Floats, Ints

Shape: TypeAlias = Monotone | Literal["weighed"]
"""How risk may go along a label: as `Monotone`, or `weighed`: `auto`, unless bins of any shape tell clearly more."""


def fit_shapes(
    matrix: Floats,
    y: Floats,
    weights: Floats,
    features: tuple[Feature, ...],
    bins: BinOptions,
    shape: Shape | Mapping[str, Shape],
    *,
    periods: Ints | None = None,
    specials: Mapping[str, tuple[Any, ...]] = {},
) -> tuple[Variable, ...]:
    """Bin every column as `fit_variables` does, and weigh the shape of those that ask for it.

    Bins of any shape are half as many and hold thrice the share at least. They are taken where their log-likelihood is
    more by ln(rows), the sum of the weights, and by ln(rows) for each bin that they have more: twice what the Bayesian
    information criterion asks, as their cuts were searched.

    Notes
    -----
    Schwarz, Annals of Statistics 6 (1978).
    """
    shapes: dict[str, Shape] = {
        f.name: shape if isinstance(shape, str) else shape.get(f.name, "none") for f in features
    }
    ways: dict[str, Monotone] = {name: "auto" if way == "weighed" else way for name, way in shapes.items()}
    found = list(fit_variables(matrix, y, weights, features, bins, ways, periods=periods, specials=specials))
    asked = [i for i, feature in enumerate(features) if shapes[feature.name] == "weighed"]
    if not asked:
        return tuple(found)
    own = tuple(features[i] for i in asked)
    sub, codes = np.ascontiguousarray(matrix[:, asked]), {f.name: specials[f.name] for f in own if f.name in specials}
    most, least = max(2, bins.max_bins // 2), min(0.5, 3.0 * bins.min_share)
    coarse = msgspec.structs.replace(bins, max_bins=most, min_share=least)
    free = fit_variables(sub, y, weights, own, coarse, "none", periods=periods, specials=codes)
    toll = math.log(max(float(weights.sum()), 3.0))
    for i, other in zip(asked, free, strict=True):
        gained = log_likelihood(other) - log_likelihood(found[i])
        if gained > toll * max(1, other.size - found[i].size):
            found[i] = other
    return tuple(found)


def log_likelihood(variable: Variable) -> float:
    """The log-likelihood of the events of a variable's bins at their own rates."""
    total = 0.0
    for rows, events in zip(variable.rows, variable.events, strict=True):
        for part in (events, rows - events):
            if part > 0.0:
                total += part * math.log(part / rows)
    return total
