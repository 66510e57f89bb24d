"""What compiled expressions call for lists, functions, ranges and types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tallystick.feel.operations import DAY, Function, Interval, Months, belongs, conjoin, disjoin

COUNT_MAX = 1_000_000
_TYPES: dict[str, type] = {
    "number": Decimal,
    "string": str,
    "boolean": bool,
    "date": date,
    "date and time": datetime,
    "time": time,
    "days and time duration": timedelta,
    "years and months duration": Months,
    "list": list,
    "context": dict,
    "function": Function,
    "range": Interval,
}


def item_member(item: Any, name: str, outer: Any) -> Any:
    """A name inside a filter: the item's member if it has one, else the outer value."""
    return item[name] if type(item) is dict and name in item else outer


def single(value: Any) -> Any:
    """The input of a cell: a list of one stands for its item."""
    return value[0] if type(value) is list and len(value) == 1 else value


def half_interval(low: Any, high: Any, low_closed: bool, high_closed: bool) -> Interval | None:
    """A range with one end; null when that end is null."""
    return None if low is None and high is None else Interval(low, high, low_closed, high_closed)


def as_flag(value: Any) -> bool | None:
    """A test that reads `?` itself: its own result, or null when that is no boolean."""
    return value if type(value) is bool else None


def cell_value_test(value: Any, result: Any) -> bool | None:
    """A cell whose expression does not read `?`: the input equals or belongs to the result, or the result is true."""
    if type(result) is bool and type(value) is not bool:
        return result if value is not None else None
    return belongs(value, result)


def indexed(base: Any, index: Decimal) -> Any:
    """The item at an index from 1, or from the end when negative; null outside."""
    items = base if type(base) is list else [base]
    position = int(index)
    if position != index or position == 0 or abs(position) > len(items):
        return None
    return items[position - 1 if position > 0 else position]


def filtered(base: Any, condition: Callable[[Any], Any]) -> Any:
    """The items for which the condition is true; a condition that is a number is an index."""
    items = base if type(base) is list else [] if base is None else [base]
    kept = []
    for item in items:
        result = condition(item)
        if type(result) is Decimal:
            return indexed(items, result)
        if result is True:
            kept.append(item)
    return kept


def invoked(function: Any, names: tuple[str, ...], *arguments: Any) -> Any:
    """A call of a function value; null when it is none or the arguments do not fit."""
    if type(function) is not Function or len(arguments) != len(function.parameters):
        return None
    if not names:
        return function.call(*arguments)
    given = dict(zip(names, arguments, strict=True))
    if set(given) != set(function.parameters):
        return None
    return function.call(*(given[name] for name in function.parameters))


def counted(low: Any, high: Any) -> list[Any] | None:
    """The whole numbers or dates from `low` to `high`, up or down; null when they are none, or more than a million."""
    if type(low) is Decimal and type(high) is Decimal:
        if low != low.to_integral_value() or high != high.to_integral_value():
            return None
        if abs(high - low) >= COUNT_MAX:
            return None
        step = 1 if low <= high else -1
        return [Decimal(number) for number in range(int(low), int(high) + step, step)]
    if type(low) is date and type(high) is date:
        step = 1 if low <= high else -1
        return [low + index * step * DAY for index in range(abs((high - low).days) + 1)]
    return None


def _combinations(sources: list[Callable[..., Any]], bound: tuple[Any, ...]) -> Iterable[tuple[Any, ...] | None]:
    """Every binding of the names, the last running fastest; None once when a source is no list."""
    if len(bound) == len(sources):
        yield bound
        return
    source = sources[len(bound)](*bound)
    if type(source) is Interval:
        source = counted(source.low, source.high)
    if source is None:
        yield None
        return
    for item in source if type(source) is list else [source]:
        yield from _combinations(sources, (*bound, item))


def looped(sources: list[Callable[..., Any]], body: Callable[..., Any]) -> list[Any] | None:
    """`for`: the results in order; each sees those before it as `partial`."""
    results: list[Any] = []
    for bound in _combinations(sources, ()):
        if bound is None:
            return None
        results.append(body(*bound, results))
    return results


def quantified(some: bool, sources: list[Callable[..., Any]], body: Callable[..., Any]) -> bool | None:
    """`some` and `every`, three-valued."""
    results: list[Any] = []
    for bound in _combinations(sources, ()):
        if bound is None:
            return None
        results.append(body(*bound))
    return disjoin(results) if some else conjoin(results)


def instance_of(value: Any, kind: str) -> bool:
    """Whether a value is of a FEEL type; null is of no type but Null."""
    if value is None:
        return kind == "Null"
    if kind == "Any":
        return True
    outer, _, inner = kind.partition("<")
    if type(value) is not _TYPES.get(outer.strip()):
        return False
    inner = inner.rstrip("> ").strip()
    if not inner or inner == "Any":
        return True
    parts = [value.low, value.high] if isinstance(value, Interval) else value if isinstance(value, list) else []
    return all(instance_of(part, inner) for part in parts)
