"""Anomaly scores for what has no label: an isolation forest in flat arrays, and the labels that isolate a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl
from sklearn.base import OutlierMixin
from sklearn.ensemble import IsolationForest

from tallystick.core import InputError, Message
from tallystick.core.numeric import in_parts
from tallystick.models.container import Packed
from tallystick.models.design import Inputs, sound_features
from tallystick.models.estimator import Learner
from tallystick.models.filed import Filed
from tallystick.models.frames import Columns, DataError, Feature, Floats, Ints, as_frame, encode
from tallystick.models.horizon.isolation import ARRAYS, blame, flatten, is_sound, isolate, levels_of, mean_depths
from tallystick.models.horizon.words import WORDS

SEMANTICS = 1
_KIND = "anomaly"
# scikit-learn grows on floats of 32 bits; whatever lies beyond is alike.
_FAR = 1e30
_CATEGORIES = 1_000


class AnomalyOptions(msgspec.Struct, frozen=True):
    """How the forest is grown.

    Attributes
    ----------
    name
        Of the model.
    trees
        1 to 10,000.
    rows
        Drawn for each tree, at least 2.
    share
        Of the development rows that are flagged, in (0, 0.5].
    seed
        Of the draws and splits.
    """

    name: str = "anomaly"
    trees: int = 200
    rows: int = 256
    share: float = 0.01
    seed: int = 7

    def __post_init__(self) -> None:
        for name, given, allowed, fine in (
            ("trees", self.trees, "1–10000", 1 <= self.trees <= 10_000),
            ("rows", self.rows, "≥ 2", self.rows >= 2),
            ("share", self.share, "0 < … ≤ 0.5", 0.0 < self.share <= 0.5),
        ):
            if not fine:
                raise InputError(WORDS("horizon.months", name=name, given=given, allowed=allowed))


class Usual(msgspec.Struct, frozen=True):
    """What is usual of a label: the middle nine tenths of its numbers, or each category's share; and of missing."""

    low: float
    high: float
    shares: tuple[float, ...]
    missing: float


class AnomalyDefinition(msgspec.Struct, frozen=True):
    """All that an anomaly model is but its trees, which are arrays."""

    name: str
    features: tuple[Feature, ...]
    usual: tuple[Usual, ...]
    threshold: float
    mean_depth: float


class Isolation(msgspec.Struct, frozen=True):
    """A label that isolates a row: the splits that it saves, its value, and what is usual of it, in words."""

    label: str
    splits_saved: float
    value: Any
    usual: Message


class AnomalyScore(msgspec.Struct, frozen=True):
    """The answer for one row.

    Attributes
    ----------
    anomaly
        In (0, 1]: 2^(−depth / mean depth of a random search). Near 1 a row stands alone, 0.5 and below is ordinary.
    flagged
        Whether `anomaly` exceeds the threshold that the declared share of the development rows exceeds.
    reasons
        Labels that isolate the row, most first. These savings, less what other labels add, are exactly the depth of
        an average row less the depth of this one, over all trees, but for rounding.
    """

    anomaly: float
    flagged: bool
    reasons: tuple[Isolation, ...]


