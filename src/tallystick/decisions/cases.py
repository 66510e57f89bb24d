"""Cases beside a model: a CSV of inputs and what is expected of them."""

from __future__ import annotations

import csv
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import InputError, Place, TallystickError
from tallystick.core.system import system_words
from tallystick.decisions.model import Model
from tallystick.decisions.words import WORDS
from tallystick.feel import compile as compile_feel
from tallystick.feel import show


class Failure(msgspec.Struct, frozen=True):
    """A case that did not come out as expected: its line in the file, the decision, and both values as FEEL text."""

    line: int
    decision: str
    expected: str
    found: str


class Cases(msgspec.Struct, frozen=True):
    """How many expectations were checked, and which failed."""

    total: int
    failures: tuple[Failure, ...]


def run_cases(model: Model, path: str | os.PathLike[str], now: datetime | None = None) -> Cases:
    """Run the cases of a CSV file.

    Parameters
    ----------
    model
        The loaded model.
    path
        UTF-8 CSV: a column per input, and a column `=Decision` for each decision that is expected. Cells are FEEL
        literals: `12.5`, `"DE"`, `true`, `null`, `@"2026-03-01"`; an empty cell is null, and a text that is no FEEL
        expression is taken as it stands.

    Returns
    -------
    Cases
        The total and the failures, in order of the file.
    """
    file = Path(path)
    header, rows = read_rows(file)
    wanted = [column[1:] for column in header if column.startswith("=")]
    if not wanted:
        raise InputError(WORDS("cases.none"), Place(file.name, 1))
    inputs = {item.name for name in wanted if name in model.decisions for item in model.inputs(name)}
    for column in header:
        if column not in inputs and column.removeprefix("=") not in model.decisions:
            allowed = ", ".join([*sorted(inputs), *(f"={name}" for name in model.decisions)])
            raise InputError(WORDS("cases.columns", given=column, allowed=allowed), Place(file.name, 1))
    failures: list[Failure] = []
    for line, row in rows:
        values = {name: cell_value(row[name]) for name in header if name in inputs}
        for name in wanted:
            expected, found = show(cell_value(row[f"={name}"])), decided(model, name, values, now)
            if expected != found:
                failures.append(Failure(line, name, expected, found))
    return Cases(len(rows) * len(wanted), tuple(failures))


def read_rows(file: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header of a UTF-8 CSV file, and its rows by column with the line on which each ends."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            header = list(reader.fieldnames or ())
            return header, [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise InputError(WORDS("sheet.read", given=system_words(error)), Place(file.name)) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(WORDS("sheet.csv", given=error), Place(file.name)) from None


def cell_value(cell: str | None) -> Any:
    """A cell as a FEEL value: a literal, null where it is empty, else its text."""
    text = (cell or "").strip()
    if not text:
        return None
    try:
        return compile_feel(text, ())({})
    except TallystickError:
        return text


def decided(model: Model, name: str, values: dict[str, Any], now: datetime | None) -> str:
    """What a decision gives, as FEEL text; an input that is refused gives the words of the refusal."""
    try:
        return show(model.decide(name, values, now).value)
    except InputError as error:
        return str(error)
