"""Labels one entity at a time: how a run is cut into passes, and what one pass computes.

A pass needs only the facts of the keys of its points, so keys can be spread over partitions of a disk or of a cluster.
It runs the engine of `Library.at`. What it hangs on, a link that gives its keys or a life event of another key, comes
from passes before it, with the points. Formulas over several entities are finished when all passes are done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import polars as pl

from tallystick.labels.batch import points as batch
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.library import Library
from tallystick.labels.meaning.facts import Rows, prepare
from tallystick.labels.meaning.values import Values, to_series
from tallystick.labels.plan import Leaf, Node, all_leaves, needs

ROW, PART = "@row", "@part"
GIVEN = "@"
"""Marks the columns of what a pass hangs on."""


class Pass(msgspec.Struct, frozen=True):
    """The leaves that hang on one key of the points.

    Parameters
    ----------
    entity
        Whose key; "" for values of the points' own events, which lie with the event's id.
    via
        The leaf that gives the key, where the point itself does not name it.
    leaves
        What is computed, each after the anchors that it hangs on.
    streams
        Whose facts that needs.
    given
        The link and the anchors of other passes that the leaves hang on.
    """

    entity: str
    via: Leaf | None
    leaves: tuple[Leaf, ...]
    streams: tuple[str, ...]
    given: tuple[Leaf, ...]


def passes_of(nodes: Iterable[Node]) -> tuple[Pass, ...]:
    """The passes that plans need, each after those whose values it is given.

    Examples
    --------
    >>> from tallystick.labels import Entity, Events
    >>> card, shop = Entity("card"), Entity("shop")
    >>> buys = Events("buys", id="id", at="at", keys={card: "card", shop: "shop"})
    >>> opened = buys.per(shop).first_at().over("lifetime")
    >>> labels = {"early": buys.per(card).count().after(opened, within="7d"), "all": buys.per(card).count().over("7d")}
    >>> [one.entity for one in passes_of(Library(labels, {"buys": buys}).nodes().values())]
    ['shop', 'card']
    """
    leaves = tuple(dict.fromkeys(leaf for node in nodes for leaf in all_leaves(node)))
    last: dict[tuple[str, Leaf | None], int] = {}
    for leaf in leaves:
        last[_key(leaf)] = max(_depth(leaf), last.get(_key(leaf), 0))
    # Each as late as what hangs on it allows: the fewer passes over one key, the less is spread.
    turns = {leaf: last[_key(leaf)] for leaf in leaves}
    for leaf in reversed(leaves):
        for need in needs(leaf):
            turns[need] = min(turns[need], turns[leaf] - (_key(need) != _key(leaf)))
    groups: dict[tuple[int, str, Leaf | None], list[Leaf]] = {}
    for leaf, turn in turns.items():
        groups.setdefault((turn, *_key(leaf)), []).append(leaf)
    found = []
    for (_, entity, via), group in sorted(groups.items(), key=lambda one: one[0][0]):
        streams = dict.fromkeys(leaf.stream for leaf in group)
        given = dict.fromkeys(need for leaf in group for need in needs(leaf) if need not in group)
        found.append(Pass(entity, via, tuple(group), tuple(streams), tuple(given)))
    return tuple(found)


def _key(leaf: Leaf) -> tuple[str, Leaf | None]:
    return leaf.entity, leaf.via


def _depth(leaf: Leaf) -> int:
    """How many passes come before the first that can compute a leaf."""
    return max((_depth(need) + (_key(need) != _key(leaf)) for need in needs(leaf)), default=0)


def streams_of(passes: Iterable[Pass]) -> list[str]:
    """The streams whose facts passes read."""
    return list(dict.fromkeys(stream for one in passes for stream in one.streams))


def joined_last(library: Library, streams: Iterable[str]) -> list[str]:
    """Streams and those that their joined columns read, each after what it is joined with."""
    found: dict[str, None] = {}
    for stream in streams:
        joins = library._joins(stream)
        found |= dict.fromkeys((*joined_last(library, streams_of(passes_of(joins.values()))), stream))
    return list(found)


def label_of(library: Library, names: Iterable[str], one: Pass) -> str:
    """The first label that needs a pass."""
    return next(name for name in names if set(library.leaves([name])) & set(one.leaves))


def run_pass(library: Library, one: Pass, points: pl.DataFrame, facts: Mapping[str, Rows]) -> dict[Leaf, Values]:
    """The leaves of a pass at points.

    Parameters
    ----------
    points
        As for `Library.at`, `k` filled in, with the columns of what the pass is given (`to_columns`, marked `GIVEN`);
        the key as a column named by the entity where no link gives it.
    facts
        By stream, the row versions made of all facts of every event that ever had one of the points' keys, or is the
        own event of a point.
    """
    asked = batch.read_points(points, library._typed, facts.__getitem__)
    given = from_columns(one.given, points, GIVEN)
    return batch.run_at(asked, one.leaves, library._typed, facts.__getitem__, library.zone, given)


def open_k(frame: pl.DataFrame) -> pl.Series:
    """Whether a point's k is that of its own event and still to be found."""
    if "id" not in frame.columns:
        return pl.Series([False]).new_from_index(0, frame.height)
    own = frame["id"].is_not_null()
    if "stream" in frame.columns:
        own &= frame["stream"].is_not_null()
    return own & frame["k"].is_null() if "k" in frame.columns else own


