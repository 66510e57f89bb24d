"""Erasing a subject from what was loaded: from every file of a table, so that no version of it shows her any more.

A table's older versions stay readable, and every other row of them keeps its bits: the files are written anew, and the
commits that named the old ones name the new ones.
"""

from __future__ import annotations

import base64
import csv
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import polars as pl

from tallystick.core import Place, TamperError
from tallystick.data import tables
from tallystick.data.feed import quarantine_lock
from tallystick.data.source import Source
from tallystick.data.words import WORDS
from tallystick.store import atomic_write, sync_folder

_REWRITTEN = re.compile(r"(?P<stem>.+?)(?:\.e(?P<number>\d+))?\.parquet")
_TOKEN = re.compile(r"[^\s,;:|\"'(){}\[\]<>=]+")
_TOKEN_CHARACTERS_MIN = 4
"""Shorter values, such as the id 7, count only where they are a whole cell: as a word they stand for anything."""
_CHECKPOINT_COMMITS = 100
ERASED = "_erased"
"""The folder of the lake that knows erased rows by id and revision."""

StandIn: TypeAlias = Callable[[str | int], str | int]


class Erasing(msgspec.Struct, frozen=True):
    """Whom to erase from a table, and what becomes of her rows.

    Rows whose `subject` column reads `value` as text are hers. Values of `blinded` columns are replaced by what
    `stand_in` gives for them, those of `emptied` columns by nothing.
    """

    subject: str
    value: str
    blinded: tuple[str, ...]
    emptied: tuple[str, ...]
    stand_in: StandIn

    @property
    def hers(self) -> pl.Expr:
        """Whether a row is hers."""
        return hers(self.subject, self.value)


def hers(subject: str, value: str) -> pl.Expr:
    """Whether the column `subject` reads `value` as text."""
    return (pl.col(subject).cast(pl.String) == value).fill_null(False)


def erased_rows(folder: Path, source: str) -> pl.DataFrame | None:
    """Id and `revision` of the rows of a table that were erased, so that a file loaded again does not bring them back.

    Parameters
    ----------
    folder
        The lake's.
    source
        The table.
    """
    path = folder / ERASED / f"{source}.parquet"
    return pl.read_parquet(path) if path.exists() else None


def erase_rows(folder: Path, source: Source, erasing: Erasing) -> int:
    """Erase a subject's rows from every file of a table; gives how many there were.

    Whoever calls it holds the lake's lock. A crash at any moment leaves a table in which every version can be read;
    calling it again ends the work.
    """
    table, rows = folder / source.name, 0
    changed: dict[str, tables.Piece] = {}
    for path in _referenced(table):
        frame = pl.read_parquet(path)
        own = frame.filter(erasing.hers)
        if own.height:
            _remember(folder, source, own)
            changed[path.name] = tables.stage(_renamed(path), _without(frame, erasing), source.id)
            rows += own.height
    _exchange(table, changed, source.id)
    return rows


def erase_unfinished(folder: Path) -> None:
    """Remove what loads and erasures that were killed have left: files that no commit of their table names.

    In a folder that is no table yet these are parts alone; what else lies in the lake is not ours.
    """
    for place in folder.iterdir():
        if not place.is_dir() or place.name == ERASED or place.name.startswith("."):
            continue
        if (place / "_delta_log").is_dir():
            _referenced(place)
            continue
        for part in place.glob("part-*.parquet"):
            part.unlink()


def erase_set_aside(folder: Path, source: str, mentioned: Callable[[str], bool], reason: str) -> int:
    """Empty the quarantined rows of a source in whose text `mentioned` finds the subject; gives how many.

    Code, file and line stay, the text is emptied and the reason, which may quote it, is replaced.
    """
    rows = 0
    changed: dict[str, tables.Piece] = {}
    for path in _referenced(folder):
        frame = pl.read_parquet(path)
        own = pl.Series([text is not None and mentioned(text) for text in frame["raw"]], dtype=pl.Boolean)
        own = own & (frame["source"] == source)
        if own.any():
            instead = {"raw": "", "reason": reason}
            texts = [pl.when(own).then(pl.lit(to)).otherwise(pl.col(name)).alias(name) for name, to in instead.items()]
            changed[path.name] = tables.stage(_renamed(path), frame.with_columns(texts))
            rows += int(own.sum())
    _exchange(folder, changed, "")
    return rows


def erase_deliveries(path: Path, mentioned: Callable[[str], bool], reason: str) -> int:
    """Empty the entries of a feed's quarantine in whose text `mentioned` finds the subject; gives how many.

    Stream, position and code stay; the text, its digest and the reason, which may quote it, do not. What a process that
    was killed left of a line, or of such an erasure, goes. A process that puts deliveries aside may go on meanwhile.
    """
    if not path.exists():
        return 0
    with quarantine_lock(path):
        for left in path.parent.glob(f".{path.name}.*.tmp"):
            left.unlink()
        before, lines, count = path.read_bytes(), [], 0
        for line in before.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            entry = json.loads(line)
            if mentioned(_text_of(entry)):
                entry = {name: value for name, value in entry.items() if name not in ("raw", "raw_base64")}
                entry |= {"raw": "", "sha256": "", "reason": reason}
                line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
                count += 1
            lines.append(line)
        after = b"".join(lines)
        if after != before:
            atomic_write(path, after)
            path.chmod(0o600)
    return count


