"""Subject keys: each subject's bytes are sealed under a key of its own, and forgetting destroys that key."""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.core import Place, StateError, TamperError
from tallystick.store.words import WORDS

_ID_BYTES = 12
_NONCE_BYTES = 12
_TAG_BYTES = 16
_CACHED_MAX = 100_000
_ASKED_MAX = 500
"""Subjects that one query asks for: older SQLite takes no more than 999 values."""
_PSEUDONYM = b"tallystick pseudonym@1"
_SCHEMA = """
create table if not exists keys (
    subject text primary key, id blob not null unique, key blob not null, cipher text not null default 'aes-256-gcm'
) without rowid;
create table if not exists forgotten (id blob primary key) without rowid;
"""
CipherName: TypeAlias = Literal["aes-256-gcm", "sm4-gcm"]


class _Sealer(Protocol):
    """One key of an authenticated cipher; the tag stands behind the ciphertext."""

    def encrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes: ...


class _Sm4:
    """SM4 (GB/T 32907) in GCM, with the interface of `AESGCM`."""

    def __init__(self, key: bytes) -> None:
        self._cipher = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes:
        sealing = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(aad)
        return sealing.update(data) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes:
        opening = Cipher(self._cipher, modes.GCM(nonce, data[-_TAG_BYTES:])).decryptor()
        opening.authenticate_additional_data(aad)
        return opening.update(data[:-_TAG_BYTES]) + opening.finalize()


class _Suite(msgspec.Struct, frozen=True):
    key_bytes: int
    sealer: Callable[[bytes], _Sealer]
    digest: str


_SUITES: dict[str, _Suite] = {
    "aes-256-gcm": _Suite(32, AESGCM, "sha256"),
    "sm4-gcm": _Suite(16, _Sm4, "sm3"),
}


class _Held(msgspec.Struct, frozen=True):
    """A subject's key in memory: its number, what seals, and what pseudonyms are made with."""

    number: bytes
    sealer: _Sealer
    secret: bytes
    digest: str


class Forgotten(StateError):
    """The key of these bytes was destroyed; nobody can read them any more."""


def key_number(sealed: bytes) -> bytes:
    """The number of the key that sealed some bytes (`Keys.number`): they begin with it."""
    return sealed[:_ID_BYTES]


