"""Gradient boosted trees: trained by LightGBM, scored by our own kernel with the same bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import lightgbm
import msgspec
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from tallystick.core import InputError
from tallystick.core.numeric import kernel, sigmoid_array
from tallystick.models.frames import (
    Columns,
    Feature,
    Floats,
    Ints,
    as_frame,
    as_target,
    as_weights,
    encode,
    fit_features,
)
from tallystick.models.words import WORDS

_DIRECTIONS: Mapping[str, int] = {"none": 0, "ascending": 1, "descending": -1}
_DEFAULT_LEFT = 2
_CATEGORICAL = 1


class TreeOptions(msgspec.Struct, frozen=True):
    """Settings of the boosting: `min_rows` in a leaf, shares of features for each tree and of rows for each round."""

    rounds: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 150
    leaves: Annotated[int, msgspec.Meta(ge=2, le=1024)] = 12
    learning_rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.06
    min_rows: Annotated[int, msgspec.Meta(ge=1)] = 40
    feature_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.6
    row_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    l2: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    max_values: Annotated[int, msgspec.Meta(ge=2, le=65535)] = 127


class Forest(msgspec.Struct, frozen=True):
    """Trees as flat arrays. A node is (feature, threshold, where NaN goes, children); a leaf is a child below 0, ~leaf.

    `roots` holds one entry for each tree: a node, or ~leaf where the tree is a single leaf.
    """

    roots: Ints
    feature: Ints
    threshold: Floats
    children: Ints
    """Two for each node: where value ≤ threshold goes, then where it does not."""
    nan_child: Ints
    """0 or 1 for each node: which child takes a missing value."""
    values: Floats
    """What LightGBM would answer at each node, were it a leaf."""
    leaves: Floats

    @property
    def bias(self) -> float:
        """The sum, in tree order, of the answers at the roots: what a row gets before any label is asked."""
        bias = 0.0
        for root in self.roots.tolist():
            bias += float(self.values[root] if root >= 0 else self.leaves[~root])
        return bias

    def raw(self, matrix: Floats) -> Floats:
        """The sum of leaves, in tree order, of every row of an encoded matrix: log-odds of the event."""
        out = np.empty(matrix.shape[0])
        forest_raw(matrix, self.roots, self.feature, self.threshold, self.children, self.nan_child, self.leaves, out)
        return out

    def contributions(self, matrix: Floats) -> Floats:
        """What each label brought to `raw` (rows × labels): along the paths, the change of value at its splits.

        The contributions of a row and `bias` add up to `raw`, but for the rounding of the additions.

        Notes
        -----
        Saabas, Interpreting random forests (2014). Each sum runs in tree order, then from root to leaf.
        """
        out = np.zeros(matrix.shape)
        forest_contributions(
            matrix,
            self.roots,
            self.feature,
            self.threshold,
            self.children,
            self.nan_child,
            self.values,
            self.leaves,
            out,
        )
        return out

    def check(self, features: int) -> bool:
        """Whether every index stays inside its array and every path ends: safe to run, whoever wrote it."""
        nodes, leaves = self.feature.size, self.leaves.size
        sizes = (self.threshold.size, self.nan_child.size, self.values.size, self.children.size)
        shapes = sizes == (nodes, nodes, nodes, 2 * nodes)
        targets = np.concatenate([self.children, self.roots])
        inside = bool(np.all((targets < nodes) & (~targets < leaves)))
        owner = np.repeat(np.arange(nodes), 2) if shapes else self.children
        onward = bool(np.all((self.children < 0) | (self.children > owner)))
        read = bool(np.all((self.feature >= 0) & (self.feature < features) & np.isin(self.nan_child, (0, 1))))
        finite = bool(np.all(np.isfinite(self.leaves)) and np.all(np.isfinite(self.values)))
        return shapes and inside and onward and read and finite


@kernel
def forest_raw(
    matrix: Floats,
    roots: Ints,
    feature: Ints,
    threshold: Floats,
    children: Ints,
    nan_child: Ints,
    leaves: Floats,
    out: Floats,
) -> None:
    """Score rows in blocks, so that a block's values and a tree's nodes stay in cache; each row sums in tree order."""
    rows = matrix.shape[0]
    block = 256
    for low in range(0, rows, block):
        high = min(low + block, rows)
        for i in range(low, high):
            out[i] = 0.0
        for root in roots:
            for i in range(low, high):
                node = root
                while node >= 0:
                    x = matrix[i, feature[node]]
                    side = nan_child[node] if x != x else np.int64(not x <= threshold[node])
                    node = children[2 * node + side]
                out[i] += leaves[~node]


@kernel
def forest_contributions(
    matrix: Floats,
    roots: Ints,
    feature: Ints,
    threshold: Floats,
    children: Ints,
    nan_child: Ints,
    values: Floats,
    leaves: Floats,
    out: Floats,
) -> None:
    """Add to out[row, label] what each split on the label changed, in tree order, then from root to leaf."""
    rows = matrix.shape[0]
    block = 256
    for low in range(0, rows, block):
        high = min(low + block, rows)
        for root in roots:
            for i in range(low, high):
                node = root
                while node >= 0:
                    x = matrix[i, feature[node]]
                    side = nan_child[node] if x != x else np.int64(not x <= threshold[node])
                    child = children[2 * node + side]
                    value = values[child] if child >= 0 else leaves[~child]
                    out[i, feature[node]] += value - values[node]
                    node = child


def parse_forest(text: str) -> Forest:
    """Read LightGBM's model text (`Booster.model_to_string`) into flat arrays.

    Raises
    ------
    InputError
        For categorical splits or zero-as-missing, which we never train.

    Notes
    -----
    Decision: Tree::NumericalDecision of LightGBM 4; with missing type none a NaN reads as 0.
    """
    roots: list[int] = []
    feature: list[int] = []
    threshold: list[float] = []
    children: list[int] = []
    nan_child: list[int] = []
    values: list[float] = []
    leaves: list[float] = []
    for part in text.split("\nTree=")[1:]:
        tree = dict(line.split("=", 1) for line in part.split("\n\n")[0].splitlines() if "=" in line)
        nodes, first_leaf = len(feature), len(leaves)
        leaves.extend(float(x) for x in tree["leaf_value"].split())
        if int(tree["num_leaves"]) == 1:
            roots.append(~first_leaf)
            continue
        roots.append(nodes)
        feature.extend(int(x) for x in tree["split_feature"].split())
        cuts = [float(x) for x in tree["threshold"].split()]
        threshold.extend(cuts)
        values.extend(float(x) for x in tree["internal_value"].split())
        for cut, kind in zip(cuts, map(int, tree["decision_type"].split()), strict=True):
            missing = (kind >> 2) & 3
            if kind & _CATEGORICAL or missing == 1:
                raise InputError(WORDS("trees.kind", given=kind))
            left = bool(kind & _DEFAULT_LEFT) if missing == 2 else cut >= 0.0
            nan_child.append(0 if left else 1)
        lefts = [int(x) for x in tree["left_child"].split()]
        rights = [int(x) for x in tree["right_child"].split()]
        for pair in zip(lefts, rights, strict=True):
            children.extend(nodes + child if child >= 0 else ~(first_leaf + ~child) for child in pair)
    return Forest(
        np.asarray(roots, dtype=np.int64),
        np.asarray(feature, dtype=np.int64),
        np.asarray(threshold, dtype=np.float64),
        np.asarray(children, dtype=np.int64),
        np.asarray(nan_child, dtype=np.int64),
        np.asarray(values, dtype=np.float64),
        np.asarray(leaves, dtype=np.float64),
    )


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
    parameters = {
        "objective": "binary",
        "num_leaves": options.leaves,
        "learning_rate": options.learning_rate,
        "min_data_in_leaf": options.min_rows,
        "feature_fraction": options.feature_share,
        "bagging_fraction": options.row_share,
        "bagging_freq": 1 if options.row_share < 1.0 else 0,
        "lambda_l2": options.l2,
        "max_bin": options.max_values,
        "monotone_constraints": [_DIRECTIONS.get(monotone.get(f.name, "none"), 0) for f in features],
        "monotone_constraints_method": "basic",
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        # One thread a fit: the folds run side by side instead, and no thread waits at a barrier.
        "num_threads": 1,
        "verbosity": -1,
        "feature_pre_filter": False,
    }
    data = lightgbm.Dataset(matrix, label=y, weight=weights, free_raw_data=True)
    return lightgbm.train(parameters, data, num_boost_round=options.rounds)


def fit_forest(
    matrix: Floats,
    y: Floats,
    weights: Floats,
    features: Sequence[Feature],
    options: TreeOptions,
    monotone: Mapping[str, str],
    seed: int,
) -> Forest:
    """Train LightGBM and keep the trees as flat arrays."""
    booster = train_booster(matrix, y, weights, features, options, monotone, seed)
    return parse_forest(booster.model_to_string())


class BoostedTrees(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """LightGBM with missing values, text columns and monotone constraints, as a scikit-learn classifier.

    Text columns enter as ranks of their categories in ascending order of event rate (rare ones pooled), so a split
    on them is a comparison like any other.

    Parameters
    ----------
    rounds, leaves, learning_rate, min_rows, feature_share, row_share, l2, max_values
        As in `TreeOptions`.
    monotone
        Column → none, ascending or descending risk.
    seed
        Of the row and feature samples.

    Attributes
    ----------
    forest_
        The `Forest` that scores, with the bits of LightGBM's raw score.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=400)
    >>> trees = BoostedTrees(rounds=20).fit({"x": x}, (x + rng.normal(size=400) > 0).astype(int))
    >>> bool(trees.predict_proba({"x": [-2.0]})[0, 1] < trees.predict_proba({"x": [2.0]})[0, 1])
    True
    """

    def __init__(
        self,
        rounds: int = 150,
        leaves: int = 12,
        learning_rate: float = 0.06,
        min_rows: int = 40,
        feature_share: float = 0.6,
        row_share: float = 0.8,
        l2: float = 5.0,
        max_values: int = 127,
        monotone: Mapping[str, str] | None = None,
        seed: int = 7,
    ) -> None:
        self.rounds = rounds
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.min_rows = min_rows
        self.feature_share = feature_share
        self.row_share = row_share
        self.l2 = l2
        self.max_values = max_values
        self.monotone = monotone
        self.seed = seed

    def fit(self, X: Columns, y: Any, sample_weight: Any = None) -> BoostedTrees:
        """Fit on columns `X` and outcomes `y` (1 is the event)."""
        frame = as_frame(X)
        target = as_target(y, frame.height)
        weights = as_weights(sample_weight, frame.height)
        self.features_ = fit_features(frame, target, weights)
        names = TreeOptions.__struct_fields__
        options = TreeOptions(**{name: getattr(self, name) for name in names})
        matrix = encode(frame, self.features_)
        self.forest_ = fit_forest(matrix, target, weights, self.features_, options, self.monotone or {}, self.seed)
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.width
        return self

    def decision_function(self, X: Columns) -> Floats:
        """Raw score: log-odds of the event."""
        return self.forest_.raw(encode(as_frame(X, [f.name for f in self.features_]), self.features_))

    def predict_proba(self, X: Columns) -> Floats:
        """Shape (rows, 2): the probabilities of no event and of the event."""
        bad = sigmoid_array(self.decision_function(X))
        return np.column_stack([1.0 - bad, bad])

    def predict(self, X: Columns) -> Ints:
        """1 where the event is likelier than not."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)
