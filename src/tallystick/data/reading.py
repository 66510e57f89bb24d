"""Files → chunks of rows: CSV, JSON lines and Parquet, in bounded memory, with lines and raw texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.core import InputError, Message, Place
from tallystick.core.system import system_words
from tallystick.data.declare import template_columns
from tallystick.data.records import GOOD, LINE_BYTES_MAX, QUOTE, RECORD_BYTES_MAX, Block, LongLine, blocks, scan
from tallystick.data.source import Source
from tallystick.data.words import WORDS

SHOWN_CHARS = 200
PARQUET_ROWS = 500_000
_JSON = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


class Reject(msgspec.Struct, frozen=True):
    """A row that was not loaded: why, where (line from 1; in Parquet the row) and its raw text."""

    code: str
    reason: str
    line: int
    raw: str


class Chunk(msgspec.Struct, frozen=True):
    """Rows of a file, not yet typed: text columns (CSV, Parquet) or JSON values (`values`), with their lines."""

    texts: pl.DataFrame
    values: dict[str, list[Any]] | None
    lines: NDArray[np.int64]
    raw: Callable[[int], str]
    rejects: tuple[Reject, ...]
    ignored: tuple[str, ...]
    bytes_done: int


def wanted_columns(source: Source) -> list[str]:
    """The columns of a file that `source` reads, without repeats."""
    names = list(source.columns.values())
    if source.melt is not None:
        names += [name for name in template_columns(source.melt.id) if name != "at"]
        names += [name for period in source.melt.periods for name in period.columns.values()]
    return list(dict.fromkeys(names))


def read_chunks(source: Source, path: Path, place: str, block_bytes: int) -> Iterator[Chunk]:
    """Read one file in chunks.

    Raises
    ------
    InputError
        When the file as a whole cannot be what the source says: a folder, empty, without its columns, in another
        encoding.
    """
    if path.is_dir():
        raise InputError(WORDS("file.folder", format=source.format), Place(place))
    try:
        if source.format == "csv":
            yield from _Csv(source, path, place).chunks(block_bytes)
        elif source.format == "jsonl":
            yield from _json_chunks(source, path, place, block_bytes)
        else:
            yield from _parquet_chunks(source, path, place)
    except OSError as error:
        raise InputError(WORDS("file.unreadable", detail=system_words(error)), Place(place)) from None


class _Csv:
    """One CSV file being read: its header, and how many of its lines could not be decoded."""

    def __init__(self, source: Source, path: Path, place: str) -> None:
        self.source, self.path, self.place = source, path, place
        self.names: list[str] = []
        self.undecodable = 0

    def chunks(self, block_bytes: int) -> Iterator[Chunk]:
        source, header, lines = self.source, b"", 0
        pending, pending_line = b"", 1
        with self.path.open("rb") as file:
            found = blocks(file, block_bytes)
            block: Block | None = next(found, None)
            while block is not None:
                following = next(found, None)
                rejects = [_long(line, source.encoding) for line in block.long_lines]
                data = self._utf8(block, rejects, bool(header))
                if not header:
                    data, header = self._header(data)
                lines += data.count(b"\n")
                base = pending_line if pending else block.first_line
                data = pending + data
                chunk, used, used_lines = self._chunk(data, base, rejects, following is None)
                pending, pending_line = data[used:], base + used_lines
                yield msgspec.structs.replace(chunk, bytes_done=block.offset_bytes + len(block.data))
                block = following
        if not header:
            raise InputError(WORDS("file.empty", format="csv", name=source.name), Place(self.place))
        assert not pending
        if self.undecodable * 2 > lines:
            raise InputError(
                WORDS("file.encoding", bad=self.undecodable, lines=lines, encoding=source.encoding, name=source.name),
                Place(self.place),
            )

    def _utf8(self, block: Block, rejects: list[Reject], has_header: bool) -> bytes:
        """The block as UTF-8; a line that cannot be decoded becomes an empty one and a reject."""
        data, encoding = block.data, self.source.encoding
        if block.offset_bytes == 0 and encoding in ("utf-8", "utf8"):
            data = data.removeprefix(b"\xef\xbb\xbf")
        try:
            text = data.decode(encoding)
            return data if encoding in ("utf-8", "utf8") else text.encode("utf-8")
        except UnicodeDecodeError:
            pass
        kept, offset = [], block.offset_bytes + len(block.data) - len(data)
        for index, line in enumerate(data[:-1].split(b"\n")):
            try:
                kept.append(line.decode(encoding).encode("utf-8"))
            except UnicodeDecodeError as error:
                if not has_header and not any(kept):
                    raise InputError(WORDS("file.header", encoding=encoding), Place(self.place, 1)) from None
                given, start = f"0x{line[error.start]:02x}", offset + error.start
                message = WORDS("row.bytes", given=given, offset=start, encoding=encoding)
                raw = line.decode(encoding, "backslashreplace")
                rejects.append(_reject(message, block.first_line + index, raw))
                self.undecodable += 1
                kept.append(b"")
            offset += len(line) + 1
        return b"\n".join(kept) + b"\n"

    def _header(self, data: bytes) -> tuple[bytes, bytes]:
        """Take the first line that is not empty as the header; leave an empty line in its place."""
        start = len(data) - len(data.lstrip(b"\r\n"))
        end = data.find(b"\n", start)
        if end < 0:
            return data, b""
        header = data[start:end].rstrip(b"\r")
        quote = self.source.quote
        reader = csv.reader(
            io.StringIO(header.decode("utf-8")),
            delimiter=self.source.delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        )
        self.names = next(reader)
        check_columns(self.source, self.names, self.place)
        return data[:start] + data[end:], header

    def _chunk(self, data: bytes, first_line: int, rejects: list[Reject], final: bool) -> tuple[Chunk, int, int]:
        source = self.source
        quote = ord(source.quote) if source.quote else -1
        array = np.frombuffer(data, np.uint8)
        starts, ends, lines, counts, states, used, used_lines = scan(
            array, ord(source.delimiter), quote, len(self.names), RECORD_BYTES_MAX, final
        )
        lines = lines + first_line
        good = states == GOOD
        for index in np.flatnonzero(~good):
            raw = data[starts[index] : ends[index]].decode("utf-8")
            if states[index] == QUOTE:
                message = WORDS("row.quote")
            else:
                message = WORDS("row.ragged", given=int(counts[index]), wanted=len(self.names))
            rejects.append(_reject(message, int(lines[index]), raw))
        if good.all() and lines.size and int(lines[0]) - first_line + lines.size == used_lines:
            body = data[starts[0] : used]
        else:
            # Bad records and empty lines are cut out: polars would count them as rows.
            body = b"".join(data[a:b] + b"\n" for a, b in zip(starts[good], ends[good], strict=True))
        starts, ends, lines = starts[good], ends[good], lines[good]
        return self._texts(body, data, starts, ends, lines, tuple(rejects)), used, used_lines

    def _texts(
        self,
        body: bytes,
        data: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        lines: NDArray[np.int64],
        rejects: tuple[Reject, ...],
    ) -> Chunk:
        wanted = wanted_columns(self.source)
        if lines.size:
            frame = pl.read_csv(
                body,
                has_header=False,
                columns=sorted(self.names.index(name) for name in wanted),
                separator=self.source.delimiter,
                quote_char=self.source.quote or None,
                infer_schema=False,
                empty_string_is_null=False,
            )
            order = sorted(wanted, key=self.names.index)
            frame = frame.rename(dict(zip(frame.columns, order, strict=True))).select(wanted)
        else:
            frame = pl.DataFrame({name: pl.Series([], dtype=pl.String) for name in wanted})
        assert frame.height == lines.size, (frame.height, lines.size)
        nulls = list(self.source.null)
        frame = frame.with_columns(pl.when(~pl.col(name).is_in(nulls)).then(pl.col(name)) for name in wanted)
        return Chunk(
            texts=frame,
            values=None,
            lines=lines,
            raw=lambda index: data[starts[index] : ends[index]].decode("utf-8"),
            rejects=rejects,
            ignored=tuple(name for name in self.names if name not in wanted),
            bytes_done=0,
        )


def check_columns(source: Source, found: Sequence[str], place: str) -> None:
    """Refuse a file that lacks a column of `source`, or names one twice."""
    wanted = wanted_columns(source)
    missing = [name for name in wanted if name not in found]
    if missing:
        shown = ", ".join(name[:40] for name in found[:20]) + (", …" if len(found) > 20 else "")
        raise InputError(
            WORDS("file.columns", missing=", ".join(missing), name=source.name, found=shown), Place(place, 1)
        )
    twice = sorted({name for name in wanted if list(found).count(name) > 1})
    if twice:
        raise InputError(WORDS("file.twice", given=", ".join(twice)), Place(place, 1))


def _long(line: LongLine, encoding: str) -> Reject:
    raw = line.start.decode(encoding, "replace")[:SHOWN_CHARS]
    return _reject(WORDS("row.long", given=line.length_bytes, limit=LINE_BYTES_MAX), line.line, raw)


def _reject(message: Message, line: int, raw: str) -> Reject:
    return Reject(message.code, message.text(), line, raw)


def _json_chunks(source: Source, path: Path, place: str, block_bytes: int) -> Iterator[Chunk]:
    wanted = wanted_columns(source)
    ignored: set[str] = set()
    with path.open("rb") as file:
        seen = False
        for block in blocks(file, block_bytes):
            rejects = [_long(line, "utf-8") for line in block.long_lines]
            data = block.data.removeprefix(b"\xef\xbb\xbf") if block.offset_bytes == 0 else block.data
            seen = seen or bool(data.strip()) or bool(rejects)
            values: dict[str, list[Any]] = {name: [] for name in wanted}
            lines: list[int] = []
            raws: list[bytes] = []
            for index, line in enumerate(data[:-1].split(b"\n")):
                if not line.strip():
                    continue
                number = block.first_line + index
                try:
                    row = _JSON.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raw = line.decode("utf-8", "backslashreplace")
                    rejects.append(_reject(WORDS("row.json", detail=str(error)), number, raw))
                    continue
                ignored |= row.keys() - values.keys()
                for name in wanted:
                    values[name].append(row.get(name))
                lines.append(number)
                raws.append(line)
            yield Chunk(
                texts=pl.DataFrame(),
                values=values,
                lines=np.array(lines, np.int64),
                raw=_decoder(raws),
                rejects=tuple(rejects),
                ignored=tuple(sorted(ignored)),
                bytes_done=block.offset_bytes + len(block.data),
            )
        if not seen:
            raise InputError(WORDS("file.empty", format="jsonl", name=source.name), Place(place))


def _decoder(raws: list[bytes]) -> Callable[[int], str]:
    return lambda index: raws[index].decode("utf-8", "backslashreplace")


_NUMBERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
_READABLE: dict[str, tuple[tuple[Any, ...], str]] = {
    "money": ((*_NUMBERS, pl.Decimal, pl.Float64), "text, integers, decimals or doubles (major units)"),
    "decimal": ((*_NUMBERS, pl.Decimal, pl.Float64), "text, integers, decimals or doubles"),
    "integer": ((*_NUMBERS, pl.Decimal, pl.Float64), "text, integers, decimals or doubles"),
    "real": ((*_NUMBERS, pl.Decimal, pl.Float64), "text, integers, decimals or doubles"),
    "text": ((), "text"),
    "flag": ((pl.Boolean,), "text or booleans"),
    "instant": ((pl.Datetime,), "text or timestamps"),
    "date": ((pl.Date,), "text or dates"),
}


def _parquet_chunks(source: Source, path: Path, place: str) -> Iterator[Chunk]:
    try:
        schema = pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        _not_parquet(error, place)
    check_columns(source, list(schema), place)
    wanted = wanted_columns(source)
    _check_dtypes(source, schema, place)
    frame, size = pl.scan_parquet(path).select(wanted), path.stat().st_size
    rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
    for start in range(0, max(rows, 1), PARQUET_ROWS):
        try:
            part = frame.slice(start, PARQUET_ROWS).collect()
        except pl.exceptions.PolarsError as error:
            _not_parquet(error, place)
        yield Chunk(
            texts=part.select(_as_text(part[name]) for name in wanted),
            values=None,
            lines=np.arange(start + 1, start + 1 + part.height, dtype=np.int64),
            raw=_row_json(part),
            rejects=(),
            ignored=tuple(name for name in schema if name not in wanted),
            bytes_done=size * (start + part.height) // max(rows, 1),
        )


def _not_parquet(error: Exception, place: str) -> NoReturn:
    raise InputError(WORDS("file.parquet", detail=str(error).splitlines()[0]), Place(place)) from None


def _check_dtypes(source: Source, schema: Any, place: str) -> None:
    pairs = list(source.columns.items())
    if source.melt is not None:
        pairs += [pair for period in source.melt.periods for pair in period.columns.items()]
    for name, column in pairs:
        kinds, allowed = _READABLE[source.fields[name].type.kind]
        dtype = schema[column]
        if dtype != pl.String and not isinstance(dtype, pl.Null) and not isinstance(dtype, kinds):
            given, kind = str(dtype), str(source.fields[name].type)
            raise InputError(WORDS("file.dtype", column=column, given=given, type=kind, allowed=allowed), Place(place))


def _as_text(column: pl.Series) -> pl.Series:
    """A typed column as the text that the same value has in a CSV; timestamps keep microseconds and their zone."""
    if isinstance(column.dtype, pl.Datetime):
        zoned = column.dtype.time_zone is not None
        column = column.dt.convert_time_zone("UTC") if zoned else column
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if zoned else ""))
    return column.cast(pl.String)


def _row_json(frame: pl.DataFrame) -> Callable[[int], str]:
    return lambda index: msgspec.json.encode(frame.row(index, named=True), enc_hook=str).decode("utf-8")
