"""From tables of any kind to the matrix on which models work."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError
from tallystick.models.frames import (
    Feature,
    as_frame,
    as_target,
    as_weights,
    encode,
    encode_column,
    encode_value,
    fit_features,
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pd.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [1, 2]})),
        (pd.DataFrame({"a": [1.5, np.nan]}), pl.DataFrame({"a": [1.5, float("nan")]})),
        (pd.DataFrame({"a": ["x", None]}), pl.DataFrame({"a": ["x", None]})),
        (pd.DataFrame({"a": ["x", np.nan]}), pl.DataFrame({"a": ["x", None]})),
        (pd.DataFrame({"a": pd.array(["x", None], dtype="string")}), pl.DataFrame({"a": ["x", None]})),
        (pd.DataFrame({"a": pd.Categorical(["x", None])}), pl.DataFrame({"a": ["x", None]})),
        (pd.DataFrame({0: [True, False]}), pl.DataFrame({"0": [True, False]})),
        ({"a": [1, None], "b": ("x", "y")}, pl.DataFrame({"a": [1, None], "b": ["x", "y"]})),
        ({"a": [1, 2.5]}, pl.DataFrame({"a": [1.0, 2.5]})),
        ({"a": [True, 2]}, pl.DataFrame({"a": [1.0, 2.0]})),
        ([[1, "x"], [None, "y"]], pl.DataFrame({"x0": [1, None], "x1": ["x", "y"]})),
        (np.array([[1.0], [2.0]], dtype=">f8"), pl.DataFrame({"x0": [1.0, 2.0]})),
        (np.array([[1.0], [2.0]], dtype=np.float16), pl.DataFrame({"x0": [1.0, 2.0]}, schema={"x0": pl.Float32})),
    ],
)
def test_every_kind_of_table_is_read(given: Any, expected: pl.DataFrame) -> None:
    found = as_frame(given)
    assert found.equals(expected)
    assert found.schema == expected.schema


@pytest.mark.parametrize("kind", ["Int64", "Float64", "boolean"])
def test_nullable_columns_of_pandas_are_numbers_with_gaps(kind: str) -> None:
    frame = as_frame(pd.DataFrame({"a": pd.array([1, None], dtype=kind)}))
    assert np.array_equal(encode(frame, [Feature("a")]), [[1.0], [np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([1, 2], "frame.flat"),
        (np.zeros((2, 2, 2)), "frame.shape"),
        (np.array([[1j]]), "frame.complex"),
        ({"a": [1, "x"]}, "frame.column_type"),
        ({"a": [1], "b": [1, 2]}, "frame.lengths"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "frame.names"),
    ],
)
def test_what_is_no_table_is_refused(given: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        as_frame(given)
    assert caught.value.code == code
    assert caught.value.text() != caught.value.text("zh")


def test_a_column_that_is_neither_number_nor_text_is_refused() -> None:
    """Dates and lists have no meaning of their own here."""
    for column in ([datetime.date(2026, 1, 1)] * 2, [[1], [2]]):
        with pytest.raises(InputError) as caught:
            fit_features(pl.DataFrame({"a": column}), np.array([0.0, 1.0]), np.ones(2))
        assert caught.value.code == "frame.type"
    with pytest.raises(InputError):
        fit_features(pl.DataFrame(), np.array([0.0, 1.0]), np.ones(2))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([0, 1, 2], "target.values"),
        ([0, 1, None], "target.values"),
        (["a", "b", "c"], "target.values"),
        (pl.Series(["a", "b", "c"]), "target.values"),
        ([0, 1], "target.shape"),
        ([0, 0, 0], "target.classes"),
    ],
)
def test_outcomes_are_nought_and_one(given: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        as_target(given, 3)
    assert caught.value.code == code
    assert as_target(pl.Series([True, False, True]), 3).tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("given", [[1.0, 0.0], [1.0, np.inf], [1.0, np.nan], [1.0], [1.0, -1.0]])
def test_weights_are_positive_and_finite(given: list[float]) -> None:
    with pytest.raises(InputError) as caught:
        as_weights(given, 2)
    assert caught.value.code == "weights.values"
    assert as_weights(None, 2).tolist() == [1.0, 1.0]


def test_ranks_follow_the_event_rate_with_weights() -> None:
    """A heavier bad row moves its category up; what weighs little is pooled, whatever its rows."""
    frame = pl.DataFrame({"job": ["a"] * 40 + ["b"] * 40 + ["c"] * 40})
    y = np.tile([0.0, 0.0, 0.0, 1.0], 30)
    weights = np.ones(120)
    weights[40:80] = np.where(y[40:80] == 1.0, 9.0, 1.0)
    weights[80:] = 0.1
    feature = fit_features(frame, y, weights)[0]
    assert (feature.categories, feature.ranks, feature.other, feature.pooled) == (("a", "b"), (0, 2), 1, 1) or (
        feature.categories,
        feature.ranks,
        feature.other,
        feature.pooled,
    ) == (("a", "b"), (1, 2), 0, 1)
    assert fit_features(frame, y, weights * 0.125)[0] == feature


def test_special_categories_stand_apart() -> None:
    """They are never pooled, and their ranks come after all others; one that was never seen has a rank too."""
    frame = pl.DataFrame({"job": ["a"] * 60 + ["b"] * 60 + ["rare"] * 2 + ["none"] * 3 + [None]})
    y = np.zeros(126)
    y[:10] = 1.0
    feature = fit_features(frame, y, np.ones(126), {"job": ("none", "withheld")})[0]
    assert dict(zip(feature.categories or (), feature.ranks, strict=True)) == {"a": 2, "b": 1, "none": 3, "withheld": 4}
    assert (feature.other, feature.pooled) == (0, 1)
    codes = encode_column(pl.Series("job", ["none", "rare", "never", None, "withheld"]), feature)
    assert np.array_equal(codes, [3.0, 0.0, 0.0, np.nan, 4.0], equal_nan=True)
    with pytest.raises(InputError, match="not in the data"):
        fit_features(frame, y, np.ones(126), {"work": ("none",)})


def test_what_training_never_saw_has_a_place() -> None:
    """Unseen text reads as the pool, or as missing; infinities are the largest doubles."""
    plain = Feature("job", ("a", "b"), (0, 1))
    assert np.isnan(encode_column(pl.Series(["c"]), plain)[0])
    assert encode_column(pl.Series(["c"]), Feature("job", ("a",), (0,), 1, 3))[0] == 1.0
    assert encode_column(pl.Series(["c"]), Feature("job", (), (), 0, 9))[0] == 0.0
    largest = np.finfo(np.float64).max
    assert encode_column(pl.Series([np.inf, -np.inf]), Feature("x")).tolist() == [largest, -largest]
    assert np.isnan(encode_column(pl.Series([None]), plain)).all()


cells = st.one_of(
    st.none(),
    st.floats(),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.decimals(-(10**12), 10**12, places=6),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(cells, min_size=1, max_size=8), st.lists(st.one_of(st.none(), st.text(max_size=2)), min_size=1))
def test_a_value_and_its_column_are_encoded_alike(numbers: list[Any], texts: list[Any]) -> None:
    """Row and column give the same bits."""
    number, text = Feature("x"), Feature("t", ("", "a", "b"), (2, 0, 3), 1, 4)
    rank = {"": 2.0, "a": 0.0, "b": 3.0}
    for value in numbers:
        column = encode_column(pl.Series("x", [value], dtype=pl.Null if value is None else None), number)
        assert np.array_equal(column, [encode_value(value, number, None)], equal_nan=True)
    column = encode_column(pl.Series("t", texts, dtype=pl.String), text)
    assert np.array_equal(column, [encode_value(value, text, rank) for value in texts], equal_nan=True)


def test_a_whole_number_beyond_all_doubles_is_the_largest() -> None:
    """As an infinity is: an event may hold any number of digits."""
    largest = float(np.finfo(np.float64).max)
    assert [encode_value(value, Feature("x"), None) for value in (10**400, -(10**400))] == [largest, -largest]
    assert as_frame({"x": [10**400, 0.5]})["x"].to_list() == [np.inf, 0.5]


def test_a_column_of_another_kind_is_named() -> None:
    """Text where numbers were learnt, numbers where text was, and a column that is not there."""
    number, text = Feature("x"), Feature("x", ("a",), (0,))
    for frame, feature, code in [
        (pl.DataFrame({"x": ["a"]}), number, "frame.number"),
        (pl.DataFrame({"x": [1]}), text, "frame.text"),
        (pl.DataFrame({"z": [1]}), text, "frame.column"),
    ]:
        with pytest.raises(InputError) as caught:
            encode(frame, [feature])
        assert caught.value.code == code
    with pytest.raises(InputError):
        encode_value("a", number, None)
    with pytest.raises(InputError):
        encode_value(1, text, {"a": 0.0})