def first_known(library: Library, points: pl.DataFrame, facts: Mapping[str, pl.DataFrame]) -> pl.Series:
    """The k of points: as given, else the own event's first known instant, else t; facts need no joined columns."""

    def rows_of(stream: str) -> Rows:
        return _rows(library, stream, facts[stream], library._source_columns(stream))

    return pl.Series("k", batch.read_points(points, library._typed, rows_of).k)


def prepared(library: Library, facts: Mapping[str, pl.DataFrame]) -> dict[str, Rows]:
    """The row versions of streams, of facts that have their joined columns."""
    columns = library._resolved.columns
    return {stream: _rows(library, stream, frame, columns[stream]) for stream, frame in facts.items()}


def _rows(library: Library, stream: str, frame: pl.DataFrame, columns: Iterable[str]) -> Rows:
    events = library._typed[stream]
    return prepare(events, frame, columns, declared_types(events))


def to_columns(leaves: Sequence[Leaf], found: Mapping[Leaf, Values], mark: str = "") -> list[pl.Series]:
    """Values as columns that can be kept: `v0`, `r0` (the reason) and, of leaves with a cap, `a0`, and so on.

    With a mark it stands before the number.
    """
    columns = []
    for i, leaf in enumerate(leaves):
        values = found[leaf]
        data = pl.Series(values.data) if leaf.type.kind != "text" else to_series("", values, leaf.type)
        columns += [data.alias(f"v{mark}{i}"), pl.Series(f"r{mark}{i}", values.reason)]
        if leaf.cap:
            exact = np.zeros(values.reason.size, np.bool_)
            columns.append(pl.Series(f"a{mark}{i}", exact if values.approximate is None else values.approximate))
    return columns


def from_columns(leaves: Sequence[Leaf], frame: pl.DataFrame, mark: str = "") -> dict[Leaf, Values]:
    """The values of `to_columns`."""
    found = {}
    for i, leaf in enumerate(leaves):
        data, reason = frame[f"v{mark}{i}"], frame[f"r{mark}{i}"].cast(pl.UInt8).to_numpy()
        approximate = frame[f"a{mark}{i}"].to_numpy() if leaf.cap else None
        if data.dtype == pl.String:
            found[leaf] = Values(np.arange(frame.height), reason, data, approximate)
        else:
            found[leaf] = Values(data.to_numpy(), reason, None, approximate)
    return found


def no_values(leaves: Iterable[Leaf]) -> dict[Leaf, Values]:
    """The values at no points."""
    found = {}
    for leaf in leaves:
        kind, texts = leaf.type.kind, pl.Series([], dtype=pl.String)
        data = np.zeros(0, np.float64 if kind == "real" else np.int64)
        found[leaf] = Values(data, np.zeros(0, np.uint8), texts if kind == "text" else None)
    return found
