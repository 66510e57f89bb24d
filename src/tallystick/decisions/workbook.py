"""Spreadsheet files as rows of texts: Excel workbooks and CSV. A cell is a text, never a number or a date."""

from __future__ import annotations

import csv
import io
import re
import warnings
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from tallystick.core import Faults, InputError, Place
from tallystick.core.system import system_words
from tallystick.decisions.files import SIZE_MAX, read_bytes
from tallystick.decisions.words import WORDS

CELL_MAX = 32_767
"""The characters that Excel keeps of a cell."""
FIELD_MAX = 131_072
"""The characters that Python reads of a CSV field."""
CELLS_MAX = 4_000_000
"""The cells of one sheet, empty ones between others included."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TITLE = re.compile(r"[\[\]:*?/\\]")
_TITLE_MAX = 31
_BROKEN = (
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    SyntaxError,
    OSError,
    EOFError,
    RuntimeError,
    AssertionError,
)


def letters(column: int) -> str:
    """The name of a column, counted from 1: A to Z, then AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def place_of(file: str, title: str, row: int, column: int) -> Place:
    """A cell of a spreadsheet as a place of faults; `title` is "" for CSV, row and column count from 1."""
    sheet = f"sheet {title}, " if title else ""
    return Place(file, cell=f"{sheet}cell {letters(column)}{row}")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is the old one or the new one, never a part; raises `InputError` when it cannot be."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(WORDS("sheet.write", given=system_words(error)), Place(path.name)) from None


def write_csv(path: Path, cells: Sequence[Sequence[str]]) -> None:
    """Write rows of texts as CSV in UTF-8, with the mark by which spreadsheets know it."""
    for row, texts in enumerate(cells, 1):
        for column, text in enumerate(texts, 1):
            if len(text) > FIELD_MAX:
                words = WORDS("sheet.long", given=len(text), allowed=FIELD_MAX)
                raise InputError(words, place_of(path.name, "", row, column))
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(cells)
    write_whole(path, stream.getvalue().encode("utf-8-sig"))


def read_csv(path: Path) -> list[list[str]]:
    """Read rows of texts from CSV; raises `InputError`."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(WORDS("sheet.csv", given=error), Place(path.name)) from None


def titles_of(names: Sequence[str]) -> list[str]:
    """Names as titles of sheets: at most 31 characters, none that Excel refuses, none twice."""
    titles: list[str] = []
    for name in names:
        plain = _TITLE.sub("_", name).strip("'")[:_TITLE_MAX] or "_"
        title, count = plain, 1
        while title.casefold() in (*(other.casefold() for other in titles), "history"):
            count += 1
            title = f"{plain[: _TITLE_MAX - len(str(count)) - 1]}~{count}"
        titles.append(title)
    return titles


def write_workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[str]]], head: Mapping[str, int]) -> None:
    """Write an Excel workbook of texts: a sheet per title; `head` has the row of each that stays in view."""
    from openpyxl import Workbook  # loads in a third of a second, which no process that only decides shall pay
    from openpyxl.styles import Alignment, Font, PatternFill

    bold, grey = Font(bold=True), PatternFill("solid", fgColor="FFE8EDF2")
    wrapped = Alignment(wrap_text=True, vertical="top")
    book = Workbook()
    book.remove(book.active)
    for title, cells in sheets.items():
        page = book.create_sheet(title)
        for number in range(1, max(map(len, cells)) + 1):
            # Columns of text: what is typed into them stays as it is typed.
            page.column_dimensions[letters(number)].number_format = "@"
            page.column_dimensions[letters(number)].width = 16 if number < 3 else 24
        for row, texts in enumerate(cells, 1):
            for column, text in enumerate(texts, 1):
                if not text:
                    continue
                if len(text) > CELL_MAX:
                    words = WORDS("sheet.long", given=len(text), allowed=CELL_MAX)
                    raise InputError(words, place_of(path.name, title, row, column))
                cell = page.cell(row, column)
                cell.value, cell.number_format, cell.alignment = _escaped(text), "@", wrapped
                # Else a text that begins with = would be a formula, and #N/A an error.
                cell.data_type = "s"
                cell.quotePrefix = text[0] in "=+-@'"
                if row <= head[title] and (column == 1 or row == head[title]):
                    cell.font, cell.fill = bold, grey
        page.freeze_panes = f"C{head[title] + 1}"
    stream = io.BytesIO()
    book.save(stream)
    write_whole(path, stream.getvalue())


def read_workbook(path: Path, faults: Faults) -> dict[str, list[list[str]]]:
    """Read the sheets of an Excel workbook as rows of texts.

    A whole number, decimal or truth value becomes its text; what has no one text (a date, a formula, an error) is a
    fault. Raises `InputError` where the file is no workbook.
    """
    from openpyxl import load_workbook

    data = read_bytes(path)
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            size = sum(part.file_size for part in archive.infolist())
            if size > SIZE_MAX:
                raise InputError(WORDS("decision.large", given=size, allowed=SIZE_MAX), Place(path.name))
            if any(b"<!DOCTYPE" in archive.read(part) for part in archive.infolist()):
                raise InputError(WORDS("decision.doctype"), Place(path.name))
        with warnings.catch_warnings():
            # What a workbook holds beside cells, such as drop-down lists, is of no concern here.
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
            found = {}
            for page in book.worksheets:
                page.reset_dimensions()
                found[page.title] = _page(path.name, page, faults)
    except (*_BROKEN, BadZipFile, zlib.error) as error:
        # What openpyxl raises for a file that is no workbook, or a broken one; ParseError is a SyntaxError.
        raise InputError(WORDS("sheet.workbook", given=error), Place(path.name)) from None
    return found


def _page(file: str, page: Any, faults: Faults) -> list[list[str]]:
    rows = []
    left = CELLS_MAX
    for number, row in enumerate(page.iter_rows(), 1):
        left -= max(len(row), 1)
        if left < 0:
            raise InputError(WORDS("sheet.large", allowed=CELLS_MAX), place_of(file, page.title, number, 1))
        texts = []
        for place, cell in enumerate(row, 1):
            text = _text(cell)
            if text is None:
                faults.add(InputError(WORDS("sheet.cell", given=cell.value), place_of(file, page.title, number, place)))
            texts.append(text or "")
        rows.append(texts)
    return rows


def _text(cell: Any) -> str | None:
    """A cell's text; None when it has no one text."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "s" or cell.data_type == "inlineStr":
        return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and value - value == 0.0):
        return f"{value:.15g}" if isinstance(value, float) and abs(value) < 1e15 else str(value)
    return None


def _escaped(text: str) -> str:
    """A text as workbooks hold it: a carriage return, and what looks like an escape, are escaped."""
    return _ESCAPED.sub(r"_x005F_x\1_", text).replace("\r", "_x000D_")
