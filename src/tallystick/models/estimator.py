"""The base of every estimator here: what scikit-learn's users expect of `fit`, `predict_proba` and their inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from tallystick.models.frames import Columns, DataError, Floats, as_frame
from tallystick.models.words import WORDS

_SHOWN = 5


class Sample(NamedTuple):
    """What an estimator learns from; rows of weight 0 are left out, as if they had never been given.

    `y` is 0.0 or 1.0 (1 is the second class, bad), `weights` are positive, and `kept` holds the places of the rows
    among those given, so that groups or periods of the caller can follow.
    """

    frame: pl.DataFrame
    y: Floats
    weights: Floats
    kept: NDArray[np.int64]


class Learner(BaseEstimator):  # type: ignore[misc]
    """An estimator over frames (polars, pandas), mappings of columns or arrays; missing values and text may occur."""

    def __sklearn_tags__(self) -> Any:
        """Missing values and text columns are taken, sparse matrices are not."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.sparse = False
        return tags

    def _open(self, X: Columns, y: Any, sample_weight: Any = None) -> Sample:
        """Check what `fit` was given and remember its columns, and its classes where `y` is not None."""
        frame = as_frame(X)
        if y is None and self.__sklearn_tags__().target_tags.required:
            raise DataError(WORDS("target.none", name=type(self).__name__))
        if not frame.height:
            raise DataError(WORDS("frame.rows"))
        if not frame.width:
            raise DataError(WORDS("frame.width", rows=frame.height))
        target = np.zeros(frame.height) if y is None else self._target(y, frame.height)
        weights, kept = _weights(sample_weight, frame.height)
        if kept.size < frame.height:
            frame, target, weights = frame[kept], target[kept], weights[kept]
        if y is not None and not 0 < np.count_nonzero(target) < target.size:
            raise DataError(WORDS("target.one", given=self.classes_[int(target[0])], rows=target.size))
        self._inputs = tuple(frame.columns)
        self.n_features_in_ = frame.width
        if _is_named(X):
            self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return Sample(frame, target, weights, kept)

    def _check_names(self, option: str, names: Iterable[str]) -> None:
        """Refuse an option that names a column which is not among those of the fit."""
        for name in names:
            if name not in self._inputs:
                raise DataError(WORDS("frame.option", option=option, given=name, allowed=", ".join(self._inputs)))

    def _target(self, y: Any, rows: int) -> Floats:
        given = y.to_numpy() if isinstance(y, pl.Series) else np.asarray(y)
        labels = column_or_1d(given, warn=True)
        if labels.shape != (rows,):
            raise DataError(WORDS("target.shape", given=str(labels.shape), rows=rows))
        if labels.dtype == object:
            absent = sum(value is None or value != value for value in labels)
            kinds = {type(value) for value in labels}
            if not absent and kinds <= {bool, np.bool_}:
                labels = labels.astype(bool)
            elif not absent and len(kinds) > 1 and str in kinds:
                raise DataError(WORDS("target.kind", given="unknown"))
        else:
            absent = int(np.count_nonzero(np.isnan(labels))) if labels.dtype.kind == "f" else 0
        if absent:
            raise DataError(WORDS("target.missing", given=absent))
        if labels.dtype.kind == "f" and not np.all(np.isfinite(labels)):
            raise DataError(WORDS("target.infinite", given=int(np.count_nonzero(~np.isfinite(labels)))))
        if labels.dtype.kind in "biuf":
            # Two whole numbers are the least and the greatest: seen without sorting a million rows.
            least, most = labels.min(), labels.max()
            above = np.asarray(labels == most)
            if least < most and float(least).is_integer() and np.all(above | (labels == least)):
                self.classes_ = np.array([least, most])
                return above.astype(np.float64)
        kind = type_of_target(labels, input_name="y")
        if kind == "multiclass":
            raise DataError(WORDS("target.binary", kind=kind))
        if kind != "binary":
            raise DataError(WORDS("target.kind", given=kind))
        classes, place = np.unique(labels, return_inverse=True)
        if classes.size == 1:
            raise DataError(WORDS("target.one", given=classes[0], rows=rows))
        self.classes_ = classes
        return place.astype(np.float64)

    def _columns(self, X: Columns) -> pl.DataFrame:
        """The frame of `X`, checked against the columns of the fit and under their names.

        Columns without names are taken by place. A mapping may name its columns in any order; a frame keeps that of
        the fit.
        """
        check_is_fitted(self)
        frame = as_frame(X)
        inputs = self._inputs
        named = _is_named(X) and hasattr(self, "feature_names_in_")
        if named and set(frame.columns) != set(inputs):
            raise DataError(_names_differ(frame.columns, inputs))
        if frame.width != len(inputs):
            name = type(self).__name__
            raise DataError(WORDS("frame.features", given=frame.width, name=name, needed=len(inputs)))
        if not frame.height:
            raise DataError(WORDS("frame.rows"))
        if named:
            if isinstance(X, Mapping):
                return frame.select(inputs)
            if tuple(frame.columns) != inputs:
                raise DataError(WORDS("frame.order", given=", ".join(frame.columns[:_SHOWN])))
            return frame
        return frame.rename(dict(zip(frame.columns, inputs, strict=True)))


class BinaryClassifier(ClassifierMixin, Learner):  # type: ignore[misc]
    """A classifier of two classes, of which the second (`classes_[1]`) is bad; a subclass says how bad a row is."""

    def __sklearn_tags__(self) -> Any:
        """Two classes, never more."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _bad(self, frame: pl.DataFrame) -> Floats:
        """The probability of bad of every row of a frame with the columns of the fit."""
        raise NotImplementedError

    def predict_proba(self, X: Columns) -> Floats:
        """Shape (rows, 2): the probabilities of `classes_[0]`, good, and of `classes_[1]`, bad."""
        bad = self._bad(self._columns(X))
        return np.column_stack([1.0 - bad, bad])

    def predict(self, X: Columns) -> NDArray[Any]:
        """The likelier class of every row."""
        check_is_fitted(self)
        predicted: NDArray[Any] = self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)]
        return predicted


def _is_named(X: Any) -> bool:
    """Whether the columns of `X` came with names, all of them text."""
    names = X if isinstance(X, Mapping) else getattr(X, "columns", None)
    return names is not None and all(isinstance(name, str) for name in names)


def _names_differ(given: list[str], inputs: tuple[str, ...]) -> Any:
    unseen = sorted(set(given) - set(inputs))
    missing = sorted(set(inputs) - set(given))
    code, names = ("frame.unseen", unseen) if unseen else ("frame.missing", missing)
    shown = "\n".join(f"- {name}" for name in names[:_SHOWN])
    return WORDS(code, names=shown + ("\n- ...\n" if len(names) > _SHOWN else "\n"))


def _weights(given: Any, rows: int) -> tuple[Floats, NDArray[np.int64]]:
    """Finite weights ≥ 0 of the rows, and the places of the positive ones."""
    if given is None:
        return np.ones(rows), np.arange(rows)
    weights = np.asarray(given.to_numpy() if isinstance(given, pl.Series) else given, dtype=np.float64)
    if weights.shape != (rows,) or not np.all(np.isfinite(weights)) or np.any(weights < 0.0):
        raise DataError(WORDS("weights.some", rows=rows))
    kept = np.flatnonzero(weights)
    if not kept.size:
        raise DataError(WORDS("weights.zero"))
    return weights, kept
