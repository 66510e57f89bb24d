"""Reject inference: weights and draws as declared, bounds that hold for every outcome, movement that was planted."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tallystick.core import InputError
from tallystick.models.rejects import (
    METHODS,
    Learn,
    RejectOptions,
    auc_bounds,
    infer_rejects,
    reject_sensitivity,
)
from tallystick.models.validation.metrics import auc

Array = NDArray[Any]


def logistic(frame: pl.DataFrame, y: Array, weights: Array) -> Any:
    model = LogisticRegression(C=1e4, max_iter=500).fit(frame.to_numpy(), y, sample_weight=weights)
    return lambda other: model.predict_proba(other.to_numpy())[:, 1]


def applicants(rows: int, seed: int, hidden: float = 0.0) -> tuple[pl.DataFrame, Array, Array]:
    """Two labels; who was accepted hangs on both, and with `hidden` on what the lender saw and did not keep."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({"a": rng.normal(size=rows), "b": rng.normal(size=rows)})
    a, b = (frame[name].to_numpy() for name in ("a", "b"))
    seen = rng.normal(size=rows)
    bad = rng.uniform(size=rows) < 1 / (1 + np.exp(1.4 - a - 0.5 * b - hidden * seen))
    taken = a + 0.5 * b + hidden * seen + rng.normal(0, 0.5, rows) < 0.6
    return frame, bad.astype(float), taken


def parts(rows: int, seed: int, hidden: float = 0.0) -> tuple[pl.DataFrame, Array, pl.DataFrame, Array]:
    frame, bad, taken = applicants(rows, seed, hidden)
    return frame.filter(pl.Series(taken)), bad[taken], frame.filter(pl.Series(~taken)), bad[~taken]


@pytest.mark.parametrize("method", METHODS)
def test_each_method_adds_what_it_says(method: Any) -> None:
    accepted, y, rejected, _ = parts(4_000, 1)
    found = infer_rejects(logistic, accepted, y, rejected, options=RejectOptions(method, factor=2.0))
    extra = found.inferred
    assert found.y[~extra].tolist() == y.tolist()
    assert set(found.y) == {0.0, 1.0}
    pd = logistic(accepted, y, np.ones(y.size))(rejected)
    odds = 2 * pd / (1 - pd)
    if method in ("none", "reweighting"):
        assert not extra.any()
    else:
        assert found.weights[extra].sum() == pytest.approx(rejected.height)
    if method == "fuzzy":
        assert found.weights[extra][: rejected.height] == pytest.approx(odds / (1 + odds))
    if method == "cutoff":
        assert found.y[extra].tolist() == (odds >= 1).astype(float).tolist()
    if method == "parcelling":
        assert found.y[extra].mean() == pytest.approx((odds / (1 + odds)).mean(), abs=0.05)
        again = infer_rejects(logistic, accepted, y, rejected, options=RejectOptions(method, factor=2.0))
        assert again.y.tolist() == found.y.tolist()
    if method == "reweighting":
        assert found.weights.sum() == pytest.approx(accepted.height + rejected.height, rel=0.02)
        a = accepted["a"].to_numpy()
        assert found.weights[a > 1].mean() > 2 * found.weights[a < -1].mean()


def test_where_labels_tell_all_inference_recovers_everyone() -> None:
    """Selection on the labels alone: with factor 1 the bad rate of the refused is near the truth."""
    accepted, y, rejected, truth = parts(12_000, 3)
    found = reject_sensitivity(logistic, accepted, y, rejected, approval_rate=0.5, factors=(1.0,))
    assert found.suppositions[0].rejected_rate == pytest.approx(truth.mean(), abs=0.04)


def test_where_the_lender_knew_more_factor_one_flatters_and_the_bounds_hold() -> None:
    """What was seen and not kept: the truth lies at a higher factor, and inside the bounds."""
    accepted, y, rejected, truth = parts(12_000, 5, hidden=1.0)
    found = reject_sensitivity(logistic, accepted, y, rejected, approval_rate=0.6, factors=(1.0, 2.0, 4.0))
    one, two, four = found.suppositions
    assert one.rejected_rate < truth.mean() - 0.03
    assert one.rejected_rate < two.rejected_rate < four.rejected_rate
    assert one.approved_bad_rate < two.approved_bad_rate < four.approved_bad_rate
    assert one.correlation == pytest.approx(1.0)
    frame, everyone = pl.concat([accepted, rejected]), np.concatenate([y, truth])
    score = logistic(accepted, y, np.ones(y.size))(frame)
    assert found.auc_bounds[0] <= auc(score, everyone) <= found.auc_bounds[1]
    approved = np.argsort(score, kind="stable")[: int(0.6 * score.size)]
    assert found.bad_rate_bounds[0] <= everyone[approved].mean() <= found.bad_rate_bounds[1]
    assert str(rejected.height) in found.unknown.text("en")
    assert str(rejected.height) in found.unknown.text("zh")


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=6),
    st.lists(st.integers(0, 5), max_size=6),
)
def test_the_bounds_of_auc_are_those_of_all_outcomes(known: list[tuple[int, bool]], unknown: list[int]) -> None:
    """Every assignment of outcomes is tried: none leaves the bounds, and both are reached."""
    y = np.array([float(bad) for _, bad in known])
    if not 0 < y.sum() < y.size:
        return
    score = np.array([float(s) for s, _ in known])
    rest = np.array([float(s) for s in unknown])
    areas = [
        auc(np.concatenate([score, rest]), np.concatenate([y, np.array(outcome, dtype=float)]))
        for outcome in product((0.0, 1.0), repeat=rest.size)
    ]
    assert auc_bounds(score, y, rest) == pytest.approx((min(areas), max(areas)))
    # An accepted row of weight 2 is two rows.
    assert auc_bounds(score, y, rest, np.full(y.size, 2.0)) == pytest.approx(
        auc_bounds(np.repeat(score, 2), np.repeat(y, 2), rest)
    )


