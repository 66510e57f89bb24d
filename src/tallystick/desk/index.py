"""The state table of decisions: which request was answered where. It is made again from the journal at any time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from tallystick.core import StateError
from tallystick.desk.journal import DECISION, WORDS, DecisionRecord, Entry, Journal
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
_CHUNK = 10_000


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
    """Bring the state table of decisions up to the journal; returns the frames read."""
    _META.create_all(engine)
    with engine.begin() as connection:
        cursor = connection.execute(sql.select(_CURSOR)).first()
        if cursor is None:
            connection.execute(_CURSOR.insert().values(position=0, leaves=0))
        start = cursor.position if cursor is not None else 0
    if start > journal.position:
        return rebuild_index(journal, engine)
    entries = journal.read(start=start)
    while chunk := tuple(islice(entries, _CHUNK)):
        index_entries(engine, chunk)
    return journal.position - start


def index_entries(engine: sql.Engine, entries: Sequence[Entry]) -> None:
    """Add flushed entries to the state table; raises `StateError` when they do not follow what it holds."""
    if not entries:
        return
    with engine.begin() as connection:
        position, leaves = connection.execute(sql.select(_CURSOR)).one()
        if entries[0].position != position:
            raise StateError(WORDS("journal.index", given=position, position=entries[0].position))
        rows = []
        for entry in entries:
            if entry.kind == DECISION:
                digest = entry.record.body_digest if isinstance(entry.record, DecisionRecord) else ""
                rows.append(Found(entry.request_id, digest, entry.position, leaves, entry.subject))
            leaves += entry.leaf is not None
        if rows:
            # The first answer to a request stands.
            connection.execute(
                insert(DECISIONS).on_conflict_do_nothing(), [msgspec.structs.asdict(row) for row in rows]
            )
        connection.execute(_CURSOR.update().values(position=entries[-1].position + 1, leaves=leaves))


def find_decision(engine: sql.Engine, request_id: str) -> Found | None:
    """Where the decision on a request lies, or None."""
    with engine.connect() as connection:
        row = connection.execute(sql.select(DECISIONS).where(DECISIONS.c.request_id == request_id)).first()
    return None if row is None else Found(*row)


def forget(keys: Keys, engine: sql.Engine, subject: str) -> bool:
    """Destroy a subject's key and what the state table says of the subject; returns whether there was a key.

    Leaves and proofs without payload still verify. A repeated request of the subject is refused from then on, since
    its body can no longer be compared.
    """
    found = keys.forget(subject)
    with engine.begin() as connection:
        connection.execute(DECISIONS.update().where(DECISIONS.c.subject == subject).values(subject="", body_digest=""))
    return found
