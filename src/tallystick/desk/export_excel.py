"""A scorecard as an Excel workbook: its table, and a sheet where a row that is typed in is scored by formulas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils.exceptions import IllegalCharacterError
from openpyxl.worksheet.worksheet import Worksheet

from tallystick.core import InputError, Place
from tallystick.core.system import system_words
from tallystick.desk.export_plain import Input, Numbers, PlainCard
from tallystick.desk.words import WORDS
from tallystick.models import Scale

_BOLD = Font(bold=True)
_TYPED = PatternFill("solid", fgColor="FFF2CC")
_TEXT_MAX = 32_767
_HEAD = ("label", "bin", "points", "kind", "up to")


def to_excel(card: PlainCard, scale: Scale, path: Path) -> None:
    """Write the workbook of a model of one scorecard.

    Its sheets: "Score" (type a value beside each label; an empty cell is missing, flags are 0 and 1), "Scorecard" (bins
    and points; a change there changes the score), "Outcomes" (total → points, probability of bad, grade), "About".

    Raises
    ------
    InputError
        When the model has branches, a text does not fit into a cell, or the file cannot be written.
    """
    if len(card.ways) > 1:
        raise InputError(WORDS("export.branches", model=card.name, given=len(card.ways), allowed="dmn, sql"))
    book = Workbook()
    score = book.active
    table, outcomes, about = (book.create_sheet(title) for title in ("Scorecard", "Outcomes", "About"))
    try:
        spans = _table(table, card)
        _outcomes(outcomes, card)
        _score(score, card, spans)
        facts = [("model", card.name), ("version", card.version)]
        numbers = [(name, getattr(scale, name)) for name in Scale.__struct_fields__]
        _fill(about, [("about", "value"), *facts, *numbers])
        book.save(path)
    except IllegalCharacterError as error:
        raise InputError(WORDS("export.text", given=str(error)), Place(path.name)) from None
    except OSError as error:
        raise InputError(WORDS("export.write", given=system_words(error)), Place(path.name)) from None


def _table(sheet: Worksheet, card: PlainCard) -> dict[str, dict[str, tuple[int, int]]]:
    """Fill the sheet "Scorecard"; of each label the first and last row of every kind."""
    lines: list[tuple[Any, ...]] = [_HEAD, ("base", None, card.ways[0].base, None, None)]
    spans: dict[str, dict[str, tuple[int, int]]] = {}
    for given in card.ways[0].inputs:
        own = spans.setdefault(given.label, {})
        for line in _lines(given):
            lines.append((given.label, *line))
            first, _ = own.get(str(line[2]), (len(lines), 0))
            own[str(line[2])] = (first, len(lines))
    _fill(sheet, lines)
    return spans


def _lines(given: Input) -> list[tuple[Any, ...]]:
    """Bin, points, kind and upper edge of every row of a label."""
    missing = ("missing", given.missing, "missing", None)
    if isinstance(given.by, Numbers):
        specials = [(f"= {value!r}", points, "special", value) for value, points in given.by.specials]
        uppers = [*given.by.edges, None]
        values = zip(given.by.texts, given.by.points, uppers, strict=True)
        return [missing, *specials, *((text, points, "number", upper) for text, points, upper in values)]
    texts = [(name, points, "text", None) for names, points in given.by.groups for name in names]
    return [missing, *texts, ("other", given.by.other, "other", None)]


def _outcomes(sheet: Worksheet, card: PlainCard) -> None:
    head = ("total", "points", "probability of bad", "grade")
    rows = [(found.total, found.points, found.pd, found.rating or None) for found in card.ways[0].outcomes]
    _fill(sheet, [head, *rows])


def _fill(sheet: Worksheet, rows: list[tuple[Any, ...]]) -> None:
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            if value is None:
                continue
            if isinstance(value, str) and len(value) > _TEXT_MAX:
                place = Place(cell=f"sheet {sheet.title}, row {number}")
                raise InputError(WORDS("export.text", given=f"{value[:20]}…"), place)
            # A double is written in all its digits, and a text stays one where it begins like a formula.
            cell = sheet.cell(number, column, repr(value) if isinstance(value, float) else value)
            cell.data_type = "s" if isinstance(value, str) else "n"
            if number == 1:
                cell.font = _BOLD
    sheet.freeze_panes = "A2"
    sheet.column_dimensions["A"].width = sheet.column_dimensions["B"].width = 28


def _score(sheet: Worksheet, card: PlainCard, spans: dict[str, dict[str, tuple[int, int]]]) -> None:
    """Fill the sheet "Score": value and points of each label, then the total and what it stands for."""
    sheet.title = "Score"
    labels = list(spans)
    _fill(sheet, [("label", "value", "points"), *((label,) for label in labels)])
    for row, label in enumerate(labels, 2):
        sheet.cell(row, 2).fill = _TYPED
        sheet.cell(row, 3, _formula(f"B{row}", spans[label]))
    end, rows = len(labels) + 1, len(card.ways[0].outcomes) + 1
    total = end + 2
    found = f"MATCH(C{total},Outcomes!$A$2:$A${rows},0)"
    summed = f"+SUM(C2:C{end})" if labels else ""
    results = [("total", f"=Scorecard!$C$2{summed}")]
    results += [
        (name, f"=INDEX(Outcomes!${column}$2:${column}${rows},{found})")
        for name, column in (("points", "B"), ("probability of bad", "C"), ("grade", "D"))[: 3 if card.rated else 2]
    ]
    for row, (name, formula) in enumerate(results, total):
        sheet.cell(row, 1, name).font = _BOLD
        sheet.cell(row, 3, formula)


def _formula(cell: str, spans: dict[str, tuple[int, int]]) -> str:
    """The points of the value in a cell; #N/A where a number is asked for and a text was typed."""

    def span(column: str, kind: str, less: int = 0) -> str:
        first, last = spans[kind]
        return f"Scorecard!${column}${first}:${column}${last - less}"

    missing = f"Scorecard!$C${spans['missing'][0]}"
    if "number" not in spans:
        other = f"Scorecard!$C${spans['other'][0]}"
        if "text" not in spans:
            return f'=IF({cell}="",{missing},{other})'
        same = f"EXACT({cell},{span('B', 'text')})"
        return f'=IF({cell}="",{missing},IF(SUMPRODUCT({same}*1)=0,{other},SUMPRODUCT({same}*{span("C", "text")})))'
    first, last = spans["number"]
    above = f"SUMPRODUCT(({cell}>{span('E', 'number', 1)})*1)" if last > first else "0"
    value = f"INDEX({span('C', 'number')},1+{above})"
    if "special" in spans:
        value = f"IFERROR(INDEX({span('C', 'special')},MATCH({cell},{span('E', 'special')},0)),{value})"
    return f'=IF({cell}="",{missing},IF(ISNUMBER({cell}),{value},NA()))'
