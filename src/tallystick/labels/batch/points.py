"""The batch executor: labels at many points, over history in columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.labels.batch.arrangement import Arrangement, Asked, point_keys
from tallystick.labels.batch.sweep import run
from tallystick.labels.definition.define import Events
from tallystick.labels.kernels import places
from tallystick.labels.kernels.rows import Ints
from tallystick.labels.meaning.facts import ID, T_MAX, T_MIN, Rows, codes, held, instants
from tallystick.labels.meaning.features import floats, meaning
from tallystick.labels.meaning.reasons import NEVER_SEEN, NOT_YET_KNOWN, SOURCE_NULL
from tallystick.labels.meaning.values import Values, to_series
from tallystick.labels.plan import Leaf, needs
from tallystick.labels.words import WORDS


class Points(msgspec.Struct, frozen=True):
    """When and for whom labels are asked: `own_id` where a point is an event's own, null elsewhere."""

    frame: pl.DataFrame
    t: Ints
    k: Ints
    own_stream: pl.Series | None
    own_id: pl.Series | None
    own: dict[str, Ints]
    """Stream → the number of each point's own event in it, -1 for none; filled as streams are read."""


def read_points(points: pl.DataFrame, streams: Mapping[str, Events], rows_of: Callable[[str], Rows]) -> Points:
    """Check the points and fill in k: the own event's first known instant, else t.

    Raises
    ------
    InputError
        When the points are no data frame, t is absent or null, t or k lies outside the years 1 to 9999, the own event
        is named by half, or its id is of another type than the ids of its stream.
    """
    if not isinstance(points, pl.DataFrame):
        raise InputError(WORDS("labels.points_kind", given=type(points).__name__))
    if "t" not in points.columns:
        raise InputError(WORDS("labels.points", given="t", allowed=", ".join(points.columns)))
    t = _instants_of(points, "t")
    if t.null_count():
        raise InputError(WORDS("labels.time_null", row=int(t.is_null().arg_true()[0]) + 1, column="t"))
    _check_range(t, T_MIN)
    given = [name for name in ("stream", "id") if name in points.columns]
    if len(given) == 1:
        raise InputError(WORDS("labels.point_own", given=given[0]))
    stream = _streams_of(points) if given else None
    id = held(points["id"], None, "points") if given else None
    instants = t.to_numpy(writable=True)
    k = _instants_of(points, "k") if "k" in points.columns else None
    if k is not None:
        # A joined column is asked the instant before its fact was known, which may be the first of all.
        _check_range(k, T_MIN - 1)
    numbers: dict[str, Ints] = {}
    if stream is None or id is None:
        known = instants if k is None else k.fill_null(t).to_numpy(writable=True)
        return Points(points, instants, known, None, None, numbers)
    names = _named(stream)
    unknown = set(names) - set(streams)
    if unknown:
        raise InputError(WORDS("labels.no_stream", given=min(unknown), allowed=", ".join(streams)))
    if k is None and len(names) == 1 and not stream.null_count() and not id.null_count():
        # All points are events of one stream, as a rule in its own order.
        rows = rows_of(names[0])
        own = numbers[names[0]] = own_events(rows, id)
        known = rows.first_known if own is rows.event else places.known_at(own, rows.first_known, instants)
        return Points(points, instants, known, stream, id, numbers)
    known = t.to_numpy(writable=True) if k is None else k.fill_null(t).to_numpy(writable=True)
    open_k = id.is_not_null() if k is None else k.is_null() & id.is_not_null()
    for name in _named(stream.filter(open_k)):
        rows = rows_of(name)
        own = numbers[name] = own_events(rows, id)
        chosen = (open_k & (stream == name)).fill_null(False).to_numpy() & (own >= 0)
        known[chosen] = rows.first_known[own[chosen]]
    return Points(points, instants, known, stream, id, numbers)


def _named(stream: pl.Series) -> list[str]:
    """The different names, in the order in which they first come."""
    if stream.len() and not stream.null_count() and (stream == stream[0]).all():
        return [str(stream[0])]
    return stream.drop_nulls().unique(maintain_order=True).to_list()


def _instants_of(points: pl.DataFrame, column: str) -> pl.Series:
    series = points[column]
    if series.dtype == pl.Null:
        return series.cast(pl.Int64)
    if not (series.dtype.is_integer() or series.dtype == pl.Datetime):
        raise _other_type(series, "datetimes, or microseconds as integers")
    try:
        return instants(series).to_physical()
    except pl.exceptions.PolarsError:
        raise _other_type(series, "datetimes, or microseconds as integers of 64 bits") from None


def _check_range(instants: pl.Series, first: int) -> None:
    for edge in (instants.min(), instants.max()):
        if edge is not None and not first <= edge < T_MAX:  # type: ignore[operator]
            raise InputError(WORDS("labels.time_range", given=edge))


def _streams_of(points: pl.DataFrame) -> pl.Series:
    series = points["stream"]
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        raise _other_type(series, "text, the name of a stream")
    return series.cast(pl.String)


