"""Served models put together by hand: any parts over any labels, branches, every calibration, grades and offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from tallystick.models import BinOptions, Calibration, MasterScale, Scale, Terms, TreeOptions
from tallystick.models.frames import encode, fit_features
from tallystick.models.scorecard import fit_points
from tallystick.models.serving import Branch, Definition, Model, Part, ReasonOptions, Stack, fit_reasons
from tallystick.models.trees import fit_forest

LABELS = ("usage", "late", "salary", "job", "owner", "noise")
CALIBRATIONS = {
    "platt": Calibration("platt", 0.1, 0.9),
    "beta": Calibration("beta", 0.2, 0.8, other_slope=1.3),
    "isotonic": Calibration("isotonic", cuts=(-2.5, -1.5, -0.5), pds=(0.04, 0.1, 0.3, 0.6)),
}
APPROVED_AT = 520
RATING = MasterScale(("A", "B", "C", "D"), (0.05, 0.1, 0.25))
TERMS = Terms("salary", (3.0, 2.0, 0.5, 0.0), (9_000_000, 4_000_000, 1_000_000, 0), (590, 890, 1490, 2490))
BOTH: Mapping[str, tuple[str, ...]] = {"scorecard": LABELS, "trees": LABELS}
SPLIT: Mapping[str, tuple[str, ...]] = {
    "bureau_card": ("usage", "late"),
    "bureau_trees": ("usage", "late", "noise"),
    "own_card": ("late", "salary", "job"),
    "own_trees": ("job", "owner"),
}


def build(
    frame: pl.DataFrame,
    *,
    parts: Mapping[str, Sequence[str]] = BOTH,
    calibration: str = "platt",
    route: str = "",
    segments: Mapping[str, Mapping[str, Sequence[str]]] = {},
    baseline: str = "average",
    specials: Mapping[str, tuple[Any, ...]] = {},
    rounds: int = 20,
    **more: Any,
) -> Model:
    """A model of `frame`, whose column "bad" is the outcome; a part is a card unless its name ends in "trees"."""
    labels = frame.select(LABELS)
    y, weights = frame["bad"].cast(pl.Float64).to_numpy(), np.ones(frame.height)
    features = fit_features(labels, y, weights, specials)
    matrix = encode(labels, features)
    forests, branches = {}, {}
    for key, named in {"": parts, **segments}.items():
        own = np.flatnonzero(frame[route].cast(pl.String).to_numpy() == key) if key else np.arange(frame.height)
        made = []
        for name, reads in named.items():
            places = [LABELS.index(label) for label in reads]
            known, read = np.ascontiguousarray(matrix[own][:, places]), tuple(features[place] for place in places)
            if name.endswith("trees"):
                options = TreeOptions(rounds=rounds)
                forests[key, name] = fit_forest(known, y[own], weights[own], read, options, {}, 7)
                made.append(Part(name, "trees", tuple(places)))
                continue
            table = fit_points(
                known,
                y[own],
                weights[own],
                read,
                bins=BinOptions(),
                monotone="none",
                scale=Scale(),
                specials={label: values for label, values in specials.items() if label in reads},
            )
            made.append(Part(name, "scorecard", tuple(places), table))
        stack = Stack(-0.1, {part.name: 0.9 / len(made) for part in made})
        branches[key] = Branch(tuple(made), stack, CALIBRATIONS[calibration])
    definition = Definition("lender", features, Scale(), branches, route, **more)
    options_of_reasons = ReasonOptions(baseline, APPROVED_AT)  # type: ignore[arg-type]
    return fit_reasons(definition, forests, frame, weights, options_of_reasons)
