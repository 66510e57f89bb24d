"""Training with those who were refused: inferred within each fit, judged on the accepted, with bounds in the report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from tallystick.core import InputError
from tallystick.models import Recipe, Split, TreeOptions, train
from tallystick.models.layers import Segments
from tallystick.models.recipe import Rating, Rejects
from tallystick.models.rejects import METHODS, Method
from tallystick.models.training.refused import with_refused
from tallystick.models.training.sample import Sample, fit_sample, samples_of
from tallystick.models.validation.metrics import auc

TARGET, FLAG = "loans.bad", "loans.refused"
START = datetime(2025, 1, 1, tzinfo=UTC)
PLAIN = Recipe(
    "risk",
    TARGET,
    "loans",
    ("usage", "late", "region"),
    layers=("scorecard",),
    folds=2,
    monotone={"usage": "ascending"},
)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def loans(rows: int, seed: int = 1) -> pl.DataFrame:
    """Who applied: many of the risky are refused, and those have twice the odds of accepted ones with the same labels.

    `truth` is the chance of bad of everybody with these labels, `outcome` what happened or would have happened.
    """
    rng = np.random.default_rng(seed)
    usage, late = rng.normal(size=rows), rng.poisson(0.6, rows)
    z = -2.0 + 0.9 * usage + 0.5 * late
    refuse = sigmoid(1.6 * z + 2.4)
    no = rng.uniform(size=rows) < refuse
    bad = rng.uniform(size=rows) < sigmoid(z + np.where(no, np.log(2.0), 0.0))
    return pl.DataFrame(
        {
            "usage": usage,
            "late": late,
            "region": rng.choice(["north", "south"], rows),
            TARGET: pl.Series([None if r else bool(b) for r, b in zip(no, bad, strict=True)], dtype=pl.Boolean),
            FLAG: no,
            "truth": refuse * sigmoid(z + np.log(2.0)) + (1 - refuse) * sigmoid(z),
            "outcome": bad,
            "id": [f"loan-{i}" for i in range(rows)],
            "t": [START + timedelta(minutes=40 * i) for i in range(rows)],
            "customer": np.arange(rows) // 3,
        }
    )


@pytest.fixture(scope="module")
def applied() -> pl.DataFrame:
    return loans(8_000)


def having(method: Method, factor: float = 1.0, **more: Any) -> Recipe:
    rejects = Rejects(field=FLAG, method=method, factor=factor, factors=(1.0, 4.0))
    return msgspec.structs.replace(PLAIN, rejects=rejects, **more)


def accepted_of(applied: pl.DataFrame) -> pl.DataFrame:
    """Those who were accepted alone."""
    return applied.filter(~pl.col(FLAG))


def test_factor_two_comes_nearer_to_the_truth_than_none(applied: pl.DataFrame) -> None:
    """The odds of the refused are doubled: learnt with that factor, everybody's risk is nearer to the truth."""
    truth = applied["truth"].to_numpy()

    def error(recipe: Recipe) -> float:
        pd = train(recipe, applied).model.score_columns(applied)["pd"].to_numpy()
        return float(np.abs(np.log(pd / (1 - pd)) - np.log(truth / (1 - truth))).mean())

    none = error(having("none"))
    assert error(having("fuzzy", 2.0)) < 0.7 * none
    assert error(having("parcelling", 2.0)) < 0.7 * none
    assert error(having("fuzzy", 2.0)) < 0.7 * error(having("fuzzy", 1.0))


def test_the_report_tells_who_was_refused_and_what_hangs_on_it(applied: pl.DataFrame) -> None:
    """Rows, inferred weight and bad rate near the truth; figures of the accepted alone; bounds around what happened."""
    refused = applied.filter(pl.col(FLAG))
    found = train(having("fuzzy", 2.0), applied)
    report, rejects = found.report, found.report.rejects
    assert rejects is not None
    assert (rejects.rows, rejects.method) == (refused.height, "fuzzy")
    assert rejects.weight == pytest.approx(refused.height)
    assert rejects.bad_rate == pytest.approx(refused["outcome"].mean(), abs=0.03)
    accepted = accepted_of(applied)
    assert (report.rows, report.events) == (accepted.height, accepted[TARGET].sum())
    assert report.cross_validation.rows == accepted.height
    assert report.without_outcome == 0
    assert found.model.card["development"]["rows"] == accepted.height
    sensitivity = rejects.sensitivity
    assert [each.factor for each in sensitivity.suppositions] == [1.0, 4.0]
    low, high = sensitivity.bad_rate_bounds
    assert all(low < each.approved_bad_rate < high for each in sensitivity.suppositions)
    plain = train(PLAIN, accepted).model.score_columns(applied)["pd"].to_numpy()
    least, most = sensitivity.auc_bounds
    assert least < auc(plain, applied["outcome"].cast(pl.Float64).to_numpy()) < most
    approved = np.argsort(plain)[: accepted.height]
    assert low < applied["outcome"].to_numpy()[approved].mean() < high
    assert found.model.card["report"]["rejects"]["sensitivity"]["auc_bounds"] == (least, most)


