"""The typed form of an expression: frozen records, walkable and comparable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from tallystick.feel.tokens import normal


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


class Unknown(Expr, frozen=True):
    """A name that is not in scope, where that is allowed: null."""

    name: str


class Unreadable(Expr, frozen=True):
    """An at-literal that is no date, time or duration: null."""

    text: str


class BuiltinName(Expr, frozen=True):
    """A built-in function as a value."""

    name: str


class ItemName(Expr, frozen=True):
    """A name inside a filter: the item's member if it has one, else `outer`, else null.

    In a filter within filters `outer` asks the item of the next filter around.
    """

    name: str
    outer: Name | ItemName | BuiltinName | None


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


class Chain(Expr, frozen=True):
    """Arithmetic of many operands from the left: `ops[0]` joins the first two, `ops[1]` the third to that."""

    ops: tuple[str, ...]
    operands: tuple[Expr, ...]


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
    """`operand in (test, ...)`: true when any test holds; in the tests `?` is the operand."""

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


class Kind(Expr, frozen=True):
    """Any type."""


class Plain(Kind, frozen=True):
    """A type by its name in the standard, such as `number`, `list` or `Any`."""

    name: str


class ListOf(Kind, frozen=True):
    """`list<item>`."""

    item: Kind


class RangeOf(Kind, frozen=True):
    """`range<end>`."""

    end: Kind


class ContextOf(Kind, frozen=True):
    """`context<a: number, ...>`: other members are allowed too."""

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]


class FunctionOf(Kind, frozen=True):
    """`function<number, ...> -> number`."""

    parameters: tuple[Kind, ...]
    result: Kind


class Declared(Kind, frozen=True):
    """A type that the model declares; `type` has `holds(value)`, or is None where the name is not known."""

    name: str
    type: Any = None


class Lambda(Expr, frozen=True):
    """`function(a: number, b) body`; `types` is empty when no parameter has one.

    `own` is the key of the context entry whose value this function is, where the body calls it.
    """

    parameters: tuple[str, ...]
    body: Expr
    types: tuple[Kind | None, ...] = ()
    own: str = ""


class External(Expr, frozen=True):
    """`function(a) external {java: {class: "...", method signature: "..."}}`."""

    parameters: tuple[str, ...]
    mapping: Expr
    types: tuple[Kind | None, ...] = ()


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
    type: Kind


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
        case For(names, sources, body):
            return _bound(names, sources) | (names_in(body) - {*names, "partial"})
        case Quantified(_, names, sources, body):
            return _bound(names, sources) | (names_in(body) - set(names))
        case Entries(names, values):
            return _bound(tuple(map(normal, names)), values)
        case Lambda(parameters, body, _, own):
            return names_in(body) - {*parameters, own}
        case Filter(base, condition):
            return names_in(base) | (names_in(condition) - {"item"})
        case In(operand, tests):
            return names_in(operand) | (_names(tests) - {"?"})
        case _:
            return _names(children(expr))


def _names(exprs: Iterable[Expr]) -> frozenset[str]:
    return frozenset(name for expr in exprs for name in names_in(expr))


def _bound(names: tuple[str, ...], values: tuple[Expr, ...]) -> frozenset[str]:
    found: set[str] = set()
    bound: set[str] = set()
    for name, value in zip(names, values, strict=True):
        found |= names_in(value) - bound
        bound.add(name)
    return frozenset(found)
