"""What a recipe is, and how it is held against the label library."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from tallystick.core import DefinitionError, Faults, Field, Place
from tallystick.models.binning import Monotone
from tallystick.models.calibration import Method
from tallystick.models.governance import Governance, Monitor
from tallystick.models.layers import BOOSTS, LAYERS, LayerOptions, PartOptions, Segments
from tallystick.models.portfolio import Terms
from tallystick.models.recipe.sections import Bins, Gates, PointScale, Rating, Rejects, Share, Split
from tallystick.models.recipe.words import WORDS
from tallystick.models.scorecard import CardOptions
from tallystick.models.serving import ReasonOptions
from tallystick.models.trees import TreeOptions

_TYPES = ("money", "decimal", "integer", "real", "flag", "text")


class Recipe(msgspec.Struct, frozen=True):
    """One model of models.toml.

    Attributes
    ----------
    target
        "stream.field" of the outcome (1 or true is bad); a training frame has a column of this name.
    points
        The stream whose events are the training points.
    labels
        What the model reads, in order.
    protected
        Columns and labels that never enter, by name or through what a label reads.
    layers, parts
        Kinds of first layers over all labels, or layers by name, each with its kind and its labels.
    calibration
        platt, isotonic or beta.
    folds, windows
        Of cross-validation and of the out-of-fold scores; `time` makes the latter expanding windows.
    group
        Column whose rows stay in one fold (a customer with many points); "" for none.
    sample_negatives
        Share of the rows of outcome 0 that train, drawn by the hash of their `id`; they weigh 1 / share.
    monotone
        Label → how risk goes as it rises; binds every layer.
    specials
        Label → values that are codes and no amounts.
    rejects
        Who was refused, and how they are inferred; None learns from those whose outcome is known alone.
    """

    name: str
    target: str
    points: str
    labels: tuple[str, ...]
    protected: tuple[str, ...] = ()
    layers: tuple[str, ...] = LAYERS
    parts: dict[str, PartOptions] = {}
    calibration: Method = "platt"
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 7
    folds: Annotated[int, msgspec.Meta(ge=2, le=20)] = 5
    windows: Literal["random", "time"] = "random"
    group: str = ""
    sample_negatives: Share = 1.0
    split: Split = Split()
    scale: PointScale = PointScale()
    reasons: ReasonOptions = ReasonOptions()
    monotone: dict[str, Monotone] = {}
    specials: dict[str, tuple[int | float | str, ...]] = {}
    bins: Bins = Bins()
    card: CardOptions = CardOptions()
    additive: TreeOptions = BOOSTS["additive"]
    trees: TreeOptions = BOOSTS["trees"]
    extra: TreeOptions = BOOSTS["extra"]
    segments: Segments | None = None
    rejects: Rejects | None = None
    rating: Rating | None = None
    terms: Terms | None = None
    gates: Gates = Gates()
    governance: Governance = Governance()
    monitor: Monitor = Monitor()
    place: Place = Place()

    @property
    def reads(self) -> tuple[str, ...]:
        """Every label that training and scoring ask for: its own, the one of its segments, the one of its terms."""
        by = self.segments.by if self.segments else ""
        base = self.terms.base if self.terms else ""
        return tuple(dict.fromkeys([*self.labels, *filter(None, (by, base))]))

    def options(self) -> LayerOptions:
        """The settings of the fit; `bins.monotone` holds for every label that `monotone` does not name."""
        return LayerOptions(
            layers=self.layers,
            parts=self.parts,
            calibration=self.calibration,
            folds=self.folds,
            windows=self.windows,
            seed=self.seed,
            bins=self.bins,
            shape=self.bins.monotone,
            card=self.card,
            scale=self.scale,
            boosts={"additive": self.additive, "trees": self.trees, "extra": self.extra},
            reasons=self.reasons,
            monotone=self.monotone,
            specials=self.specials,
            segments=self.segments,
            rating=self.rating.scale() if self.rating else None,
            terms=self.terms,
        )

    def check(self, labels: Mapping[str, str], lineage: Mapping[str, Collection[str]] | None = None) -> None:
        """Check the recipe against the label library.

        Parameters
        ----------
        labels
            Every label's type as text ("money(EUR)", "real", …).
        lineage
            For each label the source columns it reads, as "column" or "stream.column".

        Raises
        ------
        DefinitionErrors
            All unknown labels (with the nearest name), labels of a type that no model reads, and protected ones.
        """
        faults = Faults()
        for label in self.reads:
            if label not in labels:
                faults.add(self._fault("recipe.label", given=label, near=nearest(label, labels)))
            elif labels[label].split("(")[0] not in _TYPES:
                faults.add(self._fault("recipe.type", given=label, type=labels[label], allowed=", ".join(_TYPES)))
        for fault in self.protected_faults(lineage or {}):
            faults.add(fault)
        faults.raise_any()

    def check_fields(self, schemas: Mapping[str, Mapping[str, Field]]) -> None:
        """Check that what says who was refused is a flag of the points' stream.

        Parameters
        ----------
        schemas
            Stream → its fields.

        Raises
        ------
        DefinitionError
            For an unknown field, with the nearest flag, or one of another type.
        """
        if self.rejects is None:
            return
        given = self.rejects.field
        fields = {f"{self.points}.{name}": field for name, field in schemas.get(self.points, {}).items()}
        if given not in fields:
            flags = [name for name, field in fields.items() if field.type.kind == "flag" and name != self.target]
            raise self._fault("recipe.refused", given=given, near=nearest(given, flags) or "-")
        if fields[given].type.kind != "flag":
            raise self._fault("recipe.refused_type", given=given, type=str(fields[given].type))

    def protected_faults(self, lineage: Mapping[str, Collection[str]]) -> list[DefinitionError]:
        """One fault for each label that is protected, or reads a column that is."""
        faults = []
        for label in self.reads:
            if label in self.protected:
                faults.append(self._fault("recipe.protected", given=label))
            for column in sorted(lineage.get(label, ())):
                if column in self.protected or column.rsplit(".", 1)[-1] in self.protected:
                    faults.append(self._fault("recipe.lineage", given=label, column=column))
        return faults

    def _fault(self, code: str, **params: Any) -> DefinitionError:
        return DefinitionError(WORDS(code, model=self.name, **params), self.place)


def nearest(given: str, allowed: Iterable[str]) -> str:
    """The closest of `allowed` to `given`, or all of them when none is close."""
    names = sorted(allowed)
    close = difflib.get_close_matches(given, names, 1)
    return close[0] if close else ", ".join(names)
