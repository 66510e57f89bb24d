"""Item definitions: what a value may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

import msgspec

from tallystick.core import DefinitionError, Faults, Place
from tallystick.core.xml import Node
from tallystick.decisions.words import WORDS
from tallystick.feel import CompiledTests, Function, Interval, Months, compile_tests, normal, parse_tests, spell
from tallystick.feel.civil import DATES, MOMENTS, SPANS, TIMES, day_number, is_date, moment_of
from tallystick.feel.expr import ContextOf, Declared, FunctionOf, Kind, ListOf, Plain
from tallystick.feel.types import ANY as ANY_KIND

_BASE: dict[str, tuple[type, ...]] = {
    "Any": (),
    "number": (Decimal,),
    "string": (str,),
    "boolean": (bool,),
    "date": DATES,
    "time": TIMES,
    "date and time": MOMENTS,
    "days and time duration": SPANS,
    "years and months duration": (Months,),
    "context": (dict,),
    "function": (Function,),
    "range": (Interval,),
}
_ALIASES = {
    "dateTime": "date and time",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
    "any": "Any",
    # What two common modellers write instead of FEEL's names.
    **dict.fromkeys(("integer", "long", "double"), "number"),
    "<Undefined>": "Any",
}
_LISTED = re.compile(r"list ?< ?(.+) ?>")
_XSD = "http://www.w3.org/2001/XMLSchema"
_XSD_NUMBERS = frozenset(("decimal", "int", "integer", "long", "short", "float", "double"))


class Type(msgspec.Struct, frozen=True):
    """A type: its Python classes (none is any), the members of a context, a list's item, and what restricts it.

    `allowed` restricts a value, or each item of a list; `constraint` the whole value. `function` holds the types of
    parameters and result of a function. `named` finds the type meant where a definition refers to one that is still
    being read.
    """

    name: str
    bases: tuple[type, ...] = ()
    members: tuple[tuple[str, Type], ...] = ()
    item: Type | None = None
    allowed: CompiledTests | None = None
    constraint: CompiledTests | None = None
    allowed_text: str = ""
    constraint_text: str = ""
    function: tuple[tuple[Type, ...], Type] | None = None
    named: Callable[[], Type] | None = None

    def __str__(self) -> str:
        return self.name + (f" ({self.restriction})" if self.restriction else "")

    @property
    def restriction(self) -> str:
        """What restricts it, as text."""
        return "; ".join(part for part in (self.allowed_text, self.constraint_text) if part)

    @property
    def base(self) -> type | None:
        """The Python class of most values, or None for any."""
        return self.bases[0] if self.bases else None

    @property
    def collection(self) -> bool:
        """Whether it is a list."""
        return self.item is not None

    @property
    def plain(self) -> type | None:
        """The Python class that alone decides that a value is of this type; None when there is none."""
        return None if self.members or self.item or self.restricted or not self.bases else self.bases[0]

    @property
    def restricted(self) -> bool:
        """Whether more than the class of a value counts."""
        return bool(self.allowed or self.constraint or self.function or self.named)

    @property
    def free(self) -> bool:
        """Whether every value is of this type."""
        return not (self.bases or self.members or self.item or self.restricted)

    @property
    def kind(self) -> Kind:
        """The same type as `instance of` compares it."""
        if self.free:
            return ANY_KIND
        if self.allowed or self.constraint or self.named:
            return Declared(self.name, self)
        if self.item is not None:
            return ListOf(self.item.kind)
        if self.members:
            names, kinds = zip(*self.members, strict=True)
            return ContextOf(names, tuple(kind.kind for kind in kinds))
        if self.function is not None:
            return FunctionOf(tuple(kind.kind for kind in self.function[0]), self.function[1].kind)
        return Plain(next(name for name, bases in _BASE.items() if bases == self.bases))

    def holds(self, value: Any) -> bool:
        """Whether `value` is of this type; null is of every type."""
        if value is None:
            return True
        if self.named is not None:
            return self.named().holds(value)
        if self.item is not None:
            if type(value) is not list or not all(self.item.holds(item) for item in value):
                return False
            if self.allowed is not None and not all(item is None or self.allowed(item, {}) is True for item in value):
                return False
        else:
            if self.bases and type(value) not in self.bases:
                return False
            if any(name not in value or not kind.holds(value[name]) for name, kind in self.members):
                return False
            if self.function is not None and len(value.parameters) != len(self.function[0]):
                return False
            if self.allowed is not None and self.allowed(value, {}) is not True:
                return False
        return self.constraint is None or self.constraint(value, {}) is True

    def coerced(self, value: Any) -> tuple[bool, Any]:
        """Whether a value fits after DMN's conversions (10.3.2.9.4), and the value.

        A list of one becomes its item and an item a list of one; a date becomes its midnight in UTC.
        """
        if self.holds(value):
            return True, value
        if self.named is not None:
            return self.named().coerced(value)
        if type(value) is list:
            if self.item is not None and self.holds([value]):
                return True, [value]
            one = len(value) == 1 and (type(value[0]) is list) is (self.item is not None)
            return self.coerced(value[0]) if one else (False, None)
        if self.item is not None:
            fits, item = self.item.coerced(value)
            return (True, [item]) if fits and self.holds([item]) else (False, None)
        if self.bases == MOMENTS and is_date(value):
            moment = moment_of(day_number(value), 0, UTC)
            return (True, moment) if self.holds(moment) else (False, None)
        return False, None


ANY = Type("Any")
LIST = Type("list", (list,), item=ANY)


def plain_name(name: str) -> str:
    """A built-in type's name as FEEL has it (`dateTime` is `date and time`); any other name as it stands."""
    return _ALIASES.get(name, name)


