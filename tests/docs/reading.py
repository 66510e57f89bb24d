"""What stands on a page: its sections, its code blocks and its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec


class Block(msgspec.Struct, frozen=True):
    """A fenced block: its language, the line of its first line, and its text."""

    language: str
    line: int
    text: str


class Table(msgspec.Struct, frozen=True):
    """A table as it is written: the names of its columns and its rows, each with its line."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


class Section(msgspec.Struct, frozen=True):
    """A heading of a page and what stands under it, up to the next heading of any depth."""

    title: str
    depth: int
    line: int
    text: str

    @property
    def blocks(self) -> list[Block]:
        """The fenced blocks, in order."""
        found = re.finditer(r"^```(\w+)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        return [Block(match[1], self.line + self.text.count("\n", 0, match.start()) + 1, match[2]) for match in found]

    @property
    def prose(self) -> str:
        """The text without its fenced blocks, which leave their lines empty."""
        return re.sub(r"^```.*?^```$", lambda match: "\n" * match[0].count("\n"), self.text, flags=re.M | re.S)

    @property
    def tables(self) -> list[Table]:
        """The tables, in order."""
        return list(_tables(self.prose.splitlines(), self.line))


def sections(page: Path) -> list[Section]:
    """The sections of a page, the page's own title first; a `#` in a block is no heading."""
    found: list[tuple[str, int, int, list[str]]] = []
    fenced = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fenced ^= line.startswith("```")
        heading = None if fenced else re.fullmatch(r"(#+) (.+)", line)
        if heading:
            found.append((heading[2], len(heading[1]), number, [""]))
        else:
            found[-1][3].append(line)
    return [Section(title, depth, line, "\n".join(text) + "\n") for title, depth, line, text in found]


def _tables(lines: list[str], start: int) -> Iterator[Table]:
    index = 0
    while index + 1 < len(lines):
        if not (lines[index].startswith("|") and re.fullmatch(r"[|\-: ]+", lines[index + 1])):
            index += 1
            continue
        columns, rows = _cells(lines[index]), []
        index += 2
        while index < len(lines) and lines[index].startswith("|"):
            rows.append((start + index, _cells(lines[index])))
            index += 1
        yield Table(columns, tuple(rows))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