def test_the_sensitivity_does_not_flatter(applied: pl.DataFrame) -> None:
    """Trees that learnt a row by heart would know it: each is scored by a fit without it, as in cross-validation."""
    deep: dict[str, Any] = {
        "layers": ("trees",),
        "trees": TreeOptions(rounds=60, leaves=31, min_rows=5, learning_rate=0.2),
    }
    found = train(having("none", **deep), applied)
    assert found.report.rejects is not None
    accepted = accepted_of(applied)
    learnt = auc(found.model.score_columns(accepted)["pd"].to_numpy(), accepted[TARGET].cast(pl.Float64).to_numpy())
    assert found.report.rejects.sensitivity.auc_accepted == pytest.approx(found.report.auc, abs=0.02)
    assert found.report.rejects.sensitivity.auc_accepted < learnt - 0.02


def test_none_is_the_model_of_the_accepted(applied: pl.DataFrame) -> None:
    """The same definition and metrics as without the refused rows; who names nobody gets no report of them."""
    found, plain = train(having("none"), applied), train(PLAIN, accepted_of(applied))
    assert found.model.definition == plain.model.definition
    assert found.report.rejects is not None
    assert (found.report.rejects.weight, found.report.rejects.bad_rate) == (0.0, None)
    assert msgspec.structs.replace(found.report, rejects=None) == plain.report
    for frame in (accepted_of(applied), accepted_of(applied).with_columns(pl.lit(None).alias(FLAG))):
        without = train(having("fuzzy", 2.0), frame)
        assert without.report == plain.report
        assert without.model.definition == plain.model.definition


