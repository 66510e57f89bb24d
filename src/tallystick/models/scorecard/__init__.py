"""Scorecards: weights of evidence, a logistic regression within limits, and integer points."""

from tallystick.models.scorecard.estimator import Scorecard
from tallystick.models.scorecard.fit import CARD_BINS, CardOptions, fit_points
from tallystick.models.scorecard.pmml import read_pmml
from tallystick.models.scorecard.rules import Imported
from tallystick.models.scorecard.shapes import Shape
from tallystick.models.scorecard.sheet import read_sheet
from tallystick.models.scorecard.table import LeftOut, PointsTable, Scale

__all__ = [
    "CARD_BINS",
    "CardOptions",
    "Imported",
    "LeftOut",
    "PointsTable",
    "Scale",
    "Scorecard",
    "Shape",
    "fit_points",
    "read_pmml",
    "read_sheet",
]
