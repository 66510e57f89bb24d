"""Decisions: DMN models read, compiled once and run. Values in, values out: no clock; I/O only in reading."""

from tallystick.decisions.cases import Cases, Failure, run_cases
from tallystick.decisions.model import SEMANTICS, Model, load
from tallystick.decisions.records import InputData, Matched, Result

__all__ = [
    "SEMANTICS",
    "Cases",
    "Failure",
    "InputData",
    "Matched",
    "Model",
    "Result",
    "load",
    "run_cases",
]
