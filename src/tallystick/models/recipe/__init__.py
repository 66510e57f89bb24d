"""models.toml: what to learn, from which labels, and what may never enter."""

from tallystick.models.recipe.model import Recipe, nearest
from tallystick.models.recipe.reader import read_models
from tallystick.models.recipe.sections import Bins, Gates, PointScale, Rating, Rejects, Split

__all__ = ["Bins", "Gates", "PointScale", "Rating", "Recipe", "Rejects", "Split", "nearest", "read_models"]
