"""How built-in functions are registered: their parameter forms, and the guard on their argument types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import DecimalException
from typing import Any

import msgspec


class Builtin(msgspec.Struct, frozen=True):
    """A built-in: what it does, and the parameter names of each of its forms."""

    call: Callable[..., Any]
    forms: tuple[tuple[str, ...], ...]
    required: int
    variadic: bool = False

    def positions(self, names: tuple[str, ...]) -> tuple[int, ...] | None:
        """Where named arguments go; None when no form has these names."""
        for form in self.forms:
            if set(names) <= set(form) and len(set(names)) == len(names):
                return tuple(form.index(name) for name in names)
        return None

    def accepts(self, count: int) -> bool:
        """Whether the built-in can be called with `count` arguments."""
        return self.required <= count and (self.variadic or count <= max(map(len, self.forms)))


class Registrar:
    """Collects the built-ins of one module in `found`."""

    def __init__(self) -> None:
        self.found: dict[str, Builtin] = {}

    def __call__(
        self, name: str, *forms: str, required: int | None = None, types: Sequence[Any] = (), variadic: bool = False
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a function; with `types` it is called only with values of these (a list of one is unwrapped)."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            split = tuple(tuple(form.split(", ")) if form else () for form in forms)
            least = min(map(len, split)) if required is None else required
            call = typed(function, types) if types else function
            self.found[name] = Builtin(call, split, least, variadic)
            return function

        return register


def typed(function: Callable[..., Any], types: Sequence[Any]) -> Callable[..., Any]:
    """Guard a function: arguments of other types, or arithmetic without a value, give null."""
    allowed = [kind if isinstance(kind, tuple) else (kind,) for kind in types]

    def guarded(*arguments: Any) -> Any:
        values = []
        for value, kinds in zip(arguments, allowed, strict=False):
            if type(value) is list and list not in kinds and len(value) == 1:
                value = value[0]
            if kinds != (Any,) and type(value) not in kinds:
                return None
            values.append(value)
        try:
            return function(*values)
        except (DecimalException, ValueError, OverflowError):
            return None

    return guarded
