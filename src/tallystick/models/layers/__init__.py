"""First layers, stacked out of fold and calibrated: from labels to a served model."""

from tallystick.models.layers.estimator import LayeredClassifier
from tallystick.models.layers.fit import fit_layers
from tallystick.models.layers.folds import fold_of
from tallystick.models.layers.options import BOOSTS, KINDS, LAYERS, Kind, LayerOptions, PartOptions, Segments

__all__ = [
    "BOOSTS",
    "KINDS",
    "LAYERS",
    "Kind",
    "LayerOptions",
    "LayeredClassifier",
    "PartOptions",
    "Segments",
    "fit_layers",
    "fold_of",
]
