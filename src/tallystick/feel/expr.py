"""The typed form of an expression: frozen records, walkable and comparable."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec


class Expr(msgspec.Struct, frozen=True):
    """Any node of an expression."""


class Number(Expr, frozen=True):
    """A number literal, at most 34 significant digits."""

    value: Decimal


class Text(Expr, frozen=True):
    """A string literal, its escapes resolved."""

    value: str


class Flag(Expr, frozen=True):
    """`true` or `false`."""

    value: bool


class Null(Expr, frozen=True):
    """`null`."""


class Temporal(Expr, frozen=True):
    """A literal date, time, date and time, or duration, held as its FEEL value."""

    value: Any


class Name(Expr, frozen=True):
    """A value by name: an outer name, or one bound by `for`, `some`, `every`, a context or a function."""

    name: str


class ItemName(Expr, frozen=True):
    """A name inside a filter: the item's member if it has one, else the outer name, else null."""

    name: str
    outer: Name | None


class Path(Expr, frozen=True):
    """`base.name`: a context's member or a property of a temporal value or range."""

    base: Expr
    name: str


class Negate(Expr, frozen=True):
    """Unary minus."""

    operand: Expr


class Binary(Expr, frozen=True):
    """Arithmetic: `op` is one of + - * / **."""

    op: str
    left: Expr
    right: Expr


class Compare(Expr, frozen=True):
    """Comparison: `op` is one of = != < <= > >=."""

    op: str
    left: Expr
    right: Expr


class Logic(Expr, frozen=True):
    """`and` or `or` (in `op`) over two or more operands, three-valued."""

    op: str
    operands: tuple[Expr, ...]


class Between(Expr, frozen=True):
    """`operand between low and high`, both ends included."""

    operand: Expr
    low: Expr
    high: Expr


class Range(Expr, frozen=True):
    """An interval literal; an end that is None is unbounded, as in `(< 5)`."""

    low: Expr | None
    high: Expr | None
    low_closed: bool
    high_closed: bool


class Test(Expr, frozen=True):
    """A unary test with an operator, such as `< 5`."""

    __test__ = False
    op: str
    operand: Expr


class In(Expr, frozen=True):
    """`operand in (test, ...)`: true when any test holds."""

    operand: Expr
    tests: tuple[Expr, ...]


class If(Expr, frozen=True):
    """`if condition then yes else no`; only `true` leads to `yes`."""

    condition: Expr
    yes: Expr
    no: Expr


class Items(Expr, frozen=True):
    """A list literal."""

    items: tuple[Expr, ...]


class Entries(Expr, frozen=True):
    """A context literal; later entries see earlier ones."""

    names: tuple[str, ...]
    values: tuple[Expr, ...]


class Filter(Expr, frozen=True):
    """`base[condition]`: an index from 1, or the items for which the condition is true."""

    base: Expr
    condition: Expr


class Call(Expr, frozen=True):
    """A built-in function by its name; `names` are given when arguments are named."""

    function: str
    arguments: tuple[Expr, ...]
    names: tuple[str, ...] = ()


class Invoke(Expr, frozen=True):
    """A call of a function that is itself a value."""

    function: Expr
    arguments: tuple[Expr, ...]
    names: tuple[str, ...] = ()


class Lambda(Expr, frozen=True):
    """`function(a, b) body`."""

    parameters: tuple[str, ...]
    body: Expr


class For(Expr, frozen=True):
    """`for a in A, b in B return body`; `partial` holds the results so far."""

    names: tuple[str, ...]
    sources: tuple[Expr, ...]
    body: Expr


class Quantified(Expr, frozen=True):
    """`some` or `every` (in `kind`) `a in A satisfies body`."""

    kind: str
    names: tuple[str, ...]
    sources: tuple[Expr, ...]
    body: Expr


class Span(Expr, frozen=True):
    """`low..high` as the source of a `for`: whole numbers or dates, up or down."""

    low: Expr
    high: Expr


class InstanceOf(Expr, frozen=True):
    """`operand instance of type`."""

    operand: Expr
    type: str


class Tests(Expr, frozen=True):
    """The unary tests of one cell; no tests at all is `-`, which always holds. `?` is the cell's input."""

    __test__ = False
    tests: tuple[Expr, ...]
    negated: bool = False


def children(expr: Expr) -> Iterator[Expr]:
    """The nodes directly below `expr`, in the order they are written."""
    for field in expr.__struct_fields__:
        value = getattr(expr, field)
        if isinstance(value, Expr):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Expr))


def names_in(expr: Expr) -> frozenset[str]:
    """The outer names that an expression reads.

    Examples
    --------
    >>> from tallystick.feel import parse
    >>> sorted(names_in(parse("for x in xs return x + rate", ["xs", "rate"])))
    ['rate', 'xs']
    """
    match expr:
        case Name(name):
            return frozenset((name,))
        case For(names, sources, body) | Quantified(_, names, sources, body):
            return _bound(names, sources) | (names_in(body) - {*names, "partial"})
        case Entries(names, values):
            return _bound(names, values)
        case Lambda(parameters, body):
            return names_in(body) - set(parameters)
        case Filter(base, condition):
            return names_in(base) | (names_in(condition) - {"item"})
        case _:
            return frozenset(name for child in children(expr) for name in names_in(child))


def _bound(names: tuple[str, ...], values: tuple[Expr, ...]) -> frozenset[str]:
    found: set[str] = set()
    for index, value in enumerate(values):
        found |= names_in(value) - set(names[:index])
    return frozenset(found)
