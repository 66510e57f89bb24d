"""Events that were known once: kept as columns, or as they came; made into revisions when one is asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.labels.kernels.rows import Ints
from tallystick.labels.live.revisions import Revision
from tallystick.labels.meaning.facts import AT, ID, KNOWN, SEQUENCE

_PIECES = 32
"""So many small pieces are made one."""
RECENT = 512
"""So many events that came one by one are made a piece."""


class Piece(msgspec.Struct, frozen=True):
    """Events in the order of their numbers."""

    numbers: Ints
    facts: pl.DataFrame


class Past:
    """Events by number, in pieces; what was made into a revision stays here, unused.

    Parameters
    ----------
    keys, source, joined
        The columns of the facts that a revision holds.
    """

    def __init__(self, keys: tuple[str, ...], source: tuple[str, ...], joined: tuple[str, ...]) -> None:
        self._keys, self._source, self._joined = keys, source, joined
        self._pieces: list[Piece] = []
        self._firsts: list[int] = []
        self.recent: dict[int, tuple[int, tuple[Any, ...]]] = {}
        """Number → when it was known, and the values of the columns that `expect` named."""
        self._places: dict[str, int] = {}
        self._dtypes: dict[str, Any] = {}

    @property
    def pieces(self) -> list[Piece]:
        """All events in columns."""
        self.settle()
        return self._pieces

    def expect(self, places: Mapping[str, int], dtypes: Mapping[str, Any]) -> dict[int, tuple[int, tuple[Any, ...]]]:
        """Say which value each column is of an event that comes as it is, and the types of the columns.

        Gives `recent`, where such events are put, in the order of their numbers, which are above all before; whoever
        does calls `settle` at `RECENT` of them.
        """
        self.settle()
        self._places, self._dtypes = dict(places), dict(dtypes)
        return self.recent

    def settle(self) -> None:
        """Make what came one by one a piece."""
        if not self.recent:
            return
        columns = list(zip(*(values for _, values in self.recent.values()), strict=True))
        facts = [pl.Series(name, columns[place], self._dtypes[name]) for name, place in self._places.items()]
        facts.insert(1, pl.Series(KNOWN, [known for known, _ in self.recent.values()], pl.Int64))
        numbers = np.fromiter(self.recent, np.int64, len(self.recent))
        # It stays the same object, so that who takes events in holds on to it.
        self.recent.clear()
        self.add(numbers, pl.DataFrame(facts))

    def add(self, numbers: Ints, facts: pl.DataFrame) -> None:
        """Take events in whose numbers are above all before."""
        if not numbers.size:
            return
        self.settle()
        wanted = dict.fromkeys((ID, KNOWN, AT, SEQUENCE, *self._keys, *self._source, *self._joined))
        self._pieces.append(Piece(numbers, facts if facts.columns == list(wanted) else facts.select(*wanted)))
        self._firsts.append(int(numbers[0]))
        few = self._pieces[-_PIECES:]
        if len(few) == _PIECES and max(one.numbers.size for one in few) < _PIECES * min(
            one.numbers.size for one in few
        ):
            whole = Piece(np.concatenate([one.numbers for one in few]), pl.concat([one.facts for one in few]))
            self._pieces[-_PIECES:] = [whole]
            self._firsts[-_PIECES:] = [int(whole.numbers[0])]

    def _row(self, number: int) -> tuple[pl.DataFrame, int]:
        piece = self._pieces[bisect_right(self._firsts, number) - 1]
        return piece.facts, int(np.searchsorted(piece.numbers, number))

    def order(self, number: int) -> tuple[int | str, int | str]:
        """The sequence and id of an event."""
        recent = self.recent.get(number)
        if recent is not None:
            return recent[1][self._places[SEQUENCE]], recent[1][self._places[ID]]
        facts, row = self._row(number)
        return facts[SEQUENCE][row], facts[ID][row]

    def revision(self, number: int) -> Revision:
        """The one revision of an event."""
        recent = self.recent.get(number)
        if recent is not None:
            one = {KNOWN: recent[0], **{name: recent[1][place] for name, place in self._places.items()}}
        else:
            facts, row = self._row(number)
            one = {name: _held(facts[name], row) for name in facts.columns}
        keys = tuple(one[key] for key in self._keys)
        values, joined = (tuple(one[name] for name in names) for names in (self._source, self._joined))
        return Revision(one[KNOWN], False, one[AT], one[SEQUENCE], keys, values, joined)

    def known(self, number: int) -> int:
        """When an event was known."""
        recent = self.recent.get(number)
        if recent is not None:
            return recent[0]
        facts, row = self._row(number)
        return int(facts[KNOWN][row])

    def keep(self, numbers: Iterable[int]) -> None:
        """Drop all events but some."""
        kept = np.array(sorted(numbers), np.int64)
        pieces, self._pieces, self._firsts = self.pieces, [], []
        for piece in pieces:
            chosen = np.isin(piece.numbers, kept)
            if chosen.any():
                self._pieces.append(Piece(piece.numbers[chosen], piece.facts.filter(pl.Series(chosen))))
                self._firsts.append(int(self._pieces[-1].numbers[0]))


def _held(series: pl.Series, row: int) -> Any:
    if isinstance(series.dtype, pl.Datetime):
        return series.to_physical()[row]
    return series[row]
