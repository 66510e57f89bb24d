"""Scorecards: which variables enter, integer points, their probability, and what they cost against the approved."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tallystick.core import InputError
from tallystick.core.numeric import log, sigmoid
from tallystick.models import BinOptions, CardOptions, LeftOut, Scale, Scorecard
from tallystick.models.frames import encode
from tallystick.models.scorecard.fit import DIRECTIONS, STEPWISE
from tallystick.models.scorecard.words import WORDS


def left_out(labels: pl.DataFrame, y: pl.Series, **options: Any) -> dict[str, LeftOut]:
    table = Scorecard(card=CardOptions(**options)).fit(labels, y).table_
    dead = {v.feature.name for v, points in zip(table.variables, table.points, strict=True) if not any(points)}
    found = {left.label: left for left in table.left_out}
    assert set(found) == dead
    assert all(left.text("en") and left.text("zh") for left in table.left_out)
    return found


def test_points_add_up_and_speak_of_odds(applicants: pl.DataFrame) -> None:
    """The total is base plus one whole number for each label; 600 points are odds of 50:1, 20 more double them."""
    labels = applicants.drop("bad")
    card = Scorecard().fit(labels, applicants["bad"])
    total = card.points(labels)
    assert total.dtype == np.int64
    table = card.score_table()
    assert table["points"].dtype == pl.Int64
    assert set(table["label"]) == set(labels.columns)
    matrix = encode(labels, [v.feature for v in card.table_.variables])
    assert (card.table_.base + card.table_.points_of(matrix).sum(axis=1) == total).all()
    scale = Scale()
    assert scale.log_odds_good(600) == pytest.approx(log(50.0), abs=1e-14)
    assert scale.log_odds_good(620) == pytest.approx(log(100.0), abs=1e-14)
    bad = card.predict_proba(labels)[:, 1]
    assert bad[0] == sigmoid((scale.offset - float(total[0])) / scale.factor)
    assert np.all(np.diff(bad[np.argsort(total, kind="stable")]) <= 0)


@pytest.mark.parametrize("monotone", ["none", "auto", "weighed"])
def test_points_never_contradict_the_evidence(applicants: pl.DataFrame, monotone: Any) -> None:
    """A bin with a higher event rate never has more points than one with a lower; a wrong-signed label has none."""
    labels = applicants.drop("bad").with_columns(echo=pl.col("late") * 2 + 1)
    card = Scorecard(monotone=monotone, card=CardOptions(ridge=0.0)).fit(labels, applicants["bad"])
    table = card.score_table().filter(pl.col("rows") > 0)
    for _, bins in table.group_by("label"):
        ordered = bins.sort("event_rate")["points"].to_list()
        assert ordered == sorted(ordered, reverse=True)


def test_free_signs_are_those_of_logistic_regression(applicants: pl.DataFrame) -> None:
    """Without signs, limits and penalty the slopes are scikit-learn's on the same weights of evidence."""
    labels = applicants.drop("bad")
    card = Scorecard(card=CardOptions(ridge=0.0, signs="free")).fit(labels, applicants["bad"])
    variables = card.table_.variables
    woe = np.column_stack([np.asarray(v.woe)[place] for v, place in zip(variables, _bins(card, labels).T, strict=True)])
    peer = LogisticRegression(C=np.inf, tol=1e-12, max_iter=5_000).fit(woe, ~applicants["bad"].to_numpy())
    assert card.table_.slopes == pytest.approx(peer.coef_[0], abs=1e-5)


