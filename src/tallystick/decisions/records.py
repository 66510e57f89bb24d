"""The records of decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from tallystick.core import DefinitionError, Faults, FieldType, Place, TallystickError
from tallystick.core.xml import Node
from tallystick.decisions.types import Type, Types
from tallystick.decisions.words import WORDS
from tallystick.feel import Expr, Known, Tests, Unknown, children, known, parse, parse_tests

_E = TypeVar("_E", bound=Expr)


class InputData(msgspec.Struct, frozen=True):
    """An input that a decision needs: its name and the name of its type."""

    name: str
    type: str


class Matched(msgspec.Struct, frozen=True):
    """A rule that fired: its decision, its number from 1, and its id in the file ("" if it has none)."""

    decision: str
    rule: int
    id: str


class Result(msgspec.Struct, frozen=True):
    """What was decided and why.

    `value` is a FEEL value; `matched` the rules that fired, `reasons` their reason codes in order of the rules, each
    once; `nulls` the causes of all nulls that were met; `trace` each input's and each decision's value by name.
    """

    value: Any
    matched: tuple[Matched, ...]
    reasons: tuple[str, ...]
    nulls: tuple[str, ...]
    trace: Mapping[str, Any]


class Run(msgspec.Struct):
    """One run of a decision: the moment that `now()` reads, and what happens on the way.

    `depth` counts the calls of knowledge models and services that are open, `calls` all of them.
    """

    now: datetime | None
    matched: list[Matched]
    reasons: list[str]
    nulls: list[str]
    depth: int = 0
    calls: int = 0


class Logic(msgspec.Struct, frozen=True):
    """Compiled logic: what it does, why it was null, its canonical content, and the reason codes it can give.

    `source` is what it was compiled from where columns can run it too: an expression or a table.
    """

    run: Callable[[dict[str, Any], Run], Any]
    causes: Callable[[dict[str, Any], datetime | None], tuple[str, ...]]
    content: Any
    codes: tuple[str, ...] = ()
    source: Any = None


class Element(msgspec.Struct, frozen=True):
    """An input, decision, knowledge model or decision service of a model.

    `key` is its name in the whole model, with the names of the imports that lead to it (`rates.Base rate`), `path` its
    parts; `name` is its name in its own file. `view` says under which names its logic sees which keys, where those are
    not the keys themselves: a path of several names lies inside contexts, one per import. `logic` is None for an input
    and for a decision that has none, which therefore must be given.
    """

    key: str
    name: str
    kind: str
    type: Type
    requires: tuple[str, ...]
    logic: Logic | None
    path: tuple[str, ...] = ()
    view: tuple[tuple[tuple[str, ...], str], ...] | None = None


class Plan(msgspec.Struct, frozen=True):
    """What a decision or service needs: its inputs, then its steps in the order in which they are worked out.

    `readers` and `quick` are the same as a run reads them: key, logic, and the Python class that alone decides that a
    value has the type (`object` when every value has it, None when more must be looked at). `overridable` are the keys
    of decisions that may be given instead of worked out; `pure` is true when no step is a function; `last` is the
    key of the only output; `result` the type of a service's value.
    """

    name: str
    inputs: tuple[Element, ...]
    steps: tuple[Element, ...]
    outputs: tuple[Element, ...]
    readers: tuple[tuple[str, type | None, Element], ...]
    quick: tuple[tuple[str, Callable[[dict[str, Any], Run], Any], type | None, Element], ...]
    overridable: tuple[str, ...]
    pure: bool
    last: str | None
    result: Type | None = None


class Scope(msgspec.Struct, frozen=True):
    """Where logic is read: names in scope, and where faults go.

    When `strict` is false, unknown names are null with a cause instead of faults, and are kept in `unknown`.
    `language` is the expression language of the whole file.
    """

    file: str
    decision: str
    names: dict[str, FieldType | None]
    members: set[str]
    others: frozenset[str]
    types: Types
    faults: Faults
    strict: bool = True
    prepared: dict[int, Known] = {}
    language: str = ""
    unknown: set[str] = set()

    def with_names(self, names: Mapping[str, FieldType | None]) -> Scope:
        """This scope with more names."""
        return msgspec.structs.replace(self, names=self.names | dict(names), prepared={})

    def parse(self, text: str) -> Expr:
        """Read an expression in this scope; raises `DefinitionError`."""
        return self._noted(parse(text, self._known()))

    def tests(self, text: str) -> Tests:
        """Read unary tests in this scope; raises `DefinitionError`."""
        return self._noted(parse_tests(text, self._known()))

    def foreign(self, *nodes: Node | None) -> bool:
        """Whether the innermost of `nodes` that names an expression language names another than FEEL: then a fault."""
        named = [(node, node.get("expressionLanguage")) for node in nodes if node is not None and node.attributes]
        node, language = next(((n, given) for n, given in named if given), (nodes[-1], self.language))
        if not language or "feel" in language.lower():
            return False
        if node is not None:
            self.fault(DefinitionError(WORDS("decision.language", given=language)), node)
        return True

    def _noted(self, expr: _E) -> _E:
        pending: list[Expr] = [] if self.strict else [expr]
        while pending:
            node = pending.pop()
            if isinstance(node, Unknown):
                self.unknown.add(node.name)
            pending.extend(children(node))
        return expr

    def _known(self) -> Known:
        # Contexts add members on the way, so what was prepared holds for one number of them.
        count = len(self.members)
        if count not in self.prepared:
            types = self.types.all()
            self.prepared[count] = known(self.names, members=self.members, types=types, lenient=not self.strict)
        return self.prepared[count]

    def fault(self, error: TallystickError, node: Node, cell: str = "") -> None:
        """Keep a fault with its file, line, decision and cell."""
        where = ", ".join(part for part in (f"decision {self.decision}" if self.decision else "", cell) if part)
        for fault in getattr(error, "faults", (error,)):
            message = fault.message
            if message.code == "feel.name" and message.params["given"] in self.others:
                message = WORDS("decision.requirement", given=message.params["given"])
            self.faults.add(DefinitionError(message, Place(self.file, node.line, cell=where)))
