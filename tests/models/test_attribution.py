"""Reasons: what each label cost of the final score, whichever layer moved it."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import TamperError
from tallystick.models import (
    Forest,
    LayeredClassifier,
    LayerOptions,
    Model,
    ReasonOptions,
    Score,
    TreeOptions,
    load,
    save,
)
from tallystick.models.attribution import add_layers, fit_baseline, whole_points
from tallystick.models.frames import encode
from tallystick.models.trees import forest_contributions

FEW = TreeOptions(rounds=15)
KINDS = [(("scorecard",), "platt"), (("trees",), "platt"), (("scorecard", "trees"), "platt"), (("trees",), "isotonic")]


def walked(forest: Forest, row: list[float]) -> tuple[list[list[float]], list[float]]:
    """The naive oracle: for each label the changes of value at its splits, and all numbers that were added."""
    steps: list[list[float]] = [[] for _ in row]
    starts = []
    for root in forest.roots.tolist():
        node = root
        starts.append(float(forest.values[root] if root >= 0 else forest.leaves[~root]))
        while node >= 0:
            label = int(forest.feature[node])
            if math.isnan(row[label]):
                side = int(forest.nan_child[node])
            else:
                side = 0 if row[label] <= forest.threshold[node] else 1
            child = int(forest.children[2 * node + side])
            after = float(forest.values[child] if child >= 0 else forest.leaves[~child])
            steps[label].append(after - float(forest.values[node]))
            node = child
    return steps, starts


def line_points(model: Model, stack: float) -> int:
    scale, line = model.definition.scale, model.definition.calibration
    return math.floor(scale.offset - scale.factor * (line.intercept + line.slope * stack) + 0.5)


def total_lost(model: Model, score: Score) -> int:
    return model.baseline_points - line_points(model, float(score.raw["stack_log_odds"]))


def test_contributions_of_trees_are_the_steps_of_the_paths(fitted: Model, newcomers: pl.DataFrame) -> None:
    """Each label's sum runs in tree order and then downwards; with the bias they give the raw score.

    The additions may round: by at most half an ulp each of what they add.
    """
    forest = fitted.forest
    assert forest is not None
    matrix = encode(newcomers, fitted.definition.features)
    got, raw = forest.contributions(matrix), forest.raw(matrix)
    for i in range(0, matrix.shape[0], 7):
        steps, starts = walked(forest, matrix[i].tolist())
        assert got[i].tolist() == [sum(of_label, 0.0) for of_label in steps]
        sizes = [abs(x) for of_label in steps for x in of_label] + [abs(x) for x in starts]
        bound = 4 * len(sizes) * 2.0**-53 * math.fsum(sizes)
        assert abs(math.fsum(got[i]) + forest.bias - raw[i]) <= bound < 1e-10


def test_a_row_has_the_bits_of_a_block_and_of_plain_python(fitted: Model, newcomers: pl.DataFrame) -> None:
    """One row, many rows, compiled or not: the written order of additions and no other."""
    matrix = encode(newcomers, fitted.definition.features)
    whole, points = fitted.contributions(matrix)
    assert points.tolist() == fitted.score_columns(newcomers)["points"].to_list()
    rows = np.concatenate([fitted.contributions(matrix[i : i + 1])[0] for i in range(matrix.shape[0])])
    assert rows.tobytes() == whole.tobytes()
    forest, few = fitted.forest, matrix[-12:]
    assert forest is not None
    plain = np.zeros(few.shape)
    forest_contributions.py_func(  # type: ignore[attr-defined]
        few,
        forest.roots,
        forest.feature,
        forest.threshold,
        forest.children,
        forest.nan_child,
        forest.values,
        forest.leaves,
        plain,
    )
    assert plain.tobytes() == forest.contributions(few).tobytes()
    bins, edge_at = np.array([[1, 0]] * 12), np.array([0, 1, 1])
    table, compiled = np.array([5, -7, 0, 3, 4]), plain.copy()
    add_layers(bins, edge_at, table, 28.85, 0.3, 0.7, compiled)
    add_layers.py_func(bins, edge_at, table, 28.85, 0.3, 0.7, plain)  # type: ignore[attr-defined]
    assert plain.tobytes() == compiled.tobytes()


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


@pytest.mark.parametrize(("layers", "calibration"), KINDS)
def test_losses_are_exactly_the_distance_from_the_best(
    layers: tuple[str, ...], calibration: str, applicants: pl.DataFrame
) -> None:
    """Against the best, no development row gains, so that its listed losses and its points are the best's points."""
    labels = applicants.drop("bad")
    classifier = LayeredClassifier(layers, calibration, trees=FEW, reasons=ReasonOptions("best"))  # type: ignore[arg-type]
    model = classifier.fit(labels, applicants["bad"]).model_
    for row in labels.head(300).iter_rows(named=True):
        score = model.score(row)
        losses = [reason.points_lost for reason in score.reasons]
        assert sum(losses) == total_lost(model, score)
        if calibration == "platt":
            assert score.points + sum(losses) == model.baseline_points
        assert losses == sorted(losses, reverse=True)
        assert all(reason.value == row[reason.label] for reason in score.reasons)
        assert all((reason.bin_text != "") == ("scorecard" in layers) for reason in score.reasons)


