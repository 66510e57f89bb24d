"""The whole fit: first layers out of fold, the stack on those, calibration on the stack; then grades and reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.models.calibration import fit_calibration
from tallystick.models.frames import Feature, Floats, Ints, fit_features
from tallystick.models.layers.folds import windows_of
from tallystick.models.layers.options import LayerOptions, PartOptions, Segments
from tallystick.models.layers.parts import Rows, fit_whole, out_of_fold
from tallystick.models.layers.stack import fit_stack, stack_out_of_fold
from tallystick.models.layers.words import WORDS
from tallystick.models.portfolio import ScaleOptions, fit_scale
from tallystick.models.serving import Branch, Definition, Model, Part, Stack, fit_reasons
from tallystick.models.trees import Forest


class _Way(msgspec.Struct, frozen=True):
    """A fitted branch, its trees, and the out-of-fold probability of its rows (NaN where none)."""

    branch: Branch
    forests: dict[str, Forest]
    pd: Floats


def fit_layers(
    name: str,
    frame: pl.DataFrame,
    y: Floats,
    weights: Floats,
    options: LayerOptions,
    *,
    labels: Sequence[str] | None = None,
    groups: Any = None,
    periods: Ints | None = None,
    explained: bool = True,
    step: Callable[[], None] | None = None,
) -> Model:
    """Fit the whole model: first layers out of fold, the stack on those, the calibration on the stack out of fold.

    Parameters
    ----------
    name
        Of the model.
    frame
        One column for each label, and those that segments go by and that limits are multiples of.
    y, weights
        0.0 or 1.0, and positive weights.
    options
        How.
    labels
        The columns that are learnt from, in order; None takes all.
    groups
        Rows of one group (a customer) stay in one fold.
    periods
        The ordinal of each row's period, such as its month: for windows by time and for bins that must be stable.
    explained
        Whether the model tells reasons; one that is only measured need not.
    step
        Called after each window and at the end: `folds` + 1 times.

    Returns
    -------
    Model
        Its stack has no negative weight: a layer that would enter against its own evidence weighs 0.

    Raises
    ------
    InputError
        For an unknown layer or label, an option outside its range, or too few rows of one outcome.
    """
    options.check()
    parts = options.first()
    for column in (options.segments.by if options.segments else "", options.terms.base if options.terms else ""):
        if column and column not in frame.columns:
            raise InputError(WORDS("layers.column", given=column, allowed=", ".join(frame.columns)))
    rows = Rows(frame.select(labels if labels is not None else frame.columns), y, weights, periods)
    features = fit_features(rows.frame, y, weights, options.specials)
    ways = {"": _fit_way(rows, features, parts, options, groups, step)}
    route = ""
    if options.segments:
        route = options.segments.by
        for key, places in segments_of(frame.get_column(route), y, options.segments).items():
            own = None if groups is None else np.asarray(groups)[places]
            ways[key] = _fit_way(rows.take(places), features, parts, options, own, None)
            ways[""].pd[places] = ways[key].pd
    rating = options.rating
    if isinstance(rating, ScaleOptions):
        known = ~np.isnan(ways[""].pd)
        rating = fit_scale(ways[""].pd[known], y[known], weights[known], rating)
    branches = {key: way.branch for key, way in ways.items()}
    definition = Definition(name, features, options.scale, branches, route, rating, options.terms)
    forests = {(key, part): forest for key, way in ways.items() for part, forest in way.forests.items()}
    model = Model(definition, forests)
    if explained:
        model = fit_reasons(definition, forests, frame, weights, options.reasons)
    if step:
        step()
    return model


def segments_of(column: pl.Series, y: Floats, segments: Segments) -> dict[str, Ints]:
    """The places of the rows of each segment that is large enough, by its text, in order."""
    texts = column.cast(pl.String)
    found: dict[str, Ints] = {}
    for key in texts.drop_nulls().unique().sort().to_list():
        places = np.flatnonzero((texts == key).fill_null(False).to_numpy())
        events = float(y[places].sum())
        if key and places.size >= segments.min_rows and min(events, places.size - events) >= segments.min_events:
            found[key] = places
    return found


def _fit_way(
    rows: Rows,
    features: Sequence[Feature],
    parts: Mapping[str, PartOptions],
    options: LayerOptions,
    groups: Any,
    step: Callable[[], None] | None,
) -> _Way:
    windows = windows_of(rows.y, options.folds, options.windows, options.seed, groups, rows.periods)
    found = out_of_fold(rows, windows, parts, options, step)
    stacked = stack_out_of_fold(found.z, rows.y, rows.weights, windows, options.windows == "time")
    known = np.flatnonzero(~np.isnan(stacked))
    calibration = fit_calibration(options.calibration, stacked[known], rows.y[known], rows.weights[known])
    held = np.flatnonzero(~np.isnan(found.z[:, 0]))
    intercept, slopes = fit_stack(found.z[held], rows.y[held], rows.weights[held])
    whole = fit_whole(rows, features, parts, options, found.rounds)
    stack = Stack(intercept, dict(zip(parts, slopes.tolist(), strict=True)))
    made = tuple(
        Part(part, "scorecard" if fitted.card else "trees", fitted.reads, fitted.card) for part, fitted in whole.items()
    )
    forests = {part: fitted.forest for part, fitted in whole.items() if fitted.forest is not None}
    pd = np.full(rows.y.size, np.nan)
    pd[known] = calibration.probabilities(stacked[known])
    return _Way(Branch(made, stack, calibration), forests, pd)