class Types:
    """The item definitions of one file, resolved by name; `link` adds those of its imports."""

    def __init__(self, root: Node, file: str, faults: Faults, strict: bool = True) -> None:
        self._nodes: Mapping[str, Node] = {normal(n.get("name")): n for n in root.all("itemDefinition")}
        self._known: dict[str, Type] = {}
        self._open: set[str] = set()
        self._all: dict[str, Type] | None = None
        self._imports: list[tuple[str, Types]] = []
        self._prefixes, self._namespace = root.prefixes, root.get("namespace")
        self._file, self._faults, self._strict = file, faults, strict

    def link(self, imports: Iterable[tuple[str, Types]]) -> None:
        """Let references reach the item definitions of imported files, by the name of each import."""
        self._imports = sorted(imports, key=lambda pair: -len(pair[0]))

    def members(self) -> set[str]:
        """The names of all members, so that those with spaces are read whole."""
        found: set[str] = set()
        pending = list(self._nodes.values())
        while pending:
            components = list(pending.pop().all("itemComponent"))
            found |= {normal(node.get("name")) for node in components}
            pending.extend(components)
        return found.union(*(types.members() for _, types in self._imports))

    def all(self) -> dict[str, Type]:
        """Every item definition that can be named here."""
        if self._all is None:
            self._all = self._every()
        return self._all

    def _every(self) -> dict[str, Type]:
        found = {f"{name}.{inner}" if name else inner: t for name, ts in self._imports for inner, t in ts.all().items()}
        return found | {name: self.named(name, node) for name, node in self._nodes.items()}

    def content(self) -> dict[str, Any]:
        """All item definitions, as they count towards the version."""
        return {name: self._content(node) for name, node in self._nodes.items()}

    def _content(self, node: Node) -> Any:
        function = node.first("functionItem")
        texts = [self._restriction(node, tag)[1] for tag in ("allowedValues", "typeConstraint")]
        parameters = [[p.get("name"), p.get("typeRef")] for p in function.all("parameters")] if function else []
        return {
            "type": self.named(node.words("typeRef"), node).name,
            "members": {normal(c.get("name")): self._content(c) for c in node.all("itemComponent")},
            "list": node.get("isCollection") == "true",
            "allowed": texts[0],
            "constraint": texts[1],
            "function": [parameters, function.get("outputTypeRef")] if function else None,
        }

    def named(self, reference: str, at: Node) -> Type:
        """The type that a typeRef names; "" is any."""
        found = self._found(normal(reference))
        if found is not None:
            return found
        if self._strict:
            allowed = ", ".join(sorted([*_BASE, "list", *self.all()]))
            words = WORDS("decision.type", given=normal(reference), allowed=allowed)
            self._faults.add(DefinitionError(words, Place(self._file, at.line)))
        return ANY

    def _found(self, name: str) -> Type | None:
        if name in self._known:
            return self._known[name]
        if name in self._open:
            return Type(name, named=lambda: self._known[name])
        if name in self._nodes:
            self._open.add(name)
            found = self._defined(self._nodes[name], name)
            self._open.discard(name)
            if found.named is not None and found.item is None:
                place = Place(self._file, self._nodes[name].line)
                self._faults.add(DefinitionError(WORDS("decision.cycle", given=name), place))
                found = ANY
            self._known[name] = found
            return found
        plain = plain_name(name)
        if plain in ("", "Any"):
            return ANY
        if plain in _BASE:
            return Type(plain, _BASE[plain])
        if plain == "list":
            return LIST
        if listed := _LISTED.fullmatch(name):
            item = self._found(listed[1].strip())
            return None if item is None else Type(name, (list,), item=item)
        return self._imported(name) or self._prefixed(name)

    def _imported(self, name: str) -> Type | None:
        for alias, types in self._imports:
            if not alias or name.startswith(f"{alias}."):
                found = types._found(name[len(alias) + 1 :] if alias else name)
                if found is not None:
                    return found
        return None

    def _prefixed(self, name: str) -> Type | None:
        """A qualified name: its prefix is an XML prefix or the name of an import."""
        prefix, colon, plain = name.partition(":")
        if not colon:
            return None
        plain, namespace = plain.strip(), self._prefixes.get(prefix.strip(), "")
        for alias, types in self._imports:
            if namespace == types._namespace or prefix.strip() == alias:
                return types._found(plain)
        return self._found("number" if namespace == _XSD and plain in _XSD_NUMBERS else plain)

    def _defined(self, node: Node, name: str) -> Type:
        members = tuple((normal(c.get("name")), self._defined(c, c.get("name"))) for c in node.all("itemComponent"))
        function = node.first("functionItem")
        allowed, text = self._restriction(node, "allowedValues")
        constraint, more = self._restriction(node, "typeConstraint")
        if members:
            kind = Type(name, (dict,), members)
        elif function is not None:
            parameters = tuple(self.named(p.get("typeRef"), p) for p in function.all("parameters"))
            kind = Type(name, (Function,), function=(parameters, self.named(function.get("outputTypeRef"), function)))
        else:
            kind = self.named(node.words("typeRef"), node)
        if node.get("isCollection") == "true":
            return Type(
                name,
                (list,),
                item=kind,
                allowed=allowed,
                constraint=constraint,
                allowed_text=text,
                constraint_text=more,
            )
        if kind.named is not None:
            return msgspec.structs.replace(kind, name=name)
        # A type that narrows another keeps what restricts that one.
        return msgspec.structs.replace(
            kind,
            name=name,
            allowed=_both(kind.allowed, allowed),
            constraint=_both(kind.constraint, constraint),
            allowed_text=text or kind.allowed_text,
            constraint_text="; ".join(part for part in (kind.constraint_text, more) if part),
        )

    def _restriction(self, node: Node, tag: str) -> tuple[CompiledTests | None, str]:
        values = node.first(tag)
        if values is None or not values.words("text"):
            return None, ""
        try:
            tests = parse_tests(values.words("text"), (), members=self.members())
        except DefinitionError as error:
            if self._strict:
                self._faults.add(DefinitionError(error.message, Place(self._file, values.line, cell=node.get("name"))))
            return None, ""
        return compile_tests(tests), spell(tests)


def _both(first: CompiledTests | None, second: CompiledTests | None) -> CompiledTests | None:
    if first is None or second is None:
        return second or first
    return lambda value, values, now=None: first(value, values, now) is True and second(value, values, now) is True
