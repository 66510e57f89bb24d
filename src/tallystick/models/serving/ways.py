"""A branch of a model, laid out for the kernels."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from tallystick.core.numeric import in_parts
from tallystick.models.frames import Feature, Floats, Ints
from tallystick.models.scorecard import Scale
from tallystick.models.serving.definition import Branch, Part
from tallystick.models.serving.kernels import (
    BETA,
    HEADER,
    ISOTONIC,
    LABELS,
    PLATT,
    RESULTS,
    SETTINGS,
    add_trees,
    calibrated,
    lose_rows,
    points_of,
    score_rows,
    share_rows,
)
from tallystick.models.trees import Background, Forest, explain

CALIBRATIONS: Mapping[str, int] = {"platt": PLATT, "isotonic": ISOTONIC, "beta": BETA}


class Trees(msgspec.Struct, frozen=True):
    """The trees of one part: its place, what it reads (None: every label in order), its weight in the stack."""

    place: int
    forest: Forest
    background: Background | None
    reads: Ints
    every: bool
    weight: float

    def columns(self, matrix: Floats) -> Floats:
        """The columns that the trees read."""
        return matrix if self.every else np.ascontiguousarray(matrix[:, self.reads])


class Way(msgspec.Struct, frozen=True):
    """A branch ready to score.

    Attributes
    ----------
    numbers, places
        As `kernels` says.
    keys
        Of each part the keys of its points ("" for trees) and of its log-odds in `Score.raw`.
    trees
        Those parts that are trees.
    explains
        Whether it has a baseline and backgrounds to tell reasons from.
    baseline_points
        The final points at the baseline; under isotonic calibration those of the stack's log-odds.
    """

    numbers: Floats
    places: Ints
    keys: tuple[tuple[str, str], ...]
    trees: tuple[Trees, ...]
    explains: bool
    baseline_points: int

    def run(self, matrix: Floats) -> tuple[Floats, Ints]:
        """Results (RESULTS and log-odds of the parts × rows), and points (final and of the parts × rows)."""
        rows, parts = matrix.shape[0], len(self.keys)
        out = np.empty((len(RESULTS) + parts, rows))
        whole = np.zeros((1 + parts, rows), dtype=np.int64)
        for trees in self.trees:
            out[len(RESULTS) + trees.place] = trees.forest.raw(trees.columns(matrix))
        in_parts(rows, lambda a, b: score_rows(matrix, self.numbers, self.places, a, b, out, whole))
        return out, whole

    def ask_trees(self, x: Floats, out: Floats, reasons: bool) -> None:
        """Fill in what the trees say of one row: log-odds, and with `reasons` what each label brings through them."""
        shares = out[None, len(RESULTS) + len(self.keys) :]
        for trees in self.trees:
            matrix = x[None, :] if trees.every else x[trees.reads][None, :]
            out[len(RESULTS) + trees.place] = trees.forest.raw(matrix)[0]
            if reasons and self.explains and trees.background is not None:
                add_trees(explain(trees.forest, trees.background, matrix), trees.reads, trees.weight, shares)

    def shares(self, matrix: Floats) -> Floats:
        """What each label brings to the stack's log-odds, rows × labels: first through trees, then scorecards."""
        found = np.zeros((matrix.shape[0], int(self.places[LABELS])))
        for trees in self.trees:
            if trees.background is not None:
                add_trees(
                    explain(trees.forest, trees.background, trees.columns(matrix)), trees.reads, trees.weight, found
                )
        in_parts(matrix.shape[0], lambda a, b: share_rows(matrix, self.numbers, self.places, a, b, found))
        return found

    def lost(self, matrix: Floats) -> Ints:
        """Whole points lost by each label, rows × labels; a gain is negative."""
        out, _ = self.run(matrix)
        shares = self.shares(matrix)
        lost = np.empty(shares.shape, dtype=np.int64)
        in_parts(matrix.shape[0], lambda a, b: lose_rows(out[2], self.numbers, self.places, a, b, shares, lost))
        return lost


def lay_out(
    branch: Branch,
    features: tuple[Feature, ...],
    scale: Scale,
    forests: Mapping[str, Forest],
    backgrounds: Mapping[str, Background],
) -> Way:
    """Lay a branch out; forests and backgrounds are those of its parts, by name."""
    line, width = branch.calibration, len(features)
    baseline = branch.baseline or (0.0,) * width
    head = [scale.offset, scale.factor, branch.stack.intercept, line.intercept, line.slope, line.other_slope, 0.0, 0.0]
    head += [*line.cuts, *line.pds]
    baseline_at = len(head)
    parts_at = baseline_at + width
    numbers = [*head, *baseline]
    places = [len(branch.parts), CALIBRATIONS[line.kind], len(line.cuts), width, baseline_at, parts_at]
    tail: list[float] = []
    blocks: list[int] = []
    tail_at, blocks_at = parts_at + 4 * len(branch.parts), HEADER + 3 * len(branch.parts)
    for part in branch.parts:
        weight = branch.stack.weights[part.name]
        if part.card is None:
            numbers += [weight, 0.0, 0.0, 1.0]
            places += [1, 0, 0]
            continue
        numbers += [weight, float(part.card.base), part.card.scale.offset, part.card.scale.factor]
        places += [0, blocks_at + len(blocks), len(part.reads)]
        for label, variable, points in zip(part.reads, part.card.variables, part.card.points, strict=True):
            blocks += [label, len(variable.edges), len(variable.specials), tail_at + len(tail)]
            tail += [*variable.edges, *variable.specials, *map(float, points)]
    trees = tuple(
        _trees(place, part, branch, forests, backgrounds, width)
        for place, part in enumerate(branch.parts)
        if part.kind == "trees"
    )
    laid = np.array([*numbers, *tail], dtype=np.float64)
    plan = np.array([*places, *blocks], dtype=np.int64)
    explains = bool(branch.baseline) and all(t.background is not None for t in trees)
    start = _at_baseline(branch, trees)
    laid[SETTINGS.index("stack_at_baseline")] = start
    _, final = calibrated(start, laid, plan)
    laid[SETTINGS.index("final_at_baseline")] = final
    keys = tuple(
        (f"{part.name}_points" if part.kind == "scorecard" else "", f"{part.name}_log_odds") for part in branch.parts
    )
    at_baseline = points_of(start if line.kind == "isotonic" else final, laid)
    return Way(laid, plan, keys, trees, explains, int(at_baseline))


def _trees(
    place: int,
    part: Part,
    branch: Branch,
    forests: Mapping[str, Forest],
    backgrounds: Mapping[str, Background],
    width: int,
) -> Trees:
    return Trees(
        place,
        forests[part.name],
        backgrounds.get(part.name),
        np.array(part.reads, dtype=np.int64),
        part.reads == tuple(range(width)),
        branch.stack.weights[part.name],
    )


def _at_baseline(branch: Branch, trees: tuple[Trees, ...]) -> float:
    """The stack's log-odds of a row in which every label stands at its baseline."""
    means = {t.place: 0.0 if t.background is None else t.background.mean for t in trees}
    total = branch.stack.intercept
    for place, part in enumerate(branch.parts):
        card = part.card
        start = means[place] if card is None else (card.scale.offset - card.base) / card.scale.factor
        total += branch.stack.weights[part.name] * start
    for brought in branch.baseline:
        total += brought
    return total
