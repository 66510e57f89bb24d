"""Drift of labels by month: how far their values have moved, and how many are missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick import models
from tallystick.core import FieldType, InputError, StateError
from tallystick.desk.points import label_values, point_streams, reachable_labels, values_path
from tallystick.desk.project import Project
from tallystick.desk.words import WORDS

BINS = 10
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_DATED = (pl.Date, pl.Datetime)

Counter: TypeAlias = Callable[[pl.Series], NDArray[np.float64]]


class MonthDrift(msgspec.Struct, frozen=True):
    """One label in one month (2026-03) of t.

    `psi` is against the base month, None in that month itself and where one of both has no value. `mean` and
    `quantiles` (5, 25, 50, 75 and 95%) are of numbers, amounts in major units; None and empty for other labels.
    """

    month: str
    points: int
    share_missing: float
    psi: float | None
    mean: float | None = None
    quantiles: tuple[float, ...] = ()


class Drift(msgspec.Struct, frozen=True):
    """One label at the own points of a stream, months in order."""

    label: str
    stream: str
    base: str
    months: tuple[MonthDrift, ...]


def drift_of(project: Project, names: Sequence[str] = (), base: str = "") -> list[Drift]:
    """The drift of labels at the points that `tally labels compute` has computed.

    Parameters
    ----------
    project
        A checked project.
    names
        Labels; all that were computed without it.
    base
        The month (2026-03) that others are held against; the first of the data without it.

    Raises
    ------
    InputError
        For an unknown label or month.
    StateError
        When the labels are not computed.
    """
    found, asked = [], set(names)
    for name in names:
        if name not in project.library.labels:
            raise InputError(WORDS("catalogue.unknown", given=name, allowed=", ".join(project.library.labels)))
    for stream in point_streams(project):
        wanted = [name for name in reachable_labels(project, stream) if not names or name in asked]
        if not wanted:
            continue
        path = values_path(project, stream)
        if not path.exists() or not set(wanted) <= set(pl.read_parquet_schema(path)):
            raise StateError(WORDS("labels.stale", given=stream))
        values = label_values(project, stream, wanted)
        types = {name: project.library.labels[name].type for name in wanted}
        asked -= set(wanted)
        found += monthly(values, types, project.zone, stream, base)
    if asked:
        raise InputError(WORDS("catalogue.no_point", given=", ".join(sorted(asked))))
    return found


def monthly(
    values: pl.DataFrame, types: Mapping[str, FieldType], zone: str, stream: str = "", base: str = ""
) -> list[Drift]:
    """The drift of the columns of a frame with `t`; `types` are their types by name.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> t = [datetime(2026, month, 2, tzinfo=UTC) for month in (1, 1, 2, 2)]
    >>> frame = pl.DataFrame({"t": t, "visits": [1, 2, 2, None]})
    >>> [month.share_missing for month in monthly(frame, {"visits": FieldType("integer")}, "UTC")[0].months]
    [0.0, 0.5]
    """
    month = values["t"].dt.convert_time_zone(zone).dt.strftime("%Y-%m")
    parts = {str(key[0]): part for key, part in values.with_columns(month.alias("month")).group_by("month")}
    ordered = sorted(parts)
    if not ordered:
        return []
    if base and base not in parts:
        raise InputError(WORDS("catalogue.month", given=base, allowed=", ".join(ordered)))
    base = base or ordered[0]
    found = []
    for name, kind in types.items():
        reference = parts[base][name]
        count = counter(reference)
        expected = count(reference)
        months = []
        for key in ordered:
            column = parts[key][name]
            held = key != base and expected.sum() > 0 and column.len() > 0
            shift = models.psi(expected, count(column)) if held else None
            months.append(
                MonthDrift(key, column.len(), column.null_count() / max(column.len(), 1), shift, *figures(column, kind))
            )
        found.append(Drift(name, stream, base, tuple(months)))
    return found


def counter(reference: pl.Series) -> Counter:
    """A function that counts a column in the bins of a reference: deciles of numbers, or its most frequent texts."""
    if reference.dtype in (pl.String, pl.Boolean):
        top: dict[Any, int] = {
            row[0]: place for place, row in enumerate(reference.drop_nulls().value_counts(sort=True).head(BINS).rows())
        }

        def by_text(column: pl.Series) -> NDArray[np.float64]:
            places = column.drop_nulls().replace_strict(top, default=len(top), return_dtype=pl.Int64)
            return np.bincount(places.to_numpy(), minlength=len(top) + 1).astype(np.float64)

        return by_text
    numbers = numbers_of(reference)
    edges = np.unique(np.quantile(numbers, np.linspace(0.1, 0.9, BINS - 1))) if numbers.size else np.empty(0)

    def by_number(column: pl.Series) -> NDArray[np.float64]:
        places = np.searchsorted(edges, numbers_of(column), side="left")
        return np.bincount(places, minlength=edges.size + 1).astype(np.float64)

    return by_number


def numbers_of(column: pl.Series) -> NDArray[np.float64]:
    """The values of a column that are there, as they are held, as floats; an instant by its microseconds."""
    held = column.to_physical() if column.dtype in _DATED else column
    found: NDArray[np.float64] = held.drop_nulls().cast(pl.Float64).to_numpy()
    return found


def figures(column: pl.Series, kind: FieldType) -> tuple[float | None, tuple[float, ...]]:
    """Mean and quantiles of a column of numbers, in major units; None and none where there are none."""
    if kind.kind not in ("money", "decimal", "integer", "real"):
        return None, ()
    numbers = numbers_of(column) / 10.0**kind.scale
    if not numbers.size:
        return None, ()
    return float(numbers.mean()), tuple(float(value) for value in np.quantile(numbers, QUANTILES))
