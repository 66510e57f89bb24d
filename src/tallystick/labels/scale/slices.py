"""Partitions that one key makes too large, cut by time.

A window that reaches back no further than some span needs no older facts. So the points of a slice of time need the
facts of that slice and, as its head, those of the longest span before it. Of the facts before the head two for each key
stay, those known first: they tell an expired value from one that was never seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec
import numpy as np
import polars as pl

from tallystick.core import FieldType
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.kernels.rows import FOREVER, Ints
from tallystick.labels.library import Library
from tallystick.labels.meaning.facts import AT, ID, KNOWN, REFUSED, held, normalise
from tallystick.labels.meaning.windows import reach
from tallystick.labels.scale.exchange import Exchange
from tallystick.labels.scale.passes import Pass
from tallystick.labels.scale.sources import Repeats


class Spread(msgspec.Struct, frozen=True):
    """Points and facts of a pass by partition, and which ids of a stream may come more than once."""

    one: Pass
    points: Exchange
    facts: Mapping[str, Exchange]
    repeats: Mapping[str, Repeats]

    def take(self, part: int) -> tuple[pl.DataFrame | None, dict[str, pl.DataFrame | None]]:
        """All of a partition, and delete its files."""
        return self.points.take(part), {stream: exchange.take(part) for stream, exchange in self.facts.items()}


def reaches(one: Pass) -> dict[str, int]:
    """How far back a pass needs each stream; without those of which it needs all."""
    found: dict[str, int | None] = {}
    for leaf in one.leaves:
        back, before = reach(leaf), found.get(leaf.stream, 0)
        found[leaf.stream] = None if back is None or before is None else max(back, before)
    return {stream: back for stream, back in found.items() if back is not None}


def cuts(at: Ints, back: int, rows: int) -> list[int]:
    """Instants at which to cut facts, so that a slice has `rows` facts at the most, those before it included.

    Where the facts of the longest window alone are more than half of that, a slice has as many again: it costs at the
    most twice what it would without a head.

    Parameters
    ----------
    at
        When the facts happened, ascending.
    back
        How far a slice reaches back, microseconds, 1 or more.
    rows
        1 or more.

    Examples
    --------
    >>> cuts(np.arange(10), 2, 5)
    [5, 9]
    """
    found: list[int] = []
    start = 0
    while True:
        head = start - int(np.searchsorted(at, at[start] - back, side="right"))
        stop = start + max(rows - head, head, 1)
        if stop < at.size:
            # Facts of one instant are never parted.
            first = int(np.searchsorted(at, at[stop], side="left"))
            stop = first if first > start else int(np.searchsorted(at, at[stop], side="right"))
        if stop >= at.size:
            return found
        found.append(int(at[stop]))
        start = stop


def slices(
    library: Library, spread: Spread, part: int, rows: int
) -> Iterator[tuple[pl.DataFrame | None, dict[str, pl.DataFrame | None]]]:
    """The points of a partition with the facts that they need: all at once, or slice by slice of time.

    Parameters
    ----------
    library
        Whose streams.
    spread
        The partitions; the files of this one are deleted.
    part
        Which.
    rows
        From how many facts on it is cut, 1 or more.
    """
    back = reaches(spread.one) if spread.one.entity else {}
    if sum(spread.facts[stream].heights[part] for stream in back) <= rows:
        yield spread.take(part)
        return
    happened = [_instants(library, stream, frame) for stream in back for frame in spread.facts[stream].pieces(part)]
    edges = [-FOREVER, *cuts(np.sort(np.concatenate(happened)), max(back.values()), rows), FOREVER]
    del happened
    for low, high in pairwise(edges):
        asked = spread.points.read(part, pl.col("t").is_between(low, high, "left"))
        if asked is None or not asked.height:
            continue
        given = {}
        for stream in spread.facts:
            first = low - back[stream] if stream in back and low > -FOREVER else -FOREVER
            given[stream] = _facts(library, spread, stream, part, first, high)
        yield asked, given
    for exchange in (spread.points, *spread.facts.values()):
        exchange.drop(part)


def _instants(library: Library, stream: str, frame: pl.DataFrame) -> Ints:
    column = frame[library.streams[stream].at]
    return held(column, FieldType("instant"), stream).to_physical().drop_nulls().to_numpy()


def _facts(library: Library, spread: Spread, stream: str, part: int, low: int, high: int) -> pl.DataFrame | None:
    """The facts of a stream within (low, high), all of events that come again, and of each key two that are older."""
    events = library._typed[stream]
    key = next(column for entity, column in events.keys.items() if entity.name == spread.one.entity)
    kept: list[pl.DataFrame] = []
    older: list[pl.DataFrame] = []
    for frame in spread.facts[stream].pieces(part):
        checked, _ = normalise(events, frame, (), declared_types(events))
        at, ids = checked[AT], checked[ID]
        wanted = ((at > low) & (at < high)).fill_null(False) | pl.Series(spread.repeats[stream].of(ids))
        kept.append(frame.filter(wanted))
        before = (at <= low).fill_null(False) & checked[REFUSED].is_null() & ~wanted
        if before.any():
            older.append(_first_known(frame.with_columns(checked[KNOWN]).filter(before), key))
    if older:
        kept.append(_first_known(pl.concat(older), key).drop(KNOWN))
    return pl.concat(kept, rechunk=True) if kept else None


def _first_known(facts: pl.DataFrame, key: str) -> pl.DataFrame:
    # A point's own event does not count as seen before it, so one alone might not tell.
    return facts.sort(KNOWN).filter(pl.int_range(pl.len()).over(key) < 2)
