"""More built-in functions by their plainest definition: dates, contexts, ranges, the deviation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Context, Decimal, localcontext
from typing import Any

from tests.feel.oracle_builtins import VARIADIC, add, numbers
from tests.feel.oracle_values import (
    DAY,
    SECOND,
    Date,
    Ends,
    Moment,
    Months,
    Span,
    Time,
    both,
    civil,
    compare,
    contains,
    day_of,
    either,
    equal,
    instant,
    kind,
    last_day,
    number,
    undecided,
)

# dates, times and durations


def made_date(year: Decimal, month: Decimal, day: Decimal) -> Any:
    year, month, day = (part.to_integral_value(ROUND_DOWN) for part in (year, month, day))
    if not 1 <= month <= 12:
        return None
    if not (-999_999_999 <= year <= 999_999_999 and 1 <= day <= last_day(int(year), int(month))):
        return None
    return Date(day_of(int(year), int(month), int(day)))


def made_time(hour: Decimal, minute: Decimal, second: Decimal, offset: Span | None = None) -> Any:
    hour, minute = (part.to_integral_value(ROUND_DOWN) for part in (hour, minute))
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return None
    zone = None if offset is None else offset.nanos // SECOND
    if zone is not None and abs(zone) > 14 * 3600:
        return None
    return Time((int(hour) * 60 + int(minute)) * 60 * SECOND + int(second * SECOND), zone)


def months_between(start: Any, end: Any) -> Any:
    a, b = (Moment(x.day * DAY, None) if isinstance(x, Date) else x for x in (start, end))
    sign, low, high = (1, a, b) if instant(a) <= instant(b) else (-1, b, a)
    (y1, m1, d1), (y2, m2, d2) = civil(low.local // DAY), civil(high.local // DAY)
    months = (y2 - y1) * 12 + m2 - m1
    return Months(sign * (months - ((d2, high.local % DAY) < (d1, low.local % DAY))))


def as_day(value: Any) -> int:
    return int(value.day if isinstance(value, Date) else value.local // DAY)


def week_of_year(value: Any) -> Decimal:
    day = as_day(value)
    thursday = day + 3 - (day - 1) % 7
    return Decimal((thursday - day_of(civil(thursday)[0], 1, 1)) // 7 + 1)


DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

add("date", "n:year,n:month,n:day", made_date)
add("date", "dm:from", lambda x: Date(as_day(x)))
add("date and time", "dm:date,t:time", lambda d, t: Moment(as_day(d) * DAY + t.nanos, t.zone))
add("time", "n:hour,n:minute,n:second", made_time)
add("time", "n:hour,n:minute,n:second,p?:offset", made_time)
add("years and months duration", "dm:from,dm:to", months_between)
add("day of year", "dm:date", lambda x: Decimal(as_day(x) - day_of(civil(as_day(x))[0], 1, 1) + 1))
add("day of week", "dm:date", lambda x: DAYS[(as_day(x) - 1) % 7])
add("month of year", "dm:date", lambda x: MONTHS[civil(as_day(x))[1] - 1])
add("week of year", "dm:date", week_of_year)


def _time_of(value: Any) -> Time:
    match value:
        case Time():
            return value
        case Moment(local, zone):
            return Time(local % DAY, zone)
    return Time(0, 0)


add("time", "tmd:from", _time_of)


# contexts


def context_put(context: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {**context, key: value}


def context_merge(contexts: list[Any]) -> Any:
    if not all(isinstance(context, dict) for context in contexts):
        return None
    return {name: value for context in contexts for name, value in context.items()}


def made_context(entries: list[Any]) -> Any:
    found: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not {"key", "value"} <= entry.keys() or not isinstance(entry["key"], str):
            return None
        if entry["key"] in found:
            return None
        found[entry["key"]] = entry["value"]
    return found


add("get value", "c:m,s:key", lambda c, key: c.get(key))
add("get entries", "c:m", lambda c: [{"key": name, "value": value} for name, value in c.items()])
add("context put", "c:context,s:key,a:value", context_put)
add("context merge", "l:contexts", context_merge)
add("context", "l:entries", made_context)


# ranges: table 78; a point is the range from itself to itself, but the forms are kept apart as the standard does


def _range(value: Any) -> Ends:
    return value if isinstance(value, Ends) else Ends(value, value, True, True)


def _less(a: Any, b: Any) -> bool | None:
    return compare("<", a, b)


def _same(a: Any, b: Any) -> bool | None:
    return None if compare("<", a, b) is None else equal(a, b)


def before(a: Ends, b: Ends) -> bool | None:
    return either(_less(a.high, b.low), both(_same(a.high, b.low), not (a.high_closed and b.low_closed)))


def includes(a: Ends, b: Ends) -> bool | None:
    low = either(_less(a.low, b.low), both(_same(a.low, b.low), a.low_closed or not b.low_closed))
    high = either(_less(b.high, a.high), both(_same(a.high, b.high), a.high_closed or not b.high_closed))
    return both(low, high)


def meets(a: Ends, b: Ends) -> bool | None:
    return both(_same(a.high, b.low), a.high_closed and b.low_closed)


def starts(a: Ends, b: Ends) -> bool | None:
    high = either(_less(a.high, b.high), both(_same(a.high, b.high), b.high_closed or not a.high_closed))
    return both(_same(a.low, b.low), a.low_closed == b.low_closed, high)


def finishes(a: Ends, b: Ends) -> bool | None:
    low = either(_less(b.low, a.low), both(_same(a.low, b.low), b.low_closed or not a.low_closed))
    return both(_same(a.high, b.high), a.high_closed == b.high_closed, low)


def overlaps(a: Ends, b: Ends) -> bool | None:
    first = either(_less(b.low, a.high), both(_same(b.low, a.high), b.low_closed and a.high_closed))
    second = either(_less(a.low, b.high), both(_same(a.low, b.high), a.low_closed and b.high_closed))
    return both(first, second)


def coincides(a: Ends, b: Ends) -> bool | None:
    closed = a.low_closed == b.low_closed and a.high_closed == b.high_closed
    return both(_same(a.low, b.low), _same(a.high, b.high), closed)


def _inside(ends: Ends, point: Any) -> bool | None:
    return None if ends.low is None and ends.high is None else contains(ends, point)


def point_or_range(act: Callable[[Ends, Ends], Any]) -> Callable[[Any, Any], Any]:
    def related(a: Any, b: Any) -> Any:
        first, second = _range(a), _range(b)
        ends = (first.low, first.high, second.low, second.high)
        if None in ends:
            undecided("Table 78: an undefined end")
        if len({kind(end) for end in ends}) > 1:
            undecided("Table 78: ends of different kinds")
        return act(first, second)

    return related


POINT = "nsdtmpy"
for _name, _relation in {"before": before, "coincides": coincides}.items():
    for _a, _b in ((POINT, POINT), (POINT, "r"), ("r", POINT), ("r", "r")):
        if _name == "before" or _a == _b:
            add(_name, f"{_a}:a,{_b}:b", point_or_range(_relation))
for _a, _b in ((POINT, POINT), (POINT, "r"), ("r", POINT), ("r", "r")):
    add("after", f"{_a}:a,{_b}:b", point_or_range(lambda a, b: before(b, a)))
for _name, _relation in {"meets": meets, "overlaps": overlaps}.items():
    add(_name, "r:range1,r:range2", point_or_range(_relation))
add("met by", "r:range1,r:range2", point_or_range(lambda a, b: meets(b, a)))
for _name, _relation in {"starts": starts, "finishes": finishes}.items():
    add(_name, "r:range1,r:range2", point_or_range(_relation))
add("started by", "r:range1,r:range2", point_or_range(lambda a, b: starts(b, a)))
add("finished by", "r:range1,r:range2", point_or_range(lambda a, b: finishes(b, a)))
add("includes", "r:range,r:range2", point_or_range(includes))
add("includes", f"r:range,{POINT}:point", _inside)
add("during", "r:range1,r:range2", point_or_range(lambda a, b: includes(b, a)))
add("during", f"{POINT}:point,r:range", lambda p, r: _inside(r, p))
add("starts", f"{POINT}:point,r:range", lambda p, r: both(_same(p, r.low), r.low_closed))
add("started by", f"r:range,{POINT}:point", lambda r, p: both(_same(p, r.low), r.low_closed))
add("finishes", f"{POINT}:point,r:range", lambda p, r: both(_same(p, r.high), r.high_closed))
add("finished by", f"r:range,{POINT}:point", lambda r, p: both(_same(p, r.high), r.high_closed))


def overlaps_before(a: Ends, b: Ends) -> bool | None:
    begins = either(_less(a.low, b.low), both(_same(a.low, b.low), a.low_closed and not b.low_closed))
    reaches = either(_less(b.low, a.high), both(_same(a.high, b.low), a.high_closed and b.low_closed))
    ends = either(_less(a.high, b.high), both(_same(a.high, b.high), b.high_closed or not a.high_closed))
    return both(begins, reaches, ends)


def overlaps_after(a: Ends, b: Ends) -> bool | None:
    begins = either(_less(b.low, a.low), both(_same(a.low, b.low), b.low_closed or not a.low_closed))
    reaches = either(_less(a.low, b.high), both(_same(a.low, b.high), a.low_closed and b.high_closed))
    ends = either(_less(b.high, a.high), both(_same(a.high, b.high), a.high_closed and not b.high_closed))
    return both(begins, reaches, ends)


add("overlaps before", "r:range1,r:range2", point_or_range(overlaps_before))
add("overlaps after", "r:range1,r:range2", point_or_range(overlaps_after))


def stddev(items: list[Decimal]) -> Decimal | None:
    if len(items) < 2:
        return None
    with localcontext(Context(prec=200)):
        centre = sum(items) / Decimal(len(items))
        exact = (sum((item - centre) ** 2 for item in items) / Decimal(len(items) - 1)).sqrt()
    return number(lambda: exact)


add("stddev", "l:list", numbers(stddev))
VARIADIC["stddev"] = numbers(stddev)
