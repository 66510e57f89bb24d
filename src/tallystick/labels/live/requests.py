"""A request that leaves no trace: what a stream's facts were before it, and are again after it."""

from __future__ import annotations

from tallystick.labels.kernels import arena as k
from tallystick.labels.live.book import Book
from tallystick.labels.live.layout import Mark


def begin(book: Book) -> None:
    """Note how things stand, before a request that will be forgotten."""
    book.mark = Mark(
        dict(book.kinds) if book.open else book.kinds,
        {column: len(words) for column, words in book.words.items()},
        {entity: len(arena.slots) for entity, arena in book.arenas.items()},
        book.numbered,
        [],
    )


def forget(book: Book) -> None:
    """Set back what `begin` noted, after the request's event was taken back."""
    mark, book.mark = book.mark, None
    assert mark is not None
    book.kinds, book.numbered = mark.kinds, mark.numbered
    for entity, slot, latest in reversed(mark.touched):
        book.arenas[entity].meta[slot, k.LATEST] = latest
    for entity, size in mark.slots.items():
        slots = book.arenas[entity].slots
        while len(slots) > size:
            slots.popitem()
    for column, words in book.words.items():
        while len(words) > mark.words[column]:
            del book.numbers[column][words.pop()]
