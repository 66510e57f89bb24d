"""Small batches of events: taken in and answered in columns where all is plain, to the result of one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType, InputError
from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels import quick
from tallystick.labels.kernels.rows import FOREVER, VALUE, Ints
from tallystick.labels.kernels.stream import run
from tallystick.labels.live.arena import Arena
from tallystick.labels.live.book import Book
from tallystick.labels.live.columns import in_columns
from tallystick.labels.live.outcomes import Accepted, Batch
from tallystick.labels.live.point import Plan
from tallystick.labels.live.programs import LISTS, Group
from tallystick.labels.live.warming import ranks, write_feature
from tallystick.labels.meaning.facts import AT, ID, KNOWN, SEQUENCE, T_MAX, T_MIN, Rows, held, instants
from tallystick.labels.meaning.features import integers
from tallystick.labels.meaning.filters import KNOWN_DTYPES
from tallystick.labels.meaning.windows import bounds_all
from tallystick.labels.words import WORDS

_NOTHING = (
    *(np.zeros((0, quick.PROGRAM_WORDS), np.int64), np.zeros((1, 1, 2), np.int64)),
    *(np.zeros((0, 0), np.int64), np.zeros((0, 0), np.uint8)),
)

_AS_HELD = {"money": pl.Int64, "decimal": pl.Int64, "integer": pl.Int64, "text": pl.String}
"""Kinds of columns that are held as they come, of these types."""


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


def take_in(book: Book, frame: pl.DataFrame, plan: Plan | None, zone: str) -> Done | None:
    """Take a frame of new facts in by compiled calls; None where something is not plain, and nothing was touched.

    Plain are new events, once each, none retracted, none refused, of columns of the types that are known, without
    late confirmation; and labels without links, anchors, lists and request values.
    """
    if plan is not None and not (_plain_plan(plan) and all(entity in book.entities for entity in plan.entities)):
        return None
    rows = _plain_rows(book, frame)
    if rows is None:
        return None
    # What raises while words are made leaves the facts as they were.
    base = _base(book, rows)
    if not book.ids.take(rows.frame[ID], book.numbered):
        return None
    book.numbered += rows.at.size
    book.past.add(rows.event, rows.frame)
    groups = [] if plan is None else plan.groups
    # New memory for each batch: its columns lie there.
    answered = (0 if plan is None else plan.size), rows.at.size
    values, statuses = np.empty(answered, np.int64), np.empty(answered, np.uint8)
    for group in groups:
        _run(book, group, base, rows, zone, values, statuses)
    asked = {group.entity for group in groups if group.book is book}
    for entity, key in zip(book.entities, book.keys, strict=True):
        if entity not in asked:
            arena = book.arenas[entity]
            drive(book, arena, *_NOTHING, arena.near.of(rows.frame[key]), base, True)
    observed = Accepted(book.definition.stream, rows.frame[ID])
    found = None if plan is None else in_columns(plan, values, statuses)
    return Done(Batch(observed, found), int(rows.known_from.max()))


def _base(book: Book, rows: Rows) -> NDArray[np.int64]:
    """The base words of new facts, in memory that the next batch takes again."""
    size = rows.at.size
    if book.batch.shape[0] < size:
        book.batch = np.empty((size, book.base), np.int64)
    base = book.batch[:size]
    base[:, k.AT], base[:, k.FROM], base[:, k.TO] = rows.at, rows.known_from, FOREVER
    base[:, k.EVENT], base[:, k.RANK] = rows.event, ranks(rows.frame[SEQUENCE])
    base[:, k.CODES : book.first_value] = 0
    for place in book.places:
        feature = place.feature
        series = rows.frame[feature.column] if feature.column else None
        if feature.where or feature.other or (series is not None and series.null_count()):
            write_feature(book, place, rows, base)
            continue
        base[:, place.word] |= np.int64(VALUE << place.shift)
        if series is not None:
            # A cast plans no query, as other ways to the physical values do.
            plain = series.cast(pl.Int64) if isinstance(series.dtype, pl.Datetime) else series
            if place.numbered:
                base[:, place.x] = book.near[feature.column].of(plain)
            else:
                base[:, place.x] = plain.to_numpy() if plain.dtype == pl.Int64 else integers(plain)
    return base


def _plain_plan(plan: Plan) -> bool:
    return plan.alone and not any(leaf.kind in LISTS for group in plan.groups for leaf in group.leaves)


def _plain_rows(book: Book, frame: pl.DataFrame) -> Rows | None:
    d = book.definition
    if book.confirmed or book.joins:
        return None
    given = {one.name: one for one in frame.get_columns() if one.dtype != pl.Null}
    if "revision" in given or "retract" in given:
        return None
    sequence = d.sequence or d.id
    columns = dict.fromkeys((d.id, d.at, sequence, *book.keys, *book.source))
    series: dict[str, pl.Series] = {}
    settled: dict[str, FieldType | None] = {}
    for column in columns:
        if column not in given:
            return None
        one, kind = given[column], book.kinds.get(column)
        if kind is None or one.dtype != _AS_HELD.get(kind.kind):
            try:
                one = held(one, kind, d.stream)
            except InputError:
                return None
            if column != d.at and isinstance(one.dtype, pl.Datetime) and not _in_years(one):
                return None
        series[column] = one
        if kind is None:
            settled[column] = _settled(one)
    ids, at = series[d.id], series[d.at].cast(pl.Int64)
    known = at
    if "known_at" in given:
        if not (given["known_at"].dtype.is_integer() or given["known_at"].dtype == pl.Datetime):
            return None
        try:
            known = instants(given["known_at"]).cast(pl.Int64)
        except pl.exceptions.PolarsError:
            return None
        known = known.fill_null(at) if known.null_count() else known
    named = [series[column] for column in (d.id, sequence, *book.keys)]
    if any(one.null_count() or one.dtype not in (pl.Int64, pl.String) for one in named) or at.null_count():
        return None
    whens, knowns = at.to_numpy(), known.to_numpy()
    if not _accepted(whens, knowns, book) or not all(settled.values()):
        return None
    if settled:
        book.kinds |= {column: kind for column, kind in settled.items() if kind}
    extra = {KNOWN: known, AT: at, SEQUENCE: series[sequence]}
    kept = [series[column] for column in dict.fromkeys((*book.keys, *book.source))]
    # A frame made of all of them at once would look at each of them from Python.
    whole = pl.DataFrame([ids.alias(ID)]).hstack([*(one.alias(name) for name, one in extra.items()), *kept])
    event = np.arange(book.numbered, book.numbered + frame.height, dtype=np.int64)
    to = np.full(frame.height, FOREVER, np.int64)
    return Rows(whole, book.kinds, whens, knowns, to, event, whole, knowns, True)


def _accepted(at: Ints, known: Ints, book: Book) -> bool:
    if not at.size:
        return False
    late = known - at
    inside = at.min() >= T_MIN and known.max() < T_MAX and at.min() > book.line
    return bool(inside and late.min() >= 0 and late.max() <= book.lateness)


def _in_years(series: pl.Series) -> bool:
    micros = series.cast(pl.Int64)
    return bool(micros.null_count() == micros.len() or micros.drop_nulls().is_between(T_MIN, T_MAX - 1).all())


def _settled(series: pl.Series) -> FieldType | None:
    """The type that the first values of a column give it that is not declared; None where they do not say."""
    return None if series.null_count() == series.len() else KNOWN_DTYPES.get(series.dtype)


def _run(
    book: Book,
    group: Group,
    base: NDArray[np.int64],
    rows: Rows,
    zone: str,
    values: NDArray[np.int64],
    statuses: NDArray[np.uint8],
) -> None:
    """Answer the leaves of a group at all points, taking the facts in where they are its own."""
    size, leaves = rows.at.size, len(group.leaves)
    limits = np.zeros((size if group.given else 1, max(1, leaves), 2), np.int64)
    for i in group.given:
        leaf = group.leaves[i]
        limits[:, i, 0], limits[:, i, 1] = bounds_all(leaf.window, rows.at, leaf.delay_micros, zone, None)
    keys = rows.frame[book.keys[book.entities.index(group.entity)]]
    takes, arena = group.book is book, group.arena
    slots = arena.near.of(keys) if takes else np.array([arena.slot_of(key) for key in keys.to_list()], np.int64)
    drive(group.book, arena, group.table, limits, values, statuses, slots, base, takes)


def drive(
    book: Book,
    arena: Arena,
    table: Ints,
    limits: NDArray[np.int64],
    values: NDArray[np.int64],
    statuses: NDArray[np.uint8],
    slots: Ints,
    base: NDArray[np.int64],
    takes: bool,
) -> None:
    """Run a batch through an arena to its end: arrays grow, and rows of equal rank are placed, in between."""
    begin, placed = 0, 0
    while True:
        begin, status, placed = run(arena.address, table, limits, values, statuses, slots, base, begin, placed, takes)
        if status == k.OK:
            return
        if status == k.TIE:
            row, slot = base[begin], int(slots[begin])
            known = int(row[k.FROM])
            order = (*book.order_of(int(row[k.EVENT]), known), known)
            arena.insert(slot, arena.settle(slot, order), int(row.ctypes.data))
            placed = 1
        else:
            arena.grow(status)
