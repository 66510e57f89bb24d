"""Scorecards out to DMN, SQL, Excel and PMML, where they score the same, and in from PMML and spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tallystick.core import InputError, Message, Place, UsageError
from tallystick.core.system import system_words
from tallystick.desk.export_dmn import to_dmn
from tallystick.desk.export_excel import to_excel
from tallystick.desk.export_plain import PlainCard, Texts, plain_card
from tallystick.desk.export_pmml import to_pmml
from tallystick.desk.export_sql import to_sql
from tallystick.desk.words import WORDS
from tallystick.models import Calibration, Model, PointsTable, Scale
from tallystick.models.scorecard import Imported, read_pmml, read_sheet
from tallystick.models.scorecard.rules import Uncovered
from tallystick.models.serving import Branch, Definition, Part, Stack

FORMS = ("dmn", "sql", "excel", "pmml")
_NO_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]|\\r")
_NAME = re.compile(r"[^\W\d]\w*")
_READERS = {".pmml": read_pmml, ".xml": read_pmml, ".xlsx": read_sheet, ".csv": read_sheet}


def export_model(model: Model, to: str, path: str | Path, *, table: str = "applications") -> None:
    """Write a model of scorecards for another system.

    Parameters
    ----------
    model
        One scorecard for each branch; rating and calibration go along.
    to
        `dmn`, `sql` (one SELECT), `excel` (a workbook that scores), or `pmml` (the points alone).
    path
        The file; one that is there is replaced.
    table
        The table or view that the SELECT reads.

    Raises
    ------
    UsageError
        When `to` is none of these.
    InputError
        When the model holds what the form cannot, or the file cannot be written.

    Examples
    --------
    >>> export_model(model, "sql", "score.sql", table="applications")  # doctest: +SKIP
    """
    if to not in FORMS:
        raise UsageError(WORDS("export.form", given=to, allowed=", ".join(FORMS)))
    card, target, scale = plain_card(model), Path(path), model.definition.scale
    for text in _texts_of(card) if to in ("dmn", "pmml") else ():
        if _NO_XML.search(text):
            raise InputError(WORDS("export.text", given=text))
    if to == "excel":
        to_excel(card, scale, target)
        return
    content = to_sql(card, table).encode() if to == "sql" else to_dmn(card) if to == "dmn" else to_pmml(card, scale)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise InputError(WORDS("export.write", given=system_words(error)), Place(target.name)) from None


def _texts_of(card: PlainCard) -> Iterator[str]:
    """Every name and text of a model."""
    yield from (card.name, card.route, *card.labels())
    for way in card.ways:
        yield way.route
        for given in way.inputs:
            if isinstance(given.by, Texts):
                yield from (name for names, _ in given.by.groups for name in names)


def import_scorecard(
    path: str | Path, name: str = "", *, scale: Scale | None = None, uncovered: Uncovered = "refuse"
) -> tuple[Model, tuple[Message, ...]]:
    """Read a scorecard from PMML (.pmml, .xml), a workbook (.xlsx) or a table (.csv), as a model that serves.

    Parameters
    ----------
    path
        The file.
    name
        Of the model: letters, digits and _; "" takes the file's, with _ for what is neither.
    scale
        What the points stand for, where the file does not say it.
    uncovered
        What becomes of values that no bin holds: "refuse" the file, or the "lowest" points of their label.

    Returns
    -------
    tuple
        The model, and what had to be added for every row to have a score.

    Raises
    ------
    UsageError
        For a file of another kind.
    InputError, DefinitionErrors
        When the file cannot be read, or says what whole points cannot hold; with line or cell.
    """
    reader = _READERS.get(Path(path).suffix.lower())
    if reader is None:
        raise UsageError(WORDS("export.suffix", given=Path(path).name, allowed=", ".join(_READERS)))
    if name and not _NAME.fullmatch(name):
        raise UsageError(WORDS("export.name", given=name))
    found = reader(path, scale=scale, uncovered=uncovered)
    own = name or re.sub(r"\W+", "_", f"m{found.name}" if found.name[:1].isdigit() else found.name).strip("_")
    return model_of(found, own or "scorecard", Path(path).name), found.notes


def model_of(found: Imported, name: str, file: str) -> Model:
    """The model whose final points are those of an imported scorecard."""
    card = {
        "imported": {"file": file, "codes": found.codes, "notes": [note.text() for note in found.notes]},
    }
    return card_model(name, found.table, found.baseline, card)


def card_model(
    name: str, table: PointsTable, baseline: tuple[float, ...] = (), card: Mapping[str, object] | None = None
) -> Model:
    """A model of one scorecard and nothing after it: its points and their probability are final.

    `baseline` holds for each variable the points from which losses are counted; () counts from its most points.
    """
    features = tuple(variable.feature for variable in table.variables)
    part = Part("scorecard", "scorecard", tuple(range(len(features))), table)
    counted = baseline or tuple(float(max(points)) for points in table.points)
    brought = tuple(-points / table.scale.factor for points in counted)
    branch = Branch((part,), Stack(0.0, {"scorecard": 1.0}), Calibration("platt"), brought)
    return Model(Definition(name, features, table.scale, {"": branch}), card=card or {})
