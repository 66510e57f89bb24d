"""Delta tables on disk: parquet files are staged first, then one commit makes them part of the table."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema, Transaction
from deltalake import Field as DeltaField
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction

from tallystick.core import Place, TamperError
from tallystick.data.columns import INSTANT
from tallystick.data.words import WORDS
from tallystick.store import sync_file, sync_folder

_DELTA: dict[Any, str] = {
    pl.Int64: "long",
    pl.Float64: "double",
    pl.String: "string",
    pl.Boolean: "boolean",
    pl.Date: "date",
    INSTANT: "timestamp",
}
_POLARS = {name: dtype for dtype, name in _DELTA.items()}
# The log is the history of what was known when: it is never cleaned away.
_KEEP_LOG = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
_SETTINGS = {"delta.logRetentionDuration": "interval 36500 days"}
NOTE = "tallystick"
_LOGGED = re.compile(r"_last_checkpoint|\d{20}\.(json|checkpoint[\w.-]*\.parquet)")


class Piece(msgspec.Struct, frozen=True):
    """One parquet file of a table and the range of its ids (None when unknown)."""

    path: Path
    rows: int
    low: Any = None
    high: Any = None


def create_table(folder: Path, schema: Mapping[str, Any], types: Mapping[str, str]) -> None:
    """Create an empty table; `types` (column → field type) is kept in the columns' metadata."""
    fields = [
        DeltaField(name, PrimitiveType(_DELTA[dtype]), True, {"tallystick.type": types.get(name, "")})
        for name, dtype in schema.items()
    ]
    DeltaTable.create(str(folder), Schema(fields), mode="error", configuration=_SETTINGS)


def is_table(folder: Path) -> bool:
    """Whether `folder` holds a table."""
    return bool(DeltaTable.is_deltatable(str(folder)))


def open_table(folder: Path, version: int | None = None) -> Any:
    """Open a table at a version, the latest by default.

    Raises
    ------
    TamperError
        When its log cannot be read.
    """
    try:
        return DeltaTable(str(folder), version=version)
    except (DeltaError, TableNotFoundError) as error:
        raise TamperError(WORDS("lake.damaged", given=folder.name, detail=str(error)), Place(folder.name)) from None


def column_types(table: Any) -> dict[str, str]:
    """Column → field type as it was declared when the table was created."""
    return {field.name: str(field.metadata.get("tallystick.type", "")) for field in table.schema().fields}


def scan_table(table: Any) -> pl.LazyFrame:
    """The rows of a table, in the order in which they were loaded."""
    uris = sorted(table.file_uris(), key=os.path.basename)
    if not uris:
        return pl.LazyFrame(schema={field.name: _POLARS[field.type.type] for field in table.schema().fields})
    return pl.scan_parquet(uris, glob=False)


def names_in(table: Any) -> set[str]:
    """The names of the files of a table."""
    return {os.path.basename(uri) for uri in table.file_uris()}


def pieces_of(table: Any, folder: Path, id_column: str) -> list[Piece]:
    """The files of a table with the range of their ids."""
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    if not actions.height:
        return []
    low, high = f"min.{id_column}", f"max.{id_column}"
    return [Piece(folder / row["path"], row["num_records"], row.get(low), row.get(high)) for row in actions.to_dicts()]


def sweep(folder: Path, kept: Collection[str]) -> None:
    """Remove every file of a table's folder but those in `kept` and the log's commits and checkpoints.

    What is staged, and what a process that was killed has left, is removed; it needs no table yet.
    """
    log = folder / "_delta_log"
    left = [path for path in (folder.iterdir() if folder.is_dir() else ()) if path.name not in kept]
    left += [path for path in (log.iterdir() if log.is_dir() else ()) if not _LOGGED.fullmatch(path.name)]
    for path in left:
        if path.is_file():
            path.unlink()


def stage(path: Path, frame: pl.DataFrame, id_column: str = "") -> Piece:
    """Write a frame durably; no reader sees it until `commit`."""
    frame.write_parquet(path, compression="zstd", compression_level=1)
    sync_file(path)
    low, high = (frame[id_column].min(), frame[id_column].max()) if id_column else (None, None)
    return Piece(path, frame.height, low, high)


def commit(
    folder: Path, table: Any, pieces: Iterable[Piece], id_column: str, note: Any, done: Sequence[str] = ()
) -> None:
    """Add staged files in one durable commit, with a note, and remember the keys in `done` (see `was_done`)."""
    sync_folder(folder)
    actions = [
        AddAction(
            piece.path.name,
            piece.path.stat().st_size,
            {},
            int(piece.path.stat().st_mtime * 1000),
            True,
            statistics(piece, id_column),
        )
        for piece in pieces
    ]
    table.create_write_transaction(
        actions,
        "append",
        table.schema(),
        commit_properties=CommitProperties(
            custom_metadata={NOTE: msgspec.json.encode(note).decode()},
            app_transactions=[Transaction(key, 1) for key in dict.fromkeys(done)],
        ),
        post_commithook_properties=_KEEP_LOG,
    )
    log = folder / "_delta_log"
    sync_file(max(log.glob("*.json")))
    sync_folder(log)


def statistics(piece: Piece, id_column: str) -> str:
    """What a commit says of a file besides its size: how many rows, and the range of their ids."""
    ranges = {"minValues": {id_column: piece.low}, "maxValues": {id_column: piece.high}} if id_column else {}
    return msgspec.json.encode({"numRecords": piece.rows, **ranges}).decode()


def was_done(table: Any, key: str) -> bool:
    """Whether a commit of this table remembered `key`."""
    return table.transaction_version(key) is not None


def notes(table: Any) -> list[tuple[int, Any]]:
    """The note of every commit that has one, with its version, oldest first."""
    found = [(entry["version"], entry[NOTE]) for entry in table.history() if NOTE in entry]
    return [(version, msgspec.json.decode(note)) for version, note in sorted(found)]
