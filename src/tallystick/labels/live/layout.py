"""Where a live stream's features lie in a row, and what a request that leaves no trace must set back."""

from __future__ import annotations

import msgspec

from tallystick.core import FieldType
from tallystick.labels.plan import Feature


class Place(msgspec.Struct, frozen=True):
    """Where a feature's values come from, and where a row has them: columns by number, -1 for none."""

    feature: Feature
    column: int
    other: int
    numbered: bool
    x: int
    y: int
    word: int
    shift: int


class Mark(msgspec.Struct):
    """What to set back when a request is forgotten: segments touched with their settled k, and what was counted."""

    kinds: dict[str, FieldType]
    words: dict[str, int]
    slots: dict[str, int]
    numbered: int
    touched: list[tuple[str, int, int]]
