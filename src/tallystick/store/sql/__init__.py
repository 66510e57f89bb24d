"""State tables: one SQLAlchemy engine per database. What stands there is rebuilt from the journal, never the truth."""

from tallystick.store.sql.engine import connect

__all__ = ["connect"]