def test_a_weight_counts_as_so_many_rows() -> None:
    """Accepted rows of weight 2, or each of them twice: the same suppositions and the same bounds."""
    accepted, y, rejected, _ = parts(3_000, 7, hidden=1.0)
    twice = pl.concat([accepted, accepted])
    options: dict[str, Any] = {"approval_rate": 0.6, "factors": (1.0, 2.0)}
    heavy = reject_sensitivity(logistic, accepted, y, rejected, weights=np.full(y.size, 2.0), **options)
    long = reject_sensitivity(logistic, twice, np.concatenate([y, y]), rejected, **options)
    assert heavy.auc_bounds == pytest.approx(long.auc_bounds, abs=1e-4)
    assert heavy.auc_accepted == pytest.approx(long.auc_accepted, abs=1e-4)
    assert heavy.bad_rate_bounds == pytest.approx(long.bad_rate_bounds, abs=1e-3)
    for one, other in zip(heavy.suppositions, long.suppositions, strict=True):
        figures = ("rejected_rate", "auc", "approved_bad_rate", "swapped_in")
        assert [getattr(one, name) for name in figures] == pytest.approx(
            [getattr(other, name) for name in figures], abs=2e-3
        )
    assert heavy.unknown.params["share"] == long.unknown.params["share"]


def test_only_parcelling_asks_how_the_accepted_score() -> None:
    """Who scores what was learnt out of fold need not pay for it where nobody asks."""
    accepted, y, rejected, _ = parts(500, 2)
    for method in METHODS:
        asked: list[int] = []

        def learn(frame: pl.DataFrame, outcome: Array, weights: Array, asked: list[int] = asked) -> Any:
            predict = logistic(frame, outcome, weights)

            def watched(other: pl.DataFrame) -> Any:
                asked.append(other.height)
                return predict(other)

            return watched

        infer_rejects(learn, accepted, y, rejected, options=RejectOptions(method))
        whole = accepted.height + rejected.height
        wanted = {"none": [], "reweighting": [whole], "parcelling": [rejected.height, accepted.height]}
        assert asked == wanted.get(method, [rejected.height]), method


def test_bad_data_are_refused() -> None:
    accepted, y, rejected, _ = parts(300, 1)
    for wrong in (
        {"rejected": rejected.select("a")},
        {"rejected": rejected.select("b", "a")},
        {"y": np.zeros(y.size)},
        {"y": y[:-1]},
    ):
        given_: dict[str, Any] = {"accepted": accepted, "y": y, "rejected": rejected} | wrong
        with pytest.raises(InputError):
            infer_rejects(logistic, **given_)
    options: list[dict[str, Any]] = [
        {"method": "magic"},
        {"factor": 0.0},
        {"factor": float("nan")},
        {"bands": 1},
        {"cutoff": 1.0},
    ]
    for option in options:
        with pytest.raises(InputError):
            RejectOptions(**option)
    for rate, factors in ((0.0, (1.0,)), (0.5, ()), (1.5, (1.0,))):
        with pytest.raises(InputError):
            reject_sensitivity(logistic, accepted, y, rejected, approval_rate=rate, factors=factors)
    with pytest.raises(InputError):
        reject_sensitivity(logistic, accepted, y, rejected.clear(), approval_rate=0.5)
    none = infer_rejects(logistic, accepted, y, rejected.clear())
    assert none.frame.height == accepted.height


@pytest.mark.real
def test_german_loans_refused_by_amount(shared: Path) -> None:
    """Loans above 4,000 taken as refused: no accepted loan is alike, and the truth asks for a factor above 2."""
    frame = pl.read_csv(shared / "data" / "german.csv")
    bad = (frame["creditability"] == "bad").to_numpy().astype(float)
    labels = frame.select((pl.col("credit_amount") / 1000.0).log(), pl.col("duration_in_month") / 12.0)
    refused = (frame["credit_amount"] > 4_000).to_numpy()
    learn: Learn = logistic
    found = reject_sensitivity(
        learn,
        labels.filter(pl.Series(~refused)),
        bad[~refused],
        labels.filter(pl.Series(refused)),
        approval_rate=0.7,
        factors=(1.0, 2.0, 4.0),
    )
    print([(round(s.rejected_rate, 3), round(s.approved_bad_rate, 3)) for s in found.suppositions], bad[refused].mean())  # noqa: T201
    assert found.suppositions[1].rejected_rate < bad[refused].mean() < found.suppositions[2].rejected_rate
