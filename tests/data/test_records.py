"""Bytes become records: line numbers, quotes, ragged rows and endless lines."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.data.records import GOOD, QUOTE, RAGGED, blocks, scan


def records(data: bytes, wanted: int, limit: int = 1 << 20, final: bool = True) -> list[tuple[int, bytes, int]]:
    starts, ends, lines, _, states, _, _ = scan(np.frombuffer(data, np.uint8), 44, 34, wanted, limit, final)
    return [(int(n) + 1, data[a:b], int(s)) for a, b, n, s in zip(starts, ends, lines, states, strict=True)]


CELLS = st.text(st.sampled_from('ab ,"\n\r;é'), max_size=5)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=8), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150, deadline=None)
def test_well_formed_csv_is_cut_as_pythons_reader_cuts_it(rows: list[list[str]], ending: str) -> None:
    """Quoted line breaks, doubled quotes and both line ends: the same records, on the right physical lines."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(rows)
    data = text.getvalue().encode()
    found = records(data, 3)
    assert all(state == GOOD for _, _, state in found)
    assert [next(csv.reader(io.StringIO(raw.decode(), newline=""))) for _, raw, _ in found] == rows
    line = 1
    for (number, raw, _), _row in zip(found, rows, strict=True):
        assert number == line
        line += raw.count(b"\n") + 1


@given(st.binary(max_size=60).map(lambda noise: bytes(b',"\na\r'[byte % 5] for byte in noise)))
@example(b'"a\nb')
@settings(max_examples=300, deadline=None)
def test_no_line_is_lost_whatever_the_bytes(noise: bytes) -> None:
    """Every line that is not empty lies in exactly one record, good or blamed."""
    data = noise + b"\n"
    found = records(data, 2)
    covered = [number + step for number, raw, _ in found for step in range(raw.count(b"\n") + 1)]
    assert len(covered) == len(set(covered))
    filled = {n + 1 for n, line in enumerate(data.split(b"\n")) if line not in (b"", b"\r")}
    assert filled <= set(covered)


@given(st.binary(max_size=80).map(lambda noise: bytes(b',"\na'[byte % 4] for byte in noise)), st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_blocks_do_not_change_the_records(noise: bytes, size: int) -> None:
    """A file read in small blocks gives the records of the file read at once."""
    whole = records(noise.rstrip(b"\n") + b"\n", 2) if noise.strip(b"\n") else []
    found: list[tuple[int, bytes, int]] = []
    pending, base = b"", 0
    parts = list(blocks(io.BytesIO(noise), size))
    for index, block in enumerate(parts):
        base = base if pending else block.first_line - 1
        data = pending + block.data
        final = index == len(parts) - 1
        starts, ends, lines, _, states, used, used_lines = scan(
            np.frombuffer(data, np.uint8), 44, 34, 2, 1 << 20, final
        )
        found += [
            (base + int(n) + 1, data[a:b], int(s)) for a, b, n, s in zip(starts, ends, lines, states, strict=True)
        ]
        pending, base = data[used:], base + used_lines
    assert found == whole


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"1,2\n3\n4,5,6\n", [(1, b"1,2", GOOD), (2, b"3", RAGGED), (3, b"4,5,6", RAGGED)]),
        (b"\n1,2\r\n\r\n3,4\n", [(2, b"1,2", GOOD), (4, b"3,4", GOOD)]),
        (b'1,5" pipe\n2,x\n', [(1, b'1,5" pipe', QUOTE), (2, b"2,x", GOOD)]),
        (b'1,"open\n2,x\n3,y\n', [(1, b'1,"open', QUOTE), (2, b"2,x", GOOD), (3, b"3,y", GOOD)]),
        (b'1,"a\nb"\n2,x\n', [(1, b'1,"a\nb"', GOOD), (3, b"2,x", GOOD)]),
        (b'1,"a"b\n2,""\n', [(1, b'1,"a"b', QUOTE), (2, b'2,""', GOOD)]),
        (b'1,"open\n2,"x"\n', [(1, b'1,"open', QUOTE), (2, b'2,"x"', GOOD)]),
    ],
)
def test_a_bad_row_never_takes_its_neighbours_along(data: bytes, expected: list[tuple[int, bytes, int]]) -> None:
    """A stray quote or a missing field is blamed on its own line."""
    assert records(data, 2) == expected


def test_a_record_longer_than_the_limit_is_blamed_on_its_first_line() -> None:
    """An opening quote without an end is not followed through the whole file."""
    data = b'1,"open\n' + b"2,x\n" * 10
    assert [state for _, _, state in records(data, 2, limit=12, final=False)] == [QUOTE] + [GOOD] * 10


def test_a_long_line_becomes_an_empty_one() -> None:
    """Its number, length and beginning are kept; the lines around it stay where they are."""
    text = b"h\n" + b"x" * 50 + b"\nlast"
    for size in (3, 7, 1000):
        found = list(blocks(io.BytesIO(text), size, line_bytes_max=10))
        assert b"".join(block.data for block in found) == b"h\n\nlast\n"
        long = [line for block in found for line in block.long_lines]
        assert [(line.line, line.length_bytes, line.start[:3]) for line in long] == [(2, 50, b"xxx")]
    endless = list(blocks(io.BytesIO(b"h\n" + b"x" * 50), 7, line_bytes_max=10))
    assert [line.length_bytes for block in endless for line in block.long_lines] == [50]
