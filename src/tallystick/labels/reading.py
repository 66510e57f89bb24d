"""Which labels could have read some facts: told from keys, windows and instants alone, whatever the values are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import polars as pl

from tallystick.core import Instant
from tallystick.labels.library import Library
from tallystick.labels.meaning.windows import reach
from tallystick.labels.plan import Leaf

Moments: TypeAlias = list[tuple[int, int]]
"""When facts happened and when they were known, in microseconds UTC."""
_INSTANT = pl.Datetime("us", "UTC")


class Traces:
    """Where some facts lie, to ask which labels at a point could have read one of them.

    Never too few: where a key is given by a link, or a column is joined from other labels, any fact that is early
    enough counts.

    Parameters
    ----------
    library
        The labels.
    facts
        Stream → the facts in question: a frame with the stream's key columns, `at` column and `known_at`.

    Examples
    --------
    >>> from tallystick.labels import Entity, Events
    >>> card = Entity("card")
    >>> payments = Events("payments", id="id", at="at", keys={card: "card"})
    >>> library = Library({"number": payments.per(card).count().over("1h")}, {"payments": payments})
    >>> erased = pl.DataFrame({"at": [10], "known_at": [12], "card": ["~1"]})
    >>> traces = Traces(library, {"payments": erased})
    >>> [traces.touch("number", {"card": key}, t, t) for key, t in (("~1", 20), ("~1", 11), ("c2", 20))]
    [True, False, False]
    """

    def __init__(self, library: Library, facts: Mapping[str, pl.DataFrame]) -> None:
        self._library = library
        self._by_key: dict[tuple[str, str, str | int], Moments] = {}
        self._all: dict[str, Moments] = {}
        for stream, frame in facts.items():
            spec = library.streams[stream]
            moments = list(zip(_micros(frame[spec.at]), _micros(frame["known_at"]), strict=True))
            self._all[stream] = moments
            for entity, column in spec.keys.items():
                for key, moment in zip(frame[column].to_list(), moments, strict=True):
                    if key is not None:
                        self._by_key.setdefault((stream, entity.name, key), []).append(moment)

    def __bool__(self) -> bool:
        return any(self._all.values())

    def touch(self, label: str, keys: Mapping[str, str | int | None], t: Instant, k: Instant) -> bool:
        """Whether a label at (keys, t, k) could have read one of the facts."""
        return any(self._touches(leaf, keys, t, k) for leaf in self._library.leaves([label]))

    def _touches(self, leaf: Leaf, keys: Mapping[str, str | int | None], t: Instant, k: Instant) -> bool:
        if not leaf.entity:
            return False
        if self._library.streams[leaf.stream].joins:
            return any(at <= t and known <= k for moments in self._all.values() for at, known in moments)
        back = reach(leaf)
        begin = -(2**63) if back is None else t - back
        key = keys.get(leaf.entity)
        if leaf.via is not None:
            moments = self._all.get(leaf.stream, [])
        else:
            moments = [] if key is None else self._by_key.get((leaf.stream, leaf.entity, key), [])
        return any(begin <= at <= t and known <= k for at, known in moments)


def _micros(column: pl.Series) -> list[int]:
    return (column if column.dtype.is_integer() else column.cast(_INSTANT).to_physical()).to_list()
