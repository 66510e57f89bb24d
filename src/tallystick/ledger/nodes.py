"""The nodes of a tree that grows: its right edge in memory, all else from full tiles on disk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path

from tallystick.ledger.profile import HASH_BYTES, Profile
from tallystick.ledger.tiles import WIDTH, read_tile
from tallystick.ledger.tree import range_root

_HEIGHTS = 8
"""A tile stands for so many heights of the tree."""
TILES_HELD_MAX = 4096
"""Full tiles in memory at most, 16 KiB each with the nodes above their hashes: 64 MiB, whatever the log's size."""


def _place(height: int, at: int) -> slice:
    """Where the node at `at` of a height lies in a full tile: its rows one behind the other, from the hashes up."""
    start = HASH_BYTES * (2 * WIDTH - (2 * WIDTH >> height) + at)
    return slice(start, start + HASH_BYTES)


_PLACES = [[_place(height, at) for at in range(WIDTH >> height)] for height in range(_HEIGHTS)]
_PATHS = [itemgetter(*(_PLACES[height][(at >> height) ^ 1] for height in range(_HEIGHTS))) for at in range(WIDTH)]
"""For each place in a full tile, what takes from it the siblings on the way to its top."""


class Nodes:
    """The nodes of one log's tree.

    Parameters
    ----------
    folder
        The log's.
    profile
        What it hashes with.
    size
        How many entries the tiles on disk hold; the last tile of each level is read at once.
    """

    def __init__(self, folder: Path, profile: Profile, size: int = 0) -> None:
        self.size = size
        self._folder, self._profile = folder, profile
        self._edges: list[list[list[bytes]]] = []
        """Per level the last tile, not full: its hashes, and above them the nodes that they make, height by height."""
        self._closed: list[int] = []
        """Per level, how many full tiles stand before it."""
        self._held: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._tails: tuple[int, dict[int, bytes]] = (0, {})
        """Roots of what lies between a height's last full node and the end, for the tree of one size."""
        while size or not self._edges:
            closed, width = divmod(size, WIDTH)
            level = len(self._edges)
            data = read_tile(folder, level, closed, width) if width else b""
            self._open_tile(closed)
            self._fill(level, [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)])
            size = closed

    def edge(self, level: int) -> list[bytes]:
        """The hashes of the level's last tile, fewer than 256."""
        return self._edges[level][0]

    @property
    def levels(self) -> int:
        """How many levels of tiles there are."""
        return len(self._edges)

    def closed(self, level: int) -> int:
        """How many full tiles the level has."""
        return self._closed[level]

    def extend(self, hashes: list[bytes], full: Callable[[int, int, bytes], None]) -> None:
        """Add leaf hashes.

        Parameters
        ----------
        hashes
            As many as the last tile takes, or fewer.
        full
            Called with (level, number, bytes) of every tile that this fills.
        """
        level, added = 0, hashes
        while True:
            rows = self._edges[level]
            self._fill(level, added)
            if len(rows[0]) < WIDTH:
                break
            number = self._closed[level]
            whole = b"".join([b"".join(row) for row in rows])
            full(level, number, whole[: WIDTH * HASH_BYTES])
            self._hold((level, number), whole)
            self._closed[level] += 1
            self._edges[level] = _empty_rows()
            added, level = rows[_HEIGHTS], level + 1
            if level == len(self._edges):
                self._open_tile(0)
        self.size += len(hashes)

    def node(self, height: int, index: int) -> bytes:
        """The root of the full subtree of 2^height entries that starts at entry index × 2^height."""
        level, inside = height >> 3, height & 7
        number, at = index >> (_HEIGHTS - inside), index & ((WIDTH >> inside) - 1)
        if number == self._closed[level]:
            return self._edges[level][inside][at]
        return self._tile(level, number)[_PLACES[inside][at]]

    def leaves(self, number: int) -> bytes:
        """The leaf hashes of a tile of level 0, one behind the other, as many as there are."""
        if number == self._closed[0]:
            return b"".join(self._edges[0][0])
        held = self._held.get((0, number))
        return read_tile(self._folder, 0, number, WIDTH) if held is None else held[: WIDTH * HASH_BYTES]

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        """PATH(index, D[size]) of RFC 6962, section 2.1.1: the siblings of the entry from its leaf up.

        Below the height where the ways of the entry and of the last one part, all siblings are full nodes; there stands
        the root of all to the right; above it, only full nodes to the left.
        """
        parting = (index ^ (size - 1)).bit_length() - 1
        hashes: list[bytes] = []
        at, height = index, 0
        while height + _HEIGHTS <= parting:
            hashes += _PATHS[at & (WIDTH - 1)](self._tile(height >> 3, at >> _HEIGHTS))
            at >>= _HEIGHTS
            height += _HEIGHTS
        while height < parting:
            hashes.append(self.node(height, at ^ 1))
            at >>= 1
            height += 1
        if parting >= 0:
            hashes.append(self._tail(parting, size))
            at >>= 1
            height += 1
        while at:
            if at & 1:
                hashes.append(self.node(height, at ^ 1))
            at >>= 1
            height += 1
        return tuple(hashes)

    def growth(self, old: int, new: int) -> tuple[bytes, ...]:
        """PROOF(old, D[new]) of RFC 6962, section 2.1.2, for 0 < old <= new.

        It is the way up from the last full node of the old tree, and that node first unless it is the whole old tree.
        """
        if old == new:
            return ()
        height = (old & -old).bit_length() - 1
        path = self.path(old - 1, new)[height:]
        last = (old - 1) >> height
        return (self.node(height, last), *path) if last else path

    def _tail(self, height: int, size: int) -> bytes:
        """The root over the last of the tree's subtrees of 2^height entries, whether it is full or not."""
        if self._tails[0] != size:
            self._tails = (size, {})
        root = self._tails[1].get(height)
        if root is None:
            start = (size - 1) >> height << height
            root = self._tails[1][height] = range_root(self.node, start, size, self._profile)
        return root

    def _tile(self, level: int, number: int) -> bytes:
        """A full tile: its hashes and the nodes above them."""
        key = (level, number)
        tile = self._held.get(key)
        if tile is None:
            data = read_tile(self._folder, level, number, WIDTH)
            row = [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
            parts = [data]
            for _ in range(_HEIGHTS):
                row = self._profile.above(row)
                parts += row
            tile = b"".join(parts)
            self._hold(key, tile)
        else:
            self._held.move_to_end(key)
        return tile

    def _hold(self, key: tuple[int, int], tile: bytes) -> None:
        self._held[key] = tile
        if len(self._held) > TILES_HELD_MAX:
            self._held.popitem(last=False)

    def _open_tile(self, closed: int) -> None:
        self._edges.append(_empty_rows())
        self._closed.append(closed)

    def _fill(self, level: int, hashes: list[bytes]) -> None:
        """Put hashes into a level's last tile, and every node that they complete."""
        rows, added = self._edges[level], hashes
        for height, row in enumerate(rows):
            row += added
            if height == _HEIGHTS:
                break
            pairs = row[2 * len(rows[height + 1]) : len(row) & ~1]
            if not pairs:
                break
            added = self._profile.above(pairs)


def _empty_rows() -> list[list[bytes]]:
    return [[] for _ in range(_HEIGHTS + 1)]
