"""Contributions of trees against Shapley's own definition, and what they are worth as reasons."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import combinations
from math import factorial

import msgspec
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.models import BoostedTrees, Forest
from tallystick.models.frames import encode
from tallystick.models.trees import Background, explain, fit_background, shap

Floats = NDArray[np.float64]


def by_definition(forest: Forest, row: Floats, others: Floats, weights: Floats) -> list[float]:
    """The mean over all orders in which features come in, of what each changes in the mean answer."""
    width = row.size

    def value(taken: tuple[int, ...]) -> float:
        mixed = others.copy()
        mixed[:, taken] = row[list(taken)]
        return float((weights * forest.raw(mixed)).sum() / weights.sum())

    found = []
    for feature in range(width):
        rest = [f for f in range(width) if f != feature]
        total = 0.0
        for size in range(width):
            share = factorial(size) * factorial(width - size - 1) / factorial(width)
            total += sum(share * (value((*s, feature)) - value(s)) for s in combinations(rest, size))
        found.append(total)
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tabled", [True, False])
def test_contributions_are_shapley_values(
    seed: int, tabled: bool, grow: Callable[..., Forest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small forests, weighted backgrounds, missing values: all subsets of features; with tables and without."""
    if not tabled:
        monkeypatch.setattr(shap, "_TABLE_SIZE", 0)
    rng = np.random.default_rng(seed)
    forest = grow(rng, 6, 8, 4)
    values = [-1.0, 0.0, 1.0, 2.0, np.nan]
    others, weights = rng.choice(values, size=(7, 4)), rng.uniform(0.5, 3.0, 7)
    background = fit_background(forest, others, weights)
    rows = rng.choice(values, size=(10, 4))
    found = explain(forest, background, rows)
    for row, brought in zip(rows, found, strict=True):
        assert brought.tolist() == pytest.approx(by_definition(forest, row, others, weights), abs=1e-12)
    assert found.sum(axis=1) + background.mean == pytest.approx(forest.raw(rows), abs=1e-12)


def test_a_row_alone_gives_the_bits_of_the_columns(applicants: pl.DataFrame, newcomers: pl.DataFrame) -> None:
    """On trained trees: rows, blocks and tables change no bit; contributions and the mean add up to the raw score."""
    trees = BoostedTrees(rounds=40, leaves=31, min_rows=10).fit(applicants.drop("bad"), applicants["bad"])
    forest, matrix = trees.forest_, encode(newcomers, trees.features_)
    background = fit_background(forest, encode(applicants.drop("bad"), trees.features_), np.ones(applicants.height))
    assert background.check(forest, 6)
    whole = explain(forest, background, matrix)
    rows = [explain(forest, background, matrix[i : i + 1])[0] for i in range(matrix.shape[0])]
    assert np.stack(rows).tobytes() == whole.tobytes()
    assert whole.sum(axis=1) + background.mean == pytest.approx(forest.raw(matrix), abs=1e-9)


