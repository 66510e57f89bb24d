"""Values where they are bound: inputs, results, parameters and entries become their type or null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.core import InputError, Message, Place
from tallystick.decisions.records import Element, Run
from tallystick.decisions.types import Type
from tallystick.decisions.words import WORDS
from tallystick.feel import lift, normal, show

_SHOWN_MAX = 80


def bound(kind: Type, value: Any, name: str, nulls: list[str]) -> Any:
    """A value as a type; one that does not fit is null, with its cause."""
    fits, converted_value = kind.coerced(value)
    if not fits:
        given = show(value)[:_SHOWN_MAX]
        nulls.append(WORDS("decision.cause.type", name=name, given=given, allowed=str(kind)).text())
    return converted_value


def converted(element: Element, value: Any, nulls: list[str]) -> Any:
    """A decision's value as its type, or null with its cause."""
    return bound(element.type, value, element.key, nulls)


def accepted(element: Element, decision: str, value: Any) -> Any:
    """An input's value as a FEEL value of its type.

    Raises
    ------
    InputError
        When it is of another type.
    """
    value = lifted(element, value)
    if element.type.holds(value):
        return value
    fits, fitting = element.type.coerced(value)
    if not fits:
        given, allowed = show(value)[:_SHOWN_MAX], str(element.type)
        raise InputError(WORDS("decision.value", name=element.key, given=given, allowed=allowed))
    return fitting


def given(element: Element, decision: str, inputs: Mapping[str, Any], run: Run, strict: bool) -> Any:
    """The value of an input: by its key, or inside contexts that carry the names of the imports.

    Raises
    ------
    InputError
        In strict mode, when it is absent or of another type.
    """
    try:
        value = inputs[element.key]
    except KeyError:
        value = _nested(element, inputs)
        if value is _ABSENT:
            return _absent(element, decision, inputs, run, strict)
    try:
        return accepted(element, decision, value) if strict else _fitting(element, value, run)
    except RecursionError:
        raise InputError(WORDS("decision.nested", name=element.key)) from None


def _fitting(element: Element, value: Any, run: Run) -> Any:
    return bound(element.type, lifted(element, value), element.key, run.nulls)


def lifted(element: Element, value: Any) -> Any:
    """An input's value as a FEEL value; `InputError` names the input that has none."""
    try:
        return lift(value)
    except InputError as error:
        raise InputError(error.message, Place(cell=f"input {element.key}")) from None


_ABSENT = object()


def _nested(element: Element, inputs: Mapping[str, Any]) -> Any:
    for name in inputs:
        # A name as a file or a person may write it, with more spaces.
        if type(name) is str and name != element.key and normal(name) == element.key:
            return inputs[name]
    found: Any = inputs
    for name in element.path:
        if not isinstance(found, Mapping) or name not in found:
            return _ABSENT
        found = found[name]
    return found if element.path else _ABSENT


def _absent(element: Element, decision: str, inputs: Mapping[str, Any], run: Run, strict: bool) -> None:
    words = absence(decision, element.key, inputs)
    if strict:
        raise InputError(words)
    run.nulls.append(words.text())


def absence(decision: str, name: str, inputs: Mapping[str, Any]) -> Message:
    """That an input is absent, and what there is."""
    given = ", ".join(sorted(map(str, inputs))) or "none"
    return WORDS("decision.input", name=decision, given=name, inputs=given)


def seen(view: tuple[tuple[tuple[str, ...], str], ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the logic of an imported or importing file names them."""
    found: dict[str, Any] = {}
    for path, key in view:
        holder = found
        for name in path[:-1]:
            holder = holder.setdefault(name, {})
        if key in values:
            holder[path[-1]] = values[key]
    return found
