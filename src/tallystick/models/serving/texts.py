"""Where a value stands, in words that fit every language: its bin, its category, or its side of the typical value."""

from __future__ import annotations

from tallystick.models.binning import number_text
from tallystick.models.frames import Feature, Floats
from tallystick.models.serving.definition import Branch

MISSING = "missing"


class Texts:
    """The words for each label of a branch.

    Parameters
    ----------
    branch
        Its first scorecard that reads a label has the label's bins.
    features
        Of the model.
    """

    def __init__(self, branch: Branch, features: tuple[Feature, ...]) -> None:
        self._features = features
        self._typical = branch.typical or (None,) * len(features)
        self._bins: list[list[str]] = [[] for _ in features]
        for part in reversed(branch.parts):
            for label, variable in zip(part.reads, part.card.variables if part.card else (), strict=False):
                self._bins[label] = [variable.bin_text(i) for i in range(variable.size)]

    def of(self, label: int, index: int, row: Floats) -> str:
        """Where a label of an encoded row stands, whose bin on that scorecard is `index`, or below 0 without one."""
        if index >= 0:
            return self._bins[label][index]
        x, feature, typical = float(row[label]), self._features[label], self._typical[label]
        if x != x:
            return MISSING
        if feature.categories is not None:
            return feature.text_of(int(x), int(x))
        if typical is None or x == typical:
            return f"= {number_text(x)}"
        return f"{'>' if x > typical else '<'} {number_text(typical)}"