def test_a_scorecard_alone_loses_its_own_points(applicants: pl.DataFrame) -> None:
    """Its losses are those of its bins against the best seen, on the scale of the final points."""
    labels = applicants.drop("bad")
    model = LayeredClassifier(("scorecard",), reasons=ReasonOptions("best")).fit(labels, applicants["bad"]).model_
    card, definition = model.definition.scorecard, model.definition
    assert card is not None
    stretch = definition.stack.weights["scorecard"] * definition.calibration.slope
    best = [
        max(p for p, n in zip(points, v.rows, strict=True) if n)
        for points, v in zip(card.points, card.variables, strict=True)
    ]
    for row in labels.head(200).iter_rows(named=True):
        lost = {reason.label: reason for reason in model.score(row).reasons}
        for place, variable in enumerate(card.variables):
            found = lost.get(variable.feature.name)
            texts = [variable.bin_text(i) for i in range(len(variable.woe))]
            if found is not None:
                own = card.points[place][texts.index(found.bin_text)]
                assert abs(found.points_lost - stretch * (best[place] - own)) < 1


@pytest.mark.parametrize("baseline", ["average", "approved"])
def test_losses_less_gains_are_the_distance_from_the_typical(
    baseline: str, applicants: pl.DataFrame, newcomers: pl.DataFrame
) -> None:
    """Every listed loss is the label's share rounded, every share of more than a point is listed, most first."""
    labels = applicants.drop("bad")
    options = ReasonOptions(baseline, 530)  # type: ignore[arg-type]
    model = LayeredClassifier(trees=FEW, reasons=options).fit(labels, applicants["bad"]).model_
    brought, points = model.contributions(encode(labels, model.definition.features))
    chosen = points >= (530 if baseline == "approved" else -(10**6))
    assert chosen.sum() > 0
    assert model.definition.baseline == pytest.approx(brought[chosen].mean(axis=0), abs=1e-12)
    brought, _ = model.contributions(encode(newcomers, model.definition.features))
    stretch = model.definition.scale.factor * model.definition.calibration.slope
    order = {label: place for place, label in enumerate(model.labels)}
    for row, own in zip(newcomers.iter_rows(named=True), brought, strict=True):
        score = model.score(row)
        shares = dict(zip(model.labels, (stretch * (own - np.array(model.definition.baseline))).tolist(), strict=True))
        listed = {reason.label: reason.points_lost for reason in score.reasons}
        assert all(lost in (math.floor(shares[label]), math.ceil(shares[label])) for label, lost in listed.items())
        assert {label for label, share in shares.items() if share >= 1} <= set(listed)
        assert list(listed) == sorted(listed, key=lambda label: (-listed[label], order[label]))
        gains = [share for label, share in shares.items() if label not in listed]
        assert sum(listed.values()) + sum(map(math.floor, gains)) <= total_lost(model, score)
        assert sum(listed.values()) + sum(map(math.ceil, gains)) >= total_lost(model, score)


