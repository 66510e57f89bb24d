"""The loaded model: it answers decisions, and knows its version."""

from __future__ import annotations

import gc
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tallystick.core import InputError, content_version
from tallystick.decisions.columns import Program, columns_plan
from tallystick.decisions.plans import FUNCTIONS, causes_of, execute, outcome, plan_of
from tallystick.decisions.quick import Quick, quick_of
from tallystick.decisions.reader import Elements, read_elements
from tallystick.decisions.records import Element, InputData, Plan, Result, Run
from tallystick.decisions.types import Type
from tallystick.decisions.values import absence, bound, given
from tallystick.decisions.words import WORDS
from tallystick.feel import Function, lift, normal

SEMANTICS = 2
"""The number of this engine's meaning: it changes when the same model would decide otherwise."""

_FUNCTION = Type("function")
"""The result of a plan that gives a knowledge model, which is then called."""
_THRESHOLDS = (200_000, 100, 100)
_SAFE = 10**34
_AS_THEY_ARE = frozenset((str, bool, date, datetime, time, timedelta))


class Model:
    """A decision model: immutable once loaded.

    Attributes
    ----------
    decisions
        The names of its decisions, each after those it requires; one of an imported file has the name of the import
        before it (`rates.Base rate`).
    services
        The names of its decision services and knowledge models, which `decide` answers too.
    sources
        The names and bytes of its files, the first given first.
    version
        SHA-256 (64 hex digits) of its content: white space, comments, layout and ids do not count.
    """

    def __init__(self, elements: Elements, strict: bool = True) -> None:
        self._elements, self._aliases, self._strict = elements.by_key, elements.aliases, strict
        self._types = elements.types
        self.sources = elements.sources
        self.decisions = tuple(key for key, e in self._elements.items() if e.kind == "decision")
        self.services = tuple(key for key, e in self._elements.items() if e.kind in FUNCTIONS)
        # Plans are made when they are first asked for: that of each decision may have all others in it.
        self._plans: dict[str, Plan] = {}
        self._quick: dict[str, Quick] = {}
        self._places = {key: place for place, key in enumerate(self._elements)}
        self._overridden: dict[tuple[str, ...], Plan] = {}
        self._programs: dict[tuple[str, ...], Program] = {}

    @cached_property
    def version(self) -> str:
        """SHA-256 of the content and the engine's semantics number."""
        content = {
            key: {
                "kind": element.kind,
                "type": element.type.name,
                "requires": sorted(element.requires),
                "logic": element.logic.content if element.logic is not None else None,
            }
            for key, element in self._elements.items()
        }
        return content_version("decision", {"elements": content, "types": self._types}, SEMANTICS)

    def inputs(self, name: str) -> tuple[InputData, ...]:
        """What a decision needs to be given, by whatever way, in order of name; for a service its parameters."""
        key = self._key(name)
        element = self._elements[key]
        if element.kind == "knowledge":
            content = self._content(key)
            return tuple(map(InputData, content["function"], content["types"])) if content else ()
        return tuple(InputData(given.key, given.type.name) for given in self._plan(key).inputs)

    def outputs(self, name: str) -> tuple[str, ...]:
        """The names of the output decisions of a service; of anything else its own name."""
        key = self._key(name)
        content = self._content(key)
        return tuple(content["outputs"]) if self._elements[key].kind == "service" else (key,)

    def outcomes(self, name: str) -> tuple[str, ...]:
        """The texts that a decision table can give, in the order of its rules; () for any other logic."""
        content = self._content(name)
        rules = content["rules"] if isinstance(content, dict) and "rules" in content else ()
        texts = [outputs[0] for _, outputs, _ in rules if outputs and outputs[0].startswith('"')]
        return tuple(dict.fromkeys(text.strip('"') for text in texts))

    def reason_codes(self) -> tuple[str, ...]:
        """Every reason code that a rule of this model can give."""
        logics = [element.logic for element in self._elements.values() if element.logic is not None]
        return tuple(dict.fromkeys(code for logic in logics for code in logic.codes))

    def rule_text(self, name: str, rule: int) -> tuple[str, str]:
        """A rule of a decision table as people read it: its conditions and what it gives; `rule` counts from 1."""
        content = self._content(name)
        cells, outputs, _ = content["rules"][rule - 1]
        tests = [f"{given}: {cell}" for given, cell in zip(content["inputs"], cells, strict=True) if cell != "-"]
        return "; ".join(tests) or "-", ", ".join(outputs)

    def decide(self, name: str, inputs: Mapping[str, Any], now: datetime | None = None) -> Result:
        """Decide.

        Parameters
        ----------
        name
            One of `decisions` or `services`.
        inputs
            A value for each of `inputs(name)`: int, float (taken by its shortest text), Decimal, str, bool, None, date,
            datetime, time, timedelta, or lists and dicts of these. An input of an imported file is given by its whole
            name or inside a dict named as the import. A value that is named as a required decision stands for it: it
            is not worked out then. More names may be present.
        now
            The aware moment that `now()` and `today()` read; without it they are null.

        Returns
        -------
        Result
            A decision's value; a service's, which is a dict by name when it has several output decisions.

        Raises
        ------
        InputError
            When there is no such decision, an input is absent, or a value is not of the input's type.
        """
        quick = self._quick.get(name)
        if quick is not None:
            result = quick(inputs)
            if result is not None:
                return result
        plan = self._plans.get(name)
        if plan is None:
            plan = self._plan(self._key(name))
            if plan.name in self._quick and name == plan.name:
                return self.decide(name, inputs, now)
        if plan.result is _FUNCTION:
            return self._called(plan.name, inputs, now)
        for key in plan.overridable:
            if key in inputs:
                plan = self._with_overrides(plan, inputs)
                break
        run = Run(now, [], [], [])
        values: dict[str, Any] = {}
        for key, plain, element in plan.readers:
            value: Any = inputs.get(key)
            kind = type(value)
            if (kind is plain and kind is not Decimal) or (plain is object and kind in _AS_THEY_ARE):
                values[key] = value
            elif kind is int and (plain is Decimal or plain is object) and -_SAFE < value < _SAFE:
                values[key] = Decimal(value)
            elif kind is float and (plain is Decimal or plain is object) and value - value == 0.0:
                values[key] = Decimal(repr(value + 0.0))
            else:
                values[key] = given(element, name, inputs, run, self._strict)
        execute(plan, values, run)
        value = values[plan.last] if plan.last is not None else outcome(plan, values)
        if plan.result is not None:
            value = bound(plan.result, value, plan.name, run.nulls)
        return Result(
            value,
            tuple(run.matched),
            _once(run.reasons) if run.reasons else (),
            _once(run.nulls) if run.nulls else (),
            values if plan.pure else {key: value for key, value in values.items() if type(value) is not Function},
        )

    def decide_columns(self, name: str, frame: pl.DataFrame, now: datetime | None = None) -> pl.DataFrame:
        """Decide every row of a frame, with the same values as `decide`.

        Parameters
        ----------
        name
            One of `decisions`.
        frame
            A column for each of `inputs(name)`; a column named as a required decision stands for it.
        now
            As for `decide`.

        Returns
        -------
        polars.DataFrame
            As many rows, in the same order; what its columns are says `columns.Program.decide`.

        Raises
        ------
        InputError
            As `decide`.
        """
        key = self._decision(name)
        plan = self._with_overrides(self._plan(key), frame.columns)
        held = (key, *(step.key for step in plan.steps))
        if held not in self._programs:
            self._programs[held] = Program(plan, self._strict)
        return self._programs[held].decide(frame, now)

    def columns_plan(self, name: str) -> dict[str, str]:
        """How `decide_columns` works out each step of a decision: in columns, or by row and why."""
        return columns_plan(self._plan(self._decision(name)))

    def _decision(self, name: str) -> str:
        key = self._key(name)
        if self._elements[key].kind != "decision":
            raise InputError(WORDS("decision.none", given=name, allowed=", ".join(self.decisions) or "none"))
        return key

    def _plan(self, key: str) -> Plan:
        """What `decide` runs for an element: a service's own plan, else all that it requires."""
        if key not in self._plans:
            plan = self._made(self._elements[key])
            quick = quick_of(plan)
            if quick is not None:
                self._quick[key] = quick
            self._plans[key] = plan
        return self._plans[key]

    def _made(self, element: Element) -> Plan:
        if element.kind == "service" and element.logic is not None:
            plan: Plan = element.logic.source
            return plan
        plan = plan_of(element.key, (element,), self._elements, (), self._places)
        return msgspec.structs.replace(plan, result=_FUNCTION) if element.kind in FUNCTIONS else plan

    def _called(self, key: str, inputs: Mapping[str, Any], now: datetime | None) -> Result:
        """Call a knowledge model with arguments by name."""
        run, values = Run(now, [], [], []), dict[str, Any]()
        execute(self._plan(key), values, run)
        function = values[key] if type(values[key]) is Function else Function((), lambda: None)
        arguments = []
        for parameter in function.parameters:
            if parameter not in inputs:
                words = absence(key, parameter, inputs)
                if self._strict:
                    raise InputError(words)
                run.nulls.append(words.text())
            arguments.append(lift(inputs.get(parameter)))
        value = function.call(*arguments)
        if value is None:
            run.nulls.extend(causes_of(self._elements[key], values, now))
        trace = dict(zip(function.parameters, arguments, strict=True)) | {key: value}
        return Result(value, tuple(run.matched), _once(run.reasons), _once(run.nulls), trace)

    def _with_overrides(self, plan: Plan, inputs: Container[str]) -> Plan:
        held = tuple(key for key in plan.overridable if key in inputs)
        if not held:
            return plan
        found = self._overridden.get((plan.name, *held))
        if found is None:
            found = plan_of(plan.name, plan.outputs, self._elements, held, self._places)
            self._overridden[(plan.name, *held)] = found
        return found

    def _key(self, name: str) -> str:
        for key in (name, normal(name)):
            key = key if key in self._elements else self._aliases.get(key, key)
            if key in self._elements and self._elements[key].kind != "input":
                return key
        allowed = ", ".join((*self.decisions, *self.services)) or "none"
        raise InputError(WORDS("decision.none", given=name, allowed=allowed))

    def _content(self, name: str) -> Any:
        logic = self._elements[self._key(name)].logic
        return logic.content if logic is not None else None


