"""Scorecards in spreadsheets: the workbook that the export writes, or a plain table of label, bin and points."""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import msgspec
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from tallystick.core import DefinitionError, Faults, InputError, Place, TallystickError
from tallystick.core.numeric import sigmoid
from tallystick.models.scorecard.files import read_bytes
from tallystick.models.scorecard.rules import (
    Case,
    Characteristic,
    Compare,
    Imported,
    Missing,
    OneOf,
    Several,
    Test,
    Uncovered,
    imported,
)
from tallystick.models.scorecard.table import Scale
from tallystick.models.scorecard.words import WORDS

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "label": ("label", "variable", "feature", "characteristic", "标签", "变量", "特征"),
    "bin": ("bin", "bins", "range", "value", "values", "attribute", "group", "分箱", "区间", "取值"),
    "points": ("points", "score", "partial score", "分值", "得分", "分数"),
    "kind": ("kind",),
}
_UNPACKED_MAX = 256 << 20
_CELLS_MAX = 2_000_000
_BASE = ("base", "base points", "intercept", "constant", "初始分", "基础分", "常数")
_MISSING = ("missing", "(missing)", "null", "nan", "n/a", "缺失", "缺失值", "空值")
_OTHER = ("other", "others", "else", "any value", "any", "all", "其他", "其它", "任意值")
_NUMBER = r"[-+−]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+−]?(?:inf(?:inity)?|∞)"
_COMPARED = re.compile(rf"(<=|≤|<|>=|≥|>|==|=)\s*({_NUMBER})", re.IGNORECASE)
_INTERVAL = re.compile(rf"([\[(])\s*({_NUMBER})\s*[,;]\s*({_NUMBER})\s*([\])])", re.IGNORECASE)
_BETWEEN = re.compile(rf"({_NUMBER})\s*(<=|≤|<)\s*\w+\s*(<=|≤|<)\s*({_NUMBER})", re.IGNORECASE)
_SINGLE = re.compile(_NUMBER, re.IGNORECASE)
_RANGE = re.compile(rf"({_NUMBER})\s*(?:-|–|~|to|至)\s*({_NUMBER})", re.IGNORECASE)
_LISTED = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^,;]+))\s*(?:[,;]|$)?""")
_OPS = {"≤": "<=", "≥": ">=", "==": "="}
_ALLOWED = "≤ 5, < 5, (5, 10], [5, 10), > 10, = 7, a text, a list of texts, missing, other"


class _Line(msgspec.Struct, frozen=True):
    """One row of a table: its label, bin and points as written, its kind or "", and where it stands."""

    label: str
    bin: str
    points: Any
    kind: str
    place: Place


def read_sheet(path: str | Path, *, scale: Scale | None = None, uncovered: Uncovered = "refuse") -> Imported:
    """Read a scorecard from a workbook (.xlsx) or a table (.csv).

    Parameters
    ----------
    path
        The file. Of a workbook the sheet "Scorecard" is read, else the first with headings for a label, a bin and
        points; a row of the label "base" holds the base points. Bins are intervals of numbers, texts, "missing" and
        "other"; a bin takes what no bin above it took.
    scale
        What the points stand for; None reads the scale of a workbook that the export wrote, or takes `Scale()`.
    uncovered
        What becomes of values that no bin holds: "refuse" the file, or give them the "lowest" points of their label.

    Returns
    -------
    Imported

    Raises
    ------
    InputError
        When the file cannot be read, or no sheet holds a scorecard.
    DefinitionErrors
        Everything that is not understood, with its cell.
    """
    file = Path(path)
    pages = _csv(file) if file.suffix.lower() == ".csv" else _workbook(file)
    for title, rows in sorted(pages.items(), key=lambda page: page[0] != "Scorecard"):
        lines = _table(file.name, title, rows)
        if lines is not None:
            break
    else:
        allowed = "; ".join(", ".join(names) for role, names in HEADINGS.items() if role != "kind")
        raise InputError(WORDS("sheet.none", allowed=allowed), Place(file.name))
    about = {str(row[0]): row[1] for row in pages.get("About", []) if len(row) > 1}
    found = _imported(str(about.get("model") or file.stem), lines, scale or _scale(about), uncovered)
    _same_outcomes(found, pages.get("Outcomes", []), Place(file.name, cell="sheet Outcomes"))
    return found


def _csv(file: Path) -> dict[str, list[list[Any]]]:
    try:
        text = read_bytes(file).decode("utf-8-sig")
        return {"": [list(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)]}
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(WORDS("import.read", given=error), Place(file.name)) from None


def _workbook(file: Path) -> dict[str, list[list[Any]]]:
    data = read_bytes(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with ZipFile(io.BytesIO(data)) as packed:
                size = sum(part.file_size for part in packed.infolist())
            if size > _UNPACKED_MAX:
                raise InputError(WORDS("import.large", given=size, allowed=_UNPACKED_MAX), Place(file.name))
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            return {sheet.title: _rows(sheet, file.name) for sheet in book.worksheets}
    except (BadZipFile, LookupError, ValueError, TypeError, AttributeError, SyntaxError, OSError, EOFError) as error:
        raise InputError(WORDS("import.read", given=type(error).__name__), Place(file.name)) from None


def _rows(sheet: Any, file: str) -> list[list[Any]]:
    """The cells of a sheet; one far out makes the cells before it."""
    rows, cells = [], 0
    for row in sheet.iter_rows(values_only=True):
        cells += len(row)
        if cells > _CELLS_MAX:
            raise InputError(WORDS("sheet.cells", allowed=_CELLS_MAX), Place(file, cell=f"sheet {sheet.title}"))
        rows.append(list(row))
    return rows


def _table(file: str, title: str, rows: Sequence[Sequence[Any]]) -> list[_Line] | None:
    """The lines below the first row that has all headings."""
    for number, row in enumerate(rows, 1):
        names = [str(cell).strip().lower() if cell is not None else "" for cell in row]
        at = {role: next((names.index(n) for n in allowed if n in names), -1) for role, allowed in HEADINGS.items()}
        if all(at[role] >= 0 for role in ("label", "bin", "points")):
            return _lines(file, title, rows[number:], number + 1, at)
    return None


def _lines(file: str, title: str, rows: Sequence[Sequence[Any]], first: int, at: Mapping[str, int]) -> list[_Line]:
    lines: list[_Line] = []
    label = ""
    for number, row in enumerate(rows, first):
        cells = {role: row[place] if 0 <= place < len(row) else None for role, place in at.items()}
        if all(cells[role] in (None, "") for role in ("label", "bin", "points")):
            continue
        # A merged or blank label cell goes on with the label above.
        label = str(cells["label"]).strip() if cells["label"] not in (None, "") else label
        sheet = f"sheet {title}, " if title else ""
        place = Place(file, cell=f"{sheet}cell {get_column_letter(at['bin'] + 1)}{number}")
        kind = str(cells["kind"] or "") if at["kind"] >= 0 else ""
        lines.append(_Line(label, _as_text(cells["bin"]), cells["points"], kind, place))
    return lines


def _as_text(cell: Any) -> str:
    if cell is None:
        return ""
    return repr(cell) if isinstance(cell, float) else str(cell)


def _imported(name: str, lines: Sequence[_Line], scale: Scale, uncovered: Uncovered) -> Imported:
    faults = Faults()
    bases: list[int] = []
    groups: dict[str, list[_Line]] = {}
    for line in lines:
        try:
            if line.label.lower() in _BASE and not line.bin.strip():
                if bases:
                    raise DefinitionError(WORDS("sheet.twice", label=line.label, given=line.bin), line.place)
                bases.append(_points(line))
            elif not line.label:
                raise DefinitionError(WORDS("sheet.label"), line.place)
            else:
                groups.setdefault(line.label, []).append(line)
        except TallystickError as error:
            faults.add(error)
    found = []
    for label, group in groups.items():
        try:
            found.append(_characteristic(label, group))
        except TallystickError as error:
            faults.add(error)
    faults.raise_any()
    return imported(name, found, sum(bases), scale, uncovered)


def _points(line: _Line) -> int:
    try:
        number = math.nan if "_" in str(line.points) else float(line.points)
    except (TypeError, ValueError):
        number = math.nan
    if not number.is_integer() or abs(number) > 1e9:
        raise DefinitionError(WORDS("import.points", name=line.label, given=line.points), line.place)
    return int(number)


def _characteristic(label: str, lines: Sequence[_Line]) -> Characteristic:
    text = _is_text(lines)
    cases: list[Case] = []
    for line in lines:
        test = _test(line, text)
        if any(case.test == test for case in cases):
            raise DefinitionError(WORDS("sheet.twice", label=label, given=line.bin), line.place)
        cases.append(Case(test, _points(line), line.place))
    # What stands for all others comes last wherever it was written.
    cases.sort(key=lambda case: case.test == Missing(False))
    return Characteristic(label, text, tuple(cases), lines[0].place)


def _is_text(lines: Sequence[_Line]) -> bool:
    kinds = {line.kind for line in lines if line.kind}
    if kinds:
        return "text" in kinds
    plain = [line for line in lines if _word(line.bin) not in (*_MISSING, *_OTHER)]
    numeric = [line for line in plain if _interval(line.bin) is not None or _SINGLE.fullmatch(line.bin.strip())]
    ranges = [line for line in plain if _RANGE.fullmatch(line.bin.strip())]
    if ranges and len(numeric) + len(ranges) == len(plain):
        words = WORDS("sheet.bin", label=ranges[0].label, given=ranges[0].bin, allowed=_ALLOWED)
        raise DefinitionError(words, ranges[0].place)
    if numeric and len(numeric) < len(plain) and any(_interval(line.bin) is not None for line in numeric):
        odd = next(line for line in plain if line not in numeric)
        raise DefinitionError(WORDS("sheet.mixed", label=odd.label, given=odd.bin), odd.place)
    return len(numeric) < len(plain)


def _word(text: str) -> str:
    return text.strip().lower()


def _test(line: _Line, text: bool) -> Test:
    if line.kind == "text":
        return Compare("=", line.bin)
    word = _word(line.bin)
    if line.kind == "missing" or (not line.kind and word in _MISSING):
        return Missing()
    if line.kind == "other" or word in _OTHER:
        return Missing(False)
    if text:
        return OneOf(tuple(_texts(line)))
    found = _interval(line.bin)
    if found is None and _SINGLE.fullmatch(line.bin.strip()):
        found = Compare("=", _number(line.bin))
    if found is None:
        raise DefinitionError(WORDS("sheet.bin", label=line.label, given=line.bin, allowed=_ALLOWED), line.place)
    return found


def _texts(line: _Line) -> Iterator[str]:
    """The texts of a bin: one, or a list with commas or semicolons; quotes keep a text whole; NumPy's form too."""
    body = line.bin.strip()
    if body.startswith("[") and body.endswith("]"):
        body = re.sub(r"(['\"])\s+(?=['\"])", r"\1,", body[1:-1])
    names = []
    for match in _LISTED.finditer(body):
        single, double, plain = match.groups()
        quoted = single.replace("''", "'") if single is not None else double and double.replace('""', '"')
        names.append(plain.strip() if plain is not None else quoted)
    if not names:
        raise DefinitionError(WORDS("sheet.bin", label=line.label, given=line.bin, allowed=_ALLOWED), line.place)
    yield from names


