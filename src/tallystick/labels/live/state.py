"""A live executor's state as bytes: facts in columns, arenas as they lie."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import FieldType, StateError, TallystickError
from tallystick.labels.kernels.rows import Ints
from tallystick.labels.live import compaction
from tallystick.labels.live.arena import Arena
from tallystick.labels.live.book import Book
from tallystick.labels.live.folded import FoldedIds
from tallystick.labels.live.numbered import Ids
from tallystick.labels.live.revisions import Event, Revision
from tallystick.labels.meaning.facts import AT, ID, KNOWN, RETRACT, REVISION, SEQUENCE
from tallystick.labels.words import WORDS

_NUMBER = "@number"
_DTYPES: Mapping[str, Any] = {"text": pl.String, "flag": pl.Boolean, "real": pl.Float64, "date": pl.Int32}
_DATE = 1


class _Column(msgspec.Struct):
    """Values of one column: texts as a list, others as bytes with a mask of nulls (empty for none)."""

    kind: str
    nulls: bytes
    data: bytes
    texts: list[str | None]


class _Arena(msgspec.Struct):
    keys: list[int | str]
    gone: list[int | str]
    made_for: bytes
    sizes: bytes
    latest: bytes
    dropped: bytes
    rows: bytes
    based: bytes
    bases: bytes


class _Book(msgspec.Struct):
    made: dict[str, str]
    edges: dict[str, int]
    columns: list[str]
    features: list[str]
    kinds: dict[str, str]
    words: dict[str, list[Any]]
    numbered: int
    folded: list[bytes]
    folded_last: int
    facts: dict[str, _Column]
    arenas: dict[str, _Arena]


class _State(msgspec.Struct):
    known: int
    before: int | None
    books: dict[str, _Book]


def encode(books: Mapping[str, Book], known: int, before: int | None) -> bytes:
    """The state of a live executor as bytes."""
    edges = {name: compaction.edges(books, name, before) for name in books}
    found = {name: _book(book, edges[name]) for name, book in books.items()}
    return msgspec.msgpack.encode(_State(known, before, found), enc_hook=_encode_date)


def decode(books: Mapping[str, Book], state: bytes) -> tuple[int, int | None]:
    """Fill empty books; gives the greatest known instant and that of the last compaction.

    Raises
    ------
    StateError
        When the bytes are no snapshot, or of labels that read other columns.
    """
    try:
        found = msgspec.msgpack.decode(state, type=_State, ext_hook=_decode_date)
    except (msgspec.DecodeError, ValueError) as error:
        raise StateError(WORDS("labels.state", detail=str(error))) from None
    for name, book in books.items():
        kept = found.books.get(name)
        if kept is None or tuple(kept.columns) != book.columns or list(kept.arenas) != list(book.arenas):
            raise StateError(WORDS("labels.state", detail=f"{name}: other columns"))
        _check_made(name, book, kept)
        for entity, edge in compaction.edges(books, name, found.before).items():
            other = kept.arenas[entity].made_for != compaction.made_for(book, book.arenas[entity])
            if edge < kept.edges.get(entity, edge) or other:
                raise StateError(WORDS("labels.state_reach", stream=name, entity=entity))
        try:
            _fill(book, kept)
        except (ValueError, KeyError, TypeError, TallystickError, pl.exceptions.PolarsError) as error:
            raise StateError(WORDS("labels.state", detail=f"{name}: {error}")) from None
    return found.known, found.before


def _encode_date(value: Any) -> Any:
    # msgpack has no date of its own.
    assert isinstance(value, date)
    return msgspec.msgpack.Ext(_DATE, value.isoformat().encode())


def _decode_date(code: int, data: memoryview) -> date:
    return date.fromisoformat(bytes(data).decode())


def _book(book: Book, edges: dict[str, int]) -> _Book:
    facts = _facts(book)
    return _Book(
        _made(book),
        edges,
        list(book.columns),
        _features(book),
        {name: str(kind) for name, kind in sorted(book.kinds.items())},
        {column: [_dated(word) for word in words] for column, words in book.words.items()},
        book.numbered,
        [bytes(one) for one in book.folded.filters],
        book.folded.last,
        {series.name: _column(series) for series in facts},
        {entity: _arena(book, arena) for entity, arena in book.arenas.items()},
    )


def _dated(value: Any) -> Any:
    return _encode_date(value) if isinstance(value, date) else value


def _made(book: Book) -> dict[str, str]:
    """What the facts of a stream were judged and held by."""
    d = book.definition
    found = {"zone": book.zone, "id": d.id, "at": d.at, "sequence": d.sequence or d.id}
    found |= {f"key of {entity.name}": column for entity, column in d.keys.items()} | {"lateness": str(book.lateness)}
    for name, spec in d.fields.items():
        if name in (*book.columns, *book.keys, d.id, d.at, d.sequence):
            found[f"column {name}"] = f"{spec.type} default={spec.default!r} known_at={spec.known_at}"
    nodes = {name: sha256(repr(node).encode()).hexdigest()[:16] for name, node in book.joins.items()}
    return found | {f"joined column {name}": version for name, version in nodes.items()}


def _check_made(stream: str, book: Book, kept: _Book) -> None:
    made = _made(book)
    for what in dict.fromkeys((*made, *kept.made)):
        then, now = kept.made.get(what, "none"), made.get(what, "none")
        if then != now:
            raise StateError(WORDS("labels.state_made", what=f"{stream}: {what}", given=then, allowed=now))


def _features(book: Book) -> list[str]:
    return [repr(feature) for feature in book.features]


def _schema(book: Book) -> dict[str, Any]:
    d = book.definition
    sequence = d.sequence or d.id
    named = {ID: d.id, SEQUENCE: sequence} | {name: name for name in (*book.keys, *book.columns)}
    kinds = {name: book.kinds.get(column) for name, column in named.items()}
    schema: dict[str, Any] = {_NUMBER: pl.Int64, REVISION: pl.Int64, RETRACT: pl.Boolean, KNOWN: pl.Int64, AT: pl.Int64}
    return schema | {name: _DTYPES.get(kind.kind, pl.Int64) if kind else pl.Int64 for name, kind in kinds.items()}


def _facts(book: Book) -> pl.DataFrame:
    """All revisions, by number of the event and revision."""
    schema = _schema(book)
    frames = []
    for piece in book.past.pieces:
        own = pl.Series(~np.isin(piece.numbers, np.fromiter(book.events, np.int64, len(book.events))))
        physical = piece.facts.with_columns(pl.col(pl.Datetime, pl.Date).to_physical())
        whole = physical.with_columns(
            pl.Series(_NUMBER, piece.numbers), pl.lit(0, pl.Int64).alias(REVISION), pl.lit(False).alias(RETRACT)
        )
        frames.append(whole.filter(own).select(pl.col(name).cast(dtype) for name, dtype in schema.items()))
    columns: dict[str, list[Any]] = {name: [] for name in schema}
    for event in book.events.values():
        for number, one in event.revisions.items():
            named = dict(zip((*book.keys, *book.columns), (*one.keys, *one.values, *one.joined), strict=False))
            named |= {_NUMBER: event.number, REVISION: number, RETRACT: one.retract, KNOWN: one.known_at}
            named |= {AT: one.at, SEQUENCE: one.sequence, ID: event.id}
            for name, values in columns.items():
                value = named.get(name)
                values.append(value.toordinal() - _EPOCH_DAY if isinstance(value, date) else value)
    frames.append(pl.DataFrame(columns, schema=schema))
    return pl.concat(frames).sort(_NUMBER, REVISION)


def _column(series: pl.Series) -> _Column:
    if series.dtype == pl.String:
        return _Column("text", b"", b"", series.to_list())
    nulls = series.is_null().to_numpy().tobytes() if series.null_count() else b""
    filled = series.fill_null(False) if series.dtype == pl.Boolean else series.fill_null(0)
    return _Column(str(series.dtype), nulls, filled.to_numpy().tobytes(), [])


_NUMPY: Mapping[str, Any] = {"Int64": np.int64, "Int32": np.int32, "Float64": np.float64, "Boolean": np.bool_}
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def _series(name: str, column: _Column) -> pl.Series:
    if column.kind == "text":
        return pl.Series(name, column.texts, dtype=pl.String)
    found = pl.Series(name, np.frombuffer(column.data, _NUMPY[column.kind]))
    if not column.nulls:
        return found
    nulls = pl.Series(np.frombuffer(column.nulls, np.bool_))
    return pl.select(pl.when(~nulls).then(found).otherwise(None).alias(name)).to_series()


def _arena(book: Book, arena: Arena) -> _Arena:
    keys, sizes, rows, latest, dropped = arena.dump()
    gone = sorted(arena.gone, key=lambda key: (isinstance(key, str), key))
    found = (one.tobytes() for one in (sizes, latest, dropped, rows, arena.based(), arena.bases))
    return _Arena(keys, gone, compaction.made_for(book, arena), *found)


def _fill(book: Book, kept: _Book) -> None:
    book.kinds = {column: FieldType.parse(kind) for column, kind in kept.kinds.items()}
    facts = pl.DataFrame([_series(name, column) for name, column in kept.facts.items()])
    if facts.schema != pl.Schema(_schema(book)):
        raise ValueError("other types")
    _remember(book, facts)
    book.numbered, book.folded = kept.numbered, FoldedIds(kept.folded, kept.folded_last)
    same = kept.features == _features(book)
    for entity, one in kept.arenas.items():
        arena = book.arenas[entity]
        arena.gone = set(one.gone)
        rows, sizes = _ints(one.rows).reshape(-1, book.base) if same else None, _ints(one.sizes)
        if rows is not None:
            if int(sizes.sum()) != rows.shape[0] or sizes.size != len(one.keys):
                raise ValueError("sizes differ")
            arena.fill(one.keys, sizes, rows, _ints(one.latest), _ints(one.dropped))
            arena.lay(_ints(one.bases), _ints(one.based))
        else:
            # Other features of the same columns: what was dropped is still known to have been.
            arena.gone |= {key for key, gone in zip(one.keys, _ints(one.dropped), strict=True) if gone}
    if not same:
        for event in book.all_events():
            book.renew(event)
        return
    for column, words in kept.words.items():
        for word in words:
            book.number(column, word)


def _ints(data: bytes) -> Ints:
    found: NDArray[np.int64] = np.frombuffer(data, np.int64).copy()
    return found


def _remember(book: Book, facts: pl.DataFrame) -> None:
    numbers = facts[_NUMBER].to_numpy()
    if numbers.size and not (np.diff(numbers) >= 0).all():
        raise ValueError("events out of order")
    first = np.ones(numbers.size, np.bool_)
    first[1:] = np.diff(numbers) > 0
    again = np.zeros(numbers.size, np.bool_)
    again[:-1] |= ~first[1:]
    again |= ~first
    changed = again | facts[RETRACT].to_numpy() | (facts[REVISION].to_numpy() != 0)
    held = facts.with_columns(
        [pl.col(name).cast(pl.Date) for name in book.columns if _is(book, name, "date")]
        + [pl.col(name).cast(pl.Datetime("us", "UTC")) for name in book.columns if _is(book, name, "instant")]
    )
    book.ids = Ids(dict(zip(facts.filter(pl.Series(first))[ID].to_list(), numbers[first].tolist(), strict=True)))
    book.past.add(numbers[~changed], held.filter(pl.Series(~changed)))
    dated = facts.with_columns([pl.col(name).cast(pl.Date) for name in book.columns if _is(book, name, "date")])
    for one in dated.filter(pl.Series(changed)).iter_rows(named=True):
        event = book.events.setdefault(one[_NUMBER], Event(one[ID], one[_NUMBER], {}))
        event.revisions[one[REVISION]] = Revision(
            one[KNOWN],
            one[RETRACT],
            one[AT],
            one[SEQUENCE],
            tuple(one[key] for key in book.keys),
            tuple(one[name] for name in book.source),
            () if one[RETRACT] else tuple(one[name] for name in book.joins),
        )


def _is(book: Book, column: str, kind: str) -> bool:
    found = book.kinds.get(column)
    return found is not None and found.kind == kind
