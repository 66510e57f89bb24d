"""From typed expression to a Python function, through a syntax tree of generated names: never through text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from tallystick.feel import expr as ir
from tallystick.feel.cursor import Names
from tallystick.feel.generator import generate, generate_tests
from tallystick.feel.parser import parse, parse_tests


class Compiled(Protocol):
    """A compiled expression: values by outer name, and the moment that `now()` and `today()` read."""

    def __call__(self, values: Mapping[str, Any], now: datetime | None = None) -> Any:
        """The expression's value."""


class CompiledTests(Protocol):
    """Compiled unary tests: the value of `?`, then values by outer name."""

    def __call__(self, value: Any, values: Mapping[str, Any], now: datetime | None = None) -> bool | None:
        """Whether `value` satisfies the tests."""


def compile(text: str, names: Names, *, lenient: bool = False) -> Compiled:
    """Compile one FEEL expression in the scope of `names`.

    Parameters
    ----------
    text
        The expression.
    names
        The outer names, or what `known` made of them.
    lenient
        Whether an unknown name is null instead of a fault.

    Returns
    -------
    Compiled
        `f(values, now=None)`, where `values` maps each name the expression reads to a FEEL value (`lift` makes one
        of an int or float). A name that is absent is refused with `InputError`; null is a value.

    Raises
    ------
    DefinitionErrors
        Unknown names and syntax faults, each with its line and column.

    Examples
    --------
    >>> from decimal import Decimal
    >>> f = compile("age >= 18 and country = \\"DE\\"", ["age", "country"])
    >>> f({"age": Decimal(20), "country": "DE"}), f({"age": None, "country": "DE"})
    (True, None)
    """
    return compile_expr(parse(text, names, lenient=lenient))


def compile_expr(expr: ir.Expr) -> Compiled:
    """Compile an expression that was parsed before."""
    compiled: Compiled = generate(expr)
    return compiled


def unary_tests(text: str, names: Names) -> CompiledTests:
    """Compile the unary tests of a decision-table cell.

    Examples
    --------
    >>> from decimal import Decimal
    >>> holds = unary_tests("[18..65), 99", [])
    >>> holds(Decimal(18), {}), holds(Decimal(65), {}), holds(None, {})
    (True, False, None)
    """
    return compile_tests(parse_tests(text, names))


def compile_tests(tests: ir.Tests) -> CompiledTests:
    """Compile unary tests that were parsed before."""
    compiled: CompiledTests = generate_tests(tests)
    return compiled
