"""What compiled expressions call for lists, loops and ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tallystick.feel.budget import BUDGET
from tallystick.feel.civil import date_at, day_number, is_date
from tallystick.feel.operations import Interval, belongs, conjoin, disjoin, less

COUNT_MAX = 1_000_000
"""The most items that a loop gives or counts through."""
_COPY = 64
"""Copying so many items costs about one step."""


def item_member(item: Any, name: str, outer: Any) -> Any:
    """A name inside a filter: the item's member if it has one, else the outer value."""
    return item[name] if type(item) is dict and name in item else outer


def single(value: Any) -> Any:
    """The input of a cell: a list of one stands for its item."""
    return value[0] if type(value) is list and len(value) == 1 else value


def half_interval(low: Any, high: Any, low_closed: bool, high_closed: bool) -> Interval | None:
    """A range with one end; null when that end is null or of a type without order."""
    end = high if low is None else low
    return None if less(end, end) is None else Interval(low, high, low_closed, high_closed)


def input_test(value: Any, result: Any) -> bool | None:
    """A test that reads `?`: its own result where that is a boolean, else whether the input equals or belongs to it."""
    return result if result is None or type(result) is bool else belongs(value, result)


def cell_value_test(value: Any, result: Any) -> bool | None:
    """A cell whose expression does not read `?`: the input equals or belongs to the result, or the result is true."""
    if type(result) is bool and type(value) is not bool:
        return result if value is not None else None
    return belongs(value, result)


def indexed(base: Any, index: Decimal) -> Any:
    """The item at an index from 1, or from the end when negative; null outside."""
    items = base if type(base) is list else [base]
    position = int(index) if index.is_finite() and -COUNT_MAX * 100 < index < COUNT_MAX * 100 else 0
    if position != index or position == 0 or abs(position) > len(items):
        return None
    return items[position - 1 if position > 0 else position]


def filtered(base: Any, condition: Callable[[Any], Any]) -> Any:
    """The items for which the condition is true; a condition that is a number is an index, any other is null."""
    if base is None:
        return None
    items = base if type(base) is list else [base]
    if not items:
        # Whether the condition is an index shows without an item too.
        return None if type(condition(None)) is Decimal else []
    kept = []
    BUDGET.spend(len(items))
    for item in items:
        result = condition(item)
        if result is True:
            kept.append(item)
        elif type(result) is Decimal:
            return indexed(items, result)
        elif result is not None and result is not False:
            return None
    return kept


def folded(functions: tuple[Callable[[Any, Any], Any], ...], values: list[Any]) -> Any:
    """Values joined from the left, each pair by its function."""
    found = values[0]
    for function, value in zip(functions, values[1:], strict=True):
        found = function(found, value)
    return found


def counted(low: Any, high: Any) -> list[Any] | None:
    """The whole numbers or dates from `low` to `high`, up or down; null when they are none, or more than a million."""
    if type(low) is Decimal and type(high) is Decimal:
        if abs(high - low) >= COUNT_MAX or low != low.to_integral_value() or high != high.to_integral_value():
            return None
        step = 1 if low <= high else -1
        return [Decimal(number) for number in range(int(low), int(high) + step, step)]
    if is_date(low) and is_date(high):
        first, last = day_number(low), day_number(high)
        if abs(last - first) >= COUNT_MAX:
            return None
        step = 1 if first <= last else -1
        return [date_at(day) for day in range(first, last + step, step)]
    return None


def members(interval: Interval) -> list[Any] | None:
    """The whole numbers or dates within a range value."""
    found = counted(interval.low, interval.high)
    if found and not interval.low_closed:
        found = found[1:]
    if found and not interval.high_closed and found[-1] == interval.high:
        found = found[:-1]
    return found


def _combinations(sources: list[Callable[..., Any]], bound: tuple[Any, ...]) -> Iterable[tuple[Any, ...] | None]:
    """Every binding of the names, the last running fastest; None once when a source has no value."""
    source = sources[len(bound)](*bound)
    if type(source) is Interval:
        source = members(source)
    if source is None:
        yield None
        return
    last = len(bound) + 1 == len(sources)
    for item in source if type(source) is list else [source]:
        BUDGET.spend(1)
        if last:
            yield (*bound, item)
        else:
            yield from _combinations(sources, (*bound, item))


def looped(sources: list[Callable[..., Any]], body: Callable[..., Any]) -> list[Any] | None:
    """`for`: the results in order; each sees those before it as `partial`, which it must not keep."""
    results: list[Any] = []
    for bound in _combinations(sources, ()):
        if bound is None or len(results) >= COUNT_MAX:
            return None
        results.append(body(*bound, results))
    return results


def looped_keeping(sources: list[Callable[..., Any]], body: Callable[..., Any]) -> list[Any] | None:
    """`for` whose body may keep `partial`: each result gets a list of its own."""

    def copied(*bound: Any) -> Any:
        BUDGET.spend(len(bound[-1]) // _COPY)
        return body(*bound[:-1], list(bound[-1]))

    return looped(sources, copied)


def quantified(some: bool, sources: list[Callable[..., Any]], body: Callable[..., Any]) -> bool | None:
    """`some` and `every`, three-valued."""
    results: list[Any] = []
    for bound in _combinations(sources, ()):
        if bound is None:
            return None
        results.append(body(*bound))
    return disjoin(results) if some else conjoin(results)
