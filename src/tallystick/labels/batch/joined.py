"""Joined columns over history: what a label of another stream was for each fact, just before the fact was known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from tallystick.labels.definition.define import Events
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.meaning.arithmetic import by_column
from tallystick.labels.meaning.facts import AT, ID, KNOWN, REFUSED, REVISION, normalise
from tallystick.labels.meaning.values import Values, to_series
from tallystick.labels.plan import Leaf, Node

ROW = "@row"


def with_joins(
    events: Events,
    frame: pl.DataFrame,
    joins: Mapping[str, Node],
    values_at: Callable[[pl.DataFrame], list[pl.Series]],
) -> pl.DataFrame:
    """The facts of a stream with its joined columns, in held form.

    Parameters
    ----------
    events
        The stream.
    frame
        Its facts.
    joins
        Joined column → the label that gives it.
    values_at
        Gives the joined columns at the points of `fact_points`.
    """
    points = fact_points(events, frame)
    found = dict(zip(joins, values_at(points), strict=True))
    return beside(frame, pl.DataFrame([points[ROW], *(values.alias(column) for column, values in found.items())]))


def fact_points(events: Events, frame: pl.DataFrame) -> pl.DataFrame:
    """The points at which joined columns are asked: the fact's own keys, t = `at`, k = the instant before it was known.

    One for each fact that counts, with its row in `@row` and its `@id` and `@revision`; none for a retraction that does
    not say when what it takes back had happened.
    """
    facts, _ = normalise(events, frame, (), declared_types(events))
    counted = facts.with_row_index(ROW).filter(pl.col(REFUSED).is_null() & pl.col(AT).is_not_null())
    keys = [pl.col(column).alias(entity.name) for entity, column in events.keys.items()]
    # A revision that is delivered twice is one fact: it counts from its first delivery.
    first = pl.col(KNOWN).min().over(ID, REVISION)
    return counted.select(pl.col(ROW).cast(pl.Int64), ID, REVISION, *keys, t=pl.col(AT), k=first - 1)


def joined_columns(joins: Mapping[str, Node], found: Mapping[Leaf, Values], size: int) -> list[pl.Series]:
    """The joined columns at `size` points, from the values of all their aggregates there."""
    return [to_series(column, by_column(node, found, size), node.type) for column, node in joins.items()]


def beside(frame: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """The facts with joined columns given by `@row`; null in those that count nowhere."""
    rows = pl.DataFrame({ROW: pl.int_range(frame.height, eager=True)})
    aligned = rows.join(joined, on=ROW, how="left", maintain_order="left").drop(ROW)
    return frame.drop(aligned.columns, strict=False).hstack(aligned)
