"""What the live executor answers: what became of an event, labels at a point, and both for a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import msgspec
import polars as pl


class Observed(msgspec.Struct, frozen=True, gc=False):
    """What became of an event: accepted, or the reason why it counts nowhere."""

    stream: str
    id: int | str | None
    revision: int
    accepted: bool
    reason: str = ""


class Accepted(Sequence[Observed]):
    """New events of a batch of which none was refused, as a list of what became of each.

    Parameters
    ----------
    stream
        Their stream.
    ids
        Their ids.
    """

    def __init__(self, stream: str, ids: pl.Series) -> None:
        self._stream, self._ids = stream, ids

    @overload
    def __getitem__(self, place: int) -> Observed: ...
    @overload
    def __getitem__(self, place: slice) -> list[Observed]: ...
    def __getitem__(self, place: int | slice) -> Observed | list[Observed]:
        if isinstance(place, slice):
            return [Observed(self._stream, id, 0, True) for id in self._ids[place].to_list()]
        return Observed(self._stream, self._ids[place], 0, True)

    def __iter__(self) -> Iterator[Observed]:
        return iter(self[:])

    def __len__(self) -> int:
        return self._ids.len()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self[:] == list(other)

    __hash__ = None  # type: ignore[assignment]


class Vector(msgspec.Struct, frozen=True, gc=False):
    """Labels at one point: `values` (None where missing), `missing` (label → reason), `approximate` labels."""

    values: Mapping[str, Any]
    missing: Mapping[str, str]
    approximate: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


class Batch(msgspec.Struct, frozen=True):
    """What became of each event, and the labels at each accepted event's own point right after it was observed.

    `values` has the columns that `Library.at` gives for labels, without those of the points; None when no labels were
    asked.
    """

    observed: Sequence[Observed]
    values: pl.DataFrame | None
