"""Desk: where the rooms meet. The spine (`decide.py`), the run (`pipeline.py`), the journal, replay and proofs.

It joins rooms and holds the one writer; it knows no HTTP and draws nothing.
"""

from tallystick.desk.decide import Answer, decide, decide_all
from tallystick.desk.events import answer_document, read_event
from tallystick.desk.evidence import check_log, prove_decision, vkey_path
from tallystick.desk.house import Desk, Incoming
from tallystick.desk.pipeline import STEPS, Run, last_run, load_sources, run_steps, set_aside
from tallystick.desk.project import Project, load_project, read_settings
from tallystick.desk.replay import Replay, replay_decisions
from tallystick.desk.report import caught_at_budget, report_data, summarise, summary_document, summary_schema
from tallystick.desk.start import PAYMENTS, copy_example, init_project
from tallystick.desk.training import training_frame

__all__ = [
    "PAYMENTS",
    "STEPS",
    "Answer",
    "Desk",
    "Incoming",
    "Project",
    "Replay",
    "Run",
    "answer_document",
    "caught_at_budget",
    "check_log",
    "copy_example",
    "decide",
    "decide_all",
    "init_project",
    "last_run",
    "load_project",
    "load_sources",
    "prove_decision",
    "read_event",
    "read_settings",
    "replay_decisions",
    "report_data",
    "run_steps",
    "set_aside",
    "summarise",
    "summary_document",
    "summary_schema",
    "training_frame",
    "vkey_path",
]
