"""The built-in functions of FEEL, by name; a wrong type or number of arguments gives null."""

from __future__ import annotations

from typing import Any

from tallystick.feel import contexts, dates, lists, numeric, ranges, strings
from tallystick.feel.civil import MOMENTS, TIMES
from tallystick.feel.operations import equal, kind_of
from tallystick.feel.printing import show
from tallystick.feel.registry import Registrar

__all__ = ["BUILTINS", "show"]
_builtin = Registrar()
BUILTINS = _builtin.found
for _module in (numeric, strings, lists, contexts, dates, ranges):
    BUILTINS.update(_module.BUILTINS)


@_builtin("not", "negand")
def _not(value: Any) -> bool | None:
    return not value if type(value) is bool else None


@_builtin("is", "value1, value2")
def _is(a: Any, b: Any) -> bool:
    # Two clocks are one value only when they show the same: one instant in two zones is two values.
    kind = kind_of(a)
    if kind is not kind_of(b):
        return False
    return show(a) == show(b) if kind in TIMES or kind in MOMENTS else equal(a, b) is True
