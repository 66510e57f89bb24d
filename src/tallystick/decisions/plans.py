"""Plans: what a decision or service needs, in order, and how it is worked out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from tallystick.decisions.boxed import entered
from tallystick.decisions.records import Element, Logic, Plan, Run
from tallystick.decisions.types import Type
from tallystick.decisions.values import bound, converted
from tallystick.decisions.words import WORDS
from tallystick.feel import Function

FUNCTIONS = ("knowledge", "service")


def plan_of(
    name: str,
    outputs: Iterable[Element],
    elements: Mapping[str, Element],
    given: Iterable[str] = (),
    places: Mapping[str, int] | None = None,
) -> Plan:
    """What `outputs` need; `given` are the keys of decisions that are given instead of worked out.

    `places` says where each of `elements` stands among them.
    """
    places = {key: place for place, key in enumerate(elements)} if places is None else places
    wanted = tuple(outputs)
    held, needed = set(given), {element.key for element in wanted}
    pending = list(needed)
    while pending:
        element = elements[pending.pop()]
        for required in element.requires if element.logic is not None else ():
            if required not in needed:
                needed.add(required)
                pending += () if required in held else (required,)
    last = {element.key for element in wanted}
    is_input = {key for key in needed if (elements[key].logic is None or key in held) and key not in last}
    inputs = tuple(elements[key] for key in sorted(is_input))
    steps = tuple(elements[key] for key in sorted(needed - is_input, key=places.__getitem__))
    return planned(name, inputs, steps, wanted)


def planned(name: str, inputs: tuple[Element, ...], steps: tuple[Element, ...], outputs: tuple[Element, ...]) -> Plan:
    """A plan of these inputs and steps, made ready to run."""
    last = {element.key for element in outputs}
    return Plan(
        name,
        inputs,
        steps,
        outputs,
        tuple((e.key, _scalar(e.type), e) for e in inputs),
        tuple((e.key, e.logic.run if e.logic else _nothing, _step_plain(e), e) for e in steps),
        tuple(e.key for e in steps if e.kind == "decision" and e.key not in last),
        not any(e.kind in FUNCTIONS for e in steps),
        outputs[0].key if len(outputs) == 1 else None,
    )


def _nothing(values: dict[str, Any], run: Run) -> None:
    return None


def _step_plain(element: Element) -> type | None:
    # The value of a knowledge model or service is its function, whatever type its result has.
    return object if element.kind in FUNCTIONS else _plain(element.type)


def _scalar(kind: Type) -> type | None:
    """As `_plain`, where the class alone decides: what is inside a list or context must be looked at."""
    plain = _plain(kind)
    return None if plain in (list, dict, Function) else plain


def _plain(kind: Type) -> type | None:
    return object if kind.free else kind.plain


def execute(plan: Plan, values: dict[str, Any], run: Run) -> None:
    """Work out every step of a plan into `values`, which holds its inputs."""
    for key, logic, plain, element in plan.quick:
        value = logic(values, run)
        if value is None:
            run.nulls.extend(causes_of(element, values, run.now))
        elif plain is not object and type(value) is not plain:
            value = converted(element, value, run.nulls)
        values[key] = value


def causes_of(element: Element, values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
    """Why an element's value is null."""
    found = element.logic.causes(values, now) if element.logic is not None else ()
    return found or (WORDS("decision.cause.null", name=element.key).text(),)


def outcome(plan: Plan, values: Mapping[str, Any]) -> Any:
    """The value of one output, or a context of several by name."""
    if len(plan.outputs) == 1:
        return values[plan.outputs[0].key]
    return {element.name: values[element.key] for element in plan.outputs}


def service_logic(plan: Plan, parameters: tuple[str, ...], result: Type) -> Logic:
    """The logic of a decision service: a function of its input data, then its input decisions.

    Its decisions see what the call gives and nothing else. The plan's inputs begin with the parameters; those beyond
    are not listed by the service, and null to its decisions.
    """
    name = plan.name
    listed = tuple(zip(parameters, plan.inputs, strict=False))
    unlisted = tuple(element.key for element in plan.inputs[len(parameters) :])

    def run(values: dict[str, Any], run: Run) -> Any:
        def call(*arguments: Any) -> Any:
            if len(arguments) != len(parameters) or not entered(run, name):
                return None
            inner: dict[str, Any] = dict.fromkeys(unlisted)
            try:
                for (label, element), value in zip(listed, arguments, strict=True):
                    inner[element.key] = bound(element.type, value, f"{name}, {label}", run.nulls)
                    if inner[element.key] is None and value is not None:
                        return None
                execute(plan, inner, run)
            finally:
                run.depth -= 1
            return bound(result, outcome(plan, inner), name, run.nulls)

        return Function(parameters, call)

    content = {
        "parameters": [[label, element.key] for label, element in listed],
        "outputs": [element.key for element in plan.outputs],
    }
    direct = msgspec.structs.replace(plan, overridable=(), result=None if result.free else result)
    return Logic(run, _silent, content, (), direct)


def _silent(values: dict[str, Any], now: datetime | None) -> tuple[str, ...]:
    return ()


def composite(logic: Logic, key: str) -> Callable[[dict[str, Any], Run], Any]:
    """The run of a boxed context, list or relation that also tells why a part of its value is null."""

    def run(values: dict[str, Any], run: Run) -> Any:
        value = logic.run(values, run)
        parts = value.values() if type(value) is dict else value if type(value) is list else ()
        if any(part is None for part in parts):
            run.nulls.extend(logic.causes(values, run.now))
        return value

    return run
