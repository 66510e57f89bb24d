"""One contract for every estimator of models: scikit-learn's own checks, and its ways of combining estimators."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from tallystick.core import InputError
from tallystick.models import BoostedTrees, LayeredClassifier, OptimalBinner, Scorecard, TreeOptions

FEW = TreeOptions(rounds=10, leaves=4, min_rows=2)
ESTIMATORS = {
    "OptimalBinner": OptimalBinner(),
    "OptimalBinner auto": OptimalBinner(monotone="auto", min_events=1, max_prebins=16),
    "Scorecard": Scorecard(min_events=1),
    "BoostedTrees": BoostedTrees(rounds=5),
    "LayeredClassifier": LayeredClassifier(additive=FEW, trees=FEW, extra=FEW, folds=2),
}
LABELS = ["usage", "late", "salary", "job", "owner", "noise"]
NUMBERS = ["usage", "late", "salary", "noise"]
# What needs more of scikit-learn than this machine has.
SKIPPED = {"check_array_api_input"}
# A row of weight 2 lies in one fold, two copies of it may lie in two: out-of-fold scores differ by design.
BY_DESIGN = {"LayeredClassifier": {"check_sample_weight_equivalence_on_dense_data"}}


def answer(estimator: Any, X: Any) -> Any:
    return estimator.predict_proba(X) if is_classifier(estimator) else estimator.transform(X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_scikit_learn_finds_no_fault(name: str) -> None:
    """Every check of `check_estimator` but those that fail by design."""
    found = check_estimator(ESTIMATORS[name], on_skip=None, on_fail=None)
    assert len(found) > 40
    failed = {line["check_name"]: repr(line["exception"]) for line in found if line["status"] != "passed"}
    assert {check: why for check, why in failed.items() if check not in SKIPPED | BY_DESIGN.get(name, set())} == {}


@pytest.fixture(params=sorted(ESTIMATORS))
def estimator(request: pytest.FixtureRequest) -> Any:
    return clone(ESTIMATORS[request.param])


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_an_option_for_a_column_that_is_not_there_is_refused(name: str, applicants: pl.DataFrame) -> None:
    """A misspelt column would leave its direction unenforced, and its codes among the values."""
    for option, value in (("monotone", "ascending"), ("specials", (-1,))):
        if option in ESTIMATORS[name].get_params():
            estimator = clone(ESTIMATORS[name]).set_params(**{option: {"usge": value}})
            with pytest.raises(InputError, match=r"usge.* (allowed|given): usage"):
                estimator.fit(applicants.select(LABELS), applicants["bad"])


def test_every_kind_of_table_gives_the_same_answer(estimator: Any, applicants: pl.DataFrame) -> None:
    """Polars, pandas, a mapping of columns, and an array of numbers: the same bits."""
    labels, y = applicants.select(LABELS), applicants["bad"]
    expected = answer(estimator.fit(labels, y), labels)
    columns = {name: labels[name].to_list() for name in reversed(LABELS)}
    theirs = pd.DataFrame({name: labels[name].to_list() for name in LABELS})
    assert np.array_equal(answer(estimator, theirs), expected)
    assert np.array_equal(answer(estimator, columns), expected)
    assert np.array_equal(answer(clone(estimator).fit(theirs, pd.Series(y.to_list())), labels), expected)
    assert np.array_equal(answer(clone(estimator).fit(theirs.astype({"job": "category"}), y), labels), expected)
    assert estimator.feature_names_in_.tolist() == LABELS
    numbers = labels.select(NUMBERS)
    array = np.column_stack([numbers[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in NUMBERS])
    named = answer(clone(estimator).fit(numbers, y), numbers)
    unnamed = clone(estimator).fit(array, y.to_numpy())
    assert np.array_equal(answer(unnamed, array), named)
    assert np.array_equal(answer(unnamed, array.tolist()), named)
    assert not hasattr(unnamed, "feature_names_in_")
    mixed = labels.to_numpy().tolist()
    assert np.array_equal(answer(clone(estimator).fit(mixed, y), mixed), expected)


def test_any_two_classes_are_good_and_bad(estimator: Any, applicants: pl.DataFrame) -> None:
    """The second class in order is bad, whatever the two are called."""
    labels, y = applicants.select(LABELS), applicants["bad"].to_numpy()
    expected = answer(estimator.fit(labels, y), labels)
    for classes in (np.array([0, 1]), np.array(["good", "sad"]), np.array([-1.0, 2.0])):
        other = clone(estimator).fit(labels, classes[y.astype(int)])
        assert np.array_equal(answer(other, labels), expected)
        assert np.array_equal(other.classes_, classes)
        if is_classifier(other):
            assert set(other.predict(labels)) <= set(classes)


def test_estimators_go_where_scikit_learn_puts_them(estimator: Any, applicants: pl.DataFrame) -> None:
    """Clone, pipeline, cross-validation, grid search and pickle."""
    labels, y = applicants.select(LABELS).to_pandas(), applicants["bad"].to_numpy()
    whole = estimator if is_classifier(estimator) else make_pipeline(estimator, LogisticRegression())
    scores = cross_val_score(whole, labels, y, cv=3, scoring="roc_auc")
    assert scores.min() > 0.6
    option = next(name for name in ("rounds", "max_bins", "folds") if name in estimator.get_params())
    prefix = "" if whole is estimator else f"{whole.steps[0][0]}__"
    searched = GridSearchCV(whole, {prefix + option: [2, 6]}, cv=3, scoring="roc_auc").fit(labels, y)
    assert set(searched.best_params_) == {prefix + option}
    assert searched.best_score_ > 0.6
    fitted = clone(estimator).fit(labels, y)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(answer(again, labels), answer(fitted, labels))


def test_the_binner_names_its_columns() -> None:
    """`set_output` gives frames under the names of the columns."""
    binner = OptimalBinner(min_events=1).set_output(transform="polars")
    frame = binner.fit_transform(pl.DataFrame({"a": [1, 2, 3, 4], "b": [1, 1, 0, 0]}), [0, 1, 0, 1])
    assert frame.columns == ["a", "b"]


def test_columns_of_another_table_are_refused(estimator: Any, applicants: pl.DataFrame) -> None:
    """Absent, additional, reordered and missing columns are named; so is a call before the fit."""
    labels, y = applicants.select(LABELS), applicants["bad"]
    with pytest.raises(NotFittedError):
        answer(estimator, labels)
    estimator.fit(labels, y)
    for wrong, words in [
        (labels.drop("late"), "missing:\n- late"),
        (labels.with_columns(extra=1), "unseen at fit time:\n- extra"),
        (labels.select(reversed(LABELS)), "same order"),
        (labels.to_numpy()[:, :2], "2 features"),
        (labels.clear(), "0 sample"),
        (labels.with_columns(late=pl.lit("text")), "late"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            answer(estimator, wrong)
        assert isinstance(caught.value, ValueError)
        assert caught.value.text("zh") != caught.value.text()


def test_bad_data_is_refused_or_defined(estimator: Any, applicants: pl.DataFrame) -> None:
    """Constant, all missing and infinite columns carry no evidence and break nothing."""
    labels, y = applicants.select(LABELS), applicants["bad"]
    odd = labels.with_columns(
        same=pl.lit(1.0),
        gone=pl.lit(None, dtype=pl.Float64),
        gone_text=pl.lit(None, dtype=pl.String),
        vast=pl.when(pl.col("late") > 1).then(float("inf")).otherwise(float("-inf")),
    )
    found = answer(clone(estimator).fit(odd, y), odd)
    assert np.isfinite(found).all()
    for weights in (np.full(y.len(), -1.0), np.full(y.len(), np.nan), np.ones(3), np.zeros(y.len())):
        with pytest.raises(InputError, match="weight"):
            clone(estimator).fit(labels, y, weights)
