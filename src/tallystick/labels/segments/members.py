"""The members of a segment as a set: algebra, sizes and overlaps on Roaring bitmaps, without listing anyone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
import polars as pl
from pyroaring import FrozenBitMap

from tallystick.core import InputError, Instant
from tallystick.labels.segments.directory import Directory, Numbers
from tallystick.labels.segments.words import WORDS


class Segment(msgspec.Struct, frozen=True):
    """What a segment means: the keys of `entity` for which the FEEL `condition` over labels is true.

    `labels` maps each label that it reads to its version; `version` is the content of all but the name.
    """

    name: str
    entity: str
    condition: str
    labels: Mapping[str, str]
    version: str


class Build(msgspec.Struct, frozen=True):
    """A segment at a point: its members among the keys that were asked, for the facts up to t known by k.

    `missing` keys have no answer (the condition is null) and are no members. `number` counts a segment's builds from 0.
    """

    segment: Segment
    t: Instant
    k: Instant
    number: int
    size: int
    asked: int
    missing: int


class Overlap(msgspec.Struct, frozen=True):
    """How two sets lie: the size of each, of both together and of either, and both / either (0 of two empty sets)."""

    left: int
    right: int
    both: int
    either: int
    jaccard: float


class Members:
    """Some keys of one directory: `a & b`, `a | b`, `a - b`, and `~a` among the keys known when it was built.

    `build` is what was built, None for a set made from others. Sizes and overlaps are counted without listing.
    """

    __slots__ = ("bitmap", "build", "directory", "known")

    def __init__(
        self, directory: Directory, bitmap: FrozenBitMap, known: FrozenBitMap, build: Build | None = None
    ) -> None:
        self.directory, self.bitmap, self.known, self.build = directory, bitmap, known, build

    @property
    def size(self) -> int:
        """How many members."""
        return len(self.bitmap)

    def __len__(self) -> int:
        return len(self.bitmap)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Members) and self.directory == other.directory and self.bitmap == other.bitmap

    def __hash__(self) -> int:
        return hash((self.directory, self.bitmap))

    def __contains__(self, key: object) -> bool:
        try:
            number = self.directory.numbers(pl.Series([key]))[0]
        except (InputError, TypeError):
            return False
        return number is not None and number in self.bitmap

    def __and__(self, other: Members) -> Members:
        return self._with(other, self.bitmap & _same(self, other).bitmap)

    def __or__(self, other: Members) -> Members:
        return self._with(other, self.bitmap | _same(self, other).bitmap)

    def __sub__(self, other: Members) -> Members:
        return self._with(other, self.bitmap - _same(self, other).bitmap)

    def __invert__(self) -> Members:
        return Members(self.directory, self.known - self.bitmap, self.known)

    def limit(self, count: int) -> Members:
        """The `count` members that were registered first; all when there are fewer."""
        return Members(self.directory, self.bitmap[: _count(count)], self.known)

    def sample(self, count: int, salt: str = "") -> Members:
        """`count` members drawn by the hash of their number and a salt: the same each time, another for another salt.

        A larger sample of the same salt holds the smaller one.
        """
        numbers = self.numbers()
        if _count(count) >= numbers.size:
            return Members(self.directory, self.bitmap, self.known)
        # splitmix64 (Steele, Lea, Flood 2014) of number + salt: one to one, so no two members tie.
        seed = np.uint64(int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8]))
        z = (numbers.astype(np.uint64) + seed) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        drawn = numbers[np.argpartition(z, count)[:count]] if count else numbers[:0]
        return Members(self.directory, FrozenBitMap(np.sort(drawn)), self.known)

    def numbers(self) -> Numbers:
        """The members' numbers in the directory, ascending."""
        return np.frombuffer(self.bitmap.to_array(), dtype=np.uint32)

    def keys(self) -> Iterator[str | int]:
        """The members, in the order of registration, some at a time."""
        return self.directory.keys(self.numbers())

    def frame(self) -> pl.DataFrame:
        """The members as a frame with one column, named by the entity."""
        return self.directory.frame(self.numbers())

    def _with(self, other: Members, bitmap: FrozenBitMap) -> Members:
        return Members(self.directory, bitmap, self.known | other.known)


def overlap(left: Members, right: Members) -> Overlap:
    """Count how two sets of one directory lie, without making either.

    Raises
    ------
    InputError
        When they are of two directories.
    """
    both = left.bitmap.intersection_cardinality(_same(left, right).bitmap)
    either = left.size + right.size - both
    return Overlap(left.size, right.size, both, either, both / either if either else 0.0)


def _same(left: Members, right: Members) -> Members:
    if left.directory != right.directory:
        words = WORDS("segments.directory", given=str(left.directory), allowed=str(right.directory))
        raise InputError(words)
    return right


def _count(given: int) -> int:
    if given < 0:
        raise InputError(WORDS("segments.count", given=given))
    return given