@pytest.mark.parametrize("stepwise", ["none", "aic"])
def test_free_signs_never_turn_a_declared_way_round(stepwise: Any) -> None:
    """A label that the regression would turn against its declared way brings no points, though signs are free."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=3_000)
    echo = x + 0.3 * rng.normal(size=3_000)
    bad = rng.uniform(size=3_000) < 1 / (1 + np.exp(1 + x - 2 * echo))
    free = CardOptions(ridge=0.0, signs="free", stepwise=stepwise)
    turned = Scorecard(card=free).fit({"x": x, "echo": echo}, bad)
    assert turned.table_.slopes[0] < 0.0
    held = Scorecard(card=free, monotone={"x": "ascending", "echo": "auto"}).fit({"x": x, "echo": echo}, bad)
    assert held.table_.slopes[0] == 0.0
    assert held.table_.slopes[1] > 0.0


def test_weights_count_as_copies_in_bic() -> None:
    """A row of weight 3 asks as much of a step as three rows do."""
    rng = np.random.default_rng(4)
    noise = [rng.normal(size=400) for _ in range(30)]
    frame = pl.DataFrame({f"n{i}": column for i, column in enumerate(noise)})
    bad = rng.uniform(size=400) < 0.4
    options: dict[str, Any] = {"card": CardOptions(stepwise="bic", direction="forward"), "monotone": "none"}
    weighed = Scorecard(**options).fit(frame, bad, np.full(400, 3.0)).table_
    copied = Scorecard(**options).fit(pl.concat([frame] * 3), np.tile(bad, 3)).table_
    assert weighed.points == copied.points


def _bins(card: Scorecard, labels: pl.DataFrame) -> np.ndarray:
    """The bin of every cell by its definition: the first upper edge that is not below, missing last."""
    variables = card.table_.variables
    matrix = encode(labels, [v.feature for v in variables])
    out = np.empty(matrix.shape, dtype=int)
    for i, v in enumerate(variables):
        for row, value in enumerate(matrix[:, i].tolist()):
            above = [place for place, edge in enumerate(v.edges) if value <= edge]
            out[row, i] = v.size - 1 if value != value else above[0] if above else len(v.edges)
    return out


def test_a_penalty_shrinks_and_the_lasso_empties(applicants: pl.DataFrame) -> None:
    """More ridge, smaller slopes; enough lasso leaves the strong labels alone, and says so."""
    labels, y = applicants.drop("bad"), applicants["bad"]
    sizes = [sum(Scorecard(card=CardOptions(ridge=r)).fit(labels, y).table_.slopes) for r in (0.0, 50.0, 1000.0)]
    assert sizes[0] > sizes[1] > sizes[2]
    found = left_out(labels, y, lasso=30.0)
    assert "usage" not in found
    assert {left.reason for left in found.values()} <= {"slope", "signal"}
    assert len(found) > len(left_out(labels, y))


def test_what_says_too_little_stays_out(applicants: pl.DataFrame) -> None:
    """Below the least information value a label brings nothing; the figure and the limit are told."""
    found = left_out(applicants.drop("bad"), applicants["bad"], min_iv=0.05)
    assert "noise" in found
    assert "usage" not in found
    told = found["owner"]
    assert told.reason in ("iv", "signal")
    for left in found.values():
        assert left.reason != "iv" or left.value < left.limit == 0.05


def test_of_two_alike_the_better_stays(applicants: pl.DataFrame) -> None:
    """Of usage and a noisy copy of it the one of less information value is left out, and the other is named."""
    rng = np.random.default_rng(0)
    copy = applicants["usage"].to_numpy() + rng.normal(0, 0.05, applicants.height)
    labels = applicants.drop("bad").with_columns(copy=pl.Series(copy).fill_nan(None))
    found = left_out(labels, applicants["bad"], max_correlation=0.7)
    values = {v.feature.name: v.iv for v in Scorecard().fit(labels, applicants["bad"]).table_.variables}
    worse, better = sorted(("usage", "copy"), key=lambda name: values[name])
    assert (found[worse].reason, found[worse].other) == ("correlation", better)
    assert found[worse].value > 0.7
    assert better not in found


def test_inflated_variance_goes(applicants: pl.DataFrame) -> None:
    """Copies of a label go until every variance inflation is within the limit; the best of exact copies stays."""
    labels = applicants.drop("bad").with_columns(copy=pl.col("usage"), third=pl.col("usage") + 1)
    found = left_out(labels, applicants["bad"], max_vif=4.0)
    assert {label for label, left in found.items() if left.reason == "vif"} >= {"copy", "third"} - {"usage"}
    assert len({"usage", "copy", "third"} - set(found)) == 1


@pytest.mark.parametrize("criterion", STEPWISE[1:])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_steps_take_signal_and_leave_noise(criterion: Any, direction: Any) -> None:
    """Of two labels with signal and six of noise every criterion takes the two; BIC and a small p-value hardly more."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3_000, 8))
    y = rng.uniform(size=3_000) < 1 / (1 + np.exp(1 - x[:, 0] - 0.6 * x[:, 1]))
    labels = pl.DataFrame(x, schema=[f"x{i}" for i in range(8)])
    found = left_out(labels, pl.Series(y), stepwise=criterion, direction=direction, max_pvalue=0.001)
    assert not {"x0", "x1"} & set(found)
    if criterion != "aic":
        assert len(found) >= 5
    assert {left.reason for left in found.values()} <= {"criterion", "signal", "slope", "rounding"}


def test_losses_add_up_against_the_approved(applicants: pl.DataFrame) -> None:
    """Points lost per label are whole and sum to mean points of the approved − points of the row, for every row."""
    labels = applicants.drop("bad")
    card = Scorecard(approved_at=540).fit(labels, applicants["bad"])
    lost, points = card.points_lost(labels), card.points(labels)
    assert set(lost.dtypes) == {pl.Int64}
    at_baseline = card.table_.base + sum(card.baseline_)
    assert (lost.sum_horizontal().to_numpy() == at_baseline - points).all()
    approved = points >= 540
    assert at_baseline == pytest.approx(points[approved].mean(), abs=0.51)
    mean = card.table_.points_of(encode(labels, [v.feature for v in card.table_.variables]))[approved].mean(axis=0)
    assert np.abs(np.array(card.baseline_) - mean).max() < 1.0
    nobody = Scorecard(approved_at=10**6).fit(labels, applicants["bad"])
    assert nobody.baseline_ == Scorecard().fit(labels, applicants["bad"]).baseline_


