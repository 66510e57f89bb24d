"""Desk: where the rooms meet. The spine (`decide.py`), the run (`pipeline.py`), the journal, replay and proofs.

It joins rooms and holds the one writer; it knows no HTTP and draws nothing.
"""

from tallystick.desk.catalogue import Entry, catalogue, entry_of, nearest, search
from tallystick.desk.consume import Consumed, consume, cursor_path, quarantine_path
from tallystick.desk.decide import Answer, decide, decide_all
from tallystick.desk.events import answer_document, read_event
from tallystick.desk.evidence import check_log, prove_decision, vkey_path
from tallystick.desk.house import Desk, Incoming
from tallystick.desk.labelcost import Cost, label_costs
from tallystick.desk.labeldiff import LabelDiff, diff_labels, library_of
from tallystick.desk.labeldrift import Drift, drift_of
from tallystick.desk.lineage import Lineage, branch_document, lineage_of, tree_lines
from tallystick.desk.pipeline import STEPS, Run, last_run, load_sources, run_steps, set_aside
from tallystick.desk.project import Project, load_project, read_settings
from tallystick.desk.replay import Replay, replay_decisions
from tallystick.desk.report import caught_at_budget, report_data, summarise, summary_document, summary_schema
from tallystick.desk.segments import build_segment, members_of, names_in, overlap, segments_of, write_members
from tallystick.desk.start import PAYMENTS, copy_example, init_project
from tallystick.desk.training import training_frame

__all__ = [
    "PAYMENTS",
    "STEPS",
    "Answer",
    "Consumed",
    "Cost",
    "Desk",
    "Drift",
    "Entry",
    "Incoming",
    "LabelDiff",
    "Lineage",
    "Project",
    "Replay",
    "Run",
    "answer_document",
    "branch_document",
    "build_segment",
    "catalogue",
    "caught_at_budget",
    "check_log",
    "consume",
    "copy_example",
    "cursor_path",
    "decide",
    "decide_all",
    "diff_labels",
    "drift_of",
    "entry_of",
    "init_project",
    "label_costs",
    "last_run",
    "library_of",
    "lineage_of",
    "load_project",
    "load_sources",
    "members_of",
    "names_in",
    "nearest",
    "overlap",
    "prove_decision",
    "quarantine_path",
    "read_event",
    "read_settings",
    "replay_decisions",
    "report_data",
    "run_steps",
    "search",
    "segments_of",
    "set_aside",
    "summarise",
    "summary_document",
    "summary_schema",
    "training_frame",
    "tree_lines",
    "vkey_path",
    "write_members",
]
