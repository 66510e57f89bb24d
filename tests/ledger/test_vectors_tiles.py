"""The rules of C2SP tlog-tiles: which files a tree of a size has, how they are called, and what in them is refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from tests.ledger.naive import Naive

from tallystick.core import InputError, TamperError
from tallystick.ledger import Log, Signer, generate_key
from tallystick.ledger.tiles import pack_entries, read_entries, read_hashes, tile_path

_SIGNER = Signer(generate_key("bank.example/log")[0])


def _written(folder: Path, size: int, entries: list[bytes] | None = None) -> Path:
    with Log(folder, _SIGNER.name, _SIGNER) as log:
        log.append(entries if entries is not None else [b"%d" % number for number in range(size)])
        log.checkpoint()
    return folder


def _tiles(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in (folder / "tile").rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537])
def test_a_tree_of_a_size_has_just_these_files(tmp_path: Path, size: int) -> None:
    """At each level floor(size / 256^level) hashes: full tiles, and the rest in a partial one, never an empty one."""
    expected, level, count = set(), 0, size
    while count:
        full, rest = divmod(count, 256)
        names = [
            f"x{number // 1000:03d}/{number % 1000:03d}" if number > 999 else f"{number:03d}" for number in range(full)
        ]
        if rest:
            names.append(f"{full:03d}.p/{rest}")
        for name in names:
            expected.add(f"tile/{level}/{name}")
            if level == 0:
                expected.add(f"tile/entries/{name}")
        level, count = level + 1, full
    assert _tiles(_written(tmp_path, size)) == expected


def test_the_example_of_the_specification(tmp_path: Path) -> None:
    """70,000 entries: 273 full tiles and one of 112, one full and one of 17 above, one of 1 on top."""
    names = _tiles(_written(tmp_path, 70_000))
    for level, full, partial in (("0", 273, "273.p/112"), ("1", 1, "001.p/17"), ("2", 0, "000.p/1")):
        here = {name for name in names if name.startswith(f"tile/{level}/")}
        assert len(here) == full + 1
        assert f"tile/{level}/{partial}" in here
    bundles = {name.replace("entries", "0") for name in names if "entries" in name}
    assert bundles == {name for name in names if name.startswith("tile/0/")}


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "000"),
        (999, 256, "999"),
        (1000, 256, "x001/000"),
        (1_234_067, 256, "x001/x234/067"),
        (1_000_000, 255, "x001/x000/000.p/255"),
        (999_999, 1, "x999/999.p/1"),
        ((1 << 56) - 1, 17, "x072/x057/x594/x037/x927/935.p/17"),
    ],
)
def test_numbers_of_tiles(number: int, width: int, path: str) -> None:
    assert tile_path(63, number, width) == f"tile/63/{path}"
    assert tile_path("entries", number, width) == f"tile/entries/{path}"


def test_every_width_of_a_partial_tile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 1 to 255: written at its checkpoint, read back, hashed as the specification says, gone when it is full."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    tree = Naive([b"%d" % number for number in range(257)])
    with Log(tmp_path, _SIGNER.name, _SIGNER) as log:
        for width in range(1, 256):
            log.append([b"%d" % (width - 1)])
            log.checkpoint()
            assert read_hashes(tmp_path, 0, 0, width) == tree.leaves[:width]
            assert read_entries(tmp_path, 0, width) == [b"%d" % number for number in range(width)]
            assert log.root() == tree.root(width)
        log.append([b"255", b"256"])
        log.checkpoint()
        assert log.root() == tree.root(257)
    full = {"tile/0/000", "tile/0/001.p/1", "tile/entries/000", "tile/entries/001.p/1", "tile/1/000.p/1"}
    assert _tiles(tmp_path) == full
    assert read_hashes(tmp_path, 0, 0, 100) == tree.leaves[:100], "a full tile stands for its partial ones"


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 65_534, 65_535])
def test_entries_of_every_length(tmp_path: Path, length: int) -> None:
    entries = [b"x" * length, b"", b"y" * length]
    folder = _written(tmp_path, 3, entries)
    packed = (folder / "tile/entries/000.p/3").read_bytes()
    assert packed == b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)
    with Log(folder, _SIGNER.name, _SIGNER) as log:
        assert [log.entry(index) for index in range(3)] == entries
        assert log.check() == 3


def test_an_entry_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with Log(tmp_path, _SIGNER.name, _SIGNER) as log:
        with pytest.raises(InputError):
            log.append([b"good", b"x" * 65_536])
        assert log.size == 0, "all of a batch or nothing"


@pytest.mark.parametrize("width", [1, 2, 255, 256])
def test_files_of_another_length_are_refused(tmp_path: Path, width: int) -> None:
    """A tile or a bundle with a byte, a hash or an entry more or less is not what was written."""
    entries = [b"%d" % number for number in range(width)]
    folder = _written(tmp_path, width)
    for name, put in (("0", [b"\0", bytes(32)]), ("entries", [b"\0", b"\0\0", b"\0\1", pack_entries([b"more"])])):
        path = folder / tile_path(name, 0, width)
        good = path.read_bytes()
        last = 32 if name == "0" else len(pack_entries(entries[-1:]))
        for bad in (b"", good[:-1], good[:-last], good[1:], *(good + more for more in put)):
            path.write_bytes(bad)
            with pytest.raises(TamperError) as caught:
                _ = read_hashes(folder, 0, 0, width) if name == "0" else read_entries(folder, 0, width)
            assert caught.value.place is not None
            assert caught.value.place.file.endswith(str(path.relative_to(folder)))
        path.write_bytes(good)
    with Log(folder, _SIGNER.name, _SIGNER, write=False) as log:
        assert log.check() == width
