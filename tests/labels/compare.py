"""Values of labels as what must be equal: type, bits, reason, and whether they are approximate."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias

import polars as pl

from tallystick.core import to_instant
from tallystick.labels import Vector

Bits: TypeAlias = tuple[Any, str, bool]


def bits_of(value: Any, reason: str = "", approximate: bool = False) -> Bits:
    if isinstance(value, datetime):
        value = to_instant(value)
    held = struct.pack(">d", value) if isinstance(value, float) else (type(value).__name__, value)
    return held, reason, approximate


def batch_rows(found: pl.DataFrame, names: Iterable[str]) -> list[dict[str, Bits]]:
    """The labels of each point of a batch; the marks of approximate ones are there where a label has a cap."""
    return [
        {
            name: bits_of(row[name], row[f"{name}__missing"] or "", row.get(f"{name}__approximate", False))
            for name in names
        }
        for row in found.iter_rows(named=True)
    ]


def vector_bits(vector: Vector) -> dict[str, Bits]:
    """The labels of a live answer."""
    return {
        name: bits_of(value, vector.missing.get(name, ""), name in vector.approximate)
        for name, value in vector.values.items()
    }
