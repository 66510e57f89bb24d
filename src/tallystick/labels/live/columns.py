"""Answers of a batch as the columns that `Library.at` gives for labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.labels.definition.resolve import Definition
from tallystick.labels.kernels.rows import APPROXIMATE
from tallystick.labels.live.outcomes import Vector
from tallystick.labels.live.point import Plan
from tallystick.labels.live.programs import NUMBERED, REAL, STATUS, Group
from tallystick.labels.live.revisions import to_int
from tallystick.labels.meaning.arithmetic import by_column
from tallystick.labels.meaning.features import floats
from tallystick.labels.meaning.values import Values, repeated, to_columns
from tallystick.labels.plan import Node

_WHOLE = ("money", "decimal", "integer")
_DTYPES: Mapping[str, Any] = {
    "real": pl.Float64,
    "text": pl.String,
    "flag": pl.Boolean,
    "date": pl.Date,
    "instant": pl.Datetime("us", "UTC"),
}


def in_columns(plan: Plan, outs: Sequence[NDArray[np.int64]], size: int) -> pl.DataFrame:
    """The labels of a plan by what the kernels said of its groups: (leaf, status · whole · real, point)."""
    blocks: dict[int, tuple[pl.Series, int]] = {}
    slow: dict[int, tuple[Group, int, NDArray[np.int64]]] = {}
    for group, out in zip(plan.groups, outs, strict=True):
        lacking: list[bool] = np.any(out[:, 0], axis=1).tolist()
        whole, real = [], []
        for i, place in enumerate(group.places):
            slow[place] = group, i, out[i]
            if not lacking[i] and not group.leaves[i].cap:
                if group.forms[i] == REAL:
                    real.append((place, i))
                elif group.forms[i] != NUMBERED and group.leaves[i].type.kind in _WHOLE:
                    whole.append((place, i))
        for members, word, kept in ((whole, 1, out), (real, 2, out.view(np.float64))):
            if members:
                # One column of all, of which the labels' are slices.
                block = pl.Series(kept[[i for _, i in members], word].reshape(-1))
                blocks |= {place: (block, at * size) for at, (place, _) in enumerate(members)}
    by_leaf = {leaf: _values(*slow[place]) for leaf, place in plan.links.items()} if plan.formulas else {}
    columns: list[pl.Series] = []
    nothing = repeated(None, pl.String, size)
    for name, node, place in plan.outputs:
        if place in blocks:
            block, begin = blocks[place]
            columns += [block.slice(begin, size).alias(name), nothing.alias(f"{name}__missing")]
            continue
        values = _values(*slow[place]) if place >= 0 else by_column(node, by_leaf, size)
        columns += to_columns(name, values, node.type, name in plan.capped, nothing)
    return pl.DataFrame(columns)


def _values(group: Group, i: int, out: NDArray[np.int64]) -> Values:
    """What the kernels said of a leaf at all points, in the form of the batch executor."""
    # The next batch is answered in the same memory, and a column may lie where its values lay.
    out = out.copy()
    status, whole, real = out[0], out[1], out[2].view(np.float64)
    leaf, form, reason = group.leaves[i], group.forms[i], STATUS[status]
    approximate = status == APPROXIMATE if leaf.cap else None
    if form == REAL:
        return Values(real, reason, None, approximate)
    if form == NUMBERED:
        words = group.book.words[leaf.column]
        seen, numbers = np.unique(np.where(reason == 0, whole, 0), return_inverse=True)
        values = [words[number] for number in seen.tolist()] if words else [None]
        if leaf.type.kind == "text":
            return Values(numbers.astype(np.int64), reason, pl.Series(values, dtype=pl.String), approximate)
        dtype = np.float64 if leaf.type.kind == "real" else np.int64
        plain = [0 if value is None else value if dtype is np.float64 else to_int(value, leaf.type) for value in values]
        return Values(np.array(plain, dtype)[numbers], reason, None, approximate)
    return Values(floats(whole) if leaf.type.kind == "real" else whole, reason, None, approximate)


def to_frame(nodes: Mapping[str, Node], definitions: Mapping[str, Definition], vectors: list[Vector]) -> pl.DataFrame:
    """Vectors as the columns that `Library.at` gives for labels."""
    columns: list[pl.Series] = []
    for name, node in nodes.items():
        dtype = _DTYPES.get(node.type.kind, pl.Int64)
        values = [vector.values[name] for vector in vectors]
        if node.type.kind == "instant":
            columns.append(pl.Series(name, values, pl.Int64).cast(dtype))
        else:
            columns.append(pl.Series(name, values, dtype))
        columns.append(pl.Series(f"{name}__missing", [vector.missing.get(name) for vector in vectors], pl.String))
        if definitions[name].approximate:
            marks = [name in vector.approximate for vector in vectors]
            columns.append(pl.Series(f"{name}__approximate", marks, pl.Boolean))
    return pl.DataFrame(columns)
