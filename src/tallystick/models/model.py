"""A model that serves: one kernel scores a row and a million rows with the same bits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.core.numeric import kernel, logit, sigmoid
from tallystick.models.attribution import add_layers, whole_points
from tallystick.models.calibration import Calibration
from tallystick.models.frames import Feature, Floats, Ints, encode, encode_value
from tallystick.models.scorecard import PointsTable, Scale
from tallystick.models.trees import Forest, forest_contributions, forest_raw
from tallystick.models.words import WORDS

_CHUNK = 32_768
_THREADS = 2
# The places of the kernel's scalar settings, and of its results.
_SETTINGS = (
    "base",
    "card_offset",
    "card_factor",
    "intercept",
    "card_weight",
    "trees_weight",
    "isotonic",
    "slope",
    "shift",
)
_RESULTS = ("pd", "log_odds", "stack_log_odds", "scorecard_log_odds", "trees_log_odds")


class Contribution(msgspec.Struct, frozen=True):
    """What one label cost: final points below its baseline, its bin on the scorecard or "", and the given value."""

    label: str
    points_lost: int
    bin_text: str
    value: Any


class Score(msgspec.Struct, frozen=True):
    """The answer for one row.

    Attributes
    ----------
    pd
        Calibrated probability of bad, in [0, 1].
    points
        The final score on the declared scale, from the calibrated log-odds; more is safer.
    raw
        `log_odds` (calibrated, of bad), `stack_log_odds`, and of each layer what it said: `scorecard_points`,
        `scorecard_log_odds`, `trees_log_odds`.
    reasons
        Labels that cost points of the final score, most first, ties in the order of the labels. These losses, less
        what other labels gained, are exactly `Model.baseline_points` − `points`. Under isotonic calibration, whose
        steps have no shares, they are so for the points that the stack's log-odds stand for.
    """

    pd: float
    points: int
    raw: dict[str, float | int]
    reasons: tuple[Contribution, ...]


class Stack(msgspec.Struct, frozen=True):
    """The second layer: log-odds = intercept + Σ weight · log-odds of each first layer."""

    intercept: float
    weights: dict[str, float]


class Definition(msgspec.Struct, frozen=True):
    """All that a model is; its trees are arrays and stand beside it.

    `baseline` is what each label brings to the stack's log-odds at the point from which losses are counted.
    """

    name: str
    features: tuple[Feature, ...]
    stack: Stack
    calibration: Calibration
    scale: Scale
    baseline: tuple[float, ...]
    scorecard: PointsTable | None = None
    trees: bool = False


class Model:
    """A trained model, ready to score.

    Parameters
    ----------
    definition
        Features, layers, stack, calibration, scale.
    forest
        The trees, when there are any.
    card
        Its model card: a JSON object that is stored and versioned with it.
    version
        Content version; "" while it has none.

    Attributes
    ----------
    labels
        What a row must hold, in order.
    baseline_points
        The points of a row in which every label stands at its baseline.
    """

    def __init__(
        self,
        definition: Definition,
        forest: Forest | None = None,
        card: Mapping[str, Any] | None = None,
        version: str = "",
    ) -> None:
        self.definition = definition
        self.forest = forest
        self.card: Mapping[str, Any] = {} if card is None else card
        self.version = version
        self.name = definition.name
        self.labels = tuple(feature.name for feature in definition.features)
        self._ranks = [
            None if f.categories is None else dict(zip(f.categories, map(float, f.ranks), strict=True))
            for f in definition.features
        ]
        self._flatten()

    def _flatten(self) -> None:
        card, calibration, stack = self.definition.scorecard, self.definition.calibration, self.definition.stack
        variables = card.variables if card else ()
        self._edges = np.array([edge for v in variables for edge in v.edges], dtype=np.float64)
        self._edge_at = np.cumsum([0] + [len(v.edges) for v in variables], dtype=np.int64)
        self._points = np.array([p for row in (card.points if card else ()) for p in row], dtype=np.int64)
        self._texts = [[v.bin_text(i) for i in range(len(v.woe))] for v in variables]
        none, nought = np.empty(0, dtype=np.int64), np.empty(0)
        forest = self.forest or Forest(none, none, nought, none, none, nought, nought)
        self._paths = (forest.roots, forest.feature, forest.threshold, forest.children, forest.nan_child)
        self._values, self._leaves = forest.values, forest.leaves
        self._cuts = np.array(calibration.cuts, dtype=np.float64)
        self._pds = np.array(calibration.pds, dtype=np.float64)
        scale = card.scale if card else self.definition.scale
        self._settings = np.array(
            [
                card.base if card else 0,
                scale.offset,
                scale.factor,
                stack.intercept,
                stack.weights.get("scorecard", 0.0),
                stack.weights.get("trees", 0.0),
                calibration.kind == "isotonic",
                calibration.slope,
                calibration.intercept,
            ],
            dtype=np.float64,
        )
        self._factor, self._offset = self.definition.scale.factor, self.definition.scale.offset
        self._card = (scale.factor, stack.weights.get("scorecard", 0.0), stack.weights.get("trees", 0.0))
        self._baseline = np.array(self.definition.baseline, dtype=np.float64)
        base_odds = (scale.offset - card.base) / scale.factor if card else 0.0
        at_baseline = stack.intercept + self._card[1] * base_odds + self._card[2] * forest.bias
        for brought in self.definition.baseline:
            at_baseline += brought
        self.baseline_points = self._line_points(at_baseline)

    def _line_points(self, stack: float) -> int:
        """The points of a log-odds of the stack, by the line of Platt; isotonic steps leave it as it is."""
        line = self.definition.calibration
        return math.floor(self._offset - self._factor * (line.intercept + line.slope * stack) + 0.5)

    def _run(self, matrix: Floats) -> tuple[Floats, Ints, Ints]:
        """Results (rows × 5), points and scorecard points (rows × 2), and bins (rows × variables)."""
        rows = matrix.shape[0]
        results = np.empty((rows, len(_RESULTS)))
        points = np.empty((rows, 2), dtype=np.int64)
        bins = np.empty((rows, len(self._texts)), dtype=np.int64)
        trees_raw = np.empty(rows)
        forest_raw(matrix, *self._paths, self._leaves, trees_raw)
        _score_rows(
            matrix,
            self._edges,
            self._edge_at,
            self._points,
            trees_raw,
            self._cuts,
            self._pds,
            self._settings,
            self._offset,
            self._factor,
            results,
            points,
            bins,
        )
        return results, points, bins

    def score(self, row: Mapping[str, Any]) -> Score:
        """Score one row: a value, or None, for each of `labels`; other keys are ignored.

        Raises
        ------
        InputError
            When a label is absent, or is text where a number is expected, or the other way round.
        """
        features = self.definition.features
        matrix = np.empty((1, len(features)))
        values = []
        for place, feature in enumerate(features):
            if feature.name not in row:
                raise InputError(WORDS("score.absent", name=feature.name, needed=", ".join(self.labels)))
            value = row[feature.name]
            values.append(value)
            matrix[0, place] = encode_value(value, feature, self._ranks[place])
        results, points, bins = self._run(matrix)
        pd, log_odds, stack, card_odds, trees_odds = results[0].tolist()
        final, card_points = points[0].tolist()
        raw: dict[str, float | int] = {"log_odds": log_odds, "stack_log_odds": stack}
        if self.definition.scorecard is not None:
            raw["scorecard_points"] = card_points
            raw["scorecard_log_odds"] = card_odds
        if self.definition.trees:
            raw["trees_log_odds"] = trees_odds
        return Score(
            pd, final, raw, self._reasons(self._contributions(matrix, bins)[0], stack, bins[0].tolist(), values)
        )

    def contributions(self, matrix: Floats) -> tuple[Floats, Ints]:
        """What each label brings to the stack's log-odds (rows × labels of an encoded matrix), and the final points."""
        _, points, bins = self._run(matrix)
        return self._contributions(matrix, bins), points[:, 0]

    def _contributions(self, matrix: Floats, bins: Ints) -> Floats:
        out = np.zeros(matrix.shape)
        forest_contributions(matrix, *self._paths, self._values, self._leaves, out)
        add_layers(bins, self._edge_at, self._points, *self._card, out)
        return out

    def _reasons(
        self, contributions: Floats, stack: float, bins: list[int], values: list[Any]
    ) -> tuple[Contribution, ...]:
        per_log_odds = self._factor * self.definition.calibration.slope
        lost = np.empty(len(values), dtype=np.int64)
        total = self.baseline_points - self._line_points(stack)
        whole_points(per_log_odds * (contributions - self._baseline), total, lost)
        found = [
            Contribution(self.labels[place], points, self._texts[place][bins[place]] if bins else "", values[place])
            for place, points in enumerate(lost.tolist())
            if points > 0
        ]
        found.sort(key=lambda c: -c.points_lost)
        return tuple(found)

    def score_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score every row of `frame`, in order, with the bits of `score`.

        Parameters
        ----------
        frame
            A column for each of `labels`; nulls are missing; other columns are ignored.

        Returns
        -------
        polars.DataFrame
            `pd` Float64, `points` Int64, and the keys of `Score.raw`.
        """
        starts = range(0, max(frame.height, 1), _CHUNK)
        with ThreadPoolExecutor(_THREADS) as pool:
            parts = list(pool.map(lambda start: self._chunk(frame.slice(start, _CHUNK)), starts))
        return pl.concat(parts)

    def _chunk(self, frame: pl.DataFrame) -> pl.DataFrame:
        results, points, _ = self._run(encode(frame, self.definition.features))
        columns = {
            "pd": results[:, 0],
            "points": points[:, 0],
            "log_odds": results[:, 1],
            "stack_log_odds": results[:, 2],
        }
        if self.definition.scorecard is not None:
            columns["scorecard_points"] = points[:, 1]
            columns["scorecard_log_odds"] = results[:, 3]
        if self.definition.trees:
            columns["trees_log_odds"] = results[:, 4]
        return pl.DataFrame({name: np.ascontiguousarray(column) for name, column in columns.items()})


@kernel
def _score_rows(
    matrix: Floats,
    edges: Floats,
    edge_at: Ints,
    card_points: Ints,
    trees_raw: Floats,
    cuts: Floats,
    pds: Floats,
    settings: Floats,
    offset: float,
    factor: float,
    results: Floats,
    points: Ints,
    bins: Ints,
) -> None:
    """Points, stack, calibration and final score of each row, in the declared order of operations."""
    base = np.int64(settings[0])
    for i in range(matrix.shape[0]):
        total = base
        for v in range(edge_at.size - 1):
            x = matrix[i, v]
            low, high = edge_at[v], edge_at[v + 1]
            index = high - low + 1
            if x == x:
                index = np.int64(0)
                while low + index < high and x > edges[low + index]:
                    index += 1
            bins[i, v] = index
            # Each variable has one more value bin than edges, and one for missing.
            total += card_points[low + 2 * v + index]
        card = (settings[1] - total) / settings[2]
        stack = settings[3] + settings[4] * card + settings[5] * trees_raw[i]
        if settings[6] == 1.0:
            step = 0
            while step < cuts.size and stack > cuts[step]:
                step += 1
            pd = pds[step]
            log_odds = logit(pd)
        else:
            log_odds = settings[8] + settings[7] * stack
            pd = sigmoid(log_odds)
        results[i, 0], results[i, 1], results[i, 2] = pd, log_odds, stack
        results[i, 3], results[i, 4] = card, trees_raw[i]
        points[i, 0] = np.int64(np.floor(offset - factor * log_odds + 0.5))
        points[i, 1] = total
