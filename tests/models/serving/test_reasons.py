"""Reasons: what each label cost of the final score, whichever part moved it, to the point."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.conftest import lender
from tests.models.serving.make import APPROVED_AT, BOTH, LABELS, SPLIT, build

from tallystick.models import LayeredClassifier, Model, Score, TreeOptions
from tallystick.models.frames import Floats, encode
from tallystick.models.serving.kernels import whole_points
from tallystick.models.trees import explain

KINDS = {"card": {"scorecard": LABELS}, "trees": {"trees": LABELS}, "both": BOTH, "parts": SPLIT}


def on_the_line(model: Model, stack: float) -> int:
    """The points of a stack's log-odds under isotonic calibration."""
    scale = model.definition.scale
    return math.floor(scale.offset - scale.factor * stack + 0.5)


def lost_in_all(model: Model, score: Score) -> int:
    steps = model.definition.branches[""].calibration.kind == "isotonic"
    reached = on_the_line(model, float(score.raw["stack_log_odds"])) if steps else score.points
    return model.baseline_points - reached


def brought(model: Model, frame: pl.DataFrame) -> Floats:
    """What each label brings to the stack's log-odds, less its baseline, by the definition of it."""
    definition, branch = model.definition, model.definition.branches[""]
    matrix = encode(frame, definition.features)
    shares = np.zeros(matrix.shape)
    for part in branch.parts:
        weight, reads = branch.stack.weights[part.name], list(part.reads)
        if part.card is None:
            background = model.backgrounds["", part.name]
            own = explain(model.forests["", part.name], background, np.ascontiguousarray(matrix[:, reads]))
        else:
            own = -part.card.points_of(matrix[:, reads]) / part.card.scale.factor
        shares[:, reads] += weight * own
    less: Floats = shares - np.array(branch.baseline)
    return less


@given(st.lists(st.floats(-300, 300) | st.sampled_from([0.0, 0.5, -0.5, 2.5])), st.booleans())
def test_whole_points_add_up(shares: list[float], up: bool) -> None:
    """The points add up to the difference of the two rounded totals; each is its share rounded up or down; 0 stays."""
    given_shares, out, plain = np.array(shares, dtype=float), *(np.empty(len(shares), dtype=np.int64) for _ in "ab")
    exact = math.fsum(shares)
    total = math.ceil(exact) if up else math.floor(exact)
    whole_points(given_shares, total, out)
    assert all(points in (math.floor(x), math.ceil(x)) for points, x in zip(out.tolist(), shares, strict=True))
    if abs(exact - round(exact)) > 1e-9 or exact == round(exact):
        assert sum(out.tolist()) == total
    for a, x in zip(out.tolist(), shares, strict=True):
        assert all(a <= b for b, y in zip(out.tolist(), shares, strict=True) if x < y)
    whole_points.py_func(given_shares, total, plain)  # type: ignore[attr-defined]
    assert plain.tolist() == out.tolist()


