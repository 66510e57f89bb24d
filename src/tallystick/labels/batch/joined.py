"""Joined columns over history: what a label of another stream was for each fact, just before the fact was known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from tallystick.labels.definition.define import Events
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.meaning.facts import AT, ID, KNOWN, REFUSED, REVISION, normalise
from tallystick.labels.plan import Node

_ROW = "@row"


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
        Gives the joined columns at points: the facts' own keys, t = `at`, k = the instant before they were known.
    """
    facts, _ = normalise(events, frame, (), declared_types(events))
    # A revision that is delivered twice is one fact: it counts from its first delivery.
    first = facts.with_row_index(_ROW).with_columns(
        pl.when(pl.col(REFUSED).is_null()).then(pl.col(KNOWN)).min().over(ID, REVISION).alias(KNOWN)
    )
    asked = first.filter(pl.col(REFUSED).is_null() & pl.col(AT).is_not_null())
    keys = [asked[column].alias(entity.name) for entity, column in events.keys.items()]
    points = pl.DataFrame([asked[AT].alias("t"), (asked[KNOWN] - 1).alias("k"), *keys])
    found = pl.DataFrame(
        [asked[_ROW], *(values.alias(column) for column, values in zip(joins, values_at(points), strict=True))]
    )
    rows = pl.DataFrame({_ROW: pl.int_range(frame.height, dtype=pl.UInt32, eager=True)})
    aligned = rows.join(found, on=_ROW, how="left", maintain_order="left").drop(_ROW)
    return frame.drop(list(joins), strict=False).hstack(aligned)