class Anomaly(Filed[AnomalyDefinition]):
    """A fitted isolation forest, ready to score.

    Parameters
    ----------
    definition
        Features, what is usual of them, threshold.
    arrays
        The trees: roots, feature, children, nan_side, threshold, depth.
    card
        Its model card.
    """

    kind = _KIND
    semantics = SEMANTICS

    def __init__(
        self,
        definition: AnomalyDefinition,
        arrays: Mapping[str, np.ndarray[Any, Any]],
        card: Mapping[str, Any] | None = None,
    ) -> None:
        self.definition = definition
        self.card: Mapping[str, Any] = {} if card is None else card
        self.name = definition.name
        self.arrays = {name: np.ascontiguousarray(arrays[name], dtype=kind) for name, kind in ARRAYS.items()}
        self._trees: Any = tuple(self.arrays[name] for name in ARRAYS)
        self._levels = levels_of(self.arrays)
        self._inputs = Inputs(definition.features)
        self.labels = self._inputs.labels
        self._whole = definition.mean_depth * self.arrays["roots"].size

    def _arrays(self) -> Mapping[str, np.ndarray[Any, Any]]:
        return self.arrays

    def anomalies(self, matrix: Floats) -> Floats:
        """The anomaly of every row of an encoded matrix."""
        out = np.empty(matrix.shape[0])
        isolate(matrix, out, self._whole, self._levels, *self._trees)
        return out

    def score(self, row: Mapping[str, Any]) -> AnomalyScore:
        """Score one row: a value, or None, for each of `labels`.

        Raises
        ------
        InputError
            When a label is absent, or is text where a number is expected, or the other way round.
        """
        matrix = self._inputs.row(row)
        anomaly = float(self.anomalies(matrix)[0])
        saved = self.contributions(matrix)[0]
        reasons = [
            Isolation(self.labels[j], float(saved[j]), row[self.labels[j]], self._usual(j, float(matrix[0, j])))
            for j in np.argsort(-saved, kind="stable").tolist()
            if saved[j] > 0.0
        ]
        return AnomalyScore(anomaly, anomaly > self.definition.threshold, tuple(reasons))

    def _usual(self, place: int, x: float) -> Message:
        feature, usual = self.definition.features[place], self.definition.usual[place]
        if x != x:
            return WORDS("anomaly.missing", share=f"{100.0 * usual.missing:.3g}")
        if feature.categories is None:
            return WORDS("anomaly.range", low=f"{usual.low:g}", high=f"{usual.high:g}")
        share = usual.shares[int(x)] if int(x) < len(usual.shares) else 0.0
        return WORDS("anomaly.category", share=f"{100.0 * share:.3g}")

    def score_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score every row, with the bits of `score`: `anomaly` and `flagged`."""
        parts = in_parts(frame.height, lambda a, b: self.anomalies(self._inputs.frame(frame.slice(a, b - a))))
        found = np.concatenate(parts)
        return pl.DataFrame({"anomaly": found, "flagged": found > self.definition.threshold})

    def contributions(self, matrix: Floats) -> Floats:
        """Splits that each label saves (rows × labels), against the mean depth below each split on its way."""
        out = np.zeros(matrix.shape)
        blame(matrix, out, *self._trees)
        return out


def fit_anomaly(
    columns: Columns, *, options: AnomalyOptions | None = None, card: Mapping[str, Any] | None = None
) -> Anomaly:
    """Grow an isolation forest on rows without outcomes.

    Parameters
    ----------
    columns
        Labels; a text enters by how rare its category is, a value that was never seen being the rarest.

    Returns
    -------
    Anomaly

    Notes
    -----
    Grown by scikit-learn, scored by our kernel: equal to its `score_samples`, sign apart, to 4 ulp, for its power of
    two is libm's. Source: Liu, Ting and Zhou, ICDM 2008.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> model = fit_anomaly({"amount": rng.normal(100, 10, 500), "hour": rng.integers(8, 18, 500)},
    ...     options=AnomalyOptions(share=0.05))
    >>> odd = model.score({"amount": 900.0, "hour": 12})
    >>> odd.flagged, odd.reasons[0].label
    (True, 'amount')
    """
    settings = options or AnomalyOptions()
    frame = as_frame(columns)
    if not frame.height or not frame.width:
        raise DataError(WORDS("anomaly.empty", rows=frame.height, columns=frame.width))
    features = tuple(_by_rarity(column) for column in frame)
    matrix = encode(frame, features)
    known = np.clip(matrix, -_FAR, _FAR)
    # A label without any value says nothing; constant, it is never split on.
    known[:, np.isnan(known).all(axis=0)] = 0.0
    forest = IsolationForest(
        n_estimators=settings.trees, max_samples=min(settings.rows, frame.height), random_state=settings.seed
    ).fit(known)
    arrays = flatten(forest)
    usual = tuple(_usual_of(matrix[:, j], feature) for j, feature in enumerate(features))
    mean_depth = float(mean_depths(np.array([forest.max_samples_]))[0])
    draft = Anomaly(AnomalyDefinition(settings.name, features, usual, 1.0, mean_depth), arrays)
    level = float(np.quantile(draft.anomalies(matrix), 1.0 - settings.share, method="higher"))
    return Anomaly(msgspec.structs.replace(draft.definition, threshold=level), arrays, card)


def _by_rarity(column: pl.Series) -> Feature:
    """A text's categories ranked from the commonest on; all beyond the thousandth share the last rank."""
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
            raise DataError(WORDS("anomaly.type", name=column.name, given=str(column.dtype)))
        return Feature(column.name)
    counts = pl.DataFrame({"text": column.cast(pl.String).drop_nulls()}).group_by("text").len()
    ranked = counts.sort(["len", "text"], descending=[True, False])["text"].to_list()
    kept = ranked[:_CATEGORIES]
    return Feature(column.name, tuple(kept), tuple(range(len(kept))), len(kept), len(ranked) - len(kept))


