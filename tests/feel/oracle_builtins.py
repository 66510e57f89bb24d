"""FEEL's built-in functions by their plainest definition (DMN 1.5 10.3.4); a wrong type or count gives null."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    localcontext,
)
from functools import cmp_to_key
from typing import Any

from tests.feel.oracle_values import (
    Func,
    Months,
    Span,
    both,
    compare,
    either,
    equal,
    kind,
    number,
    undecided,
)

KINDS = {
    "n": "number",
    "s": "string",
    "b": "boolean",
    "c": "context",
    "d": "Date",
    "t": "Time",
    "m": "Moment",
    "p": "Span",
    "y": "Months",
    "r": "Ends",
    "f": "Func",
}


@dataclass(frozen=True)
class Form:
    """One way to call a function: the kinds and names of its parameters."""

    kinds: tuple[str, ...]
    names: tuple[str, ...]
    act: Callable[..., Any]

    def bound(self, values: Sequence[Any]) -> list[Any] | None:
        if len(values) != len(self.kinds):
            return None
        found = []
        for wanted, value in zip(self.kinds, values, strict=True):
            fits, taken = _taken(wanted, value)
            if not fits:
                return None
            found.append(taken)
        return found


def _taken(wanted: str, value: Any) -> tuple[bool, Any]:
    """A value as a parameter of some kind, after the singleton conversions of 10.3.2.9.4."""
    if wanted == "a":
        return True, value
    if wanted.endswith("?"):
        return (True, None) if value is None else _taken(wanted[:-1], value)
    if value is None:
        return False, None
    if wanted == "l":
        return True, value if isinstance(value, list) else [value]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return any(kind(value) == KINDS[letter] for letter in wanted), value


FORMS: dict[str, list[Form]] = {}
VARIADIC: dict[str, Callable[[list[Any]], Any]] = {}


def add(name: str, signature: str, act: Callable[..., Any]) -> None:
    """`signature` is `kind:parameter name` for each parameter, with commas between."""
    parts = [part.strip().split(":") for part in signature.split(",")]
    form = Form(tuple(part[0] for part in parts), tuple(part[1] for part in parts), act)
    FORMS.setdefault(name, []).append(form)


def call(name: str, values: Sequence[Any], names: Sequence[str] = ()) -> Any:
    """The value of a built-in function."""
    if names:
        for form in FORMS.get(name, ()):
            if sorted(form.names) == sorted(names):
                bound = form.bound([values[names.index(parameter)] for parameter in form.names])
                if bound is not None:
                    return form.act(*bound)
        return None
    for form in FORMS.get(name, ()):
        bound = form.bound(values)
        if bound is not None:
            return form.act(*bound)
    if name in VARIADIC and len(values) > 1:
        return VARIADIC[name](list(values))
    return None


def whole(value: Decimal) -> bool:
    return value == value.to_integral_value()


# numbers


def rounding(mode: str) -> Callable[..., Any]:
    def act(value: Decimal, scale: Decimal = Decimal(0)) -> Any:
        scale = scale.to_integral_value(ROUND_DOWN)
        if not -6111 <= scale <= 6176:
            return None
        if -(value.as_tuple().exponent) <= scale:  # type: ignore[operator]
            return value
        return number(lambda: value.quantize(Decimal(1).scaleb(-int(scale)), rounding=mode))

    return act


for _name, _mode in {
    "decimal": ROUND_HALF_EVEN,
    "floor": ROUND_FLOOR,
    "ceiling": ROUND_CEILING,
    "round up": ROUND_UP,
    "round down": ROUND_DOWN,
    "round half up": ROUND_HALF_UP,
    "round half down": ROUND_HALF_DOWN,
}.items():
    add(_name, "n:n,n:scale", rounding(_mode))
for _name, _mode in {"floor": ROUND_FLOOR, "ceiling": ROUND_CEILING}.items():
    add(_name, "n:n", rounding(_mode))
add(
    "abs",
    "npy:n",
    lambda n: (
        n.copy_abs() if isinstance(n, Decimal) else Span(abs(n.nanos)) if isinstance(n, Span) else Months(abs(n.months))
    ),
)


def _odd(value: Decimal) -> bool:
    return int(value) % 2 == 1 if whole(value) else bool(undecided("Table 76: neither odd nor even"))


def modulo(dividend: Decimal, divisor: Decimal) -> Any:
    if divisor == 0:
        return None
    with localcontext(Context(prec=200)):
        exact = dividend - divisor * (dividend / divisor).to_integral_value(ROUND_FLOOR)
    return number(lambda: exact)


add("modulo", "n:dividend,n:divisor", modulo)
add("sqrt", "n:number", lambda n: None if n < 0 else number(n.sqrt))
add("log", "n:number", lambda n: None if n <= 0 else number(n.ln))
add("exp", "n:number", lambda n: number(n.exp))
add("odd", "n:number", _odd)
add("even", "n:number", lambda n: not _odd(n))

# strings


def substring(text: str, start: Decimal, length: Decimal | None = None) -> Any:
    start = start.to_integral_value(ROUND_DOWN)
    if start == 0 or abs(start) > len(text):
        return None
    begin = int(start) - 1 if start > 0 else len(text) + int(start)
    if length is None:
        return text[begin:]
    length = length.to_integral_value(ROUND_DOWN)
    if length > len(text) - begin:
        undecided("Table 74, footnote 1: null, where engines give the rest")
    return text[begin : begin + int(length)] if length >= 1 else None


add("substring", "s:string,n:start position", substring)
add("substring", "s:string,n:start position,n?:length", substring)
add("string length", "s:string", lambda s: Decimal(len(s)))
add("upper case", "s:string", str.upper)
add("lower case", "s:string", str.lower)
add("substring before", "s:string,s:match", lambda s, m: s.partition(m)[0] if m and m in s else "")
add("substring after", "s:string,s:match", lambda s, m: s if m == "" else s.partition(m)[2])
add("contains", "s:string,s:match", lambda s, m: m in s)
add("starts with", "s:string,s:match", str.startswith)
add("ends with", "s:string,s:match", str.endswith)
add("matches", "s:input,s:pattern", lambda s, p: re.search(p, s) is not None)
add("replace", "s:input,s:pattern,s:replacement", lambda s, p, r: re.sub(p, r, s))
add("split", "s:string,s:delimiter", lambda s, d: re.split(d, s))


def string_join(items: list[Any], delimiter: str | None = None) -> Any:
    texts = [item for item in items if item is not None]
    return (delimiter or "").join(texts) if all(isinstance(text, str) for text in texts) else None


add("string join", "l:list,s?:delimiter", string_join)
add("string join", "l:list", string_join)

# lists


def numbers(act: Callable[[list[Decimal]], Any]) -> Callable[[list[Any]], Any]:
    def checked(items: list[Any]) -> Any:
        return act(items) if items and all(isinstance(item, Decimal) for item in items) else None

    return checked


def least(op: str) -> Callable[[list[Any]], Any]:
    def act(items: list[Any]) -> Any:
        if not items or any(compare(op, item, items[0]) is None for item in items):
            return None
        found = items[0]
        for item in items[1:]:
            found = item if compare(op, item, found) else found
        return found

    return act


def exact(items: list[Decimal]) -> Decimal:
    """The sum with all its digits: what is asked of it is rounded once."""
    with localcontext(Context(prec=20_000, Emin=-999_999, Emax=999_999)):
        return sum(items, Decimal(0))


def total(items: list[Decimal]) -> Decimal | None:
    return number(lambda: exact(items))


def product(items: list[Decimal]) -> Decimal | None:
    found: Decimal | None = Decimal(1)
    for item in items:
        found = None if found is None else number(lambda a=found, b=item: a * b)  # type: ignore[misc]
    return found


def mean(items: list[Decimal]) -> Decimal | None:
    return number(lambda: exact(items) / len(items))


def median(items: list[Decimal]) -> Decimal | None:
    ordered = sorted(items)
    middle = len(items) // 2
    return ordered[middle] if len(items) % 2 else number(lambda: (ordered[middle - 1] + ordered[middle]) / 2)


def mode(items: list[Any]) -> Any:
    if not all(isinstance(item, Decimal) for item in items):
        return None
    counts = {item: items.count(item) for item in items}
    return sorted(item for item, count in counts.items() if count == max(counts.values()))


def distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if not has(found, item):
            found.append(item)
    return found


def has(items: list[Any], value: Any) -> bool:
    return any(equal(item, value) is True for item in items)


def flatten(items: list[Any]) -> list[Any]:
    return [leaf for item in items for leaf in (flatten(item) if isinstance(item, list) else [item])]


def place(items: list[Any], position: Decimal) -> int | None:
    """The index from 0 of a position from 1, or from the end when it is negative."""
    position = position.to_integral_value(ROUND_DOWN)
    if position == 0 or abs(position) > len(items):
        return None
    return int(position) - 1 if position > 0 else len(items) + int(position)


def sublist(items: list[Any], start: Decimal, length: Decimal | None = None) -> Any:
    begin = place(items, start)
    if begin is None:
        return None
    if length is None:
        return items[begin:]
    length = length.to_integral_value(ROUND_DOWN)
    fits = 1 <= length <= len(items) - begin
    return items[begin : begin + int(length)] if fits else None


def inserted(items: list[Any], position: Decimal, item: Any) -> Any:
    at = place(items, position)
    return None if at is None else [*items[:at], item, *items[at:]]


def removed(items: list[Any], position: Decimal) -> Any:
    at = place(items, position)
    return None if at is None else items[:at] + items[at + 1 :]


def replaced(items: list[Any], where: Any, item: Any) -> Any:
    if isinstance(where, Func):
        if where.parameters is None or len(where.parameters) != 2:
            return None
        marks = [where.call(old, item) for old in items]
        if not all(isinstance(mark, bool) for mark in marks):
            return None
        return [item if mark else old for old, mark in zip(items, marks, strict=True)]
    at = place(items, where)
    return None if at is None else [*items[:at], item, *items[at + 1 :]]


def sort(items: list[Any], precedes: Func) -> Any:
    if any(not isinstance(precedes.call(a, b), bool) for a in items for b in items) and len(items) > 1:
        return None

    def order(a: Any, b: Any) -> int:
        return -1 if precedes.call(a, b) is True else 1 if precedes.call(b, a) is True else 0

    return sorted(items, key=cmp_to_key(order))


add("list contains", "l:list,a:element", has)
add("count", "l:list", lambda items: Decimal(len(items)))
VARIADIC["count"] = lambda items: Decimal(len(items))
for _name, _act in {
    "min": least("<"),
    "max": least(">"),
    "sum": numbers(total),
    "mean": numbers(mean),
    "product": numbers(product),
    "median": numbers(median),
    "mode": mode,
    "all": lambda items: both(*items),
    "any": lambda items: either(*items),
}.items():
    add(_name, "l:list", _act)
    VARIADIC[_name] = _act
add("sublist", "l:list,n:start position", sublist)
add("sublist", "l:list,n:start position,n:length", sublist)
add("insert before", "l:list,n:position,a:newItem", inserted)
add("remove", "l:list,n:position", removed)
add("list replace", "l:list,nf:position,a:newItem", replaced)
add("reverse", "l:list", lambda items: items[::-1])
add("index of", "l:list,a:match", lambda items, m: [Decimal(i + 1) for i, x in enumerate(items) if equal(x, m) is True])
add("distinct values", "l:list", distinct)
add("flatten", "l:list", flatten)
add("sort", "l:list,f:precedes", sort)
add("append", "l:list,a:item", lambda items, item: [*items, item])
add("append", "l:list,a:item,a:item2", lambda items, a, b: [*items, a, b])
add("concatenate", "l:a,l:b", lambda a, b: a + b)
add("union", "l:a,l:b", lambda a, b: distinct(a + b))
add("not", "a:negand", lambda b: None if not isinstance(b, bool) else not b)
