"""What the operating system refuses is said whole in the person's language, and ends a command without a trace."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

Tally = Callable[..., tuple[int, str, str]]
_ASCII_WORDS = re.compile(r"[A-Za-z]{4,}(?: [A-Za-z]{2,})+")


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("Not a directory", "File exists")), ("zh", ("不是文件夹", "文件已存在"))]
)
def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, tally: Tally, language: str, words: tuple[str, str]
) -> None:
    """`tally init` below a file, and in place of one."""
    path = tmp_path / "file"
    path.touch()
    for folder, said in zip((path / "bank", path), words, strict=True):
        code, out, error = tally("--language", language, "init", folder)
        assert (code, out) == (1, "")
        assert error.startswith(str(folder))
        assert said in error


def test_a_full_disk_is_said(definitions: Path, tally: Tally) -> None:
    """/dev/full takes nothing."""
    code, _, error = tally("--language", "zh", "-p", definitions, "models", "list", "--json", "/dev/full")
    assert (code, error) == (1, "磁盘空间不足")


def test_an_event_that_is_not_there_is_said(definitions: Path, tally: Tally) -> None:
    code, _, error = tally("--language", "zh", "-p", definitions, "decide", definitions / "none.json")
    assert code == 1
    assert "没有这个文件或文件夹" in error
    assert not _ASCII_WORDS.search(error.replace(str(definitions), "")), error


def test_an_address_in_use_is_said(tmp_path: Path, tally: Tally) -> None:
    assert tally("witness", "key", "w.example", "--folder", tmp_path / "witness")[0] == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, error = tally("--language", "zh", "witness", "serve", "--folder", tmp_path / "witness", "--port", port)
    assert code == 1
    assert "地址已被占用" in error
    assert not _ASCII_WORDS.search(error), error
