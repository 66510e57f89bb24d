"""The log: a Merkle tree that grows at its end, kept as tiles, with signed checkpoints and proofs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tallystick.core import InputError, Message, Place, StateError, TamperError
from tallystick.core.system import system_words
from tallystick.ledger.checking import check_tree
from tallystick.ledger.checkpoint import open_checkpoint, sign_checkpoint
from tallystick.ledger.flushing import TileFiles
from tallystick.ledger.head import Checkpoint
from tallystick.ledger.keys import Signer
from tallystick.ledger.nodes import Nodes
from tallystick.ledger.note import read_note
from tallystick.ledger.profile import HASH_BYTES, INTERNATIONAL, Profile, check_profile
from tallystick.ledger.tiles import ENTRY_BYTES_MAX, WIDTH, find_tile, pack_entries, read_entries, tile_path
from tallystick.ledger.tree import (
    ConsistencyProof,
    InclusionProof,
    check_range,
    range_root,
    subtree_path,
    valid_subtree,
)
from tallystick.ledger.words import WORDS
from tallystick.store import atomic_write


class Log:
    """A Merkle log in a folder, which can be served as static files.

    Its entries come from a journal, so what was appended after the last checkpoint may be lost in a crash: append it
    again with `at`. A checkpoint is written only after all it promises is on disk, and never replaces a larger one.
    After a write that failed it writes nothing more: open it again.

    Parameters
    ----------
    folder
        Where `checkpoint` and `tile/` lie; made at the first write.
    origin
        The log's name, such as "bank.example/decisions".
    signer
        The log's key; it bears the same name and is of the profile's kind (an ML-DSA-44 key is international).
    profile
        What the tree is hashed with. A log has one for ever; in another profile it is another log.
    write
        True takes the one writer's lock on the folder. False reads the tree of the last checkpoint, beside a writer
        too, and never writes a tile or a checkpoint.

    Raises
    ------
    InputError
        When the key is not of this log or not of this profile.
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

    def __init__(
        self,
        folder: Path | str,
        origin: str,
        signer: Signer,
        *,
        profile: Profile = INTERNATIONAL,
        write: bool = True,
    ) -> None:
        if signer.name != origin:
            raise InputError(WORDS("key.origin", given=signer.name, allowed=origin))
        check_profile(profile, signer.kind)
        self.folder, self.origin, self.profile, self._signer = Path(folder), origin, profile, signer
        self._files = TileFiles(self.folder)
        self._entries: list[bytes] = []
        """Those of the last bundle, fewer than 256."""
        self._signed: tuple[int, bytes] | None = None
        self._failure: Message | str = ""
        self._lock = self._take_lock() if write else -1
        try:
            path = self.folder / "checkpoint"
            self._nodes = self._open(path) if path.exists() else Nodes(self.folder, profile)
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
        return self._nodes.size

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
            When `at` would leave a gap, the log was opened for reading, or a write failed.
        TamperError
            When an entry is already there with other bytes.
        """
        self._need_writer()
        start = self.size if at is None else at
        longest = max(map(len, entries), default=0)
        if longest > ENTRY_BYTES_MAX:
            raise InputError(WORDS("log.entry", given=longest))
        first = self.compare(entries, start)
        with self._writing():
            while first < len(entries):
                part = entries[first : first + WIDTH - len(self._entries)]
                first += len(part)
                self._entries += part
                if len(self._entries) == WIDTH:
                    name = tile_path("entries", self._nodes.closed(0))
                    self._files.write(name, pack_entries(self._entries))
                    self._entries = []
                self._nodes.extend(self.profile.leaf_hashes(part), self._write_tile)
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
        if not 0 <= at <= self.size:
            raise StateError(WORDS("log.gap", given=at, size=self.size), Place(str(self.folder)))
        known = min(self.size - at, len(entries))
        done = 0
        while done < known:
            number, place = divmod(at + done, WIDTH)
            part = entries[done : min(known, done + WIDTH - place)]
            row = self._nodes.leaves(number)[place * HASH_BYTES : (place + len(part)) * HASH_BYTES]
            hashes = self.profile.leaf_hashes(part)
            if b"".join(hashes) != row:
                wrong = next(n for n, made in enumerate(hashes) if row[n * HASH_BYTES : (n + 1) * HASH_BYTES] != made)
                raise TamperError(WORDS("log.other", index=at + done + wrong), Place(str(self.folder)))
            done += len(part)
        return known

    def root(self, size: int | None = None) -> bytes:
        """The root of the tree of the first `size` entries (all by default)."""
        return range_root(self._nodes.node, 0, self._tree(size), self.profile)

    def prove(self, index: int, size: int | None = None) -> InclusionProof:
        """Prove that entry `index` is in the tree of the first `size` entries (all by default), from tiles alone."""
        nodes = self._nodes
        size = nodes.size if size is None else size
        check_range(index, size, nodes.size)
        return InclusionProof(index, size, nodes.path(index, size))

    def consistency(self, old: int, new: int | None = None) -> ConsistencyProof:
        """Prove that the tree of `new` entries (all by default) only adds to that of `old` entries, 0 < old <= new."""
        new = self._tree(new)
        if not 0 < old <= new:
            raise InputError(WORDS("proof.sizes", old=old, new=new))
        return ConsistencyProof(old, new, self._nodes.growth(old, new))

    def prove_subtree(self, start: int, stop: int, size: int | None = None) -> tuple[bytes, ...]:
        """Prove that entries start … stop − 1 are a subtree of the tree of `size` entries (`verify_subtree`)."""
        size = self._tree(size)
        if not valid_subtree(start, stop) or stop > size:
            raise InputError(WORDS("proof.subtree", start=start, stop=stop))
        return subtree_path(self._nodes.node, start, stop, size, self.profile)

    def entry(self, index: int) -> bytes:
        """The bytes of an entry."""
        check_range(index, self.size, self.size)
        number, place = divmod(index, WIDTH)
        if number == self._nodes.closed(0):
            return self._entries[place]
        return read_entries(self.folder, number, WIDTH)[place]

    def checkpoint(self) -> bytes:
        """Flush the tiles to disk, sign the tree as it is, write `checkpoint`, and return the signed note.

        A reader gets the note that it opened.

        Raises
        ------
        StateError
            When a reader found nothing signed, the checkpoint on disk covers more entries, or a write failed.
        """
        if self._signed is not None and self._signed[0] == self.size and not self._failure:
            return self._signed[1]
        self._need_writer()
        path = self.folder / "checkpoint"
        self._check_succession(path)
        with self._writing():
            number, width, signed = self._nodes.closed(0), len(self._entries), self.signed_size
            if width:
                self._files.write_partial("entries", number, width, pack_entries(self._entries), signed)
            for level in range(self._nodes.levels):
                hashes, signed = self._nodes.edge(level), self.signed_size >> (8 * level)
                # What the last checkpoint needs is never written again: a crash could leave it torn.
                if hashes and signed != self.size >> (8 * level):
                    number = self._nodes.closed(level)
                    self._files.write_partial(level, number, len(hashes), b"".join(hashes), signed)
            self._files.flush()
            note = sign_checkpoint(Checkpoint(self.origin, self.size, self.root()), self._signer)
            self._need_lock()
            atomic_write(path, note)
            self._files.drop_partials()
        self._signed = (self.size, note)
        return note

    def publish(self, note: bytes) -> None:
        """Put the last checkpoint with cosignatures added in its place; raises `StateError` for any other note."""
        self._need_writer()
        size, signed = self._signed or (0, b"")
        if not signed or read_note(note).text != read_note(signed).text:
            raise StateError(WORDS("log.text"), Place(str(self.folder)))
        open_checkpoint(note, [self._signer.verifier])
        with self._writing():
            self._need_lock()
            atomic_write(self.folder / "checkpoint", note)
        self._signed = (size, note)

    def check(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Compute the whole tree again from the entries on disk, compare every tile and the root, return the size.

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
        head = open_checkpoint(self._signed[1], [self._signer.verifier], self.profile)
        path = self.folder / "checkpoint"
        there = path.read_bytes() if path.exists() else b""
        now = open_checkpoint(there, [self._signer.verifier]) if there else None
        check_tree(self.folder, head, self.profile, progress)
        # Beside a writer the checkpoint may have grown or been cosigned since; it is no other one of this size.
        if now is None or now.size < head.size or (now.size == head.size and now != head):
            raise TamperError(WORDS("log.tile"), Place(str(path)))
        return head.size

    def _take_lock(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StateError(WORDS("log.locked"), Place(str(self.folder))) from error
        return descriptor

    def _check_succession(self, path: Path) -> None:
        """Refuse to sign after a checkpoint that this writer neither opened nor wrote."""
        if not path.exists():
            return
        note = path.read_bytes()
        there = open_checkpoint(note, [self._signer.verifier]).size
        if there > self.size:
            raise StateError(WORDS("log.backwards", given=self.size, size=there), Place(str(path)))
        if self._signed is None or read_note(note).text != read_note(self._signed[1]).text:
            raise StateError(WORDS("log.foreign", size=there), Place(str(path)))

    def _need_lock(self) -> None:
        """Refuse when the lock file that is held is not the folder's any more: somebody else could hold that one."""
        held, path = os.fstat(self._lock), self.folder / "lock"
        there = path.stat() if path.exists() else None
        if there is None or (held.st_dev, held.st_ino) != (there.st_dev, there.st_ino):
            raise StateError(WORDS("log.locked"), Place(str(path)))

    def _need_writer(self) -> None:
        if self._lock < 0:
            raise StateError(WORDS("log.readonly"), Place(str(self.folder)))
        self._need_lock()
        if self._failure:
            raise StateError(WORDS("log.failed", why=self._failure), Place(str(self.folder)))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """After a failure in here, memory and disk may differ: nothing more is written."""
        try:
            yield
        except OSError as error:
            self._failure = system_words(error)
            raise StateError(WORDS("log.failed", why=self._failure), Place(str(self.folder))) from error
        except BaseException as error:
            self._failure = type(error).__name__
            raise

    def _open(self, path: Path) -> Nodes:
        note = path.read_bytes()
        head = open_checkpoint(note, [self._signer.verifier])
        nodes = Nodes(self.folder, self.profile, head.size)
        self._signed = (head.size, note)
        number, width = divmod(head.size, WIDTH)
        self._entries = read_entries(self.folder, number, width) if width else []
        if self.profile.leaf_hashes(self._entries) != nodes.edge(0):
            raise TamperError(WORDS("log.tile"), Place(str(find_tile(self.folder, "entries", number, width)[0])))
        if range_root(nodes.node, 0, head.size, self.profile) != head.root:
            raise TamperError(WORDS("log.root", size=head.size), Place(str(path)))
        return nodes

    def _write_tile(self, level: int, number: int, data: bytes) -> None:
        self._files.write(tile_path(level, number), data)

    def _tree(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise InputError(WORDS("log.size", given=size, size=self.size))
        return size
