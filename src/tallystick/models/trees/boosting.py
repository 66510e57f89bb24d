"""Gradient boosted trees: trained by LightGBM, one thread a fit, with declared samples and constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import lightgbm
import msgspec
import numpy as np

from tallystick.models.frames import DataError, Feature, Floats
from tallystick.models.trees.forest import Forest
from tallystick.models.trees.lightgbm_text import parse_forest
from tallystick.models.trees.words import WORDS

DIRECTIONS: Mapping[str, int] = {"none": 0, "ascending": 1, "descending": -1}


class TreeOptions(msgspec.Struct, frozen=True):
    """Settings of the boosting.

    Attributes
    ----------
    rounds, leaves
        Trees, and leaves of each.
    learning_rate
        What share of each tree's step is taken, in (0, 1].
    min_rows
        In a leaf.
    min_gain
        What a split must gain at least, ≥ 0.
    feature_share, row_share
        Of the columns for each tree and of the rows for each round, in (0, 1].
    l2
        Penalty of the leaves, ≥ 0.
    max_values
        Of a column, after pooling neighbours.
    monotone_method
        How LightGBM keeps monotone constraints: `basic` keeps them in every tree; the others lose less fit.
    extra
        Whether a split tries one threshold of each column, drawn at random, instead of all.
    interactions
        Groups of columns that may stand on one path; a column in no group stands alone. Empty allows all, and names
        that are not among the columns of a fit are passed over.
    """

    rounds: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 150
    leaves: Annotated[int, msgspec.Meta(ge=2, le=1024)] = 12
    learning_rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.06
    min_rows: Annotated[int, msgspec.Meta(ge=1)] = 40
    feature_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.6
    row_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    l2: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    max_values: Annotated[int, msgspec.Meta(ge=2, le=65535)] = 127
    min_gain: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    monotone_method: Literal["basic", "intermediate", "advanced"] = "basic"
    interactions: tuple[tuple[str, ...], ...] = ()
    extra: bool = False


def train_booster(
    matrix: Floats,
    y: Floats,
    weights: Floats,
    features: Sequence[Feature],
    options: TreeOptions,
    monotone: Mapping[str, str],
    seed: int,
) -> Any:
    """Train LightGBM deterministically on an encoded matrix and give its Booster."""
    options = _checked(options)
    names = [feature.name for feature in features]
    parameters = {
        "objective": "binary",
        "num_leaves": options.leaves,
        "learning_rate": options.learning_rate,
        "min_data_in_leaf": options.min_rows,
        "min_gain_to_split": options.min_gain,
        "feature_fraction": options.feature_share,
        "bagging_fraction": options.row_share,
        "bagging_freq": 1 if options.row_share < 1.0 else 0,
        "lambda_l2": options.l2,
        "max_bin": options.max_values,
        "extra_trees": options.extra,
        "monotone_constraints": [DIRECTIONS.get(monotone.get(name, "none"), 0) for name in names],
        "monotone_constraints_method": options.monotone_method,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        # One thread a fit: the folds run side by side instead, and no thread waits at a barrier.
        "num_threads": 1,
        "verbosity": -1,
        "feature_pre_filter": False,
    }
    if options.interactions:
        parameters["interaction_constraints"] = _groups(names, options.interactions)
    data = lightgbm.Dataset(matrix, label=y, weight=weights, free_raw_data=True)
    return lightgbm.train(parameters, data, num_boost_round=options.rounds)


def _checked(options: TreeOptions) -> TreeOptions:
    """The options, each within its range; numbers of NumPy, as a search gives them, are numbers too."""
    for field in msgspec.structs.fields(TreeOptions):
        given = getattr(options, field.name)
        try:
            msgspec.convert(given.item() if isinstance(given, np.generic) else given, field.type)
        except msgspec.ValidationError as fault:
            raise DataError(WORDS("trees.option", name=field.name, given=given, reason=fault)) from None
    return options


def _groups(names: Sequence[str], interactions: Sequence[Sequence[str]]) -> list[list[int]]:
    places = {name: place for place, name in enumerate(names)}
    groups = [sorted({places[name] for name in group if name in places}) for group in interactions]
    named = {place for group in groups for place in group}
    return [group for group in groups if group] + [[place] for place in places.values() if place not in named]


def fit_forest(
    matrix: Floats,
    y: Floats,
    weights: Floats,
    features: Sequence[Feature],
    options: TreeOptions,
    monotone: Mapping[str, str],
    seed: int,
) -> Forest:
    """Train LightGBM and keep the trees as flat arrays.

    Parameters
    ----------
    matrix
        Encoded rows × features.
    y, weights
        0.0 or 1.0, and positive weights.
    features
        Their names carry the constraints.
    options
        How.
    monotone
        Feature → ascending or descending log-odds; other ways of bins (peak, valley, auto) do not bind trees.
    seed
        Of the samples of rows and columns; the same input and seed give the same trees.

    Returns
    -------
    Forest
        Its `raw` has the bits of LightGBM's raw score.

    Raises
    ------
    DataError
        For an option outside its range.
    """
    booster = train_booster(matrix, y, weights, features, options, monotone, seed)
    return parse_forest(booster.model_to_string())
