"""The peers, each with its own defaults and one thread: a fit on some rows, probabilities for others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import lightgbm
import numpy as np
import polars as pl
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray
from optbinning import BinningProcess
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Rows: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Fit: TypeAlias = Callable[[Any, Floats, Rows, Rows], Floats]
"""fit(frame, y, known, held): train on the rows `known`, answer the probability of the event for the rows `held`."""


def as_pandas(frame: pl.DataFrame) -> Any:
    """The frame as pandas, texts as categories that are the same in every fold."""
    table = frame.to_pandas()
    for name, kind in zip(frame.columns, frame.dtypes, strict=True):
        if kind == pl.String:
            table[name] = table[name].astype("category")
    return table


def histogram_boosting(table: Any, y: Floats, known: Rows, held: Rows) -> Floats:
    fitted = HistGradientBoostingClassifier(random_state=0).fit(table.iloc[known], y[known])
    return np.asarray(fitted.predict_proba(table.iloc[held])[:, 1])


def light_boosting(table: Any, y: Floats, known: Rows, held: Rows) -> Floats:
    fitted = lightgbm.LGBMClassifier(n_jobs=1, verbosity=-1, random_state=0).fit(table.iloc[known], y[known])
    return np.asarray(fitted.predict_proba(table.iloc[held])[:, 1])


def explainable_boosting(table: Any, y: Floats, known: Rows, held: Rows) -> Floats:
    fitted = ExplainableBoostingClassifier(n_jobs=1, random_state=0).fit(table.iloc[known], y[known])
    return np.asarray(fitted.predict_proba(table.iloc[held])[:, 1])


def binned_regression(table: Any, y: Floats, known: Rows, held: Rows) -> Floats:
    texts = [name for name in table.columns if str(table[name].dtype) == "category"]
    plain = table.astype(dict.fromkeys(texts, object))
    process = BinningProcess(list(plain.columns), categorical_variables=texts)
    woe = process.fit_transform(plain.iloc[known], y[known])
    regression = LogisticRegression(max_iter=1000).fit(woe, y[known])
    return np.asarray(regression.predict_proba(process.transform(plain.iloc[held]))[:, 1])


PEERS: Mapping[str, Fit] = {
    "HistGB": histogram_boosting,
    "LightGBM": light_boosting,
    "optbinning + LR": binned_regression,
    "EBM": explainable_boosting,
}


def run(fit: Fit, table: Any, y: Floats, known: Rows, held: Rows) -> Floats:
    """Fit on one thread, without the warnings that a peer gives about itself."""
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        return fit(table, y, known, held)
