"""History that a live executor starts from: kept in columns, cut into a shelf or an event when one is touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tallystick.labels import sweeps
from tallystick.labels.batch import feature
from tallystick.labels.define import Events
from tallystick.labels.facts import AT, FROM, ID, KNOWN, SEQUENCE, T_MIN, Rows, codes
from tallystick.labels.kernels import Codes, Ints
from tallystick.labels.shelf import VALUES, Revision, Shelf


class History:
    """The facts of one stream, each known once and never revised, in the row versions of the batch executor.

    Parameters
    ----------
    events
        The stream.
    facts
        Its facts in held form, refused ones left out.
    rows
        The row versions made of them.
    features
        (column, filter, coded) → its place among a shelf's values.
    number
        Numbers a value of a text or coded column, as the live executor does.
    columns
        The columns whose values a revision holds, in order.
    zone
        Of the filters.
    """

    def __init__(
        self,
        events: Events,
        facts: pl.DataFrame,
        rows: Rows,
        features: dict[tuple[str, str, bool], int],
        number: Any,
        columns: tuple[str, ...],
        zone: str,
    ) -> None:
        self._facts, self._columns = facts, columns
        self._keys = tuple(events.keys.values())
        self._row_of = {id: row for row, id in enumerate(facts[ID].to_list())}
        self._number_of = {id: place for place, id in enumerate(rows.ids[ID].to_list())}
        latest = facts[KNOWN].max()
        self.known_at = latest if isinstance(latest, int) else T_MIN
        size = rows.at.size
        self._ints: Ints = np.empty((VALUES + len(features), size), np.int64)
        self._codes: Codes = np.empty((len(features), size), np.uint8)
        self._ints[:VALUES] = rows.at, rows.known_from, rows.known_to, rows.event
        for (column, where, coded), place in features.items():
            made = feature(rows, column, where, coded, zone)
            value = made.value
            if column and (coded or made.texts is not None):
                unique = rows.frame.select(column).unique().drop_nulls()
                held = unique[column].to_physical() if unique.dtypes[0] == pl.Datetime else unique[column]
                numbers = np.array([number(column, one, coded) for one in held.to_list()] or [0], np.int64)
                value = numbers[codes(rows.frame[column], unique)]
            self._codes[place] = made.code
            self._ints[VALUES + place] = value
        self._order = rows.frame.select(AT, SEQUENCE, ID, FROM)
        self._shelves: dict[str, dict[int | str, tuple[int, int]]] = {}
        self._by_key: dict[str, Ints] = {}
        for entity, key in events.keys.items():
            unique = rows.frame.select(key).unique()
            order, starts = sweeps.by_bucket(codes(rows.frame[key], unique), unique.height)
            spans = zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
            self._shelves[entity.name] = dict(zip(unique[key].to_list(), spans, strict=True))
            self._by_key[entity.name] = order

    @property
    def size(self) -> int:
        """How many events it began with: the numbers that are taken."""
        return len(self._number_of)

    def ids(self) -> list[int | str]:
        """The events that were not yet cut out."""
        return list(self._row_of)

    def take_event(self, id: int | str) -> tuple[int, Revision] | None:
        """Cut out an event: its number and its one revision; None when it is not (or no longer) here."""
        row = self._row_of.pop(id, None)
        if row is None:
            return None
        one = self._facts.row(row, named=True)
        values = tuple(_held(self._facts.schema[name], one[name]) for name in self._columns)
        keys = tuple(one[key] for key in self._keys)
        return self._number_of[id], Revision(one[KNOWN], False, one[AT], one[SEQUENCE], keys, values)

    def take_shelf(self, entity: str, key: int | str) -> Shelf | None:
        """Cut out the shelf of a key; None when it is not (or no longer) here."""
        span = self._shelves[entity].pop(key, None)
        if span is None:
            return None
        rows = self._by_key[entity][span[0] : span[1]]
        return Shelf.of(self._order[rows].rows(), self._ints[:, rows], self._codes[:, rows])


def _held(dtype: pl.DataType, value: Any) -> Any:
    if value is None or not isinstance(dtype, pl.Datetime):
        return value
    return int(pl.Series([value], dtype=dtype).to_physical()[0])
