"""Desk: where the rooms meet. The spine (`decide.py`), the run (`pipeline.py`), the journal, replay and proofs.

It joins rooms and holds the one writer; it knows no HTTP and draws nothing.
"""

from tallystick.desk.catalogue import Entry, catalogue, entry_of, nearest, search
from tallystick.desk.consume import Consumed, consume, cursor_path, quarantine_path
from tallystick.desk.cosigning import Cosigned
from tallystick.desk.decide import Answer, decide, decide_all
from tallystick.desk.events import answer_document, read_event
from tallystick.desk.evidence import check_log, cosign_now, log_key, prove_decision, vkey_path
from tallystick.desk.export import card_model, export_model, import_scorecard
from tallystick.desk.forget import Forgetting, finish_forgetting, forget_subject, plan_forgetting
from tallystick.desk.holds import Hold, hold_subject, lift_holds, open_holds
from tallystick.desk.house import Desk, Incoming
from tallystick.desk.labelcost import Cost, label_costs
from tallystick.desk.labeldiff import LabelDiff, diff_labels, library_of
from tallystick.desk.labeldrift import Drift, drift_of
from tallystick.desk.ledgercheck import LedgerCheck, check_ledger, export_ledger
from tallystick.desk.lineage import Lineage, branch_document, lineage_of, tree_lines
from tallystick.desk.models_card import InventoryRow, ModelCard, inventory, inventory_csv, model_card, status_words
from tallystick.desk.models_compare import Compared, compare_models
from tallystick.desk.models_history import approve_model, promote_model, publish_now, retire_model, store_model
from tallystick.desk.models_monitor import ModelWatch, monitor_models
from tallystick.desk.openlog import check_log_settings, set_aside
from tallystick.desk.pipeline import STEPS, Run, last_run, load_sources, run_steps
from tallystick.desk.project import Project, load_project
from tallystick.desk.reconcile import Count, Reconciliation, differing, reconcile
from tallystick.desk.replay import Replay, replay_decisions
from tallystick.desk.report import caught_at_budget, report_data, summarise, summary_document, summary_schema
from tallystick.desk.rescore import Rescored, rescore
from tallystick.desk.retention import read_retention
from tallystick.desk.segments import build_segment, members_of, names_in, overlap, segments_of, write_members
from tallystick.desk.sequencer import system_clock
from tallystick.desk.settings import read_settings
from tallystick.desk.start import PAYMENTS, copy_example, init_project
from tallystick.desk.training import training_frame
from tallystick.desk.validation import Validated, validate_model

__all__ = [
    "PAYMENTS",
    "STEPS",
    "Answer",
    "Compared",
    "Consumed",
    "Cosigned",
    "Cost",
    "Count",
    "Desk",
    "Drift",
    "Entry",
    "Forgetting",
    "Hold",
    "Incoming",
    "InventoryRow",
    "LabelDiff",
    "LedgerCheck",
    "Lineage",
    "ModelCard",
    "ModelWatch",
    "Project",
    "Reconciliation",
    "Replay",
    "Rescored",
    "Run",
    "Validated",
    "answer_document",
    "approve_model",
    "branch_document",
    "build_segment",
    "card_model",
    "catalogue",
    "caught_at_budget",
    "check_ledger",
    "check_log",
    "check_log_settings",
    "compare_models",
    "consume",
    "copy_example",
    "cosign_now",
    "cursor_path",
    "decide",
    "decide_all",
    "diff_labels",
    "differing",
    "drift_of",
    "entry_of",
    "export_ledger",
    "export_model",
    "finish_forgetting",
    "forget_subject",
    "hold_subject",
    "import_scorecard",
    "init_project",
    "inventory",
    "inventory_csv",
    "label_costs",
    "last_run",
    "library_of",
    "lift_holds",
    "lineage_of",
    "load_project",
    "load_sources",
    "log_key",
    "members_of",
    "model_card",
    "monitor_models",
    "names_in",
    "nearest",
    "open_holds",
    "overlap",
    "plan_forgetting",
    "promote_model",
    "prove_decision",
    "publish_now",
    "quarantine_path",
    "read_event",
    "read_retention",
    "read_settings",
    "reconcile",
    "replay_decisions",
    "report_data",
    "rescore",
    "retire_model",
    "run_steps",
    "search",
    "segments_of",
    "set_aside",
    "status_words",
    "store_model",
    "summarise",
    "summary_document",
    "summary_schema",
    "system_clock",
    "training_frame",
    "tree_lines",
    "validate_model",
    "vkey_path",
    "write_members",
]