class Keys:
    """The keys of subjects, in a SQLite file of their own.

    Sealed bytes name their key by a random number, never the subject. A key is on disk before it seals anything.
    Destroyed keys are overwritten in the file (`secure_delete`); backups and snapshots of the file are not reached.
    While it is open a write-ahead log lies beside it (`-wal`, `-shm`), and its users are on one machine.

    Parameters
    ----------
    path
        The key file; made, readable by its owner only, when it is missing.
    cipher
        What new keys are for: "aes-256-gcm" (NIST SP 800-38D) or "sm4-gcm" (GB/T 32907, RFC 8998). The file says of
        each key which it is, so those of the other cipher open too.

    Raises
    ------
    StateError
        When the file is not a key file; later, for a key of a cipher that this release does not know.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Keys(Path(folder, "keys.db")) as keys:
    ...     sealed = keys.seal("customer 7", b"12 Elm Street", b"frame 3")
    ...     keys.open(sealed, b"frame 3")
    ...     keys.forget("customer 7")
    ...     keys.open(sealed, b"frame 3")
    Traceback (most recent call last):
    ...
    tallystick.store.keys.Forgotten: ...keys.db: the key of these bytes was destroyed on request of its subject; ...
    """

    def __init__(self, path: Path | str, cipher: CipherName = "aes-256-gcm") -> None:
        self.path, self.cipher = Path(path), cipher
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        self._by_subject: dict[str, _Held] = {}
        self._by_id: dict[bytes, _Sealer] = {}
        self._version = -1
        self._db = sqlite3.connect(self.path, isolation_level=None, timeout=10)
        try:
            for pragma in ("secure_delete=ON", "journal_mode=WAL", "synchronous=EXTRA", "temp_store=MEMORY"):
                self._db.execute(f"PRAGMA {pragma}").fetchall()
            self._db.executescript(_SCHEMA)
            self._add_cipher()
        except sqlite3.Error as error:
            self._db.close()
            raise StateError(WORDS("key.file", why=str(error)), Place(str(self.path))) from error

    def ensure(self, subjects: Iterable[str]) -> None:
        """Make the keys of all new subjects in one transaction, so that sealing a batch waits for the disk once."""
        self._refresh()
        wanted = [subject for subject in dict.fromkeys(subjects) if subject not in self._by_subject]
        if not wanted:
            return
        if len(self._by_subject) + len(wanted) > _CACHED_MAX:
            self._clear()
        self._load(wanted)
        new = [subject for subject in wanted if subject not in self._by_subject]
        if not new:
            return
        size = _SUITES[self.cipher].key_bytes
        rows = [(subject, os.urandom(_ID_BYTES), os.urandom(size), self.cipher) for subject in new]
        self._db.execute("begin immediate")
        try:
            # Another process may have made some of them since; its keys stand.
            self._db.executemany("insert into keys values (?, ?, ?, ?) on conflict do nothing", rows)
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise
        self._load(new)

    def seal(self, subject: str, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt under the subject's key, which is made and on disk first when there is none.

        A key in memory that another process has destroyed since the last `ensure` is used still, so whoever shares the
        file calls that first.

        Parameters
        ----------
        subject
            Whose bytes these are.
        plaintext
            What to hide.
        aad
            Bytes in clear that belong to it; `open` needs the same.

        Returns
        -------
        bytes
            Key number (12 bytes), nonce (12), ciphertext and tag (16) of the key's cipher.
        """
        if subject not in self._by_subject:
            self.ensure([subject])
        held = self._by_subject[subject]
        nonce = os.urandom(_NONCE_BYTES)
        return held.number + nonce + held.sealer.encrypt(nonce, plaintext, aad)

    def number(self, subject: str) -> bytes | None:
        """The number of the subject's key (12 bytes), with which all begins that it seals; None where there is none."""
        row = self._db.execute("select id from keys where subject = ?", (subject,)).fetchone()
        return None if row is None else bytes(row[0])

    def pseudonym(self, subject: str, data: bytes) -> bytes:
        """HMAC (RFC 2104, 32 bytes) of `data` under a key derived from the subject's, which is made if missing.

        Its hash is SHA-256, or SM3 where the subject's key is for SM4.

        The same data of the same subject give the same pseudonym for as long as the key lives; without the key nobody
        can tell, or try out, what it stands for.
        """
        if subject not in self._by_subject:
            self.ensure([subject])
        held = self._by_subject[subject]
        return hmac.digest(held.secret, data, held.digest)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """Decrypt what `seal` gave.

        Raises
        ------
        Forgotten
            When its key was destroyed.
        TamperError
            When the bytes or `aad` are not those that were sealed.
        StateError
            When the key was never in this file.
        """
        if len(sealed) < _ID_BYTES + _NONCE_BYTES + _TAG_BYTES:
            raise TamperError(WORDS("key.bytes"), Place(str(self.path)))
        number = sealed[:_ID_BYTES]
        nonce, body = (
            sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES],
            sealed[_ID_BYTES + _NONCE_BYTES :],
        )
        try:
            return self._cipher(number).decrypt(nonce, body, aad)
        except InvalidTag:
            raise TamperError(WORDS("key.bytes"), Place(str(self.path))) from None

    def forget(self, subject: str) -> bool:
        """Destroy the subject's key: all that it sealed is lost for good. Returns whether there was one.

        The same subject may come back later; it gets a new key, and the old bytes stay lost.

        Raises
        ------
        StateError
            When another process reads old pages of the file: the key is gone, but its bytes are there until
            `overwrite` ends.
        """
        found = self.destroy(subject)
        self.overwrite()
        return found

    def destroy(self, subject: str) -> bool:
        """As `forget`, without waiting for other readers: the key's bytes are in the file until `overwrite` ends."""
        self._db.execute("begin immediate")
        try:
            self._db.execute("insert into forgotten select id from keys where subject = ?", (subject,))
            # Overwritten before it is deleted, so that no free page keeps it.
            self._db.execute("update keys set key = zeroblob(length(key)) where subject = ?", (subject,))
            count = self._db.execute("delete from keys where subject = ?", (subject,)).rowcount
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise
        self._clear()
        return count > 0

    def overwrite(self) -> None:
        """Write the file anew and empty its write-ahead log: until then they hold what was before.

        Raises `StateError` when another process reads old pages, or writes, for longer than ten seconds.
        """
        try:
            # Moving rows between pages leaves copies of them in unused room, which nothing else overwrites.
            self._db.execute("VACUUM")
            busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            busy = 1
        if busy:
            raise StateError(WORDS("key.busy"), Place(str(self.path)))

    def close(self) -> None:
        """Close the file and drop the keys held in memory."""
        self._clear()
        self._db.close()

    def __enter__(self) -> Keys:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _clear(self) -> None:
        self._by_subject.clear()
        self._by_id.clear()

    def _refresh(self) -> None:
        """Drop keys held in memory when another process has changed the file: it may have forgotten a subject."""
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._clear()
            self._version = version

    def _add_cipher(self) -> None:
        """Bring a file of before there were two ciphers up to date."""
        columns = "select 1 from pragma_table_info('keys') where name = 'cipher'"
        if self._db.execute(columns).fetchone() is not None:
            return
        self._db.execute("begin immediate")
        if self._db.execute(columns).fetchone() is None:
            self._db.execute("alter table keys add column cipher text not null default 'aes-256-gcm'")
        self._db.execute("commit")

    def _suite(self, name: str) -> _Suite:
        if name not in _SUITES:
            raise StateError(WORDS("key.cipher", given=name, allowed=", ".join(_SUITES)), Place(str(self.path)))
        return _SUITES[name]

    def _load(self, subjects: Sequence[str]) -> None:
        """Take into memory the keys of those that have one."""
        for start in range(0, len(subjects), _ASKED_MAX):
            asked = subjects[start : start + _ASKED_MAX]
            marks = ", ".join("?" * len(asked))
            found = self._db.execute(f"select subject, id, key, cipher from keys where subject in ({marks})", asked)
            for subject, number, key, cipher in found:
                suite = self._suite(cipher)
                sealer = suite.sealer(key)
                # A key of its own: one key serves one algorithm.
                secret = hmac.digest(key, _PSEUDONYM, suite.digest)
                self._by_subject[subject] = _Held(number, sealer, secret, suite.digest)
                self._by_id[number] = sealer

    def _cipher(self, number: bytes) -> _Sealer:
        self._refresh()
        cipher = self._by_id.get(number)
        if cipher is not None:
            return cipher
        row = self._db.execute("select key, cipher from keys where id = ?", (number,)).fetchone()
        if row is None:
            gone = self._db.execute("select 1 from forgotten where id = ?", (number,)).fetchone()
            if gone is not None:
                raise Forgotten(WORDS("key.forgotten"), Place(str(self.path)))
            raise StateError(WORDS("key.unknown"), Place(str(self.path)))
        if len(self._by_id) >= _CACHED_MAX:
            self._clear()
        cipher = self._by_id[number] = self._suite(row[1]).sealer(row[0])
        return cipher
