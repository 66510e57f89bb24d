"""Validation: what a model is worth, whether it is stable and fair, and whether its data leak the outcome.

Here models are measured, never trained for use: what is fitted here (probes, alternatives) is thrown away.
"""

from tallystick.models.validation.alternatives import Alternative, Alternatives, search_alternatives
from tallystick.models.validation.compare import DeLong, Interval, auc_interval, bootstrap, delong
from tallystick.models.validation.fairness import Group, Proxy, Slice, fair_slices, find_proxies
from tallystick.models.validation.leakage import Leak, find_leaks
from tallystick.models.validation.metrics import (
    BrierParts,
    CalibrationBin,
    Concentration,
    Evaluation,
    Fit,
    Gain,
    Histogram,
    auc,
    brier,
    brier_parts,
    calibration_line,
    calibration_table,
    concentration,
    evaluate,
    gains,
    histogram,
    hosmer_lemeshow,
    information_value,
    ks,
    log_loss,
    pr_auc,
    psi,
)
from tallystick.models.validation.overrides import OverrideGroup, Overrides, override_analysis
from tallystick.models.validation.records import Benchmark, Check, Limits, Report, SampleFigures, SliceFigures
from tallystick.models.validation.report import validate
from tallystick.models.validation.stability import Drift, Shift, Slope, drift_by_month, slopes
from tallystick.models.validation.words import WORDS

__all__ = [
    "WORDS",
    "Alternative",
    "Alternatives",
    "Benchmark",
    "BrierParts",
    "CalibrationBin",
    "Check",
    "Concentration",
    "DeLong",
    "Drift",
    "Evaluation",
    "Fit",
    "Gain",
    "Group",
    "Histogram",
    "Interval",
    "Leak",
    "Limits",
    "OverrideGroup",
    "Overrides",
    "Proxy",
    "Report",
    "SampleFigures",
    "Shift",
    "Slice",
    "SliceFigures",
    "Slope",
    "auc",
    "auc_interval",
    "bootstrap",
    "brier",
    "brier_parts",
    "calibration_line",
    "calibration_table",
    "concentration",
    "delong",
    "drift_by_month",
    "evaluate",
    "fair_slices",
    "find_leaks",
    "find_proxies",
    "gains",
    "histogram",
    "hosmer_lemeshow",
    "information_value",
    "ks",
    "log_loss",
    "override_analysis",
    "pr_auc",
    "psi",
    "search_alternatives",
    "slopes",
    "validate",
]
