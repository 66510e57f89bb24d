"""The records of decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from tallystick.core import DefinitionError, Faults, FieldType, Place, TallystickError
from tallystick.decisions.types import Types
from tallystick.decisions.words import WORDS
from tallystick.decisions.xml import Node


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
    once; `nulls` the causes of every decision that is null; `trace` each decision's value by name.
    """

    value: Any
    matched: tuple[Matched, ...]
    reasons: tuple[str, ...]
    nulls: tuple[str, ...]
    trace: Mapping[str, Any]


class Run(msgspec.Struct):
    """One run of a decision: the moment that `now()` reads, and what fires on the way."""

    now: datetime | None
    matched: list[Matched]
    reasons: list[str]


class Logic(msgspec.Struct, frozen=True):
    """Compiled logic: what it does, why it was null, its canonical content, and the reason codes it can give."""

    run: Callable[[dict[str, Any], Run], Any]
    causes: Callable[[dict[str, Any], datetime | None], tuple[str, ...]]
    content: Any
    codes: tuple[str, ...] = ()


class Scope(msgspec.Struct, frozen=True):
    """Where logic is read: names in scope, and where faults go."""

    file: str
    decision: str
    names: dict[str, FieldType | None]
    members: set[str]
    others: frozenset[str]
    types: Types
    faults: Faults

    def with_names(self, names: Mapping[str, FieldType | None]) -> Scope:
        """This scope with more names."""
        return msgspec.structs.replace(self, names=self.names | dict(names))

    def fault(self, error: TallystickError, node: Node, cell: str = "") -> None:
        """Keep a fault with its file, line, decision and cell."""
        where = ", ".join(part for part in (f"decision {self.decision}" if self.decision else "", cell) if part)
        for fault in getattr(error, "faults", (error,)):
            message = fault.message
            if message.code == "feel.name" and message.params["given"] in self.others:
                message = WORDS("decision.requirement", given=message.params["given"])
            self.faults.add(DefinitionError(message, Place(self.file, node.line, cell=where)))
