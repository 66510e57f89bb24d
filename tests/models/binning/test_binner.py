"""What the binner gives people: bins, their words, reasons where there is no cut, tables and drawings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from tallystick.core import InputError
from tallystick.models import BinOptions, OptimalBinner, auc
from tallystick.models.binning import bin_matrix, fit_variables, woe_matrix
from tallystick.models.frames import encode, fit_features


def test_auto_takes_the_simplest_shape() -> None:
    """Risk that falls with the value is found to fall; a clear hump is a peak; a hump of chance is not."""
    x = np.arange(2_000)
    falling = (x % 10 < 9 - x // 250).astype(int)
    assert OptimalBinner(monotone="auto").fit({"x": x}, falling).variables_[0].monotone == "descending"
    hump = (x % 10 < 5 - abs(x - 1_000) // 250).astype(int)
    assert OptimalBinner(monotone="auto").fit({"x": x}, hump).variables_[0].monotone == "peak"
    assert OptimalBinner(monotone="auto").fit({"x": x}, 1 - hump).variables_[0].monotone == "valley"
    shapes = set()
    for seed in range(20):
        chance = np.random.default_rng(seed).uniform(size=2_000) < 0.2
        shapes.add(OptimalBinner(monotone="auto").fit({"x": x}, chance).variables_[0].monotone)
    assert shapes == {"ascending", "descending"}


def test_bins_hold_their_edges_and_every_row_is_counted(applicants: pl.DataFrame) -> None:
    """An edge belongs to the bin below it; rows and events add up, missing included."""
    labels = applicants.drop("bad")
    for variable in OptimalBinner().fit(labels, applicants["bad"]).variables_:
        assert sum(variable.rows) == applicants.height
        assert sum(variable.events) == applicants["bad"].sum()
        assert len(variable.woe) == variable.size == len(variable.edges) + 2
    binner = OptimalBinner(min_events=1).fit({"x": [1, 1, 1, 2, 2, 2]}, [1, 1, 0, 1, 0, 0])
    variable = binner.variables_[0]
    at, above = binner.transform({"x": [variable.edges[0], variable.edges[0] + 0.001]})[:, 0].tolist()
    assert (at, above) == (variable.woe[0], variable.woe[1])


def test_missing_has_its_own_bin_with_its_own_evidence() -> None:
    """Missing values that go bad more often say so; never seen missing says nothing."""
    x = [None] * 40 + list(range(160))
    y = [1, 1, 1, 0] * 10 + [1, 0, 0, 0] * 40
    variable = OptimalBinner().fit({"x": x}, y).variables_[0]
    assert variable.rows[-1] == 40
    assert variable.woe[-1] < 0
    assert (variable.bin_text(variable.size - 1), variable.bin_text(variable.size - 1, "zh")) == ("missing", "缺失")
    whole = OptimalBinner().fit({"x": list(range(200))}, y)
    assert whole.transform({"x": [None]})[0, 0] == 0.0


def test_special_values_have_bins_of_their_own() -> None:
    """A code is no number and a special category no risk class: each keeps its own bin, in the order of the codes."""
    x = [-9.0] * 30 + [-1.0] * 30 + [float(i) for i in range(140)]
    job = ["refused"] * 3 + ["clerk"] * 97 + ["driver"] * 100
    y = [1] * 25 + [0] * 35 + [1, 0, 0, 0] * 35
    specials = {"x": (-1, -9), "job": ("refused", "never given")}
    binner = OptimalBinner(min_events=1, specials=specials).fit({"x": x, "job": job}, y)
    number, text = binner.variables_
    assert number.specials == (-9.0, -1.0)
    assert min(number.edges) >= 0.0
    last = number.size - 1
    assert [number.bin_text(i) for i in range(last - 2, last + 1)] == ["= -9", "= -1", "missing"]
    assert (number.rows[last - 2], number.rows[last - 1], number.rows[last]) == (30.0, 30.0, 0.0)
    assert text.bin_text(text.size - 3) == "refused"
    assert (text.rows[text.size - 3], text.rows[text.size - 2]) == (3.0, 0.0)
    woe = binner.transform({"x": [-9.0, -9.5], "job": ["refused", "never given"]})
    assert woe[0, 0] == number.woe[last - 2]
    assert woe[1, 0] == number.woe[0]
    assert woe[0, 1] == text.woe[text.size - 3]
    assert woe[1, 1] == 0.0


def test_a_column_without_a_cut_says_why() -> None:
    """One bin is never silent: why, in two languages, and IV 0."""
    rng = np.random.default_rng(0)
    x, y = np.arange(200.0), rng.uniform(size=200) < 0.3
    up = np.arange(200) >= 100

    def why(column: object, outcome: object, **options: object) -> str:
        variable = OptimalBinner(**options).fit({"x": column}, outcome).variables_[0]  # type: ignore[arg-type]
        assert (variable.signal, variable.edges) == (False, ())
        assert "x" in variable.why_text()
        assert variable.why_text() != variable.why_text("zh")
        return variable.why

    assert why([3.0] * 200, y) == "constant"
    assert why([None] * 200, y) == "missing"
    assert why([1.0, 2.0] * 100, [0, 0, 1, 1] * 50) == "flat"
    assert why(x, y, min_events=1_000) == "limits"
    assert why(x, y, max_bins=1) == "limits"
    assert why(x, up ^ (np.arange(200) % 4 == 0), monotone="descending") == "order"
    assert why(x, up ^ (np.arange(200) % 4 == 0), min_woe_step=50.0) == "order"
    assert OptimalBinner().fit({"x": [3.0] * 200}, y).variables_[0].iv == 0.0
    kept = OptimalBinner().fit({"x": x}, up ^ (np.arange(200) % 4 == 0)).variables_[0]
    assert (kept.signal, kept.why, kept.why_text()) == (True, "", "")


def test_categories_are_ordered_by_event_rate_and_rare_ones_pooled() -> None:
    """Neighbouring bins hold categories of neighbouring risk; 5 pilots are not a category of their own."""
    x = ["safe"] * 100 + ["middle"] * 100 + ["risky"] * 100 + ["pilot"] * 5
    y = [0] * 90 + [1] * 10 + [0] * 60 + [1] * 40 + [0] * 20 + [1] * 80 + [0, 0, 0, 0, 1]
    binner = OptimalBinner(min_share=0.01, min_events=1).fit({"job": x}, y)
    variable = binner.variables_[0]
    assert [variable.bin_text(i) for i in range(4)] == ["safe", "other", "middle", "risky"]
    assert variable.feature.pooled == 1
    woe = binner.transform({"job": ["pilot", "never seen", "safe", "risky"]})[:, 0]
    assert woe[0] == woe[1]
    assert woe[2] > woe[0] > woe[3]


def test_a_hundred_thousand_categories_are_pooled() -> None:
    """A key is no category: what is rare is counted and pooled, and the model does not carry the names."""
    rng = np.random.default_rng(3)
    names = [f"id{i}" for i in range(100_000)] + ["common"] * 5_000
    y = rng.uniform(size=105_000) < np.where(np.arange(105_000) < 100_000, 0.2, 0.05)
    binner = OptimalBinner().fit({"key": names}, y)
    feature = binner.variables_[0].feature
    assert (feature.categories, feature.pooled) == (("common",), 100_000)
    assert binner.transform({"key": ["id77", "never seen", "common"]})[:, 0].tolist() == [
        binner.variables_[0].woe[1],
        binner.variables_[0].woe[1],
        binner.variables_[0].woe[0],
    ]


def test_weights_count_like_copies() -> None:
    """A row of weight 2 is two rows, for the evidence and for the limits; a small unit of weight changes nothing."""
    x, y = [1, 2, 3, 4] * 20, [0, 0, 1, 1, 0, 1, 0, 1] * 10
    double = OptimalBinner(min_share=0.01, min_events=15).fit({"x": x}, y, [2.0] * 80).variables_[0]
    copies = OptimalBinner(min_share=0.01, min_events=15).fit({"x": x * 2}, y * 2).variables_[0]
    assert double == copies
    tenth = OptimalBinner(min_share=0.01).fit({"x": x}, y, [0.125] * 80).variables_[0]
    plain = OptimalBinner(min_share=0.01).fit({"x": x}, y).variables_[0]
    assert (tenth.edges, tenth.woe) == (plain.edges, plain.woe)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 3.0, 50.0]))
def test_weights_that_tell_the_outcome_tell_nothing_of_a_column(seed: int, heavy: float) -> None:
    """Weights that differ by outcome alone, as after sampling, change the base rate: not one edge and no evidence."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 30, 400)
    y = rng.uniform(size=400) < 0.1 + x / 60
    plain = OptimalBinner(min_share=0.0, min_events=0).fit({"x": x}, y).variables_[0]
    heavier = OptimalBinner(min_share=0.0, min_events=0).fit({"x": x}, y, np.where(y, heavy, 1.0)).variables_[0]
    assert heavier.edges == plain.edges
    assert heavier.woe == pytest.approx(plain.woe, abs=1e-9)
    assert heavier.iv == pytest.approx(plain.iv, abs=1e-9)


