"""LightGBM's model text, read into flat arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tallystick.core import InputError
from tallystick.models.trees.forest import Forest
from tallystick.models.trees.words import WORDS

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
# LightGBM reads values up to here, either sign, as 0 before it compares: single precision's 1e-35.
_NOUGHT = float(np.float32(1e-35))
_ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2


def parse_forest(text: str) -> Forest:
    """Read LightGBM's model text (`Booster.model_to_string`) into flat arrays.

    Parameters
    ----------
    text
        Of a booster with one tree a round whose raw score is the sum of its trees.

    Returns
    -------
    Forest
        Checked; its `raw` has the bits of `Booster.predict(raw_score=True)`.

    Raises
    ------
    InputError
        For categorical splits, zero as missing, linear leaves, several classes, averaged trees, or a text that is no
        model.

    Notes
    -----
    Decision: Tree::NumericalDecision of LightGBM 4; with missing type none a NaN reads as 0.
    """
    head, *trees = text.split("\nTree=")
    header = head.splitlines()
    for line in ("average_output", "num_tree_per_iteration"):
        given = next((found for found in header if found.split("=")[0] == line), "")
        if given not in ("", "num_tree_per_iteration=1"):
            raise InputError(WORDS("trees.text", given=given))
    parts = _Parts()
    for place, tree in enumerate(trees):
        lines = tree.split("\n\n")[0].splitlines()
        try:
            parts.add(dict(line.split("=", 1) for line in lines if "=" in line))
        except (KeyError, ValueError, OverflowError) as fault:
            raise InputError(WORDS("trees.text", given=f"tree {place}, {fault}")) from fault
    forest = parts.forest()
    if not trees or not forest.check(forest.width):
        raise InputError(WORDS("trees.text", given="no trees" if not trees else "paths that do not end"))
    return forest


class _Parts:
    """The arrays of a forest while its trees are read."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.children: list[int] = []
        self.nan_child: list[int] = []
        self.leaves: list[float] = []

    def add(self, tree: Mapping[str, str]) -> None:
        """One tree, by the keys of its text."""
        if tree.get("is_linear", "0") != "0":
            raise InputError(WORDS("trees.text", given="linear leaves"))
        nodes, first_leaf = len(self.feature), len(self.leaves)
        self.leaves.extend(float(x) for x in tree["leaf_value"].split())
        if int(tree["num_leaves"]) == 1:
            self.roots.append(~first_leaf)
            return
        self.roots.append(nodes)
        self.feature.extend(int(x) for x in tree["split_feature"].split())
        cuts = [float(x) for x in tree["threshold"].split()]
        self.threshold.extend(_plain(cut) for cut in cuts)
        for cut, kind in zip(cuts, map(int, tree["decision_type"].split()), strict=True):
            missing = (kind >> 2) & 3
            if kind & _CATEGORICAL or missing == _ZERO_IS_MISSING:
                raise InputError(WORDS("trees.kind", given=kind))
            left = bool(kind & _DEFAULT_LEFT) if missing == _NAN_IS_MISSING else cut >= 0.0
            self.nan_child.append(0 if left else 1)
        lefts = [int(x) for x in tree["left_child"].split()]
        rights = [int(x) for x in tree["right_child"].split()]
        for pair in zip(lefts, rights, strict=True):
            self.children.extend(nodes + child if child >= 0 else ~(first_leaf + ~child) for child in pair)

    def forest(self) -> Forest:
        """What was read so far."""
        ints = [np.asarray(part, dtype=np.int64) for part in (self.roots, self.feature, self.children, self.nan_child)]
        roots, feature, children, nan_child = ints
        threshold = np.asarray(self.threshold, dtype=np.float64)
        return Forest(roots, feature, threshold, children, nan_child, np.asarray(self.leaves, dtype=np.float64))


def _plain(cut: float) -> float:
    """The cut that a plain comparison needs to decide as LightGBM does, which reads tiny values as 0 beforehand."""
    if -_NOUGHT <= cut < 0.0:
        return math.nextafter(-_NOUGHT, -math.inf)
    return _NOUGHT if 0.0 <= cut < _NOUGHT else cut
