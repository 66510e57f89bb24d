"""Sets of characters for patterns: sorted ranges of code points that do not touch."""

from __future__ import annotations

import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from tallystick.feel.blocks import BLOCKS

Ranges: TypeAlias = tuple[tuple[int, int], ...]
ALL: Ranges = ((0, sys.maxunicode),)
_CASED_MAX = 0x1FFFF


def union(*sets: Iterable[tuple[int, int]]) -> Ranges:
    """The characters in any of the sets."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(item for ranges in sets for item in ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


def inverse(ranges: Ranges) -> Ranges:
    """All other characters."""
    found, start = [], 0
    for low, high in ranges:
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    return (*found, (start, sys.maxunicode)) if start <= sys.maxunicode else tuple(found)


def difference(ranges: Ranges, taken: Ranges) -> Ranges:
    """The characters of one set without those of another."""
    return inverse(union(inverse(ranges), taken))


def holds(ranges: Ranges, code: int) -> bool:
    """Whether a code point is in a set."""
    index = bisect_right(ranges, (code, sys.maxunicode)) - 1
    return index >= 0 and code <= ranges[index][1]


def chars(text: str) -> Ranges:
    """The set of some characters."""
    return union((ord(char), ord(char)) for char in text)


def case_blind(ranges: Ranges) -> Ranges:
    """A set with all case variants of its characters."""
    variants = _variants()
    found = [other for code, others in variants.items() if holds(ranges, code) for other in others]
    return union(ranges, ((code, code) for code in found))


def same_but_case(a: str, b: str) -> bool:
    """Whether two texts differ by case at most."""
    return len(a) == len(b) and all(x == y or ord(y) in _variants().get(ord(x), ()) for x, y in zip(a, b, strict=True))


@lru_cache(maxsize=1)
def _variants() -> dict[int, tuple[int, ...]]:
    """The case variants of each cased character: those of the same upper or the same lower case."""
    groups: dict[str, set[int]] = {}
    for code in range(_CASED_MAX + 1):
        char = chr(code)
        lower, upper = char.lower(), char.upper()
        if lower != char or upper != char:
            for key in (f"l{lower}", f"u{upper}"):
                groups.setdefault(key, set()).add(code)
    found: dict[int, set[int]] = {}
    for group in groups.values():
        for code in group:
            found.setdefault(code, set()).update(group)
    return {code: tuple(others) for code, others in found.items() if len(others) > 1}


@lru_cache(maxsize=1)
def _categories() -> dict[str, Ranges]:
    """The characters of each general category."""
    found: dict[str, list[tuple[int, int]]] = {}
    start, current = 0, unicodedata.category("\0")
    for code in range(1, sys.maxunicode + 2):
        category = unicodedata.category(chr(code)) if code <= sys.maxunicode else ""
        if category != current:
            found.setdefault(current, []).append((start, code - 1))
            start, current = code, category
    return {name: tuple(ranges) for name, ranges in found.items()}


def category(name: str) -> Ranges | None:
    """The characters of a category such as Lu, L or IsBasicLatin; None when there is no such one."""
    if name.startswith("Is"):
        block = BLOCKS.get(name[2:])
        return None if block is None else (block,)
    kinds = _categories()
    parts = [kinds[kind] for kind in kinds if kind == name or (len(name) == 1 and kind[0] == name)]
    return union(*parts) if parts else None


_NAME_START: Ranges = (
    (0x3A, 0x3A),
    (0x41, 0x5A),
    (0x5F, 0x5F),
    (0x61, 0x7A),
    (0xC0, 0xD6),
    (0xD8, 0xF6),
    (0xF8, 0x2FF),
    (0x370, 0x37D),
    (0x37F, 0x1FFF),
    (0x200C, 0x200D),
    (0x2070, 0x218F),
    (0x2C00, 0x2FEF),
    (0x3001, 0xD7FF),
    (0xF900, 0xFDCF),
    (0xFDF0, 0xFFFD),
    (0x10000, 0xEFFFF),
)
_NAME_MORE: Ranges = ((0x2D, 0x2E), (0x30, 0x39), (0xB7, 0xB7), (0x300, 0x36F), (0x203F, 0x2040))


@lru_cache(maxsize=16)
def escaped(letter: str) -> Ranges:
    """The characters of the escapes s, d, w, i and c; of a capital letter all others."""
    if letter.isupper():
        return inverse(escaped(letter.lower()))
    if letter == "s":
        return chars(" \t\n\r")
    if letter == "d":
        return category("Nd") or ()
    if letter == "w":
        return inverse(union(*(category(kind) or () for kind in "PZC")))
    return _NAME_START if letter == "i" else union(_NAME_START, _NAME_MORE)
