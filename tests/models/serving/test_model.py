"""The served model: plain arithmetic is its oracle, and a row and a column get the same bits."""

from __future__ import annotations

import math
import os
from bisect import bisect_left
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.conftest import lender
from tests.models.serving.make import BOTH, CALIBRATIONS, LABELS, RATING, SPLIT, TERMS, build

from tallystick.core import InputError
from tallystick.core.numeric import exp, log, logit, sigmoid
from tallystick.models import Model, Scale
from tallystick.models.frames import encode
from tallystick.models.serving import Branch, Stack
from tallystick.models.serving.kernels import calibrated
from tallystick.models.serving.ways import lay_out

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
ROWS = 1_000_000 if SOAK else 10_000
KINDS: dict[str, dict[str, Any]] = {
    "card": {"parts": {"scorecard": LABELS}},
    "trees": {"parts": {"trees": LABELS}, "calibration": "beta"},
    "both": {"parts": BOTH, "calibration": "isotonic"},
    "parts": {"parts": SPLIT, "rating": RATING, "specials": {"late": (0,), "job": ("none",)}},
    "segments": {
        "parts": {"scorecard": LABELS},
        "route": "job",
        "segments": {"clerk": BOTH, "nurse": {"own_card": ("usage", "late")}},
        "rating": RATING,
        "terms": TERMS,
        "calibration": "beta",
    },
    "flags": {"parts": {"trees": ("usage", "owner")}, "route": "owner", "segments": {"true": {"card": LABELS}}},
}


@pytest.fixture(scope="module", params=list(KINDS))
def model(request: pytest.FixtureRequest) -> Model:
    return build(lender(1_500, 5), **KINDS[request.param])


def plain_score(model: Model, row: dict[str, Any]) -> tuple[float, int, float]:
    """Probability, points and the stack's log-odds by plain Python, one operation after the other."""
    definition = model.definition
    branch = definition.branches[model.branch_of(row)]
    x = encode(pl.DataFrame([row], schema_overrides=SCHEMA, infer_schema_length=None), definition.features)[0]
    z = branch.stack.intercept
    for part in branch.parts:
        if part.card is None:
            forest = model.forests[model.branch_of(row), part.name]
            odds = float(forest.raw(x[None, list(part.reads)])[0])
        else:
            total = part.card.base
            for place, variable, points in zip(part.reads, part.card.variables, part.card.points, strict=True):
                value = float(x[place])
                if math.isnan(value):
                    total += points[-1]
                elif value in variable.specials:
                    total += points[len(variable.edges) + 1 + variable.specials.index(value)]
                else:
                    total += points[bisect_left(variable.edges, value)]
            odds = (part.card.scale.offset - total) / part.card.scale.factor
        z += branch.stack.weights[part.name] * odds
    pd, log_odds = plain_calibration(branch, z)
    return pd, math.floor(definition.scale.offset - definition.scale.factor * log_odds + 0.5), z


def plain_calibration(branch: Branch, z: float) -> tuple[float, float]:
    line = branch.calibration
    if line.kind == "isotonic":
        pd = line.pds[bisect_left(line.cuts, z)]
        return pd, logit(pd)
    log_odds = line.intercept + line.slope * z
    if line.kind == "beta":
        rest = log(1.0 + exp(-abs(z)))
        log_odds = line.intercept + line.slope * (min(z, 0.0) - rest) - line.other_slope * (min(-z, 0.0) - rest)
    return sigmoid(log_odds), log_odds


SCHEMA = {"usage": pl.Float64, "late": pl.Int64, "salary": pl.Int64, "job": pl.String, "owner": pl.Boolean}
SCHEMA["noise"] = pl.Float64


def assert_row_is_column(model: Model, frame: pl.DataFrame) -> None:
    columns, lost = model.score_columns(frame), model.explain_columns(frame)
    scored = zip(columns.iter_rows(named=True), lost.iter_rows(named=True), strict=True)
    for row, (said, losses) in zip(frame.iter_rows(named=True), scored, strict=True):
        one = model.score(row)
        assert (one.pd, one.points, one.rating) == (said["pd"], said["points"], said.get("rating", ""))
        assert one.raw == {name: value for name, value in said.items() if name in one.raw and value is not None}
        assert all(said[name] is None for name in RAW & said.keys() - one.raw.keys())
        if one.offer is not None:
            assert (one.offer.limit_minor, one.offer.price_bps) == (said["limit_minor"], said["price_bps"])
        listed = {reason.label: reason.points_lost for reason in one.reasons}
        assert listed == {label: points for label, points in losses.items() if points > 0}
        order = [(-reason.points_lost, model.labels.index(reason.label)) for reason in one.reasons]
        assert order == sorted(order)