def _interval(text: str) -> Test | None:
    text = text.strip()
    if match := _COMPARED.fullmatch(text):
        return _bound(_OPS.get(match[1], match[1]), _number(match[2]))
    if match := _INTERVAL.fullmatch(text):
        low = _bound(">=" if match[1] == "[" else ">", _number(match[2]))
        return Several("and", (low, _bound("<=" if match[4] == "]" else "<", _number(match[3]))))
    if match := _BETWEEN.fullmatch(text):
        low = _bound({"<": ">"}.get(match[2], ">="), _number(match[1]))
        return Several("and", (low, _bound(_OPS.get(match[3], match[3]), _number(match[4]))))
    return None


def _bound(op: str, value: float) -> Test:
    """A comparison; one with an infinity holds for every value, as infinities lie in the outer bins."""
    return Missing(False) if math.isinf(value) else Compare(op, value)


def _number(text: str) -> float:
    plain = text.strip().replace("−", "-").replace("∞", "inf").lower()
    return float(plain)


def _scale(about: Mapping[str, Any]) -> Scale:
    try:
        return Scale(*(float(about[name]) for name in ("base_score", "base_odds", "pdo")))
    except (KeyError, TypeError, ValueError):
        return Scale()


def _same_outcomes(found: Imported, rows: Sequence[Sequence[Any]], place: Place) -> None:
    """Refuse a workbook whose probabilities are not those of its points alone."""
    scale = found.table.scale
    for row in rows[1:]:
        if len(row) > 2 and isinstance(row[0], int | float) and isinstance(row[2], int | float):
            said = sigmoid((scale.offset - float(row[0])) / scale.factor)
            if said != float(row[2]):
                raise DefinitionError(WORDS("sheet.calibrated", given=row[0], pd=row[2]), place)