def test_the_reason_is_what_the_trees_saw() -> None:
    """A payment is bad when country and currency disagree: no label alone shows it, so the scorecard cannot.

    Where the two disagree, the reasons name them, though the scorecard takes no point for them.
    """
    rng = np.random.default_rng(11)
    country, currency = rng.integers(0, 2, (2, 4000))
    late = rng.poisson(0.5, 4000)
    risk = -2.5 + 3.5 * (country != currency) + 0.3 * late
    frame = pl.DataFrame({"late": late, "country": country, "currency": currency})
    model = LayeredClassifier(trees=TreeOptions(rounds=60)).fit(frame, rng.uniform(size=4000) < 1 / (1 + np.exp(-risk)))
    card = model.model_.definition.scorecard
    assert card is not None
    assert all(abs(p) <= 2 for label in (1, 2) for p in card.points[label])
    assert model.model_.definition.stack.weights["trees"] > 0.8
    for home, paid in ((0, 1), (1, 0)):
        reasons = model.model_.score({"late": 0, "country": home, "currency": paid}).reasons
        assert {reason.label for reason in reasons} <= {"country", "currency"}
        assert reasons[0].points_lost > 20
    calm = model.model_.score({"late": 0, "country": 1, "currency": 1})
    assert sum(reason.points_lost for reason in calm.reasons) < 5


def test_baselines_weigh_their_rows() -> None:
    """A weighted mean of all, of the approved, of all where none is approved, or the least of each label."""
    brought = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, -1.0]])
    points, weights = np.array([500, 600, 620]), np.array([1.0, 1.0, 2.0])
    assert fit_baseline(brought, points, weights, ReasonOptions()) == (1.25, 0.5)
    assert fit_baseline(brought, points, weights, ReasonOptions("approved")) == pytest.approx((5 / 3, 1 / 3))
    assert fit_baseline(brought, points, weights, ReasonOptions("approved", 900)) == (1.25, 0.5)
    assert fit_baseline(brought, points, weights, ReasonOptions("best")) == (0.0, -1.0)
    assert LayerOptions().reasons.baseline == "average"


@settings(max_examples=50, deadline=None)
@given(row=st.fixed_dictionaries({"usage": st.none() | st.floats(), "late": st.none() | st.integers(-(2**63), 2**62)}))
def test_any_row_is_explained(fitted: Model, row: dict[str, object]) -> None:
    """Whatever the values, no loss is 0 or less and the losses reach at least the distance that there is."""
    score = fitted.score({**row, "salary": 9, "job": "pilot", "owner": None, "noise": None})
    assert all(reason.points_lost > 0 for reason in score.reasons)
    assert sum(reason.points_lost for reason in score.reasons) >= fitted.baseline_points - score.points


def test_a_baseline_that_does_not_fit_is_refused(fitted: Model, tmp_path: Path) -> None:
    """A stored model with fewer baselines than labels, or endless ones, is not opened though its hash is right."""
    kept, forged = (Model(fitted.definition, fitted.forest) for _ in "ab")
    for baseline in ((0.0,), (1.7e308,) * len(fitted.labels)):
        forged.definition = msgspec.structs.replace(fitted.definition, baseline=baseline)
        version = save(forged, tmp_path)
        with pytest.raises(TamperError):
            load(tmp_path / "model" / version)
    opened = load(tmp_path / "model" / save(kept, tmp_path))
    assert (opened.definition, opened.baseline_points) == (kept.definition, kept.baseline_points)