def _once(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def load(
    path_or_paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    strict: bool = True,
    imports: Iterable[str | os.PathLike[str]] = (),
) -> Model:
    """Load one DMN file, or several that form one model.

    Parameters
    ----------
    path_or_paths
        DMN 1.2, 1.3, 1.4 or 1.5 XML files. A file that an import names by its location is found beside them.
    strict
        When true, any fault refuses the model, and `decide` refuses absent inputs and values of another type. When
        false, what is faulty, absent or of another type is null, with its cause; a name that nothing declares is a
        required decision of that id or output, else an input. The input clauses of Camunda's, bpmn.io's and Signavio's
        tables declare inputs either way.
    imports
        More files that may be imported; those that no import asks for are left alone.

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

    Examples
    --------
    >>> load("limit.dmn").decide("Credit limit", {"Income": 1000}).value  # doctest: +SKIP
    Decimal('500')
    """
    paths = [path_or_paths] if isinstance(path_or_paths, str | os.PathLike) else list(path_or_paths)
    with _seldom_collected():
        return Model(read_elements([Path(path) for path in paths], [Path(path) for path in imports], strict), strict)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    # A large model is hundreds of thousands of small records, few of them garbage: looking through them again and
    # again takes half the time of loading, and never looking a third more memory.
    before = gc.get_threshold()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
