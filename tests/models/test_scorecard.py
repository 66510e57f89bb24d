"""Scorecards: integer points and their probability."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from tallystick.core.numeric import log, sigmoid
from tallystick.models import LayeredClassifier, Scale, Scorecard, TreeOptions
from tallystick.models.logistic import fit_logistic


def test_the_regression_is_that_of_scikit_learn(applicants: pl.DataFrame) -> None:
    """Newton's method and lbfgs find the same optimum of the same penalised likelihood."""
    z = applicants.select("late", "salary").to_numpy().astype(float)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    y = applicants["bad"].to_numpy().astype(float)
    weights = np.where(y == 1, 2.0, 1.0)
    ours = fit_logistic(z, y, weights, ridge=1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-12, max_iter=1000).fit(z, y, weights)
    assert ours.slopes == pytest.approx(theirs.coef_[0], abs=1e-6)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-6)


def test_points_add_up_and_speak_of_odds(applicants: pl.DataFrame) -> None:
    """The total is base plus one whole number for each label; 600 points are odds of 50:1, 20 more double them."""
    labels = applicants.drop("bad")
    card = Scorecard().fit(labels, applicants["bad"])
    total = card.points(labels)
    assert total.dtype == np.int64
    table = card.score_table()
    assert table["points"].dtype == pl.Int64
    assert set(table["label"]) == set(labels.columns)
    scale = Scale()
    assert scale.log_odds_good(600) == pytest.approx(log(50.0), abs=1e-14)
    assert scale.log_odds_good(620) == pytest.approx(log(100.0), abs=1e-14)
    bad = card.predict_proba(labels)[:, 1]
    assert bad[0] == sigmoid((scale.offset - float(total[0])) / scale.factor)
    assert np.all(np.diff(bad[np.argsort(total, kind="stable")]) <= 0)


def test_points_never_contradict_the_evidence(applicants: pl.DataFrame) -> None:
    """A bin with a higher event rate never has more points than one with a lower; a wrong-signed label has none."""
    labels = applicants.drop("bad").with_columns(echo=pl.col("late") * 2 + 1)
    table = Scorecard().fit(labels, applicants["bad"]).score_table().filter(pl.col("rows") > 0)
    for _, bins in table.group_by("label"):
        ordered = bins.sort("event_rate")["points"].to_list()
        assert ordered == sorted(ordered, reverse=True)


def test_clone_and_parameters() -> None:
    """scikit-learn can copy the estimators and change their settings."""
    assert clone(Scorecard(pdo=40.0)).get_params()["pdo"] == 40.0
    assert clone(LayeredClassifier(trees=TreeOptions(rounds=3))).trees == TreeOptions(rounds=3)
    assert Scorecard().set_params(max_bins=4).max_bins == 4
