"""Events that came in columns and were known once: kept as columns, made into revisions when one is asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick.labels.kernels.rows import Ints
from tallystick.labels.live.revisions import Revision
from tallystick.labels.meaning.facts import AT, ID, KNOWN, SEQUENCE

_PIECES = 32
"""So many small pieces are made one."""


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
        self.pieces: list[Piece] = []
        self._firsts: list[int] = []

    def add(self, numbers: Ints, facts: pl.DataFrame) -> None:
        """Take events in whose numbers are above all before."""
        if not numbers.size:
            return
        wanted = dict.fromkeys((ID, KNOWN, AT, SEQUENCE, *self._keys, *self._source, *self._joined))
        self.pieces.append(Piece(numbers, facts if facts.columns == list(wanted) else facts.select(*wanted)))
        self._firsts.append(int(numbers[0]))
        few = self.pieces[-_PIECES:]
        if len(few) == _PIECES and max(one.numbers.size for one in few) < _PIECES * min(
            one.numbers.size for one in few
        ):
            whole = Piece(np.concatenate([one.numbers for one in few]), pl.concat([one.facts for one in few]))
            self.pieces[-_PIECES:] = [whole]
            self._firsts[-_PIECES:] = [int(whole.numbers[0])]

    def _row(self, number: int) -> tuple[pl.DataFrame, int]:
        piece = self.pieces[bisect_right(self._firsts, number) - 1]
        return piece.facts, int(np.searchsorted(piece.numbers, number))

    def order(self, number: int) -> tuple[int | str, int | str]:
        """The sequence and id of an event."""
        facts, row = self._row(number)
        return facts[SEQUENCE][row], facts[ID][row]

    def revision(self, number: int) -> Revision:
        """The one revision of an event."""
        facts, row = self._row(number)
        one = {name: _held(facts[name], row) for name in facts.columns}
        keys = tuple(one[key] for key in self._keys)
        values, joined = (tuple(one[name] for name in names) for names in (self._source, self._joined))
        return Revision(one[KNOWN], False, one[AT], one[SEQUENCE], keys, values, joined)

    def keep(self, numbers: Iterable[int]) -> None:
        """Drop all events but some."""
        kept = np.array(sorted(numbers), np.int64)
        pieces, self.pieces, self._firsts = self.pieces, [], []
        for piece in pieces:
            chosen = np.isin(piece.numbers, kept)
            if chosen.any():
                self.pieces.append(Piece(piece.numbers[chosen], piece.facts.filter(pl.Series(chosen))))
                self._firsts.append(int(self.pieces[-1].numbers[0]))


def _held(series: pl.Series, row: int) -> Any:
    if isinstance(series.dtype, pl.Datetime):
        return series.to_physical()[row]
    return series[row]
