"""Scorecards in PMML 4.1 to 4.4."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tallystick.core import DefinitionError, Faults, Message, Place, TallystickError
from tallystick.core.xml import Node, parse_xml
from tallystick.models.scorecard.files import read_bytes
from tallystick.models.scorecard.rules import (
    Always,
    Case,
    Characteristic,
    Compare,
    Imported,
    Missing,
    OneOf,
    Several,
    Test,
    Uncovered,
    Value,
    imported,
)
from tallystick.models.scorecard.table import Scale
from tallystick.models.scorecard.words import WORDS

_OPERATORS = {
    "equal": "=",
    "notEqual": "!=",
    "lessThan": "<",
    "lessOrEqual": "<=",
    "greaterThan": ">",
    "greaterOrEqual": ">=",
}
_NUMBERS = ("integer", "float", "double", "boolean")
_PREDICATES = ("SimplePredicate", "CompoundPredicate", "SimpleSetPredicate", "True", "False")
_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


def read_pmml(path: str | Path, *, scale: Scale | None = None, uncovered: Uncovered = "refuse") -> Imported:
    """Read the Scorecard model of a PMML file into bins and whole points, exactly.

    Parameters
    ----------
    path
        The file. It must hold one Scorecard whose points are whole and count down with risk (`pointsBelow`), and each
        characteristic must test one field by simple, compound and set predicates.
    scale
        What the points stand for; PMML does not say it. None reads the scale that this package wrote, or takes
        `Scale()`.
    uncovered
        What becomes of values that no attribute holds for, where PMML gives no score: "refuse" the file, or give them
        the "lowest" points of their characteristic.

    Returns
    -------
    Imported

    Raises
    ------
    InputError
        When the file cannot be read.
    DefinitionErrors
        Everything that cannot be held, with its line.

    Notes
    -----
    Data Mining Group, PMML 4.4.1, Scorecard. Three-valued predicates; the first attribute that holds gives the points.
    """
    file = Path(path).name
    root = parse_xml(read_bytes(Path(path)), file)
    if root.tag != "PMML" or not root.namespace.startswith("http://www.dmg.org/PMML-4"):
        raise _fault(file, root, WORDS("pmml.root", given=f"{root.tag} {root.namespace}".strip()))
    cards = list(root.all("Scorecard"))
    if len(cards) != 1:
        given = ", ".join(child.tag for child in root.children) or "-"
        raise _fault(file, root, WORDS("pmml.card", given=given))
    reader = _Reader(file, root, cards[0])
    faults, found = Faults(), []
    for fault in reader.whole():
        faults.add(fault)
    characteristics = cards[0].first("Characteristics")
    for node in characteristics.all("Characteristic") if characteristics else ():
        try:
            found.append(reader.characteristic(node))
        except TallystickError as error:
            faults.add(error)
    names = [one.label for one in found]
    for one in found:
        if names.count(one.label) > 1:
            faults.add(DefinitionError(WORDS("import.twice", label=one.label), one.place))
    base = reader.attempt(faults, lambda: reader.whole_points(cards[0], "initialScore", "0"))
    faults.raise_any()
    name = cards[0].get("modelName") or Path(path).stem
    return imported(name, found, base or 0, scale or reader.scale(), uncovered)


def _fault(file: str, node: Node, words: Message) -> DefinitionError:
    return DefinitionError(words, Place(file, node.line))


class _Reader:
    """One file: its fields, and how its elements become tests."""

    def __init__(self, file: str, root: Node, card: Node) -> None:
        self.file, self.card = file, card
        dictionary = root.first("DataDictionary")
        self.fields: Mapping[str, Node] = {
            node.get("name"): node for node in (dictionary.all("DataField") if dictionary else ())
        }
        schema = card.first("MiningSchema")
        self.mining: Mapping[str, Node] = {
            node.get("name"): node for node in (schema.all("MiningField") if schema else ())
        }

    def fault(self, node: Node, code: str, **given: object) -> DefinitionError:
        return _fault(self.file, node, WORDS(code, **given))

    def attempt(self, faults: Faults, work: Callable[[], int]) -> int | None:
        try:
            return work()
        except TallystickError as error:
            faults.add(error)
            return None

    def whole(self) -> Iterator[DefinitionError]:
        """What the model as a whole says that a scorecard here cannot hold."""
        card = self.card
        if card.get("isScorable", "true") == "false":
            yield self.fault(card, "pmml.unscorable")
        if card.get("functionName") != "regression":
            yield self.fault(card, "pmml.function", given=card.get("functionName") or "-")
        if card.get("useReasonCodes", "true") != "false" and card.get("reasonCodeAlgorithm") == "pointsAbove":
            yield self.fault(card, "pmml.above")
        for node in card.all("Targets"):
            yield self.fault(node, "pmml.element", given=node.tag)
        for name, node in self.mining.items():
            for attribute, plain in (("outliers", "asIs"), ("invalidValueTreatment", "")):
                given = node.get(attribute)
                if given not in ("", plain, "returnInvalid", "asMissing", "asIs"):
                    yield self.fault(node, "pmml.treatment", label=name, name=attribute, given=given)

    def scale(self) -> Scale:
        """The scale that this package's own writer puts beside the model."""
        for node in self.card.all("Extension"):
            if node.get("extender") == "tallystick" and node.get("name") == "scale":
                parts = [_float(part) for part in node.get("value").split()]
                if len(parts) == 3 and None not in parts and all(part for part in parts[1:]):
                    return Scale(*(part for part in parts if part is not None))
        return Scale()

    def whole_points(self, node: Node, name: str, default: str = "") -> int:
        """Points that are a whole number."""
        given = node.get(name, default)
        number = _float(given)
        if number is None or not number.is_integer() or abs(number) > 1e9:
            raise self.fault(node, "import.points", name=name, given=given or "-")
        return int(number)

    def characteristic(self, node: Node) -> Characteristic:
        """One characteristic: all of its attributes test one field."""
        name = node.get("name") or "-"
        attributes = list(node.all("Attribute"))
        named = {field for one in attributes for field in _fields(one)}
        if len(named) != 1:
            raise self.fault(node, "pmml.fields", label=name, given=", ".join(sorted(named)) or "-")
        label = named.pop()
        field = self.fields.get(label)
        if field is None:
            raise self.fault(node, "pmml.field", label=label, given=", ".join(self.fields) or "-")
        kind = field.get("dataType")
        if kind not in (*_NUMBERS, "string") or any(
            one.get("property", "valid") != "valid" for one in field.all("Value")
        ):
            raise self.fault(field, "pmml.type", label=label, given=kind)
        text = kind == "string"
        cases = [Case(self._test(one, kind, one), self._points(one), Place(self.file, one.line)) for one in attributes]
        replaced = self.mining[label].get("missingValueReplacement") if label in self.mining else ""
        said = node.get("baselineScore") or self.card.get("baselineScore")
        codes = [code for code in (node.get("reasonCode"), *(one.get("reasonCode") for one in attributes)) if code]
        return Characteristic(
            label,
            text,
            tuple(cases),
            Place(self.file, node.line),
            codes[0] if codes else "",
            _float(said) if said else None,
            self._value(replaced, kind, node) if replaced else None,
        )

    def _points(self, node: Node) -> int:
        complex_ = node.first("ComplexPartialScore")
        if complex_ is not None:
            raise self.fault(complex_, "pmml.element", given=complex_.tag)
        return self.whole_points(node, "partialScore")

    def _value(self, text: str, kind: str, node: Node) -> Value:
        if kind == "string":
            return text
        number = {"true": 1.0, "false": 0.0}.get(text) if kind == "boolean" else None
        number = _float(text) if number is None else number
        if number is None:
            raise self.fault(node, "pmml.number", given=text)
        return number

    def _test(self, node: Node, kind: str, owner: Node) -> Test:
        """The one predicate below an element."""
        found = list(node.all(*_PREDICATES))
        if len(found) != 1:
            raise self.fault(owner, "pmml.predicate", given=", ".join(one.tag for one in node.children) or "-")
        return self._predicate(found[0], kind)

    def _predicate(self, node: Node, kind: str) -> Test:
        if node.tag in ("True", "False"):
            return Always(node.tag == "True")
        if node.tag == "CompoundPredicate":
            op = node.get("booleanOperator")
            if op not in ("and", "or", "xor", "surrogate"):
                raise self.fault(node, "pmml.operator", given=op or "-")
            return Several(op, tuple(self._predicate(one, kind) for one in node.all(*_PREDICATES)))
        if node.tag == "SimpleSetPredicate":
            array = node.first("Array")
            op = node.get("booleanOperator")
            if array is None or op not in ("isIn", "isNotIn"):
                raise self.fault(node, "pmml.operator", given=op or "-")
            return OneOf(tuple(self._items(array, kind)), op == "isIn")
        op = node.get("operator")
        if op in ("isMissing", "isNotMissing"):
            return Missing(op == "isMissing")
        if op not in _OPERATORS or (kind == "string" and op not in ("equal", "notEqual")):
            raise self.fault(node, "pmml.operator", given=op or "-")
        value = self._value(node.get("value"), kind, node)
        assert value is not None
        return Compare(_OPERATORS[op], value)

    def _items(self, array: Node, kind: str) -> Iterator[float | str]:
        for match in _ITEM.finditer(array.text):
            text = re.sub(r"\\(.)", r"\1", match[1]) if match[1] is not None else match[2]
            value = self._value(text, kind, array)
            assert value is not None
            yield value


def _fields(node: Node) -> Iterator[str]:
    for child in node.children:
        if child.tag in ("SimplePredicate", "SimpleSetPredicate"):
            yield child.get("field")
        elif child.tag == "CompoundPredicate":
            yield from _fields(child)


def _float(text: str) -> float | None:
    try:
        # Python would read 1_000.
        number = math.nan if "_" in text else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
