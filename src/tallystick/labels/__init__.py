"""Labels: what is counted about a customer, card or terminal, defined once and the same everywhere.

One definition runs over history in columns (`Library.at`) and over live events (`Library.live`), and gives the same
bits. Amounts are exact integers. Labels never sum floats, never look ahead of a point, and never drop or add a row.
"""

from tallystick.labels.definition.define import (
    Entity,
    Events,
    Family,
    FieldSpec,
    Label,
    Note,
    date,
    decimal,
    flag,
    formula,
    instant,
    integer,
    money,
    real,
    text,
)
from tallystick.labels.definition.resolve import SEMANTICS, Definition
from tallystick.labels.library import Library
from tallystick.labels.live.live import Batch, Live, Observed, Vector

__all__ = [
    "SEMANTICS",
    "Batch",
    "Definition",
    "Entity",
    "Events",
    "Family",
    "FieldSpec",
    "Label",
    "Library",
    "Live",
    "Note",
    "Observed",
    "Vector",
    "date",
    "decimal",
    "flag",
    "formula",
    "instant",
    "integer",
    "money",
    "real",
    "text",
]
