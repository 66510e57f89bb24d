"""The batch executor: labels at many points, over history in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType, InputError
from tallystick.labels import sweeps
from tallystick.labels.define import Events
from tallystick.labels.facts import AWAITING, ID, T_MAX, T_MIN, Rows, codes, held, instants
from tallystick.labels.filters import mask
from tallystick.labels.kernels import AWAITING as WAITS
from tallystick.labels.kernels import FOREVER, Codes, Ints
from tallystick.labels.resolve import Leaf
from tallystick.labels.windows import after_all
from tallystick.labels.words import WORDS

REASONS = ("", "never_seen", "expired", "not_yet_known", "source_null", "undefined")
NEVER_SEEN, EXPIRED, NOT_YET_KNOWN, SOURCE_NULL, UNDEFINED = 1, 2, 3, 4, 5
_OF_SWEEP = np.array([0, NOT_YET_KNOWN, SOURCE_NULL, EXPIRED, UNDEFINED], np.uint8)


class Values(msgspec.Struct, frozen=True):
    """One value for each point: int64 or float64 (text as numbers into `texts`), and a reason where there is none."""

    data: NDArray[Any]
    reason: Codes
    texts: pl.Series | None = None


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
        When t is absent or null, or the own event is named by half.
    """
    if "t" not in points.columns:
        raise InputError(WORDS("labels.points", given="t", allowed=", ".join(points.columns)))
    t = _instants_of(points, "t")
    if t.null_count():
        raise InputError(WORDS("labels.time_null", row=int(t.is_null().arg_true()[0]) + 1, column="t"))
    if points.height:
        for edge in (t.min(), t.max()):
            if not T_MIN <= int(edge) < T_MAX:  # type: ignore[arg-type]
                raise InputError(WORDS("labels.time_range", given=edge))
    given = [name for name in ("stream", "id") if name in points.columns]
    if len(given) == 1:
        raise InputError(WORDS("labels.point_own", given=given[0]))
    stream = points["stream"].cast(pl.String) if given else None
    id = held(points["id"], None, "points") if given else None
    instants = t.to_numpy(writable=True)
    k = (
        _instants_of(points, "k")
        if "k" in points.columns
        else pl.Series("k", [None], pl.Int64).new_from_index(0, points.height)
    )
    known = k.fill_null(t).to_numpy(writable=True)
    numbers: dict[str, Ints] = {}
    if stream is not None and id is not None:
        unknown = set(stream.drop_nulls().unique()) - set(streams)
        if unknown:
            raise InputError(WORDS("labels.no_stream", given=min(unknown), allowed=", ".join(streams)))
        if k.null_count():
            open_k = k.is_null() & id.is_not_null()
            for name in stream.filter(open_k).drop_nulls().unique(maintain_order=True):
                rows = rows_of(name)
                own = numbers[name] = own_events(rows, id)
                chosen = (open_k & (stream == name)).fill_null(False).to_numpy() & (own >= 0)
                known[chosen] = rows.first_known[own[chosen]]
    return Points(points, instants, known, stream, id, numbers)


def _instants_of(points: pl.DataFrame, column: str) -> pl.Series:
    series = points[column]
    if series.dtype == pl.Null:
        return series.cast(pl.Int64)
    if not (series.dtype.is_integer() or series.dtype == pl.Datetime):
        allowed = "datetimes, or microseconds as integers"
        raise InputError(WORDS("labels.point_type", column=column, given=str(series.dtype), allowed=allowed))
    return instants(series).to_physical()


def own_events(rows: Rows, id: pl.Series) -> Ints:
    """The number of each point's own event in the stream, -1 where it has none there."""
    kind = rows.ids[ID].dtype
    if id.dtype != kind and id.null_count() < id.len():
        # Ids of another type name events of another stream.
        return np.full(id.len(), -1, np.int64)
    return codes(id.cast(kind), rows.ids)


