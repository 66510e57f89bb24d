"""The load of one source: files → chunks → facts that are new, staged; everything else counted or set apart."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tallystick.core import InputError, Message, Place
from tallystick.core.system import system_words
from tallystick.data.reading import Chunk, Reject, read_chunks
from tallystick.data.shape import shape
from tallystick.data.source import Source
from tallystick.data.tables import Piece, stage
from tallystick.data.words import WORDS

QUARANTINE_SCHEMA: dict[str, Any] = {
    "source": pl.String,
    "version": pl.Int64,
    "code": pl.String,
    "reason": pl.String,
    "file": pl.String,
    "line": pl.Int64,
    "raw": pl.String,
}
Progress = Callable[[str, int, int], None]
"""Called with a file, the bytes read of it so far and its size."""
_KEY = ["__id", "revision"]


class SourceFile(msgspec.Struct, frozen=True):
    """A file to load: its path, its name in the project, its SHA-256 and what it looked like when that was taken."""

    path: Path
    place: str
    sha256: str
    stamp: tuple[int, int]


def find_files(source: Source, project_folder: Path) -> list[SourceFile]:
    """The files of a source in the order of their names.

    Raises
    ------
    InputError
        When a pattern of the source matches nothing, or a file is a folder or cannot be read.
    """
    places: dict[str, None] = {}
    for pattern in source.files:
        found = sorted(glob.glob(pattern, root_dir=project_folder))
        if not found:
            raise InputError(WORDS("file.none", given=pattern), Place("sources.toml", cell=f"{source.name}.files"))
        places |= dict.fromkeys(found)
    files = []
    for name in places:
        path, place = project_folder / name, name.replace("\\", "/")
        if path.is_dir():
            raise InputError(WORDS("file.folder", format=source.format), Place(place))
        try:
            stamp = _stamp(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(WORDS("file.unreadable", detail=system_words(error)), Place(place)) from None
        files.append(SourceFile(path, place, digest, stamp))
    return files


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


class Load:
    """One load in the making: what was staged so far, and the counts.

    Parameters
    ----------
    source, zone
        What is loaded, and the zone of its local times.
    version
        The version that the table will have.
    folder, pieces
        The table's folder, and the files that it has already.
    aside, aside_number
        The quarantine's folder, and a number that makes the names of its staged files new.
    erased
        Id and revision of rows that were erased: they are known, whatever a file says of them.
    """

    def __init__(
        self,
        source: Source,
        zone: str,
        version: int,
        folder: Path,
        pieces: list[Piece],
        aside: Path,
        aside_number: int,
        erased: pl.DataFrame | None = None,
    ) -> None:
        self.source, self.zone, self.version = source, zone, version
        self.folder, self.pieces, self.aside, self.aside_number = folder, list(pieces), aside, aside_number
        self.erased = erased
        self.staged: list[Piece] = []
        self.rejected: list[Piece] = []
        self.rows_in = self.rows = self.unchanged = self.quarantined = 0
        self.ignored: set[str] = set()

    def read_all(self, files: list[SourceFile], progress: Progress | None, block_bytes: int) -> None:
        """Stage the files; raises `InputError`, and leaves nothing, when one is refused or changes meanwhile."""
        try:
            for file in files:
                self._read(file, progress, block_bytes)
        except InputError:
            for piece in (*self.staged, *self.rejected):
                piece.path.unlink()
            raise

    def _read(self, file: SourceFile, progress: Progress | None, block_bytes: int) -> None:
        for chunk in read_chunks(self.source, file.path, file.place, block_bytes):
            self._take(chunk, file.place)
            if progress is not None:
                progress(file.place, chunk.bytes_done, file.stamp[0])
        if _stamp(file.path) != file.stamp:
            raise InputError(WORDS("file.changed"), Place(file.place))

    def _take(self, chunk: Chunk, place: str) -> None:
        self.ignored |= set(chunk.ignored)
        shaped = shape(self.source, chunk, self.zone)
        rejects = list(chunk.rejects)
        for row, messages in shaped.faults:
            rejects += [_reject(chunk, row, messages)]
        fresh, unchanged, conflicts = self._compare(shaped.facts)
        for index in conflicts:
            fact = shaped.facts.row(index, named=True)
            message = WORDS("row.conflict", id=fact[self.source.id], revision=fact["revision"])
            rejects.append(_reject(chunk, int(shaped.rows[index]), (message,)))
        self.rows_in += shaped.events + len(chunk.rejects)
        self.unchanged += unchanged
        if fresh.height:
            path = self.folder / f"part-{self.version:08}-{len(self.staged):05}.parquet"
            piece = stage(path, fresh, self.source.id)
            self.staged.append(piece)
            self.pieces.append(piece)
            self.rows += fresh.height
        self._set_aside(rejects, place)

    def _compare(self, facts: pl.DataFrame) -> tuple[pl.DataFrame, int, list[int]]:
        """Split facts into new ones, a count of those already there, and the indexes of those that contradict."""
        keyed = facts.with_columns(pl.col(self.source.id).alias("__id")).with_row_index("__row")
        unchanged, conflicts = 0, list[int]()
        if self.erased is not None:
            left = keyed.join(self.erased, on=_KEY, how="anti", maintain_order="left")
            unchanged, keyed = keyed.height - left.height, left
        known = self._known(keyed)
        if known is not None:
            same, other = _against(keyed, known)
            unchanged, conflicts = unchanged + len(same), other
            keyed = keyed.filter(~pl.col("__row").is_in([*same, *other]))
        firsts = keyed.unique(_KEY, keep="first", maintain_order=True)
        if firsts.height < keyed.height:
            same, other = _against(keyed.join(firsts, on="__row", how="anti"), firsts.drop("__row"))
            unchanged, conflicts = unchanged + len(same), sorted([*conflicts, *other])
        return firsts.drop("__row", "__id"), unchanged, conflicts

    def _known(self, keyed: pl.DataFrame) -> pl.DataFrame | None:
        """The rows already in the table, or staged by this load, that have an id and revision of `keyed`."""
        if not keyed.height:
            return None
        low: Any = keyed["__id"].min()
        high: Any = keyed["__id"].max()
        paths = [piece.path for piece in self.pieces if piece.low is None or (piece.low <= high and piece.high >= low)]
        if not paths:
            return None
        stored = pl.scan_parquet(paths, glob=False).with_columns(pl.col(self.source.id).alias("__id"))
        keys = keyed.select(_KEY).lazy()
        # Ids first: nearly always none is known, and then no other column is read.
        hits = stored.select(_KEY).join(keys, on=_KEY, how="semi").collect()
        return stored.join(hits.lazy(), on=_KEY, how="semi").collect() if hits.height else None

    def _set_aside(self, rejects: list[Reject], place: str) -> None:
        if not rejects:
            return
        rejects.sort(key=lambda reject: reject.line)
        frame = pl.DataFrame(
            [(self.source.name, self.version, r.code, r.reason, place, r.line, r.raw) for r in rejects],
            schema=QUARANTINE_SCHEMA,
            orient="row",
        )
        name = f"part-{self.aside_number:08}-{self.source.name}-{len(self.rejected):05}.parquet"
        self.rejected.append(stage(self.aside / name, frame))
        self.quarantined += frame.height

    def note(self, files: list[SourceFile]) -> dict[str, Any]:
        """What this load did, for the table's log and the evidence."""
        assert self.rows_in == self.rows + self.unchanged + self.quarantined, "a row was lost or made"
        return {
            "source_version": self.source.version,
            "files": [{"name": file.place, "sha256": file.sha256} for file in files],
            "rows_in": self.rows_in,
            "rows": self.rows,
            "unchanged_rows": self.unchanged,
            "quarantined": self.quarantined,
        }


def _reject(chunk: Chunk, row: int, messages: tuple[Message, ...]) -> Reject:
    reason = "; ".join(message.text() for message in messages)
    return Reject(messages[0].code, reason, int(chunk.lines[row]), chunk.raw(row))


def _against(rows: pl.DataFrame, known: pl.DataFrame) -> tuple[list[int], list[int]]:
    """Compare rows with the known ones of the same id and revision: indexes of the same, and of those that differ."""
    names = [name for name in known.columns if name not in _KEY]
    joined = rows.join(known, on=_KEY, how="inner", suffix="__old")
    same = pl.all_horizontal([pl.col(name).eq_missing(pl.col(f"{name}__old")) for name in names])
    verdict = joined.select("__row", same.alias("same"))
    return (
        verdict.filter("same")["__row"].sort().to_list(),
        verdict.filter(~pl.col("same"))["__row"].sort().to_list(),
    )