def delivered_texts(path: Path) -> Iterator[str]:
    """What came, of every whole entry of a feed's quarantine."""
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        if line.endswith(b"\n"):
            yield _text_of(json.loads(line))


def mentions(text: str, names: Collection[str], delimiter: str = ",", quote: str = '"') -> bool:
    """Whether a raw record has one of some values: as a cell of CSV, a value of JSON, or, from four letters on, a word.

    Examples
    --------
    >>> mentions('7,2026-03-01,"C 9"', {"C 9"}), mentions('{"who": "C9", "n": 7}', {"7"})
    (True, True)
    >>> mentions("17,2026-03-01", {"7", "26"})
    False
    """
    words = {word for word in _TOKEN.findall(text) if len(word) >= _TOKEN_CHARACTERS_MIN}
    return not frozenset(names).isdisjoint(words | _cells(text, delimiter, quote))


def _cells(text: str, delimiter: str, quote: str) -> set[str]:
    try:
        return set(_values(json.loads(text, parse_float=str)))
    except (ValueError, RecursionError):
        pass
    try:
        quoting = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
        lines = csv.reader(text.splitlines(), delimiter=delimiter, **quoting)
        return {cell.strip() for line in lines for cell in line}
    except csv.Error:
        return set()


def _values(found: Any) -> Iterator[str]:
    if isinstance(found, Mapping):
        for value in found.values():
            yield from _values(value)
    elif isinstance(found, list):
        for value in found:
            yield from _values(value)
    elif found is not None:
        yield str(found)


def _text_of(entry: Mapping[str, Any]) -> str:
    if "raw" in entry:
        return str(entry["raw"])
    return base64.b64decode(entry["raw_base64"]).decode("utf-8", "replace")


def _without(frame: pl.DataFrame, erasing: Erasing) -> pl.DataFrame:
    own, columns = erasing.hers, []
    for name in erasing.emptied:
        columns.append(pl.when(own).then(None).otherwise(pl.col(name)).alias(name))
    for name in erasing.blinded:
        values = frame.filter(own)[name].drop_nulls().unique().to_list()
        if values:
            blind = pl.col(name).replace(values, [erasing.stand_in(value) for value in values])
            columns.append(pl.when(own).then(blind).otherwise(pl.col(name)).alias(name))
    return frame.with_columns(columns)


def _remember(folder: Path, source: Source, own: pl.DataFrame) -> None:
    # A personal id is replaced too: nothing is left to know the row by.
    if source.fields[source.id].personal:
        return
    path = folder / ERASED / f"{source.name}.parquet"
    keys = own.select(pl.col(source.id).alias("__id"), "revision")
    before = erased_rows(folder, source.name)
    keys = (keys if before is None else pl.concat([before, keys])).unique(maintain_order=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".partial")
    tables.stage(written, keys)
    written.replace(path)
    sync_folder(path.parent)


def _referenced(table: Path) -> list[Path]:
    """The data files that commits name, in order; what a crash left besides is removed."""
    tables.sweep(table, {action["path"] for log in _commits(table) for _, action in _files(log)})
    return sorted(table.glob("*.parquet"))


def _renamed(path: Path) -> Path:
    """Where the rewritten file lies: a name of its own that sorts as the old one does."""
    match = _REWRITTEN.fullmatch(path.name)
    assert match is not None
    return path.with_name(f"{match['stem']}.e{int(match['number'] or 0) + 1}.parquet")


def _commits(table: Path) -> list[Path]:
    return sorted((table / "_delta_log").glob("*.json"))


def _files(log: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The actions of a commit that name a file, each with its kind."""
    for line in log.read_bytes().splitlines():
        try:
            document = json.loads(line)
        except ValueError as error:
            name = log.parent.parent.name
            raise TamperError(
                WORDS("lake.damaged", given=name, detail=str(error)), Place(f"{name}/{log.name}")
            ) from None
        for kind in ("add", "remove"):
            if kind in document:
                yield kind, document[kind]


def _exchange(table: Path, changed: Mapping[str, tables.Piece], id_column: str) -> None:
    """Let every commit that names an old file name the new one, then remove the old ones."""
    if not changed:
        return
    sync_folder(table)
    log = table / "_delta_log"
    # They repeat what the commits say, and every commit is kept.
    for path in (log / "_last_checkpoint", *log.glob("*.checkpoint*")):
        path.unlink(missing_ok=True)
    sync_folder(log)
    for path in _commits(table):
        lines = path.read_bytes().splitlines()
        renamed = [_renamed_action(line, changed, id_column) for line in lines]
        if renamed != lines:
            atomic_write(path, b"\n".join(renamed) + b"\n")
    if len(_commits(table)) > _CHECKPOINT_COMMITS:
        tables.open_table(table).create_checkpoint()
    for name in changed:
        (table / name).unlink()
    sync_folder(table)


def _renamed_action(line: bytes, changed: Mapping[str, tables.Piece], id_column: str) -> bytes:
    document = json.loads(line)
    for kind in ("add", "remove"):
        action = document.get(kind)
        if action is not None and action["path"] in changed:
            piece = changed[action["path"]]
            state = piece.path.stat()
            action |= {"path": piece.path.name, "size": state.st_size}
            if kind == "add":
                action |= {"modificationTime": int(state.st_mtime * 1000), "stats": tables.statistics(piece, id_column)}
            return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return line
