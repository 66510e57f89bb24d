"""Small batches of events: taken in and answered in columns where all is plain, to the result of one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType, InputError
from tallystick.labels.definition.resolve import Definition
from tallystick.labels.kernels import answers, quick
from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels.rows import APPROXIMATE, FOREVER, NULL, VALUE, Ints
from tallystick.labels.live.arena import Arena
from tallystick.labels.live.book import Book
from tallystick.labels.live.outcomes import Batch, Observed, Vector
from tallystick.labels.live.point import Plan
from tallystick.labels.live.programs import NUMBERED, REAL, STATUS, Group
from tallystick.labels.live.revisions import to_int
from tallystick.labels.live.warming import base_rows
from tallystick.labels.meaning.arithmetic import by_column
from tallystick.labels.meaning.facts import AT, ID, KNOWN, SEQUENCE, T_MAX, T_MIN, Rows, held, instants
from tallystick.labels.meaning.features import Meaning, floats
from tallystick.labels.meaning.filters import KNOWN_DTYPES
from tallystick.labels.meaning.reasons import REASONS
from tallystick.labels.meaning.values import Values, to_series
from tallystick.labels.meaning.windows import bounds_all
from tallystick.labels.plan import Feature, Node
from tallystick.labels.words import WORDS

_LISTS = ("top", "sequence")
_NOTHING = (
    *(np.zeros((0, quick.PROGRAM_WORDS), np.int64), np.zeros((1, 1, 2), np.int64), np.zeros((0, 0, 3), np.int64)),
)
_DTYPES: Mapping[str, Any] = {
    "real": pl.Float64,
    "text": pl.String,
    "flag": pl.Boolean,
    "date": pl.Date,
    "instant": pl.Datetime("us", "UTC"),
}


class Done(msgspec.Struct, frozen=True):
    """A batch that was taken in, and the greatest instant at which an event of it was known."""

    batch: Batch
    known: int


def one_stream(
    events: pl.DataFrame, stream: str | None
) -> tuple[pl.DataFrame | Iterator[Mapping[str, Any]], str | None]:
    """A frame of one stream without the column `stream`; the rows one by one where it holds several."""
    if "stream" not in events.columns:
        if stream is None:
            raise InputError(WORDS("labels.batch_stream", allowed=", ".join(events.columns)))
        return events, stream
    names = events["stream"].unique()
    if names.len() == 1 and names[0] is not None:
        return events.drop("stream"), str(names[0])
    return events.iter_rows(named=True), None


def rows_of(events: pl.DataFrame | Iterable[Mapping[str, Any]], stream: str | None) -> Iterable[Mapping[str, Any]]:
    """The events of a frame one by one."""
    if not isinstance(events, pl.DataFrame):
        return events
    return ({**row, "stream": stream} for row in events.iter_rows(named=True))


def take_in(book: Book, frame: pl.DataFrame, plan: Plan | None, zone: str, line: int) -> Done | None:
    """Take a frame of new facts in by compiled calls; None where something is not plain, and nothing was touched.

    Plain are new events, once each, none retracted, none refused, of columns of the types that are known, without
    late confirmation; and labels without links, anchors, lists and request values.
    """
    if plan is not None and not _plain_plan(plan):
        return None
    rows = _plain_rows(book, frame, line)
    if rows is None:
        return None
    if plan is not None and not all(entity in book.entities for entity in plan.entities):
        return None
    ids = rows.ids[ID].to_list()
    base = base_rows(book, rows, by_number)
    book.ids.update(zip(ids, rows.event.tolist(), strict=True))
    book.numbered += len(ids)
    book.past.add(rows.event, rows.frame)
    points = np.stack([rows.at, rows.known_from], axis=1)
    found: dict[int, Values] = {}
    groups = [] if plan is None else plan.groups
    for group in groups:
        for place, values in zip(group.places, _run(book, group, base, points, rows, zone), strict=True):
            found[place] = values
    asked = {group.entity for group in groups if group.book is book}
    for entity, key in zip(book.entities, book.keys, strict=True):
        if entity not in asked:
            arena = book.arenas[entity]
            drive(book, arena, *_NOTHING, arena.take_slots(rows.frame[key].to_list()), base, points, True)
    observed = [Observed(book.definition.stream, id, 0, True) for id in ids]
    answered = None if plan is None else _columns(plan, found, len(ids))
    return Done(Batch(observed, answered), int(rows.known_from.max()))


def by_number(book: Book, feature: Feature, rows: Rows) -> Meaning | None:
    """What rows mean to a feature without a filter over a numbered column; a few rows need no table of values."""
    if feature.where or feature.other:
        return None
    series = rows.frame[feature.column]
    plain = series.to_physical() if isinstance(series.dtype, pl.Datetime) else series
    numbers = book.numbers[feature.column]
    values = plain.to_list()
    found = [numbers.get(value, -1) for value in values]
    code = np.full(len(found), VALUE, np.uint8)
    if -1 in found:
        for i, number in enumerate(found):
            if number < 0:
                found[i] = 0 if values[i] is None else book.number(feature.column, values[i])
        code[series.is_null().to_numpy()] = NULL
    x = np.array(found, np.int64)
    return Meaning(code, x, x, None)


def _plain_plan(plan: Plan) -> bool:
    return plan.alone and not any(leaf.kind in _LISTS for group in plan.groups for leaf in group.leaves)


def _plain_rows(book: Book, frame: pl.DataFrame, line: int) -> Rows | None:
    d = book.definition
    if book.confirmed or book.joins:
        return None
    for column in ("revision", "retract"):
        if column in frame.columns and frame[column].dtype != pl.Null:
            return None
    sequence = d.sequence or d.id
    columns = dict.fromkeys((d.id, d.at, sequence, *book.keys, *book.source))
    series: dict[str, pl.Series] = {}
    settled: dict[str, FieldType | None] = {}
    for column in columns:
        if column not in frame.columns or frame[column].dtype == pl.Null:
            return None
        kind = book.kinds.get(column)
        try:
            series[column] = held(frame[column], kind, d.stream)
        except InputError:
            return None
        if kind is None:
            settled[column] = _settled(series[column])
    ids, at = series[d.id], series[d.at].to_physical()
    known = at
    if "known_at" in frame.columns and frame["known_at"].dtype != pl.Null:
        if not (frame["known_at"].dtype.is_integer() or frame["known_at"].dtype == pl.Datetime):
            return None
        known = instants(frame["known_at"]).to_physical()
        known = known.fill_null(at) if known.null_count() else known
    named = [series[column] for column in (d.id, sequence, *book.keys)]
    if any(one.null_count() or one.dtype not in (pl.Int64, pl.String) for one in named) or at.null_count():
        return None
    whens, knowns = at.to_numpy(), known.to_numpy()
    listed = ids.to_list()
    if not _accepted(whens, knowns, book, line) or not book.ids.keys().isdisjoint(listed):
        return None
    if len(set(listed)) != len(listed):
        return None
    if not all(settled.values()):
        return None
    book.kinds |= {column: kind for column, kind in settled.items() if kind}
    extra = {ID: ids, KNOWN: known, AT: at, SEQUENCE: series[sequence]}
    kept = [series[column] for column in dict.fromkeys((*book.keys, *book.source))]
    whole = pl.DataFrame([*(one.alias(name) for name, one in extra.items()), *kept])
    event = np.arange(book.numbered, book.numbered + frame.height, dtype=np.int64)
    to = np.full(frame.height, FOREVER, np.int64)
    return Rows(whole, book.kinds, whens, knowns, to, event, pl.DataFrame([whole[ID]]), knowns, True)


def _accepted(at: Ints, known: Ints, book: Book, line: int) -> bool:
    if not at.size:
        return False
    late = known - at
    inside = at.min() >= T_MIN and known.max() < T_MAX and at.min() > line
    return bool(inside and late.min() >= 0 and late.max() <= book.lateness)


def _settled(series: pl.Series) -> FieldType | None:
    """The type that the first values of a column give it that is not declared; None where they do not say."""
    return None if series.null_count() == series.len() else KNOWN_DTYPES.get(series.dtype)


def _run(
    book: Book,
    group: Group,
    base: NDArray[np.int64],
    points: NDArray[np.int64],
    rows: Rows,
    zone: str,
) -> list[Values]:
    """Answer the leaves of a group at all points, taking the facts in where they are its own."""
    size = points.shape[0]
    out = np.empty((size, len(group.leaves), 3), np.int64)
    limits = np.zeros((size if group.given else 1, max(1, len(group.leaves)), 2), np.int64)
    for i in group.given:
        leaf = group.leaves[i]
        limits[:, i, 0], limits[:, i, 1] = bounds_all(leaf.window, points[:, 0], leaf.delay_micros, zone, None)
    keys = rows.frame[book.keys[book.entities.index(group.entity)]]
    takes = group.book is book
    names, arena = keys.to_list(), group.arena
    slots = arena.take_slots(names) if takes else np.array([arena.slot_of(key) for key in names], np.int64)
    drive(group.book, arena, group.table, limits, out, slots, base, points, takes)
    reals = out.view(np.float64)
    return [
        _values(group, i, np.ascontiguousarray(out[:, i, 0]), np.ascontiguousarray(out[:, i, 1]), reals[:, i, 2])
        for i in range(len(group.leaves))
    ]


def drive(
    book: Book,
    arena: Arena,
    table: Ints,
    limits: NDArray[np.int64],
    out: NDArray[np.int64],
    slots: Ints,
    base: NDArray[np.int64],
    points: NDArray[np.int64],
    takes: bool,
) -> None:
    """Run a batch through an arena to its end: arrays grow, and rows of equal rank are placed, in between."""
    begin, placed, lists = 0, 0, np.zeros(1, np.int64)
    while True:
        begin, status, placed = answers.run(
            arena.ctl, table, limits, out, lists, slots, base, points, begin, placed, takes
        )
        if status == k.OK:
            return
        if status == k.TIE:
            row, slot = base[begin], int(slots[begin])
            known = int(row[k.FROM])
            arena.insert(slot, arena.settle(slot, (*book.order_of(int(row[k.EVENT]), known), known)), row)
            placed = 1
        else:
            arena.grow(status)


def _values(group: Group, i: int, status: Ints, whole: Ints, real: NDArray[np.float64]) -> Values:
    """What the kernels said of a leaf at all points, in the form of the batch executor."""
    leaf, form, reason = group.leaves[i], group.forms[i], STATUS[status]
    approximate = status == APPROXIMATE if leaf.cap else None
    if form == REAL:
        return Values(np.ascontiguousarray(real), reason, None, approximate)
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


def _columns(plan: Plan, found: Mapping[int, Values], size: int) -> pl.DataFrame:
    """The labels of a plan as `Library.at` gives them."""
    by_leaf = {leaf: found[place] for leaf, place in plan.links.items()} if plan.formulas else {}
    columns: list[pl.Series] = []
    for name, node, place in plan.outputs:
        values = found[place] if place >= 0 else by_column(node, by_leaf, size)
        columns += [_to_series(name, values, node.type), _to_reasons(name, values)]
        if name in plan.capped:
            marks = np.zeros(size, np.bool_) if values.approximate is None else values.approximate
            columns.append(pl.Series(f"{name}__approximate", marks & (values.reason == 0)))
    return pl.DataFrame(columns)


@lru_cache(maxsize=256)
def _nulls(dtype: Any, size: int, value: str | None = None) -> pl.Series:
    return pl.Series([value], dtype=dtype).new_from_index(0, size)


def _to_series(name: str, values: Values, kind: FieldType) -> pl.Series:
    """`batch.to_series` by calls that plan no query."""
    if kind.kind not in ("money", "decimal", "integer", "real"):
        return to_series(name, values, kind)
    found = pl.Series(name, values.data)
    if not values.reason.any():
        return found
    return found.zip_with(pl.Series(values.reason == 0), _nulls(found.dtype, found.len()))


def _to_reasons(name: str, values: Values) -> pl.Series:
    """`batch.to_reasons` by calls that plan no query."""
    size = values.reason.size
    found = _nulls(pl.String, size)
    for reason in np.flatnonzero(np.bincount(values.reason)).tolist():
        if reason:
            found = _nulls(pl.String, size, REASONS[reason]).zip_with(pl.Series(values.reason == reason), found)
    return found.alias(f"{name}__missing")


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
