"""Training by recipe: sample, infer the refused, cross-validate, fit, test out of time, judge gates, write the card."""

from tallystick.models.training.records import Gate, LabelSummary, RejectReport, Trained, TrainReport
from tallystick.models.training.run import Progress, train

__all__ = ["Gate", "LabelSummary", "Progress", "RejectReport", "TrainReport", "Trained", "train"]
