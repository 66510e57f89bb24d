"""Rows that stand on both sides of a split, as they are or nearly."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.models.frames import Floats, Ints
from tallystick.models.validation.probes import as_column

_PASSES = 6
_CELLS = 24
_NEAR = 0.01
_SHARE = 0.005
_ROWS_MIN = 10
_ROWS_MAX = 200_000
_FINE_MIN = 5
_DOUBT = 20.0


class Twins(msgspec.Struct, frozen=True):
    """Rows of the test sample (or of all, without a split) that have a twin: how many, and their share."""

    kind: Literal["duplicates", "near_duplicates"]
    rows: int
    share: float


def find_twins(frame: pl.DataFrame, y: Floats, split: pl.Series | None, seed: int) -> tuple[Twins, ...]:
    """Duplicates beyond what the columns make by chance.

    Columns of few values make equal rows that are no copies. So twins across the split count when they are far commoner
    than twins inside the development sample, or when their outcomes agree far better than chance.
    """
    kept = [column for column in frame if not _is_key(column)]
    if len(kept) < 2 or frame.height < 2 * _ROWS_MIN:
        return ()
    test = _test_rows(split, frame.height)
    exact = _exact_pairs(pl.DataFrame(kept))
    found = _judge("duplicates", exact, y, test)
    if found is None:
        rows = _window(kept)
        if rows is not None:
            kept, y = [column.gather(rows) for column in kept], y[rows]
            test = None if test is None else test[rows]
        found = _judge("near_duplicates", _near_pairs(kept, seed), y, test)
    return () if found is None else (found,)


def _is_key(column: pl.Series) -> bool:
    whole = column.dtype.is_integer() or column.dtype == pl.String or column.dtype.is_temporal()
    return whole and column.len() > 0 and column.n_unique() >= 0.99 * column.len()


def _test_rows(split: pl.Series | None, height: int) -> NDArray[np.bool_] | None:
    """Every row that is not of the commonest sample."""
    if split is None:
        return None
    counts = split.value_counts(sort=True)
    if counts.height < 2:
        return None
    most = counts.filter(pl.col("count") == counts["count"].max()).get_column(split.name).sort().item(0)
    test: NDArray[np.bool_] = (split != most).fill_null(True).to_numpy()
    return test


def _exact_pairs(frame: pl.DataFrame) -> Ints:
    """Pairs of neighbouring places (n × 2) among the rows that are equal in every column."""
    key = frame.hash_rows(seed=0).to_numpy()
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order][1:] == key[order][:-1])
    return np.column_stack([order[same], order[same + 1]])


def _window(columns: list[pl.Series]) -> Ints | None:
    """Of more than 200,000 rows those in ten bands of the finest column: near copies fall into the same band."""
    height = columns[0].len()
    if height <= _ROWS_MAX:
        return None
    finest = max(columns, key=lambda column: column[:10_000].n_unique())
    order = np.argsort(as_column(finest).values, kind="stable")
    size, step = _ROWS_MAX // 10, height // 10
    found: Ints = np.sort(np.concatenate([order[i * step : i * step + size] for i in range(10)]))
    return found


def _near_pairs(columns: list[pl.Series], seed: int) -> Ints:
    """Pairs that agree in all columns but at most one: texts equal, numbers within a hundredth of the ranks."""
    ranks, text = [], []
    for series in columns:
        column = as_column(series)
        filled = np.where(np.isnan(column.values), -1e301, column.values)
        distinct, place = np.unique(filled, return_inverse=True)
        few = column.text or distinct.size <= _CELLS
        count = np.bincount(place)
        middle = (np.cumsum(count) - 0.5 * count) / filled.size
        ranks.append(place.astype(np.float64) if few else middle[place])
        text.append(few)
    table, few_values = np.column_stack(ranks), np.array(text)
    fine = np.flatnonzero(~few_values)
    # In few dimensions honest rows lie close by the hundred, and agree where a column tells the outcome.
    if fine.size < _FINE_MIN:
        return np.empty((0, 2), dtype=np.int64)
    rng = np.random.default_rng(seed)
    pairs = [_cell_pairs(table, few_values, fine, rng) for _ in range(_PASSES)]
    found: Ints = np.unique(np.concatenate(pairs), axis=0)
    return found


def _cell_pairs(table: Floats, few: NDArray[np.bool_], fine: Ints, rng: np.random.Generator) -> Ints:
    """Candidates that share a cell of a random grid over some columns, then held to every column."""
    chosen = rng.permutation(fine)[: max(2, min(5, fine.size - 1))]
    cells = np.floor(table[:, chosen] * _CELLS + rng.uniform(size=chosen.size)).astype(np.int64)
    key = np.zeros(table.shape[0], dtype=np.int64)
    for column in cells.T:
        key = key * (_CELLS + 2) + column
    order = np.lexsort((table[:, chosen[0]], key))
    found = []
    for step in (1, 2, 3):
        first, second = order[:-step], order[step:]
        together = key[first] == key[second]
        first, second = first[together], second[together]
        gap = np.abs(table[first] - table[second])
        apart = np.where(few, gap > 0, gap > _NEAR).sum(axis=1)
        near = apart <= (1 if table.shape[1] >= 5 else 0)
        found.append(np.column_stack([np.minimum(first, second)[near], np.maximum(first, second)[near]]))
    return np.concatenate(found).astype(np.int64)


def _judge(
    kind: Literal["duplicates", "near_duplicates"], pairs: Ints, y: Floats, test: NDArray[np.bool_] | None
) -> Twins | None:
    if not pairs.size:
        return None
    first, second = pairs[:, 0], pairs[:, 1]
    size, excess = y.size, False
    members = np.unique(pairs)
    if test is not None:
        across = test[first] != test[second]
        inside = ~test[first] & ~test[second]
        members = np.unique(pairs[across])
        members = members[test[members]]
        size = int(test.sum())
        usual = np.unique(pairs[inside]).size / max(int((~test).sum()), 1)
        share = members.size / max(size, 1)
        spread = np.sqrt(max(usual, 1e-9) * size)
        excess = (
            share - usual >= _SHARE and members.size >= 1.5 * usual * size and members.size > usual * size + 5 * spread
        )
        first, second = first[across], second[across]
    share = members.size / max(size, 1)
    rate = float(y[np.concatenate([first, second])].mean()) if first.size else 0.0
    chance = 2.0 * rate * (1.0 - rate) * first.size
    agree = chance >= _DOUBT and float((y[first] != y[second]).sum()) <= 0.1 * chance
    if members.size < _ROWS_MIN or share < _SHARE or not (excess or agree):
        return None
    return Twins(kind, int(members.size), share)
