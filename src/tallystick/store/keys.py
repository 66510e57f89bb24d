"""Subject keys: each subject's bytes are sealed under a key of its own, and forgetting destroys that key."""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallystick.core import Place, StateError, TamperError
from tallystick.store.words import WORDS

_ID_BYTES = 12
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_BYTES = 32
_CACHED_MAX = 100_000
_PSEUDONYM = b"tallystick pseudonym@1"
_SCHEMA = """
create table if not exists keys (subject text primary key, id blob not null unique, key blob not null) without rowid;
create table if not exists forgotten (id blob primary key) without rowid;
"""


class Forgotten(StateError):
    """The key of these bytes was destroyed; nobody can read them any more."""


class Keys:
    """The keys of subjects, in a SQLite file of their own.

    Sealed bytes name their key by a random number, never the subject. A key is on disk before it seals anything.
    Destroyed keys are overwritten in the file (`secure_delete`); backups and snapshots of the file are not reached.

    Parameters
    ----------
    path
        The key file; made, readable by its owner only, when it is missing.

    Raises
    ------
    StateError
        When the file is not a key file.

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

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        self._by_subject: dict[str, tuple[bytes, AESGCM, bytes]] = {}
        self._by_id: dict[bytes, AESGCM] = {}
        self._version = -1
        self._db = sqlite3.connect(self.path, isolation_level=None, timeout=10)
        try:
            for pragma in ("secure_delete=ON", "journal_mode=DELETE", "synchronous=EXTRA"):
                self._db.execute(f"PRAGMA {pragma}").fetchall()
            self._db.executescript(_SCHEMA)
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
        new = [subject for subject in wanted if not self._load(subject)]
        if not new:
            return
        rows = [(subject, os.urandom(_ID_BYTES), AESGCM.generate_key(8 * _KEY_BYTES)) for subject in new]
        self._db.execute("begin immediate")
        try:
            # Another process may have made some of them since; its keys stand.
            self._db.executemany("insert into keys values (?, ?, ?) on conflict do nothing", rows)
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise
        for subject in new:
            self._load(subject)

    def seal(self, subject: str, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt under the subject's key, which is made and on disk first when there is none.

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
            Key number (12 bytes), nonce (12), AES-256-GCM ciphertext and tag (NIST SP 800-38D).
        """
        if subject not in self._by_subject:
            self.ensure([subject])
        number, cipher, _ = self._by_subject[subject]
        nonce = os.urandom(_NONCE_BYTES)
        return number + nonce + cipher.encrypt(nonce, plaintext, aad)

    def pseudonym(self, subject: str, data: bytes) -> bytes:
        """HMAC-SHA256 (RFC 2104, 32 bytes) of `data` under a key derived from the subject's, which is made if missing.

        The same data of the same subject give the same pseudonym for as long as the key lives; without the key nobody
        can tell, or try out, what it stands for.
        """
        if subject not in self._by_subject:
            self.ensure([subject])
        return hmac.digest(self._by_subject[subject][2], data, "sha256")

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
        nonce, body = sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], sealed[_ID_BYTES + _NONCE_BYTES :]
        try:
            return self._cipher(number).decrypt(nonce, body, aad)
        except InvalidTag:
            raise TamperError(WORDS("key.bytes"), Place(str(self.path))) from None

    def forget(self, subject: str) -> bool:
        """Destroy the subject's key: all that it sealed is lost for good. Returns whether there was one.

        The same subject may come back later; it gets a new key, and the old bytes stay lost.
        """
        self._db.execute("begin immediate")
        try:
            self._db.execute("insert into forgotten select id from keys where subject = ?", (subject,))
            # Overwritten before it is deleted, so that no free page keeps it.
            self._db.execute("update keys set key = zeroblob(?) where subject = ?", (_KEY_BYTES, subject))
            count = self._db.execute("delete from keys where subject = ?", (subject,)).rowcount
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise
        self._clear()
        return count > 0

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

    def _load(self, subject: str) -> bool:
        row = self._db.execute("select id, key from keys where subject = ?", (subject,)).fetchone()
        if row is None:
            return False
        cipher = AESGCM(row[1])
        # A key of its own: one key serves one algorithm.
        self._by_subject[subject] = (row[0], cipher, hmac.digest(row[1], _PSEUDONYM, "sha256"))
        self._by_id[row[0]] = cipher
        return True

    def _cipher(self, number: bytes) -> AESGCM:
        self._refresh()
        cipher = self._by_id.get(number)
        if cipher is not None:
            return cipher
        row = self._db.execute("select key from keys where id = ?", (number,)).fetchone()
        if row is None:
            gone = self._db.execute("select 1 from forgotten where id = ?", (number,)).fetchone()
            if gone is not None:
                raise Forgotten(WORDS("key.forgotten"), Place(str(self.path)))
            raise StateError(WORDS("key.unknown"), Place(str(self.path)))
        if len(self._by_id) >= _CACHED_MAX:
            self._clear()
        cipher = self._by_id[number] = AESGCM(row[0])
        return cipher
