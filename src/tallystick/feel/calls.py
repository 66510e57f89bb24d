"""Function values: lambdas with typed parameters, built-ins as values, Java externals, and how they are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.feel.budget import BUDGET, CALLS_MAX, Exhausted, bounded
from tallystick.feel.expr import Kind
from tallystick.feel.functions import BUILTINS
from tallystick.feel.java import external as java
from tallystick.feel.operations import Function
from tallystick.feel.types import coerced


def function(
    parameters: tuple[str, ...],
    call: Callable[..., Any],
    types: tuple[Kind | None, ...] = (),
    result: Kind | None = None,
    made: Any = None,
) -> Function:
    """A function value.

    Parameters
    ----------
    parameters
        The names of its parameters.
    call
        What it does, by position.
    types
        The types of its parameters; arguments are converted to them, and where one does not fit the call is null.
    result
        The type of what it gives, which `instance of function<...> -> ...` sees.
    made
        What it was made from, where that is all that it depends on: two functions made from equals are equal.

    Examples
    --------
    >>> function(("a",), lambda a: [a]).call("x")
    ['x']
    """

    def called(*arguments: Any) -> Any:
        if len(arguments) != len(parameters):
            return None
        BUDGET.spend(1)
        if not types:
            return call(*arguments)
        pairs = [coerced(value, kind) for value, kind in zip(arguments, types, strict=True)]
        return call(*(value for _, value in pairs)) if all(fits for fits, _ in pairs) else None

    whole = bounded(called)
    vars(whole).update(types=types, result=result, made=made)
    return Function(parameters, whole)


def builtin_function(name: str) -> Function:
    """A built-in as a value; its parameters are those of its first form."""
    builtin = BUILTINS[name]
    form = builtin.forms[0]

    def called(*arguments: Any) -> Any:
        return builtin.call(*arguments) if builtin.accepts(len(arguments)) else None

    vars(called).update(builtin=name, made=name)
    return Function(form.names, called)


def external_function(parameters: tuple[str, ...], mapping: Any, types: tuple[Kind | None, ...]) -> Function | None:
    """A function that Java would run, from the whitelist; null when the mapping names none."""
    place = mapping.get("java") if type(mapping) is dict else None
    if type(place) is not dict:
        return None
    name, signature = place.get("class"), place.get("method signature")
    if type(name) is not str or type(signature) is not str:
        return None
    found = java(name, "".join(signature.split()))
    return None if found is None else function(parameters, found, types, None, (parameters, name, signature))


def invoked(callee: Any, names: tuple[str, ...], *arguments: Any) -> Any:
    """A call of a function value; null when it is none or the arguments do not fit."""
    if type(callee) is not Function:
        return None
    call, given = callee.call, arguments
    builtin = getattr(call, "builtin", None)
    if names:
        named = _named(callee, builtin, names)
        if named is None:
            return None
        call, places = named
        placed = dict(zip(places, arguments, strict=True))
        count = max(places) + 1 if builtin is not None else len(callee.parameters)
        given = tuple(placed.get(index) for index in range(count))
    elif builtin is None and len(arguments) != len(callee.parameters):
        return None
    if BUDGET.calls >= CALLS_MAX:
        raise Exhausted
    BUDGET.spend(1)
    BUDGET.calls += 1
    try:
        return call(*given)
    finally:
        BUDGET.calls -= 1


def _named(
    callee: Function, builtin: str | None, names: tuple[str, ...]
) -> tuple[Callable[..., Any], tuple[int, ...]] | None:
    """What named arguments call, and where they go."""
    if builtin is not None:
        return BUILTINS[builtin].named(names)
    # A parameter that no name supplies is null.
    if len(set(names)) < len(names) or not set(names) <= set(callee.parameters):
        return None
    return callee.call, tuple(map(callee.parameters.index, names))
