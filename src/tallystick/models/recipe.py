"""models.toml: what to learn, from which labels, and what may never enter."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from tallystick.core import DefinitionError, Faults, InputError, Instant, Place, Span, parse_instant
from tallystick.models.attribution import ReasonOptions
from tallystick.models.binning import BinOptions, Monotone
from tallystick.models.layers import LAYERS, LayerOptions
from tallystick.models.scorecard import Scale
from tallystick.models.trees import TreeOptions
from tallystick.models.words import WORDS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPES = ("money", "decimal", "integer", "real", "flag", "text")
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Split(msgspec.Struct, frozen=True):
    """`time`: points before `cut` train, the others test out of time. `cohort`: one cohort and no such test.

    `maturity` is a span: a point has a ripe outcome only when it lies at least so far behind what is known.
    """

    kind: Literal["time", "cohort"] = "cohort"
    cut: str = ""
    maturity: str = "0s"
    cut_at: Instant | None = None

    def __post_init__(self) -> None:
        """Refuse a split by time that names no instant."""
        if self.kind == "time" and self.cut_at is None:
            raise InputError(WORDS("split.cut", given=self.cut))


class Gates(msgspec.Struct, frozen=True):
    """What a model must reach, out of time where there is such a sample, else in cross-validation."""

    auc_min: _Share | None = None
    ks_min: _Share | None = None
    calibration_slope: tuple[float, float] | None = None


class _Bins(BinOptions, frozen=True):
    max_bins: Annotated[int, msgspec.Meta(ge=1, le=32)] = 8
    min_share: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.05
    min_events: Annotated[int, msgspec.Meta(ge=1)] = 5
    max_prebins: Annotated[int, msgspec.Meta(ge=2, le=256)] = 64
    monotone: Monotone = "none"


class _Scale(Scale, frozen=True):
    base_score: float = 600.0
    base_odds: Annotated[float, msgspec.Meta(gt=0)] = 50.0
    pdo: Annotated[float, msgspec.Meta(gt=0)] = 20.0


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
    group
        Column whose rows stay in one fold (a customer with many points); "" for none.
    sample_negatives
        Share of the rows of outcome 0 that train, drawn by the hash of their `id`; they weigh 1 / share.
    """

    name: str
    target: str
    points: str
    labels: tuple[str, ...]
    protected: tuple[str, ...] = ()
    layers: tuple[str, ...] = LAYERS
    calibration: Literal["platt", "isotonic"] = "platt"
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 7
    folds: Annotated[int, msgspec.Meta(ge=2, le=20)] = 5
    group: str = ""
    sample_negatives: _Share = 1.0
    ridge: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    split: Split = Split()
    scale: _Scale = _Scale()
    reasons: ReasonOptions = ReasonOptions()
    monotone: dict[str, Monotone] = {}
    trees: TreeOptions = TreeOptions()
    bins: _Bins = _Bins()
    gates: Gates = Gates()
    place: Place = Place()

    def options(self) -> LayerOptions:
        """The settings of the fit; `bins.monotone` holds for every label that `monotone` does not name."""
        ways: dict[str, Monotone] = {label: self.monotone.get(label, self.bins.monotone) for label in self.labels}
        return LayerOptions(
            self.layers,
            self.calibration,
            self.folds,
            self.seed,
            self.bins,
            self.trees,
            self.scale,
            self.reasons,
            ways,
            self.ridge,
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
        for label in self.labels:
            if label not in labels:
                faults.add(self._fault("recipe.label", given=label, near=nearest(label, labels)))
            elif labels[label].split("(")[0] not in _TYPES:
                faults.add(self._fault("recipe.type", given=label, type=labels[label], allowed=", ".join(_TYPES)))
        for fault in self.protected_faults(lineage or {}):
            faults.add(fault)
        faults.raise_any()

    def protected_faults(self, lineage: Mapping[str, Collection[str]]) -> list[DefinitionError]:
        """One fault for each label that is protected, or reads a column that is."""
        faults = []
        for label in self.labels:
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


_SECTIONS: Mapping[str, type[msgspec.Struct]] = {
    "split": Split,
    "scale": _Scale,
    "reasons": ReasonOptions,
    "trees": TreeOptions,
    "bins": _Bins,
    "gates": Gates,
}
_OWN = ("name", "place", "cut_at")


def read_models(path: str | Path, zone: str = "UTC") -> dict[str, Recipe]:
    """Read models.toml: one table for each model.

    Parameters
    ----------
    path
        The file.
    zone
        Time zone of `cut` where it has no offset.

    Returns
    -------
    dict
        Name → recipe, in the order of the file.

    Raises
    ------
    DefinitionErrors
        Every fault of the file together, each with its line.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DefinitionError(WORDS("recipe.file", reason=str(error)), Place(str(file))) from None
    faults = Faults()
    recipes: dict[str, Recipe] = {}
    for name, table in tables.items():
        reader = _Reader(str(file), text.splitlines(), name, zone)
        recipe = reader.read(table)
        for fault in reader.faults:
            faults.add(fault)
        if recipe is not None:
            recipes[name] = recipe
    if not tables:
        faults.add(DefinitionError(WORDS("recipe.none"), Place(str(file))))
    faults.raise_any()
    return recipes


class _Reader:
    """Reads one model's table and keeps every fault with its line."""

    def __init__(self, file: str, lines: list[str], model: str, zone: str) -> None:
        self.file = file
        self.lines = lines
        self.model = model
        self.zone = zone
        self.faults: list[DefinitionError] = []

    def read(self, table: Any) -> Recipe | None:
        if not isinstance(table, Mapping) or not _NAME.fullmatch(self.model):
            self.fault("recipe.table", "", "")
            return None
        values: dict[str, Any] = {"name": self.model, "place": self.place("", "")}
        for key, given in table.items():
            if key in _SECTIONS:
                values[key] = self.section(key, given)
        plain = {key: given for key, given in table.items() if key not in _SECTIONS}
        values |= self.fields(Recipe, plain, "", (*_OWN, *_SECTIONS))
        for needed in ("target", "points", "labels"):
            if needed not in table:
                self.fault("recipe.needed", "", "", key=needed)
        self.meaning(values)
        return None if self.faults else Recipe(**values)

    def section(self, section: str, given: Any) -> Any:
        if not isinstance(given, Mapping):
            self.fault("recipe.section", "", section, key=section)
            return None
        fields = self.fields(_SECTIONS[section], given, section, _OWN)
        if section == "split":
            fields["cut_at"] = self.cut(fields)
            self.maturity(fields)
        return None if self.faults else _SECTIONS[section](**fields)

    def fields(
        self, kind: type[msgspec.Struct], given: Mapping[str, Any], section: str, own: Collection[str]
    ) -> dict[str, Any]:
        """Each key converted to its field's type; unknown keys and wrong values become faults."""
        known = {field.name: field.type for field in msgspec.structs.fields(kind) if field.name not in own}
        values: dict[str, Any] = {}
        for key, value in given.items():
            if key not in known:
                allowed = [*known, *_SECTIONS] if not section else known
                self.fault("recipe.key", section, key, key=key, near=nearest(key, allowed))
                continue
            try:
                values[key] = msgspec.convert(value, known[key])
            except msgspec.ValidationError as error:
                self.fault("recipe.value", section, key, key=key, given=repr(value), reason=str(error))
        return values

    def cut(self, fields: Mapping[str, Any]) -> Instant | None:
        if fields.get("kind", "cohort") == "cohort":
            if "cut" in fields:
                self.fault("recipe.cut", "split", "cut", given=fields["cut"])
            return None
        try:
            return parse_instant(fields.get("cut", ""), self.zone)
        except InputError as error:
            self.fault(
                "recipe.value", "split", "cut", key="cut", given=repr(fields.get("cut", "")), reason=error.text()
            )
            return None

    def maturity(self, fields: Mapping[str, Any]) -> None:
        try:
            Span.parse(fields.get("maturity", "0s"))
        except InputError as error:
            self.fault(
                "recipe.value", "split", "maturity", key="maturity", given=repr(fields["maturity"]), reason=error.text()
            )

    def meaning(self, values: Mapping[str, Any]) -> None:
        """What types cannot say: known layers, no label twice, directions only for labels of the model."""
        labels = values.get("labels", ())
        for label in sorted({label for label in labels if labels.count(label) > 1}):
            self.fault("recipe.twice", "", "labels", given=label)
        if "labels" in values and not labels:
            self.fault("recipe.needed", "", "labels", key="labels")
        for layer in values.get("layers", LAYERS):
            if layer not in LAYERS:
                self.fault("recipe.layer", "", "layers", given=layer, allowed=", ".join(LAYERS))
        if values.get("layers") == ():
            self.fault("recipe.needed", "", "layers", key="layers")
        for label in values.get("monotone", {}):
            if "labels" in values and label not in labels:
                self.fault("recipe.monotone", "monotone", label, given=label, near=nearest(label, labels))
        if "target" in values and not re.fullmatch(r"\w+\.\w+", values["target"]):
            self.fault("recipe.target", "", "target", given=values["target"])

    def fault(self, code: str, section: str, at: str, /, **params: Any) -> None:
        self.faults.append(DefinitionError(WORDS(code, model=self.model, **params), self.place(section, at)))

    def place(self, section: str, key: str) -> Place:
        """The line of a key, else of its table's header, else the file."""
        header = f"[{self.model}.{section}]" if section else f"[{self.model}]"
        here = header_line = None
        for number, line in enumerate(self.lines, 1):
            stripped = line.strip()
            if not section and stripped.split("#")[0].strip() == f"[{self.model}.{key}]":
                return Place(self.file, line=number)
            if stripped.startswith("["):
                here = stripped.split("#")[0].strip() == header
                header_line = number if here else header_line
            elif here and key and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*=", stripped):
                return Place(self.file, line=number)
        return Place(self.file, line=header_line)