def _usual_of(x: Floats, feature: Feature) -> Usual:
    known = x[~np.isnan(x)]
    missing = 1.0 - known.size / x.size
    if not known.size:
        return Usual(0.0, 0.0, (), missing)
    if feature.categories is None:
        low, high = np.quantile(known, [0.05, 0.95], method="nearest").tolist()
        return Usual(low, high, (), missing)
    shares = np.bincount(known.astype(np.int64), minlength=len(feature.categories) + 1) / x.size
    return Usual(0.0, 0.0, tuple(shares.tolist()), missing)


def open_anomaly(packed: Packed) -> Anomaly:
    """The anomaly model of a file; raises `TamperError` when its trees could not have been written here."""
    definition = packed.read(AnomalyDefinition, SEMANTICS)
    arrays, width = packed.arrays, len(definition.features)
    if (
        packed.kind != _KIND
        or set(arrays) != set(ARRAYS)
        or any(array.dtype.str != ARRAYS[name] or array.ndim != 1 for name, array in arrays.items())
        or len(definition.usual) != width
        or not sound_features(definition.features)
        or not is_sound(arrays, width)
        or not 0.0 <= definition.mean_depth <= 1e6
    ):
        raise packed.refused("arrays")
    return Anomaly(definition, arrays, packed.card)


class AnomalyDetector(OutlierMixin, Learner):  # type: ignore[misc]
    """An isolation forest over numbers, text and missing values, as a scikit-learn outlier detector.

    Parameters
    ----------
    trees, rows, share, seed
        As in `AnomalyOptions`.

    Attributes
    ----------
    model_
        The `Anomaly` that scores.
    offset_
        `decision_function` is `score_samples` − `offset_`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 2))
    >>> detector = AnomalyDetector(trees=50).fit(x)
    >>> detector.predict(np.array([[0.0, 0.0], [9.0, -9.0]])).tolist()
    [1, -1]
    """

    def __init__(self, trees: int = 200, rows: int = 256, share: float = 0.01, seed: int = 7) -> None:
        self.trees = trees
        self.rows = rows
        self.share = share
        self.seed = seed

    def __sklearn_tags__(self) -> Any:
        """No outcome is needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags

    def fit(self, X: Columns, y: Any = None) -> AnomalyDetector:
        """Fit on columns `X`; `y` is not read."""
        sample = self._open(X, None)
        options = AnomalyOptions("anomaly", self.trees, self.rows, self.share, self.seed)
        self.model_ = fit_anomaly(sample.frame, options=options)
        self.offset_ = -self.model_.definition.threshold
        return self

    def score_samples(self, X: Columns) -> Floats:
        """Minus the anomaly of every row, as scikit-learn has it: less is stranger."""
        frame = self._columns(X)
        return np.asarray(-self.model_.score_columns(frame)["anomaly"].to_numpy(), dtype=np.float64)

    def decision_function(self, X: Columns) -> Floats:
        """Below 0 where a row is flagged."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Columns) -> Ints:
        """−1 where a row is flagged, else 1."""
        return np.where(self.decision_function(X) < 0.0, -1, 1).astype(np.int64)