def _other_type(series: pl.Series, allowed: str) -> InputError:
    return InputError(WORDS("labels.point_type", column=series.name, given=str(series.dtype), allowed=allowed))


def own_events(rows: Rows, id: pl.Series) -> Ints:
    """The number of each point's own event in the stream, -1 where it has none there.

    Raises
    ------
    InputError
        When the points' ids are of another type than the stream's.
    """
    kind = rows.ids[ID].dtype
    if id.dtype == kind and id.equals(rows.ids[ID]):
        return rows.event if rows.plain else np.arange(id.len())
    if id.dtype != kind and id.null_count() < id.len():
        if rows.ids.height:
            raise _other_type(id, f"{kind} as in the facts")
        return np.full(id.len(), -1, np.int64)
    return codes(id.cast(kind), rows.ids)


def run_at(
    points: Points,
    leaves: Iterable[Leaf],
    streams: Mapping[str, Events],
    rows_of: Callable[[str], Rows],
    zone: str,
    given: Mapping[Leaf, Values] | None = None,
) -> dict[Leaf, Values]:
    """The value of every leaf at every point.

    Parameters
    ----------
    points
        As `read_points` gives them.
    leaves
        Each after the anchors and links that it hangs on.
    streams
        Stream name → its events.
    rows_of
        Gives the row versions of a stream.
    zone
        IANA time zone of calendar units and of instants in filters.
    given
        Anchors and links whose values are known already.
    """
    found: dict[Leaf, Values] = dict(given or {})
    waiting = list(dict.fromkeys(leaves))
    asked: dict[str, Asked] = {}
    while waiting:
        ready = [leaf for leaf in waiting if all(need in found for need in needs(leaf))]
        waiting = [leaf for leaf in waiting if leaf not in set(ready)]
        groups: dict[tuple[str, str, Leaf | None], list[Leaf]] = {}
        for leaf in ready:
            groups.setdefault((leaf.stream, leaf.entity, leaf.via), []).append(leaf)
        for (stream, entity, via), members in groups.items():
            rows = rows_of(stream)
            if stream not in asked:
                asked[stream] = _asked(points, stream, rows)
            if not entity:
                found |= {leaf: _own(rows, leaf, asked[stream]) for leaf in members}
                continue
            link = None if via is None else found[via]
            keys = point_keys(points.frame, entity) if via is None or link is None else _linked(via, link)
            arranged = Arrangement(rows, streams[stream], entity, asked[stream], keys, zone)
            answers = run(arranged, members, found)
            found |= answers if link is None else {leaf: _by_link(one, link) for leaf, one in answers.items()}
    return found


def _asked(points: Points, stream: str, rows: Rows) -> Asked:
    """The points as this stream sees them."""
    size = points.t.size
    own, here = np.full(size, -1, np.int64), np.zeros(size, np.uint8)
    row = own
    if points.own_stream is not None and points.own_id is not None:
        if points.own.get(stream) is rows.event and points.k is rows.known_from:
            return Asked(points.t, points.k, rows.event, rows.event, np.ones(size, np.uint8))
        whose = ((points.own_stream == stream) & points.own_id.is_not_null()).fill_null(False).to_numpy()
        if whose.any():
            if stream not in points.own:
                points.own[stream] = own_events(rows, points.own_id)
            own = np.where(whose, points.own[stream], -1)
            here = whose.astype(np.uint8)
            if rows.plain:
                at = np.maximum(own, 0)
                seen = (own >= 0) & (rows.known_from[at] <= points.k) if rows.at.size else own >= 0
                row = np.where(seen, own, -1)
            else:
                order, starts = places.by_bucket(rows.event, rows.ids.height)
                row = places.own_rows(own, points.k, order, starts, rows.known_from, rows.known_to)
    return Asked(points.t, points.k, own, row, here)


def _own(rows: Rows, leaf: Leaf, asked: Asked) -> Values:
    """A value of the request itself: the own event's column, as known at the point."""
    made = meaning(rows, leaf.feature, "UTC")
    reason = np.full(asked.t.size, NEVER_SEEN, np.uint8)
    seen = (asked.row >= 0) & (rows.at[np.maximum(asked.row, 0)] <= asked.t) if rows.at.size else asked.row >= 0
    of_code = np.array([0, 0, SOURCE_NULL, NOT_YET_KNOWN], np.uint8)
    if not rows.at.size:
        return Values(np.zeros(asked.t.size, np.int64), reason, made.values)
    row = np.maximum(asked.row, 0)
    reason = np.where(seen, of_code[made.code[row]], reason)
    data = np.where(reason == 0, made.x[row], 0)
    return Values(floats(data) if leaf.type.kind == "real" else data, reason, made.values)


def _linked(via: Leaf, link: Values) -> pl.Series:
    """The keys that a link gives, null where it has none."""
    return to_series("via", link, via.type)


def _by_link(values: Values, link: Values) -> Values:
    reason = np.where(link.reason != 0, link.reason, values.reason).astype(np.uint8)
    return msgspec.structs.replace(values, reason=reason)