def test_columns_side_by_side_are_columns_alone(applicants: pl.DataFrame) -> None:
    """A column's bins do not depend on its neighbours, nor on the run."""
    labels = applicants.drop("bad")
    together = OptimalBinner(monotone="auto").fit(labels, applicants["bad"])
    assert OptimalBinner(monotone="auto").fit(labels, applicants["bad"]).variables_ == together.variables_
    for variable in together.variables_:
        alone = OptimalBinner(monotone="auto").fit(labels.select(variable.feature.name), applicants["bad"])
        assert alone.variables_ == (variable,)


def test_bins_and_evidence_agree(applicants: pl.DataFrame, newcomers: pl.DataFrame) -> None:
    """The WOE of a cell is that of its bin; infinities fall into the outer bins."""
    labels = applicants.drop("bad")
    binner = OptimalBinner().fit(labels, applicants["bad"])
    places, woe = binner.bins(newcomers), binner.transform(newcomers)
    for i, variable in enumerate(binner.variables_):
        assert woe[:, i].tolist() == [variable.woe[place] for place in places[:, i]]
    features = [variable.feature for variable in binner.variables_]
    matrix = encode(newcomers, features)
    assert np.array_equal(bin_matrix(matrix, binner.variables_), places)
    assert np.array_equal(woe_matrix(matrix, binner.variables_), woe)
    assert places[-4:-2, 0].tolist() == [len(binner.variables_[0].edges), 0]


