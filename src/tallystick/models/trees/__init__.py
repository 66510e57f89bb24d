"""Trees: trained by LightGBM, scored by kernels of ours with the same bits, explained exactly, certified monotone."""

from tallystick.models.trees.boosting import TreeOptions, fit_forest, train_booster
from tallystick.models.trees.certificate import Certificate, Counterexample, certify
from tallystick.models.trees.estimator import BoostedTrees
from tallystick.models.trees.forest import Forest, join_forests
from tallystick.models.trees.lightgbm_text import parse_forest
from tallystick.models.trees.shap import Background, explain, fit_background

__all__ = [
    "Background",
    "BoostedTrees",
    "Certificate",
    "Counterexample",
    "Forest",
    "TreeOptions",
    "certify",
    "explain",
    "fit_background",
    "fit_forest",
    "join_forests",
    "parse_forest",
    "train_booster",
]