def test_each_fit_infers_from_its_own_accepted_rows(applied: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a held-out row neither the fit nor the inference within it sees anything."""
    fits: dict[str, list[Sample]] = {"inferring": [], "final": []}

    def watched(kind: str) -> Any:
        def fit(recipe: Recipe, sample: Sample, *given: Any, **named: Any) -> Any:
            fits[kind].append(sample)
            return fit_sample(recipe, sample, *given, **named)

        return fit

    monkeypatch.setattr("tallystick.models.training.refused.fit_sample", watched("inferring"))
    monkeypatch.setattr("tallystick.models.training.run.fit_sample", watched("final"))
    some = applied[:3_000]
    train(having("fuzzy", 2.0, folds=3), some)
    accepted, refused = set(accepted_of(some)["usage"]), set(some.filter(pl.col(FLAG))["usage"])
    held: list[float] = []
    for inferring, final in zip(fits["inferring"][:3], fits["final"][:3], strict=True):
        known = set(inferring.frame["usage"])
        assert known < accepted
        assert set(final.frame["usage"]) == known | refused
        held += accepted - known
    assert sorted(held) == sorted(accepted)
    assert set(fits["inferring"][3].frame["usage"]) == accepted


def test_groups_instants_and_weights_go_with_the_rows(applied: pl.DataFrame) -> None:
    """Both halves of a refused row share its group and its instant; without groups they are one of their own."""
    split = Split("time", "2025-04-01", cut_at=int(datetime(2025, 4, 1, tzinfo=UTC).timestamp()) * 1_000_000)
    recipe = having("fuzzy", 2.0, group="customer", sample_negatives=0.5, split=split)
    samples = samples_of(recipe, applied)
    accepted, refused = samples.development, samples.refused
    assert refused.y.size == applied.filter(pl.col(FLAG) & (pl.col("t") < datetime(2025, 4, 1, tzinfo=UTC))).height
    learnt = with_refused(recipe, accepted, refused, lambda: None)
    rows = {usage: (t, customer) for usage, t, customer in applied.select("usage", "t", "customer").iter_rows()}
    assert learnt.t is not None
    for usage, t, customer in zip(learnt.frame["usage"], learnt.t, learnt.groups, strict=True):
        assert (int(rows[usage][0].timestamp()) * 1_000_000, rows[usage][1]) == (t, customer)
    assert learnt.y.size == accepted.y.size + 2 * refused.y.size
    assert learnt.weights[: accepted.y.size].tolist() == accepted.weights.tolist()
    assert learnt.weights[accepted.y.size :].sum() == pytest.approx(refused.y.size)
    assert learnt.frame.columns == list(recipe.reads)
    alone = msgspec.structs.replace(recipe, group="")
    samples = samples_of(alone, applied)
    pairs = with_refused(alone, samples.development, samples.refused, lambda: None).groups
    counts = np.unique(pairs, return_counts=True)[1]
    assert sorted(counts.tolist()) == [1] * samples.development.y.size + [2] * samples.refused.y.size


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_with_every_setting(applied: pl.DataFrame, method: Method) -> None:
    """Time, groups, sampled negatives, segments, grades: judged on the accepted, and every step is counted."""
    cut = int(datetime(2025, 7, 1, tzinfo=UTC).timestamp()) * 1_000_000
    recipe = having(
        method,
        2.0,
        split=Split("time", "2025-07-01", cut_at=cut),
        windows="time",
        group="customer",
        sample_negatives=0.5,
        segments=Segments("region", 300, 30),
        rating=Rating(("A", "B"), (0.2,)),
    )
    told: list[tuple[str, int, int]] = []
    found = train(recipe, applied, lambda *step: told.append(step))
    assert told == [("risk", i, told[-1][2]) for i in range(1, told[-1][2] + 1)]
    report = found.report
    assert report.out_of_time is not None
    later = accepted_of(applied).filter(pl.col("t") >= datetime(2025, 7, 1, tzinfo=UTC))
    assert report.out_of_time.rows == later.height
    assert set(report.branches) == {"north", "south"}
    assert report.rejects is not None
    before = applied.filter(pl.col(FLAG) & (pl.col("t") < datetime(2025, 7, 1, tzinfo=UTC)))
    assert report.rejects.rows == before.height
    drawn = report.events + 2 * (report.rows - report.events)
    assert sum(report.branches.values()) == pytest.approx(drawn + report.rejects.weight)
    if method != "none":
        assert report.rejects.weight == pytest.approx(before.height, rel=0.02)
    assert train(recipe, applied).model.version == found.model.version


def test_the_chance_to_be_accepted_is_bound_by_no_direction(applied: pl.DataFrame) -> None:
    """Risk rises with usage by decree, so acceptance falls: those with much usage weigh more all the same."""
    recipe = having("reweighting")
    samples = samples_of(recipe, applied)
    learnt = with_refused(recipe, samples.development, samples.refused, lambda: None)
    usage = learnt.frame["usage"].to_numpy()
    assert learnt.weights[usage > 1].mean() > 1.5 * learnt.weights[usage < -1].mean()


def test_a_customer_who_is_held_out_is_not_learnt_as_refused(
    applied: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refused rows of a group whose accepted rows are held out wait, too."""
    seen: list[tuple[Sample, Sample]] = []

    def watched(recipe: Recipe, accepted: Sample, refused: Sample, step: Any) -> Sample:
        seen.append((accepted, refused))
        return with_refused(recipe, accepted, refused, step)

    monkeypatch.setattr("tallystick.models.training.run.with_refused", watched)
    train(having("fuzzy", group="customer"), applied[:3_000])
    whole, everyone = seen[-1]
    for accepted, refused in seen[:-1]:
        held = set(whole.groups.tolist()) - set(accepted.groups.tolist())
        assert held
        assert set(refused.groups.tolist()) == set(everyone.groups.tolist()) - held


def test_what_cannot_be_is_refused(applied: pl.DataFrame) -> None:
    """An outcome of somebody refused, counted; no flag; a flag of another type."""
    recipe = having("fuzzy")
    impossible = applied.with_columns(
        pl.when(pl.col("id") < "loan-2").then(False).otherwise(pl.col(TARGET)).alias(TARGET)
    )
    wrong = impossible.filter(pl.col(FLAG) & pl.col(TARGET).is_not_null()).height
    assert wrong > 0
    with pytest.raises(InputError, match=rf"{wrong} rows are refused by {FLAG}.*{TARGET}"):
        train(recipe, impossible)
    with pytest.raises(InputError, match=f"no column {FLAG}"):
        train(recipe, applied.drop(FLAG))
    with pytest.raises(InputError, match="who was refused, is Int64"):
        train(recipe, applied.with_columns(pl.col(FLAG).cast(pl.Int64)))
