"""What a point asks of the arenas: leaves grouped by the segment that answers them, each group one compiled call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.core import FieldType
from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.kernels import answers, quick, windows
from tallystick.labels.kernels import arena as k
from tallystick.labels.kernels.bare import write_addresses
from tallystick.labels.kernels.rows import NONE, NOT_YET_KNOWN, SOURCE_NULL, UNDEFINED
from tallystick.labels.live.arena import Arena
from tallystick.labels.live.book import Book
from tallystick.labels.live.revisions import from_int
from tallystick.labels.meaning.features import listed, plain_value
from tallystick.labels.meaning.reasons import EXPIRED as _EXPIRED
from tallystick.labels.meaning.reasons import NEVER_SEEN as _NEVER_SEEN
from tallystick.labels.meaning.reasons import NOT_YET_KNOWN as _NOT_YET_KNOWN
from tallystick.labels.meaning.reasons import REASONS
from tallystick.labels.meaning.reasons import SOURCE_NULL as _SOURCE_NULL
from tallystick.labels.meaning.reasons import UNDEFINED as _UNDEFINED
from tallystick.labels.meaning.windows import bounds
from tallystick.labels.plan import EVENTS, LIFETIME, SESSION, SPAN, Leaf

_MODES = {SPAN: windows.SPAN, LIFETIME: windows.ALL, EVENTS: windows.LATEST_EVENTS, SESSION: windows.SESSION}
STATUS = np.zeros(8, np.uint8)
STATUS[[NOT_YET_KNOWN, SOURCE_NULL, NONE, UNDEFINED, answers.NEVER]] = (
    *(_NOT_YET_KNOWN, _SOURCE_NULL, _EXPIRED, _UNDEFINED, _NEVER_SEEN),
)
"""What a kernel says → the number of the reason; 0 where there is a value."""
WHY = {status: REASONS[int(reason)] for status, reason in enumerate(STATUS) if reason}
SAYS = {reason: status for status, reason in WHY.items()}
"""Status → reason, and back."""
LISTS = ("top", "sequence")
"""Aggregates that give a list, as text."""
REAL, NUMBERED, HELD = "real", "numbered", "held"
"""Forms in which kernels give a value: a float, the number of a value, or the value as int64."""


class Group:
    """Leaves that one segment answers: of a stream, an entity, and the link that gives the key.

    Parameters
    ----------
    members
        Each leaf, with its place among the answers of a plan.
    values, statuses
        Where one point's answers of the plan go.
    """

    def __init__(
        self,
        book: Book,
        entity: str,
        via: Leaf | None,
        members: Sequence[tuple[int, Leaf]],
        values: NDArray[np.int64],
        statuses: NDArray[np.uint8],
    ) -> None:
        self.book, self.entity, self.via = book, entity, via
        self.stream = book.definition.stream
        self.arena: Arena = book.arenas[entity]
        features = book.features
        # Leaves of one window stand together, so that it is looked for once.
        order = sorted(members, key=lambda one: (_moment(one[1]), features[one[1].feature]))
        self.places, self.leaves = [place for place, _ in order], [leaf for _, leaf in order]
        size = len(order)
        self.table = np.zeros((size, quick.PROGRAM_WORDS), np.int64)
        self.bounds = np.zeros((1, max(size, 1), 2), np.int64)
        self.given = [i for i, leaf in enumerate(self.leaves) if leaf.window.kind not in _MODES]
        self.waits = via is not None or any(leaf.window.anchor is not None for leaf in self.leaves)
        listed_words = 0
        for i, leaf in enumerate(self.leaves):
            self._write(i, leaf, listed_words)
            listed_words += leaf.param if leaf.kind in LISTS else 0
        self.lists = np.zeros(max(1, listed_words), np.int64)
        self.call = np.zeros(answers.CALL_WORDS, np.int64)
        write_addresses(self.call, (self.table, self.bounds[0], values, statuses, self.lists))
        self.address = int(self.call.ctypes.data)
        decoders = [
            self._lister(leaf, int(self.table[i, quick.LISTED])) if leaf.kind in LISTS else _decoder(book, leaf)
            for i, leaf in enumerate(self.leaves)
        ]
        self.decoded = [(self.places[i], decode) for i, decode in enumerate(decoders) if decode is not None]

    def _write(self, i: int, leaf: Leaf, listed_words: int) -> None:
        arena, one, number = self.arena, self.table[i], self.book.features[leaf.feature]
        moment = (leaf.window, leaf.delay_micros, leaf.including_present)
        last = self.leaves[i - 1] if i else None
        # The latest events and a session are counted by the rows that pass the filter.
        again = last is not None and _moment(last) == _moment(leaf)
        if again and last is not None and leaf.window.kind in (EVENTS, SESSION):
            again = last.feature == leaf.feature
        one[quick.KIND], one[quick.FEATURE], one[quick.PRESENT] = ALGEBRA[leaf.kind].code, number, moment[2]
        one[quick.MODE] = _MODES.get(leaf.window.kind, windows.GIVEN)
        one[quick.AMOUNT] = leaf.window.count if leaf.window.kind == EVENTS else leaf.window.micros
        one[quick.DELAY], one[quick.AGAIN] = leaf.delay_micros, again
        one[quick.HINT], one[quick.CELL] = arena.hint_of(moment), arena.cell_of(number, leaf.kind, moment)
        one[quick.PARAM], one[quick.CAP] = leaf.param, leaf.cap
        one[quick.HASHED] = self.book.hashed.get(leaf.column, -1) if leaf.cap else -1
        one[quick.LISTED], one[quick.REAL], one[quick.OUT] = (
            listed_words,
            form_of(self.book, leaf) == REAL,
            self.places[i],
        )

    def _lister(self, leaf: Leaf, begin: int) -> Callable[[Any], Any]:
        numbered = self.book.places[self.book.features[leaf.feature]].numbered
        words = self.book.words[leaf.column] if numbered else []

        def text(size: int) -> str:
            values = self.lists[begin : begin + size].tolist()
            if numbered:
                named = (words[value] for value in values)
                return listed([value.isoformat() if isinstance(value, date) else value for value in named])
            kind = self.book.kinds[leaf.column] if leaf.column else FieldType("instant")
            return listed([plain_value(value, kind) for value in values])

        return text

    def ask(self, slot: int, t: int, known: int, own: int, end: int = -1) -> bool:
        """Answer at a point; False where the segment alone does not say where rows before the own event `end`."""
        arena = self.arena
        while status := answers.answer(arena.address, self.address, slot, t, known, own, end):
            if status == k.LOST:
                return False
            arena.grow(status)
        return True

    def set_bounds(self, t: int, zone: str, anchors: Mapping[int, int]) -> None:
        """Write the bounds of calendar windows and of those that hang on an anchor, by the anchor of each leaf."""
        for i in self.given:
            leaf = self.leaves[i]
            self.bounds[0, i] = bounds(leaf.window, t, leaf.delay_micros, zone, anchors.get(i))


def _moment(leaf: Leaf) -> tuple[Any, ...]:
    window = leaf.window
    anchor = "" if window.anchor is None else repr(window.anchor)
    return (
        *(window.kind, window.micros, window.count, window.unit, window.back, window.to_date, anchor),
        *(leaf.delay_micros, leaf.including_present),
    )


def form_of(book: Book, leaf: Leaf) -> str:
    """The form in which kernels give a leaf's value."""
    gives = ALGEBRA[leaf.kind].gives
    if gives == "real" or (leaf.kind == "range" and leaf.param == 1):
        return REAL
    return NUMBERED if gives == "column" and book.places[book.features[leaf.feature]].numbered else HELD


def _decoder(book: Book, leaf: Leaf) -> Callable[[Any], Any] | None:
    """Makes a value of what a kernel gives; None where that is the value."""
    kind, form = leaf.type, form_of(book, leaf)
    if form == NUMBERED:
        words = book.words[leaf.column]
        return lambda number: words[number]
    if form == REAL or kind.kind in ("money", "decimal", "integer", "instant"):
        return None
    return lambda whole: from_int(whole, kind)
