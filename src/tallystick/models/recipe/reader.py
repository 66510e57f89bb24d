"""models.toml: every fault is told with its line, all of them together."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from tallystick.core import DefinitionError, Faults, InputError, Instant, Place, Span, parse_instant
from tallystick.models.layers import BOOSTS, KINDS, LAYERS, PartOptions
from tallystick.models.recipe.model import Recipe, nearest
from tallystick.models.recipe.sections import SECTIONS
from tallystick.models.recipe.words import WORDS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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
            if key in SECTIONS:
                values[key] = self.section(key, given)
        if "parts" in table:
            values["parts"] = self.parts(table["parts"])
        plain = {key: given for key, given in table.items() if key not in SECTIONS and key != "parts"}
        values |= self.fields(Recipe, plain, "", (*_OWN, *SECTIONS, "parts"))
        for needed in ("target", "points", "labels"):
            if needed not in table:
                self.fault("recipe.needed", "", "", key=needed)
        self.meaning(values, table)
        return None if self.faults else Recipe(**values)

    def section(self, section: str, given: Any) -> Any:
        if not isinstance(given, Mapping):
            self.fault("recipe.section", "", section, key=section)
            return None
        before = len(self.faults)
        fields = self.fields(SECTIONS[section], given, section, _OWN)
        for field in msgspec.structs.fields(SECTIONS[section]):
            if field.required and field.name not in given:
                self.fault("recipe.needed", "", section, key=f"{section}.{field.name}")
        if section == "split":
            fields["cut_at"] = self.cut(fields)
            self.span(section, "maturity", fields.get("maturity", "0s"))
        if section == "governance" and fields.get("expires"):
            self.span(section, "expires", fields["expires"])
        if len(self.faults) > before:
            return None
        if section in BOOSTS:
            return msgspec.structs.replace(BOOSTS[section], **fields)
        return self.made(section, fields)

    def made(self, section: str, fields: Mapping[str, Any]) -> Any:
        """The section's record; what its own checks refuse is a fault of the section."""
        try:
            made = SECTIONS[section](**fields)
            if section == "rating":
                made.scale()  # type: ignore[attr-defined]
            if section == "card":
                made.check()  # type: ignore[attr-defined]
        except InputError as error:
            self.fault("recipe.value", "", section, key=section, given=repr(dict(fields)), reason=error.text())
            return None
        return made

    def parts(self, given: Any) -> dict[str, PartOptions]:
        """First layers by name: [model.parts.NAME]."""
        if not isinstance(given, Mapping) or not all(isinstance(part, Mapping) for part in given.values()):
            self.fault("recipe.section", "", "parts", key="parts")
            return {}
        found = {}
        for name, part in given.items():
            section = f"parts.{name}"
            if not _NAME.fullmatch(name):
                self.fault("recipe.key", section, "", key=section, near="parts.bureau")
                continue
            fields = self.fields(PartOptions, part, section, ())
            if "kind" not in part:
                self.fault("recipe.needed", "", section, key=f"{section}.kind")
            elif "kind" in fields:
                found[name] = PartOptions(**fields)
        return found

    def fields(
        self, kind: type[msgspec.Struct], given: Mapping[str, Any], section: str, own: Collection[str]
    ) -> dict[str, Any]:
        """Each key converted to its field's type; unknown keys and wrong values become faults."""
        known = {field.name: field.type for field in msgspec.structs.fields(kind) if field.name not in own}
        values: dict[str, Any] = {}
        for key, value in given.items():
            if key not in known:
                allowed = [*known, *SECTIONS, "parts"] if not section else known
                self.fault("recipe.key", section, key, key=key, near=nearest(key, allowed))
                continue
            try:
                values[key] = msgspec.convert(value, known[key])
            except msgspec.ValidationError as error:
                choices = _choices(known[key])
                if choices and str(error).startswith("Invalid enum value"):
                    self.fault("recipe.choice", section, key, key=key, given=repr(value), allowed=", ".join(choices))
                else:
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
            given = repr(fields.get("cut", ""))
            self.fault("recipe.value", "split", "cut", key="cut", given=given, reason=error.text())
            return None

    def span(self, section: str, key: str, given: str) -> None:
        try:
            Span.parse(given)
        except InputError as error:
            self.fault("recipe.value", section, key, key=key, given=repr(given), reason=error.text())

    def meaning(self, values: Mapping[str, Any], table: Mapping[str, Any]) -> None:
        """What types cannot say: known layers, no label twice, directions and codes only for labels of the model."""
        labels = values.get("labels", ())
        for label in sorted({label for label in labels if labels.count(label) > 1}):
            self.fault("recipe.twice", "", "labels", given=label)
        if "labels" in values and not labels:
            self.fault("recipe.needed", "", "labels", key="labels")
        for layer in values.get("layers", LAYERS):
            if layer not in KINDS:
                self.fault("recipe.layer", "", "layers", given=layer, allowed=", ".join(KINDS))
        if values.get("layers") == ():
            self.fault("recipe.needed", "", "layers", key="layers")
        if "layers" in table and "parts" in table:
            self.fault("recipe.both", "", "layers")
        if "labels" in values:
            self.named(labels, values)
        if "target" in values and not re.fullmatch(r"\w+\.\w+", values["target"]):
            self.fault("recipe.target", "", "target", given=values["target"])
        self.refused(values)
        self.order(values, table)
        self.grades(values)

    def named(self, labels: Collection[str], values: Mapping[str, Any]) -> None:
        """Labels that sections name must be the model's."""
        for section, code in (("monotone", "recipe.monotone"), ("specials", "recipe.special")):
            for label in values.get(section, {}):
                if label not in labels:
                    self.fault(code, section, label, given=label, near=nearest(label, labels))
        for name, part in values.get("parts", {}).items():
            for label in part.labels:
                if label not in labels:
                    near = nearest(label, labels)
                    self.fault("recipe.part", f"parts.{name}", "labels", part=name, given=label, near=near)

    def refused(self, values: Mapping[str, Any]) -> None:
        """Who was refused is told by a field of the points' own stream, and not by the outcome."""
        rejects, points = values.get("rejects"), values.get("points")
        if rejects is None or points is None:
            return
        if not re.fullmatch(rf"{re.escape(points)}\.\w+", rejects.field) or rejects.field == values.get("target"):
            self.fault("recipe.refused_field", "rejects", "field", given=rejects.field, points=points)

    def order(self, values: Mapping[str, Any], table: Mapping[str, Any]) -> None:
        """Windows by time, and bins that hold in every period, need points in time."""
        split = table.get("split", {})
        if isinstance(split, Mapping) and split.get("kind", "cohort") == "time":
            return
        if values.get("windows") == "time":
            self.fault("recipe.windows", "", "windows", key="windows")
        bins = values.get("bins")
        if bins is not None and bins.stable:
            self.fault("recipe.windows", "bins", "stable", key="bins.stable")

    def grades(self, values: Mapping[str, Any]) -> None:
        """Terms hang on declared grades: how many a fit gives is not known before."""
        terms, rating = values.get("terms"), values.get("rating")
        if terms is None:
            return
        names = rating.grades if rating is not None and not isinstance(rating.grades, int) else ()
        if len(names) != len(terms.prices_bps):
            self.fault("recipe.terms", "", "terms", given=len(terms.prices_bps), grades=len(names))

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


def _choices(kind: Any) -> tuple[str, ...]:
    """The texts that a type allows, such as the directions of a mapping from labels; none where any text will do."""
    if get_origin(kind) is Literal:
        return tuple(map(str, get_args(kind)))
    return next((found for part in get_args(kind) if (found := _choices(part))), ())