RAW = {f"{part}_{what}" for part in [*BOTH, *SPLIT, "card"] for what in ("points", "log_odds")}


def test_a_score_is_plain_arithmetic(model: Model, newcomers: pl.DataFrame) -> None:
    """Bins, points, parts, stack and calibration add up as written, to the last bit."""
    for row in newcomers.iter_rows(named=True):
        one = model.score(row)
        assert (one.pd, one.points, one.raw["stack_log_odds"]) == plain_score(model, row)
    assert model.score_columns(newcomers.clear()).height == 0
    assert model.explain_columns(newcomers.clear()).height == 0


def test_a_row_is_a_column(model: Model, newcomers: pl.DataFrame) -> None:
    assert_row_is_column(model, newcomers)


@settings(max_examples=100 if not SOAK else 5_000, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "usage": st.none() | st.floats(),
            "late": st.none() | st.integers(-(2**63), 2**63 - 1),
            "salary": st.none() | st.integers(-(2**40), 2**40),
            "job": st.none() | st.sampled_from(["clerk", "driver", "nurse", "none", "pilot", ""]),
            "owner": st.none() | st.booleans(),
            "noise": st.none() | st.floats(),
        }
    )
)
def test_any_row_is_a_column(model: Model, row: dict[str, object]) -> None:
    """Whatever a label may hold is scored and explained alike live and in batch."""
    assert_row_is_column(model, pl.DataFrame([row], schema=SCHEMA))


@pytest.mark.soak
def test_a_million_random_rows_are_columns(model: Model) -> None:
    """Missing, infinite, huge, new: each of a million rows (10,000 outside the soak) has the bits of the column."""
    rng, rows = np.random.default_rng(3), ROWS
    odd = rng.integers(0, 40, rows)
    usage = np.select([odd == 0, odd == 1, odd == 2], [np.inf, -np.inf, np.nan], rng.normal(0.6, 0.5, rows))
    jobs = rng.choice(["clerk", "driver", "nurse", "none", "diver", "pilot", ""], rows)
    late = pl.Series(rng.integers(-2, 9, rows)).set(pl.Series(odd == 3), None)
    frame = pl.DataFrame(
        {
            "usage": usage,
            "late": late,
            "salary": pl.Series(rng.integers(-(10**6), 10**7, rows)).set(pl.Series(odd == 4), None),
            "job": pl.Series(jobs).set(pl.Series(odd == 5), None),
            "owner": pl.Series(rng.uniform(size=rows) < 0.5).set(pl.Series(odd == 6), None),
            "noise": rng.standard_cauchy(rows),
        }
    )
    columns = model.score_columns(frame)
    pds, points, odds = (columns[name].to_list() for name in ("pd", "points", "stack_log_odds"))
    for place, row in enumerate(frame.iter_rows(named=True)):
        one = model.score(row, reasons=False)
        assert (one.pd, one.points, one.raw["stack_log_odds"]) == (pds[place], points[place], odds[place])


def test_the_branch_is_the_text_of_the_route(newcomers: pl.DataFrame) -> None:
    """A segment without a branch, a new one and a missing one go to ""; flags and whole numbers route as texts."""
    by_job = build(lender(1_500, 5), **KINDS["segments"])
    row = {**newcomers.row(0, named=True), "job": "clerk"}
    assert by_job.branch_of(row) == "clerk"
    assert "trees_log_odds" in by_job.score(row).raw
    for job in ("driver", "pilot", "", None):
        assert by_job.branch_of({**row, "job": job}) == ""
        assert set(by_job.score({**row, "job": job}).raw) == {
            "log_odds",
            "stack_log_odds",
            "scorecard_points",
            "scorecard_log_odds",
        }
    by_flag = build(lender(1_500, 5), **KINDS["flags"])
    assert [by_flag.branch_of({**row, "owner": owner}) for owner in (True, False, None)] == ["true", "", ""]
    by_count = msgspec.structs.replace(by_flag.definition, route="late")
    counted = Model(
        msgspec.structs.replace(by_count, branches={"": by_count.branches[""], "2": by_count.branches["true"]}),
        by_flag.forests,
        by_flag.backgrounds,
    )
    assert [counted.branch_of({**row, "late": late}) for late in (2, 3, None)] == ["2", "", ""]
    assert counted.branches_of(pl.DataFrame({"late": [2, 3, None]})) == ["2", "", ""]
    with pytest.raises(InputError, match="late is float"):
        counted.score({**row, "late": 2.0})
    with pytest.raises(InputError, match="late is Float64"):
        counted.score_columns(newcomers.with_columns(pl.col("late").cast(pl.Float64)))


