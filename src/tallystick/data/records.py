"""Bytes → records: where each CSV record begins and ends, whether it is well formed, and on which line it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import kernel

BLOCK_BYTES = 16 << 20
LINE_BYTES_MAX = 1 << 20
RECORD_BYTES_MAX = 4 * LINE_BYTES_MAX
"""A record may span lines, and a line may grow when it becomes UTF-8; never beyond this."""
SHOWN_BYTES = 800
GOOD, RAGGED, QUOTE = 0, 1, 2
_LF, _CR = 10, 13


class LongLine(msgspec.Struct, frozen=True):
    """A line too long to read: its number (from 1), its length and its beginning."""

    line: int
    length_bytes: int
    start: bytes


class Block(msgspec.Struct, frozen=True):
    """Whole lines of a file: bytes that end in a line feed, and where they stand in the file."""

    data: bytes
    first_line: int
    offset_bytes: int
    long_lines: tuple[LongLine, ...]


def blocks(file: BinaryIO, block_bytes: int = BLOCK_BYTES, line_bytes_max: int = LINE_BYTES_MAX) -> Iterator[Block]:
    """Cut a file into blocks of whole lines with bounded memory.

    A longer line than `line_bytes_max` becomes an empty line in the block, so that line numbers hold, and a `LongLine`.
    """
    line, offset, rest = 1, 0, b""
    while True:
        read = file.read(block_bytes)
        data = rest + read
        cut = data.rfind(b"\n") + 1
        long_lines: list[LongLine] = []
        if not read:
            if not data:
                return
            data, cut = data + b"\n", len(data) + 1
        body, rest, taken = data[:cut], data[cut:], cut
        if body:
            body, found = _without_long(body, line, line_bytes_max)
            long_lines += found
        if len(rest) > line_bytes_max:
            # The block ends inside an endless line: pass over it without keeping it.
            start, length = rest[:SHOWN_BYTES], len(rest)
            rest = b""
            while more := file.read(block_bytes):
                end = more.find(b"\n")
                if end >= 0:
                    length, rest = length + end, more[end + 1 :]
                    break
                length += len(more)
            long_lines.append(LongLine(line + body.count(b"\n"), length, start))
            body, taken = body + b"\n", taken + length + 1
        if body:
            yield Block(body, line, offset, tuple(long_lines))
        line, offset = line + body.count(b"\n"), offset + taken
        if not read:
            return


def _without_long(body: bytes, first_line: int, line_bytes_max: int) -> tuple[bytes, list[LongLine]]:
    ends = np.flatnonzero(np.frombuffer(body, np.uint8) == _LF)
    lengths = np.diff(ends, prepend=-1) - 1
    long = np.flatnonzero(lengths > line_bytes_max)
    if not long.size:
        return body, []
    parts, found, kept = [], [], 0
    for index in long:
        start, end = int(ends[index] - lengths[index]), int(ends[index])
        parts.append(body[kept:start])
        found.append(LongLine(first_line + int(index), end - start, body[start : start + SHOWN_BYTES]))
        kept = end
    return b"".join([*parts, body[kept:]]), found


@kernel
def scan(
    data: NDArray[np.uint8], delimiter: int, quote: int, wanted: int, length_max: int, final: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int8], int, int]:
    """Find the records of a block of CSV (RFC 4180).

    Returns starts, ends, lines from 0, field counts, states, and the bytes and lines used.

    A record that spans lines counts only when it is well formed and has `wanted` fields; otherwise its first line is
    blamed and the next line begins afresh, so that one stray quote never swallows its neighbours. Empty lines are no
    records. What follows the bytes used is an unfinished record: give it again with the next block.
    """
    size = data.size
    rows = 1
    for i in range(size):
        if data[i] == _LF:
            rows += 1
    starts, ends = np.empty(rows, np.int64), np.empty(rows, np.int64)
    lines, counts = np.empty(rows, np.int64), np.empty(rows, np.int64)
    states = np.empty(rows, np.int8)
    n, i, line = 0, 0, 0
    while i < size:
        # mode: 0 at a field's start, 1 in plain text, 2 inside quotes, 3 after a closing quote
        mode, fields, bad, breaks, first_end = 0, 1, False, 0, -1
        j = i
        while j < size:
            byte = data[j]
            if mode == 2:
                if byte == quote:
                    mode = 3
                elif byte == _LF:
                    breaks += 1
                    if first_end < 0:
                        first_end = j
                if j - i > length_max:
                    break
            elif byte == _LF:
                break
            elif byte == delimiter:
                fields += 1
                mode = 0
            elif byte == quote:
                if mode == 1:
                    bad = True
                else:
                    mode = 2
            elif byte == _CR and j + 1 < size and data[j + 1] == _LF:
                pass
            else:
                bad = bad or mode == 3
                mode = 1
            j += 1
        if mode == 2:
            if j >= size and not final and j - i <= length_max:
                break
            bad = True
        if (bad or fields != wanted) and first_end >= 0:
            # Blame the first line alone, as a quote that opens and never closes well.
            bad, breaks, j = True, 0, first_end
        stop = j
        if stop > i and data[stop - 1] == _CR:
            stop -= 1
        if stop > i:
            starts[n], ends[n], lines[n], counts[n] = i, stop, line, fields
            states[n] = QUOTE if bad else (RAGGED if fields != wanted else GOOD)
            n += 1
        line += breaks + 1
        i = j + 1
    return starts[:n], ends[:n], lines[:n], counts[:n], states[:n], min(i, size), line
