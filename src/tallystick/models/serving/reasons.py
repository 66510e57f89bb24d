"""Against what reasons are told: the population of a baseline, what its labels bring, and their typical values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from tallystick.core.numeric import each, kernel
from tallystick.models.frames import Feature, Floats, encode
from tallystick.models.serving.definition import Branch, Definition
from tallystick.models.serving.model import Model
from tallystick.models.serving.ways import lay_out
from tallystick.models.trees import Background, Forest, fit_background


class ReasonOptions(msgspec.Struct, frozen=True):
    """Against what lost points are measured, label by label.

    `average`: the weighted mean of all development rows. `approved`: of those whose final points reach `approved_at`
    (of all, where none does). `best`: the least risk that the label brought to any development row.

    The first two are the methods that the official interpretation of 12 CFR 1002.9(b)(2) names, paragraph 5.
    """

    baseline: Literal["average", "approved", "best"] = "average"
    approved_at: int = 600


def fit_reasons(
    definition: Definition,
    forests: Mapping[tuple[str, str], Forest],
    frame: pl.DataFrame,
    weights: Floats,
    options: ReasonOptions,
) -> Model:
    """Give a fitted model the baselines and backgrounds from which it tells reasons.

    Each branch has its own, from the rows that it scores. Trees are explained against the same rows as scorecards: by
    the symmetry of interventional Shapley values the mean over those rows is 0 for each label, so their background is
    their baseline; `best` takes the least of each label, against the background of all rows.

    Parameters
    ----------
    definition
        Whole but for `Branch.baseline` and `Branch.typical`, which are made anew.
    forests
        By (branch, part).
    frame
        The development rows, a column for each label.
    weights
        Positive.
    options
        Which rows.

    Returns
    -------
    Model
    """
    bare = {key: msgspec.structs.replace(b, baseline=(), typical=()) for key, b in definition.branches.items()}
    plain = Model(msgspec.structs.replace(definition, branches=bare), forests)
    matrix = encode(frame, definition.features)
    points = plain.score_columns(frame).get_column("points").to_numpy()
    routed = np.array(plain.branches_of(frame), dtype=object)
    branches: dict[str, Branch] = {}
    backgrounds: dict[tuple[str, str], Background] = {}
    for key, branch in bare.items():
        own = np.flatnonzero(routed == key) if len(bare) > 1 else np.arange(frame.height)
        # A branch that scores no development row is told from all of them.
        own = own if own.size else np.arange(frame.height)
        chosen = own[points[own] >= options.approved_at] if options.baseline == "approved" else own
        chosen = chosen if chosen.size else own
        known, weight = matrix[chosen], weights[chosen]
        for part in branch.parts:
            if part.kind == "trees":
                read = np.ascontiguousarray(known[:, list(part.reads)])
                backgrounds[key, part.name] = fit_background(forests[key, part.name], read, weight)
        # Trees without a background bring nothing here: against their own population their mean is 0.
        asked = {part: b for (at, part), b in backgrounds.items() if at == key and options.baseline == "best"}
        trees = {part: forest for (at, part), forest in forests.items() if at == key}
        shares = lay_out(branch, definition.features, definition.scale, trees, asked).shares(known)
        brought = shares.min(axis=0) if options.baseline == "best" else weighted_means(shares, weight)
        typical = _typical(definition.features, known, weight)
        branches[key] = msgspec.structs.replace(branch, baseline=tuple(brought.tolist()), typical=typical)
    return Model(msgspec.structs.replace(definition, branches=branches), forests, backgrounds)


@kernel
def weighted_means(rows: Floats, weights: Floats) -> Floats:
    """The weighted mean of each column, added in row order."""
    sums = np.zeros(rows.shape[1])
    total = 0.0
    for i in range(rows.shape[0]):
        total += weights[i]
        for v in range(sums.size):
            sums[v] += weights[i] * rows[i, v]
    return sums / total


def _typical(features: tuple[Feature, ...], known: Floats, weights: Floats) -> tuple[float | None, ...]:
    """The weighted median of each label; None for categories, and where rows of more than half the weight lack it."""
    half = 0.5 * float(weights.sum())

    def median(place: int) -> float | None:
        values = known[:, place]
        held = ~np.isnan(values)
        if features[place].categories is not None or float(weights[held].sum()) < half:
            return None
        order = np.argsort(values[held], kind="stable")
        heaped = np.cumsum(weights[held][order])
        return float(values[held][order[np.searchsorted(heaped, 0.5 * heaped[-1])]])

    return tuple(each(range(len(features)), median))
