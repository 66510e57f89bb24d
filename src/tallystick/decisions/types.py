"""Item definitions: what a value may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from tallystick.core import DefinitionError, Faults, Place
from tallystick.decisions.words import WORDS
from tallystick.decisions.xml import Node
from tallystick.feel import CompiledTests, Function, Months, compile_tests, normal, parse_tests, spell

_BASE: dict[str, type | None] = {
    "Any": None,
    "number": Decimal,
    "string": str,
    "boolean": bool,
    "date": date,
    "time": time,
    "date and time": datetime,
    "days and time duration": timedelta,
    "years and months duration": Months,
    "context": dict,
    "function": Function,
}
_ALIASES = {
    "dateTime": "date and time",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
}


class Type(msgspec.Struct, frozen=True):
    """A type: a base (None is any), members of a context, whether a list of it is meant, and allowed values."""

    name: str
    base: type | None = None
    members: tuple[tuple[str, Type], ...] = ()
    collection: bool = False
    allowed: CompiledTests | None = None
    allowed_text: str = ""

    def __str__(self) -> str:
        return self.name + (f" ({self.allowed_text})" if self.allowed_text else "")

    def holds(self, value: Any) -> bool:
        """Whether `value` is of this type; null is of every type."""
        if value is None:
            return True
        if not (self.collection or self.members or self.allowed):
            return self.base is None or type(value) is self.base
        if self.collection:
            return type(value) is list and all(self._one(item) for item in value)
        return self._one(value)

    def _one(self, value: Any) -> bool:
        if self.base is not None and type(value) is not self.base:
            return value is None
        if any(name not in value or not kind.holds(value[name]) for name, kind in self.members):
            return False
        return self.allowed is None or self.allowed(value, {}) is True

    def coerced(self, value: Any) -> tuple[bool, Any]:
        """Whether a value fits after DMN's conversions (a list of one, a date at midnight UTC), and the value."""
        if self.holds(value):
            return True, value
        if type(value) is list and len(value) == 1 and self.holds(value[0]):
            return True, value[0]
        if self.collection and self.holds([value]):
            return True, [value]
        if self.base is datetime and type(value) is date:
            return True, datetime.combine(value, time(), UTC)
        return False, None


ANY = Type("Any")


class Types:
    """The item definitions of one file, resolved by name."""

    def __init__(self, nodes: Iterable[Node], file: str, faults: Faults) -> None:
        self._nodes: Mapping[str, Node] = {normal(node.get("name")): node for node in nodes}
        self._known: dict[str, Type] = {}
        self._open: set[str] = set()
        self._file, self._faults = file, faults

    def members(self) -> set[str]:
        """The names of all members, so that those with spaces are read whole."""
        found: set[str] = set()
        pending = list(self._nodes.values())
        while pending:
            components = list(pending.pop().all("itemComponent"))
            found |= {normal(node.get("name")) for node in components}
            pending.extend(components)
        return found

    def content(self) -> dict[str, Any]:
        """All item definitions, as they count towards the version."""
        return {name: _content(self.named(name, node)) for name, node in self._nodes.items()}

    def named(self, reference: str, at: Node) -> Type:
        """The type that a typeRef names; "" is any."""
        name = normal(reference)
        plain = name.partition(":")[2] or name
        plain = _ALIASES.get(plain, plain)
        if name in self._known:
            return self._known[name]
        if name in self._nodes and name not in self._open:
            self._open.add(name)
            self._known[name] = self._defined(self._nodes[name], name)
            return self._known[name]
        if name in self._open or plain == "":
            return ANY
        if plain in _BASE:
            return Type(plain, _BASE[plain])
        if plain == "list":
            return Type(plain, collection=True)
        allowed = ", ".join(sorted([*_BASE, "list", *self._nodes]))
        self._faults.add(
            DefinitionError(WORDS("decision.type", given=name, allowed=allowed), Place(self._file, at.line))
        )
        return ANY

    def _defined(self, node: Node, name: str) -> Type:
        members = tuple((c.get("name"), self._defined(c, c.get("name"))) for c in node.all("itemComponent"))
        inner = self.named(node.words("typeRef"), node)
        base = dict if members else Function if node.first("functionItem") else inner.base
        allowed, text = self._allowed(node)
        collection = node.get("isCollection") == "true"
        if collection and inner.collection:
            return Type(name, list, (), True, _each(inner), text)
        return Type(
            name,
            base,
            members or inner.members,
            collection or inner.collection,
            allowed or inner.allowed,
            text or inner.allowed_text,
        )

    def _allowed(self, node: Node) -> tuple[CompiledTests | None, str]:
        values = node.first("allowedValues", "typeConstraint")
        if values is None or not values.words("text"):
            return None, ""
        try:
            tests = parse_tests(values.words("text"), ())
        except DefinitionError as error:
            self._faults.add(DefinitionError(error.message, Place(self._file, values.line, cell=node.get("name"))))
            return None, ""
        return compile_tests(tests), spell(tests)


def _each(inner: Type) -> Callable[..., bool]:
    return lambda value, values, now=None: inner.holds(value)


def _content(kind: Type) -> Any:
    members = {name: _content(member) for name, member in kind.members}
    base = kind.base.__name__ if kind.base is not None else "any"
    return {"base": base, "members": members, "list": kind.collection, "allowed": kind.allowed_text}
