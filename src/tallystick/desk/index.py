"""The state table of decisions: where each lies in the journal, made again from it at any time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import cast

import msgspec
import sqlalchemy as sql

from tallystick.core import Place, StateError, TamperError
from tallystick.desk.evidence_words import WORDS as EVIDENCE_WORDS
from tallystick.desk.frames import DECISION, ERASED, WORDS, DecisionRecord, Entry, Evidence
from tallystick.desk.journal import Journal
from tallystick.store import Keys

_META = sql.MetaData()
DECISIONS = sql.Table(
    "decisions",
    _META,
    sql.Column("request_id", sql.Text, primary_key=True),
    sql.Column("body_digest", sql.Text, nullable=False),
    sql.Column("position", sql.BigInteger, nullable=False, unique=True),
    sql.Column("leaf_index", sql.BigInteger, nullable=False),
    sql.Column("subject", sql.Text, nullable=False, index=True),
)
_CURSOR = sql.Table(
    "journal_index",
    _META,
    sql.Column("position", sql.BigInteger, nullable=False),
    sql.Column("leaves", sql.BigInteger, nullable=False),
)
_EVIDENCE = sql.Table(
    "last_evidence",
    _META,
    sql.Column("kind", sql.Text, primary_key=True),
    sql.Column("position", sql.BigInteger, nullable=False),
)
_CHUNK = 10_000
LIVE_STATE = "live-labels"
"""Under whose key the kept state of live labels is sealed: it holds values of every subject."""


class Found(msgspec.Struct, frozen=True):
    """Where a decision lies: its frame, its leaf, and the digest of the body that it answered ("" once forgotten)."""

    request_id: str
    body_digest: str
    position: int
    leaf_index: int
    subject: str


def rebuild_index(journal: Journal, engine: sql.Engine) -> int:
    """Make the state table of decisions anew from the journal; returns the frames read."""
    _META.drop_all(engine)
    return update_index(journal, engine)


def update_index(journal: Journal, engine: sql.Engine) -> int:
    """Bring the state table of decisions up to the journal; returns the frames read. For the journal's one writer.

    Raises
    ------
    TamperError
        When the table saw frames that the journal no longer has. Deleting the table's file accepts their loss.
    """
    there = sql.inspect(engine)
    if there.has_table(_CURSOR.name) and not there.has_table(_EVIDENCE.name):
        # A table of an earlier form.
        _META.drop_all(engine)
    _META.create_all(engine)
    with engine.begin() as connection:
        cursor = connection.execute(sql.select(_CURSOR)).first()
        if cursor is None:
            connection.execute(_CURSOR.insert().values(position=0, leaves=0))
        start = cursor.position if cursor is not None else 0
    if start > journal.position:
        # Another writer of the team may have entered what it appended since.
        while start > journal.position and journal.catch_up():
            pass
    if start > journal.position:
        file = engine.url.database or "state.db"
        raise TamperError(
            WORDS("journal.lost", given=journal.position, expected=start, file=Path(file).name), Place(file)
        )
    entries = journal.read(start=start)
    while chunk := tuple(islice(entries, _CHUNK)):
        index_entries(engine, chunk)
    return journal.position - start


def index_entries(engine: sql.Engine, entries: Sequence[Entry]) -> None:
    """Add flushed entries to the state table; those that it holds already are passed over.

    Raises
    ------
    StateError
        When frames between what it holds and the first entry are missing.
    """
    with _transaction(engine) as run:
        # Written before it is read, so that no other process moves it meanwhile.
        run.execute("update journal_index set position = position")
        position, leaves = run.execute("select position, leaves from journal_index").fetchone()
        entries = [entry for entry in entries if entry.position >= position]
        if not entries:
            return
        if entries[0].position != position:
            raise StateError(WORDS("journal.index", given=position, position=entries[0].position))
        rows: list[Found] = []
        last: dict[str, int] = {}
        for entry in entries:
            if entry.kind == DECISION:
                digest = entry.record.body_digest if isinstance(entry.record, DecisionRecord) else ""
                rows.append(Found(entry.request_id, digest, entry.position, leaves, entry.subject))
            elif isinstance(entry.record, Evidence):
                last[entry.record.kind] = entry.position
            leaves += entry.leaf is not None
        # The first answer to a request stands.
        enter = "insert into decisions values (?, ?, ?, ?, ?) on conflict do nothing"
        run.executemany(enter, map(msgspec.structs.astuple, rows))
        meet = "insert into last_evidence values (?, ?) on conflict (kind) do update set position = excluded.position"
        run.executemany(meet, last.items())
        run.execute("update journal_index set position = ?, leaves = ?", (entries[-1].position + 1, leaves))


@contextmanager
def _transaction(engine: sql.Engine) -> Iterator[sqlite3.Cursor]:
    """A transaction on the table's own connection: every event needs one, and SQLAlchemy's layers take most of it."""
    connection = engine.raw_connection()
    try:
        yield cast(sqlite3.Cursor, connection.cursor())
        connection.commit()
    finally:
        connection.close()


def find_decision(engine: sql.Engine, request_id: str) -> Found | None:
    """Where the decision on a request lies, or None."""
    with _transaction(engine) as run:
        row = run.execute("select * from decisions where request_id = ?", (request_id,)).fetchone()
    return None if row is None else Found(*row)


def any_erased(engine: sql.Engine) -> bool:
    """Whether a decision of somebody forgotten is in the table."""
    asked = sql.select(DECISIONS.c.position).where(DECISIONS.c.request_id.startswith(ERASED, autoescape=True)).limit(1)
    with engine.connect() as connection:
        return connection.execute(asked).first() is not None


def last_evidence(engine: sql.Engine, kind: str) -> int | None:
    """The position of the last evidence of a kind, or None."""
    with engine.connect() as connection:
        return connection.execute(sql.select(_EVIDENCE.c.position).where(_EVIDENCE.c.kind == kind)).scalar()


def evidence_at(journal: Journal, index: sql.Engine, position: int, kinds: Collection[str]) -> Evidence:
    """The evidence, of one of `kinds`, that lies where the state table says.

    Raises
    ------
    TamperError
        When the journal has something else there, or nothing: the two do not belong together.
    """
    for entry in journal.read(start=position, stop=position + 1):
        if isinstance(entry.record, Evidence) and entry.record.kind in kinds:
            return entry.record
    file, names = Path(index.url.database or "state.db"), " / ".join(kinds)
    raise TamperError(EVIDENCE_WORDS("index.leaf", kind=names, position=position, file=file.name), Place(str(file)))


def forget(keys: Keys, engine: sql.Engine, subject: str) -> bool:
    """Destroy a subject's key and what the state table says of the subject; returns whether there was a key.

    Leaves and proofs without payload still verify. The request ids of the subject become "erased-" and the position.
    A kept state of live labels is lost with it: the desk makes that anew.

    Raises
    ------
    StateError
        When another process reads the state table: the key is gone, but old pages of the table may not be.
    """
    _META.create_all(engine)
    with engine.connect() as connection:
        own = sql.select(DECISIONS.c.position).where(DECISIONS.c.subject == subject)
        positions = connection.execute(own).scalars().all()
    erase_rows(engine, positions)
    keys.forget(LIVE_STATE)
    found = keys.forget(subject)
    overwrite_rows(engine)
    return found


def erase_rows(engine: sql.Engine, positions: Sequence[int]) -> None:
    """Let the rows of decisions at some positions say no more than that; their old pages stay until overwritten."""
    erased = sql.literal(ERASED) + sql.cast(DECISIONS.c.position, sql.Text)
    row = DECISIONS.update().where(DECISIONS.c.position == sql.bindparam("at"))
    if positions:
        with engine.begin() as connection:
            connection.execute(
                row.values(subject="", body_digest="", request_id=erased), [{"at": position} for position in positions]
            )


def overwrite_rows(engine: sql.Engine) -> None:
    """Write the state table's file anew, without what deleted rows leave in free space and write-ahead log.

    Raises
    ------
    StateError
        When another process reads the state table.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            try:
                connection.exec_driver_sql("VACUUM")
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            except sql.exc.OperationalError:
                busy = 1
        if busy:
            raise StateError(WORDS("journal.busy"), Place(engine.url.database or "state.db"))
