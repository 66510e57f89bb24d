"""Optimal binning as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import ClassifierTags
from sklearn.utils.validation import check_is_fitted

from tallystick.models.binning.fit import BinOptions, fit_variables
from tallystick.models.binning.tables import bin_table, summary
from tallystick.models.binning.variable import Monotone, Variable, bin_matrix, woe_matrix
from tallystick.models.binning.words import WORDS
from tallystick.models.estimator import Learner
from tallystick.models.frames import Columns, DataError, Floats, Ints, encode, fit_features

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class OptimalBinner(OneToOneFeatureMixin, TransformerMixin, Learner):  # type: ignore[misc]
    """Exactly optimal bins of every column, as a scikit-learn transformer to weights of evidence.

    Parameters
    ----------
    max_bins
        Most value bins of a column (specials and missing come on top).
    min_share
        Least share in a bin of the rows that hold a value, in [0, 0.5].
    min_events
        Least events and least non-events in a bin.
    max_prebins
        Most fine intervals that may be merged, 2 … 1000: cuts of a classification tree and quantiles; a column with
        fewer distinct values starts from those.
    monotone
        How risk may go as the value rises, for all columns or by name: none, ascending, descending, peak (up, then
        down), valley (down, then up), auto. `auto` takes the better of ascending and descending, unless the better of
        peak and valley has a tenth more IV and n₁n₀/n times the gain exceeds 25 (chance: fewer than 1 column in 100).
    min_woe_step
        Least difference in WOE between neighbouring bins.
    max_pvalue
        Neighbours stay apart when the chi-square test of their two rates has at most this p-value, in (0, 1].
    stable
        Neighbours stand in the same order of event rate in every period; `fit` needs `periods` then.
    specials
        By column, values that have a bin of their own, such as {"age": (-1, -9), "job": ("refused",)}.

    Attributes
    ----------
    variables_
        A `Variable` for each column, in order.

    Examples
    --------
    >>> binner = OptimalBinner(min_events=1, min_share=0.2)
    >>> woe = binner.fit_transform({"age": [20, 21, 22, 30, 31, 50]}, [1, 1, 0, 1, 0, 0])
    >>> binner.variables_[0].edges
    (22.0,)
    >>> binner.table("age").select("bin", "rows", "events").row(0)
    ('≤ 22', 3.0, 2.0)

    Notes
    -----
    Categories are bins in order of their event rate; those that weigh less than 20 rows or 1% of all are pooled.
    Weights count as rows. Information value: Siddiqi, Credit Risk Scorecards (2006), chapter 6.
    """

    def __init__(
        self,
        max_bins: int = 20,
        min_share: float = 0.05,
        min_events: float = 5,
        max_prebins: int = 64,
        monotone: Monotone | Mapping[str, Monotone] = "none",
        min_woe_step: float = 0.0,
        max_pvalue: float = 1.0,
        stable: bool = False,
        specials: Mapping[str, tuple[Any, ...]] | None = None,
    ) -> None:
        self.max_bins = max_bins
        self.min_share = min_share
        self.min_events = min_events
        self.max_prebins = max_prebins
        self.monotone = monotone
        self.min_woe_step = min_woe_step
        self.max_pvalue = max_pvalue
        self.stable = stable
        self.specials = specials

    def __sklearn_tags__(self) -> Any:
        """Outcomes are needed, and of two classes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags

    def fit(self, X: Columns, y: Any, sample_weight: Any = None, periods: Any = None) -> OptimalBinner:
        """Find the bins of every column of `X` for the outcomes `y` (two classes, the second is bad).

        `periods` names the period of each row (a month, a wave), as `stable` needs it.
        """
        sample = self._open(X, y, sample_weight)
        specials = self.specials or {}
        self._check_names("monotone", () if isinstance(self.monotone, str) else self.monotone)
        features = fit_features(sample.frame, sample.y, sample.weights, specials)
        options = BinOptions(**{name: getattr(self, name) for name in BinOptions.__struct_fields__})
        self.variables_ = fit_variables(
            encode(sample.frame, features, "F"),
            sample.y,
            sample.weights,
            features,
            options,
            self.monotone,
            periods=None if periods is None else _places(periods, sample.kept),
            specials=specials,
        )
        return self

    def transform(self, X: Columns) -> Floats:
        """Weights of evidence, shape (rows, columns); positive is safer."""
        return woe_matrix(self._encoded(X), self.variables_)

    def bins(self, X: Columns) -> Ints:
        """The bin of every cell: of values, then of specials, last of missing."""
        return bin_matrix(self._encoded(X), self.variables_)

    def summary(self) -> pl.DataFrame:
        """One line for each column, the most telling first: IV, Gini, chi-square and more, and why there is no cut."""
        check_is_fitted(self)
        return summary(self.variables_)

    def table(self, column: str) -> pl.DataFrame:
        """One line for each bin of `column`."""
        return bin_table(self._variable(column))

    def plot(self, column: str) -> Figure:
        """A drawing of the bins of `column`: shares, event rates and weights of evidence."""
        from tallystick.models.binning.plot import draw

        return draw(self._variable(column))

    def _encoded(self, X: Columns) -> Floats:
        frame = self._columns(X)
        return encode(frame, [variable.feature for variable in self.variables_], "F")

    def _variable(self, column: str) -> Variable:
        check_is_fitted(self)
        for variable in self.variables_:
            if variable.feature.name == column:
                return variable
        raise DataError(WORDS("bins.column", name=column, allowed=", ".join(self._inputs)))


def _places(periods: Any, kept: Ints) -> Ints:
    given = periods.to_numpy() if hasattr(periods, "to_numpy") else np.asarray(periods)
    if given.ndim != 1 or given.size <= kept[-1]:
        raise DataError(WORDS("bins.periods", rows=kept.size))
    return np.unique(given[kept], return_inverse=True)[1].astype(np.int64)
