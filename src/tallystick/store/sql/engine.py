"""The engine of a state database: SQLite on disk by default, PostgreSQL by address."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry


def connect(url_or_path: str | Path) -> Engine:
    """Open a state database.

    Parameters
    ----------
    url_or_path
        A SQLAlchemy address (`sqlite://` is memory, `postgresql+psycopg://…`) or the path of a SQLite file, whose
        folder is made when it is missing.

    Returns
    -------
    sqlalchemy.Engine
        On SQLite with a write-ahead log, foreign keys on, deleted rows overwritten, and `synchronous=NORMAL`: a power
        cut may lose the last transactions but never tears the file; they are made again from the journal.

    Examples
    --------
    >>> engine = connect("sqlite://")
    >>> with engine.connect() as connection:
    ...     connection.exec_driver_sql("select 1").scalar()
    1
    >>> engine.dispose()
    """
    text = str(url_or_path)
    if "://" not in text:
        path = Path(text)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"sqlite:///{path}"
    engine = create_engine(text)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune)
    return engine


def _tune(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "secure_delete=ON",
        "foreign_keys=ON",
        "busy_timeout=10000",
    ):
        connection.execute(f"PRAGMA {pragma}")
