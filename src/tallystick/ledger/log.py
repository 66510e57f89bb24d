"""The log: a Merkle tree that grows at its end, kept as tiles, with signed checkpoints and proofs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from tallystick.core import InputError, Place, StateError, TamperError
from tallystick.ledger.checkpoint import open_checkpoint, sign_checkpoint
from tallystick.ledger.head import Checkpoint
from tallystick.ledger.keys import Signer
from tallystick.ledger.note import read_note
from tallystick.ledger.tiles import (
    ENTRY_BYTES_MAX,
    WIDTH,
    find_tile,
    pack_entries,
    read_entries,
    read_hashes,
    tile_path,
)
from tallystick.ledger.tree import (
    ConsistencyProof,
    InclusionProof,
    check_range,
    consistency_path,
    fold,
    inclusion_path,
    leaf_hash,
    node_hash,
    range_root,
    subtree_path,
    valid_subtree,
)
from tallystick.ledger.words import WORDS
from tallystick.store import atomic_write, sync_folder

_TILES_HELD_MAX = 512


class Log:
    """A Merkle log in a folder, which can be served as static files.

    Its entries come from a journal, so what was appended after the last checkpoint may be lost in a crash: append it
    again with `at`. A checkpoint is written only after all it promises is on disk, and never replaces a larger one.

    Parameters
    ----------
    folder
        Where `checkpoint` and `tile/` lie; made at the first write.
    origin
        The log's name, such as "bank.example/decisions".
    signer
        The log's key; it bears the same name.
    write
        True takes the one writer's lock on the folder. False reads the tree of the last checkpoint, beside a writer
        too, and never writes a tile or a checkpoint.

    Raises
    ------
    StateError
        When another process writes.
    TamperError
        When the checkpoint is not signed by this key, or the tiles do not lead to its root.

    Examples
    --------
    >>> import tempfile
    >>> from tallystick.ledger.keys import generate_key
    >>> signer = Signer(generate_key("bank.example/log")[0])
    >>> with tempfile.TemporaryDirectory() as folder, Log(folder, "bank.example/log", signer) as log:
    ...     log.append([b"one", b"two"]), log.append([b"two", b"three"], at=1), log.size
    ...     signed = log.checkpoint()
    ...     log.prove(2), log.check()
    (0, 1, 3)
    (InclusionProof(index=2, size=3, hashes=(b'...',)), 3)
    """

    def __init__(self, folder: Path | str, origin: str, signer: Signer, *, write: bool = True) -> None:
        if signer.name != origin:
            raise InputError(WORDS("key.origin", given=signer.name, allowed=origin))
        self.folder, self.origin, self._signer = Path(folder), origin, signer
        self._right: list[list[bytes]] = [[]]
        """Per level, the hashes of its last tile, fewer than 256."""
        self._entries: list[bytes] = []
        self._size = 0
        self._signed: tuple[int, bytes] | None = None
        self._unflushed: list[Path] = []
        self._held: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()
        """Full tiles: their hashes, and above these, as far as they were asked for, the nodes of each height."""
        self._edge: tuple[int, dict[int, list[list[bytes]]]] = (0, {})
        """The same of the last tile of each level, for the tree of one size."""
        self._lock = self._take_lock() if write else -1
        try:
            path = self.folder / "checkpoint"
            if path.exists():
                self._open(path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the writer's lock; what no checkpoint covers is dropped."""
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """How many entries the log holds."""
        return self._size

    @property
    def signed_size(self) -> int:
        """How many entries the last checkpoint covers."""
        return self._signed[0] if self._signed else 0

    def append(self, entries: Sequence[bytes], at: int | None = None) -> int:
        """Add entries at the end and return the index of the first.

        Parameters
        ----------
        entries
            At most 65,535 bytes each: commitments, not documents.
        at
            The index that the first must have. Entries that are already there are compared, the rest is added; so
            a journal can be offered again after a crash.

        Raises
        ------
        StateError
            When `at` would leave a gap, or the log was opened for reading.
        TamperError
            When an entry is already there with other bytes.
        """
        self._need_lock()
        start = self._size if at is None else at
        for entry in entries:
            if len(entry) > ENTRY_BYTES_MAX:
                raise InputError(WORDS("log.entry", given=len(entry)))
        for entry in entries[self.compare(entries, start) :]:
            self._entries.append(entry)
            self._size += 1
            if len(self._entries) == WIDTH:
                self._write(tile_path("entries", self._size // WIDTH - 1), pack_entries(self._entries))
                self._entries = []
            self._push(leaf_hash(entry))
        return start

    def compare(self, entries: Sequence[bytes], at: int) -> int:
        """Compare entries with those that are there from index `at` on; returns how many of them are there.

        Raises
        ------
        StateError
            When `at` is beyond the end.
        TamperError
            When an entry is there with other bytes.
        """
        if not 0 <= at <= self._size:
            raise StateError(WORDS("log.gap", given=at, size=self._size), Place(str(self.folder)))
        known = min(self._size - at, len(entries))
        for index, entry in enumerate(entries[:known], at):
            if self._hashes(0, index // WIDTH)[index % WIDTH] != leaf_hash(entry):
                raise TamperError(WORDS("log.other", index=index), Place(str(self.folder)))
        return known

    def root(self, size: int | None = None) -> bytes:
        """The root of the tree of the first `size` entries (all by default)."""
        size = self._tree(size)
        return range_root(self._subtree, 0, size)

    def prove(self, index: int, size: int | None = None) -> InclusionProof:
        """Prove that entry `index` is in the tree of the first `size` entries (all by default), from tiles alone."""
        size = self._size if size is None else size
        check_range(index, size, self._size)
        return InclusionProof(index, size, inclusion_path(self._subtree, index, size))

    def consistency(self, old: int, new: int | None = None) -> ConsistencyProof:
        """Prove that the tree of `new` entries (all by default) only adds to that of `old` entries, 0 < old <= new."""
        new = self._tree(new)
        if not 0 < old <= new:
            raise InputError(WORDS("proof.sizes", old=old, new=new))
        return ConsistencyProof(old, new, consistency_path(self._subtree, old, new))

    def prove_subtree(self, start: int, stop: int, size: int | None = None) -> tuple[bytes, ...]:
        """Prove that entries start … stop − 1 are a subtree of the tree of `size` entries (`verify_subtree`)."""
        size = self._tree(size)
        if not valid_subtree(start, stop) or stop > size:
            raise InputError(WORDS("proof.subtree", start=start, stop=stop))
        return subtree_path(self._subtree, start, stop, size)

    def entry(self, index: int) -> bytes:
        """The bytes of an entry."""
        check_range(index, self._size, self._size)
        number, place = divmod(index, WIDTH)
        if number == self._size // WIDTH:
            return self._entries[place]
        return read_entries(self.folder, number, WIDTH)[place]

    def checkpoint(self) -> bytes:
        """Flush the tiles to disk, sign the tree as it is, write `checkpoint`, and return the signed note.

        A reader gets the note that it opened.

        Raises
        ------
        StateError
            When a reader found nothing signed, or the checkpoint on disk covers more entries.
        """
        if self._signed is not None and self._signed[0] == self._size:
            return self._signed[1]
        self._need_lock()
        path = self.folder / "checkpoint"
        there = open_checkpoint(path.read_bytes(), [self._signer.verifier]).size if path.exists() else 0
        if there > self._size:
            raise StateError(WORDS("log.backwards", given=self._size, size=there), Place(str(path)))
        if self._entries:
            width = len(self._entries)
            self._write(tile_path("entries", self._size // WIDTH, width), pack_entries(self._entries))
        for level, hashes in enumerate(self._right):
            if hashes:
                self._write(tile_path(level, self._count(level) // WIDTH, len(hashes)), b"".join(hashes))
        self._flush()
        note = sign_checkpoint(Checkpoint(self.origin, self._size, self.root()), self._signer)
        atomic_write(path, note)
        self._signed = (self._size, note)
        return note

    def publish(self, note: bytes) -> None:
        """Put the last checkpoint with cosignatures added in its place; raises `StateError` for any other note."""
        self._need_lock()
        size, signed = self._signed or (0, b"")
        if not signed or read_note(note).text != read_note(signed).text:
            raise StateError(WORDS("log.text"), Place(str(self.folder)))
        open_checkpoint(note, [self._signer.verifier])
        atomic_write(self.folder / "checkpoint", note)
        self._signed = (size, note)

    def check(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Compute the whole tree again from the entries, compare every tile and the root, return the size.

        Parameters
        ----------
        progress
            Called with (entries done, entries in all).

        Raises
        ------
        TamperError
            Naming the first file that is not what was written.
        """
        if self._signed is None:
            return 0
        size, note = self._signed
        tiles: list[bytes] = []
        hashes: list[bytes] = []
        for number in range(-(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            hashes = [leaf_hash(entry) for entry in read_entries(self.folder, number, width)]
            self._compare(0, number, hashes)
            if width == WIDTH:
                tiles.append(fold(hashes))
            if progress is not None:
                progress(number * WIDTH + width, size)
        level, above = 1, tiles
        while above:
            for number in range(-(-len(above) // WIDTH)):
                self._compare(level, number, above[number * WIDTH : (number + 1) * WIDTH])
            above = [fold(above[at : at + WIDTH]) for at in range(0, len(above) - WIDTH + 1, WIDTH)]
            level += 1

        def subtree(height: int, index: int) -> bytes:
            if height >= 8:
                return fold(tiles[index << (height - 8) : (index + 1) << (height - 8)])
            place = (index << height) % WIDTH
            return fold(hashes[place : place + (1 << height)])

        path = self.folder / "checkpoint"
        there = path.read_bytes() if path.exists() else b""
        head = open_checkpoint(note, [self._signer.verifier])
        now = open_checkpoint(there, [self._signer.verifier]) if there else None
        # Beside a writer the checkpoint may have grown or been cosigned since; it is no other one of this size.
        if now is None or now.size < size or (now.size == size and now != head):
            raise TamperError(WORDS("log.tile"), Place(str(path)))
        if range_root(subtree, 0, size) != head.root:
            raise TamperError(WORDS("log.root", size=size), Place(str(path)))
        return size

    def _take_lock(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StateError(WORDS("log.locked"), Place(str(self.folder))) from error
        return descriptor

    def _need_lock(self) -> None:
        if self._lock < 0:
            raise StateError(WORDS("log.readonly"), Place(str(self.folder)))

    def _open(self, path: Path) -> None:
        note = path.read_bytes()
        head = open_checkpoint(note, [self._signer.verifier])
        self._size, self._signed, self._right = head.size, (head.size, note), []
        count = head.size
        while count or not self._right:
            number, width = divmod(count, WIDTH)
            self._right.append(read_hashes(self.folder, len(self._right), number, width) if width else [])
            count = number
        number, width = divmod(head.size, WIDTH)
        self._entries = read_entries(self.folder, number, width) if width else []
        if [leaf_hash(entry) for entry in self._entries] != self._right[0]:
            raise TamperError(WORDS("log.tile"), Place(str(find_tile(self.folder, "entries", number, width))))
        if self.root() != head.root:
            raise TamperError(WORDS("log.root", size=head.size), Place(str(path)))

    def _compare(self, level: int, number: int, hashes: list[bytes]) -> None:
        """Compare a tile on disk with the hashes that the entries below it give."""
        if read_hashes(self.folder, level, number, len(hashes)) != hashes:
            file = find_tile(self.folder, level, number, len(hashes))
            raise TamperError(WORDS("log.tile"), Place(str(file)))

    def _tree(self, size: int | None) -> int:
        if size is None:
            return self._size
        if not 0 <= size <= self._size:
            raise InputError(WORDS("log.size", given=size, size=self._size))
        return size

    def _count(self, level: int) -> int:
        """How many hashes the level holds in all: the full subtrees of 256^level entries."""
        return self._size >> (8 * level)

    def _push(self, hashed: bytes) -> None:
        """Add a hash to the right edge, and close every tile that it fills."""
        level = 0
        while True:
            if level == len(self._right):
                self._right.append([])
            hashes = self._right[level]
            hashes.append(hashed)
            if len(hashes) < WIDTH:
                return
            self._write(tile_path(level, self._count(level) // WIDTH - 1), b"".join(hashes))
            hashed = fold(hashes)
            self._right[level] = []
            level += 1

    def _hashes(self, level: int, number: int) -> list[bytes]:
        return self._right[level] if number == self._count(level) // WIDTH else self._nodes(level, number, 0)

    def _nodes(self, level: int, number: int, height: int) -> list[bytes]:
        """The nodes of a tile, 2^height of its hashes below each."""
        rows = self._rows(level, number)
        while len(rows) <= height:
            below = rows[-1]
            rows.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])
        return rows[height]

    def _rows(self, level: int, number: int) -> list[list[bytes]]:
        if number == self._count(level) // WIDTH:
            if self._edge[0] != self._size:
                self._edge = (self._size, {})
            return self._edge[1].setdefault(level, [list(self._right[level])])
        key = (level, number)
        rows = self._held.get(key)
        if rows is None:
            rows = self._held[key] = [read_hashes(self.folder, level, number, WIDTH)]
            if len(self._held) > _TILES_HELD_MAX:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(key)
        return rows

    def _subtree(self, height: int, index: int) -> bytes:
        """The root of the full subtree of 2^height entries that starts at entry index × 2^height."""
        level, inside = divmod(height, 8)
        number, place = divmod(index << inside, WIDTH)
        return self._nodes(level, number, inside)[place >> inside]

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._unflushed.append(path)

    def _flush(self) -> None:
        """Flush what was written since the last checkpoint, folders too; then drop partial tiles now full."""
        folders: set[Path] = set()
        for path in self._unflushed:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            folders.update(parent for parent in path.parents if parent.is_relative_to(self.folder))
        for folder in folders:
            sync_folder(folder)
        for path in self._unflushed:
            partial = path.with_name(path.name + ".p")
            if partial.is_dir():
                shutil.rmtree(partial)
        self._unflushed = []