def test_measures_are_those_of_the_textbooks(applicants: pl.DataFrame) -> None:
    """Gini is that of the WOE as a score, chi-square and p-value are scipy's, IV is the sum of its bins."""
    labels, y = applicants.drop("bad"), applicants["bad"].cast(pl.Float64).to_numpy()
    binner = OptimalBinner().fit(labels, y)
    woe, summary = binner.transform(labels), binner.summary()
    assert summary["iv"].is_sorted(descending=True)
    for i, name in enumerate(labels.columns):
        line = summary.row(by_predicate=pl.col("column") == name, named=True)
        table = binner.table(name)
        assert line["gini"] == pytest.approx(2 * auc(-woe[:, i], y) - 1, abs=1e-9)
        assert line["iv"] == pytest.approx(table["iv"].sum(), abs=1e-9)
        seen = table.filter(pl.col("rows") > 0)
        if seen.height > 1:
            good = (seen["rows"] - seen["events"]).to_numpy()
            expected = chi2_contingency(np.stack([seen["events"].to_numpy(), good]), correction=False)
            assert line["chi_square"] == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
            assert line["p_value"] == pytest.approx(expected.pvalue, rel=1e-9)
        assert 0.0 <= line["js"] <= np.log(2.0)
        assert line["ks"] <= line["gini"] + 1e-12
    assert binner.table("usage")["share"].sum() == pytest.approx(1.0)


