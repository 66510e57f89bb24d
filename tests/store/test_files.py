"""Durable files and state databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.core import StateError
from tallystick.store import atomic_write, read_bytes
from tallystick.store.sql import connect
from tallystick.store.words import WORDS


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new bytes stand under the name, folders are made, and nothing temporary is left."""
    path = tmp_path / "deep" / "checkpoint"
    atomic_write(path, b"old")
    atomic_write(path, b"new")
    assert read_bytes(path) == b"new"
    assert [item.name for item in path.parent.iterdir()] == ["checkpoint"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """When the new file cannot take the name, the error comes out and no temporary file stays."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        atomic_write(tmp_path / "taken", b"x")
    assert [item.name for item in tmp_path.iterdir()] == ["taken"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="absent"):
        read_bytes(tmp_path / "absent")


def test_a_state_database_is_made_with_its_folder(tmp_path: Path) -> None:
    """SQLite stands in its own folder with a write-ahead log, and overwrites what is deleted."""
    engine = connect(tmp_path / "state" / "state.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("pragma secure_delete").scalar() == 1
    engine.dispose()


def test_every_message_speaks_both_languages() -> None:
    """Each error of the room has an English and a Chinese sentence with the same placeholders."""
    assert len(WORDS.codes()) > 10
