"""The tree of RFC 6962 word for word: slow in steps, obvious in each, and without a line of the ledger's code."""

from __future__ import annotations

import hashlib
from functools import cache

Path = list[bytes]


class Naive:
    """A tree over entries. MTH, PATH and PROOF are those of the RFC, sections 2.1 to 2.1.2; ranges stand for D[a:b].

    SUBTREE_SUBPROOF is that of draft-ietf-plants-merkle-tree-certs, section 4.4.1.
    """

    def __init__(self, entries: list[bytes], hashed: str = "sha256") -> None:
        self.name = hashed
        self.leaves = [self.hash(b"\0" + entry) for entry in entries]
        self.mth = cache(self._mth)

    def hash(self, data: bytes) -> bytes:
        return hashlib.new(self.name, data).digest()

    def _mth(self, start: int, stop: int) -> bytes:
        if start == stop:
            return self.hash(b"")
        if stop - start == 1:
            return self.leaves[start]
        middle = start + split(stop - start)
        return self.hash(b"\1" + self.mth(start, middle) + self.mth(middle, stop))

    def root(self, size: int) -> bytes:
        """MTH(D[0:size])."""
        return self.mth(0, size)

    def path(self, index: int, start: int, stop: int) -> Path:
        """PATH(index, D[start:stop]), the index counted from the start of the range."""
        if stop - start == 1:
            return []
        half = split(stop - start)
        middle = start + half
        if index < half:
            return [*self.path(index, start, middle), self.mth(middle, stop)]
        return [*self.path(index - half, middle, stop), self.mth(start, middle)]

    def proof(self, old: int, new: int) -> Path:
        """PROOF(old, D[0:new])."""
        return self._subproof(old, 0, new, True)

    def _subproof(self, old: int, start: int, stop: int, whole: bool) -> Path:
        if old == stop - start:
            return [] if whole else [self.mth(start, stop)]
        half = split(stop - start)
        middle = start + half
        if old <= half:
            return [*self._subproof(old, start, middle, whole), self.mth(middle, stop)]
        return [*self._subproof(old - half, middle, stop, False), self.mth(start, middle)]

    def subtree_proof(self, first: int, last: int, size: int) -> Path:
        """SUBTREE_PROOF of the entries first … last − 1."""
        return self._subtree(first, last, 0, size, True)

    def _subtree(self, first: int, last: int, start: int, stop: int, whole: bool) -> Path:
        if (first, last) == (0, stop - start):
            return [] if whole else [self.mth(start, stop)]
        half = split(stop - start)
        middle = start + half
        if last <= half:
            return [*self._subtree(first, last, start, middle, whole), self.mth(middle, stop)]
        if half <= first:
            return [*self._subtree(first - half, last - half, middle, stop, whole), self.mth(start, middle)]
        return [*self._subtree(0, last - half, middle, stop, False), self.mth(start, middle)]


def split(size: int) -> int:
    """The largest power of two below `size`."""
    half = 1
    while half * 2 < size:
        half *= 2
    return half


def sides(index: int, size: int) -> str:
    """On which side of the path each hash of PATH(index, D[0:size]) stands, lowest first: all that the numbers say."""
    if size == 1:
        return ""
    half = split(size)
    return sides(index, half) + "R" if index < half else sides(index - half, size - half) + "L"


def subtrees(size: int) -> list[tuple[int, int]]:
    """Every subtree of a tree: its start is a multiple of the smallest power of two not below its width."""
    found = []
    for start in range(size):
        for stop in range(start + 1, size + 1):
            width = 1
            while width < stop - start:
                width *= 2
            if start % width == 0:
                found.append((start, stop))
    return found
