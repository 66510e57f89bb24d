"""The tuner: a declared space, a fixed budget, and a figure from outside the search."""

from tallystick.models.search.space import Space
from tallystick.models.search.tune import Budget, Trial, Tuned, tune

__all__ = ["Budget", "Space", "Trial", "Tuned", "tune"]
