"""Two segments of two million customers in ten million: Roaring bitmaps beside DuckDB over a Parquet file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from bench.labels.measure import Row, in_turns, seconds_of, times
from pyroaring import BitMap

CUSTOMERS, SIZE = 10_000_000, 2_000_000


def rows() -> list[Row]:
    """AND and OR: made as a new segment and counted, and counted only."""
    random = np.random.default_rng(3)
    chosen = [np.sort(random.choice(CUSTOMERS, SIZE, replace=False)) for _ in range(2)]
    first, second = (BitMap(members.astype(np.uint32)) for members in chosen)
    flags = {name: np.zeros(CUSTOMERS, np.bool_) for name in ("a", "b")}
    for flag, members in zip(flags.values(), chosen, strict=True):
        flag[members] = True
    with tempfile.TemporaryDirectory() as name, duckdb.connect() as connection:
        path = Path(name) / "segments.parquet"
        pl.DataFrame({"customer": np.arange(CUSTOMERS), **flags}).write_parquet(path)
        connection.execute("SET threads = 2")

        def counted(condition: str) -> int:
            return int(connection.execute(f"SELECT count(*) FROM '{path}' WHERE {condition}").fetchall()[0][0])

        return [
            *_of("AND", lambda: first & second, lambda: first.intersection_cardinality(second), counted),
            *_of("OR", lambda: first | second, lambda: first.union_cardinality(second), counted),
        ]


def _of(word: str, make: Callable[[], Any], size: Callable[[], int], scanned: Callable[[str], int]) -> list[Row]:
    made, only, scan = in_turns(
        lambda: seconds_of(lambda: len(make()))[1],
        lambda: seconds_of(size)[1],
        lambda: seconds_of(lambda: scanned(f"a {word} b"))[1],
        rounds=9,
    )
    same = "the same count" if size() == len(make()) == scanned(f"a {word} b") else "OTHER COUNT"
    work = f"{word} of two segments of {SIZE:,} in {CUSTOMERS:,}"
    peer = f"DuckDB Parquet scan {scan * 1e3:.0f} ms"
    return [
        Row(f"{work}, as a new segment", f"{made * 1e3:.2f} ms", peer, times(scan / made), same),
        Row(f"{work}, its size only", f"{only * 1e3:.3f} ms", peer, times(scan / only), same),
    ]