def test_a_shape_is_free_only_where_the_rows_say_so() -> None:
    """A wave in 20,000 rows is followed, in 300 it is not; auto never follows it."""
    rng = np.random.default_rng(4)
    x = rng.uniform(0, 1, 20_000)
    y = rng.uniform(size=x.size) < 0.3 + 0.2 * np.sin(12.0 * x)

    def shape(rows: int, monotone: Any) -> str:
        return Scorecard(monotone=monotone).fit({"x": x[:rows]}, y[:rows]).table_.variables[0].monotone

    assert shape(20_000, "weighed") == "none"
    assert shape(20_000, "auto") != "none"
    assert shape(300, "weighed") == shape(300, "auto")
    mixed = Scorecard(monotone={"x": "weighed", "z": "ascending"}).fit({"z": x, "x": x}, y).table_.variables
    assert [v.monotone for v in mixed] == ["ascending", "none"]


def test_special_values_have_their_own_points() -> None:
    """−1 means "never late" and is safest, far from what a number below 0 would be."""
    rng = np.random.default_rng(1)
    days = np.where(rng.uniform(size=4_000) < 0.3, -1, rng.integers(0, 60, 4_000))
    y = rng.uniform(size=4_000) < np.where(days == -1, 0.02, 0.5 - days / 150)
    card = Scorecard(specials={"days": (-1,)}).fit({"days": days}, y)
    never, soon, late = card.points({"days": [-1, 0, 59]}).tolist()
    assert never > late > soon
    assert card.table_.variables[0].specials == (-1.0,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ridge": -1.0},
        {"lasso": float("nan")},
        {"signs": "any"},
        {"min_iv": -0.1},
        {"max_correlation": 0.0},
        {"max_vif": 0.5},
        {"stepwise": "AIC"},
        {"direction": "up"},
        {"max_pvalue": 0.0},
    ],
)
def test_options_out_of_range_are_refused(applicants: pl.DataFrame, wrong: dict[str, Any]) -> None:
    """The option, what was given and what is allowed stand in the error."""
    with pytest.raises(InputError, match=next(iter(wrong))) as caught:
        Scorecard(card=CardOptions(**wrong)).fit(applicants.drop("bad"), applicants["bad"])
    assert caught.value.code == "card.option"


@pytest.mark.parametrize(
    "wrong", [{"pdo": 0.0}, {"pdo": float("nan")}, {"base_odds": -1.0}, {"base_score": float("inf")}]
)
def test_scales_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    """Points to double the odds and base odds are above 0; whole numbers are read as the doubles they are."""
    with pytest.raises(InputError, match=next(iter(wrong))):
        Scale(**wrong)
    assert isinstance(Scale(600, 20, 40).pdo, float)


def test_a_card_without_a_label_scores_all_alike() -> None:
    """Where nothing tells good from bad every row gets the base points, and every label is said to be left out."""
    card = Scorecard().fit({"same": [1.0] * 200}, [0, 1] * 100)
    assert [left.reason for left in card.table_.left_out] == ["signal"]
    assert set(card.points({"same": [1.0, None, 7.0]}).tolist()) == {card.table_.base}
    for stepwise in STEPWISE:
        options: dict[str, Any] = {"stepwise": stepwise, "max_vif": 5.0}
        again = Scorecard(card=CardOptions(**options)).fit({"same": [1.0] * 200}, [0, 1] * 100)
        assert again.table_.base == card.table_.base


def test_clone_and_parameters() -> None:
    """scikit-learn can copy the estimator and change its settings."""
    assert clone(Scorecard(pdo=40.0)).get_params()["pdo"] == 40.0
    assert clone(Scorecard(card=CardOptions(lasso=2.0))).card == CardOptions(lasso=2.0)
    assert Scorecard().set_params(max_bins=4).max_bins == 4
    assert Scorecard().max_prebins == BinOptions().max_prebins


def test_every_message_is_in_both_languages() -> None:
    """No reason for leaving a variable out lacks its words."""
    for reason in ("signal", "iv", "correlation", "vif", "criterion", "slope", "rounding"):
        assert f"card.out_{reason}" in WORDS
        assert LeftOut("x", reason).text("zh") != LeftOut("x", reason).text("en")


def test_fine_bins_going_one_way_beat_coarse_ones(applicants: pl.DataFrame, newcomers: pl.DataFrame) -> None:
    """On small made-up data the defaults rank new rows no worse than eight bins of any shape."""
    labels, y = applicants.drop("bad"), applicants["bad"].to_numpy()
    first, second = slice(0, 1_000), slice(1_000, 2_000)
    ours = Scorecard().fit(labels[first], y[first]).predict_proba(labels[second])[:, 1]
    coarse = Scorecard(max_bins=8, min_share=0.05, monotone="none", card=CardOptions(ridge=0.0))
    peer = coarse.fit(labels[first], y[first]).predict_proba(labels[second])[:, 1]
    assert roc_auc_score(y[second], ours) >= roc_auc_score(y[second], peer) - 0.002
    assert Scorecard().fit(labels, y).points(newcomers).size == newcomers.height
