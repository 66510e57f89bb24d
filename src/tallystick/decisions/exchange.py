"""Decision tables to Excel and CSV and back, without loss; what a sheet changes is changed in the model's XML."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tallystick.core import (
    DefinitionError,
    DefinitionErrors,
    Faults,
    InputError,
    Language,
    Message,
    Place,
    TallystickError,
    UsageError,
)
from tallystick.decisions.files import read_bytes
from tallystick.decisions.model import Model, load
from tallystick.decisions.sheet import Held, Placed, Sheet, cells_of, sheet_at, tables_of
from tallystick.decisions.splice import spliced, written
from tallystick.decisions.words import WORDS
from tallystick.decisions.workbook import (
    place_of,
    read_csv,
    read_workbook,
    titles_of,
    write_csv,
    write_whole,
    write_workbook,
)
from tallystick.feel import normal, parse, parse_tests

_CELL = re.compile(r"(?:^|, )(?:rule (\d+)(?:, (input|output) (\d+))?|(input) (\d+))$")
_Path = str | os.PathLike[str]


class _Read(msgspec.Struct, frozen=True):
    """A sheet that was read: its title ("" for CSV), and what stands where."""

    title: str
    placed: Placed

    def place(self, file: str, code: str, column: int = 2) -> Place:
        """The cell under a heading."""
        return place_of(file, self.title, self.placed.lines.get(code, 1), column)


def to_excel(model: Model, path: _Path, table: str = "", language: Language = "en") -> tuple[str, ...]:
    """Write decision tables as an Excel workbook, a sheet for each, every cell a text.

    Parameters
    ----------
    model
        The loaded model.
    path
        The .xlsx file; one that is there is replaced whole.
    table
        Only this table; "" for all. A table is named as its decision or knowledge model.
    language
        Of the headings: "en" or "zh".

    Returns
    -------
    tuple of str
        The names of the tables written.

    Raises
    ------
    InputError
        When there is no such table, a text is longer than a cell may be, or the file cannot be written.

    Examples
    --------
    >>> to_excel(load("limit.dmn"), "limit.xlsx")  # doctest: +SKIP
    ('Factor',)
    """
    chosen = _chosen(model, table)
    titles = titles_of([held.sheet.name for held in chosen])
    sheets = {title: cells_of(held.sheet, language) for title, held in zip(titles, chosen, strict=True)}
    heads = {title: len(sheets[title]) - len(held.sheet.rows) for title, held in zip(titles, chosen, strict=True)}
    write_workbook(Path(path), sheets, heads)
    return tuple(held.sheet.name for held in chosen)


def to_csv(model: Model, path: _Path, table: str = "", language: Language = "en") -> tuple[str, ...]:
    """Write one decision table as CSV (UTF-8), in the cells that its Excel sheet would have.

    Parameters and errors are those of `to_excel`; `table` may be left out only where the model has one table.
    """
    chosen = _chosen(model, table)
    if len(chosen) > 1:
        allowed = ", ".join(held.sheet.name for held in chosen)
        raise InputError(WORDS("sheet.several", given=len(chosen), allowed=allowed), Place(Path(path).name))
    write_csv(Path(path), cells_of(chosen[0].sheet, language))
    return (chosen[0].sheet.name,)


def from_excel(path: _Path, model: Model | None = None) -> Model:
    """Read decision tables from an Excel workbook.

    Parameters
    ----------
    path
        The .xlsx file, as `to_excel` lays it out; sheets that do not begin with a table's heading are left alone.
    model
        The model whose tables are replaced by those of the same name; all else in its XML stays as it is. Without it
        the tables alone become a model: what they need and no table gives is input data.

    Returns
    -------
    Model
        Loaded and checked. Its `sources` hold the changed files; nothing is written.

    Raises
    ------
    InputError
        When the file is no workbook, or holds no table.
    DefinitionErrors
        All faults, each with its sheet and cell.

    Examples
    --------
    >>> from_excel("limit.xlsx", load("limit.dmn")).version  # doctest: +SKIP
    '5b0d…'
    """
    faults = Faults()
    return _merged(Path(path), read_workbook(Path(path), faults), model, faults)


def from_csv(path: _Path, model: Model | None = None) -> Model:
    """Read one decision table from CSV, as `to_csv` lays it out; all else is as for `from_excel`."""
    return _merged(Path(path), {"": read_csv(Path(path))}, model, Faults())


def export_tables(model: Model, path: _Path, table: str = "", language: Language = "en") -> tuple[str, ...]:
    """Write tables as `to_excel` or `to_csv` does, by the ending of the path: .xlsx or .csv."""
    return (to_csv if _is_csv(Path(path)) else to_excel)(model, path, table, language)


def import_tables(path: _Path, model_path: _Path) -> tuple[Path, ...]:
    """Read tables from a .xlsx or .csv file into a DMN file; one that is not there is made of the tables alone.

    Parameters
    ----------
    path
        The spreadsheet.
    model_path
        The DMN file. Imported files whose tables changed are written too, where they lie beside it.

    Returns
    -------
    tuple of Path
        The files that changed; all are checked before the first is written.

    Raises
    ------
    InputError, DefinitionErrors
        As `from_excel`; also where an imported file that changed does not lie beside the model.
    """
    target = Path(model_path)
    model = load(target) if target.exists() else None
    changed = (from_csv if _is_csv(Path(path)) else from_excel)(path, model)
    if model is None:
        write_whole(target, changed.sources[0][1])
        return (target,)
    found = []
    for number, ((name, before), (_, after)) in enumerate(zip(model.sources, changed.sources, strict=True)):
        if before != after:
            place = target if number == 0 else target.with_name(name)
            if not place.is_file() or read_bytes(place) != before:
                raise InputError(WORDS("sheet.elsewhere", given=name), Place(Path(path).name))
            found.append((place, after))
    for place, after in found:
        write_whole(place, after)
    return tuple(place for place, _ in found)


def _is_csv(path: Path) -> bool:
    if path.suffix.lower() not in (".xlsx", ".csv"):
        raise UsageError(WORDS("sheet.suffix", given=path.name))
    return path.suffix.lower() == ".csv"


def _chosen(model: Model, table: str) -> list[Held]:
    tables = tables_of(model.sources)
    chosen = [held for held in tables if normal(table) in ("", normal(held.sheet.name))]
    if not chosen:
        allowed = ", ".join(held.sheet.name for held in tables) or "-"
        raise InputError(WORDS("sheet.none", given=table or "-", allowed=allowed))
    return chosen


def _merged(path: Path, pages: Mapping[str, list[list[str]]], model: Model | None, faults: Faults) -> Model:
    read: dict[str, _Read] = {}
    for title, cells in pages.items():

        def fault(words: Message, row: int, column: int, title: str = title) -> None:
            faults.add(InputError(words, place_of(path.name, title, row, column)))

        placed = sheet_at(cells, fault)
        if placed is None:
            continue
        name = normal(placed.sheet.name)
        if name in read:
            fault(WORDS("sheet.twice", given=name), placed.lines["table"], 2)
        read[name] = _Read(title, placed)
    if not read and not faults:
        raise InputError(WORDS("sheet.empty"), Place(path.name))
    sources: Sequence[tuple[str, bytes]]
    if model is None:
        for one in read.values():
            if one.placed.sheet.part:
                faults.add(InputError(WORDS("sheet.alone"), one.place(path.name, "kind")))
        faults.raise_any()
        sources = [(f"{path.stem}.dmn", written([one.placed.sheet for one in read.values()], path.stem))]
    else:
        sources = _spliced(path.name, model, read, faults)
    try:
        return _loaded(sources)
    except DefinitionErrors as errors:
        for error in errors.faults:
            faults.add(_at_cell(error, path.name, sources, read))
        faults.raise_any()
        raise


def _spliced(file: str, model: Model, read: Mapping[str, _Read], faults: Faults) -> list[tuple[str, bytes]]:
    tables = {normal(held.sheet.name): held for held in tables_of(model.sources)}
    changes: dict[int, list[tuple[Held, Sheet]]] = {}
    for name, one in read.items():
        held, sheet = tables.get(name), one.placed.sheet
        if held is None:
            allowed = ", ".join(held.sheet.name for held in tables.values()) or "-"
            faults.add(InputError(WORDS("sheet.none", given=name, allowed=allowed), one.place(file, "table")))
            continue
        for code, given, allowed in _fixed(sheet, held.sheet, one.placed):
            words = WORDS("sheet.fixed", given=given or "-", allowed=allowed or "-")
            faults.add(InputError(words, one.place(file, code)))
        kept = msgspec.structs.replace(
            sheet, name=held.sheet.name, part=held.sheet.part, type=held.sheet.type, needs=held.sheet.needs
        )
        changes.setdefault(held.file, []).append((held, kept))
    faults.raise_any()
    return [(name, spliced(data, changes.get(number, ()))) for number, (name, data) in enumerate(model.sources)]


def _fixed(given: Sheet, held: Sheet, placed: Placed) -> Iterator[tuple[str, str, str]]:
    """What a sheet says otherwise of what lies outside its table: the heading, what it says, what the model says."""
    if "type" in placed.lines and given.type != held.type:
        yield "type", given.type, held.type
    for code, place in (("needs", 0), ("need_types", 1)):
        said, had = ([need[place] for need in sheet.needs] for sheet in (given, held))
        if code in placed.lines and said != had:
            yield code, ", ".join(said), ", ".join(had)


def _loaded(sources: Sequence[tuple[str, bytes]]) -> Model:
    with TemporaryDirectory() as folder:
        paths = []
        for number, (name, data) in enumerate(sources):
            # Files of one name may come from several folders.
            paths.append(Path(folder) / str(number) / name)
            paths[-1].parent.mkdir()
            paths[-1].write_bytes(data)
        return load(paths)


def _at_cell(
    error: TallystickError, file: str, sources: Sequence[tuple[str, bytes]], read: Mapping[str, _Read]
) -> TallystickError:
    """A fault of the model with the cell that it comes from, where it comes from a sheet."""
    place = error.place or Place()
    held = [h for h in tables_of(sources) if sources[h.file][0] == place.file and h.line <= (place.line or 0)]
    names = [h.sheet.name for h in held]
    # Several tables may stand on one line: the decision tells them apart, the line those of one decision.
    name = next((n for n in names if f"{place.cell},".startswith(f"decision {n},")), names[-1] if names else "")
    one = read.get(normal(names[-1] if names and names[-1].startswith(f"{name} (") else name))
    if one is None:
        return error
    return DefinitionError(error.message, _cell(one, file, error.code, place.cell, error.message.params))


def _cell(one: _Read, file: str, code: str, where: str, params: Mapping[str, object]) -> Place:
    placed = one.placed
    columns = list(zip(placed.sheet.columns, placed.columns, strict=True))
    if code in ("decision.policy", "decision.priorities"):
        return one.place(file, "policy")
    if code == "decision.type":
        at = next((at for column, at in columns if normal(column.type) == params.get("given")), 0)
        return one.place(file, "column_type", at) if at else one.place(file, "type")
    for words, part in (("output values", "values"), ("default output", "default")):
        if where.endswith(words):
            texts = [
                (getattr(column, part), at)
                for column, at in columns
                if getattr(column, part) and column.kind == "output"
            ]
            faulty = [at for text, at in texts if _unreadable(text, part == "values")]
            return one.place(file, part, [*faulty, *(at for _, at in texts), 2][0])
    found = _CELL.search(where)
    rule, kind, number = (found[1], found[2] or found[4], found[3] or found[5]) if found else (None, None, None)
    own = [(column, at) for column, at in columns if column.kind == kind]
    column, at = own[int(number) - 1] if number and int(number) <= len(own) else (None, 2)
    if rule:
        return place_of(file, one.title, placed.rows[int(rule) - 1], at if column else 1)
    if column is None:
        return one.place(file, "table")
    return one.place(file, "values" if column.values and _unreadable(column.values, True) else "rule", at)


def _unreadable(text: str, tests: bool) -> bool:
    try:
        (parse_tests if tests else parse)(text, (), lenient=True)
    except DefinitionError:
        return True
    return False
