"""History that a live executor starts from: columns into arenas at once."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels import places
from tallystick.labels.kernels.rows import FOREVER, Ints
from tallystick.labels.live.book import Book
from tallystick.labels.live.layout import Place
from tallystick.labels.live.numbered import Ids
from tallystick.labels.live.revisions import Event, Revision, rank_of
from tallystick.labels.meaning.facts import (
    AT,
    ID,
    KNOWN,
    REFUSED,
    RETRACT,
    REVISION,
    SEQUENCE,
    T_MIN,
    Rows,
    codes,
    normalise,
    prepare,
)
from tallystick.labels.meaning.features import Meaning, meaning

_TOP = np.uint64(1 << 63)


def fill(book: Book, frame: pl.DataFrame) -> tuple[int, int] | None:
    """Fill an empty book from a frame of its stream, joined columns among the others.

    Gives how many facts count and the greatest instant at which one was known; None where the book is not empty, so
    that the facts must be observed one by one.

    Raises
    ------
    InputError
        When a column is absent or of another type, or a revision comes twice with different content.
    """
    declared = declared_types(book.definition) | {name: node.type for name, node in book.joins.items()}
    facts, types = normalise(book.definition, frame, book.columns, declared)
    # A column of nulls alone has no type to give.
    book.kinds = {name: kind for name, kind in types.items() if frame.schema[name] != pl.Null} | book.kinds
    if book.ids:
        return None
    facts = facts.filter(pl.col(REFUSED).is_null())
    sequence = book.definition.sequence or book.definition.id
    rows = prepare(book.definition, frame, {*book.columns, sequence}, declared)
    if not facts.height:
        return 0, T_MIN
    base = base_rows(book, rows)
    _remember(book, facts, rows)
    for entity, key in zip(book.entities, book.keys, strict=True):
        _fill_arena(book, entity, rows.frame[key], base)
    return facts.height, int(facts[KNOWN].max())  # type: ignore[arg-type]


def _remember(book: Book, facts: pl.DataFrame, rows: Rows) -> None:
    """Keep what was observed: events known once as columns, the others as revisions."""
    book.ids = Ids()
    book.ids.take(rows.ids[ID], 0)
    book.numbered = rows.ids.height
    numbers = codes(facts[ID], rows.ids)
    often = np.bincount(numbers, minlength=rows.ids.height) > 1
    changed = often[numbers] | facts[RETRACT].to_numpy() | (facts[REVISION].to_numpy() != 0)
    order = np.argsort(numbers[~changed], kind="stable")
    plain = facts.filter(pl.Series(~changed))
    book.past.add(numbers[~changed][order], plain[order])
    some = facts.filter(pl.Series(changed)).with_columns(pl.Series("@number", numbers[changed]))
    physical = some.with_columns(pl.col(pl.Datetime).to_physical()).sort(KNOWN, maintain_order=True)
    for one in physical.iter_rows(named=True):
        event = book.events.setdefault(one["@number"], Event(one[ID], one["@number"], {}))
        event.revisions.setdefault(
            one[REVISION],
            Revision(
                one[KNOWN],
                one[RETRACT],
                one[AT],
                one[SEQUENCE],
                tuple(one[key] for key in book.keys),
                tuple(one[name] for name in book.source),
                tuple(one[name] for name in book.joins),
            ),
        )


def base_rows(book: Book, rows: Rows) -> NDArray[np.int64]:
    """The base words of all row versions of a stream."""
    base = np.zeros((rows.at.size, book.base), np.int64)
    base[:, k.AT], base[:, k.FROM], base[:, k.TO] = rows.at, rows.known_from, rows.known_to
    base[:, k.EVENT], base[:, k.RANK] = rows.event, ranks(rows.frame[book.definition.sequence or book.definition.id])
    for place in book.places:
        write_feature(book, place, rows, base)
    return base


def write_feature(book: Book, place: Place, rows: Rows, base: NDArray[np.int64]) -> None:
    """Write the codes and values of a feature to rows whose words of codes have none of it."""
    made = meaning(rows, place.feature, book.zone)
    base[:, place.word] |= made.code.astype(np.int64) << place.shift
    # Without a column of its own a feature's value is the instant, which is there.
    if place.x != k.AT:
        base[:, place.x] = made.x if made.values is None else numbered(book, place.feature.column, made)
    if place.y != place.x:
        base[:, place.y] = made.y


def numbered(book: Book, column: str, made: Meaning) -> Ints:
    """The values of a text or coded column by the numbers of the book."""
    assert made.values is not None
    plain = made.values.to_physical() if isinstance(made.values.dtype, pl.Datetime) else made.values
    numbers = np.array([book.number(column, value) for value in plain.to_list()] or [0], np.int64)
    return numbers[np.maximum(made.x, 0)]


def ranks(sequence: pl.Series) -> Ints:
    """`rank_of` each value."""
    if sequence.dtype == pl.Int64:
        return sequence.to_numpy()
    names = sequence.to_list()
    try:
        starts = np.array(names, "S8")
    except UnicodeEncodeError:
        return np.array([rank_of(name) for name in names], np.int64)
    return (starts.view(">u8").astype(np.uint64) ^ _TOP).view(np.int64)


def _fill_arena(book: Book, entity: str, keys: pl.Series, base: NDArray[np.int64]) -> None:
    unique = keys.to_frame().unique(maintain_order=True)
    order, starts = places.by_bucket(codes(keys, unique), unique.height)
    taken = base[order]
    settled = np.where(taken[:, k.TO] == FOREVER, taken[:, k.FROM], np.maximum(taken[:, k.FROM], taken[:, k.TO]))
    latest = np.maximum.reduceat(settled, starts[:-1]) if settled.size else settled
    arena = book.arenas[entity]
    dropped = np.zeros(unique.height, np.int64)
    arena.fill(unique.to_series().to_list(), np.diff(starts), taken, latest, dropped)


def in_known_order(book: Book, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of a frame in the order in which they became known; its columns give undeclared ones their type."""
    facts, types = normalise(book.definition, frame, book.source, declared_types(book.definition))
    book.kinds = {name: kind for name, kind in types.items() if frame.schema[name] != pl.Null} | book.kinds
    return frame.with_columns(facts[KNOWN]).sort(KNOWN, maintain_order=True).drop(KNOWN)
