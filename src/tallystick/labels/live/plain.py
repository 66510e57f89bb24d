"""New facts where all is plain: judged at a glance, taken in by one compiled call, and kept as they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import itemgetter
from struct import Struct, error
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels.entries import entry, push_all
from tallystick.labels.kernels.rows import FOREVER, VALUE
from tallystick.labels.live.past import RECENT
from tallystick.labels.live.revisions import rank_of
from tallystick.labels.meaning.facts import AT, ID, SEQUENCE, T_MAX, T_MIN

if TYPE_CHECKING:
    from tallystick.labels.live.book import Book

Take: TypeAlias = Callable[[Mapping[str, Any], int | datetime | None], tuple[int | str, int] | None]
"""Takes an event in that was known by an instant (None: as the event says); gives its id and when it was known.

None where something is not plain; then nothing was touched.
"""

_TYPES: Mapping[str, tuple[type, Any]] = {
    "money": (int, pl.Int64),
    "decimal": (int, pl.Int64),
    "integer": (int, pl.Int64),
    "instant": (int, pl.Datetime("us", "UTC")),
    "text": (str, pl.String),
    "flag": (bool, pl.Boolean),
}
"""Kinds of columns whose values are held as they come, of these types."""
_NAMES = ("money", "decimal", "integer", "text")
"""Kinds of ids, sequences and keys."""
_OTHER = {"known_at", "revision", "retract"}
"""What an event says of itself beside its columns."""
_INT64 = 2**63


def nothing(event: Mapping[str, Any], known_at: int | datetime | None) -> None:
    """Take nothing: where no fact of a stream is plain."""


def taker(book: Book) -> Take:
    """What takes a stream's plain facts in, by the kinds that its columns have.

    Plain are first revisions of new events that nothing refuses, with all columns, each of its exact type; of streams
    without filters, joined columns and late confirmation.
    """
    d = book.definition
    sequence = d.sequence or d.id
    columns = tuple(dict.fromkeys((d.at, d.id, sequence, *book.keys, *book.source)))
    kinds = {column: kind.kind for column in columns if (kind := book.kinds.get(column)) is not None}
    named_well = all(kinds.get(column) in _NAMES for column in (d.id, sequence, *book.keys))
    if not named_well or not all(kinds.get(column) in _TYPES for column in columns) or _OTHER & {*columns}:
        return nothing
    if book.confirmed or book.joins or book.tests:
        return nothing
    places, settled = {column: place for place, column in enumerate(columns)}, book.kinds
    types, size = [_TYPES[kinds[column]][0] for column in columns], len({"stream", *columns})
    at_place, id_place, rank_place = places[d.at], places[d.id], places[sequence]
    # Values of features are looked at when they are put into rows, keys when they get their segments.
    put = {
        sequence,
        *book.keys,
        *(one.feature.column for one in book.places),
        *(one.feature.other for one in book.places),
    }
    apart = [column for column in columns if column not in put and column != d.at]
    texts = [places[column] for column in {d.id, sequence, *apart} if kinds[column] == "text"]
    numbers = [places[column] for column in apart if _TYPES[kinds[column]][0] is int]
    ranked = kinds[sequence] == "text"
    instants = [places[column] for column in columns if kinds[column] == "instant" and column != d.at]
    get, lateness, push_row = itemgetter(*columns), book.lateness, _pusher(book, places)
    named = {ID: d.id, AT: d.at, SEQUENCE: sequence, **{column: column for column in (*book.keys, *book.source)}}
    dtypes = {name: _TYPES[kinds[column]][1] for name, column in named.items()}
    recent = book.past.expect({name: places[column] for name, column in named.items()}, {**dtypes, AT: pl.Int64})

    def take(event: Mapping[str, Any], known_at: int | datetime | None) -> tuple[int | str, int] | None:
        if type(event) is not dict:
            return None
        try:
            found = get(event)
        except KeyError:
            return None
        if [*map(type, found)] != types or book.kinds is not settled:
            return None
        at, id, rank = found[at_place], found[id_place], found[rank_place]
        if known_at is not None and type(known_at) is not int:
            return None
        known = at if known_at is None else known_at
        if len(event) != size:
            if not _first(event):
                return None
            given = event.get("known_at")
            if known_at is None and given is not None:
                if type(given) is not int:
                    return None
                known = given
        if not book.line < at <= known < T_MAX or known - at > lateness or book.ids.get(id, -1) >= 0:
            return None
        for place in texts:
            if not found[place].isascii():
                return None
        for place in numbers:
            if not -_INT64 <= found[place] < _INT64:
                return None
        for place in instants:
            if not T_MIN <= found[place] < T_MAX:
                return None
        if not push_row(found, at, known, rank_of(rank) if ranked else rank):
            return None
        number = book.numbered
        book.numbered = number + 1
        book.ids[id] = number
        recent[number] = known, found
        if len(recent) >= RECENT:
            book.past.settle()
        return id, known

    return take


def _first(event: Mapping[str, Any]) -> bool:
    """Whether an event is a first revision, not retracted."""
    number, retract = event.get("revision"), event.get("retract")
    return (number is None or (type(number) is int and number == 0)) and (retract is None or retract is False)


def _fit(found: tuple[Any, ...]) -> bool:
    """Whether whole numbers are int64 and texts of ASCII."""
    return all(value.isascii() if type(value) is str else -_INT64 <= value < _INT64 for value in found)


def _pusher(book: Book, places: Mapping[str, int]) -> Callable[[tuple[Any, ...], int, int, int], bool]:
    """What puts a fact's row into every arena; False where a value does not fit, and nothing was touched."""
    d = book.definition
    sequence = d.sequence or d.id
    codes, spots = [0] * (book.first_value - k.CODES), dict[int, tuple[dict[Any, int] | None, str]]()
    for one in book.places:
        codes[one.word - k.CODES] |= VALUE << one.shift
        if one.column >= 0:
            spots[one.x] = book.numbers[one.feature.column] if one.numbered else None, one.feature.column
        if one.other >= 0:
            spots[one.y] = None, one.feature.other
    values = [(places[column], numbers, column) for _, (numbers, column) in sorted(spots.items())]
    arenas = [(places[key], book.arenas[entity]) for entity, key in zip(book.entities, book.keys, strict=True)]
    count, first = len(arenas), book.base
    row = np.zeros(first + 2 * count, np.int64)
    row[first + count :] = [arena.address for _, arena in arenas]
    push, pack_into, view = entry(push_all, 3), Struct(f"={first + count}q").pack_into, memoryview(row)  # type: ignore[arg-type]
    row_at = int(row.ctypes.data)

    def push_row(found: tuple[Any, ...], at: int, known: int, rank: int) -> bool:
        words: list[Any] = [at, known, FOREVER, book.numbered, rank, *codes]
        fits = False
        for place, numbers, column in values:
            value = found[place]
            if numbers is not None:
                number = numbers.get(value)
                if number is None:
                    if not (fits or _fit(found)):
                        return False
                    fits, number = True, book.number(column, value)
                value = number
            words.append(value)
        for place, arena in arenas:
            slot = arena.slots.get(found[place])
            if slot is None:
                if not (fits or _fit(found)):
                    return False
                fits, slot = True, arena.take_slot(found[place])
            words.append(slot)
        try:
            pack_into(view, 0, *words)
        except error:
            return False
        done = push(row_at, first, count)
        for (_, arena), slot in zip(arenas[done:], words[first + done :], strict=True):
            arena.add(slot, row_at, (found[places[sequence]], found[places[d.id]], known))
        return True

    return push_row
