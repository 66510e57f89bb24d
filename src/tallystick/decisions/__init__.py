"""Decisions: DMN models read, compiled once and run. Values in, values out: no clock; I/O in reading and writing."""

from tallystick.decisions.cases import Cases, Failure, run_cases
from tallystick.decisions.differ import Change, Effect, Outcome, diff, effects
from tallystick.decisions.exchange import export_tables, from_csv, from_excel, import_tables, to_csv, to_excel
from tallystick.decisions.model import SEMANTICS, Model, load
from tallystick.decisions.overview import Entry, graph_lines, overview, tables
from tallystick.decisions.records import InputData, Matched, Result
from tallystick.decisions.sheet import Column, Row, Sheet
from tallystick.decisions.write import save

__all__ = [
    "SEMANTICS",
    "Cases",
    "Change",
    "Column",
    "Effect",
    "Entry",
    "Failure",
    "InputData",
    "Matched",
    "Model",
    "Outcome",
    "Result",
    "Row",
    "Sheet",
    "diff",
    "effects",
    "export_tables",
    "from_csv",
    "from_excel",
    "graph_lines",
    "import_tables",
    "load",
    "overview",
    "run_cases",
    "save",
    "tables",
    "to_csv",
    "to_excel",
]
