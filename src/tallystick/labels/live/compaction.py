"""Bounded memory: what no label can read any more is dropped, and what lifetimes still count is folded into bases."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.core import InputError
from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels import blocks
from tallystick.labels.kernels.rows import FOREVER, Ints
from tallystick.labels.kernels.settling import settle
from tallystick.labels.live.arena import Arena, Key
from tallystick.labels.live.book import Book
from tallystick.labels.live.numbered import Ids
from tallystick.labels.live.revisions import Revision
from tallystick.labels.meaning.facts import T_MIN
from tallystick.labels.meaning.windows import reach
from tallystick.labels.plan import AFTER, BEFORE, CALENDAR, EVENTS, LIFETIME, SESSION, SPAN
from tallystick.labels.words import WORDS

_HALF_LIVES = 41
"""After so many a decayed value weighs nothing."""
_FOLDED, _WHOLE = (LIFETIME, EVENTS, SESSION), (AFTER, BEFORE)
_TALLIED = ("distinct", "mode", "top", "entropy", "quantile")
_FIRST = ("first", "since_first", "first_at", "gap_mean", "gap_std", "gap_min", "gap_max")
_LAST = ("last", "since_last", "last_at", "gap_mean", "gap_std", "gap_min", "gap_max")


def folds(arena: Arena) -> bool:
    """Whether a compaction folds facts of an arena into bases: a window has no beginning, and none an anchor."""
    kinds = {leaf.window.kind for leaf in arena.leaves}
    return not kinds.isdisjoint(_FOLDED) and kinds.isdisjoint(_WHOLE)


def arena_reach(arena: Arena) -> int | None:
    """How long before a point the facts lie that the labels of an arena read at most; None for ever."""
    if any(leaf.window.kind not in (SPAN, CALENDAR) for leaf in arena.leaves):
        return None
    return _row_reach(arena)


def _row_reach(arena: Arena) -> int:
    """How long before a point the facts lie that an arena needs each by itself."""
    longest = 0
    for leaf in arena.leaves:
        back = reach(leaf)
        if leaf.window.kind == LIFETIME:
            back = leaf.delay_micros + (_HALF_LIVES * leaf.param if leaf.kind == "decayed" else 0)
        longest = max(longest, leaf.delay_micros if back is None else back)
    return longest


def _edge(arena: Arena, books: Mapping[str, Book], before: int) -> int:
    """The last instant whose facts an arena drops or folds."""
    if any(leaf.window.kind in _WHOLE for leaf in arena.leaves):
        return T_MIN - 1
    # Joined labels are read at the own point of a fact that may come as late as its stream allows.
    return before - _row_reach(arena) - max(book.lateness for book in books.values())


class Limits(msgspec.Struct, frozen=True):
    """Of what happened by `line` no fact of a stream is taken in any more; by `horizon` none can change."""

    line: int
    horizon: int


class Settled(msgspec.Struct, frozen=True):
    """What a compaction settled: points `before` are no longer asked, and of each stream old facts no longer taken."""

    before: int
    limits: Mapping[str, Limits]

    def check_point(self, what: str, given: int) -> None:
        """Raise `InputError` for a point before the compaction."""
        if given < self.before:
            raise InputError(WORDS("labels.compacted", what=what, given=given, allowed=self.before))

    def refusal(self, book: Book, id: int | str | None, number: int, found: Revision) -> str:
        """ "compacted" for a first revision that happened before all that was kept, else "".

        Raises
        ------
        InputError
            For what would change a folded fact.
        """
        limits = self.limits[book.definition.stream]
        _check_unchanged(book, id, number, found, limits.horizon)
        if id in book.ids:
            return ""
        too_old = found.at is not None and found.at <= limits.line
        # Joined labels must still be readable at the fact's own point.
        late = found.known_at <= self.before or (found.at or 0) < self.before - book.lateness
        return "compacted" if too_old or (book.joins and late) else ""


def settled(books: Mapping[str, Book], before: int) -> Settled:
    """What a compaction settles; limits lie before all instants where nothing is refused."""
    found = {}
    for stream, book in books.items():
        edges = {entity: _edge(arena, books, before) for entity, arena in book.arenas.items()}
        folded = max((edges[entity] for entity, arena in book.arenas.items() if folds(arena)), default=T_MIN - 1)
        found[stream] = Limits(max(min(edges.values()), folded), folded)
    return Settled(before, found)


def edges(books: Mapping[str, Book], stream: str, before: int | None) -> dict[str, int]:
    """Entity → the last instant whose facts its arena dropped in a compaction; empty without one."""
    arenas = {} if before is None else books[stream].arenas
    return {entity: _edge(arena, books, before or 0) for entity, arena in arenas.items()}


def _check_unchanged(book: Book, id: int | str | None, number: int, found: Revision, horizon: int) -> None:
    """Raise `InputError` for what would change a folded fact: another revision of one, or what may be one."""
    if horizon < T_MIN or id is None:
        return
    event = book.event(id)
    if event is None:
        # A first revision as old as the horizon has its own reason of refusal.
        folded = number > 0 and (id in book.folded or (found.at is not None and found.at <= horizon))
    else:
        kept = event.revisions.get(number)
        if kept is not None and kept.known_at <= found.known_at:
            # The same again changes nothing.
            return
        known = (found.at, *(one.at for one in event.revisions.values()))
        folded = any(at is not None and at <= horizon for at in known)
    if folded:
        raise InputError(
            WORDS("labels.settled", stream=book.definition.stream, id=id, revision=number, allowed=horizon)
        )


def compact(books: Mapping[str, Book], settled: Settled) -> int:
    """Drop and fold what no label reads by itself at any later point; gives how many row versions went."""
    gone, before = 0, settled.before
    for stream, book in books.items():
        kept: set[int] = set()
        for arena in book.arenas.values():
            edge = _edge(arena, books, before)
            gone += _fold(book, arena, edge, before) if folds(arena) else _drop(arena, edge, before)
            _, _, rows, _, _ = arena.dump()
            kept.update(np.unique(rows[:, k.EVENT]).tolist())
        _forget(book, kept, settled.limits[stream])
    return gone


def _drop(arena: Arena, edge: int, before: int) -> int:
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
    _refill(arena, keys, left > 0, left, rows[~old], latest, dropped)
    return int(old.sum())


def _fold(book: Book, arena: Arena, edge: int, before: int) -> int:
    keys, sizes, rows, latest, dropped = arena.dump()
    based, keep = arena.based(), np.ones(rows.shape[0], np.bool_)
    layout, need, hashes = arena.layout.ravel(), needs(book, arena), book.hashes
    latest_events, sessions = _rows_of(book, arena, EVENTS), _rows_of(book, arena, SESSION)
    found: Ints = settle(
        rows, sizes, layout, need, latest_events, sessions, hashes, arena.bases, based, edge, before, keep, dropped
    )
    left = np.bincount(np.repeat(np.arange(sizes.size), sizes)[keep], minlength=sizes.size)
    stays = (left > 0) | (based > 0)
    _refill(arena, keys, stays, left, rows[keep], latest, dropped)
    arena.lay(found, based[stays])
    return int(keep.size - keep.sum())


def _refill(
    arena: Arena,
    keys: list[Key],
    stays: NDArray[np.bool_],
    left: Ints,
    rows: NDArray[np.int64],
    latest: Ints,
    dropped: Ints,
) -> None:
    """Fill an arena with the rows that are left, of the keys that stay."""
    arena.gone |= {key for key, stay, one in zip(keys, stays, dropped, strict=True) if one and not stay}
    here = [key for key, stay in zip(keys, stays, strict=True) if stay]
    arena.gone -= set(here)
    arena.fill(here, left[stays], rows, latest[stays], dropped[stays])


def needs(book: Book, arena: Arena) -> Ints:
    """What the base of each feature must have for the lifetimes of an arena (`kernels.blocks`)."""
    found = np.zeros((len(book.features), blocks.NEED_WORDS), np.int64)
    caps: dict[int, list[int]] = {}
    for leaf in arena.leaves:
        if leaf.window.kind != LIFETIME:
            continue
        f = book.features[leaf.feature]
        one = found[f]
        one[blocks.NEEDED] = 1
        one[blocks.NEEDS_FIRST] |= leaf.kind in _FIRST
        last = leaf.param if leaf.kind in ("nth", "sequence") else int(leaf.kind in _LAST)
        one[blocks.NEEDS_LAST] = max(one[blocks.NEEDS_LAST], last)
        one[blocks.NEEDS_EXTREMES] |= leaf.kind in ("min", "max", "range")
        if leaf.kind in _TALLIED:
            one[blocks.NEEDS_TALLY] = 1
            one[blocks.HASH_ROW] = max(book.hashed.get(leaf.column, 0), 0)
            caps.setdefault(f, []).append(leaf.cap if leaf.kind in ("distinct", "quantile") else 0)
    for f, given in caps.items():
        if min(given) > 0:
            coded = any(one.role == "coded" for one, i in book.features.items() if i == f)
            found[f, blocks.LEAST_HASHES if coded else blocks.CUT_ABOVE] = max(given) + coded
    return found


def _rows_of(book: Book, arena: Arena, kind: str) -> Ints:
    """(feature, how many or how long) of the windows of a kind that need rows themselves, the largest of each."""
    found: dict[int, int] = {}
    for leaf in arena.leaves:
        if leaf.window.kind == kind:
            f, size = book.features[leaf.feature], leaf.window.count if kind == EVENTS else leaf.window.micros
            found[f] = max(found.get(f, 0), size)
    return np.array(sorted(found.items()), np.int64).reshape(-1, 2)


def made_for(book: Book, arena: Arena) -> bytes:
    """What must be the same for a compacted arena to answer: what its bases have, and which rows it kept."""
    if not folds(arena):
        return b""
    parts = (arena.layout, needs(book, arena), _rows_of(book, arena, EVENTS), _rows_of(book, arena, SESSION))
    return b"".join(part.tobytes() for part in parts)


def _forget(book: Book, kept: set[int], limits: Limits) -> None:
    """Drop the events of which no row is left, unless they may still count."""
    for _, number in book.ids.items():
        if number not in kept and number in book.events:
            known = [one.at for one in book.events[number].revisions.values() if one.at is not None]
            # Without any row it stays as long as a delivery of it would not be refused for its age.
            if not known or max(known) > limits.line:
                kept.add(number)
    if limits.horizon >= T_MIN:
        for id, number in book.ids.items():
            if number not in kept:
                book.folded.add(id)
    book.ids = Ids({id: number for id, number in book.ids.items() if number in kept})
    book.events = {number: event for number, event in book.events.items() if number in kept}
    book.past.keep(kept)
