"""Exact interventional Shapley values of trees against weighted background rows of any number."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import factorial
from typing import NamedTuple

import msgspec
import numpy as np

from tallystick.core import InputError
from tallystick.core.numeric import each, in_parts
from tallystick.models.frames import Floats, Ints
from tallystick.models.trees.forest import Forest
from tallystick.models.trees.shap_kernels import count_patterns, explain_rows, fill_tables
from tallystick.models.trees.words import WORDS

MAX_SLOTS = 62
"""The most columns on a path: what a row meets of them is one word of bits."""

_TABLE_SIZE = 1 << 24
_WIDEST_TABLE = 12
_PARTS = 16


class _Tables(NamedTuple):
    """What `explain_rows` reads, laid out for one forest and one background: paths in ascending order of slots."""

    widths: Ints
    counts: Ints
    asks: Ints
    bounds: Floats
    at: Ints
    met: Ints
    weights: Floats
    table_at: Ints
    tables: Floats


class Background(msgspec.Struct, frozen=True, dict=True):
    """The rows against which trees are explained, as counts only: no row of anybody is in it.

    For every leaf, the columns that its path asks (`Forest.slots`) are bits; `met` holds the patterns of bits that
    occurred among the background rows and `share` the weight of the rows that had them, out of 1.
    """

    at: Ints
    """The patterns of leaf i are `at[i]` … `at[i + 1]`, in ascending order."""
    met: Ints
    share: Floats
    mean: float
    """The weighted mean of the raw score of the background rows."""

    def check(self, forest: Forest, features: int) -> bool:
        """Whether this is a background of `forest` over `features` columns: safe to explain with, whoever wrote it."""
        if not forest.check(features) or any(a.ndim != 1 for a in (self.at, self.met, self.share)):
            return False
        size = self.met.size
        if self.at.size != forest.leaves.size + 1 or self.share.size != size or not np.isfinite(self.mean):
            return False
        counts = np.diff(self.at)
        if self.at[0] != 0 or self.at[-1] != size or np.any(counts < 1):
            return False
        width = np.diff(forest.slots.at)
        leaf = np.repeat(np.arange(forest.leaves.size), counts)
        if width.max(initial=0) > MAX_SLOTS or np.any(self.met < 0) or np.any(self.met >> width[leaf] != 0):
            return False
        rises = bool(np.all((np.diff(self.met) > 0) | (np.diff(leaf) > 0)))
        shares = bool(np.all(np.isfinite(self.share)) and np.all(self.share > 0))
        whole = shares and bool(np.all(np.abs(np.add.reduceat(self.share, self.at[:-1]) - 1.0) < 1e-6))
        return rises and whole

    def _tables_of(self, forest: Forest) -> _Tables:
        kept: tuple[Forest, _Tables] | None = self.__dict__.get("tables")
        if kept is None or kept[0] is not forest:
            kept = (forest, _lay_out(forest, self))
            self.__dict__["tables"] = kept
        return kept[1]


def fit_background(forest: Forest, matrix: Floats, weights: Floats) -> Background:
    """Count what the rows of an encoded matrix meet on every path of a forest.

    Parameters
    ----------
    forest
        The trees.
    matrix
        Background rows × features, such as all approved applicants of the development sample; any number of rows.
    weights
        One for each row, positive.

    Returns
    -------
    Background
        Its size depends on the trees, hardly on the rows.

    Raises
    ------
    InputError
        Without rows, or when a path asks more than 62 columns.
    """
    rows = matrix.shape[0]
    if not rows or weights.shape != (rows,) or not np.all(np.isfinite(weights)) or np.any(weights <= 0.0):
        raise InputError(WORDS("trees.rows", rows=rows, weights=weights.size))
    slots = forest.slots
    widest = int(np.diff(slots.at).max(initial=0))
    if widest > MAX_SLOTS:
        raise InputError(WORDS("trees.paths", given=widest, allowed=MAX_SLOTS))
    columns = np.ascontiguousarray(matrix.T)
    leaves = forest.leaves.size
    cuts = sorted({leaves * part // _PARTS for part in range(_PARTS + 1)})
    spans = list(pairwise(cuts))
    found = each(spans, lambda span: count_patterns(columns, weights, *slots, *span))
    counts = np.concatenate([part[0] for part in found])
    total = np.cumsum(weights)[-1]
    share = np.concatenate([part[2] for part in found]) / total
    mean = float(np.cumsum(weights * forest.raw(matrix))[-1] / total)
    at = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
    return Background(at, np.concatenate([part[1] for part in found]), share, mean)


def explain(forest: Forest, background: Background, matrix: Floats) -> Floats:
    """What each feature brought to the raw score of each row, against the background.

    Parameters
    ----------
    forest, background
        The trees and the background that was fitted to them.
    matrix
        Encoded rows × features; one row is quick too. Do not call it from work that `core.numeric.each` runs.

    Returns
    -------
    numpy.ndarray
        Rows × features, log-odds. A row's contributions and `background.mean` add up to its raw score, but for the
        rounding of the additions; a feature that no tree asks brings 0. Row by row and all at once give the same bits.

    Notes
    -----
    Shapley values of the game whose value of a set of features is the weighted mean, over background rows z, of the
    raw score of the row that takes those features from x and the others from z (interventional or reference-based
    values; Lundberg et al., Nature Machine Intelligence 2, 2020; Janzing et al., AISTATS 2020). For one leaf of value
    v whose path asks features of which x alone meets a, z alone b, and nobody none, a feature of x's brings
    v (a − 1)! b! / (a + b)! and one of z's takes v a! (b − 1)! / (a + b)!.

    Examples
    --------
    >>> zero = np.zeros(1, dtype=np.int64)
    >>> forest = Forest(zero, zero, np.array([0.5]), np.array([-1, -2]), zero, np.array([-1.0, 1.0]))
    >>> half = fit_background(forest, np.array([[0.0], [1.0]]), np.ones(2))
    >>> explain(forest, half, np.array([[0.0], [1.0]])).tolist()
    [[-1.0], [1.0]]
    """
    if matrix.shape[1] < forest.width:
        raise InputError(WORDS("trees.width", given=matrix.shape[1], needed=forest.width - 1))
    tables = background._tables_of(forest)
    rows = matrix.shape[0]
    out = np.empty((rows, matrix.shape[1]))
    if rows == 1:
        explain_rows(matrix, *tables, _FACTORS, out)
    else:
        in_parts(rows, lambda low, high: explain_rows(matrix[low:high], *tables, _FACTORS, out[low:high]))
    return out


def _lay_out(forest: Forest, background: Background) -> _Tables:
    """Tables for the paths of few slots, as many as stay small; of the others the patterns are walked each time."""
    slots, counts = forest.slots, np.diff(background.at)
    width = np.diff(slots.at)
    order = np.argsort(width, kind="stable")
    slot = _runs(slots.at[:-1][order], width[order])
    pattern = _runs(background.at[:-1][order], counts[order])
    at = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts[order])])
    weights = (background.share * np.repeat(forest.leaves, counts))[pattern]
    sizes = (np.int64(1) << np.minimum(width[order], _WIDEST_TABLE)) * width[order]
    ends = np.cumsum(sizes)
    tabled = (ends <= _TABLE_SIZE) & (width[order] <= _WIDEST_TABLE)
    table_at = np.where(tabled, ends - sizes, -1)
    tables = np.zeros(int(sizes[tabled].sum()))
    widths, groups = np.unique(width, return_counts=True)
    met = background.met[pattern]
    fill_tables(widths, groups, at, met, weights, table_at, _FACTORS, tables)
    asks = (2 * slots.feature + slots.missing)[slot]
    bounds = slots.bounds.reshape(-1, 2)[slot].ravel()
    return _Tables(widths, groups, asks, bounds, at, met, weights, table_at, tables)


def _runs(starts: Ints, sizes: Ints) -> Ints:
    """start, start + 1, …, as many as `sizes` says, one run after the other."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))


def _factors() -> Floats:
    """[m, n] is (m − 1)! n! / (m + n)!, correctly rounded; row 0 is not used."""
    size = MAX_SLOTS + 1
    found = np.zeros((size, size))
    for m in range(1, size):
        for n in range(size - m):
            found[m, n] = float(Fraction(factorial(m - 1) * factorial(n), factorial(m + n)))
    return found


_FACTORS = _factors()