def test_neighbours_of_small_p_value_only() -> None:
    """`max_pvalue` binds the p-values that the table shows."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=3_000)
    y = rng.uniform(size=3_000) < 1 / (1 + np.exp(2 - x))
    free = OptimalBinner().fit({"x": x}, y).table("x")["p_value"].drop_nulls()
    bound = OptimalBinner(max_pvalue=0.01).fit({"x": x}, y).table("x")["p_value"].drop_nulls()
    assert free.max() > 0.01  # type: ignore[operator]
    assert 0 < bound.len() < free.len()
    assert bound.max() <= 0.01  # type: ignore[operator]


def test_a_drawing_is_written_without_a_display(applicants: pl.DataFrame, tmp_path: Path) -> None:
    """Each column has a picture: bins, rates, evidence; one without a cut too."""
    binner = OptimalBinner().fit(applicants.drop("bad").with_columns(nothing=1.0), applicants["bad"])
    for name in ("usage", "job", "nothing"):
        figure = binner.plot(name)
        above = figure.axes[0]
        assert name in above.get_title()
        assert len(above.patches) >= len(binner._variable(name).edges) + 1
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 1_000


@pytest.mark.parametrize(
    ("x", "y", "code"),
    [
        ({"x": [1, 2]}, [0, 0], "target.one"),
        ({"x": [1, 2, 3]}, [0, 1, 2], "target.binary"),
        ({"x": [1, 2]}, [0, None], "target.missing"),
        ({"x": [1, 2]}, [0], "target.shape"),
        ({"x": [[1], [2]]}, [0, 1], "frame.type"),
        ({"x": [1, "a"]}, [0, 1], "frame.column_type"),
        ({"x": [1, 2], "z": [1, 2, 3]}, [0, 1], "frame.lengths"),
        ({}, [], "frame.rows"),
    ],
)
def test_bad_data_is_refused_with_a_reason(x: dict[str, list[object]], y: list[int], code: str) -> None:
    """One class, other values, other lengths and nested or mixed columns are named."""
    with pytest.raises(InputError) as caught:
        OptimalBinner().fit(x, y)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"monotone": "sideways"}, "bins.monotone"),
        ({"monotone": {"z": "peak"}}, "frame.option"),
        ({"max_bins": 0}, "bins.option"),
        ({"max_bins": 2.5}, "bins.option"),
        ({"min_share": 0.6}, "bins.option"),
        ({"min_share": float("nan")}, "bins.option"),
        ({"min_events": -1}, "bins.option"),
        ({"max_prebins": 1}, "bins.option"),
        ({"min_woe_step": -0.1}, "bins.option"),
        ({"max_pvalue": 0.0}, "bins.option"),
        ({"stable": True}, "bins.periods"),
        ({"specials": {"z": (1,)}}, "frame.column"),
        ({"specials": {"x": ("text",)}}, "bins.specials"),
        ({"specials": {"x": (None,)}}, "bins.specials"),
    ],
)
def test_a_setting_out_of_range_is_refused(options: dict[str, object], code: str) -> None:
    """What was given and what is allowed."""
    with pytest.raises(InputError) as caught:
        OptimalBinner(**options).fit({"x": [1, 2, 3, 4]}, [0, 1, 0, 1])  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.text() != caught.value.text("zh")


def test_a_column_that_is_not_binned_is_named() -> None:
    binner = OptimalBinner().fit({"x": [1, 2, 3, 4]}, [0, 1, 0, 1])
    with pytest.raises(InputError, match="allowed: x"):
        binner.table("z")


def test_periods_follow_the_rows_of_weight() -> None:
    """A row of weight 0 is as if it were not there, its period too."""
    rng = np.random.default_rng(6)
    x, period = rng.normal(size=600), rng.integers(0, 3, 600)
    y = rng.uniform(size=600) < 1 / (1 + np.exp(1 - x))
    keep = rng.uniform(size=600) < 0.7
    months = np.array(["2026-01", "2026-02", "2026-03"])[period]
    binner = OptimalBinner(stable=True)
    some = binner.fit({"x": x}, y, keep.astype(float), periods=months).variables_
    assert OptimalBinner(stable=True).fit({"x": x[keep]}, y[keep], periods=months[keep]).variables_ == some


def test_encoded_columns_are_binned_by_name(applicants: pl.DataFrame) -> None:
    """`fit_variables` takes a shape for each label and leaves others free."""
    labels = applicants.drop("bad")
    y, weights = applicants["bad"].cast(pl.Float64).to_numpy(), np.ones(applicants.height)
    features = fit_features(labels, y, weights)
    found = fit_variables(encode(labels, features), y, weights, features, BinOptions(), {"usage": "descending"})
    assert [v.monotone for v in found] == ["descending"] + ["none"] * 5
