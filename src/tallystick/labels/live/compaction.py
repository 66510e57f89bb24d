"""Bounded memory: what no label can read any more from some instant on is dropped."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels.rows import FOREVER
from tallystick.labels.live.arena import Arena
from tallystick.labels.live.book import Book
from tallystick.labels.live.numbered import Ids
from tallystick.labels.meaning.facts import T_MIN
from tallystick.labels.plan import CALENDAR, SPAN

_DAY = 86_400_000_000
_LONGEST = {"day": 2 * _DAY, "week": 8 * _DAY, "month": 32 * _DAY, "quarter": 93 * _DAY, "year": 367 * _DAY}


def reach(arena: Arena) -> int | None:
    """How long before a point the facts lie that the labels of an arena read at most; None for ever."""
    longest = 0
    for leaf in arena.leaves:
        window = leaf.window
        if window.kind == SPAN:
            longest = max(longest, window.micros + leaf.delay_micros)
        elif window.kind == CALENDAR:
            longest = max(longest, (window.back + 1) * _LONGEST[window.unit] + leaf.delay_micros)
        else:
            return None
    return longest


def _edge(arena: Arena, books: Mapping[str, Book], before: int) -> int:
    """The last instant whose facts an arena drops."""
    longest = reach(arena)
    if longest is None:
        return T_MIN - 1
    # Joined labels are read at the own point of a fact that may come as late as its stream allows.
    return before - longest - max(book.lateness for book in books.values())


def line(books: Mapping[str, Book], stream: str, before: int) -> int:
    """The last instant whose facts no arena of a stream keeps."""
    return min(_edge(arena, books, before) for arena in books[stream].arenas.values())


def edges(books: Mapping[str, Book], stream: str, before: int | None) -> dict[str, int]:
    """Entity → the last instant whose facts its arena dropped in a compaction; empty without one."""
    arenas = {} if before is None else books[stream].arenas
    return {entity: _edge(arena, books, before or 0) for entity, arena in arenas.items()}


def compact(books: Mapping[str, Book], before: int) -> int:
    """Drop what no label reads from `before` on; gives how many row versions went."""
    gone = 0
    for book in books.values():
        kept: set[int] = set()
        for arena in book.arenas.values():
            gone += _compact_arena(arena, _edge(arena, books, before), before)
            _, _, rows, _, _ = arena.dump()
            kept.update(np.unique(rows[:, k.EVENT]).tolist())
        _forget(book, kept, line(books, book.definition.stream, before))
    return gone


def _compact_arena(arena: Arena, edge: int, before: int) -> int:
    keys, sizes, rows, latest, dropped = arena.dump()
    # What is superseded later than `before` still answers for some k in between.
    ended = rows[:, k.TO] <= before
    lasting = (rows[:, k.TO] == FOREVER) & (rows[:, k.FROM] <= before)
    old = (rows[:, k.AT] <= edge) & (ended | lasting)
    if not old.any():
        return 0
    slot = np.repeat(np.arange(sizes.size), sizes)
    dropped[slot[old & lasting]] = 1
    left = np.bincount(slot[~old], minlength=sizes.size)
    stays = left > 0
    arena.gone |= {key for key, stay, one in zip(keys, stays, dropped, strict=True) if one and not stay}
    here = [key for key, stay in zip(keys, stays, strict=True) if stay]
    arena.gone -= set(here)
    arena.fill(here, left[stays], rows[~old], latest[stays], dropped[stays])
    return int(old.sum())


def _forget(book: Book, kept: set[int], edge: int) -> None:
    """Drop the events of which no row is left, unless they may still count."""
    for _, number in book.ids.items():
        if number not in kept and number in book.events:
            known = [one.at for one in book.events[number].revisions.values() if one.at is not None]
            # Without any row it stays as long as a delivery of it would not be refused for its age.
            if not known or max(known) > edge:
                kept.add(number)
    book.ids = Ids({id: number for id, number in book.ids.items() if number in kept})
    book.events = {number: event for number, event in book.events.items() if number in kept}
    book.past.keep(kept)
