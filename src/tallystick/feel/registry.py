"""How built-in functions are registered: their parameter forms, and the guard on their argument types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, DecimalException
from typing import Any, TypeVar

import msgspec

from tallystick.feel.budget import BUDGET

_Function = TypeVar("_Function", bound=Callable[..., Any])
_ITEMS, _CHARACTERS = 4, 1_000
_INDEX_MAX = 10**18
_FAULTS = (DecimalException, ValueError, OverflowError)
_ANY = (Any,)
_LIST = (list,)


class Form(msgspec.Struct, frozen=True):
    """One form of a built-in: what it does, its parameter names and the types that each takes.

    Parameters from `required` on may be left out; the last of a variadic form may be repeated.
    """

    function: Callable[..., Any]
    names: tuple[str, ...]
    required: int
    variadic: bool
    kinds: tuple[tuple[Any, ...], ...]

    def accepts(self, count: int) -> bool:
        """Whether `count` arguments fit."""
        return self.required <= count and (self.variadic or count <= len(self.names))

    def positions(self, names: tuple[str, ...]) -> tuple[int, ...] | None:
        """Where named arguments go; None when they are not this form's. A repeated one is item1, item2 and so on."""
        places = tuple(map(self._position, names))
        found = {place for place in places if place is not None}
        if len(found) < len(names) or not found.issuperset(range(self.required)):
            return None
        if self.variadic and not found.issuperset(range(len(self.names) - 1, max(found, default=0) + 1)):
            return None
        return tuple(place for place in places if place is not None)

    def _position(self, name: str) -> int | None:
        if name in self.names:
            return self.names.index(name)
        number = name.removeprefix(self.names[-1]) if self.variadic else ""
        # Ten thousand arguments are more than anyone writes.
        if not number.isascii() or not number.isdecimal() or len(number) > 4 or number[0] == "0":
            return None
        return len(self.names) - 2 + int(number)

    def bound(self, arguments: Sequence[Any]) -> list[Any] | None:
        """The arguments as the parameters' types want them, or None when one does not fit.

        A list of one stands for its item where no list is allowed, a value for a list of one where only a list is.
        """
        if not self.kinds:
            return list(arguments)
        last = len(self.kinds) - 1
        values = []
        for index, value in enumerate(arguments):
            kinds = self.kinds[min(index, last)]
            if kinds == _ANY or type(value) in kinds:
                values.append(value)
            elif kinds == _LIST and value is not None:
                values.append([value])
            elif type(value) is list and len(value) == 1 and type(value[0]) in kinds:
                values.append(value[0])
            else:
                return None
        return values

    def call(self, *arguments: Any) -> Any:
        """The result; null when an argument does not fit or arithmetic has no value."""
        values = self.bound(arguments)
        return None if values is None else self.run(values)

    def run(self, values: list[Any]) -> Any:
        """The result for arguments that are bound."""
        try:
            return self.function(*values)
        except _FAULTS:
            return None


class Builtin(msgspec.Struct, frozen=True):
    """A built-in: what it does, and its forms."""

    call: Callable[..., Any]
    forms: tuple[Form, ...]

    def named(self, names: tuple[str, ...]) -> tuple[Callable[..., Any], tuple[int, ...]] | None:
        """What named arguments call, and where they go; None when no form has these names.

        Of two forms with the same names, as `before(point, range)` and `before(range, point)`, the order decides.
        """
        found = [(form.call, form.positions(names)) for form in self.forms]
        fitting = [(call, places) for call, places in found if places is not None]
        best = min(fitting, key=lambda item: item[1] != tuple(sorted(item[1])), default=None)
        return None if best is None else (_charged(best[0]), best[1])

    def positions(self, names: tuple[str, ...]) -> tuple[int, ...] | None:
        """Where named arguments go; None when no form has these names."""
        found = self.named(names)
        return None if found is None else found[1]

    def accepts(self, count: int) -> bool:
        """Whether the built-in can be called with `count` arguments."""
        return any(form.accepts(count) for form in self.forms)


class Registrar:
    """Collects the built-ins of one module in `found`."""

    def __init__(self) -> None:
        self.found: dict[str, Builtin] = {}

    def __call__(self, name: str, *forms: str, types: Sequence[Any] = ()) -> Callable[[_Function], _Function]:
        """Register a function under a name, as further forms when the name is taken.

        Parameters
        ----------
        name
            The built-in's name.
        forms
            Parameter names, such as "string, start position, length?" or "list, item...".
        types
            The types that each parameter takes, the last also for those repeated; none: all values are passed on.
        """
        kinds = tuple(kind if isinstance(kind, tuple) else (kind,) for kind in types)

        def register(function: _Function) -> _Function:
            before = self.found[name].forms if name in self.found else ()
            made = (*before, *(_form(form, function, kinds) for form in forms))
            alike = all(form.function is function for form in made)
            self.found[name] = Builtin(_charged(_single(made[0]) if alike else _overloaded(made)), made)
            return function

        return register


def _charged(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, which takes from the running evaluation what long arguments cost: a step for some items."""

    def charged(*arguments: Any) -> Any:
        if BUDGET.active:
            for value in arguments:
                if type(value) is list:
                    BUDGET.spend(len(value) // _ITEMS)
                elif type(value) is str:
                    BUDGET.spend(len(value) // _CHARACTERS)
        return call(*arguments)

    return charged


def _form(text: str, function: Callable[..., Any], kinds: tuple[tuple[Any, ...], ...]) -> Form:
    names = text.split(", ") if text else []
    required = sum(not name.endswith("?") for name in names)
    return Form(function, tuple(name.rstrip("?.") for name in names), required, text.endswith("..."), kinds)


def _single(form: Form) -> Callable[..., Any]:
    """The call of one form, quick where all arguments have the types that it names."""
    if form.variadic or not form.kinds or _ANY in form.kinds:
        return form.call
    function, expected = form.function, tuple(map(frozenset, form.kinds))

    def call(*arguments: Any) -> Any:
        for value, kinds in zip(arguments, expected, strict=False):
            if type(value) not in kinds:
                return form.call(*arguments)
        try:
            return function(*arguments)
        except _FAULTS:
            return None

    return call


def _overloaded(forms: tuple[Form, ...]) -> Callable[..., Any]:
    """The first form that takes the arguments, by their number and types."""

    def call(*arguments: Any) -> Any:
        for form in forms:
            values = form.bound(arguments) if form.accepts(len(arguments)) else None
            if values is not None:
                return form.run(values)
        return None

    return call


def whole(number: Decimal) -> int:
    """The whole part of a number that counts or places something; `ValueError` beyond any index."""
    if not -_INDEX_MAX < number < _INDEX_MAX:
        raise ValueError(number)
    return int(number)
