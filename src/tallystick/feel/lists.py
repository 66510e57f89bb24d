"""The built-in functions of lists; a wrong type or number of arguments gives null."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cmp_to_key, reduce
from typing import Any

from tallystick.feel.civil import DATES, MOMENTS, SPANS, TIMES, Months, instant, is_zoned
from tallystick.feel.numeric import EXACT
from tallystick.feel.operations import (
    COMPARED_MAX,
    NUMBERS,
    Function,
    Interval,
    conjoin,
    disjoin,
    equal,
    kind_of,
    less,
)
from tallystick.feel.registry import Registrar, whole

_builtin = Registrar()
BUILTINS = _builtin.found
ITEMS_MAX = 1_000_000
"""Items of the longest list that a built-in makes."""
_L = list
_HALF = NUMBERS.copy()
"""A few digits more than a result shows, so that it is rounded once."""
_HALF.prec = 50


def _on_list(name: str, item: str, *kinds: type) -> Callable[[Callable[[list[Any]], Any]], Callable[..., Any]]:
    """A function of one list, or of its items as arguments; with `kinds`, null unless all items are of one of them."""

    def register(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
        @_builtin(name, "list", f"{item}...")
        def call(*arguments: Any) -> Any:
            items = arguments[0] if len(arguments) == 1 and type(arguments[0]) is list else list(arguments)
            if kinds:
                found = set(map(type, items))
                found = found if found.issubset(kinds) else set(map(kind_of, items))
                if len(found) > 1 or not found.issubset(kinds):
                    return None
            return function(items)

        return call

    return register


_ORDERED = (Decimal, str, DATES[0], TIMES[0], MOMENTS[0], SPANS[0], Months)


def _extreme(items: list[Any], largest: bool) -> Any:
    best = items[0] if items else None
    for item in items[1:]:
        smaller = less(best, item) if largest else less(item, best)
        if smaller is None:
            return None
        best = item if smaller else best
    return best


_on_list("min", "c", *_ORDERED)(lambda items: _extreme(items, False))
_on_list("max", "c", *_ORDERED)(lambda items: _extreme(items, True))
_on_list("all", "b")(conjoin)
_on_list("any", "b")(disjoin)


def _exact(numbers: list[Decimal]) -> Decimal:
    return reduce(EXACT.add, numbers, Decimal(0))


@_on_list("sum", "n", Decimal)
def _sum(items: list[Decimal]) -> Decimal | None:
    return NUMBERS.plus(_exact(items)) if items else None


@_on_list("mean", "n", Decimal)
def _mean(items: list[Decimal]) -> Decimal | None:
    return NUMBERS.divide(_exact(items), Decimal(len(items))) if items else None


@_on_list("product", "n", Decimal)
def _product(items: list[Decimal]) -> Decimal | None:
    return NUMBERS.plus(reduce(NUMBERS.multiply, items)) if items else None


@_on_list("median", "n", Decimal)
def _median(items: list[Decimal]) -> Decimal | None:
    ranked = sorted(items)
    middle = len(ranked) // 2
    if not ranked:
        return None
    return ranked[middle] if len(ranked) % 2 else NUMBERS.divide(_exact(ranked[middle - 1 : middle + 1]), Decimal(2))


@_on_list("stddev", "n", Decimal)
def _stddev(items: list[Decimal]) -> Decimal | None:
    # The sample's deviation: the square root of (n Σx² - (Σx)²) / (n (n - 1)), exact but for the last two steps.
    count = len(items)
    if count < 2:
        return None
    total = _exact(items)
    squares = _exact([EXACT.multiply(item, item) for item in items])
    spread = EXACT.subtract(EXACT.multiply(Decimal(count), squares), EXACT.multiply(total, total))
    return NUMBERS.plus(_HALF.sqrt(_HALF.divide(spread, Decimal(count * (count - 1)))))


@_on_list("mode", "n", Decimal)
def _mode(items: list[Decimal]) -> list[Decimal]:
    counts: dict[Decimal, int] = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    most = max(counts.values(), default=0)
    return sorted(item for item, count in counts.items() if count == most)


@_builtin("count", "list", types=(_L,))
def _count(items: list[Any]) -> Decimal:
    return Decimal(len(items))


@_builtin("list contains", "list, element", types=(_L, Any))
def _list_contains(items: list[Any], element: Any) -> bool:
    return any(equal(item, element) is True for item in items)


@_builtin("append", "list, item...", types=(_L, Any))
def _append(items: list[Any], *more: Any) -> list[Any]:
    return _concatenate(items, list(more))


@_builtin("concatenate", "list...", types=(_L,))
def _concatenate(*lists: list[Any]) -> list[Any]:
    if sum(map(len, lists)) > ITEMS_MAX:
        raise OverflowError
    return [item for items in lists for item in items]


@_builtin("union", "list...", types=(_L,))
def _union(*lists: list[Any]) -> list[Any]:
    return _distinct(_concatenate(*lists))


@_builtin("reverse", "list", types=(_L,))
def _reverse(items: list[Any]) -> list[Any]:
    return items[::-1]


@_builtin("distinct values", "list", types=(_L,))
def _distinct(items: list[Any]) -> list[Any]:
    found: dict[Any, Any] = {}
    left = [COMPARED_MAX + ITEMS_MAX]
    for item in items:
        found.setdefault(_identity(item, left), item)
    return list(found.values())


def _identity(value: Any, left: list[int]) -> Any:
    """A key that two values share just when they are equal; `OverflowError` after `left` values."""
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError
    kind = type(value)
    if kind is list:
        return kind, tuple([_identity(item, left) for item in value])
    if kind is dict:
        return kind, frozenset([(key, _identity(item, left)) for key, item in value.items()])
    if kind in TIMES or kind in MOMENTS:
        return kind_of(value), instant(value), is_zoned(value)
    if kind is Interval:
        return kind, _identity(value.low, left), _identity(value.high, left), value.low_closed, value.high_closed
    return object() if kind is Function else (kind, value)


@_builtin("index of", "list, match", types=(_L, Any))
def _index_of(items: list[Any], match: Any) -> list[Decimal]:
    return [Decimal(index) for index, item in enumerate(items, 1) if equal(item, match) is True]


@_builtin("flatten", "list", types=(_L,))
def _flatten(items: list[Any]) -> list[Any] | None:
    flat: list[Any] = []
    waiting = items[::-1]
    while waiting:
        item = waiting.pop()
        if type(item) is list:
            waiting.extend(reversed(item))
        else:
            flat.append(item)
        if len(flat) + len(waiting) > ITEMS_MAX:
            return None
    return flat


def _index(items: list[Any], position: Decimal) -> int:
    """The Python index of a position from 1, or from the end when negative; `ValueError` outside."""
    index = whole(position)
    if not 0 < abs(index) <= len(items):
        raise ValueError(position)
    return index - 1 if index > 0 else len(items) + index


@_builtin("sublist", "list, start position, length?", types=(_L, Decimal, Decimal))
def _sublist(items: list[Any], start: Decimal, length: Decimal | None = None) -> list[Any] | None:
    first = _index(items, start)
    count = len(items) - first if length is None else whole(length)
    return items[first : first + count] if 0 < count <= len(items) - first else None


@_builtin("insert before", "list, position, newItem", types=(_L, Decimal, Any))
def _insert_before(items: list[Any], position: Decimal, item: Any) -> list[Any]:
    index = _index(items, position)
    return _concatenate(items[:index], [item], items[index:])


@_builtin("remove", "list, position", types=(_L, Decimal))
def _remove(items: list[Any], position: Decimal) -> list[Any]:
    index = _index(items, position)
    return [*items[:index], *items[index + 1 :]]


@_builtin("list replace", "list, position, newItem", types=(_L, Decimal, Any))
def _replace_at(items: list[Any], position: Decimal, item: Any) -> list[Any]:
    index = _index(items, position)
    return [*items[:index], item, *items[index + 1 :]]


@_builtin("list replace", "list, match, newItem", types=(_L, Function, Any))
def _replace_matches(items: list[Any], match: Function, item: Any) -> list[Any] | None:
    if len(match.parameters) != 2:
        return None
    matches = [match.call(old, item) for old in items]
    if any(type(found) is not bool for found in matches):
        return None
    return [item if found else old for old, found in zip(items, matches, strict=True)]


@_builtin("sort", "list, precedes", types=(_L, Function))
def _sort(items: list[Any], precedes: Function) -> list[Any] | None:
    if len(precedes.parameters) != 2:
        return None

    def order(a: Any, b: Any) -> int:
        before, after = precedes.call(a, b), precedes.call(b, a)
        if type(before) is not bool or type(after) is not bool:
            raise ValueError(before)
        return after - before

    return sorted(items, key=cmp_to_key(order))
