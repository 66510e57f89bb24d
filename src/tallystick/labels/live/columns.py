"""Answers of a batch as the columns that `Library.at` gives for labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.labels.definition.resolve import Definition
from tallystick.labels.kernels.rows import APPROXIMATE, FOUND
from tallystick.labels.live.outcomes import Vector
from tallystick.labels.live.point import Plan
from tallystick.labels.live.programs import NUMBERED, STATUS, WHY, form_of
from tallystick.labels.live.revisions import to_int
from tallystick.labels.meaning.arithmetic import by_column
from tallystick.labels.meaning.features import floats
from tallystick.labels.meaning.values import Values, repeated, to_columns
from tallystick.labels.plan import Node

_DTYPES: Mapping[str, Any] = {
    "real": pl.Float64,
    "text": pl.String,
    "flag": pl.Boolean,
    "date": pl.Date,
    "instant": pl.Datetime("us", "UTC"),
}
_REASONS = pl.Series([WHY.get(status) for status in range(STATUS.size)], dtype=pl.String)
"""Status → reason, null where there is a value."""


def in_columns(plan: Plan, answers: NDArray[np.int64], statuses: NDArray[np.uint8]) -> pl.DataFrame:
    """The labels of a plan by what the kernels said of its leaves: (leaf, point)."""
    size, wholes = answers.shape[1], plan.wholes
    # One column of all that are alike, of which the labels' are slices.
    whole = pl.Series(answers[:wholes].reshape(-1))
    real = pl.Series(answers[wholes:].view(np.float64).reshape(-1))
    lacking = np.any(statuses, axis=1)
    by_leaf = (
        {leaf: _values(plan, place, answers, statuses) for leaf, place in plan.links.items()} if plan.formulas else {}
    )
    columns: list[pl.Series] = []
    for (name, node, place), missing in zip(plan.outputs, _unlacking(plan.names, size), strict=True):
        if place in plan.plain:
            block, begin = (whole, place) if place < wholes else (real, place - wholes)
            found = block.slice(begin * size, size)
            if lacking[place]:
                status = pl.Series(statuses[place])
                found = found.zip_with(status == FOUND, pl.Series([None], dtype=found.dtype))
                missing = _REASONS[status].alias(missing.name)
            columns += [found.alias(name), missing]
            continue
        values = _values(plan, place, answers, statuses) if place >= 0 else by_column(node, by_leaf, size)
        columns += to_columns(name, values, node.type, name in plan.capped, missing)
    # A frame made of all of them at once would look at each of them from Python.
    return pl.DataFrame(columns[:1]).hstack(columns[1:])


@lru_cache(maxsize=4)
def _unlacking(names: tuple[str, ...], size: int) -> list[pl.Series]:
    """The columns of reasons of labels that lack no value."""
    nothing = repeated(None, pl.String, size)
    return [nothing.alias(f"{name}__missing") for name in names]


def _values(plan: Plan, place: int, answers: NDArray[np.int64], statuses: NDArray[np.uint8]) -> Values:
    """What the kernels said of a leaf at all points, in the form of the batch executor."""
    leaf, status = plan.leaves[place], statuses[place]
    whole, reason = answers[place], STATUS[status]
    approximate = status == APPROXIMATE if leaf.cap else None
    if place >= plan.wholes:
        return Values(whole.view(np.float64), reason, None, approximate)
    book = plan.books[leaf.stream]
    if form_of(book, leaf) == NUMBERED:
        words = book.words[leaf.column]
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
