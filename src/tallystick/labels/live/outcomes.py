"""What the live executor answers: what became of an event, labels at a point, and both for a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import polars as pl


class Observed(msgspec.Struct, frozen=True):
    """What became of an event: accepted, or the reason why it counts nowhere."""

    stream: str
    id: int | str | None
    revision: int
    accepted: bool
    reason: str = ""


class Vector(msgspec.Struct, frozen=True):
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

    observed: list[Observed]
    values: pl.DataFrame | None