class Arrangement:
    """The rows of a stream by the keys of one entity, and the points by those rows; made once, used by every label."""

    def __init__(self, rows: Rows, events: Events, entity: str, points: Points, zone: str) -> None:
        self.rows, self.zone = rows, zone
        column = next(column for key, column in events.keys.items() if key.name == entity)
        keys = rows.frame.select(column).unique()
        self.order, self.starts = sweeps.by_bucket(codes(rows.frame[column], keys), keys.height)
        self.at, self.event = rows.at[self.order], rows.event[self.order]
        self.known_from, self.known_to = rows.known_from[self.order], rows.known_to[self.order]
        settled = sweeps.settle(self.starts, self.known_from, self.known_to)
        self._place(points, events.stream, codes(_point_keys(points.frame, entity, keys), keys))
        self._settled = settled
        self._bounds: dict[bool, tuple[Ints, Codes]] = {}
        self._seen: dict[bool, Codes] = {}

    def _place(self, points: Points, stream: str, key: Ints) -> None:
        rows, size = self.rows, points.t.size
        own, ordered = np.full(size, -1, np.int64), np.zeros(size, np.uint8)
        row = own
        if points.own_stream is not None and points.own_id is not None:
            here = ((points.own_stream == stream) & points.own_id.is_not_null()).fill_null(False).to_numpy()
            if here.any():
                if stream not in points.own:
                    points.own[stream] = own_events(rows, points.own_id)
                own = np.where(here, points.own[stream], -1)
                ordered = here.astype(np.uint8)
                order, starts = sweeps.by_bucket(rows.event, rows.ids.height)
                row = sweeps.own_rows(own, points.k, order, starts, rows.known_from, rows.known_to)
        start, end = sweeps.row_ends(key, sweeps.cuts(points.t, ordered, row, rows.at), self.starts, self.order)
        by_time = points.t if (np.diff(points.t) >= 0).all() else None
        first = np.arange(size) if by_time is not None else np.argsort(points.t, kind="stable")
        self.sequence = first[sweeps.by_bucket(end[first], self.at.size + 1)[0]]
        take = self.sequence
        self.t, self.k, self.own = points.t[take], points.k[take], own[take]
        self.start, self._end, self._key = start[take], end[take], key[take]
        self._moved = ((row >= 0) & (rows.at[row] != points.t))[take] if rows.at.size else np.zeros(size, np.bool_)

    def ends(self, present: bool) -> tuple[Ints, Codes]:
        """Where each point's facts end, and whether all before is settled at its k."""
        if present not in self._bounds:
            end = self._end
            if present:
                stop = np.where(self._key >= 0, self.starts[self._key + 1], 0)
                end = sweeps.with_own(end, self.own, self.t, stop, self.event, self.at)
            settled = np.ones(end.size, np.bool_)
            some = end > self.start
            settled[some] = self._settled[end[some] - 1] <= self.k[some]
            self._bounds[present] = end, (settled & ~self._moved).astype(np.uint8)
        return self._bounds[present]

    def window(self, leaf: Leaf) -> tuple[Ints, Ints]:
        """The rows [low, high) of a label's window at each point."""
        end, _ = self.ends(leaf.including_present)
        high = sweeps.window_ends(self.at, self.start, end, self.t - leaf.delay_micros) if leaf.delay_micros else end
        after = after_all(self.t, leaf.window_micros, leaf.delay_micros, self.zone)
        return sweeps.window_starts(self.at, self.start, high, after), high

    def reasons(self, leaf: Leaf, why: Codes) -> Codes:
        """Reasons from what a sweep says; a key without any known fact was never seen."""
        found = _OF_SWEEP[why]
        if (why == sweeps.NONE).any():
            present = leaf.including_present
            if present not in self._seen:
                end, _ = self.ends(present)
                self._seen[present] = sweeps.seen(
                    self.start, end, self.k, self.own, present, self.known_from, self.known_to, self.event
                )
            found[(why == sweeps.NONE) & (self._seen[present] == 0)] = NEVER_SEEN
        return found

    def back(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values in the order of the points as given."""
        found = np.empty_like(values)
        found[self.sequence] = values
        return found


def _point_keys(frame: pl.DataFrame, entity: str, keys: pl.DataFrame) -> pl.Series:
    given, wanted = held(frame[entity], None, "points"), keys.dtypes[0]
    if given.null_count() == given.len():
        return given.cast(wanted)
    if given.dtype != wanted and keys.height:
        raise InputError(
            WORDS(
                "labels.point_type", column=entity, given=str(frame[entity].dtype), allowed=f"{wanted} as in the facts"
            )
        )
    return given.cast(wanted, strict=False)


class Feature(msgspec.Struct, frozen=True):
    """What a row means to the labels that share a column and a filter."""

    code: Codes
    value: Ints
    texts: pl.Series | None
    values: int


def feature(rows: Rows, column: str, where: str, coded: bool, zone: str) -> Feature:
    """The code and value of every row; `coded` numbers the different values densely."""
    frame = rows.frame
    size = frame.height
    code, value = np.ones(size, np.uint8), rows.at
    texts, values = None, 0
    if column:
        series = frame[column]
        code[series.is_null().to_numpy()] = 2
        waiting = AWAITING + column
        if waiting in frame.columns:
            code[frame[waiting].fill_null(False).to_numpy()] = WAITS
        if coded or series.dtype == pl.String:
            unique = series.to_frame().unique().drop_nulls()
            value, values = codes(series, unique), unique.height
            texts = unique[column] if series.dtype == pl.String else None
        else:
            value = integers(series)
    if where:
        code[~mask(where, frame, rows.types, zone).to_numpy()] = 0
    return Feature(code, value, texts, values)


def integers(series: pl.Series) -> Ints:
    """A column as int64 of the same order; a float by its bits."""
    if series.dtype == pl.Float64:
        bits = series.fill_null(0.0).to_numpy(writable=True).view(np.int64)
        return bits ^ ((bits >> 63) & np.int64(FOREVER))
    return series.to_physical().cast(pl.Int64).fill_null(0).to_numpy(writable=True)


def floats(values: Ints) -> NDArray[np.float64]:
    """The floats of `integers`."""
    return (values ^ ((values >> 63) & np.int64(FOREVER))).view(np.float64)


def run(a: Arrangement, leaves: list[Leaf]) -> dict[Leaf, Values]:
    """The values of labels of one stream and entity, feature by feature, so that little is held at once."""
    found: dict[Leaf, Values] = {}
    groups: dict[tuple[str, str, bool], list[Leaf]] = {}
    for leaf in leaves:
        groups.setdefault((leaf.column, leaf.where, leaf.kind == "distinct"), []).append(leaf)
    for (column, where, coded), members in groups.items():
        made = feature(a.rows, column, where, coded, a.zone)
        made = Feature(made.code[a.order], made.value[a.order], made.texts, made.values)
        found |= _group(a, made, members)
    return found


def _group(a: Arrangement, made: Feature, members: list[Leaf]) -> dict[Leaf, Values]:
    found: dict[Leaf, Values] = {}
    counts = sweeps.count_prefix(made.code, a.known_to)
    kinds = {leaf.kind for leaf in members}
    sums = None
    if kinds & {"sum", "mean", "std"}:
        sums = sweeps.sum_prefix(made.code, made.value, a.known_to, "std" in kinds)
    links = sweeps.edge_links(made.code, a.known_to) if kinds & {"first", "last", "since_last"} else None
    windows: dict[tuple[int, int, bool], list[Leaf]] = {}
    for leaf in members:
        windows.setdefault((leaf.window_micros, leaf.delay_micros, leaf.including_present), []).append(leaf)
    for same in windows.values():
        low, high = a.window(same[0])
        present = same[0].including_present
        rows = (made.code, made.value, a.known_from, a.known_to, a.event)
        bounds = (low, high, a.k, a.own, present, a.ends(present)[1])
        for kind, values, why in _aggregate(same, made, rows, bounds, counts, sums, links, a):
            leaf = next(leaf for leaf in same if leaf.kind == kind)
            reason = a.back(a.reasons(leaf, why)) if why.any() else np.zeros(why.size, np.uint8)
            found[leaf] = Values(a.back(values), reason, made.texts if kind in ("first", "last") else None)
    return found


def _aggregate(
    same: list[Leaf],
    made: Feature,
    rows: tuple[Any, ...],
    bounds: tuple[Any, ...],
    counts: Any,
    sums: Any,
    links: Any,
    a: Arrangement,
) -> Any:
    """The aggregates of one window: (kind, values, why)."""
    kinds = {leaf.kind for leaf in same}
    given = (*rows, *bounds)
    real = {leaf.kind for leaf in same if leaf.type.kind == "real"}
    if kinds & {"count", "share", "mean", "std", "sum"}:
        valid, total, why = sweeps.sweep_counts(*(*given, counts))
    if "count" in kinds:
        yield "count", valid, np.zeros_like(why)
    if "share" in kinds:
        share = np.divide(valid, total, out=np.zeros(total.size), where=total > 0)
        yield "share", share, np.where(total > 0, 0, sweeps.NONE).astype(np.uint8)
    if kinds & {"sum", "mean", "std"}:
        squares = "std" in kinds
        high, low, q = sweeps.sweep_sums(*(*given, *sums, squares))
        if "sum" in kinds:
            yield "sum", *sweeps.finish_sums(high, low, why)
        if "mean" in kinds:
            yield "mean", sweeps.finish_means(high, low, valid), why
        if squares:
            yield "std", *deviations(high, low, q, valid, why)
    for kind in ("min", "max"):
        if kind in kinds:
            best, why = sweeps.sweep_extremes(*(*given, kind == "max", counts))
            yield kind, floats(best) if kind in real else best, why
    for kind in ("first", "last", "since_last"):
        if kind in kinds:
            value, visible = made.value, (made.code, *given[2:])
            row, why = sweeps.sweep_edges(*(*visible, kind != "first", *links, counts))
            edge = value[np.maximum(row, 0)] if value.size else np.zeros(row.size, np.int64)
            if kind == "since_last":
                edge = np.where(row >= 0, a.t - edge, 0)
            yield kind, floats(edge) if kind in real else edge, why
    if "distinct" in kinds:
        different, why = sweeps.sweep_distinct(*(*given, made.values, counts))
        yield "distinct", different, np.where(why == sweeps.NONE, 0, why).astype(np.uint8)


def deviations(high: Ints, low: Any, q: Any, valid: Ints, why: Codes) -> tuple[NDArray[np.float64], Codes]:
    """Sample deviations; the few that need more than 128 bits are taken in Python's integers, to the same bits."""
    found, reason, wide = sweeps.finish_deviations(high, low, q, valid, why)
    for p in np.flatnonzero(wide):
        total = (int(high[p]) << 64) + int(low[p])
        squares = int(q[p, 0]) + (int(q[p, 1]) << 64) + (int(q[p, 2]) << 128)
        found[p] = deviation(int(valid[p]), total, squares)
    return found, reason


def deviation(n: int, total: int, squares: int) -> float:
    """The sample deviation from exact n, Σx, Σx²: each of two integers to the nearest double, one division, one root.

    Examples
    --------
    >>> deviation(2, 4, 10)
    1.4142135623730951
    """
    return float(np.sqrt(float(n * squares - total * total) / float(n * (n - 1))))


def to_series(name: str, values: Values, kind: FieldType) -> pl.Series:
    """Values as a column of the label's type, null where missing."""
    present = pl.Series(values.reason == 0)
    if kind.kind == "text":
        assert values.texts is not None
        numbers = pl.Series(np.maximum(values.data, 0))
        found = (
            values.texts.gather(numbers)
            if values.texts.len()
            else pl.Series([None], dtype=pl.String).new_from_index(0, numbers.len())
        )
    else:
        found = pl.Series(values.data)
        casts: dict[str, Any] = {"flag": pl.Boolean, "instant": pl.Datetime("us", "UTC")}
        if kind.kind == "date":
            found = found.cast(pl.Int32).cast(pl.Date)
        elif kind.kind in casts:
            found = found.cast(casts[kind.kind])
    if not values.reason.any():
        return found.alias(name)
    return found.to_frame("v").select(pl.when(present).then(pl.col("v")).otherwise(None).alias(name)).to_series()


def to_reasons(name: str, values: Values) -> pl.Series:
    """The reasons as a text column, null where there is a value."""
    table = pl.Series([None, *REASONS[1:]], dtype=pl.String)
    if not values.reason.any():
        return table.new_from_index(0, values.reason.size).alias(f"{name}__missing")
    return table.gather(pl.Series(values.reason)).alias(f"{name}__missing")
