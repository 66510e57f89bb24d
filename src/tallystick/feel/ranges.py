"""The built-in functions that compare points and ranges, and the range that a text tells; else null."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tallystick.feel import temporal
from tallystick.feel.civil import DATES, MOMENTS, SPANS, TIMES, Months
from tallystick.feel.dates import BUILTINS as DATE_FUNCTIONS
from tallystick.feel.operations import NUMBERS, Interval, equal, interval, less
from tallystick.feel.registry import Registrar

_builtin = Registrar()
BUILTINS = _builtin.found
_POINTS = (Decimal, str, *DATES, *TIMES, *MOMENTS, *SPANS, Months)


class _Unordered(ValueError):
    """Two ends that cannot be compared."""


def _order(a: Any, b: Any, open_a: int = 0, open_b: int = 0) -> int:
    """-1, 0 or 1; an end that is None lies at the infinity of its sign."""
    if a is None or b is None:
        left, right = (open_a if a is None else 0), (open_b if b is None else 0)
        return (left > right) - (left < right)
    if equal(a, b) is True:
        return 0
    before = less(a, b)
    if before is None:
        raise _Unordered(a)
    return -1 if before else 1


def _starts(a: Interval, b: Interval) -> int:
    """How the starts of two ranges lie; one that is included comes before one that is not."""
    return _order(a.low, b.low, -1, -1) or b.low_closed - a.low_closed


def _ends(a: Interval, b: Interval) -> int:
    """How the ends of two ranges lie; one that is included comes after one that is not."""
    return _order(a.high, b.high, 1, 1) or a.high_closed - b.high_closed


def _apart(a: Interval, b: Interval) -> bool:
    """Whether `a` ends before `b` starts."""
    place = _order(a.high, b.low, 1, -1)
    return place < 0 or (place == 0 and not (a.high_closed and b.low_closed))


def _point(value: Any) -> Interval:
    return Interval(value, value, True, True)


def _register(name: str, *relations: tuple[str, Callable[[Interval, Interval], bool]]) -> None:
    """A function of points and ranges; each form's parameter names tell which are which."""
    for form, relation in relations:
        names = form.split(", ")
        types = tuple(Interval if parameter.startswith("range") else _POINTS for parameter in names)

        @_builtin(name, form, types=types)
        def call(a: Any, b: Any, relation: Callable[[Interval, Interval], bool] = relation) -> bool:
            return relation(
                a if type(a) is Interval else _point(a),
                b if type(b) is Interval else _point(b),
            )


def _meets(a: Interval, b: Interval) -> bool:
    return a.high_closed and b.low_closed and _order(a.high, b.low, 1, -1) == 0


def _overlaps(a: Interval, b: Interval) -> bool:
    return not _apart(a, b) and not _apart(b, a)


def _overlaps_before(a: Interval, b: Interval) -> bool:
    return _starts(a, b) < 0 and not _apart(a, b) and _ends(a, b) <= 0


def _overlaps_after(a: Interval, b: Interval) -> bool:
    return _starts(b, a) < 0 and not _apart(b, a) and _ends(b, a) <= 0


def _finishes(a: Interval, b: Interval) -> bool:
    return _ends(a, b) == 0 and _starts(a, b) >= 0


def _starts_with(a: Interval, b: Interval) -> bool:
    return _starts(a, b) == 0 and _ends(a, b) <= 0


def _includes(a: Interval, b: Interval) -> bool:
    return _starts(a, b) <= 0 and _ends(a, b) >= 0


def _coincides(a: Interval, b: Interval) -> bool:
    return _starts(a, b) == 0 == _ends(a, b)


def _swapped(relation: Callable[[Interval, Interval], bool]) -> Callable[[Interval, Interval], bool]:
    return lambda a, b: relation(b, a)


_PAIR = "range1, range2"
_ALL = ("point1, point2", "point, range", "range, point", _PAIR)
_register("before", *((form, _apart) for form in _ALL))
_register("after", *((form, _swapped(_apart)) for form in _ALL))
_register("meets", (_PAIR, _meets))
_register("met by", (_PAIR, _swapped(_meets)))
_register("overlaps", (_PAIR, _overlaps))
_register("overlaps before", (_PAIR, _overlaps_before))
_register("overlaps after", (_PAIR, _overlaps_after))
_register("finishes", ("point, range", lambda a, b: _ends(a, b) == 0), (_PAIR, _finishes))
_register("finished by", ("range, point", lambda a, b: _ends(a, b) == 0), (_PAIR, _swapped(_finishes)))
_register("includes", ("range, point", _includes), (_PAIR, _includes))
_register("during", ("point, range", _swapped(_includes)), (_PAIR, _swapped(_includes)))
_register("starts", ("point, range", lambda a, b: _starts(a, b) == 0), (_PAIR, _starts_with))
_register("started by", ("range, point", lambda a, b: _starts(a, b) == 0), (_PAIR, _swapped(_starts_with)))
_register("coincides", ("point1, point2", _coincides), (_PAIR, _coincides))

_END = r"(-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?|\"(?:[^\"\\]|\\.)*\"|(?:@|[a-z ]+\()\s*\"[^\"\\]*\"\s*\)?)?"
_RANGE = re.compile(rf"\s*([\[(\]])\s*{_END}\s*\.\.\s*{_END}\s*([\])\[])\s*", re.ASCII)
_LENGTH_MAX = 1_000


@_builtin("range", "from", types=(str,))
def _range(text: str) -> Interval | None:
    match = _RANGE.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    if match is None:
        return None
    opening, low_text, high_text, closing = match.groups()
    low_closed, high_closed = opening == "[", closing == "]"
    low, high = _endpoint(low_text), _endpoint(high_text)
    if (low is None) is not (low_text is None) or (high is None) is not (high_text is None):
        return None
    if low is not None and high is not None:
        return interval(low, high, low_closed, high_closed) if _order(low, high) <= 0 else None
    if (low is None and high is None) or (low is None and low_closed) or (high is None and high_closed):
        return None
    return Interval(low, high, low_closed, high_closed)


def _endpoint(text: str | None) -> Any:
    """A literal: a number, a string, a date or the like; None for what is none."""
    if text is None:
        return None
    if text[0] == '"':
        try:
            return json.loads(text, strict=False)
        except ValueError:
            return None
    if text[0] == "@":
        return temporal.literal(text[1:].strip().strip('"'))
    if text[-1] != ")":
        return NUMBERS.create_decimal(text)
    name, _, argument = text.partition("(")
    builtin = DATE_FUNCTIONS.get(name.strip())
    literal = builtin is not None and name.strip() in ("date", "time", "date and time", "duration")
    return builtin.call(argument[:-1].strip().strip('"')) if builtin is not None and literal else None