@pytest.mark.parametrize("calibration", ["platt", "beta", "isotonic"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_losses_less_gains_are_the_distance(kind: str, calibration: str, newcomers: pl.DataFrame) -> None:
    """All parts and calibrations: whole points add up exactly, and each is its share rounded up or down."""
    model = build(lender(1_500, 5), parts=KINDS[kind], calibration=calibration)
    lost, shares = model.explain_columns(newcomers).to_numpy(), brought(model, newcomers)
    for row, whole, own in zip(newcomers.iter_rows(named=True), lost.tolist(), shares, strict=True):
        score = model.score(row)
        assert sum(whole) == lost_in_all(model, score)
        listed = [(reason.label, reason.points_lost, reason.value) for reason in score.reasons]
        assert sorted(listed, key=lambda said: -said[1]) == listed
        assert {label: points for label, points, _ in listed} == {
            label: points for label, points in zip(LABELS, whole, strict=True) if points > 0
        }
        assert all(value is row[label] for label, _, value in listed)
        per_log_odds = sum(whole) / own.sum() if abs(own.sum()) > 1.0 else 0.0
        if per_log_odds:
            assert np.all(np.abs(whole - per_log_odds * own) < 1.0 + np.abs(own / own.sum()))


@pytest.mark.parametrize("kind", list(KINDS))
def test_against_the_best_nobody_gains(kind: str) -> None:
    """No development row gains, so that its listed losses and its points are the best's points."""
    frame = lender(600, 5)
    model = build(frame, parts=KINDS[kind], baseline="best")
    assert model.explain_columns(frame).min_horizontal().min() == 0
    for row in frame.head(200).iter_rows(named=True):
        score = model.score(row)
        assert score.points + sum(reason.points_lost for reason in score.reasons) == model.baseline_points


@pytest.mark.parametrize("baseline", ["average", "approved"])
def test_the_baseline_is_the_mean_of_its_population(baseline: str) -> None:
    """What the labels of those rows bring is, on average, nothing more than the baseline, cards and trees alike."""
    frame = lender(1_500, 5)
    model = build(frame, parts=SPLIT, baseline=baseline)
    chosen = frame if baseline == "average" else frame.filter(model.score_columns(frame)["points"] >= APPROVED_AT)
    assert (0 < chosen.height < frame.height) == (baseline == "approved")
    assert brought(model, chosen).mean(axis=0) == pytest.approx(0.0, abs=1e-9)
    gap = brought(model, chosen).sum(axis=1).mean()
    assert gap == pytest.approx(0.0, abs=1e-9)


def test_a_scorecard_loses_its_own_points() -> None:
    """Its losses are those of its bins against the mean of the approved, on the scale of the final points."""
    frame = lender(1_500, 5)
    model = build(frame, parts={"card": LABELS}, baseline="approved")
    branch = model.definition.branches[""]
    card = branch.parts[0].card
    assert card is not None
    stretch = branch.stack.weights["card"] * branch.calibration.slope
    approved = frame.filter(model.score_columns(frame)["points"] >= APPROVED_AT)
    mean = card.points_of(encode(approved, model.definition.features)).mean(axis=0)
    for row in frame.head(300).iter_rows(named=True):
        for reason in model.score(row).reasons:
            place = LABELS.index(reason.label)
            texts = [card.variables[place].bin_text(i) for i in range(card.variables[place].size)]
            own = card.points[place][texts.index(reason.bin_text)]
            assert abs(reason.points_lost - stretch * (mean[place] - own)) < 1


def test_texts_say_where_the_value_stands(newcomers: pl.DataFrame) -> None:
    """A label of a scorecard by its bin; one that trees alone read by its category or its side of the typical value."""
    frame = lender(1_500, 5)
    model = build(frame, parts={"card": ("usage",), "trees": LABELS})
    branch = model.definition.branches[""]
    typical = dict(zip(LABELS, branch.typical, strict=True))
    assert typical == {
        "usage": pytest.approx(frame["usage"].median(), abs=0.01),
        "late": 0.0,
        "salary": pytest.approx(frame["salary"].median(), rel=0.01),
        "job": None,
        "owner": frame["owner"].median(),
        "noise": pytest.approx(frame["noise"].median(), abs=0.01),
    }
    card = branch.parts[0].card
    assert card is not None
    bins = {card.variables[0].bin_text(i) for i in range(card.variables[0].size)}
    seen = set()
    for row in newcomers.iter_rows(named=True):
        for reason in model.score(row).reasons:
            seen.add(reason.label)
            value, middle = row[reason.label], typical[reason.label]
            if reason.label == "usage":
                assert reason.bin_text in bins
            elif value is None:
                assert reason.bin_text == "missing"
            elif reason.label == "job":
                assert reason.bin_text in (value, "other", "missing")
            else:
                side = "=" if value == middle else (">" if value > middle else "<")
                assert reason.bin_text.startswith(f"{side} ")
    assert seen >= {"usage", "late", "salary", "job"}


def test_a_reason_is_what_the_trees_saw() -> None:
    """A payment is bad when country and currency disagree: no label alone shows it, so a scorecard cannot.

    Where the two disagree, the reasons name them both alike, though the scorecard takes no point for them.
    """
    rng = np.random.default_rng(11)
    country, currency = rng.integers(0, 2, (2, 4000))
    late = rng.poisson(0.5, 4000)
    risk = -2.5 + 3.5 * (country != currency) + 0.3 * late
    frame = pl.DataFrame({"late": late, "country": country, "currency": currency})
    bad = rng.uniform(size=4000) < 1 / (1 + np.exp(-risk))
    model = LayeredClassifier(("scorecard", "trees"), trees=TreeOptions(rounds=60)).fit(frame, bad).model_
    for home, paid in ((0, 1), (1, 0)):
        reasons = model.score({"late": 0, "country": home, "currency": paid}).reasons
        lost = {reason.label: reason.points_lost for reason in reasons}
        assert set(lost) == {"country", "currency"}
        assert min(lost.values()) > 10
        assert max(lost.values()) < 2 * min(lost.values())
    calm = model.score({"late": 0, "country": 1, "currency": 1})
    assert sum(reason.points_lost for reason in calm.reasons) < 5
