"""Which rule of an old table each rule of a new one was."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from tallystick.decisions.sheet import Row


def aligned(olds: Sequence[Row], news: Sequence[Row]) -> list[int | None]:
    """For each new rule the old one that it was, or None: by content, then by id, then by place between the others."""
    found = _matched([row.cells for row in olds], [row.cells for row in news])
    taken = set(found)
    left: set[int | None] = {place for place in range(len(olds)) if place not in taken}
    for keys in (_ids, _contents):
        known = {key: place for place, key in sorted(enumerate(keys(olds)), reverse=True) if key and place in left}
        for place, key in enumerate(keys(news)):
            old = known.get(key)
            if found[place] is None and old in left:
                found[place] = old
                left.discard(old)
    before = -1
    for place, old in enumerate(found):
        if old is None and before + 1 in left and news[place].id in ("", olds[before + 1].id):
            found[place] = old = before + 1
            left.discard(old)
        before = old if old is not None else before
    return found


def _ids(rows: Sequence[Row]) -> list[object]:
    return [row.id for row in rows]


def _contents(rows: Sequence[Row]) -> list[object]:
    return [row.cells for row in rows]


def _matched(olds: Sequence[tuple[str, ...]], news: Sequence[tuple[str, ...]]) -> list[int | None]:
    found: list[int | None] = [None] * len(news)
    for old, new, size in SequenceMatcher(None, olds, news, autojunk=False).get_matching_blocks():
        for step in range(size):
            found[new + step] = old + step
    return found
