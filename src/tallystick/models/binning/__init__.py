"""Optimal binning: of all ways to merge neighbouring pre-bins, the one with the greatest information value."""

from tallystick.models.binning.binner import OptimalBinner
from tallystick.models.binning.fit import BinOptions, evidence, fit_variables
from tallystick.models.binning.tables import Measures, bin_table, measures, summary
from tallystick.models.binning.variable import Monotone, Variable, bin_index, bin_matrix, number_text, woe_matrix

__all__ = [
    "BinOptions",
    "Measures",
    "Monotone",
    "OptimalBinner",
    "Variable",
    "bin_index",
    "bin_matrix",
    "bin_table",
    "evidence",
    "fit_variables",
    "measures",
    "number_text",
    "summary",
    "woe_matrix",
]