def test_grades_and_offers_follow_the_probability(newcomers: pl.DataFrame) -> None:
    """The grade of the final PD, and the limit and price of the grade; without a base there is no limit."""
    model = build(lender(1_500, 5), parts={"card": ("usage", "late")}, rating=RATING, terms=TERMS)
    seen = set()
    for row in newcomers.iter_rows(named=True):
        one = model.score(row)
        place = bisect_left(RATING.bounds, one.pd)
        assert one.rating == RATING.grades[place]
        assert one.offer == TERMS.offer(place, row["salary"])
        seen.add(one.rating)
    assert len(seen) >= 3
    for salary in (1.5, True, "9"):
        with pytest.raises(InputError):
            model.score({**newcomers.row(0, named=True), "salary": salary})
    with pytest.raises(InputError, match="salary is Float64"):
        model.score_columns(newcomers.with_columns(pl.col("salary").cast(pl.Float64)))


def test_labels_are_what_a_row_must_hold(newcomers: pl.DataFrame) -> None:
    """Features in order, then a label that only routes, then one that only offers hang on; others are ignored."""
    model = build(lender(1_500, 5), parts={"card": ("usage",)}, rating=RATING, terms=TERMS)
    definition = msgspec.structs.replace(
        model.definition,
        route="region",
        terms=msgspec.structs.replace(TERMS, base="income"),
    )
    routed = Model(definition, model.forests, model.backgrounds)
    assert routed.labels == (*LABELS, "region", "income")
    row = {**newcomers.row(0, named=True), "region": "north", "income": 100, "other": object()}
    assert routed.score(row).rating
    del row["income"]
    with pytest.raises(InputError, match="the row has no income"):
        routed.score(row)
    with pytest.raises(InputError, match="column region is not in the data"):
        routed.score_columns(newcomers)


@pytest.mark.parametrize(("name", "value"), [("usage", "0.5"), ("job", 3), ("late", [1]), ("usage", 1j)])
def test_a_value_of_another_type_is_refused(name: str, value: object, newcomers: pl.DataFrame) -> None:
    model = build(lender(1_500, 5), parts={"card": LABELS})
    with pytest.raises(InputError, match=name):
        model.score({**newcomers.row(0, named=True), name: value})


def test_numbers_of_every_kind_read_alike(newcomers: pl.DataFrame) -> None:
    """Python's and numpy's numbers and flags, and whole numbers beyond 64 bits."""
    model = build(lender(1_500, 5), parts={"card": LABELS})
    row = newcomers.row(0, named=True)
    same: list[dict[str, Any]] = [
        {"late": 2, "owner": True},
        {"late": np.int64(2), "owner": np.bool_(True)},
        {"late": 2.0, "owner": 1},
    ]
    assert len({model.score({**row, **given}).raw["stack_log_odds"] for given in same}) == 1
    assert model.score({**row, "salary": 10**30}).points == model.score({**row, "salary": math.inf}).points


def test_reasons_may_be_left_out(newcomers: pl.DataFrame) -> None:
    model = build(lender(1_500, 5))
    row = newcomers.row(0, named=True)
    with_reasons, without = model.score(row), model.score(row, reasons=False)
    assert with_reasons.reasons
    assert without == msgspec.structs.replace(with_reasons, reasons=())
    bare = Model(model.definition, model.forests)
    assert bare.score(row) == without
    with pytest.raises(InputError, match="has no baseline"):
        bare.explain_columns(newcomers)


def test_every_calibration_rises_with_the_stack() -> None:
    """Never a higher PD for lower log-odds, up to where the arithmetic ends."""
    z = np.concatenate([np.linspace(-800, 800, 401), np.linspace(-5, 5, 401)])
    for line in CALIBRATIONS.values():
        branch = Branch((), Stack(0.0, {}), line)
        way = lay_out(branch, (), Scale(), {}, {})
        found = [calibrated(float(value), way.numbers, way.places) for value in np.sort(z)]
        assert found == [plain_calibration(branch, float(value)) for value in np.sort(z)]
        pds = [pd for pd, _ in found]
        assert pds == sorted(pds)
        assert 0.0 <= pds[0] <= pds[-1] <= 1.0
