"""The lake: a folder of Delta tables, one per source, and the quarantine."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tallystick.core import Place, StateError, TamperError, zone_of
from tallystick.data import tables
from tallystick.data.erase import Erasing, erase_rows, erase_set_aside, erase_unfinished, erased_rows, hers
from tallystick.data.loading import QUARANTINE_SCHEMA, Load, Progress, SourceFile, find_files
from tallystick.data.records import BLOCK_BYTES
from tallystick.data.shape import table_schema
from tallystick.data.source import Source
from tallystick.data.words import WORDS

QUARANTINE = "_quarantine"
Evidence = Callable[[Mapping[str, Any]], None]
Ask = Callable[[pl.LazyFrame], pl.LazyFrame]


class LoadReport(msgspec.Struct, frozen=True):
    """What one load did; `rows_in` = `rows` + `unchanged_rows` + `quarantined`, always.

    `files` were read, `skipped` had been loaded before, `ignored` are columns of the files that no field reads.
    """

    table: str
    rows_in: int
    rows: int
    unchanged_rows: int
    quarantined: int
    version: int
    files: tuple[str, ...]
    skipped: tuple[str, ...]
    ignored: tuple[str, ...]


class Lake:
    """The tables of a project: one writer at a time, any number of readers.

    Parameters
    ----------
    folder
        Where the tables lie; it is made by the first load.
    zone
        The project's time zone, in which local times of the sources are read.
    """

    def __init__(self, folder: str | Path, zone: str) -> None:
        zone_of(zone)
        self.folder, self.zone = Path(folder), zone

    def load(
        self,
        source: Source,
        project_folder: str | Path,
        progress: Progress | None = None,
        evidence: Evidence | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> LoadReport:
        """Load the files of `source` that were not loaded before, in one commit.

        Loading twice changes nothing: a file is known by its SHA-256, a row by its id and revision. A row that breaks a
        rule goes to the quarantine. A crash at any moment leaves the state before or after.

        Parameters
        ----------
        source
            What to load.
        project_folder
            Where the source's paths start.
        progress
            Called with the file, the bytes read of it and its size.
        evidence
            Called once after the commit with what was loaded: table, version, source version, files with their SHA-256,
            and the counts.
        block_bytes
            How much of a file is read at a time.

        Returns
        -------
        LoadReport
            The counts and the table's version.

        Raises
        ------
        InputError
            When no file matches or a file as a whole is not what the source says; then nothing is written.
        StateError
            When another load is running, or the table was created with other columns.
        """
        found = find_files(source, Path(project_folder))
        with self._lock():
            table = self._table_of(source)
            self._sweep(source.name)
            files = [file for file in found if table is None or not tables.was_done(table, _key(source, file))]
            skipped = tuple(file.place for file in found if file not in files)
            if table is not None and not files:
                return LoadReport(source.name, 0, 0, 0, 0, table.version(), (), skipped, ())
            load = self._begin(source, table)
            load.read_all(files, progress, block_bytes)
            note = load.note(files)
            self._commit(load, table, note, [_key(source, file) for file in files])
        if evidence is not None:
            evidence({"table": source.name, "version": load.version, **note})
        return LoadReport(
            table=source.name,
            rows_in=load.rows_in,
            rows=load.rows,
            unchanged_rows=load.unchanged,
            quarantined=load.quarantined,
            version=load.version,
            files=tuple(file.place for file in files),
            skipped=skipped,
            ignored=tuple(sorted(load.ignored)),
        )

    def facts(self, name: str, version: int | None = None) -> pl.DataFrame:
        """The facts of a table as of a version, in the order in which they were loaded.

        Parameters
        ----------
        name
            The source.
        version
            A version of the table; the latest by default.

        Returns
        -------
        polars.DataFrame
            The source's fields (money Int64 minor units, instants Datetime us UTC), then `revision`, `retract` and
            `known_at`.

        Raises
        ------
        StateError
            When there is no such table or version.
        TamperError
            When a file of the table is gone.
        """
        return self.read(name, lambda facts: facts, version)

    def read(self, name: str, ask: Ask, version: int | None = None) -> pl.DataFrame:
        """What `ask` makes of `scan`, read; scanned again when an erasure exchanges files meanwhile.

        Parameters
        ----------
        name, version
            As for `facts`.
        ask
            Gets the facts as they are scanned and gives what is to be read of them.

        Raises
        ------
        StateError
            When there is no such table or version.
        TamperError
            When a file of the table is gone.
        """
        return _collected(name, ask, lambda: self.scan(name, version))

    def scan(self, name: str, version: int | None = None) -> pl.LazyFrame:
        """`facts`, not yet read: columns and rows that are not asked for are never read.

        An erasure removes the files that it has rewritten. What was scanned before and is collected after it raises
        FileNotFoundError: scan again, as `read` does by itself.
        """
        return tables.scan_table(self._open(name, version))

    def version(self, name: str) -> int:
        """The latest version of a table: 0 when made, then one more with each load that read a file."""
        return int(self._open(name).version())

    def tables(self) -> tuple[str, ...]:
        """The names of the tables, sorted."""
        if not self.folder.is_dir():
            return ()
        names = sorted(entry.name for entry in self.folder.iterdir() if entry.name[0] not in "_.")
        return tuple(name for name in names if tables.is_table(self.folder / name))

    def quarantine(self, name: str | None = None) -> pl.DataFrame:
        """The rows that were not loaded, of one table or of all.

        Returns
        -------
        polars.DataFrame
            source, version (of the table after the load), code and reason, file, line (from 1; in Parquet the row) and
            raw (the row's text; a line too long to read by its first 200 characters).
        """
        folder = self.folder / QUARANTINE
        names = self.tables() if name is None else (name,)
        last = {each: self.version(each) for each in names}
        if not tables.is_table(folder):
            return pl.DataFrame(schema=QUARANTINE_SCHEMA)
        own = pl.col("source").is_in(list(names))
        rows = _collected(
            QUARANTINE, lambda rows: rows.filter(own), lambda: tables.scan_table(tables.open_table(folder))
        )
        limit = rows["source"].replace_strict(last, default=-1, return_dtype=pl.Int64)
        return rows.filter(rows["version"] <= limit).sort("source", "version", maintain_order=True)

    def history(self, name: str) -> list[dict[str, Any]]:
        """Every load of a table, oldest first: version, source_version, files with their SHA-256, and the counts."""
        return [{"version": version, **note} for version, note in tables.notes(self._open(name))]

    def of_subject(self, source: Source, value: str, most: int | None = None) -> pl.DataFrame:
        """The rows of every version of a table whose subject reads `value` as text, or the first `most` of them."""
        own = hers(source.subject, value)
        return self.read(source.name, lambda rows: rows.filter(own) if most is None else rows.filter(own).head(most))

    def erase(self, source: Source, erasing: Erasing) -> int:
        """Erase a subject from every file and version of a table; gives how many rows were hers.

        Other rows keep their bits, in every version. A crash at any moment leaves versions that can all be read; erase
        again then.

        Parameters
        ----------
        source
            The table's.
        erasing
            Whose rows, and what becomes of their columns.

        Raises
        ------
        StateError
            When a load is running.
        """
        with self._lock():
            return erase_rows(self.folder, source, erasing) if source.name in self.tables() else 0

    def erase_quarantine(self, name: str, mentioned: Callable[[str], bool], reason: str) -> int:
        """Empty the rows of a source that were not loaded and in whose text `mentioned` finds the subject.

        They stay with code, file and line; `reason` is their reason now. Gives how many there were.

        Raises
        ------
        StateError
            When a load is running.
        """
        folder = self.folder / QUARANTINE
        with self._lock():
            return erase_set_aside(folder, name, mentioned, reason) if tables.is_table(folder) else 0

    def erase_unfinished(self) -> None:
        """Remove whatever lies in a table's folder and was not committed: a load that was killed may have staged it.

        Raises
        ------
        StateError
            When a load is running.
        """
        with self._lock():
            erase_unfinished(self.folder)

    def erased(self, name: str) -> pl.DataFrame | None:
        """Id (`__id`) and `revision` of the rows of a table that were erased; None where none was."""
        return erased_rows(self.folder, name)

    def _begin(self, source: Source, table: Any | None) -> Load:
        folder, aside = self.folder / source.name, self.folder / QUARANTINE
        if not tables.is_table(aside):
            tables.create_table(aside, QUARANTINE_SCHEMA, {})
        version = 1 if table is None else table.version() + 1
        pieces = [] if table is None else tables.pieces_of(table, folder, source.id)
        folder.mkdir(parents=True, exist_ok=True)
        number, erased = tables.open_table(aside).version() + 1, erased_rows(self.folder, source.name)
        return Load(source, self.zone, version, folder, pieces, aside, number, erased)

    def _commit(self, load: Load, table: Any | None, note: Any, keys: list[str]) -> None:
        """Make what was staged visible: at once, and only when everything was read."""
        source = load.source
        if table is None:
            types = {name: str(field.type) for name, field in source.fields.items()}
            tables.create_table(load.folder, table_schema(source), types)
            table = tables.open_table(load.folder)
        # The quarantine first: its rows are seen only when the table has reached their version.
        if load.rejected:
            self._forget_unfinished(source.name, load.version)
            tables.commit(load.aside, tables.open_table(load.aside), load.rejected, "", {"source": source.name})
        tables.commit(load.folder, table, load.staged, source.id, note, keys)

    def _sweep(self, name: str) -> None:
        """Remove what a load that never ended has staged, of a table and for the quarantine."""
        for folder in (self.folder / name, self.folder / QUARANTINE):
            tables.sweep(folder, tables.names_in(tables.open_table(folder)) if tables.is_table(folder) else ())

    def _open(self, name: str, version: int | None = None) -> Any:
        folder = self.folder / name
        if name not in self.tables():
            raise StateError(WORDS("lake.table", given=name, allowed=", ".join(self.tables()) or "none"))
        table = tables.open_table(folder)
        last = table.version()
        if version is None or version == last:
            return table
        if not 0 <= version < last:
            raise StateError(WORDS("lake.version", name=name, given=version, last=last))
        return tables.open_table(folder, version)

    def _table_of(self, source: Source) -> Any | None:
        """The table of a source if there is one; raises `StateError` when it was made with other columns."""
        if source.name not in self.tables():
            return None
        table = self._open(source.name)
        was = {name: kind for name, kind in tables.column_types(table).items() if kind}
        now = {name: str(field.type) for name, field in source.fields.items()}
        if was != now:
            lists = (", ".join(f"{name} {kind}" for name, kind in columns.items()) for columns in (was, now))
            raise StateError(WORDS("lake.schema", name=source.name, was=next(lists), now=next(lists)))
        return table

    def _forget_unfinished(self, name: str, version: int) -> None:
        """Drop quarantine rows of a load that ended after them and before its table's commit."""
        table = tables.open_table(self.folder / QUARANTINE)
        later = (pl.col("source") == name) & (pl.col("version") >= version)
        if tables.scan_table(table).filter(later).select(pl.len()).collect().item():
            table.delete(f"source = '{name}' AND version >= {version}")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One writer at a time; the system lets go when the process ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StateError(WORDS("lake.busy", given=self.folder.name)) from None
            yield


def _collected(name: str, ask: Ask, scan: Callable[[], pl.LazyFrame]) -> pl.DataFrame:
    gone = ""
    while True:
        try:
            return ask(scan()).collect()
        except (FileNotFoundError, TamperError) as error:
            # An erasure gives what it has rewritten another name, files of the log included; what is missed again, and
            # is still not there, is lost.
            if str(error) == gone:
                if isinstance(error, TamperError):
                    raise
                raise TamperError(WORDS("lake.damaged", given=name, detail=gone), Place(name)) from None
            gone = str(error)


def _key(source: Source, file: SourceFile) -> str:
    """A file counts as loaded for the declaration under which it was read."""
    return f"{source.version}:{file.sha256}"