def test_without_tables_the_bits_are_the_same(applicants: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path too wide for a table is walked pattern by pattern, in the order in which the table was filled."""
    labels = applicants.drop("bad")
    trees = BoostedTrees(rounds=20).fit(labels, applicants["bad"])
    matrix = encode(labels, trees.features_)
    background = fit_background(trees.forest_, matrix, np.ones(labels.height))
    tabled = explain(trees.forest_, background, matrix[:100])
    monkeypatch.setattr(shap, "_WIDEST_TABLE", 2)
    walked = explain(trees.forest_, msgspec.structs.replace(background), matrix[:100])
    assert walked.tobytes() == tabled.tobytes()


def test_weights_count_rows(grow: Callable[..., Forest]) -> None:
    """A row of weight 3 is three rows."""
    rng = np.random.default_rng(2)
    forest = grow(rng, 5, 7, 3)
    others = rng.choice([0.0, 1.0, 2.0, np.nan], size=(6, 3))
    thrice = fit_background(forest, np.concatenate([others, others[:1], others[:1]]), np.ones(8))
    weighed = fit_background(forest, others, np.array([3.0, 1, 1, 1, 1, 1]))
    assert thrice.met.tolist() == weighed.met.tolist()
    assert thrice.share == pytest.approx(weighed.share, abs=1e-15)


def test_the_background_holds_counts_only(applicants: pl.DataFrame) -> None:
    """A hundred times the rows: hardly more is kept, and nothing of any row's values."""
    labels = applicants.drop("bad")
    trees = BoostedTrees(rounds=10).fit(labels, applicants["bad"])
    matrix = encode(labels, trees.features_)
    small = fit_background(trees.forest_, matrix, np.ones(labels.height))
    large = fit_background(trees.forest_, np.tile(matrix, (20, 1)), np.ones(20 * labels.height))
    assert large.met.tolist() == small.met.tolist()
    assert large.share == pytest.approx(small.share, abs=1e-12)


@pytest.mark.parametrize(("rows", "weights"), [(0, []), (2, [1.0]), (2, [1.0, 0.0]), (2, [1.0, np.nan])])
def test_a_background_needs_weighted_rows(rows: int, weights: list[float], grow: Callable[..., Forest]) -> None:
    """No rows, too few weights, and weights that are no positive numbers are refused."""
    with pytest.raises(InputError) as caught:
        fit_background(grow(np.random.default_rng(1), 3, 3, 2), np.zeros((rows, 2)), np.array(weights))
    assert caught.value.code == "trees.rows"


def test_a_path_of_more_columns_than_a_word_has_bits_is_refused() -> None:
    """63 columns on one path."""
    nodes = np.arange(63)
    children = np.stack([~nodes, np.append(nodes[1:], -64)], axis=1).ravel()
    zero = np.zeros(1, dtype=np.int64)
    chain = Forest(zero, nodes, np.zeros(63), children, np.zeros(63, dtype=np.int64), np.arange(64.0))
    assert chain.check(63)
    with pytest.raises(InputError) as caught:
        fit_background(chain, np.zeros((1, 63)), np.ones(1))
    assert caught.value.code == "trees.paths"


def test_a_forged_background_is_found_out(grow: Callable[..., Forest]) -> None:
    """Patterns that no path has, ranges beside the arrays, shares that are no shares: none is run."""
    rng = np.random.default_rng(3)
    forest = grow(rng, 6, 6, 3)
    background = fit_background(forest, rng.choice([0.0, 1.0, 2.0, np.nan], size=(40, 3)), np.ones(40))
    assert background.check(forest, 3)
    assert not background.check(forest, forest.width - 1)
    for name, place, value in (
        ("met", 0, 1 << 40),
        ("met", 0, -1),
        ("at", 0, 1),
        ("at", -1, 10**9),
        ("at", 1, 0),
        ("share", 0, np.nan),
        ("share", 0, -1.0),
        ("share", 0, 2.0),
    ):
        array = getattr(background, name).copy()
        array[place] = value
        assert not msgspec.structs.replace(background, **{name: array}).check(forest, 3), (name, value)
    for name in ("at", "met", "share"):
        assert not msgspec.structs.replace(background, **{name: getattr(background, name)[:-1]}).check(forest, 3), name
    assert not msgspec.structs.replace(background, mean=np.nan).check(forest, 3)
    twice = Background(background.at, background.met[::-1].copy(), background.share, background.mean)
    assert not twice.check(forest, 3)


def test_the_first_reason_is_worth_most(applicants: pl.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """Fidelity, of the fifth of applicants with most risk: put the label that the reasons name first back to what it
    is among the others, and the score falls by more than with any other label, for most of them.
    """
    labels = applicants.drop("bad")
    trees = BoostedTrees(rounds=80, min_rows=20).fit(labels, applicants["bad"])
    forest, matrix = trees.forest_, encode(labels, trees.features_)
    background = fit_background(forest, matrix, np.ones(labels.height))
    raw = forest.raw(matrix)
    declined = np.flatnonzero(raw >= np.quantile(raw, 0.8))
    contributions = explain(forest, background, matrix[declined])
    others = matrix[::4]
    falls = np.empty(contributions.shape)
    for place, row in enumerate(declined):
        for label in range(matrix.shape[1]):
            mixed = np.repeat(matrix[row : row + 1], others.shape[0], axis=0)
            mixed[:, label] = others[:, label]
            falls[place, label] = raw[row] - forest.raw(mixed).mean()
    first = contributions.argmax(axis=1)
    rank = np.argsort(-contributions, axis=1)
    at = np.arange(declined.size)
    same = float(np.mean(falls.argmax(axis=1) == first))
    mean_falls = [float(falls[at, rank[:, place]].mean()) for place in range(3)]
    with capsys.disabled():
        shown = ", ".join(f"{fall:.2f}" for fall in mean_falls)
        sys.stdout.write(f"\nfidelity: first worth most for {same:.0%}; log-odds fall by {shown} for reasons 1, 2, 3\n")
    assert same > 0.8
    assert mean_falls[0] > 1.3 * mean_falls[1] > 0.0
    assert np.corrcoef(contributions.ravel(), falls.ravel())[0, 1] > 0.95
