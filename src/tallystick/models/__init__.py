"""Models: labels in, a probability, points and reasons out.

Optimal bins, scorecards, boosted trees and layers of them are trained here, measured, stored and served; a row and a
column get the same bits. This room reads no source and no event, takes no decision, and never unpickles.
"""

from tallystick.models.artifact import load
from tallystick.models.attribution import ReasonOptions
from tallystick.models.binning import BinOptions, OptimalBinner, Variable
from tallystick.models.calibration import Calibration
from tallystick.models.layers import LayeredClassifier, LayerOptions, fold_of
from tallystick.models.metrics import (
    CalibrationBin,
    Evaluation,
    Histogram,
    auc,
    brier,
    calibration_line,
    calibration_table,
    evaluate,
    histogram,
    ks,
    psi,
)
from tallystick.models.model import Contribution, Model, Score
from tallystick.models.recipe import Gates, Recipe, Split, read_models
from tallystick.models.registry import Entry, Registry, save
from tallystick.models.scorecard import PointsTable, Scale, Scorecard
from tallystick.models.training import Gate, LabelSummary, Progress, Trained, TrainReport, train
from tallystick.models.trees import BoostedTrees, Forest, TreeOptions

__all__ = [
    "BinOptions",
    "BoostedTrees",
    "Calibration",
    "CalibrationBin",
    "Contribution",
    "Entry",
    "Evaluation",
    "Forest",
    "Gate",
    "Gates",
    "Histogram",
    "LabelSummary",
    "LayerOptions",
    "LayeredClassifier",
    "Model",
    "OptimalBinner",
    "PointsTable",
    "Progress",
    "ReasonOptions",
    "Recipe",
    "Registry",
    "Scale",
    "Score",
    "Scorecard",
    "Split",
    "TrainReport",
    "Trained",
    "TreeOptions",
    "Variable",
    "auc",
    "brier",
    "calibration_line",
    "calibration_table",
    "evaluate",
    "fold_of",
    "histogram",
    "ks",
    "load",
    "psi",
    "read_models",
    "save",
    "train",
]
