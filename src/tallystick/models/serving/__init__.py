"""The served model: one way for a row and for columns, with the same bits, exact reasons, and one file to keep it."""

from tallystick.models.serving.artifact import RESERVED, open_model
from tallystick.models.serving.definition import (
    KIND,
    SEMANTICS,
    Branch,
    Contribution,
    Definition,
    Part,
    Score,
    Stack,
)
from tallystick.models.serving.model import Model
from tallystick.models.serving.reasons import ReasonOptions, fit_reasons

__all__ = [
    "KIND",
    "RESERVED",
    "SEMANTICS",
    "Branch",
    "Contribution",
    "Definition",
    "Model",
    "Part",
    "ReasonOptions",
    "Score",
    "Stack",
    "fit_reasons",
    "open_model",
]
