"""The loaded model: it answers decisions, and knows its version."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import InputError, content_version
from tallystick.decisions.reader import Element, read_elements
from tallystick.decisions.records import InputData, Result, Run
from tallystick.decisions.words import WORDS
from tallystick.feel import lift, normal, show

SEMANTICS = 1
"""The number of this engine's meaning: it changes when the same model would decide otherwise."""


class _Plan(msgspec.Struct, frozen=True):
    """What one decision needs, in the order in which it is worked out."""

    name: str
    inputs: tuple[Element, ...]
    steps: tuple[Element, ...]


class Model:
    """A decision model: immutable once loaded.

    Attributes
    ----------
    decisions
        The names of its decisions, each after those it requires.
    version
        SHA-256 (64 hex digits) of its content: white space, comments, layout and ids do not count.
    """

    def __init__(self, elements: Mapping[str, Element], types: Any) -> None:
        self._elements = elements
        self._types = types
        self.decisions = tuple(name for name, element in elements.items() if element.kind == "decision")
        self._plans = {name: self._plan(name) for name in self.decisions}

    @cached_property
    def version(self) -> str:
        """SHA-256 of the content and the engine's semantics number."""
        content = {
            name: {
                "kind": element.kind,
                "type": str(element.type),
                "requires": sorted(element.requires),
                "logic": element.logic.content,
            }
            for name, element in self._elements.items()
        }
        return content_version("decision", {"elements": content, "types": self._types}, SEMANTICS)

    def inputs(self, name: str) -> tuple[InputData, ...]:
        """The input data that a decision needs, by whatever way, in order of name."""
        return tuple(InputData(element.name, element.type.name) for element in self._planned(name).inputs)

    def outcomes(self, name: str) -> tuple[str, ...]:
        """The texts that a decision table can give, in the order of its rules; () for any other logic."""
        content = self._elements[name].logic.content
        rules = content["rules"] if isinstance(content, dict) and "rules" in content else ()
        texts = [outputs[0] for _, outputs, _ in rules if outputs and outputs[0].startswith('"')]
        return tuple(dict.fromkeys(text.strip('"') for text in texts))

    def reason_codes(self) -> tuple[str, ...]:
        """Every reason code that a rule of this model can give."""
        return tuple(dict.fromkeys(code for element in self._elements.values() for code in element.logic.codes))

    def rule_text(self, name: str, rule: int) -> tuple[str, str]:
        """A rule of a decision table as people read it: its conditions and what it gives; `rule` counts from 1."""
        content = self._elements[name].logic.content
        cells, outputs, _ = content["rules"][rule - 1]
        tests = [f"{given}: {cell}" for given, cell in zip(content["inputs"], cells, strict=True) if cell != "-"]
        return "; ".join(tests) or "-", ", ".join(outputs)

    def decide(self, name: str, inputs: Mapping[str, Any], now: datetime | None = None) -> Result:
        """Decide.

        Parameters
        ----------
        name
            One of `decisions`.
        inputs
            A value for each of `inputs(name)`: int, float (taken by its shortest text), Decimal, str, bool, None, date,
            datetime, time, timedelta, or lists and dicts of these. More names may be present.
        now
            The aware moment that `now()` and `today()` read; without it they are null.

        Raises
        ------
        InputError
            When there is no such decision, an input is absent, or a value is not of the input's type.
        """
        plan = self._planned(name)
        values: dict[str, Any] = {}
        for element in plan.inputs:
            values[element.name] = _accepted(element, name, inputs)
        run = Run(now, [], [])
        nulls: list[str] = []
        trace: dict[str, Any] = {}
        for element in plan.steps:
            value = element.logic.run(values, run)
            if element.kind == "decision":
                if value is None:
                    nulls.extend(element.logic.causes(values, now) or (f"{element.name}: null",))
                elif not element.type.holds(value):
                    value = _converted(element, value, nulls)
                trace[element.name] = value
            values[element.name] = value
        return Result(values[plan.name], tuple(run.matched), tuple(dict.fromkeys(run.reasons)), tuple(nulls), trace)

    def _planned(self, name: str) -> _Plan:
        plan = self._plans.get(name) or self._plans.get(normal(name))
        if plan is None:
            raise InputError(WORDS("decision.none", given=name, allowed=", ".join(self.decisions) or "none"))
        return plan

    def _plan(self, name: str) -> _Plan:
        needed, pending = {name}, [name]
        while pending:
            for required in self._elements[pending.pop()].requires:
                if required not in needed:
                    needed.add(required)
                    pending.append(required)
        inputs = sorted(n for n in needed if self._elements[n].kind == "input")
        steps = [n for n in self._elements if n in needed and self._elements[n].kind != "input"]
        return _Plan(name, tuple(self._elements[n] for n in inputs), tuple(self._elements[n] for n in steps))


def _accepted(element: Element, decision: str, inputs: Mapping[str, Any]) -> Any:
    try:
        value = inputs[element.name]
    except KeyError:
        given = ", ".join(sorted(map(str, inputs))) or "none"
        words = WORDS("decision.input", name=decision, given=element.name, inputs=given)
        raise InputError(words) from None
    value = lift(value)
    if element.type.holds(value):
        return value
    fits, converted = element.type.coerced(value)
    if not fits:
        raise InputError(WORDS("decision.value", name=element.name, given=show(value)[:80], allowed=str(element.type)))
    return converted


def _converted(element: Element, value: Any, nulls: list[str]) -> Any:
    """A decision's value as its type; a value that does not fit is null, with its cause."""
    fits, converted = element.type.coerced(value)
    if not fits:
        words = WORDS("decision.cause.type", name=element.name, given=show(value)[:80], allowed=str(element.type))
        nulls.append(words.text())
    return converted


def load(path_or_paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Model:
    """Load one DMN file, or several that form one model.

    Parameters
    ----------
    path_or_paths
        DMN 1.3, 1.4 or 1.5 XML files.

    Returns
    -------
    Model
        Compiled and checked; a faulty model is never half loaded.

    Raises
    ------
    DefinitionErrors
        All faults, each with file, line, decision, rule and cell.

    References
    ----------
    OMG, Decision Model and Notation 1.5 (formal/2024-01-01).
    """
    paths = [path_or_paths] if isinstance(path_or_paths, str | os.PathLike) else list(path_or_paths)
    return Model(*read_elements([Path(path) for path in paths]))
