"""Ids of folded events: none is forgotten, few others are taken for one, and memory has an end."""

from __future__ import annotations

import pytest

from tallystick.labels.live import folded
from tallystick.labels.live.folded import FoldedIds

MANY = 40_000


def test_every_id_is_found_and_hardly_another() -> None:
    """Text and whole numbers, also after the filters went through bytes."""
    ids = FoldedIds()
    for i in range(MANY):
        ids.add(i if i % 2 else f"p{i}")
    ids = FoldedIds([bytes(one) for one in ids.filters], ids.last)
    assert all((i if i % 2 else f"p{i}") in ids for i in range(MANY))
    others = sum((f"p{i}" if i % 2 else i) in ids for i in range(MANY))
    assert others < MANY // 30
    assert sum(len(one) for one in ids.filters) < 6 * MANY


def test_filters_grow_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the largest filter ids are still found; only others are too."""
    monkeypatch.setattr(folded, "_FIRST", 16)
    monkeypatch.setattr(folded, "_MOST", 64)
    ids = FoldedIds()
    for i in range(5_000):
        ids.add(i)
    assert [len(one) for one in ids.filters] == [16, 64]
    assert all(i in ids for i in range(5_000))
