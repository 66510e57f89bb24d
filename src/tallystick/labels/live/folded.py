"""Ids of events whose facts were folded: whether a revision of an unknown event may be of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from tallystick.labels.live.numbered import Name

_FIRST, _MOST, _GROWTH = 1 << 13, 1 << 22, 4
"""Bytes of the first filter and of the largest; each is so many times as large as the one before."""
_BITS, _PROBES = 10, 5
"""Bits of a filter for each id, and how many of them an id sets: one in a hundred others looks as if it were there."""


class FoldedIds:
    """A set of ids in bounded memory (Bloom filters): what was added is in it, and so may be a few that were not.

    Beyond some seven million ids it stays as large as it is, and ever more others seem to be in it.

    Parameters
    ----------
    filters
        The filters of an earlier set.
    last
        How many ids the last of them has.

    Examples
    --------
    >>> ids = FoldedIds()
    >>> ids.add("p1")
    >>> "p1" in ids, "p2" in ids, 1 in ids
    (True, False, False)
    """

    def __init__(self, filters: list[bytes] | None = None, last: int = 0) -> None:
        self.filters, self.last = [bytearray(one) for one in filters or []], last

    def add(self, id: Name) -> None:
        """Put an id in."""
        if not self.filters or (8 * len(self.filters[-1]) <= _BITS * self.last and len(self.filters[-1]) < _MOST):
            self.filters.append(bytearray(len(self.filters[-1]) * _GROWTH if self.filters else _FIRST))
            self.last = 0
        for byte, bit in _places(id, len(self.filters[-1])):
            self.filters[-1][byte] |= bit
        self.last += 1

    def __contains__(self, id: Name) -> bool:
        return any(all(one[byte] & bit for byte, bit in _places(id, len(one))) for one in self.filters)


def _places(id: Name, size: int) -> Iterator[tuple[int, int]]:
    """The bytes of a filter of `size` bytes that an id has bits of, and those bits."""
    digest = blake2b(repr(id).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    place, step = int.from_bytes(digest[:8]), int.from_bytes(digest[8:]) | 1
    for _ in range(_PROBES):
        yield place // 8 % size, 1 << place % 8
        place += step
