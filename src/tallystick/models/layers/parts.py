"""First layers: fitted on a window, scored on what it holds out, and fitted on all rows with the rounds that served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.models.frames import Feature, Floats, Ints, encode, fit_features
from tallystick.models.layers.curves import as_curves
from tallystick.models.layers.folds import Window
from tallystick.models.layers.options import LayerOptions, PartOptions
from tallystick.models.layers.words import WORDS
from tallystick.models.scorecard import PointsTable, fit_points
from tallystick.models.trees import Forest, TreeOptions, fit_forest

THREADS = 2
# The held-out loss of boosting is looked at after every so many rounds.
_STRIDE = 10


class Rows(msgspec.Struct, frozen=True):
    """What a branch learns from."""

    frame: pl.DataFrame
    y: Floats
    weights: Floats
    periods: Ints | None = None

    def take(self, places: Ints) -> Rows:
        """The rows at `places`."""
        periods = None if self.periods is None else self.periods[places]
        return Rows(self.frame[places], self.y[places], self.weights[places], periods)


class Fitted(msgspec.Struct, frozen=True):
    """One first layer: a scorecard, or trees."""

    reads: tuple[int, ...]
    card: PointsTable | None = None
    forest: Forest | None = None

    def some(self, low: int | None, high: int | None) -> Forest:
        """The trees from `low` up to `high`."""
        assert self.forest is not None
        return msgspec.structs.replace(self.forest, roots=self.forest.roots[low:high])


def reads_of(name: str, part: PartOptions, labels: Sequence[str]) -> tuple[int, ...]:
    """The places of the labels that a part reads, ascending."""
    for label in part.labels:
        if label not in labels:
            raise InputError(WORDS("layers.label", part=name, given=label, allowed=", ".join(labels)))
    return tuple(i for i, label in enumerate(labels) if not part.labels or label in part.labels)


def fit_part(
    part: PartOptions,
    reads: tuple[int, ...],
    rows: Rows,
    matrix: Floats,
    features: Sequence[Feature],
    options: LayerOptions,
    rounds: int | None = None,
) -> Fitted:
    """Fit one first layer on an encoded matrix; `rounds` of boosting, or as many as may be chosen."""
    own = tuple(features[i] for i in reads)
    matrix = np.ascontiguousarray(matrix[:, reads])
    if part.kind == "scorecard":
        table = fit_points(
            matrix,
            rows.y,
            rows.weights,
            own,
            bins=options.bins,
            monotone={f.name: options.monotone.get(f.name, options.shape) for f in own},
            scale=options.scale,
            card=options.card,
            periods=rows.periods,
            specials={f.name: options.specials[f.name] for f in own if f.name in options.specials},
        )
        return Fitted(reads, table)
    settings = _settings(part.kind, own, options, rounds)
    forest = fit_forest(matrix, rows.y, rows.weights, own, settings, options.monotone, options.seed)
    return Fitted(reads, forest=forest)


def _settings(kind: str, own: Sequence[Feature], options: LayerOptions, rounds: int | None) -> TreeOptions:
    settings = options.boost(kind)
    if rounds is not None:
        settings = msgspec.structs.replace(settings, rounds=rounds)
    if kind == "additive":
        settings = msgspec.structs.replace(settings, interactions=tuple((feature.name,) for feature in own))
    return msgspec.structs.replace(settings, extra=True) if kind == "extra" else settings


def losses(fitted: Fitted, matrix: Floats, y: Floats, weights: Floats) -> Floats:
    """The held-out loss (log-likelihood, negative) of boosting after every `_STRIDE` rounds, until it stopped."""
    own = np.ascontiguousarray(matrix[:, fitted.reads])
    raw = np.zeros(y.size)
    found = []
    for low in range(0, fitted.some(None, None).roots.size, _STRIDE):
        raw += fitted.some(low, low + _STRIDE).raw(own)
        found.append(float((weights * (np.logaddexp(0.0, raw) - y * raw)).sum()))
    return np.asarray(found)


def log_odds(fitted: Fitted, matrix: Floats, rounds: int | None) -> Floats:
    """The log-odds that a first layer gives to the rows of an encoded matrix."""
    own = np.ascontiguousarray(matrix[:, fitted.reads])
    if fitted.card is not None:
        return fitted.card.log_odds_bad(own)
    return fitted.some(None, rounds).raw(own)


class OutOfFold(msgspec.Struct, frozen=True):
    """Log-odds (rows × parts; NaN where no window held a row out), and the rounds chosen for each boosted part."""

    z: Floats
    rounds: Mapping[str, int]


def out_of_fold(
    rows: Rows,
    windows: Sequence[Window],
    parts: Mapping[str, PartOptions],
    options: LayerOptions,
    step: Callable[[], None] | None,
) -> OutOfFold:
    """Fit every part on each window and score what it holds out, with the rounds of least loss over all windows."""
    labels = rows.frame.columns

    def learn(window: Window) -> tuple[tuple[Feature, ...], dict[str, Fitted], dict[str, Floats]]:
        known, held = rows.take(window.known), rows.take(window.held)
        features = fit_features(known.frame, known.y, known.weights, options.specials)
        matrix, other = encode(known.frame, features), encode(held.frame, features)
        fits = {
            name: fit_part(part, reads_of(name, part, labels), known, matrix, features, options)
            for name, part in parts.items()
        }
        curves = {name: losses(fitted, other, held.y, held.weights) for name, fitted in fits.items() if fitted.forest}
        return features, fits, curves

    learnt = []
    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(learn, windows):
            learnt.append(found)
            if step:
                step()
    # Few rows have fewer windows than asked; who counts the steps counts on all.
    for _ in range(options.folds - len(windows)):
        if step:
            step()
    rounds: dict[str, int] = {}
    for name, part in parts.items():
        if part.kind != "scorecard":
            own = [curves[name] for _, _, curves in learnt]
            longest = max(curve.size for curve in own)
            # Boosting that found nothing more to split stays as it was.
            total = np.sum([np.pad(curve, (0, longest - curve.size), mode="edge") for curve in own], axis=0)
            rounds[name] = min((int(total.argmin()) + 1) * _STRIDE, options.boost(part.kind).rounds)
    z = np.full((rows.y.size, len(parts)), np.nan)
    for window, (features, fits, _) in zip(windows, learnt, strict=True):
        matrix = encode(rows.frame[window.held], features)
        for column, (name, fitted) in enumerate(fits.items()):
            z[window.held, column] = log_odds(fitted, matrix, rounds.get(name))
    return OutOfFold(z, rounds)


def fit_whole(
    rows: Rows,
    features: Sequence[Feature],
    parts: Mapping[str, PartOptions],
    options: LayerOptions,
    rounds: Mapping[str, int],
) -> dict[str, Fitted]:
    """Fit every part on all rows; boosted ones as one forest, additive ones as curves."""
    matrix = encode(rows.frame, features)
    labels = rows.frame.columns

    def learn(name: str) -> Fitted:
        part = parts[name]
        reads = reads_of(name, part, labels)
        fitted = fit_part(part, reads, rows, matrix, features, options, rounds.get(name))
        if part.kind == "additive" and fitted.forest is not None:
            return Fitted(reads, forest=as_curves(fitted.forest, len(reads)))
        return fitted

    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(parts, pool.map(learn, parts), strict=True))
