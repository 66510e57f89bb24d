"""Labels one entity at a time: how a run is cut into passes, what one pass computes, and how passes become labels.

A pass needs only the facts of the keys of its points, so keys can be spread over partitions of a disk or of a cluster.
It runs the engine of `Library.at`; formulas over several entities are finished when all passes are done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.labels.batch import points as batch
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.library import Library, RowsOf
from tallystick.labels.meaning.facts import Rows, prepare
from tallystick.labels.meaning.values import Values, to_series
from tallystick.labels.plan import Leaf, all_leaves
from tallystick.labels.words import WORDS

ROW, PART = "@row", "@part"


class Pass(msgspec.Struct, frozen=True):
    """The leaves that hang on one key of the points.

    Parameters
    ----------
    entity
        Whose key; "" for values of the points' own events, which lie with the event's id.
    via
        The leaf that gives the key, where the point itself does not name it.
    leaves
        What is computed.
    streams
        Whose facts that needs.
    """

    entity: str
    via: Leaf | None
    leaves: tuple[Leaf, ...]
    streams: tuple[str, ...]


def passes_of(library: Library, names: Iterable[str]) -> tuple[Pass, ...]:
    """The passes that labels need, each after the one whose values name its keys.

    Raises
    ------
    InputError
        For a label whose window hangs on a life event of another key, or that reads a joined column: these need facts
        of several keys at once.
    """
    groups: dict[tuple[str, Leaf | None], list[Leaf]] = {}
    for name in names:
        for leaf in library.leaves([name]):
            _require_apart(library, name, leaf)
            group = groups.setdefault((leaf.entity, leaf.via), [])
            if leaf not in group:
                group.append(leaf)
    found = []
    for (entity, via), group in groups.items():
        streams = dict.fromkeys(part.stream for leaf in group for part in all_leaves(_here(leaf)))
        found.append(Pass(entity, via, tuple(group), tuple(streams)))
    return tuple(sorted(found, key=lambda one: _depth(one.via)))


def label_of(library: Library, names: Iterable[str], one: Pass) -> str:
    """The first label that needs a pass."""
    return next(name for name in names if set(library.leaves([name])) & set(one.leaves))


def _require_apart(library: Library, name: str, leaf: Leaf) -> None:
    anchor = leaf.window.anchor
    if anchor is not None and (anchor.entity, anchor.via) != (leaf.entity, leaf.via):
        raise InputError(WORDS("labels.apart_anchor", name=name, entity=leaf.entity, other=anchor.entity))
    joins = library._joins(leaf.stream)
    if joins:
        raise InputError(WORDS("labels.apart_join", name=name, stream=leaf.stream, columns=", ".join(joins)))


def _depth(via: Leaf | None) -> int:
    return 0 if via is None else 1 + _depth(via.via)


def _here(leaf: Leaf) -> Leaf:
    """The leaf for points that carry its key themselves."""
    anchor = leaf.window.anchor
    if anchor is None:
        return msgspec.structs.replace(leaf, via=None)
    return msgspec.structs.replace(leaf, via=None, window=msgspec.structs.replace(leaf.window, anchor=_here(anchor)))


def run_pass(library: Library, one: Pass, points: pl.DataFrame, rows_of: RowsOf) -> dict[Leaf, Values]:
    """The leaves of a pass at points that carry its key as a column named by the entity, and `t`, `k` and own events.

    Parameters
    ----------
    points
        As for `Library.at`, `k` filled in.
    rows_of
        Gives, by stream, the row versions made of all facts of every event that ever had one of the points' keys, or
        is the own event of a point.
    """
    asked = batch.read_points(points, library._typed, rows_of)
    here = {leaf: _here(leaf) for leaf in one.leaves}
    wanted = list(dict.fromkeys(part for leaf in here.values() for part in all_leaves(leaf)))
    found = batch.run_at(asked, wanted, library._typed, rows_of, library.zone)
    return {leaf: found[stripped] for leaf, stripped in here.items()}


def open_k(frame: pl.DataFrame) -> pl.Series:
    """Whether a point's k is that of its own event and still to be found."""
    if "id" not in frame.columns:
        return pl.Series([False]).new_from_index(0, frame.height)
    own = frame["id"].is_not_null()
    if "stream" in frame.columns:
        own &= frame["stream"].is_not_null()
    return own & frame["k"].is_null() if "k" in frame.columns else own


def first_known(library: Library, points: pl.DataFrame, rows_of: RowsOf) -> pl.Series:
    """The k of points: as given, else the own event's first known instant, else t."""
    asked = batch.read_points(points, library._typed, rows_of)
    return pl.Series("k", asked.k)


def reader(library: Library, facts: Mapping[str, pl.DataFrame]) -> RowsOf:
    """Gives the row versions of a stream, made when first asked for."""
    made: dict[str, Rows] = {}

    def rows_of(stream: str) -> Rows:
        if stream not in made:
            events = library._typed[stream]
            made[stream] = prepare(events, facts[stream], library._resolved.columns[stream], declared_types(events))
        return made[stream]

    return rows_of


def to_columns(one: Pass, found: Mapping[Leaf, Values]) -> list[pl.Series]:
    """Values as columns that can be kept: `v0`, `r0` (the reason) and, of leaves with a cap, `a0`, and so on."""
    columns = []
    for i, leaf in enumerate(one.leaves):
        values = found[leaf]
        data = pl.Series(values.data) if leaf.type.kind != "text" else to_series("", values, leaf.type)
        columns += [data.alias(f"v{i}"), pl.Series(f"r{i}", values.reason)]
        if leaf.cap:
            exact = np.zeros(values.reason.size, np.bool_)
            columns.append(pl.Series(f"a{i}", exact if values.approximate is None else values.approximate))
    return columns


def from_columns(one: Pass, frame: pl.DataFrame) -> dict[Leaf, Values]:
    """The values of `to_columns`."""
    found = {}
    for i, leaf in enumerate(one.leaves):
        data, reason = frame[f"v{i}"], frame[f"r{i}"].to_numpy()
        approximate = frame[f"a{i}"].to_numpy() if leaf.cap else None
        if data.dtype == pl.String:
            found[leaf] = Values(np.arange(frame.height), reason, data, approximate)
        else:
            found[leaf] = Values(data.to_numpy(), reason, None, approximate)
    return found


def overlay(found: Mapping[Leaf, Values], via: Values | None) -> dict[Leaf, Values]:
    """Values of a pass whose keys another leaf gave: missing, for its reason, where it gave none."""
    if via is None or not via.reason.any():
        return dict(found)
    return {
        leaf: msgspec.structs.replace(values, reason=np.where(via.reason != 0, via.reason, values.reason))
        for leaf, values in found.items()
    }
